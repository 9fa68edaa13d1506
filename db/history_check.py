"""Reads all histories once and finds what was changed, taken out, put elsewhere or cut off; needs no key of a case."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import groupby
from typing import Any

from sqlalchemy import select, type_coerce
from sqlalchemy.orm import Session
from sqlalchemy.types import NULLTYPE

from db.case_history import BATCH, Anchor, count_lines, digest_lines, hash_head, hash_line, key_of, list_anchors
from db.models import Case, CaseEvent, CaseState

_COLUMNS = ("id", "case_id", "number", "kind", "at", "actor_id", "body", "previous_hash", "hash")
_WITHOUT_HISTORY = (CaseState.DRAFT, CaseState.ERASED)
"""A draft has none yet; one that was erased while it was a draft never had one."""


class Fault(StrEnum):
    """What is wrong with a history."""

    ALTERED = "altered"
    MISSING = "missing"
    MISPLACED = "misplaced"
    CUT = "cut"
    WRONG_HEAD = "wrong_head"
    CASE_MISSING = "case_missing"
    ANCHOR = "anchor"
    ANCHOR_MISSING = "anchor_missing"
    ANCHOR_FILE = "anchor_file"


@dataclass(frozen=True)
class Problem:
    """Something wrong: with which line of which case (``code``; the number of the row where the case is gone), or with
    the lines up to the anchor of which day."""

    fault: Fault
    code: str | None = None
    number: int | None = None
    day: date | None = None


def verify(session: Session) -> list[Problem]:
    """Everything that is wrong with the histories and anchors of this database; nothing when nobody touched them. The
    session must see one snapshot."""
    return [*_check_lines(session), *_check_anchors(session)]


def _check_lines(session: Session) -> Iterator[Problem]:
    key = key_of(session)
    columns = (Case.id, Case.code, Case.state, Case.head_number, Case.head_hash)
    cases = {row.id: row for row in session.execute(select(*columns))}
    seen = set()
    for case_id, rows in groupby(_iterate_lines(session), key=lambda row: row.case_id):
        case = cases.get(case_id)
        seen.add(case_id)
        if case is None:
            yield Problem(Fault.CASE_MISSING, code=f"#{case_id}")
            continue
        last = None
        for row in rows:
            yield from _check_line(key, case.code, last, row)
            last = row
        yield from _check_head(key, case, last)
    for case in cases.values():
        has_head = bool(case.head_number) or case.head_hash is not None
        if case.id not in seen and (has_head or case.state not in _WITHOUT_HISTORY):
            yield Problem(Fault.CUT, case.code, 1)


def _iterate_lines(session: Session) -> Iterator[Any]:
    """All lines as the database holds them: a value that is none of ours must not stop the check."""
    columns = [type_coerce(getattr(CaseEvent, name), NULLTYPE).label(name) for name in _COLUMNS]
    lines = select(*columns).order_by(CaseEvent.case_id, CaseEvent.number)
    return iter(session.execute(lines, execution_options={"yield_per": BATCH}))


def _check_line(key: bytes, code: str, last: Any, row: Any) -> Iterator[Problem]:
    expected = _number_of(last) + 1 if last else 1
    if row.number != expected:
        yield Problem(Fault.MISSING, code, expected)
    elif row.previous_hash != (last.hash if last else None):
        yield Problem(Fault.MISPLACED, code, row.number)
    if last and row.id <= last.id:
        yield Problem(Fault.MISPLACED, code, row.number)
    if row.hash != _hash_as_stored(key, row):
        yield Problem(Fault.ALTERED, code, row.number)


def _number_of(row: Any) -> int:
    return row.number if isinstance(row.number, int) else 0


def _hash_as_stored(key: bytes, row: Any) -> str | None:
    """The hash that a line should have; None when what stands in it is no line."""
    try:
        at = row.at if isinstance(row.at, datetime) else datetime.fromisoformat(row.at)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        body = None if row.body is None else bytes(row.body)
        return hash_line(key, (row.id, row.case_id, row.number, row.kind, at, row.actor_id, body, row.previous_hash))
    except (TypeError, ValueError):
        return None


def _check_head(key: bytes, case: Any, last: Any) -> Iterator[Problem]:
    number = _number_of(last)
    if case.head_number > number:
        yield Problem(Fault.CUT, case.code, number + 1)
    elif case.head_number != number or case.head_hash != hash_head(key, case.id, number, last.hash):
        yield Problem(Fault.WRONG_HEAD, case.code, number)


def _check_anchors(session: Session) -> Iterator[Problem]:
    before: Anchor | None = None
    for anchor in list_anchors(session):
        start, digest = (before.last_event_id, before.digest) if before else (0, None)
        count = count_lines(session, start, anchor.last_event_id) + (before.event_count if before else 0)
        span = (start, anchor.last_event_id)
        is_whole = count == anchor.event_count
        if not is_whole or digest_lines(session, digest, anchor.anchored_on, span, count) != anchor.digest:
            yield Problem(Fault.ANCHOR, day=anchor.anchored_on)
        before = anchor


def compare(anchors: Sequence[Anchor], written: Sequence[Anchor]) -> list[Problem]:
    """What is wrong with the anchors of a database, by a record kept apart from it. The record may lack the newest."""
    for there, expected in zip(anchors, written, strict=False):
        if there != expected:
            return [Problem(Fault.ANCHOR, day=min(there.anchored_on, expected.anchored_on))]
    return [Problem(Fault.ANCHOR_MISSING, day=written[len(anchors)].anchored_on)] if len(written) > len(anchors) else []
