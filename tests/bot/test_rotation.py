"""Keys change while the bot runs and people write: nothing is lost, nothing stays under the old key."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table

from bot.rotation import add_key, retire, rotate
from bot.settings import Settings
from db.keys import KeyProblem, create_key_file, load_key_file
from db.migrate import migrate
from db.models import Base, UnansweredQuestion
from db.people import add_person
from db.questions import add_unanswered
from db.resealing import list_key_numbers, list_sealed_tables
from db.session import Database
from db.types import SealedBytes, SealedJson, SealedText
from tests.bot.process import ROOT, BotProcess, Visitor

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """A deployment of its own, with its own key."""
    create_key_file(tmp_path / "own.key")
    return Settings(_env_file=None, database_url=database_url, key_file=tmp_path / "own.key")  # type: ignore[call-arg]


@pytest.fixture
def own(settings: Settings) -> Database:
    """Its database."""
    database = Database(settings.database_url, load_key_file(settings.key_file))
    migrate(database)
    return database


_MANY = 12_000
"""So many rows that sealing them again takes longer than it takes us to see that it began."""


def numbers_in(database: Database) -> set[int]:
    with database.read() as session:
        return list_key_numbers(session)


def test_every_sealed_column_is_found_in_the_models() -> None:
    """A table added later is sealed again too, without anybody thinking of it."""
    found = {(one.table.name, name) for one in list_sealed_tables() for name in one.places}
    expected = {
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, (SealedText, SealedJson, SealedBytes))
    }
    assert found == expected
    assert ("data_requests", "note") in found


def test_bot_that_is_running_goes_on_while_everything_is_sealed_again(settings: Settings, tmp_path: Path) -> None:
    """People talk all the while; afterwards the old key seals nothing, is taken out, and every talk still opens."""
    bot = BotProcess(tmp_path, settings.database_url, settings.key_file)
    bot.start()
    visitors = [Visitor(bot.address) for _ in range(3)]
    stop = threading.Event()
    said = [0, 0, 0]

    def talk(number: int) -> None:
        while not stop.is_set():
            visitors[number].says(f"nghỉ thai sản mấy tháng {said[number]}")
            said[number] += 1
            time.sleep(0.05)

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    database = Database(settings.database_url, load_key_file(settings.key_file))
    try:
        while min(said) < 2:
            time.sleep(0.05)
        told = rotate(settings, database, lambda: NOW, lambda _line: None, patience=8)
        assert numbers_in(database) == {2}
        retire(settings, database, NOW, patience=0.5)
        before = list(said)
        deadline = time.monotonic() + 30
        while min(now - was for now, was in zip(said, before, strict=True)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert min(now - was for now, was in zip(said, before, strict=True)) >= 2, "the bot goes on with the new key alone"
    assert "khóa số 2" in told
    assert numbers_in(database) == {2}
    assert set(json.loads(settings.key_file.read_text())["sealing"]) == {"2"}
    bot.stop()
    bot.start()
    for number, visitor in enumerate(visitors):
        own_words = [message for message in visitor.talk() if message["own"]]
        assert len(own_words) == min(said[number], len(own_words)) > 0
    bot.stop()
    assert "event_failed" not in bot.log
    assert "lane_failed" not in bot.log
    database.close()


def test_rotation_killed_half_way_is_gone_on_with(settings: Settings, own: Database, tmp_path: Path) -> None:
    """Killed at any moment, it is run again: with the same key, to the end."""
    with own.begin() as session:
        for number in range(_MANY):
            add_unanswered(session, f"câu hỏi {number}", "abstain", NOW)
    environment = dict(os.environ) | {"DATABASE_URL": settings.database_url, "KEY_FILE": str(settings.key_file)}
    command = [sys.executable, "-m", "bot", "keys", "rotate"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while numbers_in(own) != {1, 2} and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert numbers_in(own) == {1, 2}, "it was cut off half-way"
    with pytest.raises(KeyProblem, match="khóa số 1"):
        retire(settings, own, NOW, patience=0)
    lines: list[str] = []
    rotate(settings, own, lambda: NOW, lines.append, patience=0)
    assert numbers_in(own) == {2}
    assert load_key_file(settings.key_file).numbers == {1, 2}
    with own.read() as session:
        assert {row.question for row in session.query(UnansweredQuestion)} == {f"câu hỏi {n}" for n in range(_MANY)}
    own.close()


def test_old_key_is_taken_out_only_when_nothing_needs_it(settings: Settings, own: Database) -> None:
    """Every sealed column is looked into first; the file as it was stays beside it, for older backups."""
    with own.begin() as session:
        person_id = add_person(session, {"full_name": "Nguyễn Thị Hoa"}, NOW).id
    assert "không có khóa cũ" in retire(settings, own, NOW, patience=0).lower()
    add_key(settings, own)
    with pytest.raises(KeyProblem, match="khóa số 1"):
        retire(settings, own, NOW, patience=0)
    rotate(settings, own, lambda: NOW, lambda _line: None, patience=0)
    told = retire(settings, own, NOW, patience=0)
    copy = settings.key_file.with_name("own.key.20261121T030000Z.old")
    assert str(copy) in told
    assert "21/11/2026" in told
    assert stat.S_IMODE(copy.stat().st_mode) == stat.S_IMODE(settings.key_file.stat().st_mode) == 0o600
    assert load_key_file(copy).numbers == {1, 2}
    assert load_key_file(settings.key_file).numbers == {2}
    from db.models import Person

    with own.read() as session:
        assert session.get_one(Person, person_id).profile == {"full_name": "Nguyễn Thị Hoa"}
    own.close()


def test_second_rotation_takes_a_third_key(settings: Settings, own: Database) -> None:
    """A finished rotation is not taken for an unfinished one."""
    for _time in range(2):
        rotate(settings, own, lambda: NOW, lambda _line: None, patience=0)
    assert load_key_file(settings.key_file).newest == 3
    own.close()


def test_progress_tells_one_sum_and_no_table(settings: Settings, own: Database) -> None:
    """A number for each table would tell how many told in confidence."""
    with own.begin() as session:
        for number in range(10_001):
            add_unanswered(session, f"{number}", "abstain", NOW)
    lines: list[str] = []
    rotate(settings, own, lambda: NOW, lines.append, patience=0)
    assert lines
    assert not [line for line in lines for table in Base.metadata.tables if table in line]
    own.close()


def test_ring_in_use_opens_what_a_newer_key_sealed_at_once(tmp_path: Path) -> None:
    """No value is unreadable for even a moment; a broken or foreign file changes nothing."""
    path = tmp_path / "union.key"
    running = create_key_file(path)
    old = running.seal(b"x", "a.b")
    from db.keys import add_sealing_key, remove_sealing_keys

    add_sealing_key(path, 2)
    other = load_key_file(path)
    assert (running.newest, other.newest) == (1, 2)
    assert running.open(other.seal(b"y", "a.b"), "a.b") == b"y"
    assert running.newest == 2
    remove_sealing_keys(path, {1})
    assert running.refresh()
    with pytest.raises(KeyProblem):
        running.open(old, "a.b")
    path.write_text("{}")
    assert not running.refresh()
    path.unlink()
    create_key_file(path)
    assert not running.refresh(), "the key file of another deployment is not taken"
    assert running.newest == 2


def test_table_with_several_sealed_columns_and_a_compound_key_is_walked(settings: Settings, own: Database) -> None:
    """Rows are found by their whole key, whatever it is made of."""
    from db.resealing import SealedTable, reseal_batch
    from db.types import plain_columns

    table = Table(
        "odd_things",
        MetaData(),
        Column("a", Integer, primary_key=True),
        Column("b", Integer, primary_key=True),
        Column("one", SealedText("odd_things.one")),
        Column("two", SealedJson("odd_things.two")),
    )
    with own.begin() as session:
        table.create(session.connection())
        rows = [{"a": n % 3, "b": n, "one": f"s{n}", "two": None if n % 2 else [n]} for n in range(50)]
        session.connection().execute(table.insert(), rows)
    add_key(settings, own)
    plain = plain_columns(table)
    sealed = SealedTable(plain, (plain.c.a, plain.c.b), {"one": "odd_things.one", "two": "odd_things.two"})
    last, count = None, 0
    while True:
        with own.begin() as session:
            batch = reseal_batch(session, sealed, last, 7, own.keys)
        count += batch.sealed
        last = batch.last
        if last is None:
            break
    assert count == 75
    with own.read() as session:
        found = session.connection().execute(table.select()).mappings().all()
        assert sorted((row["b"], row["one"], row["two"]) for row in found) == [
            (row["b"], row["one"], row["two"]) for row in rows
        ]
    own.close()
