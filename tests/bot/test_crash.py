"""kill -9 at any moment: no acknowledged message lost, no reply lost, each report and each alert there once."""

import random
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.app import utc_now
from db.case_parties import find_by_receipt
from db.codes import show_code
from db.keys import load_key_file
from db.models import (
    Case,
    CaseParty,
    CaseState,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Feedback,
    InboxEvent,
    InboxState,
    Role,
)
from db.session import Database
from handlers.actions import Choose, encode
from handlers.cases.service import hash_receipt
from tests.bot.process import BotProcess, Visitor
from tests.case_world import accounts_of, add_officer
from tests.drills import note_drill
from tests.postgres import Postgres, run_postgres
from tests.small_tree import Tree

PEOPLE_AT_ONCE = 4
PATIENCE_SECONDS = 300.0
EVENTS_OF_A_TALK = 11
LADDER = (Role.OFFICER, Role.DEPUTY_CHAIR, Role.CHAIR)
"""Somebody on each rung: in a drill longer than the time to claim a case, the next one is asked, and nobody twice."""

CODE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}")
RECEIPT = re.compile(r"\d{4} \d{4} \d{4} \d{4}")
ENDED = (DeliveryState.SENT, DeliveryState.UNKNOWN)

Shown = list[dict[str, Any]]


class Worker:
    """A visitor who presses what they are shown; what was taken may be answered only after the next start."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._shown: Shown = []

    def says(self, text: str) -> None:
        self._shown = self._visitor.says(text)

    def presses(self, code: str) -> None:
        """Press the button whose action begins so."""
        action = next(filter(None, (_find(shown, code) for shown in self._reads())))
        self._shown = self._visitor.presses(action)

    def chooses(self, step: str, choice: str) -> None:
        """Answer a question of the report."""
        self.presses(encode(Choose("cases", step, choice)))

    def reads_receipt(self) -> tuple[str, str]:
        """The code of the case and the receipt."""
        return next(filter(None, (_find_receipt(shown) for shown in self._reads())))

    def _reads(self) -> Iterator[Shown]:
        """The last answer, then the whole talk again and again."""
        yield self._shown
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            self._shown = self._visitor.talk()
            yield self._shown
            time.sleep(0.05)
        raise AssertionError(f"never answered: {[_text_of(one) for one in self._shown][-3:]}")


def _find(messages: Shown, code: str) -> str:
    for message in reversed(messages):
        for button in message["buttons"]:
            if str(button["action"]).startswith(code):
                return str(button["action"])
    return ""


def _find_receipt(messages: Shown) -> tuple[str, str] | None:
    for text in map(_text_of, messages):
        code, receipt = CODE.search(text), RECEIPT.search(text)
        if code and receipt:
            return code[0], receipt[0]
    return None


def _text_of(message: dict[str, Any]) -> str:
    return "".join(span["text"] for span in message["spans"])


def _converse(workplace_id: int, visitor: Visitor) -> tuple[str, str]:
    """One conversation with two effects that must happen exactly once: a feedback and a report, of a kind whose alerts
    do not wait for the morning. Returns the code and the receipt that the visitor was shown."""
    worker = Worker(visitor)
    worker.says("nghi thai san may thang")
    worker.presses("f|h|")
    worker.presses("ask")
    worker.chooses("category", "more")
    worker.chooses("category", "stoppage")
    worker.says("cả xưởng ngừng việc từ sáng, nhờ cán bộ gọi lại")
    worker.chooses("story", "done")
    worker.says("may một")
    worker.chooses("workplace", str(workplace_id))
    worker.chooses("naming", "anonymous")
    worker.chooses("summary", "send")
    return worker.reads_receipt()


def _plant(database: Database) -> tuple[int, int]:
    """A workplace below an upper union with officers; returns it with the officer whom a new case is told first."""
    now = utc_now()
    tree = Tree.plant(database, now.date() - timedelta(days=400))
    with database.begin() as session:
        officers = [add_officer(session, f"Cán bộ {role.value}", tree.upper, role, now) for role in LADDER]
    return tree.workplace, officers[0]


def _replay(
    folder: Path, database_url: str, key_file: Path, conversations: int, kills: int, seed: int
) -> dict[str, int]:
    """Run conversations while the program is killed again and again; then look at what it left."""
    database = Database(database_url, load_key_file(key_file))
    workplace_id, officer_id = _plant(database)
    bot = BotProcess(folder, database_url, key_file)
    visitors = [Visitor(bot.address) for _ in range(conversations)]
    try:
        bot.start()
        met, told = _run(bot, visitors, workplace_id, kills, random.Random(seed))
        _wait_until_idle(database)
        assert bot.stop() == 0, bot.log[-3000:]
        with database.read() as session:
            acknowledged = [event_id for visitor in visitors for event_id in visitor.acknowledged]
            events = _judge_events(session, acknowledged)
            return met | events | _judge_reports(session, told, officer_id)
    finally:
        bot.kill()
        database.close()


def _run(
    bot: BotProcess, visitors: list[Visitor], workplace_id: int, kills: int, chance: random.Random
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Let all converse, and kill meanwhile, from the first message to the last one; returns how often, how often while
    somebody sent their report, and what each visitor was shown at the end."""
    is_over = threading.Event()
    met = {"kills": 0, "kills_while_sending": 0}
    apart = EVENTS_OF_A_TALK * len(visitors) / kills

    def let_talk() -> bool:
        """A random number of messages and a random moment longer; False when all is said."""
        until = _count_acknowledged(visitors) + chance.uniform(0.0, 1.2 * apart)
        while _count_acknowledged(visitors) < until and not is_over.wait(0.005):
            pass
        return not is_over.wait(chance.uniform(0.0, 0.2))

    def kill_now_and_then() -> None:
        while met["kills"] < kills and let_talk():
            bot.kill()
            met["kills"] += 1
            met["kills_while_sending"] += any(len(one.acknowledged) == EVENTS_OF_A_TALK - 1 for one in visitors)
            bot.start()

    with ThreadPoolExecutor(PEOPLE_AT_ONCE + 1) as pool:
        killing = pool.submit(kill_now_and_then)
        try:
            told = list(pool.map(partial(_converse, workplace_id), visitors))
        finally:
            is_over.set()
        killing.result()
    return met, told


def _count_acknowledged(visitors: list[Visitor]) -> int:
    return sum(len(visitor.acknowledged) for visitor in visitors)


def _wait_until_idle(database: Database) -> None:
    """Until all that was taken is handled and told, or nobody has patience any more."""
    waiting = select(func.count()).where(InboxEvent.state == InboxState.RECEIVED)
    unsent = select(func.count()).where(Delivery.state.in_((DeliveryState.DUE, DeliveryState.CLAIMED)))
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        with database.read() as session:
            if not (session.scalar(waiting) or session.scalar(unsent)):
                return
        time.sleep(0.1)


def _judge_events(session: Session, acknowledged: Collection[str]) -> dict[str, int]:
    """What became of the messages of the visitors."""
    events = {event.platform_id: event for event in session.scalars(select(InboxEvent))}
    replies = select(Delivery).where(Delivery.kind == DeliveryKind.REPLY, Delivery.state == DeliveryState.SENT)
    replied = {row.subject.split(":")[1] for row in session.scalars(replies)}
    return {
        "acknowledged": len(acknowledged),
        "lost": sum(event_id not in events for event_id in acknowledged),
        "unhandled": sum(event.state is not InboxState.PROCESSED for event in events.values()),
        "without_reply": sum(str(event.id) not in replied for event in events.values()),
        "feedback": session.query(Feedback).count(),
    }


def _judge_reports(session: Session, told: Collection[tuple[str, str]], officer_id: int) -> dict[str, int]:
    """What became of the reports: ``receipts`` are those that open the case whose code the visitor was shown,
    ``alerts`` the cases of which the first officer was told, ``doubled`` the visitors with more than one report and the
    officers told of one case more than once."""
    cases = list(session.scalars(select(Case)))
    opened = {show_code(case.code) for case in cases if case.state is CaseState.OPENED}
    lines = select(Delivery).where(Delivery.kind == DeliveryKind.CASE_ALERT)
    alerts = [(row.recipient, CODE.findall(row.body["text"])[0], row.state) for row in session.scalars(lines)]
    [account] = accounts_of(session, officer_id)
    per_alert = Counter((recipient, code) for recipient, code, _state in alerts)
    per_visitor = Counter(session.scalars(select(CaseParty.party_hash)))
    return {
        "reports": len(opened),
        "drafts": len(cases) - len(opened),
        "receipts": sum(code in opened and _opens(session, receipt, code) for code, receipt in set(told)),
        "alerts": sum((account.address_hash, code, state) in alerts for code in opened for state in ENDED),
        "unsent": sum(state not in ENDED for _recipient, _code, state in alerts),
        "doubled": sum(count > 1 for count in (*per_alert.values(), *per_visitor.values())),
    }


def _opens(session: Session, receipt: str, code: str) -> bool:
    case = find_by_receipt(session, hash_receipt(session, receipt.replace(" ", "")))
    return case is not None and show_code(case.code) == code


def _assert_nothing_lost(found: dict[str, int], conversations: int) -> None:
    nothing = dict.fromkeys(("lost", "unhandled", "without_reply", "drafts", "unsent", "doubled"), 0)
    once = dict.fromkeys(("feedback", "reports", "receipts", "alerts"), conversations)
    expected = {"acknowledged": EVENTS_OF_A_TALK * conversations, **once, **nothing}
    assert {name: found[name] for name in expected} == expected, found
    assert found["kills"] > 0


def test_few_conversations_survive_kills(tmp_path: Path, database_url: str, key_file: Path) -> None:
    """A sample of the drill below, on both databases."""
    _assert_nothing_lost(_replay(tmp_path, database_url, key_file, conversations=8, kills=3, seed=1), 8)


@pytest.mark.drill
def test_two_hundred_conversations_survive_kills(tmp_path: Path, database_url: str, key_file: Path) -> None:
    """200 conversations, killed at random moments all along."""
    began = time.monotonic()
    found = _replay(tmp_path, database_url, key_file, conversations=200, kills=200, seed=2026)
    kind = database_url.split(":")[0].split("+")[0]
    seconds = round(time.monotonic() - began)
    note_drill("kills during conversations", found["kills"], database=kind, seconds=seconds, **found)
    _assert_nothing_lost(found, 200)
    assert found["kills_while_sending"] > 0


def test_program_that_starts_before_its_database_waits_for_it(tmp_path: Path, key_file: Path) -> None:
    """After a power cut both come up together."""
    with run_postgres() as server:
        server.execute("CREATE DATABASE late")
        bot = BotProcess(tmp_path, server.url_of("late"), key_file)
        server.kill()
        later = threading.Thread(target=_start_once_somebody_waits, args=(bot, server), daemon=True)
        later.start()
        bot.start()
        later.join()
        assert bot.stop() == 0


def _start_once_somebody_waits(bot: BotProcess, server: Postgres) -> None:
    while "waiting_for_database" not in bot.log:
        time.sleep(0.1)
    server.start_again()


def test_taken_port_is_said_in_a_plain_sentence(tmp_path: Path, sqlite_url: str, key_file: Path) -> None:
    """An operator at night reads which port is taken, not a traceback."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        bot = BotProcess(tmp_path, sqlite_url, key_file, WEB_PORT=str(other.getsockname()[1]), METRICS_PORT="0")
        with pytest.raises(AssertionError, match="WEB_PORT"):
            bot.start()
        assert "Traceback" not in bot.log
