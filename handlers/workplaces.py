"""Finds the unit somebody works at by what they type: an index in memory over all open workplace units."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import yaml
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist
from sqlalchemy.orm import Session

from db.units import Workplace, get_tree_version, list_workplaces
from handlers.alike import likeness, slips_allowed, sound, untelex
from knowledge.entry import CONTENT
from knowledge.normalize import fold

MOST_CANDIDATES = 5
LONGEST_LABEL = 40

_MIN_SCORE = 0.5
_SURE_SCORE = 0.8
_SURE_GAP = 0.08
"""Chosen on tests/handlers/workplaces.yaml: below the first a candidate is a guess; "sure" needs both others."""

_LONGEST_TEXT = 200
_MOST_WORDS = 16
_SHORTLIST = 60
_COMMON_WEIGHT = 0.1
_SAID_WEIGHT = 0.03
_PLACE_SHARE = 0.85
"""What a place tells beside a name."""

_SPOKEN_ALIKE = 0.85
_JOINED = 0.95
_BEGINNING = 0.75
_SHORTEST_BEGINNING = 3


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
        self._index = Index(())
        self._built_for: object = None

    def find(self, session: Session, text: str, today: date) -> Found:
        """The units that a typed text may mean. The index is built again when the tree has changed since."""
        version = (get_tree_version(session), today)
        if version != self._built_for:
            with self._lock:
                if version != self._built_for:
                    self._index = Index(list_workplaces(session, today))
                    self._built_for = version
        return self._index.find(text)


@dataclass(frozen=True)
class _Words:
    """The lists of workplaces.yaml, folded."""

    phrases: Mapping[tuple[str, ...], tuple[str, ...]]
    common: frozenset[str]
    said: frozenset[str]
    longest: int
    labels: tuple[tuple[str, str], ...]
    sectors: frozenset[str]


@lru_cache(maxsize=1)
def _load_words() -> _Words:
    with (CONTENT / "workplaces.yaml").open(encoding="utf-8") as file:
        lists: dict[str, Any] = yaml.load(file, Loader=yaml.CSafeLoader)
    phrases: dict[tuple[str, ...], tuple[str, ...]] = {}
    for phrase, shorts in lists["short"].items():
        words = tuple(fold(phrase).split())
        for written in (words, *(tuple(fold(str(short)).split()) for short in shorts)):
            phrases[written] = tuple(dict.fromkeys([*phrases.get(written, ()), "_".join(words)]))
    listed = {
        name: {"_".join(fold(one).split()) for one in lists[name].split(",")} for name in ("common", "said", "sectors")
    }
    longest = max(map(len, phrases))
    labels = sorted(lists["label"].items(), key=lambda pair: -len(pair[0]))
    return _Words(
        phrases,
        frozenset(listed["common"]),
        frozenset(listed["said"]),
        longest,
        tuple(labels),
        frozenset(listed["sectors"]),
    )


@dataclass(frozen=True)
class Told:
    """What a typed name tells: the words that only this workplace has, and those of its trade."""

    words: tuple[str, ...]
    sectors: frozenset[str]


def read_name(text: str) -> Told:
    """The telling words of a workplace's name, without legal forms and small talk; all of them where none is left."""
    known = _load_words()
    read = _read(text[:_LONGEST_TEXT])
    words = [meant[0] for meant in read if not known.common & set(meant) and meant[-1] not in known.said]
    sectors = frozenset(one for meant in read for one in meant if one in known.sectors)
    return Told(tuple(words or [meant[0] for meant in read]), sectors)


def _read(text: str) -> list[tuple[str, ...]]:
    """The words of a text in order; each is what it may stand for, the likeliest first."""
    known = _load_words()
    row = _split_numbers(fold(text))
    read: list[tuple[str, ...]] = []
    at = 0
    while at < len(row):
        for length in range(min(known.longest, len(row) - at), 0, -1):
            meant = known.phrases.get(tuple(row[at : at + length]))
            if meant:
                itself = (row[at],) if length == 1 and row[at] not in meant else ()
                read.append((*meant, *itself))
                at += length
                break
        else:
            read.append((row[at],))
            at += 1
    return read


def _split_numbers(words: str) -> list[str]:
    """ "may10" and "x26" are a word and a number."""
    row: list[str] = []
    for word in words.split():
        start = 0
        for place in range(1, len(word) + 1):
            if place == len(word) or word[place].isdigit() != word[place - 1].isdigit():
                row.append(word[start:place])
                start = place
    return row


@dataclass(frozen=True)
class _Document:
    workplace: Workplace
    names: tuple[Mapping[str, int], ...]
    """The words of the name, and of the employer's name, each with its place in the row."""
    place: frozenset[str]


class Index:
    """All that is remembered of the open units; never changed once built."""

    def __init__(self, workplaces: Sequence[Workplace]) -> None:
        self._documents = [_describe(one) for one in workplaces]
        found: dict[str, dict[int, float]] = {}
        joined: dict[str, dict[int, float]] = {}
        for number, document in enumerate(self._documents):
            for word in document.place:
                found.setdefault(word, {})[number] = _PLACE_SHARE
            for name in document.names:
                for word in name:
                    found.setdefault(word, {})[number] = 1.0
        for number, document in enumerate(self._documents):
            for name in document.names:
                for pair in _joined_pairs(list(name)):
                    joined.setdefault(pair, {})[number] = 1.0
        self._postings = {word: _post(places) for word, places in [*joined.items(), *found.items()]}
        self._vocabulary = sorted(word for word in found if "_" not in word)
        self._weights = {word: self._weigh(word, len(places)) for word, places in [*joined.items(), *found.items()]}
        self._by_ear: dict[str, list[str]] = {}
        for word in self._postings:
            if "_" not in word and not word.isdigit():
                self._by_ear.setdefault(sound(word), []).append(word)
        self._alike: dict[str, dict[str, float]] = {}
        names = [fold(document.workplace.name) for document in self._documents]
        self._namesakes = {name for name, times in _count(names).items() if times > 1}

    def _weigh(self, word: str, times: int) -> float:
        if word in _load_words().common:
            return _COMMON_WEIGHT
        size = len(self._documents)
        return float(np.log1p(size / times) / np.log1p(size)) if size > 1 else 1.0

    def find(self, text: str) -> Found:
        slots = self._slots(text[:_LONGEST_TEXT])
        if not slots or not self._documents:
            return Found()
        total = np.zeros(len(self._documents), dtype=np.float32)
        for slot in slots:
            best = np.zeros(len(self._documents), dtype=np.float32)
            for word, alike in slot.meant.items():
                places, shares = self._postings[word]
                best[places] = np.maximum(best[places], shares * np.float32(alike))
            total += best * np.float32(slot.weight)
        size = min(_SHORTLIST, len(total))
        shortlist = np.argpartition(-total, size - 1)[:size]
        scored = sorted(
            ((self._score(self._documents[number], slots), -int(number)) for number in shortlist if total[number] > 0),
            reverse=True,
        )
        likely = [(score, self._documents[-number]) for score, number in scored if score >= _MIN_SCORE]
        return self._present(likely)

    def _slots(self, text: str) -> list["_Slot"]:
        words = _load_words()
        read = _read(text)[:_MOST_WORDS]
        slots = [self._slot(meant, words) for meant in read]
        for number in range(len(slots) - 1):
            pair = read[number][-1] + read[number + 1][-1]
            for word in self._find_joined(pair):
                for slot in (slots[number], slots[number + 1]):
                    slot.meant[word] = max(slot.meant.get(word, 0.0), _JOINED)
                    slot.weight = max(slot.weight, self._weights[word] / 2)
        if all(slot.is_said for slot in slots):
            return []
        return slots

    def _find_joined(self, pair: str) -> list[str]:
        """One word in a name that was typed as two: "sam sung"."""
        if pair in self._postings:
            return [pair]
        return [word for word in self._by_ear.get(sound(pair), ()) if len(word) > 4][:3]

    def _slot(self, meant: tuple[str, ...], words: _Words) -> "_Slot":
        alike: dict[str, float] = {}
        for one in meant:
            for word, likely in self._find_alike(one).items():
                alike[word] = max(alike.get(word, 0.0), likely)
        known = [self._weights[one] for one in meant if one in self._weights]
        if any(one in words.common for one in meant):
            return _Slot(alike, _COMMON_WEIGHT)
        if meant[-1] in words.said:
            return _Slot(alike, _SAID_WEIGHT, is_said=True)
        near = [self._weights[word] for word, likely in alike.items() if likely >= _SPOKEN_ALIKE]
        return _Slot(alike, min(known, default=min(near, default=1.0)))

    def _find_alike(self, word: str) -> dict[str, float]:
        """Words of the index that a typed word may stand for, with how surely; remembered, since people type alike."""
        known = self._alike.get(word)
        if known is None:
            if len(self._alike) > 20_000:
                self._alike.clear()
            known = self._alike[word] = self._look_alike(word)
        return known

    def _look_alike(self, word: str) -> dict[str, float]:
        alike: dict[str, float] = {}
        if "_" in word:
            return {word: 1.0} if word in self._postings else {}
        for other, likely in self._slipped(word):
            alike[other] = likely
        plain = untelex(word)
        if word not in self._postings and plain != word and plain in self._postings:
            alike[plain] = _JOINED
        for key in {sound(word), sound(plain)}:
            for other in self._by_ear.get(key, ()):
                alike[other] = max(alike.get(other, 0.0), _SPOKEN_ALIKE)
        if word in self._postings:
            alike[word] = 1.0
        return alike

    def _slipped(self, word: str) -> Iterable[tuple[str, float]]:
        allowed = slips_allowed(word)
        if not allowed or not self._vocabulary:
            return
        distances = cdist([word], self._vocabulary, scorer=OSA.distance, score_cutoff=allowed, dtype=np.uint8)[0]
        for place in np.flatnonzero(distances <= allowed):
            other, slips = self._vocabulary[place], int(distances[place])
            if slips_allowed(other) >= slips and (other[0] == word[0] or len(word) > 5):
                yield other, likeness(word, slips)
        if len(word) >= _SHORTEST_BEGINNING:
            for other in self._vocabulary:
                if len(other) > len(word) + 1 and len(other) > 5 and other.startswith(word):
                    yield other, _BEGINNING

    def _score(self, document: _Document, slots: Sequence["_Slot"]) -> float:
        """How much of what was typed the unit explains, and how much of its name was typed."""
        wanted = sum(slot.weight for slot in slots)
        explained = 0.0
        hits: dict[str, float] = {}
        places: list[int] = []
        for slot in slots:
            best, share = "", 0.0
            for word, alike in slot.meant.items():
                value = alike * self._share(document, word)
                if value > share:
                    best, share = word, value
            explained += share * slot.weight
            if best:
                hits[best] = max(hits.get(best, 0.0), share)
                places += [name[best] for name in document.names[:1] if best in name]
        covered = max((self._cover(name, hits) for name in document.names), default=0.0)
        in_order = sum(later == earlier + 1 for earlier, later in pairwise(places))
        order = in_order / max(1, len(slots) - 1)
        return (explained / wanted) * (0.72 + 0.25 * min(1.0, covered) + 0.03 * order) * (1.0 if covered else 0.5)

    def _share(self, document: _Document, word: str) -> float:
        if any(word in name for name in document.names):
            return 1.0
        if word in document.place:
            return _PLACE_SHARE
        return 1.0 if any(word in _joined_pairs(list(name)) for name in document.names) else 0.0

    def _cover(self, name: Mapping[str, int], hits: Mapping[str, float]) -> float:
        """How much of what tells this name from others was typed."""
        telling = {word: self._weights[word] for word in name if self._weights[word] > _COMMON_WEIGHT}
        row = list(name)
        typed = 0.0
        for place, word in enumerate(row):
            if word in telling:
                pairs = [row[place - 1] + word] if place else []
                pairs += [word + row[place + 1]] if place + 1 < len(row) else []
                typed += telling[word] * max(hits.get(one, 0.0) for one in (word, *pairs))
        return typed / sum(telling.values()) if telling else float(bool(hits))

    def _present(self, likely: Sequence[tuple[float, _Document]]) -> Found:
        shown = likely[:MOST_CANDIDATES]
        if not shown:
            return Found()
        best = shown[0][0]
        candidates = tuple(
            Candidate(
                one.workplace.unit_id,
                one.workplace.name,
                make_label(one.workplace, self._is_alike(one, shown)),
                one.workplace.commune,
                one.workplace.province,
                round(score, 3),
            )
            for score, one in shown
        )
        alone = len(shown) == 1 or best - shown[1][0] >= _SURE_GAP
        has_more = len(likely) > MOST_CANDIDATES and best - likely[MOST_CANDIDATES][0] < _SURE_GAP
        return Found(candidates, best >= _SURE_SCORE and alone, has_more)

    def _is_alike(self, document: _Document, shown: Sequence[tuple[float, _Document]]) -> bool:
        """Whether another unit is called so, or nearly so, that the commune must tell them apart."""
        if fold(document.workplace.name) in self._namesakes:
            return True
        mine = self._telling(document)
        return any(other is not document and self._telling(other) & mine == mine for _score, other in shown)

    def _telling(self, document: _Document) -> set[str]:
        return {word for word in document.names[0] if self._weights[word] > _COMMON_WEIGHT}


@dataclass
class _Slot:
    """A typed word: what it may stand for, and how much it tells."""

    meant: dict[str, float]
    weight: float
    is_said: bool = False


def _describe(workplace: Workplace) -> _Document:
    names = [_row(text) for text in (workplace.name, workplace.employer) if text]
    place = frozenset(word for text in (workplace.commune, workplace.province) if text for word in _row(text))
    return _Document(workplace, tuple({word: at for at, word in enumerate(name)} for name in names), place)


def _row(text: str) -> list[str]:
    return [word for meant in _read(text) for word in meant]


def _joined_pairs(row: Sequence[str]) -> list[str]:
    """Neighbours written as one word, as people type them: "vietthang"."""
    return [first + second for first, second in pairwise(row) if "_" not in first + second]


def _post(places: Mapping[int, float]) -> tuple[Any, Any]:
    return np.fromiter(places, dtype=np.int32), np.fromiter(places.values(), dtype=np.float32)


def _count(names: Iterable[str]) -> dict[str, int]:
    times: dict[str, int] = {}
    for name in names:
        times[name] = times.get(name, 0) + 1
    return times


def make_label(workplace: Workplace, with_commune: bool) -> str:
    """A unit's name as a button shows it: shortened where it must be, with its commune where names are alike."""
    place = workplace.commune or workplace.province
    tail = f" ({place})" if with_commune and place else ""
    name = workplace.name
    for phrase, short in _load_words().labels:
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
