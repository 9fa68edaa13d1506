"""A question and its answer: first message, details, feedback, related questions, and the way to an officer."""

from datetime import date

from db.models import Verdict
from handlers.actions import (
    AskOfficer,
    AskQuestion,
    Choose,
    GiveFeedback,
    Opinion,
    ShowDetails,
    ShowEntry,
    ShowMenu,
    ShowTopic,
    ShowTopics,
)
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.errors import Outdated, UserError
from handlers.faq.service import record_feedback, record_unanswered
from handlers.feature import Context, Draft, Feature, Step
from knowledge.answer import Answer, Outcome, Page
from knowledge.texts import t

_TOPIC_PAGE = 8
"""Questions of a topic shown at once: what fits one small screen."""

_SKIP = "skip"

_WANTS_A_PERSON = ("who", "scold", "sad", "crisis")
"""Small talk after which the way to a person is offered."""


def answer_question(context: Context, text: str) -> list[Reply]:
    """Answer a member's message: an entry, a question back, or an honest "not known" with the way to a person."""
    answer = context.answerer.answer(text, context.today)
    if answer.outcome is not Outcome.SMALL_TALK:
        context.conversation.last_question = text
    if answer.outcome in (Outcome.ABSTAIN, Outcome.ASK_BACK):
        record_unanswered(context, text, answer.outcome.value)
    return _OUTCOMES[answer.outcome](context, answer)


def _reply_with_entry(context: Context, answer: Answer) -> list[Reply]:
    if answer.entry_id is None:
        raise UserError("faq.no_such_entry")
    first = _show_page(context, answer.entry_id, answer.on, answer.text)
    if not answer.options:
        return first
    more = tuple(_entry_buttons(context, answer.options, answer.on))
    return [*first, Reply(t("faq.several_questions"), more)]


def _ask_back(context: Context, answer: Answer) -> list[Reply]:
    buttons = (*_entry_buttons(context, answer.options, answer.on), Button(t("faq.none_of_these"), AskOfficer()))
    return [Reply(answer.text or t("faq.ask_back"), buttons)]


def _abstain(context: Context, answer: Answer) -> list[Reply]:
    buttons = (Button(t("faq.ask_officer"), AskOfficer()), Button(t("menu.topics"), ShowTopics()))
    return [Reply(answer.text or t("faq.abstain", hotline=context.union.hotline), buttons)]


def _hand_over(context: Context, answer: Answer) -> list[Reply]:
    text = answer.text or t("faq.handover", hotline=context.union.hotline)
    return [Reply(text, (Button(t("faq.ask_officer"), AskOfficer()), Button(t("menu.button"), ShowMenu())))]


def _chat_a_little(context: Context, answer: Answer) -> list[Reply]:
    person = (Button(t("faq.ask_officer"), AskOfficer()),) if answer.talk in _WANTS_A_PERSON else ()
    text = t(f"small_talk.{answer.talk}", hotline=context.union.hotline)
    return [Reply(text, (*person, Button(t("menu.topics"), ShowTopics())))]


_OUTCOMES = {
    Outcome.ANSWER: _reply_with_entry,
    Outcome.ASK_BACK: _ask_back,
    Outcome.ABSTAIN: _abstain,
    Outcome.HANDOVER: _hand_over,
    Outcome.SMALL_TALK: _chat_a_little,
}


def _entry_buttons(context: Context, entry_ids: tuple[str, ...], on: date) -> list[Button]:
    day = _day_or_today(context, on)
    return [Button(context.answerer.question_of(entry_id), ShowEntry(entry_id, day)) for entry_id in entry_ids]


def _day_or_today(context: Context, on: date) -> date | None:
    """Buttons name a day only when it is not today, so that pressed next year they answer by next year's law."""
    return None if on == context.today else on


def _get_page(context: Context, entry_id: str, on: date) -> Page:
    page = context.answerer.page(entry_id, on)
    if page is None:
        raise Outdated
    return page


def _show_page(context: Context, entry_id: str, on: date, said_first: str = "") -> list[Reply]:
    """The first message of an entry; what is known of the person's own place or day comes before it."""
    page = _get_page(context, entry_id, on)
    message = f"{said_first}\n\n{page.message}" if said_first else page.message
    day = _day_or_today(context, on)
    buttons = [Button(t("faq.details"), ShowDetails(entry_id, day))] if page.details else []
    buttons += [
        Button(t("faq.helpful"), GiveFeedback(Opinion.HELPFUL, entry_id)),
        Button(t("faq.wrong"), GiveFeedback(Opinion.WRONG, entry_id)),
        Button(t("faq.ask_officer"), AskOfficer(entry_id)),
    ]
    related = tuple(related for related in page.related if context.answerer.page(related, on))
    return [Reply(message, (*buttons, *_entry_buttons(context, related, on)))]


def _show_details(context: Context, action: ShowDetails) -> list[Reply]:
    page = _get_page(context, action.entry_id, action.on or context.today)
    if not page.details:
        raise Outdated
    buttons = (
        Button(t("faq.wrong"), GiveFeedback(Opinion.WRONG, action.entry_id)),
        Button(t("faq.ask_officer"), AskOfficer(action.entry_id)),
    )
    return [Reply(page.details, buttons)]


def _take_feedback(context: Context, action: GiveFeedback) -> list[Reply]:
    if not context.answerer.has(action.entry_id):
        raise Outdated
    if action.opinion is Opinion.HELPFUL:
        record_feedback(context, action.entry_id, Verdict.HELPFUL)
        return [Reply(t("faq.thanks_helpful"))]
    return context.open_step("faq", "wrong", {"entry_id": action.entry_id})


def _ask_what_is_wrong(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("faq.what_is_wrong"), (Button(t("faq.skip"), Choose("faq", "wrong", _SKIP)),))]


def _take_what_is_wrong(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    note = incoming.text if incoming.kind is Kind.TEXT else None
    if not note and incoming.action != _SKIP:
        return _ask_what_is_wrong(context, draft)
    record_feedback(context, draft["entry_id"], Verdict.WRONG, note)
    context.close_conversation()
    return [Reply(t("faq.thanks_wrong"), (Button(t("faq.ask_officer"), AskOfficer(draft["entry_id"])),))]


def _list_topics(context: Context) -> list[Reply]:
    topics = context.answerer.topics(context.today)
    buttons = tuple(Button(title, ShowTopic(topic)) for topic, title in topics)
    return [Reply(t("faq.choose_topic"), buttons)]


def _list_topic(context: Context, action: ShowTopic) -> list[Reply]:
    entry_ids = context.answerer.entries_of(action.topic, context.today)
    start = action.page * _TOPIC_PAGE
    shown = tuple(entry_ids[start : start + _TOPIC_PAGE])
    if not shown:
        raise Outdated
    buttons = _entry_buttons(context, shown, context.today)
    if start + _TOPIC_PAGE < len(entry_ids):
        buttons.append(Button(t("faq.more_questions"), ShowTopic(action.topic, action.page + 1)))
    return [Reply(t("faq.questions_of_topic"), tuple(buttons))]


FAQ = Feature(
    name="faq",
    commands={"chude": _list_topics, "chu de": _list_topics},
    actions={
        AskQuestion: lambda context, action: answer_question(context, action.question),
        ShowEntry: lambda context, action: _show_page(context, action.entry_id, action.on or context.today),
        ShowDetails: _show_details,
        ShowTopics: lambda context, _action: _list_topics(context),
        ShowTopic: _list_topic,
        GiveFeedback: _take_feedback,
    },
    steps={
        "wrong": Step(_ask_what_is_wrong, _take_what_is_wrong),
    },
)
