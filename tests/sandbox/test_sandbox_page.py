"""The phone's page: its headers and languages, and a real browser that uses it."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree

import aiohttp
import pytest
from playwright.async_api import Browser, async_playwright, expect

from sandbox import PushFault, Sandbox
from sandbox.files import STATIC, TEMPLATES
from sandbox.page import pick_language
from tests.browser.axe import violations
from tests.browser.chromium import launch

# One process of the tests starts the browser, and runs all that needs it.
pytestmark = pytest.mark.xdist_group("phone page")


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium."""
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        yield browser
        await browser.close()


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        ("", "", "zh"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("", "en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("", "en;q=0.5, zh-TW;q=0.7", "zh"),
        ("", "fr-FR", "en"),
        ("", "zh;q=0, en;q=x", "en"),
        ("en", "zh-CN", "en"),
        ("<x>", "zh-CN", "zh"),
    ],
)
def test_language_is_the_asked_or_the_favourite(asked: str, accepted: str, language: str) -> None:
    """
    `?lang=` decides, then the browser's weights.
    """
    assert language == pick_language(asked, accepted)


@pytest.mark.parametrize(
    ("texts", "pages", "scripts"),
    [("texts", ("phone", "trouble"), "*.js"), ("oauth", ("oauth",), "")],
)
def test_texts_have_the_same_keys_and_holes(
    texts: str, pages: tuple[str, ...], scripts: str
) -> None:
    """
    Both languages say the same things, and all that template and scripts ask for.
    """
    zh, en = (json.loads((STATIC / f"{texts}.{name}.json").read_text()) for name in ("zh", "en"))
    template = "".join((TEMPLATES / f"{name}.html").read_text() for name in pages)
    script = "".join(path.read_text() for path in STATIC.glob(scripts)) if scripts else ""

    used = set(re.findall(r'texts\["(\w+)"\]', template)) | set(re.findall(r'say\("(\w+)"', script))

    assert zh.keys() == en.keys()
    assert used <= zh.keys()
    for key, text in zh.items():
        assert re.findall(r"{\w+}", text) == re.findall(r"{\w+}", en[key])


async def test_page_is_strict_and_in_the_readers_language(
    sandbox: Sandbox, http: aiohttp.ClientSession
) -> None:
    """
    `/` leads to the phone, which allows no inline script or style and has none.
    """
    async with http.get(sandbox.base_url, headers={"Accept-Language": "en"}) as response:
        html, policy = await response.text(), response.headers["Content-Security-Policy"]

    assert response.url.path == "/phone"
    assert 'lang="en"' in html
    assert "not WeChat" in html
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert not re.search(r"<style|style=|\son\w+=|<script(?! type=\"module\" src=)", html)


@pytest.mark.browser
async def test_page_signs_a_follower_in_with_one_press(
    browser: Browser, client: Any, sandbox: Sandbox, receiver: Any
) -> None:
    """
    The newest code is scanned, the reply is a bubble of plain text, and writing back works.
    """
    await client.create_code(1)
    chosen = await client.create_code(2)
    reply = (
        "<xml><ToUserName>oQ7dX5kV3mZr9TfGh2LwYpN8sBcE</ToUserName>"
        f"<FromUserName>{sandbox.account.account_id}</FromUserName><CreateTime>1</CreateTime>"
        "<MsgType>text</MsgType><Content><![CDATA[<b>已登录</b>]]></Content></xml>"
    )
    receiver.answer = lambda push: (200, reply)
    page = await browser.new_page(locale="zh-CN")
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))

    await page.goto(sandbox.base_url)
    await expect(page.get_by_test_id("code-item")).to_have_count(2)
    await page.get_by_test_id("scan").click()
    await expect(page.get_by_test_id("bubble")).to_have_text(["<b>已登录</b>"])
    await page.get_by_test_id("message-input").fill("你好")
    await page.get_by_test_id("message-send").click()
    await expect(page.get_by_test_id("bubble")).to_have_count(3)

    assert chosen["ticket"].encode() in receiver.pushes[0].body
    assert "你好".encode() in receiver.pushes[1].body
    assert errors == []


@pytest.mark.browser
async def test_page_asks_a_new_user_to_follow(
    browser: Browser, client: Any, sandbox: Sandbox, receiver: Any
) -> None:
    """
    On a narrow screen: Cancel pushes nothing, Follow pushes `subscribe` for the preselected code.
    """
    chosen = await client.create_code(1)
    await client.create_code(2)
    page = await browser.new_page(locale="en-GB", viewport={"width": 320, "height": 640})

    await page.goto(f"{sandbox.base_url}/phone?ticket={chosen['ticket'].replace('+', '%2B')}")
    pressed = page.locator('[data-testid="code-item"][aria-pressed="true"]')
    await expect(pressed).to_have_attribute("data-ticket", chosen["ticket"])
    await page.get_by_test_id("new-user").click()
    await expect(page.get_by_test_id("user-picker").locator("option")).to_have_count(4)
    await page.get_by_test_id("scan").press("Enter")
    await expect(page.get_by_test_id("follow")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("follow")).to_be_hidden()
    cancelled = list(receiver.pushes)
    await page.get_by_test_id("scan").click()
    await page.get_by_test_id("follow").click()
    await expect(page.get_by_test_id("note")).to_have_count(2)
    overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth")

    assert cancelled == []
    assert b"qrscene_1]" in receiver.pushes[0].body
    assert overflow == 0


@pytest.mark.browser
async def test_page_makes_trouble_and_makes_it_right_again(
    browser: Browser, client: Any, sandbox: Sandbox, receiver: Any
) -> None:
    """
    A fault, a repeated push, JSON and an empty quota are chosen, listed and cleared with a click.
    """
    page = await browser.new_page(locale="en-GB", viewport={"width": 320, "height": 640})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(sandbox.base_url)
    await page.get_by_test_id("trouble").locator("summary").click()

    await page.get_by_test_id("fault-add").click()
    troubles = page.get_by_test_id("troubles").locator("li")
    await expect(troubles).to_have_text(["/cgi-bin/qrcode/create: errcode 45009 × 1"])
    failed = await client.create_code()
    await expect(troubles).to_have_count(0)
    await page.get_by_test_id("push-kind").select_option("repeats")
    await page.get_by_test_id("push-add").click()
    await page.get_by_test_id("push-data").select_option("json")
    await page.get_by_test_id("repeat-tickets").check()
    await page.get_by_test_id("use-up-day").click()
    await expect(troubles).to_have_count(3)
    overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    await page.get_by_test_id("message-input").fill("你好")
    await page.get_by_test_id("message-send").click()
    await expect(page.get_by_test_id("status")).to_have_attribute("data-tone", "good")
    await page.get_by_test_id("clear-trouble").click()
    await expect(troubles).to_have_count(0)
    await expect(page.get_by_test_id("push-data")).to_have_value("xml")

    assert failed["errcode"] == 45009
    assert [b'{"ToUserName"'] * 2 == [push.body[:13] for push in receiver.pushes]
    assert "ticket" in await client.create_code()
    assert overflow == 0
    assert errors == []


@pytest.mark.browser
async def test_page_says_what_it_cannot_do_and_checks_the_address(
    browser: Browser, sandbox: Sandbox, receiver: Any
) -> None:
    """
    A fault that makes no sense is refused with the sandbox's sentence; the callback is checked;
    the panel is accessible.
    """
    # axe-core is brought in from outside, which the page's own policy would not allow.
    page = await browser.new_page(locale="zh-CN", bypass_csp=True)
    await page.goto(sandbox.base_url)
    await page.get_by_test_id("trouble").locator("summary").click()
    status = page.get_by_test_id("trouble-status")

    await page.get_by_test_id("fault-value").fill("0")
    await page.get_by_test_id("fault-add").click()
    await expect(status).to_contain_text("errcode 0 is no error")
    await page.get_by_test_id("fault-kind").select_option("drop")
    await expect(page.get_by_test_id("fault-value")).to_be_hidden()
    await page.get_by_test_id("check-callback").click()
    await expect(status).to_have_text(f"{receiver.url}: 通过")

    await expect(page.get_by_test_id("push-mode").locator("option[value=safe]")).to_be_disabled()
    assert [] == await violations(page)


@pytest.mark.browser
async def test_page_lets_a_held_scan_be_overtaken(
    browser: Browser, client: Any, sandbox: Sandbox, receiver: Any
) -> None:
    """
    While a push is held the phone can scan the next code, whose event arrives first.
    """
    await client.create_code(1)
    await client.create_code(2)
    sandbox.pusher.faults.add(PushFault(hold=True))
    page = await browser.new_page(locale="en-GB")
    await page.goto(sandbox.base_url)
    await expect(page.get_by_test_id("code-item")).to_have_count(2)

    await page.get_by_test_id("scan").click()
    await expect(page.get_by_test_id("code-item")).to_have_count(1)
    await expect(page.get_by_test_id("scan")).to_be_enabled()
    await page.get_by_test_id("scan").click()
    await expect(page.get_by_test_id("code-item")).to_have_count(0)
    await expect(page.get_by_test_id("status")).to_have_attribute("data-tone", "good")

    keys = [ElementTree.fromstring(push.body).findtext("EventKey") for push in receiver.pushes]
    assert keys == ["1", "2"]
