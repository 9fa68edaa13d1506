"""Finds phrases in a message however it is spelt, and tells which of them stand near one another."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product

from knowledge.spelling import Speller
from knowledge.telex import Retyper
from knowledge.words import Lexicon, bare, split_words

Marks = frozenset[str]
Span = tuple[int, int]
Spans = dict[str, list[Span]]
NONE: Marks = frozenset()

MARKED = 0.5
"""From this share of syllables with marks on, a message was typed with marks: in ordinary Vietnamese it is three in
four, and who leaves marks out leaves nearly all out."""

GAPS = {1: 0, 2: 5, 3: 7}
"""How many other syllables may stand between phrases that belong together, by how many they are."""

MOST_PLACES = 6
"""Places of one name that are tried: a story that repeats a word must not cost more than one that does not."""

_STRETCHED = re.compile(r"(.)\1{2,}")
_STROKE = "\u0335"
_TONES = {"\u0303": "\u0309"}  # ngã and hỏi are one tone in the South, and are written so


@dataclass(frozen=True)
class Word:
    """A syllable without marks, and its marks; None where a short form stood and nobody can tell."""

    plain: str
    marks: Marks | None = None

    def may_be(self, meant: Word) -> bool:
        """Whether a typed syllable may stand for one of our lists. Marks may be left out, not changed: "chay" may be
        "cháy", "chạy" may not; in one with marks no more than one is forgotten, and never that of đ: "nhôt" is "nhốt",
        "dâm" is not "đâm"."""
        if self.plain != meant.plain:
            return False
        if self.marks is None or meant.marks is None or not self.marks:
            return True
        forgotten = meant.marks - self.marks
        return self.marks <= meant.marks and len(forgotten) <= 1 and _STROKE not in forgotten


@lru_cache(maxsize=65536)
def word_of(typed: str) -> Word:
    """One typed syllable; letters held down say nothing ("cứuuuu")."""
    typed = _STRETCHED.sub(r"\1", typed)
    signs = unicodedata.normalize("NFD", typed.replace("đ", f"d{_STROKE}"))
    return Word(bare(typed), frozenset(_TONES.get(one, one) for one in signs if "\u0300" <= one < "\u0370"))


class Speech:
    """How messages become words: short forms, other spellings, what an input method left, slips of the finger."""

    def __init__(
        self,
        lexicon: Lexicon,
        same: Mapping[str, Sequence[str]],
        retyper: Retyper | None = None,
        speller: Speller | None = None,
    ) -> None:
        """Without `retyper` and `speller` it reads our own lists, which have nothing to mend."""
        self._lexicon = lexicon
        self._same = same
        self._retyper = retyper
        self._speller = speller

    def words_of(self, text: str) -> list[Word]:
        """The words of a text, in order."""
        typed = split_words(self._retyper.retyped(text) if self._retyper else text)
        if self._speller is not None:
            typed = self._speller.mend(typed, self._lexicon)
        return [word for one in typed for word in self._written_out(one)]

    def _written_out(self, typed: str) -> tuple[Word, ...]:
        other = self._same.get(typed)
        if other is None:
            readings = self._lexicon.readings_of(typed)
            other = readings[0] if len(readings) == 1 else None
        return (word_of(typed),) if other is None else tuple(map(Word, other))


Phrase = tuple[Word, ...]


class Finder:
    """Looks up many phrases in one pass."""

    def __init__(self, speech: Speech, named: Mapping[str, Iterable[str]]) -> None:
        """`named` gives the phrases of each name; one phrase may have several names."""
        self._by_start: defaultdict[str, list[tuple[Phrase, str]]] = defaultdict(list)
        for name, phrases in named.items():
            for phrase in dict.fromkeys(tuple(speech.words_of(one)) for one in phrases):
                self._by_start[" ".join(word.plain for word in phrase[:2])].append((phrase, name))
        self.phrases = {phrase for listed in self._by_start.values() for phrase, _ in listed}

    def find(self, row: Sequence[Word]) -> Spans:
        """Where each name is said."""
        found: Spans = {}
        ends = [word.plain for word in row[1:]]
        is_marked = sum(bool(word.marks) for word in row) >= MARKED * len(row)
        for start, word in enumerate(row):
            keys = (word.plain, f"{word.plain} {ends[start]}") if start < len(ends) else (word.plain,)
            for key in keys:
                for phrase, name in self._by_start.get(key, ()):
                    end = start + len(phrase)
                    if _is_said(phrase, row[start:end], is_marked):
                        found.setdefault(name, []).append((start, end))
        return found


def _is_said(phrase: Phrase, typed: Sequence[Word], is_marked: bool) -> bool:
    """Whether the typed syllables are the phrase. Who types with marks forgets some, but not all of a phrase: "lo" in
    such a text is no "lở"."""
    if len(typed) < len(phrase):
        return False
    if not all(one.may_be(meant) for one, meant in zip(typed, phrase, strict=True)):
        return False
    return not is_marked or any(one.marks != NONE or not meant.marks for one, meant in zip(typed, phrase, strict=True))


def together(found: Spans, names: Sequence[str]) -> tuple[Span, ...]:
    """The places where all the names are said near one another, in any order; empty when nowhere."""
    for name in names:
        if name not in found:
            return ()
    for spans in product(*(found[name][:MOST_PLACES] for name in names)):
        said = sum(end - start for start, end in spans)
        ordered = sorted(spans)
        apart = all(one[1] <= next_one[0] for one, next_one in pairwise(ordered))
        if apart and ordered[-1][1] - ordered[0][0] - said <= GAPS[len(names)]:
            return tuple(spans)
    return ()


def read_whole(found: Spans, whole: str) -> frozenset[int]:
    """Takes out what is said only by a part of a phrase of that name: "tay áo" tells no hand, "không cho nghỉ" nobody
    who was told to go. What holds the whole phrase stays. Returns the places of these phrases."""
    read = found.pop(whole, [])
    for start, end in read:
        for name, spans in list(found.items()):
            kept = [one for one in spans if one[1] <= start or end <= one[0] or (one[0] <= start and end <= one[1])]
            if kept:
                found[name] = kept
            else:
                del found[name]
    return frozenset(at for start, end in read for at in range(start, end))
