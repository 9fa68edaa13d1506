"""Decode a call's query, JSON, form or multipart body into parameters of the right types."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

from aiohttp import web

from .telegram_entities import JSON, bad_request

_INTEGERS = frozenset(
    {
        "chat_id",
        "from_chat_id",
        "message_id",
        "message_thread_id",
        "reply_to_message_id",
        "offset",
        "limit",
        "timeout",
        "max_connections",
        "duration",
        "width",
        "height",
        "icon_color",
        "cache_time",
    }
)
_OBJECTS = frozenset(
    {
        "reply_markup",
        "entities",
        "caption_entities",
        "reply_parameters",
        "link_preview_options",
        "allowed_updates",
        "commands",
        "scope",
    }
)
_TRUTHS = frozenset(
    {
        "disable_notification",
        "protect_content",
        "drop_pending_updates",
        "show_alert",
        "has_spoiler",
        "disable_content_type_detection",
        "show_caption_above_media",
        "allow_paid_broadcast",
    }
)


async def params_of(request: web.BaseRequest) -> JSON:
    """The parameters of a call, from its query and its JSON, form or multipart body, in their own types."""
    params: JSON = dict(request.query) if request.query_string else {}
    kind = request.content_type
    if kind == "application/json":
        try:
            params.update(json.loads(await request.read() or b"{}"))
        except ValueError:
            raise bad_request("can't parse JSON object") from None
    elif kind == "multipart/form-data":
        files: dict[str, tuple[str, bytes]] = {}
        for key, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                files[key] = (value.filename, value.file.read())
            else:
                params[key] = value if isinstance(value, str) else bytes(value).decode()
        referred = {value for value in params.values() if isinstance(value, str) and value.startswith("attach://")}
        params |= {key: f"attach://{key}" for key in files if f"attach://{key}" not in referred}
        params["_files"] = files
    else:
        params.update(parse_qsl((await request.read()).decode(), keep_blank_values=True))
    return typed(params)


def typed(params: JSON) -> JSON:
    """Give each parameter its own type, in place; one that is not what its name says stays as it came."""
    for key, value in params.items():
        if not isinstance(value, str):
            continue
        try:
            if key in _INTEGERS:
                params[key] = int(value)
            elif key in _OBJECTS:
                params[key] = json.loads(value)
        except ValueError:
            if key in _OBJECTS:
                raise bad_request(f"can't parse {key} JSON object") from None
        if key in _TRUTHS:
            params[key] = value.lower() in {"true", "yes", "1"}
    return params
