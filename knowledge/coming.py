"""The coming day a person names: "10/12", "ngày mai", "3 ngày nữa", "tuần sau", "thứ hai tuần sau", "cuối tháng"."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta

from knowledge.normalize import fold

_BY_NUMBERS = re.compile(
    r"(?<![\d/])(?P<day>\d{1,2})\s*(?:[/.\-]|\s+tháng\s+|\s+thang\s+)\s*(?P<month>\d{1,2})"
    r"(?:\s*(?:[/.\-]|\s+năm\s+|\s+nam\s+)\s*(?P<year>20\d\d))?(?![\d/])"
)
_NUMBERS = {word: number for number, word in enumerate(("mot", "hai", "ba", "bon", "nam", "sau", "bay"), start=1)}
_DISTANCE = re.compile(
    rf"\b(?P<number>\d{{1,3}}|{'|'.join(_NUMBERS)}) (?P<unit>ngay|tuan|thang)(?: (?:nua|sau|toi))?\b"
)
_WEEKDAY = re.compile(r"\bthu (?P<day>[2-7]|hai|ba|tu|nam|sau|bay)(?P<next> tuan (?:sau|toi))?\b")
_WEEKDAYS = {"hai": 0, "ba": 1, "tu": 2, "nam": 3, "sau": 4, "bay": 5}
_FURTHEST = timedelta(days=300)
"""A day just past, typed without a year, is a slip and not a day in a year."""


def coming_day(text: str, today: date) -> date | None:
    """The day, today or within the next months; None when the text names none. Without a year the next such day is
    meant."""
    words = f" {' '.join(fold(text).split())} "
    found = _by_numbers(text.lower(), today) or _by_word(words, today) or _by_distance(words, today)
    return found if found is not None and today <= found <= today + _FURTHEST else None


def _by_numbers(text: str, today: date) -> date | None:
    found = _BY_NUMBERS.search(text)
    if found is None:
        return None
    day, month = int(found["day"]), int(found["month"])
    years = [int(found["year"])] if found["year"] else [today.year, today.year + 1]
    days = [one for one in (_day_of(year, month, day) for year in years) if one is not None]
    return next((one for one in days if one >= today), days[0] if days else None)


def _day_of(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _by_word(words: str, today: date) -> date | None:
    weekday = _WEEKDAY.search(words)
    if weekday is not None:
        place = _WEEKDAYS.get(weekday["day"]) if not weekday["day"].isdigit() else int(weekday["day"]) - 2
        return _weekday(place or 0, today, is_next=weekday["next"] is not None)
    if " hom nay " in words:
        return today
    if " ngay mai " in words or words == " mai ":
        return today + timedelta(days=1)
    if " ngay kia " in words:
        return today + timedelta(days=2)
    if " cuoi thang " in words:
        return today.replace(day=monthrange(today.year, today.month)[1])
    if words in (" tuan sau ", " tuan toi "):
        return today + timedelta(days=7)
    if words in (" thang sau ", " thang toi "):
        return _months_on(today, 1)
    return None


def _weekday(place: int, today: date, is_next: bool) -> date:
    monday = today - timedelta(days=today.weekday())
    if is_next:
        return monday + timedelta(days=7 + place)
    return today + timedelta(days=(place - today.weekday()) % 7)


def _by_distance(words: str, today: date) -> date | None:
    found = _DISTANCE.search(words)
    if found is None:
        return None
    number = int(found["number"]) if found["number"].isdigit() else _NUMBERS[found["number"]]
    if found["unit"] == "thang":
        return _months_on(today, min(number, 24))
    return today + timedelta(days=number * (7 if found["unit"] == "tuan" else 1))


def _months_on(today: date, months: int) -> date:
    year, month = divmod(today.year * 12 + today.month - 1 + months, 12)
    return date(year, month + 1, min(today.day, monthrange(year, month + 1)[1]))
