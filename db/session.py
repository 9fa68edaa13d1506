"""Transactions on the database, from threads and from the event loop."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from db.case_keys import CaseKeys
from db.engines import normalize_url, open_engine
from db.keys import Keys

T = TypeVar("T")

_SQLITE_READERS = 2

_POSTGRES_THREADS = 3
"""A turn is mostly Python, which runs one thread at a time: with eight, threads took turns so often that a process
handled a third fewer turns (docs/decisions/0004). More speed is more processes."""


class Database:
    """Transactions on one database, callable from threads and, through `run` and `look`, from the event loop.

    The drivers are synchronous on purpose (docs/decisions/0004): on SQLite one thread writes, since SQLite has one
    writer anyway; on PostgreSQL each of a few threads has a connection. ``case_keys`` is the store with the keys of
    cases, closed with the database; without one, whatever touches a case's content raises.
    """

    def __init__(self, url: str, keys: Keys, case_keys: CaseKeys | None = None) -> None:
        self.url = normalize_url(url)
        self.keys = keys
        self.case_keys = case_keys
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = open_engine(self.url)
        self._info = {"keys": keys, "case_keys": case_keys}
        self._reading = open_engine(self.url, reads=True) if self.is_sqlite else self.engine
        for engine in (self.engine, self._reading):
            engine.dialect.union_keys = keys  # type: ignore[attr-defined]  # how column types find the ring
        self._writers = ThreadPoolExecutor(1 if self.is_sqlite else _POSTGRES_THREADS, thread_name_prefix="db-write")
        self._readers = ThreadPoolExecutor(_SQLITE_READERS, "db-read") if self.is_sqlite else self._writers

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A transaction that commits when the block ends and rolls back when it raises. On SQLite it is a writer from
        its first statement (BEGIN IMMEDIATE), so that it can never fail half-way for want of the lock."""
        with Session(self.engine, expire_on_commit=False, info=dict(self._info)) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only reads. On SQLite it sees one snapshot and waits for no writer; on PostgreSQL each
        statement sees what is there by then."""
        with Session(self._reading, expire_on_commit=False, info=dict(self._info)) as session:
            yield session
            session.expunge_all()  # rows read stay readable after the transaction
            session.rollback()

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """Call ``work(session, *args)`` in a writing transaction on a database thread; returns after the commit."""
        return await asyncio.get_running_loop().run_in_executor(self._writers, self._run, work, args)

    async def look(self, work: Callable[..., T], *args: Any) -> T:
        """Call ``work(session, *args)`` in a reading transaction on a database thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._look, work, args)

    async def call(self, work: Callable[..., T], *args: Any) -> T:
        """Call ``work(*args)``, which opens its own transactions, on a database thread."""
        return await asyncio.get_running_loop().run_in_executor(self._writers, work, *args)

    def _run(self, work: Callable[..., T], args: tuple[Any, ...]) -> T:
        with self.begin() as session:
            return work(session, *args)

    def _look(self, work: Callable[..., T], args: tuple[Any, ...]) -> T:
        with self.read() as session:
            return work(session, *args)

    def close(self) -> None:
        """Wait for running transactions and close every connection."""
        self._writers.shutdown()
        self._readers.shutdown()
        self.engine.dispose()
        self._reading.dispose()
        if self.case_keys is not None:
            self.case_keys.close()


def is_unavailable(error: SQLAlchemyError) -> bool:
    """Whether the database itself failed (gone, locked, full) and the same statement may succeed later; False when
    the statement or its values are at fault."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError, InternalError))
    return isinstance(error, PoolTimeout)


def keys_of_session(session: Session) -> Keys:
    """The key ring by which this session's rows are sealed and found."""
    keys: Keys = session.info["keys"]
    return keys


def allow_long_work(session: Session) -> None:
    """In this transaction the program may work for more than a few seconds between two statements: PostgreSQL gives up
    others then, as hanging (`db.engines`)."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def lock_lane(session: Session, lane: str) -> None:
    """Hold a person's lane until the transaction ends: no other process handles an event of theirs meanwhile.

    SQLite needs nothing more: a writing transaction excludes all others.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(('x' || left(:lane, 16))::bit(64)::bigint)"), {"lane": lane})
