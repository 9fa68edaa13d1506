"""Finds officers whom the worker names, so that none of them ever sees what was said of them."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from itertools import takewhile

from sqlalchemy.orm import Session

from db.case_access import CASE_ROLES, bar_person, list_barred, list_later_grants, list_readable_at
from db.case_history import EventKind, append, list_lines
from db.deployment import find_fact, set_fact
from db.models import Case, WhyBarred
from db.officers import get_names, list_officers
from knowledge.normalize import fold

_WORDS_OF_WORKER = (EventKind.OPENED, EventKind.WORKER_WROTE)

_SEARCHED = "officers_looked_for"
_GRANTS_AT_ONCE, _CASES_AT_ONCE = 200, 100

_SHORTEST = 2
"""A single word is no name: half the country is called Nguyễn."""


def bar_named(session: Session, case: Case, unit_ids: Iterable[int], now: datetime, today: date) -> None:
    """Keep away from a case every officer of some units whose name stands in what the worker wrote."""
    held = list_officers(session, unit_ids, CASE_ROLES, now, today)
    bar_people_named(session, case, {grant.person_id for grant in held}, now)


def bar_people_named(session: Session, case: Case, people: Collection[int], now: datetime) -> None:
    """Keep away from a case whoever of some people is named in what the worker wrote."""
    barred = {barrier.person_id for barrier in list_barred(session, case)}
    names = get_names(session, sorted(set(people) - barred))
    words = _read_words(session, case) if names else ""
    for person_id, name in names.items():
        if is_named(name, words):
            bar_person(session, case, person_id, WhyBarred.NAMED, now)
            append(session, case, EventKind.BARRED, now, body={"why": WhyBarred.NAMED.value})


def bar_newly_appointed(session: Session, now: datetime) -> bool:
    """Keep those who became officers away from older cases that name them, so that these stand in no list or count of
    theirs. Looks at some cases of one unit at a time; True when there may be more."""
    done_to, seen_to = map(int, (find_fact(session, _SEARCHED) or "0:0").split(":"))
    later = list_later_grants(session, done_to, _GRANTS_AT_ONCE)
    if not later:
        return False
    unit_id = later[0].unit_id
    grants = list(takewhile(lambda grant: grant.unit_id == unit_id, later))
    cases = list_readable_at(session, unit_id, seen_to, _CASES_AT_ONCE)
    for case in cases:
        bar_people_named(session, case, {grant.person_id for grant in grants}, now)
    is_done = len(cases) < _CASES_AT_ONCE
    set_fact(session, _SEARCHED, f"{grants[-1].id}:0" if is_done else f"{done_to}:{cases[-1].id}")
    return True


def is_named_in(session: Session, case: Case, person_id: int) -> bool:
    """Whether somebody is named in a case: asked again for each look, for they may have become an officer since."""
    name = get_names(session, [person_id]).get(person_id, "")
    return is_named(name, _read_words(session, case))


def _read_words(session: Session, case: Case) -> str:
    texts = [
        str(value)
        for line in list_lines(session, case)
        if line.kind in _WORDS_OF_WORKER and line.body
        for value in line.body.values()
        if isinstance(value, str)
    ]
    return fold(" . ".join(texts))


def is_named(name: str, folded: str) -> bool:
    """Whether a full name stands, word for word but for marks, in a folded text."""
    words = fold(name).split()
    return len(words) >= _SHORTEST and f" {' '.join(words)} " in f" {' '.join(folded.split())} "
