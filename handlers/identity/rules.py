"""Which of two people is kept, which membership runs on, and how long questions, codes and the way back are open."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from db.models import Application, Consent, Membership, MergeProposal

QUESTION_LIFETIME = timedelta(days=14)
"""How long a question whether two are one waits for its two answers; as long as its message may be on the way."""

ASK_AGAIN_AFTER = timedelta(days=30)
"""Somebody who said no is not asked again before this; a slip of the thumb can still be mended."""

CODE_LIFETIME = timedelta(minutes=10)
CONFIRM_WITHIN = timedelta(hours=1)
TRIES = 5
TRY_WINDOW = timedelta(hours=1)
WRONG_TRIES_OF_ALL = 300
WRONG_WINDOW = timedelta(minutes=10)
"""Six digits are few, and a browser makes accounts for nothing: so wrong tries of all together are braked too. With
twenty codes waiting, 300 guesses meet one with a chance of one in 170, and the first channel must still say yes."""


def choose_running(memberships: Sequence[Membership]) -> Membership | None:
    """Which membership of one person runs on: at one unit the oldest, since years of membership count; of several units
    the newest, since that is where they work now."""
    if not memberships:
        return None
    newest = max(memberships, key=lambda one: (one.since_on, one.id))
    here = [one for one in memberships if one.unit_id == newest.unit_id]
    return min(here, key=lambda one: (one.since_on, one.id))


def choose_application(waiting: Sequence[Application], unit_id: int | None) -> Application | None:
    """Which open application of one person stays open: the newest, but none to the unit where they are a member."""
    open_ones = [one for one in waiting if one.unit_id != unit_id]
    return max(open_ones, key=lambda one: (one.submitted_at, one.id), default=None)


def list_overtaken(consents: Sequence[Consent]) -> list[Consent]:
    """Consents in force that were given before the same purpose was withdrawn elsewhere: the last word holds."""
    withdrawn: dict[str, datetime] = {}
    for one in consents:
        if one.withdrawn_at is not None:
            withdrawn[one.purpose] = max(one.withdrawn_at, withdrawn.get(one.purpose, one.withdrawn_at))
    return [
        one
        for one in consents
        if one.withdrawn_at is None and one.purpose in withdrawn and one.given_at < withdrawn[one.purpose]
    ]


def is_waiting(proposal: MergeProposal) -> bool:
    """Whether a proposal is neither refused nor carried out; it may still be too old."""
    return proposal.refused_at is None and proposal.merged_at is None
