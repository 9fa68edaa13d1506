"""Statements on cases: who may see which, in one condition for every list, count and single look; parties, readers,
barriers, alerts, steps and pauses."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, false, func, or_, select, tuple_, update
from sqlalchemy.orm import Session

from db.case_history import EventKind, append
from db.case_keys import case_keys_of_session
from db.codes import new_code
from db.models import (
    OPEN_CASE_STATES,
    Absence,
    Account,
    Case,
    CaseAlert,
    CaseBarrier,
    CaseParty,
    CasePause,
    CaseReader,
    CaseState,
    CaseStep,
    OfficerTie,
    Person,
    Role,
    RoleGrant,
    Unit,
    UnitPeriod,
    WhyBarred,
    WhyReader,
)
from db.officers import holds_at
from db.people import list_accounts
from db.session import keys_of_session

CASE_ROLES = (Role.OFFICER, Role.DEPUTY_CHAIR, Role.CHAIR)
"""Who handles cases: at their own unit only, never by reaching down the tree."""

PARTY_PLACE = "case_parties.account"
"""Where the number of a worker's account is sealed."""


@dataclass(frozen=True)
class Viewer:
    """An officer as far as cases are concerned: the roles that let them handle cases at which units today, the units of
    the employers that pay them or they are tied to, and the hashes by which a report of their own is known."""

    person_id: int
    roles: frozenset[tuple[int, Role]]
    employers: frozenset[int]
    hashes: frozenset[str]

    @property
    def units(self) -> frozenset[int]:
        """The units whose cases they handle."""
        return frozenset(unit_id for unit_id, _ in self.roles)


def read_viewer(session: Session, person_id: int, now: datetime, today: date) -> Viewer:
    """The viewer that a person is at this minute."""
    held = select(RoleGrant.unit_id, RoleGrant.role).where(
        RoleGrant.person_id == person_id, RoleGrant.role.in_(CASE_ROLES), holds_at(now, today)
    )
    paid = select(RoleGrant.paid_by_unit_id).where(
        RoleGrant.person_id == person_id, RoleGrant.paid_by_unit_id.is_not(None)
    )
    tied = select(OfficerTie.unit_id).where(OfficerTie.person_id == person_id, OfficerTie.ended_at.is_(None))
    ties = {unit_id for unit_id in (*session.scalars(paid), *session.scalars(tied)) if unit_id is not None}
    return Viewer(
        person_id,
        frozenset((unit_id, role) for unit_id, role in session.execute(held)),
        frozenset(list_same_employer(session, ties)),
        frozenset(hash_party(session, account) for account in list_accounts(session, person_id)),
    )


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


def is_visible_to(viewer: Viewer) -> ColumnElement[bool]:
    """The condition that an officer may know of a case: a unit of theirs may read it, and nothing bars them. It stands
    in every list and every count. One that only its holder may open is known to the others until it is claimed."""
    if not viewer.roles:
        return false()
    # a list of ids and not "exists": SQLite begins with the few cases of a unit instead of walking through all
    reads = select(CaseReader.case_id).where(CaseReader.unit_id.in_(viewer.units), CaseReader.until_at.is_(None))
    alone = or_(Case.holder_only.is_(False), Case.holder_id.is_(None), Case.holder_id == viewer.person_id)
    is_sent = Case.state.not_in((CaseState.DRAFT, CaseState.ERASED))
    return and_(is_sent, Case.id.in_(reads), _is_free_for(viewer), alone)


def _is_free_for(viewer: Viewer) -> ColumnElement[bool]:
    """That nothing bars an officer from a case: not the worker's wish, not a tie to the employer, not that they are
    named in it or wrote it."""
    role = tuple_(CaseBarrier.unit_id, CaseBarrier.role).in_(sorted(viewer.roles)) if viewer.roles else false()
    conditions = [
        ~exists().where(CaseBarrier.case_id == Case.id, or_(CaseBarrier.person_id == viewer.person_id, role)),
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


def is_fit(session: Session, case: Case, viewer: Viewer) -> bool:
    """Whether nothing bars an officer from a case, whichever unit it is given to."""
    return session.scalar(select(Case.id).where(Case.id == case.id, _is_free_for(viewer))) is not None


def are_free_for(session: Session, viewer: Viewer, case_ids: Collection[int]) -> bool:
    """Whether nothing bars an officer from any of these cases."""
    barred = select(Case.id).where(Case.id.in_(list(case_ids)), ~_is_free_for(viewer))
    return session.scalar(barred.limit(1)) is None


def find_visible(session: Session, viewer: Viewer, code: str, lock: bool = False) -> Case | None:
    """A case, if this officer may know of it; locked when it is about to change."""
    found = select(Case).where(Case.code == code, is_visible_to(viewer))
    return session.scalars(found.with_for_update() if lock else found).first()


def get_by_code(session: Session, code: str, lock: bool = False) -> Case | None:
    """The case of a code, whoever asks; for its worker and for the program itself."""
    found = select(Case).where(Case.code == code)
    return session.scalars(found.with_for_update() if lock else found).first()


def list_merged(session: Session, case: Case) -> list[Case]:
    """The cases that were found to be the same matter as this one, locked."""
    found = select(Case).where(Case.merged_into_id == case.id, Case.state == CaseState.MERGED)
    return list(session.scalars(found.order_by(Case.id).with_for_update()))


def list_left_alone(session: Session) -> list[Case]:
    """Cases merged into one that was withdrawn or erased since, so that nobody works on them any more; locked."""
    kept = select(Case.id).where(Case.state.in_((CaseState.WITHDRAWN, CaseState.ERASED)))
    gone = or_(Case.merged_into_id.is_(None), Case.merged_into_id.in_(kept))
    found = select(Case).where(Case.state == CaseState.MERGED, gone)
    return list(session.scalars(found.order_by(Case.id).with_for_update(skip_locked=True)))


def get_locked(session: Session, case_id: int) -> Case:
    """A case, locked, as it is now. Raises when there is none."""
    found = select(Case).where(Case.id == case_id).with_for_update().execution_options(populate_existing=True)
    return session.scalars(found).one()


@dataclass(frozen=True)
class Wanted:
    """Which cases of those an officer may know of a list is about."""

    mine: bool = False
    unclaimed: bool = False
    overdue_at: datetime | None = None
    closed: bool = False


def list_visible(session: Session, viewer: Viewer, wanted: Wanted, limit: int, offset: int = 0) -> list[Case]:
    """The cases of a list, the most pressing first."""
    found = select(Case).where(_is_wanted(viewer, wanted)).order_by(Case.due_at.is_(None), Case.due_at, Case.id)
    return list(session.scalars(found.limit(limit).offset(offset)))


def count_visible(session: Session, viewer: Viewer, wanted: Wanted) -> int:
    """How many cases a list holds."""
    return session.scalar(select(func.count()).select_from(Case).where(_is_wanted(viewer, wanted))) or 0


def _is_wanted(viewer: Viewer, wanted: Wanted) -> ColumnElement[bool]:
    states = (CaseState.CLOSED, CaseState.WITHDRAWN) if wanted.closed else OPEN_CASE_STATES
    conditions = [Case.state.in_(states), is_visible_to(viewer)]
    if wanted.mine:
        conditions.append(Case.holder_id == viewer.person_id)
    if wanted.unclaimed:
        conditions.append(Case.state == CaseState.OPENED)
    if wanted.overdue_at is not None:
        conditions.append(Case.due_at < wanted.overdue_at)
    return and_(*conditions)


def add_case(session: Session, category: str, urgency: str, now: datetime) -> Case:
    """A case that is still being written, with a key of its own."""
    case = Case(
        code=new_code(),
        key_id=case_keys_of_session(session).create(),
        state=CaseState.DRAFT,
        category=category,
        urgency=urgency,
        created_at=now,
    )
    session.add(case)
    session.flush()
    return case


def find_by_receipt(session: Session, receipt_hash: str) -> Case | None:
    """The case of a receipt, by the slow hash of its digits; not one whose key is destroyed."""
    return session.scalars(select(Case).where(Case.receipt_hash == receipt_hash, Case.key_id.is_not(None))).first()


def hash_party(session: Session, account: Account) -> str:
    """How an account is known as a case's worker."""
    return keys_of_session(session).hash("case_party", account.sender, account.address_hash)


def add_party(session: Session, case: Case, account: Account, now: datetime) -> None:
    """An account is the worker's on a case from now on; the same one again counts as their newest."""
    mine = hash_party(session, account)
    session.execute(delete(CaseParty).where(CaseParty.case_id == case.id, CaseParty.party_hash == mine))
    sealed = case_keys_of_session(session).cipher(case.key_id or "").seal(str(account.id).encode(), PARTY_PLACE)
    session.add(CaseParty(case_id=case.id, party_hash=mine, account=sealed, added_at=now))
    session.flush()


def drop_party(session: Session, case: Case, account: Account) -> None:
    """An account is not the worker's on a case any more."""
    mine = hash_party(session, account)
    session.execute(delete(CaseParty).where(CaseParty.case_id == case.id, CaseParty.party_hash == mine))


def list_party_accounts(session: Session, case: Case) -> list[Account]:
    """The worker's accounts on a case, the newest first; none when its key is destroyed."""
    if case.key_id is None:
        return []
    cipher = case_keys_of_session(session).cipher(case.key_id)
    rows = session.scalars(select(CaseParty).where(CaseParty.case_id == case.id).order_by(CaseParty.id.desc()))
    found = (session.get(Account, int(cipher.open(row.account, PARTY_PLACE))) for row in rows.all())
    return [account for account in found if account is not None]


def list_own(session: Session, accounts: Iterable[Account]) -> list[Case]:
    """The cases that were sent from one of these accounts, or opened there with a receipt; the newest first."""
    hashes = [hash_party(session, account) for account in accounts]
    mine = exists().where(CaseParty.case_id == Case.id, CaseParty.party_hash.in_(hashes))
    shown = Case.state.not_in((CaseState.DRAFT, CaseState.ERASED))
    return list(session.scalars(select(Case).where(mine, shown).order_by(Case.id.desc())))


def list_drafts(session: Session, account: Account) -> list[Case]:
    """What a worker began to write on an account and has not sent, the newest first."""
    mine = exists().where(CaseParty.case_id == Case.id, CaseParty.party_hash == hash_party(session, account))
    return list(session.scalars(select(Case).where(mine, Case.state == CaseState.DRAFT).order_by(Case.id.desc())))


def find_waiting(session: Session, accounts: Iterable[Account]) -> Case | None:
    """The newest case of a worker in which an officer asked something and waits for the answer."""
    hashes = [hash_party(session, account) for account in accounts]
    mine = exists().where(CaseParty.case_id == Case.id, CaseParty.party_hash.in_(hashes))
    waits = exists().where(CasePause.case_id == Case.id, CasePause.until_at.is_(None))
    found = select(Case).where(mine, waits, Case.state.in_(OPEN_CASE_STATES)).order_by(Case.id.desc())
    return session.scalars(found.limit(1)).first()


def is_waiting(session: Session, case: Case) -> bool:
    """Whether an officer asked the worker something and waits for the answer."""
    open_ones = select(CasePause.id).where(CasePause.case_id == case.id, CasePause.until_at.is_(None))
    return session.scalar(open_ones.limit(1)) is not None


def is_party(session: Session, case: Case, accounts: Iterable[Account]) -> bool:
    """Whether one of these accounts is the worker's on a case."""
    hashes = [hash_party(session, account) for account in accounts]
    mine = select(CaseParty.id).where(CaseParty.case_id == case.id, CaseParty.party_hash.in_(hashes))
    return session.scalar(mine.limit(1)) is not None


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


def list_alerted(session: Session, case: Case) -> list[CaseAlert]:
    """Who was asked to claim a case in the search that runs, in the order of the rungs."""
    mine = select(CaseAlert).where(CaseAlert.case_id == case.id, CaseAlert.round == case.round)
    return list(session.scalars(mine.order_by(CaseAlert.rung, CaseAlert.id)))


def add_alert(session: Session, case: Case, rung: int, person_id: int, now: datetime) -> CaseAlert:
    """Somebody is asked to claim a case; the table refuses the same person twice in one search."""
    alert = CaseAlert(case_id=case.id, round=case.round, rung=rung, person_id=person_id, told_at=now)
    session.add(alert)
    session.flush()
    return alert


def list_done_steps(session: Session, case: Case) -> set[tuple[str, int]]:
    """The kinds and numbers of the steps that were done since the stage began."""
    done = select(CaseStep.kind, CaseStep.number).where(
        CaseStep.case_id == case.id, CaseStep.stage_round == case.stage_round
    )
    return {(kind, number) for kind, number in session.execute(done)}


def add_step(session: Session, case: Case, kind: str, number: int, due_at: datetime, now: datetime) -> None:
    """A step is done; the table refuses it a second time."""
    session.add(
        CaseStep(
            case_id=case.id, stage_round=case.stage_round, stage=case.stage, kind=kind, number=number,
            due_at=due_at, done_at=now,
        )
    )  # fmt: skip
    session.flush()


def list_pauses(session: Session, case: Case) -> list[CasePause]:
    """The times in which we waited for the worker."""
    return list(session.scalars(select(CasePause).where(CasePause.case_id == case.id).order_by(CasePause.id)))


def open_pause(session: Session, case: Case, why: str, now: datetime) -> None:
    """From now on we wait for the worker."""
    if all(pause.until_at is not None for pause in list_pauses(session, case)):
        session.add(CasePause(case_id=case.id, since_at=now, why=why))
        session.flush()


def close_pauses(session: Session, case: Case, now: datetime) -> bool:
    """We wait for the worker no longer; False when we did not."""
    waits = [pause for pause in list_pauses(session, case) if pause.until_at is None]
    for pause in waits:
        pause.until_at = max(now, pause.since_at)  # a clock may have been set back
    session.flush()
    return bool(waits)


def list_due(session: Session, now: datetime, limit: int) -> list[Case]:
    """Cases the clock must look at, locked; those another process has in hand are left to it."""
    due = select(Case).where(Case.next_step_at <= now, Case.state.in_(OPEN_CASE_STATES)).order_by(Case.next_step_at)
    return list(session.scalars(due.limit(limit).with_for_update(skip_locked=True)))


def list_alike_held(session: Session, viewer: Viewer, case: Case, within: timedelta) -> list[Case]:
    """Other cases that the officer holds and works on, of the same kind, about the same place and sent within so long
    of this one: they may be the same matter. The newest first."""
    if case.opened_at is None or (case.workplace_unit_id is None and not case.commune):
        return []
    place = (
        Case.workplace_unit_id == case.workplace_unit_id
        if case.workplace_unit_id is not None
        else and_(Case.workplace_unit_id.is_(None), Case.commune == case.commune)
    )
    near = Case.opened_at.between(case.opened_at - within, case.opened_at + within)
    mine = (Case.holder_id == viewer.person_id, Case.state.in_((CaseState.CLAIMED, CaseState.ANSWERED)))
    found = select(Case).where(
        *mine, Case.id != case.id, Case.category == case.category, place, near, is_visible_to(viewer)
    )
    return list(session.scalars(found.order_by(Case.opened_at.desc(), Case.id.desc())))


def list_to_follow_up(session: Session, from_on: date, to_on: date) -> list[Case]:
    """Open cases that somebody holds and that went to an authority, to be asked about on one of these days; locked."""
    due = (Case.follow_up_on.between(from_on, to_on), Case.holder_id.is_not(None), Case.state.in_(OPEN_CASE_STATES))
    return list(session.scalars(select(Case).where(*due).order_by(Case.id).with_for_update(skip_locked=True)))


def list_holders(session: Session, after: int, limit: int) -> list[int]:
    """Who holds an open case, by their numbers, from behind one on."""
    held = select(Case.holder_id).where(Case.holder_id > after, Case.state.in_(OPEN_CASE_STATES)).distinct()
    found = session.scalars(held.order_by(Case.holder_id).limit(limit))
    return [person_id for person_id in found if person_id is not None]


def list_lost(session: Session, viewer: Viewer) -> list[Case]:
    """Open cases that somebody holds who may not see them any more, locked."""
    held = select(Case).where(Case.holder_id == viewer.person_id, Case.state.in_(OPEN_CASE_STATES))
    return list(session.scalars(held.where(~is_visible_to(viewer)).with_for_update(skip_locked=True)))


def list_depending(session: Session, viewer: Viewer, unit_id: int, role: Role) -> list[Case]:
    """Open cases that an officer holds and may no longer see once this role of theirs ends, locked."""
    rest = replace(viewer, roles=viewer.roles - {(unit_id, role)})
    held = (Case.holder_id == viewer.person_id, Case.state.in_(OPEN_CASE_STATES))
    found = select(Case).where(*held, is_visible_to(viewer), ~is_visible_to(rest))
    return list(session.scalars(found.order_by(Case.id).with_for_update()))


def list_takeable(session: Session, cases: Collection[Case], viewer: Viewer) -> list[Case]:
    """Those of some cases that an officer could take over without being asked: nothing bars them, and they held their
    role when the case was sent, so that its words were searched for their name."""
    long_held = exists().where(
        RoleGrant.person_id == viewer.person_id,
        tuple_(RoleGrant.unit_id, RoleGrant.role).in_(sorted(viewer.roles)) if viewer.roles else false(),
        RoleGrant.granted_at <= Case.opened_at,
        CaseReader.case_id == Case.id,
        CaseReader.unit_id == RoleGrant.unit_id,
        CaseReader.until_at.is_(None),
    )
    wanted = (Case.id.in_([case.id for case in cases]), Case.holder_only.is_(False))
    return list(session.scalars(select(Case).where(*wanted, is_visible_to(viewer), long_held).order_by(Case.id)))


def hand_over_cases(
    session: Session, cases: Collection[Case], viewer: Viewer, actor_id: int, now: datetime
) -> list[Case]:
    """Give an officer those of some cases that they could take over, and return them. The caller holds them locked; for
    the others a holder is searched (`handlers.cases.clockwork.mend`)."""
    taken = list_takeable(session, cases, viewer)
    for case in taken:
        body = {"to": str(viewer.person_id), "reason": "hand_over"}
        append(session, case, EventKind.ASSIGNED, now, actor_id, body)
        case.holder_id = viewer.person_id
    session.flush()
    return taken


def list_in_closed_units(session: Session, today: date) -> list[Case]:
    """Open cases whose unit is open no longer, locked."""
    is_open = exists().where(
        UnitPeriod.unit_id == Case.unit_id,
        UnitPeriod.effective_from <= today,
        or_(UnitPeriod.effective_to.is_(None), UnitPeriod.effective_to >= today),
    )
    found = select(Case).where(Case.state.in_(OPEN_CASE_STATES), Case.unit_id.is_not(None), ~is_open)
    return list(session.scalars(found.order_by(Case.id).with_for_update(skip_locked=True)))


def list_absences(session: Session, person_ids: Collection[int], on: date) -> dict[int, int | None]:
    """Who of these is away on a day, with whoever stands in for them."""
    away = select(Absence).where(Absence.person_id.in_(person_ids), Absence.from_on <= on, Absence.to_on >= on)
    return {row.person_id: row.substitute_id for row in session.scalars(away.order_by(Absence.id))}


def get_names(session: Session, person_ids: Sequence[int]) -> dict[int, str]:
    """The full names of officers, to find them in what a worker wrote."""
    rows: Any = session.scalars(select(Person).where(Person.id.in_(person_ids)))
    return {row.id: (row.profile or {}).get("full_name", "") for row in rows}


def get_genders(session: Session, person_ids: Sequence[int]) -> dict[int, str]:
    """What officers gave as their gender, where they did."""
    rows: Any = session.scalars(select(Person).where(Person.id.in_(person_ids)))
    return {row.id: row.profile["gender"] for row in rows if (row.profile or {}).get("gender")}
