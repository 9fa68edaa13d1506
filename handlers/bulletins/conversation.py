"""Bulletins on the side of those who get them: answering, asking further, and reading past ones again."""

from typing import Any

from db.bulletin_answers import find_received
from handlers.actions import (
    AnswerBulletin,
    AskQuestion,
    BrowseBulletins,
    ConfirmBulletinAnswer,
    OpenFromBulletin,
    ReadBulletin,
    Report,
    SearchBulletins,
    ShowMenu,
    WatchAnswer,
)
from handlers.bulletins.answering import find_block, find_question, must_ask_first, respond, take_answer
from handlers.bulletins.archive import ARCHIVE_STEPS, NAME, browse, get_readable, read, start_search
from handlers.bulletins.asked import count_what_was_asked
from handlers.bulletins.content import BlockKind
from handlers.bulletins.preferences import PREFERENCE_ACTIONS, PREFERENCE_COMMANDS
from handlers.bulletins.recalls import keep_what_was_answered, watch_answers
from handlers.chat import Button, Reply
from handlers.errors import Outdated
from handlers.feature import Context, Feature
from knowledge.texts import t


def _answer(context: Context, action: AnswerBulletin) -> list[Reply]:
    """A choice was pressed. Where the answer is kept with a name, that is said before the first one is taken."""
    question = find_question(context, action.run_id, action.block)
    if must_ask_first(question):
        if not 0 <= action.choice < len(question.block.choices):
            raise Outdated
        confirm = ConfirmBulletinAnswer(action.run_id, action.block, action.choice)
        text = t("bulletin_answers.rsvp_is_named", choice=question.block.choices[action.choice])
        return [
            Reply(
                text,
                (Button(t("bulletin_answers.rsvp_send"), confirm), Button(t("bulletin_answers.rsvp_not"), ShowMenu())),
            )
        ]
    return _confirm(context, action)


def _confirm(context: Context, action: AnswerBulletin | ConfirmBulletinAnswer) -> list[Reply]:
    question = find_question(context, action.run_id, action.block)
    take_answer(context, question, action.choice)
    others = tuple(
        Button(choice, AnswerBulletin(action.run_id, action.block, number))
        for number, choice in enumerate(question.block.choices)
        if number != action.choice and question.block.kind is not BlockKind.QUIZ
    )
    again = (t("bulletin_answers.may_change"),) if others else ()
    return [Reply("\n\n".join((respond(context, question, action.choice), *again)), others)]


def _open(context: Context, action: OpenFromBulletin) -> list[Reply]:
    """What a bulletin offers to ask is put to the FAQ; or a report begins."""
    _, bulletin, block = find_block(context, action.run_id, action.block)
    if find_received(context.session, action.run_id, context.account) is None:
        get_readable(context, bulletin.code)
    if block.kind is BlockKind.ASK:
        return context.press(AskQuestion(block.target or block.label))
    if block.kind is BlockKind.REPORT:
        return context.press(Report())
    raise Outdated


def _see(context: Context, replies: list[Reply]) -> list[Reply]:
    """What the FAQ answered, wherever it was asked from."""
    count_what_was_asked(context, replies)
    return keep_what_was_answered(context, replies)


def _browse(context: Context) -> list[Reply]:
    return browse(context, BrowseBulletins())


_ACTIONS: dict[Any, Any] = {
    AnswerBulletin: _answer,
    ConfirmBulletinAnswer: _confirm,
    OpenFromBulletin: _open,
    BrowseBulletins: browse,
    ReadBulletin: read,
    SearchBulletins: start_search,
    WatchAnswer: watch_answers,
}

BULLETINS = Feature(
    name=NAME,
    commands={"bantin": _browse, "ban tin": _browse, "ban tin cu": _browse, "bantincu": _browse}
    | dict(PREFERENCE_COMMANDS),
    actions=_ACTIONS | dict(PREFERENCE_ACTIONS),
    steps=ARCHIVE_STEPS,
    sees=_see,
)
