"""Workers tell in confidence that they have no union: silence below the threshold, one alert with a file above it."""

import io
import json
import zipfile
from datetime import timedelta

import pytest
from sqlalchemy import text

from db.models import Account, Base, Delivery, DeliveryKind, NoUnionInterest, PersonalRead, Role, UnitLevel
from db.no_union import add_decoys, list_interests
from handlers.crowds import band_of
from handlers.no_union.rules import Place, is_same
from handlers.no_union.service import watch
from handlers.organisation.decisions import Merge
from handlers.organisation.service import decide
from handlers.retention import apply_retention
from knowledge.normalize import fold
from tests.handlers.test_officers import officer, sign_in
from tests.small_tree import Tree, add_unit
from tests.talk import Member, Talk

THRESHOLD = 5
SPELLINGS = (
    "cty may viet thang",
    "Công ty TNHH May Việt Thắng",
    "MAY VIỆT THẮNG",
    "cong ty co phan may việt thắng",
    "may viet thangw",
)


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(talk.database, talk.today - timedelta(days=400))


async def tell(member: Member, workplace: str = "cty may viet thang", place: str = "phường Thử, tỉnh Thử") -> None:
    """Tell in confidence where there is no union."""
    await member.says("chỗ tôi chưa có công đoàn")
    await member.presses("Đồng ý")
    await member.says(workplace)
    await member.says(place)
    member.hears("đã ghi kín")


async def tell_many(talk: Talk, count: int) -> list[Member]:
    """So many people of one workplace, each spelling it their own way."""
    people = [talk.member(f"Người {number}") for number in range(count)]
    for number, person in enumerate(people):
        await tell(person, SPELLINGS[number % len(SPELLINGS)])
    return people


async def pass_day(talk: Talk, *watchers: Member) -> None:
    """The daily look of the clock, and the morning after it."""
    with talk.database.begin() as session:
        watch(session, THRESHOLD, talk.now(), talk.today)
    talk.pass_time(hours=12)
    for watcher in watchers:
        await watcher.settled()


def in_clear(talk: Talk) -> str:
    """Everything the database holds, as somebody reads it who has no key."""
    words = []
    with talk.database.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            rows = connection.execute(text(f"SELECT * FROM {table.name}"))
            words += [str(value) for row in rows for value in row if not isinstance(value, (bytes, memoryview))]
    return " ".join(words)


async def test_upper_union_is_told_once_when_the_threshold_is_reached(talk: Talk, tree: Tree) -> None:
    """Five people, five spellings, one alert with the steps and the ready file, naming nobody."""
    clerk = await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    await tell_many(talk, THRESHOLD)
    await pass_day(talk, clerk)
    clerk.hears("ít nhất 5 người", "viet thang", "điều 19", "giữ kín")
    [plan] = clerk.heard[-1].files
    paper = zipfile.ZipFile(io.BytesIO(plan.content)).read("word/document.xml").decode()
    assert "viet thang" in fold(paper)
    assert "ít nhất 5" in paper
    await pass_day(talk, clerk)
    await pass_day(talk, clerk)
    assert sum("muốn lập công đoàn" in reply.text for reply in clerk.heard) == 1


async def test_below_the_threshold_nothing_shows_to_anybody(talk: Talk, tree: Tree) -> None:
    """Four people: no role hears, sees, lists, exports or counts anything, and the words stand nowhere in clear."""
    roles = [await officer(talk, f"Vai {role.value}", tree.upper, role) for role in Role]
    before = {role.name: len(role.heard) for role in roles}
    people = await tell_many(talk, THRESHOLD - 1)
    await pass_day(talk, *roles)
    assert {role.name: len(role.heard) for role in roles} == before
    for role in roles:
        await role.presses_payload("founds")
        assert "thang" not in role.heard[-1].text
        await role.says("bàn")
        assert "thang" not in role.heard[-1].text.lower()
    clear = in_clear(talk).lower()
    assert "thang" not in clear
    assert "thắng" not in clear
    assert [row.kind for row in talk.rows(Delivery) if row.kind is not DeliveryKind.REPLY] == []
    assert len(people) == THRESHOLD - 1


async def test_what_a_person_hears_is_the_same_whoever_told_before(talk: Talk, tree: Tree) -> None:
    """Nobody learns by telling how many told: the first and the sixth hear the same words, at once and later."""
    await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    people = await tell_many(talk, THRESHOLD + 1)
    assert len({people[number].heard[-1].text for number in range(THRESHOLD + 1)}) == 1


async def test_one_person_counts_once(talk: Talk, tree: Tree) -> None:
    """Telling again replaces what was told; two accounts of one person are one person."""
    clerk = await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    people = await tell_many(talk, THRESHOLD - 1)
    twin = talk.member("Người 0 trên kênh khác")
    await tell(twin)
    worker_id = (await _person_of(talk, people[0])).person_id
    assert worker_id is not None
    sign_in(talk, twin, worker_id)
    heard = len(clerk.heard)
    await pass_day(talk, clerk)
    assert len(clerk.heard) == heard
    await people[1].says("chỗ tôi chưa có công đoàn")
    people[1].hears("đã báo kín")
    assert len(talk.look(list_interests)) == THRESHOLD


async def _person_of(talk: Talk, member: Member) -> Account:
    """The account of somebody who is known to us."""
    from tests.handlers.test_officers import give

    sign_in(talk, member, give(talk, "Người Quen", 1, Role.CURATOR))
    return next(row for row in talk.rows(Account) if row.address_hash == member.lane)


async def test_interest_taken_back_is_erased_and_not_counted(talk: Talk, tree: Tree) -> None:
    """Rút lại takes the row away at once; four are left and nothing is told."""
    clerk = await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    people = await tell_many(talk, THRESHOLD)
    await people[0].says("chưa có công đoàn")
    await people[0].presses("Rút lại")
    people[0].hears("đã xóa")
    assert len(talk.rows(NoUnionInterest)) == THRESHOLD - 1
    heard = len(clerk.heard)
    await pass_day(talk, clerk)
    assert len(clerk.heard) == heard


async def test_each_person_chooses_whether_to_be_named(talk: Talk, tree: Tree) -> None:
    """No answer and "no" stay secret; who says yes is shown as they want, to those officers only, and on record."""
    clerk = await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    other = await officer(talk, "Cán Bộ Nơi Khác", tree.workplace, Role.OFFICER)
    people = await tell_many(talk, THRESHOLD)
    await pass_day(talk, clerk, *people)
    for person in people:
        person.hears("đã đủ người", "không biết là ai báo")
        assert "thang" not in person.heard[-1].text.lower(), "the question names no workplace"
    await people[0].presses("Không, giữ kín")
    await people[1].presses("Cho cán bộ biết tên tôi")
    await people[1].says("chị Hoa, 0912 345 678")
    talk.pass_time(hours=12)
    await clerk.settled()
    clerk.hears("đồng ý cho biết tên")
    await clerk.presses("Mở việc này")
    clerk.hears("ít nhất 5 người", "chị Hoa")
    assert clerk.heard[-1].text.count("\n- ") == 1
    payload = next(b.action for reply in clerk.heard for b in reply.buttons if (b.action or "").startswith("found|"))
    assert payload is not None
    await other.presses_payload(payload)
    other.hears("thay đổi")
    await people[2].presses_payload(payload)
    people[2].hears("không có quyền")
    assert talk.rows(PersonalRead) == [], "she is nobody we know: there is no person whose data was read"


async def test_later_tellers_join_without_a_second_alert(talk: Talk, tree: Tree) -> None:
    """The sixth is asked too; the number said does not move."""
    clerk = await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    await tell_many(talk, THRESHOLD)
    await pass_day(talk, clerk)
    late = talk.member("Người đến sau")
    await tell(late, "May Viet Thang")
    heard = len(clerk.heard)
    await pass_day(talk, clerk, late)
    late.hears("đã đủ người")
    assert len(clerk.heard) == heard


async def test_a_founding_goes_on_with_the_unit_that_takes_over(talk: Talk, tree: Tree) -> None:
    """Forty upper unions were closed on one day: what they knew is with their successors, and with them only."""
    clerk = await officer(talk, "Cán Bộ Phường", tree.upper, Role.OFFICER)
    people = await tell_many(talk, THRESHOLD)
    await pass_day(talk, clerk, *people)
    with talk.database.begin() as session:
        heir = add_unit(session, "XM", UnitLevel.UPPER, tree.root, "Công đoàn xã Mới", talk.today)
        decide(session, None, Merge((tree.upper,), heir), talk.today, None, talk.now(), talk.today)
    await people[0].presses("Cho cán bộ biết tên tôi")
    await people[0].says("chị Hoa")
    talk.pass_time(hours=12)
    await clerk.settled()
    await clerk.presses("Mở việc này")
    clerk.hears("chị Hoa", "ít nhất 5 người")
    other = await officer(talk, "Cán Bộ Nơi Khác", tree.workplace, Role.OFFICER)
    await other.presses_payload("founds")
    other.hears("không có nơi nào")


async def test_with_nobody_to_tell_the_next_day_tries_again(talk: Talk, tree: Tree) -> None:
    """An alert without an officer is not spent."""
    await tell_many(talk, THRESHOLD)
    await pass_day(talk)
    clerk = await officer(talk, "Cán Bộ Mới", tree.upper, Role.OFFICER)
    await pass_day(talk, clerk)
    clerk.hears("ít nhất 5 người")


async def test_without_consent_nothing_is_asked_or_kept(talk: Talk, tree: Tree) -> None:
    """Silence and other words are no consent."""
    worker = talk.member("Hoa")
    await worker.says("chưa có công đoàn")
    await worker.says("ừ thì")
    worker.hears("không ai thấy gì")
    await worker.presses("Không đồng ý")
    worker.hears("không ghi gì")
    assert talk.rows(NoUnionInterest) == []


async def test_rows_cannot_be_told_apart_without_the_key(talk: Talk, tree: Tree) -> None:
    """All rows have one size, whatever was typed; rows that stand for nobody lie among them."""
    await tell(talk.member("Ngắn"), "X Y", "phường Thử")
    await tell(talk.member("Dài"), "Công ty trách nhiệm hữu hạn một thành viên " * 2, "phường Thử, tỉnh Thử " * 5)
    with talk.database.begin() as session:
        add_decoys(session, 3, talk.today)
    with talk.database.engine.connect() as connection:
        sizes = {len(row[0]) for row in connection.execute(text("SELECT facts FROM no_union_interests"))}
        columns = connection.execute(text("SELECT * FROM no_union_interests")).keys()
    assert len(sizes) == 1
    assert set(columns) == {"id", "facts", "noted_on"}
    assert len(talk.look(list_interests)) == 2


async def test_rows_go_after_a_year_and_no_count_is_written_down(talk: Talk, tree: Tree) -> None:
    """Retention erases them like everything else, but its record says nothing of how many there were."""
    await tell(talk.member("Hoa"))
    talk.pass_time(days=366)
    with talk.database.begin() as session:
        apply_retention(session, talk.now())
    assert talk.rows(NoUnionInterest) == []
    assert "no_union" not in in_clear(talk)


def test_measures_and_desk_texts_hold_no_count_of_them() -> None:
    """No metric is about them."""
    from prometheus_client import REGISTRY

    assert not [metric.name for metric in REGISTRY.collect() if "no_union" in metric.name or "interest" in metric.name]


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ("cty may viet thang", "Công ty TNHH May Việt Thắng", True),
        ("sam sung", "Samsung", True),
        ("cty foxcon", "Công ty Foxconn", True),
        ("cty may hai", "cty giày hai", False),
        ("may 10", "may 19", False),
        ("may Việt Thắng", "may Việt Thanh", False),
        ("Việt Thắng", "Việt", False),
    ],
)
def test_names_are_compared_with_care(one: str, other: str, are_same: bool) -> None:
    """Spelling may differ; another trade, number or syllable is another workplace."""
    assert is_same(Place(one, "phường Thử", 1), Place(other, "P. Thử, tỉnh Thử", 1)) is are_same
    assert not is_same(Place(one, "phường Thử", 1), Place(one, "phường Khác", 1))
    assert not is_same(Place(one, "phường Thử", 1), Place(one, "phường Thử", 2))


def test_numbers_said_are_bands() -> None:
    """Two looks at a number that grew by one say the same."""
    assert [band_of(count, 5) for count in (5, 9, 10, 19, 20, 49, 50, 700)] == [5, 5, 10, 10, 20, 20, 50, 50]
    assert json.dumps(band_of(5, 3)) == "3"
