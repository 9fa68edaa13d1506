"""Figures and hot spots as officers meet them: published once, of no fewer than five people, and never shown to whoever
could subtract with what they know."""

import io
import itertools
from datetime import UTC, date, datetime, timedelta

import openpyxl
import pytest
from PIL import Image
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from db.case_access import bar_person
from db.case_erasing import untie_cases
from db.case_figures import Told, list_published, read_figures, tell_people_apart
from db.models import (
    Account,
    Case,
    CaseBlockMember,
    CaseFigure,
    CasePublication,
    CaseState,
    Delivery,
    DeliveryKind,
    HotSpot,
    OfficerTie,
    PeriodKind,
    Person,
    Role,
    UnitLevel,
    WhyBarred,
)
from db.people import add_person
from db.session import Database
from handlers.cases import service
from handlers.cases.daily import run_daily
from handlers.cases.figure_papers import draw_bars
from handlers.cases.publishing import hours_of
from handlers.retention import apply_retention
from handlers.workbooks import Sheet, make_workbook
from tests.case_world import accounts_of, add_account, add_officer, messages, see, send
from tests.handlers.test_officers import officer
from tests.small_tree import Tree, add_unit
from tests.talk import Talk

K = 5
SINCE = date(2025, 1, 1)
OCTOBER = datetime(2026, 10, 5, 2, 0, tzinfo=UTC)  # Monday, 9:00 in Vietnam
FIRST = datetime(2026, 11, 1, 0, 0, tzinfo=UTC)  # 7:00 in Vietnam


@pytest.fixture
def tree(database: Database) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(database, SINCE)


def do_the_day(session: Session, now: datetime) -> None:
    """What the clock does, as often as it has to."""
    after: int | None = 0
    while after is not None:
        after = run_daily(session, K, now, after)


def send_many(session: Session, count: int, now: datetime = OCTOBER, **report: object) -> list[Case]:
    """So many people report, an hour apart."""
    return [send(session, now + timedelta(hours=number), **report)[0] for number in range(count)]


def received(session: Session, unit_id: int, month_on: date) -> int | None:
    told = read_figures(session, unit_id, PeriodKind.MONTH, month_on).get("received")
    return told.amount if told else None


def test_month_is_published_on_the_first_at_six_and_never_changes(database: Database, tree: Tree) -> None:
    """Not a minute earlier; what comes or goes later changes nothing."""
    with database.begin() as session:
        add_officer(session, "Lê Thị Trên", tree.upper, Role.OFFICER, OCTOBER)
        cases = send_many(session, 7, workplace_unit_id=tree.workplace)
        do_the_day(session, datetime(2026, 10, 31, 22, 59, tzinfo=UTC))
        assert date(2026, 10, 1) not in list_published(session, PeriodKind.MONTH)
        do_the_day(session, datetime(2026, 10, 31, 23, 0, tzinfo=UTC))
        assert received(session, tree.upper, date(2026, 10, 1)) == 7
        assert received(session, tree.root, date(2026, 10, 1)) == 7
        assert received(session, tree.workplace, date(2026, 10, 1)) is None
        service.withdraw(session, cases[0], FIRST)
        do_the_day(session, FIRST + timedelta(days=1))
        assert received(session, tree.upper, date(2026, 10, 1)) == 7
        assert session.scalar(select(func.count()).select_from(CasePublication)) == 2  # September too


def test_four_people_leave_no_trace_however_often_they_write(database: Database, tree: Tree) -> None:
    """No number, no row, nothing that differs from a month without any report."""
    with database.begin() as session:
        do_the_day(session, OCTOBER - timedelta(days=5))
        add_officer(session, "Lê Thị Trên", tree.upper, Role.OFFICER, OCTOBER)
        writers = [add_account(session, OCTOBER) for _ in range(4)]
        for number in range(12):
            send(session, OCTOBER + timedelta(hours=number), writers[number % 4], workplace_unit_id=tree.workplace)
        do_the_day(session, FIRST)
        for table in (CaseFigure, CaseBlockMember, HotSpot):
            assert session.scalar(select(func.count()).select_from(table)) == 0


def test_two_accounts_of_one_person_count_once(database: Database, tree: Tree) -> None:
    """Linked channels, a merged profile, a second phone with the receipt: one person. Who is gone: one together."""
    with database.begin() as session:
        add_officer(session, "Lê Thị Trên", tree.upper, Role.OFFICER, OCTOBER)
        lan = add_person(session, {"full_name": "Nguyễn Thị Lan"}, OCTOBER)
        other = add_person(session, {"full_name": "Nguyễn T. Lan"}, OCTOBER)
        other.merged_into_id = lan.id
        linked = [add_account(session, OCTOBER) for _ in range(3)]
        for account, person in zip(linked, (lan, lan, other), strict=True):
            account.person_id = person.id
        session.flush()
        cases = [send(session, OCTOBER, account)[0] for account in linked]
        first, receipt = send(session, OCTOBER)
        second_phone = add_account(session, OCTOBER)
        assert service.return_with_receipt(session, second_phone, receipt, OCTOBER) is not None
        cases += [first, send(session, OCTOBER, second_phone)[0]]
        gone = [add_account(session, OCTOBER) for _ in range(2)]
        cases += [send(session, OCTOBER, account)[0] for account in gone]
        untie_cases(session, gone)
        people = tell_people_apart(session, {case.id: case.key_id for case in cases})
        numbers = [people[case.id] for case in cases]
        assert numbers[0] == numbers[1] == numbers[2]
        assert numbers[3] == numbers[4]
        assert numbers[5] == numbers[6]
        assert len(set(numbers)) == 3


def test_case_from_which_an_officer_is_barred_is_in_no_figure(database: Database, tree: Tree) -> None:
    """Else that officer would count their own list, compare, and know that somebody wrote about them."""
    with database.begin() as session:
        add_officer(session, "Lê Thị Trên", tree.upper, Role.OFFICER, OCTOBER)
        named = add_officer(session, "Phạm Văn Bắt", tree.upper, Role.OFFICER, OCTOBER)
        send_many(session, 6, workplace_unit_id=tree.workplace)
        about, _ = send(session, OCTOBER, workplace_unit_id=tree.workplace, story="ông Phạm Văn Bắt bao che cho chủ")
        later, _ = send(session, OCTOBER, workplace_unit_id=tree.workplace)
        bar_person(session, later, named, WhyBarred.DECLARED, OCTOBER)
        assert about.unit_id == tree.upper
        do_the_day(session, FIRST)
        assert received(session, tree.upper, date(2026, 10, 1)) == 6


def test_quarter_tells_kinds_outcomes_and_times_a_month_after_its_end(database: Database, tree: Tree) -> None:
    """The cases are those its months counted; what became of them is as known on that day."""
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Trên", tree.upper, Role.OFFICER, OCTOBER)
        do_the_day(session, OCTOBER)
        wages = send_many(session, 10, workplace_unit_id=tree.workplace)
        send_many(session, 6, OCTOBER + timedelta(days=40), category="hours", workplace_unit_id=tree.workplace)
        for month in (1, 2, 3):
            do_the_day(session, datetime(2026 + (9 + month) // 12, (9 + month) % 12 + 1, 1, 0, 0, tzinfo=UTC))
        viewer = see(session, holder, OCTOBER)
        for number, case in enumerate(wages):
            at = OCTOBER + timedelta(hours=number, minutes=30)
            service.claim(session, viewer, case.code, at, at.date())
            if number < 6:
                service.settle(session, viewer, case.code, "paid", "Công ty đã trả.", at)
                service.confirm(session, case, True, at, at.date())
        do_the_day(session, datetime(2027, 1, 31, 0, 0, tzinfo=UTC))
        assert date(2026, 10, 1) not in list_published(session, PeriodKind.QUARTER)
        do_the_day(session, datetime(2027, 2, 1, 0, 0, tzinfo=UTC))
        told = read_figures(session, tree.upper, PeriodKind.QUARTER, date(2026, 10, 1))
        assert told["received"].amount == 16
        assert (told["wages"].amount, told["hours"].amount) == (10, 6)
        assert told["agreed"] == Told(tree.upper, "agreed", 6, 16)
        assert "reopened" not in told
        assert told["claim_median"].amount == 1
        assert "claim_p90" not in told


def test_hours_are_working_hours_without_those_we_waited_for_the_worker(database: Database, tree: Tree) -> None:
    """From Friday 16:00 to Monday 9:00 are two hours of work."""
    friday = datetime(2026, 10, 9, 9, 0, tzinfo=UTC)
    with database.begin() as session:
        holder = add_officer(session, "Lê Thị Trên", tree.upper, Role.OFFICER, friday)
        case, _ = send(session, friday, workplace_unit_id=tree.workplace)
        viewer = see(session, holder, friday)
        service.claim(session, viewer, case.code, friday + timedelta(days=2, hours=17), date(2026, 10, 12))
        claim, answer, resolve = hours_of(case, [])
        assert claim is not None
        assert claim == pytest.approx(2, abs=0.6)
        assert answer is None
        assert resolve is None


def hot_spots_told(session: Session, person_id: int) -> list[str]:
    return [
        text
        for account in accounts_of(session, person_id)
        for text in messages(session, account, DeliveryKind.NOTICE)
        if "Điểm nóng" in text
    ]


def test_five_people_of_a_workplace_are_one_alert_to_the_upper_level(database: Database, tree: Tree) -> None:
    """Only to officers whom that employer does not pay; "at least five", no story; again only when twice as many."""
    with database.begin() as session:
        free = add_officer(session, "Lê Thị Trên", tree.upper, Role.OFFICER, OCTOBER)
        paid = add_officer(session, "Trần Văn Lương", tree.upper, Role.CHAIR, OCTOBER, paid_by=tree.workplace)
        inside = add_officer(session, "Đỗ Văn Trong", tree.workplace, Role.CHAIR, OCTOBER)
        send_many(session, 4, workplace_unit_id=tree.workplace)
        do_the_day(session, OCTOBER + timedelta(days=1))
        assert hot_spots_told(session, free) == []
        send_many(session, 3, workplace_unit_id=tree.workplace)
        do_the_day(session, OCTOBER + timedelta(days=2))
        do_the_day(session, OCTOBER + timedelta(days=3))
        (text,) = hot_spots_told(session, free)
        assert "ít nhất 5 người" in text
        assert "May Một" in text
        assert "nợ lương" not in text
        assert hot_spots_told(session, paid) == []
        assert hot_spots_told(session, inside) == []
        send_many(session, 3, workplace_unit_id=tree.workplace)
        do_the_day(session, OCTOBER + timedelta(days=4))
        assert [("ít nhất 10" in text) for text in hot_spots_told(session, free)][:2] == [False, True]
        apply_retention(session, OCTOBER + timedelta(days=200))
        assert session.scalars(select(HotSpot)).all() == []


def test_alert_goes_to_nobody_who_is_barred_from_one_of_the_cases(database: Database, tree: Tree) -> None:
    """Nor below the upper level when all there are barred: then the level above hears it."""
    with database.begin() as session:
        named = add_officer(session, "Phạm Văn Bắt", tree.upper, Role.OFFICER, OCTOBER)
        above = add_officer(session, "Ngô Thị Liên", tree.root, Role.OFFICER, OCTOBER)
        send_many(session, 4, workplace_unit_id=tree.workplace)
        send(session, OCTOBER, workplace_unit_id=tree.workplace, story="ông Phạm Văn Bắt bao che")
        do_the_day(session, OCTOBER + timedelta(days=1))
        assert hot_spots_told(session, named) == []
        assert len(hot_spots_told(session, above)) == 1


def test_commune_is_a_hot_spot_when_its_workplaces_together_are(database: Database, tree: Tree) -> None:
    """Three here, two there, one who named only the commune; and many kinds together need twice as many."""
    with database.begin() as session:
        free = add_officer(session, "Lê Thị Trên", tree.upper, Role.OFFICER, OCTOBER)
        send_many(session, 2, category="meals", workplace_unit_id=tree.workplace)
        send_many(session, 2, category="meals", workplace_unit_id=tree.other_workplace)
        do_the_day(session, OCTOBER + timedelta(days=1))
        assert hot_spots_told(session, free) == []
        send(session, OCTOBER, category="meals", commune="phường Thử")
        do_the_day(session, OCTOBER + timedelta(days=2))
        (text,) = hot_spots_told(session, free)
        assert "Phường Thử" in text or "phường Thử" in text
        for kind in ("wages", "hours"):
            send_many(session, 4, category=kind, workplace_unit_id=tree.workplace)
        do_the_day(session, OCTOBER + timedelta(days=3))
        assert any("nhiều việc khác nhau" in one for one in hot_spots_told(session, free))


def test_many_hot_spots_are_told_part_by_part_each_once(
    database: Database, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No transaction is long; the day is over once all are told, and told again only the next day."""
    monkeypatch.setattr("handlers.cases.hot_spots._AT_ONCE", 1)
    later = OCTOBER + timedelta(days=1)
    with database.begin() as session:
        free = add_officer(session, "Lê Thị Trên", tree.upper, Role.OFFICER, OCTOBER)
        for kind in ("wages", "hours", "meals"):
            send_many(session, 5, category=kind, workplace_unit_id=tree.workplace)
    told = [0]
    after: int | None = 0
    while after is not None:
        with database.begin() as session:
            after = run_daily(session, K, later, after)
            told.append(len(hot_spots_told(session, free)))
    parts = [after - before for before, after in itertools.pairwise(told)]
    assert max(parts) == 1
    assert sum(parts) >= 3
    with database.begin() as session:
        send_many(session, 15, category="welfare", workplace_unit_id=tree.workplace)
        do_the_day(session, later + timedelta(hours=1))
        assert len(hot_spots_told(session, free)) == told[-1]


def test_withdrawn_and_erased_reports_make_no_hot_spot(database: Database, tree: Tree) -> None:
    """Who took a report back is not counted any more."""
    with database.begin() as session:
        free = add_officer(session, "Lê Thị Trên", tree.upper, Role.OFFICER, OCTOBER)
        cases = send_many(session, 5, workplace_unit_id=tree.workplace)
        service.withdraw(session, cases[0], OCTOBER + timedelta(hours=9))
        do_the_day(session, OCTOBER + timedelta(days=1))
        assert hot_spots_told(session, free) == []


def publish_some(talk: Talk, tree: Tree) -> None:
    """A published October with seven reports, seen from November."""
    talk.moment = FIRST
    with talk.database.begin() as session:
        add_officer(session, "Lê Thị Trực", tree.upper, Role.OFFICER, OCTOBER)
        send_many(session, 7, workplace_unit_id=tree.workplace)
        do_the_day(session, FIRST)
        session.execute(delete(Delivery))  # their channel does not run here


async def test_officer_sees_the_figures_of_their_unit_as_message_workbook_and_picture(talk: Talk, tree: Tree) -> None:
    """Typed or from the list of cases; a quarter with its months."""
    publish_some(talk, tree)
    lan = await officer(talk, "Lê Thị Lan", tree.upper, Role.OFFICER)
    await lan.says("số liệu")
    lan.hears("quý 4/2026", "10/2026: 7", "01/02/2027")
    (sheet,) = (await lan.presses("Excel"))[-1].files
    rows = list(openpyxl.load_workbook(io.BytesIO(sheet.content)).active.iter_rows(values_only=True))
    assert rows[1][:2] == ("Công đoàn phường Thử", 7)
    await lan.presses("Về số liệu")
    (picture,) = (await lan.presses("Biểu đồ"))[-1].files
    assert Image.open(io.BytesIO(picture.content)).width == 1000


async def test_whoever_an_employer_in_the_unit_pays_sees_no_figures_of_it(talk: Talk, tree: Tree) -> None:
    """Nor who is tied to one, nor anybody of a workplace: those have no figures at all."""
    publish_some(talk, tree)
    paid = await officer(talk, "Trần Văn Lương", tree.upper, Role.CHAIR, paid_by_unit_id=tree.workplace)
    await paid.says("số liệu")
    paid.hears("không xem số liệu")
    inside = await officer(talk, "Đỗ Văn Trong", tree.workplace, Role.CHAIR)
    await inside.says("số liệu")
    inside.hears("Công đoàn cơ sở không có số liệu")
    tied = await officer(talk, "Vũ Thị Họ", tree.upper, Role.OFFICER)
    with talk.database.begin() as session:
        people = session.scalars(select(Person)).all()
        me = next(one.id for one in people if (one.profile or {}).get("full_name") == "Vũ Thị Họ")
        session.add(OfficerTie(person_id=me, unit_id=tree.workplace, declared_at=talk.moment))
    await tied.says("số liệu")
    tied.hears("không xem số liệu")


async def test_figures_beyond_ones_reach_and_of_strangers_stay_closed(talk: Talk, tree: Tree) -> None:
    """The federation looks down, nobody looks up, and a worker has no desk."""
    publish_some(talk, tree)
    above = await officer(talk, "Ngô Thị Liên", tree.root, Role.CHAIR)
    await above.says("số liệu")
    await above.presses("Đơn vị bên dưới")
    await above.presses("Công đoàn phường Thử")
    above.hears("10/2026: 7")
    lan = await officer(talk, "Lê Thị Lan", tree.upper, Role.OFFICER)
    await lan.presses_payload(f"fg|{tree.root}")
    lan.hears("không có quyền")
    worker = talk.member("Thợ")
    await worker.says("chào")
    await worker.presses_payload(f"fg|{tree.upper}")
    worker.hears("không có quyền")


def test_no_cell_of_a_workbook_is_a_formula() -> None:
    """Whatever a unit is called."""
    file = make_workbook("x", [Sheet(None, ["=1+1"], [["=HYPERLINK(1)", 5, None], ["-2+3", 1, 2]])], "@note")
    book = openpyxl.load_workbook(io.BytesIO(file.content))
    assert {cell.data_type for row in book.active.iter_rows() for cell in row} <= {"s", "n"}
    assert book.active["A2"].value == "=HYPERLINK(1)"


def test_picture_has_letters_for_every_vietnamese_mark() -> None:
    """No box stands for a letter."""
    from handlers.lettering import load_font

    font = load_font(24)
    missing = bytes(font.getmask("\U0010fffd"))
    for sign in "ăâđêôơưắằẳẵặấầẩẫậếềểễệốồổỗộớờởỡợứừửữựỳỷỹỵĐƯỨ–":
        assert bytes(font.getmask(sign)) != missing, sign
    picture = draw_bars("x", "Công đoàn", {"Tiếp nhận": [("10/2026", 7), ("11/2026", None)]}, "– quá ít")
    assert picture.content.startswith(b"\x89PNG")


def test_many_uppers_tell_their_few_together(database: Database, tree: Tree) -> None:
    """Three unions with two reports each have nothing to tell; the federation tells of six, and of none of them."""
    with database.begin() as session:
        uppers = [
            add_unit(session, f"P{number}", UnitLevel.UPPER, tree.root, f"CĐ S{number}", SINCE, commune=f"Xã {number}")
            for number in range(3)
        ]
        for number, unit_id in enumerate(uppers):
            add_officer(session, f"Cán Bộ {number}", unit_id, Role.OFFICER, OCTOBER)
            send_many(session, 2, commune=f"Xã S{number}")
        do_the_day(session, FIRST)
        assert [received(session, unit_id, date(2026, 10, 1)) for unit_id in uppers] == [None, None, None]
        assert received(session, tree.root, date(2026, 10, 1)) == 6


def test_what_was_counted_once_is_never_counted_again(database: Database, tree: Tree) -> None:
    """A second clock, a restart, a clock set back: the month stands as it was."""
    with database.begin() as session:
        add_officer(session, "Lê Thị Trên", tree.upper, Role.OFFICER, OCTOBER)
        send_many(session, 5)
        for now in (FIRST, FIRST - timedelta(days=3), FIRST, FIRST + timedelta(hours=1)):
            do_the_day(session, now)
        assert received(session, tree.root, date(2026, 10, 1)) == 5
        assert session.scalars(select(Case.state).distinct()).all() == [CaseState.OPENED]
        assert session.scalar(select(func.count()).select_from(Account)) is not None
