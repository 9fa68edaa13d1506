"""Past bulletins in chat: each sees those meant for people where they are, and finds them by words however typed."""

import pytest

from db.models import BulletinKind, Role, RunState
from handlers.actions import ReadBulletin, encode
from handlers.bulletins.content import Block, BlockKind
from tests.sent_bulletins import bulletin_of, person_at, send
from tests.small_tree import Tree
from tests.talk import Member, Talk


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(talk.database, talk.today.replace(year=2020))


def labels(member: Member) -> str:
    """The buttons last shown, and the text above them."""
    return member.heard[-1].text + "".join(button.label for button in member.heard[-1].buttons)


async def test_member_sees_bulletins_of_the_units_above_and_no_others(talk: Talk, tree: Tree) -> None:
    """Not those of a neighbour, of officers, or that were called off; the newest first."""
    lan = await person_at(talk, "Lan", tree.team)
    send(talk, tree.root, title="Của liên đoàn")
    talk.pass_time(hours=1)
    send(talk, tree.workplace, title="Của cơ sở mình")
    send(talk, tree.other_workplace, title="Của nơi khác")
    send(talk, tree.root, title="Cho cán bộ", audience={"units": [tree.root], "roles": [Role.OFFICER.value]})
    send(talk, tree.root, title="Việc giao", kind=BulletinKind.TASK)
    send(talk, tree.root, title="Cho nơi khác", audience={"units": [tree.other_workplace]})
    send(talk, tree.root, title="Đã rút", run_state=RunState.CANCELLED)
    await lan.says("bản tin cũ")
    lan.hears("Của liên đoàn", "Của cơ sở mình")
    assert labels(lan).index("Của cơ sở mình") < labels(lan).index("Của liên đoàn")
    for other in ("nơi khác", "cán bộ", "Việc giao", "Đã rút"):
        assert other not in labels(lan)


async def test_stranger_sees_public_ones_only(talk: Talk, tree: Tree) -> None:
    """Also with the code of another one in hand."""
    send(talk, tree.root, title="Công khai", is_public=True)
    inner = send(talk, tree.root, title="Nội bộ")
    guest = talk.member("Khách")
    await guest.says("/bantin")
    assert "Công khai" in labels(guest) and "Nội bộ" not in labels(guest)
    await guest.presses_payload(encode(ReadBulletin(bulletin_of(talk, inner).code)))
    guest.hears("đã thay đổi")


async def test_who_was_sent_one_may_read_it_wherever_they_are_now(talk: Talk, tree: Tree) -> None:
    """A member who moved still has the message in their chat."""
    lan = await person_at(talk, "Lan", tree.other_workplace)
    run_id = send(talk, tree.workplace, [lan], title="Của cơ sở cũ")
    await lan.presses_payload(encode(ReadBulletin(bulletin_of(talk, run_id).code)))
    lan.hears("Của cơ sở cũ", "Bản tin gửi ngày")


async def test_words_are_found_with_and_without_marks(talk: Talk, tree: Tree) -> None:
    """In title and text, in any order."""
    lan = await person_at(talk, "Lan", tree.workplace)
    send(talk, tree.workplace, title="Thưởng Tết", text="Lương tháng mười ba trả trước ngày 20.")
    send(talk, tree.workplace, title="Khám sức khỏe", text="Ngày mai khám ở xưởng hai.")
    for words in ("lương thưởng", "luong thuong", "TẾT"):
        await lan.says("bản tin cũ")
        await lan.presses("Tìm bản tin")
        await lan.says(words)
        assert "Thưởng Tết" in labels(lan) and "Khám" not in labels(lan)
    await lan.presses("Tìm bản tin")
    await lan.says("không có đâu")
    lan.hears("Không thấy bản tin nào")


async def test_long_archive_has_pages(talk: Talk, tree: Tree) -> None:
    """Five on a page, with the way on and back, never more than eight buttons."""
    lan = await person_at(talk, "Lan", tree.workplace)
    for number in range(12):
        talk.pass_time(minutes=1)
        send(talk, tree.workplace, title=f"Tin số {number:02}")
    await lan.says("bản tin")
    assert "Tin số 11" in labels(lan) and "Tin số 06" not in labels(lan)
    await lan.presses("Cũ hơn")
    assert "Tin số 06" in labels(lan) and len(lan.heard[-1].buttons) <= 8
    await lan.presses("Cũ hơn")
    assert "Tin số 00" in labels(lan) and "Tin số 11" not in labels(lan)
    await lan.presses("Mới hơn")
    assert "Tin số 06" in labels(lan)


async def test_corrected_bulletin_says_so_and_leads_to_its_correction(talk: Talk, tree: Tree) -> None:
    """And the correction says what it corrects; its links are there again, its questions are not."""
    lan = await person_at(talk, "Lan", tree.workplace)
    blocks = [
        Block(BlockKind.LINK, "Xem lịch", target="https://congdoan.example/lich"),
        Block(BlockKind.POLL, "Đi không?", choices=("Đi", "Không")),
    ]
    wrong = send(talk, tree.workplace, title="Hội thao 12/12", blocks=blocks)
    send(
        talk, tree.workplace, title="Đính chính: Hội thao 15/12", kind=BulletinKind.CORRECTION,
        corrects_id=bulletin_of(talk, wrong).id,
    )  # fmt: skip
    await lan.presses_payload(encode(ReadBulletin(bulletin_of(talk, wrong).code)))
    lan.hears("có chỗ sai", "Hội thao 15/12")
    shown = [button.label for button in lan.heard[-1].buttons]
    assert "Xem lịch" in shown and "Đi" not in shown
    await lan.presses("Đính chính")
    lan.hears("tin đính chính", "Hội thao 12/12")


async def test_correction_of_an_officers_task_is_as_little_in_the_archive_as_the_task(talk: Talk, tree: Tree) -> None:
    """Members would read what officers are told to do."""
    lan = await person_at(talk, "Lan", tree.workplace)
    task = bulletin_of(talk, send(talk, tree.workplace, title="Thu đoàn phí", kind=BulletinKind.TASK))
    wrong = send(talk, tree.workplace, title="Đính chính: Thu", kind=BulletinKind.CORRECTION, corrects_id=task.id)
    await lan.says("bản tin cũ")
    lan.hears("Chưa có bản tin nào")
    await lan.presses_payload(encode(ReadBulletin(bulletin_of(talk, wrong).code)))
    lan.hears("đã thay đổi")
