"""Which unit answers for a case, and which of its officers may: round the employer, always upwards."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from db.case_access import CASE_ROLES, is_fit, read_viewer
from db.models import Case, Role, UnitLevel, UnitPeriod
from db.officers import list_officers
from db.units import find_period, get_unit, list_ancestors, list_periods, list_roots
from handlers.deciders import find_upper_unit
from knowledge.case_terms import load_case_terms

_ABOVE = (UnitLevel.UPPER, UnitLevel.FEDERATION, UnitLevel.CONFEDERATION)
"""Levels whose officers no single employer pays as a rule; whom one does pay is read from the roles."""

_SKIPPED = {"upper": 0, "federation": 1}
_FURTHEST = 20


@dataclass(frozen=True)
class Route:
    """The units that may answer for a case, the nearest first; ``unit_id`` is the first with an officer nothing bars
    (None: the tree is empty), and ``is_covered`` whether there is any such officer at all."""

    chain: tuple[int, ...]
    unit_id: int | None
    is_covered: bool


def plan_route(session: Session, case: Case, now: datetime, today: date) -> Route:
    """Where a case goes, by its kind, its place and the tree of the day. Without a single officer who may have it, the
    topmost unit answers for it, and somebody must be appointed."""
    chain = tuple(period.unit_id for period in list_chain(session, case, today))
    for unit_id in chain:
        if list_fit(session, case, unit_id, now, today):
            return Route(chain, unit_id, is_covered=True)
    return Route(chain, chain[-1] if chain else None, is_covered=False)


def list_chain(session: Session, case: Case, today: date) -> list[UnitPeriod]:
    """The units that may answer for a case, the nearest first. Its workplace's union is not among them, unless there is
    nothing else in the tree."""
    above = _list_above(session, case, today)
    skipped = _SKIPPED[load_case_terms().categories[case.category].starts_at]
    first = next((number for number, one in enumerate(above) if one.level in _ABOVE[skipped:]), 0)
    return above[first:] or list_roots(session, today)


def _list_above(session: Session, case: Case, today: date) -> list[UnitPeriod]:
    if case.workplace_unit_id is not None:
        nearest = _find_parent(session, _follow(session, case.workplace_unit_id, today), today)
    else:
        unit_id = find_upper_unit(session, case.commune or "", today)
        nearest = find_period(session, unit_id, today) if unit_id is not None else None
    if nearest is None:
        return []
    return [one for one in (nearest, *list_ancestors(session, nearest.unit_id, today)) if one.level in _ABOVE]


def _find_parent(session: Session, unit_id: int, today: date) -> UnitPeriod | None:
    """The unit above one today; of a unit that is closed, what became of the one that was above it last."""
    periods = [one for one in list_periods(session, unit_id) if one.effective_from <= today]
    parent_id = periods[-1].parent_id if periods else None
    return find_period(session, _follow(session, parent_id, today), today) if parent_id is not None else None


def _follow(session: Session, unit_id: int, today: date) -> int:
    """The unit, or what became of it."""
    for _ in range(_FURTHEST):
        if find_period(session, unit_id, today) is not None:
            break
        successor = get_unit(session, unit_id).successor_id
        if successor is None:
            break
        unit_id = successor
    return unit_id


def list_fit(
    session: Session, case: Case, unit_id: int, now: datetime, today: date, roles: Iterable[Role] = CASE_ROLES
) -> list[int]:
    """The officers of a unit whom nothing bars from a case, each once."""
    held = list_officers(session, [unit_id], tuple(roles), now, today)
    people = dict.fromkeys(grant.person_id for grant in held)
    return [person_id for person_id in people if is_fit(session, case, read_viewer(session, person_id, now, today))]


@dataclass(frozen=True)
class ReaderLine:
    """A line of the list a worker sees before sending: a unit, and a role of it that somebody holds who may read."""

    unit_id: int
    unit_name: str
    role: Role


def describe_readers(
    session: Session, case: Case, unit_ids: Iterable[int], now: datetime, today: date
) -> list[ReaderLine]:
    """Who could read a case at some units, as roles and units and never as names."""
    lines = []
    for unit_id in unit_ids:
        period = find_period(session, unit_id, today)
        for role in CASE_ROLES if period is not None else ():
            if period is not None and list_fit(session, case, unit_id, now, today, [role]):
                lines.append(ReaderLine(unit_id, period.name, role))
    return lines
