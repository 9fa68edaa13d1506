"""Question + date → an answer with citations, a question back, or an honest "not known"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

from knowledge.dates import day_spoken_of
from knowledge.entry import CONTENT, Citation, Library, Status
from knowledge.law import load_index
from knowledge.load import load_library
from knowledge.pages import Page, make_page
from knowledge.search import Hit, Searcher
from knowledge.topics import Topic, load_topics
from knowledge.words import load_lexicon

MOST_OPTIONS = 4
SURE = 0.62
CLOSE = 0.35


class Outcome(StrEnum):
    """What the bot does with a message."""

    ANSWER = "answer"
    ASK_BACK = "ask_back"
    ABSTAIN = "abstain"
    SMALL_TALK = "small_talk"
    HANDOVER = "handover"


@dataclass(frozen=True)
class Answer:
    """What was decided. `text` is what is said when no entry is shown; empty leaves the sentence to the caller."""

    outcome: Outcome
    entry_id: str | None
    score: float
    options: tuple[str, ...]
    on: date
    text: str = ""


class Answerer:
    """Answers from the entries of a library. Never changes once built; safe to share between threads."""

    def __init__(self, library: Library, searcher: Searcher, topics: list[Topic], shown: set[str]) -> None:
        self._library = library
        self._searcher = searcher
        self._topics = topics
        self._shown = shown

    def answer(self, text: str, today: date) -> Answer:
        """What to say to a message, by the law of the day it speaks of, else of today."""
        on = day_spoken_of(text, today) or today
        hits = [hit for hit in self._searcher.search(text).hits if self.page(hit.entry_id, on) is not None]
        return self._decide(hits, on)

    def _decide(self, hits: list[Hit], on: date) -> Answer:
        score = hits[0].score if hits else 0.0
        if score >= SURE:
            return Answer(Outcome.ANSWER, hits[0].entry_id, score, (), on)
        options = tuple(hit.entry_id for hit in hits[:MOST_OPTIONS])
        if score >= CLOSE and len(options) > 1:
            return Answer(Outcome.ASK_BACK, None, score, options, on)
        return Answer(Outcome.ABSTAIN, None, score, (), on)

    def ranked(self, text: str, limit: int = 5) -> list[Hit]:
        """The best entries whatever the bar, for curators."""
        return list(self._searcher.search(text, limit).hits)

    def page(self, entry_id: str, on: date) -> Page | None:
        """The entry as it was on that day; None when unknown, retired or nothing is known about that day."""
        entry = self._library.entries.get(entry_id) if entry_id in self._shown else None
        return None if entry is None else make_page(entry, self._library, on)

    def has(self, entry_id: str) -> bool:
        return entry_id in self._shown

    def question_of(self, entry_id: str) -> str:
        """The question of an entry. Raises KeyError when it is not shown."""
        if entry_id not in self._shown:
            raise KeyError(entry_id)
        return self._library.entries[entry_id].question

    def citations_of(self, entry_id: str, on: date) -> tuple[Citation, ...]:
        page = self.page(entry_id, on)
        return page.citations if page else ()

    def topics(self, on: date) -> list[tuple[str, str]]:
        """The topics that have something to show on that day, most asked first: key and title."""
        return [(topic.key, topic.title) for topic in self._topics if self.entries_of(topic.key, on)]

    def entries_of(self, topic: str, on: date) -> list[str]:
        """The entries of a topic on that day, most asked first; none for an unknown topic."""
        found = next((one for one in self._topics if one.key == topic), None)
        if found is None:
            return []
        entries = [
            entry
            for entry in self._library.entries.values()
            if entry.id in self._shown and entry.topic in found.folders and entry.period_on(on) is not None
        ]
        order = {entry_id: place for place, entry_id in enumerate(found.first)}
        entries.sort(key=lambda entry: (order.get(entry.id, len(order)), found.folders.index(entry.topic), entry.id))
        return [entry.id for entry in entries]


def load_answerer(content: Path = CONTENT, include_drafts: bool = False) -> Answerer:
    """An answerer over the published entries; with the drafts too for curators' tools, never for members."""
    library = load_library(content)
    wanted = [
        entry
        for entry in library.entries.values()
        if entry.status is Status.PUBLISHED or (include_drafts and entry.status is not Status.RETIRED)
    ]
    searcher = Searcher(wanted, load_lexicon(content), load_index(content / "law_index.json"))
    return Answerer(library, searcher, load_topics(content), {entry.id for entry in wanted})
