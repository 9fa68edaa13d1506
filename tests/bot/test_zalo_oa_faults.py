"""Zalo refuses with HTTP 200, stalls, repeats itself, mixes the order up; no message is lost, none is handled twice."""

import asyncio
import hashlib
import hmac
import itertools
import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from prometheus_client import REGISTRY

from bot.app import utc_now
from bot.transports.zalo_oa_rules import RULES, Then, is_day, next_morning
from db.deliveries import FAR_OFF, WAITS, Outgoing, add_deliveries
from db.models import (
    OPEN_DELIVERY_STATES,
    Account,
    Delivery,
    DeliveryKind,
    DeliveryState,
    InboxEvent,
    InboxState,
    ZaloFollower,
    ZaloTokens,
)
from db.session import Database
from db.zalo_oa import FREE_FOR, OPEN_FOR, Window, window_of
from handlers.chat import Reply
from handlers.feature import VIETNAM, Context
from tests.drills import note_drill
from tests.standins import PATIENCE
from tests.standins import telegram_faults as fault
from tests.standins.telegram_faults import Fault
from tests.standins.zalo_oa import APP_ID, OA_ID, OA_SECRET, ZaloOaStandIn
from tests.standins.zalo_oa_people import ZaloMember

from .telegram_app import STOP_SECONDS, RunningBot
from .zalo_oa_app import StartZaloOa

LAN = "6204117895032116745"
SAMPLE, DRILL = 500, 10_000

FAULTS = [
    fault.bad_gateway(),
    fault.slow(0.9),
    fault.malformed(),
    fault.drop_before(),
    fault.drop_after(),
    fault.refuse(429, "Too many requests"),
    fault.refuse(-32, "Your application reached limit call api"),
]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that takes longer than a moment is given up, and what was asked to wait waits shortly."""
    monkeypatch.setattr("bot.transports.zalo_oa_client._CALL_SECONDS", 0.6)
    monkeypatch.setattr("bot.transports.zalo_oa_client._PAUSE_SECONDS", 0.2)


class Clock:
    """A time that can be moved on, the same for the program and for Zalo."""

    def __init__(self, zalo_oa: ZaloOaStandIn) -> None:
        self.shift = timedelta()
        zalo_oa.clock = self

    def __call__(self) -> datetime:
        return utc_now() + self.shift


def replies(bot: RunningBot) -> list[Delivery]:
    return [row for row in bot.rows(Delivery) if row.kind is not DeliveryKind.OPERATOR_ALERT]


def alerts(bot: RunningBot) -> list[str]:
    return [row.subject for row in bot.rows(Delivery) if row.kind is DeliveryKind.OPERATOR_ALERT]


def posts_counted(what: str) -> float:
    """How many posts the metrics hold of a kind."""
    return REGISTRY.get_sample_value("union_zalo_posts_total", {"what": what}) or 0.0


async def all_sent(bot: RunningBot, seconds: float = PATIENCE) -> None:
    await bot.until(lambda: all(row.state is DeliveryState.SENT for row in replies(bot)), seconds)


# Sending


async def test_reply_arrives_whatever_happens_to_the_sending(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str
) -> None:
    """Twice in a row the sending fails: the reply comes all the same, more than once only where nobody can know."""
    nobody_knows = {"drop_after", "malformed", "slow"}
    async with start_zalo_oa(sqlite_url) as bot:
        for number, trouble in enumerate(FAULTS):
            lan = ZaloMember(zalo_oa, str(1000 + number))
            zalo_oa.faults.next("cs", trouble, trouble)
            await lan.says("menu")
            await lan.hears()
            await all_sent(bot)
            assert len(lan.messages) == (3 if trouble.kind in nobody_knows else 1), trouble


@pytest.mark.parametrize("code", [-216, -220])
async def test_ended_access_token_is_renewed_once_and_the_message_goes(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, database_url: str, code: int
) -> None:
    """Thirty people are answered at once when Zalo no longer takes the token: one refresh, one answer each."""
    clock = Clock(zalo_oa)
    async with start_zalo_oa(database_url, clock) as bot:
        clock.shift = timedelta(minutes=6)
        if code == -216:
            zalo_oa.end_access()
        else:
            zalo_oa.faults.next("cs", fault.refuse(-220, "access_token is expired or removed"))
        people = [ZaloMember(zalo_oa, str(2000 + number)) for number in range(30)]
        for person in people:
            await person.says("menu")
        for person in people:
            await person.hears()
        await all_sent(bot)
        assert [len(person.messages) for person in people] == [1] * 30
        assert zalo_oa.calls["token"] == 1
        assert bot.rows(ZaloTokens)[0].version == 2


@pytest.mark.parametrize("code", sorted(RULES))
async def test_each_refusal_has_its_consequence(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str, code: int
) -> None:
    """Every code of the table: who is unreachable, what waits until when, what the operator must mend."""
    rule = RULES[code]
    zalo_oa.faults.next("cs", fault.refuse(code, "refused"), times=60)
    async with start_zalo_oa(sqlite_url) as bot:
        lan = ZaloMember(zalo_oa, LAN)
        await lan.says("menu")
        await bot.until(lambda: any(was_tried(row) for row in replies(bot)))
        row = replies(bot)[0]
        is_unreachable = bot.rows(Account)[0].unreachable_since is not None
        assert is_unreachable is (rule.then is Then.PERSON_GONE)
        if rule.then in (Then.PERSON_GONE, Then.GIVE_UP):
            assert (row.state, row.reason) == (DeliveryState.FAILED, rule.reason)
        elif rule.then is Then.WAIT_FOR_OPERATOR:
            assert row.state in OPEN_DELIVERY_STATES
        else:
            assert (row.state, row.reason) == (DeliveryState.DUE, rule.reason)
            assert row.reason in WAITS
            assert row.not_before_at > utc_now()
        if rule.then is Then.WAIT_FOR_MORNING:
            assert row.not_before_at.astimezone(VIETNAM).hour == 6
        await bot.until(lambda: sum(f":{code}:" in subject for subject in alerts(bot)) == rule.alarms)
        zalo_oa.faults.clear()
        await bot.crash()


def was_tried(row: Delivery) -> bool:
    return row.attempts > 0 and row.state is not DeliveryState.CLAIMED


async def test_wait_told_to_one_call_is_kept_by_the_whole_account(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After -32 nobody is written to for a while, then everybody is."""
    monkeypatch.setattr("bot.transports.zalo_oa_client._PAUSE_SECONDS", 3.0)
    async with start_zalo_oa(sqlite_url) as bot:
        zalo_oa.faults.next("cs", fault.refuse(-32, "limit"))
        lan, hoa = ZaloMember(zalo_oa, "1"), ZaloMember(zalo_oa, "2")
        await lan.says("menu")
        await bot.until(lambda: zalo_oa.calls["cs"])
        await hoa.says("menu")
        await asyncio.sleep(0.5)
        assert zalo_oa.calls["cs"] == 1
        await lan.hears()
        await hoa.hears()


# The windows


def test_window_is_free_for_two_days_and_open_for_seven() -> None:
    """By the person's last act, to the second."""
    now = datetime(2026, 11, 21, tzinfo=UTC)
    second = timedelta(seconds=1)
    assert window_of(None, now) is Window.CLOSED
    assert [window_of(now - ago, now) for ago in (second, FREE_FOR)] == [Window.FREE] * 2
    assert [window_of(now - ago, now) for ago in (FREE_FOR + second, OPEN_FOR)] == [Window.BILLABLE] * 2
    assert window_of(now - OPEN_FOR - second, now) is Window.CLOSED


def test_night_ends_at_six_in_vietnam() -> None:
    """What is sent to many goes by day."""
    assert (
        next_morning(datetime(2026, 11, 21, 16, tzinfo=UTC)).astimezone(VIETNAM).isoformat()[:16] == "2026-11-22T06:00"
    )
    assert next_morning(datetime(2026, 11, 21, 22, 59, tzinfo=UTC)).isoformat()[:16] == "2026-11-22T06:00"
    hours = [is_day(datetime(2026, 11, 21, hour, 59, tzinfo=VIETNAM)) for hour in (5, 6, 21, 22)]
    assert hours == [False, True, True, False]


def notify(
    database: Database, bot: RunningBot, words: str, now: datetime, kind: DeliveryKind = DeliveryKind.CASE_REPLY
) -> None:
    """A message to the person who wrote, of a kind that is kept for days."""
    account = bot.rows(Account)[0]
    message = Outgoing(
        kind=kind,
        subject=words,
        recipient=account.address_hash,
        sender=account.sender,
        address=account.address,
        body=Reply(words).to_json(),
        expires_at=now + timedelta(days=90),
    )
    with database.begin() as session:
        add_deliveries(session, [message], now)


@pytest.mark.parametrize("kind", [DeliveryKind.CASE_REPLY, DeliveryKind.NOTICE], ids=lambda kind: kind.value)
async def test_message_outside_the_window_waits_and_goes_the_moment_the_person_writes(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, database_url: str, kind: DeliveryKind
) -> None:
    """Within 48 hours and within 7 days a case update goes; later it waits without a single call to Zalo, holds up no
    stop of the program, and goes out beside the answer to what the person then writes."""
    clock = Clock(zalo_oa)
    async with start_zalo_oa(database_url, clock) as bot:
        lan = ZaloMember(zalo_oa, LAN)
        await lan.says("menu")
        await lan.hears()
        for days, words in ((1.9, "Trong hai ngày"), (6.9, "Trong bảy ngày")):
            clock.shift = timedelta(days=days)
            notify(bot.database, bot, words, clock(), kind)
            await lan.hears(lambda sent, words=words: sent.text == words)
        clock.shift = timedelta(days=8)
        calls = zalo_oa.calls["cs"]
        notify(bot.database, bot, "Ngoài bảy ngày", clock(), kind)
        await bot.until(lambda: replies(bot)[-1].reason == "window")
        assert zalo_oa.calls["cs"] == calls
        waiting = replies(bot)[-1]
        assert (waiting.state, waiting.not_before_at > clock() + FAR_OFF / 2) == (DeliveryState.DUE, True)
        await bot.stop()
        assert bot.stopped_in < STOP_SECONDS
    async with start_zalo_oa(database_url, clock) as bot:
        await lan.says("menu")
        await lan.hears(2)
        await all_sent(bot)
        assert [sent.text for sent in lan.messages].count("Ngoài bảy ngày") == 1


async def test_window_that_zalo_says_is_closed_is_believed(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str
) -> None:
    """Our clock may be wrong, Zalo's is not; the next word of the person opens it again."""
    async with start_zalo_oa(sqlite_url) as bot:
        lan = ZaloMember(zalo_oa, LAN)
        zalo_oa.faults.next("cs", fault.refuse(-230, "7 days"))
        await lan.says("menu")
        await bot.until(lambda: replies(bot) and replies(bot)[0].reason == "window")
        await lan.says("menu")
        await lan.hears(2)
        await all_sent(bot)


async def test_person_who_writes_while_their_message_is_refused_does_not_wait_for_ever(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, database_url: str
) -> None:
    """The refusal is on its way when their word comes in and is handled: the message is due again at once."""
    async with start_zalo_oa(database_url) as bot:
        lan = ZaloMember(zalo_oa, LAN)
        await lan.says("menu")
        await lan.hears()
        zalo_oa.faults.next("cs", Fault("refuse", -230, "7 days", seconds=0.4))
        notify(bot.database, bot, "Có tin mới", utc_now())
        await bot.until(lambda: zalo_oa.calls["cs"] == 2)
        await lan.says("menu")
        await bot.until(lambda: bot.rows(InboxEvent)[-1].state is InboxState.PROCESSED)
        await lan.hears(lambda sent: sent.text == "Có tin mới")
        await all_sent(bot)


# Genuine or not


def sign(prefix: str, body: bytes, timestamp: str) -> str:
    return hashlib.sha256(prefix.encode() + body + timestamp.encode() + OA_SECRET.encode()).hexdigest()


async def post(zalo_oa: ZaloOaStandIn, body: bytes, signature: str | None, **headers: str) -> int:
    """Once more, as Zalo does, what a slow disk could not store in time."""
    sent = headers | ({"X-ZEvent-Signature": signature} if signature is not None else {})
    for _ in range(10):
        async with (
            aiohttp.ClientSession() as http,
            http.post(zalo_oa.console.webhook_url, data=body, headers=sent) as answer,
        ):
            if answer.status != 503:
                break
    return answer.status


async def test_both_signatures_that_working_code_knows_are_taken_and_counted(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str
) -> None:
    """Made with the app's id, as Zalo's page has it, or with the account's; with and without "mac="."""
    async with start_zalo_oa(sqlite_url) as bot:
        lan = ZaloMember(zalo_oa, LAN)
        before = {name: posts_counted(f"signed_with_{name}") for name in ("app_id", "oa_id")}
        for prefix in (APP_ID, OA_ID):
            for lead in ("mac=", "mac = ", ""):
                event = lan.message_event("text", {"text": "menu"})
                body = json.dumps(event, ensure_ascii=False).encode()
                assert await post(zalo_oa, body, lead + sign(prefix, body, event["timestamp"])) == 200
        assert len(bot.rows(InboxEvent)) == 6
        after = {name: posts_counted(f"signed_with_{name}") for name in ("app_id", "oa_id")}
        assert {name: after[name] - before[name] for name in after} == {"app_id": 3, "oa_id": 3}


async def test_post_that_is_not_zalos_is_refused_and_nothing_kept(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str
) -> None:
    """No signature, a wrong one, a keyed one, one of another body, moment, secret or app: 401 without a word."""
    async with start_zalo_oa(sqlite_url) as bot:
        event = ZaloMember(zalo_oa, LAN).message_event("text", {"text": "menu"})
        body, moment = json.dumps(event).encode(), event["timestamp"]
        other = json.dumps(event | {"sender": {"id": "1"}}).encode()
        unkeyed = APP_ID.encode() + body + moment.encode()
        for signature in (
            None,
            "",
            "mac=",
            "mac=" + "0" * 64,
            "mac=é",
            hmac.new(OA_SECRET.encode(), unkeyed + OA_SECRET.encode(), hashlib.sha256).hexdigest(),
            hashlib.sha256(unkeyed + b"another secret").hexdigest(),
            sign(APP_ID, other, moment),
            sign(APP_ID, body, "1"),
            sign("42", body, moment),
        ):
            assert await post(zalo_oa, body, signature) == 401
        assert bot.rows(InboxEvent) == []
        assert bot.rows(ZaloFollower) == []
        for nonsense in (b"{", b"[]", b"1", b"\xff", b"[" * 100_000):
            assert await post(zalo_oa, nonsense, "mac=" + "0" * 64) in (400, 401)
        assert await post(zalo_oa, body, sign(APP_ID, body, moment)) == 200


async def test_old_post_sent_again_is_refused(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str
) -> None:
    """What Zalo repeats for an hour and fifty minutes is taken; a post of this morning, or of tomorrow, is a replay."""
    clock = Clock(zalo_oa)
    async with start_zalo_oa(sqlite_url, clock) as bot:
        lan = ZaloMember(zalo_oa, LAN)
        for hours, status in ((-1.85, 200), (-3.1, 401), (0.1, 200), (0.3, 401), (-24 * 365, 401)):
            clock.shift = timedelta(hours=hours)
            event = lan.message_event("text", {"text": "menu"})
            clock.shift = timedelta()
            assert (await zalo_oa.post(event, retries=5)).status == status, hours
        for nonsense in ("", "soon", "-1", "9" * 30, "1e12", "²"):
            assert (await zalo_oa.post(event | {"timestamp": nonsense})).status == 401
        assert len(bot.rows(InboxEvent)) == 2


async def test_console_that_looks_whether_anybody_is_there_is_answered(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str
) -> None:
    """An empty post, and the console's signed sample without an event: 200, and nothing is kept."""
    async with start_zalo_oa(sqlite_url) as bot:
        assert await post(zalo_oa, b"", None) == 200
        sample = {"app_id": APP_ID, "timestamp": zalo_oa.new_event("x")["timestamp"], "message": {"text": "test"}}
        assert (await zalo_oa.post(sample)).status == 200
        assert bot.rows(InboxEvent) == []


async def test_events_that_are_nothing_for_us_are_taken_and_passed_over(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str
) -> None:
    """What the account itself sent, groups, anonymous visitors, shops, another account's events, kinds of tomorrow, and
    shapes we cannot read: 200, or Zalo would switch the webhook off."""
    async with start_zalo_oa(sqlite_url) as bot:
        lan = ZaloMember(zalo_oa, LAN)
        sides = {"sender": {"id": LAN}, "recipient": {"id": OA_ID}}
        message = {"msg_id": "1", "text": "menu"}
        for event in (
            zalo_oa.new_event("oa_send_text", sender={"id": OA_ID}, recipient={"id": LAN}, message=message),
            zalo_oa.new_event("user_send_group_text", **sides, message=message),
            zalo_oa.new_event("anonymous_send_text", **sides, message=message),
            zalo_oa.new_event("user_reacted_message", **sides, message={"msg_id": "1", "react_icon": "/-heart"}),
            zalo_oa.new_event("shop_has_order", oa_id=OA_ID),
            zalo_oa.new_event("kind_of_tomorrow", **sides),
            zalo_oa.new_event("user_send_text", **sides),
            zalo_oa.new_event("user_send_text", sender=5, recipient=None, message="x"),
            zalo_oa.new_event("follow", oa_id=OA_ID),
            zalo_oa.new_event("user_seen_message", message={"msg_ids": 5}),
            lan.message_event("text", {"text": "menu"}) | {"recipient": {"id": "42"}},
            lan.follow_event("follow") | {"oa_id": "42"},
            lan.message_event("text", {"text": "menu"}) | {"event_name": 5},
        ):
            assert (await zalo_oa.post(event)).status == 200, event
        assert bot.rows(InboxEvent) == []
        assert bot.rows(ZaloFollower) == []


# Repeats, order, a database that is down


async def repeat(zalo_oa: ZaloOaStandIn, event: dict[str, Any], retries: int) -> None:
    """Zalo posts an event again, until it is taken."""
    async with asyncio.timeout(PATIENCE):
        while (await zalo_oa.post(event, retries)).status != 200:  # noqa: ASYNC110  # as Zalo does
            await asyncio.sleep(0.05)


async def test_repeated_event_is_handled_once(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same event with num_retry up to five, also after a restart: one answer."""
    monkeypatch.setattr("bot.transports.zalo_oa_client._CALL_SECONDS", 60.0)  # an answer counted as lost is repeated
    lan = ZaloMember(zalo_oa, LAN)
    async with start_zalo_oa(database_url) as bot:
        await lan.says("menu")
        await lan.hears()
        event = zalo_oa.posts[0].event
        for number in range(1, 6):
            await repeat(zalo_oa, event, number)
        await lan.shares_phone("84901234567")
        await lan.hears()
        contact = next(post.event for post in zalo_oa.posts if post.event["event_name"] == "user_submit_info")
        await repeat(zalo_oa, contact, 1)
        await all_sent(bot, 30)
    async with start_zalo_oa(database_url, is_logged_in=False) as bot:
        await repeat(zalo_oa, event, 5)
        await all_sent(bot, 30)
        assert len(bot.rows(InboxEvent)) == 2
        assert len(lan.messages) == len(replies(bot)) == 2


async def test_database_that_is_down_or_slow_is_answered_within_two_seconds(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, database_url: str
) -> None:
    """503 in time, so that Zalo repeats the event; when the database is back it is handled, once."""
    zalo_oa.retry_seconds = (0.2,) * 40
    async with start_zalo_oa(database_url) as bot:
        lan = ZaloMember(zalo_oa, LAN)
        with bot.database_down():
            await lan.says("menu")
            await bot.until(lambda: len(zalo_oa.posts) > 1)
        await lan.hears()
        lock = "BEGIN IMMEDIATE" if bot.database.is_sqlite else "BEGIN"
        with bot.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as holding:
            driver = holding.connection.driver_connection
            assert driver is not None
            await asyncio.to_thread(driver.execute, lock)
            if not bot.database.is_sqlite:
                await asyncio.to_thread(driver.execute, "LOCK TABLE inbox_events, zalo_oa_followers")
            await lan.says("menu")
            await asyncio.to_thread(driver.execute, "ROLLBACK")
        await lan.hears()
        await zalo_oa.settled()
        assert {one.status for one in zalo_oa.posts} == {503, 200}
        assert max(one.seconds for one in zalo_oa.posts) < 2.0
        assert len(bot.rows(InboxEvent)) == 2
        assert len(lan.messages) == 2


@pytest.mark.parametrize("count", [SAMPLE, pytest.param(DRILL, marks=pytest.mark.drill)])
async def test_many_events_doubled_and_out_of_order_are_handled_once_each(
    zalo_oa: ZaloOaStandIn,
    start_zalo_oa: StartZaloOa,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    count: int,
) -> None:
    """One in five comes twice, one in five after others that were said later: 0 lost, 0 doubled."""
    handled: Counter[str] = Counter()

    def handle(_context: Context, incoming: Any) -> list[Reply]:
        handled[incoming.text] += 1
        return [Reply(incoming.text)]

    monkeypatch.setattr("bot.inbox.handle", handle)
    monkeypatch.setattr("bot.transports.zalo_oa.ZaloOaTransport.messages_per_second", None)
    monkeypatch.setattr("bot.transports.zalo_oa_client._CALL_SECONDS", 60.0)  # an answer counted as lost is repeated
    chance = random.Random(20261121)
    async with start_zalo_oa(database_url) as bot:
        people = [ZaloMember(zalo_oa, str(5000 + number)) for number in range(count // 10)]
        for person in people:
            person.person.interacted_at = utc_now()
        said = [
            people[number % len(people)].message_event("text", {"text": f"câu {number}"}) for number in range(count)
        ]
        twice = chance.sample(range(count), count // 5)
        places = [number + (chance.uniform(1, 50) if chance.random() < 0.2 else 0) for number in range(count)]
        late = sum(place != number for number, place in enumerate(places))
        posts = [(place, 0, said[number]) for number, place in enumerate(places)]
        posts += [(places[number] + chance.uniform(0, 100), 1, said[number]) for number in twice]
        posts.sort(key=lambda one: one[0])
        waiting = iter(posts)

        async def hand_over() -> None:
            for _, retries, event in waiting:
                for again in itertools.count(retries):
                    if (await zalo_oa.post(event, again)).status == 200:
                        break

        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(hand_over() for _ in range(20)))
        took = asyncio.get_running_loop().time() - began
        await bot.until(lambda: handled.total() >= count and len(zalo_oa.sent) >= count, 600)
        await all_sent(bot, 60)
        lost = [event["message"]["text"] for event in said if handled[event["message"]["text"]] == 0]
        doubled = [words for words, times in handled.items() if times > 1]
        heard = Counter(sent.text for sent in zalo_oa.sent)
        assert (lost, doubled) == ([], [])
        assert set(heard.values()) == {1}
        assert len(heard) == count
        assert len(bot.rows(InboxEvent)) == count
        slowest = max(one.seconds for one in zalo_oa.posts)
        figures = {"repeated": len(twice), "late": late, "lost": len(lost), "doubled": len(doubled)}
        figures |= {"posts_per_second": round(len(posts) / took), "slowest_answer_ms": round(slowest * 1000)}
        if count == DRILL:
            note_drill("webhook events of zalo_oa", count, database=bot.database.url.get_backend_name(), **figures)
