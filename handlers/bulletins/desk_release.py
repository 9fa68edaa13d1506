"""The talk about a release: submitting, what the second person sees and decides, taking back, and one-person unions."""

from db.bulletins import AlreadyStarted, digest_bulletin, find_bulletin, find_waiver
from db.models import Bulletin, BulletinState
from db.units import find_period
from handlers.access import NotAllowed, Right, get_actor, has_second_factor
from handlers.actions import ShowBulletin, ShowWaivers
from handlers.bulletins.content import Content
from handlers.bulletins.corrections import stop_corrected
from handlers.bulletins.desk_seat import (
    NAME,
    Started,
    act_button,
    back_button,
    cancel_button,
    done,
    edits,
    has,
    list_button,
    reads,
    typed,
)
from handlers.bulletins.desk_words import describe, list_missing, name_unit, title_of
from handlers.bulletins.releasing import (
    end_waiving,
    find_waiver_in_force,
    judge_release,
    list_approvers,
    needs_one_person,
    release,
    return_to_editor,
    submit,
    take_back,
    waive,
)
from handlers.bulletins.showing import draw, list_too_long
from handlers.bulletins.telling import name_channel
from handlers.bulletins.zalo_words import describe_plan
from handlers.chat import Button, Incoming, Reply
from handlers.errors import Outdated, UserError, explain
from handlers.feature import Context, Draft, Step
from handlers.notify import WITHOUT_DESK, tell_person
from knowledge.texts import t

_SEEN = 12
"""So many signs of the hash go with a button; another content with the same ones is not made by accident."""

_LONGEST_REASON = 500
_MOST_UNITS = 6


def list_problems(context: Context, bulletin: Bulletin) -> list[str]:
    """Everything that keeps it from being submitted."""
    problems = list_missing(context, bulletin)
    long = [name_channel(channel) for channel in list_too_long(context, bulletin)]
    return [*problems, t("bulletin_desk.missing_shortness", channels=", ".join(long))] if long else problems


def hand_in(context: Context, bulletin_id: int) -> list[Reply]:
    """Submit; everybody who may release it is told."""
    bulletin = edits(context, bulletin_id)
    problems = list_problems(context, bulletin)
    if problems:
        lines = (t("bulletin_desk.not_ready"), *(f"- {problem}" for problem in problems))
        return [Reply("\n".join(lines), (back_button(bulletin_id),))]
    submit(context.session, bulletin, get_actor(context).person_id, context.now)
    approvers = list_approvers(context.session, bulletin, context.now, context.today)
    told = [person_id for person_id in approvers if _tell(context, bulletin, person_id, "asked_to_release")]
    if find_waiver_in_force(context.session, bulletin.unit_id, context.now, context.today) is not None:
        return [Reply(t("bulletin_desk.submitted_alone")), *_decide_alone(context, bulletin_id)]
    text = t("bulletin_desk.submitted", count=len(approvers)) if told else t("bulletin_desk.nobody_to_release")
    return [Reply(text, (back_button(bulletin_id), list_button()))]


def _decide_alone(context: Context, bulletin_id: int) -> list[Reply]:
    """The decision at once; it stays submitted where the second factor is to be given first."""
    try:
        return show_decision(context, bulletin_id)
    except UserError as problem:
        return [explain(problem)]


def _tell(context: Context, bulletin: Bulletin, person_id: int, key: str, reason: str = "") -> bool:
    """A notice with a button that opens it; False when no channel with a desk reaches them."""
    title = title_of(Content.from_json(bulletin.content))
    text = t(f"bulletin_desk.{key}", title=title, unit=name_unit(context, bulletin.unit_id), reason=reason)
    reply = Reply(text, (Button(t("bulletin_desk.open"), ShowBulletin(bulletin.id)),))
    subject = f"bulletin:{bulletin.id}:{key}:{context.now.isoformat()}"
    return tell_person(context.session, person_id, reply, subject, context.now, without=WITHOUT_DESK)


def show_decision(context: Context, bulletin_id: int) -> list[Reply]:
    """What somebody who may release it decides on: all of the message with its files, whom it goes to and when, and
    what it costs. The buttons carry the hash of what is shown here."""
    bulletin = reads(context, bulletin_id)
    how = judge_release(
        context.session, bulletin, get_actor(context), has_second_factor(context), context.now, context.today
    )
    plan = describe_plan(context.session, bulletin, context.now, context.union.k_anonymity)
    sure = t("bulletin_desk.sure_alone" if how.is_alone else "bulletin_desk.sure_to_release")
    text = "\n\n".join((describe(context, bulletin), "\n".join(plan), sure))
    seen = digest_bulletin(context.session, bulletin)[:_SEEN]
    yes = act_button("release_alone" if how.is_alone else "release", bulletin_id, "release", seen)
    look = act_button("preview_button", bulletin_id, "preview")
    refuse = () if how.is_alone else (act_button("return", bulletin_id, "return"),)
    whole = draw(context, bulletin)
    buttons = (yes, *refuse, look, back_button(bulletin_id))
    return [Reply(whole.text, files=whole.files), Reply(text, buttons)]


def release_seen(context: Context, bulletin_id: int, seen: str) -> list[Reply]:
    """Release what was seen, and tell its editor. Changed since, it is shown again instead."""
    reads(context, bulletin_id)
    bulletin = find_bulletin(context.session, bulletin_id, lock=True)
    if bulletin is None:
        raise Outdated
    actor, is_proven = get_actor(context), has_second_factor(context)
    problems = list_problems(context, bulletin) if bulletin.state is BulletinState.SUBMITTED else []
    if problems:  # its time went by meanwhile, or a unit of its audience moved elsewhere
        raise UserError("bulletin_desk.no_longer_ready", problems="; ".join(problems))
    release(context.session, bulletin, actor, seen, is_proven, context.now, context.today)
    stop_corrected(context.session, bulletin, actor.person_id, context.now)
    _tell_editors(context, bulletin, "was_released")
    return done(context, t("bulletin_desk.released"), bulletin_id)


def _tell_editors(context: Context, bulletin: Bulletin, key: str, reason: str = "") -> None:
    own = get_actor(context).person_id
    for person_id in {bulletin.created_by_id, bulletin.submitted_by_id} - {None, own}:
        _tell(context, bulletin, person_id or 0, key, reason)


def begin_return(context: Context, bulletin_id: int) -> list[Reply]:
    """Ask why it is returned."""
    bulletin = reads(context, bulletin_id)
    if bulletin.state is not BulletinState.SUBMITTED:
        raise Outdated
    return context.open_step(NAME, "return", {"bulletin_id": bulletin_id})


def _ask_return(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("bulletin_desk.why_return", limit=_LONGEST_REASON), (cancel_button(),))]


def _take_return(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    reason = typed(incoming)
    if not 0 < len(reason) <= _LONGEST_REASON:
        return _ask_return(context, draft)
    try:
        reads(context, draft["bulletin_id"])
        bulletin = find_bulletin(context.session, draft["bulletin_id"], lock=True)
        if bulletin is None:
            raise Outdated
        editors = (bulletin.created_by_id, bulletin.submitted_by_id)
        return_to_editor(context.session, bulletin, get_actor(context), reason, context.now, context.today)
    except (NotAllowed, Outdated) as problem:
        context.close_conversation()
        return [explain(problem)]
    for person_id in set(editors) - {None}:
        _tell(context, bulletin, person_id or 0, "was_returned", reason)
    return done(context, t("bulletin_desk.returned"), bulletin.id)


def withdraw(context: Context, bulletin_id: int) -> list[Reply]:
    """Take it back before it goes out: an editor at any time, an approver once it is released. Its editors are told."""
    reads(context, bulletin_id)
    bulletin = find_bulletin(context.session, bulletin_id, lock=True)
    actor = get_actor(context)
    if bulletin is None:
        raise Outdated
    if bulletin.state is not BulletinState.RELEASED and not has(context, actor, bulletin, Right.EDIT_BULLETINS):
        raise NotAllowed
    editors = {bulletin.created_by_id, bulletin.submitted_by_id} - {None, actor.person_id}
    try:
        take_back(context.session, bulletin, actor.person_id, context.now)
    except AlreadyStarted:
        raise Started from None
    for person_id in editors:
        _tell(context, bulletin, person_id or 0, "was_taken_back")
    return done(context, t("bulletin_desk.taken_back"), bulletin_id)


# One-person unions


def show_waivers(context: Context, action: ShowWaivers) -> list[Reply]:
    """Where one person may release alone; saying so, and taking it back, is for whoever gives the roles there."""
    actor = get_actor(context)
    units = actor.units_of(Right.MANAGE_OFFICERS)
    if not units:
        raise NotAllowed
    if not action.unit_id:
        if len(units) == 1:
            return _show_waiver(context, units[0])
        periods = filter(None, (find_period(context.session, unit, context.today) for unit in units[:_MOST_UNITS]))
        buttons = tuple(Button(period.name[:40], ShowWaivers(period.unit_id)) for period in periods)
        return [Reply(t("bulletin_desk.waiver_which"), (*buttons, list_button()))]
    if action.what == "give":
        return context.open_step(NAME, "waiver", {"unit_id": action.unit_id})
    if action.what == "end":
        end_waiving(context.session, actor, action.unit_id, context.now, context.today)
    return _show_waiver(context, action.unit_id)


def _show_waiver(context: Context, unit_id: int) -> list[Reply]:
    unit = name_unit(context, unit_id)
    waiver = find_waiver_in_force(context.session, unit_id, context.now, context.today)
    if waiver is not None:
        end = Button(t("bulletin_desk.waiver_end"), ShowWaivers(unit_id, "end"))
        return [Reply(t("bulletin_desk.waiver_on", unit=unit, reason=waiver.reason), (end, list_button()))]
    if not needs_one_person(context.session, unit_id, context.now, context.today):
        return [Reply(t("bulletin_desk.waiver_not_needed", unit=unit), (list_button(),))]
    give = Button(t("bulletin_desk.waiver_give"), ShowWaivers(unit_id, "give"))
    return [Reply(t("bulletin_desk.waiver_off", unit=unit), (give, list_button()))]


def _ask_waiver(context: Context, draft: Draft) -> list[Reply]:
    unit = name_unit(context, draft["unit_id"])
    return [Reply(t("bulletin_desk.waiver_why", unit=unit, limit=_LONGEST_REASON), (cancel_button(),))]


def _take_waiver(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    reason = typed(incoming)
    if not 0 < len(reason) <= _LONGEST_REASON:
        return _ask_waiver(context, draft)
    context.close_conversation()
    try:
        waive(context.session, get_actor(context), draft["unit_id"], reason, context.now, context.today)
    except UserError as problem:
        return [explain(problem)]
    return _show_waiver(context, draft["unit_id"])


def may_waive(context: Context) -> bool:
    """Whether the officer could speak of one-person unions at all: where one is on or could be."""
    session, now, today = context.session, context.now, context.today
    units = get_actor(context).units_of(Right.MANAGE_OFFICERS)
    return any(find_waiver(session, unit) or needs_one_person(session, unit, now, today) for unit in units)


RELEASE_STEPS = {"return": Step(_ask_return, _take_return), "waiver": Step(_ask_waiver, _take_waiver)}
