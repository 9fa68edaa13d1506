"""Cleans a file in a process of its own, so that a file made to break a library breaks nothing of ours.

The child gets the bytes and gives the cleaned ones back: no settings, no keys, no more memory and time than an honest
file needs. `python -m bot.cleaning MODULE:FUNCTION` is that child.
"""

import asyncio
import contextlib
import importlib
import json
import os
import sys
from pathlib import Path

import structlog

from handlers.chat import AttachmentKind, Cleaned, Cleaner
from handlers.errors import FileRefused

log = structlog.get_logger()

_ROOT = Path(__file__).parents[1]
_SECONDS = 60.0
_CPU_SECONDS = 45
_MEMORY_BYTES = 2 * 1024**3
"""Of addresses, not of RAM: the libraries alone ask for much of it. The largest honest picture needs 0.4 GB."""
_AT_ONCE = 2
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "PYTHONPATH")


class CleaningRoom:
    """Runs cleaners, a few at a time."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def clean(self, cleaner: Cleaner, content: bytes) -> Cleaned:
        """What the cleaner makes of a file. Raises `FileRefused`, also for a file that was too much for it."""
        async with self._room:
            answer = await _run_apart(f"{cleaner.__module__}:{cleaner.__qualname__}", content)
        return _read_answer(answer)


async def _run_apart(place: str, content: bytes) -> bytes:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.cleaning",
        place,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # libraries print what they met, which may be somebody's words
        cwd=_ROOT,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | {"OPENBLAS_NUM_THREADS": "1"},
    )
    try:
        async with asyncio.timeout(_SECONDS):
            answer, _ = await child.communicate(content)
    except TimeoutError:
        log.warning("cleaning_took_too_long")
        raise FileRefused("files.unreadable") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
            await child.wait()
    if child.returncode != 0:
        log.warning("cleaning_failed", returncode=child.returncode)
        raise FileRefused("files.unreadable")
    return answer


def _read_answer(answer: bytes) -> Cleaned:
    """What the child wrote: a line that tells the lengths, then the bytes. Never unpickled: the child met the file."""
    head, _, rest = answer.partition(b"\n")
    told = json.loads(head)
    if "refused" in told:
        raise FileRefused(told["refused"], **told["values"])
    end = int(told["size"])
    distorted = rest[end:] if told["is_distorted"] else None
    return Cleaned(told["media_type"], AttachmentKind(told["kind"]), rest[:end], distorted)


def _answer(cleaner: Cleaner, content: bytes) -> bytes:
    try:
        cleaned = cleaner(content)
    except FileRefused as refused:
        return json.dumps({"refused": refused.key, "values": refused.values}).encode() + b"\n"
    told = {
        "media_type": cleaned.media_type,
        "kind": cleaned.kind.value,
        "size": len(cleaned.content),
        "is_distorted": cleaned.distorted is not None,
    }
    return json.dumps(told).encode() + b"\n" + cleaned.content + (cleaned.distorted or b"")


def _limit_self() -> None:
    """From here on this process has so much memory and time, and writes no file."""
    import resource

    for kind, limit in (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_CPU, _CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # some systems do not know all of them
            resource.setrlimit(kind, (limit, limit))


def main(place: str) -> None:
    """The child: a file on standard input, the answer on standard output."""
    module, name = place.split(":")
    cleaner: Cleaner = getattr(importlib.import_module(module), name)
    _limit_self()
    sys.stdout.buffer.write(_answer(cleaner, sys.stdin.buffer.read()))


if __name__ == "__main__":
    main(sys.argv[1])
