"""A worker follows their report: where it stands, what was said, adding, settling, taking back, and coming back."""

from datetime import timedelta

import pytest

from db.case_access import read_viewer
from db.case_history import EventKind, list_lines
from db.models import Account, Case, CaseFile, CaseState, Role
from handlers.cases import service
from knowledge.texts import t
from tests.handlers.test_officers import officer
from tests.handlers.test_reporting import STORY, case_of, person_of, report, send_captioned
from tests.small_tree import Tree
from tests.talk import Member, Talk


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
