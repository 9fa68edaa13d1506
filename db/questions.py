"""Statements on what members said of answers and asked in vain; the text is scrubbed before it comes here."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from db.models import Feedback, UnansweredQuestion, Verdict


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


def forget_feedback(session: Session, before: datetime) -> int:
    """Erase what was said before a moment; returns how many rows."""
    return session.execute(delete(Feedback).where(Feedback.said_at < before)).rowcount  # type: ignore[attr-defined,no-any-return]  # row count


def forget_unanswered(session: Session, before: datetime) -> int:
    """Erase questions asked before a moment; returns how many rows."""
    return session.execute(delete(UnansweredQuestion).where(UnansweredQuestion.asked_at < before)).rowcount  # type: ignore[attr-defined,no-any-return]  # row count
