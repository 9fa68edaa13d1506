"""Figures about cases at the desk: a quarter with its months, of a unit and everything under it, also as a workbook and
as a picture. What is shown was published once, the same for everybody, and tells of no fewer than k people.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy.orm import Session

from db.case_access import read_viewer
from db.case_figures import Told, list_course, list_published, read_figures, read_tree
from db.models import PeriodKind
from db.units import find_period, list_children, select_subtree
from handlers.access import Actor, NotAllowed, Right, get_actor, may
from handlers.actions import ListFigureUnits, SendFigures, ShowDesk, ShowFigures
from handlers.cases.figure_papers import draw_bars
from handlers.cases.statistics import QUANTILES, REST, Mark, Time, add_months, quarter_of
from handlers.chat import Button, File, Reply
from handlers.errors import Outdated, UserError
from handlers.feature import Context, Feature
from handlers.workbooks import Cell, Sheet, make_workbook
from knowledge.case_terms import load_case_terms
from knowledge.texts import t

_PAGE = 6
_MONTHS = 12
WORKBOOK, PICTURE = "x", "p"
_FORMS = (("workbook", WORKBOOK), ("picture", PICTURE))


def show_figures(context: Context, action: ShowFigures) -> list[Reply]:
    """A quarter of a unit; without a unit the officer's own, or a choice of them; without a quarter the newest."""
    actor = get_actor(context)
    if not action.unit_id:
        own = _list_own(context, actor)
        if len(own) > 1:
            return [_offer_units(context, own, t("figures.choose_own"))]
        return show_figures(context, ShowFigures(own[0]))
    _demand(context, actor, action.unit_id)
    quarters = list_quarters(context.session)
    if not quarters:
        return [Reply(t("figures.nothing_yet"), (_to_desk(),))]
    quarter_on = action.quarter_on or quarters[-1]
    if quarter_on not in quarters:
        raise Outdated
    text = describe(context.session, action.unit_id, quarter_on, context.today, context.union.k_anonymity)
    return [Reply(text, _buttons(context, action.unit_id, quarter_on, quarters))]


def list_quarters(session: Session) -> list[date]:
    """The quarters of which anything is published, oldest first."""
    return sorted({quarter_of(month_on) for month_on in list_published(session, PeriodKind.MONTH)})


def _list_own(context: Context, actor: Actor) -> list[int]:
    """The officer's own units that have figures. Raises `UserError` where none has: at workplaces any number would be
    about a handful of people."""
    if not actor.holds(Right.SEE_FIGURES):
        raise NotAllowed
    tree = read_tree(context.session, context.today)
    own = [unit_id for unit_id in actor.units_of(Right.SEE_FIGURES) if unit_id in tree]
    if not own:
        raise UserError("figures.not_at_workplaces")
    return own


def _demand(context: Context, actor: Actor, unit_id: int) -> None:
    """Raises `NotAllowed` out of reach, and `UserError` for somebody whom an employer in the unit pays or who is tied
    to one: their own list lacks the cases from there, and comparing would tell how many there are."""
    if not may(context.session, actor, Right.SEE_FIGURES, unit_id, context.today):
        raise NotAllowed
    if unit_id not in read_tree(context.session, context.today):
        raise UserError("figures.not_at_workplaces")
    employers = read_viewer(context.session, actor.person_id, context.now, context.today).employers
    if employers & set(context.session.scalars(select_subtree([unit_id], context.today))):
        raise UserError("figures.paid_by_employer")


def _buttons(context: Context, unit_id: int, quarter_on: date, quarters: Sequence[date]) -> tuple[Button, ...]:
    at, buttons = quarters.index(quarter_on), []
    if at > 0:
        buttons.append(Button(t("figures.before"), ShowFigures(unit_id, quarters[at - 1])))
    if at + 1 < len(quarters):
        buttons.append(Button(t("figures.after"), ShowFigures(unit_id, quarters[at + 1])))
    if _list_below(context, unit_id):
        buttons.append(Button(t("figures.below"), ListFigureUnits(unit_id)))
    files = (Button(t(f"figures.{name}"), SendFigures(unit_id, form, quarter_on)) for name, form in _FORMS)
    return (*buttons, *files, _to_desk())


def _to_desk() -> Button:
    return Button(t("menu.desk"), ShowDesk())


def _list_below(context: Context, unit_id: int) -> list[int]:
    tree = read_tree(context.session, context.today)
    return [one.unit_id for one in list_children(context.session, unit_id, context.today) if one.unit_id in tree]


def list_units(context: Context, action: ListFigureUnits) -> list[Reply]:
    """The units right under one that have figures."""
    _demand(context, get_actor(context), action.unit_id)
    below = _list_below(context, action.unit_id)
    if not below:
        raise Outdated
    return [_offer_units(context, below, t("figures.choose"), action)]


def _offer_units(context: Context, unit_ids: Sequence[int], text: str, action: ListFigureUnits | None = None) -> Reply:
    page = action.page if action else 0
    buttons = [
        Button(name_of(context.session, unit_id, context.today)[:40], ShowFigures(unit_id))
        for unit_id in unit_ids[page * _PAGE : (page + 1) * _PAGE]
    ]
    if action is not None and (page + 1) * _PAGE < len(unit_ids):
        buttons.append(Button(t("figures.more"), ListFigureUnits(action.unit_id, page + 1)))
    return Reply(text, (*buttons, _to_desk()))


def name_of(session: Session, unit_id: int, today: date) -> str:
    """What a unit is called today."""
    period = find_period(session, unit_id, today)
    return period.name if period is not None else ""


def describe(session: Session, unit_id: int, quarter_on: date, today: date, k: int) -> str:
    """What is published of a unit and a quarter, in words."""
    lines = [t("figures.title", unit=name_of(session, unit_id, today), quarter=show_quarter(quarter_on)), ""]
    published = set(list_published(session, PeriodKind.MONTH))
    for month_on in (add_months(quarter_on, number) for number in range(3)):
        if month_on in published:
            told = read_figures(session, unit_id, PeriodKind.MONTH, month_on).get("received")
            lines.append(t("figures.month", month=show_month(month_on), count=_count(told)))
    if quarter_on in list_published(session, PeriodKind.QUARTER):
        lines += _describe_quarter(read_figures(session, unit_id, PeriodKind.QUARTER, quarter_on))
    else:
        lines += ["", t("figures.quarter_comes", day=add_months(quarter_on, 4).strftime("%d/%m/%Y"))]
    return "\n".join([*lines, "", t("figures.note", count=k)])


def _describe_quarter(told: dict[str, Told]) -> list[str]:
    lines = [t("figures.quarter", count=_count(told.get("received")))]
    kinds = [(measure, told[measure]) for measure in (*load_case_terms().categories, REST) if measure in told]
    if kinds:
        lines += ["", t("figures.kinds"), *(f"- {kind_of(measure)}: {one.amount}" for measure, one in kinds)]
    marks = [t("figures.share", what=t(f"figures.{mark}"), share=_share(told.get(mark))) for mark in Mark]
    times = [t("figures.time", what=t(f"figures.{what}"), **_times(told, what)) for what in Time]
    return [*lines, "", *marks, "", t("figures.times"), *times]


def _times(told: dict[str, Told], what: Time) -> dict[str, str]:
    return {name: _show_hours(told.get(f"{what}_{name}")) for name, _share in QUANTILES}


def _show_hours(told: Told | None) -> str:
    if told is None:
        return t("figures.hidden")
    return t("figures.hours", count=told.amount) if told.amount else t("figures.longer")


def _count(told: Told | None) -> str:
    return t("figures.hidden") if told is None else str(told.amount)


def _share(told: Told | None) -> str:
    return t("figures.hidden") if told is None else t("figures.of", count=told.amount, total=told.out_of)


def kind_of(measure: str) -> str:
    """What a kind of case is called; the small kinds are told together."""
    return t("figures.rest") if measure == REST else t(f"case_words.category_{measure}")


def show_quarter(quarter_on: date) -> str:
    """How a quarter is written."""
    return t("figures.name_of_quarter", number=quarter_on.month // 3 + 1, year=quarter_on.year)


def show_month(month_on: date) -> str:
    """How a month is written."""
    return month_on.strftime("%m/%Y")


def send_figures(context: Context, action: SendFigures) -> list[Reply]:
    """The same figures as a file."""
    _demand(context, get_actor(context), action.unit_id)
    quarters = list_quarters(context.session)
    if action.quarter_on not in quarters:
        raise Outdated
    session, today, k = context.session, context.today, context.union.k_anonymity
    make = draw_chart if action.form == PICTURE else make_table
    file = make(session, action.unit_id, action.quarter_on, today, k)
    back = Button(t("figures.back"), ShowFigures(action.unit_id, action.quarter_on))
    title = t("figures.title", unit=name_of(session, action.unit_id, today), quarter=show_quarter(action.quarter_on))
    return [Reply(title, (back, _to_desk()), (file,))]


def make_table(session: Session, unit_id: int, quarter_on: date, today: date, k: int) -> File:
    """A workbook with a line for the unit and for each one under it that has figures."""
    tree = read_tree(session, today)
    below = [one for one in session.scalars(select_subtree([unit_id], today)) if one in tree]
    months = [add_months(quarter_on, number) for number in range(3)]
    kinds = [*load_case_terms().categories, REST]
    header = [t("figures.unit"), *(t("figures.received_in", period=show_month(month_on)) for month_on in months)]
    header += [t("figures.received_in", period=show_quarter(quarter_on)), *map(kind_of, kinds)]
    header += [t(f"figures.column_{name}", what=t(f"figures.{mark}")) for mark in Mark for name in ("count", "of")]
    header += [t(f"figures.column_{name}", what=t(f"figures.{what}")) for what in Time for name, _ in QUANTILES]
    rows: list[list[Cell]] = []
    for one in sorted(below, key=lambda below_id: (below_id != unit_id, name_of(session, below_id, today))):
        told = read_figures(session, one, PeriodKind.QUARTER, quarter_on)
        by_month = [read_figures(session, one, PeriodKind.MONTH, month_on).get("received") for month_on in months]
        row: list[Cell] = [name_of(session, one, today), *map(_cell, by_month), _cell(told.get("received"))]
        row += [_cell(told.get(kind)) for kind in kinds]
        for mark in Mark:
            found = told.get(mark)
            row += [_cell(found), found.out_of if found else None]
        row += [
            None if (time := told.get(f"{what}_{name}")) is None else _show_hours(time)
            for what in Time
            for name, _ in QUANTILES
        ]
        rows.append(row)
    return make_workbook(_file_name(quarter_on), [Sheet(None, header, rows)], t("figures.note", count=k))


def _cell(told: Told | None) -> Cell:
    return None if told is None else told.amount


def _file_name(quarter_on: date) -> str:
    return f"so-lieu-phan-anh-{quarter_on.year}-quy-{quarter_on.month // 3 + 1}"


def draw_chart(session: Session, unit_id: int, quarter_on: date, today: date, k: int) -> File:
    """A picture: what came in, month by month, and of which kinds in the quarter."""
    course = list_course(session, unit_id, PeriodKind.MONTH, "received")
    published = [one for one in list_published(session, PeriodKind.MONTH) if one < add_months(quarter_on, 3)]
    months = [(show_month(month_on), course.get(month_on)) for month_on in published[-_MONTHS:]]
    panels: dict[str, list[tuple[str, int | None]]] = {t("figures.received"): months}
    told = read_figures(session, unit_id, PeriodKind.QUARTER, quarter_on)
    kinds = [(kind_of(one), told[one].amount) for one in (*load_case_terms().categories, REST) if one in told]
    if kinds:
        panels[t("figures.kinds_in", quarter=show_quarter(quarter_on))] = [*sorted(kinds, key=lambda one: -one[1])]
    title = name_of(session, unit_id, today)
    return draw_bars(_file_name(quarter_on), title, panels, t("figures.note", count=k))


FIGURES = Feature(
    name="case_figures",
    commands={
        "solieu": lambda context: show_figures(context, ShowFigures()),
        "so lieu": lambda context: show_figures(context, ShowFigures()),
    },
    actions={ShowFigures: show_figures, ListFigureUnits: list_units, SendFigures: send_figures},
)
