"""Finds officers whom the worker names, so that none of them ever sees what was said of them."""

from collections.abc import Collection, Iterable
from datetime import date, datetime

import structlog
from sqlalchemy.orm import Session

from db.case_access import (
    CASE_ROLES,
    Viewer,
    bar_person,
    list_barred,
    list_placeless,
    list_readable_at,
    list_unsearched,
)
from db.case_history import EventKind, append
from db.keys import KeyProblem
from db.models import Case, WhyBarred
from db.officers import list_officers
from handlers.case_viewers import list_named, read_sought

log = structlog.get_logger()

_GRANTS_AT_ONCE, _CASES_AT_ONCE = 200, 100


def bar_named(session: Session, case: Case, unit_ids: Iterable[int], now: datetime, today: date) -> None:
    """Keep away from a case every officer of some units whose name stands in what the worker wrote."""
    held = list_officers(session, unit_ids, CASE_ROLES, now, today)
    bar_people_named(session, case, {grant.person_id for grant in held}, now)


def bar_people_named(session: Session, case: Case, people: Collection[int], now: datetime) -> None:
    """Keep away from a case whoever of some people is named in what the worker wrote, or is paid by a workplace that is
    spoken of there and that the union does not know for sure."""
    barred = {barrier.person_id for barrier in list_barred(session, case)}
    for person_id in list_named(session, case, read_sought(session, set(people) - barred)):
        bar_person(session, case, person_id, WhyBarred.NAMED, now)
        append(session, case, EventKind.BARRED, now, body={"why": WhyBarred.NAMED.value})


def bar_tied(session: Session, viewer: Viewer, now: datetime) -> None:
    """Somebody said that they are tied to an employer: of cases at their units whose workplace is not known, those that
    speak of it are kept from them as well. What they held is searched another holder (`mend`)."""
    for case in list_placeless(session, viewer.units):
        bar_people_named(session, case, [viewer.person_id], now)


def bar_unsearched(session: Session, now: datetime) -> bool:
    """Keep those who became officers, or got another name, away from older cases that name them, so that these stand
    in no list or count of theirs. Looks at some cases of one unit at a time; True when there may be more."""
    grants = list_unsearched(session, _GRANTS_AT_ONCE)
    if not grants:
        return False
    cases = list_readable_at(session, grants[0].unit_id, grants[0].searched_to or 0, _CASES_AT_ONCE)
    for case in cases:
        try:
            bar_people_named(session, case, {grant.person_id for grant in grants}, now)
        except KeyProblem as problem:  # nobody reads this one; whether it names anybody is asked again when it opens
            log.error("case_not_opened", case_id=case.id, error=type(problem).__name__)
    for grant in grants:
        grant.searched_to = cases[-1].id if len(cases) == _CASES_AT_ONCE else None
    return True
