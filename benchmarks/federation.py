"""A federation written straight into the tables: units, members who agreed to news, and an account for each."""

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from benchmarks.organisation import list_units
from db.accounts import lane_of
from db.models import Account, Consent, Membership, Person, UnitLevel, UnitPeriod
from db.session import Database
from db.units import NewPeriod, UnitFacts, add_units

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
TODAY = date(2026, 11, 21)
SINCE = date(2020, 1, 1)
_CHUNK = 10_000
_LEVELS = {"Tổng LĐLĐ": UnitLevel.CONFEDERATION, "LĐLĐ tỉnh": UnitLevel.FEDERATION, "CĐ cấp trên": UnitLevel.UPPER}


def plant_units(database: Database) -> list[int]:
    """The tree of 10,000 workplaces under 126 upper unions; returns the workplaces."""
    rows = [
        NewPeriod(
            str(code),
            UnitFacts(_LEVELS.get(str(level), UnitLevel.WORKPLACE), None, str(name)),
            str(parent) if parent else None,
            SINCE,
        )
        for code, name, level, parent, *_ in list_units()
    ]
    with database.begin() as session:
        add_units(session, rows)
        return list(session.scalars(select(UnitPeriod.unit_id).where(UnitPeriod.level == UnitLevel.WORKPLACE)))


def plant_members(
    database: Database,
    count: int,
    workplaces: list[int],
    sender_of: Callable[[int], str],
    address_of: Callable[[int], str],
) -> None:
    """Members spread over the workplaces, each with one account and a consent to news."""
    for start in range(0, count, _CHUNK):
        numbers = range(start, min(count, start + _CHUNK))
        with database.begin() as session:
            _add_some(session, database, numbers, workplaces, sender_of, address_of)


def _add_some(
    session: Session,
    database: Database,
    numbers: range,
    workplaces: list[int],
    sender_of: Callable[[int], str],
    address_of: Callable[[int], str],
) -> None:
    people = [{"code": secrets.token_hex(8), "created_at": NOW} for _ in numbers]
    first = session.scalar(select(Person.id).order_by(Person.id.desc()).limit(1)) or 0
    session.execute(insert(Person), people)
    ids = list(session.scalars(select(Person.id).where(Person.id > first).order_by(Person.id)))
    together = list(zip(ids, numbers, strict=True))
    session.execute(insert(Membership), list(_memberships(together, workplaces)))
    session.execute(
        insert(Consent),
        [{"person_id": one, "purpose": "news", "version": 1, "given_at": NOW} for one in ids],
    )
    session.execute(
        insert(Account),
        [
            {
                "person_id": one,
                "sender": sender_of(number),
                "address": address_of(number),
                "address_hash": lane_of(database.keys, sender_of(number), address_of(number)),
                "first_seen_at": NOW,
                "last_seen_at": NOW,
            }
            for one, number in together
        ],
    )


def _memberships(together: list[tuple[int, int]], workplaces: list[int]) -> Iterator[dict[str, Any]]:
    for person_id, number in together:
        yield {"person_id": person_id, "unit_id": workplaces[number % len(workplaces)], "since_on": SINCE}
