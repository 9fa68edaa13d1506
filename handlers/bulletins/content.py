"""What a bulletin says: its title, text, files and the things to press under it, and the message it becomes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from handlers.actions import AnswerBulletin, OpenFromBulletin, StopBulletins
from handlers.chat import Button, Reply
from knowledge.texts import t

LONGEST_TITLE = 100
LONGEST_TEXT = 1500
"""With title, questions and a numbered list of buttons this fits into one message of every channel (the shortest, Zalo
Bot's, has 2,000 signs): a bulletin that arrives in halves is read in halves."""

ON_TRIAL = 0
"""The number of no sending: what is pressed under a bulletin on trial counts for nothing."""

LONGEST_LABEL = 40
MOST_BUTTONS = 7
"""One more is the way to stop bulletins."""

MOST_FILES = 5


class BlockKind(StrEnum):
    """Something to press under a bulletin."""

    LINK = "link"
    ASK = "ask"
    REPORT = "report"
    POLL = "poll"
    QUIZ = "quiz"
    RSVP = "rsvp"
    TASK = "task"


ANSWERED = (BlockKind.POLL, BlockKind.QUIZ, BlockKind.RSVP, BlockKind.TASK)
"""Blocks that people answer by one of their choices."""

NAMED = (BlockKind.RSVP, BlockKind.TASK)
"""Answered ones that keep who answered; the question says so."""


@dataclass(frozen=True)
class Block:
    """One thing to press: ``label`` is the button's words or, where there are ``choices``, the question put above them.
    ``target`` is the address of a link, or the question that "hỏi thêm" asks the FAQ. ``right`` is the number of a
    quiz's right choice, from 0, and ``explanation`` what is said after an answer."""

    kind: BlockKind
    label: str
    target: str = ""
    choices: tuple[str, ...] = ()
    right: int | None = None
    explanation: str = ""

    @property
    def button_count(self) -> int:
        """How many buttons it needs."""
        return len(self.choices) if self.kind in ANSWERED else 1


@dataclass(frozen=True)
class Content:
    """What a bulletin says. ``text`` is in our formatting subset (docs/reference/formatting.md) and may hold fields
    such as "{ngay}" (`handlers.bulletins.timing`); ``files`` are the numbers of its `db.models.BulletinFile`."""

    title: str
    text: str
    files: tuple[int, ...] = ()
    blocks: tuple[Block, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As it is stored, and as a release binds to it."""
        return {
            "title": self.title,
            "text": self.text,
            "files": list(self.files),
            "blocks": [
                {
                    "kind": block.kind.value,
                    "label": block.label,
                    "target": block.target,
                    "choices": list(block.choices),
                    "right": block.right,
                    "explanation": block.explanation,
                }
                for block in self.blocks
            ],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Content":
        """Read what `to_json` wrote."""
        blocks = (
            Block(
                BlockKind(one["kind"]),
                one["label"],
                one.get("target", ""),
                tuple(one.get("choices", ())),
                one.get("right"),
                one.get("explanation", ""),
            )
            for one in stored.get("blocks", ())
        )
        return cls(stored["title"], stored["text"], tuple(stored.get("files", ())), tuple(blocks))


def compose(
    content: Content, run_id: int, fields: Mapping[str, str], with_stop: bool = True, task_ends: str = ""
) -> Reply:
    """The message that a bulletin becomes for one sending, without its files. ``fields`` stand in for the words in
    braces; ``with_stop`` adds the way to get no more of them; ``task_ends`` is said under the question of a task."""
    text = f"**{fill(content.title, fields)}**\n\n{fill(content.text, fields)}"
    buttons: list[Button] = []
    for number, block in enumerate(content.blocks):
        if block.kind in ANSWERED:
            text += f"\n\n{fill(block.label, fields)}"
            if block.kind is BlockKind.TASK and task_ends:
                text += f"\n{t('bulletin_tasks.until', day=task_ends)}"
            buttons += [
                Button(choice, AnswerBulletin(run_id, number, index)) for index, choice in enumerate(block.choices)
            ]
        elif block.kind is BlockKind.LINK:
            buttons.append(Button(block.label, url=block.target))
        else:
            buttons.append(Button(block.label, OpenFromBulletin(run_id, number)))
    if with_stop:
        buttons.append(Button(t("bulletin_runs.stop"), StopBulletins(run_id)))
    return Reply(text, tuple(buttons))


def fill(text: str, fields: Mapping[str, str]) -> str:
    """Put values in place of their names in braces; a name nobody knows stays as it was typed."""
    for name, value in fields.items():
        text = text.replace("{" + name + "}", value)
    return text
