"""Watches what platforms allow each bot account in a month: counts it, shows it, and warns the operator in time.

Received messages count as well: sources disagree whether the platform counts them, and running out early is worse than
a warning too soon.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy.orm import Session

from bot.metrics import MONTH_MESSAGES, PEOPLE
from db.channel_accounts import count_articles, count_paid, list_accounts
from db.models import ChannelAccount
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
class Month:
    """What an account has used this month, and the people it ever met."""

    received: int
    sent: int
    people: int
    articles: int
    dong: int

    @property
    def messages(self) -> int:
        """In both directions."""
        return self.received + self.sent


def watch_budgets(alert: Alert, session: Session, now: datetime) -> None:
    """Count what metered accounts carried, publish the figures, and warn where a mark is passed."""
    for account in filter(_is_limited, list_accounts(session)):
        if _is_counted(account):
            _count_days(session, account.sender, now)
        month = read_month(session, account, now)
        MONTH_MESSAGES.labels(account.sender, "received").set(month.received)
        MONTH_MESSAGES.labels(account.sender, "sent").set(month.sent)
        PEOPLE.labels(account.sender).set(month.people)
        _warn(alert, session, account, month, now)


def _count_days(session: Session, sender: str, now: datetime) -> None:
    today = now.astimezone(VIETNAM).date()
    for day in (today - timedelta(days=back) for back in range(_DAYS_COUNTED)):
        start = datetime.combine(day, time(), VIETNAM)
        count_day(session, sender, day, start, start + timedelta(days=1))


def _warn(alert: Alert, session: Session, account: ChannelAccount, month: Month, now: datetime) -> None:
    this_month = f"{now.astimezone(VIETNAM):%Y-%m}"
    watched = (
        ("messages", this_month, month.messages, account.messages_per_month),
        ("people", "people", month.people, account.people),
        ("articles", f"{this_month}:articles", month.articles, account.articles_per_month),
        ("dong", f"{this_month}:dong", month.dong, account.dong_per_month),
    )
    for what, subject, used, allowed in watched:
        for mark in WARN_AT:
            if allowed and used >= allowed * mark:
                text = t(f"operator.budget_{what}", sender=account.sender, used=used, allowed=allowed)
                alert(session, f"budget:{account.sender}:{subject}:{mark:.0%}", text)


def read_month(session: Session, account: ChannelAccount, now: datetime) -> Month:
    """What an account has used up so far this month; messages as counted last."""
    today = now.astimezone(VIETNAM).date()
    first = today.replace(day=1)
    since = datetime.combine(first, time(), VIETNAM)
    usage = get_usage(session, account.sender, first, today) if _is_counted(account) else Usage(0, 0, 0)
    articles = count_articles(session, account.sender, since) if account.articles_per_month else 0
    dong = count_paid(session, account.sender, since) * (account.price_outside_window or 0)
    return Month(usage.received, usage.sent, usage.people, articles, dong)


def show_budgets(session: Session, now: datetime) -> dict[str, dict[str, int]]:
    """The figures of accounts with a limit, for `/readyz`."""
    shown = {}
    for account in filter(_is_limited, list_accounts(session)):
        month = read_month(session, account, now)
        pairs = {
            "messages": (month.messages, account.messages_per_month),
            "people": (month.people, account.people),
            "articles": (month.articles, account.articles_per_month),
            "dong": (month.dong, account.dong_per_month),
        }
        figures: dict[str, int] = {}
        for name, (used, allowed) in pairs.items():
            if allowed:
                figures |= {name: used, f"{name}_allowed": allowed}
        shown[account.sender] = figures
    return shown


def _is_limited(account: ChannelAccount) -> bool:
    return _is_counted(account) or bool(account.articles_per_month or account.dong_per_month)


def _is_counted(account: ChannelAccount) -> bool:
    """Whether its messages and people are counted: not where nobody limits them, since there may be very many."""
    return account.messages_per_month is not None or account.people is not None
