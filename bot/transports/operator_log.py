"""The operator's alerts when no chat is set for them: a line in the log that monitoring can watch for."""

import structlog

from bot.transports import FileGone, Raw, Receive
from handlers.chat import Channel, Incoming, StoredReply

log = structlog.get_logger()


class OperatorLog:
    """Sends by logging; nothing ever comes in."""

    sender = "operator_log"
    channel = Channel("log", serves_members=False, serves_officers=False)
    messages_per_second = None
    text_limit = 100_000
    is_connected = True
    stored_is_sent = False

    def measure(self, text: str) -> int:
        """Plain characters."""
        return len(text)

    def read(self, _raw: Raw) -> Incoming | None:
        """Nothing is ever received."""
        return None

    async def listen(self, _receive: Receive) -> None:
        """Nothing to listen to."""

    async def fetch(self, _raw: Raw, _limit: int) -> bytes:
        """Nobody writes in the log."""
        raise FileGone

    async def send(self, _address: str, reply: StoredReply) -> str | None:
        """Write the alert at the highest level."""
        log.critical("operator_alert", text=reply.text)
        return None

    async def close(self) -> None:
        """Nothing to give up."""
