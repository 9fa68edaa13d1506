"""People, their memberships and their applications to join."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, states
from db.types import Id, Moment, SealedJson, SealedText


class Person(Base):
    """A human being we know: an applicant, a member, an officer. Everything personal is in the sealed profile; the
    hashes find a phone, an id number, or the same name and birthday again. ``code`` is what people call out."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    profile: Mapped[Any | None] = mapped_column(SealedJson("people.profile"))
    phone_hash: Mapped[str | None] = mapped_column(String(32), index=True)
    citizen_id_hash: Mapped[str | None] = mapped_column(String(32), index=True)
    identity_hash: Mapped[str | None] = mapped_column(String(32), index=True)
    preferred_sender: Mapped[str | None] = mapped_column(String(80))
    merged_into_id: Mapped[int | None] = mapped_column(
        ForeignKey("people.id", ondelete="SET NULL", deferrable=True, initially="DEFERRED")
    )
    created_at: Mapped[datetime] = mapped_column(Moment)
    erased_at: Mapped[datetime | None] = mapped_column(Moment)


class NameToken(Base):
    """A keyed hash of one word of a member's folded name, at the unit where they are a member: how an officer finds a
    name that is stored nowhere in clear, and only within their reach."""

    __tablename__ = "name_tokens"

    token: Mapped[str] = mapped_column(String(16), primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True, index=True)


class LinkCode(Base):
    """A short-lived code by which a person ties a further channel to themselves: asked for on one account, typed on
    another, confirmed on the first. The row goes when the matter is settled."""

    __tablename__ = "link_codes"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(32), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), unique=True)
    issued_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    typed_on_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    typed_at: Mapped[datetime | None] = mapped_column(Moment)


class EndReason(StrEnum):
    """Why a membership ended; a person with none that runs has one of these as their last."""

    TRANSFERRED = "transferred"
    REORGANISED = "reorganised"
    LEFT = "left"
    UNIT_CLOSED = "unit_closed"
    MERGED = "merged"
    ERASED = "erased"


class Membership(Base):
    """A member at a unit from a day to a day, both included (``until_on`` empty: still)."""

    __tablename__ = "memberships"
    __table_args__ = (
        Index("ix_memberships_unit", "unit_id", "until_on", "since_on"),
        Index(
            "ix_memberships_newest",
            "since_on",
            "id",
            sqlite_where=text("until_on IS NULL"),
            postgresql_where=text("until_on IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    since_on: Mapped[date] = mapped_column(Date)
    until_on: Mapped[date | None] = mapped_column(Date)
    end_reason: Mapped[EndReason | None] = mapped_column(states(EndReason))
    decision_number: Mapped[str | None] = mapped_column(String(80))


class ApplicationState(StrEnum):
    """Where an application to join stands; the last three are final."""

    SUBMITTED = "submitted"
    NEEDS_MORE = "needs_more"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


OPEN_APPLICATION_STATES = (ApplicationState.SUBMITTED, ApplicationState.NEEDS_MORE)


class Application(Base):
    """A wish to join, decided at a unit: the workplace union, or the upper one where none was found. What the applicant
    wrote is in the person's profile; ``workplace`` holds the words they typed when no unit was found."""

    __tablename__ = "applications"
    __table_args__ = (Index("ix_applications_unit", "unit_id", "state", "submitted_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"), index=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    workplace: Mapped[str | None] = mapped_column(SealedText("applications.workplace"))
    state: Mapped[ApplicationState] = mapped_column(states(ApplicationState))
    submitted_at: Mapped[datetime] = mapped_column(Moment)
    changed_at: Mapped[datetime] = mapped_column(Moment)
    handled_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"), index=True)
    decision_number: Mapped[str | None] = mapped_column(String(80))
    reason: Mapped[str | None] = mapped_column(SealedText("applications.reason"))
