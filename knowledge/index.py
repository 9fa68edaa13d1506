"""An inverted index in numpy: texts as bags of terms, scored by cosine, BM25 or likelihood in under a millisecond."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
K1 = 1.2
B = 0.4
"""Less length normalisation than usual: a long phrasing is a story, not a diluted text."""


Columns = dict[str, int]
"""Where each term stands. Indexes that are asked the same queries share one, filled before any of them is built."""


@dataclass(frozen=True)
class Query:
    """The terms of a question, where each stands, and its weight; terms that nobody knows stand behind all others."""

    terms: tuple[str, ...]
    columns: NDArray[np.int64]
    weights: Floats

    def weighed(self, index: Index) -> Query:
        """The same under the idf of the index, of length one."""
        weights = self.weights * index.idf[self.columns]
        return replace(self, weights=weights / (np.sqrt((weights**2).sum()) or 1.0))

    def items(self) -> Iterator[tuple[str, float]]:
        """Each term and its weight."""
        return zip(self.terms, self.weights.tolist(), strict=True)


def read_query(terms: Mapping[str, float], columns: Columns) -> Query:
    """A query given as term → weight, for the indexes that share these columns."""
    places = np.array([columns.get(term, len(columns)) for term in terms], dtype=np.int64)
    return Query(tuple(terms), places, np.array(list(terms.values()), dtype=np.float32))


@dataclass(frozen=True)
class Index:
    """Postings by term: for the term in column c, `docs[starts[c]:starts[c+1]]` and their weights. What the text in row
    r says stands in `said[texts[r]:texts[r+1]]`. The last column is that of all unknown terms."""

    columns: Columns
    starts: NDArray[np.int64]
    docs: Ints
    weights: Floats
    idf: Floats
    said: Ints
    texts: NDArray[np.int64]
    mean_length: float = 1.0

    @cached_property
    def terms(self) -> dict[str, int]:
        """All terms that any text has, and how many have each."""
        counts = np.diff(self.starts).tolist()
        return {term: count for term, count in zip(self.columns, counts, strict=False) if count}

    @cached_property
    def postings(self) -> tuple[int, int]:
        """In how many texts each syllable stands, summed up, and each pair of syllables."""
        sums = [0, 0]
        for term, count in self.terms.items():
            if ":" not in term:
                sums[" " in term] += count
        return sums[0], sums[1]

    def idf_of(self, term: str) -> float:
        """How telling a term is; 0 when no text has it."""
        return float(self.idf[self.columns.get(term, -1)])

    def count_of(self, term: str) -> int:
        """How many texts have a term."""
        column = self.columns.get(term)
        return 0 if column is None else int(self.starts[column + 1] - self.starts[column])

    def holds(self, columns: NDArray[np.int64], row: int) -> NDArray[np.bool_]:
        """Of which columns the text in that row has the term."""
        says = np.zeros(len(self.idf), dtype=np.bool_)
        says[self.said[self.texts[row] : self.texts[row + 1]]] = True
        return says[columns]

    def scores(self, query: Query) -> Floats:
        """The score of every text. All postings are picked and summed at once: some numpy calls for each term would
        cost six times as much."""
        starts = self.starts[query.columns]
        lengths = self.starts[query.columns + 1] - starts
        ends = lengths.cumsum()
        picked = np.repeat(starts - ends + lengths, lengths)
        picked += np.arange(len(picked))
        weights = self.weights.take(picked)
        weights *= np.repeat(query.weights, lengths)
        return np.bincount(self.docs.take(picked), weights, len(self.texts) - 1).astype(np.float32)


@dataclass(frozen=True)
class Counts:
    """What some texts say: how often (`counts`) the text in row `docs` says the term in column `cols`."""

    columns: Columns
    docs: Ints
    cols: Ints
    counts: Floats
    size: int

    def joined(self, owners: NDArray[np.int64], size: int) -> Counts:
        """The same with all texts of one owner as one text; `owners` gives the owner of every text."""
        places = owners[self.docs] * len(self.columns) + self.cols
        found, of = np.unique(places, return_inverse=True)
        docs, cols = np.divmod(found, max(len(self.columns), 1))
        counts = np.bincount(of, weights=self.counts, minlength=len(found)).astype(np.float32)
        return Counts(self.columns, docs.astype(np.int32), cols.astype(np.int32), counts, size)


def count_terms(texts: Iterable[Mapping[str, float]], columns: Columns) -> Counts:
    """The terms of each text with how often it says them; new terms get a column."""
    terms: list[str] = []
    counts: list[float] = []
    lengths: list[int] = []
    for text in texts:
        terms.extend(text)
        counts.extend(text.values())
        lengths.append(len(text))
    for term in dict.fromkeys(terms):
        columns.setdefault(term, len(columns))
    cols = np.fromiter(map(columns.__getitem__, terms), np.int32, len(terms))
    docs = np.repeat(np.arange(len(lengths), dtype=np.int32), np.array(lengths, dtype=np.int64))
    return Counts(columns, docs, cols, np.array(counts, dtype=np.float32), len(lengths))


def build_cosine(said: Counts) -> Index:
    """Texts of length one under idf: two phrasings of different length compare fairly."""
    columns, docs, cols, counts, size = said.columns, said.docs, said.cols, said.counts, said.size
    idf = _idf(cols, len(columns), size)
    weights = np.sqrt(counts) * idf[cols]
    norms = np.sqrt(np.bincount(docs, weights=weights**2, minlength=size))
    weights = (weights / np.maximum(norms, 1e-6)[docs]).astype(np.float32)
    return _arrange(columns, docs, cols, weights, idf, size)


def build_bm25(said: Counts) -> Index:
    """Texts under Okapi BM25."""
    columns, docs, cols, counts, size = said.columns, said.docs, said.cols, said.counts, said.size
    idf = _idf(cols, len(columns), size)
    lengths = np.bincount(docs, weights=counts, minlength=size)
    mean = max(float(lengths.mean()) if size else 1.0, 1e-6)
    norm = K1 * (1 - B + B * lengths / mean)
    weights = (idf[cols] * counts * (K1 + 1) / (counts + norm[docs])).astype(np.float32)
    return replace(_arrange(columns, docs, cols, weights, idf, size), mean_length=mean)


def build_likelihood(said: Counts) -> Index:
    """Texts under a language model, smoothed half and half with all of them together: how much likelier each term of
    the question is in this text than in general. What few texts say counts for more than under BM25."""
    columns, docs, cols, counts, size = said.columns, said.docs, said.cols, said.counts, said.size
    totals = np.bincount(cols, weights=counts, minlength=len(columns))
    idf = np.log(totals.sum() / np.where(totals > 0, totals, np.inf), where=totals > 0, out=np.zeros(len(columns)))
    idf = idf.astype(np.float32)
    lengths = np.bincount(docs, weights=counts, minlength=size)
    weights = np.log1p(counts / np.maximum(lengths, 1e-6)[docs] * np.exp(idf[cols])).astype(np.float32)
    return _arrange(columns, docs, cols, weights, idf, size)


def likelihood_of_one(index: Index, text: Mapping[str, float], query: Mapping[str, float]) -> float:
    """What a text would score under the language model if it stood in the index in the place of what stands there."""
    length = sum(text.values()) or 1.0
    said = ((text.get(term, 0.0), index.idf_of(term), weight) for term, weight in query.items())
    return sum(weight * math.log1p(count / length * math.exp(idf)) for count, idf, weight in said if count)


def score_one(index: Index, text: Mapping[str, float], query: Mapping[str, float]) -> float:
    """What a text would score under BM25 if it stood in the index."""
    norm = K1 * (1 - B + B * sum(text.values()) / index.mean_length)
    counts = ((text.get(term, 0.0), index.idf_of(term) * weight) for term, weight in query.items())
    return sum(weight * count * (K1 + 1) / (count + norm) for count, weight in counts if count)


def _idf(cols: Ints, terms: int, size: int) -> Floats:
    frequency = np.bincount(cols, minlength=terms)
    return np.where(frequency > 0, np.log1p((size - frequency + 0.5) / (frequency + 0.5)), 0).astype(np.float32)


def _arrange(columns: Columns, docs: Ints, cols: Ints, weights: Floats, idf: Floats, size: int) -> Index:
    order = np.argsort(cols, kind="stable")
    starts = _starts(cols, len(columns) + 1)
    return Index(columns, starts, docs[order], weights[order], np.append(idf, np.float32(0)), cols, _starts(docs, size))


def _starts(places: Ints, size: int) -> NDArray[np.int64]:
    """Where each of them begins when they stand in order, and the end of the last."""
    return np.concatenate([[0], np.bincount(places, minlength=size).cumsum()])
