"""Recognises in a free message that somebody is in danger, or that they are being wronged at work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import yaml

from knowledge.entry import CONTENT
from knowledge.normalize import fold
from knowledge.search import Searcher
from knowledge.signs import Finder, Span, Spans, Speech, Word, together
from knowledge.spelling import Speller
from knowledge.talk import Phrasebook, load_phrasebook
from knowledge.telex import Retyper
from knowledge.words import bare

SHORTEST_TOLD = 4
"""With fewer syllables a message names a subject ("nợ lương"): an answer comes first, help stands beside it."""

LIGHT_WORK_AGE, ADULT_AGE, YOUNGEST = 15, 18, 5
"""Below the first only light work is allowed, below the second an employee is a minor (Labour Code 45/2019/QH14,
Article 143); who is younger than the last does not work but is somebody's small child."""

OWN_CHILD_WITHIN = 3
OWN_CHILD = "con"
_AGE = "tuoi"
_NO_AGE = "thang"
_LAST_OF_QUESTION = frozenset({"khong", "chua"})


class Kind(StrEnum):
    """What an alarm is about."""

    EMERGENCY = "emergency"
    GRIEVANCE = "grievance"


class Category(StrEnum):
    """What a grievance is about; every emergency has one too, for the officer who follows it up."""

    WAGES = "wages"
    HOURS = "hours"
    INSURANCE_DEBT = "insurance_debt"
    MEALS = "meals"
    SAFETY = "safety"
    DISCIPLINE_DISMISSAL = "discipline_dismissal"
    HARASSMENT = "harassment"
    CONTRACT = "contract"
    UNION_RIGHTS = "union_rights"
    WELFARE = "welfare"
    OTHER = "other"


class Danger(StrEnum):
    """What an emergency is: it chooses the reply and the numbers to call."""

    FIRE = "fire"
    RESCUE = "rescue"
    INJURY = "injury"
    ILLNESS = "illness"
    POISONING = "poisoning"
    DESPAIR = "despair"
    CHILD = "child"
    ASSAULT = "assault"
    CONFINEMENT = "confinement"
    VIOLENCE = "violence"


class Urgency(StrEnum):
    """How soon a person must look."""

    EMERGENCY = "emergency"
    URGENT = "urgent"
    ORDINARY = "ordinary"


class Strength(StrEnum):
    """FIRST: it is happening, so the alarm is spoken of before anything else. OFFER: they ask, so they are answered,
    and help is offered beside the answer."""

    FIRST = "first"
    OFFER = "offer"


@dataclass(frozen=True)
class Alarm:
    """What was recognised. `danger` is set for emergencies only, which are always FIRST; `is_minor` when somebody under
    18 is spoken of."""

    kind: Kind
    category: Category
    urgency: Urgency
    strength: Strength
    danger: Danger | None = None
    is_minor: bool = False


@dataclass(frozen=True)
class DatedNumber:
    """A telephone number from a day on, and the document it stands in."""

    since: date
    number: str
    source: str


@dataclass(frozen=True)
class Signs:
    """What tells one danger or one category of grievances."""

    phrases: tuple[str, ...]
    together: tuple[tuple[str, ...], ...]
    category: Category
    urgency: Urgency
    numbers: tuple[str, ...] = ()
    fades: bool = False


@dataclass(frozen=True)
class AlarmBook:
    """The lists of alarms.yaml, read once."""

    numbers: Mapping[str, tuple[DatedNumber, ...]]
    borrowed: frozenset[str]
    words: Mapping[str, tuple[str, ...]]
    idioms: tuple[str, ...]
    dangers: Mapping[Danger, Signs]
    grievances: Mapping[Category, Signs]
    manners: Mapping[str, tuple[str, ...]]


@dataclass
class _Told:
    """How a message is told: what it asks, and whether it is over."""

    asks: bool
    defines: bool
    wants_advice: bool
    cries: bool
    is_supposed: bool
    is_over: bool
    has_aftermath: bool


@dataclass
class _Weighed:
    """How many syllables of a message speak for each category."""

    places: dict[Category, set[int]] = field(default_factory=dict)

    def add(self, category: Category, spans: list[Span]) -> None:
        held = self.places.setdefault(category, set())
        for start, end in spans:
            held.update(range(start, end))

    def heaviest(self, order: list[Category]) -> Category | None:
        found = [one for one in order if self.places.get(one)]
        return max(found, key=lambda one: len(self.places[one]), default=None)


class Alarms:
    """Recognises alarms. Never changes once built; safe to share between threads."""

    def __init__(self, book: AlarmBook, searcher: Searcher, phrasebook: Phrasebook) -> None:
        """`searcher` knows the syllables people use, so that only what is none is taken for a slip."""
        self.book = book
        forms = {form: words for form, words in phrasebook.same.items() if " ".join(words) in book.borrowed}
        known = [*searcher.speller.known, *searcher.lexicon.readings, *map(bare, forms)]
        short = {form: words for form, words in forms.items() if len(words) == 1}  # else "bao nhiêu" is "bao bao nhiêu"
        lists = Speech(searcher.lexicon, short, Retyper(known))
        self._finder = Finder(lists, _names_of(book))
        self._idioms = Finder(lists, {"idiom": book.idioms})
        counts = Counter(_terms_of(self._finder))
        self.words = frozenset(term for term in counts if " " not in term)
        known += [word for word in self.words if word not in forms]
        known += [word.plain for phrase in self._idioms.phrases for word in phrase]
        self._speech = Speech(searcher.lexicon, forms, Retyper(known))
        asked = searcher.phrases.count_of
        self._speech.mend_with(Speller(known, lambda term: asked(term) + counts[term], meant=self.words))

    def recognise(self, text: str) -> Alarm | None:
        """What a message tells besides what it asks; None when it is only a question, small talk or anything else."""
        row = self._speech.words_of(text)
        if not row:
            return None
        masked = [at for spans in self._idioms.find(row).values() for start, end in spans for at in range(start, end)]
        found = self._finder.find(row, masked)
        _add_ages(row, found)
        told = _how_told(row, found, text)
        dangers = {one: spans for one, signs in self.book.dangers.items() if (spans := _places(signs, one, found))}
        danger = max(dangers, key=lambda one: _breadth(dangers[one]), default=None)
        is_minor = "minor" in found or "young" in found
        if danger is not None and _is_happening(told, self.book.dangers[danger]):
            category = self.book.dangers[danger].category
            return Alarm(Kind.EMERGENCY, category, Urgency.EMERGENCY, Strength.FIRST, danger, is_minor)
        return self._grievance(row, found, told, dangers, is_minor)

    def numbers(self, alarm: Alarm, on: date) -> tuple[str, ...]:
        """The numbers to call, the one that matters most first; none for a grievance, or before any was in use."""
        if alarm.danger is None:
            return ()
        names = self.book.dangers[alarm.danger].numbers + (("children",) if alarm.is_minor else ())
        return tuple(dict.fromkeys(number for name in names if (number := self._number(name, on))))

    def _number(self, name: str, on: date) -> str | None:
        return next((one.number for one in self.book.numbers[name] if one.since <= on), None)

    def _grievance(
        self, row: list[Word], found: Spans, told: _Told, dangers: dict[Danger, list[Span]], is_minor: bool
    ) -> Alarm | None:
        weighed = _Weighed()
        for category, signs in self.book.grievances.items():
            weighed.add(category, _places(signs, category, found))
        for danger, spans in dangers.items():
            weighed.add(self.book.dangers[danger].category, spans)
        heaviest = weighed.heaviest(list(self.book.grievances))
        if heaviest is None or told.defines:
            return None
        urgent = "urgent" in found or self.book.grievances[heaviest].urgency is Urgency.URGENT
        is_told = not (told.asks or told.wants_advice) and len(row) >= SHORTEST_TOLD
        strength = Strength.FIRST if is_told else Strength.OFFER
        return Alarm(
            Kind.GRIEVANCE,
            heaviest,
            Urgency.URGENT if urgent else Urgency.ORDINARY,
            strength,
            is_minor=is_minor,
        )


def _places(signs: Signs, name: str, found: Spans) -> list[Span]:
    """Where a danger or a category is told; empty when it is not."""
    return [*found.get(name, ()), *(span for names in signs.together for span in together(found, names))]


def _breadth(spans: list[Span]) -> int:
    """How many syllables speak for something."""
    return len({at for start, end in spans for at in range(start, end)})


def _is_happening(told: _Told, signs: Signs) -> bool:
    """Whether danger is told as it is now: not asked about as law, not long over, not about what came after."""
    if told.defines:
        return False
    if told.cries:
        return True
    return not (told.asks or told.is_supposed or told.is_over or (signs.fades and told.has_aftermath))


def _how_told(row: list[Word], found: Spans, text: str) -> _Told:
    wants_advice = "helps" in found
    ends_asking = row[-1].plain in _LAST_OF_QUESTION or ("?" in text and not wants_advice)
    return _Told(
        asks="asks" in found or ends_asking,
        defines="defines" in found,
        wants_advice=wants_advice,
        cries="cries" in found,
        is_supposed="ifs" in found,
        is_over="past" in found,
        has_aftermath="after" in found,
    )


def _add_ages(row: list[Word], found: Spans) -> None:
    """Ages said in figures ("14 tuổi") join the phrases that tell a minor."""
    for at, (number, unit) in enumerate(pairwise(row)):
        is_age = unit.plain == _AGE and not (at + 2 < len(row) and row[at + 2].plain == _NO_AGE)
        if not is_age or not number.plain.isdecimal() or not YOUNGEST < int(number.plain) < ADULT_AGE:
            continue
        before = [word.plain for word in row[max(0, at - OWN_CHILD_WITHIN) : at]]
        young = "minor" if int(number.plain) < LIGHT_WORK_AGE else "young"
        found.setdefault("own_child" if OWN_CHILD in before else young, []).append((at, at + 2))


def _names_of(book: AlarmBook) -> dict[str, tuple[str, ...]]:
    """Everything that is looked up in a message, by the name it is known by."""
    named = {**book.words, **book.manners}
    for one, signs in [*book.dangers.items(), *book.grievances.items()]:
        named[one.value] = signs.phrases
    return named


def _terms_of(finder: Finder) -> Iterator[str]:
    """The syllables of all phrases and their pairs, as the speller weighs them."""
    for phrase in finder.phrases:
        yield from (word.plain for word in phrase)
        yield from (f"{one.plain} {other.plain}" for one, other in pairwise(phrase))


MANNERS = ("urgent", "asks", "defines", "helps", "cries", "past", "after", "ifs")


def load_alarm_book(content: Path = CONTENT) -> AlarmBook:
    """The lists of alarms.yaml; those of the program when a content folder has none of its own."""
    path = content / "alarms.yaml"
    if not path.exists():
        path = CONTENT / "alarms.yaml"
    tree: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    crises = load_phrasebook(content).contains
    dialect = tree["dialect"]
    return AlarmBook(
        numbers={name: tuple(map(_read_number, rows)) for name, rows in tree["numbers"].items()},
        borrowed=frozenset(map(fold, tree["borrowed"])),
        words={name: _spoken(phrases, dialect) for name, phrases in tree["words"].items()},
        idioms=tuple(tree["idioms"]),
        dangers={Danger(name): _read_signs(one, dialect, crises) for name, one in tree["dangers"].items()},
        grievances={
            Category(name): _read_signs({"category": name, **one}, dialect)
            for name, one in tree["grievances"].items()
        },
        manners={name: _spoken(tree[name], dialect) for name in MANNERS},
    )


def _read_number(row: dict[str, Any]) -> DatedNumber:
    return DatedNumber(row["from"], row["number"], row["source"])


def _read_signs(
    tree: dict[str, Any], dialect: Mapping[str, list[str]], more: Mapping[str, tuple[str, ...]] | None = None
) -> Signs:
    borrowed = (more or {}).get(tree.get("uses", ""), ())
    return Signs(
        phrases=_spoken((*tree.get("phrases", ()), *borrowed), dialect),
        together=tuple(tuple(names.split()) for names in tree.get("together", ())),
        category=Category(tree["category"]),
        urgency=Urgency(tree.get("urgency", Urgency.EMERGENCY)),
        numbers=tuple(tree.get("numbers", ())),
        fades=tree.get("fades", False),
    )


def _spoken(phrases: Iterable[object], dialect: Mapping[str, list[str]]) -> tuple[str, ...]:
    """The phrases, each also with the other ways of saying its words."""
    rows = ([[word, *dialect.get(word, ())] for word in str(phrase).split()] for phrase in phrases)
    return tuple(dict.fromkeys(" ".join(words) for row in rows for words in product(*row)))


def load_alarms(searcher: Searcher, content: Path = CONTENT) -> Alarms:
    """The recogniser over the lists of a content folder."""
    return Alarms(load_alarm_book(content), searcher, load_phrasebook(content))
