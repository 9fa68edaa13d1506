"""Column types: sealed text, JSON and bytes, and moments in UTC."""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, MetaData, Table
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from db.keys import Keys

Id = BigInteger().with_variant(Integer, "sqlite")
"""Row numbers: 64 bits on PostgreSQL; SQLite only counts by itself on a column called INTEGER."""


def keys_of(dialect: Dialect) -> Keys:
    """The key ring that `Database` attached to its engine."""
    keys: Keys = dialect.union_keys  # type: ignore[attr-defined]  # set once by db.session.Database
    return keys


class SealedText(TypeDecorator[str]):
    """Text encrypted at rest; ``column`` binds the ciphertext to its place."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, column: str) -> None:
        super().__init__()
        self.column = column

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else keys_of(dialect).seal(value.encode(), self.column)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else keys_of(dialect).open(value, self.column).decode()


class SealedJson(TypeDecorator[Any]):
    """A JSON value encrypted at rest."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, column: str) -> None:
        super().__init__()
        self.column = column

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> bytes | None:
        if value is None:
            return None
        return keys_of(dialect).seal(json.dumps(value, ensure_ascii=False).encode(), self.column)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any | None:
        return None if value is None else json.loads(keys_of(dialect).open(value, self.column))


class SealedBytes(TypeDecorator[bytes]):
    """Bytes encrypted at rest."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, column: str) -> None:
        super().__init__()
        self.column = column

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else keys_of(dialect).seal(value, self.column)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else keys_of(dialect).open(value, self.column)


SEALED_TYPES = (SealedText, SealedJson, SealedBytes)
"""Columns of these hold bytes that only the key ring opens."""


class Moment(TypeDecorator[datetime]):
    """An aware moment, stored in UTC (SQLite keeps no zone, so it is put back on reading)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def plain_columns(table: Table) -> Table:
    """The same table with sealed columns as the bytes they are, for copying rows without opening them."""
    columns = [
        Column(column.name, LargeBinary if isinstance(column.type, SEALED_TYPES) else column.type)
        for column in table.columns
    ]
    return Table(table.name, MetaData(), *columns)
