"""One member on both Zalos: tied by a code, and what one channel does not take goes on the other when she agreed."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.app import utc_now
from db.keys import Keys
from db.models import Account, Delivery, DeliveryKind, DeliveryState
from db.people import add_person
from db.session import Database
from handlers.chat import Reply
from handlers.feature import VIETNAM
from handlers.notify import tell_account
from knowledge.normalize import fold
from tests.standins.telegram_faults import server_error
from tests.standins.zalo_bot import ZaloBotStandIn
from tests.standins.zalo_oa import APP_ID, APP_SECRET, OA_ID, OA_SECRET, ZaloOaStandIn
from tests.standins.zalo_oa_people import ZaloMember

from .process import free_port
from .telegram_app import RunningBot
from .zalo_bot_app import SENDER as ZALO_BOT
from .zalo_bot_app import StartZaloBot
from .zalo_oa_app import SENDER as ZALO_OA
from .zalo_oa_app import give_tokens


class Clock:
    """A time that tests let pass, the same for the program and for Zalo."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> Any:
        return utc_now() + self.ahead

    def to_noon(self) -> None:
        """On to the next noon in Vietnam: no message waits for the morning."""
        local = self().astimezone(VIETNAM)
        self.ahead += (local.replace(hour=12, minute=0, second=0, microsecond=0) - local) % timedelta(days=1)


def both(zalo_oa: ZaloOaStandIn, database_url: str, keys: Keys) -> dict[str, Any]:
    """Settings for an Official Account beside the bot, already let in."""
    port = free_port()
    zalo_oa.console.webhook_url = f"http://127.0.0.1:{port}/zalo/oa/webhook"
    database = Database(database_url, keys)
    give_tokens(zalo_oa, database, utc_now())
    database.close()
    return {
        "web_port": port, "zalo_oa_id": OA_ID, "zalo_app_id": APP_ID, "zalo_app_secret": APP_SECRET,
        "zalo_oa_secret": OA_SECRET, "zalo_api_url": zalo_oa.url, "zalo_oauth_url": zalo_oa.url,
        "zalo_business_url": zalo_oa.url,
    }  # fmt: skip


def has(*words: str) -> Any:
    return lambda sent: all(fold(word) in fold(sent.text) for word in words)


async def press(member: ZaloMember, label: str) -> Any:
    """Press a button of the newest message, or type its words where a list stands."""
    if any(label in button["title"] for button in member.messages[-1].buttons):
        await member.presses(label)
    else:
        await member.says(label)
    return await member.hears()


def tell(bot: RunningBot, words: str) -> None:
    """An answer of the union to the account where she asked."""
    with bot.database.begin() as session:
        account = session.query(Account).filter_by(sender=ZALO_OA).one()
        now = bot.app._now()
        tell_account(session, account, Reply(words), words, now, DeliveryKind.CASE_REPLY, is_urgent=True)


def line(bot: RunningBot, sender: str) -> Delivery:
    """The newest answer on an account."""
    rows = [row for row in bot.rows(Delivery) if row.sender == sender and row.kind is DeliveryKind.CASE_REPLY]
    return rows[-1]


async def test_member_ties_her_zalo_bot_by_a_code_and_gets_there_what_the_account_may_not_send(
    zalo: ZaloBotStandIn,
    zalo_oa: ZaloOaStandIn,
    start_zalo: StartZaloBot,
    database_url: str,
    keys: Keys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The code from the account is typed to the bot and confirmed on the account. Nine days later the account's window
    is closed: the answer goes on the bot, once, and not again when she writes to the account."""
    monkeypatch.setattr("bot.channels._LOOK_SECONDS", 0.1)
    monkeypatch.setattr("bot.channels._MEMBERS_EVERY", timedelta(0))
    clock = Clock()
    clock.to_noon()
    zalo_oa.clock = clock
    async with start_zalo(database_url, clock, **both(zalo_oa, database_url, keys)) as bot:
        await bot.until(lambda: bot.is_serving and bot.app._zalo_oa is not None and bot.app._zalo_oa.is_connected, 30)
        hoa = ZaloMember(zalo_oa, "6204117895032116745", "Hoa")
        await hoa.says("menu")
        await hoa.hears()
        with bot.database.begin() as session:
            person = add_person(session, {"full_name": "Nguyễn Thị Hoa"}, clock())
            session.query(Account).one().person_id = person.id
        await hoa.says("trang của tôi")
        await hoa.hears()
        await press(hoa, "Kênh nhận tin")
        code = re.findall(r"LIENKET (\d{6})", (await press(hoa, "Thêm kênh khác")).text)[0]
        chat = zalo.person("hoa-on-the-bot", "Hoa")
        chat.says(f"lien ket {code}")
        assert "Còn một bước" in (await chat.hears(1))[0].text
        await hoa.hears(has("Đúng là anh/chị không"))
        asked = await press(hoa, "Đúng là tôi, nối đi")
        assert has("Đã nối", "gửi qua kênh kia nhé")(asked)
        assert has("tin gửi qua kênh kia")(await press(hoa, "Gửi qua kênh khác khi cần"))
        await chat.hears(2)
        clock.ahead += timedelta(days=9)
        tell(bot, "Đã có trả lời")
        heard = (await chat.hears(3))[2]
        assert heard.text == "Đã có trả lời"
        await bot.until(lambda: line(bot, ZALO_BOT).state is DeliveryState.SENT)
        assert line(bot, ZALO_OA).reason == "moved_channel"
        await hoa.says("menu")
        await hoa.hears()
        await asyncio.sleep(0.5)
        assert not any(has("Đã có trả lời")(sent) for sent in hoa.messages)


async def test_page_for_the_operator_shows_a_lost_channel_and_what_is_stuck(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Zalo is away for everybody: `/readyz` says since when and how much waits for what, and then that all is well."""
    monkeypatch.setattr("bot.channels._LOOK_SECONDS", 0.1)
    monkeypatch.setattr("bot.app._TROUBLE_AGAIN_SECONDS", 0.0)
    clock = Clock()
    clock.to_noon()
    async with start_zalo(database_url, clock) as bot, httpx.AsyncClient() as http:
        await bot.until(lambda: bot.is_serving)

        async def state() -> dict[str, Any]:
            return dict((await http.get(f"{bot.address}/readyz")).json())

        lan = zalo.person()
        lan.says("menu")
        await lan.hears(1)
        await bot.until(lambda: all(row.state is DeliveryState.SENT for row in bot.rows(Delivery)))
        await asyncio.sleep(0.3)
        now = await state()
        assert (now["down"], now["stuck"]) == ({}, [])
        for method in ("getUpdates", "sendMessage"):
            zalo.faults.next(method, server_error(), times=10_000)
        with bot.database.begin() as session:
            account = session.query(Account).one()
            tell_account(session, account, Reply("x"), "x", clock(), DeliveryKind.CASE_REPLY, is_urgent=True)
        await bot.until(lambda: line(bot, ZALO_BOT).reason == "unavailable")
        for _ in range(11):
            clock.ahead += timedelta(minutes=1)
            moment = clock()
            await bot.until(lambda moment=moment: bot.app._watch._looked_at >= moment)
        await bot.until(lambda: [row for row in bot.rows(Delivery) if row.kind is DeliveryKind.OPERATOR_ALERT])
        now = await state()
        assert list(now["down"]) == [ZALO_BOT]
        assert now["channels"]["zalo_bot"] is False
        (stuck,) = now["stuck"]
        assert stuck == {
            "sender": ZALO_BOT, "kind": "case_reply", "reason": "unavailable", "count": 1, "oldest_minutes": 11,
        }  # fmt: skip
        alerts = [row for row in bot.rows(Delivery) if row.kind is DeliveryKind.OPERATOR_ALERT]
        assert len(alerts) == 1 and "không gửi được cho ai" in alerts[0].body["text"]
        zalo.faults.clear()
        clock.ahead += timedelta(minutes=1)
        await lan.hears(2)
        async with asyncio.timeout(60):
            while (await state())["down"]:  # noqa: ASYNC110  # asked as monitoring asks
                await asyncio.sleep(0.05)
        assert (await state())["stuck"] == []
        await bot.until(lambda: len([1 for row in bot.rows(Delivery) if row.subject.startswith("channel_up")]) == 1)
