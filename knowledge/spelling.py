"""Words that no phrasing has are mended: letters swapped, doubled, lost or mistyped, or syllables glued together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from math import log

from rapidfuzz import process
from rapidfuzz.distance import OSA

from knowledge.words import Lexicon, bare

SHORTEST = 3
LONGEST_WORD = 24
MOST_MENDED = 8
"""Unknown words looked at in one message: a text in another language must not cost more than a question."""

CANDIDATES = 20
SWAPPED, DOUBLED, LOST_OR_ADDED, MISTYPED = 0.5, 0.5, 0.8, 1.0
"""What a slip costs: fingers that are too fast swap letters or hit twice more often than they hit another letter."""

SLIP = 6.0
"""How many times rarer (natural logarithm) a wish must be to lose against one that is nearer by one whole slip."""

PAIR = 2.0
"""How much more than the word itself its company counts: "thai sna" is "thai san", whatever else "sna" may be."""

Count = Callable[[str], int]
_RUN = re.compile(r"(.)\1+")


class Speller:
    """Knows the syllables of the phrasings, how often each occurs, and beside which."""

    def __init__(self, known: Iterable[str], count: Count, meant: Iterable[str] | None = None) -> None:
        """`count` tells how many phrasings have a syllable, or a pair of syllables with a space between. What is not
        `known` is a slip for one of those that may be `meant`: all that are known, unless fewer are given."""
        self.known = frozenset(known)
        listed = self.known if meant is None else meant
        self._listed = sorted(word for word in listed if word.isalpha() and len(word) > 1)
        self._count = count
        self._candidates = lru_cache(maxsize=4096)(self._nearest)

    def mend(self, words: Sequence[str], lexicon: Lexicon) -> list[str]:
        """The words with unknown ones replaced by what they were meant to be, where something known is near."""
        mended: list[str] = []
        changes = 0
        for place, word in enumerate(words):
            plain = bare(word)
            if changes < MOST_MENDED and self._is_unknown(plain) and not lexicon.readings_of(word):
                before = bare(mended[-1]) if mended else ""
                after = bare(words[place + 1]) if place + 1 < len(words) else ""
                found = self._best(plain, before, after)
                changes += bool(found)
                mended += found or (word,)
            else:
                mended.append(word)
        return mended

    def _is_unknown(self, word: str) -> bool:
        return SHORTEST <= len(word) <= LONGEST_WORD and word.isalpha() and word not in self.known

    def _best(self, word: str, before: str, after: str) -> tuple[str, ...]:
        """The most likely reading of a word between two others; none when nothing known is near."""
        best: tuple[str, ...] = ()
        most = float("-inf")
        for reading, slips in self._candidates(word):
            worth = log(1 + self._count(reading[0])) - SLIP * slips
            if before:
                worth += PAIR * log(1 + self._count(f"{before} {reading[0]}"))
            if after:
                worth += PAIR * log(1 + self._count(f"{reading[-1]} {after}"))
            if worth > most:
                best, most = reading, worth
        return best

    def _nearest(self, word: str) -> list[tuple[tuple[str, ...], float]]:
        """What a word may have been meant to be, with the cost of its slips."""
        cuts = range(2, len(word) - 1)
        found: list[tuple[tuple[str, ...], float]] = [
            ((word[:cut], word[cut:]), LOST_OR_ADDED)
            for cut in cuts
            if word[:cut] in self.known and word[cut:] in self.known
        ]
        most = 1 if len(word) < 7 else 2
        near = process.extract(word, self._listed, scorer=OSA.distance, score_cutoff=most, limit=CANDIDATES)
        return found + [((one,), cost_of(word, one, int(slips))) for one, slips, _ in near]


def cost_of(typed: str, meant: str, slips: int) -> float:
    """How much so many slips weigh that turn what was meant into what was typed."""
    if sorted(typed) == sorted(meant):
        return SWAPPED * slips
    if _RUN.sub(r"\1", typed) == _RUN.sub(r"\1", meant):
        return DOUBLED * slips
    return (MISTYPED if len(typed) == len(meant) else LOST_OR_ADDED) * slips
