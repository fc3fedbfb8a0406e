"""Web login: the screens, codes that are good once, and what they are exchanged for."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from sandbox import Account, ManualClock, Sandbox, serve_sandbox
from sandbox.files import STATIC, TEMPLATES

IN_WECHAT = {"User-Agent": "Mozilla/5.0 MicroMessenger/8.0.50"}
BACK = "http://127.0.0.1:1234/back?kept=1"
EXCHANGE = "/sns/oauth2/access_token"
DEMO = "oQ7dX5kV3mZr9TfGh2LwYpN8sBcE"


class Web:
    """A browser at the screens, and the account's server behind them."""

    def __init__(self, http: aiohttp.ClientSession, sandbox: Sandbox) -> None:
        self.http = http
        self.sandbox = sandbox

    def asked(self, **changes: str) -> tuple[str, dict[str, str]]:
        """Return path and query of a request for a screen."""
        account = self.sandbox.account
        scope = changes.get("scope", "snsapi_base")
        website = scope == "snsapi_login"
        query = {
            "appid": account.open_appid if website else account.appid,
            "redirect_uri": BACK,
            "response_type": "code",
            "scope": scope,
            "state": "a-state",
        }
        return "/connect/qrconnect" if website else "/connect/oauth2/authorize", query | changes

    async def look(self, headers: Any = IN_WECHAT, **changes: str) -> tuple[int, str, str]:
        """Open a screen; return status, text and where it leads."""
        path, query = self.asked(**changes)
        async with self.http.get(
            self.sandbox.base_url + path, params=query, headers=headers, allow_redirects=False
        ) as response:
            return response.status, await response.text(), response.headers.get("Location", "")

    async def answer(self, scope: str, headers: dict[str, str] = IN_WECHAT, **form: str) -> Any:
        """Send a screen's form; return the query of where it leads, or the status."""
        path, query = self.asked(scope=scope)
        async with self.http.post(
            self.sandbox.base_url + path,
            params=query,
            data={"openid": DEMO} | form,
            headers=headers,
            allow_redirects=False,
        ) as response:
            leads_to = response.headers.get("Location")
            return query_of(leads_to) if leads_to else response.status

    async def call(self, path: str, **query: str) -> Any:
        """Call the API."""
        async with self.http.get(self.sandbox.base_url + path, params=query) as response:
            assert 200 == response.status
            return await response.json(content_type=None)

    async def exchange(self, code: str, /, website: Any = False, **changes: str) -> Any:
        """Exchange a code with the right credentials, but for *changes*."""
        account = self.sandbox.account
        query = {
            "appid": account.open_appid if website else account.appid,
            "secret": account.open_secret if website else account.secret,
            "code": code,
            "grant_type": "authorization_code",
        }
        return await self.call(EXCHANGE, **query | changes)


def query_of(address: str) -> dict[str, str]:
    """Return the parameters of *address*, each of which stands there once."""
    return {name: value for name, (value,) in parse_qs(urlsplit(address).query).items()}


@pytest.fixture
def web(http: aiohttp.ClientSession, sandbox: Sandbox) -> Web:
    """The screens of the demo account."""
    return Web(http, sandbox)


async def test_silent_request_for_a_named_user_leads_straight_back(web: Web) -> None:
    """
    `snsapi_base` asks nobody: the address that was given gets a code and the state.
    """
    status, _, leads_to = await web.look(openid=DEMO)
    back = query_of(leads_to)
    told = await web.exchange(back.pop("code"))

    assert 302 == status
    assert leads_to.startswith("http://127.0.0.1:1234/back?")
    assert {"kept": "1", "state": "a-state"} == back
    assert {"access_token", "expires_in", "refresh_token", "openid", "scope"} == told.keys()
    assert (DEMO, "snsapi_base", 7200) == (told["openid"], told["scope"], told["expires_in"])


async def test_screen_asks_who_holds_the_phone(web: Web) -> None:
    """
    Without a name the screen shows the users, without an inline script or style.
    """
    status, html, _ = await web.look(headers=IN_WECHAT | {"Accept-Language": "en"})

    assert 200 == status
    assert "127.0.0.1:1234 asks who you are" in html
    assert 3 == html.count("<option")
    assert "refuse" not in html
    assert not re.search(r"<script|<style|style=|\son\w+=", html)


async def test_consent_gives_the_profile_and_the_unionid(web: Web) -> None:
    """
    After `snsapi_userinfo` the exchange tells the unionid, and the token reads the profile.
    """
    back = await web.answer("snsapi_userinfo", decision="allow")
    told = await web.exchange(back["code"])
    of_user = {"access_token": told["access_token"], "openid": told["openid"]}

    profile = await web.call("/sns/userinfo", **of_user, lang="zh_CN")

    assert told["unionid"] == profile["unionid"]
    assert (DEMO, "小明", 0) == (profile["openid"], profile["nickname"], profile["sex"])
    assert 0 == (await web.call("/sns/auth", **of_user))["errcode"]


async def test_website_app_knows_the_user_by_another_openid_and_the_same_unionid(
    web: Web,
) -> None:
    """
    openids belong to an appid; the unionid is what two accounts of one owner have in common.
    """
    inside = await web.answer("snsapi_userinfo")
    outside = await web.answer("snsapi_login", headers={})
    in_wechat = await web.exchange(inside["code"])
    on_desk = await web.exchange(outside["code"], website=True)

    assert in_wechat["openid"] != on_desk["openid"]
    assert in_wechat["unionid"] == on_desk["unionid"]
    assert "snsapi_login" == on_desk["scope"]


async def test_accounts_without_a_common_owner_have_no_unionid(
    http: aiohttp.ClientSession,
) -> None:
    """
    An account that is bound to no Open Platform account learns no unionid.
    """
    async with serve_sandbox(account=Account(open_bound=False)) as sandbox:
        web = Web(http, sandbox)
        back = await web.answer("snsapi_login", headers={})
        told = await web.exchange(back["code"], website=True)

    assert "unionid" not in told


@pytest.mark.parametrize("scope", ["snsapi_userinfo", "snsapi_login"])
async def test_refusal_leads_back_with_the_state_alone(web: Web, scope: str) -> None:
    """
    Who refuses comes back without a code.
    """
    back = await web.answer(scope, decision="refuse")

    assert {"kept": "1", "state": "a-state"} == back


async def test_snapshot_is_told_with_the_exchange(web: Web) -> None:
    """
    A snapshot of a page is looked at by a virtual user.
    """
    back = await web.answer("snsapi_base", snapshot="1")

    assert 1 == (await web.exchange(back["code"]))["is_snapshotuser"]


async def test_code_is_good_once_and_for_its_own_appid(web: Web) -> None:
    """
    A code that is used, another appid's or invented has its own error code each.
    """
    code = (await web.answer("snsapi_base"))["code"]
    foreign = await web.exchange(code, website=True)
    first = await web.exchange(code)
    second = await web.exchange(code)

    assert 40029 == foreign["errcode"]
    assert DEMO == first["openid"]
    assert 40163 == second["errcode"]
    assert re.search(r"code been used rid: \w{8}-\w{8}-\w{8}$", second["errmsg"])
    assert 40029 == (await web.exchange("invented"))["errcode"]


@pytest.mark.parametrize(("scope", "seconds"), [("snsapi_base", 300), ("snsapi_login", 600)])
async def test_code_and_token_end_in_time(
    web: Web, clock: ManualClock, scope: str, seconds: int
) -> None:
    """
    A code lives five minutes inside WeChat and ten on a desk, its token two hours.
    """
    website = scope == "snsapi_login"
    early, late = [(await web.answer(scope))["code"] for _ in range(2)]
    clock.advance(seconds - 1)
    told = await web.exchange(early, website=website)
    clock.advance(1)
    too_late = await web.exchange(late, website=website)
    of_user = {"access_token": told["access_token"], "openid": told["openid"]}
    clock.advance(7198)
    alive = await web.call("/sns/auth", **of_user)
    clock.advance(1)

    assert 40029 == too_late["errcode"]
    assert 0 == alive["errcode"]
    assert 42001 == (await web.call("/sns/auth", **of_user))["errcode"]


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"code": ""}, 41008),
        ({"grant_type": "x"}, 40002),
        ({"appid": "wx0000000000000000"}, 40013),
        ({"secret": "wrong"}, 40125),
    ],
)
async def test_exchange_refuses_what_is_wrong(
    web: Web, changes: dict[str, str], errcode: int
) -> None:
    """
    Each wrong or missing parameter has its own error code, and costs no code.
    """
    code = (await web.answer("snsapi_base"))["code"]

    refused = await web.exchange(code, **changes)

    assert errcode == refused["errcode"]
    assert DEMO == (await web.exchange(code))["openid"]


async def test_base_token_reads_no_profile_and_no_other_user(web: Web) -> None:
    """
    `snsapi_base` gives the openid and nothing else.
    """
    told = await web.exchange((await web.answer("snsapi_base"))["code"])
    token = told["access_token"]

    assert 48001 == (await web.call("/sns/userinfo", access_token=token, openid=DEMO))["errcode"]
    assert 40003 == (await web.call("/sns/auth", access_token=token, openid="other"))["errcode"]
    assert 40001 == (await web.call("/sns/auth", access_token="x", openid=DEMO))["errcode"]
    assert 41001 == (await web.call("/sns/auth", openid=DEMO))["errcode"]


async def test_refresh_token_gives_another_token(web: Web, clock: ManualClock) -> None:
    """
    A refresh token outlives the token, for thirty days and its own appid.
    """
    told = await web.exchange((await web.answer("snsapi_base"))["code"])
    asked = {
        "appid": web.sandbox.account.appid,
        "grant_type": "refresh_token",
        "refresh_token": told["refresh_token"],
    }
    path = "/sns/oauth2/refresh_token"
    clock.advance(7200)
    again = await web.call(path, **asked)
    foreign = await web.call(path, **asked | {"appid": web.sandbox.account.open_appid})
    clock.advance(30 * 86_400)

    assert (DEMO, told["refresh_token"]) == (again["openid"], again["refresh_token"])
    assert told["access_token"] != again["access_token"]
    assert 40030 == foreign["errcode"]
    assert 40030 == (await web.call(path, **asked))["errcode"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uri": "http://evil.example/back"}, "10003"),
        ({"redirect_uri": "http://127.0.0.1.evil.example/"}, "10003"),
        ({"redirect_uri": "javascript://127.0.0.1/"}, "10003"),
        ({"scope": "snsapi_other"}, "10005"),
        ({"response_type": "token"}, "10005"),
        ({"scope": ""}, "10010"),
        ({"redirect_uri": ""}, "10011"),
        ({"appid": ""}, "10012"),
        ({"state": ""}, "10013"),
        ({"appid": "wx0000000000000000"}, "10016"),
        ({"appid": "wx5a0b000000000001"}, "10016"),
    ],
)
async def test_bad_request_ends_on_wechats_own_page(
    web: Web, changes: dict[str, str], error: str
) -> None:
    """
    A request that WeChat does not take leads nowhere, and the page says why.
    """
    status, html, leads_to = await web.look(openid=DEMO, **changes)

    assert (400, "") == (status, leads_to)
    assert f'data-error="{error}"' in html


async def test_screen_for_pages_inside_wechat_opens_nowhere_else(web: Web) -> None:
    """
    Any other browser is told to open the link in WeChat.
    """
    status, html, _ = await web.look(headers={"User-Agent": "Mozilla/5.0"}, openid=DEMO)

    assert 400 == status
    assert "请在微信客户端打开链接" in html


async def test_form_of_another_site_or_for_nobody_is_refused(web: Web) -> None:
    """
    Only the screen itself may say who agrees.
    """
    foreign = {"Origin": "http://evil.example"} | IN_WECHAT

    assert 400 == await web.answer("snsapi_base", headers=foreign)
    assert 404 == await web.answer("snsapi_base", openid="nobody")


async def test_fault_strikes_the_exchange(web: Web) -> None:
    """
    The calls of web login have bad days too.
    """
    code = (await web.answer("snsapi_base"))["code"]
    web.sandbox.platform.fail(EXCHANGE, errcode=-1)

    assert -1 == (await web.exchange(code))["errcode"]
    assert DEMO == (await web.exchange(code))["openid"]


def test_texts_have_the_same_keys_and_holes() -> None:
    """
    Both languages say the same things, and all that the template asks for.
    """
    zh, en = (json.loads((STATIC / f"oauth.{name}.json").read_text()) for name in ("zh", "en"))
    used = re.findall(r'texts\["(\w+)"\]', (TEMPLATES / "oauth.html").read_text())

    assert zh.keys() == en.keys()
    assert set(used) <= zh.keys()
    for key, text in zh.items():
        assert re.findall(r"{\w+}", text) == re.findall(r"{\w+}", en[key])
