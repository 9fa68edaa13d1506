"""Messages that need no entry: small talk, and questions about the asker's own file."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, log
from pathlib import Path
from typing import Any

import yaml
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from knowledge.entry import CONTENT
from knowledge.index import Index
from knowledge.normalize import fold
from knowledge.words import Lexicon, bare, matches_in, pairs_of, split_words

LONGEST = 10
"""Syllables of a message that may still be small talk; whoever writes more wants something."""

LIKENESS = 86
SHORTEST_MENDED = 4

FAINT, LIKELY = -2.0, 1.0
"""From this much evidence a message that is no known phrase counts as small talk when search does not answer it: the
first where it has no word of our field, the second where it has."""

SURE = 2.5
"""From this much on it counts as small talk without a search: of 7,000 short phrasings and questions none has it."""

LEANING = -3.0
"""A known phrase inside a message makes it small talk when the rest says no more than this against it."""

MOST, LEAST, UNHEARD, UNKNOWN = 3.0, -5.0, -2.0, -1.0
"""What one word can say for and against small talk; at most what one that no example has, but some question; and what
one that neither has."""

PAIR = 0.3
"""How much a pair of words counts beside the words: "mấy giờ" is said to friends, "giờ" at work."""

VAGUE = "chat"
"""The intent when hardly anything speaks for one: its line says what can be asked here, so it is never out of place."""

SMOOTHING = 10.0
"""Words by which the examples of an intent are filled up with those of all, so that a short list is no likelier."""

_RUN = re.compile(r"([a-tv-z])\1+|(u)\2{2,}")  # "uu" is "ưu"
_TWICE = re.compile(r"^([a-z]{2})\1+$")
_LAUGHTER = re.compile(r"^[kh]{2,}$")


@dataclass(frozen=True)
class Guess:
    """The intent of a message, and how much speaks for small talk at all: without end for a phrase we know."""

    intent: str
    evidence: float = inf

    @property
    def is_sure(self) -> bool:
        """Whether no search is needed."""
        return self.evidence > SURE

    def outweighs(self, names_something: bool) -> bool:
        """Whether it is small talk when search has no answer either. `names_something` tells whether the message has
        any word of our field: then more is asked for."""
        return self.evidence > (LIKELY if names_something else FAINT)


@dataclass(frozen=True)
class Phrasebook:
    """The phrases of small_talk.yaml, read once."""

    intents: Mapping[str, tuple[str, ...]]
    contains: Mapping[str, tuple[str, ...]]
    fillers: frozenset[str]
    same: Mapping[str, tuple[str, ...]]
    signs: Mapping[str, tuple[str, ...]]
    ours: tuple[str, ...]
    general: frozenset[str]
    said_outright: frozenset[str]
    status: tuple[str, ...]
    own: tuple[str, ...]

    def words_of(self, text: str) -> list[str]:
        """A message in the words of the examples: "Chàooo tui nèk" → chao, toi, ne. A form listed with marks is known
        by its marks only, for without them "òi" (rồi) is "ơi"."""
        row: list[str] = []
        for word in split_words(text):
            plain = squeezed(bare(word))
            row += self.same.get(word) or self.same.get(plain) or (plain,)
        return row


@dataclass
class Counts:
    """How often words and pairs of words occur in the examples."""

    words: Counter[str] = field(default_factory=Counter)
    pairs: Counter[str] = field(default_factory=Counter)

    def add(self, row: Sequence[str]) -> None:
        self.words.update(set(row))
        self.pairs.update(set(pairs_of(row)))


def squeezed(word: str) -> str:
    """A word without the letters that only stretch it: "alooo" → alo, "hihihihi" → hihi, "kkkkkk" → kkk."""
    if _LAUGHTER.match(word):
        return word[0] * 3
    word = _RUN.sub(r"\1\2", word)
    twice = _TWICE.match(word)
    return twice[1] * 2 if twice else word


class Talk:
    """Tells small talk from questions: by whole phrases, else by what its words say beside those of our questions."""

    def __init__(self, book: Phrasebook, asked: Index) -> None:
        """`asked` is the index of the phrasings of all entries: the words of questions."""
        self._book = book
        self._asked: Callable[[str], int] = asked.count_of
        self._asked_words, self._asked_pairs = asked.postings
        self._phrases: dict[str, str] = {}
        self._said: defaultdict[str, Counts] = defaultdict(Counts)
        self._all = Counts()
        for intent, examples in book.intents.items():
            for row in map(book.words_of, examples):
                self._all.add(row)
                self._said[intent].add(row)
                self._phrases.setdefault(" ".join(row), intent)
                short = " ".join(word for word in row if word not in book.fillers)
                if " " in short or not self._asked(short):  # what is left of "bạn nghĩ gì" is not "nghỉ"
                    self._phrases.setdefault(short, intent)
        self._total, self._total_pairs = self._all.words.total(), self._all.pairs.total()
        self._contains = [
            (f" {' '.join(book.words_of(phrase))} ", intent)
            for intent, phrases in book.contains.items()
            if intent not in book.said_outright
            for phrase in phrases
        ]
        self.words = frozenset(self._all.words) | book.fillers | frozenset(book.same)
        self._listed = sorted(word for word in self._all.words if len(word) >= SHORTEST_MENDED)

    def small_talk(self, text: str, lexicon: Lexicon) -> Guess | None:
        """What a short message is when it is no question; None when it is one."""
        outcry = self._outcry(text, lexicon)
        if outcry is not None or len(text.split()) > 2 * LONGEST:  # a story, whatever its words become
            return outcry
        words = [self._mended(word) for word in self._book.words_of(text)]
        if not words:
            return self._sign(text)
        if len(words) > LONGEST:
            return None
        whole = " ".join(words)
        said = " ".join(word for word in words if word not in self._book.fillers)
        intent = self._phrases.get(whole) or self._phrases.get(said) or (None if said else "greet")
        if intent is not None:
            return Guess(intent)
        for phrase, inside in self._contains:
            if phrase in f" {whole} " and self._says_nothing_more(f" {whole} ".replace(phrase, " . "), lexicon):
                return Guess(inside)
        if self._names_ours(text, lexicon):
            return None
        evidence = self._evidence(words)
        found = process.extractOne(said, self._phrases.keys(), scorer=fuzz.ratio, score_cutoff=LIKENESS)
        if found and " " in found[0] and evidence > LEANING:
            return Guess(self._phrases[found[0]])
        if evidence <= FAINT:
            return None
        return Guess(self._likeliest(words) if evidence > LIKELY else VAGUE, evidence)

    def own_case(self, text: str) -> bool:
        """Whether a person asks how far their own file has come."""
        row = f" {fold(text)} "
        return _has_any(row, self._book.status) and _has_any(row, self._book.own)

    def _sign(self, text: str) -> Guess | None:
        """What a message of faces and hearts alone says; None when it is only punctuation."""
        plain = text.replace("\ufe0f", "").replace(" ", "")
        for intent, signs in self._book.signs.items():
            if any(sign in plain for sign in signs):
                return Guess(intent)
        return Guess("greet") if any(unicodedata.category(sign) == "So" for sign in plain) else None

    def _mended(self, word: str) -> str:
        """A word that neither we nor our members use, as the one of ours it is a slip away from."""
        if len(word) < SHORTEST_MENDED or word in self.words or self._asked(word):
            return word
        found = process.extractOne(word, self._listed, scorer=OSA.distance, score_cutoff=1)
        return found[0] if found else word

    def _outcry(self, text: str, lexicon: Lexicon) -> Guess | None:
        """A grave word in a message of any length that names nothing of ours; in a text with marks, as it is spelt."""
        spelt = " ".join(split_words(text))
        row = f" {fold(spelt)} "
        for intent in self._book.said_outright:
            for phrase in self._book.contains[intent]:
                found = f" {fold(phrase)} "
                if found in row and (phrase in spelt or row.strip() == spelt):
                    return None if self._names_ours(row.replace(found, " . "), lexicon) else Guess(intent)
        return None

    def _says_nothing_more(self, rest: str, lexicon: Lexicon) -> bool:
        return not self._names_ours(rest, lexicon) and self._evidence(fold(rest).split()) > LEANING

    def _names_ours(self, text: str, lexicon: Lexicon) -> bool:
        """Whether the message names something of our field or of another. Single syllables do not count here: without
        marks "thuong" is a bonus and a dear friend; they weigh in the evidence."""
        row = lexicon.written_out(split_words(text))
        if _has_any(f" {' '.join(row)} ", self._book.ours):
            return True
        if matches_in(row, lexicon.at_home) or matches_in(row, lexicon.elsewhere):
            return True
        return any(
            len(phrase) > 1 and name not in self._book.general for name, phrase in matches_in(row, lexicon.concepts)
        )

    def _evidence(self, words: Sequence[str]) -> float:
        """How much more the words are those of small talk than those of questions."""
        row = dict.fromkeys(words)
        total = sum(self._weight(word) for word in row if word not in self._book.fillers)
        return total + PAIR * sum(self._weight_of_pair(pair) for pair in dict.fromkeys(pairs_of(words)))

    def _weight(self, word: str) -> float:
        here, there = self._all.words[word], self._asked(word)
        if not here and not there:
            return UNKNOWN
        ratio = log((here or 0.1) / self._total * self._asked_words / (there + 1))
        return max(LEAST, min(ratio, MOST if here else UNHEARD))

    def _weight_of_pair(self, pair: str) -> float:
        here, there = self._all.pairs[pair], self._asked(pair)
        if not here:
            return LEAST / 2 if there else 0.0
        ratio = log(here / self._total_pairs * self._asked_pairs / (there + 1))
        return max(LEAST, min(ratio, MOST))

    def _likeliest(self, words: Sequence[str]) -> str:
        """The intent whose examples have these words most often."""

        def worth(intent: str) -> float:
            counts = self._said[intent]
            total = counts.words.total() + SMOOTHING
            usual = {word: SMOOTHING * self._all.words[word] / self._total for word in words}
            of_words = sum(log((counts.words[word] + more) / total) for word, more in usual.items() if more)
            return of_words + sum(bool(counts.pairs[pair]) for pair in pairs_of(words))

        return max((one for one in self._said if one not in self._book.said_outright), key=worth)


def _has_any(row: str, phrases: tuple[str, ...]) -> bool:
    return any(phrase in row for phrase in phrases)


def _spaced(phrases: Iterable[str]) -> tuple[str, ...]:
    """As they stand in a row of words with a space at both ends."""
    return tuple(f" {fold(phrase)} " for phrase in phrases)


def load_phrasebook(content: Path = CONTENT) -> Phrasebook:
    """The phrases of small_talk.yaml; those of the program when a content folder has none of its own."""
    path = content / "small_talk.yaml"
    if not path.exists():
        path = CONTENT / "small_talk.yaml"
    tree: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return Phrasebook(
        intents={intent: tuple(examples) for intent, examples in tree["intents"].items()},
        contains={intent: tuple(phrases) for intent, phrases in tree["contains"].items()},
        fillers=frozenset(squeezed(word) for filler in tree["fillers"] for word in fold(filler).split()),
        same={
            str(form).lower(): tuple(map(squeezed, fold(word).split()))
            for word, forms in tree["same"].items()
            for form in forms
        },
        signs={intent: tuple(sign.replace("\ufe0f", "") for sign in signs) for intent, signs in tree["signs"].items()},
        ours=_spaced(tree["ours"]),
        general=frozenset(tree["general"]),
        said_outright=frozenset(tree["said_outright"]),
        status=_spaced(tree["own_case"]["status"]),
        own=_spaced(tree["own_case"]["own"]),
    )
