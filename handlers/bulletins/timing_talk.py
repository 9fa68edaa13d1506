"""The desk's talk on when a bulletin goes out: typed the way people say it, or pressed; with the next five dates."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import time

from db.bulletins import change, find_bulletin
from db.models import Bulletin, BulletinKind
from handlers.actions import Choose
from handlers.bulletins.desk_seat import NAME, Unfit, sit_down, typed
from handlers.bulletins.recurrences import Repeat
from handlers.bulletins.timing import LONGEST_TASK_DAYS, Timing
from handlers.bulletins.timing_words import describe_timing, name_hours
from handlers.bulletins.when_words import read_span, read_when
from handlers.chat import Button, Incoming, Reply
from handlers.errors import Outdated
from handlers.feature import Context, Draft, Step
from knowledge.texts import t

_SAVE, _MORE, _BACK, _CLEAR, _DISTURB = "save", "more", "back", "clear", "disturb"
_LATE_HOURS = (2, 6, 12, 24, 72)
_SPREAD_MINUTES = (0, 60, 180, 360, 600)
_TASK_DAYS = (1, 3, 7, 14, LONGEST_TASK_DAYS)
_LONGEST_AHEAD_DAYS = 400
"""Whoever plans further ahead mistyped the year."""

_URGENT = "urgent"


def _ask_timing(context: Context, draft: Draft) -> list[Reply]:
    bulletin, timing = _read(context, draft)
    text = "\n".join((*_describe(context, bulletin, timing), "", t("bulletin_timing.ask")))
    presets = tuple(_choice("timing", repeat.value, f"preset_{repeat.value}") for repeat in _PRESETS)
    last = (_choice("timing", _MORE, "more"), _choice("timing", _SAVE, "save"))
    return [Reply(text, (*presets, *last))]


_PRESETS = {
    Repeat.ONCE: Timing(),
    Repeat.DAILY: Timing(Repeat.DAILY, at=time(8)),
    Repeat.WEEKLY: Timing(Repeat.WEEKLY, at=time(8), weekdays=(1,)),
    Repeat.MONTHLY: Timing(Repeat.MONTHLY, at=time(8), day=1),
}
"""What can be pressed; another hour or day is typed."""


def _take_timing(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    bulletin, timing = _read(context, draft)
    if incoming.action == _MORE:
        return context.open_step(NAME, "timing_more", draft)
    if incoming.action == _SAVE:
        _check(context, timing)
        change(context.session, bulletin, sit_down(context).person_id, context.now, timing=timing.to_json())
        return context.open_step(NAME, "overview", {"bulletin_id": bulletin.id})
    preset = next((one for one in _PRESETS if one.value == incoming.action), None)
    if preset is not None:
        new = _PRESETS[preset]
        pressed = replace(
            timing, repeat=preset, once_at=None, at=new.at, weekdays=new.weekdays, day=new.day, cron=new.cron
        )
        return _keep(context, draft, pressed)
    if not typed(incoming):
        return _ask_timing(context, draft)
    read = read_when(typed(incoming), context.now, timing)
    if read is None:
        raise Unfit("bulletin_timing.unclear")
    _check(context, read)
    return _keep(context, draft, read)


def _check(context: Context, timing: Timing) -> None:
    """Raises `Unfit` for what never goes out, comes too often, or lies years ahead."""
    first = timing.first_at(context.now)
    if first is None:
        raise Unfit("bulletin_timing.is_over")
    if (first - context.now).days > _LONGEST_AHEAD_DAYS:
        raise Unfit("bulletin_timing.too_far")
    if timing.is_too_frequent(context.now):
        raise Unfit("bulletin_timing.too_frequent")


def _read(context: Context, draft: Draft) -> tuple[Bulletin, Timing]:
    """The bulletin, and its timing as far as it was chosen by now."""
    bulletin = find_bulletin(context.session, draft["bulletin_id"])
    if bulletin is None:
        raise Outdated
    return bulletin, Timing.from_json(draft.get("timing") or bulletin.timing)


def _keep(context: Context, draft: Draft, timing: Timing, step: str = "timing") -> list[Reply]:
    return context.open_step(NAME, step, {"bulletin_id": draft["bulletin_id"], "timing": timing.to_json()})


def _describe(context: Context, bulletin: Bulletin, timing: Timing) -> list[str]:
    return describe_timing(timing, context.now, bulletin.kind is BulletinKind.TASK)


def _choice(step: str, choice: str, key: str) -> Button:
    return Button(t(f"bulletin_timing.{key}"), Choose(NAME, step, choice))


def _ask_more(context: Context, draft: Draft) -> list[Reply]:
    bulletin, timing = _read(context, draft)
    buttons = [_choice("timing_more", what, f"button_{what}") for what in ("late", "spread")]
    if bulletin.kind is BulletinKind.TASK:
        buttons.insert(0, _choice("timing_more", "task", "button_task"))
    if timing.repeat is not Repeat.ONCE:
        buttons.append(_choice("timing_more", "days", "button_days"))
    if bulletin.topic == _URGENT or timing.may_disturb:
        buttons.append(_choice("timing_more", _DISTURB, "not_at_night" if timing.may_disturb else "also_at_night"))
    text = "\n".join((*_describe(context, bulletin, timing), "", t("bulletin_timing.ask_more")))
    return [Reply(text, (*buttons, _choice("timing_more", _BACK, "back")))]


def _take_more(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    bulletin, timing = _read(context, draft)
    if incoming.action in ("task", "late", "spread", "days"):
        return context.open_step(NAME, f"timing_{incoming.action}", draft)
    if incoming.action == _DISTURB and (bulletin.topic == _URGENT or timing.may_disturb):
        return _keep(context, draft, replace(timing, may_disturb=not timing.may_disturb), "timing_more")
    return context.open_step(NAME, "timing", draft) if incoming.action == _BACK else _ask_more(context, draft)


def _numbers(
    what: str, numbers: Sequence[int], name: Callable[[int], str], chosen: Callable[[Timing, int], Timing]
) -> Step:
    """A step that offers numbers, puts the chosen one into the timing, and goes back to the choice of what else."""
    step = f"timing_{what}"

    def ask(_context: Context, _draft: Draft) -> list[Reply]:
        choices = (Button(name(number), Choose(NAME, step, str(number))) for number in numbers)
        return [Reply(t(f"bulletin_timing.ask_{what}"), (*choices, _choice(step, _BACK, "back")))]

    def take(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
        _, timing = _read(context, draft)
        number = next((one for one in numbers if str(one) == incoming.action), None)
        if number is not None:
            return _keep(context, draft, chosen(timing, number), "timing_more")
        return _to_more(context, incoming, draft, step)

    return Step(ask, take)


def _name_spread(minutes: int) -> str:
    return name_hours(minutes / 60) if minutes else t("bulletin_timing.no_spread")


def _ask_days(_context: Context, _draft: Draft) -> list[Reply]:
    buttons = (_choice("timing_days", _CLEAR, "no_days"), _choice("timing_days", _BACK, "back"))
    return [Reply(t("bulletin_timing.ask_days"), buttons)]


def _take_days(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    _, timing = _read(context, draft)
    if incoming.action == _CLEAR:
        return _keep(context, draft, replace(timing, from_on=None, until_on=None), "timing_more")
    if not typed(incoming):
        return _to_more(context, incoming, draft, "timing_days")
    span = read_span(typed(incoming), context.today)
    if span is None:
        raise Unfit("bulletin_timing.days_unclear")
    new = replace(timing, from_on=span[0], until_on=span[1])
    _check(context, new)
    return _keep(context, draft, new, "timing_more")


def _to_more(context: Context, incoming: Incoming, draft: Draft, step: str) -> list[Reply]:
    return context.open_step(NAME, "timing_more" if incoming.action == _BACK else step, draft)


TIMING_STEPS: dict[str, Step] = {
    "timing": Step(_ask_timing, _take_timing),
    "timing_more": Step(_ask_more, _take_more),
    "timing_task": _numbers(
        "task",
        _TASK_DAYS,
        lambda days: t("bulletin_timing.days", count=days),
        lambda timing, days: replace(timing, task_days=days),
    ),
    "timing_late": _numbers(
        "late", _LATE_HOURS, name_hours, lambda timing, hours: replace(timing, expires_hours=hours)
    ),
    "timing_spread": _numbers(
        "spread", _SPREAD_MINUTES, _name_spread, lambda timing, minutes: replace(timing, spread_minutes=minutes)
    ),
    "timing_days": Step(_ask_days, _take_days),
}
"""What the desk mounts, so that each is open only to who may change the bulletin (`desk_seat.edit_step`)."""
