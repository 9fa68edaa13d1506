"""Statements on figures about cases: what is to be counted, who is behind it, and what is published for good."""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, exists, func, insert, or_, select
from sqlalchemy.orm import Session

from db.case_keys import case_keys_of_session
from db.case_parties import PARTY_PLACE
from db.keys import KeyProblem
from db.models import (
    Account,
    Case,
    CaseBarrier,
    CaseBlock,
    CaseBlockMember,
    CaseFigure,
    CaseParty,
    CasePause,
    CasePublication,
    CaseState,
    HotSpot,
    PeriodKind,
    Person,
    Unit,
    UnitLevel,
    UnitPeriod,
)
from db.units import holds_on

_CHUNK = 500
_GONE = "gone"
_ABOVE = (UnitLevel.UPPER, UnitLevel.FEDERATION, UnitLevel.CONFEDERATION)
_FURTHEST = 20


@dataclass(frozen=True)
class Received:
    """A case as it is counted."""

    case_id: int
    key_id: str | None
    unit_id: int


def list_received(session: Session, since: datetime, until: datetime) -> list[Received]:
    """The cases sent from a moment up to another one that are counted. Not those from which somebody is barred who may
    see figures: comparing with their own list would tell them that there is such a case."""
    bars = or_(CaseBarrier.person_id.is_not(None), CaseBarrier.unit_id.is_distinct_from(Case.workplace_unit_id))
    found = select(Case.id, Case.key_id, Case.unit_id).where(
        Case.opened_at >= since,
        Case.opened_at < until,
        Case.state.not_in((CaseState.DRAFT, CaseState.ERASED)),
        Case.key_id.is_not(None),
        Case.unit_id.is_not(None),
        ~exists().where(CaseBarrier.case_id == Case.id, bars),
    )
    rows = session.execute(found.order_by(Case.id))
    return [Received(case_id, key_id, unit_id) for case_id, key_id, unit_id in rows if unit_id is not None]


class _Same:
    """Puts together what belongs to one person."""

    def __init__(self) -> None:
        self._above: dict[Hashable, Hashable] = {}

    def find(self, one: Hashable) -> Hashable:
        while one in self._above:
            one = self._above[one]
        return one

    def join(self, one: Hashable, other: Hashable) -> None:
        first, second = self.find(one), self.find(other)
        if first != second:
            self._above[first] = second


def tell_people_apart(session: Session, keys: Mapping[int, str | None]) -> dict[int, int]:
    """A number for the worker behind each of these cases (by their keys), equal for one person: who has two accounts,
    or comes back to a case from another phone, is one. When in doubt people are one: whoever is erased or cleared their
    browser is the same nobody, so that no threshold is reached by somebody counted twice."""
    accounts = _open_parties(session, keys)
    people = _list_people(session, {account for some in accounts.values() for account in some})
    same = _Same()
    for case_id in keys:
        for account_id in accounts.get(case_id) or [None]:
            same.join(("case", case_id), people.get(account_id, _GONE) if account_id is not None else _GONE)
    numbers: dict[Hashable, int] = {}
    return {case_id: numbers.setdefault(same.find(("case", case_id)), len(numbers)) for case_id in keys}


def _open_parties(session: Session, keys: Mapping[int, str | None]) -> dict[int, list[int | None]]:
    """The workers' accounts of each case; None for one that cannot be opened."""
    ciphers = case_keys_of_session(session).list_ciphers([key_id for key_id in keys.values() if key_id is not None])
    found: dict[int, list[int | None]] = {}
    for some in _chunks(list(keys)):
        rows = select(CaseParty.case_id, CaseParty.account).where(CaseParty.case_id.in_(some))
        for case_id, sealed in session.execute(rows):
            cipher = ciphers.get(keys[case_id] or "")
            try:
                account_id = int(cipher.open(sealed, PARTY_PLACE)) if cipher else None
            except KeyProblem:
                account_id = None
            found.setdefault(case_id, []).append(account_id)
    return found


def _list_people(session: Session, account_ids: Collection[int | None]) -> dict[int | None, Hashable]:
    """Whose each account is, among those that are there."""
    found: dict[int | None, Hashable] = {}
    for some in _chunks([one for one in account_ids if one is not None]):
        rows = select(Account.id, Person.id, Person.merged_into_id).outerjoin(Person, Person.id == Account.person_id)
        for account_id, person_id, kept_id in session.execute(rows.where(Account.id.in_(some))):
            is_known = person_id is not None
            found[account_id] = ("person", kept_id or person_id) if is_known else ("account", account_id)
    return found


def _chunks(items: Sequence[int]) -> Iterable[Sequence[int]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))


def read_tree(session: Session, on: date) -> dict[int, int | None]:
    """The units that have figures on a day, each with the one above it: none below the upper level, where any number
    would be about a handful of people."""
    found = select(UnitPeriod.unit_id, UnitPeriod.parent_id).where(UnitPeriod.level.in_(_ABOVE), holds_on(on))
    parents: dict[int, int | None] = dict(session.execute(found).all())
    return {unit_id: parent_id if parent_id in parents else None for unit_id, parent_id in parents.items()}


def follow_to(session: Session, unit_ids: Iterable[int], tree: Collection[int]) -> dict[int, int]:
    """What became of some units, each in the tree; one of which nothing is left there is left out."""
    found = {}
    for unit_id in set(unit_ids):
        at: int | None = unit_id
        for _ in range(_FURTHEST):
            if at is None or at in tree:
                break
            at = session.scalar(select(Unit.successor_id).where(Unit.id == at))
        if at is not None and at in tree:
            found[unit_id] = at
    return found


def add_block(session: Session, month_on: date, unit_id: int, is_own: bool, case_ids: Sequence[int]) -> None:
    """Write down which cases of a month are counted together."""
    block = CaseBlock(month_on=month_on, unit_id=unit_id, is_own=is_own)
    session.add(block)
    session.flush()
    session.execute(insert(CaseBlockMember), [{"case_id": case_id, "block_id": block.id} for case_id in case_ids])


@dataclass(frozen=True)
class Counted:
    """A counted case as its quarter describes it."""

    block_unit_id: int
    is_own: bool
    case: Case


def list_counted(session: Session, months: Collection[date]) -> list[Counted]:
    """The cases that were counted in some months, as they are now."""
    found = (
        select(CaseBlock.unit_id, CaseBlock.is_own, Case)
        .join(CaseBlockMember, CaseBlockMember.block_id == CaseBlock.id)
        .join(Case, Case.id == CaseBlockMember.case_id)
        .where(CaseBlock.month_on.in_(months))
    )
    return [Counted(*row) for row in session.execute(found.order_by(Case.id))]


def list_pauses_of(session: Session, case_ids: Sequence[int]) -> dict[int, list[CasePause]]:
    """The times in which we waited for the workers of some cases."""
    found: dict[int, list[CasePause]] = {}
    for some in _chunks(case_ids):
        for pause in session.scalars(select(CasePause).where(CasePause.case_id.in_(some)).order_by(CasePause.id)):
            found.setdefault(pause.case_id, []).append(pause)
    return found


def find_last_published(session: Session, kind: PeriodKind) -> date | None:
    """The first day of the newest published period of a kind."""
    return session.scalar(select(func.max(CasePublication.from_on)).where(CasePublication.kind == kind))


def list_published(session: Session, kind: PeriodKind) -> list[date]:
    """The first days of all published periods of a kind, oldest first."""
    found = select(CasePublication.from_on).where(CasePublication.kind == kind)
    return list(session.scalars(found.order_by(CasePublication.from_on)))


@dataclass(frozen=True)
class Told:
    """A published number."""

    unit_id: int
    measure: str
    amount: int
    out_of: int


def publish(session: Session, kind: PeriodKind, from_on: date, told: Iterable[Told], now: datetime) -> None:
    """Publish the figures of a period, for good; the tables refuse the same period twice."""
    session.add(CasePublication(kind=kind, from_on=from_on, published_at=now))
    session.flush()
    rows = [
        {"kind": kind, "from_on": from_on, "unit_id": one.unit_id, "measure": one.measure, "amount": one.amount}
        | {"out_of": one.out_of}
        for one in told
    ]
    if rows:
        session.execute(insert(CaseFigure), rows)


def read_figures(session: Session, unit_id: int, kind: PeriodKind, from_on: date) -> dict[str, Told]:
    """What is published of a unit and a period, by measure."""
    found = select(CaseFigure).where(
        CaseFigure.unit_id == unit_id, CaseFigure.kind == kind, CaseFigure.from_on == from_on
    )
    return {row.measure: Told(row.unit_id, row.measure, row.amount, row.out_of) for row in session.scalars(found)}


def list_course(session: Session, unit_id: int, kind: PeriodKind, measure: str) -> dict[date, int]:
    """How a published number of a unit went from period to period."""
    found = select(CaseFigure.from_on, CaseFigure.amount).where(
        CaseFigure.unit_id == unit_id, CaseFigure.kind == kind, CaseFigure.measure == measure
    )
    return dict(session.execute(found.order_by(CaseFigure.from_on)).all())


@dataclass(frozen=True)
class Sighting:
    """A case as far as it may be part of a hot spot."""

    case_id: int
    key_id: str | None
    category: str
    workplace_unit_id: int | None
    commune: str | None


def list_sightings(session: Session, since: datetime) -> list[Sighting]:
    """The cases sent since a moment that were not taken back."""
    columns = (Case.id, Case.key_id, Case.category, Case.workplace_unit_id, Case.commune)
    hidden = (CaseState.DRAFT, CaseState.ERASED, CaseState.WITHDRAWN)
    found = select(*columns).where(Case.opened_at >= since, Case.state.not_in(hidden), Case.key_id.is_not(None))
    return [Sighting(*row) for row in session.execute(found.order_by(Case.id))]


def find_said(session: Session, unit_id: int, commune: str | None, category: str | None) -> int:
    """How many people at least were said to complain at a place; 0 when nothing was."""
    same = (
        HotSpot.unit_id == unit_id,
        HotSpot.commune.is_not_distinct_from(commune),
        HotSpot.category.is_not_distinct_from(category),
    )
    return session.scalar(select(func.max(HotSpot.at_least)).where(*same)) or 0


def note_said(
    session: Session, unit_id: int, commune: str | None, category: str | None, at_least: int, now: datetime
) -> None:
    """An alert was raised."""
    session.add(HotSpot(unit_id=unit_id, commune=commune, category=category, at_least=at_least, told_at=now))
    session.flush()


def forget_hot_spots(session: Session, before: datetime) -> int:
    """Forget alerts raised before a moment, so that a new wave is told again; returns how many."""
    return session.execute(delete(HotSpot).where(HotSpot.told_at < before)).rowcount  # type: ignore[attr-defined,no-any-return]  # row count
