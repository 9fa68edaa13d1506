"""What is taken in is never lost, never handled twice, never handled beside another event of the same person."""

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DataError, OperationalError

import bot.inbox
from bot.inbox import Pace
from bot.transports import StorageUnavailable
from db.accounts import lane_of
from db.inbox import MAX_ATTEMPTS, MAX_STOPS, Arrival, add_events
from db.models import Delivery, DeliveryKind, DeliveryState, Feedback, InboxEvent, InboxState
from db.session import Database
from handlers.chat import Incoming, Reply
from handlers.errors import Outdated
from handlers.feature import Context
from knowledge.answer import Answerer
from tests.talk import HOTLINE, Edge, Talk


@pytest.fixture
def replace_handler(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a handler of the test where dispatch stands: the inbox must survive whatever it does."""
    return lambda handler: monkeypatch.setattr(bot.inbox, "handle", handler)


async def test_redelivered_event_repeats_no_effect_and_loses_no_reply(talk: Talk, answerer: Answerer) -> None:
    """A platform that repeats itself changes nothing."""
    lan = talk.member("Lan")
    entry = next(
        e for topic, _ in answerer.topics(talk.now().date()) for e in answerer.entries_of(topic, talk.now().date())
    )
    await lan.says(answerer.question_of(entry))
    label = lan.button("Có ích").label
    await lan.presses(label, event_id="same")
    heard = len(lan.heard)
    for _ in range(3):
        await lan.presses(label, event_id="same")
    assert len(talk.rows(Feedback)) == 1
    assert len(lan.heard) == heard


async def test_event_is_stored_before_receive_returns(talk: Talk) -> None:
    """What a platform is told was taken is on disk."""
    await talk.inbox.receive(talk.edge, {"who": "a", "id": "1", "kind": "text", "text": "menu"})
    assert len(talk.rows(InboxEvent)) == 1


async def test_update_that_is_nothing_for_us_is_passed_over(talk: Talk) -> None:
    """Noise is acknowledged and not kept."""
    await talk.inbox.receive(talk.edge, {"kind": "noise"})
    assert talk.rows(InboxEvent) == []


async def test_events_of_one_person_are_never_handled_at_once(
    talk: Talk, answerer: Answerer, replace_handler: Any
) -> None:
    """Two cores on one database, many events of few people: each person's run one after another, in order."""
    running: set[str] = set()
    overlaps: list[str] = []
    order: dict[str, list[str]] = {}
    guard = threading.Lock()

    def handler(_context: Context, incoming: Incoming) -> list[Reply]:
        with guard:
            if incoming.address in running:
                overlaps.append(incoming.address)
            running.add(incoming.address)
        time.sleep(0.003)
        with guard:
            running.discard(incoming.address)
            order.setdefault(incoming.address, []).append(incoming.text)
        return [Reply(incoming.text)]

    replace_handler(handler)
    async with Talk.start(talk.database, answerer) as other:
        sends = []
        for number in range(8):
            for person in ("a", "b", "c"):
                raw = {"who": person, "id": f"{person}{number}", "kind": "text", "text": str(number)}
                core = talk if number % 2 else other
                await core.inbox.receive(core.edge, raw)
                sends.append(raw)
        for _ in range(3000):
            states = {row.state for row in talk.rows(InboxEvent)}
            if states == {InboxState.PROCESSED}:
                break
            await asyncio.sleep(0.02)
    assert not overlaps
    assert order == {person: [str(number) for number in range(8)] for person in ("a", "b", "c")}


async def test_poison_event_is_set_aside_told_and_the_operator_alerted(talk: Talk, replace_handler: Any) -> None:
    """Five failures, then the person hears a code and the hotline, and later events go on."""

    def handler(_context: Context, incoming: Incoming) -> list[Reply]:
        if incoming.text == "độc":
            raise ZeroDivisionError("words of a member that must not reach the log")
        return [Reply("ổn")]

    replace_handler(handler)
    lan = talk.member("Lan")
    sending = asyncio.create_task(lan.says("độc"))
    while not sending.done():
        talk.pass_time(seconds=30)
        await asyncio.sleep(0.05)
    replies = await sending
    lan.hears("chưa xử lý được", HOTLINE)
    (event,) = talk.rows(InboxEvent)
    assert (event.state, event.attempts) == (InboxState.SET_ASIDE, MAX_ATTEMPTS)
    assert event.error_code in replies[-1].text
    (alert,) = [row for row in talk.rows(Delivery) if row.kind is DeliveryKind.OPERATOR_ALERT]
    assert event.error_code in alert.body["text"]
    await lan.says("tiếp")
    lan.hears("ổn")


async def test_failed_handler_leaves_no_half_effect(talk: Talk, replace_handler: Any) -> None:
    """What a handler wrote before it failed is rolled back with it."""
    calls = []

    def handler(context: Context, _incoming: Incoming) -> list[Reply]:
        context.session.add(Feedback(entry_id="x", verdict="helpful", said_at=context.now))
        context.session.flush()
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError
        return [Reply("xong")]

    replace_handler(handler)
    lan = talk.member("Lan")
    sending = asyncio.create_task(lan.says("một"))
    while not sending.done():
        talk.pass_time(seconds=5)
        await asyncio.sleep(0.02)
    await sending
    assert len(calls) == 2
    assert len(talk.rows(Feedback)) == 1


async def test_event_that_stops_the_program_each_time_is_set_aside(
    talk: Talk, answerer: Answerer, replace_handler: Any
) -> None:
    """An event left behind by stopped programs counts each try beforehand, so it cannot stop every start for ever."""
    with talk.database.begin() as session:
        session.execute(text("SELECT 1"))
    lane_keeper = talk.member("Lan")
    await lane_keeper.says("menu")

    def stop_the_program(_context: Context, _incoming: Incoming) -> list[Reply]:
        raise OperationalError("as if the process died here", None, Exception())

    replace_handler(stop_the_program)
    await talk.inbox.receive(talk.edge, {"who": lane_keeper.address, "id": "killer", "kind": "text", "text": "x"})
    for _ in range(MAX_STOPS + 1):
        async with Talk.start(talk.database, answerer) as restarted:
            for _ in range(3000):
                killer = next(row for row in restarted.rows(InboxEvent) if row.platform_id == "killer")
                await asyncio.sleep(0.01)
                if killer.attempts or killer.state is InboxState.SET_ASIDE:
                    break
    async with Talk.start(talk.database, answerer) as last:
        for _ in range(3000):
            killer = next(row for row in last.rows(InboxEvent) if row.platform_id == "killer")
            if killer.state is InboxState.SET_ASIDE:
                break
            await asyncio.sleep(0.02)
    assert killer.state is InboxState.SET_ASIDE


async def test_database_that_cannot_be_written_refuses_the_update(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform hears "not stored" and sends it again; once the database is back it is taken."""

    async def broken(*_args: Any) -> None:
        raise OperationalError("disk full", None, Exception())

    monkeypatch.setattr(talk.database, "run", broken)
    with pytest.raises(StorageUnavailable):
        await talk.inbox.receive(talk.edge, {"who": "a", "id": "1", "kind": "text", "text": "menu"})
    assert not talk.inbox.is_writable
    monkeypatch.undo()
    await talk.inbox.receive(talk.edge, {"who": "a", "id": "1", "kind": "text", "text": "menu"})
    assert talk.inbox.is_writable


def test_flood_is_slowed_and_a_first_message_never_waits() -> None:
    """A burst passes, more is spread out, and somebody else is not touched."""
    pace = Pace()
    for _ in range(8):
        assert pace.wait_for("flooder", 0.0) == 0
        pace.count("flooder", 0.0)
    assert pace.wait_for("flooder", 0.0) > 0
    assert pace.wait_for("quiet person", 0.0) == 0
    assert pace.wait_for("flooder", 60.0) == 0


async def test_hundreds_of_waiting_messages_of_one_person_are_held_back(talk: Talk) -> None:
    """Past a hundred waiting, a page is refused more; a platform that would keep back everybody's is not."""
    switched_off = Edge()
    switched_off.sender = "edge:2"
    for number in range(110):
        await talk.inbox.receive(switched_off, {"who": "a", "id": str(number), "kind": "text", "text": "x"})
    assert len(talk.rows(InboxEvent)) == 110
    with pytest.raises(StorageUnavailable):
        await talk.inbox.receive_and_wait(switched_off, {"who": "a", "id": "more", "kind": "text", "text": "x"}, 1)
    assert len(talk.rows(InboxEvent)) == 110


async def test_outdated_button_never_swallows_the_next_message(talk: Talk, replace_handler: Any) -> None:
    """While an expected error is being answered the lane is free for a moment: the error stays with its own event."""
    handled: list[str] = []

    def handler(_context: Context, incoming: Incoming) -> list[Reply]:
        handled.append(incoming.text)
        time.sleep(0.01)
        if incoming.text == "cũ":
            raise Outdated
        return [Reply("ổn")]

    replace_handler(handler)
    for number in range(12):
        for words in ("cũ", "mới"):
            raw = {"who": f"p{number}", "id": f"{words}{number}", "kind": "text", "text": words}
            await talk.inbox.receive(talk.edge, raw)
            await asyncio.sleep(0.003)
    await _wait_until(lambda: {row.state for row in talk.rows(InboxEvent)} == {InboxState.PROCESSED})
    assert handled.count("mới") == 12


async def test_event_of_a_channel_that_is_off_waits_untouched(
    database: Database, answerer: Answerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was left behind for a channel that is not there yet costs it no try and the program no work."""
    monkeypatch.setattr(bot.inbox, "_SWEEP_SECONDS", 0.01)
    monkeypatch.setattr(bot.inbox, "_CHANNEL_OFF_SECONDS", 0.1)
    talk = Talk(database, answerer)
    _store(talk, '{"kind": "text", "who": "a", "id": "1", "text": "menu"}', sender="later:1")
    running = asyncio.create_task(talk.inbox.run(2))
    await asyncio.sleep(0.5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    (event,) = talk.rows(InboxEvent)
    assert (event.state, event.attempts) == (InboxState.RECEIVED, 0)


async def test_poison_event_is_set_aside_also_when_the_program_restarts_between_tries(
    database: Database, answerer: Answerer, replace_handler: Any
) -> None:
    """A try put off over a restart is counted like any other."""

    def fail(_context: Context, _incoming: Incoming) -> list[Reply]:
        raise ZeroDivisionError

    replace_handler(fail)
    before = Talk(database, answerer)
    _store(before, '{"kind": "text", "who": "a", "id": "1", "text": "x"}')
    with database.begin() as session:
        event = session.query(InboxEvent).one()
        event.attempts, event.next_try_at = MAX_ATTEMPTS - 1, before.now() + timedelta(seconds=20)
    async with Talk.start(database, answerer) as restarted:
        await asyncio.sleep(0.1)
        restarted.pass_time(seconds=30)
        await _wait_until(lambda: restarted.rows(InboxEvent)[0].state is InboxState.SET_ASIDE)


async def test_values_the_database_refuses_are_poison_like_any_other(talk: Talk, replace_handler: Any) -> None:
    """Only a database that is away is waited for; an event it will never take is set aside."""

    def refused(_context: Context, _incoming: Incoming) -> list[Reply]:
        raise DataError("value too long", None, Exception())

    replace_handler(refused)
    await talk.inbox.receive(talk.edge, {"who": "a", "id": "1", "kind": "text", "text": "x"})
    await _wait_until(lambda: talk.rows(InboxEvent)[0].state is InboxState.SET_ASIDE, talk)


async def test_event_that_no_key_opens_is_set_aside_and_stops_nobody(talk: Talk) -> None:
    """One altered row must not end the program at each start."""
    _store(talk, "{}")
    with talk.database.begin() as session:
        session.execute(text("UPDATE inbox_events SET raw = :raw"), {"raw": bytes((1, 9)) + bytes(40)})
    read = select(InboxEvent.state).where(InboxEvent.platform_id == "1")
    await _wait_until(lambda: talk.look(lambda session: session.scalar(read)) is InboxState.SET_ASIDE, talk)
    await talk.inbox.receive(talk.edge, {"who": "b", "id": "2", "kind": "text", "text": "menu"})
    await _wait_until(lambda: bool(talk.edge.sent))


async def test_database_that_never_answers_refuses_the_update(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform does not wait for ever."""
    monkeypatch.setattr(bot.inbox, "_STORE_SECONDS", 0.05)

    async def hang(*_args: Any) -> None:
        await asyncio.sleep(5)

    monkeypatch.setattr(talk.database, "run", hang)
    with pytest.raises(StorageUnavailable):
        await talk.inbox.receive(talk.edge, {"who": "a", "id": "1", "kind": "text", "text": "menu"})


def _store(talk: Talk, raw: str, sender: str = Edge.sender) -> None:
    arrival = Arrival(sender, "1", lane_of(talk.database.keys, sender, "a"), raw)
    with talk.database.begin() as session:
        add_events(session, [arrival], talk.now())


async def _wait_until(is_so: Callable[[], bool], talk: Talk | None = None) -> None:
    """Look again and again; with ``talk``, time passes meanwhile."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        if talk is not None:
            talk.pass_time(seconds=5)
        await asyncio.sleep(0.02)


async def test_long_reply_is_split_into_ledger_lines(talk: Talk, replace_handler: Any) -> None:
    """Each part is its own message, so a crash half-way repeats none that was sent."""
    long = "\n\n".join(f"Đoạn {number} " + "chữ " * 200 for number in range(12))
    replace_handler(lambda _context, _incoming: [Reply(long)])
    lan = talk.member("Lan")
    replies = await lan.says("x")
    assert len(replies) > 1
    assert all(len(reply.text) <= talk.edge.text_limit for reply in replies)
    assert {row.state for row in talk.rows(Delivery)} == {DeliveryState.SENT}
