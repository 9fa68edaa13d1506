"""Pictures: drawn anew pixel by pixel, upright and in plain colours; and, inside documents, freed of their notes."""

import io
import struct
from typing import Any

from PIL import Image, ImageCms, ImageOps

from handlers.chat import AttachmentKind
from handlers.errors import FileRefused

LARGEST_PIXELS = 64_000_000
"""A picture of 8,000 × 8,000. Telephones make 12 to 50 million; in memory this is 0.2 GB."""
_LARGEST_JPEG_PIXELS = 220_000_000
"""JPEG alone can be read at a fraction of its size."""
_LONGEST_SIDE = 2560
"""Enough to read a photographed page of A4, and too few pixels to tell one telephone's lens from another's."""
_QUALITY = 85
_SMALLER = ((2560, 75), (1920, 75), (1600, 70), (1280, 65), (960, 60))
"""Sides and qualities that a picture for many people is tried in."""
_LARGEST_PNG = 3 * 1024 * 1024

_FORMATS = {"jpeg": ("JPEG", "MPO"), "png": ("PNG",), "webp": ("WEBP",), "heic": ("HEIF",)}

_UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, struct.error)
"""All that Pillow raises for a broken picture."""


def clean_picture(content: bytes, form: str) -> tuple[str, AttachmentKind, bytes]:
    """Media type, kind and bytes of the picture as we draw it. A screenshot stays PNG; of what moves the beginning is
    kept."""
    if form == "heic":
        import pi_heif

        pi_heif.register_heif_opener(thumbnails=False)
    Image.MAX_IMAGE_PIXELS = None  # we judge ourselves, before anything is decoded
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS[form]) as image:
            drawn = _draw(image)
        media_type, written = _write(drawn, is_screenshot=form == "png")
    except _UNREADABLE:
        raise FileRefused("files.unreadable") from None
    except MemoryError:
        raise FileRefused("files.too_big_inside") from None
    return media_type, AttachmentKind.PICTURE, written


def shrink_picture(content: bytes, largest: int) -> bytes:
    """A cleaned picture as a JPEG of at most so many bytes: coarser first, then smaller."""
    with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
        drawn = image.convert("RGB")
    for side, quality in _SMALLER:
        drawn.thumbnail((side, side), Image.Resampling.LANCZOS)
        written = _save(drawn, "JPEG", quality=quality, optimize=True)
        if len(written) <= largest:
            return written
    raise FileRefused("files.too_big_inside")


def _draw(image: Image.Image) -> Image.Image:
    """A new picture of the same pixels, upright, small enough, in sRGB."""
    is_jpeg = image.format in ("JPEG", "MPO")
    width, height = image.size
    if width * height > (_LARGEST_JPEG_PIXELS if is_jpeg else LARGEST_PIXELS):
        raise FileRefused("files.too_big_inside")
    if is_jpeg:
        image.draft(None, (_LONGEST_SIDE, _LONGEST_SIDE))
        if image.size[0] * image.size[1] > LARGEST_PIXELS:
            raise FileRefused("files.too_big_inside")
    upright = ImageOps.exif_transpose(image)
    upright.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.LANCZOS)
    plain = _flatten(_to_srgb(upright))
    drawn = Image.new("RGB", plain.size)
    drawn.paste(plain)
    return drawn


def _to_srgb(image: Image.Image) -> Image.Image:
    """Colours as every screen shows them, so that the profile, which may name a device, can go."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "CMYK", "L"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image  # a broken profile says nothing about the colours
    return converted if converted is not None else image


def _flatten(image: Image.Image) -> Image.Image:
    """What is transparent becomes white, as on paper."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return image.convert("RGB")


def _write(drawn: Image.Image, is_screenshot: bool) -> tuple[str, bytes]:
    if is_screenshot:
        written = _save(drawn, "PNG", optimize=False)
        if len(written) <= _LARGEST_PNG:
            return "image/png", written
    return "image/jpeg", _save(drawn, "JPEG", quality=_QUALITY, optimize=True)


def _save(drawn: Image.Image, form: str, **how: Any) -> bytes:
    page = io.BytesIO()
    drawn.save(page, form, **how)
    return page.getvalue()


# Pictures inside documents: their pixels stay as they are

_JPEG_KEPT = {0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD, 0xEE}
"""Markers that are needed to draw: frames, tables, restarts, and Adobe's word on the colours."""
_PNG_KEPT = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD"}
_JP2_DROPPED = {b"xml ", b"uuid", b"uinf", b"jp2i"}


def strip_jpeg(content: bytes) -> bytes:
    """The same JPEG with nothing but what is needed to draw it. Raises ValueError for what is none."""
    if content[:2] != b"\xff\xd8":
        raise ValueError("no JPEG")
    kept, at = bytearray(b"\xff\xd8"), 2
    while True:
        while content[at : at + 1] == b"\xff" and content[at + 1 : at + 2] == b"\xff":
            at += 1  # padding
        if len(content) < at + 2 or content[at] != 0xFF:
            raise ValueError("broken JPEG")
        marker = content[at + 1]
        if marker == 0xD9:
            return bytes(kept + b"\xff\xd9")
        if len(content) < at + 4:
            raise ValueError("broken JPEG")
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if marker == 0xDA:
            scan_end = _end_of_scan(content, end)
            kept += content[at:scan_end]
            at = scan_end
            if at >= len(content):
                return bytes(kept + b"\xff\xd9")  # cut short: drawn as far as it goes
            continue
        if marker in _JPEG_KEPT:
            kept += content[at:end]
        at = end


def _end_of_scan(content: bytes, at: int) -> int:
    """Where the next marker stands behind the pixels."""
    while True:
        at = content.find(b"\xff", at)
        if at < 0 or at + 1 >= len(content):
            return len(content)
        if content[at + 1] != 0 and not 0xD0 <= content[at + 1] <= 0xD7:
            return at
        at += 2


def strip_png(content: bytes) -> bytes:
    """The same PNG with nothing but what is needed to draw it. Raises ValueError for what is none."""
    if content[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("no PNG")
    kept, at = bytearray(content[:8]), 8
    while at + 12 <= len(content):
        length, name = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(content):
            break
        if name in _PNG_KEPT:
            kept += content[at:end]
        if name == b"IEND":
            return bytes(kept)
        at = end
    raise ValueError("broken PNG")


def strip_jp2(content: bytes) -> bytes:
    """The same JPEG 2000 without its boxes of notes; a bare codestream has none. Raises ValueError when broken."""
    if content[:4] == b"\xff\x4f\xff\x51":
        return content
    kept, at = bytearray(), 0
    while at + 8 <= len(content):
        length, name = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        if length == 1:
            length = int.from_bytes(content[at + 8 : at + 16], "big")
        end = len(content) if length == 0 else at + length
        if end > len(content) or end < at + 8:
            raise ValueError("broken JPEG 2000")
        if name not in _JP2_DROPPED:
            kept += content[at:end]
        at = end
    return bytes(kept)
