"""Does the stand-in speak Zalo's Bot API? Two clients written by others talk with it and are the judges."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
import zalo_bot
import zalo_bot.error as refused
from aiohttp import web
from zalo_bot_mcp import zalo_api

from .telegram_faults import drop_before
from .zalo_bot import TOKEN, ZaloBotStandIn, in_200, quota
from .zalo_bot_people import SECRET_HEADER

SECRET = "a-secret-of-the-webhook"


@pytest.fixture
async def zalo() -> AsyncIterator[ZaloBotStandIn]:
    async with ZaloBotStandIn() as running:
        yield running


@pytest.fixture
async def library(zalo: ZaloBotStandIn) -> AsyncIterator[zalo_bot.Bot]:
    """python-zalo-bot, the library that Zalo's own documents name."""
    async with zalo_bot.Bot(TOKEN, base_url=zalo.url) as bot:
        yield bot


@pytest.fixture
async def bridge(zalo: ZaloBotStandIn, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[zalo_api.ZaloBotApi]:
    """The client inside zalo-bot-mcp, whose author measured a real bot."""
    monkeypatch.setattr(zalo_api, "BASE_URL", zalo.url)
    async with zalo_api.ZaloBotApi(TOKEN) as api:
        yield api


async def test_both_learn_who_the_bot_is(
    zalo: ZaloBotStandIn, library: zalo_bot.Bot, bridge: zalo_api.ZaloBotApi
) -> None:
    me = await library.get_me()
    assert me.id == TOKEN.split(":")[0] == (await bridge.get_me())["id"]
    zalo.assert_sound()


async def test_both_read_a_text(zalo: ZaloBotStandIn, library: zalo_bot.Bot, bridge: zalo_api.ZaloBotApi) -> None:
    """One event with each poll, with its sender, chat and moment."""
    lan = zalo.person(name="Lan")
    lan.says("Xin chào")
    lan.says("em cần hỏi")
    update = await library.get_update(timeout=1)
    assert update is not None and update.message is not None and update.effective_user is not None
    assert (update.message.text, update.message.chat.type, update.effective_user.display_name) == (
        "Xin chào", "PRIVATE", "Lan",
    )  # fmt: skip
    found = zalo_api.parse_update(await bridge.get_updates(timeout=1))
    assert found is not None
    assert (found.text, found.chat_id, found.is_bot, found.display_name) == ("em cần hỏi", lan.id, False, "Lan")


async def test_the_bridge_takes_an_idle_poll_for_what_it_is(zalo: ZaloBotStandIn, bridge: zalo_api.ZaloBotApi) -> None:
    """HTTP 408, and the same within HTTP 200; the library takes the former for a broken network, as with Zalo."""
    assert await bridge.get_updates(timeout=1) is None
    zalo.faults.next("getUpdates", in_200(408, "Request timeout"))
    assert await bridge.get_updates(timeout=1) is None
    async with zalo_bot.Bot(TOKEN, base_url=zalo.url) as library:
        with pytest.raises(refused.NetworkError):
            await library.get_update(timeout=1)


async def test_both_send_and_the_words_arrive(
    zalo: ZaloBotStandIn, library: zalo_bot.Bot, bridge: zalo_api.ZaloBotApi
) -> None:
    """As a form and as JSON; with the id and the moment that the library wants."""
    lan = zalo.person()
    lan.says("chào")
    sent = await library.send_message(lan.chat_id, "Chào anh/chị")
    assert sent.message_id and sent.date.year >= 2026
    await bridge.send_message(lan.chat_id, "Chào lần nữa", parse_mode="markdown")
    assert await bridge.send_chat_action(lan.chat_id) is None
    assert await library.send_chat_action(lan.chat_id, "typing") is None
    await library.send_sticker(lan.chat_id, "0e078a2fb66a5f34067b")
    assert [message.text for message in lan.messages] == ["Chào anh/chị", "Chào lần nữa", ""]
    zalo.assert_sound()


async def test_both_see_why_a_message_was_not_sent(
    zalo: ZaloBotStandIn, library: zalo_bot.Bot, bridge: zalo_api.ZaloBotApi
) -> None:
    """A stranger, a person who blocked the bot, a wrong token, too much, and an error inside HTTP 200."""
    lan = zalo.person()
    lan.says("chào")
    with pytest.raises(refused.InvalidToken):  # that is what the library makes of every 404
        await library.send_message("nobody", "x")
    with pytest.raises(zalo_api.ZaloClientError, match="404"):
        await bridge.send_message("nobody", "x")
    zalo.chats.blocked.add(lan.chat_id)
    with pytest.raises(refused.Forbidden):
        await library.send_message(lan.chat_id, "x")
    zalo.chats.blocked.clear()
    zalo.faults.next("sendMessage", quota(), quota(), in_200(400, "Bad Request"))
    with pytest.raises(refused.NetworkError):
        await library.send_message(lan.chat_id, "x")
    with pytest.raises(zalo_api.ZaloTransientError, match="429"):
        await bridge.send_message(lan.chat_id, "x")
    with pytest.raises(zalo_api.ZaloClientError, match="API error"):
        await bridge.send_message(lan.chat_id, "x")
    with pytest.raises(refused.BadRequest):
        await library.send_message(lan.chat_id, "x" * 2001)
    zalo.token = "1:another"
    with pytest.raises(refused.InvalidToken):
        await library.send_message(lan.chat_id, "x")
    with pytest.raises(zalo_api.ZaloClientError, match="401"):
        await bridge.get_me()


async def test_a_cut_connection_is_one_to_both(
    zalo: ZaloBotStandIn, library: zalo_bot.Bot, bridge: zalo_api.ZaloBotApi
) -> None:
    zalo.faults.next("sendMessage", drop_before(), drop_before())
    with pytest.raises(refused.NetworkError):
        await library.send_message("x", "x")
    with pytest.raises(zalo_api.ZaloTransientError):
        await bridge.send_message("x", "x")


async def test_a_webhook_is_probed_set_shown_and_removed(
    zalo: ZaloBotStandIn, library: zalo_bot.Bot, bridge: zalo_api.ZaloBotApi
) -> None:
    """The probe refuses an address that answers nobody, or anybody; only one that knows its secret is taken."""
    taken: list[tuple[str, bytes]] = []
    asks_for_secret = False

    async def take(request: web.Request) -> web.Response:
        secret = request.headers.get(SECRET_HEADER, "")
        if asks_for_secret and secret != SECRET:
            return web.Response(status=401)
        taken.append((secret, await request.read()))
        return web.Response()

    application = web.Application()
    application.router.add_post("/hook", take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        assert await bridge.get_webhook_info() is None  # 404, as was measured
        for is_strict, is_verified in ((False, False), (True, True)):
            asks_for_secret = is_strict
            body = {"url": url, "secret_token": SECRET}
            async with (
                aiohttp.ClientSession() as http,
                http.post(f"{zalo.url}/bot{TOKEN}/setWebhook", json=body) as answer,
            ):
                assert (await answer.json())["result"]["verification"]["ok"] is is_verified
        assert (await bridge.get_webhook_info())["url"] == url
        assert zalo.events.webhook is not None
        taken.clear()
        event = zalo.person().says("qua webhook")
        await zalo.events.all_delivered()
        assert [secret for secret, _ in taken] == [SECRET]
        parsed = zalo_bot.Update.de_json(zalo.events.wrap(event)["result"], library)
        assert parsed is not None and parsed.message is not None and parsed.message.text == "qua webhook"
        with pytest.raises(refused.BadRequest):
            await library.get_update(timeout=1)
        assert await library._delete_webhook_async()
        assert await bridge.get_webhook_info() is None
    finally:
        await runner.cleanup()


async def test_lost_and_repeated_events_can_be_staged(zalo: ZaloBotStandIn, bridge: zalo_api.ZaloBotApi) -> None:
    """What others measured, each in its turn: events gone when nobody polls, and events that come with every poll."""
    lan = zalo.person()
    zalo.events.loses = True
    lan.says("mất")
    assert await bridge.get_updates(timeout=1) is None
    zalo.events.loses, zalo.events.replays = False, True
    lan.says("lặp lại")
    found = [zalo_api.parse_update(await bridge.get_updates(timeout=1)) for _ in range(3)]
    assert [one.text for one in found if one] == ["lặp lại"] * 3


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("sendMessage", {"chat_id": "x", "text": "x", "reply_markup": {}}),
        ("sendMessage", {"chat_id": "x", "text": "xx", "text_styles": [{"start": 1, "len": 5, "st": ["b"]}]}),
        ("sendMessage", {"chat_id": "x", "text": "x", "text_styles": [{"offset": 0, "length": 1}]}),
        ("sendPhoto", {"chat_id": "x", "photo": "x", "caption": "x" * 2001}),
        ("sendmessage", {"chat_id": "x", "text": "x"}),
    ],
)
async def test_what_zalo_does_not_know_is_noticed(zalo: ZaloBotStandIn, method: str, params: dict[str, object]) -> None:
    """A request that breaks a rule fails the test that made it."""
    async with aiohttp.ClientSession() as http, http.post(f"{zalo.url}/bot{TOKEN}/{method}", json=params):
        pass
    await asyncio.sleep(0)
    with pytest.raises(AssertionError, match="break the rules"):
        zalo.assert_sound()
