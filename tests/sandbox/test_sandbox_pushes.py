"""Pushes on the wire: signature, encryption, tries, and what becomes of the answer."""

import asyncio
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import check_signature

from sandbox import Account, Delivery, ManualClock, Pusher, Sandbox, sign_push
from sandbox.crypto import encrypt, sign

FAULT = "该公众号提供的服务出现故障，请稍后再试"
OPENID = "oQ7dX5kV3mZr9TfGh2LwYpN8sBcE"


def passive_reply(account: Account, text: str = "好", *, to: str = OPENID) -> str:
    """Return a passive text reply, written by hand as the documentation has it."""
    return (
        f"<xml><ToUserName><![CDATA[{to}]]></ToUserName>"
        f"<FromUserName><![CDATA[{account.account_id}]]></FromUserName>"
        "<CreateTime>1750000000</CreateTime><MsgType><![CDATA[text]]></MsgType>"
        f"<Content><![CDATA[{text}]]></Content></xml>"
    )


def sealed_reply(account: Account, text: str = "好", *, signature: str | None = None) -> str:
    """Return a passive reply as safe mode wants it."""
    sealed = encrypt(account.encoding_aes_key, account.appid, passive_reply(account, text))
    signature = signature or sign(account.token, "1750000000", "42", sealed)
    return (
        f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt>"
        f"<MsgSignature><![CDATA[{signature}]]></MsgSignature>"
        "<TimeStamp>1750000000</TimeStamp><Nonce><![CDATA[42]]></Nonce></xml>"
    )


async def test_push_is_signed_and_plain_without_a_key(sandbox: Sandbox, receiver: Any) -> None:
    """
    The query has signature, timestamp, nonce and openid; the body is the event itself.
    """
    await sandbox.phone.message(OPENID, "你好")

    (push,) = receiver.pushes
    query = push.query
    check_signature(sandbox.account.token, query["signature"], query["timestamp"], query["nonce"])
    assert {"signature", "timestamp", "nonce", "openid"} == query.keys()
    assert query["openid"] == OPENID
    assert (
        push.headers["Content-Type"],
        push.headers["User-Agent"],
    ) == ("text/xml", "Mozilla/4.0")
    fields = {child.tag: child.text for child in ElementTree.fromstring(push.body)}
    assert fields["Content"] == "你好"
    assert 2**53 < int(fields["MsgId"] or 0) < 2**63


async def test_push_carries_only_encrypt_in_safe_mode(safe_sandbox: Sandbox, receiver: Any) -> None:
    """
    In safe mode an independent library reads the event, and nothing of it is in the clear.
    """
    await safe_sandbox.phone.message(OPENID, "你好")

    (push,) = receiver.pushes
    account, query = safe_sandbox.account, push.query
    tags = [child.tag for child in ElementTree.fromstring(push.body)]
    crypto = WeChatCrypto(account.token, account.encoding_aes_key, account.appid)
    signature = query["msg_signature"]
    plain = crypto.decrypt_message(push.body, signature, query["timestamp"], query["nonce"])
    assert query["encrypt_type"] == "aes"
    assert tags == ["ToUserName", "Encrypt"]
    assert "<![CDATA[你好]]>" in plain


@pytest.mark.parametrize("answer", ["success", ""])
async def test_answer_without_words_leaves_no_bubble(
    sandbox: Sandbox, receiver: Any, answer: str
) -> None:
    """
    `success` and an empty body end the push, and the chat stays as it was.
    """
    receiver.answer = lambda push: (200, answer)

    done = await sandbox.phone.message(OPENID, "你好")

    assert (done.delivered, done.reply) == (True, None)
    assert [bubble.kind for bubble in sandbox.platform.chats.of(OPENID)] == ["sent"]
    assert len(receiver.pushes) == 1


async def test_answer_with_words_becomes_a_bubble(sandbox: Sandbox, receiver: Any) -> None:
    """
    A passive reply is what the phone shows.
    """
    receiver.answer = lambda push: (200, passive_reply(sandbox.account, "收到\n了"))

    done = await sandbox.phone.message(OPENID, "你好")

    assert (done.delivered, done.reply) == (True, "收到\n了")
    assert sandbox.platform.chats.of(OPENID)[-1].text == "收到\n了"


async def test_answer_that_is_no_text_shows_its_kind(sandbox: Sandbox, receiver: Any) -> None:
    """
    A picture or an article is named, not drawn.
    """
    reply = passive_reply(sandbox.account).replace("[text]", "[news]")
    receiver.answer = lambda push: (200, reply)

    assert (await sandbox.phone.message(OPENID, "你好")).reply == "[news]"


async def test_answer_in_safe_mode_is_decrypted(safe_sandbox: Sandbox, receiver: Any) -> None:
    """
    An encrypted reply with a right MsgSignature is a bubble like any other.
    """
    receiver.answer = lambda push: (200, sealed_reply(safe_sandbox.account, "密文"))

    assert (await safe_sandbox.phone.message(OPENID, "你好")).reply == "密文"


@pytest.mark.parametrize(
    "make",
    [
        lambda account: "ok",
        lambda account: "<html></html>",
        lambda account: "<xml></xml>",
        lambda account: '{"errcode":0}',
        lambda account: passive_reply(account, ""),
        lambda account: passive_reply(account, to="oSomebodyElse"),
        lambda account: passive_reply(account).replace("1750000000", "now"),
        lambda account: passive_reply(account).replace(account.account_id, "gh_other"),
    ],
)
async def test_answer_that_is_wrong_shows_the_service_as_broken(
    sandbox: Sandbox, receiver: Any, make: Callable[[Account], str]
) -> None:
    """
    Anything but success, nothing or a good reply is one grey bubble, without another try.
    """
    receiver.answer = lambda push: (200, make(sandbox.account))

    done = await sandbox.phone.message(OPENID, "你好")

    bubble = sandbox.platform.chats.of(OPENID)[-1]
    assert (done.delivered, done.reply) == (False, None)
    assert (bubble.kind, bubble.text) == ("system", FAULT)
    assert len(receiver.pushes) == 1


@pytest.mark.parametrize(
    "make",
    [
        passive_reply,
        lambda account: sealed_reply(account, signature="0" * 40),
        lambda account: sealed_reply(Account(encoding_aes_key="B" * 43)),
        lambda account: "<xml><Encrypt>junk</Encrypt></xml>",
    ],
)
async def test_answer_in_safe_mode_must_be_sealed_and_signed(
    safe_sandbox: Sandbox, receiver: Any, make: Callable[[Account], str]
) -> None:
    """
    A plain reply, a wrong MsgSignature and another key are a broken service.
    """
    receiver.answer = lambda push: (200, make(safe_sandbox.account))

    assert not (await safe_sandbox.phone.message(OPENID, "你好")).delivered


async def test_push_is_tried_three_times(
    sandbox: Sandbox, receiver: Any, clock: ManualClock
) -> None:
    """
    Tries carry the same body under a nonce and a signature of their own.
    """
    receiver.answer = lambda push: (503, "")

    done = await sandbox.phone.message(OPENID, "你好")

    assert not done.delivered
    assert len(receiver.pushes) == 3
    assert len({push.body for push in receiver.pushes}) == 1
    assert len({push.query["signature"] for push in receiver.pushes}) == 3


async def test_push_recovers_on_a_later_try(sandbox: Sandbox, receiver: Any) -> None:
    """
    A good answer to the second try is the answer.
    """
    answers = iter([(503, ""), (200, passive_reply(sandbox.account))])
    receiver.answer = lambda push: next(answers)

    assert (await sandbox.phone.message(OPENID, "你好")).reply == "好"


async def test_push_is_given_up_after_its_time_limit(receiver: Any) -> None:
    """
    A server that never answers gets three tries of the limit each.
    """
    receiver.answer = lambda push: None
    async with Pusher(Account(), [receiver.url], timeout=0.05) as pusher:
        delivery = await pusher.push("<xml/>", openid=OPENID)

    assert Delivery(delivered=False) == delivery
    assert len(receiver.pushes) == 3


async def test_push_to_nobody_is_not_delivered() -> None:
    """
    A refused connection, and no callback at all, are failures like any other.
    """
    async with Pusher(Account(), ["http://127.0.0.1:1/wechat"]) as pusher:
        refused = await pusher.push("<xml/>", openid=OPENID)
        pusher.callbacks = []
        nowhere = await pusher.push("<xml/>", openid=OPENID)

    assert (Delivery(delivered=False),) * 2 == (refused, nowhere)


async def test_push_takes_the_callbacks_in_turn(open_receiver: Callable[[], Any]) -> None:
    """
    With two servers, pushes alternate, and a try that fails goes on to the other one.
    """
    one, two = open_receiver(), open_receiver()
    async with Pusher(Account(), [one.url, two.url], timeout=2) as pusher:
        for _ in range(4):
            await pusher.push("<xml/>", openid=OPENID)
        counts = (len(one.pushes), len(two.pushes))
        one.answer = lambda push: (503, "")
        delivery = await pusher.push("<xml/>", openid=OPENID)

    assert counts == (2, 2)
    assert delivery.delivered
    assert (len(one.pushes), len(two.pushes)) == (3, 3)


async def test_push_under_way_ends_when_the_pusher_closes(receiver: Any) -> None:
    """
    Closing does not wait for a server that does not answer.
    """
    receiver.answer = lambda push: None
    async with Pusher(Account(), [receiver.url]) as pusher:
        push = asyncio.create_task(pusher.push("<xml/>", openid=OPENID))
        await receiver.arrived.wait()

    assert Delivery(delivered=False) == await push
    assert len(receiver.pushes) == 1


async def test_signed_push_goes_to_any_address() -> None:
    """
    The query is appended to an address, one that has a query of its own too.
    """
    push = sign_push(Account(), "<xml/>", openid="o 1", at=1_750_000_000.9, nonce="7")

    assert push.query["timestamp"] == "1750000000"
    assert push.url("http://a/wechat").startswith("http://a/wechat?signature=")
    assert push.url("http://a/wechat?x=1").startswith("http://a/wechat?x=1&signature=")
    assert push.url("http://a/wechat").endswith("&nonce=7&openid=o+1")
