"""Tells somebody other than the person talking: a ledger line in the same transaction, on a channel they read."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from db.deliveries import Outgoing, add_deliveries
from db.models import Account, DeliveryKind, Person
from db.people import list_accounts
from handlers.chat import Reply
from handlers.feature import VIETNAM

LIFETIME = timedelta(days=14)
"""A notice that could not be delivered for a fortnight tells nothing new."""

WITHOUT_DESK = ("telegram",)
"""Kinds of bot accounts on which an officer cannot act, so that no message with a decision goes there."""

PAGE = "web"
"""The kind of bot account whose people are not told that something came: they see it when they look."""

_QUIET_FROM, _QUIET_TO = 21, 6


def tell_account(
    session: Session,
    account: Account,
    reply: Reply,
    subject: str,
    now: datetime,
    kind: DeliveryKind = DeliveryKind.NOTICE,
    is_urgent: bool = False,
) -> None:
    """Tell the person on an account; once for each kind and subject. What is not urgent waits for the morning."""
    message = Outgoing(
        kind=kind,
        subject=subject,
        recipient=account.address_hash,
        sender=account.sender,
        address=account.address,
        body=reply.to_json(),
        expires_at=now + LIFETIME,
        not_before_at=now if is_urgent else after_quiet_hours(now),
    )
    add_deliveries(session, [message], now)


def tell_person(
    session: Session,
    person_id: int,
    reply: Reply,
    subject: str,
    now: datetime,
    kind: DeliveryKind = DeliveryKind.NOTICE,
    is_urgent: bool = False,
    without: Iterable[str] = (),
) -> bool:
    """Tell a person on the channel they prefer, else the one they used last; False when none reaches them. ``without``
    names kinds of bot accounts (the part before ":") that may not carry this message."""
    account = choose_account(session, person_id, without)
    if account is None:
        return False
    tell_account(session, account, reply, subject, now, kind, is_urgent)
    return True


def choose_account(session: Session, person_id: int, without: Iterable[str] = ()) -> Account | None:
    """Where a person is told things: the channel they prefer, else the last one they used; never a blocked one. A
    message that not every channel may carry is for an officer, and goes to no account on which they never signed in."""
    return next(iter(order_accounts(session, person_id, without)), None)


def order_accounts(session: Session, person_id: int, without: Iterable[str] = ()) -> list[Account]:
    """Every account that `choose_account` could name, the best one first."""
    refused = tuple(without)
    usable = [
        account
        for account in list_accounts(session, person_id)
        if account.unreachable_since is None
        and account.sender.split(":")[0] not in refused
        and not (refused and account.needs_sign_in)
    ]
    person = session.get(Person, person_id)
    preferred = person.preferred_sender if person else None
    return sorted(usable, key=lambda account: account.sender != preferred)


def after_quiet_hours(now: datetime) -> datetime:
    """Now, or the end of the quiet hours (21:00 to 06:00 in Vietnam) that now lies in."""
    if not is_quiet(now):
        return now
    local = now.astimezone(VIETNAM)
    morning = local.replace(hour=_QUIET_TO, minute=0, second=0, microsecond=0)
    return morning if local.hour < _QUIET_TO else morning + timedelta(days=1)


def is_quiet(now: datetime) -> bool:
    """Whether it is night in Vietnam, when nobody is sent what can wait."""
    return not _QUIET_TO <= now.astimezone(VIETNAM).hour < _QUIET_FROM
