"""What an officer writes in a case: an answer, a question, a note or the result; shown once more before it goes out."""

from db.codes import show_code
from handlers.actions import Choose
from handlers.cases.desk_seat import LONGEST_WORDS, NAME, cancel_button, done, held, typed, viewer_of, work_step
from handlers.cases.half_written import keep_parts, read_parts
from handlers.cases.service import answer, note, settle
from handlers.cases.talking import is_reachable
from handlers.chat import Button, Incoming, Reply
from handlers.feature import Context, Draft
from knowledge.answer import Outcome
from knowledge.texts import t

_TEMPLATE, _SEND, _MORE, _AGAIN = "template", "send", "more", "again"
_NOTE = "note"
_MOST_FOUND = 5

WRITTEN = ("answer", "ask", _NOTE)
"""What may be written about a case at any time; the result comes with its outcome."""


def begin_words(context: Context, code: str, what: str) -> list[Reply]:
    """Begin to write."""
    held(context, code)
    return context.open_step(NAME, "words", {"code": code, "what": what})


def _ask_words(_context: Context, draft: Draft) -> list[Reply]:
    template = Button(t("desk_cases.find_template"), Choose(NAME, "words", _TEMPLATE))
    buttons = (cancel_button(),) if draft["what"] == _NOTE else (template, cancel_button())
    return [Reply(t(f"desk_cases.ask_{draft['what']}", code=show_code(draft["code"])), buttons)]


def _take_words(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action == _TEMPLATE and draft["what"] != _NOTE:
        return context.open_step(NAME, "template", draft)
    words = typed(incoming)
    if not words:
        return [Reply(t("desk_cases.words_please", limit=LONGEST_WORDS)), *_ask_words(context, draft)]
    if draft["what"] == _NOTE:
        note(context.session, viewer_of(context), draft["code"], words, context.now)
        return done(context, t("desk_cases.noted"), draft["code"])
    return _add_part(context, draft, words)


def _add_part(context: Context, draft: Draft, words: str) -> list[Reply]:
    parts = [*read_parts(context, draft), words]
    return context.open_step(NAME, "check", keep_parts(context, draft, parts))


def _ask_template(_context: Context, draft: Draft) -> list[Reply]:
    return [Reply(t("desk_cases.ask_template", code=show_code(draft["code"])), (cancel_button(),))]


def _take_template(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    """Look the question up as a member's would be; what was found is chosen next."""
    question = typed(incoming)
    if not question:
        return _ask_template(context, draft)
    found = _find_entries(context, question)
    if not found:
        return [Reply(t("desk_cases.no_template")), *_ask_template(context, draft)]
    return context.open_step(NAME, "pick", draft | {"found": found})


def _find_entries(context: Context, question: str) -> list[str]:
    told = context.answerer.answer(question, context.today)
    first = [told.entry_id] if told.outcome is Outcome.ANSWER and told.entry_id else []
    found = dict.fromkeys([*first, *told.options, *(hit.entry_id for hit in context.answerer.ranked(question))])
    return [one for one in found if context.answerer.page(one, context.today)][:_MOST_FOUND]


def _ask_pick(context: Context, draft: Draft) -> list[Reply]:
    known = [(place, one) for place, one in enumerate(draft["found"]) if context.answerer.has(one)]
    buttons = [Button(context.answerer.question_of(one), Choose(NAME, "pick", str(place))) for place, one in known]
    return [Reply(t("desk_cases.pick_template", code=show_code(draft["code"])), (*buttons, cancel_button()))]


def _take_pick(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    chosen, found = incoming.action or "", draft["found"]
    page = None
    if chosen.isdigit() and int(chosen) < len(found):
        page = context.answerer.page(found[int(chosen)], context.today)
    if page is None:
        return _take_template(context, incoming, draft) if typed(incoming) else _ask_pick(context, draft)
    kept = {key: value for key, value in draft.items() if key != "found"}
    return _add_part(context, kept, page.message)


def _words_of(context: Context, draft: Draft) -> str:
    return "\n\n".join(read_parts(context, draft))


def _ask_check(context: Context, draft: Draft) -> list[Reply]:
    """What the worker will read, word for word."""
    words = _words_of(context, draft)
    if not words:
        return context.open_step(NAME, "words", draft)
    choices = (_SEND, _MORE, _AGAIN, _TEMPLATE)
    buttons = tuple(Button(t(f"desk_cases.words_{one}"), Choose(NAME, "check", one)) for one in choices)
    text = t("desk_cases.check_words", code=show_code(draft["code"]), text=words)
    return [Reply(text, (*buttons, cancel_button()))]


def _take_check(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    """Words typed here take the place of the whole: so a template is copied, changed and sent."""
    if incoming.action == _SEND:
        return _send(context, draft)
    if incoming.action == _MORE:
        return context.open_step(NAME, "words", draft)
    if incoming.action == _AGAIN:
        return context.open_step(NAME, "words", keep_parts(context, draft, []))
    if incoming.action == _TEMPLATE:
        return context.open_step(NAME, "template", draft)
    words = typed(incoming)
    if not words:
        return _ask_check(context, draft)
    return context.open_step(NAME, "check", keep_parts(context, draft, [words]))


def _send(context: Context, draft: Draft) -> list[Reply]:
    viewer, code, words = viewer_of(context), draft["code"], _words_of(context, draft)
    case = held(context, code)
    if draft["what"] == "settle":
        settle(context.session, viewer, code, draft["outcome"], words, context.now)
        key = "desk_cases.settled"
    else:
        answer(context.session, viewer, code, words, context.now, asks=draft["what"] == "ask")
        key = "desk_cases.asked" if draft["what"] == "ask" else "desk_cases.answered"
    text = t(key)
    if not is_reachable(context.session, case):
        text = f"{text}\n{t('desk_cases.not_reachable')}"
    return done(context, text, code)


WORD_STEPS = {
    "words": work_step(_ask_words, _take_words),
    "template": work_step(_ask_template, _take_template),
    "pick": work_step(_ask_pick, _take_pick),
    "check": work_step(_ask_check, _take_check),
}
