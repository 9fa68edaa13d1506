"""All tables on one page: what the bot remembers, and for how long it may."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Date, Enum, ForeignKey, Index, MetaData, String, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from db.types import Id, Moment, SealedJson, SealedText


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


def _states(kind: type[StrEnum]) -> Enum:
    """States are stored as their words, so a row can be read by a person and a new state needs no type change."""
    return Enum(kind, native_enum=False, length=20, values_callable=lambda states: [state.value for state in states])


class Account(Base):
    """One person on one channel; their address and name are sealed, and found again by keyed hash."""

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("sender", "address_hash"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    sender: Mapped[str] = mapped_column(String(80))
    address_hash: Mapped[str] = mapped_column(String(32))
    address: Mapped[str] = mapped_column(SealedText("accounts.address"))
    display_name: Mapped[str | None] = mapped_column(SealedText("accounts.display_name"))
    first_seen_at: Mapped[datetime] = mapped_column(Moment)
    last_seen_at: Mapped[datetime] = mapped_column(Moment)
    unreachable_since: Mapped[datetime | None] = mapped_column(Moment)


class InboxState(StrEnum):
    """``received`` waits for its turn; the other two are final."""

    RECEIVED = "received"
    PROCESSED = "processed"
    SET_ASIDE = "set_aside"


class InboxEvent(Base):
    """One update of a platform, stored before it is acknowledged; unique, so a repeated one does nothing twice."""

    __tablename__ = "inbox_events"
    __table_args__ = (
        UniqueConstraint("sender", "platform_id"),
        Index("ix_inbox_events_lane", "lane", "state", "id"),
        Index(
            "ix_inbox_events_waiting",
            "id",
            sqlite_where=text("state = 'received'"),
            postgresql_where=text("state = 'received'"),
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    sender: Mapped[str] = mapped_column(String(80))
    platform_id: Mapped[str] = mapped_column(String(80))
    lane: Mapped[str] = mapped_column(String(32))
    raw: Mapped[str | None] = mapped_column(SealedText("inbox_events.raw"))
    received_at: Mapped[datetime] = mapped_column(Moment)
    state: Mapped[InboxState] = mapped_column(_states(InboxState))
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime] = mapped_column(Moment)
    error_code: Mapped[str | None] = mapped_column(String(16))
    finished_at: Mapped[datetime | None] = mapped_column(Moment)


class DeliveryState(StrEnum):
    """The closed set of states of an outgoing message."""

    DUE = "due"
    CLAIMED = "claimed"
    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


OPEN_DELIVERY_STATES = (DeliveryState.DUE, DeliveryState.CLAIMED)


class DeliveryKind(StrEnum):
    """Why a message is sent; the kind decides its priority and what a lost answer of the platform means."""

    REPLY = "reply"
    OPERATOR_ALERT = "operator_alert"


class Delivery(Base):
    """One message to one person: the outbox, and the ledger of what reached whom."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("kind", "subject", "recipient"),
        Index(
            "ix_deliveries_open",
            "sender",
            "state",
            "priority",
            "id",
            sqlite_where=text("state IN ('due', 'claimed')"),
            postgresql_where=text("state IN ('due', 'claimed')"),
        ),
        Index("ix_deliveries_recipient", "recipient", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[DeliveryKind] = mapped_column(_states(DeliveryKind))
    subject: Mapped[str] = mapped_column(String(80))
    recipient: Mapped[str] = mapped_column(String(32))
    sender: Mapped[str] = mapped_column(String(80))
    address: Mapped[str | None] = mapped_column(SealedText("deliveries.address"))
    body: Mapped[Any | None] = mapped_column(SealedJson("deliveries.body"))
    priority: Mapped[int]
    state: Mapped[DeliveryState] = mapped_column(_states(DeliveryState))
    reason: Mapped[str | None] = mapped_column(String(120))
    attempts: Mapped[int] = mapped_column(default=0)
    not_before_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)
    platform_message_id: Mapped[str | None] = mapped_column(String(80))


class Conversation(Base):
    """Where a person stands in a talk: the open step and its draft, the buttons last offered, the last question."""

    __tablename__ = "conversations"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    feature: Mapped[str | None] = mapped_column(String(40))
    step: Mapped[str | None] = mapped_column(String(40))
    version: Mapped[int] = mapped_column(default=0)
    draft: Mapped[Any | None] = mapped_column(SealedJson("conversations.draft"))
    offered: Mapped[Any | None] = mapped_column(SealedJson("conversations.offered"))
    last_question: Mapped[str | None] = mapped_column(SealedText("conversations.last_question"))
    updated_at: Mapped[datetime] = mapped_column(Moment)


class Verdict(StrEnum):
    """What a member said of an answer."""

    HELPFUL = "helpful"
    WRONG = "wrong"


class Feedback(Base):
    """What members said of answers, scrubbed of phone and id numbers, for the curators."""

    __tablename__ = "feedback"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    entry_id: Mapped[str] = mapped_column(String(80), index=True)
    verdict: Mapped[Verdict] = mapped_column(_states(Verdict))
    question: Mapped[str | None] = mapped_column(SealedText("feedback.question"))
    note: Mapped[str | None] = mapped_column(SealedText("feedback.note"))
    said_at: Mapped[datetime] = mapped_column(Moment)


class UnansweredQuestion(Base):
    """A question that found no clear answer, scrubbed, with no tie to who asked it."""

    __tablename__ = "unanswered_questions"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    question: Mapped[str] = mapped_column(SealedText("unanswered_questions.question"))
    outcome: Mapped[str] = mapped_column(String(20))
    asked_at: Mapped[datetime] = mapped_column(Moment)


class OfficerRequest(Base):
    """A member's wish to be answered by an officer, kept until the officers' desk takes it up."""

    __tablename__ = "officer_requests"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    entry_id: Mapped[str | None] = mapped_column(String(80))
    question: Mapped[str | None] = mapped_column(SealedText("officer_requests.question"))
    note: Mapped[str | None] = mapped_column(SealedText("officer_requests.note"))
    asked_at: Mapped[datetime] = mapped_column(Moment)


class ClockRun(Base):
    """When a job of the clock last ran: this row, not the scheduler, decides whether it is due."""

    __tablename__ = "clock_runs"

    job: Mapped[str] = mapped_column(String(40), primary_key=True)
    last_run_at: Mapped[datetime] = mapped_column(Moment)


class Erasure(Base):
    """What the daily retention job erased: a count by kind of data, never the data."""

    __tablename__ = "erasures"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    erased: Mapped[int]
    erased_on: Mapped[date] = mapped_column(Date)


class DeploymentFact(Base):
    """Facts about this deployment, such as the fingerprint of the key ring that sealed its data."""

    __tablename__ = "deployment_facts"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))
