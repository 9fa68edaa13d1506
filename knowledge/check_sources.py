"""Checks of sources.yaml and figures.yaml, and whether a cited article, clause and point exist."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from knowledge.entry import Citation, Figure, Library, Problem, Source, Span, day_before
from knowledge.law import IndexedLaw
from knowledge.load import line_of_key, repeated_keys
from knowledge.problems import problem, shown_path
from knowledge.texts import t

SOURCE_KEYS = {
    "name", "title", "effective_from", "effective_to", "applies_from", "replaces", "replaced_by", "held", "basis",
    "note", "link",
}  # fmt: skip
FIGURE_KEYS = {
    "title", "unit", "show", "note", "values", "of", "times", "from", "to", "source", "article", "clause", "point",
    "basis",
}  # fmt: skip
VALUE_KEYS = {"from", "to", "value", "source", "article", "clause", "point", "basis"}


def place_problem(
    citation: Citation, index: Mapping[str, IndexedLaw], *, reported: bool = False
) -> tuple[str, dict[str, Any]] | None:
    """What is wrong with the cited place, as a code with its values; None when it exists or the law is not indexed.
    In an excerpt the other articles exist but cannot be verified: only a reported answer may cite them."""
    values = {
        "source": citation.source,
        "article": citation.article,
        "clause": citation.clause,
        "point": citation.point,
    }
    if citation.article is None:
        return ("clause_without_article", values) if citation.clause or citation.point else None
    law = index.get(citation.source)
    if law is None:
        return None
    article = law.articles.get(str(citation.article))
    if article is None:
        if law.excerpt and reported:
            return None
        return ("no_article_excerpt" if law.excerpt else "no_article", values)
    clause = "" if citation.clause is None else str(citation.clause)
    if clause and clause not in article.clauses:
        if article.partial and reported:
            return None
        return ("no_clause", values | {"clauses": ", ".join(name for name in article.clauses if name) or "–"})
    points = article.clauses.get(clause, "")
    if citation.point and citation.point not in points and not (article.partial and reported):
        return ("no_point", values | {"points": ", ".join(points) or "–"})
    return None


def check_sources(path: Path, library: Library) -> list[Problem]:
    """Keys, dates and links of sources.yaml."""
    text, shown = path.read_text(encoding="utf-8"), shown_path(path)
    problems = _check_keys(text, shown, SOURCE_KEYS)
    for source in library.sources.values():
        line = line_of_key(text, source.number)
        if not _dates_fit(source):
            problems.append(problem(shown, line, "source_dates", source=source.number))
        for other in (*source.replaces, *source.replaced_by):
            if other not in library.sources:
                problems.append(problem(shown, line, "source_unknown_link", source=source.number, other=other))
    return problems


def _dates_fit(source: Source) -> bool:
    ends = source.effective_to
    if ends is not None and ends < source.effective_from:
        return False
    return source.applies_from is None or source.applies_from <= source.effective_from


def check_figures(path: Path, library: Library, index: Mapping[str, IndexedLaw]) -> list[Problem]:
    """Keys, units, dates, derivations and citations of figures.yaml."""
    text, shown = path.read_text(encoding="utf-8"), shown_path(path)
    problems = _check_keys(text, shown, FIGURE_KEYS)
    for figure in library.figures.values():
        line = line_of_key(text, figure.name)
        found = [*_shape_problems(figure, library), *_citation_problems(figure, library, index)]
        problems += [problem(shown, line, code, **values) for code, values in found]
    return problems


def _check_keys(text: str, shown: str, allowed: set[str]) -> list[Problem]:
    problems = [problem(shown, line, "repeated_key", key=key) for key, line in repeated_keys(text)]
    try:
        tree = yaml.load(text, Loader=yaml.CSafeLoader) or {}
    except (yaml.YAMLError, ValueError):
        return problems  # named by the loader, block by block
    for name, item in tree.items():
        if not isinstance(item, dict):
            continue
        keys = [(key, allowed) for key in item]
        for value in item.get("values") or ():
            keys += [(key, VALUE_KEYS) for key in value] if isinstance(value, dict) else []
        for key, known in keys:
            if key not in known:
                line = line_of_key(text, str(name))
                problems.append(
                    problem(shown, line, "unknown_key", key=f"{name}.{key}", allowed=", ".join(sorted(known)))
                )
    return problems


def known_units() -> tuple[str, ...]:
    return tuple(t("knowledge.unit.all").split(", "))


def _shape_problems(figure: Figure, library: Library) -> list[tuple[str, dict[str, Any]]]:
    name = {"name": figure.name}
    if figure.of is not None:
        if figure.of not in library.figures:
            return [("figure_unknown_base", name | {"base": figure.of})]
        return []
    found: list[tuple[str, dict[str, Any]]] = []
    if not figure.values:
        found.append(("figure_without_value", name))
    if figure.unit not in known_units():
        found.append(("bad_unit", name | {"unit": figure.unit, "allowed": t("knowledge.unit.all")}))
    spans = [value.span for value in figure.values]
    if any(older.last is None or older.last > day_before(newer.first) for newer, older in pairwise(spans)):
        found.append(("figure_order", name))
    if any(span.last is not None and span.last < span.first for span in spans):
        found.append(("figure_order", name))
    return found


def _citation_problems(
    figure: Figure, library: Library, index: Mapping[str, IndexedLaw]
) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    places: list[tuple[Citation | None, Span | None, bool]] = [
        (value.citation, value.span, value.basis == "reported") for value in figure.values
    ]
    if figure.citation is not None:
        places.append((figure.citation, None, figure.basis == "reported"))
    for citation, span, reported in places:
        if citation is None:
            found.append(("figure_no_source", {"name": figure.name}))
            continue
        source = library.sources.get(citation.source)
        if source is None:
            found.append(("unknown_source", {"source": citation.source}))
            continue
        if span is not None and not source.span.covers(span):
            values = {"source": source.number, "span": _shown(source.span), "period": _shown(span)}
            found.append(("not_in_force", values))
        wrong = place_problem(citation, index, reported=reported)
        if wrong is not None:
            found.append(wrong)
    return found


def _shown(span: Span) -> str:
    return f"{span.first} → {span.last or '…'}"
