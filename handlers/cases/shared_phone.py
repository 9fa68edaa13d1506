"""The talk of a phone that others use too: neutral notices, and a PIN before anything about cases is shown."""

from collections.abc import Callable
from datetime import datetime

from db.cases import get_by_code
from handlers.actions import A, Action, Choose, EnterReceipt, ListOwnCases, SharePhone, ShowMenu, decode, encode
from handlers.cases.drafts import NAME, seal_words, unseal_words
from handlers.cases.hearing import catch_danger
from handlers.cases.pins import (
    OPEN_FOR,
    is_locked,
    is_meant_as_pin,
    open_for_now,
    read_pin,
    set_pin,
    stop_sharing,
    try_pin,
)
from handlers.cases.service import read_receipt
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.errors import Outdated, explain
from handlers.feature import Context, Draft, Step, find_feature, find_step
from knowledge.texts import t

PIN, RECEIPT, _NEW_PIN = "pin", "receipt", "new_pin"
_LATER = "later"
_CAME = "came"
"""What stands beside a locked step's draft: what came to it meanwhile."""


def keep_private(step: Step) -> Step:
    """A step that is neither put nor answered on a shared phone before its PIN was typed; while it is answered, the
    phone stays open. Words that come to a locked one wait for the PIN beside its draft (`let_in`)."""

    def ask(context: Context, draft: Draft) -> list[Reply]:
        return ask_pin(context) if _check(context) else step.ask(context, draft)

    def take(context: Context, incoming: Incoming, draft: Draft) -> list[Reply] | None:
        if not _check(context):
            return step.take(context, incoming, draft)
        if incoming.kind is Kind.TEXT and is_meant_as_pin(incoming.text):
            ask_pin(context)
            return _take_pin(context, incoming, dict(context.conversation.draft or {}))
        said = catch_danger(context, incoming.text) if incoming.kind in (Kind.TEXT, Kind.FILE) else None
        context.conversation.draft = {**draft, _CAME: _keep(context, incoming, draft)}
        return [*(said or ()), *ask_pin(context)]

    return Step(ask, take, step.cleaner)


def _keep(context: Context, incoming: Incoming, draft: Draft) -> Draft:
    """What came to a locked step, until the PIN is right: words, sealed; of a file only that it came. A receipt is no
    words for an officer."""
    came = draft.get(_CAME) or {}
    case = get_by_code(context.session, draft.get("case", ""))
    words = incoming.text.strip() if incoming.kind in (Kind.TEXT, Kind.FILE) else ""
    sealed = came.get("words", "")
    if words and read_receipt(words) is None and case is not None and case.key_id is not None:
        before = [unseal_words(context, case, sealed)] if sealed else []
        sealed = seal_words(context, case, "\n".join([*before, words]))
    is_file = came.get("is_file", False) or incoming.kind is Kind.FILE
    return {"words": sealed, "is_file": is_file, "at": context.now.isoformat()}


def private(handler: Callable[[Context, A], list[Reply]]) -> Callable[[Context, A], list[Reply]]:
    """A button that does nothing on a shared phone before its PIN was typed, and then what it was pressed for."""

    def press(context: Context, action: A) -> list[Reply]:
        return ask_pin(context, action) if _check(context) else handler(context, action)

    return press


def _check(context: Context) -> bool:
    """Whether it is locked; somebody who uses an open one keeps it open."""
    if is_locked(context.account, context.now):
        return True
    if context.account.is_shared:
        open_for_now(context.account, context.now)
    return False


def ask_pin(context: Context, then: Action | None = None) -> list[Reply]:
    """Ask for the PIN; what was open before waits, and goes on afterwards."""
    return context.open_step(NAME, PIN, {"then": encode(then) if then else ""})


def _ask_pin(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("shared_phone.ask_pin"), (Button(t("shared_phone.forgotten"), EnterReceipt()),))]


def _take_pin(context: Context, incoming: Incoming, draft: Draft) -> list[Reply] | None:
    """A wrong one is answered and not raised, or the try would not count. Whoever writes anything else came for
    something else."""
    if incoming.kind is Kind.BUTTON:
        return _ask_pin(context, draft)
    if incoming.kind is not Kind.TEXT or not is_meant_as_pin(incoming.text):
        return None
    pin = read_pin(incoming.text)
    is_right = pin is not None and try_pin(context.session, context.account, pin, context.now)
    if not is_right:
        key = "shared_phone.too_many_pins" if is_right is None else "shared_phone.wrong_pin"
        text = t(key, hotline=context.union.hotline)
        return [Reply(text, (Button(t("shared_phone.forgotten"), EnterReceipt()),))]
    said = let_in(context)
    if draft.get("then"):
        try:
            return [*said, *_act(context, decode(draft["then"]))]
        except Outdated as problem:  # raised, it would lock the phone again, for ever
            return [*said, explain(problem)]
    return said if said or context.is_back else _act(context, ListOwnCases())


def let_in(context: Context) -> list[Reply]:
    """The phone is open again: what was locked goes on, with the words that came to it meanwhile. Those of long ago may
    be somebody else's, so they are only shown."""
    context.close_conversation()
    draft = dict(context.conversation.draft or {})
    came = draft.pop(_CAME, None)
    if came is None:
        return []
    context.conversation.draft = draft
    case = get_by_code(context.session, draft.get("case", ""))
    step = find_step(context.conversation)
    said = [Reply(t("shared_phone.file_not_kept"))] if came["is_file"] else []
    if not came["words"] or case is None or case.key_id is None or step is None:
        return said
    words = unseal_words(context, case, came["words"])
    is_fresh = context.now - datetime.fromisoformat(came["at"]) <= OPEN_FOR
    taken = None
    if is_fresh:
        context.is_back = False
        taken = step.take(context, Incoming(context.account.sender, "", "", Kind.TEXT, text=words), draft)
    key = "words_not_kept" if taken is None else "words_kept"
    return [*said, Reply(t(f"shared_phone.{key}", words=words)), *(taken or ())]


def _act(context: Context, action: Action | None) -> list[Reply]:
    feature = find_feature(NAME)
    if feature is None or action is None or type(action) not in feature.actions:
        raise Outdated
    return feature.actions[type(action)](context, action)


def share_phone(context: Context, action: SharePhone) -> list[Reply]:
    """What it means, and the choices; or one of them."""
    account = context.account
    if action.what == "on":
        account.is_shared = True
        return context.open_step(NAME, _NEW_PIN, {})
    if action.what == "pin" and account.is_shared:
        return context.open_step(NAME, _NEW_PIN, {})
    if action.what == "off":
        stop_sharing(account)
        return [Reply(t("shared_phone.sharing_off"), (Button(t("menu.button"), ShowMenu()),))]
    if not account.is_shared:
        turn_on = Button(t("shared_phone.turn_on"), SharePhone("on"))
        return [Reply(t("shared_phone.explain"), (turn_on, Button(t("menu.button"), ShowMenu())))]
    buttons = (
        Button(t("shared_phone.change_pin"), SharePhone("pin")),
        Button(t("shared_phone.turn_off"), SharePhone("off")),
        Button(t("menu.button"), ShowMenu()),
    )
    return [Reply(t("shared_phone.is_on"), buttons)]


def _ask_new_pin(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("shared_phone.ask_new_pin"), (Button(t("shared_phone.later"), Choose(NAME, _NEW_PIN, _LATER)),))]


def _take_new_pin(context: Context, incoming: Incoming, draft: Draft) -> list[Reply] | None:
    if incoming.kind is not Kind.BUTTON and not is_meant_as_pin(incoming.text):
        return None
    pin = read_pin(incoming.text) if incoming.kind is Kind.TEXT else None
    if pin is None and incoming.action != _LATER:
        return [Reply(t("shared_phone.no_pin")), *_ask_new_pin(context, draft)]
    context.close_conversation()
    if pin is not None:
        set_pin(context.session, context.account, pin, context.now)
    text = t("shared_phone.pin_set" if pin is not None else "shared_phone.without_pin")
    return [Reply(text, (Button(t("own_cases.list_button"), ListOwnCases()), Button(t("menu.button"), ShowMenu())))]


PHONE_STEPS = {PIN: Step(_ask_pin, _take_pin), _NEW_PIN: keep_private(Step(_ask_new_pin, _take_new_pin))}
