"""Lets a message that cannot go on one channel of its person go on another: always for what an officer must know, for
a member's own messages only with their consent."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from db.accounts import find_account
from db.deliveries import MOVED, UNREACHABLE, WAITS, list_lines_of, list_stranded, lock_due, move_line
from db.keys import KeyProblem
from db.models import Account, Delivery, DeliveryKind
from db.officers import list_grants
from db.people import list_accounts
from db.privacy import withdraw_consents
from db.zalo_oa import Window, find_follower, window_of
from handlers.consents import Purpose, has_consented, record_consent
from handlers.notify import PAGE, WITHOUT_DESK, after_quiet_hours, order_accounts

REROUTE = Purpose("reroute", 1, is_required=False)
"""What a member agrees to: asked when they tie a further channel, and changed where their channels are listed."""

PATIENCE: Mapping[DeliveryKind, timedelta] = {
    DeliveryKind.CASE_ALERT: timedelta(minutes=2),
    DeliveryKind.CASE_REPLY: timedelta(minutes=30),
    DeliveryKind.NOTICE: timedelta(minutes=30),
}
"""How long a channel must be down for everybody before messages of a kind leave it. What the platform does not take for
one person alone leaves at once."""

_BACK_AFTER = timedelta(hours=1)
"""A message may come back to an account it left, but not at once: two channels must not throw it to and fro."""

_AT_ONCE = 200


def move_stranded(
    session: Session, kind: DeliveryKind, down: Collection[str], after: int, now: datetime, today: date
) -> int | None:
    """Move messages of a kind that cannot go where they were written for, some at a time; ``down`` are the accounts
    that reach nobody. Returns the number to go on after, None when all were looked at."""
    numbers = list_stranded(session, (kind,), _reasons_for(kind), down, REROUTE.name, after, now, _AT_ONCE)
    for number in numbers:
        _move(session, number, down, now, today)
    return numbers[-1] if len(numbers) == _AT_ONCE else None


def _reasons_for(kind: DeliveryKind) -> tuple[str, ...]:
    """A member's message waits for the morning; an alert goes by night."""
    return WAITS if kind is DeliveryKind.CASE_ALERT else tuple(reason for reason in WAITS if reason != "night")


def _move(session: Session, number: int, down: Collection[str], now: datetime, today: date) -> None:
    try:
        line = lock_due(session, number)
    except KeyProblem:
        return  # its own sender fails it
    account = find_account(session, line.sender, line.recipient) if line is not None else None
    if line is None or account is None:
        return
    way = _find_way(session, line, account, down, now, today)
    if way is not None:
        is_alert = line.kind is DeliveryKind.CASE_ALERT
        move_line(session, line, way, now if is_alert else after_quiet_hours(now), now)


def _find_way(
    session: Session, line: Delivery, account: Account, down: Collection[str], now: datetime, today: date
) -> Account | None:
    """The account of this person that the message may go on, None when there is none."""
    person_id = account.person_id
    if person_id is None:
        return None
    is_officer = bool(list_grants(session, person_id, now, today))
    if not is_officer and (line.kind is DeliveryKind.CASE_ALERT or not may_reroute(session, account)):
        return None
    refused = WITHOUT_DESK if is_officer else ()
    is_lost = line.reason == UNREACHABLE or line.sender in down
    written = list_lines_of(session, line.kind, line.subject)
    ways = [
        one
        for one in order_accounts(session, person_id, refused)
        if one.sender not in down
        and _may_come(written.get(one.address_hash), now)
        and _takes_messages(session, one, now)
        and (is_officer or is_lost or not _is_page(one))
        and (is_officer or not one.is_shared)  # what was not written for a phone that others use stays off it
    ]
    return next(iter(sorted(ways, key=_is_page)), None)


def _is_page(account: Account) -> bool:
    """Nobody is told that something came to the page, so it comes last, and for members only when nothing else is
    left: who can still write on the other channel gets the message there."""
    return account.sender == PAGE


def _may_come(line: Delivery | None, now: datetime) -> bool:
    """Whether an account did not have this message yet, or lost it to another one a while ago."""
    if line is None:
        return True
    return line.reason == MOVED and line.finished_at is not None and now - line.finished_at >= _BACK_AFTER


def _takes_messages(session: Session, account: Account, now: datetime) -> bool:
    """Whether an Official Account may write to this person now, by our own clock."""
    follower = find_follower(session, account.sender, account.address_hash)
    if follower is None or follower.interacted_at is None:
        return True
    return window_of(follower.interacted_at, now) is not Window.CLOSED


def may_reroute(session: Session, account: Account) -> bool:
    """Whether the person agreed that their messages go on another channel of theirs when they must."""
    return has_consented(session, account, REROUTE)


def allow_rerouting(session: Session, account: Account, now: datetime) -> None:
    """Keep that the person agreed."""
    record_consent(session, account, REROUTE, now)


def stop_rerouting(session: Session, account: Account, now: datetime) -> None:
    """The person agrees no longer."""
    withdraw_consents(session, account.id, account.person_id, REROUTE.name, now)


def has_another_channel(session: Session, account: Account) -> bool:
    """Whether there is anything to agree to."""
    return account.person_id is not None and len(list_accounts(session, account.person_id)) > 1
