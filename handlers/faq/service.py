"""What is kept of questions and answers: feedback, and questions nobody could answer."""

from db.models import Verdict
from db.questions import add_feedback, add_unanswered
from handlers.faq.rules import scrub
from handlers.feature import Context


def record_feedback(context: Context, entry_id: str, verdict: Verdict, note: str | None = None) -> None:
    """Keep what the member said of an answer, with their question where it is still known."""
    question = context.conversation.last_question
    kept = scrub(question) if question else None
    add_feedback(context.session, entry_id, verdict, kept, context.now, scrub(note) if note else None)


def record_unanswered(context: Context, question: str, outcome: str) -> None:
    """Keep a question that found no clear answer, for the curators; it is not tied to who asked."""
    add_unanswered(context.session, scrub(question), outcome, context.now)
