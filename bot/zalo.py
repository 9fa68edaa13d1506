"""The operator's commands for the Zalo Official Account: give the bot its permissions, and see how it stands."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from bot.settings import Settings
from bot.transports import ZALO_OA_LOGIN_PATH
from bot.transports.zalo_oa import open_client, sender_of
from bot.transports.zalo_oa_alarms import list_notices
from bot.transports.zalo_oa_tokens import LoginRefused, ZaloTokenKeeper
from db.session import Database
from db.zalo_oa import Window, count_followers, count_windows
from db.zalo_oa_tokens import find_tokens
from handlers.feature import VIETNAM
from knowledge.texts import t


class ZaloProblem(Exception):
    """The command cannot be done; the message says why."""


def log_in(settings: Settings, database: Database, address: str | None, now: Callable[[], datetime]) -> str:
    """Without ``address``: a link for one consent, and what must stand in Zalo's console. With it: finish a consent
    whose page could not be reached, from the address the browser was sent to. Returns what to tell the operator."""
    if not settings.zalo_oa_id:
        raise ZaloProblem(t("zalo_oa.off"))
    if not settings.web_public_url:
        raise ZaloProblem(t("zalo_oa.no_public_url"))
    return asyncio.run(_log_in(settings, database, address, now))


async def _log_in(settings: Settings, database: Database, address: str | None, now: Callable[[], datetime]) -> str:
    client = open_client(settings)
    keeper = ZaloTokenKeeper(sender_of(settings), settings.zalo_oa_id, client, database, now)
    try:
        if address is None:
            login = await keeper.begin_login(f"{settings.web_public_url}{ZALO_OA_LOGIN_PATH}")
            return t("zalo_oa.login_steps", redirect_url=login.redirect_url, challenge=login.challenge, url=login.url)
        await keeper.finish_login(dict(parse_qsl(urlsplit(address).query)))
        return t("zalo_oa.login_done")
    except LoginRefused as refusal:
        raise ZaloProblem(t(refusal.key)) from None
    finally:
        await client.close()


def describe(settings: Settings, database: Database, now: datetime) -> str:
    """How the account stands: until when its tokens are good, who follows it, and what writing to them costs."""
    if not settings.zalo_oa_id:
        raise ZaloProblem(t("zalo_oa.off"))
    sender = sender_of(settings)
    with database.read() as session:
        tokens = find_tokens(session, sender)
        windows = count_windows(session, sender, now)
        followers = count_followers(session, sender)
    lines = [notice.text for notice in list_notices(tokens, "", now)]
    if tokens is not None and tokens.access_until is not None and tokens.refresh_until is not None:
        lines.append(t("zalo_oa.tokens", access=_write(tokens.access_until), refresh=_write(tokens.refresh_until)))
    counts = {"free": windows[Window.FREE], "billable": windows[Window.BILLABLE], "closed": windows[Window.CLOSED]}
    return "\n".join([*lines, t("zalo_oa.people", followers=followers, **counts)])


def _write(moment: datetime) -> str:
    return moment.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")
