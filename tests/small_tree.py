"""A small union tree for tests: one federation, one upper union, two workplaces, a team."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from db.models import Unit, UnitLevel, UnitPeriod
from db.session import Database


@dataclass(frozen=True)
class Tree:
    """The ids of its units."""

    root: int
    upper: int
    workplace: int
    other_workplace: int
    team: int

    @classmethod
    def plant(cls, database: Database, since: date) -> "Tree":
        """Store it, open from a day."""
        with database.begin() as session:
            root = add_unit(session, "LD", UnitLevel.FEDERATION, None, "Liên đoàn Lao động tỉnh Thử", since)
            upper = add_unit(session, "PT", UnitLevel.UPPER, root, "Công đoàn phường Thử", since, commune="Phường Thử")
            first = add_unit(
                session, "M1", UnitLevel.WORKPLACE, upper, "CĐCS Công ty May Một", since,
                employer="Công ty May Một", commune="Phường Thử",
            )  # fmt: skip
            second = add_unit(
                session, "M2", UnitLevel.WORKPLACE, upper, "CĐCS Công ty Giày Hai", since,
                employer="Công ty Giày Hai", commune="Phường Thử",
            )  # fmt: skip
            team = add_unit(session, "M1-T1", UnitLevel.TEAM, first, "Tổ chuyền 1", since)
        return cls(root, upper, first, second, team)


def add_unit(
    session: Session,
    code: str,
    level: UnitLevel,
    parent_id: int | None,
    name: str,
    since: date,
    employer: str | None = None,
    commune: str | None = None,
) -> int:
    """One unit, open from a day; returns its id."""
    unit = Unit(code=code)
    session.add(unit)
    session.flush()
    session.add(
        UnitPeriod(
            unit_id=unit.id, effective_from=since, level=level, parent_id=parent_id, name=name,
            employer=employer, province="Tỉnh Thử", commune=commune,
        )
    )  # fmt: skip
    session.flush()
    return unit.id
