"""Judge a request by rules this project did not write: aiogram's method types and teremok's validator."""

from __future__ import annotations

from functools import cache
from typing import Any

from aiogram import Bot, methods
from pydantic import ValidationError
from teremok.validation import ApiRuleViolation, validate_html, validate_method

from .telegram_entities import JSON, Refused, parse


@cache
def _judges() -> tuple[Bot, dict[str, Any]]:
    kinds = [getattr(methods, name) for name in methods.__all__]
    known = {kind.__api_method__: kind for kind in kinds if isinstance(getattr(kind, "__api_method__", None), str)}
    return Bot("1:nobody-is-called-with-this-token"), known


def validate(method: str, params: JSON) -> list[str]:
    """Everything wrong with a request, empty when it is sound; `params` as decoded from its body."""
    bot, known = _judges()
    if (kind := known.get(method)) is None:
        return [f"{method}: not a method of the Bot API"]
    try:
        call = kind.model_validate(params)
    except ValidationError as error:
        return [f"{method}: {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
    problems = [f"{method}: unknown parameter {name}" for name in (call.model_extra or {})]
    try:
        validate_method(bot, _as_read(call, params))
    except (ApiRuleViolation, Refused) as broken:
        problems.append(f"{method}: {broken.description}")
    return problems


def _as_read(call: Any, params: JSON) -> Any:
    """The call with its HTML judged and parsed: teremok would measure the markup, Telegram measures the text."""
    body = "text" if "text" in params else "caption"
    if body not in params or str(params.get("parse_mode", "")).lower() != "html":
        return call
    validate_html(str(params[body]))
    plain, _ = parse(str(params[body]), "HTML", None)
    return call.model_copy(update={body: plain, "parse_mode": None})
