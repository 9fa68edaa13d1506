"""Photographs, papers and voice notes come in over every channel, over real HTTP, with its faults."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from aiohttp import web
from sqlalchemy import LargeBinary, select, type_coerce
from sqlalchemy.orm import Session

from bot.transports import FetchUnavailable, FileGone, FileTooLarge
from bot.transports.downloads import Downloads
from db.case_files import list_files, open_file
from db.models import Case, CaseFile, InboxEvent
from db.session import Database
from handlers.cases.keeping import list_names
from handlers.chat import MAX_FILE_BYTES
from knowledge.answer import Answerer
from tests.handlers import planted
from tests.standins import telegram_faults as fault
from tests.standins.telegram import DESK_TOKEN, TOKEN, TelegramStandIn
from tests.standins.telegram_people import Person
from tests.standins.zalo_bot import ZaloBotStandIn
from tests.standins.zalo_oa import ZaloOaStandIn
from tests.standins.zalo_oa_people import ZaloMember

from .telegram_app import StartBot, has
from .test_web import Site, Visitor, serve
from .zalo_bot_app import StartZaloBot
from .zalo_oa_app import StartZaloOa

LAN = 5001
SHOWN_WITHIN = 60.0
"""Seconds; a file is cleaned in a process that loads its libraries first."""
STORY = "Công ty nợ lương hai tháng"
PICTURE = planted.jpeg()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.fetching._FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr("bot.inbox._SECONDS_PER_EVENT", 0.0)


def kept(database: Database) -> dict[str, bytes]:
    """The files of all cases."""

    def read(session: Session) -> dict[str, bytes]:
        found = {}
        for case in session.scalars(select(Case)):
            names = list_names(session, case)
            found |= {names[file.id]: open_file(session, case, file) for file in list_files(session, case)}
        return found

    with database.read() as session:
        return read(session)


# Telegram


async def reporting(telegram: TelegramStandIn, number: int = LAN) -> Person:
    """Somebody who has begun to tell what happened."""
    lan = telegram.bot().person(number, "Lan")
    await lan.says("/phananh")
    await lan.hears(2)
    await lan.says(STORY)
    await lan.hears(has("Công ty nợ lương"))
    return lan


async def test_telegram_photos_papers_and_voices_are_taken(
    telegram: TelegramStandIn, start: StartBot, database_url: str
) -> None:
    """The largest size of a photo, a document whatever it is called, a voice note: each once, each clean."""
    async with start(database_url) as bot:
        lan = await reporting(telegram)
        await lan.sends_photo(PICTURE, "bảng lương")
        await lan.hears(has("1 tệp"), SHOWN_WITHIN)
        await lan.sends_document(f"{planted.PLANT} don xin nghi.exe", planted.pdf())
        await lan.hears(has("2 tệp"), SHOWN_WITHIN)
        await lan.sends_voice(2, planted.voice("ogg", "libopus", rate=48_000))
        await lan.hears(has("giọng nói có thể bị nhận ra"), SHOWN_WITHIN)
        files = kept(bot.database)
        assert set(files) == {"anh-1.jpg", "tai-lieu-1.pdf", "loi-thu-am-1.m4a"}
        assert [name for name, content in files.items() if planted.finds(content)] == []
        assert len(telegram.downloads) == 3
        assert not [row for row in bot.rows(InboxEvent) if planted.PLANT in row.raw], "names are not even stored"


@pytest.mark.parametrize(
    "troubles",
    [
        {"getFile": [fault.server_error(), fault.bad_gateway(), fault.drop_before(), fault.malformed()]},
        {"getFile": [fault.flood(1)]},
        {"download": [fault.bad_gateway(), fault.drop_before(), fault.slow(1.5)]},
    ],
    ids=["asking", "flood", "downloading"],
)
async def test_telegram_is_asked_again_until_it_hands_the_file_over(
    telegram: TelegramStandIn,
    start: StartBot,
    sqlite_url: str,
    troubles: dict[str, list[fault.Fault]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Errors, silence, broken connections, a full minute's quota: the file comes once."""
    async with start(sqlite_url) as bot:
        lan = await reporting(telegram)
        monkeypatch.setattr("bot.transports.telegram._DOWNLOAD_SECONDS", 1.0)
        for method, faults in troubles.items():
            telegram.faults.next(method, *faults)
        await lan.sends_photo(PICTURE)
        await lan.hears(has("1 tệp"), SHOWN_WITHIN)
        assert len(bot.rows(CaseFile)) == 1
        assert telegram.faults.met.total() == sum(map(len, troubles.values()))


async def test_telegram_files_that_are_gone_or_too_large_are_told(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str
) -> None:
    """Telegram forgets a file, or it has more than we take, whether or not it says so beforehand; then one more comes
    and is taken."""
    async with start(sqlite_url) as bot:
        lan = await reporting(telegram)
        telegram.faults.next("getFile", fault.refuse(400, "Bad Request: wrong file_id or the file is unavailable"))
        await lan.sends_photo(PICTURE)
        await lan.hears(has("không còn giữ"))
        telegram.faults.next("download", fault.refuse(404, "Not Found"))
        await lan.sends_photo(PICTURE)
        await lan.hears(has("không còn giữ"))
        asked = len(telegram.calls("getFile"))
        await lan.sends_document("phim.pdf", b"%PDF-" + bytes(MAX_FILE_BYTES))
        await lan.hears(has("quá 10 MB"))
        assert len(telegram.calls("getFile")) == asked, "what Telegram says is too large is not asked for"
        raw: dict[str, Any] = {"document": telegram.bot().keep_file(bytes(MAX_FILE_BYTES + 1))}
        del raw["document"]["file_size"]
        lan._send(raw, None)
        await lan.hears(has("quá 10 MB"))
        raw = {"document": telegram.bot().keep_file(bytes(21 * 1024 * 1024))}
        del raw["document"]["file_size"]
        lan._send(raw, None)
        await lan.hears(has("quá 10 MB"))
        await lan.sends_document("gi do", b"khong ro la gi")
        await lan.hears(has("không rõ"), SHOWN_WITHIN)
        await lan.sends_photo(PICTURE)
        await lan.hears(has("1 tệp"), SHOWN_WITHIN)
        assert len(bot.rows(CaseFile)) == 1


async def test_telegram_file_that_nobody_waits_for_is_not_fetched(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str
) -> None:
    """It is answered, and stays where it is."""
    async with start(sqlite_url):
        lan = telegram.bot().person(LAN)
        await lan.sends_photo(PICTURE)
        await lan.hears(1)
        assert telegram.calls("getFile") == []
        assert telegram.downloads == []


async def test_both_telegram_bots_fetch_alike_and_quote_no_token(telegram: TelegramStandIn) -> None:
    """Two libraries, one contract; an error of theirs would hold the address, and that holds the token."""
    from bot.transports.telegram import TelegramTransport  # here, since loading the libraries takes seconds
    from bot.transports.telegram_desk import TelegramDeskTransport

    members, desk = TelegramTransport(TOKEN, telegram.url), TelegramDeskTransport(DESK_TOKEN, telegram.url)
    for transport, bot in ((members, telegram.bot()), (desk, telegram.bot(DESK_TOKEN))):
        raw = {"update_id": 1, "message": {"photo": [bot.keep_file(b"small"), bot.keep_file(PICTURE)]}}
        assert await transport.fetch(raw, MAX_FILE_BYTES) == PICTURE
        for trouble, expected in (
            (("download", fault.refuse(404, "Not Found")), FileGone),
            (("download", fault.bad_gateway()), FetchUnavailable),
            (("download", fault.drop_before()), FetchUnavailable),
            (("getFile", fault.refuse(400, "Bad Request: invalid file_id")), FileGone),
            (("getFile", fault.refuse(400, "Bad Request: file is too big")), FileTooLarge),
            (("getFile", fault.server_error()), FetchUnavailable),
            (("getFile", fault.drop_before()), FetchUnavailable),
        ):
            telegram.faults.next(*trouble, times=2)  # aiohttp repeats a GET whose connection breaks
            with pytest.raises(expected) as raised:
                await transport.fetch(raw, MAX_FILE_BYTES)
            assert raised.value.__suppress_context__ and not str(raised.value)
            telegram.faults.clear()
        with pytest.raises(FileTooLarge):
            await transport.fetch(raw, 100)
        for nothing in ({}, {"message": {"text": "x"}}, {"message": {"photo": []}}, {"message": None}):
            with pytest.raises(FileGone):
                await transport.fetch(nothing, 100)
        await transport.close()


# Zalo


async def test_zalo_official_account_pictures_papers_and_voices_are_taken(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str
) -> None:
    """By the address in the event, as long as Zalo keeps them; a film is refused, and an address that ended is told."""
    async with start_zalo_oa(sqlite_url) as bot:
        lan = ZaloMember(zalo_oa, str(LAN))

        async def hears(words: str) -> None:
            await bot.until(lambda: any(has(words)(sent) for sent in lan.messages), SHOWN_WITHIN)  # type: ignore[arg-type]

        await lan.says("phản ánh")
        await bot.until(lambda: len(lan.messages) >= 2)
        await lan.says(STORY)
        zalo_oa.files["a.jpg"] = PICTURE
        picture = {"url": f"{zalo_oa.url}/files/a.jpg", "name": f"{planted.PLANT}.jpg"}
        await lan.sends("image", {"attachments": [{"type": "image", "payload": picture}]})
        await hears("1 tệp")
        await lan.sends_file("file", "bang-luong.xlsx", planted.excel())
        await hears("2 tệp")
        await lan.sends_file("audio", "voice.aac", planted.voice("adts", "aac"))
        await hears("giọng nói có thể bị nhận ra")
        await lan.sends_file("video", "phim.mp4", planted.film())
        await hears("Chưa nhận được loại tệp này")
        files = kept(bot.database)
        assert set(files) == {"anh-1.jpg", "tai-lieu-1.xlsx", "loi-thu-am-1.m4a"}
        assert [name for name, content in files.items() if planted.finds(content)] == []
        assert not [row for row in bot.rows(InboxEvent) if planted.PLANT in row.raw], "names are not even stored"
        url = f"{zalo_oa.url}/files/het-han.jpg"
        await lan.sends("image", {"attachments": [{"type": "image", "payload": {"url": url}}]})
        await hears("không còn giữ")


async def test_zalo_bot_pictures_and_voices_are_taken(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """Under either name that the address of a picture has been seen under."""
    async with start_zalo(sqlite_url) as bot:
        lan = zalo.person()
        zalo.files["a.jpg"], zalo.files["b.aac"] = PICTURE, planted.voice("adts", "aac")

        async def hears(words: str) -> None:
            said = zalo.chats.messages[lan.chat_id]
            await bot.until(lambda: any(has(words)(one) for one in said), SHOWN_WITHIN)  # type: ignore[arg-type]

        for text in ("phản ánh", STORY):
            zalo.chats.messages.setdefault(lan.chat_id, [])
            zalo.events.push(lan.event("text", text=text))
        await hears(STORY)
        for number, form in enumerate(("photo", "photo_url"), 1):
            zalo.events.push(lan.event("image", **{form: f"{zalo.url}/files/a.jpg"}))
            await hears(f"{number} tệp")
        zalo.events.push(lan.event("voice", voice_url=f"{zalo.url}/files/b.aac"))
        await hears("giọng nói có thể bị nhận ra")
        zalo.events.push(lan.event("image", photo="http://127.0.0.1:1/inside.jpg"))
        await hears("không còn giữ")
        assert set(kept(bot.database)) == {"anh-1.jpg", "anh-2.jpg", "loi-thu-am-1.m4a"}


# Addresses that a platform gave


@contextlib.asynccontextmanager
async def a_server(answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_downloads_end_as_they_should() -> None:
    """Whole, endless, gone, down, cut, led elsewhere."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        what = request.path.removeprefix("/")
        if what.isdigit():
            return web.Response(status=int(what), headers={"Location": "http://169.254.169.254/"})
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for number in range(1000):
                await response.write(b"x" * 10_000)
                if what == "whole" and number == 5:
                    break
                if what == "cut" and request.transport:
                    request.transport.abort()
        return response

    async with a_server(answer) as url:
        downloads = Downloads(url)
        assert len(await downloads.fetch(f"{url}/whole", 100_000)) == 60_000
        for path, expected in (
            ("endless", FileTooLarge),
            ("404", FileGone),
            ("403", FileGone),
            ("302", FileGone),
            ("500", FetchUnavailable),
            ("429", FetchUnavailable),
            ("cut", FetchUnavailable),
        ):
            with pytest.raises(expected):
                await downloads.fetch(f"{url}/{path}", 100_000)
        await downloads.close()


# The web page


async def begins(site: Site) -> Visitor:
    """A visitor who has begun to tell what happened."""
    lan = await site.visitor()
    await lan.posts(text="phản ánh")
    await lan.posts(text=STORY)
    return lan


async def uploads(
    visitor: Visitor,
    content: bytes,
    event_id: str = "",
    media_type: str = "image/jpeg",
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    own = {"X-CSRF-Token": visitor.token, "Content-Type": media_type} | (headers or {})
    path = f"/api/files?id={event_id or uuid.uuid4().hex}&after=0"
    return await visitor.client.post(path, content=content, headers=own)


async def answered(site: Site, count: int) -> None:
    async with asyncio.timeout(SHOWN_WITHIN):
        while len(kept(site.database)) < count:  # noqa: ASYNC110  # another process takes part
            await asyncio.sleep(0.05)


async def test_web_upload_is_taken_once_and_its_bytes_do_not_stay_in_the_inbox(
    database: Database, answerer: Answerer
) -> None:
    """A repeat of the same post changes nothing; the page shows that a file was sent, and no name of it."""
    async with serve(database, answerer) as site:
        lan = await begins(site)
        event_id = uuid.uuid4().hex
        for _ in range(2):
            answer = await uploads(lan, PICTURE, event_id)
            assert answer.status_code == 200
            assert answer.json()["takes_files"] is True
        await answered(site, 1)
        [(name, content)] = kept(database).items()
        assert name == "anh-1.jpg" and planted.finds(content) == []
        assert "Đã gửi một tệp." in [message["spans"][0]["text"] for message in await lan.talk() if message["own"]]
        with database.read() as session:
            assert set(session.scalars(select(type_coerce(InboxEvent.file, LargeBinary)))) == {None}


async def test_web_upload_is_refused_where_no_file_is_wanted(database: Database, answerer: Answerer) -> None:
    """Nobody fills the database with files: they are taken only while the talk waits for one."""
    async with serve(database, answerer) as site:
        lan = await site.visitor()
        await lan.posts(text="menu")
        answer = await uploads(lan, PICTURE)
        assert answer.status_code == 409
        assert "chưa cần tệp" in answer.json()["problem"]
        assert (await lan.client.get("/api/messages")).json()["takes_files"] is False
        assert len(site.rows(InboxEvent)) == 1


async def test_web_upload_keeps_the_rules_of_every_post(database: Database, answerer: Answerer) -> None:
    """No cookie, no token, another site, no id, nothing in it, too much in it: refused, and nothing is kept."""
    async with serve(database, answerer) as site:
        lan = await begins(site)
        before = len(site.rows(InboxEvent))
        stranger = site.browser()
        assert (await uploads(stranger, PICTURE)).status_code == 401
        assert (await uploads(lan, PICTURE, headers={"X-CSRF-Token": "x"})).status_code == 403
        assert (await uploads(lan, PICTURE, headers={"Origin": "https://evil.example"})).status_code == 403
        assert (await uploads(lan, PICTURE, "!")).status_code == 400
        assert (await uploads(lan, b"")).status_code == 400
        large = await uploads(lan, bytes(MAX_FILE_BYTES + 1))
        assert large.status_code == 413 and "quá 10 MB" in large.json()["problem"]

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(11):
                yield bytes(1024 * 1024)

        path, headers = f"/api/files?id={uuid.uuid4().hex}", {"X-CSRF-Token": lan.token}
        assert (await lan.client.post(path, content=endless(), headers=headers)).status_code == 413
        assert len(site.rows(InboxEvent)) == before


async def test_web_upload_of_a_wrong_kind_is_answered_in_the_talk(database: Database, answerer: Answerer) -> None:
    """Judged by its bytes, whatever the browser says it is."""
    async with serve(database, answerer) as site:
        lan = await begins(site)
        await uploads(lan, b"MZ\x90\0 not a picture")
        async with asyncio.timeout(SHOWN_WITHIN):
            while "không rõ" not in str(await lan.talk()):  # noqa: ASYNC110  # another process takes part
                await asyncio.sleep(0.05)
        assert kept(database) == {}


async def test_web_uploads_are_slowed(database: Database, answerer: Answerer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that sends files without end is stopped, and told when to go on."""
    monkeypatch.setattr("bot.transports.web._FILES_PER_VISITOR", 2)
    async with serve(database, answerer) as site:
        lan = await begins(site)
        statuses = [(await uploads(lan, b"x", media_type="text/plain")).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]


async def test_forgetting_the_talk_erases_a_file_that_waits(
    database: Database, answerer: Answerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while it is being cleaned."""
    async with serve(database, answerer) as site:
        lan = await begins(site)
        monkeypatch.setattr("bot.transports.web._WAIT_FOR_ANSWER_SECONDS", 0.05)
        await uploads(lan, PICTURE)
        assert (await lan.client.post("/api/forget", headers={"X-CSRF-Token": lan.token})).status_code == 200
        await asyncio.sleep(3)
        with database.read() as session:
            assert set(session.scalars(select(type_coerce(InboxEvent.file, LargeBinary)))) == {None}
        assert kept(database) == {}
