"""Sends what is due on one bot account: within its rate, in order for each person, and writes down how it ended."""

import asyncio
import contextlib
import dataclasses
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.batcher import Batcher
from bot.metrics import DELIVERIES
from bot.rate import Rate
from bot.transports import (
    AccountPaused,
    Paid,
    PersonMoved,
    PersonUnreachable,
    SendFailed,
    SendUnavailable,
    SendUncertain,
    Transport,
    WindowClosed,
)
from db.accounts import find_account, mark_unreachable
from db.case_ladder import look_at_asked
from db.case_topics import move_group
from db.channel_accounts import PAID
from db.conversations import get_conversation
from db.deliveries import (
    FAILING,
    FAR_OFF,
    MOVABLE_KINDS,
    REPEATABLE_KINDS,
    UNREACHABLE,
    Outcome,
    claim_due,
    claim_planned,
    fail_unreadable,
    move_address,
    read_message,
    record_outcomes,
    recover_claimed,
    release_failing,
)
from db.keys import KeyProblem
from db.models import Delivery, DeliveryKind, DeliveryState
from db.session import Database, lock_lane
from handlers.chat import StoredButton, StoredReply
from handlers.notify import is_quiet
from handlers.offers import offer

log = structlog.get_logger()

_IN_FLIGHT = 30
_CLAIM_AT_ONCE = 100
_LOOK_SECONDS = 1.0
_FINISH_SECONDS = 5.0
_CLAIM_SECONDS = 0.03
"""Claims come no closer together than this: under load each takes several messages for one commit, and a message that
comes alone still goes at once."""
_FIRST_RETRY_SECONDS = 2.0
_LONGEST_RETRY_SECONDS = 600.0
_LONGEST_ALERT_RETRY_SECONDS = 30.0
"""An alert is tried again this often however long the platform has been away."""
_LONG_AWAY = timedelta(seconds=30)
"""After a platform was away for so long, its first answer lets everything go that was put off meanwhile."""


_BULLETINS_IN_FLIGHT = 120
"""Lines of bulletins that may be under way at once: a platform that takes a second to answer still gets a hundred a
second."""

_AHEAD_SECONDS = 0.15
"""How long before its start a line of a bulletin is taken, where the platform has a limit: a few claims a second."""

_PROBE_SECONDS = 10.0
_BODIES_KEPT = 4

Bodies = dict[int, StoredReply]
"""What sendings of bulletins say, by their number."""

_ALERTS = (DeliveryKind.CASE_ALERT, DeliveryKind.OPERATOR_ALERT)


class Sender:
    """Drives one bot account. Only one process may do so at a time; see `bot.app`."""

    def __init__(self, transport: Transport, database: Database, now: Callable[[], datetime]) -> None:
        self._transport = transport
        self._database = database
        self._now = now
        self._rate = Rate(transport.messages_per_second)
        self._awake = asyncio.Event()
        self._claimed_at = 0.0
        self._slots = asyncio.Semaphore(_IN_FLIGHT)
        self._bulletins = 0
        """Lines of bulletins that are claimed and not finished."""
        self._bodies: Bodies = {}
        self._probed_at = 0.0
        self._last_to: dict[str, asyncio.Task[None]] = {}
        self._outcomes: Batcher[Outcome] = Batcher(self._record)
        self.is_driving = False
        """Whether this process drives the account now."""
        self.failing_since: datetime | None = None
        """Since when every attempt met a platform that is away, or that asks us to be silent."""

    def wake(self) -> None:
        """Something new may be due."""
        self._awake.set()

    async def run(self) -> None:
        """Send until cancelled. Messages in flight are given a moment to finish; those that do not are recovered by
        whoever drives the account next."""
        found = await self._database.run(recover_claimed, self._transport.sender)
        if found:
            log.warning("deliveries_recovered", sender=self._transport.sender, count=found)
        self.is_driving = True
        try:
            while True:
                await asyncio.sleep(max(0.0, self._claimed_at + _CLAIM_SECONDS - time.monotonic()))
                self._claimed_at = time.monotonic()
                self._awake.clear()
                if not await self._send_due():
                    await self._sleep()
        finally:
            self.is_driving = False
            if self._last_to:
                _, hanging = await asyncio.wait(self._last_to.values(), timeout=_FINISH_SECONDS)
                for task in hanging:
                    task.cancel()

    async def _sleep(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._awake.wait()

    async def _send_due(self) -> bool:
        """Claim and start a batch; False when nothing was due."""
        try:
            claimed = await self._claim()
        except SQLAlchemyError as error:
            log.error("claim_failed", sender=self._transport.sender, error=type(error).__name__)
            return False
        for delivery in claimed:
            is_bulletin = delivery.kind is DeliveryKind.BULLETIN
            if is_bulletin:  # these take no slot: replies never wait for one that they hold
                self._bulletins += 1
            else:
                await self._slots.acquire()
            before = self._last_to.get(delivery.recipient)
            body = self._bodies.get(delivery.run_id or 0)
            task = asyncio.create_task(self._send_after(before, delivery, body))
            self._last_to[delivery.recipient] = task
            task.add_done_callback(partial(self._release, delivery.recipient, is_bulletin))
        return bool(claimed)

    async def _claim(self) -> list[Delivery]:
        """What is due; a message that no key opens is failed, so that it holds up none of the others."""
        mine = (self._transport.sender, self._now())
        room = self._room_for_bulletins()
        if len(self._bodies) >= _BODIES_KEPT:
            self._bodies = {}
        try:
            return await self._database.run(_claim_both, *mine, room, self._bodies)
        except KeyProblem:
            count = await self._database.run(fail_unreadable, *mine)
            log.error("deliveries_unreadable", sender=self._transport.sender, count=count)
            return await self._database.run(_claim_both, *mine, room, self._bodies)

    def _room_for_bulletins(self) -> int:
        """How many lines of bulletins to take now: as many as will start within a moment, so that a reply that comes
        then is not behind them and little is in hand when the power fails. While the platform is away, one from time to
        time shows when it is back."""
        if self.failing_since is not None:
            if self._bulletins or time.monotonic() - self._probed_at < _PROBE_SECONDS:
                return 0
            self._probed_at = time.monotonic()
            return 1
        if self._rate.limit is None:
            return _BULLETINS_IN_FLIGHT - self._bulletins
        return min(_BULLETINS_IN_FLIGHT - self._bulletins, self._most_ahead - self._rate.waiting)

    @property
    def _most_ahead(self) -> int:
        return max(2, round((self._rate.limit or 0) * _AHEAD_SECONDS))

    def _wake_for_more(self) -> None:
        """Claim again once half of what may be in hand is gone: a few at a time, for few commits."""
        if self._bulletins <= _BULLETINS_IN_FLIGHT // 2 and self._rate.waiting <= self._most_ahead // 2:
            self.wake()

    def _release(self, recipient: str, is_bulletin: bool, done: asyncio.Task[None]) -> None:
        if is_bulletin:
            self._bulletins -= 1
            self._wake_for_more()
        else:
            self._slots.release()
        if self._last_to.get(recipient) is done:
            del self._last_to[recipient]

    async def _send_after(
        self, before: asyncio.Task[None] | None, delivery: Delivery, body: StoredReply | None
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        is_bulletin = delivery.kind is DeliveryKind.BULLETIN
        await self._rate.wait(delivery.priority, is_paced=is_bulletin)
        if is_bulletin:
            self._wake_for_more()
        outcome = await self._send(delivery, body)
        await self._note_platform(delivery, outcome)
        DELIVERIES.labels(self._transport.sender, outcome.state.value).inc()
        if outcome.state in (DeliveryState.FAILED, DeliveryState.UNKNOWN):
            log.warning("delivery_not_sent", delivery_id=delivery.id, kind=delivery.kind.value)
        if outcome.state is DeliveryState.SENT and delivery.kind is not DeliveryKind.REPLY:
            await self._note_offer(delivery, _read(delivery, body).buttons)
        await self._keep(delivery, lambda: self._outcomes.add(outcome))

    async def _note_platform(self, delivery: Delivery, outcome: Outcome) -> None:
        """Whether the platform answers at all. Once it does after a long time, nobody waits for the end of a pause that
        was meant for an outage."""
        is_put_off = outcome.state in (DeliveryState.DUE, DeliveryState.PLANNED)
        if is_put_off and outcome.reason in FAILING:
            self.failing_since = self.failing_since or self._now()
        if is_put_off and outcome.reason != UNREACHABLE:
            return  # a window that we know to be closed says nothing of the platform
        since, self.failing_since = self.failing_since, None
        if since is not None and self._now() - since >= _LONG_AWAY:
            mine = (self._transport.sender, self._now())
            await self._keep(delivery, lambda: self._database.run(release_failing, *mine))
            self.wake()

    async def _keep(self, delivery: Delivery, write: Callable[[], Awaitable[None]]) -> None:
        """Write down what sending taught us, as soon as the database takes it: the message is out, or cannot go."""
        while True:
            try:
                return await write()
            except SQLAlchemyError as error:
                log.error("outcome_not_stored", delivery_id=delivery.id, error=type(error).__name__)
                await asyncio.sleep(_LOOK_SECONDS)

    async def _send(self, delivery: Delivery, body: StoredReply | None) -> Outcome:
        """One attempt, and what follows from how it ended."""
        tried_at = self._now()
        try:
            sent_id = await self._transport.send(delivery.address or "", _read(delivery, body))
            why = PAID if isinstance(sent_id, Paid) else None
            return Outcome(delivery.id, DeliveryState.SENT, why, platform_message_id=str(sent_id) if sent_id else None)
        except AccountPaused as pause:
            self._rate.pause(pause.seconds)
            return self._again(delivery, "paused", pause.seconds)
        except PersonMoved as moved:
            to = (delivery.sender, delivery.recipient, moved.address)
            await self._keep(delivery, lambda: self._database.run(_follow, *to, self._now()))
            return self._again(delivery, "moved", 0)
        except PersonUnreachable as error:
            whom = (delivery.sender, delivery.recipient, self._now())
            await self._keep(delivery, lambda: self._database.run(_note_unreachable, *whom))
            if delivery.kind not in MOVABLE_KINDS:
                return Outcome(delivery.id, DeliveryState.FAILED, error.reason)
            log.info("person_unreachable", delivery_id=delivery.id, reason=error.reason)
            retry_at = tried_at + FAR_OFF  # until they write again, unless it goes on another channel of theirs
            return Outcome(delivery.id, DeliveryState.DUE, UNREACHABLE, retry_at, tried_at=tried_at)
        except SendFailed as error:
            return Outcome(delivery.id, DeliveryState.FAILED, error.reason)
        except WindowClosed as closed:  # it goes when this person writes: `release_waiting`
            retry_at = closed.until or tried_at + FAR_OFF
            return Outcome(delivery.id, _later(delivery), closed.reason, retry_at, tried_at=tried_at)
        except SendUnavailable:
            return self._again(delivery, "unavailable", self._backoff(delivery))
        except SendUncertain:
            if delivery.kind in REPEATABLE_KINDS:
                return self._again(delivery, "uncertain", self._backoff(delivery))
            return Outcome(delivery.id, DeliveryState.UNKNOWN, "uncertain")
        except Exception as error:  # noqa: BLE001  # a bug in a transport must not stop the account's other messages
            log.error("send_failed", delivery_id=delivery.id, error=type(error).__name__)
            return Outcome(delivery.id, DeliveryState.FAILED, f"bug:{type(error).__name__}")

    async def _note_offer(self, delivery: Delivery, buttons: Sequence[StoredButton]) -> None:
        """Where buttons are numbered, a number means the list a person saw last, also when that came unasked. What
        answers an event was noted with it."""
        if self._transport.channel.numbers(len(buttons)) and any(button.action for button in buttons):
            whom = (delivery.sender, delivery.recipient, buttons, self._now())
            await self._keep(delivery, lambda: self._database.run(_offer_unasked, *whom))

    def _again(self, delivery: Delivery, reason: str, seconds: float) -> Outcome:
        retry_at = self._now() + timedelta(seconds=seconds)
        asyncio.get_running_loop().call_later(seconds, self.wake)
        return Outcome(delivery.id, _later(delivery), reason, retry_at)

    @staticmethod
    def _backoff(delivery: Delivery) -> float:
        is_alert = delivery.kind in _ALERTS
        longest = _LONGEST_ALERT_RETRY_SECONDS if is_alert else _LONGEST_RETRY_SECONDS
        wait: float = min(_FIRST_RETRY_SECONDS * 2.0 ** min(delivery.attempts - 1, 20), longest)
        return wait * random.uniform(0.8, 1.2)  # noqa: S311  # spreads retries, guards nothing

    async def _record(self, outcomes: list[Outcome]) -> None:
        await self._database.run(record_outcomes, outcomes, self._now())


def _later(delivery: Delivery) -> DeliveryState:
    """The state of a line that is put off: a bulletin's goes back among those that stand in nobody's way."""
    return DeliveryState.PLANNED if delivery.kind is DeliveryKind.BULLETIN else DeliveryState.DUE


def _claim_both(session: Session, sender: str, now: datetime, room: int, bodies: Bodies) -> list[Delivery]:
    """What is due, and lines of bulletins with what they say: were that read later and the database away by then, the
    lines would stand there as claimed, and nobody could tell that they never went."""
    claimed = claim_due(session, sender, now, _CLAIM_AT_ONCE)
    if room > 0:
        claimed += claim_planned(session, sender, now, room, is_quiet(now))
        _read_bodies(session, claimed, bodies)
    return claimed


def _read_bodies(session: Session, lines: Sequence[Delivery], bodies: Bodies) -> None:
    """Add what the sendings of some lines say. One that no key opens is left out, and its lines fail by themselves."""
    for run_id in {line.run_id for line in lines if line.run_id is not None} - bodies.keys():
        try:
            bodies[run_id] = StoredReply.from_json(read_message(session, run_id))
        except KeyProblem:
            log.error("body_not_opened", run_id=run_id)


def _read(delivery: Delivery, body: StoredReply | None) -> StoredReply:
    """What a line says; ``body`` is that of its sending, which stands there once for all."""
    if body is None:
        return StoredReply.from_json(delivery.body, delivery.id)
    return dataclasses.replace(body, ledger_id=delivery.id, spares_money=True)


def _note_unreachable(session: Session, sender: str, lane: str, now: datetime) -> None:
    """Nobody waits for an officer who does not hear: where no other channel reaches them, the next is asked."""
    mark_unreachable(session, sender, lane, now)
    account = find_account(session, sender, lane)
    if account is not None and account.person_id is not None:
        look_at_asked(session, account.person_id, now)


def _follow(session: Session, sender: str, lane: str, address: str, now: datetime) -> None:
    move_address(session, sender, lane, address)
    move_group(session, sender, lane, address, now)


def _offer_unasked(session: Session, sender: str, lane: str, buttons: Sequence[StoredButton], now: datetime) -> None:
    lock_lane(session, lane)
    account = find_account(session, sender, lane)
    if account is not None:
        offer(get_conversation(session, account.id, now), buttons)
