"""The day a person speaks of: "hồi tháng 3/2025", "năm 2024", "ngày 5/6/2025", "năm ngoái"."""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from datetime import date

_NOT_KEPT = re.compile(r"[^0-9a-z/.\- ]+")
_MARKS = {ord("đ"): "d", ord("Đ"): "d"} | dict.fromkeys(range(0x0300, 0x0370))
_FULL = r"(?P<day>\d{1,2})\s*[/.\-]\s*(?P<month>\d{1,2})\s*[/.\-]\s*(?P<year>20\d\d)"
_MONTH = r"(?:thang|th|t)\s*(?P<month2>\d{1,2})\s*(?:[/.\-]|nam)?\s*(?P<year2>20\d\d)"
_SHORT = r"(?P<month3>\d{1,2})\s*/\s*(?P<year3>20\d\d)"
_YEAR = r"nam\s*(?P<year4>20\d\d)|(?P<last>nam ngoai|nam roi)"
_DAY = re.compile(rf"(?<![\d/])(?:{_FULL}|{_MONTH}|{_SHORT}|\b{_YEAR})(?![\d/])")
_NOT_AN_EVENT = re.compile(
    r"\b(?:tu|tu ngay|tu thang|tu nam|den|den nay|toi|truoc|sau|ke tu|sinh|sinh nam|sinh ngay|"
    r"luat(?: \w+){0,3}|nghi dinh|thong tu|quyet dinh|so|nghi quyet)(?:\s+(?:ngay|thang|nam|cuoi|dau|het))*\s*$"
)
_GOES_ON = re.compile(r"^\s*(?:den|toi|-|cho den|tro di|ve sau)\b")
_NOW = re.compile(r"\b(?:bay gio|gio|hien tai|hien nay|nay|bay h|sap|du dinh|dinh)\b")


def day_spoken_of(text: str, today: date) -> date | None:
    """The day by whose law the message asks to be judged; None when it names none or speaks of now.

    Only a day said of something that happened counts ("tai nạn hồi tháng 3/2025"); the ends of a stretch ("đóng từ
    2016 đến 2018"), a year of birth and the year of a law do not. A month or a year means its last day.
    """
    plain = unicodedata.normalize("NFD", text).translate(_MARKS).lower()
    plain = re.sub(r"\s+", " ", _NOT_KEPT.sub(" ", plain))
    if _NOW.search(plain):
        return None
    days = [day for found in _DAY.finditer(plain) if (day := _read(found, plain, today)) is not None]
    return None if not days or days[-1] == today else days[-1]


def _read(found: re.Match[str], plain: str, today: date) -> date | None:
    before = plain[max(0, found.start() - 40) : found.start()]
    if _NOT_AN_EVENT.search(before) or _GOES_ON.search(plain[found.end() : found.end() + 12]):
        return None
    if found["last"]:
        return date(today.year - 1, 12, 31)
    year = int(found["year"] or found["year2"] or found["year3"] or found["year4"])
    if found["year4"] and year == today.year:
        return None
    month = int(found["month"] or found["month2"] or found["month3"] or 12)
    if not 1 <= month <= 12:
        return None
    last = monthrange(year, month)[1]
    day = min(int(found["day"]), last) if found["day"] else last
    if day < 1:
        return None
    spoken = date(year, month, day)
    return today if spoken > today and (year, month) == (today.year, today.month) else spoken
