"""A member asks, reads, judges and asks for a person; whatever they send, somebody sensible answers."""

import pytest

from db.models import Account, Conversation, Feedback, UnansweredQuestion, Verdict
from db.session import Database
from handlers.chat import Kind
from handlers.feature import VIETNAM
from knowledge.answer import Answerer
from knowledge.texts import t
from tests.edges import EDGES
from tests.talk import HOTLINE, WORKING_MORNING, Talk


@pytest.fixture
def known(answerer: Answerer) -> str:
    """An entry that is in force today and has details."""
    today = WORKING_MORNING.astimezone(VIETNAM).date()
    for topic, _ in answerer.topics(today):
        for entry_id in answerer.entries_of(topic, today):
            page = answerer.page(entry_id, today)
            if page and page.details and page.related:
                return entry_id
    raise AssertionError("no published entry has details and related questions")


async def test_greeting_names_the_union_and_says_the_answers_are_information(talk: Talk) -> None:
    """The first thing a member reads says who speaks and what the answers are worth."""
    lan = talk.member("Lan")
    await lan.says("/start")
    lan.hears("Công đoàn Thử nghiệm", "thông tin tham khảo", HOTLINE)


async def test_question_gets_a_cited_answer_with_its_date(talk: Talk, answerer: Answerer, known: str) -> None:
    """Every answer names its articles and since when it applies."""
    lan = talk.member("Lan")
    replies = await lan.says(answerer.question_of(known))
    assert "Căn cứ" in replies[-1].text
    lan.hears("áp dụng từ")
    assert {"Có ích", "Chưa đúng", "Hỏi cán bộ"} <= {button.label for button in replies[-1].buttons}


async def test_somebody_who_begins_with_a_question_is_greeted_once_and_answered(
    talk: Talk, answerer: Answerer, known: str
) -> None:
    """A first message is answered at once; the notice comes before it and never again."""
    lan = talk.member("Lan")
    first = await lan.says(answerer.question_of(known))
    again = await lan.says(answerer.question_of(known))
    assert len(first) == len(again) + 1


async def test_details_follow_on_a_button_and_by_typing_its_words(talk: Talk, answerer: Answerer, known: str) -> None:
    """A button can be pressed, numbered or typed without marks."""
    lan = talk.member("Lan")
    await lan.says(answerer.question_of(known))
    pressed = await lan.presses("Xem chi tiết")
    await lan.says(answerer.question_of(known))
    typed = await lan.says("xem chi tiet")
    await lan.says(answerer.question_of(known))
    misspelt = await lan.says("xem chi tiêt đi".replace(" đi", ""))
    assert pressed[0].text == typed[0].text == misspelt[0].text


async def test_helpful_feedback_is_kept_with_the_scrubbed_question(talk: Talk, answerer: Answerer, known: str) -> None:
    """Curators learn which question an answer served, never a phone number."""
    lan = talk.member("Lan")
    await lan.says(answerer.question_of(known))
    await lan.presses("Có ích")
    (feedback,) = talk.rows(Feedback)
    assert (feedback.entry_id, feedback.verdict) == (known, Verdict.HELPFUL)
    assert feedback.question == answerer.question_of(known)


async def test_wrong_answer_can_be_explained_and_the_note_is_scrubbed(
    talk: Talk, answerer: Answerer, known: str
) -> None:
    """What was wrong reaches the curators without the number that was typed along."""
    lan = talk.member("Lan")
    await lan.says(answerer.question_of(known))
    await lan.presses("Chưa đúng")
    await lan.says("sai rồi, gọi em 0901 234 567")
    (feedback,) = talk.rows(Feedback)
    assert feedback.verdict is Verdict.WRONG
    assert "234" not in feedback.note and "sai rồi" in feedback.note


async def test_open_step_survives_a_restart(database: Database, answerer: Answerer, channel: str, known: str) -> None:
    """A program that stops in mid-conversation goes on where it was."""
    async with Talk.start(database, answerer, EDGES[channel]()) as stopped:
        lan = stopped.member("Lan")
        await lan.says(answerer.question_of(known))
        await lan.presses("Chưa đúng")
    async with Talk.start(database, answerer, EDGES[channel]()) as restarted:
        lan_again = restarted.member("Lan")
        await lan_again.says("chỗ em làm khác")
        lan_again.hears("Đã ghi lại")
        assert restarted.rows(Feedback)[0].note == "chỗ em làm khác"


async def test_state_of_an_older_version_keeps_what_was_typed_and_asks_again(
    talk: Talk, answerer: Answerer, known: str
) -> None:
    """After an update the step is put again and the draft is still there."""
    lan = talk.member("Lan")
    await lan.says(answerer.question_of(known))
    await lan.presses("Chưa đúng")
    with talk.database.begin() as session:
        conversation = session.query(Conversation).one()
        conversation.version = 0
    await lan.says("câu này gõ trước khi biết có bản mới")
    assert talk.rows(Feedback) == []
    await lan.presses("Bỏ qua")
    assert talk.rows(Feedback)[0].entry_id == known


@pytest.mark.parametrize("word", ["hủy", "huy", "/huy", "HUỶ", "Hủy bỏ"])
async def test_cancelling_leaves_the_step_and_erases_the_draft(
    talk: Talk, answerer: Answerer, known: str, word: str
) -> None:
    """Nothing of a cancelled step remains."""
    lan = talk.member("Lan")
    await lan.says(answerer.question_of(known))
    await lan.presses("Chưa đúng")
    await lan.says(word)
    (conversation,) = talk.rows(Conversation)
    assert (conversation.feature, conversation.draft) == (None, None)
    assert talk.rows(Feedback) == []


async def test_menu_in_mid_conversation_offers_to_go_on(talk: Talk, answerer: Answerer, known: str) -> None:
    """The menu never loses an open step."""
    lan = talk.member("Lan")
    await lan.says(answerer.question_of(known))
    await lan.presses("Chưa đúng")
    await lan.says("menu")
    await lan.presses("Tiếp tục")
    await lan.presses("Bỏ qua")
    assert len(talk.rows(Feedback)) == 1


@pytest.mark.parametrize(
    "payload", ["", "nonsense", "e|entry-that-never-was", "d|x|20260101", "s|faq|wrong|skip", "e|a|b|c|d|e", "f|q|x"]
)
async def test_button_from_last_month_is_answered_with_a_fresh_menu(talk: Talk, payload: str) -> None:
    """A button whose meaning is gone says so and shows the way back."""
    lan = talk.member("Lan")
    await lan.presses_payload(payload)
    lan.hears("đã thay đổi")
    lan.button("menu")


@pytest.mark.parametrize("kind", [Kind.STICKER, Kind.FILE, Kind.UNREADABLE])
async def test_what_cannot_be_read_is_answered_kindly(talk: Talk, kind: Kind) -> None:
    """A sticker or a file never meets silence."""
    lan = talk.member("Lan")
    assert await lan.does(kind)
    lan.hears("gõ")


@pytest.mark.parametrize("text", ["", "   ", "…", "?!", "🙂"])
async def test_empty_message_is_answered(talk: Talk, text: str) -> None:
    """Nothing typed, something heard."""
    lan = talk.member("Lan")
    assert await lan.says(text)


async def test_ten_thousand_characters_are_answered(talk: Talk) -> None:
    """A very long story is read, not refused."""
    lan = talk.member("Lan")
    assert await lan.says("công ty nợ lương tôi hai tháng nay " * 286)


async def test_question_without_an_answer_is_kept_for_curators_and_offers_a_person(talk: Talk) -> None:
    """No answer beats a wrong one; the question is not lost and not tied to who asked."""
    lan = talk.member("Lan")
    await lan.says("xin hỏi cách trồng lúa nước ở vùng đất phèn, gọi 0901234567")
    lan.button("Hỏi cán bộ")
    (kept,) = talk.rows(UnansweredQuestion)
    assert "trồng lúa" in kept.question and "0901234567" not in kept.question
    assert "account" not in UnansweredQuestion.__table__.columns


async def test_person_who_blocks_the_bot_is_not_written_to(talk: Talk) -> None:
    """Leaving is noted, and writing again undoes it."""
    lan = talk.member("Lan")
    await lan.says("/start")
    assert await lan.does(Kind.LEFT) == []
    assert talk.rows(Account)[0].unreachable_since is not None
    await lan.says("/start")
    assert talk.rows(Account)[0].unreachable_since is None


async def test_topics_lead_to_questions_and_answers(talk: Talk) -> None:
    """Somebody who does not know how to ask can look around."""
    lan = talk.member("Lan")
    await lan.says("chủ đề")
    topic = lan.heard[-1].buttons[0].label
    await lan.presses(topic)
    await lan.presses(lan.heard[-1].buttons[0].label)
    assert "Căn cứ" in lan.heard[-1].text


async def test_help_tells_the_emergency_numbers(talk: Talk) -> None:
    """Whoever asks for help reads 113, 114 and 115."""
    lan = talk.member("Lan")
    await lan.says("/help")
    lan.hears("113", "114", "115")
    assert t("menu.topics") in {button.label for button in lan.heard[-1].buttons}
