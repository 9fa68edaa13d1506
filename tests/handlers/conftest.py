"""Every dialogue runs on every channel, so that no feature works only where buttons can be pressed."""

from collections.abc import AsyncIterator

import pytest

from db.session import Database
from knowledge.answer import Answerer
from tests.edges import EDGES
from tests.talk import Talk


@pytest.fixture(params=EDGES)
def channel(request: pytest.FixtureRequest) -> str:
    """The name of a channel."""
    return str(request.param)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is slowed down: a form has more answers than a person may send at once."""
    monkeypatch.setattr("bot.inbox._SECONDS_PER_EVENT", 0.0)


@pytest.fixture
async def talk(database: Database, answerer: Answerer, channel: str) -> AsyncIterator[Talk]:
    """The running core with people to talk with, on each channel; on PostgreSQL one channel stands for all, since how a
    button is pressed does not touch the database."""
    async with Talk.start(database, answerer, EDGES[channel]()) as running:
        yield running


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what would be tested twice."""
    twice = [item for item in items if _is_twice(item)]
    config.hook.pytest_deselected(items=twice)
    items[:] = [item for item in items if not _is_twice(item)]


def _is_twice(item: pytest.Item) -> bool:
    params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return params.get("database_url") == "postgresql" and params.get("channel") not in (None, "telegram")
