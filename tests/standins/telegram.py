"""A stand-in Telegram Bot API server over a real socket, with people to act as and faults to inject.

Nothing that passes against it is proved against Telegram: it is our reading of the Bot API, kept honest by two client
libraries that must parse all it says and by a validator that judges all it is asked.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from aiohttp import web

from .telegram_entities import JSON, Refused, bad_request
from .telegram_faults import DOWNLOAD, Fault, Faults, FloodGate, Limits
from .telegram_methods import METHODS, not_found
from .telegram_params import params_of
from .telegram_people import Bot
from .telegram_updates import UpdateQueue

TOKEN = "1000001:members-bot-of-the-stand-in-00000000"
DESK_TOKEN = "1000002:officers-bot-of-the-stand-in-0000000"

_PATH = re.compile(r"/(file/)?bot([^/]+)/(.+)")
_TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]{20,}")


@dataclass(slots=True)
class Call:
    """One request as the stand-in met it; `status` is the code answered, 0 while unanswered or dropped."""

    bot: Bot
    method: str
    params: JSON
    at: float
    status: int = 0
    description: str = ""
    fault: str = ""
    took_effect: bool = False
    result: Any = None


class TelegramStandIn:
    """`async with TelegramStandIn() as server:` then point a client at `server.url`.

    `fast` skips the outside validator, for benchmarks. `limits` enforces Telegram's flood limits.
    """

    def __init__(
        self,
        *tokens: str,
        fast: bool = False,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.faults = Faults()
        self.limits = limits or Limits()
        self.log: list[Call] = []
        self.downloads: list[str] = []
        self.violations: list[str] = []
        self.url = ""
        self._fast, self._clock = fast, clock
        self._bots: dict[str, Bot] = {}
        self._closing = asyncio.Event()
        self._http: aiohttp.ClientSession | None = None
        self._runner: web.ServerRunner | None = None
        for token in tokens or (TOKEN, DESK_TOKEN):
            self.add_bot(token)

    async def __aenter__(self) -> Self:
        if not self._fast:
            from . import telegram_rules  # noqa: F401 - before the first call, which would otherwise wait for it
        self._runner = web.ServerRunner(web.Server(self._serve), access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        for bot in self._bots.values():
            await bot.updates.close()
        if self._http:
            await self._http.close()
        if self._runner:
            await self._runner.cleanup()

    # For tests

    def add_bot(self, token: str, username: str = "") -> Bot:
        queue = UpdateQueue(self.faults, self._client, self.violations.append)
        number = token.partition(":")[0]
        self._bots[token] = Bot(token, username or f"standin_{number}_bot", queue, FloodGate(self.limits, self._clock))
        return self._bots[token]

    def bot(self, token: str = "") -> Bot:
        """The state of one bot; the first one without a token."""
        return self._bots[token] if token else next(iter(self._bots.values()))

    def calls(self, method: str = "", **params: Any) -> list[Call]:
        """Calls that took effect, oldest first, of this method and with these parameters."""
        return list(self._matching(method, params))

    def assert_sound(self) -> None:
        """Fail if any request broke a rule of the Bot API, whatever the stand-in answered to it."""
        assert not self.violations, "requests that break the Bot API's rules:\n  " + "\n  ".join(self.violations)

    def _matching(self, method: str, params: JSON) -> Iterator[Call]:
        for call in self.log:
            if not call.took_effect or method not in ("", call.method):
                continue
            if all(call.params.get(key) == value for key, value in params.items()):
                yield call

    # The server

    def _client(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self._http

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            match = _PATH.fullmatch(request.path)
            if not match or not _TOKEN.fullmatch(match[2]):
                raise not_found()
            bot = self._bots.get(match[2])
            if bot is None:
                raise Refused(401, "Unauthorized")
            if match[1]:
                return await self._download(request, bot, match[3])
            name, _ = METHODS.get(match[3].lower(), ("", None))
            if not name:
                self.violations.append(f"{match[3]}: a method the stand-in does not know")
                raise Refused(404, "Not Found: method not found")
            params = await params_of(request)
        except Refused as refusal:
            return _refusal(refusal)
        call = Call(bot, name, params, self._clock())
        self.log.append(call)
        return await self._meet(request, call)

    async def _meet(self, request: web.BaseRequest, call: Call) -> web.StreamResponse:
        """Judge the call, let its fault happen, carry it out."""
        if not self._fast:
            self._judge(call)
        fault = self.faults.pick(call.method)
        if fault:
            call.fault = fault.kind
            if fault.kind == "drop_before":
                return _dropped(request)
            if fault.kind == "html":
                call.status = fault.code
                page = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
                return web.Response(status=fault.code, text=page, content_type="text/html")
        answer = await self._carry_out(call, fault)
        if fault and fault.kind == "slow":
            await self._pause(fault.seconds)
        elif fault and fault.kind == "drop_after":
            call.status = 0
            return _dropped(request)
        elif fault and fault.kind == "malformed":
            return web.Response(body=answer[: max(len(answer) // 2, 1)], content_type="application/json")
        return web.Response(status=call.status, body=answer, content_type="application/json")

    async def _carry_out(self, call: Call, fault: Fault | None) -> bytes:
        try:
            if call.method != "getUpdates":  # a bot told to wait before sending may go on receiving
                call.bot.gate.check_wait()
            if fault and fault.kind == "refuse":
                parameters = dict(fault.parameters)
                call.bot.gate.block(parameters.get("retry_after", 0))
                raise Refused(fault.code, fault.description, **parameters)
            result = METHODS[call.method.lower()][1](call.bot, call.params)
            if call.method == "getUpdates":
                result = await result
        except Refused as refusal:
            return _answer_refusal(call, refusal)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # A parameter of a shape the method did not expect: Telegram refuses it, and the test should know.
            self.violations.append(f"{call.method}: malformed parameters ({type(error).__name__}: {error})")
            return _answer_refusal(call, bad_request("can't parse parameters"))
        call.status, call.took_effect, call.result = 200, True, result
        return json.dumps({"ok": True, "result": result}, ensure_ascii=False).encode()

    def _judge(self, call: Call) -> None:
        from .telegram_rules import validate  # only when judging: it builds a whole client library

        self.violations += validate(call.method, {key: v for key, v in call.params.items() if key != "_files"})

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return

    async def _download(self, request: web.BaseRequest, bot: Bot, path: str) -> web.StreamResponse:
        """A file by the path that `getFile` gave; faults are filed under "download"."""
        self.downloads.append(path)
        fault = self.faults.pick(DOWNLOAD)
        if fault and fault.kind == "slow":
            await self._pause(fault.seconds)
        elif fault and fault.kind in ("drop_before", "drop_after"):
            return _dropped(request)
        elif fault:
            return web.Response(status=fault.code or 502, text="<h1>Bad Gateway</h1>", content_type="text/html")
        content = bot.files.get(path.removeprefix("files/"))
        if content is None:
            raise not_found()
        return web.Response(body=content, content_type="application/octet-stream")


def _answer_refusal(call: Call, refusal: Refused) -> bytes:
    call.status, call.description = refusal.code, refusal.description
    return _refusal_body(refusal)


def _refusal_body(refusal: Refused) -> bytes:
    body: JSON = {"ok": False, "error_code": refusal.code, "description": refusal.description}
    if refusal.parameters:
        body["parameters"] = refusal.parameters
    return json.dumps(body).encode()


def _refusal(refusal: Refused) -> web.Response:
    return web.Response(status=refusal.code, body=_refusal_body(refusal), content_type="application/json")


def _dropped(request: web.BaseRequest) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response()
