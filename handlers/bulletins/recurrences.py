"""When something recurs: the moments of a rule such as "Monday and Thursday at 8:00", by APScheduler's triggers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

from handlers.feature import VIETNAM

_YEARS = 8
"""How far ahead the next moment is looked for: 29 February comes at least every eight years; 30 February never does,
and must not be looked for until the year 9999."""

_DAY_NAMES = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
"""In the order of cron's numbers; 7 is Sunday as well. APScheduler counts from Monday = 0, so it is given names."""

_PLAIN_FIELD = re.compile(r"[0-9a-z*,/-]+", re.IGNORECASE)
_DAYS_ITEM = re.compile(r"(?:\*|(?P<first>\d|[a-z]{3})(?:-(?P<last>\d|[a-z]{3}))?)(?:/(?P<step>\d))?", re.IGNORECASE)
_APSCHEDULER_ONLY = re.compile(r"last|st|nd|rd|th", re.IGNORECASE)


class Repeat(StrEnum):
    """How something comes again."""

    ONCE = "once"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    CRON = "cron"


class BadCron(ValueError):
    """A text that is not the five fields of cron, or that never comes true."""


@dataclass(frozen=True)
class Rule:
    """A rule in Vietnam's time. ``weekdays`` count as in ISO 8601: 1 is Monday, 7 Sunday. A ``day`` of the month that
    a month does not have means its last one: 31 is always the last day. ``cron`` has the five fields of cron and
    cron's own meaning. It holds from one day to another, both included."""

    repeat: Repeat
    at: time = time(8)
    weekdays: tuple[int, ...] = ()
    day: int = 1
    cron: str = ""
    from_on: date | None = None
    until_on: date | None = None

    def next_from(self, moment: datetime) -> datetime | None:
        """The first moment of the rule that is not before this one, None when there is none. Raises `BadCron`."""
        if self.from_on is not None:
            moment = max(moment, datetime.combine(self.from_on, time(), VIETNAM))
        found: datetime | None = OrTrigger(self._triggers(moment)).get_next_fire_time(None, moment.astimezone(VIETNAM))
        if found is None or (self.until_on is not None and found.date() > self.until_on):
            return None
        return found

    def next_after(self, moment: datetime) -> datetime | None:
        """The first moment of the rule after this one."""
        return self.next_from(moment + timedelta(microseconds=1))

    def _triggers(self, moment: datetime) -> list[CronTrigger]:
        year = moment.astimezone(VIETNAM).year
        years = f"{year}-{year + _YEARS}"
        return [CronTrigger(timezone=VIETNAM, year=years, second=0, **fields) for fields in self._fields()]

    def _fields(self) -> list[dict[str, Any]]:
        """The fields of each trigger; the rule comes true whenever one of them does."""
        if self.repeat is Repeat.CRON:
            return _read_cron(self.cron)
        at = {"hour": self.at.hour, "minute": self.at.minute}
        if self.repeat is Repeat.WEEKLY:
            names = ",".join(_DAY_NAMES[number % 7] for number in self.weekdays)
            return [at | {"day_of_week": names}] if names else []
        if self.repeat is Repeat.MONTHLY:
            return [at | {"day": "last"}] if self.day > 30 else [at | one for one in _month_days(self.day)]
        return [at]


def _month_days(day: int) -> Sequence[dict[str, Any]]:
    if day <= 28:
        return [{"day": day}]
    return [{"day": day}, {"day": "last", "month": 2}]


def check_cron(text: str, now: datetime) -> str:
    """The fields in one spelling. Raises `BadCron` for what is not cron, or never comes true."""
    rule = Rule(Repeat.CRON, cron=" ".join(text.lower().split()))
    if rule.next_from(now) is None:
        raise BadCron(text)
    return rule.cron


def _read_cron(text: str) -> list[dict[str, Any]]:
    """The fields of the triggers that mean what cron means: where both days of the month and days of the week are
    named, either is enough."""
    parts = text.lower().split()
    if len(parts) != 5 or not all(_PLAIN_FIELD.fullmatch(part) for part in parts):
        raise BadCron(text)
    minute, hour, day, month, weekdays = parts
    if _APSCHEDULER_ONLY.search(day) or any(part.isalpha() for part in (minute, hour)):
        raise BadCron(text)
    at = {"minute": minute, "hour": hour, "month": month}
    names = _read_weekdays(weekdays)
    either = not day.startswith("*") and not weekdays.startswith("*")
    fields = [at | {"day": day}, at | {"day_of_week": names}] if either else [at | {"day": day, "day_of_week": names}]
    try:
        for one in fields:
            CronTrigger(timezone=VIETNAM, **one)
    except ValueError as error:
        raise BadCron(text) from error
    return fields


def _read_weekdays(field: str) -> str:
    """A weekday field of cron as names: cron counts from Sunday = 0, and both 0 and 7 are Sunday."""
    found: set[int] = set()
    for item in field.split(","):
        match = _DAYS_ITEM.fullmatch(item)
        if match is None:
            raise BadCron(field)
        first, last = _bounds_of(match)
        step = int(match["step"] or 1)
        if first > last or step == 0:
            raise BadCron(field)
        found |= {number % 7 for number in range(first, last + 1, step)}
    return ",".join(_DAY_NAMES[number] for number in sorted(found))


def _bounds_of(match: re.Match[str]) -> tuple[int, int]:
    """The first and the last day of one part: all, from one to another, one, or (with a step) from one on."""
    if match["first"] is None:
        return 0, 6
    first = _day_number(match["first"])
    if match["last"] is not None:
        last = _day_number(match["last"])
        return first, 7 if match["last"] == _DAY_NAMES[0] else last  # "fri-sun" ends the week
    return first, 7 if match["step"] else first


def _day_number(word: str) -> int:
    if word.isdigit() and int(word) <= 7:
        return int(word)
    if word not in _DAY_NAMES:
        raise BadCron(word)
    return _DAY_NAMES.index(word)
