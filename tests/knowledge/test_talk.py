"""Small talk gets a friendly line, and no question of ours is ever taken for it: measured on messages kept apart."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from knowledge.answer import Answerer, Outcome
from knowledge.normalize import fold
from knowledge.talk import Phrasebook, load_phrasebook, squeezed
from knowledge.texts import has_text

from .answers import TODAY, make_answerer

HELD_OUT: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "small_talk.yaml").read_text(encoding="utf-8"))
FRIENDLY: list[tuple[list[str], str]] = HELD_OUT["friendly"]
FEWEST_FRIENDLY, FEWEST_FITTING = 0.90, 0.80


@pytest.fixture(scope="module")
def book() -> Phrasebook:
    return load_phrasebook()


def intents_of(answerer: Answerer, texts: list[str]) -> Iterator[str]:
    for text in texts:
        answer = answerer.answer(text, TODAY)
        assert bool(answer.talk) == (answer.outcome is Outcome.SMALL_TALK)
        yield answer.talk


def test_what_is_measured_stands_nowhere_in_the_content(book: Phrasebook) -> None:
    """Otherwise the figures would tell how well the list was copied."""
    known = {fold(one) for phrases in (*book.intents.values(), *book.contains.values()) for one in phrases}
    rows = [fold(text) for _, text in FRIENDLY]
    assert [row for row in rows if row and row in known] == []
    assert len(FRIENDLY) >= 80
    assert len(HELD_OUT["ours"]) >= 60


def test_nine_in_ten_ways_of_small_talk_are_met_with_a_friendly_line(
    answerer: Answerer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Greetings, thanks, faces, insults, in dialect, misspelt, without marks; four in five get a line that fits."""
    found = list(intents_of(answerer, [text for _, text in FRIENDLY]))
    friendly = sum(map(bool, found)) / len(found)
    fitting = sum(intent in wanted for intent, (wanted, _) in zip(found, FRIENDLY, strict=True)) / len(found)
    with capsys.disabled():
        sys.stdout.write(f"\nsmall talk: {len(found)} ways, {friendly:.1%} friendly, {fitting:.1%} fitting\n")
    assert friendly >= FEWEST_FRIENDLY
    assert fitting >= FEWEST_FITTING


def test_no_short_question_of_ours_is_taken_for_small_talk(answerer: Answerer) -> None:
    """However tired, angry or polite: who names work, insurance or the union is answered."""
    found = zip(HELD_OUT["ours"], intents_of(answerer, HELD_OUT["ours"]), strict=True)
    assert [(text, intent) for text, intent in found if intent] == []


def test_other_matters_are_not_greeted(answerer: Answerer) -> None:
    """At most one in ten is told in passing what can be asked here; none hears a greeting or a thank-you."""
    found = [intent for intent in intents_of(answerer, HELD_OUT["elsewhere"]) if intent]
    assert set(found) <= {"chat"}
    assert len(found) <= len(HELD_OUT["elsewhere"]) / 10


def test_phrasings_of_entries_are_questions(answerer: Answerer) -> None:
    """A phrasing that a curator wrote leads to its entry, not to chatter."""
    library = answerer.parts.library
    short = [one for entry in library.published for one in entry.phrasings if len(one.split()) <= 8]
    taken = [text for text, intent in zip(short[::3], intents_of(answerer, short[::3]), strict=True) if intent]
    assert len(taken) <= len(short) / 3 / 1000, taken


def test_every_intent_has_a_line(book: Phrasebook) -> None:
    """Whatever is recognised can be said."""
    assert [one for one in {*book.intents, *book.contains, *book.signs} if not has_text(f"small_talk.{one}")] == []


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("muốn chết quá", "crisis"),
        ("EM MUỐN TỰ TỬ", "crisis"),
        ("em muon tu tu", "crisis"),
        ("chồng bỏ, con nhỏ, nợ nần tứ bề, mấy hôm nay em nghĩ quẩn, thật lòng là em không muốn sống nữa", "crisis"),
        ("buồn quá", "sad"),
        ("😢", "sad"),
    ],
)
def test_who_is_in_despair_hears_where_to_turn(tmp_path: Path, text: str, intent: str) -> None:
    """Recognised by their words alone, whatever the entries are and however long the message."""
    assert make_answerer(tmp_path).answer(text, TODAY).talk == intent


@pytest.mark.parametrize(
    "text", ["từ từ để tôi xem", "chồng tự tử thì có được tiền tuất không", "chết do tai nạn lao động"]
)
def test_nobody_is_alarmed_without_need(answerer: Answerer, text: str) -> None:
    """A word that only looks grave without its marks, or one that belongs to a question of ours, is none."""
    assert answerer.answer(text, TODAY).talk != "crisis"


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("alooooo", "alo"),
        ("kkkkkk", "kkk"),
        ("hahahaha", "haha"),
        ("chaoooo", "chao"),
        ("huu", "huu"),
        ("quuuuu", "qu"),
        ("k", "k"),
        ("", ""),
    ],
)
def test_stretched_words_are_the_words(typed: str, plain: str) -> None:
    """Letters held down say nothing; "uu" is a letter of its own."""
    assert squeezed(typed) == plain


@pytest.mark.parametrize("text", ["", "   ", "???", "…", "!!!", ".,;"])
def test_punctuation_alone_is_no_small_talk(answerer: Answerer, text: str) -> None:
    """Nothing was said, so the honest line about not knowing stands."""
    assert answerer.answer(text, TODAY).outcome is Outcome.ABSTAIN
