"""How a case is called in one line, and how moments are written."""

from datetime import datetime

from db.codes import show_code
from db.models import Case
from handlers.feature import VIETNAM
from knowledge.texts import t


def describe_case(case: Case) -> str:
    """Code, kind and urgency: all that may be said of a case where anybody may read along."""
    return t(
        "case_words.line",
        code=show_code(case.code),
        category=t(f"case_words.category_{case.category}"),
        urgency=t(f"case_words.urgency_{case.urgency}"),
    )


def show_moment(moment: datetime) -> str:
    """Hour and day in Vietnam."""
    return moment.astimezone(VIETNAM).strftime("%H:%M %d/%m")
