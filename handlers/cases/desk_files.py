"""The files of a case, one by one: opening them is on record, and they go out as personal files under neutral names."""

from db.case_files import list_files
from db.models import Case, CaseFile
from handlers.actions import ActOnCase, ShowCase
from handlers.cases.desk_seat import viewer_of
from handlers.cases.keeping import list_names, show_file
from handlers.cases.service import open_story
from handlers.chat import Button, Reply
from handlers.errors import Outdated
from handlers.feature import Context
from knowledge.texts import t

_PAGE = 6


def show_files(context: Context, code: str, choice: str) -> list[Reply]:
    """Which files the worker handed in, page by page."""
    case, _lines = open_story(context.session, viewer_of(context), code, context.now)
    found, names = list_handed_in(context, case), list_names(context.session, case)
    start = int(choice) * _PAGE if choice.isdigit() else 0
    shown = found[start : start + _PAGE]
    buttons = [Button(names[one.id][:40], ActOnCase(code, "file", str(one.id))) for one in shown]
    if start + _PAGE < len(found):
        buttons.append(Button(t("desk_cases.more"), ActOnCase(code, "files", str(start // _PAGE + 1))))
    text = t("desk_cases.files", count=len(found)) if found else t("desk_cases.no_files")
    return [Reply(text, (*buttons, Button(t("desk_cases.back_to_case"), ShowCase(code))))]


def send_file(context: Context, code: str, choice: str) -> list[Reply]:
    """One of them. Raises `Outdated` when it is not one of this case."""
    case, _lines = open_story(context.session, viewer_of(context), code, context.now)
    if choice not in {str(one.id) for one in list_handed_in(context, case)}:
        raise Outdated
    file = show_file(context.session, case, int(choice))
    back = (
        Button(t("desk_cases.do_files"), ActOnCase(code, "files")),
        Button(t("desk_cases.back_to_case"), ShowCase(code)),
    )
    return [Reply(t("desk_cases.file", name=file.name), back, (file,))]


def list_handed_in(context: Context, case: Case) -> list[CaseFile]:
    """What came with a message; what the worker has not sent off yet is not the officers'."""
    return [one for one in list_files(context.session, case) if one.event_number is not None]
