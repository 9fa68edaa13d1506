"""Downloads what somebody sent, from the address its platform gave, and from nowhere in the operator's own network."""

import aiohttp

from bot.transports import FetchUnavailable, FileGone, FileTooLarge
from bot.transports.public_hosts import PublicResolver, is_public

_SECONDS = 50.0
_CONNECT_SECONDS = 8.0
_CHUNK = 64 * 1024


class Downloads:
    """Files of one platform. ``own_url``: the platform's own address as the operator set it, which may be a proxy of
    theirs; every other must be public https, since a part of an event may be a person's own words."""

    def __init__(self, own_url: str) -> None:
        self._own_url = own_url
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def fetch(self, url: str, limit: int) -> bytes:
        """The file at an address. Raises `FileGone`, `FileTooLarge` or `FetchUnavailable`, nothing else."""
        is_own = url.startswith(f"{self._own_url}/")
        if not is_own and not is_public(url):
            raise FileGone
        content = b""
        try:
            async with self._session(is_own).get(url, allow_redirects=False) as response:
                if response.status >= 500 or response.status == 429:
                    raise FetchUnavailable
                if response.status != 200:  # addresses end after some days
                    raise FileGone
                async for chunk in response.content.iter_chunked(_CHUNK):
                    content += chunk
                    if len(content) > limit:
                        raise FileTooLarge
        except aiohttp.InvalidURL:
            raise FileGone from None
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise FetchUnavailable from None
        return content

    def _session(self, is_own: bool) -> aiohttp.ClientSession:
        if is_own not in self._sessions:
            timeout = aiohttp.ClientTimeout(total=_SECONDS, sock_connect=_CONNECT_SECONDS)
            connector = None if is_own else aiohttp.TCPConnector(resolver=PublicResolver())
            self._sessions[is_own] = aiohttp.ClientSession(timeout=timeout, connector=connector, trust_env=False)
        return self._sessions[is_own]

    async def close(self) -> None:
        """Give up connections."""
        for session in self._sessions.values():
            await session.close()
