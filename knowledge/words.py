"""A message becomes syllables; our own lists say what short forms stand for and which phrases mean the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from knowledge.entry import CONTENT
from knowledge.normalize import fold

LONGEST = 3000
"""Characters of a message that are read. What a person asks stands at the end of a story, so the end is kept."""

_WORD = re.compile(r"[^\W\d_]+|\d+")


Phrases = dict[str, dict[str | None, tuple[tuple[tuple[str, ...], str], ...]]]
"""Phrases by their first syllable and their second (None without one): the syllables of each, and what it stands for.
"""


@lru_cache(maxsize=65536)
def bare(word: str) -> str:
    """One syllable without marks."""
    return fold(word)


def split_words(text: str) -> list[str]:
    """Syllables and numbers in order, lower case, with their marks; "18nam" becomes two."""
    return list(_split(text[-LONGEST:]))


@lru_cache(maxsize=64)
def _split(text: str) -> tuple[str, ...]:
    """Kept, because everything that reads a message splits it."""
    return tuple(_WORD.findall(unicodedata.normalize("NFC", text).lower()))


@dataclass(frozen=True)
class Lexicon:
    """Short forms and their readings; concepts and the phrases that name them, by the first syllable of the phrase."""

    readings: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    concepts: Phrases = field(default_factory=dict)
    at_home: Phrases = field(default_factory=dict)
    elsewhere: Phrases = field(default_factory=dict)

    def written_out(self, words: Sequence[str]) -> list[str]:
        """The words without marks, every short form that has one reading written out."""
        row: list[str] = []
        for word in words:
            readings = self.readings_of(word)
            row += readings[0] if len(readings) == 1 else (bare(word),)
        return row

    def names_something(self, words: Sequence[str]) -> bool:
        """Whether the words name anything of our field."""
        row = self.written_out(words)
        return bool(matches_in(row, self.at_home) or matches_in(row, self.concepts))

    def readings_of(self, word: str) -> tuple[tuple[str, ...], ...]:
        """What a short form may stand for, without marks; none when it is an ordinary word."""
        return self.readings.get(bare(word), ())


def matches_in(row: Sequence[str], phrases: Phrases) -> list[tuple[str, tuple[str, ...]]]:
    """The phrases found in a row of folded syllables, in order: what each stands for, and the phrase itself."""
    found, words = [], tuple(row)
    for start in [start for start, word in enumerate(words) if word in phrases]:
        starting = phrases[words[start]]
        if None in starting:
            found += [(name, phrase) for phrase, name in starting[None]]
        for phrase, name in starting.get(words[start + 1], ()) if start + 1 < len(words) else ():
            if len(phrase) == 2 or words[start : start + len(phrase)] == phrase:
                found.append((name, phrase))
    return found


def names_in(row: Sequence[str], phrases: Phrases) -> list[str]:
    """What the phrases found in a row of folded syllables stand for, in order."""
    return [name for name, _ in matches_in(row, phrases)]


def load_lexicon(content: Path = CONTENT) -> Lexicon:
    """The lists in abbreviations.yaml, synonyms.yaml and domain.yaml; a missing file means an empty list."""
    readings: dict[str, tuple[tuple[str, ...], ...]] = {}
    for short, listed in _read_yaml(content / "abbreviations.yaml").items():
        texts = listed if isinstance(listed, list) else [listed]
        known = readings.get(fold(str(short)), ())  # "hđ" and "hd" are one: who types without marks means either
        readings[fold(str(short))] = tuple(dict.fromkeys([*known, *(tuple(fold(text).split()) for text in texts)]))
    domain = _read_yaml(content / "domain.yaml")
    return Lexicon(
        readings,
        _by_first_words(_read_yaml(content / "synonyms.yaml")),
        _by_first_words(domain.get("at_home", {})),
        _by_first_words(domain.get("elsewhere", {})),
    )


def _by_first_words(groups: dict[str, Any]) -> Phrases:
    found: Phrases = {}
    for name, phrases in groups.items():
        for phrase in dict.fromkeys(tuple(fold(str(one)).split()) for one in phrases):
            starting = found.setdefault(phrase[0], {})
            second = phrase[1] if len(phrase) > 1 else None
            starting[second] = (*starting.get(second, ()), (phrase, str(name)))
    return found


def _read_yaml(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    with path.open(encoding="utf-8") as file:
        return yaml.load(file, Loader=yaml.CSafeLoader) or {}
