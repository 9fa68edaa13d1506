"""When a stage of a grievance is due, when somebody is reminded of it, and when the next people are told.

A deadline counts from the moment its stage begins, by the clock or in working time, and stands still while we wait for
the worker. Every step is computed anew from those moments, so that a late or repeated tick of the clock finds the same
steps.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import count, takewhile

from handlers.cases.calendar import add_working, working_between
from knowledge.case_terms import Countdown, Plan, Urgency, load_case_terms

_NOTHING = timedelta()


class StepKind(StrEnum):
    """What is done around a deadline: remind whoever holds the case, or tell the next people."""

    REMIND = "remind"
    ESCALATE = "escalate"


class Standing(StrEnum):
    """How a stage stands at a moment. Overdue goes before waiting: who was late stays late."""

    OVERDUE = "overdue"
    WAITING = "waiting"
    NEAR = "near"
    RUNNING = "running"


@dataclass(frozen=True)
class Pause:
    """A time in which we waited for the worker; no end while we still do."""

    since: datetime
    until: datetime | None = None

    def __post_init__(self) -> None:
        if self.until is not None and self.until < self.since:
            raise ValueError("a pause ends before it begins")

    def holds(self, now: datetime) -> bool:
        """Whether we wait at a moment."""
        return self.since <= now and (self.until is None or now < self.until)


@dataclass(frozen=True)
class Step:
    """The so-many-th reminder or escalation of a stage, counted from nought, and its moment. Kind and number name it
    for good, so that it can be done exactly once."""

    kind: StepKind
    number: int
    at: datetime


def plan_of(category: str, urgency: Urgency | None = None) -> Plan:
    """The deadlines of a kind of grievance; those of another urgency when an officer set one. Raises KeyError for an
    unknown category."""
    terms = load_case_terms()
    usual = terms.categories[category]
    return usual.plan if urgency in (None, usual.urgency) else terms.plans[urgency]


def urgency_of(category: str) -> Urgency:
    """How urgent a kind of grievance is until an officer says otherwise. Raises KeyError for an unknown category."""
    return load_case_terms().categories[category].urgency


def more_urgent(one: Urgency, other: Urgency) -> Urgency:
    """The one of two urgencies that can wait less."""
    return min(one, other, key=list(Urgency).index)


def due_at(countdown: Countdown, start: datetime, pauses: Iterable[Pause] = ()) -> datetime | None:
    """The moment by which the stage must be done; None while we wait for the worker with time left."""
    steps = _steps(countdown, start, tuple(pauses))
    return next((step.at for step in steps if step.kind is StepKind.ESCALATE), None)


def time_left(countdown: Countdown, start: datetime, now: datetime, pauses: Iterable[Pause] = ()) -> timedelta:
    """How much of the time is left, by the clock or in working time; negative when overdue."""
    stretches = [(begins, now if ends is None else min(ends, now)) for begins, ends in _running(start, tuple(pauses))]
    counted = (_elapsed(countdown, begins, ends) for begins, ends in stretches if begins < ends)
    return countdown.within - sum(counted, _NOTHING)


def steps_by(countdown: Countdown, start: datetime, now: datetime, pauses: Iterable[Pause] = ()) -> tuple[Step, ...]:
    """Every step whose moment has come by now, in order. None is early, and none goes away later."""
    steps = takewhile(lambda step: step.at <= now, _steps(countdown, start, tuple(pauses)))
    return tuple(steps)


def next_step(countdown: Countdown, start: datetime, now: datetime, pauses: Iterable[Pause] = ()) -> Step | None:
    """The first step still to come after now; None while we wait for the worker, for nothing comes until then."""
    return next((step for step in _steps(countdown, start, tuple(pauses)) if step.at > now), None)


def standing_of(countdown: Countdown, start: datetime, now: datetime, pauses: Iterable[Pause] = ()) -> Standing:
    """How the stage stands now; near from its first reminder on."""
    waits = tuple(pauses)
    if time_left(countdown, start, now, waits) <= _NOTHING:
        return Standing.OVERDUE
    if any(pause.holds(now) for pause in waits):
        return Standing.WAITING
    return Standing.NEAR if steps_by(countdown, start, now, waits) else Standing.RUNNING


def _steps(countdown: Countdown, start: datetime, pauses: tuple[Pause, ...]) -> Iterator[Step]:
    """Reminders, then escalations without end, the first of them at the deadline; up to the one that an open pause
    keeps from coming. Each is counted on from the one before: a case may be overdue for a year."""
    spans, counted = _spans(countdown), _NOTHING
    kind, number, span = next(spans)
    for begins, ends in _running(start, pauses):
        at = _add(countdown, begins, span - counted)
        while ends is None or at <= ends:
            yield Step(kind, number, at)
            begins, counted = at, span
            kind, number, span = next(spans)
            at = _add(countdown, begins, span - counted)
        counted += _elapsed(countdown, begins, ends)


def _spans(countdown: Countdown) -> Iterator[tuple[StepKind, int, timedelta]]:
    """How long after the beginning each step comes, ever later."""
    for number, before in enumerate(countdown.remind):
        yield StepKind.REMIND, number, countdown.within - before
    for number, after in enumerate(countdown.escalate):
        yield StepKind.ESCALATE, number, countdown.within + after
    top = len(countdown.escalate) - 1
    for more in count(1):
        yield StepKind.ESCALATE, top + more, countdown.within + countdown.escalate[top] + more * countdown.every


def _running(start: datetime, pauses: tuple[Pause, ...]) -> Iterator[tuple[datetime, datetime | None]]:
    """The stretches in which time is counted, the last one without end; pauses may overlap."""
    begins = start
    for pause in sorted(pauses, key=lambda one: one.since):
        if pause.since > begins:
            yield begins, pause.since
        if pause.until is None:
            return
        begins = max(begins, pause.until)
    yield begins, None


def _elapsed(countdown: Countdown, start: datetime, end: datetime) -> timedelta:
    return end - start if countdown.is_by_clock else working_between(start, end)


def _add(countdown: Countdown, start: datetime, span: timedelta) -> datetime:
    return start + span if countdown.is_by_clock else add_working(start, span)
