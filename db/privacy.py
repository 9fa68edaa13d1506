"""Statements on consents, on who read whose data, and on requests about personal data."""

from collections.abc import Collection
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, bindparam, delete, func, or_, select
from sqlalchemy.orm import Session

from db.codes import new_code
from db.erased import note_erasure
from db.models import Consent, DataRequest, DataRequestKind, Membership, PersonalRead, RoleGrant
from db.people import runs_on


class Outcome(StrEnum):
    """How a request ended."""

    DONE = "done"
    REFUSED = "refused"
    TAKEN_BACK = "taken_back"


def add_consent(
    session: Session, account_id: int, person_id: int | None, purpose: str, version: int, now: datetime
) -> Consent:
    """Keep that somebody agreed."""
    consent = Consent(account_id=account_id, person_id=person_id, purpose=purpose, version=version, given_at=now)
    session.add(consent)
    session.flush()
    return consent


_MINE = (Consent.account_id == bindparam("account")) & Consent.person_id.is_(None)
_OF_ACCOUNT = select(Consent).where(_MINE).order_by(Consent.id)
_OF_PERSON = select(Consent).where(or_(Consent.person_id == bindparam("person"), _MINE)).order_by(Consent.id)
"""Also what was agreed on the account before it was anybody's; not what somebody else agreed to there."""


def list_all_consents(session: Session, account_id: int, person_id: int | None) -> list[Consent]:
    """Every consent of a person, or of an account that is nobody's yet, withdrawn ones as well; oldest first."""
    statement = _OF_ACCOUNT if person_id is None else _OF_PERSON
    return list(session.scalars(statement, {"account": account_id, "person": person_id}))


def list_consents(session: Session, account_id: int, person_id: int | None) -> list[Consent]:
    """Consents in force of a person, or of an account that is nobody's yet."""
    return [one for one in list_all_consents(session, account_id, person_id) if one.withdrawn_at is None]


def find_consent(session: Session, account_id: int, person_id: int | None, purpose: str) -> Consent | None:
    """The newest consent in force to a purpose."""
    mine = [consent for consent in list_consents(session, account_id, person_id) if consent.purpose == purpose]
    return max(mine, key=lambda consent: consent.version, default=None)


def withdraw_consents(session: Session, account_id: int, person_id: int | None, purpose: str, now: datetime) -> None:
    """Consents to a purpose are in force no longer."""
    for consent in list_consents(session, account_id, person_id):
        if consent.purpose == purpose:
            consent.withdrawn_at = now


def withdraw(session: Session, consent: Consent, now: datetime) -> None:
    """A consent holds no longer; the row stays, and a restore of an older backup does not bring it into force again."""
    note_erasure(session, consent)
    consent.withdrawn_at = now


def adopt_consents(session: Session, account_id: int, person_id: int) -> None:
    """What was agreed on an account before it was anybody's belongs to its person."""
    for consent in session.scalars(select(Consent).where(Consent.account_id == account_id)):
        consent.person_id = consent.person_id or person_id


def list_reads(session: Session, subject_id: int, limit: int) -> list[PersonalRead]:
    """Who read somebody's data, the newest first."""
    mine = select(PersonalRead).where(PersonalRead.subject_id == subject_id)
    return list(session.scalars(mine.order_by(PersonalRead.read_at.desc(), PersonalRead.id.desc()).limit(limit)))


def find_grant_at(session: Session, person_id: int, at: datetime) -> RoleGrant | None:
    """A role that somebody held at a moment, for saying as what they acted."""
    held = select(RoleGrant).where(
        RoleGrant.person_id == person_id,
        RoleGrant.granted_at <= at,
        or_(RoleGrant.ended_at.is_(None), RoleGrant.ended_at > at),
    )
    return session.scalars(held.order_by(RoleGrant.id)).first()


def add_request(
    session: Session,
    kind: DataRequestKind,
    account_id: int,
    person_id: int | None,
    now: datetime,
    due_at: datetime,
    note: str | None = None,
) -> DataRequest:
    """Keep a request about data, with the moment by which it must be done."""
    request = DataRequest(
        code=new_code(),
        kind=kind,
        account_id=account_id,
        person_id=person_id,
        asked_at=now,
        due_at=due_at,
        note=note,
    )
    session.add(request)
    session.flush()
    return request


def list_requests_of(session: Session, account_id: int, person_id: int | None) -> list[DataRequest]:
    """Requests of a person, or of an account that is nobody's, oldest first."""
    mine = (DataRequest.account_id == account_id) & DataRequest.person_id.is_(None)
    whose = mine if person_id is None else or_(DataRequest.person_id == person_id, mine)
    return list(session.scalars(select(DataRequest).where(whose).order_by(DataRequest.id)))


def list_open_requests(session: Session) -> list[DataRequest]:
    """Requests that are not done, the most pressing first."""
    waiting = select(DataRequest).where(DataRequest.done_at.is_(None))
    return list(session.scalars(waiting.order_by(DataRequest.due_at, DataRequest.id)))


def get_locked_request(session: Session, request_id: int) -> DataRequest | None:
    """A request that nobody else changes until this transaction ends."""
    return session.get(DataRequest, request_id, with_for_update=True, populate_existing=True)


def settle(request: DataRequest, outcome: Outcome, now: datetime) -> DataRequest:
    """Write down how a request ended."""
    request.done_at, request.outcome = now, outcome.value
    return request


def _is_leaving() -> ColumnElement[bool]:
    """The condition of an open wish to leave the union: other consents are withdrawn at once."""
    return (DataRequest.kind == DataRequestKind.WITHDRAW) & DataRequest.done_at.is_(None)


def list_leaving(session: Session, reach: Select[int], today: date, limit: int, offset: int) -> list[DataRequest]:
    """Open wishes to leave of members at the units of a reach, the most pressing first."""
    mine = select(DataRequest).join(Membership, Membership.person_id == DataRequest.person_id)
    mine = mine.where(_is_leaving(), runs_on(today), Membership.unit_id.in_(reach))
    return list(session.scalars(mine.order_by(DataRequest.due_at, DataRequest.id).limit(limit).offset(offset)))


def count_leaving(session: Session, reach: Select[int], today: date) -> int:
    """How many members at the units of a reach wish to leave."""
    mine = select(func.count(DataRequest.id)).join(Membership, Membership.person_id == DataRequest.person_id)
    return session.scalars(mine.where(_is_leaving(), runs_on(today), Membership.unit_id.in_(reach))).one()


def list_leaving_of(session: Session, person_id: int) -> list[DataRequest]:
    """A person's open wishes to leave."""
    return list(session.scalars(select(DataRequest).where(_is_leaving(), DataRequest.person_id == person_id)))


def list_consents_of(session: Session, person_id: int, purpose: str) -> list[Consent]:
    """A person's consents to a purpose that are in force."""
    mine = (Consent.person_id == person_id, Consent.purpose == purpose, Consent.withdrawn_at.is_(None))
    return list(session.scalars(select(Consent).where(*mine)))


def untie_requests(session: Session, person_ids: Collection[int], account_ids: Collection[int]) -> None:
    """Requests of people whose data is erased are nobody's from now on, and their words go."""
    mine = or_(DataRequest.person_id.in_(person_ids), DataRequest.account_id.in_(account_ids))
    for request in session.scalars(select(DataRequest).where(mine)):
        request.person_id = request.account_id = request.note = None
    session.flush()


def forget_requests(session: Session, before: datetime) -> int:
    """Erase requests done before a moment; returns how many."""
    return session.execute(delete(DataRequest).where(DataRequest.done_at < before)).rowcount  # type: ignore[attr-defined,no-any-return]  # row count


def forget_reads(session: Session, before: datetime) -> int:
    """Erase who read whose data before a moment; returns how many rows."""
    return session.execute(delete(PersonalRead).where(PersonalRead.read_at < before)).rowcount  # type: ignore[attr-defined,no-any-return]  # row count
