"""What may be kept of a member's words: phone numbers, identity numbers, e-mail addresses and links are taken out."""

import re

_MAX_KEPT = 1000
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
_LINK = re.compile(r"https?://\S+|\bwww\.\S+", re.IGNORECASE)
_LONG_NUMBER = re.compile(r"(?<!\w)\+?\d(?:[\s.\-()]?\d){7,}")
"""Eight digits or more, however they are grouped: telephone, identity, insurance and account numbers.

Sums of money in đồng may be hit too ("12 000 000"): losing one costs a curator nothing, a phone number kept would.
"""


def scrub(text: str) -> str:
    """A member's words without what names a person by number or address, cut to a length a curator reads."""
    text = _EMAIL.sub("[email]", text)
    text = _LINK.sub("[link]", text)
    return _LONG_NUMBER.sub("[số]", text)[:_MAX_KEPT]
