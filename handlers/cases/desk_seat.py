"""Who sits at the desk now, and the case they work on: read again from the database for every step."""

from collections.abc import Callable

from db.case_access import Viewer
from db.codes import show_code
from db.models import Case, Person
from handlers.access import NotAllowed, Right, get_actor
from handlers.actions import Cancel, ListCases, ShowCase
from handlers.case_viewers import read_desk_viewer
from handlers.cases.service import get_held
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.errors import Outdated, explain
from handlers.feature import Context, Draft, Step
from knowledge.texts import t

NAME = "case_desk"

LONGEST_WORDS = 3000
"""What an officer writes at once; a worker reads it on a telephone."""

Ask = Callable[[Context, Draft], list[Reply]]
Take = Callable[[Context, Incoming, Draft], list[Reply]]


def viewer_of(context: Context) -> Viewer:
    """The officer who acts, as far as cases are concerned. Raises `NotAllowed` for everybody who handles none."""
    actor = get_actor(context)
    if not actor.holds(Right.HANDLE_CASES):
        raise NotAllowed
    return read_desk_viewer(context.session, actor.person_id, actor.grants, context.now, context.today)


def held(context: Context, code: str) -> Case:
    """A case that the officer holds and may work on, locked. Raises `NotAllowed` or `Outdated`."""
    return get_held(context.session, viewer_of(context), code, context.now)


def work_step(ask: Ask, take: Take) -> Step:
    """A step of the work on a held case. Once the case is somebody else's, or done, the talk ends and says so, instead
    of refusing whatever the officer types next."""

    def ask_if_held(context: Context, draft: Draft) -> list[Reply]:
        return _if_held(context, draft, lambda: ask(context, draft))

    def take_if_held(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
        return _if_held(context, draft, lambda: take(context, incoming, draft))

    return Step(ask_if_held, take_if_held)


def _if_held(context: Context, draft: Draft, go_on: Callable[[], list[Reply]]) -> list[Reply]:
    try:
        held(context, draft["code"])
    except (NotAllowed, Outdated) as problem:
        context.close_conversation()
        return [explain(problem)]
    return go_on()


def typed(incoming: Incoming, most: int = LONGEST_WORDS) -> str:
    """What was typed; empty for anything else, and for more than there is room for."""
    words = incoming.text.strip() if incoming.kind is Kind.TEXT else ""
    return words if len(words) <= most else ""


def name_of(context: Context, person_id: int | None) -> str:
    """An officer's name as colleagues read it; of nobody, that of the union."""
    person = context.session.get(Person, person_id) if person_id is not None else None
    if person is None:
        return t("desk_cases.union")
    return str((person.profile or {}).get("full_name") or show_code(person.code))


def done(context: Context, text: str, code: str = "") -> list[Reply]:
    """The end of a piece of work, with the way back to the case (none when the officer has it no longer)."""
    context.close_conversation()
    back = (Button(t("desk_cases.back_to_case"), ShowCase(code)),) if code else ()
    return [Reply(text, (*back, Button(t("desk_cases.all"), ListCases())))]


def cancel_button() -> Button:
    """Leaves the open step; nothing was done."""
    return Button(t("desk_cases.never_mind"), Cancel())
