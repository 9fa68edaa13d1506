"""A member talks with the running bot on Zalo Bot: no buttons there, so numbers and words are typed."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.transports.formatting import escape
from bot.transports.zalo_bot_messages import draw, measure
from db.models import Account, Conversation, Delivery, DeliveryState, InboxEvent
from handlers.actions import AskOfficer, ShowTopics
from handlers.chat import Button, File, Reply, StoredReply
from handlers.feature import VIETNAM
from handlers.notify import tell_account
from knowledge.answer import Answerer
from knowledge.normalize import fold
from knowledge.texts import t
from tests.standins.zalo_bot import ZaloBotStandIn
from tests.standins.zalo_bot_people import Message
from tests.talk import HOTLINE

from .telegram_app import RunningBot
from .zalo_bot_app import StartZaloBot, public_settings

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


class Clock:
    """A time that tests let pass."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def question(answerer: Answerer) -> str:
    """A question with one clear answer that has details."""
    today = datetime.now(UTC).astimezone(VIETNAM).date()
    for topic, _ in answerer.topics(today):
        for entry_id in answerer.entries_of(topic, today):
            words, page = answerer.question_of(entry_id), answerer.page(entry_id, today)
            if page and page.details and answerer.answer(words, today).entry_id == entry_id:
                return words
    raise AssertionError("no published entry has details")


def has(message: Message, *words: str) -> bool:
    """Whether a message holds these words, whatever the marks."""
    return all(fold(word) in fold(message.text) for word in words)


def number_of(message: Message, label: str) -> str:
    """The number that stands before a label."""
    found = re.search(rf"^(\d+)\. {re.escape(label)}$", message.text, re.MULTILINE)
    assert found is not None, message.text
    return found[1]


def tell(bot: RunningBot, reply: Reply, subject: str = "test:1") -> None:
    """Say something to the only person the bot knows, unasked."""
    with bot.database.begin() as session:
        account = session.query(Account).one()
        tell_account(session, account, reply, subject, bot.app._now(), is_urgent=True)


async def all_sent(bot: RunningBot) -> None:
    """Wait until nothing is left to be sent."""
    await bot.until(lambda: all(row.state is DeliveryState.SENT for row in bot.rows(Delivery)))


# A talk


async def test_question_is_answered_with_its_choices_as_a_numbered_list(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, database_url: str, question: str
) -> None:
    """Text, articles and dates; below them numbers instead of buttons, and the number brings the details."""
    async with start_zalo(database_url) as bot:
        lan = zalo.person()
        lan.says(question)
        await lan.hears(2)
        await all_sent(bot)
        greeting, answer = lan.messages[:2]
        assert has(greeting, "Công đoàn Thử nghiệm")
        assert has(answer, "Căn cứ", "Điều", "áp dụng từ", t("menu.choose_by_number"))
        assert answer.bold and "**" not in answer.text
        before = len(lan.messages)
        lan.says(f"em chọn số {number_of(answer, 'Xem chi tiết')} ạ")
        details = (await lan.hears(before + 1))[before]
        assert has(details, "Chưa đúng", "Hỏi cán bộ")


async def test_number_presses_the_list_hours_later_after_other_messages_and_after_a_restart(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, database_url: str, question: str
) -> None:
    """What a number means stands in the database: the list that was seen last, whatever lies between."""
    clock = Clock()
    lan = zalo.person()
    async with start_zalo(database_url, clock) as bot:
        lan.says(question)
        answer = (await lan.hears(2))[1]
        await all_sent(bot)
        before = len(lan.messages)
        tell(bot, Reply("Ngày mai công đoàn nghỉ lễ."))
        await lan.hears(before + 1)
        lan.says("cảm ơn ad nhiều")
        await all_sent(bot)
        before = len(lan.messages)
        clock.ahead += timedelta(hours=9)
    async with start_zalo(database_url, clock):
        seen = next((one for one in reversed(lan.messages) if t("menu.choose_by_number") in one.text), answer)
        label = re.findall(r"^1\. (.+)$", seen.text, re.MULTILINE)[-1]
        lan.says("số 1 nhé")
        by_number = (await lan.hears(before + 1))[-1]
        assert has(seen, label) and not has(by_number, "Tin nhắn này")


async def test_number_means_the_list_that_came_unasked_when_that_was_seen_last(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, database_url: str
) -> None:
    """A notice with a list of its own takes the numbers over; the words of neither are confused."""
    async with start_zalo(database_url) as bot:
        lan = zalo.person()
        lan.says("menu")
        (menu,) = await lan.hears(1)
        assert "1. " in menu.text
        tell(bot, Reply("Cán bộ đã trả lời.", (Button("Hỏi tiếp", AskOfficer()), Button("Chủ đề", ShowTopics()))))
        notice = (await lan.hears(2))[1]
        assert notice.text.endswith("Gõ số để chọn:\n1. Hỏi tiếp\n2. Chủ đề")
        await bot.until(lambda: bot.rows(Conversation)[0].offered[0][0] == "Hỏi tiếp")
        lan.says("1")
        await lan.hears(4)
        assert bot.rows(Conversation)[0].feature == "cases"


async def test_words_of_an_older_list_still_press_and_its_numbers_do_not(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, database_url: str, question: str
) -> None:
    """Somebody scrolls up and types what stands there; a number always means the newest list."""
    async with start_zalo(database_url) as bot:
        lan = zalo.person()

        async def says(text: str) -> Message:
            await all_sent(bot)
            before = len(lan.messages)
            lan.says(text)
            return (await lan.hears(before + 1))[before]

        await says(question)
        menu = await says("menu")
        assert has(await says(number_of(menu, t("menu.topics"))), "chủ đề nào")
        assert has(await says("dạ cho em xem chi tiết với ạ"), "Chưa đúng", "Hỏi cán bộ")


async def test_all_lists_of_one_answer_are_numbered_on(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """Two messages with choices never share a number: each of them presses its own."""
    async with start_zalo(sqlite_url) as bot:
        lan = zalo.person()
        lan.says("nghỉ thai sản mấy tháng, với lại bị nợ lương thì làm sao")
        await lan.hears(2)
        await all_sent(bot)
        numbers = [int(number) for one in lan.messages for number in re.findall(r"^(\d+)\. ", one.text, re.MULTILINE)]
        assert numbers == list(range(1, len(numbers) + 1))
        offered = bot.rows(Conversation)[0].offered
        assert len(offered) == len(numbers)


async def test_a_step_that_wants_words_takes_a_number_as_an_answer(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """Once a question is open that offers nothing to choose, "2" is what the person answers."""
    async with start_zalo(sqlite_url) as bot:
        lan = zalo.person()
        lan.says("chỗ tôi chưa có công đoàn")
        (consent,) = await lan.hears(1)
        lan.says(number_of(consent, t("consent.agree")))
        await lan.hears(2)
        lan.says("May 10")
        await lan.hears(3)
        lan.says("2")
        await lan.hears(4)
        assert bot.rows(Conversation)[0].step == "place"


async def test_way_back_from_an_error_can_be_typed(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """The list under "this has changed" is the one that numbers mean from then on."""
    async with start_zalo(sqlite_url) as bot:
        lan = zalo.person()
        lan.says("menu")
        await lan.hears(1)
        with bot.database.begin() as session:
            session.query(Conversation).one().offered = [["Câu cũ", "e|entry-that-never-was"]]
        lan.says("1")
        assert (await lan.hears(2))[1].text.endswith("1. Về menu")
        lan.says("1")
        assert has((await lan.hears(3))[2], "kênh hỏi đáp")


# What people send


@pytest.mark.parametrize(
    ("event", "content", "words"),
    [
        ("sticker", {"sticker": "0e078a2fb66a", "url": "https://zalo.example/s.png"}, "gõ bằng chữ"),
        ("image", {"photo": "https://zalo.example/a.jpg"}, "chưa xem được ảnh"),
        ("image", {"photo_url": "https://zalo.example/a.jpg", "caption": "phiếu lương"}, "chưa xem được ảnh"),
        ("image", {}, "chưa xem được ảnh"),
        ("voice", {"voice_url": "https://zalo.example/a.aac"}, "chưa xem được ảnh"),
        ("link", {"text": "menu"}, "kênh hỏi đáp"),
        ("link", {}, "không nhận được nội dung"),
        ("text", {"text": ""}, "gõ câu hỏi"),
        ("unsupported", {}, HOTLINE),
    ],
)
@pytest.mark.parametrize("is_bare", [False, True])
async def test_whatever_somebody_sends_is_answered(
    zalo: ZaloBotStandIn,
    start_zalo: StartZaloBot,
    sqlite_url: str,
    event: str,
    content: dict[str, Any],
    words: str,
    is_bare: bool,
) -> None:
    """Every kind of event, in every form that was seen, wrapped like an answer or bare."""
    async with start_zalo(sqlite_url, **public_settings(), zalo_bot_webhook_secret="a-secret-of-the-webhook"):
        zalo.events.is_bare = is_bare
        lan = zalo.person()
        lan.does(event, **content)
        assert has((await lan.hears(1))[0], words)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"event_name": "message.unsupported.received"},
        {"event_name": "message.text.received", "message": "x"},
        {"event_name": "message.text.received", "message": {"text": "x"}},
        {"event_name": "message.text.received", "message": {"text": "x", "chat": {"id": None}}},
        {"event_name": "message.text.received", "message": {"text": "x", "chat": []}},
        {"event_name": "message.reaction.received", "message": {"chat": {"id": "a"}, "message_id": "1"}},
        {"event_name": "message.text.received",
         "message": {"text": "x", "chat": {"id": "a"}, "from": {"id": "b", "is_bot": True}, "message_id": "2"}},
    ],
)  # fmt: skip
async def test_what_is_no_part_of_a_talk_is_passed_over(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str, event: dict[str, Any]
) -> None:
    """Shapes nobody documents, reactions, another bot: taken with 200, kept nowhere, and the next message is heard."""
    async with start_zalo(sqlite_url, **public_settings(), zalo_bot_webhook_secret="a-secret-of-the-webhook") as bot:
        zalo.events.push(event)
        zalo.person().says("menu")
        await zalo.person().hears(1)
        await zalo.events.all_delivered()
        assert {attempt.status for attempt in zalo.events.attempts} == {200}
        assert len(bot.rows(InboxEvent)) == 1


async def test_odd_letters_and_ids_of_any_length_are_stored(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, database_url: str
) -> None:
    """Half an emoji, a date in seconds, none at all or an absurd one, an id of 200 characters or none."""
    async with start_zalo(database_url) as bot:
        lan = zalo.person(name="Lan \ud83d")
        lan.does("text", text="menu \ud83d", message_id="x" * 200)
        lan.does("text", text="menu", date=1_700_000_000_000_000_000)
        event = lan.event("text", text="menu")
        del event["message"]["message_id"], event["message"]["date"]
        zalo.events.push(event)
        await bot.until(lambda: len(bot.rows(InboxEvent)) == 3)
        await bot.until(lambda: all(row.finished_at for row in bot.rows(InboxEvent)))
        assert [row.error_code for row in bot.rows(InboxEvent)] == [None, None, None]


async def test_who_cannot_be_read_is_told_the_telephone_number_once_a_day(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, database_url: str
) -> None:
    """Zalo withholds what children and others write: one answer for each person and day, also over a restart."""
    clock = Clock()
    clock.ahead = _to_noon(clock())
    lan, minh = zalo.person("lan"), zalo.person("minh", "Minh")
    noon = int(clock().timestamp() * 1000)
    async with start_zalo(database_url, clock) as bot:
        for _ in range(3):
            lan.does("unsupported", date=noon)
        minh.does("unsupported", date=noon)
        assert has((await lan.hears(1))[0], HOTLINE)
        await minh.hears(1)
        await bot.until(lambda: not zalo.events._waiting)
    async with start_zalo(database_url, clock) as bot:
        lan.does("unsupported", date=noon + 3_600_000)
        minh.says("menu")
        await minh.hears(2)
        await all_sent(bot)
        assert len(lan.messages) == 1
        clock.ahead += timedelta(days=1)
        lan.does("unsupported", date=noon + 86_400_000)
        assert len(await lan.hears(2)) == 2


async def test_who_cannot_be_read_in_mid_step_hears_the_number_and_may_go_on(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """No step takes what nobody can read; the way back to it is offered."""
    async with start_zalo(sqlite_url) as bot:
        lan = zalo.person()
        lan.says("menu")
        await lan.hears(1)
        lan.says("hoi can bo")
        await lan.hears(3)
        lan.does("unsupported")
        told = (await lan.hears(4))[3]
        assert has(told, HOTLINE) and number_of(told, t("menu.resume")) == "1"
        assert bot.rows(Conversation)[0].step == "category"


async def test_group_hears_one_sentence_a_day_and_nothing_it_says_is_kept(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, database_url: str
) -> None:
    """In a group everybody reads along: an invitation to write alone, no choices, and no words stored."""
    async with start_zalo(database_url) as bot:
        group = "group-of-the-workshop"
        lan, minh = zalo.person("lan", "Lan", group), zalo.person("minh", "Minh", group)
        lan.says("@Bot công ty nợ lương em 2 tháng")
        minh.says("@Bot còn em thì 3 tháng")
        lan.does("unsupported")
        alone = zalo.person("lan")
        alone.says("menu")
        await alone.hears(1)
        assert [message.text for message in await lan.hears(1)] == [t("menu.group")]
        events = bot.rows(InboxEvent)
        assert len(events) == 2
        assert "lương" not in events[0].raw and "Lan" not in events[0].raw
        assert [account.display_name for account in bot.rows(Account)] == [None, "Lan"]


# What is sent


async def test_long_answer_comes_in_pieces_and_its_list_in_one(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing exceeds 2,000 characters, and no list is cut from its lines or its numbers."""
    labels = [f"Câu hỏi thứ {number} về một chuyện khá dài dòng ở nhà máy" for number in range(1, 31)]
    text = "\n\n".join(f"Đoạn {number}: " + "lời dài " * 40 for number in range(10))
    reply = Reply(text, tuple(Button(label, ShowTopics()) for label in labels))
    monkeypatch.setattr("handlers.menu.conversation.greet", lambda _context: [reply])
    monkeypatch.setitem(__import__("handlers.dispatch").dispatch._COMMANDS, "menu", lambda _context: [reply])
    async with start_zalo(sqlite_url) as bot:
        lan = zalo.person()
        lan.says("menu")
        await lan.hears(3)
        await all_sent(bot)
        assert all(measure(message.text) <= 2000 for message in lan.messages)
        lists = [message for message in lan.messages if t("menu.choose_by_number") in message.text]
        lines = [line for message in lists for line in re.findall(r"^\d+\. .+$", message.text, re.MULTILINE)]
        assert lines == [f"{number}. {label}" for number, label in enumerate(labels, start=1)]
        lan.says("30")
        assert has((await lan.hears(len(lan.messages) + 1))[-1], "chủ đề nào")


async def test_what_was_written_unasked_may_be_longer_than_a_message(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """Notices are not cut by the inbox: they are cut when they go out, and nothing is lost."""
    async with start_zalo(sqlite_url) as bot:
        lan = zalo.person()
        lan.says("menu")
        await lan.hears(1)
        words = [f"từ{number}" for number in range(900)]
        tell(bot, Reply("**Tin dài** " + " ".join(words), (Button("Chủ đề", ShowTopics()),)))
        await lan.hears(4)
        await all_sent(bot)
        said = " ".join(message.text for message in lan.messages[1:])
        assert said.split()[:902] == ["Tin", "dài", *words]
        assert lan.messages[-1].text.endswith("1. Chủ đề")


@pytest.mark.parametrize(
    ("text", "drawn", "bold"),
    [
        ("Được **3 ngày** nghỉ", "Được 3 ngày nghỉ", ["3 ngày"]),
        ("🎉🎉 **đậm 🎉** nhạt", "🎉🎉 đậm 🎉 nhạt", ["đậm 🎉"]),
        ("[Luật](https://vbpl.vn/a) mới", "Luật (https://vbpl.vn/a) mới", []),
        ("[https://vbpl.vn/a](https://vbpl.vn/a)", "https://vbpl.vn/a", []),
        (f"Tên: {escape('*sao* **x** [a](b) <b>')}", "Tên: *sao* **x** [a](b) <b>", []),
        ("- một\n- hai", "• một\n• hai", []),
        ("Đo\u031b\u0301i **bô\u0323**", "Đới bộ", ["bộ"]),
    ],
)
def test_bold_is_marked_beside_the_words_and_links_are_addresses(text: str, drawn: str, bold: list[str]) -> None:
    """Nothing is ever taken for markup; places are counted in UTF-16 units of composed letters."""
    (message,) = draw(StoredReply(text))
    assert message.text == drawn
    assert Message(message.text, message.styles).bold == bold


async def test_bold_is_given_up_when_zalo_refuses_it_and_the_words_arrive(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """A parameter that only one source describes must not cost a message."""
    zalo.takes_styles = False
    async with start_zalo(sqlite_url):
        lan = zalo.person()
        lan.says("menu")
        (menu,) = await lan.hears(1)
        lan.says("menu")
        await lan.hears(2)
        assert menu.styles == ()
        assert len([call for call in zalo.calls if call.method == "sendMessage"]) == 3  # the refused one is the third


async def test_links_stand_as_words_and_address_and_contact_buttons_are_left_out(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """Nothing there can be pressed: an address can be copied, a telephone number is typed."""
    async with start_zalo(sqlite_url) as bot:
        lan = zalo.person()
        lan.says("menu")
        await lan.hears(1)
        buttons = (
            Button("Trang web", url="https://hoi.congdoan.example"),
            Button("Chia sẻ số điện thoại", shares_contact=True),
            Button("Chủ đề", ShowTopics()),
        )
        tell(bot, Reply("Xem thêm:", buttons))
        text = (await lan.hears(2))[1].text
        assert text == "Xem thêm:\n\nGõ số để chọn:\n1. Chủ đề\nTrang web: https://hoi.congdoan.example"


# Files


async def test_public_picture_goes_by_a_signed_address_with_its_text_as_caption(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, database_url: str
) -> None:
    """Zalo fetches it from our web server; an altered address, another number or a late visitor finds nothing."""
    clock = Clock()
    async with start_zalo(database_url, clock, **public_settings()) as bot, httpx.AsyncClient() as http:
        lan = zalo.person()
        lan.says("menu")
        await lan.hears(1)
        files = (File("poster.png", "image/png", PNG, is_personal=False),)
        tell(bot, Reply("Mời **dự** hội nghị", (Button("Chủ đề", ShowTopics()),), files))
        message = (await lan.hears(2))[1]
        assert (message.picture, message.text) == (PNG, "Mời dự hội nghị\n\nGõ số để chọn:\n1. Chủ đề")
        answer = await http.get(message.photo)
        assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "image/png", PNG)
        assert answer.headers["x-content-type-options"] == "nosniff"
        base, _, name = message.photo.rpartition("/")
        ledger, number, until, mark = name.split("-")
        for altered in (
            f"{ledger}-1-{until}-{mark}",
            f"{int(ledger) - 1}-{number}-{until}-{mark}",
            f"{ledger}-{number}-{int(until) + 1}-{mark}",
            f"{ledger}-{number}-{until}-{'0' * 32}.png",
            "x",
            "%00",
        ):
            assert (await http.get(f"{base}/{altered}")).status_code == 404
        clock.ahead += timedelta(days=7)
        assert (await http.get(message.photo)).status_code == 404


async def test_personal_file_never_gets_an_address(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """A member's card is fetched on the web page; neither it nor a signature made for it opens anything here."""
    settings = public_settings()
    async with start_zalo(sqlite_url, **settings) as bot, httpx.AsyncClient() as http:
        lan = zalo.person()
        lan.says("menu")
        await lan.hears(1)
        card = File("the-doan-vien.png", "image/png", PNG)
        tell(bot, Reply("Thẻ đoàn viên của anh/chị", files=(card,)))
        message = (await lan.hears(2))[1]
        assert (message.photo, zalo.done("sendPhoto")) == ("", [])
        assert has(message, "the-doan-vien.png", "thông tin riêng", settings["web_public_url"])
        assert "/files/" not in message.text
        public = bot.app._public_files
        line = bot.rows(Delivery)[-1].id
        with pytest.raises(ValueError, match="personal"):
            public.address_of(line, 0, card)
        forged = public.address_of(line, 0, File("x.png", "image/png", b"", is_personal=False))
        assert forged is not None
        assert (await http.get(forged)).status_code == 404


async def test_picture_that_zalo_does_not_take_goes_as_its_address(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """The words arrive all the same; other files that are no secret go as addresses at once."""
    async with start_zalo(sqlite_url, **public_settings()) as bot, httpx.AsyncClient() as http:
        lan = zalo.person()
        lan.says("menu")
        await lan.hears(1)
        broken = File("poster.png", "image/x-nothing-known", b"x", is_personal=False)
        leaflet = File("to-roi.pdf", "application/pdf", b"%PDF-", is_personal=False)
        zalo.faults.next("sendPhoto", _refusal())
        tell(bot, Reply("Hai tệp", files=(broken, leaflet)))
        message = (await lan.hears(2))[1]
        assert has(message, "Hai tệp", "poster.png", "to-roi.pdf")
        addresses = re.findall(r"http\S+/files/\S+", message.text)
        answers = [await http.get(address) for address in addresses]
        assert sorted(answer.content for answer in answers) == [b"%PDF-", b"x"]
        assert all(answer.headers["content-disposition"].startswith("attachment") for answer in answers)


async def test_without_a_public_address_a_file_is_named_and_nothing_more(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """The text says that the file cannot come this way."""
    async with start_zalo(sqlite_url) as bot:
        lan = zalo.person()
        lan.says("menu")
        await lan.hears(1)
        files = (File("poster.png", "image/png", PNG, is_personal=False), File("the.png", "image/png", PNG))
        tell(bot, Reply("Hai ảnh", files=files))
        message = (await lan.hears(2))[1]
        assert has(message, t("files.nowhere", name="poster.png"), "hỏi cán bộ công đoàn để nhận")
        assert zalo.done("sendPhoto") == []


async def test_two_pictures_go_before_their_text(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """The list stands last, where it is looked for."""
    async with start_zalo(sqlite_url, **public_settings()) as bot:
        lan = zalo.person()
        lan.says("menu")
        await lan.hears(1)
        files = tuple(File(f"{number}.png", "image/png", PNG, is_personal=False) for number in range(2))
        tell(bot, Reply("Hai ảnh", files=files))
        _, first, second, text = await lan.hears(4)
        assert first.photo and second.photo and not text.photo and text.text == "Hai ảnh"


def _refusal() -> Any:
    from tests.standins.telegram_faults import refuse

    return refuse(400, "Bad Request: photo can not be loaded")


def _to_noon(now: datetime) -> timedelta:
    """How far today's noon in Vietnam is away, so that a day does not end in mid-test."""
    local = now.astimezone(VIETNAM)
    return local.replace(hour=12, minute=0, second=0, microsecond=0) - local
