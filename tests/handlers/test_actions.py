"""Button payloads: each fits, comes back the same, and an unknown one is nothing."""

from dataclasses import fields
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.actions import MAX_BYTES, Action, Choose, Opinion, ShowEntry, decode, encode, list_action_kinds
from knowledge.load import load_library

SHORT = {
    "case_code": "K7M29QTX",
    "what": "recategorise",
    "choice": "9999999999",
    "wish": "y",
    "category": "union_rights",
    "urgency": "emergency",
    "told": "0123456789abcdef",
}
"""Values that never name an entry: codes and our own words."""


def _examples(kind: type[Action]) -> list[Action]:
    """The action with the longest values the content can give it, and with none of the optional ones."""
    longest = max(load_library().entries, key=len)
    values = {str: longest, int: 99, date | None: date(2026, 12, 31), Opinion: Opinion.WRONG}
    full = {}
    for slot in fields(kind):  # type: ignore[arg-type]  # all are dataclasses
        value = values[slot.type]  # type: ignore[index]
        full[slot.name] = SHORT.get(slot.name, value) if slot.type is str else value
    if kind is Choose:
        full = {"feature": "registration", "step": "workplace_commune", "choice": "not_listed"}
    return [kind(**full)]


@pytest.mark.parametrize("kind", list_action_kinds(), ids=lambda kind: kind.__name__)
def test_every_action_round_trips_within_64_bytes(kind: type[Action]) -> None:
    """What a button carries comes back as the same action."""
    for action in _examples(kind):
        payload = encode(action)
        assert len(payload.encode()) <= MAX_BYTES
        assert decode(payload) == action


def test_optional_values_are_left_out() -> None:
    """An answer by today's law names no day, so that it follows the law when pressed next year."""
    assert encode(ShowEntry("nghi-cuoi")) == "e|nghi-cuoi"
    assert decode("e|nghi-cuoi") == ShowEntry("nghi-cuoi")


def test_payload_that_would_not_fit_is_refused_when_it_is_made() -> None:
    """Better an error in a test than a button that a platform rejects."""
    with pytest.raises(ValueError, match="64"):
        encode(ShowEntry("x" * 64))
    with pytest.raises(ValueError, match="may not hold"):
        encode(ShowEntry("a|b"))


@given(st.text(max_size=80))
def test_any_payload_decodes_to_an_action_or_to_nothing(payload: str) -> None:
    """Nothing a platform sends as a payload raises."""
    assert decode(payload) is None or isinstance(decode(payload), Action)
