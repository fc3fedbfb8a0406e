"""Network addresses as limits see them."""

import pytest

from store import is_loopback, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"),
        ("2001:DB8:0:1::", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("a path", "a path"),
    ],
)
def test_network_of_an_address(address: str, network: str):
    """
    IPv4 stands for itself, IPv6 for the network that one customer has.
    """
    assert network == network_of(address)


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("", False),
        ("localhost", False),
    ],
)
def test_is_loopback(address: str, loopback: bool):
    """
    Only addresses of the machine itself are.
    """
    assert loopback == is_loopback(address)
