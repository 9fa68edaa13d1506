"""Addresses of files that are no secret: signed, good for some days, answered by our own web server.

Some platforms take a picture only by its address. The content stays where it is, sealed in the ledger line of its
message.
"""

import hmac
import mimetypes
import re
from collections.abc import Callable
from datetime import datetime, timedelta

from db.deliveries import find_line
from db.keys import KeyProblem
from db.session import Database
from handlers.chat import File, StoredReply

PUBLIC_FILES_PATH = "/files"

LIFETIME = timedelta(days=6)
"""Shorter than the seven days for which the ledger keeps what a message holds."""

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

    async def find(self, name: str) -> File | None:
        """The file behind an address of ours; None when it is none, too old, erased meanwhile, or personal."""
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

    def _sign(self, ledger_id: int, number: int, until: int) -> str:
        return self._database.keys.hash("public_file", str(ledger_id), str(number), str(until))
