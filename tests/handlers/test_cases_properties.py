"""Whatever happens to the tree, to people and to the clock: nobody who may not see a case ever does, every open case
has somebody who comes next, and each step of the ladder is taken once and never early.

Who may never see a case is worked out here from what the test itself did, not from the program's tables.
"""

import itertools
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

import db.keys
from db.case_access import Viewer
from db.case_keys import CaseKeys
from db.cases import Wanted, count_visible, list_visible
from db.codes import show_code
from db.history_check import verify
from db.keys import Keys
from db.models import (
    OPEN_CASE_STATES,
    Account,
    Case,
    CaseAlert,
    CasePause,
    CaseState,
    CaseStep,
    Delivery,
    DeliveryKind,
    DeliveryState,
    OfficerTie,
    Person,
    Role,
    RoleGrant,
    UnitLevel,
    UnitPeriod,
)
from db.officers import add_grant, end_grant, list_grants
from db.people import set_profile
from db.session import Database
from db.units import change_parent, change_period, close_unit, find_period, get_unit
from handlers.access import NotAllowed
from handlers.case_viewers import read_desk_viewer
from handlers.cases import service
from handlers.cases.clockwork import mend, run_due
from handlers.cases.deadlines import StepKind
from handlers.cases.searching import bar_unsearched
from handlers.errors import UserError
from knowledge.case_terms import Countdown, Stage, Urgency, load_case_terms
from tests.case_world import Heard, accounts_of, add_account, add_officer, day_of, see
from tests.drills import note_drill
from tests.plain_time import count_time
from tests.small_tree import add_unit

NAMES = [
    " ".join(words) for words in itertools.product(("Nguyễn", "Trần", "Lê"), ("Văn", "Thị"), ("An", "Bình", "Chi"))
]
CATEGORIES = sorted(load_case_terms().categories)
TET_EVE = datetime(2027, 2, 3, 1, 0, tzinfo=UTC)
"""The day before the New Year holidays of 2027, 8:00 in Vietnam."""

STARTS = (
    TET_EVE,
    datetime(2026, 11, 23, 2, 0, tzinfo=UTC),  # the day before a holiday that is new
    TET_EVE + timedelta(days=400),
    datetime(2026, 1, 8, 6, 0, tzinfo=UTC),  # two days before a Saturday that is worked
    datetime(2026, 8, 20, 9, 0, tzinfo=UTC),  # the same, and National Day after it
)


@dataclass
class Truth:
    """What the test did, kept apart from the database: who is paid by or tied to which employer, and of each case the
    workplace, whom the story names, what the worker excluded, and who wrote it."""

    employers: defaultdict[int, dict[date, str]] = field(default_factory=lambda: defaultdict(dict))
    """By the day from which it was so: what is changed twice in one day was never so before."""

    became: dict[int, int] = field(default_factory=dict)
    tied: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    names: dict[int, str] = field(default_factory=dict)
    workplace: dict[int, int | None] = field(default_factory=dict)
    named: defaultdict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    excluded: dict[int, set[tuple[int, Role]]] = field(default_factory=dict)
    writer: dict[int, int | None] = field(default_factory=dict)
    sent_at: dict[int, datetime] = field(default_factory=dict)
    refused: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    def same_employer(self, unit_id: int) -> set[int]:
        """Every unit that faces the same employer."""
        found: set[int] = set()
        todo = [unit_id]
        while todo:
            one = todo.pop()
            if one in found:
                continue
            found.add(one)
            mine = set(self.employers[one].values())
            todo += [other for other, names in self.employers.items() if mine & set(names.values())]
            todo += [self.became[one]] if one in self.became else []
            todo += [old for old, new in self.became.items() if new == one]
        return found

    def later(self, unit_id: int, role: Role) -> set[tuple[int, Role]]:
        """A role at a unit, and the same role at whatever took the unit's place since."""
        after = self.became.get(unit_id)
        return {(unit_id, role)} | (self.later(after, role) if after is not None else set())

    def is_forbidden(self, person_id: int, held: set[tuple[int, Role]], case_id: int) -> bool:
        """Whether a person who holds these roles, or held them since it was sent, may never see a case."""
        workplace = self.workplace[case_id]
        employed = workplace is not None and bool(self.same_employer(workplace) & self.tied[person_id])
        return (
            employed
            or self.names[person_id] in self.named[case_id]
            or bool(held & {one for unit_id, role in self.excluded[case_id] for one in self.later(unit_id, role)})
            or self.writer[case_id] == person_id
            or person_id in self.refused[case_id]
        )


class World:
    """One generated federation, and what happens in it."""

    def __init__(self, session: Session, dice: Random) -> None:
        self.session, self.dice, self.truth = session, dice, Truth()
        self.now = dice.choice(STARTS)
        since = day_of(self.now) - timedelta(days=500)
        self.root = add_unit(session, "L", UnitLevel.FEDERATION, None, "Liên đoàn", since)
        self.uppers = [
            add_unit(session, f"U{n}", UnitLevel.UPPER, self.root, f"Cấp trên {n}", since, commune=f"Phường {n}")
            for n in range(dice.randint(1, 3))
        ]
        self.workplaces = []
        for number in range(dice.randint(1, 4)):
            employer = f"Công ty {dice.randint(0, 2)}"
            unit_id = add_unit(
                session, f"W{number}", UnitLevel.WORKPLACE, dice.choice(self.uppers), f"CĐCS {number}", since, employer
            )
            self.truth.employers[unit_id][since] = employer
            self.workplaces.append(unit_id)
        self.people: list[int] = []
        for number in range(dice.randint(1, 7)):
            self.appoint(NAMES[number])
        self.cases: list[int] = []
        self.heard = Heard()
        self.alerts = self.told = self.steps = 0

    def appoint(self, name: str) -> None:
        place = self.dice.choice([self.root, *self.uppers, *self.uppers, *self.workplaces])
        paid_by = self.dice.choice([None, None, *self.workplaces])
        role = self.dice.choice([Role.OFFICER, Role.OFFICER, Role.DEPUTY_CHAIR, Role.CHAIR])
        person = add_officer(self.session, name, place, role, self.now, paid_by=paid_by)
        self.truth.names[person] = name
        if paid_by is not None:
            self.truth.tied[person].add(paid_by)
        self.people.append(person)

    def happen(self) -> None:
        """Something happens."""
        deeds = (
            self.send, self.send, self.pass_time, self.pass_time, self.work, self.work, self.work, self.worker_acts,
            self.reorganise, self.change_people,
        )  # fmt: skip
        self.dice.choice(deeds)()
        self.session.flush()
        self.check()

    def send(self) -> None:
        dice, writer = self.dice, None
        account = add_account(self.session, self.now)
        if dice.random() < 0.2:
            writer = dice.choice(self.people)
            account = accounts_of(self.session, writer)[0]
        today = day_of(self.now)
        is_open = [one for one in self.workplaces if find_period(self.session, one, today)]
        workplace = dice.choice([None, *is_open])
        name = dice.choice([None, None, *[self.truth.names[one] for one in self.people]])
        excluded = {(dice.choice([self.root, *self.uppers]), dice.choice([Role.OFFICER, Role.CHAIR]))}
        excluded = excluded if dice.random() < 0.3 else set()
        report = service.Report(
            dice.choice(CATEGORIES),
            f"Chuyện của em. {name or ''} dọa.",
            workplace_unit_id=workplace,
            commune=dice.choice([None, "Phường 1", "nơi lạ"]),
            includes_workplace=dice.random() < 0.3,
            excluded=tuple(excluded),
            is_emergency=dice.random() < 0.1,
        )
        case = service.begin_draft(self.session, self.now)
        self.cases.append(case.id)
        self.truth.workplace[case.id], self.truth.excluded[case.id] = workplace, excluded
        self.truth.writer[case.id], self.truth.sent_at[case.id] = writer, self.now
        if name:
            self.truth.named[case.id].add(name)
        service.open_case(self.session, account, report, self.now, today, case)

    def pass_time(self) -> None:
        """Minutes, hours or the holidays go by; or somebody sets the clock back."""
        step = self.dice.choice([5, 11, 60, 300, 1440, 3 * 1440, 12 * 1440, -30, -120])
        self.now += timedelta(minutes=step)
        self.tick()

    def tick(self) -> None:
        while bar_unsearched(self.session, self.now):
            pass
        mend(self.session, self.now, day_of(self.now))
        while run_due(self.session, self.now, day_of(self.now), self.heard):
            pass
        self.check_steps()
        self.check_asked()

    def check_asked(self) -> None:
        """Nobody is waited for who gave up every role, or is kept away."""
        asked = select(CaseAlert).join(Case, (Case.id == CaseAlert.case_id) & (Case.round == CaseAlert.round))
        is_left = (CaseAlert.declined_at.is_(None), CaseAlert.barred_at.is_(None))
        waited_for = asked.where(Case.state == CaseState.OPENED, *is_left)
        held = self.held()
        for alert in self.session.scalars(waited_for):
            assert held[alert.person_id], "somebody who left office is waited for"
            assert not self.is_forbidden(alert.person_id, alert.case_id), "somebody who is kept away is waited for"
        waiting = select(Delivery).where(Delivery.kind == DeliveryKind.CASE_ALERT, Delivery.state == DeliveryState.DUE)
        for row in self.session.scalars(waiting):
            person, about = self.read_alert(row)
            assert not self.is_forbidden(person, about), f"somebody who is kept away will be told: {row.body}"

    def check_steps(self) -> None:
        """Each step that was done just now fell due at the moment that plain counting finds, and of those whose time
        has come none was left out."""
        new = select(CaseStep).where(CaseStep.id > self.steps).order_by(CaseStep.id)
        for step in self.session.scalars(new):
            self.steps = step.id
            case = self.session.get_one(Case, step.case_id)
            if step.stage_round == case.stage_round and step.stage == case.stage:
                assert self.count_time(case, step.due_at) == span_of(countdown_for(case), step.kind, step.number)
        for case in self.session.scalars(select(Case).where(Case.state.in_(OPEN_CASE_STATES), Case.stage.is_not(None))):
            done = select(CaseStep.kind, CaseStep.number).where(
                CaseStep.case_id == case.id, CaseStep.stage_round == case.stage_round
            )
            expected = list_expected(countdown_for(case), self.count_time(case, self.now))
            assert expected <= {(kind, number) for kind, number in self.session.execute(done)}, "a step was left out"
            assert case.next_step_at is None or case.next_step_at > self.now

    def count_time(self, case: Case, until: datetime) -> timedelta:
        """How much of the time of a case's stage has passed by a moment."""
        assert case.stage_since_at is not None
        rows = self.session.scalars(select(CasePause).where(CasePause.case_id == case.id))
        pauses = [(row.since_at, row.until_at or max(until, row.since_at)) for row in rows]
        return count_time(case.stage_since_at, until, pauses, by_clock=countdown_for(case).is_by_clock)

    def work(self) -> None:
        """An officer tries something, whether they may or not."""
        if not self.cases:
            return
        case = self.session.get_one(Case, self.dice.choice(self.cases))
        person = (
            self.dice.choice(self.people)
            if case.holder_id is None
            else self.dice.choice([case.holder_id, *self.people])
        )
        viewer, code = see(self.session, person, self.now), case.code
        deed = self.dice.choice(["claim", "claim", "decline", "open", "answer", "ask", "assign", "release", "tie",
                                 "forward", "settle", "category"])  # fmt: skip
        was_forbidden = self.is_forbidden(person, case.id)
        try:
            with self.session.begin_nested():
                self.try_deed(deed, viewer, code, person)
        except UserError:
            return
        assert not was_forbidden, (deed, person)

    def try_deed(self, deed: str, viewer: Viewer, code: str, person: int) -> None:
        now, today = self.now, day_of(self.now)
        match deed:
            case "claim":
                service.claim(self.session, viewer, code, now, today)
            case "decline":
                service.decline(self.session, viewer, code, now, today)
            case "open":
                service.open_story(self.session, viewer, code, now)
            case "answer":
                service.answer(self.session, viewer, code, "Đang xử lý.", now)
            case "ask":
                service.answer(self.session, viewer, code, "Từ bao giờ?", now, asks=True)
            case "assign":
                service.assign(self.session, viewer, code, self.dice.choice(self.people), "bận", now, today)
            case "release":
                service.release(self.session, viewer, code, "bận", is_tied=False, now=now, today=today)
            case "tie":
                service.declare_tie(self.session, viewer, code, now, today)
                self.truth.refused[self.case_id(code)].add(person)
            case "forward":
                service.forward(self.session, viewer, code, "vượt quyền", now, today)
            case "settle":
                service.settle(self.session, viewer, code, "paid", "Đã trả.", now)
            case "category":
                service.recategorise(self.session, viewer, code, self.dice.choice(CATEGORIES), Urgency.URGENT, now)

    def case_id(self, code: str) -> int:
        return self.session.scalars(select(Case.id).where(Case.code == code)).one()

    def worker_acts(self) -> None:
        if not self.cases:
            return
        case = self.session.get_one(Case, self.dice.choice(self.cases))
        name = self.truth.names[self.dice.choice(self.people)]
        try:
            with self.session.begin_nested():
                match self.dice.choice(["write", "name", "yes", "no", "withdraw"]):
                    case "write":
                        service.write_as_worker(self.session, case, "Em bổ sung.", self.now, day_of(self.now))
                    case "name":
                        service.write_as_worker(
                            self.session, case, f"Là {name.lower()} đó.", self.now, day_of(self.now)
                        )
                        self.truth.named[case.id].add(name)
                    case "yes":
                        service.confirm(self.session, case, agrees=True, now=self.now, today=day_of(self.now))
                    case "no":
                        service.confirm(self.session, case, agrees=False, now=self.now, today=day_of(self.now))
                    case "withdraw":
                        service.withdraw(self.session, case, self.now)
        except UserError:
            return

    def reorganise(self) -> None:
        """A workplace moves, changes its employer or merges into another; an upper union is closed with a successor."""
        today, session = day_of(self.now), self.session
        places = [one for one in self.workplaces if find_period(session, one, today)]
        uppers = [one for one in self.uppers if find_period(session, one, today)]
        deed = self.dice.choice(["move", "employer", "merge", "close upper"])
        if deed == "move" and places:
            unit = self.dice.choice(places)
            period = find_period(session, unit, today)
            change_parent(session, unit, period.parent_id if period else None, self.dice.choice(uppers), today)
        elif deed == "employer" and places:
            unit, name = self.dice.choice(places), f"Công ty {self.dice.randint(0, 3)}"
            period = find_period(session, unit, today)
            change_period(session, unit, "employer", period.employer if period else None, name, today)
            self.truth.employers[unit][today] = name
        elif deed == "merge" and len(places) > 1:
            old, new = self.dice.sample(places, 2)
            close_unit(session, get_unit(session, old), today, new)
            self.truth.employers[old].pop(today, None)  # what it became today was never so
            self.truth.became[old] = new
        elif deed == "close upper" and len(uppers) > 1:
            old, new = self.dice.sample(uppers, 2)
            for place in places:
                change_parent(session, place, old, new, today)
            close_unit(session, get_unit(session, old), today, new)
            self.truth.became[old] = new
        self.tick()

    def change_people(self) -> None:
        """Somebody is appointed, leaves a role, moves to another unit, tells of a relative at a workplace, or has their
        name put right."""
        session, today = self.session, day_of(self.now)
        person = self.dice.choice(self.people)
        match self.dice.choice(["appoint", "leave", "move", "tie", "rename"]):
            case "appoint" if len(self.people) < len(NAMES):
                self.appoint(NAMES[len(self.people)])
            case "leave" | "appoint":
                for grant in session.scalars(select(RoleGrant).where(RoleGrant.person_id == person)):
                    end_grant(grant, self.now, None)
            case "move":
                owner = accounts_of(session, person)[0]
                paid_by = self.dice.choice([None, *self.workplaces])
                if paid_by is not None:
                    self.truth.tied[person].add(paid_by)
                whom = session.get_one(Person, owner.person_id)
                add_grant(
                    session, whom, self.dice.choice([self.root, *self.uppers]), Role.OFFICER, today, self.now,
                    paid_by_unit_id=paid_by,
                )  # fmt: skip
            case "tie":
                place = self.dice.choice(self.workplaces)
                session.add(OfficerTie(person_id=person, unit_id=place, declared_at=self.now))
                self.truth.tied[person].add(place)
            case "rename":
                accused = sorted(set[str]().union(*self.truth.named.values()))
                self.truth.names[person] = self.dice.choice([*accused, self.dice.choice(NAMES)])
                set_profile(session, session.get_one(Person, person), {"full_name": self.truth.names[person]})
        self.session.flush()
        self.check_readers()
        self.tick()

    def held(self) -> dict[int, set[tuple[int, Role]]]:
        """The roles that everybody holds."""
        today, found = day_of(self.now), {person: set[tuple[int, Role]]() for person in self.people}
        for row in self.session.scalars(select(RoleGrant)):
            if row.from_on <= today and (row.to_on is None or row.to_on >= today) and row.ended_at is None:
                found[row.person_id].add((row.unit_id, row.role))
        return found

    def held_since(self, person: int, case_id: int) -> set[tuple[int, Role]]:
        """The roles that somebody holds, or held when a case was sent or later."""
        mine = self.session.scalars(select(RoleGrant).where(RoleGrant.person_id == person))
        sent_at = self.truth.sent_at[case_id]
        return {(row.unit_id, row.role) for row in mine if row.ended_at is None or row.ended_at >= sent_at}

    def is_forbidden(self, person: int, case_id: int) -> bool:
        return self.truth.is_forbidden(person, self.held_since(person, case_id), case_id)

    def check(self) -> None:
        """What must hold after everything."""
        self.check_readers()
        self.check_alerts()
        for case in self.session.scalars(select(Case).where(Case.state.in_(OPEN_CASE_STATES))):
            if case.state is CaseState.OPENED:
                assert case.next_step_at is not None, "nobody comes next"
        late = select(func.count()).select_from(CaseStep).where(CaseStep.due_at > CaseStep.done_at)
        assert not self.session.scalar(late), "a step came early"

    def check_readers(self) -> None:
        """Nobody sees a case that is kept from them; who is kept from none can see none of those."""
        for person in self.people:
            kept_away = {case for case in self.cases if self.is_forbidden(person, case)}
            if kept_away:
                today = day_of(self.now)
                grants = list_grants(self.session, person, self.now, today)
                viewer = read_desk_viewer(self.session, person, grants, self.now, today)
                for wanted in (Wanted(), Wanted(closed=True)):
                    seen = list_visible(self.session, viewer, wanted, 100)
                    self.check_seen(person, viewer, [case for case in seen if case.id in kept_away])

    def check_seen(self, person: int, viewer: Viewer, seen: list[Case]) -> None:
        for case in seen:
            # whoever holds a case and has another name from now on is told nothing new of it until the clock was there
            assert self.truth.names[person] in self.truth.named[case.id]
            assert case.holder_id == person
            with pytest.raises(NotAllowed):
                service.open_story(self.session, viewer, case.code, self.now)

    def check_lists(self) -> None:
        """Every list is as long as it says."""
        for person in self.people:
            viewer = see(self.session, person, self.now)
            for wanted in (Wanted(), Wanted(unclaimed=True), Wanted(mine=True), Wanted(closed=True)):
                seen = list_visible(self.session, viewer, wanted, 100)
                assert count_visible(self.session, viewer, wanted) == len(seen)

    def check_alerts(self) -> None:
        new = self.session.scalars(select(CaseAlert).where(CaseAlert.id > self.alerts).order_by(CaseAlert.id)).all()
        for alert in new:
            assert not self.is_forbidden(alert.person_id, alert.case_id), "somebody was alerted who may not know"
            self.alerts = alert.id
        rows = self.session.scalars(
            select(Delivery)
            .where(Delivery.id > self.told, Delivery.kind.in_((DeliveryKind.CASE_ALERT, DeliveryKind.NOTICE)))
            .order_by(Delivery.id)
        ).all()
        for row in rows:
            self.told = row.id
            person, about = self.read_alert(row)
            assert not self.is_forbidden(person, about), f"told although kept away: {row.body}"

    def read_alert(self, row: Delivery) -> tuple[int, int]:
        """Whom a message to an officer is for, and which case it is about."""
        about = next(case for case in self.cases if show_code(self.code_of(case)) in str(row.body))
        person = self.session.scalars(select(Account.person_id).where(Account.address_hash == row.recipient)).one()
        assert person is not None
        return person, about

    def code_of(self, case_id: int) -> str:
        return self.session.get_one(Case, case_id).code


@pytest.fixture(autouse=True)
def _quick_receipts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow hash of receipts is slow on purpose, and tested elsewhere."""
    monkeypatch.setitem(db.keys._SCRYPT, "n", 2)


@pytest.fixture
def empty(sqlite_template: Path, tmp_path: Path, keys: Keys, case_keys: CaseKeys) -> Iterator[Database]:
    """An empty database, in which many federations live one after the other."""
    shutil.copyfile(sqlite_template, tmp_path / "union.db")
    database = Database(f"sqlite:///{tmp_path / 'union.db'}", keys, case_keys)
    yield database
    database.close()


def run_world(database: Database, dice: Random, deeds: int) -> int:
    """One federation from its founding through so many deeds, in a transaction that leaves nothing behind; returns how
    many reports were sent in it."""
    with database.begin() as session:
        world = World(session, dice)
        for _ in range(deeds):
            world.happen()
        world.check_lists()
        assert list(session.scalars(select(UnitPeriod.id).limit(1)))
        assert not list(verify(session))
        session.rollback()
    return len(world.cases)


def countdown_for(case: Case) -> Countdown:
    """The deadline of the stage a case is in, as the data have it."""
    terms = load_case_terms()
    usual = terms.categories[case.category]
    plan = usual.plan if case.urgency == usual.urgency else terms.plans[Urgency(case.urgency)]
    return plan[Stage(case.stage or "")]


def span_of(countdown: Countdown, kind: str, number: int) -> timedelta:
    """So much time after the beginning of a stage a step comes."""
    if kind == StepKind.REMIND:
        return countdown.within - countdown.remind[number]
    listed, last = countdown.escalate, len(countdown.escalate) - 1
    return countdown.within + listed[min(number, last)] + max(0, number - last) * countdown.every


def list_expected(countdown: Countdown, passed: timedelta) -> set[tuple[str, int]]:
    """The steps whose time has come when so much has passed."""
    reminders = [(StepKind.REMIND.value, number) for number in range(len(countdown.remind))]
    escalations = ((StepKind.ESCALATE.value, number) for number in itertools.count())
    have_come = itertools.takewhile(lambda step: span_of(countdown, *step) <= passed, escalations)
    return {*have_come, *(step for step in reminders if span_of(countdown, *step) <= passed)}


FEDERATIONS, AT_ONCE = 10_000, 500

RELAXED = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@RELAXED
@given(dice=st.randoms(use_true_random=False))
def test_no_forbidden_reader_whatever_happens(empty: Database, dice: Random) -> None:
    """A sample of generated federations; `make drill` runs ten thousand."""
    run_world(empty, dice, 12)


@pytest.mark.drill
@pytest.mark.parametrize("first", range(0, FEDERATIONS, AT_ONCE))
def test_ten_thousand_federations_have_no_forbidden_reader(empty: Database, first: int) -> None:
    """The same, ten thousand times, each from a number that can be run again."""
    reports = 0
    for seed in range(first, first + AT_ONCE):
        try:
            reports += run_world(empty, Random(seed), 10)  # generates tests
        except Exception as error:
            raise AssertionError(f"federation {seed}") from error
    note_drill("generated federations", AT_ONCE, first_seed=first, reports=reports, forbidden_readers=0)
