"""Case keys are backed up apart and for a month; no copy brings an erased case back where its end is known."""

import base64
import gzip
import json
import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.__main__ import main
from bot.app import open_database
from bot.backup import BackupProblem, back_up, restore
from bot.case_key_backup import COPY_DAYS
from bot.doctor import examine
from bot.history import anchor_file_of, check_history, copy_anchors
from bot.rotation import retire, rotate
from bot.settings import Settings
from db.case_erasing import erase_case
from db.case_history import anchor_heads
from db.case_keys import CaseErased, CaseKeys, case_keys_of_session
from db.keys import KeyProblem, create_key_file, load_key_file
from db.models import Case, CaseEvent, CaseFile, CaseParty, CaseState
from db.session import Database
from knowledge.texts import t
from tests.bot.test_at_rest import files_of, ways_of_writing
from tests.case_world import get_locked
from tests.db.test_case_erasing import PICTURE, STORY, is_erased, open_story, send_case
from tests.postgres import Postgres

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
ALL_DAYS = date(2999, 1, 1)


@pytest.fixture
def settings(tmp_path: Path, database_url: str, key_file: Path) -> Settings:
    """A deployment of its own with two cases, anchored and backed up."""
    own = tmp_path / "home" / "union.key"
    own.parent.mkdir()
    shutil.copyfile(key_file, own)
    own.chmod(0o600)
    made = Settings(_env_file=None, database_url=database_url, key_file=own)  # type: ignore[call-arg]
    database = opened(made)
    with database.begin() as session:
        for _ in range(2):
            send_case(session, "lan")
        anchor_heads(session, NOW)
    with database.read() as session:
        copy_anchors(session, anchor_file_of(made))
    database.close()
    return made


def opened(settings: Settings) -> Database:
    return open_database(settings, load_key_file(settings.key_file))


def back_up_to(settings: Settings, folder: Path) -> tuple[Path, Path]:
    """The folders of the data and of the case keys."""
    back_up(settings, folder, folder / "no.env")
    [data], [keys] = (list(folder.glob(f"{name}-*")) for name in ("data", "case-keys"))
    return data, keys


def fresh_machine(settings: Settings, tmp_path: Path) -> Settings:
    """Another machine with the key file and nothing else."""
    home = tmp_path / "fresh"
    home.mkdir()
    shutil.copyfile(settings.key_file, home / "union.key")
    (home / "union.key").chmod(0o600)
    return settings.model_copy(
        update={"database_url": f"sqlite:///{home / 'union.db'}", "key_file": home / "union.key"}
    )


def same_machine(settings: Settings, tmp_path: Path) -> Settings:
    """The machine with its keys, but an empty database."""
    return settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'empty.db'}"})


def erase_first(settings: Settings) -> None:
    database = opened(settings)
    with database.begin() as session:
        erase_case(session, get_locked(session, 1), NOW)
    database.close()


def test_case_keys_lie_apart_from_the_data(tmp_path: Path, settings: Settings) -> None:
    """In a folder of their own, open to its owner, wrapped: whoever has it and the data reads nothing without the key
    file. What was told stands nowhere in clear."""
    data, apart = back_up_to(settings, tmp_path / "backup")
    store = CaseKeys(settings.case_keys_store, load_key_file(settings.key_file))
    wrapped = [row.wrapped for row in store.list_rows() if row.wrapped]
    store.close()
    files = {path: path.read_bytes() for path in (tmp_path / "backup").rglob("*") if path.is_file()}
    read = {path: gzip.decompress(raw) if path.suffix == ".gz" else raw for path, raw in files.items()}
    holding = {path.parent for path, raw in read.items() if any(base64.b64encode(key) in raw for key in wrapped)}
    assert holding == {apart}
    assert data.stat().st_mode & 0o077 == apart.stat().st_mode & 0o077 == 0
    story = [*ways_of_writing(STORY["text"]), PICTURE, base64.b64encode(PICTURE)]
    assert not [path for path, raw in read.items() for words in story if words in raw]


def test_case_comes_back_on_a_fresh_machine(tmp_path: Path, settings: Settings) -> None:
    """With the key file, the data and the case keys, in this order; the history is whole."""
    data, apart = back_up_to(settings, tmp_path / "backup")
    fresh = fresh_machine(settings, tmp_path)
    assert "case-keys-" in restore(fresh, data), "what is still to do is said"
    with pytest.raises(KeyProblem):
        opened(fresh)
    restore(fresh, apart)
    database = opened(fresh)
    with database.begin() as session:
        assert [open_story(session, number) for number in (1, 2)] == [STORY, STORY]
    assert check_history(fresh, database)[0]
    assert anchor_file_of(fresh).read_text() == anchor_file_of(settings).read_text()
    database.close()


def test_older_data_bring_no_erased_case_back(tmp_path: Path, settings: Settings) -> None:
    """Where the store is still there it knows what was destroyed: the row is emptied again, the others are whole."""
    data, apart = back_up_to(settings, tmp_path / "backup")
    erase_first(settings)
    same = same_machine(settings, tmp_path)
    restore(same, data)
    restore(same, apart)
    database = opened(same)
    assert is_erased(database, 1)
    with database.begin() as session:
        assert open_story(session, 2) == STORY
    database.close()


def test_older_data_and_older_keys_bring_no_erased_case_back_beside_a_newer_list(
    tmp_path: Path, settings: Settings
) -> None:
    """A fresh machine, an old copy of both: the newest list of destroyed keys among the backups decides."""
    data, apart = back_up_to(settings, tmp_path / "old")
    erase_first(settings)
    newer, _ = back_up_to(settings, tmp_path / "new")
    shutil.copytree(newer, tmp_path / "old" / f"{newer.name}-newer")
    fresh = fresh_machine(settings, tmp_path)
    restore(fresh, data)
    restore(fresh, apart)
    database = opened(fresh)
    assert is_erased(database, 1)
    with database.begin() as session:
        assert open_story(session, 2) == STORY
        assert session.get_one(Case, 1).state is CaseState.ERASED
    database.close()


def test_newest_copy_of_the_keys_decides_over_older_data(tmp_path: Path, settings: Settings) -> None:
    """Old data with a newer copy of the store: what was erased in between is not in it."""
    data, _ = back_up_to(settings, tmp_path / "old")
    erase_first(settings)
    _, newer = back_up_to(settings, tmp_path / "new")
    fresh = fresh_machine(settings, tmp_path)
    restore(fresh, data)
    restore(fresh, newer)
    database = opened(fresh)
    assert is_erased(database, 1)
    database.close()


def test_erased_case_cannot_be_read_from_an_old_backup_by_hand(tmp_path: Path, settings: Settings) -> None:
    """Who has old data, the key file and the store of today opens the other case and not this one."""
    data, _ = back_up_to(settings, tmp_path / "backup")
    database = opened(settings)
    with database.read() as session:
        gone, kept = session.scalars(select(Case.key_id).order_by(Case.id)).all()
    database.close()
    erase_first(settings)
    store = CaseKeys(settings.case_keys_store, load_key_file(settings.key_file))
    lines = gzip.decompress((data / "case_events.jsonl.gz").read_bytes()).splitlines()
    sealed = [base64.b64decode(json.loads(line)["body"]["bytes"]) for line in lines]
    assert json.loads(store.cipher(kept).open(sealed[1], "case_events.body")) == STORY
    with pytest.raises(CaseErased):
        store.cipher(gone)
    with pytest.raises(KeyProblem):
        store.cipher(kept).open(sealed[0], "case_events.body")
    store.close()


def test_lost_store_stops_the_start_and_is_given_up_in_so_many_words(tmp_path: Path, settings: Settings) -> None:
    """No case is taken for erased because somebody forgot a file; whoever has no copy says so and goes on without."""
    data, _ = back_up_to(settings, tmp_path / "backup")
    os.remove(settings.key_file.with_name("case-keys.db"))
    with pytest.raises(KeyProblem, match="case-keys"):
        opened(settings)
    assert not settings.key_file.with_name("case-keys.db").exists(), "looking makes none"
    shutil.rmtree(tmp_path / "backup" / data.name.replace("data", "case-keys"))
    fresh = fresh_machine(settings, tmp_path)
    assert " 2 " in restore(fresh, data, without_case_keys=True)
    database = opened(fresh)
    assert is_erased(database, 1)
    assert is_erased(database, 2)
    with database.begin() as session:
        again = send_case(session, "hoa")
        assert open_story(session, again.id) == STORY
    assert check_history(fresh, database)[0]
    database.close()


def test_copies_of_the_keys_live_a_month(tmp_path: Path, settings: Settings) -> None:
    """Each backup deletes the older ones where it writes, and touches nothing else."""
    backups = tmp_path / "backup"
    _, apart = back_up_to(settings, backups)
    names = {}
    for days in (COPY_DAYS - 1, COPY_DAYS + 1, COPY_DAYS + 300):
        names[days] = f"case-keys-{datetime.now(UTC) - timedelta(days=days):%Y%m%dT%H%M%SZ}"
        shutil.copytree(apart, backups / names[days])
    for other in ("case-keys-mine", "data-20200101T000000Z", "keys-20200101T000000Z", "case-keys-20200101T000000Z"):
        (backups / other).mkdir()  # the last: not one of ours, whatever its name says
    shutil.rmtree(apart)
    for name in (f"data-{apart.name[10:]}", f"keys-{apart.name[10:]}"):
        shutil.rmtree(backups / name)
    said = back_up(settings, backups, tmp_path / "no.env")
    left = {path.name for path in backups.iterdir()}
    assert names[COPY_DAYS - 1] in left
    assert not left & {names[COPY_DAYS + 1], names[COPY_DAYS + 300]}
    assert {"case-keys-mine", "data-20200101T000000Z", "keys-20200101T000000Z", "case-keys-20200101T000000Z"} <= left
    assert str(COPY_DAYS) in said


def test_wrong_or_broken_copies_change_nothing(tmp_path: Path, settings: Settings) -> None:
    """Another deployment's store or ring, or a file that was cut off."""
    data, apart = back_up_to(settings, tmp_path / "backup")
    fresh = fresh_machine(settings, tmp_path)
    other = CaseKeys(fresh.case_keys_store, load_key_file(fresh.key_file))
    other.name()
    with pytest.raises(BackupProblem):
        restore(fresh, apart)
    assert other.list_living(ALL_DAYS) == []
    other.close()
    fresh.key_file.with_name("case-keys.db").unlink()
    with gzip.open(apart / "case-keys.jsonl.gz", "wt") as file:
        file.write("")
    with pytest.raises(BackupProblem):
        restore(fresh, apart)
    fresh.key_file.unlink()
    create_key_file(fresh.key_file)
    for folder in (data, apart):
        with pytest.raises(KeyProblem):
            restore(fresh, folder)


def test_restored_older_history_is_whole_for_the_check(tmp_path: Path, settings: Settings) -> None:
    """The anchors made since are known to be gone; from then on everything is checked as before."""
    data, _ = back_up_to(settings, tmp_path / "backup")
    database = opened(settings)
    with database.begin() as session:
        send_case(session, "hoa")
        anchor_heads(session, NOW + timedelta(days=1))
    with database.read() as session:
        copy_anchors(session, anchor_file_of(settings))
    database.close()
    same = same_machine(settings, tmp_path)
    restore(same, data)
    database = opened(same)
    assert check_history(same, database)[0]
    with database.begin() as session:
        anchor_heads(session, NOW + timedelta(days=2))
        copy_anchors(session, anchor_file_of(same))
        line = session.scalars(select(CaseEvent).limit(1)).one()
        line.kind = "noted"
    assert not check_history(same, database)[0]
    database.close()


def test_rotation_wraps_the_case_keys_again(tmp_path: Path, settings: Settings) -> None:
    """Old keys are taken out only when the store does not need them any more, and every story still opens."""
    database = opened(settings)
    rotate(settings, database, lambda: NOW, lambda _line: None, 0)
    store = database.case_keys
    assert store is not None
    assert store.list_key_numbers() == {2}
    retire(settings, database, NOW, 0)
    database.close()
    database = opened(settings)
    with database.begin() as session:
        assert open_story(session, 1) == STORY
        assert case_keys_of_session(session).list_key_numbers() == {2}
    database.close()


def test_case_that_was_sent_stands_nowhere_in_clear(
    tmp_path: Path, settings: Settings, request: pytest.FixtureRequest
) -> None:
    """Neither in the database's own files, beside it, in a dump, nor in the store: no word and no file."""
    database = opened(settings)
    with database.read() as session:
        for model in (CaseEvent, CaseFile, CaseParty):
            assert session.query(model).count() == 2
    content = files_of(settings.database_url, tmp_path, request)
    content |= {path.name: path.read_bytes() for path in (tmp_path / "home").iterdir()}
    database.close()
    words = [*ways_of_writing(STORY["text"]), PICTURE, PICTURE.hex().encode()]
    assert "case-keys.db" in content
    assert [name for name, raw in content.items() for form in words if form in raw] == []


def test_store_moves_to_a_server_for_two_machines(
    tmp_path: Path, settings: Settings, postgres: Postgres, request: pytest.FixtureRequest
) -> None:
    """From its file into a database of its own, with a backup between; the other database stays."""
    _, apart = back_up_to(settings, tmp_path / "backup")
    name = f"moved_{abs(hash(request.node.name))}"
    postgres.execute(f"CREATE DATABASE {name}")
    moved = settings.model_copy(update={"case_keys_url": postgres.url_of(name)})
    with pytest.raises(KeyProblem):
        opened(moved)
    restore(moved, apart)
    database = opened(moved)
    with database.begin() as session:
        assert open_story(session, 1) == STORY
        erase_case(session, get_locked(session, 1), NOW)
    assert is_erased(database, 1)
    database.close()


def test_operator_checks_histories_and_store_by_command(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`verify-history` ends with 0 while all is whole and with 1 when it is not; `doctor` notices a lost store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("KEY_FILE", str(settings.key_file))
    assert main(["verify-history"]) == 0
    database = opened(settings)
    with database.begin() as session:
        line = session.scalars(select(CaseEvent).limit(1)).one()
        line.at += timedelta(seconds=1)
        code = session.get_one(Case, line.case_id).code
    database.close()
    capsys.readouterr()
    assert main(["verify-history"]) == 1
    assert code in capsys.readouterr().out
    for is_there in (True, False):
        findings = examine(settings, NOW.date())
        [finding] = [one for one in findings if one.what == t("doctor.case_keys")]
        assert finding.is_good is is_there
        settings.key_file.with_name("case-keys.db").unlink(missing_ok=True)
