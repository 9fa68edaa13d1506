"""What people agree to before personal data is used: purposes, their versions, and whether a consent is in force."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from db.answer_traces import forget_traces_of
from db.models import Account
from db.news_choices import NEWS, NEWS_VERSION, cancel_answer_changes, cancel_planned
from db.people import list_accounts
from db.privacy import add_consent, find_consent, list_consents, withdraw


@dataclass(frozen=True)
class Purpose:
    """Something personal data is used for. ``version`` rises when its words change: an older consent is then asked
    again. Without a required one there is no joining; the others can be refused freely (Law 91/2025 Article 9 k4)."""

    name: str
    version: int
    is_required: bool


ABROAD = Purpose("abroad", 1, is_required=True)
"""That the messenger itself stores what is typed abroad (Law 91/2025 Article 20): asked on such a channel only, before
joining there and before it is tied to somebody."""

MEMBERSHIP = Purpose("membership", 1, is_required=True)

NEWS_PURPOSE = Purpose(NEWS, NEWS_VERSION, is_required=False)

RECALL = Purpose("recall", 1, is_required=False)
"""To be told when an answer one got changes: asked once under an answer, and kept of whoever agrees is a keyed hash."""

RECALL_DAYS = 365
"""How long that is kept: an older answer was about another law anyway."""

PURPOSES: tuple[Purpose, ...] = (MEMBERSHIP, NEWS_PURPOSE)


def list_purposes(is_abroad: bool) -> tuple[Purpose, ...]:
    """The consents asked on a channel, in order."""
    return (ABROAD, *PURPOSES) if is_abroad else PURPOSES


def record_consent(session: Session, account: Account, purpose: Purpose, now: datetime) -> None:
    """Keep that a person agreed to a purpose in the words of its version, unless that stands already."""
    if not has_consented(session, account, purpose):
        add_consent(session, account.id, account.person_id, purpose.name, purpose.version, now)


def has_consented(session: Session, account: Account, purpose: Purpose) -> bool:
    """Whether a consent to the purpose in its newest version is in force."""
    consent = find_consent(session, account.id, account.person_id, purpose.name)
    return consent is not None and consent.version >= purpose.version


def stop_news(session: Session, account: Account, now: datetime) -> None:
    """The person agrees to news no longer: none is sent from now on, and what was planned for them is called off."""
    for consent in list_consents(session, account.id, account.person_id):
        if consent.purpose == NEWS:
            withdraw(session, consent, now)
    if account.person_id is not None:
        cancel_planned(session, account.person_id, None, now)


def forget_recall(session: Session, account: Account, entry_ids: Iterable[str], now: datetime) -> None:
    """Whoever no longer wants to be told of changes leaves no mark of the answers they got, on no account of theirs,
    and is not told of one that waits for the morning."""
    own = list_accounts(session, account.person_id) if account.person_id is not None else [account]
    lanes = [one.address_hash for one in own]
    forget_traces_of(session, lanes, entry_ids)
    cancel_answer_changes(session, lanes, now)
