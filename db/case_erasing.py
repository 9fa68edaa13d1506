"""Erases cases: the row is emptied, and when that is committed the key is destroyed; a sweep mends what a crash left.

The database decides, and the key follows. If the transaction fails, nothing happened. If the program dies between the
commit and the key, the row says ``erased`` and still names its key: `destroy_keys` ends that within the hour. If an
older copy of the data is brought back, it holds cases whose key was destroyed since: `sweep` empties them again.
"""

import contextlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, event, exists, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from db.case_keys import CaseKeys, case_keys_of_session
from db.case_parties import hash_party
from db.deployment import find_fact, set_fact
from db.models import Account, Case, CaseBarrier, CaseEvent, CaseFile, CaseParty, CaseReader, CaseState

FINISHED_CASE_STATES = (CaseState.CLOSED, CaseState.WITHDRAWN, CaseState.MERGED)
"""Nobody does anything any more; kept for a later dispute, then erased."""

ORPHAN_DAYS = 30
"""How long a key is kept that no case names, its row having been rolled back. It seals nothing, but the same is seen
where the data of an older day were brought back by mistake, and then the newer copy still needs it."""

_DOOMED = "doomed_case_keys"
_RESTORED = "restored_at"
_AT_ONCE = 500


def erase_case(session: Session, case: Case, now: datetime) -> None:
    """Erase a case that the caller holds locked. What stays is its code, its kind, which unit answered for it and when,
    and the lines of its history, which nobody opens once this is committed."""
    for model in (CaseParty, CaseFile, CaseBarrier, CaseReader):
        session.execute(delete(model).where(model.case_id == case.id))
    case.receipt_hash = case.workplace_unit_id = case.commune = case.merged_into_id = case.follow_up_on = None
    case.is_named = False
    case.stage = case.stage_since_at = case.due_at = case.next_step_at = None
    case.closed_at = case.closed_at or now
    case.state = CaseState.ERASED
    session.flush()
    if case.key_id is not None:
        _destroy_after_commit(session, case.key_id)


def erase_draft(session: Session, case: Case) -> None:
    """Erase a case that was never sent, with its files and, once this is committed, its key; no line of it stays."""
    key_id = case.key_id
    session.execute(delete(Case).where(Case.id == case.id, Case.state == CaseState.DRAFT))
    session.expunge(case)
    if key_id is not None:
        _destroy_after_commit(session, key_id)


def erase_cases_of(session: Session, account: Account, now: datetime) -> int:
    """A worker erases themself on one channel: their cases are erased, but for those they also follow on another one,
    which lose this tie; returns how many were erased."""
    cases = _lock_cases_of(session, account)
    untie_cases(session, [account])
    alone = [case for case in cases if not _has_party(session, case)]
    for case in alone:
        erase_case(session, case, now)
    return len(alone)


def untie_cases(session: Session, accounts: Iterable[Account]) -> None:
    """Nothing ties these accounts to a case any more. Their cases go on, and are found again with the receipt: whoever
    clears a shared computer has not taken their report back. What was never sent is erased."""
    hashes = [hash_party(session, account) for account in accounts]
    for some in _chunks(hashes):
        mine = exists().where(CaseParty.case_id == Case.id, CaseParty.party_hash.in_(some))
        for draft in session.scalars(select(Case).where(mine, Case.state == CaseState.DRAFT)).all():
            erase_draft(session, draft)
        session.execute(delete(CaseParty).where(CaseParty.party_hash.in_(some)))


def forget_case_drafts(session: Session, before: datetime) -> int:
    """Erase what was begun before a moment and never sent; returns how many cases that were."""
    old = select(Case).where(Case.state == CaseState.DRAFT, Case.created_at < before)
    return _erase_all(session, session.scalars(old.order_by(Case.id).with_for_update(skip_locked=True)).all(), before)


def forget_finished_cases(session: Session, before: datetime) -> int:
    """Erase the cases that were finished, and on which nobody did anything, since a moment; returns how many."""
    was_touched = exists().where(CaseEvent.case_id == Case.id, CaseEvent.at >= before)
    ended_at = func.coalesce(Case.closed_at, Case.settled_at, Case.opened_at, Case.created_at)
    old = select(Case).where(Case.state.in_(FINISHED_CASE_STATES), ended_at < before, ~was_touched)
    found = session.scalars(old.order_by(Case.id).limit(_AT_ONCE).with_for_update(skip_locked=True)).all()
    return _erase_all(session, found, before)


def destroy_keys(session: Session, _now: datetime) -> bool:
    """Destroy the keys of erased cases that are still there: the program died at the wrong moment. Afterwards the row
    names no key, and that of a case that was never sent goes. True when there may be more. Runs in a transaction of its
    own, so that every row it sees is committed."""
    marked = select(Case).where(Case.state == CaseState.ERASED, Case.key_id.is_not(None)).order_by(Case.id)
    cases = session.scalars(marked.limit(_AT_ONCE).with_for_update(skip_locked=True)).all()
    case_keys_of_session(session).destroy([case.key_id for case in cases if case.key_id is not None])
    for case in cases:
        case.key_id = None
    session.flush()
    never_sent = and_(Case.head_number == 0, ~exists().where(CaseEvent.case_id == Case.id))
    session.execute(delete(Case).where(Case.id.in_([case.id for case in cases]), never_sent))
    return len(cases) == _AT_ONCE


def sweep(session: Session, now: datetime) -> None:
    """Make data and keys agree: empty the cases whose key is destroyed, and destroy the keys that no case names."""
    erase_again(session, now)
    if _was_restored_lately(session, now):
        return
    case_keys = case_keys_of_session(session)
    old = case_keys.list_living((now - timedelta(days=ORPHAN_DAYS)).date())
    for some in _chunks(old):
        named = set(session.scalars(select(Case.key_id).where(Case.key_id.in_(some))))
        case_keys.destroy([key_id for key_id in some if key_id not in named])


def erase_again(session: Session, now: datetime) -> int:
    """Empty the cases whose key is destroyed although their row is not: an older copy of the data was brought back.
    Returns how many."""
    erased = 0
    for some in _chunks(case_keys_of_session(session).list_destroyed()):
        left = select(Case).where(Case.key_id.in_(some), Case.state != CaseState.ERASED).order_by(Case.id)
        erased += _erase_all(session, session.scalars(left.with_for_update()).all(), now)
    return erased


def list_keys_of_cases(session: Session) -> set[str]:
    """The numbers of the keys that cases name."""
    return {key_id for key_id in session.scalars(select(Case.key_id).where(Case.key_id.is_not(None))) if key_id}


def note_restored(session: Session, now: datetime) -> None:
    """Write down that older data were brought back: for some time no key is taken for an orphan."""
    set_fact(session, _RESTORED, now.isoformat())


def _was_restored_lately(session: Session, now: datetime) -> bool:
    restored = find_fact(session, _RESTORED)
    return restored is not None and now < datetime.fromisoformat(restored) + timedelta(days=ORPHAN_DAYS)


def _erase_all(session: Session, cases: Iterable[Case], now: datetime) -> int:
    count = 0
    for case in cases:
        erase_case(session, case, now)
        count += 1
    return count


def _lock_cases_of(session: Session, account: Account) -> list[Case]:
    mine = exists().where(CaseParty.case_id == Case.id, CaseParty.party_hash == hash_party(session, account))
    found = select(Case).where(mine).order_by(Case.id).with_for_update().execution_options(populate_existing=True)
    return list(session.scalars(found))


def _has_party(session: Session, case: Case) -> bool:
    return session.scalar(select(CaseParty.id).where(CaseParty.case_id == case.id).limit(1)) is not None


def _chunks(items: Sequence[str]) -> Iterable[Sequence[str]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))


def _destroy_after_commit(session: Session, key_id: str) -> None:
    if _DOOMED not in session.info:
        session.info[_DOOMED] = set()
        event.listen(session, "after_commit", _destroy_doomed)
        event.listen(session, "after_soft_rollback", _spare_doomed)
    session.info[_DOOMED].add(key_id)


def _destroy_doomed(session: Session) -> None:
    """After the commit. A store that cannot be reached now must not look like a failed transaction, which it is not:
    the hourly `destroy_keys` finds the keys again by their rows."""
    if session.in_nested_transaction():
        return
    doomed: set[str] = session.info[_DOOMED]
    case_keys: CaseKeys = case_keys_of_session(session)
    with contextlib.suppress(SQLAlchemyError):
        case_keys.destroy(doomed)
    doomed.clear()


def _spare_doomed(session: Session, _previous: object) -> None:
    """A rollback, if only to a savepoint, may have taken an erasure back: only committed rows decide, an hour later."""
    session.info[_DOOMED].clear()
