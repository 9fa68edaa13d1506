"""A task for officers: who has not said that it is done is reminded every two days until it is due, and named."""

from datetime import datetime, time, timedelta

import pytest

from db.models import BulletinKind, BulletinRun, Delivery, DeliveryKind, Role
from handlers.actions import AnswerBulletin, ShowResults, encode
from handlers.bulletins.tasks import chase
from handlers.feature import VIETNAM
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
    run_id = send(talk, unit_id, officers, [TASK], title="Dán thông báo", kind=BulletinKind.TASK)
    with talk.database.begin() as session:
        session.get_one(BulletinRun, run_id).expires_at = talk.now() + timedelta(days=days)
    return run_id


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
