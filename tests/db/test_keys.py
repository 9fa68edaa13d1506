"""Sealing personal fields: only the right key, on the right column, opens them."""

import json
import os
import stat
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.keys import KeyProblem, Keys, create_key_file, load_key_file

OLD = Keys(b"l" * 32, {1: b"a" * 32})
ROTATED = Keys(b"l" * 32, {1: b"a" * 32, 2: b"b" * 32})
OTHER = Keys(b"x" * 32, {1: b"c" * 32})


@given(st.binary(max_size=2000))
def test_what_is_sealed_opens_again(plain: bytes) -> None:
    """Nothing is changed, and the same words never look the same twice."""
    sealed = OLD.seal(plain, "a.b")
    assert OLD.open(sealed, "a.b") == plain
    assert sealed != OLD.seal(plain, "a.b")


def test_older_key_still_opens_and_new_values_use_the_newest() -> None:
    """Keys can be rotated while the bot runs."""
    assert ROTATED.open(OLD.seal(b"x", "a.b"), "a.b") == b"x"
    with pytest.raises(KeyProblem):
        OLD.open(ROTATED.seal(b"x", "a.b"), "a.b")


@pytest.mark.parametrize("position", [0, 1, 5, -1])
def test_altered_value_does_not_open(position: int) -> None:
    """A flipped bit anywhere is noticed."""
    sealed = bytearray(OLD.seal(b"secret", "a.b"))
    sealed[position] ^= 1
    with pytest.raises(KeyProblem):
        OLD.open(bytes(sealed), "a.b")


def test_value_copied_to_another_column_does_not_open() -> None:
    """A sealed name cannot be passed off as an address."""
    with pytest.raises(KeyProblem):
        OLD.open(OLD.seal(b"x", "accounts.address"), "accounts.display_name")


def test_other_keys_open_nothing_and_hash_differently() -> None:
    """A stolen database tells nothing without its keys."""
    with pytest.raises(KeyProblem):
        OTHER.open(OLD.seal(b"x", "a.b"), "a.b")
    assert OLD.hash("lane", "a", "b") != OTHER.hash("lane", "a", "b")
    assert OLD.hash("lane", "ab", "c") != OLD.hash("lane", "a", "bc")


def test_key_file_is_for_its_owner_only_and_never_overwritten(tmp_path: Path) -> None:
    """Mode 0600, and a second creation is refused."""
    path = tmp_path / "union.key"
    keys = create_key_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_key_file(path).fingerprint() == keys.fingerprint()
    with pytest.raises(FileExistsError):
        create_key_file(path)


def test_key_file_open_to_others_or_broken_is_refused(tmp_path: Path) -> None:
    """The message says what to do."""
    path = tmp_path / "union.key"
    create_key_file(path)
    os.chmod(path, 0o644)
    with pytest.raises(KeyProblem, match="chmod 600"):
        load_key_file(path)
    os.chmod(path, 0o600)
    for content in ("", "{}", "[]", '{"lookup": 1, "sealing": {}}', '{"lookup": "AA==", "sealing": {"1": "AA=="}}'):
        path.write_text(content)
        with pytest.raises(KeyProblem):
            load_key_file(path)
    with pytest.raises(KeyProblem):
        load_key_file(tmp_path / "absent")


def test_key_file_appears_complete_or_not_at_all(tmp_path: Path) -> None:
    """A start cut off while it writes leaves no half key behind, and a refused one leaves nothing at all."""
    path = tmp_path / "union.key"
    create_key_file(path)
    with pytest.raises(FileExistsError):
        create_key_file(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("lookup", "number"), [(b"", "1"), (b"x" * 31, "1"), (b"x" * 32, "256")], ids=["no hash key", "short", "number"]
)
def test_weak_or_impossible_key_file_is_refused(tmp_path: Path, lookup: bytes, number: str) -> None:
    """A file cut short by hand must not quietly hash people's addresses with nothing."""
    path = tmp_path / "union.key"
    create_key_file(path)
    ring = {"lookup": b64encode(lookup).decode(), "sealing": {number: b64encode(b"k" * 32).decode()}}
    path.write_text(json.dumps(ring))
    with pytest.raises(KeyProblem):
        load_key_file(path)
