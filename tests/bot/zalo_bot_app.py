"""The whole program, run inside the test, with a Zalo Bot over real HTTP."""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from bot.app import App, open_database, utc_now
from bot.settings import Settings
from db.keys import Keys
from knowledge.answer import Answerer
from tests.standins.zalo_bot import TOKEN, ZaloBotStandIn
from tests.talk import HOTLINE

from .process import free_port
from .telegram_app import START_SECONDS, RunningBot

SENDER = f"zalo_bot:{TOKEN.split(':')[0]}"
SECRET = "a-secret-of-the-webhook"


class StartZaloBot(Protocol):
    """How a test starts the program; further arguments are settings."""

    def __call__(
        self, database_url: str, now: Callable[[], datetime] = utc_now, is_ready: bool = True, **settings: Any
    ) -> AbstractAsyncContextManager[RunningBot]: ...


@contextlib.asynccontextmanager
async def run_zalo_bot(
    zalo: ZaloBotStandIn,
    keys: Keys,
    answerer: Answerer,
    folder: Path,
    database_url: str,
    now: Callable[[], datetime] = utc_now,
    is_ready: bool = True,
    **settings: Any,
) -> AsyncIterator[RunningBot]:
    """Run the program while the block runs; with ``is_ready`` the block begins once Zalo is connected."""
    ours: dict[str, Any] = {
        "database_url": database_url,
        "key_file": folder / "unused.key",
        "web_port": 0,
        "metrics_port": 0,
        "zalo_bot_token": TOKEN,
        "zalo_bot_api_url": zalo.url,
        "union_name": "Công đoàn Thử nghiệm",
        "union_hotline": HOTLINE,
    }
    complete = Settings(_env_file=None, **(ours | settings))  # type: ignore[call-arg]  # how pydantic-settings takes it
    database = open_database(complete, keys)
    said: list[str] = []
    bot = RunningBot(App(complete, database, answerer, said.append, now), database, said)
    try:
        if is_ready:
            await bot.until(lambda: bot.app._zalo_bot is not None and bot.app._zalo_bot.is_connected, START_SECONDS)
        yield bot
    finally:
        await bot.end()
        database.close()


def public_settings() -> dict[str, Any]:
    """The web page with an address that the stand-in reaches."""
    port = free_port()
    return {"web_port": port, "web_public_url": f"http://127.0.0.1:{port}"}


def webhook_settings() -> dict[str, Any]:
    """Events by webhook instead of polling."""
    return public_settings() | {"zalo_bot_webhook_secret": SECRET}
