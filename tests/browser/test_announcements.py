"""What a screen reader hears of an attempt, and what the eye sees move meanwhile."""

from typing import Any

import pytest
from msgspec.structs import replace
from playwright.async_api import Page, expect

from login import Confirmation
from tests.browser.complaints import Complaints
from tests.browser.conftest import OpenSignIn
from tests.browser.pages import SignIn
from tests.browser.test_number import NUMBER
from tests.browser.tour import HOLD, sockets
from tests.site import OPENID, Site

# As screen readers do it: of a live region they read what was added, or all of it where it is
# atomic; `alert` breaks in, `status` waits. Nothing of what was there when the page was loaded.
LISTEN = """
    window.announced = [];
    window.changes = [];
    const read = (element) => {
        const region = element.closest("[role=status], [role=alert], [aria-live]");
        if (!region?.checkVisibility()) return;
        const isAlert = region.matches("[role=alert], [aria-live=assertive]");
        const isAtomic = region.getAttribute("aria-atomic") !== "false";
        const text = (isAtomic ? region : element).textContent.trim();
        if (text) announced.push([isAlert ? "at once" : "politely", text]);
    };
    const watch = () => new MutationObserver((records) => {
        for (const { target, attributeName } of records) {
            changes.push(`${target.dataset?.part} ${attributeName ?? "text"}`);
        }
        const texts = records.filter(({ type }) => type !== "attributes");
        for (const element of new Set(texts.map(({ target }) => target))) read(element);
    }).observe(document.body, { subtree: true, childList: true, attributes: true });
    document.addEventListener("readystatechange",
        () => document.readyState === "interactive" && watch());
"""
WAITING = ("请用微信扫码", "扫码后，本页会自动继续，不必刷新。")
MOST_OF_A_CODE_MS = 170_000
LONGER_THAN_A_BLINK_MS = 700
# A ring that shows 180 s moves by a pixel and a half a step then.
MOST_STEPS_A_SECOND = 4


class Ear:
    """Hears what a page announces."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def heard(self) -> list[list[str]]:
        """Return what was announced since the last time: how, and the words."""
        found: list[list[str]] = await self.page.evaluate("announced.splice(0)")
        return found

    async def hears(self, *words: str, how: str = "politely") -> None:
        """Check that exactly these words were announced since the last time."""
        assert [[how, each] for each in words] == await self.heard()


async def open_with_ear(site: Site, open_sign_in: OpenSignIn, **options: Any) -> tuple[SignIn, Ear]:
    """Open the sign-in page with an ear on it."""
    sign_in = await open_sign_in("about:", "blank", clock=True, **options)
    await sign_in.page.add_init_script(LISTEN)
    await sign_in.page.goto(site.base_url)
    await sign_in.shows_code()
    return sign_in, Ear(sign_in.page)


async def test_each_state_is_announced_once_and_politely(
    site: Site, open_sign_in: OpenSignIn, complaints: Complaints
):
    """
    From the first code to the last word; only what is wrong in a form breaks in.
    """
    complaints.expect("status of 401")
    site.resources.rules.confirmation = Confirmation.NUMBER
    sign_in, ear = await open_with_ear(site, open_sign_in)
    await ear.hears(*WAITING)

    done = await site.sandbox.phone.scan(ticket=await sign_in.shows_code(), openid=OPENID)
    await sign_in.reach("scanned")
    await ear.hears("手机上是哪个数字？", "点与手机上相同的那个，确认是你本人。")
    number = NUMBER.search(done.reply or "")
    assert number
    await sign_in.choose(number[1])
    await sign_in.reach("bind_required")
    chosen, *bind = await ear.heard()
    assert ["politely", "正在核对…"] == chosen
    assert ["绑定你的账号", "这个微信第一次来。登录一次已有的账号，以后扫码就行。"] == [
        words for _, words in bind
    ]
    await sign_in.bind("alice", "wrong")
    await expect(sign_in.bind_form.get_by_role("alert")).not_to_be_empty()
    await ear.hears("用户名或密码不对，请再试一次。", how="at once")

    # An answer without content keeps the browser where it is.
    await sign_in.page.route("**/user", lambda route: route.fulfill(status=204))
    await sign_in.bind("alice")
    await expect(sign_in.status).to_contain_text("alice")
    await ear.hears("登录成功", "alice，欢迎。")


async def test_sign_in_by_a_scan_alone_is_announced_once(site: Site, open_sign_in: OpenSignIn):
    """
    The outcome is told at once, and the name when it is known; nothing is read twice.
    """
    await site.resources.directory.register(OPENID)
    sign_in, ear = await open_with_ear(site, open_sign_in)
    await ear.heard()
    await sign_in.page.route("**/user", lambda route: route.fulfill(status=204))
    await site.sandbox.phone.scan(ticket=await sign_in.shows_code(), openid=OPENID)
    await expect(sign_in.status).to_contain_text("欢迎")

    done, going, name = await ear.heard()
    assert [["politely", "登录成功"], ["politely", "正在进入…"]] == [done, going]
    assert name[1].endswith("，欢迎。")


async def test_running_down_of_the_seconds_is_not_announced(
    site: Site, open_sign_in: OpenSignIn, complaints: Complaints
):
    """
    Neither a code that runs down nor a wait for the next try changes what is read out.
    """
    site.resources.pool.rules = replace(site.resources.pool.rules, ticket_seconds=180)
    sign_in, ear = await open_with_ear(site, open_sign_in)
    await ear.heard()
    await sign_in.page.clock.run_for(MOST_OF_A_CODE_MS)
    await ear.hears()

    site.sandbox.platform.fail("/cgi-bin/qrcode/create", errcode=45009, times=None)
    await sign_in.page.evaluate("sessionStorage.clear()")
    await sign_in.page.reload()
    await sign_in.reach("busy")
    await ear.hears("扫码登录暂停", "今天的二维码已用完。请用密码登录，或晚些再来。")
    shown = await sign_in.page.locator("[data-part=wait]").inner_text()
    await sign_in.page.clock.run_for(MOST_OF_A_CODE_MS)
    assert shown != await sign_in.page.locator("[data-part=wait]").inner_text()
    await ear.hears()


async def test_code_is_renewed_without_a_word_unless_it_takes_long(
    site: Site, open_sign_in: OpenSignIn
):
    """
    A code that is there within a blink changes no word; one that is late is told, and its coming.
    """
    sign_in, ear = await open_with_ear(site, open_sign_in)
    page = sign_in.page
    await ear.heard()
    await page.clock.pause_at(await page.evaluate("Date.now() / 1000 + 1"))

    for is_late in (False, True):
        await page.evaluate(HOLD)

        (socket,) = sockets(site)
        socket.send('{"type": "expired", "data": {}}')
        await sign_in.reach("expired")
        if is_late:
            await page.clock.run_for(LONGER_THAN_A_BLINK_MS)
            await ear.hears("正在换新的二维码", "刚才那个已过期，请稍等。")
        await page.evaluate("letGo()")
        await sign_in.shows_code()
        await page.clock.run_for(LONGER_THAN_A_BLINK_MS)
        await ear.hears(*(WAITING if is_late else ()))


@pytest.mark.parametrize(
    ("motion", "steps_a_second"), [("no-preference", MOST_STEPS_A_SECOND), ("reduce", 1 / 5)]
)
async def test_ring_is_quiet_and_right(
    site: Site, open_sign_in: OpenSignIn, motion: str, steps_a_second: float
):
    """
    While a code runs down the ring is all that changes, in small steps, and shows what is left.
    """
    sign_in, _ = await open_with_ear(site, open_sign_in, reduced_motion=motion)
    page = sign_in.page
    ring = page.locator("[data-part=ring]")
    await page.clock.pause_at(await page.evaluate("Date.now() / 1000 + 1"))
    await page.evaluate("changes.splice(0)")
    shares, gone = [], 0
    for moment in (45, 90, 135, 170):
        await page.clock.run_for((moment - gone) * 1000)
        gone = moment
        offset = await ring.evaluate("({ style }) => Number(style.strokeDashoffset)")
        shares.append(1 + offset)
    changes = await page.evaluate("changes")

    assert {"ring style"} == set(changes)
    assert len(changes) <= steps_a_second * gone + 1
    # A step may be due, and the code was there for a while before.
    assert shares == pytest.approx([0.75, 0.5, 0.25, 10 / 180], abs=0.04)
    assert await page.locator("svg.ring").get_attribute("aria-hidden") == "true"
