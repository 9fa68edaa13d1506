"""What Zalo's pages demand of each request; a request that breaks a rule is refused, and the test is told."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

JSON = dict[str, Any]
Tell = Callable[[str], None]

MEGABYTE = 1024 * 1024
UPLOADS: dict[str, tuple[int, frozenset[str]]] = {
    "image": (MEGABYTE, frozenset({"jpg", "jpeg", "png"})),
    "gif": (5 * MEGABYTE, frozenset({"gif"})),
    "file": (5 * MEGABYTE, frozenset({"pdf", "doc", "docx", "csv"})),
}
BUTTONS = {"oa.open.url", "oa.query.show", "oa.query.hide", "oa.open.phone", "oa.open.sms"}


class Refused(Exception):
    """Zalo answers an error, with HTTP 200."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def check_message(message: JSON, tell: Tell) -> None:
    """A consultation message: composed text of at most 2,000 letters, and one attachment at most."""
    text, attachment = message.get("text"), message.get("attachment")
    if text is None and attachment is None:
        _refuse(tell, -201, "an empty message")
    if text is not None:
        if not text.strip():
            _refuse(tell, -201, "an empty text")
        if len(text) > 2000:
            _refuse(tell, -210, f"a text of {len(text)} letters")
        if unicodedata.normalize("NFC", text) != text:
            tell("a text that is not in NFC")
    if attachment is not None:
        _check_attachment(attachment, tell)


def _check_attachment(attachment: JSON, tell: Tell) -> None:
    payload = attachment["payload"]
    if attachment["type"] == "file":
        if set(payload) != {"token"}:
            _refuse(tell, -201, f"a file named by {set(payload)}")
        return
    if attachment["type"] != "template":
        _refuse(tell, -201, f"an attachment of type {attachment['type']}")
    kind = payload.get("template_type")
    if kind not in (None, "media", "request_user_info"):
        _refuse(tell, -201, f"template_type {kind}")
    if kind == "request_user_info" and not all(
        payload["elements"][0][key] for key in ("title", "subtitle", "image_url")
    ):
        _refuse(tell, -201, "a card without title, subtitle or picture")
    if kind is None and not payload.get("buttons"):
        _refuse(tell, -201, "a template without buttons")
    _check_buttons(payload.get("buttons", []), tell)


def _check_buttons(buttons: list[JSON], tell: Tell) -> None:
    if len(buttons) > 5:
        _refuse(tell, -210, f"{len(buttons)} buttons")
    for button in buttons:
        if button["type"] not in BUTTONS or not 0 < len(button["title"]) <= 100:
            _refuse(tell, -201, f"a button of type {button['type']} with {len(button['title'])} letters")
        payload = button["payload"]
        if button["type"] == "oa.open.url":
            if not payload["url"].startswith("http"):
                _refuse(tell, -201, "a button without an address")
        elif not 0 < len(payload) <= 1000:
            _refuse(tell, -201, "a button without a payload")


def check_upload(kind: str, name: str, content_type: str, size: int, tell: Tell) -> None:
    """Each endpoint takes some kinds of files, up to a size."""
    largest, endings = UPLOADS[kind]
    if size > largest:
        _refuse(tell, -210, f"a {kind} of {size} bytes")
    if name.rsplit(".", 1)[-1].lower() not in endings:
        _refuse(tell, -201, f"a {kind} called {name} ({content_type})")


def check_broadcast(posted: JSON, articles: Collection[str], now: datetime, tell: Tell) -> None:
    """To a target of people, by day, and of articles only."""
    local = now.astimezone(ZoneInfo("Asia/Ho_Chi_Minh"))
    if not 6 <= local.hour < 22:
        raise Refused(-234, "Message cannot be sent at night")
    if "target" not in posted["recipient"]:
        _refuse(tell, -201, "a broadcast without a target")
    payload = posted["message"]["attachment"]["payload"]
    for element in payload["elements"]:
        if element["media_type"] != "article" or element["attachment_id"] not in articles:
            _refuse(tell, -201, "a broadcast of something else than an article")
    if not 0 < len(payload["elements"]) <= 5:
        _refuse(tell, -210, "a broadcast of more than five articles")


def check_template(posted: JSON, by_phone: bool, known: Mapping[str, JSON], tell: Tell) -> None:
    """An approved template with every value it demands, and a tracking id of ours."""
    template = known.get(posted["template_id"])
    if template is None or template["status"] != "ENABLE":
        raise Refused(-117, "OA or App has no permission to use this template")
    missing = [
        one["name"] for one in template["listParams"] if one["require"] and not posted["template_data"].get(one["name"])
    ]
    if missing:
        _refuse(tell, -1322, f"a template without {missing}")
    if by_phone and (not posted["phone"].startswith("84") or not posted["phone"].isdigit()):
        _refuse(tell, -108, "a telephone number in another form than 84…")
    if not by_phone and not posted["user_id"]:
        _refuse(tell, -201, "a template to nobody")
    if not posted.get("tracking_id") or len(posted["tracking_id"]) > 48:
        _refuse(tell, -201, "a template without a tracking id")


def _refuse(tell: Tell, code: int, what: str) -> None:
    tell(what)
    raise Refused(code, what)
