"""A bulletin from its first word to its correction: written, released by a second person, sent, answered, put right."""

from datetime import datetime, time, timedelta

import pytest

from bot.transports import PersonUnreachable
from db.bulletins import list_events
from db.models import Bulletin, BulletinState, ChannelAccount, Role
from handlers.actions import ListBulletins, ShowBulletin, encode
from handlers.chat import AttachmentKind
from handlers.feature import VIETNAM
from tests.bulletin_world import BulletinWorld
from tests.handlers.planted import jpeg
from tests.handlers.test_officers import officer
from tests.small_tree import Tree
from tests.talk import Member, Talk

TITLE = "Hội thao công nhân"
TEXT = "\n\n".join(
    (
        "Mời anh chị em dự **hội thao** ngày 12/12 tại sân phường.",
        "- 7h30: tập trung, nhận áo theo tổ\n- 8h00: khai mạc\n- 8h30: bóng đá nam, kéo co nữ",
        "Ai ở xa thì có xe đón ở cổng công ty lúc 7h, anh chị báo tổ trưởng trước ngày 10/12 để xếp chỗ.",
        "Anh chị nhớ **mang thẻ đoàn viên**.",
    )
)


@pytest.fixture
def world(talk: Talk) -> BulletinWorld:
    """The small union by day: it is ten in the morning."""
    talk.moment = datetime.combine(talk.today, time(10), VIETNAM)
    with talk.database.begin() as session:
        session.add(ChannelAccount(sender=talk.edge.sender))
    return BulletinWorld(talk, Tree.plant(talk.database, talk.today - timedelta(days=400)))


def newest(talk: Talk) -> Bulletin:
    """The bulletin written last."""
    found: Bulletin = talk.rows(Bulletin)[-1]
    return found


def told(member: Member, title: str) -> int:
    """How often somebody got a bulletin."""
    return sum(reply.text.startswith(f"**{title}**") for reply in member.heard)


async def write(editor: Member) -> None:
    """The editor goes through all of a bulletin: words, picture, poll, a question to the FAQ, whom, and when."""
    await editor.says("bàn")
    await editor.presses("Bản tin")
    await editor.presses("Soạn bản tin")
    await editor.presses("Tin cho đoàn viên")
    await editor.presses("Hoạt động")
    await editor.says(TITLE)
    await editor.says(TEXT)
    await editor.presses("Sửa nội dung")
    await editor.presses("Hình và tệp")
    await editor.sends_file(jpeg(), AttachmentKind.PICTURE)
    await editor.presses("Xong, về bản tin")
    await editor.presses("Sửa nội dung")
    await editor.presses("Nút bấm, câu hỏi")
    await editor.presses("Thêm")
    await editor.presses("Thăm dò ý kiến")
    await editor.says("Anh chị chơi môn nào?")
    await editor.says("Bóng đá\nKéo co")
    await editor.presses("Thêm")
    await editor.presses("Hỏi thêm")
    await editor.presses("Hỏi thêm")
    await editor.says("cưới được nghỉ mấy ngày")
    await editor.presses("Về bản tin")
    await editor.presses("Người nhận")
    await editor.presses("Trừ đơn vị")
    await editor.says("Giày Hai")
    await editor.presses("CĐCS Công ty Giày Hai")
    editor.hears("Trừ: CĐCS Công ty Giày Hai", "Khoảng 5 người")
    await editor.presses("Lưu người nhận")
    await editor.presses("Thời gian gửi")
    await editor.says("14h chiều nay")
    await editor.presses("Lưu lúc gửi")
    editor.hears(TITLE, "anh-1.jpg", "Bóng đá", "14:00")


async def test_bulletin_is_written_released_sent_answered_and_put_right(talk: Talk, world: BulletinWorld) -> None:
    """One editor, one approver, six who should get it and one who should not; then it was wrong."""
    members = [world.member() for _ in range(6)]
    left_out = world.member(world.tree.other_workplace)
    editor = await officer(talk, "Lê Thị Soạn", world.tree.upper, Role.BULLETIN_EDITOR)
    second = await officer(talk, "Trần Văn Duyệt", world.tree.upper, Role.APPROVER)
    await write(editor)
    bulletin = newest(talk)

    await editor.presses("Xem trước")
    editor.hears("Zalo", "Telegram")
    await editor.presses("Gửi thử cho tôi")
    assert any("Bản thử" in reply.text and reply.files for reply in editor.heard)
    await editor.presses_payload(encode(ShowBulletin(bulletin.id)))
    await editor.presses("Gửi duyệt")
    await second.settled()
    second.hears("chờ anh/chị duyệt", TITLE)

    await editor.presses("Về bản tin")
    await editor.presses("Sửa nội dung")
    await editor.presses("Tiêu đề")
    await editor.says(f"{TITLE} lần 5")
    assert newest(talk).state is BulletinState.DRAFT
    await editor.presses("Gửi duyệt")
    await second.presses("Mở bản tin")
    await second.presses("Xem để duyệt")
    whole = second.heard[-2]
    assert "mang thẻ đoàn viên" in whole.text and whole.files, "all of it is seen, not its beginning"
    second.hears(f"{TITLE} lần 5", "Khoảng 5 người", "14:00", "Ai nhận ở đâu")
    await second.presses("Duyệt, cho gửi")
    await editor.settled()
    editor.hears("đã được duyệt")
    await world.send()
    assert [told(one, f"{TITLE} lần 5") for one in members] == [0] * 6

    talk.pass_time(hours=4)
    await world.send()
    assert [told(one, f"{TITLE} lần 5") for one in (*members, left_out)] == [1] * 6 + [0]
    assert all(any(reply.files for reply in one.heard) for one in members)
    for one in members[:5]:
        await one.presses("Kéo co")
    members[4].hears("Kéo co", "Đến lúc này")
    await members[1].presses("Hỏi thêm")
    assert "03 ngày" in members[1].heard[-1].text or "3 ngày" in members[1].heard[-1].text
    await members[5].presses("Ngừng nhận tin")
    await members[5].presses("Ngừng mọi bản tin")

    await editor.presses_payload(encode(ListBulletins()))
    await editor.presses("Đã gửi (1)")
    await editor.presses(f"{TITLE} lần 5")
    await editor.presses("Tiến độ")
    editor.hears("đã gửi xong", "6 trên 6")
    await editor.presses("Kết quả")
    editor.hears("Định gửi: 6", "Đã tới: 6")
    await editor.presses("Trả lời")
    editor.hears("Kéo co: ít người")
    await editor.presses("Về kết quả")
    await editor.presses("Tin này sai")
    await editor.says("Hội thao ngày 12/12")
    await editor.says("Hội thao ngày 19/12")
    await editor.presses("Soạn đính chính")
    await editor.presses("Gửi duyệt")
    await second.presses("Mở bản tin")
    await second.presses("Xem để duyệt")
    await second.presses("Duyệt, cho gửi")
    newcomer = world.member()
    await world.send()
    correction = f"Đính chính: {TITLE} lần 5"
    assert [told(one, correction) for one in (*members, left_out, newcomer)] == [1] * 6 + [0, 0]
    await newcomer.says("menu")
    await newcomer.presses("Trang của tôi")
    assert len(newcomer.heard[-1].buttons) <= 8
    await newcomer.presses("Bản tin cũ")
    newcomer.hears(TITLE, "Đính chính")
    done = [one.what for one in talk.look(list_events, bulletin.id)]
    assert done.count("voided") == 1
    assert done[-2:] == ["released", "started"]


async def test_editor_sees_why_it_failed_and_sends_it_again(talk: Talk, world: BulletinWorld) -> None:
    """One had blocked the bot and is back; the one who has it does not get it twice."""
    if talk.edge.stored_is_sent:
        pytest.skip("what stands in the ledger is read there")
    editor = await officer(talk, "Lê Thị Soạn", world.tree.root, Role.BULLETIN_EDITOR)
    members = [world.member() for _ in range(2)]
    talk.edge.failures.append(PersonUnreachable("blocked"))
    number = world.release()
    await world.send()
    await editor.presses_payload(encode(ShowBulletin(number)))
    await editor.presses("Tiến độ")
    editor.hears("Không tới: dưới 5", "chặn bot")
    for member in members:
        await member.says("xin chào")
    await editor.presses("Gửi lại cho những người lỗi")
    editor.hears("Người đã nhận không nhận lần nữa")
    await editor.presses("Gửi lại")
    await world.send()
    assert [told(member, "Tin tuần") for member in members] == [1, 1]
    assert "sent_again" in [one.what for one in talk.look(list_events, number)]
