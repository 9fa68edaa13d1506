"""Figures about cases as they were published, and places of which an alert was raised: of no fewer than k people.

What is published stands here as it was told and is never worked out again: a number that moved would tell, by the
difference, of the one case that moved it.
"""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Date, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, states
from db.types import Id, Moment


class PeriodKind(StrEnum):
    """The calendar periods for which figures are published."""

    MONTH = "month"
    QUARTER = "quarter"


class CasePublication(Base):
    """A period that is published, for good."""

    __tablename__ = "case_publications"
    __table_args__ = (UniqueConstraint("kind", "from_on"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[PeriodKind] = mapped_column(states(PeriodKind))
    from_on: Mapped[date] = mapped_column(Date)
    published_at: Mapped[datetime] = mapped_column(Moment)


class CaseFigure(Base):
    """A published number about the cases of a unit and all units under it; ``out_of`` how many cases it was counted
    among."""

    __tablename__ = "case_figures"
    __table_args__ = (
        UniqueConstraint("unit_id", "kind", "from_on", "measure"),
        Index("ix_case_figures_period", "kind", "from_on"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[PeriodKind] = mapped_column(states(PeriodKind))
    from_on: Mapped[date] = mapped_column(Date)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    measure: Mapped[str] = mapped_column(String(40))
    amount: Mapped[int]
    out_of: Mapped[int]


class CaseBlock(Base):
    """Cases of a month that are counted together, of at least k people: a unit's own, or what the units under it could
    not tell each by itself."""

    __tablename__ = "case_blocks"
    __table_args__ = (UniqueConstraint("month_on", "unit_id", "is_own"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    month_on: Mapped[date] = mapped_column(Date)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    is_own: Mapped[bool]


class CaseBlockMember(Base):
    """A case of a block: the quarter describes the very cases that its months counted."""

    __tablename__ = "case_block_members"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True)
    block_id: Mapped[int] = mapped_column(ForeignKey("case_blocks.id", ondelete="CASCADE"), index=True)


class HotSpot(Base):
    """A place of which the upper union was told that many complain: a workplace, or a commune (``unit_id`` is then the
    unit that looks after it). No category: of all kinds together. ``at_least`` is the number that was said."""

    __tablename__ = "hot_spots"
    __table_args__ = (Index("ix_hot_spots_unit", "unit_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    commune: Mapped[str | None] = mapped_column(String(80))
    category: Mapped[str | None] = mapped_column(String(20))
    at_least: Mapped[int]
    told_at: Mapped[datetime] = mapped_column(Moment)
