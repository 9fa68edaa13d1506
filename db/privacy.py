"""Statements on consents and requests about personal data."""

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.models import Consent


def add_consent(
    session: Session, account_id: int, person_id: int | None, purpose: str, version: int, now: datetime
) -> Consent:
    """Keep that somebody agreed."""
    consent = Consent(account_id=account_id, person_id=person_id, purpose=purpose, version=version, given_at=now)
    session.add(consent)
    session.flush()
    return consent


def list_consents(session: Session, account_id: int, person_id: int | None) -> list[Consent]:
    """Consents in force of a person, or of an account that is nobody's yet."""
    whose = Consent.account_id == account_id
    if person_id is not None:
        whose = or_(Consent.person_id == person_id, whose)
    mine = select(Consent).where(whose, Consent.withdrawn_at.is_(None))
    return list(session.scalars(mine.order_by(Consent.id)))


def find_consent(session: Session, account_id: int, person_id: int | None, purpose: str) -> Consent | None:
    """The newest consent in force to a purpose."""
    mine = [consent for consent in list_consents(session, account_id, person_id) if consent.purpose == purpose]
    return max(mine, key=lambda consent: consent.version, default=None)


def adopt_consents(session: Session, account_id: int, person_id: int) -> None:
    """What was agreed on an account before it was anybody's belongs to its person."""
    for consent in session.scalars(select(Consent).where(Consent.account_id == account_id)):
        consent.person_id = consent.person_id or person_id
