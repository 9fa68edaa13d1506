"""Questions nobody could answer, grouped by likeness: the same wish in other words is one line for a curator."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt

from knowledge.answer import Answerer, Outcome
from knowledge.heard import Unanswered
from knowledge.normalize import fold
from knowledge.search import Searcher

ALIKE = 0.35
"""From this cosine on a question joins a group. Measured on some 700 phrasings of 150 entries taken out of the library,
many misspelt or unmarked: 8 in 10 of a question's group belong to it, 4 in 10 of what belongs together is together. Two
groups for one wish cost a curator less than one group for two."""

NEIGHBOURS = 0.4
"""How much the entries found for a question count beside its words: who is sent to the same entry asks alike."""

LOOKED_AT = 3
MOST_DISTINCT = 5000
"""Wordings that are compared, the newest: about twenty seconds of work."""

Bag = dict[str, float]


@dataclass(frozen=True)
class Group:
    """Questions that ask alike, and the entry that comes nearest to the one in their middle, with the chance that it
    is the right one."""

    asked: tuple[Unanswered, ...]
    example: str
    nearest: str | None
    chance: float

    @property
    def first(self) -> date:
        return min(one.day for one in self.asked)

    @property
    def last(self) -> date:
        return max(one.day for one in self.asked)

    def count(self, outcome: Outcome) -> int:
        return sum(one.outcome is outcome for one in self.asked)


@dataclass
class _Wording:
    """The questions that differ in marks, capitals and punctuation at most."""

    asked: list[Unanswered]
    bag: Bag

    @property
    def text(self) -> str:
        return max((one.question for one in self.asked), key=lambda text: (len(text.encode()), text))  # most marks


class _Middles:
    """The sums of the bags of each group, by term, so that a wording is compared only with groups that share one."""

    def __init__(self) -> None:
        self._sums: defaultdict[str, dict[int, float]] = defaultdict(dict)
        self._squares: list[float] = []

    def likeness(self, bag: Bag) -> dict[int, float]:
        """The cosine of a bag with the middle of every group that shares a term with it."""
        found: defaultdict[int, float] = defaultdict(float)
        for term, weight in bag.items():
            for group, other in self._sums[term].items():
                found[group] += weight * other
        return {group: dot / sqrt(self._squares[group]) for group, dot in found.items()}

    def likeness_to(self, bag: Bag, group: int) -> float:
        dot = sum(weight * self._sums[term].get(group, 0.0) for term, weight in bag.items())
        return dot / sqrt(self._squares[group] or 1.0)

    def add(self, bag: Bag, group: int | None) -> int:
        """Put a bag into a group, a new one for None; returns its number."""
        if group is None:
            group = len(self._squares)
            self._squares.append(0.0)
        for term, weight in bag.items():
            before = self._sums[term].get(group, 0.0)
            self._sums[term][group] = before + weight
            self._squares[group] += (before + weight) ** 2 - before**2
        return group


def group_questions(asked: Iterable[Unanswered], answerer: Answerer, on: date) -> list[Group]:
    """The questions in groups, largest first, then newest. The order of the questions makes no difference."""
    wordings = _wordings(asked, answerer.parts.searcher)
    middles, groups = _Middles(), defaultdict[int, list[_Wording]](list)
    for one in wordings:
        alike = middles.likeness(one.bag)
        best = max(alike, key=lambda group: (alike[group], -group), default=None)
        groups[middles.add(one.bag, best if best is not None and alike[best] >= ALIKE else None)].append(one)
    made = [_made(number, members, middles, answerer, on) for number, members in groups.items()]
    return sorted(made, key=lambda one: (-len(one.asked), -one.last.toordinal(), one.example))


def _wordings(asked: Iterable[Unanswered], searcher: Searcher) -> list[_Wording]:
    """The distinct wordings, the most frequent first: they make the firmest middles."""
    same: defaultdict[str, list[Unanswered]] = defaultdict(list)
    for one in asked:
        same[fold(one.question) or one.question.strip()].append(one)
    newest = sorted(same, key=lambda key: (-max(one.day for one in same[key]).toordinal(), key))[:MOST_DISTINCT]
    return [_Wording(same[key], _bag(searcher, key)) for key in sorted(newest, key=lambda key: (-len(same[key]), key))]


def _bag(searcher: Searcher, text: str) -> Bag:
    """What a question is compared by, of length one: its syllables and concepts, weighed by how telling they are among
    all phrasings, and the entries that are found for it. Pairs of syllables tear apart what belongs together."""
    found = searcher.search(text, LOOKED_AT)
    terms = {term: count for term, count in found.asked.items() if " " not in term}
    bag = _unit({term: count * (searcher.phrases.idf_of(term) or searcher.rarest) for term, count in terms.items()})
    for place, hit in enumerate(found.hits, 1):
        bag[f"entry {hit.entry_id}"] = NEIGHBOURS / place
    return _unit(bag)


def _unit(bag: Mapping[str, float]) -> Bag:
    length = sqrt(sum(weight**2 for weight in bag.values())) or 1.0
    return {term: weight / length for term, weight in bag.items()}


def _made(number: int, members: Sequence[_Wording], middles: _Middles, answerer: Answerer, on: date) -> Group:
    """The group with its most typical wording as the example."""
    typical = max(members, key=lambda one: (middles.likeness_to(one.bag, number), len(one.asked), one.text))
    judged = answerer.judge(typical.text, on)
    asked = tuple(sorted((row for one in members for row in one.asked), key=lambda row: (row.day, row.question)))
    nearest = judged.hits[0].entry_id if judged.hits else None
    return Group(asked, typical.text, nearest, judged.first)
