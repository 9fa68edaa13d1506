"""Writes what members asked in vain and said of answers into a file for the curators, who need no database."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from bot.settings import Settings
from db.deployment import find_fingerprint
from db.keys import KeyProblem, load_key_file
from db.migrate import find_revision
from db.questions import list_feedback, list_unanswered
from db.session import Database
from handlers.feature import VIETNAM
from handlers.retention import PERIODS
from knowledge.texts import t


class ExportProblem(Exception):
    """The file cannot be written; the message says why, and a file that stood there before is as it was."""


def export_questions(settings: Settings, path: Path) -> str:
    """Write the file, readable by its owner only; returns a sentence for the operator."""
    database = Database(settings.database_url, load_key_file(settings.key_file))
    try:
        if find_revision(database) is None:
            raise ExportProblem(t("questions.nothing"))
        with database.read() as session:
            if find_fingerprint(session) not in (None, database.keys.fingerprint()):
                raise KeyProblem(t("start.wrong_key", key_file=settings.key_file))
            asked, said = _write_private(path, _unanswered_lines(session), _feedback_lines(session))
    finally:
        database.close()
    days = {period.kind: period.days for period in PERIODS}
    return t(
        "questions.done",
        path=path,
        asked=asked,
        said=said,
        asked_days=days["unanswered_questions"],
        said_days=days["feedback"],
    )


def _unanswered_lines(session: Session) -> Iterator[dict[str, str | None]]:
    for one in list_unanswered(session):
        yield {"kind": "unanswered", "day": _day(one.asked_at), "outcome": one.outcome, "question": one.question}


def _feedback_lines(session: Session) -> Iterator[dict[str, str | None]]:
    for one in list_feedback(session):
        yield {
            "kind": "feedback",
            "day": _day(one.said_at),
            "entry": one.entry_id,
            "verdict": one.verdict.value,
            "question": one.question,
            "note": one.note,
        }


def _day(moment: datetime) -> str:
    """The day in Vietnam and not the minute: a curator needs no more, and a minute could be laid beside a chat."""
    return moment.astimezone(VIETNAM).date().isoformat()


def _write_private(path: Path, *parts: Iterable[dict[str, str | None]]) -> list[int]:
    """One JSON line each into a file that is private from its first byte on and appears complete or not at all.
    Returns the number of lines of each part."""
    draft: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # for its owner only
        draft = Path(name)
        counts = []
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            for part in parts:
                counts.append(0)
                for row in part:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                    counts[-1] += 1
        draft.replace(path)
    except OSError as error:
        raise ExportProblem(t("questions.not_writable", path=path, text=error.strerror)) from None
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)
    return counts
