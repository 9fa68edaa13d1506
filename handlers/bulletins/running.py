"""Bulletins go out: each date once, to an audience frozen that day; held back, called off and sent again on request."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.orm import Session

from db.audiences import Audience, select_people
from db.bulletin_runs import (
    Means,
    add_run,
    count_chosen,
    count_runs,
    end_lines,
    extend_lines,
    find_bound,
    find_line_bound,
    is_being_sent,
    is_open,
    list_due,
    list_open_runs,
    list_runs,
    lock_planning,
    lock_run,
    look_for_due,
    plan_lines,
    plan_receivers,
    put_off,
    select_lost,
    send_failed_again,
)
from db.bulletins import add_event, digest_bulletin, void
from db.models import Bulletin, BulletinKind, BulletinRun, BulletinState, DeliveryState, RunState, Shift
from db.units import find_period
from handlers.actions import ShowBulletin
from handlers.bulletins.content import Content, compose
from handlers.bulletins.telling import show_moment
from handlers.bulletins.timing import Timing
from handlers.bulletins.zalo_plan import Plan, make_plan
from handlers.chat import Button, Reply
from handlers.errors import Outdated
from handlers.feature import VIETNAM
from handlers.notify import WITHOUT_DESK, is_quiet, tell_person
from knowledge.texts import t

log = structlog.get_logger()

_DESK = "telegram_desk"
"""The bot of officers only: it brings them their tasks, and nobody the news."""

_PEOPLE_AT_ONCE = 10_000
_LINES_AT_ONCE = 5_000
"""How many rows one transaction touches: on SQLite everybody else waits for it to end."""

_BEYOND = 2**62
"""Greater than any person's number."""

_KNOWN_AFTER = timedelta(minutes=10)
"""A line that is still on its way after so long was cut off with its program; it may have arrived."""

_RESENT_FOR = timedelta(days=1)
"""How long a line that is sent again may still wait for its turn."""

Key = tuple[int, datetime | None, str | None]
Plans = Mapping[Key, Plan]
"""Plans by which date of which release they are for."""


def plan_due(session: Session, now: datetime, senders: Sequence[str]) -> Plans:
    """For every bulletin whose date has come, by which accounts it goes. Only reads: counting a large audience takes
    seconds, in which nobody else could write on SQLite."""
    due = look_for_due(session, now)
    return {_key_of(one): make_plan(session, one, now, _list_carriers(one, senders)) for one in due}


def _key_of(bulletin: Bulletin) -> Key:
    return bulletin.id, bulletin.next_at, bulletin.released_hash


def _list_carriers(bulletin: Bulletin, senders: Sequence[str]) -> list[str]:
    return [one for one in senders if bulletin.kind is BulletinKind.TASK or not one.startswith(_DESK)]


def start_due(session: Session, now: datetime, senders: Sequence[str], plans: Plans | None = None) -> None:
    """Begin the sending of every bulletin whose date has come, and note its next date. One whose date is older than it
    may be late is passed over, on record; one that is not what was released never goes. With ``plans`` (`plan_due`)
    whatever is not among them waits for the next time."""
    for bulletin in list_due(session, now):
        if plans is not None and _key_of(bulletin) not in plans:
            continue
        timing = Timing.from_json(bulletin.timing)
        due_at = bulletin.next_at
        assert due_at is not None  # noqa: S101  # that is how it was found
        if now < due_at + _KNOWN_AFTER and _is_unsettled(session, bulletin):
            continue
        if digest_bulletin(session, bulletin) != bulletin.released_hash:
            _refuse(session, bulletin, now)
            continue
        if timing.expires_at(due_at) <= now:
            _pass_over(session, bulletin, due_at, now)
        else:
            carriers = _list_carriers(bulletin, senders)
            plan = plans[_key_of(bulletin)] if plans is not None else make_plan(session, bulletin, now, carriers)
            _start(session, bulletin, timing, due_at, now, [one for one in carriers if one not in plan.refused], plan)
        bulletin.next_at = timing.next_after(due_at)
        if bulletin.next_at is None:
            bulletin.state = BulletinState.ENDED


def _pass_over(session: Session, bulletin: Bulletin, due_at: datetime, now: datetime) -> None:
    """It is too late for this date. Whoever wrote it hears so, unless the next date has come as well: then that one
    says it."""
    add_event(session, bulletin.id, "missed", None, now, {"due_at": due_at.isoformat()})
    following = Timing.from_json(bulletin.timing).next_after(due_at)
    if bulletin.created_by_id is not None and (following is None or following > now):
        text = t("bulletin_runs.missed_notice", title=bulletin.content.get("title", ""), day=show_moment(due_at))
        reply = Reply(text, (Button(t("bulletin_desk.open"), ShowBulletin(bulletin.id)),))
        subject = f"bulletin missed:{bulletin.id}:{due_at.isoformat()}"
        tell_person(session, bulletin.created_by_id, reply, subject, now, without=WITHOUT_DESK)


def _is_unsettled(session: Session, bulletin: Bulletin) -> bool:
    """Whether what a correction corrects is just arriving at somebody: who that is must be known first."""
    if bulletin.corrects_id is None:
        return False
    return is_being_sent(session, [run.id for run in list_runs(session, bulletin.corrects_id)])


def _refuse(session: Session, bulletin: Bulletin, now: datetime) -> None:
    """What stands there is not what somebody released: it was changed past the desk, so nobody gets it, and those who
    answer for it hear so."""
    log.error("bulletin_differs_from_release", bulletin_id=bulletin.id)
    add_event(session, bulletin.id, "refused", None, now)
    for person_id in {bulletin.created_by_id, bulletin.released_by_id} - {None}:
        reply = Reply(t("bulletin_desk.differs_from_release", title=bulletin.content.get("title", "")))
        tell_person(session, person_id or 0, reply, f"differs:{bulletin.id}:{now.isoformat()}", now, is_urgent=True)
    void(session, bulletin, None, now)
    bulletin.next_at = None


def _start(
    session: Session,
    bulletin: Bulletin,
    timing: Timing,
    due_at: datetime,
    now: datetime,
    carriers: Sequence[str],
    zalo: Plan,
) -> None:
    on = now.astimezone(VIETNAM).date()
    content = Content.from_json(bulletin.content)
    unit = find_period(session, bulletin.unit_id, on)
    fields = timing.fields_for(due_at, count_runs(session, bulletin.id) + 1, unit.name if unit else "")
    expires_at = timing.expires_at(due_at)
    moments = {shift: timing.slots(due_at, shift, now) or [expires_at] for shift in Shift}
    plan: dict[str, Any] = {
        "files": list(content.files),
        "audience": bulletin.audience,
        "topic": bulletin.topic,
        "kind": bulletin.kind.value,
        "senders": list(carriers),
        "limits": dict(zalo.limits),
        "free_only": list(zalo.free_only),
        "articles": list(zalo.articles),
        "may_disturb": timing.may_disturb,
        "slots": {shift.value: [slot.isoformat() for slot in moments[shift]] for shift in Shift},
        "corrects": [run.id for run in list_runs(session, bulletin.corrects_id)] if bulletin.corrects_id else [],
    }
    run = add_run(session, bulletin.id, due_at, {}, plan, on, expires_at, now)
    if run is None:
        return
    is_news, task_ends = bulletin.kind is BulletinKind.NEWS, show_moment(timing.task_ends_at(due_at))
    run.body = compose(content, run.id, fields, is_news, task_ends).to_json()
    add_event(session, bulletin.id, "started", None, now, {"run": run.id})
    if bulletin.corrects_id is not None:
        for wrong in list_runs(session, bulletin.corrects_id):
            _call_off(wrong, now)


def plan_some(session: Session, now: datetime) -> bool:
    """Write the ledger lines of some people of the sending that is being planned; True while there is more to do.
    Nothing of it goes out before all its lines stand there."""
    run = lock_planning(session)
    if run is None:
        return False
    if run.plan["corrects"]:
        bound = find_line_bound(session, run.plan["corrects"], run.planned_to, _PEOPLE_AT_ONCE)
    else:
        bound = find_bound(session, run.planned_to, _PEOPLE_AT_ONCE)
    if bound is None:
        run.state, run.planned_at = RunState.PAUSED if run.is_paused else RunState.SENDING, now
        log.info("bulletin_planned", run_id=run.id, lines=run.reached)
        return True
    bounds = (run.planned_to, bound)
    if run.plan["corrects"]:
        run.reached += plan_receivers(session, run, run.plan["corrects"], bounds, now)
    else:
        audience = Audience.from_json(run.plan["audience"])
        kind = BulletinKind(run.plan["kind"])
        people = select_people(audience, run.plan["topic"], run.audience_on, kind, *bounds)
        written = plan_lines(session, run, people, _read_means(run), bounds, now)
        run.reached += written
        run.unreachable += count_chosen(session, people) - written
    run.planned_to = bound
    return True


def _read_means(run: BulletinRun) -> Means:
    slots = {Shift(name): [datetime.fromisoformat(slot) for slot in each] for name, each in run.plan["slots"].items()}
    return Means(
        tuple(run.plan["senders"]),
        slots,
        run.plan["limits"],
        tuple(run.plan["free_only"]),
        tuple(run.plan["articles"]),
    )


def carry_on(session: Session, now: datetime) -> bool:
    """End what was called off or is too late, put off what must wait for the day, and close what is over; True while
    there is more to do."""
    for run in list_open_runs(session, (RunState.SENDING, RunState.PAUSED)):
        if is_quiet(now) and not run.plan["may_disturb"] and _wait_for_day(session, run, now):
            return True
        if run.expires_at <= now and end_lines(session, run.id, DeliveryState.EXPIRED, now, _LINES_AT_ONCE):
            return True
        if not is_open(session, run.id):
            run.state, run.finished_at = RunState.DONE, now
            _tell_done(session, run, now)
    return _end_called_off(session, now)


def _tell_done(session: Session, run: BulletinRun, now: datetime) -> None:
    """Whoever wrote it hears that it is out; how it went stands at the desk."""
    bulletin = session.get_one(Bulletin, run.bulletin_id)
    if bulletin.created_by_id is not None:
        text = t("bulletin_runs.finished_notice", title=bulletin.content.get("title", ""))
        is_on_desk = bulletin.kind is not BulletinKind.ANSWER_CHANGE  # a curator has no bulletins' desk
        reply = Reply(text, (Button(t("bulletin_desk.open"), ShowBulletin(bulletin.id)),) if is_on_desk else ())
        tell_person(session, bulletin.created_by_id, reply, f"bulletin done:{run.id}", now, without=WITHOUT_DESK)


def _wait_for_day(session: Session, run: BulletinRun, now: datetime) -> bool:
    """What did not go before the night goes when its people are awake again: in the morning, or in the afternoon for
    those who work at night."""
    bulletin = session.get_one(Bulletin, run.bulletin_id)
    timing = Timing.from_json(bulletin.timing)
    opening = {shift: timing.wait_until(now, shift) for shift in Shift}
    return put_off(session, run.id, opening, now, _LINES_AT_ONCE) == _LINES_AT_ONCE


def _end_called_off(session: Session, now: datetime) -> bool:
    for run in list_open_runs(session, (RunState.CANCELLED,)):
        if run.finished_at is None:
            if end_lines(session, run.id, DeliveryState.CANCELLED, now, _LINES_AT_ONCE):
                return True
            run.finished_at = now
    return False


def pause(session: Session, run_id: int, actor_id: int, now: datetime) -> None:
    """Hold a sending back; what is just being sent still goes. Raises `Outdated` for one that is over."""
    run = _lock(session, run_id, (RunState.PLANNING, RunState.SENDING))
    run.is_paused = True
    run.state = RunState.PAUSED if run.state is RunState.SENDING else run.state
    _record(session, run, "paused", actor_id, now)


def resume(session: Session, run_id: int, actor_id: int, now: datetime) -> None:
    """Go on where it was held back. Raises `Outdated` for one that is not held back, or over."""
    run = _lock(session, run_id, (RunState.PLANNING, RunState.PAUSED))
    run.is_paused = False
    run.state = RunState.SENDING if run.state is RunState.PAUSED else run.state
    _record(session, run, "resumed", actor_id, now)


def cancel(session: Session, run_id: int, actor_id: int, now: datetime) -> None:
    """Call a sending off, at once and for good: nobody gets it any more who has not got it. Raises `Outdated` for one
    that is over."""
    run = _lock(session, run_id, (RunState.PLANNING, RunState.SENDING, RunState.PAUSED))
    _call_off(run, now)
    _record(session, run, "cancelled", actor_id, now)


def _call_off(run: BulletinRun, now: datetime) -> None:
    if run.state not in (RunState.DONE, RunState.CANCELLED):
        run.state, run.planned_at = RunState.CANCELLED, run.planned_at or now


def send_again_to_failed(session: Session, run_id: int, actor_id: int, now: datetime) -> int:
    """Send once more to those whom it failed to reach and who can be reached now, there or on another channel of
    theirs; returns how many. Those of whom it is unknown are not among them. Raises `Outdated` for one that was called
    off or is still being planned."""
    run = _lock(session, run_id, (RunState.SENDING, RunState.PAUSED, RunState.DONE))
    run.expires_at = max(run.expires_at, now + _RESENT_FOR)
    count = send_failed_again(session, run.id, now)
    at_once = replace(_read_means(run), slots={shift: [now] for shift in Shift})
    count += plan_lines(session, run, select_lost(run.id), at_once, (0, _BEYOND), now)
    if count:
        extend_lines(session, run.id, run.expires_at)
    if count and run.state is RunState.DONE:
        run.state, run.finished_at = RunState.SENDING, None
    _record(session, run, "sent_again", actor_id, now, {"lines": count})
    return count


def _lock(session: Session, run_id: int, states: Sequence[RunState]) -> BulletinRun:
    run = lock_run(session, run_id)
    if run is None or run.state not in states:
        raise Outdated
    return run


def _record(
    session: Session, run: BulletinRun, what: str, actor_id: int, now: datetime, details: dict[str, Any] | None = None
) -> None:
    add_event(session, run.bulletin_id, what, actor_id, now, {"run": run.id} | (details or {}))
