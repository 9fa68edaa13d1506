"""Statements that seal again, with the newest key, what older keys sealed: any table, a few rows at a time.

A row is read and written back without being understood, and only if it has not changed in between. Which columns are
sealed is read from the models, so a new table is taken along by itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, LargeBinary, Table, and_, func, literal, or_, select, tuple_, update
from sqlalchemy.orm import Session

from db.keys import Keys, header_of
from db.models import Base
from db.types import SEALED_TYPES, plain_columns

_HEADER_BYTES = 2


@dataclass(frozen=True)
class SealedTable:
    """A table with sealed columns, as the bytes they are; ``places`` gives each column the name it is bound to."""

    table: Table
    keys: tuple[Column[Any], ...]
    places: dict[str, str]


@dataclass(frozen=True)
class Batch:
    """How far a batch came: the key of its last row (None: nothing was left), and how many values it sealed again."""

    last: tuple[Any, ...] | None
    sealed: int


def list_sealed_tables() -> list[SealedTable]:
    """Every table that holds anything sealed."""
    found = []
    for table in Base.metadata.sorted_tables:
        places = {one.name: one.type.column for one in table.c if isinstance(one.type, SEALED_TYPES)}
        if places:
            plain = plain_columns(table)
            keys = tuple(plain.c[one.name] for one in table.primary_key.columns)
            found.append(SealedTable(plain, keys, places))
    return found


def _is_sealed_by_others(column: Column[Any], number: int) -> Any:
    header = literal(header_of(number), LargeBinary)
    return and_(column.is_not(None), func.substr(column, 1, _HEADER_BYTES, type_=LargeBinary) != header)


def reseal_batch(session: Session, sealed: SealedTable, after: tuple[Any, ...] | None, limit: int, keys: Keys) -> Batch:
    """Seal again the next rows behind a key. Rows that somebody else holds just now are left for the next round, so
    that this never waits and nobody waits for this for long. Raises `KeyProblem` for a value no key opens."""
    columns = [sealed.table.c[name] for name in sealed.places]
    number = keys.newest
    old = select(*sealed.keys, *columns).where(or_(*(_is_sealed_by_others(one, number) for one in columns)))
    if after is not None:
        old = old.where(tuple_(*sealed.keys) > tuple_(*after))
    rows = session.execute(old.order_by(*sealed.keys).limit(limit).with_for_update(skip_locked=True)).all()
    count = 0
    for row in rows:
        count += _reseal_row(session, sealed, row, header_of(number), keys)
    return Batch(tuple(rows[-1][: len(sealed.keys)]) if rows else None, count)


def _reseal_row(session: Session, sealed: SealedTable, row: Sequence[Any], header: bytes, keys: Keys) -> int:
    values = dict(
        zip(sealed.places, (None if one is None else bytes(one) for one in row[len(sealed.keys) :]), strict=True)
    )
    old = {name: value for name, value in values.items() if value is not None and not value.startswith(header)}
    fresh = {name: keys.seal(keys.open(value, sealed.places[name]), sealed.places[name]) for name, value in old.items()}
    same = [column == value for column, value in zip(sealed.keys, row, strict=False)]
    unchanged = [sealed.table.c[name] == value for name, value in old.items()]
    done = session.execute(update(sealed.table).where(*same, *unchanged).values(**fresh))
    return len(fresh) if done.rowcount else 0  # type: ignore[attr-defined]  # an update has a row count


def list_key_numbers(session: Session) -> set[int]:
    """The numbers of the keys that still seal anything, in every sealed column of every table."""
    numbers: set[int] = set()
    for sealed in list_sealed_tables():
        for name in sealed.places:
            column = sealed.table.c[name]
            heads = select(func.substr(column, 1, _HEADER_BYTES, type_=LargeBinary)).where(column.is_not(None))
            numbers |= {bytes(head)[1] for head in session.scalars(heads.distinct())}
    return numbers


def iterate_old(session: Session, number: int) -> Iterator[str]:
    """The tables that hold anything sealed by another key than this one."""
    for sealed in list_sealed_tables():
        columns = [sealed.table.c[name] for name in sealed.places]
        old = select(*sealed.keys).where(or_(*(_is_sealed_by_others(one, number) for one in columns))).limit(1)
        if session.execute(old).first() is not None:
            yield sealed.table.name
