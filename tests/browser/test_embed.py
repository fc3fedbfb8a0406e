"""Signing in on a page of another origin, by `saoma.js`, under a strict policy."""

import re
import threading
from collections.abc import Iterator
from typing import Any, Protocol

import pytest
from playwright.async_api import Page, expect

from docs.example.serve import Site as Shop
from tests.browser.axe import violations
from tests.browser.complaints import Complaints
from tests.browser.conftest import NewContext, StartSite
from tests.browser.pages import SignIn
from tests.browser.test_lost_answers import LOST, lose_answers
from tests.browser.tour import OFFLINE, Tour
from tests.site import OPENID, PASSWORD, Site

WATCH = """
    window.violations = [];
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
        violations.push(`${violatedDirective} ${blockedURI}`));
"""
NUMBER = re.compile(r"选择数字 (\d+)")
LOOKS = [
    pytest.param("zh", {"color_scheme": "light"}, id="zh light"),
    pytest.param("en", {"color_scheme": "dark"}, id="en dark"),
    pytest.param("en", {"contrast": "more"}, id="en high contrast"),
]
OVERHANG = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
MOST_BYTES = 60 * 1024
# A close code that no server of ours gives.
NO_REASON = 4999


class Embedded(SignIn):
    """A `<saoma-login>` of a page, with the names that the sign-in page's parts have."""

    def __init__(self, page: Page, name: str) -> None:
        super().__init__(page)
        self.element = page.locator(f"#{name}")
        self.main = self.element.locator("[data-state]")
        self.code = self.element.get_by_test_id("code")
        self.status = self.element.get_by_test_id("status")
        self.retry = self.element.get_by_test_id("retry")
        self.numbers = self.element.get_by_test_id("number")
        self.bind_form = self.element.get_by_test_id("bind-form")
        self.password_form = self.element.get_by_test_id("password-form")
        self.password_fold = self.element.locator("summary")

    async def speak(self, language: str) -> None:
        """Change its language."""
        await self.element.evaluate("(element, language) => { element.lang = language; }", language)


class ShopPage:
    """The page of the example: an element in the page, another in a dialog, and what they told."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.login = Embedded(page, "login")
        self.ask = Embedded(page, "ask")
        self.dialog = page.get_by_role("dialog")
        self.show_orders = page.locator("#orders")
        self.answer = page.locator("#answer")
        self.events = page.locator("#events li")

    async def told(self, *lines: str) -> None:
        """Wait until the elements have told exactly this."""
        await expect(self.events).to_have_text(list(lines))


class OpenShop(Protocol):
    """`await open_shop(site)`: the shop's page, whose visitors sign in at the site."""

    async def __call__(self, site: Site, **options: Any) -> ShopPage:
        """Open it in a profile of its own."""


@pytest.fixture
def shop() -> Iterator[Shop]:
    """The example's site, on a port of its own."""
    with Shop("", 0) as shop:
        thread = threading.Thread(target=shop.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield shop
        shop.shutdown()
        thread.join()


def origin_of(shop: Shop, host: str = "127.0.0.1") -> str:
    """Return where the shop's pages come from."""
    return f"http://{host}:{shop.server_port}"


@pytest.fixture
async def site(start_site: StartSite, shop: Shop) -> Site:
    """A site that lets the shop sign its visitors in, with the account alice."""
    return await allowing(start_site, shop)


async def allowing(start_site: StartSite, shop: Shop, **sections: Any) -> Site:
    """Start such a site with the settings in *sections*."""
    origins = [origin_of(shop), origin_of(shop, "localhost")]
    site = await start_site(server={"allowed_origins": origins}, **sections)
    await site.add_account("alice")
    return site


@pytest.fixture
def open_shop(new_context: NewContext, shop: Shop) -> OpenShop:
    """Opens the shop's page, which then must not violate its own policy."""

    async def open_(site: Site, *, host: str = "127.0.0.1", **options: Any) -> ShopPage:
        shop.saoma = site.base_url
        context = await new_context(**options)
        await context.add_init_script(WATCH)
        opened = ShopPage(await context.new_page())
        await opened.page.goto(origin_of(shop, host))
        return opened

    return open_


async def test_visitor_of_another_origin_scans_binds_and_comes_back(
    site: Site, open_shop: OpenShop
):
    """
    The whole way in the shop's own page: its events, its back end, and no violation of its policy.
    """
    opened = await open_shop(site)
    login = opened.login
    await login.remember()
    await site.sandbox.phone.scan(ticket=await login.shows_code(), openid=OPENID)
    await login.bind("alice")
    await login.reach("success")
    await opened.told("login: bind {}", 'login: success {"username":"alice"}')
    await opened.show_orders.click()
    await expect(opened.answer).to_have_text("alice: three teapots.")

    await opened.page.locator("#sign-out").click()
    ticket = await login.shows_code()
    await site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await login.reach("success")
    await expect(login.status).to_contain_text("alice")
    assert await login.remembers()
    assert [] == await opened.page.evaluate("violations")

    await opened.page.reload()
    await login.reach("success")
    await opened.told('login: success {"username":"alice"}')
    assert [] == await opened.page.evaluate("violations")


async def test_right_number_is_picked_with_the_keyboard(
    start_site: StartSite, shop: Shop, open_shop: OpenShop
):
    """
    The numbers get the keyboard when nothing else has it; the right one leads on.
    """
    site = await allowing(start_site, shop, login={"confirmation": "number"})
    opened = await open_shop(site)
    done = await site.sandbox.phone.scan(ticket=await opened.login.shows_code(), openid=OPENID)
    number = NUMBER.search(done.reply or "")
    assert number
    await opened.login.reach("scanned")
    shown = await opened.login.numbers.all_inner_texts()
    for _ in range(shown.index(number[1]) + 1):
        await opened.page.keyboard.press("Tab")
    await opened.page.keyboard.press("Enter")
    await opened.login.reach("bind_required")

    await opened.told("login: scanned {}", "login: bind {}")


@pytest.mark.parametrize("path", ["/session", "/user/bind"])
async def test_visitor_is_signed_in_though_the_answer_was_lost(
    site: Site, open_shop: OpenShop, complaints: Complaints, path: str
):
    """
    The element comes back to its attempt, as the sign-in page does, and asks for no other scan.
    """
    opened = await open_shop(site)
    statuses = await lose_answers(opened.page, path)
    complaints.expect(LOST)
    if path == "/session":
        await site.resources.directory.register(OPENID)
    await site.sandbox.phone.scan(ticket=await opened.login.shows_code(), openid=OPENID)
    if path == "/user/bind":
        await opened.login.bind("alice")
    await opened.login.reach("success")

    await expect(opened.events.last).to_contain_text("login: success")
    assert [200] == statuses


async def test_visitor_signs_in_though_the_network_breaks_sockets(site: Site, open_shop: OpenShop):
    """
    The element asks by requests then, from its own origin, and violates no policy.
    """
    opened = await open_shop(site)
    await opened.login.shows_code()
    await opened.page.evaluate("sessionStorage.clear()")  # so that another attempt begins
    broken = re.compile("/ws$")
    await opened.page.route_web_socket(broken, lambda socket: socket.close(code=NO_REASON))
    await opened.page.reload()
    async with opened.page.expect_request("**/attempts/*"):
        ticket = await opened.login.shows_code()
    await site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await opened.login.bind("alice")
    await opened.login.reach("success")

    await opened.told("login: bind {}", 'login: success {"username":"alice"}')
    assert [] == await opened.page.evaluate("violations")


async def test_wrong_password_is_told_at_the_field(
    site: Site, open_shop: OpenShop, complaints: Complaints
):
    """
    The password form works from another origin too, with its errors in place.
    """
    complaints.expect("status of 401")
    opened = await open_shop(site)
    await opened.login.shows_code()
    await opened.login.sign_in("alice", "wrong")
    await expect(opened.login.password_form.get_by_role("alert")).to_contain_text("is not right")
    await opened.login.sign_in("alice")
    await opened.login.reach("success")

    await opened.told('login: success {"username":"alice"}')


async def test_code_that_nobody_scans_waits_for_its_visitor(
    start_site: StartSite, shop: Shop, open_shop: OpenShop
):
    """
    A page that is left alone stops asking for codes, and goes on with a click.
    """
    site = await allowing(
        start_site, shop, pool={"ticket_seconds": 2, "late_seconds": 0}, login={"refreshes": 0}
    )
    opened = await open_shop(site)
    ticket = await opened.login.shows_code()
    await opened.login.reach("idle")
    await opened.login.ask_again()

    assert ticket != await opened.login.shows_another_code(than=ticket)


async def test_request_that_needs_a_session_asks_in_a_dialog_and_is_repeated(
    site: Site, open_shop: OpenShop, complaints: Complaints
):
    """
    Escape gives up and gives the keyboard back; signing in repeats the request. The page stays,
    and the element that is in it shows its own code all the time.
    """
    complaints.expect("status of 401")
    opened = await open_shop(site)
    in_page = await opened.login.shows_code()
    await opened.login.remember()
    await opened.show_orders.click()
    first = await opened.ask.shows_code()
    assert await opened.dialog.evaluate("dialog => dialog.matches(':modal')")
    await opened.page.keyboard.press("Escape")
    await expect(opened.answer).to_have_text("You are not signed in.")
    await expect(opened.dialog).to_be_hidden()
    await expect(opened.show_orders).to_be_focused()

    await opened.page.keyboard.press("Enter")
    assert first == await opened.ask.shows_code()
    assert first != in_page == await opened.login.shows_code()
    await opened.ask.sign_in("alice")
    await expect(opened.answer).to_have_text("alice: three teapots.")
    await expect(opened.dialog).to_be_hidden()
    assert await opened.login.remembers()
    assert [] == await opened.page.evaluate("violations")


async def test_page_without_an_element_asks_by_a_function(site: Site, open_shop: OpenShop):
    """
    `signIn` of the module shows a dialog, tells who it is, and leaves nothing behind.
    """
    opened = await open_shop(site)
    await opened.login.shows_code()
    await opened.page.evaluate(
        """async (module) => {
        const { signIn } = await import(module);
        window.asked = signIn({ lang: "en", id: "asked" });
    }""",
        f"{site.base_url}/static/saoma.js",
    )
    asked = Embedded(opened.page, "asked")
    await asked.sign_in("alice")

    assert {"username": "alice"} == await opened.page.evaluate("asked")
    await expect(asked.element).to_have_count(0)


@pytest.mark.parametrize(
    ("next_", "prevent", "path"),
    [("/?in", False, "/?in"), ("/?in", True, "/"), ("//evil.example/", False, "/")],
)
async def test_visitor_goes_on_where_the_site_says(
    site: Site, open_shop: OpenShop, next_: str, prevent: bool, path: str
):
    """
    After `success` comes `next`, unless the site prevents it or it leads elsewhere.
    """
    opened = await open_shop(site)
    await opened.login.shows_code()
    await opened.login.element.evaluate(
        """(element, [next, prevents]) => {
            element.setAttribute("next", next);
            element.addEventListener("success", (event) => prevents && event.preventDefault());
        }""",
        [next_, prevent],
    )
    await opened.login.sign_in("alice")
    await opened.login.reach("success")

    await opened.login.arrives(path)


@pytest.mark.parametrize(("language", "words"), [("zh", "还没有开通"), ("en", "not set up")])
async def test_page_that_is_not_allowed_says_so(
    start_site: StartSite,
    open_shop: OpenShop,
    complaints: Complaints,
    language: str,
    words: str,
):
    """
    The visitor gets a sentence and what the site has put there, the console the setting to change.
    """
    complaints.expect("not among server.allowed_origins", "blocked by CORS policy", "ERR_FAILED")
    complaints.expect("status of 403")
    opened = await open_shop(await start_site())
    await opened.login.speak(language)

    await expect(opened.login.element.get_by_role("alert")).to_contain_text(words)
    await expect(opened.login.element.get_by_role("link")).to_be_visible()
    await expect(opened.events.first).to_contain_text('login: error {"code":"origin_refused"')
    assert [] == await violations(opened.page)


async def test_server_that_cannot_be_reached_can_be_asked_again(
    site: Site, open_shop: OpenShop, complaints: Complaints
):
    """
    Without the server there is a sentence and a button, which brings the code once it is back.
    """
    complaints.expect("does not answer", "ERR_FAILED")
    opened = await open_shop(site)
    await opened.page.route("**/embed/**", lambda route: route.abort())
    await opened.login.speak("zh")
    await expect(opened.login.element.get_by_role("alert")).to_contain_text("连不上登录服务")
    await opened.page.unroute("**/embed/**")
    await opened.login.element.get_by_role("button").click()

    await opened.login.shows_code()


async def test_page_of_another_site_says_that_cookies_are_needed(
    site: Site, open_shop: OpenShop, complaints: Complaints
):
    """
    `localhost` and `127.0.0.1` are two sites: before anybody scans in vain, the page says so.
    """
    complaints.expect("Both have to be of one site")
    opened = await open_shop(site, host="localhost")
    await opened.login.reach("refused")

    await expect(opened.login.status).to_contain_text("Signing in needs cookies")
    await expect(opened.events.first).to_contain_text('login: error {"code":"cookies_blocked"')


async def test_site_gives_it_colours_and_a_theme(site: Site, open_shop: OpenShop):
    """
    Custom properties of the site's own win; a theme that it names wins over the system's.
    """
    opened = await open_shop(site, color_scheme="light")
    await opened.login.shows_code()
    card = opened.login.element.locator(".card")
    await expect(card).to_have_css("background-color", "rgb(255, 255, 255)")
    await expect(card).to_have_css("border-radius", "12px")

    await opened.login.element.evaluate("element => element.setAttribute('theme', 'dark')")

    await expect(card).to_have_css("background-color", "rgb(21, 29, 25)")


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_every_state_is_accessible_in_both_themes(
    site: Site, shop: Shop, new_context: NewContext, complaints: Complaints, language: str
):
    """
    What the sign-in page can be, the element can be too, and has no violation either.
    """
    complaints.expect(*OFFLINE)
    shop.saoma = site.base_url
    context = await new_context(locale=language)
    await context.clock.install()
    page = await context.new_page()
    await page.add_init_script(
        "document.addEventListener('readystatechange',"
        f" () => {{ document.documentElement.lang = '{language}'; }}, {{ once: true }})"
    )
    found: dict[str, list[str]] = {}
    login = Embedded(page, "login")
    async for state in Tour(site, login, origin_of(shop)).states():
        await expect(login.main).to_have_attribute("lang", re.compile(language))
        await page.emulate_media(color_scheme="light")
        found[f"{state}, light"] = await violations(page)
        await page.emulate_media(color_scheme="dark")
        found[f"{state}, dark"] = await violations(page)

    assert {state: [] for state in found} == found


@pytest.mark.parametrize(("language", "look"), LOOKS)
async def test_states_are_accessible_and_fit_a_small_phone(
    site: Site,
    open_shop: OpenShop,
    complaints: Complaints,
    language: str,
    look: dict[str, Any],
):
    """
    At 320 pixels nothing sticks out, and axe finds nothing, in the page and in the dialog.
    """
    complaints.expect("status of 401")
    opened = await open_shop(site, viewport={"width": 320, "height": 568}, **look)
    await opened.login.speak(language)
    await opened.ask.speak(language)
    found: dict[str, object] = {}

    async def look_at(name: str) -> None:
        found[name] = await violations(opened.page), await opened.page.evaluate(OVERHANG)

    await opened.show_orders.click()
    await opened.ask.shows_code()
    await look_at("dialog")
    await opened.page.keyboard.press("Escape")
    ticket = await opened.login.shows_code()
    await opened.login.password_fold.click()
    await look_at("code")
    await site.sandbox.phone.scan(ticket=ticket, openid=OPENID)
    await opened.login.bind("alice", "wrong")
    await expect(opened.login.bind_form.get_by_role("alert")).not_to_be_empty()
    await look_at("bind form")
    await opened.login.bind("alice", PASSWORD)
    await opened.login.reach("success")
    await look_at("success")

    assert {name: ([], 0) for name in found} == found


async def test_component_is_light(site: Site, open_shop: OpenShop):
    """
    All that Saoma sends a new visitor until the code is there, headers included, is small.
    """
    opened = await open_shop(site)
    await opened.login.shows_code()
    network = await opened.page.context.new_cdp_session(opened.page)
    await network.send("Network.enable")
    await network.send("Network.clearBrowserCache")
    asked: dict[str, str] = {}
    sizes: dict[str, float] = {}

    def sent_request(event: dict[str, Any]) -> None:
        asked[event["requestId"]] = event["request"]["url"]

    def finished(event: dict[str, Any]) -> None:
        sizes[event["requestId"]] = event["encodedDataLength"]

    network.on("Network.requestWillBeSent", sent_request)
    network.on("Network.loadingFinished", finished)
    await opened.page.context.clear_cookies()
    await opened.page.reload()
    await opened.login.shows_code()
    sent = sum(size for key, size in sizes.items() if asked[key].startswith(site.base_url))

    print(f"{sent / 1024:.1f} KB in {len(sizes)} answers")  # noqa: T201
    assert 0 < sent < MOST_BYTES
