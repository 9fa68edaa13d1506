"""What every test can ask for: keys, a database of each kind, the answers, people to talk with."""

import itertools
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from sqlalchemy import make_url

from db.case_keys import CaseKeys
from db.keys import Keys, create_key_file, load_key_file
from db.migrate import migrate
from db.session import Database
from knowledge.answer import Answerer, load_answerer

from .postgres import Postgres, run_postgres
from .talk import Talk

_numbers = itertools.count(1)
TEMPLATE = "migrated"


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A command run by a test sets up logs for a whole program, on that test's own standard error."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One key file for the session."""
    path = tmp_path_factory.mktemp("keys") / "union.key"
    create_key_file(path)
    return path


@pytest.fixture(scope="session")
def keys(key_file: Path) -> Keys:
    """The ring in it."""
    return load_key_file(key_file)


@pytest.fixture(scope="session")
def answerer() -> Answerer:
    """The published answers."""
    return load_answerer()


@pytest.fixture(scope="session")
def postgres(keys: Keys) -> Iterator[Postgres]:
    """A real server with one migrated database to copy from."""
    with run_postgres() as server:
        server.execute(f"CREATE DATABASE {TEMPLATE}")
        database = Database(server.url_of(TEMPLATE), keys)
        migrate(database)
        database.close()
        yield server


@pytest.fixture(scope="session")
def sqlite_template(keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy from."""
    path = tmp_path_factory.mktemp("template") / "union.db"
    database = Database(f"sqlite:///{path}", keys)
    migrate(database)
    database.close()  # the last connection writes the log into the file
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated, empty database: every test that asks runs on both kinds."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        (tmp_path / "union.db").write_bytes(template.read_bytes())
        return f"sqlite:///{tmp_path / 'union.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    name = f"test_{next(_numbers)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    return server.url_of(name)


@pytest.fixture
def case_keys(tmp_path: Path, keys: Keys) -> CaseKeys:
    """An empty store for the keys of cases."""
    return CaseKeys(f"sqlite:///{tmp_path / 'case-keys.db'}", keys)


@pytest.fixture
def database(database_url: str, keys: Keys, case_keys: CaseKeys) -> Iterator[Database]:
    """A migrated, empty database with its store of case keys."""
    opened = Database(database_url, keys, case_keys)
    yield opened
    opened.close()


@pytest.fixture
async def talk(database: Database, answerer: Answerer) -> AsyncIterator[Talk]:
    """The running core with people to talk with."""
    async with Talk.start(database, answerer) as running:
        yield running


def is_postgres(url: str) -> bool:
    """Whether a URL names a PostgreSQL database."""
    return make_url(url).get_backend_name() == "postgresql"
