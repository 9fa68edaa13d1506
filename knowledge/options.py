"""Which entries are offered to somebody whose story names several subjects."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from knowledge.features import EVENNESS, Place
from knowledge.search import Hit


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
