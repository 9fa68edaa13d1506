"""How a reply is drawn for Telegram: which messages it becomes, and how its buttons share rows."""

from dataclasses import dataclass

from bot.transports.formatting import to_plain
from bot.transports.telegram_updates import utf16_length
from handlers.chat import File, StoredButton, StoredReply

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024

_BUTTONS_IN_A_ROW = 30
"""Labels shorter than this share a row in twos: they still fit on a narrow screen."""


@dataclass(frozen=True)
class Drawn:
    """A message ready to be sent: words in our formatting subset, or a file, or a file with words for its caption."""

    text: str | None = None
    file: File | None = None
    buttons: tuple[StoredButton, ...] = ()


def draw(reply: StoredReply) -> list[Drawn]:
    """The messages of a reply. The text of one with one file is its caption, so that it goes out in one call; else
    files go before."""
    if len(reply.files) == 1 and utf16_length(to_plain(reply.text)) <= CAPTION_LIMIT:
        return [Drawn(reply.text, reply.files[0], reply.buttons)]
    return [*(Drawn(file=file) for file in reply.files), Drawn(reply.text, buttons=reply.buttons)]


def arrange(buttons: tuple[StoredButton, ...]) -> list[list[StoredButton]]:
    """The rows in which buttons stand under a message."""
    rows: list[list[StoredButton]] = []
    for button in buttons:
        if rows and len(rows[-1]) == 1 and _is_short(button) and _is_short(rows[-1][0]):
            rows[-1].append(button)
        else:
            rows.append([button])
    return rows


def _is_short(button: StoredButton) -> bool:
    return len(button.label) * 2 <= _BUTTONS_IN_A_ROW
