"""A channel is lost for one person or for everybody: alerts and answers find another way, and the operator hears."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

import bot.__main__
from bot.channels import DOWN_AFTER, ChannelWatch
from bot.delivery import Sender
from bot.stuck import count_stuck, describe_stuck
from bot.transports import PersonUnreachable, SendUnavailable, WindowClosed
from bot.transports.operator_log import OperatorLog
from db.accounts import lane_of
from db.channels import list_health, note_health
from db.deliveries import MOVED, UNREACHABLE, Outgoing, add_deliveries, claim_due, release_waiting
from db.keys import Keys
from db.models import Account, Delivery, DeliveryKind, DeliveryState, InboxEvent, InboxState, Person, Role
from db.officers import add_grant
from db.people import add_person
from db.session import Database
from db.zalo_oa import Note, NoteKind, note_people
from handlers.chat import Channel, Reply
from handlers.feature import VIETNAM
from handlers.notify import WITHOUT_DESK, tell_account, tell_person
from handlers.rerouting import PATIENCE, allow_rerouting, move_stranded, stop_rerouting
from tests.small_tree import Tree
from tests.talk import Edge

ZALO, DESK, MEMBERS, OA, PAGE = "zalo_bot:1", "telegram_desk:2", "telegram:3", "zalo_oa:4", "web"
ALERT, ANSWER, NOTICE = DeliveryKind.CASE_ALERT, DeliveryKind.CASE_REPLY, DeliveryKind.NOTICE
NOON = datetime(2026, 11, 20, 12, tzinfo=VIETNAM).astimezone(UTC)


class Platform(Edge):
    """A platform that fails everybody, or some, for as long as a test wants."""

    def __init__(self, sender: str) -> None:
        super().__init__()
        self.sender = sender
        self.channel = Channel(sender.split(":")[0])
        self.fails: Exception | None = None
        self.fails_for: dict[str, Exception] = {}

    async def send(self, address: str, reply: Any) -> str | None:
        failure = self.fails or self.fails_for.get(address)
        if failure is not None:
            raise failure
        return await super().send(address, reply)

    @property
    def words(self) -> list[str]:
        """Everything that was sent here."""
        return [reply.text for _, reply in self.sent]


class Channels:
    """A process that drives some accounts and watches them."""

    def __init__(self, database: Database, *names: str) -> None:
        self.database = database
        self.moment = NOON
        self.platforms = {name: Platform(name) for name in names}
        self.senders = {name: Sender(one, database, self.now) for name, one in self.platforms.items()}
        self.told: list[str] = []
        self.watch = self.new_watch()
        self.tree = Tree.plant(database, self.moment.date() - timedelta(days=400))

    def new_watch(self) -> ChannelWatch:
        """As after a restart."""
        watch = ChannelWatch(self.database, self.alert, self.now)
        for name, sender in self.senders.items():
            watch.add(self.platforms[name], sender)
        return watch

    def now(self) -> datetime:
        return self.moment

    def alert(self, session: Session, subject: str, text: str) -> None:
        """To the operator, by the desk bot."""
        lane = lane_of(self.database.keys, DESK, "operator")
        expires_at = self.moment + timedelta(days=7)
        body = Reply(text).to_json()
        message = Outgoing(DeliveryKind.OPERATOR_ALERT, subject, lane, DESK, "operator", body, expires_at)
        add_deliveries(session, [message], self.moment)

    def person(self, name: str, *senders: str, role: Role | None = None) -> int:
        """Somebody with an account on each of these channels, the first used last; with a role an officer."""
        with self.database.begin() as session:
            person = add_person(session, {"full_name": name}, self.moment)
            if role is not None:
                add_grant(session, person, self.tree.upper, role, self.moment.date(), self.moment)
            for number, sender in enumerate(senders):
                seen = self.moment - timedelta(hours=number)
                session.add(
                    Account(
                        person_id=person.id, sender=sender, address=name, first_seen_at=seen, last_seen_at=seen,
                        address_hash=lane_of(self.database.keys, sender, name),
                    )
                )  # fmt: skip
            return person.id

    def account(self, person_id: int, sender: str) -> Account:
        with self.database.read() as session:
            return session.query(Account).filter_by(person_id=person_id, sender=sender).one()

    def agrees(self, person_id: int, sender: str, yes: bool = True) -> None:
        """The member says that messages may go on another channel of theirs, or no longer."""
        with self.database.begin() as session:
            account = session.query(Account).filter_by(person_id=person_id, sender=sender).one()
            (allow_rerouting if yes else stop_rerouting)(session, account, self.moment)

    def alerts(self, person_id: int, words: str) -> bool:
        """An officer is told of a case."""
        with self.database.begin() as session:
            subject = f"case:{words}"
            return tell_person(
                session, person_id, Reply(words), subject, self.moment, ALERT, is_urgent=True, without=WITHOUT_DESK
            )

    def answers(self, person_id: int, sender: str, words: str, kind: DeliveryKind = ANSWER) -> None:
        """A worker is told something on the channel where they asked."""
        with self.database.begin() as session:
            account = session.query(Account).filter_by(person_id=person_id, sender=sender).one()
            tell_account(session, account, Reply(words), f"case:{words}", self.moment, kind, is_urgent=True)

    async def settled(self) -> None:
        """Wait until nothing can be sent now."""
        for sender in self.senders.values():
            sender.wake()
        deadline = time.monotonic() + 60
        while any(self._is_open(row) for row in self.lines()):
            assert time.monotonic() < deadline, [(row.sender, row.state, row.reason) for row in self.lines()]
            await asyncio.sleep(0.01)

    def _is_open(self, row: Delivery) -> bool:
        is_due = row.state is DeliveryState.DUE and row.not_before_at <= self.moment
        return row.sender in self.senders and (is_due or row.state is DeliveryState.CLAIMED)

    async def pass_time(self, **amount: float) -> None:
        """Time passes, looked at every minute as it does."""
        left = timedelta(**amount)
        while left > timedelta(0):
            step = min(left, timedelta(minutes=1))
            self.moment += step
            left -= step
            await self.settled()
            await self.watch.look()
        await self.settled()

    def lines(self) -> list[Delivery]:
        with self.database.read() as session:
            return list(session.query(Delivery).order_by(Delivery.id))

    def line(self, sender: str) -> tuple[DeliveryState, str | None]:
        """How the newest line on an account stands."""
        row = [row for row in self.lines() if row.sender == sender][-1]
        return row.state, row.reason


@asynccontextmanager
async def driving(database: Database, *names: str) -> AsyncIterator[Channels]:
    """Run the senders of these accounts."""
    channels = Channels(database, *names)
    tasks = [asyncio.create_task(sender.run()) for sender in channels.senders.values()]
    while not all(sender.is_driving for sender in channels.senders.values()):  # noqa: ASYNC110  # set by the sender's task
        await asyncio.sleep(0.01)
    await channels.watch.look()
    try:
        yield channels
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def channels(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Channels]:
    """All channels of a union."""
    monkeypatch.setattr("bot.delivery._FIRST_RETRY_SECONDS", 0.01)
    monkeypatch.setattr("bot.delivery._LONGEST_RETRY_SECONDS", 0.01)
    monkeypatch.setattr("bot.delivery._LONGEST_ALERT_RETRY_SECONDS", 0.01)
    async with driving(database, ZALO, DESK, MEMBERS, OA, PAGE) as running:
        yield running


SENT = (DeliveryState.SENT, None)
GONE = (DeliveryState.FAILED, MOVED)
WAITS_FOR_THEM = (DeliveryState.DUE, UNREACHABLE)


# One person


async def test_alert_to_an_officer_who_blocked_the_bot_goes_on_their_next_channel_once(channels: Channels) -> None:
    """Without asking anybody: that is what they were given the role for. The next look, 20 seconds later, moves it."""
    binh = channels.person("Bình", ZALO, DESK, role=Role.OFFICER)
    channels.platforms[ZALO].fails_for["Bình"] = PersonUnreachable("blocked")
    assert channels.alerts(binh, "Vụ AB12")
    await channels.settled()
    assert channels.line(ZALO) == WAITS_FOR_THEM
    await channels.pass_time(seconds=20)
    assert channels.platforms[DESK].words == ["Vụ AB12"]
    assert (channels.line(ZALO), channels.line(DESK)) == (GONE, SENT)
    await channels.pass_time(minutes=10)
    assert channels.platforms[DESK].words == ["Vụ AB12"]


async def test_next_alert_goes_straight_to_the_channel_that_works(channels: Channels) -> None:
    """A blocked account is not tried again."""
    binh = channels.person("Bình", ZALO, DESK, role=Role.OFFICER)
    channels.platforms[ZALO].fails_for["Bình"] = PersonUnreachable("blocked")
    for words in ("Vụ một", "Vụ hai"):
        channels.alerts(binh, words)
        await channels.pass_time(seconds=20)
    assert channels.platforms[DESK].words == ["Vụ một", "Vụ hai"]
    assert len([row for row in channels.lines() if row.sender == ZALO]) == 1


async def test_alert_goes_to_no_channel_without_a_desk_or_where_they_never_signed_in(channels: Channels) -> None:
    """The members' bot cannot act on a case, and a linked account has no role: the alert waits and is listed."""
    binh = channels.person("Bình", ZALO, MEMBERS, OA, role=Role.OFFICER)
    with channels.database.begin() as session:
        session.query(Account).filter_by(sender=OA).one().needs_sign_in = True
    channels.platforms[ZALO].fails_for["Bình"] = PersonUnreachable("blocked")
    channels.alerts(binh, "Vụ AB12")
    await channels.pass_time(minutes=15)
    assert channels.line(ZALO) == WAITS_FOR_THEM
    assert channels.platforms[MEMBERS].sent == channels.platforms[OA].sent == []
    with channels.database.read() as session:
        assert [group["reason"] for group in count_stuck(session, channels.moment)] == [UNREACHABLE]


async def test_alert_of_somebody_whose_role_ended_stays_where_it_is(channels: Channels) -> None:
    """Nobody is told more than their role allows."""
    binh = channels.person("Bình", ZALO, DESK)
    channels.platforms[ZALO].fails_for["Bình"] = PersonUnreachable("blocked")
    channels.alerts(binh, "Vụ AB12")
    await channels.pass_time(minutes=5)
    assert channels.platforms[DESK].sent == []


@pytest.mark.parametrize("kind", [ANSWER, NOTICE])
async def test_member_s_message_moves_only_with_their_consent(channels: Channels, kind: DeliveryKind) -> None:
    """Without it the message waits until they come back; given later it moves; taken back it moves no more."""
    lan = channels.person("Lan", ZALO, MEMBERS)
    channels.platforms[ZALO].fails_for["Lan"] = PersonUnreachable("blocked")
    channels.answers(lan, ZALO, "Đã có trả lời", kind)
    await channels.pass_time(minutes=3)
    assert channels.line(ZALO) == WAITS_FOR_THEM
    channels.agrees(lan, ZALO)
    await channels.pass_time(minutes=2)
    assert channels.platforms[MEMBERS].words == ["Đã có trả lời"]
    channels.agrees(lan, MEMBERS, yes=False)
    channels.answers(lan, ZALO, "Thêm một tin", kind)
    await channels.pass_time(minutes=3)
    assert channels.platforms[MEMBERS].words == ["Đã có trả lời"]


async def test_member_with_one_channel_gets_the_message_when_they_come_back(channels: Channels) -> None:
    """Blocked, and unblocked a week later: what was said meanwhile is not lost."""
    lan = channels.person("Lan", ZALO)
    channels.platforms[ZALO].fails_for["Lan"] = PersonUnreachable("blocked")
    channels.answers(lan, ZALO, "Đã có trả lời")
    await channels.pass_time(minutes=2)
    channels.moment += timedelta(days=7)
    channels.platforms[ZALO].fails_for.clear()
    with channels.database.begin() as session:
        release_waiting(session, channels.account(lan, ZALO).address_hash, channels.moment)
    await channels.settled()
    assert channels.platforms[ZALO].words == ["Đã có trả lời"]


async def test_closed_window_moves_the_message_and_the_page_only_gets_what_cannot_be_said_elsewhere(
    channels: Channels,
) -> None:
    """To another messenger with consent; nobody looks at the page unasked, so rather it waits for their word."""
    lan = channels.person("Lan", OA, PAGE, ZALO)
    hoa = channels.person("Hoa", OA, PAGE)
    for person in (lan, hoa):
        channels.agrees(person, OA)
    channels.platforms[OA].fails = WindowClosed()
    for person in (lan, hoa):
        channels.answers(person, OA, f"Tin cho số {person}")
    await channels.pass_time(minutes=2)
    assert channels.platforms[ZALO].words == [f"Tin cho số {lan}"]
    assert channels.platforms[PAGE].sent == []
    assert channels.line(OA) == (DeliveryState.DUE, "window")
    channels.platforms[OA].fails = None
    channels.platforms[OA].fails_for["Hoa"] = PersonUnreachable("blocked")
    with channels.database.begin() as session:
        release_waiting(session, channels.account(hoa, OA).address_hash, channels.moment)
    await channels.pass_time(minutes=2)
    assert channels.platforms[PAGE].words == [f"Tin cho số {hoa}"]


async def test_message_does_not_move_to_an_account_whose_window_is_closed(channels: Channels) -> None:
    """By our own clock: it would only wait there instead."""
    binh = channels.person("Bình", ZALO, OA, DESK, role=Role.OFFICER)
    lane = channels.account(binh, OA).address_hash
    with channels.database.begin() as session:
        note_people(session, [Note(OA, lane, "Bình", NoteKind.INTERACTED, channels.moment - timedelta(days=8))])
    channels.platforms[ZALO].fails_for["Bình"] = PersonUnreachable("blocked")
    channels.alerts(binh, "Vụ AB12")
    await channels.pass_time(seconds=20)
    assert (channels.platforms[OA].words, channels.platforms[DESK].words) == ([], ["Vụ AB12"])


async def test_at_night_an_alert_moves_and_a_member_s_message_waits_for_the_morning(channels: Channels) -> None:
    """What Zalo holds back until six o'clock."""
    channels.moment = datetime(2026, 11, 20, 23, tzinfo=VIETNAM).astimezone(UTC)
    binh = channels.person("Bình", OA, DESK, role=Role.OFFICER)
    lan = channels.person("Lan", OA, MEMBERS)
    channels.agrees(lan, OA)
    channels.platforms[OA].fails = WindowClosed("night", channels.moment + timedelta(hours=7))
    channels.alerts(binh, "Vụ AB12")
    channels.answers(lan, OA, "Đã có trả lời")
    await channels.pass_time(minutes=2)
    assert (channels.platforms[DESK].words, channels.platforms[MEMBERS].words) == (["Vụ AB12"], [])


async def test_phone_that_others_use_gets_nothing_that_was_not_written_for_it(channels: Channels) -> None:
    """A member said that others use that phone: messages from another channel stay off it."""
    lan = channels.person("Lan", ZALO, MEMBERS)
    channels.agrees(lan, ZALO)
    with channels.database.begin() as session:
        session.query(Account).filter_by(sender=MEMBERS).one().is_shared = True
    channels.platforms[ZALO].fails_for["Lan"] = PersonUnreachable("blocked")
    channels.answers(lan, ZALO, "Đã có trả lời")
    await channels.pass_time(minutes=2)
    assert channels.platforms[MEMBERS].sent == []


# A channel is lost for everybody


async def test_lost_channel_is_left_by_alerts_after_two_minutes_and_by_members_after_thirty(
    channels: Channels,
) -> None:
    """An accident cannot wait; a member's message may, since most outages end."""
    binh = channels.person("Bình", ZALO, DESK, role=Role.OFFICER)
    lan = channels.person("Lan", ZALO, MEMBERS)
    channels.agrees(lan, ZALO)
    channels.platforms[ZALO].fails = SendUnavailable()
    channels.alerts(binh, "Vụ AB12")
    channels.answers(lan, ZALO, "Đã có trả lời")
    await channels.pass_time(minutes=1)
    assert channels.platforms[DESK].words == []
    await channels.pass_time(minutes=2)
    assert "Vụ AB12" in channels.platforms[DESK].words
    await channels.pass_time(minutes=25)
    assert channels.platforms[MEMBERS].words == []
    await channels.pass_time(minutes=5)
    assert channels.platforms[MEMBERS].words == ["Đã có trả lời"]
    channels.platforms[ZALO].fails = None
    await channels.pass_time(minutes=5)
    assert channels.platforms[ZALO].words == []


async def test_operator_hears_once_of_an_outage_and_once_of_its_end(channels: Channels) -> None:
    """After five minutes; a restart in between is no new outage. `/readyz` says since when."""
    channels.platforms[ZALO].is_connected = False
    await channels.pass_time(minutes=4)
    assert channels.platforms[DESK].words == []
    await channels.pass_time(minutes=10)
    (lost,) = channels.platforms[DESK].words
    assert ZALO in lost and "12:00 20/11/2026" in lost
    with channels.database.read() as session:
        assert channels.watch.describe(session) == {ZALO: "2026-11-20T05:00:00+00:00"}
    channels.watch = channels.new_watch()
    await channels.pass_time(minutes=20)
    assert channels.platforms[DESK].words == [lost]
    channels.platforms[ZALO].is_connected = True
    await channels.pass_time(minutes=10)
    assert len(channels.platforms[DESK].words) == 2 and "gửi lại được" in channels.platforms[DESK].words[1]
    with channels.database.read() as session:
        assert channels.watch.describe(session) == {}
    channels.platforms[ZALO].is_connected = False
    await channels.pass_time(minutes=6)
    assert len(channels.platforms[DESK].words) == 3


@pytest.mark.parametrize("is_new", [True, False], ids=["stopped", "asleep"])
async def test_program_that_was_off_for_a_day_takes_no_channel_for_lost(channels: Channels, is_new: bool) -> None:
    """Nobody was there who could have noted that all was well: it was stopped, or slept with its machine. Another
    process of the same machine has not noted anything yet either."""
    with channels.database.begin() as session:
        note_health(session, "telegram:of-another-process", is_good=True, now=channels.moment)
    channels.moment += timedelta(days=1)
    if is_new:
        channels.watch = channels.new_watch()
    await channels.pass_time(minutes=2)
    assert channels.lines() == []


async def test_alert_that_the_operator_cannot_get_stands_in_the_log(channels: Channels) -> None:
    """Their own channel is the lost one: the log of the machine says so, and the chat does later."""
    channels.platforms[DESK].fails = SendUnavailable()
    channels.platforms[DESK].is_connected = False
    await channels.pass_time(minutes=7)
    copies = [row for row in channels.lines() if row.sender == OperatorLog.sender]
    assert [row.kind for row in copies] == [DeliveryKind.OPERATOR_ALERT]
    assert DESK in copies[0].body["text"]
    channels.platforms[DESK].fails, channels.platforms[DESK].is_connected = None, True
    await channels.pass_time(minutes=2)
    assert len(channels.platforms[DESK].words) == 2


async def test_alert_to_an_operator_who_blocked_the_bot_stands_in_the_log(channels: Channels) -> None:
    """There is nobody else to tell, and nowhere else."""
    channels.platforms[DESK].fails_for["operator"] = PersonUnreachable("blocked")
    with channels.database.begin() as session:
        channels.alert(session, "event:1", "Một tin nhắn bị gác lại")
    await channels.pass_time(minutes=2)
    copies = [row.body["text"] for row in channels.lines() if row.sender == OperatorLog.sender]
    assert copies == ["Một tin nhắn bị gác lại"]
    with channels.database.read() as session:
        assert any("nền tảng không nhận (blocked)" in line for line in describe_stuck(session, channels.moment))


async def test_channel_that_was_taken_out_of_the_settings_keeps_no_alert(database: Database) -> None:
    """An operator removes a blocked messenger: what waited there, and what was just being sent, goes elsewhere."""
    async with driving(database, DESK) as channels:
        binh = channels.person("Bình", ZALO, DESK, role=Role.OFFICER)
        for words in ("Đang gửi dở", "Đang chờ"):
            channels.alerts(binh, words)
        with database.begin() as session:
            note_health(session, ZALO, is_good=True, now=channels.moment - timedelta(days=1))
            assert len(claim_due(session, ZALO, channels.moment, 1)) == 1
        await channels.pass_time(minutes=8)
        assert sorted(channels.platforms[DESK].words) == ["Đang chờ", "Đang gửi dở"]
        assert {row.reason for row in channels.lines() if row.sender == ZALO} == {MOVED}


async def test_what_an_outage_put_off_goes_at_once_when_the_platform_answers(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for the end of a pause that was meant for an outage."""
    monkeypatch.setattr("bot.delivery._FIRST_RETRY_SECONDS", 3600.0)
    monkeypatch.setattr("bot.delivery._LONGEST_RETRY_SECONDS", 3600.0)
    people = [channels.person(f"Lan {number}", ZALO) for number in range(5)]
    channels.platforms[ZALO].fails = SendUnavailable()
    for person in people:
        channels.answers(person, ZALO, f"Tin {person}")
    await channels.settled()
    channels.moment += timedelta(minutes=1)
    channels.platforms[ZALO].fails = None
    another = channels.person("Hoa", ZALO)
    channels.answers(another, ZALO, "Tin mới")
    await channels.settled()
    assert len(channels.platforms[ZALO].words) == 6


async def test_two_lost_channels_do_not_throw_a_message_to_and_fro(channels: Channels) -> None:
    """It may come back to the first, but not within the hour, and is said once in the end."""
    binh = channels.person("Bình", ZALO, DESK, role=Role.OFFICER)
    channels.platforms[ZALO].fails_for["Bình"] = WindowClosed("quota", NOON + timedelta(days=30))
    channels.platforms[DESK].fails_for["Bình"] = WindowClosed("quota", NOON + timedelta(days=30))
    channels.alerts(binh, "Vụ AB12")
    await channels.pass_time(minutes=50)
    assert [(row.sender, row.attempts) for row in channels.lines()] == [(ZALO, 1), (DESK, 1)]
    channels.platforms[ZALO].fails_for.clear()
    await channels.pass_time(minutes=30)
    assert channels.platforms[ZALO].words == ["Vụ AB12"]
    assert (channels.line(ZALO), channels.line(DESK)) == (SENT, GONE)


# Two at once


def test_two_processes_move_each_message_exactly_once(database: Database, keys: Keys) -> None:
    """Both look at the same moment, while a third takes messages for sending: each message has one line that is open
    or on its way, never two and never none."""
    channels = Channels(database)
    count = 120
    with database.begin() as session:
        for number in range(count):
            person = add_person(session, {"full_name": f"Cán bộ {number}"}, NOON)
            add_grant(session, person, channels.tree.upper, Role.OFFICER, NOON.date(), NOON)
            for sender in (ZALO, DESK, OA):
                lane = lane_of(keys, sender, f"{number}")
                session.add(
                    Account(
                        person_id=person.id, sender=sender, address=f"{number}", address_hash=lane,
                        first_seen_at=NOON, last_seen_at=NOON,
                    )
                )  # fmt: skip
            lane = lane_of(keys, ZALO, f"{number}")
            body = Reply(f"Vụ {number}").to_json()
            message = Outgoing(ALERT, f"case:{number}", lane, ZALO, f"{number}", body, NOON + timedelta(days=1))
            add_deliveries(session, [message], NOON)
    start = threading.Barrier(3)
    errors: list[Exception] = []

    def look(work: Callable[[Session], object]) -> None:
        other = Database(database.url.render_as_string(hide_password=False), keys)
        try:
            start.wait()
            for _ in range(12):
                with other.begin() as session:
                    work(session)
        except Exception as error:  # noqa: BLE001  # told below, on the test's own thread
            errors.append(error)
        finally:
            other.close()

    def move(session: Session) -> None:
        move_stranded(session, ALERT, [ZALO], 0, NOON, NOON.date())

    def claim(session: Session) -> None:
        claim_due(session, ZALO, NOON, 5)

    threads = [threading.Thread(target=look, args=(work,)) for work in (move, move, claim)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with database.begin() as session:
        move(session)
    lines = channels.lines()
    for number in range(count):
        mine = [row for row in lines if row.subject == f"case:{number}"]
        assert [row.reason for row in mine].count(None) == 1, number
        assert all(row.state is DeliveryState.FAILED for row in mine if row.reason == MOVED)
    moved = sum(row.reason == MOVED for row in lines)
    assert moved >= count - 60 and len(lines) == count + moved


def test_looking_for_stranded_messages_stays_cheap(database: Database, keys: Keys) -> None:
    """Twenty thousand messages wait, hundreds of them for people with several channels who agreed to nothing: a look at
    all of them takes no time worth a word."""
    count = 20_000
    with database.begin() as session:
        person = add_person(session, {"full_name": "Lan"}, NOON)
        session.flush()
        rows = [
            {
                "person_id": person.id if number < 500 else None, "sender": ZALO, "address": "x",
                "address_hash": f"{number:032}", "first_seen_at": NOON, "last_seen_at": NOON,
            }
            for number in range(count)
        ]  # fmt: skip
        session.bulk_insert_mappings(Account, rows)  # type: ignore[arg-type]
        lines = [
            Outgoing(
                NOTICE, f"n:{number}", f"{number:032}", ZALO, "x", {"text": "a", "buttons": []}, NOON + timedelta(9)
            )
            for number in range(count)
        ]
        add_deliveries(session, lines, NOON)
        session.query(Delivery).update({"reason": "window", "not_before_at": NOON + timedelta(days=3650)})
    with database.begin() as session:
        began = time.perf_counter()
        assert move_stranded(session, NOTICE, [], 0, NOON, NOON.date()) is None
        took = time.perf_counter() - began
    print(f"\n{count} waiting messages looked at in {took * 1000:.0f} ms")  # noqa: T201  # the figure
    assert took < 2.0
    with database.read() as session:
        assert session.query(Delivery.id).count() == count


# What is stuck


async def test_operator_sees_what_is_stuck_and_why_and_nothing_of_whose_it_is(channels: Channels) -> None:
    """By account, kind and reason, with the oldest first: a screen of numbers."""
    lan = channels.person("Lan-bí-mật", OA)
    minh = channels.person("Minh", ZALO)
    channels.platforms[OA].fails = WindowClosed()
    channels.platforms[ZALO].is_connected = False
    channels.platforms[ZALO].fails = SendUnavailable()
    channels.answers(lan, OA, "điều riêng tư")
    channels.answers(minh, ZALO, "Tin")
    with channels.database.begin() as session:
        session.add(
            InboxEvent(
                sender=ZALO, platform_id="p1", lane="l", received_at=channels.moment, state=InboxState.SET_ASIDE,
                attempts=5, next_try_at=channels.moment, error_code="K7M2", finished_at=channels.moment,
            )
        )  # fmt: skip
    with channels.database.read() as session:
        assert not any("tin" in line for line in describe_stuck(session, channels.moment)[:1] if "chưa đi" in line)
    await channels.pass_time(minutes=75)
    with channels.database.read() as session:
        said = "\n".join(describe_stuck(session, channels.moment))
        counted = count_stuck(session, channels.moment)
    assert f"Kênh {ZALO} không gửi được cho ai từ 12:00 20/11/2026" in said
    assert f"- {OA}, tin vụ việc cho người lao động: 1 tin, chờ người nhận nhắn tới" in said
    assert "1 giờ 15 phút" in said and "không nối được tới nền tảng" in said
    assert "đã bỏ sau 5 lần thử, mã lỗi K7M2" in said
    assert not any(hidden in said for hidden in ("riêng tư", "Lan", "bí-mật", channels.account(lan, OA).address_hash))
    assert {(one["sender"], one["reason"], one["count"]) for one in counted} == {
        (OA, "window", 1), (ZALO, "unavailable", 1),
    }  # fmt: skip
    assert {one["oldest_minutes"] for one in counted} == {75}


def test_nothing_is_stuck_and_the_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0; with something stuck 1, for whoever watches by a script."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'own.db'}")
    monkeypatch.setenv("KEY_FILE", str(tmp_path / "own.key"))
    monkeypatch.chdir(tmp_path)
    assert bot.__main__.main(["stuck"]) == 0
    assert capsys.readouterr().out == "Không có tin nào bị kẹt.\n"
    from bot.app import open_database, open_keys
    from bot.settings import read_settings

    settings = read_settings()
    database = open_database(settings, open_keys(settings)[0])
    now = datetime.now(UTC)
    with database.begin() as session:
        old = now - timedelta(days=2, hours=3)
        late = Outgoing(ALERT, "case:1", "r", ZALO, "x", {"text": "a", "buttons": []}, now + timedelta(days=1))
        add_deliveries(session, [late], old)
    database.close()
    assert bot.__main__.main(["stuck"]) == 1
    said = capsys.readouterr().out
    assert "chưa thử gửi lần nào" in said and "2 ngày 3 giờ" in said


def test_health_is_kept_in_the_database_for_every_process(database: Database) -> None:
    """Written by whoever drives the account; the last good moment stays while it is not well."""
    with database.begin() as session:
        assert note_health(session, ZALO, is_good=False, now=NOON) is None
        note_health(session, ZALO, is_good=True, now=NOON + timedelta(minutes=1))
        note_health(session, ZALO, is_good=False, now=NOON + timedelta(minutes=9))
        note_health(session, DESK, is_good=False, now=NOON)
    with database.read() as session:
        health = list_health(session)
        assert session.query(Person).count() == 0
    assert (health[ZALO].driven_at, health[ZALO].good_at) == (NOON + timedelta(minutes=9), NOON + timedelta(minutes=1))
    assert health[DESK].good_at is None
    assert timedelta(minutes=2) == min(PATIENCE.values()) < DOWN_AFTER
