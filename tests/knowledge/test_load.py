"""Files become a library."""

from pathlib import Path

import pytest

from knowledge.citations import cite
from knowledge.entry import Citation, ContentError, Library, Status
from knowledge.load import load_library, read_document
from tests.knowledge.library import changed, make_content, write_entry


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return make_content(tmp_path)


def test_an_entry_is_read_with_its_periods(content: Path) -> None:
    """Front matter, dated sections, first message and details arrive as written."""
    entry = load_library(content).entries["nghi-cuoi"]
    assert (entry.topic, entry.status, len(entry.phrasings)) == ("nghi-phep", Status.PUBLISHED, 11)
    (period,) = entry.periods
    assert period.answer.startswith("Anh/chị được nghỉ")
    assert period.details == "Báo trước cho công ty."
    assert period.citations == (Citation("10/2026/QH15", 1, 1),)


def test_the_body_is_not_parsed_before_somebody_asks(content: Path) -> None:
    """Loading a thousand entries must stay fast, so a broken body shows only when it is read."""
    write_entry(content, changed(("## Từ 2026-01-01\n", "")))
    entry = load_library(content).entries["nghi-cuoi"]
    with pytest.raises(ContentError):
        _ = entry.periods


def test_a_broken_file_stays_out_and_is_named(content: Path) -> None:
    """One slip of a curator never stops the bot."""
    write_entry(content, "Không có phần đầu", "hong")
    library = load_library(content)
    assert list(library.entries) == ["nghi-cuoi"]
    assert [one.path for one in library.problems] == ["faq/nghi-phep/hong.md"]


def test_the_body_begins_on_the_line_it_has_in_the_file(content: Path) -> None:
    """Problems point to lines of the file, not of a part of it."""
    path = write_entry(content, changed())
    document = read_document(path)
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines[document.body_line - 1] == "## Từ 2026-01-01"


@pytest.mark.parametrize(
    ("citation", "spoken"),
    [
        (Citation("10/2026/QH15", 1, 1, "a"), "điểm a khoản 1 Điều 1 Luật Mẫu 2026"),
        (Citation("10/2026/QH15", 1, 1), "khoản 1 Điều 1 Luật Mẫu 2026"),
        (Citation("10/2026/QH15", "7a"), "Điều 7a Luật Mẫu 2026"),
        (Citation("10/2026/QH15"), "Luật Mẫu 2026"),
    ],
)
def test_a_citation_is_spoken_as_lawyers_do(content: Path, citation: Citation, spoken: str) -> None:
    """From the smallest place to the name of the document."""
    library: Library = load_library(content)
    assert cite(citation, library) == spoken


def test_the_own_content_can_be_read() -> None:
    """The content that is delivered has no file that stays out."""
    library = load_library()
    assert library.entries
    assert library.problems == ()
