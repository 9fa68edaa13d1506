"""A member talks with the union's Official Account on Zalo: the whole program over real HTTP, against a stand-in."""

import asyncio
import unicodedata
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.app import utc_now
from bot.transports import FetchUnavailable, FileGone, FileTooLarge
from bot.transports.zalo_oa_events import list_files
from bot.transports.zalo_oa_messages import draw, measure
from db.models import (
    Account,
    Conversation,
    DataRequest,
    DataRequestKind,
    Delivery,
    DeliveryState,
    Feedback,
    InboxEvent,
    ZaloFollower,
    ZaloReceipt,
)
from db.people import add_person
from db.session import Database
from db.zalo_oa import (
    Note,
    NoteKind,
    Receipt,
    Window,
    count_followers,
    count_windows,
    note_people,
    note_receipts,
)
from handlers.actions import ShowMenu
from handlers.chat import Button, File, Incoming, Kind, Reply, StoredReply
from handlers.feature import Context
from handlers.retention import apply_retention
from knowledge.normalize import fold
from tests.standins.telegram_faults import bad_gateway, slow
from tests.standins.zalo_oa import OA_ID, Sent, ZaloOaStandIn
from tests.standins.zalo_oa_people import ZaloMember
from tests.talk import HOTLINE

from .telegram_app import RunningBot
from .zalo_oa_app import SENDER, StartZaloOa

LAN = "6204117895032116745"
HOA = "9007199254740993"
QUESTION = "nghi thai san may thang"
PICTURE = "https://congdoan.example/the.png"


def has(*words: str) -> Callable[[Sent], bool]:
    """Whether a message holds these words, whatever the marks."""
    return lambda sent: all(fold(word) in fold(sent.text) for word in words)


def is_answer(sent: Sent) -> bool:
    """Cited, dated, and with the choices to judge it."""
    return has("Căn cứ", "Điều", "áp dụng từ", "Có ích", "Chưa đúng", "Hỏi cán bộ")(sent)


def replies_with(monkeypatch: pytest.MonkeyPatch, *replies: Reply) -> None:
    """Whatever somebody says, they hear this."""
    monkeypatch.setattr("bot.inbox.handle", lambda _context, _incoming: list(replies))


async def all_sent(bot: RunningBot) -> None:
    await bot.until(lambda: all(row.state is DeliveryState.SENT for row in bot.rows(Delivery)))


# The talk


async def test_member_asks_judges_and_asks_for_an_officer(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, database_url: str
) -> None:
    """The main job from the first word to the officer's desk: buttons pressed, numbers and words typed."""
    async with start_zalo_oa(database_url) as bot:
        lan = ZaloMember(zalo_oa, LAN)
        await lan.says("menu")
        menu = await lan.hears(has("Công đoàn Thử nghiệm", "thông tin tham khảo", HOTLINE))
        assert {button["type"] for button in menu.buttons} == {"oa.query.hide"}
        await lan.presses("Xem theo chủ đề")
        await lan.hears()
        await lan.says(QUESTION)
        await lan.hears(is_answer)
        await lan.says("2")
        await lan.hears(has("cảm ơn"))
        await lan.says(QUESTION)
        await lan.hears(is_answer)
        await lan.says("chua dung")
        await lan.hears()
        await lan.says("chỗ em khác")
        await lan.hears(has("Đã ghi lại"))
        helpful, wrong = bot.rows(Feedback)
        assert helpful.verdict.value == "helpful"
        assert (wrong.question, wrong.note) == (QUESTION, "chỗ em khác")
        (conversation,) = bot.rows(Conversation)
        assert (conversation.feature, conversation.draft) == (None, None)
        (account,) = bot.rows(Account)
        assert (account.address, account.sender) == (LAN, SENDER)


async def test_button_from_last_month_is_answered_with_the_way_back(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str
) -> None:
    """A button whose meaning is gone says so and offers the menu."""
    async with start_zalo_oa(sqlite_url):
        lan = ZaloMember(zalo_oa, LAN)
        for payload in ("#!e|muc-khong-con", "#!một nút của bản cũ", "#!"):
            await lan.says(payload)
            said = await lan.hears(has("đã thay đổi"))
            assert said.buttons


async def test_what_cannot_be_read_is_answered_kindly(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str
) -> None:
    """A sticker, a picture, a document, a voice, a place, a card and an empty text never meet silence."""
    async with start_zalo_oa(sqlite_url):
        lan = ZaloMember(zalo_oa, LAN)
        place = {"type": "location", "payload": {"coordinates": {"latitude": "21.0", "longitude": "105.8"}}}
        for what, message in (
            ("sticker", {"attachments": [{"type": "sticker", "payload": {"id": "1", "url": "https://x.example"}}]}),
            ("location", {"attachments": [place]}),
            ("business_card", {"attachments": [{"type": "link", "payload": {"description": "{}"}}]}),
            ("text", {"text": ""}),
            ("hologram", {"depth": 3}),
        ):
            await lan.sends(what, message)
            await lan.hears()
        for what, name in (("image", "a.jpg"), ("file", "a.pdf"), ("audio", "a.amr"), ("video", "a.mp4")):
            await lan.sends_file(what, name, b"content")
            await lan.hears()


async def test_ids_beyond_what_numbers_hold_stay_as_they_are(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str
) -> None:
    """Zalo's ids pass 2^53; whether they come as a string or a number, the answer goes to the right person."""
    async with start_zalo_oa(sqlite_url) as bot:
        hoa = ZaloMember(zalo_oa, HOA)
        event = hoa.message_event("text", {"text": "menu"})
        event |= {"sender": {"id": int(HOA)}, "recipient": {"id": int(OA_ID)}, "timestamp": int(event["timestamp"])}
        hoa.person.interacted_at = utc_now()
        await zalo_oa.deliver(event)
        await hoa.hears()
        assert bot.rows(Account)[0].address == HOA


async def test_program_goes_on_after_a_restart(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, database_url: str
) -> None:
    """A talk that was stopped half-way goes on, and the tokens are still there."""
    lan = ZaloMember(zalo_oa, LAN)
    async with start_zalo_oa(database_url):
        await lan.says(QUESTION)
        await lan.hears(is_answer)
        await lan.says("Chưa đúng")
        await lan.hears()
    async with start_zalo_oa(database_url, is_logged_in=False) as bot:
        await lan.says("chỗ em khác")
        await lan.hears(has("Đã ghi lại"))
        assert [one.note for one in bot.rows(Feedback)] == ["chỗ em khác"]
        assert zalo_oa.calls["token"] == 0


# How messages are drawn


async def test_long_reply_arrives_in_order_within_the_limit(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of at most 2,000 composed letters, nothing lost, the buttons under the last."""
    long = "\n\n".join(f"Đoạn {number} **đậm** 😀 " + "chữ " * 150 for number in range(14))
    decomposed = unicodedata.normalize("NFD", long)
    replies_with(monkeypatch, Reply(decomposed, (Button("Về menu", ShowMenu()),)))
    async with start_zalo_oa(sqlite_url) as bot:
        lan = ZaloMember(zalo_oa, LAN)
        await lan.says("kể hết đi")
        await lan.hears(lambda sent: bool(sent.buttons))
        await all_sent(bot)
        parts = lan.messages
        assert len(parts) > 3
        assert all(len(part.text) <= 2000 for part in parts)
        assert all(unicodedata.is_normalized("NFC", part.text) for part in parts)
        assert [bool(part.buttons) for part in parts] == [False] * (len(parts) - 1) + [True]
        assert " ".join(part.text for part in parts).split() == long.replace("**", "").split()


@pytest.mark.parametrize(("count", "native"), [(1, True), (5, True), (6, False), (12, False)])
def test_few_buttons_are_drawn_and_many_are_numbered(count: int, native: bool) -> None:
    """Five at most, and no title above a hundred letters; otherwise a list whose numbers can be typed."""
    reply = stored(Reply("Chọn đi", tuple(Button(f"Nút {n}", ShowMenu()) for n in range(1, count + 1))))
    (draft,) = draw(reply, "")
    assert ("attachment" in draft.body) is native
    assert (f"{count}. Nút {count}" in draft.body["text"]) is not native


def test_long_title_makes_a_list() -> None:
    """A title Zalo would cut is written out."""
    (draft,) = draw(stored(Reply("Chọn đi", (Button("dài " * 30, ShowMenu()),))), "")
    assert "attachment" not in draft.body
    assert "1. dài" in draft.body["text"]


def test_links_are_buttons_and_files_nobody_takes_are_named() -> None:
    """A link opens; an archive and a picture of two megabytes are named instead of being lost in silence."""
    files = (
        File("don.zip", "application/zip", b"1"),
        File("anh.png", "image/png", b"1" * 2_000_000),
        File("the.png", "image/png", b"1"),
    )
    link = Button("Mở trang", url="https://congdoan.example")
    picture, text = draw(stored(Reply("Đây", (link,), files)), "")
    assert picture.file == files[2]
    assert "don.zip" in text.body["text"]
    assert "anh.png" in text.body["text"]
    (button,) = text.body["attachment"]["payload"]["buttons"]
    assert button["payload"] == {"url": "https://congdoan.example"}


def test_length_is_that_of_composed_letters() -> None:
    """A letter with its marks counts once, whatever form it came in."""
    assert measure(unicodedata.normalize("NFD", "Đường ấy")) == measure("Đường ấy") == 8


def stored(reply: Reply) -> StoredReply:
    return StoredReply.from_json(reply.to_json())


async def test_buttons_that_zalo_does_not_take_become_a_list(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str
) -> None:
    """Copies of Zalo's pages disagree on buttons in consultation messages: should it refuse them (-201), people get the
    list, and the next message begins with it."""
    zalo_oa.takes_buttons = False
    async with start_zalo_oa(sqlite_url):
        lan = ZaloMember(zalo_oa, LAN)
        for _ in range(2):
            await lan.says("menu")
            menu = await lan.hears()
            assert has("1. ", "Xem theo chủ đề")(menu)
            assert menu.buttons == []
        assert zalo_oa.calls["cs"] == 3
        await lan.says("xem theo chu de")
        await lan.hears()


async def test_files_go_up_and_pictures_before_the_text(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture and a document arrive; the same content is uploaded once, and anew when Zalo has dropped it."""
    files = (File("the.png", "image/png", b"picture"), File("don.pdf", "application/pdf", b"paper"))
    replies_with(monkeypatch, Reply("Giấy tờ đây", (Button("Về menu", ShowMenu()),), files))
    shift = timedelta()
    zalo_oa.clock = lambda: utc_now() + shift
    async with start_zalo_oa(sqlite_url, lambda: utc_now() + shift) as bot:
        lan = ZaloMember(zalo_oa, LAN)
        for uploads in (2, 2):
            await lan.says("giấy tờ")
            await lan.hears(3)
            assert zalo_oa.calls["upload"] == uploads
        assert [sent.kind for sent in lan.messages] == ["image", "file", "text"] * 2
        assert {upload.content for upload in zalo_oa.uploads.values()} == {b"picture", b"paper"}
        assert bot.rows(Delivery)[0].platform_message_id == lan.messages[2].message_id
        zalo_oa.uploads.clear()  # sooner than Zalo says
        await lan.says("giấy tờ")
        await lan.hears(3)
        assert zalo_oa.calls["upload"] == 4
        shift = timedelta(days=6, hours=1)
        await lan.says("giấy tờ")
        await lan.hears(3)
        assert zalo_oa.calls["upload"] == 6


async def test_message_that_broke_off_half_way_goes_on_where_it_was(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture is out, then Zalo fails: the second try does not send the picture again."""
    replies_with(monkeypatch, Reply("Thẻ đây", (), (File("the.png", "image/png", b"picture"),)))
    async with start_zalo_oa(sqlite_url) as bot:
        lan = ZaloMember(zalo_oa, LAN)
        zalo_oa.faults.next("cs", slow(0), bad_gateway(), bad_gateway())
        await lan.says("thẻ")
        await lan.hears(2)
        await all_sent(bot)
        assert [sent.kind for sent in lan.messages] == ["image", "text"]


async def test_files_people_send_can_be_fetched(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str
) -> None:
    """What hangs on a message is found in its event and downloaded from Zalo, as long as it is there; no address inside
    the operator's own network is ever asked."""
    async with start_zalo_oa(sqlite_url) as bot:
        account = bot.app._zalo_oa
        assert account is not None
        lan = ZaloMember(zalo_oa, LAN)
        url = await lan.sends_file("image", "don.jpg", b"\xff\xd8 picture")
        event = zalo_oa.posts[-1].event
        assert list_files(event) == [("image", url)]
        assert await account.fetch(event, 100) == b"\xff\xd8 picture"
        with pytest.raises(FileTooLarge):
            await account.fetch(event, 5)
        private = ("https://127.0.0.1/x", "https://169.254.169.254/x", "https://[::1]/x", "http://zalo.example/x")
        for url in (f"{zalo_oa.url}/files/gone.jpg", *private):
            with pytest.raises(FileGone):
                await account.fetch(event_with(url), 100)
        with pytest.raises(FetchUnavailable):  # a name that leads inside
            await account.fetch(event_with("https://localhost/x"), 100)


def event_with(url: str) -> dict[str, Any]:
    """An event whose picture lies at an address."""
    return {"message": {"attachments": [{"type": "image", "payload": {"url": url}}]}}


# The telephone number


async def test_person_shares_their_own_telephone_number(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card asks for it, and what comes back is known to be theirs."""
    heard: list[Incoming] = []

    def handle(_context: Context, incoming: Incoming) -> list[Reply]:
        heard.append(incoming)
        asks = Button("Chia sẻ số điện thoại", shares_contact=True)
        return [Reply("Anh/chị cho số nhé", (asks, Button("Thôi", ShowMenu())))] if incoming.text else [Reply("Cảm ơn")]

    monkeypatch.setattr("bot.inbox.handle", handle)
    async with start_zalo_oa(sqlite_url, zalo_card_image_url=PICTURE):
        lan = ZaloMember(zalo_oa, LAN, "Nguyễn Thị Lan")
        await lan.says("gia nhập")
        card = await lan.hears(2)
        assert card.kind == "request_user_info"
        assert card.body["attachment"]["payload"]["elements"][0]["image_url"] == PICTURE
        assert [button["title"] for button in lan.messages[0].buttons] == ["Thôi"]
        for phone in (84901234567, "84901234567"):
            await lan.shares_phone(phone)
            await lan.hears(has("Cảm ơn"))
            assert heard[-1].kind is Kind.CONTACT
            assert heard[-1].contact is not None
            assert (heard[-1].contact.phone, heard[-1].contact.is_own) == ("+84901234567", True)
            assert heard[-1].display_name == "Nguyễn Thị Lan"


async def test_without_a_picture_for_the_card_people_type_their_number(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zalo takes no card without a picture, so the button is left out and the question stands."""
    replies_with(monkeypatch, Reply("Số điện thoại?", (Button("Chia sẻ", shares_contact=True),)))
    async with start_zalo_oa(sqlite_url) as bot:
        lan = ZaloMember(zalo_oa, LAN)
        await lan.says("gia nhập")
        await lan.hears()
        await all_sent(bot)
        assert [sent.body for sent in lan.messages] == [{"text": "Số điện thoại?"}]


# Followers, receipts, rights


async def test_followers_are_listed_whatever_order_the_events_come_in(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, database_url: str
) -> None:
    """Our own list, by keyed hash with the id sealed: the newest event wins, repeats change nothing, no answer goes."""
    async with start_zalo_oa(database_url) as bot:
        lan, hoa = ZaloMember(zalo_oa, LAN), ZaloMember(zalo_oa, HOA)
        older = lan.follow_event("follow")
        await asyncio.sleep(0.01)
        newer = lan.follow_event("unfollow")
        for event in (newer, older, newer, older):
            await zalo_oa.deliver(event)
        await hoa.follows()
        await hoa.follows()
        rows = {row.address: row for row in bot.rows(ZaloFollower)}
        assert {address: row.is_following for address, row in rows.items()} == {LAN: False, HOA: True}
        with bot.database.read() as session:
            assert count_followers(session, SENDER) == 1
            assert count_windows(session, SENDER, utc_now()) == {Window.FREE: 0, Window.BILLABLE: 0, Window.CLOSED: 2}
        await hoa.says("menu")
        await hoa.hears()
        with bot.database.read() as session:
            assert count_windows(session, SENDER, utc_now())[Window.FREE] == 1
            later = utc_now() + timedelta(days=3)
            assert count_windows(session, SENDER, later)[Window.BILLABLE] == 1
        assert len(bot.rows(InboxEvent)) == 1
        assert bot.rows(InboxEvent)[0].lane == rows[HOA].address_hash


async def test_rights_of_somebody_the_union_knows_become_a_request_with_a_deadline(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, database_url: str
) -> None:
    """Nobody's membership ends by a guess of what Zalo meant: an officer decides, in time."""
    async with start_zalo_oa(database_url) as bot:
        lan = ZaloMember(zalo_oa, LAN)
        await lan.says("menu")
        await lan.hears()
        await all_sent(bot)
        with bot.database.begin() as session:
            person = add_person(session, {"full_name": "Nguyễn Thị Lan"}, utc_now())
            session.query(Account).one().person_id = person.id
        await lan.withdraws()
        await lan.withdraws()
        (request,) = bot.rows(DataRequest)
        assert (request.kind, request.person_id) == (DataRequestKind.WITHDRAW, person.id)
        assert request.due_at > utc_now()
        assert len(bot.rows(Account)) == 1
        assert bot.rows(ZaloFollower) == []


def test_who_left_long_ago_is_forgotten(database: Database) -> None:
    """Ninety days after they left and last wrote; who still follows stays. Receipts go after ninety days too."""
    now = utc_now()
    old, recent = now - timedelta(days=100), now - timedelta(days=10)
    notes = [
        Note(SENDER, "stays", "1", NoteKind.FOLLOWED, old),
        Note(SENDER, "left", "2", NoteKind.UNFOLLOWED, old),
        Note(SENDER, "left and wrote", "3", NoteKind.UNFOLLOWED, old),
        Note(SENDER, "left and wrote", "3", NoteKind.INTERACTED, recent),
        Note(SENDER, "never followed", "4", NoteKind.INTERACTED, old),
    ]
    with database.begin() as session:
        note_people(session, notes)
        note_receipts(session, [Receipt(SENDER, "m1", False, old)], old)
        note_receipts(session, [Receipt(SENDER, "m2", False, now)], now)
        apply_retention(session, now)
    with database.read() as session:
        assert {row.address_hash for row in session.query(ZaloFollower)} == {"stays", "left and wrote"}
        assert [row.message_id for row in session.query(ZaloReceipt)] == ["m2"]


async def test_what_reached_the_phone_and_was_seen_is_written_down(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, database_url: str
) -> None:
    """By the message's id, once each, though Zalo may tell it before our own record of the sending."""
    zalo_oa.confirms = True
    async with start_zalo_oa(database_url) as bot:
        lan = ZaloMember(zalo_oa, LAN)
        for _ in range(3):
            await lan.says("menu")
            await lan.hears()
        await zalo_oa.settled()
        await all_sent(bot)
        receipts = {row.message_id: row for row in bot.rows(ZaloReceipt)}
        assert set(receipts) == {row.platform_message_id for row in bot.rows(Delivery)}
        assert all(row.delivered_at and row.seen_at and row.seen_at >= row.delivered_at for row in receipts.values())
        await zalo_oa.post(
            next(post.event for post in zalo_oa.posts if post.event["event_name"] == "user_seen_message")
        )
        assert len(bot.rows(ZaloReceipt)) == 3
        assert len(bot.rows(InboxEvent)) == 3


async def test_rights_over_data_exercised_in_zalo_erase_the_talk(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, database_url: str
) -> None:
    """What only this channel knows of a person is erased at once; the operator is told, without a name."""
    async with start_zalo_oa(database_url) as bot:
        lan, hoa = ZaloMember(zalo_oa, LAN), ZaloMember(zalo_oa, HOA)
        for one in (lan, hoa):
            await one.says("menu")
            await one.hears()
        await all_sent(bot)
        await lan.withdraws()
        await lan.withdraws()
        alert, *left = [row for row in bot.rows(Delivery) if row.kind.value == "operator_alert"]
        assert left == []
        assert LAN not in alert.body["text"]
        assert [row.address for row in bot.rows(ZaloFollower)] == [HOA]
        assert [row.address for row in bot.rows(Account)] == [HOA]
        assert [row.recipient for row in bot.rows(Delivery) if row.kind.value == "reply"] == [
            bot.rows(Account)[0].address_hash
        ]
        assert sum(row.raw is None for row in bot.rows(InboxEvent)) == 1
