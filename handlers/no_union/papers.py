"""The ready file for the upper union: a plan to win people for founding a union at a workplace, as DOCX."""

import io
from datetime import date

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import Pt

from handlers.chat import File
from knowledge.texts import t

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_STEPS = ("listen", "committee", "forms", "congress", "recognition")
_CARE = ("names", "employer", "reprisal")


def make_plan(workplace: str, place: str, at_least: int, today: date) -> File:
    """The plan with the workplace's name and how many people at least want a union there; it names nobody."""
    paper = Document()
    style = paper.styles["Normal"].font
    style.name, style.size = "Times New Roman", Pt(13)
    heading = paper.add_paragraph()
    heading.alignment = WD_ALIGN_PARAGRAPH.CENTER
    heading.add_run(t("founding.title")).bold = True
    paper.add_paragraph(t("founding.workplace", workplace=workplace, place=place))
    paper.add_paragraph(t("founding.count", count=at_least, day=today.strftime("%d/%m/%Y")))
    paper.add_paragraph(t("founding.basis"))
    for title, items in (("steps", _STEPS), ("care", _CARE)):
        paper.add_paragraph().add_run(t(f"founding.{title}")).bold = True
        for number, item in enumerate(items, 1):
            paper.add_paragraph(f"{number}. {t(f'founding.{title}_{item}')}")
    table = paper.add_table(rows=len(_STEPS) + 1, cols=4)
    table.style = "Table Grid"
    rows = [tuple(t(f"founding.column_{name}") for name in ("work", "who", "when", "result"))]
    rows += [(t(f"founding.short_{step}"), "", "", "") for step in _STEPS]
    for row, values in zip(table.rows, rows, strict=True):
        for cell, value in zip(row.cells, values, strict=True):
            cell.text = value
    paper.add_paragraph(t("founding.secret"))
    content = io.BytesIO()
    paper.save(content)
    return File("ke-hoach-van-dong-thanh-lap.docx", DOCX, content.getvalue())
