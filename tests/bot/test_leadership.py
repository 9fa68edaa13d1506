"""One process drives a bot account; what fails in one channel ends no other."""

import asyncio
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

import bot.leadership
from bot.app import utc_now
from bot.leadership import Leadership
from db.deliveries import Outgoing, add_deliveries
from db.models import Account, DeliveryKind
from db.session import Database, allow_long_work
from handlers.chat import Reply
from tests.standins.zalo_bot import TOKEN, ZaloBotStandIn
from tests.standins.zalo_bot_people import Person

from .process import BotProcess

TAKE_OVER_SECONDS = 10.0


async def test_channel_that_failed_is_started_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss of a channel is a normal event: the program goes on and the channel comes back."""
    monkeypatch.setattr(bot.leadership, "_TRY_SECONDS", 0.02)
    starts: list[int] = []

    async def work() -> None:
        starts.append(1)
        if len(starts) < 3:
            raise ZeroDivisionError

    async with asyncio.timeout(30):
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
        async with asyncio.timeout(30):
            while not leading:  # noqa: ASYNC110  # a database thread decides
                await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)  # in which the second tries ten times
    assert leading == ["first"]
    ends["first"].set()
    await tasks[0]
    async with asyncio.timeout(30):
        while len(leading) < 2:  # noqa: ASYNC110  # a database thread decides
            await asyncio.sleep(0.02)
    assert leading == ["first", "second"]
    ends["second"].set()
    await tasks[1]


def hang(process: BotProcess) -> None:
    """The machine is overloaded or out of memory: the process is there, holds its connections, and does nothing."""
    assert process._process is not None
    process._process.send_signal(signal.SIGSTOP)


async def tell(database: Database, words: str, person: Person, seconds: float) -> float:
    """An alert falls due; returns how long it took to arrive."""
    with database.begin() as session:
        account = session.query(Account).one()
        now = utc_now()
        message = Outgoing(
            kind=DeliveryKind.CASE_ALERT,
            subject=words,
            recipient=account.address_hash,
            sender=account.sender,
            address=account.address,
            body=Reply(words).to_json(),
            expires_at=now + timedelta(days=1),
        )
        add_deliveries(session, [message], now)
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while words not in [message.text for message in person.messages]:  # noqa: ASYNC110  # another process sends it
            await asyncio.sleep(0.02)
    return time.monotonic() - began


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("end", [BotProcess.kill, hang], ids=["killed", "hangs"])
async def test_standby_takes_over_within_ten_seconds(
    zalo: ZaloBotStandIn, database: Database, key_file: Path, tmp_path: Path, end: Callable[[BotProcess], None]
) -> None:
    """Two machines with one bot. The one that drives it is killed, or hangs with its connections open; an alert that
    falls due in that moment is sent by the other."""
    url = database.url.render_as_string(hide_password=False)
    settings = {"ZALO_BOT_TOKEN": TOKEN, "ZALO_BOT_API_URL": zalo.url, "METRICS_PORT": "0"}
    processes = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        processes.append(BotProcess(tmp_path / name, url, key_file, **settings))
    first, second = processes
    try:
        await asyncio.to_thread(first.start)
        lan = zalo.person()
        lan.says("menu")
        await lan.hears(1, 40)
        await asyncio.to_thread(second.start)
        await asyncio.sleep(3)
        assert await tell(database, "Khi cả hai cùng chạy", lan, 10) < 3
        end(first)
        took = await tell(database, "Sau khi máy thứ nhất ngừng", lan, 30)
        print(f"\ntake-over after the leader {end.__name__}: {took:.1f} s")  # noqa: T201  # the figure
        assert took <= TAKE_OVER_SECONDS
        assert [message.text for message in lan.messages].count("Sau khi máy thứ nhất ngừng") == 1
    finally:
        await asyncio.to_thread(first.kill)
        await asyncio.to_thread(second.stop)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_rows_of_a_process_that_hangs_are_given_up(database: Database) -> None:
    """Sooner than a standby takes over; who has said that their work takes longer keeps theirs."""
    busy, hangs = text("SELECT pg_advisory_xact_lock(1)"), text("SELECT pg_advisory_xact_lock(2)")
    with database.begin() as long, Session(database.engine) as hanging:
        allow_long_work(long)
        long.execute(busy)
        hanging.execute(hangs)
        began = time.monotonic()
        with database.begin() as standby:
            standby.execute(hangs)
        assert time.monotonic() - began <= TAKE_OVER_SECONDS
        with pytest.raises(DBAPIError):
            hanging.execute(text("SELECT 1"))
        hanging.invalidate()
        assert long.scalar(text("SELECT 1")) == 1
