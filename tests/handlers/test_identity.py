"""One person on several channels: asked on both sides before two become one, taken apart again, tied by a code."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.merges import FOLLOWING, forget_merged
from db.models import (
    Account,
    Application,
    ApplicationState,
    Base,
    Consent,
    DataRequest,
    DataRequestKind,
    EndReason,
    LinkCode,
    Membership,
    MergeProposal,
    NameToken,
    Person,
    Role,
    RoleGrant,
)
from db.officers import add_grant
from db.people import add_membership, add_person
from handlers.chat import Kind
from tests.handlers.test_officers import officer, sign_in
from tests.small_tree import Tree
from tests.talk import Member, Talk

STAYING = {
    "applications.handled_by_id", "bulletin_events.person_id", "bulletin_waivers.ended_by_id",
    "bulletin_waivers.given_by_id", "bulletins.created_by_id", "bulletins.released_by_id", "bulletins.submitted_by_id",
    "case_alerts.person_id", "case_events.actor_id",
    "list_transfers.person_id", "merge_proposals.kept_id", "merge_proposals.other_id",
    "merge_proposals.proposed_by_id", "name_tokens.person_id", "officer_groups.asked_by_id", "people.merged_into_id",
    "personal_reads.reader_id",
    "reorganisations.decided_by_id", "role_grants.ended_by_id", "role_grants.granted_by_id",
    "second_factors.person_id", "sign_in_codes.issued_by_id", "sign_in_codes.person_id",
    "news_preferences.person_id", "topic_choices.person_id",
}  # fmt: skip
"""What names a person and does not follow them in a merge: who once did something, what is made anew, and what
is adopted where the kept person said nothing."""


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(talk.database, talk.today - timedelta(days=400))


PROFILE = {"full_name": "Nguyễn Thị Hoa", "born_on": "1995-10-20", "phone": "0912345678", "residence": "Phường Thử"}


async def known(talk: Talk, name: str, full_name: str = PROFILE["full_name"], **more: str) -> tuple[Member, int]:
    """Somebody with a phone whom the union knows; returns their id too."""
    member = talk.member(name)
    await member.says("chào")
    with talk.database.begin() as session:
        number = add_person(session, PROFILE | {"full_name": full_name} | more, talk.now()).id
    sign_in(talk, member, number)
    return member, number


async def apply_again(talk: Talk, tree: Tree, name: str = "Hoa Zalo", full_name: str = "Nguyễn Thị Hao") -> Member:
    """The same woman on another channel, with a slip in her name and another phone."""
    worker, number = await known(talk, name, full_name, phone="0987654321")
    with talk.database.begin() as session:
        session.add(
            Application(
                code=f"APP{number:05}", person_id=number, unit_id=tree.workplace, state=ApplicationState.SUBMITTED,
                submitted_at=talk.now(), changed_at=talk.now(),
            )
        )  # fmt: skip
        session.add(Consent(person_id=number, purpose="membership", version=1, given_at=talk.now()))
    return worker


async def two_of_one(talk: Talk, tree: Tree) -> tuple[Member, Member, Member]:
    """A member, the same woman's application on another channel, and the officer who looks at it."""
    clerk = await officer(talk, "Trần Cán Bộ", tree.workplace, Role.OFFICER)
    first, number = await known(talk, "Hoa")
    with talk.database.begin() as session:
        add_membership(session, session.get_one(Person, number), tree.workplace, talk.today, "12/QĐ")
    second = await apply_again(talk, tree)
    await clerk.presses_payload(f"app|{talk.rows(Application)[-1].id}")
    return first, second, clerk


async def merged(talk: Talk, tree: Tree) -> tuple[Member, Member, Member]:
    first, second, clerk = await two_of_one(talk, tree)
    await clerk.presses("Có phải cùng người")
    await first.settled()
    await first.presses("cũng là tôi")
    await second.presses("cũng là tôi")
    await clerk.settled()
    return first, second, clerk


def snapshot(talk: Talk) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that says something about people; what is merely said, read or sent meanwhile is left out."""
    left_out = {"merge_proposals", "deliveries", "inbox_events", "conversations", "personal_reads"}
    tables = [table for table in Base.metadata.sorted_tables if table.name not in left_out]

    def read(session: Session) -> dict[str, list[tuple[Any, ...]]]:
        return {
            table.name: [tuple(row) for row in session.execute(select(table).order_by(*table.primary_key.columns))]
            for table in tables
        }

    found: dict[str, list[tuple[Any, ...]]] = talk.look(read)
    return found


async def test_two_become_one_only_when_both_sides_say_so(talk: Talk, tree: Tree) -> None:
    """The officer sees a likeness and asks; each side hears only channel and unit; the second yes joins."""
    first, second, clerk = await two_of_one(talk, tree)
    clerk.hears("Có thể trùng với")
    await clerk.presses("Có phải cùng người")
    clerk.hears("Đã hỏi ở cả hai kênh")
    await first.settled()
    for side in (first, second):
        side.hears("cũng là người dùng công đoàn trên kênh thử", "CĐCS Công ty May Một")
        assert not re.search(r"Hoa|Hao|\d{4}", side.heard[-1].text)
    await second.presses("cũng là tôi")
    second.hears("mở kênh kia")
    assert all(person.merged_into_id is None for person in talk.rows(Person))
    await first.presses("cũng là tôi")
    first.hears("Đã gộp")
    await second.settled()
    second.hears("Đã gộp")
    clerk.hears("đã gộp")
    kept, other = [person for person in talk.rows(Person) if person.profile.get("born_on")]
    assert (kept.merged_into_id, other.merged_into_id) == (None, kept.id)
    await second.says("trang của tôi")
    second.hears("Nguyễn Thị Hoa", "Đoàn viên của", "CĐCS Công ty May Một")
    assert [row.state for row in talk.rows(Application)] == [ApplicationState.WITHDRAWN]
    await clerk.says("hủy")
    await clerk.says("bàn")
    await clerk.presses("Tìm đoàn viên")
    await clerk.says("nguyen hao")
    await clerk.presses("Nguyễn Thị Hoa")
    clerk.hears("Quá trình sinh hoạt")


async def test_one_no_keeps_two_people_apart(talk: Talk, tree: Tree) -> None:
    """After a no nothing has changed, and they are not asked again for a month."""
    first, second, clerk = await two_of_one(talk, tree)
    before = snapshot(talk)
    await clerk.presses("Có phải cùng người")
    await first.settled()
    await second.presses("cũng là tôi")
    await first.presses("Không phải tôi")
    first.hears("vẫn là hai người")
    await clerk.settled()
    clerk.hears("không phải một người")
    assert snapshot(talk) == before
    [proposal] = talk.rows(MergeProposal)
    await second.presses_payload(f"ma|{proposal.id}|y")
    second.hears("thay đổi")
    question = f"mg|{talk.rows(Application)[-1].id}|{proposal.kept_id}"
    await clerk.presses_payload(question)
    clerk.hears("Sau 30 ngày")
    talk.pass_time(days=31)
    await clerk.presses_payload(question)
    clerk.hears("Đã hỏi ở cả hai kênh")


async def test_merge_and_undo_leave_every_row_as_it_was(talk: Talk, tree: Tree) -> None:
    """Memberships, applications, consents, requests, past roles, accounts, names: all are what and whose they were."""
    first, second, clerk = await two_of_one(talk, tree)
    with talk.database.begin() as session:
        other = session.scalars(select(Application).order_by(Application.id.desc())).first()
        assert other is not None
        person = session.get_one(Person, other.person_id)
        kept = session.scalars(select(Membership)).one().person_id
        add_membership(session, person, tree.workplace, talk.today - timedelta(days=90), "1/QĐ")
        grant = add_grant(session, person, tree.workplace, Role.TEAM_LEADER, talk.today - timedelta(days=9), talk.now())
        grant.ended_at = talk.now()
        session.add_all(
            [
                Consent(person_id=person.id, purpose="news", version=1, given_at=talk.now() - timedelta(days=2)),
                Consent(
                    person_id=kept, purpose="news", version=1, given_at=talk.now() - timedelta(days=9),
                    withdrawn_at=talk.now() - timedelta(days=1),
                ),
                DataRequest(
                    code="REQ00001", person_id=person.id, kind=DataRequestKind.ACCESS, asked_at=talk.now(),
                    due_at=talk.now(),
                ),
            ]
        )  # fmt: skip
        lane = session.scalars(select(Account).where(Account.person_id == person.id)).one()
        lane.second_factor_at = talk.now()
    before = snapshot(talk)
    await clerk.presses("Có phải cùng người")
    await first.settled()
    await first.presses("cũng là tôi")
    await second.presses("cũng là tôi")
    after = snapshot(talk)
    assert after != before
    [running] = [row for row in talk.rows(Membership) if row.until_on is None]
    assert (running.person_id, running.since_on) == (kept, talk.today - timedelta(days=90)), "the oldest runs on"
    assert {row.end_reason for row in talk.rows(Membership)} == {None, EndReason.MERGED}
    assert {row.person_id for row in talk.rows(NameToken)} == {kept}
    assert all(row.withdrawn_at for row in talk.rows(Consent) if row.purpose == "news"), "the last word holds"
    for model in (RoleGrant, DataRequest, Consent, Application):
        assert person.id not in {row.person_id for row in talk.rows(model)}
    await second.presses("Tách lại hai hồ sơ")
    second.hears("trở về như trước")
    await second.presses("Tách lại")
    second.hears("Đã tách lại")
    first.hears("Đã tách lại")
    assert snapshot(talk) == before
    assert all(isinstance(row.moved, (dict, type(None))) for row in talk.rows(MergeProposal))


async def test_what_was_kept_for_undoing_holds_ids_only(talk: Talk, tree: Tree) -> None:
    """No name, birthday or number stands in the proposal."""
    await merged(talk, tree)
    [proposal] = talk.rows(MergeProposal)
    assert not re.search(r"Hoa|Hao|1995|0912|001195", str(proposal.moved))
    assert set(proposal.moved) == {"accounts", "ended", "consents", "rows", "news", "withdrawn"}


async def test_officer_undoes_a_merge_within_their_reach_only(talk: Talk, tree: Tree) -> None:
    """On the member's page for those who change members there; a stranger and another workplace's chair are refused."""
    _first, _second, clerk = await merged(talk, tree)
    [proposal] = talk.rows(MergeProposal)
    far = await officer(talk, "Cán Bộ Xa", tree.other_workplace, Role.CHAIR)
    stranger = talk.member("Người Lạ")
    await stranger.says("chào")
    for person in (far, stranger):
        await person.presses_payload(f"mu|{proposal.id}|y")
        person.hears("không có quyền")
    await clerk.presses_payload(f"mem|{proposal.kept_id}")
    await clerk.presses("Tách lại hai hồ sơ")
    await clerk.presses("Tách lại")
    clerk.hears("Đã tách lại")
    assert all(person.merged_into_id is None for person in talk.rows(Person))


async def test_after_ninety_days_a_merge_stands_and_the_rest_is_erased(talk: Talk, tree: Tree) -> None:
    """What the other side was called is gone; nothing can be undone."""
    first, _second, _clerk = await merged(talk, tree)
    talk.pass_time(days=90, minutes=1)
    with talk.database.begin() as session:
        assert forget_merged(session, talk.now() - timedelta(days=90)) == 1
        assert forget_merged(session, talk.now() - timedelta(days=90)) == 0
    [proposal] = talk.rows(MergeProposal)
    [other] = [person for person in talk.rows(Person) if person.id == proposal.other_id]
    assert (other.profile, other.phone_hash, other.identity_hash, proposal.moved) == (None, None, None, None)
    await first.says("trang của tôi")
    await first.presses_payload(f"mu|{proposal.id}|y")
    first.hears("thay đổi")


async def test_side_without_a_channel_cannot_be_asked(talk: Talk, tree: Tree) -> None:
    """Somebody from an imported list, or who blocked the bot, is not merged: the officer is told so."""
    clerk = await officer(talk, "Trần Cán Bộ", tree.workplace, Role.OFFICER)
    with talk.database.begin() as session:
        listed = add_person(session, {"full_name": "Nguyễn Thị Hoa", "born_on": "1995-10-20"}, talk.now())
        add_membership(session, listed, tree.workplace, talk.today)
    await apply_again(talk, tree)
    await clerk.presses_payload(f"app|{talk.rows(Application)[0].id}")
    await clerk.presses("Có phải cùng người")
    clerk.hears("chưa có kênh nào")
    with talk.database.begin() as session:
        session.add(
            Account(
                person_id=listed.id, sender=talk.edge.sender, address_hash="0" * 32, address="gone",
                first_seen_at=talk.now(), last_seen_at=talk.now(), unreachable_since=talk.now(),
            )
        )  # fmt: skip
    await clerk.presses_payload(f"mg|{talk.rows(Application)[0].id}|{listed.id}")
    clerk.hears("chưa có kênh nào")
    assert talk.rows(MergeProposal) == []


async def test_one_merge_at_a_time_for_each_person(talk: Talk, tree: Tree) -> None:
    """While somebody is asked, no other pair with them is."""
    _first, _second, clerk = await two_of_one(talk, tree)
    await clerk.presses("Có phải cùng người")
    await clerk.presses("Về đơn này")
    await clerk.presses("Có phải cùng người")
    clerk.hears("đang chờ trả lời")
    await apply_again(talk, tree, "Hoa Web", "nguyễn thị hoaa")
    third = talk.rows(Application)[-1]
    [proposal] = talk.rows(MergeProposal)
    await clerk.presses_payload(f"mg|{third.id}|{proposal.kept_id}")
    clerk.hears("đang được hỏi về một hồ sơ khác")


async def test_only_whoever_decides_there_may_ask_and_only_about_people_alike(talk: Talk, tree: Tree) -> None:
    """Numbers in a button are never trusted: neither the application's nor the person's."""
    _first, _second, clerk = await two_of_one(talk, tree)
    far = await officer(talk, "Cán Bộ Xa", tree.other_workplace, Role.CHAIR)
    application = talk.rows(Application)[-1]
    member = talk.rows(Membership)[0].person_id
    await far.presses_payload(f"mg|{application.id}|{member}")
    far.hears("không có quyền")
    [stranger] = [person.id for person in talk.rows(Person) if person.profile["full_name"] == "Cán Bộ Xa"]
    await clerk.presses_payload(f"mg|{application.id}|{stranger}")
    clerk.hears("thay đổi")
    await far.presses_payload("ma|1|y")
    far.hears("thay đổi")


async def test_officers_rights_are_not_gained_by_a_merge(talk: Talk, tree: Tree) -> None:
    """The officer's side is kept; the account that comes along is a member's until it signs in with a code."""
    first, second, clerk = await two_of_one(talk, tree)
    kept = talk.rows(Membership)[0].person_id
    with talk.database.begin() as session:
        add_grant(session, session.get_one(Person, kept), tree.workplace, Role.CHAIR, talk.today, talk.now())
    await clerk.presses("Có phải cùng người")
    await first.settled()
    await first.presses("cũng là tôi")
    await second.presses("cũng là tôi")
    await second.says("bàn")
    second.hears("dành cho cán bộ")
    await second.says("hủy")
    for payload in ("apps", "find", f"unit|{tree.workplace}", f"list5b|{tree.workplace}", f"inv|{tree.workplace}"):
        await second.presses_payload(payload)
        second.hears("không có quyền")
    await first.says("bàn")
    first.hears("Bàn làm việc")
    top = await officer(talk, "Quản Trị", tree.root, Role.CHAIR)
    [grant] = [row for row in talk.rows(RoleGrant) if row.person_id == kept]
    await top.presses_payload(f"recode|{grant.id}")
    code = re.findall(r"[0-9A-Z]{4}-[0-9A-Z]{4}", top.heard[-1].text)[0]
    await second.says(f"vào {code}")
    await second.presses("Đúng là tôi")
    await top.settled()
    await top.presses("Đúng người")
    await second.says("bàn")
    second.hears("Bàn làm việc")


async def test_role_given_later_does_not_reach_a_merged_account(talk: Talk, tree: Tree) -> None:
    """A merged account never signed in, so no role of whatever day acts on it."""
    _first, second, _clerk = await merged(talk, tree)
    kept = talk.rows(Membership)[0].person_id
    with talk.database.begin() as session:
        add_grant(session, session.get_one(Person, kept), tree.root, Role.CHAIR, talk.today, talk.now())
    await second.presses_payload("apps")
    second.hears("không có quyền")


async def test_two_officers_are_not_merged(talk: Talk, tree: Tree) -> None:
    """No role ever moves: also not one that was given between the question and the second yes."""
    first, second, clerk = await two_of_one(talk, tree)
    kept, other = talk.rows(Membership)[0].person_id, talk.rows(Application)[-1].person_id
    await clerk.presses("Có phải cùng người")
    await first.settled()
    with talk.database.begin() as session:
        for number in (kept, other):
            tomorrow = talk.today + timedelta(days=1)
            add_grant(session, session.get_one(Person, number), tree.team, Role.TEAM_LEADER, tomorrow, talk.now())
    await first.presses("cũng là tôi")
    await second.presses("cũng là tôi")
    second.hears("vai trò cán bộ")
    assert all(person.merged_into_id is None for person in talk.rows(Person))
    talk.pass_time(days=15)
    await clerk.presses("Về đơn này")
    await clerk.presses("Có phải cùng người")
    clerk.hears("vai trò cán bộ")


async def test_whoever_asked_to_be_erased_is_not_merged(talk: Talk, tree: Tree) -> None:
    """A wish to be forgotten is carried out first."""
    _first, _second, clerk = await two_of_one(talk, tree)
    with talk.database.begin() as session:
        number = session.scalars(select(Membership)).one().person_id
        session.add(
            DataRequest(
                code="REQ00001", person_id=number, kind=DataRequestKind.ERASE, asked_at=talk.now(), due_at=talk.now()
            )
        )
    await clerk.presses("Có phải cùng người")
    clerk.hears("xin xóa dữ liệu")


async def test_memberships_of_two_workplaces_leave_the_newer_one(talk: Talk, tree: Tree) -> None:
    """Of two units, they work now where they came last."""
    first, second, clerk = await two_of_one(talk, tree)
    other = talk.rows(Application)[-1].person_id
    with talk.database.begin() as session:
        person = session.get_one(Person, other)
        add_membership(session, person, tree.other_workplace, talk.today - timedelta(days=300))
    await clerk.presses("Có phải cùng người")
    await first.settled()
    await first.presses("cũng là tôi")
    await second.presses("cũng là tôi")
    [running] = [row for row in talk.rows(Membership) if row.until_on is None]
    assert running.unit_id == tree.workplace
    assert {row.unit_id for row in talk.rows(NameToken)} == {tree.workplace}


async def test_the_way_back_is_by_the_newest_merge(talk: Talk, tree: Tree) -> None:
    """A third side may join; then that merge is undone before the first one."""
    first, second, clerk = await merged(talk, tree)
    third = await apply_again(talk, tree, "Hoa Web", "nguyễn thị hoaa")
    kept, application = talk.rows(Membership)[0].person_id, talk.rows(Application)[-1]
    await clerk.presses_payload(f"mg|{application.id}|{kept}")
    await third.settled()
    asked = next(side for side in (first, second) if "cũng là người dùng" in side.heard[-1].text)
    await asked.presses("cũng là tôi")
    await third.presses("cũng là tôi")
    third.hears("Đã gộp")
    one, two = talk.rows(MergeProposal)
    await first.presses_payload(f"mu|{one.id}|y")
    first.hears("thay đổi")
    await first.presses_payload(f"mu|{two.id}|y")
    first.hears("Đã tách lại")
    await first.presses_payload(f"mu|{one.id}|y")
    first.hears("Đã tách lại")
    assert all(person.merged_into_id is None for person in talk.rows(Person))


def test_every_row_that_names_a_person_has_its_rule_in_a_merge() -> None:
    """A new table with a person in it must say whether it follows them."""
    named = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if any(key.column.table.name == "people" for key in column.foreign_keys)
    }
    assert named == set(FOLLOWING) | STAYING


# A further channel by a code


async def get_code(member: Member) -> str:
    await member.says("trang của tôi")
    await member.presses("Kênh nhận tin")
    await member.presses("Thêm kênh khác")
    return re.findall(r"LIENKET (\d{6})", member.heard[-1].text)[0]


@pytest.mark.parametrize("typed", ["LIENKET {}", "liên kết {}", "lien ket {}", "/lienket {}", "Liên kết: {}"])
async def test_further_channel_is_tied_when_the_first_one_confirms(talk: Talk, tree: Tree, typed: str) -> None:
    """A code on one channel, typed on another, confirmed on the first: then both are the same person's."""
    worker, _number = await known(talk, "Hoa")
    code = await get_code(worker)
    assert code not in str([row.code_hash for row in talk.rows(LinkCode)])
    further = talk.member("Hoa Zalo")
    await further.says(typed.format(code))
    further.hears("Còn một bước", "kênh thử")
    worker.hears("nối kênh kênh thử", "Đúng là anh/chị không")
    await further.says("trang của tôi")
    further.hears("chưa nộp đơn")
    await worker.presses("Đúng là tôi, nối đi")
    worker.hears("Đã nối")
    await further.settled()
    further.hears("Đã nối")
    await further.says("trang của tôi")
    further.hears("Nguyễn Thị Hoa")
    first, second = talk.rows(Account)
    assert first.person_id == second.person_id
    assert (second.is_signing_in, second.needs_sign_in) == (True, True), "the session is renewed; no role acts there"
    assert talk.rows(LinkCode) == []


async def test_member_says_whether_messages_may_go_on_another_channel(talk: Talk, tree: Tree) -> None:
    """Asked when a further channel is tied; no answer is no consent; changed at any time where the channels stand, and
    listed with what else they agreed to."""
    worker, _number = await known(talk, "Hoa")
    await worker.says("trang của tôi")
    await worker.presses("Kênh nhận tin")
    assert not any("kênh khác khi cần" in button.label for button in worker.heard[-1].buttons)
    await worker.presses("Thêm kênh khác")
    code = re.findall(r"LIENKET (\d{6})", worker.heard[-1].text)[0]
    await talk.member("Hoa Zalo").says(f"LIENKET {code}")
    await worker.presses("Đúng là tôi, nối đi")
    worker.hears("Đã nối", "gửi qua kênh kia nhé")
    await worker.presses("Không, cứ chờ")
    worker.hears("tin chờ, không gửi qua kênh kia")
    assert [row for row in talk.rows(Consent) if row.purpose == "reroute"] == []
    await worker.presses("Gửi qua kênh khác khi cần")
    worker.hears("thì tin gửi qua kênh kia")
    await worker.presses_payload("agreed")
    worker.hears("gửi tin qua kênh khác khi cần")
    await worker.presses_payload("ch")
    await worker.presses("Đừng gửi qua kênh khác")
    worker.hears("tin chờ")
    (consent,) = [row for row in talk.rows(Consent) if row.purpose == "reroute"]
    assert consent.person_id is not None and consent.withdrawn_at is not None


async def test_no_on_the_first_channel_ties_nothing(talk: Talk, tree: Tree) -> None:
    """Somebody else typed the code: it is spent."""
    worker, _number = await known(talk, "Hoa")
    code = await get_code(worker)
    thief = talk.member("Kẻ Lạ")
    await thief.says(f"LIENKET {code}")
    await worker.presses("Không phải tôi")
    worker.hears("Đã chặn")
    await thief.settled()
    thief.hears("chưa nối")
    await thief.says(f"LIENKET {code}")
    thief.hears("không đúng")
    assert [row.person_id is None for row in talk.rows(Account)] == [False, True]


async def test_link_code_holds_ten_minutes_and_once(talk: Talk, tree: Tree) -> None:
    """An old code, a spent one, and one replaced by a newer one are all wrong."""
    (worker, _number), further = await known(talk, "Hoa"), talk.member("Hoa Zalo")
    old = await get_code(worker)
    new = await get_code(worker)
    if old != new:
        await further.says(f"LIENKET {old}")
        further.hears("không đúng")
    talk.pass_time(minutes=10)
    await further.says(f"LIENKET {new}")
    further.hears("quá 10 phút")
    code = await get_code(worker)
    await further.says(f"LIENKET {code}")
    further.hears("Còn một bước")
    other = talk.member("Kẻ Lạ")
    await other.says(f"LIENKET {code}")
    other.hears("không đúng")
    talk.pass_time(hours=2)
    await worker.presses("Đúng là tôi, nối đi")
    worker.hears("thay đổi")


async def test_guessing_link_codes_is_braked_for_one_and_for_all(
    talk: Talk, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five tries an hour on one account; and many accounts together are stopped as well."""
    from handlers.identity import linking

    (worker, _number), guesser = await known(talk, "Hoa"), talk.member("Đoán Mò")
    code = await get_code(worker)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for _ in range(5):
        await guesser.says(f"LIENKET {wrong}")
        guesser.hears("không đúng")
    await guesser.says(f"LIENKET {code}")
    guesser.hears("Đợi một giờ")
    monkeypatch.setattr(linking, "WRONG_TRIES_OF_ALL", 5)
    other = talk.member("Người Khác")
    await other.says(f"LIENKET {code}")
    other.hears("Đợi một giờ")
    talk.pass_time(hours=2)
    fresh = await get_code(worker)
    await other.says(f"LIENKET {fresh}")
    other.hears("Còn một bước")


async def test_officers_channels_are_not_tied_by_a_link_code(talk: Talk, tree: Tree) -> None:
    """Officers sign in; a role given between code and confirmation stops it too."""
    chair = await officer(talk, "Chủ Tịch", tree.workplace, Role.CHAIR)
    await chair.presses_payload("lk")
    chair.hears("mã vào")
    (worker, number), further = await known(talk, "Hoa"), talk.member("Hoa Zalo")
    code = await get_code(worker)
    await further.says(f"LIENKET {code}")
    with talk.database.begin() as session:
        person = session.get_one(Person, number)
        add_grant(session, person, tree.workplace, Role.OFFICER, talk.today, talk.now())
    await worker.presses("Đúng là tôi, nối đi")
    worker.hears("mã vào")
    await chair.says("hủy")
    await chair.says(f"LIENKET {code}")
    chair.hears("đã có hồ sơ")
    assert [row.person_id is None for row in talk.rows(Account)] == [False, False, True]


async def test_messenger_abroad_is_tied_only_with_consent(talk: Talk, tree: Tree) -> None:
    """Notices to Telegram go through servers abroad: the person agrees first, on that channel."""
    (worker, number), further = await known(talk, "Hoa"), talk.member("Hoa Telegram")
    code = await get_code(worker)
    talk.edge.channel = replace(talk.edge.channel, is_abroad=True)
    await further.says(f"LIENKET {code}")
    further.hears("nước ngoài", "Điều 20")
    assert "nối kênh" not in worker.heard[-1].text
    await further.presses("Đồng ý")
    worker.hears("Đúng là anh/chị không")
    await worker.presses("Đúng là tôi, nối đi")
    [consent] = [row for row in talk.rows(Consent) if row.purpose == "abroad"]
    assert consent.person_id == number


async def test_person_chooses_where_notices_come_and_leaves_a_channel(talk: Talk, tree: Tree) -> None:
    """The chosen channel is kept with the person; a channel left behind shows nothing of them."""
    (worker, number), further = await known(talk, "Hoa"), talk.member("Hoa Zalo")
    code = await get_code(worker)
    await further.says(f"LIENKET {code}")
    await worker.presses("Đúng là tôi, nối đi")
    stranger = talk.member("Người Lạ")
    await stranger.says("chào")
    mine, other, strange = talk.rows(Account)
    await worker.presses_payload(f"pc|{mine.id}")
    [person] = [row for row in talk.rows(Person) if row.id == number]
    assert person.preferred_sender == talk.edge.sender
    for payload in (f"pc|{strange.id}", f"xc|{strange.id}", f"xc|{mine.id}"):
        await worker.presses_payload(payload)
        worker.hears("thay đổi")
    await stranger.presses_payload(f"xc|{mine.id}")
    stranger.hears("thay đổi")
    await worker.presses_payload(f"xc|{other.id}")
    assert talk.rows(Account)[1].person_id is None
    await further.says("trang của tôi")
    further.hears("chưa nộp đơn")


async def test_six_digits_without_the_word_are_no_code(talk: Talk, tree: Tree) -> None:
    """A number in a question stays a question."""
    worker = talk.member("Hoa")
    await worker.says("123456")
    assert talk.rows(LinkCode) == []
    await worker.does(Kind.STICKER)
    await worker.says("lienket")
    worker.hears("mã 6 số")
