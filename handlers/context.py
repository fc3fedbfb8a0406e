"""What handlers work with: built once in `server.py`, the same for every request."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from msgspec import Struct, field
from tornado.httputil import HTTPServerRequest

from login import (
    Entrance,
    Farewells,
    Journal,
    Names,
    OwnSessions,
    OwnWeChats,
    Pages,
    Receipts,
    Scans,
    SecondThoughts,
    Unionids,
    WebLogin,
)
from store import Clock, is_loopback, network_of
from wechat import Pushes, Senders

if TYPE_CHECKING:
    from handlers.texts import Texts
    from handlers.visits import Visits

Network = IPv4Network | IPv6Network
XSRF_COOKIE = "_xsrf"
COOKIE_PREFIXES = ("__Host-", "__Secure-")
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class Asked(Protocol):
    """What is known of a request: Tornado's, or one that came in by the front door."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers, by name in small letters."""

    @property
    def remote_ip(self) -> str | None:
        """Whom it came from directly."""


class Site(Struct, kw_only=True, dict=True):
    """Where the site is, who may use it, and how its cookies are called.

    Addresses and origins stay as they are; limits may be replaced at any time.
    """

    public_url: str
    port: int
    allowed_origins: Sequence[str]
    trusted_proxies: tuple[Network, ...]
    metrics_allow: tuple[Network, ...]
    session_cookie: str
    session_domain: str
    """Domain whose hosts all get the session cookie, or "" for this host alone."""
    session_seconds: float
    picture_origin: str
    """Origin of WeChat's pictures of codes, for the content security policy."""
    phone_url: str
    """Address of the sandbox's virtual phone, or "" where there is none."""
    sockets_per_address: int
    hello_seconds: float = 10.0
    """How long a socket may take to ask for its first code."""
    ping_seconds: float = 20.0
    """How often a page is pinged; one that has not answered by the next time is let go."""
    flood_frames: int = 200
    """Frames in ten seconds that no page could ever send; a loop of ours, or a stranger's."""
    unread_bytes: int = 64 * 1024
    """How much a page may leave unread."""
    poll_seconds: float = 25.0
    """How long a request waits that has nothing to tell; proxies wait 30 s and more."""

    @property
    def secure(self) -> bool:
        """Whether browsers reach the site over TLS only."""
        return self.public_url.startswith("https:")

    @cached_property
    def origins(self) -> frozenset[str]:
        """The origins whose pages may use the socket and the JSON endpoints.

        On a developer's machine all names of the loopback interface are one site.
        """
        own = origin_of(self.public_url)
        name = urlsplit(self.public_url).hostname or ""
        origins = {own, *map(origin_of, self.allowed_origins)}
        if name == "localhost" or is_loopback(name):
            ports = {urlsplit(self.public_url).port or 80, self.port}
            origins |= {f"http://{host}:{port}" for host in LOOPBACK_NAMES for port in ports}
        return frozenset(origins)

    @cached_property
    def _hosts(self) -> frozenset[str | None]:
        """The names that the site is reached by."""
        return frozenset(urlsplit(url).hostname for url in (self.public_url, *self.allowed_origins))

    def cookie_name(self, name: str) -> str:
        """Return what browsers know a cookie by: under https no other host can plant it.

        Source: RFC 6265bis, "The __Host- Prefix". `_xsrf` keeps its name, which pages of
        operators read; planted, it is of no use, because origins are looked at as well.
        A cookie of a whole domain cannot be `__Host-`; `__Secure-` keeps http from planting it.
        """
        if not self.secure or name == XSRF_COOKIE or name.startswith(COOKIE_PREFIXES):
            return name
        of_domain = self.session_domain and name == self.session_cookie
        return f"__Secure-{name}" if of_domain else f"__Host-{name}"

    def answers_to(self, name: str) -> bool:
        """Tell whether the site may be asked under this host *name* (no port).

        A name of somebody else's that leads to our address would make his pages of one
        origin with ours. To an address in figures no name can be bent.
        """
        return name in self._hosts or name == "localhost" or _is_address(name.strip("[]"))

    def address_of(self, request: Asked) -> str:
        """Return whose request this is: the peer, or whom trusted proxies name.

        Headers count only from a trusted peer, and from right to left only as
        far as the hops are trusted: the rest anybody may have written.
        """
        peer = request.remote_ip or ""
        forwarded = request.headers.get("x-forwarded-for")
        named = forwarded.split(",") if forwarded else []
        while named and within(peer, self.trusted_proxies):
            hop = named.pop().strip()
            if not _is_address(hop):
                break
            peer = hop
        return peer

    def is_secure(self, request: Asked) -> bool:
        """Tell whether the browser came over TLS, as the site says or a trusted proxy does."""
        proto = request.headers.get("x-forwarded-proto", "").strip().lower()
        forwarded = proto == "https" and within(request.remote_ip or "", self.trusted_proxies)
        return self.secure or forwarded

    def may_read_metrics(self, request: HTTPServerRequest) -> bool:
        """Tell whether the figures may go to this address.

        A peer that forwards for others without being trusted is nobody we know.
        """
        forwards = "X-Forwarded-For" in request.headers
        if forwards and not within(request.remote_ip or "", self.trusted_proxies):
            return False
        return within(self.address_of(request), self.metrics_allow)


class Socket(Protocol):
    """An open socket, or a request that takes the place of one."""

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Send its page away."""


class Sockets:
    """The open sockets of this process, by address."""

    def __init__(self) -> None:
        self.open: dict[Socket, str] = {}
        self.none = asyncio.Event()
        self.none.set()
        self._addresses: Counter[str] = Counter()

    def of(self, address: str) -> int:
        """Return how many an address has, or its IPv6 network."""
        return self._addresses[network_of(address)]

    def add(self, socket: Socket, address: str) -> None:
        """Note that a socket is open."""
        self.open[socket] = address = network_of(address)
        self.none.clear()
        self._addresses[address] += 1

    def discard(self, socket: Socket) -> None:
        """Note that it is closed."""
        address = self.open.pop(socket)
        if not self.open:
            self.none.set()
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]


class Requests:
    """The requests that are being answered; a good end waits for them."""

    def __init__(self) -> None:
        self._in_hand = 0
        self.none = asyncio.Event()
        self.none.set()

    def begin(self) -> None:
        """Note that a request came in."""
        self._in_hand += 1
        self.none.clear()

    def end(self) -> None:
        """Note that it was answered."""
        self._in_hand -= 1
        if not self._in_hand:
            self.none.set()


Check = Callable[[], Awaitable[str]]
"""Returns "ok", or in a few words what is wrong."""


class Readiness(Struct, kw_only=True):
    """Whether this process should get requests."""

    redis: Check
    accounts: Check
    wechat: Check
    draining: bool = False


class Mailroom(Struct, kw_only=True):
    """What proves pushes, and those whom they are handed to."""

    senders: Senders
    pushes: Pushes
    receipts: Receipts
    scans: Scans
    farewells: Farewells
    second_thoughts: SecondThoughts
    unionids: Unionids | None
    """None where unionids would join nothing."""


class Context(Struct, kw_only=True):
    """Everything a handler may call."""

    site: Site
    entrance: Entrance
    own_sessions: OwnSessions
    own_wechats: OwnWeChats
    names: Names
    journal: Journal
    pages: Pages
    mailroom: Mailroom
    web: WebLogin
    clock: Clock
    texts: "Texts"
    visits: "Visits"
    static_version: str
    readiness: Readiness
    sockets: Sockets = field(default_factory=Sockets)
    requests: Requests = field(default_factory=Requests)


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return the networks written as *texts*."""
    return tuple(ip_network(text) for text in texts)


def origin_of(url: str) -> str:
    """Return scheme, host and port of *url*, as a browser writes an origin."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def within(address: str, allowed: Sequence[Network]) -> bool:
    """Tell whether *address* is one of these networks' addresses."""
    if not _is_address(address):
        return False
    parsed = ip_address(address)
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any((mapped or parsed) in network for network in allowed)
