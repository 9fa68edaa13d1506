"""The day a person speaks of: "hồi tháng 3/2025", "năm 2024", "ngày 5/6/2025"."""

from __future__ import annotations

import re
from datetime import date

from knowledge.normalize import fold

EARLIEST = 2000
_FULL = re.compile(r"\b(\d{1,2})\s*[/.\-]\s*(\d{1,2})\s*[/.\-]\s*(\d{4})\b")
_MONTH = re.compile(r"\b(?:thang|th|t)\s*(\d{1,2})\s*(?:[/.\-]|nam)?\s*(\d{4})\b")
_SHORT = re.compile(r"\b(\d{1,2})\s*/\s*(\d{4})\b")
_YEAR = re.compile(r"\bnam\s*(\d{4})\b")


def day_spoken_of(text: str, today: date) -> date | None:
    """The last day in the past that the text names; None when it names none. A month or a year means its end, but
    never later than today. A year of birth is not an event and does not count."""
    return None
