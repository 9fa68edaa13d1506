"""Statements that read whole lists for files: unit by unit, so that memory stays small however many there are."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from db.models import Membership, Person, RoleGrant, Unit, UnitPeriod
from db.officers import holds_at
from db.people import runs_on
from db.units import holds_on


@dataclass(frozen=True)
class UnitRow:
    """A unit with the codes of those it points to."""

    unit_id: int
    code: str
    period: UnitPeriod
    parent_code: str | None
    successor_code: str | None


def list_unit_rows(session: Session, reach: Select[int], on: date) -> list[UnitRow]:
    """The units of a reach that are open on a day, by code."""
    above, after = aliased(Unit), aliased(Unit)
    found = (
        select(Unit.id, Unit.code, UnitPeriod, above.code, after.code)
        .join(UnitPeriod, UnitPeriod.unit_id == Unit.id)
        .outerjoin(above, above.id == UnitPeriod.parent_id)
        .outerjoin(after, after.id == Unit.successor_id)
        .where(holds_on(on), Unit.id.in_(reach))
    )
    return [UnitRow(*row) for row in session.execute(found.order_by(Unit.code))]


def list_unit_codes(session: Session, reach: Select[int]) -> list[tuple[int, str]]:
    """The units of a reach with their codes, by code."""
    found = select(Unit.id, Unit.code).where(Unit.id.in_(reach)).order_by(Unit.code)
    return list(session.execute(found).all())


def list_officer_rows(session: Session, unit_id: int, now: datetime, today: date) -> list[tuple[RoleGrant, Person]]:
    """The roles held at a very unit now, with whose they are."""
    held = select(RoleGrant, Person).join(Person, Person.id == RoleGrant.person_id)
    held = held.where(RoleGrant.unit_id == unit_id, holds_at(now, today)).order_by(RoleGrant.id)
    return list(session.execute(held).all())


@dataclass(frozen=True)
class MemberRow:
    """A member of a list; plain values, so that nothing of hundreds of thousands stays in the session."""

    membership_id: int
    person_id: int
    code: str
    profile: dict[str, Any] | None
    since_on: date
    decision_number: str | None


def list_member_rows(session: Session, unit_id: int, on: date, size: int) -> Iterator[list[MemberRow]]:
    """The members of a very unit on a day, in parts of at most some size."""
    columns = (Membership.id, Person.id, Person.code, Person.profile, Membership.since_on, Membership.decision_number)
    here = select(*columns).join(Membership, Membership.person_id == Person.id)
    here = here.where(Membership.unit_id == unit_id, runs_on(on)).order_by(Membership.id).limit(size)
    last = 0
    while part := [MemberRow(*row) for row in session.execute(here.where(Membership.id > last))]:
        yield part
        last = part[-1].membership_id


def count_grants_in(session: Session, reach: Select[int], now: datetime, today: date) -> int:
    """How many roles are held now at the units of a reach."""
    found = select(func.count()).select_from(RoleGrant).where(RoleGrant.unit_id.in_(reach), holds_at(now, today))
    return session.scalars(found).one()


def count_members_in(session: Session, reach: Select[int], on: date) -> int:
    """How many members the units of a reach have on a day."""
    found = select(func.count()).select_from(Membership).where(Membership.unit_id.in_(reach), runs_on(on))
    return session.scalars(found).one()
