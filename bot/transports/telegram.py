"""The members' Telegram bot on aiogram: updates in by polling or webhook, messages out over aiogram's HTTP session.

aiogram's dispatcher is not used: it acknowledges an update before it is stored. Updates go to the inbox as Telegram
sent them, and the offset moves on only after that (`platform` notes: polling is at-most-once in every library).
"""

import asyncio
import contextlib
import hmac
import json
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import structlog
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import Response, TelegramMethod
from aiogram.methods.base import TelegramType
from aiogram.types import (
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    Message,
    ReplyKeyboardMarkup,
)
from aiohttp import ClientConnectorError, ClientError, ClientResponseError, FormData, JsonPayload

from bot.transports import (
    TELEGRAM_WEBHOOK_PATH,
    AccountPaused,
    FetchUnavailable,
    FileGone,
    FileTooLarge,
    PersonMoved,
    PersonUnreachable,
    Raw,
    Receive,
    SendFailed,
    SendUnavailable,
    SendUncertain,
    StorageUnavailable,
    Uploads,
    hand_over_once,
)
from bot.transports.formatting import to_html
from bot.transports.telegram_messages import TEXT_LIMIT, Drawn, arrange, draw
from bot.transports.telegram_updates import (
    ALLOWED_UPDATES,
    file_id_of,
    forget_names,
    is_file_gone,
    is_file_too_large,
    read_update,
    utf16_length,
)
from handlers.chat import Channel, File, Incoming, StoredButton, StoredReply

log = structlog.get_logger()

MESSAGES_PER_SECOND = 30.0
"""Telegram's bulk limit for one bot (Bot API FAQ, "My bot is hitting limits")."""

_POLL_SECONDS = 25
_CALL_SECONDS = 20
"""How long any other call may take; after that it is uncertain whether it was carried out."""
_UPLOAD_SECONDS = 60
_DOWNLOAD_SECONDS = 50
_RETRY_SECONDS = 3.0
_CONFLICT_SECONDS = 15.0

_Markup = InlineKeyboardMarkup | ReplyKeyboardMarkup


class _GetRawUpdates(TelegramMethod[list[dict[str, Any]]]):
    """getUpdates with its answer as Telegram sent it: one update of a shape aiogram does not know must not hold up
    all the others."""

    __returning__ = list[dict[str, Any]]
    __api_method__ = "getUpdates"

    offset: int | None
    timeout: int
    allowed_updates: list[str]


class _SendText(TelegramMethod[dict[str, Any]]):
    """sendMessage with no more than we use, and an answer of which only the number is read: aiogram's own takes twice
    the time, and a bulletin is a thousand of these a second."""

    __returning__ = dict[str, Any]
    __api_method__ = "sendMessage"

    chat_id: int
    text: str
    parse_mode: str = "HTML"
    reply_markup: dict[str, Any] | None = None


_SENT = Response[dict[str, Any]]
"""Held on to: aiogram asks for this class with every answer, and pydantic would make it anew each time."""


class _Session(AiohttpSession):
    """aiogram's session, for which an answer that cannot be read is a network error like any other."""

    def build_form_data(self, bot: Bot, method: TelegramMethod[TelegramType]) -> FormData:
        """What a request carries; a text goes as JSON, which is made in a fraction of a form's time."""
        if isinstance(method, _SendText):
            return JsonPayload(method.model_dump(exclude_none=True))  # type: ignore[return-value]  # aiohttp takes both
        return super().build_form_data(bot, method)

    async def make_request(
        self,
        bot: Bot,
        method: TelegramMethod[TelegramType],
        timeout: int | None = None,  # noqa: ASYNC109  # aiogram's
    ) -> TelegramType:
        """Raises `TelegramAPIError` or a kind of it, nothing else."""
        try:
            return await super().make_request(bot, method, timeout)
        except (ClientDecodeError, UnicodeDecodeError):  # a proxy's page, or half an answer, cut within a letter
            raise TelegramNetworkError(method, "unreadable answer") from None  # the text of which may quote people
        except OSError as error:
            raise TelegramNetworkError(method, type(error).__name__) from error


class TelegramTransport:
    """One members' bot. With ``webhook_url`` set, `take_webhook` is called by the web server instead of polling."""

    channel = Channel("telegram", serves_officers=False, is_abroad=True)
    messages_per_second = MESSAGES_PER_SECOND
    text_limit = TEXT_LIMIT
    stored_is_sent = False

    def __init__(
        self, token: str, api_url: str, webhook_url: str = "", webhook_secret: str = "", uploads: Uploads | None = None
    ) -> None:
        session = _Session(api=TelegramAPIServer.from_base(api_url))
        self._bot = Bot(token, session=session)
        self.sender = f"telegram:{self._bot.id}"
        self._uploads = uploads
        self._webhook_url = webhook_url
        self._webhook_secret = webhook_secret
        self._silent_until = 0.0
        self._spinners: set[asyncio.Task[None]] = set()
        self.is_connected = False

    def measure(self, text: str) -> int:
        """Telegram counts UTF-16 units."""
        return utf16_length(text)

    def read(self, raw: Raw) -> Incoming | None:
        """The event in an update, or None for kinds and chats we do not serve, and for what is no update at all."""
        return read_update(raw, self.sender)

    async def listen(self, receive: Receive) -> None:
        """Poll until cancelled, or announce the webhook and wait."""
        await self._patiently(self._announce)
        if self._webhook_url:
            await asyncio.Event().wait()
        offset: int | None = None
        while True:
            for raw in await self._patiently(self._poll, offset):
                if not await self._store(receive, raw):
                    break  # the same updates come again from this offset
                offset = raw["update_id"] + 1

    async def _store(self, receive: Receive, raw: Raw) -> bool:
        forget_names(raw)
        try:
            await receive(self, raw)
        except StorageUnavailable:
            await asyncio.sleep(_RETRY_SECONDS)
            return False
        if "callback_query" in raw:
            self._stop_spinner(raw["callback_query"]["id"])
        return True

    async def take_webhook(self, receive: Receive, headers: Mapping[str, str], body: bytes) -> int:
        """One update from Telegram's webhook (`bot.transports.Webhook`); the secret is compared in constant time."""
        secret = headers.get("x-telegram-bot-api-secret-token", "")
        if not hmac.compare_digest(secret.encode(), self._webhook_secret.encode()):
            raise PermissionError
        raw: Raw = json.loads(body)
        if not isinstance(raw, dict):
            raise ValueError("no update")
        forget_names(raw)
        await receive(self, raw)
        if "callback_query" in raw:
            self._stop_spinner(raw["callback_query"]["id"])
        return 200

    def _stop_spinner(self, query_id: str) -> None:
        task = asyncio.create_task(self._answer_button(query_id))
        self._spinners.add(task)
        task.add_done_callback(self._spinners.discard)

    async def _answer_button(self, query_id: str) -> None:
        """Tell Telegram the button was received; when that fails, only a spinner turns a little longer."""
        try:
            await asyncio.sleep(self._silence_left())
            await self._bot.answer_callback_query(query_id, request_timeout=_CALL_SECONDS)
        except TelegramRetryAfter as error:
            self._keep_silent(error.retry_after)
        except TelegramAPIError as error:
            log.info("telegram_spinner_left", sender=self.sender, error=type(error).__name__)

    def _keep_silent(self, seconds: float) -> None:
        """Telegram told the whole account to wait: no call of any kind goes out before."""
        self._silent_until = max(self._silent_until, time.monotonic() + seconds)

    def _silence_left(self) -> float:
        return max(0.0, self._silent_until - time.monotonic())

    async def _announce(self) -> None:
        if self._webhook_url:
            await self._bot.set_webhook(
                f"{self._webhook_url}{TELEGRAM_WEBHOOK_PATH}",
                secret_token=self._webhook_secret,
                allowed_updates=ALLOWED_UPDATES,
                request_timeout=_CALL_SECONDS,
            )
        else:
            await self._bot.delete_webhook(request_timeout=_CALL_SECONDS)
        self.is_connected = True

    async def _poll(self, offset: int | None) -> list[Raw]:
        poll = _GetRawUpdates(offset=offset, timeout=_POLL_SECONDS, allowed_updates=ALLOWED_UPDATES)
        updates = await self._bot(poll, request_timeout=_POLL_SECONDS + 10)
        self.is_connected = True
        return updates

    async def _patiently(self, call: Any, *args: Any) -> Any:
        """Repeat a call until it succeeds; the platform may be blocked or down for hours."""
        while True:
            try:
                return await call(*args)
            except (TelegramUnauthorizedError, TelegramNotFound):
                log.error("telegram_token_refused", sender=self.sender)
                wait = _CONFLICT_SECONDS
            except TelegramConflictError:
                log.error("telegram_polled_elsewhere", sender=self.sender)
                wait = _CONFLICT_SECONDS
            except TelegramRetryAfter as error:
                self._keep_silent(error.retry_after)
                wait = self._silence_left()
            except TelegramAPIError as error:
                log.warning("telegram_unreachable", sender=self.sender, error=type(error).__name__)
                wait = _RETRY_SECONDS
            self.is_connected = False
            await asyncio.sleep(wait)

    async def fetch(self, raw: Raw, limit: int) -> bytes:
        """The file of an update, by its id: Telegram gives an address for it, good for an hour."""
        file_id = file_id_of(raw)
        if file_id is None:
            raise FileGone
        if self._silence_left():
            raise AccountPaused(self._silence_left())
        path = await self._find_path(file_id, limit)
        url = self._bot.session.api.file_url(self._bot.token, path)
        content = b""
        try:
            stream = self._bot.session.stream_content(url, timeout=_DOWNLOAD_SECONDS, raise_for_status=True)
            async with contextlib.aclosing(stream):
                async for chunk in stream:
                    content += chunk
                    if len(content) > limit:
                        raise FileTooLarge
        except ClientResponseError as error:  # whose words hold the address, and that holds our token
            raise (FileGone if error.status == 404 else FetchUnavailable) from None
        except (ClientError, TimeoutError, OSError):
            raise FetchUnavailable from None
        return content

    async def _find_path(self, file_id: str, limit: int) -> str:
        """Where Telegram has put a file for us."""
        try:
            file = await self._bot.get_file(file_id, request_timeout=_CALL_SECONDS)
        except TelegramRetryAfter as error:
            self._keep_silent(error.retry_after)
            raise AccountPaused(float(error.retry_after)) from None
        except TelegramBadRequest as error:
            if is_file_too_large(error.message):
                raise FileTooLarge from None
            raise (FileGone if is_file_gone(error.message) else FetchUnavailable) from None
        except TelegramAPIError:
            raise FetchUnavailable from None
        if (file.file_size or 0) > limit:
            raise FileTooLarge
        if not file.file_path:
            raise FileGone
        return file.file_path

    async def send(self, address: str, reply: StoredReply) -> str | None:
        """Send one message with its buttons as an inline keyboard."""
        if self._silence_left():
            raise AccountPaused(self._silence_left())
        try:
            message = await self._send(int(address), reply)
        except TelegramRetryAfter as error:
            self._keep_silent(error.retry_after)
            raise AccountPaused(float(error.retry_after)) from None
        except TelegramForbiddenError:
            raise PersonUnreachable("blocked") from None
        except TelegramMigrateToChat as error:
            raise PersonMoved(str(error.migrate_to_chat_id)) from None
        except TelegramBadRequest as error:
            raise SendFailed(error.message[:100]) from None
        except (TelegramServerError, TelegramUnauthorizedError, TelegramNotFound):
            raise SendUnavailable from None  # 401 and 404 speak of our token: the reply waits for the right one
        except TelegramNetworkError as error:
            raise (SendUnavailable if _never_left(error) else SendUncertain) from None
        except TelegramAPIError as error:
            raise SendFailed(type(error).__name__) from None
        return str(message)

    async def _send(self, chat_id: int, reply: StoredReply) -> int:
        """Returns the number of its last message."""
        *before, last = draw(reply)
        for message in before:
            await self._send_one(chat_id, message)
        return await self._send_one(chat_id, last)

    async def _send_one(self, chat_id: int, message: Drawn) -> int:
        text = None if message.text is None else to_html(message.text)
        if message.file is not None:
            sent = await self._send_file(chat_id, message.file, text, _keyboard(message.buttons))
            return sent.message_id
        answer = await self._bot(
            _SendText(chat_id=chat_id, text=text or "", reply_markup=_draw_keyboard(message.buttons)),
            request_timeout=_CALL_SECONDS,
        )
        return int(answer["message_id"])

    async def _send_file(
        self, chat_id: int, file: File, caption: str | None = None, markup: _Markup | None = None
    ) -> Message:
        with_caption: dict[str, Any] = {"caption": caption, "parse_mode": "HTML", "reply_markup": markup}

        async def send(named: str | None) -> Message:
            content = named or BufferedInputFile(file.content, file.name)
            if file.media_type.startswith("image/"):
                return await self._bot.send_photo(chat_id, content, **with_caption, request_timeout=_UPLOAD_SECONDS)
            return await self._bot.send_document(chat_id, content, **with_caption, request_timeout=_UPLOAD_SECONDS)

        if self._uploads is None or file.digest is None:
            return await send(None)
        return await hand_over_once(self._uploads, file.digest, send, _file_id_in, _is_file_forgotten)

    async def close(self) -> None:
        """Close the HTTP session."""
        for spinner in self._spinners:
            spinner.cancel()
        await self._bot.session.close()


def _file_id_in(message: Message) -> str | None:
    """What Telegram calls the file of a message we sent; of a picture, its largest size."""
    if message.photo:
        return message.photo[-1].file_id
    return message.document.file_id if message.document else None


def _is_file_forgotten(error: Exception) -> bool:
    return isinstance(error, TelegramBadRequest) and "file" in error.message.lower()


def _never_left(error: TelegramNetworkError) -> bool:
    """True when no connection was made, so that the message cannot have arrived."""
    return isinstance(error.__cause__, ClientConnectorError)


@lru_cache(maxsize=32)
def _draw_keyboard(buttons: tuple[StoredButton, ...]) -> dict[str, Any] | None:
    """Buttons as JSON holds them; those of a bulletin are the same for everybody."""
    markup = _keyboard(buttons)
    return markup.model_dump(mode="json", exclude_none=True) if markup else None


def _keyboard(buttons: tuple[StoredButton, ...]) -> _Markup | None:
    """Buttons under the message; where one of them shares the phone number, which Telegram offers only above the
    typing field, all stand there, and pressing another one types its label."""
    if any(button.shares_contact for button in buttons):
        keys = [[KeyboardButton(text=key.label, request_contact=key.shares_contact or None)] for key in buttons]
        return ReplyKeyboardMarkup(keyboard=keys, resize_keyboard=True, one_time_keyboard=True)
    rows = [
        [InlineKeyboardButton(text=one.label, callback_data=one.action, url=one.url) for one in row]
        for row in arrange(buttons)
    ]
    return InlineKeyboardMarkup(inline_keyboard=rows) if rows else None
