"""Statements on applications to join."""

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from db.models import OPEN_APPLICATION_STATES, Application, ApplicationState


def add_application(session: Session, application: Application) -> Application:
    """Store a new application."""
    session.add(application)
    session.flush()
    return application


def find_open_application(session: Session, person_id: int) -> Application | None:
    """A person's application that is not decided."""
    mine = select(Application).where(Application.person_id == person_id, Application.state.in_(OPEN_APPLICATION_STATES))
    return session.scalars(mine.order_by(Application.id.desc())).first()


def list_applications_of(session: Session, person_id: int) -> list[Application]:
    """All applications of a person, the newest first."""
    mine = select(Application).where(Application.person_id == person_id)
    return list(session.scalars(mine.order_by(Application.id.desc())))


def get_locked_application(session: Session, application_id: int) -> Application | None:
    """An application that nobody else changes until this transaction ends; None when it was erased."""
    return session.get(Application, application_id, with_for_update=True, populate_existing=True)


def list_submitted(session: Session, reach: Select[int], limit: int, offset: int) -> list[Application]:
    """Applications waiting for a decision at the units of a reach, the oldest first."""
    waiting = select(Application).where(Application.state == ApplicationState.SUBMITTED, Application.unit_id.in_(reach))
    return list(session.scalars(waiting.order_by(Application.submitted_at, Application.id).limit(limit).offset(offset)))


def count_submitted(session: Session, reach: Select[int]) -> int:
    """How many applications wait for a decision at the units of a reach."""
    waiting = select(func.count()).select_from(Application)
    waiting = waiting.where(Application.state == ApplicationState.SUBMITTED, Application.unit_id.in_(reach))
    return session.scalars(waiting).one()


def list_taken_up(session: Session, person_id: int, reach: Select[int]) -> list[Application]:
    """Open applications an officer took up, at the units of their reach, the oldest first."""
    mine = select(Application).where(
        Application.handled_by_id == person_id,
        Application.state.in_(OPEN_APPLICATION_STATES),
        Application.unit_id.in_(reach),
    )
    return list(session.scalars(mine.order_by(Application.submitted_at, Application.id)))
