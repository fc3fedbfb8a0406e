"""Web login: to WeChat's page and back, and in as after a scan."""

import asyncio
from typing import Any

import pytest

from accounts import Identity
from store import Store
from tests.server.conftest import StartSite
from tests.server.test_next import tricks
from tests.server.web import (
    DESK,
    EXCHANGE,
    INSIDE,
    PHONE,
    WEBSITE,
    WECOM,
    agree,
    come_in,
    get,
    go_to_wechat,
    leads_to,
    query_of,
    resume_of,
    way_back,
)
from tests.site import OPENID, OTHER_OPENID, PASSWORD, Site, Visitor
from tests.time_machine import TimeMachine

CALLBACK = "/login/wechat/callback"


@pytest.fixture
async def site(start_site: StartSite) -> Site:
    """A site whose visitors on a desk have a website app."""
    return await start_site(wechat=WEBSITE)


async def signed_in_as(visitor: Visitor) -> str | None:
    """Return who is signed in in this browser."""
    status, answer = await visitor.request("GET", "/session")
    return answer["username"] if status == 200 else None


async def bind(visitor: Visitor, path: str, username: str) -> tuple[int, Any]:
    """Bind on the sign-in page that web login led to."""
    resume = await resume_of(visitor, path)
    page = await visitor.open_page()
    await page.send("get_qr", resume=resume)
    token = (await page.expect("bind_required"))["bind_token"]
    return await visitor.post("/user/bind", bind_token=token, username=username, password=PASSWORD)


async def dump_of(store: Store) -> str:
    """Return all keys of a site, with what they hold."""
    redis, found = store.redis, []
    async for key in redis.scan_iter(match=store.key("*")):
        kind = await redis.type(key)
        value = await (redis.hgetall(key) if kind == "hash" else redis.dump(key))
        found.append(f"{key} {value!r}")
    return "\n".join(found)


# ---- the way in


async def test_visitor_inside_wechat_is_signed_in_without_a_question(site: Site) -> None:
    """
    WeChat tells who it is, and the visitor is where they wanted to go.
    """
    account = await site.resources.directory.register(OPENID)
    visitor = site.visitor()

    response = await come_in(site, visitor, onward="/orders/7%3Fsort=date")

    assert (302, "/orders/7?sort=date") == leads_to(response)
    assert account.username == await signed_in_as(visitor)


async def test_address_at_wechat_is_the_service_accounts(site: Site) -> None:
    """
    Inside WeChat the silent page is asked for, to lead back to the public address.
    """
    address = await go_to_wechat(site.visitor())
    query = query_of(address)

    assert address.startswith(f"{site.sandbox.base_url}/connect/oauth2/authorize?appid=")
    assert address.endswith("#wechat_redirect")
    assert (site.settings.wechat.appid, "snsapi_base") == (query["appid"], query["scope"])
    assert f"{site.base_url}{CALLBACK}" == query["redirect_uri"]


async def test_address_at_wechat_is_the_website_apps(site: Site) -> None:
    """
    On a desk WeChat's page with a code is asked for.
    """
    address = await go_to_wechat(site.visitor(), DESK)
    query = query_of(address)

    assert address.startswith(f"{site.sandbox.base_url}/connect/qrconnect?")
    assert (site.settings.wechat.open_appid, "snsapi_login") == (query["appid"], query["scope"])


async def test_stranger_binds_on_the_sign_in_page_and_is_known_then(site: Site) -> None:
    """
    A WeChat user without an account binds one as after a scan, once.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    response = await come_in(site, visitor, onward="/orders")
    bound = await bind(visitor, response.headers["Location"], "alice")
    await visitor.request("DELETE", "/session")

    again = await come_in(site, visitor, onward="/orders")

    assert (302, "/?next=%2Forders") == leads_to(response)
    assert (200, {"status": True, "username": "alice"}) == bound
    assert (302, "/orders") == leads_to(again)
    assert "alice" == await signed_in_as(visitor)


async def test_attempt_is_handed_to_the_page_once(site: Site) -> None:
    """
    What continues the attempt is in no address, and a second page does not get it.
    """
    visitor = site.visitor()
    response = await come_in(site, visitor)
    cookie = response.cookies["saoma_attempt"]
    first = await resume_of(visitor, response.headers["Location"])

    assert "/" == response.headers["Location"]
    assert cookie.value == first
    assert cookie["httponly"]
    assert "" == await resume_of(visitor, "/")


async def test_attempt_of_web_login_is_the_browsers_own(site: Site) -> None:
    """
    Whoever learns what continues the attempt cannot use it in another browser.
    """
    visitor, thief = site.visitor(), site.visitor()
    response = await come_in(site, visitor)
    resume = await resume_of(visitor, response.headers["Location"])
    page = await thief.open_page()

    await page.send("get_qr", resume=resume)

    assert "unknown_attempt" == (await page.expect("error"))["code"]


async def test_stranger_gets_an_account_where_that_is_wished(start_site: StartSite) -> None:
    """
    With auto_register the first visit makes the account.
    """
    site = await start_site(login={"auto_register": True})
    visitor = site.visitor()
    response = await come_in(site, visitor)
    name = await signed_in_as(visitor)
    account = await site.resources.directory.by_openid(OPENID)

    assert (302, "/user") == leads_to(response)
    assert account is not None
    assert account.username == name


async def test_person_of_the_service_account_binds_the_website_app_once(site: Site) -> None:
    """
    Where WeChat has not told the unionid, the password joins the two, and one unbinding parts them.
    """
    await site.add_account("alice")
    inside, desk = site.visitor(), site.visitor()
    response = await come_in(site, inside)
    await bind(inside, response.headers["Location"], "alice")
    response = await come_in(site, desk, DESK)
    joined = await bind(desk, response.headers["Location"], "alice")
    await desk.post("/user/unbind", password=PASSWORD)

    again = [await come_in(site, site.visitor(), agent) for agent in (INSIDE, DESK)]

    assert 200 == joined[0]
    assert [(302, "/"), (302, "/")] == [leads_to(response) for response in again]


async def test_person_with_a_known_unionid_is_known_by_either_app(site: Site) -> None:
    """
    The unionid joins a website app's visitor to the account that the service account knows.
    """
    directory, platform = site.resources.directory, site.sandbox.platform
    user = platform.users.get_or_add(OPENID)
    account = await directory.register(OPENID)
    unionid = platform.oauth.unionid_of(user)
    appid = site.settings.wechat.appid
    await directory.recognise(Identity(appid=appid, openid=OPENID, unionid=unionid))
    visitor = site.visitor()

    response = await come_in(site, visitor, DESK)

    assert (302, "/user") == leads_to(response)
    assert account.username == await signed_in_as(visitor)


async def test_signed_in_visitor_goes_on_at_once(site: Site) -> None:
    """
    Nobody is asked twice who is signed in.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    await visitor.post("/login", username="alice", password=PASSWORD)

    assert (302, "/orders") == leads_to(await get(visitor, "/login/wechat?next=/orders"))
    assert (302, "/user") == leads_to(await get(visitor, "/login/wechat"))


# ---- the state


async def test_state_of_another_browser_signs_nobody_in(site: Site) -> None:
    """
    An attacker's way back, opened by a victim, does not sign the victim in as the attacker.
    """
    await site.resources.directory.register(OPENID)
    attacker, victim = site.visitor(), site.visitor()
    await get(victim, "/")
    back = await way_back(site, attacker)
    refused = await get(victim, back)
    own = await get(attacker, back)

    assert 410 == refused.status
    assert "再试一次" in await refused.text()
    assert await signed_in_as(victim) is None
    assert (302, "/user") == leads_to(own)


async def test_browser_without_a_cookie_is_a_foreign_one(site: Site) -> None:
    """
    A way back that comes without the browser's cookie is nobody's.
    """
    back = await way_back(site, site.visitor())

    assert 410 == (await get(site.visitor(), back)).status


@pytest.mark.parametrize("state", ["", "invented", "%00", "x" * 3000])
async def test_state_that_is_none_signs_nobody_in(site: Site, state: str) -> None:
    """
    An invented state is as good as none.
    """
    visitor = site.visitor()
    await get(visitor, "/")

    assert 410 == (await get(visitor, f"{CALLBACK}?code=x&state={state}")).status


async def test_state_takes_one_code(site: Site) -> None:
    """
    A second code with the same state is refused, whoever's it is.
    """
    for openid in (OPENID, OTHER_OPENID):
        await site.resources.directory.register(openid)
    visitor = site.visitor()
    address = await go_to_wechat(visitor)
    first, second = [await agree(site, address, openid=openid) for openid in (OPENID, OTHER_OPENID)]
    await get(visitor, first)
    name = await signed_in_as(visitor)

    assert 410 == (await get(visitor, second)).status
    assert name == await signed_in_as(visitor)


async def test_state_ends_with_time(
    start_site: StartSite, prefix: str, time_machine: TimeMachine
) -> None:
    """
    A visitor who dwelt too long at WeChat's page starts again.
    """
    site = await start_site(prefix=prefix)
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    back = await way_back(site, visitor)
    await time_machine.forward(599)
    others = await way_back(site, visitor)
    await time_machine.forward(1)

    assert 410 == (await get(visitor, back)).status
    assert 302 == (await get(visitor, others)).status


async def test_way_back_does_not_sign_in_again_after_signing_out(site: Site) -> None:
    """
    The browser's Back button is no way in.
    """
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    back = await way_back(site, visitor)
    await get(visitor, back)
    await visitor.request("DELETE", "/session")

    assert 410 == (await get(visitor, back)).status
    assert await signed_in_as(visitor) is None


async def test_store_knows_neither_state_nor_session(
    start_site: StartSite, prefix: str, store: Store
) -> None:
    """
    What stands in the store cannot be used as a state or a cookie.
    """
    site = await start_site(prefix=prefix)
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    back = await way_back(site, visitor)
    await get(visitor, back)
    dump = await dump_of(store)

    assert "trip" in dump
    assert query_of(back)["state"] not in dump
    assert query_of(back)["code"] not in dump
    assert (visitor.cookie("saoma_session") or "-") not in dump
    assert (visitor.cookie("saoma_browser") or "-") not in dump


# ---- sessions


async def test_new_session_takes_the_place_of_the_former(site: Site) -> None:
    """
    A session that was planted or left over ends when somebody comes in.
    """
    await site.add_account("alice")
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    back = await way_back(site, visitor)
    await visitor.post("/login", username="alice", password=PASSWORD)
    former = visitor.cookie("saoma_session") or ""
    await get(visitor, back)

    assert former != visitor.cookie("saoma_session")
    assert await site.resources.context.entrance.account_of(former) is None


async def test_session_of_web_login_is_marked_as_any_other(site: Site) -> None:
    """
    The cookie is out of scripts' reach, and says nothing of what the browser sent.
    """
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    response = await come_in(site, visitor)
    cookie = response.cookies["saoma_session"]

    assert cookie["httponly"]
    assert ("Lax", "/") == (cookie["samesite"], cookie["path"])
    assert 43 == len(cookie.value)
    assert visitor.cookie("saoma_browser") != cookie.value


# ---- the same request again


@pytest.mark.parametrize("bound", [True, False])
async def test_request_that_is_repeated_at_once_has_one_outcome(
    start_site: StartSite, prefix: str, bound: bool
) -> None:
    """
    Requests with the same code on two processes exchange it once, and all hear the same.
    """
    site = await start_site(prefix=prefix)
    other = await start_site(prefix=prefix, sandbox=site.sandbox)
    if bound:
        await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    back = await way_back(site, visitor)
    site.sandbox.platform.fail(EXCHANGE, delay=0.2)

    answers = await asyncio.gather(
        *(get(visitor, node.base_url + back) for node in (site, other, site, other))
    )

    cookie = "saoma_session" if bound else "saoma_attempt"
    assert {(302, "/user" if bound else "/")} == {leads_to(answer) for answer in answers}
    assert 1 == len({answer.cookies[cookie].value for answer in answers})


async def test_request_that_is_repeated_later_has_the_same_outcome(site: Site) -> None:
    """
    A browser that lost the answer gets the same session, and keeps it.
    """
    account = await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    back = await way_back(site, visitor)
    first = await get(visitor, back)
    second = await get(visitor, back)

    assert leads_to(first) == leads_to(second)
    assert first.cookies["saoma_session"].value == second.cookies["saoma_session"].value
    assert account.username == await signed_in_as(visitor)


async def test_failure_is_repeated_too(site: Site) -> None:
    """
    A repeated request does not try its luck with a code that was lost.
    """
    visitor = site.visitor()
    back = await way_back(site, visitor)
    site.sandbox.platform.fail(EXCHANGE, errcode=40029)

    assert [410, 410] == [(await get(visitor, back)).status for _ in range(2)]


# ---- no


@pytest.mark.parametrize("agent", [INSIDE, DESK])
async def test_refusal_leads_back_to_the_sign_in_page(site: Site, agent: str) -> None:
    """
    Who does not agree at WeChat finds the other ways in, and a sentence.
    """
    visitor = site.visitor()
    address = await go_to_wechat(visitor, agent, onward="/orders")
    back = await agree(site, address, agent=agent, decision="refuse")
    response = await get(visitor, back, agent)
    page = await get(visitor, response.headers["Location"], agent)

    assert (302, "/?error=wechat_refused&next=%2Forders") == leads_to(response)
    assert "你在微信里取消了登录" in await page.text()
    assert 'data-next="/orders"' in await page.text()


async def test_refusal_in_another_browser_tells_nothing(site: Site) -> None:
    """
    A foreign state does not tell where its visitor wanted to go, and stays good.
    """
    await site.resources.directory.register(OPENID)
    visitor, stranger = site.visitor(), site.visitor()
    back = await way_back(site, visitor, onward="/secret")
    refused = await get(stranger, f"{CALLBACK}?state={query_of(back)['state']}")

    assert (302, "/?error=wechat_refused") == leads_to(refused)
    assert (302, "/secret") == leads_to(await get(visitor, back))


async def test_snapshot_user_is_refused(site: Site) -> None:
    """
    The virtual user of a snapshot is nobody: no account is bound to it, and nobody comes in.
    """
    visitor = site.visitor()
    response = await come_in(site, visitor, snapshot="1", onward="/orders")
    text = await response.text()

    assert 403 == response.status
    assert "使用完整服务" in text
    assert "/login/wechat?next=%2Forders" in text
    assert "saoma_attempt" not in response.cookies


@pytest.mark.parametrize(
    "fault",
    [{"drop": True}, {"status": 502}, {"errcode": -1}, {"errcode": 45011}, {"errcode": 40125}],
)
async def test_wechat_away_is_told_with_a_way_on(
    start_site: StartSite, prefix: str, time_machine: TimeMachine, fault: dict[str, Any]
) -> None:
    """
    When WeChat does not tell who it is, the visitor may try again, and within a minute it works.
    """
    site = await start_site(prefix=prefix)
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    site.sandbox.platform.fail(EXCHANGE, times=None, **fault)
    refused = await come_in(site, visitor, onward="/orders")
    site.sandbox.platform.faults.clear()
    await time_machine.forward(60)

    assert 503 == refused.status
    assert "/login/wechat?next=%2Forders" in await refused.text()
    assert (302, "/orders") == leads_to(await come_in(site, visitor, onward="/orders"))


async def test_invented_code_is_refused(site: Site) -> None:
    """
    A code that WeChat did not give is no good, with whatever state.
    """
    visitor = site.visitor()
    state = query_of(await go_to_wechat(visitor))["state"]

    response = await get(visitor, f"{CALLBACK}?code=invented&state={state}")

    assert 410 == response.status
    assert await signed_in_as(visitor) is None


async def test_trick_is_not_followed_after_web_login(site: Site) -> None:
    """
    The way back leads to a path of this site, whatever was wished for.
    """
    visitor = site.visitor()
    for trick in tricks()[::5]:
        response = await visitor.fetch(
            "GET", "/login/wechat", params={"next": trick}, headers={"User-Agent": INSIDE}
        )
        state = query_of(response.headers["Location"])["state"]
        refused = await get(visitor, f"{CALLBACK}?state={state}")
        assert (302, "/?error=wechat_refused") == leads_to(refused), trick


async def test_trick_is_not_followed_by_who_is_signed_in(site: Site) -> None:
    """
    Who need not go to WeChat stays on this site as well.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    await visitor.post("/login", username="alice", password=PASSWORD)

    for trick in tricks()[::5]:
        response = await visitor.fetch("GET", "/login/wechat", params={"next": trick})
        assert (302, "/user") == leads_to(response), trick


async def test_flood_of_starts_is_stopped(site: Site) -> None:
    """
    Each start is remembered, so one address may not make them without end.
    """
    visitor = site.visitor()
    statuses = [(await get(visitor, "/login/wechat")).status for _ in range(301)]
    refused = await get(visitor, "/login/wechat")

    assert [302] * 300 + [429] == statuses
    assert "Retry-After" in refused.headers


# ---- to whom it is offered


@pytest.mark.parametrize(
    ("agent", "website", "button"),
    [
        (INSIDE, True, "微信登录"),
        (INSIDE, False, "微信登录"),
        (DESK, True, "到微信的页面登录"),
        (DESK, False, ""),
        (PHONE, True, ""),
        (WECOM, False, ""),
    ],
)
async def test_page_offers_the_way_that_is_open(
    start_site: StartSite, agent: str, website: bool, button: str
) -> None:
    """
    A button leads to WeChat's page where that page opens, with the wish kept.
    """
    site = await start_site(wechat=WEBSITE if website else {})
    response = await get(site.visitor(), "/?next=/orders", agent)
    text = await response.text()

    link = 'href="/login/wechat?next=%2Forders"'
    assert "User-Agent" in response.headers["Vary"]
    assert bool(button) == (link in text)
    assert not button or f">{button}</a>" in text


async def test_phone_outside_wechat_is_told_how_to_go_on(site: Site) -> None:
    """
    A visitor on a phone hears of WeChat's browser and of the picture, on both pages.
    """
    visitor = site.visitor()
    page = await get(visitor, "/", PHONE)
    direct = await get(visitor, "/login/wechat?next=/orders", PHONE)

    assert "把本页地址发到微信里打开" in await page.text()
    assert 404 == direct.status
    assert "请在微信里打开" in await direct.text()
    assert "/?next=%2Forders" in await direct.text()


async def test_way_that_is_closed_is_told_as_such(start_site: StartSite) -> None:
    """
    Without a website app a desk is sent to the code; with neither, everybody is.
    """
    inside = await start_site()
    closed = await start_site(wechat={"mode": "official"})

    assert 404 == (await get(inside.visitor(), "/login/wechat", DESK)).status
    for agent in (INSIDE, DESK, PHONE):
        response = await get(closed.visitor(), "/login/wechat", agent)
        assert 404 == response.status
        assert "请回到登录页" in await response.text()


async def test_error_page_speaks_english(site: Site) -> None:
    """
    What went wrong is told in the visitor's language.
    """
    visitor = site.visitor()
    headers = {"Accept-Language": "en", "User-Agent": INSIDE}

    response = await visitor.fetch("GET", f"{CALLBACK}?code=x&state=x", headers=headers)

    assert "This sign-in is no longer valid" in await response.text()
