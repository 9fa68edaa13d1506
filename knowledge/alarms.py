"""Recognises in a free message that somebody is in danger, or that they are being wronged at work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from knowledge.alarm_book import (
    IDIOM,
    Alarm,
    AlarmBook,
    Call,
    Category,
    Danger,
    Kind,
    Signs,
    Strength,
    Urgency,
    load_alarm_book,
)
from knowledge.entry import CONTENT
from knowledge.evidence import Evidence, Likeliest
from knowledge.search import Searcher
from knowledge.signs import Finder, Span, Spans, Speech, Word, read_whole, together
from knowledge.spelling import Speller
from knowledge.talk import Phrasebook, load_phrasebook
from knowledge.telex import Retyper
from knowledge.texts import t
from knowledge.words import bare

__all__ = ["Alarm", "Alarms", "Call", "Category", "Danger", "Kind", "Strength", "Urgency", "load_alarms"]

BUTTONS = ("alarms.ask_help", "alarms.not_now")
"""The labels under an offer, in order: who presses nothing is not asked again."""

SHORTEST_TOLD = 4
"""With fewer syllables a message names a subject ("nợ lương"): an answer comes first, help stands beside it."""

MAYBE_DANGER, MAYBE_WRONG = 4.0, 0.5
"""From this much evidence on a message without any sign of ours is still taken for an alarm, though only beside the
answer: of 17,000 phrasings 0.2 % and 2 % more are."""

YIELDING = frozenset({Danger.VIOLENCE, Danger.CONFINEMENT})
"""Dangers that give way to sexual assault where both are told: who suffered it must not be asked to tell it again."""

INTIMATE = frozenset({"touches", "invites", "peeps"})
"""The words of the book that make harassment sexual; insults are harassment too, told without them."""

BEGINNING = 3
"""Words within which a supposition is what the whole message supposes."""

LIGHT_WORK_AGE, ADULT_AGE, YOUNGEST = 15, 18, 5
"""Below the first only light work is allowed, below the second an employee is a minor (Labour Code 45/2019/QH14,
Article 143); who is younger than the last does not work but is somebody's small child."""

OWN_CHILD_WITHIN = 3
_OWN_CHILD = "con"
_AGE, _NO_AGE = "tuoi", "thang"
_SHORT_AGE = "t"
_OF_AGE = frozenset({"be", "em", "chau", "dua", "nho", "gai", "trai", "moi", "tam", "chung"})
_LAST_OF_QUESTION = frozenset({"khong", "chua"})


@dataclass(frozen=True)
class Told:
    """How a message is told: what it asks, whether it is supposed only, and whether it is over."""

    asks: bool
    defines: bool
    wants_advice: bool
    cries: bool
    supposed_at: int | None
    is_over: bool
    has_aftermath: bool
    is_short: bool

    @property
    def is_told(self) -> bool:
        """Whether they tell rather than ask or begin with a supposition."""
        is_supposed = self.supposed_at is not None and self.supposed_at < BEGINNING
        return not (self.asks or self.wants_advice or self.is_short or is_supposed)

    def is_happening(self, fades: bool = True, at: int | None = None) -> bool:
        """Whether danger told from the word `at` on is told as it is now: not asked about as law, not supposed before,
        not long over, and not about what came after, where danger fades with that."""
        if self.defines:
            return False
        if self.cries:
            return True
        # "giết nếu em khai" supposes nothing
        is_supposed = self.supposed_at is not None and (at is None or self.supposed_at <= at)
        return not (self.asks or is_supposed or self.is_over or (fades and self.has_aftermath))


@dataclass(frozen=True)
class Heard:
    """A message as it was understood: its words without idioms, what is said where, how, and which danger."""

    plain: tuple[str, ...]
    found: Spans
    told: Told
    dangers: dict[Danger, list[Span]]

    @property
    def has_minor(self) -> bool:
        return "minor" in self.found or "young" in self.found


class Alarms:
    """Recognises alarms. Never changes once built; safe to share between threads."""

    def __init__(self, book: AlarmBook, searcher: Searcher, phrasebook: Phrasebook) -> None:
        """`searcher` knows the syllables people use, so that only what is none is taken for a slip, and the words of
        questions; `phrasebook` other spellings, and what people say when they want nothing."""
        self.book = book
        forms = {form: words for form, words in phrasebook.same.items() if " ".join(words) in book.borrowed}
        short = {form: words for form, words in forms.items() if len(words) == 1}  # else "bao nhiêu" is "bao bao nhiêu"
        known = [*searcher.speller.known, *searcher.lexicon.readings, *map(bare, forms)]
        lists = Speech(searcher.lexicon, short)
        self._finder = Finder(lists, book.named_phrases())
        counts = Counter(_terms_of(self._finder))
        self.words = frozenset(term for term in counts if " " not in term)
        known += self.words
        asked = searcher.phrases.count_of
        speller = Speller(known, lambda term: asked(term) + counts[term], meant=self.words)
        self._speech = Speech(searcher.lexicon, forms, Retyper(known), speller)
        self._learn(searcher, phrasebook)
        self._recognised = lru_cache(maxsize=16)(self._recognise)  # each message is asked about twice

    def _learn(self, searcher: Searcher, phrasebook: Phrasebook) -> None:
        def rows(texts: Iterable[str]) -> list[list[str]]:
            return [[word.plain for word in self._speech.words_of(text)] for text in texts]

        dangers = {one.value: rows(signs.examples) for one, signs in self.book.dangers.items()}
        wrongs = {one.value: rows(signs.examples) for one, signs in self.book.grievances.items()}
        talk = (text for intent, texts in phrasebook.intents.items() if intent != "crisis" for text in texts)
        calm = rows([*self.book.calm, *talk])
        all_dangers, all_wrongs = _joined(dangers.values()), _joined(wrongs.values())
        self._in_danger = Evidence(all_dangers, [*all_wrongs, *calm], searcher.phrases)
        self._wronged = Evidence([*all_dangers, *all_wrongs], calm, searcher.phrases)
        self._which_danger = Likeliest(dangers)
        told = {one.value: rows(signs.phrases) for one, signs in self.book.grievances.items()}
        self._which_wrong = Likeliest({name: [*examples, *told[name]] for name, examples in wrongs.items()})

    def recognise(self, text: str) -> Alarm | None:
        """What a message tells besides what it asks; None when it is only a question, small talk or anything else."""
        return self._recognised(text)

    def alarm_of(self, danger: Danger) -> Alarm:
        """The alarm of whoever says without any story which danger there is."""
        return Alarm(Kind.EMERGENCY, self.book.dangers[danger].category, Urgency.EMERGENCY, Strength.FIRST, danger)

    def is_intimate(self, text: str) -> bool:
        """Whether somebody tells, as what happens, of sexual harassment or assault."""
        alarm, heard = self.recognise(text), self._hear(text)
        if alarm is None or heard is None or alarm.strength is not Strength.FIRST:
            return False
        is_sexual = alarm.danger is Danger.ASSAULT or not INTIMATE.isdisjoint(heard.found)
        return alarm.category is Category.HARASSMENT and is_sexual

    def _recognise(self, text: str) -> Alarm | None:
        heard = self._hear(text)
        if heard is None:
            return None
        return self._danger_told(heard) or self._danger_likely(heard) or self._grievance(heard)

    def _hear(self, text: str) -> Heard | None:
        row = self._speech.words_of(text)
        if not row:
            return None
        found = self._finder.find(row)
        idioms = read_whole(found, IDIOM)
        _add_ages(row, found)
        return Heard(
            plain=tuple(word.plain for at, word in enumerate(row) if at not in idioms),
            found=found,
            told=_how_told(row, found, text),
            dangers={one: spans for one, signs in self.book.dangers.items() if (spans := _places(signs, one, found))},
        )

    def calls(self, alarm: Alarm, on: date) -> tuple[Call, ...]:
        """The numbers to call on a day, the one that matters most first, each once; none for a grievance. Who speaks of
        a minor is given the children's number too."""
        if alarm.danger is None:
            return ()
        names = self.book.dangers[alarm.danger].numbers + (("children",) if alarm.is_minor else ())
        found: dict[str, Call] = {}
        for name in names:
            number = self._number(name, on)
            if number is not None:
                found.setdefault(number, Call(name, number))
        return tuple(found.values())

    def say(self, alarm: Alarm, on: date, hotline: str) -> str:
        """What is said of an alarm: in danger the numbers and the next step, else the offer to help."""
        calls = t("alarms.and").join(
            t("alarms.call", number=call.number, who=t(f"alarms.number.{call.name}")) for call in self.calls(alarm, on)
        )
        if alarm.strength is Strength.OFFER:
            return t("alarms.maybe_danger", calls=calls) if alarm.danger else t("alarms.offer_beside")
        if alarm.danger is not None:
            return t(f"alarms.emergency.{alarm.danger}", calls=calls, hotline=hotline)
        return t("alarms.offer_gently" if alarm.category is Category.HARASSMENT else "alarms.offer")

    def _number(self, name: str, on: date) -> str | None:
        return next((one.number for one in self.book.numbers[name] if one.since <= on), None)

    def _danger_told(self, heard: Heard) -> Alarm | None:
        """Danger that our signs tell, as happening now."""
        danger = max(heard.dangers, key=lambda one: _breadth(heard.dangers[one]), default=None)
        if danger is None:
            return None
        if danger in YIELDING and Danger.ASSAULT in heard.dangers:
            danger = Danger.ASSAULT
        at = min(start for start, _ in heard.dangers[danger])
        is_now = heard.told.is_happening(self.book.dangers[danger].fades, at)
        return self._emergency(danger, heard, Strength.FIRST) if is_now else None

    def _danger_likely(self, heard: Heard) -> Alarm | None:
        """Danger that only the words speak for, where no sign tells anything else."""
        if heard.dangers or not heard.told.is_told or not heard.told.is_happening() or self._category(heard):
            return None
        if self._in_danger.of(heard.plain) < MAYBE_DANGER:
            return None
        return self._emergency(Danger(self._which_danger.of(heard.plain)), heard, Strength.OFFER)

    def _emergency(self, danger: Danger, heard: Heard, strength: Strength) -> Alarm:
        category = self.book.dangers[danger].category
        return Alarm(Kind.EMERGENCY, category, Urgency.EMERGENCY, strength, danger, heard.has_minor)

    def _grievance(self, heard: Heard) -> Alarm | None:
        """A grievance that our signs tell, or else one that the words speak for."""
        if heard.told.defines:
            return None
        category = self._category(heard)
        strength = Strength.FIRST if heard.told.is_told else Strength.OFFER
        if category is None and heard.told.is_told and self._wronged.of(heard.plain) >= MAYBE_WRONG:
            category, strength = Category(self._which_wrong.of(heard.plain)), Strength.OFFER
        if category is None:
            return None
        is_urgent = "urgent" in heard.found or self.book.grievances[category].urgency is Urgency.URGENT
        urgency = Urgency.URGENT if is_urgent else Urgency.ORDINARY
        return Alarm(Kind.GRIEVANCE, category, urgency, strength, is_minor=heard.has_minor)

    def _category(self, heard: Heard) -> Category | None:
        """The category most syllables speak for, the first in the book among equals; None when no sign tells one.
        Danger that is over or asked about counts for its own."""
        spans = {one: _places(signs, one, heard.found) for one, signs in self.book.grievances.items()}
        for danger, places in heard.dangers.items():
            spans[self.book.dangers[danger].category] += places
        heaviest = max(spans, key=lambda one: _breadth(spans[one]))
        return heaviest if spans[heaviest] else None


def _places(signs: Signs, name: str, found: Spans) -> list[Span]:
    """Where a danger or a category is told; empty when it is not."""
    return [*found.get(name, ()), *(span for names in signs.together for span in together(found, names))]


def _breadth(spans: list[Span]) -> int:
    """How many syllables speak for something."""
    return len({at for start, end in spans for at in range(start, end)})


def _how_told(row: list[Word], found: Spans, text: str) -> Told:
    wants_advice = "helps" in found
    ends_asking = row[-1].plain in _LAST_OF_QUESTION or ("?" in text and not wants_advice)
    return Told(
        asks="asks" in found or ends_asking,
        defines="defines" in found,
        wants_advice=wants_advice,
        cries="cries" in found,
        supposed_at=min((start for start, _ in found.get("ifs", ())), default=None),
        is_over="past" in found,
        has_aftermath="after" in found,
        is_short=len(row) < SHORTEST_TOLD,
    )


def _add_ages(row: list[Word], found: Spans) -> None:
    """Ages said in figures ("14 tuổi", "bé 14t") join the words that tell a minor."""
    for at, (number, unit) in enumerate(pairwise(row)):
        if not number.plain.isdecimal() or not YOUNGEST < int(number.plain) < ADULT_AGE:
            continue
        before = [word.plain for word in row[max(0, at - OWN_CHILD_WITHIN) : at] if not word.plain.isdecimal()]
        is_age = unit.plain == _AGE and not (at + 2 < len(row) and row[at + 2].plain == _NO_AGE)
        if not is_age and not (unit.plain == _SHORT_AGE and before and before[-1] in _OF_AGE):
            continue
        young = "minor" if int(number.plain) < LIGHT_WORK_AGE else "young"
        found.setdefault("own_child" if _OWN_CHILD in before else young, []).append((at, at + 2))


def _terms_of(finder: Finder) -> Iterator[str]:
    """The syllables of all phrases and their pairs, as the speller weighs them."""
    for phrase in finder.phrases:
        yield from (word.plain for word in phrase)
        yield from (f"{one.plain} {other.plain}" for one, other in pairwise(phrase))


def _joined(lists: Iterable[list[list[str]]]) -> list[list[str]]:
    return [row for rows in lists for row in rows]


def load_alarms(searcher: Searcher, content: Path = CONTENT) -> Alarms:
    """The recogniser over the lists of a content folder."""
    return Alarms(load_alarm_book(content), searcher, load_phrasebook(content))
