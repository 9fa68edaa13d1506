"""The whole program, run inside the test: settings, web server, inbox, sender, and Telegram over real HTTP."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import text

from bot.app import App, open_database, utc_now
from bot.settings import Settings
from bot.transports.formatting import to_plain
from db.deliveries import Outgoing, add_deliveries
from db.keys import Keys
from db.models import DeliveryKind
from db.session import Database
from handlers.chat import Reply
from knowledge.answer import Answerer
from knowledge.normalize import fold
from tests.standins import PATIENCE
from tests.standins.telegram import DESK_TOKEN, TOKEN, TelegramStandIn
from tests.standins.telegram_people import Message
from tests.talk import HOTLINE

STOP_SECONDS = 20.0
START_SECONDS = 120.0
"""The first start of a test run loads the Telegram libraries."""


class RunningBot:
    """The running program, and what is committed in its database."""

    def __init__(self, app: App, database: Database, said: list[str]) -> None:
        self.app = app
        self.database = database
        self._said = said
        self._task = asyncio.create_task(app.run())
        self.stopped_in = 0.0

    @property
    def is_serving(self) -> bool:
        """Whether the page has announced its address."""
        return any("http" in line for line in self._said)

    @property
    def address(self) -> str:
        """The address of the page, as the program announced it."""
        return next(word for line in self._said for word in line.split() if word.startswith("http"))

    def rows(self, model: type[Any]) -> list[Any]:
        """Every row of a table, as committed."""
        with self.database.read() as session:
            return list(session.query(model).order_by(*model.__table__.primary_key.columns))

    @contextlib.contextmanager
    def database_down(self) -> Any:
        """Nothing can be stored while the block runs: the inbox's table is gone."""
        self._execute("ALTER TABLE inbox_events RENAME TO inbox_events_away")
        try:
            yield
        finally:
            self._execute("ALTER TABLE inbox_events_away RENAME TO inbox_events")

    async def until(self, is_so: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, "waited in vain"
            assert not self._task.done(), "the program ended"
            await asyncio.sleep(0.01)

    def alert_operator(self, address: str, *texts: str) -> None:
        """Put alerts in the ledger, as a message that is set aside does."""
        add_alerts(self.database, address, *texts)

    async def stop(self) -> None:
        """Ask the program to end, and wait until it has."""
        began = time.monotonic()
        self.app.stop()
        await asyncio.wait_for(self._task, 60)
        self.stopped_in = time.monotonic() - began

    async def crash(self) -> None:
        """End the program at once, wherever it is."""
        self._task.cancel()
        await asyncio.wait([self._task])
        await asyncio.gather(*(transport.close() for transport in self.app._transports))

    async def end(self) -> None:
        """What a test leaves running is stopped, and stops in time."""
        if not self._task.done():
            await self.stop()
            assert self.stopped_in < STOP_SECONDS
        elif not self._task.cancelled():
            self._task.result()

    def _execute(self, statement: str) -> None:
        with self.database.begin() as session:
            session.execute(text(statement))


class StartBot(Protocol):
    """How a test starts the program; further arguments are settings."""

    def __call__(
        self, database_url: str, now: Callable[[], datetime] = utc_now, is_ready: bool = True, **settings: Any
    ) -> AbstractAsyncContextManager[RunningBot]: ...


@contextlib.asynccontextmanager
async def run_bot(
    telegram: TelegramStandIn,
    keys: Keys,
    answerer: Answerer,
    folder: Path,
    database_url: str,
    now: Callable[[], datetime] = utc_now,
    is_ready: bool = True,
    **settings: Any,
) -> AsyncIterator[RunningBot]:
    """Run the program while the block runs; with ``is_ready`` the block begins once Telegram is connected."""
    ours: dict[str, Any] = {
        "database_url": database_url,
        "key_file": folder / "unused.key",
        "web_port": 0,
        "metrics_port": 0,
        "telegram_token": TOKEN,
        "telegram_api_url": telegram.url,
        "union_name": "Công đoàn Thử nghiệm",
        "union_hotline": HOTLINE,
    }
    complete = Settings(_env_file=None, **(ours | settings))  # type: ignore[call-arg]  # how pydantic-settings takes it
    database = open_database(complete, keys)
    said: list[str] = []
    bot = RunningBot(App(complete, database, answerer, said.append, now), database, said)
    try:
        if is_ready:
            await bot.until(lambda: is_connected(telegram), START_SECONDS)
        yield bot
    finally:
        await bot.end()
        database.close()


def is_connected(telegram: TelegramStandIn) -> bool:
    """Whether the members' bot polls just now or has set its webhook."""
    updates = telegram.bot().updates
    return updates._poller is not None or updates.webhook is not None


def add_alerts(database: Database, address: str, *texts: str) -> None:
    """Alerts to the operator's chat with the officers' bot, still to be sent."""
    now = utc_now()
    sender = f"telegram_desk:{DESK_TOKEN.split(':')[0]}"
    alerts = [
        Outgoing(
            kind=DeliveryKind.OPERATOR_ALERT,
            subject=text,
            recipient="operator",
            sender=sender,
            address=address,
            body=Reply(text).to_json(),
            expires_at=now + timedelta(days=1),
        )
        for text in texts
    ]
    with database.begin() as session:
        add_deliveries(session, alerts, now)


def has(*words: str) -> Callable[[Message], bool]:
    """Whether a message holds these words, whatever the marks."""
    return lambda message: all(fold(word) in fold(to_plain(message.text)) for word in words)


def is_answer(message: Message) -> bool:
    """Whether a message answers a question: cited, dated, and with the buttons to judge it."""
    return {"Có ích", "Chưa đúng", "Hỏi cán bộ"} <= set(message.buttons) and has("Căn cứ", "Điều", "áp dụng từ")(
        message
    )


def data_of(message: Message, label: str) -> str:
    """What a button of a message carries."""
    return next(key["callback_data"] for row in message.keyboard for key in row if key["text"] == label)
