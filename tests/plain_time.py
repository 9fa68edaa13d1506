"""Working time counted the plain way, day by day, from a list of days off that was written out by hand: the judge of
what `handlers.cases.calendar` and `deadlines` work out."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta

from handlers.feature import VIETNAM

OFF_ON_WEEKDAYS = {
    date.fromisoformat(day)
    for day in (
        # 2026: New Year and the day exchanged with 10 January, Tết, Hùng Kings (a Sunday) and the day in lieu, 30 April
        # and 1 May, the day exchanged with 22 August, National Day, the Day of Vietnamese Culture
        "2026-01-01", "2026-01-02", "2026-02-16", "2026-02-17", "2026-02-18", "2026-02-19", "2026-02-20", "2026-04-27",
        "2026-04-30", "2026-05-01", "2026-08-31", "2026-09-01", "2026-09-02", "2026-11-24",
        # 2027: Tết from Thursday 4 February with two days in lieu, Hùng Kings, 30 April, 1 May (a Saturday) in lieu
        "2027-01-01", "2027-02-04", "2027-02-05", "2027-02-08", "2027-02-09", "2027-02-10", "2027-04-16", "2027-04-30",
        "2027-05-03", "2027-09-02", "2027-09-03", "2027-11-24",
        # 2028: New Year (a Saturday) in lieu, Tết, Hùng Kings, 30 April (a Sunday) in lieu after 1 May, National Day
        "2028-01-03", "2028-01-24", "2028-01-25", "2028-01-26", "2028-01-27", "2028-01-28", "2028-04-04",
        "2028-05-01", "2028-05-02", "2028-09-01", "2028-09-04", "2028-11-24",
    )
}  # fmt: skip
WORKED_SATURDAYS = {date(2026, 1, 10), date(2026, 8, 22)}
FROM, TO = date(2026, 1, 1), date(2028, 12, 31)
HOURS = ((time(8), time(12)), (time(13, 30), time(17, 30)))

Stretch = tuple[datetime, datetime]


def is_worked(day: date) -> bool:
    """Whether offices work on a day of the years that the list covers."""
    assert FROM <= day <= TO, f"the list of days off ends before {day}"
    return day in WORKED_SATURDAYS or (day.isoweekday() < 6 and day not in OFF_ON_WEEKDAYS)


def count_time(start: datetime, end: datetime, pauses: Iterable[Stretch], *, by_clock: bool) -> timedelta:
    """How much time passed between two moments and outside the pauses, by the clock or in working time."""
    counted = [(start, end)] if by_clock else list(_worked(start, end))
    for since, until in pauses:
        counted = [part for one in counted for part in _without(one, since, until)]
    return sum((ends - begins for begins, ends in counted), timedelta())


def _worked(start: datetime, end: datetime) -> Iterator[Stretch]:
    day, last = start.astimezone(VIETNAM).date(), end.astimezone(VIETNAM).date()
    while day <= last:
        for opens, closes in HOURS if is_worked(day) else ():
            begins = max(start, datetime.combine(day, opens, VIETNAM))
            ends = min(end, datetime.combine(day, closes, VIETNAM))
            if begins < ends:
                yield begins, ends
        day += timedelta(days=1)


def _without(one: Stretch, since: datetime, until: datetime) -> Iterator[Stretch]:
    begins, ends = one
    if begins < min(ends, since):
        yield begins, min(ends, since)
    if max(begins, until) < ends:
        yield max(begins, until), ends
