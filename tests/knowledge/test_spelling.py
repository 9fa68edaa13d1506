"""Slips of the finger and letters an input method left behind are read as what was meant."""

import random
from pathlib import Path

import pytest

from knowledge.answer import Answerer
from knowledge.spelling import Speller, cost_of
from knowledge.telex import Retyper, undo_telex, undo_vni
from knowledge.words import Lexicon, bare, split_words

from .answers import TODAY, make_answerer

KNOWN = ["nghi", "thai", "san", "sa", "na", "may", "thang", "khong", "duoc", "luong", "toi", "thieu", "co", "bus", "ta"]


@pytest.fixture
def retyper() -> Retyper:
    return Retyper(KNOWN)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("nghir thai sanr", "nghi thai san"),
        ("khoong cos", "khong co"),
        ("dduwowcj", "duoc"),
        ("duowcdj", "duowcdj"),
        ("duowcjd", "duoc"),
        ("luwowng toois thieeur", "luong toi thieu"),
        ("Khoong DDUWOWCJ, nghir!", "khong duoc, nghi!"),
        ("nghỉr thai", "nghi thai"),
        ("lu7o7ng to6i1 thie6u3", "luong toi thieu"),
        ("kho6ng d9u7o7c5 nghi3", "khong duoc nghi"),
    ],
)
def test_what_an_input_method_left_is_undone(retyper: Retyper, typed: str, read: str) -> None:
    """Telex and VNI, wherever in the word the tone was typed."""
    assert retyper.retyped(typed) == read


@pytest.mark.parametrize(
    "text",
    ["nghỉ thai sản mấy tháng", "bus", "tax", "nghi3 thang3/2025", "thang 3", "45/2019/QH14", "xyzw", "", "Krông Búk"],
)
def test_what_may_have_been_meant_as_typed_stays(retyper: Retyper, text: str) -> None:
    """Known words, other languages, numbers, laws: the very same text comes back."""
    assert retyper.retyped(text) is text


def test_telex_is_not_read_into_what_it_cannot_be() -> None:
    """Two tones, no vowel, or nothing to undo."""
    for word in ("sarf", "bcd", "nghi", "w"):
        assert undo_telex(word)[0] in ("", "u")
    assert undo_vni("abc9") == ("", False)
    assert undo_vni("b12")[0] == ""


def test_no_phrasing_of_ours_is_retyped(answerer: Answerer) -> None:
    """What curators write is never taken for residue."""
    retyped = answerer.parts.retyper.retyped
    assert [one for row in answerer.parts.searcher.phrasings for one in row if retyped(one) != one] == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("nghi thai sna may thang", "nghi thai san may thang"),
        ("tro cap thoi veic", "tro cap thoi viec"),
        ("hop dogn lao dong", "hop dong lao dong"),
        ("baoo hiem that nghiepp", "bao hiem that nghiep"),
        ("luong toi thieu vugn", "luong toi thieu vung"),
        ("tai nna lao dong", "tai nan lao dong"),
        ("nghiviec bao truoc", "nghi viec bao truoc"),
    ],
)
def test_a_slip_is_read_by_its_company(answerer: Answerer, typed: str, meant: str) -> None:
    """Of the syllables a slip away the one that is said beside its neighbours is meant."""
    searcher = answerer.parts.searcher
    assert searcher.speller.mend(split_words(typed), searcher.lexicon) == meant.split()


def test_slips_cost_by_their_kind() -> None:
    """Swapped and doubled letters are likelier than another letter."""
    assert cost_of("sna", "san", 1) < cost_of("sa", "san", 1) < cost_of("sen", "san", 1)
    assert cost_of("luongg", "luong", 1) < cost_of("luong", "luon", 1)


def test_far_and_short_words_stay() -> None:
    """Nothing known is near, or the word is too short to tell; a short form is no slip."""
    speller = Speller(KNOWN, lambda term: 1)
    lexicon = Lexicon(readings={"bhxh": (("bao", "hiem", "xa", "hoi"),)})
    assert speller.mend(["qwrtp", "zz", "bhxh", "2025"], lexicon) == ["qwrtp", "zz", "bhxh", "2025"]


def slipped(word: str, chance: random.Random) -> str:
    """A word with two letters swapped, one doubled, or one lost."""
    cut = chance.randrange(len(word) - 1)
    swapped = word[:cut] + word[cut + 1] + word[cut] + word[cut + 2 :]
    return chance.choice((swapped, word[: cut + 1] + word[cut:], word[:cut] + word[cut + 1 :]))


def test_most_slips_are_mended_within_a_question(answerer: Answerer) -> None:
    """In titles of entries with one slip each, the word that was meant is found in four of five cases."""
    chance, searcher = random.Random(5), answerer.parts.searcher
    right = total = 0
    for entry_id in searcher.ids:
        words = [bare(word) for word in split_words(answerer.question_of(entry_id))]
        place = chance.choice([at for at, word in enumerate(words) if len(word) > 3 and word.isalpha()])
        typed = [*words]
        typed[place] = slipped(words[place], chance)
        if typed[place] in searcher.speller.known or searcher.lexicon.readings_of(typed[place]):
            continue  # another word, or a short form: no slip anybody could see
        total += 1
        right += searcher.speller.mend(typed, searcher.lexicon) == words
    assert right / total >= 0.8, f"{right} of {total}"


@pytest.mark.parametrize(
    "text", ["nghir ddeer maays thangs", "cuowis dduwowcj nghir maays ngayf", "cu7o7i1 d9u7o7c5 nghi3 ma6y1 nga2y"]
)
def test_residue_reaches_the_answer(tmp_path: Path, text: str) -> None:
    """A member with a half-working keyboard finds what others find."""
    answer = make_answerer(tmp_path).answer(text, TODAY)
    assert {answer.entry_id, *answer.options} & {"nghi-de", "nghi-cuoi"}
