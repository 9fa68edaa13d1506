"""A small client of Zalo's OpenAPI for Official Accounts: one method for each call, and four ways in which one fails.

Every call answers HTTP 200 and says in ``error`` whether it worked. Tokens travel in headers; no address, header or
body is ever put into an exception or a log line.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp

from db.zalo_oa_tokens import TokenPair

JSON = dict[str, Any]

RATE_LIMITED = -32

_CALL_SECONDS = 20.0
"""How long a call may take; after that it is uncertain whether it was carried out."""
_CONNECT_SECONDS = 8.0
_PAUSE_SECONDS = 30.0
"""The limit is counted by the minute (4,000 calls), and no answer says how much of it is left to wait."""

_NO_CONNECTION = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class ZaloError(Exception):
    """A call failed."""


class ZaloRefused(ZaloError):
    """Zalo answered with an error code of its own."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Zalo answered {code}")
        self.code = code


class ZaloPaused(ZaloError):
    """Zalo asks for silence, for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__("Zalo asks for silence")
        self.seconds = seconds


class ZaloUnavailable(ZaloError):
    """Zalo could not be reached, or failed on its side; the call was not carried out."""


class ZaloUnclear(ZaloError):
    """The call went out and its answer was lost: it may or may not have been carried out."""


class ZaloClient:
    """Calls for one app. The three addresses differ only in tests and behind a proxy of the operator's."""

    def __init__(self, app_id: str, app_secret: str, api_url: str, oauth_url: str, business_url: str) -> None:
        self._app_id = app_id
        self._app_secret = app_secret
        self._api_url = api_url
        self._oauth_url = oauth_url
        self._business_url = business_url
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Give up connections."""
        if self._session is not None:
            await self._session.close()

    # Logging in

    def permission_url(self, redirect_url: str, challenge: str, state: str) -> str:
        """Where an administrator of the Official Account gives this app its permissions."""
        query = {"app_id": self._app_id, "redirect_uri": redirect_url, "code_challenge": challenge, "state": state}
        return f"{self._oauth_url}/v4/oa/permission?{urlencode(query)}"

    async def exchange_code(self, code: str, verifier: str) -> TokenPair:
        """The first tokens for the code of a consent; a code is good once and for ten minutes."""
        form = {"code": code, "grant_type": "authorization_code", "code_verifier": verifier}
        return await self._ask_for_tokens(form)

    async def refresh(self, refresh_token: str) -> TokenPair:
        """New tokens for a refresh token, which is used up by this."""
        return await self._ask_for_tokens({"refresh_token": refresh_token, "grant_type": "refresh_token"})

    async def _ask_for_tokens(self, form: dict[str, str]) -> TokenPair:
        url = f"{self._oauth_url}/v4/oa/access_token"
        headers = {"secret_key": self._app_secret}
        answer = await self._call("POST", url, headers=headers, data={"app_id": self._app_id, **form})
        try:
            seconds = answer.get("refresh_token_expires_in")
            return TokenPair(
                access_token=str(answer["access_token"]),
                refresh_token=str(answer["refresh_token"]),
                access_seconds=float(answer["expires_in"]),  # a string, at the time of writing
                refresh_seconds=None if seconds is None else float(seconds),
            )
        except (KeyError, TypeError, ValueError):
            raise ZaloUnclear from None

    # With an access token

    async def send_consultation(self, token: str, user_id: str, message: JSON) -> str | None:
        """Send one message to a person; returns Zalo's id of it."""
        body = {"recipient": {"user_id": user_id}, "message": message}
        return find(await self.post(token, "/v3.0/oa/message/cs", body), "message_id")

    async def upload(self, token: str, kind: str, name: str, media_type: str, content: bytes) -> str:
        """Put an ``image``, ``gif`` or ``file`` on Zalo's servers, for seven days; returns what names it there."""
        form = aiohttp.FormData()
        form.add_field("file", content, filename=name, content_type=media_type)
        url = f"{self._api_url}/v2.0/oa/upload/{kind}"
        answer = await self._call("POST", url, headers={"access_token": token}, data=form)
        return need(answer, "token" if kind == "file" else "attachment_id")

    async def post(self, token: str, path: str, body: JSON, is_business: bool = False) -> JSON:
        """Any other call with a JSON body; returns the whole answer."""
        return await self._call("POST", self._place(path, is_business), headers={"access_token": token}, json=body)

    async def get(self, token: str, path: str, query: Mapping[str, str], is_business: bool = False) -> JSON:
        """Any other question; returns the whole answer."""
        url = self._place(path, is_business)
        return await self._call("GET", url, headers={"access_token": token}, params=query)

    def _place(self, path: str, is_business: bool) -> str:
        return f"{self._business_url if is_business else self._api_url}{path}"

    async def _call(self, method: str, url: str, **how: Any) -> JSON:
        """Raises a `ZaloError` of the four kinds, nothing else."""
        try:
            async with self._own().request(method, url, allow_redirects=False, **how) as response:
                body = await response.read()
        except _NO_CONNECTION:
            raise ZaloUnavailable from None
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise ZaloUnclear from None
        if response.status == 429:
            raise ZaloPaused(_seconds(response.headers.get("Retry-After")))
        if response.status >= 500:
            raise ZaloUnavailable
        answer, code = _read(body)
        if code is None:  # a proxy's page, or half an answer
            raise ZaloUnclear if response.status == 200 else ZaloUnavailable
        if code == RATE_LIMITED:
            raise ZaloPaused(_seconds(response.headers.get("Retry-After")))
        if code != 0:
            raise ZaloRefused(code)
        return answer

    def _own(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_timeout(), trust_env=False)
        return self._session


def _timeout() -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=_CALL_SECONDS, sock_connect=_CONNECT_SECONDS)


def _read(body: bytes) -> tuple[JSON, int | None]:
    """The answer and its error code; None as the code when it is not an answer of Zalo's."""
    try:
        answer = json.loads(body)
        return answer, int(answer.get("error", 0))
    except (ValueError, TypeError, AttributeError):
        return {}, None


def find(answer: JSON, *names: str) -> str | None:
    """What an answer holds under the first of these names that is there, as a string."""
    data = answer.get("data")
    values = [data[name] for name in names if data.get(name) is not None] if isinstance(data, dict) else []
    return str(values[0]) if values else None


def need(answer: JSON, *names: str) -> str:
    """The same, for an answer that is worth nothing without it. Raises `ZaloUnclear`."""
    found = find(answer, *names)
    if found is None:
        raise ZaloUnclear
    return found


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.isdigit() else _PAUSE_SECONDS
