"""Sending a picture on the chat page, as somebody with a cheap phone or a keyboard does it."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Locator, expect

from .conftest import Person, RunningBot

pytestmark = pytest.mark.browser

PeopleMaker = Callable[..., Person]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photograph with a telling name."""
    page = io.BytesIO()
    Image.effect_noise((800, 600), 30).convert("RGB").save(page, "JPEG", quality=80)
    path = tmp_path / "Nguyen Thi Man bang luong.jpg"
    path.write_bytes(page.getvalue())
    return path


def control(somebody: Person) -> Locator:
    return somebody.page.get_by_label("Gửi ảnh, tệp, ghi âm")


def reporting(bot: RunningBot, person: PeopleMaker) -> Person:
    """Somebody who has begun to tell what happened."""
    lan = person().opens(bot.address)
    lan.says("phản ánh")
    lan.says("Công ty nợ lương hai tháng")
    lan.hears("Công ty nợ lương")
    return lan


def test_the_control_is_there_only_while_a_file_is_wanted(shared_bot: RunningBot, person: PeopleMaker) -> None:
    """It comes with the question and goes with it, also after a reload."""
    lan = person().opens(shared_bot.address)
    expect(control(lan)).to_be_hidden()
    lan.says("phản ánh")
    expect(control(lan)).to_be_visible()
    lan.page.reload()
    expect(control(lan)).to_be_visible()
    lan.says("huỷ")
    expect(control(lan)).to_be_hidden()


def test_a_picture_is_sent_on_a_narrow_phone(shared_bot: RunningBot, person: PeopleMaker, photo: Path) -> None:
    """360 pixels wide: nothing is cut off, the control is large enough for a thumb, and no tool for people with
    disabilities finds fault."""
    lan = reporting(shared_bot, person)
    assert lan.page.evaluate("document.documentElement.scrollWidth") <= 360
    label = lan.page.locator("label[for=file]").bounding_box()
    assert label and label["height"] >= 44 and label["x"] + label["width"] <= 360
    found = Axe().run(lan.page)
    assert found.violations_count == 0, found.generate_report()
    sent: list[str] = []
    lan.page.on("request", lambda request: sent.append(request.url + str(request.headers)))
    control(lan).set_input_files(photo)
    lan.hears("1 tệp")
    expect(lan.own.filter(has_text="Đã gửi một tệp")).to_have_count(1)
    assert "Man" not in "".join(sent), "a file's name never leaves the phone"
    found = Axe().run(lan.page)
    assert found.violations_count == 0, found.generate_report()
    lan.page.reload()
    expect(lan.own.filter(has_text="Đã gửi một tệp")).to_have_count(1)


def test_the_control_is_reached_and_opened_by_keyboard(
    shared_bot: RunningBot, person: PeopleMaker, photo: Path
) -> None:
    """Tab leads there, with a frame that shows it, and the space bar opens the choice."""
    lan = reporting(shared_bot, person)
    lan.box.focus()
    lan.page.keyboard.press("Shift+Tab")
    expect(control(lan)).to_be_focused()
    outline = "getComputedStyle(document.querySelector('label[for=file]')).outlineStyle"
    assert lan.page.evaluate(outline) == "solid"
    with lan.page.expect_file_chooser() as chooser:
        lan.page.keyboard.press("Space")
    chooser.value.set_files(photo)
    lan.hears("1 tệp")


def test_several_files_go_one_after_another_and_words_between_them_are_not_lost(
    shared_bot: RunningBot, person: PeopleMaker, photo: Path
) -> None:
    """Three pictures at once, and a sentence typed meanwhile."""
    lan = reporting(shared_bot, person)
    control(lan).set_input_files([photo, photo, photo])
    lan.box.fill("và còn nợ bảo hiểm")
    lan.box.press("Enter")
    lan.hears("3 tệp")
    expect(lan.own.filter(has_text="Đã gửi một tệp")).to_have_count(3)
    expect(lan.own.filter(has_text="và còn nợ bảo hiểm")).to_have_count(1)


def test_a_file_that_is_too_large_never_leaves_the_phone(
    shared_bot: RunningBot, person: PeopleMaker, tmp_path: Path
) -> None:
    """The page says so at once, and a press makes it go away."""
    lan = reporting(shared_bot, person)
    large = tmp_path / "lon.jpg"
    large.write_bytes(bytes(10 * 1024 * 1024 + 1))
    posts: list[str] = []
    lan.page.on("request", lambda request: posts.append(request.url))
    control(lan).set_input_files(large)
    notice = lan.page.get_by_role("alert")
    expect(notice).to_contain_text("quá 10 MB")
    assert not [url for url in posts if "/api/files" in url]
    lan.page.get_by_role("button", name="Đã hiểu").click()
    expect(notice).to_be_hidden()


def test_a_broken_connection_keeps_the_file_and_retries(
    shared_bot: RunningBot, person: PeopleMaker, photo: Path
) -> None:
    """The line breaks: the page says so, and a press sends the same file, once."""
    lan = reporting(shared_bot, person)
    lan.page.route("**/api/files?*", lambda route: route.abort(), times=1)
    control(lan).set_input_files(photo)
    expect(lan.page.get_by_role("alert")).to_contain_text("mất kết nối")
    lan.page.get_by_role("button", name="Thử lại").click()
    lan.hears("1 tệp")
    expect(lan.own.filter(has_text="Đã gửi một tệp")).to_have_count(1)
