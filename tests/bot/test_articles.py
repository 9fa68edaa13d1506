"""The article of a bulletin: created, awaited, broadcast once to whoever follows, whatever happens on the way."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.articles import ArticleRunner
from bot.transports.public_files import PublicFiles
from bot.transports.zalo_oa import ZaloOaTransport, open_official_account
from db.accounts import lane_of
from db.channel_accounts import article_lane, count_articles
from db.deliveries import recover_claimed
from db.models import BulletinRun, Delivery, DeliveryState, RunState
from db.session import Database
from db.zalo_oa import Note, NoteKind, note_people
from handlers.feature import VIETNAM
from tests.standins import telegram_faults as fault
from tests.standins.zalo_oa import ZaloOaStandIn

from .bulletin_lines import plant_run
from .zalo_oa_app import SENDER, StartZaloOa, give_tokens, settings_for

NOON = datetime(2026, 11, 21, 12, tzinfo=VIETNAM)
ADDRESSES = [str(6204117895032116000 + number) for number in range(5)]


class Moment:
    """The time, as the test sets it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_time(self, **amount: float) -> None:
        self.now += timedelta(**amount)


class World:
    """One sending whose people are reached by an article, and whoever drives it."""

    def __init__(self, database: Database, zalo: ZaloOaStandIn, moment: Moment, account: ZaloOaTransport) -> None:
        self.database = database
        self.zalo = zalo
        self.moment = moment
        self.account = account
        self.run_id = 0
        self.runner = self.restart()

    def restart(self) -> ArticleRunner:
        """Another process takes over; what was being broadcast is unknown then."""
        with self.database.begin() as session:
            recover_claimed(session, SENDER)
        files = PublicFiles(self.database, "https://congdoan.example", self.moment)
        self.runner = ArticleRunner(SENDER, self.account.articles, self.database, files, "Công đoàn", self.moment)
        return self.runner

    def plant(self, **how: Any) -> None:
        """Five people, all by the article."""
        plan = {"articles": [SENDER], **how}
        self.run_id = plant_run(self.database, SENDER, ADDRESSES, NOON, reason="article", **plan)

    async def goes_on(self, minutes: float = 5) -> None:
        """Do what there is to do, for so many minutes."""
        for _ in range(int(minutes * 6)):
            while await self.runner.step():
                pass
            self.moment.pass_time(seconds=10)

    @property
    def article(self) -> Delivery:
        """The line of the article itself."""
        with self.database.read() as session:
            return session.scalars(select(Delivery).where(Delivery.recipient == article_lane(SENDER))).one()

    @property
    def lines(self) -> set[tuple[DeliveryState, str | None]]:
        """How the lines of the people stand."""
        with self.database.read() as session:
            rows = session.scalars(select(Delivery).where(Delivery.run_id == self.run_id))
            return {(row.state, row.reason) for row in rows}

    def set_run(self, state: RunState) -> None:
        """Hold the sending back, or call it off."""
        with self.database.begin() as session:
            session.get_one(BulletinRun, self.run_id).state = state


@pytest.fixture
async def world(zalo_oa: ZaloOaStandIn, database: Database) -> AsyncIterator[World]:
    """A logged-in account at noon, and a sending with an article."""
    moment = zalo_oa.clock = Moment()

    async def alarm(_subject: str, _text: str) -> None:
        pass

    give_tokens(zalo_oa, database, NOON)
    account = open_official_account(settings_for(zalo_oa, "sqlite:///unused.db"), database, moment, alarm)
    yield World(database, zalo_oa, moment, account)
    await account.close()


async def test_article_goes_to_followers_once_and_their_lines_follow_it(world: World) -> None:
    """Created with the bulletin's words and its picture as cover, awaited, broadcast; everybody's line is "sent"."""
    world.plant()
    await world.goes_on()
    (article,) = world.zalo.articles.values()
    assert article["title"] == "Tin tuần"
    assert article["body"][0]["content"] == "Khám sức khỏe miễn phí."
    assert "bỏ quan tâm" in article["body"][-1]["content"]
    assert article["cover"]["photo_url"].startswith("https://congdoan.example/files/b")
    (sent,) = world.zalo.broadcasts
    assert sent["recipient"] == {"target": {}}
    assert (world.article.state, world.lines) == (DeliveryState.SENT, {(DeliveryState.SENT, "article")})
    await world.goes_on()
    assert len(world.zalo.broadcasts) == 1
    with world.database.read() as session:
        assert count_articles(session, SENDER, NOON - timedelta(days=1)) == 1


async def test_cover_is_fetched_from_our_own_server(world: World) -> None:
    """The address in the article opens the picture, for some days, and no other one does."""
    world.plant()
    await world.goes_on()
    (article,) = world.zalo.articles.values()
    name = article["cover"]["photo_url"].rsplit("/", 1)[1]
    files = PublicFiles(world.database, "https://congdoan.example", world.moment)
    found = await files.find(name)
    assert found is not None
    assert found.media_type == "image/png"
    assert await files.find(name.replace(name[-10], "0" if name[-10] != "0" else "1")) is None
    world.moment.pass_time(days=7)
    assert await files.find(name) is None


@pytest.mark.parametrize("moment", ["nothing", "created", "ready", "sent"])
async def test_stop_at_any_moment_broadcasts_nothing_twice(world: World, moment: str) -> None:
    """Whoever takes over goes on where it stood; only what was cut off in the broadcast itself is unknown."""
    world.plant()
    steps = {"nothing": 0, "created": 1, "ready": 3, "sent": 4}[moment]
    while steps:
        steps -= await world.runner.step()
        world.moment.pass_time(seconds=10)
    world.restart()
    await world.goes_on()
    assert len(world.zalo.broadcasts) == 1
    assert world.zalo.calls["article"] == 1
    assert world.lines == {(DeliveryState.SENT, "article")}


@pytest.mark.parametrize("reached", [True, False], ids=["reached Zalo", "did not"])
async def test_broadcast_whose_end_nobody_knows_is_listed_and_never_repeated(world: World, reached: bool) -> None:
    """The answer was lost: the article and everybody's line are unknown, whether it went out or not."""
    world.plant()
    world.zalo.faults.next("broadcast", fault.drop_after() if reached else fault.drop_before())
    await world.goes_on(10)
    world.restart()
    await world.goes_on(10)
    assert len(world.zalo.broadcasts) == int(reached)
    assert world.zalo.calls["broadcast"] == 1
    assert (world.article.state, world.lines) == (DeliveryState.UNKNOWN, {(DeliveryState.UNKNOWN, "article")})


async def test_process_killed_in_the_broadcast_leaves_it_unknown(world: World) -> None:
    """Between the claim and the answer."""
    world.plant()

    async def die(*_: object) -> str:
        raise KeyboardInterrupt

    real, world.account.articles.broadcast = world.account.articles.broadcast, die  # type: ignore[method-assign]  # the power fails here
    with pytest.raises(KeyboardInterrupt):
        await world.goes_on()
    world.account.articles.broadcast = real  # type: ignore[method-assign]  # it is back
    assert world.article.state is DeliveryState.CLAIMED
    world.restart()
    await world.goes_on()
    assert world.zalo.broadcasts == []
    assert world.lines == {(DeliveryState.UNKNOWN, "article")}


@pytest.mark.parametrize(
    "trouble",
    [fault.bad_gateway(), fault.refuse(-32, "limit"), fault.refuse(-211, "quota"), fault.refuse(-224, "package")],
    ids=lambda trouble: f"{trouble.kind}{trouble.code}",
)
@pytest.mark.parametrize("call", ["article", "verify", "broadcast"])
async def test_trouble_that_passes_is_waited_for(world: World, call: str, trouble: fault.Fault) -> None:
    """An outage, a limit, a day's quota: it goes later, once."""
    world.plant()
    world.zalo.faults.next(call, trouble)
    for _ in range(8):
        await world.goes_on(1)
        world.account._silent_until = 0.0  # counted in seconds of this machine, not of the test
        world.moment.pass_time(hours=4)
        if world.zalo.broadcasts:
            break
    await world.goes_on(1)
    assert len(world.zalo.broadcasts) == 1
    assert world.lines == {(DeliveryState.SENT, "article")}


async def test_article_that_zalo_refuses_goes_to_each_person_instead(world: World) -> None:
    """Those whom it costs nothing at once, the others once they write."""
    world.plant()
    with world.database.begin() as session:
        notes = [
            Note(
                SENDER, lane_of(world.database.keys, SENDER, one), one, NoteKind.INTERACTED, NOON - timedelta(hours=ago)
            )
            for one, ago in zip(ADDRESSES, (1, 2, 60, 300, 400), strict=True)
        ]
        note_people(session, notes)
    world.zalo.faults.next("article", fault.refuse(-201, "invalid"))
    await world.goes_on()
    assert world.article.state is DeliveryState.FAILED
    assert world.lines == {(DeliveryState.PLANNED, None), (DeliveryState.PLANNED, "window")}


async def test_bulletin_without_a_picture_that_serves_as_cover_goes_to_each_person(world: World) -> None:
    """Zalo demands one."""
    run_id = plant_run(
        world.database, SENDER, ADDRESSES, NOON, media_type="application/pdf", reason="article", articles=[SENDER]
    )
    world.run_id = run_id
    await world.goes_on()
    assert (world.article.state, world.article.reason) == (DeliveryState.FAILED, "no_cover")
    assert world.zalo.calls["article"] == 0
    assert world.lines == {(DeliveryState.PLANNED, "window")}


@pytest.mark.parametrize(("may_disturb", "hour"), [(False, 7), (True, 6)])
async def test_article_waits_for_the_morning(world: World, may_disturb: bool, hour: int) -> None:
    """Zalo takes none at night, and we send none that may wait while people sleep."""
    world.plant(may_disturb=may_disturb)
    world.moment.now = NOON.replace(hour=22, minute=30)
    await world.goes_on(5)
    assert world.zalo.calls["broadcast"] == 0
    world.moment.now = NOON.replace(hour=6) + timedelta(days=1)
    await world.goes_on(1)
    assert len(world.zalo.broadcasts) == 1


async def test_sending_that_is_held_back_broadcasts_nothing_until_it_goes_on(world: World) -> None:
    """Paused: the article waits."""
    world.plant()
    world.set_run(RunState.PAUSED)
    await world.goes_on()
    assert world.zalo.broadcasts == []
    world.set_run(RunState.SENDING)
    await world.goes_on()
    assert len(world.zalo.broadcasts) == 1


@pytest.mark.parametrize("how", ["cancelled", "too late"])
async def test_sending_that_is_called_off_or_too_late_broadcasts_nothing(world: World, how: str) -> None:
    """And its article counts for nothing in the month."""
    world.plant()
    await world.runner.step()
    if how == "cancelled":
        world.set_run(RunState.CANCELLED)
    else:
        world.moment.pass_time(days=3)
    await world.goes_on()
    expected = DeliveryState.CANCELLED if how == "cancelled" else DeliveryState.EXPIRED
    assert (world.article.state, world.zalo.broadcasts) == (expected, [])
    with world.database.read() as session:
        assert count_articles(session, SENDER, NOON - timedelta(days=1)) == 0


async def test_running_program_sends_the_article(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sends on the account drives its articles too."""
    moment = zalo_oa.clock = Moment()
    monkeypatch.setattr("bot.articles._LOOK_SECONDS", 0.05)
    monkeypatch.setattr("bot.articles._POLL_AGAIN", timedelta())
    async with start_zalo_oa(database_url, moment) as bot:
        plant_run(bot.database, SENDER, ADDRESSES, NOON, reason="article", articles=[SENDER])
        await bot.until(lambda: {row.state for row in bot.rows(Delivery)} == {DeliveryState.SENT}, 20)
    assert len(zalo_oa.broadcasts) == 1
