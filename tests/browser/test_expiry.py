"""Codes that run out in front of a visitor."""

from msgspec.structs import replace
from playwright.async_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import OpenSignIn, StartSite
from tests.browser.tour import HOLD, sockets
from tests.site import OPENID, Site

# Codes that nobody was seen to wait for, before the page asks.
ROUNDS = 2
CREATE = "/cgi-bin/qrcode/create"


async def test_code_is_replaced_in_place_when_it_has_run_out(
    start_site: StartSite, open_sign_in: OpenSignIn
):
    """
    The next code takes the place of the last one in the same document, and it works.
    """
    site = await start_site(pool={"ticket_seconds": 1})
    sign_in = await open_sign_in(site)
    await sign_in.remember()
    first = await sign_in.shows_code()
    second = await sign_in.shows_another_code(than=first)
    await site.sandbox.phone.scan(ticket=second, openid=OPENID)
    await sign_in.reach("bind_required")

    assert await sign_in.remembers()


async def test_code_is_not_replaced_once_it_was_scanned(
    start_site: StartSite, open_sign_in: OpenSignIn
):
    """
    While the visitor picks the number, the code's end changes nothing.
    """
    site = await start_site(pool={"ticket_seconds": 1}, login={"confirmation": "number"})
    await site.add_account("alice")
    sign_in, other = await open_sign_in(site), await open_sign_in(site)
    ticket = await sign_in.shows_code()
    await site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await sign_in.reach("scanned")
    # Another page, whose code is the younger one, gets its next meanwhile.
    await other.shows_another_code(than=await other.shows_code())

    await sign_in.reach("scanned")
    assert ticket == await sign_in.code.get_attribute("data-ticket")


async def test_scan_that_meets_the_question_for_the_next_code_counts(
    site: Site, open_sign_in: OpenSignIn
):
    """
    The code that comes all the same takes nothing away: the page is still asked to bind, and binds.
    """
    sign_in = await open_sign_in(site)
    ticket = await sign_in.shows_code()
    async with sign_in.page.expect_websocket() as another:
        sockets(site)[0].cut()
    socket = await another.value
    await socket.wait_for_event("framereceived")

    await sign_in.page.evaluate(HOLD)
    sockets(site)[0].send('{"type": "expired", "data": {}}')
    await sign_in.reach("expired")
    await site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await sign_in.reach("bind_required")
    async with socket.expect_event("framereceived", lambda text: "bind_required" in text):
        await sign_in.page.evaluate("letGo()")

    await sign_in.bind("alice")
    await sign_in.arrives("/user")


async def test_page_without_a_sign_of_life_asks_whether_somebody_is_there(
    start_site: StartSite, open_sign_in: OpenSignIn
):
    """
    After some rounds that nobody watched the codes rest, until the visitor asks for one.
    """
    site = await start_site(pool={"ticket_seconds": 1}, login={"refreshes": ROUNDS})
    sign_in = await open_sign_in(site)
    await sign_in.reach("idle")
    await expect(sign_in.retry).to_be_visible()
    spent = site.sandbox.platform.quotas.used(CREATE)
    found = await violations(sign_in.page)
    site.resources.pool.rules = replace(site.resources.pool.rules, ticket_seconds=180)
    await sign_in.ask_again()
    await sign_in.shows_code()

    assert [] == found
    assert 1 + ROUNDS == spent
