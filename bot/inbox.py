"""Takes updates in durably and handles each in one transaction, one at a time for each person."""

import asyncio
import json
import time
import traceback
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.batcher import Batcher
from bot.fetching import Fetcher, Ready, Wanted
from bot.metrics import EVENT_SECONDS, EVENTS
from bot.parts import draw_parts
from bot.previews import Previews
from bot.transports import Raw, StorageUnavailable, Transport
from bot.transports.public_files import PublicFiles
from db.accounts import find_account, lane_of, meet_account
from db.conversations import find_standing, get_conversation
from db.deliveries import Outgoing, add_deliveries, release_waiting
from db.inbox import (
    MAX_STOPS,
    Arrival,
    add_events,
    find_last_id,
    find_next,
    list_waiting_lanes,
    mark_failed,
    mark_processed,
)
from db.keys import KeyProblem
from db.models import DeliveryKind, InboxEvent
from db.session import Database, is_unavailable, lock_lane
from handlers.chat import Cleaner, Incoming, Kind, Reply
from handlers.dispatch import handle
from handlers.errors import UserError, code_of, explain, explain_failure
from handlers.feature import Context, Union, find_step
from handlers.offers import remember_offer
from handlers.workplaces import Finder
from knowledge.answer import Answerer
from knowledge.texts import t

log = structlog.get_logger()

REPLY_LIFETIME = timedelta(hours=24)
"""A reply that could not be sent for a day answers a talk that is over."""

ALERT_LIFETIME = timedelta(days=7)

_SWEEP_SECONDS = 2.0
_SWEEP_AT_ONCE = 1000
_UNAVAILABLE_SECONDS = 1.0
_STORE_SECONDS = 10.0
"""A database that does not even answer counts as one that cannot be written: the platform must not wait for it."""

_CHANNEL_OFF_SECONDS = 60.0
_MOST_REMEMBERED = 100_000
_BURST = 8
_SECONDS_PER_EVENT = 1.5
"""A person may send eight messages at once, then one every second and a half; more waits its turn, none is lost."""

_LONGEST_QUEUE = 100
"""Waiting events of one person beyond which more are refused, where the channel can refuse one person alone."""


@dataclass(frozen=True)
class OperatorContact:
    """Where operator alerts go: a bot account and an address on it."""

    sender: str
    address: str


@dataclass(frozen=True)
class Tried:
    """What came of trying a lane: which event was finished (None: none was ready), when to look again, and which file
    must be fetched first."""

    platform_id: str | None = None
    sender: str | None = None
    again_in: float | None = None
    wanted: Wanted | None = None


@dataclass
class InHand:
    """Which event a try is about, so that its failure is never put on the next one; and whether it was counted."""

    event_id: int | None = None
    counted_id: int | None = None


class Pace:
    """How fast each person's events are handled, so that one flood does not slow everybody else."""

    def __init__(self) -> None:
        self._busy_until: dict[str, float] = {}

    def wait_for(self, lane: str, now: float) -> float:
        """Seconds until this person's next event may be handled; a person's first message never waits."""
        return max(0.0, self._busy_until.get(lane, 0.0) - now - (_BURST - 1) * _SECONDS_PER_EVENT)

    def count(self, lane: str, now: float) -> None:
        """One event of this person was handled."""
        self._busy_until[lane] = max(self._busy_until.get(lane, 0.0), now) + _SECONDS_PER_EVENT
        if len(self._busy_until) > _MOST_REMEMBERED:
            self._busy_until = {key: until for key, until in self._busy_until.items() if until > now}


class Inbox:
    """The way in. `receive` is what transports call; `run` handles what was received until cancelled."""

    def __init__(
        self,
        database: Database,
        answerer: Answerer,
        union: Union,
        operator: OperatorContact,
        wake_sender: Callable[[str], None],
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._finder = Finder()
        self._previews = Previews(PublicFiles(database, union.web_url, now))
        self._answerer = answerer
        self._union = union
        self._operator = operator
        self._wake_sender = wake_sender
        self._now = now
        self._transports: dict[str, Transport] = {}
        self._batcher: Batcher[Arrival] = Batcher(self._store)
        self._lanes: asyncio.Queue[str] = asyncio.Queue()
        self._queued: set[str] = set()
        self._later: dict[str, asyncio.TimerHandle] = {}
        self._waiting: defaultdict[str, int] = defaultdict(int)
        self._watchers: defaultdict[str, list[tuple[str, asyncio.Future[None]]]] = defaultdict(list)
        self._pace = Pace()
        self._fetcher = Fetcher()
        self._fetching: dict[str, asyncio.Task[None]] = {}
        self._ready: dict[str, Ready] = {}
        self._left_behind = 0
        self._careful_lanes: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_writable = True

    def register(self, transport: Transport) -> None:
        """Make a transport's updates readable; called before it listens."""
        self._transports[transport.sender] = transport

    async def receive(self, transport: Transport, raw: Raw, file: bytes | None = None) -> None:
        """Store an update; it is durable when this returns. An update that is nothing for us is passed over. ``file``
        is what was sent along, where the transport could not fetch it later.

        Raises `StorageUnavailable` when it could not be stored. However many of one person wait, theirs are stored
        too: a platform that is refused one update keeps back everybody's behind it.
        """
        incoming = transport.read(raw)
        if incoming is None:
            EVENTS.labels(transport.sender, "passed_over").inc()
            return
        lane = self._lane_of(incoming)
        self._waiting[lane] += 1
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                await self._batcher.add(Arrival(transport.sender, incoming.event_id, lane, json.dumps(raw), file))
        except (SQLAlchemyError, TimeoutError) as error:
            self.is_writable = False
            self._waiting[lane] = max(0, self._waiting[lane] - 1)
            log.error("update_not_stored", sender=transport.sender, error=type(error).__name__)
            raise StorageUnavailable("the database cannot be written") from None
        self.is_writable = True
        EVENTS.labels(transport.sender, "received").inc()
        self._queue(lane)

    async def receive_and_wait(self, transport: Transport, raw: Raw, seconds: float, file: bytes | None = None) -> bool:
        """`receive`, then wait until the update was handled; False when that takes longer than ``seconds``. Raises
        `StorageUnavailable` also when this person has too many waiting."""
        incoming = transport.read(raw)
        if incoming is None:
            return True
        lane = self._lane_of(incoming)
        if self._waiting.get(lane, 0) >= _LONGEST_QUEUE:
            EVENTS.labels(transport.sender, "held_back").inc()
            raise StorageUnavailable("too many waiting messages of one person")
        await self.receive(transport, raw, file)
        # Watched only once it is stored: receiving queued the lane, so it is tried at least once from here on.
        watcher = (incoming.event_id, asyncio.get_running_loop().create_future())
        self._watchers[lane].append(watcher)
        try:
            async with asyncio.timeout(seconds):
                await watcher[1]
        except TimeoutError:
            return False
        finally:
            self._watchers[lane].remove(watcher)
            if not self._watchers[lane]:
                del self._watchers[lane]
        return True

    async def run(self, workers: int) -> None:
        """Handle events until cancelled, beginning with those a stopped program left behind."""
        self._loop = asyncio.get_running_loop()
        self._left_behind = await self._database.look(find_last_id)
        self._careful_lanes = set(await self._database.look(list_waiting_lanes))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._sweep())
                for _ in range(workers):
                    group.create_task(self._work())
        finally:
            for fetching in self._fetching.values():
                fetching.cancel()  # the events stay as they are, for the next start

    async def _store(self, arrivals: list[Arrival]) -> None:
        await self._database.run(add_events, arrivals, self._now())

    async def _sweep(self) -> None:
        """Find events that no arrival in this process announces: left behind, put off, or stored by another process."""
        while True:
            try:
                senders = tuple(self._transports)
                for lane in await self._database.look(list_waiting_lanes, self._now(), senders, _SWEEP_AT_ONCE):
                    self._queue(lane)
            except SQLAlchemyError as error:
                log.error("inbox_sweep_failed", error=type(error).__name__)
            await asyncio.sleep(_SWEEP_SECONDS)

    def _lane_of(self, incoming: Incoming) -> str:
        return lane_of(self._database.keys, incoming.sender, incoming.address)

    def _queue(self, lane: str) -> None:
        if lane not in self._queued:
            self._queued.add(lane)
            self._lanes.put_nowait(lane)

    def _queue_later(self, lane: str, seconds: float) -> None:
        """One timer for each lane, the latest set: timers beside each other would multiply with every look."""
        if lane in self._later:
            self._later[lane].cancel()
        self._later[lane] = asyncio.get_running_loop().call_later(seconds, self._queue_now, lane)

    def _queue_now(self, lane: str) -> None:
        del self._later[lane]
        self._queue(lane)

    async def _work(self) -> None:
        while True:
            lane = await self._lanes.get()
            self._queued.discard(lane)
            if lane in self._fetching:
                continue  # queued again once its file is there
            wait = self._pace.wait_for(lane, time.monotonic())
            if wait > 0:
                self._queue_later(lane, wait)
                continue
            try:
                tried = await self._database.call(self._try_next, lane, self._ready.get(lane))
            except SQLAlchemyError as error:
                log.error("inbox_unavailable", error=type(error).__name__)
                await asyncio.sleep(_UNAVAILABLE_SECONDS)
                self._queue(lane)
            except Exception as error:  # noqa: BLE001  # a failure that could not even be told stops its own lane only
                log.error("lane_failed", code=code_of(error), error=type(error).__name__, place=_place_of(error))
                self._queue_later(lane, _CHANNEL_OFF_SECONDS)
            else:
                self._ready.pop(lane, None)
                self._look_again(lane, tried)

    def _look_again(self, lane: str, tried: Tried) -> None:
        """Tell whoever waits for the event, wake its sender, and queue the lane again while it may hold more."""
        if tried.wanted is not None:
            if lane not in self._fetching:  # two workers may have looked in the same moment
                self._fetching[lane] = asyncio.create_task(self._prepare(lane, tried.wanted))
            return
        for platform_id, handled in self._watchers.get(lane, ()):
            if not handled.done() and tried.again_in is None and tried.platform_id in (None, platform_id):
                handled.set_result(None)
        if tried.again_in is not None:
            self._queue_later(lane, tried.again_in)
        elif tried.platform_id is None:
            self._waiting.pop(lane, None)
        else:
            self._waiting[lane] = max(0, self._waiting[lane] - 1)
            self._pace.count(lane, time.monotonic())
            if tried.sender and not self._transports[tried.sender].stored_is_sent:
                self._wake_sender(tried.sender)
            if self._waiting[lane] or lane in self._careful_lanes:
                self._queue(lane)  # else nothing is known to wait; the sweep finds what another process stored
            else:
                del self._waiting[lane]

    async def _prepare(self, lane: str, wanted: Wanted) -> None:
        """Get an event's file ready beside everything else: the workers and the database are free meanwhile."""
        try:
            self._ready[lane] = await self._fetcher.prepare(wanted)
        finally:
            del self._fetching[lane]
        self._queue(lane)

    def _wake_soon(self, sender: str) -> None:
        """Wake a sender from a database thread; should it look before the commit, its next look finds the row."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake_sender, sender)

    def _try_next(self, lane: str, ready: Ready | None = None) -> Tried:
        """Handle the oldest event of a lane in one transaction; runs on a database thread. ``ready``: a file that was
        fetched for one of its events."""
        started = time.perf_counter()
        in_hand = InHand()
        if lane in self._careful_lanes:
            with self._database.begin() as session:
                in_hand.counted_id = self._count_left_behind(session, lane, ready)
        try:
            with self._database.begin() as session:
                tried = self._handle_next(session, lane, in_hand, ready)
        except Exception as error:  # where every bug of a handler ends: counted, logged, told
            if isinstance(error, SQLAlchemyError) and is_unavailable(error):
                raise
            with self._database.begin() as session:
                return self._finish_otherwise(session, lane, in_hand, error)
        if tried.platform_id is not None:
            EVENT_SECONDS.observe(time.perf_counter() - started)
        return tried

    def _count_left_behind(self, session: Session, lane: str, ready: Ready | None) -> int | None:
        """Before handling an event that a stopped program left behind: count the try, since that event may be what
        stops the program each time. None when the event is not going to be tried now: only real tries count."""
        lock_lane(session, lane)
        event = find_next(session, lane, is_opened=False)
        if event is None or event.id > self._left_behind:
            self._careful_lanes.discard(lane)
            return None
        if event.sender not in self._transports or event.next_try_at > self._now():
            return None
        if ready is None or ready.event_id != event.id:  # else this try was counted before its file was fetched
            event.attempts += 1
        return event.id

    def _handle_next(self, session: Session, lane: str, in_hand: InHand, ready: Ready | None) -> Tried:
        now = self._now()
        lock_lane(session, lane)
        event = find_next(session, lane)
        if event is None:
            return Tried()
        in_hand.event_id = event.id
        transport = self._transports.get(event.sender)
        if transport is None:
            return Tried(again_in=_CHANNEL_OFF_SECONDS)
        if event.next_try_at > now:
            return Tried(again_in=(event.next_try_at - now).total_seconds())
        if event.attempts > MAX_STOPS:
            raise StoppedTheProgram
        raw = json.loads(event.raw or "{}")
        incoming = transport.read(raw)
        cleaner = None if incoming is None else _find_cleaner(session, lane, incoming)
        if incoming is not None and cleaner is not None:
            if ready is None or ready.event_id != event.id:
                return Tried(wanted=Wanted(event.id, transport, raw, incoming.attachment, cleaner, event.file))
            incoming = replace(incoming, attachment=ready.attachment)
        if incoming is not None:
            account, is_new = meet_account(session, incoming.sender, lane, incoming.address, incoming.display_name, now)
            if not transport.stored_is_sent:  # there nothing ever waits
                release_waiting(session, lane, now)
            conversation = get_conversation(session, account.id, now)
            context = Context(
                session,
                now,
                account,
                conversation,
                self._answerer,
                self._union,
                transport.channel,
                self._finder,
                self._previews,
                self.alert_operator,
                is_new,
                incoming.text,
            )
            self._add_replies(session, transport, event, incoming.address, handle(context, incoming))
        return self._finish(event, now)

    def _finish_otherwise(self, session: Session, lane: str, in_hand: InHand, error: Exception) -> Tried:
        """After a roll-back: answer an expected error; count an unexpected one, and at last set the event aside."""
        now = self._now()
        lock_lane(session, lane)
        event = find_next(session, lane, is_opened=False)
        if event is None:
            return Tried()
        if in_hand.event_id not in (None, event.id):  # the lane was free for a moment: another worker finished it
            return Tried(again_in=0.0)
        transport = self._transports[event.sender]
        incoming = _read_again(event, transport)
        if isinstance(error, UserError):
            if incoming is not None:
                self._explain(session, transport, event, incoming.address, explain(error))
            return self._finish(event, now)
        code = code_of(error)
        log.error("event_failed", event_id=event.id, code=code, error=type(error).__name__, place=_place_of(error))
        EVENTS.labels(event.sender, "failed").inc()
        if not mark_failed(event, now, code, is_counted=event.id == in_hand.counted_id):
            return Tried(again_in=(event.next_try_at - now).total_seconds())
        EVENTS.labels(event.sender, "set_aside").inc()
        if incoming is not None:
            self._explain(session, transport, event, incoming.address, explain_failure(code, self._union.hotline))
        self._alert_operator(session, event, code)
        return Tried(event.platform_id, event.sender)

    def _finish(self, event: InboxEvent, now: datetime) -> Tried:
        mark_processed(event, now)
        EVENTS.labels(event.sender, "processed").inc()
        return Tried(event.platform_id, event.sender)

    def _add_replies(
        self, session: Session, transport: Transport, event: InboxEvent, address: str, replies: list[Reply]
    ) -> None:
        now = self._now()
        messages = [
            Outgoing(
                kind=DeliveryKind.REPLY,
                subject=f"event:{event.id}:{number}",
                recipient=event.lane,
                sender=event.sender,
                address=address,
                body=body,
                expires_at=now + REPLY_LIFETIME,
                stored_is_sent=transport.stored_is_sent,
            )
            for number, body in enumerate(draw_parts(replies, transport))
        ]
        add_deliveries(session, messages, now)

    def _explain(self, session: Session, transport: Transport, event: InboxEvent, address: str, reply: Reply) -> None:
        """Tell what went wrong; the way back that stands under it can be typed like any other button."""
        self._add_replies(session, transport, event, address, [reply])
        account = find_account(session, event.sender, event.lane)
        if account is not None:
            remember_offer(get_conversation(session, account.id, self._now()), [reply], transport.channel)

    def _alert_operator(self, session: Session, event: InboxEvent, code: str) -> None:
        text = t("operator.event_set_aside", attempts=event.attempts, sender=event.sender, code=code, event_id=event.id)
        self.alert_operator(session, f"event:{event.id}", text)

    def alert_operator(self, session: Session, subject: str, text: str) -> None:
        """Tell the operator in the same transaction, once for each subject."""
        now = self._now()
        alert = Outgoing(
            kind=DeliveryKind.OPERATOR_ALERT,
            subject=subject,
            recipient=lane_of(self._database.keys, self._operator.sender, self._operator.address),
            sender=self._operator.sender,
            address=self._operator.address,
            body=Reply(text).to_json(),
            expires_at=now + ALERT_LIFETIME,
        )
        add_deliveries(session, [alert], now)
        self._wake_soon(self._operator.sender)


class StoppedTheProgram(Exception):
    """This event was being handled each time the program stopped; it is set aside instead of tried again."""


def _read_again(event: InboxEvent, transport: Transport) -> Incoming | None:
    """What a failed event says; None also when it cannot be opened, which may be how it failed."""
    try:
        return transport.read(json.loads(event.raw or "{}"))
    except KeyProblem:
        return None


def _find_cleaner(session: Session, lane: str, incoming: Incoming) -> Cleaner | None:
    """Whether the step the person stands in takes the file they sent, and how it is cleaned."""
    step = find_step(find_standing(session, incoming.sender, lane)) if incoming.kind is Kind.FILE else None
    return step.cleaner if step else None


def _place_of(error: Exception) -> str:
    """Where an error arose, without its message: that might hold a member's words."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}"
