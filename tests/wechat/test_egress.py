"""Calls through an egress proxy, and secrets that must be in no text on the way."""

import asyncio
import base64
import logging
import traceback
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from sandbox import Sandbox
from store import Store
from tests.site import ACCOUNT
from tests.wechat.calls import QRCODE, TOKEN, Head, client_of, http, serve
from wechat import WeChatError, WeChatUnavailable

PASSWORD = "p:ss/w@rd-of-the-proxy"
CREDENTIALS = "us%C3%A9r:p%3Ass%2Fw%40rd-of-the-proxy"
KEY = "key-in-the-address"
BEARER = "bearer-of-the-token-server"
BASIC = base64.b64encode(f"usér:{PASSWORD}".encode()).decode()


def through(proxy: str) -> str:
    """Return the address of a proxy with a user and a password in it."""
    return proxy.replace("://", f"://{CREDENTIALS}@")


async def forward(head: Head) -> bytes:
    """Do what a proxy does with a request, and remember nothing."""
    first, _, body = head
    method, url, _ = first.split(" ")
    async with (
        aiohttp.ClientSession() as http_client,
        http_client.request(method, url, data=body) as response,
    ):
        return http(await response.read())


async def test_every_call_goes_through_the_proxy(store: Store, platform: Sandbox):
    """
    With a proxy nothing is called without it, and it gets its credentials.
    """
    heads: list[Head] = []

    async def proxy(head: Head) -> bytes:
        heads.append(head)
        return await forward(head)

    async with serve(proxy) as address:
        given = {"proxy_url": through(address)}
        async with client_of(store, platform.base_url, **given) as client:  # type: ignore[arg-type]
            assert (await client.create_ticket(1, 180)).ticket

    paths = [first.partition(platform.base_url)[2].partition("?")[0] for first, _, _ in heads]
    assert [TOKEN, QRCODE] == [path.partition(" ")[0] for path in paths]
    assert {f"Basic {BASIC}"} == {headers["proxy-authorization"] for _, headers, _ in heads}


async def test_token_server_is_reached_through_the_proxy(store: Store, platform: Sandbox):
    """
    The proxy is for all calls, also for those to the operator's token server.
    """
    firsts: list[str] = []

    async def proxy(head: Head) -> bytes:
        firsts.append(head[0])
        return http({"errcode": 50002, "errmsg": "user limited"})

    async with (
        serve(proxy) as address,
        client_of(
            store, platform.base_url, proxy_url=address, token_url="http://central.example/t"
        ) as client,
    ):
        with pytest.raises(WeChatError):
            await client.create_ticket(1, 180)

    assert ["GET http://central.example/t HTTP/1.1"] == firsts


@pytest.mark.parametrize("status", ["407 Proxy Authentication Required", "502 Bad Gateway"])
async def test_proxy_that_refuses_is_no_answer(store: Store, status: str):
    """
    For https the proxy is asked for a tunnel; its refusal is no answer of WeChat's.
    """
    asked: list[tuple[str, str]] = []

    def proxy(head: Head) -> bytes:
        asked.append((head[0], head[1]["proxy-authorization"]))
        return http(b"", status)

    async with (
        serve(proxy) as address,
        client_of(store, "https://api.weixin.example", proxy_url=through(address)) as client,
    ):
        with pytest.raises(WeChatUnavailable):
            await client.create_ticket(1, 180)

    assert {("CONNECT api.weixin.example:443 HTTP/1.1", f"Basic {BASIC}")} == set(asked)


# ---- secrets


@pytest.fixture
async def everything(
    caplog: pytest.LogCaptureFixture,
) -> AsyncIterator[pytest.LogCaptureFixture]:
    """The log of all that runs here, asyncio's debugging included."""
    caplog.set_level(logging.DEBUG)
    for name in ("aiohttp", "asyncio", "wechat", "redis"):
        caplog.set_level(logging.DEBUG, name)
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    yield caplog
    loop.set_debug(False)


def texts_of(error: BaseException) -> list[str]:
    """Return every text that a handler of *error* could write, of what hangs on to it too."""
    texts = ["".join(traceback.format_exception(error))]
    found: BaseException | None = error
    while found is not None:
        texts += [str(found), repr(found), repr(found.args), repr(vars(found))]
        found = found.__cause__ or found.__context__
    return texts


def echo(place: int) -> Callable[[Head], bytes]:
    """Return a far end that tells the caller a part of what it was told, as its error's words."""

    def answer(head: Head) -> bytes:
        first, headers, body = head
        for_proxy = headers.get("proxy-authorization", "")
        said = [first.split()[1], body.decode()[-90:], headers.get("authorization"), for_proxy]
        said.append(base64.b64decode(for_proxy.removeprefix("Basic ")).decode())
        said = [part for part in said if part]
        return http({"errcode": 99999, "errmsg": said[place % len(said)]})

    return answer


FAR_ENDS = {
    **{f"echoes {place}": echo(place) for place in range(4)},
    "hangs up": lambda head: b"",
    "redirects": lambda head: http(b"", "302 Found", f"Location: http://x/{head[0].split()[1]}"),
    "no http": lambda head: b"?? " + head[0].encode() + b"\r\n\r\n",
    "half": lambda head: b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + head[0].encode(),
    "html": lambda head: http(b"<p>" + head[0].encode(), "500 Oops"),
}


@pytest.mark.parametrize("far_end", FAR_ENDS.values(), ids=FAR_ENDS)
async def test_secrets_are_in_no_error_and_no_log_line(
    store: Store, everything: pytest.LogCaptureFixture, far_end
):
    """
    Whatever fails, no text has the AppSecret, a token, or the password of proxy or token server.
    """
    token = "12_an-access-token"
    grant = http({"access_token": token, "expires_in": 7200})
    texts: list[str] = []

    async def trouble(base_url: str, **given: str) -> None:
        async with client_of(store, base_url, seconds=1, **given) as client:  # type: ignore[arg-type]
            with pytest.raises(WeChatError) as caught:
                await client.create_ticket(1, 180)
            texts.extend([*texts_of(caught.value), await client.check(), repr(vars(client))])

    async with serve(far_end) as bad, serve(lambda head: grant) as central:
        keyed = f"{bad}/token?key={KEY}"
        await trouble(bad)
        await trouble(bad, token_url=central)
        await trouble(bad, token_url=keyed)
        await trouble(bad, token_url=keyed, token_url_secret=BEARER)
        await trouble("http://api.weixin.example", proxy_url=through(bad))
        await trouble("https://api.weixin.example", proxy_url=through(bad))
    await trouble(bad)
    await trouble(bad, token_url=keyed, token_url_secret=BEARER)
    await trouble("https://api.weixin.example", proxy_url=through(bad))

    said = "\n".join([*texts, *(record.getMessage() for record in everything.records)])
    never = {
        "secret": ACCOUNT.secret,
        "token": token,
        "bearer": BEARER,
        "key": KEY,
        "password": PASSWORD,
        "password, quoted": CREDENTIALS.partition(":")[2],
        "password, encoded": BASIC,
    }
    assert "errcode" in said
    assert [] == [name for name, value in never.items() if value in said]
