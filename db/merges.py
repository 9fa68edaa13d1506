"""Statements on two people who are one: the proposal, what moves from one to the other, and what moves back."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.models import (
    Absence,
    Account,
    Application,
    BulletinAnswer,
    Case,
    CaseBarrier,
    Consent,
    DataRequest,
    DataRequestKind,
    Membership,
    MergeProposal,
    NameToken,
    OfficerTie,
    Person,
    PersonalRead,
    RoleGrant,
)
from db.officers import search_again
from db.people import index_name, name_tokens
from db.session import keys_of_session, lock_lane

FOLLOWING: Mapping[str, InstrumentedAttribute[Any]] = {
    "absences.person_id": Absence.person_id,
    "absences.substitute_id": Absence.substitute_id,
    "accounts.person_id": Account.person_id,
    "applications.person_id": Application.person_id,
    "bulletin_answers.person_id": BulletinAnswer.person_id,
    "case_barriers.person_id": CaseBarrier.person_id,
    "cases.holder_id": Case.holder_id,
    "consents.person_id": Consent.person_id,
    "data_requests.person_id": DataRequest.person_id,
    "memberships.person_id": Membership.person_id,
    "officer_ties.person_id": OfficerTie.person_id,
    "personal_reads.subject_id": PersonalRead.subject_id,
    "role_grants.person_id": RoleGrant.person_id,
}
"""What belongs to a person and goes with them. Who once did something (gave a role, decided, read) stays as it was
written, and so do the codes and the second factor of somebody who holds no role. What they say about bulletins is
adopted where the kept person said nothing (`db.news_choices.adopt_choices`)."""

UNDO_WITHIN = timedelta(days=90)
"""How long a merge can be undone; after that what is left of the other side is erased (`handlers.retention`)."""

_AT_ONCE = 1000


def add_proposal(
    session: Session, kept_id: int, other_id: int, unit_id: int, proposed_by_id: int | None, now: datetime
) -> MergeProposal:
    """Keep that two people may be one; takes the place of an older proposal on the same two."""
    both = {kept_id, other_id}
    session.execute(delete(MergeProposal).where(MergeProposal.kept_id.in_(both), MergeProposal.other_id.in_(both)))
    proposal = MergeProposal(
        kept_id=kept_id, other_id=other_id, unit_id=unit_id, proposed_by_id=proposed_by_id, proposed_at=now
    )
    session.add(proposal)
    session.flush()
    return proposal


def get_locked_proposal(session: Session, proposal_id: int) -> MergeProposal | None:
    """A proposal that nobody else changes until this transaction ends; None when there is none."""
    return session.get(MergeProposal, proposal_id, with_for_update=True, populate_existing=True)


def list_proposals(session: Session, person_ids: Sequence[int]) -> list[MergeProposal]:
    """Every proposal on any of these people, the newest first."""
    named = or_(MergeProposal.kept_id.in_(person_ids), MergeProposal.other_id.in_(person_ids))
    return list(session.scalars(select(MergeProposal).where(named).order_by(MergeProposal.id.desc())))


def find_last_merge(session: Session, person_id: int, now: datetime) -> MergeProposal | None:
    """The newest merge of a kept person that may still be undone; the ones before wait until that one is."""
    merged = select(MergeProposal).where(
        MergeProposal.kept_id == person_id,
        MergeProposal.merged_at > now - UNDO_WITHIN,
        MergeProposal.undone_at.is_(None),
        MergeProposal.moved.is_not(None),
    )
    return session.scalars(merged.order_by(MergeProposal.merged_at.desc(), MergeProposal.id.desc())).first()


def lock_people(session: Session, person_ids: Sequence[int]) -> list[Person]:
    """These people, whom nobody else changes until this transaction ends, in the given order; with the lanes of their
    accounts, so that no event of theirs is handled meanwhile."""
    rows = session.scalars(
        select(Person)
        .where(Person.id.in_(person_ids))
        .order_by(Person.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = {person.id: person for person in rows}
    lanes = session.scalars(select(Account.address_hash).where(Account.person_id.in_(person_ids)))
    for lane in sorted(lanes):
        lock_lane(session, lane)
    return [found[number] for number in person_ids if number in found]


def wants_erasure(session: Session, person_ids: Sequence[int]) -> bool:
    """Whether one of these people asked to be erased and still waits."""
    waiting = select(DataRequest.id).where(
        DataRequest.person_id.in_(person_ids),
        DataRequest.kind == DataRequestKind.ERASE,
        DataRequest.done_at.is_(None),
    )
    return session.scalars(waiting.limit(1)).first() is not None


def list_running(session: Session, person_ids: Sequence[int], today: date) -> list[Membership]:
    """The memberships of some people that run today or later."""
    running = select(Membership).where(
        Membership.person_id.in_(person_ids), or_(Membership.until_on.is_(None), Membership.until_on >= today)
    )
    return list(session.scalars(running.order_by(Membership.since_on, Membership.id)))


def list_all_consents(session: Session, person_ids: Sequence[int]) -> list[Consent]:
    """Every consent of some people, in force or withdrawn."""
    return list(session.scalars(select(Consent).where(Consent.person_id.in_(person_ids)).order_by(Consent.id)))


def move_rows(session: Session, other_id: int, kept_id: int) -> dict[str, list[int]]:
    """Give everything that follows to the kept person; returns the ids of what moved, for `move_back`."""
    moved: dict[str, list[int]] = {}
    for name, column in FOLLOWING.items():
        key = column.class_.id
        ids = list(session.scalars(select(key).where(column == other_id).order_by(key)))
        _give(session, column, ids, other_id, kept_id)
        if ids:
            moved[name] = ids
    search_again(session, [kept_id])
    return moved


def move_back(session: Session, moved: Mapping[str, Sequence[int]], kept_id: int, other_id: int) -> None:
    """Give back what `move_rows` moved, so far as it still is the kept person's."""
    for name, ids in moved.items():
        _give(session, FOLLOWING[name], ids, kept_id, other_id)


def _give(session: Session, column: InstrumentedAttribute[Any], ids: Sequence[int], old: int, new: int) -> None:
    for start in range(0, len(ids), _AT_ONCE):
        these = column.class_.id.in_(ids[start : start + _AT_ONCE])
        change = update(column.class_).where(these, column == old).values({column.key: new})
        session.execute(change, execution_options={"synchronize_session": "fetch"})


def index_names_anew(session: Session, person: Person, today: date, names: Sequence[str] = ()) -> None:
    """Make somebody findable by their name, and by other spellings of it, at the units where they are a member now,
    and nowhere else."""
    session.execute(delete(NameToken).where(NameToken.person_id == person.id))
    keys, own = keys_of_session(session), (person.profile or {}).get("full_name") or ""
    more = set[str]().union(*(name_tokens(keys, name) for name in names)) - name_tokens(keys, own)
    for unit_id in sorted({one.unit_id for one in list_running(session, [person.id], today)}):
        index_name(session, person, unit_id)
        session.add_all(NameToken(token=token, unit_id=unit_id, person_id=person.id) for token in sorted(more))
    session.flush()


def forget_merged(session: Session, before: datetime) -> int:
    """Erase what is still known of people who were merged into others before a moment: from then on it cannot be
    undone. Returns how many."""
    merged = MergeProposal.merged_at < before, MergeProposal.undone_at.is_(None), MergeProposal.moved.is_not(None)
    old = list(session.scalars(select(MergeProposal).where(*merged)))
    for proposal in old:
        proposal.moved = None
        other = session.get(Person, proposal.other_id)
        if other is not None and other.merged_into_id is not None:
            other.profile = other.phone_hash = other.citizen_id_hash = other.identity_hash = None
            other.erased_at = other.erased_at or before
    return len(old)
