"""Which entries are offered: to somebody whose story names several subjects, and beside an article asked for."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from knowledge.entry import Citation
from knowledge.features import EVENNESS, Place
from knowledge.search import Hit
from knowledge.statutes import Reference


def spread(
    ranking: Sequence[str],
    hits: Sequence[Hit],
    places: Mapping[str, AbstractSet[Place]],
    leads: Mapping[str, Place | None],
    shown: int,
) -> list[str]:
    """The ranking with the last place that is shown given to the entry that rests on what most of the others lead with
    and those before it do not cite. `places` and `leads`: the articles of each entry, and the first of them."""
    kept, rest = ranking[: shown - 1], ranking[shown - 1 :]
    cited = frozenset().union(*(places[one] for one in kept))
    missing: dict[Place, float] = defaultdict(float)
    for hit in hits:
        lead = leads.get(hit.entry_id)
        if lead is not None and lead not in cited:
            missing[lead] += math.exp((hit.score - hits[0].score) / EVENNESS)
    return [*kept, *sorted(rest, key=lambda one: -sum(missing.get(place, 0.0) for place in places[one]))]


def resting_on(asked: Reference, cited: Mapping[str, Sequence[Citation]], near: Sequence[str]) -> list[str]:
    """The entries that rest on an article: those on the clause asked for first, then those that lead with the article,
    then those nearest to its heading. `cited`: what each entry rests on, most important first."""
    wanted = (asked.source.number, asked.article)
    found = []
    for entry_id, citations in cited.items():
        places = [(one.source, str(one.article)) for one in citations]
        if wanted in places:
            clauses = str(citations[places.index(wanted)].clause or "").split(", ")
            apart = bool(asked.clause) and asked.clause not in clauses
            distance = near.index(entry_id) if entry_id in near else len(near)
            found.append((apart, places[0] != wanted, distance, entry_id))
    return [entry_id for *_, entry_id in sorted(found, key=lambda one: one[:3])]
