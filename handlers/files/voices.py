"""Voice notes: read whatever a telephone records, write plain sound, and make a voice hard to recognise.

The distorted copy moves the resonances of the speaker's throat and mouth (McAdams' coefficient, a reference method of
the VoicePrivacy challenges), shifts the pitch by an amount that wanders, and adds a little noise; all by chance, so
that it cannot simply be turned back.
"""

import io
import secrets
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from handlers.errors import FileRefused

VOICE_TYPE = "audio/mp4"
"""AAC: every telephone and browser plays it."""
RATE = 16_000
LONGEST_MINUTES = 3
_LONGEST = LONGEST_MINUTES * 60 * RATE
_ROUNDING = RATE
"""Telephones stop a second late."""
_BITS_PER_SECOND = 40_000

_READERS = {"ogg": "ogg", "mp3": "mp3", "aac": "aac", "amr": "amr", "mp4": "mp4", "wav": "wav"}
_COVERS = ("mjpeg", "png", "bmp", "gif")
"""A film is sound with pictures; the cover of a song is one picture, and is left out."""

Sound = NDArray[np.float32]


def read_voice(content: bytes, form: str) -> Sound:
    """The sound, in one channel. The reader is named: one that guesses could be talked into opening other files."""
    try:
        with av.open(io.BytesIO(content), format=_READERS[form], metadata_errors="ignore") as container:
            if any(one.codec_context.name not in _COVERS for one in container.streams.video):
                raise FileRefused("files.is_video")
            sound = _decode(container)
    except (av.FFmpegError, ValueError, IndexError, AttributeError):
        raise FileRefused("files.unreadable") from None
    except MemoryError:
        raise FileRefused("files.too_big_inside") from None
    if not sound.size:
        raise FileRefused("files.unreadable")
    return sound


def _decode(container: Any) -> Sound:
    if not container.streams.audio:
        raise FileRefused("files.unreadable")
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    pieces: list[Sound] = []
    length = 0
    for packet in container.demux(container.streams.audio[0]):
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            continue  # a hole; what comes behind it is heard all the same
        for frame in frames:
            pieces.append(_resample(resampler, frame))
            length += pieces[-1].size
            if length > _LONGEST + _ROUNDING:
                raise FileRefused("files.too_long", limit=LONGEST_MINUTES)
    pieces.append(_resample(resampler, None))
    return np.nan_to_num(np.concatenate(pieces))


def _resample(resampler: Any, frame: Any) -> Sound:
    """A frame as our numbers; None asks for what is still held back."""
    made = [one.to_ndarray().reshape(-1).astype(np.float32) for one in resampler.resample(frame)]
    return np.concatenate(made) if made else np.zeros(0, np.float32)


def write_voice(sound: Sound) -> bytes:
    """The sound as a file without a word about itself."""
    page = io.BytesIO()
    with av.open(page, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono", bit_rate=_BITS_PER_SECOND)
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        for start in range(0, sound.size, RATE):
            piece = np.ascontiguousarray(np.clip(sound[start : start + RATE], -1, 1).reshape(1, -1), np.float32)
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return page.getvalue()


# Distortion

_ORDER = 16
_WINDOW = 512
_HOP = _WINDOW // 2
_SPECTRUM = 2048
_CHUNK = 2000
_LARGEST_RADIUS = 0.98
"""Resonances sharper than this would ring."""
_MCADAMS = (0.76, 0.86)
_SEMITONES = (2.5, 4.0)
_WANDERING = 0.02
_WANDERING_EVERY = 1.5
"""How far, in seconds, the playing runs ahead or behind, and how often that turns: a percent or two of the speed."""
_NOISE = 0.02
"""Of the loudness of the speech: heard in pauses, never over a word."""


def distort_voice(sound: Sound, seed: int | None = None) -> Sound:
    """The same words, as long and as loud, in nobody's voice. ``seed`` is for tests: chance decides otherwise."""
    chance = np.random.default_rng(secrets.randbits(128) if seed is None else seed)
    moved = _move_resonances(sound.astype(np.float64), chance.uniform(*_MCADAMS))
    semitones = chance.uniform(*_SEMITONES) * chance.choice((-1.0, 1.0))
    shifted = _shift_pitch(moved, 2.0 ** (semitones / 12), chance)
    loudness = float(np.sqrt(np.mean(sound.astype(np.float64) ** 2)))
    made = shifted * (loudness / (float(np.sqrt(np.mean(shifted**2))) + 1e-9))
    made = made + chance.normal(0, _NOISE * loudness + 1e-6, made.size)
    return np.clip(made, -1, 1).astype(np.float32)


def _move_resonances(sound: NDArray[np.float64], coefficient: float) -> NDArray[np.float64]:
    """Raise the angle of every resonance to a power, frame by frame, and keep what excites it."""
    window = np.hanning(_WINDOW + 1)[:-1]
    padded = np.concatenate([np.zeros(_WINDOW), sound, np.zeros(_WINDOW)])
    made = np.zeros(padded.size + _SPECTRUM)
    starts = np.arange(0, padded.size - _WINDOW, _HOP)
    for first in range(0, starts.size, _CHUNK):
        some = starts[first : first + _CHUNK]
        frames = padded[some[:, None] + np.arange(_WINDOW)] * window
        predictors = _predict(frames)
        moved = _move_poles(predictors, coefficient)
        spectra = np.fft.rfft(frames, _SPECTRUM) * np.fft.rfft(predictors, _SPECTRUM) / np.fft.rfft(moved, _SPECTRUM)
        for start, frame in zip(some, np.fft.irfft(spectra, _SPECTRUM), strict=True):
            made[start : start + _SPECTRUM] += frame
    return made[_WINDOW : _WINDOW + sound.size]


def _predict(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear prediction (Levinson's recursion) of all frames at once: one row of coefficients each."""
    power = np.fft.irfft(np.abs(np.fft.rfft(frames, 2 * _WINDOW)) ** 2)[:, : _ORDER + 1]
    power[:, 0] = power[:, 0] * 1.0001 + 1e-9
    found = np.zeros((frames.shape[0], _ORDER + 1))
    found[:, 0], error = 1.0, power[:, 0].copy()
    for order in range(1, _ORDER + 1):
        reflection = -np.sum(found[:, :order] * power[:, order:0:-1], axis=1) / error
        found[:, 1 : order + 1] += reflection[:, None] * found[:, order - 1 :: -1][:, :order]
        error *= np.maximum(1 - reflection**2, 1e-9)
    return found


def _move_poles(predictors: NDArray[np.float64], coefficient: float) -> NDArray[np.float64]:
    companions = np.zeros((predictors.shape[0], _ORDER, _ORDER))
    companions[:, 0, :] = -predictors[:, 1:]
    companions[:, np.arange(1, _ORDER), np.arange(_ORDER - 1)] = 1.0
    poles = np.linalg.eigvals(companions)
    angles, radii = np.angle(poles), np.minimum(np.abs(poles), _LARGEST_RADIUS)
    is_pair = np.abs(poles.imag) > 1e-9
    moved = np.where(is_pair, np.sign(angles) * np.minimum(np.abs(angles) ** coefficient, np.pi), angles)
    roots = radii * np.exp(1j * moved)
    made = np.ones((predictors.shape[0], 1), complex)
    for number in range(_ORDER):
        grown = np.zeros((made.shape[0], made.shape[1] + 1), complex)
        grown[:, :-1] += made
        grown[:, 1:] -= made * roots[:, number : number + 1]
        made = grown
    return np.real(made)


_STEP = 320
_GRAIN = 2 * _STEP
_SEARCH = 160


def _shift_pitch(sound: NDArray[np.float64], factor: float, chance: np.random.Generator) -> NDArray[np.float64]:
    """Stretch the sound in time (WSOLA), then play it back at a speed that wanders a little about the factor."""
    stretched = _stretch(sound, factor)
    count = int(sound.size / RATE / _WANDERING_EVERY) + 2
    turns = chance.uniform(-_WANDERING, _WANDERING, count) * RATE * factor
    turns[0] = turns[-1] = 0.0
    places = np.linspace(0, stretched.size - 1, sound.size)
    places += np.interp(np.linspace(0, count - 1, sound.size), np.arange(count), turns)
    return np.interp(places, np.arange(stretched.size), stretched)


def _stretch(sound: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """The same pitch, so many times as long: grains laid over one another where they fit best."""
    padded = np.concatenate([np.zeros(_SEARCH), sound, np.zeros(_GRAIN + 2 * _SEARCH)])
    length = max(int(sound.size * factor), 1)
    made = np.zeros(length + 2 * _GRAIN)
    window = np.hanning(_GRAIN + 1)[:-1]
    wanted = padded[_SEARCH : _SEARCH + _GRAIN]
    for start in range(0, length, _STEP):
        around = min(int(start / factor), sound.size) + _SEARCH
        region = padded[around - _SEARCH : around + _SEARCH + _GRAIN]
        best = int(np.argmax(np.correlate(region, wanted, "valid"))) if wanted.size == _GRAIN else _SEARCH
        at = around - _SEARCH + best
        grain = padded[at : at + _GRAIN]
        made[start : start + grain.size] += grain * window[: grain.size]
        wanted = padded[at + _STEP : at + _STEP + _GRAIN]
    return made[:length]
