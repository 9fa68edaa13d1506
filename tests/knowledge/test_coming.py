"""A coming day is read as people type it; a slip is no day in a year."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.coming import coming_day

TODAY = date(2026, 11, 21)  # a Saturday


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("10/12", date(2026, 12, 10)),
        ("ngày 10 tháng 12", date(2026, 12, 10)),
        ("10-12-2026", date(2026, 12, 10)),
        ("5/1", date(2027, 1, 5)),
        ("mai", date(2026, 11, 22)),
        ("3 ngày nữa", date(2026, 11, 24)),
        ("một tuần nữa", date(2026, 11, 28)),
        ("tuần sau", date(2026, 11, 28)),
        ("thứ hai tuần sau", date(2026, 11, 23)),
        ("thứ 6", date(2026, 11, 27)),
        ("cuối tháng", date(2026, 11, 30)),
        ("1 tháng nữa", date(2026, 12, 21)),
        ("hom nay", TODAY),
    ],
)
def test_day_is_read_as_people_type_it(typed: str, day: date) -> None:
    """With or without marks, by numbers or by distance."""
    assert coming_day(typed, TODAY) == day


@pytest.mark.parametrize("typed", ["", "khi nào cũng được", "31/2", "20/11", "20/11/2026", "10/12/2028", "12345"])
def test_what_is_no_coming_day_is_asked_again(typed: str) -> None:
    """A day that is over, one that does not exist, and words without any."""
    assert coming_day(typed, TODAY) is None


@given(st.integers(0, 299), st.dates(date(2024, 1, 1), date(2030, 1, 1)))
def test_every_near_day_is_read_without_its_year(ahead: int, today: date) -> None:
    """Whatever the turn of the year or the leap day."""
    day = today + timedelta(days=ahead)
    assert coming_day(f"{day.day}/{day.month}", today) == day


@given(st.text(max_size=40))
def test_nothing_typed_breaks_it(typed: str) -> None:
    """Any text is a day to come, or none."""
    found = coming_day(typed, TODAY)
    assert found is None or found >= TODAY
