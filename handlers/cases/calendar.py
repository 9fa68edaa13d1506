"""Working time in Vietnam: what is worked on a day, how much lies between two moments, and when so much has passed.

Everything is computed from aware moments and calendar.yaml; nothing is kept. So it does not matter how often, how late
or after which jump of the clock it is asked. Moments come back in the time zone they came in.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from handlers.feature import VIETNAM
from knowledge import holidays
from knowledge.holidays import WORKED, load_calendar

_DAY = timedelta(days=1)
_NOTHING = timedelta()

Stretch = tuple[datetime, datetime]


def is_working_day(day: date) -> bool:
    """Whether there is work on a day in Vietnam. Raises `holidays.UnknownYearError`, as all functions here do."""
    return holidays.kind_of(load_calendar(), day) in WORKED


def is_announced(day: date) -> bool:
    """Whether the holidays and swaps of the day's year are announced. If not, what is computed is provisional."""
    return holidays.is_announced(load_calendar(), day.year)


def working_hours_of(day: date) -> tuple[Stretch, ...]:
    """The stretches of work on a day, in order, in Vietnam's time; none on a day off."""
    if not is_working_day(day):
        return ()
    return tuple((_at(day, opens), _at(day, closes)) for opens, closes in load_calendar().hours)


def next_working_moment(moment: datetime) -> datetime:
    """The moment itself when it is worked, else when work begins next. A stretch ends before its last moment: at 12:00
    it is the afternoon that comes next."""
    local = _local(moment)
    opens, _ = next(_stretches_after(local))
    return max(opens, local).astimezone(moment.tzinfo)


def working_between(start: datetime, end: datetime) -> timedelta:
    """How much working time lies between two moments; negative when the end comes first."""
    first, last = _local(start), _local(end)
    if last < first:
        return -working_between(last, first)
    days = (first.date() + number * _DAY for number in range((last.date() - first.date()).days + 1))
    worked = (min(closes, last) - max(opens, first) for day in days for opens, closes in working_hours_of(day))
    return sum((one for one in worked if one > _NOTHING), _NOTHING)


def add_working(moment: datetime, span: timedelta) -> datetime:
    """The first moment by which so much working time has passed; for a negative span the last moment from which so much
    is left until this one. ``working_between(moment, add_working(moment, span)) == span``, always."""
    if not span:
        return moment
    local = _local(moment)
    found = _forward(local, span) if span > _NOTHING else _backward(local, -span)
    return found.astimezone(moment.tzinfo)


def add_working_days(day: date, count: int) -> date:
    """The so-many-th working day after a day, or before it for a negative count: the day itself is not counted
    (Civil Code Article 147 clause 2). Zero gives the day itself, worked or not."""
    step = _DAY if count > 0 else -_DAY
    for _ in range(abs(count)):
        day += step
        while not is_working_day(day):
            day += step
    return day


def _forward(local: datetime, span: timedelta) -> datetime:
    for opens, closes in _stretches_after(local):
        opens = max(opens, local)
        if closes - opens >= span:
            return opens + span
        span -= closes - opens
    raise AssertionError("the calendar ends with UnknownYearError")


def _backward(local: datetime, span: timedelta) -> datetime:
    for opens, closes in _stretches_before(local):
        closes = min(closes, local)
        if closes - opens >= span:
            return closes - span
        span -= closes - opens
    raise AssertionError("the calendar ends with UnknownYearError")


def _stretches_after(local: datetime) -> Iterator[Stretch]:
    """Stretches that end after a moment, soonest first."""
    day = local.date()
    while True:
        yield from (one for one in working_hours_of(day) if one[1] > local)
        day += _DAY


def _stretches_before(local: datetime) -> Iterator[Stretch]:
    """Stretches that begin before a moment, latest first."""
    day = local.date()
    while True:
        yield from (one for one in reversed(working_hours_of(day)) if one[0] < local)
        day -= _DAY


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, VIETNAM)


def _local(moment: datetime) -> datetime:
    """The moment by Vietnam's clock, which has not been changed since 1975: stretches may be added up by it. Raises
    ValueError for a moment without a time zone."""
    if moment.utcoffset() is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(VIETNAM)
