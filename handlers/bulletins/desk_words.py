"""How a bulletin is told to those who write and release it: all its parts, what is missing, and what was done to it."""

from typing import Any

from db.audiences import Audience, list_outside
from db.bulletins import list_events, list_files
from db.models import Bulletin, BulletinKind, BulletinState, Person
from db.units import find_period
from handlers.bulletins.audience import describe_audience
from handlers.bulletins.content import ANSWERED, Block, BlockKind, Content
from handlers.bulletins.drafting_rules import labels_of
from handlers.bulletins.telling import show_moment
from handlers.bulletins.timing import Timing
from handlers.bulletins.timing_words import describe_timing
from handlers.bulletins.topics import name_topic
from handlers.feature import Context
from knowledge.texts import has_text, t

_BEGINNING = 200
_MOST_EVENTS = 20

OWN_AUDIENCE = (BulletinKind.NEWS, BulletinKind.TASK)
"""Kinds whose editor says who gets them; the others go to whoever got what they correct."""


def describe(context: Context, bulletin: Bulletin) -> str:
    """Everything an editor or approver must know of a bulletin, with the beginning of its text."""
    content = Content.from_json(bulletin.content)
    sections = (
        _describe_head(context, bulletin, content),
        shorten(content.text) or t("bulletin_desk.no_text"),
        "\n".join(_describe_parts(context, bulletin, content)),
        "\n".join(_describe_whom_and_when(context, bulletin)),
        "\n".join(_describe_release(context, bulletin)),
    )
    return "\n\n".join(filter(None, sections))


def _describe_head(context: Context, bulletin: Bulletin, content: Content) -> str:
    return t(
        "bulletin_desk.head",
        title=title_of(content),
        kind=t(f"bulletin_desk.kind_{bulletin.kind.value}"),
        unit=name_unit(context, bulletin.unit_id),
        topic=name_topic(bulletin.topic),
        state=name_state(bulletin),
    )


def title_of(content: Content) -> str:
    """The title, or that there is none yet."""
    return content.title or t("bulletin_desk.no_title")


def name_state(bulletin: Bulletin) -> str:
    """Where it stands."""
    return t(f"bulletin_desk.state_{bulletin.state.value}")


def name_unit(context: Context, unit_id: int) -> str:
    """The unit that sends it."""
    period = find_period(context.session, unit_id, context.today)
    return period.name if period else t("bulletin_desk.closed_unit")


def shorten(text: str) -> str:
    """The beginning of a text, without marks that a cut could break."""
    plain = " ".join(text.replace("**", "").split())
    return plain if len(plain) <= _BEGINNING else f"{plain[:_BEGINNING].rsplit(' ', 1)[0]}…"


def _describe_parts(context: Context, bulletin: Bulletin, content: Content) -> list[str]:
    files = list_files(context.session, bulletin.id, content.files)
    lines = [t("bulletin_desk.line_files", files=", ".join(file.name for file in files))] if files else []
    lines += [describe_block(block) for block in content.blocks]
    if bulletin.kind is BulletinKind.TASK:
        return lines
    return [*lines, t("bulletin_desk.line_public" if bulletin.is_public else "bulletin_desk.line_not_public")]


def describe_block(block: Block) -> str:
    """One thing to press, on a line."""
    kind = t(f"bulletin_desk.block_{block.kind.value}")
    if block.kind not in ANSWERED:
        behind = f" ({block.target})" if block.target else ""
        return t("bulletin_desk.line_button", kind=kind, label=f"{block.label}{behind}")
    choices = [f"{choice} ✓" if place == block.right else choice for place, choice in enumerate(labels_of(block))]
    return t("bulletin_desk.line_question", kind=kind, label=block.label, choices=" / ".join(choices))


def _describe_whom_and_when(context: Context, bulletin: Bulletin) -> list[str]:
    if bulletin.kind in OWN_AUDIENCE:
        whom = describe_audience(context, bulletin)
    else:
        whom = [t(f"bulletin_desk.whom_{bulletin.kind.value}")]
    is_task = bulletin.kind is BulletinKind.TASK
    return [*whom, *describe_timing(Timing.from_json(bulletin.timing), context.now, is_task)]


def _describe_release(context: Context, bulletin: Bulletin) -> list[str]:
    lines = []
    if bulletin.submitted_at is not None:
        who = name_person(context, bulletin.submitted_by_id)
        lines.append(t("bulletin_desk.line_submitted", who=who, at=show_moment(bulletin.submitted_at)))
    if bulletin.released_at is not None:
        key = "bulletin_desk.line_released_alone" if bulletin.released_alone else "bulletin_desk.line_released"
        who = name_person(context, bulletin.released_by_id)
        lines.append(t(key, who=who, at=show_moment(bulletin.released_at)))
    if bulletin.returned_because and bulletin.state is BulletinState.DRAFT:
        lines.append(t("bulletin_desk.line_returned", reason=bulletin.returned_because))
    return lines


def list_missing(context: Context, bulletin: Bulletin) -> list[str]:
    """What keeps a draft from being submitted, each a line that says what to do."""
    content = Content.from_json(bulletin.content)
    audience = Audience.from_json(bulletin.audience)
    named = (*audience.units, *audience.without)
    checks = (
        (not content.title, "missing_title"),
        (not content.text, "missing_text"),
        (bulletin.kind in OWN_AUDIENCE and not audience.units, "missing_audience"),
        (bool(list_outside(context.session, named, bulletin.unit_id, context.today)), "missing_reach"),
        (Timing.from_json(bulletin.timing).first_at(context.now) is None, "missing_time"),
        (_lacks_task(bulletin, content), "missing_task"),
    )
    return [t(f"bulletin_desk.{key}") for is_missing, key in checks if is_missing]


def _lacks_task(bulletin: Bulletin, content: Content) -> bool:
    return bulletin.kind is BulletinKind.TASK and all(block.kind is not BlockKind.TASK for block in content.blocks)


def describe_history(context: Context, bulletin: Bulletin) -> str:
    """Who did what to it and when, the newest last."""
    told = list_events(context.session, bulletin.id)
    events = [event for event in told if has_text(f"bulletin_desk.event_{event.what}")]
    lines = [
        t(
            "bulletin_desk.line_event",
            at=show_moment(event.at),
            what=_name_event(event.what, event.details),
            who=name_person(context, event.person_id),
        )
        for event in events[-_MOST_EVENTS:]
    ]
    return "\n".join((t("bulletin_desk.history"), *lines))


def _name_event(what: str, details: Any) -> str:
    told = t(f"bulletin_desk.event_{what}")
    if what == "edited":
        parts = ", ".join(t(f"bulletin_desk.part_{part}") for part in details["parts"])
        return f"{told} ({parts})"
    if what == "released" and "alone" in details:
        return f"{told} ({t('bulletin_desk.alone')})"
    if what == "returned":
        return f"{told} ({details['reason']})"
    return told


def name_person(context: Context, person_id: int | None) -> str:
    """An officer as colleagues know them; of nobody, the system."""
    person = context.session.get(Person, person_id) if person_id is not None else None
    if person is None:
        return t("bulletin_desk.system")
    return str((person.profile or {}).get("full_name") or person.code)
