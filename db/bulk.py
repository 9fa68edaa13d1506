"""Many members at once: written in short transactions that nobody sees, then shown in one.

A membership whose last day lies before its first runs on no day at all, so its person is a member nowhere, is counted
nowhere and is found by no name. Members of an import begin so; one statement then gives them all an open end. Until
then the running bot writes in between, and an import that was cut off is taken away again.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.orm import Session

from db.codes import new_code
from db.inbox import insert_ignoring_duplicates
from db.keys import Keys
from db.models import Base, DeploymentFact, Membership, NameToken, Person
from db.people import hash_citizen_id, hash_identity, hash_phone
from db.types import plain_columns

HIDDEN = date(1, 1, 1)
"""The last day of a membership that is not shown yet."""

_TABLES = ("people", "memberships", "name_tokens")
_RUNNING = "import_running"
_GONE_AFTER = timedelta(minutes=3)
_PEOPLE, _MEMBERSHIPS, _TOKENS = (plain_columns(Base.metadata.tables[name]) for name in _TABLES)
_MOST_VALUES = 5000
_CACHE_KIB = 64 * 1024


@dataclass(frozen=True)
class NewPerson:
    """Somebody ready to be written: the profile is sealed, numbers are hashed; without a code they get one."""

    profile: bytes
    phone_hash: str | None
    citizen_id_hash: str | None
    identity_hash: str | None
    code: str | None = None


@dataclass(frozen=True)
class NewMember:
    """A member ready to be written; ``tokens`` are the hashed words of their name."""

    person: NewPerson
    unit_id: int
    tokens: tuple[str, ...]
    since_on: date
    decision_number: str | None = None


def seal_person(keys: Keys, profile: dict[str, Any], code: str | None = None) -> NewPerson:
    """A person ready to be written, from what is known of them."""
    return NewPerson(
        keys.seal(json.dumps(profile, ensure_ascii=False).encode(), "people.profile"),
        hash_phone(keys, profile.get("phone")),
        hash_citizen_id(keys, profile.get("citizen_id")),
        hash_identity(keys, profile.get("full_name"), profile.get("born_on")),
        code,
    )


def begin_import(session: Session, now: datetime) -> bool:
    """Take the right to import; False while another import is at work. It is kept by `beat`."""
    insert_ignoring_duplicates(session, DeploymentFact, [{"name": _RUNNING, "value": ""}])
    fact = session.get_one(DeploymentFact, _RUNNING, with_for_update=True)
    if fact.value and now - datetime.fromisoformat(json.loads(fact.value)) < _GONE_AFTER:
        return False
    beat(session, now)
    return True


def beat(session: Session, now: datetime) -> None:
    """Say that the import is still at work."""
    session.get_one(DeploymentFact, _RUNNING).value = json.dumps(now.isoformat())


def end_import(session: Session) -> None:
    """Give the right to import back."""
    fact = session.get(DeploymentFact, _RUNNING)
    if fact is not None:
        fact.value = ""


def add_people(session: Session, people: Sequence[NewPerson], now: datetime) -> list[int]:
    """Write people, at most a few thousand at once; returns their ids in the same order."""
    ids, codes = _reserve_ids(session, len(people)), _free_codes(session, people)
    rows = [
        {
            "id": number,
            "code": code,
            "profile": one.profile,
            "phone_hash": one.phone_hash,
            "citizen_id_hash": one.citizen_id_hash,
            "identity_hash": one.identity_hash,
            "created_at": now,
        }
        for number, code, one in zip(ids, codes, people, strict=True)
    ]
    session.connection().execute(insert(_PEOPLE), rows)
    return ids


def add_hidden_members(session: Session, members: Sequence[NewMember], now: datetime) -> None:
    """Write people, their memberships and the words of their names, shown to nobody yet."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA cache_size=-{_CACHE_KIB}")  # the index of names is met in random order
    ids = add_people(session, [one.person for one in members], now)
    memberships = [
        {
            "person_id": number,
            "unit_id": one.unit_id,
            "since_on": one.since_on,
            "until_on": HIDDEN,
            "decision_number": one.decision_number,
        }
        for number, one in zip(ids, members, strict=True)
    ]
    tokens = sorted((token, one.unit_id, id_) for id_, one in zip(ids, members, strict=True) for token in one.tokens)
    connection.execute(insert(_MEMBERSHIPS), memberships)
    connection.execute(
        insert(_TOKENS), [{"token": token, "unit_id": unit_id, "person_id": id_} for token, unit_id, id_ in tokens]
    )


def show_hidden_members(session: Session) -> int:
    """Make everybody written by `add_hidden_members` a member, all at once; returns how many."""
    shown = update(Membership).where(Membership.until_on == HIDDEN).values(until_on=None)
    return int(session.execute(shown, execution_options={"synchronize_session": False}).rowcount)  # type: ignore[attr-defined]  # row count


def gather_statistics(session: Session) -> None:
    """Let PostgreSQL learn at once what changed, instead of planning by an empty table until it looks by itself."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("ANALYZE people, memberships, name_tokens"))


def take_hidden_away(session: Session, limit: int) -> int:
    """Take away at most ``limit`` members that an import left hidden when it was cut off; returns how many."""
    people = list(session.scalars(select(Membership.person_id).where(Membership.until_on == HIDDEN).limit(limit)))
    for model, column in ((NameToken, NameToken.person_id), (Membership, Membership.person_id), (Person, Person.id)):
        session.execute(delete(model).where(column.in_(people)), execution_options={"synchronize_session": False})
    return len(people)


def find_hashes(session: Session, unit_ids: Sequence[int], hashes: Sequence[str]) -> set[tuple[int, str]]:
    """Which of these hashes of phones, id numbers and identities belong to members of which of these units."""
    found: set[tuple[int, str]] = set()
    for column in (Person.phone_hash, Person.citizen_id_hash, Person.identity_hash):
        same = select(Membership.unit_id, column).join(Person, Person.id == Membership.person_id)
        running = same.where(column.in_(hashes), Membership.unit_id.in_(unit_ids), Membership.until_on.is_(None))
        found |= {(unit_id, value) for unit_id, value in session.execute(running) if value is not None}
    return found


def has_members(session: Session) -> bool:
    """Whether anybody is a member of anything."""
    return session.scalars(select(Membership.id).limit(1)).first() is not None


def find_codes(session: Session, codes: Sequence[str]) -> set[str]:
    """Which of these codes of people are taken."""
    return set(session.scalars(select(Person.code).where(Person.code.in_(codes))))


def find_people_by_code(session: Session, codes: Sequence[str]) -> dict[str, int]:
    """Who holds these codes."""
    found: dict[str, int] = {}
    for some in _parts(codes):
        known = select(Person.code, Person.id).where(Person.code.in_(some), Person.erased_at.is_(None))
        found |= dict(session.execute(known).all())
    return found


def find_people_by_phone(session: Session, hashes: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
    """Who is known by these hashed telephone numbers: id and name; one number may be of several people."""
    found: dict[str, list[tuple[int, str]]] = {}
    for some in _parts(hashes):
        known = select(Person).where(
            Person.phone_hash.in_(some), Person.merged_into_id.is_(None), Person.erased_at.is_(None)
        )
        for person in session.scalars(known.order_by(Person.id)):
            name = (person.profile or {}).get("full_name", "")
            found.setdefault(person.phone_hash or "", []).append((person.id, name))
    return found


def _parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Databases take a few ten thousand values in one statement, not more."""
    for start in range(0, len(values), _MOST_VALUES):
        yield values[start : start + _MOST_VALUES]


def _reserve_ids(session: Session, count: int) -> list[int]:
    if session.get_bind().dialect.name == "sqlite":
        last = session.execute(select(Person.id).order_by(Person.id.desc()).limit(1)).scalar() or 0
        return list(range(last + 1, last + 1 + count))  # a writing transaction excludes all others
    sequence = text("SELECT nextval(pg_get_serial_sequence('people', 'id')) FROM generate_series(1, :count)")
    return [int(number) for number in session.scalars(sequence, {"count": count})]


def _free_codes(session: Session, people: Sequence[NewPerson]) -> list[str]:
    """Their own codes, or new ones: among hundreds of thousands two random ones do meet, so taken ones are redrawn."""
    wanted = {one.code for one in people if one.code}
    fresh = _draw(len(people), wanted)
    taken = find_codes(session, fresh)
    while taken:
        fresh = [code for code in fresh if code not in taken]
        fresh += _draw(len(people) - len(fresh), wanted | set(fresh))
        taken = find_codes(session, fresh)
    supply: Iterator[str] = iter(fresh)
    return [one.code or next(supply) for one in people]


def _draw(count: int, without: set[str]) -> list[str]:
    drawn: dict[str, None] = {}
    while len(drawn) < count:
        code = new_code()
        if code not in without:
            drawn[code] = None
    return list(drawn)
