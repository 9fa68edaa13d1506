"""Cases: what workers report, who may read it, who was alerted, and the history that nobody can rewrite unseen.

What a worker writes, what is answered and every file is sealed with the key of the one case, which lies in a separate
store (`db.case_keys`): destroying that key erases the case, also in older backups of this database. What stands here in
clear names a unit, a kind of complaint and moments, never a worker.
"""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Boolean, Date, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, states
from db.models.officers import Role
from db.types import Id, Moment


class CaseState(StrEnum):
    """Where a case stands. ``draft``: the worker is still writing. ``settled`` waits for the worker's word; ``erased``:
    its key is destroyed."""

    DRAFT = "draft"
    OPENED = "opened"
    CLAIMED = "claimed"
    ANSWERED = "answered"
    SETTLED = "settled"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"
    ERASED = "erased"


OPEN_CASE_STATES = (CaseState.OPENED, CaseState.CLAIMED, CaseState.ANSWERED, CaseState.SETTLED)
"""Somebody of the union must still do something, or the worker may still say it is not settled."""


class Case(Base):
    """A report of a worker. ``unit_id`` is the unit that answers for it now, ``workplace_unit_id`` the workplace it is
    about where that is in the tree, ``commune`` where it is otherwise. ``round`` counts the searches for somebody to
    claim it. ``stage`` is what it waits for, counted from ``stage_since_at``; ``due_at`` is empty while we wait for the
    worker; ``next_step_at`` says when the clock must look at it again. ``holder_only``: once claimed, nobody but the
    holder opens it."""

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_desk", "unit_id", "state", "due_at"),
        Index("ix_cases_holder", "holder_id", "state"),
        Index(
            "ix_cases_next_step",
            "next_step_at",
            sqlite_where=text("next_step_at IS NOT NULL"),
            postgresql_where=text("next_step_at IS NOT NULL"),
        ),
        Index("ix_cases_place", "workplace_unit_id", "opened_at"),
        Index("ix_cases_opened", "opened_at"),
        Index("ix_cases_merged", "merged_into_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    key_id: Mapped[str | None] = mapped_column(String(32), unique=True)
    receipt_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    state: Mapped[CaseState] = mapped_column(states(CaseState))
    category: Mapped[str] = mapped_column(String(20))
    urgency: Mapped[str] = mapped_column(String(20))
    is_named: Mapped[bool] = mapped_column(Boolean, default=False)
    holder_only: Mapped[bool] = mapped_column(Boolean, default=False)
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    workplace_unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    commune: Mapped[str | None] = mapped_column(String(80))
    holder_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"))
    round: Mapped[int] = mapped_column(default=0)
    stage: Mapped[str | None] = mapped_column(String(20))
    stage_round: Mapped[int] = mapped_column(default=0)
    stage_since_at: Mapped[datetime | None] = mapped_column(Moment)
    due_at: Mapped[datetime | None] = mapped_column(Moment)
    next_step_at: Mapped[datetime | None] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment)
    opened_at: Mapped[datetime | None] = mapped_column(Moment)
    claimed_at: Mapped[datetime | None] = mapped_column(Moment)
    answered_at: Mapped[datetime | None] = mapped_column(Moment)
    settled_at: Mapped[datetime | None] = mapped_column(Moment)
    closed_at: Mapped[datetime | None] = mapped_column(Moment)
    outcome: Mapped[str | None] = mapped_column(String(20))
    worker_agrees: Mapped[bool | None] = mapped_column(Boolean)
    rating: Mapped[int | None]
    reopened: Mapped[int] = mapped_column(default=0)
    escalated: Mapped[int] = mapped_column(default=0)
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id", ondelete="SET NULL"))
    follow_up_on: Mapped[date | None] = mapped_column(Date)
    head_number: Mapped[int] = mapped_column(default=0)
    head_hash: Mapped[str | None] = mapped_column(String(64))


class CaseParty(Base):
    """An account of the worker on a case. The hash finds a worker's cases from the account; which account it is, is
    sealed with the case's key, so that this table alone ties nobody to anything."""

    __tablename__ = "case_parties"
    __table_args__ = (UniqueConstraint("case_id", "party_hash"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"))
    party_hash: Mapped[str] = mapped_column(String(32), index=True)
    account: Mapped[bytes] = mapped_column(LargeBinary)
    added_at: Mapped[datetime] = mapped_column(Moment)


class WhyReader(StrEnum):
    """Why the officers of a unit may read a case."""

    RESPONSIBLE = "responsible"
    INCLUDED = "included"
    ESCALATED = "escalated"
    FORWARDED = "forwarded"


class CaseReader(Base):
    """A unit whose officers may read a case, from a moment to a moment; nobody reads it by reaching down the tree."""

    __tablename__ = "case_readers"
    __table_args__ = (Index("ix_case_readers_case", "case_id"), Index("ix_case_readers_unit", "unit_id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    why: Mapped[WhyReader] = mapped_column(states(WhyReader))
    since_at: Mapped[datetime] = mapped_column(Moment)
    until_at: Mapped[datetime | None] = mapped_column(Moment)


class WhyBarred(StrEnum):
    """Why somebody may never see a case. That the accused employer pays them, or that the report is their own, is not
    written down: it is read live from roles and accounts (`db.case_access.is_visible_to`)."""

    EXCLUDED = "excluded"
    NAMED = "named"
    DECLARED = "declared"


class CaseBarrier(Base):
    """Somebody who may never be assigned, alerted or shown a case: a person, or whoever holds a role at a unit."""

    __tablename__ = "case_barriers"
    __table_args__ = (Index("ix_case_barriers_case", "case_id"), Index("ix_case_barriers_person", "person_id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    role: Mapped[Role | None] = mapped_column(states(Role))
    why: Mapped[WhyBarred] = mapped_column(states(WhyBarred))
    added_at: Mapped[datetime] = mapped_column(Moment)


class OfficerTie(Base):
    """A workplace to which an officer declared to be tied (a relative, a side job): its cases are never theirs."""

    __tablename__ = "officer_ties"
    __table_args__ = (Index("ix_officer_ties_unit", "unit_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    declared_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)


class Absence(Base):
    """Days on which an officer is away, both included, and who is alerted in their place."""

    __tablename__ = "absences"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    from_on: Mapped[date] = mapped_column(Date)
    to_on: Mapped[date] = mapped_column(Date)
    substitute_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"))


class CaseEvent(Base):
    """One line of a case's history: never changed, never deleted. ``hash`` is keyed and covers the sealed body and the
    line before, so that a change, a deletion or a new order shows. No actor: the worker, or the program."""

    __tablename__ = "case_events"
    __table_args__ = (UniqueConstraint("case_id", "number"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    number: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime] = mapped_column(Moment)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_hash: Mapped[str | None] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class HistoryAnchor(Base):
    """All lines of all histories written since the anchor before, in one keyed digest that is chained to that anchor: a
    history that is cut short later no longer fits it."""

    __tablename__ = "history_anchors"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    anchored_on: Mapped[date] = mapped_column(Date, unique=True)
    last_event_id: Mapped[int] = mapped_column(Id)
    event_count: Mapped[int] = mapped_column(Id)
    digest: Mapped[str] = mapped_column(String(64))


class CaseFile(Base):
    """A picture, document or voice note of a case, cleaned of what it says about who made it, sealed with the case's
    key. ``event_number`` is the line of the history it came with; empty while the worker is still writing."""

    __tablename__ = "case_files"
    __table_args__ = (Index("ix_case_files_case", "case_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"))
    event_number: Mapped[int | None]
    media_type: Mapped[str] = mapped_column(String(80))
    size: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    added_at: Mapped[datetime] = mapped_column(Moment)


class CaseAlert(Base):
    """Somebody who was asked to claim a case, on which rung of the ladder; each person once in a round."""

    __tablename__ = "case_alerts"
    __table_args__ = (UniqueConstraint("case_id", "round", "person_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"))
    round: Mapped[int]
    rung: Mapped[int]
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    told_at: Mapped[datetime] = mapped_column(Moment)
    declined_at: Mapped[datetime | None] = mapped_column(Moment)
    barred_at: Mapped[datetime | None] = mapped_column(Moment)


class CaseStep(Base):
    """A reminder or escalation that was done: the constraint is what makes each happen exactly once."""

    __tablename__ = "case_steps"
    __table_args__ = (UniqueConstraint("case_id", "stage_round", "kind", "number"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"))
    stage_round: Mapped[int]
    stage: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(20))
    number: Mapped[int]
    due_at: Mapped[datetime] = mapped_column(Moment)
    done_at: Mapped[datetime] = mapped_column(Moment)


class CasePause(Base):
    """A time in which we waited for the worker, with the reason that is shown; its clock stands still meanwhile."""

    __tablename__ = "case_pauses"
    __table_args__ = (Index("ix_case_pauses_case", "case_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"))
    since_at: Mapped[datetime] = mapped_column(Moment)
    until_at: Mapped[datetime | None] = mapped_column(Moment)
    why: Mapped[str] = mapped_column(String(20))
