"""The real channels of a running talk: our transports over real HTTP, each with its stand-in platform, and an hour that
passes for everybody."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, cast

import pytest
import uvicorn
from aiohttp import web

from bot.app import _Server
from bot.delivery import Sender
from bot.transports import ZALO_OA_WEBHOOK_PATH, Transport, Webhook
from bot.transports.public_files import PublicFiles
from bot.transports.telegram import TelegramTransport
from bot.transports.telegram_desk import TelegramDeskTransport
from bot.transports.web import WebServer, WebTransport
from bot.transports.zalo_bot import ZaloBotTransport
from bot.transports.zalo_oa import open_official_account
from db.session import Database
from handlers.feature import Union
from knowledge.answer import Answerer
from tests.standins.telegram import DESK_TOKEN, TOKEN, TelegramStandIn
from tests.standins.telegram_faults import Faults, duplicate
from tests.standins.zalo_bot import TOKEN as ZALO_BOT_TOKEN
from tests.standins.zalo_bot import ZaloBotStandIn
from tests.standins.zalo_oa import ZaloOaStandIn
from tests.standins.zalo_oa_people import ZaloMember
from tests.talk import HOTLINE, Edge, Talk

from .zalo_oa_app import give_tokens, settings_for

WORDS = "phản ánh"


class LongTalk(Talk):
    """A talk in which time passes also for whoever counts seconds: the pauses and timers of our transports, and the
    loop that everything runs in."""

    seconds_ahead = 0.0

    def pass_time(self, **amount: float) -> None:
        self.seconds_ahead += timedelta(**amount).total_seconds()
        super().pass_time(**amount)

    def watch_seconds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From now on the seconds of this process are those of the talk."""
        seconds = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: seconds() + self.seconds_ahead)


class Platform:
    """A stand-in, our transports that speak with it, and how people are met there."""

    sends_by: ClassVar[str]
    """The call that carries a message."""
    faults: Faults
    transports: tuple[Transport, ...]

    def __init__(self) -> None:
        self.talk: LongTalk
        self._numbers = itertools.count(5001)

    def now(self) -> datetime:
        """The time of the talk."""
        return self.talk.now()

    @property
    def members(self) -> str:
        """The bot account with which workers talk."""
        return self.transports[0].sender

    @property
    def officers(self) -> str:
        """The one with which officers do."""
        return self.transports[-1].sender

    @property
    def runner(self) -> web.BaseRunner | None:
        """What serves the stand-in."""
        raise NotImplementedError

    def invite(self, sender: str) -> str:
        """Somebody on the platform to whom this account may write; returns their address."""
        raise NotImplementedError

    def told(self) -> list[tuple[str, str]]:
        """Everything that reached somebody, as the platform knows it: address and words."""
        raise NotImplementedError

    async def says(self, address: str) -> None:
        """A worker says that they want to report something; while it is away the platform keeps that for later."""
        raise NotImplementedError

    async def hand_over(self) -> None:
        """Now that the platform is back it hands over, twice, what people said meanwhile."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Whatever else must run beside the talk."""
        yield

    @contextlib.asynccontextmanager
    async def talking(self, database: Database, answerer: Answerer) -> AsyncIterator[LongTalk]:
        """A talk on the platform, with everything that the program runs for it, while the block runs."""
        edge = cast("Edge", self.transports[0])  # all that a talk asks of it is what every transport has
        async with LongTalk.start(database, answerer, edge) as talk:
            assert isinstance(talk, LongTalk)
            self.talk = talk
            senders = [Sender(transport, database, talk.now) for transport in self.transports[1:]]
            for sender in (talk.sender, *senders):
                sender._rate.limit = None  # a day's attempts at a platform's rate would take minutes
            for transport in self.transports[1:]:
                talk.inbox.register(transport)
            async with self.running():
                listening = (transport.listen(talk.inbox.receive) for transport in self.transports)
                tasks = [asyncio.create_task(one) for one in (*listening, *(sender.run() for sender in senders))]
                try:
                    yield talk
                finally:
                    for task in tasks:
                        assert not task.done(), task
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)
                    await asyncio.gather(*(transport.close() for transport in self.transports))


class TelegramPlatform(Platform):
    """Workers talk with the members' bot, officers with the desk's."""

    sends_by = "sendMessage"

    def __init__(self, standin: TelegramStandIn) -> None:
        super().__init__()
        self.faults = standin.faults
        self.transports = (
            TelegramTransport(TOKEN, standin.url),
            TelegramDeskTransport(DESK_TOKEN, standin.url),
        )
        self._standin = standin
        self._bots = {self.members: standin.bot(TOKEN), self.officers: standin.bot(DESK_TOKEN)}
        for bot in self._bots.values():
            bot.gate.clock = lambda: time.monotonic()  # the seconds of the talk

    @property
    def runner(self) -> web.BaseRunner | None:
        return self._standin._runner

    def invite(self, sender: str) -> str:
        return str(self._bots[sender].person(next(self._numbers), started=True).id)

    def told(self) -> list[tuple[str, str]]:
        chats = (chat for bot in self._bots.values() for chat in bot.chats.values())
        return [(str(chat.id), message.text) for chat in chats for message in chat.messages]

    async def says(self, address: str) -> None:
        self.faults.next("update", duplicate())
        await self._bots[self.members].person(int(address)).says(WORDS)


class ZaloBotPlatform(Platform):
    """Everybody talks with the one bot, which polls."""

    sends_by = "sendMessage"

    def __init__(self, standin: ZaloBotStandIn, database: Database) -> None:
        super().__init__()
        self.faults = standin.faults
        files = PublicFiles(database, "", self.now)
        self.transports = (ZaloBotTransport(ZALO_BOT_TOKEN, standin.url, files, self.now),)
        self._standin = standin
        standin.events.replays = True

    @property
    def runner(self) -> web.BaseRunner | None:
        return self._standin._runner

    def invite(self, sender: str) -> str:
        address = f"zalo-{next(self._numbers)}"
        self._standin.chats.messages[address] = []
        return address

    def told(self) -> list[tuple[str, str]]:
        chats = self._standin.chats.messages.items()
        return [(address, message.text) for address, messages in chats for message in messages]

    async def says(self, address: str) -> None:
        self._standin.person(address).does("text", text=WORDS, date=int(self.now().timestamp() * 1000))


class ZaloOaPlatform(Platform):
    """Everybody talks with the one account; events come by webhook, for which a web server of ours runs."""

    sends_by = "cs"

    def __init__(self, standin: ZaloOaStandIn, database: Database) -> None:
        super().__init__()
        self.faults = standin.faults
        standin.clock = self.now
        self._settings = settings_for(standin, database.url.render_as_string(hide_password=False))
        self._account = open_official_account(self._settings, database, self.now, self._hear)
        self.transports = (self._account,)
        self._standin = standin
        self._kept: list[dict[str, Any]] = []
        self.alarms: list[str] = []

    @property
    def runner(self) -> web.BaseRunner | None:
        return self._standin._runner

    def invite(self, sender: str) -> str:
        address = str(next(self._numbers))
        self._standin.person(address).interacted_at = self.now()
        return address

    def told(self) -> list[tuple[str, str]]:
        return [(sent.user_id, sent.text) for sent in self._standin.sent]

    async def says(self, address: str) -> None:
        self._standin.person(address).interacted_at = self.now()
        self._kept.append(ZaloMember(self._standin, address).message_event("text", {"text": WORDS}))

    async def hand_over(self) -> None:
        for number, event in enumerate(event for event in self._kept for _ in range(2)):
            assert (await self._standin.post(event, retries=number)).status == 200

    async def take_webhook(self, headers: Mapping[str, str], body: bytes) -> int:
        """What the account's platform posts."""
        return await self._account.take_webhook(self.talk.inbox.receive, headers, body)

    async def _hear(self, subject: str, _text: str) -> None:
        self.alarms.append(subject)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Where the platform posts its events, and the tokens of an administrator's consent."""
        give_tokens(self._standin, self.talk.database, self.now())
        async with serve(self.talk, {ZALO_OA_WEBHOOK_PATH: self.take_webhook}, self._settings.web_port):
            yield


@contextlib.asynccontextmanager
async def serve(talk: Talk, webhooks: Mapping[str, Webhook], port: int) -> AsyncIterator[None]:
    """Our web server for a talk, while the block runs."""

    async def readiness() -> dict[str, Any]:
        return {"ready": True}

    page = talk.edge if isinstance(talk.edge, WebTransport) else WebTransport()
    union = Union("Công đoàn Thử nghiệm", HOTLINE)
    pages = WebServer(page, talk.inbox, talk.database, union, "", readiness, talk.now, webhooks)
    server = _Server(uvicorn.Config(pages.app, port=port, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn tells it in no other way
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        page.end_waiting()
        server.should_exit = True
        await serving
