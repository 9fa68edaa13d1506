"""An administrator changes the tree in chat: sees what moves, confirms, and looks back; nobody else can."""

from datetime import timedelta

import pytest

from db.models import (
    Account,
    Membership,
    Person,
    PersonalRead,
    Reorganisation,
    Role,
    RoleGrant,
    Unit,
    UnitLevel,
    UnitPeriod,
)
from db.people import add_membership, add_person
from db.units import find_period, list_ancestors
from tests.handlers.test_officers import give, officer
from tests.small_tree import Tree, add_unit
from tests.talk import Member, Talk


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(talk.database, talk.today - timedelta(days=400))


async def administrator(talk: Talk, tree: Tree) -> Member:
    return with_second_factor(talk, await officer(talk, "Quản Trị", tree.root, Role.ADMINISTRATOR))


def with_second_factor(talk: Talk, member: Member) -> Member:
    """In a browser an administrator has typed the six digits."""
    with talk.database.begin() as session:
        session.query(Account).filter(Account.address_hash == member.lane).one().second_factor_at = talk.now()
    return member


async def open_unit(top: Member, unit_id: int) -> None:
    await top.presses_payload(f"unit|{unit_id}")
    await top.presses("Thay đổi đơn vị")


def name_on(talk: Talk, unit_id: int, days: int = 0) -> str | None:
    period = talk.look(find_period, unit_id, talk.today + timedelta(days=days))
    return period.name if period else None


async def test_unit_is_renamed_from_a_day_by_a_decision(talk: Talk, tree: Tree) -> None:
    """The preview says what changes; before the day the old name stands; the old tree stays readable."""
    top = await administrator(talk, tree)
    await open_unit(top, tree.workplace)
    await top.presses("Đổi tên")
    await top.says("CĐCS Công ty May Ba")
    day = talk.today - timedelta(days=10)
    await top.says("hôm kia")
    top.hears("có hiệu lực từ ngày nào")
    await top.says(day.strftime("%d/%m/%Y"))
    await top.says("25/QĐ-LĐLĐ")
    top.hears("May Một", "May Ba", "Thực hiện")
    assert name_on(talk, tree.workplace) == "CĐCS Công ty May Một", "a preview changes nothing"
    await top.presses("Thực hiện")
    top.hears("Đã thực hiện")
    assert (name_on(talk, tree.workplace), name_on(talk, tree.workplace, -11)) == (
        "CĐCS Công ty May Ba", "CĐCS Công ty May Một",
    )  # fmt: skip
    [row] = talk.rows(Reorganisation)
    assert (row.decision_number, row.effective_on) == ("25/QĐ-LĐLĐ", day)
    await open_unit(top, tree.workplace)
    await top.presses("Xem thuộc về đâu")
    await top.says((day - timedelta(days=1)).strftime("%d/%m/%Y"))
    top.hears("Liên đoàn Lao động", "Công đoàn phường Thử", "CĐCS Công ty May Một")
    await top.presses("Xem ngày khác")
    await top.says("01/01/2001")
    top.hears("chưa có hoặc không hoạt động")


async def test_unit_is_merged_into_another_with_its_members(talk: Talk, tree: Tree) -> None:
    """The other unit is found by typing; the preview counts who follows and names officers, which is on record."""
    top = await administrator(talk, tree)
    named = give(talk, "Cán Bộ May", tree.workplace, Role.CHAIR)
    with talk.database.begin() as session:
        member = add_person(session, {"full_name": "Nguyễn Thị Hoa"}, talk.now())
        add_membership(session, member, tree.workplace, talk.today - timedelta(days=100))
    await open_unit(top, tree.workplace)
    await top.presses("Nhập vào đơn vị khác")
    await top.says("không có đơn vị nào như thế")
    top.hears("Không thấy")
    await top.says("giay hai")
    await top.presses("Giày Hai")
    await top.presses("Không nêu")
    await top.presses("Từ hôm nay")
    await top.presses("Chưa có số")
    top.hears("1 đoàn viên", "Cán Bộ May", "sẽ chưa có chủ tịch")
    assert named in {row.subject_id for row in talk.rows(PersonalRead)}
    await top.presses("Thực hiện")
    [running] = [row for row in talk.rows(Membership) if row.until_on is None]
    assert running.unit_id == tree.other_workplace
    assert name_on(talk, tree.workplace) is None


async def test_unit_moves_under_another_found_by_code(talk: Talk, tree: Tree) -> None:
    """Only units that may stand above it are offered."""
    top = await administrator(talk, tree)
    with talk.database.begin() as session:
        since = talk.today - timedelta(days=50)
        other = add_unit(session, "KCN", UnitLevel.UPPER, tree.root, "Công đoàn các khu công nghiệp", since)
    await open_unit(top, tree.workplace)
    await top.presses("Chuyển sang cấp trên khác")
    await top.says("M1-T1")
    top.hears("Không thấy")
    await top.says("kcn")
    await top.presses("khu công nghiệp")
    await top.presses("Từ hôm nay")
    await top.presses("Chưa có số")
    await top.presses("Thực hiện")
    assert talk.look(list_ancestors, tree.workplace, talk.today)[0].unit_id == other


async def test_new_unit_begins_on_a_later_day(talk: Talk, tree: Tree) -> None:
    """Level, name, employer and code are asked; what lies ahead is kept for its day."""
    top = await administrator(talk, tree)
    await open_unit(top, tree.upper)
    await top.presses("Lập đơn vị mới")
    await top.presses("Công đoàn cơ sở")
    await top.says("CĐCS Công ty Gỗ Ba")
    await top.says("Công ty Gỗ Ba")
    await top.says("m1")
    top.hears("đã có đơn vị khác dùng")
    await top.says("g3")
    await top.says((talk.today + timedelta(days=5)).strftime("%d/%m/%Y"))
    await top.presses("Chưa có số")
    top.hears("CĐCS Công ty Gỗ Ba", "G3")
    await top.presses("Thực hiện")
    top.hears("Đã giữ lại")
    assert "G3" not in {row.code for row in talk.rows(Unit)}
    await open_unit(top, tree.upper)
    await top.presses("Lập đơn vị mới")
    await top.presses("Công đoàn cơ sở")
    await top.says("CĐCS Công ty Gỗ Bốn")
    await top.presses("Không có, hoặc ghi sau")
    await top.says("g4")
    await top.presses("Từ hôm nay")
    await top.presses("Chưa có số")
    await top.presses("Thực hiện")
    [period] = [row for row in talk.rows(UnitPeriod) if row.name == "CĐCS Công ty Gỗ Bốn"]
    assert (period.parent_id, period.commune, period.employer) == (tree.upper, "Phường Thử", None)


async def test_unit_is_closed_and_what_cannot_be_done_is_explained(talk: Talk, tree: Tree) -> None:
    """A refusal says why and changes nothing; a close ends memberships for that reason."""
    top = await administrator(talk, tree)
    await open_unit(top, tree.team)
    await top.presses("Kết thúc hoạt động")
    await top.says((talk.today - timedelta(days=500)).strftime("%d/%m/%Y"))
    await top.presses("Chưa có số")
    top.hears("không có đơn vị nào")
    await top.presses("Chọn lại")
    await top.presses("Kết thúc hoạt động")
    await top.presses("Từ hôm nay")
    await top.presses("Chưa có số")
    await top.presses("Thực hiện")
    assert name_on(talk, tree.team) is None


async def test_only_whoever_runs_a_unit_may_change_it(talk: Talk, tree: Tree) -> None:
    """A chair reads the list of members and changes no tree; a lower administrator nothing above or beside."""
    chair = await officer(talk, "Chủ Tịch", tree.workplace, Role.CHAIR)
    await chair.presses_payload(f"unit|{tree.workplace}")
    labels = {button.label for button in chair.heard[-1].buttons}
    assert {"Danh sách (Mẫu 5b)", "Đoàn viên"} <= labels
    assert "Thay đổi đơn vị" not in labels
    for payload in (f"um|{tree.workplace}", f"uc|{tree.workplace}|close", f"uw|{tree.other_workplace}"):
        await chair.presses_payload(payload)
        chair.hears("không có quyền")
    low = with_second_factor(talk, await officer(talk, "Quản Trị Cơ Sở", tree.workplace, Role.ADMINISTRATOR))
    for payload in (f"um|{tree.upper}", f"uc|{tree.other_workplace}|rename"):
        await low.presses_payload(payload)
        low.hears("không có quyền")
    await low.presses_payload(f"uc|{tree.workplace}|close")
    await low.presses("Từ hôm nay")
    await low.presses("Chưa có số")
    low.hears("không có quyền")
    assert talk.rows(Reorganisation) == []
    await low.presses_payload(f"uc|{tree.workplace}|anything")
    low.hears("thay đổi")


async def test_right_that_ends_before_the_last_step_changes_nothing(talk: Talk, tree: Tree) -> None:
    """Every step asks for the right again."""
    top = await administrator(talk, tree)
    await open_unit(top, tree.workplace)
    await top.presses("Đổi tên")
    await top.says("CĐCS Công ty May Ba")
    await top.presses("Từ hôm nay")
    await top.presses("Chưa có số")
    with talk.database.begin() as session:
        session.query(RoleGrant).one().ended_at = talk.now()
    await top.presses("Thực hiện")
    top.hears("không có quyền")
    assert talk.rows(Reorganisation) == []


async def test_merger_names_who_leads_afterwards(talk: Talk, tree: Tree) -> None:
    """One of the chairs there are, by name, or anybody of the two units by code; a stranger's code is refused."""
    top = await administrator(talk, tree)
    one = give(talk, "Chủ Tịch May", tree.workplace, Role.CHAIR)
    two = give(talk, "Chủ Tịch Giày", tree.other_workplace, Role.CHAIR)
    stranger = give(talk, "Người Ngoài", tree.upper, Role.OFFICER)
    await open_unit(top, tree.workplace)
    await top.presses("Nhập vào đơn vị khác")
    await top.says("giay hai")
    await top.presses("Giày Hai")
    top.button("Chủ Tịch Giày")
    await top.says(next(row.code for row in talk.rows(Person) if row.id == stranger))
    assert "không có ai mang mã đó" in top.heard[-2].text
    await top.presses("Chủ Tịch May")
    await top.presses("Từ hôm nay")
    await top.presses("Chưa có số")
    await top.presses("Thực hiện")
    held = {row.person_id: row.role for row in talk.rows(RoleGrant) if row.ended_at is None}
    assert (held[one], held[two]) == (Role.CHAIR, Role.OFFICER)
    assert {one, two} <= {row.subject_id for row in talk.rows(PersonalRead)}


async def test_decision_that_waits_is_called_off_at_the_desk(talk: Talk, tree: Tree) -> None:
    """Whoever may take a decision sees it wait and calls it off; nobody else does."""
    top = await administrator(talk, tree)
    await open_unit(top, tree.upper)
    await top.presses("Đổi tên")
    await top.says("Công đoàn phường Mới")
    await top.says((talk.today + timedelta(days=9)).strftime("%d/%m/%Y"))
    await top.says("9/QĐ")
    await top.presses("Thực hiện")
    [row] = talk.rows(Reorganisation)
    low = with_second_factor(talk, await officer(talk, "Quản Trị Cơ Sở", tree.workplace, Role.ADMINISTRATOR))
    for payload in (f"ud|{row.id}", f"uoff|{row.id}"):
        await low.presses_payload(payload)
        low.hears("thay đổi")
    await open_unit(low, tree.workplace)
    await low.presses("Quyết định đang chờ")
    low.hears("không có quyết định nào")
    await open_unit(top, tree.upper)
    await top.presses("Quyết định đang chờ")
    await top.presses("· Công đoàn phường Thử")
    top.hears("9/QĐ", "Đổi tên")
    await top.presses("Hủy quyết định này")
    top.hears("Đã hủy")
    await top.presses_payload(f"uoff|{row.id}")
    top.hears("thay đổi")


async def test_desk_says_plainly_what_it_cannot_do(talk: Talk, tree: Tree) -> None:
    """Splits are made at the operator's console."""
    top = await administrator(talk, tree)
    await open_unit(top, tree.upper)
    top.hears("chia, tách", "người vận hành")


async def test_unit_page_never_shows_more_than_eight_buttons(talk: Talk, tree: Tree) -> None:
    """However many officers and units there are, everything is reached page by page, or by typing a name."""
    top = await administrator(talk, tree)
    with talk.database.begin() as session:
        for number in range(15):
            add_unit(session, f"X{number}", UnitLevel.UPPER, tree.root, f"Công đoàn xã Số {number:02}", talk.today)
    for number in range(4):
        give(talk, f"Cán Bộ {number}", tree.root, Role.OFFICER)
    seen: set[str] = set()
    await top.presses_payload(f"unit|{tree.root}")
    while True:
        labels = [button.label for button in top.heard[-1].buttons]
        assert len(labels) <= 8
        assert seen.isdisjoint(label for label in labels if "Số" in label or "–" in label)
        seen |= {label for label in labels if "Số" in label or "–" in label}
        if "Xem tiếp" not in labels:
            break
        await top.presses("Xem tiếp")
    assert len(seen) == 20
    await top.presses_payload(f"unit|{tree.root}")
    await top.presses("Tìm đơn vị")
    await top.says("xã số 07")
    await top.presses("Công đoàn xã Số 07")
    top.hears("Công đoàn xã Số 07")
    low = with_second_factor(talk, await officer(talk, "Quản Trị Cơ Sở", tree.workplace, Role.ADMINISTRATOR))
    await low.presses_payload("funit")
    await low.says("xã số 07")
    low.hears("Không thấy đơn vị")
