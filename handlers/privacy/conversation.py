"""A person's rights over their data, in the chat: see, correct, withdraw, erase."""

from db.applications import find_open_application
from db.codes import show_code
from db.models import DataRequest, DataRequestKind
from db.people import find_membership
from db.privacy import Outcome, list_consents, list_requests_of, settle
from db.units import find_period
from handlers.actions import (
    AskCorrection,
    AskToLeave,
    Choose,
    EditDetail,
    EraseMe,
    HandleDataRequest,
    ListDataRequests,
    SeeMyData,
    ShowConsents,
    ShowDataRequest,
    ShowDataRights,
    ShowMe,
    ShowMenu,
    TakeBackRequest,
    WithdrawApplication,
    WithdrawConsent,
)
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.consents import RECALL, forget_recall
from handlers.errors import Outdated
from handlers.feature import VIETNAM, Context, Draft, Feature, Step
from handlers.privacy.desk import DESK_STEPS, handle_request, list_requests, show_request
from handlers.privacy.holdings import gather, make_file, purpose_name
from handlers.privacy.rules import days_for
from handlers.privacy.service import announce, ask, erase, is_bound, list_hindrances, take_back, withdraw_consent
from knowledge.texts import t

_NAME = "privacy"
_EXPLAINED = ("news", "abroad", "membership", "recall")
_YES, _NO, _BY_OFFICER = "y", "n", "o"
_LONGEST_NOTE = 500
_MOST_TAKEN_BACK = 2
"""Open requests for which there is a button; more than two at a time are rare, and a list stays short."""


def _show_rights(context: Context) -> list[Reply]:
    """The four rights, leaving, and what was asked before and is still open, which can be taken back."""
    waiting = [
        one
        for one in list_requests_of(context.session, context.account.id, context.account.person_id)
        if one.done_at is None
    ]
    lines = [t("privacy.waiting", **_describe(one)) for one in waiting]
    buttons = (
        Button(t("privacy.see"), SeeMyData()),
        Button(t("privacy.correct"), AskCorrection()),
        Button(t("privacy.consents"), ShowConsents()),
        Button(t("privacy.erase"), EraseMe()),
        *((Button(t("privacy.leave"), AskToLeave()),) if _is_member(context) else ()),
        *(
            Button(t("privacy.take_back", code=show_code(one.code)), TakeBackRequest(one.id))
            for one in waiting[:_MOST_TAKEN_BACK]
        ),
        Button(t("menu.button"), ShowMenu()),
    )
    return [Reply("\n".join([t("privacy.rights", hotline=context.union.hotline), *lines]), buttons)]


def _is_member(context: Context) -> bool:
    person_id = context.account.person_id
    return person_id is not None and find_membership(context.session, person_id, context.today) is not None


def _describe(request: DataRequest) -> dict[str, str]:
    day = request.due_at.astimezone(VIETNAM).strftime("%d/%m/%Y")
    return {"code": show_code(request.code), "kind": t(f"requests.kind_{request.kind.value}"), "day": day}


def _rights_button() -> Button:
    return Button(t("me.rights"), ShowDataRights())


def _see(context: Context) -> list[Reply]:
    """The file, at once; that it was asked for is a row like every request."""
    receipt = settle(
        ask(context.session, context.account, DataRequestKind.ACCESS, context.now), Outcome.DONE, context.now
    )
    file = make_file(gather(context.session, context.account, context.today), context.union.name, context.today)
    return [Reply(t("privacy.here", code=show_code(receipt.code)), (_rights_button(),), (file,))]


def _correct(context: Context, action: AskCorrection) -> list[Reply]:
    if context.account.person_id is None:
        return [Reply(t("privacy.nothing_to_correct"), (_rights_button(),))]
    if action.how == _BY_OFFICER:
        return context.open_step(_NAME, "correct", {})
    buttons = (
        Button(t("me.edit"), EditDetail("")),
        Button(t("privacy.correct_by_officer"), AskCorrection(_BY_OFFICER)),
        _rights_button(),
    )
    return [Reply(t("privacy.correct_yourself"), buttons)]


def _ask_correct(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("privacy.what_is_wrong"))]


def _take_correct(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    note = incoming.text.strip() if incoming.kind is Kind.TEXT else ""
    if not note or len(note) > _LONGEST_NOTE:
        return _ask_correct(context, draft)
    return _hand_to_officer(context, DataRequestKind.CORRECT, note)


def _hand_to_officer(context: Context, kind: DataRequestKind, note: str | None) -> list[Reply]:
    """Take a request in, say by when it is done (the reply within two working days is this one), and tell those who
    see to it."""
    request = ask(context.session, context.account, kind, context.now, note)
    context.close_conversation()
    announce(context.session, request, context.now, context.today)
    text = t(
        "privacy.handed_over", **_describe(request), days=days_for(kind, context.now), hotline=context.union.hotline
    )
    return [Reply(text, (_rights_button(), Button(t("menu.button"), ShowMenu())))]


def _show_consents(context: Context) -> list[Reply]:
    mine = list_consents(context.session, context.account.id, context.account.person_id)
    purposes = list(dict.fromkeys(one.purpose for one in mine))
    if not purposes:
        return [Reply(t("privacy.no_consents"), (_rights_button(),))]
    newest = {one.purpose: one for one in mine}
    lines = [
        t(
            "privacy.consent_line",
            purpose=purpose_name(purpose),
            version=newest[purpose].version,
            day=newest[purpose].given_at.astimezone(VIETNAM).strftime("%d/%m/%Y"),
        )
        for purpose in purposes
    ]
    buttons = [
        Button(t("privacy.withdraw", purpose=purpose_name(purpose))[:40], WithdrawConsent(purpose))
        for purpose in purposes
    ]
    return [Reply("\n".join([t("privacy.you_agreed"), *lines]), (*buttons, _rights_button()))]


def _start_withdrawal(context: Context, action: WithdrawConsent) -> list[Reply]:
    """Say what stops before it stops. Membership itself ends by leaving or by erasure only, so these are offered."""
    mine = list_consents(context.session, context.account.id, context.account.person_id)
    if action.purpose not in {one.purpose for one in mine}:
        raise Outdated
    if action.purpose == "membership" and is_bound(context.session, context.account.person_id, context.today):
        buttons = (*_ways_out(context), Button(t("privacy.erase"), EraseMe()), Button(t("menu.me"), ShowMe()))
        return [Reply(t("privacy.membership_ends_how"), (*buttons, _rights_button()))]
    return context.open_step(_NAME, "withdraw", {"purpose": action.purpose})


def _ways_out(context: Context) -> tuple[Button, ...]:
    """Taking an open application back oneself, or wishing to leave."""
    person_id = context.account.person_id
    application = find_open_application(context.session, person_id) if person_id is not None else None
    leave = (Button(t("privacy.leave"), AskToLeave()),) if _is_member(context) else ()
    return leave if application is None else (*leave, Button(t("me.withdraw"), WithdrawApplication(application.id)))


def _ask_withdraw(_context: Context, draft: Draft) -> list[Reply]:
    key = (
        f"privacy.stops_{draft['purpose']}"
        if draft["purpose"] in ("news", "abroad", "membership", "recall")
        else "privacy.stops"
    )
    buttons = (
        Button(t("privacy.withdraw_now"), Choose(_NAME, "withdraw", _YES)),
        Button(t("privacy.keep_it"), Choose(_NAME, "withdraw", _NO)),
    )
    return [Reply(t(key), buttons)]


def _take_withdraw(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action == _NO:
        context.close_conversation()
        return _show_consents(context)
    if incoming.action != _YES:
        return _ask_withdraw(context, draft)
    receipt = withdraw_consent(context.session, context.account, draft["purpose"], context.now, context.today)
    if draft["purpose"] == RECALL.name:
        forget_recall(context.session, context.account, context.answerer.parts.library.entries, context.now)
    context.close_conversation()
    text = t("privacy.withdrawn", purpose=purpose_name(draft["purpose"]), code=show_code(receipt.code))
    return [Reply(text, (_rights_button(), Button(t("menu.button"), ShowMenu())))]


def _start_leaving(context: Context) -> list[Reply]:
    """What leaving means is said first. Whoever only applied takes the application back by themselves."""
    if _is_member(context):
        return context.open_step(_NAME, "leave", {})
    return [Reply(t("privacy.not_a_member"), (*_ways_out(context), Button(t("menu.me"), ShowMe())))]


def _ask_leave(context: Context, _draft: Draft) -> list[Reply]:
    membership = find_membership(context.session, context.account.person_id or 0, context.today)
    period = find_period(context.session, membership.unit_id, context.today) if membership else None
    buttons = (
        Button(t("privacy.leave_now"), Choose(_NAME, "leave", _YES)),
        Button(t("privacy.keep_it"), Choose(_NAME, "leave", _NO)),
    )
    return [Reply(t("privacy.leave_means", unit=period.name if period else ""), buttons)]


def _take_leave(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    """The wish goes to those who decide at the unit and to the officer for data protection, with its deadline."""
    if incoming.action == _NO:
        context.close_conversation()
        return _show_rights(context)
    if incoming.action != _YES:
        return _ask_leave(context, draft)
    if not _is_member(context):
        context.close_conversation()
        return _start_leaving(context)
    return _hand_to_officer(context, DataRequestKind.WITHDRAW, t("privacy.wants_to_leave"))


def _take_back(context: Context, action: TakeBackRequest) -> list[Reply]:
    request = take_back(context.session, context.account, action.request_id, context.now)
    return [
        Reply(t("privacy.taken_back", code=show_code(request.code)), (_rights_button(), Button(t("menu.me"), ShowMe())))
    ]


def _start_erasure(context: Context) -> list[Reply]:
    """What goes, what stays and why; where something hinders, the request goes to an officer with its deadline."""
    account = context.account
    hindrances = list_hindrances(context.session, account.person_id, context.now, context.today)
    if hindrances:
        why = "\n".join(t(f"privacy.hindrance_{one.value}") for one in hindrances)
        return [Reply(t("privacy.not_yet", why=why)), *_hand_to_officer(context, DataRequestKind.ERASE, None)]
    return context.open_step(_NAME, "erase", {})


def _ask_erase(context: Context, _draft: Draft) -> list[Reply]:
    key = "privacy.erase_account" if context.account.person_id is None else "privacy.erase_person"
    buttons = (
        Button(t("privacy.erase_go_on"), Choose(_NAME, "erase", _YES)),
        Button(t("privacy.erase_stop"), Choose(_NAME, "erase", _NO)),
    )
    return [Reply(t(key), buttons)]


def _take_erase(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action == _YES:
        return context.open_step(_NAME, "erase_sure", {})
    if incoming.action != _NO:
        return _ask_erase(context, draft)
    context.close_conversation()
    return [Reply(t("privacy.erase_stopped"), (Button(t("menu.button"), ShowMenu()),))]


def _ask_sure(_context: Context, _draft: Draft) -> list[Reply]:
    buttons = (
        Button(t("privacy.erase_stop"), Choose(_NAME, "erase_sure", _NO)),
        Button(t("privacy.erase_sure"), Choose(_NAME, "erase_sure", _YES)),
    )
    return [Reply(t("privacy.are_you_sure"), buttons)]


def _take_sure(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    """The receipt has no button: there is nothing left that one could stand in."""
    if incoming.action != _YES:
        return _take_erase(context, incoming, draft) if incoming.action == _NO else _ask_sure(context, draft)
    was_known = context.account.person_id is not None
    forget_recall(context.session, context.account, context.answerer.parts.library.entries, context.now)
    receipt = erase(context.session, context.account, context.now, context.today)
    context.forget()
    day = context.now.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M")
    key = "privacy.erased_person" if was_known else "privacy.erased_account"
    return [Reply(t(key, code=show_code(receipt.code), day=day, hotline=context.union.hotline))]


PRIVACY = Feature(
    name=_NAME,
    commands={
        "dulieu": _show_rights,
        "du lieu": _show_rights,
        "du lieu cua toi": _show_rights,
        "quyen du lieu": _show_rights,
        "quyen ve du lieu": _show_rights,
        "xoa du lieu": _start_erasure,
        "ra khoi cong doan": _start_leaving,
        "xin ra khoi cong doan": _start_leaving,
        "toi muon ra khoi cong doan": _start_leaving,
    },
    actions={
        ShowDataRights: lambda context, _action: _show_rights(context),
        SeeMyData: lambda context, _action: _see(context),
        AskCorrection: _correct,
        ShowConsents: lambda context, _action: _show_consents(context),
        WithdrawConsent: _start_withdrawal,
        AskToLeave: lambda context, _action: _start_leaving(context),
        TakeBackRequest: _take_back,
        EraseMe: lambda context, _action: _start_erasure(context),
        ListDataRequests: list_requests,
        ShowDataRequest: show_request,
        HandleDataRequest: handle_request,
    },
    steps={
        "correct": Step(_ask_correct, _take_correct),
        "withdraw": Step(_ask_withdraw, _take_withdraw),
        "leave": Step(_ask_leave, _take_leave),
        "erase": Step(_ask_erase, _take_erase),
        "erase_sure": Step(_ask_sure, _take_sure),
        **DESK_STEPS,
    },
)
