"""Consents, who read whose data, requests about data, and what was told in confidence."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Date, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, states
from db.types import Id, Moment, SealedJson, SealedText


class Consent(Base):
    """A consent to one purpose in one version of its words (Law 91/2025/QH15 Article 9); a withdrawn one stays."""

    __tablename__ = "consents"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"), index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    given_at: Mapped[datetime] = mapped_column(Moment)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Moment)


class PersonalRead(Base):
    """An officer read somebody's personal data: who, whose, what, when."""

    __tablename__ = "personal_reads"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    subject_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    what: Mapped[str] = mapped_column(String(40))
    read_at: Mapped[datetime] = mapped_column(Moment)


class DataRequestKind(StrEnum):
    """The rights of Law 91/2025/QH15 Article 4 that the chat serves."""

    ACCESS = "access"
    CORRECT = "correct"
    WITHDRAW = "withdraw"
    ERASE = "erase"


class DataRequest(Base):
    """A person's request about their data and the day by which it must be done (Decree 356/2025/NĐ-CP Article 5). Whose
    it is goes when their data is erased; the row stays, as what the code of their receipt names. ``note`` is what they
    asked for in words."""

    __tablename__ = "data_requests"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"), index=True)
    kind: Mapped[DataRequestKind] = mapped_column(states(DataRequestKind))
    note: Mapped[str | None] = mapped_column(SealedText("data_requests.note"))
    asked_at: Mapped[datetime] = mapped_column(Moment)
    due_at: Mapped[datetime] = mapped_column(Moment)
    extended_at: Mapped[datetime | None] = mapped_column(Moment)
    done_at: Mapped[datetime | None] = mapped_column(Moment)
    outcome: Mapped[str | None] = mapped_column(String(40))


class NoUnionInterest(Base):
    """Somebody told in confidence that their workplace has no union. All of it is sealed, with no hash by which rows of
    one workplace could be told apart: they are counted by opening them, and nothing shows below the threshold."""

    __tablename__ = "no_union_interests"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    facts: Mapped[Any] = mapped_column(SealedJson("no_union_interests.facts"))
    noted_on: Mapped[date] = mapped_column(Date)


class MergeProposal(Base):
    """Two people seen at a unit who may be one: joined only once the person confirmed on both sides. ``moved`` holds
    the ids of what went from the other to the kept one, so that it can be undone."""

    __tablename__ = "merge_proposals"
    __table_args__ = (UniqueConstraint("kept_id", "other_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kept_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    other_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"))
    proposed_at: Mapped[datetime] = mapped_column(Moment)
    kept_confirmed_at: Mapped[datetime | None] = mapped_column(Moment)
    other_confirmed_at: Mapped[datetime | None] = mapped_column(Moment)
    refused_at: Mapped[datetime | None] = mapped_column(Moment)
    merged_at: Mapped[datetime | None] = mapped_column(Moment)
    undone_at: Mapped[datetime | None] = mapped_column(Moment)
    moved: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
