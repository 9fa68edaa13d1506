"""PDF: its pages copied into a new document, with what can be seen on them and nothing else."""

import io
import zlib
from collections.abc import Callable
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

from handlers.errors import FileRefused
from handlers.files.pictures import strip_jp2, strip_jpeg

_MOST_PAGES = 300
_LARGEST_STREAM = 64 * 1024 * 1024
"""What one stream of drawing commands or one font may unpack to."""
_LARGEST_PICTURE = 100_000_000
_CHUNK = 1024 * 1024

_PAGE_KEYS = {"/Type", "/MediaBox", "/CropBox", "/Rotate", "/Contents", "/Resources", "/Annots", "/Group", "/UserUnit"}
_NOTE_KEYS = {
    *("/Type", "/Subtype", "/Rect", "/AP", "/AS", "/Contents", "/C", "/Border", "/BS", "/F", "/QuadPoints"),
    *("/L", "/LE", "/InkList", "/Vertices", "/IC", "/DA", "/Q", "/CA"),
}
_NOTES = {
    *("/Link", "/Widget", "/Text", "/FreeText", "/Line", "/Square", "/Circle", "/Polygon", "/PolyLine"),
    *("/Highlight", "/Underline", "/Squiggly", "/StrikeOut", "/Stamp", "/Caret", "/Ink"),
}
"""Marks on a page that are only drawn; what plays, opens or carries a file is left out."""
_DROPPED = (
    *("/Metadata", "/PieceInfo", "/LastModified", "/CreatorInfo", "/Usage", "/OpenAction", "/Measure", "/PtData"),
    *("/StructParent", "/StructParents", "/Thumb", "/JS", "/OPI"),
)
"""Notes about how something was made, and everything that would run, wherever it stands."""
_DROPPED_OF_OBJECTS = ("/AA", "/AF", "/EF", "/A", "/ID", "/PZ")
_DEEPEST = 50
_DEVICES = {1: Name.DeviceGray, 3: Name.DeviceRGB, 4: Name.DeviceCMYK}


def clean_pdf(content: bytes) -> bytes:
    """The same pages. Raises `FileRefused` for one that is protected, broken, or far larger than it seems."""
    try:
        with pikepdf.open(io.BytesIO(content)) as old, Pdf.new() as new:
            _copy_pages(old, new)
            for one in new.objects:
                _clean_object(one)
            written = io.BytesIO()
            new.remove_unreferenced_resources()
            new.save(written, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    except pikepdf.PasswordError:
        raise FileRefused("files.protected") from None
    except (pikepdf.PdfError, ValueError, TypeError, RuntimeError, KeyError, IndexError, RecursionError):
        raise FileRefused("files.unreadable") from None
    except MemoryError:
        raise FileRefused("files.too_big_inside") from None
    return written.getvalue()


def _copy_pages(old: Pdf, new: Pdf) -> None:
    if len(old.pages) > _MOST_PAGES:
        raise FileRefused("files.too_big_inside")
    if not len(old.pages):
        raise FileRefused("files.unreadable")
    for page in old.pages:  # before copying, since a copy takes along whatever it refers to
        _keep(page.obj, _PAGE_KEYS)
        _clean_notes(page.obj)
    new.pages.extend(old.pages)


def _keep(one: Object, keys: set[str]) -> None:
    for key in [key for key in one.keys() if key not in keys]:  # noqa: SIM118  # not a mapping of Python's
        del one[key]


def _clean_notes(page: Object) -> None:
    notes = page.get("/Annots")
    if not isinstance(notes, Array):
        if notes is not None:
            del page["/Annots"]
        return
    kept = [note for note in notes if isinstance(note, Dictionary) and str(note.get("/Subtype")) in _NOTES]
    for note in kept:
        _keep(note, _NOTE_KEYS)
    page["/Annots"] = Array(kept)


def _clean_object(one: Object) -> None:
    """One numbered object; what it refers to is met by itself."""
    if isinstance(one, Stream):
        _check_size(one)
        _clean_picture(one)
    if isinstance(one, (Dictionary, Stream, Array)):
        _clean_inside(one, 0)


def _clean_inside(one: Any, depth: int) -> None:
    if depth > _DEEPEST:
        raise FileRefused("files.unreadable")
    is_array = isinstance(one, Array)
    values = list(one) if is_array else [one[key] for key in one.keys()]  # noqa: SIM118  # not a mapping of Python's
    for value in values:
        if isinstance(value, (Dictionary, Array)) and not value.is_indirect:
            _clean_inside(value, depth + 1)
    if is_array:
        _replace_profile(one)
        return
    is_named_list = "/Type" not in one and "/Subtype" not in one  # of resources: their names are anybody's
    for key in _DROPPED if is_named_list else (*_DROPPED, *_DROPPED_OF_OBJECTS):
        if key in one:
            del one[key]


def _replace_profile(one: Any) -> None:
    """A colour profile names the device it was made for; the colours it stands for are named plainly instead."""
    if len(one) == 2 and one[0] == Name.ICCBased and isinstance(one[1], Stream):
        device = _DEVICES.get(int(one[1].get("/N", 3)), Name.DeviceRGB)
        del one[1]
        one[0] = device


def _filters_of(stream: Any) -> list[str]:
    named = stream.get("/Filter")
    if named is None:
        return []
    return [str(one) for one in named] if isinstance(named, Array) else [str(named)]


def _check_size(stream: Any) -> None:
    """Refuse a stream that unpacks to far more than it is, before anybody's viewer does so."""
    filters = _filters_of(stream)
    if stream.get("/Subtype") == Name.Image:
        if int(stream.get("/Width", 0)) * int(stream.get("/Height", 0)) > _LARGEST_PICTURE:
            raise FileRefused("files.too_big_inside")
        return
    if filters.count("/FlateDecode") > 1:
        raise FileRefused("files.too_big_inside")
    if filters == ["/FlateDecode"] and _unpacked(stream.read_raw_bytes()) > _LARGEST_STREAM:
        raise FileRefused("files.too_big_inside")


def _unpacked(packed: bytes) -> int:
    """How many bytes come out, counted no further than needed."""
    unpacking, size = zlib.decompressobj(), 0
    try:
        while packed and not unpacking.eof and size <= _LARGEST_STREAM:
            size += len(unpacking.decompress(packed, _CHUNK))
            packed = unpacking.unconsumed_tail
    except zlib.error:
        return size  # viewers draw as far as it goes
    return size


_STRIPPERS: dict[str, Callable[[bytes], bytes]] = {"/DCTDecode": strip_jpeg, "/JPXDecode": strip_jp2}


def _clean_picture(stream: Any) -> None:
    filters = _filters_of(stream)
    strip = _STRIPPERS.get(filters[-1]) if filters else None
    if strip is None:
        return
    if len(filters) > 1:
        raise FileRefused("files.unreadable")  # a packed JPEG: no program that we know writes it
    stream.write(strip(stream.read_raw_bytes()), filter=Name(filters[0]), decode_parms=stream.get("/DecodeParms"))
