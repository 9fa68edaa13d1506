"""The web server over real HTTP: whom it lets in, what it refuses, and that nothing is lost or done twice."""

import asyncio
import json
import re
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from bot.app import App, utc_now
from bot.settings import Settings
from bot.transports.web import COOKIE, WebServer, WebTransport
from db.deliveries import Outgoing, add_deliveries
from db.models import Account, Case, Delivery, DeliveryKind, DeliveryState, Feedback, InboxEvent, InboxState
from db.session import Database
from handlers.actions import AskOfficer, GiveFeedback, Opinion, ShowMenu, encode
from handlers.chat import File, Reply
from handlers.feature import Union
from knowledge.answer import Answerer
from knowledge.texts import load_texts, t

WEB = Path(__file__).parents[2] / "web"
HOTLINE = "1900 1234"
STORY = "quản đốc trừ lương cả tổ ba tháng"
TOLD_WITHIN = 20.0
"""Seconds in which a pushed message reaches a waiting page: before the server would end the wait with nothing."""


class Visitor:
    """A browser as the server sees it: a cookie and the token of the page."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.page = httpx.Response(0)
        self.token = ""

    async def opens_the_page(self) -> "Visitor":
        self.page = await self.client.get("/")
        found = re.search(r'data-csrf="(\w+)"', self.page.text)
        assert found
        self.token = found[1]
        return self

    async def posts(
        self, headers: dict[str, Any] | None = None, path: str = "/api/messages", **message: Any
    ) -> httpx.Response:
        posted = {"id": new_id()} | message
        return await self.client.post(path, json=posted, headers={"X-CSRF-Token": self.token} | (headers or {}))

    async def talk(self) -> list[dict[str, Any]]:
        answer = await self.client.get("/api/messages")
        assert answer.status_code == 200
        return list(answer.json()["messages"])

    async def waits(self, after: int, known: list[int] | None = None) -> list[dict[str, Any]]:
        query = {"wait": "1", "after": after, "known": ",".join(map(str, known or []))}
        return list((await self.client.get("/api/messages", params=query)).json()["messages"])


class Site:
    """The running program, reached over HTTP."""

    def __init__(self, address: str, app: App, database: Database) -> None:
        self.address = address
        self.app = app
        self.database = database
        self._clients: list[httpx.AsyncClient] = []

    def browser(self, **cookies: str) -> Visitor:
        client = httpx.AsyncClient(base_url=self.address, cookies=cookies, timeout=30, trust_env=False)
        self._clients.append(client)
        return Visitor(client)

    async def visitor(self) -> Visitor:
        return await self.browser().opens_the_page()

    def rows(self, model: type) -> list[Any]:
        with self.database.read() as session:
            return list(session.scalars(select(model)))

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()


@asynccontextmanager
async def serve(database: Database, answerer: Answerer, **changes: Any) -> AsyncIterator[Site]:
    """Run the whole program on a free port."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    values = {"web_port": 0, "union_name": 'Công đoàn <b>"A"</b>', "union_hotline": HOTLINE} | changes
    values |= {"telegram_token": "", "telegram_desk_token": "", "operator_telegram_id": ""}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(_env_file=None, key_file=Path(folder) / "unused.key", **values)
        app = App(settings, database, answerer, lines.put_nowait)
        running = asyncio.create_task(app.run())
        found = None
        while not found:
            found = re.search(r"http://\S+", await asyncio.wait_for(lines.get(), 20))
        site = Site(found[0], app, database)
        yield site
        await site.close()
        app.stop()
        await running


@pytest.fixture
async def site(database: Database, answerer: Answerer) -> AsyncIterator[Site]:
    async with serve(database, answerer) as running:
        yield running


@pytest.fixture
def question(answerer: Answerer) -> str:
    """A question that has a published answer."""
    return answerer.question_of(any_entry(answerer))


def any_entry(answerer: Answerer) -> str:
    today = datetime.now(UTC).date()
    return next(entry for topic, _ in answerer.topics(today) for entry in answerer.entries_of(topic, today))


def new_id() -> str:
    return uuid.uuid4().hex


def text_of(message: dict[str, Any]) -> str:
    return "".join(span["text"] for span in message["spans"])


# --- the page and its cookie ---


async def test_the_page_is_filled_and_escaped(site: Site) -> None:
    """No blank is left open, and a union's name cannot become markup."""
    page = (await site.visitor()).page
    assert page.status_code == 200
    assert "[[" not in page.text
    assert "Công đoàn &lt;b&gt;&quot;A&quot;&lt;/b&gt;" in page.text
    assert HOTLINE in page.text


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(site: Site) -> None:
    """The cookie is the whole identity of a visitor."""
    cookie = (await site.visitor()).page.headers["set-cookie"].lower()
    assert cookie.startswith(f"{COOKIE}=")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert "secure" not in cookie  # plain http on this machine; the next test has a public address


async def test_behind_a_public_https_address_the_cookie_is_secure_and_only_that_origin_may_post(
    database: Database, answerer: Answerer, question: str
) -> None:
    """The proxy speaks plain http to us; what counts is the address that people type."""
    async with serve(database, answerer, web_public_url="https://hoi.example") as site:
        lan = await site.visitor()
        assert "secure" in lan.page.headers["set-cookie"].lower()
        lan.client.cookies.set(COOKIE, lan.page.cookies.get(COOKIE) or token_in(lan.page), domain="127.0.0.1")
        assert (await lan.posts({"Origin": "https://hoi.example"}, text=question)).status_code == 200
        assert (await lan.posts({"Origin": site.address}, text=question)).status_code == 403


def token_in(page: httpx.Response) -> str:
    return str(page.headers["set-cookie"].split("=", 1)[1].split(";")[0])


async def test_reopening_the_page_keeps_the_visitor(site: Site, question: str) -> None:
    """The talk belongs to the cookie, not to the page."""
    lan = await site.visitor()
    await lan.posts(text=question)
    said = await lan.talk()
    await lan.opens_the_page()
    assert await lan.talk() == said


async def test_the_whole_page_weighs_less_than_20_kilobytes_on_the_way(site: Site) -> None:
    """It is loaded over a bad connection on the night shift."""
    lan = await site.visitor()
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', lan.page.text)
    weights = [(await lan.client.get(file)).raise_for_status().num_bytes_downloaded for file in files]
    assert len(files) == 3
    assert lan.page.num_bytes_downloaded + sum(weights) < 20_000


def test_no_vietnamese_sentence_stands_in_the_page_files() -> None:
    """Curators find every sentence in texts.yaml."""
    for path in WEB.rglob("*.*"):
        letters = {letter for letter in path.read_text(encoding="utf-8").lower() if "à" <= letter <= "ỹ"}
        assert not letters - {"→", "–"}, path


def test_every_sentence_that_the_page_names_exists() -> None:
    """A blank without a sentence would stop the start; here it is found earlier."""
    named = re.findall(r"\[\[(web\.[a-z_]+)\]\]", (WEB / "chat.html").read_text(encoding="utf-8"))
    assert set(named) <= set(load_texts())


# --- asking ---


async def test_a_question_is_answered_in_the_same_request(site: Site, question: str) -> None:
    """The page shows the answer as soon as its question is accepted."""
    lan = await site.visitor()
    answer = await lan.posts(text=question)
    assert answer.status_code == 200
    assert not answer.json()["waiting"]
    assert any("Căn cứ" in text_of(message) for message in answer.json()["messages"])


async def test_a_reload_shows_both_sides_but_not_what_the_page_said_by_itself(site: Site, question: str) -> None:
    """Words and pressed buttons are the visitor's own; the greeting's request is not."""
    lan = await site.visitor()
    await lan.posts(text="/start")
    await lan.posts(text="Về menu", action=encode(ShowMenu()))
    await lan.posts(text=question)
    talk = await lan.talk()
    assert [text_of(message) for message in talk if message["own"]] == ["Về menu", question]
    assert [message["own"] for message in talk[:3]] == [False, True, False]


async def test_a_repeated_id_changes_nothing_and_its_answer_is_still_there(site: Site, answerer: Answerer) -> None:
    """The page repeats what it does not know to be received."""
    lan = await site.visitor()
    await lan.posts(text="/start")
    opinion, again = encode(GiveFeedback(Opinion.HELPFUL, any_entry(answerer))), new_id()
    first = await lan.posts(id=again, action=opinion)
    second = await lan.posts(id=again, action=opinion)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["messages"] == second.json()["messages"]
    assert len(site.rows(Feedback)) == 1


async def test_simultaneous_repeats_are_answered_once(site: Site, question: str) -> None:
    """A nervous thumb and a bad connection."""
    lan = await site.visitor()
    again = new_id()
    answers = await asyncio.gather(*(lan.posts(id=again, text=question) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(message["own"] for message in await lan.talk()) == 1
    assert sum("Căn cứ" in text_of(message) for message in await lan.talk()) == 1


async def test_broken_letters_are_stored_as_question_marks(site: Site) -> None:
    """Half an emoji must not block its sender's later messages."""
    lan = await site.visitor()
    body = json.dumps({"id": new_id(), "text": "nghi phep \ud83d"})
    answer = await lan.client.post("/api/messages", content=body, headers={"X-CSRF-Token": lan.token})
    assert answer.status_code == 200
    assert text_of((await lan.talk())[0]) == "nghi phep ?"


async def test_the_longest_allowed_text_is_taken(site: Site) -> None:
    """10,000 letters of a long night; each of them may take several bytes."""
    lan = await site.visitor()
    answer = await lan.posts(text="ữ " * 5_000)
    assert answer.status_code == 200
    assert answer.json()["messages"]


# --- refusals ---


@pytest.mark.parametrize(
    "headers",
    [
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "0" * 32},
        {"X-CSRF-Token": b"\xc4\x91"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_requests_of_other_sites_are_refused(site: Site, headers: dict[str, Any]) -> None:
    """Another site may make a browser send our cookie; it can never make it speak or forget."""
    lan = await site.visitor()
    for path in ("/api/messages", "/api/forget"):
        assert (await lan.posts(headers, path, text="xin chào")).status_code == 403
    assert await lan.talk() == []


async def test_a_missing_csrf_token_is_refused(site: Site) -> None:
    """The cookie alone is not enough."""
    lan = await site.visitor()
    assert (await lan.client.post("/api/messages", json={"id": new_id(), "text": "a"})).status_code == 403


async def test_the_token_of_another_visitor_is_refused(site: Site) -> None:
    """Tokens are bound to the cookie."""
    lan, hoa = await site.visitor(), await site.visitor()
    assert (await lan.posts({"X-CSRF-Token": hoa.token}, text="a")).status_code == 403


async def test_foreign_pages_cannot_read_a_talk(site: Site, question: str) -> None:
    """Reading is guarded like writing."""
    lan = await site.visitor()
    await lan.posts(text=question)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await lan.client.get("/api/messages", headers=headers)).status_code == 403


@pytest.mark.parametrize("cookie", ["", "short", "x" * 44, "%00" * 14])
async def test_a_cookie_that_we_never_made_is_nobody(site: Site, cookie: str) -> None:
    """The page then gives a fresh one."""
    stranger = site.browser(**{COOKIE: cookie})
    assert (await stranger.client.get("/api/messages")).status_code == 401
    assert (await stranger.posts(text="a")).status_code == 401
    assert token_in((await stranger.opens_the_page()).page) != cookie


async def test_an_unknown_cookie_sees_an_empty_talk(site: Site, question: str) -> None:
    """After a restore, or after being forgotten, the old cookie is simply a new visitor."""
    lan = await site.visitor()
    await lan.posts(text=question)
    stranger = site.browser(**{COOKIE: "A" * 43})
    assert await stranger.talk() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'"text"',
        b'{"text": "no id"}',
        b'{"id": "short", "text": "a"}',
        b'{"id": "0123456789abcdef!", "text": "a"}',
        b'{"id": "0123456789abcdef", "text": 5}',
        b'{"id": "0123456789abcdef", "text": null}',
        b'{"id": "0123456789abcdef", "action": ["menu"]}',
        b'{"id": "0123456789abcdef", "action": "e|\\ud800"}',
        b'{"id": "0123456789abcdef", "action": "e|\\u0000"}',
        b'{"id": "0123456789abcdef", "action": "' + b"x" * 65 + b'"}',
        b"\xff\xfe",
        b"[" * 60_000,
    ],
)
async def test_what_the_page_would_never_post_is_a_bad_request(site: Site, body: bytes) -> None:
    """Refused before anything is stored."""
    lan = await site.visitor()
    answer = await lan.client.post("/api/messages", content=body, headers={"X-CSRF-Token": lan.token})
    assert answer.status_code == 400
    assert answer.json()["problem"]
    assert site.rows(InboxEvent) == []


async def test_a_text_that_is_too_long_is_refused_in_words(site: Site) -> None:
    """The page keeps the text and says how long it may be."""
    answer = await (await site.visitor()).posts(text="a" * 10_001)
    assert answer.status_code == 413
    assert answer.json()["problem"] == t("web.too_long", limit=10_000)


@pytest.mark.parametrize("is_announced", [True, False])
async def test_a_body_that_is_too_large_is_not_read(site: Site, is_announced: bool) -> None:
    """Whether it says its length beforehand or not."""
    lan = await site.visitor()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield b"x" * 1024

    content = b"x" * 80 * 1024 if is_announced else pieces()
    answer = await lan.client.post("/api/messages", content=content, headers={"X-CSRF-Token": lan.token})
    assert answer.status_code == 413


async def test_a_flood_of_new_visitors_is_slowed_and_known_ones_are_not(
    site: Site, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script cannot fill the database; whoever talks already goes on talking."""
    monkeypatch.setattr("bot.transports.web._NEW_VISITORS_PER_MINUTE", 10)
    lan = await site.visitor()
    await lan.posts(text="/start")
    crowd = [await site.visitor() for _ in range(10)]
    answers = [await visitor.posts(text="/start") for visitor in crowd]
    assert [answer.status_code for answer in answers] == [200] * 9 + [429]
    assert answers[-1].json()["problem"] == t("web.too_many")
    assert (await lan.posts(text=question)).status_code == 200


# --- waiting ---


async def push(site: Site, text: str, in_seconds: float = 0, files: tuple[File, ...] = ()) -> int:
    """A message to the only visitor, as an officer's answer or a bulletin will be one; returns its number."""
    now = datetime.now(UTC)
    with site.database.begin() as session:
        account = session.scalars(select(Account)).one()
        message = Outgoing(
            kind=DeliveryKind.REPLY,
            subject=f"test:{text}",
            recipient=account.address_hash,
            sender=WebTransport.sender,
            address=account.address,
            body=Reply(text, files=files).to_json(),
            expires_at=now + timedelta(days=1),
            not_before_at=now + timedelta(seconds=in_seconds),
        )
        add_deliveries(session, [message], now)
        return session.scalars(select(func.max(Delivery.id))).one()


async def test_a_pushed_message_reaches_a_waiting_page(site: Site) -> None:
    """Nobody has to reload to hear from an officer."""
    lan = await site.visitor()
    after = (await lan.posts(text="/start")).json()["after"]
    waiting = asyncio.create_task(lan.waits(after))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await push(site, "Cán bộ **trả lời**")
    site.app._wake(WebTransport.sender)  # as whoever stores a delivery does
    messages = await asyncio.wait_for(waiting, TOLD_WITHIN)
    assert [text_of(message) for message in messages] == ["Cán bộ trả lời"]
    assert await lan.waits(after) == messages  # until the page says that it has it


async def test_a_message_put_off_is_heard_though_younger_ones_were(site: Site, question: str) -> None:
    """Quiet hours end after a night of questions: the page names what it knows, so nothing is skipped."""
    lan = await site.visitor()
    await lan.posts(text="/start")
    late = await push(site, "Bản tin sáng", in_seconds=3600)
    await lan.posts(text=question)
    known = [message["id"] for message in await lan.talk() if not message["own"]]
    assert max(known) > late
    with site.database.begin() as session:
        session.execute(update(Delivery).where(Delivery.id == late).values(not_before_at=datetime.now(UTC)))
    assert [text_of(message) for message in await asyncio.wait_for(lan.waits(0, known), 60)] == ["Bản tin sáng"]
    assert text_of((await lan.talk())[-1]) == "Bản tin sáng"


async def test_another_tab_hears_at_once(site: Site, question: str) -> None:
    """Two tabs are one talk."""
    lan = await site.visitor()
    after = (await lan.posts(text="/start")).json()["after"]
    other_tab = asyncio.create_task(lan.waits(after))
    await asyncio.sleep(0.1)
    await lan.posts(text=question)
    assert await asyncio.wait_for(other_tab, TOLD_WITHIN)


async def test_nobody_hears_what_another_visitor_is_told(site: Site, question: str) -> None:
    """The cookie decides whose talk it is."""
    lan, hoa = await site.visitor(), await site.visitor()
    await lan.posts(text=question)
    assert await hoa.talk() == []


# --- a phone that others use too ---


async def tell_on_a_shared_phone(site: Site) -> tuple[Visitor, int]:
    """Somebody tells their story, says that others use the phone too, sets a PIN, and gets an officer's answer and a
    file; returns them with the number of the message that holds the file."""
    lan = await site.visitor()
    for words in ("phản ánh", "Tiền lương", STORY, "máy dùng chung", "Đúng, máy dùng chung", "2580"):
        await lan.posts(text=words)
    await push(site, "Công ty hẹn trả thứ hai")
    with_file = await push(site, "Quyết định", files=(File("quyet-dinh.pdf", "application/pdf", b"%PDF-"),))
    await all_sent(site)
    return lan, with_file


async def all_sent(site: Site) -> None:
    site.app._wake(WebTransport.sender)  # as whoever stores a delivery does
    await until(lambda: all(row.state is DeliveryState.SENT for row in site.rows(Delivery)))


def lock(site: Site) -> None:
    """Ten minutes after its last use, which was a moment ago."""
    with site.database.begin() as session:
        session.execute(update(Account).values(unlocked_until=datetime.now(UTC)))


async def hears_all(lan: Visitor) -> str:
    """All that the page gives out, whichever way it asks."""
    posted = (await lan.posts(text="/start", after=0)).json()["messages"]
    return " ".join(map(text_of, [*await lan.talk(), *await lan.waits(0), *posted]))


async def test_a_locked_phone_gives_out_nothing_that_was_said_before(site: Site) -> None:
    """Whoever opens the page meets the question for the PIN, and neither story nor answer nor file."""
    lan, with_file = await tell_on_a_shared_phone(site)
    path = f"/api/files/{with_file}/0"
    assert STORY in await hears_all(lan)
    assert (await lan.client.get(path)).content == b"%PDF-"
    lock(site)
    assert await answer_of(lan) == {"locked": True, "shown": [t("shared_phone.hidden")]}
    heard = await hears_all(lan)
    assert not any(words in heard for words in (STORY, "hẹn trả", "Quyết định"))
    assert (await lan.client.get(path)).status_code == 404


async def answer_of(lan: Visitor) -> dict[str, Any]:
    answer = (await lan.client.get("/api/messages")).json()
    return {"locked": answer["locked"], "shown": [text_of(message) for message in answer["messages"]]}


async def test_the_pin_brings_the_whole_talk_back(site: Site) -> None:
    """From the button that stands in its place: the question, other words, a wrong PIN, the right one, and all is there
    again; what was typed before the right one is shown to nobody."""
    lan, with_file = await tell_on_a_shared_phone(site)
    before = [message["id"] for message in await lan.talk()]
    lock(site)
    [instead] = await lan.talk()
    asked = (await lan.posts(action=instead["buttons"][0]["action"], text=instead["buttons"][0]["label"])).json()
    assert [text_of(message) for message in asked["messages"]] == [t("shared_phone.ask_pin")]
    other = (await lan.posts(text="hôm qua tổ trưởng lại chửi")).json()
    assert other["locked"]
    assert t("shared_phone.wrong_pin") not in map(text_of, other["messages"]), "no PIN, no try"
    wrong = (await lan.posts(text="1111")).json()
    assert (text_of(wrong["messages"][-1]), wrong["locked"]) == (t("shared_phone.wrong_pin"), True)
    assert "tổ trưởng" not in " ".join(map(text_of, await lan.talk()))
    right = (await lan.posts(text="2580")).json()
    assert not right["locked"]
    after = [message["id"] for message in await lan.talk()]
    assert after[: len(before)] == before
    assert (await lan.client.get(f"/api/files/{with_file}/0")).status_code == 200


async def test_a_message_written_before_the_lock_and_put_off_stays_hidden(site: Site) -> None:
    """It was written for a phone that was open; a neutral notice written since is shown."""
    lan, _ = await tell_on_a_shared_phone(site)
    late = await push(site, "Tin gửi từ hôm qua", in_seconds=3600)
    lock(site)
    with site.database.begin() as session:
        session.execute(update(Delivery).where(Delivery.id == late).values(not_before_at=datetime.now(UTC)))
    await push(site, t("own_cases.neutral"))
    await all_sent(site)
    assert (await answer_of(lan))["shown"] == [t("shared_phone.hidden"), t("own_cases.neutral")]


async def test_stopping_lets_waiting_pages_go(database: Database, answerer: Answerer) -> None:
    """A restart takes moments, not the length of a poll."""
    async with serve(database, answerer) as site:
        lan = await site.visitor()
        after = (await lan.posts(text="/start")).json()["after"]
        waiting = asyncio.create_task(lan.waits(after))
        await asyncio.sleep(0.1)
        site.app.stop()
        assert await asyncio.wait_for(waiting, TOLD_WITHIN) == []


# --- forgetting ---


async def test_forgetting_erases_the_person_and_the_talk(site: Site, question: str) -> None:
    """ "Xoá khỏi máy này": nothing said or heard is left, and a late repeat brings nothing back."""
    lan = await site.visitor()
    said = new_id()
    await lan.posts(id=said, text=question)
    await lan.posts(action=encode(AskOfficer()))
    await lan.posts(text="Xin gọi lại cho tôi")
    assert len(site.rows(Case)) == 1
    cookie = token_in(lan.page)
    answer = await lan.posts(path="/api/forget")
    assert answer.status_code == 200
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    assert [site.rows(model) for model in (Account, Delivery, Case)] == [[], [], []]
    assert {row.raw for row in site.rows(InboxEvent)} == {None}
    before = site.browser(**{COOKIE: cookie})
    assert await before.talk() == []
    before.token = lan.token
    await before.posts(id=said, text=question)
    assert await before.talk() == []
    assert (await lan.client.get("/api/messages")).status_code == 401


async def test_what_waits_while_its_sender_is_forgotten_is_dropped(site: Site) -> None:
    """An emptied message is no failure: nobody is alerted."""
    now = datetime.now(UTC)
    with site.database.begin() as session:
        session.add(
            InboxEvent(
                sender="web", platform_id=new_id(), lane="0" * 32, raw=None, received_at=now,
                state=InboxState.RECEIVED, attempts=0, next_try_at=now,
            )
        )  # fmt: skip
    await until(lambda: site.rows(InboxEvent)[0].state is not InboxState.RECEIVED)
    assert site.rows(InboxEvent)[0].state is InboxState.PROCESSED
    assert site.rows(Delivery) == []


async def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110  # a row of the database is no event of this loop
            await asyncio.sleep(0.05)


# --- when the database cannot be written ---


@contextmanager
def read_only(database: Database) -> Iterator[None]:
    """A transaction begins, and then the database refuses every change in it, as on a full or broken disk."""
    dialect, begin = database.engine.dialect, database.engine.dialect.do_begin
    statement = "PRAGMA query_only=ON" if database.is_sqlite else "SET TRANSACTION READ ONLY"

    def forbid(connection: Any) -> None:
        begin(connection)
        connection.cursor().execute(statement)

    dialect.do_begin = forbid  # type: ignore[method-assign]
    try:
        yield
    finally:
        dialect.do_begin = begin  # type: ignore[method-assign]
        database.engine.dispose()


async def test_what_cannot_be_stored_is_said_to_be_not_sent_and_counts_once_later(site: Site, question: str) -> None:
    """503 with a sentence; the repeat after the repair has one effect."""
    lan = await site.visitor()
    await lan.posts(text="/start")
    said = new_id()
    with read_only(site.database):
        refused = await lan.posts(id=said, text=question)
        assert refused.status_code == 503
        assert refused.json()["problem"] == t("web.not_sent")
        assert "Chưa gửi" in refused.json()["problem"]
        assert (await lan.posts(path="/api/forget")).status_code == 503
        assert len(await lan.talk()) == 1  # reading goes on
        readiness = await lan.client.get("/readyz")
        assert (readiness.status_code, readiness.json()["ready"]) == (503, False)
        assert (await lan.client.get("/healthz")).status_code == 200
    assert (await lan.posts(id=said, text=question)).status_code == 200
    assert sum(message["own"] for message in await lan.talk()) == 1
    await asyncio.sleep(1.1)  # readiness is measured at most once a second
    assert (await lan.client.get("/readyz")).status_code == 200


# --- around every answer ---


def check_headers(answer: httpx.Response) -> None:
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == ("no-cache" if "/static/" in str(answer.url) else "no-store")


async def test_every_answer_carries_the_protective_headers(site: Site) -> None:
    """Page, data, files, refusals and errors alike."""
    lan = await site.visitor()
    ask = lan.client.get
    answers = {
        "page": (lan.page, 200),
        "talk": (await ask("/api/messages"), 200),
        "style": (await ask("/static/chat.css"), 200),
        "script": (await ask("/static/chat.js"), 200),
        "no such file": (await ask("/static/none.js"), 404),
        "outside": (await ask("/static/%2e%2e/chat.html"), 404),
        "no such page": (await ask("/wp-login.php"), 404),
        "wrong method": (await lan.client.put("/api/messages"), 405),
        "health": (await ask("/healthz"), 200),
        "readiness": (await ask("/readyz"), 200),
        "refused": (await lan.posts({"Origin": "https://evil.example"}, text="a"), 403),
        "bad": (await lan.posts(id="x"), 400),
        "large": (await lan.client.post("/api/messages", content=b"x" * 70_000), 413),
    }
    for name, (answer, status) in answers.items():
        assert answer.status_code == status, name
        check_headers(answer)


async def test_our_own_bug_carries_them_too(site: Site) -> None:
    """The 500 of the framework is an answer like any other, and tells nothing."""

    async def fail() -> dict[str, Any]:
        raise RuntimeError("a secret")

    server = WebServer(WebTransport(), site.app.inbox, site.database, Union("A", HOTLINE), "", fail, utc_now, {})
    edge = httpx.ASGITransport(server.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=edge, base_url="http://test") as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    check_headers(answer)


async def test_health_tells_that_the_program_runs(site: Site) -> None:
    """For a supervisor: no cookie, no database."""
    stranger = site.browser()
    answer = await stranger.client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")
    readiness = (await stranger.client.get("/readyz")).json()
    assert readiness["ready"]
    assert "set-cookie" not in answer.headers
