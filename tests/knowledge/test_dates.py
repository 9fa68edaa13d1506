"""The day a message speaks of."""

from datetime import date

import pytest

from knowledge.dates import day_spoken_of

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("tai nạn hồi tháng 3/2025", date(2025, 3, 31)),
        ("tai nan hoi thang 3/2025", date(2025, 3, 31)),
        ("ngày 5/6/2025 em bị tai nạn", date(2025, 6, 5)),
        ("bị phạt ngày 5-6-2025", date(2025, 6, 5)),
        ("năm 2024 sinh con được bao nhiêu", date(2024, 12, 31)),
        ("tháng 8 năm 2025 bị cắt giảm", date(2025, 8, 31)),
        ("t2/2024 bị ốm", date(2024, 2, 29)),
        ("năm ngoái em bị sa thải", date(2025, 12, 31)),
        ("lương tối thiểu năm 2027", date(2027, 12, 31)),
    ],
)
def test_a_day_said_of_something_that_happened_counts(text: str, day: date) -> None:
    """A month or a year means its last day."""
    assert day_spoken_of(text, TODAY) == day


@pytest.mark.parametrize(
    "text",
    [
        "nghỉ thai sản mấy tháng",
        "em đóng từ 2016 đến 2018",
        "đóng từ tháng 3/2019 đến nay",
        "giờ em nghỉ từ 3/2025 thì rút được chưa",
        "nữ sinh năm 1979",
        "sinh ngày 5/6/1979 về hưu năm nào",
        "bộ luật lao động năm 2019",
        "lương tối thiểu năm 2026",
        "tháng 13/2025",
        "99/99/2025",
        "5.000.000 đồng",
        "",
    ],
)
def test_other_numbers_do_not(text: str) -> None:
    """Ends of a stretch, a year of birth, the year of a law, the current year, and what is no day at all."""
    assert day_spoken_of(text, TODAY) is None
