"""How long each kind of data is kept, and the daily job that erases what is older."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from db.accounts import forget_unseen_accounts
from db.answer_traces import forget_traces
from db.bulletin_results import condense_some, forget_lines
from db.case_erasing import forget_case_drafts, forget_finished_cases
from db.case_figures import forget_hot_spots
from db.case_topics import forget_groups
from db.conversations import forget_drafts
from db.deliveries import forget_bodies, forget_deliveries, forget_notices
from db.deployment import add_erasure
from db.inbox import forget_events
from db.leaving import FORMER_DAYS, REFUSED_DAYS, forget_former_members, forget_refused_applications
from db.merges import UNDO_WITHIN, forget_merged
from db.no_union import forget_interests
from db.officers import forget_codes, forget_tries
from db.privacy import forget_reads, forget_requests
from db.questions import forget_feedback, forget_unanswered
from db.zalo_oa import forget_past_followers, forget_receipts
from handlers.consents import RECALL_DAYS


@dataclass(frozen=True)
class Period:
    """A kind of data, for how many days it is kept, and the function that erases what is older."""

    kind: str
    days: int
    forget: Callable[[Session, datetime], int]


BULLETIN_LINES_DAYS = 60
"""Long enough to correct a bulletin and to see what became of it; after that only figures are kept."""

PERIODS = (
    Period("inbox_events", 7, forget_events),
    Period("delivery_texts", 7, forget_bodies),
    Period("delivery_lines", 90, forget_deliveries),
    Period("open_drafts", 30, forget_drafts),
    Period("unanswered_questions", 365, forget_unanswered),
    Period("feedback", 730, forget_feedback),
    Period("merged_people", UNDO_WITHIN.days, forget_merged),
    Period("no_union_interests", 365, forget_interests),
    Period("refused_applications", REFUSED_DAYS, forget_refused_applications),
    Period("former_members", FORMER_DAYS, forget_former_members),
    Period("sign_in_codes", 30, forget_codes),
    Period("throttles", 2, forget_tries),
    Period("personal_reads", 730, forget_reads),
    Period("data_requests", 730, forget_requests),
    Period("case_drafts", 7, forget_case_drafts),
    Period("finished_cases", 730, forget_finished_cases),
    Period("hot_spots", 180, forget_hot_spots),
    Period("officer_groups", 30, forget_groups),
    Period("unseen_accounts", 730, forget_unseen_accounts),
    Period("notice_lines", 180, forget_notices),
    Period("bulletin_lines", BULLETIN_LINES_DAYS, forget_lines),
    Period("answer_traces", RECALL_DAYS, forget_traces),
    Period("zalo_oa_receipts", 90, forget_receipts),
    Period("zalo_oa_followers", 90, forget_past_followers),
)
"""Raw messages live a week: long enough to survive an outage, short enough to hold little. What was told in confidence
is erased like the rest, but its number is not recorded (`db.no_union.forget_interests`).
A finished case lives two years: a labour dispute goes to court within one (Labour Code Article 190), and the figures of
last year are compared with this year's."""


def apply_retention(session: Session, now: datetime) -> None:
    """Erase what is older than its period and record how many rows of each kind were erased."""
    for period in PERIODS:
        erased = period.forget(session, now - timedelta(days=period.days))
        if erased:
            add_erasure(session, period.kind, erased, now.date())


def condense_bulletins(session: Session, now: datetime) -> bool:
    """Do a piece of what ``bulletin_lines`` does, so that hundreds of thousands of lines keep nobody from writing for
    long; True while there is more."""
    return condense_some(session, now - timedelta(days=BULLETIN_LINES_DAYS))
