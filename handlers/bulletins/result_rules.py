"""Which numbers about a bulletin may be shown, so that nobody can work out one about fewer than k people."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

FEWEST_HIDDEN = 3
"""So many units must be hidden together, if there are as many: of two, each would know what the other has."""

_SHARE_STEP = 5
"""Shares are told in steps of so many percent: an exact one, looked at twice, would tell how the last one answered."""

Part = tuple[int, int]
"""How many people, and of how many."""


class Shown(StrEnum):
    """How a number about all may be told: as it is, or only that those without (or with) it are fewer than k."""

    EXACT = "exact"
    ALMOST_ALL = "almost_all"
    FEW = "few"


def is_safe(part: Part, k: int) -> bool:
    """Whether neither those who are counted nor the others are a group of fewer than k people."""
    count, total = part
    return all(number == 0 or number >= k for number in (count, total - count))


def judge(part: Part, k: int) -> Shown:
    """How a number about all may be told."""
    if is_safe(part, k):
        return Shown.EXACT
    return Shown.FEW if part[0] < k else Shown.ALMOST_ALL


def choose_units(parts: Mapping[int, Part], k: int) -> frozenset[int]:
    """The units whose own number may be told beside the one of all. Where any is too small, others are hidden with it,
    the smallest first, until what is hidden is safe as a whole, and so many that none can subtract its own."""
    shown = {unit_id for unit_id, part in parts.items() if is_safe(part, k)}
    hidden = set(parts) - shown
    by_size = sorted(shown, key=lambda unit_id: (-parts[unit_id][1], unit_id))
    while hidden and by_size and not (len(hidden) >= FEWEST_HIDDEN and is_safe(_sum(parts, hidden), k)):
        hidden.add(by_size.pop())
    return frozenset(parts) - hidden


def _sum(parts: Mapping[int, Part], units: set[int]) -> Part:
    return sum(parts[unit_id][0] for unit_id in units), sum(parts[unit_id][1] for unit_id in units)


def split(counts: Mapping[str, int], k: int) -> tuple[dict[str, int], int | None]:
    """Parts of a number that is told itself: those that may be told, and the sum of the others (None without any).
    Others are at least two, and at least k people; where they cannot be, nothing is told apart."""
    shown = {name: count for name, count in counts.items() if count >= k}
    hidden = [count for count in counts.values() if 0 < count < k]
    by_size = sorted(shown, key=lambda name: (-shown[name], name))
    while hidden and by_size and (len(hidden) < 2 or sum(hidden) < k):
        hidden.append(shown.pop(by_size.pop()))
    return shown, sum(hidden) if hidden else None


def show_choices(counts: Sequence[int], k: int) -> list[int | None]:
    """How many chose each answer; None for what may not be told, all of them below k people. A choice of nobody is not
    told either: its number follows from nothing then."""
    if sum(counts) < k:
        return [None] * len(counts)
    hidden = {number for number, count in enumerate(counts) if count < k}
    by_size = sorted(set(range(len(counts))) - hidden, key=lambda number: (-counts[number], number))
    while hidden and by_size and (len(hidden) < 2 or sum(counts[number] for number in hidden) < k):
        hidden.add(by_size.pop())
    return [None if number in hidden else count for number, count in enumerate(counts)]


def share_of(count: int, total: int) -> int:
    """A share in percent, in steps."""
    return round(100 * count / total / _SHARE_STEP) * _SHARE_STEP
