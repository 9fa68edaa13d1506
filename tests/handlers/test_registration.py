"""A worker joins the union from a phone, an officer decides, and the member has a card, a form and their own page."""

import io
import zipfile
from datetime import timedelta

import pytest
from PIL import Image

from bot.__main__ import main
from db.models import (
    Account,
    Application,
    ApplicationState,
    Consent,
    Conversation,
    EndReason,
    Membership,
    NameToken,
    Person,
    PersonalRead,
    Role,
    Unit,
)
from db.people import add_membership, add_person
from db.units import close_unit
from handlers.chat import Channel, Kind
from handlers.registration.card import public_key, read_card
from tests.handlers.test_officers import officer
from tests.small_tree import Tree
from tests.talk import Member, Talk

FIELDS = (
    "nguyễn thị hoa", "nữ", "20/10/1995", "Kinh", "xã Yên Phong, Bắc Ninh", "Phường Thử, Tỉnh Thử", "001195012345",
    "0912 345 678",
)  # fmt: skip


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(talk.database, talk.today - timedelta(days=400))


async def fill_in(worker: Member, workplace: str = "may mot") -> None:
    """Everything up to the summary."""
    await worker.says("gia nhập")
    await worker.presses("Đồng ý")
    await worker.presses("Không đồng ý")
    for answer in FIELDS:
        await worker.says(answer)
    await worker.says(workplace)
    await worker.says("1")
    await worker.says("công nhân may")


async def apply(worker: Member) -> None:
    await fill_in(worker)
    await worker.presses("Tôi cam kết và gửi đơn")


async def approve_first(clerk: Member) -> None:
    await clerk.says("bàn")
    await clerk.presses("Đơn chờ duyệt")
    await clerk.says("1")
    await clerk.presses("Duyệt")
    await clerk.says("12/QĐ-CĐCS")


async def join(talk: Talk, tree: Tree, name: str = "Hoa") -> tuple[Member, Member]:
    """A member and the officer who approved them."""
    clerk = await officer(talk, "Trần Cán Bộ", tree.workplace, Role.OFFICER)
    worker = talk.member(name)
    await apply(worker)
    await approve_first(clerk)
    await worker.settled()
    return worker, clerk


async def test_worker_joins_and_is_welcomed_with_card_and_form(talk: Talk, tree: Tree) -> None:
    """Consent, form, workplace by a few letters, pledge; the officer approves; welcome, card and Mẫu 5a arrive."""
    clerk = await officer(talk, "Trần Cán Bộ", tree.workplace, Role.OFFICER)
    worker = talk.member("Hoa")
    await fill_in(worker)
    worker.hears("Nguyễn Thị Hoa", "20/10/1995", "CĐCS Công ty May Một", "cam kết")
    await worker.presses("Tôi cam kết và gửi đơn")
    worker.hears("Đã nhận đơn")
    await clerk.settled()
    clerk.hears("Có đơn mới")
    assert "Hoa" not in clerk.heard[-1].text, "an alert names nobody"
    await clerk.presses("Mở đơn")
    clerk.hears("Nguyễn Thị Hoa", "345")
    await clerk.presses("Tôi xử lý đơn này")
    await clerk.says("bàn")
    await clerk.presses("Việc của tôi")
    clerk.hears("đang xử lý 1 đơn")
    await clerk.says("1")
    assert not any("001195012345" in reply.text for reply in clerk.heard)
    await clerk.presses("Duyệt")
    await clerk.says("12/QĐ-CĐCS")
    clerk.hears("Đã kết nạp", "Nguyễn Thị Hoa")
    await worker.settled()
    welcome, card, form = worker.heard[-3:]
    assert "Chúc mừng" in welcome.text
    assert "12/QĐ-CĐCS" in welcome.text
    assert Image.open(io.BytesIO(card.files[0].content)).size == (1000, 630)
    paper = zipfile.ZipFile(io.BytesIO(form.files[0].content)).read("word/document.xml").decode()
    for words in ("Nguyễn Thị Hoa", "20/10/1995", "001195012345", "công nhân may", "CĐCS Công ty May Một"):
        assert words in paper
    [membership] = talk.rows(Membership)
    assert (membership.unit_id, membership.since_on, membership.decision_number) == (
        tree.workplace, talk.today, "12/QĐ-CĐCS",
    )  # fmt: skip
    assert {row.purpose for row in talk.rows(Consent)} == {"membership"}
    assert talk.rows(PersonalRead), "opening the application is on record"


async def test_wrong_answers_are_explained_and_nothing_typed_is_lost(talk: Talk, tree: Tree) -> None:
    """Each step validates, can be corrected later, skipped where optional, and gone back from."""
    worker = talk.member("Hoa")
    await worker.says("gia nhập")
    await worker.presses("Đồng ý")
    await worker.presses("Đồng ý")
    await worker.says("Hoa")
    worker.hears("Họ và tên của anh/chị")
    assert "đủ họ và tên" in worker.heard[-2].text
    await worker.says("Nguyen Thi Hoa")
    await worker.says("con gái")
    await worker.says("31/02/1995")
    worker.hears("Ngày sinh")
    await worker.says("20101995")
    await worker.says("quay lại")
    worker.hears("Ngày sinh")
    await worker.says("20-10-95")
    await worker.says("Tày")
    await worker.says("Bỏ qua")
    await worker.says("Phường Thử")
    await worker.says("12345")
    worker.hears("Số căn cước")
    await worker.presses("Bỏ qua")
    await worker.says("0212345678")
    worker.hears("Số điện thoại")
    await worker.says("+84 912 345 678")
    await worker.says("may mot")
    await worker.says("1")
    await worker.presses("Bỏ qua")
    worker.hears("Tày", "0912345678")
    await worker.presses("Sửa lại")
    await worker.presses("Dân tộc")
    await worker.says("Nùng")
    worker.hears("Nùng", "cam kết")


async def test_form_left_for_days_is_gone_on_with_and_cancelling_erases_it(talk: Talk, tree: Tree) -> None:
    """The draft stands for days; `hủy` leaves nothing of it."""
    worker = talk.member("Hoa")
    await worker.says("gia nhập")
    await worker.presses("Đồng ý")
    await worker.presses("Không đồng ý")
    await worker.says("Nguyễn Thị Hoa")
    talk.pass_time(days=5)
    await worker.does(Kind.STICKER)
    worker.hears("Giới tính")
    await worker.says("hủy")
    assert [row.draft for row in talk.rows(Conversation)] == [None]
    assert talk.rows(Person) == []


async def test_nothing_is_asked_without_consent(talk: Talk, tree: Tree) -> None:
    """Silence and other words are no consent; a refusal ends the joining and nothing else."""
    worker = talk.member("Hoa")
    await worker.says("gia nhập")
    await worker.says("thì sao")
    worker.hears("xin phép dùng thông tin")
    await worker.presses("Không đồng ý")
    worker.hears("Chưa đồng ý")
    assert talk.rows(Consent) == []


async def test_messenger_abroad_asks_for_that_first(talk: Talk, tree: Tree) -> None:
    """On Telegram the person hears that its servers are abroad, and where to go instead."""
    talk.edge.channel = Channel("telegram", is_abroad=True)
    worker = talk.member("Hoa")
    await worker.says("gia nhập")
    worker.hears("nước ngoài", "Điều 20")
    await worker.presses("Không đồng ý")
    worker.hears("trang web")


async def test_worker_without_a_unit_reaches_the_upper_union_of_the_place(talk: Talk, tree: Tree) -> None:
    """Not listed, or no employer at all: the application goes to the union of the commune."""
    worker = talk.member("Tài Xế")
    await worker.says("gia nhập")
    await worker.presses("Đồng ý")
    await worker.presses("Đồng ý")
    for answer in FIELDS:
        await worker.says(answer)
    await worker.says("xưởng gỗ không tên")
    await worker.presses("Không thấy nơi tôi làm")
    await worker.says("phuong thu, tinh thu")
    await worker.presses("Bỏ qua")
    worker.hears("Gửi tới: Công đoàn phường Thử")
    await worker.presses("Tôi cam kết và gửi đơn")
    [application] = talk.rows(Application)
    assert application.unit_id == tree.upper
    assert "xưởng gỗ không tên" in application.workplace


async def test_officer_asks_for_more_and_the_applicant_sends_again(talk: Talk, tree: Tree) -> None:
    """What is missing is asked with a reason; mended and sent again, the same application is decided."""
    clerk = await officer(talk, "Trần Cán Bộ", tree.workplace, Role.OFFICER)
    worker = talk.member("Hoa")
    await apply(worker)
    await clerk.settled()
    await clerk.presses("Mở đơn")
    await clerk.presses("Cần bổ sung")
    await clerk.says("ghi rõ quê quán tới xã")
    await worker.settled()
    worker.hears("ghi rõ quê quán")
    await worker.says("trang của tôi")
    await worker.presses("Sửa thông tin")
    await worker.presses("Quê quán")
    await worker.says("xã Tam Giang, Bắc Ninh")
    await worker.presses("Gửi lại đơn")
    await approve_first(clerk)
    assert [row.state for row in talk.rows(Application)] == [ApplicationState.APPROVED]


async def test_refusal_carries_its_reason(talk: Talk, tree: Tree) -> None:
    """The applicant reads why, and may apply again."""
    clerk = await officer(talk, "Trần Cán Bộ", tree.workplace, Role.OFFICER)
    worker = talk.member("Hoa")
    await apply(worker)
    await clerk.settled()
    await clerk.presses("Mở đơn")
    await clerk.presses("Từ chối")
    await clerk.says("là giám đốc công ty")
    await worker.settled()
    worker.hears("giám đốc công ty")
    await worker.presses("Trang của tôi")
    worker.hears("chưa được nhận")
    assert talk.rows(Membership) == []


async def test_two_officers_cannot_decide_the_same_application(talk: Talk, tree: Tree) -> None:
    """The second decision meets a changed world."""
    first = await officer(talk, "Cán Bộ Một", tree.workplace, Role.OFFICER)
    second = await officer(talk, "Cán Bộ Hai", tree.upper, Role.OFFICER)
    worker = talk.member("Hoa")
    await apply(worker)
    await second.says("bàn")
    await second.presses("Đơn chờ duyệt")
    await second.says("1")
    await approve_first(first)
    await second.presses("Duyệt")
    second.hears("thay đổi")
    assert len(talk.rows(Membership)) == 1


async def test_nobody_decides_about_themselves_or_beyond_their_reach(talk: Talk, tree: Tree) -> None:
    """An officer of another workplace, and the applicant as an officer, are both refused."""
    other = await officer(talk, "Cán Bộ Khác", tree.other_workplace, Role.OFFICER)
    chair = await officer(talk, "Chủ Tịch", tree.workplace, Role.CHAIR)
    await fill_in(chair)
    await chair.presses("Tôi cam kết và gửi đơn")
    [application] = talk.rows(Application)
    for person in (other, chair):
        for payload in (f"app|{application.id}", f"dec|{application.id}|a", f"paper|{application.id}"):
            await person.presses_payload(payload)
            person.hears("không có quyền")
    await other.says("bàn")
    await other.presses("Đơn chờ duyệt")
    other.hears("Không còn đơn")


async def test_officer_finds_members_by_name_within_reach_only(talk: Talk, tree: Tree) -> None:
    """A name without marks finds the member for their own officers and nobody else's; names stand nowhere in clear."""
    _worker, clerk = await join(talk, tree)
    await clerk.says("bàn")
    await clerk.presses("Tìm đoàn viên")
    await clerk.says("hoa nguyen")
    await clerk.presses("Nguyễn Thị Hoa")
    clerk.hears("Quá trình sinh hoạt", "CĐCS Công ty May Một")
    other = await officer(talk, "Cán Bộ Khác", tree.other_workplace, Role.CHAIR)
    await other.says("bàn")
    await other.presses("Tìm đoàn viên")
    await other.says("Nguyễn Thị Hoa")
    other.hears("Không thấy ai")
    [membership] = talk.rows(Membership)
    await other.presses_payload(f"mem|{membership.person_id}")
    other.hears("không có quyền")
    assert len(talk.rows(NameToken)) == 3


async def test_member_moves_to_another_workplace_and_history_stays(talk: Talk, tree: Tree) -> None:
    """A transfer is an application to the new unit; approved, the old membership ends the day before."""
    worker, _clerk = await join(talk, tree)
    clerk = await officer(talk, "Cán Bộ Giày", tree.other_workplace, Role.OFFICER)
    talk.pass_time(days=30)
    await worker.says("trang của tôi")
    await worker.presses("Chuyển nơi sinh hoạt")
    await worker.says("giay hai")
    await worker.says("1")
    await worker.says("thợ giày")
    await worker.presses("Tôi cam kết và gửi đơn")
    await approve_first(clerk)
    old, new = talk.rows(Membership)
    assert (old.end_reason, old.until_on) == (EndReason.TRANSFERRED, talk.today - timedelta(days=1))
    assert (new.unit_id, new.until_on) == (tree.other_workplace, None)
    assert {row.unit_id for row in talk.rows(NameToken)} == {tree.other_workplace}


async def test_card_is_verified_and_a_forged_one_is_not(talk: Talk, tree: Tree) -> None:
    """The QR holds no personal data; its signature is checked without a network, the membership at the desk."""
    from handlers.registration.card import Card, sign_card

    worker, clerk = await join(talk, tree)
    [membership] = talk.rows(Membership)
    [member] = [row for row in talk.rows(Person) if row.id == membership.person_id]
    keys = talk.database.keys
    token = sign_card(keys, Card(member.code, membership.unit_id, talk.today))
    assert read_card(public_key(keys), token) == Card(member.code, membership.unit_id, talk.today)
    assert main(["card", "check", token, "--key", public_key(keys).hex()]) == 0
    assert main(["card", "check", token, "--key", "00" * 32]) == 1
    await clerk.says(token)
    clerk.hears("Thẻ đúng", "Nguyễn Thị Hoa")
    forged = token[:-3] + ("AAA" if token[-3:] != "AAA" else "BBB")
    await clerk.says(f"/the {forged}")
    clerk.hears("Thẻ không đúng")
    await worker.says(token)
    worker.hears("chỉ cán bộ")
    far = await officer(talk, "Cán Bộ Xa", tree.other_workplace, Role.OFFICER)
    await far.says(token)
    far.hears("Thẻ đúng")
    assert "Hoa" not in far.heard[-1].text


async def test_list_of_members_is_for_those_who_may_take_it_away(talk: Talk, tree: Tree) -> None:
    """Mẫu 5b goes to the chair, not to the officer; every name in it is on record."""
    _worker, clerk = await join(talk, tree)
    await clerk.presses_payload(f"list5b|{tree.workplace}")
    clerk.hears("không có quyền")
    chair = await officer(talk, "Chủ Tịch", tree.workplace, Role.CHAIR)
    await chair.presses_payload(f"list5b|{tree.workplace}")
    [paper] = chair.heard[-1].files
    assert "Nguyễn Thị Hoa" in zipfile.ZipFile(io.BytesIO(paper.content)).read("word/document.xml").decode()
    assert "list" in {row.what for row in talk.rows(PersonalRead)}


async def test_withdrawn_application_cannot_be_decided(talk: Talk, tree: Tree) -> None:
    """The applicant takes it back before the officer looks."""
    clerk = await officer(talk, "Trần Cán Bộ", tree.workplace, Role.OFFICER)
    worker = talk.member("Hoa")
    await apply(worker)
    await worker.says("trang của tôi")
    await worker.presses("Rút đơn")
    await clerk.settled()
    await clerk.presses("Mở đơn")
    clerk.hears("thay đổi")
    assert [row.person_id is not None for row in talk.rows(Account)] == [True, True]


async def test_member_who_leaves_is_told_and_may_come_back(talk: Talk, tree: Tree) -> None:
    """The officer ends a membership after a second question; from tomorrow the person is a member nowhere."""
    worker, clerk = await join(talk, tree)
    await clerk.says("bàn")
    await clerk.presses("Tìm đoàn viên")
    await clerk.says("hoa nguyen")
    await clerk.presses("Nguyễn Thị Hoa")
    await clerk.presses("Ra khỏi công đoàn")
    clerk.hears("từ ngày mai")
    await clerk.presses("Đúng, cho ra")
    await worker.settled()
    worker.hears("ngày cuối")
    [membership] = talk.rows(Membership)
    assert (membership.until_on, membership.end_reason) == (talk.today, EndReason.LEFT)
    assert talk.rows(NameToken) == []
    talk.pass_time(days=1)
    await worker.says("trang của tôi")
    worker.hears("không sinh hoạt")


async def test_officer_who_fetches_the_form_is_on_record(talk: Talk, tree: Tree) -> None:
    """Every field stands in clear in Mẫu 5a; deciding without opening the application is on record as well."""
    clerk = await officer(talk, "Trần Cán Bộ", tree.workplace, Role.OFFICER)
    worker = talk.member("Hoa")
    await apply(worker)
    [application] = talk.rows(Application)
    await clerk.presses_payload(f"paper|{application.id}")
    [paper] = clerk.heard[-1].files
    assert "001195012345" in zipfile.ZipFile(io.BytesIO(paper.content)).read("word/document.xml").decode()
    assert [row.what for row in talk.rows(PersonalRead)] == ["form"]
    await clerk.presses_payload(f"dec|{application.id}|a")
    await clerk.says("1/QĐ")
    clerk.hears("Nguyễn Thị Hoa")
    assert [row.what for row in talk.rows(PersonalRead)] == ["form", "application"]


async def test_officer_goes_through_the_members_of_a_unit_page_by_page(talk: Talk, tree: Tree) -> None:
    """The newest come first, those of the team too; whoever was shown is on record, and nobody of another workplace."""
    clerk = await officer(talk, "Trần Cán Bộ", tree.workplace, Role.OFFICER)
    shown = [settle(talk, f"Đoàn Viên {letter}", tree.workplace, days) for days, letter in enumerate("ABCDEFG", 1)]
    shown.append(settle(talk, "Đoàn Viên Tổ", tree.team, 9))
    hidden = settle(talk, "Đoàn Viên Khác", tree.other_workplace, 1)
    await clerk.presses_payload(f"unit|{tree.workplace}")
    clerk.hears("đoàn viên tại đây: 8")
    await clerk.presses("Đoàn viên")
    assert [button.label.split(" · ")[0] for button in clerk.heard[-1].buttons][:2] == ["Đoàn Viên A", "Đoàn Viên B"]
    await clerk.presses("Xem tiếp")
    clerk.button("Đoàn Viên G")
    clerk.button("Đoàn Viên Tổ")
    assert {row.subject_id for row in talk.rows(PersonalRead) if row.what == "list"} == set(shown)
    await clerk.presses_payload(f"mems|{tree.other_workplace}")
    clerk.hears("không có quyền")
    leader = await officer(talk, "Tổ Trưởng", tree.team, Role.TEAM_LEADER)
    await leader.presses_payload(f"mems|{tree.team}")
    leader.button("Đoàn Viên Tổ")
    await leader.presses_payload(f"mems|{tree.workplace}")
    leader.hears("không có quyền")
    assert hidden not in {row.subject_id for row in talk.rows(PersonalRead)}


def settle(talk: Talk, name: str, unit_id: int, days: int) -> int:
    """A member since so many days, as from an imported list; returns their id."""
    with talk.database.begin() as session:
        person = add_person(session, {"full_name": name, "born_on": "1995-10-20"}, talk.now())
        add_membership(session, person, unit_id, talk.today - timedelta(days=days))
        return person.id


async def test_list_of_a_workplace_holds_its_teams(talk: Talk, tree: Tree) -> None:
    """Mẫu 5b is of one union at one workplace, whichever of its teams people belong to."""
    chair = await officer(talk, "Chủ Tịch", tree.workplace, Role.CHAIR)
    settle(talk, "Người Của Tổ", tree.team, 9)
    await chair.presses_payload(f"list5b|{tree.workplace}")
    [paper] = chair.heard[-1].files
    assert "Người Của Tổ" in zipfile.ZipFile(io.BytesIO(paper.content)).read("word/document.xml").decode()


async def test_number_of_the_decision_is_written_down_later(talk: Talk, tree: Tree) -> None:
    """On the day of joining there was none; the officer adds it on the member's page, once."""
    clerk = await officer(talk, "Trần Cán Bộ", tree.workplace, Role.OFFICER)
    number = settle(talk, "Nguyễn Thị Hoa", tree.workplace, 9)
    await clerk.presses_payload(f"mem|{number}")
    await clerk.presses("Ghi số quyết định")
    await clerk.says("15/QĐ-CĐCS")
    assert [row.decision_number for row in talk.rows(Membership)] == ["15/QĐ-CĐCS"]
    await clerk.presses("Xem hồ sơ")
    clerk.hears("15/QĐ-CĐCS")
    assert not [button for button in clerk.heard[-1].buttons if "Ghi số" in button.label]
    other = await officer(talk, "Cán Bộ Khác", tree.other_workplace, Role.OFFICER)
    await other.presses_payload(f"gnum|{number}")
    other.hears("không có quyền")


async def test_member_goes_to_a_team_and_back_and_history_stays(talk: Talk, tree: Tree) -> None:
    """Within one workplace the officer says so; the old spell ends yesterday, the name is found at the new place."""
    worker, clerk = await join(talk, tree)
    [membership] = talk.rows(Membership)
    talk.pass_time(days=10)
    await clerk.presses_payload(f"mem|{membership.person_id}")
    await clerk.presses("Chuyển tổ")
    await clerk.presses("Tổ chuyền 1")
    talk.pass_time(hours=12)
    await worker.settled()
    worker.hears("Tổ chuyền 1")
    old, new = talk.rows(Membership)
    assert (old.end_reason, new.unit_id, new.decision_number) == (EndReason.TRANSFERRED, tree.team, "12/QĐ-CĐCS")
    assert old.until_on == new.since_on - timedelta(days=1)
    assert {row.unit_id for row in talk.rows(NameToken)} == {tree.team}
    await clerk.presses_payload(f"mvto|{membership.person_id}|{tree.other_workplace}")
    clerk.hears("thay đổi")
    await clerk.presses_payload(f"mvto|{membership.person_id}|{tree.workplace}")
    running = [row.unit_id for row in talk.rows(Membership) if row.until_on is None]
    assert running == [tree.workplace]


async def test_workplace_that_ended_while_the_form_lay_open_is_asked_again(talk: Talk, tree: Tree) -> None:
    """Nothing typed is lost, and the application goes nowhere unseen."""
    worker = talk.member("Hoa")
    await fill_in(worker)
    with talk.database.begin() as session:
        close_unit(session, session.get_one(Unit, tree.workplace), talk.today, tree.other_workplace)
    await worker.presses("Tôi cam kết và gửi đơn")
    worker.hears("làm ở đâu")
    assert "sắp xếp lại" in worker.heard[-2].text
    await worker.says("giay hai")
    await worker.says("1")
    worker.hears("Nguyễn Thị Hoa", "Gửi tới: CĐCS Công ty Giày Hai")


async def test_one_goes_back_from_the_place_to_the_workplace(talk: Talk, tree: Tree) -> None:
    """ "Quay lại" is no name of a place."""
    worker = talk.member("Hoa")
    await worker.says("gia nhập")
    await worker.presses("Đồng ý")
    await worker.presses("Không đồng ý")
    for answer in (*FIELDS, "xưởng gỗ không tên"):
        await worker.says(answer)
    await worker.presses("Không thấy nơi tôi làm")
    await worker.says("quay lại")
    worker.hears("làm ở đâu")


async def test_member_empties_a_detail_that_may_be_left_out(talk: Talk, tree: Tree) -> None:
    """The citizen id number can be taken out again; the birthday cannot."""
    worker, _clerk = await join(talk, tree)
    await worker.presses_payload("edit|citizen_id")
    await worker.presses("Bỏ trống")
    worker.hears("Nguyễn Thị Hoa")
    [person] = [row for row in talk.rows(Person) if row.profile.get("phone")]
    assert ("citizen_id" in person.profile, person.citizen_id_hash) == (False, None)
    await worker.presses_payload("edit|born_on")
    await worker.says("bỏ trống mục này")
    worker.hears("Ngày sinh")
    await worker.says("hủy")
    await worker.presses_payload("edit|gender")
    await worker.presses("Khác")
    worker.hears("Giới tính: Khác")
