"""Question → ranked entries: their phrasings, their answers and the headings of their articles are compared."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from rapidfuzz import fuzz, process

from knowledge.entry import Entry
from knowledge.index import (
    Columns,
    Floats,
    Query,
    build_bm25,
    build_cosine,
    build_likelihood,
    count_terms,
    likelihood_of_one,
    read_query,
    score_one,
)
from knowledge.law import IndexedLaw
from knowledge.spelling import Speller
from knowledge.terms import Terms, terms_of, terms_of_words
from knowledge.words import LONGEST, Lexicon, bare, split_words

PHRASES, QUESTION, ENTRY, LIKELIHOOD, ANSWER, HEADINGS, LETTERS = 0.2, 0.15, 0.7, 0.65, 0.25, 0.15, 0.9
"""How much each comparison counts; all but the last are scaled so that their best entry has 1. How they were chosen,
and how little the result moves with them: docs/explanation/search.md."""

RERANKED = 12
"""Entries compared letter by letter (rapidfuzz): enough that the right one is among them, few enough to be fast."""

MOST_TERMS = 64
"""Terms of a question that are looked up, the most telling first: a long story costs no more than a long question."""

COMPARED = 300
"""Letters of a question that are compared: more costs time and says nothing."""

LIKELY = 8
"""Phrasings of an entry that are compared letter by letter, those nearest by their words."""

BEST = 3
"""An entry is as near as its three nearest phrasings on average: one stray likeness is not enough."""

_SENTENCE = re.compile(r"[^.?!\n;]+")
_NOT_ANSWER = re.compile(r"\{[^}]*\}|^(?:#.*|Căn cứ:.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Hit:
    """An entry and how well it fits; scores compare within one question only."""

    entry_id: str
    score: float


NOTHING = read_query({}, {})


@dataclass(frozen=True)
class Found:
    """The best entries for a question, best first, and what the decision needs to know about the first."""

    hits: tuple[Hit, ...] = ()
    words: tuple[str, ...] = ()
    asked: Query = NOTHING
    nearness: float = 0.0
    likeness: float = 0.0
    ending: float = 0.0


class Searcher:
    """The index over some entries. Never changes once built."""

    def __init__(self, entries: Sequence[Entry], lexicon: Lexicon, laws: Mapping[str, IndexedLaw]) -> None:
        self.ids = [entry.id for entry in entries]
        self.rows = {entry_id: row for row, entry_id in enumerate(self.ids)}
        self.lexicon = lexicon
        self.phrasings = [entry.phrasings for entry in entries]
        self._folded: list[list[str]] = [[] for _ in entries]
        counts = np.array([len(one) for one in self.phrasings], dtype=np.int64)
        self._owners = np.repeat(np.arange(len(entries)), counts)
        self._places = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        self._widest = max(int(counts.max(initial=1)), BEST)
        self._cells = self._owners * self._widest + self._places
        columns: Columns = {}
        said = count_terms(self._read_phrasings(), columns)
        bodies = count_terms((terms_of(_NOT_ANSWER.sub(" ", one.body), lexicon) for one in entries), columns)
        headings = count_terms((terms_of(_headings(one, laws), lexicon) for one in entries), columns)
        self.phrases = build_cosine(said)
        together = said.joined(self._owners, len(entries))
        self.joined, self._likelihood = build_bm25(together), build_likelihood(together)
        self._questions = np.cumsum(counts) - counts
        self._terms_in = lru_cache(maxsize=1)(self._read_terms)
        self._joined_without = lru_cache(maxsize=1)(self._read_without)
        self.answers, self._headings = build_bm25(bodies), build_bm25(headings)
        self.rarest = float(self.phrases.idf.max(initial=1.0))
        syllables = [term for term in self.phrases.terms if " " not in term and ":" not in term]
        self.speller = Speller(syllables, self.phrases.count_of)

    def search(self, text: str, limit: int = 10, without: int | None = None, *, letters: bool = True) -> Found:
        """The best entries, best first; none when the text shares no word with any of them. `without` leaves one
        phrasing, by its number among all, out of the comparison; `letters=False` leaves rapidfuzz out."""
        words = split_words(text)
        if letters:
            words = self.speller.mend(words, self.lexicon)
        asked = self._read(words)
        if not self.ids or not asked.terms:
            return Found()
        nearest = self.phrases.scores(asked.weighed(self.phrases))
        if without is not None:
            nearest[without] = 0.0
        question, near = nearest[self._questions], self._best_phrasings(nearest)
        whole, likelihood = self._whole(asked, without), self._likelihoods(asked, without)
        total = PHRASES * _scaled(near) + QUESTION * _scaled(question)
        total += ENTRY * _scaled(whole) + LIKELIHOOD * _scaled(likelihood)
        total += ANSWER * _scaled(self.answers.scores(asked)) + HEADINGS * _scaled(self._headings.scores(asked))
        best = np.argpartition(-total, min(RERANKED, len(total) - 1))[:RERANKED]
        typed = _typed(words)[-COMPARED:]
        likeness = {int(row): self._likeness(typed, int(row), nearest, without) if letters else 0.0 for row in best}
        ranked = sorted(((float(total[row]) + LETTERS * like, row) for row, like in likeness.items()), reverse=True)
        ranked = [(score, row) for score, row in ranked if total[row] > 0][:limit]
        if not ranked:
            return Found()
        top = ranked[0][1]
        hits = tuple(Hit(self.ids[row], score) for score, row in ranked)
        ending = self._ending(text, top, whole, without)
        return Found(hits, tuple(words), asked, float(near[top]), likeness[top], ending)

    def _read_phrasings(self) -> Iterator[Terms]:
        """The terms of every phrasing in turn; on the way each is kept as it is compared letter by letter."""
        for phrasings, folded in zip(self.phrasings, self._folded, strict=True):
            for phrase in phrasings:
                words = split_words(phrase)
                folded.append(_typed(words))
                yield terms_of_words(words, self.lexicon)

    def _whole(self, asked: Query, without: int | None) -> Floats:
        """All phrasings of each entry together, under BM25."""
        scores = self.joined.scores(asked)
        if without is not None:
            row, rest = self._joined_without(without)
            scores[row] = score_one(self.joined, rest, dict(asked.items()))
        return scores

    def _likelihoods(self, asked: Query, without: int | None) -> Floats:
        """The same under the language model."""
        scores = self._likelihood.scores(asked)
        if without is not None:
            row, rest = self._joined_without(without)
            scores[row] = likelihood_of_one(self._likelihood, rest, dict(asked.items()))
        return scores

    def _ending(self, text: str, row: int, whole: Floats, without: int | None) -> float:
        """How near an entry comes to the best one for the end of a message alone, whatever the story before it is
        about. The end goes back from the last sentence until it names something of ours: "is that right?" does not."""
        sentences = [words for one in _SENTENCE.findall(text[-LONGEST:]) if (words := split_words(one))]
        end: list[str] = []
        names_something = False
        while len(sentences) > 1 and not names_something:
            end = self.speller.mend(sentences.pop(), self.lexicon) + end
            names_something = self.lexicon.names_something(end)
        if names_something:
            whole = self._whole(self._read(end), without)
        best = float(whole.max(initial=0.0))
        return float(whole[row]) / best if best > 0 else 0.0

    def _read_without(self, number: int) -> tuple[int, Terms]:
        """The entry that a phrasing belongs to, and all that its other phrasings say."""
        row, place = int(self._owners[number]), int(self._places[number])
        terms = self._terms_in(row)
        return row, _join(terms[:place] + terms[place + 1 :])

    def _read_terms(self, row: int) -> list[Terms]:
        return [terms_of(one, self.lexicon) for one in self.phrasings[row]]

    def _likeness(self, question: str, row: int, nearest: Floats, without: int | None) -> float:
        """How like the question the likest phrasing of an entry is, letter by letter, in any order of words."""
        folded, first = self._folded[row], int(self._questions[row])
        places = np.argsort(-nearest[first : first + len(folded)], kind="stable")[:LIKELY].tolist()
        likely = [folded[place] for place in places if first + place != without]
        found = process.extractOne(question, likely, scorer=fuzz.token_set_ratio)
        return found[1] / 100 if found else 0.0

    def _read(self, words: Sequence[str]) -> Query:
        """The terms of a question, each once however often a story repeats it."""
        terms = {term: min(count, 1.0) for term, count in terms_of_words(words, self.lexicon).items()}
        asked = read_query(terms, self.phrases.columns)
        if len(terms) <= MOST_TERMS:
            return asked
        telling = np.argsort(-asked.weights * self.phrases.idf[asked.columns], kind="stable")[:MOST_TERMS]
        return Query(tuple(asked.terms[place] for place in telling), asked.columns[telling], asked.weights[telling])

    def _best_phrasings(self, scores: Floats) -> Floats:
        cells = np.zeros(len(self.ids) * self._widest, dtype=np.float32)
        cells[self._cells] = scores
        table = cells.reshape(len(self.ids), self._widest)
        table.partition(self._widest - BEST, axis=1)
        return np.asarray(table[:, -BEST:].mean(axis=1), dtype=np.float32)


def _typed(words: Iterable[str]) -> str:
    return " ".join(map(bare, words))


def _join(texts: Iterable[Mapping[str, float]]) -> Terms:
    joined: Terms = defaultdict(float)
    for one in texts:
        for term, count in one.items():
            joined[term] += count
    return joined


def _headings(entry: Entry, laws: Mapping[str, IndexedLaw]) -> str:
    """The headings of the articles an entry rests on: people who ask in the words of the law find it by them."""
    found = []
    for one in entry.citations:
        law = laws.get(one.source)
        article = law.articles.get(str(one.article)) if law else None
        if article is not None:
            found.append(article.heading)
    return ". ".join(dict.fromkeys(found))


def _scaled(scores: Floats) -> Floats:
    top = scores.max(initial=0.0)
    return scores / top if top > 0 else scores
