"""Whoever wants it is told when an answer they got has changed; what is kept for that can be read by nobody."""

from datetime import datetime, time, timedelta

import pytest
from sqlalchemy.orm import Session

from db.models import Account, AnswerTrace, Bulletin, BulletinKind, Consent, Delivery, DeliveryState, Role
from handlers.actions import TellAnswerChange, encode
from handlers.feature import VIETNAM
from handlers.retention import PERIODS
from tests.bulletin_world import BulletinWorld
from tests.handlers.test_officers import officer
from tests.sent_bulletins import find_account
from tests.small_tree import Tree
from tests.talk import Member, Talk

QUESTION = "cưới được nghỉ mấy ngày"
OTHER = "lương tối thiểu vùng là bao nhiêu"
OFFER = "Báo tôi khi câu này thay đổi"


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces, at ten in the morning."""
    talk.moment = datetime.combine(talk.today, time(10), VIETNAM)
    return Tree.plant(talk.database, talk.today.replace(year=2020))


async def asker(talk: Talk, name: str, agrees: bool = True) -> Member:
    """Somebody who asked, and was asked whether they want to be told."""
    member = talk.member(name)
    await member.says("/menu")
    await member.says(QUESTION)
    if agrees:
        await member.presses(OFFER)
        await member.presses("Đồng ý, báo cho tôi")
    return member


def offers(member: Member) -> int:
    """How often somebody was asked."""
    return sum(button.label == OFFER for reply in member.heard for button in reply.buttons)


async def test_everybody_is_asked_once_and_told_what_is_kept(talk: Talk, tree: Tree) -> None:
    """Nothing is kept of an answer before they agree; who refuses is not asked again."""
    lan = talk.member("Lan")
    await lan.says("/menu")
    await lan.says(QUESTION)
    before = len(talk.rows(AnswerTrace))
    await lan.presses(OFFER)
    lan.hears("dấu mã hóa", "12 tháng", "Rút lại lúc nào cũng được")
    await lan.presses("Thôi, không cần")
    await lan.says(OTHER)
    await lan.says(QUESTION)
    assert offers(lan) == 1
    assert len(talk.rows(AnswerTrace)) == before == 1  # that they were asked
    assert talk.rows(Consent) == []


async def test_each_answer_leaves_one_mark_that_nobody_can_read(talk: Talk, tree: Tree) -> None:
    """The same answer again only moves the day; neither the question nor the person stands there."""
    lan = await asker(talk, "Lan")
    talk.pass_time(days=3)
    await lan.says(QUESTION)
    await lan.says(OTHER)
    traces = talk.rows(AnswerTrace)
    assert len(traces) == 3 and sum(row.last_on == talk.today for row in traces) == 2

    def lane(session: Session) -> str:
        return find_account(session, lan).address_hash

    assert talk.look(lane) not in {row.trace for row in traces}


async def test_curator_tells_those_who_got_the_old_answer_and_nobody_else(talk: Talk, tree: Tree) -> None:
    """Not who asked something else, did not agree, or withdrew; with the way to the new answer."""
    told = await asker(talk, "Lan")
    no_consent = await asker(talk, "Hoa", agrees=False)
    elsewhere = talk.member("Mai")
    await elsewhere.says("/menu")
    await elsewhere.says(OTHER)
    await elsewhere.presses(OFFER)
    await elsewhere.presses("Đồng ý, báo cho tôi")
    withdrew = await asker(talk, "Tâm")
    with talk.database.begin() as session:
        account = find_account(session, withdrew)
        session.query(Consent).filter(Consent.account_id == account.id).one().withdrawn_at = talk.now()
    curator = await officer(talk, "Bà Biên Tập", tree.root, Role.CURATOR)
    await curator.says("bàn")
    await curator.presses("Báo câu trả lời đã đổi")
    await curator.says("nghỉ cưới")
    await curator.presses("kết hôn")
    await curator.says("# Từ tháng 1")
    curator.hears("Điều gì đã đổi")
    await curator.says("Từ tháng 1, nghỉ cưới thêm một ngày.")
    curator.hears("dưới 5 người", "Gửi ngay")
    await curator.presses("Gửi")
    curator.hears("Đã giao cho sổ gửi")
    assert talk.rows(Bulletin)[-1].kind is BulletinKind.ANSWER_CHANGE
    world = BulletinWorld(talk, tree)
    await world.send()
    lines = [row for row in talk.rows(Delivery) if row.run_id]
    assert [(row.recipient, row.state) for row in lines] == [(told.lane, DeliveryState.SENT)]
    told.hears("Câu trả lời đã thay đổi", "thêm một ngày")
    await told.presses("Xem câu trả lời mới")
    assert "ngày" in told.heard[-1].text
    for other in (no_consent, elsewhere, withdrew):
        assert not any("thêm một ngày" in reply.text for reply in other.heard)


async def test_nobody_else_may_tell_and_nobody_is_told_twice_on_two_phones(talk: Talk, tree: Tree) -> None:
    """A member who asked on two channels is one person."""
    lan = await asker(talk, "Lan")
    phone = await asker(talk, "Lan hai")
    with talk.database.begin() as session:
        person = BulletinWorld(talk, tree).member()
        owner = session.query(Account).filter(Account.address_hash == person.lane).one_or_none()
        assert owner is None or owner.person_id is not None
    with talk.database.begin() as session:
        owner = session.query(Account).filter(Account.address_hash == person.lane).one()
        for member in (lan, phone):
            find_account(session, member).person_id = owner.person_id
    await lan.presses_payload(encode(TellAnswerChange("")))
    lan.hears("không có quyền")
    curator = await officer(talk, "Bà Biên Tập", tree.root, Role.CURATOR)
    await curator.presses_payload(encode(TellAnswerChange("")))
    await curator.says("nghỉ cưới")
    await curator.presses("kết hôn")
    await curator.says("Luật mới.")
    await curator.presses("Gửi")
    assert sum(bool(row.run_id) for row in talk.rows(Delivery)) == 1


async def test_message_decided_on_at_night_goes_in_the_morning(talk: Talk, tree: Tree) -> None:
    """Whatever the clock does meanwhile."""
    lan = await asker(talk, "Lan")
    curator = await officer(talk, "Bà Biên Tập", tree.root, Role.CURATOR)
    talk.pass_time(hours=12)
    await curator.presses_payload(encode(TellAnswerChange("")))
    await curator.says("nghỉ cưới")
    await curator.presses("kết hôn")
    await curator.says("Luật mới.")
    await curator.presses("Gửi")
    world = BulletinWorld(talk, tree)
    await world.send()
    assert not any("Luật mới" in reply.text for reply in lan.heard)
    talk.pass_time(hours=9)
    await world.send()
    lan.hears("Câu trả lời đã thay đổi", "Luật mới")


async def test_who_withdraws_in_the_night_is_not_told_in_the_morning(talk: Talk, tree: Tree) -> None:
    """What waits for them is called off with the consent."""
    lan = await asker(talk, "Lan")
    curator = await officer(talk, "Bà Biên Tập", tree.root, Role.CURATOR)
    talk.pass_time(hours=12)
    await curator.presses_payload(encode(TellAnswerChange("")))
    await curator.says("nghỉ cưới")
    await curator.presses("kết hôn")
    await curator.says("Luật mới.")
    await curator.presses("Gửi")
    await lan.says("quyền dữ liệu")
    await lan.presses("Rút lại đồng ý")
    await lan.presses("Rút: báo khi câu")
    await lan.presses("Rút")
    talk.pass_time(hours=9)
    await BulletinWorld(talk, tree).send()
    assert not any("Luật mới" in reply.text for reply in lan.heard)


async def test_withdrawing_erases_the_marks(talk: Talk, tree: Tree) -> None:
    """By the way that every consent is withdrawn."""
    lan = await asker(talk, "Lan")
    await lan.says(OTHER)
    assert len(talk.rows(AnswerTrace)) == 3
    await lan.says("quyền dữ liệu")
    await lan.presses("Rút lại đồng ý")
    await lan.presses("Rút: báo khi câu")
    lan.hears("xóa dấu")
    await lan.presses("Rút")
    assert len(talk.rows(AnswerTrace)) == 1  # that they were asked, so that they are not asked again


async def test_marks_are_kept_for_a_year(talk: Talk, tree: Tree) -> None:
    """What was got longer ago goes; what was got again since stays."""
    lan = await asker(talk, "Lan")
    talk.pass_time(days=200)
    await lan.says(OTHER)
    talk.pass_time(days=200)
    period = next(period for period in PERIODS if period.kind == "answer_traces")
    with talk.database.begin() as session:
        period.forget(session, talk.now() - timedelta(days=period.days))
        assert session.query(AnswerTrace).count() == 1
