"""Connections to a database: the one place that knows how those to SQLite and to PostgreSQL are set up."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import URL, create_engine, event, make_url
from sqlalchemy.engine import Engine

_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_BUSY_TIMEOUT_S = 15
_POSTGRES_CONNECTIONS = 8
_POSTGRES_PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""Seconds (the last: milliseconds) after which a server that vanished from the network counts as gone; by default the
operating system waits a quarter of an hour, and a process that leads a bot account would believe so all the while."""

_IDLE_MILLISECONDS = 7000
"""The other way round, PostgreSQL gives up a process that hangs in the midst of a transaction, sooner than the ten
seconds in which a standby takes over: it would else hold its rows for ever (`db.session.allow_long_work`)."""


def normalize_url(url: str | URL) -> URL:
    """A SQLAlchemy URL with the driver this program uses, whatever driver (or none) it names."""
    parsed = make_url(url)
    return parsed.set(drivername=_DRIVERS.get(parsed.get_backend_name(), parsed.drivername))


def open_engine(url: URL, prepare_sqlite: Callable[[Any, Any], None] | None = None, *, reads: bool = False) -> Engine:
    """Connections to a database; ``prepare_sqlite`` sets up one of SQLite, by default as this program's data need it.
    A transaction on SQLite is a writer from its first statement, or, where the engine ``reads``, waits for no writer.
    """
    if url.get_backend_name() != "sqlite":
        engine = create_engine(
            url,
            pool_size=_POSTGRES_CONNECTIONS,
            max_overflow=2,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args=_POSTGRES_PATIENCE,
        )
        event.listen(engine, "connect", _prepare_postgres)
        return engine
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False}
    )
    event.listen(engine, "connect", prepare_sqlite or _prepare_sqlite)
    # Set here and not by a listener of "begin": with one, SQLAlchemy asks for listeners at every statement too.
    engine.dialect.do_begin = _begin_reading if reads else _begin_writing  # type: ignore[assignment]  # a driver's connection, whatever its type
    return engine


def _prepare_postgres(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:  # no option of the connection: the operator's URL may have some of its own
        cursor.execute(f"SET idle_in_transaction_session_timeout = {_IDLE_MILLISECONDS}")
    connection.commit()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we write BEGIN ourselves, in _begin_writing and _begin_reading
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # NORMAL may lose an acknowledged commit at power loss
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=ON")  # erased data leaves no trace in the file
    cursor.close()


def _begin_writing(connection: Any) -> None:
    connection.execute("BEGIN IMMEDIATE")


def _begin_reading(connection: Any) -> None:
    connection.execute("BEGIN")
