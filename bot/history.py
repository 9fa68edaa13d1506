"""Checks the histories of cases, and keeps their daily anchors a second time, in a file beside the keys.

The anchors are keyed, so whoever holds the database alone cannot make one; but they could take the newest away with the
lines it fixed. The file, on another path and in another backup than the data, remembers that it was there. Lines are
only added: an anchor as ``day last-row count digest``, and, where an older copy of the data was brought back,
``restored moment last-day sum``, after which the anchors go on from that day. That sum is keyed too, over the line
before.
"""

import fcntl
import os
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from bot.settings import Settings
from db.case_history import Anchor, digest_of, history_key, list_anchors
from db.history_check import Fault, Problem, compare, verify
from db.session import Database, keys_of_session
from knowledge.texts import t

_RESTORED = "restored"
_NOTHING = "-"
_MOST_SHOWN = 50


class AnchorFileProblem(Exception):
    """The file with the anchors holds a line that this program did not write."""


def anchor_file_of(settings: Settings) -> Path:
    """Where the anchors are kept beside the keys: those of "union.key" in "union.key.anchors"."""
    return settings.key_file.with_name(settings.key_file.name + ".anchors")


def check_history(settings: Settings, database: Database) -> tuple[bool, str]:
    """Whether all histories are as they were written, and what to tell the operator."""
    written = _read_or_none(history_key(database.keys), anchor_file_of(settings))  # first: the database may be ahead
    with database.read() as session:
        if not database.is_sqlite:
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        problems = verify(session)
        anchors = list_anchors(session)
    problems += [Problem(Fault.ANCHOR_FILE)] if written is None else compare(anchors, written)
    if problems:
        said = [_describe(problem) for problem in problems[:_MOST_SHOWN]]
        more = [t("history.more", count=len(problems) - _MOST_SHOWN)] if len(problems) > _MOST_SHOWN else []
        return False, "\n".join([*said, *more, t("history.what_to_do")])
    last = anchors[-1] if anchors else None
    return True, t("history.whole", count=last.event_count if last else 0, day=_day(last.anchored_on if last else None))


def _read_or_none(key: bytes, path: Path) -> list[Anchor] | None:
    try:
        return _read(key, path)
    except AnchorFileProblem:
        return None


def copy_anchors(session: Session, path: Path) -> None:
    """Add to the file the anchors it does not have yet; each was committed before. What is wrong with the file is for
    `check_history` to say: nothing is added to such a one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        known = _read_or_none(history_key(keys_of_session(session)), path)
        if known is None:
            return
        for anchor in list_anchors(session)[len(known) :]:
            file.write(_line_of(anchor) + "\n")
        file.flush()
        os.fsync(file.fileno())


def note_restore(session: Session, path: Path, now: datetime) -> None:
    """Write down that the data are an older copy from now on, so that the anchors made since are not missed."""
    key = history_key(keys_of_session(session))
    anchors, known = list_anchors(session), _read_or_none(key, path)
    if known is None or len(known) <= len(anchors) or known[: len(anchors)] != anchors:
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    day = anchors[-1].anchored_on.isoformat() if anchors else _NOTHING
    said = [_RESTORED, now.isoformat(), day]
    line = " ".join([*said, digest_of(key, lines[-1], *said)])
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def _read(key: bytes, path: Path) -> list[Anchor]:
    """The anchors that the database must have by the file; none where there is none. Raises `AnchorFileProblem`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, ValueError):
        raise AnchorFileProblem from None
    expected: list[Anchor] = []
    before = ""
    for line in lines:
        try:
            if line.startswith(_RESTORED):
                expected = _after_restore(key, before, line, expected)
            else:
                day, last, count, digest = line.split(" ")
                expected.append(Anchor(date.fromisoformat(day), int(last), int(count), digest))
        except ValueError:
            raise AnchorFileProblem from None
        before = line
    return expected


def _after_restore(key: bytes, before: str, line: str, expected: list[Anchor]) -> list[Anchor]:
    *said, sum_of_it = line.split(" ")
    if len(said) != 3 or sum_of_it != digest_of(key, before, *said):
        raise AnchorFileProblem
    if said[2] == _NOTHING:
        return []
    days = [anchor.anchored_on for anchor in expected]
    return expected[: days.index(date.fromisoformat(said[2])) + 1]


def _line_of(anchor: Anchor) -> str:
    return f"{anchor.anchored_on.isoformat()} {anchor.last_event_id} {anchor.event_count} {anchor.digest}"


def _describe(problem: Problem) -> str:
    return t(f"history.{problem.fault}", code=problem.code or "", number=problem.number or "", day=_day(problem.day))


def _day(day: date | None) -> str:
    return day.strftime("%d/%m/%Y") if day else t("history.never")
