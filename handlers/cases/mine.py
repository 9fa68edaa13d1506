"""The worker's own reports: where each stands, what was said, adding to it, whether it is settled, taking it back."""

from datetime import datetime

from db.case_files import count_files, list_files, remove_waiting_files
from db.case_history import EventKind, Line, list_lines
from db.case_ladder import is_waiting
from db.case_parties import drop_party
from db.codes import show_code
from db.models import OPEN_CASE_STATES, Case, CaseState
from handlers.actions import ActOnOwnCase, Choose, EnterReceipt, ListOwnCases, Report, SharePhone, ShowMenu, ShowOwnCase
from handlers.cases.drafts import NAME
from handlers.cases.hearing import KEEP, catch_danger, last_told, recognise, say_alarm, urgency_of_words
from handlers.cases.path import DONE
from handlers.cases.pins import is_locked, lift_pin
from handlers.cases.service import (
    confirm,
    get_mine,
    is_meant_as_receipt,
    list_mine,
    rate,
    read_receipt,
    return_with_receipt,
    withdraw,
    write_as_worker,
)
from handlers.cases.shared_phone import PIN, RECEIPT, keep_private, let_in
from handlers.cases.talking import settled_buttons
from handlers.cases.telling import choose_voice, keep_attachment, words_of
from handlers.cases.words import show_moment
from handlers.chat import Attachment, AttachmentKind, Button, Incoming, Kind, Reply
from handlers.errors import Outdated
from handlers.feature import Context, Draft, Step
from handlers.files.cleaning import prepare
from knowledge.alarms import Strength
from knowledge.answer import Outcome
from knowledge.texts import t

TALK = "talk"

_MOST_LISTED = 5
_MOST_LINES = 20
_STARS = (1, 2, 3, 4, 5)
_WORKER = (EventKind.OPENED, EventKind.WORKER_WROTE)
_OFFICER = (EventKind.OFFICER_WROTE, EventKind.ASKED_WORKER, EventKind.SETTLED, EventKind.CLOSED)
_DETAILS = ("question", "where", "since", "affected", "wants")


def list_own_cases(context: Context) -> list[Reply]:
    """My reports, each with where it stands and by when; and the ways in."""
    cases = list_mine(context.session, context.account)
    ways = (
        Button(t("own_cases.enter_receipt"), EnterReceipt()),
        Button(t("shared_phone.button"), SharePhone()),
        Button(t("report.new"), Report()),
    )
    if not cases:
        return [Reply(t("own_cases.none"), ways)]
    shown = cases[:_MOST_LISTED]
    lines = [_show_line(context, case) for case in shown]
    if len(cases) > len(shown):
        lines.append(t("own_cases.more", count=len(cases) - len(shown)))
    buttons = (Button(t("own_cases.open", code=show_code(case.code)), ShowOwnCase(case.code)) for case in shown)
    return [Reply("\n".join([t("own_cases.list"), *lines]), (*buttons, *ways))]


def _show_line(context: Context, case: Case) -> str:
    category = t(f"case_words.category_{case.category}")
    return f"- **{show_code(case.code)}** · {category}: {_describe_state(context, case)}"


def _describe_state(context: Context, case: Case) -> str:
    """Where it stands, in plain words, and what is waited for by when."""
    state = t(f"own_cases.state_{case.state.value}")
    if case.state not in OPEN_CASE_STATES:
        return state
    if is_waiting(context.session, case):
        return t("own_cases.waits_for_you", state=state)
    if case.stage is None or case.due_at is None:
        return state
    key = "own_cases.late" if case.due_at <= context.now else f"own_cases.due_{case.stage}"
    return t("own_cases.state_and_due", state=state, due=t(key, due=show_moment(case.due_at)))


def show_own_case(context: Context, action: ShowOwnCase) -> list[Reply]:
    """One report: where it stands, what both sides said, and what may be done now."""
    return _show(context, get_mine(context.session, context.account, action.case_code, lock=False))


def _show(context: Context, case: Case) -> list[Reply]:
    head = t(
        "own_cases.head",
        code=show_code(case.code),
        category=t(f"case_words.category_{case.category}"),
        state=_describe_state(context, case),
    )
    lines = _list_talk(context, case)
    left_out = [t("own_cases.older", count=len(lines) - _MOST_LINES)] if len(lines) > _MOST_LINES else []
    return [Reply("\n\n".join([head, *left_out, *lines[-_MOST_LINES:]]), _buttons(context, case))]


def _list_talk(context: Context, case: Case) -> list[str]:
    """What was said, oldest first; what the union answered after two reports became one matter stands in both."""
    return [told for line in list_lines(context.session, case) if (told := _show_line_of(context, case, line))]


def _show_line_of(context: Context, case: Case, line: Line) -> str:
    body = line.body or {}
    if line.kind in _WORKER:
        words = body.get("story") if line.kind is EventKind.OPENED else body.get("text")
        more = [t(f"report.row_{name}", value=body[name]) for name in _DETAILS if body.get(name)]
        files = len(list_files(context.session, case, line.number))
        parts = [words or "", *more, t("own_cases.files", count=files) if files else ""]
        return _say("own_cases.you_said", line.at, "\n".join(filter(None, parts)))
    if line.kind in _OFFICER and body.get("text"):
        return _say("own_cases.union_said", line.at, str(body["text"]))
    return ""


def _say(key: str, at: datetime, text: str) -> str:
    return t(key, at=show_moment(at), text=text) if text else ""


def _buttons(context: Context, case: Case) -> tuple[Button, ...]:
    code = case.code
    last = Button(t("own_cases.list_button"), ListOwnCases())
    if case.state is CaseState.SETTLED:
        return (*settled_buttons(case), Button(t("own_cases.add"), ActOnOwnCase(code, "add")), last)
    if case.state is CaseState.CLOSED:
        stars = _star_buttons(code) if case.rating is None else ()
        return (*stars, Button(t("own_cases.add"), ActOnOwnCase(code, "add")), last)
    if case.state in (*OPEN_CASE_STATES, CaseState.MERGED):
        key = "own_cases.answer" if is_waiting(context.session, case) else "own_cases.add"
        back = Button(t("own_cases.withdraw"), ActOnOwnCase(code, "withdraw"))
        return (Button(t(key), ActOnOwnCase(code, "add")), back, last)
    return (last,)


def _star_buttons(code: str) -> tuple[Button, ...]:
    return tuple(Button(t(f"own_cases.stars_{stars}"), ActOnOwnCase(code, f"rate{stars}")) for stars in _STARS)


def act_on_own_case(context: Context, action: ActOnOwnCase) -> list[Reply]:
    """What was pressed under a report of mine."""
    case = get_mine(context.session, context.account, action.case_code)
    what, _, mark = action.what.partition(":")
    if what == "add":
        return context.open_step(NAME, TALK, {"case": case.code})
    if what == KEEP:
        return _keep_last(context, case, mark)
    if what in ("yes", "no"):
        return _confirm(context, case, what == "yes")
    if what in {f"rate{stars}" for stars in _STARS}:
        rate(context.session, case, int(what[-1]), context.now)
        return [Reply(t("own_cases.rated"), (Button(t("menu.button"), ShowMenu()),))]
    if what == "withdraw" and case.state in (*OPEN_CASE_STATES, CaseState.MERGED):
        sure = Button(t("own_cases.withdraw_surely"), ActOnOwnCase(case.code, "withdrawn"))
        return [Reply(t("own_cases.ask_withdraw"), (Button(t("own_cases.keep_open"), ShowOwnCase(case.code)), sure))]
    if what == "withdrawn":
        withdraw(context.session, case, context.now)
        if _is_in_talk(context, case):
            remove_waiting_files(context.session, case)
            context.close_conversation()
        return [Reply(t("own_cases.withdrawn", code=show_code(case.code)), (_to_list(),))]
    raise Outdated


def _is_in_talk(context: Context, case: Case) -> bool:
    """Whether what is written now would go to this case."""
    conversation = context.conversation
    is_open = (conversation.feature, conversation.step) == (NAME, TALK)
    return is_open and (conversation.draft or {}).get("case") == case.code


def _to_list() -> Button:
    return Button(t("own_cases.list_button"), ListOwnCases())


def _keep_last(context: Context, case: Case, mark: str) -> list[Reply]:
    """The message the button stood under goes to the case; not a newer one."""
    text = last_told(context, mark)
    if not text:
        raise Outdated
    context.conversation.last_question = None
    return _write(context, case, text, Button(t("own_cases.show"), ShowOwnCase(case.code)))


def _write(context: Context, case: Case, words: str, then: Button) -> list[Reply]:
    """Words go to the case at once and make it as urgent as they are; whoever tells of danger reads the numbers
    first. Whoever is asked whether it is settled may say so under their words."""
    alarm = recognise(context, words)
    was_open = case.state in OPEN_CASE_STATES and case.state is not CaseState.SETTLED
    write_as_worker(context.session, case, words, context.now, context.today, urgency_of_words(alarm))
    is_danger = alarm is not None and alarm.danger is not None and alarm.strength is Strength.FIRST
    numbers = [Reply(say_alarm(context, alarm))] if alarm is not None and is_danger else []
    buttons = (*settled_buttons(case), then) if case.state is CaseState.SETTLED else (then,)
    key = "own_cases.added" if was_open or case.state is not CaseState.OPENED else "own_cases.added_and_sought"
    return [*numbers, Reply(t(key, code=show_code(case.code)), buttons)]


def _confirm(context: Context, case: Case, agrees: bool) -> list[Reply]:
    confirm(context.session, case, agrees, context.now, context.today)
    if case.state is CaseState.CLOSED:
        if _is_in_talk(context, case) and not count_files(context.session, case).waiting:
            context.close_conversation()
        key = "own_cases.thanks_settled" if agrees else "own_cases.closed_unsettled"
        return [Reply(t(key, hotline=context.union.hotline), _star_buttons(case.code))]
    buttons = (Button(t("own_cases.say_why"), ActOnOwnCase(case.code, "add")), _to_list())
    return [Reply(t("own_cases.reopened", code=show_code(case.code)), buttons)]


def _ask_talk(context: Context, draft: Draft) -> list[Reply]:
    case = _find_writable(context, draft)
    if case is None:
        return _end_talk(context)
    return [Reply(t("own_cases.ask_words", code=show_code(case.code)), (_make_done(),))]


def _find_writable(context: Context, draft: Draft) -> Case | None:
    """The case that is written to, locked; None when it was taken back or erased meanwhile, or is not theirs any
    more."""
    try:
        case = get_mine(context.session, context.account, draft["case"])
    except Outdated:
        return None
    return None if case.state is CaseState.WITHDRAWN else case


def _end_talk(context: Context) -> list[Reply]:
    """Answered and not raised, or the step would stay open and take every later message."""
    context.close_conversation()
    return [Reply(t("own_cases.talk_is_over"), (Button(t("report.new"), Report()), _to_list()))]


def _take_talk(context: Context, incoming: Incoming, draft: Draft) -> list[Reply] | None:
    """Words go at once, with the files that came before them; files alone go with "done". Once the case is over for
    good, words are heard like any others."""
    case = _find_writable(context, draft)
    words = words_of(incoming)
    if case is None:
        over = _end_talk(context)
        return None if incoming.kind is Kind.TEXT and words else [*(catch_danger(context, words) or ()), *over]
    if incoming.attachment is not None and incoming.attachment.cleaned is not None:
        return _take_file(context, incoming.attachment, words, case)
    chosen = incoming.action or ""
    if chosen.startswith("voice"):
        return [Reply(choose_voice(context, case, chosen), (_make_done(),))]
    if chosen == DONE:
        if count_files(context.session, case).waiting:
            write_as_worker(context.session, case, "", context.now, context.today)
        context.close_conversation()
        return _show(context, case)
    return _write(context, case, words, _make_done(case)) if words else _ask_talk(context, draft)


def _make_done(case: Case | None = None) -> Button:
    """Under words to a case that is settled "done" would stand beside whether the matter is, so it is called
    otherwise."""
    is_asked = case is not None and case.state is CaseState.SETTLED
    return Button(t("own_cases.said_enough" if is_asked else "own_cases.said_all"), Choose(NAME, TALK, DONE))


def _take_file(context: Context, file: Attachment, words: str, case: Case) -> list[Reply]:
    """A file goes with the words under it; a voice waits after them, until its owner chose the version."""
    is_voice = file.kind is AttachmentKind.VOICE
    said = _write(context, case, words, _make_done(case)) if words and is_voice else []
    more = keep_attachment(context, file, case, TALK)
    if words and not is_voice:
        return _write(context, case, words, _make_done(case))
    return [*said, Reply(t("own_cases.file_waits"), (_make_done(),)), *more]


def leave_talk(context: Context, draft: Draft) -> None:
    """Files that were sent and not handed in are erased; those of an erased case are gone already."""
    try:
        case = get_mine(context.session, context.account, draft["case"])
    except Outdated:
        return
    remove_waiting_files(context.session, case)


def enter_receipt(context: Context) -> list[Reply]:
    """Come back to a report from any channel or telephone."""
    return context.open_step(NAME, RECEIPT, {})


def _ask_receipt(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("own_cases.ask_receipt"), (Button(t("menu.button"), ShowMenu()),))]


def _take_receipt(context: Context, incoming: Incoming, draft: Draft) -> list[Reply] | None:
    """Only what is meant as a code counts as a try; any other text is heard like one without a step."""
    if incoming.kind is Kind.BUTTON:
        return _ask_receipt(context, draft)
    if incoming.kind is not Kind.TEXT or not is_meant_as_receipt(incoming.text):
        return None
    danger = catch_danger(context, incoming.text) or []
    found = _come_back(context, incoming.text)
    return [*danger, *(found or [_say_wrong(context), *_ask_receipt(context, draft)])]


def catch_receipt(context: Context, text: str) -> list[Reply] | None:
    """A receipt that is typed without being asked for, also within the message that brought it, opens its report. It
    counts as a try like any; a question that only holds so long a number goes on to its answer."""
    if not context.channel.serves_members or read_receipt(text) is None or catch_danger(context, text) is not None:
        return None
    found = _come_back(context, text)
    if found is not None:
        return found
    is_question = context.answerer.answer(text, context.today).outcome is Outcome.ANSWER
    return None if is_question else [_say_wrong(context, Button(t("menu.button"), ShowMenu()))]


def _say_wrong(context: Context, *buttons: Button) -> Reply:
    return Reply(t("own_cases.wrong_receipt", hotline=context.union.hotline), buttons)


def _come_back(context: Context, typed: str) -> list[Reply] | None:
    """The report of a receipt; None when there is none, which is to be answered and not raised, or the try would not
    count. On a locked phone only the receipt of a report made on it opens it, in place of the PIN."""
    session, account = context.session, context.account
    was_mine = {case.id for case in list_mine(session, account)}
    case = return_with_receipt(session, account, typed, context.now)
    if case is None:
        return None
    is_asked = (context.conversation.feature, context.conversation.step) in ((NAME, RECEIPT), (NAME, PIN))
    if is_locked(account, context.now) and case.id not in was_mine:
        drop_party(session, case, account)  # else the same receipt, typed again, would be one from here
        if is_asked:
            context.close_conversation()
        return [Reply(t("shared_phone.not_from_here"), (Button(t("menu.button"), ShowMenu()),))]
    replies: list[Reply] = []
    if is_locked(account, context.now):
        lift_pin(account, context.now)
        replies = [Reply(t("shared_phone.pin_lifted"), (Button(t("shared_phone.change_pin"), SharePhone("pin")),))]
    if is_asked:
        replies += let_in(context)
    return [*replies, *_show(context, case)]


MINE_STEPS = {TALK: keep_private(Step(_ask_talk, _take_talk, prepare)), RECEIPT: Step(_ask_receipt, _take_receipt)}
