"""What members asked in vain and said of answers reaches the curators as a file, and the report reads it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.questions import ExportProblem, export_questions
from bot.settings import Settings
from db.accounts import meet_account
from db.deployment import set_fingerprint
from db.keys import KeyProblem, create_key_file
from db.models import Verdict
from db.questions import add_feedback, add_unanswered
from db.session import Database
from knowledge.__main__ import main as curate
from tests.talk import Talk

LATE = datetime(2026, 11, 19, 18, 30, tzinfo=UTC)
"""Half past one in the morning of the 20th in Vietnam."""

SECRETS = ("Nguyễn Thị Lan", "0901234567")


@pytest.fixture
def settings(database_url: str, key_file: Path) -> Settings:
    return Settings(_env_file=None, database_url=database_url, key_file=key_file)  # type: ignore[call-arg]  # how the file is left out


@pytest.fixture
def filled(database: Database, settings: Settings) -> Settings:
    """A deployment where something was asked and said."""
    with database.begin() as session:
        set_fingerprint(session, database.keys.fingerprint())
        meet_account(session, "t:1", "h" * 32, SECRETS[1], SECRETS[0], LATE)
        add_unanswered(session, "ai trả tiền xe\u2028đưa rước", "abstain", LATE)
        add_feedback(session, "nghi-cuoi", Verdict.WRONG, "cưới nghỉ mấy ngày", LATE, "thiếu trường hợp con nuôi")
        add_feedback(session, "nghi-cuoi", Verdict.HELPFUL, None, LATE)
    return settings


def rows_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_the_file_holds_questions_and_feedback_by_the_day_in_vietnam(filled: Settings, tmp_path: Path) -> None:
    """One JSON line each, without the minute and without anybody's name or number."""
    said = export_questions(filled, tmp_path / "out.jsonl")
    assert rows_of(tmp_path / "out.jsonl") == [
        {
            "kind": "unanswered",
            "day": "2026-11-20",
            "outcome": "abstain",
            "question": "ai trả tiền xe\u2028đưa rước",
        },
        {
            "kind": "feedback",
            "day": "2026-11-20",
            "entry": "nghi-cuoi",
            "verdict": "wrong",
            "question": "cưới nghỉ mấy ngày",
            "note": "thiếu trường hợp con nuôi",
        },
        {
            "kind": "feedback",
            "day": "2026-11-20",
            "entry": "nghi-cuoi",
            "verdict": "helpful",
            "question": None,
            "note": None,
        },
    ]
    assert {"1", "2", "365", "730"} <= {word.strip(";,.") for word in said.split()}
    assert not any(secret in (tmp_path / "out.jsonl").read_text(encoding="utf-8") for secret in SECRETS)


def test_the_file_is_for_its_owner_only_even_when_one_stood_there(filled: Settings, tmp_path: Path) -> None:
    """An older file that others could read is replaced, not written into; no half-written file is left beside it."""
    path = tmp_path / "folder" / "out.jsonl"
    path.parent.mkdir()
    path.write_text("old")
    path.chmod(0o644)
    export_questions(filled, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_or_read_is_said(filled: Settings, tmp_path: Path) -> None:
    """A folder that is not there, a folder in place of a file, another key file."""
    for path in (tmp_path / "none" / "out.jsonl", tmp_path):
        with pytest.raises(ExportProblem):
            export_questions(filled, path)
    create_key_file(tmp_path / "other.key")
    with pytest.raises(KeyProblem):
        export_questions(filled.model_copy(update={"key_file": tmp_path / "other.key"}), tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_a_database_without_tables_has_nothing_to_write(tmp_path: Path, key_file: Path) -> None:
    """Before the first start there is nothing, and the operator is told so."""
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    settings = Settings(_env_file=None, database_url=url, key_file=key_file)  # type: ignore[call-arg]  # how the file is left out
    with pytest.raises(ExportProblem):
        export_questions(settings, tmp_path / "out.jsonl")


async def test_a_question_reaches_the_report_by_two_commands(
    talk: Talk, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the member's keyboard to the curator's screen, scrubbed, through the real commands."""
    lan = talk.member("Lan")
    await lan.says("thủ tục đổi biển số xe máy ở đâu, gọi em 0901 234 567")
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("KEY_FILE", str(settings.key_file))
    path = tmp_path / "out.jsonl"
    assert main(["questions", "export", str(path)]) == 0
    assert str(path) in capsys.readouterr().out
    assert curate(["report", "--questions", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "thủ tục đổi biển số xe máy ở đâu" in shown
    assert "0901" not in shown
    assert main(["questions", "export", str(tmp_path / "none" / "out.jsonl")]) == 2
