"""The officer's side of leaving: the wishes that wait, the one tap that fulfils one, and a membership ended unasked."""

from db.codes import show_code
from db.models import DataRequest, DataRequestKind, Membership, Person
from db.people import find_membership, record_read
from db.privacy import get_locked_request, list_leaving
from db.units import find_period
from handlers.access import NotAllowed, Right, demand, get_actor, select_reach
from handlers.actions import (
    Choose,
    EndMembership,
    LetLeave,
    ListApplications,
    ListLeaving,
    ShowDesk,
    ShowLeaving,
    ShowMember,
)
from handlers.chat import Button, Incoming, Reply
from handlers.errors import Outdated
from handlers.feature import VIETNAM, Context, Draft, Step
from handlers.leaving import let_leave
from handlers.notify import tell_person
from handlers.registration.show import show_day
from knowledge.texts import t

_PAGE = 6
_YES = "yes"


def list_wishes(context: Context, action: ListLeaving) -> list[Reply]:
    """Members within reach who wish to leave, the most pressing first; nobody is named here."""
    actor = get_actor(context)
    if not actor.holds(Right.CHANGE_MEMBERS):
        raise NotAllowed
    reach = select_reach(actor, Right.CHANGE_MEMBERS, context.today)
    found = list_leaving(context.session, reach, context.today, _PAGE + 1, action.page * _PAGE)
    buttons = [Button(_label(context, one), ShowLeaving(one.id)) for one in found[:_PAGE]]
    if len(found) > _PAGE:
        buttons.append(Button(t("approvals.more"), ListLeaving(action.page + 1)))
    text = t("leaving.waiting" if found else "leaving.none")
    return [Reply(text, (*buttons, Button(t("menu.desk"), ShowDesk())))]


def _label(context: Context, wish: DataRequest) -> str:
    membership = find_membership(context.session, wish.person_id, context.today) if wish.person_id else None
    unit = _unit_name(context, membership) if membership else ""
    day = wish.due_at.astimezone(VIETNAM).strftime("%d/%m")
    return t("leaving.label", day=day, code=show_code(wish.code), unit=unit)[:40]


def _unit_name(context: Context, membership: Membership) -> str:
    period = find_period(context.session, membership.unit_id, context.today)
    return period.name if period else ""


def show_wish(context: Context, action: ShowLeaving) -> list[Reply]:
    """One wish with its person; opening it is on record."""
    wish, membership = _get_wish(context, action.request_id)
    person = context.session.get_one(Person, membership.person_id)
    record_read(context.session, get_actor(context).person_id, {person.id}, "leaving", context.now)
    text = t(
        "leaving.wish",
        name=_name_of(person),
        code=show_code(person.code),
        unit=_unit_name(context, membership),
        since=show_day(membership.since_on),
        asked=show_day(wish.asked_at.astimezone(VIETNAM).date()),
        day=show_day(wish.due_at.astimezone(VIETNAM).date()),
    )
    buttons = (
        Button(t("leaving.let_go"), LetLeave(wish.id)),
        Button(t("leaving.profile"), ShowMember(person.id)),
        Button(t("leaving.back"), ListLeaving()),
    )
    return [Reply(text, buttons)]


def _get_wish(context: Context, request_id: int) -> tuple[DataRequest, Membership]:
    """A wish to leave that waits, locked, with the membership it would end. Raises `Outdated` and `NotAllowed`."""
    actor = get_actor(context)
    if not actor.holds(Right.CHANGE_MEMBERS):
        raise NotAllowed
    wish = get_locked_request(context.session, request_id)
    if wish is None or wish.kind is not DataRequestKind.WITHDRAW or wish.person_id is None or wish.done_at is not None:
        raise Outdated
    return wish, _get_leaving(context, wish.person_id)


def _get_leaving(context: Context, person_id: int) -> Membership:
    """The membership to end. Raises `Outdated` when it ended already, and `NotAllowed`, also for one's own."""
    membership = find_membership(context.session, person_id, context.today)
    if membership is None or membership.until_on is not None:
        raise Outdated
    actor = get_actor(context)
    demand(context.session, actor, Right.CHANGE_MEMBERS, membership.unit_id, context.today)
    if person_id == actor.person_id:
        raise NotAllowed  # nobody decides about themselves
    return membership


def _name_of(person: Person) -> str:
    return str((person.profile or {}).get("full_name") or show_code(person.code))


def fulfil_wish(context: Context, action: LetLeave) -> list[Reply]:
    """One tap: today is the last day, the request is done, and the person hears both."""
    _wish, membership = _get_wish(context, action.request_id)
    return _let_leave(context, membership)


def _let_leave(context: Context, membership: Membership) -> list[Reply]:
    wish = let_leave(context.session, membership, context.now, context.today)
    told = t("me.left", unit=_unit_name(context, membership), hotline=context.union.hotline)
    if wish is not None:
        told += "\n" + t("leaving.receipt", code=show_code(wish.code))
    subject = f"membership:{membership.id}:left"
    tell_person(context.session, membership.person_id, Reply(told), subject, context.now)
    buttons = (Button(t("officers.applications"), ListApplications()), Button(t("menu.desk"), ShowDesk()))
    return [Reply(t("approvals.membership_ended"), buttons)]


def start_leaving(context: Context, action: EndMembership) -> list[Reply]:
    """Ask once more before a membership ends that nobody asked to end."""
    _get_leaving(context, action.person_id)
    return context.open_step("registration", "leaving", {"person_id": action.person_id})


def _ask_leaving(context: Context, draft: Draft) -> list[Reply]:
    person = context.session.get_one(Person, draft["person_id"])
    record_read(context.session, get_actor(context).person_id, {person.id}, "leaving", context.now)
    yes = Button(t("approvals.end_membership_yes"), Choose("registration", "leaving", _YES))
    return [Reply(t("approvals.end_membership_sure", name=_name_of(person)), (yes,))]


def _take_leaving(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    membership = _get_leaving(context, draft["person_id"])
    if incoming.action != _YES:
        return _ask_leaving(context, draft)
    context.close_conversation()
    return _let_leave(context, membership)


LEAVING_STEPS = {"leaving": Step(_ask_leaving, _take_leaving)}
