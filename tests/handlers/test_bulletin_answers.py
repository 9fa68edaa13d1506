"""Members answer a bulletin: a poll, a quiz, whether they come, whether it is done; and ask further from it."""

import pytest
from sqlalchemy.orm import Session

from db.models import BulletinAnswer, BulletinKind, DeliveryState, RunState
from handlers.actions import AnswerBulletin, ConfirmBulletinAnswer, OpenFromBulletin, encode
from handlers.bulletins.content import Block, BlockKind
from tests.sent_bulletins import POLL, QUIZ, RSVP, TASK, find_account, person_at, send
from tests.small_tree import Tree
from tests.talk import Member, Talk


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(talk.database, talk.today.replace(year=2020))


async def answers(member: Member, run_id: int, choice: int, block: int = 0) -> None:
    await member.presses_payload(encode(AnswerBulletin(run_id, block, choice)))


async def test_poll_is_told_once_enough_have_answered_and_no_small_number_ever(talk: Talk, tree: Tree) -> None:
    """Four answers show nothing; later shares are told, but none of fewer than five, nor what would give it away."""
    people = [await person_at(talk, f"Lan {number}", tree.workplace) for number in range(11)]
    run_id = send(talk, tree.workplace, people, [POLL])
    for member in people[:4]:
        await answers(member, run_id, 0)
        member.hears("Đã ghi", "Biển", "Khi đủ 5 người")
    for member in people[4:10]:
        await answers(member, run_id, int(member is not people[4]))
    people[9].hears("Biển: khoảng 50 %", "Núi: không nêu", "Ở nhà: không nêu")
    await answers(people[10], run_id, 2)
    people[10].hears("Đã ghi", "Biển: khoảng 45 %", "Núi: không nêu")


async def test_member_may_change_their_mind_and_counts_once(talk: Talk, tree: Tree) -> None:
    """On another account of theirs as well: one person is one answer, without a name."""
    lan = await person_at(talk, "Lan", tree.workplace)
    phone = talk.member("Lan hai")
    await phone.says("/menu")
    with talk.database.begin() as session:
        find_account(session, phone).person_id = find_account(session, lan).person_id
    run_id = send(talk, tree.workplace, [lan], [POLL])
    await answers(lan, run_id, 0)
    await lan.presses("Núi")
    await answers(phone, run_id, 2)
    rows = talk.rows(BulletinAnswer)
    assert [(row.choice, row.person_id) for row in rows] == [(2, None)]


async def test_whoever_was_not_sent_it_has_no_say(talk: Talk, tree: Tree) -> None:
    """A forwarded button, or one made up, writes nothing; nor one of a line that was called off."""
    lan, stranger, stopped = [await person_at(talk, name, tree.workplace) for name in ("Lan", "Người Lạ", "Hoa")]
    run_id = send(talk, tree.workplace, [lan], [POLL])
    called_off = send(talk, tree.workplace, [stopped], [POLL], state=DeliveryState.CANCELLED)
    await answers(stranger, run_id, 0)
    stranger.hears("chỉ hỏi những người được gửi")
    await answers(stopped, called_off, 0)
    stopped.hears("chỉ hỏi những người được gửi")
    await answers(lan, run_id, 7)
    lan.hears("đã thay đổi")
    await answers(lan, run_id, 0, block=3)
    lan.hears("đã thay đổi")
    assert talk.rows(BulletinAnswer) == []


async def test_answers_are_taken_until_a_week_after_the_bulletin_expired(talk: Talk, tree: Tree) -> None:
    """It expires after two days here: on the ninth day one may still answer, on the tenth no more."""
    lan = await person_at(talk, "Lan", tree.workplace)
    run_id = send(talk, tree.workplace, [lan], [POLL])
    talk.pass_time(days=8, hours=23)
    await answers(lan, run_id, 0)
    lan.hears("Đã ghi")
    talk.pass_time(hours=2)
    await answers(lan, run_id, 1)
    lan.hears("hết hạn")
    assert [row.choice for row in talk.rows(BulletinAnswer)] == [0]


async def test_bulletin_that_was_called_off_takes_no_answers(talk: Talk, tree: Tree) -> None:
    """What turned out wrong is not voted on."""
    lan = await person_at(talk, "Lan", tree.workplace)
    run_id = send(talk, tree.workplace, [lan], [POLL], run_state=RunState.CANCELLED)
    await answers(lan, run_id, 0)
    lan.hears("thu hồi")


async def test_quiz_says_whether_it_was_right_and_why(talk: Talk, tree: Tree) -> None:
    """Who was wrong hears the right answer; both hear the explanation."""
    lan, hoa = [await person_at(talk, name, tree.workplace) for name in ("Lan", "Hoa")]
    run_id = send(talk, tree.workplace, [lan, hoa], [QUIZ])
    await answers(lan, run_id, 0)
    lan.hears("Đúng rồi", "Theo Bộ luật")
    await answers(hoa, run_id, 1)
    hoa.hears("Chưa đúng", "60 ngày", "Theo Bộ luật")


async def test_who_comes_is_told_that_the_name_is_kept_before_the_first_answer(talk: Talk, tree: Tree) -> None:
    """Nothing is written before that; changing one's mind asks no more."""
    lan = await person_at(talk, "Lan", tree.workplace)
    run_id = send(talk, tree.workplace, [lan], [RSVP])
    await answers(lan, run_id, 0)
    lan.hears("ghi tên anh/chị", "Có đi")
    assert talk.rows(BulletinAnswer) == []
    await lan.presses("Đồng ý gửi kèm tên")
    lan.hears("Đã ghi tên", "Có đi")
    await lan.presses("Không đi")
    lan.hears("Đã ghi tên", "Không đi")
    row = talk.rows(BulletinAnswer)[0]
    assert (row.choice, row.unit_id, row.person_id is not None) == (1, tree.workplace, True)


async def test_somebody_nobody_knows_cannot_promise_to_come(talk: Talk, tree: Tree) -> None:
    """An answer that needs a name is not taken without one."""
    guest = talk.member("Khách")
    await guest.says("/menu")
    run_id = send(talk, tree.workplace, [guest], [RSVP])
    await guest.presses_payload(encode(ConfirmBulletinAnswer(run_id, 0, 0)))
    guest.hears("cần ghi tên")


async def test_officer_reports_a_task_with_their_name(talk: Talk, tree: Tree) -> None:
    """It is their work, so it is said and not asked."""
    officer = await person_at(talk, "Trần Văn Tổ", tree.workplace)
    run_id = send(talk, tree.workplace, [officer], [TASK], kind=BulletinKind.TASK)
    await answers(officer, run_id, 1)
    officer.hears("Chưa", "thấy báo cáo này")
    await officer.presses("Đã làm")
    assert [(row.choice, row.person_id is not None) for row in talk.rows(BulletinAnswer)] == [(0, True)]


async def test_ask_further_opens_the_answer_of_the_faq(talk: Talk, tree: Tree) -> None:
    """The question of the bulletin is answered as if it had been typed, in one press; the way to a report as well."""
    lan = await person_at(talk, "Lan", tree.workplace)
    blocks = [
        Block(BlockKind.ASK, "Hỏi thêm về nghỉ cưới", target="cưới được nghỉ mấy ngày"),
        Block(BlockKind.REPORT, "Báo việc ở chỗ tôi"),
    ]
    run_id = send(talk, tree.workplace, [lan], blocks)
    await lan.presses_payload(encode(OpenFromBulletin(run_id, 0)))
    assert "ngày" in lan.heard[-1].text and lan.button("Có ích")
    await lan.presses_payload(encode(OpenFromBulletin(run_id, 1)))
    assert any("phản ánh" in reply.text.lower() or "kể" in reply.text.lower() for reply in lan.heard[-2:])


async def test_stranger_cannot_open_what_was_for_members(talk: Talk, tree: Tree) -> None:
    """The number of a sending opens nothing for whoever did not get it."""
    lan = await person_at(talk, "Lan", tree.workplace)
    block = Block(BlockKind.ASK, "Hỏi thêm", target="cưới được nghỉ mấy ngày")
    run_id = send(talk, tree.workplace, [lan], [block])
    stranger = talk.member("Người Lạ")
    await stranger.says("/menu")
    await stranger.presses_payload(encode(OpenFromBulletin(run_id, 0)))
    stranger.hears("đã thay đổi")


async def test_answer_tells_nobody_who_gave_it(talk: Talk, tree: Tree) -> None:
    """Two answers of one person in two bulletins share nothing that could be put together."""
    lan = await person_at(talk, "Lan", tree.workplace)
    first, second = [send(talk, tree.workplace, [lan], [POLL]) for _ in range(2)]
    await answers(lan, first, 0)
    await answers(lan, second, 0)
    rows = talk.rows(BulletinAnswer)
    assert len({row.who for row in rows}) == 2 and {row.person_id for row in rows} == {None}

    def lane_of(session: Session) -> str:
        return find_account(session, lan).address_hash

    assert talk.look(lane_of) not in {row.who for row in rows}
