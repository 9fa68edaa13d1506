"""A union whose members are sent bulletins, and the clock that sends them, for tests."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from db.accounts import meet_account
from db.audiences import Audience
from db.bulletin_runs import list_runs
from db.bulletins import add_bulletin, digest_bulletin
from db.models import Bulletin, BulletinKind, BulletinRun, BulletinState, Consent, Shift
from db.news_choices import NEWS, NEWS_VERSION, keep_shift
from db.people import add_membership, add_person
from handlers.bulletins.content import Content
from handlers.bulletins.running import carry_on, plan_some, start_due
from handlers.bulletins.timing import Timing
from tests.small_tree import Tree
from tests.talk import Member, Talk


@dataclass
class BulletinWorld:
    """The tree and its members; what is released here was released as the desk does it, but for the talk."""

    talk: Talk
    tree: Tree
    _names: Any = field(default_factory=lambda: itertools.count(1))

    def member(self, unit_id: int | None = None, agrees: bool = True, shift: Shift | None = None) -> Member:
        """A member of the workplace (or of another unit) on the edge's channel."""
        talk, name = self.talk, f"Đoàn viên {next(self._names)}"
        member = talk.member(name)
        with talk.database.begin() as session:
            person = add_person(session, {"full_name": name}, talk.now())
            since_on = talk.today - timedelta(days=100)
            add_membership(session, person, unit_id or self.tree.workplace, since_on)
            account, _ = meet_account(session, talk.edge.sender, member.lane, member.address, name, talk.now())
            account.person_id = person.id
            if agrees:
                session.add(
                    Consent(
                        account_id=account.id,
                        person_id=person.id,
                        purpose=NEWS,
                        version=NEWS_VERSION,
                        given_at=talk.now(),
                    )
                )
            if shift is not None:
                keep_shift(session, person.id, shift)
        return member

    def release(
        self,
        content: Content | None = None,
        timing: Timing | None = None,
        units: Sequence[int] = (),
        kind: BulletinKind = BulletinKind.NEWS,
        corrects_id: int | None = None,
    ) -> int:
        """A bulletin that somebody released just now; returns its number."""
        talk = self.talk
        said = (content or Content("Tin tuần", "Tuần này công đoàn khám bệnh miễn phí.")).to_json()
        audience = Audience(units=tuple(units) or (self.tree.root,)).to_json()
        with talk.database.begin() as session:
            editor = add_person(session, {"full_name": "Người soạn"}, talk.now())
            timing = timing or Timing(may_disturb=True)
            bulletin = add_bulletin(
                session, kind, self.tree.root, "law", editor.id, talk.now(), said, audience, timing.to_json(),
                corrects_id,
            )  # fmt: skip
            bulletin.state, bulletin.next_at = BulletinState.RELEASED, timing.first_at(talk.now())
            bulletin.released_hash = digest_bulletin(session, bulletin)
            return bulletin.id

    def tick(self, senders: Sequence[str] = ()) -> None:
        """What the clock does, until there is nothing more to do."""
        talk = self.talk
        with talk.database.begin() as session:
            start_due(session, talk.now(), list(senders) or [talk.edge.sender])
        for work in (plan_some, carry_on):
            more = True
            while more:
                with talk.database.begin() as session:
                    more = work(session, talk.now())
        talk.sender.wake()

    async def send(self) -> None:
        """Let the clock tick and everything arrive that may go now."""
        self.tick()
        await self.talk.member("").settled()
        self.tick()

    def runs(self, bulletin_id: int) -> list[BulletinRun]:
        """Its sendings, the oldest first."""
        found: list[BulletinRun] = self.talk.look(list_runs, bulletin_id)
        return found[::-1]

    def bulletin(self, bulletin_id: int) -> Bulletin:
        """As it stands now."""
        found: Bulletin = self.talk.look(lambda session: session.get(Bulletin, bulletin_id))
        return found
