"""Phrasings that a reader of the index would take for another entry: each is left out and looked for."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from knowledge.answer import Answerer, build_answerer
from knowledge.entry import CONTENT, Library, Problem
from knowledge.problems import problem, shown_path

SURE = 0.97
"""How sure the wrong answer must be. Neighbours that a member is asked back about are no mistake."""

AMONG = 4


def check_meaning(library: Library, today: date, content: Path = CONTENT) -> list[Problem]:
    """A problem for each phrasing of a published entry that, left out of the index, finds another entry with confidence
    and its own not even among the first four. Entries that name each other as related may share their words."""
    answerer = build_answerer(library, content)
    searcher, found = answerer.parts.searcher, []
    number = 0
    for entry_id, phrasings in zip(searcher.ids, searcher.phrasings, strict=True):
        for phrase in phrasings:
            other = _mistaken_for(answerer, phrase, number, entry_id, today)
            number += 1
            entry = library.entries[entry_id]
            if other and other not in entry.related and entry_id not in library.entries[other].related:
                line = _line_of(entry.path, phrase)
                found.append(problem(shown_path(entry.path), line, "same_meaning", phrase=phrase, other=other))
    return found


def _mistaken_for(answerer: Answerer, phrase: str, number: int, entry_id: str, today: date) -> str | None:
    result = answerer.parts.searcher.search(phrase, without=number)
    if not result.hits or entry_id in [hit.entry_id for hit in result.hits[:AMONG]]:
        return None
    chance = answerer.parts.bar.first.chance(answerer.features(result, today))
    return result.hits[0].entry_id if chance >= SURE else None


def _line_of(path: Path, phrase: str) -> int:
    text = path.read_text(encoding="utf-8")
    found = text.find(phrase[:60])
    return text.count("\n", 0, found) + 1 if found >= 0 else 1
