"""Statements on the union tree: what a unit was on a day, what lies above and below it."""

import secrets
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import date

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from db.inbox import insert_ignoring_duplicates
from db.models import DeploymentFact, Unit, UnitLevel, UnitPeriod

_DEEPEST = 12
"""No tree is deeper; a longer way up means that rows form a ring, and a ring must not hang the program."""

_TREE_VERSION = "tree_version"


@dataclass(frozen=True)
class UnitFacts:
    """What a unit is on a day: the fields of a period without its days."""

    level: UnitLevel
    parent_id: int | None
    name: str
    employer: str | None = None
    headcount_band: str | None = None
    sector: str | None = None
    province: str | None = None
    commune: str | None = None
    wage_region: str | None = None


@dataclass(frozen=True)
class Workplace:
    """A unit as people look for it by typing."""

    unit_id: int
    name: str
    employer: str | None
    commune: str | None
    province: str | None


def add_unit(session: Session, code: str, facts: UnitFacts, from_on: date) -> Unit:
    """A new unit, open from a day on."""
    unit = Unit(code=code)
    session.add(unit)
    session.flush()
    add_period(session, unit.id, facts, from_on)
    return unit


def add_period(
    session: Session, unit_id: int, facts: UnitFacts, from_on: date, to_on: date | None = None
) -> UnitPeriod:
    """What a unit is from a day on; the caller sees to it that no other period covers these days."""
    period = UnitPeriod(unit_id=unit_id, effective_from=from_on, effective_to=to_on, **asdict(facts))
    session.add(period)
    session.flush()
    mark_tree_changed(session)
    return period


def mark_tree_changed(session: Session) -> None:
    """Tell every process that what it remembers of the tree is old. A random word, so that one that was rolled back
    is never met again."""
    fact = session.get(DeploymentFact, _TREE_VERSION)
    if fact is None:
        insert_ignoring_duplicates(session, DeploymentFact, [{"name": _TREE_VERSION, "value": ""}])
        fact = session.get_one(DeploymentFact, _TREE_VERSION)
    fact.value = secrets.token_hex(8)
    session.flush()


def get_tree_version(session: Session) -> tuple[str | None, int | None]:
    """Differs whenever the tree does; the newest row's number is in it for rows that something else put there."""
    word = select(DeploymentFact.value).where(DeploymentFact.name == _TREE_VERSION).scalar_subquery()
    newest = select(func.max(UnitPeriod.id)).scalar_subquery()
    row = session.execute(select(word, newest)).one()
    return row[0], row[1]


def list_workplaces(session: Session, on: date) -> list[Workplace]:
    """Every unit open on a day that somebody may work at or belong to directly."""
    columns = (UnitPeriod.unit_id, UnitPeriod.name, UnitPeriod.employer, UnitPeriod.commune, UnitPeriod.province)
    found = select(*columns).where(UnitPeriod.level.in_((UnitLevel.WORKPLACE, UnitLevel.TRADE)), holds_on(on))
    return [Workplace(*row) for row in session.execute(found.order_by(UnitPeriod.unit_id))]


def holds_on(on: date) -> ColumnElement[bool]:
    """The condition that a period of a unit covers a day."""
    return (UnitPeriod.effective_from <= on) & or_(UnitPeriod.effective_to.is_(None), UnitPeriod.effective_to >= on)


def find_period(session: Session, unit_id: int, on: date) -> UnitPeriod | None:
    """What a unit was on a day; None when it was not open then."""
    return session.scalars(select(UnitPeriod).where(UnitPeriod.unit_id == unit_id, holds_on(on))).first()


def find_unit(session: Session, code: str) -> Unit | None:
    """The unit of a code."""
    return session.scalars(select(Unit).where(Unit.code == code)).first()


def list_periods(session: Session, unit_id: int) -> list[UnitPeriod]:
    """All a unit ever was, oldest first."""
    found = select(UnitPeriod).where(UnitPeriod.unit_id == unit_id).order_by(UnitPeriod.effective_from)
    return list(session.scalars(found))


def list_ancestors(session: Session, unit_id: int, on: date) -> list[UnitPeriod]:
    """The units above one on a day, the nearest first."""
    above: list[UnitPeriod] = []
    period = find_period(session, unit_id, on)
    while period is not None and period.parent_id is not None and len(above) < _DEEPEST:
        period = find_period(session, period.parent_id, on)
        if period is not None:
            above.append(period)
    return above


def list_children(session: Session, unit_id: int, on: date, limit: int | None = None) -> list[UnitPeriod]:
    """The units right under one on a day, by name."""
    under = select(UnitPeriod).where(UnitPeriod.parent_id == unit_id, holds_on(on)).order_by(UnitPeriod.name)
    return list(session.scalars(under.limit(limit)))


def select_subtree(unit_ids: Iterable[int], on: date) -> Select[int]:
    """A query for the ids of units open on a day that are among these or lie under one of them."""
    top = select(UnitPeriod.unit_id).where(UnitPeriod.unit_id.in_(list(unit_ids)), holds_on(on))
    tree = top.cte("subtree", recursive=True)
    # UNION, not UNION ALL: a ring of rows ends instead of running for ever
    tree = tree.union(select(UnitPeriod.unit_id).join(tree, UnitPeriod.parent_id == tree.c.unit_id).where(holds_on(on)))
    return select(tree.c.unit_id)


def list_open(session: Session, on: date, levels: Collection[UnitLevel] = tuple(UnitLevel)) -> list[UnitPeriod]:
    """The units of some levels that are open on a day."""
    return list(session.scalars(select(UnitPeriod).where(UnitPeriod.level.in_(levels), holds_on(on))))


def list_roots(session: Session, on: date) -> list[UnitPeriod]:
    """Open units with nothing above them."""
    return list(session.scalars(select(UnitPeriod).where(UnitPeriod.parent_id.is_(None), holds_on(on))))


def find_open_by_place(
    session: Session, levels: Collection[UnitLevel], province: str, commune: str | None, on: date
) -> UnitPeriod | None:
    """The open unit of some levels that covers a place, for somebody whose workplace has no unit."""
    place = UnitPeriod.commune.is_(None) if commune is None else UnitPeriod.commune == commune
    found = select(UnitPeriod).where(UnitPeriod.level.in_(levels), UnitPeriod.province == province, place, holds_on(on))
    return session.scalars(found.order_by(UnitPeriod.unit_id)).first()
