"""Accounts on channels, and what came in from them and went out to them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, states
from db.types import Id, Moment, SealedBytes, SealedJson, SealedText


class Account(Base):
    """One person on one channel; their address and name are sealed, and found again by keyed hash. ``needs_sign_in``:
    it came to its person by linking or merging, so no role of theirs acts on it before a sign-in there. ``is_shared``:
    others use this phone too, so nothing about cases is shown unasked; a PIN, once set, unlocks for some minutes."""

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("sender", "address_hash"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"), index=True)
    sender: Mapped[str] = mapped_column(String(80))
    address_hash: Mapped[str] = mapped_column(String(32))
    address: Mapped[str] = mapped_column(SealedText("accounts.address"))
    display_name: Mapped[str | None] = mapped_column(SealedText("accounts.display_name"))
    first_seen_at: Mapped[datetime] = mapped_column(Moment)
    last_seen_at: Mapped[datetime] = mapped_column(Moment)
    unreachable_since: Mapped[datetime | None] = mapped_column(Moment)
    is_signing_in: Mapped[bool] = mapped_column(default=False)
    second_factor_at: Mapped[datetime | None] = mapped_column(Moment)
    needs_sign_in: Mapped[bool] = mapped_column(default=False)
    is_shared: Mapped[bool] = mapped_column(default=False)
    pin_hash: Mapped[str | None] = mapped_column(String(64))
    unlocked_until: Mapped[datetime | None] = mapped_column(Moment)


class InboxState(StrEnum):
    """``received`` waits for its turn; the other two are final."""

    RECEIVED = "received"
    PROCESSED = "processed"
    SET_ASIDE = "set_aside"


class InboxEvent(Base):
    """One update of a platform, stored before it is acknowledged; unique, so a repeated one does nothing twice.
    ``file`` is what was sent along, where no platform keeps it for us; it is erased once the update is handled."""

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
    file: Mapped[bytes | None] = mapped_column(SealedBytes("inbox_events.file"), deferred=True)
    received_at: Mapped[datetime] = mapped_column(Moment)
    state: Mapped[InboxState] = mapped_column(states(InboxState))
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime] = mapped_column(Moment)
    error_code: Mapped[str | None] = mapped_column(String(16))
    finished_at: Mapped[datetime | None] = mapped_column(Moment)


class DeliveryState(StrEnum):
    """The closed set of states of an outgoing message. One of a bulletin is ``planned`` until its account has room for
    it, so that however many there are, they stand in nobody's way; ``cancelled`` when it was called off before."""

    PLANNED = "planned"
    DUE = "due"
    CLAIMED = "claimed"
    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


OPEN_DELIVERY_STATES = (DeliveryState.DUE, DeliveryState.CLAIMED)


class DeliveryKind(StrEnum):
    """Why a message is sent; the kind decides its priority and what a lost answer of the platform means."""

    REPLY = "reply"
    OPERATOR_ALERT = "operator_alert"
    CASE_ALERT = "case_alert"
    CASE_REPLY = "case_reply"
    GROUP_POST = "group_post"
    SIGN_IN = "sign_in"
    NOTICE = "notice"
    BULLETIN = "bulletin"


class Delivery(Base):
    """One message to one person: the outbox, and the ledger of what reached whom. A line of a bulletin names its
    sending (``run_id``), which holds the text, and the unit by which its person was chosen; the address is looked up
    when it is its turn."""

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
        Index(
            "ix_deliveries_expiring",
            "sender",
            "expires_at",
            sqlite_where=text("state = 'due'"),
            postgresql_where=text("state = 'due'"),
        ),
        Index(
            "ix_deliveries_planned",
            "sender",
            "run_id",
            "not_before_at",
            "id",
            sqlite_where=text("state = 'planned'"),
            postgresql_where=text("state = 'planned'"),
        ),
        Index(
            "ix_deliveries_run",
            "run_id",
            "state",
            "reason",
            sqlite_where=text("run_id IS NOT NULL"),
            postgresql_where=text("run_id IS NOT NULL"),
        ),
        Index(
            "ix_deliveries_paid",
            "sender",
            "finished_at",
            sqlite_where=text("reason = 'paid'"),
            postgresql_where=text("reason = 'paid'"),
        ),
        Index("ix_deliveries_recipient", "recipient", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[DeliveryKind] = mapped_column(states(DeliveryKind))
    subject: Mapped[str] = mapped_column(String(80))
    recipient: Mapped[str] = mapped_column(String(32))
    sender: Mapped[str] = mapped_column(String(80))
    address: Mapped[str | None] = mapped_column(SealedText("deliveries.address"))
    body: Mapped[Any | None] = mapped_column(SealedJson("deliveries.body"))
    priority: Mapped[int]
    state: Mapped[DeliveryState] = mapped_column(states(DeliveryState))
    reason: Mapped[str | None] = mapped_column(String(120))
    attempts: Mapped[int] = mapped_column(default=0)
    not_before_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)
    platform_message_id: Mapped[str | None] = mapped_column(String(80))
    run_id: Mapped[int | None] = mapped_column(Id)
    unit_id: Mapped[int | None] = mapped_column(Id)
