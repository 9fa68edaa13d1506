"""Servers that stand in for the platforms, spoken to over real sockets."""

import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

PATIENCE = 60.0
"""Seconds a test waits for what must come: more than the slowest machine needs, so only what is wrong takes so long."""


@contextlib.asynccontextmanager
async def away(runner: web.BaseRunner) -> AsyncIterator[None]:
    """Nobody answers at a server's address while the block runs, and whoever was connected is cut off."""
    port = runner.addresses[0][1]
    for site in tuple(runner.sites):
        await site.stop()
    if runner.server is not None:
        await runner.server.shutdown(0.05)  # none at all would be patience without end
    yield
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
