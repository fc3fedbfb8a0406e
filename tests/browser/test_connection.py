"""Connections that end, break and come back, while a page shows its code."""

from playwright.async_api import expect

from handlers.open_socket import OpenSocket
from login import CloseCode
from tests.browser.complaints import Complaints
from tests.browser.conftest import OpenSignIn, Way
from tests.faults.proxy import EVERYBODY
from tests.site import OPENID, Site

REFUSED = r"ERR_CONNECTION_REFUSED"
OFFLINE = r"ERR_INTERNET_DISCONNECTED"
# The life of a code and the time that the page then gives the server to say so.
LONGER_THAN_A_CODE_MS = 190_000
# The longest pause between two tries to connect, after the first ones have failed. The page gives
# up a socket that is not open after 10 s: one that is on its way when time moves shall come.
LONGEST_PAUSE_MS = 9_000


# Another socket of the same page continues its attempt; returns what that socket hears.
LATE_RESUME = """
  new Promise((done) => {
    const { resume } = JSON.parse(sessionStorage.getItem("saoma.sign-in"));
    const socket = new WebSocket(`ws://${location.host}/ws`);
    const heard = [];
    socket.onopen = () => socket.send(JSON.stringify({ type: "get_qr", data: { resume } }));
    socket.onmessage = ({ data }) => {
      const { type } = JSON.parse(data);
      heard.push(type);
      if (type === "superseded") done(heard);
    };
  })
"""


def sockets(site: Site) -> list[OpenSocket]:
    """Return the pages' sockets, as the server holds them."""
    opened = site.resources.context.sockets.open
    return [each for each in opened if isinstance(each, OpenSocket)]


async def test_restart_of_the_server_keeps_the_code(site: Site, open_sign_in: OpenSignIn):
    """
    A page that is sent away with 1012 comes back by itself, with the same code.
    """
    sign_in = await open_sign_in(site)
    ticket = await sign_in.shows_code()
    await sign_in.remember()
    async with sign_in.page.expect_websocket() as another:
        for socket in sockets(site):
            socket.close(CloseCode.RESTARTING, "restarting")
    async with (await another.value).expect_event("framereceived"):
        pass

    assert ticket == await sign_in.shows_code()
    assert await sign_in.remembers()
    await site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await sign_in.reach("bind_required")


async def test_page_takes_its_attempt_back_from_a_dying_socket(
    site: Site, open_sign_in: OpenSignIn
) -> None:
    """
    A page that came back and loses its attempt to a former socket of its own asks again.
    """
    sign_in = await open_sign_in(site)
    ticket = await sign_in.shows_code()
    async with sign_in.page.expect_websocket() as another:
        for socket in sockets(site):
            socket.close(CloseCode.RESTARTING, "restarting")
    async with (await another.value).expect_event("framereceived"):
        pass

    heard = await sign_in.page.evaluate(LATE_RESUME)

    assert ["qr", "superseded"] == heard
    assert ticket == await sign_in.shows_code()
    await site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await sign_in.reach("bind_required")


async def test_cut_connection_keeps_the_code(site: Site, open_sign_in: OpenSignIn):
    """
    A page whose connection breaks without a word comes back by itself, with the same code.
    """
    sign_in = await open_sign_in(site)
    ticket = await sign_in.shows_code()
    async with sign_in.page.expect_websocket() as another:
        for socket in sockets(site):
            socket.cut()
    async with (await another.value).expect_event("framereceived"):
        pass

    assert ticket == await sign_in.shows_code()
    await site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await sign_in.reach("bind_required")


async def test_scan_while_the_page_was_away_arrives_when_it_is_back(
    way: Way, open_sign_in: OpenSignIn, complaints: Complaints
):
    """
    The page says that it is cut off; what happened meanwhile is there when it is back.
    """
    complaints.expect(REFUSED)
    sign_in = await open_sign_in(way.url, clock=True)
    ticket = await sign_in.shows_code()
    await sign_in.remember()
    way.network.refuse()
    await sign_in.reach("offline")
    await expect(sign_in.status).to_contain_text("连接中断，正在重连")
    await way.site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await way.network.accept()
    await sign_in.page.clock.fast_forward(LONGEST_PAUSE_MS)
    await sign_in.reach("bind_required")

    assert await sign_in.remembers()


async def test_page_that_comes_back_shows_its_code_again(
    way: Way, open_sign_in: OpenSignIn, complaints: Complaints
):
    """
    After an outage that was long enough to be told, the same code is back and works.
    """
    complaints.expect(REFUSED)
    sign_in = await open_sign_in(way.url, clock=True)
    ticket = await sign_in.shows_code()
    way.network.refuse()
    await sign_in.reach("offline")
    await expect(sign_in.code).to_be_hidden()
    await way.network.accept()
    await sign_in.page.clock.fast_forward(LONGEST_PAUSE_MS)

    assert ticket == await sign_in.shows_code()
    await way.site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await sign_in.reach("bind_required")


async def test_browser_without_a_network_says_so_and_carries_on(
    way: Way, open_sign_in: OpenSignIn, complaints: Complaints
):
    """
    A browser that is offline says that the network is gone, and comes back with it at once.
    """
    complaints.expect(OFFLINE)
    sign_in = await open_sign_in(way.url)
    ticket = await sign_in.shows_code()
    await sign_in.page.context.set_offline(True)
    way.network.cut()
    await sign_in.reach("offline")
    await expect(sign_in.status).to_contain_text("网络断开了")
    await sign_in.page.context.set_offline(False)

    assert ticket == await sign_in.shows_code()


async def test_silent_network_is_given_up_on(way: Way, open_sign_in: OpenSignIn):
    """
    A connection that stays up and carries nothing is replaced once the code has run out.
    """
    sign_in = await open_sign_in(way.url, clock=True)
    await sign_in.shows_code()
    way.network.silence(EVERYBODY)
    async with sign_in.page.expect_websocket():
        await sign_in.page.clock.fast_forward(LONGER_THAN_A_CODE_MS)
    way.network.heal()

    await sign_in.shows_code()
