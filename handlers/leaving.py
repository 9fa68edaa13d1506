"""Leaving the union: ending a membership fulfils the member's wish to leave, whoever of the officers does it."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from db.models import DataRequest, EndReason, Membership
from db.people import end_membership
from db.privacy import Outcome, list_consents_of, list_leaving_of, settle, withdraw
from handlers.consents import MEMBERSHIP


def let_leave(session: Session, membership: Membership, now: datetime, today: date) -> DataRequest | None:
    """End a membership because its person leaves, today being its last day. Their wish, where one waits, is done with
    it, and the consent to membership is withdrawn as they wished. Returns that wish."""
    end_membership(session, membership, today, EndReason.LEFT)
    wishes = list_leaving_of(session, membership.person_id)
    for wish in wishes:
        settle(wish, Outcome.DONE, now)
    if wishes:
        for consent in list_consents_of(session, membership.person_id, MEMBERSHIP.name):
            withdraw(session, consent, now)
    return wishes[0] if wishes else None
