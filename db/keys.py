"""The keys of a deployment: sealing personal fields at rest and hashing what must be looked up.

A sealed field is ``version (1 byte) · key number (1 byte) · nonce (12) · AES-256-GCM ciphertext and tag``, bound to the
name of its column so that a value copied to another column does not open. New values use the newest key; older keys
still open what they sealed, so keys can be rotated while the bot runs.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = 1
_NONCE_BYTES = 12
_HEADER_BYTES = 2
_LOOKUP_BYTES = 32
_LARGEST_NUMBER = 255


class KeyProblem(Exception):
    """The key file is missing, unreadable or does not open this database; the message says what to do."""


class Keys:
    """One deployment's key ring. Safe to share between threads: it is never changed after loading."""

    def __init__(self, lookup: bytes, sealing: dict[int, bytes]) -> None:
        self._lookup = lookup
        self._newest = max(sealing)
        self._ciphers = {number: AESGCM(key) for number, key in sealing.items()}

    def seal(self, plain: bytes, column: str) -> bytes:
        """Encrypt a field of the named column."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._newest].encrypt(nonce, plain, column.encode())
        return bytes((_VERSION, self._newest)) + nonce + sealed

    def open(self, sealed: bytes, column: str) -> bytes:
        """Decrypt a field. Raises `KeyProblem` when no key of the ring opens it or it was altered."""
        cipher = self._ciphers.get(sealed[1]) if len(sealed) > _HEADER_BYTES and sealed[0] == _VERSION else None
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
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(ring, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    return load_key_file(path)


def load_key_file(path: Path) -> Keys:
    """Read a key file. Raises `KeyProblem` when it is absent, open to others, or not a key file."""
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
        return Keys(lookup, sealing)
    except (KeyError, ValueError, TypeError, AttributeError):
        raise KeyProblem(f"{path} is not a key file of this program") from None


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
