"""What became of a bulletin, for its editors: who got it, opened it and answered, as far as it tells of nobody."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from db.bulletin_results import (
    ANSWERED,
    OPENED,
    TELLS,
    WAITING,
    count_by_unit,
    list_failed,
    map_to_children,
    name_choice,
)
from db.bulletin_runs import find_run
from db.bulletins import find_bulletin
from db.models import Bulletin, BulletinRun, DeliveryState
from db.units import find_period
from handlers.access import Right, get_actor, may
from handlers.access import NotAllowed
from handlers.actions import ActOnBulletin, CorrectBulletin, ShowBulletin, ShowResults, TellAnswerChange
from handlers.bulletins.asked import describe_asked
from handlers.bulletins.content import ANSWERED as ANSWERED_BLOCKS
from handlers.bulletins.content import NAMED, BlockKind, Content
from handlers.bulletins.corrections import CORRECTION_STEPS, begin_correction
from handlers.bulletins.recalls import RECALL_STEPS, begin_recall
from handlers.bulletins.result_rules import Part, Shown, choose_units, is_safe, judge, show_choices, split
from handlers.bulletins.result_sheets import Sheet, make_workbook
from handlers.bulletins.tasks import DONE, describe_reports, find_task, list_reports
from handlers.chat import Button, File, Reply
from handlers.errors import Outdated
from handlers.feature import VIETNAM, Context
from knowledge.texts import has_text, t

_UNITS_SHOWN = 15
_NAMES_SHOWN = 15
_FAILED_SHOWN = 1000
_STATES = tuple(state.value for state in DeliveryState if state not in (DeliveryState.PLANNED, DeliveryState.CLAIMED))


@dataclass(frozen=True)
class Summary:
    """What became of a sending: of everybody, and of those at each unit right below. ``own`` stands for whoever was
    chosen by the bulletin's very unit."""

    run: BulletinRun
    bulletin: Bulletin
    total: Counter[str]
    by_unit: Mapping[int, Counter[str]]


MEASURES: Mapping[str, Callable[[Counter[str]], Part]] = {
    "planned": lambda counts: (count_planned(counts), count_planned(counts)),
    "sent": lambda counts: (counts[DeliveryState.SENT.value], count_planned(counts)),
    "opened": lambda counts: (counts[OPENED], counts[TELLS]),
    "answered": lambda counts: (counts[ANSWERED], max(counts[ANSWERED], counts[DeliveryState.SENT.value])),
}
"""What is told of each unit: how many, and of how many."""


def count_planned(counts: Mapping[str, int]) -> int:
    """Everybody to whom it was to go: one line is one person."""
    return sum(amount for name, amount in counts.items() if _is_line(name))


def _is_line(name: str) -> bool:
    return name.split(" ")[0] in (*_STATES, WAITING)


def sum_up(session: Session, run: BulletinRun, bulletin: Bulletin) -> Summary:
    """Count a sending, by the units right below the bulletin's own."""
    children = map_to_children(session, bulletin.unit_id, run.audience_on)
    total: Counter[str] = Counter()
    by_unit: dict[int, Counter[str]] = {}
    for unit_id, counts in count_by_unit(session, run).items():
        total += counts
        by_unit.setdefault(children.get(unit_id, bulletin.unit_id), Counter()).update(counts)
    return Summary(run, bulletin, total, by_unit)


def choose_cells(summary: Summary, k: int) -> dict[str, frozenset[int]]:
    """For each measure the units of which it may be told."""
    return {
        name: choose_units({unit_id: measure(counts) for unit_id, counts in summary.by_unit.items()}, k)
        for name, measure in MEASURES.items()
    }


def describe_results(session: Session, run: BulletinRun, bulletin: Bulletin, k: int) -> list[str]:
    """What became of a sending, in lines: everybody's numbers, never fewer than k people."""
    summary = sum_up(session, run, bulletin)
    total = summary.total
    planned = count_planned(total)
    lines = [t("bulletin_results.planned", count=show_count(planned, k))]
    if planned >= k:
        lines += _describe_states(total, k)
    if run.unreachable:
        lines.append(t("bulletin_results.unreachable", count=show_count(run.unreachable, k)))
    if total[TELLS]:
        lines.append(t("bulletin_results.opened", share=_show_part(MEASURES["opened"](total), k)))
    if any(block.kind in ANSWERED_BLOCKS for block in Content.from_json(bulletin.content).blocks):
        lines.append(t("bulletin_results.answered", share=_show_part(MEASURES["answered"](total), k)))
    return lines


def _describe_states(total: Mapping[str, int], k: int) -> list[str]:
    """How the lines ended, each kind with its reasons; small ones are told together."""
    planned = count_planned(total)
    sent = (total[DeliveryState.SENT.value], planned)
    if judge(sent, k) is Shown.ALMOST_ALL:
        return [t("bulletin_results.almost_all", count=k)]
    shown, rest = split({name: amount for name, amount in total.items() if _is_line(name) and amount}, k)
    lines = [
        t("bulletin_results.state", what=name_outcome(name), count=shown[name])
        for name in sorted(shown, key=lambda name: (name != DeliveryState.SENT.value, -shown[name], name))
    ]
    return lines if rest is None else [*lines, t("bulletin_results.state", what=t("bulletin_results.rest"), count=rest)]


def name_outcome(name: str) -> str:
    """How a line ended, with its reason, as people read it."""
    state, _, reason = name.partition(" ")
    what = t(f"bulletin_results.is_{state}")
    if not reason:
        return what
    key = f"bulletin_results.because_{reason.split(':')[0].strip().replace('-', '_').lower()}"
    return t("bulletin_results.with_reason", what=what, reason=t(key) if has_text(key) else reason)


def show_count(count: int, k: int) -> str:
    """A number of people; a small one only as such."""
    return str(count) if count == 0 or count >= k else t("bulletin_results.few", count=k)


def _show_part(part: Part, k: int) -> str:
    count, total = part
    how = judge(part, k)
    if how is Shown.FEW:
        return t("bulletin_results.few", count=k)
    if how is Shown.ALMOST_ALL:
        return t("bulletin_results.all_but_few", count=k)
    return t("bulletin_results.of", count=count, total=total)


def describe_units(session: Session, summary: Summary, k: int, most: int = _UNITS_SHOWN) -> list[str]:
    """The same for each unit right below, those with the most people first; a number that is too small, and what one
    could subtract it from, is left out."""
    cells = choose_cells(summary, k)
    rows = _list_rows(session, summary)
    lines = []
    for unit_id, name in rows[:most]:
        told = [
            t(f"bulletin_results.unit_{measure}", count=part(summary.by_unit[unit_id])[0])
            for measure, part in MEASURES.items()
            if unit_id in cells[measure] and (part(summary.by_unit[unit_id])[1] or measure == "planned")
        ]
        lines.append(t("bulletin_results.unit", unit=name, told=", ".join(told) or t("bulletin_results.not_told")))
    more = len(rows) - most
    return [*lines, t("bulletin_results.more_units", count=more)] if more > 0 else lines


def _list_rows(session: Session, summary: Summary) -> list[tuple[int, str]]:
    """The units with their names, the largest first."""
    on, home = summary.run.audience_on, summary.bulletin.unit_id
    order = sorted(summary.by_unit, key=lambda unit_id: (-count_planned(summary.by_unit[unit_id]), unit_id))
    own = t("bulletin_results.own_people")
    return [
        (unit_id, own if unit_id == home and len(order) > 1 else _name_unit(session, unit_id, on)) for unit_id in order
    ]


def _name_unit(session: Session, unit_id: int, on: date) -> str:
    period = find_period(session, unit_id, on)
    return period.name if period is not None else ""


def find_seen(context: Context, run_id: int) -> tuple[BulletinRun, Bulletin]:
    """A sending whose results the officer may see. Raises `NotAllowed`, or `Outdated` when there is none."""
    actor, run = get_actor(context), find_run(context.session, run_id)
    bulletin = find_bulletin(context.session, run.bulletin_id) if run is not None else None
    if run is None or bulletin is None:
        raise Outdated
    rights = (Right.EDIT_BULLETINS, Right.RELEASE_BULLETINS)
    if not any(may(context.session, actor, right, bulletin.unit_id, context.today) for right in rights):
        raise NotAllowed
    return run, bulletin


def show_results(context: Context, action: ShowResults) -> list[Reply]:
    """One screen of the results."""
    run, bulletin = find_seen(context, action.run_id)
    screen = _SCREENS.get(action.what)
    if screen is None:
        raise Outdated
    return screen(context, run, bulletin)


def _show_summary(context: Context, run: BulletinRun, bulletin: Bulletin) -> list[Reply]:
    lines = describe_results(context.session, run, bulletin, context.union.k_anonymity)
    day = run.started_at.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")
    text = "\n".join((t("bulletin_results.title", title=bulletin.content["title"], day=day), "", *lines))
    return [Reply(text, (*_ways(run, bulletin), _back(bulletin)))]


def _ways(run: BulletinRun, bulletin: Bulletin) -> tuple[Button, ...]:
    kinds = {block.kind for block in Content.from_json(bulletin.content).blocks}
    offers = (
        (True, Button(t("bulletin_results.by_unit"), ShowResults(run.id, "units"))),
        (bool(kinds & set(ANSWERED_BLOCKS)), Button(t("bulletin_results.answers"), ShowResults(run.id, "answers"))),
        (True, Button(t("bulletin_results.failed"), ShowResults(run.id, "failed"))),
        (True, Button(t("bulletin_results.asked"), ShowResults(run.id, "asked"))),
        (True, Button(t("bulletin_results.workbook"), ShowResults(run.id, "xlsx"))),
        (True, Button(t("bulletin_results.wrong"), CorrectBulletin(bulletin.id))),
    )
    return tuple(button for is_offered, button in offers if is_offered)


def _back(bulletin: Bulletin) -> Button:
    return Button(t("bulletin_results.back"), ShowBulletin(bulletin.id))


def _to_summary(run: BulletinRun) -> Button:
    return Button(t("bulletin_results.to_summary"), ShowResults(run.id))


def _show_units(context: Context, run: BulletinRun, bulletin: Bulletin) -> list[Reply]:
    k = context.union.k_anonymity
    lines = describe_units(context.session, sum_up(context.session, run, bulletin), k)
    text = "\n".join((t("bulletin_results.units_title"), *lines, "", t("bulletin_results.note", count=k)))
    return [Reply(text, (Button(t("bulletin_results.workbook"), ShowResults(run.id, "xlsx")), _to_summary(run)))]


def _show_answers(context: Context, run: BulletinRun, bulletin: Bulletin) -> list[Reply]:
    """Each question with what was chosen; names only where the question said that they are kept."""
    k, summary = context.union.k_anonymity, sum_up(context.session, run, bulletin)
    parts = []
    for number, block in enumerate(Content.from_json(bulletin.content).blocks):
        if block.kind is BlockKind.TASK:
            reports = list_reports(context.session, bulletin, run)
            parts.append(describe_reports(run, reports, block, _NAMES_SHOWN))
        elif block.kind in ANSWERED_BLOCKS:
            counts = [summary.total[name_choice(number, choice)] for choice in range(len(block.choices))]
            named = block.kind in NAMED
            shown: Sequence[int | None] = counts if named else show_choices(counts, k)
            lines = [
                t(
                    "bulletin_results.choice",
                    choice=choice,
                    count=t("bulletin_results.hidden") if count is None else count,
                )
                for choice, count in zip(block.choices, shown, strict=True)
            ]
            parts.append("\n".join((t("bulletin_results.question", question=block.label), *lines)))
    if not parts:
        raise Outdated
    note = t("bulletin_results.note", count=k)
    buttons = (Button(t("bulletin_results.workbook"), ShowResults(run.id, "xlsx")), _to_summary(run))
    return [Reply("\n\n".join((*parts, note)), buttons)]


def _show_failed(context: Context, run: BulletinRun, bulletin: Bulletin) -> list[Reply]:
    """Why it did not reach people; what failed can be sent again from the desk."""
    k, total = context.union.k_anonymity, sum_up(context.session, run, bulletin).total
    failed = {name: amount for name, amount in total.items() if name.split(" ")[0] in _NOT_ARRIVED and amount}
    if not failed:
        return [Reply(t("bulletin_results.none_failed"), (_to_summary(run),))]
    shown, rest = split(failed, k)
    lines = [
        t("bulletin_results.state", what=name_outcome(name), count=shown[name])
        for name in sorted(shown, key=lambda name: -shown[name])
    ]
    if rest is not None:
        lines.append(t("bulletin_results.state", what=t("bulletin_results.rest"), count=show_count(rest, k)))
    text = "\n".join((t("bulletin_results.failed_title"), *lines, "", t("bulletin_results.failed_note")))
    return [Reply(text, (_to_summary(run),))]


_NOT_ARRIVED = (DeliveryState.FAILED.value, DeliveryState.EXPIRED.value, DeliveryState.UNKNOWN.value)


def _show_asked(context: Context, run: BulletinRun, _bulletin: Bulletin) -> list[Reply]:
    return [Reply(describe_asked(context, run), (_to_summary(run),))]


def _send_workbook(context: Context, run: BulletinRun, bulletin: Bulletin) -> list[Reply]:
    file = make_file(context.session, run, bulletin, context.union.k_anonymity)
    return [Reply(t("bulletin_results.here"), (_to_summary(run),), (file,))]


def make_file(session: Session, run: BulletinRun, bulletin: Bulletin, k: int) -> File:
    """The results as a workbook: everybody, by units, the answers, what did not arrive."""
    summary = sum_up(session, run, bulletin)
    sheets = [_sheet_of_units(session, summary, k), _sheet_of_failed(session, summary, k)]
    if find_task(bulletin) is not None:
        sheets.append(_sheet_of_reports(session, summary))
    day = run.started_at.astimezone(VIETNAM).strftime("%Y-%m-%d")
    return make_workbook(f"ket-qua-ban-tin-{bulletin.code}-{day}", sheets, t("bulletin_results.note", count=k))


def _sheet_of_units(session: Session, summary: Summary, k: int) -> Sheet:
    cells = choose_cells(summary, k)
    rows: list[list[str | int | None]] = [
        [t("bulletin_results.everybody"), *(_cell(measure(summary.total), k) for measure in MEASURES.values())]
    ]
    for unit_id, name in _list_rows(session, summary):
        counts = summary.by_unit[unit_id]
        rows.append([name, *(part(counts)[0] if unit_id in cells[one] else None for one, part in MEASURES.items())])
    header = [t("bulletin_results.column_unit"), *(t(f"bulletin_results.column_{one}") for one in MEASURES)]
    return Sheet(t("bulletin_results.sheet_units"), header, rows)


def _cell(part: Part, k: int) -> int | None:
    return part[0] if is_safe(part, k) else None


def _sheet_of_failed(session: Session, summary: Summary, k: int) -> Sheet:
    """Single lines, by their numbers in the ledger and without a word of whose they are; of reasons that enough people
    share."""
    shown, _ = split(
        {name: amount for name, amount in summary.total.items() if name.startswith("failed") and amount}, k
    )
    rows: list[list[str | int | None]] = [
        [
            line.number,
            t(f"channels.{line.channel}") if has_text(f"channels.{line.channel}") else line.channel,
            name_outcome(line.outcome),
        ]
        for line in list_failed(session, summary.run.id, _FAILED_SHOWN)
        if line.outcome in shown
    ]
    header = [t(f"bulletin_results.column_{one}") for one in ("line", "channel", "reason")]
    return Sheet(t("bulletin_results.sheet_failed"), header, rows)


def _sheet_of_reports(session: Session, summary: Summary) -> Sheet:
    task = find_task(summary.bulletin)
    choices = task[1].choices if task else ()
    rows: list[list[str | int | None]] = [
        [
            one.unit,
            one.name,
            choices[one.choice]
            if one.choice is not None and one.choice < len(choices)
            else t("bulletin_tasks.no_answer"),
        ]
        for one in list_reports(session, summary.bulletin, summary.run)
    ]
    header = [t(f"bulletin_results.column_{one}") for one in ("unit", "officer", "report")]
    return Sheet(t("bulletin_results.sheet_reports"), header, rows)


_SCREENS: Mapping[str, Callable[[Context, BulletinRun, Bulletin], list[Reply]]] = {
    "": _show_summary,
    "units": _show_units,
    "answers": _show_answers,
    "failed": _show_failed,
    "asked": _show_asked,
    "xlsx": _send_workbook,
}

RESULT_ACTIONS = {
    ShowResults: show_results,
    CorrectBulletin: begin_correction,
    TellAnswerChange: begin_recall,
}
RESULT_STEPS = {**CORRECTION_STEPS, **RECALL_STEPS}
