"""A stand-in for Zalo's Official Account platform over a real socket, with people to act as and faults to inject.

OAuth, OpenAPI and the business API answer at one address. Nothing that passes against it is proved against Zalo, which
offers no sandbox: it is our reading of copies of Zalo's pages, strict about every rule they state.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import itertools
import json
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from .telegram_faults import Fault, Faults
from .zalo_oa_rules import JSON, Refused, check_broadcast, check_message, check_template, check_upload

APP_ID = "1234567890123456789"
APP_SECRET = "app-secret-of-the-stand-in"
OA_ID = "4318657068771012646"
OA_SECRET = "oa-secret-of-the-stand-in"
ACCESS_LIFETIME = timedelta(hours=25)
REFRESH_LIFETIME = timedelta(days=90)
INVALID_REFRESH = -14014
OPEN_FOR = timedelta(days=7)


@dataclass
class Person:
    """What Zalo knows of somebody and our account."""

    user_id: str
    interacted_at: datetime | None = None
    is_following: bool = False
    refusal: int = 0
    """The code every message to them meets, such as -217 for somebody who blocked the account."""


@dataclass
class Sent:
    """A message that reached a person."""

    message_id: str
    user_id: str
    body: JSON
    at: datetime

    @property
    def text(self) -> str:
        return str(self.body.get("text", ""))

    @property
    def buttons(self) -> list[JSON]:
        payload = self.body.get("attachment", {}).get("payload", {})
        return list(payload.get("buttons", []))

    @property
    def kind(self) -> str:
        """text, image, gif, file or request_user_info."""
        attachment = self.body.get("attachment", {})
        if attachment.get("type") == "file":
            return "file"
        payload = attachment.get("payload", {})
        kind = payload.get("template_type", "text")
        return str(payload["elements"][0]["media_type"]) if kind == "media" else str(kind)


@dataclass
class Post:
    """An event as it was posted to the bot, and what the bot answered; 0 while or when it answered nothing."""

    event: JSON
    retries: int
    status: int = 0
    seconds: float = 0.0


@dataclass
class Console:
    """What an operator sets in Zalo's console for the app."""

    challenge: str = ""
    callback_url: str = ""
    webhook_url: str = ""


@dataclass
class Upload:
    """A file on Zalo's servers."""

    kind: str
    name: str
    content: bytes
    at: datetime


@dataclass
class Templates:
    """ZBS templates that were approved, and what was sent of them."""

    known: dict[str, JSON] = field(default_factory=dict)
    sent: list[JSON] = field(default_factory=list)


class ZaloOaStandIn:
    """`async with ZaloOaStandIn() as zalo:` then point a client at `zalo.url` for all three addresses."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.clock = clock
        self.url = ""
        self.faults = Faults()
        self.console = Console()
        self.violations: list[str] = []
        self.calls: Counter[str] = Counter()
        self.people: dict[str, Person] = {}
        self.sent: list[Sent] = []
        self.posts: list[Post] = []
        self.uploads: dict[str, Upload] = {}
        self.files: dict[str, bytes] = {}
        self.articles: dict[str, JSON] = {}
        self.broadcasts: list[JSON] = []
        self.templates = Templates()
        self.signs_with = APP_ID
        self.retry_seconds: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4, 0.8)
        self.takes_buttons = True
        self.confirms = False
        """Whether each message is followed by the events that it was received and seen."""
        self._codes: dict[str, str] = {}
        self._access: dict[str, datetime] = {}
        self._refresh: dict[str, datetime] = {}
        self._burned: set[str] = set()
        self._pending: dict[str, int] = {}
        self._numbers = itertools.count(1)
        self._closing = asyncio.Event()
        self._posting: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=20 * 1024 * 1024)
        app.router.add_get("/v4/oa/permission", self._permit)
        app.router.add_get("/files/{name}", self._download)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        for task in self._posting:
            task.cancel()
        if self._http:
            await self._http.close()
        if self._runner:
            await self._runner.cleanup()

    # For tests

    def issue(self) -> tuple[str, str]:
        """Tokens as a consent would give them: (access, refresh)."""
        access, refresh = (f"{kind}-{secrets.token_urlsafe(24)}" for kind in ("access", "refresh"))
        self._access[access] = self.clock() + ACCESS_LIFETIME
        self._refresh[refresh] = self.clock() + REFRESH_LIFETIME
        return access, refresh

    def end_access(self) -> None:
        """Every access token given out so far is no longer taken."""
        self._access.clear()

    def burn_refresh(self) -> None:
        """Every refresh token given out so far counts as used."""
        self._burned |= set(self._refresh)
        self._refresh.clear()

    def person(self, user_id: str) -> Person:
        """Somebody on Zalo."""
        return self.people.setdefault(user_id, Person(user_id))

    def assert_sound(self) -> None:
        """Fail if any request broke a rule of Zalo's pages, whatever the stand-in answered to it."""
        assert not self.violations, "requests that break Zalo's rules:\n  " + "\n  ".join(self.violations)

    # Events out

    def sign(self, body: bytes, timestamp: str) -> str:
        """The signature of a post."""
        signed = self.signs_with.encode() + body + timestamp.encode() + OA_SECRET.encode()
        return f"mac={hashlib.sha256(signed).hexdigest()}"

    def new_event(self, event_name: str, **content: Any) -> JSON:
        """An event of this moment."""
        moment = str(int(self.clock().timestamp() * 1000))
        return {"app_id": APP_ID, "event_name": event_name, "timestamp": moment, **content}

    def new_id(self) -> str:
        """An id as Zalo makes them for messages."""
        return f"{next(self._numbers):08x}{secrets.token_hex(6)}"

    async def post(self, event: JSON, retries: int = 0) -> Post:
        """Post an event once, signed; returns what came of it."""
        post = Post(event, retries)
        self.posts.append(post)
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        signature = self.sign(body, str(event["timestamp"]))
        headers = {"Content-Type": "application/json", "X-ZEvent-Signature": signature}
        if retries:
            headers["num_retry"] = str(retries)
        began = asyncio.get_running_loop().time()
        try:
            async with self._client().post(self.console.webhook_url, data=body, headers=headers) as response:
                post.status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            post.status = 0
        post.seconds = asyncio.get_running_loop().time() - began
        return post

    async def deliver(self, event: JSON) -> None:
        """Post an event, and again in the background until it is taken or Zalo would give up."""
        fault = self.faults.pick("update")
        if fault and fault.kind == "out_of_order":
            self._spawn(self._post_until_taken(event, first_wait=0.2))
            return
        if (await self.post(event)).status != 200:
            self._spawn(self._post_until_taken(event, number=1))
        if fault and fault.kind == "duplicate":
            await self.post(event, retries=1)

    async def settled(self) -> None:
        """Wait until nothing is left to be posted."""
        while self._posting:
            await asyncio.wait(set(self._posting))

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._posting.add(task)
        task.add_done_callback(self._posting.discard)

    async def _post_until_taken(self, event: JSON, number: int = 0, first_wait: float = 0.0) -> None:
        await asyncio.sleep(first_wait)
        while number <= len(self.retry_seconds):
            if number:
                await asyncio.sleep(self.retry_seconds[number - 1])
            if (await self.post(event, number)).status == 200:
                return
            number += 1

    def _client(self) -> aiohttp.ClientSession:
        if self._http is None:
            timeout = aiohttp.ClientTimeout(total=2.0)
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout)
        return self._http

    # Consent

    async def _permit(self, request: web.Request) -> web.Response:
        """The administrator presses Allow at once."""
        query = request.query
        if (query.get("app_id"), query.get("redirect_uri")) != (APP_ID, self.console.callback_url):
            return web.Response(status=400, text="Invalid redirect uri")
        code = secrets.token_urlsafe(16)
        self._codes[code] = self.console.challenge  # what stands in the console counts, whatever the address says
        back = urlencode({"oa_id": OA_ID, "code": code, "state": query.get("state", "")})
        raise web.HTTPFound(f"{self.console.callback_url}?{back}")

    async def _download(self, request: web.Request) -> web.Response:
        content = self.files.get(request.match_info["name"])
        return web.Response(status=404) if content is None else web.Response(body=content)

    # Calls

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        name, work = self._find(request)
        if work is None:
            self.violations.append(f"{request.method} {request.path}: no such call")
            return web.json_response({"error": -240, "message": "API has been shut down"})
        self.calls[name] += 1
        fault = self.faults.pick(name)
        if fault and fault.kind == "drop_before":
            return _dropped(request)
        if fault and fault.kind == "html":
            return web.Response(status=fault.code, text="<html>502 Bad Gateway</html>", content_type="text/html")
        if fault and fault.kind == "refuse":
            await asyncio.sleep(fault.seconds)
            status = 429 if fault.code == 429 else 200
            return web.json_response({"error": fault.code, "message": fault.description}, status=status)
        answer = await self._carry_out(request, work)
        return await self._answer(request, answer, fault)

    async def _answer(self, request: web.Request, answer: JSON, fault: Fault | None) -> web.StreamResponse:
        body = json.dumps(answer, ensure_ascii=False).encode()
        if fault and fault.kind == "slow":
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), fault.seconds)
        elif fault and fault.kind == "drop_after":
            return _dropped(request)
        elif fault and fault.kind == "malformed":
            body = body[: len(body) // 2]
        return web.Response(body=body, content_type="application/json")

    async def _carry_out(self, request: web.Request, work: Callable[..., Any]) -> JSON:
        try:
            data = await work(request)
        except Refused as refusal:
            return {"error": refusal.code, "message": refusal.message}
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            self.violations.append(f"{request.path}: malformed request ({type(error).__name__}: {error})")
            return {"error": -201, "message": "data is invalid!"}
        return data if "access_token" in data else {"data": data, "error": 0, "message": "Success"}

    def _find(self, request: web.Request) -> tuple[str, Callable[..., Any] | None]:
        calls: dict[tuple[str, str], tuple[str, Callable[..., Any]]] = {
            ("POST", "/v4/oa/access_token"): ("token", self._give_tokens),
            ("POST", "/v3.0/oa/message/cs"): ("cs", self._send),
            ("POST", "/v2.0/oa/upload/image"): ("upload", self._upload),
            ("POST", "/v2.0/oa/upload/gif"): ("upload", self._upload),
            ("POST", "/v2.0/oa/upload/file"): ("upload", self._upload),
            ("POST", "/v2.0/article/create"): ("article", self._create_article),
            ("POST", "/v2.0/article/verify"): ("verify", self._verify_article),
            ("POST", "/v2.0/oa/message"): ("broadcast", self._broadcast),
            ("POST", "/v3.0/oa/message/template"): ("template", self._send_template),
            ("POST", "/message/template"): ("template_phone", self._send_template),
            ("GET", "/template/info/v2"): ("template_info", self._describe_template),
        }
        return calls.get((request.method, request.path), ("", None))

    async def _give_tokens(self, request: web.Request) -> JSON:
        form = await request.post()
        if request.headers.get("secret_key") != APP_SECRET or form.get("app_id") != APP_ID or request.query:
            self.violations.append("access_token: wrong app, secret not in its header, or something in the address")
            raise Refused(-14002, "Invalid app")
        if form.get("grant_type") == "authorization_code":
            challenge = self._codes.pop(str(form["code"]), None)
            verified = base64.urlsafe_b64encode(hashlib.sha256(str(form["code_verifier"]).encode()).digest())
            if challenge is None or verified.rstrip(b"=").decode() != challenge:
                raise Refused(-14010, "Invalid code verifier")
        else:
            self._use_up(str(form["refresh_token"]))
        access, refresh = self.issue()
        seconds = str(int(ACCESS_LIFETIME.total_seconds()))
        return {"access_token": access, "refresh_token": refresh, "expires_in": seconds}

    def _use_up(self, refresh_token: str) -> None:
        """A refresh token is good once."""
        until = self._refresh.pop(refresh_token, None)
        if refresh_token in self._burned:
            self.calls["burned"] += 1
        self._burned.add(refresh_token)
        if until is None or until <= self.clock():
            raise Refused(INVALID_REFRESH, "Invalid refresh token")

    def _check_token(self, request: web.Request) -> None:
        if any("token" in name for name in request.query):
            self.violations.append(f"{request.path}: a token in the address")
        until = self._access.get(request.headers.get("access_token", ""))
        if until is None:
            raise Refused(-216, "Access token is invalid")
        if until <= self.clock():
            raise Refused(-220, "access_token is expired or removed")

    async def _send(self, request: web.Request) -> JSON:
        self._check_token(request)
        posted = await request.json()
        user_id, message = posted["recipient"]["user_id"], posted["message"]
        check_message(message, self.violations.append)
        person = self.people.get(user_id)
        if person is None:
            raise Refused(-201, "user_id is invalid!")
        if person.refusal:
            raise Refused(person.refusal, "refused")
        if person.interacted_at is None:
            raise Refused(-213, "User has not followed OA")
        if self.clock() - person.interacted_at > OPEN_FOR:
            raise Refused(-230, "User has not interacted with the OA in the past 7 days")
        sent = Sent(self.new_id(), user_id, message, self.clock())
        if sent.buttons and not self.takes_buttons:
            raise Refused(-201, "attachment is invalid!")
        self._check_uploads(message)
        self.sent.append(sent)
        if self.confirms:
            self._spawn(self._confirm(sent))
        return {"message_id": sent.message_id, "user_id": user_id, "quota": {"quota_type": "reply"}}

    def _check_uploads(self, message: JSON) -> None:
        payload = message.get("attachment", {}).get("payload", {})
        named = payload.get("token") or next(iter(payload.get("elements", [{}]))).get("attachment_id")
        if named is None:
            return
        upload = self.uploads.get(named)
        if upload is None or self.clock() - upload.at > timedelta(days=7):
            raise Refused(-100, "attachment_id was expired")

    async def _confirm(self, sent: Sent) -> None:
        sides = {"sender": {"id": OA_ID}, "recipient": {"id": sent.user_id}}
        await self.deliver(self.new_event("user_received_message", message={"msg_id": sent.message_id}, **sides))
        await self.deliver(self.new_event("user_seen_message", message={"msg_ids": [sent.message_id]}, **sides))

    async def _upload(self, request: web.Request) -> JSON:
        self._check_token(request)
        posted = (await request.post())["file"]
        assert isinstance(posted, web.FileField)
        kind, content = request.path.rsplit("/", 1)[1], posted.file.read()
        check_upload(kind, posted.filename, posted.content_type, len(content), self.violations.append)
        named = secrets.token_urlsafe(16)
        self.uploads[named] = Upload(kind, posted.filename, content, self.clock())
        return {"token" if kind == "file" else "attachment_id": named}

    async def _create_article(self, request: web.Request) -> JSON:
        self._check_token(request)
        article = await request.json()
        if article["type"] != "normal" or not 0 < len(article["title"]) <= 150 or len(article["description"]) > 300:
            raise Refused(-210, "Parameter exceeds allowable limit")
        token = secrets.token_urlsafe(12)
        self.articles[token] = article
        self._pending[token] = 2
        return {"token": token}

    async def _verify_article(self, request: web.Request) -> JSON:
        """Zalo works on an article for a while."""
        self._check_token(request)
        token = (await request.json())["token"]
        if token not in self.articles:
            raise Refused(-201, "token is invalid!")
        self._pending[token] -= 1
        if self._pending[token] > 0:
            raise Refused(-214, "Article is being processed")
        return {"id": f"article-{token}"}

    async def _broadcast(self, request: web.Request) -> JSON:
        self._check_token(request)
        posted = await request.json()
        known = {f"article-{token}" for token in self.articles}
        check_broadcast(posted, known, self.clock(), self.violations.append)
        self.broadcasts.append(posted)
        return {"message_id": self.new_id()}

    async def _send_template(self, request: web.Request) -> JSON:
        self._check_token(request)
        posted = await request.json()
        by_phone = request.path == "/message/template"
        check_template(posted, by_phone, self.templates.known, self.violations.append)
        self.templates.sent.append(posted | {"by_phone": by_phone})
        named = "msg_id" if by_phone else "message_id"
        return {named: self.new_id(), "sent_time": "1", "quota": {"dailyQuota": "500", "remainingQuota": "499"}}

    async def _describe_template(self, request: web.Request) -> JSON:
        self._check_token(request)
        found = self.templates.known.get(request.query["template_id"])
        if found is None:
            raise Refused(-117, "template is invalid")
        return found


def _dropped(request: web.Request) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response()
