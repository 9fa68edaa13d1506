"""The whole program beside a stand-in Telegram: what the Telegram tests ask for."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from db.keys import Keys
from knowledge.answer import Answerer
from tests.standins.telegram import TelegramStandIn
from tests.standins.zalo_bot import ZaloBotStandIn
from tests.standins.zalo_oa import ZaloOaStandIn

from .telegram_app import StartBot, run_bot
from .zalo_bot_app import StartZaloBot, run_zalo_bot
from .zalo_oa_app import StartZaloOa, run_zalo_oa


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramStandIn]:
    """A stand-in Telegram; at the end every request it met must have kept the rules of the Bot API."""
    async with TelegramStandIn() as server:
        yield server
        server.assert_sound()


@pytest.fixture
def start(
    telegram: TelegramStandIn, keys: Keys, answerer: Answerer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> StartBot:
    """Start the program on a database; its waits are short, for the tests' sake."""
    for name, seconds in {
        "bot.transports.telegram._RETRY_SECONDS": 0.05,
        "bot.transports.telegram._CONFLICT_SECONDS": 0.1,
        "bot.delivery._FIRST_RETRY_SECONDS": 0.05,
        "bot.inbox._UNAVAILABLE_SECONDS": 0.05,
        "bot.inbox._SECONDS_PER_EVENT": 0.0,
    }.items():
        monkeypatch.setattr(name, seconds)
    return partial(run_bot, telegram, keys, answerer, tmp_path)


@pytest.fixture
async def zalo_oa() -> AsyncIterator[ZaloOaStandIn]:
    """A stand-in Official Account platform; at the end every request it met must have kept Zalo's rules."""
    async with ZaloOaStandIn() as server:
        yield server
        server.assert_sound()


@pytest.fixture
def start_zalo_oa(
    zalo_oa: ZaloOaStandIn, keys: Keys, answerer: Answerer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> StartZaloOa:
    """Start the program with an Official Account; its waits are short, for the tests' sake."""
    for name, seconds in {
        "bot.transports.zalo_oa._LOOK_AFTER_SECONDS": 0.1,
        "bot.transports.zalo_oa_tokens._TRY_AGAIN_SECONDS": 0.1,
        "bot.transports.zalo_oa_tokens._REFUSED_SECONDS": 0.1,
        "bot.transports.zalo_oa_tokens._BUSY_SECONDS": 0.01,
        "bot.transports.zalo_oa_client._PAUSE_SECONDS": 0.5,
        "bot.delivery._FIRST_RETRY_SECONDS": 0.05,
        "bot.inbox._UNAVAILABLE_SECONDS": 0.05,
        "bot.inbox._SECONDS_PER_EVENT": 0.0,
    }.items():
        monkeypatch.setattr(name, seconds)
    return partial(run_zalo_oa, zalo_oa, keys, answerer, tmp_path)


@pytest.fixture
async def zalo() -> AsyncIterator[ZaloBotStandIn]:
    """A stand-in Zalo Bot platform; at the end every request it met must have kept the rules."""
    async with ZaloBotStandIn() as server:
        yield server
        server.assert_sound()


@pytest.fixture
def start_zalo(
    zalo: ZaloBotStandIn, keys: Keys, answerer: Answerer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> StartZaloBot:
    """Start the program with a Zalo Bot; its waits are short, for the tests' sake."""
    for name, seconds in {
        "bot.transports.zalo_bot._BETWEEN_POLLS_SECONDS": 0.02,
        "bot.transports.zalo_bot._RETRY_SECONDS": 0.05,
        "bot.transports.zalo_bot._REFUSED_SECONDS": 0.1,
        "bot.transports.zalo_bot._FIRST_PAUSE_SECONDS": 0.2,
        "bot.transports.zalo_bot._LOOK_AFTER_SECONDS": 0.1,
        "bot.transports.zalo_bot.ZaloBotTransport.messages_per_second": 200.0,
        "bot.delivery._FIRST_RETRY_SECONDS": 0.05,
        "bot.inbox._UNAVAILABLE_SECONDS": 0.05,
        "bot.inbox._SECONDS_PER_EVENT": 0.0,
    }.items():
        monkeypatch.setattr(name, seconds)
    return partial(run_zalo_bot, zalo, keys, answerer, tmp_path)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a migrated, empty SQLite database."""
    (tmp_path / "union.db").write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{tmp_path / 'union.db'}"
