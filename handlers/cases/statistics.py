"""Which numbers about cases may be published, so that nobody can work out one about fewer than k people.

Everything rests on one shape. Cases are put together into *blocks* of at least k people; a case that finds no such
company is in no number at all. Whatever is published is a sum of whole blocks, or of parts of a block that was split by
one property at a time, each part again of at least k people. Such a table fixes no smaller group: whichever smaller one
somebody asks about, it may as well be empty, or as large as the part it lies in (docs/explanation/figures.md).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import partial
from math import ceil

FEWEST_HIDDEN = 3
"""So many units must have nothing of their own published before their remainders are told together, and so many kinds
must be hidden before "other kinds" is told: of two, each would know what the other has."""

REST = "rest"

HOURS = (1, 2, 4, 8, 16, 24, 40, 80, 160)
"""Times are told as the first of these that they do not exceed: an exact one would be somebody's own."""

QUANTILES = (("median", 0.5), ("p90", 0.9))


class Time(StrEnum):
    """What is timed, always from when the case was sent."""

    CLAIM = "claim"
    ANSWER = "answer"
    RESOLVE = "resolve"


class Mark(StrEnum):
    """What is counted of a case with a yes or no. None of them follows from another, or their difference would tell of
    the few who have one without the other."""

    AGREED = "agreed"
    PLEASED = "pleased"
    REOPENED = "reopened"
    ESCALATED = "escalated"


@dataclass(frozen=True)
class Counted:
    """A case as far as figures are concerned. ``person`` stands for its worker, the same for two accounts of one
    person; ``hours`` in the order of `Time`, empty where that has not happened."""

    case_id: int
    unit_id: int
    person: int
    category: str = ""
    marks: frozenset[Mark] = frozenset()
    hours: tuple[float | None, ...] = (None, None, None)


@dataclass(frozen=True)
class Block:
    """Cases of at least k people that are counted together: a unit's own, or what the units under it could not tell."""

    unit_id: int
    is_own: bool
    cases: tuple[Counted, ...]


@dataclass(frozen=True)
class Amount:
    """A published number; ``out_of`` how many cases it was counted among."""

    amount: int
    out_of: int

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.amount + other.amount, self.out_of + other.out_of)


Tree = Mapping[int, int | None]
"""The units that have figures, each with the one above it."""

Rows = Sequence[Sequence[Counted]]

Split = Callable[[Rows], dict[str, int] | None]
"""Splits rows taken together into parts that may be told, or None when they may not."""

Figures = dict[int, dict[str, Amount]]
"""What is published: by unit and measure."""


def count_people(cases: Iterable[Counted]) -> int:
    """How many people are behind some cases."""
    return len({case.person for case in cases})


def form_blocks(tree: Tree, cases: Iterable[Counted], k: int) -> list[Block]:
    """Put the cases of a month together into blocks, from the lowest units up. What is too little goes to the unit
    above and is told there with its neighbours' remainders, never together with that unit's own cases: whoever works
    there knows those. What finds no company up to the top is in no block."""
    own = _by_unit(cases)
    left: dict[int, list[Counted]] = {}
    hides: dict[int, bool] = {}
    blocks = []
    for unit_id, children in _from_below(tree):
        mine = own.get(unit_id, [])
        is_told = count_people(mine) >= k
        if is_told:
            blocks.append(Block(unit_id, True, tuple(mine)))
        below = [case for child in children for case in left[child]]
        hidden = sum(hides[child] for child in children)
        is_below_told = hidden >= FEWEST_HIDDEN and k <= count_people(below) <= _slack(hidden, k)
        if is_below_told:
            blocks.append(Block(unit_id, False, tuple(below)))
        left[unit_id] = [*([] if is_told else mine), *([] if is_below_told else below)]
        hides[unit_id] = not is_told or hidden > 0
    return blocks


def _slack(count: int, k: int) -> int:
    """How many people so many small groups can hold when one of them is empty: with more, each of them would be known
    to hold somebody."""
    return (count - 1) * (k - 1)


def count_received(tree: Tree, blocks: Iterable[Block]) -> Figures:
    """How many cases each unit got, with the units under it; a unit with nothing to tell is left out."""
    found = [(block.unit_id, "received", Amount(len(block.cases), len(block.cases))) for block in blocks]
    return _add_up(tree, found)


def describe_quarter(tree: Tree, blocks: Sequence[Block], k: int, shuffle: Callable[[], Sequence[str]]) -> Figures:
    """All that is told of a quarter, from the blocks of its three months: numbers, kinds (``shuffle`` gives all there
    are, each time in an order that nobody knows), yes or no, and times."""
    figures = count_received(tree, blocks)
    parts = [part for mark in Mark for part in _split_up(tree, blocks, partial(split_by_mark, mark=mark, k=k))]
    parts += _split_up(tree, blocks, lambda rows: split_by_kind(rows, k, shuffle()))
    for unit_id, measures in _add_up(tree, parts).items():
        figures[unit_id] |= measures
    for unit_id, cases in _under_each(tree, blocks).items():
        figures[unit_id] |= _time(cases, k)
    return figures


def split_by_mark(rows: Rows, mark: Mark, k: int) -> dict[str, int] | None:
    """How many of some cases have a mark, if both they and the others are at least k people; of rows that could not be
    told alone, only if any one of them may have none."""
    cases = [case for row in rows for case in row]
    yes = [case for case in cases if mark in case.marks]
    no = [case for case in cases if mark not in case.marks]
    fewer = min(count_people(yes), count_people(no))
    if fewer < k or not _are_enough(rows) or (len(rows) > 1 and fewer > _slack(len(rows), k)):
        return None
    return {mark.value: len(yes)}


def _are_enough(rows: Rows) -> bool:
    return len(rows) == 1 or len(rows) >= FEWEST_HIDDEN


def split_by_kind(rows: Rows, k: int, order: Sequence[str]) -> dict[str, int] | None:
    """How many cases are of each kind with at least k people. The others are told together, as at least k people of
    enough kinds that any one of them may be absent: as long as they are not, one more kind is hidden with them, by an
    order of all kinds that nobody knows, or its size would give it away. Only for rows that stand alone: told together
    with neighbours, one kind could be subtracted from another."""
    if len(rows) > 1:
        return None
    found = _by_kind(rows[0])
    shown = [kind for kind in order if count_people(found[kind]) >= k]
    rest = [case for kind, cases in found.items() if kind not in shown for case in cases]
    is_tight = count_people(rest) > _slack(len(order) - len(shown), k)
    while rest and shown and (is_tight or count_people(rest) < k or len(order) - len(shown) < FEWEST_HIDDEN):
        rest += found[shown.pop()]
        is_tight = False
    if not shown:
        return None
    return {kind: len(found[kind]) for kind in shown} | ({REST: len(rest)} if rest else {})


def _split_up(tree: Tree, blocks: Sequence[Block], split: Split) -> list[tuple[int, str, Amount]]:
    """Split the blocks of each unit; what may not be told is split further up, with what its neighbours hide."""
    rows: dict[tuple[int, bool], list[Counted]] = defaultdict(list)
    for block in blocks:
        rows[block.unit_id, block.is_own] += block.cases
    rising: dict[int, list[list[Counted]]] = {}
    parts = []
    for unit_id, children in _from_below(tree):
        own = [rows[unit_id, True]] if (unit_id, True) in rows else []
        below = [row for child in children for row in rising[child]]
        below += [rows[unit_id, False]] if (unit_id, False) in rows else []
        rising[unit_id] = []
        for some in (own, below):
            told = split(some) if some else None
            if told is None:
                rising[unit_id] += some
            else:
                total = sum(map(len, some))
                parts += [(unit_id, measure, Amount(count, total)) for measure, count in told.items()]
    return parts


def _time(cases: Sequence[Counted], k: int) -> dict[str, Amount]:
    """The times of some cases: within how many hours half of them, and nine of ten, were done."""
    found = {}
    for number, what in enumerate(Time):
        for name, share in QUANTILES:
            band = find_quantile([(case.hours[number], case.person) for case in cases], share, k)
            if band is not None:
                found[f"{what}_{name}"] = Amount(band, len(cases))
    return found


def find_quantile(times: Sequence[tuple[float | None, int]], share: float, k: int) -> int | None:
    """Within how many hours a share of the cases was done, as one of `HOURS`; 0 when it took longer or is not done yet.
    None unless at least k people are on either side."""
    ordered = sorted(times, key=lambda one: float("inf") if one[0] is None else one[0])
    rank = ceil(share * len(ordered))
    sides = ordered[:rank], ordered[rank:]
    if any(len({person for _, person in side}) < k for side in sides):
        return None
    hours = ordered[rank - 1][0]
    return 0 if hours is None else next((edge for edge in HOURS if hours <= edge), 0)


def _under_each(tree: Tree, blocks: Iterable[Block]) -> dict[int, list[Counted]]:
    found: dict[int, list[Counted]] = defaultdict(list)
    for block in blocks:
        for unit_id in _way_up(tree, block.unit_id):
            found[unit_id] += block.cases
    return found


def _add_up(tree: Tree, parts: Iterable[tuple[int, str, Amount]]) -> Figures:
    """Each unit's amounts, with those of the units under it."""
    figures: Figures = defaultdict(dict)
    for unit_id, measure, amount in parts:
        for above in _way_up(tree, unit_id):
            known = figures[above].get(measure)
            figures[above][measure] = amount if known is None else known + amount
    return figures


def _way_up(tree: Tree, unit_id: int | None) -> list[int]:
    way: list[int] = []
    while unit_id is not None and unit_id not in way:
        way.append(unit_id)
        unit_id = tree[unit_id]
    return way


def _from_below(tree: Tree) -> list[tuple[int, list[int]]]:
    """Every unit with those right under it, each after all that are under it."""
    children = defaultdict(list)
    for unit_id, above in tree.items():
        if above is not None:
            children[above].append(unit_id)
    deepest_first = sorted(tree, key=lambda unit_id: -len(_way_up(tree, unit_id)))
    return [(unit_id, children[unit_id]) for unit_id in deepest_first]


def _by_kind(cases: Iterable[Counted]) -> dict[str, list[Counted]]:
    found: dict[str, list[Counted]] = defaultdict(list)
    for case in cases:
        found[case.category].append(case)
    return found


def _by_unit(cases: Iterable[Counted]) -> dict[int, list[Counted]]:
    found: dict[int, list[Counted]] = defaultdict(list)
    for case in cases:
        found[case.unit_id].append(case)
    return found


def month_of(day: date) -> date:
    """The first day of a day's month."""
    return day.replace(day=1)


def quarter_of(day: date) -> date:
    """The first day of a day's quarter."""
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def add_months(first: date, count: int) -> date:
    """The first day of the month so many months later, or earlier for a negative count."""
    months = first.year * 12 + first.month - 1 + count
    return date(months // 12, months % 12 + 1, 1)
