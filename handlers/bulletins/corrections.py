"""Corrections: what was wrong in a bulletin that went out, and what is right, for exactly those who received it.

To whom a correction goes is `db.bulletin_runs.plan_receivers`: each account whose line of the original was sent, or may
have been. It is released like any other bulletin, by a second person.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from db.bulletin_answers import was_received
from db.bulletin_runs import list_runs, lock_run
from db.bulletins import add_bulletin, add_event, find_bulletin, has_started
from db.models import OPEN_RUN_STATES, Bulletin, BulletinKind, BulletinState, RunState
from handlers.access import Actor, Right, demand, get_actor
from handlers.actions import Cancel, Choose, CorrectBulletin, ShowBulletin
from handlers.bulletins.content import LONGEST_TEXT, LONGEST_TITLE, Content
from handlers.bulletins.desk_seat import NAME
from handlers.bulletins.drafting_rules import check_text
from handlers.bulletins.timing import Timing
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.errors import Outdated, UserError
from handlers.feature import VIETNAM, Context, Draft, Step
from knowledge.texts import t

LONGEST_PART = 500
_NO, _YES = "n", "y"


def begin_correction(context: Context, action: CorrectBulletin) -> list[Reply]:
    """Ask what was wrong in a bulletin. Raises `UserError` where nobody received it, or it is not known who did."""
    bulletin, _ = _find_wrong(context, action.bulletin_id)
    return context.open_step(NAME, "correct_wrong", {"bulletin_id": bulletin.id})


def _find_wrong(context: Context, bulletin_id: int) -> tuple[Bulletin, Actor]:
    actor, bulletin = get_actor(context), find_bulletin(context.session, bulletin_id)
    if bulletin is None or not has_started(context.session, bulletin_id):
        raise Outdated
    demand(context.session, actor, Right.EDIT_BULLETINS, bulletin.unit_id, context.today)
    if not was_received(context.session, bulletin_id):
        raise UserError("corrections.nobody_received")
    return bulletin, actor


def _ask_wrong(context: Context, draft: Draft) -> list[Reply]:
    bulletin, _ = _find_wrong(context, draft["bulletin_id"])
    return [Reply(t("corrections.ask_wrong", title=bulletin.content["title"]), (_leave_button(),))]


def _leave_button() -> Button:
    return Button(t("corrections.leave"), Cancel())


def _take_wrong(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    wrong = _read_part(incoming)
    return context.open_step(NAME, "correct_right", draft | {"wrong": wrong}) if wrong else _ask_wrong(context, draft)


def _ask_right(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("corrections.ask_right"), (_leave_button(),))]


def _take_right(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    right = _read_part(incoming)
    return context.open_step(NAME, "correct_stop", draft | {"right": right}) if right else _ask_right(context, draft)


def _read_part(incoming: Incoming) -> str:
    """What was typed, empty for anything else. Raises `Unfit` for what no bulletin may hold, and for too much: a
    correction is read at a glance."""
    text = incoming.text.strip() if incoming.kind is Kind.TEXT else ""
    return check_text(text, LONGEST_PART) if text else ""


def _ask_stop(context: Context, draft: Draft) -> list[Reply]:
    """While the wrong one still goes out, every minute makes the matter worse; so that is said."""
    bulletin, _ = _find_wrong(context, draft["bulletin_id"])
    key = "corrections.confirm_open" if _list_open(context.session, bulletin.id) else "corrections.confirm"
    buttons = (
        Button(t("corrections.make"), Choose(NAME, "correct_stop", _YES)),
        Button(t("corrections.leave"), Choose(NAME, "correct_stop", _NO)),
    )
    return [Reply(t(key, wrong=draft["wrong"], right=draft["right"]), buttons)]


def _take_stop(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action not in (_YES, _NO):
        return _ask_stop(context, draft)
    context.close_conversation()
    if incoming.action == _NO:
        return [Reply(t("corrections.left"), (Button(t("corrections.back"), ShowBulletin(draft["bulletin_id"])),))]
    bulletin, actor = _find_wrong(context, draft["bulletin_id"])
    correction = draft_correction(
        context.session, bulletin, draft["wrong"], draft["right"], actor.person_id, context.now
    )
    return [Reply(t("corrections.made")), *context.press(ShowBulletin(correction.id))]


def draft_correction(
    session: Session, bulletin: Bulletin, wrong: str, right: str, person_id: int, now: datetime
) -> Bulletin:
    """A draft that corrects a bulletin, ready to be submitted; public if that one is."""
    day = list_runs(session, bulletin.id)[0].started_at.astimezone(VIETNAM).strftime("%d/%m/%Y")
    title = t("corrections.title", title=bulletin.content["title"])[:LONGEST_TITLE]
    text = t("corrections.text", title=bulletin.content["title"], day=day, wrong=wrong, right=right)[:LONGEST_TEXT]
    correction = add_bulletin(
        session,
        BulletinKind.CORRECTION,
        bulletin.unit_id,
        bulletin.topic,
        person_id,
        now,
        Content(title, text).to_json(),
        bulletin.audience,
        Timing().to_json(),
        corrects_id=bulletin.id,
    )
    correction.is_public = bulletin.is_public
    session.flush()
    return correction


def stop_corrected(session: Session, correction: Bulletin, actor_id: int, now: datetime) -> None:
    """Call off what is still planned of the bulletin that a correction corrects, and every later date of it; called
    when the correction is released, so that nobody gets what is known to be wrong."""
    wrong = find_bulletin(session, correction.corrects_id, lock=True) if correction.corrects_id is not None else None
    if wrong is None:
        return
    for run_id in _list_open(session, wrong.id):
        run = lock_run(session, run_id)
        if run is not None and run.state in OPEN_RUN_STATES:
            run.state, run.planned_at = RunState.CANCELLED, run.planned_at or now
            add_event(session, wrong.id, "cancelled", actor_id, now, {"run": run.id, "corrected_by": correction.id})
    if wrong.state is BulletinState.RELEASED:
        wrong.state, wrong.next_at = BulletinState.ENDED, None


def _list_open(session: Session, bulletin_id: int) -> list[int]:
    return [run.id for run in list_runs(session, bulletin_id) if run.state in OPEN_RUN_STATES]


CORRECTION_STEPS = {
    "correct_wrong": Step(_ask_wrong, _take_wrong),
    "correct_right": Step(_ask_right, _take_right),
    "correct_stop": Step(_ask_stop, _take_stop),
}
