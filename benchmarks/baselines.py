"""Four ready-made searches over the same entries, to see what ours is worth. Each gets its own best bars."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

import bm25s
import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from knowledge.entry import Entry
from knowledge.normalize import fold

Floats = NDArray[np.float64]
Scorer = Callable[[str], Floats]
"""A question → the score of every entry."""


def build_baselines(entries: Sequence[Entry]) -> dict[str, Scorer]:
    """The four of issue 3: WRatio over the questions (over all phrasings it does far worse: a short phrasing is part of
    every long message), the others over the phrasings, an entry having the score of its best one."""
    phrases = [phrase for entry in entries for phrase in entry.phrasings]
    questions = [entry.question for entry in entries]
    owners = np.repeat(np.arange(len(entries)), [len(entry.phrasings) for entry in entries])
    folded = [fold(phrase) for phrase in phrases]

    def best(scores: Floats) -> Floats:
        result = np.full(len(entries), -1e9)
        np.maximum.at(result, owners, scores)
        return result

    return {
        "rapidfuzz_wratio": lambda text: _fuzz(text, questions, fuzz.WRatio),
        "rapidfuzz_token_set_folded": lambda text: best(_fuzz(fold(text), folded, fuzz.token_set_ratio)),
        "bm25s_folded": _bm25(folded, best),
        "sqlite_fts5": _fts5(folded, best),
    }


def _fuzz(text: str, phrases: list[str], scorer: Callable[..., float]) -> Floats:
    return np.asarray(process.cdist([text], phrases, scorer=scorer, dtype=np.float32)[0], dtype=np.float64)


def _bm25(folded: list[str], best: Callable[[Floats], Floats]) -> Scorer:
    index = bm25s.BM25()
    index.index([one.split() for one in folded], show_progress=False)

    def score(text: str) -> Floats:
        words = [word for word in fold(text).split() if word in index.vocab_dict]
        return best(np.asarray(index.get_scores(words), dtype=np.float64) if words else np.zeros(len(folded)))

    return score


def _fts5(folded: list[str], best: Callable[[Floats], Floats]) -> Scorer:
    base = sqlite3.connect(":memory:")
    base.execute("CREATE VIRTUAL TABLE phrases USING fts5(text)")
    base.executemany("INSERT INTO phrases(rowid, text) VALUES (?, ?)", list(enumerate(folded)))

    def score(text: str) -> Floats:
        scores = np.zeros(len(folded))
        words = dict.fromkeys(fold(text).split())
        if words:
            query = " OR ".join(f'"{word}"' for word in words)
            for row, rank in base.execute("SELECT rowid, bm25(phrases) FROM phrases WHERE phrases MATCH ?", (query,)):
                scores[row] = -rank
        return best(scores)

    return score
