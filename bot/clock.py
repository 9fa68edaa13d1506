"""One table: which job runs how often. APScheduler ticks; a row decides whether the job is due."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.metrics import OPEN_DELIVERIES, SET_ASIDE_EVENTS, WAITING_EVENTS
from db.case_erasing import destroy_keys, sweep
from db.case_history import anchor_heads
from db.deliveries import count_open
from db.deployment import take_turn
from db.inbox import count_set_aside, count_waiting
from db.session import Database
from handlers.bulletins.asked import forget_counted
from handlers.bulletins.tasks import chase
from handlers.feature import VIETNAM
from handlers.organisation.service import carry_on
from handlers.retention import apply_retention, condense_bulletins
from knowledge.texts import t

log = structlog.get_logger()

_TICK_SECONDS = 20

Alarm = Callable[[str, str], Awaitable[None]]
"""Tells the operator a text, once for each subject."""


@dataclass(frozen=True)
class Job:
    """A piece of work, how often it runs, and the function that does it in one transaction. One that returns True has
    more to do and goes on at once, in another transaction: a long job keeps nobody from writing for long. What takes
    long and only reads is done by ``prepare`` before, at every tick."""

    name: str
    every: timedelta
    work: Callable[[Session, datetime], bool | None]
    prepare: Callable[[Session, datetime], None] | None = None


def _measure(session: Session, _now: datetime) -> None:
    WAITING_EVENTS.set(count_waiting(session))
    SET_ASIDE_EVENTS.set(count_set_aside(session))
    for sender, count in count_open(session).items():
        OPEN_DELIVERIES.labels(sender).set(count)


def _carry_on_reorganising(session: Session, now: datetime) -> bool:
    return carry_on(session, now, now.astimezone(VIETNAM).date())


JOBS = (
    Job("reorganise", timedelta(minutes=1), _carry_on_reorganising),
    Job("anchor_history", timedelta(days=1), anchor_heads),
    Job("bulletin_lines", timedelta(days=1), condense_bulletins),
    Job("retention", timedelta(days=1), apply_retention),
    Job("bulletin_tasks", timedelta(minutes=30), chase),
    Job("bulletin_asked", timedelta(hours=1), forget_counted),
    Job("case_keys", timedelta(hours=1), destroy_keys),
    Job("case_key_sweep", timedelta(days=1), sweep),
    Job("measure", timedelta(minutes=1), _measure),
)


class Clock:
    """Ticks while the program runs. Any number of clocks may tick on one database: each job runs once per period."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        jobs: tuple[Job, ...] = JOBS,
        alarm: Alarm | None = None,
    ) -> None:
        self._database = database
        self._now = now
        self._jobs = jobs
        self._alarm = alarm
        self._scheduler = AsyncIOScheduler(timezone="UTC")

    def start(self) -> None:
        """Begin to tick; the first tick comes at once, so that what fell due while the program was off is done now."""
        self._scheduler.add_job(
            self.tick, "interval", seconds=_TICK_SECONDS, next_run_time=self._now(), max_instances=1, coalesce=True
        )
        self._scheduler.start()

    def stop(self) -> None:
        """Tick no more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    async def tick(self) -> None:
        """Run every job that is due; a job that fails is tried again at the next tick, and holds up none of the others.
        The operator hears of one that fails by itself, once a day; a database that is away is told of elsewhere."""
        for job in self._jobs:
            try:
                await self._run(job)
            except SQLAlchemyError as error:
                log.error("job_failed", job=job.name, error=type(error).__name__)
            except Exception as error:  # noqa: BLE001  # a value that does not open must not stop every later job for good
                log.error("job_failed", job=job.name, error=type(error).__name__)
                await self._tell(job, error)

    async def _run(self, job: Job) -> None:
        if job.prepare is not None:
            await self._database.look(job.prepare, self._now())
        has_more = await self._database.run(_run_if_due, job, self._now())
        while has_more:
            has_more = await self._database.run(_run_again, job, self._now())

    async def _tell(self, job: Job, error: Exception) -> None:
        if self._alarm is not None:
            subject = f"job:{job.name}:{self._now().date()}"
            await self._alarm(subject, t("operator.job_failed", job=job.name, error=type(error).__name__))


def _run_again(session: Session, job: Job, now: datetime) -> bool:
    return bool(job.work(session, now))


def _run_if_due(session: Session, job: Job, now: datetime) -> bool:
    return take_turn(session, job.name, now - job.every, now) and bool(job.work(session, now))
