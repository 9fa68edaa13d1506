"""Statements on what was told in confidence: rows of one size with nothing in clear but a day.

They are found by opening all of them: there are thousands at most, and anything quicker (a hash, an index) would let a
reader without the key see which rows belong together. Every row is filled up to one size, since the length of a sealed
text tells workplaces apart, and rows that stand for nobody lie among them.
"""

import json
from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.erased import note_erasure
from db.models import NoUnionInterest

_BLOCK = 2048
"""Bytes of a row before sealing. The longest answers that the talk takes fill less than half of it."""

_FILLING = "filling"

Facts = dict[str, Any]


def _fill_up(facts: Facts) -> Facts:
    size = len(json.dumps(facts | {_FILLING: ""}, ensure_ascii=False).encode())
    return facts | {_FILLING: " " * (-size % _BLOCK)}


def add_interest(session: Session, facts: Facts, today: date) -> NoUnionInterest:
    """Keep what somebody told."""
    row = NoUnionInterest(facts=_fill_up(facts), noted_on=today)
    session.add(row)
    session.flush()
    return row


def add_decoys(session: Session, count: int, today: date) -> None:
    """Rows that stand for nobody: so no row, and no number of rows, says that anybody told anything."""
    session.add_all(NoUnionInterest(facts=_fill_up({}), noted_on=today) for _ in range(count))


def set_facts(row: NoUnionInterest, facts: Facts) -> None:
    """Replace what a row holds."""
    row.facts = _fill_up({name: value for name, value in facts.items() if name != _FILLING})


def list_interests(session: Session) -> list[NoUnionInterest]:
    """Everything that was told, opened; decoys are left out."""
    rows = session.scalars(select(NoUnionInterest).order_by(NoUnionInterest.id))
    return [row for row in rows if "account_id" in row.facts]


def find_interest(session: Session, account_ids: Collection[int]) -> NoUnionInterest | None:
    """What somebody told on one of these accounts."""
    return next((row for row in list_interests(session) if row.facts["account_id"] in account_ids), None)


def forget_interest(session: Session, row: NoUnionInterest) -> None:
    """Take a row away."""
    note_erasure(session, row)
    session.execute(delete(NoUnionInterest).where(NoUnionInterest.id == row.id))


def forget_interests_of(session: Session, account_ids: Collection[int]) -> None:
    """Take away what was told on these accounts."""
    for row in list_interests(session):
        if row.facts["account_id"] in account_ids:
            forget_interest(session, row)


def forget_interests(session: Session, before: datetime) -> int:
    """Erase what is older than a moment. Always returns 0: how many there were is written down nowhere."""
    first_kept = (before + timedelta(hours=7)).date()
    session.execute(delete(NoUnionInterest).where(NoUnionInterest.noted_on < first_kept))
    return 0
