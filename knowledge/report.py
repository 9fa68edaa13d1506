"""The curators' report: what was asked in vain, which answers were called wrong, what is due, what uses a figure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from knowledge.answer import Answerer, Outcome
from knowledge.curate import (
    CHECK_MONTHS,
    WARN_DAYS,
    alive,
    changing_figures,
    ending_sources,
    periods_of,
    unannounced_years,
    unchecked,
    uses_of_figures,
)
from knowledge.entry import Library, Status
from knowledge.groups import MOST_DISTINCT, Group, group_questions
from knowledge.heard import Heard, Remark
from knowledge.texts import t

MOST_GROUPS = 40
"""Groups shown: more than a curator settles in a week."""

MOST_NOTES = 5
MOST_LETTERS = 160


def report(library: Library, today: date) -> str:
    """What is due and which figures are used where, as text for a terminal."""
    count = {status.value: sum(one.status is status for one in library.entries.values()) for status in Status}
    silent = [one for one in alive(library) if not any(period.span.holds(today) for period in periods_of(one))]
    uses = uses_of_figures(library)
    sections = [
        [t("knowledge.report.statuses", total=len(library.entries), **count)],
        _section(
            "unchecked",
            [
                t("knowledge.report.unchecked_row", id=one.id, day=one.last_checked or "–", by=one.checked_by or "–")
                for one in unchecked(library, today)
            ],
            months=CHECK_MONTHS,
        ),
        _section(
            "sources",
            [
                t("knowledge.report.source_row", number=number, day=_last_day(library, number), entries=", ".join(ids))
                for number, ids in ending_sources(library, today).items()
            ],
            days=WARN_DAYS,
        ),
        _section(
            "figures",
            [
                t("knowledge.report.figure_row", name=name, day=day, entries=", ".join(ids))
                for name, (day, ids) in changing_figures(library, today).items()
            ],
            days=WARN_DAYS,
        ),
        _section(
            "calendar",
            [t("knowledge.report.calendar_row", year=year) for year in unannounced_years(today)],
            days=WARN_DAYS,
        ),
        _section("stale", [t("knowledge.report.stale_row", id=one.id) for one in silent]),
        _section("uses", [_use_row(library, name, ids) for name, ids in uses.items() if ids]),
        _section("unused", [t("knowledge.report.stale_row", id=name) for name, ids in uses.items() if not ids]),
    ]
    return _joined(sections)


def report_heard(heard: Heard, answerer: Answerer, today: date) -> str:
    """What members asked in vain, grouped, and the answers they called wrong, as text for a terminal."""
    groups = group_questions(heard.asked, answerer, today)
    rows = [_group_row(group, answerer) for group in groups[:MOST_GROUPS]]
    rest = groups[MOST_GROUPS:]
    if rest:
        questions = sum(len(one.asked) for one in rest)
        rows.append(t("knowledge.report.more_groups", groups=len(rest), questions=questions))
    grouped = sum(len(one.asked) for one in groups)
    if grouped < len(heard.asked):
        left = len(heard.asked) - grouped
        rows.append(t("knowledge.report.not_grouped", questions=left, most=MOST_DISTINCT))
    title = t("knowledge.report.asked", groups=len(groups), questions=len(heard.asked))
    wrong = [row for one in _judged_wrong(heard.said) for row in _wrong_rows(one, answerer.parts.library)]
    judged = len({one.entry_id for one in heard.said if one.is_wrong})
    return _joined([[title, *rows], [t("knowledge.report.wrong", count=judged), *wrong]])


def _joined(sections: Iterable[Sequence[str]]) -> str:
    return "\n\n".join("\n".join(rows) for rows in sections)


def _section(key: str, rows: list[str], **values: object) -> list[str]:
    return [t(f"knowledge.report.{key}", count=len(rows), **values), *rows]


def _last_day(library: Library, number: str) -> date | None:
    return library.sources[number].effective_to


def _use_row(library: Library, name: str, ids: list[str]) -> str:
    title = library.figures[name].title
    return t("knowledge.report.use_row", name=name, title=title, count=len(ids), entries=", ".join(ids))


def _group_row(group: Group, answerer: Answerer) -> str:
    row = t(
        "knowledge.report.group_row",
        count=len(group.asked),
        silent=group.count(Outcome.ABSTAIN),
        asked_back=group.count(Outcome.ASK_BACK),
        first=group.first,
        last=group.last,
        example=one_line(group.example),
    )
    if group.nearest is None:
        return row + "\n" + t("knowledge.report.nearest_none")
    question, percent = answerer.question_of(group.nearest), round(100 * group.chance)
    return row + "\n" + t("knowledge.report.nearest", id=group.nearest, question=question, percent=percent)


def _judged_wrong(said: Iterable[Remark]) -> list[list[Remark]]:
    """What was said of each entry that somebody called wrong; most often wrong first, then newest."""
    by_entry: defaultdict[str, list[Remark]] = defaultdict(list)
    for one in said:
        by_entry[one.entry_id].append(one)

    def order(remarks: list[Remark]) -> tuple[int, int, str]:
        wrong = [one.day.toordinal() for one in remarks if one.is_wrong]
        return -len(wrong), -max(wrong), remarks[0].entry_id

    return sorted((one for one in by_entry.values() if any(remark.is_wrong for remark in one)), key=order)


def _wrong_rows(remarks: Sequence[Remark], library: Library) -> Iterator[str]:
    wrong = sorted((one for one in remarks if one.is_wrong), key=lambda one: one.day, reverse=True)
    entry = library.entries.get(wrong[0].entry_id)
    state = t("knowledge.report.entry_gone")
    if entry is not None:
        checked = entry.last_checked
        since = sum(checked is None or one.day >= checked for one in wrong)
        state = t("knowledge.report.since_checked", since=since, day=checked or "–")
    yield t(
        "knowledge.report.wrong_row",
        id=wrong[0].entry_id,
        wrong=len(wrong),
        helpful=len(remarks) - len(wrong),
        day=wrong[0].day,
        state=state,
    )
    worded = [one for one in wrong if one.note or one.question]
    for one in worded[:MOST_NOTES]:
        note, asked = one_line(one.note) or "–", one_line(one.question) or "–"
        yield t("knowledge.report.note_row", day=one.day, note=note, question=asked)
    if len(worded) > MOST_NOTES:
        yield t("knowledge.report.more_notes", count=len(worded) - MOST_NOTES)


def one_line(text: str) -> str:
    """A member's words on one line of a terminal, cut, and without the signs that would command it."""
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return plain if len(plain) <= MOST_LETTERS else plain[: MOST_LETTERS - 1] + "…"
