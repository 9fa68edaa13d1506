"""The officer's side of membership: finding a member, a unit's list in chat and as Mẫu 5b, checking a card."""

from datetime import date

from sqlalchemy import Select, select

from db.codes import read_code, show_code
from db.merges import find_last_merge
from db.models import Membership, Person, UnitPeriod
from db.people import (
    find_membership,
    find_person,
    list_accounts,
    list_members,
    list_memberships,
    list_unit_members,
    record_read,
    search_members,
)
from db.session import keys_of_session
from db.units import find_period, list_periods, list_with_teams, select_subtree
from handlers.access import NotAllowed, Right, demand, find_actor, get_actor, may, select_reach
from handlers.actions import (
    EndMembership,
    FindMember,
    GiveDecisionNumber,
    IssueMemberCode,
    ListMembers,
    ListUnitMembers,
    MoveMember,
    ShowDesk,
    ShowMember,
    ShowUnit,
    UndoMerge,
)
from handlers.chat import Button, File, Incoming, Kind, Reply
from handlers.errors import Outdated
from handlers.feature import Context, Draft, Step
from handlers.registration.card import holds_card, public_key, read_card
from handlers.registration.changes import list_homes
from handlers.registration.papers import DOCX, FORM_FIELDS, fill_list
from handlers.registration.show import show_day, show_profile, show_value
from knowledge.texts import t

_MOST_FOUND = 6
_PAGE = 6
_LONGEST_LIST = 2000
"""Members in one Mẫu 5b: more makes a document no phone opens; the export command has no such limit."""


def _unit_name(context: Context, unit_id: int) -> str:
    period = find_period(context.session, unit_id, context.today)
    return period.name if period else ""


def start_search(context: Context) -> list[Reply]:
    """Ask for the name or the code of a member."""
    if not get_actor(context).holds(Right.FIND_MEMBERS):
        raise NotAllowed
    return context.open_step("registration", "find", {})


def _ask_find(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("approvals.ask_name"))]


def _take_find(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    typed = incoming.text.strip() if incoming.kind is Kind.TEXT else ""
    if not typed:
        return _ask_find(context, draft)
    actor = get_actor(context)
    found = _find(context, typed, select_reach(actor, Right.FIND_MEMBERS, context.today))
    context.close_conversation()
    again = Button(t("approvals.find_again"), FindMember())
    if not found:
        return [Reply(t("approvals.nobody_found"), (again, Button(t("menu.desk"), ShowDesk())))]
    record_read(context.session, actor.person_id, {person.id for person in found}, "search", context.now)
    buttons = [Button(_describe(context, person), ShowMember(person.id)) for person in found[:_MOST_FOUND]]
    key = "approvals.too_many" if len(found) > _MOST_FOUND else "approvals.found"
    return [Reply(t(key), (*buttons, again))]


def _find(context: Context, typed: str, reach: Select[int]) -> list[Person]:
    """By code where it is one, else by the words of the name; never beyond the reach."""
    code = read_code(typed)
    person = _find_holder(context, code) if code else None
    membership = find_membership(context.session, person.id, context.today) if person else None
    actor = get_actor(context)
    is_within = membership and may(context.session, actor, Right.FIND_MEMBERS, membership.unit_id, context.today)
    if person and is_within:
        return [person]
    return search_members(context.session, typed, reach, _MOST_FOUND + 1)  # one code in twenty has no digit in it


def _find_holder(context: Context, code: str) -> Person | None:
    """The person of a code; somebody merged into another is the other."""
    person = find_person(context.session, code)
    return context.session.get(Person, person.merged_into_id) if person and person.merged_into_id else person


def _describe(context: Context, person: Person) -> str:
    profile = person.profile or {}
    membership = find_membership(context.session, person.id, context.today)
    unit = _unit_name(context, membership.unit_id) if membership else ""
    born = profile.get("born_on", "")[:4]
    return " · ".join(filter(None, (profile.get("full_name") or show_code(person.code), born, unit)))[:40]


def show_member(context: Context, action: ShowMember) -> list[Reply]:
    """One member within the officer's reach; reading them is on record."""
    actor = get_actor(context)
    person = context.session.get(Person, action.person_id)
    membership = find_membership(context.session, person.id, context.today) if person else None
    if person is None or membership is None:
        raise Outdated
    demand(context.session, actor, Right.FIND_MEMBERS, membership.unit_id, context.today)
    record_read(context.session, actor.person_id, {person.id}, "member", context.now)
    history = [
        _describe_membership(context, one.unit_id, one.since_on, one.decision_number)
        for one in list_memberships(context.session, person.id)
    ]
    text = t(
        "approvals.member",
        code=show_code(person.code),
        rows=show_profile(person.profile or {}, FORM_FIELDS, is_hidden=True),
        history="\n".join(history),
    )
    may_change = may(context.session, actor, Right.CHANGE_MEMBERS, membership.unit_id, context.today)
    changes = _list_changes(context, person, membership) if may_change and person.id != actor.person_id else ()
    ways_on = (Button(t("approvals.find_again"), FindMember()), Button(t("menu.desk"), ShowDesk()))
    return [Reply(text, (*changes, *ways_on))]


def _list_changes(context: Context, person: Person, membership: Membership) -> tuple[Button, ...]:
    """What an officer may do about somebody else's membership."""
    merge = find_last_merge(context.session, person.id, context.now)
    homes = list_homes(context.session, membership.unit_id, context.today)
    has_channel = bool(list_accounts(context.session, person.id))
    offers = (
        (merge is not None, Button(t("merge.undo"), UndoMerge(merge.id if merge else 0))),
        (membership.decision_number is None, Button(t("membership.give_number"), GiveDecisionNumber(person.id))),
        (bool(homes), Button(t("membership.move"), MoveMember(person.id))),
        (not has_channel, Button(t("officers.member_code"), IssueMemberCode(person.id))),
        (membership.until_on is None, Button(t("approvals.end_membership"), EndMembership(person.id))),
    )
    return tuple(button for is_offered, button in offers if is_offered)


def _describe_membership(context: Context, unit_id: int, since_on: date, decision_number: str | None) -> str:
    periods = list_periods(context.session, unit_id)
    number = t("holdings.decision", number=decision_number) if decision_number else ""
    return f"- {since_on:%d/%m/%Y}: {periods[-1].name if periods else ''}{number}"


def list_here(context: Context, action: ListUnitMembers) -> list[Reply]:
    """The members of a unit and of those under it, the newest first; every name shown is on record as read."""
    actor = get_actor(context)
    demand(context.session, actor, Right.FIND_MEMBERS, action.unit_id, context.today)
    below = select_subtree([action.unit_id], context.today, "below")
    seen = select_reach(actor, Right.FIND_MEMBERS, context.today)
    reach = select(UnitPeriod.unit_id).where(UnitPeriod.unit_id.in_(below), UnitPeriod.unit_id.in_(seen)).distinct()
    before = (action.since_on, action.number) if action.since_on is not None else None
    found = list_members(context.session, reach, _PAGE + 1, before)
    shown, back = found[:_PAGE], Button(t("officers.back_to_unit"), ShowUnit(action.unit_id))
    record_read(context.session, actor.person_id, {one.person.id for one in shown}, "list", context.now)
    buttons = [Button(_describe(context, one.person), ShowMember(one.person.id)) for one in shown]
    if len(found) > _PAGE:
        last = shown[-1]
        more = ListUnitMembers(action.unit_id, last.since_on, last.membership_id)
        buttons.append(Button(t("membership.more"), more))
    key = "membership.listed" if shown else "membership.nobody"
    return [Reply(t(key, unit=_unit_name(context, action.unit_id)), (*buttons, back))]


def send_list(context: Context, action: ListMembers) -> list[Reply]:
    """The members of a unit and its teams as Mẫu 5b, for those who may take such a list away; every name in it is on
    record as read."""
    actor = get_actor(context)
    demand(context.session, actor, Right.EXPORT_MEMBERS, action.unit_id, context.today)
    places = list_with_teams(context.session, action.unit_id, context.today)
    found = list_unit_members(context.session, places, context.today, _LONGEST_LIST + 1)
    if len(found) > _LONGEST_LIST:
        return [Reply(t("approvals.list_too_long", limit=_LONGEST_LIST), (Button(t("menu.desk"), ShowDesk()),))]
    record_read(context.session, actor.person_id, {person.id for person, _since in found}, "list", context.now)
    rows = [
        {name: show_value(name, value) for name, value in (person.profile or {}).items()}
        | {"since": show_day(since), "code": show_code(person.code)}
        for person, since in found
    ]
    rows.sort(key=lambda row: [*row.get("full_name", "").split()[-1:], row.get("full_name", "")])
    unit = _unit_name(context, action.unit_id)
    paper = fill_list(rows, unit, context.today, context.union.templates)
    return [Reply(t("papers.list_here", count=len(rows)), files=(File("danh-sach-mau-5b.docx", DOCX, paper),))]


def catch_card(context: Context, text: str) -> list[Reply] | None:
    """The content of a card's QR, typed, pasted or opened as a link: an officer hears whether the card is genuine and
    the membership runs; a name is said only within their reach."""
    if not holds_card(text):
        return None
    actor = find_actor(context)
    if actor is None:
        return [Reply(t("card.officers_only"))]
    card = read_card(public_key(keys_of_session(context.session)), text)
    person = _find_holder(context, card.code) if card else None
    if card is None or person is None:
        return [Reply(t("card.false"))]
    membership = find_membership(context.session, person.id, context.today)
    if membership is None:
        return [Reply(t("card.ended", day=show_day(card.issued_on)))]
    is_within = may(context.session, actor, Right.FIND_MEMBERS, membership.unit_id, context.today)
    record_read(context.session, actor.person_id, {person.id}, "card", context.now)
    text = t("card.genuine", unit=_unit_name(context, membership.unit_id), day=show_day(membership.since_on))
    if is_within:
        text += "\n" + t("card.holder", name=(person.profile or {}).get("full_name", ""))
    return [Reply(text)]


MEMBER_STEPS = {"find": Step(_ask_find, _take_find)}
