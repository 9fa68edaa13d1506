"""One process drives a bot account; what fails in one channel ends no other."""

import asyncio

import pytest

import bot.leadership
from bot.leadership import Leadership
from db.session import Database


async def test_channel_that_failed_is_started_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss of a channel is a normal event: the program goes on and the channel comes back."""
    monkeypatch.setattr(bot.leadership, "_TRY_SECONDS", 0.02)
    starts: list[int] = []

    async def work() -> None:
        starts.append(1)
        if len(starts) < 3:
            raise ZeroDivisionError

    async with asyncio.timeout(10):
        await Leadership(database).while_leading("x", work)
    assert len(starts) == 3


async def test_one_of_two_leads_and_the_other_takes_over(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never both at once, and nobody waits once the first has ended."""
    monkeypatch.setattr(bot.leadership, "_TRY_SECONDS", 0.02)
    leading: list[str] = []
    ends = {name: asyncio.Event() for name in ("first", "second")}

    async def lead(name: str) -> None:
        leading.append(name)
        await ends[name].wait()

    tasks = []
    for name in ends:
        tasks.append(asyncio.create_task(Leadership(database).while_leading("x", lambda name=name: lead(name))))  # type: ignore[misc]  # a default binds it
        await asyncio.sleep(0.2)
    assert leading == ["first"]
    ends["first"].set()
    await tasks[0]
    await asyncio.sleep(0.3)
    assert leading == ["first", "second"]
    ends["second"].set()
    await tasks[1]
