"""An entry on a day, as a member reads it: first message with what it rests on, details, related questions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from itertools import takewhile

from knowledge.citations import cite
from knowledge.entry import Citation, ContentError, Entry, Library, Period
from knowledge.figures import NoValueError, fill
from knowledge.texts import t

CITED = 4
"""Citations named in the first message; the rest stand under the details."""


@dataclass(frozen=True)
class Page:
    """What is shown of an entry on a day. `message` and `details` use our formatting subset."""

    message: str
    details: str
    citations: tuple[Citation, ...]
    related: tuple[str, ...]
    since: date


def distinct(citations: tuple[Citation, ...]) -> tuple[Citation, ...]:
    """The citations in order, each article once with all the clauses named: who looks it up opens it once, and the
    first message has room for four articles."""
    groups: dict[tuple[str, str], list[Citation]] = {}
    for one in citations:
        groups.setdefault((one.source, str(one.article)), []).append(one)
    return tuple(map(_together, groups.values()))


def _together(places: list[Citation]) -> Citation:
    """Places in one article as one: a point more or less is no other place to look at, a bare article is all of it."""
    first = places[0]
    clauses = {str(one.clause) for one in places if one.clause is not None}
    if len({one.clause for one in places}) == 1:
        return first
    if any(one.clause is None for one in places):
        return replace(first, clause=None, point=None)
    return replace(first, clause=", ".join(sorted(clauses, key=_in_order)), point=None)


def _in_order(clause: str) -> tuple[int, str]:
    digits = "".join(takewhile(str.isdigit, clause))
    return int(digits or 0), clause


def make_page(entry: Entry, library: Library, on: date) -> Page | None:
    """The page of an entry on a day; None when nothing is known about that day."""
    try:
        period = entry.period_on(on)
        if period is None:
            return None
        answer, details = (fill(text, library.figures, on) for text in (period.answer, period.details))
    except (ContentError, NoValueError):
        return None
    citations = distinct(period.citations)
    message = f"{answer}\n\n{_footer(period, citations, library)}"
    rest = citations[CITED:]
    if rest and details:
        details += "\n\n" + t("answer.also_rests_on", places="; ".join(cite(one, library) for one in rest))
    related = tuple(one for one in entry.related if one in library.entries)[:3]
    return Page(message, details, citations, related, period.span.first)


def _footer(period: Period, citations: tuple[Citation, ...], library: Library) -> str:
    places = "; ".join(cite(one, library) for one in citations[:CITED])
    first, last = period.span.first, period.span.last
    if last is None:
        since = t("answer.since", day=f"{first:%d/%m/%Y}")
    else:
        since = t("answer.between", first=f"{first:%d/%m/%Y}", last=f"{last:%d/%m/%Y}")
    return f"{t('answer.rests_on', places=places)}\n{since}" if places else since
