"""Whatever the tree, its reorganisations and the roles: nobody sees beyond their reach, nobody is lost, the past stays.

A plain model in Python reads the raw rows and says what each officer may see; the statements must agree with it. Each
example is one transaction that is rolled back.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import (
    Application,
    ApplicationState,
    EndReason,
    Membership,
    Person,
    Role,
    RoleGrant,
    UnitLevel,
    UnitPeriod,
)
from db.officers import add_grant, end_grant, list_grants
from db.people import add_membership, add_person, end_membership, list_members, search_members
from db.session import Database
from db.units import UnitFacts, add_unit
from handlers.access import REACHES_DOWN, RIGHTS, Actor, Right, may, select_reach
from handlers.errors import UserError
from handlers.organisation.decisions import Change, Close, Create, Decision, Merge, Move, NewUnit, Part, Split
from handlers.organisation.rules import PARENTS
from handlers.organisation.service import carry_on, decide, where_was

START = date(2025, 1, 1)
TODAY = date(2025, 6, 1)
LEVELS = (UnitLevel.FEDERATION, UnitLevel.UPPER, UnitLevel.WORKPLACE, UnitLevel.TRADE, UnitLevel.TEAM)
ENDS = {EndReason.LEFT, EndReason.UNIT_CLOSED}

Numbers = tuple[int, int, int, int]
Step = tuple[Callable[["World", Numbers], None], Numbers]


@dataclass
class Plain:
    """The raw rows, and what follows from them without any SQL."""

    periods: list[UnitPeriod]
    grants: list[RoleGrant]
    memberships: list[Membership]

    @classmethod
    def read(cls, session: Session) -> "Plain":
        """All rows as they are now."""
        session.flush()
        session.expire_all()
        return cls(
            list(session.scalars(select(UnitPeriod))),
            list(session.scalars(select(RoleGrant))),
            list(session.scalars(select(Membership).order_by(Membership.since_on, Membership.id))),
        )

    def period(self, unit_id: int, on: date) -> UnitPeriod | None:
        found = [
            one
            for one in self.periods
            if one.unit_id == unit_id
            and one.effective_from <= on
            and (one.effective_to is None or one.effective_to >= on)
        ]
        assert len(found) <= 1, "two periods of one unit cover a day"
        return found[0] if found else None

    def path(self, unit_id: int, on: date) -> tuple[str, ...]:
        """Names from the unit up to the top; the tree has no ring."""
        names: list[str] = []
        seen: set[int] = set()
        place: int | None = unit_id
        while place is not None and (period := self.period(place, on)) is not None:
            assert place not in seen, "a ring"
            seen.add(place)
            names.append(period.name)
            place = period.parent_id
        assert place is None or not names, "a unit hangs under one that is not open"
        return tuple(names)

    def above(self, unit_id: int, on: date) -> set[int]:
        found = set()
        period = self.period(unit_id, on)
        while period is not None and period.parent_id is not None:
            found.add(period.parent_id)
            period = self.period(period.parent_id, on)
        return found

    def unit_ids(self) -> set[int]:
        return {one.unit_id for one in self.periods}

    def held(self, person_id: int, now: datetime, today: date) -> list[RoleGrant]:
        return [
            one
            for one in self.grants
            if one.person_id == person_id
            and one.from_on <= today
            and (one.to_on is None or one.to_on >= today)
            and (one.ended_at is None or one.ended_at > now)
        ]

    def reach(self, person_id: int, right: Right, now: datetime, today: date) -> set[int]:
        given = [one for one in self.held(person_id, now, today) if right in RIGHTS[one.role]]
        reached = set()
        for unit_id in self.unit_ids():
            if self.period(unit_id, today) is None:
                continue
            above = self.above(unit_id, today)
            for grant in given:
                if grant.unit_id == unit_id or (grant.role in REACHES_DOWN and grant.unit_id in above):
                    reached.add(unit_id)
        return reached


@dataclass
class World:
    """A union that lives through a few steps."""

    session: Session
    today: date = TODAY
    units: list[int] = field(default_factory=list)
    people: list[int] = field(default_factory=list)
    past: dict[tuple[int, date], tuple[str, ...]] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return datetime.combine(self.today, time(3), tzinfo=UTC)

    def add_unit(self, numbers: Numbers) -> None:
        """A unit of any level that fits under an open one; the first one stands at the top."""
        level = LEVELS[numbers[0] % len(LEVELS)]
        plain = Plain.read(self.session)
        fitting = [one for one in plain.periods if one.effective_to is None and one.level in PARENTS[level]]
        parent = fitting[numbers[1] % len(fitting)].unit_id if fitting else None
        if parent is None and level is UnitLevel.TEAM:
            level = UnitLevel.WORKPLACE
        code = f"U{len(self.units)}"
        facts = UnitFacts(level, parent, code, commune=f"Xã {numbers[2] % 2}")
        since = max([START, *(one.effective_from for one in plain.periods if one.unit_id == parent)])
        self.units.append(add_unit(self.session, code, facts, since).id)

    def add_member(self, numbers: Numbers) -> None:
        unit_id = self._unit(numbers[0])
        period = next((one for one in Plain.read(self.session).periods if one.unit_id == unit_id), None)
        if Plain.read(self.session).period(unit_id, self.today) is None or period is None:
            return
        person = add_person(self.session, {"full_name": f"Chung Số{len(self.people)}"}, self.now)
        first = max(period.effective_from, self.today - timedelta(days=numbers[1] % 90))
        add_membership(self.session, person, unit_id, first)
        self.people.append(person.id)

    def leave(self, numbers: Numbers) -> None:
        """A member leaves yesterday."""
        yesterday = self.today - timedelta(days=1)
        running = [one for one in Plain.read(self.session).memberships if one.until_on is None]
        running = [one for one in running if one.since_on <= yesterday]
        if running:
            end_membership(self.session, running[numbers[0] % len(running)], yesterday, EndReason.LEFT)

    def give_role(self, numbers: Numbers) -> None:
        unit_id, role = self._unit(numbers[0]), list(Role)[numbers[1] % len(Role)]
        if Plain.read(self.session).period(unit_id, self.today) is None:
            return
        if numbers[2] % 3 or not self.people:
            person = add_person(self.session, {"full_name": f"Cán bộ {len(self.people)}"}, self.now)
            self.people.append(person.id)
        else:
            person = self.session.get_one(Person, self.people[numbers[2] % len(self.people)])
        to_on = self.today + timedelta(days=numbers[3] % 5) if numbers[3] % 2 else None
        paid_by = unit_id if numbers[3] % 3 == 0 else None
        add_grant(self.session, person, unit_id, role, self.today, self.now, to_on, paid_by)

    def end_role(self, numbers: Numbers) -> None:
        held = [one for one in Plain.read(self.session).grants if one.ended_at is None]
        if held:
            end_grant(held[numbers[0] % len(held)], self.now, None)

    def apply(self, numbers: Numbers) -> None:
        """Somebody applies to join."""
        unit_id = self._unit(numbers[0])
        if Plain.read(self.session).period(unit_id, self.today) is None:
            return
        person = add_person(self.session, {"full_name": "Đơn"}, self.now)
        code = f"{len(self.people):03d}-{numbers[1]:04d}"[:16]
        self.people.append(person.id)
        self.session.add(
            Application(
                code=f"{code}{len(self.people)}"[:16],
                person_id=person.id,
                unit_id=unit_id,
                state=ApplicationState.SUBMITTED,
                submitted_at=self.now,
                changed_at=self.now,
            )
        )
        self.session.flush()

    def pass_days(self, numbers: Numbers) -> None:
        """Days go by, and the clock carries out what falls due."""
        for _ in range(1 + numbers[0] % 3):
            self.today += timedelta(days=1)
            while carry_on(self.session, self.now, self.today, limit=2):
                pass

    def rename(self, numbers: Numbers) -> None:
        self._decide(Change(self._unit(numbers[0]), {"name": f"Tên {numbers[1]}"}), numbers)

    def move(self, numbers: Numbers) -> None:
        self._decide(Move(self._unit(numbers[0]), self._unit(numbers[1])), numbers)

    def close(self, numbers: Numbers) -> None:
        self._decide(Close(self._unit(numbers[0])), numbers)

    def create(self, numbers: Numbers) -> None:
        self._decide(Create(self._new(numbers[0], numbers[1])), numbers)

    def merge(self, numbers: Numbers) -> None:
        into = self._unit(numbers[1]) if numbers[2] % 2 else self._new(numbers[0], numbers[0])
        chair = self.people[numbers[2] % len(self.people)] if self.people and numbers[2] % 3 == 0 else None
        self._decide(Merge((self._unit(numbers[0]),), into, chair), numbers)

    def split(self, numbers: Numbers) -> None:
        unit_id = self._unit(numbers[0])
        here = [one for one in Plain.read(self.session).memberships if one.unit_id == unit_id and one.until_on is None]
        people = tuple({one.person_id for one in here[: numbers[1] % 3]})
        part = Part(self._new(numbers[0], numbers[0]), communes=(f"Xã {numbers[2] % 2}",), person_ids=people)
        rest = unit_id if numbers[2] % 2 else self._unit(numbers[1])
        self._decide(Split(unit_id, (part,), rest), numbers)

    def _new(self, like: int, under: int) -> NewUnit:
        """A unit of the level of one, beside another."""
        plain = Plain.read(self.session)
        model, beside = plain.period(self._unit(like), self.today), plain.period(self._unit(under), self.today)
        level = model.level if model else UnitLevel.WORKPLACE
        return NewUnit(f"N{len(plain.periods)}-{like % 7}", "Mới", level, beside.parent_id if beside else None)

    def _unit(self, number: int) -> int:
        self.units = sorted(Plain.read(self.session).unit_ids())
        return self.units[number % len(self.units)]

    def _decide(self, decision: Decision, numbers: Numbers) -> None:
        """A decision for a past day, today or a coming one; one that cannot be done is refused and changes nothing."""
        on = self.today + timedelta(days=numbers[3] % 12 - 8)
        before = {day: self._paths(day) for day in (START, on - timedelta(days=40), on - timedelta(days=1))}
        try:
            with self.session.begin_nested():
                row = decide(self.session, None, decision, on, None, self.now, self.today)
        except UserError:
            return
        while on <= self.today and row.applied_at is None and carry_on(self.session, self.now, self.today, limit=2):
            self.session.refresh(row)
        for day, paths in before.items():
            after = self._paths(day)
            assert {unit_id: after.get(unit_id, ()) for unit_id in paths} == paths, "the past was changed"

    def _paths(self, on: date) -> dict[int, tuple[str, ...]]:
        plain = Plain.read(self.session)
        return {unit_id: plain.path(unit_id, on) for unit_id in plain.unit_ids()}


STEPS: tuple[Callable[[World, Numbers], None], ...] = (
    World.add_member,
    World.give_role,
    World.merge,
    World.split,
    World.move,
    World.close,
    World.pass_days,
    World.leave,
    World.end_role,
    World.apply,
    World.rename,
    World.create,
    World.add_unit,
)

number = st.integers(0, 60)
some_numbers = st.tuples(number, number, number, number)
lives = st.tuples(
    st.lists(some_numbers, min_size=2, max_size=9),
    st.lists(st.tuples(st.sampled_from(STEPS), some_numbers), min_size=1, max_size=14),
)


def check_reach(world: World, plain: Plain) -> None:
    """Every statement agrees with the plain model on what each officer may see."""
    session, now, today = world.session, world.now, world.today
    running = [
        one for one in plain.memberships if one.since_on <= today and (one.until_on is None or one.until_on >= today)
    ]
    for person_id in {one.person_id for one in plain.grants}:
        actor = Actor(person_id, tuple(list_grants(session, person_id, now, today)))
        for right in (Right.FIND_MEMBERS, Right.EXPORT_MEMBERS, Right.MANAGE_UNITS):
            reach = plain.reach(person_id, right, now, today)
            assert set(session.scalars(select_reach(actor, right, today))) == reach
            assert {unit_id for unit_id in plain.unit_ids() if may(session, actor, right, unit_id, today)} == reach
        check_what_is_seen(session, actor, plain.reach(person_id, Right.FIND_MEMBERS, now, today), running, today)
    for unit_id in plain.unit_ids():  # and whoever might be given a role anywhere
        grant = RoleGrant(person_id=0, unit_id=unit_id, role=Role.OFFICER)
        reach = {
            other
            for other in plain.unit_ids()
            if plain.period(other, today) and unit_id in {other, *plain.above(other, today)}
        }
        check_what_is_seen(session, Actor(0, (grant,)), reach, running, today)


def check_what_is_seen(session: Session, actor: Actor, reach: set[int], running: list[Membership], today: date) -> None:
    """Searching by name and going through the list show the members within reach, all of them and nobody else."""
    visible = {one.person_id for one in running if one.unit_id in reach}
    seen = select_reach(actor, Right.FIND_MEMBERS, today)
    assert {person.id for person in search_members(session, "chung", seen, 1000)} == visible
    listed = list_members(session, seen, 1000)
    assert {one.person.id for one in listed} == visible
    assert {one.unit_id for one in listed} <= reach


def check_nobody_is_lost(world: World, plain: Plain) -> None:
    """Every member is at a unit that is open, or was told why not; spells follow one another without a gap."""
    by_person: dict[int, list[Membership]] = {}
    for one in plain.memberships:
        if one.until_on is None or one.until_on >= one.since_on:
            by_person.setdefault(one.person_id, []).append(one)
    for one in plain.memberships:  # who joined a unit that had been closed by then has a spell of no day, with a reason
        assert one.person_id in by_person or one.end_reason in ENDS
    for spells in by_person.values():
        last = spells[-1]
        if last.until_on is None:
            assert last.end_reason is None
            assert plain.period(last.unit_id, world.today) is not None
        else:
            assert last.end_reason in ENDS
        for earlier, later in pairwise(spells):
            assert earlier.end_reason is EndReason.REORGANISED
            assert earlier.until_on is not None
            assert later.since_on == earlier.until_on + timedelta(days=1)


def check_nothing_hangs(world: World, plain: Plain) -> None:
    """Every unit has its way up, every role in force and every open application is at an open unit."""
    for unit_id in plain.unit_ids():
        names = [period.name for period in where_was(world.session, unit_id, world.today)]
        assert tuple(reversed(names)) == plain.path(unit_id, world.today)
    for person_id in {one.person_id for one in plain.grants}:
        for grant in plain.held(person_id, world.now, world.today):
            assert plain.period(grant.unit_id, world.today) is not None
    for application in world.session.scalars(select(Application)):
        assert plain.period(application.unit_id, world.today) is not None


def live(database: Database, units: list[Numbers], steps: list[Step]) -> None:
    """A union begins and lives through its steps; after each one everything must hold."""
    with Session(database.engine, expire_on_commit=False, info={"keys": database.keys}) as session:
        try:
            world = World(session)
            for level, numbers in enumerate(units):  # a way down the levels first, then anything
                world.add_unit((level, *numbers[1:]) if level < 3 else numbers)
            for step, numbers in steps:
                step(world, numbers)
                plain = Plain.read(session)
                check_reach(world, plain)
                check_nobody_is_lost(world, plain)
                check_nothing_hangs(world, plain)
        finally:
            session.rollback()


unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@settings(unhurried, max_examples=25)
@given(life=lives)
def test_nobody_sees_beyond_their_reach_and_nobody_is_lost(
    database: Database, life: tuple[list[Numbers], list[Step]]
) -> None:
    """Over random trees, reorganisations and role changes."""
    live(database, *life)


@settings(unhurried, max_examples=8)
@given(seed=st.integers(0, 2**32))
def test_nor_in_a_long_and_busy_life(database: Database, seed: int) -> None:
    """Many steps after one another, which a search for small examples seldom tries."""
    chance = random.Random(seed)

    def numbers() -> Numbers:
        return (chance.randrange(61), chance.randrange(61), chance.randrange(61), chance.randrange(61))

    units = [numbers() for _ in range(chance.randrange(3, 12))]
    live(database, units, [(chance.choice(STEPS), numbers()) for _ in range(25)])
