"""Statements on who may see which case, in one condition for every list, count and single look: viewers, readers,
barriers."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select, true, tuple_, update
from sqlalchemy.orm import Session

from db.case_parties import hash_party
from db.models import (
    OPEN_CASE_STATES,
    Case,
    CaseBarrier,
    CaseParty,
    CaseReader,
    CaseState,
    OfficerTie,
    Role,
    RoleGrant,
    Unit,
    UnitPeriod,
    WhyBarred,
    WhyReader,
)
from db.officers import holds_at, search_again
from db.people import list_accounts

CASE_ROLES = (Role.OFFICER, Role.DEPUTY_CHAIR, Role.CHAIR)
"""Who handles cases: at their own unit only, never by reaching down the tree."""


@dataclass(frozen=True)
class Viewer:
    """An officer as far as cases are concerned: the roles that let them handle cases at which units today, the units of
    the employers that pay them or they are tied to, and the hashes by which a report of their own is known.
    ``held`` are such roles of any time with their end, None for those of today; ``formerly`` pairs units that went on
    in one where they hold or held one with that one.

    Of whoever took up a role or got another name a moment ago: the units where they handle cases (``new_at``), the
    cases there that name them, and from which case on that is known (``searched_from``, nought when of all)."""

    person_id: int
    roles: frozenset[tuple[int, Role]]
    employers: frozenset[int]
    hashes: frozenset[str]
    held: frozenset[tuple[int, Role, datetime | None]] = frozenset()
    formerly: frozenset[tuple[int, int]] = frozenset()
    named_in: frozenset[int] = frozenset()
    new_at: frozenset[int] = frozenset()
    searched_from: int = 0

    @property
    def units(self) -> frozenset[int]:
        """The units whose cases they handle."""
        return frozenset(unit_id for unit_id, _ in self.roles)


def read_viewer(session: Session, person_id: int, now: datetime, today: date) -> Viewer:
    """The viewer that a person is at this minute."""
    mine = (RoleGrant.person_id == person_id, RoleGrant.role.in_(CASE_ROLES), RoleGrant.from_on <= today)
    grants = session.execute(select(RoleGrant, holds_at(now, today)).where(*mine)).all()
    paid = select(RoleGrant.paid_by_unit_id).where(
        RoleGrant.person_id == person_id, RoleGrant.paid_by_unit_id.is_not(None)
    )
    tied = select(OfficerTie.unit_id).where(OfficerTie.person_id == person_id, OfficerTie.ended_at.is_(None))
    ties = {unit_id for unit_id in (*session.scalars(paid), *session.scalars(tied)) if unit_id is not None}
    return Viewer(
        person_id,
        frozenset((grant.unit_id, grant.role) for grant, is_held in grants if is_held),
        frozenset(list_same_employer(session, ties)),
        frozenset(hash_party(session, account) for account in list_accounts(session, person_id)),
        frozenset((grant.unit_id, grant.role, None if is_held else _end_of(grant)) for grant, is_held in grants),
        frozenset(_list_former(session, {grant.unit_id for grant, _ in grants})),
    )


def _end_of(grant: RoleGrant) -> datetime | None:
    ends = [grant.ended_at] if grant.ended_at is not None else []
    if grant.to_on is not None:
        ends.append(datetime.combine(grant.to_on + timedelta(days=1), time(), UTC))  # some hours too late by Vietnam's
    return min(ends, default=None)


def _list_former(session: Session, unit_ids: Collection[int]) -> set[tuple[int, int]]:
    """Every unit that went on in one of these, however often, with that one."""
    found: set[tuple[int, int]] = set()
    ends_in = {unit_id: unit_id for unit_id in unit_ids}
    while ends_in:
        closed = select(Unit.id, Unit.successor_id).where(Unit.successor_id.in_(list(ends_in)))
        new = {(old, ends_in[after]) for old, after in session.execute(closed) if after is not None} - found
        found |= new
        ends_in = dict(new)
    return found


def list_same_employer(session: Session, unit_ids: Collection[int]) -> set[int]:
    """These units and every other one that faces the same employer: by its name on any day, or as predecessor or
    successor, however often. Better one officer too many kept away than one too few."""
    found: set[int] = set()
    new = set(unit_ids)
    while new:
        found |= new
        names = select(UnitPeriod.employer).where(UnitPeriod.unit_id.in_(new), UnitPeriod.employer.is_not(None))
        same = select(UnitPeriod.unit_id).where(UnitPeriod.employer.in_(names))
        after = select(Unit.successor_id).where(Unit.id.in_(new), Unit.successor_id.is_not(None))
        before = select(Unit.id).where(Unit.successor_id.in_(new))
        near = {unit_id for query in (same, after, before) for unit_id in session.scalars(query) if unit_id}
        new = near - found
    return found


def search_again_near(session: Session, unit_id: int) -> None:
    """The employer of a unit has another name, or another unit went on for it: whoever it pays, or who is tied to it,
    is looked for in older cases once more."""
    units = list_same_employer(session, [unit_id])
    paid = select(RoleGrant.person_id).where(RoleGrant.paid_by_unit_id.in_(units))
    tied = select(OfficerTie.person_id).where(OfficerTie.unit_id.in_(units), OfficerTie.ended_at.is_(None))
    search_again(session, set(session.scalars(paid)) | set(session.scalars(tied)))


def list_employer_names(session: Session, person_ids: Collection[int]) -> dict[int, set[str]]:
    """What the employers are called that pay or ever paid some people, or to whom they are tied; of those who have
    any."""
    paid = select(RoleGrant.person_id, RoleGrant.paid_by_unit_id).where(
        RoleGrant.person_id.in_(person_ids), RoleGrant.paid_by_unit_id.is_not(None)
    )
    tied = select(OfficerTie.person_id, OfficerTie.unit_id).where(
        OfficerTie.person_id.in_(person_ids), OfficerTie.ended_at.is_(None)
    )
    near: dict[int, set[int]] = {}
    for person_id, unit_id in (*session.execute(paid), *session.execute(tied)):
        near.setdefault(person_id, set()).add(unit_id)
    return {person_id: _names_of(session, list_same_employer(session, ids)) for person_id, ids in near.items()}


def _names_of(session: Session, unit_ids: Collection[int]) -> set[str]:
    named = select(UnitPeriod.name, UnitPeriod.employer).where(UnitPeriod.unit_id.in_(unit_ids))
    return {name for row in session.execute(named) for name in row if name}


def is_visible_to(viewer: Viewer) -> ColumnElement[bool]:
    """The condition that an officer may know of a case: a unit of theirs may read it, and nothing bars them. It stands
    in every list and every count. One that only its holder may open is known to the others until it is claimed; once
    it was merged, to nobody but by the case it went into."""
    if not viewer.roles:
        return false()
    # a list of ids and not "exists": SQLite begins with the few cases of a unit instead of walking through all
    reads = select(CaseReader.case_id).where(CaseReader.unit_id.in_(viewer.units), CaseReader.until_at.is_(None))
    is_unclaimed = and_(Case.holder_id.is_(None), Case.state != CaseState.MERGED)
    alone = or_(Case.holder_only.is_(False), is_unclaimed, Case.holder_id == viewer.person_id)
    is_sent = Case.state.not_in((CaseState.DRAFT, CaseState.ERASED))
    return and_(is_sent, Case.id.in_(reads), is_free_for(viewer), alone)


def is_searched_for(viewer: Viewer) -> ColumnElement[bool]:
    """That the officer's name was looked for in what the worker wrote, and not found: for lists and counts, since a
    single case is looked through when it is opened. What somebody holds was looked through when they took it; who got
    another name since has it listed until the clock was there, and opens it no more."""
    conditions: list[ColumnElement[bool]] = [Case.id.not_in(sorted(viewer.named_in))] if viewer.named_in else []
    if viewer.searched_from:
        known = viewer.units - viewer.new_at
        reads = select(CaseReader.case_id).where(CaseReader.unit_id.in_(known), CaseReader.until_at.is_(None))
        is_mine = func.coalesce(Case.holder_id == viewer.person_id, false())
        conditions.append(or_(Case.id >= viewer.searched_from, is_mine, Case.id.in_(reads)))
    return and_(true(), *conditions)


def is_free_for(viewer: Viewer) -> ColumnElement[bool]:
    """That nothing bars an officer from a case: not the worker's wish, not a tie to the employer, not that they are
    named in it or wrote it."""
    conditions = [
        ~exists().where(
            CaseBarrier.case_id == Case.id, or_(CaseBarrier.person_id == viewer.person_id, _keeps_away(viewer))
        ),
    ]
    if viewer.employers:
        conditions.append(
            or_(Case.workplace_unit_id.is_(None), Case.workplace_unit_id.not_in(sorted(viewer.employers)))
        )
    if viewer.hashes:
        conditions.append(
            ~exists().where(CaseParty.case_id == Case.id, CaseParty.party_hash.in_(sorted(viewer.hashes)))
        )
    return and_(*conditions)


def _keeps_away(viewer: Viewer) -> ColumnElement[bool]:
    """That the worker's wish means this officer: by a role of today, by one they held when it was said or later, for a
    merger may make an officer of a chair, or by the same one at a unit that went on in theirs."""
    held = set(viewer.held) | {(unit_id, role, None) for unit_id, role in viewer.roles}
    held |= {(old, role, until) for old, new in viewer.formerly for unit_id, role, until in held if unit_id == new}
    today = sorted((unit_id, role) for unit_id, role, until in held if until is None)
    conditions: list[ColumnElement[bool]] = [tuple_(CaseBarrier.unit_id, CaseBarrier.role).in_(today)] if today else []
    conditions += [
        and_(CaseBarrier.unit_id == unit_id, CaseBarrier.role == role, CaseBarrier.added_at <= until)
        for unit_id, role, until in held
        if until is not None
    ]
    return or_(false(), *conditions)


def is_fit(session: Session, case: Case, viewer: Viewer) -> bool:
    """Whether nothing bars an officer from a case, whichever unit it is given to."""
    return session.scalar(select(Case.id).where(Case.id == case.id, is_free_for(viewer))) is not None


def are_free_for(session: Session, viewer: Viewer, case_ids: Collection[int]) -> bool:
    """Whether nothing bars an officer from any of these cases."""
    barred = select(Case.id).where(Case.id.in_(list(case_ids)), ~is_free_for(viewer))
    return session.scalar(barred.limit(1)) is None


def add_reader(session: Session, case: Case, unit_id: int, why: WhyReader, now: datetime) -> None:
    """The officers of a unit may read a case from now on, unless barred; one that may already changes nothing."""
    if unit_id not in list_reader_units(session, case):
        session.add(CaseReader(case_id=case.id, unit_id=unit_id, why=why, since_at=now))
        session.flush()


def end_readers(session: Session, case: Case, unit_ids: Collection[int], now: datetime) -> None:
    """The officers of these units may read a case no longer."""
    reads = (CaseReader.case_id == case.id, CaseReader.unit_id.in_(unit_ids), CaseReader.until_at.is_(None))
    session.execute(update(CaseReader).where(*reads).values(until_at=now))


def list_reader_units(session: Session, case: Case) -> list[int]:
    """The units whose officers may read a case."""
    reads = select(CaseReader.unit_id).where(CaseReader.case_id == case.id, CaseReader.until_at.is_(None))
    return list(session.scalars(reads.order_by(CaseReader.id)))


def bar_person(session: Session, case: Case, person_id: int, why: WhyBarred, now: datetime) -> None:
    """Nobody shows this person the case from now on."""
    session.add(CaseBarrier(case_id=case.id, person_id=person_id, why=why, added_at=now))
    session.flush()


def bar_role(session: Session, case: Case, unit_id: int, role: Role, now: datetime) -> None:
    """Whoever holds this role at this unit is not shown the case: the worker wishes so."""
    session.add(CaseBarrier(case_id=case.id, unit_id=unit_id, role=role, why=WhyBarred.EXCLUDED, added_at=now))
    session.flush()


def list_barred(session: Session, case: Case) -> list[CaseBarrier]:
    """Everything that bars somebody from a case."""
    return list(session.scalars(select(CaseBarrier).where(CaseBarrier.case_id == case.id).order_by(CaseBarrier.id)))


def list_unsearched(session: Session, today: date, limit: int) -> list[RoleGrant]:
    """Some roles of one unit that handle cases, for whose officers its older cases are still to be looked through from
    the same one on; locked, so that nobody gets another name meanwhile. A role that begins later is looked at then."""
    runs = (RoleGrant.from_on <= today, RoleGrant.ended_at.is_(None))
    is_left = (RoleGrant.searched_to.is_not(None), RoleGrant.role.in_(CASE_ROLES), *runs)
    in_order = (RoleGrant.unit_id, RoleGrant.searched_to)
    first = session.execute(select(*in_order).where(*is_left).order_by(*in_order).limit(1)).first()
    if first is None:
        return []
    unit_id, searched_to = first
    these = select(RoleGrant).where(*is_left, RoleGrant.unit_id == unit_id, RoleGrant.searched_to == searched_to)
    return list(session.scalars(these.order_by(RoleGrant.id).limit(limit).with_for_update()))


def list_readable_at(session: Session, unit_id: int, after: int, limit: int) -> list[Case]:
    """Cases that the officers of a unit may read unless barred, from behind a number on, locked."""
    reads = select(CaseReader.case_id).where(CaseReader.unit_id == unit_id, CaseReader.until_at.is_(None))
    is_sent = Case.state.not_in((CaseState.DRAFT, CaseState.ERASED))
    found = select(Case).where(Case.id.in_(reads), Case.id > after, is_sent)
    return list(session.scalars(found.order_by(Case.id).limit(limit).with_for_update()))


def list_newest_readable(session: Session, unit_ids: Collection[int], person_id: int, limit: int) -> list[Case]:
    """Cases that the officers of some units may read unless barred, and that this person does not hold; the newest
    first."""
    reads = select(CaseReader.case_id).where(CaseReader.unit_id.in_(unit_ids), CaseReader.until_at.is_(None))
    is_others = or_(Case.holder_id.is_(None), Case.holder_id != person_id)
    is_sent = Case.state.not_in((CaseState.DRAFT, CaseState.ERASED))
    found = select(Case).where(Case.id.in_(reads), is_others, is_sent)
    return list(session.scalars(found.order_by(Case.id.desc()).limit(limit)))


def list_placeless(session: Session, unit_ids: Collection[int]) -> list[Case]:
    """Open cases without a known workplace that the officers of some units may read unless barred, locked."""
    reads = select(CaseReader.case_id).where(CaseReader.unit_id.in_(unit_ids), CaseReader.until_at.is_(None))
    found = select(Case).where(Case.id.in_(reads), Case.workplace_unit_id.is_(None), Case.state.in_(OPEN_CASE_STATES))
    return list(session.scalars(found.order_by(Case.id).with_for_update()))
