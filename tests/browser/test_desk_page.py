"""Joining and deciding on the web page, as a worker and as officers see it on a phone."""

import re
from collections.abc import Callable

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from .conftest import Person, RunningBot

pytestmark = pytest.mark.browser

PeopleMaker = Callable[..., Person]
CODE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}")
ANSWERS = (
    "Nguyễn Thị Hoa",
    "Nữ",
    "20/10/1995",
    "Kinh",
    "Bắc Ninh",
    "Phường Thử, Tỉnh Thử",
    "001195012345",
    "0912345678",
)


def administrator(bot: RunningBot, person: PeopleMaker) -> Person:
    """The first administrator, come by the link the operator's console printed, with the second factor set up."""
    link = re.search(r"#vao=[\w-]+", bot.does("admin", "invite", "Phạm Quản Trị"))
    assert link
    boss = person()
    boss.page.goto(bot.address + "/" + link[0])
    boss.hears("Phạm Quản Trị")
    assert "#vao" not in boss.page.url, "the code does not stay in the address"
    boss.presses("Đúng là tôi")
    boss.hears("Bàn làm việc")
    boss.presses("Nhập mã hai lớp")
    expect(boss.log.locator(".file img").last).to_be_visible()
    secret = re.findall(r"[A-Z2-7 ]{32,}", boss.messages.filter(has_text="lớp khóa").last.inner_text())[0]
    boss.says(pyotp.TOTP(secret.replace(" ", "")).now())
    boss.hears("đủ quyền")
    return boss


def officer(bot: RunningBot, boss: Person, person: PeopleMaker) -> Person:
    """An officer whom the administrator invited and let in."""
    boss.presses("Đơn vị của tôi")
    boss.presses("Thêm cán bộ")
    boss.says("Trần Văn Duyệt")
    boss.presses("Cán bộ công đoàn")
    boss.presses("Đúng, cấp mã")
    boss.hears("Mã vào của")
    code = CODE.search(boss.messages.filter(has_text="Mã vào của").last.inner_text())
    assert code
    clerk = person().opens(bot.address)
    clerk.says(f"vào {code[0]}")
    clerk.presses("Đúng là tôi")
    boss.hears("vừa dùng mã")
    boss.presses("Đúng người, cho vào")
    clerk.hears("Anh/chị đã vào")
    return clerk


def test_worker_joins_and_sees_the_card_on_a_small_phone(bot: RunningBot, person: PeopleMaker) -> None:
    """Three people on three phones: invited, applied, approved; the card is a picture that fits the screen."""
    boss = administrator(bot, person)
    clerk = officer(bot, boss, person)
    worker = person().opens(bot.address)
    worker.presses("Gia nhập công đoàn")
    worker.presses("Đồng ý")
    worker.presses("Không đồng ý")
    for answer in ANSWERS:
        worker.says(answer)
    worker.says("xưởng may nhà bà Tám")
    worker.presses("Không thấy nơi tôi làm")
    worker.says("Phường Thử, Tỉnh Thử")
    worker.says("thợ may")
    worker.hears("anh/chị cam kết")
    worker.presses("Tôi cam kết và gửi đơn")
    worker.hears("Đã nhận đơn")
    clerk.says("bàn")
    clerk.presses("Đơn chờ duyệt")
    clerk.says("1")
    clerk.hears("Nguyễn Thị Hoa")
    clerk.presses("Duyệt")
    clerk.presses("Chưa có số")
    clerk.hears("Đã kết nạp")
    worker.says("thẻ đoàn viên")
    picture = worker.log.locator(".file img").last
    expect(picture).to_be_visible()
    assert picture.evaluate("node => node.naturalWidth") == 1000
    assert worker.page.evaluate("document.documentElement.scrollWidth") <= 360
    for somebody in (boss, clerk, worker):
        found = Axe().run(somebody.page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


def test_signed_out_officer_has_no_desk(bot: RunningBot, person: PeopleMaker) -> None:
    """On a shared computer "đăng xuất" leaves nothing to the next person but the talk, which the page can erase."""
    boss = administrator(bot, person)
    boss.says("đăng xuất")
    boss.hears("Đã đăng xuất")
    boss.says("bàn")
    boss.hears("dành cho cán bộ")


def test_officer_claims_and_answers_a_report_on_a_small_phone(bot: RunningBot, person: PeopleMaker) -> None:
    """The story opens on the page, the answer is looked over and sent; everything fits a narrow screen."""
    boss = administrator(bot, person)
    clerk = officer(bot, boss, person)
    code = bot.takes_report("Công ty nợ lương hai tháng, hỏi thì bị đuổi về.")
    clerk.says("bàn")
    clerk.hears("1 chưa ai nhận")
    clerk.presses("Vụ việc")
    clerk.presses("Chưa ai nhận (1)")
    clerk.hears("Tiền lương")
    clerk.presses(f"Mở {code}")
    clerk.hears("nợ lương hai tháng")
    clerk.presses("Tôi nhận")
    clerk.hears("Anh/chị đã nhận")
    clerk.presses("Trả lời")
    clerk.says("Công đoàn hẹn làm việc với công ty ngày mai.")
    clerk.hears("Người lao động sẽ đọc")
    clerk.presses("Gửi")
    clerk.hears("Đã gửi cho người lao động")
    assert clerk.page.evaluate("document.documentElement.scrollWidth") <= 360
    found = Axe().run(clerk.page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
