"""A picture of a bulletin is handed to each platform once, however many get it; over HTTP to the stand-ins."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from bot.uploads import UploadStore
from db.accounts import lane_of
from db.models import Delivery, DeliveryKind, DeliveryState, UploadedFile
from db.session import Database
from db.zalo_oa import Note, NoteKind, note_people
from tests.standins.telegram import TOKEN, TelegramStandIn
from tests.standins.zalo_bot import ZaloBotStandIn
from tests.standins.zalo_oa import ZaloOaStandIn

from . import zalo_bot_app, zalo_oa_app
from .bulletin_lines import PICTURE, plant_run
from .telegram_app import RunningBot, StartBot
from .zalo_bot_app import StartZaloBot, public_settings
from .zalo_oa_app import StartZaloOa

RECEIVERS = 50
TELEGRAM = f"telegram:{TOKEN.split(':')[0]}"


def are_sent(bot: RunningBot, count: int) -> Callable[[], bool]:
    """Whether so many lines of bulletins are out; what the operator is told meanwhile does not count."""
    out = (DeliveryKind.BULLETIN, DeliveryState.SENT)
    return lambda: sum((row.kind, row.state) == out for row in bot.rows(Delivery)) == count


# Telegram


async def test_fifty_people_on_telegram_get_a_picture_that_was_uploaded_once(
    telegram: TelegramStandIn, start: StartBot, database_url: str
) -> None:
    """The first message carries the picture, the others name it; so does a later sending, after a restart."""
    people = [telegram.bot().person(1000 + number, started=True) for number in range(RECEIVERS)]
    addresses = [str(person.chat.id) for person in people]
    async with start(database_url) as bot:
        plant_run(bot.database, TELEGRAM, addresses, datetime.now(UTC))
        await bot.until(are_sent(bot, RECEIVERS), 120)
    assert list(telegram.bot().files.values()) == [PICTURE]
    async with start(database_url) as bot:
        plant_run(bot.database, TELEGRAM, addresses, datetime.now(UTC))
        await bot.until(are_sent(bot, 2 * RECEIVERS), 120)
    assert len(telegram.bot().files) == 1


async def test_picture_that_telegram_forgot_is_uploaded_once_more(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str
) -> None:
    """A name that is no longer taken is given up; everybody still gets the picture, and it is handed over once."""
    addresses = [str(telegram.bot().person(1000 + number, started=True).chat.id) for number in range(10)]
    async with start(sqlite_url) as bot:
        plant_run(bot.database, TELEGRAM, addresses, datetime.now(UTC))
        await bot.until(are_sent(bot, 10), 20)
        telegram.bot().files.clear()
        plant_run(bot.database, TELEGRAM, addresses, datetime.now(UTC))
        await bot.until(are_sent(bot, 20), 20)
    assert len(telegram.bot().files) == 1


async def test_person_who_blocked_the_bot_does_not_keep_others_from_the_picture(
    telegram: TelegramStandIn, start: StartBot, sqlite_url: str
) -> None:
    """The upload that failed for one is made for the next."""
    addresses = [str(telegram.bot().person(1000 + number, started=number > 0).chat.id) for number in range(5)]
    async with start(sqlite_url) as bot:
        plant_run(bot.database, TELEGRAM, addresses, datetime.now(UTC))
        await bot.until(are_sent(bot, 4), 20)
    assert 1 <= len(telegram.bot().files) <= 2, "where the one who blocked it came first, theirs was handed over too"


# Official Account


def follow(zalo: ZaloOaStandIn, bot: RunningBot, count: int, ago: timedelta = timedelta(hours=1)) -> list[str]:
    """People who wrote to the account so long ago."""
    at = zalo.clock() - ago
    addresses = [str(6204117895032116000 + number) for number in range(count)]
    for address in addresses:
        zalo.person(address).interacted_at = at
    with bot.database.begin() as session:
        note_people(session, [_note(bot.database, address, at) for address in addresses])
    return addresses


def _note(database: Database, address: str, at: datetime) -> Note:
    lane = lane_of(database.keys, zalo_oa_app.SENDER, address)
    return Note(zalo_oa_app.SENDER, lane, address, NoteKind.INTERACTED, at)


async def test_fifty_people_on_the_official_account_get_a_picture_that_was_uploaded_once(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, database_url: str
) -> None:
    """Also after a restart: what Zalo calls it is kept until Zalo drops it."""
    async with start_zalo_oa(database_url) as bot:
        addresses = follow(zalo_oa, bot, RECEIVERS)
        plant_run(bot.database, zalo_oa_app.SENDER, addresses, datetime.now(UTC))
        await bot.until(are_sent(bot, RECEIVERS), 120)
    async with start_zalo_oa(database_url) as bot:
        plant_run(bot.database, zalo_oa_app.SENDER, addresses, datetime.now(UTC))
        await bot.until(are_sent(bot, 2 * RECEIVERS), 120)
        (kept,) = bot.rows(UploadedFile)
        assert timedelta(days=5) < kept.good_until - datetime.now(UTC) < timedelta(days=7)
    assert zalo_oa.calls["upload"] == 1
    assert sum(one.kind == "image" for one in zalo_oa.sent) == 2 * RECEIVERS


async def test_picture_that_zalo_dropped_is_uploaded_once_more(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str
) -> None:
    """Before its day too."""
    async with start_zalo_oa(sqlite_url) as bot:
        addresses = follow(zalo_oa, bot, 20)
        plant_run(bot.database, zalo_oa_app.SENDER, addresses, datetime.now(UTC))
        await bot.until(are_sent(bot, 20), 20)
        zalo_oa.uploads.clear()
        plant_run(bot.database, zalo_oa_app.SENDER, addresses, datetime.now(UTC))
        await bot.until(are_sent(bot, 40), 20)
    assert zalo_oa.calls["upload"] == 2
    assert len(zalo_oa.uploads) == 1


async def test_bulletin_spends_no_more_than_the_month_has_whatever_was_planned(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, database_url: str
) -> None:
    """Windows that closed since the plan was made: three messages are paid, the others wait for their person."""
    from db.channel_accounts import add_account, change_account, count_paid

    def allow(session: Session) -> None:
        add_account(session, zalo_oa_app.SENDER)
        change_account(session, zalo_oa_app.SENDER, {"price_outside_window": 100, "dong_per_month": 350})

    async with start_zalo_oa(database_url) as bot:
        addresses = follow(zalo_oa, bot, 10, ago=timedelta(hours=60))
        with bot.database.begin() as session:
            allow(session)
        plant_run(bot.database, zalo_oa_app.SENDER, addresses, datetime.now(UTC))
        await bot.until(lambda: all(row.attempts for row in bot.rows(Delivery)), 20)
        await bot.until(lambda: sum(row.reason == "budget" for row in bot.rows(Delivery)) == 7, 20)
        with bot.database.read() as session:
            assert count_paid(session, zalo_oa_app.SENDER, datetime.now(UTC) - timedelta(days=1)) == 3
    assert sum(one.kind == "text" for one in zalo_oa.sent) == 3


# Zalo Bot


async def test_fifty_people_on_zalo_bot_get_a_picture_by_one_address(
    zalo: ZaloBotStandIn, start_zalo: StartZaloBot, database_url: str
) -> None:
    """Zalo fetches a picture by its address: one for all, signed, which Zalo may keep and which ends in time."""
    async with start_zalo(database_url, **public_settings()) as bot:
        people = [zalo.person(f"person-{number}") for number in range(RECEIVERS)]
        addresses = [person.id for person in people]
        zalo.chats.messages |= {address: [] for address in addresses}  # they have written before
        plant_run(bot.database, zalo_bot_app.SENDER, addresses, datetime.now(UTC))
        await bot.until(are_sent(bot, RECEIVERS), 120)
        got = [message for person in people for message in person.messages]
        assert {message.picture for message in got} == {PICTURE}
        (url,) = {message.photo for message in got}
        (kept,) = bot.rows(UploadedFile)
        assert kept.platform_id == url
        assert kept.good_until < datetime.now(UTC) + timedelta(days=5)


# The memory of names


async def test_name_of_a_file_ends_with_its_day(database: Database) -> None:
    """After it the file is handed over again."""
    moment = [datetime(2026, 11, 21, tzinfo=UTC)]
    store = UploadStore(database, "x:1", lambda: moment[0])
    await store.keep("d" * 64, "name", moment[0] + timedelta(days=6))
    fresh = UploadStore(database, "x:1", lambda: moment[0])
    assert (await store.find("d" * 64), await fresh.find("d" * 64)) == ("name", "name")
    assert await UploadStore(database, "x:2", lambda: moment[0]).find("d" * 64) is None, "another account's"
    moment[0] += timedelta(days=6)
    assert (await store.find("d" * 64), await fresh.find("d" * 64)) == (None, None)


async def test_only_the_name_that_was_refused_is_given_up(database: Database) -> None:
    """Somebody who was told late that an old name is not taken does not throw away the new one."""
    store = UploadStore(database, "x:1", lambda: datetime(2026, 11, 21, tzinfo=UTC))
    await store.keep("d" * 64, "new")
    await store.drop("d" * 64, "old")
    assert await store.find("d" * 64) == "new"
    await store.drop("d" * 64, "new")
    assert await store.find("d" * 64) is None
