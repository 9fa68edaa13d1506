"""An editor says when a bulletin goes out the way people say it, and sees the next five dates before it is kept."""

from datetime import date, datetime, time, timedelta

import pytest

from handlers.bulletins.recurrences import Repeat
from handlers.bulletins.timing import Timing
from handlers.bulletins.timing_words import describe_timing
from handlers.bulletins.when_words import read_span, read_when
from handlers.feature import VIETNAM
from tests.handlers.test_bulletin_desk import NOW, act, editor, only, written
from tests.small_tree import Tree
from tests.talk import Member, Talk

SATURDAY = datetime(2026, 11, 21, 10, tzinfo=VIETNAM)


@pytest.mark.parametrize(
    ("words", "once_at"),
    [
        ("8h sáng mai", "2026-11-22T08:00"),
        ("24/12 9:00", "2026-12-24T09:00"),
        ("9h 24/12", "2026-12-24T09:00"),
        ("ngày 24/12/2026 lúc 9 giờ 30", "2026-12-24T09:30"),
        ("24 tháng 12 lúc 14h", "2026-12-24T14:00"),
        ("8 giờ rưỡi tối nay", "2026-11-21T20:30"),
        ("8g30 sáng thứ tư", "2026-11-25T08:30"),
        ("thứ 2 tuần sau 9h", "2026-11-23T09:00"),
        ("thứ 2 tới 9h", "2026-11-23T09:00"),
        ("chủ nhật 8h tối", "2026-11-22T20:00"),
        ("cn 20h", "2026-11-22T20:00"),
        ("3h chiều mai", "2026-11-22T15:00"),
        ("12h trưa mai", "2026-11-22T12:00"),
        ("mai", "2026-11-22T08:00"),
        ("chieu mai", "2026-11-22T14:00"),
        ("20h", "2026-11-21T20:00"),
        ("7h", "2026-11-22T07:00"),
        ("5/1", "2027-01-05T08:00"),
        ("2 tiếng nữa", "2026-11-21T12:00"),
        ("8h sáng mai nhé em", "2026-11-22T08:00"),
    ],
)
def test_once(words: str, once_at: str) -> None:
    """A day without an hour is 8:00, an hour without a day is the next one, a date without a year as well."""
    read = read_when(words, SATURDAY, Timing())
    assert read == Timing(once_at=datetime.fromisoformat(once_at).replace(tzinfo=VIETNAM))


@pytest.mark.parametrize(
    ("words", "timing"),
    [
        ("hằng ngày 7h30", Timing(Repeat.DAILY, at=time(7, 30))),
        ("mỗi sáng 6h", Timing(Repeat.DAILY, at=time(6))),
        ("thứ 2 hằng tuần 8h", Timing(Repeat.WEEKLY, weekdays=(1,))),
        ("8h sáng thứ hai hàng tuần", Timing(Repeat.WEEKLY, weekdays=(1,))),
        ("thứ 2, thứ 5 hàng tuần lúc 9h", Timing(Repeat.WEEKLY, at=time(9), weekdays=(1, 4))),
        ("thứ 2, 4, 6 hằng tuần 7h", Timing(Repeat.WEEKLY, at=time(7), weekdays=(1, 3, 5))),
        ("t2-t6 7:30", Timing(Repeat.WEEKLY, at=time(7, 30), weekdays=(1, 2, 3, 4, 5))),
        ("thứ năm hằng tuần", Timing(Repeat.WEEKLY, weekdays=(4,))),
        ("mỗi chủ nhật 9h", Timing(Repeat.WEEKLY, at=time(9), weekdays=(7,))),
        ("ngày 15 hằng tháng 8h", Timing(Repeat.MONTHLY, day=15)),
        ("mùng 5 hàng tháng", Timing(Repeat.MONTHLY, day=5)),
        ("cuối tháng 17h", Timing(Repeat.MONTHLY, at=time(17), day=31)),
        ("0 8 * * 1", Timing(Repeat.CRON, cron="0 8 * * 1")),
        ("gửi ngay", Timing()),
    ],
)
def test_again_and_again(words: str, timing: Timing) -> None:
    """Weekdays, days of the month, and cron for those who know it."""
    assert read_when(words, SATURDAY, Timing()) == timing


@pytest.mark.parametrize(
    "words",
    ["", "lung tung", "hôm nay 8h", "1/1/2020 8h", "31/2 8h", "25h mai", "8h và 9h", "12h đêm mai", "61 * * * *"],
)
def test_what_is_not_understood_or_past_is_not_guessed(words: str) -> None:
    """A number that was not understood might change everything."""
    assert read_when(words, SATURDAY, Timing()) is None


def test_what_is_not_spoken_of_stays() -> None:
    """Another hour keeps how late it may be and how it is spread."""
    before = Timing(Repeat.DAILY, expires_hours=6, spread_minutes=60)
    read = read_when("thứ 2 hằng tuần 8h", SATURDAY, before)
    assert read == Timing(Repeat.WEEKLY, weekdays=(1,), expires_hours=6, spread_minutes=60)


def test_days_from_and_until() -> None:
    """For days to come the next such day is meant, for days that were the last one."""
    today = SATURDAY.date()
    assert read_span("từ 1/12 đến 31/12", today) == (date(2026, 12, 1), date(2026, 12, 31))
    assert read_span("đến 30/6/2027", today) == (None, date(2027, 6, 30))
    assert read_span("từ 1/12", today, is_past=True) == (date(2025, 12, 1), None)
    assert read_span("từ 5/12 đến 1/12/2026", today) is None
    assert read_span("từ 1/12 đến 99/9", today) is None
    assert read_span("hồi đó", today) is None


def test_editor_is_told_who_would_be_asleep() -> None:
    """News that is stale before the afternoon does not reach those on night shift, and that is said beforehand."""
    told = "\n".join(describe_timing(Timing(once_at=SATURDAY, expires_hours=2), SATURDAY - timedelta(hours=1)))
    assert "ca đêm sẽ không nhận được" in told
    assert "sẽ không nhận được" not in "\n".join(describe_timing(Timing(), SATURDAY))


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces, on Monday morning."""
    talk.moment = NOW
    return Tree.plant(talk.database, talk.today - timedelta(days=400))


async def asked_when(talk: Talk, tree: Tree) -> Member:
    """An editor at the question when it goes out."""
    writer = await editor(talk, tree)
    await written(writer)
    await act(writer, only(talk), "timing")
    return writer


def kept(talk: Talk) -> Timing:
    """The timing as it is stored."""
    return Timing.from_json(only(talk).timing)


async def test_editor_types_when_and_sees_the_next_five_dates(talk: Talk, tree: Tree) -> None:
    """Nothing is kept before it was seen and saved."""
    writer = await asked_when(talk, tree)
    await writer.says("thứ 2 hằng tuần 8h")
    writer.hears("08:00 thứ Hai hằng tuần", "30/11/2026", "07/12", "14/12", "21/12", "28/12/2026")
    assert kept(talk) == Timing()
    await writer.presses("Lưu lúc gửi")
    assert kept(talk) == Timing(Repeat.WEEKLY, weekdays=(1,))


async def test_editor_is_asked_again_for_what_is_not_understood(talk: Talk, tree: Tree) -> None:
    """Also for what has passed, comes too often, or lies years ahead."""
    writer = await asked_when(talk, tree)
    for words, answer in (
        ("khi nào rảnh", "Chưa hiểu"),
        ("hôm nay 7h", "đã qua"),
        ("cron */5 * * * *", "dày hơn"),
        ("24/12/2029 8h", "hơn một năm"),
    ):
        heard = await writer.says(words)
        assert answer in heard[0].text
    await writer.presses("8:00 ngày 1 hằng tháng")
    await writer.presses("Lưu lúc gửi")
    assert kept(talk) == Timing(Repeat.MONTHLY, day=1)


async def test_editor_sets_lateness_spread_and_days(talk: Talk, tree: Tree) -> None:
    """Only what is urgent may come at night."""
    writer = await asked_when(talk, tree)
    await writer.presses("8:00 hằng ngày")
    await writer.presses("Trễ, gửi rải")
    assert "Khẩn, gửi cả ban đêm" not in [button.label for button in writer.heard[-1].buttons]
    await writer.presses("Cho trễ bao lâu")
    await writer.presses("6 giờ")
    await writer.presses("Gửi rải trong")
    await writer.presses("3 giờ")
    await writer.presses("Từ ngày nào")
    await writer.says("từ 1/12 đến 31/12")
    writer.hears("01/12/2026", "31/12/2026", "Gửi rải ra trong 3 giờ", "Trễ quá 6 giờ")
    await writer.presses("Quay lại")
    await writer.presses("Lưu lúc gửi")
    assert kept(talk) == Timing(
        Repeat.DAILY,
        from_on=date(2026, 12, 1),
        until_on=date(2026, 12, 31),
        expires_hours=6,
        spread_minutes=180,
    )


async def test_urgent_bulletin_may_come_at_night(talk: Talk, tree: Tree) -> None:
    """Where its topic is urgent."""
    writer = await asked_when(talk, tree)
    with talk.database.begin() as session:
        session.merge(only(talk)).topic = "urgent"
    await writer.presses("Trễ, gửi rải")
    await writer.presses("Khẩn, gửi cả ban đêm")
    writer.hears("Gửi cả ban đêm")
    await writer.presses("Quay lại")
    await writer.presses("Lưu lúc gửi")
    assert kept(talk).may_disturb
