"""Our formatting subset drawn for each channel, and long messages split at paragraphs.

The subset: ``**bold**``, ``[words](https://link)``, lines that begin with ``- ``, blank lines between paragraphs, and
``\\*`` or ``\\[`` for a literal sign.
"""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass

from handlers.chat import StoredReply
from knowledge.texts import t

_TOKENS = re.compile(r"\\([*\[\\])|\*\*(.+?)\*\*|\[([^\]\n]+)\]\((https?://[^\s)]+)\)", re.DOTALL)
_BULLET = re.compile(r"^- ", re.MULTILINE)


@dataclass(frozen=True)
class Span:
    """A run of text in one style."""

    text: str
    bold: bool = False
    link: str | None = None


def parse(text: str) -> list[Span]:
    """The spans of a formatted text; bullets become "• "."""
    text = _BULLET.sub("• ", text)
    spans: list[Span] = []
    position = 0
    for token in _TOKENS.finditer(text):
        if token.start() > position:
            spans.append(Span(text[position : token.start()]))
        literal, bold, words, link = token.groups()
        if literal:
            spans.append(Span(literal))
        elif bold:
            spans.append(Span(bold, bold=True))
        else:
            spans.append(Span(words, link=link))
        position = token.end()
    if position < len(text):
        spans.append(Span(text[position:]))
    return spans


def to_plain(text: str) -> str:
    """For channels without formatting: a link stands in brackets behind its words."""
    return "".join(f"{span.text} ({span.link})" if span.link else span.text for span in parse(text))


def with_buttons(text: str, reply: StoredReply) -> str:
    """A text and below it the buttons of its reply, for a channel where nobody can press: numbers to type, and links as
    words and address."""
    choices = [button.label for button in reply.buttons if button.action]
    lines = [t("menu.choose_by_number")] if choices else []
    lines += [f"{number}. {label}" for number, label in enumerate(choices, start=reply.first_number)]
    lines += [f"{button.label}: {button.url}" for button in reply.buttons if button.url]
    return "\n\n".join(filter(None, (text, "\n".join(lines))))


def to_html(text: str) -> str:
    """For Telegram's HTML mode: everything escaped but the tags made here."""
    return "".join(_span_to_html(span) for span in parse(text))


def _span_to_html(span: Span) -> str:
    safe = html.escape(span.text, quote=False)
    if span.link:
        return f'<a href="{html.escape(span.link)}">{safe}</a>'
    return f"<b>{safe}</b>" if span.bold else safe


def escape(text: str) -> str:
    """A person's own words, so that nothing in them is taken for formatting."""
    return re.sub(r"([*\[\\])", r"\\\1", text)


def split(text: str, limit: int, measure: Callable[[str], int] = len) -> list[str]:
    """Cut a formatted text into messages of at most ``limit`` as ``measure`` counts the plain text, preferring the end
    of a paragraph, then of a line, of a sentence, of a word. Nothing is lost; a bold run cut in two stays bold."""
    parts: list[str] = []
    rest = text.strip()
    while measure(to_plain(rest)) > limit:
        cut = _find_cut(rest, limit, measure)
        head, rest = rest[:cut].rstrip(), rest[cut:].lstrip()
        if head.count("**") % 2:
            head, rest = head + "**", "**" + rest
        parts.append(head)
    return [*parts, rest] if rest else parts


def _find_cut(text: str, limit: int, measure: Callable[[str], int]) -> int:
    """The last good place whose head fits; at least one character, so that the loop always ends."""
    low, high = 1, len(text)
    while low < high:  # the longest head that fits
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(to_plain(text[:middle])) <= limit - 2 else (low, middle - 1)
    for mark in ("\n\n", "\n", ". ", " "):
        place = text.rfind(mark, low // 2, low)
        if place > 0:
            return place + len(mark)
    return low
