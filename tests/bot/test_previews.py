"""What an editor is shown of a message is what each channel would send, word for word."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from bot.previews import Previews
from bot.transports import telegram_messages, zalo_bot_messages, zalo_oa_messages
from bot.transports.formatting import to_plain
from bot.transports.public_files import PublicFiles
from db.session import Database
from handlers.actions import ShowMenu
from handlers.chat import Button, File, Reply, StoredReply
from handlers.previews import Preview

PICTURE = File("anh-1.jpg", "image/jpeg", b"x" * 100, is_personal=False)
BOOK = File("tai-lieu-1.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"x", False)


def buttons(count: int) -> tuple[Button, ...]:
    return tuple(Button(f"Lựa chọn {number}", ShowMenu()) for number in range(count))


REPLIES = [
    Reply("**Tin vui**\n\nMời *anh chị* [xem](https://a.vn/x) nhé \\[1\\]"),
    Reply("**Ăn 🍚 đã**, rồi **họp** 😀", buttons(5)),
    Reply("- một\n- hai", buttons(7), (PICTURE,)),
    Reply("dài " * 700, (*buttons(2), Button("Trang", url="https://a.vn")), (PICTURE, BOOK)),
]


@pytest.fixture
def previews(database: Database) -> Iterator[Previews]:
    """As the program has them, with a public address."""
    return Previews(PublicFiles(database, "https://bot.example.vn", lambda: datetime(2026, 11, 23, tzinfo=UTC)))


def by_channel(previews: Previews, reply: Reply) -> dict[str, Preview]:
    return {preview.channel: preview for preview in previews(reply)}


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_preview_says_what_is_sent(previews: Previews, reply: Reply) -> None:
    """Every word, in as many messages, on every channel."""
    shown = by_channel(previews, reply)
    stored = StoredReply.from_json(reply.to_json(), ledger_id=0)
    telegram = [one.text for one in telegram_messages.draw(stored) if one.text is not None]
    assert "".join(to_plain(text) for text in shown["telegram"].texts) == "".join(map(to_plain, telegram)).strip()
    account = [one.body["text"] for one in zalo_oa_messages.draw(stored, "") if one.is_text]
    assert [to_plain(text) for text in shown["zalo_oa"].texts] == account
    bot = zalo_bot_messages.draw(stored, shown_lines(previews, reply))
    assert [to_plain(text) for text in shown["zalo_bot"].texts] == [one.text for one in bot]


def shown_lines(previews: Previews, reply: Reply) -> list[str]:
    """What Zalo Bot says of files below the text."""
    files = PublicFiles(previews._public_files._database, "https://bot.example.vn", previews._public_files._now)
    return zalo_bot_messages.sort_files(StoredReply.from_json(reply.to_json(), ledger_id=0), files)[1]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_preview_marks_bold_only_where_it_is_bold(previews: Previews) -> None:
    """Also behind signs that count twice in UTF-16."""
    shown = by_channel(previews, REPLIES[1])
    for channel in ("web", "telegram", "zalo_bot"):
        assert "**Ăn 🍚 đã**, rồi **họp**" in shown[channel].texts[0]
    assert "**" not in shown["zalo_oa"].texts[0]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_preview_draws_buttons_as_the_channel_does(previews: Previews) -> None:
    """Five are pressed on an Official Account, seven stand as a list; Zalo Bot always lists them."""
    five, seven = by_channel(previews, REPLIES[1]), by_channel(previews, REPLIES[2])
    assert len(five["zalo_oa"].buttons) == 5
    assert seven["zalo_oa"].buttons == ()
    assert "7. Lựa chọn 6" in seven["zalo_oa"].texts[-1]
    assert five["zalo_bot"].buttons == ()
    assert "5. Lựa chọn 4" in five["zalo_bot"].texts[-1]
    assert five["telegram"].buttons == ("Lựa chọn 0 | Lựa chọn 1", "Lựa chọn 2 | Lựa chọn 3", "Lựa chọn 4")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_preview_counts_files_that_do_not_arrive(previews: Previews) -> None:
    """A workbook does not go through an Official Account, and the editor reads so before anybody misses it."""
    shown = by_channel(previews, REPLIES[3])
    assert any("1 tệp không gửi được" in note for note in shown["zalo_oa"].notes)
    assert "không gửi được" in shown["zalo_oa"].texts[-1]
    assert any("2 tin" in note for note in shown["zalo_bot"].notes)
