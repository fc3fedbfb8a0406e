"""Trouble on request over HTTP: `/sandbox/...`."""

import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox import Account, Sandbox, serve_sandbox

CREATE = "/cgi-bin/qrcode/create"
OPENID = "oQ7dX5kV3mZr9TfGh2LwYpN8sBcE"
CALM: dict[str, Any] = {
    "faults": [],
    "push_faults": [],
    "held": 0,
    "settings": {"mode": "plain", "data": "xml", "repeat_tickets": False},
    "has_key": False,
}


class Desk:
    """Steers a stand-in over HTTP."""

    def __init__(self, http: aiohttp.ClientSession, sandbox: Sandbox) -> None:
        self.http = http
        self.base_url = f"{sandbox.base_url}/sandbox"

    async def post(self, name: str, body: object, *, expect: int = 200) -> Any:
        """Ask for a change and return the answer."""
        async with self.http.post(f"{self.base_url}/{name}", json=body) as response:
            assert expect == response.status
            return await response.json()

    async def get(self, name: str) -> Any:
        """Return what there is."""
        async with self.http.get(f"{self.base_url}/{name}") as response:
            assert response.status == 200
            return await response.json()

    async def delete(self, name: str) -> None:
        """Clear it."""
        async with self.http.delete(f"{self.base_url}/{name}") as response:
            assert response.status == 204


@pytest.fixture
def desk(http: aiohttp.ClientSession, sandbox: Sandbox) -> Desk:
    """Steers the stand-in of the test."""
    return Desk(http, sandbox)


@pytest.fixture
async def keyed(receiver: Any, http: aiohttp.ClientSession) -> AsyncIterator[Desk]:
    """Steers a stand-in whose account has a key, and whose clock runs."""
    account = Account(encoding_aes_key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG")
    async with serve_sandbox(callback=receiver.url, account=account) as sandbox:
        yield Desk(http, sandbox)


async def test_push_fault_is_made_listed_and_cleared(
    desk: Desk, client: Any, receiver: Any
) -> None:
    """
    `/sandbox/push-faults` takes a fault of the next pushes, lists it, and forgets it.
    """
    made = await desk.post("push-faults", {"repeats": 2, "times": 2})
    await client.act("message", {"openid": OPENID, "text": "一"})
    listed = await desk.get("push-faults")
    await desk.delete("push-faults")
    await client.act("message", {"openid": OPENID, "text": "二"})

    assert (made["repeats"], made["times"], made["hold"]) == (2, 2, False)
    assert {"faults": [made | {"times": 1}], "held": 0} == listed
    assert len(receiver.pushes) == 4


async def test_format_is_chosen(keyed: Desk, receiver: Any, http: aiohttp.ClientSession) -> None:
    """
    The next push has the format that was chosen, by halves too.
    """
    first = await keyed.get("state")
    await keyed.post("settings", {"mode": "compatible"})
    second = await keyed.post("settings", {"data": "json"})
    url = keyed.base_url.replace("/sandbox", "/phone/message")
    async with http.post(url, json={"openid": OPENID, "text": "一"}) as response:
        assert response.status == 200

    assert (first["settings"]["mode"], first["has_key"]) == ("safe", True)
    assert (second["settings"]["mode"], second["settings"]["data"]) == ("compatible", "json")
    assert receiver.pushes[0].body.startswith(b'{"ToUserName":')
    assert b'"Encrypt":' in receiver.pushes[0].body


async def test_tickets_repeat_when_told(desk: Desk, client: Any) -> None:
    """
    A live scene gets the same ticket again while `repeat_tickets` is on.
    """
    await desk.post("settings", {"repeat_tickets": True})
    tickets = {(await client.create_code(7))["ticket"] for _ in range(2)}
    await desk.post("settings", {"repeat_tickets": False})
    tickets.add((await client.create_code(7))["ticket"])

    assert len(tickets) == 2


@pytest.mark.parametrize(("act", "errcode"), [("rotate", 40001), ("expire", 42001)])
async def test_tokens_are_made_invalid(desk: Desk, client: Any, act: str, errcode: int) -> None:
    """
    Rotated tokens are "not latest", expired ones "expired"; both families have new ones.
    """
    account = client.sandbox.account
    asked = {"grant_type": "client_credential", "appid": account.appid, "secret": account.secret}
    tokens = [
        (await client.fetch_token())["access_token"],
        (await client.call("POST", "/cgi-bin/stable_token", asked))["access_token"],
    ]

    await desk.post("tokens", {"act": act})

    for token in tokens:
        answer = await client.call("GET", "/cgi-bin/getcallbackip", access_token=token)
        assert errcode == answer["errcode"]
    again = await client.call("POST", "/cgi-bin/stable_token", asked)
    assert again["access_token"] not in tokens
    client.token = again["access_token"]
    assert "ticket" in await client.create_code()


async def test_quotas_are_changed_used_up_and_restored(desk: Desk, client: Any) -> None:
    """
    Limits and use of every path are told; a used up minute or day answers with its code.
    """
    await desk.post("quotas", {"path": CREATE, "daily_limit": 5, "minute_limit": 1})
    codes = [(await client.create_code()).get("errcode", 0) for _ in range(2)]
    changed = [one for one in (await desk.get("quotas"))["quotas"] if one["path"] == CREATE]
    await desk.delete("quotas")
    await desk.post("quotas", {"path": CREATE, "use_up": "day"})
    day = await client.create_code()
    await desk.post("quotas", {"path": CREATE, "use_up": "minute"})
    minute = await client.create_code()
    await desk.delete("quotas")

    assert codes == [0, 45011]
    assert changed == [
        {"path": CREATE, "daily_limit": 5, "used": 1, "minute_limit": 1, "minute_over": True}
    ]
    assert (day["errcode"], minute["errcode"]) == (45009, 45011)
    assert "ticket" in await client.create_code()


async def test_time_is_put_forward(keyed: Desk) -> None:
    """
    What lives by the clock grows older by the seconds told, and pushes are stamped as ever.
    """
    before = await keyed.get("state")
    after = await keyed.post("clock", {"forward": 7200})

    assert before["ahead"] == 0
    assert after["ahead"] == 7200


async def test_time_put_forward_leaves_the_stamps_of_pushes(
    receiver: Any, http: aiohttp.ClientSession
) -> None:
    """
    A token is old after two hours put forward, while a push's timestamp is the real time.
    """
    async with serve_sandbox(callback=receiver.url) as sandbox:
        token = sandbox.platform.tokens.rotate()
        await Desk(http, sandbox).post("clock", {"forward": 7200})
        left = sandbox.platform.tokens.seconds_left(token)
        await sandbox.phone.message(OPENID, "一")

    assert left == 0
    assert abs(int(receiver.pushes[0].query["timestamp"]) - time.time()) < 60


async def test_all_is_made_right_again(desk: Desk, client: Any) -> None:
    """
    One request clears every fault, limit and setting.
    """
    await desk.post("faults", {"path": CREATE, "errcode": 48001, "times": None})
    await desk.post("push-faults", {"hold": True, "times": None})
    await desk.post("settings", {"data": "json", "repeat_tickets": True})
    await desk.post("quotas", {"path": CREATE, "use_up": "day"})
    troubled = await desk.get("state")
    await desk.delete("state")
    calm = await desk.get("state")

    assert [fault["errcode"] for fault in troubled["faults"]] == [48001]
    assert [fault["hold"] for fault in troubled["push_faults"]] == [True]
    assert {"mode": "plain", "data": "json", "repeat_tickets": True} == troubled["settings"]
    assert CALM == {name: calm[name] for name in CALM}
    assert "ticket" in await client.create_code()


async def test_callback_is_checked_as_by_the_console(
    desk: Desk, sandbox: Sandbox, receiver: Any
) -> None:
    """
    An answer with the echostr alone passes the check; any other answer, or none, fails it.
    """
    receiver.echo = lambda query: query["echostr"]
    right = await desk.post("check", {})
    receiver.echo = lambda query: f'"{query["echostr"]}"'
    wrong = await desk.post("check", {})
    sandbox.pusher.callbacks = ["http://127.0.0.1:1/wechat"]
    nobody = await desk.post("check", {})

    assert right == {"callbacks": [{"callback": receiver.url, "passed": True, "outcome": "200"}]}
    assert [(False, "not the echostr")] == [
        (one["passed"], one["outcome"]) for one in wrong["callbacks"]
    ]
    assert not nobody["callbacks"][0]["passed"]


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("faults", {"path": CREATE}, "one of errcode"),
        ("faults", {"path": CREATE, "errcode": 0}, "errcode 0"),
        ("faults", {"path": CREATE, "errorcode": 45009}, "errorcode"),
        ("faults", [], "object"),
        ("push-faults", {}, "one of repeats"),
        ("push-faults", {"repeats": 21}, "0 to 20"),
        ("push-faults", {"repeats": -1}, "0 to 20"),
        ("push-faults", {"lost_answers": 4}, "0 to 3"),
        ("push-faults", {"hold": True, "times": 0}, "1 or more"),
        ("push-faults", {"delay": 601}, "0 to 600"),
        ("push-faults", {"hold": "yes"}, "bool"),
        ("push-faults", {"path": CREATE, "hold": True}, "path"),
        ("settings", {"mode": "safe"}, "EncodingAESKey"),
        ("settings", {"mode": "secret", "repeat_tickets": True}, "secret"),
        ("settings", {"data": "yaml"}, "yaml"),
        ("settings", {"token": "x"}, "token"),
        ("tokens", {"act": "lose"}, "lose"),
        ("tokens", {}, "act"),
        ("quotas", {"path": "/cgi-bin/nothing", "use_up": "day"}, "/cgi-bin/token"),
        ("quotas", {"path": CREATE, "daily_limit": -1}, ">= 0"),
        ("quotas", {"path": CREATE, "use_up": "year"}, "year"),
        ("clock", {"forward": 0}, "> 0"),
        ("clock", {"forward": -5}, "> 0"),
        ("clock", {"forward": 31 * 24 * 3600 + 1}, "<= 2678400"),
        ("clock", {}, "forward"),
    ],
)
async def test_bad_request_is_refused_and_changes_nothing(
    desk: Desk, name: str, body: object, says: str
) -> None:
    """
    What makes no sense is 400 with a sentence that names it.
    """
    before = await desk.get("state")

    answer = await desk.post(name, body, expect=400)

    assert answer["error"] == "bad_request"
    assert says in answer["message"]
    after = await desk.get("state")
    # The clock of the test stands still, so it falls behind while the test runs.
    assert before | {"ahead": 0} == after | {"ahead": 0}


async def test_request_of_another_site_is_refused(desk: Desk, http: aiohttp.ClientSession) -> None:
    """
    A page elsewhere cannot make trouble.
    """
    headers = {"Origin": "http://evil.example"}

    async with http.delete(f"{desk.base_url}/state", headers=headers) as response:
        assert response.status == 403


async def test_every_request_of_the_documentation_works(keyed: Desk) -> None:
    """
    What docs/sandbox.md says to send is taken, each line of it.
    """
    text = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()
    requests = re.findall(
        r"curl -d '(.+?)' (?:\$S|http://127\.0\.0\.1:8889/sandbox)/(\S+?)`?\s", text
    )

    for body, name in requests:
        await keyed.post(name, json.loads(body))

    kinds = {"faults", "push-faults", "settings", "tokens", "quotas", "clock", "check"}
    assert kinds == {name for _, name in requests}
    assert len(requests) == len(re.findall(r"curl -d", text)) - 1  # one is the phone's
