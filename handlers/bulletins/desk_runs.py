"""What an editor does with a sending that has begun: see how far it is, hold it back, go on, call it off, resend."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from db.bulletin_runs import find_run
from db.models import Bulletin, BulletinRun, RunState
from handlers.access import get_actor
from handlers.actions import ActOnRun, ShowResults
from handlers.bulletins.desk_seat import back_button, reads
from handlers.bulletins.progress import describe_progress, measure_progress
from handlers.bulletins.running import cancel, pause, resume, send_again_to_failed
from handlers.chat import Button, Reply
from handlers.errors import Outdated
from handlers.feature import Context
from knowledge.texts import t

_SWITCHES: dict[str, Callable[[Session, int, int, datetime], None]] = {"pause": pause, "resume": resume}
_CANCEL, _AGAIN = "cancel", "again"
_SURE = (_CANCEL, _AGAIN)


def act_on_run(context: Context, action: ActOnRun) -> list[Reply]:
    """Do it and show how far the sending is, for whoever writes or releases at the unit; calling off and sending again
    are asked about first."""
    run = find_run(context.session, action.run_id)
    if run is None:
        raise Outdated
    bulletin = reads(context, run.bulletin_id)
    if action.what == "progress":
        return [_show(context, run, bulletin)]
    if action.what in _SURE:
        yes = Button(t(f"bulletin_desk.{action.what}_yes"), ActOnRun(run.id, f"{action.what}_yes"))
        return [Reply(t(f"bulletin_desk.sure_to_{action.what}"), (yes, _progress_button(run)))]
    said = _do(context, run, action.what)
    return [Reply(said), _show(context, run, bulletin)]


def _do(context: Context, run: BulletinRun, what: str) -> str:
    """Returns what is said of it. Raises `Outdated` where it is too late for that."""
    session, person_id, now = context.session, get_actor(context).person_id, context.now
    if what in _SWITCHES:
        _SWITCHES[what](session, run.id, person_id, now)
        return t(f"bulletin_desk.did_{what}")
    if what == f"{_CANCEL}_yes":
        cancel(session, run.id, person_id, now)
        return t("bulletin_desk.did_cancel")
    if what == f"{_AGAIN}_yes":
        count = send_again_to_failed(session, run.id, person_id, now)
        return t("bulletin_desk.did_again" if count else "bulletin_desk.nobody_again")
    raise Outdated


def _progress_button(run: BulletinRun) -> Button:
    return Button(t("bulletin_desk.progress"), ActOnRun(run.id, "progress"))


def _show(context: Context, run: BulletinRun, bulletin: Bulletin) -> Reply:
    """The numbers as of now, and what can be done with it in this state."""
    progress = measure_progress(context.session, run, context.now)
    offered = {
        RunState.PLANNING: ("pause", _CANCEL),
        RunState.SENDING: ("pause", _CANCEL),
        RunState.PAUSED: ("resume", _CANCEL),
    }.get(run.state, ())
    if run.is_paused and run.state is RunState.PLANNING:
        offered = ("resume", _CANCEL)
    again = (_AGAIN,) if progress.failed and run.state not in (RunState.PLANNING, RunState.CANCELLED) else ()
    buttons = [Button(t(f"bulletin_desk.{what}"), ActOnRun(run.id, what)) for what in (*offered, *again)]
    results = Button(t("bulletin_desk.results"), ShowResults(run.id))
    text = describe_progress(progress, context.union.k_anonymity)
    refresh = Button(t("bulletin_desk.progress_again"), ActOnRun(run.id, "progress"))
    return Reply(text, (refresh, *buttons, results, back_button(bulletin.id)))
