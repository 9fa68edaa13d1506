"""The keys of cases, each in a row of a store apart from the data: whoever destroys a key has erased the case.

The store is a database of its own (`CASE_KEYS_URL`), so that it is backed up apart and for a shorter time. A key lies
there wrapped by the deployment's ring. A destroyed key leaves its number: that tells an erased case from a lost store,
and a copy that is brought back later finds what must not come back. Nothing is kept in memory, so a key that is
destroyed opens nothing from that moment on, in any process.
"""

import base64
import os
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import (
    URL,
    Boolean,
    Column,
    Date,
    LargeBinary,
    MetaData,
    String,
    Table,
    false,
    func,
    insert,
    inspect,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from db.deployment import find_fact, forget_fact, set_fact
from db.engines import normalize_url, open_engine
from db.keys import KeyProblem, Keys, header_of
from db.types import Id

_KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = b"\x01"
_HEADER_BYTES = 2
_CHUNK = 500
_IDENTITY = "identity"
_STORE = "case_key_store"
_LOCK = 7_209_041_522_338_117
"""Any number, as long as nothing else on the server takes it for an advisory lock."""

_METADATA = MetaData()
_KEYS = Table(
    "case_keys",
    _METADATA,
    Column("id", Id, primary_key=True),
    Column("key_id", String(32), nullable=False, unique=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("is_destroyed", Boolean, nullable=False, server_default=false()),
    Column("created_on", Date, nullable=False, server_default=func.current_date()),
)
"""Rows are only added and overwritten by values of the same length, never deleted: SQLite then never moves them within
its file, so that no older copy of a key is left in a corner of a page."""

_FACTS = Table("case_key_facts", _METADATA, Column("name", String(40), primary_key=True), Column("value", String(200)))


class CaseErased(Exception):
    """The key of this case was destroyed: what it sealed is gone for good."""


NOT_OPENED = (KeyProblem, CaseErased)
"""What is raised where a case does not open: by no key we have, or since its key was destroyed."""


class CaseCipher:
    """Seals and opens what belongs to one case."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes, place: str) -> bytes:
        """Encrypt a value; ``place`` says where it will stand (a column), and it opens nowhere else."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Decrypt a value. Raises `KeyProblem` when it was altered or belongs to another case or place."""
        start = len(_VERSION) + _NONCE_BYTES
        try:
            if not sealed.startswith(_VERSION):
                raise InvalidTag
            return self._cipher.decrypt(sealed[len(_VERSION) : start], sealed[start:], place.encode())
        except (InvalidTag, ValueError):
            raise KeyProblem(f"a value of {place} was altered or belongs to another case") from None

    def seal_text(self, plain: str, place: str) -> str:
        """`seal` for what stands as text within a JSON value."""
        return base64.b64encode(self.seal(plain.encode(), place)).decode()

    def open_text(self, sealed: str, place: str) -> str:
        """What `seal_text` was given. Raises as `open` does."""
        return self.open(base64.b64decode(sealed), place).decode()


@dataclass(frozen=True)
class StoredKey:
    """A row of the store as a backup copies it; ``wrapped`` is empty when the key was destroyed."""

    key_id: str
    wrapped: bytes | None
    created_on: date


class CaseKeys:
    """The store. Safe to share between threads, and between processes that open the same URL.

    Every change is on disk before the call returns, whatever becomes of the transaction in which it was called.
    """

    def __init__(self, url: str | URL, keys: Keys) -> None:
        self.url = normalize_url(url)
        self._keys = keys
        self._engine = open_engine(self.url, _prepare_sqlite)
        self._is_sqlite = self.url.get_backend_name() == "sqlite"
        self._reading = open_engine(self.url, _prepare_sqlite, reads=True) if self._is_sqlite else self._engine
        self._preparing = Lock()
        self._is_ready = False

    def create(self) -> str:
        """Make a key and return its number, which goes on the row of the case. If that row is never written,
        `db.case_erasing.sweep` takes the key away later."""
        key_id = secrets.token_hex(16)
        wrapped = self._keys.seal(secrets.token_bytes(_KEY_BYTES), _place_of(key_id))
        with self._begin() as connection:
            connection.execute(insert(_KEYS).values(key_id=key_id, wrapped=wrapped))
        return key_id

    def cipher(self, key_id: str | None) -> CaseCipher:
        """What seals and opens the things of one case. Raises `CaseErased` when its key was destroyed (the row of an
        erased case names none in the end), `KeyProblem` when the store does not know the key: it is another store, or
        an older copy."""
        if key_id is None:
            raise CaseErased
        with self._look() as connection:
            row = connection.execute(select(_KEYS.c.wrapped, _KEYS.c.is_destroyed).where(_KEYS.c.key_id == key_id))
            found = row.first()
        if found is None:
            raise KeyProblem("the store of case keys does not know a case's key: is it the right store, and whole?")
        if found.is_destroyed:
            raise CaseErased
        return CaseCipher(self._keys.open(bytes(found.wrapped), _place_of(key_id)))

    def list_ciphers(self, key_ids: Collection[str]) -> dict[str, CaseCipher]:
        """What seals and opens the things of many cases at once; a case whose key is destroyed or not known is left
        out."""
        found = {}
        with self._look() as connection:
            for chunk in _chunks(sorted(set(key_ids))):
                living = select(_KEYS.c.key_id, _KEYS.c.wrapped).where(_KEYS.c.key_id.in_(chunk), ~_KEYS.c.is_destroyed)
                for key_id, wrapped in connection.execute(living):
                    found[key_id] = CaseCipher(self._keys.open(bytes(wrapped), _place_of(key_id)))
        return found

    def destroy(self, key_ids: Collection[str]) -> None:
        """Overwrite keys; from now on nothing opens what they sealed. Numbers that are not known are written down as
        destroyed all the same, in case a copy that has them is brought back."""
        if not key_ids:
            return
        with self._begin() as connection:
            for chunk in _chunks(sorted(set(key_ids))):
                self._destroy(connection, chunk)
        self._clear_traces()

    def list_destroyed(self) -> list[str]:
        """The numbers of all keys that were ever destroyed here."""
        with self._look() as connection:
            return list(connection.scalars(select(_KEYS.c.key_id).where(_KEYS.c.is_destroyed).order_by(_KEYS.c.id)))

    def list_living(self, until: date) -> list[str]:
        """The numbers of the keys that were made on or before a day and are not destroyed."""
        with self._look() as connection:
            old = select(_KEYS.c.key_id).where(~_KEYS.c.is_destroyed, _KEYS.c.created_on <= until)
            return list(connection.scalars(old.order_by(_KEYS.c.id)))

    def identity(self) -> str | None:
        """The name of this store; None while it is new. Looking makes none."""
        if self._is_sqlite and not Path(self.url.database or "").exists():
            return None
        with self._reading.connect() as connection:
            if not inspect(connection).has_table(_FACTS.name):
                return None
            return connection.scalar(select(_FACTS.c.value).where(_FACTS.c.name == _IDENTITY))

    def name(self, identity: str | None = None) -> str:
        """Give a new store a name, the given one or its own, and return the one it has from now on."""
        with self._begin() as connection:
            self._take_turn(connection)
            known = connection.scalar(select(_FACTS.c.value).where(_FACTS.c.name == _IDENTITY))
            if known is not None:
                return str(known)
            fresh = identity or secrets.token_hex(16)
            connection.execute(insert(_FACTS).values(name=_IDENTITY, value=fresh))
            return fresh

    def list_rows(self) -> list[StoredKey]:
        """Everything in the store, for a backup: keys as they are wrapped, and the numbers of destroyed ones."""
        with self._look() as connection:
            rows = connection.execute(select(_KEYS).order_by(_KEYS.c.id)).all()
        return [StoredKey(row.key_id, None if row.is_destroyed else bytes(row.wrapped), row.created_on) for row in rows]

    def bring_back(self, rows: Sequence[StoredKey]) -> int:
        """Add the keys of a copy that this store does not know, and return how many. A key that was destroyed, here
        or in the copy, does not come back; one that is here stays as it is."""
        with self._begin() as connection:
            known = set(connection.scalars(select(_KEYS.c.key_id)))
            fresh = [row for row in rows if row.key_id not in known and row.wrapped is not None]
            for chunk in _chunks(fresh):
                values = [{"key_id": row.key_id, "wrapped": row.wrapped, "created_on": row.created_on} for row in chunk]
                connection.execute(insert(_KEYS), values)
            for gone in _chunks([row.key_id for row in rows if row.wrapped is None]):
                self._destroy(connection, gone)
        self._clear_traces()
        return len(fresh)

    def rewrap(self, limit: int) -> int:
        """Wrap again, with the newest key of the ring, some keys that older ones wrapped; returns how many."""
        with self._begin() as connection:
            rows = connection.execute(self._wrapped_by_others().limit(limit).with_for_update(skip_locked=True)).all()
            for row in rows:
                place = _place_of(row.key_id)
                again = self._keys.seal(self._keys.open(bytes(row.wrapped), place), place)
                same = (_KEYS.c.id == row.id, ~_KEYS.c.is_destroyed)
                connection.execute(update(_KEYS).where(*same).values(wrapped=again))
        if rows:
            self._clear_traces()
        return len(rows)

    def list_key_numbers(self) -> set[int]:
        """The numbers of the ring's keys that wrap anything here."""
        with self._look() as connection:
            heads = select(func.substr(_KEYS.c.wrapped, 1, _HEADER_BYTES, type_=LargeBinary))
            return {bytes(head)[1] for head in connection.scalars(heads.where(~_KEYS.c.is_destroyed).distinct())}

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()
        self._reading.dispose()

    def _wrapped_by_others(self) -> Any:
        header = literal(header_of(self._keys.newest), LargeBinary)
        is_old = func.substr(_KEYS.c.wrapped, 1, _HEADER_BYTES, type_=LargeBinary) != header
        return select(_KEYS.c.id, _KEYS.c.key_id, _KEYS.c.wrapped).where(~_KEYS.c.is_destroyed, is_old)

    def _destroy(self, connection: Connection, key_ids: Sequence[str]) -> None:
        known = set(connection.scalars(select(_KEYS.c.key_id).where(_KEYS.c.key_id.in_(key_ids))))
        nothing = bytes(_wrapped_bytes(self._keys))
        gone = update(_KEYS).where(_KEYS.c.key_id.in_(known), ~_KEYS.c.is_destroyed)
        connection.execute(gone.values(wrapped=nothing, is_destroyed=True))
        unknown = [{"key_id": one, "wrapped": nothing, "is_destroyed": True} for one in key_ids if one not in known]
        if unknown:
            connection.execute(insert(_KEYS), unknown)

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        """A transaction of the store's own, which commits when the block ends."""
        self._prepare()
        with self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _look(self) -> Iterator[Connection]:
        """A transaction that only reads; on SQLite any number of them run side by side."""
        self._prepare()
        with self._reading.connect() as connection:
            yield connection
            connection.rollback()

    def _prepare(self) -> None:
        """Make the tables at the first use, so that a program which never touches a case needs no store."""
        if not self._is_ready:
            with self._preparing:
                if not self._is_ready:
                    self._make_tables()
                    self._is_ready = True

    def _make_tables(self) -> None:
        if self._is_sqlite and self.url.database and self.url.database != ":memory:":
            _make_private_file(Path(self.url.database))
        with self._engine.begin() as connection:
            self._take_turn(connection)
            _METADATA.create_all(connection)

    def _take_turn(self, connection: Connection) -> None:
        """Processes that start together do this one after the other; on SQLite every transaction that writes does."""
        if not self._is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})

    def _clear_traces(self) -> None:
        """PostgreSQL keeps an overwritten row until it is vacuumed; SQLite overwrote it in place."""
        if not self._is_sqlite:
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text(f"VACUUM {_KEYS.name}"))


def case_keys_of_session(session: Session) -> CaseKeys:
    """The store with the keys of the cases in this session's database."""
    case_keys = session.info.get("case_keys")
    if not isinstance(case_keys, CaseKeys):
        raise RuntimeError("this Database was opened without the store of case keys: Database(url, keys, case_keys)")
    return case_keys


def tie_case_keys(session: Session, case_keys: CaseKeys) -> bool:
    """Write down, the first time, which store belongs to a database; False when this one does not. A store that was
    lost must be noticed before anybody takes its cases for erased."""
    tied = find_tie(session)
    if tied is not None:
        return case_keys.identity() == tied
    set_fact(session, _STORE, case_keys.name())
    return True


def find_tie(session: Session) -> str | None:
    """The name of the store that belongs to a database; None before the first."""
    return find_fact(session, _STORE)


def untie_case_keys(session: Session) -> None:
    """The store of a database is lost for good; the next one it meets is its own."""
    forget_fact(session, _STORE)


def _place_of(key_id: str) -> str:
    """A wrapped key opens only as the key of its own number."""
    return f"case_keys.wrapped.{key_id}"


def _wrapped_bytes(keys: Keys) -> int:
    return len(keys.seal(bytes(_KEY_BYTES), _KEYS.name))


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def _make_private_file(path: Path) -> None:
    """The file, readable by its owner only, there before SQLite would make one that is open to others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we write BEGIN ourselves, as for the data
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=TRUNCATE")  # a WAL would keep a key until its next checkpoint
    cursor.execute("PRAGMA synchronous=EXTRA")  # on disk before create() returns, also if the power fails
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()
