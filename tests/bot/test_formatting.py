"""One formatting subset, drawn for each channel; long texts cut where a reader would."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.transports.formatting import escape, split, to_html, to_plain
from tests.standins.telegram_entities import parse as parse_as_telegram

WORDS = st.text(alphabet="ăâđêôơư abc<>&*[]()_-\n.\\\"'", max_size=400)
"""Letters and every sign that means something to us or to a platform; no link can come of them."""


def test_bold_bullets_and_links_are_drawn_for_each_channel() -> None:
    """The same text on a phone with formatting and on one without."""
    text = "Được **3 ngày**:\n- cưới\n- tang\n[Luật](https://vbpl.vn/a?b=1&c=2) <script>"
    assert to_html(text) == (
        'Được <b>3 ngày</b>:\n• cưới\n• tang\n<a href="https://vbpl.vn/a?b=1&amp;c=2">Luật</a> &lt;script&gt;'
    )
    assert to_plain(text) == "Được 3 ngày:\n• cưới\n• tang\nLuật (https://vbpl.vn/a?b=1&c=2) <script>"


@given(WORDS)
def test_peoples_own_words_stay_as_typed(words: str) -> None:
    """Escaped words carry no formatting (a bullet at a line's start is drawn as one)."""
    assert to_plain(escape(words)).replace("• ", "- ") == words


@given(WORDS)
def test_any_text_is_sound_html(words: str) -> None:
    """Telegram never meets a tag we did not make."""
    shown = "x" + words + "x"
    plain, _entities = parse_as_telegram(to_html(shown), "HTML", None)
    assert plain == to_plain(shown)


@given(st.text(alphabet="ab **đ\n.", max_size=3000), st.integers(50, 400))
def test_split_loses_no_letter_and_keeps_the_limit(text: str, limit: int) -> None:
    """Every part fits and together they hold every letter."""
    parts = split(text, limit)
    assert all(len(to_plain(part)) <= limit for part in parts)
    letters = [sum(part.count(letter) for part in parts) for letter in "abđ"]
    assert letters == [text.count(letter) for letter in "abđ"]


def test_split_prefers_paragraphs() -> None:
    """A cut falls between paragraphs, not in the middle of a sentence."""
    paragraph = "Câu này dài vừa phải. " * 8
    parts = split("\n\n".join([paragraph.strip()] * 6), 400)
    assert all(part.endswith("phải.") for part in parts)


@pytest.mark.parametrize("text", ["", "   ", "\n\n"])
def test_nothing_is_split_into_nothing(text: str) -> None:
    """An empty text makes no message."""
    assert split(text, 10) == []
