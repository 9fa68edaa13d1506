"""Who a bulletin is for, in words: the units and conditions, and how many people that is, never told below k."""

from sqlalchemy.orm import Session

from db.audiences import Audience, Size, list_outside, measure
from db.models import Bulletin, BulletinKind, UnitPeriod
from db.units import find_period
from handlers.bulletins.desk_seat import Unfit
from handlers.bulletins.telling import show_number
from handlers.feature import Context
from knowledge.texts import t

_MOST_NAMED = 5
"""So many units are named; of more, their number is said."""

_ROUND_TO = 100
"""An estimate is told in hundreds."""


def describe_audience(context: Context, bulletin: Bulletin) -> list[str]:
    """Who gets a bulletin that is released today, a line for each condition, and how many people that is."""
    audience = Audience.from_json(bulletin.audience)
    return tell_audience(context, audience, bulletin.topic, bulletin.kind)


def tell_audience(context: Context, audience: Audience, topic: str, kind: BulletinKind) -> list[str]:
    """The same of an audience that nobody has kept yet."""
    if not audience.units:
        return [t("bulletin_audience.nobody_yet")]
    lines = [
        t("bulletin_audience.line_units", units=_name_units(context, audience.units)),
        *_tell_conditions(context, audience, kind),
    ]
    size = measure(context.session, audience, topic, context.today, kind)
    return [*lines, tell_size(size, context.union.k_anonymity)]


def tell_size(size: Size, k: int) -> str:
    """How many people: below k only that, else rounded down to a multiple of k, so that two sizes next to each other
    tell of nobody."""
    if size.count < k:
        return t("bulletin_audience.size_small", k=k)
    unit = k if size.is_exact else max(k, _ROUND_TO)
    return t("bulletin_audience.size", count=show_number(size.count - size.count % unit))


def check_within(session: Session, audience: Audience, bulletin: Bulletin, context: Context) -> None:
    """A unit writes to itself and those below it. Raises `Unfit` for an audience that names another."""
    outside = list_outside(session, (*audience.units, *audience.without), bulletin.unit_id, context.today)
    if outside:
        raise Unfit("bulletin_audience.outside", units=_name_units(context, outside))


def _tell_conditions(context: Context, audience: Audience, kind: BulletinKind) -> list[str]:
    lines = []
    if audience.without:
        lines.append(t("bulletin_audience.line_without", units=_name_units(context, audience.without)))
    if audience.roles:
        roles = ", ".join(t(f"roles.{role.value}") for role in audience.roles)
        lines.append(t("bulletin_audience.line_roles", roles=roles))
    elif kind is BulletinKind.TASK:
        lines.append(t("bulletin_audience.line_officers"))
    if audience.levels:
        levels = ", ".join(t(f"levels.{level.value}") for level in audience.levels)
        lines.append(t("bulletin_audience.line_levels", levels=levels))
    if audience.sectors:
        lines.append(t("bulletin_audience.line_sectors", sectors=", ".join(audience.sectors)))
    if audience.places:
        places = "; ".join(name_place(*place) for place in audience.places)
        lines.append(t("bulletin_audience.line_places", places=places))
    if audience.joined_since is not None:
        lines.append(t("bulletin_audience.line_since", day=f"{audience.joined_since:%d/%m/%Y}"))
    if audience.joined_until is not None:
        lines.append(t("bulletin_audience.line_until", day=f"{audience.joined_until:%d/%m/%Y}"))
    if audience.only_interested:
        lines.append(t("bulletin_audience.line_interested"))
    lines.append(t("bulletin_audience.line_task" if kind is BulletinKind.TASK else "bulletin_audience.line_agreed"))
    return lines


def name_place(province: str, commune: str) -> str:
    """A commune with its province, or all of a province."""
    return f"{commune}, {province}" if commune else t("bulletin_audience.whole_province", province=province)


def _name_units(context: Context, units: tuple[int, ...] | list[int]) -> str:
    periods = [find_period(context.session, unit_id, context.today) for unit_id in units[:_MOST_NAMED]]
    named = ", ".join(_name_of(period) for period in periods)
    more = len(units) - _MOST_NAMED
    return t("bulletin_audience.and_more", units=named, count=more) if more > 0 else named


def _name_of(period: UnitPeriod | None) -> str:
    return period.name if period else t("bulletin_audience.closed_unit")
