"""The tokens of an Official Account: an access token for every call, and a refresh token that is good for one use.

A refresh is claimed in the database, made while no transaction is open, and its pair is committed before anybody uses
it (docs/how-to/zalo-official-account.md says what a crash between Zalo's answer and that commit means).
"""

import asyncio
import base64
import hashlib
import secrets
import string
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.transports.zalo_oa_client import ZaloClient, ZaloError, ZaloRefused, ZaloUnavailable
from db.models import ZaloTokens
from db.session import Database
from db.zalo_oa_tokens import (
    TokenPair,
    begin_login,
    claim_refresh,
    find_tokens,
    release_refresh,
    store_login,
    store_refresh,
    take_login,
)

log = structlog.get_logger()
T = TypeVar("T")

EXPIRED = frozenset({-216, -220, -124})
"""An access token that is no longer taken; the last is what template messages answer."""

ACCESS_REFUSED = "access_refused"
"""The trouble of an account whose youngest token is refused: its permissions were taken away in Zalo's console."""

_DEAD = frozenset({-14014, -118})
"""A refresh token that is used up or withdrawn. Any other refusal leaves it as it is and is tried again."""

_SPARE = timedelta(minutes=1)
_RENEW_BEFORE = timedelta(hours=5)
"""So long before its end an access token is renewed: when that fails, a person has hours to log in again while the old
one still serves."""
_YOUNG = timedelta(minutes=5)
"""A pair younger than this that is refused was not refused for its age: another refresh would not help."""
_LEASE = timedelta(seconds=60)
_BUSY_SECONDS = 0.1
_WAIT_SECONDS = 90.0
_TRY_AGAIN_SECONDS = 10.0
_REFUSED_SECONDS = 600.0
_STORE_AGAIN_SECONDS = 1.0
_FINISH_SECONDS = 30.0
_LOGIN_LIFETIME = timedelta(minutes=30)
_VERIFIER_LETTERS = string.ascii_letters + string.digits
_VERIFIER_LENGTH = 43


class LoginNeeded(ZaloError):
    """There is no usable token: an administrator of the account must give the app its permissions (again)."""


class LoginRefused(Exception):
    """What came back is no consent that we asked for; ``key`` names the sentence for the operator."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True)
class Held:
    """An access token as it was read from the database."""

    token: str
    version: int
    until: datetime
    obtained_at: datetime

    def __repr__(self) -> str:
        return f"Held(version={self.version})"


@dataclass(frozen=True)
class Login:
    """What the operator needs for a consent: the address to open, and what must stand in the console."""

    url: str
    redirect_url: str
    challenge: str


class ZaloTokenKeeper:
    """Gives out access tokens and renews them; any number of keepers in any number of processes share one account."""

    def __init__(
        self, sender: str, oa_id: str, client: ZaloClient, database: Database, now: Callable[[], datetime]
    ) -> None:
        self._sender = sender
        self._oa_id = oa_id
        self._client = client
        self._database = database
        self._now = now
        self._owner = secrets.token_hex(16)
        self._turn = asyncio.Lock()
        self._held: Held | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self.trouble = ""
        """Why the last refresh failed, for the operator; empty while all is well."""

    async def use(self, call: Callable[[str], Awaitable[T]]) -> T:
        """Make a call with an access token; one that is refused for its token is made once more with a new one."""
        held = await self.access()
        try:
            result = await call(held.token)
        except ZaloRefused as error:
            if error.code not in EXPIRED:
                raise
            return await call((await self._replace(held)).token)
        if self.trouble == ACCESS_REFUSED:
            self.trouble = ""
        return result

    async def access(self) -> Held:
        """A token that is good for some time. Raises `LoginNeeded`, or what a refresh raises."""
        held = self._held
        if held is None or held.until - self._now() <= _SPARE:
            held = self._held = _hold(await self.look())
        if held.until - self._now() <= _SPARE:
            held = await self.renew(held.version)
        return held

    async def _replace(self, refused: Held) -> Held:
        """Another token than one that was refused."""
        held = self._held = _hold(await self.look())
        if held.version != refused.version:
            return held
        if self._now() - held.obtained_at < _YOUNG:
            self.trouble = ACCESS_REFUSED
            raise LoginNeeded
        return await self.renew(held.version)

    async def look(self) -> ZaloTokens | None:
        """The row as committed."""
        return await self._database.look(find_tokens, self._sender)

    async def renew(self, version: int) -> Held:
        """A newer token than that of a version: ours or whoever's, from exactly one call. Raises `LoginNeeded`, or
        another `ZaloError` when it cannot be had now."""
        async with self._turn:  # of this process only one asks; the claim decides between processes
            deadline = time.monotonic() + _WAIT_SECONDS
            while time.monotonic() < deadline:
                held = self._held = _hold(await self.look())
                if held.version > version:
                    return held
                if time.monotonic() < self._not_before:
                    raise ZaloUnavailable
                mine = (self._sender, version, self._owner, self._now(), _LEASE)
                claim = await self._database.run(claim_refresh, *mine)
                if claim.refresh_token is not None:
                    self._refreshing = asyncio.create_task(self._refresh(version, claim.refresh_token))
                    await asyncio.shield(self._refreshing)  # its answer must be stored, whoever still wants it
                elif claim.is_busy:
                    await asyncio.sleep(_BUSY_SECONDS)
                elif not claim.is_newer:
                    raise LoginNeeded
            raise ZaloUnavailable

    async def renew_in_time(self) -> None:
        """Renew a token that ends within hours; for whoever looks after the account."""
        held = _hold(await self.look())
        if held.until - self._now() <= _RENEW_BEFORE:
            await self.renew(held.version)

    async def finish(self) -> None:
        """Wait a moment for a refresh under way: its pair is the only one there is."""
        if self._refreshing is not None:
            await asyncio.wait([self._refreshing], timeout=_FINISH_SECONDS)

    async def _refresh(self, version: int, refresh_token: str) -> None:
        """Use the refresh token. Never raises: whoever waits looks at what came of it."""
        try:
            pair = await self._client.refresh(refresh_token)
        except ZaloError as error:
            await self._give_back(version, error)
        else:
            await self._store(version, pair)
            self.trouble = ""
            log.info("zalo_token_renewed", sender=self._sender)

    async def _give_back(self, version: int, error: ZaloError) -> None:
        """Note a refresh that failed, and let it be tried again, unless the token is dead."""
        code = error.code if isinstance(error, ZaloRefused) else None
        # after a lost answer the token may be used up; the next try finds out
        log.error("zalo_refresh_failed", sender=self._sender, error=type(error).__name__, code=code)
        refused_at = self._now() if code in _DEAD else None
        if refused_at is None:
            self._not_before = time.monotonic() + (_TRY_AGAIN_SECONDS if code is None else _REFUSED_SECONDS)
        self.trouble = type(error).__name__ if code is None else str(code)
        try:
            await self._database.run(release_refresh, self._sender, version, self._owner, refused_at)
        except SQLAlchemyError as problem:
            log.error("zalo_claim_not_released", sender=self._sender, error=type(problem).__name__)  # it ends by itself

    async def _store(self, version: int, pair: TokenPair) -> None:
        """Commit the pair, however long the database takes: the token it was exchanged for is used up."""
        while True:
            try:
                if not await self._database.run(store_refresh, self._sender, version, pair, self._now()):
                    log.warning("zalo_pair_not_needed", sender=self._sender)
                return
            except SQLAlchemyError as error:
                log.critical("zalo_pair_not_stored", sender=self._sender, error=type(error).__name__)
                await asyncio.sleep(_STORE_AGAIN_SECONDS)

    # Logging in

    async def begin_login(self, redirect_url: str) -> Login:
        """A link for one consent, good for half an hour; a link given out earlier is worth nothing any more."""
        state = secrets.token_urlsafe(32)
        new_verifier = "".join(secrets.choice(_VERIFIER_LETTERS) for _ in range(_VERIFIER_LENGTH))
        until = self._now() + _LOGIN_LIFETIME
        mine = (self._sender, new_verifier, self._hash(state), until)
        verifier = await self._database.run(begin_login, *mine)
        challenge = challenge_of(verifier)
        return Login(self._client.permission_url(redirect_url, challenge, state), redirect_url, challenge)

    async def finish_login(self, query: Mapping[str, str]) -> None:
        """Take the consent that came back to us and keep its tokens. Raises `LoginRefused` for what we did not ask for,
        or when Zalo does not exchange it."""
        state, code = query.get("state", ""), query.get("code", "")
        if query.get("oa_id", self._oa_id) != self._oa_id:
            raise LoginRefused("zalo_oa.login_other_account")
        taken = (self._sender, self._hash(state), self._now())
        verifier = await self._database.run(take_login, *taken) if state and code else None
        if verifier is None:
            raise LoginRefused("zalo_oa.login_unknown")
        try:
            pair = await self._client.exchange_code(code, verifier)
        except ZaloError as error:
            log.error("zalo_login_failed", sender=self._sender, error=type(error).__name__)
            raise LoginRefused("zalo_oa.login_not_exchanged") from None
        await self._database.run(store_login, self._sender, pair, self._now())
        self._held, self._not_before, self.trouble = None, 0.0, ""
        log.info("zalo_logged_in", sender=self._sender)

    def _hash(self, state: str) -> str:
        return self._database.keys.hash("zalo_login", state)


def challenge_of(verifier: str) -> str:
    """What the console holds of a code verifier: base64url of its SHA-256, without padding (RFC 7636)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _hold(tokens: ZaloTokens | None) -> Held:
    """Raises `LoginNeeded` when there is no token at all; an old one is held like any other, and renewed or refused."""
    if tokens is None or tokens.access_token is None or tokens.access_until is None or tokens.obtained_at is None:
        raise LoginNeeded
    return Held(tokens.access_token, tokens.version, tokens.access_until, tokens.obtained_at)
