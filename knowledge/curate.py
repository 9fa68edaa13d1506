"""What a curator asks of the content: a new file, what is due, what a change of law touches."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from knowledge import figures as amounts
from knowledge.citations import cite
from knowledge.entry import CONTENT, Citation, ContentError, Entry, Library, Period, Span, Status
from knowledge.holidays import is_announced, load_calendar
from knowledge.texts import t

CHECK_MONTHS = 6
WARN_DAYS = 90
ID = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")


class CurateError(Exception):
    """A command that cannot be carried out; the message is ready to be shown."""


def new_entry(entry_id: str, topic: str, today: date, content: Path = CONTENT) -> Path:
    """Writes a fresh draft from muc-moi.md and says where. Raises CurateError for a bad or taken id."""
    for name in (entry_id, topic):
        if not ID.match(name):
            raise CurateError(t("knowledge.new.bad_id", id=name))
    taken = next((content / "faq").rglob(f"{entry_id}.md"), None)
    if taken is not None:
        raise CurateError(t("knowledge.new.exists", id=entry_id, path=taken))
    path = content / "faq" / topic / f"{entry_id}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    template = (content / "muc-moi.md").read_text(encoding="utf-8")
    path.write_text(template.replace("{id}", entry_id).replace("{today}", today.isoformat()), encoding="utf-8")
    return path


def periods_of(entry: Entry) -> tuple[Period, ...]:
    """The periods of an entry, none when its body cannot be read: `check` names such a file."""
    try:
        return entry.periods
    except ContentError:
        return ()


def figures_of(entry: Entry) -> set[str]:
    return {name for one in periods_of(entry) for name in amounts.names_in(f"{one.answer}\n{one.details}")}


def alive(library: Library) -> list[Entry]:
    return [entry for entry in library.entries.values() if entry.status is not Status.RETIRED]


def uses_of_figures(library: Library) -> dict[str, list[str]]:
    """Figure → ids of the entries that show it, directly or through a figure derived from it."""
    uses: dict[str, set[str]] = {name: set() for name in library.figures}
    for entry in alive(library):
        for name in figures_of(entry):
            for one in _chain(library, name):
                uses[one].add(entry.id)
    return {name: sorted(ids) for name, ids in uses.items()}


def _chain(library: Library, name: str) -> Iterable[str]:
    current: str | None = name
    while current is not None and current in library.figures:
        yield current
        current = library.figures[current].of


def unchecked(library: Library, today: date) -> list[Entry]:
    """Published entries that nobody has read for six months, longest first."""
    limit = today - timedelta(days=CHECK_MONTHS * 365 // 12)
    due = [entry for entry in library.published if entry.last_checked is None or entry.last_checked < limit]
    return sorted(due, key=lambda entry: entry.last_checked or date.min)


def ending_sources(library: Library, today: date) -> dict[str, list[str]]:
    """Sources that lose force within 90 days → the entries whose answer of that day rests on them."""
    soon = Span(today, today + timedelta(days=WARN_DAYS))
    found: dict[str, list[str]] = {}
    for source in library.sources.values():
        last = source.effective_to
        if last is not None and soon.holds(last):
            used = [entry.id for entry in alive(library) if _cites_on(entry, source.number, last)]
            if used:
                found[source.number] = used
    return found


def _cites_on(entry: Entry, source: str, day: date) -> bool:
    return any(one.span.holds(day) and any(c.source == source for c in one.citations) for one in periods_of(entry))


def changing_figures(library: Library, today: date) -> dict[str, tuple[date, list[str]]]:
    """Figures that take a new value or run out within 90 days → the first such day and the entries that show them."""
    soon = Span(today, today + timedelta(days=WARN_DAYS))
    uses = uses_of_figures(library)
    found = {}
    for figure in library.figures.values():
        days = [span.first for span in amounts.spans_of(library.figures, figure.name)]
        days += [span.last for span in amounts.spans_of(library.figures, figure.name) if span.last is not None]
        near = sorted(day for day in days if soon.holds(day) and day != today)
        if near and uses[figure.name]:
            found[figure.name] = (near[0], uses[figure.name])
    return found


def unannounced_years(today: date) -> list[int]:
    """Years within 90 days whose holidays the Prime Minister has not fixed, as far as calendar.yaml knows."""
    calendar = load_calendar()
    return [
        year
        for year in sorted({today.year, (today + timedelta(days=WARN_DAYS)).year})
        if not is_announced(calendar, year)
    ]


@dataclass(frozen=True)
class Impact:
    """An entry that a change of some law touches: the places it cites, and the figures it shows."""

    entry: Entry
    places: tuple[Citation, ...]
    figures: tuple[str, ...]


def impact(library: Library, law: str, article: str | None = None) -> list[Impact]:
    """Every entry that rests on the law, or on that article of it, directly or through a figure."""

    def hit(citation: Citation) -> bool:
        return citation.source == law and (article is None or str(citation.article) == article)

    touched = {name for name in library.figures if any(map(hit, amounts.citations_of(library.figures, name)))}
    found = []
    for entry in library.entries.values():
        cited = [*entry.citations, *(c for period in periods_of(entry) for c in period.citations)]
        places = tuple(dict.fromkeys(filter(hit, cited)))
        shown = tuple(sorted(figures_of(entry) & touched))
        if places or shown:
            found.append(Impact(entry, places, shown))
    return found


def show_impact(library: Library, law: str, article: str | None = None) -> str:
    """The answer of `impact` as text. Raises CurateError when the law is unknown."""
    if law not in library.sources:
        raise CurateError(t("knowledge.impact.unknown", law=law))
    found = impact(library, law, article)
    where = t("knowledge.impact.article", article=article) if article else ""
    lines = [t("knowledge.impact.title", count=len(found), law=law, article=where)]
    for one in found:
        how = []
        if one.places:
            how.append(t("knowledge.impact.cites", places="; ".join(cite(c, library) for c in one.places)))
        if one.figures:
            how.append(t("knowledge.impact.figures", names=", ".join(one.figures)))
        lines.append(t("knowledge.impact.row", id=one.entry.id, status=one.entry.status, how=", ".join(how)))
    return "\n".join(lines)
