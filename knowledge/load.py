"""Files → Library: front matter and YAML through the C loader, bodies left alone until asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml

from knowledge.body import read_citation
from knowledge.entry import (
    CONTENT,
    Amount,
    Basis,
    Citation,
    ContentError,
    Entry,
    Figure,
    FigureValue,
    Library,
    Problem,
    Source,
    Span,
    Status,
)
from knowledge.problems import problem, shown_path

TOP_KEY = re.compile(r"^([^\s#][^:\n]*):(?:\s|$)", re.MULTILINE)
AGE = re.compile(r"^(\d+) tuổi(?: (\d+) tháng)?$")
MONTHS_A_YEAR = 12
Item = TypeVar("Item")


@dataclass(frozen=True)
class Document:
    """One entry file as it stands: its front matter, its body, and where the body begins."""

    path: Path
    text: str
    meta: dict[str, Any]
    body: str
    body_line: int

    def line_of(self, needle: str) -> int:
        """The first line that holds the needle, else 1."""
        found = self.text.find(needle)
        return self.text.count("\n", 0, found) + 1 if found >= 0 else 1


def load_library(content: Path = CONTENT) -> Library:
    """Everything that can be read. A broken file stays out and is named in `problems`, so one slip of a curator
    never stops the bot; `python -m knowledge check` refuses it before it gets that far."""
    sources, problems = _read_mapping(content / "sources.yaml", read_source)
    figures, more = _read_mapping(content / "figures.yaml", read_figure)
    problems += more + _drop_circles(figures, content / "figures.yaml")
    entries: dict[str, Entry] = {}
    for path in entry_paths(content):
        try:
            entry = build_entry(read_document(path))
        except ContentError as error:
            problems += error.problems
            continue
        entries.setdefault(entry.id, entry)
    return Library(entries, sources, figures, tuple(problems))


@lru_cache(maxsize=1)
def load_figures(content: Path = CONTENT) -> dict[str, Figure]:
    """The figures alone, for rules of the program itself; read once."""
    figures, _problems = _read_mapping(content / "figures.yaml", read_figure)
    _drop_circles(figures, content / "figures.yaml")
    return figures


def _drop_circles(figures: dict[str, Figure], path: Path) -> list[Problem]:
    """Takes out figures that are derived from themselves, so that nobody ever computes one."""
    circles = [name for name in figures if _is_circle(figures, name)]
    text = path.read_text(encoding="utf-8") if circles else ""
    for name in circles:
        del figures[name]
    return [problem(shown_path(path), line_of_key(text, name), "figure_circle", name=name) for name in circles]


def _is_circle(figures: dict[str, Figure], name: str) -> bool:
    seen: set[str] = set()
    current: str | None = name
    while current is not None and current in figures:
        if current in seen:
            return True
        seen.add(current)
        current = figures[current].of
    return False


def entry_paths(content: Path = CONTENT) -> list[Path]:
    return sorted((content / "faq").rglob("*.md"))


def read_document(path: Path) -> Document:
    """An entry file split into front matter and body. Raises ContentError."""
    text = path.read_text(encoding="utf-8")
    shown = shown_path(path)
    end = text.find("\n---", 3)
    if not text.startswith("---\n") or end < 0:
        raise ContentError(problem(shown, 1, "no_front_matter"))
    try:
        meta = yaml.load(text[4 : end + 1], Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark.line if error.problem_mark else 0) + 2
        raise ContentError(problem(shown, line, "bad_yaml", text=error.problem or "")) from None
    except (yaml.YAMLError, ValueError) as error:
        raise ContentError(problem(shown, 1, "bad_yaml", text=str(error))) from None
    if not isinstance(meta, dict):
        raise ContentError(problem(shown, 1, "no_front_matter"))
    body_start = text.find("\n", end + 1) + 1
    return Document(path, text, meta, text[body_start:] if body_start else "", text.count("\n", 0, body_start) + 1)


def build_entry(document: Document) -> Entry:
    """The entry of a document. Raises ContentError naming every key that has the wrong shape."""
    meta, path = document.meta, shown_path(document.path)
    problems: list[Problem] = []

    def read(key: str, convert: Callable[[Any], Item], default: Item) -> Item:
        value = meta.get(key)
        if value is None:
            return default
        try:
            return convert(value)
        except (ValueError, TypeError) as error:
            problems.append(problem(path, document.line_of(f"\n{key}:") + 1, "bad_value", key=key, text=str(error)))
            return default

    entry = Entry(
        id=read("id", _text, ""),
        topic=document.path.parent.name,
        question=read("question", _text, ""),
        also_asked=read("also_asked", _texts, ()),
        citations=read("citations", _citations, ()),
        related=read("related", _texts, ()),
        basis=read("basis", Basis, Basis.LAW),
        status=read("status", Status, Status.DRAFT),
        last_checked=read("last_checked", _day, None),
        checked_by=read("checked_by", _text, ""),
        path=document.path,
        body=document.body,
        body_line=document.body_line,
        numbers_ok=read("numbers_ok", _numbers, ()),
    )
    if problems:
        raise ContentError(*problems)
    return entry


def read_source(number: str, item: dict[str, Any]) -> Source:
    """A source from its mapping. Raises ValueError or KeyError."""
    start = _day(item["effective_from"])
    if start is None:
        raise ValueError("effective_from")
    return Source(
        number=number,
        name=_text(item["name"]),
        title=_text(item["title"]),
        effective_from=start,
        effective_to=_day(item.get("effective_to")),
        applies_from=_day(item.get("applies_from")),
        replaces=_texts(item.get("replaces") or ()),
        replaced_by=_texts(item.get("replaced_by") or ()),
        held=bool(item.get("held", False)),
        basis=Basis(item.get("basis") or Basis.LAW),
        note=_text(item.get("note") or ""),
    )


def read_figure(name: str, item: dict[str, Any]) -> Figure:
    """A figure from its mapping, with values of its own or derived from another. Raises ValueError or KeyError."""
    limits = Span(_day(item.get("from")) or date.min, _day(item.get("to")))
    return Figure(
        name=name,
        title=_text(item["title"]),
        unit=_text(item.get("unit") or ""),
        show=_text(item.get("show") or ""),
        values=tuple(_value(value) for value in item.get("values") or ()),
        of=item.get("of"),
        times=_decimal(item.get("times", 1)),
        limit=limits if limits != Span(date.min) else None,
        citation=_figure_citation(item),
        basis=Basis(item.get("basis") or Basis.LAW),
        note=_text(item.get("note") or ""),
    )


def _value(item: dict[str, Any]) -> FigureValue:
    start = _day(item["from"])
    if start is None:
        raise ValueError("from")
    basis = Basis(item.get("basis") or Basis.LAW)
    return FigureValue(Span(start, _day(item.get("to"))), _amount(item["value"]), _figure_citation(item), basis)


def _figure_citation(item: dict[str, Any]) -> Citation | None:
    keys = ("source", "article", "clause", "point")
    return read_citation({key: item.get(key) for key in keys}) if item.get("source") else None


def _amount(value: object) -> Amount:
    if isinstance(value, list):
        low, high = value
        return (_decimal(low), _decimal(high))
    age = AGE.match(value) if isinstance(value, str) else None
    if age:
        return Decimal(int(age[1]) * MONTHS_A_YEAR + int(age[2] or 0))
    return _decimal(value)


def _decimal(value: object) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError(str(value)) from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(str(value))
    return value.strip()


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(str(value))
    return tuple(_text(item) for item in value)


def _numbers(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(str(value))
    return tuple(str(item) for item in value)


def _citations(value: object) -> tuple[Citation, ...]:
    if not isinstance(value, list):
        raise ValueError(str(value))
    return tuple(read_citation(item) for item in value)


def _day(value: object) -> date | None:
    if value is None:
        return None
    if isinstance(value, date):
        return value
    raise ValueError(str(value))


def _read_mapping(path: Path, read: Callable[[str, dict[str, Any]], Item]) -> tuple[dict[str, Item], list[Problem]]:
    shown = shown_path(path)
    text = path.read_text(encoding="utf-8")
    found: dict[str, Item] = {}
    tree, problems = _parse_blocks(text, shown)
    for key, item in tree.items():
        try:
            if not isinstance(item, dict):
                raise ValueError(str(item))
            found[key] = read(key, item)
        except KeyError as error:
            problems.append(problem(shown, line_of_key(text, key), "missing_key", key=error.args[0], name=key))
        except (ValueError, TypeError) as error:
            problems.append(problem(shown, line_of_key(text, key), "bad_value", key=key, text=str(error)))
    return found, problems


def _parse_blocks(text: str, shown: str) -> tuple[dict[str, Any], list[Problem]]:
    """The whole file at once when it is sound; else block by block, so that one slip does not hide the rest."""
    try:
        return {str(key): item for key, item in (yaml.load(text, Loader=yaml.CSafeLoader) or {}).items()}, []
    except (yaml.YAMLError, ValueError, AttributeError):
        pass
    tree: dict[str, Any] = {}
    problems: list[Problem] = []
    starts = [found.start() for found in TOP_KEY.finditer(text)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        try:
            tree |= {str(key): item for key, item in yaml.load(text[start:end], Loader=yaml.CSafeLoader).items()}
        except (yaml.YAMLError, ValueError, AttributeError) as error:
            line = text.count("\n", 0, start) + 1
            problems.append(problem(shown, line, "bad_yaml", text=str(getattr(error, "problem", "") or error)))
    return tree, problems


def line_of_key(text: str, key: str) -> int:
    """The line on which a top-level key of a YAML file stands, else 1."""
    found = re.search(rf"^[\"']?{re.escape(key)}[\"']?:", text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else 1


def repeated_keys(text: str) -> list[tuple[str, int]]:
    """Top-level keys that stand twice, with the line of the second: YAML itself keeps silent about them."""
    seen: set[str] = set()
    repeated = []
    for found in TOP_KEY.finditer(text):
        if found[1] in seen:
            repeated.append((found[1], text.count("\n", 0, found.start()) + 1))
        seen.add(found[1])
    return repeated
