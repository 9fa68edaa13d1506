"""Structured logs: ids only, and no secret even when a library prints one."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_NOISY = ("aiogram", "aiohttp", "httpx", "httpcore", "telegram", "apscheduler", "uvicorn", "alembic", "PIL")
"""Libraries that log addresses of requests (a bot token is part of Telegram's), every event, or what a picture says of
where and when it was taken."""


def set_up_logs(level: str, secrets: tuple[str, ...]) -> None:
    """One JSON line per event on standard error; every secret is cut out of it, whoever wrote it."""
    hide = _Hider(secrets)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            hide.in_event,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_HidingFormatter(hide))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


class _Hider:
    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._secrets = secrets

    def hide(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "[hidden]")
        return text

    def in_event(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for name, value in event.items():
            if isinstance(value, str):
                event[name] = self.hide(value)
        return event


class _HidingFormatter(logging.Formatter):
    """Libraries' own lines: level, logger, message; of an exception only its kind, for its text may quote people."""

    def __init__(self, hide: _Hider) -> None:
        super().__init__('{"level": "%(levelname)s", "logger": "%(name)s", "event": "%(message)s"}')
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
        record.msg = self._hide.hide(record.getMessage()).replace('"', "'").replace("\n", " ")
        record.args = ()
        record.exc_text = None
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        record.exc_info = None
        if kind:
            record.msg += f" ({kind})"
        return super().format(record)
