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
_SHORT_ARTICLE = re.compile(r"\bd ?(\d{1,3}[a-d]?)\b")
"""“đ35 blld”: only beside the name of a law."""

_CLAUSE = re.compile(r"\b(?:khoan|khong|k) ?(\d{1,2}[a-d]?)\b")
"""“k2” is written out as “không 2”, which nobody means."""

_POINT = re.compile(r"\bdiem [a-z]\b")
_KINDS = {"QH": ("luat", "bo luat"), "NĐ-CP": ("nghi dinh",), "TT-": ("thong tu",), "UBTVQH": ("nghi quyet",)}
"""How people call a document by its number alone: “nghị định 145”."""


@dataclass(frozen=True)
class Reference:
    """An article that a message asks for, the clause of it when one is named, and what else the message says."""

    source: Source
    article: str
    heading: str
    clause: str = ""
    rest: tuple[str, ...] = ()


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
        for numbers in self._names.values():  # “nghị định 12” may be of several years: the newest in force is meant
            numbers.sort(key=lambda number: library.sources[number].effective_from, reverse=True)

    def find(self, text: str, on: date) -> Reference | None:
        """The article a short message asks for, of the law in force on that day; None when it asks for none."""
        row = self._written_out(text)
        if not (_ARTICLE.search(row) or _SHORT_ARTICLE.search(row)):
            return None
        name = max((name for name in self._names if f" {name} " in f" {row} "), key=len, default=None)
        if name is None:
            return None
        row = f" {row} ".replace(f" {name} ", " ", 1)
        article = _ARTICLE.search(row) or _SHORT_ARTICLE.search(row)
        if article is None:
            return None
        row = row.replace(article[0], " ", 1)
        clause = _CLAUSE.search(row)
        rest = tuple(_POINT.sub(" ", _CLAUSE.sub(" ", row)).split())
        if len(rest) > LONGEST_REST:
            return None
        for number in self._names[name]:
            source, law = self._library.sources[number], self._laws[number]
            if source.span.holds(on) and article[1] in law.articles:
                indexed = law.articles[article[1]]
                known = clause[1] if clause and clause[1] in indexed.clauses else ""
                return Reference(source, article[1], indexed.heading, known, rest)
        return None

    def say(self, found: Reference) -> str:
        """The article, or the clause asked for, as it is shown: verbatim when its text is at hand, else its heading."""
        article = self._texts.article(found.source.number, found.article) if self._texts else None
        values = {"article": found.article, "name": found.source.name, "heading": found.heading}
        if article is None:
            return t("answer.article", **values)
        text = article.clauses.get(found.clause, article.text)
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
        kinds = next((kinds for end, kinds in _KINDS.items() if end in source.number), ())
        names |= {f"{kind} {found[1]}" for kind in kinds}
    return {name for name in names if len(name) > 4}
