"""The keys of a deployment: sealing personal fields at rest and hashing what must be looked up.

A sealed field is ``version (1 byte) · key number (1 byte) · nonce (12) · AES-256-GCM ciphertext and tag``, bound to the
name of its column so that a value copied to another column does not open. New values use the newest key; older keys
still open what they sealed, so keys can be rotated while the bot runs: a ring that came from a file looks at the file
every few seconds while it seals, and at once when it meets a value sealed by a key it does not know.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import stat
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = 1
_NONCE_BYTES = 12
_HEADER_BYTES = 2
_LOOKUP_BYTES = 32
_LARGEST_NUMBER = 255
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}

LOOK_SECONDS = 5.0
"""How often a ring in use looks whether its file has changed: one system call, and `keys rotate` waits longer."""

Stamp = tuple[int, int, int]


class KeyProblem(Exception):
    """The key file is missing, unreadable or does not open this database; the message says what to do."""


@dataclass(frozen=True)
class _Ring:
    """What a key file held when it was read."""

    newest: int
    ciphers: Mapping[int, AESGCM]


class Keys:
    """One deployment's key ring. Safe to share between threads: what it holds is replaced at once or not at all."""

    def __init__(
        self, lookup: bytes, sealing: Mapping[int, bytes], path: Path | None = None, stamp: Stamp | None = None
    ) -> None:
        self._lookup = lookup
        self._ring = _Ring(max(sealing), {number: AESGCM(key) for number, key in sealing.items()})
        self._path = path
        self._seen = stamp
        self._look_at = time.monotonic() + LOOK_SECONDS

    @property
    def newest(self) -> int:
        """The number of the key that seals what is written now."""
        return self._ring.newest

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers of all keys."""
        return frozenset(self._ring.ciphers)

    def beside(self, suffix: str) -> Path | None:
        """The file beside the key file that has its name with an ending; None for a ring that came from no file."""
        return None if self._path is None else self._path.with_name(self._path.name + suffix)

    def refresh(self) -> bool:
        """Read the key file again if it has changed; True when the ring did. A file that is gone, broken or another
        deployment's changes nothing: what was read before still opens everything it opened."""
        stamp = _stamp_of(self._path)
        if self._path is None or stamp is None or stamp == self._seen:
            return False
        try:
            fresh = load_key_file(self._path)
        except KeyProblem:
            return False
        if not hmac.compare_digest(fresh._lookup, self._lookup):
            return False
        self._ring, self._seen = fresh._ring, stamp
        return True

    def seal(self, plain: bytes, column: str) -> bytes:
        """Encrypt a field of the named column with the newest key, also one added to the file a moment ago."""
        if self._path is not None and time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            self.refresh()
        ring, nonce = self._ring, os.urandom(_NONCE_BYTES)
        sealed = ring.ciphers[ring.newest].encrypt(nonce, plain, column.encode())
        return header_of(ring.newest) + nonce + sealed

    def open(self, sealed: bytes, column: str) -> bytes:
        """Decrypt a field. Raises `KeyProblem` when no key of the ring opens it or it was altered."""
        is_ours = len(sealed) > _HEADER_BYTES and sealed[0] == _VERSION
        if is_ours and sealed[1] not in self._ring.ciphers:
            self.refresh()
        cipher = self._ring.ciphers.get(sealed[1]) if is_ours else None
        if cipher is None:
            raise KeyProblem(f"no key opens a value of {column}")
        start = _HEADER_BYTES + _NONCE_BYTES
        try:
            return cipher.decrypt(sealed[_HEADER_BYTES:start], sealed[start:], column.encode())
        except InvalidTag:
            raise KeyProblem(f"a value of {column} was altered or belongs to another key") from None

    def hash(self, *parts: str) -> str:
        """A keyed hash (HMAC-SHA256, 128 bits, hex) by which a value can be found without being stored in clear."""
        message = "\x1f".join(parts).encode()
        return hmac.new(self._lookup, message, hashlib.sha256).hexdigest()[:32]

    def hash_slowly(self, purpose: str, secret: str) -> str:
        """A keyed hash (scrypt, 256 bits, hex) of something short enough to be guessed: 50 ms a try, and a stolen
        database is useless without the key file."""
        return hashlib.scrypt(secret.encode(), salt=self.derive(purpose), dklen=32, **_SCRYPT).hex()

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose, the same as long as this deployment lives; they reveal nothing of the ring."""
        return hmac.new(self._lookup, b"derive\x1f" + purpose.encode(), hashlib.sha256).digest()

    def fingerprint(self) -> str:
        """Names this ring without revealing it; stored in the database to notice a wrong key file."""
        return self.hash("fingerprint")


def create_key_file(path: Path) -> Keys:
    """Write a new key file, readable by its owner only. Refuses to overwrite. It appears complete or not at all, and
    survives a power cut from the moment this returns: nothing may be sealed by a key that can be lost."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ring = {"lookup": _b64(secrets.token_bytes(32)), "sealing": {"1": _b64(secrets.token_bytes(32))}}
    draft = _write_draft(path, ring)
    try:
        os.link(draft, path)
    finally:
        draft.unlink()
    _sync_folder(path.parent)
    return load_key_file(path)


def add_sealing_key(path: Path, number: int) -> None:
    """Add a new key to a key file, which seals from now on; the others stay. The file is replaced at once, and survives
    a power cut from the moment this returns. A number that is there already changes nothing."""
    ring = _read_ring(path)
    if str(number) not in ring["sealing"]:
        ring["sealing"][str(number)] = _b64(secrets.token_bytes(32))
        _replace(path, ring)


def remove_sealing_keys(path: Path, numbers: Collection[int]) -> None:
    """Take keys out of a key file. What they sealed opens with a copy of the older file only."""
    ring = _read_ring(path)
    ring["sealing"] = {number: key for number, key in ring["sealing"].items() if int(number) not in numbers}
    _replace(path, ring)


def _read_ring(path: Path) -> dict[str, Any]:
    load_key_file(path)  # raises when it is none
    ring: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return ring


def _replace(path: Path, ring: dict[str, Any]) -> None:
    draft = _write_draft(path, ring)
    try:
        load_key_file(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _write_draft(path: Path, ring: dict[str, Any]) -> Path:
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(ring, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _stamp_of(path: Path | None) -> Stamp | None:
    """What differs whenever a file was replaced or written; None when there is none."""
    try:
        known = path.stat() if path else None
    except OSError:
        return None
    return (known.st_mtime_ns, known.st_size, known.st_ino) if known else None


def header_of(number: int) -> bytes:
    """The bytes with which every value begins that the key of a number sealed."""
    return bytes((_VERSION, number))


def load_key_file(path: Path) -> Keys:
    """Read a key file. Raises `KeyProblem` when it is absent, open to others, or not a key file."""
    stamp = _stamp_of(path)  # before reading: a file replaced in between is then seen as changed
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise KeyProblem(f"cannot read the key file {path}: {error.strerror}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyProblem(f"the key file {path} is open to other users; run: chmod 600 {path}")
    try:
        ring = json.loads(text)
        lookup = base64.b64decode(ring["lookup"], validate=True)
        sealing = {int(number): base64.b64decode(key, validate=True) for number, key in ring["sealing"].items()}
        if len(lookup) < _LOOKUP_BYTES or not all(0 <= number <= _LARGEST_NUMBER for number in sealing):
            raise ValueError
        return Keys(lookup, sealing, path, stamp)
    except (KeyError, ValueError, TypeError, AttributeError):
        raise KeyProblem(f"{path} is not a key file of this program") from None


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
