"""The member card: a picture, and a QR whose signed content tells a genuine card from a copied drawing.

The QR holds no personal data: a random member code, the number of the unit and the day of issue, signed with Ed25519
(RFC 8032). Whoever has the public key can check it without a network; whether the membership still runs only the
desk can say.
"""

import base64
import io
import re
import struct
from dataclasses import dataclass
from datetime import date, timedelta

import segno
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from PIL import Image, ImageDraw

from db.codes import show_code
from db.keys import Keys
from handlers.lettering import load_font
from knowledge.texts import t

_PREFIX = "CD1."
_TOKEN = re.compile(r"CD1\.([\w-]{100,112})")
_FACTS = struct.Struct(">8sIH")
_EPOCH = date(2020, 1, 1)
_WIDTH, _HEIGHT, _EDGE = 1000, 630, 48
_QR_SIDE = 300
_GROUND, _BAND, _INK, _SOFT = "#ffffff", "#0b5c8f", "#18222d", "#52606d"


@dataclass(frozen=True)
class Card:
    """What a genuine QR says: the member's code, the unit at which it was issued, the day."""

    code: str
    unit_id: int
    issued_on: date


def sign_card(keys: Keys, card: Card) -> str:
    """The text of the QR."""
    facts = _FACTS.pack(card.code.encode(), card.unit_id, (card.issued_on - _EPOCH).days)
    return _PREFIX + base64.urlsafe_b64encode(facts + _signing_key(keys).sign(facts)).decode().rstrip("=")


def read_card(public_key: bytes, text: str) -> Card | None:
    """The card in a scanned text; None when there is none or its signature is not ours."""
    found = _TOKEN.search(text)
    if found is None:
        return None
    raw = base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4))
    facts, signature = raw[: _FACTS.size], raw[_FACTS.size :]
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, facts)
    except InvalidSignature:
        return None
    code, unit_id, days = _FACTS.unpack(facts)
    return Card(code.decode(), unit_id, _EPOCH + timedelta(days=days))


def holds_card(text: str) -> bool:
    """Whether a text looks like the content of a card's QR."""
    return _TOKEN.search(text) is not None


def public_key(keys: Keys) -> bytes:
    """What is needed to check cards without a network; no secret."""
    return _signing_key(keys).public_key().public_bytes_raw()


def _signing_key(keys: Keys) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(keys.derive("member card"))


def draw_card(union: str, name: str, unit: str, since: date, code: str, token: str, web_url: str) -> bytes:
    """The card as a PNG picture. The QR opens the desk where there is a web address, else it is the bare text."""
    picture = Image.new("RGB", (_WIDTH, _HEIGHT), _GROUND)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, _WIDTH, 120), fill=_BAND)
    _write(draw, (_EDGE, 22), t("card.title"), 34, _GROUND, is_bold=True)
    _write(draw, (_EDGE, 70), union, 24, _GROUND)
    room = _WIDTH - 3 * _EDGE - _QR_SIDE
    _write(draw, (_EDGE, 165), name, 40, _INK, is_bold=True, room=room)
    rows = ((t("card.unit"), unit), (t("card.since"), since.strftime("%d/%m/%Y")), (t("card.code"), show_code(code)))
    for number, (label, value) in enumerate(rows):
        top = 260 + number * 110
        _write(draw, (_EDGE, top), label, 22, _SOFT)
        _write(draw, (_EDGE, top + 32), value, 30, _INK, room=room)
    picture.paste(_draw_qr(f"{web_url}/#the={token}" if web_url else token), (_WIDTH - _EDGE - _QR_SIDE, 200))
    _write(draw, (_WIDTH - _EDGE - _QR_SIDE, 515), t("card.scan"), 18, _SOFT, room=_QR_SIDE)
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True)
    return content.getvalue()


def _draw_qr(content: str) -> Image.Image:
    """The QR in a square of `_QR_SIDE`, each of its dots the same whole number of pixels."""
    code = segno.make(content, error="m", micro=False)
    drawn = io.BytesIO()
    code.save(drawn, kind="png", border=2, scale=_QR_SIDE // code.symbol_size(border=2)[0])
    square = Image.new("RGB", (_QR_SIDE, _QR_SIDE), _GROUND)
    picture = Image.open(drawn).convert("RGB")
    square.paste(picture, ((_QR_SIDE - picture.width) // 2, 0))
    return square


def _write(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    size: int,
    colour: str,
    is_bold: bool = False,
    room: int | None = None,
) -> None:
    """Text made smaller until it fits its room: names are long."""
    while room and size > 14 and load_font(size, is_bold).getlength(text) > room:
        size -= 1
    draw.text(at, text, fill=colour, font=load_font(size, is_bold))
