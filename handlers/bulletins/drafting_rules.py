"""What a bulletin may say so that it stands the same on every channel: lengths, formatting, addresses."""

import re
from urllib.parse import urlsplit

from handlers.bulletins.content import (
    ANSWERED,
    LONGEST_LABEL,
    LONGEST_TEXT,
    LONGEST_TITLE,
    MOST_BUTTONS,
    Block,
    BlockKind,
    Content,
)
from handlers.bulletins.desk_seat import Unfit
from knowledge.normalize import fold
from knowledge.texts import t

LONGEST_QUESTION = 200
LONGEST_ADDRESS = 300
LONGEST_EXPLANATION = 400
MOST_CHOICES = 5

_NO_SUBSET = re.compile(r"^#{1,6}\s|^\s*\||</?[a-zA-Z][^>]*>|```", re.MULTILINE)
_LINK = re.compile(r"\[([^\]\n]*)\]\(([^)\n]*)\)")
_BOLD = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)
_HOST = re.compile(r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$")


def measure(text: str) -> int:
    """The length of a text as the strictest channels count it, in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def check_title(words: str) -> str:
    """A title: one plain line, since it is drawn bold as a whole. Raises `Unfit`."""
    _check_length(words, LONGEST_TITLE)
    if "\n" in words or "**" in words or "\\" in words or _LINK.search(words):
        raise Unfit("bulletin_desk.title_plain")
    return words


def check_text(words: str, longest: int = LONGEST_TEXT) -> str:
    """A text in our formatting subset, and nothing that looks like another formatting. Raises `Unfit`."""
    _check_length(words, longest)
    strange = _NO_SUBSET.search(words)
    if strange:
        raise Unfit("bulletin_desk.strange_formatting", words=_line_at(words, strange.start()))
    for paragraph in re.split(r"\n\s*\n", words):
        if paragraph.count("**") % 2:
            raise Unfit("bulletin_desk.unbalanced_bold", words=paragraph.strip()[:60])
    if any(_LINK.search(bold) for bold in _BOLD.findall(words)):
        raise Unfit("bulletin_desk.bold_link")
    for shown, address in _LINK.findall(words):
        if not shown.strip():
            raise Unfit("bulletin_desk.link_words")
        check_address(address)
    return words


def check_label(words: str) -> str:
    """The words of a button. Raises `Unfit`."""
    if "\n" in words:
        raise Unfit("bulletin_desk.one_line")
    _check_length(words, LONGEST_LABEL)
    return words


def check_address(words: str) -> str:
    """An address that a button opens: https and a public name, so that nobody is led somewhere unseen. Raises
    `Unfit`."""
    _check_length(words, LONGEST_ADDRESS)
    try:
        parts = urlsplit(words)
        host = (parts.hostname or "").encode("idna").decode()
        port = parts.port
    except (ValueError, UnicodeError):
        raise Unfit("bulletin_desk.address_unfit") from None
    is_public = bool(_HOST.match(host)) and parts.username is None and port in (None, 443)
    if re.search(r"[\s<>()\"\\]", words) or parts.scheme != "https" or not is_public:
        raise Unfit("bulletin_desk.address_unfit")
    return words


def check_choices(words: str) -> tuple[str, ...]:
    """The choices of a question, one on a line. Raises `Unfit`."""
    choices = tuple(line.strip().removeprefix("- ").strip() for line in words.split("\n") if line.strip())
    if not 2 <= len(choices) <= MOST_CHOICES:
        raise Unfit("bulletin_desk.choices_count", limit=MOST_CHOICES)
    for choice in choices:
        check_label(choice)
    if len({fold(choice) for choice in choices}) < len(choices):
        raise Unfit("bulletin_desk.choices_alike")
    return choices


def check_fits(content: Content, block: Block) -> None:
    """Whether one more thing to press has its place: enough buttons left, one question at most, and no label that is
    there already, since people also type them. Raises `Unfit`."""
    if sum(one.button_count for one in content.blocks) + block.button_count > MOST_BUTTONS:
        raise Unfit("bulletin_desk.too_many_buttons", limit=MOST_BUTTONS)
    if block.kind in ANSWERED and any(one.kind in ANSWERED for one in content.blocks):
        raise Unfit("bulletin_desk.one_question")
    taken = {fold(label) for one in content.blocks for label in labels_of(one)} | {fold(t("bulletin_runs.stop"))}
    if taken & {fold(label) for label in labels_of(block)}:
        raise Unfit("bulletin_desk.label_taken")


def labels_of(block: Block) -> tuple[str, ...]:
    """The words on its buttons."""
    return block.choices if block.kind in ANSWERED else (block.label,)


def may_be_added(content: Content, kind: BlockKind) -> bool:
    """Whether one more of a kind could have its place at all."""
    least = 2 if kind in ANSWERED else 1
    has_room = sum(one.button_count for one in content.blocks) + least <= MOST_BUTTONS
    return has_room and not (kind in ANSWERED and any(one.kind in ANSWERED for one in content.blocks))


def _check_length(words: str, longest: int) -> None:
    if not words:
        raise Unfit("bulletin_desk.words_please")
    if measure(words) > longest:
        raise Unfit("bulletin_desk.too_long", count=measure(words), limit=longest)


def _line_at(words: str, place: int) -> str:
    return words[words.rfind("\n", 0, place) + 1 :].split("\n")[0].strip()[:60]
