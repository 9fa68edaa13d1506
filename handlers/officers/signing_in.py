"""The talk of signing in: a code is typed, vouched for on one's own other channel, and confirmed by who issued it."""

from db.codes import read_code
from db.models import Account, DeliveryKind, SignInCode
from handlers.access import get_actor
from handlers.actions import (
    AnswerSignIn,
    DecideSignIn,
    LeaveChannel,
    ShowChannels,
    ShowMe,
    ShowMenu,
    VouchSignIn,
)
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.errors import UserError
from handlers.feature import Context, Draft
from handlers.notify import WITHOUT_DESK, tell_account, tell_person
from handlers.officers.codes import (
    claim_code,
    confirm_sign_in,
    find_voucher,
    get_code_to_decide,
    get_code_to_vouch,
    get_own_code,
    list_others,
    may_sign_out,
    refuse_sign_in,
    sign_out,
    use_code,
)
from handlers.officers.desk import desk_button, name_of, roles_of, show_desk, sign_in_question
from knowledge.normalize import fold
from knowledge.texts import t

_SIGN_IN_WORDS = ("vao", "dang nhap", "ma", "ma vao")
_YES = "y"


def sign_in(context: Context) -> list[Reply]:
    """ "/vao" with the code behind it, or a question for the code."""
    code = _code_in(context.said)
    return _try_code(context, code) if code else context.open_step("officers", "code", {})


def catch_code(context: Context, text: str) -> list[Reply] | None:
    """ "vào K7M2-9QTX" or the code alone, as its dash gives it away."""
    words = fold(text).split(" ")
    is_meant = words[0] in _SIGN_IN_WORDS or " ".join(words[:2]) in _SIGN_IN_WORDS or "-" in text
    code = _code_in(text) if is_meant and len(text) <= 40 else None
    return _try_code(context, code) if code and context.channel.serves_officers else None


def _code_in(text: str) -> str | None:
    """The code at the end of what was typed, whether written in one or in two groups."""
    words = text.split()
    return next(filter(None, (read_code("".join(words[-count:])) for count in (1, 2) if len(words) >= count)), None)


def ask_code(_context: Context, _draft: Draft) -> list[Reply]:
    """The code, please."""
    return [Reply(t("officers.ask_code"))]


def take_code(context: Context, incoming: Incoming, _draft: Draft) -> list[Reply]:
    """The code, as the answer to a question."""
    return _try_code(context, read_code(incoming.text) if incoming.kind is Kind.TEXT else None)


def _try_code(context: Context, code: str | None) -> list[Reply]:
    """A wrong code answers instead of raising: raising would take back the count of tries."""
    if not context.channel.serves_officers:
        raise UserError("officers.not_here")
    row = use_code(context.session, context.account, code, context.now, context.today)
    if row is None:
        return [Reply(t("officers.wrong_code"), (_menu_button(),))]
    context.close_conversation()
    named = t("officers.code_names", name=name_of(context, row.person_id), roles=roles_of(context, row.person_id))
    buttons = (
        Button(t("officers.it_is_me"), AnswerSignIn(row.id, _YES)),
        Button(t("officers.not_me"), AnswerSignIn(row.id, "n")),
    )
    return [Reply(named, buttons)]


def _menu_button() -> Button:
    return Button(t("menu.button"), ShowMenu())


def answer_sign_in(context: Context, action: AnswerSignIn) -> list[Reply]:
    """Whoever typed the code says whether it names them; then their own channel is asked, or whoever issued it."""
    row = get_own_code(context.session, action.code_id, context.account, context.now)
    if action.answer != _YES:
        refuse_sign_in(row, context.now)
        return [Reply(t("officers.refused_self"), (_menu_button(),))]
    own = find_voucher(context.session, row, context.account, context.now, context.today)
    if own is not None:
        _ask_own_channel(context, row, own)
        return [Reply(t("officers.wait_for_own_channel", channel=_name_channel(own)))]
    if row.issued_by_id is None:
        return [Reply(t("officers.let_in")), *_let_in(context, row)]
    return [Reply(t("officers.wait_for_issuer", issuer=_ask_issuer(context, row)))]


def _name_channel(account: Account) -> str:
    return t(f"channels.{account.sender.split(':')[0]}")


def _ask_own_channel(context: Context, row: SignInCode, own: Account) -> None:
    buttons = (
        Button(t("officers.it_was_me"), VouchSignIn(row.id, _YES)),
        Button(t("officers.was_not_me"), VouchSignIn(row.id, "n")),
    )
    question = Reply(t("officers.vouch", channel=_name_channel(context.account)), buttons)
    _tell(context, own, question, f"sign_in:{row.id}:vouch")


def _tell(context: Context, account: Account, reply: Reply, subject: str) -> None:
    tell_account(context.session, account, reply, subject, context.now, DeliveryKind.SIGN_IN, is_urgent=True)


def _ask_issuer(context: Context, row: SignInCode) -> str:
    """Both sides of the person have said yes: returns who is asked now."""
    claim_code(row, context.now)
    issuer_id = row.issued_by_id or 0
    question, subject = sign_in_question(context, row), f"sign_in:{row.id}"
    tell_person(
        context.session,
        issuer_id,
        question,
        subject,
        context.now,
        DeliveryKind.SIGN_IN,
        is_urgent=True,
        without=WITHOUT_DESK,
    )
    return name_of(context, issuer_id)


def vouch_sign_in(context: Context, action: VouchSignIn) -> list[Reply]:
    """The person says on their own channel whether they typed the code elsewhere."""
    row = get_code_to_vouch(context.session, action.code_id, context.account, context.now)
    further = context.session.get(Account, row.account_id)
    if action.answer == _YES:
        return [Reply(t("officers.vouched", issuer=_ask_issuer(context, row)), (_menu_button(),))]
    refuse_sign_in(row, context.now)
    if further is not None:
        _tell(context, further, Reply(t("officers.refused_by_owner")), f"sign_in:{row.id}:decided")
    return [Reply(t("officers.you_refused_channel"), (_menu_button(),))]


def decide_sign_in(context: Context, action: DecideSignIn) -> list[Reply]:
    """Whoever issued the code says whether the right person used it."""
    row = get_code_to_decide(context.session, action.code_id, get_actor(context), context.now)
    name, subject = name_of(context, row.person_id), f"sign_in:{row.id}:decided"
    account = context.session.get(Account, row.account_id)
    if action.answer != _YES:
        refuse_sign_in(row, context.now)
        if account is not None:
            _tell(context, account, Reply(t("officers.refused")), subject)
        return [Reply(t("officers.you_refused", name=name), (desk_button(),))]
    let_in = _confirm(context, row)
    way_on = Button(t("menu.me"), ShowMe()) if let_in.needs_sign_in else desk_button()
    key = "officers.let_in_member" if let_in.needs_sign_in else "officers.let_in"
    _tell(context, let_in, Reply(t(key), (way_on,)), subject)
    return [Reply(t("officers.you_confirmed", name=name), (desk_button(),))]


def _confirm(context: Context, row: SignInCode) -> Account:
    """Tie the account; every other channel of the person hears of it at once, and can drop it."""
    known_before = context.session.get_one(Account, row.account_id).person_id == row.person_id
    account = confirm_sign_in(context.session, row, context.now, context.today)
    buttons = (Button(t("officers.drop_it"), LeaveChannel(account.id)), Button(t("own_channels.show"), ShowChannels()))
    told = Reply(t("officers.channel_added", channel=_name_channel(account)), buttons)
    for other in () if known_before else list_others(context.session, account):
        _tell(context, other, told, f"sign_in:{row.id}:added")
    return account


def _let_in(context: Context, row: SignInCode) -> list[Reply]:
    _confirm(context, row)
    return show_desk(context)


def sign_out_here(context: Context) -> list[Reply]:
    """Officers come back by a new code. A member's own page would be lost with the channel, so they are told so."""
    if not may_sign_out(context.session, context.account, context.now, context.today):
        buttons = (Button(t("own_channels.show"), ShowChannels()), Button(t("menu.me"), ShowMe()))
        return [Reply(t("officers.no_sign_out"), buttons)]
    sign_out(context.account)
    context.close_conversation()
    return [Reply(t("officers.signed_out"), (_menu_button(),))]
