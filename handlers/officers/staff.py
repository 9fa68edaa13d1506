"""The desk's talk about officers: give a role, end one and hand over, issue a new code."""

from datetime import date

from db.codes import read_code, show_code
from db.models import Person, Role, RoleGrant
from db.people import add_person, record_read
from db.units import find_period
from handlers.access import NotAllowed, Right, demand, get_actor
from handlers.actions import (
    Choose,
    HandOver,
    InviteOfficer,
    IssueCode,
    IssueMemberCode,
    ListCases,
    ListMyWork,
    ShowDesk,
    ShowGrant,
    ShowMember,
    ShowUnit,
)
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.errors import Outdated, UserError
from handlers.feature import Context, Draft, Step
from handlers.notify import WITHOUT_DESK, tell_person
from handlers.officers.codes import issue_member_code, may_manage, reissue
from handlers.officers.desk import name_of
from handlers.officers.rules import read_last_day
from handlers.officers.service import (
    InHand,
    Moved,
    asks_for_payer,
    find_invitee,
    get_grant,
    hand_over,
    invite,
    list_countable,
    list_for_successor,
    list_in_hand,
    list_roles_to_give,
    list_successors,
)
from knowledge.texts import t

_PAGE = 6
_LONGEST_NAME = 80
_EMPLOYER, _UNION, _SEND, _UNTIL = "employer", "union", "send", "until"
_NOBODY = "nobody"


def _unit_name(context: Context, unit_id: int) -> str:
    """A unit's name. Raises `Outdated` when it is closed."""
    period = find_period(context.session, unit_id, context.today)
    if period is None:
        raise Outdated
    return period.name


def show_grant(context: Context, action: ShowGrant) -> list[Reply]:
    """One officer's role, and what may be done about it."""
    actor = get_actor(context)
    grant = get_grant(context.session, actor, action.grant_id, context.now, context.today)
    record_read(context.session, actor.person_id, {grant.person_id}, "officer", context.now)
    payer = _get_payer(context, grant)
    text = t(
        "officers.grant",
        name=name_of(context, grant.person_id),
        role=t(f"roles.{grant.role.value}"),
        unit=_unit_name(context, grant.unit_id),
        since=grant.from_on.strftime("%d/%m/%Y"),
        until=_say_end(grant.to_on),
        payer=payer,
    )
    buttons = []
    if may_manage(context.session, actor, grant, context.today):
        buttons.append(Button(t("officers.new_code"), IssueCode(grant.id)))
        buttons.append(Button(t("officers.end_role"), HandOver(grant.id)))
    elif grant.person_id == actor.person_id:
        buttons.append(Button(t("officers.end_own_role"), HandOver(grant.id)))
    buttons.append(Button(t("officers.back_to_unit"), ShowUnit(grant.unit_id)))
    return [Reply(text, tuple(buttons))]


def _say_end(last_day: date | None) -> str:
    return t("officers.until", day=last_day.strftime("%d/%m/%Y")) if last_day else t("officers.no_end")


def _get_payer(context: Context, grant: RoleGrant) -> str:
    if grant.paid_by_unit_id is None:
        return t("officers.paid_by_union")
    period = find_period(context.session, grant.paid_by_unit_id, context.today)
    return t("officers.paid_by", employer=(period.employer or period.name) if period else "")


def issue_new_code(context: Context, action: IssueCode) -> list[Reply]:
    """A new one-time code for an officer who lost theirs, or their phone."""
    actor = get_actor(context)
    grant = get_grant(context.session, actor, action.grant_id, context.now, context.today)
    code = reissue(context.session, actor, grant, context.now, context.today)
    record_read(context.session, actor.person_id, {grant.person_id}, "officer", context.now)
    return _show_invitation(context, name_of(context, grant.person_id), code, grant.unit_id)


def show_member_code(context: Context, action: IssueMemberCode) -> list[Reply]:
    """A one-time code for a member without any channel, given by hand: with it their phone shows their own page."""
    actor = get_actor(context)
    code = issue_member_code(context.session, actor, action.person_id, context.now, context.today)
    record_read(context.session, actor.person_id, {action.person_id}, "member", context.now)
    text = t("officers.member_invited", name=name_of(context, action.person_id), code=show_code(code))
    return [Reply(text, (Button(t("leaving.profile"), ShowMember(action.person_id)),))]


def _show_invitation(context: Context, name: str, code: str, unit_id: int) -> list[Reply]:
    shown = show_code(code)
    link = f"{context.union.web_url}/#vao={shown}" if context.union.web_url else ""
    text = t("officers.invited_link" if link else "officers.invited", name=name, code=shown, link=link)
    return [Reply(text, (Button(t("officers.back_to_unit"), ShowUnit(unit_id)), Button(t("menu.desk"), ShowDesk())))]


def start_invitation(context: Context, action: InviteOfficer) -> list[Reply]:
    """Begin to give somebody a role at a unit."""
    actor = get_actor(context)
    demand(context.session, actor, Right.MANAGE_OFFICERS, action.unit_id, context.today)
    return context.open_step("officers", "invite_who", {"unit_id": action.unit_id})


def _ask_who(context: Context, draft: Draft) -> list[Reply]:
    return [Reply(t("officers.ask_who", unit=_unit_name(context, draft["unit_id"])))]


def _take_who(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    typed = " ".join(incoming.text.split()) if incoming.kind is Kind.TEXT else ""
    code, actor = read_code(typed), get_actor(context)
    person = find_invitee(context.session, actor, code, context.now, context.today) if code else None
    if person is None and code and (len(typed.split()) < 2 or any(sign.isdigit() for sign in typed)):
        return [Reply(t("officers.no_such_person"))]
    if person is not None:
        record_read(context.session, actor.person_id, {person.id}, "officer", context.now)
        return context.open_step("officers", "invite_role", draft | {"person_code": code})
    if len(typed.split()) < 2 or len(typed) > _LONGEST_NAME or any(sign.isdigit() for sign in typed):
        return [Reply(t("officers.full_name_please"))]
    return context.open_step("officers", "invite_role", draft | {"full_name": typed})


def _ask_role(context: Context, draft: Draft) -> list[Reply]:
    roles = list_roles_to_give(context.session, get_actor(context), draft["unit_id"], context.today)
    buttons = (Button(t(f"roles.{role.value}"), Choose("officers", "invite_role", role.value)) for role in roles)
    return [Reply(t("officers.ask_role"), tuple(buttons))]


def _take_role(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    roles = list_roles_to_give(context.session, get_actor(context), draft["unit_id"], context.today)
    if incoming.action not in {role.value for role in roles}:
        return _ask_role(context, draft)
    draft = draft | {"role": incoming.action, "payer": _UNION}
    is_asked = asks_for_payer(context.session, draft["unit_id"], context.today)
    return context.open_step("officers", "invite_payer" if is_asked else "invite_send", draft)


def _ask_payer(_context: Context, _draft: Draft) -> list[Reply]:
    buttons = (
        Button(t("officers.employer_pays"), Choose("officers", "invite_payer", _EMPLOYER)),
        Button(t("officers.union_pays"), Choose("officers", "invite_payer", _UNION)),
    )
    return [Reply(t("officers.ask_payer"), buttons)]


def _take_payer(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action not in (_EMPLOYER, _UNION):
        return _ask_payer(context, draft)
    return context.open_step("officers", "invite_send", draft | {"payer": incoming.action})


def _ask_send(context: Context, draft: Draft) -> list[Reply]:
    person = _find_invited(context, draft)
    last_day = date.fromisoformat(draft["to_on"]) if "to_on" in draft else None
    text = t(
        "officers.check_invitation",
        name=name_of(context, person.id) if person else draft.get("full_name", ""),
        role=t(f"roles.{draft['role']}"),
        unit=_unit_name(context, draft["unit_id"]),
        payer=t("officers.employer_pays" if draft["payer"] == _EMPLOYER else "officers.union_pays"),
        until=_say_end(last_day),
    )
    buttons = (
        Button(t("officers.give_role"), Choose("officers", "invite_send", _SEND)),
        Button(t("officers.set_end"), Choose("officers", "invite_send", _UNTIL)),
    )
    return [Reply(text, buttons)]


def _find_invited(context: Context, draft: Draft) -> Person | None:
    """The person of the code that was typed, if they are still within reach; None also when a name was typed."""
    if "person_code" not in draft:
        return None
    return find_invitee(context.session, get_actor(context), draft["person_code"], context.now, context.today)


def _take_send(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action == _UNTIL:
        return context.open_step("officers", "invite_until", draft)
    if incoming.action != _SEND:
        return _ask_send(context, draft)
    actor = get_actor(context)
    demand(context.session, actor, Right.MANAGE_OFFICERS, draft["unit_id"], context.today)
    person = _find_invited(context, draft)
    if person is None and "person_code" in draft:
        raise UserError("officers.no_such_person")
    if person is None:
        person = add_person(context.session, {"full_name": draft["full_name"]}, context.now)
    given = invite(
        context.session,
        actor,
        person,
        draft["unit_id"],
        Role(draft["role"]),
        draft["payer"] == _EMPLOYER,
        context.now,
        context.today,
        date.fromisoformat(draft["to_on"]) if "to_on" in draft else None,
    )
    context.close_conversation()
    _tell_of_role(context, given.grant)
    return _show_invitation(context, name_of(context, person.id), given.code, draft["unit_id"])


def _ask_until(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("officers.ask_until"))]


def _take_until(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    last_day = read_last_day(incoming.text, context.today) if incoming.kind is Kind.TEXT else None
    if last_day is None:
        return _ask_until(context, draft)
    return context.open_step("officers", "invite_send", draft | {"to_on": last_day.isoformat()})


def _tell_of_role(context: Context, grant: RoleGrant) -> None:
    """Somebody with a channel of their own hears there what they were given: nobody becomes an officer unawares."""
    role, unit = t(f"roles.{grant.role.value}"), _unit_name(context, grant.unit_id)
    told = Reply(t("officers.role_given", role=role, unit=unit, hotline=context.union.hotline))
    tell_person(context.session, grant.person_id, told, f"grant:{grant.id}", context.now)


def ask_hand_over(context: Context, action: HandOver) -> list[Reply]:
    """Begin to end a role: show what moves, and ask to whom."""
    actor = get_actor(context)
    grant = get_grant(context.session, actor, action.grant_id, context.now, context.today)
    if grant.person_id != actor.person_id and not may_manage(context.session, actor, grant, context.today):
        raise NotAllowed
    return context.open_step("officers", "hand_over", {"grant_id": grant.id})


def _ask_successor(context: Context, draft: Draft) -> list[Reply]:
    grant = get_grant(context.session, get_actor(context), draft["grant_id"], context.now, context.today)
    in_hand = list_in_hand(context.session, grant, context.now, context.today)
    successors = _one_each(list_successors(context.session, grant, context.now, context.today))[:_PAGE]
    named = {grant.person_id, *(other.person_id for other in successors)}
    record_read(context.session, get_actor(context).person_id, named, "officer", context.now)
    buttons = [
        Button(
            t("officers.hand_to", name=name_of(context, other.person_id))[:40],
            Choose("officers", "hand_over", str(other.person_id)),
        )
        for other in successors
    ]
    buttons.append(Button(t("officers.hand_to_unit"), Choose("officers", "hand_over", _NOBODY)))
    text = t(
        "officers.ask_successor",
        name=name_of(context, grant.person_id),
        role=t(f"roles.{grant.role.value}"),
        applications=len(in_hand.applications),
        warning=t("officers.last_officer") if in_hand.is_last else "",
    )
    cases = _describe_cases(context, in_hand, _one_each(successors)[:_PAGE])
    return [Reply("\n".join((text.strip(), *cases)), tuple(buttons))]


def _describe_cases(context: Context, in_hand: InHand, successors: list[RoleGrant]) -> list[str]:
    """How many cases the officer holds by this role, and how many of them each successor could take over; those from
    which something bars the person who asks are not counted."""
    known = list_countable(context.session, in_hand.cases, get_actor(context), context.now, context.today)
    if not known:
        return []
    shown = [t("officers.cases_in_hand", cases=len(known))]
    for other in successors:
        fit = list_for_successor(context.session, known, other.person_id, context.now, context.today)
        shown.append(t("officers.cases_to", name=name_of(context, other.person_id), fit=len(fit)))
    return shown


def _one_each(grants: list[RoleGrant]) -> list[RoleGrant]:
    """One line for each person, however many roles they hold."""
    return list({grant.person_id: grant for grant in grants}.values())


def _take_successor(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    chosen = incoming.action or ""
    if chosen != _NOBODY and not chosen.isdigit():
        return _ask_successor(context, draft)
    actor = get_actor(context)
    grant = get_grant(context.session, actor, draft["grant_id"], context.now, context.today)
    successor_id = int(chosen) if chosen.isdigit() else None
    moved = hand_over(context.session, actor, grant, successor_id, context.now, context.today)
    context.close_conversation()
    _tell_of_hand_over(context, grant, successor_id, moved)
    text = t("officers.role_ended", name=name_of(context, grant.person_id), applications=moved.applications)
    given, others = (
        len(list_countable(context.session, cases, actor, context.now, context.today))
        for cases in (moved.cases, moved.others)
    )
    if given or others:
        text = f"{text}\n{t('officers.cases_moved', moved=given, others=others)}"
    return [Reply(text, (Button(t("menu.button"), ShowDesk()),))]


def _tell_of_hand_over(context: Context, grant: RoleGrant, successor_id: int | None, moved: Moved) -> None:
    """The successor hears what came to them, and the officer that their role is over, unless they ended it."""
    role, unit = t(f"roles.{grant.role.value}"), _unit_name(context, grant.unit_id)
    subject = f"grant:{grant.id}:ended"
    if grant.person_id != context.account.person_id:
        ended = Reply(t("officers.your_role_ended", role=role, unit=unit, hotline=context.union.hotline))
        tell_person(context.session, grant.person_id, ended, subject, context.now)
    if successor_id is not None and moved.cases:
        text = t("officers.cases_handed_to_you", name=name_of(context, grant.person_id), cases=len(moved.cases))
        told = Reply(text, (Button(t("officers.cases"), ListCases("mine")),))
        tell_person(context.session, successor_id, told, f"{subject}:cases", context.now, without=WITHOUT_DESK)
    if successor_id is not None and moved.applications:
        name = name_of(context, grant.person_id)
        text = t("officers.handed_to_you", name=name, applications=moved.applications, unit=unit)
        reply = Reply(text, (Button(t("officers.my_work"), ListMyWork()),))
        tell_person(context.session, successor_id, reply, subject, context.now, without=WITHOUT_DESK)


INVITATION_STEPS = {
    "invite_who": Step(_ask_who, _take_who),
    "invite_role": Step(_ask_role, _take_role),
    "invite_payer": Step(_ask_payer, _take_payer),
    "invite_send": Step(_ask_send, _take_send),
    "invite_until": Step(_ask_until, _take_until),
    "hand_over": Step(_ask_successor, _take_successor),
}
