"""The things to press under a bulletin: a link, a question to the FAQ, a report, a poll, a quiz, who comes, a task."""

from dataclasses import replace
from typing import Any

from db.models import BulletinKind
from handlers.actions import ActOnBulletin, Choose
from handlers.bulletins.content import LONGEST_LABEL, MOST_BUTTONS, BlockKind, Content
from handlers.bulletins.desk_seat import NAME, Unfit, act_button, back_button, cancel_button, edit_step, edits, typed
from handlers.bulletins.desk_words import describe_block
from handlers.bulletins.drafting import change_content
from handlers.bulletins.drafting_rules import (
    LONGEST_EXPLANATION,
    LONGEST_QUESTION,
    MOST_CHOICES,
    check_address,
    check_choices,
    check_fits,
    check_label,
    check_text,
    may_be_added,
)
from handlers.chat import Button, Incoming, Reply
from handlers.errors import Outdated
from handlers.feature import Context, Draft
from knowledge.answer import Outcome
from knowledge.texts import t

_SKIP = "skip"
_USUAL = "usual"


def show_blocks(context: Context, bulletin_id: int) -> list[Reply]:
    """What can be pressed under it so far, and adding or taking away."""
    content = Content.from_json(edits(context, bulletin_id).content)
    count = sum(block.button_count for block in content.blocks)
    lines = [t("bulletin_desk.blocks", count=count, limit=MOST_BUTTONS)]
    lines += [describe_block(block) for block in content.blocks]
    buttons = [act_button("add_block", bulletin_id, "add")] if count < MOST_BUTTONS else []
    buttons += [act_button("remove_block", bulletin_id, "remove")] if content.blocks else []
    return [Reply("\n".join(lines), (*buttons, back_button(bulletin_id)))]


def show_kinds(context: Context, bulletin_id: int) -> list[Reply]:
    """What could be added."""
    bulletin = edits(context, bulletin_id)
    content = Content.from_json(bulletin.content)
    offered = [kind for kind in BlockKind if may_be_added(content, kind)]
    offered = [kind for kind in offered if kind is not BlockKind.TASK or bulletin.kind is BulletinKind.TASK]
    buttons = tuple(
        Button(t(f"bulletin_desk.block_{kind.value}"), ActOnBulletin(bulletin_id, "add", kind.value))
        for kind in offered
    )
    return [Reply(t("bulletin_desk.which_block"), (*buttons, back_button(bulletin_id)))]


def begin_block(context: Context, bulletin_id: int, kind: str) -> list[Reply]:
    """Begin one of them. Raises `Outdated` for a kind that there is none of."""
    edits(context, bulletin_id)
    if kind not in {one.value for one in BlockKind}:
        raise Outdated
    block: dict[str, Any] = {"kind": kind, "label": "", "target": "", "choices": [], "right": None, "explanation": ""}
    return context.open_step(NAME, "label", {"bulletin_id": bulletin_id, "block": block})


def show_removable(context: Context, bulletin_id: int) -> list[Reply]:
    """Which one to take away."""
    content = Content.from_json(edits(context, bulletin_id).content)
    buttons = tuple(
        Button(t("bulletin_desk.remove", label=block.label)[:40], ActOnBulletin(bulletin_id, "remove", str(place + 1)))
        for place, block in enumerate(content.blocks)
    )
    return [Reply(t("bulletin_desk.which_to_remove"), (*buttons, back_button(bulletin_id)))]


def remove_block(context: Context, bulletin_id: int, number: str) -> list[Reply]:
    """Take one away, by its place from 1."""
    blocks = Content.from_json(edits(context, bulletin_id).content).blocks
    if not number.isdigit() or not 1 <= int(number) <= len(blocks):
        raise Outdated
    kept = (*blocks[: int(number) - 1], *blocks[int(number) :])
    change_content(context, bulletin_id, lambda content: replace(content, blocks=kept))
    return show_blocks(context, bulletin_id)


def _kind_of(draft: Draft) -> BlockKind:
    return BlockKind(draft["block"]["kind"])


def _with(draft: Draft, **parts: Any) -> Draft:
    return draft | {"block": draft["block"] | parts}


def _usual_label(kind: BlockKind) -> str:
    """The words that most would write; empty where there are none."""
    usual = {
        BlockKind.REPORT: t("bulletin_desk.usual_report"),
        BlockKind.ASK: t("bulletin_desk.usual_ask"),
        BlockKind.RSVP: t("bulletin_desk.usual_rsvp"),
        BlockKind.TASK: t("bulletin_desk.task_question"),
    }
    return usual.get(kind, "")


def _ask_label(_context: Context, draft: Draft) -> list[Reply]:
    kind = _kind_of(draft)
    usual = _usual_label(kind)
    offered = (Button(usual[:40], Choose(NAME, "label", _USUAL)),) if usual else ()
    limit = LONGEST_QUESTION if _is_question(kind) else LONGEST_LABEL
    return [Reply(t(f"bulletin_desk.label_{kind.value}", limit=limit), (*offered, cancel_button()))]


def _is_question(kind: BlockKind) -> bool:
    return kind in (BlockKind.POLL, BlockKind.QUIZ, BlockKind.RSVP, BlockKind.TASK)


def _take_label(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    kind = _kind_of(draft)
    words = _usual_label(kind) if incoming.action == _USUAL else typed(incoming)
    label = check_text(words, LONGEST_QUESTION) if _is_question(kind) else check_label(words)
    if kind is BlockKind.RSVP:
        choices = [t("bulletin_desk.rsvp_yes"), t("bulletin_desk.rsvp_no")]
        return _finish(context, _with(draft, label=f"{label} {t('bulletin_desk.named')}", choices=choices))
    if kind is BlockKind.TASK:
        choices = [t("bulletin_desk.task_done"), t("bulletin_desk.task_open")]
        return _finish(context, _with(draft, label=label, choices=choices))
    if kind is BlockKind.REPORT:
        return _finish(context, _with(draft, label=label))
    next_step = "target" if kind in (BlockKind.LINK, BlockKind.ASK) else "choices"
    return context.open_step(NAME, next_step, _with(draft, label=label))


def _ask_target(_context: Context, draft: Draft) -> list[Reply]:
    return [Reply(t(f"bulletin_desk.target_{_kind_of(draft).value}", limit=LONGEST_QUESTION), (cancel_button(),))]


def _take_target(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    """An address, or a question; what the FAQ answers to it today is shown at once."""
    if _kind_of(draft) is BlockKind.LINK:
        return _finish(context, _with(draft, target=check_address(typed(incoming))))
    question = check_text(typed(incoming), LONGEST_QUESTION)
    told = context.answerer.answer(question, context.today)
    key = "bulletin_desk.ask_is_answered" if told.outcome is Outcome.ANSWER else "bulletin_desk.ask_is_not_answered"
    found = context.answerer.question_of(told.entry_id) if told.outcome is Outcome.ANSWER and told.entry_id else ""
    return [Reply(t(key, question=found)), *_finish(context, _with(draft, target=question))]


def _ask_choices(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("bulletin_desk.ask_choices", limit=MOST_CHOICES, length=LONGEST_LABEL), (cancel_button(),))]


def _take_choices(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    chosen = _with(draft, choices=list(check_choices(typed(incoming))))
    if _kind_of(draft) is BlockKind.QUIZ:
        return context.open_step(NAME, "right", chosen)
    return _finish(context, chosen)


def _ask_right(_context: Context, draft: Draft) -> list[Reply]:
    choices = enumerate(draft["block"]["choices"])
    buttons = tuple(Button(choice, Choose(NAME, "right", str(place))) for place, choice in choices)
    return [Reply(t("bulletin_desk.ask_right"), (*buttons, cancel_button()))]


def _take_right(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    chosen = incoming.action or ""
    if not chosen.isdigit() or int(chosen) >= len(draft["block"]["choices"]):
        return _ask_right(context, draft)
    return context.open_step(NAME, "explanation", _with(draft, right=int(chosen)))


def _ask_explanation(_context: Context, _draft: Draft) -> list[Reply]:
    skip = Button(t("bulletin_desk.no_explanation"), Choose(NAME, "explanation", _SKIP))
    return [Reply(t("bulletin_desk.ask_explanation", limit=LONGEST_EXPLANATION), (skip, cancel_button()))]


def _take_explanation(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    words = "" if incoming.action == _SKIP else check_text(typed(incoming), LONGEST_EXPLANATION)
    return _finish(context, _with(draft, explanation=words))


def _finish(context: Context, draft: Draft) -> list[Reply]:
    """The new one stands below the others."""
    [block] = Content.from_json({"title": "", "text": "", "blocks": [draft["block"]]}).blocks
    content = Content.from_json(edits(context, draft["bulletin_id"]).content)
    try:
        check_fits(content, block)
    except Unfit as problem:
        context.close_conversation()
        return [Reply(t(problem.key, **problem.values)), *show_blocks(context, draft["bulletin_id"])]
    change_content(context, draft["bulletin_id"], lambda old: replace(old, blocks=(*old.blocks, block)))
    context.close_conversation()
    return show_blocks(context, draft["bulletin_id"])


BLOCK_STEPS = {
    "label": edit_step(_ask_label, _take_label),
    "target": edit_step(_ask_target, _take_target),
    "choices": edit_step(_ask_choices, _take_choices),
    "right": edit_step(_ask_right, _take_right),
    "explanation": edit_step(_ask_explanation, _take_explanation),
}
