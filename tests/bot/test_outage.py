"""A day without the channel, or without the database: every report that was acknowledged is there, and everybody who
was to be told is told, once."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from bot.inbox import StorageUnavailable
from bot.transports import SendUnavailable
from db.models import Case, CaseAlert, CaseState, CaseStep, Delivery, DeliveryKind, DeliveryState, InboxEvent, Role
from db.officers import add_grant
from db.people import add_person
from db.session import Database
from handlers.cases.clockwork import mend, run_due
from handlers.chat import StoredReply
from knowledge.answer import Answerer
from tests.case_world import Heard, add_account, send
from tests.small_tree import Tree
from tests.talk import Edge, Talk

STEP = timedelta(hours=1)
DAY = 24
"""Steps."""


class AwayEdge(Edge):
    """A platform that can be away for as long as a test wants."""

    is_away = False

    async def send(self, address: str, reply: StoredReply) -> str | None:
        if self.is_away:
            raise SendUnavailable
        return await super().send(address, reply)


def found_union(talk: Talk) -> None:
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
            add_account(session, talk.now(), person, talk.edge.sender)


def report(talk: Talk) -> None:
    """Somebody tells of an accident; its alerts wait for no morning."""
    with talk.database.begin() as session:
        send(session, talk.now(), add_account(session, talk.now(), sender=talk.edge.sender), category="accident")


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


def assert_everybody_was_told_once(talk: Talk, edge: Edge) -> None:
    """Each alert went out once and stands as sent; nobody was asked twice in one search; no step was early."""
    alerts = [row for row in talk.rows(Delivery) if row.kind is DeliveryKind.CASE_ALERT]
    assert {row.state for row in alerts} == {DeliveryState.SENT}
    heard = Counter(reply.ledger_id for _, reply in edge.sent)
    assert {heard[row.id] for row in alerts} == {1}
    asked = Counter((row.case_id, row.round, row.person_id) for row in talk.rows(CaseAlert))
    assert set(asked.values()) == {1}
    assert not [step for step in talk.rows(CaseStep) if step.due_at > step.done_at]
    assert len({case for case, _, _ in asked}) == len(talk.rows(Case))
    assert {case.state for case in talk.rows(Case)} == {CaseState.OPENED}


async def test_a_day_without_the_channel_loses_no_report_and_no_alert(database: Database, answerer: Answerer) -> None:
    """Reports before, while it is away, and after: the ladder went on all the while, and all are told in the end."""
    edge = AwayEdge()
    async with Talk.start(database, answerer, edge) as talk:
        found_union(talk)
        report(talk)
        await pass_steps(talk, 1)
        before = len(edge.sent)
        assert before
        edge.is_away = True
        for _ in range(4):
            report(talk)
            await pass_steps(talk, DAY // 4)
        assert len(edge.sent) == before
        edge.is_away = False
        report(talk)
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
        found_union(talk)
        report(talk)
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
        with talk.database.begin() as session:  # the draft that was just begun
            session.query(Case).filter(Case.state == CaseState.DRAFT).delete()
        assert_everybody_was_told_once(talk, edge)


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
