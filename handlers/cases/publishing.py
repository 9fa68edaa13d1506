"""Publishes figures about cases: a month on the first of the next one, a quarter a month after it ended, each once.

What a figure may tell is decided in `handlers.cases.statistics`. Here the cases are gathered, the people behind them
told apart without keeping who they are, and the numbers written down for good.
"""

import secrets
from collections.abc import Iterable
from datetime import date, datetime, time

from sqlalchemy.orm import Session

from db.case_figures import (
    Counted,
    Told,
    add_block,
    find_last_published,
    follow_to,
    list_counted,
    list_pauses_of,
    list_received,
    publish,
    read_tree,
    tell_people_apart,
)
from db.models import Case, CasePause, PeriodKind
from db.session import allow_long_work
from handlers.cases import statistics
from handlers.cases.deadlines import Pause, plan_of, time_left
from handlers.cases.statistics import (
    Block,
    Figures,
    Mark,
    add_months,
    count_received,
    describe_quarter,
    form_blocks,
    month_of,
    quarter_of,
)
from handlers.feature import VIETNAM
from knowledge.case_terms import Countdown, Stage, Urgency, load_case_terms
from knowledge.holidays import UnknownYearError

_GOOD = 4
"""So many of five stars are "pleased"."""

_HOUR_SECONDS = 3600


def publish_due(session: Session, k: int, now: datetime) -> bool:
    """Publish the oldest period that is due and not published; False when there is none. The first time it is the last
    month that ended: what lies before that was never promised to anybody."""
    today = now.astimezone(VIETNAM).date()
    month_on = _next_due(session, PeriodKind.MONTH, add_months(month_of(today), -1))
    if month_on is not None:
        allow_long_work(session)
        publish_month(session, month_on, k, now)
        return True
    quarter_on = _next_due(session, PeriodKind.QUARTER, add_months(quarter_of(add_months(month_of(today), -1)), -3))
    if quarter_on is not None:
        allow_long_work(session)
        publish_quarter(session, quarter_on, k, now)
        return True
    return False


def _next_due(session: Session, kind: PeriodKind, newest: date) -> date | None:
    last = find_last_published(session, kind)
    length = 1 if kind is PeriodKind.MONTH else 3
    following = newest if last is None else add_months(last, length)
    return following if following <= newest else None


def publish_month(session: Session, month_on: date, k: int, now: datetime) -> None:
    """Publish how many cases each unit got in a month, and keep which were counted together."""
    end = add_months(month_on, 1)
    tree = read_tree(session, _last_day(end))
    received = list_received(session, _midnight(month_on), _midnight(end))
    units = follow_to(session, (case.unit_id for case in received), tree)
    people = tell_people_apart(session, {case.case_id: case.key_id for case in received})
    cases = [
        statistics.Counted(case.case_id, units[case.unit_id], people[case.case_id])
        for case in received
        if case.unit_id in units
    ]
    blocks = form_blocks(tree, cases, k)
    for block in blocks:
        add_block(session, month_on, block.unit_id, block.is_own, [case.case_id for case in block.cases])
    publish(session, PeriodKind.MONTH, month_on, _told(count_received(tree, blocks)), now)


def publish_quarter(session: Session, quarter_on: date, k: int, now: datetime) -> None:
    """Publish what became of the cases that the three months counted, as it is known now."""
    months = [add_months(quarter_on, number) for number in range(3)]
    tree = read_tree(session, _last_day(add_months(quarter_on, 3)))
    counted = list_counted(session, months)
    figures = describe_quarter(tree, _make_blocks(session, counted, tree), k, _shuffle_kinds)
    publish(session, PeriodKind.QUARTER, quarter_on, _told(figures), now)


def _shuffle_kinds() -> list[str]:
    """All kinds, each time in an order that is kept nowhere."""
    return secrets.SystemRandom().sample(list(load_case_terms().categories), len(load_case_terms().categories))


def _make_blocks(session: Session, counted: Iterable[Counted], tree: statistics.Tree) -> list[Block]:
    """The blocks of the months, each where its unit went since."""
    found: dict[tuple[int, bool], list[Case]] = {}
    for one in counted:
        found.setdefault((one.block_unit_id, one.is_own), []).append(one.case)
    cases = [case for some in found.values() for case in some]
    units = follow_to(session, (unit_id for unit_id, _ in found), tree)
    people = tell_people_apart(session, {case.id: case.key_id for case in cases})
    pauses = list_pauses_of(session, [case.id for case in cases])
    return [
        Block(units[unit_id], is_own, tuple(_describe(case, units[unit_id], people, pauses) for case in some))
        for (unit_id, is_own), some in found.items()
        if unit_id in units
    ]


def _describe(
    case: Case, unit_id: int, people: dict[int, int], pauses: dict[int, list[CasePause]]
) -> statistics.Counted:
    marks = {
        Mark.AGREED: case.worker_agrees is True,
        Mark.PLEASED: (case.rating or 0) >= _GOOD,
        Mark.REOPENED: case.reopened > 0,
        Mark.ESCALATED: case.escalated > 0,
    }
    has = frozenset(mark for mark, is_so in marks.items() if is_so)
    hours = hours_of(case, pauses.get(case.id, []))
    return statistics.Counted(case.id, unit_id, people[case.id], case.category, has, hours)


def hours_of(case: Case, pauses: Iterable[CasePause]) -> tuple[float | None, ...]:
    """The hours from when a case was sent until it was claimed, answered and settled, without those in which we waited
    for the worker; working hours where the deadline is in working time."""
    plan = plan_of(case.category, Urgency(case.urgency))
    ends = ((Stage.CLAIM, case.claimed_at), (Stage.FIRST_ANSWER, case.answered_at), (Stage.RESOLUTION, case.settled_at))
    waits = [Pause(pause.since_at, pause.until_at) for pause in pauses]
    return tuple(_count_hours(plan[stage], case.opened_at, end, waits) for stage, end in ends)


def _count_hours(
    countdown: Countdown, start: datetime | None, end: datetime | None, waits: Iterable[Pause]
) -> float | None:
    if start is None or end is None:
        return None
    try:
        return (countdown.within - time_left(countdown, start, end, waits)).total_seconds() / _HOUR_SECONDS
    except UnknownYearError:  # a year whose holidays nobody knows yet
        return (end - start).total_seconds() / _HOUR_SECONDS


def _told(figures: Figures) -> list[Told]:
    return [
        Told(unit_id, measure, amount.amount, amount.out_of)
        for unit_id, measures in figures.items()
        for measure, amount in measures.items()
    ]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), VIETNAM)


def _last_day(end: date) -> date:
    return date.fromordinal(end.toordinal() - 1)
