"""Who at a unit may be the same person: by phone, id number, or a name that is the same but for slips of the hand."""

from rapidfuzz.distance import OSA
from sqlalchemy.orm import Session

from db.models import Person
from db.people import find_alike, list_profiles_at, list_sharing_words, name_words

MOST_OPENED = 3000
"""Names are sealed, so each must be opened to be compared: 3,000 take about a tenth of a second. In a larger unit the
keyed words of the names are asked first, which finds a slip in one word."""

_SLIPS = 2


def find_duplicates(session: Session, person: Person, unit_id: int) -> list[Person]:
    """Others at the unit who may be this person: the surest ones first. Nothing beyond that one unit is looked at."""
    sure = find_alike(session, person, unit_id)
    seen = {person.id, *(other.id for other in sure)}
    near = [number for number in _find_near(session, person, unit_id) if number not in seen]
    return [*sure, *(session.get_one(Person, number) for number in near)]


def _find_near(session: Session, person: Person, unit_id: int) -> list[int]:
    """Whose birthday is the same and whose name nearly is."""
    facts = person.profile or {}
    name, born_on = facts.get("full_name"), facts.get("born_on")
    if not name or not born_on:
        return []
    known = list_profiles_at(session, unit_id, MOST_OPENED + 1)
    if len(known) > MOST_OPENED:
        known = list_sharing_words(session, name, unit_id, MOST_OPENED)
    alike = (
        number
        for number, profile in known
        if profile and profile.get("born_on") == born_on and is_near_name(name, profile.get("full_name") or "")
    )
    return sorted(alike)


def is_near_name(one: str, other: str) -> bool:
    """Whether two names may be one: marks and the order of words aside, at most two letters differ, or one leaves out
    words of the other ("Nguyễn Hoa", "Nguyễn Thị Hoa")."""
    words, others = name_words(one), name_words(other)
    if not words or not others:
        return False
    shorter, longer = sorted((words, others), key=len)
    if len(shorter) > 1 and all(shorter.count(word) <= longer.count(word) for word in shorter):
        return True
    pairs = (("".join(words), "".join(others)), ("".join(sorted(words)), "".join(sorted(others))))
    return any(OSA.distance(left, right, score_cutoff=_SLIPS) <= _SLIPS for left, right in pairs)
