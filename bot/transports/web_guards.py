"""What stands around every answer of the web server: protective headers, and a limit to what it reads."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_MAX_BODY_BYTES = 64 * 1024
_MAX_WEBHOOK_BYTES = 1024 * 1024
"""A platform gathers into one post what a page sends in many, and repeats for hours what it was refused."""

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_CACHED = "no-cache"
_NOT_CACHED = "no-store"
"""Phones are shared: a talk must not stay in the browser's cache. Styles and script are kept but asked for again."""


class SecurityHeaders:
    """Puts the same protective headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        caching = _CACHED if scope.get("path", "").startswith("/static/") else _NOT_CACHED
        headers = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
        headers.append((b"cache-control", caching.encode()))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        await self._app(scope, receive, send_with_headers)


@dataclass(frozen=True)
class Bound:
    """The largest body at a path, and what is said of a larger one."""

    most_bytes: int
    refusal: str


class BodyLimit:
    """Refuses bodies larger than any message of the page can be, announced or not; at ``webhooks``, of a platform.
    ``bounds`` are those of single paths."""

    def __init__(
        self, app: ASGIApp, refusal: str, webhooks: Collection[str] = (), bounds: Mapping[str, Bound] | None = None
    ) -> None:
        self._app = app
        self._page = Bound(_MAX_BODY_BYTES, refusal)
        self._bounds = {path: Bound(_MAX_WEBHOOK_BYTES, refusal) for path in webhooks} | dict(bounds or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        bound = self._bounds.get(scope["path"], self._page)
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > bound.most_bytes:
            return await JSONResponse({"problem": bound.refusal}, status_code=413)(scope, receive, send)
        seen = 0

        async def receive_limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > bound.most_bytes:
                raise HTTPException(413, bound.refusal)
            return message

        return await self._app(scope, receive_limited, send)
