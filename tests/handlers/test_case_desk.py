"""Officers work on reports at their desk, on every channel: claim with a tap, read, answer, pass on, end; whoever is
barred sees nothing, and nothing an officer hears says who wrote."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.case_erasing import erase_case
from db.case_files import add_file, attach_files
from db.case_history import EventKind, list_lines
from db.codes import show_code
from db.models import (
    Absence,
    Account,
    Case,
    CaseFile,
    CaseState,
    Conversation,
    OfficerTie,
    Person,
    PersonalRead,
    Role,
    RoleGrant,
)
from handlers.actions import ActOnCase, ClaimCase, DeclineCase, ListCases, ShowCase, encode
from handlers.cases.clockwork import mend, mend_some, remind_to_follow_up, run_due
from handlers.cases.searching import bar_unsearched
from handlers.cases.service import Report, note, open_case, write_as_worker
from handlers.chat import StoredReply
from knowledge.answer import Answerer
from tests.case_world import see
from tests.handlers.test_officers import give, officer
from tests.small_tree import Tree
from tests.talk import Member, Talk

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # Monday, 9:00 in Vietnam
STORY = "Công ty nợ lương hai tháng rồi, hỏi thì bị đuổi về."


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces, on a working morning."""
    talk.moment = NOW
    return Tree.plant(talk.database, talk.today - timedelta(days=400))


async def worker(talk: Talk, name: str = "Người Gửi") -> Member:
    """Somebody who has written to the bot."""
    member = talk.member(name)
    await member.says("chào")
    return member


async def send(talk: Talk, sender: Member, tree: Tree, **facts: Any) -> str:
    """A report of the first workplace; returns its code once everybody has heard of it."""
    report = {"category": "wages", "story": STORY, "workplace_unit_id": tree.workplace} | facts
    with talk.database.begin() as session:
        account = session.query(Account).filter(Account.address_hash == sender.lane).one()
        case, _ = open_case(session, account, Report(**report), talk.now(), talk.today)
        code = case.code
    await everybody_heard(talk, sender)
    return code


async def everybody_heard(talk: Talk, member: Member) -> None:
    talk.pass_time(seconds=1)
    await member.settled()


def find_case(talk: Talk, code: str) -> Case:
    [found] = [case for case in talk.rows(Case) if case.code == code]
    return found


def kinds(talk: Talk, code: str) -> list[EventKind]:
    """What stands in the history of a case, oldest first."""

    def read(session: Session) -> list[EventKind]:
        case = session.query(Case).filter(Case.code == code).one()
        return [line.kind for line in list_lines(session, case)]

    found: list[EventKind] = talk.look(read)
    return found


def person_of(talk: Talk, member: Member) -> int:
    [account] = [row for row in talk.rows(Account) if row.address_hash == member.lane]
    assert account.person_id is not None
    return account.person_id


def texts(heard: list[StoredReply]) -> str:
    """Everything that was said and could be pressed."""
    return "\n".join(f"{reply.text}\n{[button.label for button in reply.buttons]}" for reply in heard)


async def claimed(talk: Talk, tree: Tree, **facts: Any) -> tuple[Member, Member, str]:
    """An officer who has claimed a report, its worker, and its code."""
    holder = await officer(talk, "Lê Thị Giữ", tree.upper, Role.OFFICER)
    sender = await worker(talk)
    code = await send(talk, sender, tree, **facts)
    await holder.presses("Tôi nhận")
    await everybody_heard(talk, holder)
    return holder, sender, code


async def act(holder: Member, code: str, what: str) -> list[StoredReply]:
    return await holder.presses_payload(encode(ActOnCase(code, what)))


async def test_alert_is_claimed_with_one_tap_and_the_next_is_told_it_is_taken(talk: Talk, tree: Tree) -> None:
    """The alert holds no story; whoever comes first has the case and reads it; the worker hears of it."""
    first = await officer(talk, "Lê Thị Một", tree.upper, Role.OFFICER)
    second = await officer(talk, "Lê Thị Hai", tree.upper, Role.OFFICER)
    sender = await worker(talk)
    code = await send(talk, sender, tree)
    assert "nợ lương" not in texts(first.heard)
    await first.presses("Tôi nhận")
    first.hears("nợ lương hai tháng", "Hạn trả lời lần đầu", "ẩn danh", "Lê Thị Một")
    await everybody_heard(talk, sender)
    sender.hears("đã có cán bộ công đoàn nhận")
    await second.presses("Tôi nhận")
    second.hears("đã có người nhận")
    await second.presses("Tôi không nhận được")
    second.hears("đã có người nhận")
    case = find_case(talk, code)
    assert (case.state, case.holder_id) == (CaseState.CLAIMED, person_of(talk, first))
    assert kinds(talk, code)[-2:] == [EventKind.CLAIMED, EventKind.READ]


async def test_claimed_harassment_is_taken_too_and_opens_for_nobody_else(talk: Talk, tree: Tree) -> None:
    """Before the claim nobody sees the story, after it only the holder; the other asked officer hears it is taken."""
    first = await officer(talk, "Lê Thị Một", tree.upper, Role.OFFICER)
    second = await officer(talk, "Lê Thị Hai", tree.upper, Role.OFFICER)
    code = await send(talk, await worker(talk), tree, category="harassment", story="Tổ trưởng quấy rối em.")
    await first.presses_payload(encode(ShowCase(code)))
    first.hears("chỉ người đã nhận")
    assert "quấy rối em" not in texts(first.heard)
    await first.presses("Tôi nhận")
    first.hears("Tổ trưởng quấy rối em")
    await second.presses_payload(encode(ClaimCase(code)))
    second.hears("đã có người nhận")
    for payload in (ShowCase(code), ActOnCase(code, "history"), ActOnCase(code, "files"), ActOnCase(code, "older")):
        await second.presses_payload(encode(payload))
        second.hears("không có quyền")


async def test_when_all_decline_the_next_are_asked_at_once(talk: Talk, tree: Tree) -> None:
    """Nobody waits for a deadline that cannot be kept; who says they are tied never sees it again."""
    clerk = await officer(talk, "Lê Thị Một", tree.upper, Role.OFFICER)
    chair = await officer(talk, "Lê Thị Ba", tree.upper, Role.CHAIR)
    code = await send(talk, await worker(talk), tree)
    before = len(chair.heard)
    await clerk.presses("Tôi không nhận được")
    clerk.hears("báo cho người khác")
    await everybody_heard(talk, chair)
    assert "Tôi nhận" in texts(chair.heard[before:])
    await clerk.presses("Tôi có liên quan")
    await clerk.presses("Đúng, tôi có liên quan")
    clerk.hears("giao cho người khác")
    await clerk.presses_payload(encode(ShowCase(code)))
    clerk.hears("không có quyền")
    await chair.presses("Tôi nhận")
    chair.hears("nợ lương hai tháng")


async def test_tied_officer_who_was_asked_declines_by_it(talk: Talk, tree: Tree) -> None:
    """Saying so is declining as well: the next are asked at once."""
    clerk = await officer(talk, "Lê Thị Một", tree.upper, Role.OFFICER)
    chair = await officer(talk, "Lê Thị Ba", tree.upper, Role.CHAIR)
    code = await send(talk, await worker(talk), tree)
    await act(clerk, code, "tie")
    await clerk.presses("Đúng, tôi có liên quan")
    await everybody_heard(talk, chair)
    chair.hears("Anh/chị nhận vụ này")
    assert EventKind.BARRED in kinds(talk, code)


async def test_lists_count_and_turn_their_pages(talk: Talk, tree: Tree) -> None:
    """The desk says how much waits; a page has six lines with code, kind, urgency and standing."""
    clerk = await officer(talk, "Lê Thị Một", tree.upper, Role.OFFICER)
    sender = await worker(talk)
    for _ in range(8):
        await send(talk, sender, tree)
    await clerk.presses("Tôi nhận")
    await clerk.says("bàn")
    clerk.hears("1 của tôi, 7 chưa ai nhận, 0 quá hạn")
    await clerk.presses("Vụ việc")
    await clerk.presses("Chưa ai nhận (7)")
    clerk.hears("Chưa ai nhận: 7", "Tiền lương · thường · hạn")
    assert clerk.heard[-1].text.count("Tiền lương") == 6
    assert len(clerk.heard[-1].buttons) <= 8
    await clerk.presses("Trang sau")
    assert clerk.heard[-1].text.count("Tiền lương") == 1
    await clerk.presses("Trang trước")
    assert clerk.heard[-1].text.count("Tiền lương") == 6
    talk.pass_time(days=2)
    await clerk.presses_payload(encode(ListCases("late")))
    clerk.hears("Quá hạn: 7", "QUÁ HẠN từ")
    await clerk.presses_payload(encode(ListCases("mine")))
    clerk.hears("Của tôi: 1")
    await clerk.presses_payload(encode(ListCases("closed")))
    clerk.hears("Chưa có vụ việc nào đã đóng")
    await clerk.presses_payload(encode(ListCases("nothing")))
    clerk.hears("thay đổi")


async def test_story_opens_with_limits_counted_from_the_day_told(talk: Talk, tree: Tree) -> None:
    """The limits name their article; a day the worker told counts, else the day of the report, and it says which."""
    clerk = await officer(talk, "Lê Thị Một", tree.upper, Role.OFFICER)
    sender = await worker(talk)
    told = await send(talk, sender, tree, details={"since": "từ tháng 3/2026", "wants": "trả đủ lương"})
    await clerk.presses_payload(encode(ShowCase(told)))
    clerk.hears("theo lời người lao động", "Điều 190", "Hòa giải viên: có thể đã hết", "Tòa án: đến", "trả đủ lương")
    plain = await send(talk, sender, tree, category="dismissal")
    await clerk.presses_payload(encode(ShowCase(plain)))
    clerk.hears("tạm tính từ ngày gửi phản ánh 23/11/2026", "nên nộp trước")
    assert kinds(talk, plain).count(EventKind.READ) == 1


async def test_answer_goes_out_only_after_it_was_looked_over(talk: Talk, tree: Tree) -> None:
    """What the worker will read is shown word for word; typed again it replaces the first; then it is sent."""
    holder, sender, code = await claimed(talk, tree)
    before = len(sender.heard)
    await holder.presses("Trả lời")
    await holder.says("Công đoàn sẽ làm việc với công ty")
    holder.hears("Người lao động sẽ đọc", "làm việc với công ty")
    await holder.says("Công đoàn hẹn công ty ngày mai, anh/chị giữ phiếu lương nhé.")
    await everybody_heard(talk, sender)
    assert len(sender.heard) == before, "nothing goes out before it is confirmed"
    await holder.presses("Gửi")
    holder.hears("Đã gửi")
    await everybody_heard(talk, sender)
    sender.hears("giữ phiếu lương")
    assert "sẽ làm việc với" not in texts(sender.heard)
    assert "Lê Thị Giữ" not in texts(sender.heard), "the worker hears the union, not a name"
    assert find_case(talk, code).state is CaseState.ANSWERED


async def test_template_brings_the_answer_with_its_articles(talk: Talk, tree: Tree, answerer: Answerer) -> None:
    """An officer looks a question up as a member does, and may add their own words."""
    topic = answerer.topics(talk.today)[0][0]
    entry = answerer.entries_of(topic, talk.today)[0]
    holder, sender, _code = await claimed(talk, tree)
    await holder.presses("Trả lời")
    await holder.presses("Lấy từ câu hỏi thường gặp")
    await holder.says(answerer.question_of(entry))
    await holder.presses(answerer.question_of(entry))
    holder.hears("Căn cứ")
    await holder.presses("Viết thêm")
    await holder.says("Cần gì anh/chị cứ nhắn lại.")
    await holder.presses("Gửi")
    await everybody_heard(talk, sender)
    sender.hears("Căn cứ", "cứ nhắn lại")


async def test_question_stops_the_clock_until_the_worker_writes(talk: Talk, tree: Tree) -> None:
    """The officer sees that it stands still and why; with the worker's word it runs on."""
    holder, sender, code = await claimed(talk, tree)
    await holder.presses("Hỏi thêm")
    await holder.says("Công ty hẹn trả ngày nào?")
    await holder.presses("Gửi")
    holder.hears("tạm dừng")
    await everybody_heard(talk, sender)
    sender.hears("Công ty hẹn trả ngày nào")
    await holder.presses("Về vụ việc")
    holder.hears("đang dừng", "chờ người lao động")
    assert find_case(talk, code).due_at is None
    with talk.database.begin() as session:
        case = session.query(Case).filter(Case.code == code).one()
        write_as_worker(session, case, "Hẹn mùng 10.", talk.now(), talk.today)
    await everybody_heard(talk, holder)
    holder.hears("vừa nhắn thêm")
    assert "mùng 10" not in texts(holder.heard)
    await holder.presses_payload(encode(ShowCase(code)))
    holder.hears("Hẹn mùng 10", "Hạn giải quyết xong")


async def test_note_stays_among_officers(talk: Talk, tree: Tree) -> None:
    """It stands in the talk of the desk, and the worker hears nothing."""
    holder, sender, code = await claimed(talk, tree)
    before = len(sender.heard)
    await holder.presses("Ghi chú")
    await holder.says("Đã gọi giám đốc, không nghe máy.")
    holder.hears("Đã ghi chú")
    await holder.presses("Về vụ việc")
    holder.hears("không nghe máy", "Ghi chú của Lê Thị Giữ")
    await everybody_heard(talk, sender)
    assert len(sender.heard) == before
    await act(holder, code, "history")
    holder.hears("ghi chú · Lê Thị Giữ", "nhận phản ánh")
    assert "không nghe máy" not in holder.heard[-1].text, "the history says what happened, not what was written"


async def test_kind_and_urgency_are_set_and_the_deadline_follows(talk: Talk, tree: Tree) -> None:
    """More kinds than fit a small screen: they turn pages."""
    holder, _sender, code = await claimed(talk, tree)
    before = find_case(talk, code).due_at
    await holder.presses("Đổi, giao, chuyển")
    await holder.presses("Đổi loại, mức khẩn")
    assert len(holder.heard[-1].buttons) <= 8
    await holder.presses("Sa thải, mất việc")
    await holder.presses("gấp")
    holder.hears("Đã đổi", "Sa thải, mất việc", "gấp")
    case = find_case(talk, code)
    assert (case.category, case.urgency) == ("dismissal", "urgent")
    assert before is not None
    assert case.due_at is not None
    assert case.due_at < before
    await act(holder, code, "kind")
    await holder.presses("Xem thêm")
    await holder.presses("Xem thêm")
    assert "Việc khác" in texts(holder.heard[-1:])


async def test_case_is_given_to_a_colleague_with_a_reason(talk: Talk, tree: Tree) -> None:
    """Only who may have it is offered; the colleague is told, and the giver works on it no longer."""
    colleague = await officer(talk, "Trần Văn Bạn", tree.upper, Role.CHAIR)
    give(talk, "Đặng Lương Công Ty", tree.upper, Role.OFFICER, paid_by_unit_id=tree.workplace)
    holder, _sender, code = await claimed(talk, tree)
    await act(holder, code, "assign")
    assert "Đặng Lương" not in texts(holder.heard)
    await holder.presses("Trần Văn Bạn")
    await holder.says("Bạn phụ trách công ty này")
    holder.hears("Đã giao cho", "Trần Văn Bạn")
    await everybody_heard(talk, colleague)
    colleague.hears("được giao một vụ việc")
    await colleague.presses("Mở vụ việc")
    colleague.hears("nợ lương hai tháng", "giao người khác", "Bạn phụ trách công ty này")
    assert find_case(talk, code).holder_id == person_of(talk, colleague)
    await act(holder, code, "answer")
    holder.hears("không có quyền")


async def test_case_is_given_back_and_others_are_asked(talk: Talk, tree: Tree) -> None:
    """With a reason; or because of a tie, and then it is never shown again."""
    chair = await officer(talk, "Trần Văn Bạn", tree.upper, Role.CHAIR)
    holder, _sender, code = await claimed(talk, tree)
    await act(holder, code, "release")
    await holder.says("Tôi đi công tác")
    holder.hears("Đã trả lại")
    assert find_case(talk, code).state is CaseState.OPENED
    await holder.presses_payload(encode(ClaimCase(code)))
    await act(holder, code, "release")
    await holder.presses("Tôi có liên quan")
    await holder.presses("Đúng, tôi có liên quan")
    await holder.presses_payload(encode(ShowCase(code)))
    holder.hears("không có quyền")
    await everybody_heard(talk, chair)
    chair.hears("Anh/chị nhận vụ này")


async def test_case_goes_up_with_a_reason_and_leaves_the_unit(talk: Talk, tree: Tree) -> None:
    """The unit above is asked, the worker hears where it went; with nobody above it stays."""
    holder, sender, code = await claimed(talk, tree)
    await act(holder, code, "forward")
    await holder.says("Công ty có ở nhiều phường")
    holder.hears("Cấp trên chưa có cán bộ")
    top = await officer(talk, "Cao Thị Cao", tree.root, Role.OFFICER)
    await act(holder, code, "forward")
    await holder.says("Công ty có ở nhiều phường")
    holder.hears("Đã chuyển lên", "Liên đoàn Lao động tỉnh Thử")
    await everybody_heard(talk, sender)
    sender.hears("đã chuyển lên")
    await everybody_heard(talk, top)
    top.hears("Anh/chị nhận vụ này")
    await top.presses("Tôi nhận")
    await top.presses_payload(encode(ShowCase(code)))
    top.hears("chuyển lên cấp trên", "Công ty có ở nhiều phường")
    await holder.presses_payload(encode(ShowCase(code)))
    holder.hears("không có quyền")


async def test_referral_is_followed_up_on_its_day(talk: Talk, tree: Tree) -> None:
    """The day is typed as people write it; on that day the holder is reminded, once."""
    holder, sender, code = await claimed(talk, tree)
    await act(holder, code, "refer")
    await holder.presses("Thanh tra lao động")
    await holder.says("khi nào cũng được")
    holder.hears("ngày")
    await holder.says("10/12")
    holder.hears("thanh tra lao động", "10/12/2026")
    await holder.presses("Đúng, làm vậy")
    await everybody_heard(talk, sender)
    sender.hears("thanh tra lao động")
    assert find_case(talk, code).follow_up_on == date(2026, 12, 10)
    talk.pass_time(days=16)
    remind(talk)
    await everybody_heard(talk, holder)
    before = len(holder.heard)
    talk.pass_time(days=1)
    for _ in range(2):
        remind(talk)
    await everybody_heard(talk, holder)
    assert len(holder.heard) == before + 1
    holder.hears("hỏi lại kết quả")


def remind(talk: Talk) -> None:
    with talk.database.begin() as session:
        remind_to_follow_up(session, talk.now(), talk.today)


async def test_likely_duplicates_are_merged_and_neither_worker_learns_of_the_other(talk: Talk, tree: Tree) -> None:
    """Only cases the officer holds, of the same place and kind; answers then go to both."""
    holder, sender, code = await claimed(talk, tree)
    other = await worker(talk, "Người Thứ Hai")
    twin = await send(talk, other, tree, story="Nợ lương tháng 9, tháng 10.")
    elsewhere = await send(talk, other, tree, workplace_unit_id=tree.other_workplace)
    unclaimed = await send(talk, other, tree)
    for one in (twin, elsewhere):
        await holder.presses_payload(encode(ClaimCase(one)))
    await act(holder, twin, "merge")
    offered = texts(holder.heard[-1:])
    assert code[:4] in offered
    assert elsewhere[:4] not in offered
    assert unclaimed[:4] not in offered
    assert "Nợ lương" not in offered
    await holder.presses(code[:4])
    holder.hears("không ai biết về người kia")
    await holder.presses("Đúng, làm vậy")
    assert find_case(talk, twin).state is CaseState.MERGED
    await act(holder, code, "answer")
    await holder.says("Đã hẹn công ty.")
    await holder.presses("Gửi")
    for one in (sender, other):
        await everybody_heard(talk, one)
        one.hears("Đã hẹn công ty")
    assert twin[:4] not in texts(sender.heard)
    assert code[:4] not in texts(other.heard)
    with talk.database.begin() as session:
        case = session.query(Case).filter(Case.code == twin).one()
        write_as_worker(session, case, "Chúng em có phiếu lương.", talk.now(), talk.today)
    await holder.presses_payload(encode(ShowCase(code)))
    holder.hears("Vụ đã gộp vào đây", "tháng 9, tháng 10", "Chúng em có phiếu lương")


async def test_long_talk_is_read_page_by_page(talk: Talk, tree: Tree) -> None:
    """The newest stand with the case; the older ones follow on a button, until there are none."""
    holder, _sender, code = await claimed(talk, tree)
    with talk.database.begin() as session:
        for number in range(20):
            note(session, see(session, person_of(talk, holder), talk.now()), code, f"ghi số {number:02}", talk.now())
    await holder.presses_payload(encode(ShowCase(code)))
    holder.hears("ghi số 19", "ghi số 12", "còn 12 tin trước")
    assert "ghi số 11" not in holder.heard[-1].text
    await holder.presses("Xem cũ hơn")
    holder.hears("ghi số 11", "ghi số 04")
    await holder.presses("Xem cũ hơn")
    holder.hears("ghi số 03", "ghi số 00")
    assert "Xem cũ hơn" not in texts(holder.heard[-1:])


async def test_case_ends_with_an_outcome_and_the_worker_is_asked(talk: Talk, tree: Tree) -> None:
    """The result is looked over, sent, and the worker says whether it is settled."""
    holder, sender, code = await claimed(talk, tree)
    await holder.presses("Kết thúc")
    await holder.presses("Đã được trả đủ")
    await holder.says("Công ty đã trả đủ hai tháng lương.")
    await holder.presses("Gửi")
    holder.hears("Đã gửi kết quả")
    await everybody_heard(talk, sender)
    sender.hears("trả đủ hai tháng lương", "đã giải quyết xong chưa")
    case = find_case(talk, code)
    assert (case.state, case.outcome) == (CaseState.SETTLED, "paid")
    await act(holder, code, "answer")
    holder.hears("thay đổi")


async def test_open_step_ends_when_the_case_is_lost_meanwhile(talk: Talk, tree: Tree) -> None:
    """A half-written answer is not sent, and the next words are a question like any other."""
    holder, sender, code = await claimed(talk, tree)
    await holder.presses("Trả lời")
    await holder.says("Câu trả lời viết dở")
    with talk.database.begin() as session:
        [grant] = [row for row in session.query(RoleGrant) if row.person_id == person_of(talk, holder)]
        grant.ended_at = talk.now()
    before = len(sender.heard)
    await holder.presses("Gửi")
    holder.hears("không có quyền")
    await holder.says("chào")
    assert "không có quyền" not in texts(holder.heard[-1:])
    await everybody_heard(talk, sender)
    assert len(sender.heard) == before
    assert code not in texts(holder.heard[-1:])


async def test_open_step_is_cancelled_and_resumed(talk: Talk, tree: Tree) -> None:
    """An officer who looks something up meanwhile goes on where they were; "hủy" leaves everything as it was."""
    holder, sender, _code = await claimed(talk, tree)
    await holder.presses("Trả lời")
    await holder.says("Công đoàn đã hẹn công ty.")
    await holder.says("menu")
    await holder.presses("Tiếp tục việc đang dở")
    holder.hears("Người lao động sẽ đọc", "đã hẹn công ty")
    before = len(sender.heard)
    await holder.says("hủy")
    await everybody_heard(talk, sender)
    assert len(sender.heard) == before


async def test_what_is_half_written_goes_with_the_case(talk: Talk, tree: Tree) -> None:
    """It lies in the open talk sealed with the case's own key: erased with it, it opens for nobody."""
    holder, _sender, code = await claimed(talk, tree)
    await holder.presses("Trả lời")
    await holder.says("Công đoàn đã gặp giám đốc Kín.")
    holder.hears("Người lao động sẽ đọc", "giám đốc Kín")
    drafts = [row.draft for row in talk.rows(Conversation) if row.draft]
    assert drafts
    assert not any("Kín" in str(draft) for draft in drafts)
    with talk.database.begin() as session:
        erase_case(session, session.query(Case).filter(Case.code == code).one(), talk.now())
    before = len(holder.heard)
    await holder.presses("Gửi")
    holder.hears("không có quyền")
    await holder.says("menu")
    assert not any("Kín" in reply.text for reply in holder.heard[before:])


async def test_desk_shows_the_wish_for_a_reader_and_how_the_report_came(talk: Talk, tree: Tree) -> None:
    """Whoever hands a case on reads by whom the worker wishes to be read; a question tells under which answer it was
    asked."""
    await officer(talk, "Trần Thị Bạn", tree.upper, Role.CHAIR)
    holder, sender, code = await claimed(talk, tree, category="harassment", details={"reader_sex": "female"})
    holder.hears("muốn cán bộ nữ đọc")
    await act(holder, code, "assign")
    holder.hears("Giao cho ai", "muốn cán bộ nữ đọc")
    entry = talk.answerer.entries_of(talk.answerer.topics(talk.today)[0][0], talk.today)[0]
    asked = await send(talk, sender, tree, details={"question": "lương thử việc bao nhiêu", "entry": entry})
    await holder.presses_payload(encode(ShowCase(asked)))
    holder.hears("Đã hỏi trước đó: lương thử việc", talk.answerer.question_of(entry))
    plain = await send(talk, sender, tree, details={"entry": "no-such-entry"})
    await holder.presses_payload(encode(ShowCase(plain)))
    assert "dưới câu trả lời" not in holder.heard[-1].text


async def test_files_open_one_by_one_and_only_those_handed_in(talk: Talk, tree: Tree) -> None:
    """Under names that say nothing; each opening is on record. On Zalo, where they would have to be uploaded, the
    officer is sent to the page."""
    holder, _sender, code = await claimed(talk, tree)
    with talk.database.begin() as session:
        case = session.query(Case).filter(Case.code == code).one()
        add_file(session, case, "image/jpeg", b"\xff\xd8 sent", talk.now())
        attach_files(session, case, 1)
        waiting = add_file(session, case, "image/jpeg", b"\xff\xd8 waiting", talk.now())
    await act(holder, code, "files")
    if not talk.edge.channel.takes_case_files:
        holder.hears("1 ảnh, tệp", "không đi qua Zalo", "bàn làm việc trên web")
        [handed_in] = [row.id for row in talk.rows(CaseFile) if row.id != waiting]
        await holder.presses_payload(encode(ActOnCase(code, "file", str(handed_in))))
        holder.hears("không đi qua Zalo")
        assert not any(reply.files for reply in holder.heard)
        return
    holder.hears("của người lao động: 1")
    reads = kinds(talk, code).count(EventKind.READ)
    label = holder.heard[-1].buttons[0].label
    await holder.presses(label)
    assert [file.content for file in holder.heard[-1].files] == [b"\xff\xd8 sent"]
    assert holder.heard[-1].files[0].is_personal
    assert kinds(talk, code).count(EventKind.READ) == reads + 1
    await holder.presses_payload(encode(ActOnCase(code, "file", str(waiting))))
    holder.hears("thay đổi")


STRANGERS = ("other_unit", "below", "ended", "paid", "named", "excluded", "tied", "writer", "administrator")


async def stranger(talk: Talk, tree: Tree, which: str) -> Member:
    """Somebody who may not know of a report, each for a reason of their own."""
    name, unit, role, more = "Phạm Văn Lạ", tree.upper, Role.OFFICER, {}
    if which == "other_unit":
        unit = tree.other_workplace
    elif which == "below":
        unit = tree.workplace
    elif which == "paid":
        more = {"paid_by_unit_id": tree.workplace}
    elif which == "excluded":
        role = Role.CHAIR
    elif which == "administrator":
        unit, role = tree.root, Role.ADMINISTRATOR
    member = await officer(talk, name, unit, role, **more)
    with talk.database.begin() as session:
        if which == "tied":
            session.add(OfficerTie(person_id=person_of(talk, member), unit_id=tree.workplace, declared_at=talk.now()))
    return member


@pytest.mark.parametrize("which", STRANGERS)
async def test_barred_officer_sees_nothing_in_any_list_count_or_button(talk: Talk, tree: Tree, which: str) -> None:
    """Not the line, not the number, not by an old button of any kind; and nothing changes by pressing one."""
    outsider = await stranger(talk, tree, which)
    await officer(talk, "Lê Thị Giữ", tree.upper, Role.OFFICER)
    sender = outsider if which == "writer" else await worker(talk)
    story = STORY + (" Ông pham van la bao che." if which == "named" else "")
    excluded = ((tree.upper, Role.CHAIR),) if which == "excluded" else ()
    code = await send(talk, sender, tree, story=story, excluded=excluded)
    if which == "ended":
        with talk.database.begin() as session:
            [grant] = [row for row in session.query(RoleGrant) if row.person_id == person_of(talk, outsider)]
            grant.ended_at = talk.now()
    before, events = len(outsider.heard), kinds(talk, code)
    await outsider.says("bàn")
    for name in ("", "mine", "open", "late", "closed"):
        await outsider.presses_payload(encode(ListCases(name)))
    acts = ("answer", "ask", "note", "settle", "move", "files", "file", "history", "older", "kind", "assign")
    more = ("release", "forward", "refer", "merge", "tie")
    pressed = [ShowCase(code), ClaimCase(code), DeclineCase(code), *(ActOnCase(code, one) for one in (*acts, *more))]
    for action in pressed:
        await outsider.presses_payload(encode(action))
        outsider.hears("không có quyền")
    heard = texts(outsider.heard[before:])
    for trace in (code, code[:4], "nợ lương", "Tiền lương", "(1)", "1 chưa ai nhận"):
        assert trace not in heard, trace
    assert kinds(talk, code) == events


CANARIES = ("Canary-Tên", "addr-Canary", "0912345678", "Hoàng Yến Canary")


async def test_nothing_an_officer_hears_says_who_wrote(talk: Talk, tree: Tree) -> None:
    """Display name, address, telephone, profile and member code of an anonymous worker: none of it in any message."""
    sender = talk.member("Canary-Tên", "addr-Canary")
    await sender.says("chào")
    person_id = give(talk, "Hoàng Yến Canary", tree.team, Role.TEAM_LEADER)
    with talk.database.begin() as session:
        account = session.query(Account).filter(Account.address_hash == sender.lane).one()
        account.person_id, account.display_name = person_id, "Canary-Tên"
    holder = await officer(talk, "Lê Thị Giữ", tree.upper, Role.OFFICER)
    chair = await officer(talk, "Trần Văn Bạn", tree.upper, Role.CHAIR)
    details = {"full_name": "Hoàng Yến Canary", "phone": "0912345678", "where": "chuyền may 3"}
    code = await send(talk, sender, tree, details=details)
    await holder.presses("Tôi nhận")
    for what in ("history", "files", "older", "move", "kind", "assign", "release", "forward", "refer", "merge"):
        await act(holder, code, what)
        await holder.says("hủy")
    await act(holder, code, "answer")
    await holder.says("Công đoàn nhận rồi.")
    await holder.presses("Gửi")
    await holder.presses_payload(encode(ListCases("mine")))
    talk.pass_time(days=5)
    with talk.database.begin() as session:
        run_due(session, talk.now(), talk.today, lambda *_: None)
    await everybody_heard(talk, chair)
    heard = texts([*holder.heard, *chair.heard])
    assert "chuyền may 3" in heard
    [person] = [row for row in talk.rows(Person) if row.id == person_id]
    for canary in (*CANARIES, sender.lane, person.code, show_code(person.code)):
        assert canary not in heard, canary
    assert person_id not in {row.subject_id for row in talk.rows(PersonalRead)}, "not even that somebody read of them"


async def test_named_worker_is_shown_as_they_wished_and_sees_who_read(talk: Talk, tree: Tree) -> None:
    """What they gave of themselves stands there, and the reading is on their record."""
    sender = await worker(talk, "Lan")
    person_id = give(talk, "Nguyễn Thị Lan", tree.team, Role.TEAM_LEADER)
    with talk.database.begin() as session:
        session.query(Account).filter(Account.address_hash == sender.lane).one().person_id = person_id
    holder = await officer(talk, "Lê Thị Giữ", tree.upper, Role.OFFICER)
    details = {"full_name": "Nguyễn Thị Lan", "phone": "0987654321"}
    await send(talk, sender, tree, is_named=True, details=details)
    await holder.presses("Tôi nhận")
    holder.hears("Nguyễn Thị Lan", "0987654321", "cho biết tên")
    assert [row.what for row in talk.rows(PersonalRead) if row.subject_id == person_id] == ["case"]


async def test_absent_officer_is_replaced_by_whom_they_name(talk: Talk, tree: Tree) -> None:
    """From a day to a day, with a colleague of the unit; taken back it holds no longer."""
    away = await officer(talk, "Lê Thị Vắng", tree.upper, Role.OFFICER)
    stands_in = await officer(talk, "Trần Văn Thay", tree.upper, Role.CHAIR)
    await away.presses_payload(encode(ListCases()))
    await away.presses("Lịch vắng")
    await away.presses("Thêm ngày vắng")
    await away.says("hôm nay")
    await away.says("25/11")
    await away.presses("Trần Văn Thay")
    away.hears("23/11/2026", "25/11/2026", "Trần Văn Thay")
    [absence] = talk.rows(Absence)
    assert absence.substitute_id == person_of(talk, stands_in)
    before = len(away.heard)
    await send(talk, await worker(talk), tree)
    stands_in.hears("Anh/chị nhận vụ này")
    assert len(away.heard) == before
    await away.presses_payload(encode(ListCases()))
    await away.presses("Lịch vắng")
    await away.presses("Bỏ lịch")
    assert talk.rows(Absence) == []


async def test_declared_tie_takes_a_workplace_off_the_desk(talk: Talk, tree: Tree) -> None:
    """Found by a few words; its cases go to others, until the officer ends it."""
    tied = await officer(talk, "Lê Thị Họ", tree.upper, Role.OFFICER)
    code = await send(talk, await worker(talk), tree)
    await tied.presses_payload(encode(ListCases()))
    await tied.presses("Nơi tôi có liên quan")
    await tied.presses("Thêm nơi liên quan")
    await tied.says("may một")
    await tied.presses("May Một")
    tied.hears("Đã ghi")
    await tied.presses_payload(encode(ShowCase(code)))
    tied.hears("không có quyền")
    await tied.presses_payload(encode(ListCases()))
    assert "Chưa ai nhận (0)" in texts(tied.heard[-1:])
    await tied.presses("Nơi tôi có liên quan")
    await tied.presses("Hết liên quan")
    await tied.presses_payload(encode(ShowCase(code)))
    tied.hears("nợ lương")


async def test_hand_over_moves_the_cases_to_a_successor_who_may_have_them(talk: Talk, tree: Tree) -> None:
    """The wizard counts them before and after; what the successor may not see is searched another holder."""
    chair = await officer(talk, "Chủ Tịch Lê", tree.upper, Role.CHAIR)
    heir = await officer(talk, "Trần Văn Nối", tree.upper, Role.DEPUTY_CHAIR)
    holder, sender, code = await claimed(talk, tree)
    barred = await send(talk, sender, tree, excluded=((tree.upper, Role.DEPUTY_CHAIR),))
    await holder.presses_payload(encode(ClaimCase(barred)))
    with talk.database.begin() as session:
        while bar_unsearched(session, talk.now()):
            pass
    await chair.says("bàn")
    await chair.presses("Đơn vị của tôi")
    await chair.presses("Lê Thị Giữ")
    await chair.presses("Kết thúc vai trò")
    chair.hears("Vụ việc đang giữ: 2", "Trần Văn Nối nhận được 1")
    await chair.presses("Giao cho Trần Văn Nối")
    chair.hears("đã giao: 1", "báo cho người khác: 1")
    await everybody_heard(talk, heir)
    heir.hears("bàn giao cho anh/chị 1 vụ việc")
    assert find_case(talk, code).holder_id == person_of(talk, heir)
    with talk.database.begin() as session:
        mend(session, talk.now(), talk.today)
    lost = find_case(talk, barred)
    assert (lost.state, lost.holder_id) == (CaseState.OPENED, None)
    await everybody_heard(talk, chair)
    chair.hears("Anh/chị nhận vụ này")


async def test_lost_cases_are_found_part_by_part(talk: Talk, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many officers hold cases, each part is a transaction of its own, and none is left out."""
    monkeypatch.setattr("handlers.cases.clockwork.AT_ONCE", 2)
    sender = await worker(talk)
    for number in range(5):
        holder = await officer(talk, f"Lê Thị Số {number}", tree.upper, Role.OFFICER)
        await send(talk, sender, tree)
        await holder.presses("Tôi nhận")
    with talk.database.begin() as session:
        for grant in session.query(RoleGrant).filter(RoleGrant.role == Role.OFFICER):
            grant.ended_at = talk.now()
    after: int | None = 0
    parts = 0
    while after is not None:
        with talk.database.begin() as session:
            after = mend_some(session, talk.now(), talk.today, after)
        parts += 1
    assert parts == 3
    assert [case.holder_id for case in talk.rows(Case)] == [None] * 5


async def test_words_meant_for_another_case_go_to_nobody(talk: Talk, tree: Tree) -> None:
    """An answer is half written when the officer takes another case: it stops, the words are given back, and what is
    typed then reaches neither worker."""
    holder, sender, code = await claimed(talk, tree)
    await act(holder, code, "answer")
    holder.hears(show_code(code))
    await holder.says("Công đoàn đang hỏi giám đốc.")
    holder.hears(show_code(code), "Người lao động sẽ đọc")
    other = await worker(talk, "Người Hai")
    await send(talk, other, tree, category="dismissal", story="Tôi bị cho nghỉ việc.")
    before, heard = len(holder.heard), len(sender.heard)
    await holder.presses("Tôi nhận")
    stopped = holder.heard[before]
    assert "đang hỏi giám đốc" in stopped.text
    assert show_code(code) in stopped.text
    holder.hears("cho nghỉ việc")
    await holder.says("Chào chị, chị bị cho nghỉ ngày nào?")
    await everybody_heard(talk, holder)
    assert "Người lao động sẽ đọc" not in texts(holder.heard[-1:])
    await everybody_heard(talk, sender)
    assert len(sender.heard) == heard
    assert EventKind.OFFICER_WROTE not in kinds(talk, code)
    await holder.presses("Làm tiếp vụ đó")
    holder.hears(show_code(code), "gõ câu trả lời")
    await holder.says("Công đoàn đang hỏi giám đốc.")
    await holder.presses("Gửi")
    await everybody_heard(talk, sender)
    sender.hears("đang hỏi giám đốc")


async def test_note_for_another_case_lands_in_none(talk: Talk, tree: Tree) -> None:
    """Whichever way another case comes on the screen, by a list or one of its buttons, the open step ends."""
    holder, sender, code = await claimed(talk, tree)
    other = await send(talk, sender, tree, story="Chuyện thứ hai.")
    for action in (ShowCase(other), ActOnCase(other, "history"), ActOnCase(other, "files"), ActOnCase(other, "older")):
        await act(holder, code, "note")
        holder.hears(show_code(code))
        before = len(holder.heard)
        await holder.presses_payload(encode(action))
        assert "đã dừng" in holder.heard[before].text
        await holder.says("Ghi cho vụ thứ hai")
    assert EventKind.NOTED not in kinds(talk, code)
    await act(holder, code, "note")
    before = len(holder.heard)
    await holder.presses_payload(encode(ShowCase(code)))
    assert "đã dừng" not in texts(holder.heard[before:]), "looking at the case itself stops nothing"
    await holder.says("Ghi cho vụ này")
    holder.hears("Đã ghi chú")


async def test_list_that_has_shrunk_shows_its_last_page(talk: Talk, tree: Tree) -> None:
    """Six still wait: an old button of page two does not say that nothing does."""
    first = await officer(talk, "Lê Thị Một", tree.upper, Role.OFFICER)
    second = await officer(talk, "Lê Thị Hai", tree.upper, Role.OFFICER)
    sender = await worker(talk)
    code, *_waiting = [await send(talk, sender, tree) for _ in range(7)]
    await second.presses_payload(encode(ClaimCase(code)))
    await first.presses_payload(encode(ListCases("open", 6)))
    first.hears("Chưa ai nhận: 6")
    assert first.heard[-1].text.count("Tiền lương") == 6


async def test_case_for_its_holder_only_is_offered_to_whom_was_asked(talk: Talk, tree: Tree) -> None:
    """The others read that somebody else is being asked, and find no button that refuses them."""
    asked = await officer(talk, "Lê Thị Một", tree.upper, Role.OFFICER)
    chair = await officer(talk, "Lê Thị Ba", tree.upper, Role.CHAIR)
    code = await send(talk, await worker(talk), tree, category="harassment")
    await chair.presses_payload(encode(ShowCase(code)))
    chair.hears("chỉ người đã nhận", "hỏi cán bộ khác")
    assert "Tôi nhận" not in [button.label for button in chair.heard[-1].buttons]
    await asked.presses_payload(encode(ShowCase(code)))
    assert "hỏi cán bộ khác" not in asked.heard[-1].text
    await asked.presses("Tôi nhận")
    asked.hears("nợ lương hai tháng")


async def test_second_tap_shows_the_case_to_who_has_it(talk: Talk, tree: Tree) -> None:
    """A tap that came twice is no old button."""
    holder, _sender, code = await claimed(talk, tree)
    await holder.presses_payload(encode(ClaimCase(code)))
    holder.hears("nợ lương hai tháng", "Lê Thị Giữ")
    assert kinds(talk, code).count(EventKind.CLAIMED) == 1


async def test_last_day_before_the_first_is_said_to_be_so(talk: Talk, tree: Tree) -> None:
    """The day was understood; what is wrong with it is its order."""
    away = await officer(talk, "Lê Thị Vắng", tree.upper, Role.OFFICER)
    await away.presses_payload(encode(ListCases()))
    await away.presses("Lịch vắng")
    await away.presses("Thêm ngày vắng")
    await away.says("25/11")
    before = len(away.heard)
    await away.says("24/11")
    said = texts(away.heard[before:])
    assert "25/11/2026 trở đi" in said
    assert "Chưa rõ ngày" not in said
    await away.says("chưa biết")
    assert "Chưa rõ ngày" in texts(away.heard[before:])


async def test_case_is_handed_only_to_whom_can_be_told(talk: Talk, tree: Tree) -> None:
    """A colleague who never signed in would not hear of it; one who is away is marked so."""
    resting = await officer(talk, "Trần Văn Nghỉ", tree.upper, Role.CHAIR)
    await officer(talk, "Trần Văn Bạn", tree.upper, Role.DEPUTY_CHAIR)
    give(talk, "Hồ Chưa Vào", tree.upper, Role.OFFICER)
    holder, _sender, code = await claimed(talk, tree)
    with talk.database.begin() as session:
        session.add(Absence(person_id=person_of(talk, resting), from_on=talk.today, to_on=talk.today))
    await act(holder, code, "assign")
    holder.hears(show_code(code))
    labels = [button.label for button in holder.heard[-1].buttons]
    assert "Trần Văn Nghỉ (đang vắng)" in labels
    assert "Trần Văn Bạn" in labels
    assert "Hồ Chưa Vào" not in labels
