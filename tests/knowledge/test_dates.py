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
        ("nghỉ sinh hồi tháng 3/2025 được bao nhiêu", date(2025, 3, 31)),
        ("bị phạt ngày 5-6-2025", date(2025, 6, 5)),
        ("năm 2024 sinh con được bao nhiêu", date(2024, 12, 31)),
        ("tháng 8 năm 2025 bị cắt giảm", date(2025, 8, 31)),
        ("t2/2024 bị ốm", date(2024, 2, 29)),
        ("năm ngoái em bị sa thải", date(2025, 12, 31)),
        ("lương tối thiểu năm 2027", date(2027, 12, 31)),
        ("ngày 5 tháng 3 năm 2025 bị ngã giàn giáo", date(2025, 3, 5)),
        ("20/10 năm ngoái bị trừ thưởng", date(2025, 10, 20)),
        ("tháng 3 năm ngoái cho nghỉ", date(2025, 3, 31)),
        ("thang 3 nam nay sinh be", date(2026, 3, 31)),
        ("năm kia em sinh con", date(2024, 12, 31)),
        ("năm rồi công ty này nợ lương", date(2025, 12, 31)),
        ("hồi năm trước em bị tai nạn", date(2025, 12, 31)),
        ("hồi đầu năm ngoái ký hợp đồng", date(2025, 3, 31)),
        ("giữa năm 2025 bị chuyển việc", date(2025, 6, 30)),
        ("đầu năm nay công ty không đóng", date(2026, 3, 31)),
        ("hồi đầu năm bị cho thôi", date(2026, 3, 31)),
        ("tháng trước em nghỉ việc", date(2026, 10, 31)),
        ("thang roi bi duoi", date(2026, 10, 31)),
        ("tháng vừa rồi lương chậm", date(2026, 10, 31)),
        ("hồi tháng 3 té cầu thang", date(2026, 3, 31)),
        ("hồi tháng 12 bị phạt", date(2025, 12, 31)),
        ("cách đây 2 năm bị sa thải", date(2024, 11, 21)),
        ("cach day khoang hai nam", date(2024, 11, 21)),
        ("cách đây 3 tháng", date(2026, 8, 21)),
        ("cách đây 10 ngày", date(2026, 11, 11)),
        ("2 năm trước em nghỉ đẻ", date(2024, 11, 21)),
        ("hồi 3 năm về trước", date(2023, 11, 21)),
        ("tết 2025 có đi làm", date(2025, 2, 28)),
        ("tết âm lịch năm 2024", date(2024, 2, 29)),
        ("hôm tết năm kia bị tai nạn", date(2024, 2, 29)),
        ("tet nam ngoai truc ca", date(2025, 2, 28)),
        ("tết vừa rồi không có thưởng", date(2026, 2, 28)),
    ],
)
def test_a_day_said_of_something_that_happened_counts(text: str, day: date) -> None:
    """A month or a year means its last day, Tết the last of February, "đầu năm" the last of March."""
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
        "tháng này được mấy ngày phép",
        "thang nay luong cham",
        "năm nay lương bao nhiêu",
        "làm 5 năm rồi",
        "mấy năm rồi chưa tăng lương",
        "cả tháng rồi chưa có lương",
        "các tháng trước",
        "báo trước 1 tháng trước khi nghỉ",
        "phải báo 3 tháng trước không",
        "bình quân 6 tháng trước khi nghỉ",
        "năm trước khi sinh phải đóng 6 tháng",
        "phép năm trước dồn qua được không",
        "đóng từ năm kia đến giờ",
        "từ tháng trước tới nay",
        "3 năm 5 tháng trước 2014",
        "thứ năm vừa rồi mất điện",
        "28 tết rồi mà chưa có lương",
        "tết này nghỉ mấy ngày",
        "tết năm nay nghỉ mấy ngày",
        "trước tết 2025",
        "cuối năm nay nghỉ",
        "",
    ],
)
def test_other_numbers_do_not(text: str) -> None:
    """Ends of a stretch, a year of birth, the year of a law, the current year, so many years, and what is no day."""
    assert day_spoken_of(text, TODAY) is None


@pytest.mark.parametrize(
    ("text", "today", "day"),
    [
        ("tết vừa rồi", date(2026, 1, 15), date(2025, 2, 28)),
        ("hồi đầu năm", date(2026, 2, 1), None),
        ("tháng trước", date(2026, 1, 5), date(2025, 12, 31)),
        ("cách đây 1 năm", date(2028, 2, 29), date(2027, 2, 28)),
        ("hồi tháng 2", date(2026, 2, 15), date(2025, 2, 28)),
    ],
)
def test_what_is_relative_is_counted_from_today(text: str, today: date, day: date | None) -> None:
    """A wish early in the year looks back into the last."""
    assert day_spoken_of(text, today) == day
