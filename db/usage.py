"""Statements on how much a bot account carried: counted from its messages while they stand, kept as figures after."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import Account, AccountDay, Delivery, DeliveryState, InboxEvent


@dataclass(frozen=True)
class Usage:
    """Messages of a bot account in a span of days, and the people it has ever met."""

    received: int
    sent: int
    people: int


def count_day(session: Session, sender: str, day: date, start: datetime, end: datetime) -> None:
    """Count the messages of one day, from its first moment to the first of the next. May be repeated: a figure never
    falls, since rows that were erased since were messages all the same."""
    received = select(func.count()).where(
        InboxEvent.sender == sender, InboxEvent.received_at >= start, InboxEvent.received_at < end
    )
    ours = select(Account.address_hash).where(Account.sender == sender)
    sent = select(func.count()).where(
        Delivery.recipient.in_(ours),
        Delivery.sender == sender,
        Delivery.state == DeliveryState.SENT,
        Delivery.finished_at >= start,
        Delivery.finished_at < end,
    )
    row = session.get(AccountDay, (sender, day))
    if row is None:
        row = AccountDay(sender=sender, day=day, received=0, sent=0)
        session.add(row)
    row.received = max(row.received, session.scalar(received) or 0)
    row.sent = max(row.sent, session.scalar(sent) or 0)
    session.flush()


def get_usage(session: Session, sender: str, first: date, last: date) -> Usage:
    """The figures of a span of days, both included."""
    days = select(func.sum(AccountDay.received), func.sum(AccountDay.sent)).where(
        AccountDay.sender == sender, AccountDay.day >= first, AccountDay.day <= last
    )
    received, sent = session.execute(days).one()
    people = session.scalar(select(func.count()).select_from(Account).where(Account.sender == sender)) or 0
    return Usage(received or 0, sent or 0, people)
