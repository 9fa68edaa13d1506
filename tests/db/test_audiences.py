"""Who a bulletin is for: by unit, role, place, days and wishes; compared with a plain loop over everybody."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.audiences import (
    Audience,
    Size,
    count_people,
    list_outside,
    list_places,
    list_sectors,
    measure,
    select_people,
)
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
from db.news_choices import NEWS, NEWS_VERSION, choose_topic
from db.officers import add_grant
from db.people import add_membership, add_person
from db.session import Database
from db.units import UnitFacts, add_unit
from tests.small_tree import Tree
from tests.tree import NOW, START, TODAY

TOPIC = "welfare"


@pytest.fixture
def tree(database: Database) -> Tree:
    """One federation, an upper union, two workplaces and a team."""
    return Tree.plant(database, START)


def add_reader(session: Session, unit_id: int, since: date = START) -> int:
    """A member who agreed to news; returns the person."""
    person = add_person(session, {"full_name": "Người"}, NOW)
    add_membership(session, person, unit_id, since)
    agree(session, person.id)
    return person.id


def agree(session: Session, person_id: int, version: int = NEWS_VERSION) -> Consent:
    """Agree to news."""
    consent = Consent(person_id=person_id, purpose=NEWS, version=version, given_at=NOW)
    session.add(consent)
    session.flush()
    return consent


def people_of(session: Session, audience: Audience, **more: Any) -> list[int]:
    """Who an audience is, by number."""
    return sorted(row.person_id for row in session.execute(select_people(audience, TOPIC, TODAY, **more)))


def test_a_unit_writes_to_everybody_below_it_but_the_branches_left_out(database: Database, tree: Tree) -> None:
    """Naming a unit names its workplaces and teams; leaving one out leaves out its teams as well."""
    with database.begin() as session:
        sewing, team, shoes = (add_reader(session, unit) for unit in (tree.workplace, tree.team, tree.other_workplace))
        assert people_of(session, Audience(units=(tree.upper,))) == [sewing, team, shoes]
        assert people_of(session, Audience(units=(tree.workplace,))) == [sewing, team]
        assert people_of(session, Audience(units=(tree.root,), without=(tree.workplace,))) == [shoes]
        assert people_of(session, Audience()) == []


def test_a_team_is_where_its_workplace_is(database: Database, tree: Tree) -> None:
    """A team has no sector and no commune of its own."""
    with database.begin() as session:
        session.query(UnitPeriod).filter_by(unit_id=tree.workplace).update({"sector": "may"})
        session.query(UnitPeriod).filter_by(unit_id=tree.other_workplace).update({"commune": "Xã Bên"})
        sewing, team, shoes = (add_reader(session, unit) for unit in (tree.workplace, tree.team, tree.other_workplace))
        everybody = Audience(units=(tree.root,))
        assert people_of(session, replace(everybody, sectors=("may",))) == [sewing, team]
        assert people_of(session, replace(everybody, places=(("Tỉnh Thử", "Phường Thử"),))) == [sewing, team]
        assert people_of(session, replace(everybody, places=(("Tỉnh Thử", ""),))) == [sewing, team, shoes]
        assert people_of(session, replace(everybody, levels=(UnitLevel.TEAM,))) == [team]
        assert list_sectors(session, [tree.root], TODAY) == ["may"]
        assert ("Tỉnh Thử", "Xã Bên") in list_places(session, [tree.root], TODAY)


def test_only_who_agreed_to_news_and_did_not_refuse_the_topic_gets_news(database: Database, tree: Tree) -> None:
    """A consent to older words, a withdrawn one and a refused topic all mean no; refusing another topic does not."""
    with database.begin() as session:
        reader, refuses, refuses_other, withdrew, older = (add_reader(session, tree.workplace) for _ in range(5))
        never = add_person(session, {"full_name": "Chưa đồng ý"}, NOW)
        add_membership(session, never, tree.workplace, START)
        choose_topic(session, refuses, TOPIC, is_wanted=False)
        choose_topic(session, refuses_other, "law", is_wanted=False)
        for consent in session.query(Consent).filter_by(person_id=withdrew):
            consent.withdrawn_at = NOW
        for consent in session.query(Consent).filter_by(person_id=older):
            consent.version = NEWS_VERSION - 1
        everybody = Audience(units=(tree.root,))
        assert people_of(session, everybody) == [reader, refuses_other]
        choose_topic(session, refuses_other, TOPIC, is_wanted=True)
        assert people_of(session, replace(everybody, only_interested=True)) == [refuses_other]


def test_a_task_goes_to_officers_whatever_they_wish_of_news_and_to_nobody_else(database: Database, tree: Tree) -> None:
    """Who serves is told what to do; a task that names no role still reaches no member without one."""
    with database.begin() as session:
        add_reader(session, tree.workplace)
        chair, leader, former = (add_person(session, {"full_name": name}, NOW) for name in ("A", "B", "C"))
        add_grant(session, chair, tree.workplace, Role.CHAIR, START, NOW)
        add_grant(session, leader, tree.team, Role.TEAM_LEADER, START, NOW)
        add_grant(session, former, tree.workplace, Role.CHAIR, START, NOW).ended_at = NOW
        choose_topic(session, chair.id, TOPIC, is_wanted=False)
        everybody = Audience(units=(tree.root,))
        assert people_of(session, everybody, kind=BulletinKind.TASK) == [chair.id, leader.id]
        chairs = replace(everybody, roles=(Role.CHAIR,))
        assert people_of(session, chairs, kind=BulletinKind.TASK) == [chair.id]
        assert people_of(session, chairs) == []


def test_who_moved_did_not_join_anew_and_who_left_and_came_back_did(database: Database, tree: Tree) -> None:
    """Joined means the union, not the workplace."""
    spring = date(2026, 3, 1)
    with database.begin() as session:
        old, new = add_reader(session, tree.workplace), add_reader(session, tree.workplace, spring)
        moved, returned = add_reader(session, tree.workplace), add_reader(session, tree.workplace)
        for person_id, reason in ((moved, EndReason.TRANSFERRED), (returned, EndReason.LEFT)):
            first = session.query(Membership).filter_by(person_id=person_id).one()
            first.until_on, first.end_reason = spring - timedelta(days=30), reason
            add_membership(session, session.get_one(Person, person_id), tree.other_workplace, spring)
        everybody = Audience(units=(tree.root,))
        assert people_of(session, replace(everybody, joined_since=spring)) == [new, returned]
        assert people_of(session, replace(everybody, joined_until=spring - timedelta(days=1))) == [old, moved]


def test_nobody_writes_to_another_tree(database: Database, tree: Tree) -> None:
    """A workplace may name itself and its teams, not its neighbour, not the union above, and no unit that is closed."""
    with database.begin() as session:
        own = [tree.workplace, tree.team]
        assert list_outside(session, own, tree.workplace, TODAY) == []
        foreign = [tree.other_workplace, tree.upper]
        assert list_outside(session, [*own, *foreign], tree.workplace, TODAY) == sorted(foreign)
        session.query(UnitPeriod).filter_by(unit_id=tree.team).update({"effective_to": TODAY - timedelta(days=1)})
        assert list_outside(session, own, tree.workplace, TODAY) == [tree.team]


def test_the_stored_form_is_read_back_as_it_was() -> None:
    """A release binds to it, so nothing may be lost."""
    full = Audience(
        (1, 2), (3,), (UnitLevel.TEAM,), (Role.CHAIR,), ("may",), (("Tỉnh", ""), ("Tỉnh", "Xã")), START, TODAY, True
    )
    assert Audience.from_json(full.to_json()) == full
    assert Audience.from_json(Audience().to_json()) == Audience()


def test_any_audience_is_what_a_plain_loop_over_everybody_finds(database: Database) -> None:
    """Whatever is asked for, by unit or piece by piece along the numbers of people."""
    chance = random.Random(6)
    with database.begin() as session:
        units = _plant(session, chance)
        _populate(session, chance, units)
    with database.read() as session:
        world = _World(session)
        for _ in range(80):
            audience, kind = _draw(chance, units), chance.choice([BulletinKind.NEWS, BulletinKind.TASK])
            expected = world.find(audience, kind)
            found = session.execute(select_people(audience, TOPIC, TODAY, kind)).all()
            assert {row[0]: row[1] for row in found} == expected
            assert len(found) == len(expected) == count_people(session, audience, TOPIC, TODAY, kind)
            pieces = [
                row
                for start in range(0, world.highest, 50)
                for row in session.execute(select_people(audience, TOPIC, TODAY, kind, start, start + 50))
            ]
            assert sorted(pieces) == sorted(found)


def _plant(session: Session, chance: random.Random) -> list[int]:
    root = add_unit(session, "LD", UnitFacts(UnitLevel.FEDERATION, None, "LD", province="A"), START).id
    units = [root]
    for upper_number in range(3):
        upper = add_unit(session, f"U{upper_number}", UnitFacts(UnitLevel.UPPER, root, "U"), START).id
        units.append(upper)
        for number in range(4):
            sector, commune = chance.choice(["may", "giày", None]), chance.choice(["X", "Y", None])
            facts = UnitFacts(
                UnitLevel.WORKPLACE, upper, "W", sector=sector, province=chance.choice("AB"), commune=commune
            )
            place = add_unit(session, f"W{upper_number}{number}", facts, START).id
            team = add_unit(session, f"T{upper_number}{number}", UnitFacts(UnitLevel.TEAM, place, "T"), START).id
            units += [place, team]
    closed = session.query(UnitPeriod).filter_by(unit_id=chance.choice(units[2:])).one()
    closed.effective_to = TODAY - timedelta(days=3)
    return units


def _populate(session: Session, chance: random.Random, units: Sequence[int]) -> None:
    people = [add_person(session, None, NOW) for _ in range(220)]
    for person in people:
        for _ in range(chance.choice([0, 1, 1, 1, 2])):
            member = add_membership(session, person, chance.choice(units), _day(chance))
            if chance.random() < 0.3:
                member.until_on, member.end_reason = _day(chance), chance.choice(list(EndReason))
        if chance.random() < 0.2:
            grant = add_grant(session, person, chance.choice(units), chance.choice(list(Role)), _day(chance), NOW)
            grant.to_on = chance.choice([None, None, _day(chance)])
            grant.ended_at = chance.choice([None, None, NOW])
        if chance.random() < 0.8:
            agree(session, person.id, chance.choice([0, 1, 1, 1])).withdrawn_at = chance.choice([None, None, NOW])
        if chance.random() < 0.4:
            choose_topic(session, person.id, chance.choice([TOPIC, "law"]), chance.random() < 0.5)
    for person in chance.sample(people, 10):
        person.erased_at = NOW
    for other, kept in itertools.pairwise(chance.sample(people, 6)):
        other.merged_into_id = kept.id
    session.flush()


def _day(chance: random.Random) -> date:
    return TODAY - timedelta(days=chance.randrange(-40, 400))


def _draw(chance: random.Random, units: Sequence[int]) -> Audience:
    def some(values: Sequence[Any], odds: float) -> tuple[Any, ...]:
        return tuple(chance.sample(list(values), chance.randint(1, 2))) if chance.random() < odds else ()

    return Audience(
        units=tuple(chance.sample(list(units[:6]), 2)),
        without=some(units, 0.4),
        levels=some(list(UnitLevel), 0.2),
        roles=some(list(Role), 0.3),
        sectors=some(["may", "giày"], 0.2),
        places=some([("A", ""), ("A", "X"), ("B", "Y")], 0.2),
        joined_since=_day(chance) if chance.random() < 0.2 else None,
        joined_until=_day(chance) if chance.random() < 0.2 else None,
        only_interested=chance.random() < 0.2,
    )


class _World:
    """Everything read into lists, and asked by loops."""

    def __init__(self, session: Session) -> None:
        self.periods = {
            one.unit_id: one
            for one in session.query(UnitPeriod)
            if one.effective_from <= TODAY and (one.effective_to is None or one.effective_to >= TODAY)
        }
        self.people = session.query(Person).all()
        self.members = session.query(Membership).all()
        self.grants = session.query(RoleGrant).all()
        self.consents = session.query(Consent).all()
        self.choices = {(one.person_id, one.topic): one.is_wanted for one in session.query(TopicChoice)}
        self.highest = max(person.id for person in self.people)

    def find(self, audience: Audience, kind: BulletinKind) -> dict[int, int]:
        """Each person with the smallest unit by which they were chosen."""
        roles = audience.roles or (tuple(Role) if kind is BulletinKind.TASK else ())
        found = {}
        for person in self.people:
            where = self._grants_of(person.id, roles) if roles else self._memberships_of(person.id)
            at = [unit for unit in where if self._is_at(audience, unit)]
            if at and self._may_get(person, audience, kind) and self._joined(person.id, audience):
                found[person.id] = min(at)
        return found

    def _memberships_of(self, person_id: int) -> list[int]:
        mine = [one for one in self.members if one.person_id == person_id and one.since_on <= TODAY]
        return [one.unit_id for one in mine if one.until_on is None or one.until_on >= TODAY]

    def _grants_of(self, person_id: int, roles: Sequence[Role]) -> list[int]:
        mine = [one for one in self.grants if one.person_id == person_id and one.role in roles]
        now = [one for one in mine if one.from_on <= TODAY and (one.to_on is None or one.to_on >= TODAY)]
        return [one.unit_id for one in now if one.ended_at is None]

    def _is_at(self, audience: Audience, unit_id: int) -> bool:
        period, way = self.periods.get(unit_id), self._way_up(unit_id)
        if period is None or not set(way) & set(audience.units) or set(way) & set(audience.without):
            return False
        above = self.periods.get(period.parent_id or 0) if period.level is UnitLevel.TEAM else None
        sector = period.sector or (above.sector if above else None)
        province = period.province or (above.province if above else None)
        commune = period.commune or (above.commune if above else None)
        is_there = any(one == province and other in ("", commune) for one, other in audience.places)
        return (
            (not audience.levels or period.level in audience.levels)
            and (not audience.sectors or sector in audience.sectors)
            and (not audience.places or is_there)
        )

    def _way_up(self, unit_id: int) -> list[int]:
        """A unit and those above it, up to one that is closed."""
        way: list[int] = []
        place: int | None = unit_id
        while place is not None and place in self.periods:
            way.append(place)
            place = self.periods[place].parent_id
        return way

    def _may_get(self, person: Person, audience: Audience, kind: BulletinKind) -> bool:
        if person.erased_at is not None or person.merged_into_id is not None:
            return False
        choice = self.choices.get((person.id, TOPIC))
        if audience.only_interested and choice is not True:
            return False
        mine = [one for one in self.consents if one.person_id == person.id and one.withdrawn_at is None]
        agreed = any(one.purpose == NEWS and one.version >= NEWS_VERSION for one in mine)
        return kind is BulletinKind.TASK or (agreed and choice is not False)

    def _joined(self, person_id: int, audience: Audience) -> bool:
        broken = (EndReason.LEFT, EndReason.UNIT_CLOSED, EndReason.ERASED)
        days = [one.since_on for one in self.members if one.person_id == person_id and one.end_reason not in broken]
        if audience.joined_since is not None and (not days or min(days) < audience.joined_since):
            return False
        return audience.joined_until is None or (bool(days) and min(days) <= audience.joined_until)


def test_a_large_audience_is_estimated_from_some_of_it(
    database: Database, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Close to what counting finds; drawing everybody finds exactly that."""
    monkeypatch.setattr("db.audiences._COUNTED", 100)
    with database.begin() as session:
        readers = [add_reader(session, tree.workplace) for _ in range(300)]
        for person_id in readers[::3]:
            choose_topic(session, person_id, TOPIC, is_wanted=False)
        everybody = Audience(units=(tree.root,))
        assert measure(session, everybody, TOPIC, TODAY) == Size(200, is_exact=False)
        monkeypatch.setattr("db.audiences._DRAWN", 200)
        assert abs(measure(session, everybody, TOPIC, TODAY).count - 200) < 40
        monkeypatch.setattr("db.audiences._COUNTED", 300)
        assert measure(session, everybody, TOPIC, TODAY) == Size(200, is_exact=True)
