"""Statements on officers: who holds which role where, one-time codes, and tries that must not be many."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from db.keys import Keys
from db.models import Account, Person, Role, RoleGrant, SecondFactor, SignInCode, Throttle
from db.session import keys_of_session

_AT_ONCE = 1000

_SET_BACK = timedelta(days=1)
"""A clock is not set back by more."""


def holds_at(now: datetime, today: date) -> ColumnElement[bool]:
    """The condition that a role is held at this minute of this day. A clock that is set back gives back no role."""
    return (
        (RoleGrant.from_on <= today)
        & or_(RoleGrant.to_on.is_(None), RoleGrant.to_on >= today)
        & or_(RoleGrant.ended_at.is_(None), RoleGrant.ended_at > now + _SET_BACK)
    )


def list_grants(session: Session, person_id: int, now: datetime, today: date) -> list[RoleGrant]:
    """The roles a person holds now."""
    mine = select(RoleGrant).where(RoleGrant.person_id == person_id, holds_at(now, today))
    return list(session.scalars(mine.order_by(RoleGrant.id)))


def list_all_grants(session: Session, person_id: int) -> list[RoleGrant]:
    """Every role a person holds or held, oldest first."""
    return list(session.scalars(select(RoleGrant).where(RoleGrant.person_id == person_id).order_by(RoleGrant.id)))


def list_grants_to_come(session: Session, person_id: int, now: datetime, today: date) -> list[RoleGrant]:
    """The roles a person holds now or from a later day on."""
    mine = select(RoleGrant).where(
        RoleGrant.person_id == person_id,
        or_(RoleGrant.to_on.is_(None), RoleGrant.to_on >= today),
        or_(RoleGrant.ended_at.is_(None), RoleGrant.ended_at > now),
    )
    return list(session.scalars(mine.order_by(RoleGrant.id)))


def list_officers(
    session: Session, unit_ids: Iterable[int], roles: Collection[Role], now: datetime, today: date
) -> list[RoleGrant]:
    """Who holds one of some roles at these very units now."""
    held = select(RoleGrant).where(
        RoleGrant.unit_id.in_(list(unit_ids)), RoleGrant.role.in_(roles), holds_at(now, today)
    )
    return list(session.scalars(held.order_by(RoleGrant.id)))


def add_grant(
    session: Session,
    person: Person,
    unit_id: int,
    role: Role,
    from_on: date,
    now: datetime,
    to_on: date | None = None,
    paid_by_unit_id: int | None = None,
    granted_by_id: int | None = None,
) -> RoleGrant:
    """Give a person a role at a unit."""
    grant = RoleGrant(
        person_id=person.id,
        unit_id=unit_id,
        role=role,
        from_on=from_on,
        to_on=to_on,
        paid_by_unit_id=paid_by_unit_id,
        granted_by_id=granted_by_id,
        granted_at=now,
    )
    session.add(grant)
    session.flush()
    if paid_by_unit_id is not None:
        search_again(session, [person.id])
    return grant


def search_again(session: Session, person_ids: Collection[int]) -> None:
    """These people are known by another name, or paid by another employer, from now on: at every unit of theirs all
    older cases are to be looked through for them once more (`handlers.cases.searching`)."""
    people = sorted(person_ids)
    for start in range(0, len(people), _AT_ONCE):
        is_theirs = RoleGrant.person_id.in_(people[start : start + _AT_ONCE])
        theirs = update(RoleGrant).where(is_theirs, RoleGrant.ended_at.is_(None)).values(searched_to=0)
        session.execute(theirs, execution_options={"synchronize_session": "fetch"})


def is_unsearched(session: Session, person_id: int) -> bool:
    """Whether older cases are still to be looked through for somebody."""
    left = select(RoleGrant.id).where(
        RoleGrant.person_id == person_id, RoleGrant.searched_to.is_not(None), RoleGrant.ended_at.is_(None)
    )
    return session.scalars(left.limit(1)).first() is not None


def end_grant(grant: RoleGrant, now: datetime, ended_by_id: int | None) -> None:
    """End a role this minute."""
    grant.ended_at, grant.ended_by_id = now, ended_by_id


def hash_sign_in(keys: Keys, code: str) -> str:
    """How a one-time code is stored."""
    return keys.hash("sign_in", code)


def add_sign_in_code(
    session: Session, code: str, person_id: int, issued_by_id: int | None, now: datetime, lifetime: timedelta
) -> SignInCode:
    """Store a one-time code by its keyed hash; the code itself is only ever shown."""
    row = SignInCode(
        code_hash=hash_sign_in(keys_of_session(session), code),
        person_id=person_id,
        issued_by_id=issued_by_id,
        issued_at=now,
        expires_at=now + lifetime,
    )
    session.add(row)
    session.flush()
    return row


def find_sign_in_code(session: Session, code: str, now: datetime) -> SignInCode | None:
    """An unused code that still holds; locked, so that two accounts cannot use it at once."""
    mine = SignInCode.code_hash == hash_sign_in(keys_of_session(session), code)
    unused = select(SignInCode).where(mine, SignInCode.used_at.is_(None), SignInCode.expires_at > now)
    return session.scalars(unused.with_for_update()).first()


def count_try(session: Session, name: str, window: timedelta, now: datetime) -> int:
    """Count one try under a name; returns how many there were within the window, this one included."""
    row = session.scalars(select(Throttle).where(Throttle.name == name).with_for_update()).first()
    if row is None:
        row = Throttle(name=name, tries=0, since_at=now)
        session.add(row)
    if now - row.since_at > window:
        row.tries, row.since_at = 0, now
    row.tries += 1
    session.flush()
    return row.tries


def find_second_factor(session: Session, person_id: int) -> SecondFactor | None:
    """A person's second factor, begun or confirmed."""
    return session.get(SecondFactor, person_id, with_for_update=True)


def forget_second_factor(session: Session, person_id: int) -> None:
    """Erase a person's second factor, and the proof of it on their accounts."""
    session.execute(delete(SecondFactor).where(SecondFactor.person_id == person_id))
    session.execute(update(Account).where(Account.person_id == person_id).values(second_factor_at=None))


def void_codes(session: Session, person_id: int, now: datetime) -> None:
    """Unused codes of a person hold no longer."""
    unused = update(SignInCode).where(SignInCode.person_id == person_id, SignInCode.used_at.is_(None))
    session.execute(unused.where(SignInCode.expires_at > now).values(expires_at=now))


def last_confirmed_at(session: Session, account_id: int) -> datetime | None:
    """When a sign-in on an account was last confirmed; None when never."""
    found = select(func.max(SignInCode.confirmed_at)).where(SignInCode.account_id == account_id)
    return session.scalars(found).first()


def list_undecided_codes(session: Session, issued_by_id: int, now: datetime) -> list[SignInCode]:
    """Codes an officer issued that somebody claims and that wait for the officer's word."""
    waiting = select(SignInCode).where(
        SignInCode.issued_by_id == issued_by_id,
        SignInCode.claimed_at.is_not(None),
        SignInCode.confirmed_at.is_(None),
        SignInCode.refused_at.is_(None),
        SignInCode.expires_at > now,
    )
    return list(session.scalars(waiting.order_by(SignInCode.id)))


@dataclass(frozen=True)
class NewGrant:
    """A role of a list, ready to be written."""

    person_id: int
    unit_id: int
    role: Role
    from_on: date
    to_on: date | None
    paid_by_unit_id: int | None


def add_grants(session: Session, grants: Sequence[NewGrant], now: datetime) -> None:
    """Give many roles at once, in the operator's name."""
    if grants:
        session.execute(insert(RoleGrant), [asdict(grant) | {"granted_at": now} for grant in grants])
        search_again(session, {grant.person_id for grant in grants if grant.paid_by_unit_id is not None})


def list_held(session: Session, now: datetime, today: date) -> set[tuple[int, int, Role]]:
    """Every role held now: person, unit, role."""
    held = select(RoleGrant.person_id, RoleGrant.unit_id, RoleGrant.role).where(holds_at(now, today))
    return {(person_id, unit_id, role) for person_id, unit_id, role in session.execute(held)}


def count_tries(session: Session, name: str, window: timedelta, now: datetime) -> int:
    """How many tries were counted under a name within the window; counts none."""
    row = session.get(Throttle, name)
    return 0 if row is None or now - row.since_at > window else row.tries


def holds_role_from_now(session: Session, person_id: int, now: datetime, today: date) -> bool:
    """Whether a person holds a role now or has one that begins later."""
    lasting = or_(RoleGrant.to_on.is_(None), RoleGrant.to_on >= today)
    running = or_(RoleGrant.ended_at.is_(None), RoleGrant.ended_at > now)
    held = select(RoleGrant.id).where(RoleGrant.person_id == person_id, lasting, running)
    return session.scalars(held.limit(1)).first() is not None


def forget_codes(session: Session, before: datetime) -> int:
    """Erase sign-in codes whose time was over before a moment; returns how many."""
    return session.execute(delete(SignInCode).where(SignInCode.expires_at < before)).rowcount  # type: ignore[attr-defined,no-any-return]  # row count


def forget_tries(session: Session, before: datetime) -> int:
    """Erase counts of tries begun before a moment; returns how many."""
    return session.execute(delete(Throttle).where(Throttle.since_at < before)).rowcount  # type: ignore[attr-defined,no-any-return]  # row count


def get_names(session: Session, person_ids: Sequence[int]) -> dict[int, str]:
    """The full names of officers, to find them in what a worker wrote."""
    rows: Any = session.scalars(select(Person).where(Person.id.in_(person_ids)))
    return {row.id: (row.profile or {}).get("full_name", "") for row in rows}


def get_genders(session: Session, person_ids: Sequence[int]) -> dict[int, str]:
    """What officers gave as their gender, where they did."""
    rows: Any = session.scalars(select(Person).where(Person.id.in_(person_ids)))
    return {row.id: row.profile["gender"] for row in rows if (row.profile or {}).get("gender")}
