"""Parametric QR codes: tickets, the addresses they encode, and how long each lives.

A ticket is opaque to clients. Its bytes here are those of captured ones:

    81 01 xx xx <rest> 00*7 | 01 <len> url | 02 04 <create time> | 03 04 <lifetime>

with little-endian 32-bit numbers, written as 96 characters of base64. Both base64 alphabets occur
in the wild, so each ticket picks one: clients must percent-encode it, and may not filter it.
Source: WeChat, "Generating a parametric QR code", /doc/service/api/qrcode/qrcodes/api_createqrcode;
the layout is measured, not documented.
"""

import base64
import heapq
import math
import re
import secrets
import struct
from dataclasses import dataclass

from sandbox.clock import Clock
from sandbox.errors import ApiError

REMEMBERED = 3600
"""Seconds after its end for which a code can still be scanned (late) and drawn."""

MOST_PERMANENT = 100_000
"""Source: WeChat, "Generating a parametric QR code"."""

URL_PREFIX = "http://weixin.qq.com/q/"
_URL = re.compile(r"(?:https?://)?weixin\.qq\.com/q/([A-Za-z0-9_-]+)")


@dataclass(slots=True)
class Code:
    """One QR code. `scene` is WeChat's `scene_id` (int) or `scene_str` (str).

    A permanent code has 0 `expire_seconds`, as in captured tickets.
    """

    ticket: str
    url: str
    scene: int | str
    created_at: float
    expire_seconds: int

    @property
    def expires_at(self) -> float:
        """The moment from which a scan is late, Unix seconds."""
        return self.created_at + self.expire_seconds if self.expire_seconds else math.inf

    def seconds_left(self, now: float) -> int | None:
        """Return the whole seconds left, rounded up; 0 when expired, None when it never ends."""
        return max(0, math.ceil(self.expires_at - now)) if self.expire_seconds else None


def make_url() -> str:
    """Return an address of the real length, 46 characters."""
    return f"{URL_PREFIX}02{secrets.token_urlsafe(16)[:21]}"


def make_ticket(url: str, created_at: float, expire_seconds: int) -> str:
    """Return a ticket that names *url*, in either base64 alphabet."""
    fields = b"\x01" + bytes([len(url)]) + url.encode("ascii")
    fields += b"\x02\x04" + struct.pack("<I", int(created_at))
    fields += b"\x03\x04" + struct.pack("<I", expire_seconds)
    raw = b"\x81\x01" + secrets.token_bytes(2) + bytes([len(fields)]) + bytes(7) + fields
    encode = secrets.choice((base64.standard_b64encode, base64.urlsafe_b64encode))
    return encode(raw).decode("ascii")


class Codes:
    """All codes that are alive or remembered.

    Attributes:
        repeat_tickets: Whether a scene whose code is alive gets that code again. What WeChat does
            is not documented, so a client must bear both.
    """

    def __init__(self, clock: Clock) -> None:
        self.repeat_tickets = False
        self._clock = clock
        self._by_ticket: dict[str, Code] = {}
        self._by_url: dict[str, Code] = {}
        self._by_scene: dict[int | str, Code] = {}
        self._waiting: dict[str, Code] = {}
        self._forget_at: list[tuple[float, str]] = []
        self._permanent: dict[int | str, Code] = {}

    def create(self, scene: int | str, expire_seconds: int) -> Code:
        """Make a code for *scene*, or repeat its live one when `repeat_tickets` says so."""
        self._forget_old()
        live = self._by_scene.get(scene)
        if self.repeat_tickets and live is not None and self._clock() < live.expires_at:
            # Shown again, so waiting again, whoever scanned it before.
            self._waiting[live.ticket] = live
            return live
        code = self._by_scene[scene] = self._make(scene, expire_seconds)
        heapq.heappush(self._forget_at, (code.expires_at + REMEMBERED, code.ticket))
        return code

    def create_permanent(self, scene: int | str) -> Code:
        """Return the code of *scene* that never expires; asked again, it is the same one.

        Raises:
            ApiError: 45029 when there are 100,000 already.
        """
        code = self._permanent.get(scene)
        if code is None:
            if len(self._permanent) >= MOST_PERMANENT:
                raise ApiError(45029)
            code = self._permanent[scene] = self._make(scene, expire_seconds=0)
        self._waiting[code.ticket] = code
        return code

    def by_ticket(self, ticket: str) -> Code | None:
        """Return the code of *ticket*, also when it has expired."""
        self._forget_old()
        return self._by_ticket.get(ticket)

    def by_url(self, url: str) -> Code | None:
        """Return the code that encodes *url*; the scheme may be missing or https."""
        self._forget_old()
        match = _URL.fullmatch(url.strip())
        return self._by_url.get(URL_PREFIX + match[1]) if match else None

    def scanned(self, code: Code) -> None:
        """Take *code* off the list of those that wait for a scan."""
        self._waiting.pop(code.ticket, None)

    def waiting(self, limit: int) -> list[Code]:
        """Return the live codes nobody has scanned yet, newest first, *limit* at most."""
        now = self._clock()
        self._waiting = {t: code for t, code in self._waiting.items() if now < code.expires_at}
        return list(reversed(self._waiting.values()))[:limit]

    def _make(self, scene: int | str, expire_seconds: int) -> Code:
        url, now = make_url(), self._clock()
        code = Code(make_ticket(url, now, expire_seconds), url, scene, now, expire_seconds)
        self._by_ticket[code.ticket] = self._by_url[url] = self._waiting[code.ticket] = code
        return code

    def _forget_old(self) -> None:
        while self._forget_at and self._forget_at[0][0] <= self._clock():
            code = self._by_ticket.pop(heapq.heappop(self._forget_at)[1])
            del self._by_url[code.url]
            self._waiting.pop(code.ticket, None)
            if self._by_scene.get(code.scene) is code:
                del self._by_scene[code.scene]
