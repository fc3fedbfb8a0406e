"""Sign-ins while WeChat's pushes come in any format, twice, late, in the wrong order or unheard."""

import asyncio
from typing import Any

import pytest

from sandbox import Mode, PushFault, PushFormat
from tests.server.conftest import StartSite
from tests.site import OPENID, OTHER_OPENID, Page, Site

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


async def open_page(site: Site) -> tuple[Page, str]:
    """Open the sign-in page; return it and the ticket it shows."""
    page = await site.visitor().open_page()
    return page, (await page.get_qr())["ticket"]


@pytest.mark.parametrize("mode", [Mode.COMPATIBLE, Mode.SAFE])
async def test_scan_signs_in_when_pushes_are_sealed(start_site: StartSite, mode: Mode) -> None:
    """
    With a key set, safe and compatible pushes lead to a page that is signed in.
    """
    site = await start_site(wechat={"encoding_aes_key": KEY}, login={"auto_register": True})
    site.sandbox.pusher.choose(PushFormat(mode))
    page, ticket = await open_page(site)

    done = await site.sandbox.phone.scan(ticket=ticket, openid=OPENID)

    assert done.delivered
    assert done.reply
    assert await page.expect("success")


@pytest.mark.parametrize(
    "fault",
    [
        {"repeats": 2},
        {"repeats": 5, "at_once": True},
        {"lost_answers": 2},
        {"repeats": 1, "lost_answers": 1, "same_signature": True},
        {"repeats": 5, "at_once": True, "same_signature": True},
    ],
    ids=["repeated", "at-once", "unheard", "same-signature", "same-signature-at-once"],
)
async def test_push_that_comes_again_signs_in_once(
    start_site: StartSite, fault: dict[str, Any]
) -> None:
    """
    However often a scan is told, the phone has its answer and the page one success: what comes
    next is the code it asks for.
    """
    site = await start_site(login={"auto_register": True})
    site.sandbox.pusher.faults.add(PushFault(**fault))
    page, ticket = await open_page(site)

    done = await site.sandbox.phone.scan(ticket=ticket, openid=OPENID)

    assert done.delivered
    assert done.reply
    assert await page.expect("success")
    assert await page.get_qr()


async def test_push_that_is_overtaken_reaches_its_own_page(start_site: StartSite) -> None:
    """
    A scan that arrives after a later one still signs in the page it was made for.
    """
    site = await start_site(login={"auto_register": True})
    (one, first), (two, second) = await open_page(site), await open_page(site)
    site.sandbox.pusher.faults.add(PushFault(hold=True))

    held = asyncio.create_task(site.sandbox.phone.scan(ticket=first, openid=OPENID))
    # A task begins when its creator waits: the held scan is the first of the two.
    await asyncio.wait({held}, timeout=0)
    later = await site.sandbox.phone.scan(ticket=second, openid=OTHER_OPENID)
    done = await held

    assert later.delivered
    assert done.delivered
    assert await two.expect("success")
    assert await one.expect("success")
