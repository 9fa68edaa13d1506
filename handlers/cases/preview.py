"""Who will be able to read a report, worked out before it is sent exactly as it will be when it is."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

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
    """The units and roles that could read it, the units told later if nobody claims it, whether there is anybody at
    all, and whether an officer of the wished-for sex is among those asked first (None: it does not matter)."""

    readers: tuple[ReaderLine, ...]
    later: tuple[str, ...]
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
    later = chain[chain.index(route.unit_id) + 1 :] if route.unit_id in chain else []
    names = [period.name for one in later if (period := find_period(session, one, today)) is not None]
    wished = GENDERS.get(report.details.get("reader_sex", ""))
    asked = [one for unit_id in first for rung in list_rungs(session, case, unit_id, now, today) for one in rung]
    has_wished = wished in get_genders(session, asked).values() if wished else None
    return Preview(tuple(readers), tuple(names), route.is_covered, has_wished)
