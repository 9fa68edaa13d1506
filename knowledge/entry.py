"""The words of the knowledge base: entries, their periods, citations, sources and dated figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from pathlib import Path

CONTENT = Path(__file__).parent / "content"


class Status(StrEnum):
    """How far an entry has come; only published ones are shown to members."""

    DRAFT = "draft"
    REVIEWED = "reviewed"
    PUBLISHED = "published"
    RETIRED = "retired"


class Basis(StrEnum):
    """How we know: read in the text, read in a scanned copy, or told by somebody else."""

    LAW = "law"
    OCR = "ocr"
    REPORTED = "reported"


@dataclass(frozen=True)
class Problem:
    """Something a curator must mend: where, what is wrong, what to do."""

    path: str
    line: int
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what} → {self.fix}"


@dataclass(frozen=True)
class Span:
    """Days from the first to the last, both included; no last day means until further notice."""

    first: date
    last: date | None = None

    def holds(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)

    def covers(self, other: Span) -> bool:
        if other.first < self.first:
            return False
        return self.last is None or (other.last is not None and other.last <= self.last)

    def overlaps(self, other: Span) -> bool:
        return (other.last is None or self.first <= other.last) and (self.last is None or other.first <= self.last)


@dataclass(frozen=True)
class Citation:
    """One place in a legal document; clause and point are absent when the whole article is meant."""

    source: str
    article: int | str | None = None
    clause: int | str | None = None
    point: str | None = None


@dataclass(frozen=True)
class Source:
    """A legal document: how it is named in an answer, and when it is in force."""

    number: str
    name: str
    title: str
    effective_from: date
    effective_to: date | None = None
    applies_from: date | None = None
    replaces: tuple[str, ...] = ()
    replaced_by: tuple[str, ...] = ()
    held: bool = False
    basis: Basis = Basis.LAW
    note: str = ""

    @property
    def span(self) -> Span:
        """The days on which it may be cited: some laws apply before they are in force."""
        return Span(self.applies_from or self.effective_from, self.effective_to)


Amount = Decimal | tuple[Decimal, Decimal]


@dataclass(frozen=True)
class FigureValue:
    """What a figure is worth during some days, and which article says so."""

    span: Span
    amount: Amount
    citation: Citation | None
    basis: Basis = Basis.LAW


@dataclass(frozen=True)
class Figure:
    """A named amount by date; a derived figure is another one times a number, and changes with it."""

    name: str
    title: str
    unit: str = ""
    show: str = ""
    values: tuple[FigureValue, ...] = ()
    of: str | None = None
    times: Decimal = Decimal(1)
    limit: Span | None = None
    citation: Citation | None = None
    basis: Basis = Basis.LAW
    note: str = ""


@dataclass(frozen=True)
class Period:
    """The answer of an entry during some days: first message, details, and what they rest on."""

    span: Span
    answer: str
    details: str
    citations: tuple[Citation, ...]
    line: int
    answer_line: int = 0
    details_line: int = 0
    has_own_citations: bool = False


@dataclass(frozen=True)
class Entry:
    """One question with its answers by period. The body is parsed when somebody first asks for `periods`."""

    id: str
    topic: str
    question: str
    also_asked: tuple[str, ...]
    citations: tuple[Citation, ...]
    related: tuple[str, ...]
    basis: Basis
    status: Status
    last_checked: date | None
    checked_by: str
    path: Path
    body: str = field(repr=False)
    body_line: int = 1
    numbers_ok: tuple[str, ...] = ()

    @property
    def phrasings(self) -> tuple[str, ...]:
        """Every way of asking that this entry claims, its own question first."""
        return (self.question, *self.also_asked)

    @cached_property
    def periods(self) -> tuple[Period, ...]:
        """Newest first, as written in the file. Raises ContentError when the body cannot be read."""
        from knowledge.body import parse_body

        return parse_body(self)

    def period_on(self, day: date) -> Period | None:
        """The period that holds on that day, or None when we know nothing about it."""
        return next((period for period in self.periods if period.span.holds(day)), None)


@dataclass(frozen=True)
class Library:
    """Everything read from the content folder, with the problems that kept a file out."""

    entries: dict[str, Entry]
    sources: dict[str, Source]
    figures: dict[str, Figure]
    problems: tuple[Problem, ...] = ()

    @property
    def published(self) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.status is Status.PUBLISHED]


class ContentError(Exception):
    """Content that cannot be read; carries the problems to show to the curator."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def day_before(day: date) -> date:
    return day - timedelta(days=1)


def day_after(day: date) -> date:
    return day + timedelta(days=1)
