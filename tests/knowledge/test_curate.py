"""A new file, what is due, and what a change of law touches."""

from datetime import date
from pathlib import Path

import pytest

from knowledge.curate import (
    CurateError,
    changing_figures,
    ending_sources,
    impact,
    new_entry,
    show_impact,
    unchecked,
    uses_of_figures,
)
from knowledge.entry import CONTENT
from knowledge.load import build_entry, load_library, read_document
from knowledge.report import report
from tests.knowledge.library import TODAY, changed, make_content, second, write_entry


@pytest.fixture
def content(tmp_path: Path) -> Path:
    folder = make_content(tmp_path)
    (folder / "muc-moi.md").write_text((CONTENT / "muc-moi.md").read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def test_a_new_entry_is_a_readable_draft(content: Path) -> None:
    """The template gives a file that only waits for its words."""
    path = new_entry("nghi-om", "om-dau", TODAY, content)
    assert path == content / "faq" / "om-dau" / "nghi-om.md"
    text = path.read_text(encoding="utf-8").replace("  -\n", "")
    path.write_text(text, encoding="utf-8")
    entry = build_entry(read_document(path))
    assert (entry.id, entry.periods[0].span.first) == ("nghi-om", TODAY)


@pytest.mark.parametrize(("name", "topic"), [("Nghỉ ốm", "om-dau"), ("nghi-om", "../x"), ("nghi-cuoi", "om-dau")])
def test_a_bad_or_taken_id_is_refused(content: Path, name: str, topic: str) -> None:
    """Ids are short, without marks, and unique in the whole FAQ."""
    with pytest.raises(CurateError):
        new_entry(name, topic, TODAY, content)


def test_an_entry_is_due_after_six_months(content: Path) -> None:
    """Published answers are read again twice a year."""
    library = load_library(content)
    assert unchecked(library, TODAY) == []
    assert [one.id for one in unchecked(library, date(2027, 6, 1))] == ["nghi-cuoi"]


def test_a_source_that_soon_loses_force_names_its_entries(content: Path) -> None:
    """Curators hear of the change before the members do."""
    path = content / "sources.yaml"
    text = path.read_text(encoding="utf-8").replace("  replaces:", "  effective_to: 2026-12-31\n  replaces:")
    path.write_text(text, encoding="utf-8")
    assert ending_sources(load_library(content), TODAY) == {"10/2026/QH15": ["nghi-cuoi"]}
    assert ending_sources(load_library(content), date(2026, 1, 1)) == {}


def test_a_figure_counts_as_used_through_what_is_derived_from_it(content: Path) -> None:
    """A new base salary touches every answer that shows an amount computed from it."""
    write_entry(content, second(("{figure:base_salary}", "{figure:dues_max}")), "nghi-tang")
    library = load_library(content)
    uses = uses_of_figures(library)
    assert uses == {"base_salary": ["nghi-cuoi", "nghi-tang"], "dues_max": ["nghi-tang"]}
    assert changing_figures(library, date(2026, 5, 1))["dues_max"][1] == ["nghi-tang"]
    assert changing_figures(library, TODAY) == {}


def test_impact_finds_citations_and_figures(content: Path) -> None:
    """An entry rests on the articles it cites and on those of the figures it shows."""
    library = load_library(content)
    assert [one.entry.id for one in impact(library, "10/2026/QH15", "1")] == ["nghi-cuoi"]
    (by_figure,) = impact(library, "10/2026/QH15", "2")
    assert (by_figure.places, by_figure.figures) == ((), ("base_salary",))
    assert impact(library, "10/2026/QH15", "3") == []
    assert "nghi-cuoi" in show_impact(library, "10/2026/QH15")
    with pytest.raises(CurateError):
        show_impact(library, "1/1999/QH10")


def test_the_report_can_be_written_for_any_content(content: Path) -> None:
    """The report never fails, whatever state the entries are in."""
    write_entry(content, changed(("## Từ 2026-01-01\n", "")))
    assert "nghi-cuoi" in report(load_library(content), TODAY)
