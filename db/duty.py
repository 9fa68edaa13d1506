"""Statements on the duty of officers: on which days they are away, and to which workplaces they are tied."""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Absence, OfficerTie


def list_absences_of(session: Session, person_id: int, today: date) -> list[Absence]:
    """The absences of an officer that run or are still to come, the next first."""
    mine = select(Absence).where(Absence.person_id == person_id, Absence.to_on >= today)
    return list(session.scalars(mine.order_by(Absence.from_on, Absence.id)))


def add_absence(session: Session, person_id: int, from_on: date, to_on: date, substitute_id: int | None) -> Absence:
    """An officer is away on these days, both included; whoever stands in for them is alerted in their place."""
    absence = Absence(person_id=person_id, from_on=from_on, to_on=to_on, substitute_id=substitute_id)
    session.add(absence)
    session.flush()
    return absence


def end_absence(session: Session, person_id: int, absence_id: int) -> bool:
    """An officer is there after all; False when it was no absence of theirs."""
    absence = session.get(Absence, absence_id)
    if absence is None or absence.person_id != person_id:
        return False
    session.delete(absence)
    session.flush()
    return True


def list_ties(session: Session, person_id: int) -> list[OfficerTie]:
    """The workplaces to which an officer says they are tied, the newest first."""
    mine = select(OfficerTie).where(OfficerTie.person_id == person_id, OfficerTie.ended_at.is_(None))
    return list(session.scalars(mine.order_by(OfficerTie.id.desc())))


def add_tie(session: Session, person_id: int, unit_id: int, now: datetime) -> None:
    """The cases of a workplace are never this officer's from now on; one said before changes nothing."""
    if unit_id not in {tie.unit_id for tie in list_ties(session, person_id)}:
        session.add(OfficerTie(person_id=person_id, unit_id=unit_id, declared_at=now))
        session.flush()


def end_tie(session: Session, person_id: int, tie_id: int, now: datetime) -> bool:
    """An officer is tied to a workplace no longer; False when it was no tie of theirs."""
    tie = session.get(OfficerTie, tie_id)
    if tie is None or tie.person_id != person_id or tie.ended_at is not None:
        return False
    tie.ended_at = now
    session.flush()
    return True


def list_absences(session: Session, person_ids: Collection[int], on: date) -> dict[int, int | None]:
    """Who of these is away on a day, with whoever stands in for them."""
    away = select(Absence).where(Absence.person_id.in_(person_ids), Absence.from_on <= on, Absence.to_on >= on)
    return {row.person_id: row.substitute_id for row in session.scalars(away.order_by(Absence.id))}
