"""Users and customer service messages, as the API tells of them."""

from typing import Any

import pytest

from sandbox import ManualClock, Sandbox

SEND = "/cgi-bin/message/custom/send"


def text_to(openid: str, content: str = "你好") -> dict[str, object]:
    """Return a customer service message."""
    return {"touser": openid, "msgtype": "text", "text": {"content": content}}


async def send(client: Any, openid: str, times: int) -> list[int]:
    """Send *times* messages and return the error codes."""
    answers = [await client.post(SEND, text_to(openid)) for _ in range(times)]
    return [answer["errcode"] for answer in answers]


async def test_demo_users_have_constant_openids(sandbox: Sandbox) -> None:
    """
    Two followers and somebody who does not follow are there, with 28-character openids.
    """
    users = list(sandbox.platform.users)

    assert [(user.name, user.follower) for user in users] == [
        ("小明", True),
        ("小红", True),
        ("小刚", False),
    ]
    assert users[0].openid == "oQ7dX5kV3mZr9TfGh2LwYpN8sBcE"
    assert {28} == {len(user.openid) for user in users}


async def test_user_info_tells_how_a_follower_came(
    client: Any, sandbox: Sandbox, clock: ManualClock
) -> None:
    """
    A follower by a code has its scene; there is no name, and no errcode.
    """
    code = await client.create_code(77)
    done = await sandbox.phone.scan(ticket=code["ticket"])

    info = await client.get("/cgi-bin/user/info", openid=done.openid, lang="zh_CN")

    assert (1, done.openid, "") == (info["subscribe"], info["openid"], info["nickname"])
    assert (
        info["subscribe_scene"],
        info["qr_scene"],
        info["qr_scene_str"],
    ) == ("ADD_SCENE_QR_CODE", 77, "")
    assert int(clock()) == info["subscribe_time"]
    assert "errcode" not in info


async def test_user_info_says_little_of_others(client: Any, openids: dict[str, str]) -> None:
    """
    Somebody who does not follow is `subscribe: 0`; an unknown openid is 40003.
    """
    info = await client.get("/cgi-bin/user/info", openid=openids["小刚"])
    unknown = await client.get("/cgi-bin/user/info", openid="oUnknown")

    assert {"subscribe": 0, "openid": openids["小刚"], "tagid_list": []} == info
    assert unknown["errcode"] == 40003


async def test_message_window_after_a_scan_is_three_in_a_minute(
    client: Any, sandbox: Sandbox, openids: dict[str, str], clock: ManualClock
) -> None:
    """
    Nothing may be sent before a scan, three messages after it, and none after a minute.
    """
    openid = openids["小明"]
    before = await send(client, openid, 1)
    ticket = (await client.create_code())["ticket"]
    await sandbox.phone.scan(ticket=ticket, openid=openid)
    after = await send(client, openid, 4)
    await sandbox.phone.scan(ticket=ticket, openid=openid)
    clock.advance(60)
    late = await send(client, openid, 1)

    assert before == [45015]
    assert after == [0, 0, 0, 45047]
    assert late == [45015]


async def test_message_window_after_a_message_is_five_in_two_days(
    client: Any, sandbox: Sandbox, openids: dict[str, str], clock: ManualClock
) -> None:
    """
    A user's own message opens a longer window, which unfollowing closes.
    """
    openid = openids["小红"]
    await sandbox.phone.message(openid, "在吗")
    clock.advance(7000)
    within = await send(client, openid, 6)
    await sandbox.phone.message(openid, "在吗")
    await sandbox.phone.unfollow(openid)
    unfollowed = await send(client, openid, 1)

    assert within == [0, 0, 0, 0, 0, 45047]
    assert unfollowed == [43004]


async def test_message_shows_on_the_phone(
    client: Any, sandbox: Sandbox, openids: dict[str, str]
) -> None:
    """
    What the account sends is a bubble in that user's chat.
    """
    await sandbox.phone.message(openids["小明"], "在吗")
    await client.post(SEND, text_to(openids["小明"], "在的\n<b>"))

    chat = [(b.kind, b.text) for b in sandbox.platform.chats.of(openids["小明"])]
    assert chat == [("sent", "在吗"), ("reply", "在的\n<b>")]
    assert sandbox.platform.chats.of(openids["小红"]) == []


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        (text_to("oUnknown"), 40003),
        (text_to("o", ""), 44004),
        (text_to("o", "字" * 700), 45002),
        ({"touser": "o", "msgtype": "image"}, 40008),
        (b"{", 47001),
        (b'{"touser": "\\u4f60"}', 40033),
        (b'{"touser": "\\\\u4f60"}', 40008),
    ],
)
async def test_message_is_refused_for_a_bad_request(
    client: Any, body: object, errcode: int
) -> None:
    """
    Each fault of the body has its own error code; Chinese must be raw UTF-8.
    """
    answer = await client.post(SEND, body)

    assert errcode == answer["errcode"]


async def test_callback_addresses_are_this_machine(client: Any) -> None:
    """
    `getcallbackip` names where pushes come from, one entry of it as a network.
    """
    answer = await client.get("/cgi-bin/getcallbackip")

    assert answer == {"ip_list": ["127.0.0.1", "::1/128"]}


async def test_list_of_users_is_told_with_their_unionids(client: Any, openids: Any) -> None:
    """
    `user/info/batchget` tells of several at once; who does not follow has no unionid.
    """
    path = "/cgi-bin/user/info/batchget"
    asked = [{"openid": openids[name], "lang": "zh_CN"} for name in ("小明", "小刚")]
    told = (await client.post(path, {"user_list": asked}))["user_info_list"]
    alone = await client.get("/cgi-bin/user/info", openid=openids["小明"])
    unknown = await client.post(path, {"user_list": [{"openid": "oUnknown"}]})
    nobody = await client.post(path, {"user_list": []})
    crowd = await client.post(path, {"user_list": asked[:1] * 101})

    assert alone == told[0]
    assert alone["unionid"].startswith("o6_")
    assert {"subscribe": 0, "openid": openids["小刚"], "tagid_list": []} == told[1]
    assert [40003, 40032, 40032] == [each["errcode"] for each in (unknown, nobody, crowd)]
