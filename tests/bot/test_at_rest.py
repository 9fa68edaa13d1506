"""What people say and who they are stands nowhere in clear: not in the database file, its log, nor our own log."""

from pathlib import Path

from db.keys import load_key_file
from tests.bot.process import BotProcess, Visitor

WORDS = "chuyenrieng-khong-ai-duoc-biet"
PHONE = "0987654321"


def test_planted_words_are_found_in_no_file(tmp_path: Path) -> None:
    """A conversation with planted words leaves none of them on disk, also while the bot still runs."""
    url = f"sqlite:///{tmp_path / 'union.db'}"
    bot = BotProcess(tmp_path, url, tmp_path / "union.key", LOG_LEVEL="DEBUG")
    bot.start()
    lan = Visitor(bot.address)
    lan.says(f"công ty nợ lương {WORDS} gọi {PHONE}")
    lan.presses("ask")
    lan.says(f"cán bộ gọi số {PHONE} nhé {WORDS}")
    planted = (WORDS.encode(), PHONE.encode(), "công ty nợ lương".encode())
    found = [path.name for path in tmp_path.iterdir() for word in planted if word in path.read_bytes()]
    bot.stop()
    found += [path.name for path in tmp_path.iterdir() for word in planted if word in path.read_bytes()]
    assert found == []
    assert load_key_file(tmp_path / "union.key")


def test_forgotten_visitor_leaves_no_sealed_row_behind(tmp_path: Path) -> None:
    """ "Xoá khỏi máy này" takes the rows away, not only the keys to them."""
    import httpx

    from db.models import Account, Conversation, Delivery, InboxEvent, OfficerRequest
    from db.session import Database

    url = f"sqlite:///{tmp_path / 'union.db'}"
    bot = BotProcess(tmp_path, url, tmp_path / "union.key")
    bot.start()
    lan = Visitor(bot.address)
    lan.says("nghỉ thai sản mấy tháng")
    lan.presses("ask")
    lan.says("gọi em")
    client: httpx.Client = lan._client
    answer = client.post(f"{bot.address}/api/forget", headers={"X-CSRF-Token": lan._csrf})
    assert answer.json() == {"forgotten": True}
    bot.stop()
    database = Database(url, load_key_file(tmp_path / "union.key"))
    with database.read() as session:
        for table in (Account, Conversation, Delivery, OfficerRequest):
            assert session.query(table).count() == 0, table
        assert all(event.raw is None for event in session.query(InboxEvent))
    database.close()
