"""Quotas by the day and by the minute."""

from typing import Any

from sandbox import ManualClock, Sandbox

CREATE = "/cgi-bin/qrcode/create"
CALLBACK = "/cgi-bin/getcallbackip"


async def test_quota_of_a_minute_opens_again_after_it(
    client: Any, sandbox: Sandbox, clock: ManualClock
) -> None:
    """
    At the limit by the minute there is 45011, told by `quota/get`, and 60 seconds later none.
    """
    sandbox.platform.quotas.minute_limits[CREATE] = 2
    answers = [await client.create_code() for _ in range(3)]
    asked = await client.post("/cgi-bin/openapi/quota/get", {"cgi_path": CREATE})
    clock.advance(60)
    after = await client.create_code()

    assert [answer.get("errcode", 0) for answer in answers] == [0, 0, 45011]
    assert asked["rate_limit"] == {"call_count": 2, "refresh_second": 60}
    assert asked["quota"] == {"daily_limit": 100_000, "used": 2, "remain": 99_998}
    assert "ticket" in after


async def test_quota_of_a_minute_is_10000_stable_tokens(sandbox: Sandbox, client: Any) -> None:
    """
    The one documented limit by the minute is there from the start.
    """
    for _ in range(10_000):
        sandbox.platform.quotas.spend("/cgi-bin/stable_token")
    account = sandbox.account
    asked = {"grant_type": "client_credential", "appid": account.appid, "secret": account.secret}

    assert (await client.call("POST", "/cgi-bin/stable_token", asked))["errcode"] == 45011


async def test_quota_is_used_up_on_request(
    client: Any, sandbox: Sandbox, clock: ManualClock
) -> None:
    """
    Any path can be out of calls for a minute or for the day, until that ends or is restored.
    """
    quotas = sandbox.platform.quotas
    await client.get(CALLBACK)

    quotas.use_up_minute(CALLBACK)
    in_this_minute = await client.get(CALLBACK)
    clock.advance(60)
    in_the_next = await client.get(CALLBACK)
    quotas.use_up_day(CALLBACK)
    today = await client.get(CALLBACK)
    clock.advance(24 * 3600)
    client.token = ""
    tomorrow = await client.get(CALLBACK)
    quotas.use_up_day(CALLBACK)
    quotas.restore()
    restored = await client.get(CALLBACK)

    assert (in_this_minute["errcode"], today["errcode"]) == (45011, 45009)
    assert all("ip_list" in answer for answer in (in_the_next, tomorrow, restored))


async def test_quota_is_cleared_ten_times_a_month(
    client: Any, sandbox: Sandbox, clock: ManualClock
) -> None:
    """
    Both ways of clearing count together; the eleventh is 48006, and next month there are ten more.
    """
    account = sandbox.account
    with_secret = {"appid": account.appid, "appsecret": account.secret}

    async def clear(times: int) -> list[int]:
        client.token = ""
        answers = []
        for number in range(times):
            if number % 2:
                answers.append(await client.post("/cgi-bin/clear_quota", {"appid": account.appid}))
            else:
                answers.append(await client.call("POST", "/cgi-bin/clear_quota/v2", with_secret))
        return [answer["errcode"] for answer in answers]

    this_month = await clear(12)
    clock.advance(31 * 24 * 3600)
    next_month = await clear(1)

    assert this_month == [0] * 10 + [48006] * 2
    assert next_month == [0]


async def test_quota_of_any_path_of_the_api_is_told(client: Any) -> None:
    """
    A path without a limit that is documented has zeros.
    """
    asked = await client.post("/cgi-bin/openapi/quota/get", {"cgi_path": CALLBACK})

    assert asked["quota"] == {"daily_limit": 0, "used": 0, "remain": 0}
    assert asked["rate_limit"] == {"call_count": 0, "refresh_second": 0}


async def test_addresses_of_the_api_are_this_machine(client: Any) -> None:
    """
    `get_api_domain_ip` has the shape of `getcallbackip`.
    """
    assert {"ip_list": ["127.0.0.1"]} == await client.get("/cgi-bin/get_api_domain_ip")
