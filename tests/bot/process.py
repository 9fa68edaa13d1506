"""The bot as its users run it: a process of its own that can be stopped or killed, and a visitor of its page."""

import contextlib
import os
import re
import secrets
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
START_SECONDS = 60


_PORTS = range(10_000, 32_000)
"""Below those that the system gives to outgoing connections: a port found here is still free a moment later."""


def free_port() -> int:
    """A port nobody listens on just now."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class BotProcess:
    """`python -m bot` with its own database, keys and port."""

    def __init__(self, folder: Path, database_url: str, key_file: Path, **settings: str) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        own = {"DATABASE_URL": database_url, "KEY_FILE": str(key_file), "WEB_PORT": str(self.port)}
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TELEGRAM_", "WEB_", "UNION_", "ZALO_"))
        }
        self._environment = kept | own | settings
        self._log = folder / "bot.log"
        self._log.touch()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start and wait until the page answers; returns the seconds that took."""
        began = time.monotonic()
        log = self._log.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bot"], cwd=ROOT, env=self._environment, stdout=log, stderr=log
        )
        while time.monotonic() - began < START_SECONDS:
            if self._process.poll() is not None:
                raise AssertionError(f"the bot did not start: {self.log[-3000:]}")
            try:
                if httpx.get(f"{self.address}/healthz", timeout=1).status_code == 200:
                    return time.monotonic() - began
            except httpx.TransportError:
                time.sleep(0.02)
        raise AssertionError(f"the page did not answer: {self.log[-3000:]}")

    def kill(self) -> None:
        """As the operating system or a power cut would: no warning."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM, as systemd would; returns the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(30)

    @property
    def log(self) -> str:
        """Everything the program said, over all its starts."""
        return self._log.read_text(encoding="utf-8", errors="replace")


class Visitor:
    """Somebody on the page who sends again, under the same id, until the page says it was taken."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._client = httpx.Client(timeout=15)
        self._csrf = ""
        self._ids = 0
        self.after = 0
        self.acknowledged: list[str] = []

    def says(self, text: str, give_up: threading.Event | None = None) -> list[dict[str, Any]]:
        """Send words; returns what is new."""
        return self._send({"text": text}, give_up)

    def presses(self, action: str, give_up: threading.Event | None = None) -> list[dict[str, Any]]:
        """Press a button."""
        return self._send({"action": action}, give_up)

    def talk(self) -> list[dict[str, Any]]:
        """The whole talk, as after a reload; asked again, as the page does, where the program is gone meanwhile."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            with contextlib.suppress(httpx.TransportError):
                answer = self._client.get(f"{self._address}/api/messages")
                if answer.status_code == 200:
                    return list(answer.json()["messages"])
                assert answer.status_code == 503, answer.text
            time.sleep(0.05)
        raise TimeoutError

    def _send(self, what: dict[str, str], give_up: threading.Event | None) -> list[dict[str, Any]]:
        self._ids += 1
        event_id = f"{id(self):016x}-{self._ids}"
        while give_up is None or not give_up.is_set():
            try:
                if not self._csrf:
                    page = self._client.get(f"{self._address}/").text
                    self._csrf = re.findall(r'data-csrf="(\w+)"', page)[0]
                body = {"id": event_id, "after": self.after, **what}
                answer = self._client.post(
                    f"{self._address}/api/messages", json=body, headers={"X-CSRF-Token": self._csrf}
                )
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.status_code == 200:
                self.acknowledged.append(event_id)
                found = answer.json()
                self.after = found["after"]
                return list(found["messages"])
            assert answer.status_code == 503, answer.text
            time.sleep(0.05)
        raise TimeoutError
