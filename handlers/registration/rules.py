"""What the application form (Mẫu 5a) asks and what a valid answer is."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from handlers.errors import UserError
from knowledge.normalize import fold

_LONGEST = 120
_YOUNGEST, _OLDEST = 15, 100
"""Ages in years: work below 15 is an exception (Code 45/2019/QH14 Article 143), and such a child does not join."""

_PHONE = re.compile(r"0(?:3[2-9]|5[25689]|7[06-9]|8[1-9]|9\d)\d{7}")
"""Vietnamese mobile numbers in national form, by the prefixes in use since 2018."""

_DATE = re.compile(r"(\d{1,2})\D+(\d{1,2})\D+(\d{4}|\d{2})")
_DATE_WITHOUT_SIGNS = re.compile(r"(\d{2})(\d{2})(\d{4})")
_CITIZEN_ID_DIGITS = 12

GENDERS = ("nam", "nu", "khac")
_GENDER_WORDS = {"nam": "nam", "trai": "nam", "nu": "nu", "gai": "nu", "khac": "khac"}
SKIP = "skip"


@dataclass(frozen=True)
class Field:
    """A field of the form: how an answer is read (raises `UserError`), whether it may be left out, and what can be
    pressed instead of typed."""

    name: str
    read: Callable[[str, date], str]
    is_optional: bool = False
    choices: tuple[str, ...] = field(default=())


def read_full_name(text: str, _today: date) -> str:
    """At least two words of letters, each with a capital: "nguyễn thị hoa" is "Nguyễn Thị Hoa"."""
    words = text.split()
    if len(words) < 2 or len(text) > _LONGEST or not all(word.replace("'", "").isalpha() for word in words):
        raise UserError("join.bad_full_name")
    return " ".join(
        word[0].upper() + (word[1:].lower() if word.isupper() or word.islower() else word[1:]) for word in words
    )


def read_gender(text: str, _today: date) -> str:
    """One of `GENDERS`."""
    gender = _GENDER_WORDS.get(fold(text).removeprefix("gioi tinh ").removeprefix("con "))
    if gender is None:
        raise UserError("join.bad_gender")
    return gender


def read_birthday(text: str, today: date) -> str:
    """A day as Vietnamese people write it (day first), as ISO text; the age must be one at which people work."""
    match = _DATE.search(text) or _DATE_WITHOUT_SIGNS.fullmatch(text.strip())
    if match is None:
        raise UserError("join.bad_birthday")
    day, month, year = (int(group) for group in match.groups())
    if year < 100:  # two digits
        year += 2000 if 2000 + year <= today.year - _YOUNGEST else 1900
    try:
        born_on = date(year, month, day)
    except ValueError:
        raise UserError("join.bad_birthday") from None
    if not _YOUNGEST <= age_on(born_on, today) <= _OLDEST:
        raise UserError("join.bad_age")
    return born_on.isoformat()


def age_on(born_on: date, today: date) -> int:
    """Full years of life on a day."""
    return today.year - born_on.year - ((today.month, today.day) < (born_on.month, born_on.day))


def read_words(text: str, _today: date) -> str:
    """Any short words with at least one letter."""
    words = " ".join(text.split())
    if not any(sign.isalpha() for sign in words):
        raise UserError("join.bad_words")
    if len(words) > _LONGEST:
        raise UserError("join.too_long", limit=_LONGEST)
    return words


def read_citizen_id(text: str, _today: date) -> str:
    """The twelve digits of a citizen id number."""
    digits = re.sub(r"[\s.\-]", "", text)
    if not digits.isdigit() or len(digits) != _CITIZEN_ID_DIGITS:
        raise UserError("join.bad_citizen_id")
    return digits


def read_phone(text: str, _today: date) -> str:
    """A Vietnamese mobile number in national form, whether typed with +84, spaces or dots."""
    digits = re.sub(r"[\s.\-()]", "", text)
    digits = re.sub(r"^(\+?84|0084)0?", "0", digits)
    if not _PHONE.fullmatch(digits):
        raise UserError("join.bad_phone")
    return digits


FIELDS: tuple[Field, ...] = (
    Field("full_name", read_full_name),
    Field("gender", read_gender, choices=GENDERS),
    Field("born_on", read_birthday),
    Field("ethnicity", read_words, choices=("kinh",)),
    Field("hometown", read_words, is_optional=True),
    Field("residence", read_words),
    Field("citizen_id", read_citizen_id, is_optional=True),
    Field("phone", read_phone, is_optional=True),
    Field("position", read_words, is_optional=True),
)
"""The fields of Mẫu 5a in its order; workplace stands before the position and the pledge ends the form, each a step of
its own."""

FIELD_NAMES: Mapping[str, Field] = {one.name: one for one in FIELDS}
