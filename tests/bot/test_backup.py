"""A backup made while the bot runs comes back whole, on either database, and tells a stranger nothing."""

import gzip
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.app import open_database
from bot.backup import BackupProblem, back_up, restore
from bot.doctor import examine
from bot.settings import Settings
from db.accounts import meet_account
from db.deliveries import Outgoing, add_deliveries
from db.deployment import add_erasure
from db.erasing import erase_account, erase_person
from db.keys import KeyProblem, Keys, create_key_file, load_key_file
from db.models import Account, Consent, Delivery, DeliveryKind, Erasure, Person, UnansweredQuestion, UnitLevel
from db.no_union import add_interest, forget_interest, list_interests
from db.people import add_membership, add_person
from db.privacy import add_consent, withdraw
from db.questions import add_unanswered
from db.session import Database
from db.units import UnitFacts, add_unit

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
DAY = NOW.date() - timedelta(days=100)
SECRETS = ("Nguyễn Thị Lan", "0901234567", "công ty nợ lương")


@pytest.fixture
def settings(tmp_path: Path, database_url: str, key_file: Path) -> Settings:
    """A deployment of its own, with something in it."""
    own = tmp_path / "union.key"
    shutil.copyfile(key_file, own)
    own.chmod(0o600)
    made = Settings(_env_file=None, database_url=database_url, key_file=own)  # type: ignore[call-arg]  # how the file is left out
    database = open_database(made, load_key_file(own))
    with database.begin() as session:
        meet_account(session, "t:1", "h" * 32, SECRETS[1], SECRETS[0], NOW)
        add_unanswered(session, SECRETS[2], "abstain", NOW)
        message = Outgoing(DeliveryKind.REPLY, "s", "r", "t:1", SECRETS[1], {"text": SECRETS[2]}, NOW + timedelta(1))
        add_deliveries(session, [message], NOW)
        add_erasure(session, "feedback", 3, NOW.date())
    database.close()
    return made


def _other_database(tmp_path: Path, settings: Settings) -> Settings:
    return settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'restored.db'}"})


def test_backup_comes_back_whole(tmp_path: Path, settings: Settings, keys: Keys) -> None:
    """Every row of every table, readable with the same keys, also from PostgreSQL into SQLite."""
    back_up(settings, tmp_path / "backup", env_file=tmp_path / "none")
    (data,) = (tmp_path / "backup").glob("data-*")
    restored = _other_database(tmp_path, settings)
    restore(restored, data)
    database = Database(restored.database_url, keys)
    with database.read() as session:
        account = session.query(Account).one()
        assert (account.display_name, account.address, account.first_seen_at) == (SECRETS[0], SECRETS[1], NOW)
        assert session.query(UnansweredQuestion).one().question == SECRETS[2]
        assert session.query(Delivery).one().body == {"text": SECRETS[2]}
        assert session.query(Erasure).one().erased_on == NOW.date()
    with database.begin() as session:
        _, is_new = meet_account(session, "t:1", "g" * 32, "x", None, NOW)
        assert is_new
    database.close()


def test_backup_holds_no_name_number_or_text_in_clear_and_keeps_keys_apart(tmp_path: Path, settings: Settings) -> None:
    """Whoever finds the data folder reads counts and dates."""
    env = tmp_path / "settings.env"
    env.write_text("TELEGRAM_TOKEN=1:secret\n")
    back_up(settings, tmp_path / "backup", env_file=env)
    (data,) = (tmp_path / "backup").glob("data-*")
    (apart,) = (tmp_path / "backup").glob("keys-*")
    everything = b"".join(
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in data.iterdir()
    )
    for secret in (*SECRETS, "1:secret", json.loads((apart / "union.key").read_text())["lookup"]):
        assert secret.encode() not in everything
    assert {path.name for path in apart.iterdir()} == {"union.key", "settings.env"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in [data, apart, *apart.iterdir()])


def test_restore_refuses_a_database_that_holds_something(tmp_path: Path, settings: Settings) -> None:
    """Nothing is ever overwritten."""
    back_up(settings, tmp_path / "backup", env_file=tmp_path / "none")
    (data,) = (tmp_path / "backup").glob("data-*")
    with pytest.raises(BackupProblem):
        restore(settings, data)


def test_incomplete_backup_changes_nothing(tmp_path: Path, settings: Settings, keys: Keys) -> None:
    """A file that was cut off is noticed, and the database stays empty."""
    back_up(settings, tmp_path / "backup", env_file=tmp_path / "none")
    (data,) = (tmp_path / "backup").glob("data-*")
    with gzip.open(data / "deliveries.jsonl.gz", "wt") as file:
        file.write("")
    restored = _other_database(tmp_path, settings)
    with pytest.raises(BackupProblem):
        restore(restored, data)
    database = Database(restored.database_url, keys)
    with database.read() as session:
        assert session.query(Account).count() == 0
    database.close()


def test_other_key_and_other_folders_are_refused(tmp_path: Path, settings: Settings) -> None:
    """The message comes before anything is written."""
    back_up(settings, tmp_path / "backup", env_file=tmp_path / "none")
    (data,) = (tmp_path / "backup").glob("data-*")
    create_key_file(tmp_path / "other.key")
    other = _other_database(tmp_path, settings).model_copy(update={"key_file": tmp_path / "other.key"})
    with pytest.raises(KeyProblem):
        restore(other, data)
    with pytest.raises(BackupProblem):
        restore(_other_database(tmp_path, settings), tmp_path)


def test_running_database_with_another_key_or_without_one_refuses_to_start(tmp_path: Path, settings: Settings) -> None:
    """A lost key is said at start, not discovered row by row."""
    from bot.app import open_keys

    with pytest.raises(KeyProblem):
        open_database(settings, create_key_file(tmp_path / "other.key"))
    gone = settings.model_copy(update={"key_file": tmp_path / "gone.key"})
    with pytest.raises(KeyProblem):
        open_keys(gone)
    assert not gone.key_file.exists()


def _forget_some(database: Database, now: datetime) -> None:
    """Some people erase themselves, one takes back what was told in confidence, one withdraws a consent."""
    with database.begin() as session:
        named = {person.profile["full_name"]: person for person in session.query(Person) if person.profile}
        for number in ("erases", "merged"):
            erase_person(session, named[number], now, now.date())
        accounts = {account.address: account for account in session.query(Account)}
        erase_account(session, accounts["stranger"], now)
        [interest] = [row for row in list_interests(session) if row.facts["account_id"] == accounts["teller"].id]
        forget_interest(session, interest)
        withdraw(session, session.query(Consent).filter(Consent.purpose == "news").one(), now)


def _meet_some(database: Database) -> None:
    """A member who will be erased and one who stays, a stranger, somebody who told in confidence, and a consent."""
    with database.begin() as session:
        for number, name in enumerate(("erases", "stays", "merged")):
            person = add_person(session, {"full_name": name, "phone": f"091234567{number}"}, NOW)
            add_membership(
                session, person, add_unit(session, name, UnitFacts(UnitLevel.TRADE, None, name), DAY).id, DAY
            )
            account, _ = meet_account(session, "t:1", database.keys.hash("test", name), name, name, NOW)
            account.person_id = person.id
            if name == "stays":
                add_consent(session, account.id, person.id, "news", 1, NOW)
                add_consent(session, account.id, person.id, "membership", 1, NOW)
        for name in ("stranger", "teller", "other teller"):
            account, _ = meet_account(session, "t:1", database.keys.hash("test", name), name, name, NOW)
            if name != "stranger":
                add_interest(session, {"account_id": account.id, "workplace": "X", "place": "Y"}, NOW.date())


def test_restore_brings_back_nobody_who_was_erased(tmp_path: Path, settings: Settings, keys: Keys) -> None:
    """Erased, taken back and withdrawn after the backup stays so; everything else comes back."""
    before = Database(settings.database_url, load_key_file(settings.key_file))
    _meet_some(before)
    back_up(settings, tmp_path / "backup", env_file=tmp_path / "none")
    (data,) = (tmp_path / "backup").glob("data-*")
    _forget_some(before, NOW + timedelta(days=1))
    before.close()
    said = restore(_other_database(tmp_path, settings), data)
    assert "xóa lại 5 mục" in said
    database = Database(f"sqlite:///{tmp_path / 'restored.db'}", keys)
    with database.read() as session:
        assert [person.profile["full_name"] for person in session.query(Person) if person.profile] == ["stays"]
        assert {person.phone_hash is None for person in session.query(Person)} == {True, False}
        known = {account.address for account in session.query(Account)}
        assert known == {"stays", "teller", "other teller", SECRETS[1]}
        [told] = list_interests(session)
        assert session.get_one(Account, told.facts["account_id"]).address == "other teller"
        consents = {row.purpose: row.withdrawn_at is None for row in session.query(Consent)}
        assert consents == {"news": False, "membership": True}
        assert ("erased_again", 5) in {(row.kind, row.erased) for row in session.query(Erasure)}
    database.close()


def test_list_of_erasures_travels_with_every_later_backup(tmp_path: Path, settings: Settings) -> None:
    """A lost machine loses the list beside its key file; a younger backup beside the restored one still has it. The
    list names nobody."""
    before = Database(settings.database_url, load_key_file(settings.key_file))
    _meet_some(before)
    back_up(settings, tmp_path / "backup", env_file=tmp_path / "none")
    (old,) = (tmp_path / "backup").glob("data-*")
    old = old.rename(tmp_path / "backup" / "data-20260101T000000Z")
    _forget_some(before, NOW)
    before.close()
    back_up(settings, tmp_path / "backup", env_file=tmp_path / "none")
    own = settings.key_file.with_name("union.key.erased")
    lines = own.read_text()
    assert (own.stat().st_mode & 0o077, len(set(lines.split()))) == (0, 5 + 2)
    assert not any(word in lines for word in ("stays", "erases", "person", "0912"))
    own.unlink()
    assert "xóa lại 5 mục" in restore(_other_database(tmp_path, settings), old)


def test_restore_without_any_list_says_so(tmp_path: Path, settings: Settings) -> None:
    """The operator learns that erased people may be back."""
    back_up(settings, tmp_path / "backup", env_file=tmp_path / "none")
    (data,) = (tmp_path / "backup").glob("data-*")
    assert "Không thấy danh sách đã xóa" in restore(_other_database(tmp_path, settings), data)


def test_doctor_tells_when_no_erasure_can_be_written_down(settings: Settings) -> None:
    """Without the list nobody can erase themselves, so the operator must know before anybody tries."""
    assert [one.is_good for one in examine(settings, NOW.date()) if one.what == "Khóa mã hóa"] == [True]
    settings.key_file.with_name("union.key.erased").mkdir()
    assert [one.is_good for one in examine(settings, NOW.date()) if one.what == "Khóa mã hóa"] == [False]
