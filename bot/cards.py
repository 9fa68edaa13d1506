"""The operator's commands on member cards: the public key, and a check that needs no network and no database."""

import argparse
from typing import Any

from bot.app import open_keys
from bot.settings import Settings
from db.codes import show_code
from handlers.registration.card import public_key, read_card
from knowledge.texts import t


def add_commands(commands: Any) -> None:
    """Add `card …` to the operator's commands."""
    card = commands.add_parser("card", help="check member cards").add_subparsers(required=True)
    card.add_parser("key", help="the public key that checks cards; no secret").set_defaults(command=_show_key)
    check = card.add_parser("check", help="say whether the text of a card's QR was issued here")
    check.add_argument("text")
    check.add_argument("--key", help="the public key, in hexadecimal: then nothing else of this deployment is needed")
    check.set_defaults(command=_check)


def _show_key(settings: Settings, _options: argparse.Namespace) -> int:
    print(public_key(open_keys(settings)[0]).hex())
    return 0


def _check(settings: Settings, options: argparse.Namespace) -> int:
    try:
        key = bytes.fromhex(options.key) if options.key else public_key(open_keys(settings)[0])
        card = read_card(key, options.text)
    except ValueError:
        print(t("card.bad_key"))
        return 2
    if card is None:
        print(t("card.false"))
        return 1
    print(t("card.issued_here", code=show_code(card.code), day=card.issued_on.strftime("%d/%m/%Y")))
    return 0
