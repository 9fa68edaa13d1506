"""Officers at work over real HTTP: the Telegram desk bot, and the web page whose session is renewed at sign-in."""

import re
from datetime import timedelta

from bot.admin import invite_administrator
from bot.app import utc_now
from bot.settings import Settings
from db.models import Account
from db.session import Database
from handlers.chat import Button, File, Reply
from handlers.feature import VIETNAM
from handlers.notify import tell_account
from tests.standins.telegram import DESK_TOKEN, TelegramStandIn

from .telegram_app import StartBot, has
from .test_web import Site, site  # noqa: F401  # a fixture

CODE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}")


def invite(database: Database) -> str:
    """A one-time code from the operator's console."""
    settings = Settings(_env_file=None, union_name="Liên đoàn Thử")  # type: ignore[call-arg]
    now = utc_now()
    with database.begin() as session:
        said = invite_administrator(session, settings, "Phạm Quản Trị", None, now, now.astimezone(VIETNAM).date())
    found = CODE.search(said)
    assert found
    return found[0]


async def test_officer_signs_in_by_the_desk_bots_link(
    telegram: TelegramStandIn, start: StartBot, database_url: str
) -> None:
    """The link's code arrives behind /start; the desk opens, its buttons work, and the members' bot offers none."""
    telegram.bot(DESK_TOKEN)
    async with start(database_url, telegram_desk_token=DESK_TOKEN) as bot:
        code = invite(bot.database)
        boss = telegram.bot(DESK_TOKEN).person(7001, "Sếp")
        await boss.says(f"/start {code}")
        await boss.hears(has("Phạm Quản Trị", "Đúng là anh/chị"))
        await boss.presses("Đúng là tôi")
        await boss.hears(has("Bàn làm việc", "Người quản trị"))
        await boss.presses("Đơn vị của tôi")
        await boss.hears(has("Liên đoàn Thử"))
        outsider = telegram.bot().person(7001, "Sếp")
        await outsider.says(f"/vao {code}")
        await outsider.hears(has("không làm việc ở kênh này"))


async def test_files_go_out_on_both_telegram_bots(telegram: TelegramStandIn, start: StartBot, sqlite_url: str) -> None:
    """A picture carries its text as caption; two files go before the text."""
    telegram.bot(DESK_TOKEN)
    picture = File("the.png", "image/png", b"\x89PNG....")
    paper = File("mau-5a.docx", "application/msword", b"PK....")
    async with start(sqlite_url, telegram_desk_token=DESK_TOKEN) as bot:
        for token in (None, DESK_TOKEN):
            person = telegram.bot(token).person(7002, "Lan") if token else telegram.bot().person(7002, "Lan")
            await person.says("/start")
            await person.hears(1)
            account = max(bot.rows(Account), key=lambda row: row.id)
            with bot.database.begin() as session:
                tell_account(session, account, Reply("Thẻ", files=(picture,)), "one", utc_now(), is_urgent=True)
                both = Reply("Hai tệp", (Button("Mở", url="https://example.vn/"),), (picture, paper))
                tell_account(session, account, both, "two", utc_now(), is_urgent=True)
            card = await person.hears(has("Thẻ"))
            assert card.file == picture.content
            await person.hears(has("Hai tệp"))


async def test_web_session_is_renewed_at_sign_in(site: Site) -> None:  # noqa: F811
    """Whoever knew the cookie before the code was typed is left with a stranger's empty talk."""
    visitor = await site.visitor()
    await visitor.posts(text="chào")
    before = dict(visitor.client.cookies)
    answer = await visitor.posts(text=f"vào {invite(site.database)}")
    assert dict(visitor.client.cookies) != before
    visitor.token = answer.json()["csrf"]
    assert any("Phạm Quản Trị" in span["text"] for span in answer.json()["messages"][-1]["spans"])
    yes = next(button for button in answer.json()["messages"][-1]["buttons"] if button["label"] == "Đúng là tôi")
    entered = await visitor.posts(text="Đúng là tôi", action=yes["action"])
    assert "csrf" not in entered.json()
    said = [span["text"] for message in await visitor.talk() for span in message["spans"]]
    assert any("Bàn làm việc" in text for text in said)
    assert "chào" in said, "the talk before the sign-in is still there"
    thief = site.browser(**before)
    await thief.opens_the_page()
    assert await thief.talk() == []
    refused = await thief.posts(text="x", action=yes["action"])
    assert not any("Bàn làm việc" in span["text"] for m in refused.json()["messages"] for span in m["spans"])


async def test_file_is_served_to_its_visitor_alone(site: Site) -> None:  # noqa: F811
    """A member card on the web opens for the person it was sent to and is missing for everybody else."""
    visitor = await site.visitor()
    await visitor.posts(text="chào")
    [account] = [row for row in site.rows(Account) if row.sender == "web"]
    page = File("mau.html", "text/html", b"<script>alert(1)</script>")
    with site.database.begin() as session:
        card = Reply("Thẻ", files=(File("thẻ.png", "image/png", b"\x89PNG"), page))
        tell_account(session, account, card, "card", utc_now() - timedelta(seconds=1), is_urgent=True)
    while not (found := [m for m in await visitor.talk() if m.get("files")]):
        pass
    first, second = found[0]["files"]
    got = await visitor.client.get(first["url"])
    assert (got.content, got.headers["content-type"]) == (b"\x89PNG", "image/png")
    other = await visitor.client.get(second["url"])
    assert other.headers["content-disposition"].startswith("attachment")
    stranger = await site.visitor()
    assert (await stranger.client.get(first["url"])).status_code == 404
