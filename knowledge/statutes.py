"""Statute look-up: "điều 35 bộ luật lao động" → the article, word for word where the official text is imported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from knowledge.entry import Library, Source
from knowledge.law import IndexedLaw, LawTexts
from knowledge.normalize import fold
from knowledge.texts import t
from knowledge.words import Lexicon, split_words

LONGEST_REST = 6
"""Syllables a message may have beside the reference; with more it is a question that happens to name an article."""

MOST_SHOWN = 1500
_ARTICLE = re.compile(r"\bdieu (?:so )?(\d{1,3}[a-d]?)\b(?! (?:kien|nay))")
_CLAUSE = re.compile(r"\b(?:khoan|diem) (?:\d{1,2}|[a-z])\b")


@dataclass(frozen=True)
class Reference:
    """An article that a message asks for."""

    source: Source
    article: str
    heading: str


class Statutes:
    """The articles we can name, by how people name their laws."""

    def __init__(
        self, library: Library, laws: Mapping[str, IndexedLaw], lexicon: Lexicon, texts: LawTexts | None = None
    ) -> None:
        self._library, self._laws, self._lexicon, self._texts = library, laws, lexicon, texts
        self._names: dict[str, list[str]] = {}
        for number in laws:
            source = library.sources.get(number)
            if source is not None:
                for name in _names_of(source):
                    self._names.setdefault(name, []).append(number)

    def find(self, text: str, on: date) -> Reference | None:
        """The article a short message asks for, of the law in force on that day; None when it asks for none."""
        row = self._written_out(text)
        article = _ARTICLE.search(row)
        if article is None:
            return None
        name = max((name for name in self._names if f" {name} " in f" {row} "), key=len, default=None)
        if name is None:
            return None
        rest = _CLAUSE.sub(" ", row.replace(article[0], " ", 1).replace(name, " ", 1))
        if len(rest.split()) > LONGEST_REST:
            return None
        for number in self._names[name]:
            source, law = self._library.sources[number], self._laws[number]
            if source.span.holds(on) and article[1] in law.articles:
                return Reference(source, article[1], law.articles[article[1]].heading)
        return None

    def say(self, found: Reference) -> str:
        """The article as it is shown: verbatim when its text is at hand, else its heading."""
        article = self._texts.article(found.source.number, found.article) if self._texts else None
        values = {"article": found.article, "name": found.source.name, "heading": found.heading}
        if article is None:
            return t("answer.article", **values)
        text = article.text
        if len(text) > MOST_SHOWN:
            text = text[:MOST_SHOWN].rsplit("\n", 1)[0] + "\n" + t("answer.article_cut")
        return t("answer.article_text", text=text, **values)

    def _written_out(self, text: str) -> str:
        row = self._lexicon.written_out(split_words(text))
        return re.sub(r"\b(\d+) ([a-d])\b(?= (?:bo|luat|nghi|cua))", r"\1\2", " ".join(row))


def _names_of(source: Source) -> set[str]:
    names = {fold(source.name), fold(source.title)} - {""}
    names |= {re.sub(r" (?:19|20)\d\d$", "", name) for name in names}
    found = re.match(r"(\d+)/(\d{4})", source.number)
    if found:
        names |= {f"{found[1]} {found[2]}", fold(source.number)}
    return {name for name in names if len(name) > 4}
