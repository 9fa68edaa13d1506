"""What Zalo posts about an Official Account: whether it is genuine, and what it says.

Facts from copies of Zalo's event pages (docs/reference/zalo-official-account.md); where copies disagree, every form is
taken, and of signatures the form that came is counted.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from db.zalo_oa import NoteKind
from handlers.chat import Attachment, AttachmentKind, Contact, Incoming, Kind

PRESSED = "#!"
"""Stands before the payload of our buttons: Zalo sends a pressed button as if the person had typed its payload."""

OLDEST = timedelta(hours=3)
"""Zalo repeats an event for an hour and fifty minutes; what is older is a replay."""
NEWEST = timedelta(minutes=10)
"""Clocks differ."""

_LONGEST_ID = 80
_FILES = {
    "image": AttachmentKind.PICTURE,
    "gif": AttachmentKind.OTHER,
    "file": AttachmentKind.DOCUMENT,
    "audio": AttachmentKind.VOICE,
    "video": AttachmentKind.OTHER,
}
_MILLISECONDS_FROM = 100_000_000_000
"""Moments come in milliseconds; a number below this one (year 5138) is in seconds."""


@dataclass(frozen=True)
class Receipt:
    """Messages of ours reached a phone, or were seen there."""

    message_ids: tuple[str, ...]
    is_seen: bool


@dataclass(frozen=True)
class Event:
    """What an event says: a person did something (``note``), spoke to us (``incoming``), saw something of ours, or
    wants their data erased."""

    at: datetime
    user_id: str | None = None
    note: NoteKind | None = None
    incoming: Incoming | None = None
    receipt: Receipt | None = None
    is_withdrawal: bool = False


def find_signer(signature: str, body: bytes, timestamp: str, secret: str, signers: dict[str, str]) -> str | None:
    """The name of the first signer whose id makes this signature; None when none does. Plain SHA-256, compared in
    constant time and for every signer, whichever it is."""
    given = signature.rpartition("=")[2].strip().lower().encode()
    found = None
    for name, signer in signers.items():
        signed = hashlib.sha256(signer.encode() + body + timestamp.encode() + secret.encode()).hexdigest()
        if hmac.compare_digest(signed.encode(), given) and found is None:
            found = name
    return found


def timestamp_of(raw: dict[str, Any]) -> str:
    """The moment as it was written, of which the signature is made; empty when there is none."""
    value = raw.get("timestamp", "")
    return str(value) if isinstance(value, str | int) else ""


def moment_of(timestamp: str) -> datetime | None:
    """The moment of an event; None when it is none."""
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 15:
        return None
    number = int(timestamp)
    seconds = number / 1000 if number >= _MILLISECONDS_FROM else number
    return datetime.fromtimestamp(seconds, UTC)


def is_recent(at: datetime, now: datetime) -> bool:
    """Whether an event may be taken; one that was sent long ago is a replay."""
    return now - OLDEST <= at <= now + NEWEST


def account_of(raw: dict[str, Any]) -> str | None:
    """The Official Account an event is about; None when it does not say."""
    if "oa_id" in raw:
        return str(raw["oa_id"])
    side = "sender" if str(raw.get("event_name", "")).startswith(("oa_", "user_received", "user_seen")) else "recipient"
    found = raw.get(side)
    return _text(found.get("id")) if isinstance(found, dict) else None


def read_event(raw: dict[str, Any], sender: str) -> Event | None:
    """What an event says; None for kinds that are nothing for us. Raises KeyError, TypeError, ValueError or
    AttributeError for an event of a shape we do not know."""
    name = raw.get("event_name")
    if not isinstance(name, str):
        return None
    at = moment_of(timestamp_of(raw))
    if at is None:
        raise ValueError("no moment")
    if name in ("user_received_message", "user_seen_message"):
        return _read_receipt(raw, name, at)
    if name in ("follow", "unfollow"):
        note = NoteKind.FOLLOWED if name == "follow" else NoteKind.UNFOLLOWED
        return Event(at, str(raw["follower"]["id"]), note)
    if name == "user_withdraw":
        return Event(at, _user_of(raw), is_withdrawal=True)
    if name == "user_click_chatnow":
        return Event(at, _user_of(raw), NoteKind.INTERACTED)
    if name == "user_submit_info":
        return _read_contact(raw, sender, at)
    is_message = name.startswith("user_send_") and not name.startswith("user_send_group_")
    return _read_message(raw, name.removeprefix("user_send_"), sender, at) if is_message else None


def _read_receipt(raw: dict[str, Any], name: str, at: datetime) -> Event:
    message = raw.get("message") or {}
    ids = message.get("msg_ids") or [message.get("msg_id") or raw["msg_id"]]
    known = tuple(str(one)[:_LONGEST_ID] for one in ids)
    return Event(at, receipt=Receipt(known, name == "user_seen_message"))


def _read_contact(raw: dict[str, Any], sender: str, at: datetime) -> Event:
    info, user_id = raw["info"], _user_of(raw)
    phone = _text(info.get("phone")) or ""
    incoming = Incoming(
        sender,
        user_id,
        _own_id(raw),
        Kind.CONTACT,
        display_name=_text(info.get("name")),
        sent_at=at,
        contact=Contact(f"+{phone}" if phone.startswith("84") else phone, is_own=True),
    )
    return Event(at, user_id, NoteKind.INTERACTED, incoming)


def _read_message(raw: dict[str, Any], what: str, sender: str, at: datetime) -> Event:
    message, user_id = raw["message"], _user_of(raw)
    text = _text(message.get("text")) or ""
    kind, action = _kind_of(what, text), None
    if kind is Kind.BUTTON:
        text, action = "", text.removeprefix(PRESSED)
    event_id = (_text(message.get("msg_id")) or _own_id(raw))[:_LONGEST_ID]
    attachment = _read_attachment(raw, what) if kind is Kind.FILE else None
    incoming = Incoming(sender, user_id, event_id, kind, text, action, sent_at=at, attachment=attachment)
    return Event(at, user_id, NoteKind.INTERACTED, incoming)


def _read_attachment(raw: dict[str, Any], what: str) -> Attachment | None:
    """What hangs on a message; None where Zalo gave no address of it. Of a file Zalo tells the size in bytes."""
    found = list_files(raw)
    if not found:
        return None
    described = str((raw["message"]["attachments"][0].get("payload") or {}).get("size"))
    is_number = described.isascii() and described.isdigit() and len(described) < 15
    return Attachment(_FILES[what], size=int(described) if is_number else None)


def _kind_of(what: str, text: str) -> Kind:
    if what == "sticker":
        return Kind.STICKER
    if what in _FILES:
        return Kind.FILE
    if not text and what != "text":
        return Kind.UNREADABLE
    return Kind.BUTTON if text.startswith(PRESSED) else Kind.TEXT


def forget_names(raw: dict[str, Any]) -> None:
    """Take the names of files out of an event before it is stored: they often say who somebody is."""
    for one in (raw.get("message") or {}).get("attachments") or []:
        if isinstance(one.get("payload"), dict):
            one["payload"].pop("name", None)


def list_files(raw: dict[str, Any]) -> list[tuple[str, str]]:
    """What hangs on a message, as (kind, address); the address is Zalo's and ends within days."""
    found = (raw.get("message") or {}).get("attachments") or []
    return [
        (str(one["type"]), str(one["payload"]["url"]))
        for one in found
        if one.get("type") in _FILES and (one.get("payload") or {}).get("url")
    ]


def _user_of(raw: dict[str, Any]) -> str:
    """Whose event it is, always as a string: the ids are larger than what many programs take for a number."""
    user = raw["sender"]["id"] if isinstance(raw.get("sender"), dict) else raw["user_id"]
    return str(user)


def _own_id(raw: dict[str, Any]) -> str:
    """An id for an event that has none: the same for every repeat of it."""
    return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()[:40]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
