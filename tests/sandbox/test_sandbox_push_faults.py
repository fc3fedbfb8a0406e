"""Pushes on bad days: repeated, delayed, held back, their answers lost."""

import asyncio
from typing import Any
from xml.etree import ElementTree

import aiohttp

from sandbox import Account, Pusher, PushFault, Sandbox, serve_sandbox

OPENID = "oQ7dX5kV3mZr9TfGh2LwYpN8sBcE"


def contents(receiver: Any) -> list[str | None]:
    """Return the words of the pushed messages, in the order they arrived."""
    return [ElementTree.fromstring(push.body).findtext("Content") for push in receiver.pushes]


def signatures(receiver: Any) -> set[str]:
    """Return the signatures of all that arrived."""
    return {push.query["signature"] for push in receiver.pushes}


def reply(sandbox: Sandbox, text: str) -> str:
    """Return a passive reply."""
    return (
        f"<xml><ToUserName>{OPENID}</ToUserName>"
        f"<FromUserName>{sandbox.account.account_id}</FromUserName><CreateTime>1</CreateTime>"
        f"<MsgType>text</MsgType><Content>{text}</Content></xml>"
    )


async def until_held(http: aiohttp.ClientSession, sandbox: Sandbox, pushes: int) -> None:
    """Return when so many pushes are kept back, as the stand-in tells."""
    while True:
        async with http.get(f"{sandbox.base_url}/sandbox/push-faults") as response:
            if (await response.json())["held"] == pushes:
                return


async def test_push_is_repeated(sandbox: Sandbox, receiver: Any) -> None:
    """
    The same body comes again as often as told, each time under a signature of its own.
    """
    sandbox.pusher.faults.add(PushFault(repeats=2))

    done = await sandbox.phone.message(OPENID, "一")
    await sandbox.phone.message(OPENID, "二")

    assert done.delivered
    assert contents(receiver) == ["一", "一", "一", "二"]
    assert len({push.body for push in receiver.pushes}) == 2
    assert len(signatures(receiver)) == 4


async def test_push_is_repeated_at_once(sandbox: Sandbox, receiver: Any) -> None:
    """
    All copies are on their way before the first one is answered.
    """
    all_there = asyncio.Event()

    async def count() -> None:
        while len(receiver.pushes) < 4:
            receiver.arrived.clear()
            await receiver.arrived.wait()
        all_there.set()

    counting = asyncio.create_task(count())
    receiver.answer = lambda push: None
    sandbox.pusher.faults.add(PushFault(repeats=3, at_once=True))

    scanning = asyncio.create_task(sandbox.phone.message(OPENID, "一"))
    await all_there.wait()
    receiver.closing.set()
    await asyncio.gather(scanning, counting)

    assert ["一"] * 4 == contents(receiver)[:4]


async def test_push_that_is_repeated_wants_every_copy_answered_well(
    sandbox: Sandbox, receiver: Any
) -> None:
    """
    One bad answer among the copies shows the service as broken; else the first words are shown.
    """
    answers = iter([reply(sandbox, "好"), "nonsense", "success", reply(sandbox, "是")])
    receiver.answer = lambda push: (200, next(answers))
    for _ in range(2):
        sandbox.pusher.faults.add(PushFault(repeats=1))

    bad = await sandbox.phone.message(OPENID, "一")
    good = await sandbox.phone.message(OPENID, "二")

    assert (bad.delivered, bad.reply) == (False, None)
    assert (good.delivered, good.reply) == (True, "是")


async def test_push_has_the_very_same_signature_when_told(sandbox: Sandbox, receiver: Any) -> None:
    """
    Repeats and tries can be the same request to the letter.
    """
    sandbox.pusher.faults.add(PushFault(repeats=1, lost_answers=1, same_signature=True))

    await sandbox.phone.message(OPENID, "一")

    assert len(receiver.pushes) == 4
    assert len({tuple(push.query.items()) for push in receiver.pushes}) == 1


async def test_push_is_tried_again_when_its_answer_is_lost(sandbox: Sandbox, receiver: Any) -> None:
    """
    A lost answer is followed by another try, whose answer counts; three are a broken service.
    """
    answers = iter(["一", "二", "三", "四", "五"])
    receiver.answer = lambda push: (200, reply(sandbox, next(answers)))
    sandbox.pusher.faults.add(PushFault(lost_answers=1))
    sandbox.pusher.faults.add(PushFault(lost_answers=3))

    once = await sandbox.phone.message(OPENID, "早")
    always = await sandbox.phone.message(OPENID, "晚")

    assert (once.delivered, once.reply) == (True, "二")
    assert (always.delivered, always.reply) == (False, None)
    assert contents(receiver) == ["早", "早", "晚", "晚", "晚"]


async def test_push_that_is_held_comes_after_the_next(
    sandbox: Sandbox, receiver: Any, http: aiohttp.ClientSession
) -> None:
    """
    Held pushes arrive in the reverse order once one has gone that is not held.
    """
    sandbox.pusher.faults.add(PushFault(hold=True, times=2))

    held = [asyncio.create_task(sandbox.phone.message(OPENID, text)) for text in "一二"]
    await until_held(http, sandbox, 2)
    await sandbox.phone.message(OPENID, "三")
    outcomes = await asyncio.gather(*held)

    assert contents(receiver) == ["三", "二", "一"]
    assert all(done.delivered for done in outcomes)
    assert sandbox.pusher.held == 0


async def test_push_that_is_held_goes_when_released(
    sandbox: Sandbox, receiver: Any, http: aiohttp.ClientSession
) -> None:
    """
    Nobody waits for a push that never comes.
    """
    sandbox.pusher.faults.add(PushFault(hold=True))
    held = asyncio.create_task(sandbox.phone.message(OPENID, "一"))
    await until_held(http, sandbox, 1)

    sandbox.pusher.release()

    assert (await held).delivered
    assert contents(receiver) == ["一"]


async def test_push_is_delayed(sandbox: Sandbox, receiver: Any) -> None:
    """
    A delayed push arrives after the time told.
    """
    loop = asyncio.get_running_loop()
    sandbox.pusher.faults.add(PushFault(delay=0.05))

    started = loop.time()
    done = await sandbox.phone.message(OPENID, "一")

    assert loop.time() - started >= 0.05
    assert done.delivered
    assert contents(receiver) == ["一"]


async def test_push_that_waits_ends_with_the_sandbox(
    receiver: Any, http: aiohttp.ClientSession
) -> None:
    """
    Leaving the stand-in ends delayed and held pushes undelivered.
    """
    async with serve_sandbox(callback=receiver.url) as sandbox:
        sandbox.pusher.faults.add(PushFault(delay=600))
        sandbox.pusher.faults.add(PushFault(hold=True))
        waiting = [asyncio.create_task(sandbox.phone.message(OPENID, text)) for text in "一二"]
        await until_held(http, sandbox, 1)

    outcomes = await asyncio.gather(*waiting)

    assert [done.delivered for done in outcomes] == [False, False]
    assert receiver.pushes == []


async def test_push_to_nobody_with_a_fault_is_not_delivered() -> None:
    """
    Without a callback a fault changes nothing.
    """
    async with Pusher(Account()) as pusher:
        pusher.faults.add(PushFault(repeats=2, at_once=True))

        assert not (await pusher.push("<xml/>", openid=OPENID)).delivered
