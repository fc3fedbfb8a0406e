"""What a visitor does stands in the audit log, and on the own user page."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from handlers.texts import LANGUAGES, Texts
from login import Deed, SignInBy
from login.journal import REFUSALS
from tests.server.conftest import StartSite
from tests.server.pushing import scan
from tests.server.test_bind import bind, scanned
from tests.server.web import come_in
from tests.site import OPENID, PASSWORD, Site, Visitor


@pytest.fixture
async def site(start_site: StartSite, folder: Path) -> Site:
    """A site with the account alice, and an audit log."""
    site = await start_site(audit={"file": str(folder / "audit.jsonl")})
    await site.add_account("alice")
    return site


async def lines_of(site: Site) -> list[dict[str, Any]]:
    """Return the audit log's lines."""
    await site.resources.context.journal.settled()
    text = await asyncio.to_thread(Path(site.settings.audit.file).read_text)
    return [json.loads(line) for line in text.splitlines()]


async def deeds_of(site: Site) -> list[tuple[str, str, str]]:
    """Return what was done, by which way, and how it ended."""
    return [(line["event"], line.get("by", ""), line["outcome"]) for line in await lines_of(site)]


async def sign_in(visitor: Visitor, password: str = PASSWORD, username: str = "alice") -> int:
    """Sign in with a password; return the status."""
    status, _ = await visitor.post("/login", username=username, password=password)
    return status


async def test_way_of_an_account_stands_in_the_log(site: Site):
    """
    Binding, scanning, signing in and out, unbinding: each is one line, in its order.
    """
    _, token = await scanned(site, visitor := site.visitor())
    await bind(visitor, token)
    await visitor.request("DELETE", "/session")
    page = await visitor.open_page()
    await scan(site, await page.get_qr())
    await visitor.post("/session", code=(await page.expect("success"))["code"])
    await visitor.post("/user/unbind", password="wrong")
    await visitor.post("/user/unbind", password=PASSWORD)
    await come_in(site, site.visitor())  # a stranger now: nothing happens to an account

    assert [
        ("bind", "", "ok"),
        ("sign_in", "bind", "ok"),
        ("sign_out", "", "ok"),
        ("sign_in", "scan", "ok"),
        ("unbind", "", "bad_credentials"),
        ("unbind", "", "ok"),
    ] == await deeds_of(site)


async def test_sessions_that_are_ended_stand_in_the_log(site: Site):
    """
    Who signs other browsers out, or this one from the list, leaves a line.
    """
    await sign_in(visitor := site.visitor())
    await sign_in(site.visitor())
    await visitor.request("DELETE", "/sessions")
    _, listed = await visitor.request("GET", "/sessions")
    await visitor.request("DELETE", f"/sessions/{listed['sessions'][0]['id']}")

    lines = (await lines_of(site))[2:]
    assert ["end_sessions", "sign_out"] == [line["event"] for line in lines]
    assert {listed["sessions"][0]["id"]} == {line["session"] for line in lines}


async def test_web_login_is_one_line_however_often_it_is_repeated(site: Site):
    """
    A browser that asks for the way back twice has signed in once.
    """
    await site.resources.directory.bind(OPENID, 1)
    response = await come_in(site, visitor := site.visitor())
    async with visitor.http.get(response.url, allow_redirects=False) as again:
        assert 302 == again.status

    assert [("sign_in", "web", "ok")] == await deeds_of(site)


async def test_wrong_passwords_are_noted_for_accounts_that_exist(site: Site):
    """
    What is typed as a user name may be a password: a name that nobody has is not written down.
    """
    visitor = site.visitor()
    await sign_in(visitor, "wrong", username="hunter2")
    await sign_in(visitor, "wrong")

    (line,) = await lines_of(site)
    assert ("sign_in", "bad_credentials", "alice") == (
        line["event"],
        line["outcome"],
        line["username"],
    )
    assert "127.0.0.1" == line["address"]


async def test_refused_conflicts_are_noted_for_the_account_that_they_are_about(site: Site):
    """
    Whoever binds a second WeChat in vain leaves a line, with the reason.
    """
    await site.resources.directory.bind("o-another", 1)
    _, token = await scanned(site, visitor := site.visitor())
    await bind(visitor, token)

    assert [("bind", "", "account_taken")] == await deeds_of(site)


async def test_words_on_the_phone_and_an_unfollow_are_noted(site: Site):
    """
    What the WeChat user does is told to the account's owner too.
    """
    await site.resources.directory.bind(OPENID, 1, 1_000)
    visitor = site.visitor()
    page = await visitor.open_page()
    await site.sandbox.phone.scan(ticket=(await page.get_qr())["ticket"], openid=OPENID)
    await visitor.post("/session", code=(await page.expect("success"))["code"])
    await site.sandbox.phone.message(openid=OPENID, text="T")
    await site.sandbox.phone.unfollow(openid=OPENID)

    assert ["sign_in", "take_back", "unfollow"] == [deed for deed, *_ in await deeds_of(site)]


async def test_no_secret_stands_in_the_log(site: Site):
    """
    Neither openids, passwords, tokens nor cookies.
    """
    _, token = await scanned(site, visitor := site.visitor())
    await bind(visitor, token, password="wrong-" + PASSWORD)
    await bind(visitor, token)
    session = visitor.cookie(site.settings.session.cookie_name) or ""

    text = json.dumps(await lines_of(site))
    for secret in (OPENID, PASSWORD, token, session):
        assert secret not in text


async def test_user_page_shows_the_owner_what_happened(site: Site):
    """
    On any node and in both languages: what, when, in which browser, from where; nobody else's.
    """
    await site.add_account("bob")
    await sign_in(site.visitor(), "wrong")
    await sign_in(site.visitor(), username="bob")
    visitor = site.visitor()
    agent = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0 Safari/537.36"}
    await visitor.request(
        "POST", "/login", json={"username": "alice", "password": PASSWORD}, headers=agent
    )
    await site.resources.context.journal.settled()

    _, english = await visitor.request("GET", "/user?lang=en")
    _, chinese = await visitor.request("GET", "/user?lang=zh")

    assert ["sign_in", "sign_in"] == re.findall('data-deed="(.*?)"', english)
    for words in (
        "Signed in with a password",
        "Chrome · Windows",
        "127.0.0.1",
        "Could not sign in",
    ):
        assert words in english
    assert re.search(r'<time datetime="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ">.* UTC</time>', english)
    assert "密码登录" in chinese


def test_every_deed_has_words_in_both_languages():
    """
    Whatever may be noted can be shown.
    """
    texts = Texts(Path("templates/texts.json"))
    keys = {f"deed_{deed}" for deed in Deed if deed is not Deed.SIGN_IN}
    keys |= {f"deed_sign_in_{by}" for by in SignInBy if by}
    keys |= {f"deed_{deed}_refused" for deed in ("sign_in", "bind", "rebind", "unbind", "rename")}
    keys |= {f"reason_{code}" for code in REFUSALS}

    assert [] == [
        (language, key) for language in LANGUAGES for key in keys if not texts[language].get(key)
    ]
