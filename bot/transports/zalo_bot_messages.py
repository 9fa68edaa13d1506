"""How a reply is drawn for Zalo Bot: text with bold marked beside it, buttons as a numbered list, files by address.

Bold goes as ``text_styles`` and not as markup, so that nothing a person typed can ever be taken for formatting, and a
server that does not know the styles still shows the words.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bot.transports.formatting import escape, parse, split, to_plain, with_buttons
from bot.transports.public_files import PublicFiles
from handlers.chat import File, StoredReply
from knowledge.texts import t

TEXT_LIMIT = 2000

JSON = dict[str, Any]


@dataclass(frozen=True)
class Drawn:
    """A message ready to be sent."""

    text: str
    styles: tuple[JSON, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A picture that goes out by its address, and the line that gives the address when Zalo does not take it."""

    url: str
    line: str


def measure(text: str) -> int:
    """Composed letters, in UTF-16 units: whether Zalo counts those or characters is not written anywhere, and there are
    never fewer of them."""
    return len(unicodedata.normalize("NFC", text).encode("utf-16-le")) // 2


def draw(reply: StoredReply, notes: Sequence[str] = ()) -> list[Drawn]:
    """The messages of a reply, below its text some notes and the list of its buttons. One message, as the inbox cuts
    replies; only what was written unasked may be longer, and loses its bold."""
    text, styles = _style(unicodedata.normalize("NFC", reply.text))
    whole = unicodedata.normalize("NFC", with_buttons("\n\n".join(filter(None, (text, *notes))), reply))
    if measure(whole) <= TEXT_LIMIT:
        return [Drawn(whole, styles)] if whole else []
    return [Drawn(to_plain(part)) for part in split(escape(whole), TEXT_LIMIT, measure)]


def _style(text: str) -> tuple[str, tuple[JSON, ...]]:
    """The words, with the address behind those that were a link, and where they are bold."""
    plain = ""
    styles: list[JSON] = []
    for span in parse(text):
        words = span.text if span.link in (None, span.text) else f"{span.text} ({span.link})"
        if span.bold:
            styles.append({"start": measure(plain), "len": measure(words), "st": ["b"]})
        plain += words
    return plain, tuple(styles)


def sort_files(
    reply: StoredReply, public: PublicFiles, known: Mapping[str, str] = MappingProxyType({})
) -> tuple[list[Picture], list[str]]:
    """Which files go out as pictures, and what is said of the others. A personal file never gets an address; ``known``
    are those that files of which there are many copies have already, by digest."""
    pictures, notes = [], []
    for file, url in _addressed(reply, public, known):
        if file.is_personal:
            key = "files.personal" if public.base_url else "files.personal_nowhere"
            notes.append(t(key, name=file.name, address=public.base_url))
        elif url is None:
            notes.append(t("files.nowhere", name=file.name))
        elif file.media_type.startswith("image/"):
            pictures.append(Picture(url, t("files.at", name=file.name, address=url)))
        else:
            notes.append(t("files.at", name=file.name, address=url))
    return pictures, notes


def _addressed(reply: StoredReply, public: PublicFiles, known: Mapping[str, str]) -> Iterator[tuple[File, str | None]]:
    for number, file in enumerate(reply.files):
        if file.digest is not None and file.digest in known:
            yield file, known[file.digest]
            continue
        is_open = reply.ledger_id is not None and not file.is_personal
        yield file, public.address_of(reply.ledger_id or 0, number, file) if is_open else None
