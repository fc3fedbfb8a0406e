"""Signing in with a code or a password, who one is, signing out."""

import json
import logging
from http.cookies import Morsel
from typing import Any

import aiohttp
import pytest

from tests.server.conftest import StartSite
from tests.server.pushing import scan
from tests.site import OPENID, PASSWORD, Site, Visitor
from tests.time_machine import TimeMachine

SESSION = "saoma_session"


async def login_code(site: Site, visitor: Visitor) -> str:
    """Return the login code that a scan of *visitor*'s page brought."""
    await site.resources.directory.register(OPENID)
    page = await visitor.open_page()
    await scan(site, await page.get_qr())
    code: str = (await page.expect("success"))["code"]
    return code


def session_cookie(response: aiohttp.ClientResponse) -> "Morsel[str]":
    """Return the session cookie that the answer sets."""
    return response.cookies[SESSION]


def code_of(answer: tuple[int, Any]) -> tuple[int, str]:
    """Return status and error code of an answer."""
    status, body = answer
    assert {"error"} == set(body)
    assert {"code", "message"} <= set(body["error"]) <= {"code", "message", "retry_after"}
    assert body["error"]["message"]
    return status, body["error"]["code"]


# ---- POST /session


async def test_code_is_traded_for_a_session(site: Site) -> None:
    """
    The one-time code of a scan becomes a session cookie, a name and the way on.
    """
    account = await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    code = await login_code(site, visitor)

    traded = await visitor.fetch("POST", "/session", json={"code": code})

    cookie = session_cookie(traded)
    assert 200 == traded.status
    assert "application/json" == traded.content_type
    assert {"username": account.username, "next": "/user"} == await traded.json()
    assert cookie["httponly"]
    assert "Lax" == cookie["samesite"]
    assert "/" == cookie["path"]
    assert "" == cookie["domain"]
    assert not cookie["secure"]
    assert 7_776_000 == int(cookie["max-age"])
    assert len(cookie.value) >= 43


async def test_code_works_once(site: Site) -> None:
    """
    A code that was traded is gone, also for the browser that traded it.
    """
    visitor = site.visitor()
    code = await login_code(site, visitor)
    await visitor.post("/session", code=code)

    assert (410, "code_gone") == code_of(await visitor.post("/session", code=code))
    assert 200 == (await visitor.request("GET", "/session"))[0]


async def test_code_works_in_its_own_browser_only(site: Site) -> None:
    """
    Who steals a code cannot use it; the browser that it was for still can.
    """
    visitor = site.visitor()
    code = await login_code(site, visitor)

    assert (410, "code_gone") == code_of(await site.visitor().post("/session", code=code))
    assert 200 == (await visitor.post("/session", code=code))[0]


async def test_code_runs_out(start_site: StartSite, prefix: str, time_machine: TimeMachine) -> None:
    """
    After `code_seconds` a code is gone.
    """
    site = await start_site(prefix=prefix, login={"code_seconds": 60})
    visitor = site.visitor()
    code = await login_code(site, visitor)

    await time_machine.forward(60)

    assert (410, "code_gone") == code_of(await visitor.post("/session", code=code))


@pytest.mark.parametrize("code", ["", "nonsense", "x" * 43, "\x00", "用户"])
async def test_unknown_code_is_gone(site: Site, code: str) -> None:
    """
    A code that never was one is answered like one that is used up.
    """
    visitor = site.visitor()

    assert (410, "code_gone") == code_of(await visitor.post("/session", code=code))
    assert visitor.cookie(SESSION) is None


async def test_bind_token_is_no_login_code(site: Site) -> None:
    """
    The proof of a scan without an account does not sign in.
    """
    visitor = site.visitor()
    page = await visitor.open_page()
    await scan(site, await page.get_qr())
    token = (await page.expect("bind_required"))["bind_token"]

    assert (410, "code_gone") == code_of(await visitor.post("/session", code=token))


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", '"x"', '{"code": 7}', '{"code": null}', '{"code": ["x"]}']
)
async def test_body_that_is_not_understood_is_a_json_error(site: Site, body: str) -> None:
    """
    A body of another form is refused in JSON, and signs nobody in.
    """
    visitor = site.visitor()

    status, answer = await visitor.request("POST", "/session", data=body)

    assert status in {400, 410}
    assert answer["error"]["code"] in {"bad_request", "code_gone"}
    assert visitor.cookie(SESSION) is None


async def test_secure_cookies_under_https(start_site: StartSite) -> None:
    """
    Behind https every cookie is Secure, and browsers are told to stay with TLS.
    """
    site = await start_site(server={"public_url": "https://login.example"})
    await site.add_account("alice")
    async with site.visitor().http.get("/session") as first:
        cookies = dict(first.cookies)
    xsrf = cookies["_xsrf"].value

    async with site.visitor().http.post(
        "/login",
        json={"username": "alice", "password": PASSWORD},
        headers={"X-XSRFToken": xsrf, "Cookie": f"_xsrf={xsrf}", "Origin": "https://login.example"},
    ) as response:
        cookies |= dict(response.cookies)

    assert 200 == response.status
    assert {f"__Host-{SESSION}", "_xsrf", "__Host-saoma_browser"} == set(cookies)
    assert all(cookie["secure"] for cookie in cookies.values())
    assert all("/" == cookie["path"] and not cookie["domain"] for cookie in cookies.values())
    assert cookies[f"__Host-{SESSION}"]["httponly"]
    assert "max-age=" in response.headers["Strict-Transport-Security"]


@pytest.mark.parametrize("name", ["__Host-mine", "__Secure-mine"])
async def test_cookie_name_with_a_prefix_is_the_operators(start_site: StartSite, name: str) -> None:
    """
    A name that has a prefix already gets no second one.
    """
    site = await start_site(
        server={"public_url": "https://login.example"}, session={"cookie_name": name}
    )
    await site.add_account("alice")
    signed_in = await site.resources.context.entrance.by_password("alice", PASSWORD, "a", "b")

    async with site.visitor().http.get(
        "/session", headers={"Cookie": f"{name}={signed_in.session.token}"}
    ) as response:
        assert 200 == response.status


async def test_browser_cookie_is_a_secret_of_the_browser(site: Site) -> None:
    """
    The cookie that ties codes to the browser is HttpOnly, Lax and long.
    """
    async with site.visitor().http.get("/") as response:
        cookie = response.cookies["saoma_browser"]

    assert cookie["httponly"]
    assert "Lax" == cookie["samesite"]
    assert "/" == cookie["path"]
    assert len(cookie.value) >= 43


async def test_session_is_new_at_every_sign_in(site: Site) -> None:
    """
    A session that was planted before is not taken over, and the former one ends.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    await visitor.post("/login", username="alice", password=PASSWORD)
    former = visitor.cookie(SESSION)

    await visitor.post("/login", username="alice", password=PASSWORD)

    assert former != visitor.cookie(SESSION)
    headers = {"Cookie": f"{SESSION}={former}"}
    async with site.visitor().http.get("/session", headers=headers) as response:
        assert 401 == response.status


# ---- POST /login


@pytest.mark.parametrize("username", ["alice", "Alice", "ＡＬＩＣＥ"])
async def test_password_signs_in(site: Site, username: str) -> None:
    """
    Name and password become a session; case and width of the name do not matter.
    """
    await site.add_account("alice")
    visitor = site.visitor()

    response = await visitor.fetch(
        "POST", "/login", json={"username": username, "password": PASSWORD}
    )

    assert 200 == response.status
    assert {"username": "alice", "next": "/user"} == await response.json()
    assert session_cookie(response)["httponly"]
    assert (200, {"username": "alice", "wechat_bound": False}) == await visitor.request(
        "GET", "/session"
    )


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("alice", "wrong"),
        ("alice", ""),
        ("alice", PASSWORD + " "),
        ("alice", PASSWORD.upper()),
        ("nobody", PASSWORD),
        ("", ""),
        ("without", ""),
        ("without", PASSWORD),
        ("alice", "x" * 5000),
        ("' OR 1=1 --", "x"),
        ("{{7*7}}", "{{7*7}}"),
        ("alice\x00", PASSWORD),
    ],
)
async def test_bad_credentials_look_all_the_same(site: Site, username: str, password: str) -> None:
    """
    Whether or not there is such a user, with or without a password, the answer is the same.
    """
    await site.add_account("alice")
    await site.add_account("without", None)
    visitor = site.visitor()

    answer = await visitor.post("/login", username=username, password=password)

    expected = {
        "error": {
            "code": "bad_credentials",
            "message": "The user name or the password is wrong.",
        }
    }
    assert (401, expected) == answer
    assert visitor.cookie(SESSION) is None


@pytest.mark.parametrize(
    "body", [{"username": 1, "password": "x"}, {"username": "a", "password": ["x"]}, []]
)
async def test_login_takes_texts_only(site: Site, body: Any) -> None:
    """
    Other types are no user name and no password.
    """
    answer = await site.visitor().request("POST", "/login", json=body)

    assert (400, "bad_request") == code_of(answer)


async def test_too_many_wrong_passwords_have_to_wait(start_site: StartSite) -> None:
    """
    After so many wrong ones even the right password waits, and the answer says how long.
    """
    site = await start_site(
        limits={"password_tries_per_account": 2, "password_window_seconds": 300}
    )
    await site.add_account("alice")
    await site.add_account("bob")
    visitor = site.visitor()
    for _ in range(2):
        await visitor.post("/login", username="alice", password="wrong")

    response = await visitor.fetch(
        "POST", "/login", json={"username": "ALICE", "password": PASSWORD}
    )
    bob, _ = await visitor.post("/login", username="bob", password=PASSWORD)

    answer = response.status, await response.json()
    seconds = answer[1]["error"]["retry_after"]
    assert (429, "rate_limited") == code_of(answer)
    assert 1 <= seconds <= 300
    assert str(seconds) == response.headers["Retry-After"]
    assert 200 == bob


async def test_names_that_do_not_exist_are_limited_alike(start_site: StartSite) -> None:
    """
    Being limited does not tell whether there is such a user.
    """
    site = await start_site(limits={"password_tries_per_account": 1})
    visitor = site.visitor()
    await visitor.post("/login", username="nobody", password="wrong")

    answer = await visitor.post("/login", username="nobody", password="wrong")

    assert (429, "rate_limited") == code_of(answer)


async def test_an_address_is_limited_over_all_names(start_site: StartSite) -> None:
    """
    Trying one password on many names is counted too.
    """
    site = await start_site(limits={"password_tries_per_address": 2})
    await site.add_account("alice")
    visitor = site.visitor()
    for name in ("one", "two"):
        await visitor.post("/login", username=name, password="wrong")

    answer = await visitor.post("/login", username="alice", password=PASSWORD)

    assert (429, "rate_limited") == code_of(answer)


async def test_limit_ends_with_its_window(
    start_site: StartSite, prefix: str, time_machine: TimeMachine
) -> None:
    """
    Nobody is locked out for good.
    """
    site = await start_site(
        prefix=prefix, limits={"password_tries_per_account": 1, "password_window_seconds": 300}
    )
    await site.add_account("alice")
    visitor = site.visitor()
    await visitor.post("/login", username="alice", password="wrong")

    await time_machine.forward(300)

    assert 200 == (await visitor.post("/login", username="alice", password=PASSWORD))[0]


async def test_right_passwords_are_not_counted(start_site: StartSite) -> None:
    """
    Signing in often is no guessing.
    """
    site = await start_site(limits={"password_tries_per_account": 1})
    await site.add_account("alice")

    answers = [
        await site.visitor().post("/login", username="alice", password=PASSWORD) for _ in range(3)
    ]

    assert [200] * 3 == [status for status, _ in answers]


# ---- plain forms


async def xsrf_of(visitor: Visitor) -> str:
    """Return the XSRF token of the sign-in page."""
    async with visitor.http.get("/"):
        pass
    return visitor.cookie("_xsrf") or ""


async def test_form_signs_in_and_is_sent_on(site: Site) -> None:
    """
    A page without JavaScript posts a form with `_xsrf` and is redirected.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    form = {"_xsrf": await xsrf_of(visitor), "username": "alice", "password": PASSWORD}

    async with visitor.http.post(
        "/login", data=form, headers={"Accept": "text/html"}, allow_redirects=False
    ) as response:
        pass

    assert 303 == response.status
    assert "/user" == response.headers["Location"]
    assert session_cookie(response)["httponly"]


async def test_form_of_a_program_gets_json(site: Site) -> None:
    """
    The form field is as good as the header, and JSON comes back unless a page is wanted.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    form = {"_xsrf": await xsrf_of(visitor), "username": "alice", "password": PASSWORD}

    async with visitor.http.post("/login", data=form) as response:
        answer = await response.json()

    assert (200, {"username": "alice", "next": "/user"}) == (response.status, answer)


async def test_form_with_a_wrong_password_comes_back_to_the_page(site: Site) -> None:
    """
    The page shows what was wrong, and keeps where to go.
    """
    visitor = site.visitor()
    form = {"_xsrf": await xsrf_of(visitor), "username": "a", "password": "b", "next": "/x?y=1"}

    async with visitor.http.post(
        "/login", data=form, headers={"Accept": "text/html"}, allow_redirects=False
    ) as response:
        place = response.headers["Location"]
    page = await visitor.fetch("GET", place)

    assert 303 == response.status
    assert place.startswith("/?")
    assert 'value="/x?y=1"' in await page.text()


# ---- GET and DELETE /session


@pytest.mark.parametrize("cookie", [None, "nonsense", "x" * 43])
async def test_nobody_is_signed_in_without_a_session(site: Site, cookie: str | None) -> None:
    """
    Without a session that is known the answer is 401.
    """
    headers = {"Cookie": f"{SESSION}={cookie}"} if cookie else {}

    answer = await site.visitor().request("GET", "/session", headers=headers)

    assert 401 == code_of(answer)[0]


async def test_session_tells_name_and_wechat(site: Site) -> None:
    """
    The signed-in browser learns its name and whether WeChat is bound, and nothing else.
    """
    visitor = site.visitor()
    code = await login_code(site, visitor)
    _, traded = await visitor.post("/session", code=code)

    assert (200, {"username": traded["username"], "wechat_bound": True}) == await visitor.request(
        "GET", "/session"
    )


async def test_delete_ends_the_session(site: Site) -> None:
    """
    Signing out ends the session on the server, not only the cookie.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    await visitor.post("/login", username="alice", password=PASSWORD)
    token = visitor.cookie(SESSION)

    status, body = await visitor.request("DELETE", "/session")

    assert (204, "") == (status, body)
    assert not visitor.cookie(SESSION)
    headers = {"Cookie": f"{SESSION}={token}"}
    async with site.visitor().http.get("/session", headers=headers) as response:
        assert 401 == response.status


async def test_signing_out_is_logged_with_the_account(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """
    One line names whose session ended; signing out again writes none.
    """
    account_id = await site.add_account("alice")
    visitor = site.visitor()
    await visitor.post("/login", username="alice", password=PASSWORD)
    headers = {"Cookie": f"{SESSION}={visitor.cookie(SESSION)}"}

    with caplog.at_level(logging.INFO, "login.entrance"):
        for _ in range(2):
            await visitor.request("DELETE", "/session", headers=headers)

    assert [f"signed out account={account_id}"] == caplog.messages


async def test_delete_without_a_session_is_fine(site: Site) -> None:
    """
    Signing out twice is no error.
    """
    assert (204, "") == await site.visitor().request("DELETE", "/session")


async def test_sign_out_leaves_other_browsers_signed_in(site: Site) -> None:
    """
    A session is one browser's.
    """
    await site.add_account("alice")
    one, other = site.visitor(), site.visitor()
    for visitor in (one, other):
        await visitor.post("/login", username="alice", password=PASSWORD)

    await one.request("DELETE", "/session")

    assert 200 == (await other.request("GET", "/session"))[0]


async def test_idle_session_ends(
    start_site: StartSite, prefix: str, time_machine: TimeMachine
) -> None:
    """
    A session that is not used for `idle_seconds` is over; use keeps it.
    """
    site = await start_site(prefix=prefix, session={"idle_seconds": 100, "absolute_seconds": 1000})
    await site.add_account("alice")
    visitor = site.visitor()
    await visitor.post("/login", username="alice", password=PASSWORD)

    await time_machine.forward(80)
    used, _ = await visitor.request("GET", "/session")
    await time_machine.forward(80)
    used_again, _ = await visitor.request("GET", "/session")
    await time_machine.forward(101)

    assert [200, 200] == [used, used_again]
    assert 401 == (await visitor.request("GET", "/session"))[0]


async def test_every_session_ends_absolutely(
    start_site: StartSite, prefix: str, time_machine: TimeMachine
) -> None:
    """
    However much it is used, a session ends after `absolute_seconds`.
    """
    site = await start_site(prefix=prefix, session={"idle_seconds": 100, "absolute_seconds": 150})
    await site.add_account("alice")
    visitor = site.visitor()
    await visitor.post("/login", username="alice", password=PASSWORD)

    answers = []
    for _ in range(2):
        await time_machine.forward(75)
        answers.append((await visitor.request("GET", "/session"))[0])

    assert [200, 401] == answers


async def test_cookie_has_the_configured_name(start_site: StartSite) -> None:
    """
    Several sites on one host can keep their sessions apart.
    """
    site = await start_site(session={"cookie_name": "other_site"})
    await site.add_account("alice")
    visitor = site.visitor()

    await visitor.post("/login", username="alice", password=PASSWORD)

    assert visitor.cookie("other_site")
    assert visitor.cookie(SESSION) is None


async def test_session_cookie_is_for_the_whole_domain_where_that_is_wished(
    start_site: StartSite,
) -> None:
    """
    Other hosts of the domain get the session cookie and no other of ours; it is cleared there too.
    Browsers take no `__Host-` cookie for a domain.
    """
    domain = {"cookie_domain": "example.com"}
    site = await start_site(server={"public_url": "https://login.example.com"}, session=domain)
    await site.add_account("alice")
    visitor = site.visitor()
    body = {"username": "alice", "password": PASSWORD}
    async with visitor.http.get("/session") as first:
        token = first.headers["X-XSRFToken"]
        cookies = {name: morsel.value for name, morsel in first.cookies.items()}

    headers = {"X-XSRFToken": token, "Cookie": "; ".join(map("=".join, cookies.items()))}
    async with visitor.http.post("/login", json=body, headers=headers) as entered:
        begun = entered.cookies[f"__Secure-{SESSION}"]
    headers["Cookie"] += f"; {begun.key}={begun.value}"
    async with visitor.http.get("/session", headers=headers) as known:
        assert 200 == known.status
    async with visitor.http.delete("/session", headers=headers) as left:
        ended = left.cookies[begun.key]

    assert {""} == {morsel["domain"] for morsel in first.cookies.values()}
    assert ["example.com", "example.com"] == [begun["domain"], ended["domain"]]
    assert begun["secure"]
    assert begun.value
    assert not ended.value


async def test_session_is_known_to_every_node(nodes: tuple[Site, Site]) -> None:
    """
    Who signs in on one node is signed in on all.
    """
    one, other = nodes
    await one.add_account("alice")
    visitor = one.visitor()
    await visitor.post("/login", username="alice", password=PASSWORD)

    async with visitor.http.get(f"{other.base_url}/session") as response:
        answer = json.loads(await response.text())

    assert {"username": "alice", "wechat_bound": False} == answer
