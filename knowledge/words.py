"""A message becomes terms: syllables with and without marks, pairs, concepts; abbreviations expanded, never overwritten."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from knowledge.entry import CONTENT
from knowledge.normalize import fold

LONGEST = 4000
"""Characters of a message that are read; what a person asks stands at its end, so the end is kept."""

_WORD = re.compile(r"[^\W\d_]+|\d+")
_TONES = {"\u0300": "2", "\u0301": "1", "\u0309": "3", "\u0303": "3", "\u0323": "5"}
"""The five tone marks. Hỏi and ngã are one: half the country does not tell them apart when typing."""


@lru_cache(maxsize=65536)
def marked(word: str) -> str:
    """A syllable with its vowel marks and its tone at the end, so that hòa and hoà are one."""
    letters, tone = [], ""
    for letter in unicodedata.normalize("NFD", word.lower()):
        if letter in _TONES:
            tone = _TONES[letter]
        else:
            letters.append(letter)
    return "".join(letters) + tone


@lru_cache(maxsize=65536)
def bare(word: str) -> str:
    return fold(word)


def split_words(text: str) -> list[str]:
    """Syllables and numbers in order, lower case; "18nam" becomes two."""
    return _WORD.findall(unicodedata.normalize("NFC", text[-LONGEST:]).lower())


@dataclass(frozen=True)
class Lexicon:
    """Our own lists: what short forms stand for, and which phrases mean the same."""

    expansions: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    concepts: dict[tuple[str, ...], str] = field(default_factory=dict)
    longest: int = 1

    def expand(self, words: list[str]) -> list[list[tuple[str, ...]]]:
        """For each word the readings it has beside itself."""
        found = []
        for word in words:
            readings = self.expansions.get(word)
            if readings is None:
                readings = self.expansions.get(bare(word), ())
            found.append(list(readings))
        return found

    def concepts_of(self, folded: list[str]) -> list[str]:
        """The concepts named in a row of folded syllables."""
        found = []
        for start in range(len(folded)):
            for length in range(1, self.longest + 1):
                name = self.concepts.get(tuple(folded[start : start + length]))
                if name is not None and start + length <= len(folded):
                    found.append(name)
        return found


def _read_yaml(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    with path.open(encoding="utf-8") as file:
        return yaml.load(file, Loader=yaml.CSafeLoader) or {}


def load_lexicon(content: Path = CONTENT) -> Lexicon:
    """The lists in abbreviations.yaml and synonyms.yaml; missing files mean empty lists."""
    expansions = {}
    for short, readings in _read_yaml(content / "abbreviations.yaml").items():
        listed: Iterable[str] = readings if isinstance(readings, list) else [readings]
        expansions[unicodedata.normalize("NFC", str(short))] = tuple(tuple(split_words(one)) for one in listed)
    concepts = {
        tuple(fold(phrase).split()): name
        for name, phrases in _read_yaml(content / "synonyms.yaml").items()
        for phrase in phrases
    }
    return Lexicon(expansions, concepts, max(map(len, concepts), default=1))
