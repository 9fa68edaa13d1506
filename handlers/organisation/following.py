"""Members, officers and open applications follow when units end or are split, by rule."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from db.models import Person, Reorganisation, Role, RoleGrant
from db.officers import add_grant
from db.reorganisations import list_grants_since, move_applications, move_members, move_payer
from db.units import UnitFacts, add_unit, change_parent, change_period, close_unit, get_unit, select_subtree
from handlers.chat import Reply
from handlers.notify import tell_person
from handlers.organisation.decisions import NewUnit, Place
from handlers.organisation.planning import Plan, name_of, show_day
from handlers.organisation.rules import role_after
from knowledge.texts import t

_LED = (Role.CHAIR, Role.DEPUTY_CHAIR, Role.OFFICER)


@dataclass(frozen=True)
class RoleChange:
    """What becomes of a role: it goes on at a place as ``role`` (place None: it ends). ``grant`` is None for a chair
    whom the decision names and who held no role there."""

    person_id: int
    grant: RoleGrant | None
    to: Place | None
    role: Role | None


def plan_roles(
    session: Session, plan: Plan, on: date, now: datetime
) -> tuple[tuple[RoleChange, ...], tuple[Place, ...]]:
    """Which roles change, and which places would be left without a chair."""
    sources = {stream.unit_id for stream in plan.streams}
    places = _places(plan)
    there = [place for place in places if not isinstance(place, NewUnit)]
    changes: list[RoleChange] = []
    chairs: dict[Place, set[int]] = {place: set() for place in places}
    for grant in list_grants_since(session, sources | set(there), on, now):
        to = plan.place_of(grant.unit_id, grant.person_id) if grant.unit_id in sources else grant.unit_id
        named = None if to is None else plan.chairs.get(to)
        role = None if to is None else _role_at(grant, to, named)
        if to != grant.unit_id or role is not grant.role:
            changes.append(RoleChange(grant.person_id, grant, to, role))
        if role is Role.CHAIR and to is not None:
            chairs.setdefault(to, set()).add(grant.person_id)
    for place, person_id in plan.chairs.items():
        if person_id not in chairs.get(place, set()):
            changes.append(RoleChange(person_id, None, place, Role.CHAIR))
            chairs.setdefault(place, set()).add(person_id)
    return tuple(changes), tuple(place for place, leaders in chairs.items() if not leaders)


def _places(plan: Plan) -> list[Place]:
    """Every unit at which somebody arrives or that leads on after a split."""
    found = [stream.to for stream in plan.streams if stream.to is not None]
    stays = [stream.unit_id for stream in plan.streams if stream.unit_id not in plan.closes]
    return list(dict.fromkeys([*found, *stays, *plan.chairs]))


def _role_at(grant: RoleGrant, place: Place, named: int | None) -> Role:
    if named == grant.person_id and grant.role in _LED:
        return Role.CHAIR
    if place == grant.unit_id and named is None:
        return grant.role
    return role_after(grant.role, is_named_chair=False)


def apply_plan(session: Session, plan: Plan, row: Reorganisation, now: datetime) -> list[Any]:
    """Change the tree, the roles and where applications are decided; returns the streams of members still to follow,
    as `follow` reads them."""
    on = row.effective_on
    roles, _without_chair = plan_roles(session, plan, on, now)
    made = {unit: _create(session, unit, on) for unit in plan.creates}

    def number(place: Place) -> int:
        return made[place] if isinstance(place, NewUnit) else place

    for unit_id, name, old, new in plan.changes:
        change_period(session, unit_id, name, old, new, on)
    for child_id, old_parent, place in plan.moves:
        change_parent(session, child_id, old_parent, None if place is None else number(place), on)
    for unit_id, place in plan.closes.items():
        close_unit(session, get_unit(session, unit_id), on, None if place is None else number(place))
    for change in roles:
        _move_role(session, change, None if change.to is None else number(change.to), row, now)
    for child_id, old_parent, place in plan.moves:
        if old_parent is not None and place is not None:
            move_payer(session, old_parent, number(place), select_subtree([child_id], on))
    for unit_id, place in plan.closes.items():
        if place is not None:
            move_payer(session, unit_id, number(place))
    for unit_id, place in plan.applications.items():
        target_id = number(place)
        officers = {grant.person_id for grant in list_grants_since(session, [target_id], on, now)}
        move_applications(session, unit_id, target_id, officers)
    return [
        [stream.unit_id, None if stream.to is None else number(stream.to), stream.people and list(stream.people)]
        for stream in plan.streams
        if stream.people is None or stream.people
    ]


def follow(session: Session, row: Reorganisation, limit: int) -> list[Any]:
    """Let at most ``limit`` members follow; returns the streams that are not at their end."""
    left = list(row.details["streams"])
    while left and limit > 0:
        unit_id, target_id, people = left[0]
        moved = move_members(session, unit_id, target_id, row.effective_on, row.decision_number, limit, people)
        limit -= moved
        if limit > 0:  # fewer than asked for: this stream is at its end
            left = left[1:]
    return left


def _create(session: Session, unit: NewUnit, on: date) -> int:
    facts = UnitFacts(
        unit.level,
        unit.parent_id,
        unit.name,
        unit.employer,
        unit.headcount_band,
        unit.sector,
        unit.province,
        unit.commune,
        unit.wage_region,
    )
    return add_unit(session, unit.code, facts, on).id


def _move_role(session: Session, change: RoleChange, target_id: int | None, row: Reorganisation, now: datetime) -> None:
    """End a role where it was and give it where its holder goes on, unless they hold it there already."""
    on, from_on, to_on, payer_id = row.effective_on, row.effective_on, None, None
    if change.grant is not None:
        old = change.grant
        from_on, to_on = max(on, old.from_on), old.to_on
        payer_id = target_id if old.paid_by_unit_id == old.unit_id else old.paid_by_unit_id
        _end_role(session, old, row, now)
    if target_id is None or change.role is None:
        return
    held = list_grants_since(session, [target_id], on, now)
    if any(grant.person_id == change.person_id and grant.role is change.role for grant in held):
        return
    person = session.get_one(Person, change.person_id)
    given = add_grant(session, person, target_id, change.role, from_on, now, to_on, payer_id, row.decided_by_id)
    unit, role = name_of(session, target_id, on), t(f"roles.{change.role.value}")
    text = t("units.role_moved", role=role, unit=unit, day=show_day(from_on))
    tell_person(session, person.id, Reply(text), f"grant:{given.id}", now)


def _end_role(session: Session, grant: RoleGrant, row: Reorganisation, now: datetime) -> None:
    """The day before the decision was its last; it also ends this minute, in case that day was long ago."""
    if grant.from_on < row.effective_on:
        grant.to_on = row.effective_on - timedelta(days=1)
    grant.ended_at, grant.ended_by_id = now, row.decided_by_id
    session.flush()
