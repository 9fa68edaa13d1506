"""Letters and digits of an input method that stayed in a message: "nghir thai sanr", "dduwowcj", "kho6ng d9u7o7c5"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from knowledge.words import LONGEST, bare

SHORTEST, LONGEST_WORD = 3, 9
"""Letters of a syllable typed in Telex: "nghieengf" has nine."""

_TOKEN = re.compile(r"[^\W_]+")
_PARTS = re.compile(r"^([bcdghklmnpqrstvx]*)([aeiouyw][a-z]*)$")
_DOUBLE = re.compile(r"([aeo])\1+")
_TONE = re.compile(r"[sfrxj]")
_TONE_SIGNS = frozenset("12345")
_VNI_SIGNS = {"6": "aeo", "7": "uo", "8": "a", "9": "d"}


class Retyper:
    """Undoes what an input method left behind, where the result is a syllable we know and what was typed is none."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = frozenset(known)
        self._undo = lru_cache(maxsize=4096)(self._undone)

    def retyped(self, text: str) -> str:
        """The text with such syllables written without marks; the very same text when there are none.

        A word that may as well be English ("list", "post") or glued ("nghi3") is undone only beside one that cannot.
        """
        found = [(match, *self._undo(match[0])) for match in _TOKEN.finditer(text, max(0, len(text) - LONGEST))]
        if not any(is_sure for _, _, is_sure in found):
            return text
        parts, end = [], 0
        for match, syllable, _ in found:
            if syllable:
                parts += [text[end : match.start()], syllable]
                end = match.end()
        return "".join([*parts, text[end:]])

    def _undone(self, token: str) -> tuple[str, bool]:
        """The syllable that was meant, or an empty text, and whether nothing else can have been meant."""
        if token.isdigit() or len(token) < SHORTEST:
            return "", False
        if not token.isalpha():
            syllable, is_sure = undo_vni(bare(token))
        elif len(token) <= LONGEST_WORD + 1 and bare(token) not in self._known:
            syllable, is_sure = undo_telex(bare(token))
        else:
            return "", False
        return (syllable, is_sure) if syllable in self._known else ("", False)


def undo_telex(word: str) -> tuple[str, bool]:
    """A syllable typed in Telex, without marks, and whether its letters can be nothing else; empty when it is not."""
    parts = _PARTS.match(word)
    if parts is None:
        return "", False
    onset, rest = parts.groups()
    is_sure = False
    if onset == "dd":
        onset, is_sure = "d", True
    elif onset == "d" and rest.endswith("d"):
        rest, is_sure = rest[:-1], True
    tones = _TONE.findall(rest)
    if len(tones) > 1:
        return "", False
    if tones:
        is_sure = is_sure or (rest.endswith(tones[0]) and len(word) > SHORTEST)  # "bus", "tax", "gas" are words
        rest = rest.replace(tones[0], "")
    plain = _DOUBLE.sub(r"\1", rest)
    is_sure = is_sure or plain != rest
    if "w" in plain:
        plain = plain.replace("w", "") if plain[0] != "w" else "u" + plain[1:].replace("w", "")
        is_sure = True
    return (onset + plain, is_sure) if onset + plain != word else ("", False)


def undo_vni(word: str) -> tuple[str, bool]:
    """The same for digits: "thie6u3". A digit at the end alone may be a number ("ca3"), so it is not sure."""
    letters, tones = "", 0
    for sign in word:
        if not sign.isdigit():
            letters += sign
        elif sign in _TONE_SIGNS and re.search(r"[aeiouy]", letters) and not tones:
            tones += 1
        elif not set(letters) & set(_VNI_SIGNS.get(sign, "")):
            return "", False
    return letters, bool(re.search(r"[a-z]\d+[a-z]", word))
