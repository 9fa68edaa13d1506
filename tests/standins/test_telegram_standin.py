"""Does the stand-in speak the Bot API? Two client libraries and a validator, none of them ours, are the judges."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiogram
import aiogram.exceptions as refused_by_aiogram
import aiohttp
import pytest
import pytest_asyncio
import telegram as ptb
import telegram.error as refused_by_ptb
from aiogram import types
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiohttp import web
from telegram import ext
from telegram.request import HTTPXRequest

from . import telegram_faults as fault
from .telegram import DESK_TOKEN, TOKEN, TelegramStandIn
from .telegram_faults import Fault, Limits
from .telegram_methods import METHODS
from .telegram_people import Person
from .telegram_rules import validate

LAN = 4001
FORUM = -1001234567890
BUTTONS = {"inline_keyboard": [[{"text": "Có ích", "callback_data": "useful:1"}]]}


@pytest_asyncio.fixture
async def server() -> AsyncIterator[TelegramStandIn]:
    async with TelegramStandIn() as running:
        yield running


@pytest_asyncio.fixture
async def lan(server: TelegramStandIn) -> Person:
    """Lan has started the members' bot."""
    return server.bot().person(LAN, "Lan", started=True)


@pytest_asyncio.fixture
async def by_aiogram(server: TelegramStandIn) -> AsyncIterator[aiogram.Bot]:
    bot = aiogram.Bot(TOKEN, session=AiohttpSession(api=TelegramAPIServer.from_base(server.url)))
    yield bot
    await bot.session.close()


def ptb_bot(server: TelegramStandIn, token: str = TOKEN, timeout: float = 5.0) -> ptb.Bot:
    request = HTTPXRequest(read_timeout=timeout)
    api, files = f"{server.url}/bot", f"{server.url}/file/bot"
    return ptb.Bot(token, base_url=api, base_file_url=files, request=request, get_updates_request=HTTPXRequest())


@pytest_asyncio.fixture
async def by_ptb(server: TelegramStandIn) -> AsyncIterator[ptb.Bot]:
    async with ptb_bot(server) as bot:
        yield bot


async def call(server: TelegramStandIn, method: str, token: str = TOKEN, **params: Any) -> tuple[int, dict[str, Any]]:
    """A call by no library at all, as JSON."""
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{server.url}/bot{token}/{method}", json=params) as answer,
    ):
        return answer.status, await answer.json()


def strange_fields(thing: Any, path: str = "") -> list[str]:
    """Fields of an answer that aiogram's types do not know: the stand-in made them up."""
    if isinstance(thing, list):
        return [found for each in thing for found in strange_fields(each, path)]
    if not isinstance(thing, types.TelegramObject):
        return []
    unknown = [f"{path}.{name}" for name in (thing.model_extra or {})]
    for name in type(thing).model_fields:
        unknown += strange_fields(getattr(thing, name), f"{path}.{name}")
    return unknown


# The judges call every method


async def test_aiogram_calls_every_method_and_parses_every_answer(
    server: TelegramStandIn, lan: Person, by_aiogram: aiogram.Bot
) -> None:
    """aiogram's strict types accept each answer and find no field in it that the Bot API does not have."""
    bot, state = by_aiogram, server.bot()
    group = state.group(FORUM, "Cán bộ", forum=True)
    file = types.BufferedInputFile(b"content", "don.pdf")
    keyboard = types.InlineKeyboardMarkup.model_validate(BUTTONS)
    sent = await bot.send_message(LAN, "<b>Chào</b> Lan &amp; mọi người", parse_mode="HTML", reply_markup=keyboard)
    assert (sent.text, sent.html_text) == ("Chào Lan & mọi người", "<b>Chào</b> Lan &amp; mọi người")
    answers: list[Any] = [await bot.get_me(), sent]
    photo = await bot.send_photo(LAN, file, caption="<i>ảnh</i>", parse_mode="HTML")
    document = await bot.send_document(LAN, file)
    assert photo.photo
    assert document.document
    assert document.document.file_name == "don.pdf"
    answers += [photo, document, await bot.send_document(LAN, document.document.file_id)]
    answers.append(await bot.send_voice(LAN, file))
    found = await bot.get_file(document.document.file_id)
    content = await bot.download_file(found.file_path or "")
    assert content
    assert content.read() == b"content"
    answers.append(found)
    answers.append(await bot.edit_message_text("mới", chat_id=LAN, message_id=sent.message_id, reply_markup=keyboard))
    answers.append(await bot.edit_message_reply_markup(chat_id=LAN, message_id=sent.message_id))
    answers.append(await bot.copy_message(LAN, LAN, photo.message_id))
    await bot.send_message(LAN, "Đúng không?", reply_markup=keyboard)
    press = await lan.presses("Có ích")
    assert await bot.answer_callback_query(press.id, text="Cảm ơn", show_alert=True)
    assert await press.answered() == {"callback_query_id": press.id, "text": "Cảm ơn", "show_alert": True}
    assert await bot.delete_message(LAN, sent.message_id)
    assert await bot.send_chat_action(LAN, "typing")
    topic = await bot.create_forum_topic(FORUM, "Vụ việc 12")
    in_topic = await bot.send_message(FORUM, "có việc mới", message_thread_id=topic.message_thread_id)
    assert in_topic.is_topic_message
    assert group.messages[-1].thread == topic.message_thread_id
    answers += [topic, in_topic, await bot.get_chat(LAN), await bot.get_chat(FORUM)]
    assert await bot.close_forum_topic(FORUM, topic.message_thread_id)
    assert await bot.delete_forum_topic(FORUM, topic.message_thread_id)
    assert group.messages == []
    assert await bot.set_my_commands([types.BotCommand(command="huy", description="Dừng lại")])
    answers.append(await bot.get_my_commands())
    assert await bot.delete_my_commands()
    assert await bot.set_webhook("https://example.org/hook", secret_token="s3cret", allowed_updates=["message"])
    answers.append(await bot.get_webhook_info())
    assert await bot.delete_webhook(drop_pending_updates=True)
    answers.append(await bot.get_updates())
    assert await bot.log_out()
    assert await bot(aiogram.methods.Close())
    assert strange_fields(answers) == []
    assert {each.method for each in server.log} == {name for name, _ in METHODS.values()}
    server.assert_sound()


async def test_python_telegram_bot_calls_every_method_and_parses_every_answer(
    server: TelegramStandIn, lan: Person, by_ptb: ptb.Bot
) -> None:
    """python-telegram-bot builds its objects from each answer and has nothing left over."""
    bot, state = by_ptb, server.bot()
    group = state.group(FORUM, "Cán bộ", forum=True)
    keyboard = ptb.InlineKeyboardMarkup([[ptb.InlineKeyboardButton("Có ích", callback_data="useful:1")]])
    sent = await bot.send_message(LAN, "<b>Chào</b> Lan &amp; mọi người", parse_mode="HTML", reply_markup=keyboard)
    assert (sent.text, sent.text_html) == ("Chào Lan & mọi người", "<b>Chào</b> Lan &amp; mọi người")
    photo = await bot.send_photo(LAN, b"content", caption="<i>ảnh</i>", parse_mode="HTML")
    document = await bot.send_document(LAN, b"content", filename="don.pdf")
    assert document.document
    assert document.document.file_name == "don.pdf"
    again = await bot.send_document(LAN, document.document.file_id)
    voice = await bot.send_voice(LAN, b"content")
    found = await bot.get_file(document.document.file_id)
    assert bytes(await found.download_as_bytearray()) == b"content"
    edited = await bot.edit_message_text("mới", chat_id=LAN, message_id=sent.message_id, reply_markup=keyboard)
    bare = await bot.edit_message_reply_markup(chat_id=LAN, message_id=sent.message_id)
    assert (await bot.copy_message(LAN, LAN, photo.message_id)).message_id
    await bot.send_message(LAN, "Đúng không?", reply_markup=keyboard)
    press = await lan.presses("useful:1")
    assert await bot.answer_callback_query(press.id)
    assert await bot.delete_message(LAN, sent.message_id)
    assert await bot.send_chat_action(LAN, "typing")
    topic = await bot.create_forum_topic(FORUM, "Vụ việc 12")
    in_topic = await bot.send_message(FORUM, "có việc mới", message_thread_id=topic.message_thread_id)
    assert in_topic.is_topic_message
    assert group.messages[-1].text == "có việc mới"
    assert await bot.close_forum_topic(FORUM, topic.message_thread_id)
    assert await bot.delete_forum_topic(FORUM, topic.message_thread_id)
    assert await bot.set_my_commands([("huy", "Dừng lại")])
    assert [each.command for each in await bot.get_my_commands()] == ["huy"]
    assert await bot.delete_my_commands()
    assert await bot.set_webhook("https://example.org/hook", secret_token="s3cret", allowed_updates=["message"])
    info = await bot.get_webhook_info()
    assert await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == ()
    chats = [await bot.get_chat(LAN), await bot.get_chat(FORUM)]
    assert await bot.log_out()
    assert await bot.close()
    parsed = [await bot.get_me(), sent, photo, document, again, voice, found, edited, bare, topic, in_topic, info]
    assert [dict(each.api_kwargs) for each in (*parsed, *chats) if isinstance(each, ptb.TelegramObject)] == [{}] * 14
    assert {each.method for each in server.log} == {name for name, _ in METHODS.values()}
    server.assert_sound()


# The judges parse every kind of update


async def everything_a_person_can_do(server: TelegramStandIn, lan: Person, bot: aiogram.Bot) -> list[str]:
    """Let people do all they can; the kinds of update this makes, in order."""
    group = server.bot().group(FORUM, "Cán bộ", forum=True)
    topic = await bot.create_forum_topic(FORUM, "Vụ việc 12")
    sent = await bot.send_message(LAN, "Đúng không?", reply_markup=types.InlineKeyboardMarkup.model_validate(BUTTONS))
    await lan.says("/start thu-viec xem https://example.org/luat")
    await lan.presses("Có ích")
    await bot.delete_message(LAN, sent.message_id)
    await lan.presses_old("menu:1", sent.message_id)
    await lan.shares_contact("+84901234567")
    await lan.shares_contact("+84907654321", owner_id=9, first_name="Người khác")
    await lan.sends_sticker()
    await lan.sends_photo(b"jpeg", "bảng lương")
    await lan.sends_document("don.pdf", b"%PDF-")
    await lan.sends_voice(4)
    await lan.blocks()
    await lan.unblocks()
    minh = group.person(77, "Minh")
    await minh.says("/nhan 12", thread=topic.message_thread_id, reply_to=group.messages[0])
    old = server.bot().group(-500, "Tổ cơ khí")
    await old.becomes_supergroup(-1005005005005)
    await old.removes_bot()
    messages = ["text", "callback", "callback", "contact", "contact", "sticker", "photo", "document", "voice"]
    return [*messages, "membership", "membership", "text", "migrate_to", "migrate_from", "membership"]


def kind_of(update: Any) -> str:
    """What an update is, read through the attributes both libraries share."""
    if update.callback_query:
        return "callback"
    if update.my_chat_member:
        return "membership"
    kinds = ("text", "contact", "sticker", "photo", "document", "voice")
    migrations = {"migrate_to": "migrate_to_chat_id", "migrate_from": "migrate_from_chat_id"}
    names = {kind: kind for kind in kinds} | migrations
    return next(name for name, field in names.items() if getattr(update.message, field))


async def test_both_libraries_parse_every_kind_of_update(
    server: TelegramStandIn, lan: Person, by_aiogram: aiogram.Bot, by_ptb: ptb.Bot
) -> None:
    """What people do reaches both libraries as the update it is, without made-up fields."""
    expected = await everything_a_person_can_do(server, lan, by_aiogram)
    first, second = await by_aiogram.get_updates(), await by_ptb.get_updates()
    assert [kind_of(update) for update in first] == expected
    assert [kind_of(update) for update in second] == expected
    assert strange_fields(first) == []
    assert all(not update.api_kwargs for update in second)
    assert all(not m.api_kwargs for m in (u.effective_message for u in second) if isinstance(m, ptb.Message))
    server.assert_sound()


async def test_an_update_says_what_the_person_did(
    server: TelegramStandIn, lan: Person, by_aiogram: aiogram.Bot
) -> None:
    """Commands are marked, contacts tell their owner, topics their thread, and a deleted message is inaccessible."""
    await everything_a_person_can_do(server, lan, by_aiogram)
    start, press, stale, own, foreign, *rest = await by_aiogram.get_updates()
    assert start.message
    assert [entity.type for entity in start.message.entities or []] == ["bot_command", "url"]
    assert press.callback_query
    assert isinstance(press.callback_query.message, types.Message)
    assert stale.callback_query
    assert isinstance(stale.callback_query.message, types.InaccessibleMessage)
    owners = [update.message.contact.user_id for update in (own, foreign) if update.message and update.message.contact]
    assert owners == [LAN, 9]
    in_topic = rest[6].message
    assert in_topic
    assert in_topic.is_topic_message
    assert in_topic.message_thread_id == in_topic.reply_to_message.message_id  # type: ignore[union-attr]


async def test_what_a_person_sends_can_be_downloaded(server: TelegramStandIn, lan: Person, by_ptb: ptb.Bot) -> None:
    """A file id of an update leads to the very bytes the person sent; an unknown path is not found."""
    await lan.sends_photo(b"the photo")
    [update] = await by_ptb.get_updates()
    assert update.message
    file = await by_ptb.get_file(update.message.photo[-1])
    assert bytes(await file.download_as_bytearray()) == b"the photo"
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}/file/bot{TOKEN}/files/none") as answer:
        assert answer.status == 404


async def test_a_person_presses_a_reply_keyboard_button(
    server: TelegramStandIn, lan: Person, by_aiogram: aiogram.Bot
) -> None:
    """A button of a reply keyboard types its label, or shares the person's own contact when it asks for it."""
    share = types.KeyboardButton(text="Gửi số", request_contact=True)
    keys = types.ReplyKeyboardMarkup(keyboard=[[share, types.KeyboardButton(text="Thôi")]])
    await by_aiogram.send_message(LAN, "Số điện thoại?", reply_markup=keys)
    await lan.presses("Gửi số")
    await lan.presses("Thôi")
    shared, typed = await by_aiogram.get_updates()
    assert shared.message
    assert shared.message.contact
    assert shared.message.contact.user_id == LAN
    assert typed.message
    assert typed.message.text == "Thôi"


async def test_a_long_text_arrives_in_several_messages(server: TelegramStandIn, lan: Person) -> None:
    """Telegram's apps cut what a person types at 4096 characters."""
    await lan.says("ê" * 10_000)
    _, body = await call(server, "getUpdates")
    texts = [update["message"]["text"] for update in body["result"]]
    assert max(map(len, texts)) <= 4096
    assert "".join(texts) == "ê" * 10_000


# What the bot is refused


@pytest.mark.parametrize(
    ("method", "params", "description"),
    [
        ("sendMessage", {"text": ""}, "message text is empty"),
        ("sendMessage", {"text": " \n "}, "text must be non-empty"),
        ("sendMessage", {"text": "a" * 4097}, "message is too long"),
        ("sendMessage", {"text": "a", "chat_id": 99}, "chat not found"),
        ("sendMessage", {"text": "a", "chat_id": ""}, "chat_id is empty"),
        ("sendMessage", {"text": "<b>a", "parse_mode": "HTML"}, "can't parse entities: Can't find end tag"),
        ("sendMessage", {"text": "<p>a</p>", "parse_mode": "HTML"}, 'Unsupported start tag "p" at byte offset 0'),
        ("sendMessage", {"text": "ê <b>a</i>", "parse_mode": "HTML"}, 'byte offset 7, expected "</b>", found "</i>"'),
        ("sendMessage", {"text": "a</b>", "parse_mode": "HTML"}, "Unexpected end tag at byte offset 1"),
        ("sendMessage", {"text": "a < b", "parse_mode": "HTML"}, "can't parse entities"),
        ("sendMessage", {"text": "a", "parse_mode": "BBCode"}, "unsupported parse_mode"),
        ("sendMessage", {"text": "a", "message_thread_id": 5}, "message thread not found"),
        ("sendMessage", {"text": "a", "reply_parameters": {"message_id": 55}}, "message to be replied not found"),
        ("sendPhoto", {"photo": "no-such-file"}, "wrong remote file identifier specified"),
        ("sendDocument", {}, "there is no document in the request"),
        ("sendChatAction", {"action": "dancing"}, "wrong parameter action in request"),
        ("editMessageText", {"message_id": 99, "text": "a"}, "message to edit not found"),
        ("editMessageText", {"message_id": 1, "text": "a"}, "message can't be edited"),
        ("editMessageText", {"message_id": 2, "text": "Đây", "reply_markup": BUTTONS}, "message is not modified: "),
        ("editMessageReplyMarkup", {"message_id": 2, "reply_markup": BUTTONS}, "message is not modified: "),
        ("deleteMessage", {"message_id": 99}, "message to delete not found"),
        ("copyMessage", {"from_chat_id": LAN, "message_id": 99}, "message to copy not found"),
        ("answerCallbackQuery", {"callback_query_id": "1"}, "query is too old and response timeout expired"),
        ("getFile", {"file_id": "x"}, "invalid file_id"),
        ("createForumTopic", {"name": "a"}, "the chat is not a forum"),
        ("setMyCommands", {"commands": [{"command": "Hủy", "description": "a"}]}, "BOT_COMMAND_INVALID"),
        ("setWebhook", {"url": "http://example.org"}, "bad webhook: An HTTPS URL must be provided"),
        ("setWebhook", {"url": "https://example.org", "secret_token": "a b"}, "secret token contains unallowed"),
    ],
)
async def test_a_request_telegram_would_refuse_is_refused_in_its_words(
    server: TelegramStandIn, lan: Person, method: str, params: dict[str, Any], description: str
) -> None:
    """A call that breaks a rule has no effect and gets 400 with Telegram's description."""
    await lan.says("hỏi")
    await call(server, "sendMessage", chat_id=LAN, text="Đây", reply_markup=BUTTONS)
    status, body = await call(server, method, **{"chat_id": LAN, **params})
    assert (status, body["ok"], body["error_code"]) == (400, False, 400)
    assert body["description"].startswith("Bad Request: ")
    assert description in body["description"]
    assert [message.text for message in lan.messages] == ["Đây"]


@pytest.mark.parametrize(
    ("button", "refused"),
    [
        ({"text": "a", "callback_data": "x" * 64}, ""),
        ({"text": "a", "callback_data": "ế" * 21}, ""),
        ({"text": "a", "callback_data": "ế" * 22}, "BUTTON_DATA_INVALID"),
        ({"text": "a", "callback_data": ""}, "BUTTON_DATA_INVALID"),
        ({"text": "a"}, "Text buttons are unallowed"),
        ({"text": "", "callback_data": "x"}, "must be non-empty"),
        ({"text": "a", "callback_data": "x", "url": "https://example.org"}, "exactly one of the optional fields"),
        ({"text": "a", "url": "not an address"}, "is invalid: Wrong HTTP URL"),
    ],
)
async def test_a_button_has_one_use_and_its_data_at_most_64_bytes(
    server: TelegramStandIn, lan: Person, button: dict[str, str], refused: str
) -> None:
    """The limit counts bytes, not letters: 21 Vietnamese letters of three bytes fit, 22 do not."""
    keyboard = {"inline_keyboard": [[button]]}
    _, body = await call(server, "sendMessage", chat_id=LAN, text="a", reply_markup=keyboard)
    assert body["ok"] is (refused == "")
    assert refused in body.get("description", "")


async def test_text_is_measured_after_its_markup_is_parsed(server: TelegramStandIn, lan: Person) -> None:
    """4096 letters fit with any markup around them, counted in UTF-16 units, and teremok agrees."""
    status, _ = await call(server, "sendMessage", chat_id=LAN, text=f"<b>{'a' * 4096}</b>", parse_mode="HTML")
    assert status == 200
    server.assert_sound()
    status, _ = await call(server, "sendMessage", chat_id=LAN, text="👍" * 2049)
    assert status == 400


async def test_markup_becomes_entities_in_utf16_units(server: TelegramStandIn, lan: Person, by_ptb: ptb.Bot) -> None:
    """Offsets count an emoji as two, surrounding space is trimmed, and nested markup keeps both entities."""
    text = '\n👍 <b>Điều <i>139</i></b> <a href="https://example.org?a=1&amp;b=2">luật</a> <code>x&lt;y</code> \n'
    message = await by_ptb.send_message(LAN, text, parse_mode="HTML")
    found = {(entity.type, part) for entity, part in message.parse_entities().items()}
    assert message.text == "👍 Điều 139 luật x<y"
    assert found == {("bold", "Điều 139"), ("italic", "139"), ("text_link", "luật"), ("code", "x<y")}
    assert [entity["url"] for entity in lan.messages[0].entities if "url" in entity] == ["https://example.org?a=1&b=2"]


async def test_a_wrong_token_is_refused(server: TelegramStandIn) -> None:
    """A token of the right form that nobody has is 401; one of the wrong form and an unknown method are 404."""
    assert (await call(server, "getMe", token="1000009:" + "x" * 30))[0] == 401
    assert (await call(server, "getMe", token="nonsense"))[0] == 404
    assert (await call(server, "noSuchMethod"))[0] == 404
    assert server.violations == ["noSuchMethod: a method the stand-in does not know"]


async def test_two_bots_share_nothing(server: TelegramStandIn, lan: Person) -> None:
    """A person who started the members' bot is a stranger to the officers' bot."""
    assert (await call(server, "sendMessage", chat_id=LAN, text="a"))[0] == 200
    assert (await call(server, "sendMessage", token=DESK_TOKEN, chat_id=LAN, text="a"))[0] == 400
    assert server.bot(DESK_TOKEN).chats == {}


async def test_a_bot_may_not_write_first(server: TelegramStandIn) -> None:
    """Until a person writes, a message to them is refused with 403."""
    hoa = server.bot().person(5, "Hoa")
    status, body = await call(server, "sendMessage", chat_id=5, text="a")
    assert (status, body["description"]) == (403, "Forbidden: bot can't initiate conversation with a user")
    await hoa.says("/start")
    assert (await call(server, "sendMessage", chat_id=5, text="a"))[0] == 200


async def test_a_blocked_bot_is_refused_until_unblocked(
    server: TelegramStandIn, lan: Person, by_aiogram: aiogram.Bot
) -> None:
    """Blocking refuses with 403 and tells the bot; unblocking, or writing again, opens the chat."""
    await lan.blocks()
    with pytest.raises(refused_by_aiogram.TelegramForbiddenError, match="bot was blocked by the user"):
        await by_aiogram.send_message(LAN, "a")
    await lan.unblocks()
    await by_aiogram.send_message(LAN, "a")
    await lan.blocks()
    await lan.says("xin chào")
    await by_aiogram.send_message(LAN, "b")
    changes = [u.my_chat_member.new_chat_member.status for u in await by_aiogram.get_updates() if u.my_chat_member]
    assert changes == ["kicked", "member", "kicked", "member"]


async def test_a_migrated_group_names_its_new_id(server: TelegramStandIn, by_ptb: ptb.Bot) -> None:
    """The old id is refused with migrate_to_chat_id, and the new one works."""
    await server.bot().group(-500, "Tổ cơ khí").becomes_supergroup(-1005005005005)
    with pytest.raises(refused_by_ptb.ChatMigrated) as refusal:
        await by_ptb.send_message(-500, "a")
    assert await by_ptb.send_message(refusal.value.new_chat_id, "a")


async def test_a_topic_is_refused_as_telegram_words_it(server: TelegramStandIn, by_ptb: ptb.Bot) -> None:
    """One that somebody deleted, one that is closed already, a right that is missing; closed, the bot still writes."""
    group = server.bot().group(FORUM, "Cán bộ", forum=True)
    topic = (await by_ptb.create_forum_topic(FORUM, "Vụ việc 12")).message_thread_id
    await by_ptb.close_forum_topic(FORUM, topic)
    await by_ptb.send_message(FORUM, "a", message_thread_id=topic)
    with pytest.raises(refused_by_ptb.BadRequest, match=r"(?i)topic_not_modified"):
        await by_ptb.close_forum_topic(FORUM, topic)
    group.delete_topic(topic)
    with pytest.raises(refused_by_ptb.BadRequest, match=r"(?i)message thread not found"):
        await by_ptb.send_message(FORUM, "a", message_thread_id=topic)
    with pytest.raises(refused_by_ptb.BadRequest, match=r"(?i)topic_id_invalid"):
        await by_ptb.delete_forum_topic(FORUM, topic)
    group.lets_manage_topics = False
    with pytest.raises(refused_by_ptb.BadRequest, match=r"(?i)not enough rights to create a topic"):
        await by_ptb.create_forum_topic(FORUM, "Vụ việc 13")


async def test_a_bot_with_privacy_mode_hears_only_commands_in_groups(server: TelegramStandIn) -> None:
    """Without the right to read all, ordinary talk in a group stays unseen."""
    server.bot().reads_all_in_groups = False
    minh = server.bot().group(-500, "Tổ cơ khí").person(77, "Minh")
    await minh.says("ăn gì chưa")
    await minh.says("/nhan 12")
    _, body = await call(server, "getUpdates")
    assert [update["message"]["text"] for update in body["result"]] == ["/nhan 12"]


async def test_a_button_press_is_answered_once(server: TelegramStandIn, lan: Person) -> None:
    """A press that was answered, or grew old, cannot be answered."""
    await call(server, "sendMessage", chat_id=LAN, text="a", reply_markup=BUTTONS)
    press, late = await lan.presses("Có ích"), await lan.presses("Có ích")
    late.expired = True
    assert (await call(server, "answerCallbackQuery", callback_query_id=press.id))[0] == 200
    assert (await call(server, "answerCallbackQuery", callback_query_id=press.id))[0] == 400
    assert (await call(server, "answerCallbackQuery", callback_query_id=late.id))[0] == 400


# The outside validator


async def test_requests_are_judged_by_teremok(server: TelegramStandIn, lan: Person) -> None:
    """Each request is judged by rules that are not ours, and the verdicts fail the test that asks."""
    await call(server, "sendMessage", chat_id=LAN, text="a & b", parse_mode="HTML")
    await call(server, "sendMessage", chat_id=LAN, text="a", reply_markup={"inline_keyboard": [[{"text": "x"}]]})
    await call(server, "sendMessage", chat_id=LAN, txt="a")
    assert len(server.violations) == 3
    with pytest.raises(AssertionError, match="escape it as &amp;"):
        server.assert_sound()


def test_the_validator_finds_what_is_wrong_with_a_request() -> None:
    """A sound request has no problems; an unknown method, a missing and an unknown parameter are each named."""
    assert validate("sendMessage", {"chat_id": 1, "text": "a", "reply_markup": BUTTONS}) == []
    assert validate("sendMessage", {"chat_id": 1}) == ["sendMessage: text: Field required"]
    assert validate("sendMessage", {"chat_id": 1, "text": "a", "parsemode": "HTML"}) == [
        "sendMessage: unknown parameter parsemode"
    ]
    assert validate("sendLetter", {}) == ["sendLetter: not a method of the Bot API"]
    assert validate("sendPhoto", {"chat_id": 1, "photo": "x", "caption": "a" * 1025}) != []


# Polling


async def test_an_offset_confirms_what_lies_before_it(server: TelegramStandIn, lan: Person) -> None:
    """Updates come again until an offset beyond them confirms them; a negative offset keeps the last ones."""
    for number in range(5):
        await lan.says(f"câu {number}")

    async def seen(**params: Any) -> list[str]:
        _, body = await call(server, "getUpdates", **params)
        return [update["message"]["text"][-1] for update in body["result"]]

    first = min(server.bot().updates.pending)
    assert await seen() == await seen() == ["0", "1", "2", "3", "4"]
    assert await seen(limit=2) == ["0", "1"]
    assert await seen(offset=first + 2) == ["2", "3", "4"]
    assert await seen(offset=-1) == ["4"]
    assert await seen() == ["4"]
    assert await seen(offset=first + 5) == []


async def test_a_long_poll_ends_with_the_first_update(server: TelegramStandIn, lan: Person) -> None:
    """A poll waits for its timeout and no longer, and returns as soon as somebody writes."""
    assert (await call(server, "getUpdates", timeout=0.1))[1]["result"] == []
    poll = asyncio.create_task(call(server, "getUpdates", timeout=30))
    await asyncio.sleep(0.05)
    assert not poll.done()
    await lan.says("hỏi")
    async with asyncio.timeout(1):
        _, body = await poll
    assert body["result"][0]["message"]["text"] == "hỏi"


async def test_only_the_kinds_asked_for_arrive(server: TelegramStandIn, lan: Person) -> None:
    """allowed_updates holds for what happens after it, until another call changes it; an empty list is the default."""
    await call(server, "getUpdates", allowed_updates=["my_chat_member"])
    await lan.says("không nghe")
    await lan.blocks()
    await lan.unblocks()
    _, body = await call(server, "getUpdates")
    assert ["my_chat_member" in update for update in body["result"]] == [True, True]
    await call(server, "getUpdates", allowed_updates=[], offset=-1)
    assert server.bot().inject({"chat_member": {}}) is None
    assert server.bot().inject({"message": {"text": "thô", "chat": {"id": 1}}, "update_id": 900_000_000}) == 900_000_000


async def test_a_second_poller_ends_the_first_with_a_conflict(
    server: TelegramStandIn, lan: Person, by_aiogram: aiogram.Bot, by_ptb: ptb.Bot
) -> None:
    """Two pollers of one token: the one waiting is ended with 409, the newer one goes on."""
    first = asyncio.create_task(by_aiogram.get_updates(timeout=30))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(by_ptb.get_updates(timeout=30))
    with pytest.raises(refused_by_aiogram.TelegramConflictError, match="terminated by other getUpdates request"):
        await first
    await lan.says("hỏi")
    assert len(await second) == 1


async def test_polling_is_refused_while_a_webhook_is_set(
    server: TelegramStandIn, by_aiogram: aiogram.Bot, by_ptb: ptb.Bot
) -> None:
    """Setting a webhook ends a waiting poll and refuses new ones with 409 until it is deleted."""
    waiting = asyncio.create_task(by_aiogram.get_updates(timeout=30))
    await asyncio.sleep(0.1)
    await by_ptb.set_webhook("https://example.org/hook")
    with pytest.raises(refused_by_aiogram.TelegramConflictError, match="terminated by setWebhook request"):
        await waiting
    with pytest.raises(refused_by_ptb.Conflict, match="can't use getUpdates method while webhook is active"):
        await by_ptb.get_updates()
    await by_ptb.delete_webhook()
    assert await by_ptb.get_updates() == ()


async def test_whole_bots_of_both_libraries_talk_to_people(
    server: TelegramStandIn, lan: Person, by_aiogram: aiogram.Bot
) -> None:
    """A polling aiogram dispatcher and a polling python-telegram-bot application run side by side, and stop cleanly."""
    dispatcher = aiogram.Dispatcher()

    @dispatcher.message()
    async def echo(message: types.Message) -> None:
        await message.answer(f"bạn nói: {message.text}")

    async def take(update: ptb.Update, _: Any) -> None:
        await update.effective_message.reply_text("đã nhận")  # type: ignore[union-attr]

    desk = ext.ApplicationBuilder().bot(ptb_bot(server, DESK_TOKEN)).build()
    desk.add_handler(ext.CommandHandler("nhan", take))
    officers = server.bot(DESK_TOKEN).group(FORUM, "Cán bộ", forum=True)
    polling = asyncio.create_task(dispatcher.start_polling(by_aiogram, handle_signals=False))
    async with desk:
        await desk.start()
        assert desk.updater
        await desk.updater.start_polling(timeout=5)
        await lan.says("xin chào")
        assert await lan.hears("bạn nói: xin chào")
        await officers.person(77, "Minh").says("/nhan 12")
        assert await officers.hears("đã nhận")
        await desk.updater.stop()
        await desk.stop()
    await dispatcher.stop_polling()
    await polling
    server.assert_sound()


# Webhook


class Receiver:
    """A bot's webhook: keeps what arrives and answers as told."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.secrets: set[str | None] = set()
        self.answers: list[int] = []

    async def serve(self, request: web.BaseRequest) -> web.Response:
        self.secrets.add(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        self.seen.append(json.loads(await request.read()))
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    def texts(self) -> list[str]:
        return [update["message"]["text"] for update in self.seen]


@pytest_asyncio.fixture
async def receiver(server: TelegramStandIn) -> AsyncIterator[Receiver]:
    """A webhook set for the members' bot."""
    bot = Receiver()
    runner = web.ServerRunner(web.Server(bot.serve), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await call(server, "setWebhook", url=f"http://127.0.0.1:{runner.addresses[0][1]}/", secret_token="s3cret")
    yield bot
    await call(server, "deleteWebhook")
    await runner.cleanup()


async def test_a_webhook_receives_updates_with_its_secret(
    server: TelegramStandIn, lan: Person, receiver: Receiver
) -> None:
    """Each update is posted once, in order within a chat, with the secret in its header."""
    for number in range(3):
        await lan.says(f"câu {number}")
    await server.bot().updates.all_delivered()
    assert receiver.texts() == ["câu 0", "câu 1", "câu 2"]
    assert receiver.secrets == {"s3cret"}
    assert aiogram.types.Update.model_validate(receiver.seen[0]).message


async def test_a_webhook_that_fails_gets_the_update_again(
    server: TelegramStandIn, lan: Person, receiver: Receiver
) -> None:
    """Until the webhook answers 2xx the update is repeated, later ones of that chat wait, and the info tells why."""
    receiver.answers = [500, 503]
    await lan.says("câu 0")
    await lan.says("câu 1")
    await server.bot().updates.all_delivered()
    assert receiver.texts() == ["câu 0", "câu 0", "câu 0", "câu 1"]
    assert [delivery.status for delivery in server.bot().updates.deliveries] == [500, 503, 200, 200]
    _, body = await call(server, "getWebhookInfo")
    assert "503" in body["result"]["last_error_message"]


async def test_what_waited_for_polling_goes_to_a_new_webhook(
    server: TelegramStandIn, lan: Person, receiver: Receiver
) -> None:
    """Pending updates survive the change between polling and webhook, unless they are dropped."""
    info = (await call(server, "getWebhookInfo"))[1]["result"]
    await call(server, "deleteWebhook")
    await lan.says("trong lúc chờ")
    await call(server, "setWebhook", url=info["url"])
    await server.bot().updates.all_delivered()
    assert receiver.texts() == ["trong lúc chờ"]
    await call(server, "deleteWebhook")
    await lan.says("bỏ đi")
    await call(server, "deleteWebhook", drop_pending_updates=True)
    assert server.bot().updates.pending == {}


async def test_webhook_updates_can_arrive_twice_and_out_of_order(
    server: TelegramStandIn, lan: Person, receiver: Receiver
) -> None:
    """A duplicate keeps its update_id; an update out of order comes after the next one, or alone after a while."""
    server.faults.next("update", fault.duplicate())
    await lan.says("hai lần")
    await server.bot().updates.all_delivered()
    server.faults.next("update", fault.out_of_order())
    await lan.says("trước")
    await lan.says("sau")
    await server.bot().updates.all_delivered()
    assert receiver.texts() == ["hai lần", "hai lần", "sau", "trước"]
    assert receiver.seen[0] == receiver.seen[1]
    server.faults.next("update", fault.out_of_order())
    await lan.says("một mình")
    await server.bot().updates.all_delivered()
    assert receiver.texts()[-1] == "một mình"


async def test_polled_updates_can_arrive_twice(server: TelegramStandIn, lan: Person) -> None:
    """A duplicate update stands twice in the answer, with one update_id."""
    server.faults.next("update", fault.duplicate())
    await lan.says("hai lần")
    _, body = await call(server, "getUpdates")
    assert len(body["result"]) == 2
    assert body["result"][0] == body["result"][1]


# Faults

FAULTS = [
    (fault.flood(1), refused_by_aiogram.TelegramRetryAfter, refused_by_ptb.RetryAfter, False),
    (fault.forbidden(), refused_by_aiogram.TelegramForbiddenError, refused_by_ptb.Forbidden, False),
    (fault.conflict(), refused_by_aiogram.TelegramConflictError, refused_by_ptb.Conflict, False),
    (fault.server_error(), refused_by_aiogram.TelegramServerError, refused_by_ptb.NetworkError, False),
    (fault.bad_gateway(), refused_by_aiogram.ClientDecodeError, refused_by_ptb.NetworkError, False),
    (fault.migrated(-1009), refused_by_aiogram.TelegramMigrateToChat, refused_by_ptb.ChatMigrated, False),
    (fault.drop_before(), refused_by_aiogram.TelegramNetworkError, refused_by_ptb.NetworkError, False),
    (fault.drop_after(), refused_by_aiogram.TelegramNetworkError, refused_by_ptb.NetworkError, True),
    (fault.malformed(), refused_by_aiogram.ClientDecodeError, refused_by_ptb.TelegramError, True),
    (fault.slow(5), refused_by_aiogram.TelegramNetworkError, refused_by_ptb.TimedOut, True),
]


@pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")  # of retry_after's future type
@pytest.mark.parametrize(
    ("what", "by_name_in_aiogram", "by_name_in_ptb", "took_effect"),
    FAULTS,
    ids=[f"{what.kind}-{what.code}" for what, *_ in FAULTS],
)
async def test_each_fault_reaches_both_libraries_as_the_error_it_is(
    server: TelegramStandIn,
    lan: Person,
    by_aiogram: aiogram.Bot,
    what: Fault,
    by_name_in_aiogram: type[Exception],
    by_name_in_ptb: type[Exception],
    took_effect: bool,
) -> None:
    """A fault is met once per scripted time; whether the message was sent in spite of it is part of the fault."""
    server.faults.next("sendMessage", what, times=2)
    async with ptb_bot(server, timeout=0.3) as by_ptb:
        with pytest.raises(by_name_in_ptb):
            await by_ptb.send_message(LAN, "câu 1")
        server.bot().gate.blocked_until = 0
        with pytest.raises(by_name_in_aiogram):
            await by_aiogram.send_message(LAN, "câu 2", request_timeout=1)
        server.bot().gate.blocked_until = 0
        await by_ptb.send_message(LAN, "câu 3")
    assert [message.text for message in lan.messages] == (["câu 1", "câu 2"] if took_effect else []) + ["câu 3"]
    assert [bool(each.fault) for each in server.log if each.method == "sendMessage"] == [True, True, False]
    assert len(server.calls("sendMessage", chat_id=LAN)) == len(lan.messages)


async def test_after_a_429_the_token_is_refused_until_the_wait_is_over(server: TelegramStandIn, lan: Person) -> None:
    """Calls that do not wait are refused and counted, of this token only; receiving goes on."""
    server.faults.next("sendMessage", fault.flood(1))
    await call(server, "sendMessage", chat_id=LAN, text="a")
    status, body = await call(server, "sendMessage", chat_id=LAN, text="b")
    assert (status, body["parameters"]) == (429, {"retry_after": 1})
    assert (await call(server, "sendChatAction", chat_id=LAN, action="typing"))[0] == 429
    assert (await call(server, "getUpdates"))[0] == 200
    assert (await call(server, "getMe", token=DESK_TOKEN))[0] == 200
    assert server.bot().gate.refused == 2
    await asyncio.sleep(1.05)
    assert (await call(server, "sendMessage", chat_id=LAN, text="c"))[0] == 200


async def test_flood_limits_are_enforced_when_asked_for() -> None:
    """The message beyond a limit is refused with the time to wait, for the token, the chat and the group."""
    now = 1000.0
    limits = Limits(per_second=3, per_chat_second=1, per_group_minute=2)
    async with TelegramStandIn(fast=True, limits=limits, clock=lambda: now) as server:
        bot = server.bot()
        bot.group(-500)
        for number in range(1, 6):
            bot.person(number, started=True)

        async def send(chat_id: int) -> int:
            status, body = await call(server, "sendMessage", chat_id=chat_id, text="a")
            return int(body["parameters"]["retry_after"]) if status == 429 else 0

        assert [await send(chat) for chat in (1, 2, 3, 4)] == [0, 0, 0, 1]
        now = 1002.0
        assert [await send(chat) for chat in (1, 1)] == [0, 1]
        now = 1004.0
        assert await send(-500) == 0
        now = 1006.0
        assert await send(-500) == 0
        now = 1008.0
        assert await send(-500) == 56
        assert dict(bot.gate.per_second) == {1000: 3, 1002: 1, 1004: 1, 1006: 1}
        assert bot.gate.busiest_second == 3


async def test_a_random_plan_is_repeated_by_its_seed(server: TelegramStandIn, lan: Person) -> None:
    """The same seed meets the same calls with the same faults; receiving is spared by a plan for any method."""

    async def statuses(seed: int) -> list[int]:
        server.faults.plan(seed, {"*": [(0.3, fault.server_error()), (0.2, fault.forbidden())]})
        return [(await call(server, "sendMessage", chat_id=LAN, text="a"))[0] for _ in range(40)]

    first = await statuses(7)
    assert await statuses(7) == first
    assert await statuses(8) != first
    assert {200, 500, 403} == set(first)
    assert all([(await call(server, "getUpdates"))[0] == 200 for _ in range(20)])
    server.faults.clear()
    assert (await call(server, "sendMessage", chat_id=LAN, text="a"))[0] == 200


# Hearing


async def test_a_person_hears_what_follows_their_last_act(
    server: TelegramStandIn, lan: Person, by_aiogram: aiogram.Bot
) -> None:
    """`hears` waits for a text, a predicate or a number of messages, edits included, and passes over older ones."""
    await by_aiogram.send_message(LAN, "cũ")
    await lan.says("hỏi")
    later = asyncio.create_task(lan.hears("mới"))
    await asyncio.sleep(0.05)
    sent = await by_aiogram.send_message(LAN, "câu mới")
    assert (await later).id == sent.message_id
    assert [message.text for message in await lan.hears(1)] == ["câu mới"]
    with pytest.raises(AssertionError, match="câu mới"):
        await lan.hears("cũ", timeout=0.05)
    assert await lan.hears("cũ", since=-1)
    await lan.says("nữa")
    await lan.hears_nothing(0.05)
    await by_aiogram.edit_message_text("đã sửa", chat_id=LAN, message_id=sent.message_id)
    assert (await lan.hears(lambda message: message.edits == 1)).text == "đã sửa"


async def test_form_json_query_and_multipart_say_the_same(server: TelegramStandIn, lan: Person) -> None:
    """The Bot API takes a call's parameters in four ways; the stand-in reads each into the same types."""
    as_text = {"chat_id": str(LAN), "text": "a", "reply_markup": json.dumps(BUTTONS), "protect_content": "true"}
    typed = {"chat_id": LAN, "text": "a", "reply_markup": BUTTONS, "protect_content": True}
    multipart = aiohttp.FormData(as_text, default_to_multipart=True)
    url = f"{server.url}/bot{TOKEN}/sendmessage"
    async with aiohttp.ClientSession() as http:
        answers = [
            await http.post(url, data=as_text),
            await http.post(url, json=typed),
            await http.get(url, params=as_text),
            await http.post(url, data=multipart),
        ]
        assert [answer.status for answer in answers] == [200] * 4
    shown = [{key: value for key, value in each.params.items() if key != "_files"} for each in server.log]
    assert shown == [typed] * 4
    server.assert_sound()
