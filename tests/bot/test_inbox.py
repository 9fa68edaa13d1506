"""What is taken in is never lost, never handled twice, never handled beside another event of the same person."""

import asyncio
import threading
import time
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

import bot.inbox
from bot.inbox import MAX_ATTEMPTS, Pace
from bot.transports import StorageUnavailable
from db.models import Delivery, DeliveryKind, DeliveryState, Feedback, InboxEvent, InboxState
from handlers.chat import Incoming, Reply
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
        for _ in range(500):
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
    for _ in range(MAX_ATTEMPTS + 1):
        async with Talk.start(talk.database, answerer) as restarted:
            for _ in range(200):
                killer = next(row for row in restarted.rows(InboxEvent) if row.platform_id == "killer")
                await asyncio.sleep(0.01)
                if killer.attempts or killer.state is InboxState.SET_ASIDE:
                    break
    async with Talk.start(talk.database, answerer) as last:
        for _ in range(300):
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
    """Past a hundred waiting, the channel is told to hold back instead of filling the database."""
    switched_off = Edge()
    switched_off.sender = "edge:2"

    async def flood() -> None:
        for number in range(150):
            await talk.inbox.receive(switched_off, {"who": "a", "id": str(number), "kind": "text", "text": "x"})

    with pytest.raises(StorageUnavailable):
        await flood()
    assert 100 <= len(talk.rows(InboxEvent)) < 150


async def test_long_reply_is_split_into_ledger_lines(talk: Talk, replace_handler: Any) -> None:
    """Each part is its own message, so a crash half-way repeats none that was sent."""
    long = "\n\n".join(f"Đoạn {number} " + "chữ " * 200 for number in range(12))
    replace_handler(lambda _context, _incoming: [Reply(long)])
    lan = talk.member("Lan")
    replies = await lan.says("x")
    assert len(replies) > 1
    assert all(len(reply.text) <= talk.edge.text_limit for reply in replies)
    assert {row.state for row in talk.rows(Delivery)} == {DeliveryState.SENT}
