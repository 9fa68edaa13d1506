"""Files of cases: pictures, documents and voice notes, sealed with the case's key."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session, defer

from db.case_keys import case_keys_of_session
from db.models import Case, CaseFile

_CONTENT = "case_files.content"

_HELD_BACK = 0
"""Stands where the number of a line of the history goes, and no line has it: the file goes nowhere unless the worker
says so."""


@dataclass(frozen=True)
class FileCount:
    """How many files a case has and how many bytes they are; ``waiting`` of them came with no line yet."""

    waiting: int
    all: int
    size: int


def add_file(
    session: Session,
    case: Case,
    media_type: str,
    content: bytes,
    now: datetime,
    event_number: int | None = None,
    is_held_back: bool = False,
) -> int:
    """Keep a cleaned file and return its number. Without a line of the history it waits for the next one, unless it is
    held back. Raises `CaseErased`."""
    sealed = case_keys_of_session(session).cipher(case.key_id).seal(content, _CONTENT)
    file = CaseFile(
        case_id=case.id,
        event_number=_HELD_BACK if is_held_back else event_number,
        media_type=media_type,
        size=len(content),
        content=sealed,
        added_at=now,
    )
    session.add(file)
    session.flush()
    return file.id


def attach_files(session: Session, case: Case, event_number: int) -> None:
    """What the worker sent before goes with a line of the history from now on; what was held back is erased."""
    waiting = (CaseFile.case_id == case.id, CaseFile.event_number.is_(None))
    session.execute(update(CaseFile).where(*waiting).values(event_number=event_number))
    session.execute(delete(CaseFile).where(CaseFile.case_id == case.id, CaseFile.event_number == _HELD_BACK))


def exchange_files(session: Session, case: Case, sent_id: int, erased_id: int) -> bool:
    """Of two versions of a file that still waits, one goes and the other is erased. False when they do not wait any
    more, or are not this case's."""
    still = or_(CaseFile.event_number.is_(None), CaseFile.event_number == _HELD_BACK)
    both = (CaseFile.case_id == case.id, CaseFile.id.in_((sent_id, erased_id)), still)
    if sent_id == erased_id or session.scalar(select(func.count()).select_from(CaseFile).where(*both)) != 2:
        return False
    session.execute(delete(CaseFile).where(CaseFile.id == erased_id))
    session.execute(update(CaseFile).where(CaseFile.id == sent_id).values(event_number=None))
    return True


def remove_waiting_files(session: Session, case: Case) -> int:
    """Erase what the worker sent and has not handed in; returns how many."""
    still = or_(CaseFile.event_number.is_(None), CaseFile.event_number == _HELD_BACK)
    gone = session.execute(delete(CaseFile).where(CaseFile.case_id == case.id, still))
    return gone.rowcount  # type: ignore[attr-defined,no-any-return]  # a delete has a row count


def list_files(session: Session, case: Case, event_number: int | None = None) -> list[CaseFile]:
    """The files of a case in the order they came, or those of one line of its history, without their content. Those
    that wait are among them, those held back are not."""
    query = select(CaseFile).where(CaseFile.case_id == case.id).options(defer(CaseFile.content))
    if event_number is not None:
        query = query.where(CaseFile.event_number == event_number)
    shown = or_(CaseFile.event_number.is_(None), CaseFile.event_number != _HELD_BACK)
    return list(session.scalars(query.where(shown).order_by(CaseFile.id)))


def find_file(session: Session, case: Case, file_id: int) -> CaseFile | None:
    """A file of this case, also one that is held back; None when it has none such."""
    return session.scalars(select(CaseFile).where(CaseFile.case_id == case.id, CaseFile.id == file_id)).first()


def open_file(session: Session, case: Case, file: CaseFile) -> bytes:
    """What a file of this case holds. Raises `CaseErased` or `KeyProblem`."""
    return case_keys_of_session(session).cipher(case.key_id).open(file.content, _CONTENT)


def count_files(session: Session, case: Case) -> FileCount:
    """How much a case holds, with what is held back."""
    waiting = func.count().filter(or_(CaseFile.event_number.is_(None)))
    query = select(waiting, func.count(), func.coalesce(func.sum(CaseFile.size), 0)).where(CaseFile.case_id == case.id)
    row = session.execute(query).one()
    return FileCount(row[0], row[1], int(row[2]))
