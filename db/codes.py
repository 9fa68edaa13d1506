"""Short codes that people read to one another over the telephone: no letter that looks or sounds like a digit."""

import re
import secrets

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_LENGTH = 8
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1"})


def new_code() -> str:
    """A random code of 40 bits; the column it goes to is unique, so a collision fails instead of mixing two up."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def show_code(code: str) -> str:
    """As people read it: in groups of four."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def read_code(text: str) -> str | None:
    """The code in what a person typed, whatever its spaces, dashes and case; None when it cannot be one."""
    code = re.sub(r"[\s\-.]", "", text.upper()).translate(_MISREAD)
    return code if len(code) == _LENGTH and set(code) <= set(_ALPHABET) else None


def new_digits(count: int) -> str:
    """Random digits, for a code whose tries are few."""
    return f"{secrets.randbelow(10**count):0{count}}"
