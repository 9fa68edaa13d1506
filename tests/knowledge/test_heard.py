"""What members asked in vain becomes groups, what they said of answers a list, and a broken file a clear sentence."""

import json
import random
from datetime import date, timedelta
from pathlib import Path

import pytest

from knowledge.__main__ import main
from knowledge.answer import Answerer, Outcome
from knowledge.curate import CurateError
from knowledge.groups import group_questions
from knowledge.heard import Heard, Remark, Unanswered, read_heard
from knowledge.report import MOST_GROUPS, MOST_NOTES, one_line, report_heard

from .answers import TODAY, make_answerer

BUS = [
    "xe đưa rước bỏ tuyến thì ai đền",
    "xe dua ruoc bo tuyen",
    "Xe đưa rước công nhân bỏ tuyến!!",
    "xe ddưa rước bỏ tuyến",
]
MEALS = ["suất ăn ca bị ôi thiu", "suat an ca oi thiu thi bao ai", "bếp ăn cho suất ăn ca ôi thiu"]


@pytest.fixture
def answerer(tmp_path: Path) -> Answerer:
    return make_answerer(tmp_path)


def asked(texts: list[str], outcome: Outcome = Outcome.ABSTAIN) -> list[Unanswered]:
    return [Unanswered(text, outcome, TODAY - timedelta(days=number)) for number, text in enumerate(texts)]


def test_the_same_wish_in_other_words_is_one_group(answerer: Answerer) -> None:
    """Marks, slips and the order of words do not part what belongs together; the largest group comes first."""
    found = group_questions(asked(BUS) + asked(MEALS, Outcome.ASK_BACK), answerer, TODAY)
    assert [{row.question for row in one.asked} for one in found] == [set(BUS), set(MEALS)]
    bus, meals = found
    assert (bus.first, bus.last) == (TODAY - timedelta(days=3), TODAY)
    assert (bus.count(Outcome.ABSTAIN), meals.count(Outcome.ASK_BACK)) == (4, 3)
    assert bus.example in BUS


def test_groups_name_the_entry_that_comes_nearest(answerer: Answerer) -> None:
    """A curator sees at once whether a phrasing or an entry is missing."""
    (one,) = group_questions(asked(["đám cưới của em họ"]), answerer, TODAY)
    assert one.nearest == "nghi-cuoi"
    assert 0 < one.chance < 1
    (other,) = group_questions(asked(["???"]), answerer, TODAY)
    assert (other.nearest, other.chance) == (None, 0.0)


def test_the_order_of_the_file_makes_no_difference(answerer: Answerer) -> None:
    """The same questions give the same groups, whoever asked first."""
    rows = asked(BUS + MEALS + ["", "😀", "cưới chạy", "no luong"])
    expected = group_questions(rows, answerer, TODAY)
    for seed in range(5):
        random.Random(seed).shuffle(rows)
        assert group_questions(rows, answerer, TODAY) == expected


def test_the_report_shows_groups_and_answers_called_wrong(answerer: Answerer) -> None:
    """Count, age, example and nearest entry of a group; count, notes and newest day of feedback, worst first."""
    said = [
        Remark("nghi-cuoi", True, date(2026, 11, 19), "cưới vợ nghỉ mấy hôm", "sai ngày"),
        Remark("nghi-cuoi", True, date(2026, 11, 21), "con cưới", ""),
        Remark("nghi-cuoi", False, date(2026, 11, 21)),
        Remark("no-luong", False, date(2026, 11, 21)),
        Remark("da-xoa", True, date(2026, 11, 20)),
    ]
    shown = report_heard(Heard(tuple(asked(BUS)), tuple(said)), answerer, TODAY)
    for part in ("4 lần", "2026-11-18", "2026-11-21", "2 lần chưa đúng, 1 lần có ích", "sai ngày", "con cưới"):
        assert part in shown
    assert "1 lần kể từ lần đọc lại ngày 2026-11-20" in shown
    assert "no-luong: " not in shown
    assert shown.index("nghi-cuoi:") < shown.index("da-xoa:")


def test_what_is_not_shown_is_counted(answerer: Answerer) -> None:
    """A long list ends with how much is left, so nobody takes it for all."""
    texts = [
        f"{first}{second}" for first in "bcdghklmnp" for second in ("ôông", "uuyp", "ẻeng", "iiuô", "aakh", "ooiy")
    ]
    said = [Remark("nghi-cuoi", True, TODAY, note=f"ghi chú {number}") for number in range(MOST_NOTES + 2)]
    heard = Heard(tuple(asked(texts)), tuple(said))
    groups = len(group_questions(heard.asked, answerer, TODAY))
    assert groups > MOST_GROUPS
    shown = report_heard(heard, answerer, TODAY)
    assert f"còn {groups - MOST_GROUPS} nhóm" in shown
    assert "và 2 lời báo cũ hơn" in shown


def test_nothing_heard_is_a_report_too(answerer: Answerer) -> None:
    """An empty file is good news, not an error."""
    assert "0" in report_heard(Heard(), answerer, TODAY)


def test_words_of_members_cannot_command_a_terminal() -> None:
    """One line, cut, without escape signs."""
    assert one_line("a\x1b[31m\nb\x00 c\u202e") == "a [31m b c"
    assert len(one_line("chữ " * 100)) == 160


def written(folder: Path, *lines: str) -> Path:
    path = folder / "heard.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def row(**values: object) -> str:
    whole = {"kind": "unanswered", "question": "a", "outcome": "abstain", "day": "2026-11-20"} | values
    return json.dumps({key: value for key, value in whole.items() if value is not None})


def test_a_file_is_read(tmp_path: Path) -> None:
    """Rows of both kinds; empty lines and keys of later versions do no harm."""
    feedback = row(kind="feedback", entry="e", verdict="wrong", question=None, outcome=None, later=1)
    heard = read_heard(written(tmp_path, row(), "", feedback, ""))
    assert heard.asked == (Unanswered("a", Outcome.ABSTAIN, date(2026, 11, 20)),)
    assert heard.said == (Remark("e", True, date(2026, 11, 20)),)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("{", "JSON"),
        ("[]", "JSON"),
        ("null", "JSON"),
        (row(kind="account"), "kind"),
        (row(kind=None), "kind"),
        (row(question=7), "question"),
        (row(question=None), "question"),
        (row(outcome="maybe"), "outcome"),
        (row(day="20/11/2026"), "day"),
        (row(day=None), "day"),
        (row(kind="feedback", entry="e", verdict="so-so"), "verdict"),
        (row(kind="feedback", verdict="wrong"), "entry"),
    ],
)
def test_a_bad_line_is_named_with_its_number(tmp_path: Path, line: str, named: str) -> None:
    """The curator learns which line and what is wrong, and reads no words of members in an error."""
    with pytest.raises(CurateError) as caught:
        read_heard(written(tmp_path, row(), line))
    assert "dòng 2" in str(caught.value)
    assert named in str(caught.value)


def test_bytes_that_are_no_text_are_a_bad_line_too(tmp_path: Path) -> None:
    """A file in another encoding does not end in a trace."""
    path = tmp_path / "heard.jsonl"
    path.write_bytes(row().encode() + b"\n\xff\xfe\n")
    with pytest.raises(CurateError, match="dòng 2"):
        read_heard(path)


def test_many_bad_lines_are_counted(tmp_path: Path) -> None:
    """Ten are named, the rest counted."""
    with pytest.raises(CurateError) as caught:
        read_heard(written(tmp_path, *["{"] * 25))
    assert "dòng 10" in str(caught.value)
    assert "dòng 11" not in str(caught.value)
    assert "15" in str(caught.value)


def test_the_command_says_what_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing or broken file ends with a sentence and exit code 1."""
    assert main(["report", "--questions", str(tmp_path / "none.jsonl")]) == 1
    assert "none.jsonl" in capsys.readouterr().out
    assert main(["report", "--questions", str(written(tmp_path, "{"))]) == 1
    assert "dòng 1" in capsys.readouterr().out


def test_the_report_tells_where_the_questions_come_from(capsys: pytest.CaptureFixture[str]) -> None:
    """Without the file the report names the command that writes it."""
    assert main(["report"]) == 0
    assert "python -m bot questions export" in capsys.readouterr().out
