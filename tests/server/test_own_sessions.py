"""`/sessions`: where one is signed in, and the way out."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.server.cities import HANGZHOU, write_cities
from tests.server.conftest import StartSite
from tests.server.pushing import scan
from tests.server.web import DESK, INSIDE, WEBSITE, come_in
from tests.site import OPENID, PASSWORD, Site, Visitor

SESSION = "saoma_session"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"


async def sign_in(site: Site, username: str = "alice", agent: str = CHROME) -> Visitor:
    """Return a browser that has signed in with a password."""
    visitor = site.visitor()
    visitor.http.headers["User-Agent"] = agent
    assert 200 == (await visitor.post("/login", username=username, password=PASSWORD))[0]
    return visitor


async def list_of(visitor: Visitor) -> list[dict[str, Any]]:
    """Return the visitor's sessions."""
    status, answer = await visitor.request("GET", "/sessions")
    assert 200 == status
    assert {"sessions"} == set(answer)
    return list(answer["sessions"])


async def own_id(visitor: Visitor) -> str:
    """Return how the visitor's own session is called."""
    (entry,) = [entry for entry in await list_of(visitor) if entry["current"]]
    return str(entry["id"])


async def is_signed_in(visitor: Visitor) -> bool:
    """Tell whether the browser's session is one."""
    return 200 == (await visitor.request("GET", "/session"))[0]


async def bind(site: Site, visitor: Visitor) -> None:
    """Link a WeChat user to the account of whom has signed in."""
    page = await visitor.open_page("/user")
    await scan(site, await page.get_qr())
    token = (await page.expect("bind_required"))["bind_token"]
    assert 200 == (await visitor.post("/user/bind", bind_token=token))[0]


# ---- the list


async def test_list_tells_what_the_owner_needs(start_site: StartSite, folder: Path) -> None:
    """
    Browser, place, way, times and which one asks; nothing that opens anything.
    """
    cities = write_cities(folder / "cities.mmdb", {"127.0.0.0/8": HANGZHOU})
    site = await start_site(phone={"city_database": str(cities)})
    await site.add_account("alice")
    here = await sign_in(site)
    other = await sign_in(site, agent="Prize-of-1000-yuan/1.0")

    entries = {entry.pop("id"): entry for entry in await list_of(here)}

    common = {"place": "杭州", "by": "password", "first_used": 0, "last_used": 0}
    mine, theirs = await own_id(here), await own_id(other)
    assert {
        mine: common | {"browser": "Chrome/Windows", "current": True},
        theirs: common | {"browser": "", "current": False},
    } == entries
    for visitor, name in ((here, mine), (other, theirs)):
        token = visitor.cookie(SESSION) or ""
        assert name not in token
        stranger = site.visitor()
        stranger.http.cookie_jar.update_cookies({SESSION: name})
        assert not await is_signed_in(stranger)


@pytest.mark.parametrize(("agent", "by"), [(INSIDE, "web"), (DESK, "web"), ("", "scan")])
async def test_list_tells_how_each_session_began(
    start_site: StartSite, agent: str, by: str
) -> None:
    """
    With a scan or on WeChat's own page, whichever that is.
    """
    site = await start_site(login={"auto_register": True}, wechat=WEBSITE)
    visitor = site.visitor()
    if agent:
        assert 302 == (await come_in(site, visitor, agent)).status
    else:
        page = await visitor.open_page()
        await scan(site, await page.get_qr())
        await visitor.post("/session", code=(await page.expect("success"))["code"])

    assert [by] == [entry["by"] for entry in await list_of(visitor)]


async def test_list_needs_a_session(site: Site) -> None:
    """
    Signed out there is nothing to see and nothing to end.
    """
    visitor = site.visitor()

    answers = [
        await visitor.request("GET", "/sessions"),
        await visitor.request("DELETE", "/sessions"),
        await visitor.request("DELETE", f"/sessions/{'0' * 16}"),
    ]

    assert [(401, "signed_out")] * 3 == [
        (status, answer["error"]["code"]) for status, answer in answers
    ]


# ---- ending


async def test_one_session_is_ended_elsewhere(site: Site) -> None:
    """
    The other browser is signed out with its next request; a third one stays.
    """
    await site.add_account("alice")
    here, other, third = [await sign_in(site) for _ in range(3)]
    session_id = await own_id(other)

    ended = await here.request("DELETE", f"/sessions/{session_id}")
    again, answer = await here.request("DELETE", f"/sessions/{session_id}")

    assert (204, "") == ended
    assert (404, "session_unknown") == (again, answer["error"]["code"])
    assert [True, False, True] == [await is_signed_in(each) for each in (here, other, third)]


async def test_all_others_are_ended(site: Site) -> None:
    """
    This browser stays signed in, and so do other accounts.
    """
    await site.add_account("alice")
    await site.add_account("bob")
    here, *others = [await sign_in(site) for _ in range(3)]
    bob = await sign_in(site, "bob")

    assert (204, "") == await here.request("DELETE", "/sessions")

    assert [False, False] == [await is_signed_in(each) for each in others]
    assert [True, True] == [await is_signed_in(each) for each in (here, bob)]
    assert [await own_id(here)] == [entry["id"] for entry in await list_of(here)]


async def test_own_session_can_be_ended_by_its_id(site: Site) -> None:
    """
    That is signing out: the cookie goes too.
    """
    await site.add_account("alice")
    here = await sign_in(site)

    status, _ = await here.request("DELETE", f"/sessions/{await own_id(here)}")

    assert 204 == status
    assert here.cookie(SESSION) is None


async def test_sessions_of_others_are_unknown(site: Site) -> None:
    """
    Nobody ends, or learns of, a session of somebody else.
    """
    await site.add_account("alice")
    await site.add_account("bob")
    alice, bob = await sign_in(site), await sign_in(site, "bob")

    status, answer = await alice.request("DELETE", f"/sessions/{await own_id(bob)}")

    assert (404, "session_unknown") == (status, answer["error"]["code"])
    assert await is_signed_in(bob)


@pytest.mark.parametrize("session_id", ["x", "0" * 64, "%00", "a%2Fb", "*", "用户"])
async def test_id_of_another_form_is_unknown(site: Site, session_id: str) -> None:
    """
    Whatever stands there, the answer is JSON with a code, and nothing ends.
    """
    await site.add_account("alice")
    here, other = await sign_in(site), await sign_in(site)

    status, answer = await here.request("DELETE", f"/sessions/{session_id}")

    assert (404, "session_unknown") == (status, answer["error"]["code"])
    assert [True, True] == [await is_signed_in(each) for each in (here, other)]


async def test_ending_needs_the_xsrf_token(site: Site) -> None:
    """
    A page of another site ends no session, with or without an origin.
    """
    await site.add_account("alice")
    here, other = await sign_in(site), await sign_in(site)
    paths = ["/sessions", f"/sessions/{await own_id(other)}"]

    without = [await here.request("DELETE", path, headers={"X-XSRFToken": ""}) for path in paths]
    foreign = [
        await here.request("DELETE", path, headers={"Origin": "https://evil.example"})
        for path in paths
    ]

    assert [403] * 4 == [status for status, _ in [*without, *foreign]]
    assert await is_signed_in(other)


# ---- how many, and which


async def test_newest_sign_in_ends_the_one_unused_the_longest(start_site: StartSite) -> None:
    """
    At the limit another sign-in succeeds, and the browser that nobody used is signed out.
    """
    site = await start_site(session={"per_account": 2})
    await site.add_account("alice")
    visitors = [await sign_in(site) for _ in range(3)]

    assert [False, True, True] == [await is_signed_in(each) for each in visitors]
    assert 2 == len(await list_of(visitors[2]))


async def test_code_that_is_traded_many_times_at_once_signs_nobody_out(
    start_site: StartSite,
) -> None:
    """
    One trade signs in; those that lose end no session, neither the winner's nor another's.
    """
    site = await start_site(session={"per_account": 2})
    account = await site.add_account("alice")
    await site.resources.directory.bind(OPENID, account)
    other, here = await sign_in(site), site.visitor()
    page = await here.open_page()
    await scan(site, await page.get_qr())
    code = (await page.expect("success"))["code"]

    answers = await asyncio.gather(
        *(here.fetch("POST", "/session", json={"code": code}) for _ in range(50))
    )

    (won,) = [answer for answer in answers if answer.status == 200]
    here.http.cookie_jar.update_cookies({SESSION: won.cookies[SESSION].value})
    assert {200: 1, 410: 49} == Counter(answer.status for answer in answers)
    assert [True, True] == [await is_signed_in(each) for each in (other, here)]
    assert 2 == len(await list_of(here))


async def test_session_is_new_after_binding_and_after_unbinding(site: Site) -> None:
    """
    Each change of rights gives the browser another cookie; the former one opens nothing.
    """
    await site.add_account("alice")
    here, other = await sign_in(site), await sign_in(site)
    tokens = [here.cookie(SESSION)]
    await bind(site, here)
    tokens.append(here.cookie(SESSION))

    await here.post("/user/unbind", password=PASSWORD)

    former = site.visitor()
    alive = []
    for token in tokens:
        former.http.cookie_jar.update_cookies({SESSION: token or ""})
        alive.append(await is_signed_in(former))
    assert 3 == len({*tokens, here.cookie(SESSION)})
    assert [False, False] == alive
    assert [True, True] == [await is_signed_in(each) for each in (here, other)]


async def test_unbinding_signs_out_the_browsers_that_scanned(site: Site) -> None:
    """
    A browser that came in by the WeChat which is taken off is out; who asked goes on.
    """
    await site.add_account("alice")
    here = await sign_in(site)
    await bind(site, here)
    scanned = site.visitor()
    page = await scanned.open_page()
    await scan(site, await page.get_qr())
    await scanned.post("/session", code=(await page.expect("success"))["code"])
    before = await is_signed_in(scanned)

    await here.post("/user/unbind", password=PASSWORD)

    assert before
    assert not await is_signed_in(scanned)
    assert ["password"] == [entry["by"] for entry in await list_of(here)]
