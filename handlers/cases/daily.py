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


def run_daily(session: Session, k: int, now: datetime) -> bool:
    """Do the day's work if its hour has come and it is not done; True when there is more, for another transaction."""
    local = now.astimezone(VIETNAM)
    due = datetime.combine(local.date(), time(HOUR), VIETNAM)
    if local < due:
        return False
    if publish_due(session, k, now):
        return True
    if was_turn_taken(session, _TURN, due, now):
        return False
    if watch_spots(session, k, now, local.date()):
        return True
    take_turn(session, _TURN, due, now)
    return False
