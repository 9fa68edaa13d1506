"""Statements on what became of a sending: counted from its lines while they stand, kept as figures when they go."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, delete, exists, func, select
from sqlalchemy.orm import Session

from db.bulletin_asked import ASKED
from db.models import (
    Bulletin,
    BulletinAnswer,
    BulletinResult,
    BulletinRun,
    Delivery,
    DeliveryState,
    RunState,
    UnitPeriod,
    ZaloReceipt,
)
from db.units import holds_on

WAITING, OPENED, TELLS, ANSWERED = "waiting", "opened", "tells", "answered"
"""Not sent yet; seen, as the platform told; sent by a platform that tells it; answered at least one question."""

_WAITING_STATES = (DeliveryState.PLANNED, DeliveryState.DUE, DeliveryState.CLAIMED)
_WITH_REASON = (DeliveryState.FAILED, DeliveryState.CANCELLED)
_TELLING = "zalo_oa%"
_LONGEST = 40
_AT_ONCE = 5000

Figures = dict[int, Counter[str]]
"""By unit (the one by which people were chosen): how many people of each outcome. "failed blocked" is a state and its
reason; "answer 1 2" the third choice of the second block."""


def count_by_unit(session: Session, run: BulletinRun) -> Figures:
    """What became of a sending, from its lines, or from what was kept of them."""
    kept = _read_kept(session, run.id)
    return kept if kept else _count_live(session, run)


def _read_kept(session: Session, run_id: int) -> Figures:
    mine = select(BulletinResult).where(BulletinResult.run_id == run_id, ~BulletinResult.what.startswith(ASKED))
    figures: Figures = defaultdict(Counter)
    for row in session.scalars(mine):
        figures[row.unit_id][row.what] += row.amount
    return dict(figures)


def _count_live(session: Session, run: BulletinRun) -> Figures:
    home = session.scalar(select(Bulletin.unit_id).where(Bulletin.id == run.bulletin_id)) or 0
    figures: Figures = defaultdict(Counter)
    lines = select(Delivery.unit_id, Delivery.state, Delivery.reason, func.count()).where(Delivery.run_id == run.id)
    for unit_id, state, reason, count in session.execute(
        lines.group_by(Delivery.unit_id, Delivery.state, Delivery.reason)
    ):
        figures[unit_id or home][_name_of(state, reason)] += count
    for unit_id, tells, opened in session.execute(_select_opened(run.id)):
        figures[unit_id or home] += Counter({TELLS: tells, OPENED: opened})
    mine = (BulletinAnswer.run_id == run.id) & (BulletinAnswer.block >= 0)
    people = select(BulletinAnswer.unit_id, func.count(BulletinAnswer.who.distinct())).where(mine)
    for unit_id, count in session.execute(people.group_by(BulletinAnswer.unit_id)):
        figures[unit_id or home][ANSWERED] += count
    where = (BulletinAnswer.unit_id, BulletinAnswer.block, BulletinAnswer.choice)
    for unit_id, block, choice, count in session.execute(select(*where, func.count()).where(mine).group_by(*where)):
        figures[unit_id or home][name_choice(block, choice)] += count
    return dict(figures)


def _name_of(state: DeliveryState, reason: str | None) -> str:
    if state in _WAITING_STATES:
        return f"{WAITING} {reason}"[:_LONGEST] if reason else WAITING
    return f"{state.value} {reason}"[:_LONGEST] if reason and state in _WITH_REASON else state.value


def name_choice(block: int, choice: int) -> str:
    """How a choice is named among the figures."""
    return f"answer {block} {choice}"


def _select_opened(run_id: int) -> Select[int | None, int, int]:
    receipt = (ZaloReceipt.sender == Delivery.sender) & (ZaloReceipt.message_id == Delivery.platform_message_id)
    found = select(Delivery.unit_id, func.count(Delivery.id), func.count(ZaloReceipt.seen_at))
    found = found.outerjoin(ZaloReceipt, receipt)
    sent = (Delivery.run_id == run_id, Delivery.state == DeliveryState.SENT, Delivery.sender.like(_TELLING))
    return found.where(*sent).group_by(Delivery.unit_id)


def map_to_children(session: Session, unit_id: int, on: date) -> dict[int, int]:
    """For every unit under one: the unit right under it through which it is there. Itself stands for itself."""
    above = dict(session.execute(select(UnitPeriod.unit_id, UnitPeriod.parent_id).where(holds_on(on))).all())
    found = {unit_id: unit_id}
    for one in above:
        way = [one]
        while (parent := above.get(way[-1])) is not None and parent != unit_id and parent not in way:
            way.append(parent)
        if above.get(way[-1]) == unit_id:
            found[one] = way[-1]
    return found


def condense_some(session: Session, before: datetime) -> bool:
    """Keep what became of one sending that was over before a moment as figures, and erase a piece of its lines; False
    when there is nothing left to do. Figures come first, so that a sending whose lines are half gone counts right."""
    run = session.scalars(_select_old(before).limit(1)).first()
    if run is None:
        return False
    if not _read_kept(session, run.id):
        figures = _count_live(session, run)
        session.add_all(
            BulletinResult(run_id=run.id, unit_id=unit_id, what=what, amount=amount)
            for unit_id, counts in figures.items()
            for what, amount in counts.items()
            if amount
        )
        session.execute(delete(BulletinAnswer).where(BulletinAnswer.run_id == run.id))
        session.flush()
    some = select(Delivery.id).where(Delivery.run_id == run.id).limit(_AT_ONCE)
    session.execute(delete(Delivery).where(Delivery.id.in_(some)), execution_options={"synchronize_session": False})
    return True


def _select_old(before: datetime) -> Select[BulletinRun]:
    over = (BulletinRun.state.in_((RunState.DONE, RunState.CANCELLED)), BulletinRun.finished_at < before)
    lines = exists().where(Delivery.run_id == BulletinRun.id)
    return select(BulletinRun).where(*over, BulletinRun.expires_at < before, lines).order_by(BulletinRun.id)


def forget_lines(session: Session, before: datetime) -> int:
    """Erase the lines of sendings that were over before a moment, of which only figures are kept; returns how many
    sendings. The clock does the same before, in pieces, so that little is left."""
    count = session.scalar(select(func.count()).select_from(_select_old(before).order_by(None).subquery())) or 0
    while condense_some(session, before):
        pass
    return count


@dataclass(frozen=True)
class FailedLine:
    """A line that did not arrive, and says of nobody whose it is: its number, the kind of bot account, how it ended."""

    number: int
    channel: str
    outcome: str


def list_failed(session: Session, run_id: int, limit: int) -> list[FailedLine]:
    """The lines of a sending that failed, in their order; none once they were erased."""
    lines = select(Delivery.id, Delivery.sender, Delivery.state, Delivery.reason)
    lines = lines.where(Delivery.run_id == run_id, Delivery.state == DeliveryState.FAILED)
    rows = session.execute(lines.order_by(Delivery.id).limit(limit))
    return [FailedLine(row[0], row[1].split(":")[0], _name_of(row[2], row[3])) for row in rows]
