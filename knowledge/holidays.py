"""Which days are worked in Vietnam: weekly rest, public holidays, days off in lieu of them, and the yearly swaps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from knowledge.body import read_citation
from knowledge.entry import CONTENT, Basis, Citation, Span

_DAY = timedelta(days=1)


class DayKind(StrEnum):
    """What a day is; work is done on the last two."""

    WEEKLY_REST = "weekly_rest"
    HOLIDAY = "holiday"
    IN_LIEU = "in_lieu"
    SWAPPED = "swapped"
    MADE_UP = "made_up"
    WORKING = "working"


WORKED = frozenset({DayKind.WORKING, DayKind.MADE_UP})


class UnknownYearError(LookupError):
    """A year without lunar dates, or before the Labour Code 2019: nothing is guessed about it."""


@dataclass(frozen=True)
class Holiday:
    """A public holiday of every year: the day it is counted from, and how many days it has from there."""

    key: str
    span: Span
    citation: Citation
    basis: Basis
    has_day_in_lieu: bool
    month_day: str = ""
    lunar: str = ""
    first: int = 0
    days: int = 1
    beside: tuple[int, ...] = ()


@dataclass(frozen=True)
class Announcement:
    """The days that the Prime Minister chose for a holiday of one year (Labour Code Article 112 clause 3)."""

    holiday: str
    first: date
    last: date
    source: str
    basis: Basis

    @property
    def days(self) -> tuple[date, ...]:
        """Every day, the last included."""
        return tuple(_run(self.first, (self.last - self.first).days + 1))


@dataclass(frozen=True)
class Swap:
    """A working day given off and the day of weekly rest that is worked for it."""

    rest: date
    work: date
    source: str
    basis: Basis


@dataclass(frozen=True, eq=False)
class Calendar:
    """What calendar.yaml says, as read."""

    hours: tuple[tuple[time, time], ...]
    weekly_rest: frozenset[int]
    holidays: tuple[Holiday, ...]
    announced: tuple[Announcement, ...]
    swaps: tuple[Swap, ...]
    lunar: dict[int, dict[str, date]]

    @property
    def working_day(self) -> timedelta:
        """How much is worked on a full day."""
        stretches = [
            datetime.combine(date.min, closes) - datetime.combine(date.min, opens) for opens, closes in self.hours
        ]
        return sum(stretches, timedelta())


def kind_of(calendar: Calendar, day: date) -> DayKind:
    """What a day is. A swap goes before everything else. Raises `UnknownYearError`."""
    special = _special_days(calendar, day.year)
    if day in special:
        return special[day]
    return DayKind.WEEKLY_REST if is_weekly_rest(calendar, day) else DayKind.WORKING


def is_weekly_rest(calendar: Calendar, day: date) -> bool:
    """Whether the weekday is one of rest, whatever was announced for the day itself."""
    return day.isoweekday() in calendar.weekly_rest


def is_announced(calendar: Calendar, year: int) -> bool:
    """Whether the holidays that the Prime Minister fixes each year are known; else they follow the usual pattern, and
    swaps of that year are not known either."""
    told = {one.holiday for one in calendar.announced if one.first.year == year}
    return {one.key for one in calendar.holidays if is_fixed_yearly(one)} <= told


def is_fixed_yearly(holiday: Holiday) -> bool:
    """Whether the law gives a holiday so many days and leaves it to the Prime Minister which (Labour Code Article 112
    clause 3)."""
    return holiday.days > 1 or bool(holiday.beside)


def days_of(calendar: Calendar, holiday: Holiday, year: int) -> tuple[date, ...]:
    """The days of a holiday in a year: as announced, else by the usual pattern; none when it was no holiday then.
    Raises `UnknownYearError`."""
    if not holiday.span.holds(anchor_of(calendar, holiday, year)):
        return ()
    told = (one for one in calendar.announced if one.holiday == holiday.key and one.first.year == year)
    announced = next(told, None)
    return usual_days_of(calendar, holiday, year) if announced is None else announced.days


def usual_days_of(calendar: Calendar, holiday: Holiday, year: int) -> tuple[date, ...]:
    """The days that a holiday has as long as nothing was announced. Raises `UnknownYearError`."""
    anchor = anchor_of(calendar, holiday, year)
    if holiday.beside:
        return tuple(sorted((anchor, anchor + holiday.beside[anchor.weekday()] * _DAY)))
    return tuple(_run(anchor + holiday.first * _DAY, holiday.days))


def anchor_of(calendar: Calendar, holiday: Holiday, year: int) -> date:
    """The day that a holiday is counted from, solar or lunar. Raises `UnknownYearError`."""
    if year not in calendar.lunar:
        raise UnknownYearError(year)
    return calendar.lunar[year][holiday.lunar] if holiday.lunar else date.fromisoformat(f"{year}-{holiday.month_day}")


@lru_cache(maxsize=64)
def _special_days(calendar: Calendar, year: int) -> dict[date, DayKind]:
    found = [(day, one) for one in calendar.holidays for day in days_of(calendar, one, year)]
    special = {day: DayKind.HOLIDAY for day, _ in found}
    for day, holiday in sorted(found, key=lambda pair: pair[0]):
        if holiday.has_day_in_lieu and is_weekly_rest(calendar, day):
            special[_next_free(calendar, day, special)] = DayKind.IN_LIEU
    for swap in calendar.swaps:  # last: what was announced for one day goes before every rule
        special |= {swap.rest: DayKind.SWAPPED, swap.work: DayKind.MADE_UP}
    return special


def _next_free(calendar: Calendar, day: date, special: dict[date, DayKind]) -> date:
    """The next working day after a holiday that fell on weekly rest (Labour Code Article 111 clause 3); several in a
    row move on one behind the other."""
    day += _DAY
    while day in special or is_weekly_rest(calendar, day):
        day += _DAY
    return day


def _run(first: date, count: int) -> Iterable[date]:
    return (first + number * _DAY for number in range(count))


@lru_cache(maxsize=4)
def load_calendar(content: Path = CONTENT) -> Calendar:
    """The calendar of the content folder, read once. Raises KeyError, ValueError or TypeError when it is broken."""
    text = (content / "calendar.yaml").read_text(encoding="utf-8")
    tree: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return Calendar(
        hours=tuple((time.fromisoformat(opens), time.fromisoformat(closes)) for opens, closes in tree["hours"]),
        weekly_rest=frozenset(tree["weekly_rest"]),
        holidays=tuple(_holiday(key, item) for key, item in tree["holidays"].items()),
        announced=tuple(_announcement(item) for item in tree["announced"]),
        swaps=tuple(Swap(item["rest"], item["work"], item["source"], _basis(item)) for item in tree["swaps"]),
        lunar=tree["lunar"],
    )


def _holiday(key: str, item: dict[str, Any]) -> Holiday:
    place = {name: item.get(name) for name in ("source", "article", "clause", "point")}
    return Holiday(
        key=key,
        span=Span(item["from"], item.get("to")),
        citation=read_citation(place),
        basis=_basis(item),
        has_day_in_lieu=item["in_lieu"],
        month_day="" if "lunar" in item else item["date"],
        lunar=item.get("lunar", ""),
        first=item.get("first", 0),
        days=item.get("days", 1),
        beside=tuple(item.get("beside", ())),
    )


def _announcement(item: dict[str, Any]) -> Announcement:
    return Announcement(item["holiday"], item["from"], item["to"], item["source"], _basis(item))


def _basis(item: dict[str, Any]) -> Basis:
    return Basis(item.get("basis") or Basis.LAW)
