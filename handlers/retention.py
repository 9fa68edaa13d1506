"""How long each kind of data is kept, and the daily job that erases what is older."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from db.conversations import forget_drafts
from db.deliveries import forget_bodies, forget_deliveries
from db.deployment import add_erasure
from db.inbox import forget_events
from db.no_union import forget_interests
from db.questions import forget_feedback, forget_unanswered
from db.zalo_oa import forget_past_followers, forget_receipts


@dataclass(frozen=True)
class Period:
    """A kind of data, for how many days it is kept, and the function that erases what is older."""

    kind: str
    days: int
    forget: Callable[[Session, datetime], int]


PERIODS = (
    Period("inbox_events", 7, forget_events),
    Period("delivery_texts", 7, forget_bodies),
    Period("delivery_lines", 90, forget_deliveries),
    Period("open_drafts", 30, forget_drafts),
    Period("unanswered_questions", 365, forget_unanswered),
    Period("feedback", 730, forget_feedback),
    Period("no_union_interests", 365, forget_interests),
    Period("zalo_oa_receipts", 90, forget_receipts),
    Period("zalo_oa_followers", 90, forget_past_followers),
)
"""Raw messages live a week: long enough to survive an outage, short enough to hold little. Wishes for an officer are
kept until the person erases them or the officers' desk closes them."""


def apply_retention(session: Session, now: datetime) -> None:
    """Erase what is older than its period and record how many rows of each kind were erased."""
    for period in PERIODS:
        erased = period.forget(session, now - timedelta(days=period.days))
        if erased:
            add_erasure(session, period.kind, erased, now.date())
