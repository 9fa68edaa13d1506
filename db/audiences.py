"""Statements on who a bulletin is for: the people of some units, with a unit by which each was chosen."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from db.models import (
    BulletinKind,
    Consent,
    EndReason,
    Membership,
    Person,
    Role,
    RoleGrant,
    TopicChoice,
    UnitLevel,
    UnitPeriod,
)
from db.news_choices import NEWS, NEWS_VERSION
from db.people import runs_on
from db.units import holds_on, select_subtree

_WENT_ON = (EndReason.TRANSFERRED, EndReason.REORGANISED, EndReason.MERGED)
"""How a membership ends that goes on elsewhere: whoever moves did not join anew."""

_COUNTED = 30_000
_DRAWN = 10_000
"""Up to so many people are counted; of more, so many are drawn. Either takes less than half a second."""


@dataclass(frozen=True)
class Audience:
    """Who should get a bulletin: members at the units named and below them, less those at or below the ones that
    ``without`` names; with ``roles``, the officers who hold one of these there instead. Each further field, where it
    is not empty, must hold as well. Level, sector and place are those of the unit, a team being where its workplace
    is; a place is a province with a commune, or with "" for all of it. Naming no unit means nobody."""

    units: tuple[int, ...] = ()
    without: tuple[int, ...] = ()
    levels: tuple[UnitLevel, ...] = ()
    roles: tuple[Role, ...] = ()
    sectors: tuple[str, ...] = ()
    places: tuple[tuple[str, str], ...] = ()
    joined_since: date | None = None
    joined_until: date | None = None
    only_interested: bool = False

    def to_json(self) -> dict[str, Any]:
        """As it is stored, and as a release binds to it."""
        return {
            "units": list(self.units),
            "without": list(self.without),
            "levels": [one.value for one in self.levels],
            "roles": [one.value for one in self.roles],
            "sectors": list(self.sectors),
            "places": [list(one) for one in self.places],
            "joined_since": self.joined_since.isoformat() if self.joined_since else None,
            "joined_until": self.joined_until.isoformat() if self.joined_until else None,
            "only_interested": self.only_interested,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Audience":
        """Read what `to_json` wrote."""
        since, until = stored.get("joined_since"), stored.get("joined_until")
        return cls(
            units=tuple(stored.get("units", ())),
            without=tuple(stored.get("without", ())),
            levels=tuple(UnitLevel(one) for one in stored.get("levels", ())),
            roles=tuple(Role(one) for one in stored.get("roles", ())),
            sectors=tuple(stored.get("sectors", ())),
            places=tuple((province, commune) for province, commune in stored.get("places", ())),
            joined_since=date.fromisoformat(since) if since else None,
            joined_until=date.fromisoformat(until) if until else None,
            only_interested=bool(stored.get("only_interested", False)),
        )


def select_people(
    audience: Audience,
    topic: str,
    on: date,
    kind: BulletinKind = BulletinKind.NEWS,
    above: int | None = None,
    to: int | None = None,
    drawn: Sequence[int] | None = None,
) -> Select[int, int]:
    """A query for the people of an audience, each once: ``person_id`` and ``unit_id``. Nobody gets news who has not
    agreed to news, or who refused the topic; a task needs neither, but goes to officers only.

    With ``above`` and ``to`` it is for the people numbered above the one and up to the other, and is looked up by
    their numbers, not by units: that is the way through a large audience in pieces. ``drawn`` asks only about people
    of these numbers.
    """
    roles = audience.roles or (tuple(Role) if kind is BulletinKind.TASK else ())
    source: type[Membership] | type[RoleGrant] = RoleGrant if roles else Membership
    whose, where = source.person_id, source.unit_id
    found = select(whose.label("person_id"), func.min(where).label("unit_id")).join(Person, Person.id == whose)
    found = found.where(Person.erased_at.is_(None), Person.merged_into_id.is_(None))
    found = found.where(_serves(roles, on) if roles else runs_on(on))
    found = found.where(*_numbered(whose, where, _select_units(audience, on), above, to, drawn))
    found = found.where(*_joined(audience, whose))
    if kind is not BulletinKind.TASK:
        found = found.where(_agreed(whose), ~_chose(whose, topic, is_wanted=False))
    if audience.only_interested:
        found = found.where(_chose(whose, topic, is_wanted=True))
    return found.group_by(whose)


def count_people(
    session: Session, audience: Audience, topic: str, on: date, kind: BulletinKind = BulletinKind.NEWS
) -> int:
    """How many people that is."""
    people = select_people(audience, topic, on, kind).subquery()
    return session.scalar(select(func.count()).select_from(people)) or 0


@dataclass(frozen=True)
class Size:
    """How many people an audience is; of a very large one that is worked out from some of them."""

    count: int
    is_exact: bool


def measure(session: Session, audience: Audience, topic: str, on: date, kind: BulletinKind = BulletinKind.NEWS) -> Size:
    """How many people that is, told at once whatever the size: counting hundreds of thousands takes seconds, in which
    nobody else could write on SQLite. A large audience is estimated from so many people drawn by their numbers, the
    same ones each time; one time in twenty the figure is off by more than one per cent of everybody."""
    is_large = False
    if not audience.roles and kind is not BulletinKind.TASK:
        at = (Membership.unit_id.in_(_select_units(audience, on)), runs_on(on))
        some = select(Membership.unit_id).where(*at).limit(_COUNTED + 1).subquery()
        is_large = (session.scalar(select(func.count()).select_from(some)) or 0) > _COUNTED
    if not is_large:
        return Size(count_people(session, audience, topic, on, kind), is_exact=True)
    highest = session.scalar(select(func.max(Person.id))) or 0
    drawn = random.Random(highest).sample(range(1, highest + 1), min(_DRAWN, highest))  # noqa: S311  # no secret
    people = select_people(audience, topic, on, kind, drawn=drawn).subquery()
    found = session.scalar(select(func.count()).select_from(people)) or 0
    return Size(round(found * highest / len(drawn)), is_exact=False)


def list_outside(session: Session, units: Iterable[int], unit_id: int, on: date) -> list[int]:
    """Which of some units are, on a day, neither a unit nor open below it: nobody writes to somebody else's tree."""
    tree = set(session.scalars(select_subtree([unit_id], on)))
    return sorted(set(units) - tree)


def list_sectors(session: Session, units: Iterable[int], on: date) -> list[str]:
    """The sectors of the employers at some units and below them."""
    below = UnitPeriod.unit_id.in_(select_subtree(units, on, "audience_units"))
    found = select(UnitPeriod.sector).where(below, holds_on(on), UnitPeriod.sector.is_not(None))
    return [sector for sector in session.scalars(found.distinct().order_by(UnitPeriod.sector)) if sector]


def list_places(session: Session, units: Iterable[int], on: date) -> list[tuple[str, str]]:
    """The places of some units and of those below them: province and commune, "" where only the province is known."""
    below = UnitPeriod.unit_id.in_(select_subtree(units, on, "audience_units"))
    columns = (UnitPeriod.province, UnitPeriod.commune)
    found = select(*columns).where(below, holds_on(on), UnitPeriod.province.is_not(None)).distinct()
    return sorted((province, commune or "") for province, commune in session.execute(found) if province)


def _serves(roles: tuple[Role, ...], on: date) -> ColumnElement[bool]:
    return and_(
        RoleGrant.role.in_(roles),
        RoleGrant.ended_at.is_(None),
        RoleGrant.from_on <= on,
        or_(RoleGrant.to_on.is_(None), RoleGrant.to_on >= on),
    )


def _select_units(audience: Audience, on: date) -> Select[int]:
    """The units at which an audience is."""
    units = select_subtree(audience.units, on, "audience_units")
    if not (audience.without or audience.levels or audience.sectors or audience.places):
        return units
    above = aliased(UnitPeriod)
    is_above = and_(
        UnitPeriod.level == UnitLevel.TEAM,
        above.unit_id == UnitPeriod.parent_id,
        above.effective_from <= on,
        or_(above.effective_to.is_(None), above.effective_to >= on),
    )
    found = select(UnitPeriod.unit_id).outerjoin(above, is_above)
    found = found.where(holds_on(on), UnitPeriod.unit_id.in_(units))
    if audience.without:
        found = found.where(UnitPeriod.unit_id.not_in(select_subtree(audience.without, on, "audience_without")))
    if audience.levels:
        found = found.where(UnitPeriod.level.in_(audience.levels))
    if audience.sectors:
        found = found.where(func.coalesce(UnitPeriod.sector, above.sector).in_(audience.sectors))
    if audience.places:
        province = func.coalesce(UnitPeriod.province, above.province)
        commune = func.coalesce(UnitPeriod.commune, above.commune)
        named = [and_(province == one, *([commune == other] if other else [])) for one, other in audience.places]
        found = found.where(or_(*named))
    return found


def _numbered(
    whose: InstrumentedAttribute[int],
    where: InstrumentedAttribute[int],
    units: Select[int],
    above: int | None,
    to: int | None,
    drawn: Sequence[int] | None,
) -> list[ColumnElement[bool]]:
    """The condition on units, and on numbers. With numbers the sum keeps both databases from going through everybody
    at these units for each piece."""
    if above is None and to is None and drawn is None:
        return [where.in_(units)]
    conditions: list[ColumnElement[bool]] = [(where + 0).in_(units)]
    if drawn is not None:
        conditions.append(whose.in_(drawn))
    if above is not None:
        conditions.append(whose > above)
    if to is not None:
        conditions.append(whose <= to)
    return conditions


def _joined(audience: Audience, whose: InstrumentedAttribute[int]) -> list[ColumnElement[bool]]:
    """The days on which somebody joined the union: those of memberships that were not left again."""
    one = aliased(Membership)
    counts = and_(one.person_id == whose, or_(one.end_reason.is_(None), one.end_reason.in_(_WENT_ON)))
    conditions: list[ColumnElement[bool]] = []
    if audience.joined_since is not None:
        conditions += [exists().where(counts), ~exists().where(counts, one.since_on < audience.joined_since)]
    if audience.joined_until is not None:
        conditions.append(exists().where(counts, one.since_on <= audience.joined_until))
    return conditions


def _agreed(whose: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    return exists().where(
        Consent.person_id == whose,
        Consent.purpose == NEWS,
        Consent.version >= NEWS_VERSION,
        Consent.withdrawn_at.is_(None),
    )


def _chose(whose: InstrumentedAttribute[int], topic: str, is_wanted: bool) -> ColumnElement[bool]:
    return exists().where(
        TopicChoice.person_id == whose, TopicChoice.topic == topic, TopicChoice.is_wanted.is_(is_wanted)
    )
