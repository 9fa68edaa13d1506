"""Statements that find what does not go on, and why: messages out that wait, and events in that were given up."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from db.deliveries import MOVED
from db.models import Delivery, DeliveryKind, DeliveryState, InboxEvent, InboxState

_LATE = timedelta(minutes=10)
"""A message that is not out so long after it was written is stuck; so is an event that waits so long."""

_NEVER_TRIED = timedelta(minutes=2)
_LOST_FOR = timedelta(days=7)
_WEIGHTY = (DeliveryKind.CASE_ALERT, DeliveryKind.CASE_REPLY, DeliveryKind.OPERATOR_ALERT)
"""Kinds that are listed also when they failed for good."""


@dataclass(frozen=True)
class Group:
    """Messages of an account that are stuck for one reason (None: nobody tried yet)."""

    sender: str
    kind: DeliveryKind
    state: DeliveryState
    reason: str | None
    count: int
    oldest_at: datetime


@dataclass(frozen=True)
class Line:
    """One message that is stuck; nothing of what it says or to whom."""

    number: int
    sender: str
    kind: DeliveryKind
    state: DeliveryState
    reason: str | None
    attempts: int
    written_at: datetime


@dataclass(frozen=True)
class Event:
    """An event that was given up, or waits for long; ``code`` is what its person was told."""

    number: int
    sender: str
    state: InboxState
    code: str | None
    attempts: int
    received_at: datetime


def group_open(session: Session, now: datetime) -> list[Group]:
    """Messages that should be out by now, by account, kind and reason; the account with the oldest first."""
    return _group(session, _is_open_and_stuck(now))


def group_all(session: Session, now: datetime) -> list[Group]:
    """The same, with what may have been sent or not, and alerts and case replies that failed for good within a week."""
    return _group(session, or_(_is_open_and_stuck(now), *_ended_badly(now)))


def list_lines(session: Session, now: datetime, limit: int) -> list[Line]:
    """The oldest of them one by one."""
    columns = (
        Delivery.id,
        Delivery.sender,
        Delivery.kind,
        Delivery.state,
        Delivery.reason,
        Delivery.attempts,
        Delivery.created_at,
    )
    stuck = select(*columns).where(or_(_is_open_and_stuck(now), *_ended_badly(now)))
    return [Line(*row) for row in session.execute(stuck.order_by(Delivery.created_at, Delivery.id).limit(limit))]


def list_events(session: Session, now: datetime, limit: int) -> list[Event]:
    """Events that were set aside, and those that wait for long; oldest first."""
    is_late = (InboxEvent.state == InboxState.RECEIVED) & (InboxEvent.received_at <= now - _LATE)
    columns = (
        InboxEvent.id,
        InboxEvent.sender,
        InboxEvent.state,
        InboxEvent.error_code,
        InboxEvent.attempts,
        InboxEvent.received_at,
    )
    stuck = select(*columns).where(or_(InboxEvent.state == InboxState.SET_ASIDE, is_late))
    return [Event(*row) for row in session.execute(stuck.order_by(InboxEvent.id).limit(limit))]


def _group(session: Session, is_stuck: ColumnElement[bool]) -> list[Group]:
    by = (Delivery.sender, Delivery.kind, Delivery.state, Delivery.reason)
    oldest = func.min(Delivery.created_at)
    groups = select(*by, func.count(), oldest).where(is_stuck).group_by(*by).order_by(oldest)
    return [Group(*row) for row in session.execute(groups)]


def _is_open_and_stuck(now: datetime) -> ColumnElement[bool]:
    was_tried = Delivery.reason.is_not(None) & (Delivery.created_at <= now - _LATE)
    is_left = Delivery.reason.is_(None) & (Delivery.not_before_at <= now - _NEVER_TRIED)
    is_due = (Delivery.state == DeliveryState.DUE) & or_(was_tried, is_left)
    is_cut_off = Delivery.not_before_at <= now - _LATE
    return or_(is_due, (Delivery.state == DeliveryState.CLAIMED) & or_(was_tried, is_cut_off))


def _ended_badly(now: datetime) -> tuple[ColumnElement[bool], ...]:
    lost = (Delivery.state == DeliveryState.FAILED) & Delivery.kind.in_(_WEIGHTY) & (Delivery.reason != MOVED)
    return Delivery.state == DeliveryState.UNKNOWN, lost & (Delivery.finished_at > now - _LOST_FOR)
