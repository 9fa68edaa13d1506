"""Which stage a case is in, by when it is due, and when the clock must look at it again."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from db.case_ladder import list_done_steps, list_pauses
from db.models import Case, CaseState
from handlers.cases.deadlines import Pause, Step, due_at, next_step, plan_of, steps_by
from knowledge.case_terms import Countdown, Stage, Urgency

SILENT_DAYS = 14
"""So long the worker may say whether a case is settled; then it is closed without their word."""


def countdown_of(case: Case) -> Countdown | None:
    """The deadline that runs for a case; None when none does."""
    return plan_of(case.category, Urgency(case.urgency))[Stage(case.stage)] if case.stage else None


def begin_stage(session: Session, case: Case, stage: Stage | None, since: datetime, now: datetime) -> None:
    """A case waits for the next thing, counted from a moment; None: for nothing with a deadline."""
    case.stage, case.stage_since_at = (stage.value if stage else None), since
    case.stage_round += 1
    set_clock(session, case, now)


def set_clock(session: Session, case: Case, now: datetime) -> None:
    """Work out anew by when a case is due and when the clock must look at it again."""
    countdown = countdown_of(case)
    case.due_at = None
    case.next_step_at = silent_until_of(case)
    if countdown is None or case.stage_since_at is None:
        return
    pauses = pauses_of(session, case)
    case.due_at = due_at(countdown, case.stage_since_at, pauses)
    done = list_done_steps(session, case)
    overdue = [step for step in steps_by(countdown, case.stage_since_at, now, pauses) if name_of(step) not in done]
    coming = next_step(countdown, case.stage_since_at, now, pauses)
    case.next_step_at = overdue[0].at if overdue else coming.at if coming else None


def pauses_of(session: Session, case: Case) -> list[Pause]:
    """The times since the stage began in which we waited for the worker."""
    since = case.stage_since_at
    rows = list_pauses(session, case)
    return [
        Pause(max(row.since_at, since) if since else row.since_at, row.until_at)
        for row in rows
        if row.until_at is None or since is None or row.until_at > since
    ]


def silent_until_of(case: Case) -> datetime | None:
    """Until when the worker may say whether the case is settled; None when they are not asked."""
    is_waiting = case.state is CaseState.SETTLED and case.settled_at is not None
    return case.settled_at + timedelta(days=SILENT_DAYS) if is_waiting and case.settled_at else None


def name_of(step: Step) -> tuple[str, int]:
    """How a step is called for good within its stage."""
    return step.kind.value, step.number
