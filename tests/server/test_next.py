"""`?next=`: kept over the sign-in, and never a way off this site."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from handlers.same_site import same_site
from tests.server.pushing import scan
from tests.site import OPENID, PASSWORD, Site, Visitor

ESCAPES = {"\\t": "\t", "\\n": "\n", "\\r": "\r", "\\0": "\0", "\\v": "\v", "\\f": "\f"}
GOOD = [
    "/",
    "/user",
    "/orders/7?sort=date&page=2",
    "/orders#last",
    "/orders?from=https://elsewhere.example/x",
    "/a/../b",
    "/a%20b",
    "/%E7%94%A8%E6%88%B7",
    "/用户",
    "/x?a=%26b",
    "/@user",
    "/user:1",
    "/.well-known/x",
]


def tricks() -> list[str]:
    """Return every line of the corpus."""
    file = Path(__file__).parent / "open_redirects.txt"
    lines = file.read_text(encoding="utf-8").split("\n")
    escape = re.compile("|".join(map(re.escape, ESCAPES)))
    return [
        escape.sub(lambda match: ESCAPES[match[0]], line)
        for line in lines
        if line and not line.startswith("# ")
    ]


async def sign_in(site: Site, visitor: Visitor, path: str = "/", **fields: Any) -> dict[str, Any]:
    """Sign *visitor*, who opens *path*, in by a scan; return the answer."""
    page = await visitor.open_page(path)
    await scan(site, await page.get_qr())
    code = (await page.expect("success"))["code"]
    status, answer = await visitor.post("/session", code=code, **fields)
    assert 200 == status
    told: dict[str, Any] = answer
    return told


@pytest.mark.parametrize("path", tricks())
def test_trick_leads_nowhere(path: str) -> None:
    """
    What could lead a browser to another site is taken for no address at all.
    """
    assert "" == same_site(path)


@pytest.mark.parametrize("path", GOOD)
def test_path_of_this_site_is_kept(path: str) -> None:
    """
    A path of this site is left as it is, and a browser would stay here.
    """
    assert path == same_site(path)
    assert "login.example" == urlsplit(urljoin("https://login.example/", path)).hostname


def test_endless_path_is_not_kept() -> None:
    """
    A path is as long as an address may be, no longer.
    """
    assert "" == same_site("/" + "x" * 5000)


async def test_next_is_kept_over_a_scan(site: Site) -> None:
    """
    Who came for a page is told, after the scan, to go on to it.
    """
    await site.resources.directory.register(OPENID)

    answer = await sign_in(site, site.visitor(), "/?next=/orders/7%3Fsort=date")

    assert "/orders/7?sort=date" == answer["next"]


async def test_next_of_the_request_is_kept(site: Site) -> None:
    """
    A page that knows where it came from may say so itself.
    """
    await site.resources.directory.register(OPENID)

    answer = await sign_in(site, site.visitor(), next="/orders/7")

    assert "/orders/7" == answer["next"]


async def test_next_is_kept_over_a_password(site: Site) -> None:
    """
    The same holds for signing in with a password.
    """
    await site.add_account("alice")

    _, answer = await site.visitor().post(
        "/login", username="alice", password=PASSWORD, next="/orders/7"
    )

    assert {"username": "alice", "next": "/orders/7"} == answer


async def test_next_without_a_wish_is_the_user_page(site: Site) -> None:
    """
    Who came for nothing in particular goes to the user page.
    """
    await site.resources.directory.register(OPENID)

    assert "/user" == (await sign_in(site, site.visitor()))["next"]


async def test_former_wish_is_forgotten(site: Site) -> None:
    """
    Opening the sign-in page without `next` forgets what an earlier visit was for.
    """
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    await visitor.fetch("GET", "/", params={"next": "/orders/7"})
    await visitor.fetch("GET", "/")

    assert "/user" == (await sign_in(site, visitor))["next"]


async def test_signed_in_visitor_goes_on_at_once(site: Site) -> None:
    """
    The sign-in page sends whoever is signed in to the user page, or to where they want to go.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    await visitor.post("/login", username="alice", password=PASSWORD)

    plain = await visitor.fetch("GET", "/")
    wished = await visitor.fetch("GET", "/", params={"next": "/orders/7"})

    assert (302, "/user") == (plain.status, plain.headers["Location"])
    assert (302, "/orders/7") == (wished.status, wished.headers["Location"])


async def test_user_page_sends_signed_out_visitors_to_sign_in(site: Site) -> None:
    """
    The user page is behind the sign-in, which leads back to it.
    """
    response = await site.visitor().fetch("GET", "/user")

    assert (302, "/?next=/user") == (response.status, response.headers["Location"])


async def test_no_trick_works_anywhere(site: Site) -> None:
    """
    Neither the redirect, the page, the cookie nor the JSON repeats a trick.
    """
    await site.add_account("alice")
    signed_in, stranger = site.visitor(), site.visitor()
    await signed_in.post("/login", username="alice", password=PASSWORD)

    for trick in tricks():
        redirect = await signed_in.fetch("GET", "/", params={"next": trick})
        page = await stranger.fetch("GET", "/", params={"next": trick})
        assert (302, "/user") == (redirect.status, redirect.headers["Location"]), trick
        assert 'data-next=""' in await page.text(), trick
        assert not stranger.cookie("saoma_next"), trick


async def test_trick_in_the_request_or_the_cookie_is_not_told(site: Site) -> None:
    """
    Wherever the wish comes from, it is looked at when it is told.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    visitor.http.cookie_jar.update_cookies({"saoma_next": "%2F%2Fevil.example"})

    _, answer = await visitor.post(
        "/login", username="alice", password=PASSWORD, next="//evil.example"
    )

    assert "/user" == answer["next"]


async def test_trick_in_a_form_is_not_followed(site: Site) -> None:
    """
    The redirect after a form looks at the wish as well.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    await visitor.fetch("GET", "/")
    form = {
        "_xsrf": visitor.cookie("_xsrf") or "",
        "username": "alice",
        "password": PASSWORD,
        "next": "/\\evil.example",
    }

    response = await visitor.fetch("POST", "/login", data=form, headers={"Accept": "text/html"})

    assert (303, "/user") == (response.status, response.headers["Location"])
