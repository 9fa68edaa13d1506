"""Statements on conversations: where a person stands in a talk."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from db.models import Account, Conversation


def get_conversation(session: Session, account_id: int, now: datetime) -> Conversation:
    """The person's conversation row, made empty on first use."""
    conversation = session.get(Conversation, account_id)
    if conversation is None:
        conversation = Conversation(account_id=account_id, version=0, updated_at=now)
        session.add(conversation)
    return conversation


@dataclass(frozen=True)
class Standing:
    """Where an account stands in its talk, and whether it typed a sign-in code and was not renewed since."""

    is_signing_in: bool
    feature: str | None
    step: str | None


_STANDING = (
    select(Account.is_signing_in, Conversation.feature, Conversation.step)
    .outerjoin(Conversation, Conversation.account_id == Account.id)
    .where(Account.sender == bindparam("of_sender"), Account.address_hash == bindparam("lane"))
)


def find_standing(session: Session, sender: str, lane: str) -> Standing | None:
    """Where the account behind a lane stands; None for somebody who never wrote."""
    row = session.execute(_STANDING, {"of_sender": sender, "lane": lane}).first()
    return None if row is None else Standing(*row)


def forget_draft(session: Session, account_id: int) -> None:
    """Erase what one person typed into a step they left open, and their last question."""
    mine = update(Conversation).where(Conversation.account_id == account_id)
    session.execute(mine.values(feature=None, step=None, draft=None, held=None, offered=None, last_question=None))


def forget_drafts(session: Session, before: datetime) -> int:
    """Erase what people typed into steps they left open, and their last question; returns how many."""
    old = update(Conversation).where(
        Conversation.updated_at < before, Conversation.draft.is_not(None) | Conversation.last_question.is_not(None)
    )
    emptied = old.values(feature=None, step=None, draft=None, held=None, offered=None, last_question=None)
    return session.execute(emptied).rowcount  # type: ignore[attr-defined,no-any-return]  # an update has a row count
