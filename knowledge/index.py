"""An inverted index in numpy: texts as bags of terms, scored by cosine, BM25 or likelihood in under a millisecond."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
K1 = 1.2
B = 0.4
"""Less length normalisation than usual: a long phrasing is a story, not a diluted text."""

COMMON = 1 / 25
"""A term that more than this share of the texts has is kept as a full row: adding one row is faster than picking."""


@dataclass(frozen=True)
class Index:
    """Postings by term: for the term in column c, `docs[starts[c]:starts[c+1]]` and their weights."""

    columns: dict[str, int]
    starts: NDArray[np.int64]
    docs: Ints
    weights: Floats
    idf: Floats
    size: int
    common: dict[int, Floats]
    mean_length: float = 1.0

    def idf_of(self, term: str) -> float:
        """How telling a term is; 0 when no text has it."""
        column = self.columns.get(term)
        return 0.0 if column is None else float(self.idf[column])

    def count_of(self, term: str) -> int:
        """How many texts have a term."""
        column = self.columns.get(term)
        return 0 if column is None else int(self.starts[column + 1] - self.starts[column])

    def holds(self, term: str, row: int) -> bool:
        """Whether the text in that row has the term."""
        column = self.columns.get(term)
        if column is None:
            return False
        docs = self.docs[self.starts[column] : self.starts[column + 1]]
        place = int(docs.searchsorted(row))
        return place < len(docs) and int(docs[place]) == row

    def scores(self, query: Mapping[str, float]) -> Floats:
        """The score of every text for a query given as term → weight."""
        found = np.zeros(self.size, dtype=np.float32)
        for term, weight in query.items():
            column = self.columns.get(term)
            if column in self.common:
                found += self.common[column] * np.float32(weight)
            elif column is not None:
                start, end = self.starts[column], self.starts[column + 1]
                found[self.docs[start:end]] += self.weights[start:end] * np.float32(weight)
        return found


@dataclass(frozen=True)
class Counts:
    """What some texts say: how often (`counts`) the text in row `docs` says the term in column `cols`."""

    columns: dict[str, int]
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


def count_terms(texts: Iterable[Mapping[str, float]]) -> Counts:
    """The terms of each text with how often it says them."""
    terms: list[str] = []
    counts: list[float] = []
    lengths: list[int] = []
    for text in texts:
        terms.extend(text)
        counts.extend(text.values())
        lengths.append(len(text))
    columns = {term: column for column, term in enumerate(dict.fromkeys(terms))}
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
    idf = np.log(counts.sum(dtype=np.float64) / np.maximum(totals, 1e-6)).astype(np.float32)
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
    return np.log1p((size - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)


def _arrange(columns: dict[str, int], docs: Ints, cols: Ints, weights: Floats, idf: Floats, size: int) -> Index:
    order = np.argsort(cols, kind="stable")
    docs, weights = docs[order], weights[order]
    frequency = np.bincount(cols, minlength=len(columns))
    starts = np.zeros(len(columns) + 1, dtype=np.int64)
    np.cumsum(frequency, out=starts[1:])
    common = {}
    for column in np.flatnonzero(frequency > size * COMMON):
        row = np.zeros(size, dtype=np.float32)
        row[docs[starts[column] : starts[column + 1]]] = weights[starts[column] : starts[column + 1]]
        common[int(column)] = row
    return Index(columns, starts, docs, weights, idf, size, common)
