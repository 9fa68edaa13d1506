"""Question + date → an answer with citations, a question back, or an honest "not known"."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import cached_property, lru_cache
from pathlib import Path

from knowledge.alarms import Alarms, load_alarms
from knowledge.dates import day_spoken_of
from knowledge.decide import Bar, load_bar
from knowledge.entry import CONTENT, Citation, ContentError, Library, Status
from knowledge.features import Place, features_of
from knowledge.law import LawTexts, load_index
from knowledge.load import load_library
from knowledge.options import resting_on, spread
from knowledge.pages import CITED, Page, distinct, make_page
from knowledge.places import Places, load_places
from knowledge.search import Found, Hit, Searcher
from knowledge.statutes import Reference, Statutes
from knowledge.talk import Talk, load_phrasebook
from knowledge.telex import Retyper
from knowledge.texts import t
from knowledge.topics import Topic, load_topics
from knowledge.words import load_lexicon, split_words

__all__ = ["Answer", "Answerer", "Outcome", "Page", "load_answerer"]

MOST_OPTIONS = 4
KEPT = 8192
"""Entries on a day whose articles are kept in mind: nearly every question is about today."""

LAST_OPTION_ELSEWHERE = 20
"""From so many syllables on a message is a story with several subjects: its last option leads to another article."""

MOST_BESIDE = 3
"""Entries offered beside an answer that is not quite sure."""

SHORTEST_ANSWERED = 3
"""With fewer syllables a message names a subject at best ("thai sản"), so it is asked back; "nhục" is not even that."""

LONGEST_PLACE = 30
"""With more syllables a message that names the minimum wage and a province tells a story about something else."""

SHORT = 6
LOOKED_AT = 10
MOST_QUESTIONS = 2
_SENTENCE = re.compile(r"[^?\n]*\?+|[^\n?]+")
SHORTEST_QUESTION, LONGEST_QUESTION = 4, 24
"""Words of a question that is looked up by itself; of one that ends a story only so many of its last."""


class Outcome(StrEnum):
    """What the bot does with a message."""

    ANSWER = "answer"
    ASK_BACK = "ask_back"
    ABSTAIN = "abstain"
    SMALL_TALK = "small_talk"
    HANDOVER = "handover"


@dataclass(frozen=True)
class Answer:
    """What was decided. `options` are what to choose from when asking back, and what else may be meant beside an
    answer. `text` is what is said when no entry is shown; when asking back it stands above the options, beside an
    answer it is said before the entry. Empty leaves the sentence to the caller; for small talk that is the one under
    small_talk.<talk>. `score` is the chance that the first entry is right."""

    outcome: Outcome
    entry_id: str | None
    score: float
    options: tuple[str, ...]
    on: date
    text: str = ""
    talk: str = ""


@dataclass(frozen=True)
class Judged:
    """What was found for a question, with the chance that the first is right and that one of four is."""

    hits: tuple[Hit, ...] = ()
    first: float = 0.0
    among: float = 0.0


@dataclass(frozen=True)
class Parts:
    """Everything an answerer is made of, read once."""

    library: Library
    searcher: Searcher
    statutes: Statutes
    talk: Talk
    retyper: Retyper
    bar: Bar
    topics: list[Topic]
    places: Places | None = None


class Answerer:
    """Answers from the entries of a library. Never changes once built; safe to share between threads."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._library = parts.library
        self._shown = frozenset(parts.searcher.ids)
        self._citations = lru_cache(maxsize=KEPT)(self._read_citations)
        self._places = lru_cache(maxsize=KEPT)(self._read_places)
        self._is_known = lru_cache(maxsize=KEPT)(self._has_page)

    @cached_property
    def alarms(self) -> Alarms:
        """What tells danger and wrongs in the same messages."""
        return load_alarms(self.parts.searcher)

    def answer(self, text: str, today: date) -> Answer:
        """What to say to a message, by the law of the day it speaks of, else of today."""
        text = self.parts.retyper.retyped(text)
        talk = self.parts.talk.small_talk(text, self.parts.searcher.lexicon)
        if talk is not None and talk.is_sure:
            return Answer(Outcome.SMALL_TALK, None, 1.0, (), today, talk=talk.intent)
        on = day_spoken_of(text, today) or today
        statute = self.parts.statutes.find(text, on)
        if statute is not None:
            return self._asked_about(statute, text, on) or self._show_article(statute, on)
        place = self._look_up_place(text, on)
        if place is not None:
            return place
        if self.parts.talk.own_case(text):
            return Answer(Outcome.HANDOVER, None, 1.0, (), on)
        answer = self._decide(text, on)
        if talk is not None and answer.outcome is not Outcome.ANSWER and talk.outweighs(self._names_something(text)):
            return Answer(Outcome.SMALL_TALK, None, 1.0 - answer.score, (), today, talk=talk.intent)
        return answer

    def judge(self, text: str, on: date) -> Judged:
        """The best entries for a text and how far they can be trusted, whatever the bar."""
        found = self.parts.searcher.search(text, LOOKED_AT)
        if not found.hits:
            return Judged()
        features = self.features(found, on)
        return Judged(found.hits, self.parts.bar.first.chance(features), self.parts.bar.among.chance(features))

    def features(self, found: Found, on: date) -> tuple[float, ...]:
        places = [self.places_of(hit.entry_id, on) for hit in found.hits]
        leads = [self._lead_of(hit.entry_id, on) for hit in found.hits]
        return features_of(self.parts.searcher, found, places, leads)

    def _decide(self, text: str, on: date) -> Answer:
        judged, bar = self.judge(text, on), self.parts.bar
        judged = self._mind_length(text, judged)
        if not judged.hits or (judged.first < bar.answer_from and judged.among < bar.ask_from):
            return Answer(Outcome.ABSTAIN, None, judged.first, (), on)
        asked = self._questions_in(text, on)
        ranking = list(dict.fromkeys([*asked, *(hit.entry_id for hit in judged.hits)]))
        first = ranking[0]
        if not self._is_known(first, on):
            return Answer(Outcome.ABSTAIN, None, judged.first, (), on, t("answer.unknown_then", day=f"{on:%d/%m/%Y}"))
        known = [one for one in ranking[:LOOKED_AT] if self._is_known(one, on)]
        if asked:
            return Answer(Outcome.ANSWER, first, judged.first, tuple(known[1 : 1 + MOST_BESIDE]), on)
        if len(split_words(text)) >= LAST_OPTION_ELSEWHERE:
            places = {one: self.places_of(one, on) for one in known}
            leads = {one: self._lead_of(one, on) for one in known}
            known = spread(known, judged.hits, places, leads, MOST_OPTIONS)
        if judged.first < bar.answer_from:
            return Answer(Outcome.ASK_BACK, None, judged.first, tuple(known[:MOST_OPTIONS]), on)
        beside = known[1 : 1 + MOST_BESIDE] if judged.first < bar.alone_from else []
        return Answer(Outcome.ANSWER, first, judged.first, tuple(beside), on)

    def _lead_of(self, entry_id: str, on: date) -> Place | None:
        citations = self.citations_of(entry_id, on)
        return (citations[0].source, str(citations[0].article)) if citations else None

    def _questions_in(self, text: str, on: date) -> list[str]:
        """The entries for the questions of a message that has several, in their order; none when the first of them
        has no clear answer by itself, for then it leans on the story around it. A question taken out of its story may
        leave half the doubt that a whole message may: it has lost what would speak against its answer."""
        parts = [part for part in _SENTENCE.findall(text) if part.rstrip().endswith("?")]
        parts = [part for part in parts if len(part.split()) >= SHORTEST_QUESTION]
        if len(parts) < 2:
            return []
        bar = (1 + self.parts.bar.answer_from) / 2
        sure = []
        for part in parts[:MOST_QUESTIONS]:
            judged = self.judge(" ".join(part.split()[-LONGEST_QUESTION:]), on)
            if judged.first >= bar:
                sure.append(judged.hits[0].entry_id)
            elif not sure:
                return []
        return sure

    def _mind_length(self, text: str, judged: Judged) -> Judged:
        """A few syllables that name no subject of ours are never answered, and a subject alone is asked back."""
        words = split_words(text)
        if len(words) >= SHORT:
            return judged
        named = self._names_something(text)
        if len(words) < SHORTEST_ANSWERED:
            return replace(judged, first=0.0, among=1.0 if named else 0.0)
        return judged if named else replace(judged, first=0.0)

    def _names_something(self, text: str) -> bool:
        return self.parts.searcher.lexicon.names_something(split_words(text))

    def _asked_about(self, statute: Reference, text: str, on: date) -> Answer | None:
        """The answer to a question that names an article and asks about something of it ("điều 98 blld tăng ca ngày
        tết mấy phần trăm"); None when the article itself is wanted or no clear answer rests on it."""
        if not self.parts.searcher.lexicon.names_something(statute.rest):
            return None
        answer = self._decide(text, on)
        if answer.outcome is not Outcome.ANSWER or answer.entry_id is None:
            return None
        wanted = (statute.source.number, statute.article)
        return answer if wanted in self.places_of(answer.entry_id, on, most=None) else None

    def _show_article(self, found: Reference, on: date) -> Answer:
        """The article, and the entries that rest on it: on its clause first, then those that lead with it."""
        known = [one for one in self.parts.searcher.ids if self._is_known(one, on)]
        near = [hit.entry_id for hit in self.parts.searcher.search(found.heading, LOOKED_AT).hits]
        cited = resting_on(found, {one: self.citations_of(one, on) for one in known}, near)
        options = tuple(cited[:MOST_OPTIONS])
        tail = t("answer.article_entries" if options else "answer.article_no_entry")
        said = f"{self.parts.statutes.say(found)}\n\n{tail}"
        return Answer(Outcome.ASK_BACK if options else Outcome.ABSTAIN, None, 1.0, options, on, said)

    def _look_up_place(self, text: str, on: date) -> Answer | None:
        if len(split_words(text)) > LONGEST_PLACE:
            return None
        found = self.parts.places.find(text, on) if self.parts.places else None
        if found is None or self.parts.places is None or not self._is_known(self.parts.places.annex.entry, on):
            return None
        entry = self.parts.places.annex.entry
        if found.clear:
            return Answer(Outcome.ANSWER, entry, 1.0, (), on, found.text)
        return Answer(Outcome.ASK_BACK, None, 1.0, (entry,), on, found.text)

    def ranked(self, text: str, limit: int = 5) -> list[Hit]:
        """The best entries whatever the bar, for curators; their scores compare within one question only."""
        return list(self.parts.searcher.search(text, limit).hits)

    def page(self, entry_id: str, on: date) -> Page | None:
        """The entry as it was on that day; None when unknown, retired or nothing is known about that day."""
        if entry_id not in self._shown:
            return None
        page = make_page(self._library.entries[entry_id], self._library, on)
        return page and replace(page, related=tuple(one for one in page.related if one in self._shown))

    def has(self, entry_id: str) -> bool:
        return entry_id in self._shown

    def question_of(self, entry_id: str) -> str:
        """The question of an entry. Raises KeyError when it is not shown."""
        if entry_id not in self._shown:
            raise KeyError(entry_id)
        return self._library.entries[entry_id].question

    def citations_of(self, entry_id: str, on: date) -> tuple[Citation, ...]:
        """What the entry rests on that day, most important first, each place once; none when nothing is known."""
        return self._citations(entry_id, on)

    def _read_citations(self, entry_id: str, on: date) -> tuple[Citation, ...]:
        try:
            period = self._library.entries[entry_id].period_on(on)
        except ContentError:
            return ()
        return distinct(period.citations) if period else ()

    def places_of(self, entry_id: str, on: date, most: int | None = CITED) -> frozenset[Place]:
        """Law and article of the citations named in the first message, or of all."""
        return self._places(entry_id, on, most)

    def _read_places(self, entry_id: str, on: date, most: int | None) -> frozenset[Place]:
        return frozenset((one.source, str(one.article)) for one in self.citations_of(entry_id, on)[:most])

    def _has_page(self, entry_id: str, on: date) -> bool:
        return self.page(entry_id, on) is not None

    def topics(self, on: date) -> list[tuple[str, str]]:
        """The topics that have something to show on that day, most asked first: key and title."""
        return [(topic.key, topic.title) for topic in self.parts.topics if self.entries_of(topic.key, on)]

    def entries_of(self, topic: str, on: date) -> list[str]:
        """The entries of a topic on that day, most asked first; none for an unknown topic."""
        found = next((one for one in self.parts.topics if one.key == topic), None)
        if found is None:
            return []
        entries = [self._library.entries[one] for one in self.parts.searcher.ids]
        entries = [one for one in entries if one.topic in found.folders and self.citations_of(one.id, on)]
        order = {entry_id: place for place, entry_id in enumerate(found.first)}
        entries.sort(key=lambda one: (order.get(one.id, len(order)), found.folders.index(one.topic), one.id))
        return [one.id for one in entries]


def load_answerer(content: Path = CONTENT, include_drafts: bool = False, law_texts: Path | None = None) -> Answerer:
    """An answerer over the published entries; with the drafts too for curators' tools, never for members. `law_texts`
    is the folder of imported law texts, from which articles are quoted word for word."""
    with _garbage_left():
        answerer = build_answerer(load_library(content), content, include_drafts, law_texts)
        answerer.alarms.recognise("")  # read now, while nobody waits for it
    return answerer


@contextmanager
def _garbage_left() -> Iterator[None]:
    """Nearly all that is made while loading stays, so looking for garbage meanwhile costs a tenth for nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def build_answerer(
    library: Library, content: Path = CONTENT, include_drafts: bool = False, law_texts: Path | None = None
) -> Answerer:
    """The same over a library already read."""
    wanted: Sequence[Status] = (Status.PUBLISHED,)
    if include_drafts:
        wanted = (Status.PUBLISHED, Status.REVIEWED, Status.DRAFT)
    entries = [entry for entry in library.entries.values() if entry.status in wanted]
    lexicon, laws = load_lexicon(content), load_index(content / "law_index.json")
    texts = LawTexts(law_texts) if law_texts is not None and law_texts.is_dir() else None
    statutes = Statutes(library, laws, lexicon, texts)
    searcher = Searcher(entries, lexicon, laws)
    talk, places = Talk(load_phrasebook(content), searcher.phrases), load_places(library, content)
    retyper = Retyper([*searcher.speller.known, *talk.words, *lexicon.readings, *(places.words if places else ())])
    return Answerer(Parts(library, searcher, statutes, talk, retyper, load_bar(content), load_topics(content), places))
