"""The bot for a person at a keyboard: one line is one message; buttons are numbered."""

import asyncio
import itertools
import sys
import time
from collections.abc import Callable

from bot.transports import FileGone, Raw, Receive, StorageUnavailable
from bot.transports.formatting import to_plain, with_buttons
from handlers.chat import Channel, Incoming, Kind, StoredReply
from knowledge.texts import t


class TerminalTransport:
    """Reads standard input, writes standard output; a number or the words of a button press it."""

    sender = "terminal"
    channel = Channel("terminal", numbers_buttons=True)
    messages_per_second = None
    text_limit = 100_000
    is_connected = True
    stored_is_sent = False

    def __init__(self, on_end: Callable[[], None], write: Callable[[str], object] = sys.stdout.write) -> None:
        self._on_end = on_end
        self._write = write
        self._ids = (f"{time.time_ns()}-{number}" for number in itertools.count())

    def measure(self, text: str) -> int:
        """Plain characters."""
        return len(text)

    def read(self, raw: Raw) -> Incoming:
        """A typed line is always a text."""
        return Incoming(self.sender, raw["who"], raw["id"], Kind.TEXT, raw["text"])

    async def listen(self, receive: Receive) -> None:
        """Until the end of input."""
        while line := await asyncio.to_thread(sys.stdin.readline):
            try:
                await receive(self, {"who": "terminal", "id": next(self._ids), "text": line.rstrip("\n")})
            except StorageUnavailable:
                self._write(t("web.not_sent") + "\n\n")
        self._on_end()

    async def fetch(self, _raw: Raw, _limit: int) -> bytes:
        """Nobody sends a file from a keyboard."""
        raise FileGone

    async def send(self, address: str, reply: StoredReply) -> str | None:
        """Print the message."""
        self._write(with_buttons(to_plain(reply.text), reply) + "\n\n")
        sys.stdout.flush()
        return None

    async def close(self) -> None:
        """Nothing to give up."""
