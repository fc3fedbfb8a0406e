"""Who may change something: XSRF tokens, origins, CORS, proxies."""

from typing import Any

import pytest

from tests.server.conftest import StartSite
from tests.site import PASSWORD, Site, Visitor

CHANGES = [
    ("POST", "/login"),
    ("POST", "/session"),
    ("DELETE", "/session"),
    ("POST", "/user/bind"),
    ("POST", "/user/unbind"),
    ("POST", "/attempts"),
    ("POST", "/attempts/0a1b"),
]
SHOP = "https://shop.example"


def error_of(answer: tuple[int, Any]) -> tuple[int, str]:
    """Return status and error code, of an answer that has the form of every error."""
    status, body = answer
    assert {"error"} == set(body)
    assert {"code", "message"} <= set(body["error"])
    assert body["error"]["message"]
    return status, body["error"]["code"]


# ---- XSRF


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize("token", ["", "wrong", "2|00000000|00000000000000000000000000000000|1"])
async def test_change_without_the_xsrf_token_is_refused(
    site: Site, method: str, path: str, token: str
) -> None:
    """
    Every change needs the token of this browser; without it the answer is 403, in JSON.
    """
    visitor = site.visitor()

    answer = await visitor.request(method, path, json={}, headers={"X-XSRFToken": token})

    assert 403 == error_of(answer)[0]


@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_change_without_any_cookie_is_refused(site: Site, method: str, path: str) -> None:
    """
    A browser that never was here cannot change anything.
    """
    async with site.visitor().http.request(method, path, json={}) as response:
        answer = response.status, await response.json()

    assert 403 == error_of(answer)[0]


async def test_refused_change_did_nothing(site: Site) -> None:
    """
    Without the token nobody is signed out.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    await visitor.post("/login", username="alice", password=PASSWORD)

    await visitor.request("DELETE", "/session", headers={"X-XSRFToken": ""})

    assert 200 == (await visitor.request("GET", "/session"))[0]


async def test_xsrf_cookie_can_be_read_by_the_page(site: Site) -> None:
    """
    The page reads `_xsrf` to send it along, so this one is not HttpOnly.
    """
    async with site.visitor().http.get("/") as response:
        cookie = response.cookies["_xsrf"]

    assert not cookie["httponly"]
    assert "Lax" == cookie["samesite"]


# ---- origins


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
async def test_change_from_a_foreign_page_is_refused(site: Site, origin: str) -> None:
    """
    Another site's page changes nothing, whatever tokens it has.
    """
    await site.add_account("alice")

    answer = await site.visitor().request(
        "POST",
        "/login",
        json={"username": "alice", "password": PASSWORD},
        headers={"Origin": origin},
    )

    assert 403 == error_of(answer)[0]


@pytest.mark.parametrize("place", ["cross-site", "same-site"])
async def test_change_without_an_origin_from_elsewhere_is_refused(site: Site, place: str) -> None:
    """
    A browser that keeps the origin to itself still says that another site's page asks.
    """
    await site.add_account("alice")

    answer = await site.visitor().request(
        "POST",
        "/login",
        json={"username": "alice", "password": PASSWORD},
        headers={"Sec-Fetch-Site": place},
    )

    assert (403, "origin_refused") == error_of(answer)


async def sign_in_from(visitor: Visitor, origin: str) -> tuple[int, Any]:
    """Sign alice in as a page of *origin* does."""
    return await visitor.request(
        "POST",
        "/login",
        json={"username": "alice", "password": PASSWORD},
        headers={"Origin": origin},
    )


async def test_allowed_origin_uses_the_json_endpoints(start_site: StartSite) -> None:
    """
    A page of an allowed origin may ask with the browser's cookies, and read the answer.
    """
    site = await start_site(server={"allowed_origins": [SHOP]})
    await site.add_account("alice")
    visitor = site.visitor()

    status, _ = await sign_in_from(visitor, SHOP)
    session = await visitor.fetch("GET", "/session", headers={"Origin": SHOP})

    assert 200 == status
    assert SHOP == session.headers["Access-Control-Allow-Origin"]
    assert "true" == session.headers["Access-Control-Allow-Credentials"]
    assert "Origin" in session.headers["Vary"]


async def test_allowed_origin_gets_the_xsrf_token_in_a_header(start_site: StartSite) -> None:
    """
    A page of another origin cannot read our cookies, so `GET /session` tells it the token.
    """
    site = await start_site(server={"allowed_origins": [SHOP]})
    await site.add_account("alice")
    visitor = site.visitor()
    session = await visitor.fetch("GET", "/session", headers={"Origin": SHOP})

    status, _ = await visitor.request(
        "POST",
        "/login",
        json={"username": "alice", "password": PASSWORD},
        headers={"Origin": SHOP, "X-XSRFToken": session.headers["X-XSRFToken"]},
    )

    assert "X-XSRFToken" in session.headers["Access-Control-Expose-Headers"]
    assert 200 == status


async def test_foreign_origin_cannot_read_answers(start_site: StartSite) -> None:
    """
    Answers to other origins carry no permission to read them.
    """
    site = await start_site(server={"allowed_origins": [SHOP]})

    response = await site.visitor().fetch(
        "GET", "/session", headers={"Origin": "https://evil.example"}
    )

    assert "Access-Control-Allow-Origin" not in response.headers
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_preflight_of_an_allowed_origin_is_granted(
    start_site: StartSite, method: str, path: str
) -> None:
    """
    The question that a browser asks first is answered for the allowed origins.
    """
    site = await start_site(server={"allowed_origins": [SHOP]})
    headers = {
        "Origin": SHOP,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type,x-xsrftoken",
    }

    async with site.visitor().http.options(path, headers=headers) as response:
        granted = response.headers

    assert response.status in {200, 204}
    assert SHOP == granted["Access-Control-Allow-Origin"]
    assert method in granted["Access-Control-Allow-Methods"]
    assert "content-type" in granted["Access-Control-Allow-Headers"].lower()
    assert "x-xsrftoken" in granted["Access-Control-Allow-Headers"].lower()
    assert 600 == int(granted["Access-Control-Max-Age"])


async def test_preflight_of_a_foreign_origin_is_not_granted(site: Site) -> None:
    """
    Other origins get no permission.
    """
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}

    async with site.visitor().http.options("/session", headers=headers) as response:
        granted = response.headers

    assert "Access-Control-Allow-Origin" not in granted


# ---- proxies


async def opens(site: Site, *addresses: str) -> list[bool]:
    """Open a page for each X-Forwarded-For in *addresses*; tell which are let in."""
    pages = [await site.visitor().open_page(**{"X-Forwarded-For": each}) for each in addresses]
    for page in pages:
        await page.send("get_qr")
    return [(await page.receive())["type"] == "qr" for page in pages]


async def test_forwarded_address_counts_from_a_trusted_proxy(start_site: StartSite) -> None:
    """
    Behind a trusted proxy each visitor has an address of their own.
    """
    site = await start_site(
        server={"trusted_proxies": ["127.0.0.1/32"]}, pool={"sockets_per_address": 1}
    )

    assert [True, True, False] == await opens(site, "203.0.113.1", "203.0.113.2", "203.0.113.1")


async def test_forwarded_address_of_a_stranger_is_not_believed(start_site: StartSite) -> None:
    """
    Without a trusted proxy the header is anybody's word.
    """
    site = await start_site(pool={"sockets_per_address": 1})

    assert [True, False] == await opens(site, "203.0.113.1", "203.0.113.2")


async def test_what_the_visitor_wrote_before_the_proxy_is_not_believed(
    start_site: StartSite,
) -> None:
    """
    Only the hops that trusted proxies added count: a visitor cannot invent an address.
    """
    site = await start_site(
        server={"trusted_proxies": ["127.0.0.1/32"]}, pool={"sockets_per_address": 1}
    )

    assert [True, False, False] == await opens(
        site, "203.0.113.1", "198.51.100.7, 203.0.113.1", "nonsense, 203.0.113.1"
    )


async def test_chain_of_trusted_proxies_is_followed(start_site: StartSite) -> None:
    """
    With several proxies the visitor is the first hop that is none of them.
    """
    site = await start_site(
        server={"trusted_proxies": ["127.0.0.1/32", "10.0.0.0/8"]},
        pool={"sockets_per_address": 1},
    )

    assert [True, True, False] == await opens(
        site, "203.0.113.1, 10.0.0.5", "203.0.113.2, 10.0.0.5", "203.0.113.1, 10.0.0.6"
    )


async def test_other_forwarding_headers_are_not_believed(start_site: StartSite) -> None:
    """
    X-Real-Ip and Forwarded say nothing here, from whomever they come.
    """
    site = await start_site(
        server={"trusted_proxies": ["127.0.0.1/32"]}, pool={"sockets_per_address": 1}
    )
    first = await site.visitor().open_page()
    await first.get_qr()

    second = await site.visitor().open_page(
        **{"X-Real-Ip": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
    )

    assert 4403 == await second.closed()


async def test_wrong_passwords_are_counted_by_the_forwarded_address(
    start_site: StartSite,
) -> None:
    """
    One visitor's guessing does not lock out the others behind the same proxy.
    """
    site = await start_site(
        server={"trusted_proxies": ["127.0.0.1/32"]}, limits={"password_tries_per_address": 1}
    )
    await site.add_account("alice")
    right = {"username": "alice", "password": PASSWORD}

    statuses = []
    for body, address in (
        ({"username": "x", "password": "x"}, "203.0.113.1"),
        (right, "203.0.113.1"),
        (right, "203.0.113.2"),
    ):
        status, _ = await site.visitor().request(
            "POST", "/login", json=body, headers={"X-Forwarded-For": address}
        )
        statuses.append(status)

    assert [401, 429, 200] == statuses


@pytest.mark.parametrize(("trusted", "secure"), [(["127.0.0.1/32"], True), ([], False)])
async def test_forwarded_protocol_counts_from_a_trusted_proxy(
    start_site: StartSite, trusted: list[str], secure: bool
) -> None:
    """
    A trusted proxy that ended TLS makes cookies Secure; a stranger's word does not.
    """
    site = await start_site(server={"trusted_proxies": trusted})

    async with site.visitor().http.get("/", headers={"X-Forwarded-Proto": "https"}) as response:
        cookie = response.cookies["saoma_browser"]

    assert secure == bool(cookie["secure"])


async def test_codes_are_counted_by_the_forwarded_address_over_all_nodes(
    start_site: StartSite, prefix: str
) -> None:
    """
    The limit of codes holds for an address, whichever node its pages come to.
    """
    sections: dict[str, Any] = {
        "server": {"trusted_proxies": ["127.0.0.1/32"]},
        "limits": {"codes_per_address": 2},
    }
    first = await start_site(prefix=prefix, **sections)
    second = await start_site(prefix=prefix, sandbox=first.sandbox, **sections)

    assert [True, True, False] == [
        *await opens(first, "203.0.113.1"),
        *await opens(second, "203.0.113.1", "203.0.113.1"),
    ]
    assert [True] == await opens(second, "203.0.113.2")


async def test_sockets_of_an_ipv6_network_are_counted_together(start_site: StartSite) -> None:
    """
    Whoever has a /64 has one address here.
    """
    site = await start_site(
        server={"trusted_proxies": ["127.0.0.1/32"]}, pool={"sockets_per_address": 1}
    )

    assert [True, False, True] == await opens(site, "2001:db8::1", "2001:db8::2", "2001:db8:1::1")
