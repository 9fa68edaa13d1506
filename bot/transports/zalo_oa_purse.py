"""What an Official Account may still spend on bulletins this month: asked before each message that costs money, so that
a window that closes between planning and sending never spends more than the operator allowed."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from db.channel_accounts import count_paid, find_accounts
from db.session import Database
from handlers.feature import VIETNAM

_LOOK_EVERY = timedelta(minutes=1)
_SETTLED = timedelta(seconds=5)
"""How long it may take until a message that was sent stands in the ledger."""


class Purse:
    """The money of one account. One process at a time sends on it, so what is taken here and not yet in the ledger is
    known here. Raises SQLAlchemyError where the database is away: then nothing is spent."""

    def __init__(self, database: Database, sender: str, now: Callable[[], datetime]) -> None:
        self._database = database
        self._sender = sender
        self._now = now
        self._looked_at: datetime | None = None
        self._left: int | None = 0
        self._taken: list[datetime] = []
        self._turn = asyncio.Lock()

    async def take(self) -> bool:
        """Take the price of one message; False when there is not enough, or no price is known."""
        async with self._turn:  # messages go side by side: one looks, and none takes what another one has taken
            if self._looked_at is None or not self._looked_at <= self._now() < self._looked_at + _LOOK_EVERY:
                await self._look()
        if self._left is None:
            return True
        if self._left <= 0:
            return False
        self._left -= 1
        self._taken.append(self._now())
        return True

    async def _look(self) -> None:
        """Count anew from the ledger. What was taken a moment ago may not stand there yet, so it is counted as well:
        rather some messages too few than one too many."""
        left = await self._database.look(count_left, self._sender, self._now())
        self._looked_at = self._now()
        self._taken = [at for at in self._taken if at > self._looked_at - _SETTLED]
        self._left = None if left is None else left - len(self._taken)


def count_left(session: Session, sender: str, now: datetime) -> int | None:
    """How many messages there is money for; None where it has no end."""
    account = find_accounts(session, [sender])[sender]
    if account.price_outside_window is None:
        return 0
    if not account.price_outside_window or account.dong_per_month is None:
        return None
    since = now.astimezone(VIETNAM).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    spent = count_paid(session, sender, since) * account.price_outside_window
    return (account.dong_per_month - spent) // account.price_outside_window
