"""The use cases of joining: the application, the officer's decision, a person's own details."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from db.applications import (
    add_application,
    find_open_application,
    get_locked_application,
    list_submitted,
)
from db.codes import new_code
from db.models import (
    OPEN_APPLICATION_STATES,
    Account,
    Application,
    ApplicationState,
    EndReason,
    Person,
)
from db.people import (
    add_membership,
    add_person,
    end_membership,
    find_membership,
    index_name,
    set_profile,
)
from db.privacy import adopt_consents
from db.units import find_period
from handlers.access import Actor, NotAllowed, Right, demand, select_reach
from handlers.duplicates import find_duplicates
from handlers.errors import Outdated, UserError


@dataclass(frozen=True)
class Wish:
    """What somebody submits: the form's answers, the unit, and the words they typed where no unit was found."""

    profile: dict[str, str]
    unit_id: int
    workplace: str | None = None


def check_may_apply(session: Session, account: Account) -> None:
    """Raises `UserError` for somebody whose application is open."""
    if account.person_id is not None and find_open_application(session, account.person_id):
        raise UserError("join.already_applied")


def submit(session: Session, account: Account, wish: Wish, now: datetime, today: date) -> Application:
    """Store an application; it is decided at its unit. A member's application to another unit is a transfer. Raises
    `UserError` for a second open one and for a member of that very unit."""
    person = _lock_person(session, account.person_id)  # they may be at two channels at once
    check_may_apply(session, account)
    if find_period(session, wish.unit_id, today) is None:
        raise Outdated
    if person is None:
        person = add_person(session, wish.profile, now)
        account.person_id = person.id
        account.needs_sign_in = True  # a role given to this person later acts here only after the sign-in ceremony
        adopt_consents(session, account.id, person.id)
    else:
        membership = find_membership(session, person.id, today)
        if membership is not None and membership.unit_id == wish.unit_id:
            raise UserError("join.already_member")
        change_profile(session, person, (person.profile or {}) | wish.profile, today)
    return add_application(
        session,
        Application(
            code=new_code(),
            person_id=person.id,
            account_id=account.id,
            unit_id=wish.unit_id,
            workplace=wish.workplace,
            state=ApplicationState.SUBMITTED,
            submitted_at=now,
            changed_at=now,
        ),
    )


def _lock_person(session: Session, person_id: int | None) -> Person | None:
    """A person whom nobody else changes until this transaction ends."""
    return session.get(Person, person_id, with_for_update=True, populate_existing=True) if person_id else None


def change_profile(session: Session, person: Person, profile: dict[str, str], today: date) -> None:
    """Replace somebody's details; a member stays findable by their new name."""
    set_profile(session, person, profile)
    session.flush()
    membership = find_membership(session, person.id, today)
    if membership is not None:
        index_name(session, person, membership.unit_id)


def get_application(session: Session, actor: Actor, application_id: int, today: date) -> Application:
    """An open application within the actor's reach, locked. Raises `Outdated` when it was decided, `NotAllowed`."""
    application = get_locked_application(session, application_id)
    if application is None:
        raise Outdated
    demand(session, actor, Right.DECIDE_APPLICATIONS, application.unit_id, today)
    if application.person_id == actor.person_id:
        raise NotAllowed  # nobody decides about themselves
    if application.state not in OPEN_APPLICATION_STATES:
        raise Outdated
    return application


def take_up(application: Application, actor: Actor, now: datetime) -> None:
    """Say who looks after an application, so that two officers do not do the same work."""
    application.handled_by_id, application.changed_at = actor.person_id, now


def approve(
    session: Session, actor: Actor, application: Application, decision_number: str | None, now: datetime, today: date
) -> None:
    """Make the applicant a member from today; a member elsewhere leaves there with yesterday (transfer)."""
    if application.state is not ApplicationState.SUBMITTED:
        raise Outdated
    person = _lock_person(session, application.person_id)
    if person is None:
        raise Outdated
    before = find_membership(session, person.id, today)
    if before is not None:
        end_membership(session, before, today - timedelta(days=1), EndReason.TRANSFERRED)
    add_membership(session, person, application.unit_id, today, decision_number)
    _close(application, actor, ApplicationState.APPROVED, now)
    application.decision_number = decision_number


def refuse(application: Application, actor: Actor, reason: str, now: datetime) -> None:
    """Turn an application down, with the reason the applicant reads."""
    _close(application, actor, ApplicationState.REFUSED, now)
    application.reason = reason


def ask_for_more(application: Application, actor: Actor, reason: str, now: datetime) -> None:
    """Send an application back for something that is missing; it waits for the applicant."""
    _close(application, actor, ApplicationState.NEEDS_MORE, now)
    application.reason = reason


def _close(application: Application, actor: Actor, state: ApplicationState, now: datetime) -> None:
    application.state, application.changed_at, application.handled_by_id = state, now, actor.person_id


def _lock_own(session: Session, person_id: int) -> Application:
    """A person's open application, locked: an officer may be deciding it this very moment. Raises `Outdated`."""
    found = find_open_application(session, person_id)
    application = get_locked_application(session, found.id) if found is not None else None
    if application is None or application.state not in OPEN_APPLICATION_STATES:
        raise Outdated
    return application


def submit_again(session: Session, person_id: int, now: datetime) -> Application:
    """The applicant mended what was asked for: the application is open for decision again. Raises `Outdated`."""
    application = _lock_own(session, person_id)
    if application.state is not ApplicationState.NEEDS_MORE:
        raise Outdated
    application.state, application.changed_at, application.reason = ApplicationState.SUBMITTED, now, None
    return application


def withdraw(session: Session, person_id: int, application_id: int, now: datetime) -> None:
    """The applicant takes the application back. Raises `Outdated` when it was decided."""
    application = _lock_own(session, person_id)
    if application.id != application_id:
        raise Outdated
    application.state, application.changed_at = ApplicationState.WITHDRAWN, now


def list_duplicates(session: Session, application: Application) -> list[Person]:
    """People at the same unit who may be the same: same phone, id number, or nearly the same name with the birthday."""
    return find_duplicates(session, session.get_one(Person, application.person_id), application.unit_id)


def list_pending(session: Session, actor: Actor, today: date, limit: int, offset: int) -> list[Application]:
    """The applications the actor may decide and that wait for a decision, the oldest first."""
    return list_submitted(session, select_reach(actor, Right.DECIDE_APPLICATIONS, today), limit, offset)
