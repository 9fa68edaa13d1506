"""Copies the store of case keys to a folder of its own, for a month only, and brings a copy back without the erased.

Whoever keeps a copy of a key for longer than that keeps what its worker had erased. So each backup deletes the older
copies where it writes, and leaves, beside the data, the numbers of all destroyed keys: whichever copy is brought back,
the newest of these lists that is at hand decides what must not come with it.
"""

import base64
import gzip
import json
import re
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from db.case_keys import CaseKeys, StoredKey

COPY_DAYS = 30
"""How long a copy of the store is kept; docs/how-to/back-up-and-restore.md and the privacy texts promise it."""

DESTROYED = "destroyed-case-keys.list"
_MANIFEST = "case-keys.json"
_ROWS = "case-keys.jsonl.gz"
_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"^case-keys-(\d{8}T\d{6}Z)$")


def is_copy(folder: Path) -> bool:
    """Whether a folder holds a copy of the store."""
    return (folder / _MANIFEST).is_file()


def write_copy(case_keys: CaseKeys, folder: Path, fingerprint: str) -> None:
    """Write everything in the store to a folder: the keys as they are wrapped, and the numbers of destroyed ones."""
    rows = case_keys.list_rows()
    with gzip.open(folder / _ROWS, "wt", encoding="utf-8") as file:
        for row in rows:
            wrapped = None if row.wrapped is None else base64.b64encode(row.wrapped).decode()
            file.write(json.dumps([row.key_id, wrapped, row.created_on.isoformat()]) + "\n")
    manifest = {"fingerprint": fingerprint, "identity": case_keys.identity(), "rows": len(rows)}
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Whose store the copy is of: ``fingerprint`` of the key ring, ``identity`` of the store, number of ``rows``."""
    manifest: dict[str, Any] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    return manifest


def read_copy(folder: Path) -> list[StoredKey]:
    """Every row of a copy. Raises `ValueError` when some are missing."""
    rows = []
    with gzip.open(folder / _ROWS, "rt", encoding="utf-8") as file:
        for line in file:
            key_id, wrapped, day = json.loads(line)
            rows.append(StoredKey(key_id, base64.b64decode(wrapped) if wrapped else None, date.fromisoformat(day)))
    if len(rows) != read_manifest(folder)["rows"]:
        raise ValueError(folder)
    return rows


def write_destroyed(case_keys: CaseKeys, folder: Path) -> None:
    """Leave the numbers of the destroyed keys with the data; they tell nobody anything."""
    (folder / DESTROYED).write_text("".join(f"{key_id}\n" for key_id in case_keys.list_destroyed()), encoding="ascii")


def read_destroyed(backups: Path) -> set[str]:
    """The numbers of all keys that were destroyed by any list or copy among these backups."""
    found = {
        line for one in backups.glob(f"data-*/{DESTROYED}") for line in one.read_text(encoding="ascii").splitlines()
    }
    for folder in backups.iterdir():
        if is_copy(folder):
            found |= {row.key_id for row in read_copy(folder) if row.wrapped is None}
    return found


def delete_old_copies(backups: Path, now: datetime) -> int:
    """Delete the copies among these backups that are older than a month; returns how many. Nothing else is touched."""
    old = [folder for folder in backups.iterdir() if _is_older(folder, now - timedelta(days=COPY_DAYS))]
    for folder in old:
        shutil.rmtree(folder)
    return len(old)


def _is_older(folder: Path, moment: datetime) -> bool:
    named = _NAME.match(folder.name)
    return named is not None and is_copy(folder) and _moment_of(named[1]) < moment


def _moment_of(stamp: str) -> datetime:
    return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
