"""Telegram refuses, stalls, repeats itself and breaks off; no message is lost, none is handled twice."""

import asyncio
import re
import traceback
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from bot.app import open_database, utc_now
from bot.settings import Settings
from bot.transports import SendUnavailable
from db.keys import create_key_file
from db.models import OPEN_DELIVERY_STATES, Account, Delivery, DeliveryState, Feedback, InboxEvent
from handlers.chat import StoredReply
from tests.standins import telegram_faults as fault
from tests.standins.telegram import DESK_TOKEN, TOKEN, TelegramStandIn
from tests.standins.telegram_faults import Fault

from .process import BotProcess, free_port
from .telegram_app import STOP_SECONDS, RunningBot, StartBot, add_alerts, has, is_answer, is_connected

LAN = 4001
SECRET = "a-secret-of-the-webhook"
NOBODY_KNOWS = {"drop_after", "malformed", "slow"}
"""Faults after which a message was delivered though its answer never came: it may be sent once more."""

FAULTS = [
    fault.flood(1),
    fault.server_error(),
    fault.bad_gateway(),
    fault.slow(0.9),
    fault.malformed(),
    fault.drop_before(),
    fault.drop_after(),
    fault.refuse(401, "Unauthorized"),
]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that takes longer than a moment is given up."""
    monkeypatch.setattr("bot.transports.telegram._CALL_SECONDS", 0.6)


def webhook_settings(port: int) -> dict[str, Any]:
    return {
        "web_port": port,
        "telegram_webhook_url": f"http://127.0.0.1:{port}",
        "telegram_webhook_secret": SECRET,
    }


async def ask_menu(bot: RunningBot, telegram: TelegramStandIn, number: int = LAN) -> None:
    """Somebody asks for the menu, gets it, and the ledger says so."""
    person = telegram.bot().person(number)
    await person.says("menu")
    await person.hears(1)
    await bot.until(lambda: all(row.state is DeliveryState.SENT for row in bot.rows(Delivery)))


# Sending


async def test_reply_arrives_whatever_happens_to_the_sending(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str
) -> None:
    """Twice in a row the sending fails: the reply comes all the same, more than once only where nobody can know."""
    async with start(sqlite_url) as bot:
        for number, trouble in enumerate(FAULTS):
            telegram.faults.next("sendMessage", trouble, times=2)
            await ask_menu(bot, telegram, LAN + number)
            heard = len(telegram.bot().person(LAN + number).messages)
            assert heard == (3 if trouble.kind in NOBODY_KNOWS else 1), trouble
        assert telegram.faults.met.total() == 2 * len(FAULTS)
        assert telegram.bot().gate.refused == 0


@pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")  # we read "retry_after" of both kinds
async def test_alert_arrives_whatever_happens_to_the_sending(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str
) -> None:
    """The officers' bot has another library and the same patience."""
    operator = telegram.bot(DESK_TOKEN).person(9001, "Operator", started=True)
    async with start(sqlite_url, telegram_desk_token=DESK_TOKEN, operator_telegram_id="9001") as bot:
        telegram.faults.next("sendMessage", *FAULTS)
        texts = [f"Việc {number}" for number in range(len(FAULTS))]
        bot.alert_operator("9001", *texts)
        await bot.until(lambda: all(row.state is DeliveryState.SENT for row in bot.rows(Delivery)), 10)
        assert {message.text for message in operator.messages} == set(texts)
        assert len(operator.messages) == len(texts) + 2  # after "drop_after" and "malformed" nobody can know
        assert telegram.bot(DESK_TOKEN).gate.refused == 0


async def test_slow_answer_within_the_patience_sends_once(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str
) -> None:
    """Slow is not lost."""
    async with start(sqlite_url) as bot:
        telegram.faults.next("sendMessage", fault.slow(0.3))
        await ask_menu(bot, telegram)
        assert len(telegram.bot().person(LAN).messages) == 1


async def test_wait_told_to_one_call_is_kept_by_the_whole_account(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str
) -> None:
    """After "retry after 1" nobody is written to and no button answered for a second, then everybody is."""
    async with start(sqlite_url) as bot:
        lan, hoa = telegram.bot().person(LAN), telegram.bot().person(LAN + 1, started=True)
        telegram.faults.next("sendMessage", fault.flood(1))
        await lan.says("menu")
        await bot.until(lambda: telegram.bot().gate.blocked_until)
        press = await hoa.presses_old("menu")
        await hoa.hears(1)
        await lan.hears(1)
        await press.answered()
        assert telegram.bot().gate.refused == 0


async def test_who_cannot_be_reached_is_noted_and_others_are_still_served(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str
) -> None:
    """A 403 ends that message and marks that person, nobody else."""
    async with start(sqlite_url) as bot:
        telegram.faults.next("sendMessage", fault.forbidden(), fault.forbidden("Forbidden: user is deactivated"))
        for number in range(2):
            await telegram.bot().person(LAN + number).says("menu")
            await bot.until(
                lambda asked=number + 1: [bool(row.unreachable_since) for row in bot.rows(Account)] == [True] * asked
            )
        await telegram.bot().person(LAN + 2).says("menu")
        await telegram.bot().person(LAN + 2).hears(1)
        assert [account.unreachable_since is None for account in bot.rows(Account)] == [False, False, True]
        assert [row.state for row in bot.rows(Delivery)][:2] == [DeliveryState.FAILED] * 2


# Polling


async def test_receiving_survives_every_trouble(telegram: TelegramStandIn, start: StartBot, sqlite_url: str) -> None:
    """Whatever meets the bot while it polls, what people write meanwhile is handled, once each."""
    troubles = [*FAULTS, fault.conflict()]
    async with start(sqlite_url) as bot:
        for number, trouble in enumerate(troubles):
            telegram.faults.next("getUpdates", trouble)
            await ask_menu(bot, telegram, LAN + number)
        await telegram.bot().updates.all_delivered()
        assert len(bot.rows(InboxEvent)) == len(troubles)
        assert all(len(telegram.bot().person(LAN + number).messages) == 1 for number in range(len(troubles)))
        assert telegram.faults.met.total() == len(troubles)
        assert telegram.bot().gate.refused == 0


async def test_starting_survives_every_trouble(telegram: TelegramStandIn, start: StartBot, sqlite_url: str) -> None:
    """Telegram may be blocked or down while the bot starts: it goes on trying."""
    telegram.faults.next("deleteWebhook", *FAULTS)
    async with start(sqlite_url) as bot:
        await ask_menu(bot, telegram)
        assert telegram.faults.met.total() == len(FAULTS)
        assert telegram.bot().gate.refused == 0


async def test_wrong_token_leaves_the_page_running_and_waits_for_the_right_one(
    start: StartBot, telegram: TelegramStandIn, sqlite_url: str
) -> None:
    """A refused token is told by /readyz, does not stop the web page, and is tried again."""
    other = "1000009:a-token-the-stand-in-does-not-know-yet"
    async with start(sqlite_url, is_ready=False, telegram_token=other) as bot, httpx.AsyncClient() as http:
        await bot.until(lambda: bot.is_serving)
        ready = (await http.get(f"{bot.address}/readyz")).json()
        assert (ready["ready"], ready["channels"]["telegram"]) == (True, False)
        lan = telegram.add_bot(other).person(LAN)
        await lan.says("menu")
        await lan.hears(1)
        assert (await http.get(f"{bot.address}/readyz")).json()["channels"]["telegram"] is True


async def test_second_program_with_the_same_token_does_not_stop_the_first(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str
) -> None:
    """Somebody else polls with our token for a while: we say so, wait, and go on."""
    async with start(sqlite_url) as bot, httpx.AsyncClient() as http:
        await http.get(f"{telegram.url}/bot{TOKEN}/getUpdates", params={"timeout": 0})
        await bot.until(lambda: is_connected(telegram))
        await ask_menu(bot, telegram)


async def test_update_is_confirmed_only_once_it_is_stored(
    telegram: TelegramStandIn, start: StartBot, database_url: str
) -> None:
    """While nothing can be stored Telegram keeps the update; afterwards it is handled, once."""
    async with start(database_url) as bot:
        lan = telegram.bot().person(LAN)
        with bot.database_down():
            polls = len(telegram.calls("getUpdates"))
            await lan.says("menu")
            await bot.until(lambda: len(telegram.calls("getUpdates")) > polls + 2)
            assert len(telegram.bot().updates.pending) == 1
        await lan.hears(1)
        await telegram.bot().updates.all_delivered()
        assert len(bot.rows(InboxEvent)) == 1
        assert len(lan.messages) == 1


async def test_crash_between_storing_and_confirming_repeats_nothing(
    telegram: TelegramStandIn, start: StartBot, database_url: str
) -> None:
    """Telegram hands the same updates to the next start; each was stored once and is handled once."""
    lan = telegram.bot().person(LAN, started=True)
    async with start(database_url) as bot:
        telegram.faults.next("getUpdates", fault.drop_before(), times=1000)
        await lan.presses_old("f|w|cong-doan-chua-co")
        await lan.hears(1)
        await lan.says("em cần gặp cán bộ")
        await bot.crash()
    assert len(telegram.bot().updates.pending) == 2
    telegram.faults.clear()
    async with start(database_url) as bot:
        await telegram.bot().updates.all_delivered()
        await lan.hears(has("Đã ghi lại"), since=-1)
        assert len(bot.rows(InboxEvent)) == 2
        assert len(bot.rows(Feedback)) == 1


async def test_repeated_updates_change_nothing_twice(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str
) -> None:
    """Telegram hands an update over twice."""
    async with start(sqlite_url) as bot:
        telegram.faults.next("update", fault.duplicate(), times=2)
        lan = telegram.bot().person(LAN, started=True)
        await lan.presses_old("f|w|cong-doan-chua-co")
        await lan.hears(1)
        await lan.says("em cần gặp cán bộ")
        await lan.hears(has("Đã ghi lại"))
        await ask_menu(bot, telegram)
        assert len(bot.rows(Feedback)) == 1
        assert len(lan.messages) == 3


# Webhook


def test_webhook_without_a_secret_refuses_to_start() -> None:
    """Anybody could write in a member's name otherwise."""
    with pytest.raises(ValidationError, match="TELEGRAM_WEBHOOK_SECRET"):
        Settings(_env_file=None, telegram_token=TOKEN, telegram_webhook_url="https://bot.example")  # type: ignore[call-arg]


async def test_webhook_delivers_a_whole_talk_also_twice_and_out_of_order(
    telegram: TelegramStandIn, start: StartBot, database_url: str
) -> None:
    """By webhook as by polling: buttons stop spinning, repeated and overtaken updates are handled once each."""
    async with start(database_url, **webhook_settings(free_port())) as bot:
        lan = telegram.bot().person(LAN)
        await lan.says("nghi thai san may thang")
        await lan.hears(is_answer)
        press = await lan.presses("Xem chi tiết")
        await press.answered()
        await lan.hears(1)
        telegram.faults.next("update", fault.duplicate(), fault.out_of_order())
        await lan.says("menu")
        await lan.says("chủ đề")
        await lan.says("menu")
        await telegram.bot().updates.all_delivered()
        await bot.until(lambda: all(row.state is DeliveryState.SENT for row in bot.rows(Delivery)))
        assert len(bot.rows(InboxEvent)) == 5
        assert telegram.calls("getUpdates") == []


async def test_webhook_with_a_wrong_secret_is_refused_and_nothing_kept(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str
) -> None:
    """401 without a word; only who knows the secret is heard."""
    update = {
        "update_id": 1,
        "message": {"message_id": 1, "date": 1, "chat": {"id": LAN, "type": "private"}, "text": "menu"},
    }
    async with start(sqlite_url, **webhook_settings(free_port())) as bot, httpx.AsyncClient() as http:
        await bot.until(lambda: bot.is_serving)
        for headers in ({}, {"X-Telegram-Bot-Api-Secret-Token": "a-secret-of-somebody"}):
            answer = await http.post(f"{bot.address}/telegram/webhook", json=update, headers=headers)
            assert answer.status_code == 401
        assert bot.rows(InboxEvent) == []
        headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
        answer = await http.post(f"{bot.address}/telegram/webhook", json=update, headers=headers)
        assert answer.status_code == 200
        assert len(bot.rows(InboxEvent)) == 1
        for nonsense in (b"{", b"1", b"\xff"):
            answer = await http.post(f"{bot.address}/telegram/webhook", content=nonsense, headers=headers)
            assert answer.status_code == 400
        for size, status in ((500_000, 200), (1_100_000, 413)):  # what the page may post is far less
            update = {"update_id": size, "message": update["message"] | {"caption_entities": ["x" * size]}}
            answer = await http.post(f"{bot.address}/telegram/webhook", json=update, headers=headers)
            assert answer.status_code == status


async def test_webhook_answers_503_while_nothing_can_be_stored(
    telegram: TelegramStandIn, start: StartBot, database_url: str
) -> None:
    """Telegram sends the update again until it is stored; then it is handled, once."""
    async with start(database_url, **webhook_settings(free_port())) as bot:
        lan, updates = telegram.bot().person(LAN), telegram.bot().updates
        with bot.database_down():
            await lan.says("menu")
            await bot.until(lambda: len(updates.deliveries) > 1)
        await lan.hears(1)
        await updates.all_delivered()
        assert {attempt.status for attempt in updates.deliveries} == {503, 200}
        assert len(bot.rows(InboxEvent)) == 1
        assert len(lan.messages) == 1


async def test_program_that_polled_before_can_be_switched_to_a_webhook_and_back(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str
) -> None:
    """What waited meanwhile is delivered the new way."""
    lan = telegram.bot().person(LAN)
    for settings in (webhook_settings(free_port()), {}):
        await lan.says("menu")
        async with start(sqlite_url, **settings):
            await lan.hears(1)


# Stopping, and what is written down


@pytest.mark.parametrize("trouble", [fault.flood(60), fault.slow(60)], ids=["429", "slow"])
async def test_stopping_waits_for_no_platform_that_is_down(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str, trouble: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be sent before the program had to end is sent by the next start."""
    monkeypatch.setattr("bot.app._SHUTDOWN_SECONDS", 0.5)
    monkeypatch.setattr("bot.delivery._FINISH_SECONDS", 0.5)
    lan = telegram.bot().person(LAN)
    async with start(sqlite_url) as bot:
        telegram.faults.next("sendMessage", trouble, times=100)
        for _ in range(3):
            await lan.says("menu")
        await bot.until(lambda: len(bot.rows(Delivery)) == 3)
        await bot.stop()
        assert bot.stopped_in < STOP_SECONDS
        assert {row.state for row in bot.rows(Delivery)} <= set(OPEN_DELIVERY_STATES)
    telegram.faults.clear()
    telegram.bot().gate.blocked_until = 0.0
    async with start(sqlite_url, lambda: utc_now() + timedelta(minutes=2)) as bot:
        await bot.until(lambda: all(row.state is DeliveryState.SENT for row in bot.rows(Delivery)))
        assert len(bot.rows(Delivery)) == 3


async def test_tokens_and_messages_never_stand_in_the_log(telegram: TelegramStandIn, tmp_path: Path) -> None:
    """At the most talkative level, in trouble, with both bots at work: no line holds a token or a message."""
    url, key_file = f"sqlite:///{tmp_path / 'own.db'}", tmp_path / "own.key"
    own = Settings(_env_file=None, database_url=url, key_file=key_file)  # type: ignore[call-arg]
    database = open_database(own, create_key_file(key_file))
    add_alerts(database, "9001", "Chuyện của chị Mận")
    database.close()
    operator = telegram.bot(DESK_TOKEN).person(9001, "Operator", started=True)
    telegram.faults.next("sendMessage", fault.malformed())
    telegram.faults.next("deleteWebhook", fault.drop_before(), times=1000)
    settings = {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_DESK_TOKEN": DESK_TOKEN, "TELEGRAM_API_URL": telegram.url}
    bot = BotProcess(tmp_path, url, key_file, LOG_LEVEL="DEBUG", **settings)
    try:
        await asyncio.to_thread(bot.start)
        async with asyncio.timeout(60):
            down = {"telegram_unreachable", "desk_bot_unreachable"}
            while not down <= set(re.findall(r"\w+_unreachable", bot.log)):  # noqa: ASYNC110  # another process writes it
                await asyncio.sleep(0.05)
        telegram.faults.clear()
        await operator.hears(2, 20)
        lan = telegram.bot().person(LAN)
        await lan.says("Mận hỏi nghi thai san may thang")
        await lan.hears(is_answer, 20)
    finally:
        assert await asyncio.to_thread(bot.stop) == 0
    for secret in (TOKEN, DESK_TOKEN):
        assert secret not in bot.log
        assert secret.split(":")[1] not in bot.log
    assert "Mận" not in bot.log
    assert "M\\u1ead" not in bot.log


async def test_errors_of_sending_quote_neither_token_nor_message() -> None:
    """Telegram cannot be reached: whoever prints that error, with all that lies behind it, prints no secret."""
    from bot.transports.telegram import TelegramTransport  # here, since loading the libraries takes seconds
    from bot.transports.telegram_desk import TelegramDeskTransport

    words = "chuyện riêng"
    nowhere = f"http://127.0.0.1:{free_port()}"
    for transport in (TelegramTransport(TOKEN, nowhere), TelegramDeskTransport(TOKEN, nowhere)):
        with pytest.raises(SendUnavailable) as raised:
            await transport.send(str(LAN), StoredReply(words))
        shown = "".join(traceback.format_exception(raised.value))
        assert TOKEN not in shown
        assert words not in shown
        await transport.close()
