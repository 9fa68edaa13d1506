"""Statute look-up: which article a message asks for, what is shown of it, and when the FAQ answers instead."""

from datetime import date
from pathlib import Path

import pytest

from knowledge.answer import Outcome, build_answerer
from knowledge.entry import Citation
from knowledge.law import INDEX, import_law, load_index
from knowledge.load import load_library
from knowledge.options import resting_on
from knowledge.statutes import Reference, Statutes
from knowledge.words import load_lexicon

from .answers import TODAY, make_answerer

CODE, DECREE, FINES, OLD_FINES = "45/2019/QH14", "145/2020/NĐ-CP", "283/2026/NĐ-CP", "12/2022/NĐ-CP"
LAW = """Luật số: 10/2026/QH15
Điều 1. Nghỉ cưới
1. Nghỉ 03 ngày:
a) kết hôn;
b) con kết hôn.
2. Nghỉ hai ngày.
Điều 2. Lương
1. Lương cơ sở.
2. Khác.
"""


@pytest.fixture(scope="module")
def statutes() -> Statutes:
    library = load_library()
    return Statutes(library, load_index(INDEX), load_lexicon())


@pytest.mark.parametrize(
    ("text", "law", "article", "clause"),
    [
        ("điều 35 bộ luật lao động", CODE, "35", ""),
        ("dieu 35 bo luat lao dong 2019", CODE, "35", ""),
        ("khoản 2 điều 36 blld", CODE, "36", "2"),
        ("Điểm a khoản 1 Điều 35 BLLĐ ạ", CODE, "35", "1"),
        ("đ35 k1 blld", CODE, "35", "1"),
        ("cho em xem điều 113 blld với ạ", CODE, "113", ""),
        ("nghị định 145 điều 7", DECREE, "7", ""),
        ("nđ 145/2020 đ 7", DECREE, "7", ""),
        ("nghị định 145/2020/nđ-cp điều 7", DECREE, "7", ""),
        ("nghị định 283 điều 23", FINES, "23", ""),
        ("luật bhxh điều 70", "41/2024/QH15", "70", ""),
        ("luật 41 điều 70", "41/2024/QH15", "70", ""),
        ("điều 5 luật công đoàn", "50/2024/QH15", "5", ""),
        ("khoản 99 điều 36 blld", CODE, "36", ""),
    ],
)
def test_an_article_is_found_however_it_is_written(
    statutes: Statutes, text: str, law: str, article: str, clause: str
) -> None:
    """By name, short form or number, in either order; a clause that is not there leaves the article."""
    found = statutes.find(text, TODAY)
    assert found is not None
    assert (found.source.number, found.article, found.clause) == (law, article, clause)


@pytest.mark.parametrize(
    "text",
    [
        "điều 36 bộ luật hình sự",
        "điều 999 bộ luật lao động",
        "điều kiện hưởng bảo hiểm thất nghiệp",
        "bộ luật lao động",
        "theo điều 35 bộ luật lao động thì em nghỉ mà không báo trước có phải đền tiền không",
        "mức đóng đoàn phí theo luật công đoàn",
    ],
)
def test_other_messages_ask_for_no_article(statutes: Statutes, text: str) -> None:
    """Another law, an article that does not exist, a law without an article, a question that mentions one."""
    assert statutes.find(text, TODAY) is None


def test_the_law_of_the_day_is_shown(statutes: Statutes) -> None:
    """The old decree on fines can be looked up for a day when it was in force, and only then."""
    before = statutes.find("nghị định 12/2022 điều 17", date(2026, 8, 1))
    assert before is not None
    assert before.source.number == OLD_FINES
    assert statutes.find("nghị định 12/2022 điều 17", TODAY) is None


def test_the_clause_asked_for_is_quoted_alone(tmp_path: Path) -> None:
    """Where the text is imported, the article or the clause is shown word for word."""
    make_answerer(tmp_path)
    text = tmp_path / "luat.txt"
    text.write_text(LAW, encoding="utf-8")
    import_law(text, tmp_path / "law")
    content = tmp_path / "content"
    answerer = build_answerer(load_library(content), content, law_texts=tmp_path / "law")
    whole = answerer.answer("điều 1 luật mẫu", TODAY).text
    assert "b) con kết hôn." in whole
    assert "2. Nghỉ hai ngày." in whole
    clause = answerer.answer("khoản 2 điều 1 luật mẫu", TODAY).text
    assert "2. Nghỉ hai ngày." in clause
    assert "kết hôn." not in clause


def test_entries_on_the_clause_come_before_others_on_the_article(statutes: Statutes) -> None:
    """Then those that lead with the article, then the nearest to its heading."""
    reference = statutes.find("khoản 2 điều 36 blld", TODAY)
    assert reference is not None
    other, clause = Citation(CODE, 41), Citation(CODE, 36, "1, 2")
    cited = {
        "elsewhere": (other,),
        "article": (Citation(CODE, 36, 1),),
        "mentions": (other, clause),
        "far": (clause,),
        "near": (clause, other),
    }
    assert resting_on(reference, cited, ["near"]) == ["near", "far", "mentions", "article"]
    whole = Reference(reference.source, "36", reference.heading)
    assert resting_on(whole, cited, ["near"])[-1] == "mentions"


def test_a_question_within_an_article_gets_its_answer(tmp_path: Path) -> None:
    """Who names an article and asks about something of it has a question; who only names it wants to read it."""
    make_answerer(tmp_path)
    content = tmp_path / "content"
    (content / "domain.yaml").write_text("at_home:\n  lương: [nợ lương, công ty]\n", encoding="utf-8")
    answerer = build_answerer(load_library(content), content)
    found = answerer.answer("điều 1 luật mẫu công ty nợ lương thì sao", TODAY)
    assert (found.outcome, found.entry_id) == (Outcome.ANSWER, "no-luong")
    assert answerer.answer("điều 2 luật mẫu công ty nợ lương thì sao", TODAY).outcome is Outcome.ABSTAIN
    assert answerer.answer("điều 1 luật mẫu quy định gì vậy", TODAY).outcome is Outcome.ASK_BACK
