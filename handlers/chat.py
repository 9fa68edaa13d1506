"""Incoming, Reply, Button: the words every feature speaks and every transport translates."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from handlers.actions import Action, decode, encode


class Kind(StrEnum):
    """What a person did."""

    TEXT = "text"
    BUTTON = "button"
    STICKER = "sticker"
    FILE = "file"
    UNREADABLE = "unreadable"
    LEFT = "left"


@dataclass(frozen=True)
class Incoming:
    """One thing that one person did on one channel.

    ``sender`` names our bot account, ``address`` where to answer them there, ``event_id`` is the platform's own id.
    ``action`` is the payload of a pressed button, still encoded: it may come from an older version of this program.
    """

    sender: str
    address: str
    event_id: str
    kind: Kind
    text: str = ""
    action: str | None = None
    display_name: str | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True)
class Button:
    """A choice under a message: either an action of ours or a link."""

    label: str
    action: Action | None = None
    url: str | None = None


@dataclass(frozen=True)
class Reply:
    """A message to a person: text in our formatting subset (docs/reference/formatting.md) and buttons below it."""

    text: str
    buttons: tuple[Button, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """The form in which it is stored until it is sent."""
        buttons = [
            {"label": button.label, "url": button.url}
            if button.action is None
            else {"label": button.label, "action": encode(button.action)}
            for button in self.buttons
        ]
        return {"text": self.text, "buttons": buttons}


@dataclass(frozen=True)
class StoredButton:
    """A button as it was stored: its action stays encoded, since only pressing it gives it a meaning."""

    label: str
    action: str | None = None
    url: str | None = None


@dataclass(frozen=True)
class StoredReply:
    """A reply read back from the ledger, as transports receive it."""

    text: str
    buttons: tuple[StoredButton, ...] = ()

    @classmethod
    def from_json(cls, body: Any) -> "StoredReply":
        """Read what `Reply.to_json` wrote."""
        buttons = (
            StoredButton(button["label"], button.get("action"), button.get("url")) for button in body.get("buttons", [])
        )
        return cls(body["text"], tuple(buttons))


def read_action(payload: str) -> Action | None:
    """The action behind a button's payload; None when this version no longer knows it."""
    return decode(payload)
