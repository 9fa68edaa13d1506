"""Officers sign in by a code confirmed on both sides, work at the desk, and lose every right the minute a role ends."""

import re
from datetime import date
from typing import Any

import pyotp
import pytest
from sqlalchemy.orm import Session

from db.models import Account, Application, ApplicationState, Person, PersonalRead, Role, RoleGrant, UnitLevel
from db.officers import add_grant
from db.people import add_person
from tests.small_tree import Tree
from tests.talk import Member, Talk

CODE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}")


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(talk.database, talk.today)


def give(talk: Talk, name: str, unit_id: int, role: Role, **more: Any) -> int:
    """A person with a role, as an import would make them; returns their id."""

    def work(session: Session) -> int:
        person = add_person(session, {"full_name": name}, talk.now())
        add_grant(session, person, unit_id, role, talk.today, talk.now(), **more)
        return person.id

    with talk.database.begin() as session:
        return work(session)


def sign_in(talk: Talk, member: Member, person_id: int) -> None:
    """Tie a person to their account without the ceremony, for tests about what comes after it."""
    with talk.database.begin() as session:
        account = session.query(Account).filter(Account.address_hash == member.lane).one()
        account.person_id, account.second_factor_at = person_id, talk.now()


async def officer(talk: Talk, name: str, unit_id: int, role: Role, **more: Any) -> Member:
    """Somebody at the desk with a role."""
    member = talk.member(name)
    await member.says("chào")
    sign_in(talk, member, give(talk, name, unit_id, role, **more))
    return member


def code_heard(member: Member) -> str:
    found = CODE.search(member.heard[-1].text)
    assert found, member.heard[-1].text
    return found[0]


async def test_officer_is_let_in_only_when_both_sides_confirm(talk: Talk, tree: Tree) -> None:
    """The chair issues a code, the officer types it and says it is them, the chair confirms: only then it is a desk."""
    chair = await officer(talk, "Lê Thị Chủ Tịch", tree.upper, Role.CHAIR)
    await chair.says("bàn")
    await chair.presses("Đơn vị của tôi")
    await chair.presses("Thêm cán bộ")
    await chair.says("Trần Văn Mới")
    await chair.presses("Cán bộ công đoàn")
    await chair.presses("Đúng, cấp mã")
    code = code_heard(chair)
    new = talk.member("Mới")
    await new.says(f"vào {code}")
    new.hears("Trần Văn Mới", "Đúng là anh/chị")
    await new.presses("Đúng là tôi")
    await new.says("bàn")
    new.hears("mã vào")
    await new.says("hủy")
    await chair.settled()
    chair.hears("vừa dùng mã", "Đúng người")
    await chair.presses("Đúng người")
    await new.settled()
    await new.says("bàn")
    new.hears("Bàn làm việc", "Trần Văn Mới")


async def test_issuer_who_refuses_keeps_the_stranger_out(talk: Talk, tree: Tree) -> None:
    """A code that the wrong person used ties nothing and is spent."""
    chair = await officer(talk, "Chủ Tịch Lê", tree.upper, Role.CHAIR)
    for words in ("bàn", "đơn vị của tôi", "thêm cán bộ", "Trần Văn Mới", "cán bộ công đoàn", "đúng, cấp mã"):
        await chair.says(words)
    code = code_heard(chair)
    thief = talk.member("Kẻ Lạ")
    await thief.says(f"vào {code}")
    await thief.presses("Đúng là tôi")
    await chair.settled()
    await chair.presses("Không đúng")
    await thief.settled()
    thief.hears("không đúng người")
    await thief.says(f"vào {code}")
    thief.hears("không đúng, đã dùng")
    await thief.says("hủy")
    await thief.says("bàn")
    thief.hears("dành cho cán bộ")


async def test_guessing_codes_is_braked(talk: Talk, tree: Tree) -> None:
    """After five wrong codes within an hour even the right one must wait."""
    guesser = talk.member("Đoán Mò")
    for number in range(6):
        await guesser.says(f"vào K7M2-9QT{number}")
    guesser.hears("Đợi một giờ")
    talk.pass_time(hours=2)
    await guesser.says("vào K7M2-9QTX")
    guesser.hears("không đúng, đã dùng")


async def test_right_ends_the_minute_the_role_ends(talk: Talk, tree: Tree) -> None:
    """An old desk button of a former officer does nothing."""
    chair = await officer(talk, "Chủ Tịch Lê", tree.upper, Role.CHAIR)
    clerk = await officer(talk, "Cán Bộ An", tree.upper, Role.OFFICER)
    await clerk.says("bàn")
    old_button = clerk.button("Đơn vị của tôi").action or ""
    await chair.says("bàn")
    await chair.presses("Đơn vị của tôi")
    await chair.presses("Cán Bộ An")
    await chair.presses("Kết thúc vai trò")
    await chair.presses("Để lại cho đơn vị")
    chair.hears("đã thôi vai trò")
    await clerk.presses_payload(old_button)
    clerk.hears("không có quyền")


async def test_handing_over_orphans_nothing(talk: Talk, tree: Tree) -> None:
    """The applications an officer had taken up go to the named successor."""
    chair = await officer(talk, "Chủ Tịch Lê", tree.upper, Role.CHAIR)
    clerk_id = give(talk, "Cán Bộ An", tree.upper, Role.OFFICER)
    heir_id = give(talk, "Cán Bộ Bình", tree.upper, Role.OFFICER)
    with talk.database.begin() as session:
        applicant = add_person(session, {"full_name": "Đoàn Viên Mới"}, talk.now())
        session.add(
            Application(
                code="APP00001", person_id=applicant.id, unit_id=tree.upper, state=ApplicationState.SUBMITTED,
                submitted_at=talk.now(), changed_at=talk.now(), handled_by_id=clerk_id,
            )
        )  # fmt: skip
    await chair.says("bàn")
    await chair.presses("Đơn vị của tôi")
    await chair.presses("Cán Bộ An")
    await chair.presses("Kết thúc vai trò")
    chair.hears("Đơn đang giữ: 1")
    await chair.presses("Giao cho Cán Bộ Bình")
    assert [row.handled_by_id for row in talk.rows(Application)] == [heir_id]
    assert [row.ended_at is None for row in talk.rows(RoleGrant) if row.person_id == clerk_id] == [False]


async def test_chair_of_a_workplace_sees_no_other_unit(talk: Talk, tree: Tree) -> None:
    """A unit's number in a button is never trusted."""
    chair = await officer(talk, "Chủ Tịch Lê", tree.workplace, Role.CHAIR)
    for unit_id in (tree.other_workplace, tree.upper, tree.root, 999_999):
        await chair.presses_payload(f"unit|{unit_id}")
        chair.hears("không có quyền")
        await chair.presses_payload(f"inv|{unit_id}")
        chair.hears("không có quyền")


async def test_administrator_of_the_federation_reaches_down(talk: Talk, tree: Tree) -> None:
    """From the top one walks down to every unit, and whoever's names were shown is on record."""
    top = await officer(talk, "Quản Trị", tree.root, Role.ADMINISTRATOR)
    seen = give(talk, "Cán Bộ Xa", tree.workplace, Role.OFFICER, paid_by_unit_id=tree.workplace)
    await top.says("bàn")
    await top.presses("Đơn vị của tôi")
    await top.presses("Công đoàn phường Thử")
    await top.presses("CĐCS Công ty May Một")
    top.hears("Công đoàn cơ sở")
    await top.presses("Cán Bộ Xa")
    top.hears("Hưởng lương của", "Công ty May Một")
    assert seen in {row.subject_id for row in talk.rows(PersonalRead)}


async def test_person_paid_by_the_company_is_recorded_as_such(talk: Talk, tree: Tree) -> None:
    """At a workplace the desk asks who pays; the answer is kept with the role."""
    chair = await officer(talk, "Chủ Tịch Lê", tree.upper, Role.CHAIR)
    await chair.presses_payload(f"inv|{tree.workplace}")
    await chair.says("Nguyễn Thị Kiêm Nhiệm")
    await chair.presses("Cán bộ công đoàn")
    await chair.presses("Công ty trả lương")
    chair.hears("Công ty trả lương")
    await chair.presses("Đúng, cấp mã")
    [grant] = [row for row in talk.rows(RoleGrant) if row.unit_id == tree.workplace]
    assert grant.paid_by_unit_id == tree.workplace


async def test_second_factor_opens_the_strong_roles_on_the_web_only(talk: Talk, tree: Tree) -> None:
    """In a browser an administrator has no power before six digits; a spent code opens nothing again."""
    from bot.transports import operator_log  # noqa: F401  # the harness's edge plays the web here
    from handlers.chat import Channel

    talk.edge.channel = Channel("web")
    top = talk.member("Quản Trị")
    await top.says("chào")
    person_id = give(talk, "Quản Trị Viên", tree.root, Role.ADMINISTRATOR)
    with talk.database.begin() as session:
        from db.officers import add_sign_in_code

        add_sign_in_code(session, "K7M29QTX", person_id, None, talk.now(), talk.hours(24))
    await top.says("vào K7M2-9QTX")
    await top.presses("Đúng là tôi")
    await top.presses_payload(f"inv|{tree.upper}")
    top.hears("không có quyền")
    await top.says("bàn")
    await top.presses("Nhập mã hai lớp")
    secret = re.sub(r"\s", "", re.findall(r"\*\*([A-Z2-7 ]{32,})\*\*", top.heard[-1].text)[0])
    assert top.heard[-1].files[0].media_type == "image/png"
    await top.says("000000")
    top.hears("chưa đúng")
    digits = pyotp.TOTP(secret).at(talk.now())
    await top.says(digits)
    top.hears("Bàn làm việc")
    await top.presses("Đơn vị của tôi")
    top.hears("Liên đoàn")
    await top.says("đăng xuất")
    with talk.database.begin() as session:
        session.query(Account).filter(Account.address_hash == top.lane).one().person_id = person_id
    await top.says("bàn")
    await top.presses("Nhập mã hai lớp")
    await top.says(digits)
    top.hears("chưa đúng hoặc vừa dùng")


async def test_role_that_begins_tomorrow_gives_nothing_today(talk: Talk, tree: Tree) -> None:
    """A role holds from its first day to its last, included."""
    early = talk.member("Sớm")
    await early.says("chào")
    with talk.database.begin() as session:
        person = add_person(session, {"full_name": "Cán Bộ Sớm"}, talk.now())
        tomorrow = date.fromordinal(talk.today.toordinal() + 1)
        add_grant(session, person, tree.upper, Role.OFFICER, tomorrow, talk.now(), to_on=tomorrow)
        person_id = person.id
    sign_in(talk, early, person_id)
    await early.says("bàn")
    early.hears("dành cho cán bộ")
    await early.says("hủy")
    talk.pass_time(days=1)
    await early.says("bàn")
    early.hears("Bàn làm việc")
    talk.pass_time(days=1)
    await early.says("bàn")
    early.hears("dành cho cán bộ")


def test_tree_of_these_tests_is_as_described(database: Any) -> None:
    """The workplace lies under the upper union, which lies under the federation."""
    tree = Tree.plant(database, date(2026, 1, 1))
    with database.read() as session:
        from db.units import list_ancestors

        above = [period.level for period in list_ancestors(session, tree.workplace, date(2026, 6, 1))]
    assert above == [UnitLevel.UPPER, UnitLevel.FEDERATION]
    assert Person.__tablename__ == "people"
