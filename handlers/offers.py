"""Understands a typed answer to buttons: their number or their words, with or without marks, also misspelt."""

import re
from collections.abc import Sequence

from rapidfuzz import fuzz, process

from handlers.chat import StoredButton
from knowledge.normalize import fold

_MIN_LIKENESS = 88
"""Below this a typed text is a message of its own. Measured on pairs of labels: the closest different ones reach 80."""

_LONGEST_LABEL = 60
"""Nobody retypes more than this; longer texts are never compared, so a story cannot press a button."""

_NUMBER_WORDS = {
    "mot": 1, "hai": 2, "ba": 3, "bon": 4, "tu": 4, "nam": 5, "sau": 6, "bay": 7, "tam": 8, "chin": 9, "muoi": 10,
    "nhat": 1, "nhi": 2,
}  # fmt: skip
_LEADS = (
    r"(?:(?:em|toi|minh|anh|chi|cho|xin|ok|da|lay|chon|bam|nhan|an|so|muc|cau|nut|phim|y|cai|thu|dap an|lua chon"
    r"|phuong an)\s+)*"
)
_TAILS = r"(?:\s+(?:nhe|nha|a|di|ad|ban|luon|ne|voi|em|anh|chi|oi|do))*"
_CHOICE = re.compile(rf"^{_LEADS}(\d{{1,2}}|{'|'.join(_NUMBER_WORDS)}){_TAILS}$")


def find_pressed(text: str, offered: Sequence[StoredButton]) -> StoredButton | None:
    """The offered button that a typed text means; None when it means none, or two alike."""
    words = fold(text)
    choices = [button for button in offered if button.action]
    if not words or not choices or len(words) > _LONGEST_LABEL:
        return None
    number = read_choice(words)
    if number is not None:
        return choices[number - 1] if 1 <= number <= len(choices) else None
    labels = [fold(button.label) for button in choices]
    if words in labels:
        return choices[labels.index(words)] if labels.count(words) == 1 else None
    best = process.extract(words, labels, scorer=fuzz.ratio, limit=2, score_cutoff=_MIN_LIKENESS)
    if not best or (len(best) > 1 and best[0][1] - best[1][1] < 3):
        return None
    return choices[best[0][2]]


def read_choice(words: str) -> int | None:
    """The number of a folded text such as "2", "chon so 2" or "hai nhe"; None when it is anything else."""
    match = _CHOICE.match(words)
    if match is None:
        return None
    value = match.group(1)
    return int(value) if value.isdigit() else _NUMBER_WORDS[value]
