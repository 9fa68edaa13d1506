"""A worker follows their report: where it stands, what was said, adding, settling, taking back, and coming back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from db.case_access import read_viewer
from db.case_erasing import erase_case
from db.case_history import EventKind, list_lines
from db.codes import show_code
from db.conversations import get_conversation
from db.models import Account, Case, CaseFile, CaseState, Conversation, Role, RoleGrant
from db.officers import end_grant
from handlers.cases import service
from handlers.cases.clockwork import run_due
from handlers.cases.hearing import catch_file
from handlers.cases.mine import catch_receipt
from handlers.chat import Reply
from handlers.errors import UserError
from handlers.feature import Context, Union
from knowledge.texts import t
from tests.handlers.test_officers import officer
from tests.handlers.test_reporting import STORY, case_of, person_of, report, send_captioned
from tests.small_tree import Tree
from tests.talk import HOTLINE, Member, Talk


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(talk.database, talk.today - timedelta(days=400))


@pytest.fixture
async def clerk(talk: Talk, tree: Tree) -> Member:
    """An officer of the upper union."""
    return await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)


def handle(talk: Talk, clerk: Member, *steps: str) -> None:
    """The officer claims, answers, asks or settles the one case that is sent."""
    with talk.database.begin() as session:
        viewer = read_viewer(session, person_of(talk, clerk), talk.now(), talk.today)
        case = session.query(Case).filter(Case.state != CaseState.DRAFT).order_by(Case.id.desc()).first()
        assert case is not None
        for step in steps:
            if step == "claim":
                service.claim(session, viewer, case.code, talk.now(), talk.today)
            elif step == "settle":
                service.settle(session, viewer, case.code, "paid", "Công ty đã trả đủ.", talk.now())
            else:
                service.answer(session, viewer, case.code, step, talk.now(), asks=step.endswith("?"))


def words_of(talk: Talk, kind: EventKind) -> list[str]:
    """What was said in the one case, of one kind."""
    return [line.body["text"] for line in talk.look(list_lines, case_of(talk)) if line.kind is kind and line.body]


async def test_list_tells_state_and_deadline_in_plain_words(talk: Talk, clerk: Member) -> None:
    """Before and after somebody claimed it, and while they wait for me."""
    lan = talk.member("Lan")
    code, _ = await report(lan)
    await lan.says("/vuviec")
    lan.hears(code, "đang tìm cán bộ", "trước")
    handle(talk, clerk, "claim", "Công ty trả lương ngày nào?")
    await lan.says("vụ việc")
    lan.hears("đang chờ anh/chị trả lời")


async def test_both_sides_are_shown_and_no_officer_is_named(talk: Talk, clerk: Member) -> None:
    """Story, answers and additions, oldest first; the union speaks as the union."""
    lan = talk.member("Lan")
    await report(lan)
    handle(talk, clerk, "claim", "Công đoàn đang làm việc với công ty.")
    await lan.says("vụ việc")
    await lan.presses("Xem")
    text = lan.heard[-1].text
    assert text.index(STORY) < text.index("Công đoàn đang làm việc")
    assert "Cán Bộ Phường" not in text


async def test_adding_reaches_the_case_at_once(talk: Talk, clerk: Member) -> None:
    """Each message is a line of the history; the holder is told that there is one."""
    lan = talk.member("Lan")
    await report(lan)
    handle(talk, clerk, "claim")
    await lan.says("vụ việc")
    await lan.presses("Xem")
    await lan.presses("Nhắn thêm")
    await lan.says("thang 10 cung chua tra")
    await lan.says("co ca bang luong")
    await lan.presses("Xong")
    assert words_of(talk, EventKind.WORKER_WROTE) == ["thang 10 cung chua tra", "co ca bang luong"]
    lan.hears("co ca bang luong")
    await clerk.settled()
    talk.pass_time(hours=12)
    await clerk.settled()
    clerk.hears("nhắn thêm")


async def test_free_words_are_offered_to_the_officer_who_waits_for_them(talk: Talk, clerk: Member) -> None:
    """An answer typed without opening anything is not lost, and not sent unasked."""
    lan = talk.member("Lan")
    code, _ = await report(lan)
    handle(talk, clerk, "claim", "Công ty trả lương ngày nào?")
    await lan.settled()
    await lan.says("da moi thang mung nam a chi oi")
    lan.button(f"Gửi vào phản ánh {code}")
    assert words_of(talk, EventKind.WORKER_WROTE) == []
    await lan.presses("Gửi vào phản ánh")
    assert words_of(talk, EventKind.WORKER_WROTE) == ["da moi thang mung nam a chi oi"]
    await lan.says("da moi thang mung nam a chi oi")
    assert "Gửi vào phản ánh" not in [button.label for button in lan.heard[-1].buttons]


async def test_question_of_law_is_answered_while_an_officer_waits(talk: Talk, clerk: Member) -> None:
    """The answer comes as ever; the way into the case is one more button under it."""
    lan = talk.member("Lan")
    await report(lan)
    handle(talk, clerk, "claim", "Công ty trả lương ngày nào?")
    await lan.settled()
    replies = await lan.says("nghỉ thai sản được mấy tháng")
    assert any("Căn cứ" in reply.text for reply in replies)
    lan.button("Gửi vào phản ánh")
    assert all(len(reply.buttons) <= 8 for reply in replies)


async def test_settled_is_confirmed_and_rated_with_one_tap(talk: Talk, clerk: Member) -> None:
    """Yes closes it; the stars come in the same breath."""
    lan = talk.member("Lan")
    await report(lan)
    handle(talk, clerk, "claim", "settle")
    talk.pass_time(hours=12)
    await lan.settled()
    lan.hears("Công ty đã trả đủ")
    await lan.presses("Đã xong")
    await lan.presses("5 – rất hài lòng")
    case = case_of(talk)
    assert (case.state, case.worker_agrees, case.rating) == (CaseState.CLOSED, True, 5)


async def test_not_settled_reopens_once_and_then_closes_unsettled(talk: Talk, clerk: Member) -> None:
    """The first no is heard by more people; the second is counted, with where else to go."""
    lan = talk.member("Lan")
    await report(lan)
    handle(talk, clerk, "claim", "settle")
    await lan.says("vụ việc")
    await lan.presses("Xem")
    await lan.presses("Chưa xong")
    lan.hears("mở lại")
    assert case_of(talk).reopened == 1
    handle(talk, clerk, "settle")
    await lan.says("vụ việc")
    await lan.presses("Xem")
    await lan.presses("Chưa xong")
    lan.hears("chưa xong", "1900")
    case = case_of(talk)
    assert (case.state, case.worker_agrees) == (CaseState.CLOSED, False)


async def test_withdrawing_asks_whether_it_is_meant(talk: Talk, clerk: Member) -> None:
    """Once pressed it is still there; once confirmed nobody is asked any more."""
    lan = talk.member("Lan")
    await report(lan)
    await lan.says("vụ việc")
    await lan.presses("Xem")
    await lan.presses("Rút phản ánh")
    assert case_of(talk).state is CaseState.OPENED
    await lan.presses("Rút phản ánh này")
    assert case_of(talk).state is CaseState.WITHDRAWN
    await lan.says("vụ việc")
    lan.hears("đã rút")


async def test_receipt_opens_the_report_from_another_phone(talk: Talk, clerk: Member) -> None:
    """Sixteen digits, however they are grouped; from then on it is theirs there too."""
    lan, elsewhere = talk.member("Lan"), talk.member("Lan ở máy khác")
    code, receipt = await report(lan)
    await elsewhere.says("vụ việc")
    elsewhere.hears("chưa có phản ánh")
    await elsewhere.presses("Nhập mã biên nhận")
    await elsewhere.says(receipt.replace(" ", "-"))
    elsewhere.hears(code, STORY)
    handle(talk, clerk, "claim")
    talk.pass_time(hours=12)
    await elsewhere.settled()
    elsewhere.hears("đã có cán bộ")


async def test_wrong_receipts_are_answered_and_braked(talk: Talk, clerk: Member) -> None:
    """Each try counts; after five an hour must pass, also for the right one."""
    lan, thief = talk.member("Lan"), talk.member("Kẻ Lạ")
    _, receipt = await report(lan)
    await thief.says("mã biên nhận")
    for number in range(service.TRIES):
        await thief.says(f"{number:016}")
        assert any("Không có phản ánh nào" in reply.text for reply in thief.heard[-2:])
    await thief.says(receipt)
    thief.hears("nhiều mã quá")
    talk.pass_time(minutes=61)
    await thief.says(receipt)
    thief.hears(STORY)


async def test_somebody_elses_report_opens_for_nobody(talk: Talk, clerk: Member) -> None:
    """A button with another's code says that the matter has changed."""
    lan, other = talk.member("Lan"), talk.member("Người khác")
    await report(lan)
    await other.says("chào")
    for payload in (f"ro|{case_of(talk).code}", f"ra|{case_of(talk).code}|withdrawn"):
        await other.presses_payload(payload)
        other.hears("đã thay đổi")
    assert case_of(talk).state is CaseState.OPENED


async def share(lan: Member, pin: str = "2580") -> None:
    """Say that others use the phone too, and set a PIN."""
    await lan.says("máy dùng chung")
    await lan.presses("Đúng, máy dùng chung")
    await lan.says(pin)


async def test_shared_phone_shows_nothing_of_a_case_before_the_pin(talk: Talk, clerk: Member) -> None:
    """The notice says that there is something new; the PIN opens it for ten minutes."""
    lan = talk.member("Lan")
    code, _ = await report(lan)
    await share(lan)
    talk.pass_time(minutes=11)
    handle(talk, clerk, "claim", "Công đoàn đang làm việc với công ty.")
    talk.pass_time(hours=12)
    await lan.settled()
    news = [reply for reply in lan.heard[-2:] if "tin mới từ Công đoàn" in reply.text]
    assert len(news) == 2
    assert all(code not in button.label for reply in news for button in reply.buttons)
    await lan.presses("Xem tin")
    lan.hears("mã PIN")
    await lan.says("1111")
    lan.hears("chưa đúng")
    await lan.says("2580")
    lan.hears(code, "Công đoàn đang làm việc")
    await lan.says("vụ việc")
    lan.hears(code)
    talk.pass_time(minutes=11)
    await lan.says("vụ việc")
    lan.hears("gõ mã PIN")
    assert code not in lan.heard[-1].text


async def test_wrong_pins_are_braked(talk: Talk, clerk: Member) -> None:
    """After five an hour must pass, also for the right one."""
    lan = talk.member("Lan")
    await share(lan)
    talk.pass_time(minutes=11)
    await lan.says("vụ việc")
    for number in range(5):
        await lan.says(f"99{number}9")
        lan.hears("chưa đúng")
    await lan.says("2580")
    lan.hears("nhiều lần quá")
    talk.pass_time(minutes=61)
    await lan.says("2580")
    lan.hears("chưa có phản ánh")


async def test_receipt_of_a_report_from_here_stands_for_a_forgotten_pin(talk: Talk, clerk: Member) -> None:
    """One made elsewhere opens nothing, however often it is typed: else whoever shares the phone could let themselves
    in."""
    lan, other = talk.member("Lan"), talk.member("Người nhà")
    code, receipt = await report(lan)
    _, foreign = await report(other)
    await share(lan)
    talk.pass_time(minutes=11)
    await lan.says("vụ việc")
    for _ in range(2):
        await lan.presses("Quên mã PIN") if "PIN" in lan.heard[-1].text else await lan.says("mã biên nhận")
        await lan.says(foreign)
        lan.hears("không mở được")
        assert code not in lan.heard[-1].text
        await lan.says("mã biên nhận")
    await lan.says(receipt)
    lan.hears(code)
    with talk.database.read() as session:
        assert session.query(Account).filter(Account.address_hash == lan.lane).one().pin_hash is None


async def test_report_on_a_locked_phone_waits_for_the_pin(talk: Talk, tree: Tree) -> None:
    """Nobody else goes on with what was begun, and nothing that was told is lost."""
    lan = talk.member("Lan")
    await share(lan)
    await lan.says("phản ánh")
    await lan.presses("Tiền lương")
    await lan.says(STORY)
    talk.pass_time(minutes=11)
    await lan.says("menu")
    await lan.presses("Tiếp tục")
    lan.hears("mã PIN")
    await lan.says("2580")
    lan.hears(STORY)
    await lan.presses("Xong")
    lan.button(t("report.go_on"))


async def test_free_words_on_a_shared_phone_name_no_case(talk: Talk, clerk: Member) -> None:
    """The offer is there, without a code, and asks for the PIN."""
    lan = talk.member("Lan")
    code, _ = await report(lan)
    await share(lan)
    handle(talk, clerk, "claim", "Công ty trả lương ngày nào?")
    talk.pass_time(minutes=11)
    await lan.settled()
    await lan.says("da moi thang mung nam a chi oi")
    assert all(code not in button.label for button in lan.heard[-1].buttons)
    await lan.presses("Gửi câu này")
    lan.hears("mã PIN")
    await lan.says("2580")
    assert words_of(talk, EventKind.WORKER_WROTE) == ["da moi thang mung nam a chi oi"]


async def test_sharing_ends_with_the_pin(talk: Talk, clerk: Member) -> None:
    """Only who knows it turns it off."""
    lan = talk.member("Lan")
    await share(lan)
    talk.pass_time(minutes=11)
    await lan.says("máy dùng chung")
    lan.hears("mã PIN")
    await lan.says("2580")
    await lan.presses("Chỉ mình tôi")
    with talk.database.read() as session:
        account = session.query(Account).filter(Account.address_hash == lan.lane).one()
        assert (account.is_shared, account.pin_hash) == (False, None)
    await lan.says("vụ việc")
    lan.hears("chưa có phản ánh")


DANGER = "có người bị máy cắt tay ở xưởng 2"


async def begin_words(lan: Member) -> None:
    """Open the newest report to write into it."""
    await lan.says("vụ việc")
    await lan.presses("Xem")
    await lan.presses("Nhắn thêm")


async def test_danger_added_to_a_held_report_makes_it_an_emergency(talk: Talk, clerk: Member) -> None:
    """The numbers first; its holder hears at night and has an hour from now; later words lower nothing."""
    lan = talk.member("Lan")
    await report(lan)
    handle(talk, clerk, "claim", "Công đoàn đang làm việc với công ty.")
    talk.pass_time(hours=13)
    await begin_words(lan)
    replies = await lan.says(DANGER)
    assert "115" in replies[0].text
    await clerk.settled()
    clerk.hears("KHẨN CẤP", "nguy hiểm")
    case = case_of(talk)
    assert (case.urgency, case.stage, case.due_at) == ("emergency", "first_answer", talk.now() + timedelta(hours=1))
    assert EventKind.RECATEGORISED in [line.kind for line in talk.look(list_lines, case)]
    await lan.says("thang 10 cung chua tra")
    handle(talk, clerk, "Anh chị giữ máy nhé.")
    case = case_of(talk)
    assert (case.urgency, case.stage, case.stage_since_at) == ("emergency", "resolution", talk.now())


async def test_danger_added_to_a_report_nobody_holds_asks_anew(talk: Talk, clerk: Member) -> None:
    """By the times of an emergency, at night too; who claims it has them from then on."""
    lan = talk.member("Lan")
    await report(lan)
    talk.pass_time(hours=13)
    await begin_words(lan)
    await lan.says(DANGER)
    case = case_of(talk)
    assert (case.urgency, case.stage, case.due_at) == ("emergency", "claim", talk.now() + timedelta(minutes=10))
    await clerk.settled()
    clerk.hears("KHẨN CẤP")
    handle(talk, clerk, "claim")
    assert case_of(talk).due_at == talk.now() + timedelta(hours=1)


async def test_urgent_words_added_to_a_report_make_it_urgent(talk: Talk, clerk: Member) -> None:
    """Its holder hears so, and is due sooner, never later; the same words once more change nothing."""
    lan = talk.member("Lan")
    await report(lan, story="cty tra luong thang 9 tre nua thang")
    assert case_of(talk).urgency == "ordinary"
    handle(talk, clerk, "claim", "Công đoàn đang làm việc với công ty.")
    before = case_of(talk)
    talk.pass_time(days=1)
    await begin_words(lan)
    await lan.says("hom nay cty duoi viec em roi")
    await clerk.settled()
    clerk.hears("gấp", "gấp hơn")
    case = case_of(talk)
    assert (case.urgency, case.stage, case.stage_since_at) == ("urgent", "resolution", before.stage_since_at)
    assert before.due_at and case.due_at and case.due_at < before.due_at
    told = len(clerk.heard)
    await lan.says("no bao duoi viec em that roi")
    await clerk.settled()
    assert [reply.text for reply in clerk.heard[told:] if "gấp hơn" in reply.text] == []
    assert case_of(talk).due_at == case.due_at


async def test_urgent_words_added_to_a_report_nobody_holds_ask_anew(talk: Talk, clerk: Member) -> None:
    """By the times of an urgent one."""
    lan = talk.member("Lan")
    await report(lan, story="cty tra luong thang 9 tre nua thang")
    await begin_words(lan)
    await lan.says("hom nay cty duoi viec em roi")
    case = case_of(talk)
    assert (case.urgency, case.stage, case.round) == ("urgent", "claim", 1)
    await clerk.settled()
    clerk.hears("gấp")


async def test_danger_added_to_a_settled_report_seeks_somebody(talk: Talk, clerk: Member) -> None:
    """What was thought to be over is not."""
    lan = talk.member("Lan")
    await report(lan)
    handle(talk, clerk, "claim", "settle")
    await begin_words(lan)
    await lan.says(DANGER)
    case = case_of(talk)
    assert (case.state, case.urgency, case.outcome) == (CaseState.OPENED, "emergency", None)


async def test_words_under_a_picture_go_to_the_case_with_it(talk: Talk, clerk: Member) -> None:
    """At once, like any words."""
    lan = talk.member("Lan")
    await report(lan)
    await begin_words(lan)
    await send_captioned(lan, "bang luong thang 9")
    assert words_of(talk, EventKind.WORKER_WROTE) == ["bang luong thang 9"]
    assert [file.event_number is not None for file in talk.rows(CaseFile)] == [True]


def put(talk: Talk, lan: Member, catch: Callable[[Context, str], list[Reply] | None], text: str) -> list[Reply] | None:
    """What one function says to a text with no step open."""
    nothing: Any = None
    with talk.database.begin() as session:
        account = session.query(Account).filter(Account.address_hash == lan.lane).one()
        talks = get_conversation(session, account.id, talk.now())
        union, channel = Union("Công đoàn Thử nghiệm", HOTLINE), talk.edge.channel
        context = Context(
            session, talk.now(), account, talks, talk.answerer, union, channel, nothing, nothing, nothing
        )  # fmt: skip
        return catch(context, text)


def labels_of(replies: list[Any]) -> list[str]:
    """The words on all their buttons."""
    return [button.label for reply in replies for button in reply.buttons]


async def test_only_what_is_meant_as_a_code_counts_as_a_try(talk: Talk, clerk: Member) -> None:
    """Everything else is answered as ever, and the right code still opens the report."""
    lan, elsewhere = talk.member("Lan"), talk.member("Lan ở máy khác")
    _, receipt = await report(lan)
    await elsewhere.says("mã biên nhận")
    for _ in range(service.TRIES + 1):
        replies = await elsewhere.says("e mat giay roi")
        assert all("Không có phản ánh nào" not in reply.text for reply in replies)
    replies = await elsewhere.says("nghỉ thai sản được mấy tháng")
    assert any("Căn cứ" in reply.text for reply in replies)
    await elsewhere.says(receipt)
    elsewhere.hears(STORY)


async def test_half_a_receipt_counts_as_a_try(talk: Talk, clerk: Member) -> None:
    """What is mostly digits is told from a question."""
    lan = talk.member("Lan")
    await lan.says("mã biên nhận")
    for _ in range(service.TRIES):
        replies = await lan.says("ma 4665 9039 99")
        assert any("Không có phản ánh nào" in reply.text for reply in replies)
    await lan.says("4665 9039 99")
    lan.hears("nhiều mã quá")


async def test_receipt_is_found_among_other_words(talk: Talk, clerk: Member) -> None:
    """The digits of the case's own code beside it are not taken for its own."""
    lan, elsewhere = talk.member("Lan"), talk.member("Lan ở máy khác")
    code, receipt = await report(lan)
    whole = lan.heard[-1].text
    for typed in (whole, f"ma cua e la {code} va {receipt}", f"ma cua e la Q4BG-1234 {receipt}"):
        await elsewhere.says("mã biên nhận")
        await elsewhere.says(typed)
        elsewhere.hears(code, STORY)


async def test_receipt_typed_without_being_asked_opens_the_report(talk: Talk, clerk: Member) -> None:
    """Alone or with the message that brought it; a wrong one is answered and counts like any."""
    lan, thief = talk.member("Lan"), talk.member("Kẻ Lạ")
    code, receipt = await report(lan)
    whole = lan.heard[-1].text
    await thief.says("chào")
    assert put(talk, thief, catch_receipt, "nghỉ thai sản được mấy tháng") is None
    assert put(talk, thief, catch_receipt, f"co nguoi bi may cat tay {receipt}") is None
    for typed in (receipt, whole):
        replies = put(talk, lan, catch_receipt, typed)
        assert replies and code in replies[0].text
    for number in range(service.TRIES):
        replies = put(talk, thief, catch_receipt, f"{number:016}")
        assert replies and "Không có phản ánh nào" in replies[0].text
    with pytest.raises(UserError):
        put(talk, thief, catch_receipt, receipt)


async def test_after_withdrawing_inside_the_talk_messages_are_heard_as_ever(talk: Talk, clerk: Member) -> None:
    """A question is answered, and danger brings the numbers."""
    lan = talk.member("Lan")
    await report(lan)
    await begin_words(lan)
    await send_captioned(lan, "")
    await lan.presses("Rút phản ánh")
    await lan.presses("Rút phản ánh này")
    assert talk.rows(CaseFile) == []
    replies = await lan.says("nghỉ thai sản được mấy tháng")
    assert any("Căn cứ" in reply.text for reply in replies)
    replies = await lan.says("co nguoi bi may cat tay")
    assert "115" in replies[0].text


async def take_away(talk: Talk, how: str) -> None:
    """The case is taken back on another telephone, or erased."""
    with talk.database.begin() as session:
        case = session.query(Case).one()
        if how == "withdrawn":
            service.withdraw(session, case, talk.now())
        else:
            erase_case(session, case, talk.now())


@pytest.mark.parametrize("how", ["withdrawn", "erased"])
async def test_talk_on_a_case_that_is_gone_keeps_no_message(talk: Talk, clerk: Member, how: str) -> None:
    """Words are heard freely, a file is told to have gone nowhere, and leaving is no error."""
    lan = talk.member("Lan")
    await report(lan)
    await begin_words(lan)
    await take_away(talk, how)
    replies = await lan.says("nghỉ thai sản được mấy tháng")
    assert any("Căn cứ" in reply.text for reply in replies)
    assert [row.step for row in talk.rows(Conversation) if row.step] == []


@pytest.mark.parametrize("how", ["withdrawn", "erased"])
async def test_file_for_a_case_that_is_gone_is_told_so(talk: Talk, clerk: Member, how: str) -> None:
    """Whoever tells of danger under it reads the numbers all the same."""
    lan = talk.member("Lan")
    await report(lan)
    await begin_words(lan)
    await take_away(talk, how)
    replies = await send_captioned(lan, "co nguoi bi may cat tay")
    assert "115" in replies[0].text
    lan.hears("không nhận thêm")


@pytest.mark.parametrize("how", ["withdrawn", "erased"])
async def test_leaving_the_talk_on_a_case_that_is_gone_is_no_error(talk: Talk, clerk: Member, how: str) -> None:
    """By cancelling."""
    lan = talk.member("Lan")
    await report(lan)
    await begin_words(lan)
    await take_away(talk, how)
    replies = await lan.says("hủy")
    assert t("conversation.cancelled") in [reply.text for reply in replies]


@pytest.mark.parametrize("words", ["chua nhan duoc dong nao het", "con thieu 3 trieu", "chua", "vẫn chưa"])
async def test_own_words_on_whether_it_is_settled_are_offered_to_the_case(
    talk: Talk, clerk: Member, words: str
) -> None:
    """With both answers beside; what is sent is asked once more whether it is settled."""
    lan = talk.member("Lan")
    code, _ = await report(lan)
    handle(talk, clerk, "claim", "settle")
    replies = await lan.says(words)
    assert {"Đã xong", "Chưa xong", f"Gửi vào phản ánh {code}"} <= set(labels_of(replies))
    await lan.presses("Gửi vào phản ánh")
    assert words_of(talk, EventKind.WORKER_WROTE) == [words]
    assert {"Đã xong", "Chưa xong"} <= {button.label for button in lan.heard[-1].buttons}
    await lan.presses("Chưa xong")
    lan.hears("mở lại")


async def test_done_in_ones_own_words_brings_the_button(talk: Talk, clerk: Member) -> None:
    """It is not done unasked, and never only met with small talk."""
    lan = talk.member("Lan")
    await report(lan)
    handle(talk, clerk, "claim", "settle")
    await lan.says("roi")
    assert case_of(talk).state is CaseState.SETTLED
    await lan.presses("Đã xong")
    assert case_of(talk).state is CaseState.CLOSED


async def test_question_of_law_is_answered_while_a_settled_report_waits(talk: Talk, clerk: Member) -> None:
    """The way into the case is one more button under it."""
    lan = talk.member("Lan")
    await report(lan)
    handle(talk, clerk, "claim", "settle")
    await lan.settled()
    replies = await lan.says("nghỉ thai sản được mấy tháng")
    assert any("Căn cứ" in reply.text for reply in replies)
    assert "Chưa xong" not in labels_of(replies)
    lan.button("Gửi vào phản ánh")


async def test_settled_report_is_not_named_on_a_shared_phone(talk: Talk, clerk: Member) -> None:
    """Neither its code nor that anything was reported."""
    lan = talk.member("Lan")
    code, _ = await report(lan)
    await share(lan)
    handle(talk, clerk, "claim", "settle")
    talk.pass_time(minutes=11)
    await lan.settled()
    for words in ("chua nhan duoc dong nao het", "chua"):
        replies = await lan.says(words)
        assert "Gửi câu này cho công đoàn" in labels_of(replies)
        said = " ".join([*labels_of(replies), *(reply.text for reply in replies)])
        assert code not in said
        assert "phản ánh" not in said.lower()
        assert "xong" not in said.lower()


class Nobody:
    """An operator who hears nothing."""

    def __call__(self, *_what: object) -> None:
        """Not told."""


def run_clock(talk: Talk) -> None:
    """The clock looks at what is due."""
    with talk.database.begin() as session:
        run_due(session, talk.now(), talk.today, Nobody())


async def test_words_after_the_settling_count_the_silent_days_anew(talk: Talk, clerk: Member) -> None:
    """Whoever wrote on the thirteenth day is not closed on the fourteenth, and never as silent."""
    lan = talk.member("Lan")
    await report(lan)
    handle(talk, clerk, "claim", "settle")
    settled_at = case_of(talk).settled_at
    talk.pass_time(days=13)
    await begin_words(lan)
    await lan.says("con thieu 3 trieu")
    await lan.presses("Nhắn vậy thôi")
    talk.pass_time(days=1)
    run_clock(talk)
    assert (case_of(talk).state, case_of(talk).settled_at) == (CaseState.SETTLED, settled_at)
    talk.pass_time(days=13)
    run_clock(talk)
    assert case_of(talk).state is CaseState.CLOSED
    talk.pass_time(hours=12)
    await lan.settled()
    lan.hears("chưa biết việc đã xong")


async def test_confirming_inside_the_talk_ends_it(talk: Talk, clerk: Member) -> None:
    """What comes after is no addition to a closed report."""
    lan = talk.member("Lan")
    await report(lan)
    handle(talk, clerk, "claim", "settle")
    await begin_words(lan)
    await lan.says("cong ty tra du roi")
    await lan.presses("Đã xong")
    await lan.says("cam on nhieu nhe")
    assert words_of(talk, EventKind.WORKER_WROTE) == ["cong ty tra du roi"]


@pytest.mark.parametrize("is_closed", [False, True])
async def test_words_that_nobody_would_hear_seek_somebody(
    talk: Talk, tree: Tree, clerk: Member, is_closed: bool
) -> None:
    """The officer left: a report that was thought to be over is taken up by another."""
    lan = talk.member("Lan")
    await report(lan)
    handle(talk, clerk, "claim", "settle")
    if is_closed:
        with talk.database.begin() as session:
            service.confirm(session, session.query(Case).one(), True, talk.now(), talk.today)
    other = await officer(talk, "Cán Bộ Mới", tree.upper, Role.OFFICER)
    with talk.database.begin() as session:
        mine = session.query(RoleGrant).filter(RoleGrant.person_id == person_of(talk, clerk)).one()
        end_grant(mine, talk.now() - timedelta(days=2), None)
    talk.pass_time(days=2)
    await begin_words(lan)
    await lan.says("con thieu 3 trieu")
    lan.hears("đang tìm cán bộ")
    case = case_of(talk)
    assert (case.state, case.holder_id, case.closed_at, case.outcome) == (CaseState.OPENED, None, None, None)
    talk.pass_time(days=1)
    await other.settled()
    other.hears(show_code(case.code))


async def test_words_in_a_closed_report_are_heard_by_who_held_it(talk: Talk, clerk: Member) -> None:
    """It stays closed."""
    lan = talk.member("Lan")
    await report(lan)
    handle(talk, clerk, "claim", "settle")
    with talk.database.begin() as session:
        service.confirm(session, session.query(Case).one(), True, talk.now(), talk.today)
    await begin_words(lan)
    await lan.says("cam on cong doan")
    lan.hears("Đã gửi")
    assert case_of(talk).state is CaseState.CLOSED


async def test_file_without_the_talk_is_shown_the_way_to_who_waits_for_it(talk: Talk, clerk: Member) -> None:
    """Nothing waits: nothing is said. An officer asked: the button of the case, neutral on a shared phone; danger
    first."""
    lan = talk.member("Lan")
    code, _ = await report(lan)
    assert put(talk, lan, catch_file, "") is None
    handle(talk, clerk, "claim", "Anh/chị gửi ảnh bảng lương giúp?")
    (reply,) = put(talk, lan, catch_file, "") or []
    assert "chưa nhận được" in reply.text
    assert labels_of([reply]) == ["Trả lời công đoàn"]
    replies = put(talk, lan, catch_file, "co nguoi bi may cat tay") or []
    assert "115" in replies[0].text
    assert replies[-1].text == reply.text
    await share(lan)
    (reply,) = put(talk, lan, catch_file, "") or []
    assert labels_of([reply]) == ["Gửi cho công đoàn"]
    assert code not in reply.text
