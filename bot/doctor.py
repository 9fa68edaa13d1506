"""Says whether the bot can serve: settings, keys, database, migrations, content and channels, one line each."""

import json
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import date

from sqlalchemy.exc import SQLAlchemyError

from bot.settings import Settings
from db.case_keys import CaseKeys, find_tie
from db.deployment import find_fingerprint
from db.erased import can_note_erasures
from db.keys import KeyProblem, Keys, load_key_file
from db.migrate import find_revision, newest_revision
from db.session import Database
from db.zalo_oa_tokens import find_tokens
from handlers.feature import VIETNAM
from knowledge.answer import load_answerer
from knowledge.texts import t

_SECONDS = 5


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    is_good: bool
    says: str


def examine(settings: Settings, today: date) -> list[Finding]:
    """Look at everything the bot needs; changes nothing."""
    findings = [_look_at_union(settings)]
    keys: Keys | None = None
    try:
        keys = load_key_file(settings.key_file)
        is_listed = can_note_erasures(keys)
        says = t("doctor.keys_good" if is_listed else "doctor.no_list_of_erasures", key_file=settings.key_file)
        findings.append(Finding(t("doctor.keys"), is_listed, says))
    except KeyProblem as problem:
        is_first_start = not settings.key_file.exists() and _is_new(settings)
        says = t("doctor.keys_new", key_file=settings.key_file) if is_first_start else str(problem)
        findings.append(Finding(t("doctor.keys"), is_first_start, says))
    findings += _look_at_database(settings, keys)
    findings.append(_look_at_content(today))
    findings.append(_look_at_web(settings))
    findings += _look_at_telegram(settings)
    findings.append(_look_at_zalo_bot(settings))
    findings.append(_look_at_zalo_oa(settings, keys, today))
    return findings


def _look_at_union(settings: Settings) -> Finding:
    if not settings.union_hotline:
        return Finding(t("doctor.settings"), True, t("doctor.no_hotline"))
    return Finding(t("doctor.settings"), True, t("doctor.settings_good", union=settings.union_name))


def _is_new(settings: Settings) -> bool:
    database = Database(settings.database_url, _no_keys())
    try:
        return find_revision(database) is None
    except SQLAlchemyError:
        return False
    finally:
        database.close()


def _no_keys() -> Keys:
    """A ring that opens nothing, for looking at a database's revision before there is a key."""
    return Keys(bytes(32), {1: bytes(32)})


def _look_at_database(settings: Settings, keys: Keys | None) -> list[Finding]:
    database = Database(settings.database_url, keys or _no_keys())
    try:
        revision = find_revision(database)
        kind = database.url.get_backend_name()
        findings = [Finding(t("doctor.database"), True, t("doctor.database_good", kind=kind))]
        if revision is None:
            return [*findings, Finding(t("doctor.migrations"), True, t("doctor.migrations_new"))]
        is_newest = revision == newest_revision()
        says = t("doctor.migrations_good" if is_newest else "doctor.migrations_behind", revision=revision)
        findings.append(Finding(t("doctor.migrations"), True, says))
        if keys is not None:
            with database.read() as session:
                fingerprint = find_fingerprint(session)
            if fingerprint not in (None, keys.fingerprint()):
                wrong = t("start.wrong_key", key_file=settings.key_file)
                findings.append(Finding(t("doctor.keys"), False, wrong))
            findings.append(_look_at_case_keys(settings, keys, database))
        return findings
    except SQLAlchemyError as error:
        return [Finding(t("doctor.database"), False, t("doctor.database_bad", error=type(error).__name__))]
    finally:
        database.close()


def _look_at_case_keys(settings: Settings, keys: Keys, database: Database) -> Finding:
    """Whether the store of case keys is the one of this database; a new database has none yet."""
    what, case_keys = t("doctor.case_keys"), CaseKeys(settings.case_keys_store, keys)
    try:
        with database.read() as session:
            tied = find_tie(session)
        if tied is None:
            return Finding(what, True, t("doctor.case_keys_new"))
        is_good = case_keys.identity() == tied
        return Finding(what, is_good, t("doctor.case_keys_good" if is_good else "doctor.case_keys_missing"))
    finally:
        case_keys.close()


def _look_at_content(today: date) -> Finding:
    count = sum(
        len(answerer.entries_of(topic, today)) for answerer in [load_answerer()] for topic, _ in answerer.topics(today)
    )
    return Finding(t("doctor.content"), count > 0, t("doctor.content_count", count=count))


def _look_at_web(settings: Settings) -> Finding:
    address = f"{settings.web_host}:{settings.web_port}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.web_host, settings.web_port))
        except OSError:
            return Finding(t("doctor.web"), True, t("doctor.web_taken", address=address))
    return Finding(t("doctor.web"), True, t("doctor.web_free", address=address))


def _look_at_telegram(settings: Settings) -> list[Finding]:
    bots = (("doctor.telegram", settings.telegram_token), ("doctor.desk", settings.telegram_desk_token))
    return [
        _ask_telegram(t(what), settings.telegram_api_url, token) if token else Finding(t(what), True, t("doctor.off"))
        for what, token in bots
    ]


def _ask_telegram(what: str, api_url: str, token: str) -> Finding:
    """Whether Telegram knows the token; the address holds it, so errors are told by kind only."""
    try:
        with urllib.request.urlopen(f"{api_url}/bot{token}/getMe", timeout=_SECONDS):  # noqa: S310  # the operator's own setting
            return Finding(what, True, t("doctor.telegram_good"))
    except urllib.error.HTTPError as error:
        return Finding(what, False, t("doctor.telegram_refused", status=error.code))
    except (urllib.error.URLError, OSError):
        return Finding(what, False, t("doctor.telegram_unreachable"))


def _look_at_zalo_oa(settings: Settings, keys: Keys | None, today: date) -> Finding:
    """Whether the account has tokens that end today or later; Zalo is not asked, since a refresh uses one up."""
    what = t("doctor.zalo_oa")
    if not settings.zalo_oa_id:
        return Finding(what, True, t("doctor.off"))
    database = Database(settings.database_url, keys or _no_keys())
    try:
        with database.read() as session:
            tokens = find_tokens(session, f"zalo_oa:{settings.zalo_oa_id}")
    except (SQLAlchemyError, KeyProblem):
        tokens = None  # told above
    finally:
        database.close()
    until = None if tokens is None or tokens.refused_at is not None else tokens.access_until
    if until is None or until.astimezone(VIETNAM).date() < today:
        return Finding(what, False, t("operator.zalo_oa_login"))
    return Finding(what, True, t("doctor.zalo_oa_good"))


def _look_at_zalo_bot(settings: Settings) -> Finding:
    """Whether Zalo knows the bot's token; it may say no with HTTP 200. The address holds the token, as above."""
    what = t("doctor.zalo_bot")
    if not settings.zalo_bot_token:
        return Finding(what, True, t("doctor.off"))
    try:
        url = f"{settings.zalo_bot_api_url}/bot{settings.zalo_bot_token}/getMe"
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310  # the operator's own setting
            said = json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return Finding(what, False, t("doctor.zalo_bot_refused", status=error.code))
    except (urllib.error.URLError, OSError, ValueError):
        return Finding(what, False, t("doctor.zalo_bot_unreachable"))
    if isinstance(said, dict) and said.get("ok") is True:
        return Finding(what, True, t("doctor.zalo_bot_good"))
    return Finding(what, False, t("doctor.zalo_bot_refused", status="ok: false"))
