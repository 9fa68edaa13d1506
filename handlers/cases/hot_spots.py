"""Hot spots: that many people of one workplace or one commune complain is told to the upper level, once; of fewer than
k nothing shows anywhere: no row, no line in a log, no other moment at which anything happens.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from db.case_access import CASE_ROLES, Viewer, are_free_for, read_viewer
from db.case_figures import Sighting, find_said, list_sightings, note_said, tell_people_apart
from db.models import DeliveryKind, UnitLevel
from db.officers import list_officers
from db.session import keys_of_session
from db.units import find_period, list_ancestors, list_workplaces
from handlers.actions import ListCases
from handlers.chat import Button, Reply
from handlers.crowds import band_of
from handlers.deciders import UpperUnits, bare_place
from handlers.notify import WITHOUT_DESK, tell_person
from knowledge.texts import t

WINDOW = timedelta(days=30)

_ALL_KINDS_TIMES = 2
"""People who complain of different things make a hot spot when they are so many times the threshold."""

_AT_ONCE = 100
"""Of how many places one transaction tells, so that nobody waits long to write: each is for up to a dozen officers."""

_ABOVE = (UnitLevel.UPPER, UnitLevel.FEDERATION, UnitLevel.CONFEDERATION)


@dataclass(frozen=True)
class Place:
    """A workplace, or a commune with the unit that looks after it."""

    unit_id: int
    commune: str | None = None


@dataclass(frozen=True)
class Spot:
    """A place where many complain: of what (None: of this and that), at least how many, in which cases."""

    place: Place
    name: str
    category: str | None
    at_least: int
    cases: tuple[Sighting, ...]


def watch_spots(session: Session, k: int, now: datetime, today: date, after: int = 0) -> int | None:
    """The daily look, at the same hour whoever wrote when: tells the upper level of every place that reached a band it
    was not told of yet. Looks at some places at a time; returns where to go on, None when all were looked at. With
    nobody fit to be told, the next day tries again."""
    for number, spot in enumerate(_find_spots(session, k, now, today)):
        if number == after + _AT_ONCE:
            return number
        place = spot.place
        if number < after or spot.at_least <= find_said(session, place.unit_id, place.commune, spot.category):
            continue
        if _tell(session, spot, now, today):
            note_said(session, place.unit_id, place.commune, spot.category, spot.at_least, now)
    return None


def _find_spots(session: Session, k: int, now: datetime, today: date) -> Iterator[Spot]:
    """Workplaces first; a commune adds nothing where one of its workplaces says as much already."""
    seen = list_sightings(session, now - WINDOW)
    people = tell_people_apart(session, {one.case_id: one.key_id for one in seen})
    atlas = _Atlas(session, today)
    said: dict[tuple[int, str | None], int] = {}
    for (where, category), cases in _group(seen, atlas).items():
        count = len({people[one.case_id] for one in cases})
        if count < k * (1 if category else _ALL_KINDS_TIMES):
            continue
        at_least = band_of(count, k)
        if isinstance(where, int):
            said[where, category] = at_least
            yield Spot(Place(where), atlas.name_of(where), category, at_least, tuple(cases))
            continue
        place = atlas.find_place(where)
        parts = {one.workplace_unit_id for one in cases if one.workplace_unit_id is not None}
        if place is not None and all(said.get((one, category), 0) < at_least for one in parts):
            yield Spot(place, where.name, category, at_least, tuple(cases))


@dataclass(frozen=True)
class _Commune:
    """A commune of a province, however its name is spelt; ``name`` is how the tree or a worker spells it."""

    bare: str
    province: str
    name: str = field(compare=False)


def _group(seen: Iterable[Sighting], atlas: "_Atlas") -> dict[tuple[int | _Commune, str | None], list[Sighting]]:
    """Cases by workplace and kind, by workplace, and by commune and kind; workplaces come first."""
    workplaces: dict[tuple[int | _Commune, str | None], list[Sighting]] = defaultdict(list)
    communes: dict[tuple[int | _Commune, str | None], list[Sighting]] = defaultdict(list)
    for one in seen:
        if one.workplace_unit_id is not None:
            workplaces[one.workplace_unit_id, one.category].append(one)
            workplaces[one.workplace_unit_id, None].append(one)
        commune = atlas.commune_of(one)
        if commune is not None:
            communes[commune, one.category].append(one)
    return workplaces | communes


class _Atlas:
    """Where cases are. All workplaces are read at once: one by one would take minutes at full size."""

    def __init__(self, session: Session, today: date) -> None:
        self._session, self._today = session, today
        self._workplaces = {one.unit_id: one for one in list_workplaces(session, today)}
        self._upper_units = UpperUnits(session, today)
        self._provinces: dict[str, str] = {}

    def commune_of(self, one: Sighting) -> _Commune | None:
        """The commune a case is in, by its workplace or as the worker said."""
        known = self._workplaces.get(one.workplace_unit_id or 0)
        name = known.commune if known is not None else one.commune
        if not name or not bare_place(name):
            return None
        province = known.province or "" if known is not None else self._province_of(name)
        return _Commune(bare_place(name)[:80], bare_place(province), name)

    def _province_of(self, said: str) -> str:
        if said not in self._provinces:
            unit_id = self._upper_units.find(said)
            period = find_period(self._session, unit_id, self._today) if unit_id is not None else None
            self._provinces[said] = (period.province if period is not None else None) or ""
        return self._provinces[said]

    def find_place(self, commune: _Commune) -> Place | None:
        """The commune with the unit that looks after it; None with an empty tree."""
        unit_id = self._upper_units.find(f"{commune.name} {commune.province}")
        return None if unit_id is None else Place(unit_id, commune.bare)

    def name_of(self, workplace_id: int) -> str:
        """How a workplace is called."""
        known = self._workplaces.get(workplace_id)
        return known.name if known is not None else t("hot_spots.closed_unit")


def _tell(session: Session, spot: Spot, now: datetime, today: date) -> bool:
    """Tell the nearest unit above with anybody whom nothing bars from any of the cases; nobody else."""
    reply = Reply(_say(spot), (Button(t("hot_spots.open"), ListCases()),))
    place = spot.place
    about = f"{place.unit_id}:{place.commune}:{spot.category}:{spot.at_least}:{today.isoformat()}"
    subject = "spot:" + keys_of_session(session).hash("hot_spot", about)
    for unit_id in _list_upper(session, place, today):
        fit = list(_list_fit(session, unit_id, spot, now, today))
        told = [
            tell_person(session, one, reply, subject, now, DeliveryKind.NOTICE, without=WITHOUT_DESK) for one in fit
        ]
        if any(told):
            return True
    return False


def _say(spot: Spot) -> str:
    if spot.category is None:
        return t("hot_spots.alert_all_kinds", place=spot.name, count=spot.at_least, days=WINDOW.days)
    what = t(f"case_words.category_{spot.category}")
    return t("hot_spots.alert", place=spot.name, category=what, count=spot.at_least, days=WINDOW.days)


def _list_upper(session: Session, place: Place, today: date) -> list[int]:
    own = [place.unit_id] if place.commune is not None else []
    above = [one.unit_id for one in list_ancestors(session, place.unit_id, today) if one.level in _ABOVE]
    return [*own, *above]


def _list_fit(session: Session, unit_id: int, spot: Spot, now: datetime, today: date) -> Iterator[int]:
    """The officers of a unit whom no employer in question pays, and who are barred from none of the cases."""
    held = list_officers(session, [unit_id], CASE_ROLES, now, today)
    for person_id in dict.fromkeys(grant.person_id for grant in held):
        viewer: Viewer = read_viewer(session, person_id, now, today)
        is_paid = spot.place.commune is None and spot.place.unit_id in viewer.employers
        if not is_paid and are_free_for(session, viewer, [one.case_id for one in spot.cases]):
            yield person_id
