"""When a grievance is due: by the clock or in working time, still while we wait, each step once and never early; and
the legal limits beside it."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.cases.calendar import add_working, working_between
from handlers.cases.deadlines import (
    Pause,
    Standing,
    Step,
    StepKind,
    due_at,
    next_step,
    plan_of,
    standing_of,
    steps_by,
    time_left,
    urgency_of,
)
from handlers.cases.limits import file_by, last_day, limits_of
from handlers.feature import VIETNAM
from knowledge.case_terms import Countdown, CountsFrom, Stage, Urgency, load_case_terms
from knowledge.load import load_figures

INSTANT = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    """A moment by Vietnam's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


WORKING = Countdown(False, hours(16), (hours(4), hours(1)), (hours(0), hours(8)), hours(8))
BY_CLOCK = Countdown(True, 60 * MINUTE, (20 * MINUTE,), (0 * MINUTE, 30 * MINUTE), 60 * MINUTE)
EVERY_COUNTDOWN = [
    countdown for category in load_case_terms().categories.values() for countdown in category.plan.values()
]

moments = st.builds(
    lambda base, gap: (at(base) + gap).astimezone(UTC),
    st.sampled_from(
        ["2026-02-14T10:00", "2026-01-09T16:00", "2025-12-31T17:00", "2026-11-23T15:00", "2026-08-21T11:00"]
    ),
    st.timedeltas(min_value=timedelta(days=-6), max_value=timedelta(days=6)),
)
countdowns = st.sampled_from([*EVERY_COUNTDOWN, WORKING, BY_CLOCK])
ended_pauses = st.lists(
    st.builds(
        lambda since, length: Pause(since, since + length),
        moments,
        st.timedeltas(min_value=timedelta(), max_value=timedelta(days=9)),
    ),
    max_size=4,
)


# --- what the defaults promise ---


def test_an_accident_is_claimed_within_ten_minutes_of_any_night() -> None:
    """An accident does not wait for the office to open: Saturday night before Tết, by the clock."""
    claim = plan_of("accident")[Stage.CLAIM]
    opened = at("2026-02-14T23:55")
    assert due_at(claim, opened) == at("2026-02-15T00:05")
    steps = steps_by(claim, opened, at("2026-02-15T00:25"))
    assert [step.at for step in steps] == [at("2026-02-15T00:05"), at("2026-02-15T00:15"), at("2026-02-15T00:25")]


def test_an_ordinary_grievance_is_claimed_within_four_working_hours() -> None:
    """Opened on Friday at 16:30, it is claimed by Monday at 11:00."""
    claim = plan_of("wages")[Stage.CLAIM]
    assert due_at(claim, at("2026-11-20T16:30")) == at("2026-11-23T11:00")


def test_a_stoppage_has_a_claim_time_of_its_own() -> None:
    """A kind of grievance may have its own time for one stage and the usual ones for the others."""
    stoppage, urgent = plan_of("stoppage"), load_case_terms().plans[Urgency.URGENT]
    assert stoppage[Stage.CLAIM].is_by_clock and not urgent[Stage.CLAIM].is_by_clock
    assert stoppage[Stage.RESOLUTION] == urgent[Stage.RESOLUTION]


def test_an_officer_may_call_a_grievance_more_urgent_than_its_kind() -> None:
    """Then the times of that urgency hold."""
    assert urgency_of("wages") is Urgency.ORDINARY
    assert plan_of("wages", Urgency.EMERGENCY) == load_case_terms().plans[Urgency.EMERGENCY]
    assert plan_of("insurance", Urgency.ORDINARY) == plan_of("insurance")


@pytest.mark.parametrize("category", load_case_terms().categories)
def test_what_is_more_urgent_is_never_due_later(category: str) -> None:
    """In every stage, over Tết too, the deadline comes no later than with the next lower urgency."""
    opened = at("2026-02-13T16:00")
    for stage in Stage:
        due = [due_at(plan_of("other", urgency)[stage], opened) for urgency in Urgency]
        assert due == sorted(due, key=lambda one: one or opened)
    own = plan_of(category)
    claim, answer, resolution = (due_at(own[stage], opened) for stage in Stage)
    assert claim and answer and resolution and claim <= answer <= resolution


# --- waiting for the worker ---


def test_the_clock_stands_still_while_we_wait_for_the_worker() -> None:
    """Asked on Thursday at 10:00 after two working hours, answered on Monday at 14:00: fourteen hours are left."""
    opened, asked, answered = at("2026-11-19T08:00"), at("2026-11-19T10:00"), at("2026-11-23T14:00")
    waiting = [Pause(asked)]
    assert due_at(WORKING, opened, waiting) is None
    assert next_step(WORKING, opened, at("2026-11-20T09:00"), waiting) is None
    assert standing_of(WORKING, opened, at("2026-11-20T09:00"), waiting) is Standing.WAITING
    assert time_left(WORKING, opened, at("2026-11-20T09:00"), waiting) == hours(14)
    assert due_at(WORKING, opened, [Pause(asked, answered)]) == add_working(answered, hours(14))


def test_who_was_late_stays_late() -> None:
    """Asking the worker after the deadline does not make it undone, but the next people are not told meanwhile."""
    opened, due = at("2026-11-18T08:00"), at("2026-11-19T17:30")
    assert due_at(WORKING, opened) == due
    asked = [Pause(due + hours(15))]
    later = due + timedelta(days=30)
    assert standing_of(WORKING, opened, later, asked) is Standing.OVERDUE
    assert steps_by(WORKING, opened, later, asked)[-1] == Step(StepKind.ESCALATE, 0, due)


def test_how_a_stage_stands() -> None:
    """Running, near from the first reminder on, overdue at the deadline itself."""
    opened = at("2026-11-18T08:00")
    moments = {"2026-11-19T11:59": Standing.RUNNING, "2026-11-19T13:30": Standing.NEAR}
    moments |= {"2026-11-19T17:29": Standing.NEAR, "2026-11-19T17:30": Standing.OVERDUE}
    for moment, standing in moments.items():
        assert standing_of(WORKING, opened, at(moment)) is standing, moment


def test_a_pause_that_ends_before_it_begins_is_refused() -> None:
    """It could only be a mistake."""
    with pytest.raises(ValueError, match="pause"):
        Pause(at("2026-11-19T10:00"), at("2026-11-19T09:00"))


# --- reminders and escalation ---


def test_reminders_come_before_and_escalations_go_on_after() -> None:
    """Four and one working hour before; at the deadline, a day later, and then a day after each."""
    opened = at("2026-11-16T08:00")
    steps = steps_by(WORKING, opened, at("2026-11-20T17:30"))
    assert steps == (
        Step(StepKind.REMIND, 0, at("2026-11-17T12:00")),
        Step(StepKind.REMIND, 1, at("2026-11-17T16:30")),
        Step(StepKind.ESCALATE, 0, at("2026-11-17T17:30")),
        Step(StepKind.ESCALATE, 1, at("2026-11-18T17:30")),
        Step(StepKind.ESCALATE, 2, at("2026-11-19T17:30")),
        Step(StepKind.ESCALATE, 3, at("2026-11-20T17:30")),
    )


# --- what holds of every deadline ---


@settings(deadline=None)
@given(countdowns, moments, ended_pauses)
def test_at_the_deadline_no_time_is_left(countdown: Countdown, opened: datetime, pauses: list[Pause]) -> None:
    """The deadline and the time left are two views of one count, pauses overlapping or not."""
    due = due_at(countdown, opened, pauses)
    assert due is not None
    assert time_left(countdown, opened, due, pauses) == timedelta()
    assert time_left(countdown, opened, due - INSTANT, pauses) == INSTANT
    assert time_left(countdown, opened, opened, pauses) == countdown.within


@settings(deadline=None)
@given(countdowns, moments, moments, st.timedeltas(min_value=timedelta(), max_value=timedelta(days=9)))
def test_waiting_moves_the_deadline_by_what_was_waited(
    countdown: Countdown, opened: datetime, asked: datetime, length: timedelta
) -> None:
    """No worker loses and no officer gains a minute by a question: what lies outside the pause is the time allowed."""
    pause = Pause(asked, asked + length)
    plain, due = due_at(countdown, opened), due_at(countdown, opened, [pause])
    assert plain is not None and due is not None and due >= plain
    inside = [max(opened, pause.since), min(due, asked + length)]
    waited = _counted(countdown, *inside) if inside[0] < inside[1] else timedelta()
    assert _counted(countdown, opened, due) - waited == countdown.within


@settings(deadline=None)
@given(countdowns, moments, ended_pauses, st.lists(st.timedeltas(timedelta(), timedelta(days=40)), max_size=6))
def test_each_step_comes_once_and_never_early(
    countdown: Countdown, opened: datetime, pauses: list[Pause], looks: list[timedelta]
) -> None:
    """However often and in whatever order the clock ticks, a step is there from its moment on and not before."""
    last = opened + timedelta(days=40)
    everything = steps_by(countdown, opened, last, pauses)
    names = [(step.kind, step.number) for step in everything]
    assert len(set(names)) == len(names)
    assert all(earlier.at < later.at for earlier, later in pairwise(everything))
    for look in looks:
        now = opened + look
        assert steps_by(countdown, opened, now, pauses) == tuple(step for step in everything if step.at <= now)
        coming = next_step(countdown, opened, now, pauses)
        assert coming is not None and coming.at > now
        assert coming.at > last or coming == next(step for step in everything if step.at > now)


@settings(deadline=None)
@given(countdowns, moments, ended_pauses, moments)
def test_a_new_question_changes_nothing_that_was_done(
    countdown: Countdown, opened: datetime, pauses: list[Pause], asked: datetime
) -> None:
    """Waiting from now on leaves the steps until now as they were."""
    before = [pause for pause in pauses if pause.until is not None and pause.until <= asked]
    assert steps_by(countdown, opened, asked, [*before, Pause(asked)]) == steps_by(countdown, opened, asked, before)


def _counted(countdown: Countdown, start: datetime, end: datetime) -> timedelta:
    return end - start if countdown.is_by_clock else working_between(start, end)


# --- legal limits ---


def test_the_limits_of_an_unpaid_wage() -> None:
    """Six months to the conciliator, nine to the arbitrators, one year to the court (Labour Code Article 190)."""
    found = {one.key: one for one in limits_of("individual", date(2026, 1, 5))}
    assert found["conciliation"].last_on == date(2026, 7, 5)
    assert found["arbitration"].last_on == date(2026, 10, 5)
    assert found["court"].last_on == date(2027, 1, 5)
    assert [(one.citation.article, one.citation.clause) for one in found.values()] == [(190, 1), (190, 2), (190, 3)]
    assert all(one.counts_from is CountsFrom.DISCOVERED for one in found.values())


def test_a_collective_dispute_about_rights_has_its_own_article() -> None:
    """Article 194; a dispute about interests has no limit in the law."""
    assert {one.citation.article for one in limits_of("collective_rights", date(2026, 1, 5))} == {194}
    assert limits_of("collective_interests", date(2026, 1, 5)) == ()


def test_a_fine_is_known_only_since_its_decree_holds() -> None:
    """Before 10 September 2026 another decree held; rather no line than a wrong one."""
    assert "fine" not in {one.key for one in limits_of("individual", date(2026, 9, 9))}
    fine = next(one for one in limits_of("individual", date(2026, 9, 10)) if one.key == "fine")
    assert fine.last_on == date(2027, 9, 10) and fine.counts_from is CountsFrom.ENDED


def test_wages_go_to_the_conciliator_first_and_a_dismissal_need_not() -> None:
    """Labour Code Article 188 clause 1 and its exceptions."""
    terms = load_case_terms()
    needs = {
        key: terms.causes[terms.categories[key].cause or ""].needs_conciliation
        for key in ("wages", "dismissal", "insurance")
    }
    assert needs == {"wages": True, "dismissal": False, "insurance": False}


@pytest.mark.parametrize(
    ("months", "on", "end"),
    [
        (6, date(2026, 8, 31), date(2027, 2, 28)),
        (6, date(2027, 8, 31), date(2028, 2, 29)),
        (12, date(2028, 2, 29), date(2029, 2, 28)),
        (9, date(2026, 4, 30), date(2027, 1, 30)),
        (12, date(2026, 12, 31), date(2027, 12, 31)),
    ],
)
def test_months_end_on_the_day_of_the_same_number(months: int, on: date, end: date) -> None:
    """Or on the last day of a shorter month (Civil Code Article 148 clauses 3 and 4)."""
    assert last_day(months, on) == end


def test_one_files_before_the_limit_and_before_tet() -> None:
    """A limit that ends at Tết is met on the last working day before; one that ends tomorrow, today."""
    assert file_by(date(2026, 2, 18)) == date(2026, 2, 13)
    assert file_by(date(2026, 11, 20)) == date(2026, 11, 19)


@settings(deadline=None)
@given(st.integers(1, 24), st.dates(date(2021, 1, 1), date(2040, 1, 1)), st.integers(0, 400))
def test_who_learns_later_is_never_late_earlier(months: int, on: date, gap: int) -> None:
    """The end of a limit moves with its beginning."""
    later = on + timedelta(days=gap)
    assert last_day(months, on) <= last_day(months, later)
    assert 28 * months <= (last_day(months, on) - on).days <= 31 * months
    assert file_by(last_day(months, on)) < last_day(months, on)


def test_every_limit_has_a_figure_with_an_article() -> None:
    """The data name figures that exist, and every one says which article it comes from."""
    figures = load_figures()
    for cause in load_case_terms().causes.values():
        for limit in cause.limits:
            assert all(value.citation for value in figures[limit.figure].values), limit.key
