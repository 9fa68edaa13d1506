"""What is said to a message: an entry by the law of a day, a question back, a friendly line, or an honest no."""

from datetime import date
from pathlib import Path

import pytest

from knowledge.answer import Answerer, Outcome
from knowledge.entry import Citation

from .answers import TODAY, make_answerer

RETIRED = ("status: published", "status: retired")
DRAFT = ("status: published", "status: draft")


@pytest.fixture
def answerer(tmp_path: Path) -> Answerer:
    return make_answerer(tmp_path)


def test_the_first_message_names_what_it_rests_on_and_since_when(answerer: Answerer) -> None:
    """Figures are filled in by the day, the citation is spoken, the first day is given."""
    page = answerer.page("nghi-cuoi", TODAY)
    assert page is not None
    assert "2.530.000 đồng" in page.message
    assert "khoản 1 Điều 1 Luật Mẫu 2026" in page.message
    assert "01/01/2026" in page.message
    assert page.details == "Báo trước cho công ty."
    assert page.citations == (Citation("10/2026/QH15", 1, 1),)
    assert page.since == date(2026, 1, 1)


def test_an_article_is_cited_once_with_its_clauses(tmp_path: Path) -> None:
    """Who looks an article up opens it once; the clauses stand in their order, and a bare article is all of it."""
    clause = "  - {source: 10/2026/QH15, article: 1, clause: 1}\n"
    second = "  - {source: 10/2026/QH15, article: 1, clause: 2}\n"
    other = "  - {source: 10/2026/QH15, article: 2, clause: 1}\n"
    page = make_answerer(tmp_path / "clauses", (clause, second + other + clause)).page("nghi-cuoi", TODAY)
    assert page is not None
    assert "khoản 1, 2 Điều 1 Luật Mẫu 2026; khoản 1 Điều 2 Luật Mẫu 2026." in page.message
    whole = second.replace(", clause: 2", "")
    page = make_answerer(tmp_path / "whole", (clause, clause + whole)).page("nghi-cuoi", TODAY)
    assert page is not None
    assert page.citations == (Citation("10/2026/QH15", 1),)


def test_a_figure_is_that_of_the_day_asked_for(answerer: Answerer) -> None:
    """The same entry on an earlier day shows the amount of that day."""
    page = answerer.page("nghi-cuoi", date(2026, 3, 1))
    assert page is not None
    assert "2.340.000 đồng" in page.message


def test_nothing_is_said_about_a_day_we_know_nothing_of(answerer: Answerer) -> None:
    """Before the first period there is no page; there is no falling back to the nearest one."""
    assert answerer.page("nghi-cuoi", date(2025, 12, 31)) is None


@pytest.mark.parametrize("change", [RETIRED, DRAFT])
def test_only_published_entries_are_shown(tmp_path: Path, change: tuple[str, str]) -> None:
    """A draft or a retired entry has no page, no question and no place among the topics."""
    answerer = make_answerer(tmp_path, change)
    assert not answerer.has("nghi-cuoi")
    assert answerer.page("nghi-cuoi", TODAY) is None
    with pytest.raises(KeyError):
        answerer.question_of("nghi-cuoi")


def test_a_past_day_we_do_not_know_is_said_so(answerer: Answerer) -> None:
    """ "hồi tháng 3/2025" is judged by the law of then, which this library does not hold."""
    found = answerer.answer("đám cưới hồi tháng 3/2025 được nghỉ mấy ngày", TODAY)
    assert found.on == date(2025, 3, 31)
    assert found.outcome is Outcome.ABSTAIN


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("chào bạn", Outcome.SMALL_TALK),
        ("cam on ad nhieu nha", Outcome.SMALL_TALK),
        ("bạn là người hay máy vậy", Outcome.SMALL_TALK),
        ("tạm biệt", Outcome.SMALL_TALK),
        ("hồ sơ của em tới đâu rồi", Outcome.HANDOVER),
        ("em nop ho so 2 thang roi van chua nhan duoc tien", Outcome.HANDOVER),
        ("", Outcome.ABSTAIN),
        ("???", Outcome.ABSTAIN),
        ("😀", Outcome.SMALL_TALK),
        ("thủ tục sang tên sổ đỏ khi mua đất", Outcome.ABSTAIN),
        ("qwrtp zxcvb", Outcome.ABSTAIN),
    ],
)
def test_messages_that_need_no_entry(answerer: Answerer, text: str, outcome: Outcome) -> None:
    """Small talk gets a friendly line, an own file a person, everything else an honest no."""
    found = answerer.answer(text, TODAY)
    assert found.outcome is outcome
    assert found.entry_id is None
    assert bool(found.talk) == (outcome is Outcome.SMALL_TALK)


STORY = (
    "Nhà em ở xa, sáng nào cũng phải dậy sớm đi xe buýt, chiều về lại lo cơm nước, hôm qua trời mưa to nên đường ngập, "
    "em mới gặp lại bạn cũ, hai đứa nói chuyện rất vui, nên hôm nay em viết cho "
)


@pytest.mark.parametrize("before", ["", STORY])
def test_the_first_of_several_questions_is_answered_and_the_others_are_offered(tmp_path: Path, before: str) -> None:
    """Also where the first question ends a story that is about neither."""
    first = "cho hỏi chuyện sinh con theo luật thì được nghỉ mấy tháng, quy định sinh con được gì, sinh con bao lâu?"
    found = make_answerer(tmp_path).answer(f"{before}{first} Công ty nợ lương thì làm sao?", TODAY)
    assert (found.outcome, found.entry_id) == (Outcome.ANSWER, "nghi-de")
    assert found.options[0] == "no-luong"


def test_very_long_messages_are_read_from_their_end(answerer: Answerer) -> None:
    """Ten thousand letters cost no more than a story, and the question stands at the end."""
    found = answerer.answer("bla " * 2500 + ". Công ty nợ lương thì làm sao?", TODAY)
    assert found.outcome in (Outcome.ANSWER, Outcome.ASK_BACK, Outcome.ABSTAIN)
    answerer.answer("a" * 10_000, TODAY)


def test_an_article_is_named_with_the_entries_that_rest_on_it(answerer: Answerer) -> None:
    """A reference to an article finds its heading, by the number of the law or by its name."""
    for text in ("điều 1 luật mẫu", "dieu 1 luat mau 2026", "khoản 2 Điều 1 Luật Mẫu là gì"):
        found = answerer.answer(text, TODAY)
        assert found.outcome is Outcome.ASK_BACK, text
        assert "Nghỉ cưới" in found.text
        assert "nghi-cuoi" in found.options


def test_entries_that_rest_on_the_article_first_come_first(tmp_path: Path) -> None:
    """Who looks an article up is offered what is about it before what only mentions it."""
    first = "  - {source: 10/2026/QH15, article: 2, clause: 1}\n"
    own = "  - {source: 10/2026/QH15, article: 1, clause: 1}\n"
    answerer = make_answerer(tmp_path, (own, first + own))
    assert answerer.answer("điều 2 luật mẫu", TODAY).options[0] == "nghi-cuoi"
    assert answerer.answer("điều 1 luật mẫu", TODAY).options[-1] == "nghi-cuoi"


def test_a_question_that_only_mentions_an_article_is_a_question(answerer: Answerer) -> None:
    """Whoever writes more than the reference wants an answer, not the article."""
    found = answerer.answer("theo điều 1 luật mẫu thì công ty em nợ lương ba tháng rồi phải làm sao ạ", TODAY)
    assert "Nghỉ cưới" not in found.text


def test_topics_list_every_folder_that_has_something_to_show() -> None:
    """No folder of entries is out of reach of a button."""
    from knowledge.entry import CONTENT
    from knowledge.load import load_library
    from knowledge.topics import load_topics

    topics = load_topics()
    listed = [folder for topic in topics for folder in topic.folders]
    assert sorted(listed) == sorted({entry.topic for entry in load_library().entries.values()}), CONTENT
    assert len(topics) <= 28
    assert len({topic.key for topic in topics}) == len(topics)
