"""Lists of units and officers come in: everything wrong is named by its line, and all comes in or nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from db.bulk import NewPerson, add_people, find_people_by_code, find_people_by_phone, seal_person
from db.codes import read_code
from db.models import Role, UnitLevel
from db.officers import NewGrant, add_grants, list_held
from db.people import hash_phone, name_words
from db.session import keys_of_session
from db.transfers import add_transfer
from db.units import NewPeriod, OpenUnit, UnitFacts, add_units, list_codes, list_open_by_code
from handlers.organisation.columns import Kind, Reader, Report, Row, read_rows
from handlers.organisation.rules import EMPLOYER_FIELDS, EMPLOYER_LEVELS, WAGE_REGIONS, longest, may_lie_under
from handlers.organisation.sheets import Table
from knowledge.normalize import fold
from knowledge.texts import t

Facts = Mapping[str, Callable[[str, date], str]]
"""How each field of the application form is read."""

Progress = Callable[[str, float, int], None]
"""Hears which part of the work is under way, how much of it is done (0 to 1), and how many rows so far."""

_SINCE_YESTERDAY = timedelta(days=1)
"""A unit of unknown age was there yesterday at least, so that a decision of today finds something to change."""

_UNIT_FACTS = ("employer", "headcount_band", "sector", "province", "commune", "wage_region")


@dataclass(frozen=True)
class Problem:
    """What is wrong in a line of a list."""

    line: int
    says: str


@dataclass
class Problems:
    """Gathers what is wrong, for a list that fits into memory."""

    found: list[Problem] = field(default_factory=list)

    def report(self, line: int, says: str) -> None:
        """Add one."""
        self.found.append(Problem(line, says))

    def in_order(self) -> list[Problem]:
        """All of them by line."""
        return sorted(self.found, key=lambda problem: problem.line)


# Units


def check_units(session: Session, table: Table, today: date, report: Report, tell: Progress) -> list[NewPeriod]:
    """The units of a list, parents before those under them, as far as they are right; what is wrong is reported."""
    units: dict[str, tuple[int, NewPeriod]] = {}
    taken = list_codes(session)
    for row in read_rows(table, Kind.UNITS, report):
        reader = Reader(row, today, report)
        unit = _read_unit(reader, today)
        tell("read", table.progress(), len(units))
        if unit is None:
            continue
        if unit.code in units:
            reader.complain("lists.code_twice", code=unit.code, line=units[unit.code][0])
        elif unit.code in taken:
            reader.complain("lists.code_taken", code=unit.code)
        else:
            units[unit.code] = (row.line, unit)
    _check_tree(units, taken, list_open_by_code(session, today), report)
    return [unit for _line, unit in units.values()]


def _read_unit(reader: Reader, today: date) -> NewPeriod | None:
    code, level = reader.code("unit"), reader.level()
    name = reader.text("unit_name", longest("name"))
    facts = {fact: reader.text(fact, longest(fact)) for fact in _UNIT_FACTS}
    parent, successor = reader.code("parent"), reader.code("successor")
    since, until = reader.day("effective_from") or today - _SINCE_YESTERDAY, reader.day("effective_to")
    if facts["wage_region"] is not None:
        facts["wage_region"] = facts["wage_region"].upper()
        if facts["wage_region"] not in WAGE_REGIONS:
            reader.complain("units.bad_wage_region")
    if level is not None and level not in EMPLOYER_LEVELS and any(facts[one] for one in EMPLOYER_FIELDS):
        reader.complain("units.no_employer")
    if until is not None and until < since:
        reader.complain("lists.days_cross")
    if successor is not None and until is None:
        reader.complain("lists.successor_of_open")
    if code is None or level is None or name is None:
        return None
    return NewPeriod(code, UnitFacts(level, None, name, **facts), parent, since, until, successor)


def _check_tree(
    units: Mapping[str, tuple[int, NewPeriod]], taken: set[str], open_units: Mapping[str, OpenUnit], report: Report
) -> None:
    """Parents exist, are of a fitting level, are open when needed, and form no ring."""
    for line, unit in units.values():
        if unit.successor_code is not None and unit.successor_code not in units and unit.successor_code not in taken:
            report(line, t("lists.unknown_unit", code=unit.successor_code))
        if unit.parent_code is None:
            if not may_lie_under(unit.facts.level, None):
                report(line, t("units.no_parent"))
        elif unit.parent_code in units:
            parent = units[unit.parent_code][1]
            above = OpenUnit(0, parent.facts.level, parent.effective_from, parent.effective_to)
            _check_under(line, unit, above, report)
        elif unit.parent_code in open_units:
            _check_under(line, unit, open_units[unit.parent_code], report)
        else:
            report(line, t("lists.unknown_unit", code=unit.parent_code))
    for code in _list_rings(units):
        report(units[code][0], t("lists.ring", code=code))


def _check_under(line: int, unit: NewPeriod, above: OpenUnit, report: Report) -> None:
    if not may_lie_under(unit.facts.level, above.level):
        names = {"level": t(f"levels.{unit.facts.level.value}"), "parent": t(f"levels.{above.level.value}")}
        report(line, t("units.wrong_level", **names))
    ends_later = above.effective_to is not None and (unit.effective_to or date.max) > above.effective_to
    if unit.effective_from < above.effective_from or ends_later:
        report(line, t("lists.outside_parent", code=unit.parent_code))


def _list_rings(units: Mapping[str, tuple[int, NewPeriod]]) -> list[str]:
    """Units from which the way up comes back to themselves."""
    safe: set[str] = set()
    ringed = []
    for start in units:
        path: list[str] = []
        code: str | None = start
        while code is not None and code in units and code not in safe and code not in path:
            path.append(code)
            code = units[code][1].parent_code
        if code == start and code in path:
            ringed.append(start)
        if code is None or code not in path:
            safe.update(path)
    return ringed


def import_units(session: Session, units: Sequence[NewPeriod], now: datetime) -> None:
    """Bring checked units in: one transaction, about a second for ten thousand."""
    add_units(session, units)
    add_transfer(session, Kind.UNITS, False, None, None, len(units), now)


# Officers


@dataclass(frozen=True)
class NewOfficer:
    """A role of a list: of somebody known, or of a person of the same list (by place in it)."""

    person_id: int | None
    new_person: int | None
    unit_id: int
    role: Role
    from_on: date
    to_on: date | None
    paid_by_unit_id: int | None


@dataclass(frozen=True)
class OfficerList:
    """What a list of officers comes to."""

    people: list[NewPerson]
    officers: list[NewOfficer]


class _Officers:
    """Reads a list of officers; the same name with the same telephone is the same person."""

    def __init__(self, session: Session, rows: Sequence[Row], now: datetime, today: date, facts: Facts) -> None:
        self._today, self._facts = today, facts
        self._keys = keys_of_session(session)
        self._units = list_open_by_code(session, today)
        codes = {read_code(row.cells["person"]) or "" for row in rows if "person" in row.cells}
        readers = [Reader(row, today, lambda _line, _says: None) for row in rows]
        hashes = {hash_phone(self._keys, reader.fact("phone", facts["phone"])) or "" for reader in readers}
        self._known_codes = find_people_by_code(session, sorted(codes))
        self._known_phones = find_people_by_phone(session, sorted(hashes))
        self._held = list_held(session, now, today)
        self._people: dict[tuple[str, ...], int] = {}
        self._lines: dict[tuple[int | None, int | None, int, Role], int] = {}
        self.found = OfficerList([], [])

    def take(self, reader: Reader) -> None:
        """Read one row."""
        code, role = reader.code("unit"), reader.role()
        unit = self._units.get(code) if code else None
        if code and unit is None:
            reader.complain("lists.unknown_unit", code=code)
        from_on, to_on = reader.day("from_on") or self._today, reader.day("to_on")
        if to_on is not None and to_on < from_on:
            reader.complain("lists.days_cross")
        if unit and role and (unit.level is UnitLevel.TEAM) != (role is Role.TEAM_LEADER):
            reader.complain("lists.role_not_here", level=t(f"levels.{unit.level.value}"))
        paid_by = self._read_payer(reader, unit)
        person_id, new_person = self._read_person(reader, code or "")
        if not reader.is_good or unit is None or role is None:
            return
        key = (person_id, new_person, unit.unit_id, role)
        if key in self._lines:
            reader.complain("lists.same_as_line", line=self._lines[key])
        elif (person_id, unit.unit_id, role) in self._held:
            reader.complain("lists.role_held")
        else:
            self._lines[key] = reader.row.line
            self.found.officers.append(NewOfficer(person_id, new_person, unit.unit_id, role, from_on, to_on, paid_by))

    def _read_payer(self, reader: Reader, unit: OpenUnit | None) -> int | None:
        words = reader.row.text("paid_by")
        if words is None or fold(words) in map(fold, t("lists.paid_by_union").split(", ")):
            return None
        if fold(words) in map(fold, t("lists.paid_by_employer").split(", ")):
            return unit.unit_id if unit else None
        payer = self._units.get(reader.code("paid_by") or "")
        if payer is None:
            reader.complain("lists.unknown_payer", value=words)
        return payer.unit_id if payer else None

    def _read_person(self, reader: Reader, unit_code: str) -> tuple[int | None, int | None]:
        """Somebody known by code or telephone, or else a new person."""
        typed = reader.row.text("person")
        if typed is not None:
            person_id = self._known_codes.get(read_code(typed) or "")
            if person_id is None:
                reader.complain("lists.unknown_person", code=typed)
            return person_id, None
        name = reader.fact("full_name", self._facts["full_name"])
        phone = reader.fact("phone", self._facts["phone"])
        if name is None:
            if "full_name" not in reader.row.cells:
                reader.complain("lists.no_person")
            return None, None
        known = self._known_phones.get(hash_phone(self._keys, phone) or "", [])
        if known:
            same = [person_id for person_id, other in known if name_words(other) == name_words(name)]
            if not same:
                reader.complain("lists.phone_of_other")
            return next(iter(same), None), None
        key = (*name_words(name), phone or unit_code)
        if key not in self._people:
            self._people[key] = len(self.found.people)
            profile = {"full_name": name} | ({"phone": phone} if phone else {})
            self.found.people.append(seal_person(self._keys, profile))
        return None, self._people[key]


def check_officers(
    session: Session, table: Table, now: datetime, today: date, facts: Facts, report: Report, tell: Progress
) -> OfficerList:
    """The roles of a list as far as they are right; what is wrong is reported."""
    rows = list(read_rows(table, Kind.OFFICERS, report))
    officers = _Officers(session, rows, now, today, facts)
    for count, row in enumerate(rows, 1):
        officers.take(Reader(row, today, report))
        tell("read", count / len(rows), count)
    return officers.found


def import_officers(session: Session, found: OfficerList, now: datetime) -> None:
    """Bring checked officers in, in one transaction."""
    ids = [number for chunk in _chunks(found.people, 2000) for number in add_people(session, chunk, now)]
    grants = [
        NewGrant(
            ids[one.new_person] if one.new_person is not None else one.person_id or 0,
            one.unit_id,
            one.role,
            one.from_on,
            one.to_on,
            one.paid_by_unit_id,
        )
        for one in found.officers
    ]
    add_grants(session, grants, now)
    add_transfer(session, Kind.OFFICERS, False, None, None, len(grants), now)


def _chunks(people: Sequence[NewPerson], size: int) -> Iterator[Sequence[NewPerson]]:
    for start in range(0, len(people), size):
        yield people[start : start + size]
