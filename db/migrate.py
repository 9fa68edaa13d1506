"""Brings a database to the newest tables, and says how far one is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import Connection

from db.session import Database

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_209_041_522_338_116
"""Any number, as long as nothing else on the server takes it for an advisory lock."""


def migrate(database: Database, revision: str = "head") -> None:
    """Apply migrations up to (or down to) a revision, in one transaction; processes that start together take turns."""
    with without_foreign_keys(database) as connection, connection.begin():
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        config = _config()
        config.attributes["connection"] = connection
        if revision == "base" or revision.startswith("-"):
            command.downgrade(config, revision)
        else:
            command.upgrade(config, revision)


@contextmanager
def without_foreign_keys(database: Database) -> Iterator[Connection]:
    """SQLite changes a table by copying it and dropping the old one, and that drop would delete, by their foreign keys,
    all rows that point at it. The check cannot be switched off inside a transaction, so it is before."""
    with database.engine.connect() as connection:
        if not database.is_sqlite:
            yield connection
            return
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101  # the connection was just opened
        driver.execute("PRAGMA foreign_keys=OFF")
        try:
            yield connection
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def find_revision(database: Database) -> str | None:
    """The revision a database stands at; None for an empty one."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str | None:
    """The revision this program needs."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return config
