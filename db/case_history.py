"""The history of a case: lines that are only ever added, each bound by a keyed hash to the line before and to its row.

What a line says is sealed with the case's key and hashed as it lies there, so that a history can be checked by whoever
cannot read it, and also after the key was destroyed. Once a day all lines written since the day before go into one
digest, chained to the last (`anchor_heads`): from then on the end of a history cannot be cut off unseen.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from db.case_keys import CaseErased, case_keys_of_session
from db.keys import Keys
from db.models import Case, CaseEvent, HistoryAnchor
from db.session import keys_of_session

_PURPOSE = "case_history"
_BODY = "case_events.body"
BATCH = 1000


class EventKind(StrEnum):
    """What can happen to a case. ``read``: an officer opened it."""

    OPENED = "opened"
    WORKER_WROTE = "worker_wrote"
    OFFICER_WROTE = "officer_wrote"
    NOTED = "noted"
    ASKED_WORKER = "asked_worker"
    CLAIMED = "claimed"
    DECLINED = "declined"
    RELEASED = "released"
    ASSIGNED = "assigned"
    ESCALATED = "escalated"
    ALERTED = "alerted"
    READ = "read"
    RECATEGORISED = "recategorised"
    FORWARDED = "forwarded"
    REFERRED = "referred"
    MERGED = "merged"
    SETTLED = "settled"
    CONFIRMED = "confirmed"
    REOPENED = "reopened"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    BARRED = "barred"
    MOVED = "moved"
    EXPORTED = "exported"
    ADDED_FILE = "added_file"


@dataclass(frozen=True)
class Line:
    """A line of a history, opened. ``body`` is None when there is none, or the case is erased."""

    number: int
    kind: EventKind
    at: datetime
    actor_id: int | None
    body: dict[str, Any] | None


def append(
    session: Session,
    case: Case,
    kind: EventKind,
    now: datetime,
    actor_id: int | None = None,
    body: dict[str, Any] | None = None,
) -> int:
    """Add a line and return its number. The caller holds the row of the case locked, so that no two lines are written
    behind the same one. Raises `CaseErased` when there is a body and the key is destroyed."""
    sealed = None
    if body is not None:
        plain = json.dumps(body, ensure_ascii=False).encode()
        sealed = case_keys_of_session(session).cipher(case.key_id).seal(plain, _BODY)
    line = CaseEvent(
        case_id=case.id,
        number=case.head_number + 1,
        kind=kind.value,
        at=now,
        actor_id=actor_id,
        body=sealed,
        previous_hash=_last_hash(session, case),
        hash="",
    )
    session.add(line)
    session.flush()  # the hash covers the number of the row, which the database gives
    key = key_of(session)
    line.hash = hash_line(
        key, (line.id, line.case_id, line.number, line.kind, now, actor_id, sealed, line.previous_hash)
    )
    case.head_number, case.head_hash = line.number, hash_head(key, case.id, line.number, line.hash)
    session.flush()
    return line.number


def list_lines(session: Session, case: Case) -> list[Line]:
    """The history of a case, oldest first."""
    rows = session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.number)).all()
    try:
        cipher = case_keys_of_session(session).cipher(case.key_id) if any(row.body for row in rows) else None
    except CaseErased:
        cipher = None
    return [
        Line(
            row.number,
            EventKind(row.kind),
            row.at,
            row.actor_id,
            json.loads(cipher.open(row.body, _BODY)) if cipher and row.body is not None else None,
        )
        for row in rows
    ]


@dataclass(frozen=True)
class Anchor:
    """What one anchor fixes: every line up to a row, and how many there were."""

    anchored_on: date
    last_event_id: int
    event_count: int
    digest: str


def anchor_heads(session: Session, now: datetime) -> None:
    """Fix every line that is written so far; once a day, so a second call on a day changes nothing."""
    today = now.date()
    if session.scalar(select(HistoryAnchor.id).where(HistoryAnchor.anchored_on == today)) is not None:
        return
    if session.get_bind().dialect.name == "postgresql":
        # lines get their number before they are committed: wait for those that are being written, so that none comes
        # to light later below the anchor
        session.execute(text("LOCK TABLE case_events IN SHARE MODE"))
    anchors = list_anchors(session)
    last = anchors[-1] if anchors else None
    start = last.last_event_id if last else 0
    end = session.scalar(select(func.max(CaseEvent.id))) or start
    count = count_lines(session, start, end) + (last.event_count if last else 0)
    digest = digest_lines(session, last.digest if last else None, today, (start, end), count)
    session.add(HistoryAnchor(anchored_on=today, last_event_id=end, event_count=count, digest=digest))
    session.flush()


def list_anchors(session: Session) -> list[Anchor]:
    """All anchors in the order they were made, which is not that of their days where a clock was set wrong."""
    rows = session.scalars(select(HistoryAnchor).order_by(HistoryAnchor.id))
    return [Anchor(row.anchored_on, row.last_event_id, row.event_count, row.digest) for row in rows]


def count_lines(session: Session, after: int, until: int) -> int:
    """How many lines stand in the rows behind one and up to another."""
    span = select(func.count()).select_from(CaseEvent).where(CaseEvent.id > after, CaseEvent.id <= until)
    return session.scalar(span) or 0


def digest_lines(session: Session, before: str | None, day: date, span: tuple[int, int], count: int) -> str:
    """The digest of an anchor over the rows of a span, chained to the digest of the anchor before."""
    columns = (CaseEvent.id, CaseEvent.case_id, CaseEvent.number, CaseEvent.hash)
    lines = select(*columns).where(CaseEvent.id > span[0], CaseEvent.id <= span[1]).order_by(CaseEvent.id)
    sums = hashlib.sha256()
    for row in session.execute(lines, execution_options={"yield_per": BATCH}):
        sums.update(json.dumps([str(value) for value in row]).encode())
    return digest_of(key_of(session), "anchor", before, day.isoformat(), *span, count, sums.hexdigest())


def _last_hash(session: Session, case: Case) -> str | None:
    if not case.head_number:
        return None
    last = select(CaseEvent.hash).where(CaseEvent.case_id == case.id, CaseEvent.number == case.head_number)
    return session.scalars(last).one()


def history_key(keys: Keys) -> bytes:
    """The key of all histories of a deployment."""
    return keys.derive(_PURPOSE)


def key_of(session: Session) -> bytes:
    """The key of the histories in this session's database."""
    return history_key(keys_of_session(session))


def digest_of(key: bytes, *parts: object) -> str:
    """A keyed digest of numbers and texts, each told from its neighbours."""
    return hmac.new(key, json.dumps(parts).encode(), hashlib.sha256).hexdigest()


def hash_line(key: bytes, line: Sequence[Any]) -> str:
    """The hash of a line: its row, case, number, kind, moment, actor, sealed body and the hash of the line before."""
    row_id, case_id, number, kind, at, actor_id, body, previous_hash = line
    sealed = None if body is None else hashlib.sha256(body).hexdigest()
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    return digest_of(key, "line", row_id, case_id, number, kind, moment, actor_id, sealed, previous_hash)


def hash_head(key: bytes, case_id: int, number: int, line_hash: str) -> str:
    """Keyed once more, so that who only holds the database cannot make an earlier line the last."""
    return digest_of(key, "head", case_id, number, line_hash)
