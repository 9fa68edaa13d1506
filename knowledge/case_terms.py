"""By when a grievance is claimed, answered and settled, and which legal limits run beside it: deadlines.yaml, read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from knowledge.body import read_citation
from knowledge.entry import CONTENT, Citation
from knowledge.holidays import load_calendar


class Urgency(StrEnum):
    """How long a grievance can wait, most urgent first."""

    EMERGENCY = "emergency"
    URGENT = "urgent"
    ORDINARY = "ordinary"


class Stage(StrEnum):
    """What a grievance waits for, in order."""

    CLAIM = "claim"
    FIRST_ANSWER = "first_answer"
    RESOLUTION = "resolution"


class CountsFrom(StrEnum):
    """The day from which a legal limit is counted."""

    DISCOVERED = "discovered"
    HAPPENED = "happened"
    ENDED = "ended"


_LEVELS = ("upper", "federation")
"""The levels of the union, the lowest first, to which a kind of grievance may go first: never to the workplace's."""


@dataclass(frozen=True)
class Countdown:
    """A deadline with what happens around it: reminders so long before, escalations so long after, the first at the
    deadline itself, and after the last one more ``every`` so long. It runs by the clock or in working time."""

    is_by_clock: bool
    within: timedelta
    remind: tuple[timedelta, ...]
    escalate: tuple[timedelta, ...]
    every: timedelta


Plan = Mapping[Stage, Countdown]
"""The deadline of each stage."""


@dataclass(frozen=True)
class Category:
    """A kind of grievance: how urgent it usually is, what sort of dispute it would be, its deadlines, the level of the
    union that answers for it first, and whether nobody but its holder may open it."""

    key: str
    urgency: Urgency
    cause: str | None
    plan: Plan
    starts_at: str
    holder_only: bool


@dataclass(frozen=True)
class LimitKind:
    """A legal limit: the figure that says how long, and from which day it is counted."""

    key: str
    figure: str
    counts_from: CountsFrom


@dataclass(frozen=True)
class Cause:
    """A sort of dispute: whether a conciliator must have tried first and which article says so, and its limits."""

    key: str
    needs_conciliation: bool
    rule: Citation
    limits: tuple[LimitKind, ...]


@dataclass(frozen=True)
class CaseTerms:
    """All of deadlines.yaml."""

    plans: Mapping[Urgency, Plan]
    categories: Mapping[str, Category]
    causes: Mapping[str, Cause]


@lru_cache(maxsize=4)
def load_case_terms(content: Path = CONTENT) -> CaseTerms:
    """The deadlines and limits of the content folder, read once. Raises KeyError, ValueError or TypeError when the file
    is broken."""
    tree: dict[str, Any] = yaml.load((content / "deadlines.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    day = load_calendar(content).working_day
    plans = {urgency: _plan(tree["urgencies"][urgency], day) for urgency in Urgency}
    limits = {key: LimitKind(key, one["figure"], CountsFrom(one["counts_from"])) for key, one in tree["limits"].items()}
    causes = {key: _cause(key, item, limits) for key, item in tree["causes"].items()}
    categories = {key: _category(key, item, plans, causes, day) for key, item in tree["categories"].items()}
    return CaseTerms(plans, categories, causes)


def _plan(item: dict[str, Any], day: timedelta) -> Plan:
    return {stage: _countdown(item[stage], day) for stage in Stage}


def _category(
    key: str, item: dict[str, Any], plans: Mapping[Urgency, Plan], causes: Mapping[str, Cause], day: timedelta
) -> Category:
    urgency, cause = Urgency(item["urgency"]), item.get("cause")
    if cause is not None and cause not in causes:
        raise ValueError(f"{key}: {cause}")
    own = {stage: _countdown(item[stage], day) for stage in Stage if stage in item}
    starts_at = item.get("starts_at", _LEVELS[0])
    if starts_at not in _LEVELS:
        raise ValueError(f"{key}: {starts_at}")
    return Category(key, urgency, cause, {**plans[urgency], **own}, starts_at, item.get("holder_only", False) is True)


def _cause(key: str, item: dict[str, Any], limits: Mapping[str, LimitKind]) -> Cause:
    return Cause(
        key,
        needs_conciliation=item["conciliation_first"],
        rule=read_citation(item["rule"]),
        limits=tuple(limits[one] for one in item["limits"]),
    )


def _countdown(item: dict[str, Any], day: timedelta) -> Countdown:
    if item["clock"] not in ("wall", "working"):
        raise ValueError(f"clock: {item['clock']}")
    is_by_clock = item["clock"] == "wall"
    length = timedelta(days=1) if is_by_clock else day
    found = Countdown(
        is_by_clock,
        within=_span(item["within"], length),
        remind=tuple(_span(one, length) for one in item.get("remind", ())),
        escalate=tuple(_span(one, length) for one in item["escalate"]),
        every=_span(item["every"], length),
    )
    _require_order(found)
    return found


def _require_order(one: Countdown) -> None:
    """Reminders come one after the other before the deadline, escalations after it; else a step could be early, or
    never come."""
    reminders, rungs, nothing = list(one.remind), list(one.escalate), timedelta()
    if one.every <= nothing or not rungs or rungs[0] != nothing or sorted(set(rungs)) != rungs:
        raise ValueError("escalate")
    if sorted(set(reminders), reverse=True) != reminders or not all(nothing < left < one.within for left in reminders):
        raise ValueError("remind")


def _span(item: dict[str, int], day: timedelta) -> timedelta:
    """A length of time; a day is 24 hours by the clock, and the hours of a working day in working time."""
    unknown = set(item) - {"minutes", "hours", "days"}
    if unknown or not item:
        raise ValueError(str(item))
    days = item.get("days", 0) * day
    return days + timedelta(minutes=item.get("minutes", 0), hours=item.get("hours", 0))
