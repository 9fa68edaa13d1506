"""A person's talk about their own channels: which there are, a further one by code, where notices come."""

import re

from db.links import DIGITS, forget_link
from db.merges import find_last_merge
from db.models import Account, DeliveryKind, LinkCode
from db.people import list_accounts
from handlers.actions import (
    AllowRerouting,
    AnswerLink,
    ConsentToLink,
    IssueLinkCode,
    LeaveChannel,
    PreferChannel,
    ShowChannels,
    ShowMe,
    ShowMenu,
    UndoMerge,
)
from handlers.chat import Button, Reply
from handlers.errors import Outdated, UserError
from handlers.feature import Context
from handlers.identity.linking import (
    consent_abroad,
    get_link_to_decide,
    get_typed_link,
    issue_link_code,
    leave,
    needs_consent_abroad,
    prefer,
    tie,
    type_link_code,
)
from handlers.identity.merging import name_channel
from handlers.notify import choose_account, tell_account
from handlers.rerouting import allow_rerouting, has_another_channel, may_reroute, stop_rerouting
from knowledge.normalize import fold
from knowledge.texts import t

_YES = "y"
_MOST_SHOWN = 3
_CODE = re.compile(rf"(?:lien ?ket|noi kenh) ?(\d{{{DIGITS}}})")


def show_channels(context: Context) -> list[Reply]:
    """Where the person talks with the union, and by which channel notices come."""
    person_id = context.account.person_id
    if person_id is None:
        raise Outdated
    accounts = list_accounts(context.session, person_id)
    used = choose_account(context.session, person_id)
    lines = [_describe(context, account, used) for account in accounts]
    shown = accounts[:_MOST_SHOWN]
    buttons = [
        Button(t("own_channels.prefer", channel=name_channel(one)), PreferChannel(one.id))
        for one in shown
        if one != used
    ]
    buttons += [
        Button(t("own_channels.leave", channel=name_channel(one)), LeaveChannel(one.id))
        for one in shown
        if one.id != context.account.id
    ]
    buttons.append(Button(t("own_channels.add"), IssueLinkCode()))
    if has_another_channel(context.session, context.account):
        allows = may_reroute(context.session, context.account)
        lines.append(t("own_channels.rerouting_on" if allows else "own_channels.rerouting_off"))
        label = t("own_channels.stop_rerouting" if allows else "own_channels.allow_rerouting")
        buttons.append(Button(label, AllowRerouting("n" if allows else _YES)))
    merge = find_last_merge(context.session, person_id, context.now)
    if merge is not None:
        buttons.append(Button(t("merge.undo"), UndoMerge(merge.id)))
    buttons.append(Button(t("menu.me"), ShowMe()))
    return [Reply(t("own_channels.list", channels="\n".join(lines)), tuple(buttons))]


def _describe(context: Context, account: Account, used: Account | None) -> str:
    here = t("own_channels.here") if account.id == context.account.id else ""
    notices = t("own_channels.gets_notices") if used is not None and account.id == used.id else ""
    return f"- {name_channel(account)}{here}{notices}"


def prefer_channel(context: Context, action: PreferChannel) -> list[Reply]:
    """Notices come by this channel from now on."""
    chosen = prefer(context.session, context.account, action.account_id)
    return [Reply(t("own_channels.preferred", channel=name_channel(chosen))), *show_channels(context)]


def change_rerouting(context: Context, action: AllowRerouting) -> list[Reply]:
    """Whether messages that cannot go on one channel of the person's own may go on another."""
    if not has_another_channel(context.session, context.account):
        raise Outdated
    if action.answer == _YES:
        allow_rerouting(context.session, context.account, context.now)
    else:
        stop_rerouting(context.session, context.account, context.now)
    return show_channels(context)


def leave_channel(context: Context, action: LeaveChannel) -> list[Reply]:
    """Untie another channel; it keeps nothing of the person."""
    left = leave(context.session, context.account, action.account_id)
    return [Reply(t("own_channels.left", channel=name_channel(left))), *show_channels(context)]


def show_code(context: Context) -> list[Reply]:
    """The code, and what to type where."""
    if not context.channel.serves_members:
        raise UserError("own_channels.not_here")
    code = issue_link_code(context.session, context.account, context.now, context.today)
    return [Reply(t("own_channels.code", code=code), (Button(t("menu.me"), ShowMe()),))]


def catch_code(context: Context, text: str) -> list[Reply] | None:
    """ "LIENKET 123456", "liên kết 123 456": a wrong code answers instead of raising, which would undo its count."""
    match = _CODE.fullmatch(re.sub(r"(?<=\d)[ .\-]+(?=\d)", "", fold(text).lstrip("/")))
    return _try_code(context, match[1]) if match else None


def ask_for_code(context: Context) -> list[Reply]:
    """ "/lienket" with the code behind it, or how to come by one."""
    return catch_code(context, context.said) or [Reply(t("own_channels.how_to"), (Button(t("menu.me"), ShowMe()),))]


def _try_code(context: Context, code: str) -> list[Reply]:
    if not context.channel.serves_members:
        raise UserError("own_channels.not_here")
    link = type_link_code(context.session, context.account, code, context.now)
    if link is None:
        return [Reply(t("own_channels.wrong_code"), (_menu_button(),))]
    if context.channel.is_abroad and needs_consent_abroad(context.session, context.account):
        buttons = (
            Button(t("consent.agree"), ConsentToLink(link.id, _YES)),
            Button(t("consent.refuse"), ConsentToLink(link.id, "n")),
        )
        return [Reply(t("own_channels.abroad"), buttons)]
    return _ask_first_channel(context, link)


def _ask_first_channel(context: Context, link: LinkCode) -> list[Reply]:
    first = context.session.get_one(Account, link.account_id)
    buttons = (
        Button(t("own_channels.it_is_me"), AnswerLink(link.id, _YES)),
        Button(t("own_channels.not_me"), AnswerLink(link.id, "n")),
    )
    question = Reply(t("own_channels.question", channel=name_channel(context.account)), buttons)
    _tell(context, first, question, f"link:{link.id}:{context.account.id}")
    return [Reply(t("own_channels.wait", channel=name_channel(first)))]


def _tell(context: Context, account: Account, reply: Reply, subject: str) -> None:
    subject = f"{subject}:{context.now:%Y%m%d%H%M%S}"
    tell_account(context.session, account, reply, subject, context.now, DeliveryKind.SIGN_IN, is_urgent=True)


def consent_to_link(context: Context, action: ConsentToLink) -> list[Reply]:
    """Only with this consent may notices come by a channel whose servers are abroad."""
    link = get_typed_link(context.session, action.link_id, context.account, context.now)
    if action.answer != _YES:
        return [Reply(t("own_channels.not_tied_here"), (_menu_button(),))]
    consent_abroad(context.session, context.account, context.now)
    return _ask_first_channel(context, link)


def answer_link(context: Context, action: AnswerLink) -> list[Reply]:
    """The person says on the first channel whether they asked for this."""
    link = get_link_to_decide(context.session, action.link_id, context.account, context.now)
    if action.answer != _YES:
        further = context.session.get(Account, link.typed_on_id)
        forget_link(context.session, link)
        if further is not None:
            _tell(
                context, further, Reply(t("own_channels.refused_there"), (_menu_button(),)), f"link:{action.link_id}:no"
            )
        return [Reply(t("own_channels.refused"), (Button(t("menu.me"), ShowMe()),))]
    further = tie(context.session, link, context.account, context.now, context.today)
    tied = Reply(t("own_channels.tied_there"), (Button(t("menu.me"), ShowMe()),))
    _tell(context, further, tied, f"link:{action.link_id}:yes")
    tied_here = t("own_channels.tied", channel=name_channel(further))
    if may_reroute(context.session, context.account):
        return [Reply(tied_here, (Button(t("own_channels.show"), ShowChannels()), Button(t("menu.me"), ShowMe())))]
    question = t("own_channels.ask_rerouting", tied=tied_here)
    buttons = (
        Button(t("own_channels.allow_rerouting"), AllowRerouting(_YES)),
        Button(t("own_channels.no_rerouting"), AllowRerouting("n")),
    )
    return [Reply(question, (*buttons, Button(t("own_channels.show"), ShowChannels())))]


def _menu_button() -> Button:
    return Button(t("menu.button"), ShowMenu())
