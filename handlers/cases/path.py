"""The order of the steps of a report, and how one leads to the next."""

from collections.abc import Callable

from db.models import Case
from handlers.cases.drafts import NAME, Told, find_case, seal, unseal
from handlers.chat import Cleaner, Incoming, Reply
from handlers.feature import Context, Draft, Step
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
    return go(context, case, told, next_step(told, after))


def next_step(told: Told, after: str) -> str:
    """What follows a step: whatever is not needed is left out."""
    if after in _WITHIN:
        return _WITHIN[after]
    if told.lacks_reader and (told.is_editing or after != "category"):
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
