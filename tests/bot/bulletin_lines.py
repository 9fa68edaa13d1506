"""A bulletin that is being sent, planned by a test: its file, its sending, and a line for each receiver."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from db.accounts import lane_of, meet_account
from db.bulletin_runs import add_run
from db.deliveries import PRIORITIES
from db.models import (
    Bulletin,
    BulletinFile,
    BulletinKind,
    BulletinState,
    Delivery,
    DeliveryKind,
    DeliveryState,
    RunState,
    Unit,
)
from db.session import Database
from handlers.chat import Reply

PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645"
    "400000000049454e44ae426082"
)  # one pixel


def plant_run(
    database: Database,
    sender: str,
    addresses: Sequence[str],
    now: datetime,
    content: bytes = PICTURE,
    media_type: str = "image/png",
    name: str = "anh.png",
    reason: str | None = None,
    **plan: Any,
) -> int:
    """Store it all, ready to be sent; returns the number of the sending."""
    with database.begin() as session:
        bulletin_id, file_id = _plant_bulletin(session, now, name, media_type, content)
        body = Reply("**Tin tuần**\n\nKhám sức khỏe miễn phí.").to_json()
        whole = {"files": [file_id], "articles": [], "audience": {}, "may_disturb": True} | plan
        run = add_run(session, bulletin_id, now, body, whole, now.date(), now + timedelta(days=2), now)
        assert run is not None
        run.state = RunState.SENDING
        for address in addresses:
            lane = lane_of(database.keys, sender, address)
            meet_account(session, sender, lane, address, None, now)
            session.add(_line(sender, lane, run.id, now, reason))
        session.flush()
        return run.id


def _plant_bulletin(session: Session, now: datetime, name: str, media_type: str, content: bytes) -> tuple[int, int]:
    count = session.query(Bulletin).count()
    unit = Unit(code=f"U{count}")
    session.add(unit)
    session.flush()
    bulletin = Bulletin(
        code=f"BT{count}", kind=BulletinKind.NEWS, unit_id=unit.id, topic="law", content={}, audience={}, timing={},
        state=BulletinState.ENDED, created_at=now, changed_at=now,
    )  # fmt: skip
    session.add(bulletin)
    session.flush()
    digest = hashlib.sha256(content).hexdigest()
    file = BulletinFile(
        bulletin_id=bulletin.id, name=name, media_type=media_type, content=content, size=len(content), digest=digest
    )
    session.add(file)
    session.flush()
    return bulletin.id, file.id


def _line(sender: str, lane: str, run_id: int, now: datetime, reason: str | None) -> Delivery:
    far_off = now + timedelta(days=3000)
    return Delivery(
        kind=DeliveryKind.BULLETIN, subject=str(run_id), recipient=lane, sender=sender, run_id=run_id, reason=reason,
        priority=PRIORITIES[DeliveryKind.BULLETIN], state=DeliveryState.PLANNED, attempts=0, created_at=now,
        not_before_at=far_off if reason else now, expires_at=now + timedelta(days=2),
    )  # fmt: skip
