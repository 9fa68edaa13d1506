"""What stands around every answer of the web server: protective headers, and a limit to what it reads."""

from collections.abc import Collection

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


class BodyLimit:
    """Refuses bodies larger than any message of the page can be, announced or not; at ``webhooks``, of a platform."""

    def __init__(self, app: ASGIApp, refusal: str, webhooks: Collection[str] = ()) -> None:
        self._app = app
        self._refusal = refusal
        self._webhooks = webhooks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        limit = _MAX_WEBHOOK_BYTES if scope["path"] in self._webhooks else _MAX_BODY_BYTES
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > limit:
            return await JSONResponse({"problem": self._refusal}, status_code=413)(scope, receive, send)
        seen = 0

        async def receive_limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise HTTPException(413, self._refusal)
            return message

        return await self._app(scope, receive_limited, send)
