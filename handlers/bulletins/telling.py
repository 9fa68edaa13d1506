"""How numbers of people, channels, moments and reasons are told to those who write and release bulletins."""

from datetime import datetime

from handlers.feature import VIETNAM
from knowledge.texts import has_text, t


def show_number(count: int) -> str:
    """A number as it is written in Vietnam."""
    return f"{count:,}".replace(",", ".")


def show_count(count: int, k: int) -> str:
    """A number of people, "0", or that it is below k."""
    return t("bulletin_results.few", count=k) if 0 < count < k else show_number(count)


def show_about(count: int, k: int) -> str:
    """A number of people, rounded down to a multiple of k, so that two of them next to each other tell of nobody."""
    return show_count(count if count < k else count - count % k, k)


def name_channel(channel: str) -> str:
    """A channel, with the two products of Zalo told apart, which members need not know."""
    for key in (f"bulletin_desk.channel_{channel}", f"channels.{channel}"):
        if has_text(key):
            return t(key)
    return channel


def show_moment(moment: datetime) -> str:
    """A moment in Vietnam."""
    return moment.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")


def name_reason(reason: str) -> str:
    """Why a message did not go out, as people read it; what only a platform's engineers would understand is "another
    reason" (the ledger keeps it for the operator)."""
    key = f"bulletin_results.because_{reason.split(':')[0].strip().replace('-', '_').lower()}"
    return t(key) if has_text(key) else t("bulletin_results.because_other")
