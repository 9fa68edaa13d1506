"""Only one process at a time drives a bot account: polls it and sends on it. Another waits and takes over."""

import asyncio
import fcntl
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, Any

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from db.session import Database

log = structlog.get_logger()

_TRY_SECONDS = 2.0
"""A standby asks this often, and a leader looks this often whether it still leads: take-over within 10 seconds."""

_ANSWER_SECONDS = 4.0
"""A leader that gets no answer for so long stops: before the server gives its lead to another."""

_SILENT_MILLISECONDS = 7000
"""PostgreSQL ends the session of a leader that does not even look any more: one that hangs, or whose machine vanished
from the network, would else lead for ever."""


class Leadership:
    """A lock by name, held by this process until it ends or loses its connection.

    PostgreSQL: a session's advisory lock. SQLite: a lock on a file beside the database, since only processes on the
    same machine can share it. Both are released by the operating system or the server when the process dies.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def while_leading(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Wait until this process leads and run ``work``; start over when the lead was lost or ``work`` failed; end
        when ``work`` does."""
        while True:
            lock = await self._wait_for(name)
            try:
                if await self._run_until_lost(lock, work):
                    return
                log.error("lead_lost", name=name)
            except Exception as error:  # noqa: BLE001  # one channel's failure must not end all the others
                log.error("channel_failed", name=name, errors=_kinds_of(error))
            finally:
                await asyncio.shield(asyncio.to_thread(lock.release))
            await asyncio.sleep(_TRY_SECONDS)

    async def _wait_for(self, name: str) -> "_FileLock | _SessionLock":
        lock: _FileLock | _SessionLock
        lock = _FileLock(self._database, name) if self._database.is_sqlite else _SessionLock(self._database, name)
        while not await asyncio.to_thread(lock.acquire):  # noqa: ASYNC110  # another process releases it
            await asyncio.sleep(_TRY_SECONDS)
        return lock

    async def _run_until_lost(self, lock: "_FileLock | _SessionLock", work: Callable[[], Awaitable[None]]) -> bool:
        """True when the work ended by itself, False when the lead was lost first."""
        task = asyncio.ensure_future(work())
        ends: list[asyncio.Future[Any]] = [task]
        try:
            while True:
                done, _ = await asyncio.wait([task], timeout=_TRY_SECONDS)
                if done:
                    task.result()
                    return True
                looking = asyncio.ensure_future(asyncio.to_thread(lock.is_held))
                answered, _ = await asyncio.wait([looking], timeout=_ANSWER_SECONDS)
                if not answered:
                    ends.append(looking)
                if not answered or not looking.result():
                    return False
        finally:
            task.cancel()
            await asyncio.wait(ends)


class _FileLock:
    def __init__(self, database: Database, name: str) -> None:
        digest = hashlib.sha256(name.encode()).hexdigest()[:12]
        path = database.url.database or ""
        self._path = None if path in ("", ":memory:") else Path(f"{path}.{digest}.lock")
        self._file: IO[str] | None = None

    def acquire(self) -> bool:
        if self._path is None:
            return True
        file = self._path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def is_held(self) -> bool:
        return True

    def release(self) -> None:
        if self._file is not None:
            self._file.close()


class _SessionLock:
    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._number = int.from_bytes(hashlib.sha256(f"lead:{name}".encode()).digest()[:8], signed=True)
        self._connection: Connection | None = None

    def acquire(self) -> bool:
        try:
            if self._connection is None:
                self._connection = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                self._connection.detach()  # held for days: the pool must not be short of it
                self._connection.exec_driver_sql(f"SET idle_session_timeout = {_SILENT_MILLISECONDS}")
            query = text("SELECT pg_try_advisory_lock(:number)")
            return bool(self._connection.execute(query, {"number": self._number}).scalar())
        except SQLAlchemyError:
            self.release()
            return False

    def is_held(self) -> bool:
        try:
            return self._connection is not None and self._connection.execute(text("SELECT 1")).scalar() == 1
        except SQLAlchemyError:
            return False

    def release(self) -> None:
        if self._connection is not None:
            self._connection.close()  # it belongs to no pool: this ends the session, and with it the lock
            self._connection = None


def _kinds_of(error: BaseException) -> list[str]:
    """What kinds of errors a failure holds, without their messages: those might hold a member's words."""
    if isinstance(error, BaseExceptionGroup):
        return [kind for inner in error.exceptions for kind in _kinds_of(inner)]
    return [type(error).__name__]
