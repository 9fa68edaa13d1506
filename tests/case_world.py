"""A small world for tests of cases: a tree, officers on channels, workers, and an answer to "who may never see this?"
that is worked out apart from the program's own conditions."""

import itertools
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.accounts import lane_of, meet_account
from db.case_access import Viewer, read_viewer
from db.models import Account, Case, CaseAlert, Delivery, DeliveryKind, Person, Role
from db.officers import add_grant
from db.people import add_person
from handlers.cases.service import Report, open_case
from handlers.feature import VIETNAM

_numbers = itertools.count(1)

SURNAMES = ("Nguyễn Thị", "Trần Văn", "Lê Quốc", "Phạm Minh", "Hoàng Kim", "Đặng Thu")


def add_officer(
    session: Session, name: str, unit_id: int, role: Role, now: datetime, paid_by: int | None = None, **profile: str
) -> int:
    """An officer with an account at a desk; returns the person."""
    person = add_person(session, {"full_name": name, **profile}, now)
    add_grant(session, person, unit_id, role, day_of(now), now, paid_by_unit_id=paid_by)
    add_account(session, now, person)
    return person.id


def add_account(session: Session, now: datetime, person: Person | None = None, sender: str = "web") -> Account:
    """Somebody on a channel; an officer's is signed in."""
    address = f"address-{next(_numbers)}"
    keys = session.info["keys"]
    account, _ = meet_account(session, sender, lane_of(keys, sender, address), address, None, now)
    if person is not None:
        account.person_id = person.id
    session.flush()
    return account


def day_of(now: datetime) -> date:
    """The day in Vietnam."""
    return now.astimezone(VIETNAM).date()


def see(session: Session, person_id: int, now: datetime) -> Viewer:
    """The viewer an officer is."""
    return read_viewer(session, person_id, now, day_of(now))


def send(session: Session, now: datetime, account: Account | None = None, **report: Any) -> tuple[Case, str]:
    """A report is sent; returns the case and its receipt."""
    facts = {"category": "wages", "story": "Công ty nợ lương hai tháng."} | report
    return open_case(session, account or add_account(session, now), Report(**facts), now, day_of(now))


def alerted(session: Session, case: Case, rung: int | None = None) -> list[int]:
    """Who was asked to claim a case in the search that runs."""
    mine = select(CaseAlert).where(CaseAlert.case_id == case.id, CaseAlert.round == case.round)
    rows = session.scalars(mine.order_by(CaseAlert.id)).all()
    return [row.person_id for row in rows if rung is None or row.rung == rung]


def messages(session: Session, account: Account, kind: DeliveryKind) -> list[str]:
    """What an account was sent, of one kind."""
    mine = select(Delivery).where(Delivery.recipient == account.address_hash, Delivery.kind == kind)
    return [row.body["text"] for row in session.scalars(mine.order_by(Delivery.id)) if row.body]


def accounts_of(session: Session, person_id: int) -> list[Account]:
    """Where an officer is told things."""
    return list(session.scalars(select(Account).where(Account.person_id == person_id)))


@dataclass
class Heard:
    """What the operator was told."""

    subjects: list[str] = field(default_factory=list)

    def __call__(self, _session: Session, subject: str, _text: str) -> None:
        self.subjects.append(subject)


def get_locked(session: Session, case_id: int) -> Case:
    """A case, locked, as it is now."""
    found = select(Case).where(Case.id == case_id).with_for_update().execution_options(populate_existing=True)
    return session.scalars(found).one()
