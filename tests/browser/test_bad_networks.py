"""Networks that are slow, and networks that go away in the middle of something."""

from playwright.async_api import expect

from login import Confirmation
from tests.browser.complaints import Complaints
from tests.browser.conftest import OpenSignIn, Way
from tests.browser.pages import SignIn
from tests.browser.test_number import NUMBER
from tests.browser.tour import HOLD, LONGER_THAN_A_BLIP_MS
from tests.site import OPENID, PASSWORD

GONE = "网络断开了"
# The form may be sent again just before or after the page has its next proof.
UNREACHED = "ERR_INTERNET_DISCONNECTED|ERR_CONNECTION|ERR_NETWORK|ERR_EMPTY|status of 410"
# Each way, for everything that is sent.
SLOW_SECONDS = 0.15


async def cut(way: Way, sign_in: SignIn) -> None:
    """Take the network away from a browser, which knows that it is gone."""
    await sign_in.page.context.set_offline(offline=True)
    way.network.refuse()  # a request that waits would be asked again in spite of the former
    await way.site.all_gone()


async def long_enough(sign_in: SignIn) -> None:
    """Let the time pass after which a page says that it is cut off."""
    await sign_in.page.clock.fast_forward(LONGER_THAN_A_BLIP_MS)


async def mend(way: Way, sign_in: SignIn) -> None:
    """Give a browser its network back."""
    await way.network.accept()
    await sign_in.page.context.set_offline(offline=False)


async def test_cut_in_each_state_is_told_and_loses_nothing(
    way: Way, open_sign_in: OpenSignIn, complaints: Complaints
):
    """
    Loading, waiting, picking a number, the form filled in: what came meanwhile is there after it.
    """
    complaints.expect(UNREACHED)
    site = way.site
    site.resources.rules.confirmation = Confirmation.NUMBER
    await site.add_account("alice")
    sign_in = await open_sign_in("about:", "blank", clock=True)
    await sign_in.page.add_init_script(f"({HOLD})()")
    await sign_in.page.goto(way.url)
    await sign_in.reach("loading")

    await cut(way, sign_in)
    await long_enough(sign_in)
    await expect(sign_in.status).to_contain_text(GONE)
    await mend(way, sign_in)
    await sign_in.page.evaluate("letGo()")
    ticket = await sign_in.shows_code()

    await cut(way, sign_in)
    done = await site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await long_enough(sign_in)
    await expect(sign_in.status).to_contain_text(GONE)
    await mend(way, sign_in)
    await sign_in.reach("scanned")

    await cut(way, sign_in)
    await long_enough(sign_in)
    await expect(sign_in.status).to_contain_text(GONE)
    await mend(way, sign_in)
    await sign_in.reach("scanned")
    number = NUMBER.search(done.reply or "")
    assert number
    await sign_in.choose(number[1])

    await sign_in.reach("bind_required")
    form = sign_in.bind_form
    await form.locator("[name=username]").fill("alice")
    await form.locator("[name=password]").fill(PASSWORD)
    await cut(way, sign_in)
    await form.locator("[name=password]").press("Enter")
    await expect(form.get_by_role("alert")).to_contain_text("连不上服务器")
    await expect(form.locator("[name=username]")).to_have_value("alice")
    await expect(form.locator("[name=password]")).to_have_value(PASSWORD)
    await mend(way, sign_in)
    await form.locator("[name=password]").press("Enter")
    await sign_in.arrives("/user")


async def test_slow_network_says_what_it_does_and_gets_there(way: Way, open_sign_in: OpenSignIn):
    """
    The first sentence is there before the scripts; the socket is not given up for being slow.
    """
    await way.site.add_account("alice")
    sign_in = await open_sign_in("about:", "blank")
    page = sign_in.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    way.network.slow(SLOW_SECONDS)
    await page.goto(way.url, wait_until="commit")
    await expect(sign_in.status).to_contain_text("正在准备二维码")
    await expect(sign_in.password_fold).to_be_visible()
    await way.site.sandbox.phone.scan(ticket=await sign_in.shows_code(), openid=OPENID)
    await sign_in.bind("alice")
    await sign_in.arrives("/user")

    assert 1 == sum(url.endswith("/ws") for url in asked)
    assert not any("/attempts" in url for url in asked)
