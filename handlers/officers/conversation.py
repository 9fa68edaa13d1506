"""The desk as officers talk with it: signing in and out, the second factor, and what is waiting for them."""

import io

import pyotp
import segno

from db.codes import read_code, show_code
from db.models import Account, DeliveryKind, Person, SignInCode
from db.officers import list_grants, list_undecided_codes
from db.units import find_period
from handlers.access import NEEDS_SECOND_FACTOR, Actor, Right, find_actor, get_actor
from handlers.actions import (
    AnswerSignIn,
    DecideSignIn,
    EnterSecondFactor,
    FindMember,
    HandOver,
    InviteOfficer,
    IssueCode,
    ListApplications,
    ListDataRequests,
    ListFoundings,
    ListMyWork,
    ShowDesk,
    ShowGrant,
    ShowMenu,
    ShowUnit,
    SignOut,
)
from handlers.chat import Button, File, Incoming, Kind, Reply
from handlers.errors import UserError
from handlers.feature import Context, Draft, Feature, Step
from handlers.notify import WITHOUT_DESK, tell_account, tell_person
from handlers.officers.service import (
    begin_second_factor,
    check_second_factor,
    claim_code,
    confirm_sign_in,
    describe_path,
    get_code_to_decide,
    get_own_code,
    needs_enrolment,
    refuse_sign_in,
    sign_out,
    use_code,
)
from handlers.officers.staff import (
    INVITATION_STEPS,
    ask_hand_over,
    issue_new_code,
    show_grant,
    show_unit,
    start_invitation,
)
from knowledge.normalize import fold
from knowledge.texts import t

_SIGN_IN_WORDS = ("vao", "dang nhap", "ma", "ma vao")
_YES = "y"


def _sign_in(context: Context) -> list[Reply]:
    """ "/vao" with the code behind it, or a question for the code."""
    code = _code_in(context.said)
    return _try_code(context, code) if code else context.open_step("officers", "code", {})


def _catch_code(context: Context, text: str) -> list[Reply] | None:
    """ "vào K7M2-9QTX" or the code alone, as its dash gives it away."""
    words = fold(text).split(" ")
    is_meant = words[0] in _SIGN_IN_WORDS or " ".join(words[:2]) in _SIGN_IN_WORDS or "-" in text
    code = _code_in(text) if is_meant and len(text) <= 40 else None
    return _try_code(context, code) if code and context.channel.serves_officers else None


def _code_in(text: str) -> str | None:
    """The code at the end of what was typed, whether written in one or in two groups."""
    words = text.split()
    return next(filter(None, (read_code("".join(words[-count:])) for count in (1, 2) if len(words) >= count)), None)


def _ask_code(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("officers.ask_code"))]


def _take_code(context: Context, incoming: Incoming, _draft: Draft) -> list[Reply]:
    return _try_code(context, read_code(incoming.text) if incoming.kind is Kind.TEXT else None)


def _try_code(context: Context, code: str | None) -> list[Reply]:
    """A wrong code answers instead of raising: raising would take back the count of tries."""
    if not context.channel.serves_officers:
        raise UserError("officers.not_here")
    row = use_code(context.session, context.account, code, context.now)
    if row is None:
        return [Reply(t("officers.wrong_code"), (Button(t("menu.button"), ShowMenu()),))]
    context.close_conversation()
    named = t("officers.code_names", name=_name_of(context, row.person_id), roles=_roles_of(context, row.person_id))
    buttons = (
        Button(t("officers.it_is_me"), AnswerSignIn(row.id, _YES)),
        Button(t("officers.not_me"), AnswerSignIn(row.id, "n")),
    )
    return [Reply(named, buttons)]


def _answer_sign_in(context: Context, action: AnswerSignIn) -> list[Reply]:
    row = get_own_code(context.session, action.code_id, context.account)
    if action.answer != _YES:
        refuse_sign_in(row, context.now)
        return [Reply(t("officers.refused_self"), (Button(t("menu.button"), ShowMenu()),))]
    claim_code(row, context.now)
    if row.issued_by_id is None:
        return _let_in(context, row)
    tell_person(
        context.session,
        row.issued_by_id,
        _sign_in_question(context, row),
        f"sign_in:{row.id}",
        context.now,
        DeliveryKind.SIGN_IN,
        is_urgent=True,
        without=WITHOUT_DESK,
    )
    return [Reply(t("officers.wait_for_issuer", issuer=_name_of(context, row.issued_by_id)))]


def _sign_in_question(context: Context, row: SignInCode) -> Reply:
    account = context.session.get(Account, row.account_id)
    channel = t(f"channels.{account.sender.split(':')[0]}") if account else ""
    text = t("officers.confirm_sign_in", name=_name_of(context, row.person_id), channel=channel)
    yes = Button(t("officers.right_person"), DecideSignIn(row.id, _YES))
    return Reply(text, (yes, Button(t("officers.wrong_person"), DecideSignIn(row.id, "n"))))


def _decide_sign_in(context: Context, action: DecideSignIn) -> list[Reply]:
    row = get_code_to_decide(context.session, action.code_id, get_actor(context))
    account = context.session.get(Account, row.account_id)
    name = _name_of(context, row.person_id)
    if action.answer != _YES:
        refuse_sign_in(row, context.now)
        if account:
            _tell_signing_in(context, account, row, Reply(t("officers.refused")))
        return [Reply(t("officers.you_refused", name=name), (_desk_button(),))]
    account = confirm_sign_in(context.session, row, context.now, context.today)
    _tell_signing_in(context, account, row, Reply(t("officers.let_in"), (_desk_button(),)))
    return [Reply(t("officers.you_confirmed", name=name), (_desk_button(),))]


def _tell_signing_in(context: Context, account: Account, row: SignInCode, reply: Reply) -> None:
    subject = f"sign_in:{row.id}:decided"
    tell_account(context.session, account, reply, subject, context.now, DeliveryKind.SIGN_IN, is_urgent=True)


def _let_in(context: Context, row: SignInCode) -> list[Reply]:
    confirm_sign_in(context.session, row, context.now, context.today)
    return [Reply(t("officers.let_in")), *show_desk(context)]


def show_desk(context: Context) -> list[Reply]:
    """What is waiting for the officer and where to go from here; for others, how to sign in."""
    actor = find_actor(context)
    if actor is None:
        return context.open_step("officers", "code", {}) if context.channel.serves_officers else _elsewhere(context)
    undecided = list_undecided_codes(context.session, actor.person_id, context.now)
    questions = [_sign_in_question(context, row) for row in undecided]
    roles = _roles_of(context, actor.person_id)
    text = t("officers.desk", name=_name_of(context, actor.person_id), roles=roles)
    return [*questions, Reply(text, _desk_buttons(actor))]


def _elsewhere(context: Context) -> list[Reply]:
    key = "officers.desk_elsewhere_web" if context.union.web_url else "officers.desk_elsewhere"
    return [Reply(t(key, web_url=context.union.web_url), (Button(t("menu.button"), ShowMenu()),))]


def _desk_buttons(actor: Actor) -> tuple[Button, ...]:
    offers = (
        (actor.is_limited, Button(t("officers.enter_otp"), EnterSecondFactor())),
        (actor.holds(Right.DECIDE_APPLICATIONS), Button(t("officers.my_work"), ListMyWork())),
        (actor.holds(Right.DECIDE_APPLICATIONS), Button(t("officers.applications"), ListApplications())),
        (actor.holds(Right.FIND_MEMBERS), Button(t("officers.find_member"), FindMember())),
        (actor.holds(Right.SEE_UNIT), Button(t("officers.my_unit"), ShowUnit())),
        (actor.holds(Right.DECIDE_APPLICATIONS), Button(t("no_union.foundings_button"), ListFoundings())),
        (actor.holds(Right.SEE_DATA_REQUESTS), Button(t("requests.button"), ListDataRequests())),
        (True, Button(t("officers.sign_out"), SignOut())),
    )
    return tuple(button for is_offered, button in offers if is_offered)


def _desk_button() -> Button:
    return Button(t("menu.desk"), ShowDesk())


def _sign_out(context: Context) -> list[Reply]:
    sign_out(context.account)
    return [Reply(t("officers.signed_out"), (Button(t("menu.button"), ShowMenu()),))]


def _start_second_factor(context: Context) -> list[Reply]:
    actor = get_actor(context)
    held = list_grants(context.session, actor.person_id, context.now, context.today)
    if not any(grant.role in NEEDS_SECOND_FACTOR for grant in held):
        raise UserError("officers.no_otp_needed")
    return context.open_step("officers", "otp", {})


def _ask_otp(context: Context, _draft: Draft) -> list[Reply]:
    """The six digits; whoever has no second factor yet gets the secret to set it up, as a picture and as letters."""
    person_id = get_actor(context).person_id
    if not needs_enrolment(context.session, person_id):
        return [Reply(t("officers.ask_otp"))]
    secret = begin_second_factor(context.session, context.account, context.now)
    address = pyotp.TOTP(secret).provisioning_uri(name=t("officers.otp_account"), issuer_name=context.union.name)
    picture = io.BytesIO()
    segno.make(address, error="m").save(picture, kind="png", scale=6)
    groups = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    return [
        Reply(t("officers.set_up_otp", secret=groups), (), (File("ma-hai-lop.png", "image/png", picture.getvalue()),))
    ]


def _take_otp(context: Context, incoming: Incoming, _draft: Draft) -> list[Reply]:
    get_actor(context)
    digits = "".join(sign for sign in incoming.text if sign.isdigit())
    if not check_second_factor(context.session, context.account, digits, context.now):
        return [Reply(t("officers.wrong_otp"))]
    context.close_conversation()
    return [Reply(t("officers.otp_right")), *show_desk(context)]


def _name_of(context: Context, person_id: int) -> str:
    person = context.session.get(Person, person_id)
    if person is None:
        return ""
    return str((person.profile or {}).get("full_name") or show_code(person.code))


def _roles_of(context: Context, person_id: int) -> str:
    """Each role on a line, with its unit."""
    lines = []
    for grant in list_grants(context.session, person_id, context.now, context.today):
        period = find_period(context.session, grant.unit_id, context.today)
        place = describe_path(context.session, period, context.today) if period else ""
        lines.append(f"- {t(f'roles.{grant.role.value}')}, {place}")
    return "\n".join(lines)


OFFICERS = Feature(
    name="officers",
    commands={
        "vao": _sign_in,
        "dang nhap": _sign_in,
        "ban": show_desk,
        "ban lam viec": show_desk,
        "desk": show_desk,
        "dangxuat": _sign_out,
        "dang xuat": _sign_out,
    },
    actions={
        ShowDesk: lambda context, _action: show_desk(context),
        AnswerSignIn: _answer_sign_in,
        DecideSignIn: _decide_sign_in,
        SignOut: lambda context, _action: _sign_out(context),
        EnterSecondFactor: lambda context, _action: _start_second_factor(context),
        ShowUnit: show_unit,
        InviteOfficer: start_invitation,
        ShowGrant: show_grant,
        HandOver: ask_hand_over,
        IssueCode: issue_new_code,
    },
    steps={"code": Step(_ask_code, _take_code), "otp": Step(_ask_otp, _take_otp), **INVITATION_STEPS},
    catches=_catch_code,
)
