"""Who looks after a place, and who decides at a unit: asked by several features, decided in one place."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from db.models import Role, UnitLevel
from db.officers import list_officers
from db.units import list_ancestors, list_open, list_roots
from handlers.access import RIGHTS, Right
from knowledge.normalize import fold

DECIDING_ROLES = tuple(role for role in Role if Right.DECIDE_APPLICATIONS in RIGHTS[role])

_KINDS_OF_PLACES = ("phuong", "xa", "tinh", "tp", "thanh", "pho", "dac", "khu", "thi", "tran")


def list_deciders(session: Session, unit_id: int, now: datetime, today: date, about_id: int | None = None) -> list[int]:
    """The people told of a new matter at a unit: those deciding there, or at the nearest one above with any. Whom the
    matter is about is not among them: nobody decides about themselves."""
    for place in (unit_id, *(unit.unit_id for unit in list_ancestors(session, unit_id, today))):
        found = {grant.person_id for grant in list_officers(session, [place], DECIDING_ROLES, now, today)} - {about_id}
        if found:
            return sorted(found)
    return []


class UpperUnits:
    """The units that look after places on a day, read once."""

    def __init__(self, session: Session, today: date) -> None:
        above = list_open(session, today, (UnitLevel.UPPER, UnitLevel.FEDERATION))
        self._places = [(unit.unit_id, _bare(unit.commune), _bare(unit.province)) for unit in above]
        roots = list_roots(session, today)
        self._topmost = roots[0].unit_id if roots else None

    def find(self, place: str) -> int | None:
        """The upper union of the commune named, else of the province, else the topmost unit; None with an empty
        tree."""
        words = fold(place)
        found, most = self._topmost, 0
        for unit_id, commune, province in self._places:
            weight = 2 * bool(commune and commune in words) + bool(province and province in words)
            if weight > most:
                found, most = unit_id, weight
        return found


def find_upper_unit(session: Session, place: str, today: date) -> int | None:
    """The unit that looks after a place today (`UpperUnits.find`)."""
    return UpperUnits(session, today).find(place)


def _bare(name: str | None) -> str:
    return bare_place(name) if name else ""


def bare_place(name: str) -> str:
    """A place, folded, without the word that says what it is: "Phường Yên Phong" is "yen phong"."""
    words = fold(name).split()
    while len(words) > 1 and words[0] in _KINDS_OF_PLACES:
        words = words[1:]
    return " ".join(words)
