"""How a message will stand on each channel, as told by the very code that sends there."""

from dataclasses import dataclass
from typing import Protocol

from handlers.chat import Reply


@dataclass(frozen=True)
class Preview:
    """A message as one channel shows it: the texts it becomes, in our formatting subset, so that bold and links stand
    there only if they do on that channel; the labels that can be pressed (others stand in a text, as a list); and what
    is lost or done otherwise there, each a sentence for an editor."""

    channel: str
    texts: tuple[str, ...]
    buttons: tuple[str, ...]
    notes: tuple[str, ...]


class Previewer(Protocol):
    """Draws a message as every channel would."""

    def __call__(self, reply: Reply) -> list[Preview]:
        """One preview for each channel, always in the same order."""
