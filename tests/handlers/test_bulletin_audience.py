"""An editor chooses who a bulletin is for: by pressing and typing names, seeing how many people that is."""

from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from db.audiences import Audience, Size
from db.models import Bulletin, Role, UnitLevel, UnitPeriod
from db.people import add_membership, add_person
from handlers.actions import ActOnBulletin, encode
from handlers.bulletins.audience import tell_size
from tests.db.test_audiences import agree
from tests.handlers.test_bulletin_desk import NOW, act, editor, only, written
from tests.small_tree import Tree
from tests.talk import Member, Talk


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces, on a working morning."""
    talk.moment = NOW
    return Tree.plant(talk.database, talk.today - timedelta(days=400))


def add_readers(talk: Talk, unit_id: int, count: int) -> None:
    """Members who agreed to news."""

    def add(session: Session) -> None:
        for _ in range(count):
            person = add_person(session, {"full_name": "Người đọc"}, talk.moment)
            add_membership(session, person, unit_id, talk.today - timedelta(days=300))
            agree(session, person.id)

    with talk.database.begin() as session:
        add(session)


async def choosing(talk: Talk, tree: Tree, unit_id: int) -> tuple[Member, Bulletin]:
    """An editor at the question who it is for."""
    writer = await editor(talk, tree, unit=unit_id)
    await written(writer)
    draft = only(talk)
    await act(writer, draft, "audience")
    return writer, draft


def kept(talk: Talk) -> Audience:
    """The audience as it is stored."""
    return Audience.from_json(only(talk).audience)


async def test_editor_leaves_out_a_workplace_and_sees_how_many_remain(talk: Talk, tree: Tree) -> None:
    """Found by typing part of its name; the size is rounded, and small ones are not told."""
    add_readers(talk, tree.team, 13)
    add_readers(talk, tree.other_workplace, 3)
    writer, _ = await choosing(talk, tree, tree.upper)
    writer.hears("Công đoàn phường Thử", "Khoảng 15 người")
    await writer.presses("Trừ đơn vị")
    await writer.says("may một")
    await writer.presses("CĐCS Công ty May Một")
    writer.hears("Trừ: CĐCS Công ty May Một", "Dưới 5 người")
    await writer.presses("Lưu người nhận")
    assert kept(talk) == Audience(units=(tree.upper,), without=(tree.workplace,))


async def test_editor_finds_only_units_of_the_own_tree(talk: Talk, tree: Tree) -> None:
    """The neighbour and the union above are not even named."""
    writer, _ = await choosing(talk, tree, tree.workplace)
    await writer.presses("Thêm đơn vị")
    await writer.says("giày hai")
    writer.hears("Không thấy mục nào")
    await writer.says("LD")
    writer.hears("Không thấy mục nào")
    await writer.says("M1-T1")
    await writer.presses("Tổ chuyền 1")
    await writer.presses("Lưu người nhận")
    assert kept(talk).units == (tree.workplace, tree.team)


async def test_an_audience_outside_the_tree_is_not_kept(talk: Talk, tree: Tree) -> None:
    """Also when a unit moved away after it was chosen."""
    writer, _ = await choosing(talk, tree, tree.upper)
    await writer.presses("Thêm đơn vị")
    await writer.says("giày hai")
    await writer.presses("Giày Hai")
    with talk.database.begin() as session:
        moved = session.query(UnitPeriod).filter_by(unit_id=tree.other_workplace).one()
        moved.parent_id = tree.root
    await writer.presses("Lưu người nhận")
    assert any("Giày Hai không thuộc đơn vị" in reply.text for reply in writer.heard[-2:])
    assert kept(talk).units == (tree.upper,)


async def test_editor_chooses_roles_levels_days_and_interest(talk: Talk, tree: Tree) -> None:
    """Everything but units is pressed, and pressed again to be undone."""
    writer, _ = await choosing(talk, tree, tree.upper)
    await writer.presses("Theo chức vụ")
    await writer.presses("Chủ tịch công đoàn")
    await writer.presses("Tổ trưởng công đoàn")
    await writer.presses("✓ Tổ trưởng công đoàn")
    await writer.presses("Quay lại người nhận")
    await writer.presses("Theo cấp đơn vị")
    await writer.presses("Công đoàn cơ sở")
    await writer.presses("Quay lại người nhận")
    await writer.presses("Theo ngày gia nhập")
    await writer.says("từ ngày nào đó")
    await writer.says("từ 1/6/2025 đến 30/6/2026")
    writer.hears("Chủ tịch công đoàn", "Công đoàn cơ sở", "01/06/2025", "30/06/2026")
    await writer.presses("Chỉ người quan tâm")
    await writer.presses("Lưu người nhận")
    assert kept(talk) == Audience(
        units=(tree.upper,),
        roles=(Role.CHAIR,),
        levels=(UnitLevel.WORKPLACE,),
        joined_since=date(2025, 6, 1),
        joined_until=date(2026, 6, 30),
        only_interested=True,
    )


async def test_editor_chooses_a_sector_and_a_commune_by_typing(talk: Talk, tree: Tree) -> None:
    """Only those that the chosen units have; every officer is one press."""
    with talk.database.begin() as session:
        session.query(UnitPeriod).filter_by(unit_id=tree.workplace).update({"sector": "Dệt may"})
    writer, _ = await choosing(talk, tree, tree.upper)
    await writer.presses("Theo ngành, nơi làm")
    await writer.says("det")
    await writer.presses("Ngành Dệt may")
    await writer.presses("Theo ngành, nơi làm")
    await writer.says("phường thử")
    await writer.presses("Phường Thử, Tỉnh Thử")
    await writer.presses("Theo chức vụ")
    await writer.presses("Mọi cán bộ công đoàn")
    await writer.presses("Quay lại người nhận")
    await writer.presses("Lưu người nhận")
    found = kept(talk)
    assert (found.sectors, found.places) == (("Dệt may",), (("Tỉnh Thử", "Phường Thử"),))
    assert set(found.roles) == set(Role)


async def test_what_was_not_saved_is_as_it_was(talk: Talk, tree: Tree) -> None:
    """Leaving half-way changes nothing, and nobody without the right gets in."""
    writer, draft = await choosing(talk, tree, tree.upper)
    await writer.presses("Chỉ người quan tâm")
    await writer.says("hủy")
    assert kept(talk) == Audience(units=(tree.upper,))
    stranger = talk.member("Người lạ")
    await stranger.says("chào")
    await stranger.presses_payload(encode(ActOnBulletin(draft.id, "audience")))
    stranger.hears("không có quyền")


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (Size(0, True), "Dưới 5"),
        (Size(4, True), "Dưới 5"),
        (Size(5, True), "Khoảng **5 người"),
        (Size(1234, True), "1.230 người"),
        (Size(412_377, False), "412.300 người"),
    ],
)
def test_a_size_tells_of_nobody(size: Size, told: str) -> None:
    """Below k it is not told, above it is rounded, so that leaving out one person does not show."""
    assert told in tell_size(size, 5)
