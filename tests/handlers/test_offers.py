"""Typed answers to buttons: numbers, number words, labels with or without marks, typing errors."""

import pytest

from handlers.chat import StoredButton
from handlers.offers import find_pressed

OFFERED = (
    StoredButton("Xem chi tiết", "a"),
    StoredButton("Có ích", "b"),
    StoredButton("Chưa đúng", "c"),
    StoredButton("Hỏi cán bộ", "d"),
)


@pytest.mark.parametrize(
    "text",
    ["2", "số 2", "so 2", "chọn 2", "chon so 2", "hai", "Hai ạ", "2.", "(2)", "bấm 2",
     "câu 2", "em chọn 2", "mục 2 nhé",
     "có ích", "co ich", "CO ICH", "Có  ích!", "cho em số 2", "lấy số hai", "thứ 2", "ý 2", "phương án 2",
     "nút 2"],
)  # fmt: skip
def test_second_button_is_pressed(text: str) -> None:
    """Many ways to say the same choice."""
    pressed = find_pressed(text, OFFERED)
    assert pressed is not None and pressed.action == "b"


@pytest.mark.parametrize(
    ("text", "action"),
    [("hoi can bo", "d"), ("hỏi cán bô", "d"), ("xem chi tiêt", "a"), ("chua dungg", "c"), ("xem chi tiet", "a")],
)
def test_misspelt_label_is_understood(text: str, action: str) -> None:
    """A slip of the thumb still presses the button that was meant."""
    pressed = find_pressed(text, OFFERED)
    assert pressed is not None and pressed.action == action


@pytest.mark.parametrize(
    "text",
    ["5", "0", "99", "công ty trả lương trễ 2 tháng",
     "nghỉ 2 ngày có lương không", "hỏi cán bộ công đoàn về tiền lương",
     "có", "chi tiết tiền thai sản", "", "   ", "hai vợ chồng cùng nghỉ được không"],
)  # fmt: skip
def test_message_of_its_own_presses_nothing(text: str) -> None:
    """A question that happens to hold a number or a word of a button stays a question."""
    assert find_pressed(text, OFFERED) is None


def test_two_labels_alike_are_never_guessed_between() -> None:
    """Pressing the wrong one of two would be worse than asking again."""
    alike = (StoredButton("Công ty A", "a"), StoredButton("Công ty A", "b"))
    assert find_pressed("cong ty a", alike) is None


def test_link_buttons_have_no_number() -> None:
    """Only what can be pressed is counted."""
    offered = (StoredButton("Trang web", url="https://example.org"), StoredButton("Tiếp tục", "go"))
    pressed = find_pressed("1", offered)
    assert pressed is not None and pressed.action == "go"
