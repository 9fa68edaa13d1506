"""Statements on what the clock does with a case: who was asked to claim it, steps, pauses, and what falls due."""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from db.case_access import Viewer, is_free_for, is_visible_to
from db.models import OPEN_CASE_STATES, Case, CaseAlert, CasePause, CaseState, CaseStep, UnitPeriod


def is_waiting(session: Session, case: Case) -> bool:
    """Whether an officer asked the worker something and waits for the answer, also in the case it was merged into."""
    open_ones = select(CasePause.id).where(
        CasePause.case_id.in_((case.id, case.merged_into_id)), CasePause.until_at.is_(None)
    )
    return session.scalar(open_ones.limit(1)) is not None


def list_alerted(session: Session, case: Case) -> list[CaseAlert]:
    """Who was asked to claim a case in the search that runs, in the order of the rungs."""
    mine = select(CaseAlert).where(CaseAlert.case_id == case.id, CaseAlert.round == case.round)
    return list(session.scalars(mine.order_by(CaseAlert.rung, CaseAlert.id)))


def list_ever_alerted(session: Session, case: Case) -> set[int]:
    """Who was asked to claim a case in any search."""
    return set(session.scalars(select(CaseAlert.person_id).where(CaseAlert.case_id == case.id).distinct()))


def look_at_asked(session: Session, person_id: int, now: datetime) -> None:
    """Let the clock look now at every case that somebody was asked to claim and nobody has claimed."""
    asked = select(CaseAlert.case_id).where(CaseAlert.person_id == person_id, CaseAlert.round == Case.round)
    is_open = (
        Case.state == CaseState.OPENED,
        Case.id.in_(asked),
        or_(Case.next_step_at.is_(None), Case.next_step_at > now),
    )
    session.execute(update(Case).where(*is_open).values(next_step_at=now))


def add_alert(session: Session, case: Case, rung: int, person_id: int, now: datetime) -> CaseAlert:
    """Somebody is asked to claim a case; the table refuses the same person twice in one search."""
    alert = CaseAlert(case_id=case.id, round=case.round, rung=rung, person_id=person_id, told_at=now)
    session.add(alert)
    session.flush()
    return alert


def list_done_steps(session: Session, case: Case) -> set[tuple[str, int]]:
    """The kinds and numbers of the steps that were done since the stage began."""
    done = select(CaseStep.kind, CaseStep.number).where(
        CaseStep.case_id == case.id, CaseStep.stage_round == case.stage_round
    )
    return {(kind, number) for kind, number in session.execute(done)}


def add_step(session: Session, case: Case, kind: str, number: int, due_at: datetime, now: datetime) -> None:
    """A step is done; the table refuses it a second time."""
    session.add(
        CaseStep(
            case_id=case.id, stage_round=case.stage_round, stage=case.stage, kind=kind, number=number,
            due_at=due_at, done_at=now,
        )
    )  # fmt: skip
    session.flush()


def list_pauses(session: Session, case: Case) -> list[CasePause]:
    """The times in which we waited for the worker."""
    return list(session.scalars(select(CasePause).where(CasePause.case_id == case.id).order_by(CasePause.id)))


def open_pause(session: Session, case: Case, why: str, now: datetime) -> None:
    """From now on we wait for the worker."""
    if all(pause.until_at is not None for pause in list_pauses(session, case)):
        session.add(CasePause(case_id=case.id, since_at=now, why=why))
        session.flush()


def close_pauses(session: Session, case: Case, now: datetime) -> bool:
    """We wait for the worker no longer; False when we did not."""
    waits = [pause for pause in list_pauses(session, case) if pause.until_at is None]
    for pause in waits:
        pause.until_at = max(now, pause.since_at)  # a clock may have been set back
    session.flush()
    return bool(waits)


def list_due(session: Session, now: datetime, limit: int) -> list[Case]:
    """Cases the clock must look at, locked; those another process has in hand are left to it."""
    due = select(Case).where(Case.next_step_at <= now, Case.state.in_(OPEN_CASE_STATES)).order_by(Case.next_step_at)
    return list(session.scalars(due.limit(limit).with_for_update(skip_locked=True)))


def list_to_follow_up(session: Session, from_on: date, to_on: date) -> list[Case]:
    """Open cases that somebody holds and that went to an authority, to be asked about on one of these days; locked."""
    due = (Case.follow_up_on.between(from_on, to_on), Case.holder_id.is_not(None), Case.state.in_(OPEN_CASE_STATES))
    return list(session.scalars(select(Case).where(*due).order_by(Case.id).with_for_update(skip_locked=True)))


def list_concerned(session: Session, after: int, limit: int) -> list[int]:
    """Who holds an open case, or was ever asked to claim one, by their numbers, from behind one on."""
    held = select(Case.holder_id).where(Case.holder_id > after, Case.state.in_(OPEN_CASE_STATES)).distinct()
    asked = select(CaseAlert.person_id).where(CaseAlert.person_id > after).distinct()
    holders = session.scalars(held.order_by(Case.holder_id).limit(limit)).all()
    others = session.scalars(asked.order_by(CaseAlert.person_id).limit(limit)).all()
    return sorted({person_id for person_id in (*holders, *others) if person_id is not None})[:limit]


def list_lost(session: Session, viewer: Viewer) -> list[Case]:
    """Cases that somebody holds who may not see them any more, locked. Not those that are settled: there the worker has
    the word, and nobody is needed before they say that it is not so."""
    states = tuple(state for state in OPEN_CASE_STATES if state is not CaseState.SETTLED)
    held = select(Case).where(Case.holder_id == viewer.person_id, Case.state.in_(states))
    return list(session.scalars(held.where(~is_visible_to(viewer)).with_for_update(skip_locked=True)))


def list_merged_by_holder(session: Session, people: Collection[int]) -> dict[int, list[int]]:
    """Which merged cases each of some people works on, by their numbers: they hold the one it was merged into."""
    kept = aliased(Case)
    found = (
        select(kept.holder_id, Case.id)
        .join(kept, kept.id == Case.merged_into_id)
        .where(Case.state == CaseState.MERGED, kept.holder_id.in_(people))
        .order_by(Case.id)
    )
    merged: dict[int, list[int]] = {}
    for holder_id, case_id in session.execute(found):
        if holder_id is not None:
            merged.setdefault(holder_id, []).append(case_id)
    return merged


def list_barred_from(session: Session, viewer: Viewer, case_ids: Collection[int]) -> list[Case]:
    """Those of some merged cases from which something bars an officer, locked."""
    if not case_ids:
        return []
    barred = (Case.id.in_(case_ids), Case.state == CaseState.MERGED, ~is_free_for(viewer))
    return list(session.scalars(select(Case).where(*barred).order_by(Case.id).with_for_update(skip_locked=True)))


def list_asked_in_vain(session: Session, viewer: Viewer) -> list[Case]:
    """Open cases that somebody was asked to claim or take over, has not declined, and may not see any more, locked."""
    asked = (
        select(CaseAlert.case_id)
        .join(Case, (Case.id == CaseAlert.case_id) & (Case.round == CaseAlert.round))
        .where(CaseAlert.person_id == viewer.person_id, CaseAlert.declined_at.is_(None), CaseAlert.barred_at.is_(None))
    )
    found = select(Case).where(Case.id.in_(asked), Case.state.in_(OPEN_CASE_STATES), ~is_visible_to(viewer))
    return list(session.scalars(found.order_by(Case.id).with_for_update(skip_locked=True)))


def list_in_closed_units(session: Session, today: date) -> list[Case]:
    """Open cases whose unit is open no longer, the oldest first, locked."""
    is_open = exists().where(
        UnitPeriod.unit_id == Case.unit_id,
        UnitPeriod.effective_from <= today,
        or_(UnitPeriod.effective_to.is_(None), UnitPeriod.effective_to >= today),
    )
    found = select(Case).where(Case.state.in_(OPEN_CASE_STATES), Case.unit_id.is_not(None), ~is_open)
    return list(session.scalars(found.order_by(Case.id).with_for_update(skip_locked=True)))
