"""Who sits at the bulletins' desk now, and the bulletin they work on: read again from the database for every step."""

import unicodedata
from collections.abc import Callable

from db.bulletins import AlreadyStarted, check_not_started, find_bulletin
from db.models import Bulletin, BulletinState
from handlers.access import Actor, NotAllowed, Right, get_actor, may
from handlers.actions import ActOnBulletin, Cancel, ListBulletins, ShowBulletin
from handlers.chat import Button, Cleaner, Incoming, Kind, Reply
from handlers.errors import Outdated, UserError, explain
from handlers.feature import Context, Draft, Step
from knowledge.texts import t

NAME = "bulletin_desk"

Ask = Callable[[Context, Draft], list[Reply]]
Take = Callable[[Context, Incoming, Draft], list[Reply] | None]

RIGHTS = (Right.EDIT_BULLETINS, Right.RELEASE_BULLETINS)


class Started(UserError):
    """What goes out or went out is never changed: another bulletin is written instead."""

    def __init__(self) -> None:
        super().__init__("bulletin_desk.started")


def sit_down(context: Context) -> Actor:
    """The officer who acts. Raises `NotAllowed` for whoever neither writes nor releases bulletins anywhere."""
    actor = get_actor(context)
    if not any(actor.holds(right) for right in RIGHTS):
        raise _refusal(actor)
    return actor


def _refusal(actor: Actor) -> UserError:
    """Why they may not: the second factor may be all that is missing."""
    return UserError("bulletin_desk.needs_otp") if actor.is_limited else NotAllowed()


def reads(context: Context, bulletin_id: int) -> Bulletin:
    """A bulletin that the officer may see. Raises `NotAllowed`, or `Outdated` when there is none."""
    actor = sit_down(context)
    bulletin = find_bulletin(context.session, bulletin_id)
    if bulletin is None:
        raise Outdated
    if not any(has(context, actor, bulletin, right) for right in RIGHTS):
        raise _refusal(actor)
    return bulletin


def edits(context: Context, bulletin_id: int) -> Bulletin:
    """A bulletin that the officer may change, locked. Raises `NotAllowed`, `Outdated`, or `Started` for one that goes
    out or is over."""
    bulletin = find_bulletin(context.session, bulletin_id, lock=True)
    if bulletin is None or bulletin.state is BulletinState.DROPPED:
        raise Outdated
    if not has(context, sit_down(context), bulletin, Right.EDIT_BULLETINS):
        raise NotAllowed
    try:
        check_not_started(context.session, bulletin)
    except AlreadyStarted:
        raise Started from None
    return bulletin


def has(context: Context, actor: Actor, bulletin: Bulletin, right: Right) -> bool:
    """Whether the officer has a right at the bulletin's unit."""
    return may(context.session, actor, right, bulletin.unit_id, context.today)


def edit_step(ask: Ask, take: Take, cleaner: Cleaner | None = None) -> Step:
    """A step that changes a bulletin. Once the officer may not, or it is too late, the talk ends and says so, instead
    of refusing whatever is typed next; what cannot be taken is explained, and asked for again."""

    def ask_if_edited(context: Context, draft: Draft) -> list[Reply]:
        return _end_unless_edited(context, draft) or ask(context, draft)

    def take_if_edited(context: Context, incoming: Incoming, draft: Draft) -> list[Reply] | None:
        ended = _end_unless_edited(context, draft)
        if ended:
            return ended
        try:
            return take(context, incoming, draft)
        except Unfit as problem:
            return [Reply(t(problem.key, **problem.values)), *ask(context, draft)]

    return Step(ask_if_edited, take_if_edited, cleaner)


class Unfit(UserError):
    """Words or a file that cannot stand in a bulletin; raised before anything is written."""


def _end_unless_edited(context: Context, draft: Draft) -> list[Reply]:
    try:
        edits(context, draft["bulletin_id"])
    except (NotAllowed, Outdated, Started) as problem:
        context.close_conversation()
        return [explain(problem)]
    return []


def typed(incoming: Incoming) -> str:
    """What was typed, each letter in one piece; empty for anything else."""
    return unicodedata.normalize("NFC", incoming.text.strip()) if incoming.kind is Kind.TEXT else ""


def done(context: Context, text: str, bulletin_id: int) -> list[Reply]:
    """The end of a piece of work, with the way back to the bulletin."""
    context.close_conversation()
    return [Reply(text, (back_button(bulletin_id), list_button()))]


def back_button(bulletin_id: int) -> Button:
    """The way back to a bulletin."""
    return Button(t("bulletin_desk.back"), ShowBulletin(bulletin_id))


def act_button(key: str, bulletin_id: int, what: str, choice: str = "") -> Button:
    """Something to do with a bulletin."""
    return Button(t(f"bulletin_desk.{key}"), ActOnBulletin(bulletin_id, what, choice))


def list_button() -> Button:
    """The way back to the lists."""
    return Button(t("bulletin_desk.lists_button"), ListBulletins())


def cancel_button() -> Button:
    """Leaves the open step; what was written before it stays in the draft."""
    return Button(t("bulletin_desk.later"), Cancel())
