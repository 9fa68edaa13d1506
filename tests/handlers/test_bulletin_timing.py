"""When a bulletin goes out: every rule as an editor understands it, in Vietnam's time, never at night."""

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.models import Shift
from handlers.bulletins.recurrences import BadCron, Repeat, Rule, check_cron
from handlers.bulletins.timing import STEP, Timing
from handlers.feature import VIETNAM

SATURDAY = datetime(2026, 11, 21, 10, tzinfo=VIETNAM)


def at(text: str) -> datetime:
    """A moment in Vietnam."""
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


def days(timing: Timing, now: datetime = SATURDAY, count: int = 5) -> list[str]:
    """The next days on which it goes out."""
    return [moment.astimezone(VIETNAM).date().isoformat() for moment in timing.list_next(now, count)]


def test_once_goes_out_at_its_moment_and_never_again() -> None:
    """A moment that is past still counts while it may be late, and not after that."""
    timing = Timing(once_at=at("2026-11-21T09:00"), expires_hours=2)
    assert timing.list_next(SATURDAY) == [timing.once_at]
    assert timing.next_after(at("2026-11-21T09:00")) is None
    assert timing.first_at(at("2026-11-21T11:00")) is None
    assert Timing().first_at(SATURDAY) == SATURDAY


def test_every_day_every_week_and_every_month() -> None:
    """Weekly on Monday (1) and Sunday (7); the moment itself is not its own successor."""
    assert days(Timing(Repeat.DAILY)) == [f"2026-11-{day}" for day in range(22, 27)]
    assert days(Timing(Repeat.WEEKLY, weekdays=(1, 7)), count=3) == ["2026-11-22", "2026-11-23", "2026-11-29"]
    assert days(Timing(Repeat.MONTHLY, day=5), count=3) == ["2026-12-05", "2027-01-05", "2027-02-05"]
    assert Timing(Repeat.DAILY).list_next(at("2026-11-22T08:00"), 1) == [at("2026-11-22T08:00")]


def test_a_day_that_a_month_does_not_have_means_its_last_one() -> None:
    """Nobody who wrote 31 wants five months left out."""
    new_year = at("2027-12-31T12:00")
    assert days(Timing(Repeat.MONTHLY, day=31), new_year, 4) == ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]
    assert days(Timing(Repeat.MONTHLY, day=30), new_year, 3) == ["2028-01-30", "2028-02-29", "2028-03-30"]
    assert days(Timing(Repeat.MONTHLY, day=29), at("2026-12-31T12:00"), 3) == ["2027-01-29", "2027-02-28", "2027-03-29"]


def test_it_holds_from_one_day_to_another() -> None:
    """Both days are included."""
    timing = Timing(Repeat.DAILY, from_on=date(2026, 12, 1), until_on=date(2026, 12, 2))
    assert days(timing) == ["2026-12-01", "2026-12-02"]


@pytest.mark.parametrize(
    ("field", "weekdays"),
    [
        ("1", {1}),
        ("0", {7}),
        ("7", {7}),
        ("1-5", {1, 2, 3, 4, 5}),
        ("5-7", {5, 6, 7}),
        ("mon,thu", {1, 4}),
        ("fri-sun", {5, 6, 7}),
        ("*/2", {7, 2, 4, 6}),
        ("0-6", {1, 2, 3, 4, 5, 6, 7}),
    ],
)
def test_cron_counts_weekdays_from_sunday(field: str, weekdays: set[int]) -> None:
    """Unlike APScheduler, which takes 0 for Monday."""
    found = Timing(Repeat.CRON, cron=f"0 8 * * {field}").list_next(SATURDAY, 14)
    assert {moment.isoweekday() for moment in found} == weekdays


def test_cron_with_both_kinds_of_days_takes_either() -> None:
    """Also unlike APScheduler, which would wait for a first of the month that is a Monday."""
    timing = Timing(Repeat.CRON, cron="0 8 1 * 1")
    assert days(timing, count=3) == ["2026-11-23", "2026-11-30", "2026-12-01"]


@pytest.mark.parametrize("text", ["", "8 * * *", "61 8 * * *", "0 8 31 2 *", "0 8 last * *", "0 8 * * 6-1", "@daily"])
def test_what_is_not_cron_or_never_comes_true_is_refused(text: str) -> None:
    """30 February is not waited for."""
    with pytest.raises(BadCron):
        check_cron(text, SATURDAY)


def _field(values: range) -> st.SearchStrategy[set[int] | None]:
    return st.none() | st.sets(st.sampled_from(values), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(
    minutes=st.sets(st.integers(0, 59), min_size=1, max_size=3),
    hours=_field(range(24)),
    month_days=_field(range(1, 29)),
    months=_field(range(1, 13)),
    weekdays=_field(range(7)),
    hours_on=st.integers(0, 20_000),
)
def test_cron_means_what_its_manual_says(hours_on: int, **fields: Any) -> None:
    """Compared with looking at every hour of two years, field by field."""
    names = ("minutes", "hours", "month_days", "months", "weekdays")
    text = " ".join("*" if fields[name] is None else ",".join(map(str, fields[name])) for name in names)
    start = SATURDAY.replace(minute=7) + timedelta(hours=hours_on)
    found = Rule(Repeat.CRON, cron=text).next_from(start)
    assert found == _look_for(start, fields)


def _look_for(start: datetime, fields: dict[str, set[int] | None]) -> datetime | None:
    hour = start.replace(minute=0)
    for _ in range(24 * 800):
        if _is_day(hour, fields) and (fields["hours"] is None or hour.hour in fields["hours"]):
            for minute in sorted(fields["minutes"] or ()):
                if hour.replace(minute=minute) >= start:
                    return hour.replace(minute=minute)
        hour += timedelta(hours=1)
    return None


def _is_day(hour: datetime, fields: dict[str, set[int] | None]) -> bool:
    if fields["months"] is not None and hour.month not in fields["months"]:
        return False
    month_days, weekdays = fields["month_days"], fields["weekdays"]
    is_day = month_days is None or hour.day in month_days
    is_weekday = weekdays is None or hour.isoweekday() % 7 in weekdays
    return (is_day or is_weekday) if month_days is not None and weekdays is not None else (is_day and is_weekday)


def test_a_sending_is_late_after_its_hours_or_once_the_next_one_is_due() -> None:
    """Old news is not sent on top of new news; but a due moment always has an hour."""
    assert Timing(Repeat.DAILY, expires_hours=6).expires_at(at("2026-11-22T08:00")) == at("2026-11-22T14:00")
    assert Timing(Repeat.DAILY, expires_hours=72).expires_at(at("2026-11-22T08:00")) == at("2026-11-23T08:00")
    often = Timing(Repeat.CRON, cron="*/5 * * * *")
    assert often.expires_at(at("2026-11-22T08:00")) == at("2026-11-22T09:00")
    assert often.is_too_frequent(SATURDAY)
    assert not Timing(Repeat.CRON, cron="0 8,17 * * 1-5").is_too_frequent(SATURDAY)


def test_nobody_is_woken() -> None:
    """By day outside the quiet hours, those on night shift in the afternoon, what is urgent at any hour."""
    evening = at("2026-11-21T22:00")
    assert Timing().slots(evening, Shift.DAY) == [at("2026-11-22T06:00")]
    assert Timing().slots(evening, Shift.NIGHT) == [at("2026-11-22T14:00")]
    assert Timing().slots(at("2026-11-21T03:00"), Shift.DAY) == [at("2026-11-21T06:00")]
    assert Timing().slots(at("2026-11-21T20:30"), Shift.NIGHT) == [at("2026-11-22T14:00")]
    assert Timing(may_disturb=True).slots(evening, Shift.NIGHT) == [evening]


def test_what_would_come_after_its_expiry_is_left_out() -> None:
    """With six hours, news of 7:00 is stale when those on night shift get up; one begun late does not live longer."""
    morning = at("2026-11-21T07:00")
    assert Timing(expires_hours=6).slots(morning, Shift.NIGHT) == []
    assert Timing(expires_hours=6).slots(morning, Shift.DAY) == [morning]
    assert Timing(expires_hours=6).slots(morning, Shift.DAY, now=at("2026-11-21T13:30")) == []


def test_a_spread_goes_on_in_the_morning() -> None:
    """Twenty minutes from 20:50 are two steps in the evening and two the next day."""
    found = Timing(spread_minutes=20).slots(at("2026-11-21T20:50"), Shift.DAY)
    assert [moment.strftime("%d %H:%M") for moment in found] == ["21 20:50", "21 20:55", "22 06:00", "22 06:05"]


@settings(deadline=None)
@given(
    hours=st.integers(0, 400),
    minutes=st.integers(0, 59),
    spread=st.integers(0, 600),
    expires=st.integers(1, 72),
    shift=st.sampled_from(Shift),
    late=st.integers(0, 600),
)
def test_slots_are_in_order_in_hours_and_in_time(
    hours: int, minutes: int, spread: int, expires: int, shift: Shift, late: int
) -> None:
    """Whatever the spread and the start."""
    due_at = SATURDAY + timedelta(hours=hours, minutes=minutes)
    timing = Timing(spread_minutes=spread, expires_hours=expires)
    found = timing.slots(due_at, shift, due_at + timedelta(minutes=late))
    opens, closes = (time(6), time(21)) if shift is Shift.DAY else (time(14), time(20, 30))
    assert all(opens <= moment.time() < closes for moment in found)
    assert all(due_at <= moment < timing.expires_at(due_at) for moment in found)
    assert all(later - earlier >= STEP for earlier, later in pairwise(found))
    assert len(found) <= max(1, spread // 5)


def test_each_moment_comes_once_whatever_the_clock_does() -> None:
    """The next date follows from the last one, not from the clock, so that no jump repeats or loses one."""
    timing = Timing(Repeat.WEEKLY, weekdays=(2,))
    first = timing.first_at(SATURDAY)
    assert first is not None
    following = timing.next_after(first)
    assert following == first + timedelta(days=7)
    assert timing.next_after(first - timedelta(seconds=1)) == first


def test_names_in_braces_are_the_day_of_the_sending() -> None:
    """In Vietnam: 18:00 UTC is the next day there."""
    fields = Timing().fields_for(datetime.fromisoformat("2027-01-03T18:00+00:00"), 7, "CĐCS May Một")
    assert fields == {"ngay": "04", "thang": "01", "nam": "2027", "tuan": "1", "so": "7", "don_vi": "CĐCS May Một"}


def test_the_stored_form_is_read_back_as_it_was() -> None:
    """A release binds to it, so nothing may be lost."""
    full = Timing(
        Repeat.CRON, SATURDAY, time(9, 30), (1, 3), 31, "0 8 * * 1", date(2026, 1, 1), date(2027, 1, 1), 6, 90, True
    )
    assert Timing.from_json(full.to_json()) == full
    assert Timing.from_json({}) == Timing()
