"""A one-time code lets in only whom it names: by issuing one nobody gains another's roles or reads what they told."""

import re
from datetime import timedelta

import pytest

from db.models import Account, Person, PersonalRead, Role, RoleGrant, SignInCode
from db.people import add_membership, add_person
from tests.handlers.test_officers import code_heard, give, officer, sign_in
from tests.handlers.test_registration import FIELDS, join
from tests.small_tree import Tree
from tests.talk import Member, Talk


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(talk.database, talk.today - timedelta(days=400))


async def appoint(chair: Member, unit_id: int, who: str, payer: str = "Công đoàn trả lương") -> None:
    """The chair gives somebody the role of an officer at a workplace, up to the code."""
    await chair.presses_payload(f"inv|{unit_id}")
    await chair.says(who)
    await chair.presses("Cán bộ công đoàn")
    await chair.presses(payer)
    await chair.presses("Đúng, cấp mã")


def code_of(talk: Talk, person_id: int) -> str:
    return next(row.code for row in talk.rows(Person) if row.id == person_id)


async def member_with_code(talk: Talk, tree: Tree) -> tuple[Member, Member, str]:
    """A member with a phone, the chair of their workplace, and the code the chair got in the member's name."""
    worker, _clerk = await join(talk, tree)
    chair = await officer(talk, "Chủ Tịch Lê", tree.workplace, Role.CHAIR)
    [person_id] = {row.person_id for row in talk.rows(Account) if row.address_hash == worker.lane}
    await appoint(chair, tree.workplace, code_of(talk, person_id))
    return worker, chair, code_heard(chair)


async def test_member_is_asked_on_their_own_channel_before_a_code_opens_another(talk: Talk, tree: Tree) -> None:
    """The chair who appoints a worker and types the code on a second phone sees nothing of theirs."""
    worker, chair, code = await member_with_code(talk, tree)
    spy = talk.member("Máy Thứ Hai Của Chủ Tịch")
    await spy.says(f"vào {code}")
    await spy.presses("Đúng là tôi")
    spy.hears("hỏi lại trên")
    await worker.settled()
    worker.hears("gõ mã vào của anh/chị")
    await chair.says("bàn")
    assert not [button for reply in chair.heard[-2:] for button in reply.buttons if "Đúng người" in button.label]
    [row] = [row for row in talk.rows(SignInCode) if row.account_id]
    for payload in (f"sd|{row.id}|y", f"sv|{row.id}|y"):
        await chair.presses_payload(payload)
        chair.hears("thay đổi")
        await spy.presses_payload(payload)
    await worker.presses("Không phải tôi, chặn lại")
    worker.hears("Đã chặn")
    await spy.settled()
    spy.hears("kênh kia trả lời không phải")
    await spy.says("trang của tôi")
    spy.hears("chưa nộp đơn")


async def test_member_lets_a_further_channel_in_by_saying_so_on_the_first(talk: Talk, tree: Tree) -> None:
    """Three say yes: who typed the code, their own channel, the chair; then every other channel hears of it."""
    worker, chair, code = await member_with_code(talk, tree)
    talk.pass_time(hours=12)
    await worker.settled()
    worker.hears("được giao", "Cán bộ công đoàn", "CĐCS Công ty May Một")
    further = talk.member("Hoa Web")
    await further.says(f"vào {code}")
    await further.presses("Đúng là tôi")
    await worker.settled()
    await worker.presses("Đúng là tôi vừa gõ")
    worker.hears("Chủ Tịch Lê")
    await chair.settled()
    await chair.presses("Đúng người")
    await further.settled()
    await further.says("bàn")
    further.hears("Bàn làm việc", "Nguyễn Thị Hoa")
    worker.hears("vừa vào bằng mã")
    await worker.presses("Không phải tôi, bỏ kênh đó")
    await further.says("bàn")
    further.hears("mã vào")


async def test_own_channel_needs_no_second_word(talk: Talk, tree: Tree) -> None:
    """The code typed where the member already is goes straight to the chair."""
    worker, chair, code = await member_with_code(talk, tree)
    await worker.says(f"vào {code}")
    await worker.presses("Đúng là tôi")
    worker.hears("Chủ Tịch Lê")
    await chair.settled()
    await chair.presses("Đúng người")
    await worker.says("bàn")
    worker.hears("Bàn làm việc")


async def test_administrator_lets_in_whoever_lost_every_channel(talk: Talk, tree: Tree) -> None:
    """Nobody else may pass over the old channels, and those are told all the same."""
    top = await officer(talk, "Quản Trị", tree.root, Role.ADMINISTRATOR)
    clerk = await officer(talk, "Cán Bộ An", tree.workplace, Role.OFFICER)
    [grant] = [row for row in talk.rows(RoleGrant) if row.role is Role.OFFICER]
    with talk.database.begin() as session:
        for account in session.query(Account).filter(Account.address_hash == top.lane):
            account.second_factor_at = talk.now()
    await top.presses_payload(f"recode|{grant.id}")
    code = code_heard(top)
    new = talk.member("An Máy Mới")
    await new.says(f"vào {code}")
    await new.presses("Đúng là tôi")
    new.hears("Quản Trị")
    await top.settled()
    await top.presses("Đúng người")
    await new.says("bàn")
    new.hears("Bàn làm việc")
    await clerk.settled()
    clerk.hears("vừa vào bằng mã")


async def test_chair_gets_no_code_of_somebody_above(talk: Talk, tree: Tree) -> None:
    """Neither at the chair's own unit nor for a role below of somebody who holds another above; nor may the chair end
    such a role."""
    chair = await officer(talk, "Chủ Tịch Lê", tree.upper, Role.CHAIR)
    at_unit = give(talk, "Quản Trị Phường", tree.upper, Role.ADMINISTRATOR)
    both = give(talk, "Cán Bộ Hai Nơi", tree.upper, Role.OFFICER)
    with talk.database.begin() as session:
        from db.officers import add_grant

        person = session.get_one(Person, both)
        add_grant(session, person, tree.root, Role.DATA_PROTECTION_OFFICER, talk.today, talk.now())
    grants = {row.person_id: row.id for row in talk.rows(RoleGrant) if row.unit_id == tree.upper}
    await chair.presses_payload(f"grant|{grants[at_unit]}")
    assert {"Cấp mã vào mới", "Kết thúc vai trò"}.isdisjoint(button.label for button in chair.heard[-1].buttons)
    for number in (grants[at_unit], grants[both]):
        await chair.presses_payload(f"recode|{number}")
        chair.hears("chỉ cấp trên")
    await chair.presses_payload(f"hand|{grants[at_unit]}")
    chair.hears("không có quyền")
    await appoint(chair, tree.workplace, code_of(talk, both))
    chair.hears("chỉ cấp trên")
    assert talk.rows(SignInCode) == []


async def test_code_off_a_card_opens_no_name_beyond_reach(talk: Talk, tree: Tree) -> None:
    """Appointing by code finds people within reach only, and that reading is on record."""
    _worker, _clerk = await join(talk, tree)
    far = await officer(talk, "Chủ Tịch Giày", tree.other_workplace, Role.CHAIR)
    near = await officer(talk, "Chủ Tịch Phường", tree.upper, Role.CHAIR)
    [member] = [row for row in talk.rows(Person) if row.profile.get("phone")]
    await far.presses_payload(f"inv|{tree.other_workplace}")
    await far.says(member.code)
    far.hears("không có ai mang mã này")
    before = len(talk.rows(PersonalRead))
    await near.presses_payload(f"inv|{tree.workplace}")
    await near.says(member.code)
    near.hears("Giao việc gì")
    assert [row.subject_id for row in talk.rows(PersonalRead)[before:]] == [member.id]


async def test_who_pays_an_officer_is_put_right_by_appointing_anew(talk: Talk, tree: Tree) -> None:
    """The role held so far ends and stays as history; nobody says it of themselves."""
    chair = await officer(talk, "Chủ Tịch Lê", tree.workplace, Role.CHAIR)
    await appoint(chair, tree.workplace, "Trần Văn Kiêm")
    [kept] = [row for row in talk.rows(RoleGrant) if row.role is Role.OFFICER]
    await appoint(chair, tree.workplace, code_of(talk, kept.person_id), "Công ty trả lương")
    old, new = [row for row in talk.rows(RoleGrant) if row.role is Role.OFFICER]
    assert (old.paid_by_unit_id, old.ended_at is not None) == (None, True)
    assert (new.paid_by_unit_id, new.ended_at) == (tree.workplace, None)
    await chair.presses_payload(f"inv|{tree.workplace}")
    [own] = [row.person_id for row in talk.rows(RoleGrant) if row.role is Role.CHAIR]
    await chair.says(code_of(talk, own))
    await chair.presses("Cán bộ công đoàn")
    await chair.presses("Công đoàn trả lương")
    await chair.presses("Đúng, cấp mã")
    chair.hears("tự giao vai trò cho mình")


async def test_role_is_given_until_a_day(talk: Talk, tree: Tree) -> None:
    """A term has a last day; after it the desk is closed."""
    chair = await officer(talk, "Chủ Tịch Lê", tree.upper, Role.CHAIR)
    await chair.presses_payload(f"inv|{tree.upper}")
    await chair.says("Trần Văn Nhiệm Kỳ".replace("Nhiệm Kỳ", "Ký"))
    await chair.presses("Cán bộ công đoàn")
    chair.hears("chưa có ngày kết thúc")
    await chair.presses("Đặt ngày kết thúc")
    await chair.says("31/02/2027")
    chair.hears("kết thúc sau ngày nào")
    last_day = talk.today + timedelta(days=30)
    await chair.says(last_day.strftime("%d/%m/%Y"))
    chair.hears(f"đến hết {last_day:%d/%m/%Y}")
    await chair.presses("Đúng, cấp mã")
    [grant] = [row for row in talk.rows(RoleGrant) if row.role is Role.OFFICER]
    assert grant.to_on == last_day


async def test_code_waits_a_day_for_the_other_side_and_no_longer(talk: Talk, tree: Tree) -> None:
    """Typed in time and confirmed days later ties nothing."""
    chair = await officer(talk, "Chủ Tịch Lê", tree.upper, Role.CHAIR)
    await chair.presses_payload(f"inv|{tree.upper}")
    for words in ("Trần Văn Mới", "cán bộ công đoàn", "đúng, cấp mã"):
        await chair.says(words)
    new = talk.member("Mới")
    talk.pass_time(hours=23)
    await new.says(f"vào {code_heard(chair)}")
    await new.presses("Đúng là tôi")
    await chair.settled()
    talk.pass_time(hours=25)
    await chair.presses("Đúng người")
    chair.hears("thay đổi")
    assert [row.person_id for row in talk.rows(Account) if row.address_hash == new.lane] == [None]


async def test_account_that_became_somebody_elses_is_not_taken_over(talk: Talk, tree: Tree) -> None:
    """Between the code and the chair's word its holder applied to join as another person."""
    chair = await officer(talk, "Chủ Tịch Lê", tree.upper, Role.CHAIR)
    await chair.presses_payload(f"inv|{tree.upper}")
    for words in ("Trần Văn Mới", "cán bộ công đoàn", "đúng, cấp mã"):
        await chair.says(words)
    new = talk.member("Hoa")
    await new.says(f"vào {code_heard(chair)}")
    await new.presses("Đúng là tôi")
    await new.says("gia nhập")
    await new.presses("Đồng ý")
    await new.presses("Không đồng ý")
    for answer in (*FIELDS, "may mot", "1", "công nhân may"):
        await new.says(answer)
    await new.presses("Tôi cam kết và gửi đơn")
    await chair.settled()
    await chair.presses("Đúng người")
    chair.hears("thay đổi")
    await new.says("trang của tôi")
    new.hears("Nguyễn Thị Hoa")


async def test_member_of_an_imported_list_comes_to_their_own_page(talk: Talk, tree: Tree) -> None:
    """The officer who knows them hands over a code; both sides say yes; no role comes with it."""
    clerk = await officer(talk, "Trần Cán Bộ", tree.workplace, Role.OFFICER)
    with talk.database.begin() as session:
        person = add_person(session, {"full_name": "Lê Thị Sẵn", "born_on": "1990-01-01"}, talk.now())
        add_membership(session, person, tree.workplace, talk.today - timedelta(days=300))
        number = person.id
    await clerk.presses_payload(f"mem|{number}")
    await clerk.presses("Cấp mã nối kênh")
    code = code_heard(clerk)
    worker = talk.member("Sẵn")
    await worker.says(f"vào {code}")
    worker.hears("Lê Thị Sẵn", "Đoàn viên, CĐCS Công ty May Một")
    await worker.presses("Đúng là tôi")
    await clerk.settled()
    await clerk.presses("Đúng người")
    await worker.settled()
    worker.hears("hồ sơ đoàn viên")
    await worker.says("trang của tôi")
    worker.hears("Lê Thị Sẵn", "CĐCS Công ty May Một")
    [account] = [row for row in talk.rows(Account) if row.address_hash == worker.lane]
    assert account.needs_sign_in, "a role given later acts here only after a sign-in"
    await clerk.presses_payload(f"mem|{number}")
    assert not [button for button in clerk.heard[-1].buttons if "Cấp mã" in button.label]
    await clerk.presses_payload(f"mcode|{number}")
    clerk.hears("đã có kênh")
    far = await officer(talk, "Cán Bộ Xa", tree.other_workplace, Role.OFFICER)
    await far.presses_payload(f"mcode|{number}")
    far.hears("không có quyền")


async def test_who_applied_though_they_stand_in_the_list_takes_the_application_back_first(
    talk: Talk, tree: Tree
) -> None:
    """With an open application the code is refused; once it is withdrawn the channel goes to the old profile."""
    clerk = await officer(talk, "Trần Cán Bộ", tree.workplace, Role.OFFICER)
    with talk.database.begin() as session:
        person = add_person(session, {"full_name": "Nguyễn Thị Hoa", "born_on": "1995-10-20"}, talk.now())
        add_membership(session, person, tree.workplace, talk.today - timedelta(days=300))
        number = person.id
    worker = talk.member("Hoa")
    await worker.says("gia nhập")
    await worker.presses("Đồng ý")
    await worker.presses("Không đồng ý")
    for answer in (*FIELDS, "may mot", "1", "công nhân may"):
        await worker.says(answer)
    await worker.presses("Tôi cam kết và gửi đơn")
    await clerk.presses_payload(f"mcode|{number}")
    code = code_heard(clerk)
    await worker.says(f"vào {code}")
    worker.hears("rút đơn trước")
    await worker.says("trang của tôi")
    await worker.presses("Rút đơn")
    await worker.says(f"vào {code}")
    await worker.presses("Đúng là tôi")
    await clerk.settled()
    await clerk.presses("Đúng người")
    await worker.says("trang của tôi")
    worker.hears("Đoàn viên của", "CĐCS Công ty May Một")


async def test_member_does_not_lose_their_page_by_signing_out(talk: Talk, tree: Tree) -> None:
    """Only officers have a way back by code; a member is told so and stays."""
    worker, clerk = await join(talk, tree)
    await worker.says("đăng xuất")
    worker.hears("mất đường vào trang của mình")
    await worker.says("trang của tôi")
    worker.hears("Nguyễn Thị Hoa")
    await clerk.says("đăng xuất")
    clerk.hears("Đã đăng xuất")
    assert re.search("vào", clerk.heard[-1].text) is None


async def test_successor_and_former_officer_hear_of_a_hand_over(talk: Talk, tree: Tree) -> None:
    """What an upper officer had taken up at a workplace below goes along, and both are told."""
    chair = await officer(talk, "Chủ Tịch Lê", tree.root, Role.CHAIR)
    clerk = await officer(talk, "Cán Bộ An", tree.upper, Role.OFFICER)
    heir = await officer(talk, "Cán Bộ Bình", tree.upper, Role.OFFICER)
    worker = talk.member("Hoa")
    await worker.says("gia nhập")
    await worker.presses("Đồng ý")
    await worker.presses("Không đồng ý")
    for answer in (*FIELDS, "may mot", "1", "công nhân may"):
        await worker.says(answer)
    await worker.presses("Tôi cam kết và gửi đơn")
    await clerk.says("bàn")
    await clerk.presses("Đơn chờ duyệt")
    await clerk.says("1")
    await clerk.presses("Tôi xử lý đơn này")
    [grant] = [row for row in talk.rows(RoleGrant) if row.person_id == _person_of(talk, clerk)]
    await chair.presses_payload(f"hand|{grant.id}")
    chair.hears("Đơn đang giữ: 1")
    await chair.presses("Giao cho Cán Bộ Bình")
    talk.pass_time(hours=12)
    await heir.settled()
    heir.hears("bàn giao cho anh/chị 1 đơn")
    clerk.hears("kết thúc từ bây giờ")
    await heir.presses("Việc của tôi")
    heir.hears("đang xử lý 1 đơn")


def _person_of(talk: Talk, member: Member) -> int | None:
    return next(row.person_id for row in talk.rows(Account) if row.address_hash == member.lane)


async def test_stranger_signs_in_as_nobody_by_anothers_account(talk: Talk, tree: Tree) -> None:
    """An officer's account takes no code of another person."""
    chair = await officer(talk, "Chủ Tịch Lê", tree.upper, Role.CHAIR)
    other = talk.member("Khác")
    await other.says("chào")
    sign_in(talk, other, give(talk, "Cán Bộ Khác", tree.upper, Role.OFFICER))
    await appoint(chair, tree.workplace, "Trần Văn Mới")
    await other.says(f"vào {code_heard(chair)}")
    other.hears("gắn với một người khác")
