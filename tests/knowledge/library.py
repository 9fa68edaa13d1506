"""A small content folder for the tests of the knowledge: made fresh in a temporary folder, then broken on purpose."""

from datetime import date
from pathlib import Path

from knowledge.check import check_content
from knowledge.entry import Problem
from knowledge.law import Article, IndexedLaw, index_article, write_index

TODAY = date(2026, 11, 21)

SOURCES = """
10/2026/QH15:
  name: Luật Mẫu 2026
  title: Luật Mẫu
  effective_from: 2026-01-01
  replaces: [9/2020/QH14]
  held: true
9/2020/QH14:
  name: Luật Mẫu 2020
  title: Luật Mẫu
  effective_from: 2021-01-01
  effective_to: 2025-12-31
  replaced_by: [10/2026/QH15]
  held: false
  basis: reported
"""

FIGURES = """
base_salary:
  title: Lương cơ sở
  unit: đồng
  values:
    - {from: 2026-07-01, value: 2530000, source: 10/2026/QH15, article: 2, clause: 1}
    - {from: 2026-01-01, to: 2026-06-30, value: 2340000, source: 10/2026/QH15, article: 2, clause: 1}
dues_max:
  title: Đoàn phí tối đa
  of: base_salary
  times: 0.1
"""

ENTRY = """---
id: nghi-cuoi
question: Cưới được nghỉ mấy ngày?
also_asked:
  - kết hôn nghỉ bao lâu
  - lấy vợ nghỉ mấy hôm
  - lấy chồng được nghỉ không
  - ngày cưới có lương không
  - cty cho cưới mấy bữa
  - đám cưới nghỉ nhiêu ngày
  - nld kết hôn nghỉ bn
  - cưới xin nghỉ phép sao
  - phép cưới mấy ngày
  - chế độ nghỉ kết hôn
citations:
  - {source: 10/2026/QH15, article: 1, clause: 1}
related: []
basis: law
status: published
last_checked: 2026-11-20
checked_by: Ban Chính sách
---
## Từ 2026-01-01

Anh/chị được nghỉ **3 ngày**, lương cơ sở là {figure:base_salary}.

### Chi tiết

Báo trước cho công ty.
"""

ARTICLES = [
    Article(
        "10/2026/QH15",
        "Luật Mẫu",
        "1",
        "Nghỉ cưới",
        "1. Nghỉ 03 ngày:\na) kết hôn;\nb) con kết hôn.\n2. Nghỉ hai ngày.",
    ),
    Article("10/2026/QH15", "Luật Mẫu", "2", "Lương", "1. Lương cơ sở.\n2. Khác."),
]


def make_content(folder: Path) -> Path:
    """A sound content folder: one entry, two sources, two figures and the index of one law."""
    content = folder / "content"
    (content / "faq" / "nghi-phep").mkdir(parents=True)
    (content / "sources.yaml").write_text(SOURCES, encoding="utf-8")
    (content / "figures.yaml").write_text(FIGURES, encoding="utf-8")
    write_entry(content, ENTRY)
    law = IndexedLaw("10/2026/QH15", "Luật Mẫu", {one.number: index_article(one) for one in ARTICLES})
    write_index({law.number: law}, content / "law_index.json")
    return content


def write_entry(content: Path, text: str, name: str = "nghi-cuoi") -> Path:
    path = content / "faq" / "nghi-phep" / f"{name}.md"
    path.write_text(text, encoding="utf-8")
    return path


def changed(*pairs: tuple[str, str]) -> str:
    """The sound entry with some words replaced; a word that is not there is a mistake of the test."""
    text = ENTRY
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


def second(*pairs: tuple[str, str]) -> str:
    """Another sound entry, whose phrasings differ from those of the first."""
    text = changed(("id: nghi-cuoi", "id: nghi-tang"), ("Cưới được", "Có tang được"), *pairs)
    head, tail = text.split("citations:", 1)
    return head.replace("  - ", "  - nhà có tang ") + "citations:" + tail


def problems_of(content: Path, law_texts: Path | None = None, today: date = TODAY) -> list[Problem]:
    return check_content(content, today=today, law_texts=law_texts)
