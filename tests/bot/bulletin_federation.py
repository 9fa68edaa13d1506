"""A federation whose members have Telegram, and bulletins released to them by rows, for drills and benchmarks."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, insert, select

from db.accounts import lane_of
from db.audiences import Audience
from db.bulletins import add_bulletin, digest_bulletin
from db.models import (
    Account,
    Bulletin,
    BulletinKind,
    BulletinRun,
    BulletinState,
    Consent,
    Delivery,
    DeliveryState,
    Membership,
    Person,
    RunState,
)
from db.news_choices import NEWS, NEWS_VERSION
from db.people import add_person
from db.session import Database
from handlers.bulletins.content import Content
from handlers.bulletins.recurrences import Repeat
from handlers.bulletins.timing import Timing
from tests.small_tree import Tree
from tests.standins.telegram import TOKEN

SENDER = f"telegram:{TOKEN.split(':')[0]}"
FIRST_CHAT = 100_000


@dataclass
class Federation:
    """Members of one workplace and, fewer, of a team of the other one; each agreed to news."""

    database: Database
    tree: Tree
    editor: int
    chats: dict[int, list[int]]
    """The chats of the members of a unit."""

    @classmethod
    def plant(cls, database: Database, members: int, of_team: int, now: datetime) -> "Federation":
        """Store it."""
        tree = Tree.plant(database, now.date() - timedelta(days=400))
        chats = list(range(FIRST_CHAT, FIRST_CHAT + members + of_team))
        homes = {tree.workplace: chats[:members], tree.team: chats[members:]}
        with database.begin() as session:
            editor = add_person(session, {"full_name": "Người soạn"}, now).id
            people = [{"code": f"{number:016x}", "created_at": now} for number in chats]
            session.execute(insert(Person), people)
            ids = list(session.scalars(select(Person.id).where(Person.id != editor).order_by(Person.id)))
            person_of = dict(zip(chats, ids, strict=True))
            since = now.date() - timedelta(days=100)
            session.execute(insert(Membership), _memberships(homes, person_of, since))
            session.execute(
                insert(Consent),
                [{"person_id": one, "purpose": NEWS, "version": NEWS_VERSION, "given_at": now} for one in ids],
            )
            session.execute(
                insert(Account),
                [
                    {
                        "person_id": person_of[chat],
                        "sender": SENDER,
                        "address": str(chat),
                        "address_hash": lane_of(database.keys, SENDER, str(chat)),
                        "first_seen_at": now,
                        "last_seen_at": now,
                    }
                    for chat in chats
                ],
            )
        return cls(database, tree, editor, {tree.root: chats, **homes})

    def release(self, title: str, unit_id: int, timing: Timing, now: datetime, next_at: datetime | None = None) -> int:
        """A bulletin that somebody released just now; each sending bears its number in its title. ``next_at`` is when
        it goes out first, by default as its timing says."""
        content = Content(f"{title} số {{so}}", "Khám sức khỏe miễn phí.").to_json()
        audience = Audience(units=(unit_id,)).to_json()
        with self.database.begin() as session:
            bulletin = add_bulletin(
                session, BulletinKind.NEWS, self.tree.root, "law", self.editor, now, content, audience, timing.to_json()
            )
            bulletin.state, bulletin.next_at = BulletinState.RELEASED, next_at or timing.first_at(now)
            bulletin.released_hash = digest_bulletin(session, bulletin)
            return bulletin.id

    def release_once(self, title: str, at: datetime, now: datetime) -> int:
        """One that goes to everybody once."""
        return self.release(title, self.tree.root, Timing(once_at=at, may_disturb=True), now)

    def release_each_minute(self, title: str, since: datetime, now: datetime) -> int:
        """One that goes to the team each minute, and should have done so since a moment."""
        timing = Timing(Repeat.CRON, cron="* * * * *", may_disturb=True)
        return self.release(title, self.tree.team, timing, now, timing.first_at(since))

    def end(self, bulletins: Iterable[int]) -> None:
        """These recur no more."""
        with self.database.begin() as session:
            for number in bulletins:
                bulletin = session.get_one(Bulletin, number, with_for_update=True)
                bulletin.state, bulletin.next_at = BulletinState.ENDED, None

    def count_left(self) -> int:
        """Bulletins and sendings that are not over."""
        over = (RunState.DONE, RunState.CANCELLED)
        with self.database.read() as session:
            waiting = select(func.count()).select_from(Bulletin).where(Bulletin.state == BulletinState.RELEASED)
            running = select(func.count()).select_from(BulletinRun).where(BulletinRun.state.not_in(over))
            return (session.scalar(waiting) or 0) + (session.scalar(running) or 0)

    def list_runs(self, bulletin_id: int) -> list[BulletinRun]:
        """Its sendings, as they came."""
        with self.database.read() as session:
            runs = select(BulletinRun).where(BulletinRun.bulletin_id == bulletin_id)
            return list(session.scalars(runs.order_by(BulletinRun.id)))

    def read_lines(self, run_id: int) -> dict[int, list[DeliveryState]]:
        """The states of the lines of each chat in a sending."""
        lanes = {lane_of(self.database.keys, SENDER, str(chat)): chat for chat in self.chats[self.tree.root]}
        found: dict[int, list[DeliveryState]] = {}
        with self.database.read() as session:
            lines = select(Delivery.recipient, Delivery.state).where(Delivery.run_id == run_id)
            for recipient, state in session.execute(lines):
                found.setdefault(lanes[recipient], []).append(state)
        return found


def _memberships(homes: dict[int, list[int]], person_of: dict[int, int], since: date) -> list[dict[str, object]]:
    return [
        {"person_id": person_of[chat], "unit_id": unit_id, "since_on": since}
        for unit_id, chats in homes.items()
        for chat in chats
    ]
