"""Addresses of files that are no secret: signed, good for some days, answered by our own web server.

Some platforms take a picture only by its address. The content stays where it is: sealed in the ledger line of its
message, or, of what goes to many, with its bulletin.
"""

import hmac
import mimetypes
import re
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from db.deliveries import find_line
from db.keys import KeyProblem
from db.session import Database
from db.uploaded_files import find_by_digest
from handlers.chat import File, StoredReply

PUBLIC_FILES_PATH = "/files"

LIFETIME = timedelta(days=6)
"""Shorter than the seven days for which the ledger keeps what a message holds."""

_OPEN_NAME = re.compile(r"^b([0-9a-f]{64})-(\d{1,12})-([0-9a-f]{32})(\.\w{1,5})?$")
_NAME = re.compile(r"^(\d{1,18})-(\d{1,3})-(\d{1,12})-([0-9a-f]{32})(\.\w{1,5})?$")


class PublicFiles:
    """Gives out addresses and opens what they name. ``base_url`` is empty where the web server has no public one."""

    def __init__(self, database: Database, base_url: str, now: Callable[[], datetime]) -> None:
        self.base_url = base_url
        self._database = database
        self._now = now

    def address_of(self, ledger_id: int, number: int, file: File) -> str | None:
        """The address of a file of a ledger line; None without a public address. Raises ValueError for a personal file:
        giving it one would be a mistake of ours."""
        if file.is_personal:
            raise ValueError("a personal file has no public address")
        if not self.base_url:
            return None
        until = int((self._now() + LIFETIME).timestamp())
        ending = mimetypes.guess_extension(file.media_type) or ""
        name = f"{ledger_id}-{number}-{until}-{self._sign(ledger_id, number, until)}{ending}"
        return f"{self.base_url}{PUBLIC_FILES_PATH}/{name}"

    def address_of_open(self, file: File) -> tuple[str, datetime] | None:
        """One address for everybody of a file that goes to many, and until when it is good; None without a public
        address. Raises ValueError for a personal file, or one without a digest."""
        if file.is_personal or file.digest is None:
            raise ValueError("only a file that goes to many has an open address")
        if not self.base_url:
            return None
        until_at = self._now() + LIFETIME
        until = int(until_at.timestamp())
        ending = mimetypes.guess_extension(file.media_type) or ""
        name = f"b{file.digest}-{until}-{self._sign_open(file.digest, until)}{ending}"
        return f"{self.base_url}{PUBLIC_FILES_PATH}/{name}", until_at

    async def find(self, name: str) -> File | None:
        """The file behind an address of ours; None when it is none, too old, erased meanwhile, or personal."""
        open_match = _OPEN_NAME.match(name)
        if open_match is not None:
            return await self._find_open(open_match[1], int(open_match[2]), open_match[3])
        match = _NAME.match(name)
        if match is None:
            return None
        ledger_id, number, until = (int(match[place]) for place in (1, 2, 3))
        is_signed = hmac.compare_digest(match[4], self._sign(ledger_id, number, until))
        if not is_signed or until < self._now().timestamp():
            return None
        try:
            line = await self._database.look(find_line, ledger_id)
        except KeyProblem:
            return None
        files = StoredReply.from_json(line.body).files if line is not None and line.body is not None else ()
        return files[number] if number < len(files) and not files[number].is_personal else None

    async def _find_open(self, digest: str, until: int, signature: str) -> File | None:
        is_signed = hmac.compare_digest(signature, self._sign_open(digest, until))
        if not is_signed or until < self._now().timestamp():
            return None
        return await self._database.look(_read_open, digest)

    def _sign_open(self, digest: str, until: int) -> str:
        return self._database.keys.hash("open_file", digest, str(until))

    def _sign(self, ledger_id: int, number: int, until: int) -> str:
        return self._database.keys.hash("public_file", str(ledger_id), str(number), str(until))


def _read_open(session: Session, digest: str) -> File | None:
    row = find_by_digest(session, digest)
    return File(row.name, row.media_type, row.content, is_personal=False, digest=digest) if row else None
