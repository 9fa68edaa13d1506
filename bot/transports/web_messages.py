"""How a reply is drawn for the web page: pieces of text with marks, never markup, so that the page trusts nothing."""

from typing import Any

from bot.transports.formatting import parse
from handlers.chat import StoredReply

TEXT_LIMIT = 4000

_SHOWN = ("image/png", "image/jpeg")
"""Files the browser may show by itself; anything else is only ever downloaded."""


def is_shown(media_type: str) -> bool:
    """Whether the page shows such a file as a picture."""
    return media_type in _SHOWN


def draw(reply: StoredReply, line_id: int) -> dict[str, Any]:
    """The spans, buttons and files of a message; ``line_id`` is that of its ledger line."""
    spans = [
        {"text": span.text} | ({"bold": True} if span.bold else {}) | ({"link": span.link} if span.link else {})
        for span in parse(reply.text)
    ]
    buttons = [
        {"label": button.label, "action": button.action, "url": button.url}
        for button in reply.buttons
        if not button.shares_contact
    ]
    files = [
        {"name": file.name, "url": f"/api/files/{line_id}/{number}", "is_picture": is_shown(file.media_type)}
        for number, file in enumerate(reply.files)
    ]
    return {"spans": spans, "buttons": buttons, "files": files}
