"""The public page of past bulletins on a phone, as a reader and their aids meet it."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from db.keys import load_key_file
from db.models import Bulletin, BulletinKind, BulletinRun
from db.session import Database
from handlers.bulletins.content import Block, BlockKind
from handlers.feature import VIETNAM
from tests.sent_bulletins import send
from tests.small_tree import Tree

from .conftest import Person, RunningBot

pytestmark = pytest.mark.browser

PeopleMaker = Callable[..., Person]
LONG = "https://congdoan.example.vn/" + "mot-dia-chi-rat-dai-" * 6
TEXT = f"Mời **tất cả** anh chị em.\n\n- Mang theo thẻ\n- Xem [lịch]({LONG})\n\n{'Chữdàikhôngcóchỗngắt' * 6}"


@pytest.fixture(scope="module")
def address(shared_bot: RunningBot, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page, with some bulletins on it."""
    folder = shared_bot._folder
    database = Database(f"sqlite:///{folder / 'union.db'}", load_key_file(folder / "union.key"))
    now = datetime.now(UTC)
    world: Any = SimpleNamespace(database=database, now=lambda: now, today=now.astimezone(VIETNAM).date())
    tree = Tree.plant(database, world.today.replace(year=2020))
    link = Block(BlockKind.LINK, "Xem lịch khám", target=LONG)
    for number in range(11):
        send(world, tree.root, title=f"Khám sức khỏe đợt {number}", text="Mời khám.", is_public=True)
    wrong = send(world, tree.root, title="Hội thao ngày 12", text=TEXT, blocks=[link], is_public=True)
    with database.read() as session:
        corrects_id = session.get_one(Bulletin, session.get_one(BulletinRun, wrong).bulletin_id).id
    kind = BulletinKind.CORRECTION
    send(world, tree.root, title="Hội thao ngày 15", kind=kind, corrects_id=corrects_id, is_public=True)
    database.close()
    return f"{shared_bot.address}/ban-tin"


def check(page: Page) -> None:
    """Nothing for a checker of accessibility to find, nothing wider than the phone, nothing too small for a thumb."""
    found = Axe().run(page).response["violations"]
    assert [f"{one['id']}: {one['help']}" for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("window.innerWidth")
    for control in page.locator("button, input").all():
        box = control.bounding_box()
        assert box and box["height"] >= 44


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_reader_finds_a_bulletin_and_its_correction_on_a_phone(address: str, person: PeopleMaker, scheme: str) -> None:
    """List, search without marks, one bulletin, its correction; in daylight and at night."""
    page = person(color_scheme=scheme).page
    page.goto(address)
    check(page)
    page.get_by_role("link", name="Cũ hơn").click()
    expect(page.get_by_role("link", name="Mới hơn")).to_be_visible()
    page.get_by_role("searchbox").fill("hoi thao")
    page.get_by_role("button", name="Tìm").click()
    expect(page.locator(".list li")).to_have_count(2)
    page.get_by_role("link", name="Hội thao ngày 12").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hội thao ngày 12")
    check(page)
    page.get_by_role("link", name="Hội thao ngày 15").first.click()
    expect(page.locator(".note")).to_contain_text("Hội thao ngày 12")
    assert page.context.cookies() == []
