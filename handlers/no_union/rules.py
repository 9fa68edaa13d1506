"""When two people mean the same workplace."""

from dataclasses import dataclass

from rapidfuzz.distance import OSA

from handlers.alike import untelex
from handlers.workplace_words import read_name
from knowledge.normalize import fold

LONGEST_ANSWER = 120

CONSENT_VERSION = 1

MOST_DECOYS = 4
"""A day adds up to so many rows that stand for nobody."""

_KINDS_OF_PLACES = frozenset(
    {"phuong", "xa", "tinh", "tp", "thanh", "pho", "dac", "khu", "thi", "tran", "p", "f", "x", "tt"}
)

_SHORTEST_SLIP = 6
"""A slip of the finger is seen in words of at least so many letters. Vietnamese syllables are shorter, and one letter
makes another name of them: "Thắng" and "Thanh" are two companies."""


@dataclass(frozen=True)
class Place:
    """Where and at what somebody works, as they typed it, with the upper union that looks after the place."""

    workplace: str
    place: str
    unit_id: int | None


def is_same(one: Place, other: Place) -> bool:
    """Whether two people mean the same workplace, for all the ways of spelling it. When in doubt, they do not: two
    workplaces taken for one would count people together who do not know each other."""
    return one.unit_id == other.unit_id and _is_same_place(one.place, other.place) and _is_same_name(one, other)


def _is_same_place(one: str, other: str) -> bool:
    mine, theirs = (frozenset(fold(place).split()) - _KINDS_OF_PLACES for place in (one, other))
    return mine <= theirs or theirs <= mine


def _is_same_name(one: Place, other: Place) -> bool:
    mine, theirs = read_name(one.workplace), read_name(other.workplace)
    if mine.sectors and theirs.sectors and not mine.sectors & theirs.sectors:
        return False
    return _are_same_words(mine.words, theirs.words)


def _are_same_words(mine: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    if "".join(mine) == "".join(theirs):
        return True
    if len(mine) != len(theirs):
        return False
    different = [(a, b) for a, b in zip(mine, theirs, strict=True) if untelex(a) != untelex(b)]
    return not different or (len(different) == 1 and _is_slip(*different[0]))


def _is_slip(one: str, other: str) -> bool:
    is_word = not any(sign.isdigit() for sign in one + other)
    return is_word and min(len(one), len(other)) >= _SHORTEST_SLIP and OSA.distance(one, other) <= 1
