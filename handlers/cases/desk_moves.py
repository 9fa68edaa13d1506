"""Where a case goes from an officer: to a colleague, back, up, to an authority, into another case, to its end."""

from collections.abc import Callable
from datetime import date, timedelta

from db.case_ladder import list_alerted
from db.cases import list_alike_held
from db.codes import show_code
from db.duty import list_absences
from db.people import record_read
from db.units import find_period
from handlers.actions import ActOnCase, Choose, ShowCase
from handlers.cases.alerts import read_wish
from handlers.cases.deadlines import urgency_of
from handlers.cases.desk_seat import NAME, cancel_button, done, held, name_of, typed, viewer_of, work_step
from handlers.cases.desk_show import describe_wish, show_day
from handlers.cases.service import (
    OUTCOMES,
    assign,
    declare_tie,
    decline,
    forward,
    get_case,
    list_colleagues,
    merge,
    recategorise,
    refer,
    release,
)
from handlers.cases.words import describe_case, show_moment
from handlers.chat import Button, Incoming, Reply
from handlers.errors import Outdated, UserError, explain
from handlers.feature import Context, Draft, Step
from knowledge.case_terms import Urgency, load_case_terms
from knowledge.coming import coming_day
from knowledge.texts import t

_PAGE = 6
_NEXT = "next"
_TIE, _YES = "tie", "y"
_LONGEST_REASON = 500
_ROOM_FOR_NAME = 26
_ALIKE_WITHIN = timedelta(days=30)
_REFERRALS = (
    "labour_inspectorate", "social_insurance", "legal_aid", "conciliator", "police", "court", "home_affairs", "other",
)  # fmt: skip
_FOLLOW_UP_DAYS = (7, 14, 30)


def show_moves(context: Context, code: str) -> list[Reply]:
    """Everything that gives a case another kind, another holder or another place."""
    case = held(context, code)
    shown = ("kind", "assign", "release", "forward", "refer", "merge")
    buttons = tuple(Button(t(f"desk_cases.do_{what}"), ActOnCase(code, what)) for what in shown)
    return [Reply(describe_case(case), (*buttons, Button(t("desk_cases.back_to_case"), ShowCase(code))))]


def begin_move(context: Context, code: str, what: str) -> list[Reply]:
    """Begin one of them; nothing is done before its last step."""
    held(context, code)
    return context.open_step(NAME, _FIRST_STEPS[what], {"code": code, "what": what, "page": 0})


def begin_tie(context: Context, code: str) -> list[Reply]:
    """Ask whether an officer means that they are tied to somebody in a case, held by them or not."""
    get_case(context.session, viewer_of(context), code, context.now)
    return context.open_step(NAME, "tie", {"code": code})


def _paged(draft: Draft, step: str, lines: list[tuple[str, str]]) -> tuple[Button, ...]:
    """The choices of a page, then the way to the next one, which after the last is the first."""
    start = draft["page"] * _PAGE % max(1, len(lines))
    buttons = tuple(Button(label[:40], Choose(NAME, step, value)) for label, value in lines[start : start + _PAGE])
    more = (Button(t("desk_cases.more"), Choose(NAME, step, _NEXT)),) if len(lines) > _PAGE else ()
    return (*buttons, *more, cancel_button())


def _turn(context: Context, draft: Draft, step: str, count: int) -> list[Reply]:
    pages = -(-count // _PAGE)
    return context.open_step(NAME, step, draft | {"page": (draft["page"] + 1) % max(1, pages)})


def _ask_kind(_context: Context, draft: Draft) -> list[Reply]:
    lines = [(t(f"case_words.category_{key}"), key) for key in load_case_terms().categories]
    return [Reply(t("desk_cases.ask_kind", code=show_code(draft["code"])), _paged(draft, "kind", lines))]


def _take_kind(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    categories = load_case_terms().categories
    if incoming.action == _NEXT:
        return _turn(context, draft, "kind", len(categories))
    if incoming.action not in categories:
        return _ask_kind(context, draft)
    return context.open_step(NAME, "urgency", draft | {"category": incoming.action})


def _ask_urgency(_context: Context, draft: Draft) -> list[Reply]:
    usual = t(f"case_words.urgency_{urgency_of(draft['category']).value}")
    buttons = tuple(Button(t(f"case_words.urgency_{one.value}"), Choose(NAME, "urgency", one.value)) for one in Urgency)
    text = t("desk_cases.ask_urgency", code=show_code(draft["code"]), usual=usual)
    return [Reply(text, (*buttons, cancel_button()))]


def _take_urgency(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action not in {one.value for one in Urgency}:
        return _ask_urgency(context, draft)
    urgency = Urgency(incoming.action)
    recategorise(context.session, viewer_of(context), draft["code"], draft["category"], urgency, context.now)
    case = held(context, draft["code"])
    due = show_moment(case.due_at) if case.due_at else t("case_alerts.no_due")
    return done(context, t("desk_cases.recategorised", case=describe_case(case), due=due), case.code)


def _list_colleagues(context: Context, draft: Draft) -> list[int]:
    case = held(context, draft["code"])
    return list_colleagues(context.session, viewer_of(context), case, context.now, context.today)


def _ask_colleague(context: Context, draft: Draft) -> list[Reply]:
    found = _list_colleagues(context, draft)
    if not found:
        return done(context, t("desk_cases.no_colleague"), draft["code"])
    record_read(context.session, viewer_of(context).person_id, set(found), "officer", context.now)
    away = list_absences(context.session, found, context.today)
    lines = [(_describe_colleague(context, one, one in away), str(one)) for one in found]
    wish = describe_wish({"reader_sex": read_wish(context.session, held(context, draft["code"]))})
    text = "\n".join(filter(None, (t("desk_cases.ask_colleague", code=show_code(draft["code"])), wish)))
    return [Reply(text, _paged(draft, "colleague", lines))]


def _describe_colleague(context: Context, person_id: int, is_away: bool) -> str:
    """A long name is cut rather than the word that somebody is away."""
    name = name_of(context, person_id)
    return t("desk_cases.colleague_away", name=name[:_ROOM_FOR_NAME]) if is_away else name


def _take_colleague(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    found = _list_colleagues(context, draft)
    if incoming.action == _NEXT:
        return _turn(context, draft, "colleague", len(found))
    if incoming.action not in {str(one) for one in found}:
        return _ask_colleague(context, draft)
    return context.open_step(NAME, "reason", draft | {"to": int(incoming.action or "")})


def _ask_reason(_context: Context, draft: Draft) -> list[Reply]:
    tie = (Button(t("desk_cases.do_tie"), Choose(NAME, "reason", _TIE)),) if draft["what"] == "release" else ()
    text = t(f"desk_cases.why_{draft['what']}", code=show_code(draft["code"]), limit=_LONGEST_REASON)
    return [Reply(text, (*tie, cancel_button()))]


def _take_reason(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action == _TIE and draft["what"] == "release":
        return context.open_step(NAME, "tie", {"code": draft["code"]})
    reason = typed(incoming, _LONGEST_REASON)
    if not reason:
        return _ask_reason(context, draft)
    return _WITH_REASON[draft["what"]](context, draft, reason)


def _assign(context: Context, draft: Draft, reason: str) -> list[Reply]:
    to = draft["to"]
    assign(context.session, viewer_of(context), draft["code"], to, reason, context.now, context.today)
    return done(context, t("desk_cases.assigned", name=name_of(context, to)))


def _release(context: Context, draft: Draft, reason: str) -> list[Reply]:
    viewer = viewer_of(context)
    release(context.session, viewer, draft["code"], reason, False, context.now, context.today)
    return done(context, t("desk_cases.released"))


def _forward(context: Context, draft: Draft, reason: str) -> list[Reply]:
    try:
        target = forward(context.session, viewer_of(context), draft["code"], reason, context.now, context.today)
    except UserError as problem:  # nobody above may have it: the talk ends, and the case stays
        return done(context, explain(problem).text, draft["code"])
    period = find_period(context.session, target, context.today)
    return done(context, t("desk_cases.forwarded", unit=period.name if period else ""))


_WITH_REASON: dict[str, Callable[[Context, Draft, str], list[Reply]]] = {
    "assign": _assign,
    "release": _release,
    "forward": _forward,
}


def _ask_tie(_context: Context, draft: Draft) -> list[Reply]:
    yes = Button(t("desk_cases.tie_yes"), Choose(NAME, "tie", _YES))
    return [Reply(t("desk_cases.ask_tie", code=show_code(draft["code"])), (yes, cancel_button()))]


def _take_tie(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    """Whoever was asked to claim it declines as well, so that the next people need not be waited for."""
    if incoming.action != _YES:
        return _ask_tie(context, draft)
    viewer, code = viewer_of(context), draft["code"]
    context.close_conversation()
    case = get_case(context.session, viewer, code, context.now, lock=True)
    asked = {alert.person_id for alert in list_alerted(context.session, case) if alert.declined_at is None}
    if case.holder_id is None and viewer.person_id in asked:
        decline(context.session, viewer, code, context.now, context.today)
    declare_tie(context.session, viewer, code, context.now, context.today)
    return done(context, t("desk_cases.tied"))


def _ask_where(_context: Context, draft: Draft) -> list[Reply]:
    buttons = tuple(Button(t(f"desk_cases.refer_{one}"), Choose(NAME, "where", one)) for one in _REFERRALS)
    return [Reply(t("desk_cases.ask_where", code=show_code(draft["code"])), buttons)]


def _take_where(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action not in _REFERRALS:
        return _ask_where(context, draft)
    return context.open_step(NAME, "follow_up", draft | {"where": incoming.action})


def _ask_follow_up(_context: Context, draft: Draft) -> list[Reply]:
    days = (Button(t("desk_cases.in_days", days=one), Choose(NAME, "follow_up", str(one))) for one in _FOLLOW_UP_DAYS)
    return [Reply(t("desk_cases.ask_follow_up", code=show_code(draft["code"])), (*days, cancel_button()))]


def _take_follow_up(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    chosen = incoming.action or ""
    if chosen.isdigit() and int(chosen) in _FOLLOW_UP_DAYS:
        day: date | None = context.today + timedelta(days=int(chosen))
    else:
        day = coming_day(typed(incoming), context.today)
    if day is None:
        return [Reply(t("desk_cases.day_please")), *_ask_follow_up(context, draft)]
    return context.open_step(NAME, "sure", draft | {"day": day.isoformat()})


def _ask_twin(context: Context, draft: Draft) -> list[Reply]:
    """Other cases the officer holds about the same place and matter: codes and days, nothing of who wrote."""
    found = _list_alike(context, draft["code"])
    if not found:
        return done(context, t("desk_cases.no_twin"), draft["code"])
    buttons = tuple(Button(label, Choose(NAME, "twin", code)) for code, label in found[:_PAGE])
    return [Reply(t("desk_cases.ask_twin", code=show_code(draft["code"])), (*buttons, cancel_button()))]


def _list_alike(context: Context, code: str) -> list[tuple[str, str]]:
    found = list_alike_held(context.session, viewer_of(context), held(context, code), _ALIKE_WITHIN)
    return [
        (one.code, t("desk_cases.twin", code=show_code(one.code), at=show_moment(one.opened_at or one.created_at)))
        for one in found
    ]


def _take_twin(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action not in {code for code, _label in _list_alike(context, draft["code"])}:
        return _ask_twin(context, draft)
    return context.open_step(NAME, "sure", draft | {"twin": incoming.action})


def _ask_sure(_context: Context, draft: Draft) -> list[Reply]:
    """What is about to happen, the worker's part of it included."""
    if draft["what"] == "refer":
        where, day = t(f"referrals.{draft['where']}"), show_day(date.fromisoformat(draft["day"]))
        text = t("desk_cases.sure_refer", code=show_code(draft["code"]), where=where, day=day)
    else:
        text = t("desk_cases.sure_merge", code=show_code(draft["code"]), kept=show_code(draft["twin"]))
    return [Reply(text, (Button(t("desk_cases.sure_yes"), Choose(NAME, "sure", _YES)), cancel_button()))]


def _take_sure(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action != _YES:
        return _ask_sure(context, draft)
    viewer, code = viewer_of(context), draft["code"]
    if draft["what"] == "refer":
        refer(context.session, viewer, code, draft["where"], date.fromisoformat(draft["day"]), context.now)
        return done(context, t("desk_cases.referred"), code)
    if draft["twin"] not in {one for one, _label in _list_alike(context, code)}:
        raise Outdated
    merge(context.session, viewer, code, draft["twin"], context.now)
    return done(context, t("desk_cases.merged", kept=show_code(draft["twin"])), draft["twin"])


def _ask_outcome(_context: Context, draft: Draft) -> list[Reply]:
    buttons = tuple(Button(t(f"desk_cases.outcome_{one}"), Choose(NAME, "outcome", one)) for one in OUTCOMES)
    return [Reply(t("desk_cases.ask_outcome", code=show_code(draft["code"])), (*buttons, cancel_button()))]


def _take_outcome(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action not in OUTCOMES:
        return _ask_outcome(context, draft)
    return context.open_step(NAME, "words", draft | {"outcome": incoming.action})


_FIRST_STEPS = {
    "kind": "kind",
    "assign": "colleague",
    "release": "reason",
    "forward": "reason",
    "refer": "where",
    "merge": "twin",
    "settle": "outcome",
}

MOVES = tuple(_FIRST_STEPS)
"""What begins with `begin_move`."""

MOVE_STEPS = {
    "kind": work_step(_ask_kind, _take_kind),
    "urgency": work_step(_ask_urgency, _take_urgency),
    "colleague": work_step(_ask_colleague, _take_colleague),
    "reason": work_step(_ask_reason, _take_reason),
    "where": work_step(_ask_where, _take_where),
    "follow_up": work_step(_ask_follow_up, _take_follow_up),
    "twin": work_step(_ask_twin, _take_twin),
    "sure": work_step(_ask_sure, _take_sure),
    "outcome": work_step(_ask_outcome, _take_outcome),
    "tie": Step(_ask_tie, _take_tie),
}
