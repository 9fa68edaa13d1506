"""What the clock does for cases: reminders and escalations when they fall due, and nothing left with nobody.

A case says itself when it must be looked at again (`Case.next_step_at`); what is then due is computed anew from the
moments in its row, and a table makes sure that each step is done once, by whichever process comes first.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.orm import Session

from db.case_access import add_reader, end_readers, is_fit, list_reader_units, read_viewer
from db.case_history import EventKind, append
from db.case_keys import NOT_OPENED
from db.case_ladder import (
    add_step,
    list_asked_in_vain,
    list_barred_from,
    list_concerned,
    list_done_steps,
    list_due,
    list_in_closed_units,
    list_lost,
    list_merged_by_holder,
    list_to_follow_up,
)
from db.cases import list_left_alone
from db.models import Case, CaseState, Role, WhyReader
from db.officers import list_officers
from db.units import find_period, list_ancestors
from handlers.case_viewers import is_named_in
from handlers.cases.alerts import (
    alert_next,
    ask_again,
    ask_on,
    hash_subject,
    is_by_clock,
    is_unheard,
    seek_another,
    seek_holder,
    silence_barred,
    tell_anew,
    tell_officer,
)
from handlers.cases.deadlines import Step, StepKind, steps_by
from handlers.cases.routing import plan_route
from handlers.cases.stages import countdown_of, name_of, pauses_of, set_clock, silent_until_of
from handlers.cases.talking import close_silent
from handlers.cases.words import describe_case
from handlers.chat import Reply
from handlers.feature import Alarm
from handlers.notify import WITHOUT_DESK, tell_person
from knowledge.texts import t

log = structlog.get_logger()

LOOK_AGAIN = timedelta(minutes=10)
"""How often a case that nobody may have is tried again."""

STILL_ASKED_AFTER = timedelta(days=3)
"""So long after its day somebody is still reminded to follow up: the program may have been off."""

AT_ONCE = 50
"""Cases, or officers, looked at in one transaction."""


def run_due(session: Session, now: datetime, today: date, alarm: Alarm) -> bool:
    """Do what is due for some cases; True when there may be more. Of a case whose words no key opens nobody can say who
    is named in it, so nobody is asked: the operator hears of it, and it is tried again."""
    cases = list_due(session, now, AT_ONCE)
    for case in cases:
        try:
            with session.begin_nested():
                _run_case(session, case, now, today, alarm)
        except NOT_OPENED as problem:  # one case that does not open must not keep everybody's from their alerts
            log.error("case_not_opened", case_id=case.id, error=type(problem).__name__)
            case.next_step_at = now + LOOK_AGAIN
            subject = hash_subject(session, case, f"unopened:{today}")
            alarm(session, subject, t("case_alerts.operator_unopened", code=case.code))
    return len(cases) == AT_ONCE


def _run_case(session: Session, case: Case, now: datetime, today: date, alarm: Alarm) -> None:
    silent_until = silent_until_of(case)
    if silent_until is not None and silent_until <= now:
        close_silent(session, case, now)
        set_clock(session, case, now)
        return
    is_sought = case.state is CaseState.OPENED
    if is_sought and is_unheard(session, case) and not alert_next(session, case, now, today):
        _call_for_help(session, case, f"{case.stage_round}:nobody", now, today, alarm)
    unheard = [step for step in _take_steps(session, case, now, today) if step.kind is StepKind.ESCALATE]
    if unheard:
        _call_for_help(session, case, _about(case, unheard[-1]), now, today, alarm)
    set_clock(session, case, now)
    if is_sought and is_unheard(session, case):
        case.next_step_at = min(case.next_step_at or now + LOOK_AGAIN, now + LOOK_AGAIN)  # somebody may be appointed


def _take_steps(session: Session, case: Case, now: datetime, today: date) -> list[Step]:
    """Take every step that is due; returns those for which nobody was left to tell. After a long halt they are many:
    once nobody was left, nobody is looked for again in the same moment."""
    countdown = countdown_of(case)
    if countdown is None or case.stage_since_at is None:
        return []
    done = list_done_steps(session, case)
    due = steps_by(countdown, case.stage_since_at, now, pauses_of(session, case))
    unheard: list[Step] = []
    for step in due:
        if name_of(step) not in done and not _take_step(session, case, step, now, today, is_alone=bool(unheard)):
            unheard.append(step)
    return unheard


def _take_step(session: Session, case: Case, step: Step, now: datetime, today: date, is_alone: bool) -> bool:
    """Remind the holder, or go on to the next people, unless it is known that there are none; False when so."""
    add_step(session, case, step.kind.value, step.number, step.at, now)
    if step.kind is StepKind.REMIND:
        if case.holder_id is not None:
            tell_anew(session, case, case.holder_id, _about(case, step), now, "case_alerts.due_soon")
        return True
    case.escalated += 1
    append(session, case, EventKind.ESCALATED, now, body={"stage": case.stage, "number": step.number})
    if case.holder_id is not None:
        tell_anew(session, case, case.holder_id, _about(case, step), now, "case_alerts.overdue")
    return not is_alone and alert_next(session, case, now, today)


def _about(case: Case, step: Step) -> str:
    return f"step:{case.stage_round}:{step.kind.value}:{step.number}"


def _call_for_help(session: Session, case: Case, about: str, now: datetime, today: date, alarm: Alarm) -> None:
    """Everybody was asked, or nobody may have it: those asked last are asked again, administrators are told to appoint
    somebody, and the operator hears of it."""
    ask_again(session, case, about, now)
    for person_id in _list_administrators(session, case, now, today):
        reply = Reply(t("case_alerts.nobody_left", case=describe_case(case)))
        subject = hash_subject(session, case, f"nobody:{about}:{person_id}")
        tell_person(session, person_id, reply, subject, now, is_urgent=is_by_clock(case), without=WITHOUT_DESK)
    alarm(session, hash_subject(session, case, f"nobody:{about}"), t("case_alerts.operator", code=case.code))


def _list_administrators(session: Session, case: Case, now: datetime, today: date) -> list[int]:
    """Whoever can appoint officers at the unit that answers for a case, or at the nearest above, and is not kept away
    from it themself."""
    if case.unit_id is None:
        return []
    for unit_id in (case.unit_id, *(unit.unit_id for unit in list_ancestors(session, case.unit_id, today))):
        held = list_officers(session, [unit_id], (Role.ADMINISTRATOR, Role.CHAIR), now, today)
        people = sorted({grant.person_id for grant in held})
        fit = (one for one in people if is_fit(session, case, read_viewer(session, one, now, today)))
        found = [one for one in fit if not is_named_in(session, case, one)]
        if found:
            return found
    return []


def remind_to_follow_up(session: Session, now: datetime, today: date) -> None:
    """On the day set for it, remind whoever holds a case to ask what became of it at the authority; each once."""
    for case in list_to_follow_up(session, today - STILL_ASKED_AFTER, today):
        if case.holder_id is not None:
            about = f"follow_up:{case.follow_up_on}"
            tell_officer(session, case, case.holder_id, about, now, "case_alerts.follow_up")


def mend(session: Session, now: datetime, today: date) -> None:
    """Everything that `mend_some` does in parts."""
    after: int | None = 0
    while after is not None:
        after = mend_some(session, now, today, after)


def mend_some(session: Session, now: datetime, today: date, after: int) -> int | None:
    """Leave no open case with nobody: one whose holder may not see it any more is searched a new one for, so is one
    merged into a case that was taken back, or whose holder may not see the merged one, and one whose unit was closed
    goes to the unit that took its place. Whoever was asked to claim a case and may not see it any more is waited for no
    longer.

    Does a part of it that keeps nobody else from writing for long: from nought on, then from where the last part ended
    (nought again while closed units are left); None when everything was looked at."""
    if not after:
        for case in list_left_alone(session):
            _go_on(session, case, partial(seek_another, session, case, now, today, "alone"))
        moved = 0
        for case in list_in_closed_units(session, today):
            moved += _go_on(session, case, partial(_move_on, session, case, now, today))
            if moved == AT_ONCE:
                return 0
    people = list_concerned(session, after, AT_ONCE)
    merged = list_merged_by_holder(session, people)
    for person_id in people:
        viewer = read_viewer(session, person_id, now, today)
        for case in (*list_lost(session, viewer), *list_barred_from(session, viewer, merged.get(person_id, ()))):
            _go_on(session, case, partial(seek_another, session, case, now, today, "lost"))
        for case in list_asked_in_vain(session, viewer):
            silence_barred(session, case, now)
            _go_on(session, case, partial(ask_on, session, case, now, today))
    return people[-1] if len(people) == AT_ONCE else None


def _go_on(session: Session, case: Case, work: Callable[[], None]) -> bool:
    """Do something about one case of many. When it does not open, it opens for nobody: the others are gone on with.
    False when so."""
    try:
        with session.begin_nested():
            work()
    except NOT_OPENED as problem:
        log.error("case_not_opened", case_id=case.id, error=type(problem).__name__)
        return False
    return True


def _move_on(session: Session, case: Case, now: datetime, today: date) -> None:
    closed = [one for one in list_reader_units(session, case) if find_period(session, one, today) is None]
    end_readers(session, case, closed, now)
    route = plan_route(session, case, now, today)
    old, case.unit_id = case.unit_id, route.unit_id
    if route.unit_id is not None:
        add_reader(session, case, route.unit_id, WhyReader.RESPONSIBLE, now)
    append(session, case, EventKind.MOVED, now, body={"from": old, "to": route.unit_id})
    if case.state is CaseState.SETTLED:
        return  # the worker has the word; it is searched somebody if they say that it is not settled
    holder = case.holder_id
    viewer = read_viewer(session, holder, now, today) if holder is not None else None
    if viewer is None or not viewer.units & set(list_reader_units(session, case)):
        seek_holder(session, case, now, today)
