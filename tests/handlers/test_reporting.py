"""A worker reports what happened, sees before sending who will read it, and gets a receipt: on every channel."""

import base64
import re
from datetime import timedelta

import pytest
from sqlalchemy import text

from db.case_access import read_viewer
from db.case_history import EventKind, list_lines
from db.models import (
    Account,
    Base,
    Case,
    CaseAlert,
    CaseBarrier,
    CaseFile,
    CaseReader,
    CaseState,
    Conversation,
    Delivery,
    DeliveryKind,
    Role,
    UnitLevel,
)
from db.people import add_membership, add_person
from db.session import Database
from handlers.access import NotAllowed
from handlers.actions import AskOfficer, ClaimCase, encode
from handlers.cases.clockwork import run_due
from handlers.cases.service import get_case
from handlers.cases.sex import prefer_sex
from handlers.chat import AttachmentKind, Kind, StoredReply
from knowledge.answer import Answerer
from tests.edges import EDGES
from tests.handlers.planted import finds, jpeg, voice
from tests.handlers.test_officers import officer, sign_in
from tests.small_tree import Tree, add_unit
from tests.talk import HOTLINE, Member, Talk

RECEIPT = re.compile(r"\d{4} \d{4} \d{4} \d{4}")
CODE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}")
STORY = "cty e no luong 2 thang r k tra, hoi thi bi chui"


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(talk.database, talk.today - timedelta(days=400))


async def tell(lan: Member, story: str = STORY, category: str = "Tiền lương") -> None:
    """Begin and tell what happened, without any detail."""
    await lan.says("phản ánh")
    await lan.presses(category)
    await lan.says(story)
    await lan.presses("Xong")
    await lan.presses("Đi tiếp")


async def tell_to_the_summary(lan: Member, workplace: str = "may mot", story: str = STORY) -> None:
    """Everything but the last press."""
    await tell(lan, story)
    if workplace:
        await lan.says(workplace)
        await lan.presses("May Một")
    else:
        await lan.presses("Bỏ qua")
    await lan.presses("Không ghi tên")


async def report(lan: Member, workplace: str = "may mot", story: str = STORY) -> tuple[str, str]:
    """Send a report; returns its code and its receipt."""
    await tell_to_the_summary(lan, workplace, story)
    await lan.presses("Gửi")
    return receipt_of(lan.heard[-1])


def receipt_of(reply: StoredReply) -> tuple[str, str]:
    """The code and the receipt in what was said."""
    code, receipt = CODE.search(reply.text), RECEIPT.search(reply.text)
    assert code and receipt, reply.text
    return code[0], receipt[0]


def case_of(talk: Talk, code: str | None = None) -> Case:
    """The one case, or the one of a code."""
    cases: list[Case] = [one for one in talk.rows(Case) if one.state is not CaseState.DRAFT]
    (found,) = [one for one in cases if code is None or one.code == code.replace("-", "")]
    return found


def opened(talk: Talk, case: Case) -> dict[str, str]:
    """What stands in the first line of a case's history."""
    lines = talk.look(list_lines, case)
    body: dict[str, str] = lines[0].body
    assert lines[0].kind is EventKind.OPENED
    return body


def alerted(talk: Talk) -> list[int]:
    """Who was asked to claim a case."""
    return [alert.person_id for alert in talk.rows(CaseAlert)]


async def test_story_without_marks_reaches_the_upper_union_round_the_workplace(talk: Talk, tree: Tree) -> None:
    """Teencode, no marks: stored as typed, alerted above, nothing at the workplace, and never the story in an alert."""
    inside = await officer(talk, "Trong Nhà Máy", tree.workplace, Role.CHAIR)
    above = await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    lan = talk.member("Lan")
    code, _receipt = await report(lan)
    case = case_of(talk, code)
    assert (case.category, case.unit_id, case.workplace_unit_id) == ("wages", tree.upper, tree.workplace)
    assert opened(talk, case)["story"] == STORY
    await above.settled()
    alerts = [row for row in talk.rows(Delivery) if row.kind is DeliveryKind.CASE_ALERT]
    assert [row.recipient for row in alerts] == [above.lane]
    assert inside.heard[-1].text == inside.heard[0].text or "Vụ việc" not in inside.heard[-1].text
    above.hears(code, "Tiền lương")
    assert "luong 2 thang" not in above.heard[-1].text


async def test_worker_sees_roles_and_units_before_sending(talk: Talk, tree: Tree) -> None:
    """Roles and units, never names; who comes later; and nobody of the workplace."""
    await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    await officer(talk, "Chủ Tịch Tỉnh", tree.root, Role.CHAIR)
    await officer(talk, "Trong Nhà Máy", tree.workplace, Role.CHAIR)
    lan = talk.member("Lan")
    await tell_to_the_summary(lan)
    lan.hears("Cán bộ công đoàn – Công đoàn phường Thử", "báo tiếp", "Liên đoàn Lao động tỉnh Thử", "không ghi tên")
    readers = lan.heard[-1].text.partition("đọc được")[2]
    assert "May Một" not in readers
    assert "Cán Bộ Phường" not in readers


async def test_workplace_union_reads_only_when_the_worker_says_so(talk: Talk, tree: Tree) -> None:
    """One press lets them read, the next one takes it back."""
    await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    await officer(talk, "Trong Nhà Máy", tree.workplace, Role.CHAIR)
    lan = talk.member("Lan")
    await tell_to_the_summary(lan)
    await lan.presses("công đoàn nơi làm")
    lan.hears("Chủ tịch công đoàn – CĐCS Công ty May Một")
    await lan.presses("không cho nơi làm")
    assert "– CĐCS" not in lan.heard[-1].text


async def test_excluding_every_reader_of_a_unit_sends_it_up(talk: Talk, tree: Tree) -> None:
    """The list shows who comes in their place, and that is who is asked."""
    near = await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    far = await officer(talk, "Cán Bộ Tỉnh", tree.root, Role.OFFICER)
    lan = talk.member("Lan")
    await tell_to_the_summary(lan)
    await lan.presses("Không cho ai đó đọc")
    await lan.presses("Cán bộ – Công đoàn phường Thử")
    await lan.presses("Quay lại")
    assert "phường Thử" not in lan.heard[-1].text.partition("đọc được")[2]
    lan.hears("Liên đoàn Lao động tỉnh Thử")
    await lan.presses("Gửi")
    case = case_of(talk)
    assert case.unit_id == tree.root
    await far.settled()
    far.hears("Tiền lương")
    assert "Vụ việc" not in near.heard[-1].text


async def test_each_role_of_a_later_unit_can_be_kept_away_and_is_never_asked(talk: Talk, tree: Tree) -> None:
    """Who fears the federation's chair keeps that one away and the ward's officer stays; nothing else changes."""
    near = await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    far = await officer(talk, "Cán Bộ Tỉnh", tree.root, Role.OFFICER)
    feared = await officer(talk, "Chủ Tịch Tỉnh", tree.root, Role.CHAIR)
    lan = talk.member("Lan")
    await tell_to_the_summary(lan)
    later = lan.heard[-1].text.partition("báo tiếp")[2]
    assert "Liên đoàn Lao động tỉnh Thử: Cán bộ, Chủ tịch" in later
    await lan.presses("Không cho ai đó đọc")
    await lan.presses("Chủ tịch – Liên đoàn")
    lan.hears("không được xem", "Liên đoàn Lao động tỉnh Thử: Chủ tịch")
    await lan.presses("Quay lại")
    lan.hears("Cán bộ công đoàn – Công đoàn phường Thử")
    assert lan.heard[-1].text.partition("báo tiếp")[2].endswith("Liên đoàn Lao động tỉnh Thử: Cán bộ")
    await lan.presses("Gửi")
    assert alerted(talk) == [person_of(talk, near)]
    for _ in range(4):
        talk.pass_time(days=1)
        with talk.database.begin() as session:
            run_due(session, talk.now(), talk.today, lambda *_: None)
    assert set(alerted(talk)) == {person_of(talk, near), person_of(talk, far)}
    with talk.database.read() as session:
        viewer = read_viewer(session, person_of(talk, feared), talk.now(), talk.today)
        with pytest.raises(NotAllowed):
            get_case(session, viewer, case_of(talk).code, talk.now())


async def test_who_was_kept_away_can_be_let_in_again_alone(talk: Talk, tree: Tree) -> None:
    """Each by a button of its own; a button pressed late lets nobody in."""
    await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    await officer(talk, "Cán Bộ Tỉnh", tree.root, Role.OFFICER)
    await officer(talk, "Chủ Tịch Tỉnh", tree.root, Role.CHAIR)
    lan = talk.member("Lan")
    await tell_to_the_summary(lan)
    await lan.presses("Không cho ai đó đọc")
    late = lan.button("Chủ tịch – Liên đoàn").action
    assert late
    await lan.presses("Chủ tịch – Liên đoàn")
    await lan.presses("Cán bộ – Liên đoàn")
    await lan.presses_payload(late)
    await lan.presses("Cho đọc lại: Cán bộ")
    assert {"Cán bộ – Liên đoàn Lao động tỉnh Thử"} < {button.label for button in lan.heard[-1].buttons}
    await lan.presses("Quay lại")
    lan.hears("không được xem")
    await lan.presses("Gửi")
    barred = [(one.unit_id, one.role) for one in talk.rows(CaseBarrier)]
    assert barred == [(tree.root, Role.CHAIR)]


async def test_many_possible_readers_stand_on_pages_of_eight_buttons(talk: Talk, tree: Tree) -> None:
    """None of them is out of reach, and the page stays while somebody is kept away on it."""
    for unit_id in (tree.workplace, tree.upper, tree.root):
        for role in (Role.OFFICER, Role.DEPUTY_CHAIR, Role.CHAIR):
            await officer(talk, f"Người {unit_id} {role}", unit_id, role)
    lan = talk.member("Lan")
    await tell_to_the_summary(lan)
    await lan.presses("công đoàn nơi làm")
    await lan.presses("Không cho ai đó đọc")
    await lan.presses("Xem tiếp")
    await lan.presses("Phó Chủ tịch – Liên đoàn")
    lan.button("Cho đọc lại: Phó Chủ tịch")
    await lan.presses("Xem lại từ đầu")
    await lan.presses("Phó Chủ tịch – CĐCS")
    assert max(len(reply.buttons) for reply in lan.heard) == 8
    assert max(len(button.label) for reply in lan.heard for button in reply.buttons) <= 40
    await lan.presses("Quay lại")
    await lan.presses("Gửi")
    barred = {(one.unit_id, one.role) for one in talk.rows(CaseBarrier)}
    assert barred == {(tree.root, Role.DEPUTY_CHAIR), (tree.workplace, Role.DEPUTY_CHAIR)}


async def test_unknown_workplace_goes_by_commune(talk: Talk, tree: Tree) -> None:
    """Who looks after the commune gets it, with the name of the workplace as it was typed."""
    await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    lan = talk.member("Lan")
    await tell(lan)
    await lan.says("xuong go khong ten xyz")
    await lan.presses("Không thấy")
    await lan.says("phuong thu")
    await lan.presses("Không ghi tên")
    await lan.presses("Gửi")
    case = case_of(talk)
    assert (case.unit_id, case.workplace_unit_id) == (tree.upper, None)
    assert "xuong go khong ten xyz" in opened(talk, case)["where"]


async def test_without_any_place_it_goes_to_the_federation(talk: Talk, tree: Tree) -> None:
    """Everything but the story can be left out."""
    await officer(talk, "Cán Bộ Tỉnh", tree.root, Role.OFFICER)
    lan = talk.member("Lan")
    await report(lan, workplace="")
    assert case_of(talk).unit_id == tree.root


async def test_nobody_to_read_is_said_honestly_and_it_can_be_sent_all_the_same(talk: Talk, tree: Tree) -> None:
    """Stored, with the hotline said beside."""
    lan = talk.member("Lan")
    await tell_to_the_summary(lan)
    lan.hears("chưa có cán bộ nào", HOTLINE)
    await lan.presses("Gửi")
    receipt_of(lan.heard[-1])
    assert case_of(talk).unit_id == tree.root


async def test_draft_survives_a_restart_and_the_menu(database: Database, answerer: Answerer, channel: str) -> None:
    """Interrupted by a stop and by the menu, it goes on where it was, with all that was told."""
    async with Talk.start(database, answerer, EDGES[channel]()) as stopped:
        tree = Tree.plant(database, stopped.today - timedelta(days=400))
        await officer(stopped, "Cán Bộ Phường", tree.upper, Role.OFFICER)
        await tell(stopped.member("Lan"))
    async with Talk.start(database, answerer, EDGES[channel]()) as restarted:
        again = restarted.member("Lan")
        await again.says("menu")
        await again.presses("Tiếp tục")
        await again.says("may mot")
        await again.presses("May Một")
        await again.presses("Không ghi tên")
        await again.presses("Gửi")
        assert opened(restarted, case_of(restarted))["story"] == STORY


async def test_pressing_send_twice_sends_once(talk: Talk, tree: Tree) -> None:
    """The second press meets a changed world."""
    lan = talk.member("Lan")
    await tell_to_the_summary(lan)
    button = lan.button("Gửi").action
    assert button
    await lan.presses("Gửi")
    await lan.presses_payload(button)
    assert len(talk.rows(Case)) == 1
    lan.hears("đã thay đổi")


async def test_cancelling_erases_the_draft_its_key_and_every_word(talk: Talk, tree: Tree) -> None:
    """Nothing is left but the row of a person who talked."""
    lan = talk.member("Lan")
    await tell(lan)
    (draft,) = talk.rows(Case)
    await lan.says("hủy")
    assert talk.rows(Case) == []
    assert talk.rows(Conversation)[0].draft is None
    assert draft.key_id in talk.database.case_keys.list_destroyed()


async def test_beginning_again_leaves_no_second_draft(talk: Talk, tree: Tree) -> None:
    """The open report goes on; one left behind by another talk is erased when a new one begins."""
    lan = talk.member("Lan")
    await tell(lan)
    await lan.says("/phananh")
    assert len(talk.rows(Case)) == 1
    lan.hears("làm ở đâu")
    await lan.presses_payload("join")
    await lan.says("phản ánh")
    assert len(talk.rows(Case)) == 1
    assert talk.rows(Conversation)[0].feature == "cases"


async def test_draft_that_was_erased_for_being_old_says_so(talk: Talk, tree: Tree) -> None:
    """No error, and the way to begin again."""
    lan = talk.member("Lan")
    await tell(lan)
    (draft,) = talk.rows(Case)
    talk.database.case_keys.destroy([draft.key_id])
    await lan.says("may mot")
    lan.hears("đã xóa")
    await lan.says("phản ánh")
    assert talk.rows(Conversation)[0].step == "category"


async def test_anonymous_report_shows_no_account_to_anybody(talk: Talk, tree: Tree) -> None:
    """No screen of an officer, no line in clear in the database names the worker; their name typed and taken back is
    not sent."""
    above = await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    lan = talk.member("Lan Bí Mật")
    await tell(lan)
    await lan.says("may mot")
    await lan.presses("May Một")
    await lan.presses("Ghi tên tôi")
    await lan.says("Nguyễn Thị Canary")
    await lan.says("0901234567")
    lan.hears("Canary", "0901234567")
    await lan.presses("Sửa lại")
    await lan.presses("Ghi tên hay không")
    await lan.presses("Không ghi tên")
    await lan.presses("Gửi")
    case = case_of(talk)
    assert not case.is_named
    assert set(opened(talk, case)) == {"story"}
    await above.settled()
    await above.presses("Tôi nhận")
    await above.presses_payload(f"co|{case.code}")
    screens = " ".join(reply.text for reply in above.heard)
    for secret in ("Canary", "0901234567", "Bí Mật", lan.address, lan.lane):
        assert secret not in screens
    assert STORY[:20] in screens
    with talk.database.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            rows = connection.execute(text(f"SELECT * FROM {table.name}"))
            clear = " ".join(str(value) for row in rows for value in row if not isinstance(value, bytes | memoryview))
            assert "Canary" not in clear
            assert "luong 2 thang" not in clear


async def test_named_report_carries_name_and_phone(talk: Talk, tree: Tree) -> None:
    """Only who wants to be called is asked for a name and a number; a member's known ones are proposed."""
    await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    lan = talk.member("Lan")
    await lan.says("chào")
    with talk.database.begin() as session:
        person = add_person(session, {"full_name": "Nguyễn Thị Lan", "phone": "0901234567"}, talk.now())
        add_membership(session, person, tree.workplace, talk.today, None)
        person_id = person.id
    sign_in(talk, lan, person_id)
    await tell(lan)
    await lan.presses("May Một")
    await lan.presses("Ghi tên tôi")
    await lan.presses("Nguyễn Thị Lan")
    await lan.presses("0901234567")
    await lan.presses("Gửi")
    case = case_of(talk)
    assert case.is_named
    assert opened(talk, case)["full_name"] == "Nguyễn Thị Lan"
    assert opened(talk, case)["phone"] == "0901234567"
    assert case.workplace_unit_id == tree.workplace


async def test_details_are_optional_and_kept_by_name(talk: Talk, tree: Tree) -> None:
    """Where, since when, how many, what they want: each by a press, or none."""
    lan = talk.member("Lan")
    await lan.says("phản ánh")
    await lan.presses("Mục khác")
    await lan.presses("Bữa ăn ca")
    await lan.says("cơm thiu")
    await lan.says("ba hôm liền")
    await lan.presses("Xong")
    await lan.presses("Từ khi nào")
    await lan.says("từ thứ hai")
    await lan.presses("Bao nhiêu người")
    await lan.says("cả chuyền, 40 người")
    await lan.presses("Đi tiếp")
    await lan.presses("Bỏ qua")
    await lan.presses("Không ghi tên")
    lan.hears("cơm thiu", "ba hôm liền", "từ thứ hai", "40 người", "Bữa ăn ca")
    await lan.presses("Gửi")
    body = opened(talk, case_of(talk))
    assert (body["story"], body["since"]) == ("cơm thiu\nba hôm liền", "từ thứ hai")


async def test_harassment_asks_for_no_retelling_and_lets_the_reader_be_chosen(talk: Talk, tree: Tree) -> None:
    """Sent without a word of story; a woman is asked, and the man beside her is not."""
    woman = await officer(talk, "Cán Bộ Nữ", tree.upper, Role.CHAIR)
    man = await officer(talk, "Cán Bộ Nam", tree.upper, Role.OFFICER)
    set_gender(talk, woman, "nu")
    set_gender(talk, man, "nam")
    lan = talk.member("Lan")
    await lan.says("phản ánh")
    await lan.presses("Quấy rối")
    lan.hears("không phải kể lại")
    await lan.presses("Chưa kể")
    await lan.presses("Cán bộ nữ")
    await lan.says("may mot")
    await lan.presses("May Một")
    await lan.presses("Không ghi tên")
    lan.hears("chỉ người đó")
    assert "chưa có cán bộ" not in lan.heard[-1].text
    await lan.presses("Gửi")
    case = case_of(talk)
    assert case.holder_only
    assert alerted(talk) == [person_of(talk, woman)]


async def test_report_that_turns_out_to_be_harassment_gets_the_smallest_list(talk: Talk, tree: Tree) -> None:
    """Its kind changed at the end, after the workplace was let in: the reader may be chosen then too, and the workplace
    is left out again."""
    await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    inside = await officer(talk, "Trong Nhà Máy", tree.workplace, Role.CHAIR)
    lan = talk.member("Lan")
    await tell_to_the_summary(lan)
    await lan.presses("Cho cả công đoàn nơi làm đọc")
    assert "May Một" in lan.heard[-1].text.partition("đọc được")[2]
    await lan.presses("Sửa")
    await lan.presses("Về việc gì")
    await lan.presses("Quấy rối")
    await lan.presses("Cán bộ nữ")
    assert "May Một" not in lan.heard[-1].text.partition("đọc được")[2]
    await lan.presses("Gửi")
    case = case_of(talk)
    assert (case.category, case.holder_only) == ("harassment", True)
    assert opened(talk, case)["reader_sex"] == "female"
    assert [row.unit_id for row in talk.rows(CaseReader)] == [tree.upper]
    assert person_of(talk, inside) not in alerted(talk)


async def test_wish_that_nobody_fits_is_said_before_sending(talk: Talk, tree: Tree) -> None:
    """Honestly: no woman there; whoever is there is asked."""
    man = await officer(talk, "Cán Bộ Nam", tree.upper, Role.OFFICER)
    set_gender(talk, man, "nam")
    lan = talk.member("Lan")
    await lan.says("phản ánh")
    await lan.presses("Quấy rối")
    await lan.says("trưởng ca ở kho")
    await lan.presses("Xong")
    await lan.presses("Cán bộ nữ")
    await lan.says("may mot")
    await lan.presses("May Một")
    await lan.presses("Không ghi tên")
    lan.hears("chưa có cán bộ nữ")
    await lan.presses("Gửi")
    assert alerted(talk) == [person_of(talk, man)]


def set_gender(talk: Talk, member: Member, gender: str) -> None:
    from db.models import Person

    with talk.database.begin() as session:
        person = session.get_one(Person, person_of(talk, member))
        person.profile = {**(person.profile or {}), "gender": gender}


def person_of(talk: Talk, member: Member) -> int:
    return next(one.person_id for one in talk.rows(Account) if one.address_hash == member.lane)


def test_readers_of_the_wished_sex_come_alone_where_there_are_any() -> None:
    """Nobody is left unasked for a wish that nobody fits."""
    genders = {1: "nu", 2: "nam", 3: "nu"}
    assert prefer_sex([1, 2, 3, 4], genders, "female") == [1, 3]
    assert prefer_sex([2, 4], genders, "female") == [2, 4]
    assert prefer_sex([1, 2], genders, None) == [1, 2]


async def test_question_for_an_officer_brings_question_and_answer_along(talk: Talk, tree: Tree) -> None:
    """Under an answer: one press, and what was asked need not be typed again."""
    await officer(talk, "Cán Bộ Tỉnh", tree.root, Role.OFFICER)
    lan = talk.member("Lan")
    question = "nghỉ thai sản được mấy tháng"
    await lan.says(question)
    await lan.presses("Hỏi cán bộ")
    await lan.presses("Chưa rõ")
    lan.hears(question)
    await lan.presses("Gửi luôn")
    await lan.presses("Bỏ qua")
    await lan.presses("Không ghi tên")
    lan.hears(question)
    await lan.presses("Gửi")
    body = opened(talk, case_of(talk))
    assert body["question"] == question
    assert body["entry"]


async def test_recognised_grievance_is_offered_and_what_was_typed_is_the_story(talk: Talk, tree: Tree) -> None:
    """Offered, with the answer of the law beside it; one press begins the report with the message in it."""
    await officer(talk, "Cán Bộ Tỉnh", tree.root, Role.OFFICER)
    lan = talk.member("Lan")
    await lan.says("/start")
    await lan.says("cty nợ lương 2 tháng")
    assert talk.rows(Case) == []
    await lan.presses("Nhờ công đoàn giúp")
    lan.hears("cty nợ lương 2 tháng")
    await lan.presses("Xong")
    await lan.presses("Đi tiếp")
    await lan.presses("Bỏ qua")
    await lan.presses("Không ghi tên")
    await lan.presses("Gửi")
    case = case_of(talk)
    assert case.category == "wages"
    assert opened(talk, case)["story"] == "cty nợ lương 2 tháng"


async def test_faint_guess_leaves_the_kind_to_the_worker(talk: Talk, tree: Tree) -> None:
    """A message that only may tell of something brings itself along, and no kind: that is asked for."""
    lan = talk.member("Lan")
    await lan.says("/start")
    await lan.says("sếp sờ mó")
    await lan.presses("Nhờ công đoàn giúp")
    lan.button("Tiền lương")
    await lan.presses("Quấy rối")
    lan.hears("sếp sờ mó")


async def test_picture_is_sent_with_the_story_and_reaches_the_officer(talk: Talk, tree: Tree) -> None:
    """On every channel that carries pictures the worker sends one in the middle of the story, sees that it is there,
    and the officer opens it without anything it told of who took it, when and where."""
    clerk = await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    lan = talk.member("Lan")
    await lan.says("phản ánh")
    await lan.presses("An toàn lao động")
    await lan.says("máy dập không có chắn")
    await lan.sends_file(jpeg(), AttachmentKind.PICTURE)
    lan.hears("1 tệp")
    await lan.presses("Xong")
    await lan.presses("Đi tiếp")
    await lan.says("may mot")
    await lan.presses("May Một")
    await lan.presses("Không ghi tên")
    await lan.presses("Gửi")
    receipt_of(lan.heard[-1])
    [kept] = talk.rows(CaseFile)
    assert (kept.media_type, kept.event_number) == ("image/jpeg", 1)
    await clerk.presses_payload(encode(ClaimCase(case_of(talk).code)))
    await clerk.presses("Ảnh, tệp")
    if talk.edge.channel.takes_case_files:
        await clerk.presses("anh-1.jpg")
        [file] = clerk.heard[-1].files
        assert finds(file.content) == []
    else:
        clerk.hears("1 ảnh, tệp", "bàn làm việc trên web")


async def test_old_offer_never_sends_a_newer_message(talk: Talk, tree: Tree) -> None:
    """A button from before begins a report, but brings nothing along that was asked since."""
    lan = talk.member("Lan")
    await lan.says("/start")
    await lan.says("cty nợ lương 2 tháng")
    button = lan.button("Nhờ công đoàn giúp").action
    assert button
    await lan.says("nghỉ thai sản được mấy tháng")
    await lan.presses_payload(button)
    assert "thai sản" not in lan.heard[-1].text


async def test_question_of_law_still_gets_its_answer(talk: Talk) -> None:
    """Who only asks reads the law; help stands beside it as one more button at most."""
    lan = talk.member("Lan")
    await lan.says("/start")
    for question in ("công ty nợ lương thì phải làm sao", "quấy rối tình dục tại nơi làm việc là gì"):
        replies = await lan.says(question)
        assert any("Căn cứ" in reply.text for reply in replies)
        assert all(len(reply.buttons) <= 8 for reply in replies)


async def test_emergency_hears_the_numbers_first_and_sends_in_two_presses(talk: Talk, tree: Tree) -> None:
    """115 before anything else; the message itself is sent, and officers are asked at once, at night too."""
    above = await officer(talk, "Cán Bộ Tỉnh", tree.root, Role.OFFICER)
    lan = talk.member("Lan")
    (reply,) = await lan.says("có người bị máy cắt tay ở xưởng 2")
    assert "115" in reply.text
    assert HOTLINE in reply.text
    await lan.presses("Nhờ công đoàn giúp")
    lan.hears("Cán bộ công đoàn – Liên đoàn")
    await lan.presses("Gửi ngay")
    receipt_of(lan.heard[-1])
    case = case_of(talk)
    assert (case.category, case.urgency) == ("accident", "emergency")
    assert "cắt tay" in opened(talk, case)["story"]
    await above.settled()
    above.hears("KHẨN CẤP")


async def test_danger_told_in_the_middle_of_a_report_brings_the_numbers(talk: Talk, tree: Tree) -> None:
    """Whatever somebody came for."""
    lan = talk.member("Lan")
    await lan.says("phản ánh")
    await lan.presses("Giờ làm")
    replies = await lan.says("tăng ca riết, có đứa bị máy cắt tay đang chảy máu nhiều lắm")
    assert "115" in replies[0].text
    lan.button("Gửi ngay")


async def test_who_speaks_of_a_minor_is_given_the_childrens_number(talk: Talk) -> None:
    """111 beside the others."""
    lan = talk.member("Lan")
    (reply,) = await lan.says("có bé 14 tuổi bị máy cắt tay")
    assert "115" in reply.text
    assert "111" in reply.text


async def test_every_step_has_eight_buttons_at_most(talk: Talk, tree: Tree) -> None:
    """So that a numbered list fits a small screen."""
    lan = talk.member("Lan")
    await tell_to_the_summary(lan)
    for words in ("Không cho ai đó", "Quay lại", "Sửa lại", "Về việc gì", "Mục khác"):
        await lan.presses(words)
    assert max(len(reply.buttons) for reply in lan.heard) <= 8
    assert max(len(button.label) for reply in lan.heard for button in reply.buttons) <= 40


async def test_officers_own_channel_takes_no_reports(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports begin where members are."""
    from dataclasses import replace

    monkeypatch.setattr(talk.edge, "channel", replace(talk.edge.channel, serves_members=False))
    lan = talk.member("Lan")
    await lan.says("phản ánh")
    lan.hears("kênh này dành cho cán bộ")
    assert talk.rows(Case) == []


async def send_captioned(lan: Member, caption: str) -> list[StoredReply]:
    """A picture with words under it."""
    content = base64.b64encode(jpeg()).decode()
    raw = {"kind": "file", "what": AttachmentKind.PICTURE.value, "content": content, "text": caption}
    return await lan._do(raw, None)


async def test_pressing_accident_brings_the_numbers_before_any_question(talk: Talk, tree: Tree) -> None:
    """At once and once for each danger; with the first words it can be sent."""
    lan = talk.member("Lan")
    await lan.says("phản ánh")
    await lan.presses("Mục khác")
    replies = await lan.presses("Tai nạn")
    assert "115" in replies[0].text
    replies = await lan.says("có người bị máy cắt tay ở xưởng 2")
    assert "115" not in replies[0].text
    replies = await lan.says("đang có cháy ở xưởng 3")
    assert "114" in replies[0].text
    await lan.presses("Gửi ngay")
    assert case_of(talk).urgency == "emergency"


async def test_danger_is_heard_in_a_detail_and_at_the_summary(talk: Talk, tree: Tree) -> None:
    """Whatever was asked; what is sent is an emergency."""
    lan = talk.member("Lan")
    await lan.says("phản ánh")
    await lan.presses("Tiền lương")
    await lan.says(STORY)
    await lan.presses("Xong")
    await lan.presses("Ở đâu")
    replies = await lan.says("đang có cháy ở xưởng 3")
    assert "114" in replies[0].text
    await lan.presses("Đi tiếp")
    await lan.presses("Bỏ qua")
    await lan.presses("Không ghi tên")
    replies = await lan.says("có người bị máy cắt tay ở xưởng 2")
    assert "115" in replies[0].text
    await lan.presses("Gửi")
    case = case_of(talk)
    assert (case.category, case.urgency) == ("wages", "emergency")


async def test_old_question_that_tells_of_danger_begins_an_emergency(talk: Talk, tree: Tree) -> None:
    """The button that carries it copies kind and urgency, and the numbers come first."""
    lan = talk.member("Lan")
    await lan.says("có người bị máy cắt tay ở xưởng 2")
    replies = await lan.presses_payload(encode(AskOfficer("")))
    assert "115" in replies[0].text
    await lan.presses("Gửi ngay")
    case = case_of(talk)
    assert (case.category, case.urgency) == ("accident", "emergency")


async def test_urgent_words_count_whatever_kind_was_pressed(talk: Talk, tree: Tree) -> None:
    """The kind stays what was pressed; the urgency is the higher of the two."""
    lan = talk.member("Lan")
    await report(lan, story="cả xưởng đang ngừng việc tập thể")
    case = case_of(talk)
    assert (case.category, case.urgency) == ("wages", "urgent")


async def test_asking_what_harassment_is_makes_no_report_urgent(talk: Talk, tree: Tree) -> None:
    """Only what is told as happening counts."""
    lan = talk.member("Lan")
    await report(lan, story="quấy rối tình dục là gì")
    case = case_of(talk)
    assert (case.category, case.urgency, case.holder_only) == ("wages", "ordinary", False)


async def test_sexual_harassment_told_under_another_kind_is_kept_close(talk: Talk, tree: Tree) -> None:
    """The worker is told so and asked by whom it is read; only its holder opens it."""
    lan = talk.member("Lan")
    await lan.says("phản ánh")
    await lan.presses("Tiền lương")
    replies = await lan.says("bị quản đốc quấy rối tình dục")
    assert "chỉ người đó" in replies[0].text
    await lan.presses("Xong")
    await lan.presses("Cán bộ nữ")
    await lan.presses("Bỏ qua")
    await lan.presses("Không ghi tên")
    await lan.presses("Gửi")
    case = case_of(talk)
    assert (case.category, case.holder_only) == ("harassment", True)


async def test_sexual_harassment_told_at_the_summary_is_kept_close(talk: Talk, tree: Tree) -> None:
    """The question by whom it is read comes before it can be sent."""
    lan = talk.member("Lan")
    await tell_to_the_summary(lan)
    await lan.says("em còn bị quản đốc quấy rối tình dục")
    await lan.presses("Cán bộ nữ")
    await lan.presses("Gửi")
    case = case_of(talk)
    assert case.holder_only
    assert opened(talk, case)["reader_sex"] == "female"


async def test_words_under_a_picture_are_kept_and_heard(talk: Talk, tree: Tree) -> None:
    """They are a part of the story, and danger in them brings the numbers."""
    lan = talk.member("Lan")
    await lan.says("phản ánh")
    await lan.presses("Giờ làm")
    replies = await send_captioned(lan, "có người bị máy cắt tay ở xưởng 2")
    assert "115" in replies[0].text
    await lan.presses("Gửi ngay")
    assert opened(talk, case_of(talk))["story"] == "có người bị máy cắt tay ở xưởng 2"
    assert len(talk.rows(CaseFile)) == 1


async def come_to(lan: Member, step: str) -> None:
    """Go on with a report as far as a step."""
    if step == "reader":
        await lan.says("phản ánh")
        await lan.presses("Quấy rối")
        await lan.presses("Chưa kể")
        return
    if step in ("edit", "exclude", "summary"):
        await tell_to_the_summary(lan)
        if step != "summary":
            await lan.presses({"edit": "Sửa lại", "exclude": "Không cho ai đó"}[step])
        return
    await tell(lan)
    if step == "commune":
        await lan.says("xuong go khong ten xyz")
        await lan.presses("Không thấy")
    if step in ("naming", "full_name", "phone"):
        await lan.says("may mot")
        await lan.presses("May Một")
    if step in ("full_name", "phone"):
        await lan.presses("Ghi tên tôi")
    if step == "phone":
        await lan.says("Lan")


ASKED_AGAIN = {
    "reader": "muốn ai đọc",
    "naming": "muốn ghi tên không",
    "edit": "muốn sửa gì",
    "exclude": "khỏi danh sách",
    "workplace": "làm ở đâu",
    "commune": "xã, phường nào",
    "full_name": "gọi anh/chị là gì",
    "phone": "số điện thoại",
}


async def finish(lan: Member, step: str) -> None:
    """Send a report from any of its steps, without anything more."""
    left = {
        "reader": ("Ai cũng được", "Bỏ qua", "Không ghi tên"),
        "workplace": ("Bỏ qua", "Không ghi tên"),
        "commune": ("Bỏ qua", "Không ghi tên"),
        "naming": ("Không ghi tên",),
        "full_name": ("Thôi, không ghi tên",),
        "phone": ("Bỏ qua",),
        "edit": ("Quay lại",),
        "exclude": ("Quay lại",),
    }
    for label in (*left.get(step, ()), "Gửi"):
        await lan.presses(label)


@pytest.mark.parametrize("step", ["reader", "naming", "edit", "exclude"])
async def test_words_at_a_step_of_buttons_belong_to_the_story(talk: Talk, tree: Tree, step: str) -> None:
    """They are noted, which is said, and the step is asked again."""
    await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    lan = talk.member("Lan")
    await come_to(lan, step)
    replies = await lan.says("cho e sua lai la no luong 3 thang moi dung")
    assert "ghi thêm vào lời kể" in replies[0].text
    lan.hears(ASKED_AGAIN[step])
    await finish(lan, step)
    assert opened(talk, case_of(talk))["story"].endswith("cho e sua lai la no luong 3 thang moi dung")


@pytest.mark.parametrize("step", list(ASKED_AGAIN))
async def test_danger_is_heard_at_every_step(talk: Talk, tree: Tree, step: str) -> None:
    """The numbers come first, the words go to the story and not into a field, and the step is asked again."""
    await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    lan = talk.member("Lan")
    await come_to(lan, step)
    replies = await lan.says("chay roi, co nguoi ket trong xuong")
    assert "114" in replies[0].text
    lan.hears(ASKED_AGAIN[step])
    await finish(lan, step)
    case = case_of(talk)
    body = opened(talk, case)
    assert case.urgency == "emergency"
    assert body["story"].endswith("chay roi, co nguoi ket trong xuong")
    assert "chay" not in body.get("where", "") + body.get("full_name", "")


async def test_smoke_told_where_a_workplace_is_asked_is_no_name(talk: Talk, tree: Tree) -> None:
    """Nobody in danger reads that there is no company so called."""
    lan = talk.member("Lan")
    await come_to(lan, "workplace")
    replies = await lan.says("co chay, khoi mu mit trong xuong")
    assert "114" in replies[0].text
    assert all("Chưa tìm thấy" not in reply.text for reply in replies)


async def test_new_kind_may_be_told_instead_of_pressed(talk: Talk, tree: Tree) -> None:
    """Also when the kind is what is mended; the words are kept."""
    lan = talk.member("Lan")
    await come_to(lan, "edit")
    await lan.presses("Về việc gì")
    await lan.says("con thieu tien tang ca nua")
    lan.hears("Chuyện về việc gì")
    await lan.presses("Tiền lương")
    await lan.presses("Gửi")
    assert "con thieu tien tang ca nua" in opened(talk, case_of(talk))["story"]


async def test_harassment_told_late_still_lets_the_reader_be_chosen(talk: Talk, tree: Tree) -> None:
    """Asked once, before it is looked over, and nothing that was answered is asked again."""
    lan = talk.member("Lan")
    await come_to(lan, "naming")
    await lan.says("em còn bị quản đốc quấy rối tình dục")
    await lan.presses("Không ghi tên")
    await lan.presses("Cán bộ nữ")
    lan.hears("Xem lại trước khi gửi")
    await lan.presses("Sửa lại")
    await lan.presses("Quay lại")
    await lan.presses("Gửi")
    case = case_of(talk)
    assert case.holder_only
    assert opened(talk, case)["reader_sex"] == "female"


async def test_harassment_told_while_editing_asks_for_the_reader_before_it_is_sent(talk: Talk, tree: Tree) -> None:
    """However one comes back from there."""
    lan = talk.member("Lan")
    await come_to(lan, "edit")
    await lan.says("em còn bị quản đốc quấy rối tình dục")
    await lan.presses("Quay lại")
    await lan.presses("Gửi")
    await lan.presses("Cán bộ nữ")
    await lan.presses("Gửi")
    assert opened(talk, case_of(talk))["reader_sex"] == "female"


async def test_picture_in_the_middle_is_kept_and_the_question_stays(talk: Talk, tree: Tree) -> None:
    """While a detail is asked for, at the summary and while it is mended."""
    lan = talk.member("Lan")
    await lan.says("phản ánh")
    await lan.presses("Tiền lương")
    await lan.says(STORY)
    await lan.presses("Xong")
    await lan.presses("Từ khi nào")
    replies = await lan.sends_file(jpeg(), AttachmentKind.PICTURE)
    assert "1 tệp" in replies[0].text
    lan.hears("Từ khi nào")
    await lan.says("từ thứ hai")
    await lan.presses("Đi tiếp")
    await lan.presses("Bỏ qua")
    await lan.presses("Không ghi tên")
    replies = await send_captioned(lan, "bảng lương tháng 5")
    assert any("2 tệp" in reply.text for reply in replies)
    lan.hears("Kèm theo: 2 tệp", "bảng lương tháng 5")
    await lan.presses("Sửa lại")
    await lan.sends_file(jpeg(), AttachmentKind.PICTURE)
    lan.hears(ASKED_AGAIN["edit"])
    await lan.presses("Quay lại")
    await lan.presses("Gửi")
    body = opened(talk, case_of(talk))
    assert (body["story"], body["since"]) == (f"{STORY}\nbảng lương tháng 5", "từ thứ hai")
    assert [file.event_number for file in talk.rows(CaseFile)] == [1, 1, 1]


async def test_caption_of_a_picture_in_the_middle_is_heard(talk: Talk, tree: Tree) -> None:
    """Danger under a picture brings the numbers first."""
    lan = talk.member("Lan")
    await come_to(lan, "summary")
    replies = await send_captioned(lan, "chay roi, co nguoi ket trong xuong")
    assert "114" in replies[0].text


@pytest.mark.parametrize("step", ["details", "summary"])
async def test_voice_in_the_middle_is_sent_as_its_owner_chooses(talk: Talk, tree: Tree, step: str) -> None:
    """The choice is understood where the voice was sent, and the step goes on."""
    lan = talk.member("Lan")
    if step == "summary":
        await come_to(lan, step)
    else:
        await lan.says("phản ánh")
        await lan.presses("Tiền lương")
        await lan.says(STORY)
        await lan.presses("Xong")
        await lan.presses("Ở đâu")
    await lan.sends_file(voice("ogg", "libopus", rate=48_000), AttachmentKind.VOICE)
    lan.hears("giọng nói có thể bị nhận ra")
    replies = await lan.presses("Gửi giọng thật")
    assert "giọng thật" in replies[0].text
    if step == "details":
        lan.hears("ở đâu")
        await lan.says("xưởng 2")
        await lan.presses("Đi tiếp")
        await finish(lan, "workplace")
        assert opened(talk, case_of(talk))["where"] == "xưởng 2"
    else:
        await lan.presses("Gửi")
    assert len(talk.rows(CaseFile)) == 1


@pytest.mark.parametrize("step", [name for name in ASKED_AGAIN if name != "edit"])
async def test_picture_where_none_is_taken_is_said_not_to_have_come(talk: Talk, tree: Tree, step: str) -> None:
    """With the step at which it can be sent; the words under it are kept and heard."""
    await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    lan = talk.member("Lan")
    await come_to(lan, step)
    replies = await send_captioned(lan, "chay roi, co nguoi ket trong xuong")
    assert "114" in replies[0].text
    assert any("chưa nhận được" in reply.text and "xem lại" in reply.text for reply in replies)
    lan.hears(ASKED_AGAIN[step])
    await finish(lan, step)
    assert opened(talk, case_of(talk))["story"].endswith("chay roi, co nguoi ket trong xuong")
    assert talk.rows(CaseFile) == []


async def test_pressing_twice_lets_nobody_of_the_workplace_read_again(talk: Talk, tree: Tree) -> None:
    """A press that arrives twice says the same twice."""
    await officer(talk, "Trong Nhà Máy", tree.workplace, Role.CHAIR)
    lan = talk.member("Lan")
    await tell_to_the_summary(lan)
    let_in = lan.button("Cho cả công đoàn nơi làm").action
    await lan.presses("Cho cả công đoàn nơi làm")
    leave_out = lan.button("không cho nơi làm").action
    assert let_in and leave_out and let_in != leave_out
    await lan.presses_payload(let_in)
    lan.hears("– CĐCS Công ty May Một")
    for _ in range(2):
        await lan.presses_payload(leave_out)
        assert "– CĐCS" not in lan.heard[-1].text


async def test_choice_for_one_workplace_is_none_for_another(talk: Talk, tree: Tree) -> None:
    """Who mends the workplace has let nobody of the new one read."""
    await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    await officer(talk, "Trong Nhà Máy", tree.other_workplace, Role.CHAIR)
    lan = talk.member("Lan")
    await tell_to_the_summary(lan)
    await lan.presses("Cho cả công đoàn nơi làm")
    await lan.presses("Sửa lại")
    await lan.presses("Nơi làm")
    await lan.says("giay hai")
    await lan.presses("Giày Hai")
    assert "– CĐCS" not in lan.heard[-1].text
    lan.button("Cho cả công đoàn nơi làm")


async def test_sending_at_once_never_names_anybody(talk: Talk, tree: Tree) -> None:
    """Also who wanted to give their name before: that is what the text beside the button says."""
    await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    lan = talk.member("Lan")
    await come_to(lan, "phone")
    await lan.says("0901234567")
    await lan.presses("Sửa lại")
    await lan.presses("Kể thêm")
    await lan.says("có người bị máy cắt tay ở xưởng 2")
    await lan.presses("Gửi ngay")
    case = case_of(talk)
    assert not case.is_named
    assert not {"full_name", "phone"} & set(opened(talk, case))


@pytest.mark.parametrize(("typed", "kept"), [("1", "1"), ("3", "3"), ("bỏ qua", None), ("Khong ro", None)])
async def test_how_many_may_be_any_number(talk: Talk, tree: Tree, typed: str, kept: str | None) -> None:
    """No number presses anything there; not to know is said in words."""
    lan = talk.member("Lan")
    await lan.says("phản ánh")
    await lan.presses("Tiền lương")
    await lan.says(STORY)
    await lan.presses("Xong")
    await lan.presses("Bao nhiêu người")
    assert not lan.heard[-1].buttons
    await lan.says(typed)
    await lan.presses("Đi tiếp")
    await finish(lan, "workplace")
    assert opened(talk, case_of(talk)).get("affected") == kept


async def test_workplace_that_was_not_found_goes_along_in_words(talk: Talk, tree: Tree) -> None:
    """Also for who leaves the commune out; what was chosen from the list needs no words."""
    lan = talk.member("Lan")
    await tell(lan)
    await lan.says("xuong go khong ten xyz")
    await lan.presses("Bỏ qua")
    await lan.presses("Không ghi tên")
    lan.hears("xuong go khong ten xyz")
    await lan.presses("Gửi")
    case = case_of(talk)
    assert (case.unit_id, case.workplace_unit_id) == (tree.root, None)
    assert opened(talk, case)["where"] == "xuong go khong ten xyz"


async def test_workplace_found_after_another_try_needs_no_words(talk: Talk, tree: Tree) -> None:
    """What was typed only led to it."""
    lan = talk.member("Lan")
    await tell(lan)
    await lan.says("xuong go khong ten xyz")
    await lan.says("may mot")
    await lan.presses("May Một")
    await finish(lan, "naming")
    assert "where" not in opened(talk, case_of(talk))


async def test_names_that_sound_like_danger_are_names(talk: Talk, tree: Tree) -> None:
    """A company and a commune that are known; of an unknown one, typing it again says so."""
    with talk.database.begin() as session:
        since = talk.today - timedelta(days=400)
        add_unit(session, "NB", UnitLevel.WORKPLACE, tree.upper, "CĐCS Tổng Công ty May Nhà Bè", since)
    lan = talk.member("Lan")
    await tell(lan)
    (reply,) = await lan.says("cdcs tong cong ty may nha be")
    assert "115" not in reply.text
    lan.button("May Nhà Bè")
    await lan.says("cong ty khi doc")
    await lan.says("cong ty khi doc")
    await lan.presses("Không thấy")
    (reply,) = await lan.says("phường Đông Kinh, tỉnh Lạng Sơn")
    assert "115" not in reply.text
    lan.hears(ASKED_AGAIN["naming"])


async def test_picture_at_a_question_without_buttons_leaves_it_open(talk: Talk, tree: Tree) -> None:
    """A sticker, too: only a press closes it."""
    lan = talk.member("Lan")
    await lan.says("phản ánh")
    await lan.presses("Tiền lương")
    await lan.says(STORY)
    await lan.presses("Xong")
    await lan.presses("Bao nhiêu người")
    await lan.sends_file(jpeg(), AttachmentKind.PICTURE)
    await lan.does(Kind.STICKER)
    lan.hears("bao nhiêu người")
    await lan.says("40")
    await lan.presses("Đi tiếp")
    await finish(lan, "workplace")
    assert opened(talk, case_of(talk))["affected"] == "40"
