"""An officer's list of members: newest first, page by page, the same whichever way it is gathered."""

import random
from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from db.models import UnitLevel
from db.people import add_membership, add_person, list_members
from db.session import Database
from db.units import UnitFacts, add_unit, select_subtree
from tests.tree import NOW, START, TODAY


@pytest.mark.parametrize(("few", "passed_over"), [(150, 100_000), (0, 100_000), (0, 30)])
def test_pages_hold_everybody_once_and_the_newest_first(
    database: Database, monkeypatch: pytest.MonkeyPatch, few: int, passed_over: int
) -> None:
    """Gathered unit by unit, met along the index of days, or given up along it and gathered after all."""
    monkeypatch.setattr("db.people._FEW_UNITS", few)
    monkeypatch.setattr("db.people._MOST_PASSED_OVER", passed_over)
    chance = random.Random(4)
    with database.begin() as session:
        tops = [_add_branch(session, chance, number) for number in range(4)]
        expected = {top: sorted(members, reverse=True) for top, members in tops}
    with database.read() as session:
        for top, members in expected.items():
            reach, seen, before = select_subtree([top], TODAY), [], None
            while page := list_members(session, reach, 7, before):
                seen += [(one.since_on, one.membership_id, one.person.id) for one in page]
                before = seen[-1][:2]
            assert seen == members


def _add_branch(session: Session, chance: random.Random, number: int) -> tuple[int, list[tuple[date, int, int]]]:
    """An upper unit with workplaces whose members joined on many days, some on the same; some have left."""
    top = add_unit(session, f"P{number}", UnitFacts(UnitLevel.UPPER, None, "P"), START).id
    members = []
    for place in range(3):
        unit = add_unit(session, f"W{number}.{place}", UnitFacts(UnitLevel.WORKPLACE, top, "W"), START)
        for name in range(9):
            person = add_person(session, {"full_name": f"Người {name}"}, NOW)
            since = START + timedelta(days=chance.randrange(20))
            membership = add_membership(session, person, unit.id, since)
            if chance.random() < 0.2:
                membership.until_on = TODAY
            else:
                members.append((since, membership.id, person.id))
    return top, members
