"""What became of a sending, counted by the units right below its own, and how each outcome is called."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from db.bulletin_results import ANSWERED, OPENED, TELLS, WAITING, count_by_unit, map_to_children
from db.models import Bulletin, BulletinRun, DeliveryState
from db.units import find_period
from handlers.bulletins.result_rules import Part, choose_units
from handlers.bulletins.telling import name_reason
from knowledge.texts import t

_STATES = tuple(state.value for state in DeliveryState if state not in (DeliveryState.PLANNED, DeliveryState.CLAIMED))


@dataclass(frozen=True)
class Summary:
    """What became of a sending: of everybody, and of those at each unit right below. ``own`` stands for whoever was
    chosen by the bulletin's very unit."""

    run: BulletinRun
    bulletin: Bulletin
    total: Counter[str]
    by_unit: Mapping[int, Counter[str]]


MEASURES: Mapping[str, Callable[[Counter[str]], Part]] = {
    "planned": lambda counts: (count_planned(counts), count_planned(counts)),
    "sent": lambda counts: (counts[DeliveryState.SENT.value], count_planned(counts)),
    "opened": lambda counts: (counts[OPENED], counts[TELLS]),
    "answered": lambda counts: (counts[ANSWERED], max(counts[ANSWERED], counts[DeliveryState.SENT.value])),
}
"""What is told of each unit: how many, and of how many."""


def count_planned(counts: Mapping[str, int]) -> int:
    """Everybody to whom it was to go: one line is one person."""
    return sum(amount for name, amount in counts.items() if is_line(name))


def is_line(name: str) -> bool:
    """Whether a figure counts lines of the ledger, not what was done with them."""
    return name.split(" ")[0] in (*_STATES, WAITING)


def sum_up(session: Session, run: BulletinRun, bulletin: Bulletin) -> Summary:
    """Count a sending, by the units right below the bulletin's own."""
    children = map_to_children(session, bulletin.unit_id, run.audience_on)
    total: Counter[str] = Counter()
    by_unit: dict[int, Counter[str]] = {}
    for unit_id, counts in count_by_unit(session, run).items():
        total += counts
        by_unit.setdefault(children.get(unit_id, bulletin.unit_id), Counter()).update(counts)
    return Summary(run, bulletin, total, by_unit)


def choose_cells(summary: Summary, k: int) -> dict[str, frozenset[int]]:
    """For each measure the units of which it may be told."""
    return {
        name: choose_units({unit_id: measure(counts) for unit_id, counts in summary.by_unit.items()}, k)
        for name, measure in MEASURES.items()
    }


def name_outcome(name: str) -> str:
    """How a line ended, with its reason, as people read it."""
    state, _, reason = name.partition(" ")
    what = t(f"bulletin_results.is_{state}")
    return t("bulletin_results.with_reason", what=what, reason=name_reason(reason)) if reason else what


def name_outcomes(counts: Mapping[str, int]) -> dict[str, int]:
    """Outcomes as people read them, the largest first; several that read alike are one."""
    named: Counter[str] = Counter()
    for name, count in counts.items():
        named[name_outcome(name)] += count
    return dict(named.most_common())


def list_rows(session: Session, summary: Summary) -> list[tuple[int, str]]:
    """The units with their names, the largest first."""
    on, home = summary.run.audience_on, summary.bulletin.unit_id
    order = sorted(summary.by_unit, key=lambda unit_id: (-count_planned(summary.by_unit[unit_id]), unit_id))
    own = t("bulletin_results.own_people")
    return [
        (unit_id, own if unit_id == home and len(order) > 1 else name_unit(session, unit_id, on)) for unit_id in order
    ]


def name_unit(session: Session, unit_id: int | None, on: date) -> str:
    """What a unit was called on a day."""
    period = find_period(session, unit_id, on) if unit_id is not None else None
    return period.name if period is not None else ""
