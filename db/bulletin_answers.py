"""Statements on what people answer to the questions of a bulletin, and on whether it was sent to them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from db.inbox import insert_ignoring_duplicates
from db.models import (
    Account,
    Bulletin,
    BulletinAnswer,
    BulletinKind,
    BulletinRun,
    Delivery,
    DeliveryKind,
    DeliveryState,
    RunState,
)
from db.session import keys_of_session

ARRIVED = (DeliveryState.SENT, DeliveryState.UNKNOWN)
"""States of a line whose message its person has, or may have."""

_MAY_HAVE_IT = (*ARRIVED, DeliveryState.CLAIMED)
"""Somebody may press before we have written down that the message went out."""


@dataclass(frozen=True)
class Received:
    """That somebody was sent a bulletin, and the unit by which they were chosen."""

    unit_id: int | None


def find_received(session: Session, run_id: int, account: Account) -> Received | None:
    """Whether one sending went to an account, or to another one of its person; None when it did not."""
    sent = select(Delivery.unit_id).where(
        Delivery.kind == DeliveryKind.BULLETIN,
        Delivery.subject == str(run_id),
        Delivery.recipient.in_(_list_lanes(session, account)),
        Delivery.state.in_(_MAY_HAVE_IT),
    )
    row = session.execute(sent.limit(1)).first()
    return None if row is None else Received(row[0])


def was_received(session: Session, bulletin_id: int) -> bool:
    """Whether a line of any sending of a bulletin stands that its person has, or may have."""
    runs = select(BulletinRun.id).where(BulletinRun.bulletin_id == bulletin_id)
    got = select(Delivery.id).where(Delivery.run_id.in_(runs), Delivery.state.in_(_MAY_HAVE_IT))
    return session.scalar(got.limit(1)) is not None


_RECEIVED = select(Delivery.run_id).where(
    Delivery.recipient == bindparam("lane"),
    Delivery.kind == DeliveryKind.BULLETIN,
    Delivery.state.in_(ARRIVED),
    Delivery.finished_at >= bindparam("since"),
    Delivery.run_id.is_not(None),
)


def list_received_since(session: Session, account: Account, since: datetime) -> list[int]:
    """The sendings that went to this very account since a moment."""
    whom = {"lane": account.address_hash, "since": since}
    sent = session.connection().execute(_RECEIVED, whom).scalars()  # what the session has changed plays no part in it
    return sorted({run_id for run_id in sent if run_id is not None})


def _list_lanes(session: Session, account: Account) -> list[str]:
    if account.person_id is None:
        return [account.address_hash]
    theirs = select(Account.address_hash).where(Account.person_id == account.person_id)
    return list({account.address_hash, *session.scalars(theirs)})


def hash_who(session: Session, run_id: int, account: Account) -> str:
    """What stands for the person of an account in one sending: equal on each of their accounts, and different in every
    other sending, so that nobody's answers can be put together."""
    whom = account.address_hash if account.person_id is None else f"person {account.person_id}"
    return keys_of_session(session).hash("bulletin_answer", str(run_id), whom)


def find_choice(session: Session, run_id: int, block: int, who: str) -> int | None:
    """What somebody answered to a question; None when they did not."""
    mine = (BulletinAnswer.run_id == run_id, BulletinAnswer.block == block, BulletinAnswer.who == who)
    return session.scalar(select(BulletinAnswer.choice).where(*mine))


def keep_answer(
    session: Session,
    run_id: int,
    block: int,
    who: str,
    choice: int,
    unit_id: int | None,
    person_id: int | None,
    now: datetime,
) -> None:
    """Write down an answer in place of the one that somebody gave before."""
    values = {"choice": choice, "answered_at": now, "unit_id": unit_id, "person_id": person_id}
    key = {"run_id": run_id, "block": block, "who": who}
    insert_ignoring_duplicates(session, BulletinAnswer, [key | values])
    mine = (BulletinAnswer.run_id == run_id, BulletinAnswer.block == block, BulletinAnswer.who == who)
    session.execute(update(BulletinAnswer).where(*mine).values(values))


def count_choices(session: Session, run_id: int, block: int) -> Counter[int]:
    """How many people chose what."""
    chosen = select(BulletinAnswer.choice, func.count()).where(
        BulletinAnswer.run_id == run_id, BulletinAnswer.block == block
    )
    return Counter(dict(session.execute(chosen.group_by(BulletinAnswer.choice)).all()))


def list_named(session: Session, run_id: int, block: int) -> dict[int, tuple[int, int | None]]:
    """What each person answered whose name is kept, with the unit by which they were chosen."""
    named = select(BulletinAnswer).where(
        BulletinAnswer.run_id == run_id, BulletinAnswer.block == block, BulletinAnswer.person_id.is_not(None)
    )
    return {row.person_id: (row.choice, row.unit_id) for row in session.scalars(named) if row.person_id is not None}


@dataclass(frozen=True)
class Asked:
    """An officer whom a task reached, with the unit by which they were chosen and their line's number."""

    person_id: int
    unit_id: int | None
    line: int


def list_asked(session: Session, run_id: int, after: int = 0, limit: int | None = None) -> list[Asked]:
    """Whom a sending reached, as far as they are still known, in the order of their lines."""
    found = (
        select(Account.person_id, Delivery.unit_id, Delivery.id)
        .join(Account, (Account.sender == Delivery.sender) & (Account.address_hash == Delivery.recipient))
        .where(
            Delivery.run_id == run_id,
            Delivery.state.in_(ARRIVED),
            Delivery.id > after,
            Account.person_id.is_not(None),
        )
        .order_by(Delivery.id)
        .limit(limit)
    )
    return [Asked(person_id, unit_id, line) for person_id, unit_id, line in session.execute(found) if person_id]


def list_task_runs(session: Session, since: datetime) -> list[BulletinRun]:
    """The sendings of tasks that began after a moment and were not called off."""
    found = select(BulletinRun).join(Bulletin, Bulletin.id == BulletinRun.bulletin_id)
    found = found.where(
        Bulletin.kind == BulletinKind.TASK,
        BulletinRun.state.in_((RunState.SENDING, RunState.DONE)),
        BulletinRun.started_at > since,
    )
    return list(session.scalars(found.order_by(BulletinRun.id)))


@dataclass(frozen=True)
class Given:
    """An answer that somebody gave: of which bulletin, to which block, which choice, and when."""

    bulletin: Bulletin
    block: int
    choice: int
    at: datetime


def list_given(session: Session, accounts: Sequence[Account]) -> list[Given]:
    """What the person of some accounts answered, as far as it still stands, also where no name is kept: only who has
    the accounts can ask."""
    found = (
        select(BulletinAnswer, Bulletin)
        .join(BulletinRun, BulletinRun.id == BulletinAnswer.run_id)
        .join(Bulletin, Bulletin.id == BulletinRun.bulletin_id)
        .where(BulletinAnswer.who.in_(_list_who(session, accounts)), BulletinAnswer.block >= 0)
    )
    rows = session.execute(found.order_by(BulletinAnswer.answered_at, BulletinAnswer.id))
    return [Given(bulletin, row.block, row.choice, row.answered_at) for row, bulletin in rows]


def forget_answers(session: Session, accounts: Sequence[Account]) -> None:
    """Erase what the person of some accounts answered; before the lines of what they were sent are erased."""
    session.execute(delete(BulletinAnswer).where(BulletinAnswer.who.in_(_list_who(session, accounts))))


def _list_who(session: Session, accounts: Sequence[Account]) -> list[str]:
    """What stands for them in each sending that any of these accounts was sent."""
    found: set[str] = set()
    for account in accounts:
        lines = select(Delivery.run_id).where(
            Delivery.recipient == account.address_hash, Delivery.kind == DeliveryKind.BULLETIN
        )
        runs = {run_id for run_id in session.scalars(lines) if run_id is not None}
        found |= {hash_who(session, run_id, one) for run_id in runs for one in accounts}
    return sorted(found)
