"""Hand updates to a bot as Telegram does: a queue confirmed by offset, or a webhook retried until it answers 2xx."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from . import PATIENCE
from .telegram_entities import JSON, Refused
from .telegram_faults import UPDATE, Faults

MAX_PER_CALL = 100
LONGEST_POLL_SECONDS = 50
NOT_BY_DEFAULT = {"chat_member", "message_reaction", "message_reaction_count"}
HOLD_SECONDS = 0.5  # an update held back for disorder is let go after this when none follows it


@dataclass
class Webhook:
    url: str
    secret_token: str = ""
    max_connections: int = 40
    last_error_at: int = 0
    last_error: str = ""


@dataclass(frozen=True)
class Delivery:
    """One attempt to hand an update to the webhook; status 0 means nobody answered."""

    update_id: int
    status: int
    at: float


class UpdateQueue:
    """The updates of one bot that it has not confirmed yet."""

    def __init__(self, faults: Faults, http: Callable[[], aiohttp.ClientSession], warn: Callable[[str], None]) -> None:
        self.pending: dict[int, JSON] = {}
        self.webhook: Webhook | None = None
        self.allowed: list[str] = []
        self.deliveries: list[Delivery] = []
        self.first_retry_seconds = 0.05
        self.longest_retry_seconds = 1.0
        self.answer_within_seconds = 10.0
        self._faults, self._http, self._warn = faults, http, warn
        self._next_id = 100_000_001
        self._poller: asyncio.Future[None] | None = None
        self._twice: set[int] = set()
        self._lanes: dict[int, deque[JSON]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(40)
        self._held: deque[JSON] = deque()
        self._closed = False

    def push(self, update: JSON) -> int | None:
        """Queue an update under the next id (or its own); None when the bot did not ask for its kind."""
        kind = next(key for key in update if key != "update_id")
        if kind not in self.allowed if self.allowed else kind in NOT_BY_DEFAULT:
            return None
        number: int = update.get("update_id", self._next_id)
        self._next_id = max(self._next_id, number + 1)
        update = {"update_id": number, **update}
        self.pending[number] = update
        fault = self._faults.pick(UPDATE)
        if fault and fault.kind == "duplicate":
            self._twice.add(number)
        if self.webhook is None:
            self._wake()
        elif fault and fault.kind == "out_of_order":
            self._held.append(update)
            asyncio.get_running_loop().call_later(HOLD_SECONDS, self._release_held)
        else:
            self._line_up(update)
            self._release_held()
        return number

    # Polling

    async def poll(self, offset: int, limit: int, seconds: float, allowed: list[str] | None) -> list[JSON]:
        """What getUpdates answers; a poll still waiting is ended with a conflict, as Telegram ends it."""
        if self.webhook:
            raise Refused(
                409,
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )
        self._end_poll("terminated by other getUpdates request; make sure that only one bot instance is running")
        if allowed is not None:
            self.allowed = allowed
        self._confirm(offset)
        if not self.pending and seconds > 0 and not self._closed:
            self._poller = waiting = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait_for(waiting, min(seconds, LONGEST_POLL_SECONDS))
            except TimeoutError:
                return []
            finally:
                if self._poller is waiting:
                    self._poller = None
        count = min(max(limit, 1), MAX_PER_CALL)
        batch: list[JSON] = []
        for number in sorted(self.pending)[:count]:
            batch += [self.pending[number]] * (2 if number in self._twice else 1)
            self._twice.discard(number)
        return batch

    def _confirm(self, offset: int) -> None:
        known = sorted(self.pending)
        for number in known[:offset] if offset < 0 else known:
            if offset < 0 or number < offset:
                del self.pending[number]

    def _wake(self) -> None:
        if self._poller and not self._poller.done():
            self._poller.set_result(None)

    def _end_poll(self, why: str) -> None:
        if self._poller and not self._poller.done():
            self._poller.set_exception(Refused(409, f"Conflict: {why}"))

    # Webhook

    def set_webhook(self, webhook: Webhook | None, *, drop_pending: bool, allowed: list[str] | None) -> None:
        self._end_poll("terminated by setWebhook request")
        if drop_pending:
            self.pending.clear()
            self._held.clear()
        if allowed is not None:
            self.allowed = allowed
        self.webhook = webhook
        self._lanes = {}
        if webhook:
            self._slots = asyncio.Semaphore(webhook.max_connections)
            self._held.clear()
            for number in sorted(self.pending):
                self._line_up(self.pending[number])

    async def all_delivered(self, timeout: float = PATIENCE) -> None:  # noqa: ASYNC109 - the tests' own deadline
        """Wait until the bot has confirmed every update."""
        async with asyncio.timeout(timeout):
            while self.pending:  # noqa: ASYNC110 - polled, so that delivering stays free of notifications
                await asyncio.sleep(0.005)

    async def close(self) -> None:
        self._closed = True
        self.webhook = None
        self._wake()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _release_held(self) -> None:
        while self._held:
            self._line_up(self._held.popleft())

    def _line_up(self, update: JSON) -> None:
        """Updates of one chat go one after another; different chats overlap."""
        copies = 2 if update["update_id"] in self._twice else 1
        self._twice.discard(update["update_id"])
        lane = self._lanes.setdefault(_chat_of(update), deque())
        lane.extend([update] * copies)
        if len(lane) == copies:
            task = asyncio.get_running_loop().create_task(self._drain(lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _drain(self, lane: deque[JSON]) -> None:
        hook = self.webhook
        while lane and hook and self.webhook is hook:
            await self._deliver(hook, lane[0])
            lane.popleft()

    async def _deliver(self, hook: Webhook, update: JSON) -> None:
        pause = self.first_retry_seconds
        while self.webhook is hook:
            async with self._slots:
                status, why = await self._post(hook, update)
            self.deliveries.append(Delivery(update["update_id"], status, time.monotonic()))
            if 200 <= status < 300:
                self.pending.pop(update["update_id"], None)
                return
            hook.last_error_at, hook.last_error = int(time.time()), why
            await asyncio.sleep(pause)
            pause = min(pause * 2, self.longest_retry_seconds)

    async def _post(self, hook: Webhook, update: JSON) -> tuple[int, str]:
        headers = {"X-Telegram-Bot-Api-Secret-Token": hook.secret_token} if hook.secret_token else {}
        patience = aiohttp.ClientTimeout(total=self.answer_within_seconds)
        try:
            async with self._http().post(hook.url, json=update, headers=headers, timeout=patience) as answer:
                if b'"method"' in await answer.read():
                    self._warn("webhook answered with a method call, which the stand-in does not carry out")
                return answer.status, f"Wrong response from the webhook: {answer.status} {answer.reason}"
        except (aiohttp.ClientError, TimeoutError) as error:
            return 0, f"Connection failed: {type(error).__name__}"


def _chat_of(update: JSON) -> int:
    for value in update.values():
        if isinstance(value, dict):
            message = value.get("message") or value
            holder = message.get("chat") or value.get("from") or {}
            return int(holder.get("id", 0))
    return 0
