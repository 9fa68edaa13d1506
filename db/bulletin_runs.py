"""Statements on one sending of a bulletin: its ledger lines are planned, counted, called off and sent again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased, undefer

from db.deliveries import FAR_OFF, PRIORITIES
from db.models import (
    OPEN_RUN_STATES,
    Account,
    Bulletin,
    BulletinFile,
    BulletinRun,
    BulletinState,
    Delivery,
    DeliveryKind,
    DeliveryState,
    NewsPreference,
    Person,
    RunState,
    Shift,
    ZaloFollower,
)
from db.zalo_oa import FREE_FOR, OPEN_FOR

WINDOW, BUDGET, ARTICLE = "window", "budget", "article"
"""Why a line waits: its person must write first; the account's budget is used up; an article carries it instead."""

_ORDER = (
    *("kind", "subject", "priority", "state", "attempts"),
    *("recipient", "sender", "reason", "not_before_at", "unit_id"),
    *("expires_at", "created_at", "run_id"),
)
_SCATTER = 7919
"""A prime: people who follow one another in a list are of one unit, and are spread over the whole time."""


@dataclass(frozen=True)
class Means:
    """How the lines of a sending may go. ``senders`` are the bot accounts that may carry it; ``slots`` the moments at
    which people of each shift may get it, at least one for each; ``limits`` how many lines an account has room for;
    ``free_only`` the Official Accounts that pay for nobody; ``articles`` those that send one article to everybody."""

    senders: tuple[str, ...]
    slots: Mapping[Shift, Sequence[datetime]]
    limits: Mapping[str, int] = field(default_factory=dict)
    free_only: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()


def add_run(
    session: Session,
    bulletin_id: int,
    due_at: datetime,
    body: Any,
    plan: Any,
    audience_on: date,
    expires_at: datetime,
    now: datetime,
) -> BulletinRun | None:
    """One sending, whose lines are to be planned; None when this date of the bulletin has its sending already."""
    same = select(BulletinRun.id).where(BulletinRun.bulletin_id == bulletin_id, BulletinRun.due_at == due_at)
    if session.scalar(same) is not None:
        return None
    run = BulletinRun(
        bulletin_id=bulletin_id,
        due_at=due_at,
        state=RunState.PLANNING,
        body=body,
        plan=plan,
        audience_on=audience_on,
        expires_at=expires_at,
        started_at=now,
    )
    session.add(run)
    session.flush()
    return run


def find_run(session: Session, run_id: int) -> BulletinRun | None:
    """A sending by its number."""
    return session.get(BulletinRun, run_id)


def lock_run(session: Session, run_id: int) -> BulletinRun | None:
    """A sending that nobody else changes until this transaction ends."""
    return session.get(BulletinRun, run_id, with_for_update=True, populate_existing=True)


def list_runs(session: Session, bulletin_id: int) -> list[BulletinRun]:
    """Every sending of a bulletin, the newest first."""
    found = select(BulletinRun).where(BulletinRun.bulletin_id == bulletin_id)
    return list(session.scalars(found.order_by(BulletinRun.due_at.desc(), BulletinRun.id.desc())))


def list_open_runs(session: Session, states: Collection[RunState] = OPEN_RUN_STATES) -> list[BulletinRun]:
    """The sendings that are not over, the oldest first."""
    return list(session.scalars(select(BulletinRun).where(BulletinRun.state.in_(states)).order_by(BulletinRun.id)))


def lock_planning(session: Session) -> BulletinRun | None:
    """The oldest sending whose lines are being planned and which no other process works on."""
    found = select(BulletinRun).where(BulletinRun.state == RunState.PLANNING).order_by(BulletinRun.id).limit(1)
    return session.scalars(found.with_for_update(skip_locked=True)).first()


def find_bound(session: Session, after: int, count: int) -> int | None:
    """The number of the person who is so many after another one, or of the last; None behind the last."""
    some = select(Person.id).where(Person.id > after).order_by(Person.id).limit(count).subquery()
    bound: int | None = session.scalar(select(func.max(some.c.id)))
    return bound


def plan_lines(
    session: Session,
    run: BulletinRun,
    people: Select[int, int],
    means: Means,
    bounds: tuple[int, int],
    now: datetime,
) -> int:
    """Write the lines of those of an audience whose numbers lie within bounds (from exclusive, to inclusive), each on
    one channel; one who has a line already gets no other. ``people`` gives ``person_id`` and ``unit_id``. Returns how
    many lines."""
    chosen = choose_accounts(people, means, bounds, now)
    whens = [(chosen.c.reason.is_not(None), chosen.c.reason)]
    if means.limits:
        used = _count_used(session, run.id, means.limits)
        place = func.row_number().over(partition_by=(chosen.c.sender, chosen.c.reason), order_by=chosen.c.person_id)
        room = case(*((chosen.c.sender == sender, most - used.get(sender, 0)) for sender, most in means.limits.items()))
        whens.append((place > room, literal(BUDGET, Delivery.reason.type)))
    reason = case(*whens, else_=None)
    ready = select(*chosen.c, reason.label("why")).subquery()
    slot = case(
        (ready.c.why.is_not(None), literal(now + FAR_OFF, Delivery.not_before_at.type)), else_=_slot(ready, means)
    )
    lines = select(
        *_line_values(run),
        ready.c.address_hash,
        ready.c.sender,
        ready.c.why,
        slot,
        ready.c.unit_id,
        *_run_values(run, now),
    ).where(literal(True))
    return _insert(session, lines)


def plan_receivers(
    session: Session, run: BulletinRun, corrected: Sequence[int], bounds: tuple[int, int], now: datetime
) -> int:
    """Write the lines of those who received earlier sendings, or may have, on the very account; ``bounds`` are numbers
    of their lines. Returns how many."""
    received = and_(
        Delivery.run_id.in_(corrected),
        Delivery.state.in_((DeliveryState.SENT, DeliveryState.UNKNOWN, DeliveryState.CLAIMED)),
        Delivery.id > bounds[0],
        Delivery.id <= bounds[1],
    )
    once = select(
        Delivery.recipient.label("address_hash"),
        Delivery.sender.label("sender"),
        func.min(Delivery.unit_id).label("unit_id"),
    )
    ready = once.where(received).group_by(Delivery.recipient, Delivery.sender).subquery()
    at = literal(run.due_at, Delivery.not_before_at.type)
    no_reason = literal(None, Delivery.reason.type)
    lines = select(
        *_line_values(run),
        ready.c.address_hash,
        ready.c.sender,
        no_reason,
        at,
        ready.c.unit_id,
        *_run_values(run, now),
    ).where(literal(True))
    return _insert(session, lines)


def is_being_sent(session: Session, runs: Collection[int]) -> bool:
    """Whether a line of some sendings is on its way at this moment, so that it is not known yet whether it arrives."""
    claimed = select(Delivery.id).where(Delivery.run_id.in_(runs), Delivery.state == DeliveryState.CLAIMED)
    return session.scalar(claimed.limit(1)) is not None


def find_line_bound(session: Session, corrected: Sequence[int], after: int, count: int) -> int | None:
    """The number of the line that is so many after another one of earlier sendings; None behind the last."""
    lines = select(Delivery.id).where(Delivery.run_id.in_(corrected), Delivery.id > after)
    some = lines.order_by(Delivery.id).limit(count).subquery()
    bound: int | None = session.scalar(select(func.max(some.c.id)))
    return bound


def _line_values(run: BulletinRun) -> tuple[ColumnElement[Any], ...]:
    return (
        literal(DeliveryKind.BULLETIN, Delivery.kind.type),
        literal(str(run.id)),
        literal(PRIORITIES[DeliveryKind.BULLETIN]),
        literal(DeliveryState.PLANNED, Delivery.state.type),
        literal(0),
    )


def _run_values(run: BulletinRun, now: datetime) -> tuple[ColumnElement[Any], ...]:
    return (
        literal(run.expires_at, Delivery.expires_at.type),
        literal(now, Delivery.created_at.type),
        literal(run.id),
    )


def _insert(session: Session, lines: Select[Any]) -> int:
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    dialect = sqlite if is_sqlite else postgresql
    statement = dialect.insert(Delivery).from_select(list(_ORDER), lines).on_conflict_do_nothing()
    inserted = session.execute(statement, execution_options={"preserve_rowcount": True})
    if is_sqlite:  # its driver counts no rows of a statement that begins with WITH
        return session.scalar(text("SELECT changes()")) or 0
    return int(inserted.rowcount)  # type: ignore[attr-defined]  # an insert has a row count


def choose_accounts(people: Select[int, int], means: Means, bounds: tuple[int, int], now: datetime) -> Any:
    """One account for each person: one whose article reaches them anyway, one that takes messages now before one that
    does not, the one they prefer, the page last since nobody is told that something came there, else the one they used
    last."""
    some = people.subquery("audience")
    free_only = Account.sender.in_(means.free_only)
    is_closed = and_(
        ZaloFollower.interacted_at.is_not(None),
        or_(
            ZaloFollower.interacted_at < now - OPEN_FOR,
            and_(free_only, ZaloFollower.interacted_at < now - FREE_FOR),
        ),
    )
    by_article = and_(Account.sender.in_(means.articles), ZaloFollower.is_following)
    reason = case((by_article, ARTICLE), (is_closed, WINDOW))
    order = (
        case((reason == ARTICLE, 0), (reason == WINDOW, 2), else_=1),
        case((Account.sender == Person.preferred_sender, 0), else_=1),
        case((Account.sender == "web", 1), else_=0),
        Account.last_seen_at.desc(),
        Account.id,
    )
    ranked = (
        select(
            some.c.person_id,
            some.c.unit_id,
            Account.address_hash,
            Account.sender,
            reason.label("reason"),
            NewsPreference.shift,
            func.row_number().over(partition_by=some.c.person_id, order_by=order).label("place"),
        )
        .join(Person, Person.id == some.c.person_id)
        .join(Account, Account.person_id == some.c.person_id)
        .outerjoin(NewsPreference, NewsPreference.person_id == some.c.person_id)
        .outerjoin(
            ZaloFollower,
            and_(ZaloFollower.sender == Account.sender, ZaloFollower.address_hash == Account.address_hash),
        )
        .where(
            some.c.person_id > bounds[0],
            some.c.person_id <= bounds[1],
            Account.unreachable_since.is_(None),
            Account.sender.in_(means.senders),
        )
        .subquery("ranked")
    )
    return select(ranked).where(ranked.c.place == 1).subquery("chosen")


def _slot(ready: Any, means: Means) -> ColumnElement[Any]:
    night = _pick(ready.c.person_id, means.slots[Shift.NIGHT])
    return case((ready.c.shift == Shift.NIGHT, night), else_=_pick(ready.c.person_id, means.slots[Shift.DAY]))


def _pick(person_id: ColumnElement[int], moments: Sequence[datetime]) -> ColumnElement[Any]:
    values = [literal(moment, Delivery.not_before_at.type) for moment in moments]
    if len(values) == 1:
        return values[0]
    place = (person_id * _SCATTER) % len(values)
    return case(*((place == number, value) for number, value in enumerate(values[:-1])), else_=values[-1])


def _count_used(session: Session, run_id: int, limits: Mapping[str, int]) -> dict[str, int]:
    if not limits:
        return {}
    mine = (Delivery.run_id == run_id, Delivery.sender.in_(limits), Delivery.reason.is_(None))
    return dict(session.execute(select(Delivery.sender, func.count()).where(*mine).group_by(Delivery.sender)).all())


def count_lines(session: Session, run_id: int) -> dict[tuple[DeliveryState, str | None], int]:
    """How many lines of a sending stand in which state, for which reason."""
    query = select(Delivery.state, Delivery.reason, func.count()).where(Delivery.run_id == run_id)
    return {(row[0], row[1]): row[2] for row in session.execute(query.group_by(Delivery.state, Delivery.reason))}


def count_sent_since(session: Session, run_id: int, since: datetime) -> int:
    """How many lines of a sending reached somebody after a moment."""
    lately = (Delivery.run_id == run_id, Delivery.state == DeliveryState.SENT, Delivery.finished_at > since)
    return session.scalar(select(func.count()).where(*lately)) or 0


def count_chosen(session: Session, people: Select[int, int]) -> int:
    """How many people an audience has."""
    return session.scalar(select(func.count()).select_from(people.subquery())) or 0


def is_open(session: Session, run_id: int) -> bool:
    """Whether anything of a sending may still go out."""
    states = (DeliveryState.PLANNED, DeliveryState.CLAIMED, DeliveryState.DUE)
    still = select(Delivery.id).where(Delivery.run_id == run_id, Delivery.state.in_(states))
    return session.scalar(still.limit(1)) is not None


def end_lines(
    session: Session, run_id: int, state: DeliveryState, now: datetime, limit: int, reason: str | None = None
) -> int:
    """Give some of the lines that were not sent yet their end (cancelled, or expired); returns how many."""
    some = select(Delivery.id).where(Delivery.run_id == run_id, Delivery.state == DeliveryState.PLANNED).limit(limit)
    values: dict[str, Any] = {"state": state, "finished_at": now} | ({"reason": reason} if reason else {})
    ended = update(Delivery).where(Delivery.id.in_(some), Delivery.state == DeliveryState.PLANNED).values(values)
    return int(session.execute(ended, execution_options={"synchronize_session": False}).rowcount)  # type: ignore[attr-defined]  # row count


def put_off(session: Session, run_id: int, until: Mapping[Shift, datetime], now: datetime, limit: int) -> int:
    """Let lines that are due wait until a moment that depends on their person's shift. Returns how many."""
    at_night = (
        select(NewsPreference.person_id)
        .join(Account, Account.person_id == NewsPreference.person_id)
        .where(
            Account.sender == Delivery.sender,
            Account.address_hash == Delivery.recipient,
            NewsPreference.shift == Shift.NIGHT,
        )
        .exists()
    )
    due = select(Delivery.id).where(
        Delivery.run_id == run_id,
        Delivery.state == DeliveryState.PLANNED,
        Delivery.not_before_at <= now,
    )
    moment = Delivery.not_before_at.type
    when = case((at_night, literal(until[Shift.NIGHT], moment)), else_=literal(until[Shift.DAY], moment))
    put = update(Delivery).where(Delivery.id.in_(due.limit(limit))).values(not_before_at=when)
    return int(session.execute(put, execution_options={"synchronize_session": False}).rowcount)  # type: ignore[attr-defined]  # row count


def send_failed_again(session: Session, run_id: int, now: datetime) -> int:
    """Plan the lines that failed once more, so far as their account can be reached again; never one of which it is
    unknown whether it arrived. Returns how many."""
    reachable = (
        select(Account.id)
        .where(
            Account.sender == Delivery.sender,
            Account.address_hash == Delivery.recipient,
            Account.unreachable_since.is_(None),
        )
        .exists()
    )
    failed = update(Delivery).where(Delivery.run_id == run_id, Delivery.state == DeliveryState.FAILED, reachable)
    failed = failed.values(state=DeliveryState.PLANNED, reason=None, finished_at=None, not_before_at=now)
    return int(session.execute(failed, execution_options={"synchronize_session": False}).rowcount)  # type: ignore[attr-defined]  # row count


def extend_lines(session: Session, run_id: int, expires_at: datetime) -> None:
    """Give the lines that are planned longer to live."""
    planned = update(Delivery).where(Delivery.run_id == run_id, Delivery.state == DeliveryState.PLANNED)
    session.execute(planned.values(expires_at=expires_at), execution_options={"synchronize_session": False})


def select_lost(run_id: int) -> Select[int, int]:
    """A query, as `plan_lines` takes it, for the people whom a sending reached on none of their accounts, and of whom
    that is known."""
    lines, others, its = aliased(Delivery), aliased(Delivery), aliased(Account)
    has_more = (
        select(others.id)
        .join(its, and_(its.sender == others.sender, its.address_hash == others.recipient))
        .where(others.run_id == run_id, others.state != DeliveryState.FAILED, its.person_id == Account.person_id)
        .exists()
    )
    lost = (
        select(Account.person_id.label("person_id"), func.min(lines.unit_id).label("unit_id"))
        .join(lines, and_(lines.sender == Account.sender, lines.recipient == Account.address_hash))
        .where(
            lines.run_id == run_id,
            lines.state == DeliveryState.FAILED,
            Account.person_id.is_not(None),
            ~has_more,
        )
        .group_by(Account.person_id)
    )
    return cast(Select[int, int], lost)


def list_due(session: Session, now: datetime) -> list[Bulletin]:
    """Released bulletins whose next date has come, which no other process has in hand."""
    return list(session.scalars(_select_due(now).with_for_update(skip_locked=True)))


def look_for_due(session: Session, now: datetime) -> list[Bulletin]:
    """Released bulletins whose next date has come, in whoever's hands they are; for a transaction that only reads."""
    return list(session.scalars(_select_due(now)))


def _select_due(now: datetime) -> Select[Bulletin]:
    due = select(Bulletin).where(Bulletin.next_at <= now, Bulletin.state == BulletinState.RELEASED)
    return due.order_by(Bulletin.next_at, Bulletin.id)


def count_runs(session: Session, bulletin_id: int) -> int:
    """How many times it went out so far."""
    return session.scalar(select(func.count()).where(BulletinRun.bulletin_id == bulletin_id)) or 0


def list_files(session: Session, numbers: Sequence[int]) -> list[BulletinFile]:
    """Files of a bulletin with what is in them, in the order given."""
    wanted = select(BulletinFile).where(BulletinFile.id.in_(numbers)).options(undefer(BulletinFile.content))
    found = {row.id: row for row in session.scalars(wanted)}
    return [found[number] for number in numbers if number in found]
