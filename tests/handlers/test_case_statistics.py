"""What is published about cases never tells of fewer than k people: tried with every possible world, and by subtraction."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.cases.statistics import (
    REST,
    Amount,
    Block,
    Counted,
    Figures,
    Mark,
    Tree,
    add_months,
    count_people,
    count_received,
    describe_quarter,
    find_quantile,
    form_blocks,
    quarter_of,
)

TOP = 0
K = 3

World = tuple[tuple[int, ...], ...]
"""For each unit, how many people of each sort complained there; each of them once."""


def people_of(world: World, sorts: Sequence[tuple[str, frozenset[Mark]]]) -> list[Counted]:
    """The cases of a world."""
    numbers = itertools.count()
    return [
        Counted(number, unit_id, number, sorts[sort][0], sorts[sort][1])
        for unit_id, counts in enumerate(world)
        for sort, count in enumerate(counts)
        for number in itertools.islice(numbers, count)
    ]


def find_leaks(
    worlds: Iterable[World], publish: Callable[[World], object], k: int = K
) -> Iterator[tuple[object, tuple[int, ...], tuple[int, ...], set[int]]]:
    """Whatever somebody who knows the rules and sees everything can be sure is about 1 to k-1 people: for each thing that
    may be published, all worlds in which just that is published, and in each group of units and sorts how many people
    there may be. A leak is a group of which every one of these worlds says: somebody, but fewer than k."""
    same = defaultdict(list)
    for world in worlds:
        same[publish(world)].append(world)
    for seen, possible in same.items():
        units, sorts = len(possible[0]), len(possible[0][0])
        for some in _subsets(units):
            for kinds in _subsets(sorts):
                counts = {sum(world[unit][kind] for unit in some for kind in kinds) for world in possible}
                if all(0 < count < k for count in counts):
                    yield seen, some, kinds, counts


def _subsets(count: int) -> list[tuple[int, ...]]:
    return [some for size in range(1, count + 1) for some in itertools.combinations(range(count), size)]


def all_worlds(units: int, *most: int) -> Iterator[World]:
    """Every world with so many people of each sort at most in each unit."""
    one = list(itertools.product(*(range(limit + 1) for limit in most)))
    return itertools.product(one, repeat=units)


def frozen(figures: Figures) -> object:
    return frozenset((unit_id, name, amount) for unit_id, told in figures.items() for name, amount in told.items())


FLAT: Tree = {0: None, 1: 0, 2: 0, 3: 0}
WIDE: Tree = {0: None, 1: 0, 2: 0, 3: 0, 4: 0}
DEEP: Tree = {0: None, 1: 0, 2: 1, 3: 1, 4: 1}
PAIR: Tree = {0: None, 1: 0, 2: 0}
CHAIN: Tree = {0: None, 1: 0, 2: 1}


@pytest.mark.parametrize("tree", [FLAT, WIDE, DEEP, PAIR, CHAIN], ids=["flat", "wide", "deep", "pair", "chain"])
def test_no_month_tells_of_fewer_than_k_people(tree: Tree) -> None:
    """Of no unit and of no group of units can it be known that 1 to k-1 people wrote."""

    def publish(world: World) -> object:
        return frozen(count_received(tree, form_blocks(tree, people_of(world, [("other", frozenset())]), K)))

    leaks = list(find_leaks(all_worlds(len(tree), 4), publish))
    assert leaks == []


@pytest.mark.parametrize("tree", [FLAT, PAIR, CHAIN], ids=["flat", "pair", "chain"])
def test_whoever_works_at_the_top_subtracts_their_own_cases_in_vain(tree: Tree) -> None:
    """An officer knows each case of their own unit, and still learns nothing of the few below."""
    most = 4 if len(tree) > 3 else 6
    for own in range(most + 1):

        def publish(world: World, own: int = own) -> object:
            full = ((own,), *world)
            return frozen(count_received(tree, form_blocks(tree, people_of(full, [("other", frozenset())]), K)))

        assert list(find_leaks(all_worlds(len(tree) - 1, most), publish)) == []


@pytest.mark.parametrize("tree", [FLAT, PAIR, CHAIN], ids=["flat", "pair", "chain"])
def test_no_yes_and_no_of_a_quarter_tells_of_fewer_than_k_people(tree: Tree) -> None:
    """Reopened or not: neither side of any unit or group can be known to be 1 to k-1 people."""
    sorts = [("other", frozenset({Mark.REOPENED})), ("other", frozenset[Mark]())]

    def publish(world: World) -> object:
        return frozen(describe_quarter(tree, form_blocks(tree, people_of(world, sorts), K), K))

    most = (3, 4) if len(tree) > 3 else (5, 5)
    assert list(find_leaks(all_worlds(len(tree), *most), publish)) == []


@pytest.mark.parametrize("tree", [PAIR, CHAIN], ids=["pair", "chain"])
def test_no_kinds_of_a_quarter_tell_of_fewer_than_k_people(tree: Tree) -> None:
    """Wages, hours, meals and safety: no kind at any unit can be known to be 1 to k-1 people."""
    sorts = [(kind, frozenset[Mark]()) for kind in ("wages", "hours", "meals")]

    def publish(world: World) -> object:
        return frozen(describe_quarter(tree, form_blocks(tree, people_of(world, sorts), K), K))

    assert list(find_leaks(all_worlds(len(tree), 3, 3, 3), publish)) == []
