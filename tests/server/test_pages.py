"""The pages and their files: headers, languages, errors, caching."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser

import pytest

from tests.server.conftest import StartSite
from tests.site import PASSWORD, Site, Visitor


class Elements(HTMLParser):
    """All elements of a page with their attributes, and the text inside of each script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


FILE = "/static/favicon.svg"


def policy_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the content security policy by directive."""
    rules = headers["Content-Security-Policy"].split(";")
    return dict(rule.strip().partition(" ")[::2] for rule in rules)


async def page_of(visitor: Visitor, path: str, **headers: str) -> tuple[int, str]:
    """Return status and text of a page."""
    response = await visitor.fetch("GET", path, headers=headers)
    return response.status, await response.text()


async def version_of(site: Site) -> str:
    """Return the version in the addresses of the page's files."""
    _, page = await page_of(site.visitor(), "/")
    found = re.search(r"/static/([^/]+)/login\.js", page)
    assert found
    return found[1]


# ---- headers

ANSWERS = [
    *("/", "/user", "/nothing", "/session", "/login", "/ws", "/login/wechat/callback"),
    *("/healthz", "/readyz", "/metrics", "/wechat", "/static/nothing.js"),
]


@pytest.mark.parametrize("path", ANSWERS)
async def test_every_answer_has_the_security_headers(site: Site, path: str) -> None:
    """
    Whatever is answered, browsers are told how to treat it.
    """
    response = await site.visitor().fetch("GET", path)

    headers = response.headers
    assert "nosniff" == headers["X-Content-Type-Options"]
    assert "DENY" == headers["X-Frame-Options"]
    assert "same-origin" == headers["Referrer-Policy"]
    assert "same-origin" == headers["Cross-Origin-Opener-Policy"]
    assert "camera=()" in headers["Permissions-Policy"]
    assert "'none'" == policy_of(headers)["default-src"]
    assert "no-store" == headers["Cache-Control"]
    assert "Strict-Transport-Security" not in headers
    assert "Tornado" not in headers["Server"]


@pytest.mark.parametrize(("path", "told"), [("login.js", False), ("favicon.svg", True)])
async def test_modules_are_not_told_what_documents_are(site: Site, path: str, told: bool) -> None:
    """
    A module is no document and is told what concerns it only; a picture can be opened as one.
    """
    headers = (await site.visitor().fetch("GET", f"/static/{path}")).headers

    assert "nosniff" == headers["X-Content-Type-Options"]
    assert "same-origin" == headers["Referrer-Policy"]
    assert told == ("Content-Security-Policy" in headers)
    assert told == ("Permissions-Policy" in headers)


@pytest.mark.parametrize("path", ["/", "/nothing"])
async def test_content_security_policy_lets_nothing_foreign_in(site: Site, path: str) -> None:
    """
    Scripts and styles are our own files only; nobody frames the page.
    """
    response = await site.visitor().fetch("GET", path)

    policy = policy_of(response.headers)
    assert "'none'" == policy["default-src"]
    assert "'self'" == policy["script-src"]
    assert "'self'" == policy["style-src"]
    assert "'none'" == policy["frame-ancestors"]
    assert "'none'" == policy["base-uri"]
    assert "'self'" == policy["form-action"]
    assert policy["connect-src"].startswith("'self' ws://127.0.0.1:")
    assert ["'self'", "data:", site.sandbox.base_url] == policy["img-src"].split()
    assert ("'script'", "'none'") == (policy["require-trusted-types-for"], policy["trusted-types"])
    assert "unsafe" not in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "readers"), [("/", "same-origin"), ("/session", "same-origin"), (FILE, "cross-origin")]
)
async def test_only_files_may_be_loaded_by_other_sites(site: Site, path: str, readers: str) -> None:
    """
    What is somebody's own is not loaded into other sites' pages, not even as a picture; our
    modules may be.
    """
    response = await site.visitor().fetch("GET", path)

    assert readers == response.headers["Cross-Origin-Resource-Policy"]


async def test_browsers_are_told_to_stay_with_tls(start_site: StartSite) -> None:
    """
    Under https every answer says so for two years, files too.
    """
    site = await start_site(server={"public_url": "https://login.example"})

    answers = [await site.visitor().fetch("GET", path) for path in ("/healthz", FILE)]

    assert ["max-age=63072000"] * 2 == [
        answer.headers["Strict-Transport-Security"] for answer in answers
    ]


@pytest.mark.parametrize("path", ["/", "/user", "/nothing"])
async def test_pages_have_no_inline_script_or_style(site: Site, path: str) -> None:
    """
    A page carries no code of its own: only files, and data as JSON.
    """
    await site.add_account("alice")
    visitor = site.visitor()
    if path == "/user":
        await visitor.post("/login", username="alice", password=PASSWORD)

    _, page = await page_of(visitor, path)

    for tag, attributes in Elements(page).found:
        assert tag != "style"
        assert not {name for name in attributes if name == "style" or name[:2] == "on"}
        if tag == "script":
            assert "src" in attributes or "application/json" == attributes["type"]


async def test_files_of_a_page_are_all_there(site: Site) -> None:
    """
    Every file that the page names is served, with its own type.
    """
    _, page = await page_of(site.visitor(), "/")
    named = {
        attributes.get("src") or attributes.get("href") or ""
        for tag, attributes in Elements(page).found
        if tag in {"script", "link"}
    }
    named.discard("")

    responses = [await site.visitor().fetch("GET", path) for path in named]

    assert len(named) > 3
    assert {200} == {response.status for response in responses}
    assert {
        "text/javascript",
        "text/css",
        "image/svg+xml",
    } >= {response.content_type for response in responses}


# ---- the pages


async def test_sign_in_page_is_html_in_utf_8(site: Site) -> None:
    """
    The sign-in page is a page.
    """
    response = await site.visitor().fetch("GET", "/")

    assert 200 == response.status
    assert "text/html" == response.content_type
    assert "utf-8" == (response.charset or "").lower()


async def test_user_page_shows_the_name_as_text(site: Site) -> None:
    """
    A name with markup or template syntax in it is shown as it is.
    """
    name = "<b>{{7*7}}</b>{% raw 1 %}"
    await site.add_account(name)
    visitor = site.visitor()
    await visitor.post("/login", username=name, password=PASSWORD)

    status, page = await page_of(visitor, "/user")

    assert 200 == status
    assert "&lt;b&gt;{{7*7}}&lt;/b&gt;{% raw 1 %}" in page
    assert name not in page


@pytest.mark.parametrize("query", ["next", "error", "lang"])
async def test_query_is_not_written_into_the_page_as_markup(site: Site, query: str) -> None:
    """
    What the address says does not become part of the page's markup.
    """
    attack = '/"><script>alert(1)</script>{{7*7}}'

    response = await site.visitor().fetch("GET", "/", params={query: attack})

    page = await response.text()
    assert 200 == response.status
    assert "<script>alert" not in page
    assert "49" not in {attributes.get("data-next") for _, attributes in Elements(page).found}


async def test_sandbox_is_linked_in_sandbox_mode_only(start_site: StartSite) -> None:
    """
    Only a site that plays has a virtual phone.
    """
    playing = await start_site()
    earnest = await start_site(wechat={"mode": "official"})

    _, with_phone = await page_of(playing.visitor(), "/")
    _, without = await page_of(earnest.visitor(), "/")

    assert f"{playing.sandbox.base_url}/phone" in with_phone
    assert "/phone" not in without


# ---- languages


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh-CN,zh;q=0.9", "zh-CN"),
        ("en-US,en;q=0.9", "en"),
        ("zh;q=0.5,en;q=0.9", "en"),
        ("fr,en;q=0.5,zh;q=0.9", "zh-CN"),
        ("fr-FR", "en"),
        ("*", "en"),
        ("", "zh-CN"),
        ("zh;q=0, en;q=0.1", "en"),
        (";;;,,q=x", "en"),
    ],
)
async def test_page_speaks_the_browsers_language(site: Site, accepted: str, language: str) -> None:
    """
    Chinese or English, as the browser prefers.
    """
    _, page = await page_of(site.visitor(), "/", **{"Accept-Language": accepted})

    assert f'<html lang="{language}">' in page


async def test_chosen_language_is_kept(site: Site) -> None:
    """
    Who picks a language keeps it, whatever the browser prefers.
    """
    visitor = site.visitor()
    _, chosen = await page_of(visitor, "/?lang=zh", **{"Accept-Language": "en"})

    _, later = await page_of(visitor, "/", **{"Accept-Language": "en"})

    assert '<html lang="zh-CN">' in chosen
    assert '<html lang="zh-CN">' in later


async def test_unknown_language_is_not_kept(site: Site) -> None:
    """
    A language that we do not speak is nobody's choice.
    """
    visitor = site.visitor()

    _, page = await page_of(visitor, "/?lang=xx", **{"Accept-Language": "en"})

    assert '<html lang="en">' in page
    assert visitor.cookie("saoma_lang") is None


async def test_pages_vary_by_language(site: Site) -> None:
    """
    Caches are told that the page depends on language and cookies.
    """
    response = await site.visitor().fetch("GET", "/")

    assert {"Accept-Language", "Cookie"} <= set(response.headers["Vary"].split(", "))


# ---- errors


@pytest.mark.parametrize(
    "path", ["/nothing", "/user/", "/USER", "/login/x", "/.git/config", "/config.yaml", "/%00"]
)
async def test_unknown_address_is_a_page(site: Site, path: str) -> None:
    """
    An address that does not exist is answered with 404 and a page that leads back.
    """
    response = await site.visitor().fetch("GET", path)

    assert 404 == response.status
    assert "text/html" == response.content_type
    assert 'href="/"' in await response.text()


async def test_unknown_address_speaks_the_browsers_language(site: Site) -> None:
    """
    Errors are told in the visitor's language too.
    """
    _, page = await page_of(site.visitor(), "/nothing", **{"Accept-Language": "zh"})

    assert '<html lang="zh-CN">' in page


async def test_unknown_address_is_not_repeated_as_markup(site: Site) -> None:
    """
    The address does not become part of the page's markup.
    """
    _, page = await page_of(site.visitor(), "/%3Cscript%3Ealert(1)%3C/script%3E")

    assert "<script>alert" not in page


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/login"),
        ("GET", "/user/bind"),
        ("GET", "/user/unbind"),
        ("PUT", "/session"),
        ("DELETE", "/login"),
        ("POST", "/healthz"),
        ("POST", "/metrics"),
        ("POST", "/ws"),
        ("POST", "/static/favicon.svg"),
        ("BREW", "/session"),
    ],
)
async def test_other_methods_are_refused_in_json(site: Site, method: str, path: str) -> None:
    """
    A method that an address does not have is an error like every other, and names those it has.
    """
    response = await site.visitor().fetch(method, path)

    assert 405 == response.status
    assert method not in response.headers["Allow"].split(", ")
    assert {"error": {"code": "method_not_allowed", "message": "Method Not Allowed"}} == (
        await response.json()
    )


@pytest.mark.parametrize(
    "path", ["/static/nothing.js", "/static/%2e%2e%2fserver.py", "/static/vendor"]
)
async def test_missing_file_is_told_in_json(site: Site, path: str) -> None:
    """
    Not even the web framework's own words show, and nothing of a path on the disk.
    """
    response = await site.visitor().fetch("GET", path)

    told = (await response.json())["error"]
    assert "no-store" == response.headers["Cache-Control"]
    assert told["code"] in {"not_found", "forbidden"}
    assert told["message"] in {"Not Found", "Forbidden"}


async def test_unknown_address_refuses_changes_too(site: Site) -> None:
    """
    Posting to nowhere is answered with 404.
    """
    assert 404 == (await site.visitor().request("POST", "/nothing"))[0]


# ---- files


async def test_versioned_file_is_kept_for_ever(site: Site) -> None:
    """
    A file under its version never changes, and browsers need not ask again.
    """
    version = await version_of(site)

    response = await site.visitor().fetch("GET", f"/static/{version}/login.js")

    assert 200 == response.status
    assert "text/javascript" == response.content_type
    assert "public, max-age=31536000, immutable" == response.headers["Cache-Control"]
    assert "nosniff" == response.headers["X-Content-Type-Options"]


@pytest.mark.parametrize("page", ["login.js", "user.js"])
async def test_script_of_a_page_comes_with_all_that_it_imports(site: Site, page: str) -> None:
    """
    Under its version it is one file; by its plain name it is the module that it was written as.
    """
    version = await version_of(site)

    joined = await (await site.visitor().fetch("GET", f"/static/{version}/{page}")).text()
    plain = await (await site.visitor().fetch("GET", f"/static/{page}")).text()

    assert re.search(r"^import .* from", plain, re.MULTILINE)
    assert not re.search(r"^(import|export)\b", joined, re.MULTILINE)
    assert 1 == joined.count("\nclass Attempt {")


async def test_file_without_a_version_is_asked_for_again(site: Site) -> None:
    """
    A file under its plain name may change at any time.
    """
    response = await site.visitor().fetch("GET", "/static/login.js")
    again = await site.visitor().fetch(
        "GET", "/static/login.js", headers={"If-None-Match": response.headers["ETag"]}
    )

    assert 200 == response.status
    assert "no-cache" == response.headers["Cache-Control"]
    assert 304 == again.status


@pytest.mark.parametrize(
    "path",
    [
        "/static/000000000000/login.js",
        "/static/nothing.js",
        "/static/",
        "/static/vendor",
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e%2fconfig.yaml",
        "/static//etc/passwd",
        "/static/%2fetc/passwd",
    ],
)
async def test_other_files_are_not_served(site: Site, path: str) -> None:
    """
    Only the files of the pages are served, and only under their own names.
    """
    async with site.visitor().http.get(f"{site.base_url}{path}") as response:
        text = await response.text()

    assert response.status in {403, 404}
    assert "Tornado" not in response.headers["Server"]
    assert "root:" not in text
    assert "import" not in text


async def test_big_answers_are_compressed(site: Site) -> None:
    """
    Pages and scripts travel compressed where the browser can read that.
    """
    response = await site.visitor().fetch("GET", "/", headers={"Accept-Encoding": "gzip"})

    assert "gzip" == response.headers["Content-Encoding"]
