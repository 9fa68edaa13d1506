"""The officer at a desk as lists and counts of cases must know them: whoever a worker names sees nothing of that case.

The clock looks through older cases for whoever became an officer or got another name (`handlers.cases.searching`).
Until it has been there, the newest are looked through for each list, and the older ones stand in none.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.orm import Session

from db.case_access import CASE_ROLES, Viewer, list_employer_names, list_newest_readable, read_viewer
from db.case_history import EventKind, list_lines
from db.keys import KeyProblem
from db.models import Case, RoleGrant
from db.officers import get_names
from handlers.workplace_words import mentions
from knowledge.normalize import fold

_WORDS_OF_WORKER = (EventKind.OPENED, EventKind.WORKER_WROTE)

_SHORTEST = 2
"""A single word is no name: half the country is called Nguyễn."""

_AT_ONCE = 50
"""How many cases are looked through for one list; each costs two or three milliseconds."""


@dataclass(frozen=True)
class Sought:
    """What somebody is known by in a story: their full name, and what those are called that pay them or to whom they
    are tied."""

    name: str
    places: frozenset[str]


def read_desk_viewer(
    session: Session, person_id: int, grants: Collection[RoleGrant], now: datetime, today: date
) -> Viewer:
    """The viewer that a person is who acts by these roles; a role that waits for the second factor counts for
    nothing."""
    viewer = read_viewer(session, person_id, now, today)
    usable = frozenset((grant.unit_id, grant.role) for grant in grants)
    viewer = replace(viewer, roles=viewer.roles & usable)
    units = {grant.unit_id for grant in grants if grant.searched_to is not None and grant.role in CASE_ROLES}
    return _look_through(session, viewer, units) if units else viewer


def _look_through(session: Session, viewer: Viewer, unit_ids: set[int]) -> Viewer:
    found = list_newest_readable(session, unit_ids, viewer.person_id, _AT_ONCE)
    sought = read_sought(session, [viewer.person_id])
    named = frozenset(case.id for case in found if _may_name_any(session, case, sought))
    oldest = found[-1].id if len(found) == _AT_ONCE else 0
    return replace(viewer, named_in=named, new_at=frozenset(unit_ids), searched_from=oldest)


def may_be_named(session: Session, case: Case, person_id: int) -> bool:
    """Whether somebody is named in a case, or nobody can say because no key opens it."""
    return _may_name_any(session, case, read_sought(session, [person_id]))


def _may_name_any(session: Session, case: Case, sought: Mapping[int, Sought]) -> bool:
    try:
        return bool(list_named(session, case, sought))
    except KeyProblem:
        return True


def is_named_in(session: Session, case: Case, person_id: int) -> bool:
    """Whether somebody is named in a case, or their employer: asked again for each look, for they may have become an
    officer since."""
    return bool(list_named(session, case, read_sought(session, [person_id])))


def read_sought(session: Session, person_ids: Collection[int]) -> dict[int, Sought]:
    """By what each of some people is known."""
    people = sorted(set(person_ids))
    places = list_employer_names(session, people)
    names = get_names(session, people).items()
    return {one: Sought(name, frozenset(places.get(one, ()))) for one, name in names}


def list_named(session: Session, case: Case, sought: Mapping[int, Sought]) -> list[int]:
    """Those of some people whose full name stands in what the worker wrote; where the union does not know the
    workplace, also those whom an employer pays, or who are tied to one, that is spoken of there. Raises `KeyProblem`
    for a case that no key opens."""
    words = read_words(session, case) if sought else ""
    is_open = case.workplace_unit_id is None
    return sorted(
        person_id
        for person_id, one in sought.items()
        if is_named(one.name, words) or (is_open and any(mentions(words, place) for place in one.places))
    )


def read_words(session: Session, case: Case) -> str:
    """Everything the worker wrote, folded. Raises `KeyProblem` for a case that no key opens."""
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
