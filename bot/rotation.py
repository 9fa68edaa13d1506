"""Changes the keys while the bot runs: a new one seals everything again, then those that seal nothing are taken out."""

import shutil
import time
from collections.abc import Callable
from datetime import datetime

from bot.settings import Settings
from db.deployment import find_fact, forget_fact, set_fact
from db.keys import LOOK_SECONDS, KeyProblem, Keys, add_sealing_key, remove_sealing_keys
from db.resealing import SealedTable, iterate_old, list_key_numbers, list_sealed_tables, reseal_batch
from db.session import Database
from knowledge.texts import t

_ROTATING = "rotating_to_key"
_ROTATED = "rotated_at"
_BATCH = 200
_PAUSE_SECONDS = 0.01
"""Between batches, so that on SQLite the running bot gets its turn to write."""

_ROUNDS = 20
PATIENCE_SECONDS = 3 * LOOK_SECONDS
"""How long a process that uses the keys may take to notice a new one, with room to spare."""

BACKUP_DAYS = 30
"""How long the longest-lived backups, those of the case keys, are kept: docs/how-to/back-up-and-restore.md."""


def add_key(settings: Settings, database: Database) -> int:
    """Add the key to which everything is going to be sealed again, or find the one of a rotation that was cut off;
    returns its number. The number is written down first: a run that is cut off in between goes on with it."""
    keys = database.keys
    with database.begin() as session:
        started = find_fact(session, _ROTATING)
        number = int(started) if started else max(keys.numbers) + 1
        if number > 255:
            raise KeyProblem(t("keys.too_many"))
        set_fact(session, _ROTATING, str(number))
    add_sealing_key(settings.key_file, number)
    keys.refresh()
    if keys.newest != number:
        raise KeyProblem(t("keys.not_read", key_file=settings.key_file))
    return number


def rotate(
    settings: Settings,
    database: Database,
    now: Callable[[], datetime],
    say: Callable[[str], object],
    patience: float,
) -> str:
    """Seal everything again with a new key while the bot writes; returns what to tell the operator. A run that was cut
    off is gone on with by running it again. ``patience``: how long a running bot may take to notice the new key."""
    number = add_key(settings, database)
    added = time.monotonic()
    total = 0
    for _round in range(_ROUNDS):
        sealed = _reseal_all(database, total, say)
        total += sealed
        left = _count_left(database, number)
        if not left and time.monotonic() - added >= patience:
            break
        time.sleep(_PAUSE_SECONDS if left and sealed else max(0.05, min(1.0, patience)))
    else:
        raise KeyProblem(t("keys.not_finished"))
    with database.begin() as session:
        forget_fact(session, _ROTATING)
        set_fact(session, _ROTATED, now().isoformat())
    return t("keys.rotated", count=total, number=number)


def _reseal_all(database: Database, before: int, say: Callable[[str], object]) -> int:
    """One round over all tables. What is said is one sum: a number for each table would tell how many people told what
    that table holds."""
    total, said = 0, before
    for sealed in list_sealed_tables():
        for count in _reseal_table(database, sealed, database.keys):
            total += count
            if before + total - said >= 10_000:
                said = before + total
                say(t("keys.progress", count=said))
    return total + _rewrap_case_keys(database)


def _rewrap_case_keys(database: Database) -> int:
    """The keys of cases are sealed by the ring too, in their own store."""
    total = 0
    while database.case_keys is not None and (count := database.case_keys.rewrap(_BATCH)):
        total += count
        time.sleep(_PAUSE_SECONDS)
    return total


def _reseal_table(database: Database, sealed: SealedTable, keys: Keys) -> "list[int]":
    counts, last = [], None
    while True:
        with database.begin() as session:
            batch = reseal_batch(session, sealed, last, _BATCH, keys)
        counts.append(batch.sealed)
        if batch.last is None:
            return counts
        last = batch.last
        time.sleep(_PAUSE_SECONDS)


def _count_left(database: Database, number: int) -> int:
    case_keys = database.case_keys
    others = case_keys.list_key_numbers() - {number} if case_keys is not None else set()
    with database.read() as session:
        return sum(1 for _table in iterate_old(session, number)) + len(others)


def retire(settings: Settings, database: Database, now: datetime, patience: float) -> str:
    """Take the keys out that seal nothing any more, after looking into every sealed column, twice: what was being
    written at the first look is there at the second. The file as it was stays beside it, for backups. Raises
    `KeyProblem` while a rotation is unfinished or an old key still seals something."""
    keys = database.keys
    keys.refresh()
    old = keys.numbers - {keys.newest}
    if not old:
        return t("keys.nothing_to_retire")
    _check_unused(database, old)
    time.sleep(patience)
    rotated = _check_unused(database, old)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    copy = settings.key_file.with_name(f"{settings.key_file.name}.{stamp}.old")
    shutil.copyfile(settings.key_file, copy)
    copy.chmod(0o600)
    remove_sealing_keys(settings.key_file, old)
    keys.refresh()
    day = datetime.fromisoformat(rotated).strftime("%d/%m/%Y") if rotated else now.strftime("%d/%m/%Y")
    return t("keys.retired", numbers=", ".join(map(str, sorted(old))), copy=copy, day=day, days=BACKUP_DAYS)


def _check_unused(database: Database, old: frozenset[int]) -> str | None:
    """When everything was sealed again. Raises `KeyProblem` when one of these keys is still needed."""
    with database.read() as session:
        rotating, rotated = find_fact(session, _ROTATING), find_fact(session, _ROTATED)
        used = list_key_numbers(session) & old
    if database.case_keys is not None:
        used |= database.case_keys.list_key_numbers() & old
    if rotating or used:
        raise KeyProblem(t("keys.still_used", numbers=", ".join(map(str, sorted(used))) or rotating))
    return rotated
