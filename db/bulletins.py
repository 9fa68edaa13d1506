"""Statements on bulletins: their parts, what was done to them, their files, and where one person may release alone."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from db.codes import new_code
from db.models import (
    Bulletin,
    BulletinEvent,
    BulletinFile,
    BulletinKind,
    BulletinRun,
    BulletinState,
    BulletinWaiver,
    Person,
)

CHANGEABLE = ("topic", "content", "audience", "timing", "is_public")
"""The parts of a bulletin that its editors change; a release binds to all of them."""

EDITS = ("created", "edited", "submitted")
"""What, done to a bulletin, keeps its doer from releasing it."""


class AlreadyStarted(Exception):
    """A bulletin that goes out or went out, or was dropped, is never changed any more."""


@dataclass(frozen=True)
class Listed:
    """Which bulletins are wanted: in some states, of the units of a query or written by some people; ``is_planned``:
    that go out at some time to come, ``is_started``: that went out once at least (None: whether or not)."""

    states: tuple[BulletinState, ...] = tuple(BulletinState)
    units: Select[int] | Collection[int] = ()
    authors: Collection[int] = ()
    is_planned: bool | None = None
    is_started: bool | None = None


def add_bulletin(
    session: Session,
    kind: BulletinKind,
    unit_id: int,
    topic: str,
    person_id: int,
    now: datetime,
    content: Any,
    audience: Any,
    timing: Any,
    corrects_id: int | None = None,
) -> Bulletin:
    """A new draft; its row is all that stands of it, so that whoever writes it may stop and go on at any time."""
    bulletin = Bulletin(
        code=new_code(),
        kind=kind,
        unit_id=unit_id,
        topic=topic,
        content=content,
        audience=audience,
        timing=timing,
        state=BulletinState.DRAFT,
        created_by_id=person_id,
        created_at=now,
        changed_at=now,
        corrects_id=corrects_id,
    )
    session.add(bulletin)
    session.flush()
    add_event(session, bulletin.id, "created", person_id, now)
    return bulletin


def find_bulletin(session: Session, bulletin_id: int, lock: bool = False) -> Bulletin | None:
    """A bulletin by its number; locked, nobody else changes it until this transaction ends."""
    if lock:
        return session.get(Bulletin, bulletin_id, with_for_update=True, populate_existing=True)
    return session.get(Bulletin, bulletin_id)


def has_started(session: Session, bulletin_id: int) -> bool:
    """Whether a sending of it was ever begun."""
    begun = select(BulletinRun.id).where(BulletinRun.bulletin_id == bulletin_id).limit(1)
    return session.scalar(begun) is not None


def list_bulletins(session: Session, listed: Listed, limit: int, offset: int = 0) -> list[Bulletin]:
    """The bulletins wanted, the one changed last first."""
    found = select(Bulletin).where(*_conditions(listed)).order_by(Bulletin.changed_at.desc(), Bulletin.id.desc())
    return list(session.scalars(found.limit(limit).offset(offset)))


def count_bulletins(session: Session, listed: Listed) -> int:
    """How many there are."""
    return session.scalar(select(func.count()).select_from(Bulletin).where(*_conditions(listed))) or 0


def _conditions(listed: Listed) -> list[ColumnElement[bool]]:
    is_mine = or_(Bulletin.unit_id.in_(listed.units), Bulletin.created_by_id.in_(listed.authors))
    conditions = [Bulletin.state.in_(listed.states), is_mine]
    if listed.is_planned is not None:
        conditions.append(Bulletin.next_at.is_not(None) if listed.is_planned else Bulletin.next_at.is_(None))
    if listed.is_started is not None:
        begun = exists().where(BulletinRun.bulletin_id == Bulletin.id)
        conditions.append(begun if listed.is_started else ~begun)
    return conditions


def change(session: Session, bulletin: Bulletin, actor_id: int, now: datetime, **what: Any) -> bool:
    """Change some of the `CHANGEABLE` parts; False when all of them were so already. What waited to be released or was
    released is a draft again. Raises `AlreadyStarted` for one of which a sending was begun, or that is over."""
    session.refresh(bulletin, with_for_update=True)
    changed = {name: value for name, value in what.items() if getattr(bulletin, name) != value}
    if unknown := set(what) - set(CHANGEABLE):
        raise ValueError(f"not a part of a bulletin: {sorted(unknown)}")
    if not changed:
        return False
    check_not_started(session, bulletin)
    for name, value in changed.items():
        setattr(bulletin, name, value)
    void(session, bulletin, actor_id, now)
    bulletin.changed_at = now
    add_event(session, bulletin.id, "edited", actor_id, now, {"parts": sorted(changed)})
    session.flush()
    return True


def check_not_started(session: Session, bulletin: Bulletin) -> None:
    """Raises `AlreadyStarted` for a bulletin that may not change any more; the caller holds it locked."""
    is_over = bulletin.state in (BulletinState.ENDED, BulletinState.DROPPED)
    if is_over or has_started(session, bulletin.id):
        raise AlreadyStarted


def void(session: Session, bulletin: Bulletin, actor_id: int | None, now: datetime) -> None:
    """A bulletin that waits to be released or was released is a draft again; of a draft nothing changes."""
    if bulletin.state not in (BulletinState.SUBMITTED, BulletinState.RELEASED):
        return
    add_event(session, bulletin.id, "voided", actor_id, now, {"was": bulletin.state.value})
    bulletin.state = BulletinState.DRAFT
    bulletin.submitted_by_id = bulletin.submitted_at = None
    bulletin.released_by_id = bulletin.released_at = bulletin.released_hash = bulletin.next_at = None
    bulletin.released_alone = False


def digest_bulletin(session: Session, bulletin: Bulletin) -> str:
    """What a release binds to: everything that people get and who gets it when, to the last byte of its files."""
    digests = {one.id: one.digest for one in list_files(session, bulletin.id)}
    named = bulletin.content.get("files", [])
    bound = {
        "code": bulletin.code,
        "unit": bulletin.unit_id,
        "kind": bulletin.kind.value,
        "topic": bulletin.topic,
        "content": bulletin.content,
        "files": [digests.get(number) for number in named],
        "audience": bulletin.audience,
        "timing": bulletin.timing,
        "is_public": bulletin.is_public,
        "corrects": bulletin.corrects_id,
    }
    canonical = json.dumps(bound, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def add_event(
    session: Session, bulletin_id: int, what: str, person_id: int | None, now: datetime, details: Any | None = None
) -> None:
    """Write down what was done to a bulletin."""
    session.add(BulletinEvent(bulletin_id=bulletin_id, what=what, person_id=person_id, at=now, details=details))
    session.flush()


def list_events(session: Session, bulletin_id: int) -> list[BulletinEvent]:
    """What was done to a bulletin, oldest first."""
    found = select(BulletinEvent).where(BulletinEvent.bulletin_id == bulletin_id)
    return list(session.scalars(found.order_by(BulletinEvent.id)))


def list_editors(session: Session, bulletin_id: int) -> set[int]:
    """Everybody who wrote, changed or submitted it, as far as they are still known."""
    found = select(BulletinEvent.person_id).where(
        BulletinEvent.bulletin_id == bulletin_id, BulletinEvent.what.in_(EDITS), BulletinEvent.person_id.is_not(None)
    )
    return {number for number in session.scalars(found.distinct()) if number is not None}


def list_same_person(session: Session, person_id: int) -> set[int]:
    """Every profile that is this human being: merged into one another, or with the same id number, or of the same name
    and birthday."""
    known: set[int] = set()
    waiting = {person_id}
    while waiting:
        rows = list(session.scalars(select(Person).where(Person.id.in_(waiting))))
        known |= waiting
        hashes = {row.identity_hash for row in rows if row.identity_hash}
        numbers = {row.citizen_id_hash for row in rows if row.citizen_id_hash}
        above = {row.merged_into_id for row in rows if row.merged_into_id is not None}
        alike = or_(
            Person.merged_into_id.in_(waiting), Person.identity_hash.in_(hashes), Person.citizen_id_hash.in_(numbers)
        )
        waiting = ({*session.scalars(select(Person.id).where(alike)), *above}) - known
    return known


def add_file(
    session: Session, bulletin: Bulletin, name: str, media_type: str, content: bytes, actor_id: int, now: datetime
) -> BulletinFile:
    """One more picture or document of a bulletin. Raises `AlreadyStarted`."""
    session.refresh(bulletin, with_for_update=True)
    check_not_started(session, bulletin)
    file = BulletinFile(
        bulletin_id=bulletin.id,
        name=name,
        media_type=media_type,
        content=content,
        size=len(content),
        digest=hashlib.sha256(content).hexdigest(),
    )
    session.add(file)
    session.flush()
    files = [*bulletin.content.get("files", []), file.id]
    change(session, bulletin, actor_id, now, content=bulletin.content | {"files": files})
    return file


def remove_file(session: Session, bulletin: Bulletin, file_id: int, actor_id: int, now: datetime) -> None:
    """Take a file out of a bulletin and erase it. Raises `AlreadyStarted`."""
    files = [number for number in bulletin.content.get("files", []) if number != file_id]
    if change(session, bulletin, actor_id, now, content=bulletin.content | {"files": files}):
        session.execute(delete(BulletinFile).where(BulletinFile.id == file_id, BulletinFile.bulletin_id == bulletin.id))


def list_files(session: Session, bulletin_id: int, numbers: Sequence[int] | None = None) -> list[BulletinFile]:
    """The files of a bulletin, without their bytes until those are asked for; of some numbers, in their order."""
    found = select(BulletinFile).where(BulletinFile.bulletin_id == bulletin_id).order_by(BulletinFile.id)
    rows = list(session.scalars(found))
    if numbers is None:
        return rows
    by_number = {row.id: row for row in rows}
    return [by_number[number] for number in numbers if number in by_number]


def copy_files(session: Session, source: Bulletin, target: Bulletin) -> list[int]:
    """The files of one bulletin once more, for another; returns their numbers."""
    numbers = []
    for row in list_files(session, source.id, source.content.get("files", [])):
        copied = BulletinFile(
            bulletin_id=target.id,
            name=row.name,
            media_type=row.media_type,
            content=row.content,
            size=row.size,
            digest=row.digest,
        )
        session.add(copied)
        session.flush()
        numbers.append(copied.id)
    return numbers


def forget_draft(session: Session, bulletin: Bulletin, actor_id: int, now: datetime) -> None:
    """A draft is dropped: its words and files are erased, that there was one stays on record. Raises
    `AlreadyStarted`."""
    session.refresh(bulletin, with_for_update=True)
    check_not_started(session, bulletin)
    void(session, bulletin, actor_id, now)
    session.execute(delete(BulletinFile).where(BulletinFile.bulletin_id == bulletin.id))
    bulletin.content = {"title": "", "text": "", "files": [], "blocks": []}
    bulletin.state, bulletin.changed_at = BulletinState.DROPPED, now
    add_event(session, bulletin.id, "dropped", actor_id, now)


def add_waiver(session: Session, unit_id: int, given_by_id: int, reason: str, now: datetime) -> BulletinWaiver:
    """Keep that at a unit one person may release bulletins alone."""
    waiver = BulletinWaiver(unit_id=unit_id, given_by_id=given_by_id, given_at=now, reason=reason)
    session.add(waiver)
    session.flush()
    return waiver


def find_waiver(session: Session, unit_id: int) -> BulletinWaiver | None:
    """The waiver of a unit that was not ended; locked."""
    open_one = select(BulletinWaiver).where(BulletinWaiver.unit_id == unit_id, BulletinWaiver.ended_at.is_(None))
    return session.scalars(open_one.order_by(BulletinWaiver.id.desc()).with_for_update()).first()


def end_waiver(waiver: BulletinWaiver, ended_by_id: int | None, now: datetime) -> None:
    """From now on two people are needed again; nobody ended one that lapsed by itself."""
    waiver.ended_at, waiver.ended_by_id = now, ended_by_id
