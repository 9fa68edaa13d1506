"""Builds every object from Settings and runs them together; the only file that knows them all."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog
import uvicorn
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.articles import ArticleRunner
from bot.budget import show_budgets, watch_budgets
from bot.channels import ChannelWatch
from bot.clock import JOBS, Clock, Job
from bot.delivery import Sender
from bot.history import anchor_file_of, copy_anchors
from bot.inbox import Inbox, OperatorContact
from bot.leadership import Leadership
from bot.metrics import serve_metrics
from bot.settings import Settings
from bot.stuck import count_stuck
from bot.transports import (
    TELEGRAM_WEBHOOK_PATH,
    ZALO_BOT_WEBHOOK_PATH,
    ZALO_OA_LOGIN_PATH,
    ZALO_OA_WEBHOOK_PATH,
    Page,
    StorageUnavailable,
    Transport,
    Webhook,
)
from bot.transports.operator_log import OperatorLog
from bot.transports.public_files import PublicFiles
from bot.transports.web import WebServer, WebTransport
from bot.uploads import UploadStore
from db.case_keys import CaseKeys, tie_case_keys
from db.channel_accounts import add_account
from db.deliveries import has_due
from db.deployment import find_fingerprint, set_fingerprint, take_turn
from db.inbox import count_waiting
from db.keys import KeyProblem, Keys, create_key_file, load_key_file
from db.migrate import find_revision, migrate
from db.session import Database
from handlers.bulletins.running import Key, carry_on, plan_due, plan_some, start_due
from handlers.bulletins.zalo_plan import Plan
from handlers.cases.clockwork import mend_some, remind_to_follow_up, run_due
from handlers.cases.daily import run_daily
from handlers.cases.searching import bar_unsearched
from handlers.cases.topics import keep_some_topics
from handlers.feature import VIETNAM, Union
from handlers.no_union.service import watch as watch_interests
from handlers.notify import PAGE
from handlers.privacy.service import remind
from knowledge.answer import Answerer
from knowledge.texts import t

if TYPE_CHECKING:
    from bot.transports.telegram import TelegramTransport
    from bot.transports.zalo_bot import ZaloBotTransport
    from bot.transports.zalo_oa import ZaloOaTransport

log = structlog.get_logger()

_WORKERS = {True: 2, False: 4}
"""Events in hand side by side, by whether it is SQLite: one more than threads that write, so that none is ever idle."""

_BUDGET_EVERY = timedelta(minutes=10)
_EVERY_TICK = timedelta(seconds=10)
"""Less than the clock's tick: a case is looked at as soon as it is due."""
_SHUTDOWN_SECONDS = 10
_READY_SECONDS = 5.0
_READY_AGAIN_SECONDS = 1.0
_TROUBLE_AGAIN_SECONDS = 5.0


def utc_now() -> datetime:
    """The one clock of the running program; everything below receives the moment as an argument."""
    return datetime.now(UTC)


def open_keys(settings: Settings) -> tuple[Keys, bool]:
    """The key ring, made on the very first start. Raises `KeyProblem` when the file is gone but a database exists."""
    if settings.key_file.exists():
        return load_key_file(settings.key_file), False
    probe = Database(settings.database_url, Keys(b"\0" * 32, {1: b"\0" * 32}))
    try:
        if find_revision(probe) is not None:
            raise KeyProblem(t("start.key_missing", key_file=settings.key_file))
    finally:
        probe.close()
    return create_key_file(settings.key_file), True


def open_database(settings: Settings, keys: Keys) -> Database:
    """The database, migrated, sealed by these keys, with its store of case keys. Raises `KeyProblem` when it belongs to
    another ring or another store."""
    case_keys = CaseKeys(settings.case_keys_store, keys)
    with contextlib.ExitStack() as unless_opened:
        database = Database(settings.database_url, keys, case_keys)
        unless_opened.callback(database.close)
        migrate(database)
        with database.begin() as session:
            fingerprint = find_fingerprint(session)
            if fingerprint is None:
                set_fingerprint(session, keys.fingerprint())
            elif fingerprint != keys.fingerprint():
                raise KeyProblem(t("start.wrong_key", key_file=settings.key_file))
            if not tie_case_keys(session, case_keys):
                store = make_url(settings.case_keys_store).render_as_string()
                raise KeyProblem(t("start.case_keys_missing", store=store))
        unless_opened.pop_all()
    return database


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The database for an operator's command, closed afterwards."""
    database = open_database(settings, open_keys(settings)[0])
    try:
        yield database
    finally:
        database.close()


class StartProblem(Exception):
    """The program cannot serve as it is set up; the message says what to do."""


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: `bot.__main__` ends the whole program, not only the page."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class App:
    """The running program."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        answerer: Answerer,
        announce: Callable[[str], object] = print,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._settings = settings
        self._database = database
        self._announce = announce
        self._now = now
        self._union = Union(
            settings.union_name,
            settings.union_hotline or t("union.no_hotline"),
            settings.web_public_url,
            settings.document_templates,
            settings.no_union_threshold,
            settings.k_anonymity,
        )
        self._leadership = Leadership(database)
        self._mended_to = self._topics_kept_to = 0
        self._spots_seen_to = 0
        self._clock = Clock(database, now, (*JOBS, *self._own_jobs()), self._alarm)
        self._bulletin_clock = Clock(database, now, self._bulletin_jobs(), self._alarm)
        """A clock of their own: planning for 700,000 people takes a minute, and an alert waits for no minute."""
        self._senders: dict[str, Sender] = {}
        self._transports: list[Transport] = []
        self._channels: list[asyncio.Task[None]] = []
        self._desk: Transport | None = None
        self._telegram: TelegramTransport | None = None
        self._zalo_bot: ZaloBotTransport | None = None
        self._zalo_oa: ZaloOaTransport | None = None
        self._public_files = PublicFiles(database, settings.web_public_url, now)
        self._stopping = asyncio.Event()
        self._writable_turn = asyncio.Lock()
        self._writable_until = 0.0
        self._was_writable = False
        self.inbox = Inbox(database, answerer, self._union, self._operator(), self._wake, now)
        self._watch = ChannelWatch(database, self.inbox.alert_operator, now)
        self._trouble: dict[str, Any] = {}
        self._trouble_until = 0.0
        self.web = WebTransport()

    def stop(self) -> None:
        """Ask the program to end: it takes nothing more in and finishes what is in hand."""
        self._stopping.set()

    async def run(self, extra: tuple[Transport, ...] = (), serve_web: bool = True) -> None:
        """Run until `stop`. A channel that takes long to load joins when it is ready."""
        async with asyncio.TaskGroup() as tasks:
            handling = tasks.create_task(self.inbox.run(_WORKERS[self._database.is_sqlite]))
            own: tuple[Transport, ...] = (OperatorLog(), self.web)
            for transport in (*own, *extra):
                self._join(tasks, transport)
            self._channels.append(tasks.create_task(self._join_telegram(tasks)))
            self._channels.append(tasks.create_task(self._join_zalo_bot(tasks)))
            self._channels.append(tasks.create_task(self._join_zalo_oa(tasks)))
            self._channels.append(tasks.create_task(self._watch.run()))
            server = self._make_server() if serve_web else None
            serving = tasks.create_task(self._serve(server)) if server else None
            if self._settings.metrics_port:
                serve_metrics(self._settings.metrics_port)
            self._clock.start()
            self._bulletin_clock.start()
            await self._stopping.wait()
            log.info("stopping")
            self._clock.stop()
            self._bulletin_clock.stop()
            if server and serving:
                self.web.end_waiting()
                server.should_exit = True
                await asyncio.wait([serving], timeout=_SHUTDOWN_SECONDS)
            await self._finish_what_is_in_hand()
            for task in [handling, *self._channels]:
                task.cancel()
        for transport in self._transports:
            await transport.close()

    async def _finish_what_is_in_hand(self) -> None:
        """Answer what was taken in; what takes longer is still there at the next start."""
        try:
            async with asyncio.timeout(_SHUTDOWN_SECONDS):
                while await self._database.look(_has_work, self._now()):  # noqa: ASYNC110  # other processes' rows wake nobody here
                    await asyncio.sleep(0.05)
        except (TimeoutError, SQLAlchemyError):
            log.warning("stopped_with_work_left")

    def _join(self, tasks: asyncio.TaskGroup, transport: Transport) -> None:
        """Start a channel: it is polled and sent on by whichever process leads it."""
        sender = Sender(transport, self._database, self._now)
        self._transports.append(transport)
        self._senders[transport.sender] = sender
        self.inbox.register(transport)
        self._watch.add(transport, sender)
        drive = self._leadership.while_leading(transport.sender, lambda: self._drive(transport, sender))
        self._channels.append(tasks.create_task(drive))

    async def _drive(self, transport: Transport, sender: Sender) -> None:
        if transport.channel.serves_members:
            await self._database.run(add_account, transport.sender)
        async with asyncio.TaskGroup() as both:
            both.create_task(sender.run())
            both.create_task(transport.listen(self.inbox.receive))
            if transport is self._zalo_oa:
                both.create_task(self._drive_articles(self._zalo_oa, sender))

    async def _drive_articles(self, transport: ZaloOaTransport, sender: Sender) -> None:
        """Articles go out once the sender has settled what the last one left."""
        args = (self._database, self._public_files, self._settings.union_name, self._now)
        runner = ArticleRunner(transport.sender, transport.articles, *args)
        while not sender.is_driving:  # noqa: ASYNC110  # it happens once, within moments
            await asyncio.sleep(0.1)
        await runner.run()

    async def _join_telegram(self, tasks: asyncio.TaskGroup) -> None:
        """Load the Telegram libraries (seconds, so on a thread) and start the bots that have a token."""
        settings = self._settings
        if settings.telegram_desk_token:
            desk = await asyncio.to_thread(importlib.import_module, "bot.transports.telegram_desk")
            self._desk = desk.TelegramDeskTransport(settings.telegram_desk_token, settings.telegram_api_url)
            self._join(tasks, self._desk)
            self._announce(t("start.desk_on"))
        if settings.telegram_token:
            members = await asyncio.to_thread(importlib.import_module, "bot.transports.telegram")
            self._telegram = members.TelegramTransport(
                settings.telegram_token,
                settings.telegram_api_url,
                settings.telegram_webhook_url,
                settings.telegram_webhook_secret,
                self._uploads_of(f"telegram:{settings.telegram_token.split(':')[0]}"),
            )
            self._join(tasks, self._telegram)
            self._announce(t("start.telegram_on"))

    def _uploads_of(self, sender: str) -> UploadStore:
        return UploadStore(self._database, sender, self._now)

    async def _join_zalo_bot(self, tasks: asyncio.TaskGroup) -> None:
        """Start the Zalo Bot, where one is set."""
        settings = self._settings
        if settings.zalo_bot_token:
            module = await asyncio.to_thread(importlib.import_module, "bot.transports.zalo_bot")
            self._zalo_bot = module.ZaloBotTransport(
                settings.zalo_bot_token,
                settings.zalo_bot_api_url,
                self._public_files,
                self._now,
                settings.web_public_url if settings.zalo_bot_webhook_secret else "",
                settings.zalo_bot_webhook_secret,
                self._uploads_of(module.sender_of(settings.zalo_bot_token)),
            )
            self._join(tasks, self._zalo_bot)
            self._announce(t("start.zalo_bot_on"))

    async def _join_zalo_oa(self, tasks: asyncio.TaskGroup) -> None:
        """Start the Official Account, where one is set."""
        if self._settings.zalo_oa_id:
            module = await asyncio.to_thread(importlib.import_module, "bot.transports.zalo_oa")
            self._zalo_oa = module.open_official_account(self._settings, self._database, self._now, self._alarm)
            self._join(tasks, self._zalo_oa)
            self._announce(t("start.zalo_oa_on"))

    def _own_jobs(self) -> tuple[Job, ...]:
        """Jobs that need the settings, or a channel that is set."""
        threshold = self._settings.no_union_threshold

        def watch_no_union(session: Session, now: datetime) -> None:
            watch_interests(session, threshold, now, now.astimezone(VIETNAM).date())

        def watch_requests(session: Session, now: datetime) -> None:
            remind(session, now, self.inbox.alert_operator)

        anchors = anchor_file_of(self._settings)

        def keep_anchors_apart(session: Session, now: datetime) -> None:
            try:
                copy_anchors(session, anchors)
            except OSError as error:
                reason = t("operator.anchors_not_copied", file=anchors, reason=error.strerror or "")
                self.inbox.alert_operator(session, f"anchors:{now.date()}", reason)

        def run_cases(session: Session, now: datetime) -> bool:
            return run_due(session, now, now.astimezone(VIETNAM).date(), self.inbox.alert_operator)

        def mend_cases(session: Session, now: datetime) -> bool:
            after = mend_some(session, now, now.astimezone(VIETNAM).date(), self._mended_to)
            self._mended_to = after or 0
            return after is not None

        def keep_topics(session: Session, now: datetime) -> bool:
            today = now.astimezone(VIETNAM).date()
            after = keep_some_topics(session, now, today, self.inbox.alert_operator, self._topics_kept_to)
            self._topics_kept_to = after or 0
            return after is not None

        def follow_up_cases(session: Session, now: datetime) -> None:
            remind_to_follow_up(session, now, now.astimezone(VIETNAM).date())

        def publish_figures(session: Session, now: datetime) -> bool:
            after = run_daily(session, self._settings.k_anonymity, now, self._spots_seen_to)
            self._spots_seen_to = after or 0
            return after is not None

        def watch_months(session: Session, now: datetime) -> None:
            watch_budgets(self.inbox.alert_operator, session, now)

        return (
            Job("cases", _EVERY_TICK, run_cases),
            Job("mend_cases", timedelta(minutes=1), mend_cases),
            Job("new_officers", _EVERY_TICK, bar_unsearched),
            Job("case_topics", _EVERY_TICK, keep_topics),
            Job("follow_up_cases", timedelta(hours=1), follow_up_cases),
            Job("copy_anchors", timedelta(hours=1), keep_anchors_apart),
            Job("case_figures", timedelta(minutes=1), publish_figures),
            Job("no_union", timedelta(days=1), watch_no_union),
            Job("data_requests", timedelta(hours=1), watch_requests),
            Job("budgets", _BUDGET_EVERY, watch_months),
        )

    def _bulletin_jobs(self) -> tuple[Job, ...]:
        senders = list_senders(self._settings)

        plans: dict[Key, Plan] = {}

        def plan_bulletins_due(session: Session, now: datetime) -> None:
            plans.clear()
            plans.update(plan_due(session, now, senders))

        def start_bulletins(session: Session, now: datetime) -> None:
            start_due(session, now, senders, plans)

        return (
            Job("start_bulletins", _EVERY_TICK, start_bulletins, plan_bulletins_due),
            Job("plan_bulletins", _EVERY_TICK, plan_some),
            Job("carry_on_bulletins", _EVERY_TICK, carry_on),
        )

    async def _alarm(self, subject: str, text: str) -> None:
        """Tell the operator, once for each subject. A database that takes nothing costs the alarm, not the channel."""
        try:
            await self._database.run(self.inbox.alert_operator, subject, text)
        except SQLAlchemyError as error:
            log.error("alarm_not_stored", error=type(error).__name__)

    def _operator(self) -> OperatorContact:
        """Where alerts go: the operator's chat through the desk bot, else the log."""
        if self._settings.operator_telegram_id:
            bot_number = self._settings.telegram_desk_token.split(":")[0]
            return OperatorContact(f"telegram_desk:{bot_number}", self._settings.operator_telegram_id)
        return OperatorContact(OperatorLog.sender, "operator")

    def _wake(self, sender: str) -> None:
        driver = self._senders.get(sender)
        if driver is not None:
            driver.wake()

    def _make_server(self) -> uvicorn.Server:
        pages = WebServer(
            self.web,
            self.inbox,
            self._database,
            self._union,
            self._settings.web_public_url,
            self._readiness,
            self._now,
            self._webhooks(),
            self._pages(),
            self._public_files,
        )
        config = uvicorn.Config(
            pages.app,
            host=self._settings.web_host,
            port=self._settings.web_port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(self._settings.web_trusted_proxies),
            forwarded_allow_ips=self._settings.web_trusted_proxies,
            timeout_graceful_shutdown=2,
        )
        return _Server(config)

    async def _serve(self, server: uvicorn.Server) -> None:
        announcing = asyncio.create_task(self._announce_address(server))
        try:
            await server.serve([self._listen_socket()])
        finally:
            announcing.cancel()
            self.stop()

    def _listen_socket(self) -> socket.socket:
        """The page's address, taken before the server starts: its own failure would end the program without a word an
        operator understands. Raises `StartProblem`."""
        host, port = self._settings.web_host, self._settings.web_port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            listening.close()
            raise StartProblem(t("start.port_taken", host=host, port=port, reason=error.strerror)) from None
        return listening

    async def _announce_address(self, server: uvicorn.Server) -> None:
        while not server.started:  # noqa: ASYNC110  # uvicorn offers no event for it
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        self._announce(t("start.web_on", address=f"http://{self._settings.web_host}:{port}"))
        if not self._settings.telegram_token:
            self._announce(t("start.telegram_off"))

    def _webhooks(self) -> dict[str, Webhook]:
        """Where platforms post, below the address of the page, and who takes what they post."""
        webhooks: dict[str, Webhook] = {}
        if self._settings.telegram_webhook_url:
            webhooks[TELEGRAM_WEBHOOK_PATH] = self._take_telegram_webhook
        if self._settings.zalo_bot_webhook_secret:
            webhooks[ZALO_BOT_WEBHOOK_PATH] = self._take_zalo_bot_webhook
        if self._settings.zalo_oa_id:
            webhooks[ZALO_OA_WEBHOOK_PATH] = self._take_zalo_oa_webhook
        return webhooks

    def _pages(self) -> dict[str, Page]:
        """Pages for the operator: where Zalo sends the administrator who gave the app its permissions."""
        return {ZALO_OA_LOGIN_PATH: self._finish_zalo_login} if self._settings.zalo_oa_id else {}

    async def _finish_zalo_login(self, query: Mapping[str, str]) -> tuple[int, str]:
        if self._zalo_oa is None:
            return 503, t("web.unavailable")
        return await self._zalo_oa.finish_login(query)

    async def _take_zalo_bot_webhook(self, headers: Mapping[str, str], body: bytes) -> int:
        if self._zalo_bot is None:
            raise StorageUnavailable
        return await self._zalo_bot.take_webhook(self.inbox.receive, headers, body)

    async def _take_zalo_oa_webhook(self, headers: Mapping[str, str], body: bytes) -> int:
        if self._zalo_oa is None:
            raise StorageUnavailable
        return await self._zalo_oa.take_webhook(self.inbox.receive, headers, body)

    async def _take_telegram_webhook(self, headers: Mapping[str, str], body: bytes) -> int:
        """An update by webhook; while the library is still loading, Telegram is asked to send it again."""
        if self._telegram is None:
            raise StorageUnavailable
        return await self._telegram.take_webhook(self.inbox.receive, headers, body)

    async def _is_writable(self) -> bool:
        """Whether the database takes a write now. Anybody may ask, so it is tried at most once in a short while."""
        async with self._writable_turn:
            now = asyncio.get_running_loop().time()
            if now >= self._writable_until:
                try:
                    async with asyncio.timeout(_READY_SECONDS):
                        await self._database.run(take_turn, "readiness", self._now(), self._now())
                    self._was_writable = True
                except (SQLAlchemyError, TimeoutError):
                    self._was_writable = False
                self._writable_until = asyncio.get_running_loop().time() + _READY_AGAIN_SECONDS
            return self._was_writable

    async def _readiness(self) -> dict[str, Any]:
        """What `/readyz` tells: whether messages can be taken in, and how each channel fares."""
        is_writable = await self._is_writable()
        channels: dict[str, Any] = {"web": True}
        if self._settings.telegram_desk_token:
            channels["telegram_desk"] = self._desk is not None and self._desk.is_connected
        if self._settings.telegram_token:
            channels["telegram"] = self._telegram is not None and self._telegram.is_connected
        if self._settings.zalo_bot_token:
            channels["zalo_bot"] = self._zalo_bot is not None and self._zalo_bot.is_connected
        if self._settings.zalo_oa_id:
            channels["zalo_oa"] = self._zalo_oa is not None and self._zalo_oa.is_connected
        state = {"ready": is_writable, "database": is_writable, "channels": channels}
        return state | (await self._show_budgets() | await self._show_trouble() if is_writable else {})

    async def _show_trouble(self) -> dict[str, Any]:
        """Channels that reach nobody, and messages that are stuck: numbers only, looked up once in a while, since
        anybody may ask."""
        now = asyncio.get_running_loop().time()
        if now >= self._trouble_until:
            self._trouble_until = now + _TROUBLE_AGAIN_SECONDS
            with contextlib.suppress(SQLAlchemyError, TimeoutError):
                async with asyncio.timeout(_READY_SECONDS):
                    down = await self._database.look(self._watch.describe)
                    self._trouble = {"down": down, "stuck": await self._database.look(count_stuck, self._now())}
        return self._trouble

    async def _show_budgets(self) -> dict[str, Any]:
        """What metered accounts have used of their month."""
        try:
            async with asyncio.timeout(_READY_SECONDS):
                budgets = await self._database.look(show_budgets, self._now())
        except (SQLAlchemyError, TimeoutError):
            return {}
        return {"budgets": budgets} if budgets else {}


def list_senders(settings: Settings) -> list[str]:
    """The bot accounts by which people are reached, as set, whether or not their channel is up yet."""
    senders = [PAGE]
    if settings.telegram_desk_token:
        senders.append(f"telegram_desk:{settings.telegram_desk_token.split(':')[0]}")
    if settings.telegram_token:
        senders.append(f"telegram:{settings.telegram_token.split(':')[0]}")
    if settings.zalo_bot_token:
        senders.append(f"zalo_bot:{settings.zalo_bot_token.split(':')[0]}")
    if settings.zalo_oa_id:
        senders.append(f"zalo_oa:{settings.zalo_oa_id}")
    return senders


def _has_work(session: Session, now: datetime) -> bool:
    return bool(count_waiting(session)) or has_due(session, now)
