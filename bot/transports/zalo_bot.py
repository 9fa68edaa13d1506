"""A bot on Zalo's Bot Platform: events in by polling or webhook, messages out with their buttons as a numbered list.

What Zalo's documents leave open is taken in every form that was seen, and counted. Polling hands over an event without
any confirmation: events come again, and those of an outage are lost. So polling is for trials, a webhook for real use.
"""

import asyncio
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from bot.metrics import ZALO_BOT_FORMS
from bot.transports import (
    ZALO_BOT_WEBHOOK_PATH,
    AccountPaused,
    FileGone,
    PersonUnreachable,
    Raw,
    Receive,
    SendFailed,
    SendUnavailable,
    SendUncertain,
    StorageUnavailable,
    Uploads,
)
from bot.transports.downloads import Downloads
from bot.transports.public_files import PublicFiles
from bot.transports.zalo_bot_client import BotError, BotRefused, BotUnavailable, BotUnclear, ZaloBotClient
from bot.transports.zalo_bot_messages import TEXT_LIMIT, Drawn, draw, measure, sort_files
from handlers.chat import Attachment, AttachmentKind, Channel, Incoming, Kind, StoredReply
from handlers.feature import VIETNAM

log = structlog.get_logger()

MESSAGES_PER_SECOND = 5.0
"""Zalo publishes no limit; this is far above what 50 people need and far below what any platform minds."""

_POLL_SECONDS = 30
_BETWEEN_POLLS_SECONDS = 1.0
"""Polls start no closer together: events that were handed over have been seen to come again with every poll."""
_RETRY_SECONDS = 3.0
_REFUSED_SECONDS = 15.0
_LOOK_AFTER_SECONDS = 600.0
_FIRST_PAUSE_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 300.0
"""Zalo's 429 does not say how long to wait."""

_REMEMBERED = timedelta(days=6)
"""Older events are passed over: the inbox recognises a repeat for seven days."""
_LONGEST_ID = 80
_MILLISECONDS_SINCE = 100_000_000_000
"""A date below this counts seconds; Zalo writes milliseconds."""

_RENEWED_BEFORE = timedelta(days=2)
"""How long an address of a picture must still be good when it is sent: Zalo may fetch it later."""

_CHAT_IS_GONE = re.compile(
    r"\b(chat|user|recipient)\b.*\b(not found|not exist|invalid|blocked|deactivated)", re.IGNORECASE
)
_ALLOWED_TO_MISS_WEBHOOK = (400, 404)
"""What a bot without a webhook answers when asked about it."""


class ZaloBotTransport:
    """One bot. With ``webhook_url`` and its secret set the web server calls `take_webhook`, and nothing is polled."""

    channel = Channel("zalo_bot", numbers_buttons=True, takes_case_files=False)
    messages_per_second = MESSAGES_PER_SECOND
    text_limit = TEXT_LIMIT
    stored_is_sent = False

    def __init__(
        self,
        token: str,
        api_url: str,
        public_files: PublicFiles,
        now: Callable[[], datetime],
        webhook_url: str = "",
        webhook_secret: str = "",
        uploads: Uploads | None = None,
    ) -> None:
        self.sender = sender_of(token)
        self._client = ZaloBotClient(token, api_url)
        self._downloads = Downloads(api_url)
        self._mark_key = token.encode()
        self._public_files = public_files
        self._uploads = uploads
        self._now = now
        self._webhook_url = webhook_url
        self._webhook_secret = webhook_secret
        self._silent_until = 0.0
        self._pauses = 0
        self._takes_styles = True
        self.is_connected = False

    def measure(self, text: str) -> int:
        """Composed letters, in UTF-16 units."""
        return measure(text)

    # Events in

    def read(self, raw: Raw) -> Incoming | None:
        """What a person did, or None for events that are not part of a talk, and for what is no event at all."""
        try:
            return self._read(_unwrap(raw))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            log.warning("zalo_bot_event_unreadable", sender=self.sender, error=type(error).__name__)
            return None

    def _read(self, event: Raw) -> Incoming | None:
        message = event.get("message")
        if not isinstance(message, dict) or event.get("event_name") == "message.reaction.received":
            return None
        who = message.get("from") or {}
        if who.get("is_bot"):
            return None  # two bots would answer each other for ever
        address = _clean(str(message["chat"]["id"] or ""))
        if not address:
            return None
        kind, text = (Kind.GROUP, "") if _is_group(message) else _kind_of(str(event.get("event_name", "")), message)
        sent_at = _moment_of(message)
        is_rare = kind in (Kind.GROUP, Kind.UNREADABLE)
        return Incoming(
            sender=self.sender,
            address=address,
            event_id=self._once_a_day(kind, address, sent_at) if is_rare else _id_of(event, message),
            kind=kind,
            text=_clean(text),
            display_name=_clean(str(who.get("display_name") or "")) or None,
            sent_at=sent_at,
            attachment=_read_attachment(message) if kind is Kind.FILE else None,
        )

    def _once_a_day(self, kind: Kind, address: str, sent_at: datetime | None) -> str:
        """One id for all events of a kind of one chat and day: the inbox takes the first and knows the others as its
        repeats, also after a restart. So a group is invited, and somebody who cannot be read is told, once a day."""
        day = (sent_at or self._now()).astimezone(VIETNAM).date()
        mark = hmac.new(self._mark_key, address.encode(), hashlib.sha256).hexdigest()[:32]
        return f"{kind.value}:{day:%Y%m%d}:{mark}"

    async def fetch(self, raw: Raw, limit: int) -> bytes:
        """A picture or voice note, as long as Zalo keeps it."""
        found = _find_file(_unwrap(raw).get("message") or {})
        if found is None:
            raise FileGone
        return await self._downloads.fetch(found[1], limit)

    async def listen(self, receive: Receive) -> None:
        """Poll until cancelled, or announce the webhook and see that it stays."""
        await self._patiently(self._announce)
        while self._webhook_url:
            await asyncio.sleep(_LOOK_AFTER_SECONDS)
            await self._patiently(self._look_after)
        while True:
            started = time.monotonic()
            for raw in await self._patiently(self._poll):
                await self._store(receive, raw)
            await asyncio.sleep(max(0.0, started + _BETWEEN_POLLS_SECONDS - time.monotonic()))

    async def take_webhook(self, receive: Receive, headers: Mapping[str, str], body: bytes) -> int:
        """One event (`bot.transports.Webhook`); the secret is compared in constant time. An empty post holds nothing to
        keep: somebody looks whether we are there."""
        if not body.strip():
            return 200
        secret = headers.get("x-bot-api-secret-token", "")
        if not hmac.compare_digest(secret.encode(), self._webhook_secret.encode()):
            raise PermissionError
        raw: Raw = json.loads(body)
        if not isinstance(raw, dict):
            raise ValueError("no event")
        await self._take(receive, raw)
        return 200

    async def _store(self, receive: Receive, raw: Raw) -> None:
        """Keep trying: what polling handed over is not handed over again, or not for sure."""
        while True:
            try:
                return await self._take(receive, raw)
            except StorageUnavailable:
                await asyncio.sleep(_RETRY_SECONDS)

    async def _take(self, receive: Receive, raw: Raw) -> None:
        event = _unwrap(raw)
        message = event.get("message")
        ZALO_BOT_FORMS.labels("bare" if event is raw else "wrapped").inc()
        for form in ("photo", "photo_url"):
            if isinstance(message, dict) and message.get(form):
                ZALO_BOT_FORMS.labels(form).inc()
        if isinstance(message, dict):
            if self._is_too_old(message):
                log.info("zalo_bot_event_too_old", sender=self.sender)
                return
            if _is_group(message):  # what people say in a group is not ours to keep
                kept = {key: message[key] for key in ("message_id", "chat", "date") if key in message}
                raw = {"event_name": event.get("event_name"), "message": kept}
        await receive(self, raw)

    def _is_too_old(self, message: Raw) -> bool:
        sent_at = _moment_of(message)
        return sent_at is not None and self._now() - sent_at > _REMEMBERED

    async def _announce(self) -> None:
        if not self._webhook_url:
            try:
                await self._client.call("deleteWebhook", {})
            except BotRefused as refused:
                if refused.code not in _ALLOWED_TO_MISS_WEBHOOK:
                    raise
        else:
            address = f"{self._webhook_url}{ZALO_BOT_WEBHOOK_PATH}"
            result = await self._client.call("setWebhook", {"url": address, "secret_token": self._webhook_secret})
            proof = result.get("verification") if isinstance(result, dict) else None
            if isinstance(proof, dict) and proof.get("ok") is False:
                log.error("zalo_bot_webhook_not_verified", sender=self.sender, status=proof.get("status_code"))
                raise BotUnavailable
            self.is_connected = True

    async def _look_after(self) -> None:
        """Set the webhook again when somebody removed it."""
        try:
            info = await self._client.call("getWebhookInfo", {})
        except BotRefused as refused:
            if refused.code not in _ALLOWED_TO_MISS_WEBHOOK:
                raise
            info = None
        if not isinstance(info, dict) or info.get("url") != f"{self._webhook_url}{ZALO_BOT_WEBHOOK_PATH}":
            log.warning("zalo_bot_webhook_was_lost", sender=self.sender)
            await self._announce()
        self.is_connected = True

    async def _poll(self) -> list[Raw]:
        """The next event, as one object or as a list of them; none when nothing came."""
        try:
            found = await self._client.call("getUpdates", {"timeout": _POLL_SECONDS}, _POLL_SECONDS + 10)
        except BotRefused as refused:
            if refused.code != 408:
                raise
            found = None
        self.is_connected = True
        return [raw for raw in (found if isinstance(found, list) else [found]) if isinstance(raw, dict)]

    async def _patiently(self, call: Any) -> Any:
        """Repeat a call until it succeeds; the platform may be down for hours."""
        pauses = 0
        while True:
            try:
                return await call()
            except BotRefused as refused:
                log.error("zalo_bot_refused", sender=self.sender, code=refused.code)
                wait = _pause_after(pauses) if refused.code == 429 else _REFUSED_SECONDS
                pauses += 1
            except BotError as error:
                log.warning("zalo_bot_unreachable", sender=self.sender, error=type(error).__name__)
                wait = _RETRY_SECONDS
            self.is_connected = False
            await asyncio.sleep(wait)

    # Messages out

    async def send(self, address: str, reply: StoredReply) -> str | None:
        """Send one message. The text of a message with one picture is its caption, so that it goes out in one call;
        else pictures go before. A picture that Zalo does not take goes as its address."""
        if self._silence_left():
            raise AccountPaused(self._silence_left())
        pictures, notes = sort_files(reply, self._public_files, await self._find_addresses(reply))
        drawn = draw(reply, notes)
        if len(pictures) == 1 and len(drawn) <= 1:
            caption = {"caption": drawn[0].text} if drawn else {}
            sent_id = await self._try_picture(address, pictures[0].url, caption)
            if sent_id is not None:
                return sent_id or None
            drawn = draw(reply, [*notes, pictures[0].line])
        else:
            refused = [one.line for one in pictures if await self._try_picture(address, one.url, {}) is None]
            drawn = draw(reply, [*notes, *refused])
        sent_id = None
        for message in drawn:
            sent_id = await self._send_text(address, message)
        return sent_id or None

    async def _find_addresses(self, reply: StoredReply) -> dict[str, str]:
        """The addresses of files that go to many, one for all their receivers, so that Zalo may keep what it fetched;
        by digest. A new one in time before the old one ends."""
        known: dict[str, str] = {}
        for file in reply.files:
            if file.digest is None or file.is_personal or self._uploads is None:
                continue
            async with self._uploads.turn(file.digest):
                address = await self._uploads.find(file.digest)
                made = self._public_files.address_of_open(file) if address is None else None
                if made is not None:
                    address, until = made
                    await self._uploads.keep(file.digest, address, until - _RENEWED_BEFORE)
            if address is not None:
                known[file.digest] = address
        return known

    async def _try_picture(self, address: str, url: str, caption: dict[str, str]) -> str | None:
        """The id of the message; None when Zalo does not take the picture."""
        try:
            return await self._deliver("sendPhoto", {"chat_id": address, "photo": url, **caption})
        except PersonUnreachable:
            raise
        except SendFailed as failed:
            log.warning("zalo_bot_picture_refused", sender=self.sender, reason=failed.reason[:3])
            return None

    async def _send_text(self, address: str, message: Drawn) -> str:
        params: dict[str, Any] = {"chat_id": address, "text": message.text}
        if not message.styles or not self._takes_styles:
            return await self._deliver("sendMessage", params)
        try:
            return await self._deliver("sendMessage", params | {"text_styles": list(message.styles)})
        except PersonUnreachable:
            raise
        except SendFailed:
            sent_id = await self._deliver("sendMessage", params)
            self._takes_styles = False
            log.warning("zalo_bot_styles_refused", sender=self.sender)
            return sent_id

    async def _deliver(self, method: str, params: Mapping[str, Any]) -> str:
        """Carry out one call; returns the message's id, empty when Zalo named none."""
        try:
            result = await self._client.call(method, params)
        except BotRefused as refused:
            raise await self._error_of(refused) from None
        except BotUnclear:
            raise SendUncertain from None
        except BotUnavailable:
            raise SendUnavailable from None
        self._pauses = 0
        return str(result.get("message_id", ""))[:_LONGEST_ID] if isinstance(result, dict) else ""

    async def _error_of(self, refused: BotRefused) -> Exception:
        """What a refusal means: for the account, for this person, or for this message."""
        code = refused.code
        if code == 429:
            return AccountPaused(self._back_off())
        if code == 408:
            return SendUncertain()
        if code == 401 or (code in (403, 404) and not await self._is_token_good()):
            log.error("zalo_bot_token_refused", sender=self.sender)
            self.is_connected = False
            return SendUnavailable()  # the message waits for the right token
        if code in (403, 404) or _CHAT_IS_GONE.search(refused.description):
            return PersonUnreachable("blocked" if code == 403 else "gone")
        return SendFailed(f"{code} {refused.description}"[:100])

    async def _is_token_good(self) -> bool:
        """Whether Zalo still knows us; 403 and 404 may speak of the bot or of the person."""
        try:
            await self._client.call("getMe", {})
        except BotError:
            return False
        return True

    def _back_off(self) -> float:
        """How long to be silent after a 429: longer each time, and counted once for calls refused together."""
        if not self._silence_left():
            self._silent_until = time.monotonic() + _pause_after(self._pauses)
            self._pauses += 1
        return self._silence_left()

    def _silence_left(self) -> float:
        return max(0.0, self._silent_until - time.monotonic())

    async def close(self) -> None:
        """Close the HTTP session."""
        await self._client.close()
        await self._downloads.close()


def _pause_after(times: int) -> float:
    """How long to wait after a 429 that follows so many others."""
    return min(_FIRST_PAUSE_SECONDS * 2.0 ** min(times, 10), _LONGEST_PAUSE_SECONDS)


def sender_of(token: str) -> str:
    """The name of a bot's account: the number its token begins with, which is no secret."""
    return f"zalo_bot:{token.split(':')[0]}"


def _clean(text: str) -> str:
    """Half an emoji, as a cut string holds it, cannot be stored: a question mark stands for it."""
    return text.encode("utf-8", "replace").decode()


def _unwrap(raw: Raw) -> Raw:
    """The event in a post: Zalo's documents wrap it like an answer, and bare ones have been seen."""
    result = raw.get("result")
    return result if isinstance(result, dict) else raw


def _is_group(message: Raw) -> bool:
    chat = message.get("chat")
    return isinstance(chat, dict) and str(chat.get("chat_type", "PRIVATE")).upper() != "PRIVATE"


def _kind_of(name: str, message: Raw) -> tuple[Kind, str]:
    """What a private message is, by its event or else by what it holds, and its words."""
    text = message.get("text")
    if isinstance(text, str) and (text.strip() or name == "message.text.received"):
        return Kind.TEXT, text
    if name == "message.sticker.received" or message.get("sticker"):
        return Kind.STICKER, ""
    is_file = any(message.get(form) for form in ("photo", "photo_url", "voice_url"))
    if is_file or name in ("message.image.received", "message.voice.received"):
        caption = message.get("caption")
        return Kind.FILE, caption if isinstance(caption, str) else ""
    return Kind.UNREADABLE, ""  # also what Zalo withholds: messages of children and others whom the law protects


def _find_file(message: Raw) -> tuple[AttachmentKind, str] | None:
    """The picture or voice note of a message, by its address; it has stood under either name for a picture."""
    forms = {
        "photo": AttachmentKind.PICTURE,
        "photo_url": AttachmentKind.PICTURE,
        "voice_url": AttachmentKind.VOICE,
    }
    found = ((kind, message.get(form)) for form, kind in forms.items())
    return next(((kind, url) for kind, url in found if isinstance(url, str) and url), None)


def _read_attachment(message: Raw) -> Attachment | None:
    found = _find_file(message)
    return Attachment(found[0]) if found else None


def _moment_of(message: Raw) -> datetime | None:
    date = message.get("date")
    if not isinstance(date, (int, float)) or date <= 0:
        return None
    try:
        return datetime.fromtimestamp(date / 1000 if date >= _MILLISECONDS_SINCE else date, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _id_of(event: Raw, message: Raw) -> str:
    """Zalo's id of the message; for one that is missing or too long to store, the hash of what stands in its place."""
    number = _clean(str(message.get("message_id") or ""))
    if number and len(number) <= _LONGEST_ID:
        return number
    return hashlib.sha256((number or json.dumps(event, sort_keys=True)).encode()).hexdigest()
