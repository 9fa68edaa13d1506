"""A small client of Zalo's Bot Platform: one call, and three ways in which it fails.

The token stands in the address of every call, so no address is ever put into an exception or a log line. Success is
what ``ok`` says, whatever the HTTP status.
"""

import json
from collections.abc import Mapping
from typing import Any

import aiohttp

_CALL_SECONDS = 20.0
"""How long a call may take; after that it is uncertain whether it was carried out."""
_CONNECT_SECONDS = 8.0

_NO_CONNECTION = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class BotError(Exception):
    """A call failed."""


class BotRefused(BotError):
    """Zalo answered that it did not do it: ``code`` is its own error code, else the HTTP status."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"Zalo answered {code}")
        self.code = code
        self.description = description


class BotUnavailable(BotError):
    """Zalo could not be reached, or failed on its side; the call was not carried out."""


class BotUnclear(BotError):
    """The call went out and its answer was lost: it may or may not have been carried out."""


class ZaloBotClient:
    """Calls for one bot."""

    def __init__(self, token: str, api_url: str) -> None:
        self._base = f"{api_url}/bot{token}"
        self._session: aiohttp.ClientSession | None = None

    async def call(self, method: str, params: Mapping[str, Any], seconds: float | None = None) -> Any:
        """The ``result`` of a method; None where it has none. Raises a `BotError` of the three kinds, nothing else."""
        timeout = aiohttp.ClientTimeout(total=seconds or _CALL_SECONDS, sock_connect=_CONNECT_SECONDS)
        try:
            request = self._open().post(f"{self._base}/{method}", json=params, timeout=timeout, allow_redirects=False)
            async with request as response:
                body = await response.read()
        except _NO_CONNECTION:
            raise BotUnavailable from None
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise BotUnclear from None
        return _read(response.status, body)

    async def close(self) -> None:
        """Give up connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(trust_env=False)
        return self._session


def _read(status: int, body: bytes) -> Any:
    """What an answer holds. A page of a proxy says nothing about the call, unless its status does."""
    try:
        answer = json.loads(body)
        is_answer = isinstance(answer, dict) and "ok" in answer
    except ValueError:
        is_answer = False
    if not is_answer:
        if status < 300:
            raise BotUnclear
        raise BotUnavailable if status >= 500 else BotRefused(status, "")
    if answer["ok"] is True and status < 300:
        return answer.get("result")
    code = answer.get("error_code")
    code = code if isinstance(code, int) and code else status
    if code < 300 or code >= 500:  # an error without a code of its own, or Zalo's own trouble
        raise BotUnavailable
    raise BotRefused(code, str(answer.get("description", "")))
