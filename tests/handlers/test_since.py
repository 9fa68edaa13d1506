"""Legal limits are counted from the earliest day the worker may mean."""

from datetime import date

import pytest

from handlers.cases.since import read_since

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("told", "day"),
    [
        ("từ tháng 3/2026", date(2026, 3, 1)),
        ("tháng 3", date(2026, 3, 1)),
        ("kể từ tháng 8 năm nay", date(2026, 8, 1)),
        ("năm 2025", date(2025, 1, 1)),
        ("15/3/2026", date(2026, 3, 15)),
        ("từ ngày 15 tháng 3 năm 2026", date(2026, 3, 15)),
        ("cách đây 2 tuần", date(2026, 11, 9)),
        ("lâu lắm rồi", None),
        ("", None),
    ],
)
def test_since_is_the_earliest_day_that_may_be_meant(told: str, day: date | None) -> None:
    """A month or a year means its first day here: a limit shown too late would cost the worker their right."""
    assert read_since(told, TODAY) == day
