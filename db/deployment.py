"""Statements on the deployment's own rows: its key fingerprint, what the clock ran, what retention erased."""

from datetime import date, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.inbox import insert_ignoring_duplicates
from db.models import ClockRun, DeploymentFact, Erasure

_FINGERPRINT = "key_fingerprint"
_CLOCKS_DIFFER = timedelta(minutes=5)


def find_fingerprint(session: Session) -> str | None:
    """The fingerprint of the key ring that sealed this database; None while it holds nothing."""
    fact = session.get(DeploymentFact, _FINGERPRINT)
    return None if fact is None else fact.value


def set_fingerprint(session: Session, fingerprint: str) -> None:
    """Write down which key ring seals this database, unless another process just did."""
    insert_ignoring_duplicates(session, DeploymentFact, [{"name": _FINGERPRINT, "value": fingerprint}])


def find_fact(session: Session, name: str) -> str | None:
    """What is written down under a name; None when nothing is."""
    fact = session.get(DeploymentFact, name)
    return None if fact is None or not fact.value else fact.value


def set_fact(session: Session, name: str, value: str) -> None:
    """Write something down under a name, in place of what stood there."""
    insert_ignoring_duplicates(session, DeploymentFact, [{"name": name, "value": ""}])
    session.get_one(DeploymentFact, name, with_for_update=True).value = value
    session.flush()


def forget_fact(session: Session, name: str) -> None:
    """Nothing stands under a name any more."""
    session.execute(delete(DeploymentFact).where(DeploymentFact.name == name))


def was_turn_taken(session: Session, job: str, due_before: datetime, now: datetime) -> bool:
    """Whether `take_turn` would be False; takes nothing."""
    last_run_at = session.scalar(select(ClockRun.last_run_at).where(ClockRun.job == job))
    return last_run_at is not None and _holds(last_run_at, due_before, now)


def take_turn(session: Session, job: str, due_before: datetime, now: datetime) -> bool:
    """True for exactly one caller per period: whoever moves the job's row on. Any number of clocks may ask; a run that
    lies in the future, as a clock set wrong and put right leaves it, does not hold the job up."""
    insert_ignoring_duplicates(session, ClockRun, [{"job": job, "last_run_at": datetime.fromtimestamp(0, now.tzinfo)}])
    run = session.scalars(select(ClockRun).where(ClockRun.job == job).with_for_update()).one()
    if _holds(run.last_run_at, due_before, now):
        return False
    run.last_run_at = now
    return True


def _holds(last_run_at: datetime, due_before: datetime, now: datetime) -> bool:
    return due_before < last_run_at <= now + _CLOCKS_DIFFER


def add_erasure(session: Session, kind: str, erased: int, erased_on: date) -> None:
    """Record how many rows of a kind retention erased."""
    session.add(Erasure(kind=kind, erased=erased, erased_on=erased_on))
