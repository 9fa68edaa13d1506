"""A person's own page: what the union knows of them, their unit and its officers, their card and form, corrections."""

from db.applications import find_open_application, list_applications_of
from db.codes import show_code
from db.models import Application, ApplicationState, Membership, Person, Role
from db.officers import list_officers
from db.people import find_membership, record_read
from db.session import keys_of_session
from db.units import find_period, list_ancestors
from handlers.access import NotAllowed, find_actor
from handlers.actions import (
    BrowseBulletins,
    ChooseNews,
    EditDetail,
    Join,
    SendAgain,
    ShowCard,
    ShowChannels,
    ShowDataRights,
    ShowForm,
    ShowMe,
    ShowMenu,
    TellNoUnion,
    WithdrawApplication,
)
from handlers.chat import Button, File, Incoming, Reply
from handlers.errors import Outdated, UserError, explain
from handlers.feature import VIETNAM, Context, Draft, Step
from handlers.registration.card import Card, draw_card, sign_card
from handlers.registration.form import put_question, read_answer, tell_deciders
from handlers.registration.papers import DOCX, FORM_FIELDS, fill_form
from handlers.registration.rules import FIELD_NAMES, FIELDS, SKIP
from handlers.registration.service import change_profile, get_application, submit_again, withdraw
from handlers.registration.show import show_day, show_profile
from knowledge.texts import t

_SERVING = (Role.CHAIR, Role.DEPUTY_CHAIR, Role.OFFICER)
_MOST_NAMED = 4


def show_me(context: Context) -> list[Reply]:
    """What is known of the person and where they belong; for a stranger, the ways in."""
    person = _own_person(context)
    if person is None:
        buttons = (
            Button(t("menu.join"), Join()),
            Button(t("join.tell_no_union"), TellNoUnion()),
            Button(t("me.rights"), ShowDataRights()),
        )
        return [Reply(t("me.unknown"), buttons)]
    membership = find_membership(context.session, person.id, context.today)
    application = find_open_application(context.session, person.id)
    parts = [t("me.head", code=show_code(person.code), rows=show_profile(person.profile or {}, FORM_FIELDS, True))]
    if membership is not None:
        parts.append(_describe_unit(context, membership))
    if application is not None:
        parts.append(_describe_application(context, application))
    elif membership is None:
        parts.append(_describe_last(context, person))
    return [Reply("\n\n".join(parts), _buttons(membership, application))]


def _own_person(context: Context) -> Person | None:
    person_id = context.account.person_id
    return context.session.get(Person, person_id) if person_id else None


def _describe_unit(context: Context, membership: Membership) -> str:
    """The unit and who serves it; where nobody does, who serves the one above."""
    period = find_period(context.session, membership.unit_id, context.today)
    above = list_ancestors(context.session, membership.unit_id, context.today)
    names: list[str] = []
    for place in (membership.unit_id, *(unit.unit_id for unit in above)):
        grants = list_officers(context.session, [place], _SERVING, context.now, context.today)
        names = list(dict.fromkeys(_name_officer(context, grant.person_id, grant.role) for grant in grants))
        if names:
            break
    return t(
        "me.unit",
        unit=period.name if period else "",
        since=show_day(membership.since_on),
        officers="\n".join(names[:_MOST_NAMED]) or t("me.no_officers", hotline=context.union.hotline),
    )


def _name_officer(context: Context, person_id: int, role: Role) -> str:
    person = context.session.get(Person, person_id)
    name = (person.profile or {}).get("full_name", "") if person else ""
    return f"- {name}, {t(f'roles.{role.value}').lower()}"


def _describe_application(context: Context, application: Application) -> str:
    period = find_period(context.session, application.unit_id, context.today)
    code, unit = show_code(application.code), period.name if period else ""
    if application.state is ApplicationState.NEEDS_MORE:
        return t("me.needs_more", code=code, reason=application.reason or "")
    return t("me.applied", code=code, unit=unit, day=show_day(application.submitted_at.astimezone(VIETNAM).date()))


def _describe_last(context: Context, person: Person) -> str:
    """Why somebody known to us is no member: what became of their last application."""
    last = next(iter(list_applications_of(context.session, person.id)), None)
    if last is not None and last.state is ApplicationState.REFUSED:
        return t("me.refused", reason=last.reason or "")
    return t("me.no_member")


def _buttons(membership: Membership | None, application: Application | None) -> tuple[Button, ...]:
    is_waiting = application is not None and application.state is ApplicationState.NEEDS_MORE
    offers = (
        (is_waiting, Button(t("me.send_again"), SendAgain())),
        (membership is not None, Button(t("me.card"), ShowCard())),
        (True, Button(t("me.edit"), EditDetail())),
        (application is not None, Button(t("me.form"), ShowForm())),
        (application is not None, Button(t("me.withdraw"), WithdrawApplication(application.id if application else 0))),
        (membership is not None and application is None, Button(t("me.transfer"), Join())),
        (membership is None and application is None, Button(t("menu.join"), Join())),
        (membership is not None and application is None, Button(t("bulletin_choices.button"), ChooseNews())),
        (membership is not None and application is None, Button(t("archive.button"), BrowseBulletins())),
        (True, Button(t("own_channels.show"), ShowChannels())),
        (True, Button(t("me.rights"), ShowDataRights())),
        (True, Button(t("menu.button"), ShowMenu())),
    )
    return tuple(button for is_offered, button in offers if is_offered)


def start_edit(context: Context, action: EditDetail) -> list[Reply]:
    """Choose a detail and correct it."""
    if _own_person(context) is None:
        raise Outdated
    if not action.field:
        buttons = tuple(Button(t(f"fields.{field.name}"), EditDetail(field.name)) for field in FIELDS)
        return [Reply(t("join.what_to_edit"), buttons)]
    if action.field not in {field.name for field in FIELDS}:
        raise Outdated
    return context.open_step("registration", "edit", {"field": action.field})


def _ask_edit(_context: Context, draft: Draft) -> list[Reply]:
    return put_question(FIELD_NAMES[draft["field"]], "edit", "me.clear")


def _take_edit(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    person = _own_person(context)
    if person is None:
        raise Outdated
    field, profile = FIELD_NAMES[draft["field"]], dict(person.profile or {})
    if incoming.action == SKIP and field.is_optional:
        profile.pop(field.name, None)
    else:
        try:
            value = read_answer(field, context, incoming)
        except UserError as error:
            return [Reply(explain(error).text), *_ask_edit(context, draft)]
        if value is None:
            return _ask_edit(context, draft)
        profile[field.name] = value
    change_profile(context.session, person, profile, context.today)
    context.close_conversation()
    return [Reply(t("me.changed", field=t(f"fields.{draft['field']}"))), *show_me(context)]


def send_again(context: Context) -> list[Reply]:
    """The mended application waits for a decision again, and those who decide hear of it."""
    person = _own_person(context)
    if person is None:
        raise Outdated
    application = submit_again(context.session, person.id, context.now)
    tell_deciders(context, application)
    return [Reply(t("me.sent_again", code=show_code(application.code)), (Button(t("menu.me"), ShowMe()),))]


def withdraw_own(context: Context, action: WithdrawApplication) -> list[Reply]:
    """Take the application back."""
    person = _own_person(context)
    if person is None:
        raise Outdated
    withdraw(context.session, person.id, action.application_id, context.now)
    return [Reply(t("me.withdrawn"), (Button(t("menu.button"), ShowMenu()),))]


def send_card(context: Context) -> list[Reply]:
    """The member's card, drawn anew with today's facts."""
    person = _own_person(context)
    if person is None or find_membership(context.session, person.id, context.today) is None:
        return [Reply(t("card.members_only"), (Button(t("menu.join"), Join()),))]
    return [Reply(t("card.here"), (Button(t("menu.me"), ShowMe()),), (make_card(context, person),))]


def make_card(context: Context, person: Person) -> File:
    """The picture of a member's card."""
    membership = find_membership(context.session, person.id, context.today)
    if membership is None:
        raise Outdated
    period = find_period(context.session, membership.unit_id, context.today)
    card = Card(person.code, membership.unit_id, context.today)
    picture = draw_card(
        context.union.name,
        (person.profile or {}).get("full_name", ""),
        period.name if period else "",
        membership.since_on,
        person.code,
        sign_card(keys_of_session(context.session), card),
        context.union.web_url,
    )
    return File("the-doan-vien.png", "image/png", picture)


def send_form(context: Context, action: ShowForm) -> list[Reply]:
    """The filled Mẫu 5a: one's own, or, for the officer who decides, an applicant's."""
    application = _find_for_form(context, action)
    return [Reply(t("papers.form_here"), (Button(t("menu.button"), ShowMenu()),), (make_form(context, application),))]


def _find_for_form(context: Context, action: ShowForm) -> Application:
    """Every field stands in clear in it, so that an officer fetched one is on record."""
    actor = find_actor(context)
    if action.application_id and actor is not None:
        theirs = get_application(context.session, actor, action.application_id, context.today)
        record_read(context.session, actor.person_id, {theirs.person_id}, "form", context.now)
        return theirs
    if action.application_id:
        raise NotAllowed
    person = _own_person(context)
    application = find_open_application(context.session, person.id) if person else None
    if application is None:
        raise Outdated
    return application


def make_form(context: Context, application: Application) -> File:
    """An applicant's Mẫu 5a as a document."""
    person = context.session.get_one(Person, application.person_id)
    period = find_period(context.session, application.unit_id, context.today)
    unit = period.name if period else ""
    profile = {"workplace": application.workplace or unit} | (person.profile or {})
    paper = fill_form(profile, unit, context.today, context.union.templates)
    return File(f"don-gia-nhap-{show_code(application.code)}.docx", DOCX, paper)


ME_STEPS = {"edit": Step(_ask_edit, _take_edit)}
