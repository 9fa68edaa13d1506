"""Finds the unit somebody works at by what they type, over all open workplace units."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from db.units import Workplace, get_tree_version, list_workplaces
from handlers.workplace_index import Document, Index
from handlers.workplace_words import load_words
from knowledge.normalize import fold

MOST_CANDIDATES = 5
LONGEST_LABEL = 40

_MIN_SCORE = 0.5
_SURE_SCORE = 0.8
_SURE_GAP = 0.08
"""Chosen on tests/handlers/workplaces.yaml: below the first a candidate is a guess; "sure" needs both others."""


@dataclass(frozen=True)
class Candidate:
    """A unit that may be meant. ``label`` fits a button and holds the commune when names are alike; ``score`` is
    between 0 and 1."""

    unit_id: int
    name: str
    label: str
    commune: str | None
    province: str | None
    score: float


@dataclass(frozen=True)
class Found:
    """At most five units, the likeliest first. ``is_sure``: the first is meant, nothing else is near. ``has_more``:
    others fit as well as these, so asking for the commune helps."""

    candidates: tuple[Candidate, ...] = ()
    is_sure: bool = False
    has_more: bool = False


class Finder:
    """Finds workplace units by typed words. One for the whole program; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._units = Units(())
        self._built_for: object = None

    def find(self, session: Session, text: str, today: date) -> Found:
        """The units that a typed text may mean. The index is built again when the tree has changed since."""
        version = (get_tree_version(session), today)
        if version != self._built_for:
            with self._lock:
                if version != self._built_for:
                    self._units = Units(list_workplaces(session, today))
                    self._built_for = version
        return self._units.find(text)


class Units:
    """The workplace units of one moment."""

    def __init__(self, workplaces: Sequence[Workplace]) -> None:
        self._index = Index(workplaces)
        names = Counter(fold(one.name) for one in workplaces)
        self._namesakes = {name for name, times in names.items() if times > 1}

    def find(self, text: str) -> Found:
        """The units that a typed text may mean."""
        likely = self._index.search(text, _MIN_SCORE)
        shown = likely[:MOST_CANDIDATES]
        if not shown:
            return Found()
        best = shown[0][0]
        is_alone = len(shown) == 1 or best - shown[1][0] >= _SURE_GAP
        has_more = len(likely) > MOST_CANDIDATES and best - likely[MOST_CANDIDATES][0] < _SURE_GAP
        candidates = tuple(self._describe(score, document, shown) for score, document in shown)
        return Found(candidates, best >= _SURE_SCORE and is_alone, has_more)

    def _describe(self, score: float, document: Document, shown: Sequence[tuple[float, Document]]) -> Candidate:
        one = document.workplace
        label = make_label(one, self._has_namesake(document, [other for _score, other in shown]))
        return Candidate(one.unit_id, one.name, label, one.commune, one.province, round(score, 3))

    def _has_namesake(self, document: Document, shown: Sequence[Document]) -> bool:
        """Whether another unit is called so, or nearly so, that the commune must tell them apart."""
        if fold(document.workplace.name) in self._namesakes:
            return True
        mine = self._index.telling(document)
        return any(other is not document and mine <= self._index.telling(other) for other in shown)


def make_label(workplace: Workplace, with_commune: bool) -> str:
    """A unit's name as a button shows it: shortened where it must be, with its commune where names are alike."""
    place = workplace.commune or workplace.province
    tail = f" ({place})" if with_commune and place else ""
    name = workplace.name
    for phrase, short in load_words().labels:
        if len(name) + len(tail) <= LONGEST_LABEL:
            break
        name = _shorten(name, phrase, short)
    room = LONGEST_LABEL - len(tail)
    if len(name) > room:
        name = f"{name[: room - 1].rstrip()}…"
    return f"{name}{tail}"


def _shorten(name: str, phrase: str, short: str) -> str:
    at = name.lower().find(phrase.lower())
    return name if at < 0 else f"{name[:at]}{short}{name[at + len(phrase) :]}"
