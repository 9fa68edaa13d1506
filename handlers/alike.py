"""Words that are meant alike although they are spelt differently: by ear, by a slip of the finger, by half-typed Telex.

Words here are folded (`knowledge.normalize.fold`): lower case, without marks.
"""

import re
from functools import lru_cache

_TONE = re.compile(r"(?<=[aeiouy])[sfrxj](?=[a-z])|[sfrxj]$")
"""A letter that Telex takes for a tone: no Vietnamese syllable ends in one, nor has one after its vowel."""

_SHORTEST_TONED = 2

_BY_EAR = (
    (re.compile(r"^ngh"), "ng"),
    (re.compile(r"^gh"), "g"),
    (re.compile(r"^(?:gi(?=[aeouy])|r|z|j)"), "d"),
    (re.compile(r"^tr"), "ch"),
    (re.compile(r"x"), "s"),
    (re.compile(r"^(?:ph|f)"), "ph"),
    (re.compile(r"^(?:qu|q|kw)"), "qu"),
    (re.compile(r"^(?:k|c)(?!h)"), "k"),
    (re.compile(r"^l"), "n"),
    (re.compile(r"y"), "i"),
    (re.compile(r"w"), "u"),
    (re.compile(r"(.)\1+"), r"\1"),
)
"""Consonants that one region or another speaks alike; applied in turn to the beginning of a word."""

_SHORTEST_SLIP = 4
_SHORTEST_TWO_SLIPS = 8


@lru_cache(maxsize=65536)
def sound(word: str) -> str:
    """A key that words spoken alike share: "xung" and "sung", "giay" and "day", "lam" and "nam"."""
    for pattern, key in _BY_EAR:
        word = pattern.sub(key, word)
    return word


def untelex(word: str) -> str:
    """A word typed with Telex where no keyboard took it up: "vieejt" is "viet", "thawngs" is "thang"."""
    plain = word.replace("dd", "d").replace("w", "")
    plain = re.sub(r"([aeo])\1", r"\1", plain)
    return _TONE.sub("", plain) if len(plain) > _SHORTEST_TONED else plain


def slips_allowed(word: str) -> int:
    """How many letters of a word may be wrong before it is another word; numbers and short syllables allow none."""
    if word.isdigit() or len(word) < _SHORTEST_SLIP:
        return 0
    return 2 if len(word) >= _SHORTEST_TWO_SLIPS else 1


def likeness(word: str, slips: int) -> float:
    """How surely a word with so many wrong letters is meant: less for short ones, which have many neighbours."""
    return 1.0 if slips == 0 else max(0.5, 1.0 - slips * 1.5 / len(word))
