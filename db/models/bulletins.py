"""Bulletins: what an editor writes, each time it goes out, what people answer to it, and what an account may send."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Date, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, states
from db.types import Id, Moment


class BulletinKind(StrEnum):
    """What a bulletin is for. A correction goes to those who received what it corrects; a task asks officers whether it
    is done; an answer change goes to those who once got the old answer."""

    NEWS = "news"
    CORRECTION = "correction"
    TASK = "task"
    ANSWER_CHANGE = "answer_change"


class BulletinState(StrEnum):
    """Where a bulletin stands; the last two are final. A released one goes out at its time, or each time again."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RELEASED = "released"
    ENDED = "ended"
    DROPPED = "dropped"


class Bulletin(Base):
    """A bulletin of a unit: content, audience and timing as plain JSON (`handlers.bulletins.content`, `.audience`,
    `.timing`). A release binds to the hash of all three and of the files; whatever changes one of them empties it.
    ``next_at`` is when a released one goes out next. ``released_alone``: by its own editor, where the unit has nobody
    else and said so (`BulletinWaiver`)."""

    __tablename__ = "bulletins"
    __table_args__ = (
        Index("ix_bulletins_unit", "unit_id", "state", "id"),
        Index(
            "ix_bulletins_next",
            "next_at",
            sqlite_where=text("next_at IS NOT NULL"),
            postgresql_where=text("next_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    kind: Mapped[BulletinKind] = mapped_column(states(BulletinKind))
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    topic: Mapped[str] = mapped_column(String(40))
    content: Mapped[Any] = mapped_column(JSON)
    audience: Mapped[Any] = mapped_column(JSON)
    timing: Mapped[Any] = mapped_column(JSON)
    is_public: Mapped[bool] = mapped_column(default=False)
    state: Mapped[BulletinState] = mapped_column(states(BulletinState))
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(Moment)
    changed_at: Mapped[datetime] = mapped_column(Moment)
    submitted_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"))
    submitted_at: Mapped[datetime | None] = mapped_column(Moment)
    released_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"))
    released_at: Mapped[datetime | None] = mapped_column(Moment)
    released_hash: Mapped[str | None] = mapped_column(String(64))
    released_alone: Mapped[bool] = mapped_column(default=False)
    returned_because: Mapped[str | None] = mapped_column(Text)
    next_at: Mapped[datetime | None] = mapped_column(Moment)
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("bulletins.id"))


class BulletinEvent(Base):
    """Who did what to a bulletin, and when: the record of its edits, its release and its stops."""

    __tablename__ = "bulletin_events"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    bulletin_id: Mapped[int] = mapped_column(ForeignKey("bulletins.id", ondelete="CASCADE"), index=True)
    what: Mapped[str] = mapped_column(String(20))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"))
    at: Mapped[datetime] = mapped_column(Moment)
    details: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))


class BulletinWaiver(Base):
    """A unit with one officer lets bulletins go out without a second person: who said so, when, why, and until when."""

    __tablename__ = "bulletin_waivers"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"), index=True)
    given_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"))
    given_at: Mapped[datetime] = mapped_column(Moment)
    reason: Mapped[str] = mapped_column(Text)
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"))
    ended_at: Mapped[datetime | None] = mapped_column(Moment)


class BulletinFile(Base):
    """A picture or document of a bulletin, as our own code wrote it anew."""

    __tablename__ = "bulletin_files"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    bulletin_id: Mapped[int] = mapped_column(ForeignKey("bulletins.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    media_type: Mapped[str] = mapped_column(String(80))
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    size: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))


class UploadedFile(Base):
    """A file that a platform keeps for a bot account, so that it is handed over once and named from then on."""

    __tablename__ = "uploaded_files"

    sender: Mapped[str] = mapped_column(String(80), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    platform_id: Mapped[str] = mapped_column(String(300))
    uploaded_at: Mapped[datetime] = mapped_column(Moment)
    good_until: Mapped[datetime | None] = mapped_column(Moment)


class RunState(StrEnum):
    """Where one sending of a bulletin stands. While ``planning`` its ledger lines are being written; nothing goes out
    before all stand there. The last two are final."""

    PLANNING = "planning"
    SENDING = "sending"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


OPEN_RUN_STATES = (RunState.PLANNING, RunState.SENDING, RunState.PAUSED)


class BulletinRun(Base):
    """One time that a bulletin goes out: what it said and to whom, frozen. Its ledger lines name it and hold no text:
    that is ``body``, once for all. ``planned_to`` is the last person that planning has come to; ``reached`` counts the
    lines written, ``unreachable`` the people of the audience whom no channel reaches."""

    __tablename__ = "bulletin_runs"
    __table_args__ = (UniqueConstraint("bulletin_id", "due_at"), Index("ix_bulletin_runs_state", "state", "id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    bulletin_id: Mapped[int] = mapped_column(ForeignKey("bulletins.id"))
    due_at: Mapped[datetime] = mapped_column(Moment)
    state: Mapped[RunState] = mapped_column(states(RunState))
    is_paused: Mapped[bool] = mapped_column(default=False)
    body: Mapped[Any] = mapped_column(JSON)
    plan: Mapped[Any] = mapped_column(JSON)
    audience_on: Mapped[date] = mapped_column(Date)
    planned_to: Mapped[int] = mapped_column(default=0)
    reached: Mapped[int] = mapped_column(default=0)
    unreachable: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime] = mapped_column(Moment)
    planned_at: Mapped[datetime | None] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)


class BulletinResult(Base):
    """How a finished sending ended at one unit, kept when its ledger lines are erased. Never shown below k people."""

    __tablename__ = "bulletin_results"

    run_id: Mapped[int] = mapped_column(ForeignKey("bulletin_runs.id", ondelete="CASCADE"), primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"), primary_key=True)
    what: Mapped[str] = mapped_column(String(40), primary_key=True)
    amount: Mapped[int]


class BulletinAnswer(Base):
    """What somebody answered to a question of a bulletin (a poll, a quiz, whether they come, whether it is done).
    ``who`` is a keyed hash, so that one person counts once and may change their mind; the person is named only where
    the question said so: who comes, and which officer has done it."""

    __tablename__ = "bulletin_answers"
    __table_args__ = (UniqueConstraint("run_id", "block", "who"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("bulletin_runs.id", ondelete="CASCADE"))
    block: Mapped[int]
    who: Mapped[str] = mapped_column(String(32))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    choice: Mapped[int]
    answered_at: Mapped[datetime] = mapped_column(Moment)


class Shift(StrEnum):
    """When somebody works, as they told us, so that a bulletin does not wake them."""

    DAY = "day"
    NIGHT = "night"


class NewsPreference(Base):
    """When a person likes to be sent bulletins; without a row: by day."""

    __tablename__ = "news_preferences"

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    shift: Mapped[Shift] = mapped_column(states(Shift))


class TopicChoice(Base):
    """A topic of bulletins that a person wants, or (``is_wanted`` false) no longer; without a row they are sent it
    like everybody, and do not count as interested."""

    __tablename__ = "topic_choices"

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    topic: Mapped[str] = mapped_column(String(40), primary_key=True)
    is_wanted: Mapped[bool]


class AnswerTrace(Base):
    """That somebody who agreed to be told of changes got an answer of the FAQ: a keyed hash of both, which can be
    recomputed for an account one has, and read backwards by nobody."""

    __tablename__ = "answer_traces"

    trace: Mapped[str] = mapped_column(String(32), primary_key=True)
    last_on: Mapped[date] = mapped_column(Date, index=True)


class ChannelAccount(Base):
    """A bot account as the planner of bulletins knows it: the unit whose members it serves (none: everybody's), and its
    budget. Prices are in đồng for one message; nothing set means no limit or no price."""

    __tablename__ = "channel_accounts"

    sender: Mapped[str] = mapped_column(String(80), primary_key=True)
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    messages_per_month: Mapped[int | None]
    people: Mapped[int | None]
    per_person_per_month: Mapped[int | None]
    price_in_window: Mapped[int | None]
    price_outside_window: Mapped[int | None]
    articles_per_month: Mapped[int | None]
    dong_per_month: Mapped[int | None]
    source: Mapped[str | None] = mapped_column(Text)
    checked_on: Mapped[date | None] = mapped_column(Date)
