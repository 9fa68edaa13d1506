"""Each rule for content, shown by an entry that breaks it."""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pytest

from knowledge.texts import t
from tests.knowledge.library import (
    ARTICLES,
    FIGURES,
    SOURCES,
    changed,
    make_content,
    problems_of,
    second,
    write_entry,
)


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return make_content(tmp_path)


def found(content: Path, code: str, line_holds: str = "", **options: Path) -> bool:
    """Whether the check names this problem, on a line of the entry that holds these words."""
    fixed = [part.split("}")[-1] for part in _template(code).split("{")]
    for one in problems_of(content, **options):
        if all(part in one.what for part in fixed) and one.fix:
            if not line_holds:
                return True
            lines = (content / one.path).read_text(encoding="utf-8").split("\n")
            if line_holds in lines[one.line - 1]:
                return True
    return False


def _template(code: str) -> str:
    from knowledge.texts import load_texts

    return load_texts()[f"check.{code}.what"]


def test_sound_content_has_no_problems(content: Path) -> None:
    """Content that keeps every rule passes."""
    assert problems_of(content) == []


BROKEN = [
    ("unknown_key", ("basis: law", "basic: law"), "basic"),
    ("id_not_file", ("id: nghi-cuoi", "id: nghi-cuoi-hoi"), "id:"),
    ("bad_id", ("id: nghi-cuoi", "id: Nghỉ cưới"), "id:"),
    ("no_question", ("question: Cưới được nghỉ mấy ngày?", "question:"), "question"),
    ("few_phrasings", ("  - chế độ nghỉ kết hôn\n", ""), "also_asked"),
    ("phrase_twice", ("  - chế độ nghỉ kết hôn", "  - KET HON nghi bao lau?"), "KET HON"),
    ("phrase_empty", ("  - chế độ nghỉ kết hôn", '  - "???"'), "???"),
    ("bad_value", ("  - chế độ nghỉ kết hôn", "  - chế độ: nghỉ"), "also_asked"),
    ("bad_value", ("status: published", "status: posted"), "status"),
    ("no_reader", ("checked_by: Ban Chính sách", "checked_by:"), "checked_by"),
    ("no_check_date", ("last_checked: 2026-11-20", "last_checked:"), "last_checked"),
    ("check_in_future", ("last_checked: 2026-11-20", "last_checked: 2027-01-01"), "last_checked"),
    ("no_citation", ("  - {source: 10/2026/QH15, article: 1, clause: 1}\n", ""), "citations"),
    ("unknown_source", ("{source: 10/2026/QH15, article: 1, clause: 1}", "{source: 11/2026/QH15}"), ""),
    ("no_article", ("article: 1, clause: 1", "article: 7"), "article: 7"),
    ("no_clause", ("article: 1, clause: 1", "article: 1, clause: 3"), "clause: 3"),
    ("no_point", ("article: 1, clause: 1", "article: 1, clause: 1, point: c"), "point: c"),
    ("clause_without_article", ("article: 1, clause: 1", "clause: 1"), ""),
    ("bad_value", ("article: 1, clause: 1", "artikel: 1"), "citations"),
    ("not_in_force", ("## Từ 2026-01-01", "## Từ 2025-12-31 đến 2026-12-31"), ""),
    ("no_period", ("## Từ 2026-01-01\n", ""), ""),
    ("bad_heading", ("### Chi tiết", "## Chi tiết"), "## Chi tiết"),
    ("bad_date", ("## Từ 2026-01-01", "## Từ 2026-02-30"), "2026-02-30"),
    ("text_before_period", ("---\n## Từ", "---\nChào anh/chị\n## Từ"), "Chào"),
    ("two_details", ("Báo trước", "### Chi tiết\n\nBáo trước"), "## Từ"),
    ("period_backwards", ("## Từ 2026-01-01", "## Từ 2026-02-01 đến 2026-01-01"), "## Từ"),
    ("period_empty", ("Anh/chị được nghỉ **3 ngày**, lương cơ sở là {figure:base_salary}.", ""), "## Từ"),
    ("unknown_figure", ("{figure:base_salary}", "{figure:base_salry}"), "base_salry"),
    ("stray_brace", ("{figure:base_salary}", "{base_salary}"), "base_salary"),
    ("bare_amount", ("{figure:base_salary}", "2.530.000 đồng"), "2.530.000"),
    ("bare_amount", ("Báo trước", "Thưởng 2 triệu"), "2 triệu"),
    ("too_long", ("**3 ngày**", "**3 ngày** " + "rất dài " * 80), "## Từ"),
    ("unbalanced_bold", ("**3 ngày**", "**3 ngày"), "3 ngày"),
    ("formatting", ("Báo trước", "| a | b |\nBáo trước"), "| a"),
    ("formatting", ("Báo trước", "<b>Báo trước</b>"), "<b>"),
    ("formatting", ("Báo trước", "*Báo* trước"), "*Báo*"),
    ("unknown_related", ("related: []", "related: [khong-co]"), "related"),
    ("too_many_related", ("related: []", "related: [a, b, c, d]"), "related"),
    ("not_confirmed", ("basis: law", "basis: reported"), ""),
    ("not_nfc", ("Báo trước", "Ba\u0301o trước"), "Ba\u0301o"),
    ("repeated_key", ("basis: law", "basis: law\nbasis: law"), "basis"),
    ("bad_yaml", ("question: Cưới", 'question: "Cưới'), ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "pair", "line_holds"), BROKEN, ids=[f"{code}-{n}" for n, (code, _, _) in enumerate(BROKEN)]
)
def test_a_broken_entry_is_named_with_its_line(
    content: Path, code: str, pair: tuple[str, str], line_holds: str
) -> None:
    """Every rule of an entry has its message, and points to the line to mend."""
    write_entry(content, changed(pair))
    assert found(content, code, line_holds)


def test_a_file_without_front_matter_is_named(content: Path) -> None:
    """An entry begins with front matter between two lines of ---."""
    write_entry(content, "Chỉ có chữ")
    assert found(content, "no_front_matter")


def test_all_problems_are_reported_at_once(content: Path) -> None:
    """A curator sees everything in one run, not one mistake after another."""
    write_entry(content, changed(("basis: law", "basic: law"), ("clause: 1", "clause: 3"), ("**3 ngày**", "**3 ngày")))
    assert found(content, "unknown_key")
    assert found(content, "no_clause")
    assert found(content, "unbalanced_bold")


def test_two_entries_may_not_claim_the_same_phrase(content: Path) -> None:
    """A phrase belongs to one entry, whatever its marks, case and punctuation."""
    write_entry(
        content, second(("chế độ nghỉ kết hôn", "x")).replace("nhà có tang x", "LAY VO, nghi may hom?"), "nghi-tang"
    )
    assert found(content, "phrase_taken", "LAY VO")


def test_two_files_may_not_have_the_same_id(content: Path) -> None:
    """An id names one entry in the whole FAQ."""
    other = content / "faq" / "khac" / "nghi-cuoi.md"
    other.parent.mkdir()
    other.write_text(second().replace("id: nghi-tang", "id: nghi-cuoi"), encoding="utf-8")
    assert found(content, "id_twice")


def test_a_draft_needs_no_reader_yet(content: Path) -> None:
    """Only a published entry must say who read it and when."""
    write_entry(
        content,
        changed(
            ("status: published", "status: draft"),
            ("checked_by: Ban Chính sách", "checked_by:"),
            ("last_checked: 2026-11-20", "last_checked:"),
        ),
    )
    assert problems_of(content) == []


def test_a_retired_entry_is_left_in_peace(content: Path) -> None:
    """What no member sees any more need not keep up with the law."""
    write_entry(content, changed(("status: published", "status: retired"), ("article: 1, clause: 1", "article: 99")))
    assert problems_of(content) == []


OLD = (
    "\n## Từ 2021-01-01 đến 2025-12-31\n\nCăn cứ: {source: 9/2020/QH14, article: 5}\n\nLuật cũ cho nghỉ như vậy{end}\n"
)


def test_an_older_period_has_citations_of_its_own(content: Path) -> None:
    """A section with a line “Căn cứ:” is judged by the documents in force then."""
    write_entry(content, changed() + OLD.replace("{end}", ", anh/chị hỏi lại cho chắc."))
    assert problems_of(content) == []


def test_a_source_that_is_not_held_needs_a_word_of_caution(content: Path) -> None:
    """Where we hold no text, the member is told to confirm."""
    write_entry(content, changed() + OLD.replace("{end}", "."))
    assert found(content, "not_confirmed", "## Từ 2021")


def test_periods_stand_newest_first_and_do_not_overlap(content: Path) -> None:
    """For any day there is at most one answer, and the one in force stands on top."""
    write_entry(
        content, changed(("## Từ 2026-01-01", "## Từ 2026-07-01")) + "\n## Từ 2026-01-01 đến 2026-07-01\n\nTrước.\n"
    )
    assert found(content, "period_overlap", "đến 2026-07-01")
    write_entry(
        content, changed(("## Từ 2026-01-01", "## Từ 2026-01-01 đến 2026-06-30")) + "\n## Từ 2026-07-01\n\nNay.\n"
    )
    assert found(content, "period_order", "## Từ 2026-07-01")


def test_a_figure_must_have_a_value_on_every_day_of_the_period(content: Path) -> None:
    """There is no falling back to another day's amount."""
    (content / "figures.yaml").write_text(FIGURES.replace("2026-06-30", "2026-05-31"), encoding="utf-8")
    assert found(content, "figure_gap", "figure:base_salary")


def test_the_first_message_is_measured_on_every_day_a_figure_changes(content: Path) -> None:
    """A message that fits today must not outgrow the limit when the amount changes."""
    words = "a" * (600 - len("Anh/chị được nghỉ 3 ngày, lương cơ sở là 9.999 đồng."))
    write_entry(content, changed(("**3 ngày**", f"**3 ngày**{words}")))
    (content / "figures.yaml").write_text(FIGURES.replace("value: 2340000", "value: 9999"), encoding="utf-8")
    assert found(content, "too_long")
    (content / "figures.yaml").write_text(
        FIGURES.replace("value: 2340000", "value: 9999").replace("value: 2530000", "value: 9998"), encoding="utf-8"
    )
    assert not found(content, "too_long")


def test_a_worked_example_in_the_details_may_name_amounts(content: Path) -> None:
    """Invented wages are allowed where they are plainly an example."""
    write_entry(content, changed(("Báo trước", "Ví dụ lương 8 triệu thì được 8.000.000 đồng.\n\nBáo trước")))
    assert problems_of(content) == []
    write_entry(content, changed(("Anh/chị được", "Ví dụ lương 8 triệu. Anh/chị được")))
    assert found(content, "bare_amount", "8 triệu")


def test_words_that_only_look_like_amounts_are_no_amounts(content: Path) -> None:
    """“2 đồng nghiệp” is about people, not money."""
    write_entry(content, changed(("Báo trước", "Nhờ 2 đồng nghiệp làm chứng, 1 tỷ lệ. Báo trước")))
    assert problems_of(content) == []


def test_an_excerpt_may_be_cited_beyond_its_articles_only_as_reported(content: Path) -> None:
    """Articles that exist but are not held cannot be verified."""
    path = content / "law_index.json"
    laws = json.loads(path.read_text(encoding="utf-8"))
    laws["10/2026/QH15"]["excerpt"] = True
    path.write_text(json.dumps(laws), encoding="utf-8")
    from knowledge.law import load_index

    load_index.cache_clear()
    write_entry(content, changed(("article: 1, clause: 1", "article: 40")))
    assert found(content, "no_article_excerpt")
    write_entry(
        content,
        changed(
            ("article: 1, clause: 1", "article: 40"), ("basis: law", "basis: reported"), ("Báo trước", "Hỏi lại")
        ).replace("Hỏi lại", "Anh/chị hỏi lại"),
    )
    assert problems_of(content) == []


@pytest.fixture
def law_texts(tmp_path: Path) -> Path:
    folder = tmp_path / "law"
    folder.mkdir()
    rows = [asdict(one) | {"article": int(one.number)} for one in ARTICLES]
    (folder / "10-2026-QH15.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def test_every_number_of_an_answer_stands_in_the_cited_clause(content: Path, law_texts: Path) -> None:
    """Where the texts are at hand, a number that the cited clause does not know is reported."""
    assert problems_of(content, law_texts) == []
    write_entry(content, changed(("**3 ngày**", "**5 ngày**")))
    assert found(content, "number_not_in_law", "5 ngày", law_texts=law_texts)
    write_entry(content, changed(("**3 ngày**", "**2 ngày**")))
    assert found(content, "number_not_in_law", "2 ngày", law_texts=law_texts)


def test_details_may_use_numbers_of_the_whole_cited_article(content: Path, law_texts: Path) -> None:
    """The first message keeps to the cited clause; details may draw on its article, in digits or in words."""
    write_entry(content, changed(("Báo trước", "Có khi 2 ngày. Báo trước")))
    assert problems_of(content, law_texts) == []


def test_dates_and_places_in_the_law_are_no_numbers_to_prove(content: Path, law_texts: Path) -> None:
    """A date, a year or “Điều 115” is not a claim about the rule."""
    write_entry(
        content, changed(("Báo trước", "Theo Điều 115, từ 1/7/2026, năm 2027, tháng 3/2025, ví von. Báo trước"))
    )
    assert problems_of(content, law_texts) == []


def test_a_curator_may_vouch_for_a_number(content: Path, law_texts: Path) -> None:
    """numbers_ok is the way out for a number that is right and stands elsewhere."""
    write_entry(
        content,
        changed(("**3 ngày**", "**5 ngày**"), ("related: []", "related: []\nnumbers_ok: [5]  # cộng hai khoản")),
    )
    assert problems_of(content, law_texts) == []


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("repeated_key", "dues_max:", "base_salary:"),
        ("bad_unit", "unit: đồng", "unit: dong"),
        ("figure_unknown_base", "of: base_salary", "of: base_wage"),
        ("figure_circle", "of: base_salary", "of: dues_max"),
        ("figure_order", "to: 2026-06-30, ", ""),
        ("figure_no_source", ", source: 10/2026/QH15, article: 2, clause: 1}\n    -", "}\n    -"),
        ("unknown_source", "source: 10/2026/QH15", "source: 1/2026/QH15"),
        ("no_clause", "clause: 1", "clause: 8"),
        ("not_in_force", "from: 2026-01-01", "from: 2025-01-01"),
        ("missing_key", "  title: Lương cơ sở\n", ""),
        ("unknown_key", "times: 0.1", "times: 0.1\n  plus: 3"),
        ("bad_yaml", "title: Lương cơ sở", "title: Lương: cơ sở"),
        ("figure_without_value", "  of: base_salary\n", "  unit: đồng\n"),
    ],
)
def test_a_broken_figure_is_named(content: Path, code: str, old: str, new: str) -> None:
    """Figures have a unit, dates in order, a source in force and a sound derivation."""
    assert old in FIGURES
    (content / "figures.yaml").write_text(FIGURES.replace(old, new, 1 if "title" in old else -1), encoding="utf-8")
    assert found(content, code)


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("source_dates", "effective_to: 2025-12-31", "effective_to: 2020-12-31"),
        ("source_unknown_link", "replaces: [9/2020/QH14]", "replaces: [8/2010/QH12]"),
        ("unknown_key", "held: true", "hold: true"),
        ("missing_key", "  name: Luật Mẫu 2026\n", ""),
    ],
)
def test_a_broken_source_is_named(content: Path, code: str, old: str, new: str) -> None:
    """Sources have a name, sensible dates and known successors."""
    (content / "sources.yaml").write_text(SOURCES.replace(old, new), encoding="utf-8")
    assert found(content, code)


def test_one_broken_figure_does_not_hide_the_others(content: Path) -> None:
    """A slip in one block of the file leaves the rest readable."""
    (content / "figures.yaml").write_text(FIGURES + "broken:\n  title: a: b\n", encoding="utf-8")
    assert found(content, "bad_yaml")
    assert not found(content, "unknown_figure")


def test_every_check_has_both_sentences() -> None:
    """A problem says what is wrong and what to do."""
    from knowledge.texts import load_texts

    codes = {key.split(".")[1] for key in load_texts() if key.startswith("check.")}
    assert all(f"check.{code}.{part}" in load_texts() for code in codes for part in ("what", "fix"))
    assert t("check.no_period.what")


def test_an_entry_is_in_force_until_its_last_day(content: Path) -> None:
    """The last day of a period belongs to it."""
    from knowledge.load import load_library

    write_entry(content, changed(("## Từ 2026-01-01", "## Từ 2026-01-01 đến 2026-06-30")))
    entry = load_library(content).entries["nghi-cuoi"]
    assert entry.period_on(date(2026, 6, 30)) is not None
    assert entry.period_on(date(2026, 7, 1)) is None
    assert entry.period_on(date(2025, 12, 31)) is None
