"""The desk's talk about units: look around the tree, page by page, and find one by typing."""

from collections.abc import Sequence
from typing import TypeVar

from db.models import Role, RoleGrant, UnitPeriod
from db.officers import list_officers
from db.people import count_members, record_read
from db.units import find_period, list_ancestors, list_children, list_with_teams
from handlers.access import Actor, NotAllowed, Right, demand, get_actor, may
from handlers.actions import (
    FindUnit,
    InviteOfficer,
    ListMembers,
    ListUnitMembers,
    ManageGroup,
    ManageUnit,
    ShowGrant,
    ShowUnit,
)
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.errors import Outdated
from handlers.feature import Context, Draft, Step
from handlers.officers.desk import desk_button, name_of
from handlers.unit_search import search_units
from knowledge.texts import t

T = TypeVar("T")

_MOST_BUTTONS = 8
_PAGE = 6
"""On a small screen eight buttons are read at once; a page after the first also says "more" and "back"."""


def show_unit(context: Context, action: ShowUnit) -> list[Reply]:
    """A unit with its officers and what lies under it; without a unit, the officer's own ones."""
    actor = get_actor(context)
    own = actor.units_of(Right.SEE_UNIT)
    if not action.unit_id and len(own) != 1:
        return _choose_own(context, own, action.page)
    action = ShowUnit(action.unit_id or own[0], action.page)
    demand(context.session, actor, Right.SEE_UNIT, action.unit_id, context.today)
    period = _get_period(context, action.unit_id)
    officers = list_officers(context.session, [period.unit_id], list(Role), context.now, context.today)
    children = list_children(context.session, period.unit_id, context.today)
    fixed = _fixed_buttons(context, actor, period, len(children))
    items: list[RoleGrant | UnitPeriod] = [*officers, *children]
    shown, has_more = _cut(items, action.page, _MOST_BUTTONS - len(fixed))
    named = {one.person_id for one in shown if isinstance(one, RoleGrant)}
    record_read(context.session, actor.person_id, named, "officer", context.now)
    buttons = [_button_of(context, one) for one in shown]
    if has_more:
        buttons.append(Button(t("officers.more_units"), ShowUnit(period.unit_id, action.page + 1)))
    last = fixed if action.page == 0 else (Button(t("officers.back_to_unit"), ShowUnit(period.unit_id)),)
    return [Reply(_describe_unit(context, period, len(children), len(officers)), (*buttons, *last))]


def _fixed_buttons(context: Context, actor: Actor, period: UnitPeriod, children: int) -> tuple[Button, ...]:
    """What can be done at a unit, for whoever may, and the way up."""
    number = period.unit_id

    def allowed(right: Right) -> bool:
        return may(context.session, actor, right, number, context.today)

    above = list_ancestors(context.session, number, context.today)[:1]
    is_seen = above and may(context.session, actor, Right.SEE_UNIT, above[0].unit_id, context.today)
    up = Button(t("officers.unit_above"), ShowUnit(above[0].unit_id)) if is_seen else desk_button()
    offers = (
        (allowed(Right.FIND_MEMBERS), Button(t("membership.button"), ListUnitMembers(number))),
        (allowed(Right.MANAGE_OFFICERS), Button(t("officers.invite"), InviteOfficer(number))),
        (
            context.channel.has_groups and number in actor.units_of(Right.MANAGE_OFFICERS),
            Button(t("case_groups.button"), ManageGroup(number)),
        ),
        (allowed(Right.EXPORT_MEMBERS), Button(t("papers.list_button"), ListMembers(number))),
        (allowed(Right.MANAGE_UNITS), Button(t("reorganise.button"), ManageUnit(number))),
        (children > _PAGE, Button(t("officers.find_unit"), FindUnit())),
        (True, up),
    )
    return tuple(button for is_offered, button in offers if is_offered)


def _cut(items: Sequence[T], page: int, first: int) -> tuple[Sequence[T], bool]:
    """What of a list stands on a page, and whether there is more: the first page has room for ``first`` buttons."""
    if page == 0 and len(items) <= first:
        return items, False
    start, room = (0, first - 1) if page == 0 else (first - 1 + (page - 1) * _PAGE, _PAGE)
    return items[start : start + room], len(items) > start + room


def _choose_own(context: Context, own: Sequence[int], page: int) -> list[Reply]:
    shown, has_more = _cut(own, page, _MOST_BUTTONS - 1)
    buttons = [_button_of(context, _get_period(context, unit_id)) for unit_id in shown]
    if has_more:
        buttons.append(Button(t("officers.more_units"), ShowUnit(0, page + 1)))
    return [Reply(t("officers.choose_unit"), (*buttons, desk_button()))]


def _get_period(context: Context, unit_id: int) -> UnitPeriod:
    period = find_period(context.session, unit_id, context.today)
    if period is None:
        raise Outdated
    return period


def _describe_unit(context: Context, period: UnitPeriod, children: int, officers: int) -> str:
    place = ", ".join(filter(None, (period.commune, period.province)))
    units = list_with_teams(context.session, period.unit_id, context.today)
    return t(
        "officers.unit",
        name=period.name,
        level=t(f"levels.{period.level.value}"),
        place=place or t("officers.no_place"),
        children=children,
        officers=officers,
        members=count_members(context.session, units, context.today),
    )


def _button_of(context: Context, one: RoleGrant | UnitPeriod) -> Button:
    if isinstance(one, UnitPeriod):
        return Button(one.name[:40], ShowUnit(one.unit_id))
    return Button(f"{name_of(context, one.person_id)} – {t(f'roles.{one.role.value}')}"[:40], ShowGrant(one.id))


def start_unit_search(context: Context) -> list[Reply]:
    """Ask for the name or the code of a unit."""
    if not get_actor(context).holds(Right.SEE_UNIT):
        raise NotAllowed
    return context.open_step("officers", "find_unit", {})


def _ask_unit(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("officers.ask_unit"))]


def _take_unit(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    typed = incoming.text.strip() if incoming.kind is Kind.TEXT else ""
    if not typed:
        return _ask_unit(context, draft)
    actor = get_actor(context)
    found = [
        one
        for one in search_units(context.session, context.finder, typed, context.today)
        if may(context.session, actor, Right.SEE_UNIT, one.unit_id, context.today)
    ][:_PAGE]
    context.close_conversation()
    buttons = (*(_button_of(context, one) for one in found), Button(t("officers.find_unit"), FindUnit()))
    return [Reply(t("officers.choose_unit" if found else "officers.no_unit_found"), (*buttons, desk_button()))]


UNIT_STEPS = {"find_unit": Step(_ask_unit, _take_unit)}
