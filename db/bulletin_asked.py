"""Statements on what the receivers of a bulletin asked soon after it: how many of them, by answer, and never who.

That somebody was counted for an answer is a keyed hash, erased when counting ends; the number has no tie to anybody.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db.inbox import insert_ignoring_duplicates
from db.models import Account, Bulletin, BulletinAnswer, BulletinResult, BulletinRun
from db.session import keys_of_session

ASKED = "asked "
"""How the names of these figures begin."""

_MARK = -1
"""No block of a bulletin: what tells that somebody was counted."""


def count_question(session: Session, run_id: int, entry_id: str, account: Account, now: datetime) -> None:
    """One more of those who got a sending asked something; each person counts once for each answer."""
    home = session.scalar(
        select(Bulletin.unit_id)
        .join(BulletinRun, BulletinRun.bulletin_id == Bulletin.id)
        .where(BulletinRun.id == run_id)
    )
    if home is None or not _mark(session, run_id, entry_id, account, now):
        return
    key = {"run_id": run_id, "unit_id": home, "what": _name_of(entry_id)}
    insert_ignoring_duplicates(session, BulletinResult, [key | {"amount": 0}])
    mine = (BulletinResult.run_id == run_id, BulletinResult.unit_id == home, BulletinResult.what == key["what"])
    session.execute(update(BulletinResult).where(*mine).values(amount=BulletinResult.amount + 1))


def _mark(session: Session, run_id: int, entry_id: str, account: Account, now: datetime) -> bool:
    """Write down that somebody was counted; False when they were before."""
    whom = account.address_hash if account.person_id is None else f"person {account.person_id}"
    who = keys_of_session(session).hash("bulletin_asked", str(run_id), entry_id, whom)
    mine = (BulletinAnswer.run_id == run_id, BulletinAnswer.block == _MARK, BulletinAnswer.who == who)
    if session.scalar(select(BulletinAnswer.id).where(*mine)) is not None:
        return False
    row = {"run_id": run_id, "block": _MARK, "who": who, "choice": 0, "answered_at": now}
    insert_ignoring_duplicates(session, BulletinAnswer, [row])
    return True


def _name_of(entry_id: str) -> str:
    """Entries have longer names than fit."""
    return ASKED + hashlib.sha256(entry_id.encode()).hexdigest()[:16]


def count_asked(session: Session, run_id: int, entry_ids: Iterable[str]) -> dict[str, int]:
    """How many people asked what, by entry, among these."""
    names = {_name_of(entry_id): entry_id for entry_id in entry_ids}
    found = select(BulletinResult.what, BulletinResult.amount).where(
        BulletinResult.run_id == run_id, BulletinResult.what.startswith(ASKED)
    )
    return {names[what]: amount for what, amount in session.execute(found) if what in names}


def forget_marks(session: Session, before: datetime) -> int:
    """Erase who was counted before a moment; returns how many."""
    old = delete(BulletinAnswer).where(BulletinAnswer.block == _MARK, BulletinAnswer.answered_at < before)
    return session.execute(old).rowcount  # type: ignore[attr-defined,no-any-return]  # row count
