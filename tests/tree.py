"""A small union on a real database, so that a test of the tree reads as a sentence."""

import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Application, ApplicationState, Membership, Person, Role, RoleGrant, UnitLevel
from db.officers import add_grant, list_grants
from db.people import add_membership, add_person, search_members
from db.session import Database
from db.units import UnitFacts, add_unit
from handlers.access import Actor, Right, select_reach

T = TypeVar("T")

START = date(2024, 1, 1)
TODAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)

_codes = itertools.count(1)


class Tree:
    """Each call is a transaction of its own; what it returns are ids."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def do(self, work: Callable[..., T], *args: Any, **named: Any) -> T:
        """Call ``work(session, …)`` in a transaction that is committed."""
        with self.database.begin() as session:
            return work(session, *args, **named)

    def unit(
        self, code: str, level: UnitLevel, parent: int | None, name: str = "", since: date = START, **facts: Any
    ) -> int:
        """A unit that is open since a day."""
        return self.do(add_unit, code, UnitFacts(level, parent, name or code, **facts), since).id

    def member(self, name: str, unit_id: int, since: date = START) -> int:
        """A member of a unit."""

        def add(session: Session) -> int:
            person = add_person(session, {"full_name": name}, NOW)
            add_membership(session, person, unit_id, since)
            return person.id

        return self.do(add)

    def officer(self, name: str, unit_id: int, role: Role, **facts: Any) -> int:
        """Somebody with a role at a unit."""

        def add(session: Session) -> int:
            person = add_person(session, {"full_name": name}, NOW)
            add_grant(session, person, unit_id, role, facts.pop("from_on", START), NOW, **facts)
            return person.id

        return self.do(add)

    def application(self, unit_id: int, handled_by: int | None = None) -> int:
        """An application that waits at a unit."""

        def add(session: Session) -> int:
            person = add_person(session, {"full_name": "Người xin vào"}, NOW)
            row = Application(
                code=f"A{next(_codes):07d}",
                person_id=person.id,
                unit_id=unit_id,
                state=ApplicationState.SUBMITTED,
                submitted_at=NOW,
                changed_at=NOW,
                handled_by_id=handled_by,
            )
            session.add(row)
            session.flush()
            return row.id

        return self.do(add)

    def actor(self, person_id: int) -> Actor:
        """A person acting as an officer now."""
        return Actor(person_id, tuple(self.do(list_grants, person_id, NOW, TODAY)))

    def memberships(self, person_id: int) -> list[Membership]:
        """Where a person was a member, oldest first."""
        mine = select(Membership).where(Membership.person_id == person_id)
        return self.do(lambda session: list(session.scalars(mine.order_by(Membership.since_on, Membership.id))))

    def roles(self, person_id: int, today: date = TODAY) -> set[tuple[Role, int]]:
        """The roles a person holds today, and where."""
        return {(grant.role, grant.unit_id) for grant in self.do(list_grants, person_id, NOW, today)}

    def grants(self, person_id: int) -> list[RoleGrant]:
        """Every role a person was ever given."""
        mine = select(RoleGrant).where(RoleGrant.person_id == person_id).order_by(RoleGrant.id)
        return self.do(lambda session: list(session.scalars(mine)))

    def finds(self, officer_id: int, name: str, today: date = TODAY) -> set[int]:
        """Whom an officer finds by name."""

        def search(session: Session) -> list[Person]:
            actor = Actor(officer_id, tuple(list_grants(session, officer_id, NOW, today)))
            return search_members(session, name, select_reach(actor, Right.FIND_MEMBERS, today), 100)

        return {person.id for person in self.do(search)}
