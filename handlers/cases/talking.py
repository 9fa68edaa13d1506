"""What worker and union say to one another about a case: neither sees the other's account."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from db.case_history import EventKind, append, list_lines
from db.case_parties import list_party_accounts
from db.codes import show_code
from db.models import Account, Case, CaseState, DeliveryKind
from handlers.actions import ActOnOwnCase, ShowOwnCase
from handlers.cases.alerts import hash_subject, is_by_clock, tell_officer
from handlers.cases.stages import begin_stage
from handlers.chat import Button, File, Reply
from handlers.notify import tell_account
from knowledge.texts import t


def tell_worker(
    session: Session,
    case: Case,
    about: str,
    text: str,
    now: datetime,
    buttons: Iterable[Button] = (),
    files: tuple[File, ...] = (),
) -> bool:
    """Send the worker a message about their case, once for each ``about``, on the account they used for it last that
    can be reached; False when there is none. On a phone that others use too, only that there is something new. What is
    urgent goes by night as well."""
    account = _find_account(session, case)
    if account is None:
        return False
    shown = Button(t("own_cases.show"), ShowOwnCase(case.code))
    reply = Reply(text, (*buttons, shown), files)
    if account.is_shared:
        reply = Reply(t("own_cases.neutral"), (Button(t("own_cases.neutral_open"), ShowOwnCase(case.code)),))
    subject = hash_subject(session, case, about)
    tell_account(session, account, reply, subject, now, DeliveryKind.CASE_REPLY, is_urgent=is_by_clock(case))
    return True


def tell_state(session: Session, case: Case, key: str, now: datetime, **values: str) -> bool:
    """Tell the worker of a step of their case, in a sentence of texts.yaml."""
    return tell_worker(session, case, f"{key}:{case.head_number}", t(key, code=show_code(case.code), **values), now)


def ask_whether_settled(session: Session, case: Case, result: str, now: datetime) -> bool:
    """Ask the worker whether a case is settled."""
    text = t("own_cases.ask_settled", code=show_code(case.code), result=result)
    return tell_worker(session, case, f"settled:{case.head_number}", text, now, settled_buttons(case))


def settled_buttons(case: Case) -> tuple[Button, Button]:
    """With which a worker says whether their case is settled."""
    return (
        Button(t("own_cases.settled_yes"), ActOnOwnCase(case.code, "yes")),
        Button(t("own_cases.settled_no"), ActOnOwnCase(case.code, "no")),
    )


def tell_holder(session: Session, case: Case, about: str, now: datetime, key: str) -> bool:
    """Tell whoever holds a case that something happened in it; nothing of what. False when nobody holds it who can be
    told and may have it."""
    return case.holder_id is not None and tell_officer(session, case, case.holder_id, about, now, key)


def close_silent(session: Session, case: Case, now: datetime) -> None:
    """The worker did not say whether it is settled: the case is closed without their word. Whoever wrote since they
    were asked is not told that they were silent."""
    kinds = [line.kind for line in list_lines(session, case)]
    wrote = EventKind.WORKER_WROTE in kinds[_last_of(kinds, EventKind.SETTLED) :]
    case.state, case.closed_at = CaseState.CLOSED, now
    begin_stage(session, case, None, now, now)
    append(session, case, EventKind.CLOSED, now, body={"why": "silent"})
    tell_state(session, case, "own_cases.closed_unanswered" if wrote else "own_cases.closed_silent", now)


def _last_of(kinds: list[EventKind], kind: EventKind) -> int:
    return max((place for place, one in enumerate(kinds) if one is kind), default=0)


def is_reachable(session: Session, case: Case) -> bool:
    """Whether the worker can be told anything at all; if not, they come back with their receipt."""
    return _find_account(session, case) is not None


def _find_account(session: Session, case: Case) -> Account | None:
    accounts = list_party_accounts(session, case)
    return next((account for account in accounts if account.unreachable_since is None), None)
