"""kill -9 at any moment while bulletins go out: nobody skipped, nobody told twice, each date fired exactly once."""

import asyncio
import contextlib
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from bot.app import open_database, utc_now
from bot.settings import Settings
from db.keys import load_key_file
from db.models import Bulletin, BulletinEvent, BulletinRun, Delivery, DeliveryState, RunState
from db.session import Database
from tests.drills import note_drill
from tests.postgres import Postgres, run_postgres
from tests.standins.telegram import TOKEN, TelegramStandIn
from tests.standins.telegram_faults import bad_gateway, drop_after, drop_before, flood

from .bulletin_federation import FIRST_CHAT, Federation
from .nursery import ForkedBot, Nursery, open_nursery

_NUMBERED = re.compile(r"(\w+-\d+) số (\d+)")
_KILLS_PER_BULLETIN = 4
_RECURRING = 2
_BEHIND = timedelta(minutes=5)
"""So far behind are the bulletins of each minute when a drill begins: as after an outage."""


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """Where bots come from."""
    with open_nursery() as opened:
        yield opened


@dataclass
class Drill:
    """Bulletins go out while the processes that send them, and the database they stand in, are killed."""

    federation: Federation
    server: TelegramStandIn
    bots: list[ForkedBot]
    postgres: Postgres | None
    chance: random.Random
    once: dict[int, datetime] = field(default_factory=dict)
    recurring: dict[int, datetime] = field(default_factory=dict)
    met: Counter[str] = field(default_factory=Counter)

    async def run(self, kills: int, patience: float) -> None:
        """Kill so often, then let everything go out."""
        now = utc_now()
        for number in range(_RECURRING):
            bulletin = self.federation.release_each_minute(f"Moi-{number}", now - _BEHIND, now)
            self.recurring[bulletin] = (now - _BEHIND).replace(second=0, microsecond=0) + timedelta(minutes=1)
        for bot in self.bots:
            bot.start()
        for number in range(kills):
            if number % _KILLS_PER_BULLETIN == 0:
                await asyncio.to_thread(self._release, number // _KILLS_PER_BULLETIN)
            await self._let_work()
            await asyncio.to_thread(self._kill, number)
        await asyncio.to_thread(self.federation.end, self.recurring)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and await asyncio.to_thread(self.federation.count_left):  # noqa: ASYNC110  # others work on it
            await asyncio.sleep(0.2)
        for bot in self.bots:
            await asyncio.to_thread(bot.stop)

    def _release(self, number: int) -> None:
        now = utc_now()
        at = now + timedelta(seconds=self.chance.uniform(0, 2))
        self.once[self.federation.release_once(f"Tin-{number}", at, now)] = at

    async def _let_work(self) -> None:
        """Mostly until something goes out again and a random moment longer, else a random moment."""
        if self.chance.random() < 0.75:
            before = len(self.server.log)
            deadline = time.monotonic() + 15
            while not self._has_sent(before) and time.monotonic() < deadline:  # noqa: ASYNC110  # another process sends
                await asyncio.sleep(0.01)
        await asyncio.sleep(self.chance.uniform(0.0, 1.0))

    def _has_sent(self, before: int) -> bool:
        return any(call.method == "sendMessage" for call in self.server.log[before:])

    def _kill(self, number: int) -> None:
        if self.postgres is not None and number % 6 == 5:
            self.postgres.kill()
            self._note("database")
            self.postgres.start_again()
            return
        victims = self.bots if self.chance.random() < 0.2 else [self.chance.choice(self.bots)]
        for bot in victims:
            bot.kill()
        self._note("bot")
        for bot in victims:
            bot.start()

    def _note(self, what: str) -> None:
        """What stood half done when it was killed."""
        self.met[f"kills_of_{what}"] += 1
        with contextlib.suppress(SQLAlchemyError), self.federation.database.read() as session:
            planning = select(func.count()).where(BulletinRun.state == RunState.PLANNING, BulletinRun.planned_to > 0)
            claimed = select(func.count()).where(Delivery.state == DeliveryState.CLAIMED)
            self.met["in_planning"] += bool(session.scalar(planning))
            self.met["in_sending"] += bool(session.scalar(claimed))

    def judge(self) -> dict[str, int]:
        """What people got, by the stand-in, beside what the ledger says."""
        got = self._count_received()
        found: Counter[str] = Counter(skipped=0, twice=0, not_as_the_ledger_says=0, dates_not_fired_once=0)
        for bulletin, chats in self._list_audiences():
            dates = self._list_dates(bulletin)
            runs = self.federation.list_runs(bulletin)
            found["dates"] += len(dates)
            fired = Counter(run.due_at for run in runs)
            found["dates_not_fired_once"] += sum(fired[date] != 1 for date in {*dates, *fired})
            found["dates_not_fired_once"] += abs(len(dates) - self._count_starts(bulletin))
            found["unfinished"] += sum(run.state is not RunState.DONE for run in runs)
            for number, run in enumerate(runs, 1):
                self._judge_run(found, chats, got[self._title_of(bulletin), number], run)
        return dict(found)

    def _judge_run(self, found: Counter[str], chats: list[int], got: Counter[int], run: BulletinRun) -> None:
        lines = self.federation.read_lines(run.id)
        found["people"] += len(chats)
        found["twice"] += sum(count > 1 for count in got.values()) + sum(len(states) > 1 for states in lines.values())
        found["strangers"] += len(set(got) - set(chats)) + len(set(lines) - set(chats))
        for chat in chats:
            states = lines.get(chat, [])
            is_unknown = DeliveryState.UNKNOWN in states
            found["unknown"] += is_unknown
            found["unknown_that_arrived"] += is_unknown and got[chat] == 1
            found["skipped"] += not got[chat] and not is_unknown
            found["not_as_the_ledger_says"] += not is_unknown and states != [DeliveryState.SENT]

    def _list_audiences(self) -> Iterator[tuple[int, list[int]]]:
        for bulletin in self.once:
            yield bulletin, self.federation.chats[self.federation.tree.root]
        for bulletin in self.recurring:
            yield bulletin, self.federation.chats[self.federation.tree.team]

    def _list_dates(self, bulletin: int) -> list[datetime]:
        """When it should have gone out: each minute up to the last one at which it did."""
        if bulletin in self.once:
            return [self.once[bulletin]]
        last = max(run.due_at for run in self.federation.list_runs(bulletin))
        count = int((last - self.recurring[bulletin]).total_seconds()) // 60 + 1
        return [self.recurring[bulletin] + timedelta(minutes=number) for number in range(count)]

    def _title_of(self, bulletin: int) -> str:
        with self.federation.database.read() as session:
            return str(session.get_one(Bulletin, bulletin).content["title"]).split(" ")[0]

    def _count_starts(self, bulletin: int) -> int:
        started = (BulletinEvent.bulletin_id == bulletin, BulletinEvent.what == "started")
        with self.federation.database.read() as session:
            return session.scalar(select(func.count()).where(*started)) or 0

    def _count_received(self) -> dict[tuple[str, int], Counter[int]]:
        got: dict[tuple[str, int], Counter[int]] = {}
        for call in self.server.calls("sendMessage"):
            match = _NUMBERED.search(str(call.params["text"]))
            assert match is not None, call.params
            got.setdefault((match[1], int(match[2])), Counter())[call.params["chat_id"]] += 1
        return _Empty(got)


class _Empty(dict[tuple[str, int], Counter[int]]):
    def __missing__(self, _key: tuple[str, int]) -> Counter[int]:
        return Counter()


async def replay(
    nursery: Nursery, folder: Path, database: Database, key_file: Path, postgres: Postgres | None, **how: Any
) -> dict[str, int]:
    """The whole drill; what it found."""
    members, team = how["members"], 20
    federation = Federation.plant(database, members, team, utc_now())
    async with TelegramStandIn(fast=True) as server:
        for chat in range(FIRST_CHAT, FIRST_CHAT + members + team):
            server.bot(TOKEN).person(chat, started=True)
        faults = [(0.003, drop_after()), (0.002, drop_before()), (0.003, bad_gateway()), (0.001, flood(1))]
        server.faults.plan(how["seed"], {"sendMessage": faults})
        bots = [
            ForkedBot(
                nursery,
                folder / f"bot-{number}.log",
                DATABASE_URL=database.url.render_as_string(hide_password=False),
                KEY_FILE=str(key_file),
                WEB_PORT="0",
                METRICS_PORT="0",
                TELEGRAM_TOKEN=TOKEN,
                TELEGRAM_API_URL=server.url,
            )
            for number in range(how["processes"])
        ]
        drill = Drill(federation, server, bots, postgres, random.Random(how["seed"]))
        try:
            await drill.run(how["kills"], how["patience"])
        finally:
            for bot in bots:
                with contextlib.suppress(OSError):
                    bot.kill()
        return drill.judge() | dict(drill.met)


@contextlib.contextmanager
def open_place(kind: str, folder: Path, key_file: Path) -> Iterator[tuple[Database, Postgres | None]]:
    """A new database; of PostgreSQL, on a server of its own that may be killed."""
    with contextlib.ExitStack() as stack:
        server, url = None, f"sqlite:///{folder}/union.db"
        if kind == "postgresql":
            server = stack.enter_context(run_postgres(durable=True))
            server.execute("CREATE DATABASE drill")
            url = server.url_of("drill")
        settings = Settings(_env_file=None, database_url=url, key_file=key_file)  # type: ignore[call-arg]
        database = open_database(settings, load_key_file(key_file))
        stack.callback(database.close)
        yield database, server


def assert_exactly_once(found: dict[str, int]) -> None:
    for name in ("skipped", "twice", "strangers", "not_as_the_ledger_says", "dates_not_fired_once", "unfinished"):
        assert found[name] == 0, found
    assert found["people"] > 0


PLACES = [("sqlite", 1), ("postgresql", 3)]
DRILLS = [("sqlite", 1), ("sqlite", 3), ("postgresql", 1), ("postgresql", 3)]


@pytest.mark.parametrize(("kind", "processes"), PLACES)
async def test_few_kills_skip_and_double_nobody(
    nursery: Nursery, tmp_path: Path, key_file: Path, kind: str, processes: int
) -> None:
    """A sample of the drill below; on PostgreSQL the server is killed too."""
    with open_place(kind, tmp_path, key_file) as (database, postgres):
        how = {"members": 40, "kills": 6, "processes": processes, "seed": 6, "patience": 240}
        found = await replay(nursery, tmp_path, database, key_file, postgres, **how)
    assert_exactly_once(found)


@pytest.mark.drill
@pytest.mark.parametrize(("kind", "processes"), DRILLS)
async def test_two_hundred_kills_skip_and_double_nobody(
    nursery: Nursery, tmp_path: Path, key_file: Path, kind: str, processes: int
) -> None:
    """Bulletins to everybody and others each minute, killed at random moments all along."""
    kills = 200
    began = time.monotonic()
    with open_place(kind, tmp_path, key_file) as (database, postgres):
        how = {"members": 300, "kills": kills, "processes": processes, "seed": 2026 + processes, "patience": 600}
        found = await replay(nursery, tmp_path, database, key_file, postgres, **how)
    seconds = round(time.monotonic() - began)
    note_drill("bulletins under kills", kills, database=kind, processes=processes, seconds=seconds, **found)
    assert_exactly_once(found)
