"""Keeps a download from reaching into the operator's own network, whatever name an address gives."""

import ipaddress
import socket
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver


class PublicResolver(AbstractResolver):
    """Finds the addresses of a host and leaves out those that are not public, at the moment they are connected to."""

    def __init__(self) -> None:
        self._resolver = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises OSError when nothing public is left."""
        found = [one for one in await self._resolver.resolve(host, port, family) if _is_global(one["host"])]
        if not found:
            raise OSError(None, "the host has no public address")
        return found

    async def close(self) -> None:
        """Give up what the resolver holds."""
        await self._resolver.close()


def is_public(url: str) -> bool:
    """Whether an address is https and does not name a private machine by its number; a name is judged on resolving."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return False
    try:
        return _is_global(parts.hostname)
    except ValueError:
        return True  # a name


def _is_global(host: str) -> bool:
    address = ipaddress.ip_address(host)
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global
