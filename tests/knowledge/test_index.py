"""The two ways of scoring all phrasings of an entry together: what leaving a text out must give."""

import numpy as np
import pytest

from knowledge.index import build_bm25, build_likelihood, count_terms, likelihood_of_one, score_one

TEXTS = [{"luong": 3.0, "no": 1.0}, {"luong": 1.0, "sinh": 2.0, "con": 2.0}, {"nghi": 1.0}]
QUERY = {"luong": 1.0, "sinh": 0.7, "xa": 1.0}


@pytest.mark.parametrize(("build", "score"), [(build_bm25, score_one), (build_likelihood, likelihood_of_one)])
def test_a_text_scored_by_itself_scores_as_in_the_index(build, score) -> None:  # type: ignore[no-untyped-def]
    """Phrasings left out are scored by hand, so the hand must agree with the index."""
    index = build(count_terms(TEXTS))
    assert [score(index, text, QUERY) for text in TEXTS] == pytest.approx(list(index.scores(QUERY)), rel=1e-4)


def test_what_one_text_alone_says_weighs_more_than_what_all_say() -> None:
    """The language model asks how much likelier a term is here than in general."""
    index = build_likelihood(count_terms([{"luong": 1.0, "sinh": 1.0}, {"luong": 1.0, "no": 1.0}]))
    assert index.scores({"sinh": 1.0})[0] > index.scores({"luong": 1.0})[0] > 0


def test_texts_of_one_owner_count_as_one_text() -> None:
    """The phrasings of an entry are read once and counted both one by one and together."""
    together = count_terms(TEXTS).joined(np.array([0, 0, 1]), 2)
    both = build_bm25(count_terms([{"luong": 4.0, "no": 1.0, "sinh": 2.0, "con": 2.0}, {"nghi": 1.0}]))
    assert list(build_bm25(together).scores(QUERY)) == pytest.approx(list(both.scores(QUERY)), rel=1e-5)
