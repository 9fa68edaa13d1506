"""The documents of joining: the application form (Mẫu 5a) and a unit's list of members (Mẫu 5b), as DOCX.

A template of the operator's own (``mau-5a.docx``, ``mau-5b.docx`` in its folder) is filled where there is one: blanks
such as ``{{full_name}}`` stand for the fields. Otherwise a plain one is made here, with the fields in the form's order.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

from docx import Document
from docx.document import Document as Paper
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import Pt
from docx.table import Table
from docx.text.paragraph import Paragraph

from handlers.registration.show import show_day, show_value
from knowledge.texts import t

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
FORM_FIELDS = ("full_name", "gender", "born_on", "ethnicity", "hometown", "residence", "citizen_id", "phone",
               "workplace", "position")  # fmt: skip
_LIST_COLUMNS = ("number", "full_name", "gender", "born_on", "position", "since", "code")


def fill_form(profile: Mapping[str, str], unit: str, today: date, templates: Path | None) -> bytes:
    """The application form with somebody's answers."""
    values = {name: show_value(name, profile[name]) if profile.get(name) else "" for name in FORM_FIELDS}
    values |= {"unit": unit, "today": show_day(today)}
    template = templates / "mau-5a.docx" if templates else None
    if template and template.is_file():
        return _save(_fill(Document(str(template)), values))
    paper = _new_paper()
    _add_heading(paper, t("papers.form_title"))
    _add(paper, t("papers.form_to", unit=unit))
    for name in FORM_FIELDS:
        _add(paper, f"{t(f'fields.{name}')}: {values[name] or '…' * 20}")
    _add(paper, t("papers.pledge"))
    _add(paper, t("papers.place_and_day", day=show_day(today)), WD_ALIGN_PARAGRAPH.RIGHT)
    _add(paper, t("papers.signature"), WD_ALIGN_PARAGRAPH.RIGHT)
    return _save(paper)


def fill_list(rows: Sequence[Mapping[str, str]], unit: str, today: date, templates: Path | None) -> bytes:
    """A unit's list of members; each row has the values of its columns, dates already as people read them."""
    template = templates / "mau-5b.docx" if templates else None
    if template and template.is_file():
        paper = _fill(Document(str(template)), {"unit": unit, "today": show_day(today), "count": str(len(rows))})
    else:
        paper = _new_paper()
        _add_heading(paper, t("papers.list_title"))
        _add(paper, t("papers.list_of", unit=unit, day=show_day(today), count=len(rows)))
    _add_table(paper, rows)
    return _save(paper)


def _add_table(paper: Paper, rows: Sequence[Mapping[str, str]]) -> None:
    table = paper.add_table(rows=1, cols=len(_LIST_COLUMNS))
    table.style = "Table Grid" if "Table Grid" in {style.name for style in paper.styles} else None
    for cell, name in zip(table.rows[0].cells, _LIST_COLUMNS, strict=True):
        cell.text = t(f"papers.column_{name}")
    for number, row in enumerate(rows, 1):
        values = dict(row) | {"number": str(number)}
        for cell, name in zip(table.add_row().cells, _LIST_COLUMNS, strict=True):
            cell.text = values.get(name, "")


def _new_paper() -> Paper:
    paper = Document()
    style = paper.styles["Normal"].font
    style.name, style.size = "Times New Roman", Pt(13)
    _add(paper, t("papers.country"), WD_ALIGN_PARAGRAPH.CENTER, is_bold=True)
    return paper


def _add_heading(paper: Paper, text: str) -> None:
    _add(paper, text, WD_ALIGN_PARAGRAPH.CENTER, is_bold=True)


def _add(paper: Paper, text: str, at: WD_ALIGN_PARAGRAPH = WD_ALIGN_PARAGRAPH.LEFT, is_bold: bool = False) -> None:
    paragraph = paper.add_paragraph()
    paragraph.alignment = at
    paragraph.add_run(text).bold = is_bold


def _fill(paper: Paper, values: Mapping[str, str]) -> Paper:
    """Put values into the blanks. Word cuts a paragraph into runs anywhere, so a blank is looked for in the whole
    paragraph; the paragraph then has the look of its first run."""
    for paragraph in _paragraphs(paper):
        text = filled = paragraph.text
        for name, value in values.items():
            filled = filled.replace("{{" + name + "}}", value)
        if filled != text and paragraph.runs:
            for run in paragraph.runs[1:]:
                run.text = ""
            paragraph.runs[0].text = filled
    return paper


def _paragraphs(paper: Paper) -> Iterator[Paragraph]:
    yield from paper.paragraphs
    yield from _in_tables(paper.tables)


def _in_tables(tables: Iterable[Table]) -> Iterator[Paragraph]:
    for table in tables:
        for row in table.rows:
            for cell in row.cells:
                yield from cell.paragraphs
                yield from _in_tables(cell.tables)


def _save(paper: Paper) -> bytes:
    content = io.BytesIO()
    paper.save(content)
    return content.getvalue()
