"""The Transport protocol: what a channel must do, and how it says that sending failed."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from handlers.chat import Channel, Incoming, StoredReply

T = TypeVar("T")

TELEGRAM_WEBHOOK_PATH = "/telegram/webhook"
"""Where Telegram posts updates, below the public address of the webhook."""

ZALO_BOT_WEBHOOK_PATH = "/zalo/bot/webhook"
"""Where Zalo posts the events of a Zalo Bot, below the public address of the page."""

ZALO_OA_WEBHOOK_PATH = "/zalo/oa/webhook"
ZALO_OA_LOGIN_PATH = "/zalo/oa/callback"
"""Where Zalo posts the events of an Official Account, and where it sends the administrator who gave us permissions."""

Raw = dict[str, Any]
"""An update as the platform sent it."""

Receive = Callable[["Transport", Raw], Awaitable[None]]
"""Stores an update durably before it returns; raises `StorageUnavailable` when it cannot, and then the update must
not be acknowledged."""

Webhook = Callable[[Mapping[str, str], bytes], Awaitable[int]]
"""Takes what a platform posted (headers, whatever their case, and the raw body) and returns the HTTP status to answer,
only once what came is stored. Raises PermissionError (answered 401), ValueError (400), `StorageUnavailable` (503)."""

Page = Callable[[Mapping[str, str]], Awaitable[tuple[int, str]]]
"""A page for the operator's browser: takes the query and returns the HTTP status and a plain text."""


class Transport(Protocol):
    """A channel. ``sender`` names our bot account on it and is stored with every row of that account."""

    @property
    def sender(self) -> str:
        """The name of our bot account."""

    @property
    def channel(self) -> Channel:
        """Whom the channel serves, as features see it."""

    @property
    def is_connected(self) -> bool:
        """Whether the platform answered us when it was last asked for events; True where there is none to ask."""

    @property
    def messages_per_second(self) -> float | None:
        """The platform's limit for the account; None where there is none."""

    @property
    def text_limit(self) -> int:
        """The longest message in the units of `measure`; longer replies are stored as several messages."""

    @property
    def stored_is_sent(self) -> bool:
        """True where people read their messages straight from the ledger."""

    def read(self, raw: Raw) -> Incoming | None:
        """The event in an update; None when it is nothing for us. Never raises for what a platform may send."""

    def measure(self, text: str) -> int:
        """The length of a plain text as the platform counts it."""

    async def listen(self, receive: Receive) -> None:
        """Take updates until cancelled; acknowledge each only after ``receive`` returned."""

    async def fetch(self, raw: Raw, limit: int) -> bytes:
        """The file in an update whose event holds one. Raises `FileGone`, `FileTooLarge` when it has more than
        ``limit`` bytes, `AccountPaused` or `FetchUnavailable`, nothing else."""

    async def send(self, address: str, reply: StoredReply) -> str | None:
        """Send one message and return the platform's id of it, `Paid` where it cost money. Raises one of the errors
        below."""

    async def close(self) -> None:
        """Give up connections."""


class StorageUnavailable(Exception):
    """The update could not be stored; the platform must send it again."""


class SendFailed(Exception):
    """The platform refused this message for good; ``reason`` is stored in the ledger."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PersonUnreachable(SendFailed):
    """The person blocked the bot or is gone."""


@dataclass
class PersonMoved(Exception):
    """The chat has a new address; the message follows it."""

    address: str


@dataclass
class AccountPaused(Exception):
    """The platform asked the whole account to be silent for so many seconds (429)."""

    seconds: float


@dataclass
class WindowClosed(Exception):
    """The platform takes nothing for this person now. ``reason`` is one of `db.deliveries.WAITS`; the message goes when
    they write, or at ``until`` where that is known."""

    reason: str = "window"
    until: datetime | None = None


class SendUnavailable(Exception):
    """The platform could not be reached or answered with an error of its own; nothing was sent."""


class FileGone(Exception):
    """The platform does not have this file any more, or does not give it away."""


class FileTooLarge(Exception):
    """The file has more bytes than were asked for."""


class FetchUnavailable(Exception):
    """The platform could not be reached or answered with an error of its own; asking again may help."""


class SendUncertain(Exception):
    """The connection broke after the message was handed over: it may or may not have been sent."""


class Paid(str):
    """The platform's id of a message that was sent for money."""

    __slots__ = ()


class Uploads(Protocol):
    """What the platform calls files that go to many (`handlers.chat.File.digest`)."""

    def turn(self, digest: str) -> AbstractAsyncContextManager[None]:
        """Held while a file is handed over, so that nobody hands it over a second time meanwhile."""

    async def find(self, digest: str) -> str | None:
        """What the platform calls a file; None when it has none of ours, or no longer."""

    async def keep(self, digest: str, platform_id: str, good_until: datetime | None = None) -> None:
        """The platform has a file and calls it so, until a moment where it says so."""

    async def drop(self, digest: str, platform_id: str) -> None:
        """The platform no longer takes this name."""


async def hand_over_once(
    uploads: Uploads,
    digest: str,
    send: Callable[[str | None], Awaitable[T]],
    name_of: Callable[[T], str | None],
    is_forgotten: Callable[[Exception], bool],
) -> T:
    """Send a file by its name on the platform, else (``send`` of None) with its content, whose answer gives the name. A
    name that the platform does not take any more is given up, and the content is handed over once more."""
    known = await uploads.find(digest)
    if known is not None:
        try:
            return await send(known)
        except Exception as error:
            if not is_forgotten(error):
                raise
            await uploads.drop(digest, known)
    async with uploads.turn(digest):
        known = await uploads.find(digest)
        if known is None:
            answer = await send(None)
            name = name_of(answer)
            if name is not None:
                await uploads.keep(digest, name)
            return answer
    return await send(known)
