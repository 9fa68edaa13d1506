"""Reads and writes tables as people exchange them: XLSX from any office program, CSV in its usual dialects."""

import csv
import io
import itertools
import os
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import ParseError

from handlers.errors import UserError

Cell = str | date | int | None
"""What a cell may hold on the way out; on the way in everything is text."""

_DELIMITERS = (",", ";", "\t")
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How a cell begins that an office program would take for a formula."""

_HEADER_WITHIN = 10
"""Lines before the column names that are passed over: titles and dates of a list."""


class Number(str):
    """Text of a cell that held a number: an office program has eaten its leading zeros."""

    __slots__ = ()


@dataclass(frozen=True)
class Line:
    """A row of a table with its number in the file, counted from 1 as office programs show it."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """An open table. ``progress`` says how much of it was read, between 0 and 1."""

    lines: Iterator[Line]
    progress: Callable[[], float]


@contextmanager
def open_table(path: Path) -> Iterator[Table]:
    """Open an XLSX or CSV file for reading, row by row. Raises `UserError` when it is neither, or cannot be read."""
    try:
        if path.suffix.lower() in (".xlsx", ".xlsm"):
            with _open_workbook(path) as table:
                yield table
        else:
            with _open_text(path) as table:
                yield table
    except (OSError, zipfile.BadZipFile, ParseError, csv.Error, UnicodeError):
        raise UserError("lists.unreadable", file=path.name) from None


@contextmanager
def _open_workbook(path: Path) -> Iterator[Table]:
    from openpyxl import load_workbook  # here, since loading the library takes a third of a second

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns of styles and extensions that do not concern us
        try:
            book = load_workbook(path, read_only=True, data_only=True)
        except (KeyError, ValueError):  # an archive that is no workbook
            raise zipfile.BadZipFile from None
        try:
            sheet = book.worksheets[0]
            size = sheet.max_row or 0
            sheet.reset_dimensions()  # some programs write wrong ones
            read = itertools.count(1)
            done = 0

            def lines() -> Iterator[Line]:
                nonlocal done
                for row in sheet.iter_rows(values_only=True):
                    done = next(read)
                    cells = tuple(_read_cell(value) for value in row)
                    if any(cells):
                        yield Line(done, cells)

            yield Table(lines(), lambda: min(1.0, done / size) if size else 0.0)
        finally:
            book.close()


def _read_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _restore(value.strip())
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return Number(int(value))
    return str(value)


@contextmanager
def _open_text(path: Path) -> Iterator[Table]:
    size = max(1, path.stat().st_size)
    with path.open("rb") as raw:
        start = raw.read(4096)
        raw.seek(0)
        encoding = "utf-16" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
        with io.TextIOWrapper(raw, encoding=encoding, newline="") as text:
            sample = start.decode(encoding, errors="ignore")
            reader = csv.reader(text, delimiter=_find_delimiter(sample))

            def lines() -> Iterator[Line]:
                while True:
                    number = reader.line_num + 1
                    try:
                        row = next(reader)
                    except StopIteration:
                        return
                    cells = tuple(_restore(value.strip()) for value in row)
                    if any(cells):
                        yield Line(number, cells)

            yield Table(lines(), lambda: min(1.0, raw.tell() / size))


def _find_delimiter(sample: str) -> str:
    """The sign that parts the most columns in the first full line."""
    first = next((line for line in sample.splitlines() if any(sign in line for sign in _DELIMITERS)), "")
    return max(_DELIMITERS, key=first.count)


def _restore(text: str) -> str:
    """Text as it was before `harmless` put an apostrophe in front of it."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_DANGEROUS) else text


def harmless(text: str) -> str:
    """Text that no office program takes for a formula, whoever wrote it."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """Write a table readable by its owner only, as XLSX or CSV by the name of the file; returns how many rows. A file
    of that name is replaced once the new one is complete."""
    draft = path.with_name(f".{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            write = write_workbook if path.suffix.lower() == ".xlsx" else write_text
            count = write(file, header, rows)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return count


def write_workbook(file: IO[bytes], header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """Write a table as XLSX, row by row; returns how many rows."""
    from openpyxl import Workbook  # here, as above

    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.freeze_panes = "A2"
    sheet.append([_bold(sheet, title) for title in header])
    count = 0
    for row in rows:
        sheet.append([_write_cell(sheet, value) for value in row])
        count += 1
    book.save(file)
    return count


def _bold(sheet: Any, title: str) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    cell = WriteOnlyCell(sheet, title)
    cell.font = Font(bold=True)
    return cell


def _write_cell(sheet: Any, value: Cell) -> Any:
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, date):
        from openpyxl.cell import WriteOnlyCell

        cell = WriteOnlyCell(sheet, value)
        cell.number_format = "DD/MM/YYYY"
        return cell
    return value


def write_text(file: IO[bytes], header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """Write a table as CSV in UTF-8 with a mark by which Excel knows it; returns how many rows."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(header)
    count = 0
    for row in rows:
        writer.writerow([_write_text_cell(value) for value in row])
        count += 1
    text.detach()
    return count


def _write_text_cell(value: Cell) -> str:
    if value is None:
        return ""
    return value.strftime("%d/%m/%Y") if isinstance(value, date) else harmless(str(value))


def find_header(table: Table, is_header: Callable[[Sequence[str]], bool]) -> Line | None:
    """The line with the column names, within the first ones of a table; None when there is none."""
    for line in itertools.islice(table.lines, _HEADER_WITHIN):
        if is_header(line.cells):
            return line
    return None
