"""Writing a bulletin: of which unit and topic, its title and text, its files; each part at any time again.

The row in the database is the draft, from the topic on: whoever is interrupted finds everything in the list of drafts.
"""

from collections.abc import Callable
from dataclasses import replace

from db.audiences import Audience
from db.bulletins import add_bulletin, add_file, change, copy_files, list_files, remove_file
from db.models import Bulletin, BulletinKind
from db.units import find_period
from handlers.access import NotAllowed, Right, demand, get_actor
from handlers.actions import Choose, WriteBulletin
from handlers.bulletins.content import LONGEST_TEXT, LONGEST_TITLE, MOST_FILES, Block, BlockKind, Content
from handlers.bulletins.desk_seat import NAME, Unfit, act_button, back_button, cancel_button, edit_step, edits, typed
from handlers.bulletins.drafting_rules import check_text, check_title
from handlers.bulletins.timing import Timing
from handlers.bulletins.topics import TOPICS, name_topic
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.errors import Outdated
from handlers.feature import Context, Draft, Step
from handlers.files.cleaning import clean_to_show, name_of
from handlers.unit_search import search_units
from knowledge.texts import t

_KINDS = (BulletinKind.NEWS, BulletinKind.TASK)
_MOST_UNITS = 6
_DONE = "done"


def begin(context: Context, _action: WriteBulletin) -> list[Reply]:
    """Begin a bulletin. Raises `NotAllowed` for whoever writes none."""
    if not get_actor(context).holds(Right.EDIT_BULLETINS):
        raise NotAllowed
    return context.open_step(NAME, "kind", {})


def _ask_kind(_context: Context, _draft: Draft) -> list[Reply]:
    buttons = tuple(Button(t(f"bulletin_desk.write_{kind.value}"), Choose(NAME, "kind", kind.value)) for kind in _KINDS)
    return [Reply(t("bulletin_desk.ask_kind"), (*buttons, cancel_button()))]


def _take_kind(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    """Whoever writes for one unit only is not asked for which."""
    if incoming.action not in {kind.value for kind in _KINDS}:
        return _ask_kind(context, draft)
    chosen = draft | {"kind": incoming.action}
    own = get_actor(context).units_of(Right.EDIT_BULLETINS)
    if len(own) == 1:
        return context.open_step(NAME, "topic", chosen | {"unit_id": own[0]})
    return context.open_step(NAME, "unit", chosen)


def _ask_unit(context: Context, draft: Draft) -> list[Reply]:
    numbers = draft.get("found") or get_actor(context).units_of(Right.EDIT_BULLETINS)[:_MOST_UNITS]
    periods = filter(None, (find_period(context.session, number, context.today) for number in numbers))
    buttons = tuple(Button(period.name[:40], Choose(NAME, "unit", str(period.unit_id))) for period in periods)
    return [Reply(t("bulletin_desk.ask_unit"), (*buttons, cancel_button()))]


def _take_unit(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    """One of those offered, or any other in reach by typing its name or code."""
    actor, words = get_actor(context), typed(incoming)
    if words:
        reach = search_units(context.session, context.finder, words, context.today)[:_MOST_UNITS]
        found = [period.unit_id for period in reach]
        return context.open_step(NAME, "unit", draft | {"found": found}) if found else _ask_unit(context, draft)
    if not (incoming.action or "").isdigit():
        return _ask_unit(context, draft)
    unit_id = int(incoming.action or "")
    demand(context.session, actor, Right.EDIT_BULLETINS, unit_id, context.today)
    return context.open_step(NAME, "topic", {"kind": draft["kind"], "unit_id": unit_id})


def _ask_topic(_context: Context, draft: Draft) -> list[Reply]:
    buttons = tuple(Button(name_topic(topic), Choose(NAME, draft["step"], topic)) for topic in TOPICS)
    return [Reply(t("bulletin_desk.ask_topic"), (*buttons, cancel_button()))]


def _ask_first_topic(context: Context, draft: Draft) -> list[Reply]:
    return _ask_topic(context, draft | {"step": "topic"})


def _take_first_topic(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    """From here on the draft is a row."""
    if incoming.action not in TOPICS:
        return _ask_first_topic(context, draft)
    actor, kind = get_actor(context), BulletinKind(draft["kind"])
    demand(context.session, actor, Right.EDIT_BULLETINS, draft["unit_id"], context.today)
    audience = Audience((draft["unit_id"],)).to_json()
    blank = Content("", "", blocks=_first_blocks(kind)).to_json()
    timing = Timing().to_json()
    whose = (draft["unit_id"], incoming.action or "", actor.person_id, context.now)
    bulletin = add_bulletin(context.session, kind, *whose, blank, audience, timing)
    return context.open_step(NAME, "title", {"bulletin_id": bulletin.id, "is_new": True})


def _first_blocks(kind: BulletinKind) -> tuple[Block, ...]:
    """A task always asks whether it is done."""
    if kind is not BulletinKind.TASK:
        return ()
    choices = (t("bulletin_desk.task_done"), t("bulletin_desk.task_open"))
    return (Block(BlockKind.TASK, t("bulletin_desk.task_question"), choices=choices),)


def _ask_new_topic(context: Context, draft: Draft) -> list[Reply]:
    return _ask_topic(context, draft | {"step": "new_topic"})


def _take_new_topic(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action not in TOPICS:
        return _ask_new_topic(context, draft)
    bulletin = edits(context, draft["bulletin_id"])
    change(context.session, bulletin, get_actor(context).person_id, context.now, topic=incoming.action)
    return to_overview(context, bulletin.id)


def _ask_title(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("bulletin_desk.ask_title", limit=LONGEST_TITLE), (cancel_button(),))]


def _take_title(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    title = check_title(typed(incoming))
    change_content(context, draft["bulletin_id"], lambda content: replace(content, title=title))
    if draft.get("is_new"):
        return context.open_step(NAME, "text", draft)
    return to_overview(context, draft["bulletin_id"])


def _ask_text(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("bulletin_desk.ask_text", limit=LONGEST_TEXT), (cancel_button(),))]


def _take_text(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    text = check_text(typed(incoming))
    change_content(context, draft["bulletin_id"], lambda content: replace(content, text=text))
    return to_overview(context, draft["bulletin_id"])


def _ask_files(context: Context, draft: Draft) -> list[Reply]:
    bulletin = edits(context, draft["bulletin_id"])
    files = list_files(context.session, bulletin.id, Content.from_json(bulletin.content).files)
    lines = [t("bulletin_desk.ask_files", count=len(files), limit=MOST_FILES)]
    lines += [t("bulletin_desk.line_file", name=file.name, size=-(-file.size // 1024)) for file in files]
    removals = tuple(
        Button(t("bulletin_desk.remove_file", name=file.name), Choose(NAME, "files", str(file.id))) for file in files
    )
    finish = Button(t("bulletin_desk.files_done"), Choose(NAME, "files", _DONE))
    return [Reply("\n".join(lines), (*removals, finish))]


def _take_files(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    bulletin_id, chosen = draft["bulletin_id"], incoming.action or ""
    if chosen == _DONE:
        return to_overview(context, bulletin_id)
    if chosen.isdigit():
        bulletin = edits(context, bulletin_id)
        remove_file(context.session, bulletin, int(chosen), get_actor(context).person_id, context.now)
    elif incoming.attachment is not None and incoming.attachment.cleaned is not None:
        _keep_file(context, incoming, edits(context, bulletin_id))
    elif incoming.kind is Kind.TEXT:
        return [Reply(t("bulletin_desk.file_please")), *_ask_files(context, draft)]
    return _ask_files(context, draft)


def _keep_file(context: Context, incoming: Incoming, bulletin: Bulletin) -> None:
    files = list_files(context.session, bulletin.id)
    if len(files) >= MOST_FILES:
        raise Unfit("bulletin_desk.too_many_files", limit=MOST_FILES)
    cleaned = incoming.attachment.cleaned if incoming.attachment else None
    if cleaned is None:
        return
    taken = {file.name for file in files}
    names = (name_of(cleaned.media_type, number) for number in range(1, MOST_FILES + 1))
    name = next(one for one in names if one not in taken)
    person_id = get_actor(context).person_id
    add_file(context.session, bulletin, name, cleaned.media_type, cleaned.content, person_id, context.now)


def toggle_public(context: Context, bulletin_id: int) -> None:
    """Whether it will stand on the public page of bulletins; never the work of officers."""
    bulletin = edits(context, bulletin_id)
    if bulletin.kind is BulletinKind.TASK:
        raise Outdated
    is_public = not bulletin.is_public
    change(context.session, bulletin, get_actor(context).person_id, context.now, is_public=is_public)


def copy(context: Context, source: Bulletin) -> Bulletin:
    """A new draft with the words, files and audience of another bulletin; when it goes out is for its editor to say."""
    actor = get_actor(context)
    demand(context.session, actor, Right.EDIT_BULLETINS, source.unit_id, context.today)
    kind = source.kind if source.kind in _KINDS else BulletinKind.NEWS
    whose = (source.unit_id, source.topic, actor.person_id, context.now)
    parts = (source.content | {"files": []}, source.audience, Timing().to_json())
    bulletin = add_bulletin(context.session, kind, *whose, *parts)
    files = copy_files(context.session, source, bulletin)
    if files:
        change(context.session, bulletin, actor.person_id, context.now, content=bulletin.content | {"files": files})
    return bulletin


def change_content(context: Context, bulletin_id: int, how: Callable[[Content], Content]) -> None:
    """Change what a bulletin says. Raises as `edits` does."""
    bulletin = edits(context, bulletin_id)
    content = how(Content.from_json(bulletin.content)).to_json()
    change(context.session, bulletin, get_actor(context).person_id, context.now, content=content)


def to_overview(context: Context, bulletin_id: int) -> list[Reply]:
    """The bulletin with all its parts; the talk is over, since everything stands in the row."""
    return context.open_step(NAME, "overview", {"bulletin_id": bulletin_id})


def show_content_menu(context: Context, bulletin_id: int) -> list[Reply]:
    """Which part of what it says to change."""
    bulletin = edits(context, bulletin_id)
    parts = [("edit_title", "title"), ("edit_text", "text"), ("edit_files", "files"), ("edit_blocks", "blocks")]
    parts.append(("edit_topic", "topic"))
    if bulletin.kind is not BulletinKind.TASK:
        parts.append(("make_private" if bulletin.is_public else "make_public", "public"))
    buttons = [act_button(key, bulletin_id, what) for key, what in parts]
    return [Reply(t("bulletin_desk.what_to_edit"), (*buttons, back_button(bulletin_id)))]


DRAFT_STEPS = {
    "kind": Step(_ask_kind, _take_kind),
    "unit": Step(_ask_unit, _take_unit),
    "topic": Step(_ask_first_topic, _take_first_topic),
    "new_topic": edit_step(_ask_new_topic, _take_new_topic),
    "title": edit_step(_ask_title, _take_title),
    "text": edit_step(_ask_text, _take_text),
    "files": edit_step(_ask_files, _take_files, clean_to_show),
}
