"""Finds units of any level by what officers type: a code, or words of a name."""

from datetime import date

from sqlalchemy.orm import Session

from db.models import UnitLevel, UnitPeriod
from db.units import find_period, find_unit, list_open
from handlers.workplaces import Finder
from knowledge.normalize import fold

_NAMED = (UnitLevel.CONFEDERATION, UnitLevel.FEDERATION, UnitLevel.UPPER, UnitLevel.TEAM)
"""Levels whose names are compared word by word; the finder knows the others, by how people speak of them."""


def search_units(session: Session, finder: Finder, typed: str, today: date) -> list[UnitPeriod]:
    """The open units that a typed text may mean, the likeliest first; who may see which is for the caller to say."""
    unit = find_unit(session, typed.strip().upper())
    period = find_period(session, unit.id, today) if unit else None
    if period is not None:
        return [period]
    words = set(fold(typed).split())
    named = [one for one in list_open(session, today, _NAMED) if words <= set(fold(one.name).split())]
    places = finder.find(session, typed, today).candidates
    return [*filter(None, (find_period(session, one.unit_id, today) for one in places)), *named]
