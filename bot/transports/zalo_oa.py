"""An Official Account of Zalo: events in by webhook, consultation messages out, inside the windows Zalo keeps.

Ids are strings, errors come with HTTP 200, tokens and windows are looked after here: the rest of the program knows only
the errors of `bot.transports`.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.batcher import Batcher
from bot.metrics import ZALO_MESSAGES, ZALO_POSTS
from bot.settings import Settings
from bot.transports import (
    AccountPaused,
    FileGone,
    Paid,
    Raw,
    Receive,
    SendUnavailable,
    SendUncertain,
    StorageUnavailable,
    WindowClosed,
)
from bot.transports.downloads import Downloads
from bot.transports.zalo_oa_alarms import Alarm, list_notices, notice_of_code
from bot.transports.zalo_oa_client import ZaloClient, ZaloError, ZaloPaused, ZaloRefused, ZaloUnclear
from bot.transports.zalo_oa_events import (
    Event,
    account_of,
    find_signer,
    forget_names,
    is_recent,
    list_files,
    moment_of,
    read_event,
    timestamp_of,
)
from bot.transports.zalo_oa_messages import MOST_BUTTONS, TEXT_LIMIT, Draft, draw, measure, upload_kind, with_upload
from bot.transports.zalo_oa_outreach import ZaloArticles, ZaloTemplates
from bot.transports.zalo_oa_purse import Purse
from bot.transports.zalo_oa_rules import error_of, rule_of
from bot.transports.zalo_oa_tokens import LoginRefused, ZaloTokenKeeper
from bot.uploads import UploadStore
from db.accounts import find_account, lane_of
from db.erasing import erase_account
from db.models import DataRequestKind
from db.session import Database, lock_lane
from db.zalo_oa import Note, Receipt, Window, find_follower, forget_follower, note_people, note_receipts, window_of
from handlers.chat import Channel, File, Incoming, Kind, StoredReply
from handlers.privacy.service import ask
from knowledge.texts import t

log = structlog.get_logger()
T = TypeVar("T")

MESSAGES_PER_SECOND = 50.0
"""Below the 4,000 calls a minute of one app, with room for uploads and for looking after the account."""

_INVALID = -201
_UPLOAD_GONE = -100
_ANSWER_SECONDS = 1.5
"""Zalo waits two seconds for an answer and switches a webhook off that keeps it waiting."""
_LOOK_AFTER_SECONDS = 60.0
_UPLOADS_LIVE = timedelta(days=6)
"""Zalo drops an upload after seven days."""
_MOST_REMEMBERED = 1000


class ZaloOaTransport:
    """One Official Account. `take_webhook` and `finish_login` are called by the web server."""

    channel = Channel("zalo_oa", most_buttons=MOST_BUTTONS, takes_case_files=False)
    messages_per_second = MESSAGES_PER_SECOND
    text_limit = TEXT_LIMIT
    stored_is_sent = False

    def __init__(
        self,
        settings: Settings,
        client: ZaloClient,
        database: Database,
        now: Callable[[], datetime],
        alarm: Alarm,
    ) -> None:
        self._settings = settings
        self._client = client
        self._downloads = Downloads(settings.zalo_api_url)
        self._database = database
        self._now = now
        self._alarm = alarm
        self._oa_id = settings.zalo_oa_id
        self.sender = sender_of(settings)
        self.tokens = ZaloTokenKeeper(self.sender, self._oa_id, client, database, now)
        self.articles = ZaloArticles(self, client, now)
        self.templates = ZaloTemplates(self, client, settings.zalo_templates)
        self._notes: Batcher[Note | Receipt] = Batcher(self._store_notes)
        self._silent_until = 0.0
        self._takes_buttons = True
        self._uploads = UploadStore(database, self.sender, now)
        self._own_uploads: dict[str, tuple[str, datetime]] = {}
        self._purse = Purse(database, self.sender, now)
        self._half_sent: dict[int, int] = {}
        self.is_connected = False

    def measure(self, text: str) -> int:
        """Composed letters, in UTF-16 units."""
        return measure(text)

    def read(self, raw: Raw) -> Incoming | None:
        """What a person said or pressed; None for events that are not part of a talk."""
        event = self._read(raw)
        return None if event is None else event.incoming

    def _read(self, raw: Raw) -> Event | None:
        try:
            return read_event(raw, self.sender)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            log.warning("zalo_event_unreadable", sender=self.sender, error=type(error).__name__)
            return None

    async def listen(self, _receive: Receive) -> None:
        """Events come by webhook; whoever leads the account keeps its tokens fresh and warns the operator."""
        while True:
            await self._look_after()
            await asyncio.sleep(_LOOK_AFTER_SECONDS)

    async def _look_after(self) -> None:
        try:
            try:
                await self.tokens.renew_in_time()
            except ZaloError as error:
                log.warning("zalo_not_renewed", sender=self.sender, error=type(error).__name__)
            tokens = await self.tokens.look()
            self.is_connected = bool(tokens and tokens.access_until and tokens.access_until > self._now())
            for notice in list_notices(tokens, self.tokens.trouble, self._now()):
                await self._alarm(notice.subject, notice.text)
        except SQLAlchemyError as error:
            log.error("zalo_not_looked_after", sender=self.sender, error=type(error).__name__)

    # Events in

    async def take_webhook(self, receive: Receive, headers: Mapping[str, str], body: bytes) -> int:
        """What Zalo posted (`bot.transports.Webhook`). An empty post is the console's, which looks whether anybody is
        there."""
        if not body.strip():
            ZALO_POSTS.labels("probe").inc()
            return 200
        raw = json.loads(body)
        if not isinstance(raw, dict):
            raise ValueError("no event")
        if headers.get("num_retry", "0") not in ("", "0"):
            ZALO_POSTS.labels("repeated").inc()
        self._check(headers.get("x-zevent-signature", ""), body, raw)
        event = self._read(raw)
        if event is None or account_of(raw) not in (None, self._oa_id):
            ZALO_POSTS.labels("passed_over").inc()
            return 200
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._take(receive, raw, event)
        except (SQLAlchemyError, TimeoutError):
            raise StorageUnavailable from None
        return 200

    def _check(self, signature: str, body: bytes, raw: Raw) -> None:
        """Raises PermissionError for a post that is not Zalo's, or is an old one sent again."""
        timestamp = timestamp_of(raw)
        signers = {"app_id": self._settings.zalo_app_id, "oa_id": self._oa_id}
        signer = find_signer(signature, body, timestamp, self._settings.zalo_oa_secret, signers)
        ZALO_POSTS.labels(f"signed_with_{signer}" if signer else "wrong_signature").inc()
        if signer is None:
            raise PermissionError
        at = moment_of(timestamp)
        if at is None or not is_recent(at, self._now()):
            ZALO_POSTS.labels("too_old").inc()
            raise PermissionError

    async def _take(self, receive: Receive, raw: Raw, event: Event) -> None:
        """Note who did something first: the talk that follows looks at the window it opened."""
        if event.user_id is not None and event.note is not None:
            lane = self._lane_of(event.user_id)
            await self._notes.add(Note(self.sender, lane, event.user_id, event.note, event.at))
        if event.receipt is not None:
            seen, at = event.receipt.is_seen, event.at
            receipts = (Receipt(self.sender, message_id, seen, at) for message_id in event.receipt.message_ids)
            await asyncio.gather(*(self._notes.add(receipt) for receipt in receipts))
        if event.is_withdrawal and event.user_id is not None:
            await self._withdraw(event.user_id)
        if event.incoming is not None:
            if event.incoming.kind is Kind.FILE:
                forget_names(raw)
            await receive(self, raw)

    async def _store_notes(self, notes: list[Note | Receipt]) -> None:
        await self._database.run(_store_notes, notes, self._now())

    async def _withdraw(self, user_id: str) -> None:
        """Somebody exercised their rights over their data in Zalo's own settings."""
        lane = self._lane_of(user_id)
        is_known = await self._database.run(_withdraw, self.sender, lane, self._now())
        today = self._now().date().isoformat()
        text = t("operator.zalo_oa_withdrawn_member" if is_known else "operator.zalo_oa_withdrawn", lane=lane)
        await self._alarm(f"zalo_oa:withdraw:{lane}:{today}", text)

    def _lane_of(self, user_id: str) -> str:
        return lane_of(self._database.keys, self.sender, user_id)

    async def finish_login(self, query: Mapping[str, str]) -> tuple[int, str]:
        """The page an administrator comes back to with their consent (`bot.transports.Page`). Whoever comes without one
        that we asked for finds nothing here."""
        try:
            await self.tokens.finish_login(query)
        except LoginRefused as refusal:
            return 404, t(refusal.key)
        self.is_connected = True
        return 200, t("zalo_oa.login_done")

    async def fetch(self, raw: Raw, limit: int) -> bytes:
        """A file that somebody sent, as long as Zalo keeps it."""
        found = list_files(raw)
        if not found:
            raise FileGone
        return await self._downloads.fetch(found[0][1], limit)

    # Messages out

    async def send(self, address: str, reply: StoredReply) -> str | None:
        """Send a reply as one or several messages; one that broke off half-way goes on where it was."""
        if self._silence_left():
            raise AccountPaused(self._silence_left())
        try:
            window = await self._window_of(address)
            if window is Window.CLOSED:
                raise WindowClosed
            if window is Window.BILLABLE and reply.spares_money and not await self._purse.take():
                raise WindowClosed("budget")
            sent_id = await self._send(address, reply)
        except SQLAlchemyError:
            raise SendUnavailable from None
        except ZaloError as error:
            raise await self._explain(error) from None
        ZALO_MESSAGES.labels(window.value if window else "unknown").inc()
        return Paid(sent_id or "") if window is Window.BILLABLE else sent_id

    async def call(self, work: Callable[[str], Awaitable[T]], is_template: bool = False) -> T:
        """Any other call for the account, with its token. Raises the errors of `bot.transports`."""
        if self._silence_left():
            raise AccountPaused(self._silence_left())
        try:
            return await self.tokens.use(work)
        except SQLAlchemyError:
            raise SendUnavailable from None
        except (KeyError, TypeError, AttributeError):  # an answer that does not hold what it should
            raise SendUncertain from None
        except ZaloError as error:
            raise await self._explain(error, is_template) from None

    async def _window_of(self, address: str) -> Window | None:
        """By our own clock; None for somebody we know nothing of, so that Zalo judges."""
        follower = await self._database.look(find_follower, self.sender, self._lane_of(address))
        if follower is None or follower.interacted_at is None:
            return None
        return window_of(follower.interacted_at, self._now())

    async def _send(self, address: str, reply: StoredReply) -> str | None:
        card = self._settings.zalo_card_image_url
        try:
            return await self._send_all(address, reply, draw(reply, card, not self._takes_buttons))
        except ZaloRefused as error:
            if error.code != _INVALID or not self._takes_buttons or not reply.buttons:
                raise
        sent_id = await self._send_all(address, reply, draw(reply, card, is_numbered=True))
        self._takes_buttons = False  # the list went out: it was the buttons that were not taken
        log.warning("zalo_buttons_refused", sender=self.sender)
        return sent_id

    async def _send_all(self, address: str, reply: StoredReply, drafts: list[Draft]) -> str | None:
        line = reply.ledger_id
        sent_id: str | None = None
        for number, draft in enumerate(drafts):
            if line is not None and number < self._half_sent.get(line, 0):
                continue
            message_id = await self._send_draft(address, draft)
            sent_id = message_id if draft.is_text or sent_id is None else sent_id
            if line is not None:
                _remember(self._half_sent, line, number + 1)
        if line is not None:
            self._half_sent.pop(line, None)
        return sent_id

    async def _send_draft(self, address: str, draft: Draft) -> str | None:
        if draft.file is None:
            return await self._send_body(address, draft.body)
        named = await self._upload(draft.file)
        try:
            return await self._send_body(address, with_upload(draft, named))
        except ZaloRefused as error:
            if error.code != _UPLOAD_GONE:
                raise
        await self._forget_upload(draft.file, named)
        return await self._send_body(address, with_upload(draft, await self._upload(draft.file)))

    async def _send_body(self, address: str, body: dict[str, Any]) -> str | None:
        return await self.tokens.use(lambda token: self._client.send_consultation(token, address, body))

    async def _upload(self, file: File) -> str:
        """What names a file on Zalo's servers; the same content is uploaded once in six days, one that goes to many
        also across restarts and however many are sent side by side."""
        if file.digest is not None:
            async with self._uploads.turn(file.digest):
                named = await self._uploads.find(file.digest)
                if named is None:
                    named = await self._upload_now(file)
                    await self._uploads.keep(file.digest, named, self._now() + _UPLOADS_LIVE)
                return named
        digest = _digest_of(file)
        named, until = self._own_uploads.get(digest, ("", self._now()))
        if until <= self._now():
            named = await self._upload_now(file)
            _remember(self._own_uploads, digest, (named, self._now() + _UPLOADS_LIVE))
        return named

    async def _upload_now(self, file: File) -> str:
        kind = upload_kind(file)
        assert kind is not None  # noqa: S101  # others are never drawn
        how = (kind, file.name, file.media_type, file.content)
        return await self.tokens.use(lambda token: self._client.upload(token, *how))

    async def _forget_upload(self, file: File, named: str) -> None:
        """Zalo does not take this name any more; where the file was uploaded anew meanwhile, that one stays."""
        if file.digest is not None:
            await self._uploads.drop(file.digest, named)
        else:
            self._own_uploads.pop(_digest_of(file), None)

    async def _explain(self, error: ZaloError, is_template: bool = False) -> Exception:
        """The error by which the ledger learns what to do; the operator is told what only they can mend."""
        if isinstance(error, ZaloPaused):
            self._silent_until = max(self._silent_until, time.monotonic() + error.seconds)
            return AccountPaused(error.seconds)
        if isinstance(error, ZaloUnclear):
            return SendUncertain()
        if not isinstance(error, ZaloRefused):
            return SendUnavailable()
        rule = rule_of(error.code, is_template)
        log.info("zalo_refused", sender=self.sender, code=error.code, reason=rule.reason)
        if rule.alarms:
            notice = notice_of_code(error.code, rule.reason, self._now())
            await self._alarm(notice.subject, notice.text)
        return error_of(rule, self._now())

    def _silence_left(self) -> float:
        return max(0.0, self._silent_until - time.monotonic())

    async def close(self) -> None:
        """Let a refresh finish, and give up connections."""
        await self.tokens.finish()
        await self._client.close()
        await self._downloads.close()


def sender_of(settings: Settings) -> str:
    """The name of the account in every row of it."""
    return f"zalo_oa:{settings.zalo_oa_id}"


def open_client(settings: Settings) -> ZaloClient:
    """A client with the app's secret."""
    urls = (settings.zalo_api_url, settings.zalo_oauth_url, settings.zalo_business_url)
    return ZaloClient(settings.zalo_app_id, settings.zalo_app_secret, *urls)


def open_official_account(
    settings: Settings, database: Database, now: Callable[[], datetime], alarm: Alarm
) -> ZaloOaTransport:
    """The Official Account of the settings."""
    return ZaloOaTransport(settings, open_client(settings), database, now, alarm)


def _store_notes(session: Session, notes: list[Note | Receipt], now: datetime) -> None:
    note_people(session, [note for note in notes if isinstance(note, Note)])
    note_receipts(session, [note for note in notes if isinstance(note, Receipt)], now)


def _withdraw(session: Session, sender: str, lane: str, now: datetime) -> bool:
    """Take somebody off our list and erase their talk. Of a person whom the union knows a request is kept instead, with
    its deadline: Zalo does not say which right they mean, and nobody's membership ends by a guess. True for these."""
    lock_lane(session, lane)
    forget_follower(session, sender, lane)
    account = find_account(session, sender, lane)
    if account is None:
        return False
    if account.person_id is None:
        erase_account(session, account, now)
        return False
    ask(session, account, DataRequestKind.WITHDRAW, now, t("zalo_oa.withdrawn"))
    return True


def _digest_of(file: File) -> str:
    return hashlib.sha256(f"{file.name}\n{file.media_type}\n".encode() + file.content).hexdigest()


def _remember(memory: dict[Any, Any], key: Any, value: Any) -> None:
    """Keep the newest; what is forgotten is done anew."""
    memory[key] = value
    while len(memory) > _MOST_REMEMBERED:
        del memory[next(iter(memory))]
