"""Officers: what can be pressed and typed at the desk, in one table; and the talk of the second factor."""

import io

import pyotp
import segno

from db.officers import list_grants
from handlers.access import NEEDS_SECOND_FACTOR, get_actor
from handlers.actions import (
    AnswerSignIn,
    DecideSignIn,
    EnterSecondFactor,
    FindUnit,
    HandOver,
    InviteOfficer,
    IssueCode,
    IssueMemberCode,
    ShowDesk,
    ShowGrant,
    ShowUnit,
    SignOut,
    VouchSignIn,
)
from handlers.chat import File, Incoming, Reply
from handlers.errors import UserError
from handlers.feature import Context, Draft, Feature, Step
from handlers.officers.desk import show_desk
from handlers.officers.service import begin_second_factor, check_second_factor, needs_enrolment
from handlers.officers.signing_in import (
    answer_sign_in,
    ask_code,
    catch_code,
    decide_sign_in,
    sign_in,
    sign_out_here,
    take_code,
    vouch_sign_in,
)
from handlers.officers.staff import (
    INVITATION_STEPS,
    ask_hand_over,
    issue_new_code,
    show_grant,
    show_member_code,
    start_invitation,
)
from handlers.officers.units import UNIT_STEPS, show_unit, start_unit_search
from knowledge.texts import t


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


OFFICERS = Feature(
    name="officers",
    commands={
        "vao": sign_in,
        "dang nhap": sign_in,
        "ban": show_desk,
        "ban lam viec": show_desk,
        "desk": show_desk,
        "dangxuat": sign_out_here,
        "dang xuat": sign_out_here,
    },
    actions={
        ShowDesk: lambda context, _action: show_desk(context),
        AnswerSignIn: answer_sign_in,
        VouchSignIn: vouch_sign_in,
        DecideSignIn: decide_sign_in,
        SignOut: lambda context, _action: sign_out_here(context),
        EnterSecondFactor: lambda context, _action: _start_second_factor(context),
        ShowUnit: show_unit,
        InviteOfficer: start_invitation,
        ShowGrant: show_grant,
        HandOver: ask_hand_over,
        IssueCode: issue_new_code,
        IssueMemberCode: show_member_code,
        FindUnit: lambda context, _action: start_unit_search(context),
    },
    steps={"code": Step(ask_code, take_code), "otp": Step(_ask_otp, _take_otp), **INVITATION_STEPS, **UNIT_STEPS},
    catches=catch_code,
)
