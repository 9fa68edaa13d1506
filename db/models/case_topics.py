"""Groups of officers that hear of their unit's cases, and the topic of each case there: nothing of what was told."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, states
from db.types import Id, Moment, SealedText

_IS_TIED = text("tied_at IS NOT NULL AND ended_at IS NULL")


class WhyUntied(StrEnum):
    """Why a group hears of a unit's cases no longer. ``removed``: the bot is not in it any more; ``unit_closed``: the
    unit is gone."""

    UNTIED = "untied"
    REPLACED = "replaced"
    REMOVED = "removed"
    UNIT_CLOSED = "unit_closed"


class OfficerGroup(Base):
    """A group on a platform in which the officers of a unit hear of its cases. It is asked for with a one-time code,
    ``lane`` and ``address`` are known once the code was typed in it, and it is tied when whoever asked confirms that.
    ``silent_until``: it took nothing, and is tried again then; ``moved_at``: it got another address, and nobody was
    told yet."""

    __tablename__ = "officer_groups"
    __table_args__ = (
        Index("ix_officer_groups_tied_unit", "unit_id", unique=True, sqlite_where=_IS_TIED, postgresql_where=_IS_TIED),
        Index("ix_officer_groups_tied_lane", "lane", unique=True, sqlite_where=_IS_TIED, postgresql_where=_IS_TIED),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    sender: Mapped[str] = mapped_column(String(80))
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"), index=True)
    code_hash: Mapped[str | None] = mapped_column(String(32), unique=True)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    lane: Mapped[str | None] = mapped_column(String(32))
    address: Mapped[str | None] = mapped_column(SealedText("officer_groups.address"))
    title: Mapped[str | None] = mapped_column(SealedText("officer_groups.title"))
    tied_at: Mapped[datetime | None] = mapped_column(Moment)
    silent_until: Mapped[datetime | None] = mapped_column(Moment)
    moved_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    why_ended: Mapped[WhyUntied | None] = mapped_column(states(WhyUntied))


class TopicAct(StrEnum):
    """What a line of the ledger does with a topic. ``close``: the last message, after which nobody need look there;
    ``remove``: it goes with all that stands in it."""

    OPEN = "open"
    POST = "post"
    CLOSE = "close"
    REMOVE = "remove"


class CaseTopic(Base):
    """The topic of a case in a group. ``number`` is the platform's; empty before it is opened, and when it was deleted
    there. ``doing`` is what the ledger line with the subject ``line`` does, until its outcome is seen;
    ``told_number`` is the line of the history up to which the group was told, ``face`` how the case stood then."""

    __tablename__ = "case_topics"
    __table_args__ = (UniqueConstraint("case_id", "group_id"), Index("ix_case_topics_group", "group_id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"))
    group_id: Mapped[int] = mapped_column(ForeignKey("officer_groups.id", ondelete="CASCADE"))
    number: Mapped[int | None] = mapped_column(BigInteger)
    line: Mapped[str | None] = mapped_column(String(40))
    doing: Mapped[TopicAct | None] = mapped_column(states(TopicAct))
    told_number: Mapped[int] = mapped_column(default=0)
    face: Mapped[str] = mapped_column(String(120), default="")
    closed_at: Mapped[datetime | None] = mapped_column(Moment)
