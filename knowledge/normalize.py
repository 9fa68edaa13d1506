"""One spelling for many: the folding that every comparison of Vietnamese words rests on."""

import re
import unicodedata
from functools import lru_cache

_NOT_WORD = re.compile(r"[^0-9a-z]+")
_MARKS = {ord("đ"): "d", ord("Đ"): "D"} | dict.fromkeys(range(0x0300, 0x0370))


@lru_cache(maxsize=64)  # whoever looks at a message folds it, some ten times in a turn
def fold(text: str) -> str:
    """Lower case, without marks, đ as d, punctuation and runs of space as one space."""
    bare = unicodedata.normalize("NFD", text).translate(_MARKS).lower()
    return _NOT_WORD.sub(" ", bare).strip()
