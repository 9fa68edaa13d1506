"""Messages that need no entry: small talk, and questions about the asker's own file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from rapidfuzz import fuzz, process

from knowledge.entry import CONTENT
from knowledge.normalize import fold
from knowledge.words import Lexicon, matches_in

LONGEST = 9
"""Syllables of a message that may still be small talk; whoever writes more wants something."""

LIKENESS = 86


@dataclass(frozen=True)
class Talk:
    """Phrases read from small_talk.yaml: intents with examples, words that say nothing, and signs of an own file."""

    intents: Mapping[str, str]
    contains: tuple[tuple[str, str], ...]
    fillers: frozenset[str]
    status: tuple[tuple[str, ...], ...]
    own: tuple[tuple[str, ...], ...]

    def small_talk(self, text: str, lexicon: Lexicon) -> str | None:
        """The intent of a short message, or None when it is a question."""
        words = fold(text).split()
        if not words or len(words) > LONGEST:
            return None
        whole = " ".join(words)
        said = " ".join(word for word in words if word not in self.fillers)
        if whole in self.intents or said in self.intents:
            return self.intents.get(whole) or self.intents[said]
        if not said:  # nothing but "bạn ơi"
            return "greet"
        if matches_in(lexicon.written_out(words), lexicon.at_home):
            return None
        for phrase, intent in self.contains:
            if f" {phrase} " in f" {whole} ":
                return intent
        found = process.extractOne(said, self.intents.keys(), scorer=fuzz.ratio, score_cutoff=LIKENESS)
        return self.intents[found[0]] if found and len(found[0].split()) > 1 else None

    def own_case(self, text: str) -> bool:
        """Whether a person asks how far their own file has come."""
        words = fold(text).split()
        return _has_any(words, self.status) and _has_any(words, self.own)


def _has_any(words: Sequence[str], phrases: tuple[tuple[str, ...], ...]) -> bool:
    row = f" {' '.join(words)} "
    return any(f" {' '.join(phrase)} " in row for phrase in phrases)


def load_talk(content: Path = CONTENT) -> Talk:
    """The phrases of small_talk.yaml; those of the program when a content folder has none of its own."""
    path = content / "small_talk.yaml"
    if not path.exists():
        path = CONTENT / "small_talk.yaml"
    tree = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    fillers = frozenset(fold(word) for word in tree["fillers"])
    intents: dict[str, str] = {}
    for intent, examples in tree["intents"].items():
        for example in map(fold, examples):
            intents.setdefault(example, intent)
            short = " ".join(word for word in example.split() if word not in fillers)
            if short:
                intents.setdefault(short, intent)
    status, own = (tuple(tuple(fold(one).split()) for one in tree["own_case"][key]) for key in ("status", "own"))
    contains = tuple((fold(phrase), intent) for intent, phrases in tree["contains"].items() for phrase in phrases)
    return Talk(intents, contains, fillers, status, own)
