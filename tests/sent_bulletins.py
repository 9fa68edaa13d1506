"""Bulletins that went out, for tests of what comes after: rows of the ledger as the sender leaves them."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from db.answer_traces import add_lines
from db.bulletin_runs import add_run
from db.bulletins import add_bulletin
from db.models import Account, Bulletin, BulletinKind, BulletinRun, BulletinState, Delivery, DeliveryState, RunState
from db.people import add_membership, add_person
from handlers.bulletins.content import Block, BlockKind, Content, compose
from handlers.bulletins.timing import Timing
from tests.talk import Member, Talk

POLL = Block(BlockKind.POLL, "Anh/chị muốn đi đâu?", choices=("Biển", "Núi", "Ở nhà"))
QUIZ = Block(
    BlockKind.QUIZ, "Thử việc dài nhất mấy ngày?", choices=("60 ngày", "90 ngày"), right=0, explanation="Theo Bộ luật."
)
RSVP = Block(BlockKind.RSVP, "Anh/chị đi họp không?", choices=("Có đi", "Không đi"))
TASK = Block(BlockKind.TASK, "Đã dán thông báo chưa?", choices=("Đã làm", "Chưa"))


async def person_at(talk: Talk, name: str, unit_id: int) -> Member:
    """A member of a unit with an account."""
    member = talk.member(name)
    await member.says("/menu")
    with talk.database.begin() as session:
        person = add_person(session, {"full_name": name}, talk.now())
        add_membership(session, person, unit_id, talk.today - timedelta(days=100))
        find_account(session, member).person_id = person.id
    return member


def find_account(session: Session, member: Member) -> Account:
    """The row of somebody's account."""
    return session.query(Account).filter(Account.address_hash == member.lane).one()


def send(
    talk: Talk,
    unit_id: int,
    receivers: Iterable[Member] = (),
    blocks: Sequence[Block] = (),
    title: str = "Hội thao tháng 12",
    text: str = "Mời anh chị em dự hội thao.",
    kind: BulletinKind = BulletinKind.NEWS,
    state: DeliveryState = DeliveryState.SENT,
    run_state: RunState = RunState.DONE,
    **more: Any,
) -> int:
    """A bulletin of a unit that went to some people; returns the number of its sending."""

    def work(session: Session) -> int:
        person = add_person(session, {"full_name": "Người Soạn"}, talk.now())
        content = Content(title, text, blocks=tuple(blocks))
        audience = {"units": [unit_id]}
        bulletin = add_bulletin(
            session, kind, unit_id, "welfare", person.id, talk.now(), content.to_json(), audience, Timing().to_json()
        )
        for name, value in more.items():
            setattr(bulletin, name, value)
        bulletin.state = BulletinState.ENDED
        now = talk.now()
        run = add_run(
            session,
            bulletin.id,
            now,
            {},
            {"files": [], "may_disturb": False, "corrects": []},
            talk.today,
            now + timedelta(days=2),
            now,
        )
        assert run is not None
        run.body, run.state, run.planned_at = compose(content, run.id, {}).to_json(), run_state, now
        run.finished_at = now if run_state in (RunState.DONE, RunState.CANCELLED) else None
        accounts = [find_account(session, member) for member in receivers]
        if accounts:
            run.reached = add_lines(session, run, accounts, unit_id, now, now)
            for line in session.query(Delivery).filter(Delivery.run_id == run.id):
                line.state, line.finished_at = state, now
        return run.id

    with talk.database.begin() as session:
        return work(session)


def bulletin_of(talk: Talk, run_id: int) -> Bulletin:
    """The bulletin of a sending."""

    def read(session: Session) -> Bulletin:
        return session.get_one(Bulletin, session.get_one(BulletinRun, run_id).bulletin_id)

    found: Bulletin = talk.look(read)
    return found


def add_results(
    talk: Talk, run_id: int, unit_id: int, state: DeliveryState, count: int, reason: str | None = None
) -> None:
    """So many more lines of a sending, of people at a unit who are nobody in particular."""
    with talk.database.begin() as session:
        now = talk.now()
        before = session.query(Delivery).count()
        run = session.get_one(BulletinRun, run_id)
        for number in range(count):
            lane = f"lane-{before + number}"
            account = Account(sender="edge:1", address_hash=lane, address=lane, first_seen_at=now, last_seen_at=now)
            session.add(account)
            session.flush()
            add_lines(session, run, [account], unit_id, now, now)
        session.flush()
        for line in session.query(Delivery).filter(Delivery.run_id == run_id, Delivery.recipient >= "lane-"):
            if int(line.recipient.removeprefix("lane-")) >= before:
                line.state, line.reason, line.finished_at = state, reason, now
