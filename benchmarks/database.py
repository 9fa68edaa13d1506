"""Synchronous SQLAlchemy on a database thread against SQLAlchemy's asyncio, both on SQLite with the same work.

One turn of the work: store an event; then, in one transaction, read it, add a ledger line, mark the event.
"""

import asyncio
import json
import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from db.deliveries import Outgoing, add_deliveries
from db.inbox import Arrival, add_events, find_next, mark_processed
from db.keys import create_key_file
from db.migrate import migrate
from db.models import DeliveryKind, InboxEvent
from db.session import Database

TURNS = 1500
AT_ONCE = 12
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def _arrive(session: Session, number: int) -> None:
    add_events(session, [Arrival("t:1", str(number), f"{number:032x}", '{"text": "nghi thai san may thang"}')], NOW)


def _handle(session: Session, number: int) -> None:
    found = find_next(session, f"{number:032x}")
    assert found is not None
    reply = Outgoing(DeliveryKind.REPLY, f"event:{found.id}", "r", "t:1", "a", {"text": "x" * 600}, NOW + timedelta(1))
    add_deliveries(session, [reply], NOW)
    mark_processed(found, NOW)


async def _time(turn) -> float:  # type: ignore[no-untyped-def]  # a coroutine function of one number
    numbers = iter(range(TURNS))

    async def work() -> None:
        for number in numbers:
            await turn(number)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return round(TURNS / (time.perf_counter() - began), 1)


async def measure_sync(database: Database) -> float:
    """As the bot does it."""

    async def turn(number: int) -> None:
        await database.run(_arrive, number)
        await database.run(_handle, number)

    return await _time(turn)


async def measure_async(database: Database) -> float:
    """The same statements through aiosqlite, one connection each, writers waiting for the lock in turn."""
    engine = create_async_engine(database.url.set(drivername="sqlite+aiosqlite"), connect_args={"timeout": 15})
    engine.sync_engine.dialect.union_keys = database.keys  # type: ignore[attr-defined]  # as Database does

    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection, _record) -> None:  # type: ignore[no-untyped-def]  # a driver's connection
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    engine.sync_engine.dialect.do_begin = lambda connection: connection.cursor().execute("BEGIN IMMEDIATE")  # type: ignore[assignment]
    writer = asyncio.Lock()  # without it the writers fight for SQLite's lock and are several times slower

    async def turn(number: int) -> None:
        for work in (_arrive, _handle):
            async with writer, AsyncSession(engine, expire_on_commit=False) as session, session.begin():
                await session.run_sync(work, number)

    speed = await _time(turn)
    await engine.dispose()
    return speed


def main() -> None:
    """Measure both in turn, three times, and print the medians."""
    speeds: dict[str, list[float]] = {"sync": [], "async": []}
    for _ in range(3):
        for kind, measure in (("sync", measure_sync), ("async", measure_async)):
            with tempfile.TemporaryDirectory() as folder:
                keys = create_key_file(Path(folder) / "k")
                database = Database(f"sqlite:///{folder}/union.db", keys)
                migrate(database)
                speeds[kind].append(asyncio.run(measure(database)))
                with database.read() as session:
                    assert len(session.scalars(select(InboxEvent.id)).all()) == TURNS
                database.close()
    medians = {kind: sorted(values)[1] for kind, values in speeds.items()}
    ratio = round(medians["sync"] / medians["async"], 2)
    print(
        json.dumps(
            {"benchmark": "database", "cores": os.cpu_count(), "turns_per_second": medians, "sync_to_async": ratio}
        )
    )


if __name__ == "__main__":
    main()
