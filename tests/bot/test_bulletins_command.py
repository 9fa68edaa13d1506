"""The operator sees at the terminal how far each bulletin is that is going out."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.__main__ import main
from bot.bulletins import describe_runs
from db.models import BulletinRun, DeliveryState, RunState
from db.session import Database
from tests.sent_bulletins import add_results, send
from tests.small_tree import Tree
from tests.talk import WORKING_MORNING


@pytest.fixture
def world(database: Database) -> Any:
    """A database by day."""
    return SimpleNamespace(database=database, now=lambda: WORKING_MORNING, today=WORKING_MORNING.date())


def test_operator_sees_how_far_a_sending_is(world: Any) -> None:
    """What arrived of all, how fast, how long yet, what failed; what is over is not there."""
    tree = Tree.plant(world.database, world.today - timedelta(days=400))
    send(world, tree.root, title="Tuần trước")
    run_id = send(world, tree.root, title="Khám sức khỏe", run_state=RunState.SENDING)
    add_results(world, run_id, tree.workplace, DeliveryState.SENT, 60)
    add_results(world, run_id, tree.workplace, DeliveryState.FAILED, 3, "blocked")
    add_results(world, run_id, tree.workplace, DeliveryState.PLANNED, 30)
    with world.database.begin() as session:
        session.get_one(BulletinRun, run_id).planned_at = WORKING_MORNING - timedelta(minutes=1)
    with world.database.read() as session:
        [line] = describe_runs(session, WORKING_MORNING)
    assert f"{run_id} · Khám sức khỏe · đang gửi · 60/93 · 1,0/giây · còn 1 phút · lỗi 3 · không rõ 0" in line


def test_command_says_when_nothing_goes_out(
    database_url: str, key_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also while it watches: there is nothing to wait for."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("KEY_FILE", str(key_file))
    monkeypatch.setattr("bot.__main__.set_up_logs", lambda *_settings: None)
    assert main(["bulletins", "--watch"]) == 0
    assert "Không có bản tin nào đang gửi" in capsys.readouterr().out
