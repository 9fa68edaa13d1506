"""Does every number of an answer stand in the law it cites? Digits and Vietnamese number words alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache

from knowledge import figures as amounts
from knowledge.entry import Citation, Entry, Library, Period
from knowledge.law import Article, LawTexts
from knowledge.texts import t

DIGITS = re.compile(r"(?<![\w/-])\d+(?:[.,]\d+)*(?![\w/-]|\.\d)")
HOURS = re.compile(r"(?<![\w/-])(\d+)\s?[hg](?!\w)")
HALVES = "½"
# What looks like a number and is none: dates, years, places in the law, numbers of documents, telephone numbers.
SKIP = re.compile(
    r"\d{1,2}/\d{1,2}(?:/\d{4})?(?!\d)|\d{1,2}/\d{4}|\d{4}-\d{2}-\d{2}|\b(?:19|20)\d{2}\b"
    r"|\b(?:điều|khoản|điểm|mẫu|mục|chương|phụ lục|số|vùng|bước|tổng đài)\s+(?:số\s+)?\d+[\w./-]*|\d+/\d{4}/[\w-]+"
    r"|\b1[89]00[ .]?\d{4}\b|\bngày \d{1,2}(?= tháng \d)|\btháng \d{1,2}\b",
    re.IGNORECASE,
)
LEADING = re.compile(r"^\s*\d+[.)]\s", re.MULTILINE)


@lru_cache(maxsize=1)
def number_words() -> dict[str, int]:
    """Words and values: "mười hai" → 12, up to a hundred, from the table of words in texts.yaml."""
    ones = t("knowledge.number.ones").split()
    ten, tens, half_ten = (t(f"knowledge.number.{name}") for name in ("ten", "tens", "five_after_ten"))
    words = {word: value for value, word in enumerate(ones, 1)} | {ten: 10}
    for value, word in enumerate(ones, 1):
        words[f"{ten} {word}"] = 10 + value
        if value > 1:
            words[f"{word} {tens}"] = value * 10
            words |= {f"{word} {tens} {one}": value * 10 + unit for unit, one in enumerate(ones, 1)}
            words[f"{word} {tens} {half_ten}"] = value * 10 + 5
    words[f"{ten} {half_ten}"] = 15
    return words


@lru_cache(maxsize=1)
def _words_pattern() -> re.Pattern[str]:
    longest_first = sorted(number_words(), key=len, reverse=True)
    units = t("knowledge.number.units").split(", ")
    return re.compile(rf"\b({'|'.join(longest_first)})\s+(?:{'|'.join(units)})", re.IGNORECASE)


def read_number(text: str) -> Decimal:
    """As written in Vietnam: "2.530.000" → 2530000; "10,5" → 10.5; "06" → 6."""
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?", text):
        text = text.replace(".", "")
    return Decimal(text.replace(",", ".")) if text.count(",") + text.count(".") <= 1 else Decimal(text.split(",")[0])


def numbers_of(text: str) -> Iterator[tuple[Decimal, str]]:
    """The numbers a text states, with how they are written; dates and places in the law are left out."""
    text = amounts.FIGURE.sub(" ", text)
    text = LEADING.sub(" ", SKIP.sub(" ", text))
    for found in HOURS.finditer(text):
        yield Decimal(found[1]), found.group()
    for found in DIGITS.finditer(HOURS.sub(" ", text)):
        yield read_number(found.group()), found.group()
    for found in _words_pattern().finditer(text):
        value = number_words()[" ".join(found[1].lower().split())]
        if value > 1:
            yield Decimal(value), found[1]


def law_numbers(text: str) -> set[Decimal]:
    """Every number that stands in a text of law, written either way, shares and halves included."""
    found = {read_number(one) for one in re.findall(r"\d+(?:[.,]\d+)*", text)}
    found |= {Decimal(number_words()[" ".join(one.lower().split())]) for one in _words_pattern().findall(text)}
    found |= {Decimal(number_words()[one]) for one in re.findall(r"\b\w+\b", text.lower()) if one in number_words()}
    if HALVES in text or t("knowledge.number.half") in text:
        found |= {Decimal("0.5"), Decimal(2)}
    return found


def numbers_not_in_law(
    entry: Entry, period: Period, details: str, library: Library, texts: LawTexts
) -> Iterator[tuple[str, str, str]]:
    """Numbers of the first message that are not in the cited clauses, and of the details that are not in the cited
    articles, as (number, how written, where it was looked for). Nothing when a cited text is not at hand."""
    cited = [(citation, _article(texts, citation)) for citation in period.citations]
    if not cited or any(article is None or _is_newer(article, period) for _, article in cited):
        return
    whole = "\n".join(f"{article.heading}\n{article.text}" for _, article in cited if article)
    clauses = "\n".join(_cited_text(citation, article) for citation, article in cited if article)
    allowed = _allowed(entry, period, library)
    where = ", ".join(dict.fromkeys(_shown(citation) for citation in period.citations))
    for text, law in ((period.answer, clauses), (details, whole)):
        known = law_numbers(law) | allowed
        for number, written in numbers_of(text):
            if number not in known:
                yield written, written, where


def _article(texts: LawTexts, citation: Citation) -> Article | None:
    return None if citation.article is None else texts.article(citation.source, citation.article)


def _is_newer(article: Article, period: Period) -> bool:
    """The text at hand is a later wording than the one of that period."""
    last = period.span.last
    return bool(article.effective_from) and last is not None and article.effective_from > last.isoformat()


def _cited_text(citation: Citation, article: Article) -> str:
    clause = article.clauses.get(str(citation.clause)) if citation.clause is not None else None
    return (
        f"{article.heading}\n{article.lead}\n{clause}" if clause is not None else f"{article.heading}\n{article.text}"
    )


def _allowed(entry: Entry, period: Period, library: Library) -> set[Decimal]:
    """Numbers a curator vouches for, and those of the figures that the period names."""
    allowed = {read_number(one) for one in entry.numbers_ok}
    for name in amounts.names_in(f"{period.answer}\n{period.details}"):
        figure = library.figures.get(name)
        if figure is not None:
            allowed.add(figure.times)
            for value in amounts.root_of(library.figures, name).values:
                allowed |= set(value.amount) if isinstance(value.amount, tuple) else {value.amount}
    return allowed


def _shown(citation: Citation) -> str:
    key = "knowledge.citation.article" if citation.clause is None else "knowledge.citation.clause"
    return t(key, article=citation.article, clause=citation.clause, name=citation.source)
