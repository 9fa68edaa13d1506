"""What is compared: the terms of a phrasing or of a question, each with its weight.

Terms are without marks. Syllables with marks were tried beside them and found nothing more on the measuring set, and
without them a question finds the same entries whether or not it is typed with marks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import cast

from knowledge.words import Lexicon, bare, names_in, pairs_of, split_words

READING = 0.7
"""A reading of a short form counts less than a word that was typed."""

Terms = dict[str, float]

_YEAR = re.compile(r"^20\d\d$")


def terms_of(text: str, lexicon: Lexicon) -> Terms:
    """The terms of a text and how often each occurs: syllables, pairs of them, concepts."""
    return terms_of_words(split_words(text), lexicon)


def terms_of_words(words: Sequence[str], lexicon: Lexicon) -> Terms:
    """The same for words already split."""
    # The day spoken of is read elsewhere; a year in a phrasing must not attract questions.
    row = [plain for plain in map(bare, words) if not plain.startswith("20") or not _YEAR.match(plain)]
    counts = Counter(row)
    found = cast(Terms, counts)  # the very same, since readings count in fractions
    if not lexicon.readings.keys().isdisjoint(row):
        row = _written_out(row, found, lexicon)
    pairs = pairs_of(row)
    counts.update(pairs)
    counts.update([f"c:{name}" for name in names_in(row, lexicon.concepts, pairs)])
    return found


def _written_out(typed: Sequence[str], found: Terms, lexicon: Lexicon) -> list[str]:
    """The row with every short form that has one reading written out; what short forms stand for is added."""
    row: list[str] = []
    for plain in typed:
        readings = lexicon.readings.get(plain, ())
        if len(readings) == 1:
            row += readings[0]
            for one in readings[0]:
                found[one] += READING
            continue
        row.append(plain)
        for reading in readings:
            _add_reading(reading, found, lexicon, READING / len(readings))
    return row


def _add_reading(reading: tuple[str, ...], found: Terms, lexicon: Lexicon, weight: float) -> None:
    names = (f"c:{name}" for name in names_in(reading, lexicon.concepts))
    for term in (*reading, *pairs_of(reading), *names):
        found[term] += weight
