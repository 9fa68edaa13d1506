"""Who may give which role, how long a code holds, and how often one may guess."""

import re
from datetime import date, timedelta

from db.models import Role, UnitLevel

CODE_LIFETIME = timedelta(hours=24)
TRIES = 5
TRY_WINDOW = timedelta(hours=1)
"""Five tries an hour against 40 random bits: a thousand accounts guessing for a year find a given code with a chance
of one in twenty-five thousand, and a code lives a day."""

OTP_TRIES = 5
OTP_WINDOW = timedelta(minutes=15)

ENROL_WITHIN = timedelta(minutes=30)
"""A second factor is first set up soon after a confirmed sign-in only: later, whoever holds a stolen session could."""

GRANTABLE: dict[Role, frozenset[Role]] = {
    Role.ADMINISTRATOR: frozenset(Role),
    Role.CHAIR: frozenset({Role.TEAM_LEADER, Role.OFFICER, Role.DEPUTY_CHAIR, Role.BULLETIN_EDITOR, Role.CHAIR}),
}
"""Which roles the holder of a role may give. A chair gives a unit its work, an administrator also trust over data."""

_AT_WORK = frozenset({Role.OFFICER, Role.DEPUTY_CHAIR, Role.CHAIR, Role.BULLETIN_EDITOR, Role.APPROVER})

_ROLES_AT: dict[UnitLevel, frozenset[Role]] = {
    UnitLevel.TEAM: frozenset({Role.TEAM_LEADER}),
    UnitLevel.WORKPLACE: _AT_WORK,
    UnitLevel.TRADE: _AT_WORK,
}

PAID_BY_EMPLOYER_AT = (UnitLevel.WORKPLACE, UnitLevel.TEAM)
"""Levels whose officers are as a rule on the employer's payroll, so that it is asked."""


def roles_to_give(held: set[Role], level: UnitLevel) -> list[Role]:
    """The roles that somebody holding these may give at a unit of a level, in the order of the closed list."""
    fitting = _ROLES_AT.get(level, frozenset(Role) - {Role.TEAM_LEADER})
    return [role for role in Role if role in grantable(held) and role in fitting]


def grantable(held: set[Role]) -> frozenset[Role]:
    """The roles that somebody holding these may give, and so also end."""
    return frozenset[Role]().union(*(GRANTABLE.get(role, frozenset()) for role in held))


_DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")


def read_last_day(text: str, today: date) -> date | None:
    """The last day of a role as people write it, today or later; None when it is none."""
    match = _DAY.fullmatch(text.strip())
    try:
        last_day = date(int(match[3]), int(match[2]), int(match[1])) if match else None
    except ValueError:
        return None
    return last_day if last_day is not None and last_day >= today else None
