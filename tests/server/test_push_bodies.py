"""Bodies at `/wechat`, true and bent: answered, never with a traceback, and only if signed."""

import dataclasses
import logging
import time
from random import Random
from typing import Any

import pytest

from sandbox import Account
from server import MAX_BODY_BYTES
from tests.server.conftest import StartSite
from tests.server.pushing import scan, scan_xml
from tests.site import OTHER_OPENID, Page, Site
from tests.wechat.mutations import mutate
from tests.wechat.pushing import BODIES, KEY, as_json, posted
from wechat import Form

MODES = ("plain", "compatible", "safe")
BENT = 60
"""Bodies for each form in each mode, the same in every run."""


async def open_site(start_site: StartSite, mode: str) -> tuple[Site, Account, Page, dict[str, Any]]:
    """Return a site in that mode, its account, a page and its code."""
    wechat = {} if mode == "plain" else {"encoding_aes_key": KEY}
    site = await start_site(wechat=wechat)
    page = await site.visitor().open_page()
    return site, site.sandbox.account, page, await page.get_qr()


async def statuses_of(
    site: Site, account: Account, mode: str, form: Form, bodies: list[tuple[bytes, bytes]]
) -> list[int]:
    """Post each of *bodies*, and in compatible mode beside it the other; return what comes."""
    statuses = []
    visitor = site.visitor()
    for number, (body, around) in enumerate(bodies):
        # Not two under one signature: that would be another test.
        at = time.time() - 250 + number
        query, sent = posted(mode, form, body, account=account, at=at, around=around)
        if len(sent) > MAX_BODY_BYTES:
            continue  # Tornado refuses it unread; tests/server/test_callback.py has that
        async with visitor.http.post("/wechat", params=query, data=sent) as response:
            statuses.append(response.status)
            await response.read()
    return statuses


def written(form: Form, xml: bytes) -> bytes:
    """Return a push in that form."""
    return xml if form is Form.XML else as_json(xml).encode()


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what went wrong, and with it every traceback."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.ERROR or record.exc_info
    ]


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("mode", MODES)
async def test_recorded_push_is_answered(
    start_site: StartSite, caplog: pytest.LogCaptureFixture, mode: str, form: Form
) -> None:
    """
    All that WeChat was seen to push is answered with 200, in every mode and form.
    """
    site, account, page, code = await open_site(start_site, mode)
    recorded = [written(form, xml) for xml in BODIES.values()]

    statuses = await statuses_of(site, account, mode, form, [(body, body) for body in recorded])
    await scan(site, code)

    assert [200] * len(recorded) == statuses
    assert await page.expect("bind_required")
    assert [] == errors(caplog)


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("mode", MODES)
async def test_bent_push_is_answered(
    start_site: StartSite, caplog: pytest.LogCaptureFixture, mode: str, form: Form
) -> None:
    """
    A signed body is a push (200) or none (400), however it is bent; the server goes on.
    """
    site, account, page, code = await open_site(start_site, mode)
    whole = written(form, scan_xml(site, code, openid=OTHER_OPENID, ticket="not-ours").encode())
    recorded = [written(form, xml) for xml in BODIES.values()]
    bodies = [(mutate(Random(n), recorded[n % len(recorded)]), whole) for n in range(BENT)]

    statuses = await statuses_of(site, account, mode, form, bodies)
    await scan(site, code)

    assert {200, 400} >= set(statuses)
    assert 400 in statuses
    assert await page.expect("bind_required")
    assert [] == errors(caplog)


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("mode", MODES)
async def test_bent_push_that_nobody_signed_touches_no_attempt(
    start_site: StartSite, caplog: pytest.LogCaptureFixture, mode: str, form: Form
) -> None:
    """
    Scans of an open code by somebody without the token are refused, and the code stays open.
    """
    site, account, page, code = await open_site(start_site, mode)
    forger = dataclasses.replace(account, token="anotherToken")
    victim = written(form, scan_xml(site, code, openid=OTHER_OPENID).encode())
    bodies = [(mutate(Random(n), victim) if n else victim, victim) for n in range(BENT)]

    statuses = await statuses_of(site, forger, mode, form, bodies)
    record = await site.resources.context.pages.attempts.read(code["uuid"])
    await scan(site, code)

    assert {403} == set(statuses)
    assert record is not None
    assert ("waiting", "") == (record.state, record.openid)
    assert await page.expect("bind_required")
    assert [] == errors(caplog)


@pytest.mark.parametrize("body", [b"", b"hello", b"{}", b"[1]", b"<xml/>", b"\xff\xfe", b"<xml>"])
async def test_body_without_a_seal_is_nobodys_in_safe_mode(
    start_site: StartSite, body: bytes
) -> None:
    """
    Where nothing is encrypted no signature speaks for it: 403, like everything unproven.
    """
    site, account, _, _ = await open_site(start_site, "safe")
    query, _ = posted("safe", Form.XML, b"", account=account, at=time.time())

    async with site.visitor().http.post("/wechat", params=query, data=body) as response:
        assert (403, "") == (response.status, await response.text())
