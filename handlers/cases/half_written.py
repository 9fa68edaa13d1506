"""What an officer has written and not sent: kept in the open conversation, sealed with the key of the case it is about,
so that erasing the case erases this too."""

import base64
import json

from db.case_keys import case_keys_of_session
from handlers.cases.desk_seat import held
from handlers.feature import Context, Draft

_PLACE = "conversations.draft.officer"
_KEPT = "sealed"


def read_parts(context: Context, draft: Draft) -> list[str]:
    """The parts written so far, in order. Raises `NotAllowed` or `Outdated` when the officer no longer has the case."""
    if _KEPT not in draft:
        return []
    cipher = case_keys_of_session(context.session).cipher(held(context, draft["code"]).key_id)
    parts: list[str] = json.loads(cipher.open(base64.b64decode(draft[_KEPT]), _PLACE))
    return parts


def keep_parts(context: Context, draft: Draft, parts: list[str]) -> Draft:
    """The draft with these parts in place of what it held."""
    rest = {key: value for key, value in draft.items() if key != _KEPT}
    if not parts:
        return rest
    cipher = case_keys_of_session(context.session).cipher(held(context, draft["code"]).key_id)
    sealed = cipher.seal(json.dumps(parts, ensure_ascii=False).encode(), _PLACE)
    return rest | {_KEPT: base64.b64encode(sealed).decode()}
