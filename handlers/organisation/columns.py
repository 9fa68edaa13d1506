"""The columns of the three lists (units, officers, members): one table for templates, imports and exports."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeVar

from db.models import Role, UnitLevel
from handlers.errors import UserError
from handlers.organisation.rules import read_day, read_unit_code
from handlers.organisation.sheets import Line, Number, Table, find_header
from knowledge.normalize import fold
from knowledge.texts import t

T = TypeVar("T", bound=StrEnum)

Report = Callable[[int, str], None]
"""Takes what is wrong in which line."""

_EXCEL_DAY_ONE = date(1899, 12, 30)
_EXCEL_DAYS = range(1, 80_000)
_PHONE_DIGITS, _CITIZEN_ID_DIGITS = 10, 12
_LEADING_ZEROS_LOST = 3


class Kind(StrEnum):
    """What a list is about."""

    UNITS = "units"
    OFFICERS = "officers"
    MEMBERS = "members"


@dataclass(frozen=True)
class Column:
    """A column of a list; ``is_needed``: no row may leave it empty."""

    name: str
    is_needed: bool = False

    @property
    def title(self) -> str:
        """What stands above it."""
        return t(f"lists.column.{self.name}")


COLUMNS: Mapping[Kind, tuple[Column, ...]] = {
    Kind.UNITS: (
        Column("unit", is_needed=True),
        Column("unit_name", is_needed=True),
        Column("level", is_needed=True),
        Column("parent"),
        Column("effective_from"),
        Column("effective_to"),
        Column("successor"),
        Column("employer"),
        Column("headcount_band"),
        Column("sector"),
        Column("province"),
        Column("commune"),
        Column("wage_region"),
    ),
    Kind.OFFICERS: (
        Column("unit", is_needed=True),
        Column("person"),
        Column("full_name"),
        Column("phone"),
        Column("role", is_needed=True),
        Column("from_on"),
        Column("to_on"),
        Column("paid_by"),
    ),
    Kind.MEMBERS: (
        Column("unit", is_needed=True),
        Column("person"),
        Column("full_name", is_needed=True),
        Column("gender"),
        Column("born_on", is_needed=True),
        Column("ethnicity"),
        Column("hometown"),
        Column("residence"),
        Column("citizen_id"),
        Column("phone"),
        Column("position"),
        Column("since_on"),
        Column("decision_number"),
    ),
}


@dataclass(frozen=True)
class Row:
    """A row of a list by the names of its columns; a cell that was left empty is not in it."""

    line: int
    cells: Mapping[str, str]

    def text(self, name: str) -> str | None:
        """The words of a cell, each space once."""
        found = " ".join(self.cells.get(name, "").split())
        return found or None


def read_rows(table: Table, kind: Kind, report: Report) -> Iterator[Row]:
    """The rows under the column names. What is wrong with the names is reported, and then there are no rows."""
    known = {_fold_title(column.title): column.name for column in COLUMNS[kind]}
    header = find_header(table, lambda cells: sum(_fold_title(cell) in known for cell in cells) > 1)
    if header is None:
        report(1, t("lists.no_header", columns=", ".join(column.title for column in COLUMNS[kind] if column.is_needed)))
        return
    names = [known.get(_fold_title(cell)) for cell in header.cells]
    if _check_header(header, names, kind, report):
        needed = [column for column in COLUMNS[kind] if column.is_needed]
        for line in table.lines:
            yield _read_row(line, names, needed, report)


def _fold_title(title: str) -> str:
    return fold(title.split("(")[0])


def _check_header(header: Line, names: Sequence[str | None], kind: Kind, report: Report) -> bool:
    is_good = True
    for cell, name in zip(header.cells, names, strict=True):
        if cell and (name is None or list(names).count(name) > 1):
            report(header.number, t("lists.unknown_column" if name is None else "lists.column_twice", column=cell))
            is_good = False
    for column in COLUMNS[kind]:
        if column.is_needed and column.name not in names:
            report(header.number, t("lists.missing_column", column=column.title))
            is_good = False
    return is_good


def _read_row(line: Line, names: Sequence[str | None], needed: Sequence[Column], report: Report) -> Row:
    cells = {name: cell for name, cell in zip(names, line.cells, strict=False) if name is not None and cell}
    for column in needed:
        if column.name not in cells:
            report(line.number, t("lists.missing", column=column.title))
    return Row(line.number, cells)


class Reader:
    """Reads the cells of one row; what it cannot read is reported and comes out as None."""

    def __init__(self, row: Row, today: date, report: Report) -> None:
        self.row, self._today = row, today
        self._report = report
        self.is_good = True

    def complain(self, key: str, **values: object) -> None:
        """Report that something is wrong with this row."""
        self.is_good = False
        self._report(self.row.line, t(key, **values))

    def text(self, name: str, most: int) -> str | None:
        """Words of a limited length."""
        found = self.row.text(name)
        if found is not None and len(found) > most:
            self.complain("lists.too_long", column=t(f"lists.column.{name}"), most=most)
            return None
        return found

    def code(self, name: str) -> str | None:
        """The code of a unit."""
        found = self.row.text(name)
        if found is None:
            return None
        code = read_unit_code(found)
        if code is None:
            self.complain("lists.bad_unit_code", column=t(f"lists.column.{name}"), value=found)
        return code

    def day(self, name: str) -> date | None:
        """A day, as people or office programs write it."""
        cell = self.row.cells.get(name)
        if cell is None:
            return None
        found = read_cell_day(cell)
        if found is None:
            self.complain("lists.bad_day", column=t(f"lists.column.{name}"))
        return found

    def level(self) -> UnitLevel | None:
        """The level of a unit, by its Vietnamese name or its English word."""
        return self._choose("level", UnitLevel)

    def role(self) -> Role | None:
        """A role, by its Vietnamese name or its English word."""
        return self._choose("role", Role)

    def _choose(self, name: str, kind: type[T]) -> T | None:
        found = self.row.text(name)
        if found is None:
            return None
        for one in kind:
            if fold(found) in map(fold, spellings(name, one)):
                return one
        choices = ", ".join(spellings(name, one)[0] for one in kind)
        self.complain("lists.not_one_of", column=t(f"lists.column.{name}"), value=found, choices=choices)
        return None

    def fact(self, name: str, read: Callable[[str, date], str]) -> str | None:
        """A field of the application form, read as the form reads it; what it says of a bad one is reported."""
        cell = self.row.cells.get(name)
        if cell is None:
            return None
        try:
            return read(_typed(name, cell), self._today)
        except UserError as problem:
            says = t(problem.key, **problem.values)
            self.complain("lists.bad_fact", column=t(f"lists.column.{name}"), says=says)
            return None


def _typed(name: str, cell: str) -> str:
    """A cell as a person would have typed it: days as people write them, numbers with the zeros a program ate."""
    if name == "born_on":
        day = read_cell_day(cell)
        return day.strftime("%d/%m/%Y") if day else cell
    if isinstance(cell, Number):
        digits = {"phone": _PHONE_DIGITS, "citizen_id": _CITIZEN_ID_DIGITS}.get(name, 0)
        return cell.zfill(digits) if digits - len(cell) <= _LEADING_ZEROS_LOST else str(cell)
    return cell


def spellings(name: str, one: StrEnum) -> list[str]:
    """How a level or a role is written in lists; the first is the one we write."""
    return [*t(f"lists.{name}.{one.value}").split(", "), one.value]


def read_cell_day(text: str) -> date | None:
    """A day as people write it, as ISO text, or as the number by which Excel counts days; None when it is none."""
    if isinstance(text, Number):
        days = int(text)
        return _EXCEL_DAY_ONE + timedelta(days=days) if days in _EXCEL_DAYS else None
    day = read_day(text)
    return day if day and day > _EXCEL_DAY_ONE else None
