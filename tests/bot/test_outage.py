"""A day without the channel, or without the database: every report that was acknowledged is there, and everybody who
was to be told is told, once."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bot.inbox import StorageUnavailable
from bot.transports import SendUnavailable
from bot.transports.formatting import to_plain
from db.accounts import lane_of, meet_account
from db.deliveries import CALLED_OFF
from db.models import (
    Account,
    Case,
    CaseAlert,
    CaseState,
    CaseStep,
    Delivery,
    DeliveryKind,
    DeliveryState,
    InboxEvent,
    InboxState,
    Role,
)
from db.officers import add_grant
from db.people import add_person
from db.session import Database
from handlers.cases.clockwork import mend, run_due
from handlers.chat import StoredReply
from knowledge.answer import Answerer
from knowledge.normalize import fold
from tests.case_world import Heard, send
from tests.small_tree import Tree
from tests.standins import PATIENCE, away
from tests.standins.telegram import TelegramStandIn
from tests.standins.telegram_faults import bad_gateway, drop_after
from tests.standins.zalo_bot import ZaloBotStandIn
from tests.standins.zalo_oa import ZaloOaStandIn
from tests.talk import Edge, Talk

from .platforms import Platform, TelegramPlatform, ZaloBotPlatform, ZaloOaPlatform

STEP = timedelta(hours=1)
DAY = 24
"""Steps."""


class AwayEdge(Edge):
    """A platform that can be away for as long as a test wants."""

    is_away = False

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count(1)

    def invite(self) -> tuple[str, str]:
        """Somebody on the platform."""
        return self.sender, f"address-{next(self._numbers)}"

    async def send(self, address: str, reply: StoredReply) -> str | None:
        if self.is_away:
            raise SendUnavailable
        return await super().send(address, reply)


Invite = Callable[[], tuple[str, str]]
"""Brings somebody to a channel; returns the bot account and their address."""


def found_union(talk: Talk, invite: Invite) -> None:
    """An upper union with an officer and a chair, and a federation above with a chair, all on the channel."""
    tree = Tree.plant(talk.database, talk.today - timedelta(days=400))
    with talk.database.begin() as session:
        for name, unit, role in (
            ("Trần Trực", tree.upper, Role.OFFICER),
            ("Lê Chủ Tịch", tree.upper, Role.CHAIR),
            ("Phạm Liên Đoàn", tree.root, Role.CHAIR),
        ):
            person = add_person(session, {"full_name": name}, talk.now())
            add_grant(session, person, unit, role, talk.today, talk.now())
            add_account_at(session, talk, invite).person_id = person.id


def add_account_at(session: Session, talk: Talk, invite: Invite) -> Account:
    """Somebody on the channel."""
    sender, address = invite()
    lane = lane_of(talk.database.keys, sender, address)
    return meet_account(session, sender, lane, address, None, talk.now())[0]


def report(talk: Talk, invite: Invite) -> None:
    """Somebody tells of an accident; its alerts wait for no morning."""
    with talk.database.begin() as session:
        send(session, talk.now(), add_account_at(session, talk, invite), category="accident")


def tick(talk: Talk) -> None:
    """What the program's clock does for cases."""
    with talk.database.begin() as session:
        mend(session, talk.now(), talk.today)
    while True:
        with talk.database.begin() as session:
            if not run_due(session, talk.now(), talk.today, Heard()):
                return


async def pass_steps(talk: Talk, count: int) -> None:
    """Time passes, and the clock ticks."""
    for _ in range(count):
        talk.pass_time(seconds=STEP.total_seconds())
        tick(talk)
    await talk.member("Ai đó").settled()


def list_alerts(talk: Talk) -> list[Delivery]:
    """What was to be told to officers, but what a later alert to the same officer says again."""
    alerts = [row for row in talk.rows(Delivery) if row.kind is DeliveryKind.CASE_ALERT]
    said = {(row.recipient, (row.body or {}).get("text")): row.id for row in alerts}
    superseded = [row for row in alerts if row.reason == CALLED_OFF]
    assert all(said[row.recipient, (row.body or {}).get("text")] > row.id for row in superseded)
    return [row for row in alerts if row not in superseded]


def assert_everybody_was_told_once(talk: Talk, edge: Edge) -> None:
    """Each alert went out once and stands as sent, and the ladder is whole."""
    heard = Counter(reply.ledger_id for _, reply in edge.sent)
    assert {heard[row.id] for row in list_alerts(talk)} == {1}
    assert_ladder_is_whole(talk)


def assert_ladder_is_whole(talk: Talk) -> None:
    """Each alert stands as sent; nobody was asked twice in one search; no step was early; no case was forgotten."""
    assert {row.state for row in list_alerts(talk)} == {DeliveryState.SENT}
    asked = Counter((row.case_id, row.round, row.person_id) for row in talk.rows(CaseAlert))
    assert set(asked.values()) == {1}
    assert not [step for step in talk.rows(CaseStep) if step.due_at > step.done_at]
    assert len({case for case, _, _ in asked}) == len(talk.rows(Case))
    assert {case.state for case in talk.rows(Case)} == {CaseState.OPENED}


async def test_a_day_without_the_channel_loses_no_report_and_no_alert(database: Database, answerer: Answerer) -> None:
    """Reports before, while it is away, and after: the ladder went on all the while, and all are told in the end."""
    edge = AwayEdge()
    async with Talk.start(database, answerer, edge) as talk:
        found_union(talk, edge.invite)
        report(talk, edge.invite)
        await pass_steps(talk, 1)
        before = len(edge.sent)
        assert before
        edge.is_away = True
        for _ in range(4):
            report(talk, edge.invite)
            await pass_steps(talk, DAY // 4)
        assert len(edge.sent) == before
        edge.is_away = False
        report(talk, edge.invite)
        await pass_steps(talk, 2)
        assert_everybody_was_told_once(talk, edge)
        assert len(talk.rows(Case)) == 6


async def test_a_day_without_the_database_loses_no_report_and_no_alert(
    database: Database, answerer: Answerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is acknowledged that is not stored; what the platform says again afterwards is done once, and the ladder
    goes on where it stood."""
    edge = AwayEdge()
    async with Talk.start(database, answerer, edge) as talk:
        found_union(talk, edge.invite)
        report(talk, edge.invite)
        await pass_steps(talk, 1)
        said = {"who": "lan", "id": "said-once", "kind": "text", "text": "phản ánh"}
        with database_away(talk.database, monkeypatch):
            for _ in range(DAY):
                talk.pass_time(seconds=STEP.total_seconds())
                with pytest.raises(StorageUnavailable):
                    await talk.inbox.receive(edge, said)
                with pytest.raises(OperationalError):
                    tick(talk)
        for _ in range(3):
            await talk.inbox.receive_and_wait(edge, said, 60)
        await pass_steps(talk, 2)
        assert len([row for row in talk.rows(InboxEvent) if row.platform_id == "said-once"]) == 1
        assert len([address for address, _ in edge.sent if address == "lan"]) == 2  # what comes first, and the question
        forget_draft(talk)
        assert_everybody_was_told_once(talk, edge)


def forget_draft(talk: Talk) -> None:
    """The report that was just begun is none yet."""
    with talk.database.begin() as session:
        session.query(Case).filter(Case.state == CaseState.DRAFT).delete()


@contextmanager
def database_away(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing can be read or written while the block runs."""

    def fail(*_args: Any) -> Any:
        raise OperationalError("away", None, Exception())

    async def fail_later(*_args: Any) -> Any:
        fail()

    with monkeypatch.context() as patch:
        for name in ("run", "look", "call"):
            patch.setattr(database, name, fail_later)
        for name in ("begin", "read"):
            patch.setattr(database, name, fail)
        yield


# The channels as they are


@pytest.fixture(params=["telegram", "zalo_bot", "zalo_oa"])
def platform(
    request: pytest.FixtureRequest,
    database: Database,
    telegram: TelegramStandIn,
    zalo: ZaloBotStandIn,
    zalo_oa: ZaloOaStandIn,
) -> Platform:
    """Each platform with our transports for it."""
    if request.param == "telegram":
        return TelegramPlatform(telegram)
    if request.param == "zalo_bot":
        return ZaloBotPlatform(zalo, database)
    return ZaloOaPlatform(zalo_oa, database)


@pytest.fixture(params=["refused", "broken", "answer_lost"])
def outage(request: pytest.FixtureRequest) -> str:
    """A way in which a platform is away."""
    return str(request.param)


@asynccontextmanager
async def platform_away(platform: Platform, outage: str) -> AsyncIterator[None]:
    """The platform takes nothing and hands over nothing while the block runs."""
    if outage == "answer_lost":  # of the first message; after that the line is dead
        platform.faults.next(platform.sends_by, drop_after())
    if outage == "refused":
        assert platform.runner is not None
        async with away(platform.runner):
            yield
        return
    for call in ("*", "getUpdates"):
        platform.faults.next(call, bad_gateway(), times=10_000)
    yield
    platform.faults.clear()


async def pass_hours(platform: Platform, count: int) -> None:
    """Time passes, the clock ticks each hour, and every third hour and at the end what is due is tried. No message is
    on its way while time passes: an hour without an answer would count as an answer that was lost."""
    for left in reversed(range(count)):
        platform.talk.pass_time(seconds=STEP.total_seconds())
        tick(platform.talk)
        if left % 3 == 0:
            await nothing_moves(platform)


async def nothing_moves(platform: Platform) -> None:
    """Wait until what is due was tried."""

    def is_moving(session: Session) -> bool:
        is_due = (Delivery.state == DeliveryState.DUE) & (Delivery.not_before_at <= platform.now())
        in_hand = Delivery.state == DeliveryState.CLAIMED
        return session.query(Delivery).filter(is_due | in_hand).first() is not None

    await until(lambda: not platform.talk.look(is_moving))


async def test_a_day_without_a_real_channel_loses_no_report_and_no_alert(
    platform: Platform, outage: str, database: Database, answerer: Answerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As above, with the platform as the judge: whoever was to be told was told, once where the platform answered; what
    somebody said meanwhile is handed over late and twice, and is done once."""

    def worker() -> tuple[str, str]:
        return platform.members, platform.invite(platform.members)

    async with platform.talking(database, answerer) as talk:
        talk.watch_seconds(monkeypatch)
        found_union(talk, lambda: (platform.officers, platform.invite(platform.officers)))
        report(talk, worker)
        await pass_hours(platform, 1)
        before = len(platform.told())
        assert before
        late = platform.invite(platform.members)
        async with platform_away(platform, outage):
            for _ in range(4):
                report(talk, worker)
                await pass_hours(platform, DAY // 4)
            await platform.says(late)
            lost = len(platform.told()) - before
            assert lost == (outage == "answer_lost")
        await platform.hand_over()
        await until(lambda: len(talk.rows(InboxEvent)) == 1 and not_waiting(talk))
        await nothing_moves(platform)
        report(talk, worker)
        await pass_hours(platform, DAY // 4)
        forget_draft(talk)
        assert_ladder_is_whole(talk)
        assert len(talk.rows(Case)) == 6
        assert_platform_told(platform, list_alerts(talk), lost)
        assert (
            len([words for address, words in platform.told() if address == late]) == 2
        )  # what comes first, and the question
        assert len(platform.told()) == lost + sum(row.state is DeliveryState.SENT for row in talk.rows(Delivery))


def assert_platform_told(platform: Platform, alerts: list[Delivery], lost: int) -> None:
    """The platform brought each alert to whom it was for, as often as it was written; messages whose answer was lost
    came once more."""
    due = Counter((row.address, fold(to_plain(row.body["text"]))) for row in alerts if row.body is not None)
    told = [(address, fold(words)) for address, words in platform.told()]
    times = {(address, words): sum(address == to and words in said for to, said in told) for address, words in due}
    assert due.total() == len(alerts)
    assert all(times[one] >= count for one, count in due.items())
    assert sum(times.values()) - due.total() == lost


def not_waiting(talk: Talk) -> bool:
    """Whether every event was handled."""
    return all(row.state is InboxState.PROCESSED for row in talk.rows(InboxEvent))


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # noqa: ASYNC110  # read from the ledger, which tells nobody
            await asyncio.sleep(0.01)
