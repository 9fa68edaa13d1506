"""A member who wishes to leave is heard where they belong, and one tap of those who decide there fulfils it."""

from datetime import timedelta

import pytest

from db.models import (
    Application,
    ApplicationState,
    Consent,
    DataRequest,
    EndReason,
    Membership,
    NameToken,
    PersonalRead,
    Role,
)
from tests.handlers.test_officers import officer
from tests.handlers.test_privacy import guardian
from tests.handlers.test_registration import apply, join
from tests.small_tree import Tree
from tests.talk import Member, Talk


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(talk.database, talk.today - timedelta(days=400))


async def wish(member: Member) -> None:
    """Ask to leave, from the page of one's rights."""
    await member.says("quyền về dữ liệu")
    await member.presses("Tôi muốn ra khỏi công đoàn")
    member.hears("tự nguyện", "chuyển nơi sinh hoạt")
    await member.presses("Gửi, tôi muốn ra")
    member.hears("15 ngày")


async def test_wish_to_leave_reaches_the_unit_and_is_done_with_one_tap(talk: Talk, tree: Tree) -> None:
    """Who decides at the unit is told, naming nobody; one tap ends the membership, the request and the consent, and the
    member hears it with the receipt."""
    worker, clerk = await join(talk, tree)
    await wish(worker)
    talk.pass_time(hours=12)
    await clerk.settled()
    clerk.hears("ra khỏi công đoàn")
    assert "Hoa" not in clerk.heard[-1].text
    await clerk.presses("Mở yêu cầu")
    clerk.hears("Nguyễn Thị Hoa", "CĐCS Công ty May Một", "tự nguyện")
    assert "leaving" in {row.what for row in talk.rows(PersonalRead)}
    await clerk.presses("Cho ra từ ngày mai")
    talk.pass_time(hours=12)
    await worker.settled()
    worker.hears("ngày cuối", "mã biên nhận")
    [membership] = talk.rows(Membership)
    assert membership.end_reason is EndReason.LEFT
    assert talk.rows(NameToken) == []
    [request] = talk.rows(DataRequest)
    assert request.outcome == "done"
    assert [row.withdrawn_at is not None for row in talk.rows(Consent)] == [True]
    await clerk.presses_payload(f"letgo|{request.id}")
    clerk.hears("thay đổi")


async def test_both_ways_of_leaving_are_one(talk: Talk, tree: Tree) -> None:
    """An officer who ends the membership on the member's page fulfils the wish that waits."""
    worker, clerk = await join(talk, tree)
    await wish(worker)
    [membership] = talk.rows(Membership)
    await clerk.presses_payload(f"mem|{membership.person_id}")
    await clerk.presses("Ra khỏi công đoàn")
    await clerk.presses("Đúng, cho ra")
    [request] = talk.rows(DataRequest)
    assert request.outcome == "done"
    await clerk.presses_payload(f"mem|{membership.person_id}")
    assert not [button for button in clerk.heard[-1].buttons if "Ra khỏi" in button.label]


async def test_officer_for_data_protection_fulfils_it_too(talk: Talk, tree: Tree) -> None:
    """A deadline of the law is never met on paper only: closing the request ends the membership."""
    guard = await guardian(talk, tree.root)
    worker, _clerk = await join(talk, tree)
    await wish(worker)
    await guard.says("bàn")
    await guard.presses("Yêu cầu về dữ liệu")
    await guard.says("1")
    await guard.presses("Cho ra từ ngày mai")
    guard.hears("đã xong")
    assert [row.end_reason for row in talk.rows(Membership)] == [EndReason.LEFT]


async def test_wishes_stand_on_the_desk_beside_the_applications(talk: Talk, tree: Tree) -> None:
    """Within reach only; elsewhere nobody sees how many there are."""
    worker, clerk = await join(talk, tree)
    await wish(worker)
    far = await officer(talk, "Cán Bộ Xa", tree.other_workplace, Role.CHAIR)
    [request] = talk.rows(DataRequest)
    await far.says("bàn")
    await far.presses("Đơn chờ duyệt")
    assert not [button for button in far.heard[-1].buttons if "Xin ra" in button.label]
    for payload in (f"leaver|{request.id}", f"letgo|{request.id}"):
        await far.presses_payload(payload)
        far.hears("không có quyền")
        await worker.presses_payload(payload)
        worker.hears("không có quyền")
    leader = await officer(talk, "Tổ Trưởng", tree.workplace, Role.TEAM_LEADER)
    await leader.presses_payload("leavers")
    leader.hears("không có quyền")
    await clerk.says("bàn")
    await clerk.presses("Đơn chờ duyệt")
    await clerk.presses("Xin ra khỏi công đoàn: 1")
    await clerk.presses("CĐCS Công ty May Một")
    clerk.hears("Nguyễn Thị Hoa")


async def test_officer_does_not_let_themselves_go(talk: Talk, tree: Tree) -> None:
    """The wish of the only officer of a unit goes to the unit above."""
    chair = await officer(talk, "Chủ Tịch", tree.upper, Role.CHAIR)
    worker, clerk = await join(talk, tree)
    await apply(clerk)
    await worker.says("chào")
    with talk.database.begin() as session:
        own = session.query(Application).filter(Application.state == ApplicationState.SUBMITTED).one()
        session.add(Membership(person_id=own.person_id, unit_id=tree.workplace, since_on=talk.today))
        own.state = ApplicationState.APPROVED
    await wish(clerk)
    [request] = talk.rows(DataRequest)
    await clerk.presses_payload(f"letgo|{request.id}")
    clerk.hears("không có quyền")
    talk.pass_time(hours=12)
    await chair.settled()
    chair.hears("ra khỏi công đoàn")


async def test_wish_is_taken_back(talk: Talk, tree: Tree) -> None:
    """Whoever thinks better of it presses once; the officers' button then does nothing."""
    worker, clerk = await join(talk, tree)
    await wish(worker)
    [request] = talk.rows(DataRequest)
    stranger = talk.member("Người Lạ")
    await stranger.says("chào")
    await stranger.presses_payload(f"reqback|{request.id}")
    stranger.hears("thay đổi")
    await worker.presses("Quyền về dữ liệu")
    await worker.presses("Thôi yêu cầu")
    worker.hears("mọi thứ vẫn như cũ")
    await clerk.presses_payload(f"letgo|{request.id}")
    clerk.hears("thay đổi")
    assert [row.until_on for row in talk.rows(Membership)] == [None]


async def test_applicant_takes_the_application_back_instead(talk: Talk, tree: Tree) -> None:
    """Who is not a member yet needs nobody's help: withdrawing the consent leads to "Rút đơn"."""
    worker = talk.member("Hoa")
    await apply(worker)
    await worker.says("ra khỏi công đoàn")
    worker.hears("không phải đoàn viên")
    await worker.says("quyền về dữ liệu")
    await worker.presses("Rút lại đồng ý")
    await worker.presses("Rút: xét kết nạp")
    await worker.presses("Rút đơn")
    assert [row.state for row in talk.rows(Application)] == [ApplicationState.WITHDRAWN]
    await worker.says("quyền về dữ liệu")
    await worker.presses("Rút lại đồng ý")
    await worker.presses("Rút: xét kết nạp")
    await worker.presses("Rút")
    assert [row.withdrawn_at is not None for row in talk.rows(Consent)] == [True]
