"""What is published about cases never tells of fewer than k people: tried with every world, and by subtraction.

The judges here know nothing of how the rules work. One asks for every small world in which others just the same would
have been published; the other subtracts whatever can be subtracted in large ones.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.cases.statistics import (
    FEWEST_HIDDEN,
    REST,
    Block,
    Counted,
    Figures,
    Mark,
    Time,
    Tree,
    add_months,
    count_received,
    describe_quarter,
    find_quantile,
    form_blocks,
    month_of,
    quarter_of,
    split_by_kind,
)

K = 3

World = tuple[tuple[int, ...], ...]
"""For each unit, how many people of each sort complained there; each of them once."""

PLAIN = [("other", frozenset[Mark]())]
YES_NO = [("other", frozenset({Mark.REOPENED})), ("other", frozenset[Mark]())]

FLAT: Tree = {0: None, 1: 0, 2: 0, 3: 0}
WIDE: Tree = {0: None, 1: 0, 2: 0, 3: 0, 4: 0}
DEEP: Tree = {0: None, 1: 0, 2: 1, 3: 1, 4: 1}
PAIR: Tree = {0: None, 1: 0, 2: 0}
CHAIN: Tree = {0: None, 1: 0, 2: 1}


def people_of(world: World, sorts: Sequence[tuple[str, frozenset[Mark]]], first: int = 0) -> list[Counted]:
    """The cases of a world."""
    numbers = itertools.count(first)
    return [
        Counted(number, unit_id, number, *sorts[sort])
        for unit_id, counts in enumerate(world)
        for sort, count in enumerate(counts)
        for number in itertools.islice(numbers, count)
    ]


def find_leaks(seen_in: Iterable[tuple[object, World]], k: int = K) -> Iterator[tuple[object, object, set[int]]]:
    """Whatever somebody who knows the rules and sees everything can be sure is about 1 to k-1 people: of each thing
    that may be seen all worlds in which just that is seen, and in each group of units and sorts how many people there
    may be. A leak is a group of which every one of these worlds says: somebody, but fewer than k."""
    same = defaultdict(set)
    for seen, world in seen_in:
        same[seen].add(world)
    for seen, possible in same.items():
        one = next(iter(possible))
        for units, sorts in itertools.product(_subsets(len(one)), _subsets(len(one[0]))):
            counts = {sum(world[unit][sort] for unit in units for sort in sorts) for world in possible}
            if all(0 < count < k for count in counts):
                yield seen, (units, sorts), counts


def _subsets(count: int) -> list[tuple[int, ...]]:
    return [some for size in range(1, count + 1) for some in itertools.combinations(range(count), size)]


def frozen(figures: Figures, leaving_out: Iterable[str] = ()) -> object:
    """What is seen of it."""
    return frozenset(
        (unit_id, name, amount)
        for unit_id, told in figures.items()
        for name, amount in told.items()
        if name not in leaving_out
    )


TIMES = [f"{what}_{name}" for what in Time for name in ("median", "p90")]


@pytest.mark.parametrize("tree", [FLAT, WIDE, DEEP, PAIR, CHAIN], ids=["flat", "wide", "deep", "pair", "chain"])
def test_no_month_tells_of_fewer_than_k_people(tree: Tree) -> None:
    """Of no unit and of no group of units can it be known that 1 to k-1 people wrote."""

    def worlds() -> Iterator[tuple[object, World]]:
        for counts in itertools.product(range(5), repeat=len(tree)):
            world = tuple((count,) for count in counts)
            yield frozen(count_received(tree, form_blocks(tree, people_of(world, PLAIN), K))), world

    assert list(find_leaks(worlds())) == []


@pytest.mark.parametrize("tree", [FLAT, PAIR, CHAIN], ids=["flat", "pair", "chain"])
def test_whoever_works_at_the_top_subtracts_their_own_cases_in_vain(tree: Tree) -> None:
    """An officer knows each case of their own unit, and still learns nothing of the few below."""

    def worlds(own: int) -> Iterator[tuple[object, World]]:
        for counts in itertools.product(range(7), repeat=len(tree) - 1):
            world = ((own,), *((count,) for count in counts))
            yield frozen(count_received(tree, form_blocks(tree, people_of(world, PLAIN), K))), world[1:]

    assert [leak for own in range(K + 2) for leak in find_leaks(worlds(own))] == []


@pytest.mark.parametrize("top", [(0, 0), (1, 0), (3, 3)], ids=str)
def test_no_yes_and_no_of_a_quarter_tells_of_fewer_than_k_people(top: tuple[int, int]) -> None:
    """Reopened or not: neither side of any unit or group can be known to be 1 to k-1 people."""
    at_one = [(yes, no) for yes in range(6) for no in range(6 - yes)]

    def worlds() -> Iterator[tuple[object, World]]:
        for below in itertools.product(at_one, repeat=3):
            blocks = form_blocks(FLAT, people_of((top, *below), YES_NO), K)
            yield frozen(describe_quarter(FLAT, blocks, K, lambda: ["other"]), TIMES), below

    assert list(find_leaks(worlds())) == []


def test_two_published_months_and_their_quarter_tell_of_fewer_than_k_people_neither() -> None:
    """The months say how many wrote, the quarter who was reopened: of no month can the reopened be told."""
    at_one = [(yes, no) for yes in range(6) for no in range(6 - yes)]
    tree: Tree = {0: None}

    def worlds() -> Iterator[tuple[object, World]]:
        for months in itertools.product(at_one, repeat=3):
            blocks = [
                block
                for number, month in enumerate(months)
                for block in form_blocks(tree, people_of((month,), YES_NO, number * 100), K)
            ]
            seen = tuple(
                frozen(count_received(tree, [one for one in blocks if one.cases[0].case_id // 100 == number]))
                for number in range(3)
            )
            yield (seen, frozen(describe_quarter(tree, blocks, K, lambda: ["other"]), TIMES)), months

    assert list(find_leaks(worlds())) == []


@pytest.mark.parametrize("kinds", ["abc", "abcd", "abcde"])
def test_no_kinds_tell_of_fewer_than_k_people(kinds: str) -> None:
    """Wages, hours, meals …: no kind, and no kinds together, can be known to be 1 to k-1 people."""
    sorts = [(kind, frozenset[Mark]()) for kind in kinds]

    def worlds() -> Iterator[tuple[object, World]]:
        for counts in itertools.product(range(9), repeat=len(kinds)):
            if not K <= sum(counts) <= 9:
                continue
            row = people_of((counts,), sorts)
            for order in itertools.permutations(kinds):
                told = split_by_kind([row], K, order) or {}
                yield (sum(counts), frozenset(told.items())), (counts,)

    assert list(find_leaks(worlds())) == []


TREES = st.integers(1, 9).flatmap(
    lambda count: st.tuples(*(st.integers(0, max(0, unit - 1)) for unit in range(1, count + 1)))
)


@st.composite
def quarters(draw: st.DrawFn) -> tuple[Tree, list[list[Counted]]]:
    """A tree of any shape and three months of cases: some people write more than once, some from several places."""
    parents = draw(TREES)
    tree: Tree = {0: None} | dict(enumerate(parents, 1))
    numbers = itertools.count()
    case = st.builds(
        lambda unit_id, person, category, marks, hours: Counted(
            next(numbers), unit_id, person, category, marks, (hours, hours, None)
        ),
        st.integers(0, len(tree) - 1),
        st.integers(0, 60),
        st.sampled_from(["wages", "wages", "hours", "meals", "safety", "other"]),
        st.frozensets(st.sampled_from(list(Mark)), max_size=2),
        st.floats(0, 300),
    )
    return tree, [draw(st.lists(case, max_size=60)) for _ in range(3)]


KINDS = ["wages", "hours", "meals", "safety", "other"]


@settings(max_examples=400, deadline=None)
@given(quarters(), st.integers(3, 7))
def test_whatever_is_subtracted_is_of_at_least_k_people(made: tuple[Tree, list[list[Counted]]], k: int) -> None:
    """A unit without the units under it, a quarter without its kinds, a total without the marked: nobody or k."""
    tree, months = made
    blocks: list[Block] = []
    received = []
    for month in months:
        own = form_blocks(tree, month, k)
        blocks += own
        received.append(count_received(tree, own))
    quarter = describe_quarter(tree, blocks, k, lambda: KINDS)
    for number, told in enumerate(received):
        _check_sums(tree, told, [block for block in blocks if block.cases[0] in months[number]], k)
    for unit_id, measures in quarter.items():
        by_month = [told.get(unit_id, {}).get("received") for told in received]
        assert measures["received"].amount == sum(one.amount for one in by_month if one is not None)
        _check_split(tree, blocks, unit_id, measures, k)


def _check_sums(tree: Tree, told: Figures, blocks: list[Block], k: int) -> None:
    """What stands at a unit, less what stands at those under it, is of nobody or of at least k people."""
    for unit_id in tree:
        below = sum(
            told.get(child, {})["received"].amount
            for child, above in tree.items()
            if above == unit_id and child in told
        )
        mine = told[unit_id]["received"].amount - below if unit_id in told else 0
        people = [{case.person for case in block.cases} for block in blocks if block.unit_id == unit_id]
        assert mine == sum(len(block.cases) for block in blocks if block.unit_id == unit_id)
        assert all(len(some) >= k for some in people)


def _check_split(tree: Tree, blocks: list[Block], unit_id: int, measures: dict[str, object], k: int) -> None:
    """Of a unit with none under it, each number and what it leaves over are of at least k people."""
    if any(above == unit_id for above in tree.values()):
        return
    cases = [case for block in blocks if block.unit_id == unit_id for case in block.cases]
    for mark in Mark:
        if mark in measures:
            yes = {case.person for case in cases if mark in case.marks}
            no = {case.person for case in cases if mark not in case.marks}
            assert min(len(yes), len(no)) >= k
    shown = [kind for kind in KINDS if kind in measures]
    for kind in shown:
        assert len({case.person for case in cases if case.category == kind}) >= k
    rest = {case.person for case in cases if case.category not in shown}
    if shown and rest:
        assert len(rest) >= k
        assert len(KINDS) - len(shown) >= FEWEST_HIDDEN
        assert REST in measures


@settings(max_examples=200, deadline=None)
@given(quarters())
def test_cases_without_company_leave_no_trace(made: tuple[Tree, list[list[Counted]]]) -> None:
    """What is published is the same whether or not those were there who are counted nowhere."""
    tree, months = made
    blocks = form_blocks(tree, months[0], 5)
    counted = {case.case_id for block in blocks for case in block.cases}
    again = form_blocks(tree, [case for case in months[0] if case.case_id in counted], 5)
    assert count_received(tree, again) == count_received(tree, blocks)


def test_one_person_with_many_cases_is_one() -> None:
    """Fifty reports of four people are nothing that may be told."""
    many = [Counted(number, 0, number % 4) for number in range(50)]
    assert form_blocks({0: None}, many, 5) == []
    fifth = [*many, Counted(50, 0, 4)]
    assert count_received({0: None}, form_blocks({0: None}, fifth, 5))[0]["received"].amount == 51


def test_times_are_told_in_steps_and_only_with_k_people_on_either_side() -> None:
    """An exact time would be somebody's own, and the slowest of ten is one person."""
    times = [(float(hours), hours) for hours in range(1, 51)]
    assert find_quantile(times, 0.5, 5) == 40
    assert find_quantile(times, 0.9, 5) == 80
    assert find_quantile(times[:40], 0.9, 5) is None
    assert find_quantile(times[:9], 0.5, 5) is None
    unfinished = [*times[:10], *((None, person) for person in range(100, 140))]
    assert find_quantile(unfinished, 0.5, 5) == 0


def test_periods_are_those_of_the_calendar() -> None:
    """A quarter begins in January, April, July or October."""
    assert month_of(date(2026, 11, 21)) == date(2026, 11, 1)
    assert quarter_of(date(2026, 12, 31)) == date(2026, 10, 1)
    assert add_months(date(2026, 11, 1), 3) == date(2027, 2, 1)
    assert add_months(date(2026, 1, 1), -1) == date(2025, 12, 1)
