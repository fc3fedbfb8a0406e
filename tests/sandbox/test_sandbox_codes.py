"""QR codes: what `qrcode/create` takes and gives, and the picture of a code."""

import base64
import struct
from typing import Any

import aiohttp
import pytest

from sandbox import ManualClock, Sandbox
from sandbox.codes import make_ticket, make_url

CREATE = "/cgi-bin/qrcode/create"


def body(action: str, scene: object, **more: object) -> dict[str, object]:
    """Return a request for a code."""
    return {"action_name": action, "action_info": {"scene": scene}, **more}


async def test_code_has_the_real_shape(client: Any, clock: ManualClock) -> None:
    """
    The ticket is 96 characters of base64 around the address, the time and the lifetime.
    """
    made = await client.create_code(expire_seconds=180)
    raw = base64.b64decode(made["ticket"].replace("-", "+").replace("_", "/"))
    url = made["url"].encode()

    assert {"ticket", "expire_seconds", "url"} == made.keys()
    assert (len(made["ticket"]), made["expire_seconds"]) == (96, 180)
    assert url.startswith(b"http://weixin.qq.com/q/")
    assert (b"\x81\x01", b"\x3c" + bytes(7)) == (raw[:2], raw[4:12])
    assert b"\x01" + bytes([len(url)]) + url == raw[12 : 14 + len(url)]
    assert struct.pack("<I", int(clock())) == raw[-10:-6]
    assert b"\x03\x04" + struct.pack("<I", 180) == raw[-6:]


async def test_ticket_uses_both_alphabets() -> None:
    """
    Among many tickets `+` or `/` and `-` or `_` all turn up: a client must percent-encode.
    """
    # About one ticket in 32 shows each alphabet; that a thousand miss one is 1 in 10^13.
    tickets = "".join(make_ticket(make_url(), 1_750_000_000, 180) for _ in range(1000))

    assert set("+/") & set(tickets)
    assert set("-_") & set(tickets)


async def test_code_lives_60_seconds_unless_told(client: Any) -> None:
    """
    Without expire_seconds a code lives 60 seconds.
    """
    made = await client.post(CREATE, body("QR_STR_SCENE", {"scene_str": "你好"}))

    assert made["expire_seconds"] == 60


@pytest.mark.parametrize(
    ("sent", "errcode"),
    [
        (b"", 44002),
        (b"action_name=QR_SCENE", 40052),
        (b"[]", 40052),
        (b'{"action_name": "QR_SCENE", "x": "\\u4f60"}', 40033),
        (body("QR_ANY_SCENE", {"scene_id": 1}), 40052),
        (body("QR_LIMIT_SCENE", {"scene_id": 100_001}), 40053),
        (body("QR_LIMIT_SCENE", {"scene_str": "x"}), 40053),
        (body("QR_LIMIT_STR_SCENE", {"scene_id": 1}), 40053),
        (body("", {"scene_id": 1}), 40052),
        ({"action_name": "QR_SCENE"}, 40053),
        (body("QR_SCENE", {}), 40053),
        (body("QR_SCENE", {"scene_id": 0}), 40053),
        (body("QR_SCENE", {"scene_id": 1 << 32}), 40053),
        (body("QR_SCENE", {"scene_id": "12"}), 40053),
        (body("QR_SCENE", {"scene_id": True}), 40053),
        (body("QR_SCENE", {"scene_str": "12"}), 40053),
        (body("QR_STR_SCENE", {"scene_str": ""}), 40053),
        (body("QR_STR_SCENE", {"scene_str": "x" * 65}), 40053),
        (body("QR_SCENE", {"scene_id": 1}, expire_seconds=0), 40053),
        (body("QR_SCENE", {"scene_id": 1}, expire_seconds=2_592_001), 40053),
    ],
)
async def test_code_is_refused_for_a_bad_request(client: Any, sent: object, errcode: int) -> None:
    """
    Whatever is wrong with the body has WeChat's error code for it.
    """
    assert errcode == (await client.post(CREATE, sent))["errcode"]


async def test_code_of_a_live_scene_is_new_or_the_same(
    client: Any, sandbox: Sandbox, clock: ManualClock
) -> None:
    """
    A live scene gets a new ticket, or with `repeat_tickets` its old one with the time left.
    """
    first = await client.create_code(12)
    second = await client.create_code(12)
    sandbox.platform.repeat_tickets = True
    clock.advance(30)
    repeated = await client.create_code(12)
    clock.advance(150)
    after = await client.create_code(12)

    assert first["ticket"] != second["ticket"]
    assert second | {"expire_seconds": 150} == repeated
    assert second["ticket"] != after["ticket"]
    assert after["expire_seconds"] == 180


async def test_permanent_code_never_ends_and_is_the_same_each_time(
    client: Any, sandbox: Sandbox, clock: ManualClock
) -> None:
    """
    A permanent code has no lifetime in the answer, and is good for a scan after a month.
    """
    made = await client.post(CREATE, body("QR_LIMIT_SCENE", {"scene_id": 100_000}))
    named = await client.post(CREATE, body("QR_LIMIT_STR_SCENE", {"scene_str": "门店"}))
    clock.advance(31 * 24 * 3600)
    client.token = ""
    again = await client.post(CREATE, body("QR_LIMIT_SCENE", {"scene_id": 100_000}))
    done = await sandbox.phone.scan(url=made["url"])

    assert {"ticket", "url"} == made.keys()
    assert base64.b64decode(made["ticket"].replace("-", "+").replace("_", "/"))[-4:] == bytes(4)
    assert made == again
    assert made["ticket"] != named["ticket"]
    assert (done.event, done.expired, done.delivered) == ("subscribe", False, True)
    assert [code.scene for code in sandbox.platform.codes.waiting(5)] == ["门店"]


async def test_permanent_codes_are_100000_at_most(client: Any, sandbox: Sandbox) -> None:
    """
    Beyond the hundred thousandth there is 45029, and temporary codes go on.
    """
    for scene in range(100_000):
        sandbox.platform.codes.create_permanent(str(scene))

    over = await client.post(CREATE, body("QR_LIMIT_STR_SCENE", {"scene_str": "x"}))

    assert over["errcode"] == 45029
    assert "ticket" in await client.create_code()


async def test_code_quota_is_100000_a_day_and_can_be_cleared(client: Any, sandbox: Sandbox) -> None:
    """
    At the daily quota there is 45009, `quota/get` says so, and `clear_quota` opens it again.
    """
    sandbox.platform.quotas.limits[CREATE] = 1
    await client.create_code()
    over = await client.create_code()
    asked = await client.post("/cgi-bin/openapi/quota/get", {"cgi_path": CREATE})
    appid = sandbox.account.appid
    cleared = [await client.post("/cgi-bin/clear_quota", {"appid": appid}) for _ in range(11)]

    assert over["errcode"] == 45009
    assert asked["quota"] == {"daily_limit": 1, "used": 1, "remain": 0}
    assert [answer["errcode"] for answer in cleared] == [0] * 10 + [48006]
    assert "ticket" in await client.create_code()


async def test_quota_of_an_unknown_path_is_refused(client: Any) -> None:
    """
    `quota/get` knows the API's paths only.
    """
    asked = await client.post("/cgi-bin/openapi/quota/get", {"cgi_path": "/cgi-bin/nothing"})

    assert asked["errcode"] == 76021


async def test_quota_is_cleared_with_the_secret_alone(client: Any, sandbox: Sandbox) -> None:
    """
    `clear_quota/v2` needs no token, for when none can be had any more.
    """
    account = sandbox.account
    sandbox.platform.quotas.limits["/cgi-bin/token"] = 0
    refused = await client.fetch_token()
    sandbox.platform.quotas.limits["/cgi-bin/token"] = 1

    credentials = {"appid": account.appid, "appsecret": account.secret}
    cleared = await client.call("POST", "/cgi-bin/clear_quota/v2", credentials)
    wrong = await client.call("POST", "/cgi-bin/clear_quota/v2", credentials | {"appsecret": "0"})

    assert (refused["errcode"], cleared["errcode"], wrong["errcode"]) == (45009, 0, 40125)


async def test_picture_is_a_png_of_the_address(
    client: Any, sandbox: Sandbox, http: aiohttp.ClientSession, clock: ManualClock
) -> None:
    """
    `showqrcode` draws any code it remembers, without credentials; a bad ticket is 404.
    """
    made = await client.create_code()
    url = sandbox.base_url + "/cgi-bin/showqrcode"

    async with http.get(url, params={"ticket": made["ticket"]}) as response:
        assert (response.status, response.content_type) == (200, "image/png")
        assert (await response.read()).startswith(b"\x89PNG")
    async with http.get(url, params={"ticket": "bad"}) as response:
        assert response.status == 404
    clock.advance(180 + 3600)
    async with http.get(url, params={"ticket": made["ticket"]}) as response:
        assert response.status == 404
