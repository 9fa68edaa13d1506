"""The end of a report: everything once more with who can read it, readers kept away, and the receipt."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from db.case_access import CASE_ROLES
from db.codes import show_code
from db.models import Case
from db.units import find_period
from handlers.actions import Cancel, Choose, SharePhone, ShowMenu, ShowOwnCase
from handlers.cases.drafts import NAME, Told
from handlers.cases.hearing import take_words
from handlers.cases.path import go, go_on, stay
from handlers.cases.preview import Preview, preview
from handlers.cases.routing import ReaderLine
from handlers.cases.service import open_case
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.feature import Context
from handlers.workplaces import LONGEST_LABEL
from knowledge.case_terms import load_case_terms
from knowledge.texts import t

EDITABLE = ("story", "category", "details", "workplace", "naming")

_SEND, _EDIT, _EXCLUDE, _BACK, _NOBODY = "send", "edit", "exclude", "back", "reset"
_LET_IN, _LEAVE_OUT = "let_in", "leave_out"
"""A payload of its own for each way: one that arrives twice, or late, must let nobody in."""

_NEXT, _AGAIN = "next", "again"
_MOST_SHOWN, _PAGE = 6, 5
"""Readers on one page when they fit on it, and when there are more: with the other buttons they are eight."""

_SHOWN = 500
_GROUP = 4


def ask_summary(context: Context, case: Case, told: Told) -> list[Reply]:
    """What will be sent and who will be able to read it."""
    rows = [t("report.row_category", value=t(f"case_words.category_{told.category or 'other'}"))]
    rows += _rows(context, told)
    text = t("report.summary", rows="\n".join(rows), readers=describe_readers_of(context, case, told))
    buttons = [Button(t("report.send"), Choose(NAME, "summary", _SEND))]
    if told.unit_id is not None and not load_case_terms().categories[told.category or "other"].holder_only:
        way, key = (_LEAVE_OUT, "leave_workplace_out") if told.includes_workplace else (_LET_IN, "include_workplace")
        buttons.append(Button(t(f"report.{key}"), Choose(NAME, "summary", way)))
    buttons += [
        Button(t("report.exclude"), Choose(NAME, "summary", _EXCLUDE)),
        Button(t("report.edit"), Choose(NAME, "summary", _EDIT)),
        Button(t("report.drop"), Cancel()),
    ]
    return [Reply(text, tuple(buttons))]


def _rows(context: Context, told: Told) -> list[str]:
    story = " / ".join(told.story)
    values = {
        "question": told.details.get("question", ""),
        "story": story if len(story) <= _SHOWN else f"{story[:_SHOWN].rstrip()}…",
        "files": str(told.files or ""),
        **{name: told.details.get(name, "") for name in ("where", "since", "affected", "wants")},
        "workplace": _workplace_of(context, told),
        "who": _who(told),
    }
    return [t(f"report.row_{name}", value=value) for name, value in values.items() if value]


def _workplace_of(context: Context, told: Told) -> str:
    period = find_period(context.session, told.unit_id, context.today) if told.unit_id is not None else None
    return period.name if period else told.commune or t("report.place_unknown")


def _who(told: Told) -> str:
    if not told.is_named:
        return t("report.without_name")
    return ", ".join(filter(None, (told.details.get("full_name"), told.details.get("phone"))))


def describe_readers_of(context: Context, case: Case, told: Told) -> str:
    """Roles and units that could read it, now and later, whom the worker keeps away, and what had better be known
    before sending."""
    found = preview(context.session, case, told.to_report(), context.now, context.today)
    lines = [t("report.readers"), *(f"- {_show(line)}" for line in found.readers)]
    if not found.is_covered:
        lines = [t("report.nobody_yet", hotline=context.union.hotline)]
    return "\n".join((*_show_kept_away(told, found), *lines, *_remarks(told, found)))


def _remarks(told: Told, found: Preview) -> Iterable[str]:
    if load_case_terms().categories[told.category or "other"].holder_only:
        yield t("report.only_holder")
    if found.has_wished_sex is False:
        yield t(f"report.no_{told.details['reader_sex']}_reader")
    if found.later:
        yield "\n".join((t("report.told_later"), *_show_units(found.later)))


def _show_kept_away(told: Told, found: Preview) -> list[str]:
    lines = [line for line in found.choices if _is_kept_away(told, line)]
    return [t("report.kept_away"), *_show_units(lines)] if lines else []


def _is_kept_away(told: Told, line: ReaderLine) -> bool:
    return (line.unit_id, line.role.value) in told.excluded


def _show_units(lines: Iterable[ReaderLine]) -> Iterable[str]:
    """One line for each unit, with its roles: short, since it is read on a small screen."""
    for unit, roles in groupby(lines, key=lambda line: line.unit_name):
        yield f"- {unit}: {', '.join(t(f'report.role_{line.role.value}') for line in roles)}"


def _show(line: ReaderLine) -> str:
    return f"{t(f'roles.{line.role.value}')} – {line.unit_name}"


def take_summary(context: Context, incoming: Incoming, case: Case, told: Told) -> list[Reply]:
    """Send, or change something first."""
    if incoming.action == _SEND and told.lacks_reader:  # told of since, while something else was asked
        told.is_editing = True
        return go_on(context, case, told, "summary")
    if incoming.action == _SEND:
        return send(context, case, told)
    if incoming.action in (_EDIT, _EXCLUDE):
        return go(context, case, told, incoming.action)
    if incoming.action in (_LET_IN, _LEAVE_OUT):
        told.includes_workplace = incoming.action == _LET_IN and told.unit_id is not None
    if incoming.kind is Kind.TEXT and incoming.text.strip():
        told.is_editing = True  # what these words make necessary is asked, and then it is looked over again
        return [*take_words(context, incoming.text.strip(), told), *go_on(context, case, told, "summary")]
    return stay(context, incoming, case, told, "summary")


def ask_edit(_context: Context, _case: Case, _told: Told) -> list[Reply]:
    """Which part to tell anew."""
    buttons = (Button(t(f"report.edit_{name}"), Choose(NAME, "edit", name)) for name in EDITABLE)
    return [Reply(t("report.what_to_edit"), (*buttons, Button(t("report.back"), Choose(NAME, "edit", _BACK))))]


def take_edit(context: Context, incoming: Incoming, case: Case, told: Told) -> list[Reply]:
    """Go back to one step; the summary comes next."""
    if incoming.action in EDITABLE:
        told.is_editing, told.typed, told.found, told.asked = True, "", [], ""
        return go(context, case, told, incoming.action)
    if incoming.action == _BACK:
        return go(context, case, told, "summary")
    return stay(context, incoming, case, told, "edit")


def ask_exclude(context: Context, case: Case, told: Told) -> list[Reply]:
    """Whom to keep away, also of those who come later, and whom to let in again; the list is worked out anew each time,
    since the next unit may come in their place."""
    found = preview(context.session, case, told.to_report(), context.now, context.today)
    buttons = [
        Button(_label(told, line), Choose(NAME, "exclude", _choice_of(told, line)))
        for line in _page_of(told, found.choices)
    ]
    if len(found.choices) > _MOST_SHOWN:
        key = "report.readers_from_start" if _is_last(told, found.choices) else "report.more_readers"
        buttons.append(Button(t(key), Choose(NAME, "exclude", _NEXT)))
    if told.excluded:
        buttons.append(Button(t("report.exclude_nobody"), Choose(NAME, "exclude", _NOBODY)))
    buttons.append(Button(t("report.back"), Choose(NAME, "exclude", _BACK)))
    question = t("report.whom_to_exclude") if found.readers else t("report.no_reader_left")
    return [Reply("\n".join((question, *_show_kept_away(told, found))), tuple(buttons))]


def _choice_of(told: Told, line: ReaderLine) -> str:
    """A button of its own for each way: one that is pressed twice, or late, must let nobody in."""
    chosen = f"{line.unit_id}:{line.role.value}"
    return f"{chosen}:{_AGAIN}" if _is_kept_away(told, line) else chosen


def _page_of(told: Told, choices: Sequence[ReaderLine]) -> Sequence[ReaderLine]:
    """Those that are on the screen; past the end it begins again."""
    if len(choices) <= _MOST_SHOWN:
        return choices
    first = told.page % _count_pages(choices) * _PAGE
    return choices[first : first + _PAGE]


def _is_last(told: Told, choices: Sequence[ReaderLine]) -> bool:
    return told.page % _count_pages(choices) == _count_pages(choices) - 1


def _count_pages(choices: Sequence[ReaderLine]) -> int:
    return -(-len(choices) // _PAGE)


def _label(told: Told, line: ReaderLine) -> str:
    """The role must stay readable, so the unit is what is shortened."""
    label = f"{t(f'report.role_{line.role.value}')} – {line.unit_name}"
    if _is_kept_away(told, line):
        label = t("report.let_in_again", reader=label)
    return label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1].rstrip()}…"


def take_exclude(context: Context, incoming: Incoming, case: Case, told: Told) -> list[Reply]:
    """Keep one role away, or let it in again, or everybody."""
    unit_id, role, way = [*(incoming.action or "").split(":"), "", ""][:3]
    if incoming.action == _NOBODY:
        told.excluded = []
    elif unit_id.isdigit() and role in {one.value for one in CASE_ROLES}:
        others = [one for one in told.excluded if one != (int(unit_id), role)]
        told.excluded = others if way == _AGAIN else [*others, (int(unit_id), role)]
    told.page = 0 if incoming.action == _BACK else told.page + (incoming.action == _NEXT)
    if incoming.action == _BACK:
        return go(context, case, told, "summary")
    return stay(context, incoming, case, told, "exclude")


def send(context: Context, case: Case, told: Told) -> list[Reply]:
    """Send it, erase the draft, and hand out the receipt; this answer goes out only once everything is stored."""
    session, account = context.session, context.account
    sent, receipt = open_case(session, account, told.to_report(), context.now, context.today, draft=case)
    context.close_conversation()
    context.conversation.last_question = None
    groups = " ".join(receipt[start : start + _GROUP] for start in range(0, len(receipt), _GROUP))
    text = t("report.sent", code=show_code(sent.code), receipt=groups, hotline=context.union.hotline)
    buttons = [Button(t("own_cases.show"), ShowOwnCase(sent.code)), Button(t("menu.button"), ShowMenu())]
    if not account.is_shared:
        buttons.insert(1, Button(t("shared_phone.button"), SharePhone()))
    return [Reply(text, tuple(buttons))]
