"""Who will be able to read a report, worked out before it is sent exactly as it will be when it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from db.case_access import CASE_ROLES
from db.case_history import EventKind, append
from db.models import Case
from db.officers import get_genders
from db.units import find_period
from handlers.cases.alerts import list_rungs
from handlers.cases.names import bar_named
from handlers.cases.routing import ReaderLine, describe_readers, list_chain, plan_route
from handlers.cases.service import Report, set_place
from handlers.cases.sex import GENDERS


@dataclass(frozen=True)
class Preview:
    """The units and roles that could read it, those that come later if nobody claims it, both with whom the worker
    keeps away from it (the nearest first), whether there is anybody at all, and whether an officer of the wished-for
    sex is among those asked first (None: it does not matter)."""

    readers: tuple[ReaderLine, ...]
    later: tuple[ReaderLine, ...]
    choices: tuple[ReaderLine, ...]
    is_covered: bool
    has_wished_sex: bool | None = None


def preview(session: Session, case: Case, report: Report, now: datetime, today: date) -> Preview:
    """Route the draft as if it were sent, look, and take everything back."""
    trial = session.begin_nested()
    try:
        return _look(session, case, report, now, today)
    finally:
        trial.rollback()


def _look(session: Session, case: Case, report: Report, now: datetime, today: date) -> Preview:
    set_place(session, case, report, now)
    append(session, case, EventKind.OPENED, now, body={"story": report.story, **report.details})
    chain = [period.unit_id for period in list_chain(session, case, today)]
    included = [report.workplace_unit_id] if report.includes_workplace and report.workplace_unit_id else []
    bar_named(session, case, [*chain, *included], now, today)
    route = plan_route(session, case, now, today)
    first = [route.unit_id] if route.unit_id is not None else []
    readers = describe_readers(session, case, [*first, *included], now, today)
    above = chain[chain.index(route.unit_id) + 1 :] if route.unit_id in chain else []
    later = describe_readers(session, case, above, now, today)
    near = list(dict.fromkeys([*included, *chain]))
    choices = {*readers, *later, *_list_kept_away(session, report, near, today)}
    in_order = sorted(choices, key=lambda line: (near.index(line.unit_id), CASE_ROLES.index(line.role)))
    wished = GENDERS.get(report.details.get("reader_sex", ""))
    asked = [one for unit_id in first for rung in list_rungs(session, case, unit_id, now, today) for one in rung]
    has_wished = wished in get_genders(session, asked).values() if wished else None
    return Preview(tuple(readers), tuple(later), tuple(in_order), route.is_covered, has_wished)


def _list_kept_away(session: Session, report: Report, near: list[int], today: date) -> Iterator[ReaderLine]:
    """Whom the worker keeps away, of the units that this report may come to."""
    for unit_id, role in report.excluded:
        period = find_period(session, unit_id, today) if unit_id in near else None
        if period is not None:
            yield ReaderLine(unit_id, period.name, role)
