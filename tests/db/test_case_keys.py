"""Each case has its own key, in a store apart: once destroyed it opens nothing, anywhere, and leaves no trace."""

import itertools
import sqlite3
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from db.case_keys import CaseErased, CaseKeys, StoredKey, case_keys_of_session, tie_case_keys
from db.engines import normalize_url
from db.keys import KeyProblem, Keys, add_sealing_key, create_key_file
from db.session import Database
from tests.conftest import is_postgres
from tests.postgres import Postgres

_numbers = itertools.count(1)
STORY = "chuyện kín".encode()
ALL_DAYS = date(2999, 1, 1)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new store may lie: a file, or a database of a server."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    name = f"case_keys_{next(_numbers)}"
    server.execute(f"CREATE DATABASE {name}")
    return server.url_of(name)


@pytest.fixture
def store(store_url: str, keys: Keys) -> Iterator[CaseKeys]:
    """A new store."""
    opened = CaseKeys(store_url, keys)
    yield opened
    opened.close()


def rows_of(url: str) -> list[bytes]:
    """The keys as they lie in a store."""
    engine = create_engine(normalize_url(url))
    with engine.connect() as connection:
        found = [bytes(row) for row in connection.scalars(text("SELECT wrapped FROM case_keys ORDER BY id"))]
    engine.dispose()
    return found


def test_case_is_opened_by_its_own_key_at_its_own_place_only(store: CaseKeys) -> None:
    """What one key sealed opens with no other, nowhere else, and not when it was altered."""
    mine, other = (store.cipher(store.create()) for _ in range(2))
    sealed = mine.seal(STORY, "case_events.body")
    assert STORY not in sealed
    assert mine.open(sealed, "case_events.body") == STORY
    assert mine.seal(STORY, "case_events.body") != sealed
    for cipher, value, place in (
        (other, sealed, "case_events.body"),
        (mine, sealed, "case_files.content"),
        (mine, sealed[:-1] + bytes([sealed[-1] ^ 1]), "case_events.body"),
        (mine, sealed[:5], "case_events.body"),
        (mine, b"", "case_events.body"),
    ):
        with pytest.raises(KeyProblem):
            cipher.open(value, place)


def test_destroyed_key_opens_nothing_in_any_process(store: CaseKeys, store_url: str, keys: Keys) -> None:
    """Also where it was used a moment ago; the keys of other cases stay."""
    gone, kept = store.create(), store.create()
    elsewhere = CaseKeys(store_url, keys)
    elsewhere.cipher(gone)
    store.destroy([gone])
    for one in (store, elsewhere):
        with pytest.raises(CaseErased):
            one.cipher(gone)
        one.cipher(kept)
    assert store.list_destroyed() == [gone]
    assert store.list_living(ALL_DAYS) == [kept]
    store.destroy([gone])
    assert store.list_destroyed() == [gone]
    elsewhere.close()


def test_unknown_key_is_a_lost_store_and_no_erased_case(store: CaseKeys) -> None:
    """Whoever starts with a wrong store is told; nobody's case is taken for erased. A row without key is."""
    store.create()
    with pytest.raises(KeyProblem):
        store.cipher("0" * 32)
    with pytest.raises(CaseErased):
        store.cipher(None)


def test_keys_lie_wrapped(store: CaseKeys, store_url: str, tmp_path: Path) -> None:
    """Who has the store alone opens nothing: another ring does not unwrap, nor does the row of another case."""
    first, second = store.create(), store.create()
    stranger = CaseKeys(store_url, create_key_file(tmp_path / "other.key"))
    with pytest.raises(KeyProblem):
        stranger.cipher(first)
    stranger.close()
    engine = create_engine(normalize_url(store_url))
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE case_keys SET wrapped = (SELECT wrapped FROM case_keys WHERE key_id = :a) WHERE key_id = :b"),
            {"a": first, "b": second},
        )
    engine.dispose()
    store.cipher(first)
    with pytest.raises(KeyProblem):
        store.cipher(second)


def test_destroyed_keys_leave_no_trace_on_disk(tmp_path: Path, keys: Keys) -> None:
    """Of a hundred keys among a thousand, made and destroyed in many steps, no byte is left in the file or beside it,
    while the store is still open; the others are all there."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    store = CaseKeys(url, keys)
    ids = [store.create() for _ in range(1000)]
    wrapped = dict(zip(ids, rows_of(url), strict=True))
    for start in range(0, 1000, 40):
        store.destroy(ids[start : start + 4])
    gone = {wrapped[one] for start in range(0, 1000, 40) for one in ids[start : start + 4]}
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert len(gone) == 100
    assert sum(value in content for value in wrapped.values()) == 900
    assert not [value for value in gone if value in content or value[-24:] in content]
    assert not list(tmp_path.glob("*-wal"))
    store.close()


def test_destroyed_key_is_gone_from_postgresql(postgres: Postgres, keys: Keys) -> None:
    """The row as it was is vacuumed at once; see docs/explanation/security.md for the server's own log."""
    name = f"case_keys_{next(_numbers)}"
    postgres.execute(f"CREATE DATABASE {name}")
    url = postgres.url_of(name)
    store = CaseKeys(url, keys)
    gone = store.create()
    (wrapped,) = rows_of(url)
    postgres.execute("CHECKPOINT")
    store.destroy([gone])
    postgres.execute("CHECKPOINT")
    files = [path for path in (postgres._home / "data" / "base").rglob("*") if path.is_file()]
    assert not [path.name for path in files if wrapped in path.read_bytes()]
    store.close()


def test_store_is_readable_by_its_owner_only(tmp_path: Path, keys: Keys) -> None:
    """From the first moment, whatever the umask, the journal included."""
    store = CaseKeys(f"sqlite:///{tmp_path / 'new' / 'store.db'}", keys)
    store.create()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()}
    assert set(modes.values()) == {0o600}
    store.close()


def test_key_is_durable_before_it_is_used(tmp_path: Path, keys: Keys) -> None:
    """SQLite waits for the disk, also for the end of its journal, and uses no log that outlives a key."""
    store = CaseKeys(f"sqlite:///{tmp_path / 'store.db'}", keys)
    store.create()
    with store._engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("synchronous", "journal_mode", "secure_delete")
        }
    assert pragmas == {"synchronous": 3, "journal_mode": "truncate", "secure_delete": 1}
    store.close()


def test_many_threads_and_processes_make_and_destroy_at_once(
    store: CaseKeys, store_url: str, tmp_path: Path, key_file: Path
) -> None:
    """Nothing is lost, nothing deadlocks, and the tables are made once."""
    program = """
        import sys
        from pathlib import Path
        from db.case_keys import CaseKeys
        from db.keys import load_key_file
        store = CaseKeys(sys.argv[1], load_key_file(Path(sys.argv[2])))
        ids = [store.create() for _ in range(20)]
        store.destroy(ids[:5])
        for one in ids[5:]:
            store.cipher(one)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), store_url, str(key_file)]
    others = [subprocess.Popen(command, cwd=Path(__file__).parents[2]) for _ in range(2)]

    def work(_number: int) -> None:
        ids = [store.create() for _ in range(10)]
        store.destroy(ids[:2])
        for one in ids[2:]:
            store.cipher(one).seal(STORY, "x")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert [other.wait(60) for other in others] == [0, 0]
    assert len(store.list_living(ALL_DAYS)) == 2 * 15 + 4 * 8
    assert len(store.list_destroyed()) == 2 * 5 + 4 * 2


def test_copy_brings_back_no_destroyed_key(store: CaseKeys) -> None:
    """What was destroyed here, or in the copy, stays so; a lost key comes back; one that is here is not replaced."""
    here, there, lost = store.create(), store.create(), "a" * 32
    copy = store.list_rows()
    copy.append(StoredKey(lost, copy[0].wrapped, date(2026, 1, 1)))
    copy.append(StoredKey("b" * 32, None, date(2026, 1, 1)))
    store.destroy([here])
    copy[1] = StoredKey(there, b"x", copy[1].created_on)
    assert store.bring_back(copy) == 1
    with pytest.raises(CaseErased):
        store.cipher(here)
    with pytest.raises(CaseErased):
        store.cipher("b" * 32)
    store.cipher(there)
    assert lost in store.list_living(ALL_DAYS)
    assert store.bring_back(copy) == 0


def test_keys_are_wrapped_again_with_a_new_key_of_the_ring(store_url: str, tmp_path: Path) -> None:
    """They open what they opened; destroyed ones are left alone."""
    ring = create_key_file(tmp_path / "union.key")
    store = CaseKeys(store_url, ring)
    gone, *ids = [store.create() for _ in range(30)]
    sealed = {one: store.cipher(one).seal(STORY, "x") for one in ids}
    store.destroy([gone])
    add_sealing_key(tmp_path / "union.key", 2)
    ring.refresh()
    assert [store.rewrap(20), store.rewrap(20), store.rewrap(20)] == [20, 9, 0]
    assert store.list_key_numbers() == {2}
    assert all(store.cipher(one).open(value, "x") == STORY for one, value in sealed.items())
    with pytest.raises(CaseErased):
        store.cipher(gone)
    store.close()


def test_database_is_tied_to_its_store(database: Database, case_keys: CaseKeys, tmp_path: Path, keys: Keys) -> None:
    """The first store is written down; another, or an empty one in its place, is refused."""
    for expected in (True, True):
        with database.begin() as session:
            assert tie_case_keys(session, case_keys) is expected
    other = CaseKeys(f"sqlite:///{tmp_path / 'other.db'}", keys)
    with database.begin() as session:
        assert not tie_case_keys(session, other)
        assert not other.identity()
        other.name()
        assert not tie_case_keys(session, other)
    other.close()


def test_processes_that_start_together_give_a_store_one_name(store_url: str, keys: Keys) -> None:
    """Whoever comes second takes the name that is there."""
    stores = [CaseKeys(store_url, keys) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        names = set(pool.map(CaseKeys.name, stores))
    assert {stores[0].identity()} == names
    for one in stores:
        one.close()


def test_database_without_a_store_says_so(database_url: str, keys: Keys) -> None:
    """Whoever forgets the store is told at once, not when a worker writes."""
    bare = Database(database_url, keys)
    with bare.begin() as session, pytest.raises(RuntimeError, match="case_keys"):
        case_keys_of_session(session)
    bare.close()


def test_store_outlives_a_transaction_that_failed(database: Database, case_keys: CaseKeys) -> None:
    """The key of a case is on disk whatever becomes of the case: another connection sees it at once."""
    made = []

    def fail(session: Session) -> None:
        made.append(case_keys_of_session(session).create())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database._run(fail, ())
    assert not is_postgres(str(case_keys.url))
    with sqlite3.connect(str(case_keys.url.database)) as other:
        assert other.execute("SELECT key_id FROM case_keys").fetchall() == [(made[0],)]
