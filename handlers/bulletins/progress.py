"""How far a sending of a bulletin is: how many have it, how fast it goes, when it is done, and why some have not."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from db.bulletin_runs import ARTICLE, count_lines, count_sent_since
from db.deliveries import WAITS
from db.models import Bulletin, BulletinRun, DeliveryState, RunState
from handlers.bulletins.telling import name_reason, show_count
from handlers.notify import is_quiet
from knowledge.texts import t

_PACE_OVER = timedelta(minutes=2)
"""The rate is that of the last minutes: what went before a night or a pause does not say when it will be done."""


@dataclass(frozen=True)
class Progress:
    """A sending in numbers of people. ``ready`` may go now or at its hour; ``waiting`` only once the person writes;
    ``per_second`` is None where nothing went lately."""

    title: str
    state: RunState
    all: int
    sent: int
    ready: int
    waiting: int
    unknown: int
    expired: int
    stopped: int
    unreachable: int
    failed: Mapping[str, int] = field(default_factory=dict)
    per_second: float | None = None
    rests: bool = False

    @property
    def left(self) -> timedelta | None:
        """How long it will take yet; None when that cannot be said."""
        return timedelta(seconds=self.ready / self.per_second) if self.per_second else None


def measure_progress(session: Session, run: BulletinRun, now: datetime) -> Progress:
    """The numbers of one sending as of now."""
    ready = waiting = 0
    states: Counter[DeliveryState] = Counter()
    failed: Counter[str] = Counter()
    for (state, reason), count in count_lines(session, run.id).items():
        states[state] += count
        if state is DeliveryState.FAILED:
            failed[reason or ""] += count
        elif state is DeliveryState.PLANNED and reason in (*WAITS, ARTICLE):
            waiting += count
        elif state in (DeliveryState.PLANNED, DeliveryState.CLAIMED):
            ready += count
    recently = count_sent_since(session, run.id, now - _PACE_OVER) if ready else 0
    began = max(now - _PACE_OVER, run.planned_at or now)
    seconds = (now - began).total_seconds()
    bulletin = session.get_one(Bulletin, run.bulletin_id)
    return Progress(
        title=bulletin.content.get("title", ""),
        state=run.state,
        all=sum(states.values()),
        sent=states[DeliveryState.SENT],
        ready=ready,
        waiting=waiting,
        unknown=states[DeliveryState.UNKNOWN],
        expired=states[DeliveryState.EXPIRED],
        stopped=states[DeliveryState.CANCELLED],
        unreachable=run.unreachable,
        failed=failed,
        per_second=recently / seconds if recently and seconds > 1 else None,
        rests=is_quiet(now) and not run.plan.get("may_disturb", False),
    )


def describe_progress(progress: Progress, k: int) -> str:
    """The numbers in words, none that is about fewer than k people, nor one from which such a number follows."""
    lines = [t("bulletin_runs.progress", title=progress.title, state=show_state(progress.state))]
    lines.append(_describe_sent(progress, k))
    if progress.state is RunState.SENDING and progress.ready:
        lines.append(_describe_pace(progress))
    for name in ("waiting", "unknown", "expired", "stopped", "unreachable"):
        count = getattr(progress, name)
        if count:
            lines.append(t(f"bulletin_runs.{name}", count=show_count(count, k)))
    if progress.failed:
        lines.append(t("bulletin_runs.failed", count=show_count(sum(progress.failed.values()), k)))
        reasons: Counter[str] = Counter()
        for reason, count in progress.failed.items():
            reasons[name_reason(reason)] += count
        lines += [
            t("bulletin_runs.failed_reason", reason=reason, count=show_count(count, k))
            for reason, count in reasons.most_common()
        ]
    return "\n".join(lines)


def _describe_sent(progress: Progress, k: int) -> str:
    """How many have it, of how many. Where not all have, both are rounded down to a multiple of k: the others, told
    below by why, could be subtracted else."""
    sent, every = progress.sent, progress.all
    if 0 < sent < k:
        return t("bulletin_runs.sent_few", k=k)
    if sent == every:
        return t("bulletin_runs.sent", sent=show_count(sent, k), all=show_count(every, k), percent=100 if sent else 0)
    about, of = sent - sent % k, every - every % k
    if sent == 0:
        return t("bulletin_runs.sent", sent=0, all=show_count(of or every, k), percent=0)
    if about == of:
        return t("bulletin_runs.sent_almost", all=show_count(of, k))
    return t("bulletin_runs.sent_about", sent=show_count(about, k), all=show_count(of, k), percent=about * 100 // of)


def show_state(state: RunState) -> str:
    """A state in the editor's words."""
    return t(f"bulletin_runs.{state.value}")


def show_left(left: timedelta | None) -> str:
    """How long something will take, roughly."""
    if left is None:
        return "?"
    minutes = max(1, round(left.total_seconds() / 60))
    if minutes < 60:
        return t("bulletin_runs.minutes", count=minutes)
    return t("bulletin_runs.hours", hours=minutes // 60, minutes=minutes % 60)


def _describe_pace(progress: Progress) -> str:
    if progress.rests:
        return t("bulletin_runs.night")
    if progress.per_second is None:
        return t("bulletin_runs.pace_unknown")
    rate = f"{progress.per_second:.1f}".replace(".", ",")
    return t("bulletin_runs.pace", rate=rate, left=show_left(progress.left))
