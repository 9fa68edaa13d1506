"""A history can be added to and read; whoever changes, removes, reorders or cuts it is found out."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.history import anchor_file_of, check_history, copy_anchors, note_restore
from bot.settings import Settings
from db.case_history import EventKind, anchor_heads, append, list_lines
from db.case_keys import CaseErased, CaseKeys
from db.cases import add_case
from db.history_check import Fault, Problem, verify
from db.models import Case, CaseEvent, CaseState, HistoryAnchor, Person
from db.session import Database
from tests.case_world import get_locked

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
STORY = {"text": "công ty nợ lương 2 tháng"}
DAY = timedelta(days=1)
COLUMNS = ("id", "case_id", "number", "kind", "at", "actor_id", "body", "previous_hash", "hash")


def open_case(session: Session, lines: int = 1, now: datetime = NOW) -> Case:
    case = add_case(session, "wages", "ordinary", now)
    case.state = CaseState.OPENED
    for number in range(lines):
        kind = EventKind.READ if number % 3 == 2 else EventKind.WORKER_WROTE
        append(session, case, kind, now + timedelta(minutes=number), None, STORY if number % 3 < 2 else None)
    return case


def verify_in(database: Database) -> list[Problem]:
    with database.read() as session:
        return verify(session)


def test_history_is_read_in_the_order_it_was_written(database: Database) -> None:
    """Number, kind, moment, who and what; what was said lies sealed."""
    with database.begin() as session:
        officer = Person(code="AAAA2222", created_at=NOW)
        session.add(officer)
        session.flush()
        case = open_case(session, 0)
        assert append(session, case, EventKind.OPENED, NOW, None, STORY) == 1
        assert append(session, case, EventKind.READ, NOW + DAY, officer.id) == 2
        case_id, officer_id = case.id, officer.id
    with database.read() as session:
        case = session.get_one(Case, case_id)
        first, second = list_lines(session, case)
        assert (first.number, first.kind, first.at, first.actor_id, first.body) == (1, "opened", NOW, None, STORY)
        assert (second.number, second.kind, second.at, second.actor_id, second.body) == (
            2, EventKind.READ, NOW + DAY, officer_id, None,
        )  # fmt: skip
        bodies = session.scalars(select(CaseEvent.body)).all()
        assert not [body for body in bodies if body and b"l\xc6\xb0\xc6\xa1ng" in body]
        assert verify(session) == []


def test_history_outlives_its_key(database: Database, case_keys: CaseKeys) -> None:
    """When the key of a case is destroyed nobody reads what was said, and everybody sees that nobody rewrote it."""
    with database.begin() as session:
        case = open_case(session, 5)
        anchor_heads(session, NOW)
        case_id = case.id
    case_keys.destroy([str(case.key_id)])
    with database.begin() as session:
        case = get_locked(session, case_id)
        assert [(line.number, line.body) for line in list_lines(session, case)] == [(n, None) for n in range(1, 6)]
        append(session, case, EventKind.CLOSED, NOW + DAY)
        with pytest.raises(CaseErased):
            append(session, case, EventKind.NOTED, NOW + DAY, None, STORY)
    assert verify_in(database) == []


def test_line_that_is_rolled_back_leaves_nothing(database: Database) -> None:
    """The next line takes its number."""
    with database.begin() as session:
        case_id = open_case(session, 2).id

    def fail(session: Session) -> None:
        append(session, get_locked(session, case_id), EventKind.NOTED, NOW, None, STORY)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database._run(fail, ())
    with database.begin() as session:
        assert append(session, get_locked(session, case_id), EventKind.READ, NOW) == 3
    assert verify_in(database) == []


def test_many_write_to_the_same_case_at_once(database: Database) -> None:
    """Who holds the row locked writes the next line; anchors meanwhile never miss a line that is being written."""
    with database.begin() as session:
        ids = [open_case(session).id for _ in range(2)]

    def write(case_id: int) -> None:
        for _ in range(5):
            with database.begin() as session:
                append(session, get_locked(session, case_id), EventKind.READ, NOW)

    def anchor() -> None:
        for day in range(8):
            with database.begin() as session:
                anchor_heads(session, NOW + day * DAY)

    threads = [threading.Thread(target=write, args=(case_id,)) for case_id in ids * 2]
    threads.append(threading.Thread(target=anchor))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        assert [session.get_one(Case, case_id).head_number for case_id in ids] == [11, 11]
        assert session.query(HistoryAnchor).count() == 8
    assert verify_in(database) == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.integers(0, 4)),
        st.tuples(st.just("write"), st.integers(0, 9)),
        st.tuples(st.just("anchor"), st.integers(-400, 400)),
        st.tuples(st.just("destroy"), st.integers(0, 9)),
        st.tuples(st.just("draft"), st.just(0)),
    ),
    max_size=30,
)
ON_REAL_DATABASE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@contextmanager
def undone(database: Database) -> Iterator[Session]:
    """A transaction that never was."""
    with database.engine.connect() as connection:
        connection.begin()
        with Session(connection, info=dict(database._info), join_transaction_mode="create_savepoint") as session:
            yield session
        connection.rollback()


@given(steps=STEPS)
@ON_REAL_DATABASE
def test_untouched_history_never_complains(database: Database, case_keys: CaseKeys, steps: list[Any]) -> None:
    """Whatever was opened, written, anchored (also by a clock that jumps) and erased, in whatever order."""
    with undone(database) as session:
        cases: list[Case] = []
        for what, number in steps:
            if what == "open":
                cases.append(open_case(session, number + 1))
            elif what == "draft":
                add_case(session, "wages", "ordinary", NOW)
            elif what == "anchor":
                anchor_heads(session, NOW + number * DAY)
            elif cases and what == "write":
                append(session, cases[number % len(cases)], EventKind.READ, NOW)
            elif cases:
                case_keys.destroy([str(cases[number % len(cases)].key_id)])
        assert verify(session) == []


@pytest.fixture
def written(database: Database) -> Database:
    """Four cases with five lines each and a draft, written in turn; an anchor after half of them and one at the end."""
    with database.begin() as session:
        session.add_all(Person(code=f"AAAA222{number}", created_at=NOW) for number in range(2))
        session.flush()
        people = session.scalars(select(Person.id).order_by(Person.id)).all()
        cases = [open_case(session) for _ in range(4)]
        for step in range(4):
            if step == 2:
                anchor_heads(session, NOW)
            for case in cases:
                append(session, case, EventKind.NOTED, NOW + timedelta(hours=step), people[0], STORY)
        add_case(session, "wages", "ordinary", NOW)  # one without a history, to which lines may be moved
        anchor_heads(session, NOW + DAY)
    assert verify_in(database) == []
    return database


def tamper(session: Session, statement: str, **values: Any) -> None:
    session.execute(text(statement), values)


def other_value(row: Any, column: str, seed: int) -> Any:
    """Another value that the column takes."""
    value = getattr(row, column)
    if column in ("id", "number"):
        return value + 1000 + seed % 1000
    if column == "case_id":
        return 5 if seed % 2 else value % 4 + 1
    if column == "actor_id":
        return [None, 1, 2][([None, 1, 2].index(value) + 1 + seed % 2) % 3]
    if column == "at":
        return value + timedelta(microseconds=1 + seed)
    if column == "kind":
        return [kind.value for kind in EventKind if kind.value != value][seed % 20]
    if column == "body":
        if value is None or seed % 5 == 0:
            return b"" if value is None else None
        position = seed % len(value)
        return value[:position] + bytes([value[position] ^ (1 << seed % 8)]) + value[position + 1 :]
    if value is None:
        return "0" * 64
    position = seed % 64
    return value[:position] + ("0" if value[position] != "0" else "1") + value[position + 1 :]


@given(line=st.integers(0, 19), column=st.sampled_from(COLUMNS), seed=st.integers(0, 10**6), anchored=st.booleans())
@settings(ON_REAL_DATABASE, max_examples=300)
def test_every_change_of_a_line_is_found(written: Database, line: int, column: str, seed: int, anchored: bool) -> None:
    """Any column of any line, to any other value, before and after it was anchored."""
    with undone(written) as session:
        if not anchored:
            tamper(session, "DELETE FROM history_anchors")
        row = session.scalars(select(CaseEvent).order_by(CaseEvent.id).offset(line).limit(1)).one()
        table = CaseEvent.__table__
        value = other_value(row, column, seed)
        statement = table.update().where(table.c.id == row.id).values({column: value})  # type: ignore[attr-defined]
        try:
            with session.begin_nested():
                session.execute(statement)
        except IntegrityError:
            return  # the database itself refuses it
        session.expire_all()
        assert verify(session) != []


@given(lines=st.sets(st.integers(0, 19), min_size=1), anchored=st.booleans())
@ON_REAL_DATABASE
def test_every_deletion_is_found(written: Database, lines: set[int], anchored: bool) -> None:
    """One line or many, in the middle or at the end; the first that is missing is named."""
    with undone(written) as session:
        if not anchored:
            tamper(session, "DELETE FROM history_anchors")
        rows = session.scalars(select(CaseEvent).order_by(CaseEvent.id)).all()
        gone = [rows[line] for line in lines]
        codes = {session.get_one(Case, row.case_id).code for row in gone}
        for row in gone:
            tamper(session, "DELETE FROM case_events WHERE id = :id", id=row.id)
        found = verify(session)
        assert {problem.code for problem in found if problem.code} == codes


@given(pair=st.sets(st.integers(0, 19), min_size=2, max_size=2), whole=st.booleans())
@ON_REAL_DATABASE
def test_every_exchange_is_found(written: Database, pair: set[int], whole: bool) -> None:
    """Two lines that change places, in one case or between two; with their hashes or without."""
    with undone(written) as session:
        rows = session.scalars(select(CaseEvent).order_by(CaseEvent.id)).all()
        first, second = (rows[number] for number in sorted(pair))
        columns = ("case_id", "number") if whole else ("kind", "at", "actor_id", "body", "previous_hash", "hash")
        values = [{column: getattr(row, column) for column in columns} for row in (first, second)]
        if values[0] == values[1]:
            return
        ids = (first.id, second.id)
        table = CaseEvent.__table__
        park = {"number": -1} if whole else {}
        for row_id, new in ((ids[0], park), (ids[1], values[0]), (ids[0], values[1])):
            if new:
                session.execute(table.update().where(table.c.id == row_id).values(new))  # type: ignore[attr-defined]
        session.expire_all()
        assert verify(session) != []


@given(cut=st.integers(1, 4), case=st.integers(0, 3))
@ON_REAL_DATABASE
def test_cut_end_is_found_also_by_someone_who_mends_the_head(written: Database, cut: int, case: int) -> None:
    """Taking the last lines away, with the head as it was at that time, no longer fits the anchor."""
    with undone(written) as session:
        chosen = session.scalars(select(Case).order_by(Case.id)).all()[case]
        code, last = chosen.code, chosen.head_number - cut
        tamper(session, "DELETE FROM case_events WHERE case_id = :id AND number > :last", id=chosen.id, last=last)
        assert Problem(Fault.CUT, code, last + 1) in verify(session)
        with session.begin_nested():
            from db.case_history import hash_head, key_of

            kept = select(CaseEvent.hash).where(CaseEvent.case_id == chosen.id, CaseEvent.number == last)
            head = hash_head(key_of(session), chosen.id, last, session.scalars(kept).one())  # what an old copy shows
            values = {"id": chosen.id, "n": last, "h": head}
            tamper(session, "UPDATE cases SET head_number = :n, head_hash = :h WHERE id = :id", **values)
        session.expire_all()
        assert {problem.fault for problem in verify(session)} == {Fault.ANCHOR}


@given(case=st.integers(0, 3), state=st.sampled_from(["opened", "draft", "erased"]), anchored=st.booleans())
@ON_REAL_DATABASE
def test_whole_history_cannot_vanish(written: Database, case: int, state: str, anchored: bool) -> None:
    """All lines of a case taken away, the head emptied: the case without history shows, or the anchor does."""
    with undone(written) as session:
        chosen = session.scalars(select(Case).order_by(Case.id)).all()[case]
        tamper(session, "DELETE FROM case_events WHERE case_id = :id", id=chosen.id)
        values = {"id": chosen.id, "state": state}
        tamper(session, "UPDATE cases SET head_number = 0, head_hash = NULL, state = :state WHERE id = :id", **values)
        if not anchored:
            tamper(session, "DELETE FROM history_anchors")
        session.expire_all()
        found = {problem.fault for problem in verify(session)}
        assert (Fault.ANCHOR in found) == anchored
        assert (Fault.CUT in found) == (state == "opened")


@pytest.mark.parametrize("column", ["anchored_on", "last_event_id", "event_count", "digest"])
@pytest.mark.parametrize("which", [0, 1])
def test_changed_anchor_is_found(written: Database, column: str, which: int) -> None:
    """An anchor says what it said, or it is seen."""
    with undone(written) as session:
        row = session.scalars(select(HistoryAnchor).order_by(HistoryAnchor.id)).all()[which]
        value = getattr(row, column)
        if column == "anchored_on":
            value += 30 * DAY
        else:
            value = value + 1 if isinstance(value, int) else "0" * 64
        setattr(row, column, value)
        session.flush()
        assert {problem.fault for problem in verify(session)} == {Fault.ANCHOR}


def test_deleted_anchor_in_the_middle_breaks_the_chain(written: Database) -> None:
    """The next one was made over it."""
    with undone(written) as session:
        tamper(session, "DELETE FROM history_anchors WHERE id = (SELECT min(id) FROM history_anchors)")
        assert verify(session) == [Problem(Fault.ANCHOR, day=(NOW + DAY).date())]


@pytest.fixture
def own_settings(written: Database, database_url: str, tmp_path: Path) -> Settings:
    """A deployment whose anchors are also kept beside its key file."""
    made = Settings(_env_file=None, database_url=database_url, key_file=tmp_path / "union.key")  # type: ignore[call-arg]
    with written.read() as session:
        copy_anchors(session, anchor_file_of(made))
    return made


def test_deleted_last_anchor_is_found_by_the_file_beside_the_keys(own_settings: Settings, written: Database) -> None:
    """Whoever holds only the database takes the newest anchor away with what it fixed, and is found out."""
    assert check_history(own_settings, written)[0]
    with written.begin() as session:
        case = session.scalars(select(Case).limit(1)).one()
        tamper(session, "DELETE FROM history_anchors WHERE id = (SELECT max(id) FROM history_anchors)")
    assert verify_in(written) == []
    is_whole, says = check_history(own_settings, written)
    assert not is_whole
    assert "22/11/2026" in says
    assert case.code not in says
    with written.begin() as session:
        anchor_heads(session, NOW + DAY)
        copy_anchors(session, anchor_file_of(own_settings))
        tamper(session, "DELETE FROM history_anchors")
    assert not check_history(own_settings, written)[0]


def test_file_beside_the_keys_is_only_added_to(own_settings: Settings, written: Database) -> None:
    """One line a day, however often it is asked; open to its owner only; a changed line is said, not mended."""
    path = anchor_file_of(own_settings)
    before = path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    with written.begin() as session:
        copy_anchors(session, path)
        anchor_heads(session, NOW + 5 * DAY)
    assert path.read_text() == before
    assert check_history(own_settings, written)[0], "the file may be behind"
    with written.begin() as session:
        copy_anchors(session, path)
    assert path.read_text().startswith(before)
    assert len(path.read_text().splitlines()) == 3
    for broken in (before.replace("2026", "2025", 1), "rubbish\n" + before, before[:-9] + "\n"):
        path.write_text(broken)
        assert not check_history(own_settings, written)[0]
    path.unlink()
    assert check_history(own_settings, written)[0]


def test_restored_older_data_go_on_from_their_last_anchor(own_settings: Settings, written: Database) -> None:
    """The restore says so in the file, with a sum that nobody makes without the keys, and that fits nowhere else."""
    path = anchor_file_of(own_settings)
    with written.begin() as session:
        tamper(session, "DELETE FROM history_anchors WHERE id = (SELECT max(id) FROM history_anchors)")
    assert not check_history(own_settings, written)[0]
    with written.read() as session:
        note_restore(session, path, NOW + 2 * DAY)
        note_restore(session, path, NOW + 2 * DAY)
    assert len(path.read_text().splitlines()) == 3
    assert check_history(own_settings, written)[0]
    with written.begin() as session:
        anchor_heads(session, NOW + 2 * DAY)
    with written.read() as session:
        copy_anchors(session, path)
    assert len(path.read_text().splitlines()) == 4
    assert check_history(own_settings, written)[0]
    said = path.read_text().splitlines()
    path.write_text("\n".join([*said, said[2]]) + "\n")
    assert not check_history(own_settings, written)[0]


def test_operator_reads_which_line_of_which_case(own_settings: Settings, written: Database) -> None:
    """In Vietnamese: the code of the case and the number of the line, each on a line of its own."""
    with written.begin() as session:
        first, second = session.scalars(select(Case).order_by(Case.id).limit(2)).all()
        tamper(session, "UPDATE case_events SET kind = 'closed' WHERE case_id = :id AND number = 3", id=first.id)
        tamper(session, "DELETE FROM case_events WHERE case_id = :id AND number = 2", id=second.id)
    is_whole, says = check_history(own_settings, written)
    assert not is_whole
    lines = says.splitlines()
    assert any(first.code in line and "dòng 3" in line and "sửa" in line for line in lines)
    assert any(second.code in line and "dòng 2" in line and "thiếu" in line for line in lines)
