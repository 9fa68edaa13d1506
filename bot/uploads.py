"""Remembers, for one bot account, what its platform calls files that go to many, so that each is handed over once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.session import Database
from db.uploaded_files import drop_upload, find_upload, keep_upload

log = structlog.get_logger()

_MOST_REMEMBERED = 1000


class UploadStore:
    """`bot.transports.Uploads` on the database. Without it a file is handed over again, and nothing else is lost."""

    def __init__(self, database: Database, sender: str, now: Callable[[], datetime]) -> None:
        self._database = database
        self._sender = sender
        self._now = now
        self._known: dict[str, tuple[str, datetime | None]] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    @contextlib.asynccontextmanager
    async def turn(self, digest: str) -> AsyncIterator[None]:
        """One at a time for each file."""
        lock = self._turns.setdefault(digest, asyncio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked() and self._turns.get(digest) is lock:
                del self._turns[digest]

    async def find(self, digest: str) -> str | None:
        """What the platform calls a file now."""
        known = self._known.get(digest)
        if known is None:
            try:
                known = await self._database.look(find_upload, self._sender, digest, self._now())
            except SQLAlchemyError as error:
                log.warning("upload_not_looked_up", sender=self._sender, error=type(error).__name__)
            if known is not None:
                self._remember(digest, known)
        if known is None or (known[1] is not None and known[1] <= self._now()):
            return None
        return known[0]

    async def keep(self, digest: str, platform_id: str, good_until: datetime | None = None) -> None:
        """The platform has the file now and calls it so."""
        self._remember(digest, (platform_id, good_until))
        await self._write(keep_upload, self._sender, digest, platform_id, good_until, self._now())

    async def drop(self, digest: str, platform_id: str) -> None:
        """The platform no longer knows the file by this name; a newer name stays."""
        if self._known.get(digest, ("", None))[0] == platform_id:
            del self._known[digest]
        await self._write(drop_upload, self._sender, digest, platform_id)

    def _remember(self, digest: str, known: tuple[str, datetime | None]) -> None:
        self._known[digest] = known
        while len(self._known) > _MOST_REMEMBERED:
            del self._known[next(iter(self._known))]

    async def _write(self, work: Callable[..., None], *args: object) -> None:
        try:
            await self._database.run(work, *args)
        except SQLAlchemyError as error:
            log.warning("upload_not_noted", sender=self._sender, error=type(error).__name__)
