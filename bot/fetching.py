"""Fetches the file of an event from its platform and has it cleaned, before anybody holds the database for it."""

import asyncio
from dataclasses import dataclass, replace

import structlog

from bot.cleaning import CleaningRoom
from bot.transports import AccountPaused, FetchUnavailable, FileGone, FileTooLarge, Raw, Transport
from handlers.chat import MAX_FILE_BYTES, Attachment, AttachmentKind, Cleaner, Reply
from handlers.errors import FileRefused
from knowledge.texts import t

log = structlog.get_logger()

_AT_ONCE = 8
"""Files in memory at the same time."""
_FETCH_SECONDS = 60.0
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_PATIENCE_SECONDS = 600.0
"""How long we ask again for a file whose platform does not answer. The person's other messages wait behind it, so then
they are asked to send it once more."""

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Wanted:
    """The file of an event that a step takes; ``stored`` are its bytes where they lie with the event."""

    event_id: int
    transport: Transport
    raw: Raw
    attachment: Attachment | None
    cleaner: Cleaner
    stored: bytes | None


@dataclass(frozen=True)
class Ready:
    """What an event's file turned out to be: cleaned, or refused."""

    event_id: int
    attachment: Attachment


class Fetcher:
    """Gets files ready, a few at a time."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._cleaning = CleaningRoom()

    async def prepare(self, wanted: Wanted) -> Ready:
        """The file, cleaned; or why it is not taken, in words for the person. Never fails: an error of our own is one
        more reason not to take a file."""
        attachment = wanted.attachment or Attachment(AttachmentKind.OTHER)
        try:
            _check(wanted.attachment)
            content = wanted.stored if wanted.stored is not None else await self._fetch(wanted)
            if len(content) > MAX_FILE_BYTES:
                raise _too_large()
            cleaned = await self._cleaning.clean(wanted.cleaner, content)
        except FileRefused as refused:
            log.info("file_refused", event_id=wanted.event_id, sender=wanted.transport.sender, reason=refused.key)
            return Ready(wanted.event_id, replace(attachment, refusal=Reply(t(refused.key, **refused.values))))
        except Exception as error:  # noqa: BLE001  # whatever it is, the person must not wait for this file for ever
            log.error("file_not_prepared", event_id=wanted.event_id, error=type(error).__name__)
            return Ready(wanted.event_id, replace(attachment, refusal=Reply(t("files.unreadable"))))
        size = len(cleaned.content)
        return Ready(wanted.event_id, Attachment(cleaned.kind, cleaned.media_type, size, cleaned))

    async def _fetch(self, wanted: Wanted) -> bytes:
        """Ask the platform until it answers, or our patience ends."""
        started, pause = asyncio.get_running_loop().time(), _FIRST_PAUSE_SECONDS
        while True:
            try:
                async with self._room, asyncio.timeout(_FETCH_SECONDS):
                    return await wanted.transport.fetch(wanted.raw, MAX_FILE_BYTES)
            except FileGone:
                raise FileRefused("files.gone") from None
            except FileTooLarge:
                raise _too_large() from None
            except AccountPaused as paused:
                wait = paused.seconds
            except (FetchUnavailable, TimeoutError) as error:
                log.warning("file_not_fetched", sender=wanted.transport.sender, error=type(error).__name__)
                wait, pause = pause, min(pause * 4, _LONGEST_PAUSE_SECONDS)
            if asyncio.get_running_loop().time() + wait > started + _PATIENCE_SECONDS:
                raise FileRefused("files.unreachable")
            await asyncio.sleep(wait)


def _check(attachment: Attachment | None) -> None:
    """Refuse what need not be fetched to be refused."""
    if attachment is None:
        raise FileRefused("files.gone")
    if attachment.kind is AttachmentKind.OTHER:
        raise FileRefused("files.not_taken")
    if (attachment.size or 0) > MAX_FILE_BYTES:
        raise _too_large()


def _too_large() -> FileRefused:
    return FileRefused("files.too_large", limit=MAX_FILE_BYTES // _MEGABYTE)
