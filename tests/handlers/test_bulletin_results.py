"""What became of a bulletin, as its editor sees it: everybody's numbers, units, answers; a file; figures for later."""

import io
from datetime import timedelta

import openpyxl
import pytest
from sqlalchemy.orm import Session

from db.bulletin_results import condense_some, count_by_unit
from db.bulletin_runs import add_run
from db.models import (
    BulletinAnswer,
    BulletinResult,
    BulletinRun,
    Delivery,
    DeliveryState,
    Role,
    RunState,
    UnitLevel,
    ZaloReceipt,
)
from handlers.actions import AnswerBulletin, ShowResults, encode
from handlers.bulletins.result_sheets import make_file
from handlers.retention import PERIODS
from tests.handlers.test_officers import officer
from tests.sent_bulletins import POLL, RSVP, add_results, bulletin_of, person_at, send
from tests.small_tree import Tree, add_unit
from tests.talk import Member, Talk


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(talk.database, talk.today.replace(year=2020))


async def looks(editor: Member, run_id: int, what: str = "") -> str:
    """A screen of the results."""
    await editor.presses_payload(encode(ShowResults(run_id, what)))
    return editor.heard[-1].text


def workplaces(talk: Talk, tree: Tree, count: int) -> list[int]:
    """More workplaces of the upper union."""
    with talk.database.begin() as session:
        since = talk.today.replace(year=2020)
        return [
            add_unit(session, f"N{number}", UnitLevel.WORKPLACE, tree.upper, f"CĐCS Nhà máy {number}", since)
            for number in range(count)
        ]


async def test_editor_sees_how_every_line_ended_and_why(talk: Talk, tree: Tree) -> None:
    """Small kinds are told together, so that nobody is found by what happened to them."""
    editor = await officer(talk, "Lê Soạn", tree.upper, Role.BULLETIN_EDITOR)
    run_id = send(talk, tree.upper)
    add_results(talk, run_id, tree.workplace, DeliveryState.SENT, 20)
    add_results(talk, run_id, tree.workplace, DeliveryState.FAILED, 6, "blocked")
    add_results(talk, run_id, tree.workplace, DeliveryState.UNKNOWN, 3, "uncertain")
    add_results(talk, run_id, tree.workplace, DeliveryState.EXPIRED, 2)
    text = await looks(editor, run_id)
    assert "Định gửi: **31** người" in text and "Đã tới: 20" in text
    assert "Không gửi được (chặn bot hoặc đã khóa tài khoản): 6" in text
    assert "Các trường hợp khác, mỗi loại ít người: 5" in text
    assert "Chưa rõ" not in text and "Quá hạn" not in text
    await editor.presses("Không tới được")
    editor.hears("chặn bot", "6", "gửi lại")


async def test_reason_in_a_platforms_own_words_is_told_in_ours(talk: Talk, tree: Tree) -> None:
    """Two that nobody but an engineer tells apart are one line."""
    editor = await officer(talk, "Lê Soạn", tree.upper, Role.BULLETIN_EDITOR)
    run_id = send(talk, tree.upper)
    add_results(talk, run_id, tree.workplace, DeliveryState.SENT, 40)
    add_results(talk, run_id, tree.workplace, DeliveryState.FAILED, 6, "Bad Request: thread not found")
    add_results(talk, run_id, tree.workplace, DeliveryState.FAILED, 7, "bug:TypeError")
    text = await looks(editor, run_id)
    assert "Đã tới: 40" in text and "Không gửi được (lý do khác): 13" in text
    for screen in ("", "failed"):
        told = await looks(editor, run_id, screen)
        assert "Bad" not in told and "bug" not in told


async def test_each_sending_of_a_bulletin_that_recurs_has_its_results(talk: Talk, tree: Tree) -> None:
    """Last week's stand behind this week's; whoever may not correct is not offered to."""
    editor = await officer(talk, "Lê Soạn", tree.upper, Role.BULLETIN_EDITOR)
    second = await officer(talk, "Trần Duyệt", tree.upper, Role.APPROVER)
    older = send(talk, tree.upper)
    add_results(talk, older, tree.workplace, DeliveryState.SENT, 17)
    talk.pass_time(days=7)
    newer = again(talk, older)
    add_results(talk, newer, tree.workplace, DeliveryState.SENT, 19)
    assert "19" in await looks(editor, newer)
    assert len(editor.heard[-1].buttons) <= 8
    await editor.presses("Lần gửi trước")
    editor.hears("Định gửi: 17")
    assert all(button.label != "Lần gửi trước" for button in editor.heard[-1].buttons)
    await looks(second, newer)
    assert all(button.label != "Tin này sai" for button in second.heard[-1].buttons)


def again(talk: Talk, run_id: int) -> int:
    """The same bulletin goes out once more."""
    with talk.database.begin() as session:
        first, now = session.get_one(BulletinRun, run_id), talk.now()
        run = add_run(session, first.bulletin_id, now, first.body, first.plan, talk.today, now + timedelta(days=2), now)
        assert run is not None
        run.state, run.planned_at, run.finished_at = RunState.DONE, now, now
        return run.id


async def test_few_who_did_not_get_it_are_told_as_few_and_nothing_subtracts_to_them(talk: Talk, tree: Tree) -> None:
    """Of thirty, two were not reached: neither 2 nor 28 stands anywhere."""
    editor = await officer(talk, "Lê Soạn", tree.upper, Role.BULLETIN_EDITOR)
    run_id = send(talk, tree.upper)
    add_results(talk, run_id, tree.workplace, DeliveryState.SENT, 28)
    add_results(talk, run_id, tree.workplace, DeliveryState.FAILED, 2, "blocked")
    text = await looks(editor, run_id)
    assert "30" in text and "dưới 5" in text and "28" not in text
    for screen in ("units", "failed"):
        assert "28" not in await looks(editor, run_id, screen)


async def test_small_unit_is_hidden_with_others_so_that_its_number_cannot_be_subtracted(talk: Talk, tree: Tree) -> None:
    """Teams count for the unit right below the editor's own."""
    editor = await officer(talk, "Lê Soạn", tree.upper, Role.BULLETIN_EDITOR)
    run_id = send(talk, tree.upper)
    many = workplaces(talk, tree, 4)
    for number, unit_id in enumerate(many):
        add_results(talk, run_id, unit_id, DeliveryState.SENT, 30 + number)
    add_results(talk, run_id, tree.workplace, DeliveryState.SENT, 40)
    add_results(talk, run_id, tree.team, DeliveryState.SENT, 11)
    add_results(talk, run_id, tree.other_workplace, DeliveryState.SENT, 3)
    text = await looks(editor, run_id, "units")
    assert "CĐCS Công ty May Một: định gửi 51, đã tới 51" in text
    assert "CĐCS Công ty Giày Hai: ít người, không nêu riêng" in text
    assert text.count("không nêu riêng") == 3
    assert "Tổ chuyền" not in text


async def test_opened_is_told_where_the_platform_tells_it(talk: Talk, tree: Tree) -> None:
    """Of those whom the Official Account reached, not of all."""
    editor = await officer(talk, "Lê Soạn", tree.upper, Role.BULLETIN_EDITOR)
    run_id = send(talk, tree.upper)
    add_results(talk, run_id, tree.workplace, DeliveryState.SENT, 30)
    with talk.database.begin() as session:
        lines = session.query(Delivery).filter(Delivery.run_id == run_id).order_by(Delivery.id).limit(20).all()
        for number, line in enumerate(lines):
            line.sender, line.platform_message_id = "zalo_oa:1", f"z{number}"
            seen_at = talk.now() if number < 8 else None
            session.add(ZaloReceipt(sender="zalo_oa:1", message_id=f"z{number}", seen_at=seen_at, noted_at=talk.now()))
    assert "Đã mở (chỉ Zalo OA cho biết): 8 trên 20" in await looks(editor, run_id)


async def test_votes_are_told_without_small_ones_and_who_comes_by_name(talk: Talk, tree: Tree) -> None:
    """Whose name is kept was told so; a vote has no name."""
    editor = await officer(talk, "Lê Soạn", tree.upper, Role.BULLETIN_EDITOR)
    people = [await person_at(talk, f"Chị Lan {number}", tree.workplace) for number in range(6)]
    run_id = send(talk, tree.upper, people, [POLL, RSVP])
    for number, member in enumerate(people):
        await member.presses_payload(encode(AnswerBulletin(run_id, 0, int(number == 0))))
    await people[0].presses_payload(encode(AnswerBulletin(run_id, 1, 0)))
    await people[0].presses("Đồng ý gửi kèm tên")
    text = await looks(editor, run_id, "answers")
    assert "Biển: ít người, không nêu" in text and "Có đi: 1" in text
    sheet = workbook(talk, run_id)["Đăng ký"]
    assert [cell.value for cell in sheet[2]] == ["Công đoàn phường Thử", "Chị Lan 0", "Có đi"]


def workbook(talk: Talk, run_id: int) -> openpyxl.Workbook:
    """The results as a file."""

    def make(session: Session) -> bytes:
        return make_file(session, session.get_one(BulletinRun, run_id), bulletin_of(talk, run_id), 5).content

    return openpyxl.load_workbook(io.BytesIO(talk.look(make)))


async def test_workbook_lists_failed_lines_without_a_word_of_whose_they_are(talk: Talk, tree: Tree) -> None:
    """A number of the ledger, the channel, the reason; of reasons that at least five share."""
    editor = await officer(talk, "Lê Soạn", tree.upper, Role.BULLETIN_EDITOR)
    run_id = send(talk, tree.upper)
    add_results(talk, run_id, tree.workplace, DeliveryState.SENT, 20)
    add_results(talk, run_id, tree.workplace, DeliveryState.FAILED, 7, "blocked")
    add_results(talk, run_id, tree.workplace, DeliveryState.FAILED, 6, "=2+2")
    await looks(editor, run_id, "xlsx")
    assert editor.heard[-1].files[0].name.endswith(".xlsx")
    book = workbook(talk, run_id)
    rows = list(book["Không gửi được"].iter_rows(min_row=2, values_only=True))
    assert sum(bool(row[0]) and row[1] == "kênh thử" for row in rows) == 13
    assert book["Theo đơn vị"]["C2"].value == 20
    assert all(cell.data_type != "f" for row in book["Không gửi được"].iter_rows() for cell in row)


async def test_results_are_for_those_who_write_or_release_there(talk: Talk, tree: Tree) -> None:
    """Not for an editor of another workplace, nor for a member."""
    run_id = send(talk, tree.workplace)
    neighbour = await officer(talk, "Bà Hàng Xóm", tree.other_workplace, Role.BULLETIN_EDITOR)
    approver = await officer(talk, "Ông Duyệt", tree.upper, Role.APPROVER)
    lan = await person_at(talk, "Lan", tree.workplace)
    assert "Kết quả" not in await looks(neighbour, run_id)
    assert "Kết quả" not in await looks(lan, run_id)
    assert "Kết quả" in await looks(approver, run_id)


async def test_after_sixty_days_only_figures_are_left_and_they_say_the_same(talk: Talk, tree: Tree) -> None:
    """Lines and answers go, by and by; before the last piece of them is gone the figures count already."""
    editor = await officer(talk, "Lê Soạn", tree.upper, Role.BULLETIN_EDITOR)
    people = [await person_at(talk, f"Lan {number}", tree.workplace) for number in range(6)]
    run_id = send(talk, tree.upper, people, [POLL])
    add_results(talk, run_id, tree.workplace, DeliveryState.FAILED, 9, "blocked")
    for member in people:
        await member.presses_payload(encode(AnswerBulletin(run_id, 0, 1)))
    before = [await looks(editor, run_id, screen) for screen in ("", "units", "answers")]
    talk.pass_time(days=59)
    with talk.database.begin() as session:
        assert not condense_some(session, talk.now() - timedelta(days=60))
    talk.pass_time(days=4)
    with talk.database.begin() as session:
        period = next(period for period in PERIODS if period.kind == "bulletin_lines")
        assert period.forget(session, talk.now() - timedelta(days=period.days)) == 1
        assert session.query(Delivery).filter(Delivery.run_id == run_id).count() == 0
        assert session.query(BulletinAnswer).count() == 0
        assert session.query(BulletinResult).count() > 0
    after = [await looks(editor, run_id, screen) for screen in ("", "units", "answers")]
    assert after == before


async def test_half_erased_sending_counts_right(talk: Talk, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks while the lines are being erased sees what there was."""
    monkeypatch.setattr("db.bulletin_results._AT_ONCE", 3)
    run_id = send(talk, tree.upper)
    add_results(talk, run_id, tree.workplace, DeliveryState.SENT, 10)
    talk.pass_time(days=70)
    with talk.database.begin() as session:
        assert condense_some(session, talk.now() - timedelta(days=60))
    with talk.database.begin() as session:
        assert session.query(Delivery).filter(Delivery.run_id == run_id).count() == 7
        figures = count_by_unit(session, session.get_one(BulletinRun, run_id))
        assert sum(counts["sent"] for counts in figures.values()) == 10
