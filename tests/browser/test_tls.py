"""Over TLS: cookies that no other host can plant, and a page that works with them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect
from tornado.netutil import bind_sockets

from server import make_app, make_server
from tests.browser.conftest import OpenSignIn, StartSite
from tests.certificate import certificate
from tests.site import OPENID, PASSWORD, Site


@pytest.fixture
async def over_tls(start_site: StartSite, folder: Path) -> AsyncIterator[tuple[Site, str]]:
    """A site with the account alice, and its https address."""
    (socket,) = bind_sockets(0, "127.0.0.1")
    url = f"https://127.0.0.1:{socket.getsockname()[1]}"
    site = await start_site(server={"public_url": url})
    await site.add_account("alice")
    server = make_server(make_app(site.resources.context), tls=certificate(folder))
    server.add_socket(socket)
    yield site, url
    server.stop()
    await server.close_all_connections()


async def test_scan_signs_in_over_tls_with_cookies_of_this_host_alone(
    over_tls: tuple[Site, str], open_sign_in: OpenSignIn
):
    """
    Socket, scan, session and sign-out work; all cookies but the token for pages are `__Host-`.
    """
    site, url = over_tls
    await site.resources.directory.register(OPENID)
    sign_in = await open_sign_in(url, "/?next=/user%3Fa%3D1&lang=en", ignore_https_errors=True)
    ticket = await sign_in.shows_code()
    context = sign_in.page.context
    before = {cookie["name"] for cookie in await context.cookies()}

    await site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await sign_in.arrives("/user?a=1")
    cookies = {cookie["name"]: cookie for cookie in await context.cookies()}
    await sign_in.sign_out()
    await sign_in.shows_code()
    after = {cookie["name"] for cookie in await context.cookies()}

    assert {"__Host-saoma_browser", "__Host-saoma_next", "__Host-saoma_lang", "_xsrf"} == before
    assert cookies.keys() - before == {"__Host-saoma_session"}
    assert all(cookie["secure"] for cookie in cookies.values())
    assert ["_xsrf"] == [name for name, cookie in cookies.items() if not cookie["httpOnly"]]
    assert "__Host-saoma_session" not in after


async def test_planted_session_is_nobodys(over_tls: tuple[Site, str], open_sign_in: OpenSignIn):
    """
    A session under the name that other hosts of the domain can set is not looked at.
    """
    site, url = over_tls
    sign_in = await open_sign_in(url, ignore_https_errors=True)
    session = await site.resources.context.entrance.by_password("alice", PASSWORD, "127.0.0.1", "")
    await sign_in.page.context.add_cookies(
        [{"name": "saoma_session", "value": session.session.token, "url": url}]
    )

    await sign_in.page.goto(f"{url}/user")

    await expect(sign_in.password_form).to_be_attached()
