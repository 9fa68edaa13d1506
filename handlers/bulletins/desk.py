"""The bulletins' desk: the lists, a bulletin with all its parts, and the way to whatever is done with it."""

from collections.abc import Callable
from typing import Any

from db.bulletin_runs import list_runs
from db.bulletins import Listed, count_bulletins, list_bulletins, list_same_person
from db.models import Bulletin, BulletinRun, BulletinState
from handlers.access import Right, get_actor, select_reach
from handlers.actions import (
    ActOnBulletin,
    ActOnRun,
    ListBulletins,
    ShowBulletin,
    ShowDesk,
    ShowResults,
    ShowWaivers,
    WriteBulletin,
)
from handlers.bulletins.audience_talk import AUDIENCE_STEPS
from handlers.bulletins.blocks import BLOCK_STEPS, begin_block, remove_block, show_blocks, show_kinds, show_removable
from handlers.bulletins.content import Content
from handlers.bulletins.desk_release import (
    RELEASE_STEPS,
    begin_return,
    hand_in,
    list_problems,
    may_waive,
    release_seen,
    show_decision,
    show_waivers,
    withdraw,
)
from handlers.bulletins.desk_runs import act_on_run
from handlers.bulletins.desk_seat import (
    NAME,
    RIGHTS,
    act_button,
    back_button,
    done,
    edit_step,
    edits,
    has,
    list_button,
    reads,
    sit_down,
)
from handlers.bulletins.desk_words import OWN_AUDIENCE, describe, describe_history, name_state, name_unit, title_of
from handlers.bulletins.drafting import DRAFT_STEPS, begin, copy, show_content_menu, to_overview, toggle_public
from handlers.bulletins.releasing import drop, find_waiver_in_force, same_as_editor, stop
from handlers.bulletins.results import RESULT_ACTIONS, RESULT_STEPS
from handlers.bulletins.showing import send_test, show_preview
from handlers.bulletins.timing_talk import TIMING_STEPS
from handlers.bulletins.zalo_words import describe_plan
from handlers.chat import Button, Incoming, Reply
from handlers.errors import Outdated
from handlers.feature import Context, Draft, Feature, Step
from knowledge.texts import t

_PAGE = 5
_MOST_BUTTONS = 8
_LISTS = ("drafts", "waiting", "planned", "sent")


def list_some(context: Context, action: ListBulletins) -> list[Reply]:
    """A page of a list; without a list, how many bulletins each of them holds."""
    sit_down(context)
    if not action.which:
        return _show_lists(context)
    if action.which not in _LISTS:
        raise Outdated
    listed, start = _listed(context, action.which), max(0, action.offset)
    count = count_bulletins(context.session, listed)
    shown = list_bulletins(context.session, listed, _PAGE, start)
    if not shown:
        return [Reply(t(f"bulletin_desk.none_{action.which}"), (list_button(),))]
    lines = [t(f"bulletin_desk.list_{action.which}", count=count)]
    lines += [_show_line(context, one) for one in shown]
    buttons = [Button(title_of(Content.from_json(one.content))[:40], ShowBulletin(one.id)) for one in shown]
    if start:
        buttons.append(Button(t("bulletin_desk.page_before"), ListBulletins(action.which, max(0, start - _PAGE))))
    if start + _PAGE < count:
        buttons.append(Button(t("bulletin_desk.page_after"), ListBulletins(action.which, start + _PAGE)))
    return [Reply("\n".join(lines), (*buttons, list_button()))]


def _listed(context: Context, which: str) -> Listed:
    """Drafts are those of one's own and of the units one serves; the rest is everything within reach."""
    actor = sit_down(context)
    authors = list_same_person(context.session, actor.person_id)
    if which == "drafts":
        return Listed((BulletinState.DRAFT,), actor.units_of(Right.EDIT_BULLETINS), authors)
    right = Right.EDIT_BULLETINS if actor.holds(Right.EDIT_BULLETINS) else Right.RELEASE_BULLETINS
    if which == "waiting" and actor.holds(Right.RELEASE_BULLETINS):
        right = Right.RELEASE_BULLETINS
    units = select_reach(actor, right, context.today)
    if which == "waiting":
        return Listed((BulletinState.SUBMITTED,), units, authors)
    if which == "planned":
        return Listed((BulletinState.RELEASED,), units, authors, is_planned=True)
    return Listed((BulletinState.RELEASED, BulletinState.ENDED), units, authors, is_started=True)


def _show_lists(context: Context) -> list[Reply]:
    counts = {which: count_bulletins(context.session, _listed(context, which)) for which in _LISTS}
    lists = [Button(t(f"bulletin_desk.button_{which}", count=counts[which]), ListBulletins(which)) for which in _LISTS]
    actor = sit_down(context)
    offers = (
        (actor.holds(Right.EDIT_BULLETINS), Button(t("bulletin_desk.write"), WriteBulletin())),
        (actor.holds(Right.MANAGE_OFFICERS) and may_waive(context), Button(t("bulletin_desk.waiver"), ShowWaivers())),
        (True, Button(t("menu.desk"), ShowDesk())),
    )
    buttons = (*(button for is_offered, button in offers[:1] if is_offered), *lists)
    return [Reply(t("bulletin_desk.lists"), (*buttons, *(button for is_offered, button in offers[1:] if is_offered)))]


def _show_line(context: Context, bulletin: Bulletin) -> str:
    title = title_of(Content.from_json(bulletin.content))
    unit = name_unit(context, bulletin.unit_id)
    return t("bulletin_desk.line", title=title, unit=unit, state=name_state(bulletin))


def show(context: Context, bulletin_id: int) -> list[Reply]:
    """A bulletin with everything, what is still missing, and what can be done now by whoever looks."""
    bulletin = reads(context, bulletin_id)
    if bulletin.state is BulletinState.DROPPED:
        return [Reply(t("bulletin_desk.is_dropped"), (list_button(),))]
    runs = list_runs(context.session, bulletin.id)
    text = describe(context, bulletin)
    problems = list_problems(context, bulletin) if bulletin.state is BulletinState.DRAFT else []
    if problems:
        text = "\n".join((text, "", t("bulletin_desk.still_missing"), *(f"- {problem}" for problem in problems)))
    if bulletin.state in (BulletinState.SUBMITTED, BulletinState.RELEASED) and not runs:
        text = f"{text}\n\n{t('bulletin_desk.edits_void')}"
    return [Reply(text, tuple(_list_buttons(context, bulletin, runs, bool(problems))))]


def _list_buttons(context: Context, bulletin: Bulletin, runs: list[BulletinRun], lacks: bool) -> list[Button]:
    actor, number = get_actor(context), bulletin.id
    is_editor, is_approver = (has(context, actor, bulletin, right) for right in RIGHTS)
    looks = [act_button("preview_button", number, "preview"), act_button("test", number, "test")]
    rest = [act_button("more", number, "more"), list_button()]
    if runs:
        newest = runs[0]
        way = Button(t("bulletin_desk.progress"), ActOnRun(newest.id, "progress"))
        results = Button(t("bulletin_desk.results"), ShowResults(newest.id))
        is_planned = bulletin.state is BulletinState.RELEASED and bulletin.next_at is not None
        ending = [act_button("stop", number, "stop")] if is_planned else []
        return [way, results, looks[0], *ending, *rest]
    waits = bulletin.state is BulletinState.SUBMITTED
    if waits and is_approver and not same_as_editor(context.session, bulletin, actor.person_id):
        return [act_button("decide", number, "decide"), act_button("return", number, "return"), *looks, *rest]
    if is_approver and not is_editor and bulletin.state is BulletinState.RELEASED:
        return [act_button("take_back", number, "take_back"), *looks, *rest]
    if not is_editor or bulletin.state is BulletinState.ENDED:
        return [*looks, *rest]
    edit = [act_button("edit", number, "edit")]
    if bulletin.kind in OWN_AUDIENCE:
        edit.append(act_button("audience", number, "audience"))
    edit.append(act_button("timing", number, "timing"))
    if bulletin.state is BulletinState.DRAFT:
        ready = [] if lacks else [act_button("submit", number, "submit")]
        return [*ready, *edit, *looks, *rest]
    if waits and find_waiver_in_force(context.session, bulletin.unit_id, context.now, context.today) is not None:
        return [act_button("decide", number, "decide"), *edit, *looks, *rest]
    return [act_button("take_back", number, "take_back"), *edit, *looks, *rest]


def _show_more(context: Context, bulletin_id: int) -> list[Reply]:
    """What is done less often."""
    bulletin = reads(context, bulletin_id)
    is_editor = has(context, get_actor(context), bulletin, Right.EDIT_BULLETINS)
    is_draft = bulletin.state is BulletinState.DRAFT
    offers = (
        (True, act_button("plan", bulletin_id, "plan")),
        (True, act_button("history_button", bulletin_id, "history")),
        (is_editor and not is_draft, act_button("edit", bulletin_id, "edit")),
        (is_editor, act_button("copy", bulletin_id, "copy")),
        (is_editor and is_draft, act_button("drop", bulletin_id, "drop")),
        (True, back_button(bulletin_id)),
    )
    return [Reply(t("bulletin_desk.more_of_it"), tuple(button for is_offered, button in offers if is_offered))]


def _show_plan(context: Context, bulletin_id: int) -> list[Reply]:
    bulletin = reads(context, bulletin_id)
    lines = describe_plan(context.session, bulletin, context.now, context.union.k_anonymity)
    return [Reply("\n".join(lines), (back_button(bulletin_id),))]


def _show_history(context: Context, bulletin_id: int) -> list[Reply]:
    return [Reply(describe_history(context, reads(context, bulletin_id)), (back_button(bulletin_id),))]


def _drop(context: Context, bulletin_id: int, choice: str) -> list[Reply]:
    bulletin = edits(context, bulletin_id)
    if choice != "y":
        sure = act_button("drop_yes", bulletin_id, "drop", "y")
        return [Reply(t("bulletin_desk.sure_to_drop"), (sure, back_button(bulletin_id)))]
    drop(context.session, bulletin, get_actor(context).person_id, context.now)
    context.close_conversation()
    return [Reply(t("bulletin_desk.dropped"), (list_button(),))]


def _copy(context: Context, bulletin_id: int) -> list[Reply]:
    bulletin = copy(context, reads(context, bulletin_id))
    return [Reply(t("bulletin_desk.copied")), *to_overview(context, bulletin.id)]


def _stop(context: Context, bulletin_id: int, choice: str) -> list[Reply]:
    """Whoever writes or releases at the unit may say that it goes out no more."""
    bulletin = reads(context, bulletin_id)
    if choice != "y":
        sure = act_button("stop_yes", bulletin_id, "stop", "y")
        return [Reply(t("bulletin_desk.sure_to_stop"), (sure, back_button(bulletin_id)))]
    context.session.refresh(bulletin, with_for_update=True)
    stop(context.session, bulletin, get_actor(context).person_id, context.now)
    return done(context, t("bulletin_desk.stopped"), bulletin_id)


def _toggle(context: Context, bulletin_id: int) -> list[Reply]:
    toggle_public(context, bulletin_id)
    return show_content_menu(context, bulletin_id)


def _open(step: str) -> Callable[[Context, int, str], list[Reply]]:
    def open_step(context: Context, bulletin_id: int, _choice: str) -> list[Reply]:
        edits(context, bulletin_id)
        return context.open_step(NAME, step, {"bulletin_id": bulletin_id})

    return open_step


_ACTS: dict[str, Callable[[Context, int, str], list[Reply]]] = {
    "edit": lambda context, number, _choice: show_content_menu(context, number),
    "title": _open("title"),
    "text": _open("text"),
    "files": _open("files"),
    "topic": _open("new_topic"),
    "audience": _open("audience"),
    "timing": _open("timing"),
    "public": lambda context, number, _choice: _toggle(context, number),
    "blocks": lambda context, number, _choice: show_blocks(context, number),
    "add": lambda context, number, kind: begin_block(context, number, kind) if kind else show_kinds(context, number),
    "remove": lambda context, number, which: (
        remove_block(context, number, which) if which else show_removable(context, number)
    ),
    "preview": show_preview,
    "test": lambda context, number, _choice: send_test(context, number),
    "submit": lambda context, number, _choice: hand_in(context, number),
    "decide": lambda context, number, _choice: show_decision(context, number),
    "release": release_seen,
    "return": lambda context, number, _choice: begin_return(context, number),
    "take_back": lambda context, number, _choice: withdraw(context, number),
    "more": lambda context, number, _choice: _show_more(context, number),
    "plan": lambda context, number, _choice: _show_plan(context, number),
    "history": lambda context, number, _choice: _show_history(context, number),
    "copy": lambda context, number, _choice: _copy(context, number),
    "drop": _drop,
    "stop": _stop,
}


def _act(context: Context, action: ActOnBulletin) -> list[Reply]:
    """Whatever is done with a bulletin; each looks for itself whether this officer may."""
    act = _ACTS.get(action.what)
    if act is None:
        raise Outdated
    return act(context, action.bulletin_id, action.choice)


def _show_overview(context: Context, draft: Draft) -> list[Reply]:
    """Where the talk about a part of it ends: all of it stands in the row, so no step stays open."""
    context.close_conversation()
    return show(context, draft["bulletin_id"])


def _take_overview(context: Context, _incoming: Incoming, draft: Draft) -> list[Reply]:
    return _show_overview(context, draft)


_ACTIONS: dict[Any, Any] = {
    ListBulletins: list_some,
    WriteBulletin: begin,
    ShowBulletin: lambda context, action: show(context, action.bulletin_id),
    ActOnBulletin: _act,
    ActOnRun: act_on_run,
    ShowWaivers: show_waivers,
    **RESULT_ACTIONS,
}

BULLETIN_DESK = Feature(
    name=NAME,
    actions=_ACTIONS,
    steps={
        "overview": Step(_show_overview, _take_overview),
        **DRAFT_STEPS,
        **BLOCK_STEPS,
        **RELEASE_STEPS,
        **AUDIENCE_STEPS,
        **{name: edit_step(step.ask, step.take) for name, step in TIMING_STEPS.items()},
        **RESULT_STEPS,
    },
)
