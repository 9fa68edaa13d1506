"""Says what is stuck and why, in numbers of ledger lines and events: never whose they are or what they say."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from bot.channels import DOWN_AFTER
from db.channels import list_health
from db.deliveries import list_open_senders
from db.models import DeliveryState
from db.stuck import Event, Group, Line, group_all, group_open, list_events, list_lines
from handlers.feature import VIETNAM
from knowledge.texts import has_text, t

MOST_LINES = 20


def count_stuck(session: Session, now: datetime) -> list[dict[str, Any]]:
    """For `/readyz`: messages that should be out by now, by account, kind and reason."""
    return [
        {
            "sender": group.sender,
            "kind": group.kind.value,
            "reason": _reason_of(group.state, group.reason),
            "count": group.count,
            "oldest_minutes": int((now - group.oldest_at) / timedelta(minutes=1)),
        }
        for group in group_open(session, now)
    ]


def describe_stuck(session: Session, now: datetime) -> list[str]:
    """For the operator's screen: channels that reach nobody, stuck messages by reason and the oldest one by one, events
    that were given up. Empty when all is well."""
    groups = group_all(session, now)
    lines, events = list_lines(session, now, MOST_LINES), list_events(session, now, MOST_LINES)
    said = list(_describe_channels(session, now))
    if groups:
        said += [t("stuck.groups"), *(_describe_group(group, now) for group in groups)]
        said += [t("stuck.lines", shown=len(lines), count=sum(group.count for group in groups))]
        said += [_describe_line(line, now) for line in lines]
    if events:
        said += [t("stuck.events"), *(_describe_event(event, now) for event in events)]
    return said


def _describe_channels(session: Session, now: datetime) -> list[str]:
    """Accounts with something to send that last reached their platform a while ago."""
    health, waiting = list_health(session), set(list_open_senders(session))
    down = {name: one.good_at for name, one in health.items() if name in waiting and one.good_at is not None}
    return [
        t("stuck.down", sender=name, since=at.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y"))
        for name, at in sorted(down.items())
        if now - at >= DOWN_AFTER
    ]


def _describe_group(group: Group, now: datetime) -> str:
    return t(
        "stuck.group",
        sender=group.sender,
        kind=t(f"stuck.kind_{group.kind.value}"),
        count=group.count,
        why=_why(group.state, group.reason),
        age=_age(now - group.oldest_at),
    )


def _describe_line(line: Line, now: datetime) -> str:
    return t(
        "stuck.line",
        number=line.number,
        sender=line.sender,
        kind=t(f"stuck.kind_{line.kind.value}"),
        why=_why(line.state, line.reason),
        attempts=line.attempts,
        age=_age(now - line.written_at),
    )


def _describe_event(event: Event, now: datetime) -> str:
    key = f"stuck.event_{event.state.value}"
    age = _age(now - event.received_at)
    return t(key, number=event.number, sender=event.sender, attempts=event.attempts, code=event.code or "–", age=age)


def _reason_of(state: DeliveryState, reason: str | None) -> str:
    """Why a message waits; one that is tried just now waits for the reason of its last try."""
    if state is DeliveryState.DUE:
        return reason or "untried"
    return reason or state.value if state is DeliveryState.CLAIMED else state.value


def _why(state: DeliveryState, reason: str | None) -> str:
    if state is DeliveryState.FAILED:
        return t("stuck.why_failed", reason=reason or "–")
    key = f"stuck.why_{_reason_of(state, reason)}"
    return t(key) if has_text(key) else t("stuck.why_other", reason=reason or "–")


def _age(age: timedelta) -> str:
    minutes = int(age / timedelta(minutes=1))
    if minutes < 60:
        return t("stuck.minutes", count=minutes)
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return t("stuck.hours", hours=hours, minutes=rest)
    return t("stuck.days", days=hours // 24, hours=hours % 24)
