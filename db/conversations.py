"""Statements on conversations: where a person stands in a talk."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from db.models import Conversation


def get_conversation(session: Session, account_id: int, now: datetime) -> Conversation:
    """The person's conversation row, made empty on first use."""
    conversation = session.get(Conversation, account_id)
    if conversation is None:
        conversation = Conversation(account_id=account_id, version=0, updated_at=now)
        session.add(conversation)
    return conversation


def find_conversation(session: Session, account_id: int) -> Conversation | None:
    """The person's conversation row, where they have one."""
    return session.get(Conversation, account_id)


def forget_draft(session: Session, account_id: int) -> None:
    """Erase what one person typed into a step they left open, and their last question."""
    mine = update(Conversation).where(Conversation.account_id == account_id)
    session.execute(mine.values(feature=None, step=None, draft=None, offered=None, last_question=None))


def forget_drafts(session: Session, before: datetime) -> int:
    """Erase what people typed into steps they left open, and their last question; returns how many."""
    old = update(Conversation).where(
        Conversation.updated_at < before, Conversation.draft.is_not(None) | Conversation.last_question.is_not(None)
    )
    emptied = old.values(feature=None, step=None, draft=None, offered=None, last_question=None)
    return session.execute(emptied).rowcount  # type: ignore[attr-defined,no-any-return]  # an update has a row count
