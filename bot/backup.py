"""Writes a copy of all data while the bot runs, and brings one back; keys and secrets go to a folder apart.

A backup is logical: each table as compressed JSON lines, read in one snapshot. It therefore moves between SQLite and
PostgreSQL. Personal fields stay sealed in it; without the keys it tells nobody anything.
"""

import base64
import gzip
import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Table, func, insert, select, text

from bot.settings import Settings
from db.keys import KeyProblem, load_key_file
from db.migrate import find_revision, migrate
from db.models import Base
from db.session import Database
from db.types import plain_columns
from knowledge.texts import t

_BATCH = 1000
_MANIFEST = "manifest.json"
_SETTINGS = "settings.env"


class BackupProblem(Exception):
    """The backup or restore cannot be done; the message says why and nothing was changed."""


def back_up(settings: Settings, folder: Path, env_file: Path = Path(".env")) -> str:
    """Copy all data into a new folder below ``folder``; returns a sentence for the operator."""
    database = Database(settings.database_url, load_key_file(settings.key_file))
    try:
        revision = find_revision(database)
        if revision is None:
            raise BackupProblem(t("backup.nothing"))
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        target, apart = folder / f"data-{stamp}", folder / f"keys-{stamp}"
        for new in (target, apart):
            new.mkdir(parents=True)
            new.chmod(0o700)
        counts = _write_tables(database, target)
        manifest = {"revision": revision, "made_at": stamp, "rows": counts, "fingerprint": database.keys.fingerprint()}
        (target / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        _copy_private(settings.key_file, apart / settings.key_file.name)
        if env_file.exists():
            _copy_private(env_file, apart / _SETTINGS)
        for new in (target, apart, folder):
            _sync(new)
        return t("backup.done", folder=target, apart=apart, rows=sum(counts.values()))
    finally:
        database.close()


def restore(settings: Settings, folder: Path) -> str:
    """Fill an empty database from a backup's ``data-…`` folder. The key file must be in place already.

    Raises `BackupProblem` when the database holds anything, or the backup is incomplete or belongs to another key.
    """
    manifest = _read_manifest(folder)
    database = Database(settings.database_url, load_key_file(settings.key_file))
    try:
        if manifest["fingerprint"] != database.keys.fingerprint():
            raise KeyProblem(t("start.wrong_key", key_file=settings.key_file))
        if find_revision(database) is not None and _holds_anything(database):
            raise BackupProblem(t("backup.not_empty"))
        migrate(database, manifest["revision"])
        rows = _read_tables(database, folder, manifest["rows"])
        migrate(database)
        return t("backup.restored", rows=rows)
    finally:
        database.close()


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
