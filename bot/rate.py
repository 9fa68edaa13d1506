"""How many messages one bot account may start: never above its platform's limit, the urgent before the many."""

import asyncio
import heapq
import itertools
import time
from collections import deque

_MARGIN = 0.012
"""Seconds by which a window of ours is longer than the platform's: what starts evenly here arrives a little unevenly
there. At most 1.2 % of the rate is given away."""

_PACE = 0.9
"""Bulletins start this part of an even interval apart: nearly even, with room to make up for a late one."""


class Rate:
    """At most ``limit`` starts in any window of one second, and none while the account is paused. Of those who wait the
    one with the smallest priority starts first."""

    def __init__(self, limit: float | None) -> None:
        self.limit = limit
        self._starts: deque[float] = deque(maxlen=max(1, int(limit)) if limit else 1)
        self._window = (max(1.0, 1 / limit) if limit else 0.0) + _MARGIN
        self._paused_until = 0.0
        self._queue: list[tuple[int, int, bool, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many wait for their start."""
        return len(self._queue)

    def pause(self, seconds: float) -> None:
        """The platform asked for silence."""
        self._paused_until = max(self._paused_until, time.monotonic() + seconds)

    async def wait(self, priority: int = 0, is_paced: bool = False) -> None:
        """Return when one message may start now. Paced ones start evenly, so that one which must not wait finds room
        within moments however many of them there are."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (priority, next(self._numbers), is_paced, turn))
        self._let_go()
        await turn

    def _let_go(self) -> None:
        """Start whoever may start now, and look again when the next one may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._queue:
            _, _, is_paced, turn = self._queue[0]
            now = time.monotonic()
            start = self._earliest(is_paced) if not turn.done() else now
            if start > now:
                self._timer = asyncio.get_running_loop().call_later(start - now, self._let_go)
                return
            heapq.heappop(self._queue)
            if not turn.done():
                self._starts.append(now)
                turn.set_result(None)

    def _earliest(self, is_paced: bool) -> float:
        start = self._paused_until
        if self.limit and len(self._starts) == self._starts.maxlen:
            start = max(start, self._starts[0] + self._window)
        if self.limit and is_paced and self._starts:
            start = max(start, self._starts[-1] + _PACE / self.limit)
        return start
