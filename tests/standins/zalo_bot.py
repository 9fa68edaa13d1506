"""A stand-in for Zalo's Bot Platform over a real socket, with people to act as and faults to inject.

It is our reading of Zalo's documents (Zalo itself offers nothing to test against), kept honest by two client libraries
of others that must understand all it says. What a client asks of it is judged by the documented rules.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web

from .telegram_faults import Fault, Faults
from .zalo_bot_people import JSON, Chats, Events, Message, Person

TOKEN = "1459232241454765289:secret-of-the-stand-in"

_PATH = re.compile(r"/bot([^/]+)/(\w+)")
_LONGEST_TEXT = 2000
_PARAMS = {
    "getMe": set(),
    "getUpdates": {"timeout"},
    "setWebhook": {"url", "secret_token"},
    "deleteWebhook": set(),
    "getWebhookInfo": set(),
    "sendMessage": {"chat_id", "text", "parse_mode", "text_styles"},
    "sendPhoto": {"chat_id", "photo", "caption"},
    "sendSticker": {"chat_id", "sticker"},
    "sendVoice": {"chat_id", "voice_url"},
    "sendChatAction": {"chat_id", "action"},
}
"""Every method and what it takes; their case matters."""


class Refused(Exception):
    """An answer with ``ok`` false."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(description)
        self.code, self.description = code, description


def in_200(code: int, description: str) -> Fault:
    """An error that comes with HTTP 200."""
    return Fault("refuse_in_200", code, description)


def quota() -> Fault:
    """429, which never says how long to wait."""
    return Fault("refuse", 429, "Quota exceeded")


@dataclass
class Call:
    """One request as the stand-in met it; ``status`` is the code answered, 0 while unanswered or cut."""

    method: str
    params: JSON
    at: float
    status: int = 0
    fault: str = ""
    took_effect: bool = False


class ZaloBotStandIn:
    """`async with ZaloBotStandIn() as zalo:` then point a client at `zalo.url`."""

    def __init__(self, token: str = TOKEN) -> None:
        self.token = token
        self.url = ""
        self.faults = Faults()
        self.chats = Chats()
        self.events = Events(self.faults, self._client)
        self.calls: list[Call] = []
        self.files: dict[str, bytes] = {}
        self.violations: list[str] = []
        self.probes: list[int] = []
        self.takes_styles = True
        self._numbers = itertools.count(1)
        self._people: dict[str, Person] = {}
        self._http: aiohttp.ClientSession | None = None
        self._runner: web.ServerRunner | None = None
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._serve), access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        await self.events.close()
        if self._http:
            await self._http.close()
        if self._runner:
            await self._runner.cleanup()

    # For tests

    def person(self, who: str = "6ede9afa66b88fe6d6a9", name: str = "Lan", group: str = "") -> Person:
        """Somebody, alone with the bot or in a group."""
        key = f"{who}@{group}"
        if key not in self._people:
            self._people[key] = Person(self.chats, self.events, who, name, group)
        return self._people[key]

    def done(self, method: str) -> list[Call]:
        """Calls of a method that took effect."""
        return [call for call in self.calls if call.method == method and call.took_effect]

    def assert_sound(self) -> None:
        """Fail if any request broke a rule, whatever was answered to it."""
        assert not self.violations, "requests that break the rules:\n  " + "\n  ".join(self.violations)

    # The server

    def _client(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self._http

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/files/"):
            found = self.files.get(request.path.removeprefix("/files/"))
            return web.Response(status=404) if found is None else web.Response(body=found)
        match = _PATH.fullmatch(request.path)
        if match is None or match[2] not in _PARAMS:
            self.violations.append(f"{request.path.rpartition('/')[2]}: no such method")
            return _answer(404, {"ok": False, "error_code": 404, "description": "Not Found"})
        if match[1] != self.token:
            return _answer(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
        call = Call(match[2], await _params_of(request), time.monotonic())
        self.calls.append(call)
        self.violations += [f"{call.method}: {wrong}" for wrong in _judge(call)]
        return await self._meet(request, call)

    async def _meet(self, request: web.BaseRequest, call: Call) -> web.StreamResponse:
        fault = self.faults.pick(call.method)
        if fault is not None:
            call.fault = fault.kind
            if fault.kind == "drop_before":
                return _cut(request)
            if fault.kind == "html":
                call.status = fault.code
                return web.Response(status=fault.code, text="<h1>502 Bad Gateway</h1>", content_type="text/html")
            if fault.kind in ("refuse", "refuse_in_200"):
                call.status = fault.code
                body = {"ok": False, "error_code": fault.code, "description": fault.description}
                return _answer(200 if fault.kind == "refuse_in_200" else fault.code, body)
        body = await self._carry_out(call)
        if fault is not None and fault.kind == "slow":
            with_patience = asyncio.wait_for(self._closing.wait(), fault.seconds)
            await asyncio.gather(with_patience, return_exceptions=True)
        elif fault is not None and fault.kind == "drop_after":
            call.status = 0
            return _cut(request)
        elif fault is not None and fault.kind == "malformed":
            text = json.dumps(body)
            return web.Response(text=text[: len(text) // 2], content_type="application/json")
        return _answer(call.status, body)

    async def _carry_out(self, call: Call) -> JSON:
        try:
            result = await self._methods()[call.method](call.params)
        except Refused as refused:
            call.status = refused.code
            return {"ok": False, "error_code": refused.code, "description": refused.description}
        call.status, call.took_effect = 200, True
        return {"ok": True} if result is None else {"ok": True, "result": result}

    def _methods(self) -> dict[str, Callable[[JSON], Awaitable[JSON | None]]]:
        return {
            "getMe": self._get_me,
            "getUpdates": self._get_updates,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "getWebhookInfo": self._get_webhook_info,
            "sendMessage": self._send_message,
            "sendPhoto": self._send_photo,
            "sendSticker": self._send_sticker,
            "sendVoice": self._send_sticker,
            "sendChatAction": self._send_action,
        }

    async def _get_me(self, _params: JSON) -> JSON:
        number = self.token.split(":")[0]
        return {"id": number, "account_name": "bot.standin", "account_type": "BASIC", "can_join_groups": False}

    async def _get_updates(self, params: JSON) -> JSON:
        if self.events.webhook is not None:
            raise Refused(400, "Bad Request: webhook is active")
        event = await self.events.poll(float(params.get("timeout") or 30))
        if event is None:
            raise Refused(408, "Request timeout")
        return event

    async def _set_webhook(self, params: JSON) -> JSON:
        url, secret = str(params.get("url", "")), str(params.get("secret_token", ""))
        if not 8 <= len(secret) <= 256 or not url.startswith(("https://", "http://127.0.0.1")):
            raise Refused(400, "Bad Request: invalid webhook")
        probe = await self.events.post(url, None, secret)
        stranger = await self.events.post(url, self.person("probe").event("text", text="x"), "not-" + secret)
        self.probes += [probe, stranger]
        is_good = 200 <= probe < 300 and stranger in (401, 403)
        outcome = {"ok": is_good, "outcome": "verified" if is_good else "failed", "status_code": probe}
        if is_good:
            self.events.webhook, self.events.secret = {"url": url, "updated_at": _now()}, secret
        return {"url": url, "updated_at": _now(), "verification": outcome}

    async def _delete_webhook(self, _params: JSON) -> JSON:
        if self.events.webhook is None:
            raise Refused(404, "Not Found")
        self.events.webhook = None
        return {"url": "", "updated_at": _now()}

    async def _get_webhook_info(self, _params: JSON) -> JSON:
        if self.events.webhook is None:
            raise Refused(404, "Not Found")
        return self.events.webhook

    async def _send_message(self, params: JSON) -> JSON:
        if not self.takes_styles and "text_styles" in params:
            raise Refused(400, "Bad Request: unknown parameter")
        text = params.get("text")
        if not isinstance(text, str) or not 1 <= len(text) <= _LONGEST_TEXT:
            raise Refused(400, "Bad Request: text must be 1 to 2000 characters")
        return self._keep(params, Message(text, tuple(params.get("text_styles") or ())))

    async def _send_photo(self, params: JSON) -> JSON:
        url = str(params.get("photo", ""))
        try:
            async with self._client().get(url) as answer:
                content = await answer.read()
                is_picture = answer.status == 200 and answer.content_type.startswith("image/")
        except (aiohttp.ClientError, ValueError):
            is_picture = False
        if not is_picture:
            raise Refused(400, "Bad Request: photo can not be loaded")
        return self._keep(params, Message(str(params.get("caption", "")), photo=url, picture=content))

    async def _send_sticker(self, params: JSON) -> JSON:
        return self._keep(params, Message(""))

    async def _send_action(self, params: JSON) -> None:
        self._find_chat(params)

    def _find_chat(self, params: JSON) -> str:
        """A bot can only write to who wrote to it."""
        chat_id = params.get("chat_id")
        if chat_id not in self.chats.messages:
            raise Refused(404, "Not Found: chat not found")
        if chat_id in self.chats.blocked:
            raise Refused(403, "Forbidden: user blocked the bot")
        return str(chat_id)

    def _keep(self, params: JSON, message: Message) -> JSON:
        self.chats.keep(self._find_chat(params), message)
        return {"message_id": f"82599fa32f56d00e{next(self._numbers):04x}", "date": _now()}


def _judge(call: Call) -> list[str]:
    """What breaks the documented rules in a request."""
    wrong = [f"takes no {name}" for name in call.params if name not in _PARAMS[call.method]]
    for name in ("text", "caption"):
        if len(str(call.params.get(name, ""))) > _LONGEST_TEXT:
            wrong.append(f"{name} is longer than {_LONGEST_TEXT}")
    if "text_styles" in call.params and "parse_mode" in call.params:
        wrong.append("parse_mode wins over text_styles")
    units = len(str(call.params.get("text", "")).encode("utf-16-le")) // 2
    for style in call.params.get("text_styles") or ():
        if set(style) != {"start", "len", "st"} or not isinstance(style["st"], list):
            wrong.append(f"not a style: {sorted(style)}")
        elif style["start"] < 0 or style["len"] < 1 or style["start"] + style["len"] > units:
            wrong.append("a style outside its text")
    return wrong


async def _params_of(request: web.BaseRequest) -> JSON:
    """Parameters come as query, form, multipart or JSON."""
    params: JSON = dict(request.query)
    if request.content_type == "application/json":
        params |= json.loads(await request.read() or b"{}")
    elif request.content_type == "application/x-www-form-urlencoded":
        params |= dict(parse_qsl((await request.read()).decode()))
    elif request.content_type == "multipart/form-data":
        params |= {name: str(value) for name, value in (await request.post()).items()}
    return params


def _answer(status: int, body: JSON) -> web.Response:
    return web.Response(status=status, text=json.dumps(body), content_type="application/json")


def _cut(request: web.BaseRequest) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response()


def _now() -> int:
    return int(time.time() * 1000)
