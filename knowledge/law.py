"""Laws as facts and as texts: the article index that is kept here, and the imported texts that stay outside."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from knowledge.entry import CONTENT, Citation

INDEX = CONTENT / "law_index.json"
CLAUSE = re.compile(r"^(\d+)([a-zđ]?)\.\s")
POINT = re.compile(r"^([a-zđ])\)\s")
ARTICLE = re.compile(r"^Điều (\d+[a-zđ]?)\.\s*(.*)$")
NUMBER = re.compile(r"[Ss]ố:?\s*(\d+/(?:\d{4}/)?[A-ZĐ][A-ZĐ0-9-]+)")
CUT = "[TRÍCH"


class LawError(Exception):
    """A text that cannot be imported; the message is a key of texts.yaml with its values."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key, self.values = key, values


@dataclass(frozen=True)
class Article:
    """One article of an imported text, word for word."""

    law: str
    title: str
    number: str
    heading: str
    text: str
    effective_from: str = ""

    @property
    def clauses(self) -> dict[str, str]:
        """Clause number → its text, points included. Empty when the article has no numbered clauses."""
        return {name: "\n".join(lines) for name, lines in split_clauses(self.text) if name}

    @property
    def lead(self) -> str:
        """What stands before the first clause."""
        return "\n".join("\n".join(lines) for name, lines in split_clauses(self.text) if not name)


@dataclass(frozen=True)
class IndexedArticle:
    """What we keep of an article: its heading and which clauses and points it has."""

    heading: str
    clauses: dict[str, str]
    partial: bool = False


@dataclass(frozen=True)
class IndexedLaw:
    """What we keep of a law; an excerpt has further articles that are not indexed."""

    number: str
    title: str
    articles: dict[str, IndexedArticle]
    excerpt: bool = False


def law_key(number: str) -> str:
    """The number without what is added in brackets: "61/QĐ-TLĐ (29/7/2025)" → "61/QĐ-TLĐ"."""
    return unicodedata.normalize("NFC", number).split(" (")[0].strip()


def split_clauses(text: str) -> list[tuple[str, list[str]]]:
    """The lines of an article by clause, the lead under "". A number out of sequence is text, not a clause."""
    parts: list[tuple[str, list[str]]] = [("", [])]
    last = 0
    for line in text.split("\n"):
        found = CLAUSE.match(line)
        if found and (int(found[1]) == last + 1 or (int(found[1]) == last and found[2])):
            last = int(found[1])
            parts.append((found[1] + found[2], [line]))
        else:
            parts[-1][1].append(line)
    return parts


def index_article(article: Article) -> IndexedArticle:
    clauses: dict[str, str] = {}
    for name, lines in split_clauses(article.text):
        points = "".join(found[1] for line in lines if (found := POINT.match(line)))
        if name or points:
            clauses[name] = points
    return IndexedArticle(article.heading, clauses, CUT in article.text)


def read_texts(path: Path) -> list[Article]:
    """The articles of one .jsonl file. Raises LawError naming the line that is wrong."""
    articles = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            articles.append(_article(row))
        except (ValueError, KeyError, TypeError) as error:
            raise LawError("law.bad_line", file=path.name, line=number, text=str(error)) from None
    if not articles:
        raise LawError("law.no_articles", file=path.name)
    return articles


def _article(row: dict[str, Any]) -> Article:
    text = unicodedata.normalize("NFC", row["text"])
    if not text.strip():
        raise ValueError("text")
    return Article(
        law_key(row["law"]),
        str(row.get("title", "")),
        str(row["article"]),
        unicodedata.normalize("NFC", str(row.get("heading") or "")),
        text,
        str(row.get("effective_from") or ""),
    )


def build_index(folder: Path) -> dict[str, IndexedLaw]:
    """The index of every .jsonl text in a folder, by law number."""
    laws: dict[str, IndexedLaw] = {}
    for path in sorted(folder.glob("*.jsonl")):
        articles = read_texts(path)
        first = articles[0]
        title = first.title.split(" (")[0]
        excerpt = path.stem.endswith("-trich") or "(TRÍCH" in first.title
        laws[first.law] = IndexedLaw(
            first.law, title, {article.number: index_article(article) for article in articles}, excerpt
        )
    return laws


def write_index(laws: dict[str, IndexedLaw], path: Path = INDEX) -> None:
    """One article a line, so that a change shows as one line in a diff."""
    blocks = []
    for number in sorted(laws):
        law = laws[number]
        rows = [
            f"    {_dump(name)}: {_dump([article.heading, article.clauses] + ([True] if article.partial else []))}"
            for name, article in law.articles.items()
        ]
        head = f'  {_dump(number)}: {{"title": {_dump(law.title)}, "excerpt": {_dump(law.excerpt)}, "articles": {{\n'
        blocks.append(head + ",\n".join(rows) + "\n  }}")
    path.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8")


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


@lru_cache(maxsize=4)
def load_index(path: Path = INDEX) -> dict[str, IndexedLaw]:
    """The article index by law number; empty when it has not been made."""
    if not path.exists():
        return {}
    laws = json.loads(path.read_text(encoding="utf-8"))
    return {
        number: IndexedLaw(
            number,
            law["title"],
            {name: IndexedArticle(row[0], row[1], len(row) > 2) for name, row in law["articles"].items()},
            law["excerpt"],
        )
        for number, law in laws.items()
    }


class LawTexts:
    """Imported texts of a folder, read law by law when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, Path] | None = None
        self._laws: dict[str, dict[str, Article]] = {}

    def article(self, law: str, number: int | str) -> Article | None:
        """The article word for word, or None when its text has not been imported."""
        return self._law(law).get(str(number))

    def laws(self) -> list[str]:
        return sorted(self._index_files())

    def _law(self, law: str) -> dict[str, Article]:
        if law not in self._laws:
            path = self._index_files().get(law)
            self._laws[law] = {article.number: article for article in read_texts(path)} if path else {}
        return self._laws[law]

    def _index_files(self) -> dict[str, Path]:
        if self._files is None:
            self._files = dict(_first_lines(self.folder.glob("*.jsonl")))
        return self._files


def _first_lines(paths: Iterable[Path]) -> list[tuple[str, Path]]:
    found = []
    for path in sorted(paths):
        with path.open(encoding="utf-8") as file:
            line = file.readline()
        try:
            found.append((law_key(json.loads(line)["law"]), path))
        except (ValueError, KeyError, TypeError):
            continue
    return found


def quote(texts: LawTexts, citation: Citation) -> str | None:
    """The cited clause or article word for word, or None when the text is not at hand."""
    if citation.article is None:
        return None
    article = texts.article(citation.source, citation.article)
    if article is None:
        return None
    return article.text if citation.clause is None else article.clauses.get(str(citation.clause))


def import_law(path: Path, folder: Path, number: str = "", title: str = "") -> tuple[Path, int]:
    """Copies an official text into the folder as .jsonl; says where, and how many articles. Raises LawError."""
    articles = read_texts(path) if path.suffix == ".jsonl" else parse_plain(path, number, title)
    _require_sequence(articles, path)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{file_name(articles[0].law)}.jsonl"
    rows = [
        {
            "law": article.law,
            "title": article.title,
            "article": int(article.number) if article.number.isdigit() else article.number,
            "heading": article.heading,
            "text": article.text,
            "effective_from": article.effective_from,
        }
        for article in articles
    ]
    target.write_text("".join(_dump(row) + "\n" for row in rows), encoding="utf-8")
    return target, len(articles)


def parse_plain(path: Path, number: str = "", title: str = "") -> list[Article]:
    """The articles of a plain text with lines "Điều 1. Tên điều". Raises LawError."""
    text = unicodedata.normalize("NFC", path.read_text(encoding="utf-8"))
    if not number:
        found = NUMBER.search(text)
        if found is None:
            raise LawError("law.no_number", file=path.name)
        number = found[1]
    articles: list[tuple[str, str, list[str]]] = []
    for line in (line.strip() for line in text.splitlines()):
        start = ARTICLE.match(line)
        if start:
            articles.append((start[1], start[2], []))
        elif articles and line and not re.match(r"^(Chương|Mục|Phần)\s+[IVXLC\d]+", line):
            articles[-1][2].append(line)
    if not articles:
        raise LawError("law.no_articles", file=path.name)
    return [Article(law_key(number), title, name, heading, "\n".join(lines)) for name, heading, lines in articles]


def _require_sequence(articles: list[Article], path: Path) -> None:
    numbers = [article.number for article in articles]
    twice = next((name for name in numbers if numbers.count(name) > 1), None)
    if twice:
        raise LawError("law.article_twice", file=path.name, article=twice)
    empty = next((article.number for article in articles if not article.text.strip()), None)
    if empty:
        raise LawError("law.article_empty", file=path.name, article=empty)


def file_name(number: str) -> str:
    """As a file: "161/2026/NĐ-CP" → "161-2026-ND-CP"."""
    plain = unicodedata.normalize("NFD", number.replace("Đ", "D").replace("đ", "d"))
    return re.sub(r"[^A-Za-z0-9]+", "-", "".join(one for one in plain if not unicodedata.combining(one))).strip("-")
