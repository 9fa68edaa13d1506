"""The talk by which whoever runs a unit ties a group of its officers to it: a code typed there, confirmed here."""

from datetime import timedelta

from sqlalchemy.exc import IntegrityError

from db.case_topics import (
    ask_for_group,
    end_group,
    find_asked,
    find_group_of,
    find_tied_group,
    find_tied_lane,
    get_locked_group,
    name_group,
    tie_group,
)
from db.codes import new_code, read_code, show_code
from db.models import OfficerGroup, UnitLevel, UnitPeriod, WhyUntied
from db.officers import count_try
from db.units import find_period
from handlers.access import Actor, NotAllowed, Right, get_actor
from handlers.actions import ManageGroup, ShowDesk, ShowUnit
from handlers.cases.group_trouble import end_with_bot
from handlers.chat import Button, Group, Incoming, Reply
from handlers.errors import Outdated, UserError
from handlers.feature import VIETNAM, Context
from knowledge.texts import t

TIE_COMMAND = "/nhom"
"""What is typed in a group, with the code behind it."""

OPEN_COMMAND = "/vu"
"""Opens a case by its code, in a private chat."""

_CODE_HOLDS = timedelta(minutes=15)
_TRIES, _TRY_WINDOW = 10, timedelta(hours=1)
_LONGEST_TITLE = 80
_MAY_HAVE_ONE = (UnitLevel.UPPER, UnitLevel.FEDERATION, UnitLevel.CONFEDERATION)
"""Not the union of a workplace: the employer's people come and go in its groups."""


def manage_group(context: Context, action: ManageGroup) -> list[Reply]:
    """What can be done about the group of a unit, by whoever decides there who its officers are."""
    if not context.channel.has_groups:
        raise UserError("case_groups.not_here")
    period = _get_unit(context, get_actor(context), action.unit_id)
    if action.what == "new":
        return _issue_code(context, period)
    if action.what == "end":
        return _end(context, period)
    if action.what in ("yes", "no"):
        return _answer(context, period, action.number, action.what == "yes")
    return _show(context, period)


def show_groups(context: Context) -> list[Reply]:
    """The group of my unit, or which of my units is meant."""
    actor = get_actor(context)
    own = [one for one in actor.units_of(Right.MANAGE_OFFICERS) if _may_have_one(context, one) is not None]
    if not context.channel.has_groups:
        raise UserError("case_groups.not_here")
    if not own:
        raise NotAllowed
    if len(own) == 1:
        return manage_group(context, ManageGroup(own[0]))
    periods = [period for one in own if (period := _may_have_one(context, one))]
    buttons = (Button(period.name[:40], ManageGroup(period.unit_id)) for period in periods[:7])
    return [Reply(t("case_groups.which"), (*buttons, Button(t("menu.desk"), ShowDesk())))]


def _get_unit(context: Context, actor: Actor, unit_id: int) -> UnitPeriod:
    """A unit whose group the actor may tie: the right must be held at that very unit."""
    period = _may_have_one(context, unit_id)
    if period is None or unit_id not in actor.units_of(Right.MANAGE_OFFICERS):
        raise NotAllowed
    return period


def _may_have_one(context: Context, unit_id: int) -> UnitPeriod | None:
    period = find_period(context.session, unit_id, context.today)
    return period if period is not None and period.level in _MAY_HAVE_ONE else None


def _show(context: Context, period: UnitPeriod) -> list[Reply]:
    group = find_group_of(context.session, period.unit_id)
    new = Button(t("case_groups.new" if group is None else "case_groups.other"), ManageGroup(period.unit_id, "new"))
    back = Button(t("officers.back_to_unit"), ShowUnit(period.unit_id))
    if group is None or group.tied_at is None:
        return [Reply(t("case_groups.none", unit=period.name), (new, back))]
    day = group.tied_at.astimezone(VIETNAM).strftime("%d/%m/%Y")
    end = Button(t("case_groups.end"), ManageGroup(period.unit_id, "end"))
    return [Reply(t("case_groups.tied_to", unit=period.name, title=group.title or "", day=day), (end, new, back))]


def _issue_code(context: Context, period: UnitPeriod) -> list[Reply]:
    code, person_id = new_code(), get_actor(context).person_id
    sender = context.account.sender
    ask_for_group(context.session, period.unit_id, sender, person_id, code, context.now, _CODE_HOLDS)
    minutes = int(_CODE_HOLDS / timedelta(minutes=1))
    command = f"{TIE_COMMAND} {show_code(code)}"
    return [Reply(t("case_groups.how", unit=period.name, command=command, minutes=minutes))]


def hear_in_group(context: Context, incoming: Incoming) -> list[Reply]:
    """The code was typed in a group. Whoever typed it is answered in their private chat, and nobody in the group: who
    asked for the code is asked there whether this is the group."""
    if incoming.group is None:
        raise Outdated
    tries = count_try(context.session, f"officer_group:{context.account.id}", _TRY_WINDOW, context.now)
    code = read_code(incoming.text.partition(" ")[2])
    group = find_asked(context.session, code, context.now) if code and tries <= _TRIES else None
    if group is None or group.sender != incoming.sender or group.asked_by_id != context.account.person_id:
        return [Reply(t("case_groups.wrong_code"))]
    period = _get_unit(context, get_actor(context), group.unit_id)
    if not incoming.group.has_topics:
        return [Reply(t("case_groups.no_topics"))]
    name_group(context.session, group, incoming.group.address, incoming.group.title[:_LONGEST_TITLE])
    buttons = tuple(
        Button(t(f"case_groups.{what}"), ManageGroup(group.unit_id, what, group.id)) for what in ("yes", "no")
    )
    return [Reply(t("case_groups.confirm", title=group.title or "", unit=period.name), buttons)]


def leave_group(context: Context, group: Group) -> list[Reply]:
    """Somebody took the bot out of a group: it hears of cases no longer, and whoever runs the unit is told at once."""
    tied = find_tied_group(context.session, context.account.sender, group.address)
    if tied is not None:
        end_with_bot(context.session, tied, context.now, context.today, context.alarm)
    return []


def _answer(context: Context, period: UnitPeriod, number: int, is_right: bool) -> list[Reply]:
    group = get_locked_group(context.session, number)
    if group is None or not _waits_for(context, group, period.unit_id):
        raise Outdated
    if not is_right:
        group.expires_at = context.now
        return [Reply(t("case_groups.not_tied"))]
    other = find_tied_lane(context.session, group.lane or "")
    if other is not None and other.unit_id != group.unit_id:
        return [Reply(t("case_groups.is_anothers"))]
    try:
        tie_group(context.session, group, context.now)
    except IntegrityError:  # somebody tied the same group, or another one, in this very moment
        raise Outdated from None
    return [Reply(t("case_groups.tied"), (Button(t("menu.desk"), ShowDesk()),))]


def _waits_for(context: Context, group: OfficerGroup, unit_id: int) -> bool:
    is_open = group.tied_at is None and group.lane is not None and group.expires_at > context.now
    return is_open and group.unit_id == unit_id and group.asked_by_id == context.account.person_id


def _end(context: Context, period: UnitPeriod) -> list[Reply]:
    group = find_group_of(context.session, period.unit_id)
    if group is None:
        raise Outdated
    end_group(context.session, group, WhyUntied.UNTIED, context.now)
    return [Reply(t("case_groups.ended"), (Button(t("menu.desk"), ShowDesk()),))]
