"""The officer's side of joining: the applications that wait, and the decision on each."""

from functools import partial

from db.applications import count_submitted, list_taken_up
from db.codes import show_code
from db.models import Account, Application, ApplicationState, Person
from db.people import find_membership, record_read
from db.privacy import count_leaving
from db.units import find_period
from handlers.access import NotAllowed, Right, get_actor, select_reach
from handlers.actions import (
    Choose,
    DecideApplication,
    ListApplications,
    ListLeaving,
    ListMyWork,
    ProposeMerge,
    ShowApplication,
    ShowDesk,
    ShowForm,
    ShowMe,
)
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.errors import Outdated
from handlers.feature import VIETNAM, Context, Draft, Step
from handlers.notify import tell_account, tell_person
from handlers.registration.me import make_card, make_form
from handlers.registration.papers import FORM_FIELDS
from handlers.registration.service import (
    approve,
    ask_for_more,
    get_application,
    list_duplicates,
    list_pending,
    refuse,
    take_up,
)
from handlers.registration.show import show_day, show_profile
from knowledge.texts import t

_PAGE = 5
_LONGEST_REASON = 300
_MOST_ASKED = 2
"""People alike for whom there is a button: with eight of them a list is still read on a small screen."""

_SKIP = "skip"
_TAKE, _APPROVE, _MORE, _REFUSE = "t", "a", "m", "r"


def list_applications(context: Context, action: ListApplications) -> list[Reply]:
    """What waits for a decision within the officer's reach: no names here, only code, day and unit; and how many
    members wish to leave."""
    actor = get_actor(context)
    if not actor.holds(Right.DECIDE_APPLICATIONS):
        raise NotAllowed
    count = count_submitted(context.session, select_reach(actor, Right.DECIDE_APPLICATIONS, context.today))
    shown = list_pending(context.session, actor, context.today, _PAGE, action.page * _PAGE)
    buttons = [Button(_label_of(context, one), ShowApplication(one.id)) for one in shown]
    if (action.page + 1) * _PAGE < count:
        buttons.append(Button(t("approvals.more"), ListApplications(action.page + 1)))
    leaving = count_leaving(context.session, select_reach(actor, Right.CHANGE_MEMBERS, context.today), context.today)
    if leaving:
        buttons.append(Button(t("leaving.button", count=leaving), ListLeaving()))
    buttons.append(Button(t("menu.desk"), ShowDesk()))
    return [Reply(t("approvals.waiting", count=count) if count else t("approvals.none"), tuple(buttons))]


def list_my_work(context: Context, action: ListMyWork) -> list[Reply]:
    """What the officer has taken up and not decided yet; an application sent back waits for its applicant."""
    actor = get_actor(context)
    reach = select_reach(actor, Right.DECIDE_APPLICATIONS, context.today)
    mine = list_taken_up(context.session, actor.person_id, reach)
    shown = mine[action.page * _PAGE : (action.page + 1) * _PAGE]
    buttons = [Button(_label_of(context, one), ShowApplication(one.id)) for one in shown]
    if (action.page + 1) * _PAGE < len(mine):
        buttons.append(Button(t("approvals.more"), ListMyWork(action.page + 1)))
    buttons.append(Button(t("officers.applications"), ListApplications()))
    text = t("approvals.my_work", count=len(mine)) if mine else t("approvals.no_work")
    return [Reply(text, tuple(buttons))]


def _label_of(context: Context, application: Application) -> str:
    day = application.submitted_at.astimezone(VIETNAM).strftime("%d/%m")
    return f"{day} · {show_code(application.code)} · {_unit_name(context, application.unit_id)}"[:40]


def _unit_name(context: Context, unit_id: int) -> str:
    period = find_period(context.session, unit_id, context.today)
    return period.name if period else ""


def show_application(context: Context, action: ShowApplication) -> list[Reply]:
    """One application with what the applicant wrote; opening it is on record."""
    actor = get_actor(context)
    application = get_application(context.session, actor, action.application_id, context.today)
    person = context.session.get_one(Person, application.person_id)
    record_read(context.session, actor.person_id, {person.id}, "application", context.now)
    alike = list_duplicates(context.session, application)
    text = t(
        "approvals.application",
        code=show_code(application.code),
        day=show_day(application.submitted_at.astimezone(VIETNAM).date()),
        unit=_unit_name(context, application.unit_id),
        rows=show_profile(person.profile or {}, FORM_FIELDS, is_hidden=True),
    )
    if application.workplace:
        text += "\n" + t("approvals.workplace_typed", workplace=application.workplace)
    if alike:
        text += "\n\n" + t("approvals.alike", codes=", ".join(show_code(other.code) for other in alike))
    if find_membership(context.session, person.id, context.today) is not None:
        text += "\n\n" + t("approvals.is_transfer")
    questions = tuple(
        Button(t("merge.ask", code=show_code(other.code)), ProposeMerge(application.id, other.id))
        for other in alike[:_MOST_ASKED]
    )
    return [Reply(text, (*_decisions(application, actor.person_id), *questions))]


def _decisions(application: Application, officer_id: int) -> tuple[Button, ...]:
    number = application.id
    is_decidable = application.state is ApplicationState.SUBMITTED
    offers = (
        (application.handled_by_id != officer_id, Button(t("approvals.take_up"), DecideApplication(number, _TAKE))),
        (
            is_decidable,
            Button(t("approvals.approve"), DecideApplication(number, _APPROVE)),
        ),
        (
            is_decidable,
            Button(t("approvals.ask_more"), DecideApplication(number, _MORE)),
        ),
        (True, Button(t("approvals.refuse"), DecideApplication(number, _REFUSE))),
        (True, Button(t("approvals.form"), ShowForm(number))),
        (True, Button(t("approvals.back"), ListApplications())),
    )
    return tuple(button for is_offered, button in offers if is_offered)


def decide(context: Context, action: DecideApplication) -> list[Reply]:
    """Take an application up, or begin the decision; what it needs is asked next."""
    actor = get_actor(context)
    application = get_application(context.session, actor, action.application_id, context.today)
    if action.decision == _TAKE:
        take_up(application, actor, context.now)
        return [Reply(t("approvals.taken_up")), *show_application(context, ShowApplication(application.id))]
    steps = {_APPROVE: "decision_number", _MORE: "more_reason", _REFUSE: "refusal_reason"}
    if action.decision not in steps:
        raise Outdated
    return context.open_step("registration", steps[action.decision], {"application_id": application.id})


def _ask_number(_context: Context, _draft: Draft) -> list[Reply]:
    return [
        Reply(
            t("approvals.ask_number"),
            (Button(t("approvals.no_number"), Choose("registration", "decision_number", _SKIP)),),
        )
    ]


def _take_number(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    typed = " ".join(incoming.text.split())[:80] if incoming.kind is Kind.TEXT else ""
    if not typed and incoming.action != _SKIP:
        return _ask_number(context, draft)
    actor = get_actor(context)
    application = get_application(context.session, actor, draft["application_id"], context.today)
    approve(context.session, actor, application, typed or None, context.now, context.today)
    context.close_conversation()
    person = context.session.get_one(Person, application.person_id)
    record_read(context.session, actor.person_id, {person.id}, "application", context.now)
    unit = _unit_name(context, application.unit_id)
    number = t("approvals.number", number=typed) if typed else ""
    welcome = t("approvals.welcome", unit=unit, code=show_code(person.code), number=number)
    _tell_applicant(context, application, Reply(welcome, (Button(t("menu.me"), ShowMe()),)), "approved")
    _tell_applicant(context, application, Reply(t("card.here"), files=(make_card(context, person),)), "card")
    _tell_applicant(
        context, application, Reply(t("papers.form_here"), files=(make_form(context, application),)), "form"
    )
    name = (person.profile or {}).get("full_name", "")
    return [Reply(t("approvals.approved", name=name, code=show_code(person.code)), _next_buttons())]


def _tell_applicant(context: Context, application: Application, reply: Reply, what: str) -> None:
    """On the channel they applied by, else on the one that reaches them."""
    subject = f"application:{application.id}:{what}:{application.changed_at:%Y%m%d%H%M%S}"
    account = context.session.get(Account, application.account_id) if application.account_id else None
    if account is not None and account.unreachable_since is None:
        tell_account(context.session, account, reply, subject, context.now)
    else:
        tell_person(context.session, application.person_id, reply, subject, context.now)


def _next_buttons() -> tuple[Button, ...]:
    return (Button(t("officers.applications"), ListApplications()), Button(t("menu.desk"), ShowDesk()))


def _ask_more_reason(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("approvals.ask_what_is_missing"))]


def _ask_refusal_reason(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("approvals.ask_reason"))]


def _take_reason(context: Context, incoming: Incoming, draft: Draft, is_refusal: bool) -> list[Reply]:
    reason = incoming.text.strip() if incoming.kind is Kind.TEXT else ""
    if not reason or len(reason) > _LONGEST_REASON:
        ask = _ask_refusal_reason if is_refusal else _ask_more_reason
        return [Reply(t("approvals.short_reason", limit=_LONGEST_REASON)), *ask(context, draft)]
    actor = get_actor(context)
    application = get_application(context.session, actor, draft["application_id"], context.today)
    if is_refusal:
        refuse(application, actor, reason, context.now)
    else:
        ask_for_more(application, actor, reason, context.now)
    context.close_conversation()
    key = "approvals.you_are_refused" if is_refusal else "approvals.more_is_needed"
    text = t(key, reason=reason, hotline=context.union.hotline) if is_refusal else t(key, reason=reason)
    what = "refused" if is_refusal else "more"
    _tell_applicant(context, application, Reply(text, (Button(t("menu.me"), ShowMe()),)), what)
    return [Reply(t("approvals.refused" if is_refusal else "approvals.asked"), _next_buttons())]


APPROVAL_STEPS = {
    "decision_number": Step(_ask_number, _take_number),
    "more_reason": Step(_ask_more_reason, partial(_take_reason, is_refusal=False)),
    "refusal_reason": Step(_ask_refusal_reason, partial(_take_reason, is_refusal=True)),
}
