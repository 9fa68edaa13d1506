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


@lru_cache(maxsize=65536)
def bare(word: str) -> str:
    """One syllable without marks."""
    return fold(word)


def split_words(text: str) -> list[str]:
    """Syllables and numbers in order, lower case, with their marks; "18nam" becomes two."""
    return _WORD.findall(unicodedata.normalize("NFC", text[-LONGEST:]).lower())


@dataclass(frozen=True)
class Lexicon:
    """Short forms and their readings; concepts and the phrases that name them, by the first syllable of the phrase."""

    readings: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    concepts: dict[str, tuple[tuple[tuple[str, ...], str], ...]] = field(default_factory=dict)
    off_topic: dict[str, tuple[tuple[tuple[str, ...], str], ...]] = field(default_factory=dict)

    def readings_of(self, word: str) -> tuple[tuple[str, ...], ...]:
        """What a short form may stand for, without marks; none when it is an ordinary word."""
        found = self.readings.get(word)
        return self.readings.get(bare(word), ()) if found is None else found


def names_in(row: Sequence[str], phrases: dict[str, tuple[tuple[tuple[str, ...], str], ...]]) -> list[str]:
    """What the phrases found in a row of folded syllables stand for, in order."""
    found = []
    for start, word in enumerate(row):
        for phrase, name in phrases.get(word, ()):
            if len(phrase) == 1 or tuple(row[start : start + len(phrase)]) == phrase:
                found.append(name)
    return found


def load_lexicon(content: Path = CONTENT) -> Lexicon:
    """The lists in abbreviations.yaml, synonyms.yaml and off_topic.yaml; a missing file means an empty list."""
    readings = {}
    for short, listed in _read_yaml(content / "abbreviations.yaml").items():
        texts = listed if isinstance(listed, list) else [listed]
        readings[unicodedata.normalize("NFC", str(short))] = tuple(tuple(fold(text).split()) for text in texts)
    return Lexicon(
        readings,
        _by_first_word(_read_yaml(content / "synonyms.yaml")),
        _by_first_word(_read_yaml(content / "off_topic.yaml")),
    )


def _by_first_word(groups: dict[str, Any]) -> dict[str, tuple[tuple[tuple[str, ...], str], ...]]:
    found: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for name, phrases in groups.items():
        for phrase in dict.fromkeys(tuple(fold(str(one)).split()) for one in phrases):
            found.setdefault(phrase[0], []).append((phrase, str(name)))
    return {first: tuple(listed) for first, listed in found.items()}


def _read_yaml(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    with path.open(encoding="utf-8") as file:
        return yaml.load(file, Loader=yaml.CSafeLoader) or {}
