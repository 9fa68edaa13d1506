"""The desk's talk on who a bulletin is for: units by typing their names, everything else by pressing."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

from db.audiences import Audience, list_outside, list_places, list_sectors
from db.bulletins import change, find_bulletin
from db.models import Bulletin, BulletinKind, Role, UnitLevel
from db.units import find_period
from handlers.actions import Choose
from handlers.bulletins.audience import check_within, name_place, tell_audience
from handlers.bulletins.desk_seat import NAME, Unfit, sit_down, typed
from handlers.bulletins.when_words import read_span
from handlers.chat import Button, Incoming, Reply
from handlers.errors import Outdated
from handlers.feature import Context, Draft, Step
from handlers.unit_search import search_units
from knowledge.normalize import fold
from knowledge.texts import t

V = TypeVar("V")

Span = tuple[date | None, date | None]

_BACK, _SAVE, _CLEAR, _ALL, _THIS_YEAR = "back", "save", "clear", "all", "year"
_SHOWN = 5
"""So many things found by typing stand as buttons, with those that clear and go back."""

_ROLES = (Role.CHAIR, Role.DEPUTY_CHAIR, Role.OFFICER, Role.TEAM_LEADER, Role.BULLETIN_EDITOR, Role.APPROVER)
"""The roles one chooses among; those few who hold another are reached by "every officer"."""

_PARTS = ("units", "without", "roles", "levels", "places", "joined")


def _ask_audience(context: Context, draft: Draft) -> list[Reply]:
    bulletin, audience = _read(context, draft)
    lines = tell_audience(context, audience, bulletin.topic, bulletin.kind)
    buttons = [_choice("audience", part, f"button_{part}") for part in _PARTS]
    if bulletin.kind is not BulletinKind.TASK:
        buttons.append(_choice("audience", "interest", "everybody" if audience.only_interested else "only_interested"))
    if not audience.units:
        return [Reply(t("bulletin_audience.begin"), (_own_unit_button(context, bulletin, "audience"), buttons[0]))]
    return [Reply("\n".join(lines), (*buttons, _choice("audience", _SAVE, "save")))]


def _take_audience(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    bulletin, audience = _read(context, draft)
    chosen = incoming.action
    if chosen in _PARTS:
        return context.open_step(NAME, f"audience_{chosen}", draft)
    if chosen == _ALL:
        return _keep(context, draft, replace(audience, units=(bulletin.unit_id,)))
    if chosen == "interest":
        return _keep(context, draft, replace(audience, only_interested=not audience.only_interested))
    if chosen == _SAVE and audience.units:
        check_within(context.session, audience, bulletin, context)
        change(context.session, bulletin, sit_down(context).person_id, context.now, audience=audience.to_json())
        return context.open_step(NAME, "overview", {"bulletin_id": bulletin.id})
    return _take_units(context, incoming, draft) if typed(incoming) else _ask_audience(context, draft)


def _read(context: Context, draft: Draft) -> tuple[Bulletin, Audience]:
    """The bulletin, and its audience as far as it was chosen by now."""
    bulletin = find_bulletin(context.session, draft["bulletin_id"])
    if bulletin is None:
        raise Outdated
    return bulletin, Audience.from_json(draft.get("audience") or bulletin.audience)


def _keep(context: Context, draft: Draft, audience: Audience, step: str = "audience") -> list[Reply]:
    kept = {"bulletin_id": draft["bulletin_id"], "audience": audience.to_json()}
    return context.open_step(NAME, step, kept)


def _choice(step: str, choice: str, key: str) -> Button:
    return Button(t(f"bulletin_audience.{key}"), Choose(NAME, step, choice))


def _own_unit_button(context: Context, bulletin: Bulletin, step: str) -> Button:
    period = find_period(context.session, bulletin.unit_id, context.today)
    label = t("bulletin_audience.whole_unit", name=period.name if period else "")
    return Button(label[:40], Choose(NAME, step, _ALL))


def _ask_units(context: Context, draft: Draft) -> list[Reply]:
    bulletin, audience = _read(context, draft)
    first = () if audience.units else (_own_unit_button(context, bulletin, "audience_units"),)
    return _ask_typed(context, draft, "units", first, has_some=bool(audience.units))


def _ask_without(context: Context, draft: Draft) -> list[Reply]:
    return _ask_typed(context, draft, "without", (), has_some=bool(_read(context, draft)[1].without))


def _ask_typed(context: Context, draft: Draft, part: str, first: tuple[Button, ...], has_some: bool) -> list[Reply]:
    """Ask for words; what they found stands as buttons."""
    step = f"audience_{part}"
    labels = [_label_of(context, one) for one in draft.get("found", ())]
    found = tuple(Button(label[:40], Choose(NAME, step, str(place))) for place, label in enumerate(labels))
    clear = (_choice(step, _CLEAR, "clear"),) if has_some else ()
    if "found" not in draft:
        text = t(f"bulletin_audience.ask_{part}")
    else:
        text = t("bulletin_audience.choose_found" if found else "bulletin_audience.nothing_found")
    return [Reply(text, (*found, *first, *clear, _choice(step, _BACK, "back")))]


def _label_of(context: Context, one: Any) -> str:
    """A unit, a sector or a place that was found."""
    what, *values = one
    if what == "unit":
        period = find_period(context.session, values[0], context.today)
        return period.name if period else t("bulletin_audience.closed_unit")
    return t("bulletin_audience.sector", name=values[0]) if what == "sector" else name_place(*values)


def _take_units(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    bulletin, audience = _read(context, draft)
    if incoming.action == _ALL:
        return _keep(context, draft, replace(audience, units=(bulletin.unit_id,)))
    if incoming.action == _CLEAR:
        return _keep(context, draft, replace(audience, units=()), "audience_units")
    chosen = _chosen(incoming, draft)
    if chosen is not None:
        return _keep(context, draft, replace(audience, units=_with(audience.units, chosen[1])))
    return _look_for_units(context, incoming, draft, bulletin, "units")


def _take_without(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    bulletin, audience = _read(context, draft)
    if incoming.action == _CLEAR:
        return _keep(context, draft, replace(audience, without=()))
    chosen = _chosen(incoming, draft)
    if chosen is not None:
        return _keep(context, draft, replace(audience, without=_with(audience.without, chosen[1])))
    return _look_for_units(context, incoming, draft, bulletin, "without")


def _look_for_units(context: Context, incoming: Incoming, draft: Draft, bulletin: Bulletin, part: str) -> list[Reply]:
    """Units of the bulletin's own tree only: those of others are not even named."""
    if not typed(incoming):
        return _go_back(context, incoming, draft, part)
    found = [one.unit_id for one in search_units(context.session, context.finder, typed(incoming), context.today)]
    outside = set(list_outside(context.session, found, bulletin.unit_id, context.today))
    own = [["unit", unit_id] for unit_id in dict.fromkeys(found) if unit_id not in outside]
    return context.open_step(NAME, f"audience_{part}", draft | {"found": own[:_SHOWN]})


def _go_back(context: Context, incoming: Incoming, draft: Draft, part: str) -> list[Reply]:
    """To the audience when that was pressed; else the question is put again."""
    step = "audience" if incoming.action == _BACK else f"audience_{part}"
    return context.open_step(NAME, step, {name: value for name, value in draft.items() if name != "found"})


def _chosen(incoming: Incoming, draft: Draft) -> list[Any] | None:
    """What was pressed of what had been found."""
    found: list[list[Any]] = draft.get("found", [])
    place = incoming.action if incoming.action and incoming.action.isdigit() else None
    return found[int(place)] if place is not None and int(place) < len(found) else None


def _with(values: tuple[V, ...], value: V) -> tuple[V, ...]:
    return values if value in values else (*values, value)


def _toggle(values: Collection[V], value: V, order: Iterable[V]) -> tuple[V, ...]:
    """With the value when it was not among them, else without; in a fixed order."""
    wanted = set(values) ^ {value}
    return tuple(one for one in order if one in wanted)


def _ask_roles(context: Context, draft: Draft) -> list[Reply]:
    _, audience = _read(context, draft)
    is_all = set(audience.roles) == set(Role)
    held = () if is_all else audience.roles
    every = Button(_tick(t("bulletin_audience.every_officer"), is_all), Choose(NAME, "audience_roles", _ALL))
    buttons = (
        Button(_tick(t(f"roles.{role.value}"), role in held), Choose(NAME, "audience_roles", role.value))
        for role in _ROLES
    )
    return [Reply(t("bulletin_audience.ask_roles"), (*buttons, every, _choice("audience_roles", _BACK, "back")))]


def _take_roles(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    _, audience = _read(context, draft)
    is_all = set(audience.roles) == set(Role)
    if incoming.action == _ALL:
        return _keep(context, draft, replace(audience, roles=() if is_all else tuple(Role)), "audience_roles")
    if incoming.action in [role.value for role in _ROLES]:
        roles = _toggle(() if is_all else audience.roles, Role(incoming.action), Role)
        return _keep(context, draft, replace(audience, roles=roles), "audience_roles")
    return _go_back(context, incoming, draft, "roles")


def _ask_levels(context: Context, draft: Draft) -> list[Reply]:
    _, audience = _read(context, draft)
    buttons = (
        Button(
            _tick(t(f"levels.{level.value}"), level in audience.levels), Choose(NAME, "audience_levels", level.value)
        )
        for level in UnitLevel
    )
    return [Reply(t("bulletin_audience.ask_levels"), (*buttons, _choice("audience_levels", _BACK, "back")))]


def _take_levels(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    _, audience = _read(context, draft)
    if incoming.action in [level.value for level in UnitLevel]:
        levels = _toggle(audience.levels, UnitLevel(incoming.action), UnitLevel)
        return _keep(context, draft, replace(audience, levels=levels), "audience_levels")
    return _go_back(context, incoming, draft, "levels")


def _tick(label: str, is_chosen: bool) -> str:
    return f"✓ {label}"[:40] if is_chosen else label[:40]


def _ask_places(context: Context, draft: Draft) -> list[Reply]:
    _, audience = _read(context, draft)
    return _ask_typed(context, draft, "places", (), has_some=bool(audience.sectors or audience.places))


def _take_places(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    _, audience = _read(context, draft)
    if incoming.action == _CLEAR:
        return _keep(context, draft, replace(audience, sectors=(), places=()))
    chosen = _chosen(incoming, draft)
    if chosen is not None and chosen[0] == "sector":
        return _keep(context, draft, replace(audience, sectors=_with(audience.sectors, chosen[1])))
    if chosen is not None:
        return _keep(context, draft, replace(audience, places=_with(audience.places, (chosen[1], chosen[2]))))
    if not typed(incoming):
        return _go_back(context, incoming, draft, "places")
    return context.open_step(NAME, "audience_places", draft | {"found": _look_for_places(context, draft, incoming)})


def _look_for_places(context: Context, draft: Draft, incoming: Incoming) -> list[list[str]]:
    """The sectors and places of the chosen units whose names hold all the words typed."""
    bulletin, audience = _read(context, draft)
    words, units = set(fold(typed(incoming)).split()), audience.units or (bulletin.unit_id,)
    sectors = [["sector", one] for one in list_sectors(context.session, units, context.today)]
    known = list_places(context.session, units, context.today)
    provinces = [["place", one, ""] for one in dict.fromkeys(province for province, _ in known)]
    communes = [["place", province, commune] for province, commune in known if commune]
    named = [one for one in (*sectors, *provinces, *communes) if words <= set(fold(" ".join(one[1:])).split())]
    return named[:_SHOWN]


def _ask_joined(context: Context, draft: Draft) -> list[Reply]:
    _, audience = _read(context, draft)
    clear = (_choice("audience_joined", _CLEAR, "clear"),) if audience.joined_since or audience.joined_until else ()
    this_year = _choice("audience_joined", _THIS_YEAR, "this_year")
    back = _choice("audience_joined", _BACK, "back")
    return [Reply(t("bulletin_audience.ask_joined"), (this_year, *clear, back))]


def _take_joined(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    _, audience = _read(context, draft)
    span: Span | None
    if incoming.action == _THIS_YEAR:
        span = (date(context.today.year, 1, 1), None)
    elif incoming.action == _CLEAR:
        span = (None, None)
    elif typed(incoming):
        span = read_span(typed(incoming), context.today, is_past=True)
    else:
        return _go_back(context, incoming, draft, "joined")
    if span is None:
        raise Unfit("bulletin_audience.joined_unclear")
    return _keep(context, draft, replace(audience, joined_since=span[0], joined_until=span[1]))


AUDIENCE_STEPS: dict[str, Step] = {
    "audience": Step(_ask_audience, _take_audience),
    "audience_units": Step(_ask_units, _take_units),
    "audience_without": Step(_ask_without, _take_without),
    "audience_roles": Step(_ask_roles, _take_roles),
    "audience_levels": Step(_ask_levels, _take_levels),
    "audience_places": Step(_ask_places, _take_places),
    "audience_joined": Step(_ask_joined, _take_joined),
}
"""What the desk mounts, so that each is open only to who may change the bulletin (`desk_seat.edit_step`)."""
