"""The whole program beside a stand-in Telegram: what the Telegram tests ask for."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from db.keys import Keys
from knowledge.answer import Answerer
from tests.standins.telegram import TelegramStandIn

from .telegram_app import StartBot, run_bot


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramStandIn]:
    """A stand-in Telegram; at the end every request it met must have kept the rules of the Bot API."""
    async with TelegramStandIn() as server:
        yield server
        server.assert_sound()


@pytest.fixture
def start(telegram: TelegramStandIn, keys: Keys, answerer: Answerer, monkeypatch: pytest.MonkeyPatch) -> StartBot:
    """Start the program on a database; its waits are short, for the tests' sake."""
    for name, seconds in {
        "bot.transports.telegram._RETRY_SECONDS": 0.05,
        "bot.transports.telegram._CONFLICT_SECONDS": 0.1,
        "bot.delivery._FIRST_RETRY_SECONDS": 0.05,
        "bot.inbox._UNAVAILABLE_SECONDS": 0.05,
        "bot.inbox._SECONDS_PER_EVENT": 0.0,
    }.items():
        monkeypatch.setattr(name, seconds)
    return partial(run_bot, telegram, keys, answerer)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a migrated, empty SQLite database."""
    (tmp_path / "union.db").write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{tmp_path / 'union.db'}"
