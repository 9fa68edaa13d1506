"""Reads the name of a workplace, as it is registered and as people type it, into words that can be compared."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from knowledge.entry import CONTENT
from knowledge.normalize import fold

_LONGEST_TEXT = 200
_SURELY_A_NAME = 6
"""A word of so many letters that stands in one workplace's name and in no list of ours is hardly anything else."""

_WORD = re.compile(r"[^\W\d_]+|\d+")


@dataclass(frozen=True)
class Words:
    """The lists of workplaces.yaml, folded."""

    phrases: Mapping[tuple[str, ...], tuple[str, ...]]
    longest: int
    common: frozenset[str]
    sectors: frozenset[str]
    said: frozenset[str]
    labels: tuple[tuple[str, str], ...]


@lru_cache(maxsize=1)
def load_words() -> Words:
    """The lists; read once."""
    with (CONTENT / "workplaces.yaml").open(encoding="utf-8") as file:
        lists: dict[str, Any] = yaml.load(file, Loader=yaml.CSafeLoader)
    phrases: dict[tuple[str, ...], tuple[str, ...]] = {}
    for phrase, shorts in lists["short"].items():
        words = tuple(fold(phrase).split())
        for written in (words, *(tuple(fold(str(short)).split()) for short in shorts)):
            phrases[written] = tuple(dict.fromkeys([*phrases.get(written, ()), "_".join(words)]))
    common, sectors, said = (
        frozenset("_".join(fold(one).split()) for one in lists[name].split(","))
        for name in ("common", "sectors", "said")
    )
    labels = tuple(sorted(lists["label"].items(), key=lambda pair: -len(pair[0])))
    return Words(phrases, max(map(len, phrases)), common, sectors, said, labels)


@dataclass(frozen=True)
class Word:
    """A word of a name: what it may stand for, the likeliest first (a known phrase is one word with "_" in it), as it
    was written (folded), and the marks it was written with."""

    meant: tuple[str, ...]
    written: str
    marks: str = ""

    @property
    def is_common(self) -> bool:
        """Whether it stands for something that any workplace has in its name."""
        return any(one in load_words().common for one in self.meant)


def read_words(text: str, longest: int = _LONGEST_TEXT) -> list[Word]:
    """The words of a text in order."""
    known = load_words()
    row = list(_split(text[:longest]))
    read: list[Word] = []
    at = 0
    while at < len(row):
        for length in range(min(known.longest, len(row) - at), 0, -1):
            written = tuple(word for word, _marks in row[at : at + length])
            meant = known.phrases.get(written)
            if meant:
                itself = written if length == 1 and written[0] not in meant else ()
                read.append(Word((*meant, *itself), "".join(written)))
                at += length
                break
        else:
            word, marks = row[at]
            read.append(Word((word,), word, marks))
            at += 1
    return read


def _split(text: str) -> Iterator[tuple[str, str]]:
    """Words and numbers apart ("may10", "x26"), folded, each with its marks in an order that their place does not
    change: "hoà" and "hòa" are one."""
    for found in _WORD.findall(unicodedata.normalize("NFC", text).lower()):
        word = fold(found)
        if word:
            signs = unicodedata.normalize("NFD", found)
            yield word, "".join(sorted(sign for sign in signs if unicodedata.combining(sign) or sign == "đ"))


@dataclass(frozen=True)
class Told:
    """What a typed name tells: the words that only this workplace has, and those of its trade."""

    words: tuple[str, ...]
    sectors: frozenset[str]


def read_name(text: str) -> Told:
    """The telling words of a workplace's name, without legal forms and small talk; all of them where none is left."""
    known = load_words()
    read = read_words(text)
    words = [one.meant[0] for one in read if not one.is_common and one.meant[-1] not in known.said]
    sectors = frozenset(one for word in read for one in word.meant if one in known.sectors)
    return Told(tuple(words or [one.meant[0] for one in read]), sectors)


def mentions(text: str, name: str) -> bool:
    """Whether a story speaks of a workplace: the words that only its name has stand there in a row. A single short one
    counts behind a word that any workplace has in its name, as in "cty Thắng"; in doubt it does."""
    words = read_words(name)
    telling = [at for at, one in enumerate(words) if not one.is_common and one.meant[-1] not in load_words().said]
    if not telling:
        return False
    sought, told = words[telling[0] : telling[-1] + 1], read_words(text, len(text))
    needs_lead = len(sought) == 1 and len(sought[0].written) < _SURELY_A_NAME
    for at in range(len(told) - len(sought) + 1):
        row = zip(told[at : at + len(sought)], sought, strict=True)
        is_led = not needs_lead or (at > 0 and told[at - 1].is_common)
        if is_led and all(set(one.meant) & set(other.meant) for one, other in row):
            return True
    return False
