"""Tells an editor who would get a bulletin on which account, what it costs, and what does not fit and why."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from db.channel_accounts import channel_of, list_accounts
from db.models import Bulletin
from db.units import find_period
from handlers.bulletins.telling import name_channel, show_about, show_number
from handlers.bulletins.zalo_plan import Share, make_plan
from handlers.feature import VIETNAM
from knowledge.texts import t

_MOST_SHOWN = 8


def describe_plan(session: Session, bulletin: Bulletin, now: datetime, k: int) -> list[str]:
    """Who would get a bulletin where if it went now, what it costs, and what does not fit and why; no number of people
    below ``k`` is told, nor one from which such a number follows."""
    plan = make_plan(session, bulletin, now, [account.sender for account in list_accounts(session)])
    on = now.astimezone(VIETNAM).date()
    shares: Sequence[Share] = [share for share in plan.shares if share.people]
    if not shares:
        return [t("bulletin_zalo.nobody")]
    lines = [t("bulletin_zalo.heading")]
    if len(shares) > _MOST_SHOWN:
        shares = [_add_up(shares)]
    for share in shares:
        lines += _describe(session, share, on, k)
    if plan.unreachable:
        lines.append(t("bulletin_zalo.unreachable", count=show_about(plan.unreachable, k)))
    cost = sum(_round_up(share, k) for share in shares)
    lines.append(t("bulletin_zalo.cost", dong=show_number(cost)) if cost else t("bulletin_zalo.no_cost"))
    return lines


def _round_up(share: Share, k: int) -> int:
    """The cost as it may be told: exact, it would tell for how many people."""
    if not share.cost:
        return 0
    step = k * share.cost // max(1, share.paid or share.free)
    return -(-share.cost // step) * step if step else share.cost


def _add_up(shares: Sequence[Share]) -> Share:
    """All accounts of a channel together, where there are too many to read."""
    numbers = {
        name: sum(getattr(share, name) for share in shares)
        for name in ("free", "paid", "by_article", "waits", "no_room", "cost")
    }
    return Share("", None, **numbers, why=tuple(sorted({(key, 0) for share in shares for key, _ in share.why})))


def _describe(session: Session, share: Share, on: date, k: int) -> list[str]:
    counts = {
        "free": share.free,
        "paid": share.paid,
        "by_article": share.by_article,
        "waits": share.waits,
        "no_room": share.no_room,
    }
    shown = hide_small({name: count for name, count in counts.items() if count}, k)
    parts = ", ".join(t(f"bulletin_zalo.{name}", count=_tell(count, k)) for name, count in shown.items())
    lines = [t("bulletin_zalo.account", name=_name(session, share, on), parts=parts)]
    return lines + [
        t(f"bulletin_zalo.why_{key}", **({"count": show_about(count, k)} if count else {})) for key, count in share.why
    ]


def _name(session: Session, share: Share, on: date) -> str:
    if not share.sender:
        return t("bulletin_zalo.all_accounts")
    unit = find_period(session, share.unit_id, on) if share.unit_id is not None else None
    channel = name_channel(channel_of(share.sender))
    return t("bulletin_zalo.of_unit", channel=channel, unit=unit.name) if unit else channel


def hide_small(counts: Mapping[str, int], k: int) -> dict[str, int | None]:
    """Counts of parts of a whole, None where it is not told: each below k, and, where that is only one, the smallest
    other too, since the whole may be known."""
    hidden = {name for name, count in counts.items() if 0 < count < k}
    others = sorted((count, name) for name, count in counts.items() if name not in hidden and count)
    if len(hidden) == 1 and others:
        hidden.add(others[0][1])
    return {name: None if name in hidden else count for name, count in counts.items()}


def _tell(count: int | None, k: int) -> str:
    return t("bulletin_zalo.few") if count is None else show_about(count, k)
