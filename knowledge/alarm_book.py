"""What an alarm is, and the lists of alarms.yaml that tell one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from knowledge.entry import CONTENT
from knowledge.normalize import fold
from knowledge.talk import load_phrasebook

FILE = "alarms.yaml"
MANNERS = ("urgent", "asks", "defines", "helps", "cries", "past", "after", "ifs")
"""Lists of phrases that tell how something is told: as a question, as long over, as a cry …"""

IDIOM = "idiom"
"""The name of phrases that must be read as a whole."""

AGES = ("minor", "young", "own_child")
"""Groups of words that ages said in figures join."""


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
    """FIRST: they tell what happens to them, so the alarm is spoken of before anything else. OFFER: they ask, or it is
    not quite clear, so they are answered and the alarm stands beside the answer."""

    FIRST = "first"
    OFFER = "offer"


@dataclass(frozen=True)
class Alarm:
    """What was recognised. `danger` is set for emergencies only. `is_minor`: somebody under 18 is spoken of."""

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
class Call:
    """A number to call, under the name it has in the book."""

    name: str
    number: str


@dataclass(frozen=True)
class Signs:
    """What tells one danger or one category of grievances. `fades`: no emergency any more once people speak of money
    and papers. The numbers are names of those in the book, the one that matters most first."""

    category: Category
    urgency: Urgency
    phrases: tuple[str, ...]
    together: tuple[tuple[str, ...], ...]
    examples: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    fades: bool = False


@dataclass(frozen=True)
class AlarmBook:
    """The lists, read once; `manners` by the names in MANNERS, `words` by their own."""

    numbers: Mapping[str, tuple[DatedNumber, ...]]
    borrowed: frozenset[str]
    words: Mapping[str, tuple[str, ...]]
    idioms: tuple[str, ...]
    dangers: Mapping[Danger, Signs]
    grievances: Mapping[Category, Signs]
    manners: Mapping[str, tuple[str, ...]]
    calm: tuple[str, ...]

    def named_phrases(self) -> dict[str, tuple[str, ...]]:
        """Everything that is looked up in a message, by the name it is known by."""
        named = {**self.words, **self.manners, IDIOM: self.idioms}
        for one, signs in [*self.dangers.items(), *self.grievances.items()]:
            named[one.value] = signs.phrases
        return named


def load_alarm_book(content: Path = CONTENT) -> AlarmBook:
    """The lists of a content folder; those of the program when it has none of its own."""
    tree = read_tree(content)
    dialect, talk = tree["dialect"], load_phrasebook(content)

    def read(one: dict[str, Any]) -> Signs:
        """Despair is told by the phrases that small talk knows as well: they stand there only."""
        used = one.get("uses", "")
        phrases = (*one.get("phrases", ()), *talk.contains.get(used, ()), *talk.intents.get(used, ()))
        return Signs(
            category=Category(one["category"]),
            urgency=Urgency(one.get("urgency", Urgency.EMERGENCY)),
            phrases=_spoken(phrases, dialect),
            together=tuple(tuple(names.split()) for names in one.get("together", ())),
            examples=tuple(one["examples"]),
            numbers=tuple(one.get("numbers", ())),
            fades=one.get("fades", False),
        )

    return AlarmBook(
        numbers={
            name: tuple(DatedNumber(row["from"], row["number"], row["source"]) for row in rows)
            for name, rows in tree["numbers"].items()
        },
        borrowed=frozenset(map(fold, tree["borrowed"])),
        words={name: _spoken(phrases, dialect) for name, phrases in tree["words"].items()},
        idioms=tuple(tree["idioms"]),
        dangers={Danger(name): read(one) for name, one in tree["dangers"].items()},
        grievances={Category(name): read({"category": name, **one}) for name, one in tree["grievances"].items()},
        manners={name: _spoken(tree[name], dialect) for name in MANNERS},
        calm=tuple(tree["calm"]),
    )


def read_tree(content: Path = CONTENT) -> dict[str, Any]:
    """The file as it stands."""
    path = content / FILE if (content / FILE).exists() else CONTENT / FILE
    tree: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return tree


def _spoken(phrases: Iterable[object], dialect: Mapping[str, list[str]]) -> tuple[str, ...]:
    """The phrases, each also with the other ways of saying its words."""
    rows = ([[word, *dialect.get(word, ())] for word in str(phrase).split()] for phrase in phrases)
    return tuple(dict.fromkeys(" ".join(words) for row in rows for words in product(*row)))
