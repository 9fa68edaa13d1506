"""The commands ask and preview: the JSON contract and what a curator sees."""

import json
from pathlib import Path

import pytest

from knowledge.answer import Answerer
from knowledge.ask import answer_batch, as_record, describe, preview

from .answers import TODAY, make_answerer

KEYS = ["outcome", "entry", "score", "options", "citations", "option_citations", "text"]


@pytest.fixture
def answerer(tmp_path: Path) -> Answerer:
    return make_answerer(tmp_path)


def test_a_batch_gives_one_line_for_each_line(answerer: Answerer, tmp_path: Path) -> None:
    """The ids come back in order, whatever the texts are."""
    file = tmp_path / "questions.jsonl"
    rows = [{"id": "a", "text": "điều 1 luật mẫu"}, {"id": 2, "text": ""}, {"id": "c", "text": "chào bạn"}]
    file.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")
    found = [json.loads(line) for line in answer_batch(answerer, file, TODAY)]
    assert [row["id"] for row in found] == ["a", 2, "c"]
    assert [list(row) for row in found] == [["id", *KEYS]] * 3
    assert [row["outcome"] for row in found] == ["ask_back", "abstain", "small_talk"]
    assert all(0 <= row["score"] <= 1 for row in found)


def test_options_carry_their_citations(answerer: Answerer) -> None:
    """Every option has an entry in option_citations, each with law, article and clause as the document numbers them."""
    record = as_record(answerer, answerer.answer("điều 1 luật mẫu", TODAY))
    assert record["entry"] is None
    assert set(record["option_citations"]) == set(record["options"])
    assert record["option_citations"]["nghi-cuoi"] == [{"law": "10/2026/QH15", "article": 1, "clause": 1}]


def test_every_message_has_words(answerer: Answerer) -> None:
    """Whatever the outcome, the text is what the member reads first."""
    for text in ("chào bạn", "hồ sơ của em tới đâu rồi", "mua đất làm sổ đỏ", "điều 1 luật mẫu", ""):
        assert as_record(answerer, answerer.answer(text, TODAY))["text"]


def test_a_curator_sees_the_score_and_what_came_second(answerer: Answerer) -> None:
    """The ranking is shown whatever the outcome."""
    shown = describe(answerer, "công ty nợ lương thì sao", TODAY)
    assert "no-luong" in shown


def test_preview_shows_buttons_and_their_numbers(answerer: Answerer) -> None:
    """Once as channels with buttons show it, once as those without, then the details."""
    shown = preview(answerer, "nghi-cuoi", TODAY)
    assert shown is not None
    assert "[Xem chi tiết]" in shown
    assert "1. Xem chi tiết" in shown
    assert "Báo trước cho công ty." in shown
    assert preview(answerer, "khong-co", TODAY) is None
