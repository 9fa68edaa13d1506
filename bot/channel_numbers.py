"""The operator's command on bot accounts: what each may send and spend in a month, and what it has used."""

import argparse
import sys
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from bot.app import opened, utc_now
from bot.budget import Month, read_month
from bot.settings import Settings
from db.channel_accounts import change_account, list_accounts
from db.models import ChannelAccount
from db.units import find_unit, get_unit
from handlers.feature import VIETNAM
from knowledge.texts import t

_NUMBERS = {
    "messages": ("messages_per_month", "messages a month, in and out together"),
    "people": ("people", "people the account may talk with"),
    "per-person": ("per_person_per_month", "bulletins a month for one person"),
    "price-in": ("price_in_window", "price in dong of a message within 48 hours after its person wrote"),
    "price-outside": ("price_outside_window", "price in dong of a message later than that"),
    "articles": ("articles_per_month", "articles a month that the account's package has"),
    "dong": ("dong_per_month", "what may be spent in a month, in dong"),
}
_NONE = "none"
_MOST = 2_000_000_000


def add_commands(commands: Any) -> None:
    """Add `channels` to the operator's commands."""
    channels = commands.add_parser("channels", help="what each bot account may send and spend in a month")
    actions = channels.add_subparsers(required=True)
    actions.add_parser("list", help="the numbers of every account, and what this month has used").set_defaults(
        command=_list
    )
    setting = actions.add_parser("set", help='give an account other numbers; "none" is: no limit, or a price unknown')
    setting.add_argument("account", help="as `channels list` names it, such as zalo_oa:4318657068771012646")
    setting.add_argument("--unit", help='code of the unit whose members it serves; "none": everybody')
    for name, (_, says) in _NUMBERS.items():
        setting.add_argument(f"--{name}", type=_read_number, metavar="NUMBER", help=says)
    setting.add_argument("--source", help="where the numbers come from")
    setting.set_defaults(command=_set)


def _read_number(typed: str) -> int | str:
    if typed == _NONE:
        return _NONE
    number = int(typed.replace(".", "").replace("_", ""))
    if not 0 <= number <= _MOST:
        raise argparse.ArgumentTypeError(f"0 to {_MOST}")
    return number


def _list(settings: Settings, _options: argparse.Namespace) -> int:
    now = utc_now()
    with opened(settings) as database, database.read() as session:
        accounts = list_accounts(session)
        lines = [line for account in accounts for line in describe(session, account, read_month(session, account, now))]
    print("\n".join(lines or [t("channel_numbers.none_yet")]))
    return 0


def _set(settings: Settings, options: argparse.Namespace) -> int:
    with opened(settings) as database, database.begin() as session:
        return _change(session, options, utc_now())


def _change(session: Session, options: argparse.Namespace, now: datetime) -> int:
    values: dict[str, Any] = {}
    for name, (column, _) in _NUMBERS.items():
        given = getattr(options, name.replace("-", "_"))
        if given is not None:
            values[column] = None if given == _NONE else given
    if options.unit is not None:
        unit = find_unit(session, options.unit.upper())
        if unit is None and options.unit != _NONE:
            print(t("units.unknown", code=options.unit), file=sys.stderr)
            return 1
        values["unit_id"] = unit.id if unit else None
    if options.source is not None:
        values["source"] = options.source
    if values:
        values["checked_on"] = now.astimezone(VIETNAM).date()
    account = change_account(session, options.account, values)
    if account is None:
        print(t("channel_numbers.unknown", account=options.account), file=sys.stderr)
        return 1
    print("\n".join(describe(session, account, read_month(session, account, now))))
    return 0


def describe(session: Session, account: ChannelAccount, month: Month) -> list[str]:
    """An account's unit, its numbers with what is used of them, and where they come from."""
    unit = get_unit(session, account.unit_id).code if account.unit_id is not None else t("channel_numbers.everybody")
    used = {
        "messages_per_month": month.messages,
        "people": month.people,
        "articles_per_month": month.articles,
        "dong_per_month": month.dong,
    }
    lines = [t("channel_numbers.account", account=account.sender, unit=unit)]
    for column, _ in _NUMBERS.values():
        allowed = getattr(account, column)
        what = t(f"channel_numbers.{column}")
        if column.startswith("price"):
            lines.append(
                t(
                    "channel_numbers.unknown_price" if allowed is None else "channel_numbers.price",
                    what=what,
                    dong=allowed,
                )
            )
        elif allowed is not None:
            lines.append(t("channel_numbers.most", what=what, used=used.get(column, 0), allowed=allowed))
    if account.source:
        checked = f"{account.checked_on:%d/%m/%Y}" if account.checked_on else "?"
        lines.append(t("channel_numbers.source", source=account.source, day=checked))
    return lines
