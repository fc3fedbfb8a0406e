"""The server did what it was asked, and its answer never came: pages find out by themselves."""

import aiohttp
from playwright.async_api import Page, Route, expect

from tests.browser.complaints import Complaints
from tests.browser.conftest import OpenSignIn
from tests.browser.pages import SignIn
from tests.site import OPENID, Site

LOST = "net::ERR_CONNECTION_RESET"


async def lose_answers(page: Page, path: str, times: int | None = 1) -> list[int]:
    """Have the next posts to *path* carried out, and their answers lost; return their statuses."""
    statuses: list[int] = []

    async def carry_out(route: Route) -> None:
        request = route.request
        cookies = {each["name"]: each["value"] for each in await page.context.cookies(request.url)}
        async with (
            aiohttp.ClientSession(cookies=cookies) as http,
            http.post(request.url, data=request.post_data, headers=request.headers) as response,
        ):
            statuses.append(response.status)
        await route.abort("connectionreset")

    await page.route(f"**{path}", carry_out, times=times)
    return statuses


async def scan(site: Site, sign_in: SignIn) -> None:
    """Scan the code that a page shows, as a WeChat user who has an account."""
    await site.resources.directory.register(OPENID)
    await site.sandbox.phone.scan(ticket=await sign_in.shows_code(), openid=OPENID)


async def test_page_signs_in_though_the_answer_to_its_trade_was_lost(
    site: Site, open_sign_in: OpenSignIn, complaints: Complaints
):
    """
    Twice the session was made and the page did not hear of it: it comes back without another scan.
    """
    sign_in = await open_sign_in(site)
    statuses = await lose_answers(sign_in.page, "/session", times=2)
    complaints.expect(LOST)
    await scan(site, sign_in)

    await sign_in.arrives("/user")
    assert [200, 200] == statuses


async def test_page_signs_in_though_the_answer_to_its_binding_was_lost(
    site: Site, open_sign_in: OpenSignIn, complaints: Complaints
):
    """
    The account is bound by then, so the page that comes back is signed in to it.
    """
    sign_in = await open_sign_in(site)
    statuses = await lose_answers(sign_in.page, "/user/bind")
    complaints.expect(LOST)
    await site.sandbox.phone.scan(ticket=await sign_in.shows_code(), openid=OPENID)
    await sign_in.bind("alice")

    await sign_in.arrives("/user")
    assert [200] == statuses


async def test_page_keeps_its_form_though_the_server_was_not_reached(
    site: Site, open_sign_in: OpenSignIn, complaints: Complaints
):
    """
    Nothing was bound: what the visitor has typed is still there and can be sent again.
    """
    sign_in = await open_sign_in(site)
    await sign_in.page.route("**/user/bind", lambda route: route.abort("connectionreset"), times=1)
    # The form may be sent again just before the page has its next proof, and then once more.
    complaints.expect(f"{LOST}|status of 410")
    await site.sandbox.phone.scan(ticket=await sign_in.shows_code(), openid=OPENID)
    await sign_in.bind("alice")
    await expect(sign_in.bind_form).to_contain_text("连不上服务器")
    await sign_in.bind_form.locator("[name=password]").press("Enter")

    await sign_in.arrives("/user")


async def test_page_sends_its_form_again_with_a_newer_proof(
    site: Site, open_sign_in: OpenSignIn, complaints: Complaints
):
    """
    A form whose proof the page has asked anew meanwhile is sent once more, by itself.
    """
    sign_in = await open_sign_in(site)
    gone = {"error": {"code": "bind_token_gone", "message": ""}}
    await sign_in.page.route(
        "**/user/bind", lambda route: route.fulfill(status=410, json=gone), times=1
    )
    complaints.expect("status of 410")
    await site.sandbox.phone.scan(ticket=await sign_in.shows_code(), openid=OPENID)
    await sign_in.bind("alice")

    await sign_in.arrives("/user")


async def test_page_that_never_gets_an_answer_gives_up(
    site: Site, open_sign_in: OpenSignIn, complaints: Complaints
):
    """
    After some tries it says that the sign-in did not work, and offers a fresh code.
    """
    sign_in = await open_sign_in(site)
    await sign_in.page.evaluate("Math.random = () => 0")  # which is what waits are made of
    statuses = await lose_answers(sign_in.page, "/session", times=None)
    complaints.expect(LOST)
    await scan(site, sign_in)

    await sign_in.reach("expired")
    await expect(sign_in.retry).to_be_visible()
    assert 9 == len(statuses)
    await sign_in.page.unroute("**/session")
    await sign_in.ask_again()
    await scan(site, sign_in)
    await sign_in.arrives("/user")
