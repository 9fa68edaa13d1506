"""A task for officers: who has not said that it is done is reminded every two days until it is due, and named."""

from datetime import datetime, time, timedelta

import pytest

from db.models import Bulletin, BulletinKind, Delivery, DeliveryKind, Role
from handlers.actions import AnswerBulletin, ShowResults, WriteBulletin, encode
from handlers.bulletins.tasks import chase
from handlers.bulletins.timing import Timing
from handlers.feature import VIETNAM
from tests.bulletin_world import BulletinWorld
from tests.handlers.test_officers import officer
from tests.sent_bulletins import TASK, person_at, send
from tests.small_tree import Tree
from tests.talk import Member, Talk


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces, at ten in the morning."""
    talk.moment = datetime.combine(talk.today, time(10), VIETNAM)
    return Tree.plant(talk.database, talk.today.replace(year=2020))


def send_task(talk: Talk, unit_id: int, officers: list[Member], days: int = 5) -> int:
    """A task that is due after so many days."""
    timing = Timing(task_days=days).to_json()
    return send(talk, unit_id, officers, [TASK], title="Dán thông báo", kind=BulletinKind.TASK, timing=timing)


async def chase_now(talk: Talk) -> None:
    """The clock ticks, twice: it does."""
    for _ in range(2):
        more = True
        while more:
            with talk.database.begin() as session:
                more = chase(session, talk.now())
    talk.sender.wake()
    await talk.member("").settled()


def reminders(member: Member) -> int:
    """How often somebody was reminded."""
    return sum("Nhắc việc" in reply.text for reply in member.heard)


async def test_who_has_not_done_it_is_reminded_every_two_days_until_it_is_due(talk: Talk, tree: Tree) -> None:
    """ "Chưa" is reminded like silence; "đã làm" ends it; after the deadline nobody is."""
    done, not_yet, silent = [await person_at(talk, name, tree.workplace) for name in ("Xong", "Chưa", "Im")]
    run_id = send_task(talk, tree.workplace, [done, not_yet, silent])
    await done.presses_payload(encode(AnswerBulletin(run_id, 0, 0)))
    await not_yet.presses_payload(encode(AnswerBulletin(run_id, 0, 1)))
    await chase_now(talk)
    assert [reminders(one) for one in (done, not_yet, silent)] == [0, 0, 0]
    talk.pass_time(days=2)
    await chase_now(talk)
    assert [reminders(one) for one in (done, not_yet, silent)] == [0, 1, 1]
    await silent.presses("Đã làm")
    talk.pass_time(days=2)
    await chase_now(talk)
    assert [reminders(one) for one in (done, not_yet, silent)] == [0, 2, 1]
    talk.pass_time(days=2)
    await chase_now(talk)
    assert [reminders(one) for one in (done, not_yet, silent)] == [0, 2, 1]


async def test_nobody_is_reminded_at_night(talk: Talk, tree: Tree) -> None:
    """A reminder that falls due at eleven comes at six."""
    silent = await person_at(talk, "Im", tree.workplace)
    send_task(talk, tree.workplace, [silent])
    talk.pass_time(days=2, hours=13)
    await chase_now(talk)
    assert reminders(silent) == 0
    talk.pass_time(hours=7)
    await silent.settled()
    assert reminders(silent) == 1


async def test_many_officers_are_reminded_in_pieces_and_each_once(
    talk: Talk, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A piece is a transaction; the next one goes on where the last one ended."""
    monkeypatch.setattr("handlers.bulletins.tasks._AT_ONCE", 2)
    people = [await person_at(talk, f"Tổ trưởng {number}", tree.workplace) for number in range(5)]
    send_task(talk, tree.workplace, people)
    talk.pass_time(days=3)
    await chase_now(talk)
    assert [reminders(one) for one in people] == [1] * 5
    assert sum(row.kind is DeliveryKind.NOTICE for row in talk.rows(Delivery)) == 5


async def test_results_name_who_has_not_done_it(talk: Talk, tree: Tree) -> None:
    """It is their work: the one who gave it sees who has done it, and who is silent, by unit."""
    editor = await officer(talk, "Lê Giao", tree.upper, Role.BULLETIN_EDITOR)
    done, silent = [await person_at(talk, name, tree.workplace) for name in ("Tổ Xong", "Tổ Im")]
    run_id = send_task(talk, tree.upper, [done, silent])
    await done.presses_payload(encode(AnswerBulletin(run_id, 0, 0)))
    await editor.presses_payload(encode(ShowResults(run_id, "answers")))
    editor.hears("Đã làm 1", "chưa báo 1", "Tổ Im, Công đoàn phường Thử")
    assert "Tổ Xong" not in editor.heard[-1].text
    await editor.presses("Tệp Excel")
    assert editor.heard[-1].files


async def test_task_given_at_the_desk_says_by_when_and_is_chased_by_itself(talk: Talk, tree: Tree) -> None:
    """From the editor's words to the reminder: nobody sets anything but how many days there are."""
    editor = await officer(talk, "Lê Giao", tree.upper, Role.BULLETIN_EDITOR)
    second = await officer(talk, "Trần Duyệt", tree.upper, Role.APPROVER)
    steward = await officer(talk, "Phạm Tổ", tree.team, Role.TEAM_LEADER)
    await editor.presses_payload(encode(WriteBulletin()))
    await editor.presses("Việc giao cho cán bộ")
    await editor.presses("An toàn lao động")
    await editor.says("Dán thông báo")
    await editor.says("Dán thông báo ở cửa xưởng.")
    editor.hears("Hạn làm: 7 ngày")
    await editor.presses("Thời gian gửi")
    await editor.presses("Trễ, gửi rải, ban đêm")
    await editor.presses("Hạn làm bao lâu")
    await editor.presses("3 ngày")
    await editor.presses("Quay lại")
    await editor.presses("Lưu lúc gửi")
    editor.hears("Hạn làm: 3 ngày")
    await editor.presses("Gửi duyệt")
    await second.presses("Mở bản tin")
    await second.presses("Xem để duyệt")
    await second.presses("Duyệt, cho gửi")
    world = BulletinWorld(talk, tree)
    await world.send()
    steward.hears("Dán thông báo", f"Hạn: 17:00 {talk.today + timedelta(days=3):%d/%m/%Y}")
    talk.pass_time(days=2)
    await chase_now(talk)
    steward.hears("Nhắc việc: Dán thông báo", f"Hạn: 17:00 {talk.today + timedelta(days=1):%d/%m/%Y}")
    await steward.presses("Chưa làm")
    talk.pass_time(days=2)
    await chase_now(talk)
    assert reminders(steward) == 1
    await steward.presses("Đã làm")
    steward.hears("Đã ghi báo cáo")
    task = talk.rows(Bulletin)[-1]
    await editor.presses_payload(encode(ShowResults(world.runs(task.id)[0].id, "answers")))
    editor.hears("Đã làm 1")


async def test_task_for_tomorrow_is_reminded_once_half_way(talk: Talk, tree: Tree) -> None:
    """Two days would be too late."""
    silent = await person_at(talk, "Im", tree.workplace)
    send_task(talk, tree.workplace, [silent], days=1)
    talk.pass_time(hours=22)
    await chase_now(talk)
    talk.pass_time(hours=5)
    await chase_now(talk)
    assert reminders(silent) == 1
    talk.pass_time(hours=30)
    await chase_now(talk)
    assert reminders(silent) == 1
