"""Cases at full size: how fast an officer's list opens, and how long figures and the look for hot spots take.

100,000 open cases, 10,000 units (of them 126 upper unions), written straight into the tables: codes, states, units and
workers are invented, each case has a real key of its own in the store of case keys, and its worker is tied to it by a
real sealed row; it has no story and no files, since a list reads none.
"""

import argparse
import json
import os
import random
import secrets
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from benchmarks.organisation import FEDERATIONS, UPPERS, list_units
from db.accounts import lane_of
from db.case_access import Viewer, read_viewer
from db.case_figures import find_last_published, read_figures, read_tree
from db.case_keys import CaseKeys, StoredKey
from db.case_parties import PARTY_PLACE
from db.cases import Wanted, count_visible, list_visible
from db.codes import new_code
from db.keys import Keys, create_key_file, load_key_file
from db.migrate import migrate
from db.models import (
    Account,
    Case,
    CaseParty,
    CaseReader,
    CaseState,
    PeriodKind,
    Role,
    RoleGrant,
    UnitLevel,
    UnitPeriod,
    WhyReader,
)
from db.people import add_person
from db.session import Database
from db.units import NewPeriod, UnitFacts, add_units
from handlers.cases.hot_spots import watch_spots
from handlers.cases.publishing import publish_month, publish_quarter
from knowledge.case_terms import load_case_terms
from tests.postgres import run_postgres

CASES, UNITS = 100_000, 10_000
NOW = datetime(2026, 10, 31, 3, 0, tzinfo=UTC)
TODAY = date(2026, 10, 31)
_CHUNK = 2_000
_OFFICERS = 3
_LEVELS = {"Tổng LĐLĐ": UnitLevel.CONFEDERATION, "LĐLĐ tỉnh": UnitLevel.FEDERATION, "CĐ cấp trên": UnitLevel.UPPER}


def plant(database: Database) -> None:
    """The union tree, with three officers at every upper union and federation, each with an account at a desk."""
    rows = [
        NewPeriod(
            str(code),
            UnitFacts(_LEVELS.get(str(level), UnitLevel.WORKPLACE), None, str(name), *_employer(more)),
            str(parent) if parent else None,
            date(2020, 1, 1),
        )
        for code, name, level, parent, *more in list_units()
    ]
    with database.begin() as session:
        add_units(session, rows)
        above = select(UnitPeriod.unit_id).where(UnitPeriod.level.in_(list(_LEVELS.values())))
        for unit_id in session.scalars(above).all():
            for number in range(_OFFICERS):
                _add_officer(session, unit_id, number)


def _employer(more: list[Any]) -> tuple[Any, ...]:
    """The employer, its headcount, sector, province, commune and wage region, of a workplace."""
    return tuple(more[-6:]) if more else ()


def _add_officer(session: Session, unit_id: int, number: int) -> None:
    role = (Role.OFFICER, Role.DEPUTY_CHAIR, Role.CHAIR)[number]
    person = add_person(session, {"full_name": f"Cán Bộ {unit_id} {number}"}, NOW)
    session.add(RoleGrant(person_id=person.id, unit_id=unit_id, role=role, from_on=date(2020, 1, 1), granted_at=NOW))
    session.add(_account(session.info["keys"], f"officer-{unit_id}-{number}", person.id))


def _account(keys: Keys, address: str, person_id: int | None = None) -> Account:
    lane = lane_of(keys, "web", address)
    return Account(
        sender="web", address=address, address_hash=lane, person_id=person_id, first_seen_at=NOW, last_seen_at=NOW
    )


def bring_in(database: Database, count: int) -> float:
    """So many open cases of the last ninety days, each by a worker of its own; returns the seconds."""
    began, chance = time.perf_counter(), random.Random(5)
    with database.read() as session:
        workplaces = list(
            session.execute(
                select(UnitPeriod.unit_id, UnitPeriod.parent_id).where(UnitPeriod.level == UnitLevel.WORKPLACE)
            )
        )
    for start in range(0, count, _CHUNK):
        _bring_in_some(database, workplaces, chance, min(_CHUNK, count - start), start)
    with database.begin() as session:
        session.execute(text("ANALYZE"))
    return time.perf_counter() - began


def _bring_in_some(database: Database, workplaces: list[Any], chance: random.Random, count: int, start: int) -> None:
    case_keys = database.case_keys
    assert case_keys is not None
    keys = database.keys
    names = [secrets.token_hex(16) for _ in range(count)]
    wrapped = [keys.seal(secrets.token_bytes(32), f"case_keys.wrapped.{name}") for name in names]
    case_keys.bring_back([StoredKey(name, key, TODAY) for name, key in zip(names, wrapped, strict=True)])
    ciphers = case_keys.list_ciphers(names)
    with database.begin() as session:
        accounts = [_account(keys, f"worker-{start + number}") for number in range(count)]
        session.add_all(accounts)
        session.flush()
        cases = [_invent(chance, name, *chance.choice(workplaces)) for name in names]
        ids = list(session.scalars(insert(Case).returning(Case.id, sort_by_parameter_order=True), cases))
        parties, readers = [], []
        for case_id, case, account in zip(ids, cases, accounts, strict=True):
            sealed = ciphers[case["key_id"]].seal(str(account.id).encode(), PARTY_PLACE)
            hashed = keys.hash("case_party", account.sender, account.address_hash)
            parties.append({"case_id": case_id, "party_hash": hashed, "account": sealed, "added_at": NOW})
            why = {"why": WhyReader.RESPONSIBLE, "since_at": NOW}
            readers.append({"case_id": case_id, "unit_id": case["unit_id"]} | why)
        session.execute(insert(CaseParty), parties)
        session.execute(insert(CaseReader), readers)


def _invent(chance: random.Random, key_id: str, workplace_id: int, unit_id: int) -> dict[str, Any]:
    opened_at = NOW - timedelta(days=chance.random() * 90)
    state = chance.choice((CaseState.OPENED, CaseState.CLAIMED, CaseState.ANSWERED))
    claimed_at = opened_at + timedelta(hours=chance.random() * 30)
    return {
        "code": new_code(),
        "key_id": key_id,
        "state": state,
        "category": chance.choice(list(load_case_terms().categories)),
        "urgency": "ordinary",
        "is_named": False,
        "holder_only": False,
        "unit_id": unit_id,
        "workplace_unit_id": workplace_id,
        "round": 1,
        "stage_round": 1,
        "created_at": opened_at,
        "opened_at": opened_at,
        "claimed_at": claimed_at if state != CaseState.OPENED else None,
        "answered_at": claimed_at + timedelta(hours=30) if state == CaseState.ANSWERED else None,
        "due_at": opened_at + timedelta(days=chance.random() * 40),
        "reopened": int(chance.random() < 0.05),
        "escalated": int(chance.random() < 0.1),
        "head_number": 1,
    }


def measure_lists(database: Database) -> dict[str, Any]:
    """What an officer waits for: who they are, the counts of all lists, and a page of each."""
    with database.read() as session:
        levels = dict(session.execute(select(UnitPeriod.unit_id, UnitPeriod.level)).all())
        held = session.execute(select(RoleGrant.person_id, RoleGrant.unit_id)).all()
    wanted = {
        "all": Wanted(),
        "mine": Wanted(mine=True),
        "unclaimed": Wanted(unclaimed=True),
        "overdue": Wanted(overdue_at=NOW),
    }
    figures: dict[str, Any] = {}
    for level in (UnitLevel.UPPER, UnitLevel.FEDERATION, UnitLevel.CONFEDERATION):
        people = [person_id for person_id, unit_id in held if levels[unit_id] is level][:120]
        taken: dict[str, list[float]] = {name: [] for name in (*wanted, "counts")}
        for person_id in people:
            _measure_lists_of(database, person_id, wanted, taken)
        figures[level.value] = {name: _spread(some) for name, some in taken.items()}
    return figures


def _measure_lists_of(
    database: Database, person_id: int, wanted: dict[str, Wanted], taken: dict[str, list[float]]
) -> None:
    with database.read() as session:
        for name, one in wanted.items():
            began = time.perf_counter()
            viewer: Viewer = read_viewer(session, person_id, NOW, TODAY)
            list_visible(session, viewer, one, 20)
            count_visible(session, viewer, one)
            taken[name].append(time.perf_counter() - began)
        began = time.perf_counter()
        for one in wanted.values():
            count_visible(session, viewer, one)
        taken["counts"].append(time.perf_counter() - began)


def measure_figures(database: Database) -> dict[str, Any]:
    """Publishing three months and their quarter, a look for hot spots, and reading what is published."""
    figures: dict[str, Any] = {}
    months = [date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1)]
    with database.begin() as session:
        taken = [_seconds(lambda on=month_on: publish_month(session, on, 5, NOW)) for month_on in months]  # type: ignore[misc]  # bound early
        figures["publish_month_seconds"] = round(max(taken), 2)
        figures["publish_quarter_seconds"] = round(_seconds(lambda: publish_quarter(session, months[0], 5, NOW)), 2)
    parts = list(_watch_spots(database))
    figures["hot_spots_seconds"], figures["hot_spots_longest_part_seconds"] = round(sum(parts), 2), round(max(parts), 2)
    with database.read() as session:
        assert find_last_published(session, PeriodKind.MONTH) == months[-1]
        tree = read_tree(session, TODAY)
        read = [_seconds(lambda on=one: read_figures(session, on, PeriodKind.QUARTER, months[0])) for one in tree]  # type: ignore[misc]
    return figures | {"read_ms": _spread(read)}


def _watch_spots(database: Database) -> Iterator[float]:
    """The seconds of each of its transactions."""
    after: int | None = 0
    while after is not None:
        with database.begin() as session:
            began = time.perf_counter()
            after = watch_spots(session, 5, NOW, TODAY, after)
        yield time.perf_counter() - began


def _seconds(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _spread(taken: list[float]) -> dict[str, float]:
    ordered = sorted(taken)
    return {
        f"p{share}": round(ordered[min(len(ordered) * share // 100, len(ordered) - 1)] * 1000, 1)
        for share in (50, 95, 99)
    }


def tell(what: str, figures: dict[str, Any]) -> None:
    """One JSON line."""
    print(json.dumps({"benchmark": "cases", "what": what, "cores": os.cpu_count(), **figures}), flush=True)


def _databases(folder: Path, only: str | None) -> Iterator[tuple[str, Database]]:
    with run_postgres() as server:
        server.execute("CREATE DATABASE cases")
        for kind, url in (("sqlite", f"sqlite:///{folder}/union.db"), ("postgresql", server.url_of("cases"))):
            if only not in (None, kind):
                continue
            key_file = folder / f"{kind}.key"
            create_key_file(key_file)
            keys = load_key_file(key_file)
            database = Database(url, keys, CaseKeys(f"sqlite:///{folder}/{kind}-case-keys.db", keys))
            migrate(database)
            yield kind, database
            database.close()


def main() -> None:
    """Measure on SQLite and on PostgreSQL."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--only", choices=("sqlite", "postgresql"), help="measure on one of them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for kind, database in _databases(Path(name), options.only):
            plant(database)
            facts = {"database": kind, "cases": options.cases, "units": UNITS, "uppers": UPPERS}
            tell("planted", facts | {"federations": FEDERATIONS, "seconds": round(bring_in(database, options.cases))})
            tell("officer_list", facts | {"list_ms": measure_lists(database)})
            tell("figures", facts | measure_figures(database))


if __name__ == "__main__":
    main()
