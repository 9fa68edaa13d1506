"""The web chat: the channel that needs no account anywhere, and the endpoints that other programs call.

A visitor is known by a random cookie only this server can read; its hash is their address. What they are told stands
in the delivery ledger, so a reload or another tab shows the same talk.
"""

import asyncio
import contextlib
import hashlib
import hmac
import html
import json
import re
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from bot.inbox import Inbox
from bot.transports import FileGone, Page, Raw, StorageUnavailable, Webhook
from bot.transports import Receive as ReceiveUpdate
from bot.transports.public_files import PUBLIC_FILES_PATH, PublicFiles
from bot.transports.web_archive import WebArchive
from bot.transports.web_guards import BodyLimit, Bound, SecurityHeaders
from bot.transports.web_messages import TEXT_LIMIT, draw, is_shown
from db.accounts import find_account, forget_account, lane_of, move_account
from db.conversations import Standing, find_standing
from db.deliveries import find_sent, forget_recipient, list_to
from db.inbox import count_waiting, forget_lane, list_texts
from db.models import Delivery
from db.session import Database, lock_lane
from handlers.actions import MAX_BYTES, ListOwnCases
from handlers.cases.pins import is_locked
from handlers.chat import (
    MAX_FILE_BYTES,
    Attachment,
    AttachmentKind,
    Button,
    Channel,
    File,
    Incoming,
    Kind,
    Reply,
    StoredReply,
)
from handlers.feature import Union, find_step
from knowledge.texts import t

COOKIE = "union_chat"
_COOKIE_SECONDS = 180 * 24 * 3600
_FOLDER = Path(__file__).parents[2] / "web"
_MAX_TEXT = 10_000
_WAIT_FOR_ANSWER_SECONDS = 8.0
_POLL_SECONDS = 25.0
_LOOK_AGAIN_SECONDS = 2.0
_RECORDED_WITHIN_SECONDS = 0.1
_PAGE = 100
_FILES_PATH = "/api/files"
_MAX_MEGABYTES = MAX_FILE_BYTES // (1024 * 1024)
_UPLOAD_SECONDS = 180.0
_FILES_PER_VISITOR = 30
_FILES_PER_HOST = 300
_FILE_SECONDS = 600.0
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,40}/[\w.+-]{1,40}", re.ASCII)
_EVENT_ID = re.compile(r"^[A-Za-z0-9-]{16,64}$")
_NEW_VISITORS_PER_MINUTE = 300
_MOST_REMEMBERED = 50_000
_DATABASE_SECONDS = 10.0
"""A database that does not answer for so long counts as one that is down: the page keeps the text and says so."""
_BLANK = re.compile(r"\[\[([a-z_.]+)\]\]")

_LOCKED_ID = "locked"
"""The page's name for the line that stands where the talk of a locked phone is."""

_NEVER = datetime.max.replace(tzinfo=UTC)

_START = "/start"
"""What the page says by itself in an empty talk, to be greeted; not shown as the visitor's own words."""


class WebTransport:
    """People on the web page: they read straight from the ledger, so storing a reply is sending it."""

    sender = "web"
    channel = Channel("web")
    messages_per_second = None
    text_limit = TEXT_LIMIT
    is_connected = True
    stored_is_sent = True

    def __init__(self) -> None:
        self._news: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self.is_ending = False

    def measure(self, text: str) -> int:
        """Plain characters."""
        return len(text)

    def read(self, raw: Raw) -> Incoming | None:
        """What the page posted: words, a pressed button with its label, or a file; None when it was forgotten."""
        if "who" not in raw:
            return None
        if "file" in raw:
            media_type, size = raw["file"]["media_type"], raw["file"]["size"]
            attachment = Attachment(_kind_of(media_type), media_type, size)
            return Incoming(self.sender, raw["who"], raw["id"], Kind.FILE, attachment=attachment)
        action = raw.get("action")
        kind = Kind.TEXT if action is None else Kind.BUTTON
        return Incoming(self.sender, raw["who"], raw["id"], kind, raw.get("text", ""), action)

    async def listen(self, _receive: ReceiveUpdate) -> None:
        """Updates come through the page's requests."""

    async def fetch(self, _raw: Raw, _limit: int) -> bytes:
        """A file stands beside its event, or was forgotten."""
        raise FileGone

    async def send(self, address: str, _reply: StoredReply) -> str | None:
        """Tell open pages of this person that there is something to read, once the ledger says that it was sent."""
        asyncio.get_running_loop().call_later(_RECORDED_WITHIN_SECONDS, self.tell, address)
        return None

    def tell(self, address: str) -> None:
        """End the waiting of this person's open pages."""
        for event in self._news.get(address, ()):
            event.set()

    async def wait_for_news(self, address: str, seconds: float) -> None:
        """Return when something was sent to this person by this process, or after so many seconds."""
        event = asyncio.Event()
        self._news[address].add(event)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await event.wait()
        finally:
            self._news[address].discard(event)
            if not self._news[address]:
                del self._news[address]

    def end_waiting(self) -> None:
        """Let every open page go: the program stops."""
        self.is_ending = True
        for address in list(self._news):
            self.tell(address)

    async def close(self) -> None:
        """Nothing to give up."""


class Brake:
    """Slows what one address, or one visitor, may bring within some seconds, so that no script fills the database."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._recent: dict[str, list[float]] = {}

    def may_pass(self, key: str, now: float, most: int) -> bool:
        """Count one more; False when there were so many within the last seconds."""
        recent = [at for at in self._recent.get(key, ()) if at > now - self._seconds]
        if len(recent) >= most:
            return False
        self._recent[key] = [*recent, now]
        if len(self._recent) > _MOST_REMEMBERED:
            self._recent = {key: times for key, times in self._recent.items() if times[-1] > now - self._seconds}
        return True


class WebServer:
    """The ASGI application: page, chat endpoints, health, and the webhooks of platforms, by path."""

    def __init__(
        self,
        transport: WebTransport,
        inbox: Inbox,
        database: Database,
        union: Union,
        public_url: str,
        readiness: Callable[[], Awaitable[dict[str, Any]]],
        now: Callable[[], datetime],
        webhooks: Mapping[str, Webhook],
        pages: Mapping[str, Page] | None = None,
        public_files: PublicFiles | None = None,
    ) -> None:
        self._transport = transport
        self._inbox = inbox
        self._database = database
        self._union = union
        self._public_url = public_url
        self._readiness = readiness
        self._now = now
        self._public_files = public_files
        self._visitors = Brake(60)
        self._uploads = Brake(_FILE_SECONDS)
        self._uploads_of_host = Brake(_FILE_SECONDS)
        self._known: set[str] = set()
        self._page = _fill_page((_FOLDER / "chat.html").read_text(encoding="utf-8"), union)
        routes = [
            Route("/", self._show_page),
            Route("/api/messages", self._post_message, methods=["POST"]),
            Route("/api/messages", self._get_messages),
            Route(_FILES_PATH, self._post_file, methods=["POST"]),
            Route("/api/files/{message:int}/{number:int}", self._get_file),
            Route("/api/forget", self._forget, methods=["POST"]),
            Route(f"{PUBLIC_FILES_PATH}/{{name}}", self._get_public_file),
            *WebArchive(database, union).routes,
            Route("/healthz", self._show_health),
            Route("/readyz", self._show_readiness),
            *(Route(path, partial(_take_webhook, take), methods=["POST"]) for path, take in webhooks.items()),
            *(Route(path, partial(_show_text, show)) for path, show in (pages or {}).items()),
            Mount("/static", GZipMiddleware(StaticFiles(directory=_FOLDER / "static"))),  # not "/": it has a token
        ]
        # around Starlette, not inside it, so that its own answer to a bug carries the headers too
        refusal, too_large = t("web.too_long", limit=_MAX_TEXT), t("files.too_large", limit=_MAX_MEGABYTES)
        bounds = {_FILES_PATH: Bound(MAX_FILE_BYTES, too_large)}
        limited = BodyLimit(Starlette(routes=routes), refusal, webhooks, bounds)
        self.app: ASGIApp = SecurityHeaders(limited)

    async def _show_page(self, request: Request) -> Response:
        token = self._token_of(request) or secrets.token_urlsafe(32)
        response = HTMLResponse(self._page.replace("[[csrf]]", self._csrf_of(token)))
        self._set_cookie(request, response, token)
        return response

    def _set_cookie(self, request: Request, response: Response, token: str) -> None:
        response.set_cookie(
            COOKIE, token, max_age=_COOKIE_SECONDS, httponly=True, samesite="strict", secure=self._is_secure(request)
        )

    async def _get_file(self, request: Request) -> Response:
        """A file of a message, for the visitor it was sent to and nobody else; not while their phone is locked."""
        who, problem = self._recognise(request)
        if problem is not None:
            return problem
        lane = lane_of(self._database.keys, self._transport.sender, who)
        try:
            row = await self._database.look(_find_shown, lane, request.path_params["message"], self._now())
        except SQLAlchemyError:
            return _problem(503, "web.unavailable")
        files = StoredReply.from_json(row.body).files if row else ()
        number = request.path_params["number"]
        if number >= len(files):
            return _problem(404, "web.no_file")
        return _show_file(files[number])

    async def _get_public_file(self, request: Request) -> Response:
        """A file that is no secret, for whoever has its signed address: a platform that fetches pictures."""
        try:
            file = await self._public_files.find(request.path_params["name"]) if self._public_files else None
        except SQLAlchemyError:
            return Response(status_code=503)
        return Response(status_code=404) if file is None else _show_file(file)

    async def _post_message(self, request: Request) -> Response:
        who, problem = self._recognise(request)
        if problem is not None:
            return problem
        posted = await _read_json(request)
        problem = _check_post(posted)
        if problem is not None:
            return problem
        lane = lane_of(self._database.keys, self._transport.sender, who)
        try:
            if not await self._is_known(lane) and not self._may_enter(request):
                return _problem(429, "web.too_many")
            raw = {"who": who, "id": posted["id"], "text": _mend(posted.get("text", ""))}
            if "action" in posted:
                raw["action"] = posted["action"]
            return await self._hand_in(request, lane, raw, _cursor(posted.get("after")))
        except (StorageUnavailable, SQLAlchemyError, TimeoutError):
            return _problem(503, "web.not_sent")

    async def _post_file(self, request: Request) -> Response:
        """One file, as it is: nothing tells its name. Its bytes are read only where the talk is waiting for a file."""
        who, problem = self._recognise(request)
        if problem is not None:
            return problem
        event_id = request.query_params.get("id", "")
        if not _EVENT_ID.match(event_id):
            return _problem(400, "web.bad_request")
        lane = lane_of(self._database.keys, self._transport.sender, who)
        try:
            async with asyncio.timeout(_DATABASE_SECONDS):
                if not await self._database.look(_takes_files, lane):
                    return _problem(409, "web.no_file_wanted")
            if not self._may_upload(request, lane):
                return _problem(429, "web.too_many_files")
            async with asyncio.timeout(_UPLOAD_SECONDS):
                content = await request.body()
            if not content:
                return _problem(400, "files.empty")
            described = {"media_type": _media_type_of(request), "size": len(content)}
            raw = {"who": who, "id": event_id, "file": described}
            return await self._hand_in(request, lane, raw, _cursor(request.query_params.get("after")), content)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except (StorageUnavailable, SQLAlchemyError, TimeoutError):
            return _problem(503, "web.file_not_sent")

    def _may_enter(self, request: Request) -> bool:
        return self._visitors.may_pass(_host_of(request), _seconds(), _NEW_VISITORS_PER_MINUTE)

    def _may_upload(self, request: Request, lane: str) -> bool:
        if not self._uploads.may_pass(lane, _seconds(), _FILES_PER_VISITOR):
            return False
        return self._uploads_of_host.may_pass(_host_of(request), _seconds(), _FILES_PER_HOST)

    async def _hand_in(
        self, request: Request, lane: str, raw: Raw, after: int, file: bytes | None = None
    ) -> JSONResponse:
        """Store what came, and answer with what it led to within some seconds. Raises `StorageUnavailable`,
        SQLAlchemyError or TimeoutError when nothing is certain to be stored."""
        is_handled = await self._inbox.receive_and_wait(self._transport, raw, _WAIT_FOR_ANSWER_SECONDS, file)
        self._transport.tell(raw["who"])  # other tabs
        async with asyncio.timeout(_DATABASE_SECONDS):
            found, is_signing_in = await self._database.look(_read_answer, lane, after, self._now())
            found |= {"waiting": not is_handled}
            token = await self._renew(lane) if is_signing_in else ""
        if not token:
            return JSONResponse(found)
        response = JSONResponse(found | {"csrf": self._csrf_of(token)})
        self._set_cookie(request, response, token)
        return response

    async def _renew(self, lane: str) -> str:
        """A new secret for somebody who is signing in, so that whoever knew the old one is left with nothing."""
        token = secrets.token_urlsafe(32)
        who = _address_of(token)
        new_lane = lane_of(self._database.keys, self._transport.sender, who)
        await self._database.run(move_account, self._transport.sender, lane, new_lane, who)
        self._known.discard(lane)
        return token

    async def _is_known(self, lane: str) -> bool:
        """Whether this visitor wrote before; remembered, so that a talk does not ask the database each time."""
        if lane in self._known:
            return True
        async with asyncio.timeout(_DATABASE_SECONDS):
            account = await self._database.look(find_account, self._transport.sender, lane)
        if account is None:
            return False
        if len(self._known) > _MOST_REMEMBERED:
            self._known.clear()
        self._known.add(lane)
        return True

    async def _get_messages(self, request: Request) -> Response:
        who, problem = self._recognise(request)
        if problem is not None:
            return problem
        lane = lane_of(self._database.keys, self._transport.sender, who)
        after = _cursor(request.query_params.get("after"))
        known = [_cursor(number) for number in request.query_params.get("known", "").split(",")[:_PAGE]]
        try:
            if "wait" not in request.query_params:
                return JSONResponse(await self._database.look(_list_talk, lane, self._now()))
            return JSONResponse(await self._wait_for_messages(who, lane, after, known))
        except SQLAlchemyError:
            return _problem(503, "web.unavailable")

    async def _wait_for_messages(self, who: str, lane: str, after: int, known: list[int]) -> dict[str, Any]:
        """Long polling: what is new, or an empty list when nothing came for a while. Other processes' messages are
        found by looking again; this process's own wake the wait. ``known`` are the messages after ``after`` that the
        page has: one that was put off may be sent, and so become readable, after a younger one."""
        until = asyncio.get_running_loop().time() + _POLL_SECONDS
        while True:
            found = await self._database.look(_list_news, lane, after, known, self._now())
            if found["messages"] or self._transport.is_ending or asyncio.get_running_loop().time() >= until:
                return found
            await self._transport.wait_for_news(who, _LOOK_AGAIN_SECONDS)

    async def _forget(self, request: Request) -> Response:
        who, problem = self._recognise(request)
        if problem is not None:
            return problem
        lane = lane_of(self._database.keys, self._transport.sender, who)
        self._known.discard(lane)
        try:
            await self._database.run(_forget_visitor, lane)
        except SQLAlchemyError:
            return _problem(503, "web.unavailable")
        response = JSONResponse({"forgotten": True})
        response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=self._is_secure(request))
        return response

    async def _show_health(self, _request: Request) -> Response:
        return PlainTextResponse("ok")

    async def _show_readiness(self, _request: Request) -> Response:
        state = await self._readiness()
        return JSONResponse(state, status_code=200 if state["ready"] else 503)

    def _recognise(self, request: Request) -> tuple[str, Response | None]:
        """The visitor behind a request of the page itself: cookie, its token, and the same origin, or a refusal."""
        token = self._token_of(request)
        if token is None:
            return "", _problem(401, "web.session_ended")
        if request.method != "GET":
            given = request.headers.get("x-csrf-token", "")
            if not hmac.compare_digest(given.encode(), self._csrf_of(token).encode()):
                return "", _problem(403, "web.session_ended")
        origin = request.headers.get("origin")
        if origin is not None and not self._is_own_origin(origin, request):
            return "", _problem(403, "web.session_ended")
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return "", _problem(403, "web.session_ended")
        return _address_of(token), None

    def _is_own_origin(self, origin: str, request: Request) -> bool:
        if self._public_url:
            return origin == self._public_url
        return urlsplit(origin).netloc == request.headers.get("host", "")

    def _is_secure(self, request: Request) -> bool:
        return self._public_url.startswith("https://") or request.url.scheme == "https"

    def _csrf_of(self, token: str) -> str:
        return self._database.keys.hash("csrf", token)

    @staticmethod
    def _token_of(request: Request) -> str | None:
        token = request.cookies.get(COOKIE, "")
        return token if re.fullmatch(r"[\w-]{43}", token) else None


def _address_of(token: str) -> str:
    """A visitor's address: only the server can tell it from the secret in their cookie, and not the other way round."""
    return hashlib.sha256(token.encode()).hexdigest()[:40]


def _list_talk(session: Session, lane: str, now: datetime) -> dict[str, Any]:
    """Both sides of the talk, for a page that was just opened; and whether an answer is still on its way. Of a locked
    phone neither what was said before nor anything the visitor typed since: that may be the story itself."""
    locked_at = _locked_at(session, lane, now)
    rows = list_to(session, lane, 0, _PAGE, newest=True, since=locked_at)
    texts = list_texts(session, lane, _PAGE) if locked_at is None else []
    said = [(_sent_at(row), _draw(row)) for row in rows]
    said += [(at, own) for at, raw in texts if (own := _draw_own(json.loads(raw), at)) is not None]
    said.sort(key=lambda item: item[0])
    hidden = [] if locked_at is None else [_draw_lock(min(locked_at, now))]
    return {
        "messages": [*hidden, *(message for _, message in said)],
        "after": rows[-1].id if rows else 0,
        "waiting": count_waiting(session, lane) > 0,
        "takes_files": _takes_files(session, lane),
        "locked": locked_at is not None,
    }


def _list_news(session: Session, lane: str, after: int, known: Sequence[int], now: datetime) -> dict[str, Any]:
    """What came after a message, without the known ones, and whether the phone is locked: then only what came since."""
    locked_at = _locked_at(session, lane, now)
    rows = list_to(session, lane, after, _PAGE, known=known, since=locked_at)
    messages = [_draw(row) for row in rows]
    return {"messages": messages, "after": rows[-1].id if rows else after, "locked": locked_at is not None}


def _find_shown(session: Session, lane: str, number: int, now: datetime) -> Delivery | None:
    """A message of the visitor's that the page may show at this moment."""
    row, locked_at = find_sent(session, lane, number), _locked_at(session, lane, now)
    return None if row is None or (locked_at is not None and row.created_at < locked_at) else row


def _locked_at(session: Session, lane: str, now: datetime) -> datetime | None:
    """Since when the visitor's phone, which others use too, waits for its PIN; None when it does not. What was told
    while it was open was written before that moment, since whoever uses an open one moves the moment on."""
    account = find_account(session, WebTransport.sender, lane)
    if account is None or not is_locked(account, now):
        return None
    return account.unlocked_until or _NEVER


def _draw_lock(at: datetime) -> dict[str, Any]:
    """What stands where the talk of a locked phone is: the way to it, which asks for the PIN."""
    reply = Reply(t("shared_phone.hidden"), (Button(t("own_cases.neutral_open"), ListOwnCases()),))
    drawn = draw(StoredReply.from_json(reply.to_json()), 0)
    return {"id": _LOCKED_ID, "own": False, "at": at.isoformat()} | drawn


def _draw(row: Delivery) -> dict[str, Any]:
    """A message as the page shows it: spans, so that the page never has to trust markup."""
    drawn = draw(StoredReply.from_json(row.body), row.id)
    return {"id": row.id, "own": False, "at": _sent_at(row).isoformat()} | drawn


def _draw_own(posted: Raw, at: datetime) -> dict[str, Any] | None:
    """What the visitor said or pressed, under the id their page gave it; None for what the page said by itself."""
    text = t("web.sent_file") if "file" in posted else posted.get("text")
    if not text or text == _START:
        return None
    return {
        "id": posted["id"],
        "own": True,
        "spans": [{"text": text}],
        "buttons": [],
        "files": [],
        "at": at.isoformat(),
    }


def _sent_at(row: Delivery) -> datetime:
    """When the message became readable: one that was put off belongs below what was said meanwhile."""
    return row.finished_at or row.created_at


def _read_answer(session: Session, lane: str, after: int, now: datetime) -> tuple[dict[str, Any], bool]:
    """What came since a message, with whether the talk waits for a file; and whether the visitor is signing in."""
    stands = find_standing(session, WebTransport.sender, lane)
    found = _list_news(session, lane, after, (), now) | {"takes_files": _waits_for_file(stands)}
    return found, stands is not None and stands.is_signing_in


def _takes_files(session: Session, lane: str) -> bool:
    """Whether the talk of this visitor waits for something that may be a file."""
    return _waits_for_file(find_standing(session, WebTransport.sender, lane))


def _waits_for_file(stands: Standing | None) -> bool:
    step = find_step(stands)
    return step is not None and step.cleaner is not None


def _kind_of(media_type: str) -> AttachmentKind:
    """What a browser claims that a file is; old phones keep what they record as a film without pictures."""
    kinds = {"image": AttachmentKind.PICTURE, "audio": AttachmentKind.VOICE, "video": AttachmentKind.OTHER}
    if media_type == "video/3gpp":
        return AttachmentKind.VOICE
    return kinds.get(media_type.partition("/")[0], AttachmentKind.DOCUMENT)


def _media_type_of(request: Request) -> str:
    claimed = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return claimed if _MEDIA_TYPE.fullmatch(claimed) else ""


def _host_of(request: Request) -> str:
    return request.client.host if request.client else ""


def _seconds() -> float:
    return asyncio.get_running_loop().time()


def _forget_visitor(session: Session, lane: str) -> None:
    lock_lane(session, lane)
    account = find_account(session, WebTransport.sender, lane)
    if account is not None:
        forget_account(session, account)
    forget_recipient(session, lane)
    forget_lane(session, lane)


def _check_post(posted: Any) -> Response | None:
    """A refusal for what the page itself would never post."""
    if not isinstance(posted, dict) or not _EVENT_ID.match(str(posted.get("id", ""))):
        return _problem(400, "web.bad_request")
    text, action = posted.get("text", ""), posted.get("action", "")
    if not isinstance(text, str) or not isinstance(action, str):
        return _problem(400, "web.bad_request")
    if not action.isprintable() or len(action.encode()) > MAX_BYTES:
        return _problem(400, "web.bad_request")
    if len(text) > _MAX_TEXT:
        return _problem(413, "web.too_long", limit=_MAX_TEXT)
    return None


def _mend(text: str) -> str:
    """Half an emoji, as a cut string holds it, cannot be stored: a question mark stands for it."""
    return text.encode("utf-8", "replace").decode()


def _cursor(value: object) -> int:
    return int(str(value)) if str(value).isdigit() and len(str(value)) < 19 else 0


def _show_file(file: File) -> Response:
    kind = "inline" if is_shown(file.media_type) else "attachment"
    headers = {"Content-Disposition": f"{kind}; filename*=UTF-8''{quote(file.name)}"}
    return Response(file.content, media_type=file.media_type, headers=headers)


async def _take_webhook(take: Webhook, request: Request) -> Response:
    """What a platform posted; it sends again whatever is not answered with a 2xx."""
    try:
        return Response(status_code=await take(request.headers, await request.body()))
    except PermissionError:
        return Response(status_code=401)
    except (ValueError, RecursionError):  # the latter: brackets nested thousands deep
        return Response(status_code=400)
    except StorageUnavailable:
        return Response(status_code=503)


async def _show_text(show: Page, request: Request) -> Response:
    """A page that something happens by; who only looks whether it is there makes nothing happen."""
    if request.method == "HEAD":
        return Response(status_code=200)
    status, text = await show(request.query_params)
    return PlainTextResponse(text, status_code=status)


async def _read_json(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError):  # the latter: brackets nested thousands deep
        return None


def _problem(status: int, key: str, **values: object) -> Response:
    return JSONResponse({"problem": t(key, **values)}, status_code=status)


def _fill_page(page: str, union: Union) -> str:
    """The page with every sentence in its place, done once; only the visitor's own token stays open."""
    values = {"union": union.name, "hotline": union.hotline, "limit": str(_MAX_MEGABYTES)}
    values["most_bytes"] = str(MAX_FILE_BYTES)

    def fill(blank: re.Match[str]) -> str:
        name = blank[1]
        if name == "csrf":
            return blank[0]
        return html.escape(values[name] if name in values else t(name, **values))

    return _BLANK.sub(fill, page)
