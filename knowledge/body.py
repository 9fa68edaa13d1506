"""The body of an entry: dated sections, each a first message and details."""

from __future__ import annotations

import re
from datetime import date

import yaml

from knowledge.entry import Citation, ContentError, Entry, Period, Problem, Span
from knowledge.problems import problem, shown_path

SECTION = re.compile(r"^##\s+Từ\s+(\d{4}-\d{2}-\d{2})(?:\s+đến\s+(\d{4}-\d{2}-\d{2}))?\s*$")
DETAILS = re.compile(r"^###\s+Chi tiết\s*$")
CITED = re.compile(r"^Căn cứ:\s*(\{.*\})\s*$")
CITATION_KEYS = {"source", "article", "clause", "point"}


def parse_body(entry: Entry) -> tuple[Period, ...]:
    """The periods as written. Raises ContentError with every problem that keeps the body from being read."""
    path = shown_path(entry.path)
    sections, problems = _split(entry.body, entry.body_line, path)
    periods: list[Period] = []
    for line, span, lines in sections:
        period, found = _read_section(entry, path, line, span, lines)
        periods.append(period)
        problems += found
    if not sections:
        problems.append(problem(path, entry.body_line, "no_period"))
    if problems:
        raise ContentError(*problems)
    return tuple(periods)


def _split(body: str, first_line: int, path: str) -> tuple[list[tuple[int, Span, list[str]]], list[Problem]]:
    sections: list[tuple[int, Span, list[str]]] = []
    problems: list[Problem] = []
    for number, line in enumerate(body.split("\n"), first_line):
        header = SECTION.match(line)
        if header:
            try:
                last = date.fromisoformat(header[2]) if header[2] else None
                sections.append((number, Span(date.fromisoformat(header[1]), last), []))
            except ValueError:
                problems.append(problem(path, number, "bad_date", text=line))
        elif line.startswith("## "):
            problems.append(problem(path, number, "bad_heading", text=line))
        elif sections:
            sections[-1][2].append(line)
        elif line.strip():
            problems.append(problem(path, number, "text_before_period", text=line[:40]))
    return sections, problems


def _read_section(entry: Entry, path: str, line: int, span: Span, lines: list[str]) -> tuple[Period, list[Problem]]:
    problems: list[Problem] = []
    citations: tuple[Citation, ...] | None = None
    parts: list[list[tuple[int, str]]] = [[]]
    for number, text in enumerate(lines, line + 1):
        cited = CITED.match(text)
        if cited:
            try:
                citations = tuple(read_citation(item) for item in yaml.load(f"[{cited[1]}]", Loader=yaml.CSafeLoader))
            except (yaml.YAMLError, ValueError) as error:
                problems.append(problem(path, number, "bad_citation", text=str(error).split("\n", maxsplit=1)[0]))
        elif DETAILS.match(text):
            parts.append([])
        else:
            parts[-1].append((number, text))
    if len(parts) > 2:  # the first message and one part of details
        problems.append(problem(path, line, "two_details"))
    (answer, answer_line), (details, details_line) = (_block(part, line) for part in [*parts, []][:2])
    own = citations is not None
    return Period(span, answer, details, citations or entry.citations, line, answer_line, details_line, own), problems


def _block(lines: list[tuple[int, str]], default: int) -> tuple[str, int]:
    """The text without blank lines around it, and the line on which it begins."""
    first = next((number for number, text in lines if text.strip()), default)
    return "\n".join(text for _, text in lines).strip(), first


def read_citation(item: object) -> Citation:
    """A citation from its mapping. Raises ValueError naming what is wrong."""
    if not isinstance(item, dict) or not item.get("source"):
        raise ValueError(str(item))
    unknown = set(item) - CITATION_KEYS
    if unknown:
        raise ValueError(", ".join(map(str, sorted(unknown, key=str))))
    point = item.get("point")
    return Citation(str(item["source"]), item.get("article"), item.get("clause"), None if point is None else str(point))
