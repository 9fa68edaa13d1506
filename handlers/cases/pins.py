"""The PIN of a phone that others use too: how it is kept, tried, and for how long it opens."""

import re
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from db.models import Account
from db.officers import count_try
from db.session import keys_of_session

OPEN_FOR = timedelta(minutes=10)
TRIES, TRY_WINDOW = 5, timedelta(hours=1)
"""So many PINs may be tried on an account within an hour."""

_PIN = re.compile(r"\d{4,6}", re.ASCII)
_FEWEST_DIGITS, _MOST_DIGITS = 3, 12


def is_meant_as_pin(text: str) -> bool:
    """Whether a text is or tries to be a PIN ("pin 2580", "258"), and neither a question that holds a number nor a
    receipt."""
    digits, letters = (sum(map(kind, text)) for kind in (str.isdigit, str.isalpha))
    return _FEWEST_DIGITS <= digits <= _MOST_DIGITS and letters <= digits


def read_pin(text: str) -> str | None:
    """The four to six digits in what was typed; None when it is anything else."""
    digits = "".join(sign for sign in text if sign.isdigit()) if is_meant_as_pin(text) else ""
    return digits if _PIN.fullmatch(digits) else None


def set_pin(session: Session, account: Account, pin: str, now: datetime) -> None:
    """From now on this PIN opens what concerns cases on this account; it is open for a while."""
    account.pin_hash = _hash(session, account, pin)
    open_for_now(account, now)


def try_pin(session: Session, account: Account, pin: str, now: datetime) -> bool | None:
    """Whether this is the PIN, as `read_pin` found it; None after too many tries within the hour. The try counts, so
    the caller must answer and not raise."""
    if count_try(session, f"case_pin:{account.id}", TRY_WINDOW, now) > TRIES:
        return None
    if _hash(session, account, pin) != account.pin_hash:
        return False
    open_for_now(account, now)
    return True


def is_locked(account: Account, now: datetime) -> bool:
    """Whether nothing about cases may be shown on this account before the PIN is typed."""
    is_open = account.unlocked_until is not None and account.unlocked_until > now
    return account.is_shared and account.pin_hash is not None and not is_open


def open_for_now(account: Account, now: datetime) -> None:
    """Keep it open for some minutes more."""
    account.unlocked_until = now + OPEN_FOR


def lift_pin(account: Account, now: datetime) -> None:
    """Forget the PIN; whoever proved otherwise that the cases are theirs sets a new one."""
    account.pin_hash = None
    open_for_now(account, now)


def stop_sharing(account: Account) -> None:
    """Nobody else uses this phone any more."""
    account.is_shared, account.pin_hash, account.unlocked_until = False, None, None


def _hash(session: Session, account: Account, pin: str) -> str:
    """Keyed and slow: six digits are few, so a stolen database must be useless without the key file."""
    return keys_of_session(session).hash_slowly(f"case_pin:{account.id}", pin)
