"""A bulletin goes out: once to everybody who should have it, held back, called off, put right and sent again."""

from collections import Counter
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bot.transports import PersonUnreachable, SendUncertain
from db.bulletin_runs import count_lines
from db.deliveries import read_message
from db.models import (
    Account,
    Bulletin,
    BulletinEvent,
    BulletinState,
    Delivery,
    DeliveryState,
    Person,
    Role,
    RunState,
    Shift,
)
from db.news_choices import choose_topic
from db.people import list_accounts
from handlers.bulletins.content import Content
from handlers.bulletins.progress import Progress, describe_progress, measure_progress
from handlers.bulletins.recurrences import Repeat
from handlers.bulletins.running import cancel, pause, resume, send_again_to_failed, start_due
from handlers.bulletins.timing import Timing
from handlers.errors import Outdated
from handlers.feature import VIETNAM
from tests.bulletin_world import BulletinWorld
from tests.handlers.test_officers import officer
from tests.small_tree import Tree
from tests.talk import Member, Talk

EDITOR = 1
"""The person who presses; that they may is the desk's to check."""


@pytest.fixture
def world(talk: Talk) -> BulletinWorld:
    """The small union by day: it is ten in the morning."""
    talk.moment = datetime.combine(talk.today, time(10), VIETNAM)
    return BulletinWorld(talk, Tree.plant(talk.database, talk.today - timedelta(days=400)))


def bulletins_of(member: Member) -> list[str]:
    """The titles that somebody got, in order."""
    return [reply.text.split("**")[1] for reply in member.heard if reply.text.startswith("**")]


def states_of(world: BulletinWorld, run_id: int) -> Counter[DeliveryState]:
    """How many lines stand in which state."""
    counted: Counter[DeliveryState] = Counter()
    for (state, _), count in world.talk.look(count_lines, run_id).items():
        counted[state] += count
    return counted


async def test_everybody_in_the_tree_gets_it_once(world: BulletinWorld) -> None:
    """Members of every unit below; not who has not agreed to news."""
    members = [world.member(), world.member(world.tree.team), world.member(world.tree.other_workplace)]
    silent = world.member(agrees=False)
    bulletin = world.release()
    await world.send()
    await world.send()
    assert [bulletins_of(one) for one in members] == [["Tin tuần"]] * 3
    assert bulletins_of(silent) == []
    assert world.runs(bulletin)[0].state is RunState.DONE
    assert world.bulletin(bulletin).state is BulletinState.ENDED


async def test_unit_sends_to_its_own_tree_only(world: BulletinWorld) -> None:
    """The other workplace hears nothing."""
    here, there = world.member(), world.member(world.tree.other_workplace)
    world.release(units=[world.tree.workplace])
    await world.send()
    assert (bulletins_of(here), bulletins_of(there)) == (["Tin tuần"], [])


async def test_topic_refused_is_not_sent(world: BulletinWorld) -> None:
    """Whoever refused a topic gets the others."""
    lan = world.member()
    with world.talk.database.begin() as session:
        person = session.query(Person).filter(Person.preferred_sender.is_(None)).first()
        assert person is not None
        choose_topic(session, person.id, "law", False)
    world.release()
    await world.send()
    assert bulletins_of(lan) == []


async def test_person_with_two_channels_gets_it_on_the_preferred_one(world: BulletinWorld) -> None:
    """Once, there; and on the other one when the first is blocked."""
    talk = world.talk
    lan, second = world.member(), world.member()
    with talk.database.begin() as session:
        one, other = session.query(Person).order_by(Person.id).limit(2)
        for account in _accounts(session, other.id):
            account.person_id, account.sender = one.id, "elsewhere:1"
        one.preferred_sender = "elsewhere:1"
    bulletin = world.release()
    world.tick([talk.edge.sender, "elsewhere:1"])
    run = world.runs(bulletin)[0]
    assert (run.reached, run.unreachable) == (1, 1)  # the other has no channel left
    assert [line.sender for line in talk.rows(Delivery)] == ["elsewhere:1"]
    with talk.database.begin() as session:
        _accounts(session, one.id)[-1].unreachable_since = talk.now()
        cancel(session, run.id, EDITOR, talk.now())
    world.release()
    world.tick([talk.edge.sender, "elsewhere:1"])
    await lan.settled()
    assert bulletins_of(lan) == ["Tin tuần"]
    assert bulletins_of(second) == []


def _accounts(session: Session, person_id: int) -> list[Account]:
    return sorted(list_accounts(session, person_id), key=lambda account: account.id)


async def test_bulletin_changed_past_the_desk_never_goes(world: BulletinWorld) -> None:
    """What was released is what is sent, or nothing; it is a draft again, on record."""
    lan = world.member()
    number = world.release()
    with world.talk.database.begin() as session:
        bulletin = session.get_one(Bulletin, number)
        bulletin.content = bulletin.content | {"text": "Nội dung khác."}
    await world.send()
    assert bulletins_of(lan) == []
    assert world.runs(number) == []
    assert world.bulletin(number).state is BulletinState.DRAFT
    assert "refused" in [event.what for event in world.talk.rows(BulletinEvent)]


async def test_too_late_is_passed_over_on_record(world: BulletinWorld) -> None:
    """After an outage of two days nobody gets the day before yesterday's news, and its editor hears so."""
    lan = world.member()
    editor = await officer(world.talk, "Lê Soạn", world.tree.root, Role.BULLETIN_EDITOR)
    number = world.release(timing=Timing(may_disturb=True, expires_hours=24))
    written_by(world, number, editor)
    world.talk.pass_time(hours=48)
    await world.send()
    assert (bulletins_of(lan), world.runs(number)) == ([], [])
    assert "missed" in [event.what for event in world.talk.rows(BulletinEvent)]
    assert world.bulletin(number).state is BulletinState.ENDED
    editor.hears("Bản tin chưa gửi", "Tin tuần")


async def test_missed_dates_are_not_told_where_the_newest_one_goes_out(world: BulletinWorld) -> None:
    """After three days without power the editor of a bulletin that comes every hour does not get seventy messages."""
    editor = await officer(world.talk, "Lê Soạn", world.tree.root, Role.BULLETIN_EDITOR)
    number = world.release(timing=Timing(Repeat.CRON, cron="0 * * * *", may_disturb=True, expires_hours=2))
    written_by(world, number, editor)
    world.talk.pass_time(days=3, minutes=70)
    for _ in range(80):
        world.tick()
    await editor.settled()
    assert not any("Bản tin chưa gửi" in reply.text for reply in editor.heard)
    assert len(world.runs(number)) == 1


def written_by(world: BulletinWorld, bulletin_id: int, editor: Member) -> None:
    """Somebody who can be told wrote it."""
    with world.talk.database.begin() as session:
        account = session.query(Account).filter(Account.address_hash == editor.lane).one()
        session.get_one(Bulletin, bulletin_id).created_by_id = account.person_id


async def test_recurring_goes_each_day_once(world: BulletinWorld) -> None:
    """However often the clock ticks; a day on which it stood still within the expiry is made up for once."""
    lan = world.member()
    number = world.release(timing=Timing(Repeat.DAILY, at=time(11), may_disturb=True, expires_hours=20))
    for hours in (2, 1, 23, 1, 24):
        world.talk.pass_time(hours=hours)
        await world.send()
        await world.send()
    assert bulletins_of(lan) == ["Tin tuần"] * 3
    assert [run.due_at.astimezone(VIETNAM).hour for run in world.runs(number)] == [11] * 3


async def test_fields_stand_for_this_sending(world: BulletinWorld) -> None:
    """Number and unit are filled in anew each time."""
    lan = world.member()
    world.release(Content("Tin số {so}", "Gửi từ {don_vi}."), Timing(Repeat.DAILY, at=time(11), may_disturb=True))
    for _ in range(2):
        world.talk.pass_time(hours=24)
        await world.send()
    assert bulletins_of(lan) == ["Tin số 1", "Tin số 2"]
    lan.hears("liên đoàn lao động tỉnh thử")


async def test_night_shift_is_let_sleep(world: BulletinWorld) -> None:
    """In the morning those of the day shift get it, in the afternoon those who worked at night."""
    by_day, by_night = world.member(), world.member(shift=Shift.NIGHT)
    world.release(timing=Timing())
    await world.send()
    assert (bulletins_of(by_day), bulletins_of(by_night)) == (["Tin tuần"], [])
    world.talk.pass_time(hours=4, minutes=5)
    await world.send()
    assert bulletins_of(by_night) == ["Tin tuần"]


async def test_nobody_is_woken(world: BulletinWorld) -> None:
    """What was not out by nine in the evening goes in the morning, to those of the night shift in the afternoon."""
    by_day, by_night = world.member(), world.member(shift=Shift.NIGHT)
    number = world.release(timing=Timing(expires_hours=48))
    world.tick()
    with world.talk.database.begin() as session:
        pause(session, world.runs(number)[0].id, EDITOR, world.talk.now())
    await by_day.settled()
    before = len(bulletins_of(by_day))
    world.talk.pass_time(hours=11, minutes=5)
    with world.talk.database.begin() as session:
        resume(session, world.runs(number)[0].id, EDITOR, world.talk.now())
    await world.send()
    assert len(bulletins_of(by_day)) == before
    world.talk.pass_time(hours=9)
    await world.send()
    assert (bulletins_of(by_day), bulletins_of(by_night)) == (["Tin tuần"], [])
    world.talk.pass_time(hours=8)
    await world.send()
    assert bulletins_of(by_night) == ["Tin tuần"]


async def test_paused_goes_on_where_it_stopped(world: BulletinWorld) -> None:
    """Nobody gets it while it is held back, and everybody once afterwards."""
    number = world.release(timing=Timing(once_at=world.talk.now() + timedelta(hours=1), may_disturb=True))
    members = [world.member() for _ in range(5)]
    world.talk.pass_time(hours=1)
    with world.talk.database.begin() as session:
        start_due(session, world.talk.now(), [world.talk.edge.sender])
    run = world.runs(number)[0]
    with world.talk.database.begin() as session:
        pause(session, run.id, EDITOR, world.talk.now())
    await world.send()
    assert [bulletins_of(one) for one in members] == [[]] * 5
    assert states_of(world, run.id) == {DeliveryState.PLANNED: 5}
    with world.talk.database.begin() as session:
        resume(session, run.id, EDITOR, world.talk.now())
    await world.send()
    assert [bulletins_of(one) for one in members] == [["Tin tuần"]] * 5


async def test_called_off_reaches_nobody_more(world: BulletinWorld) -> None:
    """At once and for good."""
    world.member()
    number = world.release(timing=Timing())
    night = world.member(shift=Shift.NIGHT)
    await world.send()
    run = world.runs(number)[0]
    with world.talk.database.begin() as session:
        cancel(session, run.id, EDITOR, world.talk.now())
    world.talk.pass_time(hours=6)
    await world.send()
    assert bulletins_of(night) == []
    assert states_of(world, run.id) == {DeliveryState.SENT: 1, DeliveryState.CANCELLED: 1}
    with pytest.raises(Outdated), world.talk.database.begin() as session:
        resume(session, run.id, EDITOR, world.talk.now())


async def test_failed_ones_are_sent_again_and_unknown_ones_never(world: BulletinWorld) -> None:
    """Blocked then and back now: once more. Of whom it is unknown: not by itself, and not by this."""
    members = [world.member() for _ in range(3)]
    if world.talk.edge.stored_is_sent:
        pytest.skip("what stands in the ledger is read there")
    world.talk.edge.failures += [PersonUnreachable("blocked"), SendUncertain()]
    number = world.release()
    await world.send()
    run = world.runs(number)[0]
    assert states_of(world, run.id) == {
        DeliveryState.FAILED: 1, DeliveryState.UNKNOWN: 1, DeliveryState.SENT: 1,
    }  # fmt: skip
    with world.talk.database.begin() as session:
        assert send_again_to_failed(session, run.id, EDITOR, world.talk.now()) == 0
    for member in members:
        await member.says("xin chào")
    with world.talk.database.begin() as session:
        assert send_again_to_failed(session, run.id, EDITOR, world.talk.now()) == 1
    await world.send()
    assert sorted(len(bulletins_of(member)) for member in members) == [0, 1, 1]
    assert states_of(world, run.id) == {DeliveryState.UNKNOWN: 1, DeliveryState.SENT: 2}
    assert world.runs(number)[0].state is RunState.DONE


async def test_correction_goes_to_those_who_got_what_it_corrects(world: BulletinWorld) -> None:
    """Also to whom it may have reached; not to who joined meanwhile; and the rest of the wrong one stays unsent."""
    got, late = world.member(), world.member(shift=Shift.NIGHT)
    number = world.release(timing=Timing())
    await world.send()
    newcomer = world.member()
    world.release(Content("Đính chính", "Khám bệnh ngày 5, không phải ngày 4."), corrects_id=number)
    await world.send()
    world.talk.pass_time(hours=6)
    await world.send()
    assert bulletins_of(got) == ["Tin tuần", "Đính chính"]
    assert bulletins_of(late) == []
    assert bulletins_of(newcomer) == []


async def test_progress_is_told_in_numbers_of_many(world: BulletinWorld) -> None:
    """How many of all; nothing about fewer than k people."""
    for _ in range(6):
        world.member()
    world.member(shift=Shift.NIGHT)
    number = world.release(timing=Timing())
    await world.send()
    run = world.runs(number)[0]
    with world.talk.database.read() as session:
        progress = measure_progress(session, run, world.talk.now())
    assert (progress.sent, progress.all, progress.ready) == (6, 7, 1)
    said = describe_progress(progress, 5)
    assert "trong khoảng 5 người" in said


@pytest.mark.parametrize(
    ("numbers", "told", "untold"),
    [
        ({"sent": 96, "all": 98, "failed": {"blocked": 2}}, "trong khoảng 95 người", "96"),
        ({"sent": 83, "all": 98, "failed": {"blocked": 3}, "waiting": 12}, "khoảng 80 trên 95 người (84 %)", "98"),
        ({"sent": 3, "all": 20, "failed": {"blocked": 17}}, "dưới 5 người", "20"),
        ({"sent": 98, "all": 98}, "Đã gửi 98 trên 98 người (100 %)", "khoảng"),
        ({"sent": 0, "all": 3, "ready": 3}, "0 trên dưới 5", "3 người"),
    ],
)
def test_few_whom_it_did_not_reach_cannot_be_worked_out(numbers: dict[str, Any], told: str, untold: str) -> None:
    """All less those who have it would be those who blocked the bot."""
    blank = dict.fromkeys(("ready", "waiting", "unknown", "expired", "stopped", "unreachable"), 0)
    said = describe_progress(Progress("Tin", RunState.DONE, **(blank | numbers)), 5)
    assert told in said
    assert untold not in said


def test_reasons_are_told_in_vietnamese_and_strange_ones_as_one() -> None:
    """What a platform's engineers wrote stays in the ledger."""
    failed = {"blocked": 9, "Bad Request: message thread not found": 4, "400 Bad": 3, "bug:TypeError": 6}
    blank = dict.fromkeys(("ready", "waiting", "unknown", "expired", "stopped", "unreachable"), 0)
    said = describe_progress(Progress("Tin", RunState.DONE, sent=78, all=100, failed=failed, **blank), 5)
    assert "chặn bot" in said and "lý do khác: 13" in said
    assert not any(word in said for word in ("Bad", "bug", "blocked"))


async def test_correction_waits_until_it_is_known_whom_the_wrong_one_reached(world: BulletinWorld) -> None:
    """A line that is just on its way at the release arrives a second later: its person gets the correction too. One
    that was cut off with its program may have arrived, and holds the correction up for minutes only."""
    talk, members = world.talk, [world.member() for _ in range(2)]
    wrong = world.release()
    await world.send()
    on_its_way(world, members, wrong)
    correction = world.release(Content("Đính chính", "Khám bệnh ngày 5."), corrects_id=wrong)
    world.tick()
    assert world.runs(correction) == []
    talk.pass_time(minutes=11)
    world.tick()
    assert world.runs(correction)[0].reached == 2


def on_its_way(world: BulletinWorld, members: list[Member], bulletin_id: int) -> None:
    """The last one's line was taken by a sender that is gone."""
    run = world.runs(bulletin_id)[0]
    with world.talk.database.begin() as session:
        lines = session.query(Delivery).filter(Delivery.run_id == run.id, Delivery.recipient == members[-1].lane)
        lines.one().state = DeliveryState.CLAIMED


async def test_database_away_when_a_bulletin_is_read_skips_nobody(
    world: BulletinWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its line is taken only together with its text, so a program that ends meanwhile leaves it to the next one."""
    member, failures = world.member(), [OperationalError("away", None, Exception())] * 2
    states: list[DeliveryState] = []

    def fail_twice(session: Session, run_id: int) -> Any:
        if failures:
            states.extend(world.talk.look(lambda other: other.scalars(select(Delivery.state).filter_by(run_id=run_id))))
            raise failures.pop()
        return read_message(session, run_id)

    monkeypatch.setattr("bot.delivery.read_message", fail_twice)
    bulletin = world.release()
    await world.send()
    assert failures == []
    assert states == [DeliveryState.PLANNED] * 2
    assert bulletins_of(member) == ["Tin tuần"]
    assert states_of(world, world.runs(bulletin)[0].id) == {DeliveryState.SENT: 1}
