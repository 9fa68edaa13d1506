"""When an officer is away and who stands in, and the workplaces they are tied to: both decide who is asked."""

from collections.abc import Callable
from datetime import date

from db.case_access import CASE_ROLES
from db.duty import add_absence, add_tie, end_absence, end_tie, list_absences_of, list_ties
from db.models import Absence
from db.officers import list_officers
from db.people import record_read
from db.units import find_period
from handlers.actions import Choose, ListCases, ShowDuty
from handlers.cases.desk_seat import NAME, cancel_button, done, name_of, typed, viewer_of
from handlers.cases.desk_show import show_day
from handlers.cases.names import bar_tied
from handlers.chat import Button, Incoming, Reply
from handlers.errors import Outdated
from handlers.feature import Context, Draft, Step
from knowledge.coming import coming_day
from knowledge.texts import t

_MOST = 5
_NOBODY, _ONE_DAY = "nobody", "one_day"
_LONGEST_NAME = 120


def show_duty(context: Context, action: ShowDuty) -> list[Reply]:
    """The absences or the ties of the officer, or one of what may be done about them."""
    viewer_of(context)
    if action.what not in _SHOWN:
        raise Outdated
    return _SHOWN[action.what](context, action.number)


def _show_absences(context: Context, _number: int) -> list[Reply]:
    found = list_absences_of(context.session, viewer_of(context).person_id, context.today)
    lines = "\n".join(f"- {_describe_absence(context, one)}" for one in found)
    ends = (
        Button(t("duty.end_absence", day=one.from_on.strftime("%d/%m")), ShowDuty("away_end", one.id))
        for one in found[:_MOST]
    )
    text = t("duty.absences", lines=lines) if found else t("duty.no_absences")
    return [Reply(text, (Button(t("duty.new_absence"), ShowDuty("away_new")), *ends, _all_cases()))]


def _describe_absence(context: Context, one: Absence) -> str:
    who = name_of(context, one.substitute_id) if one.substitute_id is not None else t("duty.nobody_stands_in")
    return t("duty.absence", first=show_day(one.from_on), last=show_day(one.to_on), who=who)


def _all_cases() -> Button:
    return Button(t("desk_cases.all"), ListCases())


def _end_absence(context: Context, number: int) -> list[Reply]:
    if not end_absence(context.session, viewer_of(context).person_id, number):
        raise Outdated
    return [Reply(t("duty.absence_ended")), *_show_absences(context, 0)]


def _ask_first(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("duty.ask_first"), (cancel_button(),))]


def _take_first(context: Context, incoming: Incoming, _draft: Draft) -> list[Reply]:
    day = coming_day(typed(incoming), context.today)
    if day is None:
        return [Reply(t("desk_cases.day_please"), (cancel_button(),))]
    return context.open_step(NAME, "away_last", {"first": day.isoformat()})


def _ask_last(_context: Context, _draft: Draft) -> list[Reply]:
    return [
        Reply(t("duty.ask_last"), (Button(t("duty.one_day"), Choose(NAME, "away_last", _ONE_DAY)), cancel_button()))
    ]


def _take_last(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    first = date.fromisoformat(draft["first"])
    day = first if incoming.action == _ONE_DAY else coming_day(typed(incoming), context.today)
    if day is None or day < first:
        wrong = t("duty.last_before_first", first=show_day(first)) if day else t("desk_cases.day_please")
        return [Reply(wrong), *_ask_last(context, draft)]
    return context.open_step(NAME, "away_who", draft | {"last": day.isoformat()})


def _list_substitutes(context: Context) -> list[int]:
    """Who handles cases at the same units."""
    viewer = viewer_of(context)
    held = list_officers(context.session, sorted(viewer.units), CASE_ROLES, context.now, context.today)
    return [one for one in dict.fromkeys(grant.person_id for grant in held) if one != viewer.person_id]


def _ask_who(context: Context, _draft: Draft) -> list[Reply]:
    found = _list_substitutes(context)[:_MOST]
    record_read(context.session, viewer_of(context).person_id, set(found), "officer", context.now)
    buttons = [Button(name_of(context, one)[:40], Choose(NAME, "away_who", str(one))) for one in found]
    nobody = Button(t("duty.nobody_stands_in"), Choose(NAME, "away_who", _NOBODY))
    return [Reply(t("duty.ask_who"), (*buttons, nobody, cancel_button()))]


def _take_who(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    chosen = incoming.action or ""
    if chosen != _NOBODY and chosen not in {str(one) for one in _list_substitutes(context)}:
        return _ask_who(context, draft)
    substitute = int(chosen) if chosen != _NOBODY else None
    first, last = (date.fromisoformat(draft[key]) for key in ("first", "last"))
    one = add_absence(context.session, viewer_of(context).person_id, first, last, substitute)
    return done(context, t("duty.absence_added", absence=_describe_absence(context, one)))


def _show_ties(context: Context, _number: int) -> list[Reply]:
    found = list_ties(context.session, viewer_of(context).person_id)
    names = {one.id: _unit_name(context, one.unit_id) for one in found}
    ends = (Button(t("duty.end_tie", unit=names[one.id])[:40], ShowDuty("tie_end", one.id)) for one in found[:_MOST])
    lines = "\n".join(f"- {name}" for name in names.values())
    text = t("duty.ties", lines=lines) if found else t("duty.no_ties")
    return [Reply(text, (Button(t("duty.new_tie"), ShowDuty("tie_new")), *ends, _all_cases()))]


def _unit_name(context: Context, unit_id: int) -> str:
    period = find_period(context.session, unit_id, context.today)
    return period.name if period else t("duty.closed_unit", number=unit_id)


def _end_tie(context: Context, number: int) -> list[Reply]:
    if not end_tie(context.session, viewer_of(context).person_id, number, context.now):
        raise Outdated
    return [Reply(t("duty.tie_ended")), *_show_ties(context, 0)]


def _ask_place(context: Context, draft: Draft) -> list[Reply]:
    if "found" not in draft:
        return [Reply(t("duty.ask_place"), (cancel_button(),))]
    buttons = tuple(Button(label, Choose(NAME, "tie_place", str(unit_id))) for unit_id, label in draft["found"])
    return [Reply(t("duty.which_place" if buttons else "duty.no_place"), (*buttons, cancel_button()))]


def _take_place(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    viewer, chosen = viewer_of(context), incoming.action or ""
    if chosen.isdigit() and int(chosen) in {unit_id for unit_id, _label in draft.get("found", [])}:
        add_tie(context.session, viewer.person_id, int(chosen), context.now)
        bar_tied(context.session, viewer, context.now)
        return done(context, t("duty.tie_added", unit=_unit_name(context, int(chosen))))
    name = typed(incoming, _LONGEST_NAME)
    if not name:
        return _ask_place(context, draft)
    found = context.finder.find(context.session, name, context.today).candidates
    return context.open_step(NAME, "tie_place", {"found": [[one.unit_id, one.label] for one in found]})


_SHOWN: dict[str, Callable[[Context, int], list[Reply]]] = {
    "away": _show_absences,
    "away_new": lambda context, _number: context.open_step(NAME, "away_first", {}),
    "away_end": _end_absence,
    "ties": _show_ties,
    "tie_new": lambda context, _number: context.open_step(NAME, "tie_place", {}),
    "tie_end": _end_tie,
}

DUTY_STEPS = {
    "away_first": Step(_ask_first, _take_first),
    "away_last": Step(_ask_last, _take_last),
    "away_who": Step(_ask_who, _take_who),
    "tie_place": Step(_ask_place, _take_place),
}
