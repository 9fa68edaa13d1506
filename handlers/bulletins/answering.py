"""Answers to the questions of a bulletin: who may give one, until when, and what they hear of the others' answers."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from db.bulletin_answers import Received, count_choices, find_choice, find_received, hash_who, keep_answer
from db.bulletin_runs import find_run
from db.bulletins import find_bulletin
from db.models import Bulletin, BulletinRun, RunState
from handlers.bulletins.content import ANSWERED, NAMED, ON_TRIAL, Block, BlockKind, Content
from handlers.bulletins.result_rules import share_of, show_choices
from handlers.bulletins.tasks import end_of, find_task
from handlers.errors import Outdated, UserError
from handlers.feature import Context
from knowledge.texts import t

OPEN_FOR = timedelta(days=7)
"""How long after it expired a bulletin can still be answered: who gets it late wants a say too."""


@dataclass(frozen=True)
class Question:
    """A question of one sending, as somebody meets it who was sent it: ``before`` is what they answered already."""

    run: BulletinRun
    bulletin: Bulletin
    number: int
    block: Block
    received: Received
    before: int | None

    def __post_init__(self) -> None:
        """A block that nobody answers is no question."""
        if self.block.kind not in ANSWERED:
            raise Outdated


def find_question(context: Context, run_id: int, number: int) -> Question:
    """A question for whoever was sent it. Raises `UserError` for anybody else, and once it is too late."""
    run, bulletin, block = find_block(context, run_id, number)
    received = find_received(context.session, run_id, context.account)
    if received is None:
        raise UserError("bulletin_answers.not_sent_to_you")
    if run.state is RunState.CANCELLED:
        raise UserError("bulletin_answers.called_off")
    if context.now > last_moment(run, bulletin):
        raise UserError("bulletin_answers.too_late")
    before = find_choice(context.session, run_id, number, hash_who(context.session, run_id, context.account))
    return Question(run, bulletin, number, block, received, before)


def find_block(context: Context, run_id: int, number: int) -> tuple[BulletinRun, Bulletin, Block]:
    """A thing to press under a bulletin. Raises `Outdated` where there is none, and says so of one on trial."""
    if run_id == ON_TRIAL:
        raise UserError("bulletin_answers.on_trial")
    run = find_run(context.session, run_id)
    bulletin = find_bulletin(context.session, run.bulletin_id) if run is not None else None
    blocks = Content.from_json(bulletin.content).blocks if bulletin is not None else ()
    if run is None or bulletin is None or not 0 <= number < len(blocks):
        raise Outdated
    return run, bulletin, blocks[number]


def last_moment(run: BulletinRun, bulletin: Bulletin) -> datetime:
    """Until when answers are taken and may be changed; a task may also be reported late."""
    last = run.expires_at if find_task(bulletin) is None else max(run.expires_at, end_of(bulletin, run))
    return last + OPEN_FOR


def must_ask_first(question: Question) -> bool:
    """Whether it must be said before that the answer is kept with a name. An officer's report of work is theirs."""
    return question.block.kind is BlockKind.RSVP and question.before is None


def take_answer(context: Context, question: Question, choice: int) -> None:
    """Write down what somebody answers; their name only where the question says so. Raises `Outdated` for a choice
    that there is not."""
    if not 0 <= choice < len(question.block.choices):
        raise Outdated
    person_id = context.account.person_id if question.block.kind in NAMED else None
    if question.block.kind in NAMED and person_id is None:
        raise UserError("bulletin_answers.nobody_known")
    who = hash_who(context.session, question.run.id, context.account)
    keep_answer(
        context.session,
        question.run.id,
        question.number,
        who,
        choice,
        question.received.unit_id,
        person_id,
        context.now,
    )


def respond(context: Context, question: Question, choice: int) -> str:
    """What somebody hears who just answered."""
    block = question.block
    chosen = block.choices[choice]
    if block.kind is BlockKind.QUIZ:
        return _judge(block, choice)
    if block.kind is BlockKind.RSVP:
        return t("bulletin_answers.rsvp_noted", choice=chosen)
    if block.kind is BlockKind.TASK:
        return t("bulletin_answers.task_noted", choice=chosen)
    return "\n\n".join((t("bulletin_answers.poll_noted", choice=chosen), describe_poll(context, question)))


def _judge(block: Block, choice: int) -> str:
    is_right = block.right is not None and choice == block.right
    right = block.choices[block.right] if block.right is not None and block.right < len(block.choices) else ""
    head = t("bulletin_answers.quiz_right") if is_right else t("bulletin_answers.quiz_wrong", right=right)
    return "\n\n".join(filter(None, (head, block.explanation)))


def describe_poll(context: Context, question: Question) -> str:
    """How the others answered, as far as it tells of nobody."""
    counts = count_choices(context.session, question.run.id, question.number)
    choices, k = question.block.choices, context.union.k_anonymity
    shown = show_choices([counts[number] for number in range(len(choices))], k)
    total = sum(counts.values())
    if total < k:
        return t("bulletin_answers.poll_too_few", count=k)
    lines = [
        t("bulletin_answers.poll_hidden_line", choice=choice)
        if count is None
        else t("bulletin_answers.poll_line", choice=choice, share=share_of(count, total))
        for choice, count in zip(choices, shown, strict=True)
    ]
    note = [t("bulletin_answers.poll_hidden_note", count=k)] if None in shown else []
    return "\n".join([t("bulletin_answers.poll_so_far"), *lines, *note])
