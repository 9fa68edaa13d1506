"""An index in memory over the names of workplaces: which of ten thousand a few typed words mean, in milliseconds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

from db.units import Workplace
from handlers.alike import likeness, slips_allowed, sound, untelex
from handlers.workplace_words import Word, load_words, read_words

_MOST_WORDS = 16
_SHORTLIST = 60
_MOST_REMEMBERED = 20_000

_COMMON_WEIGHT = 0.1
_SAID_WEIGHT = 0.03
_PLACE_SHARE = 0.85
"""What a place tells beside a name."""

_SPOKEN_ALIKE = 0.85
_JOINED = 0.95
_BEGINNING = 0.75
_OTHER_MARKS = 0.8
"""How surely a word is meant that sounds alike, was typed in pieces, was only begun, or has other marks."""

_SHORTEST_BEGINNING, _BEGINNING_OF = 3, 6
_LONGEST_JOIN = 5
_SHORTEST_JOIN = 4
_SHORTEST_SLIPPED_JOIN = 6

_MOSTLY = 0.7
_EXPLAINED, _COVERED, _IN_ORDER = 0.70, 0.20, 0.10
"""What makes a score: how much of what was typed the unit explains, how much of its name was typed, in its order."""


@dataclass(frozen=True)
class Document:
    """A workplace as it is searched: the words of its name and of its employer's with their places in the row, those of
    its place, and of every word how much of it the workplace has; ``marks`` are those of words in its names."""

    workplace: Workplace
    names: tuple[Mapping[str, int], ...]
    place: frozenset[str]
    shares: Mapping[str, float]
    marks: Mapping[str, frozenset[str]]
    named: frozenset[str]
    """The words of its names, and neighbours among them written as one."""

    def share(self, word: str, typed: Word) -> float:
        """How much of a word it has: all in its name, less in its place, less with other marks than were typed."""
        share = self.shares.get(word, 0.0)
        if share == 1.0 and typed.marks and word == typed.written:
            marks = self.marks.get(word)
            if marks and typed.marks not in marks and "" not in marks:
                return _OTHER_MARKS
        return share


@dataclass
class _Typed:
    """A typed word: which words of the index it may stand for and how surely, and how much it tells."""

    word: Word
    meant: dict[str, float] = field(default_factory=dict)
    weight: float = 1.0
    tells: bool = True

    def best_in(self, document: Document) -> tuple[str, float]:
        """Which word of a workplace is meant, and how surely; an empty word when none is."""
        best, most = "", 0.0
        for word, surely in self.meant.items():
            value = surely * document.share(word, self.word)
            if value > most:
                best, most = word, value
        return best, most


class Index:
    """All that is remembered of the open units; never changed once built."""

    def __init__(self, workplaces: Sequence[Workplace]) -> None:
        self._documents = [_describe(one) for one in workplaces]
        shares: dict[str, dict[int, float]] = {}
        whole: set[str] = set()
        for number, document in enumerate(self._documents):
            whole |= document.place.union(*document.names)
            for word, share in document.shares.items():
                shares.setdefault(word, {})[number] = share
        self._postings = {word: _post(found) for word, found in shares.items()}
        self._weights = {word: self._weigh(word, len(found)) for word, found in shares.items()}
        self._vocabulary = sorted(word for word in whole if "_" not in word)
        self._by_ear: dict[str, list[str]] = {}
        for word in self._postings:
            if "_" not in word and not word.isdigit():
                self._by_ear.setdefault(sound(word), []).append(word)
        self._alike: dict[str, dict[str, float]] = {}

    def _weigh(self, word: str, times: int) -> float:
        """How much a word tells: a rare one much, one that all have nothing."""
        if word in load_words().common:
            return _COMMON_WEIGHT
        size = len(self._documents)
        return float(np.log1p(size / times) / np.log1p(size)) if size > 1 else 1.0

    def search(self, text: str, least: float) -> list[tuple[float, Document]]:
        """The workplaces that a text may mean, with scores between ``least`` and 1, the likeliest first."""
        typed = self._type(text)
        if not self._documents or not any(one.weight > _SAID_WEIGHT for one in typed):
            return []
        total = np.zeros(len(self._documents), dtype=np.float32)
        for one in typed:
            best = np.zeros(len(self._documents), dtype=np.float32)
            for word, surely in one.meant.items():
                places, shares = self._postings[word]
                best[places] = np.maximum(best[places], shares * np.float32(surely))
            total += best * np.float32(one.weight)
        size = min(_SHORTLIST, len(total))
        shortlist = np.argpartition(-total, size - 1)[:size]
        scored = ((self._score(self._documents[number], typed), int(number)) for number in shortlist)
        likely = sorted((pair for pair in scored if pair[0] >= least), key=lambda pair: (-pair[0], pair[1]))
        return [(score, self._documents[number]) for score, number in likely]

    def telling(self, document: Document) -> set[str]:
        """The words of a name that tell it from others."""
        return {word for word in document.names[0] if self._weights[word] > _COMMON_WEIGHT}

    def _type(self, text: str) -> list[_Typed]:
        typed = [self._read(word) for word in read_words(text)[:_MOST_WORDS]]
        for start in range(len(typed)):
            for end in range(start + 2, min(start + _LONGEST_JOIN, len(typed)) + 1):
                self._join(typed[start:end])
        return typed

    def _read(self, word: Word) -> _Typed:
        typed = _Typed(word)
        for one in word.meant:
            for other, surely in self._find_alike(one).items():
                typed.meant[other] = max(typed.meant.get(other, 0.0), surely)
        if word.is_common or word.meant[-1] in load_words().said:
            typed.weight, typed.tells = (_COMMON_WEIGHT if word.is_common else _SAID_WEIGHT), False
            return typed
        known = [self._weights[one] for one in word.meant if one in self._weights]
        near = [self._weights[other] for other, surely in typed.meant.items() if surely >= _SPOKEN_ALIKE]
        typed.weight = min(known or near, default=1.0)
        return typed

    def _join(self, pieces: Sequence[_Typed]) -> None:
        """One word that was typed in pieces: "sam sung", "to yo ta"."""
        whole = "".join(one.word.written for one in pieces)
        if len(whole) < _SHORTEST_JOIN or whole.isdigit():
            return
        found = {whole} & self._postings.keys() or {
            word for word in self._by_ear.get(sound(whole), ()) if len(word) >= _SHORTEST_JOIN
        }
        is_strange = any(one.word.written not in self._postings for one in pieces)
        if not found and is_strange and len(whole) >= _SHORTEST_SLIPPED_JOIN:
            found = {word for word, _surely in self._slipped(whole)}
        for word in found:
            for one in pieces:
                one.meant[word] = max(one.meant.get(word, 0.0), _JOINED)
                one.weight = max(one.weight, self._weights[word] / len(pieces))

    def _find_alike(self, word: str) -> dict[str, float]:
        """Words of the index that a typed one may stand for, with how surely; remembered, since people type alike."""
        known = self._alike.get(word)
        if known is None:
            if len(self._alike) > _MOST_REMEMBERED:
                self._alike.clear()
            known = self._alike[word] = self._look_alike(word)
        return known

    def _look_alike(self, word: str) -> dict[str, float]:
        if "_" in word:
            return {word: 1.0} if word in self._postings else {}
        alike = dict(self._begun(word)) | dict(self._slipped(word))
        plain = untelex(word)
        if word not in self._postings and plain in self._postings:
            alike[plain] = _JOINED
        for key in {sound(word), sound(plain)}:
            for other in self._by_ear.get(key, ()):
                alike[other] = max(alike.get(other, 0.0), _SPOKEN_ALIKE)
        if word in self._postings:
            alike[word] = 1.0
        return alike

    def _slipped(self, word: str) -> Iterator[tuple[str, float]]:
        """Words that differ by a slip of the finger or two."""
        allowed = slips_allowed(word)
        if not allowed or not self._vocabulary:
            return
        distances = cdist([word], self._vocabulary, scorer=OSA.distance, score_cutoff=allowed, dtype=np.uint8)[0]
        for place in np.flatnonzero(distances <= allowed):
            other, slips = self._vocabulary[place], int(distances[place])
            if slips_allowed(other) >= slips and (other[0] == word[0] or len(word) >= _SHORTEST_SLIPPED_JOIN):
                yield other, likeness(word, slips)

    def _begun(self, word: str) -> Iterator[tuple[str, float]]:
        """Long words of which only the beginning was typed."""
        if len(word) >= _SHORTEST_BEGINNING:
            for other in self._vocabulary:
                if len(other) >= max(_BEGINNING_OF, len(word) + 2) and other.startswith(word):
                    yield other, _BEGINNING

    def _score(self, document: Document, typed: Sequence[_Typed]) -> float:
        """How well a workplace fits, between 0 and 1."""
        explained = 0.0
        hits: dict[str, float] = {}
        in_names: list[str] = []
        elsewhere = False
        for one in typed:
            best, share = one.best_in(document)
            explained += share * one.weight
            if best:
                hits[best] = max(hits.get(best, 0.0), share)
                if one.tells and best in document.named:
                    in_names.append(best)
                elsewhere = elsewhere or (one.tells and best not in document.named)
        covered = max((self._cover(name, hits) for name in document.names), default=0.0)
        order = max((_in_order(name, in_names) for name in document.names), default=0.0)
        explained /= sum(one.weight for one in typed)
        score = explained * (_EXPLAINED + _COVERED * min(1.0, covered) + _IN_ORDER * order)
        is_named = covered >= _MOSTLY and (len(set(in_names)) > 1 or not elsewhere)
        is_place = not is_named and all(word in document.place for word in in_names)
        return score / 2 if is_place else score  # a place alone, or a legal form alone, names nobody

    def _cover(self, name: Mapping[str, int], hits: Mapping[str, float]) -> float:
        """How much of what tells this name from others was typed."""
        row = list(name)
        telling = typed = 0.0
        for place, word in enumerate(row):
            weight = self._weights[word]
            if weight > _COMMON_WEIGHT:
                around = (*row[max(0, place - 1) : place + 2],)
                pairs = (first + second for first, second in pairwise(around))
                telling += weight
                typed += weight * max(hits.get(one, 0.0) for one in (word, *pairs))
        return typed / telling if telling else float(bool(hits))


def _in_order(name: Mapping[str, int], hits: Sequence[str]) -> float:
    """How many neighbours among the typed words are neighbours in the name as well."""
    places = [name[word] for word in hits if word in name]
    if len(places) < 2:
        return 1.0 if places else 0.0
    return sum(later - earlier in (0, 1) for earlier, later in pairwise(places)) / (len(hits) - 1)


def _describe(workplace: Workplace) -> Document:
    rows = [read_words(text) for text in (workplace.name, workplace.employer) if text]
    names = tuple(map(_place_words, rows))
    named = frozenset().union(*names, *(_joined_pairs(list(name)) for name in names))
    place = frozenset(one for text in (workplace.commune, workplace.province) if text for one in _all_meanings(text))
    shares = dict.fromkeys(place, _PLACE_SHARE) | dict.fromkeys(named, 1.0)
    marks: dict[str, set[str]] = {}
    for word in (word for row in rows for word in row if word.meant == (word.written,)):
        marks.setdefault(word.written, set()).add(word.marks)
    return Document(workplace, names, place, shares, {word: frozenset(found) for word, found in marks.items()}, named)


def _place_words(row: Sequence[Word]) -> dict[str, int]:
    """Words with their places among those that are not common to all."""
    name: dict[str, int] = {}
    place = 0
    for word in row:
        for one in word.meant:
            name.setdefault(one, place)
        place += not word.is_common
    return name


def _all_meanings(text: str) -> set[str]:
    return {one for word in read_words(text) for one in word.meant}


def _joined_pairs(row: Sequence[str]) -> list[str]:
    """Neighbours written as one word, as people type them: "vietthang"."""
    return [first + second for first, second in pairwise(row) if "_" not in first + second]


def _post(shares: Mapping[int, float]) -> tuple[Any, Any]:
    return np.fromiter(shares, dtype=np.int32), np.fromiter(shares.values(), dtype=np.float32)
