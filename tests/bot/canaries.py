"""Words planted wherever a platform or our own records say who somebody is, and the search for them in any spelling."""

import json
import urllib.parse
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from gzip import decompress
from io import BytesIO
from pathlib import Path

from bot.settings import Settings
from tests.handlers import planted
from tests.standins.telegram import DESK_TOKEN, TelegramStandIn
from tests.standins.telegram_people import Person as Writer

from .test_at_rest import backup_of, ways_of_writing

FIRST, LAST, USERNAME, LANGUAGE = "Bạch Nhạn", "Trịnh Thượng", "bach_nhan_q7z", "qz-q7lang"
NUMBER, OTHER_NUMBER = 6180339887, 6180339901
SHARED_PHONE, KNOWN_PHONE, KNOWN_NAME = "0938271605", "0977123987", "Quách Thị Thanh Huyền"
FORWARDED, FILE, PAYLOAD, MEDIA_TYPE = "Ứng Hòe Kể Lại", "phiếu của Nhạn", "q7zpayload", "application/x-q7ztype"
CANARIES = (
    FIRST, LAST, USERNAME, LANGUAGE, str(NUMBER), str(OTHER_NUMBER), SHARED_PHONE, KNOWN_PHONE, KNOWN_NAME,
    FORWARDED, FILE, PAYLOAD, MEDIA_TYPE, planted.PLANT,
)  # fmt: skip


def spellings(word: str) -> Iterator[bytes]:
    """A word as it may be found: as written, bare, escaped, in wide letters, in hexadecimal or base64 at any place."""
    yield from ways_of_writing(word)
    yield from (urllib.parse.quote(word).encode(), urllib.parse.quote_plus(word).encode())
    yield word.encode().hex().upper().encode()
    for wide in ("utf-16-le", "utf-16-be"):
        yield word.encode(wide)
    for before in range(3):
        raw = b64encode(b"\0" * before + word.encode())[4 if before else 0 : (before + len(word.encode())) // 3 * 4]
        yield from (raw, raw.translate(bytes.maketrans(b"+/", b"-_")))
    if word.isdigit() and not word.startswith("0"):
        yield from (int(word).to_bytes(8, "big"), f"{int(word):x}".encode())
    if word.startswith("0"):
        yield word[1:].encode()  # behind +84 or 84
        yield from (gap.join((word[:4], word[4:7], word[7:])).encode() for gap in (" ", "."))


FORMS = {form: word for word in CANARIES for form in spellings(word)}


def found_in(content: bytes) -> set[str]:
    """Which canaries stand in something, also in what an archive or a PDF holds packed."""
    found = {word for form, word in FORMS.items() if form in content}
    if content.startswith(b"PK"):
        with zipfile.ZipFile(BytesIO(content)) as archive:
            for name in archive.namelist():
                found |= found_in(name.encode()) | found_in(archive.read(name))
    return found | ({planted.PLANT} if content.startswith(b"%PDF") and planted.finds(content) else set())


def findings(shown: dict[str, bytes]) -> dict[str, set[str]]:
    """Where which canaries stand."""
    return {where: found for where, content in shown.items() if (found := found_in(content))}


def desk_says(telegram: TelegramStandIn, since: int = 0, to: int | None = None) -> dict[str, bytes]:
    """Everything the officers' bot asked Telegram to show, to officers, their group and the operator: words, buttons,
    names of files and what is in them."""
    shown = {}
    for number, call in enumerate(telegram.log[since:to]):
        if call.bot.token == DESK_TOKEN and call.method != "getUpdates":
            params = {key: value for key, value in call.params.items() if key != "_files"}
            shown[f"{call.method} {number}"] = json.dumps(params, ensure_ascii=False).encode()
            for name, content in call.params.get("_files", {}).values():
                shown[f"{name} {number}"] = name.encode() + content
                shown[f"{name} {number} packed"] = content
    return shown


def inbound(*people: Writer) -> bytes:
    """Everything that Telegram handed over of these people, files included."""
    messages = [message.data for one in people for message in one.chat.history if not message.is_by_bot()]
    return json.dumps(messages, ensure_ascii=False).encode() + b"".join(people[0].chat.bot.files.values())


def back_up_everything(settings: Settings, folder: Path) -> dict[str, bytes]:
    """All that a backup consists of, unpacked."""
    everything = {"backup": backup_of(settings, folder)}
    for path in (path for path in folder.rglob("*") if path.is_file()):
        raw = path.read_bytes()
        everything[f"backup {path.name}"] = raw + (decompress(raw) if path.suffix == ".gz" else b"")
    return everything
