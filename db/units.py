"""Statements on the union tree: what a unit was on a day, what lies above and below it."""

from collections.abc import Collection, Iterable
from datetime import date

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from db.models import Unit, UnitLevel, UnitPeriod

_DEEPEST = 12
"""No tree is deeper; a longer way up means that rows form a ring, and a ring must not hang the program."""


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
