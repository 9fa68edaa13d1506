"""What is done for figures once a day, always at the same hour: publish what is due, then look for hot spots."""

from datetime import datetime, time

from sqlalchemy.orm import Session

from db.deployment import take_turn, was_turn_taken
from handlers.cases.hot_spots import watch_spots
from handlers.cases.publishing import publish_due
from handlers.feature import VIETNAM

HOUR = 6
"""The hour in Vietnam. It depends on nobody's message, so that no moment points at the last one who wrote."""

_TURN = "case_figures_of_the_day"


def run_daily(session: Session, k: int, now: datetime, after: int = 0) -> int | None:
    """Do the day's work if its hour has come and it is not done; returns where another transaction goes on (``after``),
    None when there is no more."""
    local = now.astimezone(VIETNAM)
    due = datetime.combine(local.date(), time(HOUR), VIETNAM)
    if local < due:
        return None
    if publish_due(session, k, now):
        return 0
    if was_turn_taken(session, _TURN, due, now):
        return None
    more = watch_spots(session, k, now, local.date(), after)
    if more is None:
        take_turn(session, _TURN, due, now)
    return more
