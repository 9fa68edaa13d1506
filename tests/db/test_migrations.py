"""Migrations go up, down and up again, and end where the models are."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Integer

from db.accounts import meet_account
from db.conversations import get_conversation
from db.engines import normalize_url
from db.keys import Keys
from db.migrate import find_revision, migrate, newest_revision, without_foreign_keys
from db.models import Base, Conversation
from db.session import Database
from tests.postgres import Postgres

_names = itertools.count()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path, keys: Keys) -> Database:
    """A database without any table."""
    if request.param == "sqlite":
        return Database(f"sqlite:///{tmp_path / 'empty.db'}", keys)
    server: Postgres = request.getfixturevalue("postgres")
    name = f"empty_{next(_names)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    return Database(server.url_of(name), keys)


def test_migrations_go_up_down_and_up_again(empty: Database) -> None:
    """An update can be taken back, and the tables match the models afterwards."""
    assert find_revision(empty) is None
    migrate(empty)
    assert find_revision(empty) == newest_revision()
    migrate(empty, "base")
    assert find_revision(empty) is None
    migrate(empty)
    with empty.engine.connect() as connection:
        difference = compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata
        )
    assert difference == []
    empty.close()


def test_officers_not_yet_looked_for_are_so_after_the_update(empty: Database) -> None:
    """What the clock had done before stays done; for the rest it goes on."""
    migrate(empty, "0009")
    with empty.engine.begin() as connection:
        for statement in (
            "INSERT INTO people (id, code, created_at) VALUES (1, 'a', '2026-01-01')",
            "INSERT INTO units (id, code) VALUES (1, 'U')",
            "INSERT INTO deployment_facts VALUES ('officers_looked_for', '2:3:40')",
        ):
            connection.exec_driver_sql(statement)
        for number in (1, 2, 3):
            connection.exec_driver_sql(
                "INSERT INTO role_grants (id, person_id, unit_id, role, from_on, granted_at)"
                f" VALUES ({number}, 1, 1, 'officer', '2026-01-01', '2026-01-01')"
            )
    migrate(empty)
    with empty.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT searched_to FROM role_grants ORDER BY id").scalars().all()
        left = connection.exec_driver_sql("SELECT count(*) FROM deployment_facts").scalar()
    assert (found, left) == ([None, None, 0], 0)
    empty.close()


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("sqlite:///data/union.db", "sqlite"),
        ("sqlite+aiosqlite:///data/union.db", "sqlite"),
        ("postgresql://u@h/d", "postgresql+psycopg"),
        ("postgresql+asyncpg://u@h/d", "postgresql+psycopg"),
    ],
)
def test_any_driver_in_the_url_becomes_ours(given: str, driver: str) -> None:
    """An operator need not know which driver this program uses."""
    assert normalize_url(given).drivername == driver


def test_sqlite_is_durable_and_writers_begin_immediately(tmp_path: Path, keys: Keys) -> None:
    """WAL, FULL synchronisation, foreign keys; a reader waits for no writer."""
    database = Database(f"sqlite:///{tmp_path / 'x.db'}", keys)
    migrate(database)
    with database.begin() as writing:
        pragmas = {
            name: writing.connection().exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
        with database.read() as reading:
            assert reading.connection().exec_driver_sql("SELECT count(*) FROM accounts").scalar() == 0
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
    database.close()


def test_processes_that_start_together_migrate_one_after_another(empty: Database) -> None:
    """Nobody's start fails because another's is at it."""
    with ThreadPoolExecutor(3) as starts:
        list(starts.map(lambda _number: migrate(empty), range(3)))
    assert find_revision(empty) == newest_revision()
    empty.close()


def test_table_copied_by_a_migration_keeps_the_rows_that_point_at_it(tmp_path: Path, keys: Keys) -> None:
    """SQLite drops the old table of a copy: with foreign keys on, that would erase every conversation."""
    database = Database(f"sqlite:///{tmp_path / 'x.db'}", keys)
    migrate(database)
    now = datetime(2026, 11, 21, tzinfo=UTC)
    with database.begin() as session:
        account, _ = meet_account(session, "t:1", "h" * 32, "1", None, now)
        get_conversation(session, account.id, now)
    with without_foreign_keys(database) as connection, connection.begin():
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("accounts", recreate="always") as table:
            table.add_column(Column("extra", Integer))
    with database.begin() as session:
        assert session.query(Conversation).count() == 1
        assert session.connection().exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    database.close()
