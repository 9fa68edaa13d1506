"""Zalo misbehaves, and nobody's message is lost or said twice: polling, webhook, sending, and what the plan allows."""

import asyncio
import contextlib
import itertools
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import make_url

import bot.doctor
from bot.budget import read_month, watch_budgets
from bot.settings import Settings, SettingsProblem, read_settings
from bot.transports import PersonUnreachable, SendFailed, SendUnavailable, SendUncertain
from bot.transports.public_files import PublicFiles
from bot.transports.zalo_bot import ZaloBotTransport
from db.channel_accounts import add_account, change_account
from db.keys import Keys
from db.models import Account, AccountDay, ChannelAccount, Delivery, DeliveryKind, DeliveryState, InboxEvent
from db.session import Database
from handlers.chat import StoredReply
from handlers.feature import VIETNAM
from knowledge.answer import Answerer
from tests.drills import note_drill
from tests.standins import PATIENCE
from tests.standins.telegram_faults import (
    UPDATE,
    Fault,
    bad_gateway,
    drop_after,
    drop_before,
    duplicate,
    malformed,
    out_of_order,
    refuse,
    server_error,
    slow,
)
from tests.standins.zalo_bot import TOKEN, ZaloBotStandIn, in_200, quota
from tests.standins.zalo_bot_people import SECRET_HEADER, Person

from .process import BotProcess, free_port
from .telegram_app import RunningBot
from .zalo_bot_app import SECRET, SENDER, StartZaloBot, webhook_settings

NOBODY_KNOWS = {"drop_before", "drop_after", "slow", "malformed"}
"""Faults after which it cannot be known whether the message went out; a reply is then said again."""

TROUBLE = [
    server_error(),
    bad_gateway(),
    refuse(408, "Request timeout"),
    in_200(500, "Internal Server Error"),
    in_200(0, "Something went wrong"),
    in_200(408, "Request timeout"),
    quota(),
    in_200(429, "Quota exceeded"),
    drop_before(),
    drop_after(),
    malformed(),
    slow(1.0),
]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that takes longer than a moment is given up."""
    monkeypatch.setattr("bot.transports.zalo_bot_client._CALL_SECONDS", 0.6)


async def ask_menu(bot: RunningBot, person: Person, seconds: float = PATIENCE) -> None:
    """Somebody asks for the menu, gets it, and the ledger says so."""
    person.says("menu")
    await person.hears(1, seconds)
    await bot.until(lambda: all(row.state is DeliveryState.SENT for row in bot.rows(Delivery)), seconds)


# Polling


async def test_events_that_come_again_with_every_poll_are_handled_once_and_polls_keep_their_distance(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As was measured with a real bot; without the floor that is twelve requests a second."""
    monkeypatch.setattr("bot.transports.zalo_bot._BETWEEN_POLLS_SECONDS", 0.1)
    zalo.events.replays = True
    async with start_zalo(database_url) as bot:
        lan = zalo.person()
        for _ in range(3):
            lan.says("menu")
        await lan.hears(3)
        begun = len(zalo.events.polls)
        await bot.until(lambda: len(zalo.events.polls) > begun + 10)
        assert len(bot.rows(InboxEvent)) == len(lan.messages) == 3
        starts = zalo.events.polls
        assert min(later - earlier for earlier, later in itertools.pairwise(starts)) > 0.09


def test_the_floor_between_polls_is_a_second() -> None:
    """What the tests shorten."""
    from bot.transports import zalo_bot

    source = Path(zalo_bot.__file__).read_text(encoding="utf-8")
    assert "_BETWEEN_POLLS_SECONDS = 1.0" in source


async def test_what_is_lost_while_nobody_polls_hurts_nothing_else(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """Zalo forgets what comes while the bot is off; the next message is answered as ever."""
    lan = zalo.person()
    async with start_zalo(sqlite_url) as bot:
        await ask_menu(bot, lan)
    while zalo.events._pollers:  # noqa: ASYNC110  # the last poll may hang a moment longer
        await asyncio.sleep(0.01)
    zalo.events.loses = True
    lan.says("mất rồi")
    zalo.events.loses = False  # else also what comes between two polls would be gone
    async with start_zalo(sqlite_url):
        lan.says("menu")
        assert len(await lan.hears(2)) == 2


@pytest.mark.parametrize(
    "idle", [refuse(408, "Request timeout"), in_200(408, "Request timeout")], ids=["status", "body"]
)
async def test_idle_poll_is_no_trouble(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str, idle: Fault
) -> None:
    """408 says that nothing came; the channel stays connected and nothing is logged."""
    zalo.faults.next("getUpdates", idle, times=3)
    with structlog.testing.capture_logs() as lines:
        async with start_zalo(sqlite_url) as bot:
            await bot.until(lambda: zalo.faults.met.total() == 3)
            assert bot.app._zalo_bot is not None and bot.app._zalo_bot.is_connected
            await ask_menu(bot, zalo.person())
    assert [line for line in lines if "zalo" in line["event"]] == []


async def test_polling_survives_every_trouble(zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str) -> None:
    """Errors, pages of a proxy, cut connections, a wrong token for a while: then events are heard again."""
    async with start_zalo(sqlite_url) as bot:
        trouble = [fault for fault in TROUBLE if fault.kind not in ("drop_after", "malformed", "slow")]
        zalo.faults.next("getUpdates", *trouble, refuse(401, "Unauthorized"), refuse(404, "Not Found"))
        await bot.until(lambda: zalo.faults.met.total() == len(trouble) + 2, PATIENCE)
        await ask_menu(bot, zalo.person())


async def test_what_was_polled_is_kept_until_the_database_takes_it(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, database_url: str
) -> None:
    """Zalo does not hand it over again, so it is not let go."""
    async with start_zalo(database_url) as bot:
        lan = zalo.person()
        with bot.database_down():
            lan.says("menu")
            await bot.until(lambda: bot.app.inbox.is_writable is False)
            await asyncio.sleep(0.2)
        await lan.hears(1)
        assert len(bot.rows(InboxEvent)) == 1


async def test_event_older_than_the_memory_of_the_inbox_is_passed_over(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """A replay that comes after its line was erased must not be answered again."""
    async with start_zalo(sqlite_url) as bot:
        lan = zalo.person()
        now = time.time()
        lan.does("text", text="menu", date=int((now - 7 * 86400) * 1000))
        lan.does("text", text="menu", date=int(now - 5 * 86400))  # in seconds, as a change of theirs might be
        await lan.hears(1)
        await bot.until(lambda: not zalo.events._waiting)
        assert len(bot.rows(InboxEvent)) == len(lan.messages) == 1


async def test_webhook_left_by_another_program_is_removed_before_polling(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """Zalo hands over nothing by polling while a webhook is set."""
    zalo.events.webhook = {"url": "http://127.0.0.1:9/hook", "updated_at": 0}
    async with start_zalo(sqlite_url) as bot:
        assert zalo.events.webhook is None
        await ask_menu(bot, zalo.person())


# Webhook


async def test_webhook_is_verified_and_delivers_a_talk_also_twice_and_out_of_order(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, database_url: str
) -> None:
    """Our address answers the probe and refuses a stranger's; repeated and overtaken events are handled once each."""
    async with start_zalo(database_url, **webhook_settings()) as bot:
        assert zalo.probes[-2:] == [200, 401]
        zalo.faults.next(UPDATE, duplicate(), out_of_order(), duplicate(), out_of_order(), duplicate())
        lan = zalo.person()
        for _ in range(5):
            lan.says("menu")
        await lan.hears(5)
        await zalo.events.all_delivered()
        assert len(zalo.events.attempts) == 8 and {one.status for one in zalo.events.attempts} == {200}
        await bot.until(lambda: all(row.state is DeliveryState.SENT for row in bot.rows(Delivery)))
        assert len(bot.rows(InboxEvent)) == len(lan.messages) == 5
        assert zalo.events.polls == []


async def test_webhook_refuses_who_does_not_know_the_secret(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """401 without a word, nothing kept; an empty post is answered to anybody, since there is nothing in it."""
    event = zalo.events.wrap(zalo.person().event("text", text="menu"))
    async with start_zalo(sqlite_url, **webhook_settings()) as bot, httpx.AsyncClient() as http:
        url = f"{bot.address}/zalo/bot/webhook"
        for headers in ({}, {SECRET_HEADER: "another-secret"}, {SECRET_HEADER: ""}, {SECRET_HEADER: "bí mật".encode()}):
            assert (await http.post(url, json=event, headers=headers)).status_code == 401
        known = {SECRET_HEADER.upper(): SECRET}
        answers = {
            b"": 200, b" \n": 200, b"{": 400, b"[]": 400, b"1": 400, b"\xff": 400, b"[" * 100_000: 400,
            b'{"x":"' + b"x" * 1_100_000 + b'"}': 413, b"{}": 200, b'{"ok":true,"result":{}}': 200,
        }  # fmt: skip
        for body, status in answers.items():
            assert (await http.post(url, content=body, headers=known)).status_code == status, body[:20]
        assert (await http.post(url)).status_code == 200
        assert (await http.get(url)).status_code == 405
        assert bot.rows(InboxEvent) == []


async def test_webhook_answers_503_while_nothing_can_be_stored(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, database_url: str
) -> None:
    """Zalo sends the event again until it is stored; then it is handled, once."""
    async with start_zalo(database_url, **webhook_settings()) as bot:
        lan = zalo.person()
        with bot.database_down():
            lan.says("menu")
            await bot.until(lambda: len(zalo.events.attempts) > 1)
        await lan.hears(1)
        await zalo.events.all_delivered()
        assert {attempt.status for attempt in zalo.events.attempts} == {503, 200}
        assert len(bot.rows(InboxEvent)) == len(lan.messages) == 1


async def test_webhook_that_somebody_removed_is_set_again(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """Another program with our token, or a hand in the console, must not silence the bot for long."""
    async with start_zalo(sqlite_url, **webhook_settings()) as bot:
        zalo.events.webhook = None
        await bot.until(lambda: zalo.events.webhook is not None)
        await ask_menu(bot, zalo.person())


async def test_webhook_that_zalo_cannot_verify_is_told_and_tried_again(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """A proxy that does not pass the path on: not connected, an error in the log, and well once that is mended."""
    wrong = {"web_public_url": f"http://127.0.0.1:{free_port()}", "zalo_bot_webhook_secret": SECRET}
    with structlog.testing.capture_logs() as lines:
        async with start_zalo(sqlite_url, is_ready=False, **wrong) as bot, httpx.AsyncClient() as http:
            await bot.until(lambda: len(zalo.probes) >= 4, 20)
            await bot.until(lambda: bot.is_serving)
            state = (await http.get(f"{bot.address}/readyz")).json()
            assert state["channels"] == {"web": True, "zalo_bot": False}
    assert any(line["event"] == "zalo_bot_webhook_not_verified" for line in lines)


async def _post_events(url: str, events: list[dict[str, Any]], seed: int) -> list[int]:
    """Post these events with 20 % sent twice and 20 % out of their order, many at once; returns the statuses."""
    chance = random.Random(seed)
    posts = list(events)
    for place in range(len(posts)):
        if chance.random() < 0.2:
            other = min(len(posts) - 1, place + chance.randint(1, 50))
            posts[place], posts[other] = posts[other], posts[place]
    posts += [chance.choice(events) for _ in range(len(events) // 5)]
    twice = posts[len(events) :]
    posts = posts[: len(events)]
    for event in twice:
        posts.insert(chance.randint(0, len(posts)), event)
    statuses: list[int] = []
    queue = iter(posts)
    async with httpx.AsyncClient(timeout=30, headers={SECRET_HEADER: SECRET}) as http:

        async def post() -> None:
            for event in queue:
                statuses.append(await _post_until_answered(http, url, {"ok": True, "result": event}))

        await asyncio.gather(*(post() for _ in range(20)))
    return statuses


async def _post_until_answered(http: httpx.AsyncClient, url: str, body: dict[str, Any]) -> int:
    """A connection that breaks while it is opened or reused is no answer: the platform posts again."""
    for _ in range(5):
        with contextlib.suppress(httpx.TransportError):
            return (await http.post(url, json=body)).status_code
    return 0


async def _flood(zalo: ZaloBotStandIn, start_zalo: StartZaloBot, database_url: str, count: int) -> dict[str, float]:
    """So many events, a fifth of them twice and a fifth out of order; returns the figures once all were answered."""
    people = [zalo.person(f"person-{number}") for number in range(max(10, count // 20))]
    for person in people:
        zalo.chats.messages.setdefault(person.chat_id, [])
    events = [people[number % len(people)].event("sticker", sticker="x") for number in range(count)]
    async with start_zalo(database_url, **webhook_settings()) as bot:
        began = time.monotonic()
        statuses = await _post_events(f"{bot.address}/zalo/bot/webhook", events, seed=count)
        taken = time.monotonic() - began
        await bot.until(lambda: sum(map(len, zalo.chats.messages.values())) >= count, 900)
        answered = time.monotonic() - began
        await bot.until(lambda: all(row.state is DeliveryState.SENT for row in bot.rows(Delivery)), 300)
        assert set(statuses) == {200} and len(statuses) == count + count // 5
        stored = [row.platform_id for row in bot.rows(InboxEvent)]
        assert sorted(stored) == sorted(event["message"]["message_id"] for event in events)
        for person in people:
            expected = sum(1 for event in events if event["message"]["chat"]["id"] == person.chat_id)
            assert len(person.messages) == expected
    return {
        "posts": len(statuses),
        "lost": 0,
        "doubled": 0,
        "taken_s": round(taken, 1),
        "answered_s": round(answered, 1),
    }


async def test_repeated_and_overtaken_events_are_neither_lost_nor_doubled(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 events of many people, a fifth of them twice and a fifth out of order: each is answered exactly once."""
    monkeypatch.setattr("bot.transports.zalo_bot.ZaloBotTransport.messages_per_second", None)
    await _flood(zalo, start_zalo, database_url, 500)


@pytest.mark.drill
async def test_ten_thousand_events_are_neither_lost_nor_doubled(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same with 10,000."""
    monkeypatch.setattr("bot.transports.zalo_bot.ZaloBotTransport.messages_per_second", None)
    figures = await _flood(zalo, start_zalo, database_url, 10_000)
    note_drill("webhook events of zalo_bot", 10_000, database=make_url(database_url).get_backend_name(), **figures)


# Sending


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda fault: f"{fault.kind}-{fault.code}")
async def test_reply_arrives_whatever_happens_to_the_sending(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str, trouble: Fault
) -> None:
    """Twice in a row the sending fails: the reply comes all the same, more than once only where nobody can know."""
    async with start_zalo(sqlite_url) as bot:
        lan = zalo.person()
        zalo.faults.next("sendMessage", trouble, times=2)
        lan.says("menu")
        took_effect = 2 if trouble.kind in ("drop_after", "slow", "malformed") else 0
        await lan.hears(1 + took_effect)
        await bot.until(lambda: all(row.state is DeliveryState.SENT for row in bot.rows(Delivery)))
        assert len(lan.messages) == 1 + took_effect
        assert zalo.faults.met.total() == 2


async def test_silence_after_429_grows_until_something_goes_through(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """Zalo names no time, so we wait longer each time, and nothing is sent meanwhile."""
    async with start_zalo(sqlite_url) as bot:
        zalo.faults.next("sendMessage", quota(), times=3)
        lan = zalo.person()
        lan.says("menu")
        await lan.hears(1)
        await bot.until(lambda: all(row.state is DeliveryState.SENT for row in bot.rows(Delivery)))
        tries = [call.at for call in zalo.calls if call.method == "sendMessage"]
        waits = [later - earlier for earlier, later in itertools.pairwise(tries)]
        assert waits[0] > 0.15 and waits[1] > 0.35 and waits[2] > 0.75
        lan.says("menu")
        await lan.hears(2)


async def test_person_who_blocked_the_bot_is_unreachable_until_they_write_again(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """403 for a person: the reply failed for good, nobody else's does."""
    async with start_zalo(sqlite_url) as bot:
        lan, minh = zalo.person("lan"), zalo.person("minh", "Minh")
        await ask_menu(bot, lan)
        zalo.chats.blocked.add(lan.chat_id)
        lan.says("menu")
        await bot.until(lambda: bot.rows(Account)[0].unreachable_since)
        minh.says("menu")
        await minh.hears(1)
        assert [row.state for row in bot.rows(Delivery)][:2] == [DeliveryState.SENT, DeliveryState.FAILED]
        zalo.chats.blocked.clear()
        lan.says("menu")
        await lan.hears(2)
        assert bot.rows(Account)[0].unreachable_since is None


@pytest.fixture
async def sending(zalo: ZaloBotStandIn, database: Database) -> Any:
    """The transport alone, with somebody to write to."""
    transport = ZaloBotTransport(TOKEN, zalo.url, PublicFiles(database, "", lambda: datetime.now(UTC)), datetime.now)
    zalo.person("lan").does("text", text="x")
    yield transport
    await transport.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("fault", "address", "expected"),
    [
        (None, "stranger", PersonUnreachable),
        (refuse(403, "Forbidden"), "lan", PersonUnreachable),
        (in_200(403, "Forbidden"), "lan", PersonUnreachable),
        (refuse(400, "Bad Request: chat not found"), "lan", PersonUnreachable),
        (in_200(400, "user is invalid"), "lan", PersonUnreachable),
        (refuse(400, "Bad Request: text is empty"), "lan", SendFailed),
        (in_200(-999, "odd"), "lan", SendUnavailable),
        (refuse(401, "Unauthorized"), "lan", SendUnavailable),
        (refuse(408, "Request timeout"), "lan", SendUncertain),
        (server_error(), "lan", SendUnavailable),
        (bad_gateway(), "lan", SendUnavailable),
        (Fault("html", 404), "lan", PersonUnreachable),
        (Fault("html", 302), "lan", SendFailed),
        (drop_before(), "lan", SendUncertain),
        (drop_after(), "lan", SendUncertain),
        (malformed(), "lan", SendUncertain),
    ],
)
async def test_each_failure_is_told_for_what_it_is(
    zalo: ZaloBotStandIn, sending: ZaloBotTransport, fault: Fault | None, address: str, expected: type[Exception]
) -> None:
    """For the person, for the message, for the account, or not to be known; never with the token or the words."""
    if fault is not None:
        zalo.faults.next("sendMessage", fault)
    with pytest.raises(expected) as failure:
        await sending.send(address, StoredReply("điều riêng tư"))
    assert type(failure.value) is expected
    said = f"{failure.value!r} {failure.value.__cause__!r} {failure.value.__context__!r}"
    assert TOKEN not in said and "riêng tư" not in said


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("code", [403, 404])
async def test_403_and_404_may_speak_of_our_token(zalo: ZaloBotStandIn, sending: ZaloBotTransport, code: int) -> None:
    """When Zalo does not know the bot either, the message waits and nobody is called unreachable."""
    zalo.faults.next("sendMessage", refuse(code, "Not Found"))
    zalo.faults.next("getMe", refuse(code, "Not Found"))
    with pytest.raises(SendUnavailable):
        await sending.send("lan", StoredReply("x"))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_without_a_connection_nothing_was_sent(database: Database) -> None:
    """A closed port: the message did not leave, so it may go again without doubt."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    transport = ZaloBotTransport(TOKEN, nowhere, PublicFiles(database, "", lambda: datetime.now(UTC)), datetime.now)
    try:
        with pytest.raises(SendUnavailable) as failure:
            await transport.send("lan", StoredReply("x"))
        assert TOKEN not in repr(failure.value.__context__)
    finally:
        await transport.close()


async def test_wrong_token_leaves_the_page_running_and_waits_for_the_right_one(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """A refused token is told by /readyz, does not stop the web page, and is tried again."""
    other = "1000009:a-token-the-stand-in-does-not-know-yet"
    async with start_zalo(sqlite_url, is_ready=False, zalo_bot_token=other) as bot, httpx.AsyncClient() as http:
        await bot.until(lambda: bot.is_serving)
        state = await http.get(f"{bot.address}/readyz")
        assert (state.status_code, state.json()["channels"]) == (200, {"web": True, "zalo_bot": False})
        zalo.token = other
        await bot.until(lambda: bot.app._zalo_bot is not None and bot.app._zalo_bot.is_connected)


# What the plan allows


async def test_budget_is_counted_shown_and_told_at_80_percent_once(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages of the month in both directions and people: on /readyz and, at four fifths and at all, an alert each."""
    monkeypatch.setattr("bot.app._BUDGET_EVERY", timedelta(0))
    monkeypatch.setattr("bot.clock._TICK_SECONDS", 0.1)
    async with start_zalo(database_url) as bot, httpx.AsyncClient() as http:
        await bot.until(lambda: bot.is_serving)
        await bot.until(lambda: SENDER in [row.sender for row in bot.rows(ChannelAccount)])
        with bot.database.begin() as session:
            change_account(session, SENDER, {"messages_per_month": 10, "people": 5})

        async def budget() -> dict[str, int]:
            return dict((await http.get(f"{bot.address}/readyz")).json()["budgets"][SENDER])

        def alerts() -> list[str]:
            rows = [row for row in bot.rows(Delivery) if row.kind is DeliveryKind.OPERATOR_ALERT]
            return [row.subject.rpartition(":")[2] for row in rows]

        people = [zalo.person(f"person-{number}") for number in range(3)]
        for person in people:
            await ask_menu(bot, person)
        await bot.until(lambda: sum(row.sent + row.received for row in bot.rows(AccountDay)) == 6)
        assert await budget() == {"messages": 6, "messages_allowed": 10, "people": 3, "people_allowed": 5}
        assert alerts() == []
        people[0].says("menu")
        await people[0].hears(2)
        await bot.until(alerts)
        assert alerts() == ["80%"]
        people[0].says("menu")
        await people[0].hears(3)
        await bot.until(lambda: alerts() == ["80%", "100%"])
        assert (await budget())["messages"] == 10
        await ask_menu(bot, zalo.person("person-4"))
        await bot.until(lambda: sorted(alerts()) == ["100%", "80%", "80%"])
        texts = [row.body["text"] for row in bot.rows(Delivery) if row.kind is DeliveryKind.OPERATOR_ALERT]
        assert "8/10 tin" in texts[0] and "10/10 tin" in texts[1] and "4/5 người" in texts[2]


async def test_figures_outlive_the_messages_and_a_new_month_begins_at_nought(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, sqlite_url: str
) -> None:
    """Erased rows were messages all the same; what counts is the month in Vietnam."""
    told: list[str] = []

    def tell(_session: object, subject: str, _text: str) -> None:
        told.append(subject)

    async with start_zalo(sqlite_url) as bot:
        await ask_menu(bot, zalo.person())
        now = datetime.now(UTC)
        today = now.astimezone(VIETNAM).date()
        with bot.database.begin() as session:
            add_account(session, SENDER)
            account = change_account(session, SENDER, {"messages_per_month": 2})
            assert account is not None
            watch_budgets(tell, session, now)
            session.query(InboxEvent).delete()
            session.query(Delivery).delete()
            watch_budgets(tell, session, now)
            assert (read_month(session, account, now).received, read_month(session, account, now).sent) == (1, 1)
            assert read_month(session, account, now + timedelta(days=40)).received == 0
    assert told == [f"budget:{SENDER}:{today:%Y-%m}:{mark}" for mark in ("80%", "100%")] * 2


# Settings, doctor, log


@pytest.mark.parametrize(
    ("name", "value", "others"),
    [
        ("ZALO_BOT_TOKEN", "no-token-at-all", {}),
        ("ZALO_BOT_TOKEN", "1234:a/b", {}),
        ("ZALO_BOT_WEBHOOK_SECRET", "short", {"WEB_PUBLIC_URL": "https://hoi.congdoan.example"}),
        ("ZALO_BOT_WEBHOOK_SECRET", "a-secret-of-16-or-more", {}),
        ("ZALO_BOT_API_URL", "ftp://zalo.example", {}),
    ],
)
def test_wrong_zalo_setting_is_named_and_not_printed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, others: dict[str, str]
) -> None:
    """A token that would bend the address, a webhook without an address or a secret worth the name."""
    for field in Settings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)
    for key, given in {name: value, **others}.items():
        monkeypatch.setenv(key, given)
    with pytest.raises(SettingsProblem, match=name) as problem:
        read_settings(None)
    assert len(value) < 3 or value not in str(problem.value)


async def test_doctor_asks_zalo_whether_it_knows_the_token(zalo: ZaloBotStandIn) -> None:
    """Yes, no, no with HTTP 200, nobody there, and off."""

    async def look(**settings: Any) -> tuple[bool, str]:
        complete = Settings(_env_file=None, **settings)  # type: ignore[call-arg]  # how pydantic-settings takes it
        finding = await asyncio.to_thread(bot.doctor._look_at_zalo_bot, complete)
        assert TOKEN not in finding.says
        return finding.is_good, finding.says

    ours = {"zalo_bot_token": TOKEN, "zalo_bot_api_url": zalo.url}
    assert (await look(**ours))[0]
    zalo.faults.next("getMe", refuse(401, "Unauthorized"), in_200(401, "Unauthorized"), bad_gateway())
    assert not (await look(**ours))[0]
    assert not (await look(**ours))[0]
    assert not (await look(**ours))[0]
    assert not (await look(**ours | {"zalo_bot_api_url": f"http://127.0.0.1:{free_port()}"}))[0]
    assert (await look()) == (True, "chưa bật")


async def test_token_and_messages_never_stand_in_the_log(
    zalo: ZaloBotStandIn, sqlite_url: str, key_file: Path, tmp_path: Path
) -> None:
    """At the most talkative level and in trouble of every kind, in a process of its own: no line holds them."""
    settings = {"ZALO_BOT_TOKEN": TOKEN, "ZALO_BOT_API_URL": zalo.url, "LOG_LEVEL": "DEBUG", "METRICS_PORT": "0"}
    process = BotProcess(tmp_path, sqlite_url, key_file, **settings)
    zalo.faults.next("deleteWebhook", drop_before())
    zalo.faults.next("getUpdates", server_error(), malformed(), refuse(500, "x" * 2000))
    zalo.faults.next("sendMessage", malformed(), refuse(400, "Bad Request"), drop_before())
    await asyncio.to_thread(process.start)
    try:
        lan = zalo.person(name="Lan-bí-mật")
        lan.says("điều chỉ mình em biết")
        lan.does("text", text=None)
        await lan.hears(1, 40)
    finally:
        await asyncio.to_thread(process.stop)
    assert "zalo" in process.log
    for hidden in (TOKEN, TOKEN.split(":")[1], "chỉ mình em", "Lan-bí-mật", lan.id):
        assert hidden not in process.log


def test_keys_and_answerer_are_not_needed_to_read_an_event(keys: Keys, answerer: Answerer) -> None:
    """Reading is pure: the same event gives the same id, whatever else happens."""
    files = PublicFiles(Database("sqlite://", keys), "", lambda: datetime.now(UTC))
    transport = ZaloBotTransport(TOKEN, "http://127.0.0.1:9", files, lambda: datetime.now(UTC))
    event = {"event_name": "message.text.received", "message": {"chat": {"id": "a"}, "text": "x"}}
    first, again = transport.read(event), transport.read({"ok": True, "result": event})
    assert first is not None and again is not None and first.event_id == again.event_id
