"""What people ask after a bulletin, shown to its editor: how many, by the FAQ's own words, and nobody's own.

Of those who got the bulletin it is counted, for two days, which answers they were given; how many people, never who.
Of questions without an answer only their words are kept, of everybody's, tied to nobody: they are grouped by likeness,
and a group is shown by its size and the answer that comes nearest.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from db.bulletin_answers import list_received_since
from db.bulletin_asked import count_asked, count_question, forget_marks
from db.models import BulletinRun
from db.questions import list_unanswered_between
from handlers.actions import GiveFeedback, Opinion
from handlers.chat import Reply
from handlers.crowds import band_of
from handlers.feature import VIETNAM, Context
from knowledge.answer import Outcome
from knowledge.groups import Group, group_questions
from knowledge.heard import Unanswered
from knowledge.texts import t

COUNTED_FOR = timedelta(hours=48)
_COMPARED = 300
"""Questions that are grouped at most, the newest: a second of work, while an editor waits."""

_SHOWN = 8


def entries_in(replies: Sequence[Reply]) -> list[str]:
    """The entries of the FAQ that some replies answer with: each asks whether it helped."""
    actions = (button.action for reply in replies for button in reply.buttons)
    said = (action for action in actions if isinstance(action, GiveFeedback) and action.opinion is Opinion.HELPFUL)
    return list(dict.fromkeys(action.entry_id for action in said))


def count_what_was_asked(context: Context, replies: Sequence[Reply]) -> None:
    """Count an answer for the bulletins that its reader got within the last two days."""
    entries = entries_in(replies)
    if not entries:
        return
    for run_id in list_received_since(context.session, context.account, context.now - COUNTED_FOR):
        for entry_id in entries:
            count_question(context.session, run_id, entry_id, context.account, context.now)


def forget_counted(session: Session, now: datetime) -> None:
    """Erase who was counted, once counting is over."""
    forget_marks(session, now - COUNTED_FOR)


def describe_asked(context: Context, run: BulletinRun) -> str:
    """What was asked within two days, in groups of no fewer than k."""
    k, answerer = context.union.k_anonymity, context.answerer
    counts = count_asked(context.session, run.id, answerer.parts.library.entries)
    often = sorted(((count, entry_id) for entry_id, count in counts.items() if count >= k), reverse=True)[:_SHOWN]
    answered = [
        t("bulletin_asked.line", count=band_of(count, k), question=answerer.question_of(entry_id))
        for count, entry_id in often
    ]
    asked = [
        Unanswered(row.question, Outcome(row.outcome), row.asked_at.astimezone(VIETNAM).date())
        for row in list_unanswered_between(context.session, run.started_at, run.started_at + COUNTED_FOR, _COMPARED)
    ]
    groups = [group for group in group_questions(asked, answerer, context.today) if len(group.asked) >= k][:_SHOWN]
    none = [t("bulletin_asked.none", count=k)]
    return "\n".join(
        (
            t("bulletin_asked.title"),
            "",
            t("bulletin_asked.answered"),
            *(answered or none),
            "",
            t("bulletin_asked.unanswered"),
            *([_describe_group(context, group) for group in groups] or none),
            "",
            t("bulletin_asked.note", count=k),
        )
    )


def _describe_group(context: Context, group: Group) -> str:
    count = band_of(len(group.asked), context.union.k_anonymity)
    if group.nearest is None:
        return t("bulletin_asked.group_far", count=count)
    return t("bulletin_asked.group", count=count, question=context.answerer.question_of(group.nearest))
