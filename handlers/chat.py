"""Incoming, Reply, Button: the words every feature speaks and every transport translates."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from db.models import TopicAct
from handlers.actions import Action, decode, encode


class Kind(StrEnum):
    """What a person did."""

    TEXT = "text"
    BUTTON = "button"
    STICKER = "sticker"
    FILE = "file"
    CONTACT = "contact"
    UNREADABLE = "unreadable"
    GROUP = "group"
    LEFT = "left"


@dataclass(frozen=True)
class Channel:
    """What features must know of the channel a person is on. ``is_abroad``: what is written there is stored on servers
    outside Vietnam, which Law 91/2025/QH15 Article 20 makes us say before asking for personal data.
    ``numbers_buttons``: nobody can press there, so buttons stand as a numbered list and their numbers are typed;
    ``most_buttons``: more than so many under one message stand as such a list. ``takes_case_files``: what was sent with
    a case may be handed to an officer there; ``has_groups``: a group of officers there may hear of cases."""

    name: str
    serves_members: bool = True
    serves_officers: bool = True
    is_abroad: bool = False
    numbers_buttons: bool = False
    most_buttons: int | None = None
    takes_case_files: bool = True
    has_groups: bool = False

    def numbers(self, count: int) -> bool:
        """Whether so many buttons under one message stand as a numbered list."""
        return self.numbers_buttons or (self.most_buttons is not None and count > self.most_buttons)


@dataclass(frozen=True)
class Contact:
    """A telephone number shared through the platform; ``is_own`` only where the platform vouches that it is theirs."""

    phone: str
    is_own: bool


MAX_FILE_BYTES = 10 * 1024 * 1024
"""The largest file that is taken on any channel: a good photograph has 2–6 MB; Telegram hands bots 20 MB at most."""


class AttachmentKind(StrEnum):
    """What a file that somebody sent is; ``OTHER`` is sent too, and never taken."""

    PICTURE = "picture"
    DOCUMENT = "document"
    VOICE = "voice"
    OTHER = "other"


@dataclass(frozen=True)
class Cleaned:
    """A file as our own code wrote it anew: of the right kind by its bytes, and nothing in it says who made it, when,
    where or with what. ``distorted`` is the same voice made hard to recognise."""

    media_type: str
    kind: AttachmentKind
    content: bytes
    distorted: bytes | None = None


Cleaner = Callable[[bytes], Cleaned]
"""Takes the bytes of a file as they came. A function of a module, since it runs in a process of its own; raises a
`handlers.errors.FileRefused` for what is not taken."""


@dataclass(frozen=True)
class Attachment:
    """A file that somebody sent: what the platform claims of it, and the file itself once it was fetched and cleaned,
    which is done before a step that takes files hears of it; or ``refusal``, what the person is told instead. A file as
    it came never reaches a conversation."""

    kind: AttachmentKind
    media_type: str | None = None
    size: int | None = None
    cleaned: Cleaned | None = None
    refusal: "Reply | None" = None


@dataclass(frozen=True)
class Group:
    """A group in which somebody typed a command, or from which the bot was taken out; ``has_topics`` where its messages
    may stand in topics."""

    address: str
    title: str
    has_topics: bool


@dataclass(frozen=True)
class Incoming:
    """One thing that one person did on one channel.

    ``sender`` names our bot account, ``address`` where to answer them there, ``event_id`` is the platform's own id.
    ``action`` is the payload of a pressed button, still encoded: it may come from an older version of this program.
    ``group``: a command was typed there, or the bot was taken out of it; who did so stands in ``address``, and it is
    that person who is answered.
    """

    sender: str
    address: str
    event_id: str
    kind: Kind
    text: str = ""
    action: str | None = None
    display_name: str | None = None
    sent_at: datetime | None = None
    contact: Contact | None = None
    attachment: Attachment | None = None
    group: Group | None = None


@dataclass(frozen=True)
class Button:
    """A choice under a message: an action of ours, a link, or (``shares_contact``) the platform's own way of sharing
    one's telephone number; a channel without such a way leaves that button out. ``starts``, under a message in a group:
    opens one's private chat with the bot, which is sent these letters."""

    label: str
    action: Action | None = None
    url: str | None = None
    shares_contact: bool = False
    starts: str | None = None


@dataclass(frozen=True)
class File:
    """A file that goes out with a message: a picture when its media type begins with ``image/``. A personal one never
    gets a public address, so a channel that can only send addresses says where to fetch it instead. ``digest`` (SHA-256
    of the content) stands with one that goes to many, so that a platform is handed it once."""

    name: str
    media_type: str
    content: bytes
    is_personal: bool = True
    digest: str | None = None


TOPIC_GONE = "topic_gone"
"""Why a message to a topic failed that somebody deleted."""

GROUP_GONE = ("blocked", "group_gone")
"""Why a message failed to a group in which the bot is no longer, or that there is no longer."""


@dataclass(frozen=True)
class Topic:
    """What a message does with a topic of a group: it opens one under this name and stands in it, stands in the one of
    this number, is the last there; or the topic is removed with all that stands in it, and no message is sent."""

    act: TopicAct
    name: str = ""
    number: int | None = None


@dataclass(frozen=True)
class Reply:
    """A message to a person: text in our formatting subset (docs/reference/formatting.md), buttons below it, and files
    (small ones: they are stored, sealed, in the ledger line until it is erased). With a ``topic``: to a group."""

    text: str
    buttons: tuple[Button, ...] = field(default=())
    files: tuple[File, ...] = field(default=())
    topic: Topic | None = None

    def to_json(self) -> dict[str, Any]:
        """The form in which it is stored until it is sent."""
        body: dict[str, Any] = {"text": self.text, "buttons": [_button_to_json(button) for button in self.buttons]}
        if self.files:
            body["files"] = [_file_to_json(file) for file in self.files]
        if self.topic is not None:
            body["topic"] = {"act": self.topic.act.value, "name": self.topic.name, "number": self.topic.number}
        return body


def _button_to_json(button: Button) -> dict[str, Any]:
    if button.shares_contact:
        return {"label": button.label, "shares_contact": True}
    if button.starts is not None:
        return {"label": button.label, "starts": button.starts}
    if button.action is None:
        return {"label": button.label, "url": button.url}
    return {"label": button.label, "action": encode(button.action)}


def _file_to_json(file: File) -> dict[str, Any]:
    return {
        "name": file.name,
        "media_type": file.media_type,
        "content": base64.b64encode(file.content).decode(),
        "is_personal": file.is_personal,
    } | ({"digest": file.digest} if file.digest else {})


@dataclass(frozen=True)
class StoredButton:
    """A button as it was stored: its action stays encoded, since only pressing it gives it a meaning."""

    label: str
    action: str | None = None
    url: str | None = None
    shares_contact: bool = False
    starts: str | None = None


@dataclass(frozen=True)
class StoredReply:
    """A reply read back from the ledger, as transports receive it. ``first_number`` is that of its first button where
    buttons are numbered; ``ledger_id`` names the line it stands in. With ``spares_money`` it costs something only where
    the account still has money for bulletins this month."""

    text: str
    buttons: tuple[StoredButton, ...] = ()
    files: tuple[File, ...] = ()
    first_number: int = 1
    ledger_id: int | None = None
    topic: Topic | None = None
    spares_money: bool = False

    @classmethod
    def from_json(cls, body: Any, ledger_id: int | None = None) -> "StoredReply":
        """Read what `Reply.to_json` wrote, and the inbox numbered."""
        buttons = (
            StoredButton(
                button["label"],
                button.get("action"),
                button.get("url"),
                bool(button.get("shares_contact", False)),
                button.get("starts"),
            )
            for button in body.get("buttons", [])
        )
        files = (
            File(
                file["name"],
                file["media_type"],
                base64.b64decode(file["content"]),
                file["is_personal"],
                file.get("digest"),
            )
            for file in body.get("files", [])
        )
        first_number = body.get("first_number", 1)
        return cls(body["text"], tuple(buttons), tuple(files), first_number, ledger_id, _topic_from(body.get("topic")))


def _topic_from(body: Any) -> Topic | None:
    return Topic(TopicAct(body["act"]), body["name"], body["number"]) if body else None


def read_action(payload: str) -> Action | None:
    """The action behind a button's payload; None when this version no longer knows it."""
    return decode(payload)
