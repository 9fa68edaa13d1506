"""Statements on the inbox: store an update once, hand out a person's next one, record how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import Insert, bindparam, delete, func, inspect, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, defer

from db.models import InboxEvent, InboxState

MAX_ATTEMPTS = 5
"""After so many failures an update is set aside: a poison update must not block its sender for ever."""

MAX_STOPS = 10
"""An update that so many programs in a row did not live to finish is taken for what stops them, and set aside. More
than failures, since most often it is not the update: a machine may lose power again and again while it starts."""


@dataclass(frozen=True)
class Arrival:
    """An update as a platform handed it over: who sent it is known only by the hash of their lane."""

    sender: str
    platform_id: str
    lane: str
    raw: str
    file: bytes | None = None


def insert_ignoring_duplicates(session: Session, model: type, rows: Sequence[dict[str, object]]) -> None:
    """Insert rows by column, all with the same columns; those that break a unique constraint are left out without an
    error. What is new or deleted in the session is written before, what is only changed there is not."""
    if not rows:
        return
    if session.new or session.deleted:  # the rows may point at what is not written yet
        session.flush()
    session.connection().execute(_insert(model, session.get_bind().dialect.name), list(rows))


@lru_cache
def _insert(model: type, dialect_name: str) -> Insert:
    """Made once, and for the table rather than for its objects, since several are run in every turn."""
    dialect = sqlite if dialect_name == "sqlite" else postgresql
    statement: Insert = dialect.insert(inspect(model).local_table).on_conflict_do_nothing()
    return statement


def add_events(session: Session, arrivals: Sequence[Arrival], now: datetime) -> None:
    """Store updates; one that is already stored (same bot, same platform id) changes nothing."""
    rows: list[dict[str, object]] = [
        {
            "sender": arrival.sender,
            "platform_id": arrival.platform_id,
            "lane": arrival.lane,
            "raw": arrival.raw,
            "file": arrival.file,
            "received_at": now,
            "state": InboxState.RECEIVED,
            "attempts": 0,
            "next_try_at": now,
        }
        for arrival in arrivals
    ]
    insert_ignoring_duplicates(session, InboxEvent, rows)


_NEXT = (
    select(InboxEvent)
    .where(InboxEvent.lane == bindparam("wanted_lane"), InboxEvent.state == InboxState.RECEIVED)
    .order_by(InboxEvent.id)
    .limit(1)
)
_NEXT_UNREAD = _NEXT.options(defer(InboxEvent.raw))


def find_next(session: Session, lane: str, is_opened: bool = True) -> InboxEvent | None:
    """The oldest unhandled event of a person, ready or not: later ones wait for it, so talk keeps its order.

    Raises `KeyProblem` when its text does not open; with ``is_opened`` False the text is read only when asked for.
    """
    return session.scalars(_NEXT if is_opened else _NEXT_UNREAD, {"wanted_lane": lane}).first()


def list_waiting_lanes(
    session: Session, now: datetime | None = None, senders: Sequence[str] | None = None, limit: int | None = None
) -> list[str]:
    """Lanes with an unhandled event, oldest first; with ``now`` only those ready by then, with ``senders`` only those
    of these bot accounts, so that the events of a channel that is off stand in nobody's way."""
    query = select(InboxEvent.lane).where(InboxEvent.state == InboxState.RECEIVED)
    if now is not None:
        query = query.where(InboxEvent.next_try_at <= now)
    if senders is not None:
        query = query.where(InboxEvent.sender.in_(senders))
    return list(session.scalars(query.group_by(InboxEvent.lane).order_by(func.min(InboxEvent.id)).limit(limit)))


def count_waiting(session: Session, lane: str | None = None) -> int:
    """How many events wait, of one person or of all."""
    query = select(func.count()).select_from(InboxEvent).where(InboxEvent.state == InboxState.RECEIVED)
    return session.scalar(query if lane is None else query.where(InboxEvent.lane == lane)) or 0


def count_set_aside(session: Session) -> int:
    """How many events were given up."""
    query = select(func.count()).select_from(InboxEvent).where(InboxEvent.state == InboxState.SET_ASIDE)
    return session.scalar(query) or 0


def mark_processed(event: InboxEvent, now: datetime) -> None:
    """The event is handled; its replies stand in the same transaction, and so does whatever is kept of its file."""
    event.state = InboxState.PROCESSED
    event.file = None
    event.finished_at = now


def mark_failed(event: InboxEvent, now: datetime, code: str, is_counted: bool) -> bool:
    """Count a failure, unless the try was counted beforehand. True when the event is set aside: it failed too often."""
    event.attempts += 0 if is_counted else 1
    event.error_code = code
    if event.attempts >= MAX_ATTEMPTS:
        event.state = InboxState.SET_ASIDE
        event.finished_at = now
        return True
    event.next_try_at = now + timedelta(seconds=0.2 * 4 ** (event.attempts - 1))
    return False


def find_last_id(session: Session) -> int:
    """The newest event's number; what is not newer at start was left behind by a stopped program."""
    return session.scalar(select(func.max(InboxEvent.id))) or 0


def forget_events(session: Session, before: datetime) -> int:
    """Erase handled events older than a moment; returns how many."""
    done = delete(InboxEvent).where(InboxEvent.state != InboxState.RECEIVED, InboxEvent.finished_at < before)
    return session.execute(done).rowcount  # type: ignore[attr-defined,no-any-return]  # a delete has a row count


def forget_lane(session: Session, lane: str) -> None:
    """Erase what one person sent; the bare row stays so that a late repeat of it is still recognised."""
    session.execute(update(InboxEvent).where(InboxEvent.lane == lane).values(raw=None, file=None))


def list_texts(session: Session, lane: str, limit: int) -> list[tuple[datetime, str]]:
    """What one person sent lately, oldest first, with the moment it came: the page shows it again after a reload."""
    query = select(InboxEvent.received_at, InboxEvent.raw).where(InboxEvent.lane == lane, InboxEvent.raw.is_not(None))
    rows = session.execute(query.order_by(InboxEvent.id.desc()).limit(limit)).all()
    return [(at, raw) for at, raw in reversed(rows) if raw is not None]
