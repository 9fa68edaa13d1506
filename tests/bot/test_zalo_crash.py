"""kill -9 at any moment while people talk on Zalo: nothing that Zalo was told is taken is lost, or counts twice."""

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.app import open_database, utc_now
from bot.settings import Settings
from db.keys import Keys, load_key_file
from db.models import Delivery, DeliveryKind, DeliveryState, InboxEvent, InboxState
from db.session import Database
from tests.drills import note_drill
from tests.standins.zalo_bot import TOKEN, ZaloBotStandIn
from tests.standins.zalo_oa import APP_ID, APP_SECRET, OA_ID, OA_SECRET, ZaloOaStandIn
from tests.standins.zalo_oa_people import ZaloMember

from .process import BotProcess
from .zalo_bot_app import SECRET
from .zalo_oa_app import give_tokens

PATIENCE_SECONDS = 120.0
PER_PERSON = 3


class Crowd:
    """People who write, on either Zalo; ``heard`` counts what each was sent."""

    def __init__(self, says: list[Callable[[], object]], heard: Callable[[], int]) -> None:
        self.says = says
        self.heard = heard


async def replay(process: BotProcess, crowd: Crowd, database: Database, kills: int, seed: int) -> dict[str, int]:
    """Let the crowd write while the program is killed again and again; then look at what it left."""
    chance = random.Random(seed)
    await asyncio.to_thread(process.start)
    is_done = asyncio.Event()

    async def kill_now_and_then() -> None:
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.0, 0.6))
            await asyncio.to_thread(process.kill)
            await asyncio.to_thread(process.start)
        is_done.set()

    killing = asyncio.create_task(kill_now_and_then())
    said: list[asyncio.Task[object]] = []
    for number, say in enumerate(crowd.says):
        said.append(asyncio.create_task(_once(say)))
        await asyncio.sleep(chance.uniform(0.0, 0.1))
        if number == len(crowd.says) // 2 and kills:
            await asyncio.wait_for(is_done.wait(), PATIENCE_SECONDS * max(1, kills // 10))
    await asyncio.gather(*said, killing)
    count = len(crowd.says)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and _left(database, count):  # noqa: ASYNC110  # another process works on it
        await asyncio.sleep(0.1)
    await asyncio.to_thread(process.stop)
    with database.read() as session:
        events = session.query(InboxEvent).all()
        lines = session.query(Delivery).filter(Delivery.kind == DeliveryKind.REPLY).all()
    return {
        "events": len(events),
        "unhandled": sum(event.state is not InboxState.PROCESSED for event in events),
        "without_reply": count - len({line.subject.split(":")[1] for line in lines}),
        "unsent": sum(line.state is not DeliveryState.SENT for line in lines),
        "never_heard": max(0, len(lines) - crowd.heard()),
        "said_again": max(0, crowd.heard() - len(lines)),
    }


async def _once(say: Callable[[], object]) -> object:
    answer = say()
    return await answer if asyncio.iscoroutine(answer) else answer


def _left(database: Database, count: int) -> bool:
    with database.read() as session:
        handled = session.query(InboxEvent).filter(InboxEvent.state != InboxState.RECEIVED).count()
        unsent = session.query(Delivery).filter(Delivery.state != DeliveryState.SENT).count()
    return handled < count or unsent > 0


async def on_zalo_bot(
    zalo: ZaloBotStandIn, folder: Path, database: Database, key_file: Path, people: int, kills: int
) -> dict[str, int]:
    settings = {"ZALO_BOT_TOKEN": TOKEN, "ZALO_BOT_API_URL": zalo.url, "ZALO_BOT_WEBHOOK_SECRET": SECRET}
    process = BotProcess(folder, database.url.render_as_string(hide_password=False), key_file, **settings)
    process._environment |= {"WEB_PUBLIC_URL": process.address, "METRICS_PORT": "0"}
    zalo.events.retry_seconds = 0.1
    zalo.events.webhook = {"url": f"{process.address}/zalo/bot/webhook", "updated_at": 0}
    zalo.events.secret = SECRET
    crowd = [zalo.person(f"person-{number}") for number in range(people)]
    says = [lambda person=person: person.says("menu") for _ in range(PER_PERSON) for person in crowd]
    return await replay(process, Crowd(says, lambda: sum(map(len, zalo.chats.messages.values()))), database, kills, 7)


async def on_official_account(
    zalo_oa: ZaloOaStandIn, folder: Path, database: Database, key_file: Path, people: int, kills: int
) -> dict[str, int]:
    settings = {
        "ZALO_OA_ID": OA_ID, "ZALO_APP_ID": APP_ID, "ZALO_APP_SECRET": APP_SECRET, "ZALO_OA_SECRET": OA_SECRET,
        "ZALO_API_URL": zalo_oa.url, "ZALO_OAUTH_URL": zalo_oa.url, "ZALO_BUSINESS_URL": zalo_oa.url,
    }  # fmt: skip
    process = BotProcess(folder, database.url.render_as_string(hide_password=False), key_file, **settings)
    process._environment |= {"WEB_PUBLIC_URL": process.address, "METRICS_PORT": "0"}
    give_tokens(zalo_oa, database, utc_now())
    zalo_oa.console.webhook_url = f"{process.address}/zalo/oa/webhook"
    zalo_oa.retry_seconds = (0.1,) * 3000
    crowd = [ZaloMember(zalo_oa, str(7000 + number)) for number in range(people)]
    says = [lambda person=person: person.says("menu") for _ in range(PER_PERSON) for person in crowd]
    found = await replay(process, Crowd(says, lambda: len(zalo_oa.sent)), database, kills, 8)
    assert zalo_oa.calls["burned"] == 0
    return found


def open_as_program(database_url: str, key_file: Path) -> Database:
    """The database with what stands beside the key file, as the program opens it."""
    keys: Keys = load_key_file(key_file)
    return open_database(Settings(_env_file=None, database_url=database_url, key_file=key_file), keys)  # type: ignore[call-arg]


def judge(found: dict[str, int], people: int, kills: int) -> None:
    again = found.pop("said_again")
    none = dict.fromkeys(("unhandled", "without_reply", "unsent", "never_heard"), 0)
    assert found == {"events": people * PER_PERSON, **none}
    assert again <= 30 * kills  # what was on its way when the program was killed, and nothing else


DRIVES = {"zalo_bot": on_zalo_bot, "zalo_oa": on_official_account}
DRILL = 100
SIZES = [pytest.param(8, 3, id="few"), pytest.param(60, DRILL, id="many", marks=pytest.mark.drill)]


@pytest.mark.parametrize(("people", "kills"), SIZES)
@pytest.mark.parametrize("platform", DRIVES)
async def test_what_zalo_was_told_is_taken_survives_kills(
    zalo: ZaloBotStandIn,
    zalo_oa: ZaloOaStandIn,
    tmp_path: Path,
    database_url: str,
    key_file: Path,
    platform: str,
    people: int,
    kills: int,
) -> None:
    """Every event is handled once and every answer arrives; said again only what was on its way at a kill."""
    database = open_as_program(database_url, key_file)
    try:
        server = zalo if platform == "zalo_bot" else zalo_oa
        found = await DRIVES[platform](server, tmp_path, database, key_file, people, kills)  # type: ignore[arg-type]
    finally:
        kind = database.url.get_backend_name()
        database.close()
    judge(dict(found), people, kills)
    if kills >= DRILL:
        note_drill(f"kills on {platform}", kills, database=kind, **found)
