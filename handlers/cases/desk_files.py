"""The files of a case, one by one: opening them is on record, and they go out as personal files under neutral names.

Where a file would have to be uploaded to the platform to be seen (Zalo), officers are sent to the desk on the web.
"""

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
    if found and not context.channel.takes_case_files:
        return [_send_to_web(context, code, len(found))]
    start = int(choice) * _PAGE if choice.isdigit() else 0
    shown = found[start : start + _PAGE]
    buttons = [Button(names[one.id][:40], ActOnCase(code, "file", str(one.id))) for one in shown]
    if start + _PAGE < len(found):
        buttons.append(Button(t("desk_cases.more"), ActOnCase(code, "files", str(start // _PAGE + 1))))
    text = t("desk_cases.files", count=len(found)) if found else t("desk_cases.no_files")
    return [Reply(text, (*buttons, Button(t("desk_cases.back_to_case"), ShowCase(code))))]


def _send_to_web(context: Context, code: str, count: int) -> Reply:
    key = "desk_cases.files_on_web" if context.union.web_url else "desk_cases.files_elsewhere"
    text = t(key, count=count, address=context.union.web_url)
    return Reply(text, (Button(t("desk_cases.back_to_case"), ShowCase(code)),))


def send_file(context: Context, code: str, choice: str) -> list[Reply]:
    """One of them. Raises `Outdated` when it is not one of this case."""
    case, _lines = open_story(context.session, viewer_of(context), code, context.now)
    found = list_handed_in(context, case)
    if choice not in {str(one.id) for one in found}:
        raise Outdated
    if not context.channel.takes_case_files:
        return [_send_to_web(context, code, len(found))]
    file = show_file(context.session, case, int(choice))
    back = (
        Button(t("desk_cases.do_files"), ActOnCase(code, "files")),
        Button(t("desk_cases.back_to_case"), ShowCase(code)),
    )
    return [Reply(t("desk_cases.file", name=file.name), back, (file,))]


def list_handed_in(context: Context, case: Case) -> list[CaseFile]:
    """What came with a message; what the worker has not sent off yet is not the officers'."""
    return [one for one in list_files(context.session, case) if one.event_number is not None]
