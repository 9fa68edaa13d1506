"""The day from which a worker's words count a limit: the earliest they may mean, so that no limit is shown too late."""

import re
from datetime import date

from knowledge.dates import day_spoken_of
from knowledge.normalize import fold

_LEADING = ("ke", "tu", "khoang", "tam")
_NAMES_A_DAY = re.compile(r"\d{1,2}\s*[/.\-]\s*\d{1,2}\s*[/.\-]\s*20\d\d|\d{1,2}\s*/\s*\d{1,2}\s+n\w+m")
_COUNTS_DAYS = re.compile(r"\b(?:ngay|tuan)\b")
_NAMES_A_MONTH = re.compile(r"\d{1,2}\s*[/.\-]\s*20\d\d|\bth|\bt\d")


def read_since(words: str, today: date) -> date | None:
    """The day; the first of a month or a year that was named without one. None when none is understood."""
    rest = words.split()
    while rest and fold(rest[0]) in _LEADING:
        rest = rest[1:]
    said = " ".join(rest)
    day = day_spoken_of(said, today) or day_spoken_of(f"hoi {said}", today)
    if day is None or _NAMES_A_DAY.search(said.lower()) or _COUNTS_DAYS.search(fold(said)):
        return day
    return day.replace(day=1) if _NAMES_A_MONTH.search(said.lower()) else day.replace(month=1, day=1)
