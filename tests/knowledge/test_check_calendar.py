"""Slips in calendar.yaml and deadlines.yaml are named; what is there now has none."""

from pathlib import Path

import pytest

from knowledge.check_calendar import check_calendar
from knowledge.curate import unannounced_years
from knowledge.entry import CONTENT, Library
from knowledge.law import load_index
from knowledge.load import load_library
from knowledge.texts import load_texts
from tests.knowledge.library import TODAY


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library()


def problems_after(tmp_path: Path, library: Library, name: str, old: str, new: str) -> list[str]:
    """What the check says when some words of one of the files are replaced."""
    for file in ("calendar.yaml", "deadlines.yaml"):
        text = (CONTENT / file).read_text(encoding="utf-8")
        if file == name:
            assert old in text, old
            text = text.replace(old, new, 1)
        (tmp_path / file).write_text(text, encoding="utf-8")
    return [one.what for one in check_calendar(tmp_path, library, load_index())]


def is_about(what: str, code: str) -> bool:
    """Whether a problem is the one of a code: its fixed words stand in it."""
    return all(part.split("}")[-1] in what for part in load_texts()[f"check.{code}.what"].split("{"))


def test_the_calendar_has_no_problems(library: Library) -> None:
    """What we ship is sound."""
    assert check_calendar(CONTENT, library, load_index()) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "code"),
    [
        ("calendar.yaml", '"13:30", "17:30"', '"11:30", "17:30"', "calendar_hours"),
        ("calendar.yaml", '["13:30", "17:30"]', "[afternoon, evening]", "calendar_unreadable"),
        ("calendar.yaml", "tet: 2027-02-06", "tet: 2027-02-05", "calendar_lunar"),
        ("calendar.yaml", "tet: 2030-02-02", "tet: 2030-03-02", "calendar_lunar"),
        ("calendar.yaml", "  2040: {", "  2061: {", "calendar_gap"),
        ("calendar.yaml", "to: 2026-02-20", "to: 2026-02-22", "calendar_announced"),
        ("calendar.yaml", "from: 2026-09-01, to: 2026-09-02", "from: 2026-09-03, to: 2026-09-04", "calendar_announced"),
        ("calendar.yaml", "{holiday: quoc_khanh, from: 2026", "{holiday: gio_to, from: 2026", "calendar_announced"),
        (
            "calendar.yaml",
            "from: 2025-09-01, to: 2025-09-02",
            "from: 2026-09-01, to: 2026-09-02",
            "calendar_announced_twice",
        ),
        ("calendar.yaml", "rest: 2026-08-31", "rest: 2026-09-02", "calendar_swap"),
        ("calendar.yaml", "work: 2026-08-22", "work: 2026-08-21", "calendar_swap"),
        ("calendar.yaml", "work: 2026-08-22", "work: 2026-01-10", "calendar_swap"),
        ("calendar.yaml", "clause: 1, point: b}", "clause: 9}", "no_clause"),
        ("calendar.yaml", "source: 28/2026/QH16", "source: 29/2026/QH16", "unknown_source"),
        ("deadlines.yaml", "figure: limit_court", "figure: limit_cuort", "unknown_figure"),
        ("deadlines.yaml", "remind: [{minutes: 20}]", "remind: [{hours: 2}]", "calendar_unreadable"),
        ("deadlines.yaml", "{minutes: 0}, {minutes: 10}", "{minutes: 10}, {minutes: 10}", "calendar_unreadable"),
        ("deadlines.yaml", "within: {hours: 4}", "within: {hour: 4}", "calendar_unreadable"),
        ("deadlines.yaml", "article: 191", "article: 991", "no_article"),
    ],
)
def test_a_slip_is_named(tmp_path: Path, library: Library, name: str, old: str, new: str, code: str) -> None:
    """Hours, lunar dates, announcements, swaps, citations and terms that cannot be right are all found."""
    found = problems_after(tmp_path, library, name, old, new)
    assert any(is_about(what, code) for what in found), found


def test_curators_are_told_which_year_waits_for_its_announcement() -> None:
    """A year nobody announced is on the list ninety days before it begins."""
    assert unannounced_years(TODAY.replace(year=2025, month=3)) == []
    assert unannounced_years(TODAY.replace(year=2054)) == [2054, 2055]
