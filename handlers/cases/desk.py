"""The officers' desk for cases: the lists, claiming with one tap, and the way to whatever is done with a case."""

from collections.abc import Callable, Mapping
from functools import partial

from db.cases import Wanted, count_visible, list_visible
from db.codes import read_code, show_code
from handlers.access import NotAllowed
from handlers.actions import (
    ActOnCase,
    ClaimCase,
    DeclineCase,
    ListCases,
    ManageGroup,
    ShowCase,
    ShowDesk,
    ShowDuty,
    ShowFigures,
)
from handlers.cases.desk_duty import DUTY_STEPS, show_duty
from handlers.cases.desk_files import send_file, show_files
from handlers.cases.desk_moves import MOVE_STEPS, MOVES, begin_move, begin_tie, show_moves
from handlers.cases.desk_seat import NAME, viewer_of
from handlers.cases.desk_show import show_case, show_history, show_line, show_talk
from handlers.cases.desk_words import WORD_STEPS, WRITTEN, begin_words
from handlers.cases.groups import OPEN_COMMAND, TIE_COMMAND, manage_group, show_groups
from handlers.cases.half_written import stop_other
from handlers.cases.service import claim, decline, get_case, is_taken
from handlers.chat import Button, Reply
from handlers.errors import Outdated, UserError
from handlers.feature import Context, Feature
from knowledge.texts import t

_PAGE = 6
_MOST_BUTTONS = 8
_LISTS = ("mine", "open", "late", "closed")


def list_cases(context: Context, action: ListCases) -> list[Reply]:
    """A page of a list; without a list, how many cases each of them holds."""
    if not action.which:
        return _show_lists(context)
    if action.which not in _LISTS:
        raise Outdated
    viewer, wanted = viewer_of(context), _wanted(context, action.which)
    count = count_visible(context.session, viewer, wanted)
    last_page = max(0, count - 1) // _PAGE * _PAGE  # the list may have shrunk since the button was shown
    start = min(max(0, action.offset), last_page)
    shown = list_visible(context.session, viewer, wanted, _PAGE, start)
    if not shown:
        return [Reply(t(f"desk_cases.none_{action.which}"), (Button(t("desk_cases.all"), ListCases()),))]
    title = t(f"desk_cases.list_{action.which}", count=count)
    buttons = [Button(t("desk_cases.open", code=show_code(one.code)), ShowCase(one.code)) for one in shown]
    if start:
        buttons.append(Button(t("desk_cases.page_before"), ListCases(action.which, max(0, start - _PAGE))))
    if start + _PAGE < count:
        buttons.append(Button(t("desk_cases.page_after"), ListCases(action.which, start + _PAGE)))
    if len(buttons) < _MOST_BUTTONS:
        buttons.append(Button(t("desk_cases.all"), ListCases()))
    lines = (show_line(one, context.now) for one in shown)
    return [Reply("\n".join((title, *lines)), tuple(buttons))]


def _wanted(context: Context, which: str) -> Wanted:
    wanted: Mapping[str, Wanted] = {
        "mine": Wanted(mine=True),
        "open": Wanted(unclaimed=True),
        "late": Wanted(overdue_at=context.now),
        "closed": Wanted(closed=True),
    }
    return wanted[which]


def _show_lists(context: Context) -> list[Reply]:
    viewer = viewer_of(context)
    counts = {which: count_visible(context.session, viewer, _wanted(context, which)) for which in _LISTS}
    lists = tuple(Button(t(f"desk_cases.button_{which}", count=counts[which]), ListCases(which)) for which in _LISTS)
    duty = (Button(t("duty.absences_button"), ShowDuty("away")), Button(t("duty.ties_button"), ShowDuty("ties")))
    figures = Button(t("figures.button"), ShowFigures())
    return [Reply(t("desk_cases.lists"), (*lists, *duty, figures, Button(t("menu.desk"), ShowDesk())))]


def _claim(context: Context, action: ClaimCase) -> list[Reply]:
    """One tap on an alert; whoever comes later hears that somebody has it, and whoever taps twice has it already."""
    viewer, code = viewer_of(context), action.case_code
    try:
        claim(context.session, viewer, code, context.now, context.today)
    except (NotAllowed, Outdated):
        if is_taken(context.session, viewer, code):
            raise UserError("desk_cases.taken") from None
        if get_case(context.session, viewer, code, context.now).holder_id == viewer.person_id:
            return show_case(context, code)
        raise
    stopped = stop_other(context, code)
    return [*stopped, Reply(t("desk_cases.claimed", code=show_code(code))), *show_case(context, code)]


def _decline(context: Context, action: DeclineCase) -> list[Reply]:
    viewer = viewer_of(context)
    try:
        decline(context.session, viewer, action.case_code, context.now, context.today)
    except (NotAllowed, Outdated):
        if is_taken(context.session, viewer, action.case_code):
            raise UserError("desk_cases.taken") from None
        raise
    tie = Button(t("desk_cases.do_tie"), ActOnCase(action.case_code, "tie"))
    return [Reply(t("desk_cases.declined"), (tie, Button(t("desk_cases.all"), ListCases())))]


def _begin_words(context: Context, code: str, _choice: str, what: str) -> list[Reply]:
    return begin_words(context, code, what)


def _begin_move(context: Context, code: str, _choice: str, what: str) -> list[Reply]:
    return begin_move(context, code, what)


_ACTS: dict[str, Callable[[Context, str, str], list[Reply]]] = {
    "older": show_talk,
    "history": show_history,
    "files": show_files,
    "file": send_file,
    "move": lambda context, code, _choice: show_moves(context, code),
    "tie": lambda context, code, _choice: begin_tie(context, code),
    **{what: partial(_begin_words, what=what) for what in WRITTEN},
    **{what: partial(_begin_move, what=what) for what in MOVES},
}


def _act(context: Context, action: ActOnCase) -> list[Reply]:
    """Whatever is done with a case; each looks for itself whether this officer may."""
    act = _ACTS.get(action.what)
    if act is None:
        raise Outdated
    stopped = stop_other(context, action.case_code)
    return [*stopped, *act(context, action.case_code, action.choice)]


def _open_by_code(context: Context) -> list[Reply]:
    """A case by its code, as a link from a group brings it; without one, the lists."""
    code = read_code(context.said.partition(" ")[2])
    return show_case(context, code) if code else list_cases(context, ListCases())


CASE_DESK = Feature(
    name=NAME,
    version=2,
    commands={OPEN_COMMAND[1:]: _open_by_code, TIE_COMMAND[1:]: show_groups},
    actions={
        ListCases: list_cases,
        ShowCase: lambda context, action: show_case(context, action.case_code),
        ClaimCase: _claim,
        DeclineCase: _decline,
        ActOnCase: _act,
        ShowDuty: show_duty,
        ManageGroup: manage_group,
    },
    steps={**WORD_STEPS, **MOVE_STEPS, **DUTY_STEPS},
)
