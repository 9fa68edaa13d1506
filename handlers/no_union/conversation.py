"""The talk of telling that there is no union where one works, and what officers see once enough people did."""

from db.people import record_read
from handlers.access import NotAllowed, Right, get_actor
from handlers.actions import (
    AnswerNaming,
    Choose,
    Join,
    ListFoundings,
    ShowDesk,
    ShowEntry,
    ShowFounding,
    ShowMenu,
    TakeBackInterest,
    TellNoUnion,
)
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.errors import Outdated, UserError
from handlers.feature import Context, Draft, Feature, Step
from handlers.no_union.papers import make_plan
from handlers.no_union.rules import LONGEST_ANSWER
from handlers.no_union.service import find_own, get_founding, list_foundings, name_oneself, record, take_back
from knowledge.texts import t

_NAME = "no_union"
_YES = "y"
_NO = "n"
_PAGE = 6
_FAQ = "cong-doan-chua-co"


def _start(context: Context) -> list[Reply]:
    """The consent first; for somebody who told before, what they told and the way to take it back."""
    if not context.channel.serves_members:
        raise UserError("join.not_here")
    own = find_own(context.session, context.account)
    if own is None:
        return context.open_step(_NAME, "consent", {})
    text = t("no_union.told_before", workplace=own.facts["workplace"], place=own.facts["place"])
    buttons = (Button(t("no_union.take_back"), TakeBackInterest()), Button(t("menu.button"), ShowMenu()))
    return [Reply(text, buttons)]


def _ask_consent(context: Context, _draft: Draft) -> list[Reply]:
    text = t("no_union.consent", count=context.union.no_union_threshold)
    if context.channel.is_abroad:
        text = f"{text}\n\n{t('no_union.abroad')}"
    buttons = (
        Button(t("consent.agree"), Choose(_NAME, "consent", _YES)),
        Button(t("consent.refuse"), Choose(_NAME, "consent", _NO)),
    )
    return [Reply(text, buttons)]


def _take_consent(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action == _YES:
        return context.open_step(_NAME, "workplace", {})
    if incoming.action != _NO:
        return _ask_consent(context, draft)
    context.close_conversation()
    return [Reply(t("no_union.not_recorded", hotline=context.union.hotline), _ways_on(context))]


def _ways_on(context: Context) -> tuple[Button, ...]:
    entry = (Button(context.answerer.question_of(_FAQ), ShowEntry(_FAQ)),) if context.answerer.has(_FAQ) else ()
    return (*entry, Button(t("menu.join"), Join()), Button(t("menu.button"), ShowMenu()))


def _ask_workplace(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("no_union.ask_workplace"))]


def _take_workplace(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    workplace = _read(incoming)
    if workplace is None:
        return _ask_workplace(context, draft)
    return context.open_step(_NAME, "place", {"workplace": workplace})


def _ask_place(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("no_union.ask_place"))]


def _take_place(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    """What is said here is the same for the first and for the hundredth who tells."""
    place = _read(incoming)
    if place is None:
        return _ask_place(context, draft)
    record(context.session, context.account, draft["workplace"], place, context.today)
    context.close_conversation()
    text = t("no_union.recorded", count=context.union.no_union_threshold)
    return [Reply(text, (Button(t("no_union.take_back"), TakeBackInterest()), *_ways_on(context)))]


def _read(incoming: Incoming) -> str | None:
    """A short line with letters; None for anything else, which is asked again."""
    line = " ".join(incoming.text.split()) if incoming.kind is Kind.TEXT else ""
    return line if any(sign.isalpha() for sign in line) and len(line) <= LONGEST_ANSWER else None


def _take_back(context: Context) -> list[Reply]:
    take_back(context.session, context.account)
    return [Reply(t("no_union.taken_back"), (Button(t("menu.button"), ShowMenu()),))]


def _answer_naming(context: Context, action: AnswerNaming) -> list[Reply]:
    own = find_own(context.session, context.account)
    if own is None or "alert" not in own.facts:
        raise Outdated
    if action.answer == _YES:
        return context.open_step(_NAME, "name", {})
    name_oneself(context.session, context.account, None, context.now, context.today)
    return [Reply(t("no_union.stays_secret"), (Button(t("menu.button"), ShowMenu()),))]


def _ask_name(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("no_union.ask_name"), (Button(t("no_union.keep_secret"), AnswerNaming(_NO)),))]


def _take_name(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    name = _read(incoming)
    if name is None:
        return _ask_name(context, draft)
    name_oneself(context.session, context.account, name, context.now, context.today)
    context.close_conversation()
    return [Reply(t("no_union.named"), (Button(t("menu.button"), ShowMenu()),))]


def _list_foundings(context: Context, action: ListFoundings) -> list[Reply]:
    """The workplaces the officer may know of; with none, not a word about others."""
    actor = get_actor(context)
    if not actor.holds(Right.DECIDE_APPLICATIONS):
        raise NotAllowed
    found = list_foundings(context.session, actor, context.today)
    start = action.page * _PAGE
    buttons = [Button(one.workplace[:40], ShowFounding(one.code)) for one in found[start : start + _PAGE]]
    if start + _PAGE < len(found):
        buttons.append(Button(t("no_union.more"), ListFoundings(action.page + 1)))
    text = t("no_union.foundings" if found else "no_union.no_foundings")
    return [Reply(text, (*buttons, Button(t("menu.desk"), ShowDesk())))]


def _show_founding(context: Context, action: ShowFounding) -> list[Reply]:
    """One workplace with those who agreed to be named, on record as read, and the plan."""
    actor = get_actor(context)
    one = get_founding(context.session, actor, action.founding, context.today)
    record_read(context.session, actor.person_id, one.people, "contact", context.now)
    named = "\n".join(f"- {name}" for name in one.named) or t("no_union.nobody_named")
    text = t("no_union.founding", workplace=one.workplace, place=one.place, count=one.at_least, named=named)
    plan = make_plan(one.workplace, one.place, one.at_least, context.today)
    return [Reply(text, (Button(t("menu.desk"), ShowDesk()),), (plan,))]


NO_UNION = Feature(
    name=_NAME,
    commands={
        "chuacocongdoan": _start,
        "chua co cong doan": _start,
        "cho toi chua co cong doan": _start,
        "noi toi lam chua co cong doan": _start,
    },
    actions={
        TellNoUnion: lambda context, _action: _start(context),
        TakeBackInterest: lambda context, _action: _take_back(context),
        AnswerNaming: _answer_naming,
        ListFoundings: _list_foundings,
        ShowFounding: _show_founding,
    },
    steps={
        "consent": Step(_ask_consent, _take_consent),
        "workplace": Step(_ask_workplace, _take_workplace),
        "place": Step(_ask_place, _take_place),
        "name": Step(_ask_name, _take_name),
    },
)
