"""Plans a bulletin for everybody in a database that is there already, in a process of its own; prints what it took."""

import json
import resource
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks.federation import NOW
from db.audiences import Audience
from db.bulletins import add_bulletin, digest_bulletin
from db.keys import load_key_file
from db.models import BulletinKind, BulletinRun, BulletinState, Delivery, UnitLevel, UnitPeriod
from db.session import Database
from handlers.bulletins.content import Content
from handlers.bulletins.running import plan_due, plan_some, start_due
from handlers.bulletins.timing import Timing


def release(database: Database, spread_minutes: int = 0) -> int:
    """A bulletin to all below the topmost unit, due now."""
    timing = Timing(once_at=NOW, may_disturb=True, spread_minutes=spread_minutes)
    content = Content("Tin tuần", "Tuần này công đoàn khám bệnh miễn phí cho đoàn viên và người lao động.").to_json()
    with database.begin() as session:
        root = session.scalar(select(UnitPeriod.unit_id).where(UnitPeriod.level == UnitLevel.CONFEDERATION))
        assert root is not None
        audience = Audience(units=(root,)).to_json()
        bulletin = add_bulletin(session, BulletinKind.NEWS, root, "law", None, NOW, content, audience, timing.to_json())
        bulletin.state, bulletin.next_at = BulletinState.RELEASED, NOW
        bulletin.released_hash = digest_bulletin(session, bulletin)
        return bulletin.id


def plan(database: Database, senders: list[str]) -> dict[str, Any]:
    """Start what is due and plan it, each piece in a transaction of its own."""
    now = NOW + timedelta(seconds=5)
    began = time.perf_counter()
    with database.read() as session:
        plans = plan_due(session, now, senders)
    counted = time.perf_counter() - began
    began = time.perf_counter()
    with database.begin() as session:
        start_due(session, now, senders, plans)
    started = time.perf_counter() - began
    taken = []
    has_more = True
    began = time.perf_counter()
    while has_more:
        began_one = time.perf_counter()
        with database.begin() as session:
            has_more = plan_some(session, now)
        taken.append(time.perf_counter() - began_one)
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    with database.read() as session:
        lines = session.scalar(select(func.count()).select_from(Delivery).where(Delivery.run_id.is_not(None)))
        reached = session.scalar(select(func.sum(BulletinRun.reached)))
    return {
        "lines": lines,
        "reached": reached,
        "counting_seconds": round(counted, 2),
        "start_seconds": round(started, 2),
        "planning_seconds": round(seconds, 1),
        "transactions": len(taken),
        "longest_transaction_seconds": round(max(taken), 2),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 1),
        "rss_mb": round(read_peak_kb() / 1024),
    }


def read_peak_kb() -> int:
    """The most memory this program had; `getrusage` would also count what its parent had when it was started."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise RuntimeError("no VmHWM in /proc/self/status")


def main() -> None:
    """Called with the database's address, its key file and the accounts that may carry the bulletin."""
    url, key_file, *senders = sys.argv[1:]
    database = Database(url, load_key_file(Path(key_file)))
    release(database)
    print(json.dumps(plan(database, senders)))
    database.close()


if __name__ == "__main__":
    main()
