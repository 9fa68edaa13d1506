"""Amounts by date, and how they are written."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from knowledge.entry import Figure, Library, Span
from knowledge.figures import (
    NoValueError,
    amount_on,
    change_days,
    fill,
    format_amount,
    gap_in,
    names_in,
    plain_number,
    show_figure,
    spans_of,
)
from knowledge.load import load_library, read_figure
from tests.knowledge.library import make_content

BEFORE, AFTER = date(2026, 6, 30), date(2026, 7, 1)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return load_library(make_content(tmp_path))


def test_a_figure_has_the_value_of_its_day(library: Library) -> None:
    """The day decides, to the day."""
    assert show_figure(library.figures, "base_salary", BEFORE) == "2.340.000 đồng"
    assert show_figure(library.figures, "base_salary", AFTER) == "2.530.000 đồng"


def test_a_derived_figure_changes_with_its_base(library: Library) -> None:
    """A new base salary changes everything that is computed from it."""
    assert show_figure(library.figures, "dues_max", BEFORE) == "234.000 đồng"
    assert show_figure(library.figures, "dues_max", AFTER) == "253.000 đồng"
    assert change_days(library.figures, "dues_max", Span(date(2026, 1, 1))) == [date(2026, 1, 1), AFTER]


def test_outside_its_dates_a_figure_has_no_value(library: Library) -> None:
    """We never fall back to the last value we had."""
    with pytest.raises(NoValueError):
        amount_on(library.figures, "base_salary", date(2025, 12, 31))
    with pytest.raises(NoValueError):
        amount_on(library.figures, "no_such_figure", AFTER)


def test_a_derived_figure_may_hold_for_a_shorter_time_than_its_base(library: Library) -> None:
    """A rule that began later than the amount it multiplies has its own first day."""
    item = {"title": "x", "of": "base_salary", "times": 2, "from": AFTER}
    figures = library.figures | {"double": read_figure("double", item)}
    assert show_figure(figures, "double", AFTER) == "5.060.000 đồng"
    assert gap_in(figures, "double", Span(date(2026, 1, 1))) == date(2026, 1, 1)
    assert spans_of(figures, "double") == [Span(AFTER)]


def test_a_gap_is_found_wherever_it_lies(library: Library) -> None:
    """The first day without a value is named, also after the last known one."""
    assert gap_in(library.figures, "base_salary", Span(date(2026, 1, 1))) is None
    assert gap_in(library.figures, "base_salary", Span(date(2025, 1, 1), date(2026, 1, 1))) == date(2025, 1, 1)
    assert gap_in(library.figures, "no_such_figure", Span(AFTER)) == AFTER


def test_a_sentence_is_filled_for_a_day(library: Library) -> None:
    """Answers name figures; the member reads amounts."""
    text = "Tối đa {figure:dues_max}, bằng 10% của {figure:base_salary}."
    assert names_in(text) == ["dues_max", "base_salary"]
    assert fill(text, library.figures, AFTER) == "Tối đa 253.000 đồng, bằng 10% của 2.530.000 đồng."


@pytest.mark.parametrize(
    ("number", "written"),
    [("2530000", "2.530.000"), ("4.5", "4,5"), ("10.50", "10,5"), ("0.03", "0,03"), ("12", "12"), ("1000", "1.000")],
)
def test_numbers_are_written_the_vietnamese_way(number: str, written: str) -> None:
    """Points group thousands, a comma parts the fraction."""
    assert plain_number(Decimal(number)) == written


def shown(value: object, unit: str, show: str = "") -> str:
    item = {"title": "x", "unit": unit, "show": show, "values": [{"from": AFTER, "value": value, "source": "1"}]}
    figure: Figure = read_figure("x", item)
    return show_figure({"x": figure}, "x", AFTER)


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (10.5, "%", "10,5%"),
        ([12, 15], "%", "12–15%"),
        ([20_000_000, 25_000_000], "đồng", "20–25 triệu đồng"),
        ([500_000, 1_000_000], "đồng", "0,5–1 triệu đồng"),
        ([300_000, 500_000], "đồng", "300.000–500.000 đồng"),
        ("61 tuổi 6 tháng", "tuổi", "61 tuổi 6 tháng"),
        ("57 tuổi", "tuổi", "57 tuổi"),
        (6, "ngày làm việc", "6 ngày làm việc"),
        (1.36, "lần", "1,36 lần"),
    ],
)
def test_amounts_are_written_with_their_unit(value: object, unit: str, written: str) -> None:
    """Money, shares, ages and counts each have their form; ranges of money are told in millions."""
    assert shown(value, unit) == written


def test_a_round_amount_may_be_told_in_millions() -> None:
    """“75 triệu đồng” reads better than seven zeros."""
    assert shown(75_000_000, "đồng", "triệu") == "75 triệu đồng"
    assert format_amount(Decimal(75_000_000), "đồng") == "75.000.000 đồng"


def test_a_derived_range_doubles_at_both_ends() -> None:
    """A company pays twice what a person pays."""
    one = read_figure(
        "fine",
        {"title": "x", "unit": "đồng", "values": [{"from": AFTER, "value": [5_000_000, 50_000_000], "source": "1"}]},
    )
    two = read_figure("fine_org", {"title": "x", "of": "fine", "times": 2})
    assert show_figure({"fine": one, "fine_org": two}, "fine_org", AFTER) == "10–100 triệu đồng"
