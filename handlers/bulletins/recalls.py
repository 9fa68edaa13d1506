"""Recall of answers: who agreed to it is told when an answer they once got has changed, in one step by a curator."""

from datetime import timedelta

from db.answer_traces import add_lines, has_trace, keep_trace, list_receivers
from db.bulletin_runs import add_run
from db.bulletins import add_bulletin, add_event, digest_bulletin
from db.models import Account, BulletinKind, BulletinState, RunState, Shift
from handlers.access import Actor, NotAllowed, Right, get_actor
from handlers.actions import (
    Cancel,
    Choose,
    ShowDesk,
    ShowEntry,
    ShowMenu,
    TellAnswerChange,
    WatchAnswer,
    WithdrawConsent,
)
from handlers.bulletins.asked import entries_in
from handlers.bulletins.content import Content
from handlers.bulletins.desk_seat import NAME, Unfit, typed
from handlers.bulletins.drafting_rules import check_text
from handlers.bulletins.timing import Timing
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.consents import RECALL, RECALL_DAYS, has_consented, record_consent
from handlers.errors import Outdated, UserError
from handlers.feature import Context, Draft, Step
from handlers.notify import after_quiet_hours
from knowledge.texts import t

LONGEST_CHANGE = 1200
"""With the question and two buttons this is one message on every channel."""

_OFFERED = ""
"""Stands for an entry: that an account was asked once whether it wants to be told."""

_MOST_BUTTONS = 8
_FOUND = 6
_GOOD_FOR = timedelta(days=7)
_ASK, _YES, _NO = "ask", "y", "n"


def keep_what_was_answered(context: Context, replies: list[Reply]) -> list[Reply]:
    """Keep which answers somebody got who agreed to it; others are asked once, by a button under an answer."""
    entries = entries_in(replies)
    if not entries or not context.channel.serves_members:
        return replies
    if has_consented(context.session, context.account, RECALL):
        for entry_id in entries:
            keep_trace(context.session, entry_id, context.account.address_hash, context.today)
        return replies
    if context.conversation.feature is not None or has_trace(context.session, _OFFERED, context.account.address_hash):
        return replies
    return _offer(context, replies, entries[0])


def _offer(context: Context, replies: list[Reply], entry_id: str) -> list[Reply]:
    """The button under the first answer that has room for it."""
    for place, reply in enumerate(replies):
        if entries_in([reply]) and len(reply.buttons) < _MOST_BUTTONS:
            keep_trace(context.session, _OFFERED, context.account.address_hash, context.today)
            button = Button(t("recalls.offer"), WatchAnswer(_ASK, entry_id))
            return [*replies[:place], Reply(reply.text, (*reply.buttons, button), reply.files), *replies[place + 1 :]]
    return replies


def watch_answers(context: Context, action: WatchAnswer) -> list[Reply]:
    """Whether somebody wants to be told of changes: first what is kept for it, then their answer."""
    if has_consented(context.session, context.account, RECALL):
        stop = Button(t("recalls.stop"), WithdrawConsent(RECALL.name))
        return [Reply(t("recalls.is_on"), (stop, Button(t("menu.button"), ShowMenu())))]
    if action.choice == _YES:
        record_consent(context.session, context.account, RECALL, context.now)
        if context.answerer.has(action.entry_id):
            keep_trace(context.session, action.entry_id, context.account.address_hash, context.today)
        return [Reply(t("recalls.turned_on"))]
    if action.choice == _NO:
        return [Reply(t("recalls.not_turned_on"))]
    buttons = (
        Button(t("recalls.agree"), WatchAnswer(_YES, action.entry_id)),
        Button(t("recalls.refuse"), WatchAnswer(_NO, action.entry_id)),
    )
    return [Reply(t("recalls.explain", months=RECALL_DAYS // 30), buttons)]


def begin_recall(context: Context, action: TellAnswerChange) -> list[Reply]:
    """A curator tells those who got an answer that it is another one now."""
    _get_curator(context)
    if not action.entry_id:
        return context.open_step(NAME, "recall_entry", {})
    if not context.answerer.has(action.entry_id):
        raise Outdated
    return context.open_step(NAME, "recall_text", {"entry_id": action.entry_id})


def _get_curator(context: Context) -> Actor:
    actor = get_actor(context)
    if not actor.holds(Right.CURATE):
        raise NotAllowed
    return actor


def _ask_entry(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("recalls.ask_entry"), (_leave_button(),))]


def _take_entry(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    """Words of the question; the entries found for them are offered."""
    if incoming.kind is not Kind.TEXT or not incoming.text.strip():
        return _ask_entry(context, draft)
    found = [hit.entry_id for hit in context.answerer.ranked(incoming.text, _FOUND)]
    if not found:
        return [Reply(t("recalls.no_entry"), (_leave_button(),))]
    buttons = tuple(Button(_cut(context.answerer.question_of(one)), TellAnswerChange(one)) for one in found)
    return [Reply(t("recalls.choose_entry"), (*buttons, _leave_button()))]


def _cut(label: str) -> str:
    return label if len(label) <= 40 else label[:39] + "…"


def _ask_text(context: Context, draft: Draft) -> list[Reply]:
    question = context.answerer.question_of(draft["entry_id"])
    return [Reply(t("recalls.ask_text", question=question), (_leave_button(),))]


def _take_text(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    try:
        text = check_text(typed(incoming), LONGEST_CHANGE)
    except Unfit as problem:
        return [Reply(t(problem.key, **problem.values)), *_ask_text(context, draft)]
    return context.open_step(NAME, "recall_confirm", draft | {"text": text})


def _ask_confirm(context: Context, draft: Draft) -> list[Reply]:
    """The message as it will be, and how many it goes to."""
    count = len(_list_receivers(context, draft["entry_id"]))
    if not count:
        context.close_conversation()
        return [Reply(t("recalls.nobody"), (_to_desk(),))]
    k = context.union.k_anonymity
    people = t("recalls.few", count=k) if count < k else t("recalls.count", count=count)
    buttons = (
        Button(t("recalls.send"), Choose(NAME, "recall_confirm", _YES)),
        Button(t("recalls.do_not"), Choose(NAME, "recall_confirm", _NO)),
    )
    return [_write(context, draft), Reply(t("recalls.confirm", people=people), buttons)]


def _take_confirm(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action not in (_YES, _NO):
        return _ask_confirm(context, draft)
    context.close_conversation()
    if incoming.action == _NO:
        return [Reply(t("recalls.not_sent"), (_to_desk(),))]
    _send(context, _get_curator(context), draft)
    return [Reply(t("recalls.sent"), (_to_desk(),))]


def _write(context: Context, draft: Draft) -> Reply:
    question = context.answerer.question_of(draft["entry_id"])
    text = t("recalls.message", question=question, text=draft["text"])
    buttons = (
        Button(t("recalls.read"), ShowEntry(draft["entry_id"])),
        Button(t("recalls.stop"), WithdrawConsent(RECALL.name)),
    )
    return Reply(text, buttons)


def _list_receivers(context: Context, entry_id: str) -> list[Account]:
    since = context.today - timedelta(days=RECALL_DAYS)
    return list_receivers(context.session, entry_id, RECALL.name, RECALL.version, since)


def _send(context: Context, actor: Actor, draft: Draft) -> None:
    """Plan the message in the ledger, as a bulletin of its own kind, released by the curator. Raises `UserError` when
    meanwhile nobody is left."""
    session, now = context.session, context.now
    accounts = _list_receivers(context, draft["entry_id"])
    if not accounts:
        raise UserError("recalls.nobody")
    unit_id = actor.units_of(Right.CURATE)[0]
    content = Content(t("recalls.title"), draft["text"]).to_json()
    bulletin = add_bulletin(
        session, BulletinKind.ANSWER_CHANGE, unit_id, "law", actor.person_id, now, content, {}, Timing().to_json()
    )
    bulletin.state, bulletin.released_by_id, bulletin.released_at = BulletinState.ENDED, actor.person_id, now
    bulletin.released_hash = digest_bulletin(session, bulletin)
    starts_at = after_quiet_hours(now)
    plan = {
        "files": [],
        "audience": {},
        "topic": bulletin.topic,
        "kind": bulletin.kind.value,
        "senders": sorted({account.sender for account in accounts}),
        "limits": {},
        "free_only": [],
        "articles": [],
        "may_disturb": False,
        "slots": {shift.value: [starts_at.isoformat()] for shift in Shift},
        "corrects": [],
        "entry": draft["entry_id"],
    }
    body = _write(context, draft).to_json()
    run = add_run(session, bulletin.id, now, body, plan, context.today, now + _GOOD_FOR, now)
    if run is None:
        raise Outdated
    run.reached = add_lines(session, run, accounts, unit_id, starts_at, now)
    run.state, run.planned_at = RunState.SENDING, now
    add_event(session, bulletin.id, "released", actor.person_id, now, {"run": run.id})


def _leave_button() -> Button:
    return Button(t("recalls.do_not"), Cancel())


def _to_desk() -> Button:
    return Button(t("menu.desk"), ShowDesk())


RECALL_STEPS = {
    "recall_entry": Step(_ask_entry, _take_entry),
    "recall_text": Step(_ask_text, _take_text),
    "recall_confirm": Step(_ask_confirm, _take_confirm),
}
