"""Statements on who of an audience gets a bulletin on which bot account, and whom an article would reach besides."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from db.audiences import Audience
from db.bulletin_runs import Means, choose_accounts
from db.models import Account, Consent, Delivery, DeliveryState, Membership, TopicChoice, ZaloFollower
from db.news_choices import NEWS, NEWS_VERSION
from db.units import list_ancestors, select_subtree
from db.zalo_oa import FREE_FOR

_EVERYBODY = (0, 2**62)


@dataclass(frozen=True)
class Part:
    """How many people get it on an account, for one reason they may wait for (`db.bulletin_runs`); ``is_paid``: the
    free time of their window is over."""

    sender: str
    reason: str | None
    is_paid: bool
    count: int


def count_parts(session: Session, people: Select[int, int], means: Means, now: datetime) -> list[Part]:
    """The people of an audience by account, chosen as the sending would choose."""
    chosen = choose_accounts(people, means, _EVERYBODY, now)
    is_paid = case((ZaloFollower.interacted_at < now - FREE_FOR, 1), else_=0)
    its = and_(ZaloFollower.sender == chosen.c.sender, ZaloFollower.address_hash == chosen.c.address_hash)
    query = select(chosen.c.sender, chosen.c.reason, is_paid, func.count()).outerjoin(ZaloFollower, its)
    rows = session.execute(query.group_by(chosen.c.sender, chosen.c.reason, is_paid))
    return [Part(row[0], row[1], bool(row[2]), row[3]) for row in rows]


def count_receivers(session: Session, runs: Sequence[int]) -> dict[str, int]:
    """Who received earlier sendings, or may have, by account: those a correction goes to."""
    states = (DeliveryState.SENT, DeliveryState.UNKNOWN, DeliveryState.CLAIMED)
    lines = select(Delivery.sender, func.count(func.distinct(Delivery.recipient)))
    rows = session.execute(lines.where(Delivery.run_id.in_(runs), Delivery.state.in_(states)).group_by(Delivery.sender))
    return {row[0]: row[1] for row in rows}


def list_whole(session: Session, audience: Audience, unit_ids: Collection[int], on: date) -> set[int]:
    """Which of some units are in an audience with everybody below them."""
    if not unit_ids or audience != Audience(units=audience.units, without=audience.without):
        return set()
    inside = set(session.scalars(select_subtree(audience.units, on)))
    without = set(session.scalars(select_subtree(audience.without, on))) if audience.without else set()
    whole = set()
    for unit_id in set(unit_ids) & inside:
        if not without or without.isdisjoint(session.scalars(select_subtree([unit_id], on))):
            whole.add(unit_id)
    return whole


def list_in_line(session: Session, unit_id: int, others: Collection[int], on: date) -> set[int]:
    """Which of some units are a unit itself, below it, or above it."""
    below = set(session.scalars(select_subtree([unit_id], on)))
    above = {period.unit_id for period in list_ancestors(session, unit_id, on)}
    return (below | above) & set(others)


def list_needing(session: Session, senders: Collection[str], now: datetime) -> set[str]:
    """Which accounts are followed by somebody who cannot be written to for nothing."""
    late = or_(ZaloFollower.interacted_at.is_(None), ZaloFollower.interacted_at < now - FREE_FOR)
    query = select(ZaloFollower.sender).where(ZaloFollower.sender.in_(senders), ZaloFollower.is_following, late)
    return set(session.scalars(query.distinct()))


def count_outside(session: Session, senders: Collection[str], people: Select[int, int]) -> dict[str, int]:
    """How many follow each account who are not of an audience, strangers included."""
    chosen = people.subquery("audience")
    query = _followers(senders).outerjoin(chosen, chosen.c.person_id == Account.person_id)
    return _by_sender(session, query.where(chosen.c.person_id.is_(None)))


def count_refusing(session: Session, senders: Collection[str], topic: str, on: date) -> dict[str, int]:
    """How many follow each account who refused a topic, or who are members and have not agreed to news."""
    refused = exists().where(
        TopicChoice.person_id == Account.person_id, TopicChoice.topic == topic, TopicChoice.is_wanted.is_(False)
    )
    belongs = exists().where(
        Membership.person_id == Account.person_id,
        Membership.since_on <= on,
        or_(Membership.until_on.is_(None), Membership.until_on >= on),
    )
    news = (Consent.person_id == Account.person_id, Consent.purpose == NEWS)
    agreed = exists().where(*news, Consent.version >= NEWS_VERSION, Consent.withdrawn_at.is_(None))
    withdrew = exists().where(*news, Consent.withdrawn_at.is_not(None))
    return _by_sender(session, _followers(senders).where(or_(refused, and_(or_(belongs, withdrew), ~agreed))))


def list_doubles(session: Session, senders: Collection[str]) -> set[tuple[str, str]]:
    """Pairs of accounts that somebody follows both of: two articles would reach them twice."""
    one, other = aliased(Account), aliased(Account)
    first, second = aliased(ZaloFollower), aliased(ZaloFollower)
    pairs = (
        select(one.sender, other.sender)
        .join(other, and_(other.person_id == one.person_id, other.sender > one.sender))
        .join(first, and_(first.sender == one.sender, first.address_hash == one.address_hash, first.is_following))
        .join(second, and_(second.sender == other.sender, second.address_hash == other.address_hash))
        .where(one.sender.in_(senders), other.sender.in_(senders), second.is_following)
    )
    return {(row[0], row[1]) for row in session.execute(pairs.distinct())}


def _followers(senders: Collection[str]) -> Any:
    its = and_(Account.sender == ZaloFollower.sender, Account.address_hash == ZaloFollower.address_hash)
    query = select(ZaloFollower.sender, func.count()).outerjoin(Account, its)
    return query.where(ZaloFollower.sender.in_(senders), ZaloFollower.is_following).group_by(ZaloFollower.sender)


def _by_sender(session: Session, query: Any) -> dict[str, int]:
    return {row[0]: row[1] for row in session.execute(query)}
