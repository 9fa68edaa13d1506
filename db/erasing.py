"""Takes a person out of the database: what is theirs goes, what stays says nothing of who they were."""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from db.accounts import forget_account
from db.bulletin_answers import forget_answers
from db.case_erasing import erase_cases_of
from db.codes import new_code
from db.deliveries import forget_recipient
from db.erased import find_erased, note_erasure
from db.inbox import forget_lane
from db.models import (
    Absence,
    Account,
    Application,
    BulletinAnswer,
    CaseEvent,
    Consent,
    EndReason,
    Membership,
    MergeProposal,
    NameToken,
    NewsPreference,
    NoUnionInterest,
    OfficerTie,
    Person,
    PersonalRead,
    RoleGrant,
    SecondFactor,
    SignInCode,
    TopicChoice,
)
from db.no_union import forget_interest
from db.privacy import untie_requests
from db.session import lock_lane
from db.zalo_oa import forget_follower


def erase_account(session: Session, account: Account, now: datetime) -> None:
    """Erase one person on one channel: what they sent and were sent, where they stand in a talk, the cases they follow
    nowhere else, and the account."""
    session.flush()
    lock_lane(session, account.address_hash)
    erase_cases_of(session, account, now)
    if account.person_id is None:
        forget_answers(session, [account])
    untie_requests(session, (), {account.id})
    forget_recipient(session, account.address_hash)
    forget_lane(session, account.address_hash)
    forget_follower(session, account.sender, account.address_hash)
    forget_account(session, account)


def erase_person(session: Session, person: Person, now: datetime, today: date) -> None:
    """Erase everything about a person and about those found to be the same, with all their accounts. Of memberships
    the line stays (unit and days), and of an officer's work that somebody did it."""
    same = select(Person).where(or_(Person.id == person.id, Person.merged_into_id == person.id))
    for one in list(session.scalars(same.order_by(Person.id.desc()))):
        note_erasure(session, one)
        _erase_one(session, one, now, today)


def _erase_one(session: Session, person: Person, now: datetime, today: date) -> None:
    accounts = session.scalars(select(Account).where(Account.person_id == person.id).order_by(Account.id)).all()
    forget_answers(session, accounts)
    for account in accounts:
        erase_account(session, account, now)
    _end_memberships(session, person.id, today)
    forget_person(session, person, now)


def forget_person(session: Session, person: Person, now: datetime) -> None:
    """Erase what is known of a person; their accounts are nobody's from then on. The row itself stays, without
    anything in it, only where a membership, a role or a reading of others' data hangs on it."""
    untie_requests(session, {person.id}, ())
    for model, column in (
        (Application, Application.person_id),
        (Consent, Consent.person_id),
        (NameToken, NameToken.person_id),
        (SignInCode, SignInCode.person_id),
        (SecondFactor, SecondFactor.person_id),
        (OfficerTie, OfficerTie.person_id),
        (Absence, Absence.person_id),
        (NewsPreference, NewsPreference.person_id),
        (TopicChoice, TopicChoice.person_id),
        (BulletinAnswer, BulletinAnswer.person_id),
        (MergeProposal, MergeProposal.kept_id),
        (MergeProposal, MergeProposal.other_id),
    ):
        session.execute(delete(model).where(column == person.id))
    mine = update(Account).where(Account.person_id == person.id)
    session.execute(mine.values(person_id=None, second_factor_at=None))
    session.flush()
    if _must_leave_a_trace(session, person.id):
        _blank(person, now)
        session.flush()
    else:
        session.execute(update(Person).where(Person.merged_into_id == person.id).values(merged_into_id=None))
        session.execute(delete(Person).where(Person.id == person.id))


def _end_memberships(session: Session, person_id: int, today: date) -> None:
    """Lines of a membership name a unit and days; the decision's number would lead to the paper with the name."""
    for membership in session.scalars(select(Membership).where(Membership.person_id == person_id)):
        membership.decision_number = None
        if membership.until_on is None or membership.until_on >= today:
            membership.until_on, membership.end_reason = today - timedelta(days=1), EndReason.ERASED


def erase_again(session: Session, marks: Collection[str], now: datetime, today: date) -> int:
    """After a restore: whoever was erased since the backup is erased again, what was taken back goes, and what was
    withdrawn is withdrawn. Returns how many rows that were."""
    people = find_erased(session, Person, marks)
    for number in people:
        person = session.get(Person, number)
        if person is not None:  # else they went with somebody they had been found to be
            erase_person(session, person, now, today)
    session.flush()
    accounts = find_erased(session, Account, marks)
    for number in accounts:
        erase_account(session, session.get_one(Account, number), now)
    interests = find_erased(session, NoUnionInterest, marks)
    for number in interests:
        forget_interest(session, session.get_one(NoUnionInterest, number))
    withdrawn = [session.get_one(Consent, number) for number in find_erased(session, Consent, marks)]
    brought_back = [consent for consent in withdrawn if consent.withdrawn_at is None]
    for consent in brought_back:
        consent.withdrawn_at = now
    session.flush()
    return len(people) + len(accounts) + len(interests) + len(brought_back)


def _must_leave_a_trace(session: Session, person_id: int) -> bool:
    """Whether lines of others' concern hang on the row: a membership that was counted, a role, a reading of others'
    data, a line in the history of a case."""
    traces = (
        select(Membership.id).where(Membership.person_id == person_id),
        select(RoleGrant.id).where(RoleGrant.person_id == person_id),
        select(PersonalRead.id).where(PersonalRead.reader_id == person_id),
        select(CaseEvent.id).where(CaseEvent.actor_id == person_id),
    )
    return any(session.scalars(trace.limit(1)).first() is not None for trace in traces)


def _blank(person: Person, now: datetime) -> None:
    """A new code as well: the old one stands on cards and papers."""
    person.code, person.erased_at = new_code(), now
    person.profile = person.phone_hash = person.citizen_id_hash = person.identity_hash = None
    person.preferred_sender = person.merged_into_id = None
