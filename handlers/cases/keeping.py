"""Keeps what was sent with a case, within limits, and hands it out under names that say nothing."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from db.case_files import add_file, count_files, exchange_files, find_file, list_files, open_file
from db.models import Case, CaseFile
from handlers.chat import Cleaned, File
from handlers.errors import FileRefused, Outdated
from handlers.files.cleaning import name_of

MOST_AT_ONCE = 10
"""Files that may wait for one message."""
MOST_IN_CASE = 60
_LARGEST_CASE = 150 * 1024 * 1024


@dataclass(frozen=True)
class Kept:
    """A file that waits to be handed in. Of a voice the distorted copy waits, and ``original_id`` is held back."""

    file_id: int
    original_id: int | None = None


def keep_file(session: Session, case: Case, cleaned: Cleaned, now: datetime, event_number: int | None = None) -> Kept:
    """Keep a cleaned file with a case that the caller holds locked. A voice goes out distorted unless its owner says
    otherwise (`send_own_voice`), also when nobody ever asks them. Raises `FileRefused` when there is no room."""
    count = count_files(session, case)
    if count.waiting >= MOST_AT_ONCE:
        raise FileRefused("files.too_many", limit=MOST_AT_ONCE)
    if count.all >= MOST_IN_CASE or count.size + len(cleaned.content) > _LARGEST_CASE:
        raise FileRefused("files.too_many_in_case", limit=count.all)
    if cleaned.distorted is None:
        return Kept(add_file(session, case, cleaned.media_type, cleaned.content, now, event_number))
    original = add_file(session, case, cleaned.media_type, cleaned.content, now, is_held_back=True)
    return Kept(add_file(session, case, cleaned.media_type, cleaned.distorted, now), original)


def send_own_voice(session: Session, case: Case, kept: Kept) -> None:
    """The worker wants to be heard as they are. Raises `Outdated` when it is too late for that."""
    if kept.original_id is None or not exchange_files(session, case, kept.original_id, kept.file_id):
        raise Outdated


def send_distorted_voice(session: Session, case: Case, kept: Kept) -> None:
    """The worker does not want to be recognised: their own voice is erased at once. Raises `Outdated` when it is too
    late for that."""
    if kept.original_id is None or not exchange_files(session, case, kept.file_id, kept.original_id):
        raise Outdated


def show_file(session: Session, case: Case, file_id: int) -> File:
    """A file as it goes out with a message: personal, so that it never gets a public address. Raises `Outdated` when it
    is gone, `CaseErased` when the case is."""
    file = find_file(session, case, file_id)
    if file is None:
        raise Outdated
    return File(
        list_names(session, case).get(file.id, name_of(file.media_type, 1)),
        file.media_type,
        open_file(session, case, file),
    )


def show_files(session: Session, case: Case, event_number: int) -> tuple[File, ...]:
    """All files that came with a line of the history."""
    names = list_names(session, case)
    files = list_files(session, case, event_number)
    return tuple(File(names[file.id], file.media_type, open_file(session, case, file)) for file in files)


def list_names(session: Session, case: Case) -> dict[int, str]:
    """What each file of a case is called, by its number: counted by kind, in the order they came."""
    counted: Counter[str] = Counter()
    names: dict[int, str] = {}
    for file in list_files(session, case):
        kind = _kind_of(file)
        counted[kind] += 1
        names[file.id] = name_of(file.media_type, counted[kind])
    return names


def _kind_of(file: CaseFile) -> str:
    return name_of(file.media_type, 0).partition("-0.")[0]
