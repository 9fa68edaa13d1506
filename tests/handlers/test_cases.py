"""A report goes round the employer to officers nothing bars, who are asked until one claims it, and is talked about
until the worker says it is settled."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.delivery import _note_unreachable
from db.case_access import Viewer, list_reader_units
from db.case_history import EventKind, list_lines
from db.case_ladder import is_waiting, look_at_asked
from db.case_parties import find_waiting, list_party_accounts
from db.cases import Wanted, count_visible, list_takeable, list_visible
from db.codes import show_code
from db.deliveries import claim_due
from db.merges import move_rows
from db.models import (
    Absence,
    Account,
    Case,
    CaseReader,
    CaseState,
    Delivery,
    DeliveryKind,
    DeliveryState,
    OfficerTie,
    Person,
    Role,
    RoleGrant,
    UnitLevel,
    WhyBarred,
    WhyReader,
)
from db.officers import NewGrant, add_grant, add_grants, end_grant, list_grants
from db.people import add_person
from db.reorganisations import move_payer
from db.session import Database
from db.units import change_parent, change_period, close_unit, find_period, get_unit
from handlers.access import NotAllowed
from handlers.case_viewers import read_desk_viewer
from handlers.cases import service
from handlers.cases.alerts import tell_officer
from handlers.cases.clockwork import mend, remind_to_follow_up, run_due
from handlers.cases.names import bar_tied
from handlers.cases.routing import describe_readers, plan_route
from handlers.cases.searching import bar_unsearched
from handlers.errors import Outdated, UserError
from handlers.registration.service import change_profile
from knowledge.case_terms import Urgency
from tests.case_world import Heard, accounts_of, add_account, add_officer, alerted, day_of, messages, see, send
from tests.small_tree import Tree, add_unit

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # Monday, 9:00 in Vietnam
TODAY = day_of(NOW)


@pytest.fixture
def tree(database: Database) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(database, TODAY - timedelta(days=400))


def listed(session: Session, person_id: int, now: datetime = NOW) -> list[str]:
    """The codes an officer sees."""
    return [case.code for case in list_visible(session, see(session, person_id, now), Wanted(), 50)]


def test_report_skips_the_workplace_and_alerts_the_upper_union(database: Database, tree: Tree) -> None:
    """The workplace's own officers hear nothing and see nothing; the upper union's officers are asked."""
    with database.begin() as session:
        inside = add_officer(session, "Trần Văn Trong", tree.workplace, Role.CHAIR, NOW, paid_by=tree.workplace)
        above = add_officer(session, "Lê Thị Trên", tree.upper, Role.OFFICER, NOW)
        case, receipt = send(session, NOW, workplace_unit_id=tree.workplace)
        assert case.unit_id == tree.upper
        assert alerted(session, case) == [above]
        assert listed(session, above) == [case.code]
        assert listed(session, inside) == []
        assert len(receipt) == service.RECEIPT_DIGITS
        (told,) = messages(session, accounts_of(session, above)[0], DeliveryKind.CASE_ALERT)
        assert "nợ lương" not in told


def test_officer_paid_by_the_accused_employer_never_sees_the_case(database: Database, tree: Tree) -> None:
    """Also one whose pay from there is over, or comes from another unit of the same employer."""
    with database.begin() as session:
        same = add_unit(
            session, "M1B", UnitLevel.WORKPLACE, tree.upper, "CĐCS May Một cơ sở 2", TODAY - timedelta(days=9),
            employer="Công ty May Một",
        )  # fmt: skip
        paid = add_officer(session, "Trần Văn Lương", tree.upper, Role.OFFICER, NOW, paid_by=same)
        former = add_officer(session, "Lý Văn Cũ", tree.upper, Role.OFFICER, NOW)
        old = session.scalars(select(RoleGrant).where(RoleGrant.person_id == former)).one()
        session.add(
            RoleGrant(
                person_id=former, unit_id=tree.workplace, role=Role.OFFICER, from_on=TODAY - timedelta(days=300),
                to_on=TODAY - timedelta(days=30), paid_by_unit_id=tree.workplace, granted_at=old.granted_at,
            )
        )  # fmt: skip
        free = add_officer(session, "Đặng Thị Rảnh", tree.upper, Role.OFFICER, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        assert alerted(session, case) == [free]
        for barred in (paid, former):
            viewer = see(session, barred, NOW)
            assert list_visible(session, viewer, Wanted(), 9) == []
            assert count_visible(session, viewer, Wanted()) == 0
            with pytest.raises(NotAllowed):
                service.claim(session, viewer, case.code, NOW, TODAY)


def test_officer_named_in_the_story_is_kept_away(database: Database, tree: Tree) -> None:
    """Typed without marks, or told only later: from then on they see nothing, and a case they held goes to another."""
    with database.begin() as session:
        named = add_officer(session, "Phạm Văn Bắt", tree.upper, Role.OFFICER, NOW)
        other = add_officer(session, "Hồ Thị Khác", tree.upper, Role.OFFICER, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace, story="ong pham van bat bao che chu")
        assert alerted(session, case) == [other]
        assert listed(session, named) == []
        later, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        service.claim(session, see(session, named, NOW), later.code, NOW, TODAY)
        service.write_as_worker(session, later, "Chính ông Phạm Văn Bắt dọa em", NOW, TODAY)
        assert later.holder_id is None
        assert later.state is CaseState.OPENED
        assert listed(session, named) == []
        assert alerted(session, later) == [other]


def test_officer_appointed_later_whom_the_story_names_cannot_open_it(database: Database, tree: Tree) -> None:
    """The name is looked for again whenever somebody opens a case."""
    with database.begin() as session:
        add_officer(session, "Hồ Thị Khác", tree.upper, Role.OFFICER, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace, story="ông Phạm Văn Bắt dọa em")
        named = add_officer(session, "Phạm Văn Bắt", tree.upper, Role.OFFICER, NOW)
        with pytest.raises(NotAllowed):
            service.open_story(session, see(session, named, NOW), case.code, NOW)


def test_declared_tie_keeps_an_officer_away(database: Database, tree: Tree) -> None:
    """A relative works there: none of that workplace's cases is theirs, until they end the declaration."""
    with database.begin() as session:
        tied = add_officer(session, "Vũ Thị Họ Hàng", tree.upper, Role.OFFICER, NOW)
        session.add(OfficerTie(person_id=tied, unit_id=tree.workplace, declared_at=NOW))
        session.flush()
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        elsewhere, _ = send(session, NOW, workplace_unit_id=tree.other_workplace)
        assert listed(session, tied) == [elsewhere.code]
        assert alerted(session, case) == []


def test_own_report_is_never_shown_to_its_writer_as_officer(database: Database, tree: Tree) -> None:
    """An officer may report too; whoever handles it is somebody else."""
    with database.begin() as session:
        writer = add_officer(session, "Bùi Văn Viết", tree.upper, Role.OFFICER, NOW)
        chair = add_officer(session, "Ngô Thị Chủ", tree.upper, Role.CHAIR, NOW)
        case, _ = send(session, NOW, accounts_of(session, writer)[0], workplace_unit_id=tree.workplace)
        assert alerted(session, case) == [chair]
        assert listed(session, writer) == []


def test_excluding_every_reader_of_a_unit_sends_the_case_up(database: Database, tree: Tree) -> None:
    """The worker keeps roles away; the unit above answers when nobody is left."""
    with database.begin() as session:
        add_officer(session, "Lê Thị Trên", tree.upper, Role.OFFICER, NOW)
        top = add_officer(session, "Cao Thị Cao", tree.root, Role.OFFICER, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace, excluded=((tree.upper, Role.OFFICER),))
        assert case.unit_id == tree.root
        assert alerted(session, case) == [top]


def test_list_of_readers_names_roles_and_units_before_sending(database: Database, tree: Tree) -> None:
    """What the worker is shown is what then holds."""
    with database.begin() as session:
        add_officer(session, "Lê Thị Trên", tree.upper, Role.OFFICER, NOW)
        add_officer(session, "Mai Văn Trả", tree.upper, Role.CHAIR, NOW, paid_by=tree.workplace)
        draft = service.begin_draft(session, NOW)
        report = service.Report("wages", "", workplace_unit_id=tree.workplace)
        service.set_place(session, draft, report, NOW)
        route = plan_route(session, draft, NOW, TODAY)
        lines = describe_readers(session, draft, [route.unit_id or 0], NOW, TODAY)
        assert [(line.unit_name, line.role) for line in lines] == [("Công đoàn phường Thử", Role.OFFICER)]


def test_unknown_workplace_goes_by_commune_and_else_to_the_federation(database: Database, tree: Tree) -> None:
    """Nobody's report is lost for want of a workplace."""
    with database.begin() as session:
        add_officer(session, "Lê Thị Trên", tree.upper, Role.OFFICER, NOW)
        top = add_officer(session, "Cao Thị Cao", tree.root, Role.OFFICER, NOW)
        by_commune, _ = send(session, NOW, commune="phuong thu")
        nowhere, _ = send(session, NOW)
        assert by_commune.unit_id == tree.upper
        assert nowhere.unit_id == tree.root
        assert alerted(session, nowhere) == [top]


def test_ladder_asks_other_people_at_each_step_until_one_claims(database: Database, tree: Tree) -> None:
    """Officers on duty, deputies, the chair, the level above: each once, none early; a claim silences it."""
    with database.begin() as session:
        people = [
            add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW),
            add_officer(session, "Lê Thị Hai", tree.upper, Role.DEPUTY_CHAIR, NOW),
            add_officer(session, "Lê Thị Ba", tree.upper, Role.CHAIR, NOW),
            add_officer(session, "Lê Thị Bốn", tree.root, Role.OFFICER, NOW),
        ]
        case, _ = send(session, NOW, category="accident", workplace_unit_id=tree.workplace)
        heard = Heard()
        for minutes, known in ((9, 1), (10, 2), (11, 2), (20, 3), (29, 3), (30, 4)):
            moment = NOW + timedelta(minutes=minutes)
            run_due(session, moment, TODAY, heard)
            assert alerted(session, case) == people[:known], minutes
        assert not heard.subjects
        run_due(session, NOW + timedelta(minutes=45), TODAY, heard)
        assert heard.subjects
        at = NOW + timedelta(minutes=46)
        service.claim(session, see(session, people[3], at), case.code, at, TODAY)
        count = len(alerted(session, case))
        run_due(session, NOW + timedelta(minutes=59), TODAY, heard)
        assert len(alerted(session, case)) == count
        assert case.state is CaseState.CLAIMED


def test_absent_officer_is_replaced_by_the_substitute(database: Database, tree: Tree) -> None:
    """Who is away is not asked; who stands in is."""
    with database.begin() as session:
        away = add_officer(session, "Lê Thị Vắng", tree.upper, Role.OFFICER, NOW)
        stands_in = add_officer(session, "Lê Thị Thay", tree.upper, Role.CHAIR, NOW)
        session.add(Absence(person_id=away, from_on=TODAY, to_on=TODAY, substitute_id=stands_in))
        session.flush()
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        assert alerted(session, case) == [stands_in]


def test_first_claim_wins_and_all_declining_moves_on_at_once(database: Database, tree: Tree) -> None:
    """Two press at once: one has it. Both decline: the next are asked without waiting."""
    with database.begin() as session:
        one = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        two = add_officer(session, "Lê Thị Hai", tree.upper, Role.OFFICER, NOW)
        chair = add_officer(session, "Lê Thị Ba", tree.upper, Role.CHAIR, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        service.claim(session, see(session, two, NOW), case.code, NOW, TODAY)
        with pytest.raises(UserError):
            service.claim(session, see(session, one, NOW), case.code, NOW, TODAY)
        other, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        service.decline(session, see(session, one, NOW), other.code, NOW, TODAY)
        assert alerted(session, other) == [one, two]
        service.decline(session, see(session, two, NOW), other.code, NOW, TODAY)
        assert alerted(session, other) == [one, two, chair]


def test_harassment_is_open_to_its_holder_only(database: Database, tree: Tree) -> None:
    """Before the claim nobody reads the story, after it nobody but the holder even sees the case."""
    with database.begin() as session:
        one = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        two = add_officer(session, "Lê Thị Hai", tree.upper, Role.OFFICER, NOW)
        case, _ = send(session, NOW, category="harassment", workplace_unit_id=tree.workplace)
        with pytest.raises(NotAllowed):
            service.open_story(session, see(session, one, NOW), case.code, NOW)
        service.claim(session, see(session, one, NOW), case.code, NOW, TODAY)
        service.open_story(session, see(session, one, NOW), case.code, NOW)
        assert listed(session, two) == []


def test_talk_goes_both_ways_and_pauses_the_deadline(database: Database, tree: Tree) -> None:
    """The officer asks, the clock stands still, the worker answers, it runs again; neither sees the other's account."""
    with database.begin() as session:
        officer = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        worker = add_account(session, NOW)
        case, _ = send(session, NOW, worker, workplace_unit_id=tree.workplace)
        service.claim(session, see(session, officer, NOW), case.code, NOW, TODAY)
        service.answer(session, see(session, officer, NOW), case.code, "Chị nhận lương kỳ nào?", NOW, asks=True)
        assert case.due_at is None
        assert any("kỳ nào" in text for text in messages(session, worker, DeliveryKind.CASE_REPLY))
        later = NOW + timedelta(days=1)
        service.write_as_worker(session, case, "Tháng 9, 10 ạ", later, day_of(later))
        assert case.due_at is not None
        told = messages(session, accounts_of(session, officer)[0], DeliveryKind.CASE_ALERT)
        assert not any("Tháng 9" in text for text in told)
        _, lines = service.open_story(session, see(session, officer, later), case.code, later)
        assert [line.body["text"] for line in lines if line.kind is EventKind.WORKER_WROTE and line.body] == [
            "Tháng 9, 10 ạ"
        ]


def test_worker_says_not_yet_once_and_the_case_reopens(database: Database, tree: Tree) -> None:
    """The first "chưa" opens it again with others told, the second closes it as not settled."""
    with database.begin() as session:
        officer = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        chair = add_officer(session, "Lê Thị Ba", tree.upper, Role.CHAIR, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        viewer = see(session, officer, NOW)
        service.claim(session, viewer, case.code, NOW, TODAY)
        service.settle(session, viewer, case.code, "paid", "Công ty hẹn trả ngày 30.", NOW)
        service.confirm(session, case, agrees=False, now=NOW, today=TODAY)
        assert (case.state, case.reopened) == (CaseState.ANSWERED, 1)
        assert chair in alerted(session, case)
        service.settle(session, viewer, case.code, "paid", "Đã trả.", NOW)
        service.confirm(session, case, agrees=False, now=NOW, today=TODAY)
        assert (case.state, case.worker_agrees) == (CaseState.CLOSED, False)
        with pytest.raises(Outdated):
            service.confirm(session, case, agrees=True, now=NOW, today=TODAY)


def test_silence_closes_a_settled_case_after_a_fortnight(database: Database, tree: Tree) -> None:
    """No answer is an end too, without the worker's word."""
    with database.begin() as session:
        officer = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        viewer = see(session, officer, NOW)
        service.claim(session, viewer, case.code, NOW, TODAY)
        service.settle(session, viewer, case.code, "paid", "Đã trả.", NOW)
        run_due(session, NOW + timedelta(days=13), TODAY, Heard())
        assert case.state is CaseState.SETTLED
        run_due(session, NOW + timedelta(days=14), TODAY, Heard())
        assert (case.state, case.worker_agrees) == (CaseState.CLOSED, None)


def test_case_of_a_lost_officer_finds_another(database: Database, tree: Tree) -> None:
    """The holder's role ends: the case is searched a new holder within a minute."""
    with database.begin() as session:
        officer = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        service.claim(session, see(session, officer, NOW), case.code, NOW, TODAY)
        other = add_officer(session, "Lê Thị Hai", tree.upper, Role.OFFICER, NOW)
        end_grant(session.scalars(select(RoleGrant).where(RoleGrant.person_id == officer)).one(), NOW, None)
        session.flush()
        mend(session, NOW, TODAY)
        assert case.holder_id is None
        assert alerted(session, case) == [other]


def test_forwarded_case_is_read_no_longer_below(database: Database, tree: Tree) -> None:
    """Forwarding up moves the case and its readers; the worker hears where it went."""
    with database.begin() as session:
        officer = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        top = add_officer(session, "Cao Thị Cao", tree.root, Role.OFFICER, NOW)
        worker = add_account(session, NOW)
        case, _ = send(session, NOW, worker, workplace_unit_id=tree.workplace)
        viewer = see(session, officer, NOW)
        service.claim(session, viewer, case.code, NOW, TODAY)
        service.forward(session, viewer, case.code, "Vượt thẩm quyền", NOW, TODAY)
        assert listed(session, officer) == []
        assert alerted(session, case) == [top]
        assert any("Liên đoàn" in text for text in messages(session, worker, DeliveryKind.CASE_REPLY))


def test_receipt_opens_the_case_elsewhere_and_guessing_is_braked(database: Database, tree: Tree) -> None:
    """Another phone with the receipt is the worker; wrong codes are counted."""
    with database.begin() as session:
        add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        case, receipt = send(session, NOW, workplace_unit_id=tree.workplace)
        phone = add_account(session, NOW, sender="zalo_oa:1")
        spoken = " ".join(receipt[i : i + 4] for i in range(0, 16, 4))
        assert service.return_with_receipt(session, phone, f"mã {spoken}", NOW) is case
        assert service.get_mine(session, phone, case.code).id == case.id
        thief = add_account(session, NOW)
        for _ in range(service.TRIES):
            assert service.return_with_receipt(session, thief, "1234 5678 9012 3456", NOW) is None
        with pytest.raises(UserError):
            service.return_with_receipt(session, thief, receipt, NOW)
        with pytest.raises(Outdated):
            service.get_mine(session, thief, case.code)


def test_merged_cases_answer_both_workers_without_naming_them(database: Database, tree: Tree) -> None:
    """One matter, two workers: both hear the answer, each under their own code."""
    with database.begin() as session:
        officer = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        first, second = add_account(session, NOW), add_account(session, NOW)
        one, _ = send(session, NOW, first, workplace_unit_id=tree.workplace)
        two, _ = send(session, NOW, second, workplace_unit_id=tree.workplace)
        viewer = see(session, officer, NOW)
        for case in (one, two):
            service.claim(session, viewer, case.code, NOW, TODAY)
        service.merge(session, viewer, two.code, one.code, NOW)
        service.answer(session, viewer, one.code, "Công đoàn đang làm việc với công ty.", NOW)
        for account, own, other in ((first, one, two), (second, two, one)):
            said = "\n".join(messages(session, account, DeliveryKind.CASE_REPLY))
            assert "đang làm việc" in said
            assert other.code[:4] not in said, own.code


def test_what_was_merged_goes_along_when_its_case_is_merged_and_sent_up(database: Database, tree: Tree) -> None:
    """Three workers, one matter: all three hear where it went, and whoever holds it above reads what each told."""
    with database.begin() as session:
        clerk = see(session, add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW), NOW)
        above = see(session, add_officer(session, "Vũ Thị Trên", tree.root, Role.OFFICER, NOW), NOW)
        accounts = [add_account(session, NOW) for _ in range(3)]
        cases = [send(session, NOW, one, workplace_unit_id=tree.workplace)[0] for one in accounts]
        for case in cases:
            service.claim(session, clerk, case.code, NOW, TODAY)
        first, second, third = cases
        service.merge(session, clerk, third.code, second.code, NOW)
        service.merge(session, clerk, second.code, first.code, NOW)
        assert {case.merged_into_id for case in (second, third)} == {first.id}
        service.forward(session, clerk, first.code, "Nhiều phường", NOW, TODAY)
        for account in accounts:
            assert "đã chuyển lên" in messages(session, account, DeliveryKind.CASE_REPLY)[-1]
        service.claim(session, above, first.code, NOW, TODAY)
        assert {one.id for one, _ in service.open_merged(session, above, first, NOW)} == {second.id, third.id}
        assert service.open_merged(session, clerk, first, NOW) == []
        service.bar_person(session, second, above.person_id, WhyBarred.DECLARED, NOW)
        assert [one.id for one, _ in service.open_merged(session, above, first, NOW)] == [third.id]


def test_worker_of_a_merged_case_takes_theirs_back(database: Database, tree: Tree) -> None:
    """The matter goes on for the other, who hears nothing of it; this worker is told nothing more."""
    with database.begin() as session:
        clerk = see(session, add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW), NOW)
        mine = add_account(session, NOW)
        kept, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        own, _ = send(session, NOW, mine, workplace_unit_id=tree.workplace)
        for case in (kept, own):
            service.claim(session, clerk, case.code, NOW, TODAY)
        service.merge(session, clerk, own.code, kept.code, NOW)
        service.withdraw(session, own, NOW)
        before = messages(session, mine, DeliveryKind.CASE_REPLY)
        service.answer(session, clerk, kept.code, "Công ty hẹn trả ngày mai.", NOW)
        assert messages(session, mine, DeliveryKind.CASE_REPLY) == before
        assert (own.state, kept.state) == (CaseState.WITHDRAWN, CaseState.ANSWERED)


def test_officer_appointed_later_finds_no_case_that_names_them(database: Database, tree: Tree) -> None:
    """Not in a list and not in a count, wherever in what the worker wrote the name stands; other cases they see. The
    clock looks through older cases; until it was there the desk does."""
    with database.begin() as session:
        add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        send(session, NOW, workplace_unit_id=tree.workplace, story="Anh Hoàng Văn Mới bao che cho công ty.")
        later, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        service.write_as_worker(session, later, "Nhờ giúp sớm.", NOW, TODAY)
        search_all(session)
        new = add_officer(session, "Hoàng Văn Mới", tree.upper, Role.DEPUTY_CHAIR, NOW)
        other = add_officer(session, "Hoàng Văn Mới", tree.root, Role.OFFICER, NOW)
        at_desk = sit_down(session, new)
        assert [one.code for one in list_visible(session, at_desk, Wanted(), 9)] == [later.code]
        assert count_visible(session, at_desk, Wanted()) == 1
        search_all(session)
        assert listed(session, new) == [later.code]
        assert count_visible(session, see(session, new, NOW), Wanted()) == 1
        assert listed(session, other) == []
        assert not bar_unsearched(session, NOW)


def test_officer_appointed_while_older_cases_are_looked_through_is_looked_for_in_all(
    database: Database, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only in those that were left when they joined somebody for whom the clock was at work."""
    monkeypatch.setattr("handlers.cases.searching._CASES_AT_ONCE", 2)
    with database.begin() as session:
        add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        send(session, NOW, workplace_unit_id=tree.workplace, story="Anh Hoàng Văn Mới bao che cho công ty.")
        others = [send(session, NOW, workplace_unit_id=tree.workplace)[0].code for _ in range(4)]
        assert bar_unsearched(session, NOW)  # two cases for the first officer
        new = add_officer(session, "Hoàng Văn Mới", tree.upper, Role.OFFICER, NOW)
        search_all(session)
        assert set(listed(session, new)) == set(others)


def test_officer_with_another_name_is_looked_for_in_all_cases_once_more(
    database: Database, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name put right is that of whom a worker wrote: from then on no list has the case, also when the clock was just
    at the older ones; nobody hands it to them either."""
    monkeypatch.setattr("handlers.cases.searching._CASES_AT_ONCE", 2)
    with database.begin() as session:
        add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        story = "Anh Hoàng Văn Mới bao che cho công ty."
        accused, _ = send(session, NOW, workplace_unit_id=tree.workplace, story=story)
        others = {send(session, NOW, workplace_unit_id=tree.workplace)[0].code for _ in range(4)}
        misspelt = add_officer(session, "Hoàng Văn Mơi Mơi", tree.upper, Role.OFFICER, NOW)
        assert bar_unsearched(session, NOW)  # it has been at the two oldest
        rename(session, misspelt, "Hoàng Văn Mới")
        assert {one.code for one in list_visible(session, sit_down(session, misspelt), Wanted(), 9)} == others
        assert list_takeable(session, [accused], see(session, misspelt, NOW)) == []
        assert not tell_officer(session, accused, misspelt, "reminder", NOW, "case_alerts.due_soon")
        search_all(session)
        assert set(listed(session, misspelt)) == others
        rename(session, misspelt, "Hoàng Văn Mười")
        rename(session, misspelt, "Hoàng Văn Mười")
        search_all(session)
        assert set(listed(session, misspelt)) == others  # what was kept from them once stays so
        assert len(list_takeable(session, [*session.scalars(select(Case))], see(session, misspelt, NOW))) == len(others)


def test_officer_paid_by_another_employer_is_looked_for_in_all_cases_once_more(database: Database, tree: Tree) -> None:
    """By a role at another unit, given alone or by a list, or by one that comes with a merger of two people."""
    facts = {"workplace_unit_id": None, "commune": "Phường Thử", "story": "Em làm cty may một, nợ lương 2 tháng."}
    with database.begin() as session:
        alone, by_list, merged = (
            add_officer(session, name, tree.upper, Role.OFFICER, NOW)
            for name in ("Lê Thị Một", "Trần Văn Hai", "Vũ Thị Ba")
        )
        case, _ = send(session, NOW, **facts)
        search_all(session)
        assert [listed(session, one) for one in (alone, by_list, merged)] == [[case.code]] * 3
        paid = {"from_on": TODAY, "to_on": None, "paid_by_unit_id": tree.workplace}
        person = session.get_one(Person, alone)
        add_grant(session, person, tree.root, Role.OFFICER, TODAY, NOW, paid_by_unit_id=tree.workplace)
        add_grants(session, [NewGrant(by_list, tree.root, Role.OFFICER, **paid)], NOW)
        other = add_person(session, {"full_name": "Vũ Thị Ba"}, NOW)
        end_grant(add_grant(session, other, tree.root, Role.OFFICER, **paid, now=NOW), NOW, None)
        move_rows(session, other.id, merged)
        session.expire_all()
        for one in (alone, by_list, merged):
            assert list_visible(session, sit_down(session, one), Wanted(), 9) == []
        search_all(session)
        for one in (alone, by_list, merged):
            assert listed(session, one) == []


def test_officer_whose_employer_gets_another_name_or_payer_is_looked_for_once_more(
    database: Database, tree: Tree
) -> None:
    """By a reorganisation: their workplace is called otherwise, or another one went on for it and pays them."""
    facts = {"workplace_unit_id": None, "commune": "Phường Thử"}
    with database.begin() as session:
        paid = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW, paid_by=tree.workplace)
        add_officer(session, "Vũ Thị Ba", tree.upper, Role.OFFICER, NOW)
        renamed, _ = send(session, NOW, **facts, story="Em làm cty Mặt Trời Đỏ, nợ lương 2 tháng.")
        moved, _ = send(session, NOW, **facts, story="Em làm cty giày hai, nợ lương 2 tháng.")
        search_all(session)
        assert set(listed(session, paid)) == {renamed.code, moved.code}
        period = find_period(session, tree.workplace, TODAY)
        assert period is not None
        change_period(session, tree.workplace, "employer", period.employer, "Công ty Mặt Trời Đỏ", TODAY)
        assert renamed.code not in {one.code for one in list_visible(session, sit_down(session, paid), Wanted(), 9)}
        search_all(session)
        assert listed(session, paid) == [moved.code]
        move_payer(session, tree.workplace, tree.other_workplace)
        search_all(session)
        assert listed(session, paid) == []


def test_alert_that_waits_for_the_morning_does_not_reach_whoever_is_named_by_then(
    database: Database, tree: Tree
) -> None:
    """Asked by night under a misspelt name: once it is put right the alert is called off, and the next are asked."""
    night = NOW.replace(hour=15)  # 22:00 in Vietnam
    with database.begin() as session:
        misspelt = add_officer(session, "Hoàng Văn Mơi Mơi", tree.upper, Role.OFFICER, NOW)
        chair = add_officer(session, "Lê Thị Hai", tree.upper, Role.CHAIR, NOW)
        search_all(session)
        case, _ = send(session, night, workplace_unit_id=tree.workplace, story="Anh Hoàng Văn Mới bao che cho công ty.")
        assert alerted(session, case) == [misspelt]
        rename(session, misspelt, "Hoàng Văn Mới")
        search_all(session)
        [account] = accounts_of(session, misspelt)
        lines = session.scalars(select(Delivery.state).where(Delivery.recipient == account.address_hash)).all()
        assert lines == [DeliveryState.EXPIRED]
        assert alerted(session, case) == [misspelt, chair]


def test_role_that_begins_later_is_looked_for_on_its_first_day(database: Database, tree: Tree) -> None:
    """Who writes of them before that day was not asked about: they held no role then."""
    begins = NOW + timedelta(days=10)
    with database.begin() as session:
        add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        person = add_person(session, {"full_name": "Hoàng Văn Mới"}, NOW)
        add_grant(session, person, tree.upper, Role.OFFICER, day_of(begins), NOW)
        search_all(session)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace, story="Anh Hoàng Văn Mới bao che cho công ty.")
        viewer = see(session, person.id, begins)
        assert list_takeable(session, [case], viewer) == []
        while bar_unsearched(session, begins):
            pass
        assert list_visible(session, see(session, person.id, begins), Wanted(), 9) == []


def test_officer_who_left_and_came_back_takes_over_nothing_that_was_not_looked_through(
    database: Database, tree: Tree
) -> None:
    """What they were looked for in the first role says nothing of cases sent while they held none."""
    with database.begin() as session:
        add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        back = add_officer(session, "Hoàng Văn Mới", tree.upper, Role.OFFICER, NOW)
        search_all(session)
        end_grant(session.scalars(select(RoleGrant).where(RoleGrant.person_id == back)).one(), NOW, None)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace, story="Anh Hoàng Văn Mới bao che cho công ty.")
        add_grant(session, session.get_one(Person, back), tree.upper, Role.OFFICER, TODAY, NOW)
        assert list_takeable(session, [case], see(session, back, NOW)) == []


def test_nobody_waits_for_an_officer_whom_no_channel_reaches(database: Database, tree: Tree) -> None:
    """They blocked the bot and have no other channel: the next are asked at the clock's next look; with nobody left the
    operator hears of it."""
    later = NOW + timedelta(minutes=1)
    with database.begin() as session:
        lost = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        chair = add_officer(session, "Lê Thị Hai", tree.upper, Role.CHAIR, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        heard = Heard()
        for person, known in ((lost, [lost, chair]), (chair, [lost, chair])):
            [account] = accounts_of(session, person)
            _note_unreachable(session, account.sender, account.address_hash, later)
            session.expire_all()
            run_due(session, later, TODAY, heard)
            assert alerted(session, case) == known
        assert len(heard.subjects) == 1


def test_what_is_urgent_reaches_worker_and_administrator_by_night(database: Database, tree: Tree) -> None:
    """An accident is claimed at night and the officer asks where: the question does not wait for the morning."""
    night = NOW.replace(hour=15)  # 22:00 in Vietnam
    with database.begin() as session:
        admin = add_officer(session, "Đỗ Thị Trị", tree.root, Role.ADMINISTRATOR, NOW)
        case, _ = send(session, night, category="accident", workplace_unit_id=tree.workplace)
        run_due(session, night, TODAY, Heard())
        [its] = accounts_of(session, admin)
        assert due_at_once(session, its, night) == 1
        clerk = add_officer(session, "Lê Thị Một", tree.root, Role.OFFICER, NOW)
        service.claim(session, see(session, clerk, night), case.code, night, TODAY)
        service.answer(session, see(session, clerk, night), case.code, "Ở bệnh viện nào?", night, asks=True)
        assert due_at_once(session, list_party_accounts(session, case)[0], night) == 2
        wages, _ = send(session, night, category="wages", workplace_unit_id=tree.workplace)
        service.claim(session, see(session, clerk, night), wages.code, night, TODAY)
        assert due_at_once(session, list_party_accounts(session, wages)[0], night) == 0


def due_at_once(session: Session, account: Account, now: datetime) -> int:
    """How many messages of somebody do not wait."""
    mine = (Delivery.recipient == account.address_hash, Delivery.not_before_at <= now)
    return session.scalar(select(func.count()).select_from(Delivery).where(*mine)) or 0


def rename(session: Session, person_id: int, name: str) -> None:
    """Put somebody's name right."""
    person = session.get_one(Person, person_id)
    change_profile(session, person, (person.profile or {}) | {"full_name": name}, TODAY)


def search_all(session: Session) -> None:
    """The clock, until it has nothing left."""
    while bar_unsearched(session, NOW):
        pass


def sit_down(session: Session, person_id: int) -> Viewer:
    """The viewer an officer is at their desk."""
    return read_desk_viewer(session, person_id, list_grants(session, person_id, NOW, TODAY), NOW, TODAY)


def test_newly_appointed_officer_finds_older_cases_once_they_were_looked_through(
    database: Database, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many cases the desk looks through the newest; the older ones stand in no list until the clock was there, but
    for what the officer holds and what another unit of theirs may read."""
    monkeypatch.setattr("handlers.case_viewers._AT_ONCE", 2)
    with database.begin() as session:
        new = add_officer(session, "Hoàng Văn Mới", tree.root, Role.OFFICER, NOW)
        add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        search_all(session)
        cases = [send(session, NOW, workplace_unit_id=tree.workplace)[0] for _ in range(6)]
        oldest, held, both, _old, *newest = cases
        session.add(CaseReader(case_id=both.id, unit_id=tree.root, why=WhyReader.ESCALATED, since_at=NOW))
        person = session.get_one(Person, new)
        add_grant(session, person, tree.upper, Role.OFFICER, TODAY, NOW)
        service.claim(session, sit_down(session, new), held.code, NOW, TODAY)
        at_desk = sit_down(session, new)
        codes = {one.code for one in list_visible(session, at_desk, Wanted(), 9)}
        assert codes == {one.code for one in (held, both, *newest)}
        assert count_visible(session, at_desk, Wanted()) == 4
        assert service.get_case(session, at_desk, oldest.code, NOW) is oldest  # opened by its code it is looked through
        search_all(session)
        assert count_visible(session, sit_down(session, new), Wanted()) == 6


def test_officer_of_an_employer_that_the_story_names_never_sees_it_without_a_known_workplace(
    database: Database, tree: Tree
) -> None:
    """The union could not tell which workplace it is, but the worker says so: who is paid there or tied to it is kept
    away, also from when on they say so; a colleague takes it."""
    with database.begin() as session:
        paid = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW, paid_by=tree.workplace)
        tied = add_officer(session, "Trần Văn Hai", tree.upper, Role.OFFICER, NOW)
        free = add_officer(session, "Vũ Thị Ba", tree.upper, Role.OFFICER, NOW)
        facts = {"workplace_unit_id": None, "commune": "Phường Thử"}
        own, _ = send(session, NOW, **facts, story="Em làm cty may một, nợ lương 2 tháng.")
        other, _ = send(session, NOW, **facts, story="Một tháng nay máy hỏng, công ty không trả lương.")
        assert alerted(session, own) == [tied, free]
        assert alerted(session, other) == [paid, tied, free]
        service.claim(session, see(session, tied, NOW), own.code, NOW, TODAY)
        session.add(OfficerTie(person_id=tied, unit_id=tree.workplace, declared_at=NOW))
        session.flush()
        bar_tied(session, see(session, tied, NOW), NOW)
        assert own.code not in [*listed(session, tied), *listed(session, paid)]
        mend(session, NOW, TODAY)
        assert own.holder_id is None
        assert alerted(session, own) == [free]


def test_administrator_who_is_named_hears_of_no_case_that_nobody_takes(database: Database, tree: Tree) -> None:
    """Whoever can appoint officers is told that nobody is left; not one of whom the worker writes."""
    with database.begin() as session:
        accused = add_officer(session, "Hoàng Văn Quản", tree.root, Role.ADMINISTRATOR, NOW)
        other = add_officer(session, "Đỗ Thị Trị", tree.root, Role.ADMINISTRATOR, NOW)
        send(session, NOW, workplace_unit_id=tree.workplace, story="Ông Hoàng Văn Quản nhận tiền của công ty.")
        run_due(session, NOW, TODAY, lambda *_told: None)
        told = {row.recipient for row in session.query(Delivery)}
        [its], [theirs] = accounts_of(session, accused), accounts_of(session, other)
        assert theirs.address_hash in told
        assert its.address_hash not in told


def test_officer_who_left_is_not_asked_again_about_a_case_that_nobody_takes(database: Database, tree: Tree) -> None:
    """Those asked last are asked again when nobody is left; not one who gave up the role, whom a worker may have named
    since."""
    later = NOW + timedelta(days=3)
    with database.begin() as session:
        gone = add_officer(session, "Hoàng Văn Quản", tree.upper, Role.OFFICER, NOW)
        stays = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        assert alerted(session, case) == [gone, stays]
        end_grant(session.scalars(select(RoleGrant).where(RoleGrant.person_id == gone)).one(), NOW, None)
        run_due(session, later, day_of(later), lambda *_told: None)
        [first], [second] = accounts_of(session, gone), accounts_of(session, stays)
        assert len(messages(session, first, DeliveryKind.CASE_ALERT)) == 1
        assert len(messages(session, second, DeliveryKind.CASE_ALERT)) > 1


def test_case_that_no_key_opens_keeps_no_other_from_its_alerts(database: Database, tree: Tree) -> None:
    """A store of case keys that lacks one key: the operator is told which case, and the other one goes on."""
    heard: list[str] = []
    with database.begin() as session:
        damaged, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        other, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        damaged.key_id = "no-such-key"
    with database.begin() as session:
        clerk = add_officer(session, "Lê Thị Một", tree.root, Role.OFFICER, NOW)
        run_due(session, NOW, TODAY, lambda _session, _subject, text: heard.append(text))
        damaged, other = (session.get_one(Case, one.id) for one in (damaged, other))
        assert alerted(session, other) == [clerk]
        assert alerted(session, damaged) == []
        assert damaged.code in "".join(heard)
        assert damaged.next_step_at is not None
        assert damaged.next_step_at > NOW
        search_all(session)
        assert {one.code for one in list_visible(session, sit_down(session, clerk), Wanted(), 9)} >= {other.code}


def test_claim_silences_whoever_has_not_heard_yet(database: Database, tree: Tree) -> None:
    """Sent by night, claimed by night: in the morning nobody is asked to take what is taken."""
    night = NOW.replace(hour=15)  # 22:00 in Vietnam
    with database.begin() as session:
        first = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        second = add_officer(session, "Lê Thị Hai", tree.upper, Role.OFFICER, NOW)
        case, _ = send(session, night, workplace_unit_id=tree.workplace)
        other, _ = send(session, night, workplace_unit_id=tree.workplace)
        service.claim(session, see(session, first, night), case.code, night, TODAY)
        [account] = accounts_of(session, second)
        lines = session.scalars(select(Delivery).where(Delivery.recipient == account.address_hash)).all()
        states = {show_code(case.code) in row.body["text"]: row.state for row in lines}
        assert states == {True: DeliveryState.EXPIRED, False: DeliveryState.DUE}
        assert other.state is CaseState.OPENED


def test_officer_whom_the_worker_names_by_night_hears_nothing_in_the_morning(database: Database, tree: Tree) -> None:
    """Their alert waited for the end of the night; it is called off, and the next person is asked at once."""
    night = NOW.replace(hour=15)  # 22:00 in Vietnam
    with database.begin() as session:
        named = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        chair = add_officer(session, "Trần Văn Chủ", tree.upper, Role.CHAIR, NOW)
        case, _ = send(session, night, workplace_unit_id=tree.workplace)
        assert alerted(session, case) == [named]
        service.write_as_worker(session, case, "Chị lê thị một là người nhà giám đốc.", night, TODAY)
        [account] = accounts_of(session, named)
        lines = session.scalars(select(Delivery).where(Delivery.recipient == account.address_hash)).all()
        assert [row.state for row in lines] == [DeliveryState.EXPIRED]
        assert alerted(session, case) == [named, chair]


def test_role_the_worker_keeps_away_is_kept_away_from_the_unit_that_goes_on(database: Database, tree: Tree) -> None:
    """A union is merged into another: its chair, who is chair there now, is still kept away; the officer is asked."""
    with database.begin() as session:
        since = TODAY - timedelta(days=400)
        new = add_unit(session, "PM", UnitLevel.UPPER, tree.root, "Công đoàn phường Mới", since)
        add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace, excluded=((tree.upper, Role.CHAIR),))
        chair = add_officer(session, "Trần Văn Chủ", new, Role.CHAIR, NOW)
        officer = add_officer(session, "Lê Thị Hai", new, Role.OFFICER, NOW)
        search_all(session)
        for place in (tree.workplace, tree.other_workplace):
            change_parent(session, place, tree.upper, new, TODAY)
        close_unit(session, get_unit(session, tree.upper), TODAY, new)
        mend(session, NOW, TODAY)
        run_due(session, NOW + timedelta(days=9), TODAY + timedelta(days=9), Heard())
        assert alerted(session, case) == [officer]
        assert list_visible(session, see(session, officer, NOW), Wanted(), 9) == [case]
        assert list_visible(session, see(session, chair, NOW), Wanted(), 9) == []


def test_chair_whom_the_worker_keeps_away_is_kept_away_in_another_role(database: Database, tree: Tree) -> None:
    """They step down to officer, at their union or at the one above: it is still them whom the worker meant."""
    with database.begin() as session:
        chair = add_officer(session, "Trần Văn Chủ", tree.upper, Role.CHAIR, NOW)
        officer = add_officer(session, "Lê Thị Hai", tree.root, Role.OFFICER, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace, excluded=((tree.upper, Role.CHAIR),))
        [grant] = list_grants(session, chair, NOW, TODAY)
        end_grant(grant, NOW, None)
        for unit_id in (tree.upper, tree.root):
            add_grant(session, session.get_one(Person, chair), unit_id, Role.OFFICER, TODAY, NOW)
        search_all(session)
        run_due(session, NOW + timedelta(days=9), TODAY + timedelta(days=9), Heard())
        assert alerted(session, case) == [officer]
        assert list_visible(session, see(session, chair, NOW), Wanted(), 9) == []


def states_of(session: Session, person_id: int) -> list[DeliveryState]:
    """What became of each message about cases to somebody."""
    mine = select(Delivery).where(
        Delivery.recipient == accounts_of(session, person_id)[0].address_hash, Delivery.kind == DeliveryKind.CASE_ALERT
    )
    return [row.state for row in session.scalars(mine.order_by(Delivery.id))]


def test_officer_who_was_given_a_case_and_is_named_then_hears_nothing_of_it(database: Database, tree: Tree) -> None:
    """Whatever waited for the morning is called off, not only that they were asked."""
    night = NOW.replace(hour=15)  # 22:00 in Vietnam
    with database.begin() as session:
        add_officer(session, "Cao Thị Cao", tree.root, Role.OFFICER, NOW)
        chair = add_officer(session, "Trần Văn Chủ", tree.upper, Role.CHAIR, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        given = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        search_all(session)
        service.claim(session, see(session, chair, NOW), case.code, NOW, TODAY)
        service.assign(session, see(session, chair, night), case.code, given, "bận", night, TODAY)
        assert states_of(session, given) == [DeliveryState.DUE]
        service.write_as_worker(session, case, "Chị lê thị một là người nhà giám đốc.", night, TODAY)
        assert states_of(session, given) == [DeliveryState.EXPIRED]


def test_officer_who_hands_a_case_on_in_the_night_hears_nothing_of_it_in_the_morning(
    database: Database, tree: Tree
) -> None:
    """What the worker wrote meanwhile is for whoever has the case now."""
    night = NOW.replace(hour=15)  # 22:00 in Vietnam
    with database.begin() as session:
        chair = add_officer(session, "Trần Văn Chủ", tree.upper, Role.CHAIR, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        given = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        search_all(session)
        service.claim(session, see(session, chair, NOW), case.code, NOW, TODAY)
        service.write_as_worker(session, case, "Tôi gửi thêm ngày tháng.", night, TODAY)
        assert states_of(session, chair)[-1] is DeliveryState.DUE
        service.assign(session, see(session, chair, night), case.code, given, "bận", night, TODAY)
        assert states_of(session, chair)[-1] is DeliveryState.EXPIRED
        assert states_of(session, given) == [DeliveryState.DUE]


@pytest.mark.parametrize("outcome", ["due", "claimed"])
def test_alert_of_an_earlier_search_does_not_reach_whoever_is_named_since(
    database: Database, tree: Tree, outcome: str
) -> None:
    """Their channel was away in the first search, or was just being tried; named in the second, they hear nothing."""
    with database.begin() as session:
        add_officer(session, "Cao Thị Cao", tree.root, Role.OFFICER, NOW)
        named = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        line = session.scalars(select(Delivery).where(Delivery.kind == DeliveryKind.CASE_ALERT)).one()
        line.state = DeliveryState(outcome)
        case.round += 1
        service.write_as_worker(session, case, "Chị lê thị một là người nhà giám đốc.", NOW, TODAY)
        session.refresh(line)
        assert (line.state is DeliveryState.EXPIRED) == (outcome == "due")
        line.state = DeliveryState.DUE if outcome == "claimed" else line.state  # it could not be sent
        session.flush()
        assert line not in claim_due(session, line.sender, NOW, 9)
        assert states_of(session, named) == [DeliveryState.EXPIRED]


def test_officer_who_comes_back_into_office_is_asked_again(database: Database, tree: Tree) -> None:
    """They left, nobody else is there, and they are appointed again: within minutes they hear of the case."""
    with database.begin() as session:
        add_officer(session, "Quản Trị", tree.root, Role.ADMINISTRATOR, NOW)
        officer = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        send(session, NOW, workplace_unit_id=tree.workplace, category="accident")
        [grant] = list_grants(session, officer, NOW, TODAY)
        end_grant(grant, NOW, None)
        mend(session, NOW, TODAY)
        run_due(session, NOW, TODAY, Heard())
        assert DeliveryState.DUE not in states_of(session, officer)
        add_grant(session, session.get_one(Person, officer), tree.upper, Role.OFFICER, TODAY, NOW)
        search_all(session)
        later = NOW + timedelta(minutes=11)
        mend(session, later, TODAY)
        run_due(session, later, TODAY, Heard())
        assert states_of(session, officer)[-1] is DeliveryState.DUE
        [grant] = list_grants(session, officer, later, TODAY)
        end_grant(grant, later, None)  # and once more
        mend(session, later, TODAY)
        add_grant(session, session.get_one(Person, officer), tree.upper, Role.OFFICER, TODAY, later)
        search_all(session)
        [account] = accounts_of(session, officer)
        account.unreachable_since = later
        run_due(session, later + timedelta(minutes=11), TODAY, Heard())
        assert DeliveryState.DUE not in states_of(session, officer)
        account.unreachable_since = None
        run_due(session, later + timedelta(minutes=22), TODAY, Heard())
        assert states_of(session, officer)[-1] is DeliveryState.DUE


def test_officer_who_is_out_of_reach_for_a_moment_keeps_what_waits_for_them(database: Database, tree: Tree) -> None:
    """Their channel takes nothing and the only alert waits; the clock calls for help and leaves it there."""
    with database.begin() as session:
        officer = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        send(session, NOW, workplace_unit_id=tree.workplace, category="accident")
        accounts_of(session, officer)[0].unreachable_since = NOW
        look_at_asked(session, officer, NOW)
        for minutes in (1, 6, 9):
            at = NOW + timedelta(minutes=minutes)
            mend(session, at, TODAY)
            run_due(session, at, TODAY, Heard())
        assert states_of(session, officer) == [DeliveryState.DUE]


def test_chair_who_held_the_role_before_the_worker_kept_it_away_is_not_meant(database: Database, tree: Tree) -> None:
    """From officer to chair is an ordinary way: the worker keeps today's officers away, and the chair is asked."""
    with database.begin() as session:
        chair = add_officer(session, "Trần Văn Chủ", tree.upper, Role.OFFICER, NOW - timedelta(days=9))
        [grant] = list_grants(session, chair, NOW, TODAY)
        end_grant(grant, NOW - timedelta(days=5), None)
        add_grant(session, session.get_one(Person, chair), tree.upper, Role.CHAIR, TODAY, NOW)
        search_all(session)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace, excluded=((tree.upper, Role.OFFICER),))
        assert alerted(session, case) == [chair]


def test_officer_asked_to_take_over_who_leaves_hears_nothing_of_it(database: Database, tree: Tree) -> None:
    """An overdue case that somebody holds goes on up the ladder; an alert that waits is called off there too."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        chair = add_officer(session, "Trần Văn Chủ", tree.upper, Role.CHAIR, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        service.claim(session, see(session, holder, NOW), case.code, NOW, TODAY)
        late = NOW + timedelta(days=9)
        run_due(session, late, day_of(late), Heard())
        assert DeliveryState.DUE in states_of(session, chair)
        [grant] = list_grants(session, chair, late, day_of(late))
        end_grant(grant, late, None)
        mend(session, late, day_of(late))
        assert set(states_of(session, chair)) == {DeliveryState.EXPIRED}


def test_reminder_to_follow_up_is_replaced_by_no_other(database: Database, tree: Tree) -> None:
    """It says something else; what a reminder of the deadline replaces is an earlier one."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        viewer = see(session, holder, NOW)
        service.claim(session, viewer, case.code, NOW, TODAY)
        day = TODAY + timedelta(days=1)
        service.refer(session, viewer, case.code, "labour_inspectorate", day, NOW)
        remind_to_follow_up(session, NOW + timedelta(days=1), day)
        late = NOW + timedelta(days=9)
        run_due(session, late, day_of(late), Heard())
        waiting = messages(session, accounts_of(session, holder)[0], DeliveryKind.CASE_ALERT)
        states = dict(zip(waiting, states_of(session, holder), strict=True))
        assert [state for text, state in states.items() if "hỏi lại kết quả" in text] == [DeliveryState.DUE]
        assert list(states.values()).count(DeliveryState.DUE) == 2


def test_officer_whose_channel_is_away_for_a_day_hears_once_of_a_case_that_waits(
    database: Database, tree: Tree
) -> None:
    """They are asked again and again meanwhile; what waits is the newest of it, and what was sent stays."""
    with database.begin() as session:
        officer = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        send(session, NOW, workplace_unit_id=tree.workplace, category="accident")
        mine = Delivery.recipient == accounts_of(session, officer)[0].address_hash
        session.scalars(select(Delivery).where(mine)).one().state = DeliveryState.SENT
        for hour in range(1, 25):
            at = NOW + timedelta(hours=hour)
            run_due(session, at, day_of(at), Heard())
        states = Counter(session.scalars(select(Delivery.state).where(mine)))
        assert states[DeliveryState.SENT] == states[DeliveryState.DUE] == 1
        assert states[DeliveryState.EXPIRED] > 20


@pytest.mark.parametrize("how", ["ended", "ran out"])
def test_officer_who_leaves_while_an_alert_waits_is_waited_for_no_longer(
    database: Database, tree: Tree, how: str
) -> None:
    """The alert waits for the end of the night; whoever gives up the role by then does not get it, and the next person
    is asked at once, and once."""
    night = NOW.replace(hour=15)  # 22:00 in Vietnam
    morning = night + timedelta(hours=8)
    with database.begin() as session:
        leaving = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        chair = add_officer(session, "Trần Văn Chủ", tree.upper, Role.CHAIR, NOW)
        case, _ = send(session, night, workplace_unit_id=tree.workplace)
        [grant] = list_grants(session, leaving, night, TODAY)
        if how == "ended":
            end_grant(grant, night, None)
        else:
            grant.to_on = day_of(night)
        for _ in range(3):
            mend(session, morning, day_of(morning))
            run_due(session, morning, day_of(morning), Heard())
        [account] = accounts_of(session, leaving)
        lines = session.scalars(select(Delivery).where(Delivery.recipient == account.address_hash)).all()
        assert [row.state for row in lines] == [DeliveryState.EXPIRED]
        assert alerted(session, case) == [leaving, chair]
        told = session.scalars(
            select(Delivery).where(Delivery.recipient == accounts_of(session, chair)[0].address_hash)
        )
        assert [row.state for row in told] == [DeliveryState.DUE]


def test_case_merged_into_one_that_is_taken_back_is_worked_on_again(database: Database, tree: Tree) -> None:
    """The other worker's matter does not end with the first one's."""
    with database.begin() as session:
        officer = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        one, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        two, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        viewer = see(session, officer, NOW)
        for case in (one, two):
            service.claim(session, viewer, case.code, NOW, TODAY)
        service.merge(session, viewer, two.code, one.code, NOW)
        service.withdraw(session, one, NOW)
        mend(session, NOW, TODAY)
        assert two.state is CaseState.OPENED
        assert alerted(session, two) == [officer]


def test_nobody_fit_calls_the_administrators_and_the_operator(database: Database, tree: Tree) -> None:
    """A case without anybody who may have it is not silent."""
    with database.begin() as session:
        add_officer(session, "Quản Trị", tree.root, Role.ADMINISTRATOR, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        heard = Heard()
        at = NOW + timedelta(hours=4)
        run_due(session, at, TODAY, heard)
        assert heard.subjects
        assert case.next_step_at is not None
        assert case.next_step_at > at
        assert session.get(Case, case.id) is case


def test_recategorising_moves_the_deadline_and_never_opens_more(database: Database, tree: Tree) -> None:
    """A harassment case relabelled stays its holder's alone."""
    with database.begin() as session:
        one = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        two = add_officer(session, "Lê Thị Hai", tree.upper, Role.OFFICER, NOW)
        case, _ = send(session, NOW, category="harassment", workplace_unit_id=tree.workplace)
        viewer = see(session, one, NOW)
        service.claim(session, viewer, case.code, NOW, TODAY)
        before = case.due_at
        service.recategorise(session, viewer, case.code, "wages", Urgency.ORDINARY, NOW)
        assert case.due_at != before
        assert listed(session, two) == []
        assert [line.kind for line in list_lines(session, case)][-1] is EventKind.RECATEGORISED


def test_substitute_who_is_away_is_replaced_too(database: Database, tree: Tree) -> None:
    """Whoever is there at the end of the chain is asked; two who are away and name one another stand in for nobody."""
    with database.begin() as session:
        away = add_officer(session, "Lê Thị Vắng", tree.upper, Role.OFFICER, NOW)
        chair = add_officer(session, "Lê Thị Chủ", tree.upper, Role.CHAIR, NOW)
        deputy = add_officer(session, "Lê Thị Phó", tree.upper, Role.DEPUTY_CHAIR, NOW)
        session.add(Absence(person_id=away, from_on=TODAY, to_on=TODAY, substitute_id=chair))
        gone = Absence(person_id=chair, from_on=TODAY, to_on=TODAY, substitute_id=deputy)
        session.add(gone)
        session.flush()
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace, is_emergency=True)
        assert alerted(session, case) == [deputy]
        gone.substitute_id = away
        session.flush()
        later, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        assert alerted(session, later) == [deputy], "the next rung, since nobody stands in"
        barred, _ = send(session, NOW, workplace_unit_id=tree.workplace, excluded=((tree.upper, Role.DEPUTY_CHAIR),))
        assert deputy not in alerted(session, barred)


@pytest.mark.parametrize("category", ["wages", "harassment"])
def test_danger_finds_somebody_else_while_the_holder_is_away(database: Database, tree: Tree, category: str) -> None:
    """Who stands in may take the case at once; the holder hears of it all the same."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Giữ", tree.upper, Role.OFFICER, NOW)
        stands_in = add_officer(session, "Lê Thị Thay", tree.upper, Role.CHAIR, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace, category=category)
        service.claim(session, see(session, holder, NOW), case.code, NOW, TODAY)
        session.add(Absence(person_id=holder, from_on=TODAY, to_on=TODAY, substitute_id=stands_in))
        session.flush()
        service.write_as_worker(session, case, "Họ đang đánh tôi", NOW, TODAY, Urgency.EMERGENCY)
        assert (case.state, case.holder_id, alerted(session, case)) == (CaseState.OPENED, None, [stands_in])
        told = messages(session, accounts_of(session, holder)[0], DeliveryKind.CASE_ALERT)
        assert "nguy hiểm" in told[-1]
        service.claim(session, see(session, stands_in, NOW), case.code, NOW, TODAY)
        assert case.holder_id == stands_in


def test_danger_finds_somebody_else_when_no_channel_reaches_the_holder(database: Database, tree: Tree) -> None:
    """Blocked is as good as away."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Giữ", tree.upper, Role.OFFICER, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        service.claim(session, see(session, holder, NOW), case.code, NOW, TODAY)
        other = add_officer(session, "Lê Thị Khác", tree.upper, Role.OFFICER, NOW)
        accounts_of(session, holder)[0].unreachable_since = NOW
        session.flush()
        service.write_as_worker(session, case, "Họ đang đánh tôi", NOW, TODAY, Urgency.EMERGENCY)
        assert (case.holder_id, alerted(session, case)) == (None, [other])


def test_case_is_handed_to_nobody_who_cannot_be_told(database: Database, tree: Tree) -> None:
    """A role without an account: what the worker writes next would reach nobody."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Giữ", tree.upper, Role.OFFICER, NOW)
        mute = add_person(session, {"full_name": "Hồ Chưa Vào"}, NOW)
        add_grant(session, mute, tree.upper, Role.OFFICER, TODAY, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        viewer = see(session, holder, NOW)
        service.claim(session, viewer, case.code, NOW, TODAY)
        assert service.list_colleagues(session, viewer, case, NOW, TODAY) == []
        with pytest.raises(NotAllowed):
            service.assign(session, viewer, case.code, mute.id, "nghỉ", NOW, TODAY)


def hold_two(session: Session, tree: Tree, holder: int, *more: Account, **report: Any) -> tuple[Case, Case]:
    """Two reports that one officer holds; the second with the facts of a test."""
    kept, _ = send(session, NOW, workplace_unit_id=tree.workplace)
    gone, _ = send(session, NOW, *more, workplace_unit_id=tree.workplace, **report)
    for case in (kept, gone):
        service.claim(session, see(session, holder, NOW), case.code, NOW, TODAY)
    return kept, gone


def hold_merged(session: Session, tree: Tree, holder: int, *more: Account, **report: Any) -> tuple[Case, Case]:
    """Two reports that one officer holds and treats as one matter: the one that stays, and the other."""
    kept, gone = hold_two(session, tree, holder, *more, **report)
    service.merge(session, see(session, holder, NOW), gone.code, kept.code, NOW)
    return kept, gone


def leave(session: Session, person_id: int, now: datetime = NOW) -> None:
    """Somebody gives up every role, and the clock comes by."""
    for grant in list_grants(session, person_id, now, day_of(now)):
        end_grant(grant, now, None)
    session.flush()
    mend(session, now, day_of(now))


@pytest.mark.parametrize("how", ["release", "forward", "leave", "tie"])
def test_case_given_up_while_it_waits_for_the_worker_goes_up_the_ladder(
    database: Database, tree: Tree, how: str
) -> None:
    """Whoever asked the worker is gone; what they asked keeps nobody else from hearing of an emergency."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        add_officer(session, "Lê Thị Hai", tree.upper, Role.OFFICER, NOW)
        add_officer(session, "Cao Thị Cao", tree.root, Role.OFFICER, NOW)
        chair = add_officer(session, "Cao Thị Chủ", tree.root, Role.CHAIR, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace, is_emergency=True)
        viewer = see(session, holder, NOW)
        service.claim(session, viewer, case.code, NOW, TODAY)
        service.answer(session, viewer, case.code, "Anh chị ở đâu?", NOW, asks=True)
        if how == "release":
            service.release(session, viewer, case.code, "bận", False, NOW, TODAY)
        elif how == "forward":
            service.forward(session, viewer, case.code, "vượt quyền", NOW, TODAY)
        elif how == "tie":
            service.declare_tie(session, viewer, case.code, NOW, TODAY)
        else:
            leave(session, holder)
        assert case.due_at == NOW + timedelta(minutes=10)
        run_due(session, NOW + timedelta(hours=2), TODAY, Heard())
        assert chair in alerted(session, case)


def test_merged_report_whose_worker_names_the_holder_is_somebody_elses(database: Database, tree: Tree) -> None:
    """It stands on its own again, at once; whoever is accused answers this worker no more."""
    with database.begin() as session:
        named = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        chair = add_officer(session, "Phạm Văn Chủ", tree.upper, Role.CHAIR, NOW)
        worker = add_account(session, NOW)
        kept, gone = hold_merged(session, tree, named, worker)
        service.write_as_worker(session, gone, "Bà Lê Thị Một nhận tiền của công ty.", NOW, TODAY)
        assert (gone.state, gone.merged_into_id, alerted(session, gone)) == (CaseState.OPENED, None, [chair])
        assert listed(session, named) == [kept.code]
        before = messages(session, worker, DeliveryKind.CASE_REPLY)
        service.answer(session, see(session, named, NOW), kept.code, "Không có gì.", NOW)
        assert messages(session, worker, DeliveryKind.CASE_REPLY) == before


def test_merged_report_that_its_holder_may_not_see_is_somebody_elses_within_a_minute(
    database: Database, tree: Tree
) -> None:
    """The worker of the one report, and not of the other, is somebody the holder is tied to; what bars nobody stays."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        chair = add_officer(session, "Phạm Văn Chủ", tree.upper, Role.CHAIR, NOW)
        kept, gone = hold_merged(session, tree, holder)
        third, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        service.claim(session, see(session, holder, NOW), third.code, NOW, TODAY)
        service.merge(session, see(session, holder, NOW), third.code, kept.code, NOW)
        service.bar_person(session, gone, holder, WhyBarred.DECLARED, NOW)
        mend(session, NOW, TODAY)
        assert (gone.state, alerted(session, gone)) == (CaseState.OPENED, [chair])
        assert (kept.holder_id, third.state) == (holder, CaseState.MERGED)


def test_merged_report_is_given_to_nobody_who_may_not_read_it(database: Database, tree: Tree) -> None:
    """Nobody whom the other worker names gets both; whoever takes the one nevertheless lets the other go."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        named = add_officer(session, "Trần Văn Hai", tree.upper, Role.OFFICER, NOW)
        kept, gone = hold_merged(session, tree, holder, story="Ông Trần Văn Hai bao che công ty.")
        viewer = see(session, holder, NOW)
        assert service.list_colleagues(session, viewer, kept, NOW, TODAY) == []
        with pytest.raises(NotAllowed):
            service.assign(session, viewer, kept.code, named, "nghỉ", NOW, TODAY)
        service.release(session, viewer, kept.code, "nghỉ", False, NOW, TODAY)
        service.claim(session, see(session, named, NOW), kept.code, NOW, TODAY)
        assert (kept.holder_id, gone.state, alerted(session, gone)) == (named, CaseState.OPENED, [holder])


def test_whoever_gives_a_case_back_is_not_the_first_to_be_asked(database: Database, tree: Tree) -> None:
    """Those who come next are, at once; the message by which the officer would be asked is never sent."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        chair = add_officer(session, "Lê Thị Chủ", tree.upper, Role.CHAIR, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace, is_urgent=True)
        viewer = see(session, holder, NOW)
        service.claim(session, viewer, case.code, NOW, TODAY)
        service.release(session, viewer, case.code, "bận quá", False, NOW, TODAY)
        assert chair in alerted(session, case)
        assert states_of(session, chair) == [DeliveryState.DUE]
        assert states_of(session, holder)[-1] is DeliveryState.EXPIRED


def test_case_that_its_only_officer_gives_back_is_called_for_help_over(database: Database, tree: Tree) -> None:
    """There is nobody else: the operator hears so at once; the officer may still take it."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        viewer = see(session, holder, NOW)
        service.claim(session, viewer, case.code, NOW, TODAY)
        service.release(session, viewer, case.code, "bận quá", False, NOW, TODAY)
        heard = Heard()
        run_due(session, NOW, TODAY, heard)
        assert heard.subjects
        service.claim(session, viewer, case.code, NOW, TODAY)
        assert case.holder_id == holder


@pytest.mark.parametrize("how", ["declare", "release"])
def test_officer_tied_to_somebody_in_a_case_sees_nothing_of_what_was_merged_into_it(
    database: Database, tree: Tree, how: str
) -> None:
    """It is one matter, and the same people."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        add_officer(session, "Phạm Văn Chủ", tree.upper, Role.CHAIR, NOW)
        kept, gone = hold_merged(session, tree, holder)
        viewer = see(session, holder, NOW)
        if how == "declare":
            service.declare_tie(session, viewer, kept.code, NOW, TODAY)
        else:
            service.release(session, viewer, kept.code, "liên quan", True, NOW, TODAY)
        for case in (kept, gone):
            with pytest.raises(NotAllowed):
                service.open_story(session, see(session, holder, NOW), case.code, NOW)


def test_what_was_merged_is_read_no_longer_below_once_its_case_went_up(database: Database, tree: Tree) -> None:
    """And who handled both above hears of what this worker writes after the end, and can read it."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        colleague = add_officer(session, "Lê Thị Hai", tree.upper, Role.OFFICER, NOW)
        above = add_officer(session, "Lê Thị Trên", tree.root, Role.OFFICER, NOW)
        kept, gone = hold_merged(session, tree, holder)
        service.forward(session, see(session, holder, NOW), kept.code, "phường có dính dáng", NOW, TODAY)
        for one in (holder, colleague):
            for case in (kept, gone):
                with pytest.raises(NotAllowed):
                    service.open_story(session, see(session, one, NOW), case.code, NOW)
        assert gone.unit_id == tree.root
        viewer = see(session, above, NOW)
        service.claim(session, viewer, kept.code, NOW, TODAY)
        service.settle(session, viewer, kept.code, "paid", "xong", NOW)
        count = len(states_of(session, holder))
        service.write_as_worker(session, gone, "Chưa trả tôi", NOW, TODAY)
        assert "nhắn thêm" in messages(session, accounts_of(session, above)[0], DeliveryKind.CASE_ALERT)[-1]
        assert len(states_of(session, holder)) == count
        service.open_story(session, viewer, gone.code, NOW)


def test_what_was_merged_does_not_go_up_to_those_whom_its_worker_keeps_away(database: Database, tree: Tree) -> None:
    """It stays where it is and is sought somebody of its own."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        colleague = add_officer(session, "Lê Thị Hai", tree.upper, Role.OFFICER, NOW)
        above = add_officer(session, "Lê Thị Trên", tree.root, Role.OFFICER, NOW)
        kept, gone = hold_merged(session, tree, holder, excluded=((tree.root, Role.OFFICER),))
        service.forward(session, see(session, holder, NOW), kept.code, "vượt quyền", NOW, TODAY)
        assert (gone.state, gone.unit_id, alerted(session, gone)) == (CaseState.OPENED, tree.upper, [holder, colleague])
        assert listed(session, above) == [kept.code]


def test_case_taken_over_by_the_ladder_shows_what_was_merged_after_its_end(database: Database, tree: Tree) -> None:
    """The unit above came to the one case by its deadline; the other's later words are read there as well."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        above = add_officer(session, "Lê Thị Trên", tree.root, Role.OFFICER, NOW)
        kept, gone = hold_merged(session, tree, holder)
        late = NOW + timedelta(days=9)
        run_due(session, late, day_of(late), Heard())
        viewer = see(session, above, late)
        service.claim(session, viewer, kept.code, late, day_of(late))
        service.settle(session, viewer, kept.code, "paid", "xong", late)
        service.write_as_worker(session, gone, "Chưa trả tôi", late, day_of(late))
        assert "nhắn thêm" in messages(session, accounts_of(session, above)[0], DeliveryKind.CASE_ALERT)[-1]
        service.open_story(session, viewer, gone.code, late)


def test_case_takes_over_what_presses_in_the_one_merged_into_it(database: Database, tree: Tree) -> None:
    """The emergency stays one, with its deadline, and the day to ask the inspectorate is not forgotten."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        kept, gone = hold_two(session, tree, holder, is_emergency=True)
        viewer, day = see(session, holder, NOW), TODAY + timedelta(days=7)
        service.refer(session, viewer, gone.code, "labour_inspectorate", day, NOW)
        dues = [kept.due_at or NOW, gone.due_at or NOW]
        service.merge(session, viewer, gone.code, kept.code, NOW)
        assert (kept.urgency, kept.follow_up_on) == ("emergency", day)
        assert kept.due_at == min(dues)
        raised = [line for line in list_lines(session, kept) if line.kind is EventKind.RECATEGORISED]
        assert [line.actor_id for line in raised] == [holder]
        count = len(states_of(session, holder))
        remind_to_follow_up(session, NOW + timedelta(days=7), day)
        assert len(states_of(session, holder)) == count + 1


def test_worker_whose_report_is_merged_unanswered_waits_no_longer_for_it(database: Database, tree: Tree) -> None:
    """The case that stays was answered: it is to be answered once more, by the other's deadline, and settled by its
    own."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        kept, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        viewer = see(session, holder, NOW)
        service.claim(session, viewer, kept.code, NOW, TODAY)
        service.answer(session, viewer, kept.code, "Đang xử lý.", NOW)
        by_own = kept.due_at
        later = NOW + timedelta(days=1)
        gone, _ = send(session, later, workplace_unit_id=tree.workplace)
        service.claim(session, viewer, gone.code, later, day_of(later))
        due_at = gone.due_at
        service.merge(session, viewer, gone.code, kept.code, later)
        assert (kept.stage, kept.due_at) == ("first_answer", due_at)
        service.answer(session, viewer, kept.code, "Công đoàn đang làm việc với công ty.", later)
        assert (kept.stage, kept.due_at) == ("resolution", by_own)


def test_case_that_waits_for_its_worker_goes_on_when_another_is_merged_into_it(database: Database, tree: Tree) -> None:
    """The other worker waits for the union."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        kept, gone = hold_two(session, tree, holder)
        viewer = see(session, holder, NOW)
        service.answer(session, viewer, kept.code, "Nợ tháng nào?", NOW, asks=True)
        due_at = gone.due_at
        service.merge(session, viewer, gone.code, kept.code, NOW)
        assert kept.due_at == due_at is not None


def test_worker_of_a_merged_report_answers_what_both_were_asked(database: Database, tree: Tree) -> None:
    """The deadline of the case goes on from there."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        kept, gone = hold_merged(session, tree, holder)
        service.answer(session, see(session, holder, NOW), kept.code, "Nợ tháng nào?", NOW, asks=True)
        assert kept.due_at is None
        service.write_as_worker(session, gone, "Tháng 9 và 10.", NOW, TODAY)
        assert kept.due_at is not None
        assert kept.next_step_at is not None


def test_settled_case_stays_settled_when_its_holder_leaves(database: Database, tree: Tree) -> None:
    """The worker has the word: "đã xong" closes it, "chưa" finds somebody who is there."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        other = add_officer(session, "Lê Thị Hai", tree.upper, Role.OFFICER, NOW)
        cases = hold_two(session, tree, holder)
        for case in cases:
            service.settle(session, see(session, holder, NOW), case.code, "paid", "Đã trả", NOW)
        leave(session, holder)
        assert {case.state for case in cases} == {CaseState.SETTLED}
        done, again = cases
        service.confirm(session, done, agrees=True, now=NOW, today=TODAY)
        assert (done.state, done.outcome) == (CaseState.CLOSED, "paid")
        service.confirm(session, again, agrees=False, now=NOW, today=TODAY)
        assert (again.state, alerted(session, again)) == (CaseState.OPENED, [other])


def test_settled_case_stays_settled_when_its_unit_becomes_another(database: Database, tree: Tree) -> None:
    """It goes to the unit that took the place of the old one, and the worker has the word."""
    with database.begin() as session:
        new = add_unit(
            session, "PT2", UnitLevel.UPPER, tree.root, "CĐ phường Mới", TODAY - timedelta(days=9), commune="Phường Mới"
        )
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        other = add_officer(session, "Lê Thị Hai", new, Role.OFFICER, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        service.claim(session, see(session, holder, NOW), case.code, NOW, TODAY)
        service.settle(session, see(session, holder, NOW), case.code, "paid", "Đã trả", NOW)
        close_unit(session, get_unit(session, tree.upper), TODAY, new)
        later = NOW + timedelta(days=1)
        mend(session, later, day_of(later))
        assert (case.state, case.unit_id, case.outcome) == (CaseState.SETTLED, new, "paid")
        assert [one.code for one in list_visible(session, see(session, other, later), Wanted(), 9)] == [case.code]
        service.confirm(session, case, agrees=True, now=later, today=day_of(later))
        assert case.state is CaseState.CLOSED


def test_colleagues_read_nothing_of_harassment_that_was_merged_into_another_case(
    database: Database, tree: Tree
) -> None:
    """The one matter is its holder's alone; given back, only somebody who was once asked may take it."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        colleague = add_officer(session, "Lê Thị Hai", tree.upper, Role.OFFICER, NOW)
        chair = add_officer(session, "Lê Thị Chủ", tree.upper, Role.CHAIR, NOW)
        kept, gone = hold_merged(session, tree, holder, category="harassment")
        viewer = see(session, holder, NOW)
        service.answer(session, viewer, kept.code, "Về việc chị bị quấy rối.", NOW)
        for case in (kept, gone):
            assert case.holder_only
            with pytest.raises(NotAllowed):
                service.open_story(session, see(session, colleague, NOW), case.code, NOW)
        service.release(session, viewer, kept.code, "bận", False, NOW, TODAY)
        assert chair not in alerted(session, kept)
        with pytest.raises(NotAllowed):
            service.claim(session, see(session, chair, NOW), kept.code, NOW, TODAY)
        service.claim(session, see(session, colleague, NOW), kept.code, NOW, TODAY)
        assert kept.holder_id == colleague


def test_whoever_hands_a_case_over_reads_no_longer_what_was_merged_into_it(database: Database, tree: Tree) -> None:
    """And that its worker takes it back is told to the colleague who works on it now."""
    with database.begin() as session:
        former = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        holder = add_officer(session, "Lê Thị Hai", tree.upper, Role.OFFICER, NOW)
        kept, gone = hold_merged(session, tree, former, category="harassment")
        service.assign(session, see(session, former, NOW), kept.code, holder, "nghỉ", NOW, TODAY)
        service.write_as_worker(session, gone, "Họ lại nhắn tin cho em.", NOW, TODAY)
        with pytest.raises(NotAllowed):
            service.open_story(session, see(session, former, NOW), gone.code, NOW)
        assert service.open_merged(session, see(session, former, NOW), kept, NOW) == []
        assert [one for one, _ in service.open_merged(session, see(session, holder, NOW), kept, NOW)] == [gone]
        counts = [len(states_of(session, one)) for one in (former, holder)]
        service.withdraw(session, gone, NOW)
        assert [len(states_of(session, one)) for one in (former, holder)] == [counts[0], counts[1] + 1]


def test_only_officer_who_is_away_may_take_harassment_again_when_there_is_danger(
    database: Database, tree: Tree
) -> None:
    """There is nobody else to be asked; who held it may come all the same."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Giữ", tree.upper, Role.OFFICER, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace, category="harassment")
        service.claim(session, see(session, holder, NOW), case.code, NOW, TODAY)
        session.add(Absence(person_id=holder, from_on=TODAY, to_on=TODAY))
        session.flush()
        service.write_as_worker(session, case, "Họ đang đánh tôi", NOW, TODAY, Urgency.EMERGENCY)
        run_due(session, NOW, TODAY, Heard())
        assert (case.state, case.holder_id, alerted(session, case)) == (CaseState.OPENED, None, [])
        service.claim(session, see(session, holder, NOW), case.code, NOW, TODAY)
        assert (case.state, case.holder_id) == (CaseState.CLAIMED, holder)


def escalates(session: Session, case: Case, now: datetime) -> bool:
    """Whether a case is overdue, or goes up the ladder when the clock comes by."""
    run_due(session, now, day_of(now), Heard())
    is_overdue = case.due_at is None or case.due_at <= now
    return is_overdue or EventKind.ESCALATED in [line.kind for line in list_lines(session, case)]


@pytest.mark.parametrize("asks", [False, True])
def test_case_that_becomes_an_emergency_by_merging_is_not_overdue(database: Database, tree: Tree, asks: bool) -> None:
    """It was in time when sent yesterday and not pressing; nobody above is called for what the other was answered."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        root = add_officer(session, "Trần Văn Gốc", tree.root, Role.CHAIR, NOW)
        kept, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        viewer = see(session, holder, NOW)
        service.claim(session, viewer, kept.code, NOW, TODAY)
        later = NOW + timedelta(days=1)
        gone, _ = send(session, later, workplace_unit_id=tree.workplace, is_emergency=True)
        service.claim(session, viewer, gone.code, later, day_of(later))
        service.answer(session, viewer, gone.code, "Gọi 115", later, asks=asks)
        service.merge(session, viewer, gone.code, kept.code, later)
        assert kept.urgency == "emergency"
        assert not escalates(session, kept, later)
        assert states_of(session, root) == []


def test_case_taken_up_again_after_months_is_not_overdue_when_somebody_else_takes_it(
    database: Database, tree: Tree
) -> None:
    """The worker had agreed that it was settled and writes once more, and its holder left meanwhile."""
    with database.begin() as session:
        former = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        holder = add_officer(session, "Lê Thị Hai", tree.upper, Role.DEPUTY_CHAIR, NOW)
        case, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        viewer = see(session, former, NOW)
        service.claim(session, viewer, case.code, NOW, TODAY)
        service.answer(session, viewer, case.code, "Đang xử lý.", NOW)
        service.settle(session, viewer, case.code, "paid", "Đã trả", NOW)
        service.confirm(session, case, agrees=True, now=NOW, today=TODAY)
        later = NOW + timedelta(days=120)
        leave(session, former, later)
        assert case.state is CaseState.CLOSED
        service.write_as_worker(session, case, "Lại nợ lương.", later, day_of(later))
        assert alerted(session, case) == [holder]
        service.claim(session, see(session, holder, later), case.code, later, day_of(later))
        assert not escalates(session, case, later)


def test_cases_taken_up_again_and_merged_are_not_overdue_when_somebody_else_takes_them(
    database: Database, tree: Tree
) -> None:
    """Neither is as old as its first report: both count from when their workers said "chưa"."""
    with database.begin() as session:
        former = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        holder = add_officer(session, "Lê Thị Hai", tree.upper, Role.OFFICER, NOW)
        kept, gone = hold_two(session, tree, former)
        viewer, later = see(session, former, NOW), NOW + timedelta(days=40)
        for case in (kept, gone):
            service.answer(session, viewer, case.code, "Đang xử lý.", NOW)
            service.settle(session, viewer, case.code, "paid", "Đã trả", later - timedelta(days=3))
            service.confirm(session, case, agrees=False, now=later, today=day_of(later))
        service.merge(session, viewer, gone.code, kept.code, later)
        service.release(session, viewer, kept.code, "nghỉ", False, later, day_of(later))
        service.claim(session, see(session, holder, later), kept.code, later, day_of(later))
        assert not escalates(session, kept, later)


def test_merged_report_that_was_answered_stays_answered_on_its_own(database: Database, tree: Tree) -> None:
    """Its worker reads on what the union wrote; who takes it has it to settle, and not to answer first."""
    with database.begin() as session:
        named = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        holder = add_officer(session, "Trần Văn Hai", tree.upper, Role.DEPUTY_CHAIR, NOW)
        kept, gone = hold_merged(session, tree, named)
        service.answer(session, see(session, named, NOW), kept.code, "Mời chị gửi bảng lương.", NOW)
        later = NOW + timedelta(days=7)
        service.write_as_worker(session, gone, "Bà Lê Thị Một là người nhà giám đốc.", later, day_of(later))
        service.claim(session, see(session, holder, later), gone.code, later, day_of(later))
        assert (gone.state, gone.stage) == (CaseState.ANSWERED, "resolution")
        said = [line.body for line in list_lines(session, gone) if line.kind is EventKind.OFFICER_WROTE]
        assert said == [{"text": "Mời chị gửi bảng lương."}]


def test_merged_report_is_answered_and_settled_with_the_case_it_went_into(database: Database, tree: Tree) -> None:
    """Its row says since when, as that of the other does."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        kept, gone = hold_merged(session, tree, holder)
        viewer, later = see(session, holder, NOW), NOW + timedelta(days=1)
        service.answer(session, viewer, kept.code, "Đang xử lý.", NOW)
        service.settle(session, viewer, kept.code, "paid", "Đã trả", later)
        assert [(one.answered_at, one.settled_at) for one in (kept, gone)] == [(NOW, later)] * 2


def test_worker_of_a_merged_report_is_waited_for_when_both_were_asked(database: Database, tree: Tree) -> None:
    """What either writes next is heard as the answer, until one of them answered."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        cases = hold_merged(session, tree, holder)
        for case in cases:
            assert find_waiting(session, list_party_accounts(session, case)) is None
        service.answer(session, see(session, holder, NOW), cases[0].code, "Nợ tháng nào?", NOW, asks=True)
        for case in cases:
            assert is_waiting(session, case)
            assert find_waiting(session, list_party_accounts(session, case)) is case
        service.write_as_worker(session, cases[1], "Tháng 9 và 10.", NOW, TODAY)
        for case in cases:
            assert not is_waiting(session, case)
            assert find_waiting(session, list_party_accounts(session, case)) is None


def test_workplace_let_in_by_one_worker_gets_nothing_of_the_other(database: Database, tree: Tree) -> None:
    """Its union may have the case it was let into, but not while another's report is merged into that one."""
    with database.begin() as session:
        one = add_officer(session, "Lê Thị Một", tree.upper, Role.OFFICER, NOW)
        there = add_officer(session, "Trần Văn Xưởng", tree.workplace, Role.CHAIR, NOW)
        viewer = see(session, one, NOW)
        kept, _ = send(session, NOW, workplace_unit_id=tree.workplace, includes_workplace=True)
        gone, _ = send(session, NOW, workplace_unit_id=tree.workplace)
        for case in (kept, gone):
            service.claim(session, viewer, case.code, NOW, TODAY)
        search_all(session)
        assert there in service.list_colleagues(session, viewer, kept, NOW, TODAY)
        service.merge(session, viewer, gone.code, kept.code, NOW)
        assert there not in service.list_colleagues(session, viewer, kept, NOW, TODAY)
        service.settle(session, viewer, kept.code, "paid", "Đã trả", NOW)
        assert tree.workplace not in list_reader_units(session, gone)
