"""Shows the operator, at the terminal, how far the bulletins are that are going out."""

import time
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from db.bulletin_runs import list_open_runs
from db.session import Database
from handlers.bulletins.progress import Progress, measure_progress, show_left, show_state
from knowledge.texts import t

_EVERY_SECONDS = 3


def describe_runs(session: Session, now: datetime) -> list[str]:
    """One line for each sending that is not over."""
    lines = [_describe(run.id, measure_progress(session, run, now)) for run in list_open_runs(session)]
    return lines or [t("bulletin_runs.none_open")]


def _describe(number: int, progress: Progress) -> str:
    rate = f"{progress.per_second:.1f}".replace(".", ",") if progress.per_second else "0"
    return t(
        "bulletin_runs.line",
        run=number,
        title=progress.title,
        state=show_state(progress.state),
        sent=progress.sent,
        all=progress.all,
        rate=rate,
        left=show_left(progress.left),
        failed=sum(progress.failed.values()),
        unknown=progress.unknown,
    )


def show_runs(database: Database, now: Callable[[], datetime], is_watching: bool) -> None:
    """Print them, and again every few seconds until nothing is left to watch."""
    while True:
        with database.read() as session:
            print("\n".join(describe_runs(session, now())), flush=True)
            is_over = not list_open_runs(session)
        if is_over or not is_watching:
            return
        time.sleep(_EVERY_SECONDS)
