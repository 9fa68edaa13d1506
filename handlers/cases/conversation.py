"""Everything a worker does about reports, in one table: begin one, tell it, send it, and see what becomes of it."""

from collections.abc import Callable, Mapping
from typing import Any

from handlers.actions import (
    Action,
    ActOnOwnCase,
    AskOfficer,
    Cancel,
    EnterReceipt,
    ListOwnCases,
    Report,
    SharePhone,
    ShowOwnCase,
)
from handlers.cases.drafts import NAME, Told, begin, discard, find_case, seal, unseal
from handlers.cases.hearing import catch, catch_file, hear, last_told, recognise, stand_beside
from handlers.cases.mine import (
    MINE_STEPS,
    TALK,
    act_on_own_case,
    catch_receipt,
    enter_receipt,
    leave_talk,
    list_own_cases,
    show_own_case,
)
from handlers.cases.path import go, make_step, note
from handlers.cases.placing import (
    ask_commune,
    ask_full_name,
    ask_naming,
    ask_phone,
    ask_workplace,
    take_commune,
    take_full_name,
    take_naming,
    take_phone,
    take_workplace,
)
from handlers.cases.sending import ask_edit, ask_exclude, ask_summary, take_edit, take_exclude, take_summary
from handlers.cases.service import list_mine
from handlers.cases.shared_phone import PHONE_STEPS, PIN, RECEIPT, keep_private, private, share_phone
from handlers.cases.telling import (
    ask_category,
    ask_details,
    ask_reader,
    ask_story,
    take_category,
    take_details,
    take_reader,
    take_story,
    with_files,
)
from handlers.chat import Button, Reply
from handlers.errors import UserError
from handlers.feature import Context, Draft, Feature, find_step
from handlers.files.cleaning import prepare
from knowledge.alarms import Strength
from knowledge.case_terms import Urgency, load_case_terms
from knowledge.texts import t


def _begin_report(context: Context, action: Report) -> list[Reply]:
    """A new report, with what an alarm told of it; one that is open goes on."""
    open_one = _go_on_with_open(context, last_told(context, action.told))
    if open_one:
        return open_one
    told = Told()
    if action.urgency == Urgency.EMERGENCY:
        told.raise_urgency(Urgency.EMERGENCY)
    if action.category in load_case_terms().categories:
        told.category = action.category
    message = last_told(context, action.told)
    if message:
        told.add(message)
        if _is_sure(context, message):
            hear(context, message, told)  # the numbers stand above the button that was pressed
    return _start(context, told)


def _ask_officer(context: Context, action: AskOfficer) -> list[Reply]:
    """A question for a person is a report too: the question and the answer it stands under come along, and what the
    question tells is heard."""
    asked = context.conversation.last_question if action.entry_id else ""  # from the menu, it is an old one
    open_one = _go_on_with_open(context, asked or "")
    if open_one:
        return open_one
    told = Told()
    question = context.conversation.last_question
    said: list[Reply] = []
    if question:
        told.details["question"] = question
    if action.entry_id:
        told.details["entry"] = action.entry_id
    if question and _is_sure(context, question):
        said = hear(context, question, told)
    return [*said, *_start(context, told)]


def _is_sure(context: Context, message: str) -> bool:
    """A faint guess says nothing of the kind of a report that is only begun."""
    alarm = recognise(context, message)
    return alarm is not None and alarm.strength is Strength.FIRST


def _go_on_with_open(context: Context, message: str) -> list[Reply]:
    """The question that is open in a report that was begun, also where it waits for something else to be done. The
    message under which the button stood goes into it."""
    if not context.channel.serves_members:
        raise UserError("report.not_here")
    waits = [one for one in context.conversation.held or () if _is_report(one["feature"], one["step"])]
    while waits and not _is_report(context.conversation.feature, context.conversation.step):
        context.bring_back()
    step = find_step(context.conversation)
    if not _is_report(context.conversation.feature, context.conversation.step) or step is None:
        return []
    context.is_back = False
    unfinished = Reply(t("report.unfinished"), (Button(t("menu.cancel"), Cancel()),))
    noted = _note_in_open(context, message) if message else []
    return [*noted, unfinished, *step.ask(context, context.conversation.draft or {})]


def _note_in_open(context: Context, message: str) -> list[Reply]:
    draft = context.conversation.draft or {}
    case = find_case(context, draft)
    told = unseal(context, case, draft) if case is not None else None
    if case is None or told is None or message in (*told.story, told.details.get("question")):
        return []
    if _is_sure(context, message):
        said = note(context, message, told)
    else:
        said = [Reply(t("report.noted" if told.add(message) else "report.story_full"))]
    context.conversation.draft = seal(context, case, told)
    return said


def _is_report(feature: str | None, step: str | None) -> bool:
    return feature == NAME and step in _REPORT_STEPS


def _start(context: Context, told: Told) -> list[Reply]:
    case = begin(context)
    first = go(context, case, told, "story" if told.category else "category")
    if told.is_emergency:
        return first
    text = t("report.begins")
    if context.channel.is_abroad:
        text = f"{text}\n\n{t('no_union.abroad')}"
    mine = (Button(t("own_cases.list_button"), ListOwnCases()),) if list_mine(context.session, context.account) else ()
    return [Reply(text, mine), *first]


def _abandon(context: Context, draft: Draft) -> None:
    """Somebody leaves the open step: a report that is not sent is erased with its files and its key."""
    if "sealed" in draft:
        discard(context, draft)
    elif context.conversation.step == TALK:
        leave_talk(context, draft)


def _catch(context: Context, text: str) -> list[Reply] | None:
    return catch_receipt(context, text) or catch(context, text)


def _first(handler: Callable[[Context], list[Reply]]) -> Callable[[Context, object], list[Reply]]:
    return lambda context, _action: handler(context)


_REPORT_STEPS = {
    "category": make_step(ask_category, take_category, prepare),
    "story": make_step(ask_story, take_story, prepare),
    "reader": make_step(ask_reader, take_reader),
    "details": make_step(ask_details, with_files("details", take_details), prepare),
    "workplace": make_step(ask_workplace, take_workplace),
    "commune": make_step(ask_commune, take_commune),
    "naming": make_step(ask_naming, take_naming),
    "full_name": make_step(ask_full_name, take_full_name),
    "phone": make_step(ask_phone, take_phone),
    "summary": make_step(ask_summary, with_files("summary", take_summary), prepare),
    "edit": make_step(ask_edit, with_files("edit", take_edit), prepare),
    "exclude": make_step(ask_exclude, take_exclude),
}

_ACTIONS: Mapping[type[Action], Callable[[Context, Any], list[Reply]]] = {
    Report: private(_begin_report),
    AskOfficer: private(_ask_officer),
    ListOwnCases: private(_first(list_own_cases)),
    ShowOwnCase: private(show_own_case),
    ActOnOwnCase: private(act_on_own_case),
    SharePhone: private(share_phone),
    EnterReceipt: _first(enter_receipt),
}


def _command(action: Report | ListOwnCases | EnterReceipt | SharePhone) -> Callable[[Context], list[Reply]]:
    return lambda context: _ACTIONS[type(action)](context, action)


CASES = Feature(
    name=NAME,
    commands={
        "phananh": _command(Report()),
        "phan anh": _command(Report()),
        "vuviec": _command(ListOwnCases()),
        "vu viec": _command(ListOwnCases()),
        "phan anh cua toi": _command(ListOwnCases()),
        "ma bien nhan": _command(EnterReceipt()),
        "may dung chung": _command(SharePhone()),
    },
    actions=_ACTIONS,
    steps={**{name: keep_private(step) for name, step in _REPORT_STEPS.items()}, **MINE_STEPS, **PHONE_STEPS},
    catches=_catch,
    catches_file=catch_file,
    adds=stand_beside,
    abandons=_abandon,
    lasting=frozenset(_REPORT_STEPS),
    asides=frozenset({PIN, RECEIPT}),
)
