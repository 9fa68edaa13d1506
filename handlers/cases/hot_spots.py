"""Hot spots: that many people of one workplace or one commune complain is told to the upper level, once; of fewer than k
nothing shows anywhere: no row, no line in a log, no other moment at which anything happens.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from db.case_figures import Sighting, find_said, list_sightings, note_said, tell_people_apart
from db.cases import CASE_ROLES, Viewer, are_free_for, read_viewer
from db.models import DeliveryKind, UnitLevel, UnitPeriod
from db.officers import list_officers
from db.session import keys_of_session
from db.units import find_period, list_ancestors
from handlers.actions import ListCases
from handlers.chat import Button, Reply
from handlers.crowds import band_of
from handlers.deciders import bare_place, find_upper_unit
from handlers.notify import WITHOUT_DESK, tell_person
from knowledge.texts import t

WINDOW = timedelta(days=30)

_ALL_KINDS_TIMES = 2
"""People who complain of different things make a hot spot when they are so many times the threshold."""

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


def watch_spots(session: Session, k: int, now: datetime, today: date) -> None:
    """The daily look, at the same hour whoever wrote when: tells the upper level of every place that reached a band it
    was not told of yet. With nobody fit to be told, the next day tries again."""
    for spot in list(_find_spots(session, k, now, today)):
        said = find_said(session, spot.place.unit_id, spot.place.commune, spot.category)
        if spot.at_least > said and _tell(session, spot, now, today):
            place = spot.place
            note_said(session, place.unit_id, place.commune, spot.category, spot.at_least, now)


def _find_spots(session: Session, k: int, now: datetime, today: date) -> Iterator[Spot]:
    """Workplaces first; a commune adds nothing where one of its workplaces says as much already."""
    seen = list_sightings(session, now - WINDOW)
    people = tell_people_apart(session, {one.case_id: one.key_id for one in seen})
    atlas = _Atlas(session, today)
    workplaces: dict[tuple[Place, str | None], list[Sighting]] = defaultdict(list)
    communes: dict[tuple[Place, str | None], list[Sighting]] = defaultdict(list)
    for one in seen:
        if one.workplace_unit_id is not None:
            workplaces[Place(one.workplace_unit_id), one.category].append(one)
            workplaces[Place(one.workplace_unit_id), None].append(one)
        commune = atlas.commune_of(one)
        if commune is not None:
            communes[commune, one.category].append(one)
    said: dict[tuple[Place, str | None], int] = {}
    for (place, category), cases in (*workplaces.items(), *communes.items()):
        count = len({people[one.case_id] for one in cases})
        if count < k * (1 if category else _ALL_KINDS_TIMES):
            continue
        at_least = band_of(count, k)
        is_said = any(said.get((one, category), 0) >= at_least for one in _parts(place, cases))
        said[place, category] = at_least
        if not is_said:
            yield Spot(place, atlas.name_of(place), category, at_least, tuple(cases))


def _parts(place: Place, cases: Iterable[Sighting]) -> set[Place]:
    """The workplaces a commune's cases are about; a workplace has no parts."""
    if place.commune is None:
        return set()
    return {Place(one.workplace_unit_id) for one in cases if one.workplace_unit_id is not None}


class _Atlas:
    """Where cases are: their communes, each with the unit that looks after it."""

    def __init__(self, session: Session, today: date) -> None:
        self._session, self._today = session, today
        self._periods: dict[int, UnitPeriod | None] = {}
        self._units: dict[str, int | None] = {}
        self._names: dict[Place, str] = {}

    def commune_of(self, one: Sighting) -> Place | None:
        """The commune a case is in, by its workplace or as the worker said."""
        period = self._find(one.workplace_unit_id) if one.workplace_unit_id is not None else None
        said = period.commune if period is not None else one.commune
        if not said or not bare_place(said):
            return None
        where = f"{said} {period.province or ''}" if period is not None else said
        if where not in self._units:
            self._units[where] = find_upper_unit(self._session, where, self._today)
        unit_id = self._units[where]
        if unit_id is None:
            return None
        place = Place(unit_id, bare_place(said)[:80])
        self._names[place] = min(self._names.get(place, said), said, key=len)
        return place

    def name_of(self, place: Place) -> str:
        """How a place is called."""
        if place.commune is not None:
            return self._names[place]
        period = self._find(place.unit_id)
        return period.name if period is not None else t("hot_spots.closed_unit")

    def _find(self, unit_id: int) -> UnitPeriod | None:
        if unit_id not in self._periods:
            self._periods[unit_id] = find_period(self._session, unit_id, self._today)
        return self._periods[unit_id]


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
