"""Statements on lists that came in and went out."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import ListTransfer


def add_transfer(
    session: Session,
    kind: str,
    went_out: bool,
    unit_id: int | None,
    person_id: int | None,
    row_count: int,
    now: datetime,
) -> None:
    """Keep that a list came in or went out; ``person_id`` is None for the operator's console."""
    session.add(
        ListTransfer(
            kind=kind, went_out=went_out, unit_id=unit_id, person_id=person_id, row_count=row_count, done_at=now
        )
    )


def list_transfers(session: Session) -> list[ListTransfer]:
    """Every list that came in or went out, oldest first."""
    return list(session.scalars(select(ListTransfer).order_by(ListTransfer.id)))
