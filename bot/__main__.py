"""Starts what is configured; with no token at all, the web chat on this machine. Also the operator's commands."""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import structlog
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from bot import cards, channel_numbers, figures, lists, units
from bot.admin import InvitationProblem, invite_administrator
from bot.app import App, StartProblem, open_database, open_keys, opened, utc_now
from bot.backup import BackupProblem, back_up, restore
from bot.bulletins import show_runs
from bot.doctor import examine
from bot.history import check_history
from bot.logs import set_up_logs
from bot.questions import ExportProblem, export_questions
from bot.rotation import PATIENCE_SECONDS, add_key, retire, rotate
from bot.settings import Settings, SettingsProblem, read_settings
from bot.stuck import describe_stuck
from bot.transports.terminal import TerminalTransport
from db.keys import KeyProblem, Keys
from db.session import Database, is_unavailable
from handlers.feature import VIETNAM
from knowledge.answer import load_answerer
from knowledge.texts import t

log = structlog.get_logger()

_DATABASE_START_SECONDS = 30.0


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = _parse(arguments)
    try:
        settings = read_settings()
    except SettingsProblem as problem:
        print(t("start.cannot_start", reason=problem), file=sys.stderr)
        return 2
    set_up_logs(settings.log_level, settings.secrets)
    try:
        return int(options.command(settings, options))
    except (KeyProblem, BackupProblem, ExportProblem, InvitationProblem) as problem:
        print(t("start.cannot_start", reason=problem), file=sys.stderr)
        return 2
    except SQLAlchemyError as error:  # its text may hold data; the kind is what the operator can act on
        reason = t("doctor.database_bad", error=type(error).__name__)
        print(t("start.cannot_start", reason=reason), file=sys.stderr)
        return 2


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bot", description=__doc__)
    parser.add_argument("--terminal", action="store_true", help="talk to the bot at this keyboard instead of serving")
    parser.set_defaults(command=_run)
    commands = parser.add_subparsers()
    doctor = commands.add_parser("doctor", help="say whether the bot can serve, one line per thing")
    doctor.set_defaults(command=_examine)
    stuck = commands.add_parser("stuck", help="list messages and events that do not go on, and why")
    stuck.set_defaults(command=_list_stuck)
    running = commands.add_parser("bulletins", help="show how far the bulletins are that are going out")
    running.add_argument("--watch", action="store_true", help="go on showing it until all are out")
    running.set_defaults(command=_show_bulletins)
    backup = commands.add_parser(
        "backup", help="write a copy of all data while the bot runs; keys go to a folder apart"
    )
    backup.add_argument("folder", type=Path)
    backup.set_defaults(command=_back_up)
    restoring = commands.add_parser("restore", help="bring a backup into an empty database, or lost case keys back")
    restoring.add_argument("folder", type=Path)
    restoring.add_argument("--without-case-keys", action="store_true", help="no copy of the case keys is left anywhere")
    restoring.set_defaults(command=_restore)
    history = commands.add_parser("verify-history", help="find any change, deletion or cut in the histories of cases")
    history.set_defaults(command=_verify_history)
    questions = commands.add_parser("questions", help="what members asked in vain and said of answers, for curators")
    exporting = questions.add_subparsers(required=True).add_parser("export", help="write it as JSON lines")
    exporting.add_argument("file", type=Path)
    exporting.set_defaults(command=_export_questions)
    admin = commands.add_parser("admin", help="who administers the union tree").add_subparsers(required=True)
    inviting = admin.add_parser("invite", help="make an administrator, with a one-time code to sign in by")
    inviting.add_argument("name", help="full name")
    inviting.add_argument("--unit", help="code of the unit to administer; by default the topmost")
    inviting.set_defaults(command=_invite)
    zalo = commands.add_parser("zalo", help="the Zalo Official Account").add_subparsers(required=True)
    login = zalo.add_parser("login", help="make a link by which an administrator of the account lets the bot in")
    login.add_argument("address", nargs="?", help="where the browser was sent afterwards, if that page did not open")
    login.set_defaults(command=_log_in_to_zalo)
    zalo.add_parser("status", help="how the account stands").set_defaults(command=_describe_zalo)
    keys = commands.add_parser("keys", help="change the keys that seal personal data").add_subparsers(required=True)
    for name, says, change in (
        ("add", "only add a new key, for copying the file to several machines before `rotate`", _add_key),
        ("rotate", "add a new key and seal everything again with it, while the bot runs", _rotate_keys),
        ("retire", "take out the keys that seal nothing any more", _retire_keys),
    ):
        keys.add_parser(name, help=says).set_defaults(command=change)
    cards.add_commands(commands)
    channel_numbers.add_commands(commands)
    units.add_commands(commands)
    lists.add_commands(commands)
    figures.add_commands(commands)
    return parser.parse_args(arguments)


def _run(settings: Settings, options: argparse.Namespace) -> int:
    keys, is_new = open_keys(settings)
    if is_new:
        print(t("start.key_made", key_file=settings.key_file), flush=True)
    database = _open_patiently(settings, keys)
    code = 0
    try:
        asyncio.run(
            _serve(App(settings, database, load_answerer(law_texts=settings.law_folder), _say), options.terminal)
        )
    except* StartProblem as problems:
        print(t("start.cannot_start", reason=problems.exceptions[0]), file=sys.stderr)
        code = 2
    finally:
        database.close()
    return code


def _open_patiently(settings: Settings, keys: Keys) -> Database:
    """The database; PostgreSQL may itself be starting: after a power cut both come up together."""
    deadline = time.monotonic() + _DATABASE_START_SECONDS
    is_file = make_url(settings.database_url).get_backend_name() == "sqlite"
    while True:
        try:
            return open_database(settings, keys)
        except SQLAlchemyError as error:
            if is_file or not is_unavailable(error) or time.monotonic() > deadline:
                raise
            log.warning("waiting_for_database", error=type(error).__name__, says=t("start.waiting_for_database"))
            time.sleep(1)


async def _serve(app: App, at_terminal: bool) -> None:
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, app.stop)
    if at_terminal:
        await app.run((TerminalTransport(on_end=app.stop),), serve_web=False)
    else:
        await app.run()


def _say(line: str) -> None:
    print(line, flush=True)


def _examine(settings: Settings, _options: argparse.Namespace) -> int:
    findings = examine(settings, utc_now().astimezone(VIETNAM).date())
    for finding in findings:
        print(f"{'OK ' if finding.is_good else 'LỖI'} {finding.what}: {finding.says}")
    return 0 if all(finding.is_good for finding in findings) else 1


def _list_stuck(settings: Settings, _options: argparse.Namespace) -> int:
    with opened(settings) as database, database.read() as session:
        said = describe_stuck(session, utc_now())
    print("\n".join(said or [t("stuck.nothing")]))
    return 1 if said else 0


def _show_bulletins(settings: Settings, options: argparse.Namespace) -> int:
    with opened(settings) as database:
        show_runs(database, utc_now, options.watch)
    return 0


def _back_up(settings: Settings, options: argparse.Namespace) -> int:
    print(back_up(settings, options.folder))
    return 0


def _restore(settings: Settings, options: argparse.Namespace) -> int:
    print(restore(settings, options.folder, options.without_case_keys))
    return 0


def _export_questions(settings: Settings, options: argparse.Namespace) -> int:
    print(export_questions(settings, options.file))
    return 0


def _invite(settings: Settings, options: argparse.Namespace) -> int:
    keys, _is_new = open_keys(settings)
    database = open_database(settings, keys)
    now = utc_now()
    try:
        with database.begin() as session:
            today = now.astimezone(VIETNAM).date()
            print(invite_administrator(session, settings, options.name, options.unit, now, today))
    finally:
        database.close()
    return 0


def _add_key(settings: Settings, _options: argparse.Namespace) -> int:
    with opened(settings) as database:
        print(t("keys.added", number=add_key(settings, database)))
    return 0


def _rotate_keys(settings: Settings, _options: argparse.Namespace) -> int:
    with opened(settings) as database:
        print(rotate(settings, database, utc_now, _say, PATIENCE_SECONDS))
    return 0


def _retire_keys(settings: Settings, _options: argparse.Namespace) -> int:
    with opened(settings) as database:
        print(retire(settings, database, utc_now(), PATIENCE_SECONDS))
    return 0


def _verify_history(settings: Settings, _options: argparse.Namespace) -> int:
    with opened(settings) as database:
        is_whole, says = check_history(settings, database)
    print(says)
    return 0 if is_whole else 1


def _log_in_to_zalo(settings: Settings, options: argparse.Namespace) -> int:
    from bot.zalo import ZaloProblem, log_in  # here, since it loads the HTTP library

    with opened(settings) as database:
        return _tell(ZaloProblem, lambda: log_in(settings, database, options.address, utc_now))


def _describe_zalo(settings: Settings, _options: argparse.Namespace) -> int:
    from bot.zalo import ZaloProblem, describe  # here, since it loads the HTTP library

    with opened(settings) as database:
        return _tell(ZaloProblem, lambda: describe(settings, database, utc_now()))


def _tell(problem: type[Exception], say: Callable[[], str]) -> int:
    """Print a sentence for the operator, or why there is none."""
    try:
        print(say())
    except problem as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
