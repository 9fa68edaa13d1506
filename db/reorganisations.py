"""Statements on decisions that change the tree, and on the people, roles and applications that follow them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, exists, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.models import (
    OPEN_APPLICATION_STATES,
    Application,
    EndReason,
    Membership,
    NameToken,
    Reorganisation,
    RoleGrant,
    Unit,
    UnitPeriod,
)
from db.officers import search_again

_DAY = timedelta(days=1)


def add_reorganisation(
    session: Session,
    kind: str,
    effective_on: date,
    details: dict[str, Any],
    decision_number: str | None,
    decided_by_id: int | None,
    now: datetime,
) -> Reorganisation:
    """Keep a decision; it is applied later."""
    row = Reorganisation(
        kind=kind,
        effective_on=effective_on,
        details=details,
        decision_number=decision_number,
        decided_by_id=decided_by_id,
        decided_at=now,
    )
    session.add(row)
    session.flush()
    return row


def list_unapplied(session: Session, until: date | None = None) -> list[Reorganisation]:
    """Decisions not carried out (to the end) yet, in the order they were made; with a day: those due by it."""
    waiting = select(Reorganisation).where(Reorganisation.applied_at.is_(None))
    if until is not None:
        waiting = waiting.where(Reorganisation.effective_on <= until)
    return list(session.scalars(waiting.order_by(Reorganisation.effective_on, Reorganisation.id)))


def find_unapplied(session: Session, reorganisation_id: int) -> Reorganisation | None:
    """A decision not carried out yet, locked."""
    mine = select(Reorganisation).where(Reorganisation.id == reorganisation_id, Reorganisation.applied_at.is_(None))
    return session.scalars(mine.with_for_update(skip_locked=True)).first()


def list_left_behind(session: Session, on: date, limit: int) -> list[tuple[int, int | None]]:
    """Closed units, each with its successor, at which somebody is still a member or an application still waits: whoever
    was let in at the very moment the unit closed."""
    later = or_(UnitPeriod.effective_to.is_(None), UnitPeriod.effective_to >= on)
    is_open = exists().where(UnitPeriod.unit_id == Unit.id, later)
    has_member = exists().where(Membership.unit_id == Unit.id, Membership.until_on.is_(None))
    waits = exists().where(Application.unit_id == Unit.id, Application.state.in_(OPEN_APPLICATION_STATES))
    found = select(Unit.id, Unit.successor_id).where(~is_open, or_(has_member, waits)).order_by(Unit.id)
    return [(unit_id, successor_id) for unit_id, successor_id in session.execute(found.limit(limit))]


def _since(on: date) -> ColumnElement[bool]:
    """The condition that a membership runs on a day or later."""
    return or_(Membership.until_on.is_(None), Membership.until_on >= on)


def count_members_since(session: Session, unit_id: int, on: date, people: Sequence[int] | None = None) -> int:
    """How many members a very unit has on a day or later."""
    found = select(func.count()).select_from(Membership).where(Membership.unit_id == unit_id, _since(on))
    if people is not None:
        found = found.where(Membership.person_id.in_(people))
    return session.scalars(found).one()


def count_open_applications(session: Session, unit_id: int) -> int:
    """How many applications wait for a decision at a unit."""
    found = select(func.count()).select_from(Application)
    waiting = found.where(Application.unit_id == unit_id, Application.state.in_(OPEN_APPLICATION_STATES))
    return session.scalars(waiting).one()


def list_grants_since(session: Session, unit_ids: Collection[int], on: date, now: datetime) -> list[RoleGrant]:
    """The roles at some units that are held on a day or later."""
    held = select(RoleGrant).where(
        RoleGrant.unit_id.in_(list(unit_ids)),
        or_(RoleGrant.to_on.is_(None), RoleGrant.to_on >= on),
        or_(RoleGrant.ended_at.is_(None), RoleGrant.ended_at > now),
    )
    return list(session.scalars(held.order_by(RoleGrant.id)))


def move_payer(session: Session, unit_id: int, target_id: int, at: Select[int] | None = None) -> None:
    """Officers whom one workplace paid (those at some units, or all) are paid by another: who pays decides what they
    may never see."""
    is_paid = RoleGrant.paid_by_unit_id == unit_id
    if at is not None:
        is_paid &= RoleGrant.unit_id.in_(at)
    people = set(session.scalars(select(RoleGrant.person_id).where(is_paid)))
    paid = update(RoleGrant).where(is_paid).values(paid_by_unit_id=target_id)
    session.execute(paid, execution_options={"synchronize_session": "fetch"})
    search_again(session, people)


def move_applications(session: Session, unit_id: int, target_id: int, officers: Collection[int]) -> int:
    """Open applications are decided at another unit; whoever took one up keeps it only when they work there too."""
    waiting = (Application.unit_id == unit_id, Application.state.in_(OPEN_APPLICATION_STATES))
    stays = Application.handled_by_id.in_(list(officers))
    session.execute(update(Application).where(*waiting, ~stays).values(handled_by_id=None))
    moved = session.execute(update(Application).where(*waiting).values(unit_id=target_id))
    return int(moved.rowcount)  # type: ignore[attr-defined]  # an update has a row count


@dataclass(frozen=True)
class _Running:
    id: int
    person_id: int
    since_on: date
    until_on: date | None
    end_reason: EndReason | None


def move_members(
    session: Session,
    unit_id: int,
    target_id: int | None,
    on: date,
    decision_number: str | None,
    limit: int,
    people: Sequence[int] | None = None,
) -> int:
    """Let at most ``limit`` members go on at another unit from a day on, or (no target) end because their unit closed.

    Their membership ends the day before, and one begins at the target; one that began on that day or later belongs to
    the target altogether; names are found there. Returns how many were moved; call again until none is.
    """
    rows = _list_running(session, unit_id, on, limit, people)
    if not rows:
        return 0
    there = _members_there(session, target_id, on, [row.person_id for row in rows])
    going = [row for row in rows if target_id is not None and row.person_id not in there]
    whole = {row.id for row in going if row.since_on >= on}
    reason = EndReason.UNIT_CLOSED if target_id is None else EndReason.REORGANISED
    ended = [{"id": row.id, "until_on": on - _DAY, "end_reason": reason} for row in rows if row.id not in whole]
    begun = [
        {
            "person_id": row.person_id,
            "unit_id": target_id,
            "since_on": on,
            "until_on": row.until_on,
            "end_reason": row.end_reason,
            "decision_number": decision_number,
        }
        for row in going
        if row.id not in whole
    ]
    if ended:
        session.execute(update(Membership), ended)
    if begun:
        session.execute(insert(Membership), begun)
    if whole:
        session.execute(update(Membership), [{"id": number, "unit_id": target_id} for number in sorted(whole)])
    _move_names(session, unit_id, target_id, rows)
    return len(rows)


def _list_running(session: Session, unit_id: int, on: date, limit: int, people: Sequence[int] | None) -> list[_Running]:
    columns = (
        Membership.id, Membership.person_id, Membership.since_on, Membership.until_on, Membership.end_reason
    )  # fmt: skip
    running = select(*columns).where(Membership.unit_id == unit_id, _since(on))
    if people is not None:
        running = running.where(Membership.person_id.in_(people))
    return [_Running(*row) for row in session.execute(running.order_by(Membership.id).limit(limit))]


def _members_there(session: Session, target_id: int | None, on: date, people: Sequence[int]) -> set[int]:
    if target_id is None:
        return set()
    found = select(Membership.person_id).where(
        Membership.unit_id == target_id, _since(on), Membership.person_id.in_(people)
    )
    return set(session.scalars(found))


def _move_names(session: Session, unit_id: int, target_id: int | None, rows: Sequence[_Running]) -> None:
    """The words of their names are found at the target; those of a membership that is over are found nowhere."""
    here = (NameToken.unit_id == unit_id, NameToken.person_id.in_([row.person_id for row in rows]))
    found = session.execute(delete(NameToken).where(*here).returning(NameToken.token, NameToken.person_id)).all()
    if target_id is None or not found:
        return
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    moved = [{"token": token, "unit_id": target_id, "person_id": person_id} for token, person_id in found]
    session.execute(dialect.insert(NameToken).on_conflict_do_nothing(), moved)
