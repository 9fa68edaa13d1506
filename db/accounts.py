"""Statements on accounts: one person on one channel."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from db.case_erasing import untie_cases
from db.erased import note_erasure
from db.keys import Keys
from db.models import Account, Consent, Delivery, InboxEvent
from db.no_union import forget_interests_of
from db.session import lock_lane

_AT_ONCE = 5000
_SEEN_EVERY = timedelta(hours=1)
"""How exactly we know when somebody was last here: a row need not be written for every message."""


def lane_of(keys: Keys, sender: str, address: str) -> str:
    """The keyed hash that names a person on a channel, wherever their address must not stand in clear."""
    return keys.hash("lane", sender, address)


_BY_LANE = select(Account).where(
    Account.sender == bindparam("of_sender"), Account.address_hash == bindparam("lane")
)  # asked for several times in every turn, so it is made once


def find_account(session: Session, sender: str, address_hash: str) -> Account | None:
    """The account behind a lane, or None for somebody who never wrote."""
    return session.scalars(_BY_LANE, {"of_sender": sender, "lane": address_hash}).first()


def meet_account(
    session: Session, sender: str, lane: str, address: str, name: str | None, now: datetime
) -> tuple[Account, bool]:
    """The account of somebody who just wrote, made on their first message; the flag says whether it is new."""
    account = find_account(session, sender, lane)
    if account is not None:
        if now - account.last_seen_at > _SEEN_EVERY:
            account.last_seen_at = now
        if account.unreachable_since is not None:  # an assignment alone would make the session look for what to write
            account.unreachable_since = None
        if name and name != account.display_name:
            account.display_name = name
        return account, False
    account = Account(
        sender=sender, address_hash=lane, address=address, display_name=name, first_seen_at=now, last_seen_at=now
    )
    session.add(account)
    session.flush()
    return account, True


def mark_unreachable(session: Session, sender: str, lane: str, now: datetime) -> None:
    """The person blocked the bot or left; nothing is sent to them until they write again."""
    account = find_account(session, sender, lane)
    if account is not None and account.unreachable_since is None:
        account.unreachable_since = now


def move_account(session: Session, sender: str, lane: str, new_lane: str, address: str) -> None:
    """Give an account a new address; what was said on it, in both directions, follows. Ends its signing in."""
    lock_lane(session, lane)
    account = find_account(session, sender, lane)
    if account is None:
        return
    account.address_hash, account.address, account.is_signing_in = new_lane, address, False
    session.execute(update(InboxEvent).where(InboxEvent.lane == lane).values(lane=new_lane))
    sent = update(Delivery).where(Delivery.recipient == lane)
    session.execute(sent.values(recipient=new_lane, address=address))


def forget_account(session: Session, account: Account) -> None:
    """Erase an account with its conversation, the consents that are nobody else's, and what was told on
    it in confidence."""
    note_erasure(session, account)
    untie_cases(session, [account])
    forget_interests_of(session, {account.id})
    session.execute(delete(Consent).where(Consent.account_id == account.id, Consent.person_id.is_(None)))
    session.execute(delete(Account).where(Account.id == account.id))


def forget_unseen_accounts(session: Session, before: datetime) -> int:
    """Erase accounts that are nobody's and were not seen since a moment; returns how many."""
    unseen = list(session.scalars(select(Account.id).where(Account.person_id.is_(None), Account.last_seen_at < before)))
    forget_interests_of(session, set(unseen))
    for start in range(0, len(unseen), _AT_ONCE):
        some = unseen[start : start + _AT_ONCE]
        untie_cases(session, session.scalars(select(Account).where(Account.id.in_(some))))
        session.execute(delete(Consent).where(Consent.account_id.in_(some), Consent.person_id.is_(None)))
        session.execute(delete(Account).where(Account.id.in_(some)))
    return len(unseen)
