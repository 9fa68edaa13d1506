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
LONG = (
    StoredButton("Công ty nợ lương thì phải làm gì?", "e1"),
    StoredButton("Trả lương chậm bị phạt bao nhiêu?", "e2"),
    StoredButton("Không phải các ý này", "none"),
)
FORM = (StoredButton("Nam", "m"), StoredButton("Nữ", "f"), StoredButton("Bỏ qua", "skip"))
YES_NO = (StoredButton("Có", "yes"), StoredButton("Không", "no"))
MANY = tuple(StoredButton(f"Câu hỏi số {number} về {topic}", str(number)) for number, topic in enumerate(
    ("lương", "phép", "thai sản", "ốm đau", "tai nạn", "hợp đồng", "thử việc", "sa thải", "kỷ luật", "tăng ca",
     "nghỉ lễ", "hưu trí"), start=1))  # fmt: skip

SECOND = [
    "2", " 2 ", "2.", "2)", "(2)", "[2]", "2,", "2!", "2 !!", "2?", "#2", "/2", "*2", "2/", "2-", "-2", "2:", "“2”",
    "02", "2️⃣", "②", "２", "2 👍", "2 :)", "số 2", "so 2", "Số 2", "SỐ 2", "so2", "Số2", "sô 2", "số 2.", "số 2 ạ",
    "số 2 nha", "số 2 nhé em", "số 2 đi ad", "số 2 đó", "số 2 này", "số hai", "so hai", "số hai nhé", "hai", "Hai",
    "HAI", "hai ạ", "hai nha", "hai đi", "hai nhé", "dạ hai", "dạ 2", "dạ số 2 ạ", "dạ em chọn số 2 ạ", "vâng 2",
    "vâng số 2", "ok 2", "ok số 2", "oke 2 nha", "rồi 2", "thế 2 nhé", "chọn 2", "chon 2", "Chọn 2", "chọn hai",
    "chon hai di", "chọn số 2", "chon so 2", "chọn số hai", "chọn mục 2", "chọn câu 2", "chọn ý 2", "chọn cái 2",
    "chọn cái số 2", "chọn cái thứ 2", "chọn cái thứ hai", "chọn dòng 2", "chọn 2 nha", "chọn 2 nhé ad", "chọn 2 rồi",
    "chọn 2 rồi đó", "chọn 2 đi em", "chonj 2", "chonj soos 2", "soos 2", "chọ 2", "chọm 2", "bấm 2", "bam 2",
    "bấm 2 nha", "bấm số 2", "bấm nút 2", "bấm nút số 2", "bấm vào 2", "bấm vào số 2", "ấn 2", "an so 2", "ấn phím 2",
    "nhấn 2", "nhấn phím 2", "nhan so 2", "nhấn nút 2 nhé", "click 2", "tick 2", "nút 2", "nut 2", "nut2", "nút số 2",
    "nút thứ hai", "phím 2", "mục 2", "muc 2", "mục số 2", "mục 2 nhé", "mục hai", "mục thứ 2", "câu 2", "cau 2",
    "câu số 2", "câu thứ 2", "câu thứ hai ạ", "ý 2", "y 2", "ý thứ hai", "ý số hai", "cái 2", "cái số 2", "cái thứ 2",
    "cái thứ hai", "cái thứ nhì", "cái thứ hai đó em", "dòng 2", "dòng thứ 2", "dòng thứ hai", "thứ 2", "thứ hai",
    "thứ nhì", "thu 2", "phần 2", "phương án 2", "phương án hai", "lựa chọn 2", "lua chon 2", "lựa chọn số 2",
    "lựa chọn là số 2", "đáp án 2", "đáp án là 2", "đáp án số 2", "trả lời 2", "trả lời: 2", "option 2", "stt 2",
    "em 2", "em 2 ạ", "em số 2", "em chọn 2", "em chọn số 2 ạ", "e chọn 2", "e chon so 2", "em bấm 2",
    "em bấm số 2 rồi", "em muốn số 2", "em muốn chọn số 2", "em lấy số 2", "em xin số 2", "em cần số 2", "tôi chọn 2",
    "toi chon 2", "tui chọn 2", "mình chọn 2", "mk chọn 2", "t chọn 2", "tao chọn 2", "con chọn 2 ạ",
    "cháu chọn số 2", "chị chọn 2", "anh chọn số 2 nhé", "cho em 2", "cho em số 2", "cho em số 2 với", "cho e 2 nha",
    "cho tôi số 2", "cho mình số 2", "cho chị số 2", "cho xem số 2", "cho em xem mục 2", "cho em hỏi câu 2", "lấy 2",
    "lấy số 2", "lấy số hai", "lay cai 2", "xem 2", "xem số 2", "xem mục 2", "xem câu 2 đi", "coi số 2", "coi câu 2",
    "mở 2", "mở mục 2", "đọc câu 2", "hỏi câu 2", "vào mục 2", "qua mục 2", "giúp em số 2", "nhờ ad chọn số 2", "2 ạ",
    "2 a", "2 nha", "2 nhé", "2 nhe", "2 đi", "2 nè", "2 luôn", "2 với", "2 đó", "2 thôi", "2 ad ơi", "2 em ơi",
    "2 nha em", "2 nhé chị", "2 ạ em cảm ơn", "2 cảm ơn", "2 tks", "2 please", "2 được không", "2 dc ko", "2 giúp em",
    "chọn 2 ngay", "chọn 2 nghe", "gửi 2", "nhập 2", "gõ 2", "rep 2", "theo số 2", "2 nhaaa", "2 nghen",
    "hai nghen ad", "làm ơn cho số 2", "chắc là 2", "bấm dùm em số 2", "số hai (2)", "2 (hai)",
    "em xin phép chọn số 2", "nhấn vô số 2", "bấm vô 2", "so hai di e", "dạ vâng 2", "2 nhen",
]  # fmt: skip

WORDS = [
    *((OFFERED, "b", text) for text in (
        "có ích", "co ich", "CO ICH", "Có  ích!", "coich", "có ích ạ", "có ích nha", "dạ có ích", "dạ có ích ạ",
        "chọn có ích", "bấm có ích", "bấm nút có ích", "em chọn có ích", "nút có ích", "2. Có ích", "2 co ich",
        "số 2 có ích", "2) có ích", "co ích", "có ich", "có ích cảm ơn ad")),
    *((OFFERED, "a", text) for text in (
        "xem chi tiết", "xem chi tiet", "Xem chi tiêt", "xem chi tiết nha", "xem chi tiết đi", "xem chi tiet nhe",
        "cho em xem chi tiết", "cho em xem chi tiết với", "em muốn xem chi tiết", "xemchitiet", "xem chi tiett",
        "xen chi tiet", "bấm xem chi tiết", "1. Xem chi tiết", "cho xem chi tiết ạ", "số 1")),
    *((OFFERED, "c", text) for text in (
        "chưa đúng", "chua dung", "chưa đúng ạ", "chua dungg", "chưa dúng")),
    *((OFFERED, "d", text) for text in (
        "hỏi cán bộ", "hoi can bo", "Hỏi cán bộ đi", "em muốn hỏi cán bộ", "cho em hỏi cán bộ", "hỏi cán bô",
        "hoi can bo nha", "hỏi cb", "nút hỏi cán bộ", "bấm nút hỏi cán bộ", "4. Hỏi cán bộ", "cái cuối", "cuối cùng",
        "mục cuối cùng", "dòng cuối", "chọn cái cuối nha", "số bốn", "số tư", "bốn", "bon", "tư")),
    *((OFFERED, "a", text) for text in ("đầu tiên", "cái đầu", "cái đầu tiên", "dòng đầu tiên", "cái thứ nhất",
                                        "thứ nhất", "số một", "một", "1")),
    *((LONG, "e1", text) for text in (
        "Công ty nợ lương thì phải làm gì?", "cong ty no luong thi phai lam gi", "1. Công ty nợ lương thì phải làm gì?",
        "công ty nợ lương thì phải làm j", "cong ty no luong thi phai lam gi vay")),
    *((LONG, "none", text) for text in ("không phải các ý này", "ko phải các ý này", "khong phai cac y nay",
                                        "ba", "3")),
    *((FORM, "m", text) for text in ("Nam", "nam", "nam ạ", "dạ nam", "em chọn nam", "1")),
    *((FORM, "f", text) for text in ("Nữ", "nu", "nữ ạ", "2", "hai")),
    *((FORM, "skip", text) for text in ("bỏ qua", "bo qua", "bỏ qua đi", "em bỏ qua ạ", "3")),
    *((YES_NO, "yes", text) for text in ("có", "co", "có ạ", "dạ có", "em có", "dạ có ạ", "1")),
    *((YES_NO, "no", text) for text in ("không", "khong", "ko", "k", "dạ không", "không ạ", "dạ ko ạ", "hông", "2")),
    *((MANY, str(number), text) for number, text in (
        (10, "10"), (10, "mười"), (10, "số mười"), (11, "11"), (11, "mười một"), (11, "muoi mot"), (12, "mười hai"),
        (12, "số 12 ạ"), (7, "bảy"), (7, "bẩy nhé"), (5, "năm"), (5, "số năm"), (5, "lăm"), (9, "chín"),
        (8, "câu tám"))),
]  # fmt: skip

NO_PRESS = [
    "2 tháng lương", "công ty có 2 người", "hai năm rồi", "5", "0", "99", "công ty trả lương trễ 2 tháng",
    "nghỉ 2 ngày có lương không", "hỏi cán bộ công đoàn về tiền lương", "có", "chi tiết tiền thai sản", "", "   ",
    "hai vợ chồng cùng nghỉ được không", "2 người", "2 con", "2 đứa con", "em có 2 con", "2 triệu", "2tr", "2k", "2h",
    "2h chiều", "2 giờ", "2 ngày", "2 tuần", "2 năm", "2 lần", "2 bên", "2/9", "2-9", "02/09", "2/9/2026", "2%",
    "2.5", "2,5 triệu", "2 ngàn", "ngày 2", "tháng 2", "thứ 2 này", "thứ hai này em nghỉ", "năm 2", "năm hai",
    "lớp 2", "ca 2", "vùng 2", "điều 2", "khoản 2", "bậc 2", "lần 2", "con thứ 2", "con thứ hai", "bé thứ hai",
    "em bé thứ 2", "sinh đôi", "anh hai", "anh hai ơi", "chị hai", "chú tư", "cô ba", "ba em", "ba mẹ em", "ba ơi",
    "hai anh em", "hai chị em", "hai bên thỏa thuận", "hai tháng chưa có lương", "một mình em", "một chút nữa",
    "tư vấn giúp em", "bốn tháng rồi", "bà", "hại", "mốt đi làm", "2 em", "em 20 tuổi", "cho em 2 ngày phép",
    "xin 2 ngày", "chọn 2 ngày nào nghỉ", "được 2 năm", "làm ca 2 có phụ cấp không", "1 hay 2", "1 và 2", "1 2",
    "2 với 3", "số 2 đường Nguyễn Trãi", "bị trừ 2 ngày công", "nợ 2", "còn 2 tháng nữa sinh", "lương tháng 2",
    "em hỏi 2 câu", "2+2", "$2", "100", "222", "số điện thoại 0901234567", "có ích gì không", "chưa đúng chỗ nào",
    "xem chi tiết lương ở đâu", "hỏi", "cho em hỏi", "em muốn hỏi", "cán bộ", "đúng", "xem", "ok", "dạ", "cảm ơn ad",
    "3. Có ích", "2 nghề", "2 ngay", "2 ha", "2 đi làm 1 nghỉ", "hai rồi", "2 rồi", "em nghỉ thứ 2", "nghỉ thứ hai",
    "thứ 2 tuần sau", "tổ 2", "quý 2", "2 mẹ con em", "nhất trí", "hợp đồng thứ 2", "cho em 2 bản", "bảy tháng",
    "2 chiều", "5 ạ", "số 7 nhé",
]  # fmt: skip


def pressed_by(offered: tuple[StoredButton, ...], text: str) -> str | None:
    button = find_pressed(text, offered)
    return button.action if button else None


def test_number_or_words_press_in_99_of_100_ways_of_typing_them() -> None:
    """Where nobody can press, what people type is understood: two hundred ways and more, with at most one in a hundred
    missed, and none taken for another button."""
    ways = [*((OFFERED, "b", text) for text in SECOND), *WORDS]
    assert len(set(ways)) == len(ways) >= 200
    found = {(text, action): pressed_by(offered, text) for offered, action, text in ways}
    missed = [text for (text, _), pressed in found.items() if pressed is None]
    wrong = [text for (text, action), pressed in found.items() if pressed not in (None, action)]
    share = 1 - len(missed) / len(ways)
    print(f"typed presses: {len(ways)} ways, {share:.1%} understood, {len(wrong)} wrong")  # noqa: T201  # the figure
    assert wrong == []
    assert share >= 0.99, missed


def test_message_of_its_own_presses_nothing() -> None:
    """A question that happens to hold a number or a word of a button stays a question."""
    assert len(set(NO_PRESS)) == len(NO_PRESS) >= 60
    assert [text for text in NO_PRESS if pressed_by(OFFERED, text) is not None] == []


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(SECOND, id="numbers"),
        pytest.param(NO_PRESS, id="messages"),
    ],
)
def test_nothing_is_pressed_where_nothing_is_offered(texts: list[str]) -> None:
    """Without buttons every text is a message."""
    assert [text for text in texts if find_pressed(text, ()) is not None] == []


def test_two_labels_alike_are_never_guessed_between() -> None:
    """Pressing the wrong one of two would be worse than asking again."""
    alike = (StoredButton("Công ty A", "a"), StoredButton("Công ty A", "b"))
    assert find_pressed("cong ty a", alike) is None


def test_the_same_button_shown_twice_is_one() -> None:
    """Two messages of one answer may both offer the way to an officer."""
    twice = (StoredButton("Hỏi cán bộ", "d"), StoredButton("Về menu", "m"), StoredButton("Hỏi cán bộ", "d"))
    assert pressed_by(twice, "hoi can bo") == "d"
    assert pressed_by(twice, "hỏi cán bô") == "d"


def test_labels_that_differ_by_a_number_are_told_apart() -> None:
    """A slip of the thumb is forgiven only where one label is clearly nearer than the others."""
    assert pressed_by(MANY, "câu hỏi số 3 về thai sản") == "3"
    assert pressed_by(MANY, "cau hoi so 12 ve huu tri") == "12"
    assert pressed_by(MANY, "câu hỏi số 2 về lương") is None


def test_link_buttons_have_no_number() -> None:
    """Only what can be pressed is counted."""
    offered = (StoredButton("Trang web", url="https://example.org"), StoredButton("Tiếp tục", "go"))
    pressed = find_pressed("1", offered)
    assert pressed is not None and pressed.action == "go"
