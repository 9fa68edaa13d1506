"""Writes a copy of all data while the bot runs, and brings one back; keys and secrets go to folders apart.

A backup is logical: each table as compressed JSON lines, read in one snapshot. It therefore moves between SQLite and
PostgreSQL. Personal fields stay sealed in it; without the keys it tells nobody anything.
"""

import base64
import gzip
import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Table, func, insert, select, text

from bot.case_key_backup import (
    COPY_DAYS,
    delete_old_copies,
    is_copy,
    read_copy,
    read_destroyed,
    read_manifest,
    write_copy,
    write_destroyed,
)
from bot.history import anchor_file_of, note_restore
from bot.settings import Settings
from db.case_erasing import erase_again as erase_cases_again
from db.case_erasing import list_keys_of_cases, note_restored
from db.case_keys import CaseKeys, find_tie, tie_case_keys, untie_case_keys
from db.deployment import add_erasure
from db.erased import SUFFIX, read_erasures
from db.erasing import erase_again
from db.keys import KeyProblem, load_key_file
from db.migrate import find_revision, migrate, newest_revision
from db.models import Base
from db.session import Database
from db.types import plain_columns
from handlers.feature import VIETNAM
from knowledge.texts import t

_FOLDERS = ("data", "keys", "case-keys")
_BATCH = 1000
_MANIFEST = "manifest.json"
_SETTINGS = "settings.env"
_ERASED = "erased.list"
_ANCHORS = "history.anchors"


class BackupProblem(Exception):
    """The backup or restore cannot be done; the message says why and nothing was changed."""


def back_up(settings: Settings, folder: Path, env_file: Path = Path(".env")) -> str:
    """Copy all data into a new folder below ``folder``, the keys and the store of case keys into two others, and delete
    the copies of that store which are too old; returns what to tell the operator."""
    database, case_keys = _open(settings)
    try:
        revision = find_revision(database)
        if revision is None:
            raise BackupProblem(t("backup.nothing"))
        now = datetime.now(UTC)
        stamp = _free_stamp(folder, now)
        target, apart, cases = (folder / f"{name}-{stamp}" for name in _FOLDERS)
        for new in (target, apart, cases):
            new.mkdir(parents=True)
            new.chmod(0o700)
        counts = _write_tables(database, target)
        manifest = {"revision": revision, "made_at": stamp, "rows": counts, "fingerprint": database.keys.fingerprint()}
        (target / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        erased = database.keys.beside(SUFFIX)
        if erased is not None and erased.exists():
            _copy_private(erased, target / _ERASED)
        write_copy(case_keys, cases, database.keys.fingerprint())  # after the data: every case there has its key here
        write_destroyed(case_keys, target)
        if anchor_file_of(settings).exists():
            _copy_private(anchor_file_of(settings), cases / _ANCHORS)
        _copy_private(settings.key_file, apart / settings.key_file.name)
        if env_file.exists():
            _copy_private(env_file, apart / _SETTINGS)
        for new in (target, apart, cases, folder):
            _sync(new)
        deleted = delete_old_copies(folder, now)
        said = t("backup.done", folder=target, apart=apart, rows=sum(counts.values()))
        return f"{said}\n{t('backup.case_keys_done', folder=cases, days=COPY_DAYS, deleted=deleted)}"
    finally:
        database.close()


def _free_stamp(folder: Path, now: datetime) -> str:
    """A second that names no backup yet: two may be asked for within one."""
    while any((folder / f"{name}-{now:%Y%m%dT%H%M%SZ}").exists() for name in _FOLDERS):
        now += timedelta(seconds=1)
    return f"{now:%Y%m%dT%H%M%SZ}"


def restore(settings: Settings, folder: Path, without_case_keys: bool = False) -> str:
    """Fill an empty database from a backup's ``data-…`` folder, and erase again who and what was erased since it was
    made: by the lists beside the key file and in the store of case keys, and by those that lie in the backups next to
    it. From a ``case-keys-…`` folder, bring lost case keys back instead. The key file must be in place.

    ``without_case_keys``: the store is lost for good, so cases without a key are erased.
    Raises `BackupProblem` when the database holds anything, or the backup is incomplete or belongs to another key.
    """
    if is_copy(folder):
        return _restore_case_keys(settings, folder)
    manifest = _read_manifest(folder)
    database, case_keys = _open(settings)
    try:
        if manifest["fingerprint"] != database.keys.fingerprint():
            raise KeyProblem(t("start.wrong_key", key_file=settings.key_file))
        if find_revision(database) is not None and _holds_anything(database):
            raise BackupProblem(t("backup.not_empty"))
        migrate(database, manifest["revision"])
        rows = _read_tables(database, folder, manifest["rows"])
        migrate(database)
        said = [t("backup.restored", rows=rows), _erase_again(database, folder)]
        case_keys.destroy(read_destroyed(folder.resolve().parent))
        if without_case_keys:
            said.append(_give_up_case_keys(database, case_keys))
        said += _agree(settings, database, case_keys)
        return "\n".join(said)
    finally:
        database.close()


def _restore_case_keys(settings: Settings, folder: Path) -> str:
    """Bring back the keys of a copy that the store does not have; what any list at hand calls destroyed stays so."""
    manifest = read_manifest(folder)
    database, case_keys = _open(settings)
    try:
        if manifest["fingerprint"] != database.keys.fingerprint():
            raise KeyProblem(t("start.wrong_key", key_file=settings.key_file))
        if case_keys.identity() not in (None, manifest["identity"]):
            raise BackupProblem(t("backup.case_keys_other"))
        try:
            rows = read_copy(folder)
        except (OSError, EOFError, ValueError):
            raise BackupProblem(t("backup.incomplete", table="case_keys")) from None
        case_keys.destroy(read_destroyed(folder.resolve().parent))
        if manifest["identity"]:
            case_keys.name(manifest["identity"])
        said = [t("backup.case_keys_back", count=case_keys.bring_back(rows))]
        if (folder / _ANCHORS).exists() and not anchor_file_of(settings).exists():
            _copy_private(folder / _ANCHORS, anchor_file_of(settings))
        if find_revision(database) == newest_revision():
            said += _agree(settings, database, case_keys)
        return "\n".join(said)
    finally:
        database.close()


def _agree(settings: Settings, database: Database, case_keys: CaseKeys) -> list[str]:
    """Make data and store agree after either was brought back: what was erased is erased again, and the anchors kept
    beside the keys go on from those in the data."""
    now = datetime.now(UTC)
    with database.begin() as session:
        note_restored(session, now)
        note_restore(session, anchor_file_of(settings), now)
        count = erase_cases_again(session, now)
        is_tied = find_tie(session) in (None, case_keys.identity())
    return [
        *([t("backup.cases_erased_again", count=count)] if count else []),
        *([] if is_tied else [t("backup.case_keys_wanted")]),
    ]


def _give_up_case_keys(database: Database, case_keys: CaseKeys) -> str:
    """The keys are lost, so the cases are: said once, and then the new store is this database's."""
    living = set(case_keys.list_living(date.max))
    with database.begin() as session:
        lost = list_keys_of_cases(session) - living
        case_keys.destroy(lost)
        untie_case_keys(session)
        tie_case_keys(session, case_keys)
    return t("backup.case_keys_given_up", count=len(lost))


def _open(settings: Settings) -> tuple[Database, CaseKeys]:
    keys = load_key_file(settings.key_file)
    case_keys = CaseKeys(settings.case_keys_store, keys)
    return Database(settings.database_url, keys, case_keys), case_keys


def _erase_again(database: Database, folder: Path) -> str:
    own = database.keys.beside(SUFFIX)
    lists = [one for one in (own, *sorted(folder.resolve().parent.glob(f"data-*/{_ERASED}"))) if one and one.exists()]
    if not lists:
        return t("backup.no_erasures")
    now = datetime.now(UTC)
    today = now.astimezone(VIETNAM).date()
    with database.begin() as session:
        count = erase_again(session, read_erasures(lists), now, today)
        if count:
            add_erasure(session, "erased_again", count, today)
    return t("backup.erased_again", count=count)


def _write_tables(database: Database, target: Path) -> dict[str, int]:
    """All tables from one snapshot, so that rows which point at each other are both there."""
    counts = {}
    with database.read() as session:
        if not database.is_sqlite:
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        for table in Base.metadata.sorted_tables:
            count = 0
            with gzip.open(_file_of(target, table), "wt", encoding="utf-8") as file:
                rows = session.connection().execution_options(yield_per=_BATCH).execute(select(plain_columns(table)))
                for row in rows.mappings():
                    file.write(json.dumps({name: _plain(value) for name, value in row.items()}) + "\n")
                    count += 1
            counts[table.name] = count
    return counts


def _read_tables(database: Database, folder: Path, expected: dict[str, int]) -> int:
    """Insert every row in one transaction; a file with fewer rows than the manifest says rolls all of it back."""
    total = 0
    with database.engine.begin() as connection:
        for table in Base.metadata.sorted_tables:
            if table.name not in expected:
                continue
            connection.execute(table.delete())
            plain = plain_columns(table)
            count = 0
            for batch in _batches(_file_of(folder, table)):
                connection.execute(insert(plain), [{name: _from_plain(v) for name, v in row.items()} for row in batch])
                count += len(batch)
            if count != expected[table.name]:
                raise BackupProblem(t("backup.incomplete", table=table.name))
            if not database.is_sqlite and "id" in table.c and count:
                last = select(func.setval(func.pg_get_serial_sequence(table.name, "id"), func.max(table.c.id)))
                connection.execute(last)
            total += count
    return total


def _batches(path: Path) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            batch.append(json.loads(line))
            if len(batch) == _BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


def _holds_anything(database: Database) -> bool:
    with database.read() as session:
        tables = [
            table for table in Base.metadata.sorted_tables if table.name not in ("deployment_facts", "clock_runs")
        ]
        return any(session.scalar(select(func.count()).select_from(table)) for table in tables)


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise BackupProblem(t("backup.no_manifest", folder=folder)) from None
    return manifest


def _file_of(folder: Path, table: Table) -> Path:
    return folder / f"{table.name}.jsonl.gz"


def _plain(value: object) -> object:
    if isinstance(value, (bytes, memoryview)):
        return {"bytes": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, datetime):
        return {"moment": (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()}
    return value if value is None or isinstance(value, (str, int, float, bool)) else {"day": str(value)}


def _from_plain(value: Any) -> object:
    if not isinstance(value, dict):
        return value
    if "bytes" in value:
        return base64.b64decode(value["bytes"])
    if "moment" in value:
        return datetime.fromisoformat(value["moment"])
    return datetime.fromisoformat(value["day"]).date()


def _copy_private(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o600)


def _sync(folder: Path) -> None:
    """A backup that is announced must survive a power cut."""
    for path in (*(path for path in folder.iterdir() if path.is_file()), folder):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
