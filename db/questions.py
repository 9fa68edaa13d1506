"""Statements on what members said of answers and asked in vain; the text is scrubbed before it comes here."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.models import Feedback, UnansweredQuestion, Verdict

_BATCH = 1000
"""Rows held in memory at once by the lists: a year of questions is not small."""


def add_feedback(
    session: Session, entry_id: str, verdict: Verdict, question: str | None, now: datetime, note: str | None = None
) -> Feedback:
    """Keep what a member said of an answer."""
    feedback = Feedback(entry_id=entry_id, verdict=verdict, question=question, note=note, said_at=now)
    session.add(feedback)
    session.flush()
    return feedback


def add_unanswered(session: Session, question: str, outcome: str, now: datetime) -> None:
    """Keep a question that found no clear answer."""
    session.add(UnansweredQuestion(question=question, outcome=outcome, asked_at=now))


def list_unanswered(session: Session) -> Iterator[UnansweredQuestion]:
    """The questions that found no clear answer, oldest first; read while the transaction is open."""
    rows = select(UnansweredQuestion).order_by(UnansweredQuestion.asked_at, UnansweredQuestion.id)
    return iter(session.scalars(rows.execution_options(yield_per=_BATCH)))


def list_unanswered_between(session: Session, since: datetime, until: datetime, limit: int) -> list[UnansweredQuestion]:
    """The questions that found no clear answer from a moment up to another one, the newest first."""
    rows = select(UnansweredQuestion).where(UnansweredQuestion.asked_at >= since, UnansweredQuestion.asked_at < until)
    newest = rows.order_by(UnansweredQuestion.asked_at.desc(), UnansweredQuestion.id.desc())
    return list(session.scalars(newest.limit(limit)))


def list_feedback(session: Session) -> Iterator[Feedback]:
    """What members said of answers, oldest first; read while the transaction is open."""
    rows = select(Feedback).order_by(Feedback.said_at, Feedback.id)
    return iter(session.scalars(rows.execution_options(yield_per=_BATCH)))


def forget_feedback(session: Session, before: datetime) -> int:
    """Erase what was said before a moment; returns how many rows."""
    return session.execute(delete(Feedback).where(Feedback.said_at < before)).rowcount  # type: ignore[attr-defined,no-any-return]  # row count


def forget_unanswered(session: Session, before: datetime) -> int:
    """Erase questions asked before a moment; returns how many rows."""
    return session.execute(delete(UnansweredQuestion).where(UnansweredQuestion.asked_at < before)).rowcount  # type: ignore[attr-defined,no-any-return]  # row count
