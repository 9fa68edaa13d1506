"""How much the words of a message are those of some examples rather than those of questions, and of which examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import log

from knowledge.index import Index
from knowledge.talk import Counts
from knowledge.words import pairs_of

Row = Sequence[str]

MOST, LEAST, UNKNOWN = 3.0, -1.0, -0.2
"""What one word can say for and against, and what one says that neither examples nor questions have. A story has many
words that say nothing, so they must not outvote the few that do."""

PAIR = 0.5
"""How much a pair of words counts beside the words."""

OTHERS = 5.0
"""How many times an example of something else counts: they are hundreds, the questions are many thousands."""

UNSEEN = 0.1
SMOOTHING = 30.0
"""Words by which the examples of a name are filled up with those of all, so that a short list is no likelier."""


class Evidence:
    """Weighs the words of a message: those of our examples against those of questions and of other examples."""

    def __init__(self, examples: Iterable[Row], others: Iterable[Row], asked: Index) -> None:
        """`asked` is the index of the phrasings of all entries: the words of questions."""
        self._here, self._there, self._asked = _counted(examples), _counted(others), asked.count_of
        asked_words, asked_pairs = asked.postings
        self._words = self._there.words.total() * OTHERS + asked_words
        self._pairs = self._there.pairs.total() * OTHERS + asked_pairs

    def of(self, row: Row) -> float:
        """More than 0 when the words are rather those of the examples."""
        words = sum(map(self._of_word, dict.fromkeys(row)))
        return words + PAIR * sum(map(self._of_pair, dict.fromkeys(pairs_of(row))))

    def _of_word(self, word: str) -> float:
        here, there = self._here.words[word], self._asked(word) + OTHERS * self._there.words[word]
        if not here and not there:
            return UNKNOWN
        ratio = log((here or UNSEEN) / self._here.words.total() * self._words / (there + 1))
        return max(LEAST, min(ratio, MOST))

    def _of_pair(self, pair: str) -> float:
        here, there = self._here.pairs[pair], self._asked(pair) + OTHERS * self._there.pairs[pair]
        if not here:
            return LEAST / 2 if there else 0.0
        ratio = log(here / self._here.pairs.total() * self._pairs / (there + 1))
        return max(LEAST, min(ratio, MOST))


class Likeliest:
    """Chooses the name whose examples a message is most like."""

    def __init__(self, examples: Mapping[str, Iterable[Row]]) -> None:
        self._said = {name: _counted(rows) for name, rows in examples.items()}
        self._all = Counts()
        for counts in self._said.values():
            self._all.words.update(counts.words)
            self._all.pairs.update(counts.pairs)
        self._sizes = {name: counts.words.total() + counts.pairs.total() for name, counts in self._said.items()}
        self._total = self._all.words.total() + self._all.pairs.total()

    def of(self, row: Row) -> str:
        """The likeliest name, the first of them when no word of the message is in any example."""
        words = [word for word in dict.fromkeys(row) if self._all.words[word]]
        pairs = [pair for pair in dict.fromkeys(pairs_of(row)) if self._all.pairs[pair]]

        def worth(name: str) -> float:
            counts, size = self._said[name], self._sizes[name] + SMOOTHING
            usual = SMOOTHING / self._total
            of_words = sum(log((counts.words[one] + usual * self._all.words[one]) / size) for one in words)
            return of_words + PAIR * sum(
                log((counts.pairs[one] + usual * self._all.pairs[one]) / size) for one in pairs
            )

        return max(self._said, key=worth)


def _counted(rows: Iterable[Row]) -> Counts:
    counts = Counts()
    for row in rows:
        counts.add(row)
    return counts
