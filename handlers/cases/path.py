"""The order of the steps of a report, how one leads to the next, and what is told at one that asks something else."""

from collections.abc import Callable

from db.models import Case
from handlers.cases.drafts import NAME, Told, find_case, seal, unseal
from handlers.cases.hearing import recognise, take_words
from handlers.chat import Cleaner, Incoming, Kind, Reply
from handlers.feature import Context, Draft, Step
from knowledge.alarms import Kind as AlarmKind
from knowledge.alarms import Strength
from knowledge.texts import t

DONE, SKIP = "done", "skip"

Ask = Callable[[Context, Case, Told], list[Reply]]
Take = Callable[[Context, Incoming, Case, Told], list[Reply]]


def make_step(ask: Ask, take: Take, cleaner: Cleaner | None = None) -> Step:
    """A step that works on what was told so far; the draft may have been erased since, for being old."""

    def put(context: Context, draft: Draft) -> list[Reply]:
        case, told = _open(context, draft)
        return ask(context, case, told) if case and told else _say_gone(context)

    def answer(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
        case, told = _open(context, draft)
        return take(context, incoming, case, told) if case and told else _say_gone(context)

    return Step(put, answer, cleaner)


def _open(context: Context, draft: Draft) -> tuple[Case | None, Told | None]:
    case = find_case(context, draft)
    return case, unseal(context, case, draft) if case is not None else None


def _say_gone(context: Context) -> list[Reply]:
    context.close_conversation()
    return [Reply(t("report.draft_gone"))]


def go(context: Context, case: Case, told: Told, step: str) -> list[Reply]:
    """Keep what was told and put a question."""
    return context.open_step(NAME, step, seal(context, case, told))


def go_on(context: Context, case: Case, told: Told, after: str) -> list[Reply]:
    """The next question; the summary where everything was told before."""
    step = next_step(told, after)
    told.is_editing = told.is_editing or _NEXT.get(after) == "summary"
    return go(context, case, told, step)


def stay(context: Context, incoming: Incoming, case: Case, told: Told, step: str) -> list[Reply]:
    """Put the question again after what does not answer it. Words belong to the story, also those under a file; the
    file itself is not taken here, which is said."""
    words = incoming.text.strip() if incoming.kind in (Kind.TEXT, Kind.FILE) else ""
    said = note(context, words, told) if words else []
    missed = [Reply(t("report.file_not_now"))] if incoming.kind is Kind.FILE else []
    return [*said, *missed, *go(context, case, told, step)]


def note(context: Context, words: str, told: Told) -> list[Reply]:
    """Words go to the story and are heard; that they were noted is said, unless there was no room for them."""
    before = len(told.story)
    said = take_words(context, words, told)
    return [*said, Reply(t("report.noted"))] if len(told.story) > before else said


def is_beside(context: Context, incoming: Incoming, told: Told) -> bool:
    """Whether it is no answer where words are one: a file, or words that surely tell of danger. Nobody in danger shall
    read that there is no company so called; but who types the same again means a name that only sounds like danger."""
    if incoming.kind is not Kind.TEXT or incoming.text.strip() in told.story[-1:]:
        return incoming.kind is Kind.FILE
    alarm = recognise(context, incoming.text)
    return alarm is not None and alarm.kind is AlarmKind.EMERGENCY and alarm.strength is Strength.FIRST


def next_step(told: Told, after: str) -> str:
    """What follows a step: whatever is not needed is left out. The place is asked for after the reader, so where it is
    being asked for already, the reader waits until the end."""
    if after in _WITHIN:
        return _WITHIN[after]
    if told.lacks_reader and (told.is_editing or after not in ("category", "workplace", "commune")):
        return "reader"
    if told.is_editing:
        return "summary"
    if after == "story" and told.category != "harassment" and not told.details.get("question"):
        return "details"
    return _NEXT[after]


_WITHIN = {"unlisted": "commune", "named": "full_name", "full_name": "phone"}
_NEXT = {
    "category": "story",
    "story": "workplace",
    "reader": "workplace",
    "details": "workplace",
    "workplace": "naming",
    "commune": "naming",
    "naming": "summary",
    "phone": "summary",
}
