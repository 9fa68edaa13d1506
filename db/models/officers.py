"""Roles of officers, and how they sign in."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Date, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, states
from db.types import Id, Moment, SealedText


class Role(StrEnum):
    """What a person does for the union; what each may, and whether it reaches down the tree, is `handlers.access`."""

    TEAM_LEADER = "team_leader"
    OFFICER = "officer"
    DEPUTY_CHAIR = "deputy_chair"
    CHAIR = "chair"
    CURATOR = "curator"
    BULLETIN_EDITOR = "bulletin_editor"
    APPROVER = "approver"
    DATA_PROTECTION_OFFICER = "data_protection"
    ADMINISTRATOR = "administrator"


_IS_UNSEARCHED = text("searched_to IS NOT NULL")


class RoleGrant(Base):
    """A role of a person at a unit from a day to a day; ``ended_at`` ends it at once. ``paid_by_unit_id`` names the
    workplace whose employer pays this officer (empty: the union pays): that decides who may never see a case.
    ``searched_to`` is the case up to which the unit's older ones were looked through for this officer's name and
    employers, by number; empty once all were, as far as the role handles cases (`db.officers.search_again`)."""

    __tablename__ = "role_grants"
    __table_args__ = (
        Index("ix_role_grants_unit", "unit_id", "role"),
        Index("ix_role_grants_unsearched", "unit_id", sqlite_where=_IS_UNSEARCHED, postgresql_where=_IS_UNSEARCHED),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    role: Mapped[Role] = mapped_column(states(Role))
    from_on: Mapped[date] = mapped_column(Date)
    to_on: Mapped[date | None] = mapped_column(Date)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    paid_by_unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    granted_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"))
    granted_at: Mapped[datetime] = mapped_column(Moment)
    searched_to: Mapped[int | None] = mapped_column(Id, default=0)
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"))


class SignInCode(Base):
    """A one-time code that ties an account to a person: issued by somebody, typed on the account (used), said to be
    theirs by whoever typed it (claimed), confirmed by the issuer. ``issued_by_id`` is empty when it was issued at the
    operator's console, which confirms by itself."""

    __tablename__ = "sign_in_codes"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(32), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    issued_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    issued_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    used_at: Mapped[datetime | None] = mapped_column(Moment)
    claimed_at: Mapped[datetime | None] = mapped_column(Moment)
    confirmed_at: Mapped[datetime | None] = mapped_column(Moment)
    refused_at: Mapped[datetime | None] = mapped_column(Moment)


class Throttle(Base):
    """How often something that must not be guessed was tried since a moment, by a keyed name."""

    __tablename__ = "throttles"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    tries: Mapped[int]
    since_at: Mapped[datetime] = mapped_column(Moment)


class SecondFactor(Base):
    """An officer's time-based one-time password (RFC 6238); a step counter once used is never taken again."""

    __tablename__ = "second_factors"

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[str] = mapped_column(SealedText("second_factors.secret"))
    confirmed_at: Mapped[datetime | None] = mapped_column(Moment)
    last_step: Mapped[int] = mapped_column(default=0)
