"""What the decision looks at: a few numbers about a question and the best entries found for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import numpy as np
from numpy.typing import NDArray

from knowledge.index import Floats
from knowledge.search import Found, Searcher
from knowledge.words import Phrases, matches_in

Place = tuple[str, str]
NO_RIVAL = 0.1
"""How far behind the last of the hits the best entry of another article is taken to be when none of them is one."""

EVENNESS = 0.3
"""How slowly the say of an entry fades with the score it lacks to the first, where the entries found are counted."""

NAMES = (
    "nearness",
    "margin",
    "runner_up",
    "covered",
    "known",
    "agreement",
    "likeness",
    "at_home",
    "elsewhere",
    "ending",
    "nameless",
)


def features_of(
    searcher: Searcher, found: Found, places: Sequence[AbstractSet[Place]], leads: Sequence[Place | None]
) -> tuple[float, ...]:
    """The numbers in the order of NAMES. `places` are the articles of each hit in the order of the hits, `leads` the
    article each rests on first."""
    top = searcher.rows[found.hits[0].entry_id]
    scores = [hit.score for hit in found.hits] + [0.0, 0.0]
    columns = found.asked.columns[[":" not in term for term in found.asked.terms]]
    rarity = searcher.phrases.idf[columns]
    telling = np.where(rarity > 0, rarity, searcher.rarest)
    held = searcher.joined.holds(columns, top) | searcher.answers.holds(columns, top)
    row = searcher.lexicon.written_out(found.words)
    at_home = _count(row, searcher.lexicon.at_home)
    return (
        found.nearness,
        _margin(scores[: len(found.hits)], places, leads),
        scores[1] - (scores[4] if len(scores) > 6 else 0.0),
        _share(telling, held),
        _share(telling, rarity > 0),
        _agreement(scores[: len(found.hits)], places),
        found.likeness,
        at_home,
        _count(row, searcher.lexicon.elsewhere),
        found.ending,
        0.0 if at_home else _nameless(searcher, row),
    )


def _count(row: Sequence[str], phrases: Phrases) -> float:
    """How many phrases of a list a question has, each once; the second says less than the first."""
    return math.log1p(len({phrase for _, phrase in matches_in(row, phrases)}))


def _nameless(searcher: Searcher, row: Sequence[str]) -> float:
    """How long a message is that names nothing of our field: in a few words somebody may leave it out, in many not."""
    return 0.0 if matches_in(row, searcher.lexicon.concepts) else math.log1p(len(row))


def _share(telling: Floats, chosen: NDArray[np.bool_]) -> float:
    """How much of what is telling in a question the chosen terms make up."""
    return float(telling[chosen].sum() / telling.sum()) if len(telling) else 0.0


def _margin(scores: Sequence[float], places: Sequence[AbstractSet[Place]], leads: Sequence[Place | None]) -> float:
    """The lead over the best entry that says something else: neighbours that rest on an article of the first give the
    member the same law, so they cost no certainty."""
    for score, lead in zip(scores[1:], leads[1:], strict=True):
        if lead not in places[0]:
            return scores[0] - score
    return scores[0] - scores[-1] + NO_RIVAL


def _agreement(scores: Sequence[float], places: Sequence[AbstractSet[Place]]) -> float:
    """The share of the entries found, each with the say its score gives it, that rest on an article of the first: where
    those that come near all cite the same law, it matters little which of them is shown."""
    say = [math.exp((score - scores[0]) / EVENNESS) for score in scores]
    return sum(one for one, cited in zip(say, places, strict=True) if cited & places[0]) / sum(say)
