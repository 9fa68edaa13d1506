"""What a feature is made of: its commands, its buttons and the steps of its conversations, all in one table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from db.conversations import Standing
from db.models import Account, Conversation
from handlers.actions import Action
from handlers.chat import Channel, Cleaner, Incoming, Reply
from handlers.previews import Previewer
from handlers.workplaces import Finder
from knowledge.answer import Answerer

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")

Draft = dict[str, Any]
"""What a person has typed into an open conversation; plain JSON, kept in the conversation row."""


Alarm = Callable[[Session, str, str], object]
"""Tells the operator: a subject that says it once, and a sentence."""


@dataclass(frozen=True)
class Union:
    """How the union presents itself: its name, a telephone number a person answers, the web page's address, the
    folder with its own document templates, and how many people must tell that their workplace has no union before
    anybody hears of it, and of how many a number about cases must be."""

    name: str
    hotline: str
    web_url: str = ""
    templates: Path | None = None
    no_union_threshold: int = 5
    k_anonymity: int = 5


@dataclass
class Context:
    """Everything a conversation may use while it handles one event: the open transaction, the moment, the person."""

    session: Session
    now: datetime
    account: Account
    conversation: Conversation
    answerer: Answerer
    union: Union
    channel: Channel
    finder: Finder
    previews: Previewer
    alarm: Alarm
    is_new: bool = False
    said: str = ""
    """What the person typed, for commands that carry words of their own ("/vao K7M2-9QTX")."""
    found: dict[str, Any] = field(default_factory=dict)
    """What a feature looked up and needs again while this event is handled."""
    is_back: bool = False
    """Whether what waits beside goes on again by this event, and nobody has said so yet."""

    @property
    def today(self) -> date:
        """The day in Vietnam."""
        return self.now.astimezone(VIETNAM).date()

    def open_step(self, name: str, step: str, draft: Draft) -> list[Reply]:
        """Start or go on with a feature's conversation at a step; returns what that step asks."""
        feature = _FEATURES[name]
        self._hold(feature, step)
        self.is_back = False
        self.conversation.feature = name
        self.conversation.step = step
        self.conversation.version = feature.version
        self.conversation.draft = dict(draft)
        return feature.steps[step].ask(self, draft)

    def _hold(self, coming: "Feature", step: str) -> None:
        """What is open waits where it is work that must not be lost, or where the coming step stands before it."""
        open_one = find_feature(self.conversation.feature)
        where = (self.conversation.feature, self.conversation.step)
        if open_one is None or where == (coming.name, step) or where[1] in open_one.asides:
            return
        goes_on = open_one is coming and step in coming.lasting
        if step in coming.asides or (where[1] in open_one.lasting and not goes_on):
            names = ("feature", "step", "version", "draft")
            waiting = {name: getattr(self.conversation, name) for name in names}
            self.conversation.held = [*(self.conversation.held or []), waiting]

    def bring_back(self) -> bool:
        """Let what waited last go on in place of what is open; False when nothing waits."""
        *rest, last = self.conversation.held or [None]
        if last is None:
            return False
        for name, value in last.items():
            setattr(self.conversation, name, value)
        self.conversation.held = rest or None
        return True

    def press(self, action: Action) -> list[Reply]:
        """What a button with this action says, whichever feature it belongs to: how features meet."""
        handlers = (feature.actions.get(type(action)) for feature in _FEATURES.values())
        handler = next(filter(None, handlers), None)
        if handler is None:
            raise LookupError(type(action).__name__)
        return handler(self, action)

    def forget(self) -> None:
        """The account and its conversation were erased: what is still written to them goes nowhere."""
        for row in (self.conversation, self.account):
            if row in self.session:
                self.session.expunge(row)

    def close_conversation(self) -> None:
        """End the open conversation and erase its draft; what waited beside it goes on."""
        self.conversation.feature = None
        self.conversation.step = None
        self.conversation.draft = None
        self.is_back = self.bring_back()


@dataclass(frozen=True)
class Step:
    """One question of a conversation: how it is put, and what is done with the answer; None when what came is none,
    and is heard as if no step were open. Only a step that has a ``cleaner`` hears of files, and only of what it made of
    them; for any other they are not even fetched."""

    ask: Callable[[Context, Draft], list[Reply]]
    take: Callable[[Context, Incoming, Draft], list[Reply] | None]
    cleaner: Cleaner | None = None


@dataclass(frozen=True)
class Feature:
    """A feature as `dispatch` sees it. Raise ``version`` when a step changes what it keeps in the draft: open
    conversations of the older version keep their draft and are asked again. ``catches`` sees a free text before the
    FAQ does and returns None for what is not its own; ``adds`` sees what the FAQ answered, and returns it with what
    should stand beside it; ``sees`` sees whatever is answered, also to a button, and returns it likewise. ``abandons``
    hears that the person leaves the open step, before its draft is erased. Steps in ``lasting`` are one piece of work:
    whatever else is opened meanwhile, it waits and goes on afterwards; before those in ``asides`` everything waits.
    ``catches_file`` is `catches` for what was written under a file that no step takes."""

    name: str
    version: int = 1
    commands: Mapping[str, Callable[[Context], list[Reply]]] = field(default_factory=dict)
    actions: Mapping[type[Action], Callable[[Context, Any], list[Reply]]] = field(default_factory=dict)
    steps: Mapping[str, Step] = field(default_factory=dict)
    catches: Callable[[Context, str], list[Reply] | None] | None = None
    adds: Callable[[Context, str, list[Reply]], list[Reply]] | None = None
    sees: Callable[[Context, list[Reply]], list[Reply]] | None = None
    abandons: Callable[[Context, Draft], None] | None = None
    lasting: frozenset[str] = frozenset()
    asides: frozenset[str] = frozenset()
    catches_file: Callable[[Context, str], list[Reply] | None] | None = None

    def __post_init__(self) -> None:
        """A feature is known by its name from the moment it exists, so that its modules need not import its table."""
        _FEATURES[self.name] = self


_FEATURES: dict[str, Feature] = {}


def find_feature(name: str | None) -> Feature | None:
    """The feature of a name; None when this version has none so called."""
    return _FEATURES.get(name or "")


def find_step(conversation: Conversation | Standing | None) -> Step | None:
    """The step a person stands in; None without an open conversation, or when this version no longer has it."""
    feature = find_feature(conversation.feature) if conversation else None
    return None if feature is None or conversation is None else feature.steps.get(conversation.step or "")
