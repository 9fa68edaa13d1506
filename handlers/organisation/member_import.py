"""A list of members comes in while the bot runs: gathered aside, compared with itself, written unseen, shown at once.

SQLite has one writer, so a list of hundreds of thousands must not be one transaction. It goes into a private file
first (`db.staging`), where everything wrong is found; then into the database in short transactions that show nothing
(`db.bulk`); then one statement shows all of it. Until that statement nobody is a member who was none before, and an
import that was cut off is taken away by the next one.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from db.bulk import (
    NewMember,
    add_hidden_members,
    beat,
    begin_import,
    end_import,
    find_codes,
    find_hashes,
    gather_statistics,
    has_members,
    seal_person,
    show_hidden_members,
    take_hidden_away,
)
from db.codes import read_code
from db.keys import Keys
from db.people import name_tokens
from db.session import Database
from db.staging import Staging
from db.transfers import add_transfer
from db.units import OpenUnit, list_open_by_code
from handlers.errors import UserError
from handlers.organisation.columns import Kind, Reader, Row, read_rows
from handlers.organisation.imports import Facts, Progress
from handlers.organisation.sheets import Table
from knowledge.texts import t

_CHUNK = 2000
_BREATH_SECONDS = 0.03
"""Between two chunks the importer stands back: SQLite gives its lock to whoever asks first, and the bot must get it."""

_LONGEST_DECISION = 80
_SAME = ("phone", "citizen", "identity", "code")


@dataclass(frozen=True)
class Gathered:
    """A list of members in its private file; ``problems`` is how many were found."""

    staging: Staging
    members: int
    problems: int


class _Members:
    """Reads a list of members into the private file."""

    def __init__(self, database: Database, staging: Staging, facts: Facts, today: date) -> None:
        self._database, self._staging, self._facts, self._today = database, staging, facts, today
        self._keys: Keys = database.keys
        with database.read() as session:
            self._units = list_open_by_code(session, today)
            self._is_first = not has_members(session)
        self._tokens: dict[str, tuple[str, ...]] = {}
        self._members: list[tuple[int, NewMember]] = []
        self._problems: list[tuple[int, str]] = []

    def report(self, line: int, says: str) -> None:
        """Keep a problem."""
        self._problems.append((line, says))

    def take(self, row: Row) -> None:
        """Read one row."""
        reader = Reader(row, self._today, self.report)
        code = reader.code("unit")
        unit = self._units.get(code) if code else None
        if code and unit is None:
            reader.complain("lists.unknown_unit", code=code)
        profile = {name: value for name, read in self._facts.items() if (value := reader.fact(name, read)) is not None}
        since = reader.day("since_on") or self._today
        if since > self._today:
            reader.complain("lists.in_future", column=t("lists.column.since_on"))
        born_on = profile.get("born_on")
        if born_on is not None and since.isoformat() <= born_on:
            reader.complain("lists.days_cross")
        person = self._read_code(reader)
        decision = reader.text("decision_number", _LONGEST_DECISION)
        if reader.is_good and unit is not None and "full_name" in profile and born_on is not None:
            self._members.append((row.line, self._seal(profile, person, unit, since, decision)))
        if len(self._members) + len(self._problems) >= _CHUNK:
            self.flush()

    def _read_code(self, reader: Reader) -> str | None:
        typed = reader.row.text("person")
        if typed is None:
            return None
        code = read_code(typed)
        if code is None:
            reader.complain("lists.bad_person_code", value=typed)
        return code

    def _seal(
        self, profile: dict[str, Any], code: str | None, unit: OpenUnit, since: date, decision: str | None
    ) -> NewMember:
        tokens = tuple(sorted({token for word in profile["full_name"].split() for token in self._hash_word(word)}))
        return NewMember(seal_person(self._keys, profile, code), unit.unit_id, tokens, since, decision)

    def _hash_word(self, word: str) -> tuple[str, ...]:
        """The same few thousand words make up all names."""
        known = self._tokens.get(word)
        if known is None:
            known = self._tokens[word] = tuple(name_tokens(self._keys, word))
        return known

    def flush(self) -> None:
        """Write what was read so far, after comparing it with those who are members already."""
        self._compare_with_members()
        self._staging.add_members(self._members)
        self._staging.add_problems(self._problems)
        self._members, self._problems = [], []

    def _compare_with_members(self) -> None:
        codes = [one.person.code for _line, one in self._members if one.person.code]
        if self._is_first and not codes:
            return
        hashes = [value for _line, one in self._members for value in _hashes(one)]
        with self._database.read() as session:
            taken = find_codes(session, codes)
            there = find_hashes(session, sorted({one.unit_id for _line, one in self._members}), hashes)
        for line, one in self._members:
            if one.person.code in taken:
                self.report(line, t("lists.person_code_taken", code=one.person.code))
            if any((one.unit_id, value) in there for value in _hashes(one)):
                self.report(line, t("lists.member_already"))

    def compare_with_each_other(self) -> None:
        """Find people who stand in the list twice at one unit."""
        for column in _SAME:
            for line, first in self._staging.list_repeated(column):
                self.report(line, t(f"lists.same_{column}", line=first))
                if len(self._problems) >= _CHUNK:
                    self.flush()
        self.flush()


def _hashes(one: NewMember) -> list[str]:
    found = (one.person.phone_hash, one.person.citizen_id_hash, one.person.identity_hash)
    return [value for value in found if value]


def gather_members(
    database: Database, staging: Staging, table: Table, facts: Facts, today: date, tell: Progress
) -> Gathered:
    """Read a whole list into the private file and find everything that is wrong with it."""
    members = _Members(database, staging, facts, today)
    for count, row in enumerate(read_rows(table, Kind.MEMBERS, members.report), 1):
        members.take(row)
        if count % _CHUNK == 0:
            tell("read", table.progress(), count)
    members.flush()
    tell("compare", 1.0, staging.count_members())
    members.compare_with_each_other()
    return Gathered(staging, staging.count_members(), staging.count_problems())


def import_members(
    database: Database, gathered: Gathered, now: Callable[[], datetime], tell: Progress, breath: float = _BREATH_SECONDS
) -> None:
    """Bring a gathered list without problems in. Raises `UserError` while another import is at work."""
    with database.begin() as session:
        if not begin_import(session, now()):
            raise UserError("lists.import_running")
    clear_cut_off(database, now, tell, breath)
    done = 0
    for chunk in _chunks(gathered.staging.list_members()):
        with database.begin() as session:
            add_hidden_members(session, chunk, now())
            beat(session, now())
        done += len(chunk)
        tell("write", done / gathered.members, done)
        time.sleep(breath)
    tell("show", 1.0, done)
    with database.begin() as session:
        shown = show_hidden_members(session)
        add_transfer(session, Kind.MEMBERS, False, None, None, shown, now())
        end_import(session)
    with database.begin() as session:
        gather_statistics(session)


def clear_cut_off(database: Database, now: Callable[[], datetime], tell: Progress, breath: float) -> None:
    """Take away what an import left hidden when it was cut off."""
    taken = _CHUNK
    total = 0
    while taken == _CHUNK:
        with database.begin() as session:
            taken = take_hidden_away(session, _CHUNK)
            beat(session, now())
        total += taken
        if total:
            tell("clear", 0.0, total)
            time.sleep(breath)


def _chunks(members: Iterator[NewMember]) -> Iterator[list[NewMember]]:
    chunk: list[NewMember] = []
    for one in members:
        chunk.append(one)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
