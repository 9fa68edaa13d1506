"""The article index and the import of official texts."""

from pathlib import Path

import pytest

from knowledge.__main__ import main
from knowledge.entry import Citation
from knowledge.law import (
    Article,
    LawError,
    LawTexts,
    build_index,
    file_name,
    import_law,
    index_article,
    law_key,
    load_index,
    quote,
    write_index,
)

PLAIN = """QUỐC HỘI
Luật số: 10/2026/QH15
Chương I
QUY ĐỊNH CHUNG
Điều 1. Nghỉ cưới
1. Nghỉ 03 ngày:
a) kết hôn;
b) con kết hôn.
2. Nghỉ hai ngày.
Chương II
Điều 2. Lương
Lương do hai bên thỏa thuận.
"""


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "luat.txt"
    path.write_text(PLAIN, encoding="utf-8")
    return path


def test_a_plain_text_is_imported_article_by_article(text: Path, tmp_path: Path) -> None:
    """Lines “Điều N.” begin articles; the number of the law is read from the text."""
    target, count = import_law(text, tmp_path / "law")
    assert (target.name, count) == ("10-2026-QH15.jsonl", 2)
    article = LawTexts(tmp_path / "law").article("10/2026/QH15", 1)
    assert article is not None
    assert article.heading == "Nghỉ cưới"
    assert list(article.clauses) == ["1", "2"]


def test_an_imported_text_can_be_imported_again(text: Path, tmp_path: Path) -> None:
    """What we write we can read: nothing is lost on the way."""
    first, _ = import_law(text, tmp_path / "a")
    second, _ = import_law(first, tmp_path / "b")
    assert first.read_text(encoding="utf-8") == second.read_text(encoding="utf-8")


def test_the_command_imports_where_look_up_reads(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A curator is told how many articles there are and where they went; what cannot be read is said, not raised."""
    monkeypatch.setenv("LAW_TEXTS", str(tmp_path / "held"))
    assert main(["law", "add", str(text)]) == 0
    assert "2 điều" in capsys.readouterr().out
    assert LawTexts(tmp_path / "held").article("10/2026/QH15", 2) is not None
    text.write_text("Không có điều nào. Luật số: 1/2026/QH15", encoding="utf-8")
    assert main(["law", "add", str(text)]) == 1
    assert main(["law", "index", str(tmp_path / "nowhere")]) == 1


def test_a_clause_is_quoted_word_for_word(text: Path, tmp_path: Path) -> None:
    """A look-up gives the clause itself, and nothing when the text is not at hand."""
    import_law(text, tmp_path / "law")
    texts = LawTexts(tmp_path / "law")
    assert quote(texts, Citation("10/2026/QH15", 1, 2)) == "2. Nghỉ hai ngày."
    assert quote(texts, Citation("10/2026/QH15", 9)) is None
    assert quote(texts, Citation("1/2026/QH15", 1)) is None


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("Không có điều nào. Luật số: 1/2026/QH15", "law.no_articles"),
        ("Điều 1. Tên\nChữ", "law.no_number"),
        ("Số: 1/2026/NĐ-CP\nĐiều 1. A\nx\nĐiều 1. B\ny", "law.article_twice"),
        ("Số: 1/2026/NĐ-CP\nĐiều 1. A\nĐiều 2. B\ny", "law.article_empty"),
    ],
)
def test_a_text_that_cannot_be_right_is_refused(tmp_path: Path, content: str, key: str) -> None:
    """An import says what is wrong and writes nothing."""
    path = tmp_path / "hong.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(LawError) as error:
        import_law(path, tmp_path / "law")
    assert error.value.key == key
    assert not (tmp_path / "law").exists()


def test_the_index_keeps_facts_and_no_text(text: Path, tmp_path: Path) -> None:
    """Numbers, headings, clauses and points go round through the file; the wording does not get in."""
    import_law(text, tmp_path / "law")
    laws = build_index(tmp_path / "law")
    path = tmp_path / "law_index.json"
    write_index(laws, path)
    assert load_index(path) == laws
    assert laws["10/2026/QH15"].articles["1"].clauses == {"1": "ab", "2": ""}
    assert "thỏa thuận" not in path.read_text(encoding="utf-8")


def test_an_excerpt_is_marked(tmp_path: Path) -> None:
    """Of an excerpt we know that other articles exist."""
    row = '{"law": "1/2026/NĐ-CP", "title": "Nghị định (TRÍCH: Điều 3)", "article": 3, "heading": "A", "text": "1. b"}'
    (tmp_path / "1-2026-ND-CP-trich.jsonl").write_text(row + "\n", encoding="utf-8")
    assert build_index(tmp_path)["1/2026/NĐ-CP"].excerpt


def test_numbers_within_a_clause_are_not_clauses() -> None:
    """Clauses count up from one; “3a” follows 3; any other number is text."""
    text = "1. Một\n15. không phải khoản\n2. Hai\n3. Ba\n3a. Ba a\n4. Bốn"
    assert list(index_article(Article("1", "", "1", "", text)).clauses) == ["1", "2", "3", "3a", "4"]


def test_a_law_number_loses_what_is_added_in_brackets() -> None:
    """Copies add dates or editions to the number."""
    assert law_key("61/QĐ-TLĐ (29/7/2025)") == "61/QĐ-TLĐ"
    assert file_name("161/2026/NĐ-CP") == "161-2026-ND-CP"
