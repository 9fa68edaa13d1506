"""The legal limits of a grievance: the last day to call the conciliator, the arbitrators or the court."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from handlers.cases.calendar import add_working_days
from knowledge.case_terms import CountsFrom, LimitKind, load_case_terms
from knowledge.entry import Citation
from knowledge.figures import NoValueError, amount_on, citations_of, unit_of
from knowledge.load import load_figures
from knowledge.texts import t

_MONTHS_A_YEAR = 12


@dataclass(frozen=True)
class Limit:
    """A legal limit as an officer sees it: which, counted from which day, the last day of it, the day to file by, and
    the article."""

    key: str
    counts_from: CountsFrom
    last_on: date
    file_by: date
    citation: Citation


def limits_of(cause: str, on: date) -> tuple[Limit, ...]:
    """The limits of a sort of dispute counted from a day, by the law of that day; one that is not known for it is left
    out. Time lost to force majeure is not counted by the law (Labour Code Article 190 clause 4), nor known here. Raises
    KeyError for an unknown cause."""
    found = (_limit(kind, on) for kind in load_case_terms().causes[cause].limits)
    return tuple(one for one in found if one is not None)


def last_day(months: int, on: date) -> date:
    """The end of so many months counted from a day: the day of the same number, or the last of a shorter month (Civil
    Code Article 148 clauses 3 and 4)."""
    year, month = divmod(on.year * _MONTHS_A_YEAR + on.month - 1 + months, _MONTHS_A_YEAR)
    return date(year, month + 1, min(on.day, monthrange(year, month + 1)[1]))


def file_by(last_on: date) -> date:
    """The day by which to hand in: the last working day before the limit ends. Courts differ on whether the first day
    counts (Civil Code Articles 147 and 151), and an end on a day off is not to be relied on either."""
    return add_working_days(last_on, -1)


def _limit(kind: LimitKind, on: date) -> Limit | None:
    figures = load_figures()
    try:
        length = amount_on(figures, kind.figure, on)
    except NoValueError:
        return None
    if isinstance(length, tuple):
        raise TypeError(f"{kind.figure} must be one number")
    is_years = unit_of(figures, kind.figure) == t("knowledge.unit.year")
    end = last_day(int(length) * (_MONTHS_A_YEAR if is_years else 1), on)
    return Limit(kind.key, kind.counts_from, end, file_by(end), citations_of(figures, kind.figure, on)[0])
