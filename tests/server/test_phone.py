"""What the phone is told of the site, the browser and the place, and in whose words."""

import re
from pathlib import Path
from typing import Any

from tests.server.cities import HANGZHOU, write_cities
from tests.server.conftest import StartSite
from tests.server.pushing import push, scan, scan_xml
from tests.site import Page, Site

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


def content(answer: tuple[int, str]) -> str:
    """Return the text of a plain reply."""
    found = re.search(r"<Content><!\[CDATA\[(.*?)\]\]></Content>", answer[1], re.DOTALL)
    assert found, answer
    return found[1]
