"""What can go wrong in a conversation: expected errors with a sentence for the member, and short codes for the rest."""

import hashlib
import traceback

from handlers.actions import ShowMenu
from handlers.chat import Button, Reply
from knowledge.texts import t


class UserError(Exception):
    """Something the member can understand: ``key`` names the sentence, ``values`` fill it."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


class Outdated(UserError):
    """A button or state belongs to a world that has changed since."""

    def __init__(self) -> None:
        super().__init__("errors.outdated")


class FileRefused(UserError):
    """A file that is not taken: too large, gone, of a kind we cannot clean, or more than it pretends to be."""


def explain(error: UserError) -> Reply:
    """The sentence for the member."""
    return Reply(t(error.key, **error.values), (Button(t("menu.button"), ShowMenu()),))


def explain_failure(code: str, hotline: str) -> Reply:
    """What a member hears when their message could not be handled, with the code that stands in the log."""
    return Reply(t("errors.unexpected", code=code, hotline=hotline), (Button(t("menu.button"), ShowMenu()),))


def code_of(error: BaseException) -> str:
    """A short code for an unexpected error: the same place in the program gives the same code."""
    frames = traceback.extract_tb(error.__traceback__)
    place = "".join(f"{frame.filename.rsplit('/', 2)[-1]}:{frame.name}" for frame in frames[-3:])
    digest = hashlib.sha256(f"{type(error).__name__}{place}".encode()).hexdigest()
    return f"L{int(digest[:8], 16) % 10_000:04d}"
