"""The operator's commands on the union tree: show a unit on a day, and take decisions after seeing what they move."""

import argparse
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy.orm import Session

from bot.app import opened, utc_now
from bot.settings import Settings
from db.codes import read_code
from db.models import Reorganisation, Unit, UnitLevel, UnitPeriod
from db.people import count_members, find_person
from db.session import Database
from db.units import find_unit, get_unit, list_children, list_periods, list_predecessors
from handlers.errors import UserError
from handlers.feature import VIETNAM
from handlers.organisation.decisions import (
    Change,
    Close,
    Create,
    Decision,
    Merge,
    Move,
    NewUnit,
    Part,
    Place,
    Split,
    from_json,
)
from handlers.organisation.planning import name_of, show_day
from handlers.organisation.rules import CHANGEABLE, read_day, read_unit_code
from handlers.organisation.service import call_off, carry_on, decide, is_stopped, list_waiting, preview, where_was
from handlers.organisation.words import describe_preview, name_units
from knowledge.texts import t

Work = Callable[[Database, argparse.Namespace, datetime], int]


def add_commands(commands: Any) -> None:
    """Add `units …` to the operator's commands."""
    units = commands.add_parser("units", help="the union tree: show it on a day, and change it by decision")
    actions = units.add_subparsers(required=True)
    show = actions.add_parser("show", help="where a unit stood on a day, what it was before, what lies under it")
    show.add_argument("code")
    show.add_argument("--on", type=read_option_day, help="day, such as 2025-06-30 or 30/06/2025; by default today")
    show.set_defaults(command=_command(_show))
    actions.add_parser("waiting", help="decisions that wait for their day").set_defaults(
        command=_command(_list_waiting)
    )
    calling = actions.add_parser("call-off", help="call off a decision that waits for its day")
    calling.add_argument("number", type=int)
    calling.set_defaults(command=_command(_call_off))
    _add_decisions(actions)


def _add_decisions(actions: Any) -> None:
    create = _decision(actions, "create", "a new unit", _read_create)
    create.add_argument("code")
    _add_new(create)
    rename = _decision(actions, "rename", "give a unit another name, employer or place", _read_change)
    rename.add_argument("code")
    _add_facts(rename)
    move = _decision(actions, "move", "put a unit, with all under it, under another one", _read_move)
    move.add_argument("code")
    move.add_argument("--to", required=True, help='code of the unit above, or "-" for the top of the tree')
    close = _decision(actions, "close", "end a unit without a successor", _read_close)
    close.add_argument("code")
    merge = _decision(actions, "merge", "let units go on in another one, which may be new", _read_merge)
    merge.add_argument("codes", nargs="+")
    merge.add_argument("--into", required=True, help="code of the unit that goes on, or of a new one (with --name)")
    merge.add_argument("--chair", help="code of the person named to lead it")
    _add_new(merge)
    split = _decision(actions, "split", "let a unit give parts away, as a YAML file says", _read_split)
    split.add_argument("code")
    split.add_argument("--plan", type=Path, required=True, help="the file; see docs/reference/commands.md")


def _decision(actions: Any, name: str, says: str, read: Callable[..., Decision]) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=says)
    parser.add_argument("--on", type=read_option_day, help="its first day: past, today (default) or future")
    parser.add_argument("--decision", help="number of the decision")
    parser.add_argument("--preview", action="store_true", help="only show what would move")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(command=_command(_decide), read=read)
    return parser


def _add_facts(parser: argparse.ArgumentParser) -> None:
    for name in CHANGEABLE:
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name)


def _add_new(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--level", type=UnitLevel, choices=list(UnitLevel), help="level of the new unit")
    parser.add_argument("--parent", help="code of the unit above the new one")
    _add_facts(parser)


def read_option_day(text: str) -> date:
    """A day as ISO text or as people write it. Raises ValueError, which argparse turns into a message."""
    day = read_day(text)
    if day is None:
        raise ValueError(text)
    return day


def _command(work: Work) -> Callable[[Settings, argparse.Namespace], int]:
    def run(settings: Settings, options: argparse.Namespace) -> int:
        with opened(settings) as database:
            try:
                return work(database, options, utc_now())
            except UserError as problem:
                print(t(problem.key, **problem.values), file=sys.stderr)
                return 1

    return run


def _today(now: datetime) -> date:
    return now.astimezone(VIETNAM).date()


def _show(database: Database, options: argparse.Namespace, now: datetime) -> int:
    on = options.on or _today(now)
    with database.read() as session:
        print("\n".join(_describe(session, _find(session, options.code), on)))
    return 0


def _describe(session: Session, unit: Unit, on: date) -> list[str]:
    path = where_was(session, unit.id, on)
    lines = [t("console.unit", code=unit.code, day=show_day(on))]
    lines += [f"{'  ' * depth}{_line(session, period)}" for depth, period in enumerate(path)]
    if path:
        children = list_children(session, unit.id, on)
        lines += [f"{'  ' * len(path)}{_line(session, child)}" for child in children]
        lines.append(t("console.members", count=count_members(session, [unit.id], on)))
    else:
        lines.append(t("console.closed", day=show_day(on)))
    lines.append(t("console.history"))
    lines += [_period_line(session, period) for period in list_periods(session, unit.id)]
    before = list_predecessors(session, unit.id)
    if before:
        lines.append(t("console.before", codes=", ".join(one.code for one in before)))
    if unit.successor_id is not None:
        lines.append(t("console.after", code=get_unit(session, unit.successor_id).code))
    return lines


def _line(session: Session, period: UnitPeriod) -> str:
    level = t(f"levels.{period.level.value}")
    return t("console.line", name=period.name, code=get_unit(session, period.unit_id).code, level=level)


def _period_line(session: Session, period: UnitPeriod) -> str:
    until = show_day(period.effective_to) if period.effective_to else t("console.until_now")
    above = name_of(session, period.parent_id, period.effective_from) or t("units.top")
    return t("console.period", since=show_day(period.effective_from), until=until, name=period.name, above=above)


def _list_waiting(database: Database, _options: argparse.Namespace, _now: datetime) -> int:
    with database.read() as session:
        rows = list_waiting(session)
        lines = [_waiting_line(session, row) for row in rows]
    print("\n".join(lines) or t("console.nothing_waits"))
    return 0


def _waiting_line(session: Session, row: Reorganisation) -> str:
    decision = from_json(row.details["decision"])
    names = name_units(session, decision, row.effective_on)
    state = t("console.stopped", reason=_reason(row.details["stopped"])) if is_stopped(row) else t("console.waits")
    kind = t(f"units.kind.{row.kind}")
    return t("console.waiting", number=row.id, kind=kind, names=names, day=show_day(row.effective_on), state=state)


def _reason(key: str) -> str:
    return t("units.called_off") if key == "units.called_off" else t("console.no_longer_fits")


def _call_off(database: Database, options: argparse.Namespace, now: datetime) -> int:
    with database.begin() as session:
        call_off(session, None, options.number, _today(now))
    print(t("console.was_called_off", number=options.number))
    return 0


def _decide(database: Database, options: argparse.Namespace, now: datetime) -> int:
    today = _today(now)
    on = options.on or today
    with database.read() as session:
        decision: Decision = options.read(session, options)
        print(describe_preview(session, preview(session, None, decision, on, now, today)))
    if options.preview:
        return 0
    if not options.yes and not is_confirmed(t("console.confirm")):
        print(t("console.not_done"))
        return 1
    with database.begin() as session:
        number = decide(session, None, decision, on, options.decision, now, today).id
    while on <= today and _carry_on(database, now, today):
        print(".", end="", flush=True)
    print(t("console.waits_for_day" if on > today else "console.done", number=number))
    return 0


def _carry_on(database: Database, now: datetime, today: date) -> bool:
    with database.begin() as session:
        return carry_on(session, now, today)


def is_confirmed(question: str) -> bool:
    """Whether the person at the keyboard agrees; without a keyboard nobody does."""
    try:
        return input(question).strip().lower() in t("console.agreed").split(", ")
    except EOFError:
        return False


def _find(session: Session, code: str) -> Unit:
    unit = find_unit(session, code) or find_unit(session, read_unit_code(code) or "")
    if unit is None:
        raise UserError("units.unknown", code=code)
    return unit


def _find_person_id(session: Session, code: str | None) -> int | None:
    if not code:
        return None
    person = find_person(session, read_code(code) or "")
    if person is None:
        raise UserError("units.no_such_person", code=code)
    return person.id


def _read_create(session: Session, options: argparse.Namespace) -> Decision:
    return Create(_new_unit(session, options.code, vars(options)))


def _read_change(session: Session, options: argparse.Namespace) -> Decision:
    given = {name: getattr(options, name) for name in CHANGEABLE if getattr(options, name) is not None}
    return Change(_find(session, options.code).id, {name: value or None for name, value in given.items()})


def _read_move(session: Session, options: argparse.Namespace) -> Decision:
    parent_id = None if options.to == "-" else _find(session, options.to).id
    return Move(_find(session, options.code).id, parent_id)


def _read_close(session: Session, options: argparse.Namespace) -> Decision:
    return Close(_find(session, options.code).id)


def _read_merge(session: Session, options: argparse.Namespace) -> Decision:
    sources = [_find(session, code) for code in options.codes]
    facts = vars(options) | {"level": options.level or _level_of(session, sources[0])}
    into = _place(session, options.into, facts)
    return Merge(tuple(unit.id for unit in sources), into, _find_person_id(session, options.chair))


def _read_split(session: Session, options: argparse.Namespace) -> Decision:
    unit = _find(session, options.code)
    level = _level_of(session, unit)
    try:
        plan = yaml.safe_load(options.plan.read_text(encoding="utf-8"))
        parts = tuple(_part(session, facts, level) for facts in plan["parts"])
        rest = plan["rest"] if isinstance(plan["rest"], dict) else {"code": plan["rest"]}
        place = _place(session, str(rest["code"]), {"level": level, **rest})
        return Split(unit.id, parts, place, _find_person_id(session, rest.get("chair")))
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise UserError("units.bad_plan") from None


def _part(session: Session, facts: dict[str, Any], level: UnitLevel) -> Part:
    people = (_find_person_id(session, str(code)) for code in facts.get("people", ()))
    return Part(
        _place(session, str(facts["code"]), {"level": level, **facts}),
        tuple(_find(session, str(code)).id for code in facts.get("units", ())),
        tuple(map(str, facts.get("communes", ()))),
        tuple(person_id for person_id in people if person_id is not None),
        _find_person_id(session, facts.get("chair")),
    )


def _level_of(session: Session, unit: Unit) -> UnitLevel:
    return list_periods(session, unit.id)[-1].level


def _place(session: Session, code: str, facts: dict[str, Any]) -> Place:
    """A unit that exists, or (where a name is given) a new one."""
    return _new_unit(session, code, facts) if facts.get("name") else _find(session, code).id


def _new_unit(session: Session, code: str, facts: dict[str, Any]) -> NewUnit:
    level, parent = facts.get("level"), facts.get("parent")
    if level is None or not facts.get("name"):
        raise UserError("units.no_name")
    parent_id = _find(session, str(parent)).id if parent else None
    return NewUnit(
        read_unit_code(code) or code,
        level=UnitLevel(level),
        parent_id=parent_id,
        name=str(facts["name"]),
        **{name: facts.get(name) for name in CHANGEABLE if name != "name"},
    )
