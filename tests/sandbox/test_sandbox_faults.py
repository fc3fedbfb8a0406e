"""Trouble on request, from tests and over HTTP."""

import asyncio
import re
from typing import Any

import aiohttp
import pytest

from sandbox import Sandbox, serve_sandbox

CREATE = "/cgi-bin/qrcode/create"


async def test_fault_strikes_as_often_as_told(client: Any, sandbox: Sandbox) -> None:
    """
    Two calls fail with the given code, the third is answered truly; other paths never fail.
    """
    sandbox.platform.fail(CREATE, errcode=45009, times=2)

    answers = [await client.create_code() for _ in range(3)]

    assert [answer.get("errcode", 0) for answer in answers] == [45009, 45009, 0]


@pytest.mark.parametrize(
    ("errcode", "text"),
    [
        (40164, "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist"),
        (40243, "appsecret has been frozen, unfreeze it at mp.weixin.qq.com"),
        (48001, "api unauthorized"),
        (48004, "api forbidden for irregularities, view detail on mp.weixin.qq.com"),
        (50002, "user limited"),
        (65535, "error"),
    ],
)
async def test_fault_says_what_wechat_says(
    client: Any, sandbox: Sandbox, errcode: int, text: str
) -> None:
    """
    A fault has the text of its error code, the caller's address in that of the allow-list.
    """
    sandbox.platform.fail("/cgi-bin/token", errcode=errcode)

    answer = await client.fetch_token()

    assert errcode == answer["errcode"]
    assert re.fullmatch(re.escape(text) + r" rid: ([0-9a-f]{8}-?){3}", answer["errmsg"])


async def test_fault_that_drops_leaves_no_answer(client: Any, sandbox: Sandbox) -> None:
    """
    A dropped call loses its connection; the next one is fine.
    """
    client.token = (await client.fetch_token())["access_token"]
    sandbox.platform.fail(CREATE, drop=True)

    # `POST` is not repeated by the client itself, so the loss is seen.
    with pytest.raises(aiohttp.ClientError):
        await client.create_code()
    assert "ticket" in await client.create_code()


async def test_fault_with_a_status_is_no_json(
    sandbox: Sandbox, http: aiohttp.ClientSession
) -> None:
    """
    A gateway's error page comes with its status.
    """
    sandbox.platform.fail("/cgi-bin/token", status=502)

    async with http.get(sandbox.base_url + "/cgi-bin/token") as response:
        assert (response.status, (await response.read())[:6]) == (502, b"<html>")


async def test_fault_that_delays_answers_truly_afterwards(client: Any, sandbox: Sandbox) -> None:
    """
    A delay comes before the true answer, or before another fault of the same call.
    """
    loop = asyncio.get_running_loop()
    sandbox.platform.fail("/cgi-bin/token", delay=0.05)

    started = loop.time()
    granted = await client.fetch_token()

    assert loop.time() - started >= 0.05
    assert "access_token" in granted


async def test_fault_under_way_does_not_hold_up_the_end(http: aiohttp.ClientSession) -> None:
    """
    Leaving the stand-in ends a delayed call; nobody waits for ten minutes.
    """
    async with serve_sandbox() as sandbox:
        sandbox.platform.fail("/cgi-bin/token", delay=600)
        call = asyncio.create_task(http.get(sandbox.base_url + "/cgi-bin/token"))
        # The fault is used up the moment the call arrives.
        while list(sandbox.platform.faults):
            await http.get(sandbox.base_url + "/sandbox/faults")

    (outcome,) = await asyncio.gather(call, return_exceptions=True)
    assert isinstance(outcome, aiohttp.ClientResponse | aiohttp.ClientError)


async def test_fault_is_made_and_cleared_over_http(
    client: Any, sandbox: Sandbox, http: aiohttp.ClientSession
) -> None:
    """
    `/sandbox/faults` takes what `fail` takes, lists it, and forgets it.
    """
    url = sandbox.base_url + "/sandbox/faults"
    client.token = (await client.fetch_token())["access_token"]

    async with http.post(url, json={"path": CREATE, "errcode": -1, "times": None}) as response:
        assert response.status == 200
    failing = [await client.create_code() for _ in range(3)]
    async with http.get(url) as response:
        (listed,) = (await response.json())["faults"]
    async with http.delete(url) as response:
        assert response.status == 204

    assert [answer["errcode"] for answer in failing] == [-1, -1, -1]
    assert (listed["path"], listed["errcode"], listed["times"]) == (CREATE, -1, None)
    assert "ticket" in await client.create_code()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"path": "/wechat"},
        {"path": CREATE, "errcode": -1, "times": 0},
        {"path": CREATE, "delay": -1},
        {"path": CREATE, "status": 200},
        {"path": CREATE, "errcode": "x"},
    ],
)
async def test_fault_that_makes_no_sense_is_refused(
    sandbox: Sandbox, http: aiohttp.ClientSession, body: dict[str, object]
) -> None:
    """
    A bad fault is 400 and strikes nobody.
    """
    async with http.post(sandbox.base_url + "/sandbox/faults", json=body) as response:
        assert (response.status, (await response.json())["error"]) == (400, "bad_request")

    assert list(sandbox.platform.faults) == []
