"""Decisions that change the tree: what moves, what stays readable, who may decide, what waits for its day."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from bot.clock import Clock
from db.accounts import meet_account
from db.models import Application, Delivery, DeliveryKind, EndReason, Reorganisation, Role, Unit, UnitLevel
from db.people import end_membership, list_memberships
from db.session import Database
from db.units import find_period, find_unit, list_open
from handlers.access import Actor, NotAllowed
from handlers.errors import Outdated, UserError
from handlers.organisation.decisions import Change, Close, Create, Decision, Merge, Move, NewUnit, Part, Split
from handlers.organisation.rules import PARENTS, may_lie_under, read_unit_code
from handlers.organisation.service import Preview, call_off, carry_on, decide, list_waiting, preview, where_was
from handlers.organisation.words import describe_preview
from tests.tree import NOW, TODAY, Tree

YESTERDAY = TODAY - timedelta(days=1)
LAST_MONTH = date(2026, 10, 1)
TOMORROW = TODAY + timedelta(days=1)


class Union(Tree):
    """A province with two upper unions, three workplaces and a team."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.province = self.unit("HN", UnitLevel.FEDERATION, None, "LĐLĐ Hà Nội")
        self.north = self.unit("BTL", UnitLevel.UPPER, self.province, "CĐ phường Bắc", commune="Phường Bắc")
        self.south = self.unit("HM", UnitLevel.UPPER, self.province, "CĐ phường Nam", commune="Phường Nam")
        self.sewing = self.unit("MAY", UnitLevel.WORKPLACE, self.north, "CĐCS May Việt Thắng", commune="Phường Bắc")
        self.shoes = self.unit("GIAY", UnitLevel.WORKPLACE, self.north, "CĐCS Giày An Phú", commune="Phường Nam")
        self.food = self.unit("BANH", UnitLevel.WORKPLACE, self.south, "CĐCS Bánh Kẹo", commune="Phường Nam")
        self.team = self.unit("MAY.T1", UnitLevel.TEAM, self.sewing, "Tổ chuyền 1")

    def decides(self, decision: Decision, on: date = TODAY, actor: Actor | None = None, today: date = TODAY) -> int:
        """A decision is taken; returns its number."""
        return self.do(decide, actor, decision, on, "12/QĐ-LĐLĐ", NOW, today).id

    def sees(self, decision: Decision, on: date = TODAY, actor: Actor | None = None) -> Preview:
        """A decision is looked at beforehand."""
        return self.do(preview, actor, decision, on, NOW, TODAY)

    def path(self, unit_id: int, on: date) -> list[str]:
        """Where a unit stood on a day."""
        return [period.name for period in self.do(where_was, unit_id, on)]

    def refuses(self, decision: Decision, key: str, on: date = TODAY) -> None:
        """A decision cannot be taken, for this reason, and changes nothing."""
        before = self.do(lambda session: len(list_open(session, on)))
        with pytest.raises(UserError) as problem:
            self.decides(decision, on)
        assert problem.value.key == key
        assert self.do(lambda session: len(list_open(session, on))) == before


@pytest.fixture
def union(database: Database) -> Union:
    """A small union."""
    return Union(database)


def test_a_rename_leaves_the_old_name_on_old_days(union: Union) -> None:
    """What a unit was called before a decision stays what it was called then."""
    union.decides(Change(union.sewing, {"name": "CĐCS May Thắng Lợi"}), LAST_MONTH)
    assert union.path(union.sewing, TODAY)[-1] == "CĐCS May Thắng Lợi"
    assert union.path(union.sewing, LAST_MONTH)[-1] == "CĐCS May Thắng Lợi"
    assert union.path(union.sewing, LAST_MONTH - timedelta(days=1))[-1] == "CĐCS May Việt Thắng"


def test_a_rename_in_the_past_does_not_undo_a_later_move(union: Union) -> None:
    """Each fact changes by itself: a name from last month, a parent from yesterday."""
    union.decides(Move(union.sewing, union.south), YESTERDAY)
    union.decides(Change(union.sewing, {"name": "CĐCS Mới"}), LAST_MONTH)
    assert union.path(union.sewing, LAST_MONTH) == ["LĐLĐ Hà Nội", "CĐ phường Bắc", "CĐCS Mới"]
    assert union.path(union.sewing, TODAY) == ["LĐLĐ Hà Nội", "CĐ phường Nam", "CĐCS Mới"]


def test_a_moved_unit_takes_all_under_it_along(union: Union) -> None:
    """Moving a workplace moves its teams; yesterday's tree is as it was."""
    union.decides(Move(union.sewing, union.south))
    assert union.path(union.team, TODAY) == ["LĐLĐ Hà Nội", "CĐ phường Nam", "CĐCS May Việt Thắng", "Tổ chuyền 1"]
    assert union.path(union.team, YESTERDAY)[1] == "CĐ phường Bắc"


def test_members_of_a_merged_workplace_go_on_at_the_successor(union: Union) -> None:
    """Memberships end the day before for a stated reason, begin anew, and names are found there."""
    lan = union.member("Nguyễn Thị Lan", union.shoes)
    hoa = union.member("Trần Thị Hoa", union.sewing)
    chair = union.officer("Lê Văn Chính", union.sewing, Role.CHAIR)
    union.decides(Merge((union.shoes,), union.sewing), LAST_MONTH)
    old, new = union.memberships(lan)
    assert (old.unit_id, old.until_on, old.end_reason) == (union.shoes, date(2026, 9, 30), EndReason.REORGANISED)
    assert (new.unit_id, new.since_on, new.until_on) == (union.sewing, LAST_MONTH, None)
    assert new.decision_number == "12/QĐ-LĐLĐ"
    assert union.finds(chair, "lan") == {lan}
    assert [row.unit_id for row in union.memberships(hoa)] == [union.sewing]
    assert union.do(lambda session: session.get_one(Unit, union.shoes)).successor_id == union.sewing
    assert union.path(union.shoes, date(2026, 9, 30))[-1] == "CĐCS Giày An Phú"
    assert union.path(union.shoes, LAST_MONTH) == []


def test_who_joined_or_left_after_the_day_of_a_past_merger_is_put_right(union: Union) -> None:
    """A membership begun since belongs to the successor altogether; one that ended since ended there."""
    new = union.member("Người Mới", union.shoes, since=date(2026, 10, 20))
    gone = union.member("Người Cũ", union.shoes)

    def leave(session: Session) -> None:
        from db.models import Membership

        row = session.query(Membership).filter_by(person_id=gone).one()
        row.until_on, row.end_reason = date(2026, 10, 15), EndReason.LEFT

    union.do(leave)
    union.decides(Merge((union.shoes,), union.sewing), LAST_MONTH)
    assert [(row.unit_id, row.since_on) for row in union.memberships(new)] == [(union.sewing, date(2026, 10, 20))]
    first, last = union.memberships(gone)
    assert (first.unit_id, first.end_reason) == (union.shoes, EndReason.REORGANISED)
    assert (last.unit_id, last.until_on, last.end_reason) == (union.sewing, date(2026, 10, 15), EndReason.LEFT)


def test_chairs_of_merged_units_become_officers_unless_named(union: Union) -> None:
    """One chair leads: the successor's own, or whom the decision names."""
    own = union.officer("Chủ Nhà", union.sewing, Role.CHAIR)
    other = union.officer("Chủ Khách", union.shoes, Role.CHAIR)
    union.decides(Merge((union.shoes,), union.sewing))
    assert union.roles(own) == {(Role.CHAIR, union.sewing)}
    assert union.roles(other) == {(Role.OFFICER, union.sewing)}
    third = union.officer("Chủ Ba", union.food, Role.CHAIR)
    union.decides(Merge((union.food,), union.sewing, chair_id=third))
    assert union.roles(third) == {(Role.CHAIR, union.sewing)}
    assert union.roles(own) == {(Role.OFFICER, union.sewing)}
    old = union.grants(other)[0]
    assert (old.to_on, old.ended_at) == (YESTERDAY, NOW)


def test_an_officer_paid_by_the_employer_is_paid_by_the_successor(union: Union) -> None:
    """Who pays an officer decides what they may never see, so that fact survives a merger."""
    inside = union.officer("Cán bộ Trong", union.shoes, Role.OFFICER, paid_by_unit_id=union.shoes)
    outside = union.officer("Cán bộ Ngoài", union.north, Role.OFFICER, paid_by_unit_id=union.shoes)
    union.decides(Merge((union.shoes,), union.sewing))
    assert union.grants(inside)[-1].paid_by_unit_id == union.sewing
    assert union.grants(outside)[-1].paid_by_unit_id == union.sewing


def test_open_applications_wait_at_the_successor(union: Union) -> None:
    """An application is never left at a closed unit; who took it up keeps it only when they follow."""
    officer = union.officer("Cán bộ", union.shoes, Role.OFFICER)
    stranger = union.officer("Người Khác", union.north, Role.OFFICER)
    kept, dropped = union.application(union.shoes, officer), union.application(union.shoes, stranger)
    union.decides(Merge((union.shoes,), union.sewing))
    rows = {row.id: row for row in union.do(lambda session: session.query(Application).all())}
    assert {row.unit_id for row in rows.values()} == {union.sewing}
    assert (rows[kept].handled_by_id, rows[dropped].handled_by_id) == (officer, None)


def test_two_upper_unions_merge_into_a_new_one(union: Union) -> None:
    """Forty closed, eighty-four created: workplaces find themselves under the new unit, and last year's tree stands."""
    new = NewUnit("XMOI", "CĐ xã Mới", UnitLevel.UPPER, union.province)
    union.decides(Merge((union.north, union.south), new), LAST_MONTH)
    assert union.path(union.team, TODAY) == ["LĐLĐ Hà Nội", "CĐ xã Mới", "CĐCS May Việt Thắng", "Tổ chuyền 1"]
    assert union.path(union.food, TODAY)[1] == "CĐ xã Mới"
    assert union.path(union.food, date(2025, 1, 1))[1] == "CĐ phường Nam"


def test_a_split_by_commune_gives_workplaces_to_their_new_unit(union: Union) -> None:
    """An upper union ends; the workplaces of one commune go to one new unit, the rest to another."""
    chair = union.officer("Chủ tịch", union.north, Role.CHAIR)
    far = NewUnit("XN", "CĐ xã Nam Mới", UnitLevel.UPPER, union.province)
    rest = NewUnit("XB", "CĐ xã Bắc Mới", UnitLevel.UPPER, union.province)
    union.decides(Split(union.north, (Part(far, communes=("Phường Nam",)),), rest, chair_id=chair))
    assert union.path(union.shoes, TODAY)[1] == "CĐ xã Nam Mới"
    assert union.path(union.sewing, TODAY)[1] == "CĐ xã Bắc Mới"
    found = union.do(find_unit, "XB")
    assert found is not None
    assert union.roles(chair) == {(Role.CHAIR, found.id)}


def test_a_workplace_stays_and_gives_a_team_and_some_members_away(union: Union) -> None:
    """Teams are named by code and people by theirs; whoever is not named stays."""
    goes, stays = union.member("Đi Theo", union.sewing), union.member("Ở Lại", union.sewing)
    in_team = union.member("Trong Tổ", union.team)
    leader = union.officer("Cán bộ Đi", union.sewing, Role.CHAIR)
    new = NewUnit("MAY2", "CĐCS May Hai", UnitLevel.WORKPLACE, union.north)
    part = Part(new, child_ids=(union.team,), person_ids=(goes,), chair_id=leader)
    union.decides(Split(union.sewing, (part,), union.sewing))
    found = union.do(find_unit, "MAY2")
    assert found is not None
    assert [row.unit_id for row in union.memberships(goes)] == [union.sewing, found.id]
    assert [row.unit_id for row in union.memberships(stays)] == [union.sewing]
    assert union.path(union.memberships(in_team)[-1].unit_id, TODAY)[-2:] == ["CĐCS May Hai", "Tổ chuyền 1"]
    assert union.roles(leader) == {(Role.CHAIR, found.id)}


def test_a_closed_workplace_ends_memberships_for_that_reason(union: Union) -> None:
    """Nothing ends without a reason: members and those of its teams, roles and applications."""
    lan, in_team = union.member("Lan", union.sewing), union.member("Tâm", union.team)
    chair = union.officer("Chính", union.sewing, Role.CHAIR)
    waiting = union.application(union.sewing)
    union.decides(Close(union.sewing))
    for person in (lan, in_team):
        (row,) = union.memberships(person)
        assert (row.until_on, row.end_reason) == (YESTERDAY, EndReason.UNIT_CLOSED)
    assert union.roles(chair) == set()
    assert union.do(lambda session: session.get_one(Application, waiting)).unit_id == union.north
    assert union.path(union.team, TODAY) == []


def test_a_closed_upper_union_leaves_its_workplaces_to_the_federation(union: Union) -> None:
    """Workplaces may stand right under the federation; none hangs in the air."""
    union.decides(Close(union.north))
    assert union.path(union.sewing, TODAY) == ["LĐLĐ Hà Nội", "CĐCS May Việt Thắng"]


def test_a_decision_for_tomorrow_waits_for_tomorrow(union: Union) -> None:
    """It is kept, the tree stays as it is, and the clock carries it out on its day."""
    lan = union.member("Lan", union.shoes)
    number = union.decides(Merge((union.shoes,), union.sewing), TOMORROW)
    assert not union.do(carry_on, NOW, TODAY)
    assert union.path(union.shoes, TODAY) != []
    while union.do(carry_on, NOW, TOMORROW):
        pass
    assert union.path(union.shoes, TOMORROW) == []
    assert [row.unit_id for row in union.memberships(lan)] == [union.shoes, union.sewing]
    assert union.do(lambda session: session.get_one(Reorganisation, number)).applied_at == NOW


def test_members_of_a_large_unit_follow_in_batches(union: Union) -> None:
    """Half done is safe: everybody is a member of one unit, and the next call goes on where the last one stopped."""
    people = [union.member(f"Người {number}", union.shoes) for number in range(7)]
    union.decides(Merge((union.shoes,), union.sewing), TOMORROW)
    seen = []
    while union.do(carry_on, NOW, TOMORROW, 3):
        last = [union.memberships(person)[-1] for person in people]
        assert all(row.until_on is None for row in last)
        seen.append(sum(row.unit_id == union.sewing for row in last))
    assert seen == [3, 6, 7]


def test_a_decision_that_no_longer_fits_is_stopped_and_harms_nothing(union: Union) -> None:
    """When the tree has changed so that it cannot be done, it says why and the decisions after it go on."""
    union.decides(Merge((union.shoes,), union.sewing), TOMORROW)
    union.decides(Change(union.food, {"name": "CĐCS Bánh Mới"}), TOMORROW)
    union.decides(Merge((union.shoes,), union.food))
    while union.do(carry_on, NOW, TOMORROW):
        pass
    (stopped,) = union.do(list_waiting)
    assert stopped.details["stopped"] == "units.not_open"
    assert union.path(union.food, TOMORROW)[-1] == "CĐCS Bánh Mới"


def test_a_waiting_decision_is_called_off(union: Union) -> None:
    """Called off, it is kept for the record and never carried out."""
    number = union.decides(Close(union.food), TOMORROW)
    union.do(call_off, None, number, TODAY)
    assert not union.do(carry_on, NOW, TOMORROW)
    with pytest.raises(Outdated):
        union.do(call_off, None, number, TODAY)
    assert union.path(union.food, TOMORROW) != []


def test_a_preview_counts_and_names_what_moves_and_changes_nothing(union: Union) -> None:
    """Members, applications, units under it, and every officer whose role changes, before anything happens."""
    for name in ("Lan", "Hoa", "Mai"):
        union.member(name, union.sewing)
    chair = union.officer("Chính", union.sewing, Role.CHAIR)
    union.application(union.sewing)
    seen = union.sees(Merge((union.sewing,), union.food))
    (one,) = seen.following
    assert (one.unit_id, one.to, one.members, one.applications, one.sub_units) == (union.sewing, union.food, 3, 1, 1)
    assert [(change.person_id, change.role, change.to) for change in seen.roles] == [(chair, Role.OFFICER, union.food)]
    assert seen.without_chair == (union.food,)
    text = union.do(describe_preview, seen)
    assert "CĐCS May Việt Thắng → CĐCS Bánh Kẹo" in text
    assert "3 đoàn viên" in text
    assert "Chính" in text
    assert union.path(union.sewing, TODAY) != []


@pytest.mark.parametrize("on", [LAST_MONTH, TODAY, TOMORROW])
def test_what_a_preview_promises_is_what_happens(union: Union, on: date) -> None:
    """The same plan is shown and carried out."""
    people = [union.member(f"Người {number}", union.sewing) for number in range(4)]
    new = NewUnit("MOI", "CĐCS Mới", UnitLevel.WORKPLACE, union.south)
    decision = Split(union.sewing, (Part(new, person_ids=tuple(people[:1])),), union.food)
    seen = union.sees(decision, on)
    assert [one.members for one in seen.following] == [1, 3]
    union.decides(decision, on)
    while union.do(carry_on, NOW, TOMORROW):
        pass
    found = union.do(find_unit, "MOI")
    assert found is not None
    assert [union.memberships(person)[-1].unit_id for person in people] == [found.id, *[union.food] * 3]
    assert union.path(union.team, TOMORROW)[-2] == "CĐCS Bánh Kẹo"


def test_impossible_decisions_are_refused_with_a_reason(union: Union) -> None:
    """Rings, wrong levels, closed units, taken codes, days before other changes."""
    union.refuses(Move(union.north, union.sewing), "units.wrong_level")
    member = union.unit("MAY.A", UnitLevel.WORKPLACE, union.sewing)
    union.refuses(Move(union.sewing, member), "units.ring")
    union.refuses(Merge((union.sewing,), member), "units.ring")
    union.refuses(Merge((union.north,), union.sewing), "units.other_level")
    union.refuses(Create(NewUnit("MAY", "x", UnitLevel.WORKPLACE, union.north)), "units.code_taken")
    union.refuses(Create(NewUnit("T9", "x", UnitLevel.TEAM, None)), "units.wrong_level")
    union.refuses(Create(NewUnit("a b", "x", UnitLevel.WORKPLACE, union.north)), "units.bad_code")
    union.refuses(
        Create(NewUnit("XE", "Nghiệp đoàn xe ôm", UnitLevel.TRADE, union.north, "Công ty")), "units.no_employer"
    )
    union.refuses(Close(union.food), "units.not_open", date(2020, 1, 1))
    union.refuses(Change(union.food, {"name": "CĐCS Bánh Kẹo"}), "units.nothing_changes")
    union.decides(Change(union.food, {"name": "Mới"}), YESTERDAY)
    union.refuses(Close(union.food), "units.changed_later", LAST_MONTH)
    stranger = union.member("Ai Đó", union.food)
    part = Part(NewUnit("P", "P", UnitLevel.WORKPLACE, union.north), person_ids=(stranger,))
    union.refuses(Split(union.shoes, (part,), union.shoes), "units.not_member")


def test_only_who_runs_the_highest_unit_touched_may_decide(union: Union) -> None:
    """An administrator of one upper union cannot pull a workplace out of another, nor close the unit they run."""
    admin = union.actor(union.officer("Quản trị Bắc", union.north, Role.ADMINISTRATOR))
    chair = union.actor(union.officer("Chủ tịch Bắc", union.north, Role.CHAIR))
    union.decides(Merge((union.shoes,), union.sewing), actor=admin)
    for decision in (
        Move(union.sewing, union.south),
        Move(union.food, union.north),
        Close(union.north),
        Merge((union.sewing,), union.food),
        Create(NewUnit("TINH", "LĐLĐ", UnitLevel.FEDERATION, None)),
    ):
        with pytest.raises(NotAllowed):
            union.sees(decision, actor=admin)
        with pytest.raises(NotAllowed):
            union.decides(decision, actor=admin)
    with pytest.raises(NotAllowed):
        union.decides(Change(union.sewing, {"name": "x"}), actor=chair)
    province = union.actor(union.officer("Quản trị tỉnh", union.province, Role.ADMINISTRATOR))
    union.decides(Move(union.sewing, union.south), actor=province)


def test_every_level_but_a_team_may_stand_at_the_top() -> None:
    """A deployment may serve one province or one company alone."""
    assert {level for level in UnitLevel if not may_lie_under(level, None)} == {UnitLevel.TEAM}
    assert set(PARENTS) == set(UnitLevel)


def test_unit_codes_are_written_in_capitals_without_spaces() -> None:
    """ "hn-01 " and "HN-01" are one code."""
    assert read_unit_code(" hn-01 ") == "HN-01"
    assert read_unit_code("hn 01") is None
    assert read_unit_code("") is None


def test_a_unit_is_open_on_the_first_and_last_day_of_its_period(union: Union) -> None:
    """Both days of a period are included."""
    union.decides(Close(union.food), LAST_MONTH)
    assert union.do(find_period, union.food, date(2026, 9, 30)) is not None
    assert union.do(find_period, union.food, LAST_MONTH) is None


async def test_the_clock_carries_out_what_is_due(union: Union) -> None:
    """Nobody need be at a keyboard on the first of the month."""
    union.decides(Change(union.food, {"name": "CĐCS Bánh Mới"}), TOMORROW)
    clock = Clock(union.database, lambda: NOW + timedelta(days=1))
    await clock.tick()
    assert union.path(union.food, TOMORROW)[-1] == "CĐCS Bánh Mới"


def test_officers_are_told_where_their_role_went(union: Union) -> None:
    """Whoever held a role in a merged unit hears on their own channel what it is now."""
    chair = union.officer("Chính", union.shoes, Role.CHAIR)

    def give_channel(session: Session) -> None:
        account, _new = meet_account(session, "web", "h" * 32, "here", None, NOW)
        account.person_id = chair

    union.do(give_channel)
    union.decides(Merge((union.shoes,), union.sewing))
    (told,) = union.do(lambda session: session.query(Delivery).all())
    assert told.kind is DeliveryKind.NOTICE
    assert "CĐCS May Việt Thắng" in told.body["text"]


def test_who_decided_hears_when_their_decision_could_not_be_carried_out(union: Union) -> None:
    """A decision that came to nothing on its day is told, not passed over."""
    admin = union.officer("Quản trị", union.province, Role.ADMINISTRATOR)

    def give_channel(session: Session) -> None:
        account, _new = meet_account(session, "web", "h" * 32, "here", None, NOW)
        account.person_id = admin

    union.do(give_channel)
    union.decides(Merge((union.shoes,), union.sewing), TOMORROW, actor=union.actor(admin))
    union.decides(Close(union.shoes))
    while union.do(carry_on, NOW, TOMORROW):
        pass
    (told,) = union.do(lambda session: session.query(Delivery).all())
    assert "không thực hiện được" in told.body["text"]


def test_people_who_left_before_the_day_of_a_split_are_passed_over(union: Union) -> None:
    """A decision that names three hundred people does not fail for the one who left meanwhile."""
    goes, left = union.member("Đi Theo", union.sewing), union.member("Đã Nghỉ", union.sewing)
    new = NewUnit("MAY2", "CĐCS May Hai", UnitLevel.WORKPLACE, union.north)
    union.decides(Split(union.sewing, (Part(new, person_ids=(goes, left)),), union.sewing), TOMORROW)

    def leave(session: Session) -> None:
        end_membership(session, list_memberships(session, left)[0], TODAY, EndReason.LEFT)

    union.do(leave)
    while union.do(carry_on, NOW, TOMORROW):
        pass
    assert union.do(list_waiting) == []
    assert [row.end_reason for row in union.memberships(left)] == [EndReason.LEFT]
    assert len(union.memberships(goes)) == 2


def test_who_was_let_in_while_their_unit_closed_is_not_left_behind(union: Union) -> None:
    """On PostgreSQL an approval may be written while a merger is: the clock finds them at the next minute."""
    union.decides(Merge((union.shoes,), union.sewing), YESTERDAY)
    union.decides(Close(union.food), YESTERDAY)
    late, lost = union.member("Đến Muộn", union.shoes, since=TODAY), union.member("Không Kịp", union.food)
    waiting, alone = union.application(union.shoes), union.application(union.food)
    while union.do(carry_on, NOW, TODAY):
        pass
    assert union.memberships(late)[-1].unit_id == union.sewing
    assert union.memberships(lost)[-1].end_reason is EndReason.UNIT_CLOSED
    rows = {row.id: row.unit_id for row in union.do(lambda session: session.query(Application).all())}
    assert rows == {waiting: union.sewing, alone: union.south}


def test_two_decisions_at_the_same_moment_do_not_cross(union: Union) -> None:
    """Two administrators merge two units into one another: one of them hears that the unit is gone."""
    barrier = threading.Barrier(2)

    def merge(source: int, target: int) -> str:
        barrier.wait()
        try:
            union.decides(Merge((source,), target))
        except UserError as problem:
            return problem.key
        return "done"

    with ThreadPoolExecutor(2) as both:
        ends = list(both.map(merge, (union.shoes, union.sewing), (union.sewing, union.shoes)))
    assert sorted(ends) == ["done", "units.not_open"]
