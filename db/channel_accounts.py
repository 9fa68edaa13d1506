"""Statements on what each bot account may send in a month, and what it has used: numbers that the operator can change.

The used part is counted from the ledger: messages that cost money bear the reason `PAID`, an article is a line to the
account itself (`article_lane`).
"""

import hashlib
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from db.inbox import insert_ignoring_duplicates
from db.models import BulletinRun, ChannelAccount, Delivery, DeliveryKind, DeliveryState

PAID = "paid"
"""Stands with a message that was sent for money."""

_CHECKED_ON = date(2026, 11, 21)

_FREE: dict[str, Any] = {"price_in_window": 0, "price_outside_window": 0}

DEFAULTS: dict[str, dict[str, Any]] = {
    "zalo_bot": {
        **_FREE,
        "messages_per_month": 3000,
        "people": 50,
        "source": "docs/how-to/zalo-bot.md",
        "checked_on": _CHECKED_ON,
    },
    "zalo_oa": {
        "price_in_window": 0,
        "articles_per_month": 0,
        "dong_per_month": 0,
        "source": "docs/how-to/zalo-official-account.md",
        "checked_on": _CHECKED_ON,
    },
}
"""What an account begins with, by its channel: Zalo Bot's free plan; an Official Account that spends nothing and sends
no article, since what its package allows and costs stands on a page that is not public. Other channels cost nothing."""

_COUNTED = (DeliveryState.SENT, DeliveryState.UNKNOWN, DeliveryState.CLAIMED)
_OPEN = (DeliveryState.PLANNED, DeliveryState.DUE)


def add_account(session: Session, sender: str) -> None:
    """Write down the numbers an account begins with, unless it has some: the operator's are never overwritten."""
    if session.get(ChannelAccount, sender) is None:
        insert_ignoring_duplicates(session, ChannelAccount, [{"sender": sender, **_defaults_of(sender)}])


def list_accounts(session: Session) -> list[ChannelAccount]:
    """Every account there ever was a channel for."""
    return list(session.scalars(select(ChannelAccount).order_by(ChannelAccount.sender)))


def find_accounts(session: Session, senders: Collection[str]) -> dict[str, ChannelAccount]:
    """The numbers of some accounts; of one that has none yet, those it would begin with."""
    rows = session.scalars(select(ChannelAccount).where(ChannelAccount.sender.in_(senders)))
    found = {row.sender: row for row in rows}
    return {sender: found.get(sender) or ChannelAccount(sender=sender, **_defaults_of(sender)) for sender in senders}


def change_account(session: Session, sender: str, values: Mapping[str, Any]) -> ChannelAccount | None:
    """Give an account other numbers, or another unit; None for one that there is not."""
    account = session.get(ChannelAccount, sender)
    if account is not None:
        for name, value in values.items():
            setattr(account, name, value)
        session.flush()
    return account


def channel_of(sender: str) -> str:
    """The channel an account is on."""
    return sender.partition(":")[0]


def article_lane(sender: str) -> str:
    """The recipient of an account's articles: whoever follows it, so the account itself."""
    return hashlib.sha256(f"articles of {sender}".encode()).hexdigest()[:32]


def count_paid(session: Session, sender: str, since: datetime) -> int:
    """How many messages an account has sent for money since a moment."""
    paid = (Delivery.sender == sender, Delivery.reason == PAID, Delivery.finished_at >= since)
    return session.scalar(select(func.count()).select_from(Delivery).where(*paid)) or 0


def count_articles(session: Session, sender: str, since: datetime) -> int:
    """How many articles an account has sent since a moment, may have sent, or is about to send."""
    states = (*_COUNTED, *_OPEN)
    mine = (
        Delivery.recipient == article_lane(sender),
        Delivery.kind == DeliveryKind.BULLETIN,
        Delivery.state.in_(states),
        Delivery.created_at >= since,
    )
    return session.scalar(select(func.count()).select_from(Delivery).where(*mine)) or 0


def count_bulletins(session: Session, sender: str, since: datetime) -> list[tuple[int, int, int]]:
    """Lines of the bulletins that an account sends since a moment: for each sending, how many files it has, how many
    lines are sent, and how many may still be."""
    runs = select(BulletinRun.id, BulletinRun.plan).where(
        (BulletinRun.started_at >= since) | BulletinRun.finished_at.is_(None)
    )
    plans = {row[0]: row[1] for row in session.execute(runs)}
    is_sent = case((Delivery.state == DeliveryState.SENT, 1), else_=0)
    lines = select(Delivery.run_id, func.sum(is_sent), func.count()).where(
        Delivery.run_id.in_(plans), Delivery.sender == sender, Delivery.state.in_((*_COUNTED, *_OPEN))
    )
    counted = session.execute(lines.group_by(Delivery.run_id)).all() if plans else ()
    return [(len(plans[row[0]].get("files", ())), row[1], row[2] - row[1]) for row in counted]


def count_most_for_one(session: Session, sender: str, since: datetime) -> int:
    """How many bulletins since a moment went to the person on an account who got most of them."""
    runs = select(BulletinRun.id).where(BulletinRun.started_at >= since)
    each = select(func.count().label("count")).where(
        Delivery.run_id.in_(runs), Delivery.sender == sender, Delivery.state.in_((*_COUNTED, *_OPEN))
    )
    return session.scalar(select(func.max(each.group_by(Delivery.recipient).subquery().c.count))) or 0


def _defaults_of(sender: str) -> dict[str, Any]:
    return dict(DEFAULTS.get(channel_of(sender), _FREE))
