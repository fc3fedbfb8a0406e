"""HTTP as the platform speaks it to an account's server: one try, bounded in time and size."""

from typing import Self

import aiohttp

from sandbox.pushes import HEADERS

MOST_ANSWER_BYTES = 1 << 16


class Wire:
    """Sends requests; an async context manager that owns its connections.

    Closing it breaks off the requests under way, and later ones fail at once.

    Args:
        timeout: Seconds for one request, connection included.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=HEADERS,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        # Forgotten first: a request that this breaks off is not made again.
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(
        self, method: str, url: str, body: bytes | None = None, content_type: str = "text/xml"
    ) -> tuple[bytes | None, str]:
        """Return the answer's body, None unless it is HTTP 200 and short, and the outcome."""
        if self._session is None:
            return None, "closed"
        headers = {"Content-Type": content_type} if body is not None else {}
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as response:
                answer = bytearray()
                async for chunk in response.content.iter_any():
                    answer += chunk
                    if len(answer) > MOST_ANSWER_BYTES:
                        return None, "too_long"
                return (bytes(answer) if response.status == 200 else None), str(response.status)
        except TimeoutError:
            return None, "timeout"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return None, type(error).__name__
