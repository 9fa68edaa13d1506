"""Statements on the tokens of an Official Account: log in, use the single-use refresh token from one place at a time.

Nothing here calls the platform, and no transaction is open while it is called: a refresh is claimed in one transaction,
made, and written down in the next.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.inbox import insert_ignoring_duplicates
from db.models import ZaloTokens

REFRESH_LIFETIME = timedelta(days=90)
"""How long a refresh token lives when the platform does not say ("three months")."""


@dataclass(frozen=True)
class TokenPair:
    """What the platform gave for a code or a refresh token; lifetimes in seconds."""

    access_token: str
    refresh_token: str
    access_seconds: float
    refresh_seconds: float | None = None

    def __repr__(self) -> str:
        return "TokenPair(…)"


@dataclass(frozen=True)
class Claim:
    """What came of wanting to refresh. Exactly one of these holds: ``refresh_token`` is ours to use, somebody refreshed
    already (``is_newer``), somebody is at it (``is_busy``), or a person must log in again (none of them)."""

    refresh_token: str | None = None
    is_newer: bool = False
    is_busy: bool = False


def find_tokens(session: Session, sender: str) -> ZaloTokens | None:
    """The tokens of an account as committed; None before the first login."""
    return session.get(ZaloTokens, sender)


def begin_login(session: Session, sender: str, verifier: str, login_hash: str, until: datetime) -> str:
    """Let one consent come back, until a moment; an earlier link is worth nothing any more. Returns the code verifier,
    which stays the same for ever: its challenge stands in the platform's console."""
    row = {"sender": sender, "code_verifier": verifier, "version": 0}
    insert_ignoring_duplicates(session, ZaloTokens, [row])
    tokens = _lock(session, sender)
    tokens.login_hash, tokens.login_until = login_hash, until
    return tokens.code_verifier


def take_login(session: Session, sender: str, login_hash: str, now: datetime) -> str | None:
    """The code verifier for a consent that came back, once; None for any other."""
    tokens = session.scalars(select(ZaloTokens).where(ZaloTokens.sender == sender).with_for_update()).first()
    if tokens is None or tokens.login_hash != login_hash or tokens.login_until is None or tokens.login_until <= now:
        return None
    tokens.login_hash = tokens.login_until = None
    return tokens.code_verifier


def store_login(session: Session, sender: str, pair: TokenPair, now: datetime) -> None:
    """Keep the tokens of a new consent; a refresh under way meanwhile is over, and its answer is not kept."""
    _keep(_lock(session, sender), pair, now)


def claim_refresh(session: Session, sender: str, version: int, owner: str, now: datetime, lease: timedelta) -> Claim:
    """Take the refresh token of a version for ourselves, for a while. A claim that was never given back, as by a
    process that was killed, ends with its lease."""
    tokens = session.scalars(select(ZaloTokens).where(ZaloTokens.sender == sender).with_for_update()).first()
    if tokens is None or tokens.refresh_token is None:
        return Claim()
    if tokens.version != version:
        return Claim(is_newer=True)
    if tokens.refused_at is not None:
        return Claim()
    if tokens.claimed_until is not None and tokens.claimed_until > now:
        return Claim(is_busy=True)
    tokens.claimed_by, tokens.claimed_until = owner, now + lease
    return Claim(refresh_token=tokens.refresh_token)


def store_refresh(session: Session, sender: str, version: int, pair: TokenPair, now: datetime) -> bool:
    """Keep the pair that a refresh token of this version was exchanged for, whoever holds the claim by now: it is the
    only pair worth having. False when there is a newer one, from a new login."""
    tokens = _lock(session, sender)
    if tokens.version != version:
        return False
    _keep(tokens, pair, now)
    return True


def release_refresh(session: Session, sender: str, version: int, owner: str, refused_at: datetime | None) -> bool:
    """Give a claim back after a refresh that failed; with ``refused_at`` the token is dead, and nobody tries it again.
    False when there is a newer pair, so that the failure means nothing."""
    tokens = _lock(session, sender)
    if tokens.version != version:
        return False
    if tokens.claimed_by == owner:
        tokens.claimed_by = tokens.claimed_until = None
    if refused_at is not None:
        tokens.refused_at = refused_at
    return True


def forget_tokens(session: Session, sender: str) -> None:
    """Erase the tokens of an account; it must be logged in anew, with a new challenge in the console."""
    session.execute(delete(ZaloTokens).where(ZaloTokens.sender == sender))


def _keep(tokens: ZaloTokens, pair: TokenPair, now: datetime) -> None:
    tokens.access_token, tokens.refresh_token = pair.access_token, pair.refresh_token
    tokens.version += 1
    tokens.obtained_at = now
    tokens.access_until = now + timedelta(seconds=pair.access_seconds)
    lifetime = REFRESH_LIFETIME if pair.refresh_seconds is None else timedelta(seconds=pair.refresh_seconds)
    tokens.refresh_until = now + lifetime
    tokens.refused_at = tokens.claimed_by = tokens.claimed_until = None


def _lock(session: Session, sender: str) -> ZaloTokens:
    return session.scalars(select(ZaloTokens).where(ZaloTokens.sender == sender).with_for_update()).one()
