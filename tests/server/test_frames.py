"""Frames that nobody foresaw: answered with documented messages, or the socket ends."""

import json
import logging
import os
from typing import Any

import aiohttp
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from login.messages import CloseCode, ToPage
from tests.server.pushing import scan
from tests.site import Site

EXAMPLES = int(os.environ.get("SAOMA_EXAMPLES", "30"))
TOO_LONG, NO_TEXT = 1009, 1007
pytestmark = pytest.mark.usefixtures("both_ways")
CLOSE_CODES = {code.value for code in CloseCode} | {TOO_LONG, NO_TEXT}
LAST = "the last frame: no message, so the socket ends"

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
numbers = st.integers(0, 99) | st.integers()
resumes = st.none() | st.from_regex(r"[0-9a-f]{32}\.[\w-]{43}", fullmatch=True) | st.text()
asked = [
    st.fixed_dictionaries({"type": st.just("get_qr")}),
    st.fixed_dictionaries(
        {"type": st.just("get_qr"), "data": st.fixed_dictionaries({"resume": resumes})}
    ),
    st.fixed_dictionaries(
        {"type": st.just("choose"), "data": st.fixed_dictionaries({"number": numbers})}
    ),
]
nearly = st.fixed_dictionaries(
    {"type": st.sampled_from(["get_qr", "choose", "qr", "success"]) | values, "data": values}
)
good = st.one_of(asked).map(json.dumps)
frames = st.lists(
    st.one_of(good, good, nearly.map(json.dumps), values.map(json.dumps), st.text(), st.binary()),
    min_size=1,
    max_size=6,
)


async def say(socket: aiohttp.ClientWebSocketResponse, sent: list[str | bytes]) -> list[Any]:
    """Send *sent*, and what ends the socket; return what came, as messages."""
    try:
        for frame in (*sent, LAST):
            if isinstance(frame, bytes):
                await socket.send_bytes(frame)
            else:
                await socket.send_str(frame)
    except (ConnectionError, aiohttp.ClientError):
        pass  # ended already
    told = []
    while not socket.closed:
        message = await socket.receive(timeout=10)
        if message.type is aiohttp.WSMsgType.TEXT:
            told.append(msgspec.json.decode(message.data, type=ToPage))
    return told


@given(sent=frames)
@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_any_frames_are_answered_as_documented(
    site: Site, caplog: pytest.LogCaptureFixture, sent: list[str | bytes]
):
    """
    Only messages and close codes of the protocol come, and nothing breaks inside.
    """
    page = await site.visitor().open_page()
    told = await say(page.socket, sent)

    assert page.close_code in CLOSE_CODES
    assert told or page.close_code == TOO_LONG
    assert [] == [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.ERROR or record.exc_info
    ]


async def test_page_beside_a_socket_that_says_anything_is_not_disturbed(site: Site):
    """
    What a stranger sends, with another's attempt's name in it too, changes nothing for others.
    """
    page = await site.visitor().open_page()
    code = await page.get_qr()
    stranger = site.visitor()
    tokens = (code["uuid"], f"{code['uuid']}.{'x' * 43}", code["resume"], f".{code['resume']}")

    for token in tokens:
        sent: list[str | bytes] = [json.dumps({"type": "get_qr", "data": {"resume": token}})]
        sent.append(json.dumps({"type": "choose", "data": {"number": 1}}))
        told = await say((await stranger.open_page()).socket, sent)
        assert "unknown_attempt" == told[0].data.code

    await scan(site, code)
    assert await page.expect("bind_required")
