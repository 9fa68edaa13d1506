"""Workbooks as the bot hands them out: tables as sheets of XLSX, each cell a value."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handlers.chat import File

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Cell = str | int | None

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
_LONGEST_NAME = 31
"""What the format allows for the name of a sheet."""


@dataclass(frozen=True)
class Sheet:
    """A table with its name; without one it has the name that the format gives it."""

    name: str | None
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def make_workbook(name: str, sheets: Sequence[Sheet], note: str) -> File:
    """Tables as XLSX. Every cell is a value: what somebody called a unit is never taken for a formula."""
    from openpyxl import Workbook  # here, since it takes long to load

    book = Workbook()
    book.remove(book.active)
    for sheet in sheets:
        _fill(book.create_sheet(sheet.name and sheet.name[:_LONGEST_NAME]), [sheet.header, *sheet.rows, [], [note]])
    content = io.BytesIO()
    book.save(content)
    return File(f"{name}.xlsx", XLSX, content.getvalue())


def _fill(page: Any, rows: Sequence[Sequence[Cell]]) -> None:
    from openpyxl.styles import Alignment, Font

    for number, row in enumerate(rows, 1):
        for column, value in enumerate(row, 1):
            cell = page.cell(number, column)
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"
                cell.quotePrefix = value.startswith(_DANGEROUS)
            if number == 1:
                cell.font, cell.alignment = Font(bold=True), Alignment(wrap_text=True, vertical="top")
    page.freeze_panes = "B2"
    page.column_dimensions["A"].width = 40
