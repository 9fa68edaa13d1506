"""A member talks with the bot on Telegram: the whole program over real HTTP, against a stand-in Telegram."""

import time
from datetime import datetime
from typing import Any

import pytest

from bot.app import utc_now
from db.models import Account, Conversation, Delivery, DeliveryState, Feedback, InboxEvent, InboxState
from handlers.actions import ShowMenu
from handlers.chat import Button, Incoming, Reply
from handlers.feature import Context
from tests.standins.telegram import DESK_TOKEN, TelegramStandIn
from tests.standins.telegram_entities import utf16
from tests.talk import HOTLINE

from .telegram_app import STOP_SECONDS, StartBot, data_of, has, is_answer

LAN = 4001
QUESTION = "nghi thai san may thang"
TEN_QUESTIONS = {
    "nghi thai san may thang": "thai-san-nghi-may-thang",
    "Nghỉ thai sản được mấy tháng?": "thai-san-nghi-may-thang",
    "rút bhxh 1 lần": "bhxh-mot-lan-dieu-kien",
    "luong toi thieu vung bao nhieu": "luong-toi-thieu-vung-bao-nhieu",
    "tang ca chu nhat tinh the nao": "tang-ca-chu-nhat",
    "TRỢ CẤP THẤT NGHIỆP ĐƯỢC BAO NHIÊU": "bhtn-muc-huong",
    "thu viec toi da bao lau": "thu-viec-toi-da-bao-lau",
    "nghỉ cưới đc mấy ngày": "nghi-cuoi-may-ngay",
    "hđlđ xác định thời hạn ký mấy lần": "ky-hop-dong-may-lan",
    "phep nam co bao nhieu ngay": "phep-nam-may-ngay",
}


async def test_member_asks_judges_and_asks_for_an_officer(
    telegram: TelegramStandIn, start: StartBot, database_url: str
) -> None:
    """From /start to the officer's desk: every step of the main job, each reply read and each button pressed."""
    async with start(database_url) as bot:
        lan = telegram.bot().person(LAN, "Lan")
        await lan.says("/start")
        await lan.hears(has("Công đoàn Thử nghiệm", "thông tin tham khảo", HOTLINE))
        await lan.says(QUESTION)
        answer = await lan.hears(is_answer)
        assert utf16(answer.text) < 1000
        await lan.presses("Xem chi tiết")
        details = await lan.hears(1)
        assert details[0].text != answer.text
        await lan.presses("Có ích", message=answer)
        await lan.hears(has("cảm ơn"))
        await lan.presses("Chưa đúng", message=answer)
        await lan.hears(1)
        await lan.says("chỗ tôi khác, gọi 0901 234 567")
        await lan.hears(1)
        await lan.presses("Hỏi cán bộ", message=answer)
        await lan.hears(2)
        await lan.says("hủy")
        await lan.hears(1)
        helpful, wrong = bot.rows(Feedback)
        assert (helpful.verdict.value, wrong.verdict.value) == ("helpful", "wrong")
        assert "234" not in wrong.note
        (conversation,) = bot.rows(Conversation)
        assert (conversation.feature, conversation.draft) == (None, None)


async def test_ten_questions_in_different_spellings_get_cited_answers(
    telegram: TelegramStandIn, start: StartBot, database_url: str
) -> None:
    """With marks, without, in capitals or abbreviated: each finds its own entry, with articles and date."""
    async with start(database_url):
        people = [telegram.bot().person(LAN + number) for number in range(len(TEN_QUESTIONS))]
        for person, question in zip(people, TEN_QUESTIONS, strict=True):
            await person.says(question)
        for person, entry in zip(people, TEN_QUESTIONS.values(), strict=True):
            answer = await person.hears(is_answer)
            assert data_of(answer, "Có ích").split("|")[-1] == entry


async def test_pressed_button_stops_spinning(telegram: TelegramStandIn, start: StartBot, sqlite_url: str) -> None:
    """Telegram shows a spinner on a button until the bot says it has heard."""
    async with start(sqlite_url):
        lan = telegram.bot().person(LAN)
        await lan.says(QUESTION)
        await lan.hears(is_answer)
        press = await lan.presses("Xem chi tiết")
        await press.answered()
        await lan.hears(1)


async def test_button_from_last_month_is_answered_with_the_way_back(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str
) -> None:
    """A button whose meaning or message is gone spins no longer, says so and offers the menu."""
    async with start(sqlite_url):
        lan = telegram.bot().person(LAN, started=True)
        for payload in ("e|muc-khong-con", "một nút của bản cũ", "s|faq|officer|skip"):
            press = await lan.presses_old(payload)
            said = await lan.hears(has("đã thay đổi"))
            assert said.buttons
            await press.answered()


async def test_what_cannot_be_read_is_answered_kindly(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str
) -> None:
    """A sticker, a photo, a voice message, a card and an empty text never meet silence, nor does what Telegram may
    invent tomorrow."""
    async with start(sqlite_url):
        lan = telegram.bot().person(LAN, "Lan")
        for act in (lan.sends_sticker, lan.sends_photo, lan.sends_voice, lan.sends_document):
            await act()
            await lan.hears(has("gõ"))
        await lan.shares_contact("+84900000000")
        await lan.hears(1)
        for content in ({"text": ""}, {"hologram": {"depth": 3}}, {"text": "🙂"}):
            lan.since = lan.chat.last_change
            chat = {"id": LAN, "type": "private", "first_name": "Lan"}
            telegram.bot().inject({"message": {"message_id": 900, "date": int(time.time()), "chat": chat, **content}})
            await lan.hears(1)


async def test_command_is_understood_with_what_telegram_adds_to_it(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str
) -> None:
    """A command may carry the bot's name, /start a deep link, and a question behind a slash keeps its words."""
    async with start(sqlite_url) as bot:
        lan = telegram.bot().person(LAN, "Lan")
        await lan.says("/start tu-trang-web")
        await lan.hears(has("thông tin tham khảo"))
        await lan.says("/huy@standin_bot")
        await lan.hears(1)
        await lan.says(f"/hoi {QUESTION}")
        await lan.hears(is_answer)
        assert len(bot.rows(InboxEvent)) == 3


async def test_ten_thousand_characters_are_answered(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str
) -> None:
    """A long story comes in several messages, as Telegram's apps send it, and each is answered."""
    async with start(sqlite_url) as bot:
        lan = telegram.bot().person(LAN, "Lan")
        await lan.says("công ty nợ lương tôi hai tháng nay " * 286)
        sent = sum(not message.is_by_bot() for message in lan.chat.history)
        await lan.hears(sent, since=-1)
        assert [row.state for row in bot.rows(InboxEvent)] == [InboxState.PROCESSED] * sent


async def test_long_reply_arrives_in_order_within_the_limit(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of at most 4096 UTF-16 units, nothing lost or taken for markup, the buttons under the last."""
    long = "\n\n".join(f"Đoạn {number} **đậm** <b> & 😀 " + "chữ 😀 " * 150 for number in range(14))
    reply = Reply(long, (Button("Về menu", ShowMenu()),))
    monkeypatch.setattr("bot.inbox.handle", lambda _context, _incoming: [reply])
    async with start(sqlite_url):
        lan = telegram.bot().person(LAN, "Lan")
        await lan.says("kể hết đi")
        await lan.hears(lambda message: "Về menu" in message.buttons)
        parts = lan.messages
        assert len(parts) > 2
        assert all(utf16(part.text) <= 4096 for part in parts)
        assert [bool(part.buttons) for part in parts] == [False] * (len(parts) - 1) + [True]
        heard = " ".join(part.text for part in parts)
        assert heard.split() == long.replace("**", "").split()


async def test_groups_hear_nothing(telegram: TelegramStandIn, start: StartBot, sqlite_url: str) -> None:
    """In a group nothing is answered or kept: what is asked there is read by others."""
    async with start(sqlite_url) as bot:
        group = telegram.bot().group(-1001234, "Tổ may 3")
        lan = group.person(LAN, "Lan")
        await lan.says(QUESTION)
        await lan.says("/start")
        await lan.presses_old("menu")
        hoa = telegram.bot().person(LAN + 1)
        await hoa.says("menu")
        await hoa.hears(1)
        assert group.messages == []
        assert len(bot.rows(InboxEvent)) == 1


async def test_who_blocks_the_bot_is_unreachable_until_they_write_again(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str
) -> None:
    """Leaving is noted, whether Telegram tells it or refuses a message; writing again undoes it."""
    async with start(sqlite_url) as bot:
        lan = telegram.bot().person(LAN, "Lan")
        await lan.says("/start")
        await lan.hears(1)
        await lan.blocks()
        await bot.until(lambda: bot.rows(Account)[0].unreachable_since)
        await lan.says("/start")
        await lan.hears(1)
        assert bot.rows(Account)[0].unreachable_since is None


async def test_talk_goes_on_after_a_restart(telegram: TelegramStandIn, start: StartBot, database_url: str) -> None:
    """A program that is stopped in mid-conversation goes on where it was, also with what was said meanwhile."""
    lan = telegram.bot().person(LAN, "Lan")
    async with start(database_url):
        await lan.says(QUESTION)
        await lan.hears(is_answer)
        await lan.presses("Chưa đúng")
        await lan.hears(1)
    await lan.says("chỗ em khác")
    async with start(database_url) as bot:
        await lan.hears(has("Đã ghi lại"))
        assert [one.note for one in bot.rows(Feedback)] == ["chỗ em khác"]


async def test_stopping_loses_nothing_and_takes_seconds(
    telegram: TelegramStandIn, start: StartBot, database_url: str
) -> None:
    """Thirty people have just asked when the program is told to stop: by the next start all have their one answer."""
    people = [telegram.bot().person(LAN + number) for number in range(30)]
    async with start(database_url) as bot:
        for person in people:
            await person.says(QUESTION)
        await bot.stop()
        assert bot.stopped_in < STOP_SECONDS
    async with start(database_url) as bot:
        for person in people:
            await person.hears(is_answer)
        await bot.until(lambda: all(row.state is DeliveryState.SENT for row in bot.rows(Delivery)))
    assert [sum(is_answer(message) for message in person.messages) for person in people] == [1] * 30


async def test_operator_is_told_on_telegram_when_a_message_is_set_aside(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The officers' bot tells the operator the code that the member was told, and not what the member wrote."""

    def handler(_context: Context, _incoming: Incoming) -> list[Reply]:
        raise ZeroDivisionError("words that belong nowhere")

    def hurried_clock(began: datetime = utc_now()) -> datetime:  # noqa: B008  # one beginning for all calls
        return began + (utc_now() - began) * 100

    monkeypatch.setattr("bot.inbox.handle", handler)
    monkeypatch.setattr("bot.inbox._SWEEP_SECONDS", 0.05)
    operator = telegram.bot(DESK_TOKEN).person(9001, "Operator", started=True)
    settings: dict[str, Any] = {"telegram_desk_token": DESK_TOKEN, "operator_telegram_id": "9001"}
    async with start(sqlite_url, hurried_clock, **settings) as bot:
        lan = telegram.bot().person(LAN, "Lan")
        await lan.says("chuyện riêng của tôi")
        told = await lan.hears(has(HOTLINE))
        (event,) = bot.rows(InboxEvent)
        assert event.state is InboxState.SET_ASIDE
        alert = await operator.hears(event.error_code, since=-1)
        assert event.error_code in told.text
        assert "riêng" not in alert.text


async def test_flood_of_one_person_holds_up_nobody_else(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody forwards a hundred and fifty messages at once: who writes after them is answered at once."""
    monkeypatch.setattr("bot.inbox._SECONDS_PER_EVENT", 1.5)
    async with start(sqlite_url) as bot:
        lan, hoa = telegram.bot().person(LAN), telegram.bot().person(LAN + 1)
        for _ in range(150):
            await lan.says("menu")
        await hoa.says("menu")
        await hoa.hears(1)
        assert len(bot.rows(InboxEvent)) == 151
        await bot.crash()
