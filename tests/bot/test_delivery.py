"""Sending: within the rate, in order, and an honest record of how each message ended."""

import asyncio
import itertools
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from bot.delivery import _note_unreachable
from bot.rate import Rate
from bot.transports import (
    AccountPaused,
    PersonMoved,
    PersonUnreachable,
    SendFailed,
    SendUnavailable,
    SendUncertain,
    WindowClosed,
)
from db.accounts import lane_of
from db.deliveries import WAITS, Outgoing, add_deliveries, claim_due, recover_claimed
from db.models import Account, Delivery, DeliveryKind, DeliveryState
from tests.talk import Talk


async def _wait_for(talk: Talk, *states: DeliveryState) -> Delivery:
    for _ in range(3000):
        talk.pass_time(seconds=1)
        rows: list[Delivery] = [row for row in talk.rows(Delivery) if row.kind is DeliveryKind.REPLY]
        if rows and rows[-1].state in states:
            return rows[-1]
        await asyncio.sleep(0.01)
    raise AssertionError([(row.state, row.reason) for row in talk.rows(Delivery)])


async def _say(talk: Talk, text: str = "menu") -> None:
    await talk.inbox.receive(talk.edge, {"who": "addr-Lan", "id": talk.new_id(), "kind": "text", "text": text})


@pytest.mark.parametrize(
    "failure", [AccountPaused(0.05), SendUnavailable(), SendUncertain()], ids=["paused", "unavailable", "uncertain"]
)
async def test_reply_that_met_a_passing_fault_is_sent_later(talk: Talk, failure: Exception) -> None:
    """Too many requests, an outage, a lost answer: a reply is tried again until it is out."""
    talk.edge.failures = [failure]
    await _say(talk)
    delivery = await _wait_for(talk, DeliveryState.SENT)
    assert delivery.attempts == 2
    assert len(talk.edge.sent) == 1


async def test_reply_whose_answer_was_lost_is_sent_again(talk: Talk) -> None:
    """A double reply is better than none."""
    talk.edge.after_sending = [SendUncertain()]
    await _say(talk)
    await _wait_for(talk, DeliveryState.SENT)
    assert len(talk.edge.sent) == 2


async def test_person_who_blocked_the_bot_is_marked_and_not_tried_again(talk: Talk) -> None:
    """A refusal for good ends in "failed" with its reason."""
    talk.edge.failures = [PersonUnreachable("blocked")]
    await _say(talk)
    delivery = await _wait_for(talk, DeliveryState.FAILED)
    assert delivery.reason == "blocked"
    assert talk.rows(Account)[0].unreachable_since is not None


async def test_message_the_platform_rejects_is_failed_with_its_reason(talk: Talk) -> None:
    """A bad message is not repeated for ever."""
    talk.edge.failures = [SendFailed("can't parse entities")]
    await _say(talk)
    assert (await _wait_for(talk, DeliveryState.FAILED)).reason == "can't parse entities"


@pytest.mark.parametrize("reason", WAITS)
async def test_message_that_waits_for_its_person_goes_when_they_write(talk: Talk, reason: str) -> None:
    """The platform takes nothing for them now: neither time nor another person's word sends it, their own does."""
    lan, hoa = talk.member("Lan"), talk.member("Hoa")
    talk.edge.failures = [WindowClosed(reason)]
    assert await lan.says("menu") == []
    (waiting,) = talk.rows(Delivery)
    assert (waiting.state, waiting.reason) == (DeliveryState.DUE, reason)
    talk.pass_time(hours=20)
    await hoa.says("menu")
    assert lan.heard == []
    assert len(await lan.says("menu")) == 2
    assert {row.state for row in talk.rows(Delivery)} == {DeliveryState.SENT}


async def test_message_put_off_until_a_moment_goes_then(talk: Talk) -> None:
    """Night ends by itself."""
    talk.edge.failures = [WindowClosed("night", talk.now() + timedelta(seconds=90))]
    await _say(talk)
    delivery = await _wait_for(talk, DeliveryState.SENT)
    assert delivery.attempts == 2


async def test_message_follows_a_chat_that_moved(talk: Talk) -> None:
    """A new address is used at once."""
    talk.edge.failures = [PersonMoved("new-address")]
    await _say(talk)
    await _wait_for(talk, DeliveryState.SENT)
    assert talk.edge.sent[-1][0] == "new-address"


async def test_bug_in_a_transport_stops_nobody_else(talk: Talk) -> None:
    """One message that cannot be drawn is failed; the next goes out."""
    talk.edge.failures = [KeyError("bug")]
    await _say(talk)
    await _wait_for(talk, DeliveryState.FAILED)
    await _say(talk)
    await _wait_for(talk, DeliveryState.SENT)


async def test_stale_message_is_not_sent(talk: Talk) -> None:
    """The late guard: what expired is recorded, not sent."""
    lane = lane_of(talk.database.keys, talk.edge.sender, "x")
    with talk.database.begin() as session:
        now = talk.now()
        stale = Outgoing(
            DeliveryKind.REPLY, "s", lane, talk.edge.sender, "x", {"text": "cũ", "buttons": []}, now - timedelta(1)
        )
        add_deliveries(session, [stale], now)
    await _wait_for(talk, DeliveryState.EXPIRED)
    assert talk.edge.sent == []


async def test_one_message_per_kind_subject_and_recipient(talk: Talk) -> None:
    """Adding the same message twice sends it once."""
    now = talk.now()
    message = Outgoing(
        DeliveryKind.OPERATOR_ALERT, "s", "r", "nobody:1", "x", {"text": "a", "buttons": []}, now + timedelta(1)
    )
    with talk.database.begin() as session:
        add_deliveries(session, [message, message], now)
    with talk.database.begin() as session:
        add_deliveries(session, [message], now)
    assert len(talk.rows(Delivery)) == 1


async def test_claims_cut_off_by_a_crash_are_due_again(talk: Talk) -> None:
    """Whoever takes an account over finds what the last one was sending."""
    now = talk.now()
    with talk.database.begin() as session:
        rows = [
            Outgoing(
                DeliveryKind.REPLY, f"s{n}", "r", "nobody:1", "x", {"text": "a", "buttons": []}, now + timedelta(1)
            )
            for n in range(3)
        ]
        add_deliveries(session, rows, now)
        assert len(claim_due(session, "nobody:1", now, 2)) == 2
    with talk.database.begin() as session:
        assert recover_claimed(session, "nobody:1") == 2
        assert len(claim_due(session, "nobody:1", now, 10)) == 3


async def test_alert_goes_before_replies(talk: Talk) -> None:
    """An urgent message never waits behind talk."""
    now = talk.now()
    with talk.database.begin() as session:
        for kind in (DeliveryKind.REPLY, DeliveryKind.OPERATOR_ALERT):
            add_deliveries(
                session,
                [Outgoing(kind, "s", "r", "nobody:1", "x", {"text": "a", "buttons": []}, now + timedelta(1))],
                now,
            )
        assert claim_due(session, "nobody:1", now, 1)[0].kind is DeliveryKind.OPERATOR_ALERT


async def test_rate_is_never_exceeded_in_any_second() -> None:
    """At most the limit starts in any window of one second, also after a pause."""
    rate = Rate(20)
    starts = []
    for number in range(50):
        if number == 25:
            rate.pause(0.3)
        await rate.wait()
        starts.append(time.monotonic())
    windows = [sum(1 for other in starts if start <= other < start + 0.999) for start in starts]
    assert max(windows) <= 20
    assert max(later - earlier for earlier, later in itertools.pairwise(starts)) >= 0.25


async def test_message_that_no_key_opens_is_failed_and_holds_up_nobody(talk: Talk) -> None:
    """One altered row must not end the sending of an account."""
    now = talk.now()
    lane = lane_of(talk.database.keys, talk.edge.sender, "x")
    body = {"text": "a", "buttons": []}
    lost = Outgoing(
        DeliveryKind.REPLY, "s", lane, talk.edge.sender, "x", body, now + timedelta(1), now + timedelta(0, 60)
    )
    with talk.database.begin() as session:
        add_deliveries(session, [lost], now)
        session.execute(text("UPDATE deliveries SET body = :body"), {"body": bytes((1, 9)) + bytes(40)})
    talk.pass_time(minutes=2)
    await _say(talk)
    deadline = time.monotonic() + 60
    while not talk.edge.sent and time.monotonic() < deadline:  # noqa: ASYNC110  # the row is written by a database thread
        await asyncio.sleep(0.02)
    assert talk.edge.sent
    states = talk.look(lambda session: session.execute(select(Delivery.state, Delivery.reason)).all())
    assert (DeliveryState.FAILED, "unreadable") in [tuple(row) for row in states]


async def test_lost_person_is_noted_once_the_database_is_back(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the platform said of a person is not forgotten with a database that was away for a moment."""
    run, failures = talk.database.run, [OperationalError("away", None, Exception())]

    async def fail_once(work: Any, *args: Any) -> Any:
        if work is _note_unreachable and failures:
            raise failures.pop()
        return await run(work, *args)

    monkeypatch.setattr(talk.database, "run", fail_once)
    talk.edge.failures = [PersonUnreachable("blocked")]
    await _say(talk)
    await _wait_for(talk, DeliveryState.FAILED)
    assert talk.rows(Account)[0].unreachable_since is not None
