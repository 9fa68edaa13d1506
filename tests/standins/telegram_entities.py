"""Read message text as Telegram does: markup becomes entities, or a refusal in Telegram's own words."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

JSON = dict[str, Any]

MAX_ENTITIES = 100
TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "span": "spoiler",
    "tg-spoiler": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}
_CHARACTER = re.compile(r"&(?:lt|gt|amp|quot|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});")
_TAG_NAME = re.compile(r"[^\s>]*")
_ATTRIBUTE_NAME = re.compile(r"[^\s=>]*")
_BARE_VALUE = re.compile(r"[a-zA-Z0-9.-]+")
_COMMAND = re.compile(r"(?<![\w/<>])/[a-zA-Z0-9_]{1,64}(?:@[a-zA-Z0-9_]{3,32})?(?![\w/])")
_URL = re.compile(r"https?://[^\s<>\"]+")


class Refused(Exception):
    """The Bot API answers `ok: false` with this code, description and parameters."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(f"{code} {description}")
        self.code = code
        self.description = description
        self.parameters = parameters


def bad_request(description: str) -> Refused:
    return Refused(400, f"Bad Request: {description}")


def utf16(text: str) -> int:
    """Length in UTF-16 units, the unit of every Telegram offset and limit."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def parse(text: str, parse_mode: str | None, entities: list[JSON] | None) -> tuple[str, list[JSON]]:
    """The text a reader sees and its entities, trimmed at both ends as Telegram trims them."""
    found: list[JSON] = []
    if entities:
        _check_bounds(text, entities)
        found = [dict(entity) for entity in entities]
    elif parse_mode and parse_mode.lower() == "html":
        if "<" in text or "&" in text:
            text, found = _Html(text).read()
    elif parse_mode and parse_mode.lower() not in {"", "none"}:
        raise bad_request("unsupported parse_mode (the stand-in reads HTML only)")
    return _trim(text, found)


def in_typed_text(text: str) -> list[JSON]:
    """The entities Telegram itself marks in what a person types: commands and links."""
    if "/" not in text:
        return []
    marked: list[JSON] = []
    for kind, pattern in (("bot_command", _COMMAND), ("url", _URL)):
        marked += [
            {"type": kind, "offset": utf16(text[: match.start()]), "length": utf16(match.group())}
            for match in pattern.finditer(text)
        ]
    return sorted(marked, key=lambda entity: int(entity["offset"]))


def _check_bounds(text: str, entities: list[JSON]) -> None:
    end = utf16(text)
    for entity in entities:
        start, length = int(entity["offset"]), int(entity["length"])
        if start < 0 or length < 0 or start + length > end:
            raise bad_request(
                f"entity beginning at UTF-16 offset {start} ends after the end of the text at UTF-16 offset {end}"
            )


def _trim(text: str, entities: list[JSON]) -> tuple[str, list[JSON]]:
    left = len(text) - len(text.lstrip())
    text = text.strip()
    if not entities:
        return text, []
    end, kept = utf16(text), []
    for entity in entities:
        start = max(entity["offset"] - left, 0)
        stop = min(entity["offset"] - left + entity["length"], end)
        if stop > start:
            kept.append({**entity, "offset": start, "length": stop - start})
    kept.sort(key=lambda entity: (entity["offset"], -entity["length"]))
    return text, kept[:MAX_ENTITIES]


class _Html:
    """One pass over HTML-style text; positions in refusals are byte offsets, as Telegram reports them."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.plain: list[str] = []
        self.length = 0
        self.open: list[tuple[str, dict[str, str], int]] = []
        self.entities: list[JSON] = []

    def read(self) -> tuple[str, list[JSON]]:
        source = self.source
        while self.at < len(source):
            character = source[self.at]
            if character == "<":
                self._close_tag() if source.startswith("</", self.at) else self._open_tag()
            elif character == "&" and (reference := _CHARACTER.match(source, self.at)):
                self._emit(unescape(reference.group()))
                self.at = reference.end()
            elif character == "&":  # an unknown reference is plain text to Telegram
                self._emit("&")
                self.at += 1
            else:
                stop = min((p for p in (source.find("<", self.at), source.find("&", self.at)) if p >= 0), default=None)
                self._emit(source[self.at : stop])
                self.at = len(source) if stop is None else stop
        if self.open:
            raise self._wrong(f'Can\'t find end tag corresponding to start tag "{self.open[-1][0]}"')
        return "".join(self.plain), self.entities

    def _emit(self, text: str) -> None:
        self.plain.append(text)
        self.length += utf16(text)

    def _wrong(self, detail: str, at: int | None = None) -> Refused:
        where = "" if at is None else f" at byte offset {len(self.source[:at].encode())}"
        return bad_request(f"can't parse entities: {detail}{where}")

    def _skip_spaces(self) -> None:
        while self.at < len(self.source) and self.source[self.at].isspace():
            self.at += 1

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.source, self.at)
        taken = match.group() if match else ""
        self.at += len(taken)
        return taken

    def _open_tag(self) -> None:
        begin, source = self.at, self.source
        self.at += 1
        name = self._take(_TAG_NAME).lower()
        if self.at >= len(source):
            raise self._wrong("Unclosed start tag", begin)
        if name not in TAGS:
            raise self._wrong(f'Unsupported start tag "{name}"', begin)
        attributes: dict[str, str] = {}
        while True:
            self._skip_spaces()
            if self.at >= len(source):
                raise self._wrong(f'Unclosed start tag "{name}"', begin)
            if source[self.at] == ">":
                break
            self._attribute(name, begin, attributes)
        self.at += 1
        if name == "span" and attributes.get("class") != "tg-spoiler":
            raise self._wrong('Tag "span" must have class "tg-spoiler"', begin)
        self.open.append((name, attributes, self.length))

    def _attribute(self, tag: str, begin: int, attributes: dict[str, str]) -> None:
        source = self.source
        name = self._take(_ATTRIBUTE_NAME).lower()
        if not name:
            raise self._wrong(f'Empty attribute name in the tag "{tag}"', begin)
        self._skip_spaces()
        if not source.startswith("=", self.at):
            attributes[name] = ""
            return
        self.at += 1
        self._skip_spaces()
        quote = source[self.at : self.at + 1]
        if quote not in {'"', "'"}:
            attributes[name] = self._take(_BARE_VALUE)
            if not attributes[name]:
                raise self._wrong(f'Unexpected end of name token in the tag "{tag}"', begin)
            return
        end = source.find(quote, self.at + 1)
        if end < 0:
            raise self._wrong(f'Unclosed start tag "{tag}"', begin)
        attributes[name] = unescape(source[self.at + 1 : end])
        self.at = end + 1

    def _close_tag(self) -> None:
        begin = self.at
        if not self.open:
            raise self._wrong("Unexpected end tag", begin)
        self.at += 2
        name = self._take(_TAG_NAME).lower()
        self._skip_spaces()
        if not self.source.startswith(">", self.at):
            raise self._wrong("Unclosed end tag", begin)
        self.at += 1
        opened, attributes, start = self.open.pop()
        if name and name != opened:
            raise self._wrong(
                f"Unmatched end tag at byte offset {len(self.source[:begin].encode())}, "
                f'expected "</{opened}>", found "</{name}>"'
            )
        if self.length > start:
            self._mark(opened, attributes, start)

    def _mark(self, tag: str, attributes: dict[str, str], start: int) -> None:
        entity: JSON = {"type": TAGS[tag], "offset": start, "length": self.length - start}
        if tag == "a":
            href = attributes.get("href", "")
            if "." not in href and not href.startswith("tg://"):
                return  # Telegram shows a link it cannot follow as plain text
            entity["url"] = href
        elif tag == "tg-emoji":
            entity["custom_emoji_id"] = attributes.get("emoji-id", "")
        elif tag == "blockquote" and "expandable" in attributes:
            entity["type"] = "expandable_blockquote"
        elif tag == "code" and attributes.get("class", "").startswith("language-") and self.open:
            self.open[-1][1]["language"] = attributes["class"].removeprefix("language-")
            return
        elif tag == "pre" and "language" in attributes:
            entity["language"] = attributes["language"]
        self.entities.append(entity)
