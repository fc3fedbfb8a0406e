"""What pages of other origins load: modules, and what `saoma.js` shows."""

import re
from html.parser import HTMLParser

import pytest

from tests.server.conftest import StartSite
from tests.site import PASSWORD, Site

SHOP = "https://shop.example"


async def test_module_of_other_sites_leads_to_this_release(site: Site) -> None:
    """
    One address for ever; relative imports then stay within one release.
    """
    response = await site.visitor().fetch("GET", "/static/saoma.js")
    there = response.headers["Location"]
    module = await site.visitor().fetch("GET", there)

    assert 302 == response.status
    assert "no-cache" == response.headers["Cache-Control"]
    assert re.fullmatch(r"/static/[0-9a-f]{12}/saoma\.js", there)
    assert 200 == module.status
    assert "immutable" in module.headers["Cache-Control"]
    assert {"*"} == {each.headers["Access-Control-Allow-Origin"] for each in (response, module)}
    assert "cross-origin" == module.headers["Cross-Origin-Resource-Policy"]


@pytest.mark.parametrize(("language", "word"), [("zh", "用密码登录"), ("en", "Sign in with a")])
async def test_card_speaks_the_language_that_is_asked_for(
    start_site: StartSite, language: str, word: str
) -> None:
    """
    The site decides, not the browser, and nothing is remembered of it.
    """
    site = await start_site(server={"allowed_origins": [SHOP]})
    visitor = site.visitor()
    answer = await visitor.fetch("GET", f"/embed/{language}", headers={"Origin": SHOP})

    assert word in await answer.text()
    assert SHOP == answer.headers["Access-Control-Allow-Origin"]
    assert "no-store" == answer.headers["Cache-Control"]
    assert visitor.cookie("saoma_lang") is None


async def test_card_has_no_code_style_or_address_to_send_forms_to(site: Site) -> None:
    """
    In the page of another site, only the script may act.
    """

    class Elements(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, dict(attrs)))

    found: list[tuple[str, dict[str, str | None]]] = []
    answer = await site.visitor().fetch("GET", "/embed/en")
    Elements().feed(await answer.text())

    assert {"form", "button", "svg"} <= {tag for tag, _ in found}
    assert "style" not in {tag for tag, _ in found}
    assert not [name for _, names in found for name in names if name in {"style", "action", "src"}]
    assert not [name for _, names in found for name in names if name.startswith("on")]
    assert ["application/json"] == [names["type"] for tag, names in found if tag == "script"]


async def test_page_of_another_origin_learns_why_but_nothing_else(start_site: StartSite) -> None:
    """
    An origin that is not allowed may read the refusal, without cookies.
    """
    site = await start_site(server={"allowed_origins": [SHOP]})
    await site.add_account("alice")
    visitor = site.visitor()
    await visitor.post("/login", username="alice", password=PASSWORD)

    answer = await visitor.fetch("GET", "/embed/en", headers={"Origin": "https://evil.example"})

    assert 403 == answer.status
    assert "origin_refused" == (await answer.json())["error"]["code"]
    assert "*" == answer.headers["Access-Control-Allow-Origin"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "X-XSRFToken" not in answer.headers
    assert "alice" not in await answer.text()


async def test_browser_that_keeps_cookies_is_told_so(start_site: StartSite) -> None:
    """
    The second answer tells whether the cookies of the first came back; so a page of another site
    knows before anybody scans in vain.
    """
    site = await start_site(server={"allowed_origins": [SHOP]})
    headers, visitor = {"Origin": SHOP}, site.visitor()

    async with visitor.http.get("/embed/en", headers=headers) as first:
        pass
    async with visitor.http.head("/embed/en", headers=headers) as second:
        body = await second.read()

    assert "X-Saoma-Cookies" not in first.headers
    assert "kept" == second.headers["X-Saoma-Cookies"]
    assert "X-Saoma-Cookies" in ", ".join(first.headers.getall("Access-Control-Expose-Headers"))
    assert not body


async def test_card_names_who_is_signed_in(site: Site) -> None:
    """
    A visitor who has a session need not sign in again.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    before = await (await visitor.fetch("GET", "/embed/en")).text()
    await visitor.post("/login", username="alice", password=PASSWORD)

    after = await (await visitor.fetch("GET", "/embed/en")).text()

    assert 'data-username=""' in before
    assert 'data-username="alice"' in after


@pytest.mark.parametrize("path", ["/embed", "/embed/", "/embed/fr", "/embed/en/x"])
async def test_other_cards_do_not_exist(site: Site, path: str) -> None:
    """
    There are two languages.
    """
    assert 404 == (await site.visitor().fetch("GET", path)).status
