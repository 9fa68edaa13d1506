"""Finds officers whom the worker names, so that none of them ever sees what was said of them."""

from collections.abc import Collection, Iterable
from datetime import date, datetime

from sqlalchemy.orm import Session

from db.case_access import (
    CASE_ROLES,
    Viewer,
    bar_person,
    list_barred,
    list_placeless,
)
from db.case_history import EventKind, append
from db.models import Case, WhyBarred
from db.officers import list_officers
from handlers.case_viewers import list_named, read_sought


def bar_named(session: Session, case: Case, unit_ids: Iterable[int], now: datetime, today: date) -> None:
    """Keep away from a case every officer of some units whose name stands in what the worker wrote."""
    held = list_officers(session, unit_ids, CASE_ROLES, now, today)
    bar_people_named(session, case, {grant.person_id for grant in held}, now)


def bar_people_named(session: Session, case: Case, people: Collection[int], now: datetime) -> bool:
    """Keep away from a case whoever of some people is named in what the worker wrote, or is paid by a workplace that is
    spoken of there and that the union does not know for sure. True when somebody was not kept away before."""
    barred = {barrier.person_id for barrier in list_barred(session, case)}
    named = list_named(session, case, read_sought(session, set(people) - barred))
    for person_id in named:
        bar_person(session, case, person_id, WhyBarred.NAMED, now)
        append(session, case, EventKind.BARRED, now, body={"why": WhyBarred.NAMED.value})
    return bool(named)


def bar_tied(session: Session, viewer: Viewer, now: datetime) -> None:
    """Somebody said that they are tied to an employer: of cases at their units whose workplace is not known, those that
    speak of it are kept from them as well. What they held is searched another holder (`mend`)."""
    for case in list_placeless(session, viewer.units):
        bar_people_named(session, case, [viewer.person_id], now)
