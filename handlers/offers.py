"""Understands a typed answer to buttons: their number or their words, with or without marks, also misspelt.

How people type is data (`knowledge/content/typed_choices.yaml`). A text that only happens to hold a number or the words
of a button is a message of its own: every word around the number must be one that people put around a choice.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from db.models import Conversation
from handlers.chat import Channel, Reply, StoredButton, StoredReply
from knowledge.choices import Phrases, TypedChoices, load_choices
from knowledge.normalize import fold

_MIN_LIKENESS = 88
"""Below this a typed text is a message of its own. Measured on pairs of labels: the closest different ones reach 80."""

_SHORTEST_MISSPELT = 6
"""Shorter labels differ by one letter from too many other words."""

_LONGEST = 60
"""Nobody retypes more than this; a longer text presses only the label it repeats letter for letter, so that a story
presses nothing."""

_OLDER = 1
_MOST_OLDER = 20
"""How many buttons are remembered by their words after others were shown."""

_LONGEST_PHRASE = 3
_WORD = re.compile(r"[^\W\d_]+|\d+")
_DRAWN_OUT = re.compile(r"([^\W\dbcdghklmnpqrstvx])\1+$")
_AMOUNT = re.compile(r"[%$€₫=+<>~]|\d\s*[.,:/-]\s*\d")
"""Percentages, sums, dates and hours are no choices."""

LAST = -1
"""What `read_choice` returns for the last one, wherever the list ends."""


@dataclass(frozen=True)
class _Word:
    """A syllable or number as typed, and without its marks."""

    typed: str
    plain: str


@dataclass(frozen=True)
class _Number:
    """A number found in a text: its value, the words it takes, and how sure its form is."""

    value: int
    length: int
    is_digits: bool = False
    needs_lead: bool = False


def remember_offer(conversation: Conversation, replies: Sequence[Reply], channel: Channel) -> None:
    """Keep the buttons just shown, so that their number or words press them hours later. Where buttons are numbered,
    their order is that of the numbers shown; elsewhere nobody sees numbers, and the last message's come first. Where
    only long lists are numbered, those come before the rest.

    A step that was put without buttons wants words: from then on a number is an answer to it.
    """
    listed = [reply for reply in replies if channel.numbers(len(reply.buttons))]
    in_order = [*listed, *(reply for reply in replies[::-1] if reply not in listed)]
    buttons = [
        button for reply in in_order for button in StoredReply.from_json(Reply("", reply.buttons).to_json()).buttons
    ]
    if conversation.feature is not None or any(button.action for button in buttons):
        offer(conversation, buttons)


def offer(conversation: Conversation, buttons: Sequence[StoredButton]) -> None:
    """From now on these buttons are what a number or a label means; those before them keep their words only."""
    new = [[button.label, button.action] for button in buttons if button.action]
    labels = {fold(label) for label, _ in new}
    before = [[*row[:2], _OLDER] for row in (conversation.offered or []) if fold(row[0]) not in labels]
    conversation.offered = [*new, *before[:_MOST_OLDER]]


def list_offered(conversation: Conversation) -> tuple[list[StoredButton], list[StoredButton]]:
    """The buttons last shown, in the order of their numbers; and older ones, the newest first."""
    rows = conversation.offered or []
    current, older = (
        [StoredButton(*row[:2]) for row in rows if (len(row) > 2) is is_older] for is_older in (False, True)
    )
    return current, older


def find_pressed(text: str, offered: Sequence[StoredButton], older: Sequence[StoredButton] = ()) -> StoredButton | None:
    """The offered button that a typed text means, or the older one that its words name; None when it means none, or two
    alike."""
    return _find_offered(text, offered) or _find_named(text, older)


def _find_offered(text: str, offered: Sequence[StoredButton]) -> StoredButton | None:
    choices = [button for button in offered if button.action]
    labels = [fold(button.label) for button in choices]
    words = fold(unicodedata.normalize("NFKC", text))
    if not words or not choices:
        return None
    if words in labels:
        return _only(choices, labels, words)
    if len(words) > _LONGEST:
        return None
    number = read_choice(text)
    if number is not None and number <= len(choices):
        return choices[number if number == LAST else number - 1]
    return _find_by_number_and_label(text, choices, labels) or _find_by_label(text, choices, labels)


def _find_named(text: str, older: Sequence[StoredButton]) -> StoredButton | None:
    """By its words, letter for letter but for marks and politeness: nobody looks at these any more."""
    labels = [fold(button.label) for button in older]
    if not labels or len(fold(text)) > max(_LONGEST, *map(len, labels)):
        return None
    return next((_only(older, labels, way) for way in _ways_of_reading(text) if way in labels), None)


def read_choice(text: str) -> int | None:
    """The number of a text such as "2", "chon so 2" or "hai nhe" (`LAST` for the last one); None when it is anything
    else."""
    if _AMOUNT.search(text):
        return None
    words = _split(text)
    for start in range(len(words)):
        number = _number_at(words, start)
        if number is None:
            continue
        before, after = words[:start], words[start + number.length :]
        if _may_lead(before, number) and _may_follow(after, before, number):
            return number.value
    return None


def _split(text: str) -> list[_Word]:
    """Syllables and numbers; circled and full-width digits become plain ones, and "nhaaa" becomes "nha"."""
    words = (_DRAWN_OUT.sub(r"\1", word) for word in _WORD.findall(unicodedata.normalize("NFKC", text).lower()))
    return [_Word(word, fold(word)) for word in words if fold(word)]


def _number_at(words: Sequence[_Word], start: int) -> _Number | None:
    lists = load_choices()
    word = words[start]
    if word.typed.isdigit():
        is_choice = len(word.typed) <= 2 and int(word.typed) > 0
        return _Number(int(word.typed), 1, is_digits=True) if is_choice else None
    for phrases, end, needs_lead in (
        (lists.first, 1, False),
        (lists.last, LAST, False),
        (lists.first_after, 1, True),
        (lists.last_after, LAST, True),
    ):
        length = _phrase_at(words, start, phrases)
        if length:
            return _Number(end, length, needs_lead=needs_lead)
    if start and (words[start - 1].plain,) in lists.rank_word and word.typed in lists.ranks:
        return _Number(lists.ranks[word.typed], 1)
    value = lists.numbers.get(word.typed)
    if value is None:
        return None
    ones = lists.numbers.get(words[start + 1].typed, 10) if value == 10 and start + 1 < len(words) else 10
    return _Number(value, 1) if ones >= 10 else _Number(10 + ones, 2)


def _may_lead(before: Sequence[_Word], number: _Number) -> bool:
    """Whether people put these words before a choice. "anh hai" and "chú tư" are people, "con thứ hai" is a child."""
    lists = load_choices()
    kinds = _kinds_of(before, lists)
    if kinds is None:
        return False
    if not kinds:
        return not number.needs_lead
    does = "verb" in kinds
    if kinds[-1] in ("verb", "thing"):
        return True
    if number.needs_lead:
        return False
    if kinds[-1] == "rank":
        return len(kinds) == 1 or does or kinds[-2] not in ("self", "other")
    if kinds[-1] == "self":
        return number.is_digits or does
    if kinds[-1] == "other":
        return number.is_digits and does
    return True


def _kinds_of(words: Sequence[_Word], lists: TypedChoices) -> list[str] | None:
    """What each phrase of a row is; None when one of them does not belong before a choice."""
    kinds: list[str] = []
    start = 0
    while start < len(words):
        for kind, phrases in (
            ("rank", lists.rank_word),
            ("thing", lists.things),
            ("verb", lists.verbs),
            ("self", lists.selves),
            ("other", lists.others),
            ("opener", lists.openers),
        ):
            length = _phrase_at(words, start, phrases)
            if length:
                kinds.append(kind)
                start += length
                break
        else:
            return None
    return kinds


def _may_follow(after: Sequence[_Word], before: Sequence[_Word], number: _Number) -> bool:
    """Whether people put these words behind a choice. "2 nhé em" chooses, "2 em" counts children. The number itself may
    come again: "số hai (2)"."""
    lists = load_choices()
    kinds = _kinds_of(before, lists) or []
    again = _number_at(after, 0) if after else None
    first = start = again.length if again is not None and again.value == number.value else 0
    calls_aloud = number.is_digits and [word.plain for word in after[1:2]] == ["oi"]
    while start < len(after):
        length = _phrase_at(after, start, lists.particles, is_strict=True)
        if not length and "verb" in kinds:
            length = _phrase_at(after, start, lists.after_a_verb, is_strict=True)
        if not length and "thing" in kinds:
            length = _phrase_at(after, start, lists.after_a_thing, is_strict=True)
        if not length and (start > first or calls_aloud):
            length = _phrase_at(after, start, lists.callings)
        if not length or (start == 0 and after[0].plain == "oi"):  # "ba ơi" calls a father
            return False
        start += length
    return True


def _phrase_at(words: Sequence[_Word], start: int, phrases: Phrases, is_strict: bool = False) -> int:
    """How many words the longest of these phrases takes at a place; 0 when none stands there. Read strictly, marks that
    were typed must be right."""
    ahead = tuple([word.typed if is_strict else word.plain for word in words[start : start + _LONGEST_PHRASE]])
    for length in range(len(ahead), 0, -1):
        if ahead[:length] in phrases:
            return length
    return 0


def _find_by_number_and_label(text: str, choices: Sequence[StoredButton], labels: Sequence[str]) -> StoredButton | None:
    """A line copied from the list, such as "2. Có ích": number and words must agree."""
    match = re.match(r"^\D{0,12}?(\d{1,2})\s+(.+)$", fold(text))
    if match is None or not 1 <= int(match[1]) <= len(labels):
        return None
    place = int(match[1]) - 1
    return choices[place] if fuzz.ratio(match[2], labels[place]) >= _MIN_LIKENESS else None


def _find_by_label(text: str, choices: Sequence[StoredButton], labels: Sequence[str]) -> StoredButton | None:
    ways = list(dict.fromkeys(_ways_of_reading(text)))
    for way in ways:
        if way in labels:
            return _only(choices, labels, way)
    glued = [label.replace(" ", "") for label in labels]
    if len(fold(text)) >= _SHORTEST_MISSPELT and fold(text).replace(" ", "") in glued:
        return _only(choices, glued, fold(text).replace(" ", ""))
    for way in (ways[0], ways[-1]):
        likely = process.extract(way, labels, scorer=fuzz.ratio, limit=None, score_cutoff=_MIN_LIKENESS - 3)
        best = [found for found in likely if found[1] >= _MIN_LIKENESS and _may_be_slip(way, found[0])]
        if best and all(found[0] == best[0][0] or best[0][1] - found[1] >= 3 for found in likely):
            return _only(choices, labels, best[0][0])
    return None


def _may_be_slip(typed: str, label: str) -> bool:
    """Short words and numbers are never taken for others."""
    return len(label) >= _SHORTEST_MISSPELT and re.findall(r"\d+", typed) == re.findall(r"\d+", label)


def _ways_of_reading(text: str) -> Iterator[str]:
    """The text without more and more of the words that people put around a choice: "cho em xem chi tiết nhé" is also
    "xem chi tiết"."""
    lists = load_choices()
    words = _split(text)
    starts = [place for place in range(len(words)) if _kinds_of(words[:place], lists) is not None]
    ends = [place for place in range(len(words), 0, -1) if _may_follow(words[place:], words[:0], _Number(1, 1))]
    for end in ends:
        for start in starts:
            if start < end:
                yield " ".join(lists.short.get(word.plain, word.plain) for word in words[start:end])


def _only(choices: Sequence[StoredButton], labels: Sequence[str], label: str) -> StoredButton | None:
    """The button of a label; None when two of that label do different things."""
    same = [choice for choice, its in zip(choices, labels, strict=True) if its == label]
    return same[0] if len({choice.action for choice in same}) == 1 else None
