"""Which unit may lie under which, what a unit's code looks like, and what becomes of a role when its unit closes."""

import re
from collections.abc import Mapping
from datetime import date

from db.models import Role, UnitLevel

PARENTS: Mapping[UnitLevel, frozenset[UnitLevel]] = {
    UnitLevel.CONFEDERATION: frozenset(),
    UnitLevel.FEDERATION: frozenset({UnitLevel.CONFEDERATION}),
    UnitLevel.UPPER: frozenset({UnitLevel.FEDERATION}),
    UnitLevel.WORKPLACE: frozenset({UnitLevel.FEDERATION, UnitLevel.UPPER, UnitLevel.WORKPLACE}),
    UnitLevel.TRADE: frozenset({UnitLevel.FEDERATION, UnitLevel.UPPER}),
    UnitLevel.TEAM: frozenset({UnitLevel.WORKPLACE, UnitLevel.TRADE}),
}
"""The levels under which each may lie. A workplace union lies under an upper one, right under its federation, or (a
member union of a large company) under another workplace union."""

NEEDS_PARENT: frozenset[UnitLevel] = frozenset({UnitLevel.TEAM})
"""Everything else may stand at the top: a deployment may serve one province, or one company, alone."""

EMPLOYER_LEVELS: frozenset[UnitLevel] = frozenset({UnitLevel.WORKPLACE})
"""Levels that face an employer; informal workers and their trade unions have none."""

CHANGEABLE = ("name", "employer", "headcount_band", "sector", "province", "commune", "wage_region")
EMPLOYER_FIELDS = ("employer", "headcount_band", "sector")

WAGE_REGIONS = ("I", "II", "III", "IV")

LONGEST_NAME = 200
LONGEST_FACT = 80
_LIMITS = {"name": LONGEST_NAME, "employer": LONGEST_NAME, "headcount_band": 20, "wage_region": 4}

_DAY = re.compile(r"(?P<day>\d{1,2})[/.-](?P<month>\d{1,2})[/.-](?P<year>\d{4})|(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)")
_CODE = re.compile(r"^\w[\w./-]{0,39}$")


def may_lie_under(level: UnitLevel, parent: UnitLevel | None) -> bool:
    """Whether a unit of a level may lie under one of another; no parent: whether it may stand at the top."""
    return level not in NEEDS_PARENT if parent is None else parent in PARENTS[level]


def read_unit_code(text: str) -> str | None:
    """The code of a unit as it is stored (capitals, no spaces); None when it cannot be one."""
    code = text.strip().upper()
    return code if _CODE.match(code) else None


def longest(field: str) -> int:
    """How many letters a fact of a unit may have."""
    return _LIMITS.get(field, LONGEST_FACT)


def role_after(role: Role, is_named_chair: bool) -> Role:
    """What a role becomes where its unit is merged into another: one chair leads there, the others stay officers."""
    return Role.OFFICER if role is Role.CHAIR and not is_named_chair else role


def read_day(text: str) -> date | None:
    """A day as people write it (day first) or as ISO text; None when it is none."""
    match = _DAY.fullmatch(text.strip())
    if match is None:
        return None
    day, month, year = match.group("day", "month", "year") if match["day"] else match.group("d", "m", "y")
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
