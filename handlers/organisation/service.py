"""The use cases of the tree: show beforehand what a decision moves, decide, carry out on the day, look back.

``actor`` is None at the operator's console, which acts as the system.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import structlog
from sqlalchemy.orm import Session

from db.exports import count_members_in
from db.models import Reorganisation, UnitPeriod
from db.reorganisations import (
    add_reorganisation,
    count_members_since,
    count_open_applications,
    find_unapplied,
    list_left_behind,
    list_unapplied,
    move_applications,
    move_members,
)
from db.units import (
    find_heir,
    find_period,
    get_unit,
    list_ancestors,
    list_child_ids_since,
    lock_tree,
    select_subtree,
)
from handlers.access import Actor, NotAllowed, Right, demand
from handlers.chat import Reply
from handlers.errors import Outdated, UserError
from handlers.notify import WITHOUT_DESK, tell_person
from handlers.organisation.decisions import (
    Change,
    Close,
    Create,
    Decision,
    Merge,
    Move,
    NewUnit,
    Place,
    Split,
    from_json,
    to_json,
)
from handlers.organisation.following import RoleChange, apply_plan, follow, plan_roles
from handlers.organisation.planning import Plan, make_plan, show_day
from knowledge.texts import t

log = structlog.get_logger()

BATCH = 2000
"""Members moved in one transaction: half a second on SQLite, whose one writer everybody waits for."""

_CLOSED_AT_ONCE = 20


@dataclass(frozen=True)
class Following:
    """What goes from a unit to a place (None: it ends)."""

    unit_id: int
    to: Place | None
    members: int
    applications: int
    sub_units: int
    members_below: int
    """Members of the units under it, who stay where they are and go along."""


@dataclass(frozen=True)
class Preview:
    """What a decision would do. ``without_chair``: places that nobody would lead."""

    decision: Decision
    effective_on: date
    is_future: bool
    changes: tuple[tuple[str, str | None, str | None], ...]
    """Field, old value, new value."""
    following: tuple[Following, ...]
    roles: tuple[RoleChange, ...]
    without_chair: tuple[Place, ...]


def preview(
    session: Session, actor: Actor | None, decision: Decision, effective_on: date, now: datetime, today: date
) -> Preview:
    """What a decision would move. Raises `UserError` when it cannot be done and `NotAllowed` without the right."""
    _authorise(session, actor, decision, today)
    plan = make_plan(session, decision, effective_on, today)
    roles, without_chair = plan_roles(session, plan, effective_on, now)
    changes = tuple((name, old, new) for _unit_id, name, old, new in plan.changes)
    following = _count(session, plan, effective_on)
    return Preview(decision, effective_on, effective_on > today, changes, following, roles, without_chair)


def _count(session: Session, plan: Plan, on: date) -> tuple[Following, ...]:
    if not plan.streams:
        return tuple(_count_whole(session, unit_id, to, on) for unit_id, _old, to in plan.moves)
    found, taken = [], Counter[int]()
    for stream in plan.streams:
        members = count_members_since(session, stream.unit_id, on, stream.people)
        if stream.people is None:
            members -= taken[stream.unit_id]
        taken[stream.unit_id] += members
        sub_units = [child for child, old, to in plan.moves if old == stream.unit_id and to == stream.to]
        applications = count_open_applications(session, stream.unit_id) if stream.people is None else 0
        below = count_members_in(session, select_subtree(sub_units, on), on)
        found.append(Following(stream.unit_id, stream.to, members, applications, len(sub_units), below))
    return tuple(found)


def _count_whole(session: Session, unit_id: int, to: Place | None, on: date) -> Following:
    """A unit that goes elsewhere with all it has."""
    members, sub_units = count_members_since(session, unit_id, on), list_child_ids_since(session, unit_id, on)
    below = count_members_in(session, select_subtree(sub_units, on), on)
    return Following(unit_id, to, members, count_open_applications(session, unit_id), len(sub_units), below)


def decide(
    session: Session,
    actor: Actor | None,
    decision: Decision,
    effective_on: date,
    decision_number: str | None,
    now: datetime,
    today: date,
) -> Reorganisation:
    """Take a decision: carried out now when its day has come, else kept for the clock.

    ``applied_at`` of what returns is empty while it waits for its day, and also while members of a very large unit
    still follow: the clock moves them on in batches.
    """
    lock_tree(session)
    _authorise(session, actor, decision, today)
    make_plan(session, decision, effective_on, today)
    details: dict[str, Any] = {"decision": to_json(decision)}
    decided_by = actor.person_id if actor else None
    row = add_reorganisation(session, decision.kind, effective_on, details, decision_number, decided_by, now)
    if effective_on <= today:
        _carry_out(session, row, now, today, BATCH)
    return row


def carry_on(session: Session, now: datetime, today: date, limit: int = BATCH) -> bool:
    """Take the next step of the oldest decision that is due; True while there may be more to do. Each call is a
    transaction of its own, so that nobody waits long; what is half done is safe: the tree has changed, and whoever
    has not followed yet is still a member of a unit that names its successor."""
    for waiting in list_unapplied(session, today):
        if is_stopped(waiting):
            continue
        row = find_unapplied(session, waiting.id)
        if row is None:  # another process is at it
            continue
        lock_tree(session)
        try:
            with session.begin_nested():
                _carry_out(session, row, now, today, limit)
        except UserError as problem:
            row.details = {**row.details, "stopped": problem.key}
            log.error("reorganisation_stopped", reorganisation_id=row.id, reason=problem.key)
            _tell_decider(session, row, problem, now)
        return True
    return _catch_up(session, now, today, limit)


def _catch_up(session: Session, now: datetime, today: date, limit: int) -> bool:
    """Let those follow who became members of a unit, or applied there, in the moment in which it closed."""
    left = list_left_behind(session, today, _CLOSED_AT_ONCE)
    for unit_id, successor_id in left:
        target_id = successor_id
        while target_id is not None and find_period(session, target_id, today) is None:
            target_id = get_unit(session, target_id).successor_id
        move_members(session, unit_id, target_id, today, None, limit)
        place_id = find_heir(session, unit_id, today)
        if place_id is not None:
            move_applications(session, unit_id, place_id, ())
    return len(left) == _CLOSED_AT_ONCE


def _tell_decider(session: Session, row: Reorganisation, problem: UserError, now: datetime) -> None:
    if row.decided_by_id is not None:
        text = t(
            "units.was_stopped",
            kind=t(f"units.kind.{row.kind}"),
            day=show_day(row.effective_on),
            reason=t(problem.key, **problem.values),
        )
        tell_person(session, row.decided_by_id, Reply(text), f"reorganisation:{row.id}", now, without=WITHOUT_DESK)


def _carry_out(session: Session, row: Reorganisation, now: datetime, today: date, limit: int) -> None:
    if "streams" not in row.details:
        plan = make_plan(session, from_json(row.details["decision"]), row.effective_on, today, is_taken=True)
        row.details = {**row.details, "streams": apply_plan(session, plan, row, now)}
    left = follow(session, row, limit)
    row.details = {**row.details, "streams": left}
    if not left:
        row.applied_at = now
    session.flush()


def is_stopped(row: Reorganisation) -> bool:
    """Whether a decision was called off, or could not be carried out on its day because the tree had changed."""
    return "stopped" in row.details


def list_waiting(session: Session) -> list[Reorganisation]:
    """Decisions that wait for their day, or were stopped."""
    return list_unapplied(session)


def list_waiting_for(session: Session, actor: Actor, today: date) -> list[Reorganisation]:
    """Decisions that wait for their day and that the actor may call off."""
    return [row for row in list_waiting(session) if _is_still(row) and _may_decide(session, actor, row, today)]


def get_waiting(session: Session, actor: Actor, reorganisation_id: int, today: date) -> Reorganisation:
    """One of them. Raises `Outdated`."""
    found = (row for row in list_waiting_for(session, actor, today) if row.id == reorganisation_id)
    row = next(found, None)
    if row is None:
        raise Outdated
    return row


def _is_still(row: Reorganisation) -> bool:
    """Whether a decision has neither begun nor been stopped."""
    return "streams" not in row.details and not is_stopped(row)


def _may_decide(session: Session, actor: Actor, row: Reorganisation, today: date) -> bool:
    try:
        _authorise(session, actor, from_json(row.details["decision"]), today)
    except NotAllowed:
        return False
    return True


def call_off(session: Session, actor: Actor | None, reorganisation_id: int, today: date) -> Reorganisation:
    """Call off a decision that waits for its day. Raises `Outdated` once it has begun."""
    row = find_unapplied(session, reorganisation_id)
    if row is None or "streams" in row.details or row.details.get("stopped") == CALLED_OFF:
        raise Outdated
    _authorise(session, actor, from_json(row.details["decision"]), today)
    row.details = {**row.details, "stopped": CALLED_OFF}
    return row


CALLED_OFF = "units.called_off"


def where_was(session: Session, unit_id: int, on: date) -> list[UnitPeriod]:
    """Where a unit stood on a day: from the top of the tree down to the unit itself; empty when it was not open."""
    period = find_period(session, unit_id, on)
    return [] if period is None else [*reversed(list_ancestors(session, unit_id, on)), period]


def _authorise(session: Session, actor: Actor | None, decision: Decision, today: date) -> None:
    """Who changes what lies under a unit must run that unit: the right is needed at the highest unit touched."""
    if actor is None:
        return
    for unit_id in _units_touched(session, decision, today):
        if unit_id is None:
            raise NotAllowed
        demand(session, actor, Right.MANAGE_UNITS, unit_id, today)


def _units_touched(session: Session, decision: Decision, today: date) -> Sequence[int | None]:
    if isinstance(decision, Create):
        return [decision.unit.parent_id]
    if isinstance(decision, Change):
        return [decision.unit_id]
    if isinstance(decision, Move):
        return [_above(session, decision.unit_id, today), decision.parent_id]
    if isinstance(decision, Close):
        return [_above(session, decision.unit_id, today)]
    if isinstance(decision, Merge):
        places: list[Place] = [*decision.unit_ids, decision.into]
    elif isinstance(decision, Split):
        places = [decision.unit_id, *(part.into for part in decision.parts), decision.rest]
    return [place.parent_id if isinstance(place, NewUnit) else _above(session, place, today) for place in places]


def _above(session: Session, unit_id: int, today: date) -> int | None:
    period = find_period(session, unit_id, today)
    return period.parent_id if period else None
