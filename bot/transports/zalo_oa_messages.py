"""A reply drawn as the messages an Official Account sends: text, buttons or a numbered list, files, a contact card."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.transports.formatting import escape, split, to_plain, with_buttons
from bot.transports.zalo_oa_events import PRESSED
from handlers.chat import File, StoredButton, StoredReply
from knowledge.texts import t

JSON = dict[str, Any]

TEXT_LIMIT = 2000
MOST_BUTTONS = 5
LONGEST_TITLE = 100

_MEGABYTE = 1024 * 1024
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_UPLOADS = {
    "image/jpeg": ("image", _MEGABYTE),
    "image/png": ("image", _MEGABYTE),
    "image/gif": ("gif", 5 * _MEGABYTE),
    "application/pdf": ("file", 5 * _MEGABYTE),
    "application/msword": ("file", 5 * _MEGABYTE),
    _WORD: ("file", 5 * _MEGABYTE),
    "text/csv": ("file", 5 * _MEGABYTE),
}
"""What can be uploaded: which endpoint takes it, and how large it may be. One copy of Zalo's page names CSV."""


@dataclass(frozen=True)
class Draft:
    """A message before it is sent; ``file`` is uploaded first, and what names it there goes into ``body``."""

    body: JSON
    file: File | None = None
    is_text: bool = False


def measure(text: str) -> int:
    """The length of a text in composed letters; UTF-16 units, since nothing says that Zalo counts fewer."""
    return len(_compose(text).encode("utf-16-le")) // 2


def upload_kind(file: File) -> str | None:
    """The endpoint that takes a file; None when none does, for its type or its size."""
    kind, largest = _UPLOADS.get(file.media_type, (None, 0))
    return kind if len(file.content) <= largest else None


def draw(reply: StoredReply, card_image_url: str, is_numbered: bool = False) -> list[Draft]:
    """The messages of a reply in the order they are sent: files, then the text with its buttons, then the card that
    asks for a telephone number. ``is_numbered`` draws the buttons as a list however few they are."""
    files = [Draft({}, file) for file in reply.files if upload_kind(file)]
    buttons = [button for button in reply.buttons if not button.shares_contact]
    native = [] if is_numbered or not _fit(buttons) else buttons
    texts = [Draft({"text": part}, is_text=True) for part in _write(reply, () if native else buttons)]
    if native and texts:
        texts[-1] = Draft(texts[-1].body | {"attachment": _template({"buttons": _draw_buttons(native)})}, is_text=True)
    asks = [button for button in reply.buttons if button.shares_contact and card_image_url]
    return [*files, *texts, *(_draw_card(button, card_image_url) for button in asks)]


def with_upload(draft: Draft, named: str) -> JSON:
    """The body of a draft whose file was uploaded."""
    assert draft.file is not None  # noqa: S101  # only drafts with a file are uploaded
    kind = upload_kind(draft.file)
    if kind == "file":
        return {"attachment": {"type": "file", "payload": {"token": named}}}
    element = {"media_type": kind, "attachment_id": named}
    return {"attachment": _template({"template_type": "media", "elements": [element]})}


def _write(reply: StoredReply, listed: Sequence[StoredButton]) -> list[str]:
    """The text with what cannot be drawn written below it: files that Zalo does not take, and buttons as a list. Cut
    once more, should that have made it too long."""
    missing = [t("files.nowhere", name=file.name) for file in reply.files if not upload_kind(file)]
    text = "\n\n".join([to_plain(reply.text), *missing])
    whole = with_buttons(text, replace(reply, buttons=tuple(listed)))
    return [_compose(to_plain(part)) for part in split(escape(whole), TEXT_LIMIT, measure)]


def _fit(buttons: Sequence[StoredButton]) -> bool:
    return 0 < len(buttons) <= MOST_BUTTONS and all(measure(button.label) <= LONGEST_TITLE for button in buttons)


def _draw_buttons(buttons: Sequence[StoredButton]) -> list[JSON]:
    return [
        {"title": _compose(button.label), "type": "oa.open.url", "payload": {"url": button.url}}
        if button.url
        else {"title": _compose(button.label), "type": "oa.query.hide", "payload": f"{PRESSED}{button.action}"}
        for button in buttons
    ]


def _draw_card(button: StoredButton, image_url: str) -> Draft:
    element = {"title": _compose(button.label), "subtitle": t("zalo_oa.card"), "image_url": image_url}
    return Draft({"attachment": _template({"template_type": "request_user_info", "elements": [element]})})


def _template(payload: JSON) -> JSON:
    return {"type": "template", "payload": payload}


def _compose(text: str) -> str:
    return unicodedata.normalize("NFC", text)
