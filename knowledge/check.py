"""Every problem in the content at once, in Vietnamese: file, line, what is wrong, what to do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from knowledge import figures as amounts
from knowledge.check_alarms import check_alarms
from knowledge.check_calendar import check_calendar
from knowledge.check_meaning import check_meaning
from knowledge.check_numbers import numbers_not_in_law
from knowledge.check_sources import check_figures, check_sources, place_problem
from knowledge.entry import (
    CONTENT,
    Basis,
    Citation,
    ContentError,
    Entry,
    Library,
    Period,
    Problem,
    Span,
    Status,
)
from knowledge.law import IndexedLaw, LawTexts, load_index
from knowledge.load import Document, build_entry, entry_paths, load_library, read_document
from knowledge.normalize import fold
from knowledge.problems import problem, shown_path
from knowledge.texts import t

FIRST_MESSAGE_MAX = 600  # more is cut into two bubbles on a small phone
PHRASINGS_MIN = 10
RELATED_MAX = 3
KEYS = (
    "id", "question", "also_asked", "citations", "related", "basis", "status", "last_checked", "checked_by",
    "numbers_ok",
)  # fmt: skip
ID = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")
AMOUNT = re.compile(
    r"\d[\d.,]*\s*(?:đồng(?!\s+(?:nghiệp|thời|phục|đội|chủ))|vnđ|vnd|đ|triệu|nghìn|ngàn|t[ỷỉ](?!\s+lệ)|k)(?!\w)",
    re.IGNORECASE,
)
EXAMPLE = re.compile(r"Ví dụ")
CONFIRM = re.compile(r"hỏi lại|xác nhận|kiểm tra lại|hỏi thêm|hỏi cho chắc", re.IGNORECASE)
LINK = re.compile(r"\[([^\]]+)\]\(https?://[^)\s]+\)")
BAD_FORMAT = re.compile(r"^\s*\||^#{1,6}\s|^\s*[*+]\s|^\s*>\s|</?[a-zA-Z][^>]*>|`|(?<!\*)\*(?!\*)|__")


@dataclass
class Checker:
    """One run over the content: what was read, and what was found."""

    library: Library
    today: date
    index: dict[str, IndexedLaw]
    texts: LawTexts | None = None
    problems: list[Problem] = field(default_factory=list)
    phrases: dict[str, tuple[str, Path]] = field(default_factory=dict)
    ids: dict[str, Path] = field(default_factory=dict)

    def add(self, path: str, line: int, code: str, /, **values: object) -> None:
        self.problems.append(problem(path, line, code, **values))


def check_content(
    content: Path = CONTENT, *, today: date, law_texts: Path | None = None, index: Path | None = None
) -> list[Problem]:
    """Every problem, ordered by file and line. An empty list means that the content may be published."""
    library = load_library(content)
    laws = load_index(index or content / "law_index.json")
    checker = Checker(library, today, laws, LawTexts(law_texts) if law_texts else None)
    checker.problems += [one for one in library.problems if not one.path.startswith("faq/")]
    checker.problems += check_sources(content / "sources.yaml", library)
    checker.problems += check_figures(content / "figures.yaml", library, laws)
    checker.problems += check_alarms(content, library)
    checker.problems += check_calendar(content, library, laws)
    for path in entry_paths(content):
        check_entry(checker, path)
    checker.problems += check_meaning(library, today, content)
    return sorted(set(checker.problems), key=lambda one: (one.path, one.line, one.what))


def check_entry(checker: Checker, path: Path) -> None:
    """Everything that can be wrong with one entry file."""
    shown = shown_path(path)
    try:
        document = read_document(path)
    except ContentError as error:
        checker.problems += error.problems
        return
    _check_keys(checker, document, shown)
    try:
        entry = build_entry(document)
    except ContentError as error:
        checker.problems += error.problems
        return
    _check_identity(checker, document, entry, shown)
    if entry.status is Status.RETIRED:
        return
    _check_phrases(checker, document, entry, shown)
    _check_reading(checker, document, entry, shown)
    _check_related(checker, document, entry, shown)
    try:
        periods = entry.periods
    except ContentError as error:
        checker.problems += error.problems
        return
    _check_period_order(checker, periods, shown)
    for period in periods:
        _check_period(checker, document, entry, period, shown)


def _key_line(document: Document, key: str) -> int:
    return document.line_of(f"\n{key}:") + 1 if f"\n{key}:" in document.text else 1


def _check_keys(checker: Checker, document: Document, path: str) -> None:
    for key in document.meta:
        if key not in KEYS:
            checker.add(path, _key_line(document, str(key)), "unknown_key", key=key, allowed=", ".join(KEYS))
    head = document.text[: len(document.text) - len(document.body)]
    keys = re.findall(r"^([a-z_]+):", head, re.MULTILINE)
    for key in {key for key in keys if keys.count(key) > 1}:
        checker.add(path, _key_line(document, key), "repeated_key", key=key)
    for number, line in enumerate(document.text.split("\n"), 1):
        if not unicodedata.is_normalized("NFC", line):
            checker.add(path, number, "not_nfc")


def _check_identity(checker: Checker, document: Document, entry: Entry, path: str) -> None:
    line = _key_line(document, "id")
    if entry.id != document.path.stem:
        checker.add(path, line, "id_not_file", id=entry.id, file=document.path.stem)
    if not ID.match(entry.id):
        checker.add(path, line, "bad_id", id=entry.id)
    other = checker.ids.setdefault(entry.id, document.path)
    if other != document.path:
        checker.add(path, line, "id_twice", id=entry.id, other=shown_path(other))
    if not entry.question:
        checker.add(path, _key_line(document, "question"), "no_question")


def _check_phrases(checker: Checker, document: Document, entry: Entry, path: str) -> None:
    if len(entry.also_asked) < PHRASINGS_MIN:
        line = _key_line(document, "also_asked")
        checker.add(path, line, "few_phrasings", count=len(entry.also_asked), least=PHRASINGS_MIN)
    for phrase in entry.phrasings:
        folded = fold(phrase)
        line = document.line_of(phrase[:60]) if phrase else 1
        if not folded:
            checker.add(path, line, "phrase_empty")
            continue
        other, other_path = checker.phrases.setdefault(folded, (phrase, document.path))
        if other_path != document.path:
            checker.add(path, line, "phrase_taken", phrase=phrase, other=other_path.stem)
        elif other is not phrase:
            checker.add(path, line, "phrase_twice", phrase=phrase)


def _check_reading(checker: Checker, document: Document, entry: Entry, path: str) -> None:
    published = entry.status is Status.PUBLISHED
    if published and not entry.checked_by:
        checker.add(path, _key_line(document, "checked_by"), "no_reader")
    if published and entry.last_checked is None:
        checker.add(path, _key_line(document, "last_checked"), "no_check_date")
    if entry.last_checked and entry.last_checked > checker.today:
        checker.add(path, _key_line(document, "last_checked"), "check_in_future", day=entry.last_checked)


def _check_related(checker: Checker, document: Document, entry: Entry, path: str) -> None:
    line = _key_line(document, "related")
    if len(entry.related) > RELATED_MAX:
        checker.add(path, line, "too_many_related", count=len(entry.related), most=RELATED_MAX)
    for other in entry.related:
        if other not in checker.library.entries or other == entry.id:
            checker.add(path, line, "unknown_related", other=other)


def _check_period_order(checker: Checker, periods: tuple[Period, ...], path: str) -> None:
    for number, period in enumerate(periods):
        if period.span.last and period.span.last < period.span.first:
            checker.add(path, period.line, "period_backwards")
        for newer in periods[:number]:
            if period.span.overlaps(newer.span):
                checker.add(path, period.line, "period_overlap", other=newer.span.first)
            elif period.span.first > newer.span.first:
                checker.add(path, period.line, "period_order")


def _check_period(checker: Checker, document: Document, entry: Entry, period: Period, path: str) -> None:
    if not period.answer:
        checker.add(path, period.line, "period_empty")
    line = period.line if period.has_own_citations else _key_line(document, "citations")
    if not period.citations:
        checker.add(path, line, "no_citation")
    for citation in period.citations:
        at = line if period.has_own_citations else _citation_line(document, citation, line)
        _check_citation(checker, citation, period.span, entry.basis, path, at)
    _check_confirmed(checker, entry, period, path)
    _check_writing(checker, period, path)
    if _figures_known(checker, period, path):
        _check_length(checker, period, path)
        _check_numbers(checker, entry, period, path)


def _citation_line(document: Document, citation: Citation, default: int) -> int:
    wanted = f"source: {citation.source}, article: {citation.article}"
    return document.line_of(wanted) if wanted in document.text else default


def shown_span(span: Span) -> str:
    return f"{span.first} → {span.last}" if span.last else f"{span.first} → …"


def _check_citation(checker: Checker, citation: Citation, span: Span, basis: Basis, path: str, line: int) -> None:
    source = checker.library.sources.get(citation.source)
    if source is None:
        checker.add(path, line, "unknown_source", source=citation.source)
        return
    if not source.span.covers(span):
        values = {"source": source.number, "span": shown_span(source.span), "period": shown_span(span)}
        checker.add(path, line, "not_in_force", **values)
    found = place_problem(citation, checker.index, reported=basis is Basis.REPORTED)
    if found is not None:
        checker.add(path, line, found[0], **found[1])


def _check_confirmed(checker: Checker, entry: Entry, period: Period, path: str) -> None:
    if CONFIRM.search(f"{period.answer}\n{period.details}"):
        return
    not_held = [
        citation.source
        for citation in period.citations
        if (source := checker.library.sources.get(citation.source)) and not source.held
    ]
    if entry.basis is Basis.REPORTED:
        checker.add(path, period.line, "not_confirmed", reason="basis: reported")
    elif not_held:
        checker.add(path, period.line, "not_confirmed", reason=", ".join(dict.fromkeys(not_held)))


def numbered_lines(period: Period) -> Iterator[tuple[int, str]]:
    """The lines that a member reads, with their numbers in the file."""
    yield from enumerate(period.answer.split("\n"), period.answer_line)
    yield from enumerate(period.details.split("\n"), period.details_line)


def line_with(period: Period, text: str) -> int:
    return next((number for number, line in numbered_lines(period) if text in line), period.line)


def without_examples(text: str) -> str:
    """The text without its worked examples: from "Ví dụ" to the end of the paragraph."""
    paragraphs = re.split(r"\n\s*\n", text)
    return "\n\n".join(EXAMPLE.split(paragraph, maxsplit=1)[0] for paragraph in paragraphs)


def _check_writing(checker: Checker, period: Period, path: str) -> None:
    for number, text in numbered_lines(period):
        if BAD_FORMAT.search(LINK.sub(r"\1", text).replace("**", "")):
            checker.add(path, number, "formatting", text=text.strip()[:60])
        if text.count("**") % 2:
            checker.add(path, number, "unbalanced_bold", text=text.strip()[:60])
        brace = re.search(r"[{}]", amounts.FIGURE.sub("", text))
        if brace:
            checker.add(path, number, "stray_brace", text=text.strip()[:60])
    for part in (period.answer, without_examples(period.details)):
        for text in amounts.FIGURE.sub("", part).split("\n"):
            for found in AMOUNT.finditer(text):
                checker.add(path, line_with(period, found.group()), "bare_amount", text=found.group().strip())


def _figures_known(checker: Checker, period: Period, path: str) -> bool:
    figures, known = checker.library.figures, True
    for name in amounts.names_in(f"{period.answer}\n{period.details}"):
        line = line_with(period, f"{{figure:{name}}}")
        if name not in figures:
            near = get_close_matches(name, figures, n=3)
            checker.add(path, line, "unknown_figure", name=name, near=f" ({', '.join(near)}?)" if near else "")
            known = False
            continue
        gap = amounts.gap_in(figures, name, period.span)
        if gap is not None:
            checker.add(path, line, "figure_gap", name=name, day=gap, period=shown_span(period.span))
            known = False
    return known


def visible_length(text: str) -> int:
    """How many characters the member reads: marks of bold and addresses of links do not count."""
    return len(LINK.sub(r"\1", text).replace("**", ""))


def days_to_try(checker: Checker, period: Period) -> list[date]:
    """The days on which the first message may look different: the first, and each change of a figure."""
    days = {period.span.first}
    for name in amounts.names_in(period.answer):
        days.update(amounts.change_days(checker.library.figures, name, period.span))
    return sorted(days)


def _check_length(checker: Checker, period: Period, path: str) -> None:
    for day in days_to_try(checker, period):
        length = visible_length(amounts.fill(period.answer, checker.library.figures, day))
        if length > FIRST_MESSAGE_MAX:
            checker.add(path, period.line, "too_long", length=length, day=day, most=FIRST_MESSAGE_MAX)
            return


def _check_numbers(checker: Checker, entry: Entry, period: Period, path: str) -> None:
    if checker.texts is None:  # the texts of the laws are not on this machine
        return
    details = without_examples(period.details)
    for number, text, where in numbers_not_in_law(entry, period, details, checker.library, checker.texts):
        checker.add(path, line_with(period, text), "number_not_in_law", number=number, where=where)


def summary(problems: Iterable[Problem], library: Library) -> str:
    """The last line of the command: how much was checked, or how much must be mended."""
    found = list(problems)
    if found:
        return t("knowledge.check.found", count=len(found), files=len({one.path for one in found}))
    values = {"entries": library.entries, "published": library.published, "sources": library.sources}
    return t("knowledge.check.ok", figures=len(library.figures), **{name: len(items) for name, items in values.items()})
