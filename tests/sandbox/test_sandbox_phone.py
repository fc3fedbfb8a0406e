"""The virtual phone for programs: `/phone/...` over HTTP."""

from typing import Any
from xml.etree import ElementTree

import aiohttp
import pytest

from sandbox import ManualClock, Sandbox


def fields_of(push: Any) -> dict[str, str | None]:
    """Return a plain push's elements."""
    return {child.tag: child.text for child in ElementTree.fromstring(push.body)}


async def test_scan_by_a_follower_pushes_scan(
    client: Any, receiver: Any, openids: dict[str, str], clock: ManualClock
) -> None:
    """
    A follower's scan is `SCAN` with the bare scene and the ticket.
    """
    ticket = (await client.create_code(230))["ticket"]

    done = await client.act("scan", {"ticket": ticket, "openid": openids["小明"]})

    fields = fields_of(receiver.pushes[0])
    assert {
        "openid": openids["小明"],
        "event": "SCAN",
        "expired": False,
        "reply": None,
        "delivered": True,
    } == done
    assert ("SCAN", "230", ticket) == (fields["Event"], fields["EventKey"], fields["Ticket"])
    assert (openids["小明"], str(int(clock()))) == (fields["FromUserName"], fields["CreateTime"])


async def test_scan_by_anyone_else_follows_and_pushes_subscribe(
    client: Any, receiver: Any, openids: dict[str, str]
) -> None:
    """
    Who does not follow yet is `subscribe` with `qrscene_`, and `SCAN` the next time.
    """
    url = (await client.create_code(230))["url"]

    first = await client.act("scan", {"url": url, "openid": openids["小刚"]})
    second = await client.act("scan", {"url": url, "openid": openids["小刚"]})

    fields = fields_of(receiver.pushes[0])
    assert (first["event"], second["event"]) == ("subscribe", "SCAN")
    assert (fields["Event"], fields["EventKey"]) == ("subscribe", "qrscene_230")
    assert fields["Ticket"]


@pytest.mark.parametrize("openid", [None, "oSomebodyNew"])
async def test_scan_makes_the_user_it_needs(
    client: Any, sandbox: Sandbox, openid: str | None
) -> None:
    """
    An unknown openid becomes a user with it, none at all a user with a new one.
    """
    ticket = (await client.create_code())["ticket"]

    done = await client.act("scan", {"ticket": ticket, "openid": openid})

    assert done["event"] == "subscribe"
    assert sandbox.platform.users.get(done["openid"]).follower
    assert done["openid"] == (openid or done["openid"])


async def test_scan_without_following_pushes_nothing(
    client: Any, receiver: Any, openids: dict[str, str]
) -> None:
    """
    Turning back at the Follow button is no event, and the code goes on waiting.
    """
    ticket = (await client.create_code())["ticket"]

    body = {"ticket": ticket, "openid": openids["小刚"], "follow": False}
    done = await client.act("scan", body)

    assert (done["event"], done["delivered"]) == (None, False)
    assert receiver.pushes == []
    assert len(client.sandbox.platform.codes.waiting(10)) == 1


async def test_scan_after_the_ticket_ended_is_pushed_and_said(
    client: Any, receiver: Any, openids: dict[str, str], clock: ManualClock
) -> None:
    """
    An expired code is pushed all the same until it is forgotten, an hour later.
    """
    ticket = (await client.create_code(expire_seconds=60))["ticket"]
    body = {"ticket": ticket, "openid": openids["小明"]}

    clock.advance(60)
    late = await client.act("scan", body)
    clock.advance(3600)
    await client.act("scan", body, expect=404)

    assert (late["expired"], late["delivered"]) == (True, True)
    assert ticket == fields_of(receiver.pushes[0])["Ticket"]
    assert len(receiver.pushes) == 1


@pytest.mark.parametrize(
    ("act", "body", "status", "error"),
    [
        ("scan", {"ticket": "unknown"}, 404, "unknown_code"),
        ("scan", {"url": "http://weixin.qq.com/q/unknown"}, 404, "unknown_code"),
        ("scan", {"url": "javascript:alert(1)"}, 404, "unknown_code"),
        ("scan", {}, 400, "bad_request"),
        ("scan", {"ticket": 1}, 400, "bad_request"),
        ("scan", b"\xff", 400, "bad_request"),
        ("scan", b"", 400, "bad_request"),
        ("scan", b"[" * 30_000, 400, "bad_request"),
        ("follow", {"openid": "no openid"}, 400, "bad_request"),
        ("follow", {}, 400, "bad_request"),
        ("unfollow", {"openid": "oUnknown"}, 404, "unknown_user"),
        ("message", {"openid": "oUnknown", "text": "x"}, 404, "unknown_user"),
        ("users", {"name": ""}, 400, "bad_request"),
        ("users", {"openid": "oQ7dX5kV3mZr9TfGh2LwYpN8sBcE"}, 400, "bad_request"),
    ],
)
async def test_bad_request_is_refused_in_json(
    client: Any, act: str, body: object, status: int, error: str
) -> None:
    """
    What cannot be done is 400 or 404 with a word for programs and a sentence for people.
    """
    answer = await client.act(act, body, expect=status)

    assert error == answer["error"]
    assert answer["message"]


@pytest.mark.parametrize("text", ["", "   ", "x" * 2049, "a\x00b", "a\ufffeb"])
async def test_message_must_be_writable(
    client: Any, receiver: Any, openids: dict[str, str], text: str
) -> None:
    """
    Empty, endless and unprintable messages are refused before they are pushed.
    """
    await client.act("message", {"openid": openids["小明"], "text": text}, expect=400)
    await client.act("message", {"openid": openids["小刚"], "text": "hi"}, expect=400)

    assert receiver.pushes == []


async def test_scan_with_a_bad_openid_leaves_the_code_waiting(client: Any) -> None:
    """
    A refused scan changes nothing.
    """
    ticket = (await client.create_code())["ticket"]

    await client.act("scan", {"ticket": ticket, "openid": "<o>"}, expect=400)

    assert len(client.sandbox.platform.codes.waiting(10)) == 1


async def test_follow_and_unfollow_push_once_each(
    client: Any, receiver: Any, openids: dict[str, str]
) -> None:
    """
    Both are events without scene and ticket; doing one twice pushes nothing more.
    """
    who = {"openid": openids["小刚"]}

    acts = [await client.act(act, who) for act in ("follow", "follow", "unfollow", "unfollow")]

    pushed = [fields_of(push) for push in receiver.pushes]
    assert [done["event"] for done in acts] == ["subscribe", None, "unsubscribe", None]
    assert [fields["Event"] for fields in pushed] == ["subscribe", "unsubscribe"]
    assert all(fields["EventKey"] is None and "Ticket" not in fields for fields in pushed)


async def test_codes_wait_newest_first_until_scanned(
    client: Any, sandbox: Sandbox, http: aiohttp.ClientSession, clock: ManualClock
) -> None:
    """
    `/phone/codes` lists the live codes nobody scanned, with their seconds left.
    """
    old = await client.create_code(1, expire_seconds=60)
    clock.advance(30)
    new = await client.create_code(2)
    scanned = await client.create_code(3)
    await sandbox.phone.scan(ticket=scanned["ticket"])

    async def codes() -> list[dict[str, Any]]:
        async with http.get(sandbox.base_url + "/phone/codes") as response:
            listed: list[dict[str, Any]] = (await response.json())["codes"]
            return listed

    both = await codes()
    clock.advance(30)
    left = await codes()

    assert [(2, new["url"], 180), (1, old["url"], 30)] == [
        (code["scene"], code["url"], code["seconds_left"]) for code in both
    ]
    assert [new["ticket"]] == [code["ticket"] for code in left]


async def test_chat_is_told_and_forgotten(
    client: Any,
    sandbox: Sandbox,
    http: aiohttp.ClientSession,
    openids: dict[str, str],
    clock: ManualClock,
) -> None:
    """
    `/phone/chat` has every line of the last hour; an unknown user has none but 404.
    """
    url = sandbox.base_url + "/phone/chat"
    await sandbox.phone.message(openids["小明"], "你好")

    async with http.get(url, params={"openid": openids["小明"]}) as response:
        (bubble,) = (await response.json())["bubbles"]
    clock.advance(3600)
    async with http.get(url, params={"openid": openids["小明"]}) as response:
        later = (await response.json())["bubbles"]
    async with http.get(url, params={"openid": "oUnknown"}) as response:
        assert response.status == 404

    assert (bubble["kind"], bubble["text"]) == ("sent", "你好")
    assert later == []


async def test_users_are_listed_and_made(
    client: Any, sandbox: Sandbox, http: aiohttp.ClientSession
) -> None:
    """
    A user made over HTTP is in the list, with what was asked for.
    """
    made = await client.act("users", {"openid": "oNew", "name": "新", "follower": True})
    async with http.get(sandbox.base_url + "/phone/users") as response:
        users = (await response.json())["users"]

    assert (made["openid"], made["name"], made["follower"]) == ("oNew", "新", True)
    assert made == users[-1]
    assert len(users) == 4


async def test_users_are_bounded_and_demo_users_stay(sandbox: Sandbox) -> None:
    """
    Beyond ten thousand the oldest made user is forgotten, never one of the three.
    """
    users = sandbox.platform.users

    for number in range(10_000):
        users.add(openid=f"o{number}")

    assert len(list(users)) == 10_000
    assert [user.name for user in users][:3] == ["小明", "小红", "小刚"]
    assert users.find("o2") is None
    assert users.find("o3")


async def test_request_of_another_site_is_refused(
    client: Any, sandbox: Sandbox, http: aiohttp.ClientSession, receiver: Any
) -> None:
    """
    A page elsewhere cannot move the phone of whoever looks at it.
    """
    body = {"openid": "o1"}
    url = sandbox.base_url + "/phone/follow"

    async with http.post(url, json=body, headers={"Origin": "http://evil.example"}) as response:
        assert response.status == 403
    async with http.post(url, json=body, headers={"Origin": sandbox.base_url}) as response:
        assert response.status == 200

    assert len(receiver.pushes) == 1
