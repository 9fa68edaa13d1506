"""What a decision comes to: which units begin, move and end, and where people, roles and applications go.

A plan is made twice: for the preview, and again on the day, since the tree may have changed in between.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy.orm import Session

from db.models import Person, Unit, UnitLevel, UnitPeriod
from db.people import find_membership
from db.reorganisations import count_open_applications
from db.units import (
    find_period,
    find_unit,
    list_ancestors,
    list_change_days,
    list_child_ids_since,
    list_periods,
    list_periods_since,
)
from handlers.errors import UserError
from handlers.organisation.decisions import Change, Close, Create, Decision, Merge, Move, NewUnit, Part, Place, Split
from handlers.organisation.rules import (
    CHANGEABLE,
    EMPLOYER_FIELDS,
    EMPLOYER_LEVELS,
    WAGE_REGIONS,
    longest,
    may_lie_under,
    read_unit_code,
)
from knowledge.texts import t


@dataclass(frozen=True)
class Stream:
    """People who go from one unit to a place (None: their membership ends). ``people`` empty means all who are left."""

    unit_id: int
    to: Place | None
    people: tuple[int, ...] | None = None


@dataclass
class Plan:
    """Everything a decision does, in the order in which it is done."""

    creates: list[NewUnit] = field(default_factory=list)
    changes: list[tuple[int, str, str | None, str | None]] = field(default_factory=list)
    moves: list[tuple[int, int | None, Place | None]] = field(default_factory=list)
    """Units that go from under one unit to under another."""
    closes: dict[int, Place | None] = field(default_factory=dict)
    streams: list[Stream] = field(default_factory=list)
    applications: dict[int, Place] = field(default_factory=dict)
    chairs: dict[Place, int] = field(default_factory=dict)

    def place_of(self, unit_id: int, person_id: int) -> Place | None:
        """Where a person of a unit that is split or ends belongs afterwards; the unit itself when they stay."""
        for stream in self.streams:
            if stream.unit_id == unit_id and (stream.people is None or person_id in stream.people):
                return stream.to
            if stream.unit_id == unit_id and stream.to is not None and self.chairs.get(stream.to) == person_id:
                return stream.to
        return self.closes.get(unit_id, unit_id)


def make_plan(session: Session, decision: Decision, on: date, today: date, is_taken: bool = False) -> Plan:
    """What the decision does when it takes effect on a day. Raises `UserError` when it cannot be done. ``is_taken``: it
    was decided before, so people it names who have left since are passed over."""
    return _Planner(session, on, today, is_taken).plan(decision)


class _Planner:
    def __init__(self, session: Session, on: date, today: date, is_taken: bool) -> None:
        self._session, self._on, self._today, self._is_taken = session, on, today, is_taken

    def plan(self, decision: Decision) -> Plan:
        if isinstance(decision, Create):
            plan = Plan(creates=[decision.unit])
        elif isinstance(decision, Change):
            plan = self._change(decision)
        elif isinstance(decision, Move):
            plan = self._move(decision)
        elif isinstance(decision, Close):
            plan = self._close(decision)
        elif isinstance(decision, Merge):
            plan = self._merge(decision)
        else:
            plan = self._split(decision)
        codes = [unit.code for unit in plan.creates]
        for unit in plan.creates:
            self._check_new(unit, closing=plan.closes)
            if codes.count(unit.code) > 1:
                raise UserError("units.code_taken", code=unit.code)
        for chair_id in plan.chairs.values():
            if self._session.get(Person, chair_id) is None:
                raise UserError("units.no_person")
        return plan

    def _change(self, decision: Change) -> Plan:
        period = self._get_open(decision.unit_id)
        changes = [
            (decision.unit_id, name, getattr(period, name), value)
            for name, value in decision.facts.items()
            if getattr(period, name) != value
        ]
        if not changes:
            raise UserError("units.nothing_changes")
        _check_facts(period.level, decision.facts)
        return Plan(changes=changes)

    def _move(self, decision: Move) -> Plan:
        period = self._get_open(decision.unit_id)
        if period.parent_id == decision.parent_id:
            raise UserError("units.nothing_changes")
        self._check_parent(period.level, decision.parent_id)
        if decision.parent_id is not None and self._lies_under(decision.parent_id, decision.unit_id):
            raise UserError("units.ring")
        return Plan(moves=[(decision.unit_id, period.parent_id, decision.parent_id)])

    def _close(self, decision: Close) -> Plan:
        period = self._get_closing(decision.unit_id)
        plan = Plan(closes={decision.unit_id: None}, streams=[Stream(decision.unit_id, None)])
        for child_id in list_child_ids_since(self._session, decision.unit_id, self._on):
            child = self._get_lasting(child_id)
            if child.level is UnitLevel.TEAM:
                self._get_closing(child_id)
                plan.closes[child_id] = None
                plan.streams.append(Stream(child_id, None))
            elif self._fits(child.level, period.parent_id):
                plan.moves.append((child_id, decision.unit_id, period.parent_id))
            else:
                raise UserError("units.has_children", name=period.name)
        for unit_id in plan.closes:
            if period.parent_id is not None:
                plan.applications[unit_id] = period.parent_id
            elif count_open_applications(self._session, unit_id):
                raise UserError("units.applications_left", name=period.name)
        return plan

    def _merge(self, decision: Merge) -> Plan:
        if not decision.unit_ids or len(set(decision.unit_ids)) < len(decision.unit_ids):
            raise UserError("units.nothing_changes")
        plan = Plan(creates=_new(decision.into))
        for unit_id in decision.unit_ids:
            period = self._get_closing(unit_id)
            self._check_place(decision.into, period, closing=decision.unit_ids)
            plan.closes[unit_id] = decision.into
            plan.streams.append(Stream(unit_id, decision.into))
            plan.applications[unit_id] = decision.into
            children = list_child_ids_since(self._session, unit_id, self._on)
            plan.moves += [(child_id, unit_id, decision.into) for child_id in children]
        if decision.chair_id is not None:
            plan.chairs[decision.into] = decision.chair_id
        return plan

    def _split(self, decision: Split) -> Plan:
        stays = decision.rest == decision.unit_id
        period = self._get_open(decision.unit_id) if stays else self._get_closing(decision.unit_id)
        closing = () if stays else (decision.unit_id,)
        places = [part.into for part in decision.parts]
        if not places or len(set(places)) < len(places) or decision.rest in places or decision.unit_id in places:
            raise UserError("units.split_places")
        plan = Plan(creates=[unit for place in (*places, decision.rest) for unit in _new(place)])
        for place in (*places, *(() if stays else (decision.rest,))):
            self._check_place(place, period, closing)
        left = list_child_ids_since(self._session, decision.unit_id, self._on)
        self._check_parts(decision, left)
        for part in decision.parts:
            taken = [child_id for child_id in left if child_id in part.child_ids or self._lies_in(child_id, part)]
            left = [child_id for child_id in left if child_id not in taken]
            plan.moves += [(child_id, decision.unit_id, part.into) for child_id in taken]
            plan.streams.append(Stream(decision.unit_id, part.into, part.person_ids))
            if part.chair_id is not None:
                plan.chairs[part.into] = part.chair_id
        if decision.chair_id is not None:
            plan.chairs[decision.rest] = decision.chair_id
        if not stays:
            plan.closes[decision.unit_id] = decision.rest
            plan.moves += [(child_id, decision.unit_id, decision.rest) for child_id in left]
            plan.streams.append(Stream(decision.unit_id, decision.rest))
            plan.applications[decision.unit_id] = decision.rest
        return plan

    def _check_parts(self, decision: Split, children: Sequence[int]) -> None:
        named = [child_id for part in decision.parts for child_id in part.child_ids]
        people = [person_id for part in decision.parts for person_id in part.person_ids]
        communes = [commune for part in decision.parts for commune in part.communes]
        for listed in (named, people, communes):
            if len(set(listed)) < len(listed):
                raise UserError("units.split_twice")
        strangers = [child_id for child_id in named if child_id not in children]
        if strangers:
            raise UserError("units.not_under", codes=self._codes(strangers))
        day = min(self._on, self._today)
        for person_id in () if self._is_taken else people:
            membership = find_membership(self._session, person_id, day)
            if membership is None or membership.unit_id != decision.unit_id:
                person = self._session.get(Person, person_id)
                raise UserError("units.not_member", code=person.code if person else person_id)

    def _lies_in(self, child_id: int, part: Part) -> bool:
        return bool(part.communes) and self._get_lasting(child_id).commune in part.communes

    def _get_open(self, unit_id: int) -> UnitPeriod:
        """What a unit is on the day; it must also be open today when that day is past."""
        period = find_period(self._session, unit_id, self._on)
        if period is None or find_period(self._session, unit_id, max(self._on, self._today)) is None:
            raise UserError("units.not_open", code=self._codes([unit_id]), day=show_day(self._on))
        return period

    def _get_lasting(self, unit_id: int) -> UnitPeriod:
        """What a unit under another is on the day, or is first afterwards."""
        return list_periods_since(self._session, unit_id, self._on)[0]

    def _get_closing(self, unit_id: int) -> UnitPeriod:
        """What a unit that ends is on the day; nothing may have changed it later, as that would be undone unseen."""
        period = self._get_open(unit_id)
        if len(list_periods_since(self._session, unit_id, self._on)) > 1:
            raise UserError("units.changed_later", code=self._codes([unit_id]), day=show_day(self._on))
        first = list_periods(self._session, unit_id)[0]
        if first.effective_from >= self._on:
            raise UserError("units.began_later", code=self._codes([unit_id]), day=show_day(first.effective_from))
        return period

    def _check_place(self, place: Place, like: UnitPeriod, closing: Iterable[int]) -> None:
        """A place must be of the level of what goes there, and not end or lie below what ends itself."""
        ends = set(closing)
        if isinstance(place, NewUnit):
            if place.level is not like.level:
                raise UserError("units.other_level", name=place.name)
            return
        period = self._get_open(place)
        if period.level is not like.level:
            raise UserError("units.other_level", name=period.name)
        if place in ends or any(self._lies_under(place, unit_id) for unit_id in ends):
            raise UserError("units.ring")

    def _check_new(self, unit: NewUnit, closing: Iterable[int]) -> None:
        if read_unit_code(unit.code) != unit.code:
            raise UserError("units.bad_code", code=unit.code)
        if find_unit(self._session, unit.code) is not None:
            raise UserError("units.code_taken", code=unit.code)
        _check_facts(unit.level, {name: getattr(unit, name) for name in CHANGEABLE})
        self._check_parent(unit.level, unit.parent_id)
        ends = set(closing)
        if unit.parent_id is not None and (
            unit.parent_id in ends or any(self._lies_under(unit.parent_id, unit_id) for unit_id in ends)
        ):
            raise UserError("units.ring")

    def _check_parent(self, level: UnitLevel, parent_id: int | None) -> None:
        above = None if parent_id is None else self._get_open(parent_id)
        if not may_lie_under(level, above.level if above else None):
            raise UserError("units.wrong_level", level=_level(level), parent=_level(above.level if above else None))

    def _fits(self, level: UnitLevel, parent_id: int | None) -> bool:
        return may_lie_under(level, None if parent_id is None else self._get_open(parent_id).level)

    def _lies_under(self, unit_id: int, above_id: int) -> bool:
        """Whether a unit is, or lies under, another on the day or on any later day on which the tree changed."""
        days = [self._on, *list_change_days(self._session, self._on, self._today)]
        return unit_id == above_id or any(
            above_id in {above.unit_id for above in list_ancestors(self._session, unit_id, day)} for day in days
        )

    def _codes(self, unit_ids: Iterable[int]) -> str:
        units = (self._session.get(Unit, unit_id) for unit_id in unit_ids)
        return ", ".join(unit.code for unit in units if unit is not None)


def _check_facts(level: UnitLevel, facts: dict[str, str | None]) -> None:
    for name, value in facts.items():
        if name not in CHANGEABLE or (name == "name" and not (value or "").strip()):
            raise UserError("units.no_name")
        if value is not None and len(value) > longest(name):
            raise UserError("units.too_long", most=longest(name))
        if value is not None and name in EMPLOYER_FIELDS and level not in EMPLOYER_LEVELS:
            raise UserError("units.no_employer")
    if facts.get("wage_region") not in (None, *WAGE_REGIONS):
        raise UserError("units.bad_wage_region")


def _new(place: Place) -> list[NewUnit]:
    return [place] if isinstance(place, NewUnit) else []


def _level(level: UnitLevel | None) -> str:
    return t(f"levels.{level.value}") if level else t("units.top")


def show_day(day: date) -> str:
    """A day as people write it."""
    return day.strftime("%d/%m/%Y")


def name_of(session: Session, place: Place | None, on: date) -> str:
    """What a place is called on a day, or was called last."""
    if place is None:
        return ""
    if isinstance(place, NewUnit):
        return place.name
    period = find_period(session, place, on) or next(iter(list_periods(session, place)[-1:]), None)
    return period.name if period else ""
