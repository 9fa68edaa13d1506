"""A person sees, corrects, withdraws and erases what is held of them; the officer for data protection keeps time."""

import io
import zipfile
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.transports.telegram import TelegramTransport
from bot.transports.telegram_desk import TelegramDeskTransport
from bot.transports.web import WebTransport
from bot.transports.zalo_bot import ZaloBotTransport
from db.models import (
    Account,
    Application,
    Base,
    Consent,
    Conversation,
    DataRequest,
    DataRequestKind,
    Delivery,
    EndReason,
    InboxEvent,
    Membership,
    NameToken,
    NoUnionInterest,
    Person,
    Role,
)
from db.people import add_person
from handlers.chat import Channel, Reply
from handlers.consents import PURPOSES
from handlers.notify import tell_account
from handlers.privacy.rules import days_for, is_abroad
from handlers.privacy.service import remind
from tests.handlers.test_no_union import tell
from tests.handlers.test_officers import give, officer, sign_in
from tests.handlers.test_registration import apply, join
from tests.handlers.test_reporting import STORY, report
from tests.small_tree import Tree
from tests.talk import Member, Talk


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(talk.database, talk.today - timedelta(days=400))


def paper_of(member: Member) -> str:
    """The text of the document that came last."""
    [paper] = member.heard[-1].files
    return zipfile.ZipFile(io.BytesIO(paper.content)).read("word/document.xml").decode()


def rows_in_bytes(talk: Talk) -> list[bytes]:
    """Every sealed value there is."""
    found = []
    with talk.database.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            for row in connection.execute(text(f"SELECT * FROM {table.name}")):
                found += [bytes(value) for value in row if isinstance(value, (bytes, memoryview))]
    return found


async def guardian(talk: Talk, unit_id: int) -> Member:
    """An officer for data protection who has entered the second factor."""
    guard = await officer(talk, "Người Bảo Vệ", unit_id, Role.DATA_PROTECTION_OFFICER)
    with talk.database.begin() as session:
        account = session.query(Account).filter(Account.address_hash == guard.lane).one()
        account.second_factor_at = talk.now() + timedelta(days=60)
    return guard


async def erase(member: Member) -> None:
    await member.says("quyền về dữ liệu")
    await member.presses("Xóa dữ liệu của tôi")
    await member.presses("Tôi hiểu, xóa tiếp")
    await member.presses("Chắc chắn, xóa ngay")


async def test_member_reads_everything_that_is_held(talk: Talk, tree: Tree) -> None:
    """The file holds the profile, the membership, the application, the consents, the talk, and who read it as what."""
    worker, _clerk = await join(talk, tree)
    await tell(worker, "Xưởng Kín", "phường Thử")
    await worker.says("trang của tôi")
    await worker.presses("Quyền về dữ liệu")
    await worker.presses("Xem mọi thứ đang giữ")
    paper = paper_of(worker)
    for words in (
        "Nguyễn Thị Hoa", "001195012345", "0912345678", "20/10/1995", "CĐCS Công ty May Một", "12/QĐ-CĐCS",
        "xét kết nạp", "Cán bộ công đoàn, CĐCS Công ty May Một – mở đơn", "Xưởng Kín", "công nhân may",
    ):  # fmt: skip
        assert words in paper, words
    assert "Trần Cán Bộ" not in paper.split("Ai đã đọc")[1].split("Đồng ý")[0], "an officer's name is not their data"
    [request] = talk.rows(DataRequest)
    assert (request.kind, request.outcome) == (DataRequestKind.ACCESS, "done")
    assert request.due_at - request.asked_at == timedelta(days=10)


async def test_reports_stand_in_the_file_but_not_on_a_shared_phone(talk: Talk, tree: Tree) -> None:
    """What somebody reported is theirs to see; where others use the phone too, it is looked at behind the PIN only."""
    lan = talk.member("Lan")
    code, _receipt = await report(lan)
    await lan.says("quyền về dữ liệu")
    await lan.presses("Xem mọi thứ đang giữ")
    assert code in paper_of(lan)
    assert STORY in paper_of(lan)
    with talk.database.begin() as session:
        session.query(Account).update({"is_shared": True})
    await lan.says("quyền về dữ liệu")
    await lan.presses("Xem mọi thứ đang giữ")
    assert code not in paper_of(lan)
    assert STORY not in paper_of(lan), "nor as what was said in the talk"


async def test_stranger_sees_and_erases_what_the_account_holds(talk: Talk) -> None:
    """Nobody needs to be a member to have rights: the talk, the wish and the row of the account go at once."""
    lan = talk.member("Lan")
    await tell(lan, "Xưởng Kín", "phường Thử")
    await lan.says("công ty nợ lương 2 tháng thì sao")
    await lan.presses_payload("ask")
    await lan.says("gọi em với")
    await lan.says("quyền về dữ liệu")
    await lan.presses("Xem mọi thứ đang giữ")
    assert "gọi em với" in paper_of(lan)
    await erase(lan)
    lan.hears("Đã xóa", "biên nhận")
    for table in (Account, Conversation, NoUnionInterest, Consent):
        assert talk.rows(table) == [], table
    assert all(event.raw is None for event in talk.rows(InboxEvent))
    [receipt] = talk.rows(Delivery)
    assert "Đã xóa" in receipt.body["text"]
    erased = next(row for row in talk.rows(DataRequest) if row.kind is DataRequestKind.ERASE)
    assert (erased.outcome, erased.person_id, erased.account_id) == ("done", None, None)
    await lan.says("chào")
    assert len(talk.rows(Account)) == 1, "whoever writes again is somebody new"


async def test_member_is_erased_and_a_line_without_a_name_stays(talk: Talk, tree: Tree) -> None:
    """Profile, tokens, accounts, talk, application and consents go on every channel; the membership's days stay."""
    worker, clerk = await join(talk, tree)
    second = talk.member("Hoa trên máy khác")
    await second.says("chào")
    [person_id] = {row.person_id for row in talk.rows(Membership)}
    sign_in(talk, second, person_id)
    code = next(row.code for row in talk.rows(Person) if row.id == person_id)
    talk.pass_time(days=30)
    await erase(worker)
    worker.hears("Đã xóa", "biên nhận")
    [membership] = talk.rows(Membership)
    assert (membership.end_reason, membership.decision_number) == (EndReason.ERASED, None)
    assert membership.until_on == talk.today - timedelta(days=1)
    person = next(row for row in talk.rows(Person) if row.id == membership.person_id)
    assert (person.profile, person.phone_hash, person.citizen_id_hash, person.identity_hash) == (None,) * 4
    assert person.erased_at is not None
    assert person.code != code
    for table in (Application, Consent, NameToken):
        assert talk.rows(table) == [], table
    assert [row.person_id for row in talk.rows(Account) if row.person_id == person_id] == []
    await clerk.says("bàn")
    await clerk.presses("Tìm đoàn viên")
    await clerk.says("Nguyễn Thị Hoa")
    clerk.hears("Không thấy ai")
    await worker.says("trang của tôi")
    worker.hears("chưa nộp đơn")


async def test_erasing_asks_twice_and_can_be_stopped(talk: Talk, tree: Tree) -> None:
    """What stays and why is said first; stopping at either question erases nothing."""
    worker, _clerk = await join(talk, tree)
    await worker.says("quyền về dữ liệu")
    await worker.presses("Xóa dữ liệu của tôi")
    worker.hears("không lấy lại được", "còn lại", "24 tháng", "356/2025")
    await worker.says("hay thôi nhỉ, để nghĩ")
    worker.hears("không lấy lại được")
    await worker.presses("Tôi hiểu")
    await worker.presses("Thôi, không xóa")
    worker.hears("chưa xóa gì")
    assert all(row.profile for row in talk.rows(Person))
    assert talk.rows(DataRequest) == []


async def test_officer_hands_over_before_being_erased(talk: Talk, tree: Tree) -> None:
    """A role hinders; the request waits with its deadline, and the officer for data protection hears of it."""
    guard = await guardian(talk, tree.root)
    clerk = await officer(talk, "Trần Cán Bộ", tree.workplace, Role.OFFICER)
    await clerk.says("quyền về dữ liệu")
    await clerk.presses("Xóa dữ liệu của tôi")
    assert "bàn giao" in clerk.heard[-2].text
    clerk.hears("đã nhận yêu cầu", "20 ngày")
    talk.pass_time(hours=12)
    await guard.settled()
    guard.hears("yêu cầu mới")
    await guard.presses("Mở yêu cầu")
    guard.hears("Trần Cán Bộ", "bàn giao")
    await guard.presses("Xóa ngay")
    guard.hears("chưa xóa được")
    with talk.database.begin() as session:
        for grant in session.execute(text("SELECT id FROM role_grants WHERE role = 'officer'")).all():
            session.execute(text("UPDATE role_grants SET ended_at = granted_at WHERE id = :id"), {"id": grant.id})
    await guard.says("bàn")
    await guard.presses("Yêu cầu về dữ liệu")
    guard.hears("đang chờ: 1")
    await guard.says("1")
    await guard.presses("Xóa ngay")
    guard.hears("đã xong")
    talk.pass_time(hours=12)
    await clerk.settled()
    clerk.hears("đã xong", "xóa dữ liệu")
    [request] = talk.rows(DataRequest)
    assert (request.outcome, request.person_id) == ("done", None)


async def test_applicant_is_told_what_hinders(talk: Talk, tree: Tree) -> None:
    """With an open application the request is taken in; once it is withdrawn the person erases by themselves."""
    worker = talk.member("Hoa")
    await apply(worker)
    await worker.says("quyền về dữ liệu")
    await worker.presses("Xóa dữ liệu của tôi")
    assert "rút đơn" in worker.heard[-2].text
    await worker.says("trang của tôi")
    await worker.presses("Rút đơn")
    await erase(worker)
    worker.hears("đã xóa")
    assert talk.rows(Person) == [], "nothing hangs on somebody who never was a member"
    [request] = talk.rows(DataRequest)
    assert request.outcome == "done"


async def test_consent_to_news_is_withdrawn_at_once(talk: Talk, tree: Tree) -> None:
    """What stops is said first; the row stays as withdrawn."""
    worker = talk.member("Hoa")
    await worker.says("gia nhập")
    await worker.presses("Đồng ý")
    await worker.presses("Đồng ý")
    await worker.says("hủy")
    await worker.says("quyền về dữ liệu")
    await worker.presses("Rút lại đồng ý")
    await worker.presses("Rút: nhận bản tin")
    worker.hears("không nhận bản tin")
    await worker.presses("Rút")
    worker.hears("Đã rút lại", "biên nhận")
    assert {row.purpose: row.withdrawn_at is not None for row in talk.rows(Consent)} == {
        "membership": False,
        "news": True,
    }


async def test_consent_to_membership_ends_by_leaving_or_erasure_only(talk: Talk, tree: Tree) -> None:
    """A member hears the two ways; wishing to leave goes to the officer with a deadline of fifteen days."""
    guard = await guardian(talk, tree.upper)
    worker, _clerk = await join(talk, tree)
    await worker.says("quyền về dữ liệu")
    await worker.presses("Rút lại đồng ý")
    await worker.presses("Rút: xét kết nạp")
    worker.hears("không rút riêng", "24 tháng")
    await worker.presses("Tôi muốn ra khỏi công đoàn")
    await worker.presses("Gửi, tôi muốn ra")
    worker.hears("15 ngày")
    assert [row.withdrawn_at for row in talk.rows(Consent)] == [None]
    await guard.says("bàn")
    await guard.presses("Yêu cầu về dữ liệu")
    await guard.says("1")
    guard.hears("Nguyễn Thị Hoa", "ra khỏi công đoàn")


async def test_withdrawing_abroad_cuts_that_channel_off(talk: Talk, tree: Tree) -> None:
    """The account on Telegram is nobody's from then on; the profile stays, reachable on the other channels."""
    worker, _clerk = await join(talk, tree)
    [membership] = talk.rows(Membership)
    with talk.database.begin() as session:
        account = session.query(Account).filter(Account.address_hash == worker.lane).one()
        session.add(
            Consent(
                account_id=account.id, person_id=membership.person_id, purpose="abroad", version=1, given_at=talk.now()
            )
        )
        session.add(
            Account(
                person_id=membership.person_id, sender="telegram:1", address_hash="t" * 32, address="7",
                first_seen_at=talk.now(), last_seen_at=talk.now(),
            )
        )  # fmt: skip
    await worker.says("quyền về dữ liệu")
    await worker.presses("Rút lại đồng ý")
    await worker.presses("Rút: dùng kênh có máy chủ nước ngoài")
    worker.hears("Telegram", "không còn gắn")
    await worker.presses("Rút")
    cut_off = {row.sender.split(":")[0]: row.person_id for row in talk.rows(Account) if row.person_id != None}  # noqa: E711
    assert "telegram" not in cut_off
    assert membership.person_id in cut_off.values()
    await worker.says("trang của tôi")
    worker.hears("Nguyễn Thị Hoa")


def test_channels_abroad_are_known_as_such() -> None:
    """The list by which withdrawal finds accounts abroad is what the transports say of themselves."""
    for transport, sender in (
        (TelegramTransport, "telegram:1"),
        (TelegramDeskTransport, "telegram_desk:1"),
        (WebTransport, "web"),
        (ZaloBotTransport, "zalo_bot:1"),
    ):
        channel: Channel = transport.channel
        assert is_abroad(sender) is channel.is_abroad


async def test_nothing_more_is_sent_abroad_after_the_withdrawal(talk: Talk, tree: Tree) -> None:
    """A notice that waited for the morning is not sent to Telegram any more."""
    worker, _clerk = await join(talk, tree)
    [membership] = talk.rows(Membership)
    with talk.database.begin() as session:
        own = session.query(Account).filter(Account.address_hash == worker.lane).one()
        person_id = membership.person_id
        session.add(Consent(account_id=own.id, person_id=person_id, purpose="abroad", version=1, given_at=talk.now()))
        abroad = Account(
            person_id=person_id, sender="telegram:1", address_hash="7" * 32, address="7",
            first_seen_at=talk.now(), last_seen_at=talk.now(),
        )  # fmt: skip
        session.add(abroad)
        session.flush()
        night = talk.now().replace(hour=16) + timedelta(days=1)  # 23:00 in Vietnam
        tell_account(session, abroad, Reply("Thẻ của Nguyễn Thị Hoa"), "card", night)
    await worker.presses_payload("unagree|abroad")
    await worker.presses("Rút")
    assert [row for row in talk.rows(Delivery) if row.recipient == "7" * 32] == []


async def test_what_somebody_else_agreed_to_on_a_shared_phone_is_not_shown(talk: Talk, tree: Tree) -> None:
    """Consents and requests belong to their person, also where another signs in on the same account later."""
    worker, _clerk = await join(talk, tree)
    await worker.presses_payload("fix|o")
    await worker.says("sai tên cơ quan cũ của tôi")
    sign_in(talk, worker, give(talk, "Cán Bộ Mới Tới", tree.upper, Role.OFFICER))
    await worker.presses_payload("mydata")
    assert "sai tên cơ quan cũ" not in paper_of(worker).split("Cuộc trò chuyện")[0]
    await worker.says("quyền về dữ liệu")
    assert "đang chờ" not in worker.heard[-1].text
    await worker.presses("Rút lại đồng ý")
    worker.hears("chưa đồng ý việc gì")


async def test_correction_is_done_by_oneself_or_by_an_officer(talk: Talk, tree: Tree) -> None:
    """The way to one's own details is offered first; the rest goes to the officer with ten days."""
    guard = await guardian(talk, tree.root)
    worker, _clerk = await join(talk, tree)
    await worker.says("quyền về dữ liệu")
    await worker.presses("Sửa thông tin")
    worker.button("Sửa thông tin")
    await worker.presses("Nhờ cán bộ sửa")
    await worker.says("ngày kết nạp đúng ra là 01/03/2020")
    worker.hears("10 ngày")
    talk.pass_time(hours=12)
    await guard.settled()
    await guard.presses("Mở yêu cầu")
    guard.hears("01/03/2020")
    await guard.presses("Gia hạn")
    await guard.says("chờ hồ sơ giấy")
    guard.hears("đã gia hạn")
    talk.pass_time(hours=12)
    await worker.settled()
    worker.hears("chờ hồ sơ giấy", "hạn mới")
    [request] = talk.rows(DataRequest)
    assert request.due_at - request.asked_at == timedelta(days=20)
    await guard.presses_payload(f"reqdo|{request.id}|x")
    await guard.says("lại chờ")
    guard.hears("chỉ cho gia hạn một lần")
    await guard.says("hủy")
    await guard.presses_payload(f"reqdo|{request.id}|d")
    guard.hears("đã xong")
    await guard.presses_payload(f"reqdo|{request.id}|d")
    guard.hears("thay đổi")


async def test_request_is_refused_with_a_reason(talk: Talk, tree: Tree) -> None:
    """The person reads why, and that they may complain."""
    guard = await guardian(talk, tree.root)
    worker, _clerk = await join(talk, tree)
    await worker.presses_payload("fix|o")
    await worker.says("đổi tên công ty tôi thành tên khác")
    [request] = talk.rows(DataRequest)
    await guard.presses_payload(f"req|{request.id}")
    await guard.presses("Không làm được")
    await guard.says("tên công ty theo đăng ký kinh doanh")
    talk.pass_time(hours=12)
    await worker.settled()
    worker.hears("đăng ký kinh doanh", "khiếu nại")


async def test_only_the_officer_for_data_protection_sees_requests(talk: Talk, tree: Tree) -> None:
    """Every other role, one elsewhere, and the person themselves are refused."""
    worker, _clerk = await join(talk, tree)
    await worker.presses_payload("fix|o")
    await worker.says("sai ngày")
    [request] = talk.rows(DataRequest)
    others = [
        await officer(talk, f"Vai {role.value}", tree.workplace, role)
        for role in Role
        if role is not Role.DATA_PROTECTION_OFFICER
    ]
    elsewhere = await guardian(talk, tree.other_workplace)
    for person in (*others, elsewhere, worker):
        await person.presses_payload(f"req|{request.id}")
        person.hears("không có quyền")
        await person.presses_payload(f"reqdo|{request.id}|d")
        person.hears("không có quyền")
    await elsewhere.presses_payload("reqs")
    elsewhere.hears("không có yêu cầu nào")


async def test_clock_reminds_before_the_deadline_and_alerts_after_it(talk: Talk, tree: Tree) -> None:
    """Five days, one day, overdue: each is told once; with nobody to tell, the operator hears."""
    worker, _clerk = await join(talk, tree)
    await worker.presses_payload("fix|o")
    await worker.says("sai ngày")
    alarms: list[str] = []

    def tick() -> None:
        with talk.database.begin() as session:
            remind(session, talk.now(), lambda _session, subject, _text: alarms.append(subject))

    talk.pass_time(days=10, hours=1)
    tick()
    assert len(alarms) == 1
    talk.moment -= timedelta(days=10, hours=1)
    guard = await guardian(talk, tree.root)
    heard: list[str] = []
    for days in (4, 1.5, 3, 1, 0.1, 1):
        talk.pass_time(days=days)
        tick()
        tick()
        talk.pass_time(hours=9)
        await guard.settled()
        heard = [reply.text for reply in guard.heard]
    assert sum("Sắp đến hạn" in one for one in heard) == 2
    assert sum("QUÁ HẠN" in one for one in heard) == 1


def test_deadlines_are_those_of_the_decree(talk: Talk) -> None:
    """Ten days to see or correct, fifteen to withdraw, twenty to erase: from figures with article and clause."""
    assert {kind.value: days_for(kind, talk.now()) for kind in DataRequestKind} == {
        "access": 10, "correct": 10, "withdraw": 15, "erase": 20,
    }  # fmt: skip
    assert {purpose.name for purpose in PURPOSES} == {"membership", "news"}, "each purpose says what stops without it"


async def test_those_found_to_be_the_same_are_erased_with_them(talk: Talk, tree: Tree) -> None:
    """A profile that was merged into another's is theirs too."""
    worker, _clerk = await join(talk, tree)
    [membership] = talk.rows(Membership)
    with talk.database.begin() as session:
        twin = add_person(session, {"full_name": "Nguyễn Thị Hoa"}, talk.now())
        twin.merged_into_id = membership.person_id
        twin_id = twin.id
    await erase(worker)
    assert twin_id not in {row.id for row in talk.rows(Person)}
    assert give(talk, "Ai Đó", tree.upper, Role.OFFICER)
    assert rows_in_bytes(talk)
