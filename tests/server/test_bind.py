"""`/user/bind` and `/user/unbind`."""

import asyncio
from typing import Any

import pytest

from tests.server.conftest import StartSite
from tests.server.pushing import scan
from tests.site import OPENID, OTHER_OPENID, PASSWORD, Page, Site, Visitor
from tests.time_machine import TimeMachine

SESSION = "saoma_session"


async def scanned(site: Site, visitor: Visitor, openid: str = OPENID) -> tuple[Page, str]:
    """Return a page of *visitor* and the bind token that a scan brought it."""
    page = await visitor.open_page()
    await scan(site, await page.get_qr(), openid=openid)
    return page, (await page.expect("bind_required"))["bind_token"]


async def bind(visitor: Visitor, token: str, **fields: Any) -> tuple[int, Any]:
    """Bind to alice's account, unless *fields* say otherwise."""
    fields = {"username": "alice", "password": PASSWORD} | fields
    return await visitor.post("/user/bind", bind_token=token, **fields)


def code_of(answer: tuple[int, Any]) -> tuple[int, str]:
    """Return status and error code of an answer."""
    return answer[0], answer[1]["error"]["code"]


async def test_bind_links_and_signs_in(site: Site) -> None:
    """
    Scan and password together link the WeChat user to the account and sign in.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    page, token = await scanned(site, visitor)

    response = await visitor.fetch(
        "POST",
        "/user/bind",
        json={"bind_token": token, "username": "alice", "password": PASSWORD},
    )

    assert 200 == response.status
    assert {"status": True, "username": "alice"} == await response.json()
    assert response.cookies[SESSION]["httponly"]
    assert "Lax" == response.cookies[SESSION]["samesite"]
    assert (200, {"username": "alice", "wechat_bound": True}) == await visitor.request(
        "GET", "/session"
    )
    assert [] == await page.rest()
    assert 1000 == page.socket.close_code


async def test_bound_user_is_signed_in_by_the_next_scan(site: Site) -> None:
    """
    Whoever bound once never binds again.
    """
    await site.add_account("alice")
    _, token = await scanned(site, visitor := site.visitor())
    await bind(visitor, token)

    page = await site.visitor().open_page()
    await scan(site, await page.get_qr())

    assert await page.expect("success")


async def test_bind_token_works_once(site: Site) -> None:
    """
    A token that was used is gone.
    """
    await site.add_account("alice")
    _, token = await scanned(site, visitor := site.visitor())
    await bind(visitor, token)

    assert (410, "bind_token_gone") == code_of(await bind(visitor, token))


async def test_bind_token_works_in_its_own_browser_only(site: Site) -> None:
    """
    A stolen token binds nobody; the browser that it was for can still use it.
    """
    await site.add_account("alice")
    _, token = await scanned(site, visitor := site.visitor())

    assert (410, "bind_token_gone") == code_of(await bind(site.visitor(), token))
    assert 200 == (await bind(visitor, token))[0]


async def test_bind_token_runs_out(
    start_site: StartSite, prefix: str, time_machine: TimeMachine
) -> None:
    """
    After `bind_seconds` a token is gone.
    """
    site = await start_site(prefix=prefix, login={"bind_seconds": 600})
    await site.add_account("alice")
    _, token = await scanned(site, visitor := site.visitor())

    await time_machine.forward(600)

    assert (410, "bind_token_gone") == code_of(await bind(visitor, token))


@pytest.mark.parametrize("token", ["", "nonsense", "x" * 43])
async def test_unknown_bind_token_is_gone(site: Site, token: str) -> None:
    """
    Without a scan there is nothing to bind, whatever the password.
    """
    await site.add_account("alice")
    visitor = site.visitor()

    assert (410, "bind_token_gone") == code_of(await bind(visitor, token))
    assert visitor.cookie(SESSION) is None


async def test_login_code_is_no_bind_token(site: Site) -> None:
    """
    A WeChat user who has an account is not bound to another with the login code.
    """
    await site.add_account("alice")
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    page = await visitor.open_page()
    await scan(site, await page.get_qr())
    code = (await page.expect("success"))["code"]

    assert (410, "bind_token_gone") == code_of(await bind(visitor, code))


@pytest.mark.parametrize("username", ["alice", "nobody", "without"])
async def test_bad_credentials_of_a_bind_look_all_the_same(site: Site, username: str) -> None:
    """
    Whether the user exists or not, the answer to a wrong password is the same; nothing is bound.
    """
    await site.add_account("alice")
    await site.add_account("without", None)
    _, token = await scanned(site, visitor := site.visitor())

    answer = await bind(visitor, token, username=username, password="wrong")

    expected = {
        "error": {
            "code": "bad_credentials",
            "message": "The user name or the password is wrong.",
        }
    }
    assert (401, expected) == answer
    assert await site.resources.directory.by_openid(OPENID) is None
    assert 200 == (await bind(visitor, token))[0]


async def test_openid_of_the_request_is_ignored(site: Site) -> None:
    """
    Who is bound is who scanned, not who the request names.
    """
    await site.add_account("alice")
    _, token = await scanned(site, visitor := site.visitor())

    status, _ = await bind(visitor, token, openid=OTHER_OPENID, account_id=99)

    assert 200 == status
    assert await site.resources.directory.by_openid(OPENID)
    assert await site.resources.directory.by_openid(OTHER_OPENID) is None


async def test_account_that_is_bound_is_taken(site: Site) -> None:
    """
    An account has one WeChat user; a second one is refused.
    """
    await site.add_account("alice")
    _, token = await scanned(site, first := site.visitor())
    await bind(first, token)
    _, token = await scanned(site, second := site.visitor(), OTHER_OPENID)

    assert (409, "account_taken") == code_of(await bind(second, token))
    assert second.cookie(SESSION) is None


async def test_openid_that_is_bound_is_taken(site: Site) -> None:
    """
    A WeChat user who was bound elsewhere in the meantime is not bound again.
    """
    await site.add_account("alice")
    await site.add_account("bob")
    _, first = await scanned(site, one := site.visitor())
    _, second = await scanned(site, other := site.visitor())
    await bind(one, first)

    answer = await bind(other, second, username="bob")

    assert (409, "openid_taken") == code_of(answer)
    assert other.cookie(SESSION) is None


async def test_refused_bind_can_be_tried_with_another_account(site: Site) -> None:
    """
    The token outlives a conflict: the visitor picks another account.
    """
    await site.add_account("alice")
    await site.add_account("bob")
    _, token = await scanned(site, first := site.visitor())
    await bind(first, token)
    _, token = await scanned(site, second := site.visitor(), OTHER_OPENID)
    await bind(second, token)

    assert (200, {"status": True, "username": "bob"}) == await bind(second, token, username="bob")


async def test_bindings_at_the_same_time_are_one(site: Site) -> None:
    """
    Of many bindings of one WeChat user at once exactly one is made.
    """
    names = [f"user{number}" for number in range(4)]
    for name in names:
        await site.add_account(name)
    visitors = [site.visitor() for _ in names]
    tokens = [(await scanned(site, visitor))[1] for visitor in visitors]

    answers = await asyncio.gather(
        *(
            bind(visitor, token, username=name)
            for visitor, token, name in zip(visitors, tokens, names, strict=True)
        )
    )

    assert [200, 409, 409, 409] == sorted(status for status, _ in answers)
    bound = [account for account in await site.resources.directory.all() if account.wechat_bound]
    assert 1 == len(bound)


async def test_too_many_wrong_passwords_of_a_bind_have_to_wait(start_site: StartSite) -> None:
    """
    Guessing by binding is limited like guessing by signing in.
    """
    site = await start_site(limits={"password_tries_per_account": 2})
    await site.add_account("alice")
    _, token = await scanned(site, visitor := site.visitor())
    for _ in range(2):
        await bind(visitor, token, password="wrong")

    response = await visitor.fetch(
        "POST",
        "/user/bind",
        json={"bind_token": token, "username": "alice", "password": PASSWORD},
    )

    answer = await response.json()
    assert (429, "rate_limited") == (response.status, answer["error"]["code"])
    assert str(answer["error"]["retry_after"]) == response.headers["Retry-After"]


async def test_scan_that_was_guessed_with_too_often_is_gone(start_site: StartSite) -> None:
    """
    After so many wrong passwords one has to scan again.
    """
    site = await start_site(limits={"password_tries_per_bind": 2})
    await site.add_account("alice")
    _, token = await scanned(site, visitor := site.visitor())
    for _ in range(2):
        await bind(visitor, token, password="wrong")

    assert (410, "bind_token_gone") == code_of(await bind(visitor, token))


@pytest.mark.parametrize("body", [{"bind_token": 1}, {"bind_token": "x", "username": 1}, []])
async def test_bind_takes_texts_only(site: Site, body: Any) -> None:
    """
    A body of another form is refused.
    """
    answer = await site.visitor().request("POST", "/user/bind", json=body)

    assert (400, "bad_request") == code_of(answer)


async def test_bind_as_a_form(site: Site) -> None:
    """
    The fields may come as a form, with the XSRF token as one of them.
    """
    await site.add_account("alice")
    _, token = await scanned(site, visitor := site.visitor())
    form = {
        "_xsrf": visitor.cookie("_xsrf") or "",
        "bind_token": token,
        "username": "alice",
        "password": PASSWORD,
    }

    async with visitor.http.post("/user/bind", data=form) as response:
        answer = await response.json()

    assert (200, {"status": True, "username": "alice"}) == (response.status, answer)


# ---- signed in


async def test_signed_in_visitor_binds_without_a_password(site: Site) -> None:
    """
    Whoever is signed in links WeChat to that account with the scan alone.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    await visitor.post("/login", username="alice", password=PASSWORD)
    _, token = await scanned(site, visitor)

    answer = await visitor.post("/user/bind", bind_token=token)

    assert (200, {"status": True, "username": "alice"}) == answer
    assert (200, {"username": "alice", "wechat_bound": True}) == await visitor.request(
        "GET", "/session"
    )


async def test_signed_out_visitor_needs_a_password(site: Site) -> None:
    """
    The scan alone binds nobody.
    """
    await site.add_account("alice")
    _, token = await scanned(site, visitor := site.visitor())

    status, _ = await visitor.post("/user/bind", bind_token=token)

    assert 401 == status
    assert await site.resources.directory.by_openid(OPENID) is None
    assert 200 == (await bind(visitor, token))[0]


async def test_name_and_password_count_more_than_the_session(site: Site) -> None:
    """
    A signed-in visitor who names another account needs its password, and is signed in to it.
    """
    await site.add_account("alice")
    await site.add_account("bob")
    visitor = site.visitor()
    await visitor.post("/login", username="bob", password=PASSWORD)
    _, token = await scanned(site, visitor)

    wrong = await bind(visitor, token, password="wrong")
    right = await bind(visitor, token)

    assert (401, "bad_credentials") == code_of(wrong)
    assert (200, {"status": True, "username": "alice"}) == right


# ---- unbind


async def bound(site: Site) -> Visitor:
    """Return a visitor who is signed in to alice's account, with WeChat bound to it."""
    await site.add_account("alice")
    _, token = await scanned(site, visitor := site.visitor())
    await bind(visitor, token)
    return visitor


async def test_unbind_forgets_wechat(site: Site) -> None:
    """
    With the password the link is gone, the visitor stays signed in, and a scan binds anew.
    """
    visitor = await bound(site)

    status, _ = await visitor.post("/user/unbind", password=PASSWORD)
    session = await visitor.request("GET", "/session")
    _, token = await scanned(site, visitor)

    assert 200 == status
    assert (200, {"username": "alice", "wechat_bound": False}) == session
    assert token


@pytest.mark.parametrize("password", ["", "wrong"])
async def test_unbind_needs_the_password(site: Site, password: str) -> None:
    """
    An open browser alone does not unbind.
    """
    visitor = await bound(site)

    answer = await visitor.post("/user/unbind", password=password)

    assert (401, "bad_credentials") == code_of(answer)
    assert await site.resources.directory.by_openid(OPENID)


async def test_unbind_needs_a_session(site: Site) -> None:
    """
    Signed out there is nothing to unbind.
    """
    await bound(site)

    status, _ = await site.visitor().post("/user/unbind", password=PASSWORD)

    assert 401 == status
    assert await site.resources.directory.by_openid(OPENID)


async def test_last_way_in_is_not_taken(site: Site) -> None:
    """
    An account without a password keeps its WeChat.
    """
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    page = await visitor.open_page()
    await scan(site, await page.get_qr())
    await visitor.post("/session", code=(await page.expect("success"))["code"])

    answer = await visitor.post("/user/unbind", password="anything")

    assert (409, "last_way_in") == code_of(answer)
    assert await site.resources.directory.by_openid(OPENID)


async def test_unbind_is_limited(start_site: StartSite) -> None:
    """
    The password cannot be guessed here either.
    """
    site = await start_site(limits={"password_tries_per_account": 1})
    visitor = await bound(site)
    await visitor.post("/user/unbind", password="wrong")

    answer = await visitor.post("/user/unbind", password=PASSWORD)

    assert (429, "rate_limited") == code_of(answer)
