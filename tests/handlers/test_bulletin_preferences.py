"""A member says which bulletins they want and when, stops them with one tap, and takes it back as easily."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from db.audiences import Audience, select_people
from db.models import (
    BulletinAnswer,
    BulletinKind,
    Consent,
    Delivery,
    DeliveryKind,
    DeliveryState,
    NewsPreference,
    Person,
    Role,
    RunState,
    Shift,
    TopicChoice,
)
from db.news_choices import (
    adopt_choices,
    choose_topic,
    find_shift,
    give_back_choices,
    keep_shift,
    list_choices,
)
from db.officers import add_grant
from db.people import add_person
from db.session import Database
from handlers.actions import AnswerBulletin, StopBulletins, StopNews, encode
from handlers.chat import Reply
from handlers.notify import tell_person
from tests.db.test_audiences import agree
from tests.handlers.test_privacy import erase, paper_of
from tests.sent_bulletins import POLL, find_account, person_at, send
from tests.small_tree import Tree
from tests.talk import Member, Talk
from tests.tree import NOW


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(talk.database, talk.today - timedelta(days=400))


async def reader(talk: Talk, tree: Tree, name: str = "Hoa") -> Member:
    """A member who agreed to news."""
    member = await person_at(talk, name, tree.workplace)
    with talk.database.begin() as session:
        agree(session, number_of(session, member))
    return member


def number_of(session: Session, member: Member) -> int:
    """The person of somebody's account."""
    person_id = find_account(session, member).person_id
    assert person_id is not None
    return person_id


def planned(talk: Talk, tree: Tree, member: Member, topic: str, kind: BulletinKind = BulletinKind.NEWS) -> int:
    """A bulletin that is held back and waits to be sent to somebody; returns its sending."""
    waits = {"state": DeliveryState.PLANNED, "run_state": RunState.PAUSED}
    return send(talk, tree.workplace, [member], kind=kind, topic=topic, **waits)


def states(talk: Talk) -> dict[int, tuple[DeliveryState, str | None]]:
    """How each sending's line stands."""
    return {row.run_id: (row.state, row.reason) for row in talk.rows(Delivery) if row.run_id is not None}


def would_get(talk: Talk, tree: Tree, topic: str) -> list[int]:
    """Whom a bulletin of a topic would go to."""

    def ask(session: Session) -> list[int]:
        people = select_people(Audience(units=(tree.root,)), topic, talk.today)
        return [row.person_id for row in session.execute(people)]

    found: list[int] = talk.look(ask)
    return found


STOPPED = (DeliveryState.CANCELLED, "stopped")
WAITS = (DeliveryState.PLANNED, None)


async def test_member_stops_one_topic_under_a_bulletin(talk: Talk, tree: Tree) -> None:
    """Planned bulletins of that topic are called off at once, others are not, nor anybody else's."""
    hoa, lan = await reader(talk, tree), await reader(talk, tree, "Lan")
    came = send(talk, tree.workplace, [hoa], topic="welfare")
    waiting = planned(talk, tree, hoa, "welfare")
    other_topic = planned(talk, tree, hoa, "law")
    of_lan = planned(talk, tree, lan, "welfare")
    await hoa.presses_payload(encode(StopBulletins(came)))
    await hoa.presses("Ngừng chủ đề Phúc lợi")
    hoa.hears("Từ giờ không gửi", "đã báo vẫn gửi như thường")
    now = states(talk)
    assert (now[waiting], now[other_topic], now[of_lan]) == (STOPPED, WAITS, WAITS)
    assert len(would_get(talk, tree, "welfare")) == 1
    assert len(would_get(talk, tree, "law")) == 2
    await hoa.presses("Nhận lại chủ đề này")
    assert len(would_get(talk, tree, "welfare")) == 2


async def test_member_stops_everything_and_agrees_again_to_the_words(talk: Talk, tree: Tree) -> None:
    """The consent is withdrawn; agreeing again is a consent of its own, to words that are shown."""
    hoa = await reader(talk, tree)
    came = send(talk, tree.workplace, [hoa], topic="welfare")
    waiting = planned(talk, tree, hoa, "law")
    await hoa.presses_payload(encode(StopBulletins(came)))
    await hoa.presses("Ngừng mọi bản tin")
    assert states(talk)[waiting] == STOPPED
    assert would_get(talk, tree, "law") == []
    assert all(row.withdrawn_at is not None for row in talk.rows(Consent))
    await hoa.says("tin của tôi")
    hoa.hears("không nhận bản tin")
    await hoa.presses("Nhận bản tin lại")
    hoa.hears("Giữ bao lâu")
    assert would_get(talk, tree, "law") == []
    await hoa.presses("Đồng ý")
    assert len(would_get(talk, tree, "law")) == 1


async def test_member_withdraws_the_consent_among_their_rights(talk: Talk, tree: Tree) -> None:
    """Whichever way it is withdrawn, nothing planned goes out."""
    hoa = await reader(talk, tree)
    waiting = planned(talk, tree, hoa, "law")
    await hoa.says("quyền về dữ liệu")
    await hoa.presses("Rút lại đồng ý")
    await hoa.presses("nhận bản tin")
    await hoa.presses("Rút")
    assert states(talk)[waiting] == STOPPED


async def test_answers_to_ones_own_case_and_an_officers_tasks_still_come(talk: Talk, tree: Tree) -> None:
    """Nobody can opt out of what they asked for."""
    hoa = await reader(talk, tree)
    task = planned(talk, tree, hoa, "union", BulletinKind.TASK)
    with talk.database.begin() as session:
        person = number_of(session, hoa)
        add_grant(session, session.get_one(Person, person), tree.workplace, Role.CHAIR, talk.today, talk.now())
    await hoa.presses_payload(encode(StopNews("stop")))
    hoa.hears("việc giao cho cán bộ")
    assert states(talk)[task] == WAITS
    with talk.database.begin() as session:
        tell_person(session, person, Reply("Vụ việc có tin mới"), "case:1", talk.now(), DeliveryKind.CASE_REPLY, True)
    talk.pass_time(seconds=1)
    await hoa.settled()
    hoa.hears("Vụ việc có tin mới")


async def test_member_chooses_topics_and_shift_on_their_page(talk: Talk, tree: Tree) -> None:
    """What was chosen shows there, and choosing again changes it."""
    hoa = await reader(talk, tree)
    await hoa.says("tin của tôi")
    await hoa.presses("Phúc lợi")
    await hoa.presses("Quan tâm")
    await hoa.presses("Tin của tôi")
    hoa.hears("Phúc lợi: quan tâm", "Luật và quyền lợi: nhận", "ban ngày")
    await hoa.presses("Luật và quyền lợi")
    await hoa.presses("Không nhận nữa")
    await hoa.presses("Tin của tôi")
    hoa.hears("Luật và quyền lợi: không nhận")
    await hoa.presses("Tôi làm ca đêm")
    await hoa.presses("Tin của tôi")
    hoa.hears("ca đêm")
    assert [row.shift for row in talk.rows(NewsPreference)] == [Shift.NIGHT]
    await hoa.presses("Tôi làm ca ngày")
    await hoa.presses("Tin của tôi")
    await hoa.presses("Phúc lợi")
    await hoa.presses("Nhận như mọi người")
    assert {row.topic: row.is_wanted for row in talk.rows(TopicChoice)} == {"law": False}


async def test_whoever_changes_their_mind_at_the_question_keeps_everything(talk: Talk, tree: Tree) -> None:
    """Asking is not stopping."""
    hoa = await reader(talk, tree)
    came = send(talk, tree.workplace, [hoa], topic="welfare")
    await hoa.presses_payload(encode(StopBulletins(came)))
    await hoa.presses("Thôi, vẫn nhận")
    assert len(would_get(talk, tree, "welfare")) == 1


async def test_stranger_learns_that_bulletins_are_for_members(talk: Talk) -> None:
    """And how to become one."""
    stranger = talk.member("Người lạ")
    await stranger.says("tin của tôi")
    stranger.hears("gửi cho đoàn viên")
    assert stranger.button("Gia nhập")


async def test_member_sees_what_is_held_and_erases_it(talk: Talk, tree: Tree) -> None:
    """Choices, shift, and what they answered without a name; then nothing of it is left."""
    hoa = await reader(talk, tree)
    run_id = send(talk, tree.workplace, [hoa], [POLL])
    await hoa.presses_payload(encode(AnswerBulletin(run_id, 0, 1)))
    with talk.database.begin() as session:
        choose_topic(session, number_of(session, hoa), "law", is_wanted=False)
        keep_shift(session, number_of(session, hoa), Shift.NIGHT)
    await hoa.says("quyền về dữ liệu")
    await hoa.presses("Xem mọi thứ đang giữ")
    paper = paper_of(hoa)
    assert all(word in paper for word in ("Không nhận chủ đề Luật", "ca đêm", "Hội thao tháng 12: Núi"))
    await erase(hoa)
    left = [talk.rows(model) for model in (TopicChoice, NewsPreference, BulletinAnswer)]
    assert left == [[], [], []]
    assert all(row.recipient != hoa.lane for row in talk.rows(Delivery) if row.kind is DeliveryKind.BULLETIN)


def test_merged_people_keep_what_either_refused(database: Database) -> None:
    """What the kept person said comes first; taken apart again each has what they said."""
    with database.begin() as session:
        kept, other = (add_person(session, {"full_name": name}, NOW).id for name in ("A", "B"))
        choose_topic(session, kept, "law", is_wanted=True)
        choose_topic(session, other, "law", is_wanted=False)
        choose_topic(session, other, "welfare", is_wanted=False)
        keep_shift(session, other, Shift.NIGHT)
        adopted = adopt_choices(session, other, kept)
        assert list_choices(session, kept) == {"law": True, "welfare": False}
        assert find_shift(session, kept) is Shift.NIGHT
        give_back_choices(session, adopted, kept)
        assert (list_choices(session, kept), find_shift(session, kept)) == ({"law": True}, Shift.DAY)
        assert list_choices(session, other) == {"law": False, "welfare": False}
