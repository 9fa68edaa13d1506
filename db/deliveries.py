"""Statements on the delivery ledger: add a message, claim what is due, record how it ended."""

import base64
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import LargeBinary, bindparam, delete, exists, func, or_, select, type_coerce, update
from sqlalchemy.orm import Session, aliased, defer, undefer
from sqlalchemy.orm.attributes import set_committed_value

from db.inbox import insert_ignoring_duplicates
from db.keys import KeyProblem
from db.models import (
    OPEN_DELIVERY_STATES,
    Account,
    BulletinFile,
    BulletinRun,
    Consent,
    Delivery,
    DeliveryKind,
    DeliveryState,
    InboxEvent,
    RoleGrant,
    RunState,
)
from db.session import keys_of_session, lock_lane

PRIORITIES = {
    DeliveryKind.CASE_ALERT: 0,
    DeliveryKind.OPERATOR_ALERT: 1,
    DeliveryKind.SIGN_IN: 5,
    DeliveryKind.REPLY: 10,
    DeliveryKind.CASE_REPLY: 15,
    DeliveryKind.GROUP_POST: 18,
    DeliveryKind.NOTICE: 20,
    DeliveryKind.BULLETIN: 30,
}
"""Smaller goes first: an alert before a reply, a reply before anything sent to many."""

REPEATABLE_KINDS = tuple(kind for kind in PRIORITIES if kind is not DeliveryKind.BULLETIN)
"""Kinds sent again when the platform's answer was lost: a double alert or reply is better than none, and a double
bulletin is not."""


_LINES_KEPT_LONGER = (
    DeliveryKind.NOTICE,
    DeliveryKind.OPERATOR_ALERT,
    DeliveryKind.CASE_ALERT,
    DeliveryKind.CASE_REPLY,
    DeliveryKind.GROUP_POST,
)

UNREACHABLE = "unreachable"

WAITS = ("window", "night", "quota", "billing", "budget", UNREACHABLE)
"""Reasons for which a message waits that end when its person writes: that opens a window in which it goes for nothing,
and shows that they are there again. "window" and "unreachable" have no other end ("chờ người dùng nhắn"); the rest are
tried again by themselves."""

FAILING = ("unavailable", "uncertain", "paused")
"""Reasons that say something of the platform, not of the person: a message is tried again by itself."""

MOVABLE_KINDS = (DeliveryKind.CASE_ALERT, DeliveryKind.CASE_REPLY, DeliveryKind.NOTICE)
"""Kinds that are for a person, wherever they are: what cannot go on one channel of theirs waits, and may go on another
(`handlers.rerouting`). The rest belong to the talk in which they were said."""

MOVED = "moved_channel"
"""Why a line failed whose message goes on another channel of its person."""

CALLED_OFF = "called_off"
"""Why a line expired whose message was no longer true."""

FAR_OFF = timedelta(days=3650)
"""How far a message is put off that waits for its person; it expires long before."""


@dataclass(frozen=True)
class Outgoing:
    """A message to store: ``body`` is a `Reply` as JSON; ``subject`` and ``recipient`` make it unique in its kind."""

    kind: DeliveryKind
    subject: str
    recipient: str
    sender: str
    address: str
    body: Any
    expires_at: datetime
    not_before_at: datetime | None = None
    stored_is_sent: bool = False
    """For a channel whose people read straight from this table (the web page), storing it is sending it."""


@dataclass(frozen=True)
class Outcome:
    """How an attempt to send ended; ``retry_at`` only with ``due``. ``tried_at`` of a message that waits for its person
    says since when they may have written without our knowing it."""

    delivery_id: int
    state: DeliveryState
    reason: str | None = None
    retry_at: datetime | None = None
    platform_message_id: str | None = None
    tried_at: datetime | None = None


def add_deliveries(session: Session, messages: Sequence[Outgoing], now: datetime) -> None:
    """Store messages as due; one already stored (same kind, subject and recipient) changes nothing."""
    insert_ignoring_duplicates(session, Delivery, [_row(message, now) for message in messages])


def _row(message: Outgoing, now: datetime) -> dict[str, object]:
    return {
        "kind": message.kind,
        "subject": message.subject,
        "recipient": message.recipient,
        "sender": message.sender,
        "address": message.address,
        "body": message.body,
        "priority": PRIORITIES[message.kind],
        "state": DeliveryState.SENT if message.stored_is_sent else DeliveryState.DUE,
        "finished_at": now if message.stored_is_sent else None,
        "attempts": 0,
        "not_before_at": message.not_before_at or now,
        "expires_at": message.expires_at,
        "created_at": now,
    }


def claim_due(session: Session, sender: str, now: datetime, limit: int) -> list[Delivery]:
    """Take the next messages of a bot account, most urgent first; the caller must record an `Outcome` for each."""
    session.execute(
        update(Delivery)
        .where(Delivery.sender == sender, Delivery.state == DeliveryState.DUE, Delivery.expires_at <= now)
        .values(state=DeliveryState.EXPIRED, finished_at=now)
    )
    due = (
        select(Delivery)
        .where(Delivery.sender == sender, Delivery.state == DeliveryState.DUE, Delivery.not_before_at <= now)
        .order_by(Delivery.priority, Delivery.id)
        .limit(limit)
    )
    claimed = list(session.scalars(due.with_for_update(skip_locked=True)))
    for delivery in claimed:
        delivery.state = DeliveryState.CLAIMED
        delivery.attempts += 1
    return claimed


def claim_planned(session: Session, sender: str, now: datetime, limit: int, is_quiet: bool = False) -> list[Delivery]:
    """Take lines of bulletins that are being sent, those of the oldest sending first, in the quiet hours only of those
    that may disturb; the caller must record an `Outcome` for each. Their text is in their sending; the address of each
    is read from its account, and a line whose person is gone or blocked us meanwhile fails here."""
    running = select(BulletinRun.id, BulletinRun.plan["may_disturb"].as_boolean()).where(
        BulletinRun.state == RunState.SENDING, BulletinRun.expires_at > now
    )
    sealed = type_coerce(Account.address, LargeBinary).label(
        "sealed_address"
    )  # one that no key opens must not hold up the others
    found: list[tuple[Delivery, bytes | None, datetime | None]] = []
    for run_id, may_disturb in session.execute(running.order_by(BulletinRun.id)).all():
        if is_quiet and not may_disturb:
            continue
        due = (
            select(Delivery, sealed, Account.unreachable_since)
            .outerjoin(Account, (Account.sender == Delivery.sender) & (Account.address_hash == Delivery.recipient))
            .where(
                Delivery.sender == sender,
                Delivery.state == DeliveryState.PLANNED,
                Delivery.run_id == run_id,
                Delivery.not_before_at <= now,
            )
            .order_by(Delivery.not_before_at, Delivery.id)
            .limit(limit - len(found))
        )
        found += list(session.execute(due.with_for_update(of=Delivery, skip_locked=True)))
        if len(found) >= limit:
            break
    addresses: dict[int, str] = {}
    for line, address, unreachable_since in found:
        try:
            if address is None or unreachable_since is not None:
                line.state, line.reason, line.finished_at = DeliveryState.FAILED, UNREACHABLE, now
                continue
            addresses[line.id] = keys_of_session(session).open(address, "accounts.address").decode()
            line.state, line.attempts = DeliveryState.CLAIMED, line.attempts + 1
        except KeyProblem:
            line.state, line.reason, line.finished_at = DeliveryState.FAILED, "unreadable", now
    session.flush()
    claimed = [line for line, _, _ in found if line.id in addresses]
    for line in claimed:
        set_committed_value(line, "address", addresses[line.id])  # for whoever sends it; the row itself keeps none
    return claimed


def read_message(session: Session, run_id: int) -> Any:
    """What one sending of a bulletin says, with its files, as the body of a line."""
    run = session.get_one(BulletinRun, run_id)
    files = session.scalars(
        select(BulletinFile)
        .where(BulletinFile.id.in_(run.plan.get("files", ())))
        .options(undefer(BulletinFile.content))
        .order_by(BulletinFile.id)
    )
    stored = [
        {
            "name": file.name,
            "media_type": file.media_type,
            "content": base64.b64encode(file.content).decode(),
            "is_personal": False,
            "digest": file.digest,
        }
        for file in files
    ]
    return run.body | ({"files": stored} if stored else {})


def find_line(session: Session, number: int) -> Delivery | None:
    """A line by its number."""
    return session.get(Delivery, number)


def fail_unreadable(session: Session, sender: str, now: datetime) -> int:
    """Fail every open message of a bot account that no key opens, or that was altered; returns how many."""
    is_open = (Delivery.sender == sender, Delivery.state.in_(OPEN_DELIVERY_STATES))
    count = 0
    for number in session.scalars(select(Delivery.id).where(*is_open)).all():
        try:
            session.get(Delivery, number)
        except KeyProblem:
            failed = update(Delivery).where(Delivery.id == number)
            session.execute(failed.values(state=DeliveryState.FAILED, reason="unreadable", finished_at=now))
            count += 1
    return count


def record_outcomes(session: Session, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Write down how attempts ended."""
    outcomes = [_end_wait(session, outcome, now) for outcome in outcomes]
    rows = [
        {
            "id": outcome.delivery_id,
            "state": outcome.state,
            "reason": outcome.reason,
            "platform_message_id": outcome.platform_message_id,
            "finished_at": None if outcome.state in (DeliveryState.DUE, DeliveryState.PLANNED) else now,
        }
        | ({"not_before_at": outcome.retry_at} if outcome.retry_at else {})
        for outcome in outcomes
    ]
    for with_retry in (True, False):
        batch = [row for row in rows if ("not_before_at" in row) is with_retry]
        if batch:
            session.execute(update(Delivery), batch)


def _end_wait(session: Session, outcome: Outcome, now: datetime) -> Outcome:
    """A person may write in the very moment in which a message to them is refused: then it is due at once. Holding
    their lane, so that either we see their event or its handling sees the message wait; before any row is changed,
    since whoever handles that event holds the lane and then wants the row."""
    recipient = None
    if outcome.tried_at is not None:
        recipient = session.scalar(select(Delivery.recipient).where(Delivery.id == outcome.delivery_id))
    if recipient is None:
        return outcome
    lock_lane(session, recipient)
    wrote = select(InboxEvent.id).where(InboxEvent.lane == recipient, InboxEvent.received_at > outcome.tried_at)
    return outcome if session.scalar(wrote.limit(1)) is None else replace(outcome, retry_at=now)


def recover_claimed(session: Session, sender: str) -> int:
    """Called by whoever starts to drive a bot account: nobody else is sending, so what is still claimed was cut off.

    Whether it reached its person is unknown. Repeatable kinds become due again; the rest is listed as unknown.
    Returns how many were found.
    """
    cut_off = (Delivery.sender == sender, Delivery.state == DeliveryState.CLAIMED)
    again = session.execute(
        update(Delivery).where(*cut_off, Delivery.kind.in_(REPEATABLE_KINDS)).values(state=DeliveryState.DUE)
    )
    unknown = session.execute(update(Delivery).where(*cut_off).values(state=DeliveryState.UNKNOWN))
    return int(again.rowcount + unknown.rowcount)  # type: ignore[attr-defined]  # an update has a row count


def has_due(session: Session, now: datetime) -> bool:
    """Whether any message other than a bulletin is being sent or could be sent now."""
    can_go = (Delivery.state == DeliveryState.CLAIMED) | (Delivery.not_before_at <= now)
    is_alone = Delivery.kind != DeliveryKind.BULLETIN  # a bulletin goes on after a restart
    still = select(Delivery.id).where(Delivery.state.in_(OPEN_DELIVERY_STATES), can_go, is_alone)
    return session.scalar(still.limit(1)) is not None


def count_open(session: Session) -> dict[str, int]:
    """Messages still to be sent, by bot account."""
    query = (
        select(Delivery.sender, func.count()).where(Delivery.state.in_(OPEN_DELIVERY_STATES)).group_by(Delivery.sender)
    )
    return {row[0]: row[1] for row in session.execute(query)}


_SENT_TO = (
    select(Delivery)
    .where(
        Delivery.recipient == bindparam("lane"),
        Delivery.id > bindparam("after"),
        Delivery.state == DeliveryState.SENT,
        or_(Delivery.body.is_not(None), Delivery.run_id.is_not(None)),
    )
    .limit(bindparam("most"))
    .options(defer(Delivery.address))
)
_OLDEST_TO, _NEWEST_TO = _SENT_TO.order_by(Delivery.id), _SENT_TO.order_by(Delivery.id.desc())


def list_to(
    session: Session,
    recipient: str,
    after: int,
    limit: int,
    newest: bool = False,
    known: Sequence[int] = (),
    since: datetime | None = None,
) -> list[Delivery]:
    """What a person was sent after a given row, without the ``known`` ones, oldest first: how the web page reads its
    messages. With more than ``limit`` of them the oldest come, or, with ``newest``, the latest. With ``since`` only
    what was written from that moment on, whenever it was sent."""
    query = _NEWEST_TO if newest else _OLDEST_TO
    if known:
        query = query.where(Delivery.id.not_in(known))
    if since is not None:
        query = query.where(Delivery.created_at >= since)
    rows = session.scalars(query, {"lane": recipient, "after": after, "most": limit}).all()
    for row in rows:
        _lend_body(session, row)
    return sorted(rows, key=lambda row: row.id)


def _lend_body(session: Session, line: Delivery) -> None:
    """A line of a bulletin has no text of its own; it gets that of its sending for as long as it is in hand."""
    if line.body is None and line.run_id is not None:
        set_committed_value(line, "body", read_message(session, line.run_id))


def find_sent(session: Session, recipient: str, number: int) -> Delivery | None:
    """A message a person was sent, with its body; None for anybody else's."""
    row = session.get(Delivery, number)
    if row is None or row.recipient != recipient or row.state is not DeliveryState.SENT:
        return None
    _lend_body(session, row)
    return row if row.body else None


_RELEASE_WAITING = (
    update(Delivery)
    .where(
        Delivery.recipient == bindparam("lane"),
        Delivery.state.in_((DeliveryState.DUE, DeliveryState.PLANNED)),
        Delivery.reason.in_(WAITS),
        Delivery.not_before_at > bindparam("now"),
    )
    .values(not_before_at=bindparam("now"))
)


def release_waiting(session: Session, recipient: str, now: datetime) -> None:
    """This person just wrote: what waited for that is due at once. Rows that are already loaded stay as they were."""
    session.connection().execute(_RELEASE_WAITING, {"lane": recipient, "now": now})


def release_failing(session: Session, sender: str, now: datetime) -> None:
    """The platform answers again: what was put off because it did not is due at once."""
    states = (DeliveryState.DUE, DeliveryState.PLANNED)
    put_off = (Delivery.sender == sender, Delivery.state.in_(states), Delivery.reason.in_(FAILING))
    session.execute(update(Delivery).where(*put_off, Delivery.not_before_at > now).values(not_before_at=now))


def list_stranded(
    session: Session,
    kinds: Sequence[DeliveryKind],
    reasons: Sequence[str],
    down: Collection[str],
    purpose: str,
    after: int,
    now: datetime,
    limit: int,
) -> list[int]:
    """Numbers, from the smallest above ``after``, of messages that cannot go now: they wait for one of these reasons,
    or their account is among those that are down for everybody. Only of people who have another account that might
    take them, and who ever held a role or agreed to a purpose: of the many that wait, few are worth a closer look."""
    its, other = aliased(Account), aliased(Account)
    has_another = exists().where(
        its.sender == Delivery.sender,
        its.address_hash == Delivery.recipient,
        other.person_id == its.person_id,
        other.id != its.id,
        other.unreachable_since.is_(None),
        other.sender.not_in(down),
    )
    agreed = exists().where(
        Consent.person_id == its.person_id, Consent.purpose == purpose, Consent.withdrawn_at.is_(None)
    )
    served = exists().where(RoleGrant.person_id == its.person_id)
    has_another = has_another.where(or_(agreed, served))
    is_late = or_(Delivery.reason.is_not(None), Delivery.not_before_at <= now)
    stranded = select(Delivery.id).where(
        Delivery.state == DeliveryState.DUE,
        Delivery.kind.in_(kinds),
        Delivery.id > after,
        Delivery.expires_at > now,
        or_(Delivery.reason.in_(reasons), Delivery.sender.in_(down) & is_late),
        has_another,
    )
    return list(session.scalars(stranded.order_by(Delivery.id).limit(limit)))


def lock_due(session: Session, number: int) -> Delivery | None:
    """A message that is due and that nobody else takes meanwhile; None when somebody has it, or it is no longer due."""
    mine = select(Delivery).where(Delivery.id == number, Delivery.state == DeliveryState.DUE)
    return session.scalars(mine.with_for_update(skip_locked=True)).first()


def list_lines_of(session: Session, kind: DeliveryKind, subject: str) -> dict[str, Delivery]:
    """Every line of one message, by recipient; what they say stays sealed until it is asked for."""
    same = select(Delivery).where(Delivery.kind == kind, Delivery.subject == subject)
    rows = session.scalars(same.options(defer(Delivery.body), defer(Delivery.address)))
    return {row.recipient: row for row in rows}


def move_line(session: Session, line: Delivery, to: Account, not_before_at: datetime, now: datetime) -> None:
    """Let a message go on another account instead: a new line, or the older one there, if it was moved away before.
    The caller holds the line (`lock_due`)."""
    older = list_lines_of(session, line.kind, line.subject).get(to.address_hash)
    if older is not None:
        older.state, older.reason, older.finished_at = DeliveryState.DUE, None, None
        older.not_before_at, older.body, older.address = not_before_at, line.body, to.address
    else:
        moved = Outgoing(
            kind=line.kind,
            subject=line.subject,
            recipient=to.address_hash,
            sender=to.sender,
            address=to.address,
            body=line.body,
            expires_at=line.expires_at,
            not_before_at=not_before_at,
        )
        add_deliveries(session, [moved], now)
    line.state, line.reason, line.finished_at = DeliveryState.FAILED, MOVED, now
    session.flush()


def was_written(session: Session, kind: DeliveryKind, subject: str) -> bool:
    """Whether there is a line of this kind and subject, to whomever."""
    same = select(Delivery.id).where(Delivery.kind == kind, Delivery.subject == subject)
    return session.scalar(same.limit(1)) is not None


def list_due_on(session: Session, kind: DeliveryKind, senders: Collection[str]) -> list[Delivery]:
    """What is due of a kind on these accounts."""
    due = (Delivery.kind == kind, Delivery.sender.in_(senders), Delivery.state == DeliveryState.DUE)
    return list(session.scalars(select(Delivery).where(*due).order_by(Delivery.id)))


def list_failed(session: Session, kind: DeliveryKind, since: datetime) -> list[Delivery]:
    """What of a kind failed for good since a moment."""
    failed = (Delivery.kind == kind, Delivery.state == DeliveryState.FAILED, Delivery.finished_at >= since)
    return list(session.scalars(select(Delivery).where(*failed).order_by(Delivery.id)))


def list_open_senders(session: Session) -> list[str]:
    """The accounts on which anything is still to be sent."""
    query = select(Delivery.sender).where(Delivery.state.in_(OPEN_DELIVERY_STATES)).distinct()
    return list(session.scalars(query))


def move_address(session: Session, sender: str, recipient: str, address: str) -> None:
    """The platform moved a chat: open messages follow it, and bulletins, which ask the account."""
    account = session.scalars(
        select(Account).where(Account.sender == sender, Account.address_hash == recipient)
    ).first()
    if account is not None:
        account.address = address
    session.execute(
        update(Delivery)
        .where(Delivery.sender == sender, Delivery.recipient == recipient, Delivery.state.in_(OPEN_DELIVERY_STATES))
        .values(address=address)
    )


def forget_bodies(session: Session, before: datetime) -> int:
    """Erase texts and addresses of finished messages older than a moment; the ledger line stays. Returns how many."""
    old = update(Delivery).where(
        Delivery.finished_at < before,
        Delivery.state.not_in(OPEN_DELIVERY_STATES),
        or_(Delivery.body.is_not(None), Delivery.address.is_not(None)),
    )
    return session.execute(old.values(body=None, address=None)).rowcount  # type: ignore[attr-defined,no-any-return]  # row count


def forget_deliveries(session: Session, before: datetime) -> int:
    """Erase ledger lines of replies older than a moment; returns how many."""
    old = delete(Delivery).where(
        Delivery.kind.in_((DeliveryKind.REPLY, DeliveryKind.SIGN_IN)),
        Delivery.finished_at < before,
        Delivery.state.not_in(OPEN_DELIVERY_STATES),
    )
    return session.execute(old).rowcount  # type: ignore[attr-defined,no-any-return]  # row count


def forget_notices(session: Session, before: datetime) -> int:
    """Erase ledger lines of notices and alerts older than a moment; returns how many."""
    old = delete(Delivery).where(
        Delivery.kind.in_(_LINES_KEPT_LONGER),
        Delivery.finished_at < before,
        Delivery.state.not_in(OPEN_DELIVERY_STATES),
    )
    return session.execute(old).rowcount  # type: ignore[attr-defined,no-any-return]  # row count


def call_off(
    session: Session,
    kind: DeliveryKind,
    recipients: Collection[str],
    begins: Collection[str],
    now: datetime,
    but: str = "",
) -> None:
    """Do not send these people what of a kind still waits and has a subject that begins so, except one subject: it says
    what is no longer so. The lines stay, as expired; what is just being sent is not tried again should that fail."""
    if not (recipients and begins):
        return
    are_meant = or_(*(Delivery.subject.startswith(begin, autoescape=True) for begin in begins))
    these = (Delivery.recipient.in_(recipients), Delivery.kind == kind, are_meant, Delivery.subject != but)
    # in this order: what is put back between the two is found by the second
    session.execute(update(Delivery).where(*these, Delivery.state == DeliveryState.CLAIMED).values(expires_at=now))
    waiting = update(Delivery).where(*these, Delivery.state == DeliveryState.DUE)
    session.execute(waiting.values(state=DeliveryState.EXPIRED, reason=CALLED_OFF, finished_at=now))


def is_due(session: Session, recipients: Collection[str], subject: str) -> bool:
    """Whether a message of a subject still waits to be sent to one of these people."""
    waits = select(Delivery.id).where(
        Delivery.recipient.in_(recipients), Delivery.subject == subject, Delivery.state == DeliveryState.DUE
    )
    return session.scalar(waits.limit(1)) is not None


def drop_waiting(session: Session, recipient: str) -> None:
    """Do not send one person what still waits to be sent to them; what is just being sent cannot be held back."""
    states = (DeliveryState.DUE, DeliveryState.PLANNED)
    waiting = (Delivery.recipient == recipient, Delivery.state.in_(states))
    session.execute(delete(Delivery).where(*waiting, Delivery.kind != DeliveryKind.REPLY))


def forget_recipient(session: Session, recipient: str) -> None:
    """Erase what one person was sent, and do not send what is still open."""
    session.execute(delete(Delivery).where(Delivery.recipient == recipient))
