"""Statements on the worker's side of a case: the accounts that are theirs on it, what they sent, wait for and began."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, delete, exists, select
from sqlalchemy.orm import Session

from db.case_keys import case_keys_of_session
from db.models import OPEN_CASE_STATES, Account, Case, CaseParty, CasePause, CaseState
from db.session import keys_of_session

PARTY_PLACE = "case_parties.account"
"""Where the number of a worker's account is sealed."""


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


_OWN = select(CaseParty.case_id).where(CaseParty.party_hash.in_(bindparam("hashes", expanding=True)))
_IS_ASKED = exists().where(CasePause.case_id.in_((Case.id, Case.merged_into_id)), CasePause.until_at.is_(None))
_WAITING = (
    select(Case)
    .where(
        Case.id.in_(_OWN),  # whoever writes has few cases: from them to the pauses, for each free message
        (_IS_ASKED & Case.state.in_((*OPEN_CASE_STATES, CaseState.MERGED))) | (Case.state == CaseState.SETTLED),
    )
    .order_by(Case.state == CaseState.SETTLED, Case.id.desc())
    .limit(1)
)


def find_waiting(session: Session, accounts: Iterable[Account]) -> Case | None:
    """The newest case of a worker that waits for their word: an officer asked something, or else, where it is settled,
    they were asked whether it is."""
    hashes = [hash_party(session, account) for account in accounts]
    return session.scalars(_WAITING, {"hashes": hashes}).first()


def is_party(session: Session, case: Case, accounts: Iterable[Account]) -> bool:
    """Whether one of these accounts is the worker's on a case."""
    hashes = [hash_party(session, account) for account in accounts]
    mine = select(CaseParty.id).where(CaseParty.case_id == case.id, CaseParty.party_hash.in_(hashes))
    return session.scalar(mine.limit(1)) is not None
