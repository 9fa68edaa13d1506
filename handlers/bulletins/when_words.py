"""Reads when something should go out as people type it: "8h sáng mai", "thứ 2 hằng tuần 8h", "24/12 9:00"."""

import re
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

from handlers.bulletins.recurrences import BadCron, Repeat, check_cron
from handlers.bulletins.timing import Timing
from handlers.feature import VIETNAM

_COMING = re.compile("t\u1edbi", re.IGNORECASE)
"""Without its mark "coming" reads like "evening"."""

_DAYS = {"hai": 2, "ba": 3, "tu": 4, "nam": 5, "sau": 6, "bay": 7}
_DAY = r"(?:(?:thu|t)\s*(?P<{0}>hai|ba|tu|nam|sau|bay|[2-7])\b(?!\s*(?:h|g|gio|:|/)\b)|(?P<{0}_sunday>chu nhat|cn)\b)"
_ONE_DAY = re.compile(r"\b" + _DAY.format("one"))
_DAY_RANGE = re.compile(r"\b(?:tu\s+)?" + _DAY.format("first") + r"\s*(?:den|toi|-)\s*" + _DAY.format("last"))
_MORE_DAYS = re.compile(r"^\s*(?:,|va|&)?\s*(?P<more>[2-7])(?!\s*(?:h|g|gio|:|/|\d))\b")
_WEEKDAYS = re.compile(r"\b(?:cac )?ngay (?:trong tuan|lam viec)\b")

_EVERY = re.compile(r"\b(?:hang|moi)\s+(?P<what>ngay|tuan|thang)\b|\bngay nao cung\b")
_EVERY_SUCH = re.compile(
    r"\b(?:moi|cac)\s+(?=(?:thu|t)\s*(?:hai|ba|tu|nam|sau|bay|[2-7])|chu nhat|cn|sang|trua|chieu|toi)"
)
_MONTH_DAY = re.compile(r"\b(?:ngay|mung|mong)\s*(?P<day>\d{1,2})\b(?!\s*(?:/|-|thang \d))")
_MONTH_END = re.compile(r"\b(?:ngay )?cuoi (?:cung )?(?:cua )?(?:(?:hang|moi) )?thang\b|\bngay cuoi\b")

_DATE = re.compile(r"\b(?P<day>\d{1,2})\s*[/-]\s*(?P<month>\d{1,2})(?:\s*[/-]\s*(?P<year>20\d\d))?(?!\d|[/-])")
_SPOKEN_DATE = re.compile(r"\b(?P<day>\d{1,2}) thang (?P<month>\d{1,2})(?: nam (?P<year>20\d\d))?\b")
_TIME = re.compile(
    r"\b(?P<hour>\d{1,2})\s*(?::|h(?!\w*[a-z])|g(?!\w*[a-z])|gio\b|(?=h\d|g\d)[hg])\s*"
    r"(?:(?P<minute>[0-5]\d|[0-9])(?!\s*[/-])(?:\s*(?:phut|p)\b)?|(?P<half>ruoi)\b)?"
)
_PART = re.compile(r"\b(?P<part>sang|trua|chieu|toi|dem|khuya)\b")
_PARTS = {"sang": time(8), "trua": time(11, 30), "chieu": time(14), "toi": time(19), "dem": time(20), "khuya": time(20)}

_A_WHILE = r"(?P<count{0}>\d{{1,2}})\s*(?P<unit{0}>gio|tieng|phut|ngay)"
_IN_A_WHILE = re.compile(rf"\b{_A_WHILE.format('')}\s+nua\b|\bsau\s+{_A_WHILE.format('_b')}\b")
_UNITS = {"gio": "hours", "tieng": "hours", "phut": "minutes", "ngay": "days"}
_NOW = re.compile(
    r"(?:gui )?(?:ngay|luon|lien|bay gio)(?: (?:bay gio|lap tuc|luon))?(?: (?:sau )?khi (?:duoc )?duyet)?"
)
_NEXT_WEEK = re.compile(r"\btuan (?:sau|toi)\b")
_RELATIVE = (
    (re.compile(r"\bngay (?:kia|mot)\b"), 2),
    (re.compile(r"\b(?:ngay )?mai\b"), 1),
    (re.compile(r"\b(?:hom )?nay\b"), 0),
)
_CRON = re.compile(r"(?:cron\s+)?(?P<fields>[\d*,/\-a-z]+(?:\s+[\d*,/\-a-z]+){4})", re.IGNORECASE)

_UNTIL = re.compile(r"\b(?:den|toi|truoc)(?: het)?(?: ngay)?\b|\s-\s")


@dataclass
class _Rest:
    """What of a text was not understood yet; what was is blanked, so that nothing is read twice."""

    text: str
    found: dict[str, str | None] = field(default_factory=dict)
    is_impossible: bool = False

    def take(self, pattern: re.Pattern[str]) -> bool:
        """Whether the pattern stands there; its groups are in ``found``."""
        match = pattern.search(self.text)
        if match is None:
            return False
        self.text = f"{self.text[: match.start()]} | {self.text[match.end() :]}"
        self.found = match.groupdict()
        return True


def read_when(text: str, now: datetime, before: Timing) -> Timing | None:
    """The timing that a text means, with whatever it does not speak of as it was; None when it is not understood, or
    speaks of a moment that is past."""
    cron = _CRON.fullmatch(text.strip())
    if cron is not None and ("*" in text or text.lower().startswith("cron")):
        return _read_cron(cron["fields"], now, before)
    rest = _Rest(_plain(text))
    if _NOW.fullmatch(rest.text):
        return replace(before, repeat=Repeat.ONCE, once_at=None)
    if rest.take(_IN_A_WHILE):
        count, unit = rest.found["count"] or rest.found["count_b"], rest.found["unit"] or rest.found["unit_b"]
        once_at = now + timedelta(**{_UNITS[unit or ""]: int(count or 0)})
        return _if_all_is_read(rest, replace(before, repeat=Repeat.ONCE, once_at=once_at.replace(microsecond=0)))
    day = _take_date(rest, now)
    timing = _take_rule(rest, before) if day is None else None
    if timing is not None:
        at = _take_time(rest)
        return _if_all_is_read(rest, replace(timing, at=at or time(8)))
    return _read_once(rest, day, now, before)


def _plain(text: str) -> str:
    """Small letters without marks; numbers and what stands between them as they were."""
    text = _COMING.sub("sau", unicodedata.normalize("NFC", text).lower()).replace("đ", "d")
    plain = "".join(one for one in unicodedata.normalize("NFD", text) if not unicodedata.combining(one))
    return " ".join(re.sub(r"\b(?:luc|vao)\b", " ", plain).split())


def _if_all_is_read(rest: _Rest, timing: Timing) -> Timing | None:
    """A number that nobody understood may change the meaning of all."""
    return None if rest.is_impossible or re.search(r"\d", rest.text) else timing


def _read_cron(fields: str, now: datetime, before: Timing) -> Timing | None:
    try:
        return replace(before, repeat=Repeat.CRON, cron=check_cron(fields, now))
    except BadCron:
        return None


def _take_rule(rest: _Rest, before: Timing) -> Timing | None:
    """A rule that comes again; None when the text speaks of no such thing."""
    if rest.take(_WEEKDAYS):
        rest.take(_EVERY)
        return replace(before, repeat=Repeat.WEEKLY, weekdays=(1, 2, 3, 4, 5))
    what = None
    if rest.take(_MONTH_END):
        rest.take(_EVERY)
        return replace(before, repeat=Repeat.MONTHLY, day=31)
    if rest.take(_EVERY):
        what = rest.found["what"] or "ngay"
    elif rest.take(_EVERY_SUCH):
        what = "such"
    weekdays = _look_for_range(rest) if what is None else ()
    if what is None and not weekdays:
        return None
    if what == "thang":
        day = int(rest.found["day"] or 0) if rest.take(_MONTH_DAY) else 1
        return replace(before, repeat=Repeat.MONTHLY, day=day) if 1 <= day <= 31 else None
    weekdays = weekdays or _look_for_range(rest) or _take_weekdays(rest)
    if weekdays:
        return replace(before, repeat=Repeat.WEEKLY, weekdays=weekdays)
    return (
        replace(before, repeat=Repeat.WEEKLY, weekdays=(1,)) if what == "tuan" else replace(before, repeat=Repeat.DAILY)
    )


def _look_for_range(rest: _Rest) -> tuple[int, ...]:
    """From one weekday to another: that can only be meant for every week."""
    if not rest.take(_DAY_RANGE):
        return ()
    first, last = _iso(rest.found, "first"), _iso(rest.found, "last")
    return tuple(range(first, last + 1)) if first <= last else (*range(first, 8), *range(1, last + 1))


def _take_weekdays(rest: _Rest) -> tuple[int, ...]:
    """The weekdays that are named, also as "thứ 2, 4, 6"."""
    found: set[int] = set()
    while rest.take(_ONE_DAY):
        found.add(_iso(rest.found, "one"))
        before, _, after = rest.text.partition("|")
        more = _MORE_DAYS.match(after)
        while more is not None:
            found.add(int(more["more"]) - 1)
            after = after[more.end() :]
            more = _MORE_DAYS.match(after)
        rest.text = f"{before} {after}"
    return tuple(sorted(found))


def _iso(found: dict[str, str | None], name: str) -> int:
    """Monday, "thứ hai", is 1."""
    if found[f"{name}_sunday"]:
        return 7
    word = found[name] or ""
    return (int(word) if word.isdigit() else _DAYS[word]) - 1


def _take_date(rest: _Rest, now: datetime) -> date | None:
    """A day of the calendar; without a year the next such day."""
    if not rest.take(_DATE) and not rest.take(_SPOKEN_DATE):
        return None
    day, month = int(rest.found["day"] or 0), int(rest.found["month"] or 0)
    today, year = now.astimezone(VIETNAM).date(), rest.found["year"]
    rest.text = re.sub(r"\bngay\s*\|", "|", rest.text)
    try:
        if year:
            return date(int(year), month, day)
        return next(one for one in (date(today.year, month, day), date(today.year + 1, month, day)) if one >= today)
    except ValueError:
        rest.is_impossible = True  # there is no such day
        return None


def _take_time(rest: _Rest) -> time | None:
    """A time of day: "8h", "8h30", "8 giờ rưỡi tối", or only "sáng"."""
    has_hour = rest.take(_TIME)
    found = rest.found
    part = rest.found["part"] if rest.take(_PART) else None
    if not has_hour:
        return _PARTS[part] if part else None
    hour, minute = int(found["hour"] or 0), 30 if found["half"] else int(found["minute"] or 0)
    if (part in ("chieu", "toi") and hour < 12) or (part == "trua" and hour < 10) or (part == "dem" and 6 <= hour < 12):
        hour += 12
    if hour > 23 or (part == "dem" and hour == 12):
        rest.is_impossible = True  # midnight: of which day?
        return None
    return time(hour, minute)


def _read_once(rest: _Rest, day: date | None, now: datetime, before: Timing) -> Timing | None:
    today, is_open = now.astimezone(VIETNAM).date(), day is None
    if day is None:
        day = _take_relative_day(rest, today)
        is_open = day is None
    at = _take_time(rest)
    if day is None and at is None:
        return None
    once_at = datetime.combine(day or today, at or time(8), VIETNAM)
    if once_at <= now and is_open:
        once_at += timedelta(days=1)
    if once_at <= now:
        return None
    return _if_all_is_read(rest, replace(before, repeat=Repeat.ONCE, once_at=once_at))


def _take_relative_day(rest: _Rest, today: date) -> date | None:
    next_week = rest.take(_NEXT_WEEK)
    if rest.take(_ONE_DAY):
        weekday = _iso(rest.found, "one")
        ahead = (weekday - today.isoweekday()) % 7 or 7
        rest.text = re.sub(r"\|\s*sau\b", "|", rest.text)
        return today + timedelta(days=weekday - today.isoweekday() + 7 if next_week else ahead)
    for pattern, ahead in _RELATIVE:
        if rest.take(pattern):
            return today + timedelta(days=ahead)
    return None


def read_span(text: str, today: date, is_past: bool = False) -> tuple[date | None, date | None] | None:
    """The days of "từ 1/12 đến 31/12", either of which may be missing; None when it is not understood. A day without a
    year is the next such day, or with ``is_past`` the last one."""
    plain = _plain(text)
    until = _UNTIL.search(plain)
    first, last = (plain[: until.start()], plain[until.end() :]) if until else (plain, "")
    since, to = _read_day(first, today, is_past), _read_day(last, today, is_past)
    if (since is None and to is None) or (re.search(r"\d", last) and to is None):
        return None
    if since is None and re.search(r"\d", first):
        return None
    return None if since and to and since > to else (since, to)


def _read_day(text: str, today: date, is_past: bool) -> date | None:
    rest = _Rest(text)
    if not rest.take(_DATE) and not rest.take(_SPOKEN_DATE):
        return None
    day, month, year = int(rest.found["day"] or 0), int(rest.found["month"] or 0), rest.found["year"]
    years = [int(year)] if year else [today.year, today.year - 1 if is_past else today.year + 1]
    try:
        days = [date(one, month, day) for one in years]
    except ValueError:
        return None
    fits = [one for one in days if year or (one <= today if is_past else one >= today)]
    return fits[0] if fits and not re.search(r"\d", rest.text) else None
