"""Statements on files that a platform keeps for a bot account, so that a file is handed over once for many messages."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, undefer

from db.models import BulletinFile, UploadedFile


def find_upload(session: Session, sender: str, digest: str, now: datetime) -> tuple[str, datetime | None] | None:
    """What a platform calls a file, and until when; None when it has none, or not for long enough."""
    row = session.get(UploadedFile, (sender, digest))
    if row is None or (row.good_until is not None and row.good_until <= now):
        return None
    return row.platform_id, row.good_until


def keep_upload(
    session: Session, sender: str, digest: str, platform_id: str, good_until: datetime | None, now: datetime
) -> None:
    """Write down what a platform calls a file; the newest name counts."""
    row = UploadedFile(sender=sender, digest=digest, platform_id=platform_id, uploaded_at=now, good_until=good_until)
    session.merge(row)


def drop_upload(session: Session, sender: str, digest: str, platform_id: str) -> None:
    """The platform no longer knows a file by this name."""
    mine = delete(UploadedFile).where(UploadedFile.sender == sender, UploadedFile.digest == digest)
    session.execute(mine.where(UploadedFile.platform_id == platform_id))


def find_by_digest(session: Session, digest: str) -> BulletinFile | None:
    """A file of a bulletin with this content."""
    same = select(BulletinFile).where(BulletinFile.digest == digest).order_by(BulletinFile.id).limit(1)
    return session.scalars(same.options(undefer(BulletinFile.content))).first()
