"""Statements on which accounts got an answer of the FAQ: keyed hashes, kept of those who agreed to be told of changes.

Whether an account got an answer can be asked; who got one, or what somebody got, cannot be read out of the table.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from db.deliveries import PRIORITIES
from db.inbox import insert_ignoring_duplicates
from db.models import Account, AnswerTrace, BulletinRun, Consent, Delivery, DeliveryKind, DeliveryState
from db.session import keys_of_session

_AT_ONCE = 500


def keep_trace(session: Session, entry_id: str, lane: str, on: date) -> None:
    """Keep that an account got an answer on a day; only the newest day stays."""
    trace = _trace_of(session, entry_id, lane)
    insert_ignoring_duplicates(session, AnswerTrace, [{"trace": trace, "last_on": on}])
    session.execute(update(AnswerTrace).where(AnswerTrace.trace == trace).values(last_on=on))


def has_trace(session: Session, entry_id: str, lane: str) -> bool:
    """Whether an account got an answer."""
    return session.get(AnswerTrace, _trace_of(session, entry_id, lane)) is not None


def _trace_of(session: Session, entry_id: str, lane: str) -> str:
    return keys_of_session(session).hash("answer_trace", entry_id, lane)


def list_receivers(session: Session, entry_id: str, purpose: str, version: int, since: date) -> list[Account]:
    """The accounts that can be reached, whose people agreed to a purpose, and that got an answer since a day. One of
    each person: the one they used last."""
    agreed = or_(
        Consent.person_id == Account.person_id, (Consent.account_id == Account.id) & Consent.person_id.is_(None)
    )
    found = (
        select(Account)
        .join(Consent, agreed)
        .where(
            Consent.purpose == purpose,
            Consent.version >= version,
            Consent.withdrawn_at.is_(None),
            Account.unreachable_since.is_(None),
        )
        .order_by(Account.last_seen_at.desc(), Account.id)
        .distinct()
    )
    accounts = list(session.scalars(found))
    traces = {_trace_of(session, entry_id, account.address_hash): account for account in accounts}
    known = _list_known(session, traces, since)
    chosen: dict[tuple[str, int], Account] = {}
    for trace, account in traces.items():
        if trace in known:
            whose = ("account", account.id) if account.person_id is None else ("person", account.person_id)
            chosen.setdefault(whose, account)
    return list(chosen.values())


def _list_known(session: Session, traces: Iterable[str], since: date) -> set[str]:
    every, known = list(traces), set[str]()
    for start in range(0, len(every), _AT_ONCE):
        some = AnswerTrace.trace.in_(every[start : start + _AT_ONCE])
        known |= set(session.scalars(select(AnswerTrace.trace).where(some, AnswerTrace.last_on >= since)))
    return known


def add_lines(
    session: Session,
    run: BulletinRun,
    accounts: Sequence[Account],
    unit_id: int,
    not_before_at: datetime,
    now: datetime,
) -> int:
    """Write the lines of a sending that goes to these accounts; returns how many."""
    rows: list[dict[str, object]] = [
        {
            "kind": DeliveryKind.BULLETIN,
            "subject": str(run.id),
            "recipient": account.address_hash,
            "sender": account.sender,
            "priority": PRIORITIES[DeliveryKind.BULLETIN],
            "state": DeliveryState.PLANNED,
            "attempts": 0,
            "not_before_at": not_before_at,
            "expires_at": run.expires_at,
            "created_at": now,
            "run_id": run.id,
            "unit_id": unit_id,
        }
        for account in accounts
    ]
    insert_ignoring_duplicates(session, Delivery, rows)
    return len(rows)


def forget_traces_of(session: Session, lanes: Iterable[str], entry_ids: Iterable[str]) -> None:
    """Erase that some accounts got any of these answers: whoever no longer agrees leaves nothing behind."""
    entries = list(entry_ids)
    traces = [_trace_of(session, entry_id, lane) for lane in lanes for entry_id in entries]
    for start in range(0, len(traces), _AT_ONCE):
        session.execute(delete(AnswerTrace).where(AnswerTrace.trace.in_(traces[start : start + _AT_ONCE])))


def forget_traces(session: Session, before: datetime) -> int:
    """Erase what was last got before a moment; returns how many."""
    old = delete(AnswerTrace).where(AnswerTrace.last_on < before.date())
    return session.execute(old).rowcount  # type: ignore[attr-defined,no-any-return]  # row count
