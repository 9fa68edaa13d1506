"""Judges a file by its bytes and writes it anew, so that nothing but what it shows or says is left of it.

Never by its name or by what a platform claims. Everything here is a pure function of bytes; it runs in a process of its
own (`bot.cleaning`), since the libraries below it read what strangers made. They are loaded only where they are used.
"""

import struct
from enum import StrEnum

from handlers.chat import AttachmentKind, Cleaned
from handlers.errors import FileRefused
from knowledge.texts import t

__all__ = ["Cleaned", "FileRefused", "Format", "clean", "clean_to_show", "distort", "name_of", "prepare", "sniff"]


class Format(StrEnum):
    """What is taken. A picture, document or voice is kept as one of a few formats that open everywhere."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    HEIC = "heic"
    PDF = "pdf"
    OFFICE = "office"
    OGG = "ogg"
    MP3 = "mp3"
    AAC = "aac"
    AMR = "amr"
    MP4 = "mp4"
    WAV = "wav"


_PICTURES = (Format.JPEG, Format.PNG, Format.WEBP, Format.HEIC)

_BEGINNINGS = {
    b"\xff\xd8\xff": Format.JPEG,
    b"\x89PNG\r\n\x1a\n": Format.PNG,
    b"%PDF-": Format.PDF,
    b"PK\x03\x04": Format.OFFICE,
    b"OggS": Format.OGG,
    b"#!AMR\n": Format.AMR,
    b"#!AMR-WB\n": Format.AMR,
}
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1")
_OTHER_PICTURE_BRANDS = (b"avif", b"avis")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_MATROSKA = b"\x1a\x45\xdf\xa3"

_MEGABYTE = 1024 * 1024
LARGEST_SHOWN_PICTURE = _MEGABYTE
LARGEST_SHOWN = 5 * _MEGABYTE
"""What a Zalo Official Account takes at most of a picture and of a document: the least of all channels."""

_ID3_HEADER = 10
_PDF_MAY_BEGIN_WITHIN = 1024
_ZIP_END = b"PK\x05\x06"
_ZIP_END_BYTES = 22
_LONGEST_ZIP_COMMENT = 65_535


def clean(content: bytes) -> Cleaned:
    """The same picture, document or voice without anything about who made it, when, where and with what. Raises
    `FileRefused` with the reason, for what is not taken."""
    form = sniff(content)
    _refuse_two_faces(content, form)
    if form in _PICTURES:
        from handlers.files.pictures import clean_picture

        return Cleaned(*clean_picture(content, form.value))
    if form is Format.PDF:
        from handlers.files.pdfs import clean_pdf

        return Cleaned("application/pdf", AttachmentKind.DOCUMENT, clean_pdf(content))
    if form is Format.OFFICE:
        from handlers.files.office import clean_office

        media_type, cleaned = clean_office(content)
        return Cleaned(media_type, AttachmentKind.DOCUMENT, cleaned)
    from handlers.files.voices import VOICE_TYPE, read_voice, write_voice

    return Cleaned(VOICE_TYPE, AttachmentKind.VOICE, write_voice(read_voice(content, form.value)))


def distort(content: bytes) -> bytes:
    """A cleaned voice made hard to recognise, and still to be understood. No voice is unrecognisable to everybody: who
    knows how somebody speaks may still guess."""
    from handlers.files.voices import distort_voice, read_voice, write_voice

    return write_voice(distort_voice(read_voice(content, Format.MP4.value)))


def prepare(content: bytes) -> Cleaned:
    """`clean`, and of a voice the distorted copy that is offered with it: the cleaner of the steps that take files."""
    cleaned = clean(content)
    if cleaned.kind is not AttachmentKind.VOICE:
        return cleaned
    return Cleaned(cleaned.media_type, cleaned.kind, cleaned.content, distort(cleaned.content))


def clean_to_show(content: bytes) -> Cleaned:
    """`clean`, of a picture or document that many people are shown: a picture becomes small enough for every channel, a
    voice is not taken. The cleaner of the step in which a bulletin gets its files."""
    cleaned = clean(content)
    if cleaned.kind is AttachmentKind.VOICE:
        raise FileRefused("files.no_voice")
    if cleaned.kind is AttachmentKind.PICTURE and len(cleaned.content) > LARGEST_SHOWN_PICTURE:
        from handlers.files.pictures import shrink_picture

        return Cleaned("image/jpeg", AttachmentKind.PICTURE, shrink_picture(cleaned.content, LARGEST_SHOWN_PICTURE))
    if len(cleaned.content) > LARGEST_SHOWN:
        raise FileRefused("files.too_large_to_show", limit=LARGEST_SHOWN // _MEGABYTE)
    return cleaned


def name_of(media_type: str, number: int) -> str:
    """What a file is called from now on ("anh-1.jpg"): its own name was never kept."""
    kind, ending = _ENDINGS[media_type]
    return f"{t(kind)}-{number}.{ending}"


_ENDINGS = {
    "image/jpeg": ("files.names.picture", "jpg"),
    "image/png": ("files.names.picture", "png"),
    "application/pdf": ("files.names.document", "pdf"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ("files.names.document", "docx"),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ("files.names.document", "xlsx"),
    "audio/mp4": ("files.names.voice", "m4a"),
}


def sniff(content: bytes) -> Format:
    """What a file is, by how it begins. Raises `FileRefused` for everything that is not taken."""
    if not content:
        raise FileRefused("files.empty")
    for beginning, form in _BEGINNINGS.items():
        if content.startswith(beginning):
            return form
    if content[:4] == b"RIFF" and content[8:12] in (b"WEBP", b"WAVE"):
        return Format.WEBP if content[8:12] == b"WEBP" else Format.WAV
    if content[4:8] == b"ftyp":
        return _sniff_boxes(content)
    found = _sniff_frames(content[_end_of_id3(content) :])
    if found is not None:
        return found
    if content.startswith(_OLE):
        raise FileRefused("files.protected" if _ENCRYPTED_PACKAGE in content else "files.old_office")
    raise FileRefused("files.is_video" if content.startswith(_MATROSKA) else "files.unknown")


def _sniff_boxes(content: bytes) -> Format:
    """HEIC, M4A, 3GP and MP4 begin alike; the brand tells pictures, and whether there are moving ones is seen later."""
    brand = content[8:12]
    if brand in _OTHER_PICTURE_BRANDS:
        raise FileRefused("files.unknown")
    return Format.HEIC if brand in _HEIC_BRANDS else Format.MP4


def _end_of_id3(content: bytes) -> int:
    """Where sound begins behind the tags that music players write; 0 without tags."""
    if content[:3] != b"ID3" or len(content) < _ID3_HEADER or max(content[6:10]) > 0x7F:
        return 0
    size = sum(byte << shift for byte, shift in zip(content[6:10], (21, 14, 7, 0), strict=True))
    return _ID3_HEADER + size


def _sniff_frames(sound: bytes) -> Format | None:
    """MP3 and AAC have no beginning of their own, only frames that each begin with eleven ones."""
    if len(sound) < 4 or sound[0] != 0xFF or sound[1] & 0xE0 != 0xE0:
        return None
    if sound[1] & 0xF6 == 0xF0:
        return Format.AAC
    is_layer_3, has_rates = sound[1] & 0x06 == 0x02, sound[2] & 0xF0 != 0xF0 and sound[2] & 0x0C != 0x0C
    return Format.MP3 if is_layer_3 and has_rates else None


def _refuse_two_faces(content: bytes, form: Format) -> None:
    """A file that is also an archive or a PDF to other programs hides something; what we write is only one thing, but
    whoever sends such a file should know that the rest does not arrive."""
    if form is not Format.OFFICE and _ends_as_zip(content):
        raise FileRefused("files.two_faced")
    if form is not Format.PDF and b"%PDF-" in content[:_PDF_MAY_BEGIN_WITHIN]:
        raise FileRefused("files.two_faced")


def _ends_as_zip(content: bytes) -> bool:
    at = content.rfind(_ZIP_END, max(0, len(content) - _ZIP_END_BYTES - _LONGEST_ZIP_COMMENT))
    if at < 0 or len(content) - at < _ZIP_END_BYTES:
        return False
    (comment,) = struct.unpack_from("<H", content, at + _ZIP_END_BYTES - 2)
    return bool(at + _ZIP_END_BYTES + comment == len(content))
