"""A file is judged by its bytes, and arrives without a word about who made it, when, where and with what."""

import contextlib
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from itertools import pairwise

import docx
import numpy as np
import openpyxl
import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from handlers.chat import AttachmentKind
from handlers.errors import FileRefused
from handlers.files.cleaning import Format, clean, distort, name_of, prepare, sniff
from handlers.files.office import DOCX, XLSX
from handlers.files.pictures import strip_jp2, strip_jpeg, strip_png
from handlers.files.voices import RATE, distort_voice, read_voice, write_voice

from . import planted

MADE: dict[str, tuple[Callable[[], bytes], Format, str]] = {
    "jpeg": (planted.jpeg, Format.JPEG, "image/jpeg"),
    "png": (planted.png, Format.PNG, "image/png"),
    "webp": (planted.webp, Format.WEBP, "image/jpeg"),
    "heic": (planted.heic, Format.HEIC, "image/jpeg"),
    "pdf": (planted.pdf, Format.PDF, "application/pdf"),
    "word": (planted.word, Format.OFFICE, DOCX),
    "excel": (planted.excel, Format.OFFICE, XLSX),
    "ogg": (lambda: planted.voice("ogg", "libopus", rate=48_000), Format.OGG, "audio/mp4"),
    "mp3": (lambda: planted.voice("mp3", "libmp3lame"), Format.MP3, "audio/mp4"),
    "m4a": (lambda: planted.voice("mp4", "aac"), Format.MP4, "audio/mp4"),
    "3gp": (lambda: planted.voice("3gp", "aac"), Format.MP4, "audio/mp4"),
    "aac": (lambda: planted.voice("adts", "aac"), Format.AAC, "audio/mp4"),
    "wav": (lambda: planted.voice("wav", "pcm_s16le"), Format.WAV, "audio/mp4"),
    "amr": (planted.amr, Format.AMR, "audio/mp4"),
}
_NOTHING_TO_PLANT = {"aac", "amr"}
_SAMPLES = {name: make() for name, (make, _, _) in MADE.items()}


def refusal_of(content: bytes) -> str:
    with pytest.raises(FileRefused) as refused:
        clean(content)
    return refused.value.key


# What is left of a file


@pytest.mark.parametrize("name", MADE)
def test_nothing_planted_is_found_in_a_cleaned_file(name: str) -> None:
    """Authors, places, serial numbers, paths, dates, older versions: none is left, in any layer or spelling."""
    content = _SAMPLES[name]
    if name not in _NOTHING_TO_PLANT:
        assert planted.finds(content), "the plant itself must be found, or this test shows nothing"
    cleaned = clean(content)
    assert planted.finds(cleaned.content) == []
    assert cleaned.media_type == MADE[name][2]
    assert sniff(content) is MADE[name][1]


@pytest.mark.parametrize("name", MADE)
def test_a_cleaned_file_can_be_cleaned_again(name: str) -> None:
    """What we write is itself a file of the kinds that are taken."""
    once = clean(_SAMPLES[name])
    assert clean(once.content).media_type == once.media_type


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "heic"])
def test_a_picture_still_shows_what_it_shows(name: str) -> None:
    """The red corner is where it was, and nothing but pixels is in the file."""
    with Image.open(io.BytesIO(clean(_SAMPLES[name]).content)) as picture:
        picture.load()
        red, _, _ = (int(one) for one in picture.convert("RGB").getpixel((4, 4)))  # type: ignore[union-attr]
        assert red > 200
        assert not picture.getexif()
        assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_stands_upright(orientation: int) -> None:
    """A telephone turned on its side writes that beside the pixels; we turn the pixels."""
    with Image.open(io.BytesIO(clean(planted.jpeg(orientation)).content)) as picture:
        assert picture.size == ((480, 640) if orientation >= 5 else (640, 480))


def test_a_large_photograph_is_made_smaller() -> None:
    """As large as a page needs to be read."""
    with Image.open(io.BytesIO(clean(planted.jpeg(size=(6000, 4000))).content)) as picture:
        assert max(picture.size) == 2560


def test_the_pages_of_a_pdf_are_all_there_and_only_they() -> None:
    """No author, no attached file, nothing that runs; the picture and the note on the first page are still drawn."""
    with pikepdf.open(io.BytesIO(clean(_SAMPLES["pdf"]).content)) as pdf:
        assert len(pdf.pages) == 2
        assert len(pdf.attachments) == 0
        assert not pdf.docinfo
        assert set(pdf.Root.keys()) == {"/Type", "/Pages"}
        first = pdf.pages[0].obj
        assert first.Resources.XObject.A.read_raw_bytes().startswith(b"\xff\xd8")
        assert [str(note.Contents) for note in first.Annots if "/Contents" in note] == ["ghi chú"]
        assert b"/Launch" not in pdf.pages[0].obj.unparse()


def test_the_words_of_a_document_come_through() -> None:
    """What the person wants read is what stays."""
    document = docx.Document(io.BytesIO(clean(_SAMPLES["word"]).content))
    assert [one.text for one in document.paragraphs][:2] == [planted.STORY, "Lương tháng 9"]
    assert len(document.inline_shapes) == 1
    [comment] = document.comments
    assert (comment.author, comment.text) == ("", "chưa trả")
    book = openpyxl.load_workbook(io.BytesIO(clean(_SAMPLES["excel"]).content))
    sheet = book.worksheets[0]
    assert (sheet["A1"].value, sheet["B2"].value) == (planted.STORY, 7_500_000)
    assert sheet["A1"].comment is not None and "xem lại" in sheet["A1"].comment.text


def test_pictures_in_documents_are_still_pictures() -> None:
    """They lose their notes and keep their pixels."""
    for content, strip in ((planted.jpeg(), strip_jpeg), (planted.png(), strip_png)):
        with Image.open(io.BytesIO(content)) as before, Image.open(io.BytesIO(strip(content))) as after:
            assert before.tobytes() == after.tobytes()
            assert not after.getexif()
    page = io.BytesIO()
    planted.a_picture().save(page, "JPEG2000")
    noted = page.getvalue()[:12] + struct.pack(">I", 8 + 9) + b"xml " + planted.PLANT.encode() + page.getvalue()[12:]
    assert planted.finds(noted) and not planted.finds(strip_jp2(noted))


def test_a_file_is_named_by_us() -> None:
    """Its own name was never kept."""
    assert name_of("image/jpeg", 1) == "anh-1.jpg"
    assert {name_of(media_type, 2) for _, _, media_type in MADE.values()} == {
        "anh-2.jpg",
        "anh-2.png",
        "tai-lieu-2.pdf",
        "tai-lieu-2.docx",
        "tai-lieu-2.xlsx",
        "loi-thu-am-2.m4a",
    }


# What is refused


def test_other_kinds_are_refused_with_a_reason_each() -> None:
    """A film, an old document, a locked one, a program, an empty file: each has its own sentence."""
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)
    refused = {
        b"": "files.empty",
        b"Con nho giup voi": "files.unknown",
        b"MZ\x90\0" + bytes(60): "files.unknown",
        b"<html><script>alert(1)</script>": "files.unknown",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>": "files.unknown",
        b"#EXTM3U\nfile:///etc/passwd\n": "files.unknown",
        b"GIF89a" + bytes(20): "files.unknown",
        ole: "files.old_office",
        ole + "EncryptedPackage".encode("utf-16-le"): "files.protected",
        b"\x1a\x45\xdf\xa3" + bytes(30): "files.is_video",
        planted.film(): "files.is_video",
        planted.archive({"a.txt": b"x"}): "files.unknown",
    }
    assert {content[:8]: refusal_of(content) for content in refused} == {
        content[:8]: key for content, key in refused.items()
    }


def test_a_pdf_with_a_password_is_refused() -> None:
    """Nobody at the union could open it."""
    page = io.BytesIO()
    with pikepdf.Pdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(page, encryption=pikepdf.Encryption(owner="a", user="b"))
    assert refusal_of(page.getvalue()) == "files.protected"


def with_parts(content: bytes, extra: dict[str, bytes], declared: str = "") -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    types = parts["[Content_Types].xml"].replace(b"</Types>", f"{declared}</Types>".encode())
    return planted.archive(parts | {"[Content_Types].xml": types} | extra)


def test_documents_that_run_or_carry_something_are_refused() -> None:
    """Macros, also under another name; files inside files; entities that unfold."""
    word = _SAMPLES["word"]
    macro = '<Override PartName="/x.bin" ContentType="application/vnd.ms-office.vbaProject"/>'
    assert refusal_of(with_parts(word, {"word/x.bin": b"x"}, macro)) == "files.macros"
    assert refusal_of(with_parts(word, {"word/vbaProject.bin": b"x"})) == "files.macros"
    assert refusal_of(with_parts(word, {"word/embeddings/oleObject1.bin": b"x"})) == "files.embedded"
    unfolding = b'<!DOCTYPE a [<!ENTITY b "cccc">]><a>&b;</a>'
    assert refusal_of(with_parts(word, {"word/extra.xml": unfolding})) == "files.unreadable"


def test_a_document_inside_a_document_is_cleaned_too() -> None:
    """A chart carries the table it was drawn from."""
    nested = with_parts(_SAMPLES["word"], {"word/embeddings/Sheet1.xlsx": _SAMPLES["excel"]})
    cleaned = clean(nested).content
    assert "word/embeddings/Sheet1.xlsx" in zipfile.ZipFile(io.BytesIO(cleaned)).namelist()
    assert planted.finds(cleaned) == []


def test_bombs_are_refused_before_they_unfold() -> None:
    """Few bytes that become very many: pixels, archives, streams."""
    wide = bytearray(_SAMPLES["png"])
    wide[16:24] = struct.pack(">II", 60_000, 60_000)
    wide[29:33] = struct.pack(">I", zlib.crc32(wide[12:29]))
    assert refusal_of(bytes(wide)) == "files.too_big_inside"
    bomb = with_parts(_SAMPLES["word"], {"word/extra.xml": b"<a>" + b" " * 60_000_000 + b"</a>"})
    assert len(bomb) < 1_000_000
    assert refusal_of(bomb) == "files.too_big_inside"
    page = io.BytesIO()
    with pikepdf.Pdf.new() as pdf:
        pdf.add_blank_page()
        pdf.pages[0].obj.Contents = pdf.make_stream(b" " * 80_000_000)
        pdf.save(page)
    assert len(page.getvalue()) < 1_000_000
    assert refusal_of(page.getvalue()) == "files.too_big_inside"


def test_files_with_two_faces_are_refused() -> None:
    """A picture that is an archive to other programs, or a document with a PDF in front."""
    hidden = planted.archive({"bi-mat.txt": b"x"})
    for name in ("jpeg", "png", "pdf", "m4a"):
        assert refusal_of(_SAMPLES[name] + hidden) == "files.two_faced"
    assert refusal_of(_SAMPLES["jpeg"][:20] + b"%PDF-1.7" + _SAMPLES["jpeg"][20:]) == "files.two_faced"


def test_a_voice_note_longer_than_three_minutes_is_refused() -> None:
    """Three minutes, and the second that telephones add, are taken."""
    assert refusal_of(planted.amr(200)) == "files.too_long"
    assert clean(planted.amr(180.5)).kind is AttachmentKind.VOICE


# Whatever comes


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_either_a_known_format_or_refused(content: bytes) -> None:
    """Nothing else ever comes out of looking at a file."""
    with contextlib.suppress(FileRefused):
        assert isinstance(sniff(content), Format)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(_SAMPLES)), st.data())
def test_a_damaged_file_is_cleaned_or_refused_and_never_leaks(name: str, data: st.DataObject) -> None:
    """Bytes lost and changed anywhere: it is either taken, clean, or refused with a sentence."""
    content = bytearray(_SAMPLES[name])
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(len(content) // 2, len(content) - 1)) :]
    with contextlib.suppress(FileRefused):
        assert planted.finds(clean(bytes(content)).content) == []


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(_SAMPLES)))
def test_what_a_file_is_does_not_depend_on_what_stands_behind_it(name: str) -> None:
    """Its beginning tells; who appends something changes nothing."""
    assert sniff(_SAMPLES[name] + b"\0" * 100) is MADE[name][1]


# Voices


def pitch_of(sound: np.ndarray) -> float:  # type: ignore[type-arg]
    """The pitch of most of the speech, by autocorrelation."""
    found = []
    for start in range(0, sound.size - 1024, 512):
        frame = sound[start : start + 1024] - sound[start : start + 1024].mean()
        if np.sqrt(np.mean(frame**2)) < 0.03:
            continue
        match = np.correlate(frame, frame, "full")[1023:]
        lags = slice(RATE // 400, RATE // 60)
        found.append(RATE / (lags.start + int(np.argmax(match[lags]))))
    return float(np.median(found))


def colour_of(sound: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """The long-term spectrum of the speech in bands, as loudness: what the size of a throat makes of it."""
    frames = np.lib.stride_tricks.sliding_window_view(sound, 512)[::256] * np.hanning(512)
    power = np.mean(np.abs(np.fft.rfft(frames)) ** 2, axis=0)
    edges = np.geomspace(3, 200, 25).astype(int)
    bands = np.log(np.array([power[a : max(b, a + 1)].mean() for a, b in pairwise(edges)]))
    return bands - bands.mean()  # type: ignore[no-any-return]


def syllables_of(sound: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """Where there is sound and where a pause, in steps of 20 ms."""
    whole = sound[: sound.size // 320 * 320].reshape(-1, 320)
    loudness = np.convolve(np.sqrt(np.mean(whole**2, axis=1)), np.ones(3) / 3, "same")
    return loudness > 0.4 * np.median(loudness)  # type: ignore[no-any-return]


@pytest.mark.parametrize("pitch", [110.0, 150.0, 220.0])
def test_a_distorted_voice_is_another_voice_saying_the_same(pitch: float) -> None:
    """Pitch and colour differ by more than two people's usually do; rhythm and length stay, so that words are heard."""
    mine = planted.speech(6.0, pitch)
    sister = planted.speech(6.0, pitch * 1.04, stretch=1.05)  # somebody who sounds much like me
    for seed in range(4):
        made = distort_voice(mine, seed)
        assert abs(12 * np.log2(pitch_of(made) / pitch_of(mine))) > 1.5  # semitones
        assert np.abs(colour_of(made) - colour_of(mine)).mean() > np.abs(colour_of(sister) - colour_of(mine)).mean()
        assert made.size == mine.size
        assert np.mean(syllables_of(made) == syllables_of(mine)) > 0.85


def test_a_voice_is_never_distorted_twice_alike() -> None:
    """Whoever knows how it is done still does not know by how much."""
    mine = planted.speech(3.0)
    assert not np.allclose(distort_voice(mine), distort_voice(mine))


def test_a_voice_note_comes_with_its_distorted_copy() -> None:
    """Both are plain sound of the same length; a picture has none."""
    prepared = prepare(_SAMPLES["ogg"])
    assert prepared.kind is AttachmentKind.VOICE and prepared.distorted is not None
    assert planted.finds(prepared.distorted) == []
    lengths = [read_voice(one, "mp4").size for one in (prepared.content, prepared.distorted)]
    assert abs(lengths[0] - lengths[1]) < RATE / 10
    assert prepare(_SAMPLES["jpeg"]).distorted is None


@pytest.mark.parametrize("sound", [np.zeros(RATE, np.float32), np.ones(10, np.float32), np.zeros(1, np.float32)])
def test_silence_and_clicks_are_distorted_too(sound: np.ndarray) -> None:  # type: ignore[type-arg]
    """Nothing to hear is no reason to fail."""
    assert np.isfinite(distort_voice(sound)).all()
    assert distort(write_voice(sound))
