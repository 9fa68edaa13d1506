"""When a bulletin goes out: once or again and again, by when at the latest, and at which hours to whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from db.models import Shift
from handlers.bulletins.recurrences import Repeat, Rule
from handlers.feature import VIETNAM

STEP = timedelta(minutes=5)
"""A sending that is spread out begins for so many people every five minutes."""

DEFAULT_EXPIRES_HOURS = 24
SHORTEST_GAP = timedelta(hours=1)
"""Nothing recurs faster, and a sending may be late by at least so much."""

DEFAULT_TASK_DAYS = 7
LONGEST_TASK_DAYS = 30
_TASK_ENDS = time(17)
"""A task is to be done by the end of the working day."""

_HOURS: Mapping[Shift, tuple[time, time]] = {Shift.DAY: (time(6), time(21)), Shift.NIGHT: (time(14), time(20, 30))}
"""When people may be sent bulletins: outside the quiet hours; who works at night sleeps until the afternoon."""


@dataclass(frozen=True)
class Timing:
    """When a bulletin goes out, in Vietnam's time. ``once_at`` is the moment of what goes out once (None: as soon as it
    is released); the fields after it are those of `recurrences.Rule`. A sending that could not begin within
    ``expires_hours`` is passed over. ``spread_minutes`` spreads it, so that the answers do not all come at once;
    ``may_disturb`` sends at any hour, to those on night shift as well. ``task_days`` is how long officers have for a
    task; of other bulletins it says nothing."""

    repeat: Repeat = Repeat.ONCE
    once_at: datetime | None = None
    at: time = time(8)
    weekdays: tuple[int, ...] = ()
    day: int = 1
    cron: str = ""
    from_on: date | None = None
    until_on: date | None = None
    expires_hours: int = DEFAULT_EXPIRES_HOURS
    spread_minutes: int = 0
    may_disturb: bool = False
    task_days: int = DEFAULT_TASK_DAYS

    def to_json(self) -> dict[str, Any]:
        """As it is stored, and as a release binds to it."""
        return {
            "repeat": self.repeat.value,
            "once_at": self.once_at.isoformat() if self.once_at else None,
            "at": self.at.strftime("%H:%M"),
            "weekdays": list(self.weekdays),
            "day": self.day,
            "cron": self.cron,
            "from_on": self.from_on.isoformat() if self.from_on else None,
            "until_on": self.until_on.isoformat() if self.until_on else None,
            "expires_hours": self.expires_hours,
            "spread_minutes": self.spread_minutes,
            "may_disturb": self.may_disturb,
            "task_days": self.task_days,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Timing":
        """Read what `to_json` wrote."""
        once_at, from_on, until_on = (stored.get(name) for name in ("once_at", "from_on", "until_on"))
        return cls(
            repeat=Repeat(stored.get("repeat", Repeat.ONCE)),
            once_at=datetime.fromisoformat(once_at) if once_at else None,
            at=time.fromisoformat(stored.get("at", "08:00")),
            weekdays=tuple(stored.get("weekdays", ())),
            day=stored.get("day", 1),
            cron=stored.get("cron", ""),
            from_on=date.fromisoformat(from_on) if from_on else None,
            until_on=date.fromisoformat(until_on) if until_on else None,
            expires_hours=stored.get("expires_hours", DEFAULT_EXPIRES_HOURS),
            spread_minutes=stored.get("spread_minutes", 0),
            may_disturb=stored.get("may_disturb", False),
            task_days=stored.get("task_days", DEFAULT_TASK_DAYS),
        )

    def first_at(self, now: datetime) -> datetime | None:
        """When it goes out first if it is released now. A moment that is past still counts while it may be late; None
        when nothing is left to come."""
        if self.repeat is not Repeat.ONCE:
            return self._rule.next_from(now)
        due_at = self.once_at or now
        return due_at if now < self.expires_at(due_at) else None

    def next_after(self, moment: datetime) -> datetime | None:
        """When it goes out next after one of its moments; None when that was the last one."""
        return None if self.repeat is Repeat.ONCE else self._rule.next_after(moment)

    def list_next(self, now: datetime, count: int = 5) -> list[datetime]:
        """The next moments, at most so many."""
        found: list[datetime] = []
        moment = self.first_at(now)
        while moment is not None and len(found) < count:
            found.append(moment)
            moment = self.next_after(moment)
        return found

    def expires_at(self, due_at: datetime) -> datetime:
        """From when on a sending is too late: after its hours, or when the next one is due, which says it anew."""
        late = due_at + timedelta(hours=self.expires_hours)
        following = self.next_after(due_at)
        return late if following is None else min(late, max(following, due_at + SHORTEST_GAP))

    def task_ends_at(self, due_at: datetime) -> datetime:
        """By when officers are to have done a task that went out at one of its moments."""
        day = due_at.astimezone(VIETNAM).date() + timedelta(days=self.task_days)
        return datetime.combine(day, _TASK_ENDS, VIETNAM)

    def is_too_frequent(self, now: datetime) -> bool:
        """Whether some of its next moments come closer together than an hour."""
        coming = self.list_next(now, 50)
        return any(later - earlier < SHORTEST_GAP for earlier, later in pairwise(coming))

    def wait_until(self, moment: datetime, shift: Shift) -> datetime:
        """The first moment, from one on, at which people of a shift may be sent it."""
        local = moment.astimezone(VIETNAM)
        opens, closes = _HOURS[shift]
        if self.may_disturb or opens <= local.time() < closes:
            return moment
        day = local.date() if local.time() < opens else local.date() + timedelta(days=1)
        return datetime.combine(day, opens, VIETNAM)

    def slots(self, due_at: datetime, shift: Shift, now: datetime | None = None) -> list[datetime]:
        """The moments at which lines of people of a shift may go, to be spread evenly over them: one for every five
        minutes of the spread, at least one. A sending that begins late (``now``) keeps its expiry; what would come
        after it is left out, so there may be none. A line that was held up until its shift's hours were over waits as
        well: `wait_until`."""
        expires_at = self.expires_at(due_at)
        moment = max(due_at, now) if now else due_at
        found: list[datetime] = []
        for _ in range(max(1, self.spread_minutes * 60 // int(STEP.total_seconds()))):
            moment = self.wait_until(moment, shift)
            if moment >= expires_at:
                break
            found.append(moment)
            moment += STEP
        return found

    def fields_for(self, due_at: datetime, number: int, unit_name: str) -> dict[str, str]:
        """What stands for the names in braces in one sending, the ``number``-th of its bulletin: day, month and year,
        the week of the year (ISO 8601), the running number, and the unit that sends it."""
        day = due_at.astimezone(VIETNAM).date()
        return {
            "ngay": f"{day.day:02}",
            "thang": f"{day.month:02}",
            "nam": str(day.year),
            "tuan": str(day.isocalendar().week),
            "so": str(number),
            "don_vi": unit_name,
        }

    @property
    def _rule(self) -> Rule:
        return Rule(self.repeat, self.at, self.weekdays, self.day, self.cron, self.from_on, self.until_on)
