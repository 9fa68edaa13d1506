"""Statements on the union tree: what a unit was on a day, what lies above and below it."""

import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Select, func, insert, or_, select, update
from sqlalchemy.orm import Session

from db.case_access import search_again_near
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
class NewPeriod:
    """A unit of a list with what it is from a day to a day; ``facts`` has no parent, since that may be new too."""

    code: str
    facts: UnitFacts
    parent_code: str | None
    effective_from: date
    effective_to: date | None = None
    successor_code: str | None = None


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


def change_period(
    session: Session, unit_id: int, field: str, old: object, new: object, from_on: date
) -> list[UnitPeriod]:
    """Give a field of a unit a new value from a day on, for as long as it holds the old one; days before keep theirs.
    Returns the periods that hold the new value."""
    changed = []
    for period in list_periods_since(session, unit_id, from_on):
        if getattr(period, field) != old:
            break
        if period.effective_from < from_on:
            later = cut_period(session, period, from_on)
            setattr(later, field, new)
            changed.append(later)
        else:
            setattr(period, field, new)
            changed.append(period)
    session.flush()
    mark_tree_changed(session)
    if field in ("name", "employer"):
        search_again_near(session, unit_id)
    return changed


def change_parent(session: Session, unit_id: int, old_id: int | None, new_id: int | None, from_on: date) -> None:
    """Wherever a unit stands under one from a day on, it stands under another; what lies elsewhere stays."""
    for period in list_periods_since(session, unit_id, from_on):
        if period.parent_id == old_id:
            (cut_period(session, period, from_on) if period.effective_from < from_on else period).parent_id = new_id
    session.flush()
    mark_tree_changed(session)


def cut_period(session: Session, period: UnitPeriod, from_on: date) -> UnitPeriod:
    """Two periods in place of one, the second from a day on with the same facts; returns the second."""
    facts = UnitFacts(**{field.name: getattr(period, field.name) for field in fields(UnitFacts)})
    to_on, period.effective_to = period.effective_to, from_on - timedelta(days=1)
    session.flush()
    return add_period(session, period.unit_id, facts, from_on, to_on)


def close_unit(session: Session, unit: Unit, from_on: date, successor_id: int | None) -> None:
    """A unit is open no longer from a day on; its earlier periods stay as they were. One that would have begun on that
    very day never held."""
    for period in list_periods_since(session, unit.id, from_on):
        if period.effective_from >= from_on:
            session.delete(period)
        else:
            period.effective_to = from_on - timedelta(days=1)
    unit.successor_id = successor_id
    session.flush()
    mark_tree_changed(session)
    if successor_id is not None:
        search_again_near(session, unit.id)


def lock_tree(session: Session) -> None:
    """Let nobody else change the tree until this transaction ends, and forget what was read of it before: two decisions
    that each fit may not fit together."""
    insert_ignoring_duplicates(session, DeploymentFact, [{"name": _TREE_VERSION, "value": ""}])
    session.get_one(DeploymentFact, _TREE_VERSION, with_for_update=True)
    for known in list(session.identity_map.values()):
        if isinstance(known, (Unit, UnitPeriod)):
            session.refresh(known)


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


def get_unit(session: Session, unit_id: int) -> Unit:
    """The unit of a number."""
    return session.get_one(Unit, unit_id)


def find_unit(session: Session, code: str) -> Unit | None:
    """The unit of a code."""
    return session.scalars(select(Unit).where(Unit.code == code)).first()


def list_periods(session: Session, unit_id: int) -> list[UnitPeriod]:
    """All a unit ever was, oldest first."""
    found = select(UnitPeriod).where(UnitPeriod.unit_id == unit_id).order_by(UnitPeriod.effective_from)
    return list(session.scalars(found))


def list_periods_since(session: Session, unit_id: int, on: date) -> list[UnitPeriod]:
    """What a unit was on a day and later, oldest first."""
    later = or_(UnitPeriod.effective_to.is_(None), UnitPeriod.effective_to >= on)
    found = select(UnitPeriod).where(UnitPeriod.unit_id == unit_id, later)
    return list(session.scalars(found.order_by(UnitPeriod.effective_from)))


def list_predecessors(session: Session, unit_id: int) -> list[Unit]:
    """The closed units that went on in this one."""
    return list(session.scalars(select(Unit).where(Unit.successor_id == unit_id).order_by(Unit.id)))


def list_child_ids_since(session: Session, unit_id: int, on: date) -> list[int]:
    """The units that stand right under one on a day or later."""
    later = or_(UnitPeriod.effective_to.is_(None), UnitPeriod.effective_to >= on)
    found = select(UnitPeriod.unit_id).where(UnitPeriod.parent_id == unit_id, later).distinct()
    return list(session.scalars(found.order_by(UnitPeriod.unit_id)))


def list_change_days(session: Session, after: date, until: date) -> list[date]:
    """The days within a span on which any unit changed."""
    days = select(UnitPeriod.effective_from).where(
        UnitPeriod.effective_from > after, UnitPeriod.effective_from <= until
    )
    return list(session.scalars(days.distinct().order_by(UnitPeriod.effective_from)))


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


def list_with_teams(session: Session, unit_id: int, on: date) -> list[int]:
    """A unit and its teams: what people call one union at one place."""
    children = list_children(session, unit_id, on)
    return [unit_id, *(child.unit_id for child in children if child.level is UnitLevel.TEAM)]


def find_heir(session: Session, unit_id: int, on: date) -> int | None:
    """Who answers on a day for what a unit had in hand: itself while it is open, else the open unit in which it went
    on, else the nearest open one above where it last stood."""
    place: int | None = unit_id
    while place is not None and find_period(session, place, on) is None:
        place = get_unit(session, place).successor_id
    if place is not None:
        return place
    last = list_periods(session, unit_id)[-1]
    above = [] if last.effective_to is None else list_ancestors(session, unit_id, last.effective_to)
    return next((one.unit_id for one in above if find_period(session, one.unit_id, on)), None)


def select_subtree(unit_ids: Iterable[int], on: date, name: str = "subtree") -> Select[int]:
    """A query for the ids of units open on a day that are among these or lie under one of them; two in one statement
    need two names."""
    top = select(UnitPeriod.unit_id).where(UnitPeriod.unit_id.in_(list(unit_ids)), holds_on(on))
    tree = top.cte(name, recursive=True)
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


@dataclass(frozen=True)
class OpenUnit:
    """What a list needs of a unit it names by code."""

    unit_id: int
    level: UnitLevel
    effective_from: date
    effective_to: date | None


def list_open_by_code(session: Session, on: date) -> dict[str, OpenUnit]:
    """All units open on a day, by their codes."""
    columns = (UnitPeriod.unit_id, UnitPeriod.level, UnitPeriod.effective_from, UnitPeriod.effective_to)
    found = select(Unit.code, *columns).join(Unit, Unit.id == UnitPeriod.unit_id).where(holds_on(on))
    return {row[0]: OpenUnit(*row[1:]) for row in session.execute(found)}


def list_codes(session: Session) -> set[str]:
    """The codes of all units that ever were."""
    return set(session.scalars(select(Unit.code)))


def add_units(session: Session, units: Sequence[NewPeriod]) -> None:
    """Add many units at once, each with its one period; parents and successors are named by code."""
    ids = dict(session.execute(select(Unit.code, Unit.id)).all())
    added = insert(Unit).returning(Unit.code, Unit.id)
    ids |= dict(session.execute(added, [{"code": one.code} for one in units]).all())
    session.execute(
        insert(UnitPeriod),
        [
            asdict(one.facts)
            | {
                "unit_id": ids[one.code],
                "parent_id": ids[one.parent_code] if one.parent_code else None,
                "effective_from": one.effective_from,
                "effective_to": one.effective_to,
            }
            for one in units
        ],
    )
    succeeded = [{"id": ids[one.code], "successor_id": ids[one.successor_code]} for one in units if one.successor_code]
    if succeeded:
        session.execute(update(Unit), succeeded)
    mark_tree_changed(session)
