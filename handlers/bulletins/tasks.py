"""Tasks for officers: by when, who has done it, who has not, and a reminder every few days until then."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from db.bulletin_answers import list_asked, list_named, list_task_runs
from db.bulletins import add_event, find_bulletin, list_events
from db.models import Bulletin, BulletinKind, BulletinRun
from db.officers import get_names
from db.units import find_period
from handlers.actions import AnswerBulletin
from handlers.bulletins.content import Block, BlockKind, Content
from handlers.bulletins.telling import show_moment
from handlers.bulletins.timing import LONGEST_TASK_DAYS, Timing
from handlers.chat import Button, Reply
from handlers.notify import tell_person
from knowledge.texts import t

REMIND_EVERY = timedelta(days=2)
"""Where there is less time than twice that, the one reminder comes half-way."""

DONE = 0
"""The first choice of a task: it is done."""

_AT_ONCE = 200
"""Officers reminded in one transaction."""


@dataclass(frozen=True)
class Report:
    """An officer whom a task reached: their name, the name of the unit, and their choice (None: silent so far)."""

    person_id: int
    name: str
    unit: str
    choice: int | None


def find_task(bulletin: Bulletin) -> tuple[int, Block] | None:
    """The question of a task, and its number; None for any other bulletin."""
    if bulletin.kind is not BulletinKind.TASK:
        return None
    blocks = enumerate(Content.from_json(bulletin.content).blocks)
    return next(((number, block) for number, block in blocks if block.kind is BlockKind.TASK), None)


def end_of(bulletin: Bulletin, run: BulletinRun) -> datetime:
    """By when a task is to be done; a sending that came late leaves a day at least."""
    ends_at = Timing.from_json(bulletin.timing).task_ends_at(run.due_at)
    return max(ends_at, run.started_at + timedelta(days=1))


def list_reports(session: Session, bulletin: Bulletin, run: BulletinRun) -> list[Report]:
    """What each officer reported, by unit and name. Their names are no secret here: it is their work."""
    task = find_task(bulletin)
    asked = {one.person_id: one.unit_id for one in list_asked(session, run.id)}
    said = list_named(session, run.id, task[0]) if task else {}
    names = get_names(session, list(asked | said))
    reports = []
    for person_id in asked | said:
        choice, unit_id = said.get(person_id, (None, asked.get(person_id)))
        period = find_period(session, unit_id, run.audience_on) if unit_id is not None else None
        reports.append(Report(person_id, names.get(person_id, ""), period.name if period else "", choice))
    return sorted(reports, key=lambda one: (one.unit, one.name, one.person_id))


def chase(session: Session, now: datetime) -> bool:
    """Remind some of the officers who have not said of a task that it is done; True while there are more. Each is
    reminded once in every span of days, never in the quiet hours, and no longer once the task is due."""
    oldest = now - timedelta(days=LONGEST_TASK_DAYS + 1)
    return any(_chase(session, run, now) for run in list_task_runs(session, oldest))


def _chase(session: Session, run: BulletinRun, now: datetime) -> bool:
    bulletin = find_bulletin(session, run.bulletin_id, lock=True)
    task = find_task(bulletin) if bulletin is not None else None
    if bulletin is None or task is None:
        return False
    ends_at = end_of(bulletin, run)
    stage = (now - run.started_at) // min(REMIND_EVERY, (ends_at - run.started_at) / 2)
    if stage < 1 or now >= ends_at:
        return False
    after = _find_place(session, bulletin.id, run.id, stage)
    if after is None:
        return False
    asked = list_asked(session, run.id, after, _AT_ONCE)
    done = {person_id for person_id, (choice, _) in list_named(session, run.id, task[0]).items() if choice == DONE}
    reply = _write(bulletin, run, *task)
    for one in asked:
        if one.person_id not in done:
            tell_person(session, one.person_id, reply, f"task {run.id} {stage}", now)
    is_over = len(asked) < _AT_ONCE
    place = {"run": run.id, "stage": stage, "to": None if is_over else asked[-1].line}
    add_event(session, bulletin.id, "chased", None, now, place)
    return not is_over


def _find_place(session: Session, bulletin_id: int, run_id: int, stage: int) -> int | None:
    """The last line whose officer was reminded in this span of days; None when all were."""
    places = [
        one.details["to"]
        for one in list_events(session, bulletin_id)
        if one.what == "chased" and one.details and (one.details["run"], one.details["stage"]) == (run_id, stage)
    ]
    return places[-1] if places else 0


def _write(bulletin: Bulletin, run: BulletinRun, number: int, block: Block) -> Reply:
    text = t(
        "bulletin_tasks.reminder",
        title=Content.from_json(bulletin.content).title,
        question=block.label,
        day=show_moment(end_of(bulletin, run)),
    )
    choices = enumerate(block.choices)
    return Reply(text, tuple(Button(choice, AnswerBulletin(run.id, number, index)) for index, choice in choices))


def describe_reports(bulletin: Bulletin, run: BulletinRun, reports: Sequence[Report], block: Block, most: int) -> str:
    """Who has done it and who has not, in words; the first of those who have not by name."""
    done = sum(one.choice == DONE for one in reports)
    not_done = [one for one in reports if one.choice not in (None, DONE)]
    silent = [one for one in reports if one.choice is None]
    lines = [
        t("bulletin_tasks.title", question=block.label, day=show_moment(end_of(bulletin, run))),
        "",
        t("bulletin_tasks.counts", done=done, not_done=len(not_done), silent=len(silent), total=len(reports)),
    ]
    for key, some in (("not_done", not_done), ("silent", silent)):
        if some:
            lines += ["", t(f"bulletin_tasks.{key}")]
            lines += [t("bulletin_tasks.line", name=one.name, unit=one.unit) for one in some[:most]]
        if len(some) > most:
            lines.append(t("bulletin_tasks.more", count=len(some) - most))
    return "\n".join(lines)
