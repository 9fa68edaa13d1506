"""Lists of units, officers and members go out, in the columns in which they come in; who took one is kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select
from sqlalchemy.orm import Session

from db.codes import show_code
from db.exports import (
    MemberRow,
    count_grants_in,
    count_members_in,
    list_member_rows,
    list_officer_rows,
    list_unit_codes,
    list_unit_rows,
)
from db.people import record_read
from db.transfers import add_transfer
from db.units import get_unit, list_roots, select_subtree
from handlers.access import Actor, Right, demand, select_reach
from handlers.organisation.columns import COLUMNS, Kind, spellings
from handlers.organisation.sheets import Cell
from knowledge.texts import t

_PART = 500

RIGHTS_TO_EXPORT = {Kind.UNITS: Right.SEE_UNIT, Kind.OFFICERS: Right.EXPORT_MEMBERS, Kind.MEMBERS: Right.EXPORT_MEMBERS}


@dataclass(frozen=True)
class Export:
    """A list on its way out; ``rows`` reads the database while it is gone through."""

    header: list[str]
    rows: Iterator[list[Cell]]


def list_header(kind: Kind) -> list[str]:
    """The column names of a list."""
    return [t("lists.needed", title=one.title) if one.is_needed else one.title for one in COLUMNS[kind]]


def record_export(
    session: Session, actor: Actor | None, kind: Kind, unit_id: int | None, now: datetime, today: date
) -> None:
    """Keep that a list goes out, before any of it does. Raises `NotAllowed` without the right."""
    reach = _reach(session, actor, kind, unit_id, today)
    if kind is Kind.UNITS:
        count = len(list_unit_codes(session, reach))
    elif kind is Kind.OFFICERS:
        count = count_grants_in(session, reach, now, today)
    else:
        count = count_members_in(session, reach, today)
    add_transfer(session, kind, True, unit_id, actor.person_id if actor else None, count, now)


def export_list(
    session: Session, actor: Actor | None, kind: Kind, unit_id: int | None, now: datetime, today: date
) -> Export:
    """The list of a unit and all under it, or (no unit) of all the actor reaches; at the console, of everything. Raises
    `NotAllowed` without the right. Call `record_export` first; an officer's readings are recorded on the way."""
    reach = _reach(session, actor, kind, unit_id, today)
    if kind is Kind.UNITS:
        rows = _unit_rows(session, reach, today)
    elif kind is Kind.OFFICERS:
        rows = _officer_rows(session, actor, reach, now, today)
    else:
        rows = _member_rows(session, actor, reach, now, today)
    return Export(list_header(kind), rows)


def _reach(session: Session, actor: Actor | None, kind: Kind, unit_id: int | None, today: date) -> Select[int]:
    right = RIGHTS_TO_EXPORT[kind]
    if actor is not None and unit_id is None:
        return select_reach(actor, right, today)
    if actor is not None and unit_id is not None:
        demand(session, actor, right, unit_id, today)
    tops = [root.unit_id for root in list_roots(session, today)] if unit_id is None else [unit_id]
    return select_subtree(tops, today)


def _row(kind: Kind, cells: dict[str, Cell]) -> list[Cell]:
    return [cells.get(column.name) for column in COLUMNS[kind]]


def _unit_rows(session: Session, reach: Select[int], today: date) -> Iterator[list[Cell]]:
    for one in list_unit_rows(session, reach, today):
        period = one.period
        cells: dict[str, Cell] = {
            "unit": one.code,
            "unit_name": period.name,
            "level": spellings("level", period.level)[0],
            "parent": one.parent_code,
            "effective_from": period.effective_from,
            "effective_to": period.effective_to,
            "successor": one.successor_code,
            "employer": period.employer,
            "headcount_band": period.headcount_band,
            "sector": period.sector,
            "province": period.province,
            "commune": period.commune,
            "wage_region": period.wage_region,
        }
        yield _row(Kind.UNITS, cells)


def _officer_rows(
    session: Session, actor: Actor | None, reach: Select[int], now: datetime, today: date
) -> Iterator[list[Cell]]:
    for unit_id, code in list_unit_codes(session, reach):
        held = list_officer_rows(session, unit_id, now, today)
        _record(session, actor, {person.id for _grant, person in held}, now)
        for grant, person in held:
            payer_id = grant.paid_by_unit_id
            profile = person.profile or {}
            cells: dict[str, Cell] = {
                "unit": code,
                "person": show_code(person.code),
                "full_name": profile.get("full_name"),
                "phone": profile.get("phone"),
                "role": spellings("role", grant.role)[0],
                "from_on": grant.from_on,
                "to_on": grant.to_on,
                "paid_by": get_unit(session, payer_id).code if payer_id else t("lists.paid_by_union").split(", ")[0],
            }
            yield _row(Kind.OFFICERS, cells)


def _member_rows(
    session: Session, actor: Actor | None, reach: Select[int], now: datetime, today: date
) -> Iterator[list[Cell]]:
    for unit_id, code in list_unit_codes(session, reach):
        for part in list_member_rows(session, unit_id, today, _PART):
            _record(session, actor, {one.person_id for one in part}, now)
            for one in part:
                yield _row(Kind.MEMBERS, _member_cells(code, one))


def _member_cells(code: str, one: MemberRow) -> dict[str, Cell]:
    profile = dict(one.profile or {})
    born_on, gender = profile.pop("born_on", None), profile.pop("gender", None)
    return {
        **profile,
        "born_on": date.fromisoformat(born_on) if born_on else None,
        "gender": t(f"lists.gender.{gender}") if gender else None,
        "unit": code,
        "person": show_code(one.code),
        "since_on": one.since_on,
        "decision_number": one.decision_number,
    }


def _record(session: Session, actor: Actor | None, people: set[int], now: datetime) -> None:
    if actor is not None:
        record_read(session, actor.person_id, people, "export", now)
        session.flush()
