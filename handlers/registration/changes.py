"""What an officer changes about a membership: the number of its decision, and the team within the workplace."""

from datetime import date, timedelta

from sqlalchemy.orm import Session

from db.models import EndReason, Membership, Person, UnitLevel, UnitPeriod
from db.people import add_membership, end_membership, find_membership, index_name, unindex_name
from db.units import find_period, list_children
from handlers.access import NotAllowed, Right, demand, get_actor
from handlers.actions import GiveDecisionNumber, MoveMember, MoveMemberTo, ShowMember
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.errors import Outdated
from handlers.feature import Context, Draft, Step
from handlers.notify import tell_person
from knowledge.texts import t

_PAGE = 6
_LONGEST_NUMBER = 80


def list_homes(session: Session, unit_id: int, today: date) -> list[UnitPeriod]:
    """Where else within one workplace a member may belong: its teams, and from a team the workplace itself."""
    period = find_period(session, unit_id, today)
    if period is None:
        return []
    whole_id = period.parent_id if period.level is UnitLevel.TEAM else unit_id
    whole = find_period(session, whole_id, today) if whole_id is not None else None
    if whole is None:
        return []
    teams = [one for one in list_children(session, whole.unit_id, today) if one.level is UnitLevel.TEAM]
    return [one for one in (whole, *teams) if one.unit_id != unit_id]


def _get_changeable(context: Context, person_id: int) -> tuple[Person, Membership]:
    """A member whom the officer may change; not oneself. Raises `Outdated` or `NotAllowed`."""
    actor = get_actor(context)
    membership = find_membership(context.session, person_id, context.today)
    if membership is None or membership.until_on is not None:
        raise Outdated
    demand(context.session, actor, Right.CHANGE_MEMBERS, membership.unit_id, context.today)
    if person_id == actor.person_id:
        raise NotAllowed
    return context.session.get_one(Person, person_id, with_for_update=True), membership


def ask_home(context: Context, action: MoveMember) -> list[Reply]:
    """The teams to choose from."""
    person, membership = _get_changeable(context, action.person_id)
    homes = list_homes(context.session, membership.unit_id, context.today)
    start = action.page * _PAGE
    buttons = [Button(one.name[:40], MoveMemberTo(person.id, one.unit_id)) for one in homes[start : start + _PAGE]]
    if start + _PAGE < len(homes):
        buttons.append(Button(t("officers.more_units"), MoveMember(person.id, action.page + 1)))
    back = Button(t("leaving.profile"), ShowMember(person.id))
    return [Reply(t("membership.ask_home"), (*buttons, back))]


def move_member(context: Context, action: MoveMemberTo) -> list[Reply]:
    """The old membership ends yesterday and one begins today at the new place, by the same decision; the member hears
    of it."""
    person, membership = _get_changeable(context, action.person_id)
    homes = {one.unit_id: one for one in list_homes(context.session, membership.unit_id, context.today)}
    if action.unit_id not in homes:
        raise Outdated
    demand(context.session, get_actor(context), Right.CHANGE_MEMBERS, action.unit_id, context.today)
    if membership.since_on >= context.today:
        unindex_name(context.session, person.id, membership.unit_id)
        membership.unit_id = action.unit_id
        index_name(context.session, person, action.unit_id)
    else:
        end_membership(context.session, membership, context.today - timedelta(days=1), EndReason.TRANSFERRED)
        number = membership.decision_number
        membership = add_membership(context.session, person, action.unit_id, context.today, number)
    unit = homes[action.unit_id].name
    told = Reply(t("membership.you_moved", unit=unit, day=context.today.strftime("%d/%m/%Y")))
    subject = f"membership:{membership.id}:moved:{context.now:%Y%m%d%H%M%S}"
    tell_person(context.session, person.id, told, subject, context.now)
    return [Reply(t("membership.moved", unit=unit), (Button(t("leaving.profile"), ShowMember(person.id)),))]


def start_number(context: Context, action: GiveDecisionNumber) -> list[Reply]:
    """Ask for the number that was not there yet on the day of joining."""
    person, _membership = _get_changeable(context, action.person_id)
    return context.open_step("registration", "late_number", {"person_id": person.id})


def _ask_number(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("approvals.ask_number"))]


def _take_number(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    typed = " ".join(incoming.text.split())[:_LONGEST_NUMBER] if incoming.kind is Kind.TEXT else ""
    if not typed:
        return _ask_number(context, draft)
    person, membership = _get_changeable(context, draft["person_id"])
    membership.decision_number = typed
    context.close_conversation()
    text = t("membership.number_given", number=typed)
    return [Reply(text, (Button(t("leaving.profile"), ShowMember(person.id)),))]


CHANGE_STEPS = {"late_number": Step(_ask_number, _take_number)}
