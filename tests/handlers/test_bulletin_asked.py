"""What people ask within two days of a bulletin, for its editor: how many, by the FAQ's words, and never who."""

from datetime import timedelta

import pytest

from db.bulletin_asked import count_asked
from db.models import BulletinAnswer, Role, UnansweredQuestion
from handlers.actions import ShowResults, encode
from handlers.bulletins.asked import forget_counted
from tests.handlers.test_officers import officer
from tests.sent_bulletins import person_at, send
from tests.small_tree import Tree
from tests.talk import Talk

QUESTION = "cưới được nghỉ mấy ngày"


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(talk.database, talk.today.replace(year=2020))


async def test_editor_sees_what_at_least_five_receivers_asked(talk: Talk, tree: Tree) -> None:
    """Four are nobody's business; a fifth makes it "at least five", a sixth changes nothing; each counts once."""
    editor = await officer(talk, "Lê Soạn", tree.workplace, Role.BULLETIN_EDITOR)
    people = [await person_at(talk, f"Lan {number}", tree.workplace) for number in range(6)]
    run_id = send(talk, tree.workplace, people)
    entry = ""
    for number, member in enumerate(people):
        await member.says(QUESTION)
        await member.says(QUESTION)
        await editor.presses_payload(encode(ShowResults(run_id, "asked")))
        assert ("Ít nhất 5 người" in editor.heard[-1].text) is (number >= 4)
        entry = editor.heard[-1].text
    assert "kết hôn" in entry.lower() or "cưới" in entry.lower()


async def test_only_receivers_and_only_for_two_days_are_counted(talk: Talk, tree: Tree) -> None:
    """Whoever did not get it asks for reasons of their own."""
    lan, other = [await person_at(talk, name, tree.workplace) for name in ("Lan", "Người Khác")]
    run_id = send(talk, tree.workplace, [lan])
    entries = list(talk.answerer.parts.library.entries)
    await other.says(QUESTION)
    assert talk.look(count_asked, run_id, entries) == {}
    talk.pass_time(hours=47)
    await lan.says(QUESTION)
    assert list(talk.look(count_asked, run_id, entries).values()) == [1]
    talk.pass_time(hours=2)
    await lan.says("lương tối thiểu vùng là bao nhiêu")
    assert list(talk.look(count_asked, run_id, entries).values()) == [1]


async def test_nothing_ties_a_question_to_a_person_after_two_days(talk: Talk, tree: Tree) -> None:
    """Until then a keyed hash keeps one person from counting twice; then only the number is left."""
    lan = await person_at(talk, "Lan", tree.workplace)
    run_id = send(talk, tree.workplace, [lan])
    await lan.says(QUESTION)
    assert [(row.person_id, row.unit_id) for row in talk.rows(BulletinAnswer)] == [(None, None)]
    talk.pass_time(hours=49)
    with talk.database.begin() as session:
        forget_counted(session, talk.now())
    assert talk.rows(BulletinAnswer) == []
    assert list(talk.look(count_asked, run_id, list(talk.answerer.parts.library.entries)).values()) == [1]


async def test_questions_without_an_answer_are_grouped_and_shown_without_their_words(talk: Talk, tree: Tree) -> None:
    """Six ways to ask one thing are one line; what was asked before or long after is not in it."""
    editor = await officer(talk, "Lê Soạn", tree.workplace, Role.BULLETIN_EDITOR)
    lan = await person_at(talk, "Lan", tree.workplace)
    with talk.database.begin() as session:
        for number in range(7):
            row = UnansweredQuestion(
                question="zzz", outcome="abstain", asked_at=talk.now() - timedelta(hours=number + 1)
            )
            session.add(row)
    run_id = send(talk, tree.workplace, [lan])
    talk.pass_time(hours=1)
    with talk.database.begin() as session:
        for number in range(6):
            words = f"bao giờ phát vé tàu tết cho công nhân {'ạ' * number}"
            session.add(UnansweredQuestion(question=words, outcome="abstain", asked_at=talk.now()))
    await editor.presses_payload(encode(ShowResults(run_id, "asked")))
    text = editor.heard[-1].text
    assert text.count("Ít nhất 5 lượt") == 1
    assert "vé tàu" not in text and "zzz" not in text
