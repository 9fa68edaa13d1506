"""Words that no phrasing has are mended: the nearest known syllable by rapidfuzz, or two syllables glued together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from knowledge.words import Lexicon, bare

SHORTEST = 3
LONGEST_WORD = 24
MOST_MENDED = 8
"""Unknown words looked at in one message: a text in another language must not cost more than a question."""


class Speller:
    """Knows the syllables of the phrasings."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = frozenset(known)
        self._listed = sorted(word for word in self._known if word.isalpha() and len(word) > 1)
        self._mend_one = lru_cache(maxsize=4096)(self._nearest)

    def mend(self, words: Sequence[str], lexicon: Lexicon) -> list[str] | None:
        """The words with unknown ones replaced; None when there was nothing to mend."""
        mended: list[str] = []
        changes = 0
        for word in words:
            plain = bare(word)
            if changes < MOST_MENDED and self._is_unknown(plain) and not lexicon.readings_of(word):
                found = self._mend_one(plain)
                changes += bool(found)
                mended += found or (word,)
            else:
                mended.append(word)
        return mended if changes else None

    def _is_unknown(self, word: str) -> bool:
        return SHORTEST <= len(word) <= LONGEST_WORD and word.isalpha() and word not in self._known

    def _nearest(self, word: str) -> tuple[str, ...]:
        for cut in range(2, len(word) - 1):
            if word[:cut] in self._known and word[cut:] in self._known:
                return word[:cut], word[cut:]
        most = 1 if len(word) < 7 else 2
        found = process.extractOne(word, self._listed, scorer=DamerauLevenshtein.distance, score_cutoff=most)
        return (found[0],) if found else ()
