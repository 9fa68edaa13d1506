"""What was erased because its person asked: keyed hashes in a list beside the key file, so a restore can erase again.

The list lies outside the database on purpose: a backup brings back the database of an earlier day, with everybody in it
who was erased since. A line is written before the erasure is committed; when that fails after all, a later restore
erases somebody who asked for it, which is better than bringing somebody back.
"""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.keys import Keys
from db.models import Account, Consent, NoUnionInterest, Person
from db.session import keys_of_session

SUFFIX = ".erased"
"""The list of "union.key" is "union.key.erased"."""

Erasable = type[Account] | type[Consent] | type[NoUnionInterest] | type[Person]

_NAMED_BY: Mapping[Erasable, Sequence[InstrumentedAttribute[Any]]] = {
    Person: (Person.code,),
    Account: (Account.id, Account.first_seen_at),
    NoUnionInterest: (NoUnionInterest.id, NoUnionInterest.noted_on),
    Consent: (Consent.id, Consent.given_at),
}
"""What tells a row from all others, also from one that got the same number after an earlier restore."""


def note_erasure(session: Session, row: Account | Consent | NoUnionInterest | Person) -> None:
    """Write down that a row is being erased (a consent: withdrawn). The line survives a power cut when this returns.
    A key ring that came from no file has no list."""
    keys = keys_of_session(session)
    path = keys.beside(SUFFIX)
    if path is None:
        return
    values = [getattr(row, column.key) for column in _NAMED_BY[type(row)]]
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "a", encoding="ascii") as file:
        file.write(f"{_mark(keys, type(row), values)}\n")
        file.flush()
        os.fsync(file.fileno())


def can_note_erasures(keys: Keys) -> bool:
    """Whether the list can be written; without it no erasure goes through. Writes nothing."""
    path = keys.beside(SUFFIX)
    return path is None or (not path.is_dir() and os.access(path if path.exists() else path.parent, os.W_OK))


def read_erasures(lists: Iterable[Path]) -> set[str]:
    """The marks in all of these lists that exist."""
    return {line for one in lists if one.is_file() for line in one.read_text(encoding="ascii").split()}


def find_erased(session: Session, model: Erasable, marks: Collection[str]) -> list[int]:
    """The numbers of the rows that are there although they were erased."""
    keys = keys_of_session(session)
    rows = session.execute(select(model.id, *_NAMED_BY[model]).order_by(model.id))
    return [row[0] for row in rows if _mark(keys, model, row[1:]) in marks]


def _mark(keys: Keys, model: Erasable, values: Iterable[object]) -> str:
    return keys.hash("erased", model.__tablename__, *map(_plain, values))


def _plain(value: object) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
