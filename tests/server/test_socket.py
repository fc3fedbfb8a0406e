"""`/ws`: what a page is told, and what it may ask."""

import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from tests.server.conftest import StartSite
from tests.server.pushing import scan
from tests.site import OPENID, OTHER_OPENID, Page, Site

each_way = pytest.mark.usefixtures("each_way")
both_ways = pytest.mark.usefixtures("both_ways")
SOON = {"ticket_seconds": 1, "late_seconds": 0, "rest_seconds": 0}


@each_way
async def test_get_qr_shows_a_code_with_every_field(site: Site) -> None:
    """
    The first code comes with its ticket, address, picture, life, attempt and resume token.
    """
    page = await site.visitor().open_page()

    await page.send("get_qr")
    message = await page.receive()

    code = message["data"]
    shown = site.sandbox.platform.codes.by_ticket(code["ticket"])
    assert shown is not None
    assert {"type", "data"} == set(message)
    assert {"ticket", "url", "image", "expires", "uuid", "resume"} == set(code)
    assert shown.url == code["url"]
    assert 179 <= code["expires"] <= 180
    assert isinstance(code["expires"], int)
    assert code["uuid"]
    assert code["resume"] not in (code["uuid"], "")


async def test_image_is_wechats_picture_of_the_ticket(site: Site) -> None:
    """
    `image` is an address of WeChat at which the picture of this very code is.
    """
    visitor = site.visitor()
    code = await (await visitor.open_page()).get_qr()

    async with visitor.http.get(code["image"]) as response:
        kind = response.content_type

    assert f"{site.sandbox.base_url}/cgi-bin/showqrcode" == code["image"].partition("?")[0]
    assert [code["ticket"]] == parse_qs(urlsplit(code["image"]).query)["ticket"]
    assert 200 == response.status
    assert kind.startswith("image/")


async def test_wechat_is_asked_for_a_scene_of_the_pool_and_the_configured_life(
    start_site: StartSite,
) -> None:
    """
    Codes carry ids of the configured range and live as long as the configuration says.
    """
    site = await start_site(pool={"size": 2, "first_scene_id": 4_000_000_000, "ticket_seconds": 77})

    codes = [await (await site.visitor().open_page()).get_qr() for _ in range(2)]

    known = [site.sandbox.platform.codes.by_ticket(code["ticket"]) for code in codes]
    assert {4_000_000_000, 4_000_000_001} == {shown.scene for shown in known if shown}
    assert [77, 77] == [shown.expire_seconds for shown in known if shown]


@each_way
async def test_get_qr_again_shows_the_same_code(site: Site) -> None:
    """
    A page that asks twice gets the code it has, with the seconds that are left.
    """
    page = await site.visitor().open_page()
    first = await page.get_qr()

    second = await page.get_qr()

    assert first | {"expires": second["expires"]} == second
    assert second["expires"] <= first["expires"]
    assert 1 == len(site.sandbox.platform.codes.waiting(10))


async def test_pages_get_codes_of_their_own(site: Site) -> None:
    """
    Two pages of one browser are two attempts, with nothing in common.
    """
    visitor = site.visitor()
    one, other = await visitor.open_page(), await visitor.open_page()

    first, second = await one.get_qr(), await other.get_qr()

    for field in ("ticket", "url", "image", "uuid", "resume"):
        assert first[field] != second[field]


@each_way
async def test_expired_is_told_and_the_next_code_is_of_the_same_attempt(
    start_site: StartSite,
) -> None:
    """
    When the code runs out the page hears so, and `get_qr` brings another for its attempt.
    """
    site = await start_site(pool=SOON)
    page = await site.visitor().open_page()
    first = await page.get_qr()

    expired = await page.receive()
    second = await page.get_qr()

    assert {"type": "expired", "data": {}} == expired
    assert first["uuid"] == second["uuid"]
    assert first["resume"] == second["resume"]
    assert first["ticket"] != second["ticket"]
    assert second["expires"] <= 1


@each_way
async def test_code_after_expired_works(start_site: StartSite) -> None:
    """
    The second code of an attempt signs in as the first would have.
    """
    site = await start_site(pool=SOON | {"size": 1, "late_seconds": 60})
    page = await site.visitor().open_page()
    await page.get_qr()
    await page.expect("expired")
    code = await page.get_qr()

    await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)

    assert await page.expect("bind_required")


@each_way
async def test_success_carries_a_code_and_its_seconds(site: Site) -> None:
    """
    `success` has the one-time code and how long it can be traded.
    """
    await site.resources.directory.register(OPENID)
    page = await site.visitor().open_page()
    code = await page.get_qr()

    await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)
    success = await page.expect("success")

    assert {"code", "expires"} == set(success)
    assert len(success["code"]) >= 32
    assert 60 == success["expires"]


@each_way
async def test_bind_required_carries_a_token_and_its_seconds(site: Site) -> None:
    """
    `bind_required` has the token for the bind form and how long it can be used.
    """
    page = await site.visitor().open_page()
    code = await page.get_qr()

    await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)
    bind = await page.expect("bind_required")

    assert {"bind_token", "expires"} == set(bind)
    assert len(bind["bind_token"]) >= 32
    assert 600 == bind["expires"]


@each_way
async def test_scan_reaches_only_the_page_that_shows_the_code(site: Site) -> None:
    """
    A scan is delivered to the page showing that code, and to no other.
    """
    alice, bob = [await site.visitor().open_page() for _ in range(2)]
    first, second = await alice.get_qr(), await bob.get_qr()

    await site.sandbox.phone.scan(ticket=first["ticket"], openid=OPENID)
    of_alice = await alice.expect("bind_required")
    await site.sandbox.phone.scan(ticket=second["ticket"], openid=OTHER_OPENID)
    of_bob = await bob.expect("bind_required")

    assert of_alice["bind_token"] != of_bob["bind_token"]


@each_way
async def test_socket_closes_with_1000_when_the_code_was_traded(site: Site) -> None:
    """
    Once the browser is signed in its page has nothing to wait for.
    """
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    page = await visitor.open_page()
    code = await page.get_qr()
    await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)

    await visitor.post("/session", code=(await page.expect("success"))["code"])

    assert 1000 == await page.closed()


@each_way
async def test_get_qr_after_an_outcome_starts_another_attempt(site: Site) -> None:
    """
    A page that starts over while it is asked to bind gets a fresh attempt on its socket.
    """
    page = await site.visitor().open_page()
    first = await page.get_qr()
    await site.sandbox.phone.scan(ticket=first["ticket"], openid=OPENID)
    await page.expect("bind_required")

    second = await page.get_qr()
    await site.sandbox.phone.scan(ticket=second["ticket"], openid=OTHER_OPENID)

    assert first["uuid"] != second["uuid"]
    assert await page.expect("bind_required")


# ---- what a page may not say

BAD_FRAMES = [
    "",
    "hello",
    "[]",
    "null",
    "1",
    '{"data": {}}',
    '{"type": "unheard_of", "data": {}}',
    '{"type": "qr", "data": {}}',
    '{"type": "get_qr", "data": []}',
    '{"type": "get_qr", "data": null}',
    '{"type": "get_qr", "data": {"resume": 7}}',
    '{"type": "choose", "data": {}}',
    '{"type": "choose", "data": {"number": "12"}}',
    '{"type": "choose"}',
    '{"type": "get_qr", "data": {}',
    "[" * 4000,
]


@both_ways
@pytest.mark.parametrize("frame", BAD_FRAMES)
async def test_bad_message_is_told_and_closes_with_4400(site: Site, frame: str) -> None:
    """
    A frame that no page of ours sends is answered with `bad_message`, and the socket closes.
    """
    page = await site.visitor().open_page()

    await page.socket.send_str(frame)
    error = await page.expect("error")

    assert "bad_message" == error["code"]
    assert {"code", "message", "retry_after"} == set(error)
    assert [] == await page.rest()
    assert 4400 == page.socket.close_code


@both_ways
async def test_binary_frame_is_a_bad_message(site: Site) -> None:
    """
    Frames are text: the same bytes in a binary frame are refused.
    """
    page = await site.visitor().open_page()

    await page.socket.send_bytes(b'{"type": "get_qr", "data": {}}')

    assert "bad_message" == (await page.expect("error"))["code"]
    assert 4400 == await page.closed()


@both_ways
async def test_text_that_is_no_utf_8_closes_the_socket(site: Site) -> None:
    """
    A text frame with other bytes ends the connection before it means anything.
    """
    page = await site.visitor().open_page()

    await page.socket.send_frame(b'{"type": "\xff"}', aiohttp.WSMsgType.TEXT)

    assert [] == await page.rest()
    assert page.socket.close_code in {1006, 1007}


def padded(size: int) -> str:
    """Return a good `get_qr` of that many bytes."""
    frame = json.dumps({"type": "get_qr", "data": {}})
    return frame + " " * (size - len(frame))


@both_ways
async def test_frame_of_4_kib_is_taken(site: Site) -> None:
    """
    A frame may have 4 KiB.
    """
    page = await site.visitor().open_page()

    await page.socket.send_str(padded(4096))

    assert await page.expect("qr")


@both_ways
async def test_frame_over_4_kib_is_refused(site: Site) -> None:
    """
    One byte more and the socket is closed, with nothing done.
    """
    page = await site.visitor().open_page()

    await page.socket.send_str(padded(4097))

    assert [] == await page.rest()
    assert 1009 == page.socket.close_code
    assert [] == site.sandbox.platform.codes.waiting(10)


async def test_compression_is_not_offered(site: Site) -> None:
    """
    A compressed frame could unpack to much more than 4 KiB, so there are none.
    """
    visitor = site.visitor()

    async with visitor.http.ws_connect(
        "/ws", headers={"Origin": site.base_url}, compress=15
    ) as socket:
        compressed = socket.compress

    assert 0 == compressed


@both_ways
async def test_flood_of_frames_is_refused(site: Site) -> None:
    """
    A page that sends hundreds of frames at once is sent away.
    """
    page = await site.visitor().open_page()

    for _ in range(250):
        await page.send("choose", number=1)

    assert ["rate_limited"] == [message["data"]["code"] for message in await page.rest()]
    assert 4403 == page.socket.close_code


@each_way
async def test_choose_means_nothing_when_nothing_is_asked(site: Site) -> None:
    """
    A number that nobody asked for changes nothing, and the scan counts as ever.
    """
    page = await site.visitor().open_page()
    code = await page.get_qr()

    await page.send("choose", number=42)
    await scan(site, code)

    assert await page.expect("bind_required")


@both_ways
async def test_socket_that_asks_for_nothing_is_closed(site: Site) -> None:
    """
    Without a `get_qr` within ten seconds a socket is closed; other messages do not count.
    """
    assert 10 == site.resources.context.site.hello_seconds
    site.resources.context.site.hello_seconds = 0.05

    page = await site.visitor().open_page()
    await page.send("choose", number=1)

    assert [] == await page.rest()
    assert 1013 == page.socket.close_code


@both_ways
async def test_socket_that_asked_stays_open(start_site: StartSite) -> None:
    """
    A page that has sent `get_qr` may wait as long as its code lives.
    """
    site = await start_site(pool=SOON)
    site.resources.context.site.hello_seconds = 0.2
    page = await site.visitor().open_page()
    await page.get_qr()

    assert await page.receive() == {"type": "expired", "data": {}}
    assert await page.get_qr()


HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Upgrade", "h2c"),
        ("Connection", "keep-alive"),
        ("Sec-WebSocket-Version", "12"),
        ("Sec-WebSocket-Key", ""),
    ],
)
async def test_request_that_opens_no_socket_is_told_so(site: Site, name: str, value: str) -> None:
    """
    Whoever asks `/ws` for anything but a WebSocket gets an error like every other.
    """
    response = await site.visitor().fetch("GET", "/ws", headers=HANDSHAKE | {name: value})

    assert 426 == response.status
    assert "websocket" == response.headers["Upgrade"]
    assert "upgrade_required" == (await response.json())["error"]["code"]


async def test_only_answers_that_open_no_socket_say_what_is_for_documents(site: Site) -> None:
    """
    A handshake's answer is no document; every other answer of the address is told how to be shown.
    """
    visitor = site.visitor()
    opened = await visitor.fetch("GET", "/ws", headers=HANDSHAKE)
    refused = await visitor.fetch("GET", "/ws", headers=HANDSHAKE | {"Upgrade": "h2c"})
    asked = await visitor.fetch("OPTIONS", "/ws")

    told = ("Content-Security-Policy", "X-Content-Type-Options", "Cache-Control", "Date")
    assert 101 == opened.status
    assert not {*told[:3]} & {*opened.headers}
    assert {*told} <= {*refused.headers}
    assert {*told} <= {*asked.headers}
    assert {"saoma"} == {refused.headers["Server"], asked.headers["Server"]}


# ---- who may open a socket


async def refused(page: Page) -> tuple[list[Any], int | None]:
    """Return the codes of all errors told, and the close code."""
    messages = await page.rest()
    return [message["data"]["code"] for message in messages], page.socket.close_code


FOREIGN = [
    "http://evil.example",
    "https://127.0.0.1",
    "null",
    "",
    "http://127.0.0.1:1",
    "http://127.0.0.1.evil.example",
    "file://",
    "http://user@127.0.0.1",
]


@both_ways
@pytest.mark.parametrize("origin", FOREIGN)
async def test_foreign_origin_is_closed_with_4403(site: Site, origin: str) -> None:
    """
    A page of another site gets a socket that closes at once, and nothing else.
    """
    page = await site.visitor().open_page(Origin=origin)

    assert ([], 4403) == await refused(page)


@both_ways
async def test_origin_that_repeats_a_foreign_host_is_refused(site: Site) -> None:
    """
    Host and origin agreeing is no proof: a name that was bent to our address is not ours.
    """
    page = await site.visitor().open_page(Host="evil.example", Origin="http://evil.example")

    assert ([], 4403) == await refused(page)


@both_ways
async def test_foreign_page_cannot_act_before_it_is_closed(site: Site) -> None:
    """
    What a foreign page sends is not read: no code is made for it.
    """
    page = await site.visitor().open_page(Origin="http://evil.example")

    await page.send("get_qr")

    assert ([], 4403) == await refused(page)
    assert [] == site.sandbox.platform.codes.waiting(10)


@both_ways
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_loopback_names_are_one_site(site: Site, host: str) -> None:
    """
    On a developer's machine every name of the loopback interface may open the socket.
    """
    port = site.base_url.rpartition(":")[2]
    page = await site.visitor().open_page(Origin=f"http://{host}:{port}")

    assert await page.get_qr()


@both_ways
async def test_loopback_names_count_only_on_a_loopback_site(start_site: StartSite) -> None:
    """
    A public site does not take pages from its own machine for its own.
    """
    site = await start_site(server={"public_url": "https://login.example"})
    page = await site.visitor().open_page(Origin=site.base_url)

    assert ([], 4403) == await refused(page)


@both_ways
@pytest.mark.parametrize(
    "origin", ["https://login.example", "https://shop.example", "http://shop.example:8080"]
)
async def test_public_url_and_allowed_origins_may_open_a_socket(
    start_site: StartSite, origin: str
) -> None:
    """
    Pages of the site and of the further origins that the operator names are let in.
    """
    site = await start_site(
        server={
            "public_url": "https://login.example",
            "allowed_origins": ["https://shop.example", "http://shop.example:8080"],
        }
    )
    page = await site.visitor().open_page(Origin=origin)

    assert await page.get_qr()


@both_ways
@pytest.mark.parametrize("origin", ["http://shop.example", "https://shop.example:8443"])
async def test_allowed_origin_is_scheme_host_and_port(start_site: StartSite, origin: str) -> None:
    """
    An origin that shares only the host with an allowed one is another site.
    """
    site = await start_site(server={"allowed_origins": ["https://shop.example"]})
    page = await site.visitor().open_page(Origin=origin)

    assert ([], 4403) == await refused(page)


@both_ways
async def test_sockets_per_address_refuses_the_next_page(start_site: StartSite) -> None:
    """
    One page more than an address may have hears `rate_limited` and is closed with 4403.
    """
    site = await start_site(pool={"sockets_per_address": 2})
    first, _ = [await site.visitor().open_page() for _ in range(2)]

    third = await site.visitor().open_page()
    error = await third.expect("error")

    assert "rate_limited" == error["code"]
    assert error["retry_after"] >= 1
    assert 4403 == await third.closed()
    assert await first.get_qr()


@both_ways
async def test_closed_page_makes_room_for_another(start_site: StartSite) -> None:
    """
    The limit counts open pages, not those that were there.
    """
    site = await start_site(pool={"sockets_per_address": 1})
    first = await site.visitor().open_page()
    await first.get_qr()

    await first.socket.close()
    second = await site.visitor().open_page()

    assert await second.get_qr()


@both_ways
async def test_sockets_per_address_of_zero_is_no_limit(start_site: StartSite) -> None:
    """
    0 lets an address have as many pages as it likes.
    """
    site = await start_site(pool={"sockets_per_address": 0})

    pages = [await site.visitor().open_page() for _ in range(5)]

    assert all([await page.get_qr() for page in pages])


async def test_seconds_left_are_never_clock_times(site: Site) -> None:
    """
    No message has a number as large as a clock time.
    """
    page = await site.visitor().open_page()
    code = await page.get_qr()
    await scan(site, code)
    bind = await page.expect("bind_required")

    numbers = [value for value in (*code.values(), *bind.values()) if isinstance(value, int)]
    assert numbers
    assert max(numbers) < time.time() / 1000
