"""The desk itself: what waits for the officer and where to go from here, and how people and roles are called there."""

from db.cases import Wanted, count_visible
from db.codes import show_code
from db.models import Account, Person, SignInCode
from db.officers import list_grants, list_undecided_codes
from db.people import find_membership
from db.units import find_period
from handlers.access import Actor, Right, find_actor
from handlers.actions import (
    DecideSignIn,
    EnterSecondFactor,
    FindMember,
    ListApplications,
    ListBulletins,
    ListCases,
    ListDataRequests,
    ListFoundings,
    ListMyWork,
    ShowDesk,
    ShowMenu,
    ShowUnit,
    SignOut,
    TellAnswerChange,
)
from handlers.case_viewers import read_desk_viewer
from handlers.chat import Button, Reply
from handlers.feature import Context
from handlers.officers.service import describe_path
from knowledge.texts import t


def show_desk(context: Context) -> list[Reply]:
    """What is waiting for the officer and where to go from here; for others, how to sign in."""
    actor = find_actor(context)
    if actor is None:
        return context.open_step("officers", "code", {}) if context.channel.serves_officers else _elsewhere(context)
    undecided = list_undecided_codes(context.session, actor.person_id, context.now)
    questions = [sign_in_question(context, row) for row in undecided]
    roles = roles_of(context, actor.person_id)
    text = t("officers.desk", name=name_of(context, actor.person_id), roles=roles)
    text = "\n".join(filter(None, (text.rstrip(), _count_cases(context, actor))))
    return [*questions, Reply(text, _desk_buttons(actor))]


def _count_cases(context: Context, actor: Actor) -> str:
    """How many cases wait for this very officer; nothing to whoever handles none."""
    if not actor.holds(Right.HANDLE_CASES):
        return ""
    viewer = read_desk_viewer(context.session, actor.person_id, actor.grants, context.now, context.today)
    mine, unclaimed, late = (
        count_visible(context.session, viewer, wanted)
        for wanted in (Wanted(mine=True), Wanted(unclaimed=True), Wanted(overdue_at=context.now))
    )
    return t("officers.case_counts", mine=mine, open=unclaimed, late=late)


def _elsewhere(context: Context) -> list[Reply]:
    key = "officers.desk_elsewhere_web" if context.union.web_url else "officers.desk_elsewhere"
    return [Reply(t(key, web_url=context.union.web_url), (Button(t("menu.button"), ShowMenu()),))]


def _desk_buttons(actor: Actor) -> tuple[Button, ...]:
    offers = (
        (actor.is_limited, Button(t("officers.enter_otp"), EnterSecondFactor())),
        (actor.holds(Right.HANDLE_CASES), Button(t("officers.cases"), ListCases())),
        (actor.holds(Right.DECIDE_APPLICATIONS), Button(t("officers.my_work"), ListMyWork())),
        (actor.holds(Right.DECIDE_APPLICATIONS), Button(t("officers.applications"), ListApplications())),
        (actor.holds(Right.FIND_MEMBERS), Button(t("officers.find_member"), FindMember())),
        (actor.holds(Right.SEE_UNIT), Button(t("officers.my_unit"), ShowUnit())),
        (actor.holds(Right.DECIDE_APPLICATIONS), Button(t("no_union.foundings_button"), ListFoundings())),
        (actor.holds(Right.CURATE), Button(t("recalls.button"), TellAnswerChange())),
        (
            actor.holds(Right.EDIT_BULLETINS) or actor.holds(Right.RELEASE_BULLETINS),
            Button(t("bulletin_desk.button"), ListBulletins()),
        ),
        (actor.holds(Right.SEE_DATA_REQUESTS), Button(t("requests.button"), ListDataRequests())),
        (True, Button(t("officers.sign_out"), SignOut())),
    )
    return tuple(button for is_offered, button in offers if is_offered)


def desk_button() -> Button:
    """The way back to the desk."""
    return Button(t("menu.desk"), ShowDesk())


def sign_in_question(context: Context, row: SignInCode) -> Reply:
    """What whoever issued a code is asked once somebody claimed it."""
    account = context.session.get(Account, row.account_id)
    channel = t(f"channels.{account.sender.split(':')[0]}") if account else ""
    text = t("officers.confirm_sign_in", name=name_of(context, row.person_id), channel=channel)
    yes = Button(t("officers.right_person"), DecideSignIn(row.id, "y"))
    return Reply(text, (yes, Button(t("officers.wrong_person"), DecideSignIn(row.id, "n"))))


def name_of(context: Context, person_id: int) -> str:
    """A person's name, or their code where we know none."""
    person = context.session.get(Person, person_id)
    if person is None:
        return ""
    return str((person.profile or {}).get("full_name") or show_code(person.code))


def roles_of(context: Context, person_id: int) -> str:
    """Each role on a line, with its unit; of somebody without any, where they are a member."""
    lines = []
    for grant in list_grants(context.session, person_id, context.now, context.today):
        lines.append(f"- {t(f'roles.{grant.role.value}')}, {_path_of(context, grant.unit_id)}")
    membership = find_membership(context.session, person_id, context.today)
    if not lines and membership is not None:
        lines.append(f"- {t('officers.is_member', unit=_path_of(context, membership.unit_id))}")
    return "\n".join(lines)


def _path_of(context: Context, unit_id: int) -> str:
    period = find_period(context.session, unit_id, context.today)
    return describe_path(context.session, period, context.today) if period else ""
