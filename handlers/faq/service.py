"""What is kept of questions and answers: feedback, questions nobody could answer, wishes for an officer."""

from db.accounts import add_officer_request
from db.models import OfficerRequest, Verdict
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


def record_officer_request(
    context: Context, entry_id: str | None, question: str | None, note: str | None
) -> OfficerRequest:
    """Keep the wish to be answered by an officer. The words stay as typed: the officer needs them."""
    return add_officer_request(context.session, context.account.id, entry_id, question, note, context.now)
