"""Statements on the article of a bulletin: a ledger line to the account itself, and the lines of those it reaches.

The line stands beside the sending, not in it (its ``run_id`` is empty), so that no sender takes it for a message to a
person. It is planned while the article is prepared, claimed while it is broadcast, and then final.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.bulletin_runs import ARTICLE, WINDOW
from db.channel_accounts import article_lane
from db.deliveries import FAR_OFF, PRIORITIES, read_message
from db.inbox import insert_ignoring_duplicates
from db.models import BulletinRun, Delivery, DeliveryKind, DeliveryState, RunState, ZaloFollower
from db.zalo_oa import FREE_FOR

_PREFIX = "article:"
_FINAL = (DeliveryState.SENT, DeliveryState.UNKNOWN, DeliveryState.FAILED)


@dataclass(frozen=True)
class Step:
    """Where an article stands: nothing done yet, created (``token``), or ready (``article_id``)."""

    line_id: int
    run_id: int
    token: str | None = None
    article_id: str | None = None
    may_disturb: bool = False


def add_article(session: Session, sender: str, now: datetime) -> None:
    """Write the line of every article that a sending which is going out has on this account."""
    running = select(BulletinRun).where(BulletinRun.state == RunState.SENDING, BulletinRun.expires_at > now)
    rows: list[dict[str, object]] = [
        {
            "kind": DeliveryKind.BULLETIN,
            "subject": f"{_PREFIX}{run.id}",
            "recipient": article_lane(sender),
            "sender": sender,
            "priority": PRIORITIES[DeliveryKind.BULLETIN],
            "state": DeliveryState.PLANNED,
            "attempts": 0,
            "not_before_at": run.due_at,
            "expires_at": run.expires_at,
            "created_at": now,
        }
        for run in session.scalars(running)
        if sender in run.plan.get("articles", ())
    ]
    if rows:
        insert_ignoring_duplicates(session, Delivery, rows)


def end_articles(session: Session, sender: str, now: datetime) -> None:
    """Give the articles their end that were called off, or not broadcast in time."""
    mine = (Delivery.recipient == article_lane(sender), Delivery.state == DeliveryState.PLANNED)
    for line in session.scalars(select(Delivery).where(*mine)).all():
        run = session.get(BulletinRun, _run_of(line))
        if run is None or run.state is RunState.CANCELLED:
            line.state, line.finished_at, line.body = DeliveryState.CANCELLED, now, None
        elif line.expires_at <= now or run.state is RunState.DONE:
            line.state, line.finished_at, line.body = DeliveryState.EXPIRED, now, None


def find_due_article(session: Session, sender: str, now: datetime) -> Step | None:
    """The next article for which something can be done now; None when there is none."""
    mine = select(Delivery).where(
        Delivery.recipient == article_lane(sender),
        Delivery.state == DeliveryState.PLANNED,
        Delivery.not_before_at <= now,
        Delivery.expires_at > now,
    )
    for line in session.scalars(mine.order_by(Delivery.not_before_at, Delivery.id)):
        run_id = _run_of(line)
        run = session.get(BulletinRun, run_id)
        if run is not None and run.state is RunState.SENDING:
            body = line.body or {}
            return Step(line.id, run_id, body.get("token"), body.get("article_id"), bool(run.plan.get("may_disturb")))
    return None


def claim_article(session: Session, line_id: int, now: datetime) -> bool:
    """Take an article to broadcast it, as long as its sending goes on. False when it was called off or held back."""
    line = session.get(Delivery, line_id, with_for_update=True, populate_existing=True)
    if line is None or line.state is not DeliveryState.PLANNED:
        return False
    run = session.get(BulletinRun, _run_of(line), with_for_update=True, populate_existing=True)
    if run is None or run.state is not RunState.SENDING or run.expires_at <= now:
        return False
    line.state, line.attempts, line.reason = DeliveryState.CLAIMED, line.attempts + 1, None
    return True


def note_step(
    session: Session,
    line_id: int,
    state: DeliveryState,
    reason: str | None,
    at: datetime,
    sent_id: str | None = None,
    body: dict[str, Any] | None = None,
) -> None:
    """Write down how a step of an article ended; ``at`` is when it is final, or when the next one is due."""
    line = session.get_one(Delivery, line_id)
    line.state, line.reason = state, reason
    if body is not None:
        line.body = body
    if state is DeliveryState.PLANNED:
        line.not_before_at = at
    else:
        line.finished_at, line.platform_message_id, line.body = at, sent_id, None


def read_article_bulletin(session: Session, run_id: int) -> Any:
    """What the bulletin of a sending says, with its files."""
    return read_message(session, run_id)


def follow_article(session: Session, sender: str, now: datetime, limit: int) -> bool:
    """Let the lines of the people whom an article was to reach follow it: sent or unknown like the article; and where
    it failed, sent to each of them in the free window, the others once they write.
    True when there was something to do."""
    waiting = (
        Delivery.sender == sender,
        Delivery.state == DeliveryState.PLANNED,
        Delivery.reason == ARTICLE,
        Delivery.run_id.is_not(None),
    )
    for run_id in session.scalars(select(Delivery.run_id).where(*waiting).distinct()).all():
        article = session.scalars(
            select(Delivery).where(Delivery.recipient == article_lane(sender), Delivery.subject == f"{_PREFIX}{run_id}")
        ).first()
        if article is None or article.state not in _FINAL:
            continue
        some = select(Delivery.id).where(*waiting, Delivery.run_id == run_id).limit(limit)
        mine = update(Delivery).where(Delivery.id.in_(some))
        if article.state is DeliveryState.FAILED:
            _send_to_each(session, sender, list(session.scalars(some)), now)
        else:
            values = {"state": article.state, "finished_at": article.finished_at or now}
            session.execute(mine.values(values), execution_options={"synchronize_session": False})
        return True
    return False


def _send_to_each(session: Session, sender: str, lines: list[int], now: datetime) -> None:
    is_free = (
        select(ZaloFollower.id)
        .where(
            ZaloFollower.sender == sender,
            ZaloFollower.address_hash == Delivery.recipient,
            ZaloFollower.interacted_at >= now - FREE_FOR,
        )
        .exists()
    )
    how = {"synchronize_session": False}
    mine = update(Delivery).where(Delivery.id.in_(lines))
    session.execute(mine.where(is_free).values(reason=None, not_before_at=now), execution_options=how)
    rest = mine.where(Delivery.reason == ARTICLE).values(reason=WINDOW, not_before_at=now + FAR_OFF)
    session.execute(rest, execution_options=how)


def _run_of(line: Delivery) -> int:
    return int(line.subject.removeprefix(_PREFIX))
