"""A message becomes syllables; our own lists say what short forms stand for and which phrases mean the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from knowledge.entry import CONTENT
from knowledge.normalize import fold

LONGEST = 3000
"""Characters of a message that are read. What a person asks stands at the end of a story, so the end is kept."""

_WORD = re.compile(r"[^\W\d_]+|\d+")


Phrases = dict[str, tuple[tuple[tuple[str, ...], str], ...]]
"""Phrases by their first two syllables, or their only one: the syllables of each, and what it stands for."""


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
    """Short forms and their readings; concepts and the phrases that name them."""

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


def pairs_of(row: Sequence[str]) -> list[str]:
    """Every syllable with the one behind it."""
    return list(map(" ".join, pairwise(row)))


def matches_in(
    row: Sequence[str], phrases: Phrases, pairs: Sequence[str] | None = None
) -> list[tuple[str, tuple[str, ...]]]:
    """The phrases found in a row of folded syllables: what each stands for, and the phrase itself; single syllables
    first, then the others in order. ``pairs`` are those of the row, where at hand."""
    pairs = pairs_of(row) if pairs is None else pairs
    found = [(name, phrase) for word in row if word in phrases for phrase, name in phrases[word]]
    for start in [start for start, pair in enumerate(pairs) if pair in phrases]:
        for phrase, name in phrases[pairs[start]]:
            if len(phrase) == 2 or tuple(row[start : start + len(phrase)]) == phrase:
                found.append((name, phrase))
    return found


def names_in(row: Sequence[str], phrases: Phrases, pairs: Sequence[str] | None = None) -> list[str]:
    """What the phrases found in a row of folded syllables stand for, as `matches_in`."""
    return [name for name, _ in matches_in(row, phrases, pairs)]


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
            start = " ".join(phrase[:2])
            found[start] = (*found.get(start, ()), (phrase, str(name)))
    return found


def _read_yaml(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    with path.open(encoding="utf-8") as file:
        return yaml.load(file, Loader=yaml.CSafeLoader) or {}
