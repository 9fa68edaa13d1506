"""Sentences come from one file, and the code agrees with it."""

from pathlib import Path

import pytest

from knowledge.check_texts import check_texts
from knowledge.texts import MissingTextError, load_texts, placeholders, t


def test_a_sentence_is_filled() -> None:
    """A text names its blanks; the caller fills them."""
    assert t("knowledge.amount.dong", number="5") == "5 đồng"


def test_a_missing_key_or_blank_is_an_error() -> None:
    """A half sentence never reaches a member."""
    with pytest.raises(MissingTextError):
        t("khong.co")
    with pytest.raises(MissingTextError):
        t("knowledge.amount.dong")


def test_placeholders_are_read_from_a_sentence() -> None:
    """Doubled braces are letters, not blanks."""
    assert placeholders("{a} {b.c} {{d}} {e:>3}") == {"a", "b", "e"}


def test_the_code_and_the_texts_agree() -> None:
    """Every used key exists with the same blanks, and no sentence is left over."""
    assert [str(one) for one in check_texts()] == []


@pytest.mark.parametrize(
    ("code", "texts", "named"),
    [
        ('t("a.b", x=1)', "a:\n  b: '{x} {y}'\n", "y"),
        ('t("a.c")', "a:\n  b: one\n", "a.c"),
        ('t("a.b")', "a:\n  b: one\n  d: two\n", "a.d"),
        ('t("a.b")', "a:\n  b: 'one {'\n", "a.b"),
    ],
)
def test_a_disagreement_is_named(tmp_path: Path, code: str, texts: str, named: str) -> None:
    """Missing keys, unfilled blanks, leftover sentences and broken braces are all found."""
    (tmp_path / "bot").mkdir()
    (tmp_path / "bot" / "one.py").write_text(code, encoding="utf-8")
    path = tmp_path / "texts.yaml"
    path.write_text(texts, encoding="utf-8")
    load_texts.cache_clear()
    assert any(named in one.what for one in check_texts(tmp_path, path))
    load_texts.cache_clear()
