"""Bulletins to a whole federation: planning 700,000 lines, sending as fast as a platform takes it, keeping its limit
while people write, and how many are skipped and doubled under faults, beside a plain loop over a list.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks.federation import plant_members, plant_units
from benchmarks.light_telegram import ask_what_was_seen, run_light_telegram
from benchmarks.organisation import Probe
from benchmarks.turns import _spread
from bot.app import utc_now
from bot.delivery import Sender
from bot.transports.telegram import TelegramTransport
from db.keys import create_key_file
from db.migrate import migrate
from db.models import Delivery, DeliveryState
from db.session import Database
from handlers.bulletins.running import plan_some, start_due
from tests.bot.bulletin_federation import FIRST_CHAT, SENDER, Federation
from tests.bot.process import BotProcess
from tests.postgres import run_postgres
from tests.standins.telegram import TOKEN, TelegramStandIn
from tests.standins.telegram_faults import Limits, flood

MEMBERS = 700_000


def tell(what: str, **figures: Any) -> None:
    """One JSON line."""
    load = round(os.getloadavg()[0], 1)
    print(json.dumps({"benchmark": "bulletins", "what": what, "cores": os.cpu_count(), "load": load, **figures}))
    sys.stdout.flush()


# Planning


def measure_planning(url: str, folder: Path, members: int) -> dict[str, Any]:
    """Members planted, then planned for in a process of its own, while something else writes."""
    key_file = folder / f"{url.split(':')[0]}.key"
    database = Database(url, create_key_file(key_file))
    migrate(database)
    workplaces = plant_units(database)
    plant_members(database, members, workplaces, lambda _: SENDER, str)
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
    database.close()
    probe = Probe(url, key_file)
    probe.start()
    command = [sys.executable, "-m", "benchmarks.bulletin_planning", url, str(key_file), "web", SENDER]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    probe.is_over.set()
    probe.join()
    waited = _spread(probe.waited) | {"most_ms": round(max(probe.waited) * 1000)}
    found: dict[str, Any] = json.loads(done.stdout)
    return {"members": members, **found, "others_waited": waited}


def plan_in_both(members: int) -> None:
    """On SQLite and on PostgreSQL."""
    with tempfile.TemporaryDirectory() as name, run_postgres() as server:
        server.execute("CREATE DATABASE bulletins")
        for kind, url in (("sqlite", f"sqlite:///{name}/union.db"), ("postgresql", server.url_of("bulletins"))):
            tell("planning", database=kind, **measure_planning(url, Path(name), members))


# The engine


@contextmanager
def open_federation(folder: Path, members: int) -> Iterator[Federation]:
    """A new federation on SQLite, with its key file beside it."""
    key_file = folder / "union.key"
    keys = create_key_file(key_file)
    database = Database(f"sqlite:///{folder / 'union.db'}", keys)
    migrate(database)
    try:
        yield Federation.plant(database, members, 0, utc_now())
    finally:
        database.close()


def release_and_plan(federation: Federation, title: str = "Tin-1") -> None:
    """A bulletin to everybody, ready to be sent."""
    now = utc_now()
    federation.release_once(title, now, now)
    with federation.database.begin() as session:
        start_due(session, now, [SENDER])
    has_more = True
    while has_more:
        with federation.database.begin() as session:
            has_more = plan_some(session, utc_now())


async def measure_engine(members: int) -> dict[str, Any]:
    """The sender and the Telegram transport, without Telegram's limit, over HTTP to another process."""
    with tempfile.TemporaryDirectory() as name, open_federation(Path(name), members) as federation:
        release_and_plan(federation)
        with run_light_telegram() as address:
            transport = TelegramTransport(TOKEN, address)
            transport.messages_per_second = None  # type: ignore[assignment]  # no limit
            sender = Sender(transport, federation.database, utc_now)
            used = time.process_time()
            running = asyncio.create_task(sender.run())
            while count_lines(federation, DeliveryState.SENT) < members:  # noqa: ASYNC110  # the sender works on it
                await asyncio.sleep(0.5)
            used = time.process_time() - used
            running.cancel()
            await asyncio.wait([running])
            await transport.close()
            moments = [moment for moment, _ in ask_what_was_seen(address)["seen"]]  # type: ignore[attr-defined]
    seconds = moments[-1] - moments[0]
    return {
        "messages": len(moments),
        "seconds": round(seconds, 1),
        "per_second": round(len(moments) / seconds),
        "per_processor_second": round(len(moments) / used),
        "database": "sqlite",
    }


def count_lines(federation: Federation, state: DeliveryState) -> int:
    """How many lines stand in a state."""
    with federation.database.read() as session:
        return session.scalar(select(func.count()).select_from(Delivery).where(Delivery.state == state)) or 0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=MEMBERS, help="of the federation that is planned for")
    parser.add_argument("--messages", type=int, default=30_000, help="sent to measure the engine")
    parser.add_argument("parts", nargs="*", default=["planning", "engine", "limit", "beside"])
    options = parser.parse_args()
    if "planning" in options.parts:
        plan_in_both(options.members)
    if "engine" in options.parts:
        tell("engine", **asyncio.run(measure_engine(options.messages)))


if __name__ == "__main__":
    main()
