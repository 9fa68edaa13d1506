"""Past bulletins in chat: a list with pages, a search by words however they are typed, and each one to read again."""

from collections.abc import Sequence

from db.audiences import Audience
from db.bulletin_answers import find_received
from db.bulletin_archive import Past, find_corrected, find_past, list_corrections, list_past
from db.bulletin_runs import list_files
from db.models import BulletinKind
from db.people import find_membership
from db.units import list_ancestors
from handlers.actions import BrowseBulletins, Choose, OpenFromBulletin, ReadBulletin, SearchBulletins, ShowMenu
from handlers.bulletins.content import BlockKind, Content
from handlers.chat import Button, File, Incoming, Kind, Reply
from handlers.errors import Outdated, UserError
from handlers.feature import VIETNAM, Context, Draft, Step
from knowledge.normalize import fold
from knowledge.texts import t

NAME = "bulletins"
_PAGE = 5
_LOOKED_AT = 500
"""Bulletins that are looked through, the newest: years of any one unit's."""

_LONGEST_WORDS = 40
_LONGEST_LABEL = 40
_STOP = "stop"


def list_readable(context: Context) -> list[Past]:
    """The past bulletins that somebody may read, the newest first: public ones, and for a member those of their unit
    and the ones above it that were meant for people where they are."""
    tree = _list_tree(context)
    return [past for past in list_past(context.session, tree, _LOOKED_AT) if _may_read(past, tree)]


def _list_tree(context: Context) -> list[int]:
    """The unit somebody is a member of, and those above it."""
    person_id = context.account.person_id
    membership = find_membership(context.session, person_id, context.today) if person_id is not None else None
    if membership is None:
        return []
    above = list_ancestors(context.session, membership.unit_id, context.today)
    return [membership.unit_id, *(period.unit_id for period in above)]


def _may_read(past: Past, tree: Sequence[int]) -> bool:
    """Whether a bulletin is public or was meant for people of these units; what narrows its audience down further is
    no secret among them, but what goes to officers alone is."""
    if past.bulletin.is_public:
        return True
    audience = Audience.from_json(past.bulletin.audience)
    if audience.roles or past.bulletin.unit_id not in tree:
        return False
    meant = past.bulletin.kind is BulletinKind.CORRECTION or bool(set(audience.units) & set(tree))
    return meant and not set(audience.without) & set(tree)


def get_readable(context: Context, code: str) -> Past:
    """A past bulletin that somebody may read, also because it was sent to them. Raises `Outdated` otherwise."""
    past = find_past(context.session, code)
    if past is None:
        raise Outdated
    if not _may_read(past, _list_tree(context)) and not find_received(context.session, past.run.id, context.account):
        raise Outdated
    return past


def title_of(past: Past) -> str:
    """The title, with its fields filled in as they were sent."""
    return str(past.run.body.get("text", "")).split("\n", 1)[0].strip().strip("*").replace("\\", "")


def day_of(past: Past) -> str:
    """The day it went out."""
    return past.run.started_at.astimezone(VIETNAM).strftime("%d/%m/%Y")


def holds(past: Past, words: str) -> bool:
    """Whether a bulletin holds all these words, whatever the marks."""
    text = fold(str(past.run.body.get("text", "")))
    return all(word in text for word in fold(words).split())


def browse(context: Context, action: BrowseBulletins) -> list[Reply]:
    """A page of the list."""
    found = [past for past in list_readable(context) if holds(past, action.words)]
    page = max(0, action.page)
    shown = found[page * _PAGE : (page + 1) * _PAGE]
    search = Button(t("archive.search"), SearchBulletins())
    if not shown:
        text = t("archive.nothing_found", words=action.words) if action.words else t("archive.empty")
        return [Reply(text, (search, Button(t("menu.button"), ShowMenu())))]
    lines = [
        t("archive.line", number=number, day=day_of(past), title=title_of(past)) for number, past in enumerate(shown, 1)
    ]
    buttons = [Button(_label(past), ReadBulletin(past.bulletin.code)) for past in shown]
    if page:
        buttons.append(Button(t("archive.newer"), BrowseBulletins(page - 1, action.words)))
    if (page + 1) * _PAGE < len(found):
        buttons.append(Button(t("archive.older"), BrowseBulletins(page + 1, action.words)))
    head = t("archive.found", words=action.words) if action.words else t("archive.title")
    return [Reply("\n".join((head, *lines)), (*buttons, search))]


def _label(past: Past) -> str:
    """Its day and title, cut to what a button holds: two of one title differ by their days."""
    label = t("archive.label", day=past.run.started_at.astimezone(VIETNAM).strftime("%d/%m"), title=title_of(past))
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"


def read(context: Context, action: ReadBulletin) -> list[Reply]:
    """One bulletin again, with what corrects it and what it corrects; its questions were for those who got it."""
    past = get_readable(context, action.bulletin_code)
    wrong = find_corrected(context.session, past)
    corrections = list_corrections(context.session, past)
    notes = [t("archive.corrects", day=day_of(wrong), title=title_of(wrong))] if wrong else []
    notes += [t("archive.corrected", day=day_of(one), title=title_of(one)) for one in corrections]
    text = "\n\n".join((t("archive.sent_on", day=day_of(past)), *notes, str(past.run.body["text"])))
    buttons = [
        Button(_label(one), ReadBulletin(one.bulletin.code)) for one in (*corrections[:1], *([wrong] if wrong else []))
    ]
    for number, block in enumerate(Content.from_json(past.bulletin.content).blocks):
        if block.kind is BlockKind.LINK:
            buttons.append(Button(block.label, url=block.target))
        elif block.kind in (BlockKind.ASK, BlockKind.REPORT):
            buttons.append(Button(block.label, OpenFromBulletin(past.run.id, number)))
    return [Reply(text, (*buttons[:7], Button(t("archive.button"), BrowseBulletins())), _list_files(context, past))]


def _list_files(context: Context, past: Past) -> tuple[File, ...]:
    rows = list_files(context.session, past.run.plan.get("files", []))
    return tuple(File(row.name, row.media_type, row.content, is_personal=False) for row in rows)


def start_search(context: Context, _action: SearchBulletins) -> list[Reply]:
    """Ask for words."""
    return context.open_step(NAME, "search", {})


def _ask_words(_context: Context, _draft: Draft) -> list[Reply]:
    return [Reply(t("archive.ask_words"), (Button(t("archive.button"), Choose(NAME, "search", _STOP)),))]


def _take_words(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action == _STOP:
        context.close_conversation()
        return browse(context, BrowseBulletins())
    words = fold(incoming.text) if incoming.kind is Kind.TEXT else ""
    if not words:
        return _ask_words(context, draft)
    if len(words) > _LONGEST_WORDS:
        raise UserError("archive.too_many_words")
    context.close_conversation()
    return browse(context, BrowseBulletins(0, words))


ARCHIVE_STEPS = {"search": Step(_ask_words, _take_words)}
