"""Watches what a platform allows a bot account in a month: counts it, shows it, and warns the operator in time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from bot.metrics import MONTH_MESSAGES, PEOPLE
from db.usage import Usage, count_day, get_usage
from handlers.feature import VIETNAM
from knowledge.texts import t

WARN_AT = (0.8, 1.0)
"""The operator hears when four fifths are used up, and when everything is."""

_DAYS_COUNTED = 6
"""Days counted anew each time, so that an evening before a long stop is counted too; the inbox keeps seven."""

Alert = Callable[[Session, str, str], None]
"""Tells the operator, once for each subject."""


@dataclass(frozen=True)
class Budget:
    """What a platform allows one bot account. Received messages count as well: sources disagree whether the platform
    counts them, and running out early is worse than a warning too soon."""

    sender: str
    messages_per_month: int
    people: int


def watch_budget(budget: Budget, alert: Alert, session: Session, now: datetime) -> None:
    """Count, publish the figures, and warn where a mark is passed."""
    today = now.astimezone(VIETNAM).date()
    for day in (today - timedelta(days=back) for back in range(_DAYS_COUNTED)):
        count_day(session, budget.sender, day, _start_of(day), _start_of(day + timedelta(days=1)))
    usage = month_usage(session, budget.sender, today)
    messages = usage.received + usage.sent
    MONTH_MESSAGES.labels(budget.sender, "received").set(usage.received)
    MONTH_MESSAGES.labels(budget.sender, "sent").set(usage.sent)
    PEOPLE.labels(budget.sender).set(usage.people)
    for mark in WARN_AT:
        if messages >= budget.messages_per_month * mark:
            text = t("operator.budget_messages", sender=budget.sender, used=messages, allowed=budget.messages_per_month)
            alert(session, f"budget:{budget.sender}:{today:%Y-%m}:{mark:.0%}", text)
        if usage.people >= budget.people * mark:
            text = t("operator.budget_people", sender=budget.sender, used=usage.people, allowed=budget.people)
            alert(session, f"budget:{budget.sender}:people:{mark:.0%}", text)


def month_usage(session: Session, sender: str, today: date) -> Usage:
    """What this month has used up so far, as counted last."""
    return get_usage(session, sender, today.replace(day=1), today)


def show_budget(budget: Budget, usage: Usage) -> dict[str, int]:
    """The figures for `/readyz`."""
    return {
        "messages": usage.received + usage.sent,
        "messages_allowed": budget.messages_per_month,
        "people": usage.people,
        "people_allowed": budget.people,
    }


def _start_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=VIETNAM)
