"""Network addresses, as limits see them."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# A provider gives a customer a whole /64 or more. Source: RFC 6177.
IPV6_PREFIX = 64
# Addresses come back: with every request, and with every code of a page.
KNOWN = 4096


@lru_cache(KNOWN)
def network_of(address: str) -> str:
    """Return whose tries count together: an IPv4 address, or all of IPv6 that one customer has."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((int(parsed), IPV6_PREFIX), strict=False))
    return address if parsed is None else str(parsed)


@lru_cache(KNOWN)
def is_loopback(address: str) -> bool:
    """Tell whether this is the machine itself."""
    parsed = _parse(address)
    return parsed is not None and parsed.is_loopback


def _parse(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return (parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None) or parsed
