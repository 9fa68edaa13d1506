"""How people type a choice from a numbered list: the words of typed_choices.yaml, folded and ready to compare."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from knowledge.entry import CONTENT
from knowledge.normalize import fold

Phrases = frozenset[tuple[str, ...]]
"""Phrases as rows of syllables: without marks, and, where a list is read strictly, with them as well."""

_STRICT = ("particles", "after_a_verb", "after_a_thing")


@dataclass(frozen=True)
class TypedChoices:
    """The lists. Numbers and what follows them keep their marks as well: a marked word counts only when its marks are
    right."""

    numbers: dict[str, int]
    ranks: dict[str, int]
    first: Phrases
    first_after: Phrases
    last: Phrases
    last_after: Phrases
    rank_word: Phrases
    openers: Phrases
    selves: Phrases
    others: Phrases
    verbs: Phrases
    things: Phrases
    particles: Phrases
    after_a_verb: Phrases
    after_a_thing: Phrases
    callings: Phrases
    short: dict[str, str]


@lru_cache(maxsize=1)
def load_choices(path: Path = CONTENT / "typed_choices.yaml") -> TypedChoices:
    """The lists of the file. Read once."""
    with path.open(encoding="utf-8") as file:
        lists: dict[str, Any] = yaml.load(file, Loader=yaml.CSafeLoader)
    phrases = {name: _phrases(listed, name in _STRICT) for name, listed in lists.items() if isinstance(listed, list)}
    return TypedChoices(
        numbers=_numbers(lists["numbers"]),
        ranks=_numbers(lists["ranks"]),
        short={fold(str(short)): fold(str(full)) for short, full in lists["short"].items()},
        **phrases,
    )


def _phrases(listed: list[str], is_strict: bool) -> Phrases:
    folded = frozenset(tuple(fold(str(one)).split()) for one in listed)
    return folded | frozenset(tuple(str(one).split()) for one in listed) if is_strict else folded


def _numbers(listed: dict[int, list[str]]) -> dict[str, int]:
    """Both spellings of each word: with its marks, and without any."""
    return {spelling: number for number, words in listed.items() for word in words for spelling in (word, fold(word))}
