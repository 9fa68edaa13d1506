"""The officers' desk bot on python-telegram-bot, with a token and a flood budget of its own.

So no bulletin of the members' bot can delay an alert, and officers' rights share no path with the public. The library's
own dispatcher is not used: it acknowledges an update before it is stored.
"""

import asyncio
import json
import warnings
from dataclasses import replace
from typing import Any

import httpx
import structlog
import telegram
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)
from telegram.request import HTTPXRequest

from bot.transports import (
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
)
from bot.transports.formatting import to_html, to_plain
from bot.transports.telegram_updates import (
    ALLOWED_UPDATES,
    file_id_of,
    forget_names,
    is_file_gone,
    is_file_too_large,
    read_group_command,
    read_removal,
    read_update,
    utf16_length,
)
from db.models import TopicAct
from handlers.cases.groups import OPEN_COMMAND, TIE_COMMAND
from handlers.cases.topics import OPENS
from handlers.chat import GROUP_GONE, TOPIC_GONE, Channel, File, Incoming, StoredButton, StoredReply, Topic

log = structlog.get_logger()

# it would have us call get_updates, which fails for a whole batch when it does not know the shape of one update
warnings.filterwarnings("ignore", message="Please use 'Bot.getUpdates'")

_NO_CONNECTION = httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout
_POLL_SECONDS = 25
_RETRY_SECONDS = 3.0
_REFUSED_SECONDS = 15.0
_DOWNLOAD_SECONDS = 50
_CAPTION_LIMIT = 1024
_SIGN_IN = "/vao"
"""What "/start CODE", the link with a one-time code, means here."""
_NO_TOPIC = ("message thread not found", "topic_deleted", "topic_id_invalid")
_CHAT_IS_GONE = "chat not found"
_CLOSED_ALREADY = "topic_not_modified"
_MOST_REMEMBERED = 1000


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
    """Talks with officers in private chats, sends to the operator's, and keeps topics in the groups of units."""

    channel = Channel("telegram_desk", serves_members=False, is_abroad=True, has_groups=True)
    messages_per_second = 25.0
    text_limit = 4096
    stored_is_sent = False

    def __init__(self, token: str, api_url: str) -> None:
        self._request = _Request(connection_pool_size=8, connect_timeout=10, read_timeout=20)
        self._polls = _Request(connection_pool_size=1, connect_timeout=10, read_timeout=_POLL_SECONDS + 10)
        self._bot = telegram.Bot(
            token,
            base_url=f"{api_url}/bot",
            base_file_url=f"{api_url}/file/bot",
            request=self._request,
            get_updates_request=self._polls,
        )
        self.sender = f"telegram_desk:{token.split(':')[0]}"
        self._spinners: set[asyncio.Task[None]] = set()
        self._username = ""
        self._opened: dict[int, int] = {}
        self.is_connected = False

    def measure(self, text: str) -> int:
        """Telegram counts UTF-16 units."""
        return utf16_length(text)

    def read(self, raw: Raw) -> Incoming | None:
        """The event in an update, or None for kinds and chats we do not serve. In a group only the command is heard
        that ties it to a unit, and that we were taken out of it; the letters that a link from there brings along name a
        case to be opened."""
        in_group = read_group_command(raw, self.sender, TIE_COMMAND) or read_removal(raw, self.sender)
        if in_group is not None:
            return in_group
        incoming = read_update(raw, self.sender, _SIGN_IN)
        if incoming is None:
            return None
        return replace(incoming, text=incoming.text.replace(f"{_SIGN_IN} {OPENS}", f"{OPEN_COMMAND} ", 1))

    async def listen(self, receive: Receive) -> None:
        """Poll until cancelled; the offset moves on only after an update is stored."""
        await self._patiently(self._bot.delete_webhook)
        offset: int | None = None
        while True:
            for raw in await self._patiently(self._poll, offset):
                if not await self._store(receive, raw):
                    break  # the same updates come again from this offset
                offset = raw["update_id"] + 1

    async def _poll(self, offset: int | None) -> list[Raw]:
        """Updates as Telegram sent them: one of a shape the library does not know must not hold up the others."""
        wishes = {"timeout": _POLL_SECONDS, "allowed_updates": ALLOWED_UPDATES}
        updates: list[Raw] = await self._bot.do_api_request(
            "getUpdates", wishes | ({"offset": offset} if offset is not None else {}), read_timeout=_POLL_SECONDS + 10
        )
        return updates

    async def _patiently(self, call: Any, *args: Any) -> Any:
        """Repeat a call until it succeeds; the platform may be blocked or down for hours."""
        while True:
            try:
                answer = await call(*args)
            except (InvalidToken, Forbidden, Conflict) as error:
                log.error("desk_bot_refused", sender=self.sender, error=type(error).__name__)
                wait = _REFUSED_SECONDS
            except RetryAfter as error:
                wait = _seconds(error)
            except TelegramError as error:
                log.warning("desk_bot_unreachable", sender=self.sender, error=type(error).__name__)
                wait = _RETRY_SECONDS
            else:
                self.is_connected = True
                return answer
            self.is_connected = False
            await asyncio.sleep(wait)

    async def _store(self, receive: Receive, raw: Raw) -> bool:
        forget_names(raw)
        try:
            await receive(self, raw)
        except StorageUnavailable:
            await asyncio.sleep(_RETRY_SECONDS)
            return False
        if "callback_query" in raw:
            task = asyncio.create_task(self._stop_spinner(raw["callback_query"]["id"]))
            self._spinners.add(task)
            task.add_done_callback(self._spinners.discard)
        return True

    async def _stop_spinner(self, query_id: str) -> None:
        """Tell Telegram the button was received; when that fails, only a spinner turns a little longer."""
        try:
            await self._bot.answer_callback_query(query_id)
        except TelegramError as error:
            log.info("telegram_spinner_left", sender=self.sender, error=type(error).__name__)

    async def fetch(self, raw: Raw, limit: int) -> bytes:
        """The file of an update, by its id: Telegram gives an address for it, good for an hour."""
        file_id = file_id_of(raw)
        if file_id is None:
            raise FileGone
        file = await self._find_file(file_id)
        if (file.file_size or 0) > limit:
            raise FileTooLarge
        try:
            content = bytes(await file.download_as_bytearray(read_timeout=_DOWNLOAD_SECONDS))
        except InvalidToken:  # what the library makes of a 404
            raise FileGone from None
        except (TelegramError, RuntimeError):  # whose words hold the address, and that holds our token
            raise FetchUnavailable from None
        if len(content) > limit:
            raise FileTooLarge
        return content

    async def _find_file(self, file_id: str) -> telegram.File:
        """Where Telegram has put a file for us."""
        try:
            return await self._bot.get_file(file_id)
        except RetryAfter as error:
            raise AccountPaused(_seconds(error)) from None
        except BadRequest as error:
            if is_file_too_large(error.message):
                raise FileTooLarge from None
            raise (FileGone if is_file_gone(error.message) else FetchUnavailable) from None
        except TelegramError:
            raise FetchUnavailable from None

    async def send(self, address: str, reply: StoredReply) -> str | None:
        """Send one message with its buttons as an inline keyboard; one that goes to a topic returns that one's number
        in place of the message's."""
        try:
            if reply.topic is not None:
                return str(await self._send_to_topic(address, reply, reply.topic))
            return str((await self._send(address, reply)).message_id)
        except RetryAfter as error:
            raise AccountPaused(_seconds(error)) from None
        except ChatMigrated as error:
            raise PersonMoved(str(error.new_chat_id)) from None
        except Forbidden:
            raise PersonUnreachable("blocked") from None
        except InvalidToken:
            raise SendUnavailable from None  # it speaks of our token, not of the person: the message waits
        except BadRequest as error:
            raise _refusal_of(error.message, reply) from None
        except TelegramError as error:
            raise (SendUnavailable if _was_not_sent(error) else SendUncertain) from None

    async def _send_to_topic(self, address: str, reply: StoredReply, topic: Topic) -> int:
        """A topic once opened for a message is kept for its next try: else each would leave an empty one behind."""
        number = topic.number or self._opened.get(reply.ledger_id or 0)
        if topic.act is TopicAct.REMOVE and number:
            await self._bot.delete_forum_topic(address, number)
            return number
        markup = _keyboard(reply.buttons, await self._find_username())
        if not number:
            number = (await self._bot.create_forum_topic(address, topic.name)).message_thread_id
            self._remember_opened(reply.ledger_id or 0, number)
        await self._bot.send_message(
            address, to_html(reply.text), parse_mode="HTML", reply_markup=markup, message_thread_id=number
        )
        if topic.act is TopicAct.CLOSE:
            await self._close_topic(address, number)
        self._opened.pop(reply.ledger_id or 0, None)
        return number

    async def _close_topic(self, address: str, number: int) -> None:
        try:
            await self._bot.close_forum_topic(address, number)
        except BadRequest as error:
            if _CLOSED_ALREADY not in error.message.lower():
                raise

    def _remember_opened(self, ledger_id: int, number: int) -> None:
        if len(self._opened) >= _MOST_REMEMBERED:
            self._opened.clear()
        self._opened[ledger_id] = number

    async def _find_username(self) -> str:
        """Our own name, which links to us begin with; it does not change while we run."""
        if not self._username:
            self._username = (await self._bot.get_me()).username or ""
        return self._username

    async def _send(self, address: str, reply: StoredReply) -> telegram.Message:
        """The text of a message with one file is its caption, so that it goes out in one call; else files go before."""
        text, markup = to_html(reply.text), _keyboard(reply.buttons)
        if len(reply.files) == 1 and self.measure(to_plain(reply.text)) <= _CAPTION_LIMIT:
            return await self._send_file(address, reply.files[0], text, markup)
        for file in reply.files:
            await self._send_file(address, file)
        return await self._bot.send_message(address, text, parse_mode="HTML", reply_markup=markup)

    async def _send_file(
        self, address: str, file: File, caption: str | None = None, markup: telegram.InlineKeyboardMarkup | None = None
    ) -> telegram.Message:
        if file.media_type.startswith("image/"):
            return await self._bot.send_photo(
                address, file.content, caption, filename=file.name, parse_mode="HTML", reply_markup=markup
            )
        return await self._bot.send_document(
            address, file.content, caption, filename=file.name, parse_mode="HTML", reply_markup=markup
        )

    async def close(self) -> None:
        """Close the HTTP clients."""
        for spinner in self._spinners:
            spinner.cancel()
        await self._request.shutdown()  # the bot's own shutdown does nothing for a bot that never called getMe
        await self._polls.shutdown()


def _keyboard(buttons: tuple[StoredButton, ...], username: str = "") -> telegram.InlineKeyboardMarkup | None:
    """One button in a row: officers' labels are long. An officer's phone number is never asked here."""
    rows = [
        [telegram.InlineKeyboardButton(button.label, callback_data=button.action, url=_link_of(button, username))]
        for button in buttons
        if not button.shares_contact
    ]
    return telegram.InlineKeyboardMarkup(rows) if rows else None


def _link_of(button: StoredButton, username: str) -> str | None:
    return f"https://t.me/{username}?start={button.starts}" if button.starts else button.url


def _refusal_of(message: str, reply: StoredReply) -> SendFailed:
    """What a refusal means, as far as anybody acts on it; the library writes Telegram's words in its own case."""
    said = message.lower()
    if reply.topic is not None and any(words in said for words in _NO_TOPIC):
        return SendFailed(TOPIC_GONE)
    if reply.topic is not None and _CHAT_IS_GONE in said:
        return PersonUnreachable(GROUP_GONE[-1])
    return SendFailed(message[:100])


def _seconds(error: RetryAfter) -> float:
    wait = error.retry_after
    return wait if isinstance(wait, (int, float)) else wait.total_seconds()


def _was_not_sent(error: TelegramError) -> bool:
    """True when no connection was made, or Telegram itself answered that it failed (no other error lies behind it)."""
    return isinstance(error, NetworkError) and isinstance(error.__cause__, _NO_CONNECTION | None)
