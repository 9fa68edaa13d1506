"""Statements on people: found by keyed hashes, their memberships, and the words of their names as tokens."""

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, exists, func, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from db.codes import new_code
from db.keys import Keys
from db.models import (
    OPEN_APPLICATION_STATES,
    Account,
    Application,
    EndReason,
    Membership,
    NameToken,
    Person,
    PersonalRead,
)
from db.officers import search_again
from db.session import keys_of_session


def add_person(session: Session, profile: dict[str, Any] | None, now: datetime) -> Person:
    """Someone we begin to know."""
    person = Person(code=new_code(), created_at=now)
    set_profile(session, person, profile)
    session.add(person)
    session.flush()
    return person


def set_profile(session: Session, person: Person, profile: dict[str, Any] | None) -> None:
    """Replace what we know of a person, and the hashes by which they are found again."""
    keys, facts = keys_of_session(session), profile or {}
    if person.id is not None and (person.profile or {}).get("full_name") != facts.get("full_name"):
        search_again(session, [person.id])
    person.profile = profile
    person.phone_hash = hash_phone(keys, facts.get("phone"))
    person.citizen_id_hash = hash_citizen_id(keys, facts.get("citizen_id"))
    person.identity_hash = hash_identity(keys, facts.get("full_name"), facts.get("born_on"))


def hash_phone(keys: Keys, phone: str | None) -> str | None:
    """By which a telephone number (digits, national form) is found."""
    return keys.hash("phone", phone) if phone else None


def hash_citizen_id(keys: Keys, number: str | None) -> str | None:
    """By which a citizen id number is found."""
    return keys.hash("citizen_id", number) if number else None


def hash_identity(keys: Keys, full_name: str | None, born_on: str | None) -> str | None:
    """By which the same name, marks aside, with the same birthday (ISO) is found."""
    return keys.hash("identity", " ".join(name_words(full_name)), born_on) if full_name and born_on else None


def name_words(name: str) -> list[str]:
    """The words of a name without marks, as they are hashed and compared."""
    plain = unicodedata.normalize("NFD", name.lower().replace("đ", "d"))
    return "".join(sign if sign.isalnum() else " " for sign in plain if not unicodedata.combining(sign)).split()


def name_tokens(keys: Keys, name: str) -> set[str]:
    """Keyed hashes of the words of a name."""
    return {keys.hash("name", word)[:16] for word in name_words(name)}


def find_person(session: Session, code: str) -> Person | None:
    """The person of a code."""
    return session.scalars(select(Person).where(Person.code == code)).first()


def is_anybody_known(session: Session) -> bool:
    """Whether there is any person at all."""
    return session.scalars(select(Person.id).limit(1)).first() is not None


def list_accounts(session: Session, person_id: int) -> list[Account]:
    """A person's channels, the one they used last first."""
    mine = select(Account).where(Account.person_id == person_id)
    return list(session.scalars(mine.order_by(Account.last_seen_at.desc(), Account.id)))


def list_addresses(session: Session, person_ids: Collection[int]) -> list[str]:
    """The hashes by which the ledger knows the channels of some people."""
    return list(session.scalars(select(Account.address_hash).where(Account.person_id.in_(list(person_ids)))))


def runs_on(on: date) -> Any:
    """The condition that a membership runs on a day."""
    return (Membership.since_on <= on) & or_(Membership.until_on.is_(None), Membership.until_on >= on)


def list_memberships(session: Session, person_id: int) -> list[Membership]:
    """Where a person was a member, oldest first."""
    mine = select(Membership).where(Membership.person_id == person_id)
    return list(session.scalars(mine.order_by(Membership.since_on, Membership.id)))


def find_membership(session: Session, person_id: int, on: date) -> Membership | None:
    """Where a person is a member on a day; None for somebody who is not."""
    return session.scalars(select(Membership).where(Membership.person_id == person_id, runs_on(on))).first()


def add_membership(
    session: Session, person: Person, unit_id: int, since_on: date, decision_number: str | None = None
) -> Membership:
    """Make somebody a member of a unit, and findable there by their name."""
    membership = Membership(person_id=person.id, unit_id=unit_id, since_on=since_on, decision_number=decision_number)
    session.add(membership)
    index_name(session, person, unit_id)
    session.flush()
    return membership


def end_membership(session: Session, membership: Membership, until_on: date, reason: EndReason) -> None:
    """End a membership after a day (included); the person is no longer found by name at that unit."""
    membership.until_on, membership.end_reason = until_on, reason
    unindex_name(session, membership.person_id, membership.unit_id)


def index_name(session: Session, person: Person, unit_id: int) -> None:
    """Make a member findable by the words of their name at a unit; replaces what was there."""
    unindex_name(session, person.id, unit_id)
    name = (person.profile or {}).get("full_name")
    if name:
        tokens = name_tokens(keys_of_session(session), name)
        session.add_all(NameToken(token=token, unit_id=unit_id, person_id=person.id) for token in sorted(tokens))


def unindex_name(session: Session, person_id: int, unit_id: int) -> None:
    """Make a member unfindable by name at a unit."""
    session.execute(delete(NameToken).where(NameToken.person_id == person_id, NameToken.unit_id == unit_id))


def search_members(session: Session, name: str, reach: Select[int], limit: int) -> list[Person]:
    """Members whose name holds all these words, within a reach of units; at most ``limit`` of them."""
    keys = keys_of_session(session)
    tokens = list(dict.fromkeys(keys.hash("name", word)[:16] for word in reversed(name_words(name))))
    if not tokens:
        return []
    # the last word first: a given name tells people apart better than one of a few family names
    found = select(NameToken.person_id).where(NameToken.token == tokens[0], NameToken.unit_id.in_(reach)).distinct()
    for token in tokens[1:]:
        other = aliased(NameToken)
        here = (other.unit_id == NameToken.unit_id, other.person_id == NameToken.person_id)
        found = found.where(exists().where(other.token == token, *here))
    here = (Membership.unit_id == NameToken.unit_id, Membership.person_id == NameToken.person_id)
    found = found.where(exists().where(*here, _is_shown()))
    people = select(Person).where(Person.id.in_(found.limit(limit)), Person.erased_at.is_(None))
    return list(session.scalars(people.order_by(Person.id)))


def _is_shown() -> ColumnElement[bool]:
    """The condition that a membership is not an empty span of days, as one that an import still hides (`db.bulk`)."""
    return or_(Membership.until_on.is_(None), Membership.until_on >= Membership.since_on)


@dataclass(frozen=True)
class Listed:
    """A member in a list; the pair of day and number says where the next page begins."""

    person: Person
    unit_id: int
    since_on: date
    membership_id: int


_FEW_UNITS = 150
"""Up to so many units their members are gathered and sorted; beyond, members are gone through by day, the newest first,
until enough are within reach: where many units are, that is soon."""

_MOST_PASSED_OVER = 100_000


def list_members(
    session: Session, reach: Select[int], limit: int, before: tuple[date, int] | None = None
) -> list[Listed]:
    """Members of a reach of units whose membership has no end, the newest first; ``before`` is the day and number of
    the last one of the page before."""
    unit_ids = set(session.scalars(reach))
    page = None if len(unit_ids) <= _FEW_UNITS else _walk_newest(session, unit_ids, limit, before)
    if page is None:
        place = Membership.unit_id.in_(sorted(unit_ids) if len(unit_ids) <= _FEW_UNITS else reach)
        page = [row.id for row in session.execute(_select_newest(before, limit).where(place))]
    found = (
        select(Person, Membership).join(Membership, Membership.person_id == Person.id).where(Membership.id.in_(page))
    )
    rows = session.execute(found.order_by(Membership.since_on.desc(), Membership.id.desc()))
    return [Listed(person, one.unit_id, one.since_on, one.id) for person, one in rows]


def _select_newest(before: tuple[date, int] | None, limit: int) -> Select[int, date, int]:
    newest = select(Membership.id, Membership.since_on, Membership.unit_id).where(Membership.until_on.is_(None))
    if before is not None:
        newest = newest.where(tuple_(Membership.since_on, Membership.id) < before)
    return newest.order_by(Membership.since_on.desc(), Membership.id.desc()).limit(limit)


def _walk_newest(session: Session, unit_ids: set[int], limit: int, before: tuple[date, int] | None) -> list[int] | None:
    """The newest memberships at these units, met by going through all by day; None when too many others came first. A
    plain walk along an index: what a planner makes of a long list of units depends on its statistics."""
    found: list[int] = []
    size, passed = 4 * limit, 0
    while len(found) < limit:
        rows = session.execute(_select_newest(before, size)).all()
        found += [row.id for row in rows if row.unit_id in unit_ids]
        if len(rows) < size:
            break
        passed += size
        if passed > _MOST_PASSED_OVER:
            return None
        before = (rows[-1].since_on, rows[-1].id)
        size = min(4 * size, _MOST_PASSED_OVER // 5)
    return found[:limit]


def record_read(session: Session, reader_id: int, subjects: Collection[int], what: str, now: datetime) -> None:
    """Keep that an officer read the personal data of these people."""
    session.add_all(
        PersonalRead(reader_id=reader_id, subject_id=subject, what=what, read_at=now)
        for subject in subjects
        if subject != reader_id
    )


def list_open_handled(session: Session, person_id: int) -> list[Application]:
    """The open applications that an officer took up, at whatever unit."""
    mine = select(Application).where(
        Application.handled_by_id == person_id, Application.state.in_(OPEN_APPLICATION_STATES)
    )
    return list(session.scalars(mine.order_by(Application.submitted_at)))


def count_members(session: Session, unit_ids: Collection[int], on: date) -> int:
    """How many members these very units have on a day, without those of the units under them."""
    here = select(func.count()).select_from(Membership).where(Membership.unit_id.in_(list(unit_ids)), runs_on(on))
    return session.scalars(here).one()


def find_alike(session: Session, person: Person, unit_id: int) -> list[Person]:
    """Others at a unit, as members or applicants, with the same phone, id number, or name and birthday."""
    same = [
        column == value
        for column, value in (
            (Person.phone_hash, person.phone_hash),
            (Person.citizen_id_hash, person.citizen_id_hash),
            (Person.identity_hash, person.identity_hash),
        )
        if value is not None
    ]
    if not same:
        return []
    members = select(Membership.person_id).where(Membership.unit_id == unit_id)
    applicants = select(Application.person_id).where(Application.unit_id == unit_id)
    others = select(Person).where(
        or_(*same),
        Person.id != person.id,
        Person.merged_into_id.is_(None),
        or_(Person.id.in_(members), Person.id.in_(applicants)),
    )
    return list(session.scalars(others.order_by(Person.id)))


def list_profiles_at(session: Session, unit_id: int, limit: int) -> list[tuple[int, Any]]:
    """What is known of everybody who is or was at a very unit, as a member or an applicant, each once; of more than
    ``limit`` the last ones who came to be known."""
    members = select(Membership.person_id).where(Membership.unit_id == unit_id)
    applicants = select(Application.person_id).where(Application.unit_id == unit_id)
    known = select(Person.id, Person.profile).where(
        Person.id.in_(members.union(applicants)), Person.merged_into_id.is_(None), Person.erased_at.is_(None)
    )
    return [(number, profile) for number, profile in session.execute(known.order_by(Person.id.desc()).limit(limit))]


def list_sharing_words(session: Session, name: str, unit_id: int, limit: int) -> list[tuple[int, Any]]:
    """What is known of members of a unit whose names hold all words of a name but one: how a single misspelt word is
    found where a unit has too many members to look at each."""
    tokens = sorted(name_tokens(keys_of_session(session), name))
    here = select(NameToken.person_id).where(NameToken.unit_id == unit_id, NameToken.token.in_(tokens))
    near = here.group_by(NameToken.person_id).having(func.count() >= max(2, len(tokens) - 1))
    known = select(Person.id, Person.profile).where(Person.id.in_(near), Person.merged_into_id.is_(None))
    return [(number, profile) for number, profile in session.execute(known.order_by(Person.id.desc()).limit(limit))]


def list_unit_members(session: Session, unit_ids: Collection[int], on: date, limit: int) -> list[tuple[Person, date]]:
    """The members of these very units on a day, each with their first day there, by that day."""
    here = select(Person, Membership.since_on).join(Membership, Membership.person_id == Person.id)
    here = (
        here.where(Membership.unit_id.in_(list(unit_ids)), runs_on(on))
        .order_by(Membership.since_on, Person.id)
        .limit(limit)
    )
    return [(person, since) for person, since in session.execute(here)]
