"""The whole program beside a stand-in Official Account platform: settings, web server, inbox, sender, tokens."""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from bot.app import App, open_database, utc_now
from bot.settings import Settings
from bot.transports import ZALO_OA_LOGIN_PATH, ZALO_OA_WEBHOOK_PATH
from db.keys import Keys
from db.session import Database
from db.zalo_oa_tokens import TokenPair, begin_login, store_login
from knowledge.answer import Answerer
from tests.standins.zalo_oa import ACCESS_LIFETIME, APP_ID, APP_SECRET, OA_ID, OA_SECRET, ZaloOaStandIn
from tests.talk import HOTLINE

from .process import free_port
from .telegram_app import RunningBot

SENDER = f"zalo_oa:{OA_ID}"


class StartZaloOa(Protocol):
    """How a test starts the program; further arguments are settings."""

    def __call__(
        self, database_url: str, now: Callable[[], datetime] = utc_now, is_logged_in: bool = True, **settings: Any
    ) -> AbstractAsyncContextManager[RunningBot]: ...


def settings_for(zalo: ZaloOaStandIn, database_url: str, **settings: Any) -> Settings:
    """Settings with which the program talks to the stand-in, and the stand-in's console knows where the program is."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    zalo.console.webhook_url = f"{address}{ZALO_OA_WEBHOOK_PATH}"
    zalo.console.callback_url = f"{address}{ZALO_OA_LOGIN_PATH}"
    ours: dict[str, Any] = {
        "database_url": database_url,
        "key_file": Path("unused.key"),
        "web_port": port,
        "web_public_url": address,
        "metrics_port": 0,
        "zalo_oa_id": OA_ID,
        "zalo_app_id": APP_ID,
        "zalo_app_secret": APP_SECRET,
        "zalo_oa_secret": OA_SECRET,
        "zalo_api_url": zalo.url,
        "zalo_oauth_url": zalo.url,
        "zalo_business_url": zalo.url,
        "union_name": "Công đoàn Thử nghiệm",
        "union_hotline": HOTLINE,
    }
    return Settings(_env_file=None, **(ours | settings))  # type: ignore[call-arg]  # how pydantic-settings takes it


@contextlib.asynccontextmanager
async def run_zalo_oa(
    zalo: ZaloOaStandIn,
    keys: Keys,
    answerer: Answerer,
    folder: Path,
    database_url: str,
    now: Callable[[], datetime] = utc_now,
    is_logged_in: bool = True,
    **settings: Any,
) -> AsyncIterator[RunningBot]:
    """Run the program while the block runs; with ``is_logged_in`` it has the tokens of a consent."""
    complete = settings_for(zalo, database_url, **({"key_file": folder / "unused.key"} | settings))
    database = open_database(complete, keys)
    if is_logged_in:
        give_tokens(zalo, database, now())
    said: list[str] = []
    bot = RunningBot(App(complete, database, answerer, said.append, now), database, said)
    try:
        await bot.until(lambda: bot.is_serving and is_on(bot.app, is_logged_in), 30)
        yield bot
    finally:
        await bot.end()
        database.close()


def is_on(app: App, is_logged_in: bool) -> bool:
    """Whether the account takes events and, with tokens, can send."""
    return app._zalo_oa is not None and (app._zalo_oa.is_connected or not is_logged_in)


def give_tokens(zalo: ZaloOaStandIn, database: Database, now: datetime) -> None:
    """As if an administrator had logged in just now."""
    access, refresh = zalo.issue()
    pair = TokenPair(access, refresh, ACCESS_LIFETIME.total_seconds())
    with database.begin() as session:
        begin_login(session, SENDER, "v" * 43, "0" * 32, now)
        store_login(session, SENDER, pair, now)
