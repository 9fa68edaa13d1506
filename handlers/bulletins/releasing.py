"""The use cases of a release: submit, release by a second person, return, take back, stop; and who may release alone.

A release binds to the hash of all that people get and who gets it when (`db.bulletins.digest_bulletin`); whatever is
changed afterwards voids it. Whoever wrote, changed or submitted a bulletin does not release it, on whichever account.
"""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from db.bulletins import (
    add_event,
    add_waiver,
    check_not_started,
    digest_bulletin,
    end_waiver,
    find_waiver,
    forget_draft,
    list_editors,
    list_same_person,
    void,
)
from db.models import Bulletin, BulletinState, BulletinWaiver, Role
from db.officers import list_officers
from db.units import list_ancestors
from handlers.access import REACHES_DOWN, RIGHTS, Actor, Right, demand
from handlers.bulletins.timing import Timing
from handlers.errors import Outdated, UserError

NEEDED = 2
"""So many people who write or release bulletins at a unit make a release by one of them alone unnecessary."""


@dataclass(frozen=True)
class Release:
    """How somebody may release a bulletin now: as a second person, or alone by the waiver of the unit."""

    is_alone: bool
    waiver: BulletinWaiver | None = None


def submit(session: Session, bulletin: Bulletin, actor_id: int, now: datetime) -> None:
    """A finished draft waits for a second person; the caller holds it locked and knows that nothing is missing."""
    if bulletin.state is not BulletinState.DRAFT:
        raise Outdated
    bulletin.state = BulletinState.SUBMITTED
    bulletin.submitted_by_id, bulletin.submitted_at, bulletin.changed_at = actor_id, now, now
    bulletin.returned_because = None
    add_event(session, bulletin.id, "submitted", actor_id, now, {"hash": digest_bulletin(session, bulletin)})


def release(
    session: Session, bulletin: Bulletin, actor: Actor, seen: str, is_proven: bool, now: datetime, today: date
) -> Release:
    """Release what the actor has seen: ``seen`` is the beginning of its hash then. ``is_proven``: the actor gave the
    second factor where this channel asks for it. Raises `Outdated` when it was changed since or its time is over."""
    how = judge_release(session, bulletin, actor, is_proven, now, today)
    digest = digest_bulletin(session, bulletin)
    if not seen or not digest.startswith(seen):
        raise UserError("bulletin_desk.changed_since")
    next_at = Timing.from_json(bulletin.timing).first_at(now)
    if next_at is None:
        raise UserError("bulletin_desk.time_is_over")
    bulletin.state, bulletin.next_at = BulletinState.RELEASED, next_at
    bulletin.released_by_id, bulletin.released_at, bulletin.changed_at = actor.person_id, now, now
    bulletin.released_hash, bulletin.released_alone = digest, how.is_alone
    details = {"hash": digest} | ({"alone": how.waiver.id} if how.waiver else {})
    add_event(session, bulletin.id, "released", actor.person_id, now, details)
    return how


def judge_release(
    session: Session, bulletin: Bulletin, actor: Actor, is_proven: bool, now: datetime, today: date
) -> Release:
    """How the actor may release a bulletin that waits for it. Raises a `UserError` that says why they may not."""
    if bulletin.state is not BulletinState.SUBMITTED:
        raise Outdated
    if not same_as_editor(session, bulletin, actor.person_id):
        demand(session, actor, Right.RELEASE_BULLETINS, bulletin.unit_id, today)
        return Release(is_alone=False)
    waiver = find_waiver_in_force(session, bulletin.unit_id, now, today)
    if waiver is None:
        raise UserError("bulletin_desk.four_eyes")
    demand(session, actor, Right.EDIT_BULLETINS, bulletin.unit_id, today)
    if not is_proven:
        raise UserError("bulletin_desk.needs_otp")
    return Release(is_alone=True, waiver=waiver)


def same_as_editor(session: Session, bulletin: Bulletin, person_id: int) -> bool:
    """Whether a person had a hand in a bulletin, under whichever of their profiles."""
    hands = {bulletin.created_by_id, bulletin.submitted_by_id, *list_editors(session, bulletin.id)}
    return bool(hands & list_same_person(session, person_id))


def return_to_editor(
    session: Session, bulletin: Bulletin, actor: Actor, reason: str, now: datetime, today: date
) -> None:
    """Whoever could release it does not, and says why: it is a draft again."""
    if bulletin.state is not BulletinState.SUBMITTED:
        raise Outdated
    demand(session, actor, Right.RELEASE_BULLETINS, bulletin.unit_id, today)
    void(session, bulletin, actor.person_id, now)
    bulletin.returned_because, bulletin.changed_at = reason, now
    add_event(session, bulletin.id, "returned", actor.person_id, now, {"reason": reason})


def take_back(session: Session, bulletin: Bulletin, actor_id: int, now: datetime) -> None:
    """A bulletin that waits or is released, and has not begun to go out, is a draft again; the caller has checked the
    actor's right and holds it locked. Raises `Outdated` for any other, `AlreadyStarted` for one that goes out."""
    if bulletin.state not in (BulletinState.SUBMITTED, BulletinState.RELEASED):
        raise Outdated
    check_not_started(session, bulletin)
    void(session, bulletin, actor_id, now)
    bulletin.changed_at = now


def stop(session: Session, bulletin: Bulletin, actor_id: int, now: datetime) -> None:
    """It goes out no more; a sending that has begun is called off by itself (`handlers.bulletins.running`)."""
    if bulletin.state is not BulletinState.RELEASED:
        raise Outdated
    bulletin.state, bulletin.next_at, bulletin.changed_at = BulletinState.ENDED, None, now
    add_event(session, bulletin.id, "stopped", actor_id, now)


def drop(session: Session, bulletin: Bulletin, actor_id: int, now: datetime) -> None:
    """A draft is erased. Raises `Outdated` for what waits or is released: that is taken back first."""
    if bulletin.state is not BulletinState.DRAFT:
        raise Outdated
    forget_draft(session, bulletin, actor_id, now)


def list_holders(session: Session, unit_id: int, right: Right, now: datetime, today: date) -> list[int]:
    """The profiles that have a right at a unit, given there or above."""
    roles = [role for role in Role if right in RIGHTS[role]]
    above = [period.unit_id for period in list_ancestors(session, unit_id, today)]
    held = list_officers(session, [unit_id], roles, now, today)
    held += list_officers(session, above, [role for role in roles if role in REACHES_DOWN], now, today)
    return list(dict.fromkeys(grant.person_id for grant in held))


def list_approvers(session: Session, bulletin: Bulletin, now: datetime, today: date) -> list[int]:
    """Who could release it as a second person."""
    held = list_holders(session, bulletin.unit_id, Right.RELEASE_BULLETINS, now, today)
    return [person_id for person_id in held if not same_as_editor(session, bulletin, person_id)]


def count_people(session: Session, unit_id: int, now: datetime, today: date) -> int:
    """How many human beings write or release bulletins at a unit, whatever profiles they have."""
    counted: set[int] = set()
    count = 0
    for right in (Right.EDIT_BULLETINS, Right.RELEASE_BULLETINS):
        for person_id in list_holders(session, unit_id, right, now, today):
            count += person_id not in counted
            counted |= list_same_person(session, person_id)
    return count


def needs_one_person(session: Session, unit_id: int, now: datetime, today: date) -> bool:
    """Whether a unit has so few people for bulletins that no second one could release."""
    return count_people(session, unit_id, now, today) < NEEDED


def find_waiver_in_force(session: Session, unit_id: int, now: datetime, today: date) -> BulletinWaiver | None:
    """The word by which one person may release alone at a unit. It lapses, on record, once there are two."""
    waiver = find_waiver(session, unit_id)
    if waiver is None or needs_one_person(session, unit_id, now, today):
        return waiver
    end_waiver(waiver, None, now)
    return None


def waive(session: Session, actor: Actor, unit_id: int, reason: str, now: datetime, today: date) -> BulletinWaiver:
    """Let one person release alone at a unit that has nobody else. Raises `NotAllowed`, or says that there are two."""
    demand(session, actor, Right.MANAGE_OFFICERS, unit_id, today)
    if not needs_one_person(session, unit_id, now, today):
        raise UserError("bulletin_desk.are_two")
    if find_waiver(session, unit_id) is not None:
        raise Outdated
    return add_waiver(session, unit_id, actor.person_id, reason, now)


def end_waiving(session: Session, actor: Actor, unit_id: int, now: datetime, today: date) -> None:
    """Two people are needed again. Raises `NotAllowed`, or `Outdated` where that is so already."""
    demand(session, actor, Right.MANAGE_OFFICERS, unit_id, today)
    waiver = find_waiver(session, unit_id)
    if waiver is None:
        raise Outdated
    end_waiver(waiver, actor.person_id, now)
