"""The two ways of scoring all phrasings of an entry together: what leaving a text out must give."""

import numpy as np
import pytest

from knowledge.index import build_bm25, build_likelihood, count_terms, likelihood_of_one, read_query, score_one

TEXTS = [{"luong": 3.0, "no": 1.0}, {"luong": 1.0, "sinh": 2.0, "con": 2.0}, {"nghi": 1.0}]
QUERY = {"luong": 1.0, "sinh": 0.7, "xa": 1.0}


@pytest.mark.parametrize(("build", "score"), [(build_bm25, score_one), (build_likelihood, likelihood_of_one)])
def test_a_text_scored_by_itself_scores_as_in_the_index(build, score) -> None:  # type: ignore[no-untyped-def]
    """Phrasings left out are scored by hand, so the hand must agree with the index."""
    index = build(count_terms(TEXTS, {}))
    assert [score(index, text, QUERY) for text in TEXTS] == pytest.approx(
        list(index.scores(read_query(QUERY, index.columns))), rel=1e-4
    )


def test_what_one_text_alone_says_weighs_more_than_what_all_say() -> None:
    """The language model asks how much likelier a term is here than in general."""
    index = build_likelihood(count_terms([{"luong": 1.0, "sinh": 1.0}, {"luong": 1.0, "no": 1.0}], {}))
    rare, usual = (index.scores(read_query({term: 1.0}, index.columns))[0] for term in ("sinh", "luong"))
    assert rare > usual > 0


def test_texts_of_one_owner_count_as_one_text() -> None:
    """The phrasings of an entry are read once and counted both one by one and together."""
    together = count_terms(TEXTS, {}).joined(np.array([0, 0, 1]), 2)
    both = count_terms([{"luong": 4.0, "no": 1.0, "sinh": 2.0, "con": 2.0}, {"nghi": 1.0}], together.columns)
    query = read_query(QUERY, together.columns)
    assert list(build_bm25(together).scores(query)) == pytest.approx(list(build_bm25(both).scores(query)), rel=1e-5)


def test_terms_of_other_texts_and_unknown_ones_score_nothing() -> None:
    """Indexes that share columns have columns in which only the others say anything."""
    columns: dict[str, int] = {}
    here, there = count_terms(TEXTS, columns), count_terms([{"xa": 1.0}], columns)
    index, other = build_bm25(here), build_bm25(there)
    query = read_query({"xa": 1.0, "dau": 1.0}, columns)
    assert list(index.scores(query)) == [0.0, 0.0, 0.0] and other.scores(query)[0] > 0
    assert index.idf_of("xa") == index.idf_of("dau") == 0.0 and "xa" not in index.terms and other.terms == {"xa": 1}
