"""A stand-in Telegram in a process of its own that counts messages, and costs little while doing so.

It takes `sendMessage` as JSON, says yes to everything else, and knows some faults: `flood` (429, the account is to be
silent for a second), `blocked` (403, always the same people), `drop` (carried out, and the answer is lost). What it saw
is asked for at /seen: for each message carried out its moment (on the machine's monotonic clock) and its chat.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class World:
    """What was sent, and which faults are to be met."""

    flood: float = 0.0
    drop: float = 0.0
    blocked: int = 0
    """Every so-manieth chat has blocked the bot."""

    seen: list[tuple[float, int]] = field(default_factory=list)
    refused: int = 0
    silent_until: float = 0.0
    pauses: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(6))


class _Connection(asyncio.Protocol):
    """One connection; requests come one after another."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            head = self._held[:end].decode("latin-1").lower()
            place = head.find("content-length:")
            length = int(head[place + 15 :].split("\r\n", 1)[0]) if place >= 0 else 0
            if len(self._held) < end + 4 + length:
                if "expect: 100-continue" in head and len(self._held) == end + 4:
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            body, self._held = self._held[end + 4 : end + 4 + length], self._held[end + 4 + length :]
            self._answer(head, body)

    def _answer(self, head: str, body: bytes) -> None:
        world = self._world
        path = head.split(" ", 2)[1]
        if path == "/count":
            return self._say(200, {"count": len(world.seen)})
        if path == "/seen":
            return self._say(200, {"seen": world.seen, "refused": world.refused, "pauses": world.pauses})
        if path.endswith("/sendmessage"):
            return self._send(int(json.loads(body)["chat_id"]))
        if path.endswith("/getupdates"):  # nobody writes
            asyncio.get_running_loop().call_later(1, self._say, 200, {"ok": True, "result": []})
            return None
        return self._say(200, {"ok": True, "result": True})

    def _send(self, chat: int) -> None:
        world, now = self._world, time.monotonic()
        if now < world.silent_until:
            world.refused += 1
            return self._refuse(429, world.silent_until - now)
        dice = world.chance.random() if world.flood or world.drop else 1.0
        if dice < world.flood:
            world.silent_until, world.pauses = now + 1, world.pauses + 1
            return self._refuse(429, 1)
        if world.blocked and chat % world.blocked == 0:
            return self._say(
                403, {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"}
            )
        world.seen.append((now, chat))
        if dice < world.flood + world.drop:
            return self._transport.abort()
        message = {"message_id": len(world.seen), "date": 1, "chat": {"id": chat, "type": "private"}, "text": "tin"}
        return self._say(200, {"ok": True, "result": message})

    def _refuse(self, code: int, seconds: float) -> None:
        wait = max(1, round(seconds + 0.5))
        text = f"Too Many Requests: retry after {wait}"
        self._say(code, {"ok": False, "error_code": code, "description": text, "parameters": {"retry_after": wait}})

    def _say(self, code: int, what: dict[str, object]) -> None:
        body = json.dumps(what).encode()
        head = f"HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


@contextmanager
def run_light_telegram(**faults: float) -> Iterator[str]:
    """Its address, while the block runs."""
    options = [f"--{name}={value}" for name, value in faults.items()]
    command = [sys.executable, "-m", "benchmarks.light_telegram", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def count_seen(address: str) -> int:
    """How many messages were carried out so far."""
    with urllib.request.urlopen(f"{address}/count") as answer:
        return int(json.load(answer)["count"])


def ask_what_was_seen(address: str) -> dict[str, Any]:
    """Everything that was carried out so far."""
    with urllib.request.urlopen(f"{address}/seen") as answer:
        found: dict[str, Any] = json.load(answer)
        return found


async def _serve(world: World) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(world), "127.0.0.1", 0, backlog=1000)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flood", type=float, default=0.0)
    parser.add_argument("--drop", type=float, default=0.0)
    parser.add_argument("--blocked", type=float, default=0)
    options = parser.parse_args()
    asyncio.run(_serve(World(options.flood, options.drop, int(options.blocked))))


if __name__ == "__main__":
    main()
