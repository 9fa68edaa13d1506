"""What all tables share: constraint names, and states stored as their words."""

from enum import StrEnum

from sqlalchemy import Enum, MetaData
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """Constraint names are fixed so that migrations can change them on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def states(kind: type[StrEnum]) -> Enum:
    """States are stored as their words, so a row can be read by a person and a new state needs no type change."""
    return Enum(kind, native_enum=False, length=20, values_callable=lambda states: [state.value for state in states])
