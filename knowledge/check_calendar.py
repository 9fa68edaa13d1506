"""Checks of calendar.yaml and deadlines.yaml: what a slip of the hand would make of the working calendar."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from knowledge.case_terms import CaseTerms, load_case_terms
from knowledge.check_sources import place_problem
from knowledge.entry import Basis, Citation, Library, Problem
from knowledge.holidays import Calendar, DayKind, anchor_of, is_fixed_yearly, kind_of, load_calendar, usual_days_of
from knowledge.law import IndexedLaw
from knowledge.load import line_of_key
from knowledge.problems import problem, shown_path

Found = Iterator[tuple[str, str, dict[str, Any]]]
"""Where in the file (some words that stand there), which problem, and its values."""

_YEAR_LENGTHS = (353, 354, 355, 383, 384, 385)
_TET_TO_FOREBEARS = (67, 68, 69, 96, 97, 98)
"""From the 1st of lunar month 1 to the 10th of month 3: nine days and two months, or three if one is leap."""

_EARLIEST_TET, _LATEST_TET = (1, 21), (2, 21)


def check_calendar(content: Path, library: Library, index: Mapping[str, IndexedLaw]) -> list[Problem]:
    """Problems of both files; each file only where there is one."""
    return [
        *_check(content / "calendar.yaml", lambda: _calendar_problems(load_calendar(content), library, index)),
        *_check(content / "deadlines.yaml", lambda: _deadline_problems(load_case_terms(content), library, index)),
    ]


def _check(path: Path, find: Callable[[], Found]) -> list[Problem]:
    if not path.exists():
        return []
    text, shown = path.read_text(encoding="utf-8"), shown_path(path)
    try:
        return [problem(shown, _line(text, words), code, **values) for words, code, values in find()]
    except (LookupError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        return [problem(shown, 1, "calendar_unreadable", text=str(error))]


def _line(text: str, words: str) -> int:
    """The line that holds some words; a key's own line first."""
    found = text.find(words)
    return line_of_key(text, words) if found < 0 else text.count("\n", 0, found) + 1


def _calendar_problems(calendar: Calendar, library: Library, index: Mapping[str, IndexedLaw]) -> Found:
    clocks = [clock for stretch in calendar.hours for clock in stretch]
    if not clocks or any(later <= earlier for earlier, later in pairwise(clocks)):
        yield "hours:", "calendar_hours", {}
    for holiday in calendar.holidays:
        for code, values in _citation_problems(holiday.citation, library, index, holiday.basis is Basis.REPORTED):
            yield f"{holiday.key}:", code, values
    yield from _lunar_problems(calendar)
    yield from _announcement_problems(calendar)
    yield from _swap_problems(calendar)


def _lunar_problems(calendar: Calendar) -> Found:
    years = sorted(calendar.lunar)
    if years != list(range(years[0], years[-1] + 1)):
        yield "lunar:", "calendar_gap", {}
    for year in years:
        first, tenth = calendar.lunar[year]["tet"], calendar.lunar[year]["gio_to"]
        after = calendar.lunar.get(year + 1)
        is_sound = (
            first.year == year
            and _EARLIEST_TET <= (first.month, first.day) <= _LATEST_TET
            and (tenth - first).days in _TET_TO_FOREBEARS
            and (after is None or (after["tet"] - first).days in _YEAR_LENGTHS)
        )
        if not is_sound:
            yield f"  {year}:", "calendar_lunar", {"year": year}


def _announcement_problems(calendar: Calendar) -> Found:
    holidays = {one.key: one for one in calendar.holidays if is_fixed_yearly(one)}
    seen: set[tuple[str, int]] = set()
    for told in calendar.announced:
        holiday, name = holidays.get(told.holiday), (told.holiday, told.first.year)
        fits = holiday is not None and anchor_of(calendar, holiday, told.first.year) in told.days
        if holiday is None or not fits or len(told.days) != len(usual_days_of(calendar, holiday, told.first.year)):
            yield str(told.first), "calendar_announced", {"holiday": told.holiday, "day": told.first}
        elif name in seen:
            yield str(told.first), "calendar_announced_twice", {"holiday": told.holiday, "year": told.first.year}
        seen.add(name)


def _swap_problems(calendar: Calendar) -> Found:
    """What is given off must have been worked, what is worked must have been weekly rest, and no day twice."""
    before, days = replace(calendar, swaps=()), [day for one in calendar.swaps for day in (one.rest, one.work)]
    for swap in calendar.swaps:
        kinds = kind_of(before, swap.rest), kind_of(before, swap.work)
        once = days.count(swap.rest) == days.count(swap.work) == 1
        if kinds != (DayKind.WORKING, DayKind.WEEKLY_REST) or not once:
            yield str(swap.work), "calendar_swap", {"rest": swap.rest, "work": swap.work}


def _deadline_problems(terms: CaseTerms, library: Library, index: Mapping[str, IndexedLaw]) -> Found:
    for cause in terms.causes.values():
        for code, values in _citation_problems(cause.rule, library, index, False):
            yield f"  {cause.key}:", code, values
        for limit in cause.limits:
            if limit.figure not in library.figures:
                yield f"  {limit.key}:", "unknown_figure", {"name": limit.figure, "near": ""}


def _citation_problems(
    citation: Citation, library: Library, index: Mapping[str, IndexedLaw], reported: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    if citation.source not in library.sources:
        yield "unknown_source", {"source": citation.source}
    wrong = place_problem(citation, index, reported=reported)
    if wrong is not None:
        yield wrong
