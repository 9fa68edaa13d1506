"""Make the stand-in misbehave on purpose: scripted and seeded random faults, and Telegram's flood limits."""

from __future__ import annotations

import math
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from .telegram_entities import Refused

ANY = "*"
DOWNLOAD = "download"  # and those of fetching a file
UPDATE = "update"  # the name under which faults of the updates themselves are filed


@dataclass(frozen=True)
class Fault:
    """One way to misbehave; `kind` says at which moment, the rest with which answer."""

    kind: str  # refuse | html | slow | drop_before | drop_after | malformed | duplicate | out_of_order
    code: int = 0
    description: str = ""
    seconds: float = 0.0
    parameters: tuple[tuple[str, int], ...] = ()


def flood(retry_after: int = 1) -> Fault:
    """429; the token is refused until `retry_after` seconds have passed."""
    text = f"Too Many Requests: retry after {retry_after}"
    return Fault("refuse", 429, text, parameters=(("retry_after", retry_after),))


def refuse(code: int, description: str, **parameters: int) -> Fault:
    return Fault("refuse", code, description, parameters=tuple(parameters.items()))


def forbidden(description: str = "Forbidden: bot was blocked by the user") -> Fault:
    return refuse(403, description)


def conflict() -> Fault:
    text = "terminated by other getUpdates request; make sure that only one bot instance is running"
    return refuse(409, f"Conflict: {text}")


def server_error() -> Fault:
    return refuse(500, "Internal Server Error")


def migrated(new_id: int) -> Fault:
    return refuse(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=new_id)


def bad_gateway() -> Fault:
    """502 with a web page where JSON is expected; the call has no effect."""
    return Fault("html", 502)


def slow(seconds: float) -> Fault:
    """The call takes effect at once, its answer comes `seconds` later."""
    return Fault("slow", seconds=seconds)


def drop_before() -> Fault:
    """The connection closes; the call had no effect."""
    return Fault("drop_before")


def drop_after() -> Fault:
    """The call takes effect, then the connection closes: the caller cannot know."""
    return Fault("drop_after")


def malformed() -> Fault:
    """The call takes effect, and the answer breaks off in the middle of its JSON."""
    return Fault("malformed")


def duplicate() -> Fault:
    """An update is handed over twice (file under "update")."""
    return Fault("duplicate")


def out_of_order() -> Fault:
    """A webhook update arrives after the one that follows it (file under "update")."""
    return Fault("out_of_order")


class Faults:
    """Which fault meets the next call: first the script, then the seeded plan."""

    def __init__(self) -> None:
        self._script: dict[str, deque[Fault]] = {}
        self._plan: dict[str, list[tuple[float, Fault]]] = {}
        self._random = random.Random(0)
        self.met: Counter[str] = Counter()

    def next(self, method: str, *faults: Fault, times: int = 1) -> None:
        """The next calls of `method` ("*" for any, "update" for updates) meet these faults in this order."""
        self._script.setdefault(method.lower(), deque()).extend(faults * times)

    def plan(self, seed: int, rates: Mapping[str, Iterable[tuple[float, Fault]]]) -> None:
        """From now on each call draws a fault with these chances; the same seed draws the same sequence."""
        self._random = random.Random(seed)
        self._plan = {method.lower(): list(shares) for method, shares in rates.items()}

    def clear(self) -> None:
        self._script.clear()
        self._plan.clear()

    def pick(self, method: str) -> Fault | None:
        if not self._script and not self._plan:
            return None
        name = method.lower()
        fault = self._from_script(name) or self._from_plan(name)
        if fault:
            self.met[f"{method}:{fault.code or fault.kind}"] += 1
        return fault

    def _keys(self, name: str) -> tuple[str, ...]:
        # Receiving is left out of "any": a script for what the bot says must not be eaten by its polling.
        return (name,) if name in {UPDATE, DOWNLOAD, "getupdates"} else (name, ANY)

    def _from_script(self, name: str) -> Fault | None:
        for key in self._keys(name):
            if queue := self._script.get(key):
                fault = queue.popleft()
                if not queue:
                    del self._script[key]
                return fault
        return None

    def _from_plan(self, name: str) -> Fault | None:
        for key in self._keys(name):
            if key in self._plan:
                drawn = self._random.random()
                for chance, fault in self._plan[key]:
                    if drawn < chance:
                        return fault
                    drawn -= chance
                return None
        return None


@dataclass
class Limits:
    """What Telegram allows; None leaves a limit unenforced (the counting goes on all the same)."""

    per_second: int | None = None  # messages of one token, Telegram: about 30
    per_chat_second: int | None = None  # messages into one chat, Telegram: about 1
    per_group_minute: int | None = None  # messages into one group, Telegram: 20


@dataclass
class FloodGate:
    """One token's traffic: counts messages per one-second window and refuses what comes too fast."""

    limits: Limits
    clock: Callable[[], float]
    blocked_until: float = 0.0
    refused: int = 0  # calls made although the token had been told to wait
    per_second: Counter[int] = field(default_factory=Counter)
    busiest_second: int = 0  # the most messages accepted within any second, whole or not
    _recent: deque[float] = field(default_factory=deque)
    _by_chat: dict[int, deque[float]] = field(default_factory=dict)

    def block(self, seconds: float) -> None:
        self.blocked_until = max(self.blocked_until, self.clock() + seconds)

    def check_wait(self) -> None:
        """Refuse every call of a token that was told to wait and did not."""
        if (left := self.blocked_until - self.clock()) > 0:
            self.refused += 1
            raise self._too_many(left)

    def check_limits(self, chat_id: int) -> None:
        """Refuse a message that would pass a limit, and block the token until it may go on."""
        now, limits = self.clock(), self.limits
        waits = [_wait(self._recent, limits.per_second, 1.0, now)]
        if recent := self._by_chat.get(chat_id):
            waits.append(_wait(recent, limits.per_chat_second, 1.0, now))
            if chat_id < 0:
                waits.append(_wait(recent, limits.per_group_minute, 60.0, now))
        if (longest := max(waits)) > 0:
            refusal = self._too_many(longest)
            self.block(refusal.parameters["retry_after"])
            raise refusal

    def count(self, chat_id: int) -> None:
        now = self.clock()
        self.per_second[int(now)] += 1
        recent = self._recent
        recent.append(now)
        while recent[0] <= now - 1.0:
            recent.popleft()
        self.busiest_second = max(self.busiest_second, len(recent))
        if self.limits.per_chat_second is not None or self.limits.per_group_minute is not None:
            self._by_chat.setdefault(chat_id, deque(maxlen=100)).append(now)

    def _too_many(self, seconds: float) -> Refused:
        wait = max(1, math.ceil(seconds))
        return Refused(429, f"Too Many Requests: retry after {wait}", retry_after=wait)


def _wait(recent: deque[float], allowed: int | None, window: float, now: float) -> float:
    """How long until one more message fits into the window; 0 when it fits now."""
    if allowed is None or len(recent) < allowed:
        return 0.0
    return max(0.0, recent[-allowed] + window - now)
