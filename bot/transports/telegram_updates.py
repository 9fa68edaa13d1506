"""Reads Telegram's updates, alike for the members' bot and the officers' desk bot, whichever library brings them."""

from datetime import UTC, datetime

import structlog

from bot.transports import Raw
from handlers.chat import Attachment, AttachmentKind, Contact, Group, Incoming, Kind

log = structlog.get_logger()

ALLOWED_UPDATES = ["message", "callback_query", "my_chat_member"]

_FILES = {
    "animation": AttachmentKind.OTHER,  # before "document", which stands beside it
    "photo": AttachmentKind.PICTURE,
    "document": AttachmentKind.DOCUMENT,
    "voice": AttachmentKind.VOICE,
    "audio": AttachmentKind.VOICE,
    "video": AttachmentKind.OTHER,
    "video_note": AttachmentKind.OTHER,
}


_MAY_HAVE_TOPICS = "supergroup"
_GROUPS = ("group", _MAY_HAVE_TOPICS)
_GONE = ("left", "kicked")

_TELLING = ("file_name", "title", "performer")


def utf16_length(text: str) -> int:
    """Telegram counts UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def read_update(raw: Raw, sender: str, start_command: str = "") -> Incoming | None:
    """The event in an update, or None for kinds and chats we do not serve, and for what is no update at all. The words
    behind "/start" (a deep link's payload) are dropped, or handed to ``start_command``."""
    try:
        return _read(raw, sender, start_command)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        log.warning("telegram_update_unreadable", sender=sender, error=type(error).__name__)
        return None


def _read(raw: Raw, sender: str, start_command: str) -> Incoming | None:
    event_id = str(raw.get("update_id"))
    if "callback_query" in raw:
        return _read_button(event_id, raw["callback_query"], sender)
    if "my_chat_member" in raw:
        return _read_membership(event_id, raw["my_chat_member"], sender)
    return _read_message(event_id, raw["message"], sender, start_command) if "message" in raw else None


def _read_message(event_id: str, message: Raw, sender: str, start_command: str) -> Incoming | None:
    if message.get("chat", {}).get("type") != "private":
        return None  # a group reads along: nothing personal is ever answered there
    return Incoming(
        sender=sender,
        address=str(message["chat"]["id"]),
        event_id=event_id,
        kind=_kind_of(message),
        text=_clean_command(message.get("text") or message.get("caption") or "", start_command),
        display_name=message.get("from", {}).get("first_name"),
        sent_at=datetime.fromtimestamp(message["date"], UTC) if "date" in message else None,
        contact=_read_contact(message),
        attachment=_read_attachment(message),
    )


def read_group_command(raw: Raw, sender: str, command: str) -> Incoming | None:
    """This very command, typed in a group by somebody who shows who they are; None for everything else that is said
    there, which is nobody's business here."""
    try:
        return _read_in_group(raw, sender, command)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        log.warning("telegram_update_unreadable", sender=sender, error=type(error).__name__)
        return None


def _read_in_group(raw: Raw, sender: str, command: str) -> Incoming | None:
    message = raw.get("message") or {}
    chat, person = message.get("chat", {}), message.get("from", {})
    text = _clean_command(message.get("text") or "", "")
    if chat.get("type") not in _GROUPS or person.get("is_bot") or text.split(" ")[0] != command:
        return None
    return Incoming(
        sender=sender,
        address=str(person["id"]),
        event_id=str(raw["update_id"]),
        kind=Kind.GROUP,
        text=text,
        display_name=person.get("first_name"),
        group=Group(str(chat["id"]), str(chat.get("title") or ""), bool(chat.get("is_forum"))),
    )


def read_removal(raw: Raw, sender: str) -> Incoming | None:
    """That somebody took the bot out of a group, or closed it; None for everything else. A group that Telegram makes
    a larger one is no end of it: of those that may have topics none is of the small kind."""
    try:
        change = raw.get("my_chat_member") or {}
        if change.get("chat", {}).get("type") != _MAY_HAVE_TOPICS or change["new_chat_member"]["status"] not in _GONE:
            return None
        group, by = Group(str(change["chat"]["id"]), "", has_topics=False), str(change["from"]["id"])
        return Incoming(sender, by, str(raw["update_id"]), Kind.LEFT, group=group)
    except (KeyError, TypeError, AttributeError) as error:
        log.warning("telegram_update_unreadable", sender=sender, error=type(error).__name__)
        return None


def _kind_of(message: Raw) -> Kind:
    kinds = {"text": Kind.TEXT, "contact": Kind.CONTACT, "sticker": Kind.STICKER} | dict.fromkeys(_FILES, Kind.FILE)
    return next((kind for key, kind in kinds.items() if key in message), Kind.UNREADABLE)


def _find_file(message: Raw) -> tuple[AttachmentKind, Raw] | None:
    """What hangs on a message, as Telegram describes it; of a picture the largest size."""
    for key, kind in _FILES.items():
        if found := message.get(key):
            return kind, found[-1] if key == "photo" else found
    return None


def _read_attachment(message: Raw) -> Attachment | None:
    found = _find_file(message)
    if found is None:
        return None
    kind, described = found
    media_type = "image/jpeg" if kind is AttachmentKind.PICTURE else described.get("mime_type")
    return Attachment(kind, media_type, described.get("file_size"))


def forget_names(raw: Raw) -> None:
    """Take the names of files out of an update before it is stored: they often say who somebody is."""
    message = raw.get("message")
    if not isinstance(message, dict):
        return
    for described in (message.get(kind) for kind in _FILES):
        if isinstance(described, dict):
            for name in _TELLING:
                described.pop(name, None)


def file_id_of(raw: Raw) -> str | None:
    """What names the file of an update at Telegram; None when it holds none."""
    try:
        found = _find_file(raw["message"])
        return str(found[1]["file_id"]) if found else None
    except (KeyError, TypeError, AttributeError, IndexError):
        return None


def is_file_gone(description: str) -> bool:
    """Whether a refusal of getFile speaks of the file; else it speaks of us or of the moment."""
    return "file" in description.lower()


def is_file_too_large(description: str) -> bool:
    """Bots get files up to 20 MB (Bot API, getFile)."""
    return "too big" in description.lower()


def _read_contact(message: Raw) -> Contact | None:
    """Anybody can send anybody's card: it is the sender's own number only where Telegram names them as its owner."""
    card = message.get("contact")
    if card is None:
        return None
    return Contact(str(card["phone_number"]), card.get("user_id") == message["from"]["id"])


def _read_button(event_id: str, query: Raw, sender: str) -> Incoming | None:
    chat = query.get("message", {}).get("chat", {})
    if chat.get("type", "private") != "private":
        return None
    return Incoming(
        sender=sender,
        address=str(query["from"]["id"]),
        event_id=event_id,
        kind=Kind.BUTTON,
        action=query.get("data", ""),
        display_name=query["from"].get("first_name"),
    )


def _read_membership(event_id: str, change: Raw, sender: str) -> Incoming | None:
    if change["chat"]["type"] != "private" or change["new_chat_member"]["status"] != "kicked":
        return None
    return Incoming(sender, str(change["chat"]["id"]), event_id, Kind.LEFT)


def _clean_command(text: str, start_command: str) -> str:
    """ "/huy@our_bot" is "/huy"; "/start payload" is "/start", or the start command with the payload behind it."""
    if not text.startswith("/"):
        return text
    command, *words = text.split(" ")
    command = command.split("@")[0]
    if command != "/start":
        return " ".join([command, *words])
    return " ".join([start_command, *words]) if start_command and words else command
