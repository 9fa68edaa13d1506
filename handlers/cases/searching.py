"""The clock looks through older cases for whoever became an officer, or got another name or employer."""

from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from db.case_access import list_readable_at, list_unsearched
from db.case_keys import NOT_OPENED
from handlers.cases.alerts import ask_on, silence_barred
from handlers.cases.names import bar_people_named
from handlers.feature import VIETNAM

log = structlog.get_logger()

_GRANTS_AT_ONCE, _CASES_AT_ONCE = 200, 100


def bar_unsearched(session: Session, now: datetime) -> bool:
    """Keep these officers away from older cases that name them, so that these stand in no list or count of theirs, and
    an alert that still waits for the morning does not reach them. Looks at some cases of one unit at a time; True when
    there may be more. On PostgreSQL it may lose a deadlock to an event about the same people: then it is run again."""
    today = now.astimezone(VIETNAM).date()
    grants = list_unsearched(session, today, _GRANTS_AT_ONCE)
    if not grants:
        return False
    cases = list_readable_at(session, grants[0].unit_id, grants[0].searched_to or 0, _CASES_AT_ONCE)
    for case in cases:
        try:
            if bar_people_named(session, case, {grant.person_id for grant in grants}, now):
                silence_barred(session, case, now)
                ask_on(session, case, now, today)
        except NOT_OPENED as problem:  # nobody reads this one; whether it names anybody is asked again when it opens
            log.error("case_not_opened", case_id=case.id, error=type(problem).__name__)
    for grant in grants:
        grant.searched_to = cases[-1].id if len(cases) == _CASES_AT_ONCE else None
    return True
