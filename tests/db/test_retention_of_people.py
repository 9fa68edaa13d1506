"""Who refused, left or was never seen again is forgotten when the time that people were told is over."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.accounts import meet_account
from db.applications import add_application
from db.bulk import HIDDEN
from db.deliveries import Outgoing, add_deliveries
from db.models import (
    Account,
    Application,
    ApplicationState,
    Consent,
    DataRequest,
    DataRequestKind,
    Delivery,
    DeliveryKind,
    EndReason,
    Membership,
    NoUnionInterest,
    Person,
    PersonalRead,
    Role,
    SignInCode,
    Throttle,
)
from db.no_union import add_interest
from db.officers import add_grant, add_sign_in_code, count_try, end_grant
from db.people import add_membership, add_person, end_membership, record_read
from db.privacy import add_consent, add_request
from db.session import Database
from handlers.retention import PERIODS, apply_retention
from knowledge.texts import t
from tests.small_tree import Tree

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
TODAY = date(2026, 11, 21)


@pytest.fixture
def tree(database: Database) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(database, TODAY - timedelta(days=4000))


def ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


def in_one(database: Database, work: Callable[[Session], Any]) -> Any:
    with database.begin() as session:
        return work(session)


def retain(database: Database) -> None:
    in_one(database, lambda session: apply_retention(session, NOW))


def person(session: Session, at: datetime, name: str = "Nguyễn Thị Hoa") -> Person:
    return add_person(session, {"full_name": name, "phone": "0912345678"}, at)


def applied(session: Session, one: Person, unit_id: int, state: ApplicationState, at: datetime) -> None:
    code = f"C{one.id}{state.value[:3]}"
    add_application(
        session,
        Application(code=code, person_id=one.id, unit_id=unit_id, state=state, submitted_at=at, changed_at=at),
    )


def people_left(database: Database) -> dict[str, bool]:
    """Who is still known: whether by name."""
    with database.read() as session:
        return {
            str((row.profile or {}).get("full_name", row.id)): row.profile is not None for row in session.query(Person)
        }


def test_refused_applicants_are_forgotten_after_six_months(database: Database, tree: Tree) -> None:
    """The application goes, and what is known of somebody who never became a member; a second, younger one saves it."""

    def plant(session: Session) -> None:
        for name, days in (("Cũ Refused", 184), ("Mới Refused", 182)):
            applied(session, person(session, ago(400), name), tree.workplace, ApplicationState.REFUSED, ago(days))
        again = person(session, ago(400), "Nộp Lại")
        applied(session, again, tree.workplace, ApplicationState.WITHDRAWN, ago(300))
        applied(session, again, tree.workplace, ApplicationState.SUBMITTED, ago(3))
        member = person(session, ago(400), "Đoàn Viên")
        applied(session, member, tree.workplace, ApplicationState.REFUSED, ago(300))
        add_membership(session, member, tree.workplace, TODAY - timedelta(days=200))

    in_one(database, plant)
    retain(database)
    assert people_left(database) == {"Mới Refused": True, "Nộp Lại": True, "Đoàn Viên": True}
    with database.read() as session:
        assert {row.state for row in session.query(Application)} == {
            ApplicationState.REFUSED,
            ApplicationState.SUBMITTED,
        }


def test_former_members_are_forgotten_after_24_months_and_their_line_stays(database: Database, tree: Tree) -> None:
    """Name, hashes, applications, consents and accounts' ties go; unit and days stay. Transfers do not count as an end,
    nor do members of an import that is at work."""

    def plant(session: Session) -> None:
        for name, days in (("Đã Lâu", 731), ("Mới Đây", 700)):
            one = person(session, ago(2000), name)
            account, _ = meet_account(session, "t:1", f"h{days}", "addr", None, ago(10))
            account.person_id = one.id
            applied(session, one, tree.workplace, ApplicationState.APPROVED, ago(1500))
            add_consent(session, account.id, one.id, "membership", 1, ago(1500))
            membership = add_membership(session, one, tree.workplace, TODAY - timedelta(days=1500), "1/QĐ")
            end_membership(session, membership, TODAY - timedelta(days=days), EndReason.LEFT)
        moved = person(session, ago(2000), "Chuyển Đi")
        old = add_membership(session, moved, tree.workplace, TODAY - timedelta(days=1500))
        end_membership(session, old, TODAY - timedelta(days=1000), EndReason.TRANSFERRED)
        add_membership(session, moved, tree.other_workplace, TODAY - timedelta(days=999))
        hidden = person(session, ago(2000), "Đang Nhập")
        session.add(Membership(person_id=hidden.id, unit_id=tree.workplace, since_on=TODAY, until_on=HIDDEN))
        clerk = person(session, ago(2000), "Cán Bộ Cũ")
        end_grant(
            add_grant(session, clerk, tree.upper, Role.OFFICER, TODAY - timedelta(days=1500), ago(1500)), ago(800), None
        )
        chair = person(session, ago(2000), "Chủ Tịch")
        add_grant(session, chair, tree.upper, Role.CHAIR, TODAY - timedelta(days=1500), ago(1500))

    in_one(database, plant)
    retain(database)
    known = {name for name, is_known in people_left(database).items() if is_known}
    assert known == {"Mới Đây", "Chuyển Đi", "Đang Nhập", "Chủ Tịch"}
    with database.read() as session:
        assert session.query(Membership).count() == 5
        assert session.query(Application).count() == session.query(Consent).count() == 1
        assert sorted(row.person_id is None for row in session.query(Account)) == [False, True]


def test_small_things_go_in_their_time(database: Database, tree: Tree) -> None:
    """Codes, tries, readings, requests, unseen accounts, old notices: the old go, the young stay."""

    def plant(session: Session) -> None:
        reader, subject = person(session, ago(1)), person(session, ago(1))
        add_membership(session, subject, tree.workplace, TODAY)
        add_grant(session, reader, tree.workplace, Role.OFFICER, TODAY, ago(1))
        for number, (codes, tries, years, notices) in enumerate(((32, 3, 731, 181), (30, 1, 729, 179))):
            add_sign_in_code(session, f"CODE{number}", reader.id, None, ago(codes), timedelta(days=1))
            count_try(session, f"try{number}", timedelta(hours=1), ago(tries))
            record_read(session, reader.id, {subject.id}, "member", ago(years))
            account, _ = meet_account(session, "t:1", f"h{number}", "addr", None, ago(years))
            add_interest(session, {"account_id": account.id, "workplace": "x", "place": "y"}, TODAY)
            request = add_request(session, DataRequestKind.ACCESS, account.id, None, ago(years), ago(years))
            request.done_at = ago(years)
            add_consent(session, account.id, None, "news", 1, ago(years))
            message = Outgoing(
                DeliveryKind.NOTICE, f"s{number}", "r", "t:1", "a", {"text": "x"}, ago(notices), stored_is_sent=True
            )
            add_deliveries(session, [message], ago(notices))

    in_one(database, plant)
    retain(database)
    with database.read() as session:
        for model in (SignInCode, Throttle, PersonalRead, DataRequest, Account, Consent, Delivery):
            assert session.query(model).count() == 1, model
        assert session.query(NoUnionInterest).count() == 1, "what was told on a forgotten account goes with it"


MONTH_DAYS = 30.44
PROMISES = {
    "consent.membership": (("former_members", "tháng sau đó"), ("refused_applications", "từ chối")),
    "no_union.consent": (("no_union_interests", "Giữ bao lâu"),),
    "privacy.erase_person": (("data_requests", "biên nhận"), ("delivery_texts", "tin đã báo")),
    "privacy.erased_person": (("delivery_texts", "tự mất"),),
    "privacy.membership_ends_how": (("former_members", "Hồ sơ tự xóa"),),
    "holdings.talk": (("delivery_texts", "giữ"), ("inbox_events", "giữ")),
}


@pytest.mark.parametrize("key", PROMISES)
def test_people_are_told_the_periods_that_are_applied(key: str) -> None:
    """A text that promises a period and the table of periods say the same."""
    days = {period.kind: period.days for period in PERIODS}
    sentence = t(key, union="", count=5, code="", day="", hotline="")
    for kind, words in PROMISES[key]:
        line = next(line for line in re.split(r"\n|(?<=\.) ", sentence) if words in line)
        part = next((one for one in line.split(";") if words in one and re.search(r"\d+ (tháng|ngày)", one)), line)
        promised = re.findall(r"(\d+) (tháng|ngày)", part)
        in_days = {round(int(number) * (MONTH_DAYS if unit == "tháng" else 1)) for number, unit in promised}
        assert any(abs(days[kind] - one) <= 1 for one in in_days), (kind, days[kind], line)
