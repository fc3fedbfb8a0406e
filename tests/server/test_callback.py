"""`/wechat`: the address check, and every answer to a push."""

import asyncio
import dataclasses
import json
import time
from typing import Any
from xml.etree import ElementTree

import pytest

from sandbox import event_xml, message_xml, sign_push
from sandbox.crypto import decrypt, encrypt, sign
from sandbox.replies import read_reply
from tests.server.conftest import StartSite
from tests.server.pushing import post, push, scan, scan_xml
from tests.site import ACCOUNT, OPENID, OTHER_OPENID, Page, Site
from tests.wechat.pushing import arrived_as_json, as_json

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
OTHER_KEY = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefg"
SAFE = {"encoding_aes_key": KEY}
NO_PUSH = [
    "",
    "hello",
    "{}",
    "<xml>",
    "<xml></xml>",
    "<xml>text</xml>",
    "<other><ToUserName>gh_1</ToUserName></other>",
    "<xml><ToUserName>gh_1</ToUserName></xml>",
    '<!DOCTYPE x [<!ENTITY a "b">]><xml><FromUserName>&a;</FromUserName></xml>',
    '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml>&a;</xml>',
    "<xml>" * 5000,
    "<xml>\x00</xml>",
]


@pytest.fixture(params=["front door", "handler"])
def site(request: pytest.FixtureRequest, site: Site) -> Site:
    """A whole site; pushes come to it either way."""
    site.pushes_ask_first = request.param == "handler"
    return site


async def shown(site: Site) -> tuple[Page, dict[str, Any]]:
    """Return a new visitor's page and its code."""
    page = await site.visitor().open_page()
    return page, await page.get_qr()


def echo_query(token: str, **changes: str) -> dict[str, str]:
    """Return the parameters of WeChat's address check."""
    timestamp, nonce = str(int(time.time())), "123456789"
    query = {"timestamp": timestamp, "nonce": nonce, "echostr": "5913526774582337"}
    return query | {"signature": sign(token, timestamp, nonce)} | changes


# ---- the address check


async def test_address_check_is_answered_with_echostr(site: Site) -> None:
    """
    A signed check gets its `echostr` back, as plain text.
    """
    response = await site.visitor().fetch("GET", "/wechat", params=echo_query(ACCOUNT.token))

    assert 200 == response.status
    assert "text/plain" == response.content_type
    assert "5913526774582337" == await response.text()


async def test_echostr_is_never_a_page(site: Site) -> None:
    """
    What is echoed cannot run in a browser, whoever signed it.
    """
    query = echo_query(ACCOUNT.token, echostr="<script>alert(1)</script>")

    response = await site.visitor().fetch("GET", "/wechat", params=query)

    assert "text/plain" == response.content_type
    assert "nosniff" == response.headers["X-Content-Type-Options"]


@pytest.mark.parametrize(
    "changes",
    [
        {"signature": "0" * 40},
        {"signature": ""},
        {"nonce": "987654321"},
        {"timestamp": "1000000000"},
        {"echostr": ""},
    ],
)
async def test_address_check_with_a_bad_signature_is_refused(
    site: Site, changes: dict[str, str]
) -> None:
    """
    Nothing is echoed to somebody who does not know the token.
    """
    query = echo_query(ACCOUNT.token, **changes)

    assert (403, "") == await site.visitor().request("GET", "/wechat", params=query)


@pytest.mark.parametrize("name", ["signature", "timestamp", "nonce", "echostr"])
async def test_address_check_without_a_parameter_is_refused(site: Site, name: str) -> None:
    """
    Every parameter has to be there.
    """
    query = echo_query(ACCOUNT.token)
    del query[name]

    assert (403, "") == await site.visitor().request("GET", "/wechat", params=query)


async def test_address_check_with_an_empty_token_is_refused(site: Site) -> None:
    """
    A signature over nothing but public values proves nothing.
    """
    query = echo_query("")

    assert (403, "") == await site.visitor().request("GET", "/wechat", params=query)


# ---- pushes that are no scans


@pytest.mark.parametrize(
    "event",
    [
        "unsubscribe",
        "CLICK",
        "VIEW",
        "LOCATION",
        "TEMPLATESENDJOBFINISH",
        "subscribe",
        "unheard_of",
    ],
)
async def test_other_event_is_answered_with_success(site: Site, event: str) -> None:
    """
    Everything else that WeChat pushes is taken politely, as plain text.
    """
    xml = event_xml(
        account_id=ACCOUNT.account_id,
        openid=OPENID,
        event=event,
        created_at=time.time(),
        event_key="",
    )

    assert (200, "success") == await push(site, xml)


async def test_text_message_is_answered_with_success(site: Site) -> None:
    """
    A message to the account is not ours to answer.
    """
    xml = message_xml(
        account_id=ACCOUNT.account_id,
        openid=OPENID,
        text="你好 <b>]]></b>",
        message_id=2**63,
        created_at=time.time(),
    )

    assert (200, "success") == await push(site, xml)


async def test_success_is_plain_text(site: Site) -> None:
    """
    `success` is text, so that WeChat does not look for XML in it.
    """
    xml = event_xml(
        account_id=ACCOUNT.account_id, openid=OPENID, event="VIEW", created_at=time.time()
    )
    signed = sign_push(ACCOUNT, xml, openid=OPENID, at=time.time())

    async with site.visitor().http.post(
        "/wechat", params=signed.query, data=signed.body
    ) as response:
        kind = response.content_type

    assert "text/plain" == kind


async def test_message_of_another_type_with_a_ticket_is_no_scan(site: Site) -> None:
    """
    Only the events `SCAN` and `subscribe` sign anybody in.
    """
    page, code = await shown(site)

    answers = [
        await push(site, scan_xml(site, code, event="VIEW")),
        await push(site, scan_xml(site, code).replace("[event]", "[text]")),
    ]
    await scan(site, code)

    assert [(200, "success")] * 2 == answers
    assert await page.expect("bind_required")


# ---- the passive reply


async def test_reply_is_a_passive_text_message(site: Site) -> None:
    """
    The reply has the elements that WeChat's phone shows, to the one who scanned.
    """
    _, code = await shown(site)

    status, body = await push(site, scan_xml(site, code))

    elements = {child.tag: child.text for child in ElementTree.fromstring(body)}
    assert 200 == status
    assert {"ToUserName", "FromUserName", "CreateTime", "MsgType", "Content"} == set(elements)
    assert OPENID == elements["ToUserName"]
    assert ACCOUNT.account_id == elements["FromUserName"]
    assert "text" == elements["MsgType"]
    assert abs(time.time() - int(elements["CreateTime"] or 0)) < 60


async def test_push_sets_no_cookie(site: Site) -> None:
    """
    WeChat's servers are no browser.
    """
    _, code = await shown(site)
    signed = sign_push(ACCOUNT, scan_xml(site, code), openid=OPENID, at=time.time())

    async with site.visitor().http.post(
        "/wechat", params=signed.query, data=signed.body
    ) as response:
        cookies = response.cookies

    assert not cookies


# ---- pushes that are not believed


def forged(**changes: Any) -> Any:
    """Return the account with another secret than the site's."""
    return dataclasses.replace(ACCOUNT, **changes)


async def test_push_with_a_bad_signature_is_refused_and_changes_nothing(site: Site) -> None:
    """
    A scan that WeChat did not sign is refused, and the true one still counts.
    """
    page, code = await shown(site)

    answer = await push(
        site, scan_xml(site, code, openid=OTHER_OPENID), account=forged(token="another")
    )
    await scan(site, code)

    assert (403, "") == answer
    assert await page.expect("bind_required")


@pytest.mark.parametrize("name", ["signature", "timestamp", "nonce"])
@pytest.mark.parametrize("change", ["missing", "empty", "wrong"])
async def test_push_without_its_proof_is_refused(site: Site, name: str, change: str) -> None:
    """
    Each part of the signature has to be there and right.
    """
    _, code = await shown(site)
    signed = sign_push(ACCOUNT, scan_xml(site, code), openid=OPENID, at=time.time())
    query = dict(signed.query)
    if change == "missing":
        del query[name]
    else:
        query[name] = "" if change == "empty" else str(int(time.time()) + 1)

    assert (403, "") == await post(site, query, signed.body)


@pytest.mark.parametrize("seconds", [-301, 360])
async def test_push_from_another_time_is_refused(site: Site, seconds: int) -> None:
    """
    A signature never ends by itself, so old ones are not taken.
    """
    _, code = await shown(site)

    assert (403, "") == await push(site, scan_xml(site, code), at=time.time() + seconds)


async def test_signature_cut_elsewhere_is_refused(site: Site) -> None:
    """
    The signature joins timestamp and nonce; moving a digit from one to the other is no push.
    """
    _, code = await shown(site)
    signed = sign_push(ACCOUNT, scan_xml(site, code), openid=OPENID, at=time.time(), nonce="9" * 9)
    shifted = signed.query | {
        "timestamp": signed.query["timestamp"][:-1],
        "nonce": signed.query["timestamp"][-1] + signed.query["nonce"],
    }

    assert (403, "") == await post(site, shifted, signed.body)


async def test_parameter_that_stands_twice_is_refused(site: Site) -> None:
    """
    Of two signatures neither is believed.
    """
    _, code = await shown(site)
    signed = sign_push(ACCOUNT, scan_xml(site, code), openid=OPENID, at=time.time())
    twice = [*signed.query.items(), ("signature", signed.query["signature"])]

    async with site.visitor().http.post("/wechat", params=twice, data=signed.body) as response:
        status = response.status

    assert 403 == status


@pytest.mark.parametrize("body", NO_PUSH)
async def test_signed_body_that_is_no_push_is_a_bad_request(site: Site, body: str) -> None:
    """
    A body that is no push gets 400, however it is broken.
    """
    assert (400, "") == await push(site, body)


@pytest.mark.parametrize("name", ["ToUserName", "FromUserName", "CreateTime", "MsgType", "Ticket"])
async def test_element_that_stands_twice_is_no_push(site: Site, name: str) -> None:
    """
    Two values for one element leave nobody in doubt: it is no push.
    """
    page, code = await shown(site)
    xml = scan_xml(site, code)
    twice = xml.replace("</xml>", f"<{name}>{OTHER_OPENID}</{name}></xml>")

    answer = await push(site, twice)
    await scan(site, code)

    assert (400, "") == answer
    assert await page.expect("bind_required")


@pytest.mark.parametrize("openid", ["", " ", "a b", "x" * 65, "<b>", "]]>", "用户"])
async def test_openid_that_is_none_is_no_push(site: Site, openid: str) -> None:
    """
    What cannot be an openid is not stored as one.
    """
    _, code = await shown(site)

    assert (400, "") == await push(site, scan_xml(site, code, openid=openid))


async def test_body_that_is_no_text_is_a_bad_request(site: Site) -> None:
    """
    Bytes of no encoding are no push either.
    """
    signed = sign_push(ACCOUNT, "", openid=OPENID, at=time.time())

    assert (400, "") == await post(site, signed.query, b"\xff\xfe\x00" * 50)


# ---- size


async def test_body_of_64_kib_is_read(site: Site) -> None:
    """
    A push may have 64 KiB.
    """
    xml = event_xml(
        account_id=ACCOUNT.account_id, openid=OPENID, event="VIEW", created_at=time.time()
    )
    padded = xml + " " * (64 * 1024 - len(xml.encode()))

    assert (200, "success") == await push(site, padded)


@pytest.mark.parametrize("chunked", [False, True])
async def test_body_over_64_kib_is_refused(site: Site, chunked: bool) -> None:
    """
    A longer body is refused before it is read, whether its length is told or not.
    """
    body = b" " * (64 * 1024 + 1)
    signed = sign_push(ACCOUNT, "", openid=OPENID, at=time.time())

    async def chunks() -> Any:
        yield body

    async with site.visitor().http.post(
        "/wechat", params=signed.query, data=chunks() if chunked else body
    ) as response:
        status = response.status

    assert status in {400, 413}


# ---- encrypted pushes


async def test_encrypted_scan_signs_in_and_its_reply_is_encrypted(start_site: StartSite) -> None:
    """
    In safe mode the push and its reply are sealed, and the page hears of it.
    """
    site = await start_site(wechat=SAFE)
    await site.resources.directory.register(OPENID)
    page, code = await shown(site)

    status, body = await push(site, scan_xml(site, code))

    elements = {child.tag for child in ElementTree.fromstring(body)}
    assert 200 == status
    assert {"Encrypt", "MsgSignature", "TimeStamp", "Nonce"} == elements
    reply = read_reply(site.sandbox.account, body.encode(), openid=OPENID)
    assert "登录成功" in (reply or "")
    assert await page.expect("success")


@pytest.mark.parametrize("sections", [{}, {"wechat": SAFE}], ids=["plain", "safe"])
async def test_json_scan_signs_in_and_is_answered_in_json(
    start_site: StartSite, sections: dict[str, Any]
) -> None:
    """
    An account whose console says JSON gets JSON back, sealed when the push was.
    """
    site = await start_site(**sections)
    await site.resources.directory.register(OPENID)
    page, code = await shown(site)
    query, body = arrived_as_json(
        site.sandbox.account, as_json(scan_xml(site, code)), at=time.time()
    )

    async with site.visitor().http.post("/wechat", params=query, data=body) as response:
        answer = await response.json()

    if sections:
        account = site.sandbox.account
        assert {"Encrypt", "MsgSignature", "TimeStamp", "Nonce"} == answer.keys()
        answer = json.loads(decrypt(KEY, account.appid, answer["Encrypt"]))
    assert OPENID == answer["ToUserName"]
    assert "登录成功" in answer["Content"]
    assert await page.expect("success")


async def test_push_under_the_former_key_is_taken_while_the_key_is_changed(
    start_site: StartSite,
) -> None:
    """
    With both keys configured, pushes under either sign in and are answered under the same.
    """
    keys = {"encoding_aes_key": KEY, "previous_encoding_aes_key": OTHER_KEY}
    site = await start_site(wechat=keys)
    _, code = await shown(site)
    former = dataclasses.replace(site.sandbox.account, encoding_aes_key=OTHER_KEY)

    answers = [
        (account, await push(site, scan_xml(site, code), account=account))
        for account in (former, site.sandbox.account)
    ]

    for account, (status, body) in answers:
        assert 200 == status
        assert read_reply(account, body.encode(), openid=OPENID)


async def test_virtual_phone_works_in_safe_mode(start_site: StartSite) -> None:
    """
    The platform's own decryption reads our reply.
    """
    site = await start_site(wechat=SAFE)
    page, code = await shown(site)

    done = await site.sandbox.phone.scan(ticket=code["ticket"], openid=OPENID)

    assert "绑定" in (done.reply or "")
    assert await page.expect("bind_required")


async def test_other_encrypted_event_is_answered_with_success(start_site: StartSite) -> None:
    """
    What is not ours is taken politely in safe mode too.
    """
    site = await start_site(wechat=SAFE)
    xml = event_xml(
        account_id=ACCOUNT.account_id, openid=OPENID, event="VIEW", created_at=time.time()
    )

    assert (200, "success") == await push(site, xml)


async def test_plain_push_is_refused_in_safe_mode(start_site: StartSite) -> None:
    """
    With a key set a plain push is forged, however well it is signed.
    """
    site = await start_site(wechat=SAFE)
    page, code = await shown(site)

    answer = await push(site, scan_xml(site, code, openid=OTHER_OPENID), account=ACCOUNT)
    await scan(site, code)

    assert (403, "") == answer
    assert await page.expect("bind_required")


async def test_plain_fields_beside_the_sealed_ones_are_ignored(start_site: StartSite) -> None:
    """
    In compatibility mode only what is sealed counts.
    """
    site = await start_site(wechat=SAFE)
    await site.resources.directory.register(OPENID)
    await site.resources.directory.register(OTHER_OPENID)
    page, code = await shown(site)
    signed = sign_push(site.sandbox.account, scan_xml(site, code), openid=OPENID, at=time.time())
    forged_fields = scan_xml(site, code, openid=OTHER_OPENID).removeprefix("<xml>")
    body = signed.body.replace(b"</xml>", forged_fields.encode(), 1)

    status, answer = await post(site, signed.query, body)

    reply = read_reply(site.sandbox.account, answer.encode(), openid=OPENID)
    assert 200 == status
    assert "登录成功" in (reply or "")
    assert await page.expect("success")


@pytest.mark.parametrize("name", ["msg_signature", "timestamp", "nonce", "encrypt_type"])
async def test_encrypted_push_without_its_proof_is_refused(
    start_site: StartSite, name: str
) -> None:
    """
    The signature over the sealed body is needed, not the plain one.
    """
    site = await start_site(wechat=SAFE)
    _, code = await shown(site)
    signed = sign_push(site.sandbox.account, scan_xml(site, code), openid=OPENID, at=time.time())
    query = {key: value for key, value in signed.query.items() if key != name}

    assert (403, "") == await post(site, query, signed.body)


async def test_sealed_body_under_another_signature_is_refused(start_site: StartSite) -> None:
    """
    The signature of one push does not carry the body of another.
    """
    site = await start_site(wechat=SAFE)
    _, code = await shown(site)
    one, other = (
        sign_push(site.sandbox.account, scan_xml(site, code), openid=OPENID, at=time.time())
        for _ in range(2)
    )

    assert (403, "") == await post(site, one.query, other.body)


@pytest.mark.parametrize(
    ("key", "appid"), [(OTHER_KEY, ACCOUNT.appid), (KEY, "wx0000000000000000")]
)
async def test_push_sealed_for_another_account_is_no_push(
    start_site: StartSite, key: str, appid: str
) -> None:
    """
    A body with our signature but another key or appid inside means nothing.
    """
    site = await start_site(wechat=SAFE)
    _, code = await shown(site)
    foreign = dataclasses.replace(site.sandbox.account, encoding_aes_key=key, appid=appid)

    assert (400, "") == await push(site, scan_xml(site, code), account=foreign)


async def test_sealed_body_that_is_no_push_is_a_bad_request(start_site: StartSite) -> None:
    """
    Signed, sealed, and still no push: 400.
    """
    site = await start_site(wechat=SAFE)

    assert (400, "") == await push(site, "<xml></xml>")


async def test_sealed_text_that_is_no_cipher_is_a_bad_request(start_site: StartSite) -> None:
    """
    A signature over something that cannot be decrypted is no push.
    """
    site = await start_site(wechat=SAFE)
    account, now = site.sandbox.account, str(int(time.time()))
    answers = []
    for sealed in ("x", "AAAA", encrypt(KEY, account.appid, "")[:20]):
        query = {
            "timestamp": now,
            "nonce": "1",
            "encrypt_type": "aes",
            "msg_signature": sign(account.token, now, "1", sealed),
        }
        body = f"<xml><Encrypt>{sealed}</Encrypt></xml>".encode()
        answers.append(await post(site, query, body))

    assert [(400, "")] * 3 == answers


async def test_repeats_at_the_same_time_are_one_scan(nodes: tuple[Site, Site]) -> None:
    """
    Copies of a push that reach two nodes at once get one answer and one message.
    """
    one, other = nodes
    await one.resources.directory.register(OPENID)
    visitor = one.visitor()
    page = await visitor.open_page()
    code = await page.get_qr()
    xml = scan_xml(one, code)

    answers = await asyncio.gather(*(push(node, xml) for node in (one, other) * 3))
    traded = await visitor.post("/session", code=(await page.expect("success"))["code"])

    assert {200} == {status for status, _ in answers}
    assert all("登录成功" in body for _, body in answers)
    assert 200 == traded[0]
    assert [] == await page.rest()


# ---- one signature, one body


async def test_other_body_under_a_plain_signature_is_refused_and_logged(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Who reads an address in a log cannot scan as somebody else; WeChat's own repeat is answered.
    """
    page, code = await shown(site)
    other = await site.visitor().open_page()
    other_code = await other.get_qr()
    signed = sign_push(ACCOUNT, scan_xml(site, code), openid=OPENID, at=time.time())
    forged_body = scan_xml(site, other_code, openid=OTHER_OPENID).encode()

    answers = [
        (await post(site, signed.query, body))[0]
        for body in (signed.body, forged_body, signed.body)
    ]
    await scan(site, other_code, openid=OTHER_OPENID)

    assert [200, 403, 200] == answers
    assert "reason=the signature of another push" in caplog.text
    assert await page.expect("bind_required")
    assert await other.expect("bind_required")


async def test_signature_of_a_push_that_is_nothing_to_us_serves_no_scan(site: Site) -> None:
    """
    The signatures of other events and of bodies that are no push are used up.
    """
    page, code = await shown(site)
    scanned = scan_xml(site, code, openid=OTHER_OPENID).encode()
    other = event_xml(
        account_id=ACCOUNT.account_id, openid=OPENID, event="VIEW", created_at=time.time()
    )
    answers = []
    for body in (other, "{}"):
        signed = sign_push(ACCOUNT, body, openid=OPENID, at=time.time())
        answers.append((await post(site, signed.query, signed.body))[0])
        answers.append((await post(site, signed.query, scanned))[0])

    await scan(site, code)

    assert [200, 403, 400, 403] == answers
    assert await page.expect("bind_required")


async def test_scan_that_fits_no_code_is_refused_under_a_used_signature(site: Site) -> None:
    """
    A forged body is refused before anything about it is answered; one that is WeChat's uses its
    signature up, whatever is wrong with it.
    """
    _, code = await shown(site)
    odd, true = scan_xml(site, code, event_key="4294967295"), scan_xml(site, code)
    view = event_xml(
        account_id=ACCOUNT.account_id, openid=OPENID, event="VIEW", created_at=time.time()
    )
    answers = []
    for first, second in ((odd, true), (view, odd)):
        signed = sign_push(ACCOUNT, first, openid=OPENID, at=time.time())
        answers.append((await post(site, signed.query, signed.body))[0])
        answers.append((await post(site, signed.query, second.encode()))[0])

    assert [200, 403, 200, 403] == answers


async def test_repeat_in_safe_mode_needs_no_receipt(start_site: StartSite) -> None:
    """
    A sealed push may come again as it was, and is answered as it was.
    """
    site = await start_site(wechat=SAFE)
    _, code = await shown(site)
    signed = sign_push(site.sandbox.account, scan_xml(site, code), openid=OPENID, at=time.time())

    answers = [await post(site, signed.query, signed.body) for _ in range(2)]

    replies = [
        read_reply(site.sandbox.account, body.encode(), openid=OPENID) for _, body in answers
    ]
    assert [200, 200] == [status for status, _ in answers]
    assert replies[0] == replies[1]


@pytest.mark.parametrize(("mode", "key"), [("official", ""), ("official", KEY), ("sandbox", "")])
async def test_operator_is_warned_of_pushes_that_are_not_sealed(
    start_site: StartSite, caplog: pytest.LogCaptureFixture, mode: str, key: str
) -> None:
    """
    With real users, whoever has seen an address could write a push: the log says what to set.
    """
    await start_site(wechat={"mode": mode, "encoding_aes_key": key})

    warned = "set wechat.encoding_aes_key" in caplog.text
    assert warned == (mode == "official" and not key)
