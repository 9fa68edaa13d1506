"""Where people stand in a talk, and what curators and officers learn from talks."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, states
from db.types import Id, Moment, SealedJson, SealedText


class Conversation(Base):
    """Where a person stands in a talk: the open step and its draft, what waits meanwhile, the buttons last offered, the
    last question."""

    __tablename__ = "conversations"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    feature: Mapped[str | None] = mapped_column(String(40))
    step: Mapped[str | None] = mapped_column(String(40))
    version: Mapped[int] = mapped_column(default=0)
    draft: Mapped[Any | None] = mapped_column(SealedJson("conversations.draft"))
    held: Mapped[Any | None] = mapped_column(SealedJson("conversations.held"))
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
    verdict: Mapped[Verdict] = mapped_column(states(Verdict))
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
