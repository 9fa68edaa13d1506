"""The officers' desk bot on python-telegram-bot, with a token and a flood budget of its own.

So no bulletin of the members' bot can delay an alert. Today it only sends the operator's alerts; officers' talk comes
with the officers' desk.
"""

import json
from typing import Any

import httpx
import telegram
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)
from telegram.request import HTTPXRequest

from bot.transports import (
    AccountPaused,
    PersonMoved,
    PersonUnreachable,
    Raw,
    Receive,
    SendFailed,
    SendUnavailable,
    SendUncertain,
)
from bot.transports.formatting import to_html
from handlers.chat import Channel, Incoming, StoredReply

_NO_CONNECTION = httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout


class _Request(HTTPXRequest):
    """python-telegram-bot's requests, without its habit of logging an answer it cannot read: that quotes a message."""

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The answer as Telegram sent it. Raises `TelegramError` when it is none."""
        try:
            answer: dict[str, Any] = json.loads(payload)
        except ValueError:
            raise TelegramError("unreadable answer") from None
        return answer


class TelegramDeskTransport:
    """Sends to officers' and operators' chats."""

    channel = Channel("telegram_desk", serves_members=False, is_abroad=True)
    messages_per_second = 25.0
    text_limit = 4096
    stored_is_sent = False

    def __init__(self, token: str, api_url: str) -> None:
        self._request = _Request(connection_pool_size=8, connect_timeout=10, read_timeout=20)
        self._bot = telegram.Bot(
            token,
            base_url=f"{api_url}/bot",
            base_file_url=f"{api_url}/file/bot",
            request=self._request,
            get_updates_request=self._request,
        )
        self.sender = f"telegram_desk:{token.split(':')[0]}"

    def measure(self, text: str) -> int:
        """Telegram counts UTF-16 units."""
        return len(text.encode("utf-16-le")) // 2

    def read(self, _raw: Raw) -> Incoming | None:
        """Nothing is received yet."""
        return None

    async def listen(self, _receive: Receive) -> None:
        """Nothing to listen to yet."""

    async def send(self, address: str, reply: StoredReply) -> str | None:
        """Send one message."""
        try:
            message = await self._bot.send_message(address, to_html(reply.text), parse_mode="HTML")
        except RetryAfter as error:
            wait = error.retry_after
            raise AccountPaused(wait if isinstance(wait, (int, float)) else wait.total_seconds()) from None
        except ChatMigrated as error:
            raise PersonMoved(str(error.new_chat_id)) from None
        except Forbidden:
            raise PersonUnreachable("blocked") from None
        except InvalidToken:
            raise SendUnavailable from None  # it speaks of our token, not of the person: the message waits
        except BadRequest as error:
            raise SendFailed(error.message[:100]) from None
        except TelegramError as error:
            raise (SendUnavailable if _was_not_sent(error) else SendUncertain) from None
        return str(message.message_id)

    async def close(self) -> None:
        """Close the HTTP client."""
        await self._request.shutdown()  # the bot's own shutdown does nothing for a bot that never called getMe


def _was_not_sent(error: TelegramError) -> bool:
    """True when no connection was made, or Telegram itself answered that it failed (no other error lies behind it)."""
    return isinstance(error, NetworkError) and isinstance(error.__cause__, _NO_CONNECTION | None)
