"""The day a person speaks of: "hồi tháng 3/2025", "năm 2024", "hôm tết năm kia", "cách đây hai năm", "tháng rồi"."""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import date, timedelta

Match = re.Match[str]
Read = Callable[[Match, str, date], date | None]
"""From a match, what stands before it, and today to the day that is meant."""

_NOT_KEPT = re.compile(r"[^0-9a-z/.\- ]+")
_MARKS = {ord("đ"): "d", ord("Đ"): "d"} | dict.fromkeys(range(0x0300, 0x0370))
_THIS = re.compile("n\u00e0y")  # without its mark it reads "now"

_NUMBERS = ("mot", "hai", "ba", "bon", "nam", "sau", "bay", "tam", "chin", "muoi")
_NUMBER = rf"\d{{1,2}}|{'|'.join(_NUMBERS)}"
_BACK = {"nay": 0, "ngoai": 1, "roi": 1, "truoc": 1, "vua roi": 1, "vua qua": 1, "kia": 2}
_ENDS = {"dau": (3, 31), "giua": (6, 30), "cuoi": (12, 31)}
"""The last day of "đầu năm" and "giữa năm": before the laws that begin in July, and before those of next January."""

_YEAR = r"(?P<year>20\d\d)"
_MONTH = r"(?P<month>\d{1,2})"
_DAY = r"(?P<day>\d{1,2})"
_NAMED_MONTH = rf"(?:thang|th|t)\s*{_MONTH}"
_YEARS_AGO = rf"nam (?P<back>{'|'.join(sorted(_BACK, key=len, reverse=True))})(?! (?:khi|do|luc)\b)"
_ABOUT = "(?:khoang|chung|gan|hon|tam)"
_BEFORE_WHAT = r"(?:\d+|khi|do|luc|ngay|thang|nam|han|thoi|sinh|nghi|ky)"
_TET = r"\btet(?: (?:am lich|am|ta|nguyen dan|co truyen))?"

_NOT_AN_EVENT = re.compile(
    r"\b(?:tu|tu ngay|tu thang|tu nam|den|den nay|toi|truoc|sau|ke tu|(?<!nghi )sinh|sinh nam|sinh ngay|"
    r"luat(?: \w+){0,3}|nghi dinh|thong tu|quyet dinh|so|nghi quyet)"
    r"(?:\s+(?:ngay|thang|nam|cuoi|dau|het|tet|hoi|hom))*\s*$"
)
_GOES_ON = re.compile(r"^\s*(?:den|toi|-|cho den|tro di|ve sau)\b")
_COUNTED = re.compile(
    rf"\b(?:{_NUMBER}|\d+|may|cac|nhung|vai|nhieu|bao|moi|hang|ca|nguyen|tron|nua|du|gan|hon|lau|het|thu)\s*$"
)
"""Before "năm rồi" or "tháng trước": that many years, not the last one; and "thứ năm vừa rồi"."""

_TERM = re.compile(r"\b(?:bao|binh quan|trung binh|lien tuc|toi thieu|it nhat|du|trong|nop|dong|lam|nghi)(?: \w+)?\s*$")
"""Before "3 tháng trước": a term to keep or to count, not a day that was."""

_NOW = re.compile(r"\b(?:bay gio|gio|hien tai|hien nay|nay|bay h|sap|du dinh|dinh|den (?:ngay|thang|khi|luc) nao)\b")


def day_spoken_of(text: str, today: date) -> date | None:
    """The day by whose law the message asks to be judged; None when it names none or speaks of now.

    Only a day said of something that happened counts ("tai nạn hồi tháng 3/2025"); the ends of a stretch ("đóng từ
    2016 đến 2018"), a year of birth and the year of a law do not. A month or a year means its last day, Tết the last
    day of February.
    """
    plain = _THIS.sub(" ", unicodedata.normalize("NFC", text).lower())
    plain = unicodedata.normalize("NFD", plain).translate(_MARKS)
    plain = re.sub(r"\s+", " ", _NOT_KEPT.sub(" ", plain))
    rest, found = plain, []
    for start, end, day in _days_in(plain, today):
        if day is not None:
            rest = rest[:start] + "|" * (end - start) + rest[end:]  # the "nay" of "tháng 3 năm nay" is not now
            found.append((start, day))
    days = [day for _, day in sorted(found)]
    return None if not days or days[-1] == today or _NOW.search(rest) else days[-1]


def _days_in(plain: str, today: date) -> Iterator[tuple[int, int, date | None]]:
    """Where a day is named, and which, if it is one that counts; the longer name goes before one inside it."""
    taken: list[tuple[int, int]] = []
    for pattern, read in _WAYS:
        for found in pattern.finditer(plain):
            start, end = found.span()
            if any(start < last and first < end for first, last in taken):
                continue
            taken.append((start, end))
            before, after = plain[max(0, start - 40) : start], plain[end : end + 12]
            is_event = not (_NOT_AN_EVENT.search(before) or _GOES_ON.search(after))
            yield start, end, read(found, before, today) if is_event else None


def _last_of(year: int, month: int, day: int | None = None) -> date | None:
    """The day, or the last one of the month; a day too many for the month means its last one."""
    if not 1 <= month <= 12 or day == 0:
        return None
    last = monthrange(year, month)[1]
    return date(year, month, min(day or last, last))


def _year_of(found: Match, today: date) -> int:
    parts = found.groupdict()
    return int(parts["year"]) if parts.get("year") else today.year - _BACK[parts["back"]]


def _by_numbers(found: Match, _before: str, today: date) -> date | None:
    day = found.groupdict().get("day")
    spoken = _last_of(_year_of(found, today), int(found["month"]), int(day) if day else None)
    if spoken is None or spoken <= today:
        return spoken
    return today if (spoken.year, spoken.month) == (today.year, today.month) else spoken


def _by_year(found: Match, before: str, today: date) -> date | None:
    year, part = _year_of(found, today), found["part"]
    if found["back"] and (_COUNTED.search(before) or (found["back"] == "truoc" and not before.endswith("hoi "))):
        return None  # "phép năm trước" is a matter of today
    if year == today.year and not part:
        return None
    spoken = date(year, *_ENDS[part or "cuoi"])
    return None if year == today.year and spoken > today else spoken


def _by_tet(found: Match, before: str, today: date) -> date | None:
    if found["back"] == "nay":  # the last one, or the one to come
        return None
    if found["year"] or found["back"]:
        return _last_of(_year_of(found, today), 2)
    if _COUNTED.search(before):  # "28 tết rồi" is now
        return None
    passed = (today.month, today.day) > (2, 20)
    return _last_of(today.year if passed else today.year - 1, 2)


def _by_month_alone(found: Match, _before: str, today: date) -> date | None:
    """ "hồi tháng 3": the last one that was."""
    month = int(found["month"])
    return _last_of(today.year if month < today.month else today.year - 1, month)


def _by_last_month(_found: Match, before: str, today: date) -> date | None:
    return None if _COUNTED.search(before) else today.replace(day=1) - timedelta(days=1)


def _by_start_of_year(_found: Match, _before: str, today: date) -> date | None:
    spoken = date(today.year, *_ENDS["dau"])
    return spoken if spoken <= today else None


def _by_unsure_distance(found: Match, before: str, today: date) -> date | None:
    """ "3 tháng trước" may be a term: "báo 3 tháng trước"."""
    return None if _TERM.search(before) else _by_distance(found, before, today)


def _by_distance(found: Match, _before: str, today: date) -> date | None:
    word, unit = found["number"], found["unit"]
    number = int(word) if word.isdigit() else _NUMBERS.index(word) + 1
    if unit in ("ngay", "tuan"):
        return today - timedelta(days=number * (7 if unit == "tuan" else 1))
    months = today.year * 12 + today.month - 1 - number * (12 if unit == "nam" else 1)
    return _last_of(months // 12, months % 12 + 1, today.day)


def _way(pattern: str, read: Read) -> tuple[re.Pattern[str], Read]:
    return re.compile(rf"(?<![\d/\w])(?:{pattern})(?![\d/])"), read


_WAYS = (
    _way(rf"{_DAY}\s*[/.\-]\s*{_MONTH}\s*[/.\-]\s*{_YEAR}", _by_numbers),
    _way(rf"{_DAY}\s*(?:/|thang)\s*{_MONTH}\s*(?:nam )?{_YEAR}", _by_numbers),
    _way(rf"{_DAY}\s*(?:/|thang)\s*{_MONTH} {_YEARS_AGO}", _by_numbers),
    _way(rf"{_NAMED_MONTH}\s*(?:[/.\-]|nam)?\s*{_YEAR}", _by_numbers),
    _way(rf"{_NAMED_MONTH} {_YEARS_AGO}", _by_numbers),
    _way(rf"{_MONTH}\s*/\s*{_YEAR}", _by_numbers),
    _way(rf"cach day (?:{_ABOUT} )?(?P<number>{_NUMBER}) (?P<unit>nam|thang|tuan|ngay)", _by_distance),
    _way(rf"(?P<number>{_NUMBER}) (?P<unit>nam|thang) (?:ve )?truoc(?! {_BEFORE_WHAT}\b)", _by_unsure_distance),
    _way(rf"{_TET} (?:(?:nam )?{_YEAR}|{_YEARS_AGO}|vua roi|vua qua|roi|truoc)", _by_tet),
    _way(rf"(?:(?P<part>dau|giua|cuoi) )?(?:nam\s*{_YEAR}|{_YEARS_AGO})", _by_year),
    _way(rf"hoi (?:(?:dau|giua|cuoi) )?thang {_MONTH}(?!\s*[/.\-]|\s*nam)", _by_month_alone),
    _way(r"thang (?:truoc|vua roi|vua qua|roi)(?! (?:khi|do|luc|sinh|nghi)\b)", _by_last_month),
    _way(r"hoi dau nam(?! (?:hoc|sau|toi)\b)", _by_start_of_year),
)
"""Ways to name a day, the longer before those they contain."""
