"""Question and date → an answer with citations, a question back, or an honest "not known"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

from rapidfuzz import fuzz, process

from knowledge.citations import cite
from knowledge.entry import CONTENT, Citation, Entry, Library, Status
from knowledge.figures import NoValueError, fill
from knowledge.load import load_library
from knowledge.normalize import fold
from knowledge.texts import t


class Outcome(StrEnum):
    """What the bot can say to a message."""

    ANSWER = "answer"
    ASK_BACK = "ask_back"
    ABSTAIN = "abstain"
    SMALL_TALK = "small_talk"
    HANDOVER = "handover"


@dataclass(frozen=True)
class Answer:
    """What was found for a message; ``text`` is what is said when it is not an entry."""

    outcome: Outcome
    entry_id: str | None
    score: float
    options: tuple[str, ...]
    on: date
    text: str = ""


@dataclass(frozen=True)
class Page:
    """An entry as it reads on a day."""

    message: str
    details: str
    citations: tuple[Citation, ...]
    related: tuple[str, ...]
    since: date


class Answerer:
    """Answers from one library."""

    def __init__(self, library: Library, include_drafts: bool = False) -> None:
        self._library = library
        self._entries: dict[str, Entry] = {
            entry.id: entry
            for entry in library.entries.values()
            if entry.status is Status.PUBLISHED or (include_drafts and entry.status is not Status.RETIRED)
        }
        self._phrases = [(fold(phrase), entry.id) for entry in self._entries.values() for phrase in entry.phrasings]

    def answer(self, text: str, today: date) -> Answer:
        found = process.extract(fold(text), [p for p, _ in self._phrases], scorer=fuzz.token_set_ratio, limit=8)
        ids = list(dict.fromkeys(self._phrases[index][1] for _, _, index in found))
        score = found[0][1] / 100 if found else 0.0
        if score >= 0.8:
            return Answer(Outcome.ANSWER, ids[0], score, (), today)
        if score >= 0.6:
            return Answer(Outcome.ASK_BACK, None, score, tuple(ids[:4]), today)
        return Answer(Outcome.ABSTAIN, None, score, (), today)

    def page(self, entry_id: str, on: date) -> Page | None:
        entry = self._entries.get(entry_id)
        period = entry.period_on(on) if entry else None
        if entry is None or period is None:
            return None
        try:
            first = fill(period.answer, self._library.figures, on)
            details = fill(period.details, self._library.figures, on)
        except NoValueError:
            return None
        cited = "; ".join(cite(citation, self._library) for citation in period.citations[:4])
        message = "\n\n".join(
            [first, t("answer.citations", citations=cited) + "\n" + t("answer.since", day=period.span.first.strftime("%d/%m/%Y"))]
        )
        related = tuple(one for one in entry.related if one in self._entries)[:3]
        return Page(message, details, period.citations, related, period.span.first)

    def question_of(self, entry_id: str) -> str:
        return self._entries[entry_id].question

    def has(self, entry_id: str) -> bool:
        return entry_id in self._entries

    def topics(self, on: date) -> list[tuple[str, str]]:
        return [(topic, topic) for topic in sorted({entry.topic for entry in self._entries.values()})]

    def entries_of(self, topic: str, on: date) -> list[str]:
        return [e.id for e in self._entries.values() if e.topic == topic and e.period_on(on)]


def load_answerer(content: Path = CONTENT, include_drafts: bool = False) -> Answerer:
    return Answerer(load_library(content), include_drafts)
