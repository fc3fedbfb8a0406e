"""Under which names the site is asked: its own, and none that is bent to its address."""

import pytest

from tests.server.conftest import StartSite
from tests.site import Site

PUBLIC = {"public_url": "http://login.example", "allowed_origins": ["https://www.example:8443"]}
FOREIGN = [
    "evil.example",
    "login.example.evil.example",
    "evil-login.example",
    "login.example.",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "2130706433",
    "[::1].evil.example",
]
OWN = [
    "login.example",
    "LOGIN.example:443",
    "login.example:8888",
    "www.example",
    "127.0.0.1",
    "127.0.0.1:1",
    "localhost:8888",
    "[::1]:8888",
    "10.0.0.5",
]


ASKED = [("GET", "/"), ("GET", "/session"), ("GET", "/nothing"), ("POST", "/login")]


@pytest.mark.parametrize(("method", "path"), ASKED)
async def test_foreign_name_is_refused(start_site: StartSite, method: str, path: str) -> None:
    """
    Under another's name nothing is served, no cookie is given, and the name is not repeated.
    """
    site = await start_site(server=PUBLIC)
    visitor = site.visitor()
    await visitor.fetch("GET", "/session")

    for host in FOREIGN:
        forwarded = {"Host": host, "X-Forwarded-Host": "login.example"}
        response = await visitor.fetch(method, path, headers=forwarded)

        assert 421 == response.status, host
        assert not response.cookies
        assert host not in await response.text()
        assert host not in str(response.headers)


async def test_own_names_and_addresses_in_figures_are_answered(start_site: StartSite) -> None:
    """
    The site answers under its public name, the names of its further origins, and to whoever
    asks its address itself.
    """
    site = await start_site(server=PUBLIC)

    answers = [await site.visitor().fetch("GET", "/", headers={"Host": host}) for host in OWN]

    assert [200] * len(OWN) == [answer.status for answer in answers]


async def test_forwarded_host_names_nobody(site: Site) -> None:
    """
    X-Forwarded-Host is not read: it neither opens a way in nor stands in an answer.
    """
    response = await site.visitor().fetch(
        "GET", "/user", headers={"X-Forwarded-Host": "evil.example"}
    )

    assert 302 == response.status
    assert "/?next=/user" == response.headers["Location"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/static/favicon.svg"])
async def test_machines_may_ask_under_any_name(site: Site, path: str) -> None:
    """
    Balancers and Prometheus call the process as they know it; nothing there is anybody's own.
    """
    response = await site.visitor().fetch("GET", path, headers={"Host": "saoma-1.internal"})

    assert 200 == response.status


async def test_socket_under_a_foreign_name_is_closed(site: Site) -> None:
    """
    A socket under another's name is closed with 4403, even if its origin is ours.
    """
    page = await site.visitor().open_page(Host="evil.example")

    assert [] == await page.rest()
    assert 4403 == page.socket.close_code
