"""A private file in which a long list is gathered and compared with itself before any of it reaches the database.

Names, numbers and birthdays stand in it sealed or hashed only, as in the database. It is deleted when it is closed.
"""

import os
import sqlite3
import tempfile
from collections.abc import Generator, Iterable, Iterator
from datetime import date
from pathlib import Path

from db.bulk import NewMember, NewPerson

_PREFIX = "import-"
_TABLES = """
CREATE TABLE members (
    line INTEGER PRIMARY KEY, unit_id INTEGER, code TEXT, profile BLOB, phone TEXT, citizen TEXT, identity TEXT,
    tokens TEXT, since_on TEXT, decision TEXT
);
CREATE TABLE problems (line INTEGER, says TEXT);
"""


class Staging:
    """The gathered rows of one list of members, by their line in the file, and the problems found."""

    def __init__(self, folder: Path) -> None:
        for left in folder.glob(f"{_PREFIX}*.staging"):  # of a run that was cut off
            left.unlink(missing_ok=True)
        descriptor, name = tempfile.mkstemp(".staging", _PREFIX, folder)
        os.close(descriptor)
        self._path = Path(name)
        self._file = sqlite3.connect(self._path, isolation_level=None)
        self._file.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-32768;" + _TABLES)

    def close(self) -> None:
        """Delete the file."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def add_members(self, members: Iterable[tuple[int, NewMember]]) -> None:
        """Keep members with the lines they stand in."""
        self._file.execute("BEGIN")
        self._file.executemany("INSERT INTO members VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_row, members))
        self._file.execute("COMMIT")

    def add_problems(self, problems: Iterable[tuple[int, str]]) -> None:
        """Keep what is wrong in which line."""
        self._file.execute("BEGIN")
        self._file.executemany("INSERT INTO problems VALUES (?, ?)", problems)
        self._file.execute("COMMIT")

    def list_repeated(self, column: str) -> Iterator[tuple[int, int]]:
        """Lines that repeat the phone, citizen id, identity or own code of an earlier line of the same unit (a code:
        of any), with that earlier line."""
        place = "" if column == "code" else "unit_id, "
        self._file.execute(f"CREATE INDEX by_{column} ON members ({place}{column})")
        first = f"min(line) OVER (PARTITION BY {place}{column})"
        found = f"SELECT line, {first} AS first FROM members WHERE {column} IS NOT NULL"  # noqa: S608  # our own names
        yield from self._file.execute(f"SELECT line, first FROM ({found}) WHERE line > first")  # noqa: S608  # as above

    def count_problems(self) -> int:
        """How many problems there are."""
        return int(self._file.execute("SELECT count(*) FROM problems").fetchone()[0])

    def list_problems(self) -> Generator[tuple[int, str]]:
        """All problems by line."""
        yield from self._file.execute("SELECT line, says FROM problems ORDER BY line, rowid")

    def count_members(self) -> int:
        """How many members were gathered."""
        return int(self._file.execute("SELECT count(*) FROM members").fetchone()[0])

    def list_members(self) -> Iterator[NewMember]:
        """The gathered members, unit by unit, so that what lies together is written together."""
        for row in self._file.execute("SELECT * FROM members ORDER BY unit_id, line"):
            _line, unit_id, code, profile, phone, citizen, identity, tokens, since_on, decision = row
            person = NewPerson(profile, phone, citizen, identity, code)
            yield NewMember(person, unit_id, tuple(tokens.split()), date.fromisoformat(since_on), decision)


def _row(given: tuple[int, NewMember]) -> tuple[object, ...]:
    line, one = given
    return (
        line,
        one.unit_id,
        one.person.code,
        one.person.profile,
        one.person.phone_hash,
        one.person.citizen_id_hash,
        one.person.identity_hash,
        " ".join(one.tokens),
        one.since_on.isoformat(),
        one.decision_number,
    )
