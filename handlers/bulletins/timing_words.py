"""When a bulletin goes out, in words: the rule, the next five dates, and what happens when it is late or at night."""

from datetime import datetime

from db.models import Shift
from handlers.bulletins.recurrences import Repeat
from handlers.bulletins.timing import Timing
from handlers.feature import VIETNAM
from knowledge.texts import t


def describe_timing(timing: Timing, now: datetime, is_task: bool = False) -> list[str]:
    """When it goes out if it is released now, a line for each thing to know, with the next five dates."""
    lines = [t("bulletin_timing.line_when", when=name_rule(timing))]
    coming = timing.list_next(now)
    if timing.repeat is not Repeat.ONCE:
        lines += _tell_span(timing)
        lines.append(t("bulletin_timing.line_next", dates="; ".join(map(show_with_weekday, coming))) if coming else "")
    if not coming:
        lines.append(t("bulletin_timing.line_over"))
    if is_task:
        lines.append(t("bulletin_timing.line_task", span=t("bulletin_timing.days", count=timing.task_days)))
    lines.append(t("bulletin_timing.line_late", span=name_hours(timing.expires_hours)))
    if timing.spread_minutes:
        lines.append(t("bulletin_timing.line_spread", span=name_hours(timing.spread_minutes / 60)))
    if timing.may_disturb:
        lines.append(t("bulletin_timing.line_disturb"))
    else:
        lines.append(t("bulletin_timing.line_quiet"))
        if coming and not timing.slots(coming[0], Shift.NIGHT):
            lines.append(t("bulletin_timing.line_night_misses"))
        if coming and not timing.slots(coming[0], Shift.DAY):
            lines.append(t("bulletin_timing.line_day_misses"))
    return [line for line in lines if line]


def name_rule(timing: Timing) -> str:
    """Its rule in a few words."""
    at = f"{timing.at:%H:%M}"
    if timing.repeat is Repeat.ONCE:
        return t("bulletin_timing.at_once") if timing.once_at is None else show_with_weekday(timing.once_at)
    if timing.repeat is Repeat.WEEKLY:
        days = ", ".join(name_weekday(day) for day in timing.weekdays)
        return t("bulletin_timing.weekly", at=at, days=days)
    if timing.repeat is Repeat.MONTHLY:
        if timing.day > 30:
            return t("bulletin_timing.monthly_last", at=at)
        return t(
            "bulletin_timing.monthly_or_last" if timing.day > 28 else "bulletin_timing.monthly", at=at, day=timing.day
        )
    if timing.repeat is Repeat.CRON:
        return t("bulletin_timing.cron", cron=timing.cron)
    return t("bulletin_timing.daily", at=at)


def _tell_span(timing: Timing) -> list[str]:
    lines = []
    if timing.from_on is not None:
        lines.append(t("bulletin_timing.line_from", day=f"{timing.from_on:%d/%m/%Y}"))
    if timing.until_on is not None:
        lines.append(t("bulletin_timing.line_until", day=f"{timing.until_on:%d/%m/%Y}"))
    return lines


def show_with_weekday(moment: datetime) -> str:
    """A moment in Vietnam, with its weekday."""
    local = moment.astimezone(VIETNAM)
    return f"{local:%H:%M} {name_weekday(local.isoweekday())} {local:%d/%m/%Y}"


def name_weekday(day: int) -> str:
    """A weekday, Monday being 1."""
    return t(f"bulletin_timing.day_{day}")


def name_hours(hours: float) -> str:
    """A span in hours or days."""
    if hours >= 48 and hours % 24 == 0:
        return t("bulletin_timing.days", count=int(hours // 24))
    if hours < 1:
        return t("bulletin_timing.minutes", count=round(hours * 60))
    return t("bulletin_timing.hours", count=f"{hours:g}")
