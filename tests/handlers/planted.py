"""Files as people send them, with words planted wherever a file may say who made it, when, where or with what."""

import io
import struct
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import av
import docx
import numpy as np
import openpyxl
import pikepdf
from docx.shared import Cm
from openpyxl.comments import Comment
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

PLANT = "Q7ZCANARY"
"""Stands in every planted word."""
AUTHOR = f"{PLANT} Nguyễn Thị Mận"
SERIAL = f"{PLANT}-SN-0042"
PATH = f"C:\\Users\\{PLANT}\\Desktop\\nop cho to chuc.doc"
STORY = "Công ty nợ lương hai tháng"
"""What the person wants read: it must come through."""

RATE = 16_000


def finds(content: bytes) -> list[str]:
    """Where a planted word can still be found, in any layer and any spelling."""
    return [where for where, layer in _layers(content, "file") if _holds(layer)]


def _holds(layer: bytes) -> bool:
    spelt = (PLANT.encode(), PLANT.encode("utf-16-le"), PLANT.encode("utf-16-be"), PLANT.lower().encode())
    return any(one in layer for one in spelt)


def _layers(content: bytes, where: str) -> Iterator[tuple[str, bytes]]:
    yield where, content
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield f"{where}:names", "\n".join(archive.namelist()).encode() + archive.comment
            for name in archive.namelist():
                yield from _layers(archive.read(name), f"{where}/{name}")
    if content.startswith(b"%PDF"):
        with pikepdf.open(io.BytesIO(content)) as pdf:
            for one in pdf.objects:
                yield f"{where}#object", one.unparse() if isinstance(one, pikepdf.Object) else repr(one).encode()
                if isinstance(one, pikepdf.Stream):
                    try:
                        yield f"{where}#stream", one.read_bytes()
                    except pikepdf.PdfError:
                        yield f"{where}#stream", one.read_raw_bytes()


# Pictures


def a_picture(size: tuple[int, int] = (640, 480)) -> Image.Image:
    """A page with a red corner top left, so that one sees whether it stands upright."""
    picture = Image.effect_noise(size, 20).convert("RGB")
    picture.paste("red", (0, 0, size[0] // 4, size[1] // 4))
    return picture


def an_exif(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0131], exif[0x013B] = f"{PLANT} Inc", f"{PLANT} S21", PLANT, AUTHOR
    exif[0x0112] = orientation
    exif[0x9C9D] = AUTHOR.encode("utf-16-le")  # Windows' own field
    inner = exif.get_ifd(0x8769)
    inner[0xA431], inner[0x9286], inner[0xA430] = SERIAL, f"ASCII\0\0\0{PLANT}".encode(), PLANT
    inner[0x9003] = "2026:11:20 22:10:00"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (10.0, 46.0, 12.3), "E", (106.0, 42.0, 1.2)
    gps[27] = PLANT.encode()
    return exif


def xmp() -> bytes:
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:creator>{AUTHOR}</dc:creator></x:xmpmeta>'.encode()


def a_profile() -> bytes:
    """A colour profile that names a device."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    words = "built-in"
    assert words.encode("utf-16-be") in profile
    return profile.replace(words.encode("utf-16-be"), PLANT[: len(words)].encode("utf-16-be")) + PLANT.encode()


def jpeg(orientation: int = 1, size: tuple[int, int] = (640, 480)) -> bytes:
    """As a telephone makes it: with a film behind the picture, too."""
    page = io.BytesIO()
    a_picture(size).save(
        page,
        "JPEG",
        quality=90,
        exif=an_exif(orientation),
        xmp=xmp(),
        comment=PLANT.encode(),
        icc_profile=a_profile(),
    )
    return page.getvalue() + b"\0\0\0\x18ftypmp42" + PLANT.encode()


def png() -> bytes:
    notes = PngInfo()
    notes.add_text("Author", AUTHOR)
    notes.add_itxt("Title", AUTHOR, lang="vi", tkey=PLANT)
    notes.add_text("Software", PLANT, zip=True)
    page = io.BytesIO()
    a_picture().save(page, "PNG", pnginfo=notes, exif=an_exif(), icc_profile=a_profile())
    return page.getvalue() + PLANT.encode()


def webp() -> bytes:
    page = io.BytesIO()
    a_picture().save(page, "WEBP", exif=an_exif(), xmp=xmp(), icc_profile=a_profile())
    return page.getvalue()


def heic() -> bytes:
    """The smallest picture as iPhones make them: one frame of HEVC, with its notes beside it."""
    film = io.BytesIO()
    with av.open(film, "w", format="mp4", options={"movflags": "+empty_moov"}) as container:
        stream: Any = container.add_stream("libx265", rate=1, options={"x265-params": "log-level=none:keyint=1"})
        stream.width, stream.height, stream.pix_fmt = 128, 128, "yuv420p"
        packets = list(stream.encode(av.VideoFrame.from_image(a_picture((128, 128))))) + list(stream.encode(None))
        for packet in packets:
            container.mux(packet)
    units, at = _split_units(bytes(packets[0])), io.BytesIO()
    for unit in units:
        if (unit[0] >> 1) & 0x3F < 32:
            at.write(struct.pack(">I", len(unit)) + unit)
    return _heic_of(_hvcc([one for one in units if (one[0] >> 1) & 0x3F in (32, 33, 34)]), at.getvalue())


def _split_units(stream: bytes) -> list[bytes]:
    return [one for one in stream.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if one]


def _hvcc(sets: list[bytes]) -> bytes:
    """The decoder's set-up, with the general profile as the sequence's own set tells it."""
    sps = next(one for one in sets if (one[0] >> 1) & 0x3F == 33)
    body = b"\1" + sps[3:15] + b"\xf0\0\xfc\xfd\xf8\xf8\0\0\x0f" + bytes([len(sets)])
    for one in sets:
        body += bytes([0x80 | ((one[0] >> 1) & 0x3F)]) + struct.pack(">HH", 1, len(one)) + one
    return body


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + name + body


def _full(name: bytes, body: bytes, version: int = 0) -> bytes:
    return _box(name, bytes([version, 0, 0, 0]) + body)


def _heic_of(hvcc: bytes, frame: bytes) -> bytes:
    notes = b"\0\0\0\0" + an_exif().tobytes()
    beginning = _box(b"ftyp", b"heic\0\0\0\0mif1heic")

    def build(place: int) -> bytes:
        infos = b"".join(
            _full(b"infe", struct.pack(">HH", number, 0) + kind + f"{PLANT}\0".encode(), 2)
            for number, kind in ((1, b"hvc1"), (2, b"Exif"))
        )
        places = b"\x44\0" + struct.pack(">H", 2)
        for number, start, length in ((1, place, len(frame)), (2, place + len(frame), len(notes))):
            places += struct.pack(">HHHII", number, 0, 1, start, length)
        properties = _box(b"ipco", _box(b"hvcC", hvcc) + _full(b"ispe", struct.pack(">II", 128, 128)))
        tied = _full(b"ipma", struct.pack(">IHB", 1, 1, 2) + b"\x81\x02")
        return _full(
            b"meta",
            _full(b"hdlr", b"\0\0\0\0pict" + b"\0" * 13)
            + _full(b"pitm", struct.pack(">H", 1))
            + _full(b"iinf", struct.pack(">H", 2) + infos)
            + _full(b"iref", _box(b"cdsc", struct.pack(">HHH", 2, 1, 1)))
            + _box(b"iprp", properties + tied)
            + _full(b"iloc", places),
        )

    place = len(beginning) + len(build(0)) + 8
    return beginning + build(place) + _box(b"mdat", frame + notes)


# Documents


def pdf() -> bytes:
    """Two pages; an older version of the file is still inside, as after any "save"."""
    page = io.BytesIO()
    with pikepdf.Pdf.new() as made:
        for _ in range(2):
            made.add_blank_page(page_size=(595, 842))
        picture = pikepdf.Stream(made, jpeg(), Filter=pikepdf.Name.DCTDecode, Type=pikepdf.Name.XObject)
        picture.Subtype, picture.Width, picture.Height = pikepdf.Name.Image, 640, 480
        profile = pikepdf.Stream(made, a_profile(), N=3)
        picture.ColorSpace = pikepdf.Array([pikepdf.Name.ICCBased, made.make_indirect(profile)])
        picture.BitsPerComponent = 8
        picture.Metadata = made.make_indirect(pikepdf.Stream(made, xmp()))
        first = made.pages[0].obj
        first.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(A=made.make_indirect(picture)))
        first.Contents = made.make_indirect(pikepdf.Stream(made, b"q 200 0 0 150 50 600 cm /A Do Q"))
        first.PieceInfo = pikepdf.Dictionary(App=pikepdf.Dictionary(Private=pikepdf.String(PLANT)))
        first.LastModified = pikepdf.String(PLANT)
        note = {"Type": "/Annot", "Subtype": "/Text", "Rect": [10, 10, 30, 30]}
        first.Annots = pikepdf.Array(
            [
                made.make_indirect(pikepdf.Dictionary(**_named(note), T=AUTHOR, NM=PLANT, Contents="ghi chú")),
                made.make_indirect(pikepdf.Dictionary(**_named(note | {"Subtype": "/FileAttachment"}), Contents=PLANT)),
                _link(made),
            ]
        )
        made.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=f"app.alert('{PLANT}')")
        made.Root.AcroForm = pikepdf.Dictionary(Fields=[], XFA=pikepdf.String(PLANT))
        made.attachments["kem.txt"] = pikepdf.AttachedFileSpec(made, AUTHOR.encode(), filename=f"{PLANT}.txt")
        made.docinfo["/Author"], made.docinfo["/Producer"] = AUTHOR, f"{PLANT} scanner {SERIAL}"
        with made.open_metadata() as metadata:
            metadata["dc:creator"] = [AUTHOR]
        made.save(page)
    return page.getvalue() + f"\n% {PLANT}\n".encode()


def _named(values: dict[str, Any]) -> dict[str, Any]:
    return {key: pikepdf.Name(one) if isinstance(one, str) else one for key, one in values.items()}


def _link(made: pikepdf.Pdf) -> pikepdf.Object:
    action = pikepdf.Dictionary(S=pikepdf.Name.Launch, F=pikepdf.String(PATH))
    link = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9], A=action)
    return made.make_indirect(link)


def word() -> bytes:
    document = docx.Document()
    document.add_paragraph(STORY)
    commented = document.add_paragraph("Lương tháng 9")
    document.add_comment(commented.runs, "chưa trả", author=AUTHOR, initials=PLANT)
    document.add_picture(io.BytesIO(jpeg()), width=Cm(4))
    document.core_properties.author = document.core_properties.last_modified_by = AUTHOR
    document.core_properties.title = document.core_properties.keywords = PLANT
    page = io.BytesIO()
    document.save(page)
    extra = {
        "docProps/custom.xml": f'<Properties xmlns="x"><p>{PLANT}</p></Properties>',
        "docProps/thumbnail.jpeg": jpeg(),
        "word/people.xml": f'<w15:people xmlns:w15="x"><w15:person w15:author="{AUTHOR}"/></w15:people>',
        "customXml/item1.xml": f"<a>{PLANT}</a>",
        f"word/media/{PLANT}.png": png(),
        "word/_rels/settings.xml.rels": _template_relation(),
    }
    return _rewrite(page.getvalue(), extra, _mark_word)


def _template_relation() -> str:
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate"
    inner = f'<Relationship Id="rId1" Type="{kind}" Target="file:///{PATH}" TargetMode="External"/>'
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{inner}</Relationships>'
    )


def _mark_word(name: str, part: bytes) -> bytes:
    if name == "word/document.xml":
        inserted = f'<w:p w:rsidR="{PLANT}"><w:ins w:id="9" w:author="{AUTHOR}" w:date="2026-11-20T10:00:00Z">'
        inserted += f"<w:r><w:t>thêm</w:t></w:r></w:ins><!-- {PLANT} --></w:p><w:sectPr"
        part = part.replace(b"<w:sectPr", inserted.encode(), 1)
        part = part.replace(b"<wp:docPr ", f'<wp:docPr descr="{PATH}" title="{PLANT}" '.encode())
    if name == "word/settings.xml":
        rsids = f'<w:rsids><w:rsidRoot w:val="{PLANT}"/></w:rsids>'
        part = part.replace(b"</w:settings>", f"{rsids}</w:settings>".encode())
    return part.replace(b'name="image.jpg"', f'name="{PLANT}.jpg"'.encode())


def excel() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["A1"], sheet["B2"] = STORY, 7_500_000
    sheet["A1"].comment = Comment("xem lại", AUTHOR)
    book.properties.creator = book.properties.lastModifiedBy = AUTHOR
    page = io.BytesIO()
    book.save(page)
    extra = {
        "xl/persons/person.xml": f'<personList xmlns="x"><person displayName="{AUTHOR}"/></personList>',
        "xl/printerSettings/printerSettings1.bin": PLANT.encode("utf-16-le"),
        "docProps/custom.xml": f'<Properties xmlns="x"><p>{PLANT}</p></Properties>',
    }
    return _rewrite(page.getvalue(), extra, _mark_excel)


def _mark_excel(name: str, part: bytes) -> bytes:
    if name == "xl/workbook.xml":
        path = f'<x15ac:absPath xmlns:x15ac="y" url="{PATH}"/>'
        part = part.replace(b"<sheets>", f'<fileSharing userName="{AUTHOR}"/>{path}<sheets>'.encode())
    return part


def _rewrite(content: bytes, extra: dict[str, Any], change: Callable[[str, bytes], bytes]) -> bytes:
    page = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(page, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in extra:
                new.writestr(name, change(name, old.read(name)))
        for name, part in extra.items():
            new.writestr(name, part)
        new.comment = PLANT.encode()
    return page.getvalue()


def archive(parts: dict[str, bytes]) -> bytes:
    """Any archive."""
    page = io.BytesIO()
    with zipfile.ZipFile(page, "w", zipfile.ZIP_DEFLATED) as made:
        for name, part in parts.items():
            made.writestr(name, part)
    return page.getvalue()


# Voices


def speech(seconds: float = 2.0, pitch: float = 130.0, stretch: float = 1.0) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Something between a voice and a buzzer: syllables with the resonances of vowels, at a pitch that moves.
    ``stretch`` is the size of the throat that makes it."""
    at = np.arange(int(seconds * RATE)) / RATE
    phase = np.cumsum(pitch * (1 + 0.08 * np.sin(2 * np.pi * 0.7 * at))) / RATE
    made = np.zeros(at.size)
    vowels = ((800, 1200, 2500), (300, 2300, 3000), (400, 800, 2400))
    turn = (at * 4).astype(int) % len(vowels)
    for number in range(1, 30):
        frequency = number * pitch
        gains = [sum(1 / (1 + ((frequency - peak * stretch) / 90) ** 2) for peak in vowel) + 0.01 for vowel in vowels]
        made += np.asarray(gains)[turn] * np.sin(2 * np.pi * number * phase) / number**0.3
    made *= 0.15 + 0.85 * (np.sin(2 * np.pi * 4 * at) > -0.6)
    return (0.3 * made / np.abs(made).max()).astype(np.float32)


def voice(form: str, codec: str, seconds: float = 2.0, rate: int = RATE) -> bytes:
    """A voice note with everything a player may know of its maker."""
    page = io.BytesIO()
    with av.open(page, "w", format=form) as container:
        for tag in ("title", "artist", "comment", "encoded_by", "location", "author"):
            container.metadata[tag] = AUTHOR
        stream: Any = container.add_stream(codec, rate=rate, layout="mono")
        stream.metadata["title"] = AUTHOR
        resampler = av.AudioResampler(format=stream.codec_context.format or "flt", layout="mono", rate=rate)
        frame = av.AudioFrame.from_ndarray(speech(seconds).reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate = RATE
        for made in resampler.resample(frame):
            container.mux(stream.encode(made))
        container.mux(stream.encode(None))
    return page.getvalue()


def amr(seconds: float = 2.0) -> bytes:
    """Silence as old telephones record it: frames of 20 ms."""
    return b"#!AMR\n" + (b"\x3c" + bytes(31)) * int(seconds * 50)


def film() -> bytes:
    """A short film."""
    page = io.BytesIO()
    with av.open(page, "w", format="mp4") as container:
        stream: Any = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_image(a_picture((64, 64)))))
        container.mux(stream.encode(None))
    return page.getvalue()
