"""Numbers about bulletins: whatever is told, nobody can work out one about fewer than k people."""

from hypothesis import given
from hypothesis import strategies as st

from handlers.bulletins.result_rules import (
    FEWEST_HIDDEN,
    Shown,
    choose_units,
    is_safe,
    judge,
    share_of,
    show_choices,
    split,
)

K = 5
PARTS = st.integers(0, 40).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))


@given(st.dictionaries(st.integers(1, 30), PARTS, max_size=12))
def test_units_that_are_told_and_all_others_together_are_safe(parts: dict[int, tuple[int, int]]) -> None:
    """What is hidden can be worked out as one sum only, which is safe, and of enough units; or nothing is told."""
    shown = choose_units(parts, K)
    hidden = set(parts) - shown
    assert all(is_safe(parts[unit_id], K) for unit_id in shown)
    if shown and hidden:
        rest = sum(parts[one][0] for one in hidden), sum(parts[one][1] for one in hidden)
        assert is_safe(rest, K) and len(hidden) >= FEWEST_HIDDEN
    if all(is_safe(part, K) for part in parts.values()):
        assert not hidden


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 60)))
def test_parts_of_a_known_number_never_give_a_small_one_away(counts: dict[str, int]) -> None:
    """The others are at least two and at least k people, and everybody is told somewhere."""
    shown, rest = split(counts, K)
    hidden = [count for name, count in counts.items() if name not in shown and count]
    assert all(shown[name] == counts[name] >= K for name in shown)
    assert sum(hidden) == (rest or 0)
    if shown and hidden:
        assert len(hidden) >= 2 and sum(hidden) >= K


@given(st.lists(st.integers(0, 60), min_size=2, max_size=5))
def test_choices_that_are_told_leave_no_small_one_to_subtract(counts: list[int]) -> None:
    """Also where everybody chose the same: then nothing follows for the other."""
    shown = show_choices(counts, K)
    hidden = [count for count, told in zip(counts, shown, strict=True) if told is None]
    assert all(told is None or told == count >= K for count, told in zip(counts, shown, strict=True))
    if len(hidden) < len(counts):
        assert not hidden or (len(hidden) >= 2 and sum(hidden) >= K)
    if all(count >= K for count in counts):
        assert shown == counts


def test_number_about_all_is_told_as_it_is_or_only_that_few_are_missing() -> None:
    """Of a thousand, 997 are "all but fewer than five"; three are "fewer than five"."""
    assert judge((995, 1000), K) is Shown.EXACT
    assert judge((1000, 1000), K) is Shown.EXACT
    assert judge((997, 1000), K) is Shown.ALMOST_ALL
    assert judge((3, 1000), K) is Shown.FEW
    assert judge((2, 4), K) is Shown.FEW


def test_shares_are_told_in_steps() -> None:
    """One more answer seldom changes what is shown."""
    assert {share_of(count, 60) for count in (29, 30, 31)} == {50}
