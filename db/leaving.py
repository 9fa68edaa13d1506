"""Statements that forget people who went: refused or withdrawn applicants, former members and former officers."""

from datetime import datetime, timedelta, timezone

from sqlalchemy import ColumnElement, delete, exists, or_, select
from sqlalchemy.orm import Session

from db.bulk import HIDDEN
from db.erasing import forget_person
from db.models import OPEN_APPLICATION_STATES, Application, ApplicationState, Membership, Person, RoleGrant

REFUSED_DAYS = 183
"""Six months, as the consent to membership promises (texts.yaml); so is the next: 24 months."""

FORMER_DAYS = 730

_VIETNAM = timezone(timedelta(hours=7))


def forget_refused_applications(session: Session, before: datetime) -> int:
    """Erase applications refused or withdrawn before a moment, and what is known of people who never became members
    and have no other; returns how many applications."""
    is_old = (
        Application.state.in_((ApplicationState.REFUSED, ApplicationState.WITHDRAWN)),
        Application.changed_at < before,
    )
    is_theirs = Membership.person_id == Person.id
    people = select(Person).where(
        Person.id.in_(select(Application.person_id).where(*is_old)),
        ~exists().where(is_theirs),
        ~_has_other_application(before),
        ~_has_role_since(before),
        Person.merged_into_id.is_(None),
    )
    strangers = list(session.scalars(people))
    count = session.execute(delete(Application).where(*is_old)).rowcount  # type: ignore[attr-defined]  # row count
    for person in strangers:
        forget_person(session, person, before + timedelta(days=REFUSED_DAYS))
    return int(count)


def forget_former_members(session: Session, before: datetime) -> int:
    """Erase what is known of members and officers whose last membership and last role ended before a moment; the lines
    of both stay, naming nobody. Returns how many people."""
    day = before.astimezone(_VIETNAM).date()
    is_theirs = Membership.person_id == Person.id
    # members of an import that is at work, or was cut off, are hidden and must not be taken for former ones
    runs = or_(Membership.until_on.is_(None), Membership.until_on >= day, Membership.until_on == HIDDEN)
    people = select(Person).where(
        Person.erased_at.is_(None),
        Person.merged_into_id.is_(None),
        or_(exists().where(is_theirs), exists().where(RoleGrant.person_id == Person.id)),
        ~exists().where(is_theirs, runs),
        ~_has_other_application(before),
        ~_has_role_since(before),
    )
    former = list(session.scalars(people))
    for person in former:
        forget_person(session, person, before + timedelta(days=FORMER_DAYS))
    return len(former)


def _has_other_application(before: datetime) -> ColumnElement[bool]:
    """Whether an application of the person is open, or was decided since."""
    is_alive = or_(Application.state.in_(OPEN_APPLICATION_STATES), Application.changed_at >= before)
    return exists().where(Application.person_id == Person.id, is_alive)


def _has_role_since(before: datetime) -> ColumnElement[bool]:
    """Whether the person held a role at or after a moment."""
    day = before.astimezone(_VIETNAM).date()
    is_held = (
        RoleGrant.person_id == Person.id,
        or_(RoleGrant.ended_at.is_(None), RoleGrant.ended_at >= before),
        or_(RoleGrant.to_on.is_(None), RoleGrant.to_on >= day),
    )
    return exists().where(*is_held)
