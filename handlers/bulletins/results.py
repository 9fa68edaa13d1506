"""What became of a bulletin, for its editors: who got it, opened it and answered, as far as it tells of nobody."""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.orm import Session

from db.bulletin_results import TELLS, name_choice
from db.bulletin_runs import find_run, list_runs
from db.bulletins import find_bulletin
from db.models import Bulletin, BulletinRun, DeliveryState
from handlers.access import NotAllowed, Right, get_actor, may
from handlers.actions import CorrectBulletin, ShowBulletin, ShowResults, TellAnswerChange
from handlers.bulletins.asked import describe_asked
from handlers.bulletins.content import ANSWERED, NAMED, BlockKind, Content
from handlers.bulletins.corrections import CORRECTION_STEPS, begin_correction
from handlers.bulletins.recalls import RECALL_STEPS, begin_recall
from handlers.bulletins.result_counts import (
    MEASURES,
    Summary,
    choose_cells,
    count_planned,
    is_line,
    list_rows,
    name_outcomes,
    sum_up,
)
from handlers.bulletins.result_rules import Part, Shown, judge, show_choices, split
from handlers.bulletins.result_sheets import make_file
from handlers.bulletins.tasks import describe_reports, list_reports
from handlers.bulletins.telling import show_count, show_moment, show_number
from handlers.chat import Button, Reply
from handlers.errors import Outdated
from handlers.feature import Context
from knowledge.texts import t

_UNITS_SHOWN = 15
_NAMES_SHOWN = 15


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
    if any(block.kind in ANSWERED for block in Content.from_json(bulletin.content).blocks):
        lines.append(t("bulletin_results.answered", share=_show_part(MEASURES["answered"](total), k)))
    return lines


def _describe_states(total: Mapping[str, int], k: int) -> list[str]:
    """How the lines ended, each kind with its reasons; small ones are told together."""
    planned = count_planned(total)
    sent = (total[DeliveryState.SENT.value], planned)
    if judge(sent, k) is Shown.ALMOST_ALL:
        return [t("bulletin_results.almost_all", count=k)]
    shown, rest = split({name: amount for name, amount in total.items() if is_line(name) and amount}, k)
    sent_first = {name: shown.pop(name) for name in (DeliveryState.SENT.value,) if name in shown}
    return [*_list_states(sent_first, k), *_list_states(shown, k, rest)]


def _list_states(shown: Mapping[str, int], k: int, rest: int | None = None) -> list[str]:
    """A line for each outcome, and one for all that are too small to be told."""
    told = name_outcomes(shown) | ({} if rest is None else {t("bulletin_results.rest"): rest})
    return [t("bulletin_results.state", what=what, count=show_count(count, k)) for what, count in told.items()]


def _show_part(part: Part, k: int) -> str:
    count, total = part
    how = judge(part, k)
    if how is Shown.FEW:
        return t("bulletin_results.few", count=k)
    if how is Shown.ALMOST_ALL:
        return t("bulletin_results.all_but_few", count=k)
    return t("bulletin_results.of", count=show_number(count), total=show_number(total))


def describe_units(session: Session, summary: Summary, k: int, most: int = _UNITS_SHOWN) -> list[str]:
    """The same for each unit right below, those with the most people first; a number that is too small, and what one
    could subtract it from, is left out."""
    cells = choose_cells(summary, k)
    rows = list_rows(session, summary)
    lines = []
    for unit_id, name in rows[:most]:
        told = [
            t(f"bulletin_results.unit_{measure}", count=show_number(part(summary.by_unit[unit_id])[0]))
            for measure, part in MEASURES.items()
            if unit_id in cells[measure] and (part(summary.by_unit[unit_id])[1] or measure == "planned")
        ]
        lines.append(t("bulletin_results.unit", unit=name, told=", ".join(told) or t("bulletin_results.not_told")))
    more = len(rows) - most
    return [*lines, t("bulletin_results.more_units", count=more)] if more > 0 else lines


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
    head = t("bulletin_results.title", title=bulletin.content["title"], day=show_moment(run.started_at))
    text = "\n".join((head, "", *lines))
    return [Reply(text, (*_ways(context, run, bulletin), _back(bulletin)))]


def _ways(context: Context, run: BulletinRun, bulletin: Bulletin) -> tuple[Button, ...]:
    kinds = {block.kind for block in Content.from_json(bulletin.content).blocks}
    session, actor = context.session, get_actor(context)
    earlier = next((one.id for one in list_runs(session, bulletin.id) if one.due_at < run.due_at), None)
    may_correct = may(session, actor, Right.EDIT_BULLETINS, bulletin.unit_id, context.today)
    before = () if earlier is None else ((True, Button(t("bulletin_results.earlier"), ShowResults(earlier))),)
    offers = (
        (True, Button(t("bulletin_results.by_unit"), ShowResults(run.id, "units"))),
        (bool(kinds & set(ANSWERED)), Button(t("bulletin_results.answers"), ShowResults(run.id, "answers"))),
        (True, Button(t("bulletin_results.failed"), ShowResults(run.id, "failed"))),
        (True, Button(t("bulletin_results.asked"), ShowResults(run.id, "asked"))),
        (True, Button(t("bulletin_results.workbook"), ShowResults(run.id, "xlsx"))),
        (may_correct, Button(t("bulletin_results.wrong"), CorrectBulletin(bulletin.id))),
        *before,
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
            parts.append(describe_reports(bulletin, run, reports, block, _NAMES_SHOWN))
        elif block.kind in ANSWERED:
            counts = [summary.total[name_choice(number, choice)] for choice in range(len(block.choices))]
            named = block.kind in NAMED
            shown: Sequence[int | None] = counts if named else show_choices(counts, k)
            lines = [
                t(
                    "bulletin_results.choice",
                    choice=choice,
                    count=t("bulletin_results.hidden") if count is None else show_number(count),
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
    lines = _list_states(shown, k, rest)
    text = "\n".join((t("bulletin_results.failed_title"), *lines, "", t("bulletin_results.failed_note")))
    return [Reply(text, (_to_summary(run),))]


_NOT_ARRIVED = (DeliveryState.FAILED.value, DeliveryState.EXPIRED.value, DeliveryState.UNKNOWN.value)


def _show_asked(context: Context, run: BulletinRun, _bulletin: Bulletin) -> list[Reply]:
    return [Reply(describe_asked(context, run), (_to_summary(run),))]


def _send_workbook(context: Context, run: BulletinRun, bulletin: Bulletin) -> list[Reply]:
    file = make_file(context.session, run, bulletin, context.union.k_anonymity)
    return [Reply(t("bulletin_results.here"), (_to_summary(run),), (file,))]


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
