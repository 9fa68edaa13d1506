"""Statements on an Official Account's followers, on the windows in which they may be written to, and on receipts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Update, case, delete, func, or_, select, update
from sqlalchemy.orm import Session

from db.inbox import insert_ignoring_duplicates
from db.models import ZaloFollower, ZaloReceipt

FREE_FOR = timedelta(hours=48)
OPEN_FOR = timedelta(days=7)


class Window(StrEnum):
    """What a message to a person costs now: nothing, money, or it cannot go before they write."""

    FREE = "free"
    BILLABLE = "billable"
    CLOSED = "closed"


class NoteKind(StrEnum):
    """What an event of the platform says of a person."""

    FOLLOWED = "followed"
    UNFOLLOWED = "unfollowed"
    INTERACTED = "interacted"


@dataclass(frozen=True)
class Note:
    """Something a person did at a moment, to be kept in our list of followers."""

    sender: str
    address_hash: str
    address: str
    kind: NoteKind
    at: datetime


@dataclass(frozen=True)
class Receipt:
    """A message of ours reached a phone, or (``is_seen``) was seen."""

    sender: str
    message_id: str
    is_seen: bool
    at: datetime


def window_of(interacted_at: datetime | None, now: datetime) -> Window:
    """The window of somebody who last did something at a moment; one of whom we know nothing is closed."""
    if interacted_at is None or now - interacted_at > OPEN_FOR:
        return Window.CLOSED
    return Window.FREE if now - interacted_at <= FREE_FOR else Window.BILLABLE


def find_follower(session: Session, sender: str, address_hash: str) -> ZaloFollower | None:
    """What our list says of a person; None for somebody who never came by."""
    mine = select(ZaloFollower).where(ZaloFollower.sender == sender, ZaloFollower.address_hash == address_hash)
    return session.scalars(mine).first()


def count_windows(session: Session, sender: str, now: datetime) -> dict[Window, int]:
    """How many people can be written to for nothing, for money, and not at all: the budget a bulletin is planned by."""
    window = case(
        (ZaloFollower.interacted_at >= now - FREE_FOR, Window.FREE.value),
        (ZaloFollower.interacted_at >= now - OPEN_FOR, Window.BILLABLE.value),
        else_=Window.CLOSED.value,
    )
    query = select(window, func.count()).where(ZaloFollower.sender == sender).group_by(window)
    return dict.fromkeys(Window, 0) | {Window(row[0]): row[1] for row in session.execute(query)}


def count_followers(session: Session, sender: str) -> int:
    """How many people follow the account now."""
    query = select(func.count()).where(ZaloFollower.sender == sender, ZaloFollower.is_following)
    return session.scalar(query) or 0


def note_people(session: Session, notes: Sequence[Note]) -> None:
    """Bring our list up to date; a note older than what the list already says changes nothing. In one order for all, so
    that two processes never wait for each other."""
    ordered = sorted(notes, key=lambda note: (note.sender, note.address_hash, note.at))
    people = {(note.sender, note.address_hash): note.address for note in ordered}
    if not people:
        return
    rows = [
        {"sender": sender, "address_hash": address_hash, "address": address, "is_following": False}
        for (sender, address_hash), address in people.items()
    ]
    insert_ignoring_duplicates(session, ZaloFollower, rows)
    for note in ordered:
        session.execute(_update_of(note))


def _update_of(note: Note) -> Update:
    person = update(ZaloFollower).where(
        ZaloFollower.sender == note.sender, ZaloFollower.address_hash == note.address_hash
    )
    if note.kind is NoteKind.INTERACTED:
        moment = ZaloFollower.interacted_at
        return person.where(or_(moment.is_(None), moment < note.at)).values(interacted_at=note.at)
    moment = ZaloFollower.follow_changed_at
    is_following = note.kind is NoteKind.FOLLOWED
    newer = person.where(or_(moment.is_(None), moment < note.at))
    return newer.values(follow_changed_at=note.at, is_following=is_following)


def note_receipts(session: Session, receipts: Sequence[Receipt], now: datetime) -> None:
    """Write down what reached whom; the first moment told of a message stays."""
    ordered = sorted(receipts, key=lambda receipt: (receipt.sender, receipt.message_id))
    if not ordered:
        return
    rows = [{"sender": one.sender, "message_id": one.message_id, "noted_at": now} for one in ordered]
    insert_ignoring_duplicates(session, ZaloReceipt, rows)
    for one in ordered:
        column = ZaloReceipt.seen_at if one.is_seen else ZaloReceipt.delivered_at
        told = update(ZaloReceipt).where(
            ZaloReceipt.sender == one.sender,
            ZaloReceipt.message_id == one.message_id,
            or_(column.is_(None), column > one.at),
        )
        session.execute(told.values({column: one.at}))


def find_receipt(session: Session, sender: str, message_id: str) -> ZaloReceipt | None:
    """When a message was delivered and seen; None while nothing was told."""
    mine = select(ZaloReceipt).where(ZaloReceipt.sender == sender, ZaloReceipt.message_id == message_id)
    return session.scalars(mine).first()


def forget_receipts(session: Session, before: datetime) -> int:
    """Erase receipts noted before a moment; returns how many."""
    old = delete(ZaloReceipt).where(ZaloReceipt.noted_at < before)
    return session.execute(old).rowcount  # type: ignore[attr-defined,no-any-return]  # a delete has a row count


def forget_past_followers(session: Session, before: datetime) -> int:
    """Erase people who no longer follow the account and did nothing there since a moment; returns how many."""
    is_past = (
        ~ZaloFollower.is_following,
        or_(ZaloFollower.follow_changed_at.is_(None), ZaloFollower.follow_changed_at < before),
        or_(ZaloFollower.interacted_at.is_(None), ZaloFollower.interacted_at < before),
    )
    return session.execute(delete(ZaloFollower).where(*is_past)).rowcount  # type: ignore[attr-defined,no-any-return]  # row count


def forget_follower(session: Session, sender: str, address_hash: str) -> None:
    """Take a person off our list."""
    mine = delete(ZaloFollower).where(ZaloFollower.sender == sender, ZaloFollower.address_hash == address_hash)
    session.execute(mine)
