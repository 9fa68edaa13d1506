"""Fills an empty database with an invented federation, to look around in and to show."""

import random
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import yaml
from sqlalchemy.orm import Session

from db.applications import add_application
from db.codes import new_code
from db.models import Application, ApplicationState, Person, Role, UnitLevel
from db.officers import add_grant
from db.people import add_membership, add_person, is_anybody_known
from db.units import UnitFacts, add_unit, list_codes
from handlers.errors import UserError
from handlers.organisation.rules import CHANGEABLE
from knowledge.entry import CONTENT
from knowledge.texts import t

_SINCE = date(2024, 7, 1)


class _Demo:
    """Makes people and units up, the same ones each time."""

    def __init__(self, session: Session, lists: Mapping[str, Any], now: datetime, today: date) -> None:
        self._session, self._lists, self._now, self._today = session, lists, now, today
        self._chance = random.Random(50)  # noqa: S311  # invented people, not secrets
        self.units = self.members = self.officers = self.applications = 0

    def build(self) -> None:
        top = self._unit(
            self._lists["confederation"]["code"], UnitLevel.CONFEDERATION, None, self._lists["confederation"]
        )
        for federation in self._lists["federations"]:
            self._federation(federation, top)

    def _federation(self, facts: Mapping[str, Any], above: int) -> None:
        place = {"province": facts["province"]}
        unit_id = self._unit(facts["code"], UnitLevel.FEDERATION, above, {**facts, **place})
        for role in (Role.CHAIR, Role.ADMINISTRATOR, Role.DATA_PROTECTION_OFFICER, Role.APPROVER, Role.CURATOR):
            self._officer(unit_id, role)
        for upper in facts["uppers"]:
            self._upper(upper, unit_id, place)

    def _upper(self, facts: Mapping[str, Any], above: int, place: Mapping[str, str]) -> None:
        here = {**place, "commune": facts["commune"], "wage_region": facts["region"]}
        unit_id = self._unit(facts["code"], UnitLevel.UPPER, above, {**facts, **here})
        for role in (Role.CHAIR, Role.DEPUTY_CHAIR, Role.OFFICER, Role.BULLETIN_EDITOR):
            self._officer(unit_id, role)
        for workplace in facts["workplaces"]:
            self._workplace(workplace, unit_id, here)
        for trade in facts.get("trades", ()):
            trade_id = self._unit(trade["code"], UnitLevel.TRADE, unit_id, {**trade, **here})
            self._officer(trade_id, Role.CHAIR, is_member=True)
            self._members(trade_id, 12)
        if facts["commune"] in self._lists["without_union"]:
            self._application(unit_id, ApplicationState.SUBMITTED, self._lists["without_union"])

    def _workplace(self, facts: Mapping[str, Any], above: int, place: Mapping[str, str]) -> None:
        name = self._lists["workplace"].format(employer=facts["employer"])
        employer = {"name": name, "employer": facts["employer"], "sector": facts["sector"]}
        unit_id = self._unit(
            facts["code"], UnitLevel.WORKPLACE, above, {**employer, "headcount_band": facts["band"], **place}
        )
        self._officer(unit_id, Role.CHAIR, paid_by=unit_id, is_member=True)
        self._officer(unit_id, Role.OFFICER, paid_by=unit_id, is_member=True)
        self._members(unit_id, facts["members"])
        for number in range(1, facts.get("teams", 0) + 1):
            team = {"name": self._lists["team"].format(number=number), **place}
            team_id = self._unit(f"{facts['code']}.T{number}", UnitLevel.TEAM, unit_id, team)
            self._officer(team_id, Role.TEAM_LEADER, paid_by=unit_id, is_member=True)
            self._members(team_id, 6)
        self._application(unit_id, ApplicationState.SUBMITTED)
        if self._chance.random() < 0.4:
            self._application(unit_id, ApplicationState.NEEDS_MORE)

    def _unit(self, code: str, level: UnitLevel, parent_id: int | None, facts: Mapping[str, Any]) -> int:
        self.units += 1
        kept = {name: facts.get(name) for name in CHANGEABLE if name != "name"}
        return add_unit(self._session, code, UnitFacts(level, parent_id, facts["name"], **kept), _SINCE).id

    def _person(self, moment: datetime) -> Person:
        people = self._lists["people"]
        name = " ".join(self._chance.choice(people[part]) for part in ("family", "middle", "given"))
        born_on = date(1970, 1, 1) + timedelta(days=self._chance.randrange(12_000))
        profile = {
            "full_name": name,
            "gender": "nu" if self._lists["people"]["female"] in name.split() else "nam",
            "born_on": born_on.isoformat(),
            "ethnicity": "Kinh",
            "hometown": self._chance.choice(people["hometowns"]),
            "position": self._chance.choice(people["positions"]),
        }
        return add_person(self._session, profile, moment)

    def _members(self, unit_id: int, count: int) -> None:
        for _ in range(count):
            since = _SINCE + timedelta(days=self._chance.randrange(max(1, (self._today - _SINCE).days)))
            add_membership(self._session, self._person(self._now), unit_id, since)
            self.members += 1

    def _officer(self, unit_id: int, role: Role, paid_by: int | None = None, is_member: bool = False) -> None:
        person = self._person(self._now)
        add_grant(self._session, person, unit_id, role, _SINCE, self._now, paid_by_unit_id=paid_by)
        self.officers += 1
        if is_member:
            add_membership(self._session, person, unit_id, _SINCE)
            self.members += 1

    def _application(self, unit_id: int, state: ApplicationState, workplace: str | None = None) -> None:
        moment = self._now - timedelta(days=self._chance.randrange(1, 9))
        application = Application(
            code=new_code(),
            person_id=self._person(moment).id,
            unit_id=unit_id,
            workplace=workplace,
            state=state,
            submitted_at=moment,
            changed_at=moment,
        )
        add_application(self._session, application)
        self.applications += 1


def seed_demo(session: Session, now: datetime, today: date) -> str:
    """Make the demo federation; returns what to tell the operator. Raises `UserError` when anything is there."""
    if list_codes(session) or is_anybody_known(session):
        raise UserError("lists.not_empty")
    with (CONTENT / "demo.yaml").open(encoding="utf-8") as file:
        demo = _Demo(session, yaml.load(file, Loader=yaml.CSafeLoader), now, today)
    demo.build()
    return t(
        "lists.demo",
        units=demo.units,
        officers=demo.officers,
        members=demo.members,
        applications=demo.applications,
    )
