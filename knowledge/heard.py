"""What members asked in vain and said of answers, read from the file that `python -m bot questions export` writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from knowledge.answer import Outcome
from knowledge.curate import CurateError
from knowledge.texts import t

MOST_ERRORS = 10
T = TypeVar("T")


@dataclass(frozen=True)
class Unanswered:
    """A question that found no clear answer; tied to nobody."""

    question: str
    outcome: Outcome
    day: date


@dataclass(frozen=True)
class Remark:
    """What somebody said of an answer; tied to nobody."""

    entry_id: str
    is_wrong: bool
    day: date
    question: str = ""
    note: str = ""


@dataclass(frozen=True)
class Heard:
    """Everything in one file."""

    asked: tuple[Unanswered, ...] = ()
    said: tuple[Remark, ...] = ()


class _BadLine(Exception):
    """What is wrong with a line, never the line itself: the words of members stay out of error messages."""


def read_heard(path: Path) -> Heard:
    """The rows of a file. Raises CurateError naming the lines that cannot be read, the first ten of them."""
    asked: list[Unanswered] = []
    said: list[Remark] = []
    bad: list[str] = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise CurateError(t("knowledge.heard.no_file", path=path, text=error.strerror)) from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = _read(line)
        except _BadLine as problem:
            bad.append(t("knowledge.heard.bad_line", path=path, line=number, text=problem))
            continue
        if isinstance(row, Unanswered):
            asked.append(row)
        else:
            said.append(row)
    if len(bad) > MOST_ERRORS:
        bad[MOST_ERRORS:] = [t("knowledge.heard.more_bad", count=len(bad) - MOST_ERRORS)]
    if bad:
        raise CurateError("\n".join(bad))
    return Heard(tuple(asked), tuple(said))


def _read(line: bytes) -> Unanswered | Remark:
    try:
        row = json.loads(line.decode("utf-8"))
    except ValueError:
        raise _BadLine(t("knowledge.heard.not_json")) from None
    if not isinstance(row, dict):
        raise _BadLine(t("knowledge.heard.not_json"))
    if _one_of(row, "kind", {"unanswered": True, "feedback": False}):
        outcomes = {one.value: one for one in Outcome}
        return Unanswered(_text(row, "question"), _one_of(row, "outcome", outcomes), _day(row))
    is_wrong = _one_of(row, "verdict", {"wrong": True, "helpful": False})
    return Remark(_text(row, "entry"), is_wrong, _day(row), _text(row, "question", ""), _text(row, "note", ""))


def _text(row: dict[str, Any], key: str, default: str | None = None) -> str:
    """A text of the row; `default` where it is absent or null."""
    value = row.get(key)
    if value is None:
        value = default
    if not isinstance(value, str):
        raise _BadLine(t("knowledge.heard.bad_value", key=key))
    return value


def _one_of(row: dict[str, Any], key: str, meaning: Mapping[str, T]) -> T:
    word = _text(row, key)
    if word not in meaning:
        raise _BadLine(t("knowledge.heard.bad_value", key=key))
    return meaning[word]


def _day(row: dict[str, Any]) -> date:
    try:
        return date.fromisoformat(_text(row, "day"))
    except ValueError:
        raise _BadLine(t("knowledge.heard.bad_value", key="day")) from None
