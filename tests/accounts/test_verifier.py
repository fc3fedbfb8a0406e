"""A site's own check over HTTP: what it is asked, and what its answers mean."""

import asyncio
import hmac
import json
import logging
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from accounts import AccountsUnavailable, open_verifier
from accounts.verifier import FAILURES, PAUSE_SECONDS, Verifier
from tests.faults.nodes import ROOT, free_ports

SECRET = "a secret of the site's own"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def verifier(
    answer: Answer, seconds: float = 5, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[Verifier]:
    """Run a site that gives *answer*, and ask it."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    place = web.TCPSite(runner, "127.0.0.1", 0)
    await place.start()
    port = runner.addresses[0][1]
    try:
        async with open_verifier(
            f"http://127.0.0.1:{port}/check", SECRET, seconds, clock
        ) as opened:
            yield opened
    finally:
        await runner.cleanup()


def says(status: int, text: str = "", **headers: str) -> Answer:
    """Return a site that always answers this."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=headers)

    return answer


async def test_question_is_signed_json() -> None:
    """
    The site can tell who asks, when, and that nothing was changed on the way.
    """
    asked: list[tuple[web.Request, bytes]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append((request, await request.read()))
        return web.json_response({"id": 4711, "username": "爱丽丝"})

    async with verifier(answer) as site:
        person = await site.judge("爱丽丝", 'pass"wörd\x00')

    ((request, body),) = asked
    timestamp = request.headers["X-Saoma-Timestamp"]
    expected = hmac.digest(SECRET.encode(), timestamp.encode() + b"." + body, "sha256").hex()
    assert ("POST", "/check", "application/json") == (
        request.method,
        request.path_qs,
        request.content_type,
    )
    assert {"username": "爱丽丝", "password": 'pass"wörd\x00'} == json.loads(body)
    assert f"sha256={expected}" == request.headers["X-Saoma-Signature"]
    assert abs(int(timestamp) - time.time()) < 60
    assert person
    assert ("4711", "爱丽丝", True) == (person.site_id, person.username, person.active)


async def test_wrong_password_is_401_and_nothing_else() -> None:
    """
    401 is nobody; it is an answer, and closes nothing.
    """
    async with verifier(says(401)) as site:
        found = [await site.judge("alice", "wrong") for _ in range(FAILURES + 2)]

    assert {None} == set(found)


@pytest.mark.parametrize(
    "answer",
    [
        says(500),
        says(403),
        says(404),
        says(204),
        says(302, Location="/elsewhere"),
        says(200),
        says(200, "hush"),
        says(200, "[]"),
        says(200, '{"id": "7"}'),
        says(200, '{"id": null, "username": "alice"}'),
        says(200, '{"id": true, "username": "alice"}'),
        says(200, '{"id": "", "username": "alice"}'),
        says(200, '{"id": "7", "username": ""}'),
        says(200, '{"id": "7", "username": "al\\nice"}'),
        says(200, json.dumps({"id": "7" * 64, "username": "alice"})),
        says(200, json.dumps({"id": "7", "username": "a" * 65})),
        says(200, json.dumps({"id": "7", "username": "alice", "more": "x" * 20_000})),
    ],
)
async def test_any_other_answer_is_an_outage(answer: Answer) -> None:
    """
    Nobody is told that the password was wrong, and nothing of the answer is repeated.
    """
    async with verifier(answer) as site:
        with pytest.raises(AccountsUnavailable) as caught:
            await site.judge("alice", "s3cret")

    assert "hush" not in str(caught.value)
    assert "s3cret" not in repr(caught.value)


async def test_site_that_hangs_is_given_up_in_time() -> None:
    """
    A visitor waits for the time limit, and no longer.
    """
    hanging = asyncio.Event()

    async def answer(_: web.Request) -> web.StreamResponse:
        await hanging.wait()
        return web.Response()

    async with verifier(answer, seconds=0.1) as site:
        with pytest.raises(AccountsUnavailable, match="Timeout"):
            await site.judge("alice", "right")
        hanging.set()


async def test_site_that_keeps_failing_is_left_alone_for_a_moment() -> None:
    """
    Visitors do not wait for it one after another; after a pause one call finds out.
    """
    calls = 0
    status = 500
    now = 0.0

    async def answer(_: web.Request) -> web.StreamResponse:
        nonlocal calls
        calls += 1
        return web.json_response({"id": 7, "username": "alice"}, status=status)

    async with verifier(answer, clock=lambda: now) as site:
        for _ in range(FAILURES + 3):
            with pytest.raises(AccountsUnavailable):
                await site.judge("alice", "right")
        assert FAILURES == calls

        now += PAUSE_SECONDS
        with pytest.raises(AccountsUnavailable):
            await site.judge("alice", "right")
        with pytest.raises(AccountsUnavailable, match="left alone"):
            await site.judge("alice", "right")
        assert FAILURES + 1 == calls

        now, status = now + PAUSE_SECONDS, 200
        assert await site.judge("alice", "right")
        assert await site.judge("alice", "right")


async def test_nothing_of_a_question_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """
    Neither password nor secret nor name, however it ends.
    """
    caplog.set_level(logging.DEBUG)
    async with verifier(says(401)) as site:
        await site.judge("al1ce", "s3cret")
    async with verifier(says(500)) as site:
        with pytest.raises(AccountsUnavailable):
            await site.judge("al1ce", "s3cret")

    for word in ("al1ce", "s3cret", SECRET):
        assert word not in caplog.text


async def test_example_of_the_handbook_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The verifier that docs/verify.md shows lets alice in, and nobody without the secret.
    """
    (port,) = free_ports(1)
    monkeypatch.setenv("SAOMA_VERIFY_SECRET", SECRET)
    example = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "docs" / "verify_example.py"), str(port)),
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/"
    try:
        await _answers(url)
        async with open_verifier(url, SECRET, 5) as site, open_verifier(url, "x" * 16, 5) as other:
            alice = await site.judge("alice", "a right password")
            nobody = await site.judge("alice", "a wrong password")
            with pytest.raises(AccountsUnavailable, match="403"):
                await other.judge("alice", "a right password")
    finally:
        example.kill()
        await example.wait()

    assert alice is not None
    assert "4711" == alice.site_id
    assert nobody is None


async def _answers(url: str) -> None:
    """Return when somebody serves at *url*."""
    async with asyncio.timeout(20), aiohttp.ClientSession() as http:
        while True:
            try:
                async with http.get(url):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
