"""What somebody had begun waits while they do something else, and goes on afterwards: nothing they told is lost."""

from datetime import timedelta

import pytest

from db.case_history import EventKind
from db.models import Conversation, Role, UnansweredQuestion
from knowledge.texts import t
from tests.handlers.test_officers import officer
from tests.handlers.test_own_cases import begin_words, handle, share, words_of
from tests.handlers.test_reporting import case_of, opened, report, send_captioned
from tests.small_tree import Tree
from tests.talk import Member, Talk

OTHER = "quan doc bat lam them chu nhat khong tra tien"


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(talk.database, talk.today - timedelta(days=400))


@pytest.fixture
async def clerk(talk: Talk, tree: Tree) -> Member:
    """An officer of the upper union."""
    return await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)


async def begin(lan: Member) -> None:
    """A report whose story was told and that is not sent."""
    await lan.says("phản ánh")
    await lan.presses("Giờ")
    await lan.says(OTHER)


async def send_rest(lan: Member) -> None:
    """What is left of a report once its story is told."""
    await lan.presses("Xong")
    await lan.presses(t("report.go_on"))
    await lan.presses("Bỏ qua")
    await lan.presses("Không ghi tên")
    await lan.presses("Gửi")


async def test_report_waits_while_another_one_is_answered(talk: Talk, clerk: Member) -> None:
    """The officer asks in the middle of it; after the answer it stands where it stood."""
    lan = talk.member("Lan")
    await report(lan)
    handle(talk, clerk, "claim")
    await begin(lan)
    handle(talk, clerk, "Công ty trả lương ngày nào?")
    await lan.settled()
    await lan.presses("Xem phản ánh")
    await lan.presses("Trả lời công đoàn")
    await lan.says("ngày mùng năm")
    await lan.presses("Xong")
    assert words_of(talk, EventKind.WORKER_WROTE) == ["ngày mùng năm"]
    assert t("conversation.goes_on") in [reply.text for reply in lan.heard[-2:]]
    lan.hears(OTHER)
    await send_rest(lan)
    lan.hears("Mã biên nhận")


@pytest.mark.parametrize("command", ["mã biên nhận", "máy dùng chung", "gia nhập"])
async def test_report_waits_while_something_else_is_begun(talk: Talk, clerk: Member, command: str) -> None:
    """Asked for again, or once the other thing is called off, it goes on."""
    lan = talk.member("Lan")
    await begin(lan)
    await lan.says(command)
    await lan.says("phản ánh")
    assert t("report.unfinished") in [reply.text for reply in lan.heard[-2:]]
    lan.hears(OTHER)
    await lan.says(command)
    if command == "máy dùng chung":
        await lan.presses("Đúng, máy dùng chung")
    await lan.says("hủy")
    lan.hears(OTHER)
    await send_rest(lan)
    lan.hears("Mã biên nhận")


async def test_what_waits_is_erased_with_the_drafts(talk: Talk, clerk: Member) -> None:
    """Called off twice, nothing of it is left."""
    lan = talk.member("Lan")
    await begin(lan)
    await lan.says("mã biên nhận")
    await lan.says("hủy")
    await lan.says("hủy")
    with talk.database.read() as session:
        assert [row.account_id for row in session.query(Conversation) if row.held or row.draft] == []


async def test_words_to_a_locked_phone_go_to_the_case_with_the_pin(talk: Talk, clerk: Member) -> None:
    """Ten minutes are short for somebody who types slowly."""
    lan = talk.member("Lan")
    await report(lan)
    await share(lan)
    await begin_words(lan)
    talk.pass_time(minutes=11)
    await lan.says("hôm qua quản lý gọi em lên dọa đuổi việc")
    lan.hears("gõ mã PIN")
    await lan.says("2580")
    assert words_of(talk, EventKind.WORKER_WROTE) == ["hôm qua quản lý gọi em lên dọa đuổi việc"]


async def test_words_to_a_locked_report_go_to_its_story_with_the_pin(talk: Talk, clerk: Member) -> None:
    """They stand there as if the phone had not locked itself."""
    lan = talk.member("Lan")
    await share(lan)
    await begin(lan)
    talk.pass_time(minutes=11)
    await lan.says("ca đêm cũng vậy")
    await lan.says("2580")
    lan.hears("ca đêm cũng vậy")
    await send_rest(lan)
    assert opened(talk, case_of(talk))["story"] == f"{OTHER}\nca đêm cũng vậy"


async def test_danger_told_to_a_locked_phone_meets_the_numbers(talk: Talk, clerk: Member) -> None:
    """Nobody looks for a PIN while a hand is in the machine."""
    lan = talk.member("Lan")
    await share(lan)
    await begin(lan)
    talk.pass_time(minutes=11)
    replies = await lan.says("co nguoi bi may cat tay")
    assert "115" in replies[0].text


async def test_question_at_the_pin_is_answered_and_is_no_try(talk: Talk, clerk: Member) -> None:
    """Whoever shares the phone asks about the law; the owner's PIN is not used up by that."""
    lan = talk.member("Lan")
    await share(lan)
    talk.pass_time(minutes=11)
    await lan.says("vụ việc")
    for _ in range(6):
        await lan.says("nghi thai san may thang")
        lan.hears("6 tháng")
    await lan.says("2580")
    lan.hears("chưa có phản ánh")


async def test_danger_under_a_picture_meets_the_numbers(talk: Talk, clerk: Member) -> None:
    """No step is open, and the picture itself is not taken."""
    lan = talk.member("Lan")
    await lan.says("xin chào")
    replies = await send_captioned(lan, "co nguoi bi may cat tay")
    assert "115" in replies[0].text


async def test_picture_an_officer_asked_for_is_shown_the_way(talk: Talk, clerk: Member) -> None:
    """Sent at once, without opening the case first; a receipt that is typed at once opens its report as well."""
    lan = talk.member("Lan")
    _, receipt = await report(lan)
    handle(talk, clerk, "claim", "Anh/chị gửi ảnh bảng lương giúp?")
    await lan.settled()
    await send_captioned(lan, "bảng lương tháng 9")
    lan.hears("chưa")
    await lan.presses("Trả lời công đoàn")
    await send_captioned(lan, "bảng lương tháng 9")
    assert words_of(talk, EventKind.WORKER_WROTE) == ["bảng lương tháng 9"]
    await lan.presses("Xong")
    other = talk.member("Lan, máy khác")
    await other.says(f"em gửi mã {receipt} ạ")
    other.hears("bảng lương tháng 9")


async def test_number_answers_the_question_that_goes_on(talk: Talk, clerk: Member) -> None:
    """It presses nothing under the other report, such as taking it back."""
    lan = talk.member("Lan")
    await report(lan)
    handle(talk, clerk, "claim")
    await begin(lan)
    await lan.presses("Xong")
    await lan.presses("Bao nhiêu người")
    handle(talk, clerk, "Công ty trả lương ngày nào?")
    await lan.settled()
    await lan.presses("Xem phản ánh")
    await lan.presses("Trả lời công đoàn")
    await lan.says("ngày mùng năm")
    await lan.presses("Xong")
    await lan.says("2")
    await lan.presses(t("report.go_on"))
    await lan.presses("Bỏ qua")
    await lan.presses("Không ghi tên")
    lan.hears("2")
    await lan.presses("Gửi")
    lan.hears("Mã biên nhận")


async def test_danger_told_beside_a_report_goes_into_it(talk: Talk, clerk: Member) -> None:
    """The button under the numbers leads to the report that waits, with what was just told."""
    lan = talk.member("Lan")
    await begin(lan)
    await lan.says("mã biên nhận")
    await lan.says("co nguoi bi may cat tay")
    await lan.presses(t("alarms.ask_help"))
    await lan.presses("Gửi ngay")
    case = case_of(talk)
    assert (case.urgency, opened(talk, case)["story"]) == ("emergency", f"{OTHER}\nco nguoi bi may cat tay")


@pytest.mark.parametrize("step", ["pin", "receipt"])
async def test_danger_under_a_picture_is_heard_at_a_code(talk: Talk, clerk: Member, step: str) -> None:
    """Also where a PIN or a receipt is asked for; and it is said that the picture was not taken."""
    lan = talk.member("Lan")
    await share(lan)
    talk.pass_time(minutes=11)
    await lan.says("vụ việc" if step == "pin" else "mã biên nhận")
    replies = await send_captioned(lan, "co nguoi bi may cat tay")
    assert "115" in replies[0].text
    await send_captioned(lan, "")
    assert "PIN" not in lan.heard[-1].text


async def test_old_words_to_a_locked_phone_are_shown_and_not_sent(talk: Talk, clerk: Member) -> None:
    """They may be somebody else's."""
    lan = talk.member("Lan")
    await report(lan)
    await share(lan)
    await begin_words(lan)
    talk.pass_time(minutes=11)
    await lan.says("nghi thai san may thang")
    talk.pass_time(days=3)
    await lan.says("2580")
    assert "nghi thai san may thang" in "".join(reply.text for reply in lan.heard[-3:])
    assert words_of(talk, EventKind.WORKER_WROTE) == []


@pytest.mark.parametrize("way", ["button", "typed"])
async def test_words_to_a_locked_phone_go_with_a_receipt_too(talk: Talk, clerk: Member, way: str) -> None:
    """Whoever forgot the PIN loses nothing either."""
    lan = talk.member("Lan")
    _, receipt = await report(lan)
    await share(lan)
    await begin_words(lan)
    talk.pass_time(minutes=11)
    await lan.says("em còn giữ bảng lương")
    if way == "button":
        await lan.presses("Quên mã PIN")
    await lan.says(receipt)
    assert words_of(talk, EventKind.WORKER_WROTE) == ["em còn giữ bảng lương"]


async def test_pin_is_understood_with_a_word_beside_it(talk: Talk, clerk: Member) -> None:
    """And what is too short for one is no question for the curators."""
    lan = talk.member("Lan")
    await share(lan)
    talk.pass_time(minutes=11)
    await lan.says("vụ việc")
    for _ in range(6):
        await lan.says("258")
        lan.hears("chưa đúng")
    await lan.says("pin 2580")
    lan.hears("chưa có phản ánh")
    assert talk.rows(UnansweredQuestion) == []


async def test_right_pin_opens_although_its_button_is_outdated(talk: Talk, clerk: Member) -> None:
    """What was pressed is not possible any more; the phone is open all the same."""
    lan = talk.member("Lan")
    await report(lan)
    await share(lan)
    handle(talk, clerk, "claim", "Công ty trả lương ngày nào?")
    talk.pass_time(minutes=11)
    await lan.settled()
    await lan.says("da moi thang mung nam a chi oi")
    await lan.presses("Gửi câu này")
    await lan.says("mai chi co o van phong khong a")
    await lan.says("2580")
    await lan.says("vụ việc")
    lan.hears("Phản ánh của anh/chị")


async def test_receipt_asked_for_thrice_is_asked_for_once(talk: Talk, clerk: Member) -> None:
    """Nothing of it waits once the report is open."""
    lan = talk.member("Lan")
    _, receipt = await report(lan)
    await share(lan)
    talk.pass_time(minutes=11)
    for _ in range(3):
        await lan.says("vụ việc")
        await lan.presses("Quên mã PIN")
    await lan.says(receipt)
    assert not any("gõ mã" in reply.text.lower() for reply in lan.heard[-1:])
    assert [row.held for row in talk.rows(Conversation) if row.held] == []


async def test_calling_off_the_pin_erases_nothing(talk: Talk, clerk: Member) -> None:
    """And says nothing of erasing."""
    lan = talk.member("Lan")
    await share(lan)
    await begin(lan)
    talk.pass_time(minutes=11)
    await lan.says("menu")
    await lan.presses("Tiếp tục")
    await lan.says("hủy")
    assert not any("xóa" in reply.text for reply in lan.heard[-3:])
    await lan.says("2580")
    lan.hears(OTHER)


@pytest.mark.parametrize("is_report", [True, False])
async def test_pin_typed_at_once_is_a_pin_and_no_words(talk: Talk, clerk: Member, is_report: bool) -> None:
    """The phone locked itself, and its owner knows what comes next."""
    lan = talk.member("Lan")
    if is_report:
        await share(lan)
        await begin(lan)
    else:
        await report(lan)
        await share(lan)
        await begin_words(lan)
    talk.pass_time(minutes=11)
    await lan.says("2580")
    assert not any("2580" in reply.text for reply in lan.heard)
    if is_report:
        lan.hears(OTHER)
        await send_rest(lan)
        assert opened(talk, case_of(talk))["story"] == OTHER
    else:
        assert words_of(talk, EventKind.WORKER_WROTE) == []


@pytest.mark.parametrize("between", ["hủy", "đăng ký"])
async def test_words_to_a_locked_phone_survive_what_comes_between(talk: Talk, clerk: Member, between: str) -> None:
    """Calling the PIN off, or beginning something else, loses none of them."""
    lan = talk.member("Lan")
    await report(lan)
    await share(lan)
    await begin_words(lan)
    talk.pass_time(minutes=11)
    await lan.says("em còn giữ bảng lương")
    await lan.says(between)
    if between != "hủy":
        await lan.says("hủy")
    await lan.says("2580")
    assert words_of(talk, EventKind.WORKER_WROTE) == ["em còn giữ bảng lương"]


async def test_receipt_typed_to_a_locked_case_is_no_word_for_the_officer(talk: Talk, clerk: Member) -> None:
    """It opens the phone in place of the PIN, once it is asked for."""
    lan = talk.member("Lan")
    _, receipt = await report(lan)
    await share(lan)
    await begin_words(lan)
    talk.pass_time(minutes=11)
    await lan.says(receipt)
    await lan.says(receipt)
    lan.hears("viết")
    assert words_of(talk, EventKind.WORKER_WROTE) == []


async def test_question_for_an_officer_goes_once_into_the_open_report(talk: Talk, clerk: Member) -> None:
    """Pressed twice, it stands there once; from the menu an old question goes nowhere."""
    lan = talk.member("Lan")
    await lan.says("nghi thai san may thang")
    await lan.says("phản ánh")
    await lan.presses("Giờ")
    await lan.says(OTHER)
    await lan.says("menu")
    await lan.presses("Hỏi cán bộ")
    await send_rest(lan)
    assert opened(talk, case_of(talk))["story"] == OTHER
