"""Draws a message as each channel would send it, for whoever writes it: by the functions that build what is sent."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bot.transports import telegram_messages, web_messages, zalo_bot_messages, zalo_oa_messages
from bot.transports.formatting import escape, parse, split
from bot.transports.public_files import PublicFiles
from bot.transports.telegram_updates import utf16_length
from handlers.chat import Reply, StoredReply
from handlers.previews import Preview
from knowledge.texts import t

_UNIT = 2
"""Bytes of one UTF-16 unit, in which Zalo counts where bold begins."""


class Previews:
    """The `handlers.previews.Previewer` of the program."""

    def __init__(self, public_files: PublicFiles) -> None:
        self._public_files = public_files

    def __call__(self, reply: Reply) -> list[Preview]:
        """The web page first, then the messengers."""
        stored = StoredReply.from_json(reply.to_json(), ledger_id=0)
        return [
            preview_on_web(stored),
            preview_on_telegram(stored),
            self._preview_on_zalo_bot(stored),
            preview_on_zalo_oa(stored),
        ]

    def _preview_on_zalo_bot(self, reply: StoredReply) -> Preview:
        """Buttons stand as a numbered list; files go as pictures where Zalo can fetch them, else as their addresses."""
        pictures, lines = zalo_bot_messages.sort_files(reply, self._public_files)
        drawn = zalo_bot_messages.draw(reply, lines)
        texts = tuple(_from_styles(one.text, one.styles) for one in drawn)
        notes = [t("previews.numbered")] if any(button.action for button in reply.buttons) else []
        notes += [t("previews.pictures", count=len(pictures))] if pictures else []
        notes += [t("previews.files_as_links", count=len(lines))] if lines else []
        return Preview("zalo_bot", texts, (), (*_parts(texts), *notes))


def preview_on_web(reply: StoredReply) -> Preview:
    """Everything stands there; what is no picture is fetched by pressing its name."""
    parts = split(reply.text, web_messages.TEXT_LIMIT)
    drawn = [web_messages.draw(replace(reply, text=part), 0) for part in parts]
    texts = tuple(_from_spans(one["spans"]) for one in drawn)
    last = drawn[-1] if drawn else {"buttons": [], "files": []}
    kinds = [bool(file["is_picture"]) for file in last["files"]]
    notes = [t("previews.pictures", count=sum(kinds))] if any(kinds) else []
    notes += [t("previews.files", count=len(kinds) - sum(kinds))] if not all(kinds) else []
    buttons = tuple(button["label"] for button in last["buttons"])
    return Preview("web", texts, buttons, (*_parts(texts), *notes))


def preview_on_telegram(reply: StoredReply) -> Preview:
    """Buttons in rows; a long text cannot stand under a picture, and goes by itself."""
    *before, last = split(reply.text, telegram_messages.TEXT_LIMIT, utf16_length) or [""]
    drawn = telegram_messages.draw(replace(reply, text=last))
    texts = (*before, *(one.text for one in drawn if one.text is not None))
    files = [one for one in drawn if one.file is not None]
    is_apart = any(one.text is None for one in files)
    notes = [t("previews.files_apart", count=len(files))] if is_apart else []
    rows = telegram_messages.arrange(drawn[-1].buttons)
    buttons = tuple(" | ".join(button.label for button in row) for row in rows)
    return Preview("telegram", texts, buttons, (*_parts(texts), *notes))


def preview_on_zalo_oa(reply: StoredReply) -> Preview:
    """No bold; up to five buttons are pressed, more stand as a numbered list; not every file goes."""
    drawn = zalo_oa_messages.draw(reply, "")
    texts = tuple(escape(one.body["text"]) for one in drawn if one.is_text)
    native = any("attachment" in one.body for one in drawn if one.is_text)
    notes = [] if native or not reply.buttons else [t("previews.numbered_above", most=zalo_oa_messages.MOST_BUTTONS)]
    notes += [t("previews.no_bold")] if any(span.bold for span in parse(reply.text)) else []
    sent = sum(one.file is not None for one in drawn)
    notes += [t("previews.files_apart", count=sent)] if sent else []
    lost = len(reply.files) - sent
    notes += [t("previews.files_lost", count=lost)] if lost else []
    buttons = tuple(button.label for button in reply.buttons) if native else ()
    return Preview("zalo_oa", texts, buttons, (*_parts(texts), *notes))


def _parts(texts: Sequence[str]) -> tuple[str, ...]:
    return (t("previews.parts", count=len(texts)),) if len(texts) > 1 else ()


def _from_spans(spans: Sequence[dict[str, Any]]) -> str:
    """Our subset again, from what the page is given."""
    words = []
    for span in spans:
        text = escape(span["text"])
        link = span.get("link")
        words.append(f"[{text}]({link})" if link else f"**{text}**" if span.get("bold") else text)
    return "".join(words)


def _from_styles(text: str, styles: Sequence[dict[str, Any]]) -> str:
    """Our subset again, from a text with bold marked beside it."""
    units = text.encode("utf-16-le")
    shown, at = "", 0
    for style in styles:
        start, end = style["start"] * _UNIT, (style["start"] + style["len"]) * _UNIT
        shown += escape(_decode(units[at:start])) + f"**{escape(_decode(units[start:end]))}**"
        at = end
    return shown + escape(_decode(units[at:]))


def _decode(units: bytes) -> str:
    return units.decode("utf-16-le")
