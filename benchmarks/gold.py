"""The questions of a folder, and when an answer counts as direct, helped or wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowledge.normalize import fold

CITED = 4
Place = tuple[str, str]


@dataclass(frozen=True)
class Question:
    """A question of the measuring set with the articles in force that answer it; none for off-topic ones."""

    id: str
    text: str
    style: str
    topic: str
    group: str
    gold: frozenset[Place]
    worker: bool
    in_force: bool
    off_topic: bool
    small_talk: bool
    own_case: bool


@dataclass(frozen=True)
class Outcome:
    """What a searcher did with a question: how, and the articles it showed."""

    outcome: str
    cited: frozenset[Place] = frozenset()
    offered: frozenset[Place] = frozenset()
    score: float = 0.0


def read_questions(folder: Path) -> list[Question]:
    """Every question of the folder's *questions*.jsonl and *offtopic*.jsonl."""
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        found += [_question(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return found


def _question(row: dict[str, Any]) -> Question:
    off_topic = row["topic"] == "offtopic"
    gold = frozenset() if off_topic else frozenset(place for one in row["gold"] if (place := _current(one)))
    return Question(
        id=row["id"],
        text=row["text"],
        style=row["style"],
        topic=row["topic"],
        group=row["group"],
        gold=gold,
        worker=row.get("audience") == "worker",
        in_force=row.get("law_in_force") is True,
        off_topic=off_topic,
        small_talk=row.get("kind") == "small_talk",
        own_case=row.get("flag") == "case_status",
    )


def _current(gold: dict[str, Any]) -> Place | None:
    """The article that holds today; None when the label names no law of ours or has no current counterpart."""
    if gold["law"] == "vlsp_id" or gold.get("article") is None:
        return None
    if gold.get("law_in_force") is False:
        if gold.get("replaced_by") and gold.get("article_now") is not None:
            return gold["replaced_by"], str(gold["article_now"])
        return None
    return gold["law"], str(gold["article"])


def first_places(citations: Iterable[Any]) -> frozenset[Place]:
    """Law and article of the first citations of an answer."""
    return frozenset((one.source, str(one.article)) for one in list(citations)[:CITED])


def judge(question: Question, outcome: Outcome) -> str:
    """direct · helped · missed_back (asked back in vain) · wrong · wrong_but_offered · silent; of an off-topic message
    answered · asked_back · silent."""
    if question.off_topic:
        return {"answer": "answered", "ask_back": "asked_back"}.get(outcome.outcome, "silent")
    if outcome.outcome == "answer":
        if question.gold & outcome.cited:
            return "direct"
        return "wrong_but_offered" if question.gold & outcome.offered else "wrong"
    if outcome.outcome == "ask_back":
        return "helped" if question.gold & outcome.offered else "missed_back"
    return "silent"


def tally(questions: Iterable[Question], outcomes: dict[str, Outcome]) -> dict[str, float]:
    """Shares in percent over questions with a label."""
    marks = [judge(one, outcomes[one.id]) for one in questions if one.gold and not one.own_case]
    if not marks:
        return {"n": 0}

    def share(*names: str) -> float:
        return round(100 * sum(mark in names for mark in marks) / len(marks), 1)

    return {
        "n": len(marks),
        "direct": share("direct"),
        "helped": share("direct", "helped", "wrong_but_offered"),
        "wrong": share("wrong", "wrong_but_offered"),
        "asked_back": share("helped", "missed_back"),
        "silent": share("silent"),
    }


def tally_off_topic(questions: Iterable[Question], outcomes: dict[str, Outcome]) -> dict[str, float]:
    """Shares in percent of off-topic messages that were answered or asked back."""
    marks = [judge(one, outcomes[one.id]) for one in questions if one.off_topic]
    if not marks:
        return {"n": 0}
    return {"n": len(marks)} | {
        name: round(100 * marks.count(name) / len(marks), 1) for name in ("answered", "asked_back")
    }


def stripped(text: str) -> str:
    """The text as somebody types it without marks, punctuation kept."""
    return "".join(fold(letter) or letter if letter.isalpha() else letter for letter in text)
