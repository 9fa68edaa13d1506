"""What is compared: the terms of a phrasing or of a question, each with its weight.

Terms are without marks. Syllables with marks were tried beside them and found nothing more on the measuring set, and
without them a question finds the same entries whether or not it is typed with marks.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from knowledge.words import Lexicon, bare, names_in, split_words

READING = 0.7
"""A reading of a short form counts less than a word that was typed."""

Terms = defaultdict[str, float]

_YEAR = re.compile(r"^20\d\d$")


def terms_of(text: str, lexicon: Lexicon) -> Terms:
    """The terms of a text and how often each occurs: syllables, pairs of them, concepts."""
    return terms_of_words(split_words(text), lexicon)


def terms_of_words(words: Sequence[str], lexicon: Lexicon) -> Terms:
    """The same for words already split."""
    found: Terms = defaultdict(float)
    row: list[str] = []
    for word in words:
        plain = bare(word)
        if plain.startswith("20") and _YEAR.match(plain):  # the day spoken of is read elsewhere; a year in a phrasing
            continue  # must not attract questions
        found[plain] += 1
        readings = lexicon.readings.get(plain, ())
        if not readings:
            row.append(plain)
        elif len(readings) == 1:
            row += readings[0]
            for one in readings[0]:
                found[one] += READING
        else:
            row.append(plain)
            for reading in readings:
                _add_reading(reading, found, lexicon, READING / len(readings))
    for one, following in pairwise(row):
        found[f"{one} {following}"] += 1
    for name in names_in(row, lexicon.concepts):
        found[f"c:{name}"] += 1
    return found


def _add_reading(reading: tuple[str, ...], found: Terms, lexicon: Lexicon, weight: float) -> None:
    names = (f"c:{name}" for name in names_in(reading, lexicon.concepts))
    for term in (*reading, *map(" ".join, pairwise(reading)), *names):
        found[term] += weight
