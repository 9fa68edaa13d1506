"""Working time in Vietnam: days off over Tết, make-up days and year ends, and arithmetic that loses not a moment."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.cases.calendar import (
    add_working,
    add_working_days,
    is_announced,
    is_working_day,
    next_working_moment,
    working_between,
    working_hours_of,
)
from handlers.feature import VIETNAM
from knowledge.holidays import WORKED, DayKind, UnknownYearError, kind_of, load_calendar

TET = {
    2021: "02-12", 2022: "02-01", 2023: "01-22", 2024: "02-10", 2025: "01-29", 2026: "02-17", 2027: "02-06",
    2028: "01-26", 2029: "02-13", 2030: "02-02", 2031: "01-23", 2032: "02-11", 2033: "01-31", 2034: "02-19",
    2035: "02-08",
}  # fmt: skip

DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)
ZONES = (VIETNAM, UTC, ZoneInfo("Asia/Kathmandu"))

HARD_DAYS = [
    *(date.fromisoformat(f"{year}-{day}") for year, day in TET.items()),
    *(day for swap in load_calendar().swaps for day in (swap.rest, swap.work)),
    *(date(year, 12, 31) for year in range(2021, 2036)),
    *(date(year, 9, 2) for year in range(2021, 2036)),
    date(2026, 11, 24),
    date(2042, 4, 29),
]
"""Around these an error would hide: Tết, make-up days, year ends, National Day, the new holiday, a leap lunar month."""


def at(text: str) -> datetime:
    """A moment by Vietnam's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


near_hard_days = st.builds(
    lambda day, gap: datetime(day.year, day.month, day.day, tzinfo=VIETNAM) + gap,
    st.sampled_from(HARD_DAYS),
    st.timedeltas(min_value=-5 * DAY, max_value=5 * DAY),
)
anywhere = st.builds(lambda gap: at("2021-03-01") + gap, st.timedeltas(min_value=0 * DAY, max_value=34 * 365 * DAY))
on_a_boundary = st.builds(
    lambda day, clock: datetime(day.year, day.month, day.day, *clock, tzinfo=VIETNAM),
    st.sampled_from([day + gap * DAY for day in HARD_DAYS if day > date(2021, 2, 1) for gap in range(-3, 4)]),
    st.sampled_from([(0, 0), (8, 0), (12, 0), (13, 30), (17, 30)]),
)
moments = st.builds(
    lambda moment, zone: moment.astimezone(zone),
    st.one_of(near_hard_days, anywhere, on_a_boundary).filter(lambda moment: moment > at("2021-02-20")),
    st.sampled_from(ZONES),
)
some_time = st.one_of(
    st.timedeltas(min_value=INSTANT, max_value=timedelta(hours=90)),
    st.sampled_from([hours(4), hours(8), hours(12), hours(40), INSTANT]),
)


# --- which days are worked ---


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        ("2026-11-20", DayKind.WORKING),
        ("2026-11-21", DayKind.WEEKLY_REST),
        ("2026-11-22", DayKind.WEEKLY_REST),
        ("2026-11-24", DayKind.HOLIDAY),
        ("2025-11-24", DayKind.WORKING),
        ("2026-02-16", DayKind.HOLIDAY),
        ("2026-02-20", DayKind.HOLIDAY),
        ("2026-02-23", DayKind.WORKING),
        ("2026-04-26", DayKind.HOLIDAY),
        ("2026-04-27", DayKind.IN_LIEU),
        ("2026-01-02", DayKind.SWAPPED),
        ("2026-01-10", DayKind.MADE_UP),
        ("2026-08-22", DayKind.MADE_UP),
        ("2026-08-31", DayKind.SWAPPED),
        ("2026-09-01", DayKind.HOLIDAY),
        ("2026-09-03", DayKind.WORKING),
        ("2024-05-04", DayKind.MADE_UP),
    ],
)
def test_what_a_day_is(day: str, kind: DayKind) -> None:
    """Weekly rest, holidays of Labour Code Article 112, days in lieu, and swaps as announced."""
    assert kind_of(load_calendar(), date.fromisoformat(day)) is kind
    assert is_working_day(date.fromisoformat(day)) is (kind in WORKED)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2021-02-10", "2021-02-16"),
        ("2022-01-29", "2022-02-06"),
        ("2023-01-20", "2023-01-26"),
        ("2023-04-29", "2023-05-03"),
        ("2023-09-01", "2023-09-04"),
        ("2024-02-08", "2024-02-14"),
        ("2024-04-27", "2024-05-01"),
        ("2024-08-31", "2024-09-03"),
        ("2025-01-25", "2025-02-02"),
        ("2025-04-30", "2025-05-04"),
        ("2025-08-30", "2025-09-02"),
        ("2026-01-01", "2026-01-04"),
        ("2026-02-14", "2026-02-22"),
        ("2026-08-29", "2026-09-02"),
    ],
)
def test_the_holidays_were_as_long_as_the_papers_said(first: str, last: str) -> None:
    """A stretch off, with its weekends and days in lieu, ends where it was announced to end, and begins there."""
    day, end = date.fromisoformat(first), date.fromisoformat(last)
    assert is_working_day(day - DAY) and is_working_day(end + DAY)
    while day <= end:
        assert not is_working_day(day), day
        day += DAY


@pytest.mark.parametrize(("year", "day"), TET.items())
def test_tet_is_by_the_vietnamese_moon(year: int, day: str) -> None:
    """The first of the lunar year at UTC+7: in 2030 a day before the Chinese one."""
    assert load_calendar().lunar[year]["tet"] == date.fromisoformat(f"{year}-{day}")


def test_several_holidays_at_a_weekend_move_on_one_behind_the_other() -> None:
    """Saturday 30 April and Sunday 1 May 2022 gave Monday and Tuesday (Labour Code Article 111 clause 3)."""
    kinds = [kind_of(load_calendar(), date(2022, 5, day)) for day in (2, 3, 4)]
    assert kinds == [DayKind.IN_LIEU, DayKind.IN_LIEU, DayKind.WORKING]


def test_the_culture_day_at_a_weekend_gives_no_day_in_lieu() -> None:
    """Article 111 clause 3 speaks of the holidays of Article 112 only; 24 November 2029 is a Saturday."""
    assert kind_of(load_calendar(), date(2029, 11, 24)) is DayKind.HOLIDAY
    assert is_working_day(date(2029, 11, 26))


def test_a_year_without_announcement_follows_the_usual_pattern_and_says_so() -> None:
    """Five days of Tết, two of National Day, days in lieu; and the caller can tell that it is provisional."""
    assert is_announced(date(2026, 2, 17))
    assert not is_announced(date(2055, 1, 28))
    tet, national = range(-2, 3), (date(2055, 9, 2), date(2055, 9, 3))  # a Thursday
    assert not any(is_working_day(date(2055, 1, 28) + number * DAY) for number in tet)
    assert not any(is_working_day(day) for day in national)


def test_the_usual_pattern_gives_every_year_that_was_announced() -> None:
    """What we would have presumed of 2021 to 2026 is what the Prime Minister then decided, swaps apart."""
    known = replace(load_calendar(), swaps=())
    presumed = replace(known, announced=())
    for year in sorted({one.first.year for one in known.announced}):
        days = [date(year, 1, 1) + number * DAY for number in range(365)]
        assert [kind_of(known, day) in WORKED for day in days] == [kind_of(presumed, day) in WORKED for day in days]


def test_nothing_is_guessed_outside_the_years_known() -> None:
    """Before the Labour Code 2019 and after the lunar table there is no answer rather than a wrong one."""
    last = max(load_calendar().lunar)
    for day in (date(2020, 12, 31), date(last + 1, 1, 1)):
        with pytest.raises(UnknownYearError):
            is_working_day(day)
    with pytest.raises(UnknownYearError):
        add_working(datetime(last, 12, 31, 17, tzinfo=VIETNAM), hours(1))


# --- working time ---


@pytest.mark.parametrize(
    ("start", "span", "end"),
    [
        ("2026-11-19T08:00", 4, "2026-11-19T12:00"),
        ("2026-11-19T08:00", 4.5, "2026-11-19T14:00"),
        ("2026-11-19T11:00", 4, "2026-11-19T16:30"),
        ("2026-11-19T15:30", 4, "2026-11-20T10:00"),
        ("2026-11-20T16:30", 4, "2026-11-23T11:00"),
        ("2026-11-21T23:00", 4, "2026-11-23T12:00"),
        ("2026-11-23T16:30", 4, "2026-11-25T11:00"),
        ("2026-02-13T15:30", 4, "2026-02-23T10:00"),
        ("2026-08-21T16:30", 4, "2026-08-22T11:00"),
        ("2025-12-31T16:30", 4, "2026-01-05T11:00"),
        ("2026-11-20T09:00", -4, "2026-11-19T14:30"),
        ("2026-11-19T17:30", -4, "2026-11-19T13:30"),
    ],
)
def test_four_working_hours_later(start: str, span: float, end: str) -> None:
    """Over lunch, the night, the weekend, 24 November, Tết, a made-up Saturday and the new year."""
    assert add_working(at(start), hours(span)) == at(end)


@pytest.mark.parametrize(
    ("moment", "then"),
    [
        ("2026-11-20T09:00", "2026-11-20T09:00"),
        ("2026-11-20T12:00", "2026-11-20T13:30"),
        ("2026-11-20T06:00", "2026-11-20T08:00"),
        ("2026-11-20T17:30", "2026-11-23T08:00"),
        ("2026-02-14T10:00", "2026-02-23T08:00"),
        ("2026-01-09T18:00", "2026-01-10T08:00"),
    ],
)
def test_when_work_begins_next(moment: str, then: str) -> None:
    """Now, after lunch, in the morning, on Monday, after Tết, or on a Saturday that is made up."""
    assert next_working_moment(at(moment)) == at(then)


def test_hours_of_a_day() -> None:
    """Two stretches on a working day, none on a day off."""
    assert working_hours_of(date(2026, 11, 20)) == (
        (at("2026-11-20T08:00"), at("2026-11-20T12:00")),
        (at("2026-11-20T13:30"), at("2026-11-20T17:30")),
    )
    assert working_hours_of(date(2026, 11, 24)) == ()


def test_working_days_are_counted_from_the_next_day() -> None:
    """Five working days of a conciliator from Friday 20 November 2026 skip the weekends and 24 November."""
    assert add_working_days(date(2026, 11, 20), 5) == date(2026, 11, 30)
    assert add_working_days(date(2026, 11, 30), -5) == date(2026, 11, 20)
    assert add_working_days(date(2026, 11, 21), 0) == date(2026, 11, 21)


def test_a_moment_without_a_zone_is_refused() -> None:
    """Nobody can say which hour it is."""
    naive = datetime(2026, 11, 20, 9)  # noqa: DTZ001 - the very mistake
    for use in (next_working_moment, lambda one: add_working(one, hours(1)), lambda one: working_between(one, one)):
        with pytest.raises(ValueError, match="time zone"):
            use(naive)


# --- what holds of every moment ---


@settings(deadline=None)
@given(moments, some_time)
def test_what_was_added_lies_between(moment: datetime, span: timedelta) -> None:
    """Adding and measuring are exact inverses, forwards and backwards, to the microsecond."""
    assert working_between(moment, add_working(moment, span)) == span
    assert working_between(add_working(moment, -span), moment) == span


@settings(deadline=None)
@given(moments, some_time)
def test_the_moment_found_is_the_first(moment: datetime, span: timedelta) -> None:
    """A deadline is not an instant later than it must be; going back, not an instant earlier."""
    assert working_between(moment, add_working(moment, span) - INSTANT) == span - INSTANT
    assert working_between(add_working(moment, -span) + INSTANT, moment) == span - INSTANT


@settings(deadline=None)
@given(moments, some_time)
def test_there_and_back_is_the_next_worked_moment(moment: datetime, span: timedelta) -> None:
    """Going back by what was added finds the moment itself when it was worked, else the beginning of work."""
    assert add_working(add_working(moment, span), -span) == next_working_moment(moment)


@settings(deadline=None)
@given(moments, some_time, some_time)
def test_adding_twice_is_adding_the_sum(moment: datetime, one: timedelta, other: timedelta) -> None:
    """A reminder on the way does not move the deadline."""
    assert add_working(add_working(moment, one), other) == add_working(moment, one + other)


@settings(deadline=None)
@given(moments, moments, some_time, some_time)
def test_later_stays_later(first: datetime, second: datetime, one: timedelta, other: timedelta) -> None:
    """More time means a later deadline; who came later is never due earlier."""
    first, second = sorted((first, second))
    shorter, longer = sorted((one, other))
    assert add_working(first, one) <= add_working(second, one)
    assert add_working(first, shorter) <= add_working(first, longer)
    assert (add_working(first, shorter) < add_working(first, longer)) is (shorter < longer)


@settings(deadline=None)
@given(st.lists(near_hard_days.filter(lambda one: one > at("2021-02-20")), min_size=3, max_size=3))
def test_time_in_parts_is_time_in_one(three: list[datetime]) -> None:
    """However the clock jumps between two looks, the parts add up; and backwards is minus."""
    first, second, third = three
    parts = working_between(first, second) + working_between(second, third)
    assert parts == working_between(first, third) == -working_between(third, first)


@settings(deadline=None)
@given(moments)
def test_work_begins_when_nothing_was_missed(moment: datetime) -> None:
    """Until the next worked moment no working time passes, and after it some does at once."""
    begins = next_working_moment(moment)
    assert begins >= moment and next_working_moment(begins) == begins
    assert working_between(moment, begins) == timedelta()
    assert working_between(begins, begins + INSTANT) == INSTANT


@settings(deadline=None)
@given(moments, some_time, st.sampled_from(ZONES))
def test_the_zone_of_a_moment_does_not_matter(moment: datetime, span: timedelta, zone: ZoneInfo) -> None:
    """The same instant gives the same instant, in the zone it came in."""
    found = add_working(moment.astimezone(zone), span)
    assert found.astimezone(UTC) == add_working(moment, span).astimezone(UTC)
    assert found.tzinfo is zone


@settings(deadline=None)
@given(near_hard_days.filter(lambda one: one > at("2021-02-20")), st.integers(0, 30 * 48))
def test_time_is_what_counting_half_hours_gives(start: datetime, steps: int) -> None:
    """The same as looking at every half hour, one by one."""
    half = timedelta(minutes=30)
    start = start.replace(minute=0, second=0, microsecond=0)
    ticks = (start + number * half for number in range(steps))
    worked = sum(any(opens <= tick < closes for opens, closes in working_hours_of(tick.date())) for tick in ticks)
    assert working_between(start, start + steps * half) == worked * half


@settings(deadline=None)
@given(st.sampled_from(HARD_DAYS).filter(lambda day: day.year > 2021), st.integers(-5, 5), st.integers(1, 30))
def test_working_days_there_and_back(day: date, gap: int, number: int) -> None:
    """From a working day so many on and so many back is the same day; every day reached is worked."""
    start = add_working_days(day + gap * DAY, 1)
    there = add_working_days(start, number)
    assert is_working_day(there)
    assert add_working_days(there, -number) == start
    assert sum(is_working_day(start + one * DAY) for one in range(1, (there - start).days + 1)) == number
