"""Statements on how each bot account fares: who drives it, and when its platform last answered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.deployment import find_fact, set_fact
from db.models import DeploymentFact

_PREFIX = "channel:"
_NEVER = "-"


@dataclass(frozen=True)
class Health:
    """When a process last drove an account, and when its platform was last known to answer (None: never yet)."""

    driven_at: datetime
    good_at: datetime | None


def note_health(session: Session, sender: str, is_good: bool, now: datetime) -> Health | None:
    """Whoever drives an account writes down how it fares; returns what stood there before."""
    before = _read(find_fact(session, f"{_PREFIX}{sender}"))
    good_at = now if is_good else before.good_at if before else None
    value = f"{now.isoformat()} {good_at.isoformat() if good_at else _NEVER}"
    set_fact(session, f"{_PREFIX}{sender}", value)
    return before


def list_health(session: Session) -> dict[str, Health]:
    """How each account fares that was ever driven."""
    rows = session.scalars(select(DeploymentFact).where(DeploymentFact.name.startswith(_PREFIX)))
    found = {row.name.removeprefix(_PREFIX): _read(row.value) for row in rows}
    return {sender: health for sender, health in found.items() if health is not None}


def down_since(
    health: Mapping[str, Health], senders: Iterable[str], started_at: datetime, now: datetime, patience: timedelta
) -> dict[str, datetime]:
    """Which accounts have not reached their platform for so long, and since when. The time in which this program did
    not run counts for nothing: nobody could have said that a channel is well."""
    silent = {sender: _last_good(health.get(sender), started_at) for sender in senders}
    return {sender: at for sender, at in silent.items() if now - max(at, started_at) >= patience}


def _last_good(health: Health | None, started_at: datetime) -> datetime:
    return health.good_at if health is not None and health.good_at is not None else started_at


def _read(value: str | None) -> Health | None:
    if not value:
        return None
    driven_at, good_at = value.split(" ")
    return Health(datetime.fromisoformat(driven_at), None if good_at == _NEVER else datetime.fromisoformat(good_at))
