"""The operator's lists: units, officers and members come in and go out as XLSX or CSV; and a demo federation."""

import argparse
import contextlib
import itertools
import sys
import time
from collections.abc import Callable, Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

from bot.app import opened, utc_now
from bot.settings import Settings
from db.session import Database, allow_long_work
from db.staging import Staging
from db.units import find_unit
from handlers.errors import UserError
from handlers.feature import VIETNAM
from handlers.organisation.columns import Kind
from handlers.organisation.demo import seed_demo
from handlers.organisation.exports import export_list, list_header, record_export
from handlers.organisation.imports import Problem, Problems, check_officers, check_units, import_officers, import_units
from handlers.organisation.member_import import gather_members, import_members
from handlers.organisation.sheets import Table, open_table, write_table
from handlers.registration.rules import FIELD_NAMES
from knowledge.texts import t

MOST_SHOWN = 200
_BAR = 30
_LINE_EVERY = 0.1

READERS = {name: field.read for name, field in FIELD_NAMES.items()}
"""How each field of the application form is read, for the columns of the same name."""

Work = Callable[[Database, Settings, argparse.Namespace], int]


def add_commands(commands: Any) -> None:
    """Add `import`, `export` and `seed-demo` to the operator's commands."""
    importing = commands.add_parser("import", help="bring a list in: everything, or nothing and every problem by line")
    kinds = importing.add_subparsers(required=True)
    for kind, work in ((Kind.UNITS, _import_units), (Kind.OFFICERS, _import_officers), (Kind.MEMBERS, _import_members)):
        parser = kinds.add_parser(kind.value)
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="only look for problems")
        parser.add_argument("--problems", type=Path, help="write all problems to this file as well")
        parser.set_defaults(command=_command(work))
    template = kinds.add_parser("template", help="write an empty list with its column names")
    template.add_argument("kind", type=Kind, choices=list(Kind))
    template.add_argument("file", type=Path)
    template.set_defaults(command=_write_template)
    exporting = commands.add_parser("export", help="take a list out, readable by its owner only")
    exporting.add_argument("kind", type=Kind, choices=list(Kind))
    exporting.add_argument("file", type=Path)
    exporting.add_argument("--unit", help="code of a unit: only what belongs to it and to the units under it")
    exporting.set_defaults(command=_command(_export))
    demo = commands.add_parser("seed-demo", help="fill an empty database with an invented federation")
    demo.set_defaults(command=_command(_seed_demo))


def _command(work: Work) -> Callable[[Settings, argparse.Namespace], int]:
    def run(settings: Settings, options: argparse.Namespace) -> int:
        with opened(settings) as database:
            try:
                return work(database, settings, options)
            except UserError as problem:
                print(t(problem.key, **problem.values), file=sys.stderr)
                return 1

    return run


class Bar:
    """Shows how far a long job is: one line that moves on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._last: tuple[str, int] = ("", -1)
        self._is_terminal = sys.stderr.isatty()

    def tell(self, part: str, share: float, count: int) -> None:
        """A part of the work is so far done (0 to 1), with so many rows."""
        step = (part, int(share / (0.005 if self._is_terminal else _LINE_EVERY)))
        if step == self._last:
            return
        self._last = step
        seconds = int(time.monotonic() - self._began)
        full = int(share * _BAR)
        says = t(
            "lists.progress",
            part=t(f"lists.part.{part}"),
            bar="█" * full + "░" * (_BAR - full),
            percent=int(share * 100),
            count=f"{count:,}".replace(",", "."),
            time=f"{seconds // 60:02d}:{seconds % 60:02d}",
        )
        print(f"\r{says}" if self._is_terminal else says, end="" if self._is_terminal else "\n", file=sys.stderr)

    def end(self) -> None:
        """Leave the line."""
        if self._is_terminal:
            print(file=sys.stderr)


def _today(now: datetime) -> date:
    return now.astimezone(VIETNAM).date()


def _import_units(database: Database, _settings: Settings, options: argparse.Namespace) -> int:
    def check(table: Table, problems: Problems, bar: Bar) -> Callable[[], int]:
        with database.read() as session:
            allow_long_work(session)
            units = check_units(session, table, _today(utc_now()), problems.report, bar.tell)

        def bring_in() -> int:
            with database.begin() as session:
                import_units(session, units, utc_now())
            return len(units)

        return bring_in

    return _import_small(options, Kind.UNITS, check)


def _import_officers(database: Database, _settings: Settings, options: argparse.Namespace) -> int:
    def check(table: Table, problems: Problems, bar: Bar) -> Callable[[], int]:
        now = utc_now()
        with database.read() as session:
            allow_long_work(session)
            found = check_officers(session, table, now, _today(now), READERS, problems.report, bar.tell)

        def bring_in() -> int:
            with database.begin() as session:
                import_officers(session, found, utc_now())
            return len(found.officers)

        return bring_in

    return _import_small(options, Kind.OFFICERS, check)


def _import_small(
    options: argparse.Namespace, kind: Kind, check: Callable[[Table, Problems, Bar], Callable[[], int]]
) -> int:
    """A list that fits into memory: check all of it, then bring it in in one transaction."""
    problems, bar = Problems(), Bar()
    with open_table(options.file) as table:
        bring_in = check(table, problems, bar)
    bar.end()
    if problems.found:
        return _tell_problems(problems.in_order(), len(problems.found), options)
    if options.dry_run:
        print(t("lists.no_problem"))
        return 0
    print(t("lists.imported", count=bring_in(), what=t(f"lists.what.{kind.value}")))
    return 0


def _import_members(database: Database, settings: Settings, options: argparse.Namespace) -> int:
    bar = Bar()
    staging = Staging(settings.key_file.parent)
    try:
        with open_table(options.file) as table:
            gathered = gather_members(database, staging, table, READERS, _today(utc_now()), bar.tell)
        bar.end()
        if gathered.problems:
            with contextlib.closing(staging.list_problems()) as found:
                return _tell_problems((Problem(*one) for one in found), gathered.problems, options)
        if options.dry_run:
            print(t("lists.no_problem"))
            return 0
        if gathered.members:
            import_members(database, gathered, utc_now, bar.tell)
            bar.end()
        print(t("lists.imported", count=gathered.members, what=t("lists.what.members")))
        return 0
    finally:
        staging.close()


def _tell_problems(problems: Iterable[Problem], count: int, options: argparse.Namespace) -> int:
    """Print what is wrong, line by line; all of it also to a file when one was named."""
    says = (t("lists.problem", line=problem.line, says=problem.says) for problem in problems)
    listed = list(itertools.islice(says, MOST_SHOWN))
    if options.problems:
        with options.problems.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in itertools.chain(listed, says))
    print("\n".join(listed))
    if count > len(listed):
        print(t("lists.more_problems", count=count - len(listed)))
    print(t("lists.nothing_imported", count=count))
    return 1


def _write_template(_settings: Settings, options: argparse.Namespace) -> int:
    write_table(options.file, list_header(options.kind), [])
    print(t("lists.template_written", file=options.file))
    return 0


def _export(database: Database, _settings: Settings, options: argparse.Namespace) -> int:
    now = utc_now()
    today = _today(now)
    with database.begin() as session:
        unit_id = None
        if options.unit:
            unit = find_unit(session, options.unit.upper())
            if unit is None:
                raise UserError("units.unknown", code=options.unit)
            unit_id = unit.id
        record_export(session, None, options.kind, unit_id, now, today)
    with database.read() as session:
        allow_long_work(session)
        export = export_list(session, None, options.kind, unit_id, now, today)
        count = write_table(options.file, export.header, export.rows)
    print(t("lists.exported", count=count, what=t(f"lists.what.{options.kind.value}"), file=options.file))
    return 0


def _seed_demo(database: Database, _settings: Settings, _options: argparse.Namespace) -> int:
    now = utc_now()
    with database.begin() as session:
        print(seed_demo(session, now, _today(now)))
    return 0
