"""Who writes to a bot on the stand-in Zalo, what they are told, and how their events reach the bot."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from . import PATIENCE
from .telegram_faults import UPDATE, Faults

JSON = dict[str, Any]

SECRET_HEADER = "X-Bot-Api-Secret-Token"


@dataclass(frozen=True)
class Message:
    """What somebody was sent: a text, or a picture with its caption."""

    text: str
    styles: tuple[JSON, ...] = ()
    photo: str = ""
    picture: bytes = b""

    @property
    def bold(self) -> list[str]:
        """The words that stand in bold."""
        units = self.text.encode("utf-16-le")
        return [
            units[2 * style["start"] : 2 * (style["start"] + style["len"])].decode("utf-16-le")
            for style in self.styles
            if "b" in style["st"]
        ]


@dataclass(frozen=True)
class Attempt:
    """One try to hand an event to the webhook; status 0 means nobody answered."""

    message_id: str
    status: int


class Chats:
    """Everybody who ever wrote to the bot, and what they were sent."""

    def __init__(self) -> None:
        self.messages: dict[str, list[Message]] = {}
        self.blocked: set[str] = set()
        self._changed = asyncio.Event()

    def keep(self, chat_id: str, message: Message) -> None:
        self.messages[chat_id].append(message)
        self._changed.set()

    async def wait_for(self, chat_id: str, count: int, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while len(self.messages[chat_id]) < count:
                self._changed.clear()
                await self._changed.wait()


class Events:
    """Hands events to the bot: one with each poll, or by webhook until it answers 2xx.

    ``replays``: polled events come again with later polls. ``loses``: what comes while nobody polls is gone.
    ``is_bare``: posts come without the wrapping of an answer.
    """

    def __init__(self, faults: Faults, http: Callable[[], aiohttp.ClientSession]) -> None:
        self.replays = self.loses = self.is_bare = False
        self.longest_poll = 0.3
        self.polls: list[float] = []
        self.webhook: JSON | None = None
        self.secret = ""
        self.attempts: list[Attempt] = []
        self.retry_seconds = 0.05
        self._faults, self._http = faults, http
        self._waiting: deque[JSON] = deque()
        self._handed: list[JSON] = []
        self._turn = 0
        self._arrived = asyncio.Event()
        self._pollers = 0
        self._held: list[JSON] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def push(self, event: JSON) -> None:
        fault = self._faults.pick(UPDATE)
        if self.webhook is None:
            if self.loses and not self._pollers:
                return
            self._waiting.append(event)
            self._arrived.set()
        elif fault and fault.kind == "out_of_order":
            self._held.append(event)
            asyncio.get_running_loop().call_later(0.2, self._release)
        else:
            for _ in range(2 if fault and fault.kind == "duplicate" else 1):
                self._deliver_soon(event)
            self._release()

    def _release(self) -> None:
        held, self._held = self._held, []
        for event in held:
            self._deliver_soon(event)

    def wrap(self, event: JSON) -> JSON:
        return event if self.is_bare else {"ok": True, "result": event}

    async def poll(self, seconds: float) -> JSON | None:
        """The next event, or None when none came in time."""
        self.polls.append(time.monotonic())
        if self.replays and self._handed and not self._waiting:
            self._turn += 1
            return self._handed[self._turn % len(self._handed)]
        self._pollers += 1
        try:
            async with asyncio.timeout(min(seconds, self.longest_poll)):
                while not self._waiting:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            return None
        finally:
            self._pollers -= 1
        event = self._waiting.popleft()
        self._handed.append(event)
        return event

    def _deliver_soon(self, event: JSON) -> None:
        task = asyncio.create_task(self._deliver(event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, event: JSON) -> None:
        while self.webhook is not None:
            status = await self.post(self.webhook["url"], self.wrap(event), self.secret)
            self.attempts.append(Attempt(event.get("message", {}).get("message_id", ""), status))
            if 200 <= status < 300:
                return
            await asyncio.sleep(self.retry_seconds)

    async def post(self, url: str, body: JSON | None, secret: str) -> int:
        """One post; 0 when nobody answered."""
        headers = {SECRET_HEADER: secret} if secret else {}
        patience = aiohttp.ClientTimeout(total=5)
        try:
            async with self._http().post(url, json=body, headers=headers, timeout=patience) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    async def all_delivered(self) -> None:
        """Wait until nothing is on its way to the webhook."""
        async with asyncio.timeout(PATIENCE):
            while self._tasks or self._held:  # noqa: ASYNC110  # polled, so that delivering stays free of notifications
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        self.webhook = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@dataclass
class Person:
    """Somebody with Zalo on their phone; ``chat_id`` is that of a group when they speak there."""

    chats: Chats
    events: Events
    id: str
    name: str = ""
    group: str = ""
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def chat_id(self) -> str:
        return self.group or self.id

    @property
    def messages(self) -> list[Message]:
        """What this chat was sent, oldest first."""
        return self.chats.messages.get(self.chat_id, [])

    def event(self, name: str, message_id: str = "", **content: Any) -> JSON:
        """An event of theirs, as Zalo writes it."""
        return {
            "event_name": f"message.{name}.received",
            "message": {
                "from": {"id": self.id, "display_name": self.name or self.id, "is_bot": False},
                "chat": {"id": self.chat_id, "chat_type": "GROUP" if self.group else "PRIVATE"},
                "message_id": message_id or f"{self.id}-{next(self._numbers)}",
                "date": int(time.time() * 1000),
                **content,
            },
        }

    def does(self, name: str, **content: Any) -> JSON:
        """Do something; returns the event."""
        event = self.event(name, **content)
        self.chats.messages.setdefault(self.chat_id, [])
        self.events.push(event)
        return event

    def says(self, text: str) -> JSON:
        return self.does("text", text=text)

    async def hears(self, count: int, seconds: float = PATIENCE) -> list[Message]:
        """Wait until so many messages have come."""
        self.chats.messages.setdefault(self.chat_id, [])
        await self.chats.wait_for(self.chat_id, count, seconds)
        return self.messages
