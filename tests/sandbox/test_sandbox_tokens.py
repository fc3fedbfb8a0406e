"""Access tokens: lifetimes, the two families, and how a wrong one is refused."""

import re
from typing import Any

import pytest

from sandbox import ManualClock, Sandbox

CREDENTIAL = {"grant_type": "client_credential"}


async def errcode_of(client: Any, token: str) -> int:
    """Return what a call with *token* is answered with, 0 when it is accepted."""
    answer = await client.call("GET", "/cgi-bin/getcallbackip", access_token=token)
    return int(answer.get("errcode", 0))


async def fetch_stable(client: Any, *, force: bool = False) -> Any:
    """Call `/cgi-bin/stable_token` with the right credentials."""
    account = client.sandbox.account
    credentials = {"appid": account.appid, "secret": account.secret, "force_refresh": force}
    return await client.call("POST", "/cgi-bin/stable_token", CREDENTIAL | credentials)


async def test_token_is_granted_for_two_hours(client: Any, clock: ManualClock) -> None:
    """
    A token opens the API for 7,200 seconds and is refused as expired from then on.
    """
    granted = await client.fetch_token()

    clock.advance(7199)
    assert await errcode_of(client, granted["access_token"]) == 0
    clock.advance(1)
    assert await errcode_of(client, granted["access_token"]) == 42001
    assert {"access_token": granted["access_token"], "expires_in": 7200} == granted


async def test_token_fetched_again_lets_the_old_one_live_five_minutes(
    client: Any, clock: ManualClock
) -> None:
    """
    Each call gives a new token; the one before is "not latest" after 300 seconds.
    """
    old = (await client.fetch_token())["access_token"]
    new = (await client.fetch_token())["access_token"]

    clock.advance(299)
    assert (await errcode_of(client, old), await errcode_of(client, new)) == (0, 0)
    clock.advance(1)
    assert (await errcode_of(client, old), await errcode_of(client, new)) == (40001, 0)


async def test_stable_token_is_the_same_until_its_last_five_minutes(
    client: Any, clock: ManualClock
) -> None:
    """
    While it is valid the same token comes with less time; then a new one, and both live on.
    """
    first = await fetch_stable(client)
    clock.advance(6899)
    same = await fetch_stable(client)
    clock.advance(1)
    renewed = await fetch_stable(client)

    assert {"access_token": first["access_token"], "expires_in": 301} == same
    assert first["access_token"] != renewed["access_token"]
    assert renewed["expires_in"] == 7200
    clock.advance(299)
    assert await errcode_of(client, first["access_token"]) == 0
    clock.advance(1)
    assert await errcode_of(client, first["access_token"]) == 40001


async def test_stable_token_forced_kills_the_old_one(client: Any, clock: ManualClock) -> None:
    """
    A forced refresh gives a new token at once; another within 30 seconds is ignored.
    """
    old = (await fetch_stable(client))["access_token"]
    new = (await fetch_stable(client, force=True))["access_token"]
    clock.advance(29)
    ignored = (await fetch_stable(client, force=True))["access_token"]
    clock.advance(1)
    forced = (await fetch_stable(client, force=True))["access_token"]

    assert old != new
    assert new == ignored
    assert new != forced
    assert await errcode_of(client, old) == 40001


async def test_stable_token_is_forced_20_times_a_day(client: Any, clock: ManualClock) -> None:
    """
    The 21st forced refresh of a day is ignored; tomorrow it works again.
    """
    tokens = [(await fetch_stable(client))["access_token"]]
    for _ in range(21):
        clock.advance(30)
        tokens.append((await fetch_stable(client, force=True))["access_token"])
    clock.advance(24 * 3600)
    tomorrow = (await fetch_stable(client, force=True))["access_token"]

    assert len(set(tokens)) == 21
    assert tokens[-1] == tokens[-2]
    assert tomorrow not in tokens


async def test_token_families_leave_each_other_alone(client: Any, clock: ManualClock) -> None:
    """
    Neither endpoint's new token invalidates the other's, not after the overlap either.
    """
    rotating = (await client.fetch_token())["access_token"]
    stable = (await fetch_stable(client))["access_token"]
    await fetch_stable(client, force=True)
    clock.advance(300)
    after_force = (await errcode_of(client, rotating), await errcode_of(client, stable))
    stable = (await fetch_stable(client))["access_token"]
    await client.fetch_token()
    clock.advance(300)
    after_rotation = (await errcode_of(client, rotating), await errcode_of(client, stable))

    assert after_force == (0, 40001)
    assert after_rotation == (40001, 0)


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"grant_type": "password"}, 40002),
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"appid": "wx0"}, 40013),
        ({"secret": "0"}, 40125),
    ],
)
async def test_token_is_refused_by_name(
    client: Any, sandbox: Sandbox, change: dict[str, str], errcode: int
) -> None:
    """
    Both endpoints say which credential is wrong, with HTTP 200 and a request id.
    """
    account = sandbox.account
    asked = CREDENTIAL | {"appid": account.appid, "secret": account.secret} | change

    rotating = await client.call("GET", "/cgi-bin/token", **asked)
    stable = await client.call("POST", "/cgi-bin/stable_token", asked)

    assert errcode == rotating["errcode"] == stable["errcode"]
    assert re.search(r" rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$", rotating["errmsg"])


@pytest.mark.parametrize(
    ("token", "errcode"), [("", 41001), ("nonsense", 40014), ("42_" + "x" * 130, 40001)]
)
async def test_token_that_was_never_granted_is_refused(
    client: Any, token: str, errcode: int
) -> None:
    """
    None, one of no token's shape, and an invented one have codes of their own.
    """
    assert errcode == await errcode_of(client, token)


async def test_token_revoked_is_not_the_latest(client: Any, sandbox: Sandbox) -> None:
    """
    A test can invalidate every token, as another server that fetches some would.
    """
    token = (await client.fetch_token())["access_token"]

    sandbox.platform.tokens.revoke()

    assert await errcode_of(client, token) == 40001


async def test_token_quota_ends_for_the_day(
    client: Any, sandbox: Sandbox, clock: ManualClock
) -> None:
    """
    After 2,000 tokens there is 45009, and none is spent by wrong credentials; tomorrow it opens.
    """
    for _ in range(1999):
        sandbox.platform.quotas.spend("/cgi-bin/token")
    await client.call("GET", "/cgi-bin/token", grant_type="client_credential", appid="wx0")
    last = await client.fetch_token()

    over = await client.fetch_token()
    clock.advance(24 * 3600)
    tomorrow = await client.fetch_token()

    assert "access_token" in last
    assert over["errcode"] == 45009
    assert "access_token" in tomorrow


async def test_token_method_is_checked(client: Any) -> None:
    """
    The wrong method has an error code of its own.
    """
    got = await client.call("GET", "/cgi-bin/stable_token")
    posted = await client.call("POST", "/cgi-bin/token", {})

    assert (got["errcode"], posted["errcode"]) == (43002, 43001)
