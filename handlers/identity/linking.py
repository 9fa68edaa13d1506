"""The use cases of a person's channels: tie a further one by a code, choose one for notices, untie one."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from db.conversations import forget_draft
from db.links import add_link_code, find_link, find_link_code, forget_link
from db.models import Account, LinkCode, Person
from db.officers import count_tries, count_try, holds_role_from_now
from db.privacy import adopt_consents
from handlers.consents import ABROAD, has_consented, record_consent
from handlers.errors import Outdated, UserError
from handlers.identity.rules import (
    CODE_LIFETIME,
    CONFIRM_WITHIN,
    TRIES,
    TRY_WINDOW,
    WRONG_TRIES_OF_ALL,
    WRONG_WINDOW,
)

_OF_ALL = "link:wrong"


def issue_link_code(session: Session, account: Account, now: datetime, today: date) -> str:
    """A code for the person of this account. Raises `UserError` for officers, whose channels are tied by signing in."""
    person_id = _get_person_id(account)
    _check_no_officer(session, person_id, now, today)
    return add_link_code(session, account.id, now, CODE_LIFETIME)


def _get_person_id(account: Account) -> int:
    if account.person_id is None:
        raise Outdated
    return account.person_id


def _check_no_officer(session: Session, person_id: int, now: datetime, today: date) -> None:
    if holds_role_from_now(session, person_id, now, today):
        raise UserError("own_channels.officers_sign_in")


def type_link_code(session: Session, account: Account, code: str, now: datetime) -> LinkCode | None:
    """Take a code typed on an account that is nobody's; None when it is wrong or too old, and that is counted. Raises
    `UserError` when this account, or all together, guessed too often."""
    if account.person_id is not None:
        raise UserError("own_channels.has_person")
    is_flood = count_tries(session, _OF_ALL, WRONG_WINDOW, now) >= WRONG_TRIES_OF_ALL
    if is_flood or count_try(session, f"link:{account.id}", TRY_WINDOW, now) > TRIES:
        raise UserError("own_channels.too_many_tries")
    link = find_link_code(session, code, now)
    if link is None:
        count_try(session, _OF_ALL, WRONG_WINDOW, now)
        return None
    link.typed_on_id, link.typed_at, link.expires_at = account.id, now, now + CONFIRM_WITHIN
    account.is_signing_in = True
    return link


def needs_consent_abroad(session: Session, account: Account) -> bool:
    """Whether nobody agreed yet, on this account, that what goes through it is stored abroad."""
    return not has_consented(session, account, ABROAD)


def get_typed_link(session: Session, link_id: int, account: Account, now: datetime) -> LinkCode:
    """A link whose code was typed on this account and that waits for the first channel. Raises `Outdated`."""
    link = find_link(session, link_id, now)
    if link is None or link.typed_on_id != account.id or account.person_id is not None:
        raise Outdated
    return link


def consent_abroad(session: Session, account: Account, now: datetime) -> None:
    """Keep that the person agreed to notices that go through servers abroad (Law 91/2025/QH15 Article 20)."""
    record_consent(session, account, ABROAD, now)


def get_link_to_decide(session: Session, link_id: int, account: Account, now: datetime) -> LinkCode:
    """A link that this account's code began and that waits for its word. Raises `Outdated`."""
    link = find_link(session, link_id, now)
    if link is None or link.account_id != account.id:
        raise Outdated
    return link


def tie(session: Session, link: LinkCode, account: Account, now: datetime, today: date) -> Account:
    """Tie the channel on which the code was typed to the person; no role of theirs acts there until they sign in.
    Raises `Outdated` when it became somebody's meanwhile."""
    person_id = _get_person_id(account)
    _check_no_officer(session, person_id, now, today)
    further = session.get(Account, link.typed_on_id, with_for_update=True, populate_existing=True)
    if further is None or further.person_id is not None:
        raise Outdated
    further.person_id, further.needs_sign_in = person_id, True
    adopt_consents(session, further.id, person_id)
    forget_link(session, link)
    return further


def prefer(session: Session, account: Account, account_id: int) -> Account:
    """From now on notices come by this channel of the person's own. Raises `Outdated`."""
    chosen = _get_own(session, account, account_id)
    session.get_one(Person, _get_person_id(account)).preferred_sender = chosen.sender
    return chosen


def leave(session: Session, account: Account, account_id: int) -> Account:
    """Untie another channel of the person's own. Raises `Outdated`."""
    left = _get_own(session, account, account_id)
    if left.id == account.id:
        raise Outdated
    person = session.get_one(Person, _get_person_id(account))
    left.person_id, left.needs_sign_in, left.second_factor_at = None, False, None
    forget_draft(session, left.id)
    if person.preferred_sender == left.sender:
        person.preferred_sender = None
    return left


def _get_own(session: Session, account: Account, account_id: int) -> Account:
    chosen = session.get(Account, account_id)
    if chosen is None or chosen.person_id != _get_person_id(account):
        raise Outdated
    return chosen
