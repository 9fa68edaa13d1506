"""What an officer has written and not sent: kept in the open conversation, sealed with the key of the case it is about,
so that erasing the case erases this too. It ends when another case comes on the screen."""

import json

from db.case_keys import case_keys_of_session
from db.codes import show_code
from db.models import Case
from handlers.access import NotAllowed
from handlers.actions import ActOnCase, ShowCase
from handlers.cases.desk_seat import NAME, held, viewer_of
from handlers.cases.service import get_case
from handlers.chat import Button, Reply
from handlers.feature import Context, Draft
from knowledge.texts import t

_PLACE = "conversations.draft.officer"
_KEPT = "sealed"


def read_parts(context: Context, draft: Draft) -> list[str]:
    """The parts written so far, in order. Raises `NotAllowed` or `Outdated` when the officer no longer has the case."""
    return _open_parts(context, held(context, draft["code"]), draft) if _KEPT in draft else []


def _open_parts(context: Context, case: Case, draft: Draft) -> list[str]:
    cipher = case_keys_of_session(context.session).cipher(case.key_id)
    parts: list[str] = json.loads(cipher.open_text(draft[_KEPT], _PLACE))
    return parts


def keep_parts(context: Context, draft: Draft, parts: list[str]) -> Draft:
    """The draft with these parts in place of what it held."""
    rest = {key: value for key, value in draft.items() if key != _KEPT}
    if not parts:
        return rest
    cipher = case_keys_of_session(context.session).cipher(held(context, draft["code"]).key_id)
    return rest | {_KEPT: cipher.seal_text(json.dumps(parts, ensure_ascii=False), _PLACE)}


def stop_other(context: Context, code: str) -> list[Reply]:
    """A case comes on the screen: a step that is open for another one ends, for what is typed from now on is not meant
    for that one's worker. Says so, and gives back what was written to whoever wrote it, to be copied."""
    conversation, draft = context.conversation, dict(context.conversation.draft or {})
    other = draft.get("code", code)
    if conversation.feature != NAME or other == code:
        return []
    context.close_conversation()
    try:
        viewer = viewer_of(context)
        case = get_case(context.session, viewer, other, context.now)  # not locked: the one that comes will be
    except NotAllowed:
        return []
    if case.holder_id != viewer.person_id:
        return []
    words = "\n\n".join(_open_parts(context, case, draft)) if _KEPT in draft else ""
    shown = show_code(other)
    text = t("desk_cases.stopped_writing", code=shown, text=words) if words else t("desk_cases.stopped", code=shown)
    back = ActOnCase(other, draft["what"]) if "what" in draft else ShowCase(other)
    return [Reply(text, (Button(t("desk_cases.go_on_there"), back),))]
