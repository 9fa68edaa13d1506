"""An administrator's talk about the tree: choose a change, say the day and the decision, see what moves, confirm."""

from collections.abc import Callable
from datetime import date

from db.codes import read_code, show_code
from db.models import Person, Role, UnitLevel, UnitPeriod
from db.officers import list_grants_to_come, list_officers
from db.people import find_membership, find_person, record_read
from db.units import find_period, find_unit, list_periods
from handlers.access import Right, demand, get_actor, may
from handlers.actions import (
    CallOffDecision,
    ChangeUnit,
    Choose,
    ListDecisions,
    ManageUnit,
    ShowDecision,
    ShowDesk,
    ShowUnit,
    WhereWasUnit,
)
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.errors import Outdated, UserError, explain
from handlers.feature import Context, Draft, Feature, Step
from handlers.organisation.decisions import Change, Close, Create, Decision, Merge, Move, NewUnit
from handlers.organisation.planning import show_day
from handlers.organisation.rules import EMPLOYER_LEVELS, LONGEST_NAME, PARENTS, may_lie_under, read_day, read_unit_code
from handlers.organisation.service import decide, preview, where_was
from handlers.organisation.waiting import call_off_decision, list_decisions, show_decision
from handlers.organisation.words import describe_preview, list_named
from handlers.unit_search import search_units
from knowledge.texts import t

_NAME = "organisation"
_TODAY, _SKIP, _DO = "today", "skip", "do"
_MOST_FOUND = 5
_MOST_CHAIRS = 6
_LONGEST_NUMBER = 80

_ASKED = {
    "rename": ("name",),
    "new": ("level", "name", "employer", "code"),
    "move": ("other",),
    "merge": ("other", "chair"),
    "close": (),
}
"""What each change asks before the day, the number and the confirmation; the order in which they are offered."""

_LAST = ("day", "number", "confirm")


def manage(context: Context, action: ManageUnit) -> list[Reply]:
    """What may be changed about a unit."""
    period = _get_unit(context, action.unit_id)
    buttons = [Button(t(f"reorganise.{kind}"), ChangeUnit(period.unit_id, kind)) for kind in _ASKED]
    buttons.append(Button(t("reorganise.where"), WhereWasUnit(period.unit_id)))
    buttons.append(Button(t("reorganise.waiting_button"), ListDecisions(period.unit_id)))
    buttons.append(_back(period.unit_id))
    return [Reply(t("reorganise.what", unit=period.name), tuple(buttons))]


def _get_unit(context: Context, unit_id: int) -> UnitPeriod:
    """A unit that the person runs and that is open today. Raises `NotAllowed`."""
    demand(context.session, get_actor(context), Right.MANAGE_UNITS, unit_id, context.today)
    period = find_period(context.session, unit_id, context.today)
    if period is None:
        raise Outdated
    return period


def _back(unit_id: int) -> Button:
    return Button(t("officers.back_to_unit"), ShowUnit(unit_id))


def begin(context: Context, action: ChangeUnit) -> list[Reply]:
    """Begin one kind of change; whether it may be done is seen by the preview, and again when it is carried out."""
    period = _get_unit(context, action.unit_id)
    if action.kind not in _ASKED:
        raise Outdated
    draft: Draft = {"unit_id": period.unit_id, "kind": action.kind}
    levels = _levels_under(period.level)
    if action.kind == "new" and not levels:
        raise UserError("reorganise.nothing_under", unit=period.name)
    if action.kind == "new" and len(levels) == 1:
        draft["level"] = levels[0].value
    return _go_on(context, draft)


def _levels_under(level: UnitLevel) -> list[UnitLevel]:
    return [one for one in UnitLevel if level in PARENTS[one]]


def _go_on(context: Context, draft: Draft) -> list[Reply]:
    """The next thing that is not known yet."""
    asked = [name for name in (*_ASKED[draft["kind"]], *_LAST) if name not in draft]
    if asked[0] == "employer" and UnitLevel(draft["level"]) not in EMPLOYER_LEVELS:
        asked = asked[1:]
    return context.open_step(_NAME, asked[0], draft)


def _typed(incoming: Incoming) -> str:
    return " ".join(incoming.text.split()) if incoming.kind is Kind.TEXT else ""


def _ask_level(context: Context, draft: Draft) -> list[Reply]:
    levels = _levels_under(_get_unit(context, draft["unit_id"]).level)
    buttons = (Button(t(f"levels.{one.value}"), Choose(_NAME, "level", one.value)) for one in levels)
    return [Reply(t("reorganise.ask_level"), tuple(buttons))]


def _take_level(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    levels = _levels_under(_get_unit(context, draft["unit_id"]).level)
    if incoming.action not in {one.value for one in levels}:
        return _ask_level(context, draft)
    return _go_on(context, draft | {"level": incoming.action})


def _ask_name(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("reorganise.ask_name"))]


def _take_name(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    typed = _typed(incoming)
    if not any(sign.isalpha() for sign in typed) or len(typed) > LONGEST_NAME:
        return [Reply(t("reorganise.name_please", most=LONGEST_NAME))]
    return _go_on(context, draft | {"name": typed})


def _ask_employer(_context: Context, _draft: Draft) -> list[Reply]:
    skip = Button(t("reorganise.no_employer"), Choose(_NAME, "employer", _SKIP))
    return [Reply(t("reorganise.ask_employer"), (skip,))]


def _take_employer(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    typed = _typed(incoming)
    if incoming.action != _SKIP and not 0 < len(typed) <= LONGEST_NAME:
        return _ask_employer(context, draft)
    return _go_on(context, draft | {"employer": typed or None})


def _ask_code(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("reorganise.ask_code"))]


def _take_code(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    typed = _typed(incoming)
    code = read_unit_code(typed)
    if code is None:
        return [Reply(t("units.bad_code", code=typed)), *_ask_code(context, draft)]
    if find_unit(context.session, code) is not None:
        return [Reply(t("units.code_taken", code=code))]
    return _go_on(context, draft | {"code": code})


def _ask_other(_context: Context, draft: Draft) -> list[Reply]:
    if "found" not in draft:
        return [Reply(t(f"reorganise.ask_{draft['kind']}"))]
    buttons = tuple(Button(label, Choose(_NAME, "other", str(unit_id))) for unit_id, label in draft["found"])
    return [Reply(t("reorganise.which" if buttons else "reorganise.none_found"), buttons)]


def _take_other(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    chosen = incoming.action or ""
    if chosen.isdigit() and int(chosen) in {unit_id for unit_id, _label in draft.get("found", [])}:
        return _go_on(context, {key: draft[key] for key in draft if key != "found"} | {"other": int(chosen)})
    typed = _typed(incoming)
    if not typed:
        return _ask_other(context, draft)
    return context.open_step(_NAME, "other", draft | {"found": _find_other(context, typed, draft)})


def _find_other(context: Context, typed: str, draft: Draft) -> list[list[int | str]]:
    """Units by code or by words of their name, of a fitting level and within the person's reach."""
    period, actor = _get_unit(context, draft["unit_id"]), get_actor(context)
    found = [
        one
        for one in search_units(context.session, context.finder, typed, context.today)
        if one.unit_id != period.unit_id
        and (may_lie_under(period.level, one.level) if draft["kind"] == "move" else one.level is period.level)
    ]
    allowed = (one for one in found if may(context.session, actor, Right.MANAGE_UNITS, one.unit_id, context.today))
    return [[one.unit_id, one.name[:40]] for one, _place in zip(allowed, range(_MOST_FOUND), strict=False)]


def _ask_chair(context: Context, draft: Draft) -> list[Reply]:
    """Who leads after a merger: one of the chairs there are, somebody named by code, or as the rule says."""
    chairs = _list_chairs(context, draft)
    record_read(context.session, get_actor(context).person_id, {one.id for one in chairs}, "officer", context.now)
    buttons = [Button(_name(one)[:40], Choose(_NAME, "chair", one.code)) for one in chairs]
    buttons.append(Button(t("reorganise.no_chair"), Choose(_NAME, "chair", _SKIP)))
    return [Reply(t("reorganise.ask_chair"), tuple(buttons))]


def _list_chairs(context: Context, draft: Draft) -> list[Person]:
    places = [draft["unit_id"], draft["other"]]
    grants = list_officers(context.session, places, [Role.CHAIR], context.now, context.today)
    numbers = list(dict.fromkeys(grant.person_id for grant in grants))[:_MOST_CHAIRS]
    return [context.session.get_one(Person, number) for number in numbers]


def _name(person: Person) -> str:
    return str((person.profile or {}).get("full_name") or show_code(person.code))


def _take_chair(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action == _SKIP:
        return _go_on(context, draft | {"chair": None})
    code = incoming.action or read_code(_typed(incoming))
    person = find_person(context.session, code) if code else None
    if person is None or not _is_of(context, person, (draft["unit_id"], draft["other"])):
        return [Reply(t("reorganise.no_such_chair")), *_ask_chair(context, draft)]
    return _go_on(context, draft | {"chair": person.id})


def _is_of(context: Context, person: Person, places: tuple[int, int]) -> bool:
    """Whether somebody is a member or an officer of one of the units that merge."""
    membership = find_membership(context.session, person.id, context.today)
    grants = list_grants_to_come(context.session, person.id, context.now, context.today)
    return bool({*(grant.unit_id for grant in grants), *([membership.unit_id] if membership else [])} & {*places})


def _ask_day(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("reorganise.ask_day"), (Button(t("reorganise.today"), Choose(_NAME, "day", _TODAY)),))]


def _take_day(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    day = context.today if incoming.action == _TODAY else read_day(_typed(incoming))
    if day is None:
        return [Reply(t("reorganise.day_please")), *_ask_day(context, draft)]
    return _go_on(context, draft | {"day": day.isoformat()})


def _ask_number(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("reorganise.ask_number"), (Button(t("approvals.no_number"), Choose(_NAME, "number", _SKIP)),))]


def _take_number(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    typed = _typed(incoming)[:_LONGEST_NUMBER]
    if not typed and incoming.action != _SKIP:
        return _ask_number(context, draft)
    return _go_on(context, draft | {"number": typed or None})


def _ask_confirm(context: Context, draft: Draft) -> list[Reply]:
    """What it would do. When it cannot be done, the reason is said and the talk ends: nothing was changed."""
    decision, day, actor = _read(context, draft), date.fromisoformat(draft["day"]), get_actor(context)
    try:
        shown = preview(context.session, actor, decision, day, context.now, context.today)
    except UserError as problem:
        context.close_conversation()
        again = Button(t("reorganise.again"), ManageUnit(draft["unit_id"]))
        return [Reply(explain(problem).text, (again, _back(draft["unit_id"])))]
    record_read(context.session, actor.person_id, list_named(shown), "officer", context.now)
    text = f"{describe_preview(context.session, shown)}\n\n{t('reorganise.really')}"
    return [Reply(text, (Button(t("reorganise.do"), Choose(_NAME, "confirm", _DO)),))]


def _take_confirm(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action != _DO:
        return _ask_confirm(context, draft)
    day = date.fromisoformat(draft["day"])
    decision = _read(context, draft)
    row = decide(context.session, get_actor(context), decision, day, draft.get("number"), context.now, context.today)
    context.close_conversation()
    if row.applied_at is None:
        text = t("reorganise.waits", day=show_day(day)) if day > context.today else t("reorganise.going_on")
    else:
        text = t("reorganise.done")
    return [Reply(text, (Button(t("officers.my_unit"), ShowUnit()), Button(t("menu.desk"), ShowDesk())))]


def _read(context: Context, draft: Draft) -> Decision:
    """The decision that was put together step by step."""
    unit_id = draft["unit_id"]
    readers: dict[str, Callable[[], Decision]] = {
        "rename": lambda: Change(unit_id, {"name": draft["name"]}),
        "close": lambda: Close(unit_id),
        "move": lambda: Move(unit_id, draft["other"]),
        "merge": lambda: Merge((unit_id,), draft["other"], draft.get("chair")),
        "new": lambda: Create(_new_unit(context, draft)),
    }
    return readers[draft["kind"]]()


def _new_unit(context: Context, draft: Draft) -> NewUnit:
    """A unit under the one it was begun at, in the same place until somebody says otherwise."""
    above = _get_unit(context, draft["unit_id"])
    return NewUnit(
        draft["code"],
        draft["name"],
        UnitLevel(draft["level"]),
        above.unit_id,
        employer=draft.get("employer"),
        province=above.province,
        commune=above.commune,
    )


def ask_where(context: Context, action: WhereWasUnit) -> list[Reply]:
    """Begin to look back: where a unit belonged on a day."""
    demand(context.session, get_actor(context), Right.SEE_UNIT, action.unit_id, context.today)
    return context.open_step(_NAME, "where", {"unit_id": action.unit_id})


def _ask_where(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("reorganise.ask_where"))]


def _take_where(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    day = read_day(_typed(incoming))
    if day is None:
        return [Reply(t("reorganise.day_please"))]
    unit_id = draft["unit_id"]
    demand(context.session, get_actor(context), Right.SEE_UNIT, unit_id, context.today)
    context.close_conversation()
    path = where_was(context.session, unit_id, day)
    buttons = (Button(t("reorganise.other_day"), WhereWasUnit(unit_id)), _back(unit_id))
    if not path:
        first = list_periods(context.session, unit_id)[0].effective_from
        return [Reply(t("reorganise.was_nowhere", day=show_day(day), first=show_day(first)), buttons)]
    lines = "\n".join(f"{number}. {one.name}" for number, one in enumerate(path, start=1))
    return [Reply(t("reorganise.was", day=show_day(day), path=lines), buttons)]


ORGANISATION = Feature(
    name=_NAME,
    actions={
        ManageUnit: manage,
        ChangeUnit: begin,
        WhereWasUnit: ask_where,
        ListDecisions: list_decisions,
        ShowDecision: show_decision,
        CallOffDecision: call_off_decision,
    },
    steps={
        "level": Step(_ask_level, _take_level),
        "name": Step(_ask_name, _take_name),
        "employer": Step(_ask_employer, _take_employer),
        "code": Step(_ask_code, _take_code),
        "other": Step(_ask_other, _take_other),
        "chair": Step(_ask_chair, _take_chair),
        "day": Step(_ask_day, _take_day),
        "number": Step(_ask_number, _take_number),
        "confirm": Step(_ask_confirm, _take_confirm),
        "where": Step(_ask_where, _take_where),
    },
)
