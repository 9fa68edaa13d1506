"""kill -9 at any moment: no acknowledged message lost, no double effect, no reply lost."""

import random
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from db.keys import Keys, load_key_file
from db.models import Case, Delivery, DeliveryState, Feedback, InboxEvent, InboxState
from db.session import Database
from tests.bot.process import BotProcess, Visitor
from tests.drills import note_drill
from tests.postgres import Postgres, run_postgres

PEOPLE_AT_ONCE = 4


def _converse(visitor: Visitor) -> None:
    """One conversation with two effects that must happen exactly once: a feedback and a report."""
    answer = visitor.says("nghi thai san may thang")
    while not _find(answer, "f|h|"):
        answer = visitor.talk()
        time.sleep(0.05)
    visitor.presses(_find(answer, "f|h|"))
    visitor.presses(_find(answer, "ask"))
    visitor.says("nhờ cán bộ gọi lại")


def _find(messages: list[dict[str, object]], code: str) -> str:
    for message in reversed(messages):
        for button in message.get("buttons", []):  # type: ignore[attr-defined]  # JSON of the page
            if str(button["action"]).startswith(code):
                return str(button["action"])
    return ""


def _replay(
    folder: Path, database_url: str, key_file: Path, conversations: int, kills: int, seed: int
) -> dict[str, float]:
    """Run conversations while the program is killed again and again; then look at what it left."""
    chance = random.Random(seed)
    bot = BotProcess(folder, database_url, key_file)
    bot.start()
    done = threading.Event()
    visitors = [Visitor(bot.address) for _ in range(conversations)]

    def kill_now_and_then() -> None:
        for _ in range(kills):
            if done.wait(chance.uniform(0.0, 0.4)):
                return
            bot.kill()
            bot.start()

    killer = threading.Thread(target=kill_now_and_then)
    with ThreadPoolExecutor(PEOPLE_AT_ONCE) as people:
        killer.start()
        list(people.map(_converse, visitors))
    done.set()
    killer.join()
    time.sleep(1)
    assert bot.stop() == 0, bot.log[-3000:]
    return _judge(database_url, load_key_file(key_file), visitors)


def _judge(database_url: str, keys: Keys, visitors: list[Visitor]) -> dict[str, float]:
    database = Database(database_url, keys)
    with database.read() as session:
        events = {event.platform_id: event for event in session.query(InboxEvent)}
        replied = {row.subject.split(":")[1] for row in session.query(Delivery) if row.state is DeliveryState.SENT}
        feedback, reports = session.query(Feedback).count(), session.query(Case).count()
    database.close()
    acknowledged = [event_id for visitor in visitors for event_id in visitor.acknowledged]
    return {
        "acknowledged": len(acknowledged),
        "lost": sum(event_id not in events for event_id in acknowledged),
        "unhandled": sum(event.state is not InboxState.PROCESSED for event in events.values()),
        "without_reply": sum(str(event.id) not in replied for event in events.values()),
        "feedback": feedback,
        "reports": reports,
    }


def _assert_nothing_lost(found: dict[str, float], conversations: int) -> None:
    assert found == {
        "acknowledged": 4 * conversations,
        "lost": 0,
        "unhandled": 0,
        "without_reply": 0,
        "feedback": conversations,
        "reports": conversations,
    }


def test_few_conversations_survive_kills(tmp_path: Path, database_url: str, key_file: Path) -> None:
    """A sample of the drill below, on both databases."""
    _assert_nothing_lost(_replay(tmp_path, database_url, key_file, conversations=8, kills=3, seed=1), 8)


@pytest.mark.drill
def test_two_hundred_conversations_survive_kills(tmp_path: Path, database_url: str, key_file: Path) -> None:
    """200 conversations, killed at random moments all along."""
    began = time.monotonic()
    found = _replay(tmp_path, database_url, key_file, conversations=200, kills=200, seed=2026)
    kind = database_url.split(":")[0].split("+")[0]
    note_drill("kills during conversations", 200, database=kind, seconds=round(time.monotonic() - began), **found)
    _assert_nothing_lost(found, 200)


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
