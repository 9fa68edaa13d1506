"""The union tree: units, what they were from day to day, and the decisions that changed them."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Date, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, states
from db.types import Id, Moment


class UnitLevel(StrEnum):
    """Where a unit may stand in the tree; which level may lie under which is `handlers.organisation.rules`."""

    CONFEDERATION = "confederation"
    FEDERATION = "federation"
    UPPER = "upper"
    WORKPLACE = "workplace"
    TRADE = "trade"
    TEAM = "team"


class Unit(Base):
    """A unit of the union. What it is called, where it stands and whose employer it faces changes with time and stands
    in its periods; a unit is open on the days that one of them covers."""

    __tablename__ = "units"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    successor_id: Mapped[int | None] = mapped_column(
        ForeignKey("units.id", deferrable=True, initially="DEFERRED"), index=True
    )


class UnitPeriod(Base):
    """The facts about a unit from a day to a day, both included (``effective_to`` empty: until further notice). The
    employer's fields stand only at workplace units."""

    __tablename__ = "unit_periods"
    __table_args__ = (
        UniqueConstraint("unit_id", "effective_from"),
        Index("ix_unit_periods_parent", "parent_id", "effective_from"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    effective_from: Mapped[date] = mapped_column(Date)
    effective_to: Mapped[date | None] = mapped_column(Date)
    level: Mapped[UnitLevel] = mapped_column(states(UnitLevel))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    name: Mapped[str] = mapped_column(String(200))
    employer: Mapped[str | None] = mapped_column(String(200))
    headcount_band: Mapped[str | None] = mapped_column(String(20))
    sector: Mapped[str | None] = mapped_column(String(80))
    province: Mapped[str | None] = mapped_column(String(80))
    commune: Mapped[str | None] = mapped_column(String(80))
    wage_region: Mapped[str | None] = mapped_column(String(4))


class Reorganisation(Base):
    """A decision that changed the tree on a day; ``applied_at`` is empty until members and officers have followed."""

    __tablename__ = "reorganisations"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    effective_on: Mapped[date] = mapped_column(Date)
    details: Mapped[Any] = mapped_column(JSON)
    decision_number: Mapped[str | None] = mapped_column(String(80))
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"))
    decided_at: Mapped[datetime] = mapped_column(Moment)
    applied_at: Mapped[datetime | None] = mapped_column(Moment)


class ListTransfer(Base):
    """A list that came in or went out: who brought or took it (nobody: the operator's console), and how many rows."""

    __tablename__ = "list_transfers"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    went_out: Mapped[bool]
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"))
    row_count: Mapped[int]
    done_at: Mapped[datetime] = mapped_column(Moment)
