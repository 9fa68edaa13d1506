"""Statements on cases themselves: begin one, find one, and the lists of the desk."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select, tuple_
from sqlalchemy.orm import Session

from db.case_access import Viewer, is_searched_for, is_visible_to
from db.case_history import EventKind, append
from db.case_keys import case_keys_of_session
from db.codes import new_code
from db.models import OPEN_CASE_STATES, Case, CaseReader, CaseState, Role, RoleGrant


def find_visible(session: Session, viewer: Viewer, code: str, lock: bool = False) -> Case | None:
    """A case, if this officer may know of it; locked when it is about to change."""
    found = select(Case).where(Case.code == code, is_visible_to(viewer))
    return session.scalars(found.with_for_update() if lock else found).first()


def get_by_code(session: Session, code: str, lock: bool = False) -> Case | None:
    """The case of a code, whoever asks; for its worker and for the program itself."""
    found = select(Case).where(Case.code == code)
    return session.scalars(found.with_for_update() if lock else found).first()


def list_merged(session: Session, case: Case) -> list[Case]:
    """The cases that were found to be the same matter as this one, locked."""
    found = select(Case).where(Case.merged_into_id == case.id, Case.state == CaseState.MERGED)
    return list(session.scalars(found.order_by(Case.id).with_for_update()))


def list_left_alone(session: Session) -> list[Case]:
    """Cases merged into one that was withdrawn or erased since, so that nobody works on them any more; locked."""
    kept = select(Case.id).where(Case.state.in_((CaseState.WITHDRAWN, CaseState.ERASED)))
    gone = or_(Case.merged_into_id.is_(None), Case.merged_into_id.in_(kept))
    found = select(Case).where(Case.state == CaseState.MERGED, gone)
    return list(session.scalars(found.order_by(Case.id).with_for_update(skip_locked=True)))


@dataclass(frozen=True)
class Wanted:
    """Which cases of those an officer may know of a list is about."""

    mine: bool = False
    unclaimed: bool = False
    overdue_at: datetime | None = None
    closed: bool = False


def list_visible(session: Session, viewer: Viewer, wanted: Wanted, limit: int, offset: int = 0) -> list[Case]:
    """The cases of a list, the most pressing first."""
    found = select(Case).where(_is_wanted(viewer, wanted)).order_by(Case.due_at.is_(None), Case.due_at, Case.id)
    return list(session.scalars(found.limit(limit).offset(offset)))


def count_visible(session: Session, viewer: Viewer, wanted: Wanted) -> int:
    """How many cases a list holds."""
    return session.scalar(select(func.count()).select_from(Case).where(_is_wanted(viewer, wanted))) or 0


def _is_wanted(viewer: Viewer, wanted: Wanted) -> ColumnElement[bool]:
    states = (CaseState.CLOSED, CaseState.WITHDRAWN) if wanted.closed else OPEN_CASE_STATES
    conditions = [Case.state.in_(states), is_visible_to(viewer), is_searched_for(viewer)]
    if wanted.mine:
        conditions.append(Case.holder_id == viewer.person_id)
    if wanted.unclaimed:
        conditions.append(Case.state == CaseState.OPENED)
    if wanted.overdue_at is not None:
        conditions.append(Case.due_at < wanted.overdue_at)
    return and_(*conditions)


def add_case(session: Session, category: str, urgency: str, now: datetime) -> Case:
    """A case that is still being written, with a key of its own."""
    case = Case(
        code=new_code(),
        key_id=case_keys_of_session(session).create(),
        state=CaseState.DRAFT,
        category=category,
        urgency=urgency,
        created_at=now,
    )
    session.add(case)
    session.flush()
    return case


def list_alike_held(session: Session, viewer: Viewer, case: Case, within: timedelta) -> list[Case]:
    """Other cases that the officer holds and works on, of the same kind, about the same place and sent within so long
    of this one: they may be the same matter. The newest first."""
    if case.opened_at is None or (case.workplace_unit_id is None and not case.commune):
        return []
    place = (
        Case.workplace_unit_id == case.workplace_unit_id
        if case.workplace_unit_id is not None
        else and_(Case.workplace_unit_id.is_(None), Case.commune == case.commune)
    )
    near = Case.opened_at.between(case.opened_at - within, case.opened_at + within)
    mine = (Case.holder_id == viewer.person_id, Case.state.in_((CaseState.CLAIMED, CaseState.ANSWERED)))
    found = select(Case).where(
        *mine, Case.id != case.id, Case.category == case.category, place, near, is_visible_to(viewer)
    )
    return list(session.scalars(found.order_by(Case.opened_at.desc(), Case.id.desc())))


def list_depending(session: Session, viewer: Viewer, unit_id: int, role: Role) -> list[Case]:
    """Open cases that an officer holds and may no longer see once this role of theirs ends, locked."""
    rest = replace(viewer, roles=viewer.roles - {(unit_id, role)})
    held = (Case.holder_id == viewer.person_id, Case.state.in_(OPEN_CASE_STATES))
    found = select(Case).where(*held, is_visible_to(viewer), ~is_visible_to(rest))
    return list(session.scalars(found.order_by(Case.id).with_for_update()))


def list_takeable(session: Session, cases: Collection[Case], viewer: Viewer) -> list[Case]:
    """Those of some cases that an officer could take over without being asked: nothing bars them, and what the
    worker wrote was searched for their name."""
    is_searched = exists().where(
        RoleGrant.person_id == viewer.person_id,
        tuple_(RoleGrant.unit_id, RoleGrant.role).in_(sorted(viewer.roles)) if viewer.roles else false(),
        RoleGrant.searched_to.is_(None),
        RoleGrant.ended_at.is_(None),
        CaseReader.case_id == Case.id,
        CaseReader.unit_id == RoleGrant.unit_id,
        CaseReader.until_at.is_(None),
    )
    wanted = (Case.id.in_([case.id for case in cases]), Case.holder_only.is_(False))
    return list(session.scalars(select(Case).where(*wanted, is_visible_to(viewer), is_searched).order_by(Case.id)))


def hand_over_cases(
    session: Session, cases: Collection[Case], viewer: Viewer, actor_id: int, now: datetime
) -> list[Case]:
    """Give an officer those of some cases that they could take over, and return them. The caller holds them locked; for
    the others a holder is searched (`handlers.cases.clockwork.mend`)."""
    taken = list_takeable(session, cases, viewer)
    for case in taken:
        body = {"to": str(viewer.person_id), "why": "hand_over"}
        append(session, case, EventKind.ASSIGNED, now, actor_id, body)
        case.holder_id = viewer.person_id
    session.flush()
    return taken
