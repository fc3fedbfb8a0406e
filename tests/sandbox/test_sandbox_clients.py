"""Clients and a receiver that others wrote, unchanged but for the address, against the stand-in."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import requests
from requests.adapters import HTTPAdapter
from wechatpy import WeChatClient

from sandbox import Account, Mode, PushFormat, Sandbox, serve_sandbox

NODE = Path(__file__).parent / "node"
OPENID = "oQ7dX5kV3mZr9TfGh2LwYpN8sBcE"
TEXT = '你好，"世界"'
KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
# Nothing of the machine's own settings: no proxies, no caches of other runs.
ENVIRONMENT = {"PATH": os.environ.get("PATH", "")}

needs_node = pytest.mark.skipif(
    not (shutil.which("node") and (NODE / "node_modules").is_dir()),
    reason="needs node and its packages (tests/install_node)",
)

StartReceiver = Callable[[Account, Mode], Awaitable[str]]


async def start_node(*arguments: str) -> asyncio.subprocess.Process:
    """Start node in the folder of its packages."""
    return await asyncio.create_subprocess_exec(
        *("node", *arguments),
        cwd=NODE,
        env=ENVIRONMENT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run_client(name: str, sandbox: Sandbox) -> dict[str, Any]:
    """Let a client do its round and return what came of it."""
    account = sandbox.account
    given = {"appid": account.appid, "secret": account.secret, "openid": OPENID}
    process = await start_node(
        "clients.js", name, json.dumps({"baseUrl": sandbox.base_url} | given)
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    outcome: dict[str, Any] = json.loads(out)
    return outcome


@needs_node
@pytest.mark.parametrize("name", ["co-wechat-api", "wechat-api", "node-easywechat"])
async def test_client_does_what_a_site_does(sandbox: Sandbox, name: str) -> None:
    """
    Token, temporary code, user, text message and addresses: each as the client expects it.
    """
    sandbox.platform.users.get(OPENID).follower = False

    outcome = await run_client(name, sandbox)

    code, named = (
        sandbox.platform.codes.by_ticket(outcome[part]["ticket"]) for part in ("code", "again")
    )
    assert code is not None
    assert named is not None
    assert (code.scene, code.url, named.scene) == (12, outcome["code"]["url"], "named")
    assert (180, 180) == (outcome["code"]["expire_seconds"], outcome["again"]["expire_seconds"])
    assert (OPENID, 1, 12) == tuple(
        outcome["user"][part] for part in ("openid", "subscribe", "qr_scene")
    )
    assert (0, "ok") == (outcome["sent"]["errcode"], outcome["sent"]["errmsg"])
    assert sandbox.platform.chats.of(OPENID)[-1].text == TEXT
    assert ["127.0.0.1", "::1/128"] == outcome["addresses"]


@needs_node
async def test_client_recovers_from_a_rotated_token(sandbox: Sandbox, client: Any) -> None:
    """
    After a rotation co-wechat-api meets 40001 once, fetches one token, and its call succeeds.
    """
    outcome = await run_client("co-wechat-api", sandbox)

    old = await client.call("GET", "/cgi-bin/getcallbackip", access_token=outcome["accessToken"])
    assert "ticket" in outcome["again"]
    assert old["errcode"] == 40001
    assert sandbox.platform.quotas.used("/cgi-bin/token") == 2


@needs_node
async def test_client_of_stable_tokens_uses_one(sandbox: Sandbox) -> None:
    """
    node-easywechat asks `/cgi-bin/stable_token` once and never the other endpoint.
    """
    outcome = await run_client("node-easywechat", sandbox)

    assert sandbox.platform.tokens.stable().value == outcome["accessToken"]
    assert sandbox.platform.quotas.used("/cgi-bin/stable_token") == 1
    assert sandbox.platform.quotas.used("/cgi-bin/token") == 0


@pytest.fixture
async def start_receiver() -> AsyncIterator[StartReceiver]:
    """Start an account's server made of npm's `wechat` middleware, and return its address."""
    started: list[asyncio.subprocess.Process] = []

    async def start(account: Account, mode: Mode) -> str:
        config = {"token": account.token, "appid": account.appid}
        key = {"encodingAESKey": account.encoding_aes_key} if mode is not Mode.PLAIN else {}
        process = await start_node("receiver.js", json.dumps(config | key))
        started.append(process)
        assert process.stdout is not None
        return (await process.stdout.readline()).decode().strip()

    yield start
    for process in started:
        process.kill()
        await process.communicate()


@needs_node
@pytest.mark.parametrize("mode", Mode)
async def test_receiver_reads_pushes_and_is_read(start_receiver: StartReceiver, mode: Mode) -> None:
    """
    npm's `wechat` checks the signatures, reads each push, and its reply reaches the phone.
    """
    account = Account(encoding_aes_key=KEY)
    callback = await start_receiver(account, mode)
    async with serve_sandbox(
        callback=callback, account=account, push_format=PushFormat(mode)
    ) as sandbox:
        code = sandbox.platform.codes.create(230, 180)
        followed = await sandbox.phone.scan(ticket=code.ticket, openid="oNew")
        scanned = await sandbox.phone.scan(ticket=code.ticket, openid=OPENID)
        wrote = await sandbox.phone.message(OPENID, "你好 ]]> <b>")

    said = [json.loads(unquote(done.reply or "{}")) for done in (followed, scanned, wrote)]
    assert [("subscribe", "qrscene_230"), ("SCAN", "230")] == [
        (event["Event"], event["EventKey"]) for event in said[:2]
    ]
    assert {code.ticket} == {event["Ticket"] for event in said[:2]}
    assert (OPENID, "你好 ]]> <b>") == (said[2]["FromUserName"], said[2]["Content"])


@needs_node
@pytest.mark.parametrize("mode", [Mode.PLAIN, Mode.SAFE])
async def test_receiver_refuses_pushes_of_another_account(
    start_receiver: StartReceiver, mode: Mode
) -> None:
    """
    Signed with another Token, a push is refused by npm's `wechat`, and the console's check fails.
    """
    account = Account(encoding_aes_key=KEY)
    callback = await start_receiver(account, mode)
    async with AsyncExitStack() as stack:
        checks, deliveries = [], []
        for token in (account.token, "anotherToken"):
            other = Account(token=token, encoding_aes_key=KEY)
            sandbox = await stack.enter_async_context(
                serve_sandbox(callback=callback, account=other, push_format=PushFormat(mode))
            )
            checks += [check.passed for check in await sandbox.pusher.check()]
            deliveries.append((await sandbox.phone.message(OPENID, "你好")).delivered)

    assert checks == [True, False]
    assert deliveries == [True, False]


class Redirect(HTTPAdapter):
    """Sends what is meant for WeChat to the stand-in: wechatpy's token address is fixed."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        """Send *request* to the stand-in's address."""
        request.url = (request.url or "").replace("https://api.weixin.qq.com", self._base_url)
        return super().send(request, *args, **options)


async def test_wechatpy_does_what_a_site_does(sandbox: Sandbox) -> None:
    """
    wechatpy's own client fetches a token, makes a code, tells of users and sends words.
    """
    account = sandbox.account

    def work() -> tuple[Any, ...]:
        client = WeChatClient(account.appid, account.secret)
        with client._http as http:
            http.trust_env = False
            http.mount("https://api.weixin.qq.com/", Redirect(sandbox.base_url))
            scene = {"scene": {"scene_id": 12}}
            wanted = {"expire_seconds": 180, "action_name": "QR_SCENE", "action_info": scene}
            return (
                client.qrcode.create(wanted),
                client.user.get(OPENID),
                client.message.send_text(OPENID, TEXT),
                client.misc.get_wechat_ips(),
            )

    await sandbox.phone.message(OPENID, "在吗")
    code, user, sent, addresses = await asyncio.to_thread(work)

    made = sandbox.platform.codes.by_ticket(code["ticket"])
    assert made is not None
    assert (12, 180) == (made.scene, code["expire_seconds"])
    assert (OPENID, 1) == (user["openid"], user["subscribe"])
    assert sent["errcode"] == 0
    assert sandbox.platform.chats.of(OPENID)[-1].text == TEXT
    assert ["127.0.0.1", "::1/128"] == addresses
