"""The steps in which a worker tells what happened: the kind, the story with its files, by whom it is read, details."""

from dataclasses import replace

from db.case_files import remove_waiting_files
from db.models import Case
from handlers.actions import Choose
from handlers.cases.drafts import NAME, Told
from handlers.cases.hearing import hear, hear_kind, take_words
from handlers.cases.keeping import Kept, keep_file, send_distorted_voice, send_own_voice
from handlers.cases.path import DONE, SKIP, Take, go, go_on, note, stay
from handlers.cases.sending import describe_readers_of, send
from handlers.chat import Attachment, Button, Incoming, Kind, Reply
from handlers.errors import Outdated
from handlers.feature import Context
from knowledge.normalize import fold
from knowledge.texts import t

FIRST_PAGE = ("wages", "insurance", "dismissal", "hours", "safety", "harassment")
SECOND_PAGE = ("accident", "stoppage", "discipline", "contract", "meals", "union_rights", "agreement", "welfare")
DETAILS = ("where", "since", "affected", "wants")
"""What may be told besides the story, each by its own button."""

SEND_NOW = "now"
_NUMBER = "affected"
"""The detail that is a number. No button stands under its question, since "1" would press it."""

_UNKNOWN = frozenset(
    f"{no} {known}" for no in ("khong", "ko", "k", "kg", "hong", "hok", "chua") for known in ("ro", "biet")
) | {"bo qua"}
_MORE, _AGAIN, _OTHER = "more", "again", "other"
_LONGEST_DETAIL = 500
_SHOWN = 300
"""Signs of the story that are shown again: they wrote it themselves a moment ago."""


def ask_category(_context: Context, _case: Case, told: Told) -> list[Reply]:
    """The commoner kinds, and the way to the others; a story told here is heard as well."""
    is_second = told.asked == _MORE
    names = SECOND_PAGE if is_second else FIRST_PAGE
    buttons = [Button(t(f"case_words.category_{name}"), Choose(NAME, "category", name)) for name in names]
    if not is_second:
        buttons += [
            Button(t("report.more_kinds"), Choose(NAME, "category", _MORE)),
            Button(t("report.no_kind"), Choose(NAME, "category", _OTHER)),
        ]
    return [Reply(t("report.ask_category"), tuple(buttons))]


def take_category(context: Context, incoming: Incoming, case: Case, told: Told) -> list[Reply]:
    """Press a kind, or simply begin to tell."""
    chosen = incoming.action or ""
    told.asked = _MORE if chosen == _MORE else ""
    if chosen in (*FIRST_PAGE, *SECOND_PAGE, _OTHER):
        told.category = chosen
        return [*hear_kind(context, told), *go_on(context, case, told, "category")]
    if incoming.kind in (Kind.TEXT, Kind.FILE) and not told.is_editing:
        return take_story(context, incoming, case, told)
    return stay(context, incoming, case, told, "category")


def ask_story(context: Context, case: Case, told: Told) -> list[Reply]:
    """The question itself, or what was told so far and how to go on."""
    asked = _show_so_far(told) if told.story or told.files else _ask_to_begin(told)
    if not told.is_emergency or not told.has_content:
        return [asked]
    send_now = Button(t("report.send_now"), Choose(NAME, "story", SEND_NOW))
    readers = describe_readers_of(context, case, replace(told, is_named=False))
    text = f"{asked.text}\n\n{readers}\n{t('report.emergency_next')}"
    return [Reply(text, (send_now, *asked.buttons))]


def _ask_to_begin(told: Told) -> Reply:
    if told.category == "harassment":
        return Reply(t("report.ask_story_gently"), (Button(t("report.tell_nothing"), Choose(NAME, "story", DONE)),))
    if told.details.get("question"):
        text = t("report.ask_note", question=_shorten(told.details["question"]))
        return Reply(text, (Button(t("report.send_question"), Choose(NAME, "story", DONE)),))
    return Reply(t("report.ask_story"))


def _show_so_far(told: Told) -> Reply:
    parts = [t("report.story_so_far", story=_shorten(told.story[-1]))] if told.story else []
    if told.files:
        parts.append(t("report.files_so_far", count=told.files))
    buttons = (
        Button(t("report.done"), Choose(NAME, "story", DONE)),
        Button(t("report.write_again"), Choose(NAME, "story", _AGAIN)),
    )
    return Reply("\n".join([*parts, t("report.tell_more")]), buttons)


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN].rstrip()}…"


def take_story(context: Context, incoming: Incoming, case: Case, told: Told) -> list[Reply]:
    """One more message or file, or a button. Nothing that was told is dropped without saying so."""
    if incoming.kind is Kind.BUTTON:
        return _press_in_story(context, case, told, incoming.action or "")
    words = words_of(incoming)
    which_voice: list[Reply] = []
    if incoming.attachment is not None and incoming.attachment.cleaned is not None:
        which_voice = keep_attachment(context, incoming.attachment, case, "story")
        told.files += 1
    said = take_words(context, words, told) if words else []
    return [*said, *go(context, case, told, "story"), *which_voice]


def words_of(incoming: Incoming) -> str:
    """What was typed, also under a picture or a document; empty for anything else."""
    return incoming.text.strip() if incoming.kind in (Kind.TEXT, Kind.FILE) else ""


def _press_in_story(context: Context, case: Case, told: Told, chosen: str) -> list[Reply]:
    if chosen.startswith("voice"):
        return [Reply(choose_voice(context, case, chosen)), *go(context, case, told, "story")]
    if chosen == _AGAIN:
        remove_waiting_files(context.session, case)
        told.story, told.files = [], 0
        return go(context, case, told, "story")
    may_go_on = told.has_content or told.category == "harassment"
    if chosen == DONE and may_go_on:
        return go_on(context, case, told, "story")
    if chosen == SEND_NOW and told.is_emergency and told.has_content:
        told.is_named = False  # as is said beside the button, whatever was chosen before
        return send(context, case, told)
    return go(context, case, told, "story")


def with_files(step: str, take: Take) -> Take:
    """A step that asks something else and takes files all the same: they belong to the story with the words under them,
    and the question stays open."""

    def take_all(context: Context, incoming: Incoming, case: Case, told: Told) -> list[Reply]:
        chosen = incoming.action or ""
        if chosen.startswith("voice"):
            return [Reply(choose_voice(context, case, chosen)), *go(context, case, told, step)]
        if incoming.attachment is None or incoming.attachment.cleaned is None:
            return take(context, incoming, case, told)
        which_voice = keep_attachment(context, incoming.attachment, case, step)
        told.files += 1
        words = words_of(incoming)
        said = note(context, words, told) if words else []
        received = Reply(t("report.files_so_far", count=told.files))
        return [*said, received, *go(context, case, told, step), *which_voice]

    return take_all


def keep_attachment(context: Context, attachment: Attachment, case: Case, step: str) -> list[Reply]:
    """Keep a file; whoever sent their voice is warned, and asked which version goes out."""
    if attachment.cleaned is None:
        raise Outdated
    kept = keep_file(context.session, case, attachment.cleaned, context.now)
    if kept.original_id is None:
        return []
    which = f"{kept.file_id}:{kept.original_id}"
    buttons = (
        Button(t("report.voice_distorted"), Choose(NAME, step, f"voice:{which}")),
        Button(t("report.voice_own"), Choose(NAME, step, f"voiceown:{which}")),
    )
    return [Reply(t("report.voice_warning"), buttons)]


def choose_voice(context: Context, case: Case, chosen: str) -> str:
    """Which version of a voice goes out; returns what to say. Raises `Outdated` when it went already."""
    try:
        what, file_id, original_id = chosen.split(":")
        kept = Kept(int(file_id), int(original_id))
    except ValueError:
        raise Outdated from None
    if what == "voiceown":
        send_own_voice(context.session, case, kept)
        return t("report.voice_is_own")
    send_distorted_voice(context.session, case, kept)
    return t("report.voice_is_distorted")


def ask_reader(_context: Context, _case: Case, _told: Told) -> list[Reply]:
    """By whom it is read, in a matter of which not everybody speaks with everybody."""
    buttons = (
        Button(t("report.reader_female"), Choose(NAME, "reader", "female")),
        Button(t("report.reader_male"), Choose(NAME, "reader", "male")),
        Button(t("report.reader_any"), Choose(NAME, "reader", SKIP)),
    )
    return [Reply(t("report.ask_reader"), buttons)]


def take_reader(context: Context, incoming: Incoming, case: Case, told: Told) -> list[Reply]:
    """A woman, a man, or whoever comes first."""
    if incoming.action not in ("female", "male", SKIP):
        return stay(context, incoming, case, told, "reader")
    told.is_reader_asked = True
    told.details.pop("reader_sex", None)
    if incoming.action != SKIP:
        told.details["reader_sex"] = incoming.action
    return go_on(context, case, told, "reader")


def ask_details(_context: Context, _case: Case, told: Told) -> list[Reply]:
    """One of the details, or which of them."""
    if told.asked in DETAILS:
        skip = () if told.asked == _NUMBER else (Button(t("report.skip"), Choose(NAME, "details", _OTHER)),)
        return [Reply(t(f"report.ask_{told.asked}"), skip)]
    buttons = [
        Button(t(f"report.detail_{name}"), Choose(NAME, "details", name))
        for name in DETAILS
        if name not in told.details
    ]
    key = "report.ask_more_details" if any(name in told.details for name in DETAILS) else "report.ask_details"
    return [Reply(t(key), (Button(t("report.go_on"), Choose(NAME, "details", DONE)), *buttons))]


def take_details(context: Context, incoming: Incoming, case: Case, told: Told) -> list[Reply]:
    """What is typed without choosing goes to the story, so that nothing is lost. Only a press closes an open
    question."""
    words = " ".join(incoming.text.split()) if incoming.kind is Kind.TEXT else ""
    if words and told.asked in DETAILS and fold(words) in _UNKNOWN:
        told.asked = ""
        return go(context, case, told, "details")
    if words and told.asked in DETAILS:
        told.details[told.asked], told.asked = words[:_LONGEST_DETAIL], ""
        return [*hear(context, words, told), *go(context, case, told, "details")]
    if incoming.kind is not Kind.BUTTON:
        return stay(context, incoming, case, told, "details")
    told.asked = incoming.action if incoming.action in DETAILS else ""
    if incoming.action == DONE:
        return go_on(context, case, told, "details")
    return go(context, case, told, "details")
