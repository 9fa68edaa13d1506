"""The use cases of one-time codes: issue one, take it, say on both sides that the person is right, tie the account."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from db.applications import find_open_application
from db.codes import new_code
from db.models import Account, Role, RoleGrant, SignInCode
from db.officers import (
    add_sign_in_code,
    count_try,
    find_sign_in_code,
    forget_second_factor,
    holds_role_from_now,
    list_grants,
    list_grants_to_come,
    void_codes,
)
from db.people import find_membership, list_accounts
from db.units import list_ancestors
from handlers.access import REACHES_DOWN, RIGHTS, Actor, NotAllowed, Right, demand
from handlers.errors import Outdated, UserError
from handlers.notify import choose_account
from handlers.officers.rules import CODE_LIFETIME, TRIES, TRY_WINDOW, grantable


def list_managing_roles(session: Session, actor: Actor, unit_id: int, today: date) -> set[Role]:
    """The roles by which the actor manages the officers of a unit."""
    above = {unit.unit_id for unit in list_ancestors(session, unit_id, today)}
    return {
        grant.role
        for grant in actor.grants
        if Right.MANAGE_OFFICERS in RIGHTS[grant.role]
        and (grant.unit_id == unit_id or (grant.role in REACHES_DOWN and grant.unit_id in above))
    }


def may_manage(session: Session, actor: Actor, grant: RoleGrant, today: date) -> bool:
    """Whether a role is one that the actor may give where it is held, and so also end."""
    return grant.role in grantable(list_managing_roles(session, actor, grant.unit_id, today))


def check_may_issue(session: Session, actor: Actor, person_id: int, now: datetime, today: date) -> None:
    """Raises `UserError` unless every role of a person, now and to come, is one the actor may give: whoever issues a
    code may be the one who uses it, and must gain nothing by that."""
    held = list_grants_to_come(session, person_id, now, today)
    if not all(may_manage(session, actor, grant, today) for grant in held):
        raise UserError("officers.ask_above")


def issue_code(session: Session, person_id: int, issued_by_id: int | None, now: datetime) -> tuple[str, SignInCode]:
    """A new one-time code for a person; older ones of theirs hold no longer."""
    void_codes(session, person_id, now)
    code = new_code()
    return code, add_sign_in_code(session, code, person_id, issued_by_id, now, CODE_LIFETIME)


def reissue(session: Session, actor: Actor, grant: RoleGrant, now: datetime, today: date) -> str:
    """A new code for an officer who lost their phone: their second factor is forgotten and set up anew."""
    demand(session, actor, Right.MANAGE_OFFICERS, grant.unit_id, today)
    check_may_issue(session, actor, grant.person_id, now, today)
    forget_second_factor(session, grant.person_id)
    return issue_code(session, grant.person_id, actor.person_id, now)[0]


def issue_member_code(session: Session, actor: Actor, person_id: int, now: datetime, today: date) -> str:
    """A code for a member who has no channel, such as one of an imported list. Whoever has one is never given another
    by an officer: it would open their talk. Raises `NotAllowed`, `UserError`, and `Outdated`."""
    membership = find_membership(session, person_id, today)
    if membership is None or holds_role_from_now(session, person_id, now, today):
        raise Outdated
    demand(session, actor, Right.CHANGE_MEMBERS, membership.unit_id, today)
    if person_id == actor.person_id:
        raise NotAllowed
    if list_accounts(session, person_id):
        raise UserError("officers.has_channel")
    return issue_code(session, person_id, actor.person_id, now)[0]


def use_code(session: Session, account: Account, code: str | None, now: datetime, today: date) -> SignInCode | None:
    """Take a one-time code typed on an account; None when it is wrong, used or too old. Every try counts, and after
    five within an hour the account must wait (`UserError`). A taken code has as long again to be confirmed."""
    tries = count_try(session, f"sign_in:{account.id}", TRY_WINDOW, now)
    if tries > TRIES:
        raise UserError("officers.too_many_tries")
    row = find_sign_in_code(session, code, now) if code else None
    if row is None:
        return None
    if not _may_be_tied(session, account, row, now, today):
        raise UserError("officers.other_person")
    row.account_id, row.used_at, row.expires_at = account.id, now, now + CODE_LIFETIME
    account.is_signing_in = True
    return row


def _may_be_tied(session: Session, account: Account, row: SignInCode, now: datetime, today: date) -> bool:
    """Whether an account is nobody's, theirs already, or of somebody of whom nothing is left but an old application."""
    if account.person_id in (None, row.person_id):
        return True
    return not (
        holds_role_from_now(session, account.person_id, now, today)
        or find_membership(session, account.person_id, today)
        or find_open_application(session, account.person_id)
    )


def get_own_code(session: Session, code_id: int, account: Account, now: datetime) -> SignInCode:
    """A code typed on this account that nobody claimed or decided yet. Raises `Outdated`."""
    row = _get_waiting(session, code_id, now)
    if row.account_id != account.id or row.claimed_at:
        raise Outdated
    return row


def _get_waiting(session: Session, code_id: int, now: datetime) -> SignInCode:
    row = session.get(SignInCode, code_id, with_for_update=True, populate_existing=True)
    if row is None or row.used_at is None or row.confirmed_at or row.refused_at or row.expires_at <= now:
        raise Outdated
    return row


def find_voucher(session: Session, row: SignInCode, account: Account, now: datetime, today: date) -> Account | None:
    """The person's own channel that must agree before a further one is let in: else whoever issued the code could read
    what a member told in confidence. None when the account is theirs already, when they have no other, and when an
    administrator above all their roles issued it: who lost every channel has nobody else to turn to."""
    own = choose_account(session, row.person_id)
    if account.person_id == row.person_id or own is None or row.issued_by_id is None:
        return None
    issuer = Actor(row.issued_by_id, tuple(list_grants(session, row.issued_by_id, now, today)))
    held = list_grants_to_come(session, row.person_id, now, today)
    is_administrator = all(
        Role.ADMINISTRATOR in list_managing_roles(session, issuer, grant.unit_id, today) for grant in held
    )
    return None if held and is_administrator else own


def get_code_to_vouch(session: Session, code_id: int, account: Account, now: datetime) -> SignInCode:
    """A code typed elsewhere in the name of this account's person, who is asked whether that was them. Raises
    `Outdated`."""
    row = _get_waiting(session, code_id, now)
    if account.person_id != row.person_id or row.account_id == account.id or row.claimed_at:
        raise Outdated
    return row


def get_code_to_decide(session: Session, code_id: int, actor: Actor, now: datetime) -> SignInCode:
    """A claimed code that this officer issued and nobody decided yet. Raises `Outdated`."""
    row = _get_waiting(session, code_id, now)
    if row.issued_by_id != actor.person_id or not row.claimed_at:
        raise Outdated
    return row


def claim_code(row: SignInCode, now: datetime) -> None:
    """Whoever typed the code says that it names them, and so does their own channel where they have one."""
    row.claimed_at = now


def confirm_sign_in(session: Session, row: SignInCode, now: datetime, today: date) -> Account:
    """Tie the account to the person of the code, as a member's where they hold no role. Raises `Outdated` when there
    is nothing left to tie it to, or it became somebody else's meanwhile."""
    account = session.get(Account, row.account_id, with_for_update=True, populate_existing=True)
    if account is None or not _may_be_tied(session, account, row, now, today):
        raise Outdated
    has_role = bool(list_grants(session, row.person_id, now, today))
    if not has_role and find_membership(session, row.person_id, today) is None:
        raise Outdated
    row.confirmed_at = now
    account.person_id, account.needs_sign_in = row.person_id, not has_role
    return account


def refuse_sign_in(row: SignInCode, now: datetime) -> None:
    """The wrong person used the code: it is spent, and ties nothing."""
    row.refused_at = now


def may_sign_out(session: Session, account: Account, now: datetime, today: date) -> bool:
    """Whether somebody can come back after signing out: officers by a new code. A member would lose their own page."""
    person_id = account.person_id
    if person_id is None or holds_role_from_now(session, person_id, now, today):
        return True
    return find_membership(session, person_id, today) is None and find_open_application(session, person_id) is None


def sign_out(account: Account) -> None:
    """Untie an account from its person."""
    account.person_id, account.needs_sign_in = None, False
    account.second_factor_at = None


def list_others(session: Session, account: Account) -> list[Account]:
    """The other channels of an account's person that can be told something."""
    own = list_accounts(session, account.person_id) if account.person_id is not None else []
    return [one for one in own if one.id != account.id and one.unreachable_since is None]
