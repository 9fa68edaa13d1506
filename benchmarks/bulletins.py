"""Bulletins to a whole federation: planning 700,000 lines, sending as fast as a platform takes it, keeping its limit
while people write, and how many are skipped and doubled under faults, beside a plain loop over a list.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks.federation import plant_members, plant_units
from benchmarks.light_telegram import ask_what_was_seen, count_seen, run_light_telegram
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
from tests.bot.nursery import ForkedBot, open_nursery
from tests.bot.process import BotProcess
from tests.postgres import run_postgres
from tests.standins.telegram import TOKEN, TelegramStandIn
from tests.standins.telegram_faults import flood

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
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])  # what is logged stands before it
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


# The limit


async def measure_limit(seconds: float) -> dict[str, Any]:
    """The whole bot at Telegram's 30 a second, told to wait now and then, while people write to it."""
    members = int(seconds * 32) + 300
    with tempfile.TemporaryDirectory() as name, open_federation(Path(name), members) as federation:
        async with TelegramStandIn(fast=True) as server:
            for chat in federation.chats[federation.tree.root]:
                server.bot(TOKEN).person(chat, started=True)
            writers = [server.bot(TOKEN).person(500 + number, "Lan", started=True) for number in range(30)]
            url = federation.database.url.render_as_string()
            bot = BotProcess(Path(name), url, Path(name) / "union.key", TELEGRAM_TOKEN=TOKEN, METRICS_PORT="0")
            bot._environment |= {"TELEGRAM_API_URL": server.url}
            await asyncio.to_thread(bot.start)
            await writers[0].says("menu")
            await writers[0].hears(1, timeout=120)
            release_and_plan(federation)
            while len(server.calls("sendMessage")) < 60:  # noqa: ASYNC110  # another process sends
                await asyncio.sleep(0.1)
            begin = time.monotonic()
            taken, pauses = await _talk_and_pause(server, writers, begin, seconds)
            end = time.monotonic()
            await asyncio.to_thread(bot.stop)
    moments = [call.at for call in server.calls("sendMessage")]
    inside = [at for at in moments if begin <= at < end]
    silent = sum(pauses.values())
    return {
        "seconds": round(end - begin, 1),
        "pauses": len(pauses),
        "messages": len(inside),
        "share_of_limit_outside_pauses": round(len(inside) / (30 * (end - begin - silent)), 4),
        "most_in_any_second": max(bisect_left(moments, at + 1.0) - place for place, at in enumerate(moments)),
        "sent_into_pauses": server.bot(TOKEN).gate.refused,
        "replies": _spread([each for _, each in taken]),
        "replies_outside_pauses": _spread(
            [each for at, each in taken if not any(start - each <= at <= start + pauses[start] for start in pauses)]
        ),
    }


async def _talk_and_pause(
    server: TelegramStandIn, writers: list[Any], begin: float, seconds: float
) -> tuple[list[tuple[float, float]], dict[float, float]]:
    """Two people write each second; four times in all the platform asks for a second of silence. Returns when each
    wrote and how long the answer took, and the pauses."""
    taken: list[tuple[float, float]] = []
    pauses: dict[float, float] = {}

    async def write(person: Any) -> None:
        at = time.monotonic()
        await person.says("menu")
        await person.hears(1, timeout=60)
        taken.append((at, time.monotonic() - at))

    async def pause() -> None:
        for part in range(4):
            await asyncio.sleep(max(0.0, begin + (part + 0.5) * seconds / 4 - time.monotonic()))
            before = len(server.log)
            server.faults.next("sendMessage", flood(1))
            while not any(call.status == 429 for call in server.log[before:]):  # noqa: ASYNC110  # another process sends
                await asyncio.sleep(0.005)
            pauses[next(call.at for call in server.log[before:] if call.status == 429)] = 1.0

    pausing = asyncio.create_task(pause())
    writing = []
    for number in range(int(seconds * 2)):
        await asyncio.sleep(max(0.0, begin + number / 2 - time.monotonic()))
        writing.append(asyncio.create_task(write(writers[number % len(writers)])))
    await asyncio.gather(pausing, *writing)
    return taken, pauses


# Beside a plain loop


FAULTS = {"flood": 0.001, "drop": 0.005, "blocked": 50}
RATE = 100.0


def compare(members: int, kills: int) -> dict[str, Any]:
    """The same audience and the same faults for two plain loops and for ours, killed as often at like moments."""
    found: dict[str, Any] = {"members": members, "kills": kills, "faults": FAULTS}
    with tempfile.TemporaryDirectory() as name:
        for what, place in (("loop_begun_anew", None), ("loop_with_a_saved_place", Path(name) / "place")):
            found[what] = _drive_loop(members, kills, place)
        found["ours"] = _drive_ours(Path(name), members, kills)
    return found


def _drive_loop(members: int, kills: int, place: Path | None) -> dict[str, Any]:
    with run_light_telegram(**FAULTS) as address:
        command = [sys.executable, "-m", "benchmarks.plain_loop", address, str(FIRST_CHAT), str(members), str(RATE)]
        command += ["--place", str(place)] if place else []
        process = subprocess.Popen(command)
        for most in _list_moments(members, kills):
            began = count_seen(address)
            while count_seen(address) - began < most and process.poll() is None:
                time.sleep(0.02)
            process.kill()
            process.wait()
            process = subprocess.Popen(command)
        process.wait()
        return _count_reached(address, members)


def _drive_ours(folder: Path, members: int, kills: int) -> dict[str, Any]:
    with (
        open_federation(folder, members) as federation,
        open_nursery() as nursery,
        run_light_telegram(**FAULTS) as address,
    ):
        release_and_plan(federation)
        url = federation.database.url.render_as_string()
        settings = {"DATABASE_URL": url, "KEY_FILE": str(folder / "union.key"), "WEB_PORT": "0", "METRICS_PORT": "0"}
        settings |= {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_API_URL": address}
        bot = ForkedBot(nursery, folder / "bot.log", **settings)
        bot.start()
        for most in _list_moments(members, kills):
            began = count_seen(address)
            while count_seen(address) - began < most and federation.count_left():
                time.sleep(0.02)
            bot.kill()
            bot.start()
        while federation.count_left():
            time.sleep(0.2)
        bot.stop()
        states = federation.read_lines(federation.list_runs(1)[0].id)
        unknown = {chat for chat, state in states.items() if state == [DeliveryState.UNKNOWN]}
        return _count_reached(address, members, unknown)


def _list_moments(members: int, kills: int) -> list[int]:
    """After how many further messages each kill comes: at like moments for all."""
    chance = random.Random(6)
    return [round(members / (kills + 1) * chance.uniform(0.5, 1.4)) for _ in range(kills)]


def _count_reached(address: str, members: int, unknown: frozenset[int] | set[int] = frozenset()) -> dict[str, Any]:
    got = Counter(chat for _, chat in ask_what_was_seen(address)["seen"])
    audience = [chat for chat in range(FIRST_CHAT, FIRST_CHAT + members) if chat % FAULTS["blocked"]]
    return {
        "skipped": sum(not got[chat] and chat not in unknown for chat in audience),
        "doubled": sum(got[chat] > 1 for chat in audience),
        "unknown": len(unknown),
        "unknown_and_not_reached": sum(not got[chat] for chat in audience if chat in unknown),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=MEMBERS, help="of the federation that is planned for")
    parser.add_argument("--messages", type=int, default=30_000, help="sent to measure the engine")
    parser.add_argument("--seconds", type=float, default=60, help="at the limit")
    parser.add_argument("--audience", type=int, default=3000, help="beside a plain loop")
    parser.add_argument("--kills", type=int, default=20, help="beside a plain loop")
    parser.add_argument("parts", nargs="*", default=["planning", "engine", "limit", "beside"])
    options = parser.parse_args()
    if "planning" in options.parts:
        plan_in_both(options.members)
    if "engine" in options.parts:
        tell("engine", **asyncio.run(measure_engine(options.messages)))
    if "limit" in options.parts:
        tell("limit", **asyncio.run(measure_limit(options.seconds)))
    if "beside" in options.parts:
        tell("beside", **compare(options.audience, options.kills))


if __name__ == "__main__":
    main()
