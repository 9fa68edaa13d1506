"""The use cases of the desk: issue and use a one-time code, confirm it, give and end a role, hand over."""

from dataclasses import dataclass
from datetime import date, datetime

import pyotp
from sqlalchemy.orm import Session

from db.codes import new_code
from db.models import (
    Account,
    Application,
    Person,
    Role,
    RoleGrant,
    SecondFactor,
    SignInCode,
    UnitPeriod,
)
from db.officers import (
    add_grant,
    add_sign_in_code,
    count_try,
    end_grant,
    find_second_factor,
    find_sign_in_code,
    forget_second_factor,
    last_confirmed_at,
    list_grants,
    list_officers,
    void_codes,
)
from db.people import list_open_handled
from db.units import find_period, list_ancestors
from handlers.access import REACHES_DOWN, RIGHTS, Actor, Right, demand, may
from handlers.errors import Outdated, UserError
from handlers.officers.rules import (
    CODE_LIFETIME,
    ENROL_WITHIN,
    OTP_TRIES,
    OTP_WINDOW,
    TRIES,
    TRY_WINDOW,
    roles_to_give,
)

_OTP_STEP_SECONDS = 30


@dataclass(frozen=True)
class Invitation:
    """A one-time code just issued: the code itself is shown once and stored nowhere."""

    code: str
    row: SignInCode
    grant: RoleGrant


def issue_code(session: Session, person_id: int, issued_by_id: int | None, now: datetime) -> tuple[str, SignInCode]:
    """A new one-time code for a person; older ones of theirs hold no longer."""
    void_codes(session, person_id, now)
    code = new_code()
    return code, add_sign_in_code(session, code, person_id, issued_by_id, now, CODE_LIFETIME)


def use_code(session: Session, account: Account, code: str | None, now: datetime) -> SignInCode | None:
    """Take a one-time code typed on an account; None when it is wrong, used or too old. Every try counts, and after
    five within an hour the account must wait (`UserError`)."""
    tries = count_try(session, f"sign_in:{account.id}", TRY_WINDOW, now)
    if tries > TRIES:
        raise UserError("officers.too_many_tries")
    row = find_sign_in_code(session, code, now) if code else None
    if row is None:
        return None
    if account.person_id not in (None, row.person_id):
        raise UserError("officers.other_person")
    row.account_id, row.used_at = account.id, now
    account.is_signing_in = True
    return row


def get_own_code(session: Session, code_id: int, account: Account) -> SignInCode:
    """A code typed on this account and not decided yet. Raises `Outdated`."""
    row = session.get(SignInCode, code_id, with_for_update=True)
    if row is None or row.account_id != account.id or row.confirmed_at or row.refused_at:
        raise Outdated
    return row


def get_code_to_decide(session: Session, code_id: int, actor: Actor) -> SignInCode:
    """A claimed code that this officer issued and nobody decided yet. Raises `Outdated`."""
    row = session.get(SignInCode, code_id, with_for_update=True)
    if row is None or row.issued_by_id != actor.person_id or row.confirmed_at or row.refused_at or not row.claimed_at:
        raise Outdated
    return row


def claim_code(row: SignInCode, now: datetime) -> None:
    """Whoever typed the code says that it names them."""
    row.claimed_at = now


def confirm_sign_in(session: Session, row: SignInCode, now: datetime, today: date) -> Account:
    """Tie the account to the person of the code. Raises `Outdated` when their roles have ended meanwhile."""
    account = session.get(Account, row.account_id)
    if account is None or not list_grants(session, row.person_id, now, today):
        raise Outdated
    row.confirmed_at = now
    account.person_id, account.needs_sign_in = row.person_id, False
    return account


def refuse_sign_in(row: SignInCode, now: datetime) -> None:
    """The wrong person used the code: it is spent, and ties nothing."""
    row.refused_at = now


def sign_out(account: Account) -> None:
    """Untie an account from its person."""
    account.person_id, account.needs_sign_in = None, False
    account.second_factor_at = None


def list_roles_to_give(session: Session, actor: Actor, unit_id: int, today: date) -> list[Role]:
    """The roles the actor may give at a unit; empty when none."""
    period = find_period(session, unit_id, today)
    if period is None or not may(session, actor, Right.MANAGE_OFFICERS, unit_id, today):
        return []
    above = {unit.unit_id for unit in list_ancestors(session, unit_id, today)}
    held = {
        grant.role
        for grant in actor.grants
        if Right.MANAGE_OFFICERS in RIGHTS[grant.role]
        and (grant.unit_id == unit_id or (grant.role in REACHES_DOWN and grant.unit_id in above))
    }
    return roles_to_give(held, period.level)


def invite(
    session: Session,
    actor: Actor,
    person: Person,
    unit_id: int,
    role: Role,
    is_paid_by_employer: bool,
    now: datetime,
    today: date,
    to_on: date | None = None,
) -> Invitation:
    """Give a person a role at a unit and issue their code. Raises `NotAllowed` for a role the actor may not give."""
    demand(session, actor, Right.MANAGE_OFFICERS, unit_id, today)
    if role not in list_roles_to_give(session, actor, unit_id, today):
        raise UserError("officers.role_not_yours")
    same = [g for g in list_grants(session, person.id, now, today) if (g.unit_id, g.role) == (unit_id, role)]
    payer = find_employer_unit(session, unit_id, today) if is_paid_by_employer else None
    grant = (
        same[0]
        if same
        else add_grant(session, person, unit_id, role, today, now, to_on, payer, granted_by_id=actor.person_id)
    )
    code, row = issue_code(session, person.id, actor.person_id, now)
    return Invitation(code, row, grant)


def find_employer_unit(session: Session, unit_id: int, today: date) -> int | None:
    """The unit whose employer pays an officer who is on the employer's payroll: the unit itself or the nearest above
    that faces an employer."""
    for period in filter(None, [find_period(session, unit_id, today), *list_ancestors(session, unit_id, today)]):
        if period.employer:
            return period.unit_id
    return unit_id


def get_grant(session: Session, actor: Actor, grant_id: int, now: datetime, today: date) -> RoleGrant:
    """A role that is in force, at a unit the actor may see. Raises `Outdated` or `NotAllowed`."""
    grant = session.get(RoleGrant, grant_id)
    if grant is None or grant not in list_grants(session, grant.person_id, now, today):
        raise Outdated
    demand(session, actor, Right.SEE_UNIT, grant.unit_id, today)
    return grant


def list_successors(session: Session, grant: RoleGrant, now: datetime, today: date) -> list[RoleGrant]:
    """Who could take over: those who decide applications at the unit, or else at the nearest unit above with any."""
    deciding = [role for role in Role if Right.DECIDE_APPLICATIONS in RIGHTS[role]]
    places = [grant.unit_id, *(unit.unit_id for unit in list_ancestors(session, grant.unit_id, today))]
    for place in places:
        found = list_officers(session, [place], deciding, now, today)
        others = [other for other in found if other.person_id != grant.person_id]
        if others:
            return others
    return []


@dataclass(frozen=True)
class InHand:
    """What an officer holds that must not be orphaned by the end of one role."""

    applications: list[Application]
    is_last: bool
    """No other officer decides at this unit: its applications are then decided one level above."""


def list_in_hand(session: Session, grant: RoleGrant, now: datetime, today: date) -> InHand:
    """The open applications this officer took up at the unit of a role, and whether the unit keeps an officer."""
    deciding = [role for role in Role if Right.DECIDE_APPLICATIONS in RIGHTS[role]]
    others = list_officers(session, [grant.unit_id], deciding, now, today)
    is_last = all(other.id == grant.id or other.person_id == grant.person_id for other in others)
    return InHand(list_open_handled(session, grant.person_id, grant.unit_id), is_last)


def hand_over(
    session: Session, actor: Actor, grant: RoleGrant, successor_id: int | None, now: datetime, today: date
) -> int:
    """End a role this minute; what its officer had taken up goes to the successor, or back to those who decide at the
    unit. Returns how many applications moved. Raises `NotAllowed`, and `Outdated` for a successor without the right."""
    if grant.person_id != actor.person_id:
        demand(session, actor, Right.MANAGE_OFFICERS, grant.unit_id, today)
    if successor_id is not None and successor_id not in {
        other.person_id for other in list_successors(session, grant, now, today)
    }:
        raise Outdated
    in_hand = list_in_hand(session, grant, now, today).applications
    for application in in_hand:
        application.handled_by_id = successor_id
    end_grant(grant, now, actor.person_id)
    return len(in_hand)


def begin_second_factor(session: Session, account: Account, now: datetime) -> str:
    """The secret to enter into an authenticator: the one begun before, or a new one. Raises `UserError` when the last
    confirmed sign-in is too long ago, since then anybody holding the session could set up their own."""
    assert account.person_id is not None  # noqa: S101  # an actor has a person
    factor = find_second_factor(session, account.person_id)
    if factor is not None and factor.confirmed_at is None:
        return factor.secret
    signed_in_at = last_confirmed_at(session, account.id)
    if factor is not None or signed_in_at is None or now - signed_in_at > ENROL_WITHIN:
        raise UserError("officers.sign_in_again")
    factor = SecondFactor(person_id=account.person_id, secret=pyotp.random_base32(), last_step=0)
    session.add(factor)
    return factor.secret


def needs_enrolment(session: Session, person_id: int) -> bool:
    """Whether a person has no confirmed second factor yet."""
    factor = find_second_factor(session, person_id)
    return factor is None or factor.confirmed_at is None


def check_second_factor(session: Session, account: Account, typed: str, now: datetime) -> bool:
    """Whether the six digits are right now; a step once used is never taken again (RFC 6238 §5.2). Raises `UserError`
    after five tries within a quarter of an hour."""
    assert account.person_id is not None  # noqa: S101  # an actor has a person
    if count_try(session, f"otp:{account.person_id}", OTP_WINDOW, now) > OTP_TRIES:
        raise UserError("officers.too_many_tries")
    factor = find_second_factor(session, account.person_id)
    if factor is None:
        return False
    totp = pyotp.TOTP(factor.secret)
    step = int(now.timestamp()) // _OTP_STEP_SECONDS
    for candidate in (step - 1, step, step + 1):
        if candidate > factor.last_step and pyotp.utils.strings_equal(totp.generate_otp(candidate), typed):
            factor.last_step = candidate
            factor.confirmed_at = factor.confirmed_at or now
            account.second_factor_at = now
            return True
    return False


def reissue(session: Session, actor: Actor, grant: RoleGrant, now: datetime, today: date) -> str:
    """A new code for an officer who lost their phone: their second factor is forgotten and set up anew."""
    demand(session, actor, Right.MANAGE_OFFICERS, grant.unit_id, today)
    forget_second_factor(session, grant.person_id)
    return issue_code(session, grant.person_id, actor.person_id, now)[0]


def describe_path(session: Session, period: UnitPeriod, today: date) -> str:
    """The unit's name with the one right above it, which tells namesakes apart."""
    above = list_ancestors(session, period.unit_id, today)
    return f"{period.name} – {above[0].name}" if above else period.name
