"""How a case is called in one line, and how moments are written."""

from datetime import datetime

from db.codes import show_code
from db.models import Case, CaseState
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


def describe_standing(case: Case, now: datetime) -> str:
    """By when a case is due, or what it waits for."""
    if case.state in (CaseState.CLOSED, CaseState.WITHDRAWN, CaseState.MERGED):
        return t(f"desk_cases.stands_{case.state.value}")
    if case.state is CaseState.SETTLED:
        return t("desk_cases.stands_settled")
    if case.due_at is None:
        return t("desk_cases.stands_waiting")
    key = "desk_cases.stands_overdue" if case.due_at <= now else "desk_cases.stands_due"
    return t(key, due=show_moment(case.due_at))
