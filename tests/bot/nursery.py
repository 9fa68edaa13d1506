"""Starts the bot within moments, as often as a drill kills it: each process is forked from one that has loaded all."""

import contextlib
import ctypes
import importlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from knowledge.texts import load_texts

from .process import ROOT

SHORT_WAITS: dict[str, Any] = {
    "bot.app._EVERY_TICK": timedelta(seconds=0.5),
    "bot.clock._TICK_SECONDS": 1,
    "bot.leadership._TRY_SECONDS": 0.3,
    "bot.delivery._FIRST_RETRY_SECONDS": 0.2,
    "bot.delivery._PROBE_SECONDS": 1.0,
    "bot.transports.telegram._RETRY_SECONDS": 0.2,
    "bot.transports.telegram._CONFLICT_SECONDS": 0.5,
    "bot.transports.telegram.TelegramTransport.messages_per_second": 100.0,
    "handlers.bulletins.running._PEOPLE_AT_ONCE": 25,
}
"""For the drill's sake everything comes sooner, and a sending is planned in many small transactions: a process that
lives a second or two is then killed at each of its works."""

_DEATH_OF_PARENT = 1


class Nursery:
    """The process that others are forked from."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bot.nursery"],
            cwd=ROOT,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._hear() == "ready"

    def start(self, log: Path, **settings: str) -> int:
        """Start one; returns its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"log": str(log), "settings": settings}) + "\n")
        self._process.stdin.flush()
        return int(self._hear())

    def end(self) -> None:
        """End it, and with it whatever it started."""
        self._process.kill()
        self._process.wait()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


class ForkedBot:
    """One bot with its settings, started and killed again and again."""

    def __init__(self, nursery: Nursery, log: Path, **settings: str) -> None:
        self._nursery = nursery
        self._log = log
        self._settings = settings
        self._handle = -1

    def start(self) -> None:
        """Start; it is a while until it works."""
        self._handle = os.pidfd_open(self._nursery.start(self._log, **self._settings))

    def kill(self) -> None:
        """As the operating system or a power cut would: no warning."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As systemd would."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)
        ended, _, _ = select.select([self._handle], [], [], 60)
        assert ended, "the program did not end"
        os.close(self._handle)

    @property
    def log(self) -> str:
        """Everything it said, over all its starts."""
        return self._log.read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def open_nursery() -> Iterator[Nursery]:
    """A nursery, and nothing of it left afterwards."""
    nursery = Nursery()
    try:
        yield nursery
    finally:
        nursery.end()


def main() -> None:
    """Load everything, then fork a bot for every line that comes in."""
    program = importlib.import_module("bot.__main__")
    for name in ("bot.transports.telegram", "uvicorn.protocols.http.auto", "uvicorn.lifespan.on", "h11", "httptools"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    load_texts()
    answerer = program.load_answerer()
    program.load_answerer = lambda **_: answerer  # type: ignore[attr-defined]  # what every start would load anew
    for name, value in SHORT_WAITS.items():
        _set(name, value)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries them
    _say("ready")
    for line in sys.stdin:
        number = os.fork()
        if number == 0:
            _live(program, json.loads(line))
        _say(str(number))


def _set(name: str, value: Any) -> None:
    module, *rest = name.rsplit(".", 1) if name.split(".")[-2][0].islower() else name.rsplit(".", 2)
    holder: Any = importlib.import_module(module)
    for part in rest[:-1]:
        holder = getattr(holder, part)
    assert hasattr(holder, rest[-1]), name
    setattr(holder, rest[-1], value)


def _live(program: Any, order: dict[str, Any]) -> None:
    """The forked process: the bot and nothing else."""
    ctypes.CDLL(None).prctl(_DEATH_OF_PARENT, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for old, new in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(old, new)
    strange = ("TELEGRAM_", "WEB_", "UNION_", "ZALO_")
    for name in [one for one in os.environ if one.startswith(strange)]:
        del os.environ[name]
    os.environ.update(order["settings"])
    code = 1
    try:
        code = program.main([])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
