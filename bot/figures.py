"""The operator's command for published figures about cases: the same ones that officers see, as text or a workbook."""

import argparse
import re
import sys
from datetime import date
from pathlib import Path
from typing import Any

from bot.app import opened, utc_now
from bot.settings import Settings
from db.case_figures import read_tree
from db.units import find_unit, list_roots
from handlers.cases.figures import describe, list_quarters, make_table
from handlers.feature import VIETNAM
from knowledge.texts import t

_QUARTER = re.compile(r"(\d{4})-?[Qq]([1-4])")


def add_commands(commands: Any) -> None:
    """Add `figures` to the operator's commands."""
    parser = commands.add_parser("figures", help="published figures about cases, of no fewer than k people")
    parser.add_argument("--unit", help="code of a unit; by default the topmost")
    parser.add_argument("--quarter", type=_read_quarter, help="such as 2026-Q3; by default the newest")
    parser.add_argument("--xlsx", type=Path, help="write a workbook instead, with every unit under it")
    parser.set_defaults(command=_show)


def _read_quarter(text: str) -> date:
    found = _QUARTER.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError("2026-Q3")
    return date(int(found[1]), int(found[2]) * 3 - 2, 1)


def _show(settings: Settings, options: argparse.Namespace) -> int:
    today, k = utc_now().astimezone(VIETNAM).date(), settings.k_anonymity
    with opened(settings) as database, database.read() as session:
        roots = list_roots(session, today)
        unit = find_unit(session, options.unit.upper()) if options.unit else None
        unit_id = unit.id if unit else roots[0].unit_id if roots and not options.unit else None
        if unit_id is None or unit_id not in read_tree(session, today):
            print(t("units.unknown", code=options.unit or ""), file=sys.stderr)
            return 1
        quarters = list_quarters(session)
        quarter_on = options.quarter or (quarters[-1] if quarters else None)
        if quarter_on not in quarters:
            print(t("figures.no_period" if quarters else "figures.nothing_yet"), file=sys.stderr)
            return 1
        if options.xlsx:
            options.xlsx.write_bytes(make_table(session, unit_id, quarter_on, today, k).content)
            print(t("figures.written", file=options.xlsx))
        else:
            print(describe(session, unit_id, quarter_on, today, k).replace("*", ""))
    return 0
