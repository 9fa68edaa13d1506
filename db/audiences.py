"""Statements on who a bulletin is for: the people of some units, with a unit by which each was chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from db.models import Membership
from db.units import select_subtree


@dataclass(frozen=True)
class Audience:
    """Who should get a bulletin: members at the units named and below them, less those that ``without`` excludes; each
    further field, where it is not empty, must hold as well."""

    units: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As it is stored, and as a release binds to it."""
        return {item.name: list(getattr(self, item.name)) for item in fields(self)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Audience":
        """Read what `to_json` wrote."""
        return cls(units=tuple(stored.get("units", ())))


def select_people(audience: Audience, topic: str, on: date) -> Select[tuple[int, int]]:
    """A query for the people of an audience, each once: ``person_id`` and ``unit_id``. Topics refused are respected,
    and so is a missing consent to news."""
    runs = (Membership.since_on <= on) & or_(Membership.until_on.is_(None), Membership.until_on >= on)
    return (
        select(Membership.person_id.label("person_id"), func.min(Membership.unit_id).label("unit_id"))
        .where(runs, Membership.unit_id.in_(select_subtree(audience.units, on)))
        .group_by(Membership.person_id)
    )


def count_people(session: Session, audience: Audience, topic: str, on: date) -> int:
    """How many people that is."""
    return session.scalar(select(func.count()).select_from(select_people(audience, topic, on).subquery())) or 0
