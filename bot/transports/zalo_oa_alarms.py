"""What the operator must hear of an Official Account: days before its tokens die, when they are refused, and what Zalo
answers that only a person can mend."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.transports.zalo_oa_tokens import ACCESS_REFUSED
from db.models import ZaloTokens
from handlers.feature import VIETNAM
from knowledge.texts import t

Alarm = Callable[[str, str], Awaitable[None]]
"""Tells the operator a text, once for each subject."""

_DAYS_BEFORE = (14, 7, 3, 1)
_LATE = timedelta(hours=2)


@dataclass(frozen=True)
class Notice:
    """Something to tell, once for each subject."""

    subject: str
    text: str


def list_notices(tokens: ZaloTokens | None, trouble: str, now: datetime) -> list[Notice]:
    """What is wrong with the tokens of an account, or soon will be."""
    today = now.astimezone(VIETNAM).date().isoformat()
    if tokens is None or tokens.access_token is None or tokens.access_until is None or tokens.refresh_until is None:
        return [Notice(f"zalo_oa:login:{today}", t("operator.zalo_oa_login"))]
    access_until, refresh_until = _write(tokens.access_until), _write(tokens.refresh_until)
    if tokens.refused_at is not None or tokens.refresh_until <= now:
        return [Notice(f"zalo_oa:refused:{today}", t("operator.zalo_oa_refused", until=access_until))]
    notices = []
    days = next((days for days in reversed(_DAYS_BEFORE) if tokens.refresh_until - now <= timedelta(days=days)), None)
    if days is not None:
        text = t("operator.zalo_oa_ends", days=days, until=refresh_until)
        notices.append(Notice(f"zalo_oa:ends:{tokens.version}:{days}", text))
    if trouble and (trouble == ACCESS_REFUSED or tokens.access_until - now <= _LATE):
        text = t("operator.zalo_oa_late", trouble=trouble, until=access_until)
        notices.append(Notice(f"zalo_oa:late:{today}", text))
    return notices


def notice_of_code(code: int, reason: str, now: datetime) -> Notice:
    """Zalo answers a code that no waiting mends; told once a day."""
    today = now.astimezone(VIETNAM).date().isoformat()
    return Notice(f"zalo_oa:code:{code}:{today}", t("operator.zalo_oa_code", code=code, reason=reason))


def _write(moment: datetime) -> str:
    return moment.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")
