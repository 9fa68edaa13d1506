"""The desk's talk about units and their officers: look around the tree, give a role, end one and hand over."""

from db.codes import read_code, show_code
from db.models import Person, Role, RoleGrant, UnitPeriod
from db.officers import list_officers
from db.people import add_person, count_members, find_person, record_read
from db.units import find_period, list_ancestors, list_children
from handlers.access import Right, demand, get_actor, may
from handlers.actions import (
    Choose,
    HandOver,
    InviteOfficer,
    IssueCode,
    ListMembers,
    ManageUnit,
    ShowDesk,
    ShowGrant,
    ShowUnit,
)
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.errors import Outdated, UserError
from handlers.feature import Context, Draft, Step
from handlers.officers.rules import PAID_BY_EMPLOYER_AT
from handlers.officers.service import (
    get_grant,
    hand_over,
    invite,
    list_in_hand,
    list_roles_to_give,
    list_successors,
    reissue,
)
from knowledge.texts import t

_PAGE = 6
_LONGEST_NAME = 80
_EMPLOYER, _UNION, _SEND = "employer", "union", "send"
_NOBODY = "nobody"


def show_unit(context: Context, action: ShowUnit) -> list[Reply]:
    """A unit with its officers and what lies under it; without a unit, the officer's own ones."""
    actor = get_actor(context)
    if not action.unit_id:
        own = actor.units_of(Right.SEE_UNIT)
        if len(own) != 1:
            return [Reply(t("officers.choose_unit"), tuple(_unit_button(context, unit_id) for unit_id in own))]
        action = ShowUnit(own[0])
    demand(context.session, actor, Right.SEE_UNIT, action.unit_id, context.today)
    period = _get_period(context, action.unit_id)
    children = list_children(context.session, period.unit_id, context.today)
    start = action.page * _PAGE
    buttons = [_button_of(child) for child in children[start : start + _PAGE]]
    if start + _PAGE < len(children):
        buttons.append(Button(t("officers.more_units"), ShowUnit(period.unit_id, action.page + 1)))
    officers = list_officers(context.session, [period.unit_id], list(Role), context.now, context.today)
    if action.page == 0:
        buttons = [*(_officer_button(context, grant) for grant in officers[:_PAGE]), *buttons]
        if may(context.session, actor, Right.MANAGE_OFFICERS, period.unit_id, context.today):
            buttons.append(Button(t("officers.invite"), InviteOfficer(period.unit_id)))
        if may(context.session, actor, Right.EXPORT_MEMBERS, period.unit_id, context.today):
            buttons.append(Button(t("papers.list_button"), ListMembers(period.unit_id)))
        if may(context.session, actor, Right.MANAGE_UNITS, period.unit_id, context.today):
            buttons.append(Button(t("reorganise.button"), ManageUnit(period.unit_id)))
    record_read(context.session, actor.person_id, {grant.person_id for grant in officers}, "officer", context.now)
    buttons.append(_above_button(context, period) or Button(t("menu.desk"), ShowDesk()))
    return [Reply(_describe_unit(context, period, len(children), len(officers)), tuple(buttons))]


def _describe_unit(context: Context, period: UnitPeriod, children: int, officers: int) -> str:
    place = ", ".join(filter(None, (period.commune, period.province)))
    members = count_members(context.session, period.unit_id, context.today)
    return t(
        "officers.unit",
        name=period.name,
        level=t(f"levels.{period.level.value}"),
        place=place or t("officers.no_place"),
        children=children,
        officers=officers,
        members=members,
    )


def _get_period(context: Context, unit_id: int) -> UnitPeriod:
    period = find_period(context.session, unit_id, context.today)
    if period is None:
        raise Outdated
    return period


def _unit_button(context: Context, unit_id: int) -> Button:
    return _button_of(_get_period(context, unit_id))


def _button_of(period: UnitPeriod) -> Button:
    return Button(period.name[:40], ShowUnit(period.unit_id))


def _above_button(context: Context, period: UnitPeriod) -> Button | None:
    above = list_ancestors(context.session, period.unit_id, context.today)[:1]
    actor = get_actor(context)
    if above and may(context.session, actor, Right.SEE_UNIT, above[0].unit_id, context.today):
        return Button(t("officers.unit_above"), ShowUnit(above[0].unit_id))
    return None


def _officer_button(context: Context, grant: RoleGrant) -> Button:
    label = f"{_name_of(context, grant.person_id)} – {t(f'roles.{grant.role.value}')}"
    return Button(label[:40], ShowGrant(grant.id))


def _name_of(context: Context, person_id: int) -> str:
    person = context.session.get(Person, person_id)
    if person is None:
        return ""
    return str((person.profile or {}).get("full_name") or show_code(person.code))


def show_grant(context: Context, action: ShowGrant) -> list[Reply]:
    """One officer's role, and what may be done about it."""
    actor = get_actor(context)
    grant = get_grant(context.session, actor, action.grant_id, context.now, context.today)
    record_read(context.session, actor.person_id, {grant.person_id}, "officer", context.now)
    payer = _get_payer(context, grant)
    text = t(
        "officers.grant",
        name=_name_of(context, grant.person_id),
        role=t(f"roles.{grant.role.value}"),
        unit=_get_period(context, grant.unit_id).name,
        since=grant.from_on.strftime("%d/%m/%Y"),
        until=grant.to_on.strftime("%d/%m/%Y") if grant.to_on else t("officers.no_end"),
        payer=payer,
    )
    buttons = []
    if may(context.session, actor, Right.MANAGE_OFFICERS, grant.unit_id, context.today):
        buttons.append(Button(t("officers.new_code"), IssueCode(grant.id)))
        buttons.append(Button(t("officers.end_role"), HandOver(grant.id)))
    elif grant.person_id == actor.person_id:
        buttons.append(Button(t("officers.end_own_role"), HandOver(grant.id)))
    buttons.append(Button(t("officers.back_to_unit"), ShowUnit(grant.unit_id)))
    return [Reply(text, tuple(buttons))]


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
    return _show_invitation(context, _name_of(context, grant.person_id), code, grant.unit_id)


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
    return [Reply(t("officers.ask_who", unit=_get_period(context, draft["unit_id"]).name))]


def _take_who(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    typed = " ".join(incoming.text.split()) if incoming.kind is Kind.TEXT else ""
    code = read_code(typed) if any(sign.isdigit() for sign in typed) else None
    if code:
        if find_person(context.session, code) is None:
            return [Reply(t("officers.no_such_person"))]
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
    is_asked = _get_period(context, draft["unit_id"]).level in PAID_BY_EMPLOYER_AT
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
    person = find_person(context.session, draft["person_code"]) if "person_code" in draft else None
    text = t(
        "officers.check_invitation",
        name=_name_of(context, person.id) if person else draft["full_name"],
        role=t(f"roles.{draft['role']}"),
        unit=_get_period(context, draft["unit_id"]).name,
        payer=t("officers.employer_pays" if draft["payer"] == _EMPLOYER else "officers.union_pays"),
    )
    return [Reply(text, (Button(t("officers.give_role"), Choose("officers", "invite_send", _SEND)),))]


def _take_send(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action != _SEND:
        return _ask_send(context, draft)
    actor = get_actor(context)
    if "person_code" in draft:
        person = find_person(context.session, draft["person_code"])
        if person is None:
            raise UserError("officers.no_such_person")
    else:
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
    )
    context.close_conversation()
    return _show_invitation(context, _name_of(context, person.id), given.code, draft["unit_id"])


def ask_hand_over(context: Context, action: HandOver) -> list[Reply]:
    """Begin to end a role: show what moves, and ask to whom."""
    actor = get_actor(context)
    grant = get_grant(context.session, actor, action.grant_id, context.now, context.today)
    if grant.person_id != actor.person_id:
        demand(context.session, actor, Right.MANAGE_OFFICERS, grant.unit_id, context.today)
    return context.open_step("officers", "hand_over", {"grant_id": grant.id})


def _ask_successor(context: Context, draft: Draft) -> list[Reply]:
    grant = get_grant(context.session, get_actor(context), draft["grant_id"], context.now, context.today)
    in_hand = list_in_hand(context.session, grant, context.now, context.today)
    successors = list_successors(context.session, grant, context.now, context.today)
    buttons = [
        Button(
            t("officers.hand_to", name=_name_of(context, other.person_id))[:40],
            Choose("officers", "hand_over", str(other.person_id)),
        )
        for other in _one_each(successors)[:_PAGE]
    ]
    buttons.append(Button(t("officers.hand_to_unit"), Choose("officers", "hand_over", _NOBODY)))
    text = t(
        "officers.ask_successor",
        name=_name_of(context, grant.person_id),
        role=t(f"roles.{grant.role.value}"),
        applications=len(in_hand.applications),
        warning=t("officers.last_officer") if in_hand.is_last else "",
    )
    return [Reply(text.strip(), tuple(buttons))]


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
    text = t("officers.role_ended", name=_name_of(context, grant.person_id), applications=moved)
    return [Reply(text, (Button(t("menu.button"), ShowDesk()),))]


INVITATION_STEPS = {
    "invite_who": Step(_ask_who, _take_who),
    "invite_role": Step(_ask_role, _take_role),
    "invite_payer": Step(_ask_payer, _take_payer),
    "invite_send": Step(_ask_send, _take_send),
    "hand_over": Step(_ask_successor, _take_successor),
}
